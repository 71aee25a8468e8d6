/* CPace: two people who know the same short code agree on a strong key, one guess per run.
 *
 *   start -> finish
 *
 * The suite is CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21 with an ordered transcript
 * (initiator, responder).  Nothing here confirms the key: the handshake that uses it does.
 *
 * Spec:   proto/spec/channel.md 8
 * Layer:  channel.  No allocation; holds a secret scalar, so every life ends with _wipe or _finish.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CHANNEL_PAKE_H
#define WR_CHANNEL_PAKE_H

#include "base/base.h"
#include "channel/pattern.h"
#include "crypto/crypto.h"

typedef struct wr_pake_config {
    wr_role role;
    wr_slice prs; /* the code; secret */
    wr_slice ci;  /* channel identifier: who talks to whom, over what */
    wr_slice sid; /* fresh for each run; borrowed until finish */
    wr_slice ad;  /* own associated data, sent beside the public value; borrowed until finish */
} wr_pake_config;

typedef struct wr_pake {
    bool started; /* false: finished, failed or wiped */
    wr_role role;
    wr_key scalar;
    wr_pub own; /* the public value that was sent */
    wr_slice sid;
    wr_slice ad;
} wr_pake;

typedef struct wr_pake_key { /* secret: ISK */
    uint8_t b[64];
} wr_pake_key;
void wr_pake_key_wipe(wr_pake_key *key);

/* The generator that stands for the code: a pure function of prs, ci and sid. */
wr_pub wr_pake_generator(wr_slice prs, wr_slice ci, wr_slice sid);

/* Draws the scalar and gives the public value to send together with ad.
 *   BAD_KEY  the code maps to a useless generator, in one of 2^252 cases: begin anew */
WR_MUST wr_err wr_pake_start(wr_pake *pake, const wr_pake_config *config, const wr_rng *rng,
                             wr_pub *ret_public);

/* Takes the peer's public value and associated data, gives the key.  Whatever the result, the run
 * is over and the scalar gone: a scalar meets one peer value only.
 *   STATE    not started, or finished already
 *   AUTH     the peer sent our own value back
 *   BAD_KEY  the peer's value is no point of the group, or the identity
 * A wrong code is no error here: the two sides then hold different keys. */
WR_MUST wr_err wr_pake_finish(wr_pake *pake, const wr_pub *peer_public, wr_slice peer_ad,
                              wr_pake_key *ret_key);

void wr_pake_wipe(wr_pake *pake);

#endif /* WR_CHANNEL_PAKE_H */
