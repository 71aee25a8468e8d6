/* Who belongs to the circle and why, what was done by whom, and what two people compare.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/words.h"
#include "flow/hub_impl.h"
#include "flow/members.h"

/* ---- where a device stands ---- */

bool members_is_verified(hub *h, const wr_hash *device) {
    uint8_t key[HUB_META_KEY_SIZE], value[1];
    wr_buf out = WR_BUF_ARRAY(value);
    return store_get_meta(h->store, hub_meta_key(HUB_META_VERIFIED, device, key), &out) == WR_OK;
}

static void describe_end(const wr_op_ref *end, hub_standing *standing) {
    wr_op op;
    wr_remove remove;
    standing->left = end->type == WR_OP_LEAVE;
    standing->equivocated = end->type == WR_OP_EQUIV;
    standing->reset = end->type == WR_OP_RESET;
    standing->removed_by_root = wr_is_zero(WR_SLICE_OBJ(end->author));
    standing->removed_by = end->author;
    standing->removed_ms = end->hlc >> 16;
    if (end->type == WR_OP_REMOVE && wr_op_decode(end->bytes, &op) == WR_OK &&
        wr_remove_decode(op.body, &remove) == WR_OK)
        standing->reason = remove.reason;
}

bool members_is_in(const hub *h, const wr_hash *device) {
    const wr_member *member = wr_graph_find(wr_self_graph(h->self), device);
    return member != NULL && wr_member_is_in(member);
}

wr_err members_check_own(hub *h) {
    return members_is_in(h, &wr_self_identity(h->self)->device_id)
               ? WR_OK
               : hub_fail(h, WR_ERR_REFUSED, "this device is no member of its circle any more");
}

wr_err hub_get_standing(hub *h, const wr_hash *device, hub_standing *ret_standing) {
    WR_TRY(hub_ready(h));
    const wr_graph *graph = wr_self_graph(h->self);
    const wr_member *member = wr_generations_device(wr_self_generations(h->self), device);
    if (member == NULL)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    bool in = members_is_in(h, device), kept = wr_graph_find(graph, device) != NULL;
    hub_standing standing = {.verified = members_is_verified(h, device),
                             .barred = kept && member->barred};
    wr_op_ref end = wr_graph_end_of(graph, device), graver;
    if (!kept) /* the RESET says so */
        end = wr_graph_op(graph, 0);
    else if (wr_graph_gravest(graph, device, false, &graver) == WR_REASON_COMPROMISED)
        end = graver; /* beside it that the device is lost says nothing */
    if (!in && end.type != WR_OP_GENESIS)
        describe_end(&end, &standing);
    *ret_standing = standing;
    return WR_OK;
}

/* ---- comparing keys ---- */

#define SAFETY_WORDS 12u

/* Both ids, which bind all keys of both devices, and the circle. */
static wr_hash safety_of(const hub *h, const wr_hash *device) {
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    bool first = wr_hash_order(own, device) < 0;
    wr_hasher hasher;
    wr_hasher_init(&hasher, WR_LABEL_SAFETY);
    wr_hasher_add(&hasher, WR_SLICE_OBJ(*wr_graph_circle_id(wr_self_graph(h->self))));
    wr_hasher_add(&hasher, WR_SLICE_OBJ(*(first ? own : device)));
    wr_hasher_add(&hasher, WR_SLICE_OBJ(*(first ? device : own)));
    return wr_hasher_end(&hasher);
}

/* Eleven bits from bit `at` on. */
static uint16_t word_at(const wr_hash *digest, uint32_t at) {
    uint32_t index = 0;
    for (uint32_t bit = at; bit < at + 11; bit++)
        index = index << 1 | ((uint32_t)digest->b[bit / 8] >> (7 - bit % 8) & 1u);
    return (uint16_t)index;
}

static void write_safety(const wr_hash *digest, hub_safety *safety) {
    size_t at = 0;
    for (uint32_t i = 0; i < 12; i++) {
        /* Twenty bits make five digits; what is lost by the remainder is lost on both sides. */
        uint32_t number = wr_load_u32(digest->b + i * 20 / 8) >> (12 - i % 2 * 4);
        at += (size_t)snprintf(safety->digits + at, sizeof safety->digits - at, "%s%05u",
                               i == 0 ? "" : " ", (number & 0xfffffu) % 100000u);
    }
    at = 0;
    for (uint32_t i = 0; i < SAFETY_WORDS; i++)
        at += (size_t)snprintf(safety->words + at, sizeof safety->words - at, "%s%s",
                               i == 0 ? "" : " ", wr_word(word_at(digest, i * 11)));
}

wr_err hub_get_safety(hub *h, const wr_hash *device, hub_safety *ret_safety) {
    WR_TRY(hub_ready(h));
    if (wr_generations_device(wr_self_generations(h->self), device) == NULL)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    wr_hash digest = safety_of(h, device);
    *ret_safety = (hub_safety){.verified = members_is_verified(h, device)};
    write_safety(&digest, ret_safety);
    return WR_OK;
}

wr_err hub_mark_verified(hub *h, const wr_hash *device, bool verified, hub_done_fn done,
                         void *ctx) {
    uint8_t key[HUB_META_KEY_SIZE];
    WR_TRY(hub_ready(h));
    if (wr_generations_device(wr_self_generations(h->self), device) == NULL)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    WR_TRY(hub_begin(h));
    wr_slice meta = hub_meta_key(HUB_META_VERIFIED, device, key);
    wr_err err = verified ? store_put_meta(h->store, meta, wr_slice_of("", 1))
                          : store_delete_meta(h->store, meta);
    return members_finish(h, err, done, ctx);
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
    wr_equiv equiv;
    wr_reset reset;
    wr_kept kept;
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
    case WR_OP_EQUIV:
        if (wr_equiv_decode(op->body, &equiv) == WR_OK)
            devices[count++] = equiv.device_id;
        break;
    case WR_OP_RESET:
        if (wr_reset_decode(op->body, &reset) != WR_OK)
            break;
        while (wr_kept_next(&reset.keep, &kept))
            devices[count++] = wr_device_id(kept.cert_bytes);
        break;
    default:
        break;
    }
    return count;
}

/* In the graph that it is of, if a RESET since then knew it. */
static bool act_counts(const hub *h, const wr_op_ref *ref) {
    const wr_generations *generations = wr_self_generations(h->self);
    uint32_t number;
    return !ref->held && wr_generations_find(generations, &ref->id, &number) &&
           !wr_generations_is_void(generations, &ref->id) &&
           wr_graph_label(wr_generations_at(generations, number), &ref->id) == WR_LABEL_OP_IN;
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
    act.counts = act_counts(h, ref);
    return fn(ctx, &act);
}

static int order_acts(const void *a, const void *b) {
    const wr_op_ref *x = a, *y = b;
    if (x->hlc != y->hlc)
        return x->hlc < y->hlc ? -1 : 1;
    return wr_hash_order(&x->id, &y->id);
}

wr_err hub_each_act(hub *h, uint32_t limit, hub_act_fn fn, void *ctx, uint32_t *ret_earlier) {
    WR_TRY(hub_settled(h));
    const wr_generations *generations = wr_self_generations(h->self);
    uint32_t total = wr_generations_op_count(generations), count = 0, number;
    wr_op_ref *list = calloc(total, sizeof *list);
    if (list == NULL)
        return hub_fail(h, WR_ERR_NOMEM, "out of memory");
    for (uint32_t i = 0; i < total; i++) {
        list[count] = wr_generations_op(generations, i, &number);
        count += list[count].type != WR_OP_ACK;
    }
    qsort(list, count, sizeof *list, order_acts);
    wr_err err = WR_OK;
    *ret_earlier = count > limit ? count - limit : 0;
    for (uint32_t i = *ret_earlier; err == WR_OK && i < count; i++)
        err = give_act(h, &list[i], fn, ctx);
    free(list);
    return err;
}
