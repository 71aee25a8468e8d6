/* The stories.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/scenario.h"

#include "sim/scenario_words.h"

/* ---- days ---- */

static void an_ordinary_evening(world *w) {
    circle_of_all(w);
    append(w, LAPTOP, 5);
    append(w, PHONE, 3);
    append(w, SERVER, 1);
    world_run(w, 10 * SECOND);
    must(w, status_of(w, PHONE).entries == status_of(w, SERVER).entries, "not all has arrived");
    all_is_well(w);
}

static void a_phone_in_a_tunnel(world *w) {
    circle_of_all(w);
    cut(w, PHONE, LAPTOP, true);
    cut(w, PHONE, SERVER, true);
    append(w, PHONE, 4);
    append(w, LAPTOP, 7);
    world_run(w, 5 * MINUTE);
    append(w, PHONE, 2);
    mend(w, PHONE, LAPTOP);
    mend(w, PHONE, SERVER);
    all_is_well(w);
}

/* It hears the laptop, and is not heard: no harm, and through the server all arrives. */
static void a_path_that_works_one_way(world *w) {
    circle_of_all(w);
    cut(w, PHONE, LAPTOP, false);
    append(w, PHONE, 3);
    append(w, LAPTOP, 3);
    world_run(w, 10 * MINUTE);
    must(w, status_of(w, LAPTOP).entries == status_of(w, PHONE).entries, "it went no other way");
    all_is_well(w);
}

/* The laptop has no way to the phone but through the server, and the tablet, which has none to the
 * phone either, is what it listens to. */
static void a_chain_of_devices(world *w) {
    circle_of_all(w);
    cut(w, PHONE, LAPTOP, true);
    cut(w, PHONE, TABLET, true);
    cut(w, SERVER, TABLET, true);
    world_run(w, 2 * MINUTE);
    append(w, PHONE, 5);
    world_run(w, 2 * MINUTE);
    must(w, status_of(w, TABLET).entries == status_of(w, PHONE).entries,
         "the end of it lacks some");
    all_is_well(w);
}

static void months_in_a_drawer(world *w) {
    circle_of_all(w);
    append(w, LAPTOP, 2);
    world_drawer(w);
    append(w, PHONE, 2);
    all_is_well(w);
}

/* ---- machines that break ---- */

static void a_disk_that_is_full(world *w) {
    circle_of_all(w);
    device_fill_disk(&w->devices[SERVER], HOUR);
    append(w, LAPTOP, 20);
    append(w, SERVER, 1); /* is refused */
    world_run(w, 30 * MINUTE);
    must(w, status_of(w, LAPTOP).entries == status_of(w, PHONE).entries, "others were held up");
    world_run(w, HOUR);
    all_is_well(w);
    append(w, SERVER, 1);
    all_is_well(w);
}

/* The host dies at each of the moments in which it lets a device in, and both come back. */
static void a_host_that_dies_as_it_admits(world *w) {
    world_found(w);
    device_start(&w->devices[PHONE]);
    for (uint32_t call = 1; call < 40 && !device_is_member(&w->devices[PHONE]); call++) {
        (void)world_pair(w);
        if (device_is_up(&w->devices[LAPTOP]))
            device_end_at(&w->devices[LAPTOP], call, call % 2 == 0);
        world_run(w, 10 * MINUTE);
        device_start(&w->devices[LAPTOP]);
        device_end_at(&w->devices[LAPTOP], UINT32_MAX, false); /* not again */
        device_start(&w->devices[PHONE]);
        world_run(w, MINUTE);
    }
    world_pair_rest(w);
    append(w, LAPTOP, 1);
    all_is_well(w);
}

/* ---- homes that are older than they think ---- */

static void set_back_and_told_in_time(world *w) {
    circle_of_all(w);
    device_back_up(&w->devices[PHONE]);
    append(w, PHONE, 6);
    world_settle(w);
    device_set_back(&w->devices[PHONE]);
    append(w, PHONE, 2);
    all_is_well(w);
    must(w, w->counts.alerts == 0 && !world_is_forked(w), "it has forked though it could know");
}

/* The backup holds entries that wait to be signed, and they were signed since. */
static void set_back_with_a_tail(world *w) {
    circle_of_all(w);
    device_plug(&w->devices[PHONE], false);
    device_crash(&w->devices[PHONE], false);
    device_start(&w->devices[PHONE]);
    append(w, PHONE, 3);
    must(w, status_of(w, PHONE).pending == 3, "it signs though nobody has confirmed it");
    device_back_up(&w->devices[PHONE]);
    device_plug(&w->devices[PHONE], true);
    world_settle(w);
    append(w, PHONE, 1);
    device_set_back(&w->devices[PHONE]);
    append(w, PHONE, 1);
    all_is_well(w);
}

/* With a clock that stands still behind the circle's, what it writes after it was set back gets the
 * times of what it had written before; it is another entry all the same. */
static void set_back_with_a_slow_clock(world *w) {
    device *phone = &w->devices[PHONE];
    circle_of_all(w);
    append(w, PHONE, 1);
    phone->wall_offset_ms -= HOUR;
    loop_sim_set_wall(phone->run->loop, phone->wall_offset_ms);
    device_back_up(phone);
    for (uint32_t i = 0; i < 20; i++)
        append(w, PHONE, 1);
    world_settle(w);
    device_plug(phone, false);
    device_set_back(phone);
    for (uint32_t i = 0; i < 20; i++)
        append(w, PHONE, 1);
    all_is_well(w);
}

/* The server alone confirms it, and does not know the newest. */
static void set_back_beside_the_server(world *w) {
    circle_of_all(w);
    device_back_up(&w->devices[PHONE]);
    cut(w, PHONE, SERVER, true);
    cut(w, LAPTOP, SERVER, true);
    append(w, PHONE, 6);
    cut(w, PHONE, LAPTOP, true);
    mend(w, PHONE, SERVER);
    device_set_back(&w->devices[PHONE]);
    world_run(w, 2 * MINUTE);
}

/* The phone says nothing until the laptop, who does, is back. */
static void set_back_and_told_late(world *w) {
    set_back_beside_the_server(w);
    all_is_well(w);
    must(w, w->counts.alerts == 0 && !world_is_forked(w), "it has forked though it said nothing");
}

/* .. and here it speaks in between: that cannot be mended, but it must be noticed. */
static void set_back_and_told_too_late(world *w) {
    set_back_beside_the_server(w);
    append(w, PHONE, 1);
    world_heal(w);
    world_run(w, 10 * MINUTE);
    must(w, world_is_forked(w), "the story has lost its fork");
    must(w, w->counts.alerts > 0, "a fork, and nobody has noticed it");
}

enum { COPY = 3 };

static void copy_of_the_phone(world *w) {
    world_found(w);
    device_start(&w->devices[PHONE]);
    device_start(&w->devices[SERVER]);
    for (uint32_t i = PHONE; i <= SERVER;) {
        (void)world_pair(w);
        world_run(w, MINUTE);
        i += device_is_member(&w->devices[i]);
    }
    append(w, PHONE, 3);
    world_run(w, 10 * SECOND);
    device_clone(&w->devices[PHONE], &w->devices[COPY]);
    device_start(&w->devices[COPY]);
}

/* A home was copied to another machine, and both run: the second one signs nothing, answers, and
 * says why, until the first has gone. */
static void a_home_in_two_places(world *w) {
    copy_of_the_phone(w);
    for (uint32_t i = 0; i < 20; i++) {
        append(w, PHONE, 1);
        append(w, COPY, 1);
        if (i == 10) /* whoever comes back first is not the one */
            device_crash(&w->devices[SERVER], false);
        world_run(w, 30 * SECOND);
        device_start(&w->devices[SERVER]);
        world_run(w, 30 * SECOND);
    }
    must(w, !world_is_forked(w), "both copies of a home sign");
    must(w, status_of(w, PHONE).pending == 0, "the first copy does not sign");
    must(w, status_of(w, COPY).pending == 20, "the second copy signs");
    must(w, status_of(w, COPY).hold == HUB_HOLD_TWIN, "it does not say why");
    must(w, alerts_of(w, COPY, HUB_ALERT_ROLLBACK) != 0, "nobody is told of the copy");
    device_stop(&w->devices[PHONE]);
    world_run(w, MINUTE);
    must(w, status_of(w, COPY).pending == 0, "the copy does not go on when it is alone");
    must(w, status_of(w, LAPTOP).entries == 3 + 20 + 20, "something was lost");
    must(w, !world_is_forked(w), "it signs what the other one has signed");
}

/* Each speaks with one sibling. */
static void a_home_in_two_worlds(world *w, bool siblings_speak) {
    copy_of_the_phone(w);
    device_crash(&w->devices[COPY], false);
    if (!siblings_speak)
        cut(w, LAPTOP, SERVER, true);
    cut(w, PHONE, SERVER, true);
    cut(w, COPY, LAPTOP, true);
    cut(w, COPY, PHONE, true);
    device_start(&w->devices[COPY]);
    world_run(w, MINUTE);
}

/* Nothing but entries was signed twice, and two siblings hold a branch each: that ends the id. */
static void it_is_out(world *w, uint64_t ms) {
    must(w, world_is_forked(w), "the story has lost its fork");
    for (uint64_t at = 0; at < ms && (is_in(w, LAPTOP, PHONE) || is_in(w, SERVER, PHONE));
         at += SECOND)
        world_run(w, SECOND);
    must(w, w->counts.alerts != 0, "a home is in use twice, and nobody has noticed it");
    must(w, !is_in(w, LAPTOP, PHONE) && !is_in(w, SERVER, PHONE), "nobody has accused it");
    must(w, alerts_of(w, LAPTOP, HUB_ALERT_EQUIVOCATION) == 1, "the owner is not told");
    must(w, alerts_of(w, SERVER, HUB_ALERT_EQUIVOCATION) == 1, "nor at the other sibling");
}

/* The siblings do not speak with each other: that cannot be told before both have signed.  Whoever
 * hears of both must tell. */
static void two_worlds_meet(world *w) {
    a_home_in_two_worlds(w, false);
    append(w, PHONE, 2);
    append(w, COPY, 1);
    world_run(w, MINUTE);
    world_heal(w);
    it_is_out(w, 6 * MINUTE);
}

/* The copies are gone when the siblings meet: these alone have to find out. */
static void siblings_compare(world *w, uint32_t of_phone, uint32_t of_copy) {
    a_home_in_two_worlds(w, false);
    for (uint32_t i = 0; i < of_phone || i < of_copy; i++) {
        if (i < of_phone)
            append(w, PHONE, 1);
        if (i < of_copy)
            append(w, COPY, 1);
        world_run(w, 10 * SECOND);
    }
    world_run(w, MINUTE);
    device_plug(&w->devices[PHONE], false);
    device_plug(&w->devices[COPY], false);
    mend(w, LAPTOP, SERVER);
    it_is_out(w, 6 * MINUTE);
}

static void siblings_compare_one_number(world *w) {
    siblings_compare(w, 1, 1);
}

static void siblings_compare_the_next(world *w) {
    siblings_compare(w, 1, 2);
}

static void siblings_compare_lengths(world *w) {
    siblings_compare(w, 9, 3);
}

/* They speak all the time, and both grow at once: no entry tells them. */
static void siblings_grow_apart(world *w) {
    a_home_in_two_worlds(w, true);
    append(w, PHONE, 1);
    append(w, COPY, 1);
    it_is_out(w, 6 * MINUTE);
}

/* What it lost one sibling has in part, under a checkpoint whose rest nobody has: it can never sign
 * again as the device that it was. */
static void set_back_for_ever(world *w) {
    circle_of_all(w);
    append(w, PHONE, 5);
    world_settle(w);
    device_back_up(&w->devices[PHONE]);
    cut(w, PHONE, LAPTOP, true);
    cut(w, PHONE, SERVER, true);
    for (uint32_t i = 0; i < 8; i++)
        append(w, PHONE, WORLD_BATCH_MAX);
    mend(w, PHONE, LAPTOP);
    uint64_t partly = status_of(w, LAPTOP).entries;
    for (uint32_t ms = 0, grown = 0; ms < 5 * MINUTE && grown < 2; ms++) {
        world_run(w, 1); /* the first unit may have been under way, and is whole by itself */
        grown += status_of(w, LAPTOP).entries != partly;
        partly = status_of(w, LAPTOP).entries;
    }
    must(w, partly < status_of(w, PHONE).entries, "it is there in full");
    device_set_back(&w->devices[PHONE]);
    append(w, PHONE, 2);
    world_run(w, 2 * MINUTE);
    must(w, status_of(w, PHONE).hold == HUB_HOLD_LOST, "it does not say that nobody has it");
    must(w, alerts_of(w, PHONE, HUB_ALERT_ROLLBACK) != 0, "its owner is not told");
    must(w, status_of(w, PHONE).pending == 2, "it signs");
    for (uint32_t tries = 0; tries < 20 && !w->rejoined; tries++) {
        (void)world_rejoin(&w->devices[PHONE]); /* by the laptop, if it is not the server */
        world_run(w, MINUTE);
    }
    must(w, w->rejoined, "it does not come in again");
    must(w, status_of(w, PHONE).pending == 0, "what waited is not signed");
    must(w, status_of(w, LAPTOP).entries == partly + 2, "what waited does not arrive");
    append(w, PHONE, 1);
    world_run(w, 10 * SECOND);
    must(w, status_of(w, LAPTOP).entries == partly + 3, "it does not go on");
}

const scenario scenarios[] = {
    {"ordinary_evening", "three devices, a few entries", 3, an_ordinary_evening},
    {"tunnel", "a phone is cut off, both sides write on", 3, a_phone_in_a_tunnel},
    {"one_way", "a path works in one direction only", 3, a_path_that_works_one_way},
    {"chain", "entries pass through two devices that the writer does not reach", 4,
     a_chain_of_devices},
    {"drawer", "all sleep for months", 3, months_in_a_drawer},
    {"disk_full", "a disk is full for an hour", 3, a_disk_that_is_full},
    {"host_dies", "a host dies at each moment of admitting a device", 2,
     a_host_that_dies_as_it_admits},
    {"set_back", "a home is replaced by its backup, siblings are there", 3,
     set_back_and_told_in_time},
    {"set_back_tail", "what waits in the old home was signed since", 3, set_back_with_a_tail},
    {"set_back_clock", "what the old home writes gets times that were used since", 3,
     set_back_with_a_slow_clock},
    {"set_back_late", "who confirms the old home does not know the newest", 3,
     set_back_and_told_late},
    {"set_back_fork", "an old home writes before it can know better", 3,
     set_back_and_told_too_late},
    {"set_back_for_ever", "nobody has all of what was lost", 3, set_back_for_ever},
    {"clone", "a home is copied, and both run beside a sibling", 4, a_home_in_two_places},
    {"clone_apart", "the copies of a home meet different siblings", 4, two_worlds_meet},
    {"fork_even", "two siblings hold branches of one number", 4, siblings_compare_one_number},
    {"fork_next", ".. one branch is one longer", 4, siblings_compare_the_next},
    {"fork_longer", ".. one is much longer", 4, siblings_compare_lengths},
    {"fork_beside", ".. and the siblings spoke while the branches grew", 4, siblings_grow_apart},
    {"stolen_phone", "a phone is removed while it is online", 3, a_stolen_phone},
    {"stolen_while_asleep", "who slept through a removal meets the thief first", 4,
     stolen_while_asleep},
    {"compromised_asleep", "the same, where the thief has the keys", 4, compromised_while_asleep},
    {"retaliation", "a thief removes everybody", 4, a_retaliation},
    {"sleeper_master_key", "a thief whose device slept removes who let in all the others", 5,
     a_sleepers_master_key},
    {"leave_and_retire", "a device says farewell and is tidied away", 3, leaving_and_retired},
    {"rotation_without_removal", "keys change every week, and one sleeps for months", 3,
     keys_change_by_themselves},
    {"key_due_while_pairing", "a device leaves while another comes in", 3,
     a_key_that_is_due_while_a_device_comes_in},
    {"two_admins_remove_each_other", "both are out, and the others go on", 4,
     two_that_remove_each_other},
    {"reset", "the owner begins anew without a phone, and one sleeps", 4, a_new_beginning},
    {"two_resets", "two homes begin anew, and do not know of one another", 4, two_new_beginnings},
};
const size_t scenario_count = WR_COUNT(scenarios);

const scenario *scenario_find(const char *name) {
    for (size_t i = 0; i < scenario_count; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}
