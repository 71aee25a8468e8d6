/* The words that stories are told in, and the stories of members.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_SCENARIO_WORDS_H
#define SIM_SCENARIO_WORDS_H

#include "flow/members.h"
#include "sim/world_parts.h"

enum { LAPTOP, PHONE, SERVER, TABLET, DESK };

void circle_of_all(world *w);
void cut(world *w, uint32_t from, uint32_t to, bool both_ways);
void mend(world *w, uint32_t a, uint32_t b);
void append(world *w, uint32_t who, uint32_t count);
void all_is_well(world *w);
void must(world *w, bool is_so, const char *what);
hub_status status_of(world *w, uint32_t who);

/* The same circle, where the first one has let in all others, as admins. */
void admins_of_all(world *w);
bool is_in(const world *w, uint32_t for_whom, uint32_t who);
bool are_linked(const world *w, uint32_t a, uint32_t b);
uint64_t generation_of(const world *w, uint32_t who);
uint32_t epochs_of(const world *w, uint32_t who);
uint32_t seeds_of(const world *w, uint32_t who); /* circle seeds that it holds */
void throw_out(world *w, uint32_t who, uint32_t whom, wr_reason reason);
uint32_t alerts_of(world *w, uint32_t who, hub_alert_type type);
uint32_t shown_of(world *w, uint32_t who, uint32_t author); /* entries */
/* One gets all membership ops that the other has, though they do not speak to each other. */
void offer_ops(world *w, uint32_t from, uint32_t to);

/* scenario_members.c */
void a_stolen_phone(world *w);
void stolen_while_asleep(world *w);
void compromised_while_asleep(world *w);
void a_retaliation(world *w);
void a_sleepers_master_key(world *w);
void leaving_and_retired(world *w);
void keys_change_by_themselves(world *w);
void a_key_that_is_due_while_a_device_comes_in(world *w);
void two_that_remove_each_other(world *w);
void a_new_beginning(world *w);
void two_new_beginnings(world *w);

#endif /* SIM_SCENARIO_WORDS_H */
