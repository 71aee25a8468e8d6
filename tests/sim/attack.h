/* A network attacker: sees all connections, alters some, replays some, sends dials elsewhere.
 *
 * Whatever it does, devices may lose connections and nothing else.
 *
 * Owner:  a world has one or none.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_ATTACK_H
#define SIM_ATTACK_H

#include "sim/net_sim.h"

typedef struct attack attack;

typedef struct attack_counts {
    uint64_t flips, cuts, injections, replays, redirects;
} attack_counts;

/* own: the host that is its own; those below it are devices. */
attack *attack_new(sim_clock *c, net_sim *s, uint64_t seed, uint32_t own);
void attack_activate(attack *a, bool active); /* it only records otherwise */
void attack_stop(attack *a);                  /* its connections end soon */
void attack_free(attack *a);                  /* all of them have ended */
const attack_counts *attack_counts_of(const attack *a);

/* As in net_sim_tap. */
uint32_t attack_dialled(attack *a, uint32_t link, uint32_t from, uint32_t to);
wr_slice attack_sent(attack *a, uint32_t link, unsigned side, wr_slice bytes);

#endif /* SIM_ATTACK_H */
