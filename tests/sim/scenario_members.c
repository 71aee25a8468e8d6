/* Stories of devices that are stolen, thrown out, or leave.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/scenario_words.h"
#include "sim/world_members.h"

#define DAY (24u * (uint64_t)HOUR)

void a_stolen_phone(world *w) {
    admins_of_all(w);
    append(w, PHONE, 3);
    world_settle(w);
    throw_out(w, LAPTOP, PHONE, WR_REASON_LOST);
    must(w, !are_linked(w, LAPTOP, PHONE), "it still speaks with whom it has removed");
    world_run(w, 10 * SECOND);
    append(w, PHONE, 4);
    append(w, LAPTOP, 2);
    append(w, SERVER, 2);
    world_run(w, 10 * MINUTE);
    must(w, !is_in(w, SERVER, PHONE), "the server has not heard");
    must(w, shown_of(w, SERVER, PHONE) == 3, "what the phone wrote since counts");
    must(w, shown_of(w, PHONE, LAPTOP) == 0, "the phone reads on");
    must(w, shown_of(w, SERVER, LAPTOP) == 2, "the others do not");
    all_is_well(w);
}

/* What the server takes from the thief before it knows better is kept apart. */
static void met_the_thief_first(world *w, wr_reason reason, hub_alert_type alert) {
    admins_of_all(w);
    append(w, PHONE, 2);
    world_settle(w);
    device_plug(&w->devices[SERVER], false);
    world_run(w, 2 * MINUTE);
    throw_out(w, LAPTOP, PHONE, reason);
    append(w, LAPTOP, 1);
    append(w, PHONE, 5);
    cut(w, SERVER, LAPTOP, true);
    cut(w, SERVER, TABLET, true);
    device_plug(&w->devices[SERVER], true);
    world_run(w, 10 * MINUTE);
    must(w, are_linked(w, SERVER, PHONE), "the server does not meet the thief");
    append(w, SERVER, 1);
    must(w, shown_of(w, SERVER, PHONE) == 7, "the thief's entries do not arrive");
    must(w, !is_in(w, TABLET, PHONE), "the tablet has not heard");
    mend(w, SERVER, TABLET);
    world_run(w, 10 * MINUTE);
    must(w, !is_in(w, SERVER, PHONE), "the thief keeps the server from hearing");
    must(w, !are_linked(w, SERVER, PHONE), "the server still speaks with the thief");
    must(w, shown_of(w, SERVER, PHONE) == 2, "the thief's entries count");
    must(w, alerts_of(w, SERVER, alert) == 1, "nobody is told of them");
    all_is_well(w);
    must(w, alerts_of(w, TABLET, alert) == (reason == WR_REASON_LOST), "the tablet has them too");
}

void stolen_while_asleep(world *w) {
    met_the_thief_first(w, WR_REASON_LOST, HUB_ALERT_RECEIVED_WHILE_LOST);
}

void compromised_while_asleep(world *w) {
    met_the_thief_first(w, WR_REASON_COMPROMISED, HUB_ALERT_QUARANTINE);
}

/* It knows all that the others did; only its accuser falls with it. */
void a_retaliation(world *w) {
    admins_of_all(w);
    device_plug(&w->devices[PHONE], false);
    world_run(w, 2 * MINUTE);
    throw_out(w, LAPTOP, PHONE, WR_REASON_COMPROMISED);
    for (uint32_t i = LAPTOP; i <= TABLET; i++)
        if (i != PHONE)
            must(w, device_strike(&w->devices[PHONE], &w->devices[i]), "the thief cannot strike");
    w->devices[SERVER].struck = w->devices[TABLET].struck = false; /* it must not matter */
    world_run(w, SECOND);
    must(w, !is_in(w, SERVER, PHONE), "the server has not heard");
    offer_ops(w, PHONE, SERVER);
    device_plug(&w->devices[PHONE], true);
    world_run(w, 5 * MINUTE);
    must(w, is_in(w, TABLET, SERVER) && is_in(w, SERVER, TABLET), "more than the accuser fell");
    must(w, !is_in(w, TABLET, PHONE) && !is_in(w, TABLET, LAPTOP), "one of the two is in");
    all_is_well(w);
}

static uint32_t struck_by(world *w, uint32_t who, uint32_t whom) {
    hub_removal removal = {.device = w->devices[whom].id, .reason = WR_REASON_LOST, .only = true};
    hub_foresight foresight;
    hub *h = device_enter(&w->devices[who]);
    must(w, hub_foresee(h, &removal, &foresight) == WR_OK, "nothing can be foreseen");
    device_leave(&w->devices[who]);
    return foresight.struck_count;
}

/* On the head that it fell asleep on, the phone lets the laptop have let nobody else in. */
void a_sleepers_master_key(world *w) {
    w->membership = true;
    world_found(w);
    for (uint32_t i = PHONE; i <= DESK; i++) {
        device_start(&w->devices[i]);
        world_pair_two(&w->devices[LAPTOP], &w->devices[i]);
        world_run(w, 10 * SECOND);
        if (i == PHONE)
            device_plug(&w->devices[PHONE], false);
    }
    world_run(w, 2 * MINUTE);
    must(w, struck_by(w, SERVER, PHONE) >= 3, "nobody is warned");
    throw_out(w, SERVER, PHONE, WR_REASON_LOST);
    world_run(w, MINUTE);
    must(w, device_strike(&w->devices[PHONE], &w->devices[LAPTOP]), "the thief cannot strike");
    w->devices[LAPTOP].struck = false; /* it must not matter */
    world_run(w, SECOND);
    offer_ops(w, PHONE, TABLET);
    device_plug(&w->devices[PHONE], true);
    world_run(w, 10 * MINUTE);
    for (uint32_t i = LAPTOP; i <= DESK; i++) {
        if (i == PHONE)
            continue;
        for (uint32_t other = LAPTOP; other <= DESK; other++)
            must(w, is_in(w, i, other) == (other != PHONE), "members are not as they should be");
        must(w, alerts_of(w, i, HUB_ALERT_RETALIATION_HELD) == 1, "the owner is not told");
    }
    all_is_well(w);
}

void leaving_and_retired(world *w) {
    hub_removal retired = {.reason = WR_REASON_RETIRED};
    admins_of_all(w);
    append(w, PHONE, 4);
    world_settle(w);
    retired.device = w->devices[PHONE].id;
    hub *h = device_enter(&w->devices[LAPTOP]);
    must(w, hub_remove(h, &retired, NULL, NULL) == WR_ERR_STATE, "it is retired before it left");
    device_leave(&w->devices[LAPTOP]);
    uint32_t before = epochs_of(w, LAPTOP);
    must(w, device_say_farewell(&w->devices[PHONE]), "it may not leave");
    world_run(w, MINUTE);
    must(w, !is_in(w, LAPTOP, PHONE) && !is_in(w, SERVER, PHONE), "nobody has heard");
    append(w, SERVER, 1);
    append(w, PHONE, 2); /* refused */
    must(w, epochs_of(w, LAPTOP) > before, "nobody has changed the key");
    throw_out(w, LAPTOP, PHONE, WR_REASON_RETIRED);
    world_run(w, 10 * MINUTE);
    must(w, shown_of(w, SERVER, PHONE) == 4, "not what it left counts");
    must(w, shown_of(w, PHONE, PHONE) == 4, "it writes on, or does not read its own");
    must(w, shown_of(w, PHONE, SERVER) == 0, "it reads on");
    all_is_well(w);
}

void keys_change_by_themselves(world *w) {
    admins_of_all(w);
    append(w, SERVER, 2);
    world_settle(w);
    uint32_t before = epochs_of(w, LAPTOP);
    device_sleep(&w->devices[SERVER], 100 * DAY);
    for (uint32_t week = 0; week < 12; week++) {
        device_sleep(&w->devices[LAPTOP], 8 * DAY);
        device_sleep(&w->devices[PHONE], 8 * DAY);
        world_run(w, 8 * DAY + MINUTE);
        append(w, week % 2 == 0 ? LAPTOP : PHONE, 1);
        world_run(w, MINUTE);
    }
    must(w, epochs_of(w, LAPTOP) >= before + 12, "the key stays the same");
    must(w, epochs_of(w, SERVER) == before, "the server does not sleep");
    device_sleep(&w->devices[LAPTOP], 5 * DAY);
    device_sleep(&w->devices[PHONE], 5 * DAY);
    world_run(w, 5 * DAY);
    append(w, SERVER, 1);
    all_is_well(w);
    must(w, shown_of(w, SERVER, LAPTOP) + shown_of(w, SERVER, PHONE) == 12 + 2,
         "who slept for months does not read everything");
}

/* The guest dies at one moment or another, and its host hears a farewell while the ADD that may
 * have left is kept: a new key is due, and must wait for that without keeping anybody awake. */
void a_key_that_is_due_while_a_device_comes_in(world *w) {
    w->membership = true;
    world_found(w);
    device_start(&w->devices[PHONE]);
    world_pair_two(&w->devices[LAPTOP], &w->devices[PHONE]);
    world_run(w, MINUTE);
    device_plug(&w->devices[PHONE], false);
    world_run(w, 2 * MINUTE);
    must(w, device_say_farewell(&w->devices[PHONE]), "it may not leave");
    device_start(&w->devices[SERVER]);
    device_end_at(&w->devices[SERVER], 1 + (uint32_t)(w->options.seed % 10),
                  w->options.seed % 2 == 0);
    (void)world_pair(w);
    world_run(w, 20 * SECOND);
    device_plug(&w->devices[PHONE], true);
    world_run(w, 4 * MINUTE);
    must(w, !is_in(w, LAPTOP, PHONE), "the farewell is not heard");
    device_start(&w->devices[SERVER]);
    world_pair_rest(w);
    append(w, LAPTOP, 1);
    all_is_well(w);
}

void two_that_remove_each_other(world *w) {
    admins_of_all(w);
    append(w, LAPTOP, 1);
    append(w, PHONE, 1);
    world_settle(w);
    device_plug(&w->devices[LAPTOP], false);
    device_plug(&w->devices[PHONE], false);
    world_run(w, 2 * MINUTE);
    throw_out(w, LAPTOP, PHONE, WR_REASON_LOST);
    must(w, device_strike(&w->devices[PHONE], &w->devices[LAPTOP]), "it cannot answer");
    cut(w, LAPTOP, TABLET, true);
    cut(w, PHONE, SERVER, true);
    cut(w, SERVER, TABLET, true);
    device_plug(&w->devices[LAPTOP], true);
    device_plug(&w->devices[PHONE], true);
    world_run(w, 5 * MINUTE);
    must(w, is_in(w, SERVER, LAPTOP) && !is_in(w, SERVER, PHONE), "the server has not heard");
    must(w, is_in(w, TABLET, PHONE) && !is_in(w, TABLET, LAPTOP), "the tablet has not heard");
    mend(w, SERVER, TABLET);
    world_run(w, 5 * MINUTE);
    for (uint32_t i = SERVER; i <= TABLET; i++)
        must(w,
             !is_in(w, i, LAPTOP) && !is_in(w, i, PHONE) && is_in(w, i, SERVER) &&
                 is_in(w, i, TABLET),
             "not both are out, or more than both");
    all_is_well(w);
}

/* What the sleeper wrote on its own can be read; what the phone writes on counts for nobody. */
void a_new_beginning(world *w) {
    w->keeps_words = true;
    admins_of_all(w);
    append(w, PHONE, 3);
    append(w, SERVER, 1);
    world_settle(w);
    device_plug(&w->devices[SERVER], false);
    world_run(w, MINUTE);
    append(w, SERVER, 4);
    must(w, device_reset(&w->devices[LAPTOP], &w->devices[PHONE]), "it cannot begin anew");
    append(w, PHONE, 2);
    append(w, LAPTOP, 2);
    world_run(w, 5 * MINUTE);
    must(w, generation_of(w, TABLET) == 1, "the tablet has not heard");
    must(w, !are_linked(w, LAPTOP, PHONE), "it still speaks with whom it left behind");
    device_plug(&w->devices[SERVER], true);
    world_run(w, 10 * MINUTE);
    must(w, generation_of(w, SERVER) == 1, "the server has not heard");
    must(w, is_in(w, SERVER, TABLET) && is_in(w, TABLET, SERVER), "who was kept is out");
    must(w, !is_in(w, SERVER, PHONE), "the phone is in");
    must(w, shown_of(w, SERVER, PHONE) == 3, "what the phone wrote since counts");
    must(w, shown_of(w, TABLET, SERVER) == 5, "what the server wrote meanwhile is lost");
    must(w, shown_of(w, PHONE, LAPTOP) == 0, "the phone reads on");
    must(w, seeds_of(w, PHONE) == 1, "the phone knows the new seed");
    device_plug(&w->devices[SERVER], false);
    device_crash(&w->devices[SERVER], false);
    device_start(&w->devices[SERVER]);
    must(w, seeds_of(w, SERVER) == 2, "a seed was not stored");
    device_plug(&w->devices[SERVER], true);
    world_run(w, MINUTE);
    append(w, SERVER, 1);
    append(w, TABLET, 1);
    all_is_well(w);
    must(w, epochs_of(w, LAPTOP) == epochs_of(w, SERVER), "they hold different keys");
}

void two_new_beginnings(world *w) {
    w->keeps_words = true;
    admins_of_all(w);
    append(w, SERVER, 1);
    world_settle(w);
    for (uint32_t i = PHONE; i <= TABLET; i++)
        cut(w, LAPTOP, i, true);
    world_run(w, MINUTE);
    must(w, device_reset(&w->devices[LAPTOP], NULL), "it cannot begin anew");
    append(w, LAPTOP, 2);
    world_run(w, MINUTE);
    must(w, device_reset(&w->devices[SERVER], NULL), "nor can the other");
    append(w, SERVER, 2);
    append(w, PHONE, 1);
    world_run(w, 5 * MINUTE);
    for (uint32_t i = PHONE; i <= TABLET; i++)
        mend(w, LAPTOP, i);
    world_run(w, 10 * MINUTE);
    append(w, LAPTOP, 1);
    all_is_well(w);
    for (uint32_t i = LAPTOP; i <= TABLET; i++) {
        must(w, generation_of(w, i) == 1, "the number of the generation differs");
        must(w, epochs_of(w, i) == epochs_of(w, SERVER), "they hold different keys");
        must(w, shown_of(w, i, LAPTOP) >= 3, "what was written under the smaller one is lost");
        must(w, alerts_of(w, i, HUB_ALERT_EQUIVOCATION) == 0, "somebody is accused");
    }
}
