/* The three kinds of evidence, each against its rule.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/evidence.h"

#include "feed/checkpoint.h"
#include "feed/feed.h"
#include "feed/tree.h"

typedef struct statement { /* a piece of evidence taken apart */
    wr_slice bytes;
    wr_sig sig;
} statement;

static statement statement_of(wr_slice evidence) {
    statement s;
    WR_ASSERT(evidence.len > WR_SIG_SIZE);
    s.bytes = wr_slice_of(evidence.ptr, evidence.len - WR_SIG_SIZE);
    memcpy(s.sig.b, evidence.ptr + s.bytes.len, WR_SIG_SIZE);
    return s;
}

/* spec:circle#3.11 "Both signatures of an EQUIV MUST verify under the accused's signing key." */
static wr_err check_signed(const statement both[2], wr_sig_label label, const wr_pub *sign_pk) {
    WR_TRY(wr_verify(sign_pk, label, both[0].bytes, &both[0].sig));
    return wr_verify(sign_pk, label, both[1].bytes, &both[1].sig);
}

/* ---- kind 1 ---- */

static wr_err check_ops(const statement both[2], const wr_equiv *equiv, const wr_hash *circle_id,
                        const wr_pub *sign_pk) {
    wr_op op[2];
    for (size_t i = 0; i < 2; i++) {
        WR_TRY(wr_op_decode(both[i].bytes, &op[i]));
        bool ours = wr_hash_equal(&op[i].circle_id, circle_id) ||
                    wr_hash_equal(&op[i].id, circle_id); /* the GENESIS names no circle */
        if (!ours || !wr_hash_equal(&op[i].author, &equiv->device_id))
            return WR_ERR_REFUSED;
    }
    /* spec:circle#3.11 "Kind 1 MUST hold two ops of this circle and of the accused with one
     * generation, one aseq and different ids." */
    bool one_place = op[0].gen == op[1].gen && op[0].aseq == op[1].aseq;
    if (!one_place || wr_hash_equal(&op[0].id, &op[1].id))
        return WR_ERR_REFUSED;
    return check_signed(both, WR_SIG_LABEL_OP, sign_pk);
}

/* ---- kinds 2 and 3 ---- */

static bool is_feed_of(const wr_hash *feed_id, const wr_hash *circle_id, const wr_hash *device_id) {
    for (uint32_t stream = 0; stream < WR_STREAMS_MAX; stream++) {
        wr_hash own = wr_feed_id(circle_id, device_id, stream);
        if (wr_hash_equal(&own, feed_id))
            return true;
    }
    return false;
}

/* spec:circle#3.11 "In kinds 2 and 3 both checkpoints MUST be of one feed of the accused." */
static wr_err take_checkpoints(const statement both[2], const wr_equiv *equiv,
                               const wr_hash *circle_id, wr_checkpoint ret_checkpoint[2]) {
    WR_TRY(wr_checkpoint_decode(both[0].bytes, &ret_checkpoint[0]));
    WR_TRY(wr_checkpoint_decode(both[1].bytes, &ret_checkpoint[1]));
    const wr_hash *feed_id = &ret_checkpoint[0].feed_id;
    if (!wr_hash_equal(feed_id, &ret_checkpoint[1].feed_id))
        return WR_ERR_REFUSED;
    return is_feed_of(feed_id, circle_id, &equiv->device_id) ? WR_OK : WR_ERR_REFUSED;
}

static wr_err check_checkpoints(const statement both[2], const wr_equiv *equiv,
                                const wr_hash *circle_id, const wr_pub *sign_pk) {
    wr_checkpoint cp[2];
    WR_TRY(take_checkpoints(both, equiv, circle_id, cp));
    /* spec:circle#3.11 "Kind 2 MUST hold two checkpoints with one k and different bytes." */
    if (cp[0].k != cp[1].k || wr_equal(both[0].bytes, both[1].bytes))
        return WR_ERR_REFUSED;
    return check_signed(both, WR_SIG_LABEL_CHECKPOINT, sign_pk);
}

static wr_err check_history(const statement both[2], const wr_equiv *equiv,
                            const wr_hash *circle_id, const wr_pub *sign_pk) {
    wr_checkpoint cp[2];
    wr_hash path[WR_PROOF_HASHES_MAX], prefix, root;
    size_t count = equiv->path.len / WR_HASH_SIZE;
    WR_ASSERT(count <= WR_COUNT(path));
    WR_TRY(take_checkpoints(both, equiv, circle_id, cp));
    /* spec:circle#3.11 "The first checkpoint of kind 3 MUST NOT be longer than the second." */
    if (cp[0].len > cp[1].len)
        return WR_ERR_REFUSED;
    memcpy(path, equiv->path.ptr, count * WR_HASH_SIZE);
    WR_TRY(wr_tree_prefix_roots(cp[1].len, cp[0].len, path, (uint32_t)count, &prefix, &root));
    /* spec:circle#3.11 "The path of kind 3 MUST fold to the root of the second checkpoint, and its
     * prefix to another root than that of the first." */
    if (!wr_hash_equal(&root, &cp[1].root))
        return WR_ERR_AUTH;
    if (wr_hash_equal(&prefix, &cp[0].root))
        return WR_ERR_REFUSED;
    return check_signed(both, WR_SIG_LABEL_CHECKPOINT, sign_pk);
}

wr_err wr_evidence_check(const wr_equiv *equiv, const wr_hash *circle_id, const wr_pub *sign_pk) {
    const statement both[2] = {statement_of(equiv->evidence[0]), statement_of(equiv->evidence[1])};
    switch (equiv->kind) {
    case WR_EQUIV_OPS:
        return check_ops(both, equiv, circle_id, sign_pk);
    case WR_EQUIV_CHECKPOINTS:
        return check_checkpoints(both, equiv, circle_id, sign_pk);
    case WR_EQUIV_HISTORY:
        return check_history(both, equiv, circle_id, sign_pk);
    }
    WR_UNREACHABLE();
}
