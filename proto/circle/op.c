/* The header of a membership op: encoding and strict decoding.  Bodies are in op_body.c and
 * op_change.c.
 *
 * Spec:   proto/spec/circle.md 2
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/op.h"

#include "wire/pack.h"

#define OP_VERSION 1u
#define OP_FIELDS 10u
#define BODY_DEPTH_MAX (WR_OP_DEPTH_MAX - 1u) /* the op itself is one array */
#define PARENT_BYTES (2u + WR_HASH_SIZE)      /* bin 8 header and the id */

static wr_err put_hash(wr_buf *out, const wr_hash *hash) {
    return wr_pack_bin(out, WR_SLICE_OBJ(*hash));
}

static wr_err take_hash(wr_slice *in, wr_hash *ret_hash) {
    return wr_unpack_fixed(in, ret_hash->b, sizeof ret_hash->b);
}

size_t wr_op_bytes_max(uint64_t type) {
    if (type == WR_OP_EQUIV)
        return WR_OP_EQUIV_BYTES_MAX;
    return type == WR_OP_RESET ? WR_OP_RESET_BYTES_MAX : WR_OP_BYTES_MAX;
}

wr_err wr_op_encode(const wr_op *header, const wr_hash *parents, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(header->parent_count <= WR_OP_PARENTS_MAX);
    WR_TRY(wr_pack_array(&next, OP_FIELDS));
    WR_TRY(wr_pack_uint(&next, OP_VERSION));
    WR_TRY(put_hash(&next, &header->circle_id));
    WR_TRY(wr_pack_uint(&next, header->gen));
    WR_TRY(put_hash(&next, &header->author));
    WR_TRY(wr_pack_uint(&next, header->aseq));
    WR_TRY(wr_pack_bin(&next, header->has_aprev ? WR_SLICE_OBJ(header->aprev) : WR_SLICE_EMPTY));
    WR_TRY(wr_pack_array(&next, header->parent_count));
    for (uint32_t i = 0; i < header->parent_count; i++)
        WR_TRY(put_hash(&next, &parents[i]));
    WR_TRY(wr_pack_uint(&next, header->hlc));
    WR_TRY(wr_pack_uint(&next, header->type));
    WR_TRY(wr_buf_put(&next, header->body));
    if (next.len - out->len > wr_op_bytes_max(header->type))
        return WR_ERR_LIMIT;
    *out = next;
    return WR_OK;
}

static wr_err take_aprev(wr_slice *in, wr_op *op) {
    wr_slice aprev;
    WR_TRY(wr_unpack_bin(in, &aprev));
    if (aprev.len != 0 && aprev.len != sizeof op->aprev.b)
        return WR_ERR_FORMAT;
    op->has_aprev = aprev.len != 0;
    if (op->has_aprev)
        memcpy(op->aprev.b, aprev.ptr, sizeof op->aprev.b);
    return WR_OK;
}

static wr_err take_parents(wr_slice *in, wr_op *op) {
    wr_hash last, parent;
    WR_TRY(wr_unpack_array(in, &op->parent_count));
    /* spec:circle#2.1 "An op MUST name at most 64 parents." */
    if (op->parent_count > WR_OP_PARENTS_MAX)
        return WR_ERR_LIMIT;
    op->parents = wr_slice_of(in->ptr, (size_t)op->parent_count * PARENT_BYTES);
    for (uint32_t i = 0; i < op->parent_count; i++) {
        WR_TRY(take_hash(in, &parent));
        /* spec:circle#2.1 "The parents MUST stand in ascending order without repetition." */
        if (i > 0 && wr_hash_order(&last, &parent) >= 0)
            return WR_ERR_FORMAT;
        last = parent;
    }
    return WR_OK;
}

/* What a header must be by itself, whatever the circle looks like. */
static wr_err check_shape(const wr_op *op) {
    bool root = wr_is_zero(WR_SLICE_OBJ(op->author));
    bool first = wr_is_zero(WR_SLICE_OBJ(op->circle_id));
    if (op->has_aprev != (op->aseq > 0))
        return WR_ERR_FORMAT;
    /* spec:circle#3.6 "A KEYUPD MUST NOT stand in the DAG." */
    if (op->type == WR_OP_KEYUPD)
        return WR_ERR_FORMAT;
    if (op->type != WR_OP_GENESIS) {
        bool placed = op->parent_count > 0 && !first;
        return placed && (!root || op->aseq == 0) ? WR_OK : WR_ERR_FORMAT;
    }
    /* spec:circle#3.1 "GENESIS MUST have no parents, aseq 0, generation 0 and a circle_id of 32
     * zero bytes." */
    bool alone = op->parent_count == 0 && op->aseq == 0 && op->gen == 0;
    return alone && first && !root ? WR_OK : WR_ERR_FORMAT;
}

wr_err wr_op_decode(wr_slice bytes, wr_op *ret_op) {
    wr_op op = {.bytes = bytes};
    wr_slice in = bytes;
    uint64_t version;
    if (bytes.len > WR_OP_LARGEST_BYTES_MAX)
        return WR_ERR_LIMIT;
    WR_TRY(wr_unpack_array_of(&in, OP_FIELDS));
    WR_TRY(wr_unpack_uint(&in, &version));
    if (version != OP_VERSION)
        return WR_ERR_VERSION;
    WR_TRY(take_hash(&in, &op.circle_id));
    WR_TRY(wr_unpack_uint(&in, &op.gen));
    WR_TRY(take_hash(&in, &op.author));
    WR_TRY(wr_unpack_uint(&in, &op.aseq));
    WR_TRY(take_aprev(&in, &op));
    WR_TRY(take_parents(&in, &op));
    WR_TRY(wr_unpack_uint(&in, &op.hlc));
    WR_TRY(wr_unpack_uint(&in, &op.type));
    /* spec:circle#2.1 "An op MUST NOT be longer than 16384 bytes, unless it is an EQUIV, which may
     * have 49152, or a RESET, which may have 63354." */
    if (bytes.len > wr_op_bytes_max(op.type))
        return WR_ERR_LIMIT;
    WR_TRY(wr_unpack_item(&in, BODY_DEPTH_MAX, &op.body));
    if (in.len != 0)
        return WR_ERR_FORMAT;
    WR_TRY(check_shape(&op));
    /* spec:circle#2.2 "The op id and the signature MUST cover the bytes as received." */
    op.id = wr_hash_of(WR_LABEL_OP_ID, bytes);
    *ret_op = op;
    return WR_OK;
}

wr_hash wr_op_parent(const wr_op *op, uint32_t index) {
    wr_hash parent;
    WR_ASSERT(index < op->parent_count);
    WR_ASSERT(op->parents.len == (size_t)op->parent_count * PARENT_BYTES);
    memcpy(parent.b, op->parents.ptr + (size_t)index * PARENT_BYTES + 2, sizeof parent.b);
    return parent;
}
