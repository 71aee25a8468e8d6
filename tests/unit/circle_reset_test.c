/* RESET: the lists of a new generation.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_bodies.h"

#include "wire/pack.h"

/* Behind head, two keys, policy and commitment. */
#define T_RESET_LISTS_AT (1u + 34u + 34u + 1u + 34u)

/* spec:circle#3.12 type=test "A RESET MUST keep 1 to 64 devices."
 * spec:circle#3.12 type=test "Both lists of devices MUST ascend by device id without repetition."
 * spec:circle#3.12 type=test "A device MUST NOT be both kept and gone." */
static void a_reset_sorts_devices_into_kept_and_gone(void **state) {
    (void)state;
    t_reset_parts p;
    t_reset_start(&p);
    p.keep.len = 0;
    t_put_kept(&p.keep, &p.device[2], WR_ROLE_ADMIN);
    t_put_kept(&p.keep, &p.device[0], WR_ROLE_ADMIN);
    T_ERR(t_again(t_reset_again, t_reset_done(&p)), WR_ERR_FORMAT);
    t_reset_start(&p);
    p.keep.len = 0;
    t_put_kept(&p.keep, &p.device[2], WR_ROLE_ADMIN);
    t_put_kept(&p.keep, &p.device[2], WR_ROLE_MEMBER);
    T_ERR(t_again(t_reset_again, t_reset_done(&p)), WR_ERR_FORMAT);
    t_reset_start(&p);
    p.keep.len = 0;
    p.keep_count = 1;
    t_put_kept(&p.keep, &p.device[2], (wr_role_kind)2);
    T_ERR(t_again(t_reset_again, t_reset_done(&p)), WR_ERR_FORMAT);

    for (size_t i = 0; i < 3; i++) { /* gone: before, between and behind the kept ones */
        t_reset_start(&p);
        p.gone.len = 0;
        p.gone_count = 1;
        t_put_gone(&p.gone, &p.device[i].device_id);
        T_ERR(t_again(t_reset_again, t_reset_done(&p)), i == 1 ? WR_OK : WR_ERR_FORMAT);
    }
    t_reset_start(&p);
    p.gone.len = 0;
    t_put_gone(&p.gone, &p.device[1].device_id);
    t_put_gone(&p.gone, &p.device[1].device_id);
    T_ERR(t_again(t_reset_again, t_reset_done(&p)), WR_ERR_FORMAT);
    t_reset_start(&p);
    p.gone.len = 0;
    p.gone_count = p.cut_count = 0;
    p.cuts.len = 0;
    T_OK(t_again(t_reset_again, t_reset_done(&p)));

    wr_slice body =
        t_good_reset(); /* none kept: head, two keys, policy, commitment, then the list */
    const size_t at = T_RESET_LISTS_AT;
    wr_slice rest = wr_slice_of(body.ptr + at, body.len - at), keep;
    T_OK(wr_unpack_item(&rest, 3, &keep));
    T_ERR(t_again(t_reset_again, t_replaced(body, at, keep.len, wr_slice_str("\x90"))),
          WR_ERR_FORMAT);
    T_ERR(t_again(t_reset_again, t_replaced(body, at - 35, 1, wr_slice_str("\x01"))),
          WR_ERR_VERSION);
}

static wr_op_list many_kept(uint32_t count, wr_buf *items) {
    static wr_identity devices[WR_MEMBERS_MAX + 1];
    t_devices_of(100, count, devices);
    items->len = 0;
    for (uint32_t i = 0; i < count; i++)
        t_put_kept(items, &devices[i], WR_ROLE_MEMBER);
    return t_list_of(count, items);
}

/* A RESET with lists of these lengths, beyond their limits too. */
static wr_err reset_with(uint32_t keep, uint32_t gone, uint32_t cuts, uint32_t epochs) {
    static uint8_t big[4][2 * T_BODY_MAX], body[3 * T_BODY_MAX];
    wr_buf out = WR_BUF_ARRAY(body), a = WR_BUF_ARRAY(big[0]), b = WR_BUF_ARRAY(big[1]);
    wr_buf c = WR_BUF_ARRAY(big[2]), d = WR_BUF_ARRAY(big[3]);
    for (uint32_t i = 0; i < gone; i++) {
        wr_hash id = t_id_of(i);
        t_put_gone(&b, &id);
    }
    for (uint32_t i = 0; i < epochs; i++)
        t_put_epoch(&d, i);
    const wr_op_list lists[] = {many_kept(keep, &a), t_list_of(gone, &b), t_cuts_of(cuts, &c),
                                t_list_of(epochs, &d)};
    T_OK(wr_buf_put(&out, wr_slice_of(t_body_bytes, T_RESET_LISTS_AT)));
    for (size_t i = 0; i < WR_COUNT(lists); i++)
        T_OK(wr_op_list_put(&out, &lists[i]));
    wr_reset reset;
    WR_TRY(wr_reset_decode(wr_buf_slice(&out), &reset));
    T_EQ(reset.keep.count, keep);
    T_EQ(reset.gone.count, gone);
    T_EQ(reset.cuts.count, cuts);
    T_EQ(reset.epochs.count, epochs);
    return WR_OK;
}

static void a_reset_has_bounded_lists(void **state) {
    (void)state;
    (void)t_good_reset();
    T_OK(reset_with(64, 256, 512, 1024));
    T_ERR(reset_with(65, 1, 1, 1), WR_ERR_LIMIT);
    T_ERR(reset_with(1, 257, 1, 1), WR_ERR_LIMIT);
    T_ERR(reset_with(1, 1, 513, 1), WR_ERR_LIMIT);
    T_ERR(reset_with(1, 1, 1, 1025), WR_ERR_LIMIT);
    T_ERR(reset_with(1, 1, 1, 0), WR_ERR_FORMAT);
    T_ERR(reset_with(0, 1, 1, 1), WR_ERR_FORMAT);
}

/* spec:circle#3.12 type=test "The epochs behind the first MUST ascend, and the first MUST NOT occur
 * again." */
static void the_current_epoch_of_a_reset_stands_first_and_once(void **state) {
    (void)state;
    const struct {
        uint32_t number[4];
        wr_err want;
    } cases[] = {
        {{9, 1, 2, 3}, WR_OK},         {{1, 2, 3, 4}, WR_OK},         {{2, 1, 3, 4}, WR_OK},
        {{9, 1, 3, 2}, WR_ERR_FORMAT}, {{9, 1, 1, 2}, WR_ERR_FORMAT}, {{1, 1, 2, 3}, WR_ERR_FORMAT},
        {{2, 1, 2, 3}, WR_ERR_FORMAT}, {{3, 1, 2, 3}, WR_ERR_FORMAT},
    };
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        t_reset_parts p;
        t_reset_start(&p);
        p.epochs.len = 0;
        p.epoch_count = 4;
        for (size_t j = 0; j < 4; j++)
            t_put_epoch(&p.epochs, cases[i].number[j]);
        T_ERR(t_again(t_reset_again, t_reset_done(&p)), cases[i].want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_sorts_devices_into_kept_and_gone),
        cmocka_unit_test(a_reset_has_bounded_lists),
        cmocka_unit_test(the_current_epoch_of_a_reset_stands_first_and_once),
    };
    T_OK(wr_crypto_init());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
