/* What cmocka lacks: assertions that print both values, and randomness from a seed.
 *
 * A test file includes this header only, writes `static void sentence(void **state)` functions
 * and ends with
 *
 *     int main(void) {
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(sentence)};
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 *
 * The assertions do not depend on NDEBUG.  They may be used in helpers of a test, too.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_HARNESS_HARNESS_H
#define TESTS_HARNESS_HARNESS_H

#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The call succeeds. */
#define T_OK(expr) t_err_(#expr, (expr), WR_OK, __FILE__, __LINE__)
/* The call fails with exactly this error. */
#define T_ERR(expr, err) t_err_(#expr, (expr), (err), __FILE__, __LINE__)
/* Two integers or enumerators are equal. */
#define T_EQ(a, b) t_eq_(#a, (long long)(a), #b, (long long)(b), __FILE__, __LINE__)
/* Two stretches of len bytes are equal; shows the first difference. */
#define T_MEM(a, b, len) t_mem_(#a, (a), #b, (b), (len), __FILE__, __LINE__)
/* A slice holds exactly these bytes. */
#define T_SLICE(a, b) t_slice_(#a, (a), #b, (b), __FILE__, __LINE__)
/* Two zero-ended strings are equal. */
#define T_STR(a, b) t_str_(#a, (a), #b, (b), __FILE__, __LINE__)
#define T_TRUE(cond) t_true_(#cond, (cond), true, __FILE__, __LINE__)
#define T_FALSE(cond) t_true_(#cond, (cond), false, __FILE__, __LINE__)

/* The same seed gives the same bytes, each call its own stream from the start.  Lives as long as
 * the process. */
wr_rng t_rng(uint64_t seed);

void t_err_(const char *expr, wr_err got, wr_err want, const char *file, int line);
void t_eq_(const char *a_text, long long a, const char *b_text, long long b, const char *file,
           int line);
void t_mem_(const char *a_text, const void *a, const char *b_text, const void *b, size_t len,
            const char *file, int line);
void t_slice_(const char *a_text, wr_slice a, const char *b_text, wr_slice b, const char *file,
              int line);
void t_str_(const char *a_text, const char *a, const char *b_text, const char *b, const char *file,
            int line);
void t_true_(const char *cond, bool got, bool want, const char *file, int line);

#endif /* TESTS_HARNESS_HARNESS_H */
