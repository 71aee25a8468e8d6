/* The history of an epoch: what its maker sealed, for the epochs that the op names and no others.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/history.h"
#include "harness/harness.h"

#include "wire/pack.h"

static const wr_hash circle_id = {{0xc1}};
static const wr_key secret = {{0xe1, 5}};

static int setup(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    return 0;
}

static wr_history history_of(uint32_t count) {
    wr_history history = {.count = count};
    for (uint32_t i = 0; i < count; i++) {
        history.epoch[i].epoch_id = (wr_hash){{(uint8_t)(i + 1), 0x77}};
        history.epoch[i].secret = (wr_key){{(uint8_t)(i + 100)}};
    }
    return history;
}

/* The EPOCH op that names the epochs of history and this blob. */
static wr_epoch_op op_of(const wr_history *history, wr_slice blob) {
    wr_epoch_op op = {.prev_count = history->count, .klass = 1};
    for (uint32_t i = 0; i < history->count; i++)
        op.prev[i] = history->epoch[i].epoch_id;
    op.hist_hash = wr_history_hash(blob);
    return op;
}

static wr_buf sealed(const wr_history *history, uint64_t seed,
                     uint8_t bytes[WR_HISTORY_BYTES_MAX]) {
    wr_buf out = wr_buf_of(bytes, WR_HISTORY_BYTES_MAX);
    wr_rng rng = t_rng(seed);
    T_OK(wr_history_seal(&secret, &circle_id, history, &rng, &out));
    return out;
}

/* Refused, and nothing written. */
static void refused(const wr_key *e, const wr_hash *circle, const wr_epoch_op *op, wr_slice blob,
                    wr_err want) {
    wr_history got, before;
    memset(&got, 0x5a, sizeof got);
    memcpy(&before, &got, sizeof before);
    T_ERR(wr_history_open(e, circle, op, blob, &got), want);
    T_MEM(&got, &before, sizeof got);
}

static void a_history_survives_the_round_trip(void **state) {
    (void)state;
    for (uint32_t count = 0; count <= WR_EPOCH_PREV_MAX; count++) {
        uint8_t bytes[WR_HISTORY_BYTES_MAX];
        wr_history history = history_of(count), got;
        wr_buf blob = sealed(&history, 1, bytes);
        T_EQ(blob.len, count == 0 ? 0 : 24 + 1 + count * 69 + 16);
        wr_epoch_op op = op_of(&history, wr_buf_slice(&blob));
        memset(&got, 0x5a, sizeof got);
        T_OK(wr_history_open(&secret, &circle_id, &op, wr_buf_slice(&blob), &got));
        T_EQ(got.count, count);
        T_MEM(&got.epoch, &history.epoch, count * sizeof got.epoch[0]);
    }
}

/* The layout of the specification, put together by hand. */
static void a_blob_is_what_the_specification_says(void **state) {
    (void)state;
    uint8_t bytes[WR_HISTORY_BYTES_MAX], plain_bytes[256], want_bytes[256], ids[64];
    wr_history history = history_of(2);
    wr_buf blob = sealed(&history, 1, bytes), plain = WR_BUF_ARRAY(plain_bytes);
    wr_buf want = WR_BUF_ARRAY(want_bytes);
    wr_key key;
    wr_kdf(&secret, WR_LABEL_EPOCH_HIST, WR_SLICE_OBJ(circle_id), key.b, sizeof key.b);
    T_OK(wr_pack_array(&want, 2));
    for (uint32_t i = 0; i < 2; i++) {
        memcpy(ids + i * 32, history.epoch[i].epoch_id.b, 32);
        T_OK(wr_pack_array(&want, 2));
        T_OK(wr_pack_bin(&want, WR_SLICE_OBJ(history.epoch[i].epoch_id)));
        T_OK(wr_pack_bin(&want, WR_SLICE_OBJ(history.epoch[i].secret)));
    }
    T_OK(wr_xaead_open(&key, bytes, wr_slice_of(ids, sizeof ids),
                       wr_slice_of(bytes + 24, blob.len - 24), &plain));
    T_SLICE(wr_buf_slice(&plain), wr_buf_slice(&want));
    wr_hash hash = wr_history_hash(wr_buf_slice(&blob));
    wr_hash plainly = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, wr_buf_slice(&blob));
    T_MEM(hash.b, plainly.b, sizeof hash.b);
}

static void two_blobs_of_one_history_differ(void **state) {
    (void)state;
    uint8_t a[WR_HISTORY_BYTES_MAX], b[WR_HISTORY_BYTES_MAX];
    wr_history history = history_of(1);
    wr_buf first = sealed(&history, 1, a), second = sealed(&history, 2, b);
    T_EQ(first.len, second.len);
    T_FALSE(wr_equal(wr_slice_of(a, 24), wr_slice_of(b, 24)));
    T_FALSE(wr_equal(wr_slice_of(a + 24, 32), wr_slice_of(b + 24, 32)));
}

/* spec:circle#6.1 type=test "A device MUST NOT open a history whose hash is not the hist_hash of
 * the EPOCH op." */
static void another_blob_than_the_op_names_is_not_opened(void **state) {
    (void)state;
    uint8_t a[WR_HISTORY_BYTES_MAX], b[WR_HISTORY_BYTES_MAX];
    wr_history history = history_of(2);
    wr_buf first = sealed(&history, 1, a), second = sealed(&history, 2, b);
    wr_epoch_op op = op_of(&history, wr_buf_slice(&first));
    refused(&secret, &circle_id, &op, wr_buf_slice(&second), WR_ERR_AUTH); /* good by itself */
    op.hist_hash.b[31] ^= 1;
    refused(&secret, &circle_id, &op, wr_buf_slice(&first), WR_ERR_AUTH);
}

static void a_damaged_blob_is_refused_even_if_the_op_names_it(void **state) {
    (void)state;
    uint8_t bytes[WR_HISTORY_BYTES_MAX + 1];
    wr_history history = history_of(3);
    wr_buf blob = sealed(&history, 1, bytes);
    for (size_t at = 0; at < blob.len; at++) {
        bytes[at] ^= (uint8_t)(1u << at % 8);
        wr_epoch_op op = op_of(&history, wr_buf_slice(&blob));
        refused(&secret, &circle_id, &op, wr_buf_slice(&blob), WR_ERR_AUTH);
        bytes[at] ^= (uint8_t)(1u << at % 8);
    }
    for (size_t len = 0; len <= blob.len + 1; len++) {
        if (len == blob.len)
            continue;
        wr_epoch_op op = op_of(&history, wr_slice_of(bytes, len));
        refused(&secret, &circle_id, &op, wr_slice_of(bytes, len),
                len < 24 + 16 ? WR_ERR_TRUNCATED : WR_ERR_AUTH);
    }
}

static void a_blob_opens_for_its_own_secret_circle_and_epochs(void **state) {
    (void)state;
    uint8_t bytes[WR_HISTORY_BYTES_MAX];
    wr_history history = history_of(2), got;
    wr_buf out = sealed(&history, 1, bytes);
    wr_slice blob = wr_buf_slice(&out);
    wr_epoch_op op = op_of(&history, blob);
    const wr_key other_secret = {{0xe2}};
    const wr_hash other_circle = {{0xc2}};
    refused(&other_secret, &circle_id, &op, blob, WR_ERR_AUTH);
    refused(&secret, &other_circle, &op, blob, WR_ERR_AUTH);
    op.prev[1].b[9] ^= 1;
    refused(&secret, &circle_id, &op, blob, WR_ERR_AUTH);
    op = op_of(&history, blob);
    op.prev_count = 1;
    refused(&secret, &circle_id, &op, blob, WR_ERR_AUTH);
    op.prev_count = 3;
    op.prev[2] = (wr_hash){{9}};
    refused(&secret, &circle_id, &op, blob, WR_ERR_AUTH);
    op = op_of(&history, blob);
    T_OK(wr_history_open(&secret, &circle_id, &op, blob, &got));
}

/* A member that holds E seals what it likes, under the ids of the op. */
static wr_err open_forged(wr_slice plain, const wr_epoch_op *like) {
    static uint8_t bytes[WR_HISTORY_BYTES_MAX * 2];
    const uint8_t nonce[24] = {7};
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_key key = wr_kdf_key(&secret, WR_LABEL_EPOCH_HIST, WR_SLICE_OBJ(circle_id));
    wr_slice ids = wr_slice_of(like->prev, like->prev_count * sizeof like->prev[0]);
    T_OK(wr_buf_put(&out, wr_slice_of(nonce, sizeof nonce)));
    T_OK(wr_xaead_seal(&key, nonce, ids, plain, &out));
    wr_epoch_op op = *like;
    op.hist_hash = wr_history_hash(wr_buf_slice(&out));
    wr_history got, before;
    memset(&got, 0x5a, sizeof got);
    memcpy(&before, &got, sizeof before);
    wr_err err = wr_history_open(&secret, &circle_id, &op, wr_buf_slice(&out), &got);
    if (err != WR_OK)
        T_MEM(&got, &before, sizeof got);
    return err;
}

static void put_pair(wr_buf *out, const wr_hash *id, uint32_t fields, size_t key_len) {
    static const uint8_t key[64] = {1};
    T_OK(wr_pack_array(out, fields));
    T_OK(wr_pack_bin(out, WR_SLICE_OBJ(*id)));
    if (fields > 1)
        T_OK(wr_pack_bin(out, wr_slice_of(key, key_len)));
    if (fields > 2)
        T_OK(wr_pack_uint(out, 0));
}

/* spec:circle#6.1 type=test "The ids in a history MUST be exactly those of the EPOCH op, in its
 * order." */
static void a_sealed_history_holds_what_the_op_promised(void **state) {
    (void)state;
    uint8_t bytes[1024];
    wr_history history = history_of(2);
    const wr_epoch_op op = op_of(&history, WR_SLICE_EMPTY);
    const wr_hash a = op.prev[0], b = op.prev[1], c = {{0x99}};
    const struct {
        const wr_hash *ids[3];
        uint32_t count, fields;
        size_t key_len;
        wr_err want;
    } cases[] = {
        {{&a, &b}, 2, 2, 32, WR_OK},         {{&b, &a}, 2, 2, 32, WR_ERR_FORMAT},
        {{&a, &a}, 2, 2, 32, WR_ERR_FORMAT}, {{&a, &c}, 2, 2, 32, WR_ERR_FORMAT},
        {{&a}, 1, 2, 32, WR_ERR_FORMAT},     {{&a, &b, &c}, 3, 2, 32, WR_ERR_FORMAT},
        {{&a, &b}, 2, 1, 32, WR_ERR_FORMAT}, {{&a, &b}, 2, 3, 32, WR_ERR_FORMAT},
        {{&a, &b}, 2, 2, 31, WR_ERR_FORMAT}, {{&a, &b}, 2, 2, 33, WR_ERR_FORMAT},
    };
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        wr_buf plain = WR_BUF_ARRAY(bytes);
        T_OK(wr_pack_array(&plain, cases[i].count));
        for (uint32_t j = 0; j < cases[i].count; j++)
            put_pair(&plain, cases[i].ids[j], cases[i].fields, cases[i].key_len);
        T_ERR(open_forged(wr_buf_slice(&plain), &op), cases[i].want);
        if (cases[i].want != WR_OK)
            continue;
        T_OK(wr_buf_put_u8(&plain, 0));
        T_ERR(open_forged(wr_buf_slice(&plain), &op), WR_ERR_FORMAT);
        for (size_t len = 0; len + 1 < plain.len; len++)
            T_ERR(open_forged(wr_slice_of(bytes, len), &op), WR_ERR_TRUNCATED);
    }
    memset(bytes, 0, sizeof bytes);
    T_ERR(open_forged(wr_slice_of(bytes, 1 + 8 * 69 + 1), &op), WR_ERR_LIMIT);
    T_ERR(open_forged(wr_slice_of(bytes, 1000), &op), WR_ERR_LIMIT);
    T_ERR(open_forged(wr_slice_of(bytes, 1 + 8 * 69), &op), WR_ERR_FORMAT);
}

/* spec:circle#6.1 type=test "An EPOCH that names no earlier epoch MUST NOT have bytes in its
 * history." */
static void the_first_epoch_has_no_history(void **state) {
    (void)state;
    uint8_t bytes[WR_HISTORY_BYTES_MAX];
    wr_history none = history_of(0), one = history_of(1), got;
    wr_epoch_op op = op_of(&none, WR_SLICE_EMPTY);
    T_OK(wr_history_open(&secret, &circle_id, &op, WR_SLICE_EMPTY, &got));
    T_EQ(got.count, 0);
    wr_buf blob = sealed(&one, 1, bytes);
    refused(&secret, &circle_id, &op, wr_buf_slice(&blob), WR_ERR_AUTH);
    op = op_of(&none, wr_buf_slice(&blob));
    refused(&secret, &circle_id, &op, wr_buf_slice(&blob), WR_ERR_FORMAT);
    T_ERR(open_forged(wr_slice_str("\x90"), &op), WR_ERR_FORMAT);
    op = op_of(&one, WR_SLICE_EMPTY);
    refused(&secret, &circle_id, &op, WR_SLICE_EMPTY, WR_ERR_TRUNCATED);
}

static void a_seal_without_room_writes_nothing(void **state) {
    (void)state;
    uint8_t bytes[WR_HISTORY_BYTES_MAX];
    wr_history history = history_of(2);
    for (size_t cap = 0; cap < 24 + 139 + 16; cap++) {
        wr_buf out = wr_buf_of(bytes, cap);
        wr_rng rng = t_rng(1);
        T_ERR(wr_history_seal(&secret, &circle_id, &history, &rng, &out), WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
}

static void a_wiped_history_holds_nothing(void **state) {
    (void)state;
    wr_history history = history_of(8);
    wr_history_wipe(&history);
    T_TRUE(wr_is_zero(wr_slice_of(&history, sizeof history)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_survives_the_round_trip),
        cmocka_unit_test(a_blob_is_what_the_specification_says),
        cmocka_unit_test(two_blobs_of_one_history_differ),
        cmocka_unit_test(another_blob_than_the_op_names_is_not_opened),
        cmocka_unit_test(a_damaged_blob_is_refused_even_if_the_op_names_it),
        cmocka_unit_test(a_blob_opens_for_its_own_secret_circle_and_epochs),
        cmocka_unit_test(a_sealed_history_holds_what_the_op_promised),
        cmocka_unit_test(the_first_epoch_has_no_history),
        cmocka_unit_test(a_seal_without_room_writes_nothing),
        cmocka_unit_test(a_wiped_history_holds_nothing),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
