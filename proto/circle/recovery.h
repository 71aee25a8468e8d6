/* The way back: 24 words, the recovery secret RS in them, and the root keys derived from it.
 *
 * Spec:   proto/spec/recovery.md
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_RECOVERY_H
#define WR_CIRCLE_RECOVERY_H

#include "base/base.h"
#include "crypto/crypto.h"

#define WR_RECOVERY_WORDS 24u
#define WR_RECOVERY_TEXT_MAX (WR_RECOVERY_WORDS * 9u + 1u) /* 8 letters and a blank each, NUL */

/* What devices may know of the recovery key, for ever. */
typedef struct wr_root {
    wr_pub sign; /* ROOT's signatures */
    wr_pub box;  /* recipient of the recovery bundle */
} wr_root;

/* RS -> 24 BIP-39 words separated by one blank, NUL-terminated.  The text is secret. */
void wr_recovery_words(const wr_key *rs, char out[WR_RECOVERY_TEXT_MAX]);
/* Words -> RS.  Any case and white space.  FORMAT: not 24 words of the list; AUTH: bad checksum. */
WR_MUST wr_err wr_recovery_parse(wr_slice words, wr_key *ret_rs);
/* BIP-39 of any legal length (16..32 bytes), for the published vectors. */
WR_MUST wr_err wr_mnemonic_encode(wr_slice entropy, wr_buf *out);
WR_MUST wr_err wr_mnemonic_decode(wr_slice words, wr_buf *out_entropy);

void wr_recovery_root(const wr_key *rs, wr_root *ret_root);
void wr_recovery_sign_key(const wr_key *rs, wr_sign_key *ret_sign);

#endif /* WR_CIRCLE_RECOVERY_H */
