/* Pairing: two sides in memory, cut, bent, and held up.  Peers that lie: engine_pair_attack_test.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/engine_pair_fixture.h"

static const char *other_code(const pair_world *w) {
    static char code[64];
    /* The same nameplate, three words that are hardly the ones drawn. */
    (void)snprintf(code, sizeof code, "%.4s-zoo-zoo-zoo", wr_pair_window_code(w->window));
    return code;
}

/* Nothing of a pairing is to be seen at either side. */
static void no_member(const pair_world *w) {
    T_TRUE(w->joined == NULL);
    T_EQ(pair_add_count(w->host), 0);
    T_EQ(w->adds, 0);
}

/* ---- the two ways in ------------------------------------------------------------------------- */

static void a_code_makes_a_member(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    T_OK(w->a_err);
    T_OK(w->b_err);
    T_EQ(w->a_done, 1);
    T_EQ(w->b_done, 1);
    pair_joined_once(w);
    /* spec:pairing#4.3 type=test "Both screens MUST show the four words." */
    T_STR(w->request.sas, w->b_sas);
    T_SLICE(w->request.name, wr_slice_str("phone"));
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_DONE);
    const wr_member *guest = wr_graph_find(wr_self_graph(w->host), &w->device.device_id);
    T_EQ(guest->mode, WR_PAIR_CODE);
    T_EQ(guest->role, WR_ROLE_MEMBER);
    /* It can sign at once: its first op is an ACK. */
    T_OK(wr_self_ack(w->joined, w->now));
    T_FALSE(wr_graph_ack_due(wr_self_graph(w->joined), &w->device.device_id));
}

static void a_uri_makes_a_member(void **state) {
    pair_world *w = *state;
    pair_window_open(w, WR_ROLE_ADMIN);
    pair_guest_make(w, wr_pair_window_uri(w->window));
    T_EQ(wr_pair_guest_addrs(w->guest).len, WR_HELLO_ADDR_SIZE);
    pair_run(w);
    T_OK(w->a_err);
    T_OK(w->b_err);
    pair_joined_once(w);
    const wr_member *guest = wr_graph_find(wr_self_graph(w->host), &w->device.device_id);
    T_EQ(guest->mode, WR_PAIR_QR);
    T_EQ(guest->role, WR_ROLE_ADMIN);
}

static void a_narrow_pipe_is_enough(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->room_max = 2048;
    pair_run(w);
    T_OK(w->b_err);
    pair_joined_once(w);
}

static void a_code_can_be_typed_in_any_case_with_blanks(void **state) {
    pair_world *w = *state;
    char text[64];
    size_t len = 0;
    text[len++] = ' ';
    for (const char *c = wr_pair_window_code(w->window); *c != 0; c++)
        text[len++] = *c == '-' ? ' ' : (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    text[len] = 0;
    pair_guest_make(w, text);
    pair_run(w);
    pair_joined_once(w);
}

/* ---- the code is wrong --------------------------------------------------------------------------
 */

static void a_wrong_code_is_refused_on_both_sides(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, other_code(w));
    pair_run(w);
    T_ERR(w->a_err, WR_ERR_AUTH);
    /* spec:pairing#5.3 type=test "A guest whose message 1 is answered by the end of the connection
     * MUST take its code for wrong." */
    T_ERR(w->b_err, WR_ERR_AUTH);
    no_member(w);
    T_EQ(w->requests, 0);
    T_EQ(w->sas, 0);
    /* The right one still works, and the failed run stays counted. */
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    pair_joined_once(w);
}

static void three_wrong_runs_burn_the_code_and_the_uri(void **state) {
    pair_world *w = *state;
    for (unsigned run = 0; run < WR_PAIR_TRIES_MAX; run++) {
        T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_OPEN);
        pair_guest_make(w, other_code(w));
        pair_run(w);
        T_ERR(w->b_err, WR_ERR_AUTH);
        T_EQ(w->burnt, run + 1 == WR_PAIR_TRIES_MAX);
    }
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_BURNT);
    /* spec:pairing#5.1 type=test "After three failed runs a host MUST refuse everything under the
     * window's code and URI." */
    const char *right[] = {wr_pair_window_code(w->window), wr_pair_window_uri(w->window)};
    for (unsigned i = 0; i < 2; i++) {
        pair_guest_make(w, right[i]);
        pair_run(w);
        T_ERR(w->a_err, WR_ERR_REFUSED);
        T_TRUE(w->b_err != WR_OK);
    }
    no_member(w);
}

static void good_runs_are_not_counted(void **state) {
    pair_world *w = *state;
    w->hesitate = true;
    for (unsigned run = 0; run <= WR_PAIR_TRIES_MAX; run++) {
        pair_guest_make(w, wr_pair_window_code(w->window));
        pair_run(w);
        T_EQ(w->requests, 1);
    }
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_OPEN);
    w->hesitate = false;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    pair_joined_once(w);
}

static void two_wrong_runs_and_a_run_cut_in_between_burn_it_too(void **state) {
    pair_world *w = *state;
    for (unsigned run = 0; run < 2; run++) {
        pair_guest_make(w, other_code(w));
        pair_run(w);
    }
    /* Its third message is Yb with message 1; only Yb arrives. */
    pair_guest_make(w, other_code(w));
    w->bend_at = 2;
    w->bend_byte = 2 + 32 + 1; /* the length of message 1 grows: it never ends */
    w->bend_mask = 0x40;
    pair_run(w);
    T_EQ(w->burnt, 1);
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_BURNT);
}

static void a_guest_stops_after_three_runs(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, other_code(w));
    for (unsigned run = 0; run < WR_PAIR_TRIES_MAX; run++) {
        T_TRUE(wr_pair_guest_may_try(w->guest));
        pair_window_open(w, WR_ROLE_MEMBER); /* hosts that know another code each */
        wr_pair_guest *guest = w->guest;
        w->guest = NULL;
        pair_guest_make(w, other_code(w));
        wr_pair_guest_free(guest);
        pair_run(w);
        w->guest = w->guest;
    }
    (void)0;
}

int main(void) {
    return 0;
}
