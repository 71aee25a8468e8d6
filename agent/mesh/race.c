/* The dials of one sibling: its addresses in order of promise, in rounds, with a wait between them.
 *
 *   an address:  DUE ─> STARTED ─> WAITS ─> (the next round) DUE
 *
 * A round ends when every candidate waits; then round_at says when the next begins.  An address
 * that is new in between is DUE and changes nothing about that.
 *
 * Layer:  mesh
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mesh/mesh_impl.h"

#define CANDIDATES_MAX                                                                             \
    (MESH_ADDRS_MAX + MESH_STATIC_MAX) /* learned ones first, then static ones                     \
                                        */
#define NOWHERE UINT32_MAX

static mesh_turn turn_at(const mesh *m, const mesh_sibling *sibling, uint32_t candidate) {
    if (candidate < MESH_ADDRS_MAX)
        return candidate < sibling->learned_count ? sibling->learned[candidate].turn
                                                  : MESH_TURN_NONE;
    uint32_t i = candidate - MESH_ADDRS_MAX;
    if (i >= m->static_count)
        return MESH_TURN_NONE;
    const mesh_sibling *bound = m->statics[i].bound;
    return bound == NULL || bound == sibling ? sibling->at_static[i] : MESH_TURN_NONE;
}

static uint32_t first_with(const mesh *m, const mesh_sibling *sibling, mesh_turn turn) {
    for (uint32_t i = 0; i < CANDIDATES_MAX; i++)
        if (turn_at(m, sibling, i) == turn)
            return i;
    return NOWHERE;
}

static bool any(const mesh *m, const mesh_sibling *sibling, mesh_turn turn) {
    return first_with(m, sibling, turn) != NOWHERE;
}

static uint32_t find_learned(const mesh_sibling *sibling, const mesh_addr *addr) {
    for (uint32_t i = 0; i < sibling->learned_count; i++)
        if (mesh_addr_equal(&sibling->learned[i].addr, addr))
            return i;
    return NOWHERE;
}

static uint32_t find_static(const mesh *m, const mesh_addr *addr) {
    for (uint32_t i = 0; i < m->static_count; i++)
        if (mesh_addr_equal(&m->statics[i].addr, addr))
            return i;
    return NOWHERE;
}

/* An address that is learned and static has the same turn in both places, so it is one candidate:
 * the learned one is found first. */
static void set_turn(const mesh *m, mesh_sibling *sibling, const mesh_addr *addr, mesh_turn turn) {
    uint32_t learned = find_learned(sibling, addr), fixed = find_static(m, addr);
    if (learned != NOWHERE)
        sibling->learned[learned].turn = turn;
    if (fixed != NOWHERE)
        sibling->at_static[fixed] = turn;
}

/* All that no dial is under way to, static addresses bound to others included. */
static void set_all(mesh_sibling *sibling, mesh_turn turn) {
    for (uint32_t i = 0; i < sibling->learned_count; i++)
        if (sibling->learned[i].turn != MESH_TURN_STARTED)
            sibling->learned[i].turn = turn;
    for (uint32_t i = 0; i < MESH_STATIC_MAX; i++)
        if (sibling->at_static[i] != MESH_TURN_STARTED)
            sibling->at_static[i] = turn;
}

/* ---- addresses ---------------------------------------------------------------------------- */

/* Moves a learned address forward to a place. */
static void move_up(mesh_sibling *sibling, uint32_t from, uint32_t to) {
    WR_ASSERT(from < sibling->learned_count);
    WR_ASSERT(to <= from);
    mesh_place moved = sibling->learned[from];
    for (uint32_t i = from; i > to; i--)
        sibling->learned[i] = sibling->learned[i - 1];
    sibling->learned[to] = moved;
}

/* Makes room for one: the last leaves, or the last to which no dial is under way, as the end of a
 * dial has to find its address. */
static void forget_one(mesh_sibling *sibling) {
    uint32_t leaves = sibling->learned_count - 1;
    for (uint32_t i = leaves; i > 0; i--) {
        if (sibling->learned[i].turn == MESH_TURN_STARTED)
            continue;
        leaves = i;
        break;
    }
    for (uint32_t i = leaves + 1; i < sibling->learned_count; i++)
        sibling->learned[i - 1] = sibling->learned[i];
    sibling->learned_count--;
}

/* Adds an address that is not among the learned ones, at the end.  Learning a static address makes
 * it due once more: the sibling says that it is there. */
static void add_learned(const mesh *m, mesh_sibling *sibling, const mesh_addr *addr) {
    if (sibling->learned_count == MESH_ADDRS_MAX)
        forget_one(sibling);
    mesh_turn turn = MESH_TURN_DUE;
    uint32_t fixed = find_static(m, addr);
    if (fixed != NOWHERE && sibling->at_static[fixed] == MESH_TURN_STARTED)
        turn = MESH_TURN_STARTED;
    sibling->learned[sibling->learned_count++] = (mesh_place){*addr, turn};
    set_turn(m, sibling, addr, turn);
}

void race_learn(mesh *m, mesh_sibling *sibling, const mesh_addr *addr) {
    if (find_learned(sibling, addr) == NOWHERE)
        add_learned(m, sibling, addr);
    uint32_t at = find_learned(sibling, addr), to = sibling->first_answered ? 1 : 0;
    if (at > to)
        move_up(sibling, at, to);
}

void race_static(mesh *m, mesh_sibling *sibling, uint32_t index) {
    WR_ASSERT(index < m->static_count);
    uint32_t learned = find_learned(sibling, &m->statics[index].addr);
    sibling->at_static[index] = learned == NOWHERE ? MESH_TURN_DUE : sibling->learned[learned].turn;
}

void race_answered(mesh *m, mesh_sibling *sibling, const mesh_addr *addr) {
    uint32_t fixed = find_static(m, addr);
    if (fixed != NOWHERE)
        m->statics[fixed].bound = sibling;
    if (!sibling->member)
        return;
    if (find_learned(sibling, addr) == NOWHERE) {
        if (fixed != NOWHERE)
            return; /* the configuration remembers it */
        add_learned(m, sibling, addr);
    }
    move_up(sibling, find_learned(sibling, addr), 0);
    sibling->first_answered = true;
}

/* ---- rounds ------------------------------------------------------------------------------- */

wr_mono race_deadline(const mesh *m, const mesh_sibling *sibling) {
    if (!sibling->member || sibling->link_count != 0)
        return WR_MONO_NEVER;
    if (any(m, sibling, MESH_TURN_DUE))
        return sibling->dial_at;
    if (!any(m, sibling, MESH_TURN_WAITS))
        return WR_MONO_NEVER;
    return sibling->round_at.ms < sibling->dial_at.ms ? sibling->dial_at : sibling->round_at;
}

bool race_next(mesh *m, mesh_sibling *sibling, wr_mono now, mesh_addr *ret_addr) {
    wr_mono deadline = race_deadline(m, sibling);
    if (deadline.ms == WR_MONO_NEVER.ms || !wr_mono_reached(deadline, now))
        return false;
    if (wr_mono_reached(sibling->round_at, now)) {
        sibling->round_at = WR_MONO_NEVER;
        set_all(sibling, MESH_TURN_DUE);
    }
    uint32_t next = first_with(m, sibling, MESH_TURN_DUE);
    WR_ASSERT(next != NOWHERE);
    mesh_addr addr = next < MESH_ADDRS_MAX ? sibling->learned[next].addr
                                           : m->statics[next - MESH_ADDRS_MAX].addr;
    set_turn(m, sibling, &addr, MESH_TURN_STARTED);
    sibling->dial_at = wr_mono_add(now, MESH_STAGGER_MS);
    *ret_addr = addr;
    return true;
}

void race_ended(mesh *m, mesh_sibling *sibling, const mesh_addr *addr, bool answered) {
    set_turn(m, sibling, addr, MESH_TURN_WAITS);
    if (answered)
        return;
    if (sibling->first_answered && mesh_addr_equal(&sibling->learned[0].addr, addr))
        sibling->first_answered = false; /* stays first until a newer one is learned */
    uint32_t fixed = find_static(m, addr);
    if (fixed != NOWHERE && m->statics[fixed].bound == sibling)
        m->statics[fixed].bound = NULL;
}

void race_settle(mesh *m, mesh_sibling *sibling, wr_mono now) {
    if (!sibling->member || sibling->link_count != 0 || sibling->round_at.ms != WR_MONO_NEVER.ms)
        return;
    if (any(m, sibling, MESH_TURN_DUE) || any(m, sibling, MESH_TURN_STARTED) ||
        !any(m, sibling, MESH_TURN_WAITS))
        return;
    uint32_t retry_ms = sibling->retry_ms == 0 ? MESH_RETRY_MIN_MS : 2 * sibling->retry_ms;
    sibling->retry_ms = retry_ms < MESH_RETRY_MAX_MS ? retry_ms : MESH_RETRY_MAX_MS;
    uint64_t permille = 700u + wr_rng_below(&m->rng, 601);
    sibling->round_at = wr_mono_add(now, sibling->retry_ms * permille / 1000);
}

void race_hurry(mesh_sibling *sibling, wr_mono now) {
    set_all(sibling, MESH_TURN_DUE);
    sibling->dial_at = now;
    sibling->round_at = WR_MONO_NEVER;
    sibling->retry_ms = 0;
    sibling->short_lived = 0;
}

void race_again(mesh *m, mesh_sibling *sibling, wr_mono since, wr_mono now) {
    uint32_t doublings = 0;
    if (wr_mono_reached(wr_mono_add(since, MESH_STABLE_MS), now)) {
        sibling->retry_ms = 0;
        sibling->short_lived = 0;
    } else {
        doublings = sibling->short_lived;
        if (sibling->short_lived < MESH_AGAIN_DOUBLINGS)
            sibling->short_lived++;
    }
    uint32_t span = MESH_AGAIN_MAX_MS - MESH_AGAIN_MIN_MS + 1;
    uint64_t wait_ms = (uint64_t)(MESH_AGAIN_MIN_MS + wr_rng_below(&m->rng, span)) << doublings;
    set_all(sibling, MESH_TURN_WAITS);
    sibling->round_at = wr_mono_add(now, wait_ms);
}
