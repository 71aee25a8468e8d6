/* The parts of a world beside its devices: what happens to them, and what must hold.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_WORLD_PARTS_H
#define SIM_WORLD_PARTS_H

#include "sim/world.h"

/* ---- world_plot.c -------------------------------------------------------------------------- */

void world_draw_plot(world *w);
void world_step(world *w);
/* All faults end, all devices start. */
void world_heal(world *w);
/* Until all devices hold the same and nothing waits, or fails. */
void world_settle(world *w);
/* Some device was set back and has said two things since, to different ones: so these cannot hold
 * the same any more.  None of them holds a mixture of both, or the ledger would have told. */
bool world_is_forked(world *w);

/* ---- world_rhythm.c ------------------------------------------------------------------------ */

void world_rhythm_start(world *w);
void world_rhythm_stop(world *w);

/* ---- world_harm.c -------------------------------------------------------------------------- */

void device_fill_disk(device *d, uint64_t ms); /* for so long */
void device_empty_disk(device *d);
void run_slow_disk(run *r); /* at its beginning */
/* A copy of its home, in place of an earlier one. */
void device_back_up(device *d);
void device_forget_backup(device *d);
/* It dies, and goes on from the copy. */
void device_set_back(device *d);
/* Device to, which is off and has no home, gets a copy of that of from. */
void device_clone(device *from, device *to);
void world_drawer(world *w); /* in which everything lies for days or months */

/* ---- world_net.c --------------------------------------------------------------------------- */

void world_net_draw(world *w);
/* One can dial the other.  All can dial device 0. */
bool world_net_reaches(const world *w, const device *from, const device *to);
/* .. at the address that to itself believes to have. */
bool world_net_reaches_local(const world *w, const device *from, const device *to);
void world_net_split(world *w);  /* some devices are cut off all others */
void world_net_forget(world *w); /* a NAT starts again */

/* ---- world_pair.c -------------------------------------------------------------------------- */

void world_found(world *w);
/* Until the first one has come in. */
void world_pair_first(world *w);
/* Some device outside tries to come in; false: none, or nobody may let it in now. */
bool world_pair(world *w);
/* The host, an admin, makes the guest one. */
void world_pair_two(device *host, device *guest);
/* All that are outside come in. */
void world_pair_rest(world *w);
/* Its owner brings a home that is in, and cannot sign, in again as a new device; the end comes
 * later.
 */
bool world_rejoin(device *guest);
void world_rejoin_lost(world *w); /* .. of those that lost what nobody has */
void pair_event(device *d, const hub_event *event);

/* ---- world_tap.c --------------------------------------------------------------------------- */

void world_tap_open(world *w);
/* The attacker, if there is one, acts while active. */
void world_tap_active(world *w, bool active);
void world_tap_stop(world *w);
void world_tap_tell(const world *w); /* what it did, for people */
void world_tap_close(world *w);      /* before the network */
/* From now on this text must not leave any device: see attack_leak.h. */
void world_forbid(world *w, const char *what, uint32_t number, wr_slice text);
void world_forbid_words(world *w, const char *what, uint32_t number, const char *words);
void world_forbid_secrets(const device *d, const keystore_secrets *secrets);
void world_forbid_join(const device *d);   /* what it will be, if its join succeeds */
void world_forbid_circle(const device *d); /* it holds what all members hold */

/* ---- world_traitor.c ----------------------------------------------------------------------- */

void world_traitor_open(world *w);
void world_traitor_step(world *w); /* it may turn now */
void world_traitor_heal(world *w); /* it stops, or nothing is in its way */
void world_traitor_end(world *w);  /* once the others have settled: can they see forks? */
void world_traitor_tell(const world *w);
void world_traitor_stop(world *w);
void world_traitor_close(world *w);
bool world_is_traitor(const world *w, const wr_hash *device_id); /* and has turned */
/* Checks what a device shows of it; true: it was written after it turned. */
bool world_traitor_shown(device *d, uint32_t log, const hub_entry *entry);
const wr_hash *world_traitor_id(const world *w);            /* NULL: nobody has turned */
const struct wr_graph *world_traitor_graph(const world *w); /* .. then this is not asked */
/* It removes the device; false: it may not. */
bool world_traitor_strike(world *w, const wr_hash *device_id);
bool world_traitor_holds(void *ctx, const wr_hash *device_id, const wr_hash *epoch_id);
/* May this alert be about it? */
bool world_traitor_alert(const device *d, const char *text);

/* ---- world_log.c --------------------------------------------------------------------------- */

extern const char *const world_log_names[WORLD_LOGS];
void world_append(device *d, uint32_t count);
/* Subscribers read what is new; false: the disk did not let them, they have to try again. */
bool device_follow(device *d);
/* What the device shows now breaks no promise; complete: all that was answered anywhere is there.
 */
uint64_t world_check(device *d, bool complete); /* gives device_digest */
/* One hash over all that a device shows in all logs. */
uint64_t device_digest(device *d);
/* Of all devices that can be asked right now; those that hold the same show the same. */
void world_check_now(world *w);
/* After world_settle: everything. */
void world_check_all(world *w);

#endif /* SIM_WORLD_PARTS_H */
