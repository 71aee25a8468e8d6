/* Lists of ids and cuts, both directions.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/op_list.h"

#include "wire/pack.h"

#define CUT_FIELDS 3u

/* ---- any list ---- */

wr_err wr_op_list_take(wr_slice *in, uint32_t min, uint32_t max, wr_op_item_fn *take,
                       wr_op_list *ret_list) {
    wr_slice rest = *in;
    wr_hash last, key;
    uint32_t count;
    WR_TRY(wr_unpack_array(&rest, &count));
    if (count < min)
        return WR_ERR_FORMAT;
    if (count > max)
        return WR_ERR_LIMIT;
    wr_slice items = rest;
    for (uint32_t i = 0; i < count; i++) {
        WR_TRY(take(&rest, &key));
        /* spec:circle#3.8 "Cuts MUST ascend by feed id without repetition." */
        if (i > 0 && wr_hash_order(&last, &key) >= 0)
            return WR_ERR_FORMAT;
        last = key;
    }
    items.len -= rest.len;
    *in = rest;
    *ret_list = (wr_op_list){count, items};
    return WR_OK;
}

wr_err wr_op_list_put(wr_buf *out, const wr_op_list *list) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, list->count));
    WR_TRY(wr_buf_put(&next, list->items));
    *out = next;
    return WR_OK;
}

/* ---- ids ---- */

wr_err wr_id_put(wr_buf *items, const wr_hash *id) {
    return wr_pack_bin(items, WR_SLICE_OBJ(*id));
}

wr_err wr_id_take_key(wr_slice *in, wr_hash *ret_key) {
    return wr_unpack_fixed(in, ret_key->b, sizeof ret_key->b);
}

bool wr_id_next(wr_op_list *rest, wr_hash *ret_id) {
    if (rest->count == 0)
        return false;
    WR_ASSERT(wr_id_take_key(&rest->items, ret_id) == WR_OK);
    rest->count--;
    return true;
}

/* ---- cuts ---- */

wr_err wr_cut_put(wr_buf *items, const wr_cut *cut) {
    wr_buf next = *items;
    WR_ASSERT(cut->len > 0);
    WR_ASSERT(cut->len <= WR_FEED_LEN_MAX);
    WR_TRY(wr_pack_array(&next, CUT_FIELDS));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(cut->feed_id)));
    WR_TRY(wr_pack_uint(&next, cut->len));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(cut->root)));
    *items = next;
    return WR_OK;
}

static wr_err take_cut(wr_slice *in, wr_cut *ret_cut) {
    wr_cut cut;
    WR_TRY(wr_unpack_array_of(in, CUT_FIELDS));
    WR_TRY(wr_unpack_fixed(in, cut.feed_id.b, sizeof cut.feed_id.b));
    WR_TRY(wr_unpack_uint_max(in, WR_FEED_LEN_MAX, &cut.len));
    WR_TRY(wr_unpack_fixed(in, cut.root.b, sizeof cut.root.b));
    /* spec:circle#3.8 "The len of a cut MUST be at least 1." */
    if (cut.len == 0)
        return WR_ERR_FORMAT;
    *ret_cut = cut;
    return WR_OK;
}

wr_err wr_cut_take_key(wr_slice *in, wr_hash *ret_key) {
    wr_cut cut;
    WR_TRY(take_cut(in, &cut));
    *ret_key = cut.feed_id;
    return WR_OK;
}

bool wr_cut_next(wr_op_list *rest, wr_cut *ret_cut) {
    if (rest->count == 0)
        return false;
    WR_ASSERT(take_cut(&rest->items, ret_cut) == WR_OK);
    rest->count--;
    return true;
}
