/* This home was set back to an old copy, or another copy of it is running: what is found, what the
 * owner is told, and why nothing is signed meanwhile.
 *
 *   twin     a sibling has a session with another process of this device
 *   behind   siblings hold entries or ops of this device that are not here
 *   lost     .. and nobody who was met has all of them: they do not come back
 *   regained they came back
 *
 * What was found is kept until the owner has seen it (alerts.c); whether it still lasts is not.
 *
 * Spec:   proto/spec/sync.md 5
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>

#include "flow/hub_impl.h"
#include "flow/members.h"

#define LOST_MS 60000u /* nothing of what is missing came for so long */
#define META_SIZE (8u + 8u + 8u + WR_HASH_SIZE)

/* ---- what is kept ---- */

typedef struct finding { /* at meta "rollback.<kind>" */
    uint64_t ms;
    uint64_t entries, ops;
    wr_hash by; /* the sibling that showed it */
} finding;

static wr_slice key_of(rollback_kind kind) {
    static const char *const keys[] = {"rollback.twin", "rollback.lost", "rollback.back"};
    return wr_slice_str(keys[kind]);
}

static wr_err put_finding(hub *h, rollback_kind kind, const finding *found) {
    uint8_t bytes[META_SIZE];
    wr_store_u64(bytes, found->ms);
    wr_store_u64(bytes + 8, found->entries);
    wr_store_u64(bytes + 16, found->ops);
    memcpy(bytes + 24, found->by.b, WR_HASH_SIZE);
    WR_TRY(hub_begin(h));
    return store_put_meta(h->store, key_of(kind), wr_slice_of(bytes, sizeof bytes));
}

static wr_err get_finding(hub *h, rollback_kind kind, finding *ret_found, bool *ret_any) {
    uint8_t bytes[META_SIZE];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_err err = store_get_meta(h->store, key_of(kind), &out);
    *ret_any = err == WR_OK;
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    if (out.len != sizeof bytes)
        return WR_ERR_CORRUPT;
    *ret_found = (finding){.ms = wr_load_u64(bytes),
                           .entries = wr_load_u64(bytes + 8),
                           .ops = wr_load_u64(bytes + 16)};
    memcpy(ret_found->by.b, bytes + 24, WR_HASH_SIZE);
    return WR_OK;
}

/* ---- what people read ---- */

static void say(const finding *found, rollback_kind kind, char text[HUB_ALERT_TEXT_MAX]) {
    char by[HUB_SHORT_ID_SIZE];
    hub_short_id(&found->by, by);
    switch (kind) {
    case ROLLBACK_TWIN:
        snprintf(text, HUB_ALERT_TEXT_MAX,
                 "another copy of this device is running: %s has a session with it; this one signs "
                 "nothing until that one stops, or until it comes in as a new device with "
                 "'warren join --again'",
                 by);
        break;
    case ROLLBACK_LOST:
        snprintf(
            text, HUB_ALERT_TEXT_MAX,
            "this home was set back to an old state: %s knows of %" PRIu64 " entries and %" PRIu64
            " ops of this device that nobody here holds in full; it signs nothing until a sibling "
            "brings them, or it comes in as a new device with 'warren join --again'",
            by, found->entries, found->ops);
        break;
    case ROLLBACK_BACK:
        snprintf(text, HUB_ALERT_TEXT_MAX,
                 "this home was set back to an old state: %" PRIu64 " entries and %" PRIu64
                 " ops of this device came back from siblings",
                 found->entries, found->ops);
        break;
    }
}

static void tell(hub *h, const finding *found, rollback_kind kind) {
    char text[HUB_ALERT_TEXT_MAX];
    say(found, kind, text);
    hub_tell(h, &(hub_event){.type = HUB_EV_ROLLBACK, .text = text});
}

/* The time makes it another one than an earlier one that was dismissed, and the kind than another
 * of that time, within the characters that people are shown. */
static wr_hash id_of(const hub *h, rollback_kind kind, uint64_t ms) {
    wr_hash id = wr_self_identity(h->self)->device_id;
    for (uint32_t i = 0; i < 8; i++)
        id.b[i] ^= (uint8_t)(ms >> (8u * i));
    id.b[HUB_SHORT_ID_BYTES - 1] ^= (uint8_t)(kind + 1);
    return id;
}

wr_err rollback_alert(hub *h, rollback_kind kind, hub_alert *ret_alert, bool *ret_any) {
    finding found;
    WR_TRY(get_finding(h, kind, &found, ret_any));
    if (!*ret_any)
        return WR_OK;
    *ret_alert = (hub_alert){.id = id_of(h, kind, found.ms),
                             .type = HUB_ALERT_ROLLBACK,
                             .device = wr_self_identity(h->self)->device_id,
                             .ms = found.ms,
                             .entries = found.entries};
    say(&found, kind, ret_alert->text);
    return WR_OK;
}

/* ---- what is found ---- */

void rollback_twin(hub *h, const wr_hash *by) {
    finding found = {.ms = hub_now(h).wall.ms, .by = *by};
    if (h->rollback.twin)
        return; /* it is told again with each try */
    h->rollback.twin = true;
    tell(h, &found, ROLLBACK_TWIN);
    if (put_finding(h, ROLLBACK_TWIN, &found) != WR_OK)
        hub_give_up(h, WR_ERR_IO);
}

/* The sibling that knows the most of this device beyond what is here; NULL: none does. */
static const conn *find_ahead(const hub *h, uint64_t *ret_entries, uint64_t *ret_ops) {
    const conn *best = NULL;
    *ret_entries = *ret_ops = 0;
    for (const conn *c = h->conns; c != NULL; c = c->next) {
        uint64_t entries, ops;
        if (!c->up)
            continue;
        wr_link_own_behind(c->link, &entries, &ops);
        if (entries + ops <= *ret_entries + *ret_ops)
            continue;
        *ret_entries = entries;
        *ret_ops = ops;
        best = c;
    }
    return best;
}

/* Siblings know more of us.  It comes like any feed; where nothing came for a minute, nobody who is
 * here has it. */
static wr_err watch_missing(hub *h, const conn *ahead, uint64_t entries, uint64_t ops) {
    wr_mono now = hub_now(h).mono;
    uint64_t regained = h->rollback.entries + h->rollback.ops;
    if (h->rollback.lost_at.ms == WR_MONO_NEVER.ms || h->rollback.seen != regained) {
        h->rollback.seen = regained;
        h->rollback.lost_at = wr_mono_add(now, LOST_MS);
    }
    if (h->rollback.lost || !wr_mono_reached(h->rollback.lost_at, now))
        return WR_OK;
    finding found = {.ms = hub_now(h).wall.ms, .entries = entries, .ops = ops};
    found.by = *wr_link_peer(ahead->link);
    h->rollback.lost = true;
    tell(h, &found, ROLLBACK_LOST);
    return put_finding(h, ROLLBACK_LOST, &found);
}

static wr_err note_regained(hub *h) {
    finding found = {.ms = hub_now(h).wall.ms};
    wr_self_regained(h->self, &found.entries, &found.ops);
    h->rollback.fresh = found.entries != h->rollback.entries || found.ops != h->rollback.ops;
    if (!h->rollback.fresh)
        return WR_OK;
    h->rollback.entries = found.entries;
    h->rollback.ops = found.ops;
    h->rollback.untold = true;
    return put_finding(h, ROLLBACK_BACK, &found);
}

static wr_err settle(hub *h) {
    finding found = {.entries = h->rollback.entries, .ops = h->rollback.ops};
    h->rollback.twin = false;
    h->rollback.lost_at = WR_MONO_NEVER;
    if (h->rollback.untold)
        tell(h, &found, ROLLBACK_BACK);
    h->rollback.untold = false;
    if (!h->rollback.lost)
        return WR_OK;
    h->rollback.lost = false;
    WR_TRY(hub_begin(h));
    return store_delete_meta(h->store, key_of(ROLLBACK_LOST));
}

wr_err rollback_forget(hub *h) {
    WR_TRY(hub_begin(h));
    for (rollback_kind kind = 0; kind < ROLLBACK_KINDS; kind++)
        WR_TRY(store_delete_meta(h->store, key_of(kind)));
    return WR_OK;
}

wr_err rollback_turn(hub *h) {
    uint64_t entries, ops;
    WR_TRY(note_regained(h));
    if (wr_self_may_sign(h->self))
        return settle(h);
    const conn *ahead = find_ahead(h, &entries, &ops);
    if (ahead != NULL)
        return watch_missing(h, ahead, entries, ops);
    if (!h->rollback.lost)
        h->rollback.lost_at = WR_MONO_NEVER;
    return WR_OK;
}

wr_mono rollback_deadline(const hub *h) {
    return h->self == NULL || h->rollback.lost ? WR_MONO_NEVER : h->rollback.lost_at;
}

void rollback_load(hub *h) {
    h->rollback = (rollback_state){.lost_at = WR_MONO_NEVER};
    wr_self_regained(h->self, &h->rollback.entries, &h->rollback.ops);
}

hub_hold rollback_hold(const hub *h) {
    uint64_t entries, ops;
    const wr_member *me =
        wr_graph_find(wr_self_graph(h->self), &wr_self_identity(h->self)->device_id);
    if (me == NULL || !me->current)
        return HUB_HOLD_OUT;
    if (wr_self_may_sign(h->self))
        return HUB_HOLD_NONE;
    if (wr_self_twin_until(h->self).ms != 0)
        return HUB_HOLD_TWIN;
    if (h->rollback.lost)
        return HUB_HOLD_LOST;
    return find_ahead(h, &entries, &ops) != NULL ? HUB_HOLD_BEHIND : HUB_HOLD_WAITING;
}
