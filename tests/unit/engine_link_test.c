/* Two devices of one circle over a pair of links in memory: what one appends, the other holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "engine/link.h"

#include <stdlib.h>

#define PIPE_SIZE (256u * 1024u)
#define ROWS_MAX 4096u

/* A device: its self, and the rows a store would hold of every feed. */
typedef struct device {
    wr_identity identity;
    wr_self *self;
    struct {
        uint32_t feed;
        uint64_t first, end;
        uint8_t *bytes;
        size_t len;
    } rows[ROWS_MAX];
    uint32_t row_count;
} device;

static const wr_now now = {.mono = {1000}, .wall = {1700000000000}};

/* Keeps what self wants stored; false when there was nothing. */
static bool drain(device *d) {
    wr_put put;
    bool any = false;
    while (wr_self_poll(d->self, &put)) {
        any = true;
        if (put.type != WR_PUT_ROW)
            continue;
        T_TRUE(d->row_count < ROWS_MAX);
        uint8_t *copy = malloc(put.row->bytes.len);
        T_TRUE(copy != NULL);
        memcpy(copy, put.row->bytes.ptr, put.row->bytes.len);
        bool found = wr_self_find_feed(d->self, &put.feed->feed_id, &d->rows[d->row_count].feed);
        T_TRUE(found);
        d->rows[d->row_count].first = put.row->first_seq;
        d->rows[d->row_count].end = put.row->first_seq + put.row->count;
        d->rows[d->row_count].bytes = copy;
        d->rows[d->row_count++].len = put.row->bytes.len;
    }
    return any;
}

static void device_free(device *d) {
    for (uint32_t i = 0; i < d->row_count; i++)
        free(d->rows[i].bytes);
    wr_self_free(d->self);
    wr_identity_wipe(&d->identity);
    free(d);
}

static device *device_new(uint64_t seed) {
    device *d = calloc(1, sizeof *d);
    T_TRUE(d != NULL);
    wr_rng rng = t_rng(seed);
    wr_identity_make(&rng, &d->identity);
    T_OK(wr_self_new(&d->identity, rng, &d->self));
    return d;
}

static void found(device *a) {
    wr_rng rng = t_rng(99);
    WR_SECRET(wr_key) rs;
    wr_rng_fill(&rng, rs.b, sizeof rs.b);
    wr_root root;
    WR_SECRET(wr_sign_key) root_sign;
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_self_found(a->self, &root, &root_sign, now));
    (void)drain(a);
}

/* a adds b, which learns all of the circle as a pairing would tell it. */
static void add_device(device *a, device *b) {
    wr_add add = {
        .cert_bytes = wr_identity_cert(&b->identity), .role = WR_ROLE_ADMIN, .mode = WR_PAIR_CODE};
    uint8_t bytes[1024];
    wr_buf consent = WR_BUF_ARRAY(bytes);
    const wr_graph *graph = wr_self_graph(a->self);
    T_OK(wr_consent_encode(wr_graph_circle_id(graph), add.handshake, &a->identity.device_id,
                           add.role, &consent));
    wr_sign(&b->identity.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    uint8_t op_bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_sig sig;
    T_OK(wr_add_encode(&add, &body));
    T_OK(wr_self_make_add(a->self, wr_buf_slice(&body), now, &op, &sig));
    T_OK(wr_self_admit(a->self, wr_buf_slice(&op), &sig, now));

    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++)
        T_OK(wr_self_load_op(b->self, wr_graph_op(graph, i).bytes, wr_graph_op(graph, i).sig));
    WR_SECRET(wr_key) secret;
    T_TRUE(wr_keyring_seed(wr_self_keyring(a->self), &secret));
    T_OK(wr_self_load_seed(b->self, &secret));
    wr_hash epoch = *wr_self_write_epoch(a->self);
    T_TRUE(wr_keyring_secret(wr_self_keyring(a->self), &epoch, &secret));
    T_OK(wr_self_load_epoch(b->self, &epoch, &secret));
    T_OK(wr_self_load_done(b->self, now));
    (void)drain(a);
    (void)drain(b);
}

static void make_circle(device *a, device *b) {
    found(a);
    add_device(a, b);
}

static void append(device *d, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t seq;
        uint64_t hlc = wr_self_hlc(d->self, now);
        wr_err err = wr_self_append(d->self, 0, WR_ENTRY_MESSAGE, 1, hlc,
                                    wr_slice_str("a line of a log"), &seq);
        if (err == WR_ERR_NOBUF) {
            T_OK(wr_self_close_run(d->self));
            (void)drain(d);
            i--;
            continue;
        }
        T_OK(err);
    }
    T_OK(wr_self_close_run(d->self));
    (void)drain(d);
}

/* Serves the one row that starts where the peer stands: rows are runs here, and a run is proved
 * by its own checkpoint only at the feed's end, so the rest goes along. */
static void serve(device *d, wr_link *link) {
    wr_serve want;
    if (!wr_link_serving(link, &want))
        return;
    size_t size = 0, at = 0;
    for (uint32_t i = 0; i < d->row_count; i++)
        if (d->rows[i].feed == want.feed_index && d->rows[i].first >= want.first)
            size += d->rows[i].len;
    uint8_t *entries = malloc(size);
    T_TRUE(entries != NULL);
    for (uint32_t i = 0; i < d->row_count; i++)
        if (d->rows[i].feed == want.feed_index && d->rows[i].first >= want.first) {
            memcpy(entries + at, d->rows[i].bytes, d->rows[i].len);
            at += d->rows[i].len;
        }
    wr_unit unit = {.first = want.first, .end = want.n, .lo = want.first};
    wr_link_give(link, &want, &unit, entries, size);
}

static wr_err deliver(device *from, wr_link *out_link, device *to, wr_link *in_link, uint8_t *pipe,
                      size_t *ret_moved) {
    (void)drain(from);
    serve(from, out_link);
    wr_buf out = wr_buf_of(pipe, PIPE_SIZE);
    WR_TRY(wr_link_write(out_link, &out, now));
    *ret_moved += out.len;
    wr_slice in = wr_buf_slice(&out);
    for (;;) {
        WR_TRY(wr_link_read(in_link, &in, now));
        wr_event event;
        bool more = drain(to);
        while (wr_link_poll(in_link, &event))
            more = true;
        if (!more && in.len == 0)
            return WR_OK;
    }
}

/* Moves bytes until both are silent. */
static wr_err converse(device *a, wr_link *la, device *b, wr_link *lb) {
    uint8_t *pipe = malloc(PIPE_SIZE);
    T_TRUE(pipe != NULL);
    wr_err err = WR_OK;
    size_t moved = 1;
    while (err == WR_OK && moved != 0) {
        moved = 0;
        err = deliver(a, la, b, lb, pipe, &moved);
        if (err == WR_OK)
            err = deliver(b, lb, a, la, pipe, &moved);
    }
    free(pipe);
    return err;
}

static void links_new(device *a, device *b, uint64_t id, wr_link **la, wr_link **lb) {
    wr_link_config dial = {
        .self = a->self, .link_id = id, .role = WR_INITIATOR, .peer = b->identity.device_id};
    wr_link_config accept = {.self = b->self, .link_id = id, .role = WR_RESPONDER};
    T_OK(wr_link_new(la, &dial, now));
    T_OK(wr_link_new(lb, &accept, now));
}

static void assert_equal_replicas(device *a, device *b) {
    wr_hash da = wr_self_frontier_digest(a->self), db = wr_self_frontier_digest(b->self);
    T_MEM(da.b, db.b, sizeof da.b);
}

static void what_one_appends_the_other_holds(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    append(a, 700);
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    T_TRUE(wr_link_is_up(la));
    T_TRUE(wr_link_is_up(lb));
    assert_equal_replicas(a, b);
    T_TRUE(wr_self_may_sign(b->self));

    append(b, 5); /* live tail, the other way */
    append(a, 3);
    T_OK(converse(a, la, b, lb));
    assert_equal_replicas(a, b);
    uint64_t behind, ahead;
    wr_link_backlog(la, &behind, &ahead);
    T_EQ(behind, 0);
    T_EQ(ahead, 0);
    wr_link_free(la);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
}

static void the_window_opens_again_with_every_acknowledgement(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    wr_link *la, *lb;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    for (uint32_t i = 0; i < 30; i++) { /* more units than may be under way */
        append(a, 1);
        T_OK(converse(a, la, b, lb));
        assert_equal_replicas(a, b);
    }
    wr_link_free(la);
    wr_link_free(lb);
    device_free(a);
    device_free(b);
}

static void a_new_link_goes_on_where_the_old_one_ended(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    append(a, 40);
    for (uint64_t id = 1; id < 4; id++) {
        wr_link *la, *lb;
        links_new(a, b, id, &la, &lb);
        T_OK(converse(a, la, b, lb));
        assert_equal_replicas(a, b);
        wr_link_free(la);
        wr_link_free(lb);
        append(a, 2);
        append(b, 3);
    }
    device_free(a);
    device_free(b);
}

/* b slept while a added c, and hears of c from c itself. */
static void a_sibling_added_meanwhile_is_let_in_by_its_ops(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2), *c = device_new(3);
    make_circle(a, b);
    wr_link *la, *lb, *lc;
    links_new(a, b, 1, &la, &lb);
    T_OK(converse(a, la, b, lb));
    append(b, 4);
    wr_link_free(la);
    wr_link_free(lb);
    add_device(a, c);
    links_new(a, c, 2, &la, &lc);
    T_OK(converse(a, la, c, lc));
    append(c, 7);
    wr_link_free(la);
    wr_link_free(lc);

    links_new(c, b, 3, &lc, &lb);
    (void)drain(c);
    uint8_t first[1024];
    wr_buf out = WR_BUF_ARRAY(first);
    T_OK(wr_link_write(lc, &out, now));
    wr_slice in = wr_buf_slice(&out);
    T_OK(wr_link_read(lb, &in, now));
    T_OK(converse(c, lc, b, lb));
    T_TRUE(wr_link_is_up(lb));
    assert_equal_replicas(b, c);
    wr_link_config accept = {.self = b->self, .link_id = 4, .role = WR_RESPONDER};
    wr_link *again;
    T_OK(wr_link_new(&again, &accept, now));
    in = wr_buf_slice(&out);
    T_ERR(wr_link_read(again, &in, now), WR_ERR_REFUSED); /* a guest's message 1 counts, too */
    wr_link_free(again);
    T_TRUE(wr_link_rtt_ms(lc) != 0); /* its PING was answered, though it came to a stranger */
    append(c, 2);
    append(b, 2);
    T_OK(converse(c, lc, b, lb));
    assert_equal_replicas(b, c);
    wr_link_free(lb);
    wr_link_free(lc);
    device_free(a);
    device_free(b);
    device_free(c);
}

static void a_device_that_is_no_member_gets_no_answer(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2), *x = device_new(3), *y = device_new(4);
    make_circle(a, b);
    make_circle(x, y);
    wr_link *lx, *ly, *la;
    links_new(x, y, 1, &lx, &ly);
    wr_link_config accept = {.self = a->self, .link_id = 1, .role = WR_RESPONDER};
    T_OK(wr_link_new(&la, &accept, now));
    T_ERR(converse(x, lx, a, la), WR_ERR_AUTH);
    T_FALSE(wr_self_pending(a->self));
    wr_link_free(la);
    wr_link_free(lx);
    wr_link_free(ly);
    device_free(a);
    device_free(b);
    device_free(x);
    device_free(y);
}

static void a_replayed_first_message_is_refused(void **state) {
    (void)state;
    device *a = device_new(1), *b = device_new(2);
    make_circle(a, b);
    wr_link *la, *lb, *again;
    links_new(a, b, 1, &la, &lb);
    (void)drain(a);
    uint8_t wire[1024];
    wr_buf out = WR_BUF_ARRAY(wire);
    T_OK(wr_link_write(la, &out, now));
    wr_slice in = wr_buf_slice(&out);
    T_OK(wr_link_read(lb, &in, now));
    (void)drain(b);
    wr_link_config accept = {.self = b->self, .link_id = 2, .role = WR_RESPONDER};
    T_OK(wr_link_new(&again, &accept, now));
    in = wr_buf_slice(&out);
    T_ERR(wr_link_read(again, &in, now), WR_ERR_REFUSED);
    T_FALSE(wr_self_pending(b->self));
    wr_link_free(la);
    wr_link_free(lb);
    wr_link_free(again);
    device_free(a);
    device_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_appends_the_other_holds),
        cmocka_unit_test(the_window_opens_again_with_every_acknowledgement),
        cmocka_unit_test(a_new_link_goes_on_where_the_old_one_ended),
        cmocka_unit_test(a_sibling_added_meanwhile_is_let_in_by_its_ops),
        cmocka_unit_test(a_device_that_is_no_member_gets_no_answer),
        cmocka_unit_test(a_replayed_first_message_is_refused),
    };
    return wr_crypto_init() == WR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
