/* Who belongs to the circle, as its owner sees and changes it.
 *
 * Spec:   proto/spec/circle.md 3, 4.6
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/members.h"

#include <stdlib.h>

#include "circle/recovery.h"
#include "core/diag.h"
#include "flow/hub_impl.h"

/* ---- the recovery words ---- */

/* The key of the words, if they are this circle's. */
static wr_err root_key(hub *h, wr_slice words, wr_sign_key *ret_key) {
    WR_SECRET(wr_key) recovery;
    bool ours = false;
    WR_TRY(hub_check_recovery(h, words, &ours));
    if (!ours)
        return hub_fail(h, WR_ERR_REFUSED, "these are not the recovery words of this circle");
    wr_err err = wr_recovery_parse(words, &recovery);
    WR_ASSERT(err == WR_OK);
    wr_recovery_sign_key(&recovery, ret_key);
    return WR_OK;
}

/* ---- what goes along with a removal ---- */

static bool is_verified(hub *h, const wr_hash *device) {
    uint8_t key[HUB_META_KEY_SIZE], value[1];
    wr_buf out = WR_BUF_ARRAY(value);
    return store_get_meta(h->store, hub_meta_key(HUB_META_VERIFIED, device, key), &out) == WR_OK;
}

/* When this device last met another, Unix ms; 0: never. */
static uint64_t last_met(hub *h, const wr_hash *device) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_SEEN_SIZE];
    wr_buf out = WR_BUF_ARRAY(value);
    if (pump_link_of(h, device) != NULL)
        return hub_now(h).wall.ms;
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_SEEN, device, key), &out);
    return err == WR_OK && out.len == sizeof value ? wr_load_u64(value) : 0;
}

static bool contains(const wr_hash *ids, uint32_t count, const wr_hash *id) {
    for (uint32_t i = 0; i < count; i++)
        if (wr_hash_equal(&ids[i], id))
            return true;
    return false;
}

/* Those who vouched for this device, and for them: no removal takes them along. */
static bool is_our_sponsor(const wr_graph *graph, const wr_hash *own, const wr_hash *device) {
    const wr_member *at = wr_graph_find(graph, own);
    for (uint32_t n = 0; at != NULL && n < WR_AUTHORS_MAX; n++) {
        if (wr_hash_equal(&at->device_id, device))
            return true;
        at =
            wr_hash_equal(&at->sponsor, &at->device_id) ? NULL : wr_graph_find(graph, &at->sponsor);
    }
    return false;
}

static void sort_ids(wr_hash *ids, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        wr_hash id = ids[i];
        uint32_t at = i;
        for (; at > 0 && wr_hash_order(&ids[at - 1], &id) > 0; at--)
            ids[at] = ids[at - 1];
        ids[at] = id;
    }
}

/* The device and what goes along, ascending.  A device that a thief paired is the thief's too. */
static uint32_t collect_targets(hub *h, const hub_removal *removal,
                                wr_hash targets[WR_MEMBERS_MAX]) {
    const wr_graph *graph = wr_self_graph(h->self);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    uint64_t since_ms = removal->since_ms != 0 ? removal->since_ms : last_met(h, &removal->device);
    uint32_t count = 0;
    targets[count++] = removal->device;
    if (removal->only || removal->reason == WR_REASON_RETIRED)
        return count;
    for (bool grew = true; grew;) {
        grew = false;
        for (uint32_t i = 0; i < wr_graph_member_count(graph) && count < WR_MEMBERS_MAX; i++) {
            const wr_member *member = wr_graph_member(graph, i);
            if (!member->current || !contains(targets, count, &member->sponsor) ||
                contains(targets, count, &member->device_id) ||
                member->added_hlc >> 16 < since_ms || is_verified(h, &member->device_id) ||
                is_our_sponsor(graph, own, &member->device_id))
                continue;
            targets[count++] = member->device_id;
            grew = true;
        }
    }
    sort_ids(targets, count);
    return count;
}

/* ---- removing ---- */

static wr_err check_removal(hub *h, const hub_removal *removal) {
    const wr_graph *graph = wr_self_graph(h->self);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    const wr_member *me = wr_graph_find(graph, own);
    uint32_t index = 0;
    const wr_member *member = wr_graph_find(graph, &removal->device);
    if (member == NULL)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    if (wr_hash_equal(&removal->device, own))
        return hub_fail(h, WR_ERR_STATE, "a device removes itself with 'warren leave'");
    if (me == NULL || !wr_member_is_in(me))
        return hub_fail(h, WR_ERR_REFUSED, "this device is no member of its circle any more");
    if (me->role != WR_ROLE_ADMIN && removal->words.len == 0)
        return hub_fail(h, WR_ERR_REFUSED,
                        "this device has the role member: an admin removes devices, or the "
                        "recovery words do");
    while (!wr_hash_equal(&wr_graph_member(graph, index)->device_id, &removal->device))
        index++;
    if (removal->reason == WR_REASON_RETIRED &&
        (member->current || wr_graph_end_of(graph, index).type != WR_OP_LEAVE))
        return hub_fail(h, WR_ERR_STATE,
                        "a device is retired after it said goodbye itself: run 'warren leave' "
                        "there first, or remove it as lost");
    return WR_OK;
}

static wr_err explain(hub *h, wr_err err) {
    if (err == WR_ERR_STATE)
        return hub_fail(h, WR_ERR_CLOSED,
                        "after its start this device signs only when a sibling has confirmed that "
                        "nothing newer of it exists: bring one online and try again");
    if (err == WR_ERR_VERSION)
        return hub_fail(h, WR_ERR_REFUSED,
                        "the circle holds changes that this version does not understand: update "
                        "warren on this device");
    if (err == WR_ERR_LIMIT)
        return hub_fail(h, err, "the circle has reached a limit (%u changes)", WR_OPS_MAX);
    return err == WR_OK ? WR_OK : hub_fail(h, err, "%s", wr_err_text(err));
}

wr_err hub_foresee(hub *h, const hub_removal *removal, hub_foresight *ret_foresight) {
    wr_hash targets[WR_MEMBERS_MAX];
    hub_foresight foresight = {0};
    WR_TRY(hub_settled(h));
    WR_TRY(check_removal(h, removal));
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    uint32_t count = collect_targets(h, removal, targets);
    for (uint32_t i = 0; i < count; i++)
        if (!wr_hash_equal(&targets[i], &removal->device))
            foresight.along[foresight.along_count++] = targets[i];
    if (removal->words.len != 0) {
        WR_SECRET(wr_sign_key) root;
        WR_TRY(root_key(h, removal->words, &root));
    }
    if (removal->reason != WR_REASON_RETIRED)
        WR_TRY(explain(h, wr_graph_foresee(wr_self_graph(h->self),
                                           removal->words.len != 0 ? NULL : own, targets, count,
                                           foresight.struck, &foresight.struck_count)));
    *ret_foresight = foresight;
    return WR_OK;
}

/* What a call signed is stored at once; whatever fails, the turn is undone. */
static wr_err finish(hub *h, wr_err err, hub_done_fn done, void *ctx) {
    if (err == WR_OK)
        err = hub_drain(h);
    if (err == WR_OK)
        err = hub_when_stored(h, done, ctx);
    if (err == WR_OK || err == WR_ERR_STATE || err == WR_ERR_REFUSED || err == WR_ERR_VERSION ||
        err == WR_ERR_LIMIT)
        return explain(h, err);
    hub_give_up(h, err);
    return hub_fail(h, err, "%s", hub_store_text(h, err));
}

wr_err hub_remove(hub *h, const hub_removal *removal, hub_done_fn done, void *ctx) {
    wr_hash targets[WR_MEMBERS_MAX];
    WR_SECRET(wr_sign_key) root;
    WR_TRY(hub_ready(h));
    WR_TRY(check_removal(h, removal));
    if (removal->words.len != 0)
        WR_TRY(root_key(h, removal->words, &root));
    /* A device that is being admitted right now is admitted or forgotten first: its ADD has a place
     * in our chain. */
    WR_TRY(pairflow_settle(h));
    wr_removal order = {.targets = targets,
                        .target_count = collect_targets(h, removal, targets),
                        .reason = removal->reason,
                        .root = removal->words.len != 0 ? &root : NULL};
    WR_TRY(hub_begin(h));
    wr_err err = wr_self_remove(h->self, &order, hub_now(h));
    if (err == WR_OK)
        diag(DIAG_WARN, DEVICE_REMOVED, diag_number("devices", order.target_count));
    return finish(h, err, done, ctx);
}

wr_err hub_leave(hub *h, hub_done_fn done, void *ctx) {
    WR_TRY(hub_ready(h));
    WR_TRY(pairflow_settle(h));
    WR_TRY(hub_begin(h));
    return finish(h, wr_self_leave(h->self, hub_now(h)), done, ctx);
}

wr_err hub_set_role(hub *h, const wr_hash *device, bool admin, wr_slice words, hub_done_fn done,
                    void *ctx) {
    WR_SECRET(wr_sign_key) root;
    WR_TRY(hub_ready(h));
    const wr_member *member = wr_graph_find(wr_self_graph(h->self), device);
    if (member == NULL || !member->current)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    if (admin && words.len == 0)
        return hub_fail(h, WR_ERR_FORMAT, "raising a role needs the recovery words");
    if (words.len != 0)
        WR_TRY(root_key(h, words, &root));
    WR_TRY(pairflow_settle(h));
    WR_TRY(hub_begin(h));
    wr_err err = wr_self_set_role(h->self, device, admin ? WR_ROLE_ADMIN : WR_ROLE_MEMBER,
                                  words.len != 0 ? &root : NULL, hub_now(h));
    return finish(h, err, done, ctx);
}

/* ---- comparing keys ---- */

wr_err hub_mark_verified(hub *h, const wr_hash *device, bool verified, hub_done_fn done,
                         void *ctx) {
    uint8_t key[HUB_META_KEY_SIZE];
    WR_TRY(hub_ready(h));
    if (wr_graph_find(wr_self_graph(h->self), device) == NULL)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    WR_TRY(hub_begin(h));
    wr_slice meta = hub_meta_key(HUB_META_VERIFIED, device, key);
    wr_err err = verified ? store_put_meta(h->store, meta, wr_slice_of("", 1))
                          : store_delete_meta(h->store, meta);
    return finish(h, err, done, ctx);
}

/* ---- what was done ---- */

static bool act_type(uint64_t type, hub_act_type *ret_type) {
    switch (type) {
    case WR_OP_GENESIS:
        *ret_type = HUB_ACT_FOUND;
        return true;
    case WR_OP_ADD:
        *ret_type = HUB_ACT_ADD;
        return true;
    case WR_OP_REMOVE:
        *ret_type = HUB_ACT_REMOVE;
        return true;
    case WR_OP_LEAVE:
        *ret_type = HUB_ACT_LEAVE;
        return true;
    case WR_OP_EPOCH:
        *ret_type = HUB_ACT_EPOCH;
        return true;
    case WR_OP_ROLE:
        *ret_type = HUB_ACT_ROLE;
        return true;
    case WR_OP_EQUIV:
        *ret_type = HUB_ACT_EQUIV;
        return true;
    case WR_OP_ROOTSET:
        *ret_type = HUB_ACT_ROOTSET;
        return true;
    case WR_OP_RESET:
        *ret_type = HUB_ACT_RESET;
        return true;
    default:
        return false;
    }
}

/* Whom an op is about, by its body. */
static uint32_t act_devices(hub_act *act, const wr_op *op, wr_hash devices[WR_MEMBERS_MAX]) {
    wr_genesis genesis;
    wr_add add;
    wr_remove remove;
    wr_role_op role;
    uint32_t count = 0;
    switch (op->type) {
    case WR_OP_GENESIS:
        if (wr_genesis_decode(op->body, &genesis) == WR_OK)
            devices[count++] = wr_device_id(genesis.cert_bytes);
        act->admin = true;
        break;
    case WR_OP_ADD:
        if (wr_add_decode(op->body, &add) != WR_OK)
            break;
        devices[count++] = wr_device_id(add.cert_bytes);
        act->admin = add.role == WR_ROLE_ADMIN;
        break;
    case WR_OP_REMOVE:
        if (wr_remove_decode(op->body, &remove) != WR_OK)
            break;
        act->reason = remove.reason;
        while (wr_id_next(&remove.targets, &devices[count]))
            count++;
        break;
    case WR_OP_ROLE:
        if (wr_role_decode(op->body, &role) != WR_OK)
            break;
        devices[count++] = role.device_id;
        act->admin = role.role == WR_ROLE_ADMIN;
        break;
    default:
        break;
    }
    return count;
}

static wr_err give_act(hub *h, const wr_op_ref *ref, hub_act_fn fn, void *ctx) {
    wr_hash devices[WR_MEMBERS_MAX + 1u];
    hub_act act = {.id = ref->id,
                   .by_root = wr_is_zero(WR_SLICE_OBJ(ref->author)),
                   .author = ref->author,
                   .ms = ref->hlc >> 16,
                   .devices = devices,
                   .held = ref->held};
    wr_op op;
    if (!act_type(ref->type, &act.type) || wr_op_decode(ref->bytes, &op) != WR_OK)
        return WR_OK;
    act.device_count = act_devices(&act, &op, devices);
    act.counts = !act.held && wr_graph_label(wr_self_graph(h->self), &ref->id) == WR_LABEL_OP_IN;
    return fn(ctx, &act);
}

static int order_acts(const void *a, const void *b) {
    const wr_op_ref *x = a, *y = b;
    if (x->hlc != y->hlc)
        return x->hlc < y->hlc ? -1 : 1;
    return wr_hash_order(&x->id, &y->id);
}

wr_err hub_each_act(hub *h, hub_act_fn fn, void *ctx) {
    WR_TRY(hub_settled(h));
    const wr_graph *graph = wr_self_graph(h->self);
    uint32_t total = wr_graph_op_count(graph), count = 0;
    wr_op_ref *list = calloc(total, sizeof *list);
    if (list == NULL)
        return hub_fail(h, WR_ERR_NOMEM, "out of memory");
    for (uint32_t i = 0; i < total; i++) {
        list[count] = wr_graph_op(graph, i);
        count += list[count].type != WR_OP_ACK;
    }
    qsort(list, count, sizeof *list, order_acts);
    wr_err err = WR_OK;
    for (uint32_t i = 0; err == WR_OK && i < count; i++)
        err = give_act(h, &list[i], fn, ctx);
    free(list);
    return err;
}
