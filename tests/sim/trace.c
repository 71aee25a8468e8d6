/* The trace: each event goes into the hash and, as a line, into a ring.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/trace.h"

#include "sim/chance.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void trace_init(trace *t, uint64_t seed, bool print) {
    memset(t, 0, sizeof *t);
    t->hash = sim_hash_u64(SIM_HASH_START, seed);
    t->print = print;
}

static void add(trace *t, uint64_t now_ms, uint32_t device, const char *kind, uint64_t len,
                uint64_t content) {
    t->hash = sim_hash_u64(t->hash, now_ms);
    t->hash = sim_hash_u64(t->hash, device);
    t->hash = sim_hash(t->hash, wr_slice_str(kind));
    t->hash = sim_hash_u64(t->hash, len);
    t->hash = sim_hash_u64(t->hash, content);
}

static char *next_line(trace *t) {
    return t->last[t->events++ % TRACE_LAST_MAX];
}

static int start_line(char *line, uint64_t now_ms, uint32_t device) {
    if (device == TRACE_NOBODY)
        return snprintf(line, TRACE_LINE_MAX, "%10" PRIu64 ".%03u  -  ", now_ms / 1000,
                        (unsigned)(now_ms % 1000));
    return snprintf(line, TRACE_LINE_MAX, "%10" PRIu64 ".%03u  %u  ", now_ms / 1000,
                    (unsigned)(now_ms % 1000), (unsigned)device);
}

static void end_line(const trace *t, const char *line) {
    if (t->print)
        puts(line);
}

void trace_event(trace *t, uint64_t now_ms, uint32_t device, const char *kind, wr_slice content) {
    uint64_t digest = sim_hash(SIM_HASH_START, content);
    add(t, now_ms, device, kind, content.len, digest);
    char *line = next_line(t);
    int len = start_line(line, now_ms, device);
    (void)snprintf(line + len, TRACE_LINE_MAX - (size_t)len, "%-9s %6zu  %016" PRIx64, kind,
                   content.len, digest);
    end_line(t, line);
}

void trace_number(trace *t, uint64_t now_ms, uint32_t device, const char *kind, uint64_t number) {
    add(t, now_ms, device, kind, 0, number);
    char *line = next_line(t);
    int len = start_line(line, now_ms, device);
    (void)snprintf(line + len, TRACE_LINE_MAX - (size_t)len, "%-9s %6" PRIu64, kind, number);
    end_line(t, line);
}

void trace_note(trace *t, uint64_t now_ms, uint32_t device, const char *format, ...) {
    char *line = next_line(t);
    int len = start_line(line, now_ms, device);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + len, TRACE_LINE_MAX - (size_t)len, format, args);
    va_end(args);
    wr_slice words = wr_slice_str(line + len);
    add(t, now_ms, device, "note", words.len, sim_hash(SIM_HASH_START, words));
    end_line(t, line);
}

void trace_print_last(const trace *t) {
    uint64_t from = t->events > TRACE_LAST_MAX ? t->events - TRACE_LAST_MAX : 0;
    for (uint64_t i = from; i < t->events; i++)
        (void)fprintf(stderr, "%s\n", t->last[i % TRACE_LAST_MAX]);
}
