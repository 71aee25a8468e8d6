/* Bodies of ops, made, read and made again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_bodies.h"

wr_hash t_id_of(uint32_t number) { /* ascending */
    wr_hash id = {{0}};
    wr_store_u32(id.b, number);
    return id;
}

wr_cut t_cut_of(uint32_t number) {
    return (wr_cut){t_id_of(number), number + 1ull, {{0x11}}};
}

wr_op_list t_list_of(uint32_t count, const wr_buf *items) {
    return (wr_op_list){count, wr_buf_slice(items)};
}

wr_op_list t_cuts_of(uint32_t count, wr_buf *items) {
    items->len = 0;
    for (uint32_t i = 0; i < count; i++) {
        wr_cut cut = t_cut_of(i);
        T_OK(wr_cut_put(items, &cut));
    }
    return t_list_of(count, items);
}

wr_op_list t_ids_of(uint32_t count, wr_buf *items) {
    items->len = 0;
    for (uint32_t i = 0; i < count; i++) {
        wr_hash id = t_id_of(i);
        T_OK(wr_id_put(items, &id));
    }
    return t_list_of(count, items);
}

uint8_t t_items_a[T_BODY_MAX], t_items_b[T_BODY_MAX], t_items_c[T_BODY_MAX], t_items_d[T_BODY_MAX];
uint8_t t_body_bytes[T_BODY_MAX], t_mutant[T_BODY_MAX + 16];
static uint8_t body_again[T_BODY_MAX];

/* ---- decode, take every item, put it t_again, encode ---- */

static wr_op_list cuts_again(wr_op_list cuts, wr_buf *items) {
    wr_cut cut, last;
    uint32_t count = 0;
    items->len = 0;
    for (wr_op_list rest = cuts; wr_cut_next(&rest, &cut); last = cut, count++) {
        T_TRUE(count == 0 || wr_hash_order(&last.feed_id, &cut.feed_id) < 0);
        T_TRUE(cut.len >= 1 && cut.len <= WR_FEED_LEN_MAX);
        T_OK(wr_cut_put(items, &cut));
    }
    T_EQ(count, cuts.count);
    return t_list_of(count, items);
}

wr_err t_ack_again(wr_slice body, wr_buf *out) {
    wr_buf items = WR_BUF_ARRAY(t_items_a);
    wr_op_list seen;
    WR_TRY(wr_ack_decode(body, &seen));
    seen = cuts_again(seen, &items);
    return wr_ack_encode(&seen, out);
}

wr_err t_leave_again(wr_slice body, wr_buf *out) {
    wr_buf items = WR_BUF_ARRAY(t_items_a);
    wr_op_list cuts;
    WR_TRY(wr_leave_decode(body, &cuts));
    cuts = cuts_again(cuts, &items);
    return wr_leave_encode(&cuts, out);
}

wr_err t_remove_again(wr_slice body, wr_buf *out) {
    wr_buf ids = WR_BUF_ARRAY(t_items_a), cuts = WR_BUF_ARRAY(t_items_b);
    wr_remove remove;
    wr_hash id;
    uint32_t count = 0;
    WR_TRY(wr_remove_decode(body, &remove));
    for (wr_op_list rest = remove.targets; wr_id_next(&rest, &id); count++)
        T_OK(wr_id_put(&ids, &id));
    T_EQ(count, remove.targets.count);
    remove.targets = t_list_of(count, &ids);
    remove.cuts = cuts_again(remove.cuts, &cuts);
    return wr_remove_encode(&remove, out);
}

wr_err t_role_again(wr_slice body, wr_buf *out) {
    wr_role_op role;
    WR_TRY(wr_role_decode(body, &role));
    return wr_role_encode(&role, out);
}

wr_err t_equiv_again(wr_slice body, wr_buf *out) {
    wr_buf cuts = WR_BUF_ARRAY(t_items_a);
    wr_equiv equiv;
    WR_TRY(wr_equiv_decode(body, &equiv));
    equiv.cuts = cuts_again(equiv.cuts, &cuts);
    return wr_equiv_encode(&equiv, out);
}

wr_err t_reset_again(wr_slice body, wr_buf *out) {
    wr_buf keep = WR_BUF_ARRAY(t_items_a), gone = WR_BUF_ARRAY(t_items_b);
    wr_buf cuts = WR_BUF_ARRAY(t_items_c), epochs = WR_BUF_ARRAY(t_items_d);
    wr_reset reset;
    wr_kept kept;
    wr_gone left;
    wr_reset_epoch epoch;
    WR_TRY(wr_reset_decode(body, &reset));
    for (wr_op_list rest = reset.keep; wr_kept_next(&rest, &kept);)
        T_OK(wr_kept_put(&keep, &kept));
    for (wr_op_list rest = reset.gone; wr_gone_next(&rest, &left);)
        T_OK(wr_gone_put(&gone, &left));
    for (wr_op_list rest = reset.epochs; wr_reset_epoch_next(&rest, &epoch);)
        T_OK(wr_reset_epoch_put(&epochs, &epoch));
    reset.keep = t_list_of(reset.keep.count, &keep);
    reset.gone = t_list_of(reset.gone.count, &gone);
    reset.cuts = cuts_again(reset.cuts, &cuts);
    reset.epochs = t_list_of(reset.epochs.count, &epochs);
    return wr_reset_encode(&reset, out);
}

wr_err t_rootset_again(wr_slice body, wr_buf *out) {
    wr_root root;
    WR_TRY(wr_rootset_decode(body, &root));
    return wr_rootset_encode(&root, out);
}

wr_err t_keyupd_again(wr_slice body, wr_buf *out) {
    wr_keyupd update;
    WR_TRY(wr_keyupd_decode(body, &update));
    return wr_keyupd_encode(&update, out);
}

wr_err t_again(t_again_fn *fn, wr_slice body) {
    wr_buf out = WR_BUF_ARRAY(body_again);
    wr_err err = fn(body, &out);
    if (err == WR_OK)
        T_SLICE(wr_buf_slice(&out), body);
    return err;
}

/* ---- one good body of each type ---- */

wr_slice t_good_ack(void) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes), items = WR_BUF_ARRAY(t_items_a);
    wr_op_list seen = t_cuts_of(2, &items);
    T_OK(wr_ack_encode(&seen, &out));
    return wr_buf_slice(&out);
}

wr_slice t_good_leave(void) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes), items = WR_BUF_ARRAY(t_items_a);
    wr_op_list cuts = t_cuts_of(2, &items);
    T_OK(wr_leave_encode(&cuts, &out));
    return wr_buf_slice(&out);
}

wr_slice t_remove_of(uint32_t targets, unsigned reason, uint32_t cuts, size_t note) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes), a = WR_BUF_ARRAY(t_items_a),
           b = WR_BUF_ARRAY(t_items_b);
    wr_remove remove = {.reason = (wr_reason)reason, .note = wr_slice_of(t_items_c, note)};
    remove.targets = t_ids_of(targets, &a);
    remove.cuts = t_cuts_of(cuts, &b);
    T_OK(wr_remove_encode(&remove, &out));
    return wr_buf_slice(&out);
}

wr_slice t_good_remove(void) {
    return t_remove_of(2, WR_REASON_LOST, 2, 40);
}

wr_slice t_good_role(void) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes);
    T_OK(wr_role_encode(&(wr_role_op){{{7}}, WR_ROLE_MEMBER}, &out));
    return wr_buf_slice(&out);
}

/* Evidence of len_a and len_b bytes, the second greater in its first byte. */
wr_slice t_equiv_of(unsigned kind, size_t len_a, size_t len_b, size_t path, uint32_t cuts) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes), a = WR_BUF_ARRAY(t_items_a);
    memset(t_items_b, 1, sizeof t_items_b);
    memset(t_items_c, 2, sizeof t_items_c);
    wr_equiv equiv = {.kind = (wr_equiv_kind)kind,
                      .device_id = {{9}},
                      .evidence = {wr_slice_of(t_items_b, len_a), wr_slice_of(t_items_c, len_b)},
                      .path = wr_slice_of(t_items_d, path)};
    equiv.cuts = t_cuts_of(cuts, &a);
    T_OK(wr_equiv_encode(&equiv, &out));
    return wr_buf_slice(&out);
}

wr_slice t_good_equiv(void) {
    return t_equiv_of(WR_EQUIV_HISTORY, 80, 90, 64, 2);
}

/* Devices of the seeds from first on, in the order of their ids. */
void t_devices_of(uint32_t first, uint32_t count, wr_identity *ret_devices) {
    for (uint32_t i = 0; i < count; i++) {
        wr_identity device = t_device(first + i);
        uint32_t at = i;
        for (; at > 0 && wr_hash_order(&device.device_id, &ret_devices[at - 1].device_id) < 0; at--)
            ret_devices[at] = ret_devices[at - 1];
        ret_devices[at] = device;
    }
}

static wr_gone gone_of(const wr_hash *device_id) {
    return (wr_gone){*device_id, {{1}}, {{2}}, {{3}}};
}

void t_put_kept(wr_buf *items, const wr_identity *device, wr_role_kind role) {
    T_OK(wr_kept_put(items, &(wr_kept){wr_identity_cert(device), role}));
}

void t_put_gone(wr_buf *items, const wr_hash *device_id) {
    wr_gone gone = gone_of(device_id);
    T_OK(wr_gone_put(items, &gone));
}

void t_put_epoch(wr_buf *items, uint32_t number) {
    T_OK(wr_reset_epoch_put(items, &(wr_reset_epoch){t_id_of(number), {{4}}}));
}

/* A RESET as the lists in t_items_a .. t_items_d are filled. */
static wr_slice reset_of(wr_op_list keep, wr_op_list gone, wr_op_list cuts, wr_op_list epochs) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes);
    wr_reset reset = {.root = {{{5}}, {{6}}}, .keep = keep, .gone = gone};
    reset.cuts = cuts;
    reset.epochs = epochs;
    T_OK(wr_reset_encode(&reset, &out));
    return wr_buf_slice(&out);
}

void t_reset_start(t_reset_parts *p) {
    *p = (t_reset_parts){
        .keep = WR_BUF_ARRAY(t_items_a),
        .gone = WR_BUF_ARRAY(t_items_b),
        .cuts = WR_BUF_ARRAY(t_items_c),
        .epochs = WR_BUF_ARRAY(t_items_d),
        .keep_count = 2,
        .gone_count = 2,
        .cut_count = 2,
        .epoch_count = 3,
    };
    t_devices_of(10, 3, p->device);
    t_put_kept(&p->keep, &p->device[0], WR_ROLE_ADMIN);
    t_put_kept(&p->keep, &p->device[2], WR_ROLE_MEMBER);
    t_put_gone(&p->gone, &(wr_hash){{0}});
    t_put_gone(&p->gone, &p->device[1].device_id);
    (void)t_cuts_of(2, &p->cuts);
    t_put_epoch(&p->epochs, 5);
    t_put_epoch(&p->epochs, 2);
    t_put_epoch(&p->epochs, 7);
}

wr_slice t_reset_done(const t_reset_parts *p) {
    return reset_of(t_list_of(p->keep_count, &p->keep), t_list_of(p->gone_count, &p->gone),
                    t_list_of(p->cut_count, &p->cuts), t_list_of(p->epoch_count, &p->epochs));
}

wr_slice t_good_reset(void) {
    t_reset_parts p;
    t_reset_start(&p);
    return t_reset_done(&p);
}

wr_slice t_good_rootset(void) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes);
    T_OK(wr_rootset_encode(&(wr_root){{{5}}, {{6}}}, &out));
    return wr_buf_slice(&out);
}

wr_slice t_keyupd_of(uint8_t box, size_t kem) {
    wr_buf out = WR_BUF_ARRAY(t_body_bytes);
    T_OK(wr_keyupd_encode(&(wr_keyupd){{{box}}, wr_slice_of(t_items_a, kem)}, &out));
    return wr_buf_slice(&out);
}

wr_slice t_good_keyupd(void) {
    return t_keyupd_of(1, 0);
}

/* body with the item that starts at `at` t_replaced. */
wr_slice t_replaced(wr_slice body, size_t at, size_t item_len, wr_slice by) {
    wr_buf out = WR_BUF_ARRAY(t_mutant);
    T_OK(wr_buf_put(&out, wr_slice_of(body.ptr, at)));
    T_OK(wr_buf_put(&out, by));
    T_OK(wr_buf_put(&out, wr_slice_of(body.ptr + at + item_len, body.len - at - item_len)));
    return wr_buf_slice(&out);
}
