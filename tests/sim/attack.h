/* A network attacker: sees all connections, alters some, replays some, sends dials elsewhere.
 *
 * Whatever it does, devices may lose connections and nothing else.  It looks itself at two things:
 * nobody answers a first flight that was answered before, and nobody speaks on to whom altered
 * bytes of a session were given.
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
    uint64_t found;   /* alterations that somebody was given whole, and has noticed */
    uint64_t answers; /* pieces that came back for replays of what was never answered before */
} attack_counts;

/* Whom it works against, and who wants to hear what must not be, and of which host. */
typedef struct attack_watch {
    /* Does the device at the host to know that at from as a member right now? */
    bool (*known)(void *ctx, uint32_t from, uint32_t to);
    /* The host still knows what it has answered: its home was not set back. */
    bool (*remembers)(void *ctx, uint32_t host);
    void (*broken)(void *ctx, uint32_t host, const char *what, uint32_t link);
    void *ctx;
} attack_watch;

/* own: the host that is its own; those below it are devices. */
attack *attack_new(sim_clock *c, net_sim *s, uint64_t seed, uint32_t own,
                   const attack_watch *watch);
void attack_activate(attack *a, bool active); /* it only records otherwise */
void attack_stop(attack *a);                  /* its connections end soon */
void attack_free(attack *a);                  /* all of them have ended */
const attack_counts *attack_counts_of(const attack *a);

/* As in net_sim_tap. */
uint32_t attack_dialled(attack *a, uint32_t link, uint32_t from, uint32_t to);
wr_slice attack_sent(attack *a, uint32_t link, unsigned side, wr_slice bytes);
void attack_given(attack *a, uint32_t link, unsigned side, uint64_t bytes);

#endif /* SIM_ATTACK_H */
