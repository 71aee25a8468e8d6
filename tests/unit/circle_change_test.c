/* Bodies of the ops that change a membership: one encoding each, and nothing else is read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_bodies.h"

#include "wire/pack.h"

static const struct {
    const char *name;
    wr_slice (*good)(void);
    t_again_fn *again;
    uint32_t fields;
    uint32_t free_bins; /* of any length, within a limit */
} types[] = {
    {"ack", t_good_ack, t_ack_again, 1, 0},
    {"leave", t_good_leave, t_leave_again, 1, 0},
    {"remove", t_good_remove, t_remove_again, 4, 1},
    {"role", t_good_role, t_role_again, 2, 0},
    {"equiv", t_good_equiv, t_equiv_again, 6, 2},
    {"reset", t_good_reset, t_reset_again, 8, 0},
    {"rootset", t_good_rootset, t_rootset_again, 2, 0},
    {"keyupd", t_good_keyupd, t_keyupd_again, 2, 0},
};

/* ---- what holds for all ---- */

static void every_body_survives_the_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        wr_slice body = types[i].good();
        T_OK(t_again(types[i].again, body));
        T_EQ(body.ptr[0], 0x90 + types[i].fields);
    }
}

static void every_body_is_whole_or_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        wr_slice body = types[i].good();
        memcpy(t_mutant, body.ptr, body.len);
        t_mutant[body.len] = 0;
        for (size_t len = 0; len < body.len; len++)
            T_TRUE(t_again(types[i].again, wr_slice_of(t_mutant, len)) != WR_OK);
        T_ERR(t_again(types[i].again, wr_slice_of(t_mutant, body.len + 1)), WR_ERR_FORMAT);
        t_mutant[0]++;
        T_ERR(t_again(types[i].again, wr_slice_of(t_mutant, body.len + 1)), WR_ERR_FORMAT);
        t_mutant[0] -= 2;
        T_ERR(t_again(types[i].again, wr_slice_of(t_mutant, body.len)), WR_ERR_FORMAT);
    }
}

/* Changes of one byte: what is still read is still the one encoding of what it says. */
static void no_bent_body_is_read_in_two_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        wr_slice body = types[i].good();
        memcpy(t_mutant, body.ptr, body.len);
        for (size_t at = 0; at < body.len; at++) {
            uint8_t before = t_mutant[at];
            for (unsigned bit = 0; bit < 8; bit++) {
                t_mutant[at] = (uint8_t)(before ^ 1u << bit);
                (void)!t_again(types[i].again, wr_slice_of(t_mutant, body.len));
            }
            t_mutant[at] = before;
        }
    }
}

/* Every item on every level: of another type, and every bin a byte shorter and longer. */
static void every_field_has_its_type_and_length(void **state) {
    (void)state;
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        wr_slice body = types[i].good(), rest = body;
        uint32_t shorter = 0, longer = 0;
        while (rest.len > 0) {
            wr_slice item, bytes, in = rest;
            size_t at = (size_t)(rest.ptr - body.ptr);
            uint32_t count;
            T_OK(wr_unpack_item(&in, WR_OP_DEPTH_MAX, &item));
            bool is_array = wr_unpack_array(&rest, &count) == WR_OK;
            if (!is_array)
                rest = in;
            wr_slice wrong = wr_slice_str("\x05");
            if (item.ptr[0] < 0x80 || (item.ptr[0] >= 0xcc && item.ptr[0] <= 0xcf))
                wrong = wr_slice_of("\xc4\x00", 2);
            T_TRUE(t_again(types[i].again, t_replaced(body, at, item.len, wrong)) != WR_OK);
            wrong = wr_slice_str("\xc0"); /* nil */
            T_ERR(t_again(types[i].again, t_replaced(body, at, item.len, wrong)), WR_ERR_FORMAT);
            wr_slice whole = item;
            if (is_array || wr_unpack_bin(&whole, &bytes) != WR_OK || bytes.len == 0)
                continue;
            uint8_t other[512];
            wr_buf bin = WR_BUF_ARRAY(other);
            T_OK(wr_pack_bin(&bin, wr_slice_of(bytes.ptr, bytes.len - 1)));
            wrong = t_replaced(body, at, item.len, wr_buf_slice(&bin));
            shorter += t_again(types[i].again, wrong) == WR_OK;
            bin.len = 0;
            T_OK(wr_pack_bin(&bin, wr_slice_of(bytes.ptr, bytes.len + 1)));
            wrong = t_replaced(body, at, item.len, wr_buf_slice(&bin));
            longer += t_again(types[i].again, wrong) == WR_OK;
        }
        T_EQ(shorter, types[i].free_bins);
        T_EQ(longer, types[i].free_bins);
    }
}

static void an_encoder_without_room_writes_nothing(void **state) {
    (void)state;
    static uint8_t copy[T_BODY_MAX], again_bytes[T_BODY_MAX];
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        wr_slice body = types[i].good();
        memcpy(copy, body.ptr, body.len);
        for (size_t cap = 0; cap < body.len; cap++) {
            wr_buf out = wr_buf_of(again_bytes, cap);
            T_ERR(types[i].again(wr_slice_of(copy, body.len), &out), WR_ERR_NOBUF);
            T_EQ(out.len, 0);
        }
    }
}

/* ---- lists ---- */

/* spec:circle#3.8 type=test "The len of a cut MUST be at least 1."
 * spec:circle#3.8 type=test "Cuts MUST ascend by feed id without repetition."
 * spec:circle#3.8 type=test "No op but RESET MUST hold more than 128 cuts." */
static void cuts_ascend_and_are_128_at_most(void **state) {
    (void)state;
    wr_buf items = WR_BUF_ARRAY(t_items_b), body = WR_BUF_ARRAY(t_body_bytes);
    wr_op_list seen = t_cuts_of(WR_OP_CUTS_MAX, &items);
    T_OK(wr_ack_encode(&seen, &body));
    T_OK(t_again(t_ack_again, wr_buf_slice(&body)));
    T_EQ(t_body_bytes[1], 0xdc); /* count in 16 bits */
    T_EQ(t_body_bytes[3], 128);
    t_body_bytes[3] = 129;
    wr_cut cut = t_cut_of(500);
    T_OK(wr_cut_put(&body, &cut));
    T_ERR(t_again(t_ack_again, wr_buf_slice(&body)), WR_ERR_LIMIT);
    T_EQ(t_body_bytes[0], 0x91); /* LEAVE has the same form */
    T_ERR(t_again(t_leave_again, wr_buf_slice(&body)), WR_ERR_LIMIT);

    const uint32_t orders[][3] = {{1, 1, 2}, {1, 2, 2}, {2, 1, 3}, {1, 3, 2}};
    for (size_t i = 0; i < WR_COUNT(orders); i++) {
        items.len = body.len = 0;
        for (size_t j = 0; j < 3; j++) {
            cut = t_cut_of(orders[i][j]);
            T_OK(wr_cut_put(&items, &cut));
        }
        seen = t_list_of(3, &items);
        T_OK(wr_ack_encode(&seen, &body));
        T_ERR(t_again(t_ack_again, wr_buf_slice(&body)), WR_ERR_FORMAT);
    }
    wr_slice good = t_good_ack(); /* its first cut has the len 1 */
    size_t at = 1 + 1 + 1 + 34;
    T_EQ(good.ptr[at], 1);
    T_ERR(t_again(t_ack_again, t_replaced(good, at, 1, wr_slice_of("\x00", 1))), WR_ERR_FORMAT);
    const wr_slice longest = wr_slice_of("\xcf\x00\x00\x0f\xff\xff\xff\xff\xff", 9);
    T_OK(t_again(t_ack_again, t_replaced(good, at, 1, longest)));
    const wr_slice longer = wr_slice_of("\xcf\x00\x00\x10\x00\x00\x00\x00\x00", 9);
    T_ERR(t_again(t_ack_again, t_replaced(good, at, 1, longer)), WR_ERR_LIMIT);
}

static void an_empty_list_has_no_next(void **state) {
    (void)state;
    wr_op_list none = WR_OP_LIST_NONE;
    wr_cut cut;
    wr_hash id;
    wr_kept kept;
    wr_gone gone;
    wr_reset_epoch epoch;
    T_FALSE(wr_cut_next(&none, &cut));
    T_FALSE(wr_id_next(&none, &id));
    T_FALSE(wr_kept_next(&none, &kept));
    T_FALSE(wr_gone_next(&none, &gone));
    T_FALSE(wr_reset_epoch_next(&none, &epoch));
    wr_buf out = WR_BUF_ARRAY(t_body_bytes);
    T_OK(wr_leave_encode(&none, &out));
    T_SLICE(wr_buf_slice(&out), wr_slice_str("\x91\x90"));
    T_OK(t_again(t_leave_again, wr_buf_slice(&out)));
}

/* ---- REMOVE, ROLE ---- */

/* spec:circle#3.3 type=test "A REMOVE MUST name 1 to 64 targets in ascending order without
 * repetition."
 * spec:circle#3.3 type=test "The reason of a REMOVE MUST be 1, 2 or 3."
 * spec:circle#3.3 type=test "The note MUST NOT be longer than 256 bytes." */
static void a_remove_keeps_to_its_lists_and_reasons(void **state) {
    (void)state;
    for (unsigned reason = 0; reason < 6; reason++) {
        bool known = reason >= 1 && reason <= 3;
        T_ERR(t_again(t_remove_again, t_remove_of(1, reason, 0, 0)), known ? WR_OK : WR_ERR_FORMAT);
    }
    wr_slice body = t_remove_of(WR_MEMBERS_MAX, WR_REASON_COMPROMISED, WR_OP_CUTS_MAX, 256);
    T_OK(t_again(t_remove_again, body));
    T_TRUE(body.len + WR_OP_PARENTS_MAX * 34u + 256u <= WR_OP_BYTES_MAX);
    wr_buf items = WR_BUF_ARRAY(t_items_a), out = WR_BUF_ARRAY(t_mutant);
    wr_op_list many = t_ids_of(WR_MEMBERS_MAX + 1, &items);
    T_OK(wr_pack_array(&out, 4));
    T_OK(wr_op_list_put(&out, &many));
    T_OK(wr_buf_put(&out, wr_slice_of("\x01\x90\xc4\x00", 4)));
    T_ERR(t_again(t_remove_again, wr_buf_slice(&out)), WR_ERR_LIMIT);
    T_ERR(t_again(t_remove_again, wr_slice_of("\x94\x90\x01\x90\xc4\x00", 6)), WR_ERR_FORMAT);

    body = t_remove_of(1, WR_REASON_LOST, 0, 256);
    uint8_t note[257 + 3] = {0};
    wr_buf bin = WR_BUF_ARRAY(note);
    T_OK(wr_pack_bin(&bin, wr_slice_of(t_items_b, 257)));
    body = t_replaced(body, body.len - 259, 259, wr_buf_slice(&bin));
    T_ERR(t_again(t_remove_again, body), WR_ERR_LIMIT);

    for (uint32_t second = 0; second < 3; second++) {
        items.len = out.len = 0;
        wr_hash a = t_id_of(1), b = t_id_of(second);
        T_OK(wr_id_put(&items, &a));
        T_OK(wr_id_put(&items, &b));
        many = t_list_of(2, &items);
        T_OK(wr_pack_array(&out, 4));
        T_OK(wr_op_list_put(&out, &many));
        T_OK(wr_buf_put(&out, wr_slice_of("\x01\x90\xc4\x00", 4)));
        wr_remove got;
        T_ERR(wr_remove_decode(wr_buf_slice(&out), &got), second == 2 ? WR_OK : WR_ERR_FORMAT);
    }
}

/* spec:circle#3.10 type=test "A decoder MUST refuse a ROLE of any other number." */
static void a_role_is_one_of_two(void **state) {
    (void)state;
    for (unsigned role = 0; role < 4; role++) {
        wr_buf out = WR_BUF_ARRAY(t_body_bytes);
        T_OK(wr_role_encode(&(wr_role_op){{{1}}, (wr_role_kind)role}, &out));
        T_ERR(t_again(t_role_again, wr_buf_slice(&out)), role < 2 ? WR_OK : WR_ERR_FORMAT);
    }
}

/* ---- EQUIV ---- */

/* spec:circle#3.11 type=test "The kind of an EQUIV MUST be 1, 2 or 3."
 * spec:circle#3.11 type=test "A piece of evidence MUST hold at least one byte before its
 * signature." spec:circle#3.11 type=test "The signed bytes MUST NOT be more than 16384 for kind 1
 * and 4096 for the other kinds." */
static void evidence_is_bounded_by_its_kind(void **state) {
    (void)state;
    const size_t longest[] = {0, 16384, 4096, 4096, 0};
    for (unsigned kind = 0; kind < 5; kind++) {
        size_t path = kind == WR_EQUIV_HISTORY ? 32 : 0;
        if (longest[kind] == 0) {
            T_ERR(t_again(t_equiv_again, t_equiv_of(kind, 65, 65, path, 0)), WR_ERR_FORMAT);
            continue;
        }
        size_t most = longest[kind] + 64;
        T_OK(t_again(t_equiv_again, t_equiv_of(kind, 65, 65, path, 0)));
        T_OK(t_again(t_equiv_again, t_equiv_of(kind, most, most, path, WR_OP_CUTS_MAX)));
        T_ERR(t_again(t_equiv_again, t_equiv_of(kind, most + 1, most, path, 0)), WR_ERR_LIMIT);
        T_ERR(t_again(t_equiv_again, t_equiv_of(kind, most, most + 1, path, 0)), WR_ERR_LIMIT);
        T_ERR(t_again(t_equiv_again, t_equiv_of(kind, 64, 65, path, 0)), WR_ERR_FORMAT);
        T_ERR(t_again(t_equiv_again, t_equiv_of(kind, 65, 64, path, 0)), WR_ERR_FORMAT);
        T_ERR(t_again(t_equiv_again, t_equiv_of(kind, 65, 0, path, 0)), WR_ERR_FORMAT);
    }
    wr_slice body = t_equiv_of(WR_EQUIV_OPS, 16448, 16448, 0, WR_OP_CUTS_MAX);
    T_TRUE(body.len + WR_OP_PARENTS_MAX * 34u + 256u <= WR_OP_EQUIV_BYTES_MAX);
}

/* spec:circle#3.11 type=test "In kinds 1 and 2 the two pieces of evidence MUST ascend and the path
 * MUST be empty."
 * spec:circle#3.11 type=test "In kind 3 the path MUST be 1 to 64 hashes." */
static void evidence_has_an_order_or_a_path(void **state) {
    (void)state;
    for (unsigned kind = 1; kind <= 2; kind++) {
        wr_slice body = t_equiv_of(kind, 70, 70, 0, 0);
        T_OK(t_again(t_equiv_again, body));
        memcpy(t_mutant, body.ptr, body.len);
        T_ERR(t_again(t_equiv_again, t_equiv_of(kind, 70, 70, 32, 0)), WR_ERR_FORMAT);
        T_EQ(t_mutant[38], 1); /* array, kind, id, head of the bin */
        T_EQ(t_mutant[110], 2);
        memset(t_mutant + 38, 2, 70); /* equal */
        T_ERR(t_again(t_equiv_again, wr_slice_of(t_mutant, body.len)), WR_ERR_FORMAT);
        t_mutant[38] = 3;
        T_ERR(t_again(t_equiv_again, wr_slice_of(t_mutant, body.len)), WR_ERR_FORMAT);
    }
    for (size_t path = 0; path <= 66 * 32; path += 16) {
        wr_err want = path % 32 != 0 || path == 0 ? WR_ERR_FORMAT
                      : path > 64 * 32            ? WR_ERR_LIMIT
                                                  : WR_OK;
        T_ERR(t_again(t_equiv_again, t_equiv_of(WR_EQUIV_HISTORY, 70, 70, path, 0)), want);
    }
}

/* ---- KEYUPD ---- */

/* spec:circle#3.6 type=test "A decoder MUST refuse a KEYUPD with a box key of 32 zero bytes." */
static void a_key_update_names_a_key(void **state) {
    (void)state;
    T_OK(t_again(t_keyupd_again, t_keyupd_of(1, 0)));
    T_OK(t_again(t_keyupd_again, t_keyupd_of(1, WR_KEM_KEY_SIZE)));
    T_ERR(t_again(t_keyupd_again, t_keyupd_of(0, 0)), WR_ERR_BAD_KEY);
    wr_slice body = t_keyupd_of(1, 0);
    T_ERR(
        t_again(t_keyupd_again, t_replaced(body, body.len - 2, 2, wr_slice_of("\xc4\x01\x07", 3))),
        WR_ERR_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_survives_the_round_trip),
        cmocka_unit_test(every_body_is_whole_or_refused),
        cmocka_unit_test(no_bent_body_is_read_in_two_ways),
        cmocka_unit_test(every_field_has_its_type_and_length),
        cmocka_unit_test(an_encoder_without_room_writes_nothing),
        cmocka_unit_test(cuts_ascend_and_are_128_at_most),
        cmocka_unit_test(an_empty_list_has_no_next),
        cmocka_unit_test(a_remove_keeps_to_its_lists_and_reasons),
        cmocka_unit_test(a_role_is_one_of_two),
        cmocka_unit_test(evidence_is_bounded_by_its_kind),
        cmocka_unit_test(evidence_has_an_order_or_a_path),
        cmocka_unit_test(a_key_update_names_a_key),
    };
    T_OK(wr_crypto_init());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
