/* Membership ops: the signed nodes of the circle's DAG, encoded and strictly decoded.
 *
 *   Op = [1, circle_id, gen, author, aseq, aprev(0|32), [parents..], hlc, type, body]
 *   op_id = H("warren.op.1", Op);  sig by the author's signing key, "warren/op/1"
 *
 * Spec:   proto/spec/circle.md 2, 3
 * Layer:  circle.  Pure functions on bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_OP_H
#define WR_CIRCLE_OP_H

#include "base/base.h"
#include "base/limits.h"
#include "circle/identity.h"
#include "circle/op_list.h"
#include "circle/recovery.h"

typedef enum wr_op_type {
    WR_OP_GENESIS = 0,
    WR_OP_ADD = 1,
    WR_OP_REMOVE = 2,
    WR_OP_LEAVE = 3,
    WR_OP_ACK = 4,
    WR_OP_EPOCH = 5,
    WR_OP_KEYUPD = 6, /* never in the DAG */
    WR_OP_ROLE = 7,
    WR_OP_EQUIV = 8,
    WR_OP_RESET = 9,
    WR_OP_ROOTSET = 10,
} wr_op_type;

typedef enum wr_role_kind { WR_ROLE_ADMIN = 0, WR_ROLE_MEMBER = 1 } wr_role_kind;
typedef enum wr_pair_mode { WR_PAIR_QR = 1, WR_PAIR_CODE = 2 } wr_pair_mode;

/* Decoded header; parents and body point into bytes. */
typedef struct wr_op {
    wr_slice bytes; /* as received: what id and signature cover */
    wr_hash id;
    wr_hash circle_id; /* zero in GENESIS */
    uint64_t gen;
    wr_hash author; /* device id; zero = ROOT */
    uint64_t aseq;
    bool has_aprev;
    wr_hash aprev;
    uint32_t parent_count; /* 0 in GENESIS only */
    wr_slice parents; /* parent_count canonical bins of 32 bytes, ascending; see wr_op_parent */
    uint64_t hlc;
    uint64_t type; /* wr_op_type, or a newer one */
    wr_slice body; /* one canonical item */
} wr_op;

/* How long an op of this type may be. */
size_t wr_op_bytes_max(uint64_t type);
/* FORMAT, TRUNCATED, LIMIT, VERSION.  Checks form only: no signature, no context. */
WR_MUST wr_err wr_op_decode(wr_slice bytes, wr_op *ret_op);
wr_hash wr_op_parent(const wr_op *op, uint32_t index);
/* Encodes header fields and body (bytes, id and parents slice are ignored; parents are given). */
WR_MUST wr_err wr_op_encode(const wr_op *header, const wr_hash *parents, wr_buf *out);

/* Bodies: encode and decode side by side.  Decoders take exactly one item.  Those of the types that
 * are not here are in op_change.h. */
typedef struct wr_genesis {
    uint8_t nonce[32];
    wr_slice cert_bytes;
    wr_root root;
    uint64_t policy; /* 0 */
    wr_sig root_sig;
} wr_genesis;
/* Signs the body with the recovery key ("warren/genesis/1" over the body without root_sig). */
WR_MUST wr_err wr_genesis_encode(const wr_genesis *genesis, const wr_sign_key *root_sign,
                                 wr_buf *out);
/* AUTH if root_sig is not the root's. */
WR_MUST wr_err wr_genesis_decode(wr_slice body, wr_genesis *ret_genesis);

typedef struct wr_add {
    wr_slice cert_bytes;
    wr_role_kind role;
    wr_pair_mode mode;
    wr_sig consent;
    uint8_t handshake[64]; /* h of the pairing channel */
} wr_add;
WR_MUST wr_err wr_add_encode(const wr_add *add, wr_buf *out);
WR_MUST wr_err wr_add_decode(wr_slice body, wr_add *ret_add);
/* The bytes that consent signs: [circle_id, h, sponsor device_id, role]. */
WR_MUST wr_err wr_consent_encode(const wr_hash *circle_id, const uint8_t handshake[64],
                                 const wr_hash *sponsor, wr_role_kind role, wr_buf *out);

/* ACK body: [seen[cuts]], at most WR_OP_CUTS_MAX. */
WR_MUST wr_err wr_ack_encode(const wr_op_list *seen, wr_buf *out);
WR_MUST wr_err wr_ack_decode(wr_slice body, wr_op_list *ret_seen);

typedef struct wr_epoch_op {
    wr_hash commit;
    uint32_t prev_count; /* earlier epochs joined by this one */
    wr_hash prev[8];
    uint32_t without_count; /* members that get no key (guard G1) */
    wr_hash without[WR_MEMBERS_MAX];
    wr_hash rcpt_hash;
    wr_hash hist_hash;
    uint64_t klass; /* 1 ordinary, 2 disappearing */
} wr_epoch_op;
WR_MUST wr_err wr_epoch_encode(const wr_epoch_op *epoch, wr_buf *out);
WR_MUST wr_err wr_epoch_decode(wr_slice body, wr_epoch_op *ret_epoch);

#endif /* WR_CIRCLE_OP_H */
