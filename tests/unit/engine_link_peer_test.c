/* Who the peer of a link is: first message, HELLO, guests, membership, silence and goodbye.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_link_world.h"

#include <stdlib.h>

#define FIRST_SIZE (2u + 17u + 104u) /* record header, version and mac1, Noise message 1 */

static device *a, *b, *c;
static const uint8_t half[] = {0, 16, 1, 2, 3}; /* of a record */

static int set_up(void **state) {
    (void)state;
    a = device_new(1);
    b = device_new(2);
    c = device_new(3);
    make_circle(a, b);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    device_free(a);
    device_free(b);
    device_free(c);
    return 0;
}

static wr_err tick_at(wr_link *link, uint64_t ms) {
    return wr_link_tick(link, (wr_now){.mono = {ms}, .wall = world_now.wall});
}

/* ---- message 1 ---------------------------------------------------------------------------- */

/* spec:sync#1.1 type=test "A responder MUST refuse a first record of another version." */
static void message_one_is_refused_in_another_version(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_buf first = WR_BUF_ARRAY(bytes);
    puppet p;
    puppet_first(&p, a, b, 5, &first);
    bytes[2] = 2;
    wr_link *link = link_accept(b, 1);
    T_ERR(link_take(b, link, wr_buf_slice(&first)), WR_ERR_VERSION);
    wr_link_free(link);
}

/* The key of low order tells whether anything was computed with it.
 * spec:sync#1.2 type=test "A responder MUST NOT compute a Diffie-Hellman result before mac1 matched
 * an epoch that it holds." */
static void nothing_is_computed_before_mac1_matches(void **state) {
    (void)state;
    uint8_t bytes[256];
    for (int good = 0; good < 2; good++) {
        wr_buf first = WR_BUF_ARRAY(bytes);
        puppet p;
        puppet_first(&p, a, b, 5, &first);
        T_EQ(first.len, FIRST_SIZE);
        uint8_t *message = bytes + 2 + 17, covered[256] = {1};
        memset(message, 0, 32);
        memcpy(covered + 1, message, first.len - 19);
        wr_hash epoch = *wr_self_write_epoch(a->self);
        if (good == 1)
            T_OK(wr_keyring_mac1(wr_self_keyring(a->self), &epoch,
                                 wr_slice_of(covered, first.len - 18), bytes + 3));
        wr_link *link = link_accept(b, 1);
        T_ERR(link_take(b, link, wr_buf_slice(&first)), good == 1 ? WR_ERR_BAD_KEY : WR_ERR_AUTH);
        T_FALSE(wr_self_pending(b->self));
        wr_link_free(link);
    }
}

/* spec:sync#1.1 type=test "The prologue MUST hold the transport binding" */
static void message_one_is_bound_to_its_transport(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_buf first = WR_BUF_ARRAY(bytes);
    puppet p;
    puppet_first(&p, a, b, 5, &first);
    wr_link_config config = {.self = b->self, .link_id = 1, .role = WR_RESPONDER, .binding = {1}};
    wr_link *link;
    T_OK(wr_link_new(&link, &config, world_now));
    T_ERR(link_take(b, link, wr_buf_slice(&first)), WR_ERR_AUTH);
    wr_link_free(link);
}

/* On a stream, whoever sits in between can append to what an honest initiator wrote. */
/* spec:sync#1.5 type=test "A side that hears anything while it is its own turn MUST end the
 * connection." */
static void bytes_behind_message_one_end_the_link(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_buf first = WR_BUF_ARRAY(bytes);
    puppet p;
    puppet_first(&p, a, b, 5, &first);
    T_OK(wr_buf_put(&first, wr_slice_of(half, sizeof half)));
    wr_link *link = link_accept(b, 1);
    T_ERR(link_take(b, link, wr_buf_slice(&first)), WR_ERR_STATE);
    wr_link_free(link);
    /* .. also when they come later, and at an initiator that has not spoken yet. */
    first.len = FIRST_SIZE;
    link = link_accept(b, 2);
    puppet_first(&p, a, b, 6, &(wr_buf){bytes, 0, sizeof bytes});
    T_OK(link_take(b, link, wr_buf_slice(&first)));
    T_ERR(link_take(b, link, wr_slice_of(half, 1)), WR_ERR_STATE);
    wr_link_free(link);
    link = link_dial(a, b, 3);
    T_ERR(link_take(a, link, wr_slice_of(half, sizeof half)), WR_ERR_STATE);
    wr_link_free(link);
}

static wr_err first_with_mark(uint64_t mark) {
    uint8_t bytes[256];
    wr_buf first = WR_BUF_ARRAY(bytes);
    puppet p;
    puppet_first(&p, a, b, mark, &first);
    wr_link *link = link_accept(b, 1);
    wr_slice in = wr_buf_slice(&first);
    wr_err err = wr_link_read(link, &in, world_now);
    wr_put put;
    if (err == WR_OK) { /* stored before message 2 may be written */
        T_TRUE(wr_self_poll(b->self, &put));
        T_EQ(put.type, WR_PUT_MARK);
        T_MEM(put.id.b, a->identity.device_id.b, sizeof put.id.b);
        T_TRUE(put.mark == mark);
    }
    T_FALSE(wr_self_pending(b->self));
    wr_link_free(link);
    return err;
}

/* spec:sync#1.4 type=test "A responder MUST refuse a session time that is not greater than the
 * last one it accepted from this device." */
/* spec:sync#1.4 type=test "A session time MUST be durable at the initiator before message 1
 * leaves, and at the responder before message 2 does." */
static void session_times_only_grow(void **state) {
    (void)state;
    T_OK(first_with_mark(5));
    T_ERR(first_with_mark(5), WR_ERR_REFUSED);
    T_ERR(first_with_mark(4), WR_ERR_REFUSED);
    T_OK(first_with_mark(UINT64_MAX - 1));
    T_ERR(first_with_mark(6), WR_ERR_REFUSED);
}

static void an_initiator_stores_its_session_time_first(void **state) {
    (void)state;
    wr_put put;
    wr_link *link = link_dial(a, b, 1);
    T_TRUE(wr_self_poll(a->self, &put));
    T_EQ(put.type, WR_PUT_MARK);
    uint64_t before = put.mark;
    T_TRUE(before >= world_now.wall.ms);
    wr_link_free(link);
    link = link_dial(a, b, 2);
    T_TRUE(wr_self_poll(a->self, &put));
    T_TRUE(put.mark > before); /* the clock stood still */
    wr_link_free(link);
}

/* ---- HELLO ---- */

/* spec:sync#2.1 type=test "A HELLO with another device id than that of the member whose key the
 * handshake proved MUST be refused." */
static void hello_with_another_device_id_is_refused(void **state) {
    (void)state;
    puppet *p = puppet_new(a, b, 1, 1);
    T_ERR(puppet_hello(p, &b->identity.device_id), WR_ERR_REFUSED);
    T_FALSE(wr_link_is_up(p->link));
    puppet_free(p);
    p = puppet_new(a, b, 2, 2);
    T_OK(puppet_hello(p, &a->identity.device_id));
    T_TRUE(wr_link_is_up(p->link));
    T_ERR(puppet_hello(p, &a->identity.device_id), WR_ERR_STATE); /* once */
    puppet_free(p);
}

/* spec:sync#2.1 type=test "A HELLO of another circle MUST be refused." */
static void hello_of_another_circle_is_refused(void **state) {
    (void)state;
    wr_hello hello = {.version = 1, .device_id = a->identity.device_id};
    uint8_t bytes[512];
    wr_buf body = WR_BUF_ARRAY(bytes);
    T_OK(wr_hello_encode(&hello, &body));
    puppet *p = puppet_new(a, b, 1, 1);
    T_ERR(puppet_say(p, WR_FRAME_HELLO, wr_buf_slice(&body)), WR_ERR_REFUSED);
    puppet_free(p);
}

/* spec:sync#2.1 type=test "HELLO MUST be the first frame of each side, and MUST NOT be said
 * twice." */
static void every_other_frame_waits_for_hello(void **state) {
    (void)state;
    for (unsigned type = 2; type < 256; type++) {
        if (type == WR_FRAME_REKEY || type == WR_FRAME_CLOSE)
            continue;
        puppet *p = puppet_new(a, b, type, type);
        T_ERR(puppet_say(p, (uint8_t)type, wr_slice_str("12345678")), WR_ERR_STATE);
        puppet_free(p);
        type += type > WR_FRAME_CHECKPOINT ? 40 : 0;
    }
}

/* spec:wire#3.3 type=test "A frame of an unknown type below 128 MUST end the session." */
/* spec:wire#3.3 type=test "From 128 on a frame that is not known MUST be ignored" */
static void unknown_frames_are_ignored_from_128_on(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        static const uint8_t types[] = {18, 32, 127, 128};
        puppet *p = puppet_new(a, b, i + 1, i + 1);
        puppet_up(p);
        T_ERR(puppet_say(p, types[i], WR_SLICE_EMPTY), types[i] < 128 ? WR_ERR_FORMAT : WR_OK);
        puppet_free(p);
    }
}

/* spec:sync#6.1 type=test "A peer that does not say HELLO in time MUST be left." */
static void who_does_not_say_hello_is_left_after_ten_seconds(void **state) {
    (void)state;
    puppet *p = puppet_new(a, b, 1, 1);
    T_OK(tick_at(p->link, 1000 + 9999));
    T_ERR(tick_at(p->link, 1000 + 10000), WR_ERR_TIMEOUT);
    puppet_free(p);
}

/* ---- guests ---- */

/* c is a member, which b does not know. */
static puppet *guest_new(void) {
    add_device(a, c);
    puppet *p = puppet_new(c, b, 1, 1);
    T_OK(puppet_hello(p, &c->identity.device_id));
    T_FALSE(wr_link_is_up(p->link));
    return p;
}

static wr_err say_op(puppet *p, device *from, uint32_t index) {
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_op_ref op = wr_graph_op(wr_self_graph(from->self), index);
    T_OK(wr_ops_put(&body, op.bytes, op.sig));
    return puppet_say(p, WR_FRAME_OPS, wr_buf_slice(&body));
}

/* spec:sync#1.6 type=test "a device MUST NOT tell a guest any op." */
static void a_guest_is_told_no_ops_until_its_own_let_it_in(void **state) {
    (void)state;
    wr_link *la, *lb;
    links_new(a, b, 9, &la, &lb);
    T_OK(converse(a, la, b, lb));
    T_OK(wr_self_ack(b->self, world_now)); /* an op that c does not have */
    (void)drain(b);
    uint8_t bytes[8192];
    wr_buf body = WR_BUF_ARRAY(bytes);
    puppet *p = guest_new();
    T_OK(wr_list_begin(&body, false, 0));
    T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&body)));
    T_FALSE(puppet_hear(p, WR_FRAME_OPS, &body));
    T_OK(say_op(p, c, wr_graph_op_count(wr_self_graph(c->self)) - 1));
    T_TRUE(wr_link_is_up(p->link));
    T_TRUE(puppet_hear(p, WR_FRAME_OPS, &body));
    puppet_free(p);
    wr_link_free(la);
    wr_link_free(lb);
}

/* spec:sync#1.6 type=test "The word of a guest MUST NOT confirm anything (section 5)." */
static void a_guest_confirms_nothing(void **state) {
    (void)state;
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    puppet *p = guest_new();
    T_FALSE(wr_self_may_sign(b->self));
    T_OK(wr_list_begin(&body, false, 0));
    T_OK(puppet_say(p, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&body)));
    T_FALSE(wr_self_may_sign(b->self)); /* its feeds are as empty as ours */
    T_OK(say_op(p, c, wr_graph_op_count(wr_self_graph(c->self)) - 1));
    T_TRUE(wr_self_may_sign(b->self)); /* a sibling's word counts */
    puppet_free(p);
}

/* spec:sync#1.6 type=test "A guest that is no member 10 seconds after message 1, or whose frames
 * had more than 1 MiB of bodies, MUST be left." */
static void a_guest_has_a_mebibyte_and_ten_seconds(void **state) {
    (void)state;
    static uint8_t zeros[32768];
    puppet *p = guest_new();
    for (unsigned i = 0; i < 32; i++)
        T_OK(puppet_say(p, 200, wr_slice_of(zeros, sizeof zeros)));
    T_ERR(puppet_say(p, 200, wr_slice_of(zeros, 1)), WR_ERR_LIMIT);
    puppet_free(p);
    p = puppet_new(c, b, 2, 2);
    T_OK(puppet_hello(p, &c->identity.device_id));
    T_OK(tick_at(p->link, 1000 + 9999));
    T_ERR(tick_at(p->link, 1000 + 10000), WR_ERR_TIMEOUT);
    puppet_free(p);
}

/* spec:sync#1.6 type=test "a device MUST NOT take anything about feeds from a guest." */
static void nothing_about_feeds_is_taken_from_a_guest(void **state) {
    (void)state;
    puppet *p = guest_new();
    wr_self_confirm(c->self);
    append(c, 1);
    T_OK(puppet_unit(p, feed_at(c, c), 0, 1, wr_slice_of(p->heard, 32)));
    T_EQ(wr_self_feed_count(b->self), 4); /* of a and b */
    puppet_free(p);
}

/* ---- ops ---- */

/* spec:sync#2.3 type=test "An op that is a fork (circle.md 2.4), or whose parents are not here,
 * MUST wait, and the session goes on." */
static void an_op_fork_alerts_once_and_the_link_goes_on(void **state) {
    (void)state;
    device *twin = device_twin(a, 50), *x = device_new(4), *y = device_new(5);
    add_device(a, c);
    add_device(twin, x); /* the same place in a's chain */
    add_device(twin, y); /* stands on the other branch */
    puppet *p = puppet_new(a, b, 1, 1);
    puppet_up(p);
    uint32_t last = wr_graph_op_count(wr_self_graph(a->self)) - 1;
    T_OK(say_op(p, a, last));
    uint32_t known = wr_graph_op_count(wr_self_graph(b->self));
    T_OK(say_op(p, twin, last));
    T_OK(say_op(p, twin, last));
    T_OK(say_op(p, twin, last + 1));
    T_EQ(b->alerts, 1);
    T_EQ(wr_graph_op_count(wr_self_graph(b->self)), known);
    T_TRUE(wr_link_is_up(p->link));
    puppet_free(p);
    device_free(twin);
    device_free(x);
    device_free(y);
}

static void an_op_with_a_bad_signature_ends_the_link(void **state) {
    (void)state;
    add_device(a, c);
    puppet *p = puppet_new(a, b, 1, 1);
    puppet_up(p);
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_op_ref op = wr_graph_op(wr_self_graph(a->self), 3);
    wr_sig sig = *op.sig;
    sig.b[0] ^= 1;
    T_OK(wr_ops_put(&body, op.bytes, &sig));
    T_ERR(puppet_say(p, WR_FRAME_OPS, wr_buf_slice(&body)), WR_ERR_AUTH);
    T_EQ(b->alerts, 0);
    puppet_free(p);
}

/* Two members added apart with one Noise key: nobody can tell which of them is speaking.
 * spec:sync#1.7 type=test "A session MUST end as soon as the peer's key is no longer that of
 * exactly one current member, its own, or the peer is barred (circle.md 4.6)." spec:sync#1.3
 * type=test "A responder MUST NOT answer message 1 of a key that two members share." */
static void a_session_ends_when_its_key_turns_out_to_be_shared(void **state) {
    (void)state;
    add_device(a, c);
    wr_self_confirm(c->self);
    device *d = device_new(4), *x = device_new(5);
    uint8_t nonce[16] = {9};
    WR_SECRET(wr_key) sign_seed = {{7}};
    WR_SECRET(wr_key) box = {{8}};
    wr_self_free(x->self);
    wr_identity_load(&sign_seed, &d->identity.noise, &box, nonce, &x->identity);
    T_OK(wr_self_new(&x->identity, t_rng(5), &x->self));
    uint8_t bytes[2048];
    wr_buf op = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    make_add(c, x, &op, &sig); /* c does not know d */
    add_device(a, d);
    wr_link *la, *ld;
    links_new(d, a, 1, &ld, &la);
    T_OK(converse(d, ld, a, la));
    T_TRUE(wr_link_is_up(la));
    T_OK(wr_self_admit(a->self, wr_buf_slice(&op), &sig, world_now));
    (void)drain(a);
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(wr_link_write(la, &out, world_now), WR_ERR_REFUSED);
    T_EQ(out.len, 0);
    wr_link_free(la);
    la = link_accept(a, 2);
    puppet p;
    out.len = 0;
    puppet_first(&p, d, a, UINT64_MAX, &out);
    T_ERR(link_take(a, la, wr_buf_slice(&out)), WR_ERR_REFUSED);
    wr_link_free(la);
    wr_link_free(ld);
    device_free(d);
    device_free(x);
}

/* ---- our own tail ---- */

/* spec:sync#5 type=test "A device that has siblings MUST NOT sign anything after a start until one
 * of them has confirmed it." */
static void who_knows_more_of_us_than_we_do_lets_us_not_sign(void **state) {
    (void)state;
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    puppet *p = puppet_new(a, b, 1, 1);
    T_OK(puppet_hello(p, &a->identity.device_id));
    T_FALSE(wr_self_may_sign(b->self));
    T_OK(puppet_say(p, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_TRUE(wr_self_may_sign(b->self)); /* both hold the same: equal digests */
    puppet_free(p);
    device *again = device_twin(b, 60);
    wr_self_free(again->self); /* after a restart, unconfirmed */
    T_OK(wr_self_new(&again->identity, t_rng(61), &again->self));
    tell_circle(b, again);
    T_OK(wr_self_load_done(again->self, world_now));
    append(a, 1); /* so that lists are exchanged */
    p = puppet_new(a, again, 2, 2);
    T_OK(puppet_hello(p, &a->identity.device_id));
    const wr_feed *own = feed_at(again, again);
    wr_hash root = {{1}};
    T_OK(wr_list_begin(&body, false, 1));
    uint8_t list[256];
    wr_buf frontier = WR_BUF_ARRAY(list);
    T_OK(wr_buf_put(&frontier, wr_buf_slice(&body)));
    T_OK(wr_frontier_put(&frontier, &own->feed_id, 0, 1, &root, true));
    T_OK(puppet_say(p, WR_FRAME_FRONTIER, wr_buf_slice(&frontier)));
    body.len = 0;
    T_OK(wr_list_begin(&body, false, 0));
    T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&body)));
    T_OK(puppet_say(p, WR_FRAME_SOLE, WR_SLICE_EMPTY));
    T_FALSE(wr_self_may_sign(again->self));
    uint64_t seq;
    T_ERR(wr_self_append(again->self, 0, WR_ENTRY_MESSAGE, 1, 1, wr_slice_str("x"), &seq),
          WR_ERR_STATE);
    T_ERR(wr_self_author(again->self, WR_OP_ACK, wr_slice_str("\x91\x90"), world_now),
          WR_ERR_STATE);
    T_TRUE(puppet_hear(p, WR_FRAME_WANT, &body)); /* what we lost is asked for */
    puppet_free(p);
    device_free(again);
}

static void who_knows_more_of_our_ops_lets_us_not_sign_either(void **state) {
    (void)state;
    uint8_t bytes[256];
    for (uint64_t aseq = 0; aseq < 2; aseq++) {
        device *again = device_new(7); /* has no ops of its own */
        add_device(a, again);
        puppet *p = puppet_new(a, again, 2, aseq + 1);
        add_device(a, c); /* so that lists are exchanged */
        T_OK(puppet_hello(p, &a->identity.device_id));
        wr_buf body = WR_BUF_ARRAY(bytes);
        T_OK(wr_list_begin(&body, false, aseq == 0 ? 0 : 1));
        if (aseq != 0)
            T_OK(wr_op_head_put(&body, &again->identity.device_id, 0, &(wr_hash){{1}}));
        T_OK(puppet_say(p, WR_FRAME_SOLE, WR_SLICE_EMPTY));
        T_OK(puppet_say(p, WR_FRAME_OP_HEADS, wr_buf_slice(&body)));
        T_TRUE(wr_self_may_sign(again->self) == (aseq == 0));
        puppet_free(p);
        device_free(again);
        tear_down(state);
        set_up(state);
    }
}

/* ---- silence and goodbye ---- */

/* spec:sync#6.1 type=test "A peer that stays silent after PING MUST be left" */
/* spec:sync#2.8 type=test "A PONG that nobody asked for MUST end the session." */
static void a_silent_peer_is_asked_and_then_left(void **state) {
    (void)state;
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    puppet *p = puppet_new(a, b, 1, 1);
    puppet_up(p);
    T_EQ(wr_link_deadline(p->link).ms, 1000 + 240000);
    T_OK(tick_at(p->link, 1000 + 240000 - 1));
    T_FALSE(puppet_hear(p, WR_FRAME_PING, &body));
    T_OK(tick_at(p->link, 1000 + 240000));
    T_TRUE(puppet_hear(p, WR_FRAME_PING, &body));
    T_OK(puppet_say(p, WR_FRAME_PONG, wr_buf_slice(&body)));
    T_ERR(puppet_say(p, WR_FRAME_PONG, wr_buf_slice(&body)), WR_ERR_STATE); /* once */
    puppet_free(p);
    p = puppet_new(a, b, 3, 3);
    puppet_up(p);
    T_OK(tick_at(p->link, 1000 + 240000));
    T_ERR(puppet_say(p, WR_FRAME_PONG, wr_slice_str("12345678")), WR_ERR_STATE);
    puppet_free(p);
    p = puppet_new(a, b, 4, 4);
    puppet_up(p);
    T_OK(tick_at(p->link, 1000 + 240000));
    T_OK(tick_at(p->link, 1000 + 260000 - 1));
    T_ERR(tick_at(p->link, 1000 + 260000), WR_ERR_TIMEOUT);
    puppet_free(p);
}

static wr_err say_something_at(puppet *p, uint64_t ms) {
    p->now.mono.ms = ms;
    return puppet_say(p, 200, WR_SLICE_EMPTY);
}

static void a_pong_that_takes_long_is_waited_for_while_something_comes(void **state) {
    (void)state;
    puppet *p = puppet_new(a, b, 1, 1);
    puppet_up(p);
    T_OK(tick_at(p->link, 1000 + 240000));
    T_OK(say_something_at(p, 1000 + 259000));
    T_OK(tick_at(p->link, 1000 + 279000 - 1));
    T_ERR(tick_at(p->link, 1000 + 279000), WR_ERR_TIMEOUT);
    puppet_free(p);
}

/* spec:sync#6.1 type=test "A session MUST end at its age" */
static void a_session_lasts_twelve_hours(void **state) {
    (void)state;
    const uint64_t hours = 12u * 3600u * 1000u;
    puppet *p = puppet_new(a, b, 1, 1);
    puppet_up(p);
    T_OK(say_something_at(p, 1000 + hours - 1));
    T_OK(tick_at(p->link, 1000 + hours - 1));
    T_ERR(tick_at(p->link, 1000 + hours), WR_ERR_TIMEOUT);
    puppet_free(p);
}

/* spec:sync#2.9 type=test "CLOSE MUST be the last frame of its sender." */
static void goodbye_is_said_once_and_before_what_was_under_way(void **state) {
    (void)state;
    puppet *p = puppet_new(b, a, 1, 1);
    puppet_up(p);
    append(a, 40);
    wr_serve serve;
    T_TRUE(wr_link_serving(p->link, &serve));
    wr_slice rows = wr_slice_of(a->rows[0].bytes, a->rows[0].len);
    uint8_t *copy = malloc(rows.len);
    T_TRUE(copy != NULL);
    memcpy(copy, rows.ptr, rows.len);
    wr_link_give(p->link, &serve, &(wr_unit){.first = 0, .end = 40}, copy, rows.len);
    wr_link_leave(p->link);
    wr_buf out = wr_buf_of(p->heard, sizeof p->heard);
    T_ERR(wr_link_write(p->link, &out, world_now), WR_ERR_CLOSED);
    wr_slice in = wr_buf_slice(&out), body;
    uint8_t type = 0;
    bool have = true;
    unsigned frames = 0;
    while (have) {
        T_OK(wr_session_next(&p->session, &in, world_now.mono, &type, &body, &have));
        frames += have;
    }
    T_EQ(type, WR_FRAME_CLOSE);
    T_EQ(frames, 1);
    T_ERR(puppet_say(p, WR_FRAME_CLOSE, wr_slice_str("x")), WR_ERR_STATE); /* it is down */
    puppet_free(p);
    p = puppet_new(b, a, 2, 2);
    puppet_up(p);
    T_ERR(puppet_say(p, WR_FRAME_CLOSE, wr_slice_str("x")), WR_ERR_CLOSED);
    puppet_free(p);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(message_one_is_refused_in_another_version),
        T(nothing_is_computed_before_mac1_matches),
        T(message_one_is_bound_to_its_transport),
        T(bytes_behind_message_one_end_the_link),
        T(session_times_only_grow),
        T(an_initiator_stores_its_session_time_first),
        T(hello_with_another_device_id_is_refused),
        T(hello_of_another_circle_is_refused),
        T(every_other_frame_waits_for_hello),
        T(unknown_frames_are_ignored_from_128_on),
        T(who_does_not_say_hello_is_left_after_ten_seconds),
        T(a_guest_is_told_no_ops_until_its_own_let_it_in),
        T(a_guest_confirms_nothing),
        T(a_guest_has_a_mebibyte_and_ten_seconds),
        T(nothing_about_feeds_is_taken_from_a_guest),
        T(an_op_fork_alerts_once_and_the_link_goes_on),
        T(an_op_with_a_bad_signature_ends_the_link),
        T(a_session_ends_when_its_key_turns_out_to_be_shared),
        T(who_knows_more_of_us_than_we_do_lets_us_not_sign),
        T(who_knows_more_of_our_ops_lets_us_not_sign_either),
        T(a_silent_peer_is_asked_and_then_left),
        T(a_pong_that_takes_long_is_waited_for_while_something_comes),
        T(a_session_lasts_twelve_hours),
        T(goodbye_is_said_once_and_before_what_was_under_way),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
