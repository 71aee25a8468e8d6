/* Handshake patterns of Noise as tables: which key goes when, and which keys are mixed.
 *
 * Spec:   proto/spec/channel.md 2
 * Layer:  channel.  Constant data and a pure look-up.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CHANNEL_PATTERN_H
#define WR_CHANNEL_PATTERN_H

#include "base/base.h"

typedef enum wr_role { WR_INITIATOR, WR_RESPONDER } wr_role;

typedef enum wr_token {
    WR_T_END,  /* the handshake is complete */
    WR_T_FLIP, /* the message is complete, the other side speaks */
    WR_T_E,
    WR_T_S,
    WR_T_EE, /* the first letter is the initiator's key */
    WR_T_ES,
    WR_T_SE,
    WR_T_SS,
    WR_T_PSK,
} wr_token;

/* Which static keys both sides know beforehand. */
typedef enum wr_pre {
    WR_PRE_NONE,
    WR_PRE_I,  /* -> s */
    WR_PRE_R,  /* <- s */
    WR_PRE_IR, /* -> s, <- s */
} wr_pre;

#define WR_PATTERN_NAME_MAX 31u
#define WR_PATTERN_TOKENS_MAX 24u
#define WR_PATTERN_PSKS_MAX 5u

typedef struct wr_pattern {
    char name[WR_PATTERN_NAME_MAX + 1];
    wr_pre pre;
    uint8_t tokens[WR_PATTERN_TOKENS_MAX]; /* wr_token, WR_T_END behind the last */
} wr_pattern;

/* Those that Warren uses (channel.md 2.3). */
#define WR_PATTERN_IKPSK2 (&wr_pattern_ikpsk2) /* sessions */
#define WR_PATTERN_XXPSK0 (&wr_pattern_xxpsk0) /* pairing */
#define WR_PATTERN_XPSK1 (&wr_pattern_xpsk1)   /* sealed one-way messages */
extern const wr_pattern wr_pattern_ikpsk2;
extern const wr_pattern wr_pattern_xxpsk0;
extern const wr_pattern wr_pattern_xpsk1;

/* Any fundamental, deferred or one-way pattern by its Noise name, with psk modifiers
 * ("XXpsk0+psk3").
 *   UNKNOWN  no such pattern, or a modifier that it cannot take */
WR_MUST wr_err wr_pattern_find(wr_slice name, wr_pattern *ret_pattern);

/* What the pattern asks of each side. */
bool wr_pattern_one_way(const wr_pattern *pattern);
size_t wr_pattern_psk_count(const wr_pattern *pattern);
size_t wr_pattern_message_count(const wr_pattern *pattern);
/* Whether this side has a static key, and whether it knows the peer's from the start. */
bool wr_pattern_has_static(const wr_pattern *pattern, wr_role role);
bool wr_pattern_knows_remote(const wr_pattern *pattern, wr_role role);

#endif /* WR_CHANNEL_PATTERN_H */
