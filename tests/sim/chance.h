/* Chance from a seed: one stream of numbers per subsystem.
 *
 * Each stream is derived from the run's seed and a name, so that a new draw in one subsystem does
 * not shift the others.
 *
 * Owner:  the struct lives inside its owner.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include "base/base.h"

typedef struct chance {
    uint64_t state[4];
} chance;

void chance_init(chance *c, uint64_t seed, const char *subsystem, uint64_t number);
uint64_t chance_next(chance *c);
uint32_t chance_below(chance *c, uint32_t bound); /* bound > 0 */
/* Both ends included. */
uint32_t chance_between(chance *c, uint32_t low, uint32_t high);
/* True in per_mille of 1000 cases. */
bool chance_hit(chance *c, uint32_t per_mille);
/* What a device is given as its source of random bytes; c must outlive it. */
wr_rng chance_rng(chance *c);

/* A 64-bit digest of bytes, the same on every machine; not one that withstands an attacker. */
#define SIM_HASH_START 0xcbf29ce484222325u
uint64_t sim_hash(uint64_t hash, wr_slice bytes);
uint64_t sim_hash_u64(uint64_t hash, uint64_t value);

#endif /* SIM_CHANCE_H */
