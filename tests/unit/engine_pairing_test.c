/* Pairing: two sides in memory, cut, bent, and held up.  Peers that lie: engine_pair_attack_test.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/engine_pair_fixture.h"

#include <stdio.h>

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
    T_EQ(wr_graph_ack_state(wr_self_graph(w->joined), &w->device.device_id), WR_ACK_NONE);
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

static void a_circle_of_two_generations_gives_both_seeds(void **state) {
    pair_world *w = *state;
    pair_reset(w);
    pair_window_open(w, WR_ROLE_MEMBER);
    pair_guest_make(w, wr_pair_window_uri(w->window));
    pair_run(w);
    T_OK(w->a_err);
    T_OK(w->b_err);
    pair_joined_once(w);
    T_EQ(wr_keyring_seed_count(wr_self_keyring(w->joined)), 2);
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

/* ---- the code is wrong ---- */

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

static void a_second_guest_for_a_code_has_the_tries_of_the_first(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, other_code(w));
    for (unsigned run = 0; run < WR_PAIR_TRIES_MAX; run++)
        pair_run(w);
    T_FALSE(wr_pair_guest_may_try(w->guest));
    wr_pair_guest *again, *other;
    wr_pair_why why;
    T_OK(wr_pair_guest_new(wr_slice_str(other_code(w)), &w->device, wr_slice_str("another name"),
                           w->rng, &again, &why));
    wr_pair_guest_count(again, w->guest);
    T_FALSE(wr_pair_guest_may_try(again));
    T_OK(wr_pair_guest_new(wr_slice_str(wr_pair_window_uri(w->window)), &w->device,
                           wr_slice_str("b"), w->rng, &other, &why));
    wr_pair_guest_count(other, w->guest);
    T_TRUE(wr_pair_guest_may_try(other));
    wr_pair_guest_free(again);
    wr_pair_guest_free(other);
}

static void a_guest_stops_after_three_runs(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, other_code(w));
    for (unsigned run = 0; run < WR_PAIR_TRIES_MAX; run++) {
        T_TRUE(wr_pair_guest_may_try(w->guest));
        pair_run(w);
        T_ERR(w->b_err, WR_ERR_AUTH);
    }
    /* spec:pairing#5.1 type=test "A guest MUST NOT send message 1 of a fourth run that has not
     * succeeded." */
    T_FALSE(wr_pair_guest_may_try(w->guest));
    T_ERR(wr_pairing_guest_new(w->guest, w->now, &w->b), WR_ERR_REFUSED);
}

/* Connections that were open before the third run failed get no fourth one either. */
static void connections_in_parallel_get_no_fourth_run(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, other_code(w));
    wr_pairing *open[WR_PAIR_TRIES_MAX + 1] = {NULL};
    uint8_t bytes[512], share[48] = {0};
    for (unsigned i = 0; i <= WR_PAIR_TRIES_MAX; i++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_pairing_guest_new(w->guest, w->now, &open[i]));
        T_OK(wr_pairing_write(open[i], &out, w->now));
        /* Any point of the group is a share: a fake host knows no more. */
        wr_rng_fill(&w->rng, share, 16);
        uint8_t hash[64];
        wr_pub point;
        wr_rng_fill(&w->rng, hash, sizeof hash);
        wr_ristretto_from_hash(hash, &point);
        memcpy(share + 16, point.b, sizeof point.b);
        wr_buf record = WR_BUF_ARRAY(bytes);
        T_OK(wr_session_raw_put(wr_slice_of(share, sizeof share), &record));
        wr_slice in = wr_buf_slice(&record);
        T_OK(wr_pairing_read(open[i], &in, w->now));
    }
    for (unsigned i = 0; i <= WR_PAIR_TRIES_MAX; i++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_ERR(wr_pairing_write(open[i], &out, w->now),
              i < WR_PAIR_TRIES_MAX ? WR_OK : WR_ERR_REFUSED);
        wr_pairing_free(open[i]);
    }
}

static void one_connection_at_a_time_goes_beyond_step_1(void **state) {
    pair_world *w = *state;
    w->hesitate = true;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    pair_talk(w);
    T_EQ(w->requests, 1);
    wr_pairing *first_a = w->a, *first_b = w->b;
    wr_pair_guest *first = w->guest;
    w->a = w->b = NULL;
    w->guest = NULL;
    w->hesitate = false;
    /* spec:pairing#5.2 type=test "Of a window's connections at most one MUST get beyond the first
     * message that tests the code." */
    const char *texts[] = {wr_pair_window_code(w->window), wr_pair_window_uri(w->window)};
    for (unsigned i = 0; i < 2; i++) {
        pair_guest_make(w, texts[i]);
        pair_run(w);
        T_ERR(w->a_err, WR_ERR_BUSY);
    }
    no_member(w);
    wr_pair_guest_free(w->guest);
    w->guest = first;
    w->a = first_a;
    w->b = first_b;
    w->a_err = w->b_err = WR_OK;
    T_OK(wr_pairing_answer(w->a, true, w->now));
    pair_talk(w);
    pair_hang_up(w);
    pair_joined_once(w);
}

/* ---- the owner and the clock ---- */

static void the_owner_says_no(void **state) {
    pair_world *w = *state;
    w->accept = false;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    T_ERR(w->a_err, WR_ERR_REFUSED);
    T_ERR(w->b_err, WR_ERR_REFUSED);
    no_member(w);
    /* spec:pairing#4.3 type=test "After a refusal the window MUST be over." */
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_REFUSED);
    pair_run(w);
    T_ERR(w->a_err, WR_ERR_REFUSED);
    no_member(w);
}

/* spec:pairing#4.4 type=test "Before the owner's yes the host MUST NOT send anything of the circle
 * but the offer." */
static void until_the_owner_answers_the_host_says_nothing(void **state) {
    pair_world *w = *state;
    w->hesitate = true;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    pair_talk(w);
    T_EQ(w->requests, 1);
    uint8_t bytes[4096];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_pairing_write(w->a, &out, w->now));
    T_EQ(out.len, 0);
    T_EQ(wr_pairing_deadline(w->a).ms, wr_pair_window_deadline(w->window).ms);
    pair_hang_up(w);
    T_ERR(w->b_err, WR_ERR_CLOSED);
    no_member(w);
}

static void nothing_leaves_before_the_add_is_stored(void **state) {
    pair_world *w = *state;
    w->hesitate = true;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    pair_talk(w);
    T_OK(wr_pairing_answer(w->a, true, w->now));
    uint8_t bytes[8192];
    wr_buf out = WR_BUF_ARRAY(bytes);
    /* spec:pairing#4.4 type=test "The ADD and every op MUST be durable at the host before a byte of
     * them leaves." */
    T_OK(wr_pairing_write(w->a, &out, w->now));
    T_EQ(out.len, 0);
    wr_pairing_stored(w->a);
    (void)wr_self_next_mark(w->host, w->now); /* something else is not stored yet */
    T_OK(wr_pairing_write(w->a, &out, w->now));
    T_EQ(out.len, 0);
    pair_drain(w->host);
    T_OK(wr_pairing_write(w->a, &out, w->now));
    T_TRUE(out.len != 0);
    pair_hang_up(w);
}

static void an_expired_window_takes_nobody(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->now.mono = wr_pair_window_deadline(w->window);
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_EXPIRED);
    pair_run(w);
    T_ERR(w->a_err, WR_ERR_TIMEOUT);
    no_member(w);
}

static void an_answer_after_the_window_expired_is_too_late(void **state) {
    pair_world *w = *state;
    w->hesitate = true;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    pair_talk(w);
    w->now.mono = wr_pair_window_deadline(w->window);
    T_ERR(wr_pairing_answer(w->a, true, w->now), WR_ERR_TIMEOUT);
    pair_hang_up(w);
    no_member(w);
}

static void a_silent_handshake_ends_after_ten_seconds(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    wr_pairing *sides[] = {w->a, w->b};
    for (unsigned i = 0; i < 2; i++) {
        T_EQ(wr_pairing_deadline(sides[i]).ms, w->now.mono.ms + WR_HANDSHAKE_MS_MAX);
        wr_now late = w->now;
        late.mono.ms += WR_HANDSHAKE_MS_MAX - 1;
        T_OK(wr_pairing_tick(sides[i], late));
        late.mono.ms++;
        T_ERR(wr_pairing_tick(sides[i], late), WR_ERR_TIMEOUT);
    }
    pair_hang_up(w);
}

static void a_foreign_nameplate_is_refused_without_a_run(void **state) {
    pair_world *w = *state;
    char code[64];
    const char *own = wr_pair_window_code(w->window);
    (void)snprintf(code, sizeof code, "%s%s", own[3] == '0' ? "0001" : "0000", own + 4);
    pair_guest_make(w, code);
    for (unsigned run = 0; run <= WR_PAIR_TRIES_MAX; run++) {
        pair_run(w);
        T_ERR(w->a_err, WR_ERR_REFUSED);
        T_ERR(w->b_err, WR_ERR_CLOSED);
    }
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_OPEN);
}

/* ---- cuts and bends ---- */

static void until_joined(pair_world *w) {
    w->cut_at = PAIR_NO_FAULT;
    for (unsigned run = 0; run < 4 && w->b_done == 0; run++) {
        T_TRUE(wr_pair_guest_may_try(w->guest));
        pair_run(w);
    }
    T_EQ(w->b_done, 1);
}

/* spec:pairing#6.1 type=test "A resumed pairing MUST go on with the ADD that was kept." */
static void a_link_cut_anywhere_resumes_without_a_second_add(void **state) {
    pair_world *w = *state;
    for (unsigned uri = 0; uri < 2; uri++) {
        bool whole = false;
        for (uint32_t cut = 0; !whole; cut++) {
            pair_world_again(w);
            pair_guest_make(w,
                            uri ? wr_pair_window_uri(w->window) : wr_pair_window_code(w->window));
            w->cut_at = cut;
            pair_run(w);
            whole = w->b_done == 1;
            if (!whole)
                until_joined(w);
            pair_joined_once(w);
            T_FALSE(wr_pair_window_unsettled(w->window));
        }
    }
}

static void a_cut_twice_at_each_place_does_no_harm(void **state) {
    pair_world *w = *state;
    for (uint32_t first = 4; first < 11; first++) {
        for (uint32_t second = 3; second < 9; second++) {
            pair_world_again(w);
            pair_guest_make(w, wr_pair_window_code(w->window));
            w->cut_at = first;
            pair_run(w);
            w->cut_at = second;
            if (w->b_done == 0)
                pair_run(w);
            if (w->b_done == 0)
                until_joined(w);
            pair_joined_once(w);
        }
    }
}

static void the_accepted_device_may_come_back_and_no_other(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->cut_at = 7; /* WELCOME is lost */
    pair_run(w);
    T_EQ(w->adds, 1);
    T_EQ(w->joins, 0);
    T_EQ(wr_pair_window_look(w->window, w->now.mono), WR_PAIR_WINDOW_KEPT);
    /* spec:pairing#5.1 type=test "A code or URI that admitted a device MUST NOT begin another
     * pairing." */
    wr_pair_guest *first = w->guest;
    w->guest = NULL;
    w->cut_at = PAIR_NO_FAULT;
    wr_identity kept = w->device;
    const char *texts[] = {wr_pair_window_code(w->window), wr_pair_window_uri(w->window)};
    for (unsigned i = 0; i < 2; i++) {
        wr_identity_make(&w->rng, &w->device);
        pair_guest_make(w, texts[i]);
        pair_run(w);
        T_ERR(w->a_err, WR_ERR_REFUSED);
    }
    wr_pair_guest_free(w->guest);
    w->guest = first;
    w->device = kept;
    until_joined(w);
    pair_joined_once(w);
}

static void a_newer_connection_of_the_same_guest_replaces_a_dead_one(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->cut_at = 7;
    pair_connect(w);
    pair_talk(w);
    /* The guest sees the end of the connection, the host does not. */
    wr_pairing *dead = w->a;
    w->a = NULL;
    pair_hang_up(w);
    w->cut_at = PAIR_NO_FAULT;
    pair_run(w);
    pair_joined_once(w);
    uint8_t bytes[512];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_ERR(wr_pairing_write(dead, &out, w->now), WR_ERR_CLOSED);
    wr_pairing_free(dead);
}

static void settling_publishes_an_add_that_may_have_left(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->cut_at = 7;
    pair_run(w);
    T_TRUE(wr_pair_window_unsettled(w->window));
    T_EQ(pair_add_count(w->host), 0);
    /* spec:pairing#6.2 type=test "A host MUST admit a kept ADD that may have left before it authors
     * any other op." */
    T_OK(wr_pair_window_settle(w->window, w->host, w->now));
    T_FALSE(wr_pair_window_unsettled(w->window));
    T_EQ(pair_add_count(w->host), 1);
    pair_drain(w->host);
    /* The guest may still come for it, and finds what was done meanwhile, too. */
    until_joined(w);
    pair_joined_once(w);
}

/* spec:pairing#4.6 type=test "The host MUST NOT admit the ADD before READY, except where section
 * 6.2 asks for it." */
static void the_add_is_published_only_after_ready(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    w->cut_at = 8; /* READY is lost */
    pair_run(w);
    T_EQ(w->joins, 1);
    T_EQ(w->publishes, 0);
    T_EQ(pair_add_count(w->host), 0);
    until_joined(w);
    pair_joined_once(w);
}

/* Whatever is changed on the wire, nobody joins whom the host does not know, and no secret comes
 * over: one side notices, the other is left alone until its deadline. */
static void any_bent_bit_ends_the_pairing(void **state) {
    pair_world *w = *state;
    for (uint32_t uri = 0; uri < 2; uri++) {
        /* A URI needs two messages less: the first one holds message 1 of the handshake. */
        uint32_t ready = uri ? 6 : 8, cert = uri ? 4 : 6;
        for (uint32_t message = 0; message <= ready + 1; message++) {
            for (size_t at = 0;; at += message + 1 < cert ? 1 : 61) {
                pair_world_again(w);
                pair_guest_make(w, uri ? wr_pair_window_uri(w->window)
                                       : wr_pair_window_code(w->window));
                w->bend_at = message;
                w->bend_byte = at;
                w->bend_mask = (uint8_t)(1u << (at % 8));
                pair_connect(w);
                pair_talk(w);
                bool beyond = w->bend_byte >= w->bend_len;
                if (!beyond) {
                    T_EQ(w->b_done, 0);
                    T_EQ(w->publishes, message > ready);
                    T_TRUE(w->joins == 0 || message >= ready);
                    T_TRUE(w->requests == 0 || message >= cert);
                }
                pair_hang_up(w);
                if (beyond)
                    break;
            }
        }
    }
}

static void a_member_that_may_not_add_opens_no_window(void **state) {
    pair_world *w = *state;
    wr_pair_window_config config = {.role = WR_ROLE_MEMBER};
    wr_pair_window *none = NULL;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    pair_joined_once(w);
    T_ERR(wr_pair_window_new(w->joined, &config, w->now, &none), WR_ERR_REFUSED);
    wr_self *empty = NULL;
    T_OK(wr_self_new(&w->device, w->rng, &empty));
    T_ERR(wr_pair_window_new(empty, &config, w->now, &none), WR_ERR_STATE);
    wr_self_free(empty);
    T_TRUE(none == NULL);
}

#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, pair_world_start, pair_world_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(a_code_makes_a_member),
        PAIR_TEST(a_uri_makes_a_member),
        PAIR_TEST(a_circle_of_two_generations_gives_both_seeds),
        PAIR_TEST(a_narrow_pipe_is_enough),
        PAIR_TEST(a_code_can_be_typed_in_any_case_with_blanks),
        PAIR_TEST(a_wrong_code_is_refused_on_both_sides),
        PAIR_TEST(three_wrong_runs_burn_the_code_and_the_uri),
        PAIR_TEST(a_second_guest_for_a_code_has_the_tries_of_the_first),
        PAIR_TEST(good_runs_are_not_counted),
        PAIR_TEST(two_wrong_runs_and_a_run_cut_in_between_burn_it_too),
        PAIR_TEST(a_guest_stops_after_three_runs),
        PAIR_TEST(connections_in_parallel_get_no_fourth_run),
        PAIR_TEST(one_connection_at_a_time_goes_beyond_step_1),
        PAIR_TEST(the_owner_says_no),
        PAIR_TEST(until_the_owner_answers_the_host_says_nothing),
        PAIR_TEST(nothing_leaves_before_the_add_is_stored),
        PAIR_TEST(an_expired_window_takes_nobody),
        PAIR_TEST(an_answer_after_the_window_expired_is_too_late),
        PAIR_TEST(a_silent_handshake_ends_after_ten_seconds),
        PAIR_TEST(a_foreign_nameplate_is_refused_without_a_run),
        PAIR_TEST(a_link_cut_anywhere_resumes_without_a_second_add),
        PAIR_TEST(a_cut_twice_at_each_place_does_no_harm),
        PAIR_TEST(the_accepted_device_may_come_back_and_no_other),
        PAIR_TEST(a_newer_connection_of_the_same_guest_replaces_a_dead_one),
        PAIR_TEST(settling_publishes_an_add_that_may_have_left),
        PAIR_TEST(the_add_is_published_only_after_ready),
        PAIR_TEST(any_bent_bit_ends_the_pairing),
        PAIR_TEST(a_member_that_may_not_add_opens_no_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
