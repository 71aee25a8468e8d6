/* The network attacker: what it remembers of connections, and what it does to them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/attack.h"

#include "sim/loop_sim.h"

#include <stdlib.h>

#define SLOTS 48u
#define KEPT_BYTES (16u * 1024u)
#define OUT_BYTES (160u * 1024u)
#define REPLAYS_MAX 4u
#define LENGTH_BYTES 2u /* in front of each record */
#define SESSION 0x01u   /* behind the length of the first one */

typedef enum attack_kind { ATTACK_NONE, ATTACK_FLIP, ATTACK_CUT, ATTACK_INJECT } attack_kind;

typedef struct slot {
    uint32_t link, from, to; /* link 0: free */
    attack_kind kind;
    unsigned side;
    uint64_t at, passed[2];
    bool done;
    /* What must come of it. */
    bool answered;   /* its first record has made a session of members */
    uint64_t record; /* of side: where the newest record begins */
    uint8_t length[LENGTH_BYTES];
    uint64_t bad_end; /* of side: whoever was given so much has found the alteration */
    bool found;
    size_t kept[2];
    uint8_t bytes[2][KEPT_BYTES];
} slot;

typedef struct replay {
    attack *attack;
    transport *transport;
    bool known; /* it was answered before */
    uint32_t link, to;
    size_t len;
    uint8_t bytes[KEPT_BYTES];
} replay;

struct attack {
    sim_clock *clock;
    chance chance;
    uint32_t own;
    attack_watch watch;
    bool active, stopped;
    uint32_t altered, redirected, replayed; /* per mille */
    attack_counts counts;
    loop *loop;
    net *net;
    loop_event next;
    replay replays[REPLAYS_MAX];
    slot slots[SLOTS];
    uint8_t out[OUT_BYTES];
};

static uint64_t record_length(const uint8_t length[LENGTH_BYTES]) {
    return (uint64_t)length[0] << 8 | length[1];
}

/* ---- replays on connections of its own ---- */

static void replay_open(void *ctx) {
    replay *r = (replay *)ctx;
    wr_buf room = transport_space(r->transport);
    if (room.cap < r->len)
        return;
    memcpy(room.ptr, r->bytes, r->len);
    transport_flush(r->transport, r->len);
}

static void replay_read(void *ctx, wr_slice bytes) {
    const replay *r = (const replay *)ctx;
    (void)bytes;
    r->attack->counts.answers++;
    if (r->known)
        r->attack->watch.broken(r->attack->watch.ctx, r->to, "a replayed first flight is answered",
                                r->link);
}

static void replay_writable(void *ctx) {
    (void)ctx;
}

static void replay_closed(void *ctx, wr_err reason) {
    (void)reason;
    ((replay *)ctx)->transport = NULL;
}

static const transport_events replay_events = {replay_open, replay_read, replay_writable,
                                               replay_closed};

static void replay_start(attack *a, replay *r) {
    const slot *s = &a->slots[chance_below(&a->chance, SLOTS)];
    bool elsewhere = chance_hit(&a->chance, 200);
    uint32_t other = chance_below(&a->chance, a->own);
    if (s->link == 0 || s->kept[0] == 0)
        return;
    net_addr addr = net_sim_addr(elsewhere ? other : s->to);
    size_t first =
        s->kept[0] < LENGTH_BYTES ? 0 : LENGTH_BYTES + (size_t)record_length(s->bytes[0]);
    bool whole = first > s->kept[0] || chance_hit(&a->chance, 300);
    r->len = whole ? s->kept[0] : first; /* behind the first record nobody may speak unasked */
    r->link = s->link;
    r->to = elsewhere ? other : s->to;
    r->known = s->answered && a->watch.remembers(a->watch.ctx, r->to);
    memcpy(r->bytes, s->bytes[0], r->len);
    wr_err err = net_dial(a->net, &addr, &replay_events, r, &r->transport);
    WR_ASSERT(err == WR_OK);
    a->counts.replays++;
}

static void plan(attack *a) {
    uint32_t ms = chance_between(&a->chance, 10, chance_hit(&a->chance, 300) ? 2000 : 120000);
    if (!a->stopped)
        loop_event_set(&a->next, sim_clock_now(a->clock) + ms);
}

static void next(void *ctx) {
    attack *a = (attack *)ctx;
    replay *r = &a->replays[chance_below(&a->chance, REPLAYS_MAX)];
    if (a->active && r->transport == NULL && chance_hit(&a->chance, a->replayed))
        replay_start(a, r);
    if (a->active)
        plan(a);
}

/* ---- in the middle of others ---- */

uint32_t attack_dialled(attack *a, uint32_t link, uint32_t from, uint32_t to) {
    slot *s = &a->slots[link % SLOTS];
    if (from == a->own)
        return to;
    bool alter = chance_hit(&a->chance, a->altered);
    uint32_t most = 1u << chance_between(&a->chance, 6, 16);
    s->link = link;
    s->from = from;
    s->kind =
        alter ? (attack_kind)chance_between(&a->chance, ATTACK_FLIP, ATTACK_INJECT) : ATTACK_NONE;
    s->side = chance_below(&a->chance, 2);
    s->at = chance_below(&a->chance, most);
    s->done = s->answered = s->found = false;
    s->record = 0;
    s->bad_end = UINT64_MAX;
    memset(s->passed, 0, sizeof s->passed);
    memset(s->kept, 0, sizeof s->kept);
    if (a->active && chance_hit(&a->chance, a->redirected)) {
        a->counts.redirects++;
        to = chance_below(&a->chance, a->own);
    }
    s->to = to;
    return to;
}

static bool is_session(const slot *s) {
    return s->kept[0] > LENGTH_BYTES && s->bytes[0][LENGTH_BYTES] == SESSION;
}

/* Follows the records of the side that may be altered, up to the place where it is. */
static void follow_records(slot *s, uint64_t before, wr_slice bytes) {
    uint64_t end = before + bytes.len;
    while (s->record < end) {
        for (uint64_t i = 0; i < LENGTH_BYTES; i++)
            if (s->record + i >= before && s->record + i < end)
                s->length[i] = bytes.ptr[s->record + i - before];
        if (end - s->record < LENGTH_BYTES)
            return;
        uint64_t next = s->record + LENGTH_BYTES + record_length(s->length);
        if (next > end || next > s->at)
            return;
        s->record = next;
    }
}

/* The record that was altered is found out as soon as it is whole.  What decides whether it is a
 * session at all is left alone, and so is what comes in the place of a whole first flight. */
static void expect_end(slot *s, uint64_t before, wr_slice altered) {
    uint8_t length[LENGTH_BYTES] = {s->length[0], s->length[1]};
    if (!is_session(s) || s->at <= LENGTH_BYTES)
        return;
    for (uint64_t i = 0; i < LENGTH_BYTES; i++) {
        uint64_t at = s->record + i;
        if (at >= before + altered.len)
            return;
        if (at >= before)
            length[i] = altered.ptr[at - before];
    }
    s->bad_end = s->record + LENGTH_BYTES + record_length(length);
}

static wr_slice alter(attack *a, slot *s, size_t at, wr_slice bytes) {
    const slot *other = &a->slots[chance_below(&a->chance, SLOTS)];
    const uint8_t *more = other->bytes[s->side];
    size_t more_len = s->kind == ATTACK_INJECT ? other->kept[s->side] : 0;
    WR_ASSERT(bytes.len + more_len <= OUT_BYTES);
    memcpy(a->out, bytes.ptr, bytes.len);
    s->done = true;
    switch (s->kind) {
    case ATTACK_NONE:
        break;
    case ATTACK_FLIP:
        a->out[at] ^= (uint8_t)(1u << chance_below(&a->chance, 8));
        a->counts.flips++;
        break;
    case ATTACK_CUT:
        a->counts.cuts++;
        return wr_slice_of(a->out, at);
    case ATTACK_INJECT:
        memcpy(a->out + at, more, more_len);
        memcpy(a->out + at + more_len, bytes.ptr + at, bytes.len - at);
        a->counts.injections++;
        break;
    }
    return wr_slice_of(a->out, bytes.len + more_len);
}

wr_slice attack_sent(attack *a, uint32_t link, unsigned side, wr_slice bytes) {
    slot *s = &a->slots[link % SLOTS];
    if (s->link != link)
        return bytes;
    size_t room = KEPT_BYTES - s->kept[side], part = bytes.len < room ? bytes.len : room;
    memcpy(s->bytes[side] + s->kept[side], bytes.ptr, part);
    s->kept[side] += part;
    uint64_t before = s->passed[side];
    s->passed[side] += bytes.len;
    if (side == 1 && before == 0)
        s->answered = is_session(s) && a->watch.known(a->watch.ctx, s->from, s->to);
    if (side != s->side && s->found)
        a->watch.broken(a->watch.ctx, side == 0 ? s->from : s->to,
                        "a device speaks on after altered bytes", link);
    if (side == s->side && !s->done)
        follow_records(s, before, bytes);
    if (!a->active || side != s->side || s->kind == ATTACK_NONE)
        return bytes;
    if (s->done) /* after a cut, silence */
        return s->kind == ATTACK_CUT ? WR_SLICE_EMPTY : bytes;
    if (s->at < before || s->at >= s->passed[side])
        return bytes;
    wr_slice altered = alter(a, s, (size_t)(s->at - before), bytes);
    if (s->kind == ATTACK_FLIP || (s->kind == ATTACK_INJECT && altered.len != bytes.len))
        expect_end(s, before, altered);
    return altered;
}

void attack_given(attack *a, uint32_t link, unsigned side, uint64_t bytes) {
    slot *s = &a->slots[link % SLOTS];
    if (s->link != link || s->side != side || bytes < s->bad_end || s->found)
        return;
    s->found = true;
    a->counts.found++;
}

/* ---- beginning and end ---- */

attack *attack_new(sim_clock *c, net_sim *s, uint64_t seed, uint32_t own,
                   const attack_watch *watch) {
    attack *a = (attack *)calloc(1, sizeof *a);
    WR_ASSERT(a != NULL);
    a->clock = c;
    a->own = own;
    a->watch = *watch;
    chance_init(&a->chance, seed, "attack", 1);
    a->altered = chance_below(&a->chance, 500);
    a->redirected = chance_below(&a->chance, 200);
    a->replayed = chance_below(&a->chance, 1000);
    loop_sim_config config = {.clock = c, .device = own};
    wr_err err = loop_sim_open(&config, &a->loop);
    WR_ASSERT(err == WR_OK);
    err = net_sim_open(s, own, a->loop, &a->net);
    WR_ASSERT(err == WR_OK);
    loop_event_init(&a->next, a->loop, next, a);
    for (uint32_t i = 0; i < REPLAYS_MAX; i++)
        a->replays[i].attack = a;
    return a;
}

void attack_activate(attack *a, bool active) {
    if (a->active == active)
        return;
    a->active = active;
    if (active)
        plan(a);
}

void attack_stop(attack *a) {
    a->active = false;
    a->stopped = true;
    loop_event_stop(&a->next);
    for (uint32_t i = 0; i < REPLAYS_MAX; i++)
        if (a->replays[i].transport != NULL)
            transport_close(a->replays[i].transport);
}

void attack_free(attack *a) {
    if (a == NULL)
        return;
    for (uint32_t i = 0; i < REPLAYS_MAX; i++)
        WR_ASSERT(a->replays[i].transport == NULL);
    net_close(a->net);
    loop_close(a->loop);
    free(a);
}

const attack_counts *attack_counts_of(const attack *a) {
    return &a->counts;
}
