/* What is counted while a graph works.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_BENCH_GRAPH_METER_H
#define TESTS_BENCH_GRAPH_METER_H

#include "base/base.h"

extern double meter_verifying; /* seconds in wr_verify */
extern int64_t meter_heap;     /* bytes that are allocated */

double meter_now(void);      /* CPU time of this thread, seconds */
double meter_resident(void); /* MiB of this process */
void must(bool fine, const char *what);

#endif /* TESTS_BENCH_GRAPH_METER_H */
