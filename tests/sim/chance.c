/* Chance from a seed: splitmix64 to spread the seed, xoshiro256** for the stream.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/chance.h"

static uint64_t turned(uint64_t value, unsigned by) {
    return value << by | value >> (64 - by);
}

static uint64_t mixed(uint64_t hash, uint64_t word) {
    return turned(hash ^ word, 29) * 0x9e3779b97f4a7c15u;
}

uint64_t sim_hash(uint64_t hash, wr_slice bytes) {
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8)
        hash = mixed(hash, wr_load_u64(bytes.ptr + i));
    for (; i < bytes.len; i++)
        hash = mixed(hash, bytes.ptr[i] + 1u);
    return hash;
}

uint64_t sim_hash_u64(uint64_t hash, uint64_t value) {
    return mixed(hash, value);
}

static uint64_t spread(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void chance_init(chance *c, uint64_t seed, const char *subsystem, uint64_t number) {
    uint64_t state = sim_hash_u64(SIM_HASH_START, seed);
    state = sim_hash(state, wr_slice_str(subsystem));
    state = sim_hash_u64(state, number);
    for (size_t i = 0; i < WR_COUNT(c->state); i++)
        c->state[i] = spread(&state);
}

uint64_t chance_next(chance *c) {
    uint64_t *s = c->state;
    uint64_t result = turned(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turned(s[3], 45);
    return result;
}

uint32_t chance_below(chance *c, uint32_t bound) {
    WR_ASSERT(bound > 0);
    /* The bias of the product is below 2^-32: of no matter here. */
    return (uint32_t)(((chance_next(c) >> 32) * bound) >> 32);
}

uint32_t chance_between(chance *c, uint32_t low, uint32_t high) {
    WR_ASSERT(low <= high);
    WR_ASSERT(high - low < UINT32_MAX);
    return low + chance_below(c, high - low + 1);
}

bool chance_hit(chance *c, uint32_t per_mille) {
    return chance_below(c, 1000) < per_mille;
}

static void fill(void *ctx, uint8_t *out, size_t len) {
    chance *c = (chance *)ctx;
    while (len > 0) {
        uint8_t bytes[8];
        size_t part = len < sizeof bytes ? len : sizeof bytes;
        wr_store_u64(bytes, chance_next(c));
        memcpy(out, bytes, part);
        out += part;
        len -= part;
    }
}

wr_rng chance_rng(chance *c) {
    return (wr_rng){fill, c};
}
