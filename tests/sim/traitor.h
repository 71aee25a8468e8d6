/* A member that turned: it has all keys and all that its device knew, and does what it likes.
 *
 *   traitor_new (from the disk of an honest device) -> { it acts by itself } -> traitor_stop
 *
 * It has one face or two: copies of the home that go different ways under the same keys, so that
 * siblings are told different histories.  Each face speaks through real links, between whose frames
 * others are put that no honest device would send.
 * Not modelled: two ops with one number, as nothing joins honest devices again after them yet.
 *
 * Owner:  a world has one or none.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_TRAITOR_H
#define SIM_TRAITOR_H

#include "flow/hub.h"
#include "sim/net_sim.h"

typedef struct traitor traitor;

typedef struct traitor_config {
    sim_clock *clock;
    net_sim *net;
    uint64_t seed;
    uint32_t host, others; /* it lives at host; hosts below others are the honest ones */
    const keystore_secrets *secrets;
    store *disk; /* copied */
    int64_t wall_offset_ms;
    const char *const *logs;
    uint32_t log_count;
    const wr_hash *(*id_of)(void *ctx, uint32_t host); /* NULL: it has none yet */
    void *ctx;
} traitor_config;

typedef struct traitor_counts {
    uint64_t entries, sessions, lies, probes;
} traitor_counts;

traitor *traitor_new(const traitor_config *config);
/* Everything but what _probe does. */
void traitor_stop(traitor *t);
void traitor_close(traitor *t);
void traitor_free(traitor *t); /* long enough after both that all has ended */

const wr_hash *traitor_id(const traitor *t);
/* False: it may tell lies, but there is one history of it. */
bool traitor_has_faces(const traitor *t);
/* Is this content of its own making, and not its device's from before? */
bool traitor_made(wr_slice body);
/* .. and is it, there and at that time, something that it has signed? */
bool traitor_signed(const traitor *t, uint32_t log, const hub_entry *entry);
/* As its first face knows the circle. */
const struct wr_graph *traitor_graph(const traitor *t);
/* It removes a member, on the newest op that it knows; false: it cannot. */
bool traitor_strike(traitor *t, const wr_hash *device_id);
bool traitor_holds(const traitor *t, const wr_hash *epoch_id);
/* Shows the device at host, which holds what feed says of us, the same number signed twice. */
void traitor_probe(traitor *t, uint32_t host, const void *feed);
const traitor_counts *traitor_counts_of(const traitor *t);

#endif /* SIM_TRAITOR_H */
