/* What the vector runners share: the one door to jansson, hex fields, and the tally they end with.
 *
 * A runner is a function that walks one parsed file and counts; vec_main does the rest:
 *
 *     int main(int argc, char **argv) {
 *         return vec_main(argc, argv, run_file);
 *     }
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_VECTORS_JSON_H
#define TESTS_VECTORS_JSON_H

#include "base/base.h"

#include <jansson.h>

typedef struct vec_tally {
    const char *file; /* being read now */
    unsigned long passed;
    unsigned long failed;
    unsigned long skipped;
} vec_tally;

typedef void vec_run(const json_t *root, vec_tally *tally);

/* Reads every file named and runs it; prints `N passed, N failed, N skipped` last.  The exit status
 * is 0 only if nothing failed, a file that is not JSON included, and something passed. */
int vec_main(int argc, char **argv, vec_run *run);

/* Prints `file: ` and the text, and counts one failure. */
void vec_fail(vec_tally *tally, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Counts a pass, or a failure with the text. */
void vec_check(vec_tally *tally, bool passed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The bytes of a hex string; false if it is none, or there are more than 16 MiB since the last
 * vec_reset, until which they live. */
WR_MUST bool vec_hex(const json_t *value, wr_slice *ret_bytes);
/* The same for a member of an object; false too if there is no such member. */
WR_MUST bool vec_hex_at(const json_t *object, const char *key, wr_slice *ret_bytes);
/* Exactly size bytes. */
WR_MUST bool vec_hex_exact(const json_t *object, const char *key, uint8_t *out, size_t size);
void vec_reset(void);

/* A string member, or "" if there is none. */
const char *vec_text_at(const json_t *object, const char *key);

#endif /* TESTS_VECTORS_JSON_H */
