/* A hub keeps its word to the owner when joins are cancelled, strangers come and stores fail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/members.h"
#include "flow_hub_world.h"

#include <stdio.h>

static bool has_joined(const hubs_device *d) {
    return d->joins != 0;
}

static bool has_joined_twice(const hubs_device *d) {
    return d->joins == 2;
}

static bool was_asked(const hubs_device *d) {
    return d->events[HUB_EV_PAIRING_REQUEST] != 0;
}

static bool was_warned(const hubs_device *d) {
    return d->events[HUB_EV_PAIRING_TRY] != 0;
}

static bool is_done(const hubs_device *d) {
    return d->events[HUB_EV_PAIRING_DONE] != 0;
}

/* ---- joins ------------------------------------------------------------------------------- */

static void a_join_that_is_cancelled_while_it_dials_never_joins(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *guest = &all->device[1];
    hub_pairing pairing;
    hubs_found(all);
    hubs_open(guest);
    hubs_pair(host, true, &pairing);
    hubs_join_dials(guest, pairing.code, host);
    hub_join_cancel(guest->hub);
    T_EQ(guest->joins, 1);
    T_ERR(guest->joined, WR_ERR_CLOSED);
    hubs_settle(all);
    T_FALSE(hub_has_circle(guest->hub));
    T_EQ(host->events[HUB_EV_PAIRING_REQUEST], 0);
    T_EQ(hubs_members(host), 1);
}

static void the_dial_of_a_cancelled_join_is_not_that_of_the_next(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *guest = &all->device[1];
    hub_pairing pairing;
    hubs_found(all);
    hubs_open(guest);
    hubs_pair(host, true, &pairing);
    hubs_join_dials(guest, "0001-apple-river-stone", host);
    hub_join_cancel(guest->hub);
    guest->joins = 0;
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined);
    T_OK(guest->joined);
    hubs_wait(host, is_done);
    T_EQ(hubs_members(guest), 2);
    T_EQ(hubs_members(host), 2);
    T_EQ(hub_metrics(host->hub)->value[METRIC_PAIRINGS_FAILED], 0);
}

static void a_join_works_after_one_whose_home_could_not_be_made(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *guest = &all->device[1];
    hub_pairing pairing;
    hubs_found(all);
    hubs_open(guest);
    hubs_pair(host, true, &pairing);
    guest->provisions_fail = 1;
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined);
    T_ERR(guest->joined, WR_ERR_IO);
    T_STR(hub_problem(guest->hub), "this home cannot be written");
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined_twice);
    T_OK(guest->joined);
    T_EQ(hubs_members(guest), 2);
}

static void words_of_an_unfinished_circle_do_not_stay_in_a_home_that_joins(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *guest = &all->device[1];
    char words[HUB_WORDS_MAX];
    hub_pairing pairing;
    hubs_found(all);
    hubs_open(guest);
    guest->fail_at = 3;
    T_ERR(hub_init(guest->hub, wr_slice_str("lost"), true), WR_ERR_IO);
    hubs_settle(all);
    T_FALSE(hub_has_circle(guest->hub));
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined);
    T_OK(guest->joined);
    T_EQ(guest->provisions, 2);
    T_ERR(hub_show_recovery(guest->hub, words), WR_ERR_UNKNOWN);
}

/* ---- what a code is worth -------------------------------------------------------------------- */

static void try_wrong(hubs *all, const char *code) {
    hubs_device *guest = &all->device[1];
    guest->joins = 0;
    T_OK(hubs_join(guest, code, &all->device[0]));
    hubs_wait(guest, has_joined);
    T_ERR(guest->joined, WR_ERR_AUTH);
}

static void a_code_is_worth_three_tries_however_it_is_typed(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *guest = &all->device[1];
    hub_pairing pairing;
    char dashes[HUB_CODE_MAX], blanks[HUB_CODE_MAX];
    hubs_found(all);
    hubs_open(guest);
    hubs_pair(&all->device[0], true, &pairing);
    snprintf(dashes, sizeof dashes, "%.4s-apple-river-stone", pairing.code);
    snprintf(blanks, sizeof blanks, "%.4s apple river stone", pairing.code);
    try_wrong(all, dashes);
    try_wrong(all, blanks);
    try_wrong(all, dashes);
    T_ERR(hubs_join(guest, dashes, &all->device[0]), WR_ERR_REFUSED);
    T_ERR(hubs_join(guest, blanks, &all->device[0]), WR_ERR_REFUSED);
    T_ERR(hub_join(guest->hub, wr_slice_str(blanks), wr_slice_str("other name"),
                   &all->device[0].listen, NULL, NULL),
          WR_ERR_REFUSED);
}

static void the_owners_yes_is_for_the_device_that_was_shown(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *shown = &all->device[1], *other = &all->device[2];
    hub_pairing pairing;
    hubs_found(all);
    hubs_open(shown);
    hubs_open(other);
    hubs_pair(host, false, &pairing);
    T_OK(hubs_join(shown, pairing.code, host));
    hubs_wait(host, was_asked);
    wr_hash asked = host->asked;
    hubs_close(shown); /* its connection ends while the owner reads the words */
    hubs_settle(all);
    T_OK(hubs_join(other, pairing.code, host));
    hubs_wait(host, was_warned);
    wr_err err = hub_pair_answer(host->hub, pairing.pairing, true);
    hubs_settle(all);
    T_ERR(err, WR_ERR_STATE);
    T_FALSE(hub_has_circle(other->hub));
    T_EQ(hubs_members(host), 1);
    T_EQ(host->events[HUB_EV_PAIRING_REQUEST], 1);
    T_MEM(host->asked.b, asked.b, sizeof asked.b);
}

static void has_left(void *ctx, wr_err err) {
    T_OK(err);
    *(bool *)ctx = true;
}

static bool is_alone(const hubs_device *d) {
    return d->events[HUB_EV_CIRCLE_CHANGED] != 0 && hubs_members(&d->all->device[d->index]) == 1;
}

/* The last epoch has gone with the one that left, and the next is made when somebody writes. */
static void a_device_comes_in_where_another_has_just_left(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0], *leaver = &all->device[1], *guest = &all->device[2];
    hub_pairing pairing;
    bool left = false;
    hubs_found(all);
    hubs_open(leaver);
    hubs_open(guest);
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(leaver, pairing.code, host));
    hubs_wait(host, is_done);
    T_OK(hub_leave(leaver->hub, has_left, &left));
    hubs_wait(host, is_alone);
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(guest, has_joined);
    T_OK(guest->joined);
    T_TRUE(left);
    T_EQ(host->events[HUB_EV_PAIRING_REQUEST], 2); /* one try each */
    T_OK(hubs_append(guest, "a new key was there"));
    T_EQ(hubs_members(host), 2);
}

typedef wr_err (*undo_fn)(hubs_device *host, bool *done);

static wr_err leaves(hubs_device *host, bool *done) {
    return hub_leave(host->hub, has_left, done);
}

static wr_err is_lowered(hubs_device *host, bool *done) {
    return hub_set_role(host->hub, hub_device_id(host->hub), false, WR_SLICE_EMPTY, has_left, done);
}

/* The guest asks; before the owner says yes the host may not add devices any more. */
static void host_that_may_not(hubs *all, undo_fn undo, const char *says) {
    hubs_device *host = &all->device[0], *second = &all->device[1], *guest = &all->device[2];
    hub_pairing pairing;
    bool done = false;
    hubs_found(all);
    hubs_open(second); /* the last admin is not lowered */
    hubs_open(guest);
    hubs_pair(host, true, &pairing);
    T_OK(hubs_join(second, pairing.code, host));
    hubs_wait(host, is_done);
    host->events[HUB_EV_PAIRING_REQUEST] = 0;
    hubs_pair(host, false, &pairing);
    T_OK(hubs_join(guest, pairing.code, host));
    hubs_wait(host, was_asked);
    T_OK(undo(host, &done));
    T_ERR(hub_pair_answer(host->hub, pairing.pairing, true), WR_ERR_REFUSED);
    T_TRUE(strstr(hub_problem(host->hub), says) != NULL);
    hubs_wait(guest, has_joined);
    T_ERR(guest->joined, WR_ERR_REFUSED);
    hubs_settle(all);
    T_TRUE(done);
    T_EQ(host->events[HUB_EV_PAIRING_FAILED], 1); /* who waits at the window hears it, too */
    T_TRUE(strstr(host->failed, says) != NULL);
    T_ERR(hub_pair_answer(host->hub, pairing.pairing, true), WR_ERR_REFUSED); /* a late yes */
    T_TRUE(strstr(hub_problem(host->hub), says) != NULL);
    T_TRUE(strstr(hub_problem(host->hub), "run 'warren pair' on") != NULL);
    T_FALSE(hub_has_circle(guest->hub));
}

static void a_host_that_left_says_so_instead_of_admitting(void **state) {
    host_that_may_not((hubs *)*state, leaves, "this device left the circle");
}

static void a_host_that_was_lowered_says_so_instead_of_admitting(void **state) {
    host_that_may_not((hubs *)*state, is_lowered, "this device was made a member");
}

/* Nobody asks yet; the owner said yes beforehand. */
static void a_window_closes_with_the_role_that_opened_it(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *host = &all->device[0];
    hub_pairing pairing;
    bool done = false;
    hubs_found(all);
    hubs_pair(host, true, &pairing);
    hubs_settle(all);
    T_EQ(host->events[HUB_EV_PAIRING_FAILED], 0);
    T_OK(leaves(host, &done));
    hubs_settle(all);
    T_EQ(host->events[HUB_EV_PAIRING_FAILED], 1);
    T_TRUE(strstr(host->failed, "this device left the circle") != NULL);
}

/* ---- stores that fail ---- */

/* The nth call of the store fails while the circle is made; false: it was made all the same. */
static bool init_fails_at(uint64_t n) {
    void *state = NULL;
    hubs_start(&state);
    hubs *all = (hubs *)state;
    hubs_device *d = &all->device[0];
    char words[HUB_WORDS_MAX];
    bool yes = false;
    hubs_open(d);
    d->fail_at = n;
    wr_err err = hub_init(d->hub, wr_slice_str("zero"), true);
    if (err == WR_OK) {
        store_memory_fail_at(d->disk, 0);
    } else {
        T_ERR(err, WR_ERR_IO);
        hubs_settle(all);
        T_FALSE(hub_has_circle(d->hub));
        T_OK(hub_init(d->hub, wr_slice_str("zero"), true));
    }
    hubs_settle(all);
    T_OK(hub_show_recovery(d->hub, words));
    T_OK(hub_check_recovery(d->hub, wr_slice_str(words), &yes));
    T_TRUE(yes);
    T_OK(hubs_append(d, "first"));
    T_TRUE(d->append.signed_now);
    hubs_close(d);
    hubs_open(d);
    T_EQ(hubs_entries(d, NULL, 0), 1);
    hubs_stop(&state);
    return err != WR_OK;
}

static void a_circle_is_made_whole_whichever_call_of_its_store_failed(void **state) {
    (void)state;
    uint64_t failures = 0;
    for (uint64_t n = 1, without = 0; without < 5; n++) { /* some failures do no harm */
        bool failed = init_fails_at(n);
        failures += failed;
        without = failed ? 0 : without + 1;
    }
    T_TRUE(failures > 10);
}

/* Four appends, while the nth call fails; false: none did. */
static bool append_fails_at(hubs_device *d, uint64_t n) {
    uint64_t ids[1000], after[1000];
    uint32_t count = hubs_entries(d, ids, 1000);
    bool failed = false;
    store_memory_fail_at(d->disk, n);
    for (int i = 0; i < 4; i++) {
        wr_err err = hubs_append(d, "one of four");
        failed = failed || err != WR_OK;
        if (err == WR_OK)
            ids[count++] = d->append.hlc;
        else
            T_ERR(err, WR_ERR_IO);
    }
    store_memory_fail_at(d->disk, 0);
    T_EQ(hubs_entries(d, after, 1000), count);
    T_MEM(after, ids, count * sizeof ids[0]);
    return failed;
}

static void what_was_answered_is_there_and_what_was_refused_is_not(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    uint64_t n = 1, failures = 0;
    hubs_found(all);
    for (uint32_t without = 0; without < 10; n++) {
        bool failed = append_fails_at(d, n);
        failures += failed;
        without = failed ? 0 : without + 1;
    }
    T_TRUE(failures > 10);
    uint32_t count = hubs_entries(d, NULL, 0);
    hubs_close(d);
    hubs_open(d);
    T_EQ(hubs_entries(d, NULL, 0), count);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, hubs_start, hubs_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_join_that_is_cancelled_while_it_dials_never_joins),
        IN_A_WORLD(the_dial_of_a_cancelled_join_is_not_that_of_the_next),
        IN_A_WORLD(a_join_works_after_one_whose_home_could_not_be_made),
        IN_A_WORLD(words_of_an_unfinished_circle_do_not_stay_in_a_home_that_joins),
        IN_A_WORLD(a_code_is_worth_three_tries_however_it_is_typed),
        IN_A_WORLD(the_owners_yes_is_for_the_device_that_was_shown),
        IN_A_WORLD(a_device_comes_in_where_another_has_just_left),
        IN_A_WORLD(a_host_that_left_says_so_instead_of_admitting),
        IN_A_WORLD(a_host_that_was_lowered_says_so_instead_of_admitting),
        IN_A_WORLD(a_window_closes_with_the_role_that_opened_it),
        cmocka_unit_test(a_circle_is_made_whole_whichever_call_of_its_store_failed),
        IN_A_WORLD(what_was_answered_is_there_and_what_was_refused_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
