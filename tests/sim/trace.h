/* What happened in a run: a hash over every delivered event, and the last of them as text.
 *
 * Two runs of one seed and one commit give the same hash; the first line that differs between two
 * printed traces is where a run stopped being a function of its seed.
 *
 * Owner:  one per world.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "base/base.h"

#define TRACE_NOBODY UINT32_MAX /* the event is of no device */
#define TRACE_LAST_MAX 48u
#define TRACE_LINE_MAX 160u

typedef struct trace {
    uint64_t hash;
    uint64_t events;
    bool print; /* every line to stdout */
    char last[TRACE_LAST_MAX][TRACE_LINE_MAX];
} trace;

void trace_init(trace *t, uint64_t seed, bool print);
/* kind is static text. */
void trace_event(trace *t, uint64_t now_ms, uint32_t device, const char *kind, wr_slice content);
void trace_number(trace *t, uint64_t now_ms, uint32_t device, const char *kind, uint64_t number);
/* A step of the plot, in words. */
void trace_note(trace *t, uint64_t now_ms, uint32_t device, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The last events, oldest first, to stderr. */
void trace_print_last(const trace *t);

#endif /* SIM_TRACE_H */
