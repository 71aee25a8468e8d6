/* What a person carries from one screen to the other: the pairing code and the pairing URI.
 *
 *   code  NNNN-word-word-word          13 public bits, 33 secret ones; runs a PAKE
 *   URI   warren:<base32>              a random psk, the host's key and addresses; for a QR image
 *
 * Spec:   proto/spec/pairing.md 1
 * Layer:  engine.  Pure functions on text.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_PAIR_CODE_H
#define WR_ENGINE_PAIR_CODE_H

#include "base/base.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/words.h"
#include "wire/message.h"

#define WR_PAIR_NAMEPLATES 8192u
#define WR_PAIR_CODE_BYTES_MAX (4u + WR_PAIR_WORDS * (1u + WR_WORD_BYTES_MAX))
#define WR_PAIR_URI_SCHEME "warren:"
#define WR_PAIR_URI_RAW_MAX                                                                        \
    (1u + 1u + 16u + 32u + 32u + 1u + WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE)
#define WR_PAIR_URI_BYTES_MAX (sizeof WR_PAIR_URI_SCHEME - 1u + WR_BASE32_SIZE(WR_PAIR_URI_RAW_MAX))

/* Rendezvous id: which pairing a connection or a beacon is about. */
typedef struct wr_rid {
    uint8_t b[16];
} wr_rid;

typedef struct wr_pair_code { /* secret */
    uint16_t nameplate;       /* public; below WR_PAIR_NAMEPLATES */
    uint16_t words[WR_PAIR_WORDS];
} wr_pair_code;
void wr_pair_code_wipe(wr_pair_code *code);

/* What is wrong with a text that is no code, for the person who typed it. */
typedef enum wr_pair_fault {
    WR_PAIR_FAULT_NONE,
    WR_PAIR_FAULT_SHAPE,     /* not a number and three words */
    WR_PAIR_FAULT_NAMEPLATE, /* the number is not four digits up to 8191 */
    WR_PAIR_FAULT_WORD,      /* a word is not of the list: .word, counted from 0 */
    WR_PAIR_FAULT_URI,       /* starts as a URI and is none */
} wr_pair_fault;
typedef struct wr_pair_why {
    wr_pair_fault fault;
    uint32_t word;
} wr_pair_why;

void wr_pair_code_make(const wr_rng *rng, wr_pair_code *ret_code);
/* Appends the canonical form.  NOBUF. */
WR_MUST wr_err wr_pair_code_text(const wr_pair_code *code, wr_buf *out);
/* Reads any case, and blanks or dashes between the parts.
 *   FORMAT  see ret_why, which is always written */
WR_MUST wr_err wr_pair_code_parse(wr_slice text, wr_pair_code *ret_code, wr_pair_why *ret_why);
wr_rid wr_pair_code_rid(const wr_pair_code *code);
/* Appends the words joined by "-": the PAKE's password.  NOBUF. */
WR_MUST wr_err wr_pair_code_secret(const wr_pair_code *code, wr_buf *out);

typedef struct wr_pair_uri { /* secret */
    wr_rid rid;
    wr_key psk;
    wr_pub host; /* the host's Noise key */
    uint8_t addrs[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE];
    size_t addrs_len;
} wr_pair_uri;
void wr_pair_uri_wipe(wr_pair_uri *uri);

/* Appends it.  NOBUF. */
WR_MUST wr_err wr_pair_uri_text(const wr_pair_uri *uri, wr_buf *out);
/* Any case.  FORMAT, VERSION. */
WR_MUST wr_err wr_pair_uri_parse(wr_slice text, wr_pair_uri *ret_uri);

#endif /* WR_ENGINE_PAIR_CODE_H */
