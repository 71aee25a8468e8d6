/* Pairing at its edges: as little room as there may be, calls too early and too late, and texts
 * that open nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine_pair_fixture.h"

/* Each write finds a little more room than the one before, until there is enough for it. */
static void a_pairing_waits_for_room_and_goes_on(void **state) {
    pair_world *w = *state;
    static uint8_t name[WR_NAME_BYTES_MAX];
    wr_pair_why why;
    memset(name, 'n', sizeof name); /* so its CERT is as long as one may be */
    T_OK(wr_pair_guest_new(wr_slice_str(wr_pair_window_code(w->window)), &w->device,
                           wr_slice_of(name, sizeof name), w->rng, &w->guest, &why));
    pair_connect(w);
    for (w->room_max = 1; w->room_max < 4096 && w->joined == NULL; w->room_max += 3) {
        pair_talk(w);
        T_OK(w->a_err);
        T_OK(w->b_err);
    }
    T_TRUE(w->joined != NULL);
    w->room_max = 0;
    pair_talk(w);
    pair_hang_up(w);
    pair_joined_once(w);
}

static void an_answer_that_nobody_asked_for_is_refused(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    T_ERR(wr_pairing_answer(w->a, true, w->now), WR_ERR_STATE);
    pair_talk(w);
    T_ERR(wr_pairing_answer(w->a, true, w->now), WR_ERR_STATE);
    pair_hang_up(w);
    pair_joined_once(w);
}

/* The connection ends while the owner writes to its disk. */
static void what_is_stored_after_the_end_changes_nothing(void **state) {
    pair_world *w = *state;
    w->hesitate = true;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    pair_talk(w);
    (void)!wr_pairing_closed(w->a);
    (void)!wr_pairing_closed(w->b);
    wr_pairing_stored(w->a);
    wr_pairing_stored(w->b);
    T_EQ(wr_pairing_deadline(w->a).ms, WR_MONO_NEVER.ms);
    T_ERR(wr_pairing_answer(w->a, true, w->now), WR_ERR_STATE);
    T_FALSE(wr_pair_window_unsettled(w->window));
    pair_hang_up(w);
    T_EQ(pair_add_count(w->host), 0);
}

/* Nothing is awaited of the disk: the word changes nothing. */
static void an_early_stored_is_not_taken_for_another_one(void **state) {
    pair_world *w = *state;
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_connect(w);
    wr_pairing_stored(w->b);
    pair_talk(w);
    pair_hang_up(w);
    pair_joined_once(w);
}

static void a_window_without_an_add_has_nothing_to_settle(void **state) {
    pair_world *w = *state;
    T_FALSE(wr_pair_window_unsettled(w->window));
    wr_pair_window_undo(w->window);
    T_OK(wr_pair_window_settle(w->window, w->host, w->now));
    T_EQ(pair_add_count(w->host), 0);
    pair_guest_make(w, wr_pair_window_code(w->window));
    pair_run(w);
    pair_joined_once(w);
    T_OK(wr_pair_window_settle(w->window, w->host, w->now));
    T_EQ(pair_add_count(w->host), 1);
}

static wr_err guest_of(pair_world *w, const char *text, const char *name, wr_pair_why *ret_why) {
    wr_pair_guest *guest = NULL;
    wr_err err = wr_pair_guest_new(wr_slice_str(text), &w->device, wr_slice_str(name), w->rng,
                                   &guest, ret_why);
    T_EQ(guest != NULL, err == WR_OK);
    wr_pair_guest_free(guest);
    return err;
}

static void a_text_that_opens_nothing_makes_no_guest(void **state) {
    pair_world *w = *state;
    wr_pair_why why;
    char padded[WR_PAIR_URI_BYTES_MAX + 8];
    T_ERR(guest_of(w, "warren:nothing", "phone", &why), WR_ERR_FORMAT);
    T_EQ(why.fault, WR_PAIR_FAULT_URI);
    T_ERR(guest_of(w, " \n", "phone", &why), WR_ERR_FORMAT);
    T_EQ(why.fault, WR_PAIR_FAULT_SHAPE);
    const char *const texts[] = {wr_pair_window_code(w->window), wr_pair_window_uri(w->window)};
    for (size_t i = 0; i < WR_COUNT(texts); i++) {
        wr_buf out = WR_BUF_ARRAY(padded);
        T_OK(wr_buf_put(&out, wr_slice_str("\t ")));
        T_OK(wr_buf_put(&out, wr_slice_str(texts[i])));
        T_OK(wr_buf_put(&out, wr_slice_str(" \r\n")));
        T_OK(wr_buf_put_u8(&out, 0));
        T_OK(guest_of(w, padded, "phone", &why));
        T_EQ(why.fault, WR_PAIR_FAULT_NONE);
        T_ERR(guest_of(w, padded, "-", &why), WR_ERR_REFUSED);
    }
}

int main(void) {
#define T_PAIR(test) cmocka_unit_test_setup_teardown(test, pair_world_start, pair_world_stop)
    const struct CMUnitTest tests[] = {
        T_PAIR(a_pairing_waits_for_room_and_goes_on),
        T_PAIR(an_answer_that_nobody_asked_for_is_refused),
        T_PAIR(what_is_stored_after_the_end_changes_nothing),
        T_PAIR(an_early_stored_is_not_taken_for_another_one),
        T_PAIR(a_window_without_an_add_has_nothing_to_settle),
        T_PAIR(a_text_that_opens_nothing_makes_no_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
