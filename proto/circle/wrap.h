/* Wraps: E of one epoch, sealed to one member's box key.
 *
 *   one message of Xpsk1, psk = KDF(Q, "warren.q.psk.1", circle_id), payload = [epoch_id, E, Q]
 *
 * Spec:   proto/spec/circle.md 6.2
 * Layer:  circle.  Pure; no allocation.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_WRAP_H
#define WR_CIRCLE_WRAP_H

#include "circle/identity.h"

#define WR_WRAP_SIZE 199u

typedef struct wr_wrap { /* secret */
    wr_hash epoch_id;
    wr_key secret; /* E of that epoch */
    wr_key seed;   /* Q of its generation */
} wr_wrap;
void wr_wrap_wipe(wr_wrap *wrap);

/* held is the Q that the recipient is known to hold.
 *   NOBUF, or BAD_KEY if the recipient's box key is of low order */
WR_MUST wr_err wr_wrap_seal(const wr_identity *sender, const wr_pub *recipient_box,
                            const wr_hash *circle_id, const wr_key *held, const wr_wrap *wrap,
                            wr_rng rng, wr_buf *out);
/* box is one of the recipient's own box secrets, current or earlier.  The sender's noise key is
 * proven; that it belongs to a member, and that E fits its commitment, is for the caller to ask.
 *   FORMAT         another length, or another payload
 *   AUTH, BAD_KEY  not for this key, circle and Q, or damaged */
WR_MUST wr_err wr_wrap_open(const wr_key *box, const wr_hash *circle_id, const wr_key *held,
                            wr_slice message, wr_pub *ret_sender_noise, wr_wrap *ret_wrap);

#endif /* WR_CIRCLE_WRAP_H */
