/* The message table: what the frames of a session and of a pairing channel say.
 *
 * Spec:   proto/spec/sync.md 2 (session), proto/spec/pairing.md 4 (pairing)
 * Layer:  wire.  Both directions of each body stand side by side in message.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_WIRE_MESSAGE_H
#define WR_WIRE_MESSAGE_H

#include "base/base.h"
#include "base/limits.h"

typedef enum wr_frame_type {
    WR_FRAME_HELLO = 1,
    WR_FRAME_OP_HEADS = 2,
    WR_FRAME_OPS = 3,
    WR_FRAME_FRONTIER = 4,
    WR_FRAME_WANT = 5,
    WR_FRAME_HAVE = 6,
    WR_FRAME_DATA = 7,
    WR_FRAME_PART = 8, /* body: raw bytes of the unit that DATA announced */
    WR_FRAME_PING = 9,
    WR_FRAME_PONG = 10,
    WR_FRAME_REKEY = 11,
    WR_FRAME_CLOSE = 12,
    WR_FRAME_KEY_WANT = 13,
    WR_FRAME_KEYS = 14,
    WR_FRAME_SOLE = 15, /* no body */
    WR_FRAME_TWIN = 16, /* no body */
    WR_FRAME_CHECKPOINT = 17,
    /* pairing channel */
    WR_FRAME_PAIR_OFFER = 32,
    WR_FRAME_PAIR_CERT = 33,
    WR_FRAME_PAIR_WELCOME = 34,
    WR_FRAME_PAIR_READY = 35,
    WR_FRAME_PAIR_DONE = 36,
    WR_FRAME_PAIR_REFUSED = 37,
} wr_frame_type;
#define WR_FRAME_IGNORABLE                                                                         \
    128u /* unknown types from here on are skipped, below they are FORMAT                          \
          */

#define WR_HELLO_ADDRS_MAX 8u
#define WR_HELLO_ADDR_SIZE 19u /* family u8 (4 or 6), 16 bytes (IPv4 in the first 4), port u16 */

typedef struct wr_hello {
    uint64_t version; /* 1 */
    wr_hash device_id;
    wr_hash circle_id;
    uint64_t unix_ms;
    wr_hash newest_epoch; /* zero: none held */
    uint64_t box_number;  /* of the newest KEYUPD; 0 before the first */
    wr_digest frontier;
    wr_digest op_heads;
    wr_digest instance; /* of the process that speaks */
    bool signs;         /* it was confirmed, or needs no confirmation */
    wr_slice addrs; /* where this device listens: n * WR_HELLO_ADDR_SIZE, n <= WR_HELLO_ADDRS_MAX */
} wr_hello;
WR_MUST wr_err wr_hello_encode(const wr_hello *hello, wr_buf *out);
WR_MUST wr_err wr_hello_decode(wr_slice body, wr_hello *ret_hello);

/* Lists: [reply, [item..]]; reply asks for the other side's list if it has not been sent. */
WR_MUST wr_err wr_list_begin(wr_buf *out, bool reply, uint32_t count);
WR_MUST wr_err wr_list_open(wr_slice *body, uint32_t count_max, bool *ret_reply,
                            uint32_t *ret_count);
/* OP_HEADS item: [author, aseq, op_id] */
WR_MUST wr_err wr_op_head_put(wr_buf *out, const wr_hash *author, uint64_t aseq,
                              const wr_hash *op_id);
WR_MUST wr_err wr_op_head_take(wr_slice *in, wr_hash *ret_author, uint64_t *ret_aseq,
                               wr_hash *ret_op_id);
/* FRONTIER item: [feed_id, k, len, root, complete 0|1] */
WR_MUST wr_err wr_frontier_put(wr_buf *out, const wr_hash *feed_id, uint64_t k, uint64_t len,
                               const wr_hash *root, bool complete);
WR_MUST wr_err wr_frontier_take(wr_slice *in, wr_hash *ret_feed_id, uint64_t *ret_k,
                                uint64_t *ret_len, wr_hash *ret_root, bool *ret_complete);
/* HAVE item: [feed_id, len, complete]; WANT: [feed_id, from], from = WR_WANT_STOP ends it */
#define WR_WANT_STOP UINT64_MAX
WR_MUST wr_err wr_have_put(wr_buf *out, const wr_hash *feed_id, uint64_t len, bool complete);
WR_MUST wr_err wr_have_take(wr_slice *in, wr_hash *ret_feed_id, uint64_t *ret_len,
                            bool *ret_complete);
WR_MUST wr_err wr_want_encode(const wr_hash *feed_id, uint64_t from, wr_buf *out);
WR_MUST wr_err wr_want_decode(wr_slice body, wr_hash *ret_feed_id, uint64_t *ret_from);
/* OPS: frame body is { [op bytes, sig] }* until its end */
WR_MUST wr_err wr_ops_put(wr_buf *out, wr_slice op, const wr_sig *sig);
WR_MUST wr_err wr_ops_take(wr_slice *in, wr_slice *ret_op, wr_sig *ret_sig);

/* DATA: [feed_id, lo, first, end, size, checkpoint, sig, path]; size bytes follow in PARTs */
typedef struct wr_data {
    wr_hash feed_id;
    uint64_t lo, first, end;
    uint64_t size;
    wr_slice checkpoint; /* empty: the one sent before on this session */
    wr_sig sig;          /* zero then */
    wr_slice path;       /* hashes, 32 bytes each */
} wr_data;
WR_MUST wr_err wr_data_encode(const wr_data *data, wr_buf *out);
WR_MUST wr_err wr_data_decode(wr_slice body, wr_data *ret_data);

/* CHECKPOINT: [feed_id, checkpoint, sig] */
WR_MUST wr_err wr_shown_encode(const wr_hash *feed_id, wr_slice checkpoint, const wr_sig *sig,
                               wr_buf *out);
WR_MUST wr_err wr_shown_decode(wr_slice body, wr_hash *ret_feed_id, wr_slice *ret_checkpoint,
                               wr_sig *ret_sig);

/* KEY_WANT: [epoch ids..], each once */
WR_MUST wr_err wr_key_want_encode(const wr_hash *ids, uint32_t count, wr_buf *out);
WR_MUST wr_err wr_key_want_decode(wr_slice body, uint32_t max, wr_hash *ret_ids,
                                  uint32_t *ret_count);

/* KEYS: body is { [epoch_id, E, Q, history] }* until its end */
typedef struct wr_key_item { /* secret */
    wr_hash epoch_id;
    wr_key secret;    /* E */
    bool has_seed;    /* on the wire an empty Q stands for none */
    wr_key seed;      /* Q of its generation */
    wr_slice history; /* may be empty */
} wr_key_item;
void wr_key_item_wipe(wr_key_item *item);
WR_MUST wr_err wr_key_put(wr_buf *out, const wr_key_item *item);
WR_MUST wr_err wr_key_take(wr_slice *in, wr_key_item *ret_item);

/* PING, PONG: 8 bytes, echoed.  CLOSE: one byte. */

/* ---- pairing (pairing.md 4) -------------------------------------------------------- */

typedef struct wr_pair_offer { /* A -> B */
    wr_hash circle_id, device_id;
    uint64_t role; /* wr_role_kind */
} wr_pair_offer;
WR_MUST wr_err wr_pair_offer_encode(const wr_pair_offer *offer, wr_buf *out);
WR_MUST wr_err wr_pair_offer_decode(wr_slice body, wr_pair_offer *ret_offer);

typedef struct wr_pair_cert { /* B -> A */
    wr_slice name;
    wr_slice cert;
    wr_sig consent;
} wr_pair_cert;
WR_MUST wr_err wr_pair_cert_encode(const wr_pair_cert *cert, wr_buf *out);
WR_MUST wr_err wr_pair_cert_decode(wr_slice body, wr_pair_cert *ret_cert);

typedef struct wr_seed { /* secret: Q of the generation that this op founded */
    wr_hash founder;
    wr_key seed;
} wr_seed;

typedef struct wr_pair_welcome {       /* A -> B, then OPS frames with all ops, the ADD last */
    uint64_t op_count;                 /* ops that follow, the ADD included */
    uint32_t seed_count;               /* 1 .. WR_GENERATIONS_MAX */
    wr_seed seeds[WR_GENERATIONS_MAX]; /* that of GENESIS among them */
    wr_hash epoch_id;
    wr_key secret;  /* E: secret */
    wr_slice addrs; /* where A listens, as in HELLO */
} wr_pair_welcome;
WR_MUST wr_err wr_pair_welcome_encode(const wr_pair_welcome *welcome, wr_buf *out);
WR_MUST wr_err wr_pair_welcome_decode(wr_slice body, wr_pair_welcome *ret_welcome);
void wr_pair_welcome_wipe(wr_pair_welcome *welcome);

#endif /* WR_WIRE_MESSAGE_H */
