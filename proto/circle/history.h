/* The history of an epoch: the secrets of those before it, sealed under its own.
 *
 *   pairs = [[epoch_id, E]..] of the epochs that the EPOCH op names
 *   blob  = nonce || AEAD(KDF(E, "warren.ep.hist.1", circle_id), nonce, aad = ids, pairs)
 *
 * Spec:   proto/spec/circle.md 6.1
 * Layer:  circle.  Pure functions on bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_HISTORY_H
#define WR_CIRCLE_HISTORY_H

#include "circle/op.h"

typedef struct wr_history { /* secret */
    uint32_t count;
    struct {
        wr_hash epoch_id; /* ascending */
        wr_key secret;
    } epoch[WR_EPOCH_PREV_MAX];
} wr_history;
void wr_history_wipe(wr_history *history);

/* hist_hash of the EPOCH op. */
wr_hash wr_history_hash(wr_slice blob);
/* Appends the blob of the epoch whose secret is given: at most WR_HISTORY_BYTES_MAX, nothing for an
 * empty history.  NOBUF. */
WR_MUST wr_err wr_history_seal(const wr_key *secret, const wr_hash *circle_id,
                               const wr_history *history, const wr_rng *rng, wr_buf *out);
/* secret is E of the EPOCH op's epoch.  What comes out is what its maker claims: wr_keyring_add
 * holds each secret against its commitment.
 *   AUTH    not the blob that the op names, or not sealed under secret for these epochs
 *   FORMAT, TRUNCATED, LIMIT   sealed, but not the pairs that the op promised */
WR_MUST wr_err wr_history_open(const wr_key *secret, const wr_hash *circle_id,
                               const wr_epoch_op *epoch, wr_slice blob, wr_history *ret_history);

#endif /* WR_CIRCLE_HISTORY_H */
