/* Bodies of ops to bend: one good one of each type, and what reads it.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CIRCLE_BODIES_H
#define TESTS_UNIT_CIRCLE_BODIES_H

#include "circle/op_change.h"
#include "unit/circle_fixture.h"

#define T_BODY_MAX 65536u

/* Where the makers below leave their items, their body, and a bent copy of it. */
extern uint8_t t_items_a[T_BODY_MAX], t_items_b[T_BODY_MAX], t_items_c[T_BODY_MAX],
    t_items_d[T_BODY_MAX];
extern uint8_t t_body_bytes[T_BODY_MAX], t_mutant[T_BODY_MAX + 16];

typedef wr_err t_again_fn(wr_slice body, wr_buf *out); /* decodes, walks all lists, encodes */

typedef struct t_reset_parts { /* what t_good_reset is made of, to be bent */
    wr_buf keep, gone, cuts, epochs;
    uint32_t keep_count, gone_count, cut_count, epoch_count;
    wr_identity device[3];
} t_reset_parts;

wr_hash t_id_of(uint32_t number);
wr_cut t_cut_of(uint32_t number);
wr_op_list t_list_of(uint32_t count, const wr_buf *items);
wr_op_list t_cuts_of(uint32_t count, wr_buf *items);
wr_op_list t_ids_of(uint32_t count, wr_buf *items);
wr_err t_again(t_again_fn *fn, wr_slice body);
wr_err t_ack_again(wr_slice body, wr_buf *out);
wr_err t_leave_again(wr_slice body, wr_buf *out);
wr_err t_remove_again(wr_slice body, wr_buf *out);
wr_err t_role_again(wr_slice body, wr_buf *out);
wr_err t_equiv_again(wr_slice body, wr_buf *out);
wr_err t_reset_again(wr_slice body, wr_buf *out);
wr_err t_rootset_again(wr_slice body, wr_buf *out);
wr_err t_keyupd_again(wr_slice body, wr_buf *out);
wr_slice t_good_ack(void);
wr_slice t_good_leave(void);
wr_slice t_remove_of(uint32_t targets, unsigned reason, uint32_t cuts, size_t note);
wr_slice t_good_remove(void);
wr_slice t_good_role(void);
wr_slice t_equiv_of(unsigned kind, size_t len_a, size_t len_b, size_t path, uint32_t cuts);
wr_slice t_good_equiv(void);
void t_devices_of(uint32_t first, uint32_t count, wr_identity *ret_devices);
void t_put_kept(wr_buf *items, const wr_identity *device, wr_role_kind role);
void t_put_gone(wr_buf *items, const wr_hash *device_id);
void t_put_epoch(wr_buf *items, uint32_t number);
void t_reset_start(t_reset_parts *p);
wr_slice t_reset_done(const t_reset_parts *p);
wr_slice t_good_reset(void);
wr_slice t_good_rootset(void);
wr_slice t_keyupd_of(uint8_t box, size_t kem);
wr_slice t_good_keyupd(void);
wr_slice t_replaced(wr_slice body, size_t at, size_t item_len, wr_slice by);

#endif /* TESTS_UNIT_CIRCLE_BODIES_H */
