/* What needs the owner: held ops, overridden accusations, two histories, entries that came in while
 * their writer was lost.
 *
 * All but the owner's answers follow from the ops, feeds and files, so nothing is kept that could
 * be lost. Answers: a released op is kept with the number of ops that were here, and released again
 * there when they are loaded; what was dismissed is kept by its id.
 *
 * Spec:   proto/spec/circle.md 4.6, 4.7
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"
#include "flow/damage.h"
#include "flow/hub_impl.h"
#include "flow/members.h"

/* ---- finding them ---- */

static bool is_dismissed(hub *h, const wr_hash *id) {
    uint8_t key[HUB_META_KEY_SIZE], value[1];
    wr_buf out = WR_BUF_ARRAY(value);
    return store_get_meta(h->store, hub_meta_key(HUB_META_DISMISSED, id, key), &out) == WR_OK;
}

static wr_err give(hub *h, const hub_alert *alert, hub_alert_fn fn, void *ctx) {
    return is_dismissed(h, &alert->id) ? WR_OK : fn(ctx, alert);
}

/* A member that an accusation threw out here and the evaluation took back since. */
static bool find_overridden(const wr_graph *graph, const wr_op_ref *ref, wr_hash *ret_device) {
    wr_op op;
    wr_remove remove;
    const wr_member *author = wr_graph_find(graph, &ref->author);
    if (ref->type != WR_OP_REMOVE || ref->held || (author != NULL && author->barred) ||
        wr_graph_label(graph, &ref->id) != WR_LABEL_OP_OUT ||
        wr_op_decode(ref->bytes, &op) != WR_OK || wr_remove_decode(op.body, &remove) != WR_OK)
        return false;
    while (wr_id_next(&remove.targets, ret_device)) {
        const wr_member *target = wr_graph_find(graph, ret_device);
        if (target != NULL && target->current && target->barred)
            return true;
    }
    return false;
}

/* A removal that a RESET did not know, of a device that is a member since then. */
static bool find_voided(hub *h, const wr_op_ref *ref, hub_alert *alert) {
    wr_op op;
    wr_remove remove;
    *alert =
        (hub_alert){.id = ref->id, .type = HUB_ALERT_ACCUSATION_OVERRIDDEN, .ms = ref->hlc >> 16};
    if (ref->type != WR_OP_REMOVE ||
        !wr_generations_is_void(wr_self_generations(h->self), &ref->id) ||
        wr_op_decode(ref->bytes, &op) != WR_OK || wr_remove_decode(op.body, &remove) != WR_OK ||
        remove.reason == WR_REASON_RETIRED)
        return false;
    while (wr_id_next(&remove.targets, &alert->device))
        if (members_is_in(h, &alert->device))
            return true;
    return false;
}

static bool describe_op(const wr_graph *graph, const wr_op_ref *ref, hub_alert *alert) {
    wr_op op;
    wr_equiv equiv;
    *alert = (hub_alert){.id = ref->id, .device = ref->author, .ms = ref->hlc >> 16};
    if (ref->held) {
        alert->type = HUB_ALERT_RETALIATION_HELD;
        return true;
    }
    if (ref->type == WR_OP_EQUIV && wr_op_decode(ref->bytes, &op) == WR_OK &&
        wr_equiv_decode(op.body, &equiv) == WR_OK) {
        alert->type = HUB_ALERT_EQUIVOCATION;
        alert->device = equiv.device_id;
        return true;
    }
    alert->type = HUB_ALERT_ACCUSATION_OVERRIDDEN;
    return find_overridden(graph, ref, &alert->device);
}

static bool is_equiv_of(const wr_op_ref *ref, const wr_hash *device) {
    wr_op op;
    wr_equiv equiv;
    return ref->type == WR_OP_EQUIV && !ref->held && wr_op_decode(ref->bytes, &op) == WR_OK &&
           wr_equiv_decode(op.body, &equiv) == WR_OK && wr_hash_equal(&equiv.device_id, device);
}

/* Two siblings that find the same evidence at the same time publish it both. */
static bool was_told(const wr_generations *generations, uint32_t index, const hub_alert *alert) {
    uint32_t number, other;
    (void)wr_generations_op(generations, index, &number);
    for (uint32_t i = 0; alert->type == HUB_ALERT_EQUIVOCATION && i < index; i++) {
        wr_op_ref ref = wr_generations_op(generations, i, &other);
        if (other == number && is_equiv_of(&ref, &alert->device))
            return true;
    }
    return false;
}

static wr_err each_of_ops(hub *h, hub_alert_fn fn, void *ctx) {
    const wr_generations *generations = wr_self_generations(h->self);
    const wr_graph *graph = wr_self_graph(h->self);
    for (uint32_t i = 0; i < wr_generations_op_count(generations); i++) {
        uint32_t number;
        wr_op_ref ref = wr_generations_op(generations, i, &number);
        bool now = wr_generations_at(generations, number) == graph;
        hub_alert alert;
        if (ref.type != WR_OP_ACK && ref.type != WR_OP_EPOCH &&
            (now ? describe_op(graph, &ref, &alert) : find_voided(h, &ref, &alert)) &&
            !was_told(generations, i, &alert))
            WR_TRY(give(h, &alert, fn, ctx));
    }
    return WR_OK;
}

static wr_err each_of_feeds(hub *h, hub_alert_fn fn, void *ctx) {
    for (uint32_t i = 0; i < wr_self_feed_count(h->self); i++) {
        const wr_feed *feed = wr_self_feed(h->self, i);
        wr_limit limit = wr_graph_limit(wr_self_graph(h->self), &feed->device_id, &feed->feed_id);
        uint64_t shown;
        if (feed->stream != 0 || limit.shown == UINT64_MAX)
            continue;
        WR_TRY(reader_shown(h->reader, feed, &shown));
        if (feed->tree.len <= shown)
            continue;
        hub_alert alert = {.id = feed->feed_id,
                           .type = limit.kept > limit.shown ? HUB_ALERT_RECEIVED_WHILE_LOST
                                                            : HUB_ALERT_QUARANTINE,
                           .device = feed->device_id,
                           .entries = feed->tree.len - shown};
        WR_TRY(give(h, &alert, fn, ctx));
    }
    return WR_OK;
}

static wr_err each_of_home(hub *h, hub_alert_fn fn, void *ctx) {
    for (rollback_kind kind = 0; kind < ROLLBACK_KINDS; kind++) {
        hub_alert alert;
        bool any = false;
        WR_TRY(rollback_alert(h, kind, &alert, &any));
        if (any)
            WR_TRY(give(h, &alert, fn, ctx));
    }
    return WR_OK;
}

typedef struct giving {
    hub *hub;
    hub_alert_fn fn;
    void *ctx;
} giving;

static wr_err give_on(void *ctx, const hub_alert *alert) {
    const giving *to = ctx;
    return give(to->hub, alert, to->fn, to->ctx);
}

wr_err hub_each_alert(hub *h, hub_alert_fn fn, void *ctx) {
    giving to = {h, fn, ctx};
    WR_TRY(hub_settled(h));
    WR_TRY(each_of_home(h, fn, ctx));
    WR_TRY(damage_each(h, give_on, &to));
    WR_TRY(each_of_ops(h, fn, ctx));
    return each_of_feeds(h, fn, ctx);
}

/* ---- released ops ---- */

#define META_RELEASED "released"
#define RELEASED_SIZE (4u + WR_HASH_SIZE)

wr_err released_get(hub *h, released_ops *ret_released) {
    uint8_t bytes[RELEASED_MAX * RELEASED_SIZE];
    wr_buf list = WR_BUF_ARRAY(bytes);
    wr_err err = store_get_meta(h->store, wr_slice_str(META_RELEASED), &list);
    *ret_released = (released_ops){0};
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    if (list.len % RELEASED_SIZE != 0)
        return WR_ERR_CORRUPT;
    for (size_t at = 0; at < list.len; at += RELEASED_SIZE) {
        uint32_t i = ret_released->count++;
        ret_released->list[i].op_count = wr_load_u32(bytes + at);
        memcpy(ret_released->list[i].id.b, bytes + at + 4, WR_HASH_SIZE);
    }
    return WR_OK;
}

wr_err released_load(const released_ops *released, wr_self *self) {
    uint32_t count = wr_generations_op_count(wr_self_generations(self));
    for (uint32_t i = 0; i < released->count; i++)
        if (released->list[i].op_count == count &&
            wr_self_release(self, &released->list[i].id) != WR_OK)
            return WR_ERR_CORRUPT;
    return WR_OK;
}

static wr_err release(hub *h, const wr_hash *op_id) {
    released_ops released;
    uint8_t bytes[RELEASED_MAX * RELEASED_SIZE];
    wr_buf list = WR_BUF_ARRAY(bytes);
    WR_TRY(released_get(h, &released));
    if (released.count == RELEASED_MAX)
        return WR_ERR_LIMIT;
    uint32_t last = released.count++;
    released.list[last].op_count = wr_generations_op_count(wr_self_generations(h->self));
    released.list[last].id = *op_id;
    WR_TRY(wr_self_release(h->self, op_id));
    h->new_ops = true;
    for (uint32_t i = 0; i < released.count; i++) {
        WR_TRY(wr_buf_put_u32(&list, released.list[i].op_count));
        WR_TRY(wr_buf_put(&list, WR_SLICE_OBJ(released.list[i].id)));
    }
    return store_put_meta(h->store, wr_slice_str(META_RELEASED), wr_buf_slice(&list));
}

/* ---- answers ---- */

typedef struct search {
    const wr_hash *id;
    hub_alert found;
    bool any;
} search;

static wr_err match(void *ctx, const hub_alert *alert) {
    search *s = ctx;
    if (!s->any && wr_hash_equal(&alert->id, s->id)) {
        s->found = *alert;
        s->any = true;
    }
    return WR_OK;
}

static wr_err accept_entries(hub *h, const wr_hash *feed_id) {
    uint32_t index;
    if (!wr_self_find_feed(h->self, feed_id, &index))
        return WR_ERR_UNKNOWN;
    const wr_feed *feed = wr_self_feed(h->self, index), *control;
    WR_TRY(reader_accept(h->reader, feed, feed->tree.len));
    /* Names of logs that they need stand in the control feed of the same device. */
    if (!wr_self_device_feed(h->self, &feed->device_id, 1, &index))
        return WR_ERR_UNKNOWN;
    control = wr_self_feed(h->self, index);
    h->new_rows = h->new_control = true;
    return reader_accept(h->reader, control, control->tree.len);
}

static wr_err dismiss(hub *h, const wr_hash *id) {
    uint8_t key[HUB_META_KEY_SIZE];
    return store_put_meta(h->store, hub_meta_key(HUB_META_DISMISSED, id, key), wr_slice_of("", 1));
}

static wr_err answer(hub *h, const hub_alert *alert, bool accept) {
    if (!accept)
        return dismiss(h, &alert->id);
    switch (alert->type) {
    case HUB_ALERT_RETALIATION_HELD:
        return release(h, &alert->id);
    case HUB_ALERT_RECEIVED_WHILE_LOST:
    case HUB_ALERT_QUARANTINE:
        return accept_entries(h, &alert->id);
    case HUB_ALERT_EQUIVOCATION:
    case HUB_ALERT_ROLLBACK:
    case HUB_ALERT_TAIL_DAMAGED:
    case HUB_ALERT_KEY_MISSING:
    case HUB_ALERT_ACCUSATION_OVERRIDDEN:
        break;
    }
    return dismiss(h, &alert->id);
}

wr_err hub_resolve(hub *h, const wr_hash *id, bool accept, hub_done_fn done, void *ctx) {
    search s = {.id = id};
    WR_TRY(hub_each_alert(h, match, &s));
    if (!s.any)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such alert");
    if (accept && s.found.type == HUB_ALERT_ACCUSATION_OVERRIDDEN) {
        hub_removal again = {.device = s.found.device, .reason = WR_REASON_LOST, .only = true};
        return hub_remove(h, &again, done, ctx);
    }
    WR_TRY(hub_begin(h));
    return members_finish(h, answer(h, &s.found, accept), done, ctx);
}
