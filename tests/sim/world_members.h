/* Devices that are thrown out, leave and lose their role, what they do then, and what must hold.
 *
 * A device is outside once an honest one has thrown it out, or it has left.  It goes on running and
 * does as it likes, but nothing of the others depends on it any more.  Somebody who was thrown out
 * and does not know may strike back: he removes his accuser, which then is outside as well.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_WORLD_MEMBERS_H
#define SIM_WORLD_MEMBERS_H

#include "flow/members.h"
#include "sim/world.h"

/* ---- beginning: members worlds are a part of all ---- */

void world_members_open(world *w); /* before the network is drawn */
void world_members_draw(world *w); /* weights of the acts below */

/* ---- acts of the plot ---- */

void world_act_remove(world *w);
void world_act_leave(world *w);
void world_act_role(world *w);
void world_act_strike(world *w);

/* ---- the same, for stories; false: it could not be done ---- */

bool device_remove(device *d, const wr_hash *target, wr_reason reason, bool only);
bool device_say_farewell(device *d);
bool device_set_role(device *d, const device *target, bool admin);
bool device_reset(device *d, device *without); /* w->words; NULL: all are kept */
/* The device, which is outside or not, removes another; it counts as an act of a thief. */
bool device_strike(device *d, device *target);

/* ---- looking ---- */

/* Removed or gone, or about to be by a call that is not answered yet. */
bool device_is_outside(const device *d);
/* Nobody threw it out, and no thief has struck it: it must come to hold what all others hold. */
bool device_is_inside(const device *d);
uint32_t world_insiders(const world *w);
device *world_first_inside(world *w);
bool device_is_admin(device *d); /* world_pair.c */
/* Members, their roles and the circle seed, as the device has them; equal where they are equal. */
uint64_t device_members_digest(device *d);
/* After each event: links, members, and who has lost the membership. */
void world_members_watch(world *w);
void world_members_crashed(const run *r); /* what it was asked is not answered any more */
/* After the first settling: all that are inside write and read on. */
void world_members_end(world *w);
/* How much of the messages of a device another one may show. */
uint64_t world_shown(const device *d, const wr_hash *author);

#endif /* SIM_WORLD_MEMBERS_H */
