/* Bodies of the ops that end, limit or restart a membership, and of the key update.
 *
 * Encoders and decoders side by side, like those of op.h.  Decoders take exactly one item and check
 * its form only: whether a target is a member or a proof holds is asked elsewhere.  Slices and
 * lists of a decoded body point into it.
 *
 * Spec:   proto/spec/circle.md 3
 * Layer:  circle.  Pure functions on bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_OP_CHANGE_H
#define WR_CIRCLE_OP_CHANGE_H

#include "circle/op.h"

/* ---- REMOVE, LEAVE, ROLE ---- */

typedef enum wr_reason {
    WR_REASON_RETIRED = 1,     /* the device was honest */
    WR_REASON_LOST = 2,        /* somebody else may have it */
    WR_REASON_COMPROMISED = 3, /* somebody else has its keys */
} wr_reason;

typedef struct wr_remove {
    wr_op_list targets; /* device ids, 1 .. WR_MEMBERS_MAX */
    wr_reason reason;
    wr_op_list cuts; /* of the targets' feeds */
    wr_slice note;   /* ciphertext for the members, may be empty */
} wr_remove;
WR_MUST wr_err wr_remove_encode(const wr_remove *remove, wr_buf *out);
WR_MUST wr_err wr_remove_decode(wr_slice body, wr_remove *ret_remove);

/* LEAVE body: [cuts], the author's own feeds as it leaves them. */
WR_MUST wr_err wr_leave_encode(const wr_op_list *cuts, wr_buf *out);
WR_MUST wr_err wr_leave_decode(wr_slice body, wr_op_list *ret_cuts);

typedef struct wr_role_op {
    wr_hash device_id;
    wr_role_kind role;
} wr_role_op;
WR_MUST wr_err wr_role_encode(const wr_role_op *role, wr_buf *out);
WR_MUST wr_err wr_role_decode(wr_slice body, wr_role_op *ret_role);

/* ---- EQUIV ---- */

typedef enum wr_equiv_kind {
    WR_EQUIV_OPS = 1,         /* two ops of one aseq */
    WR_EQUIV_CHECKPOINTS = 2, /* two checkpoints of one feed and number */
    WR_EQUIV_HISTORY = 3,     /* two checkpoints, the longer of another history */
} wr_equiv_kind;

typedef struct wr_equiv {
    wr_equiv_kind kind;
    wr_hash device_id;    /* the accused */
    wr_slice evidence[2]; /* each: signed bytes, then the 64 bytes of the signature */
    wr_slice path;        /* WR_EQUIV_HISTORY: hashes, else empty */
    wr_op_list cuts;
} wr_equiv;
WR_MUST wr_err wr_equiv_encode(const wr_equiv *equiv, wr_buf *out);
/* engine/evidence.h says whether the evidence proves anything. */
WR_MUST wr_err wr_equiv_decode(wr_slice body, wr_equiv *ret_equiv);

/* ---- RESET, ROOTSET ---- */

typedef struct wr_kept { /* a member of the new generation */
    wr_slice cert_bytes;
    wr_role_kind role;
} wr_kept;
WR_MUST wr_err wr_kept_put(wr_buf *items, const wr_kept *kept);
WR_MUST bool wr_kept_next(wr_op_list *rest, wr_kept *ret_kept);

typedef struct wr_gone { /* a device that is out for good, with the keys nobody may use again */
    wr_hash device_id;
    wr_pub sign, noise, box;
} wr_gone;
WR_MUST wr_err wr_gone_put(wr_buf *items, const wr_gone *gone);
WR_MUST bool wr_gone_next(wr_op_list *rest, wr_gone *ret_gone);

typedef struct wr_reset_epoch {
    wr_hash epoch_id, commit;
} wr_reset_epoch;
WR_MUST wr_err wr_reset_epoch_put(wr_buf *items, const wr_reset_epoch *epoch);
WR_MUST bool wr_reset_epoch_next(wr_op_list *rest, wr_reset_epoch *ret_epoch);

typedef struct wr_reset {
    wr_root root;
    uint64_t policy;     /* 0 */
    wr_hash seed_commit; /* to Q of the new generation */
    wr_op_list keep;     /* wr_kept by device id, 1 .. WR_MEMBERS_MAX */
    wr_op_list gone;     /* wr_gone by device id, at most WR_AUTHORS_MAX */
    wr_op_list cuts;     /* of all feeds, at most WR_FEEDS_MAX */
    wr_op_list epochs;   /* wr_reset_epoch, 1 .. WR_EPOCHS_MAX: the current one, the others by id */
} wr_reset;
WR_MUST wr_err wr_reset_encode(const wr_reset *reset, wr_buf *out);
/* VERSION for another policy. */
WR_MUST wr_err wr_reset_decode(wr_slice body, wr_reset *ret_reset);

WR_MUST wr_err wr_rootset_encode(const wr_root *root, wr_buf *out);
WR_MUST wr_err wr_rootset_decode(wr_slice body, wr_root *ret_root);

/* ---- KEYUPD, an entry of the control feed ---- */

typedef struct wr_keyupd {
    wr_pub box;
    wr_slice kem; /* empty, or an ML-KEM-768 key, carried unread */
} wr_keyupd;
WR_MUST wr_err wr_keyupd_encode(const wr_keyupd *update, wr_buf *out);
/* BAD_KEY if the box key is all zero. */
WR_MUST wr_err wr_keyupd_decode(wr_slice body, wr_keyupd *ret_update);

#endif /* WR_CIRCLE_OP_CHANGE_H */
