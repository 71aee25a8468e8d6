/* Checkpoints: one encoding, one signer, one chain.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

#include "crypto/crypto.h"

static holder h;
static wr_feed feed; /* accepted number 2 of h, holds what it covers */

static wr_checkpoint sample(void) {
    wr_checkpoint cp = {.feed_id = t_hash(1),
                        .k = 3,
                        .prev = t_hash(2),
                        .len = 70000,
                        .root = t_hash(3),
                        .hlc = 0x0102030405060708,
                        .mhead_count = 2,
                        .seen = t_hash(6)};
    cp.mheads[0] = t_hash(4);
    cp.mheads[1] = t_hash(5);
    return cp;
}

static void decodes_to(wr_slice bytes, wr_err want) {
    wr_checkpoint cp;
    T_ERR(wr_checkpoint_decode(bytes, &cp), want);
}

static void a_checkpoint_is_the_array_of_the_specification(void **state) {
    (void)state;
    uint8_t bytes[512], by_hand[512];
    wr_checkpoint cp = sample(), back;
    wr_buf out = WR_BUF_ARRAY(bytes), want = WR_BUF_ARRAY(by_hand);
    T_OK(wr_checkpoint_encode(&cp, &out));
    const struct {
        uint8_t head[10], len, hash;
    } parts[] = {{{0x9a, 1, 0xc4, 32}, 4, 1},
                 {{3, 0xc4, 32}, 3, 2},
                 {{0xce, 0, 1, 0x11, 0x70, 0xc4, 32}, 7, 3},
                 {{0xcf, 1, 2, 3, 4, 5, 6, 7, 8}, 9, 0},
                 {{0x92, 0xc4, 32}, 3, 4},
                 {{0xc4, 32}, 2, 5},
                 {{0xc4, 32}, 2, 6},
                 {{0}, 1, 0}};
    for (size_t i = 0; i < WR_COUNT(parts); i++) {
        wr_hash hash = t_hash(parts[i].hash);
        T_OK(wr_buf_put(&want, wr_slice_of(parts[i].head, parts[i].len)));
        if (parts[i].hash != 0)
            T_OK(wr_buf_put(&want, WR_SLICE_OBJ(hash)));
    }
    T_SLICE(wr_buf_slice(&out), wr_buf_slice(&want));
    T_OK(wr_checkpoint_decode(wr_buf_slice(&out), &back));
    T_MEM(back.feed_id.b, cp.feed_id.b, 32);
    T_EQ(back.k, cp.k);
    T_MEM(back.prev.b, cp.prev.b, 32);
    T_EQ(back.len, cp.len);
    T_MEM(back.root.b, cp.root.b, 32);
    T_EQ(back.hlc, cp.hlc);
    T_EQ(back.mhead_count, 2);
    T_MEM(back.mheads, cp.mheads, 64);
    T_MEM(back.seen.b, cp.seen.b, 32);
    for (size_t room = 0; room < out.len; room++) {
        wr_buf small = wr_buf_of(by_hand, room);
        T_ERR(wr_checkpoint_encode(&cp, &small), WR_ERR_NOBUF);
        T_EQ(small.len, 0);
    }
}

static void the_largest_checkpoint_fits_its_limit(void **state) {
    (void)state;
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX];
    wr_checkpoint cp = sample(), back;
    cp.k = cp.len = WR_FEED_LEN_MAX;
    cp.k--;
    cp.hlc = UINT64_MAX;
    cp.mhead_count = WR_OP_PARENTS_MAX;
    for (uint32_t i = 0; i < WR_OP_PARENTS_MAX; i++)
        cp.mheads[i] = t_hash((uint8_t)(i + 1));
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_checkpoint_encode(&cp, &out));
    T_OK(wr_checkpoint_decode(wr_buf_slice(&out), &back));
}

static void a_cut_or_lengthened_checkpoint_is_refused(void **state) {
    (void)state;
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX + 1] = {0};
    wr_checkpoint cp = sample();
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_checkpoint_encode(&cp, &out));
    for (size_t len = 0; len < out.len; len++)
        decodes_to(wr_slice_of(bytes, len), WR_ERR_TRUNCATED);
    decodes_to(wr_slice_of(bytes, out.len + 1), WR_ERR_FORMAT);
    decodes_to(wr_slice_of(bytes, sizeof bytes), WR_ERR_LIMIT);
}

/* A sample with some bytes replaced by others. */
static void spliced_gives(size_t at, size_t cut, wr_slice with, wr_err want) {
    uint8_t bytes[512], spliced[512];
    wr_checkpoint cp = sample();
    wr_buf out = WR_BUF_ARRAY(bytes), in = WR_BUF_ARRAY(spliced);
    T_OK(wr_checkpoint_encode(&cp, &out));
    T_OK(wr_buf_put(&in, wr_slice_of(bytes, at)));
    T_OK(wr_buf_put(&in, with));
    T_OK(wr_buf_put(&in, wr_slice_of(bytes + at + cut, out.len - at - cut)));
    decodes_to(wr_buf_slice(&in), want);
}

#define BYTES(...)                                                                                 \
    wr_slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void each_field_has_one_form_and_a_range(void **state) {
    (void)state;
    enum { K = 36, PREV = 37, LEN = 71, HLC = 110, HEADS = 119 };
    uint8_t zero[34] = {0xc4, 32};
    spliced_gives(0, 0, WR_SLICE_EMPTY, WR_OK);
    spliced_gives(0, 1, BYTES(0x99), WR_ERR_FORMAT);
    spliced_gives(0, 1, BYTES(0xdc, 0, 10), WR_ERR_FORMAT);
    spliced_gives(1, 1, BYTES(2), WR_ERR_VERSION);
    spliced_gives(1, 1, BYTES(0), WR_ERR_VERSION);
    spliced_gives(K, 1, BYTES(0xcc, 3), WR_ERR_FORMAT);                /* a longer form */
    spliced_gives(K, 1, BYTES(0), WR_ERR_FORMAT);                      /* the first has no prev */
    spliced_gives(PREV, 34, wr_slice_of(zero, 34), WR_ERR_FORMAT);     /* only the first has none */
    spliced_gives(K, 1, BYTES(0xce, 0, 1, 0x11, 0x6f), WR_OK);         /* k = len - 1 */
    spliced_gives(K, 1, BYTES(0xce, 0, 1, 0x11, 0x70), WR_ERR_FORMAT); /* k = len */
    spliced_gives(LEN, 5, BYTES(3), WR_ERR_FORMAT);
    spliced_gives(LEN, 5, BYTES(0), WR_ERR_FORMAT);
    spliced_gives(LEN, 5, BYTES(0xcf, 0, 0, 0x10, 0, 0, 0, 0, 0), WR_ERR_LIMIT);
    spliced_gives(HLC, 9, BYTES(0xcf, 0, 0, 0, 0, 0, 0, 0, 8), WR_ERR_FORMAT);
    spliced_gives(HEADS, 69, BYTES(0x90), WR_ERR_FORMAT); /* no heads */
    spliced_gives(HEADS, 1, BYTES(0x91), WR_ERR_FORMAT);  /* then seen is a head, and so on */
    spliced_gives(HEADS, 1, BYTES(0xdc, 0, 65), WR_ERR_LIMIT);
    spliced_gives(HEADS + 3, 1, BYTES(6), WR_ERR_FORMAT); /* heads go down */
    uint8_t twice[34] = {0xc4, 32};
    memset(twice + 2, 4, 32);
    spliced_gives(HEADS + 35, 34, wr_slice_of(twice, 34), WR_ERR_FORMAT); /* one head twice */
    spliced_gives(HEADS + 36, 1, BYTES(31), WR_ERR_FORMAT);               /* a short hash */
    spliced_gives(HEADS + 103, 1, BYTES(1), WR_ERR_LIMIT);                /* flags */
}

/* Checkpoint cp, signed by h's device. */
static wr_slice sign(const wr_checkpoint *cp, wr_sig *ret_sig) {
    static uint8_t bytes[WR_CHECKPOINT_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_checkpoint_encode(cp, &out));
    wr_sign(&h.sign, WR_SIG_LABEL_CHECKPOINT, wr_buf_slice(&out), ret_sig);
    return wr_buf_slice(&out);
}

/* Signs cp and shows it to feed, which must stay as it is. */
static void shown(const wr_checkpoint *cp, wr_err want) {
    wr_feed before = feed;
    wr_sig sig;
    wr_checkpoint got;
    wr_slice bytes = sign(cp, &sig);
    T_ERR(wr_feed_check(&feed, bytes, &sig, &h.sign_pk, &got), want);
    T_MEM(&before, &feed, sizeof feed);
}

/* The checkpoint that rightly follows feed's. */
static wr_checkpoint next_one(void) {
    wr_checkpoint cp = sample();
    cp.feed_id = feed.feed_id;
    cp.k = feed.cp_k + 1;
    cp.prev = feed.cp_hash;
    cp.len = feed.cp_len + 1;
    cp.hlc = feed.cp_hlc + 1;
    return cp;
}

/* spec:feed#6.2 type=test "A checkpoint MUST be refused unless its signature verifies over the
 * bytes as received." */
static void a_checkpoint_with_one_bit_changed_is_refused(void **state) {
    (void)state;
    uint8_t bytes[1024];
    wr_checkpoint got;
    wr_feed empty;
    wr_feed_init(&empty, &h.circle, &h.device, 0);
    wr_slice whole = holder_checkpoint_bytes(&h, 1);
    wr_sig sig = h.checkpoints[1].sig;
    memcpy(bytes, whole.ptr, whole.len);
    T_OK(wr_feed_check(&empty, whole, &sig, &h.sign_pk, &got));
    for (unsigned bit = 0; bit < whole.len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        wr_err err = wr_feed_check(&empty, wr_slice_of(bytes, whole.len), &sig, &h.sign_pk, &got);
        T_TRUE(err == WR_ERR_AUTH || err == WR_ERR_FORMAT || err == WR_ERR_VERSION ||
               err == WR_ERR_LIMIT || err == WR_ERR_TRUNCATED);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 512; bit++) {
        sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_ERR(wr_feed_check(&empty, whole, &sig, &h.sign_pk, &got), WR_ERR_AUTH);
        sig.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    wr_pub other = h.sign_pk;
    other.b[0] ^= 1;
    T_ERR(wr_feed_check(&empty, whole, &sig, &other, &got), WR_ERR_AUTH);
    /* The same bytes signed for something else. */
    wr_sign(&h.sign, WR_SIG_LABEL_OP, whole, &sig);
    T_ERR(wr_feed_check(&empty, whole, &sig, &h.sign_pk, &got), WR_ERR_AUTH);
    T_FALSE(empty.has_checkpoint);
}

static void the_next_checkpoint_is_taken_over(void **state) {
    (void)state;
    wr_checkpoint cp = next_one(), got;
    wr_feed grown = feed;
    wr_sig sig;
    wr_slice bytes = sign(&cp, &sig);
    T_OK(wr_feed_check(&grown, bytes, &sig, &h.sign_pk, &got));
    T_EQ(got.k, cp.k);
    wr_feed_accept(&grown, &got, bytes, &sig);
    T_SLICE(wr_feed_checkpoint(&grown), bytes);
    T_MEM(grown.cp_sig.b, sig.b, sizeof sig.b);
    wr_hash hash = wr_hash_of(WR_LABEL_CHECKPOINT, bytes);
    T_MEM(grown.cp_hash.b, hash.b, sizeof hash.b);
    T_EQ(grown.cp_len, cp.len);
    T_FALSE(wr_feed_complete(&grown));
    T_ERR(wr_feed_check(&grown, bytes, &sig, &h.sign_pk, &got), WR_ERR_EXISTS);
}

/* Negative test 35: another body under the same number, or another one before the next. */
static void the_same_number_with_other_bytes_is_a_fork(void **state) {
    (void)state;
    wr_checkpoint cp;
    T_OK(wr_checkpoint_decode(wr_feed_checkpoint(&feed), &cp));
    shown(&cp, WR_ERR_EXISTS); /* signed once more: the same statement */
    wr_checkpoint other = cp;
    other.root.b[0] ^= 1;
    shown(&other, WR_ERR_FORK);
    other = cp;
    other.seen.b[0] ^= 1;
    shown(&other, WR_ERR_FORK);
    other = cp;
    other.len++;
    other.hlc++;
    shown(&other, WR_ERR_FORK);
    other = cp;
    other.prev.b[0] ^= 1;
    shown(&other, WR_ERR_FORK);
    other = next_one();
    other.prev.b[31] ^= 1;
    shown(&other, WR_ERR_FORK);
}

/* Whoever cannot sign for the device cannot make it look like a fork either. */
static void a_fork_takes_the_devices_signature(void **state) {
    (void)state;
    wr_checkpoint cp, got;
    wr_sig sig;
    T_OK(wr_checkpoint_decode(wr_feed_checkpoint(&feed), &cp));
    cp.root.b[0] ^= 1;
    wr_slice bytes = sign(&cp, &sig);
    sig.b[3] ^= 1;
    T_ERR(wr_feed_check(&feed, bytes, &sig, &h.sign_pk, &got), WR_ERR_AUTH);
    cp.prev.b[0] ^= 1;
    cp.k++;
    bytes = sign(&cp, &sig);
    sig.b[40] ^= 1;
    T_ERR(wr_feed_check(&feed, bytes, &sig, &h.sign_pk, &got), WR_ERR_AUTH);
}

/* Negative test 36. */
static void a_feed_that_shrinks_or_goes_back_in_time_is_refused(void **state) {
    (void)state;
    wr_checkpoint cp = next_one();
    cp.len = feed.cp_len;
    shown(&cp, WR_ERR_FORMAT);
    cp.len = feed.cp_len - 1;
    shown(&cp, WR_ERR_FORMAT);
    cp = next_one();
    cp.hlc = feed.cp_hlc;
    shown(&cp, WR_ERR_FORMAT);
    cp.hlc--;
    shown(&cp, WR_ERR_FORMAT);
    cp = next_one(); /* the same with a number left out */
    cp.k++;
    cp.len = feed.cp_len;
    shown(&cp, WR_ERR_FORMAT);
    cp.len = feed.cp_len + 2;
    cp.hlc = feed.cp_hlc;
    shown(&cp, WR_ERR_FORMAT);
}

static void numbers_may_be_left_out_if_the_length_allows_for_them(void **state) {
    (void)state;
    wr_checkpoint cp = next_one();
    cp.prev = t_hash(9); /* of a checkpoint that is not held */
    cp.k = feed.cp_k + 5;
    cp.len = feed.cp_len + 4; /* five checkpoints cannot have added four entries */
    shown(&cp, WR_ERR_FORMAT);
    cp.len = feed.cp_len + 5;
    shown(&cp, WR_OK);
}

static void an_older_checkpoint_is_nothing_new(void **state) {
    (void)state;
    wr_checkpoint got;
    for (uint32_t k = 0; k <= 2; k++)
        T_ERR(wr_feed_check(&feed, holder_checkpoint_bytes(&h, k), &h.checkpoints[k].sig,
                            &h.sign_pk, &got),
              WR_ERR_EXISTS);
    T_OK(wr_feed_check(&feed, holder_checkpoint_bytes(&h, 3), &h.checkpoints[3].sig, &h.sign_pk,
                       &got));
}

static void a_checkpoint_of_another_feed_is_refused(void **state) {
    (void)state;
    wr_feed other;
    wr_checkpoint got;
    wr_feed_init(&other, &h.circle, &h.device, 1);
    T_ERR(wr_feed_check(&other, holder_checkpoint_bytes(&h, 0), &h.checkpoints[0].sig, &h.sign_pk,
                        &got),
          WR_ERR_FORMAT);
}

static int setup(void **state) {
    (void)state;
    holder_init(&h, 6, 0);
    for (unsigned i = 0; i < 4; i++)
        holder_grow(&h, 3 + i);
    holder_receiver(&h, h.checkpoints[2].len, 2, &feed);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_is_the_array_of_the_specification),
        cmocka_unit_test(the_largest_checkpoint_fits_its_limit),
        cmocka_unit_test(a_cut_or_lengthened_checkpoint_is_refused),
        cmocka_unit_test(each_field_has_one_form_and_a_range),
        cmocka_unit_test(a_checkpoint_with_one_bit_changed_is_refused),
        cmocka_unit_test(the_next_checkpoint_is_taken_over),
        cmocka_unit_test(the_same_number_with_other_bytes_is_a_fork),
        cmocka_unit_test(a_fork_takes_the_devices_signature),
        cmocka_unit_test(a_feed_that_shrinks_or_goes_back_in_time_is_refused),
        cmocka_unit_test(numbers_may_be_left_out_if_the_length_allows_for_them),
        cmocka_unit_test(an_older_checkpoint_is_nothing_new),
        cmocka_unit_test(a_checkpoint_of_another_feed_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
