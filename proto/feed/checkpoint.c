/* Checkpoint encoding, both directions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/checkpoint.h"

#include "wire/pack.h"

#define CHECKPOINT_VERSION 1u
#define CHECKPOINT_FIELDS 10u

static bool prev_fits(const wr_checkpoint *checkpoint) {
    return (checkpoint->k == 0) == wr_is_zero(WR_SLICE_OBJ(checkpoint->prev));
}

wr_err wr_checkpoint_encode(const wr_checkpoint *checkpoint, wr_buf *out) {
    WR_ASSERT(checkpoint->mhead_count >= 1 && checkpoint->mhead_count <= WR_OP_PARENTS_MAX);
    WR_ASSERT(checkpoint->k < checkpoint->len);
    WR_ASSERT(prev_fits(checkpoint));
    for (uint32_t i = 1; i < checkpoint->mhead_count; i++)
        WR_ASSERT(wr_hash_order(&checkpoint->mheads[i - 1], &checkpoint->mheads[i]) < 0);
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, CHECKPOINT_FIELDS));
    WR_TRY(wr_pack_uint(&next, CHECKPOINT_VERSION));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(checkpoint->feed_id)));
    WR_TRY(wr_pack_uint(&next, checkpoint->k));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(checkpoint->prev)));
    WR_TRY(wr_pack_uint(&next, checkpoint->len));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(checkpoint->root)));
    WR_TRY(wr_pack_uint(&next, checkpoint->hlc));
    WR_TRY(wr_pack_array(&next, checkpoint->mhead_count));
    for (uint32_t i = 0; i < checkpoint->mhead_count; i++)
        WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(checkpoint->mheads[i])));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(checkpoint->seen)));
    WR_TRY(wr_pack_uint(&next, 0));
    *out = next;
    return WR_OK;
}

static wr_err decode_mheads(wr_slice *in, wr_checkpoint *checkpoint) {
    WR_TRY(wr_unpack_array(in, &checkpoint->mhead_count));
    if (checkpoint->mhead_count == 0)
        return WR_ERR_FORMAT;
    if (checkpoint->mhead_count > WR_OP_PARENTS_MAX)
        return WR_ERR_LIMIT;
    for (uint32_t i = 0; i < checkpoint->mhead_count; i++) {
        WR_TRY(wr_unpack_fixed(in, checkpoint->mheads[i].b, WR_HASH_SIZE));
        if (i > 0 && wr_hash_order(&checkpoint->mheads[i - 1], &checkpoint->mheads[i]) >= 0)
            return WR_ERR_FORMAT;
    }
    return WR_OK;
}

wr_err wr_checkpoint_decode(wr_slice bytes, wr_checkpoint *ret_checkpoint) {
    if (bytes.len > WR_CHECKPOINT_BYTES_MAX)
        return WR_ERR_LIMIT;
    wr_checkpoint cp;
    uint64_t version, flags;
    WR_TRY(wr_unpack_array_of(&bytes, CHECKPOINT_FIELDS));
    WR_TRY(wr_unpack_uint(&bytes, &version));
    if (version != CHECKPOINT_VERSION)
        return WR_ERR_VERSION;
    WR_TRY(wr_unpack_fixed(&bytes, cp.feed_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint(&bytes, &cp.k));
    WR_TRY(wr_unpack_fixed(&bytes, cp.prev.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint_max(&bytes, WR_FEED_LEN_MAX, &cp.len));
    WR_TRY(wr_unpack_fixed(&bytes, cp.root.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint(&bytes, &cp.hlc));
    WR_TRY(decode_mheads(&bytes, &cp));
    WR_TRY(wr_unpack_fixed(&bytes, cp.seen.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint_max(&bytes, 0, &flags));
    /* Every checkpoint adds an entry, so number k covers more than k; and only the first one has
     * nothing before it. */
    if (bytes.len != 0 || cp.k >= cp.len || !prev_fits(&cp))
        return WR_ERR_FORMAT;
    *ret_checkpoint = cp;
    return WR_OK;
}
