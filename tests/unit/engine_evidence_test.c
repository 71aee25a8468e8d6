/* Evidence: what convicts a device, and all the ways in which it must not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/evidence.h"
#include "feed/checkpoint.h"
#include "feed/feed.h"
#include "feed/tree.h"
#include "harness/harness.h"

static const wr_hash circle_id = {{0xc1}};
static wr_identity accused, other;
static wr_hash leaves[2][64]; /* two histories */

static int setup(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    wr_rng a = t_rng(1), b = t_rng(2);
    wr_identity_make(&a, &accused);
    wr_identity_make(&b, &other);
    for (uint32_t history = 0; history < 2; history++)
        for (uint32_t i = 0; i < 64; i++)
            leaves[history][i] = (wr_hash){{(uint8_t)(1 + i), (uint8_t)history}};
    return 0;
}

typedef struct piece {
    uint8_t b[4096 + WR_SIG_SIZE];
    size_t len;
} piece;

static void sign_piece(piece *p, wr_buf out, const wr_identity *who, wr_sig_label label) {
    wr_sig sig;
    wr_sign(&who->sign, label, wr_buf_slice(&out), &sig);
    T_OK(wr_buf_put(&out, WR_SLICE_OBJ(sig)));
    p->len = out.len;
}

static const wr_hash one_parent[] = {{{0x70}}};

static wr_op plain_op(uint64_t hlc) {
    return (wr_op){.circle_id = circle_id,
                   .author = accused.device_id,
                   .aseq = 3,
                   .has_aprev = true,
                   .aprev = {{0x71}},
                   .parent_count = 1,
                   .hlc = hlc,
                   .type = WR_OP_ACK,
                   .body = wr_slice_str("\x91\x90")};
}

static piece op_piece(const wr_op *header, const wr_identity *who) {
    piece p;
    wr_buf out = WR_BUF_ARRAY(p.b);
    T_OK(wr_op_encode(header, one_parent, &out));
    sign_piece(&p, out, who, WR_SIG_LABEL_OP);
    return p;
}

static wr_hash root_of(unsigned history, uint64_t lo, uint64_t hi) {
    if (hi - lo == 1)
        return leaves[history][lo];
    uint64_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    wr_hash left = root_of(history, lo, lo + k), right = root_of(history, lo + k, hi);
    return wr_tree_node_hash(&left, &right);
}

static wr_checkpoint plain_checkpoint(unsigned history, uint64_t k, uint64_t len) {
    wr_checkpoint cp = {.feed_id = wr_feed_id(&circle_id, &accused.device_id, 0),
                        .k = k,
                        .len = len,
                        .hlc = 100 + len,
                        .mhead_count = 1,
                        .mheads = {{{0x33}}}};
    cp.root = root_of(history, 0, len);
    if (k > 0)
        cp.prev = (wr_hash){{0x44}};
    return cp;
}

static piece cp_piece(const wr_checkpoint *cp, const wr_identity *who) {
    piece p;
    wr_buf out = WR_BUF_ARRAY(p.b);
    T_OK(wr_checkpoint_encode(cp, &out));
    sign_piece(&p, out, who, WR_SIG_LABEL_CHECKPOINT);
    return p;
}

static wr_equiv equiv_of(wr_equiv_kind kind, const piece *a, const piece *b) {
    return (wr_equiv){.kind = kind,
                      .device_id = accused.device_id,
                      .evidence = {wr_slice_of(a->b, a->len), wr_slice_of(b->b, b->len)}};
}

static wr_err judge(wr_equiv_kind kind, const piece *a, const piece *b) {
    wr_equiv equiv = equiv_of(kind, a, b);
    return wr_evidence_check(&equiv, &circle_id, &accused.cert.sign);
}

/* A flip of any bit of either piece is not OK. */
static void every_flip_is_noticed(const wr_equiv *good, const piece pieces[2]) {
    T_OK(wr_evidence_check(good, &circle_id, &accused.cert.sign));
    for (size_t i = 0; i < 2; i++) {
        piece bent = pieces[i];
        wr_equiv equiv = *good;
        equiv.evidence[i] = wr_slice_of(bent.b, bent.len);
        for (size_t at = 0; at < bent.len; at++) {
            bent.b[at] ^= (uint8_t)(1u << (at % 8));
            T_TRUE(wr_evidence_check(&equiv, &circle_id, &accused.cert.sign) != WR_OK);
            bent.b[at] ^= (uint8_t)(1u << (at % 8));
        }
    }
}

/* ---- kind 1 ---- */

/* spec:circle#3.11 type=test "Both signatures of an EQUIV MUST verify under the accused's signing
 * key." */
static void two_ops_of_one_place_convict(void **state) {
    (void)state;
    wr_op first = plain_op(1), second = plain_op(2);
    const piece both[2] = {op_piece(&first, &accused), op_piece(&second, &accused)};
    wr_equiv good = equiv_of(WR_EQUIV_OPS, &both[0], &both[1]);
    every_flip_is_noticed(&good, both);
    T_ERR(wr_evidence_check(&good, &circle_id, &other.cert.sign), WR_ERR_AUTH);
    const piece forged[2] = {op_piece(&first, &other), op_piece(&second, &other)};
    T_ERR(judge(WR_EQUIV_OPS, &forged[0], &both[1]), WR_ERR_AUTH);
    T_ERR(judge(WR_EQUIV_OPS, &both[0], &forged[1]), WR_ERR_AUTH);
}

/* spec:circle#3.11 type=test "Kind 1 MUST hold two ops of this circle and of the accused with one
 * generation, one aseq and different ids." */
static void ops_that_do_not_contradict_convict_nobody(void **state) {
    (void)state;
    wr_op op = plain_op(1), next = plain_op(2);
    const piece good = op_piece(&op, &accused);
    T_ERR(judge(WR_EQUIV_OPS, &good, &good), WR_ERR_REFUSED);
    next.aseq = 4;
    piece bad = op_piece(&next, &accused);
    T_ERR(judge(WR_EQUIV_OPS, &good, &bad), WR_ERR_REFUSED);
    next = plain_op(2);
    next.gen = 1;
    bad = op_piece(&next, &accused);
    T_ERR(judge(WR_EQUIV_OPS, &good, &bad), WR_ERR_REFUSED);
    next = plain_op(2);
    next.author = other.device_id; /* signed by the accused all the same */
    bad = op_piece(&next, &accused);
    T_ERR(judge(WR_EQUIV_OPS, &good, &bad), WR_ERR_REFUSED);
    T_ERR(judge(WR_EQUIV_OPS, &bad, &good), WR_ERR_REFUSED);
    next = plain_op(2);
    next.circle_id = (wr_hash){{0xc2}};
    bad = op_piece(&next, &accused);
    T_ERR(judge(WR_EQUIV_OPS, &good, &bad), WR_ERR_REFUSED);
    T_ERR(judge(WR_EQUIV_OPS, &bad, &good), WR_ERR_REFUSED);
    wr_equiv wrong = equiv_of(WR_EQUIV_OPS, &good, &good);
    wrong.device_id = other.device_id;
    T_ERR(wr_evidence_check(&wrong, &circle_id, &accused.cert.sign), WR_ERR_REFUSED);
}

static void a_second_op_beside_genesis_convicts_its_founder(void **state) {
    (void)state;
    wr_op genesis = {
        .author = accused.device_id, .type = WR_OP_GENESIS, .body = wr_slice_str("\x90")};
    piece first = op_piece(&genesis, &accused);
    wr_hash id = wr_hash_of(WR_LABEL_OP_ID, wr_slice_of(first.b, first.len - WR_SIG_SIZE));
    wr_op op = plain_op(1);
    op.circle_id = id;
    op.aseq = 0;
    op.has_aprev = false;
    piece second = op_piece(&op, &accused);
    wr_equiv equiv = equiv_of(WR_EQUIV_OPS, &first, &second);
    T_OK(wr_evidence_check(&equiv, &id, &accused.cert.sign));
    genesis.hlc = 1; /* another circle of the same founder is no crime */
    piece elsewhere = op_piece(&genesis, &accused);
    equiv = equiv_of(WR_EQUIV_OPS, &first, &elsewhere);
    T_ERR(wr_evidence_check(&equiv, &id, &accused.cert.sign), WR_ERR_REFUSED);
}

/* ---- kind 2 ---- */

/* spec:circle#3.11 type=test "Kind 2 MUST hold two checkpoints with one k and different bytes."
 * spec:circle#3.11 type=test "In kinds 2 and 3 both checkpoints MUST be of one feed of the
 * accused." */
static void two_checkpoints_of_one_number_convict(void **state) {
    (void)state;
    wr_checkpoint a = plain_checkpoint(0, 2, 8), b = plain_checkpoint(1, 2, 8);
    const piece both[2] = {cp_piece(&a, &accused), cp_piece(&b, &accused)};
    wr_equiv good = equiv_of(WR_EQUIV_CHECKPOINTS, &both[0], &both[1]);
    every_flip_is_noticed(&good, both);
    T_ERR(wr_evidence_check(&good, &circle_id, &other.cert.sign), WR_ERR_AUTH);
    T_ERR(judge(WR_EQUIV_CHECKPOINTS, &both[0], &both[0]), WR_ERR_REFUSED);
    T_TRUE(judge(WR_EQUIV_OPS, &both[0], &both[1]) != WR_OK);
    piece forged = cp_piece(&b, &other);
    T_ERR(judge(WR_EQUIV_CHECKPOINTS, &both[0], &forged), WR_ERR_AUTH);
    b = plain_checkpoint(1, 3, 8);
    piece bad = cp_piece(&b, &accused);
    T_ERR(judge(WR_EQUIV_CHECKPOINTS, &both[0], &bad), WR_ERR_REFUSED);

    b = plain_checkpoint(1, 2, 8); /* the other stream, alone and in both */
    b.feed_id = wr_feed_id(&circle_id, &accused.device_id, 1);
    bad = cp_piece(&b, &accused);
    T_ERR(judge(WR_EQUIV_CHECKPOINTS, &both[0], &bad), WR_ERR_REFUSED);
    a.feed_id = b.feed_id;
    piece control = cp_piece(&a, &accused);
    T_OK(judge(WR_EQUIV_CHECKPOINTS, &control, &bad));
    const wr_hash feeds[] = {wr_feed_id(&circle_id, &other.device_id, 0),
                             wr_feed_id(&(wr_hash){{9}}, &accused.device_id, 0),
                             wr_feed_id(&circle_id, &accused.device_id, 2)};
    for (size_t i = 0; i < WR_COUNT(feeds); i++) {
        a.feed_id = b.feed_id = feeds[i];
        piece first = cp_piece(&a, &accused), second = cp_piece(&b, &accused);
        T_ERR(judge(WR_EQUIV_CHECKPOINTS, &first, &second), WR_ERR_REFUSED);
    }
}

/* ---- kind 3 ---- */

/* The path that shows the first n of len entries in one of the two histories. */
static wr_slice path_of(unsigned history, uint64_t len, uint64_t n,
                        wr_hash path[WR_PROOF_HASHES_MAX]) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t count;
    T_OK(wr_tree_prefix_path(len, n, spans, &count));
    for (uint32_t i = 0; i < count; i++)
        path[i] = root_of(history, spans[i].lo, spans[i].hi);
    return wr_slice_of(path, count * sizeof path[0]);
}

static wr_err judge_history(const wr_checkpoint *a, const wr_checkpoint *b, wr_slice path) {
    piece first = cp_piece(a, &accused), second = cp_piece(b, &accused);
    wr_equiv equiv = equiv_of(WR_EQUIV_HISTORY, &first, &second);
    equiv.path = path;
    return wr_evidence_check(&equiv, &circle_id, &accused.cert.sign);
}

/* spec:circle#3.11 type=test "The path of kind 3 MUST fold to the root of the second checkpoint,
 * and its prefix to another root than that of the first." */
static void a_longer_checkpoint_of_another_history_convicts(void **state) {
    (void)state;
    wr_hash path[WR_PROOF_HASHES_MAX];
    for (uint64_t len = 2; len <= 20; len++) {
        for (uint64_t n = 2; n <= len; n++) {
            wr_checkpoint a = plain_checkpoint(0, 1, n), b = plain_checkpoint(1, 1, len);
            wr_slice proof = path_of(1, len, n, path);
            T_OK(judge_history(&a, &b, proof));
            b = plain_checkpoint(0, 1, len); /* an honest device: one history */
            T_ERR(judge_history(&a, &b, proof), WR_ERR_AUTH);
            proof = path_of(0, len, n, path);
            T_ERR(judge_history(&a, &b, proof), WR_ERR_REFUSED);
            proof.len -= sizeof path[0];
            if (proof.len > 0)
                T_ERR(judge_history(&a, &b, proof), WR_ERR_FORMAT);
        }
    }
}

/* An honest device signed both: whatever the path says, it does not convict. */
static void no_path_convicts_an_honest_device(void **state) {
    (void)state;
    wr_checkpoint a = plain_checkpoint(0, 1, 11), b = plain_checkpoint(0, 2, 23);
    wr_hash path[WR_PROOF_HASHES_MAX];
    wr_slice proof = path_of(0, 23, 11, path);
    wr_rng rng = t_rng(3);
    for (unsigned i = 0; i < 2000; i++) {
        wr_hash saved[WR_PROOF_HASHES_MAX];
        memcpy(saved, path, sizeof saved);
        uint32_t count = (uint32_t)(proof.len / sizeof path[0]);
        path[wr_rng_below(&rng, count)].b[wr_rng_below(&rng, 32)] ^=
            (uint8_t)(1u << wr_rng_below(&rng, 8));
        if (i % 3 == 0) { /* hashes in another order */
            wr_hash swap = path[0];
            path[0] = path[count - 1];
            path[count - 1] = swap;
        }
        T_ERR(judge_history(&a, &b, proof), WR_ERR_AUTH);
        memcpy(path, saved, sizeof saved);
    }
    T_ERR(judge_history(&a, &b, proof), WR_ERR_REFUSED);
}

/* spec:circle#3.11 type=test "The first checkpoint of kind 3 MUST NOT be longer than the second."
 */
static void the_shorter_checkpoint_stands_first(void **state) {
    (void)state;
    wr_hash path[WR_PROOF_HASHES_MAX];
    wr_checkpoint a = plain_checkpoint(0, 1, 5), b = plain_checkpoint(1, 1, 9);
    wr_slice proof = path_of(1, 9, 5, path);
    T_OK(judge_history(&a, &b, proof));
    T_ERR(judge_history(&b, &a, proof), WR_ERR_REFUSED);
    piece first = cp_piece(&a, &accused), second = cp_piece(&b, &accused);
    const piece both[2] = {first, second};
    wr_equiv good = equiv_of(WR_EQUIV_HISTORY, &both[0], &both[1]);
    good.path = proof;
    every_flip_is_noticed(&good, both);
    b.feed_id = wr_feed_id(&circle_id, &accused.device_id, 1);
    T_ERR(judge_history(&a, &b, proof), WR_ERR_REFUSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_ops_of_one_place_convict),
        cmocka_unit_test(ops_that_do_not_contradict_convict_nobody),
        cmocka_unit_test(a_second_op_beside_genesis_convicts_its_founder),
        cmocka_unit_test(two_checkpoints_of_one_number_convict),
        cmocka_unit_test(a_longer_checkpoint_of_another_history_convicts),
        cmocka_unit_test(no_path_convicts_an_honest_device),
        cmocka_unit_test(the_shorter_checkpoint_stands_first),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
