/* Abstract histories as real ops.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle_signed.h"

#include "circle/op_change.h"

/* ---- bodies ---- */

static uint64_t hlc_of(uint32_t number) {
    return (1700000000000ull + number) << 16;
}

static wr_hash name_of(const s_history *s, uint32_t author) {
    return author == WR_EVAL_ROOT ? (wr_hash){{0}} : s->device[author].device_id;
}

/* Two ops at one place far ahead in the accused's chain, as evidence; they are in no graph. */
static void put_evidence(const s_history *s, const wr_identity *accused, wr_buf *out) {
    uint8_t bytes[2][1024];
    t_op op[2];
    wr_op header = {.circle_id = s->op[0].id,
                    .author = accused->device_id,
                    .aseq = 1000,
                    .has_aprev = true,
                    .aprev = s->op[0].id,
                    .parent_count = 1,
                    .type = WR_OP_ACK,
                    .body = wr_slice_str("\x91\x90")};
    for (size_t i = 0; i < 2; i++) {
        header.hlc = hlc_of((uint32_t)i);
        op[i] = t_forge(&header, &s->op[0].id, accused);
    }
    bool swap = wr_order(t_op_slice(&op[0]), t_op_slice(&op[1])) > 0;
    wr_equiv equiv = {.kind = WR_EQUIV_OPS, .device_id = accused->device_id};
    for (size_t i = 0; i < 2; i++) {
        const t_op *piece = &op[swap ? 1 - i : i];
        wr_buf evidence = WR_BUF_ARRAY(bytes[i]);
        T_OK(wr_buf_put(&evidence, t_op_slice(piece)));
        T_OK(wr_buf_put(&evidence, WR_SLICE_OBJ(piece->sig)));
        equiv.evidence[i] = wr_buf_slice(&evidence);
    }
    T_OK(wr_equiv_encode(&equiv, out));
}

static void put_remove(const s_history *s, const o_op *op, wr_buf *out) {
    uint8_t bytes[O_SUBJECTS * 40u];
    wr_buf ids = WR_BUF_ARRAY(bytes);
    wr_hash targets[O_SUBJECTS];
    for (uint32_t i = 0; i < op->subject_count; i++)
        targets[i] = s->device[op->subject[i].member].device_id;
    wr_hash_sort(targets, op->subject_count);
    for (uint32_t i = 0; i < op->subject_count; i++)
        T_OK(wr_id_put(&ids, &targets[i]));
    wr_remove remove = {.targets = {op->subject_count, wr_buf_slice(&ids)}, .reason = op->reason};
    T_OK(wr_remove_encode(&remove, out));
}

static void put_body(const s_history *s, const o_op *op, wr_buf *out) {
    wr_identity sponsor = {.device_id = name_of(s, op->author)};
    const wr_identity *subject = op->subject_count == 0 ? NULL : &s->device[op->subject[0].member];
    if (op->type == WR_OP_GENESIS)
        t_genesis_body(subject, out);
    else if (op->type == WR_OP_ADD)
        t_add_body(&s->op[0].id, &sponsor, subject, op->subject[0].role, out);
    else if (op->type == WR_OP_REMOVE)
        put_remove(s, op, out);
    else if (op->type == WR_OP_EQUIV)
        put_evidence(s, subject, out);
    else if (op->type == WR_OP_LEAVE)
        T_OK(wr_leave_encode(&WR_OP_LIST_NONE, out));
    else {
        T_EQ(op->type, WR_OP_ACK);
        T_OK(wr_ack_encode(&WR_OP_LIST_NONE, out));
    }
}

/* ---- signing ---- */

/* The ops of its past that no other one of these has in its own. */
static uint32_t find_parents(const s_history *s, const o_op *op, wr_hash parents[O_OPS]) {
    o_set tops = op->past;
    uint32_t count = 0;
    for (uint32_t i = 0; i < O_OPS; i++) {
        if (o_in(op->past, i))
            tops &= ~s->h->op[i].past;
    }
    for (uint32_t i = 0; i < O_OPS; i++) {
        if (o_in(tops, i))
            parents[count++] = s->op[i].id;
    }
    wr_hash_sort(parents, count);
    return count;
}

static void sign_one(s_history *s, uint32_t number) {
    const o_op *op = &s->h->op[number];
    wr_hash parents[O_OPS];
    wr_buf body = WR_BUF_ARRAY(s->body);
    wr_identity root = {.device_id = {{0}}};
    wr_key recovery = t_recovery();
    wr_recovery_sign_key(&recovery, &root.sign);
    put_body(s, op, &body);
    wr_op header = {.author = name_of(s, op->author),
                    .aseq = op->author == WR_EVAL_ROOT ? 0 : op->aseq,
                    .has_aprev = op->prev != O_NONE,
                    .parent_count = find_parents(s, op, parents),
                    .hlc = hlc_of(number),
                    .type = op->type,
                    .body = wr_buf_slice(&body)};
    if (number != 0)
        header.circle_id = s->op[0].id;
    if (header.has_aprev)
        header.aprev = s->op[op->prev].id;
    s->op[number] =
        t_forge(&header, parents, op->author == WR_EVAL_ROOT ? &root : &s->device[op->author]);
}

void s_sign(s_history *s, const o_history *h) {
    s->h = h;
    T_EQ(h->op[0].type, WR_OP_GENESIS);
    for (uint32_t i = 0; i < O_DEVICES; i++)
        s->device[i] = t_device(200 + i);
    for (uint32_t i = 0; i < h->count; i++)
        sign_one(s, i);
}

/* ---- delivering ---- */

static void let_take_effect(const s_history *s, o_set taken, wr_graph *graph) {
    for (uint32_t i = 0; i < s->h->count; i++) {
        wr_op_ref ref;
        if (o_in(taken, i) && wr_graph_find_op(graph, &s->op[i].id, &ref) && ref.held)
            T_OK(wr_graph_release(graph, &ref.id));
    }
}

/* Offers what is in *waiting until nothing more goes. */
static void offer(const s_history *s, bool eager, wr_graph *graph, o_set *waiting, o_set *taken,
                  o_set *refused) {
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < s->h->count; i++) {
            if (!o_in(*waiting, i))
                continue;
            wr_err err = t_admit(graph, &s->op[i]);
            if (err == WR_ERR_UNKNOWN)
                continue;
            *waiting &= ~o_bit(i);
            *taken |= err == WR_OK ? o_bit(i) : 0;
            *refused |= err == WR_ERR_REFUSED ? o_bit(i) : 0;
            again = again || err == WR_OK;
            if (eager)
                let_take_effect(s, *taken, graph);
        }
    }
}

o_set s_deliver(const s_history *s, t_dice *dice, bool eager, wr_graph *graph, o_set *ret_refused) {
    o_set left = o_all(s->h), waiting = 0, taken = 0;
    *ret_refused = 0;
    while (left != 0) {
        uint32_t next = t_below(dice, s->h->count);
        if (!o_in(left, next))
            continue;
        left &= ~o_bit(next);
        waiting |= o_bit(next);
        offer(s, eager, graph, &waiting, &taken, ret_refused);
    }
    let_take_effect(s, taken, graph);
    return taken;
}
