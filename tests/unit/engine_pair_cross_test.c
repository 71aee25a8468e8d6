/* Two pairings at once whose records somebody exchanges, and URIs whose fields are exchanged.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/engine_pair_fixture.h"

typedef struct crossing {
    pair_world *w[2];
    uint32_t said[2];  /* records of each pairing until now */
    uint32_t cross_at; /* from this record on they go to the other pairing */
    uint32_t asked, shown;
} crossing;

/* Another code, URI and random numbers than the first world has. */
static pair_world *second_world(void) {
    void *state;
    wr_identity unused;
    T_EQ(pair_world_start(&state), 0);
    pair_world *w = state;
    wr_identity_make(&w->rng, &unused);
    pair_window_open(w, WR_ROLE_MEMBER);
    return w;
}

static void count_events(crossing *x) {
    wr_pair_event event;
    for (size_t i = 0; i < 2; i++) {
        while (wr_pairing_poll(x->w[i]->a, &event))
            x->asked += event.type == WR_PAIR_EV_REQUEST;
        while (wr_pairing_poll(x->w[i]->b, &event))
            x->shown += event.type == WR_PAIR_EV_SAS;
    }
}

/* One write of a side, to the side it is meant for or to that of the other pairing. */
static bool carry(crossing *x, size_t i, bool from_guest) {
    static uint8_t bytes[65536];
    wr_buf out = WR_BUF_ARRAY(bytes);
    pair_world *w = x->w[i];
    if (wr_pairing_write(from_guest ? w->b : w->a, &out, w->now) != WR_OK || out.len == 0)
        return false;
    pair_world *to = x->said[i] >= x->cross_at ? x->w[1 - i] : w;
    wr_slice in = wr_buf_slice(&out);
    x->said[i]++;
    if (wr_pairing_read(from_guest ? to->a : to->b, &in, to->now) != WR_OK)
        return false;
    count_events(x);
    return true;
}

/* Returns whether any owner is asked; how often is in x->asked. */
static void run_crossed(crossing *x, bool uri) {
    for (size_t i = 0; i < 2; i++) {
        pair_world *w = x->w[i];
        pair_guest_make(w, uri ? wr_pair_window_uri(w->window) : wr_pair_window_code(w->window));
        pair_connect(w);
        T_OK(w->a_err);
        T_OK(w->b_err);
    }
    for (bool moved = true; moved;) {
        moved = carry(x, 0, true);
        moved = carry(x, 1, true) || moved;
        moved = carry(x, 0, false) || moved;
        moved = carry(x, 1, false) || moved;
    }
    for (size_t i = 0; i < 2; i++) {
        T_TRUE(x->w[i]->joined == NULL);
        T_EQ(wr_graph_current_count(wr_self_graph(x->w[i]->host)), 1);
        pair_hang_up(x->w[i]);
    }
}

static void records_exchanged_between_two_pairings_admit_nobody(void **state) {
    crossing x = {.w = {*state, NULL}};
    for (unsigned uri = 0; uri < 2; uri++) {
        bool whole = false;
        for (uint32_t at = 0; !whole; at++) {
            pair_world_again(x.w[0]);
            x = (crossing){.w = {x.w[0], second_world()}, .cross_at = at};
            run_crossed(&x, uri);
            whole = x.said[0] <= at && x.said[1] <= at; /* nothing was left to exchange */
            /* The last record before the owners are asked is the guest's certificate. */
            T_TRUE(x.asked == 0 || x.asked == 2);
            T_EQ(x.asked == 2, whole);
            T_TRUE(!whole || at > 4);
            void *second = x.w[1];
            T_EQ(pair_world_stop(&second), 0);
        }
    }
}

/* What was read off the screen has the right length everywhere, and stands in the wrong place. */
static void a_uri_with_exchanged_fields_admits_nobody(void **state) {
    pair_world *w = *state;
    for (unsigned which = 0; which < 4; which++) {
        pair_world_again(w);
        wr_pair_uri good, bent;
        uint8_t text[WR_PAIR_URI_BYTES_MAX + 1] = {0};
        wr_buf made = wr_buf_of(text, sizeof text - 1);
        T_OK(wr_pair_uri_parse(wr_slice_str(wr_pair_window_uri(w->window)), &good));
        bent = good;
        if (which == 0) {
            memcpy(bent.psk.b, good.host.b, sizeof bent.psk.b);
            memcpy(bent.host.b, good.psk.b, sizeof bent.host.b);
        } else if (which == 1) {
            memcpy(bent.rid.b, good.psk.b, sizeof bent.rid.b);
            memcpy(bent.psk.b, good.rid.b, sizeof good.rid.b);
        } else if (which == 2) {
            memcpy(bent.rid.b, good.host.b, sizeof bent.rid.b);
        }
        T_OK(wr_pair_uri_text(&bent, &made));
        pair_guest_make(w, (const char *)text);
        pair_run(w);
        bool same = which == 3; /* nothing was exchanged */
        T_EQ(w->joined != NULL, same);
        T_EQ(wr_graph_current_count(wr_self_graph(w->host)), same ? 2 : 1);
        T_EQ(w->requests, same);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_world_start, pair_world_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(records_exchanged_between_two_pairings_admit_nobody),
        TEST(a_uri_with_exchanged_fields_admits_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
