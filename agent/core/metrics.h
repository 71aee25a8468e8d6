/* Plain counters with names: what happened since the start.
 *
 * Layer:  core
 * Owner:  the struct lives inside its owner (the agent); flow, net and api count in it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "base/base.h"

/*    name, text in /metrics, meaning */
#define METRIC_MAP(X)                                                                              \
    X(BYTES_IN, "net_bytes_in", "bytes read from siblings")                                        \
    X(BYTES_OUT, "net_bytes_out", "bytes written to siblings")                                     \
    X(DIALS, "dials", "connections started")                                                       \
    X(DIALS_FAILED, "dials_failed", "connections that did not come up")                            \
    X(ACCEPTS, "accepts", "connections taken")                                                     \
    X(ACCEPTS_REFUSED, "accepts_refused", "connections dropped: too many, or the mode")            \
    X(HANDSHAKES, "handshakes", "handshakes completed")                                            \
    X(HANDSHAKES_FAILED, "handshakes_failed", "handshakes refused, forged or too slow")            \
    X(LINKS_DUPLICATE, "links_duplicate", "second links to one sibling, closed")                   \
    X(LINKS_FAILED, "links_failed", "links ended because a sibling broke the protocol")            \
    X(ENTRIES_STORED, "entries_stored", "entries taken from siblings")                             \
    X(ENTRIES_APPENDED, "entries_appended", "entries of this device")                              \
    X(OPS_ADMITTED, "ops_admitted", "membership operations admitted")                              \
    X(PAIRINGS, "pairings", "devices paired")                                                      \
    X(PAIRINGS_FAILED, "pairings_failed", "pairing runs that failed")                              \
    X(COMMITS, "commits", "transactions of the store")                                             \
    X(COMMITS_FAILED, "commits_failed", "transactions that failed")

typedef enum metric {
#define METRIC_ENUM(name, text, meaning) METRIC_##name,
    METRIC_MAP(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT,
} metric;

typedef struct metrics {
    uint64_t value[METRIC_COUNT];
} metrics;

static inline void metrics_add(metrics *m, metric which, uint64_t count) {
    m->value[which] += count;
}
static inline void metrics_one(metrics *m, metric which) {
    m->value[which]++;
}

/* "net_bytes_in" and what it counts; never NULL. */
const char *metric_name(metric metric);
const char *metric_meaning(metric metric);

#endif /* CORE_METRICS_H */
