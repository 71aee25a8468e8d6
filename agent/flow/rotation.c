/* When this device makes a new epoch: there is none to write under, or the one is old or full.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/hub_impl.h"

#define ROTATE_WAIT_MS 3000u /* at most, so that not all devices make one at once */

/* Is somebody waiting for a key to write under? */
static bool writes(const hub *h) {
    return h->jobs != NULL || h->tail_count > h->tail_damaged;
}

static wr_err rotate(hub *h) {
    h->rotate_at = WR_MONO_NEVER;
    wr_err err = wr_self_rotate(h->self, hub_now(h));
    /* A graph that is full takes none, and a device that was struck has none to give. */
    if (err != WR_ERR_LIMIT && err != WR_ERR_REFUSED)
        WR_TRY(err);
    return hub_drain(h);
}

/* spec:circle#5.4 "at once when an entry waits, and else after a random time of up to three
 * seconds." */
wr_err rotation_turn(hub *h) {
    wr_now now = hub_now(h);
    bool none = wr_self_write_epoch(h->self) == NULL;
    if (!wr_self_rotation_due(h->self, now) || (!none && !writes(h))) {
        h->rotate_at = WR_MONO_NEVER;
        return WR_OK;
    }
    if (pairflow_unsettled(h)) {
        h->rotate_at = WR_MONO_NEVER; /* a time that has come would wake us without end */
        return WR_OK;
    }
    if (none && !writes(h) && h->rotate_at.ms == WR_MONO_NEVER.ms) {
        h->rotate_at = wr_mono_add(now.mono, wr_rng_below(&h->config.rng, ROTATE_WAIT_MS));
        return WR_OK;
    }
    if (!writes(h) && !wr_mono_reached(h->rotate_at, now.mono))
        return WR_OK;
    return rotate(h);
}

wr_err rotation_key(hub *h) {
    bool due = wr_self_write_epoch(h->self) == NULL && wr_self_rotation_due(h->self, hub_now(h));
    return due && !pairflow_unsettled(h) ? rotate(h) : WR_OK;
}

void rotation_off(hub *h) {
    h->rotate_at = WR_MONO_NEVER;
}

wr_mono rotation_deadline(const hub *h) {
    return h->self != NULL ? h->rotate_at : WR_MONO_NEVER;
}

/* An ADD that may have left has the place of the next op: entries wait in the tail for its end. */
bool rotation_blocked(const hub *h) {
    return !wr_self_has_room(h->self) && pairflow_unsettled(h);
}

/* The open run is closed first: what stands in it counts for the old epoch. */
wr_err rotation_make_room(hub *h) {
    if (wr_self_has_room(h->self) || rotation_blocked(h) ||
        !wr_self_rotation_due(h->self, hub_now(h)))
        return WR_OK;
    WR_TRY(wr_self_close_run(h->self));
    WR_TRY(hub_drain(h));
    return rotate(h);
}
