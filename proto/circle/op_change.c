/* The bodies of REMOVE, LEAVE, ROLE, EQUIV, RESET, ROOTSET and KEYUPD.
 *
 * Spec:   proto/spec/circle.md 3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/op_change.h"

#include "wire/pack.h"

#define REMOVE_FIELDS 4u
#define LEAVE_FIELDS 1u
#define ROLE_FIELDS 2u
#define EQUIV_FIELDS 6u
#define RESET_FIELDS 8u
#define KEPT_FIELDS 2u
#define GONE_FIELDS 4u
#define RESET_EPOCH_FIELDS 2u
#define ROOTSET_FIELDS 2u
#define KEYUPD_FIELDS 2u

static wr_err put_pub(wr_buf *out, const wr_pub *key) {
    return wr_pack_bin(out, WR_SLICE_OBJ(*key));
}

static wr_err put_hash(wr_buf *out, const wr_hash *hash) {
    return wr_pack_bin(out, WR_SLICE_OBJ(*hash));
}

static wr_err take_pub(wr_slice *in, wr_pub *ret_pub) {
    return wr_unpack_fixed(in, ret_pub->b, sizeof ret_pub->b);
}

static wr_err take_hash(wr_slice *in, wr_hash *ret_hash) {
    return wr_unpack_fixed(in, ret_hash->b, sizeof ret_hash->b);
}

static wr_err take_role(wr_slice *in, wr_role_kind *ret_role) {
    uint64_t role;
    WR_TRY(wr_unpack_uint(in, &role));
    if (role != WR_ROLE_ADMIN && role != WR_ROLE_MEMBER)
        return WR_ERR_FORMAT;
    *ret_role = (wr_role_kind)role;
    return WR_OK;
}

static wr_err take_cuts(wr_slice *in, uint32_t max, wr_op_list *ret_cuts) {
    return wr_op_list_take(in, 0, max, wr_cut_take_key, ret_cuts);
}

static wr_err at_end(wr_slice rest) {
    return rest.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

/* ---- REMOVE ---- */

wr_err wr_remove_encode(const wr_remove *remove, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(remove->targets.count >= 1 && remove->targets.count <= WR_MEMBERS_MAX);
    WR_ASSERT(remove->cuts.count <= WR_OP_CUTS_MAX);
    WR_ASSERT(remove->note.len <= WR_REMOVE_NOTE_MAX);
    WR_TRY(wr_pack_array(&next, REMOVE_FIELDS));
    WR_TRY(wr_op_list_put(&next, &remove->targets));
    WR_TRY(wr_pack_uint(&next, (uint64_t)remove->reason));
    WR_TRY(wr_op_list_put(&next, &remove->cuts));
    WR_TRY(wr_pack_bin(&next, remove->note));
    *out = next;
    return WR_OK;
}

wr_err wr_remove_decode(wr_slice body, wr_remove *ret_remove) {
    wr_remove remove;
    uint64_t reason;
    WR_TRY(wr_unpack_array_of(&body, REMOVE_FIELDS));
    /* spec:circle#3.3 "A REMOVE MUST name 1 to 64 targets in ascending order without
     * repetition." */
    WR_TRY(wr_op_list_take(&body, 1, WR_MEMBERS_MAX, wr_id_take_key, &remove.targets));
    WR_TRY(wr_unpack_uint(&body, &reason));
    WR_TRY(take_cuts(&body, WR_OP_CUTS_MAX, &remove.cuts));
    WR_TRY(wr_unpack_bin(&body, &remove.note));
    WR_TRY(at_end(body));
    /* spec:circle#3.3 "The reason of a REMOVE MUST be 1, 2 or 3." */
    if (reason < WR_REASON_RETIRED || reason > WR_REASON_COMPROMISED)
        return WR_ERR_FORMAT;
    /* spec:circle#3.3 "The note MUST NOT be longer than 256 bytes." */
    if (remove.note.len > WR_REMOVE_NOTE_MAX)
        return WR_ERR_LIMIT;
    remove.reason = (wr_reason)reason;
    *ret_remove = remove;
    return WR_OK;
}

/* ---- LEAVE ---- */

wr_err wr_leave_encode(const wr_op_list *cuts, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(cuts->count <= WR_OP_CUTS_MAX);
    WR_TRY(wr_pack_array(&next, LEAVE_FIELDS));
    WR_TRY(wr_op_list_put(&next, cuts));
    *out = next;
    return WR_OK;
}

wr_err wr_leave_decode(wr_slice body, wr_op_list *ret_cuts) {
    wr_op_list cuts;
    WR_TRY(wr_unpack_array_of(&body, LEAVE_FIELDS));
    WR_TRY(take_cuts(&body, WR_OP_CUTS_MAX, &cuts));
    WR_TRY(at_end(body));
    *ret_cuts = cuts;
    return WR_OK;
}

/* ---- ROLE ---- */

wr_err wr_role_encode(const wr_role_op *role, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, ROLE_FIELDS));
    WR_TRY(put_hash(&next, &role->device_id));
    WR_TRY(wr_pack_uint(&next, (uint64_t)role->role));
    *out = next;
    return WR_OK;
}

wr_err wr_role_decode(wr_slice body, wr_role_op *ret_role) {
    wr_role_op role;
    WR_TRY(wr_unpack_array_of(&body, ROLE_FIELDS));
    WR_TRY(take_hash(&body, &role.device_id));
    /* spec:circle#3.10 "A decoder MUST refuse a ROLE of any other number." */
    WR_TRY(take_role(&body, &role.role));
    WR_TRY(at_end(body));
    *ret_role = role;
    return WR_OK;
}

/* ---- EQUIV ---- */

/* Two of the longest ops, all parents and all cuts: what an EQUIV has to hold. */
_Static_assert(WR_OP_EQUIV_BYTES_MAX >= 2u * (WR_OP_BYTES_MAX + WR_SIG_SIZE + 3u) +
                                            WR_OP_PARENTS_MAX * 34u + WR_OP_CUTS_MAX * 78u + 256u,
               "an EQUIV of any two ordinary ops fits");

wr_err wr_equiv_encode(const wr_equiv *equiv, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(equiv->cuts.count <= WR_OP_CUTS_MAX);
    WR_TRY(wr_pack_array(&next, EQUIV_FIELDS));
    WR_TRY(wr_pack_uint(&next, (uint64_t)equiv->kind));
    WR_TRY(put_hash(&next, &equiv->device_id));
    WR_TRY(wr_pack_bin(&next, equiv->evidence[0]));
    WR_TRY(wr_pack_bin(&next, equiv->evidence[1]));
    WR_TRY(wr_pack_bin(&next, equiv->path));
    WR_TRY(wr_op_list_put(&next, &equiv->cuts));
    *out = next;
    return WR_OK;
}

static wr_err check_evidence(const wr_equiv *equiv) {
    size_t bytes_max = equiv->kind == WR_EQUIV_OPS ? WR_OP_BYTES_MAX : WR_CHECKPOINT_BYTES_MAX;
    for (size_t i = 0; i < WR_COUNT(equiv->evidence); i++) {
        /* spec:circle#3.11 "A piece of evidence MUST hold at least one byte before its
         * signature." */
        if (equiv->evidence[i].len <= WR_SIG_SIZE)
            return WR_ERR_FORMAT;
        /* spec:circle#3.11 "The signed bytes MUST NOT be more than 16384 for kind 1 and 4096 for
         * the other kinds." */
        if (equiv->evidence[i].len > bytes_max + WR_SIG_SIZE)
            return WR_ERR_LIMIT;
    }
    return WR_OK;
}

static wr_err check_path(const wr_equiv *equiv) {
    size_t len = equiv->path.len;
    if (equiv->kind != WR_EQUIV_HISTORY) {
        /* spec:circle#3.11 "In kinds 1 and 2 the two pieces of evidence MUST ascend and the path
         * MUST be empty." */
        bool ascend = wr_order(equiv->evidence[0], equiv->evidence[1]) < 0;
        return ascend && len == 0 ? WR_OK : WR_ERR_FORMAT;
    }
    /* spec:circle#3.11 "In kind 3 the path MUST be 1 to 64 hashes." */
    if (len == 0 || len % WR_HASH_SIZE != 0)
        return WR_ERR_FORMAT;
    return len / WR_HASH_SIZE <= WR_PROOF_HASHES_MAX ? WR_OK : WR_ERR_LIMIT;
}

wr_err wr_equiv_decode(wr_slice body, wr_equiv *ret_equiv) {
    wr_equiv equiv;
    uint64_t kind;
    WR_TRY(wr_unpack_array_of(&body, EQUIV_FIELDS));
    WR_TRY(wr_unpack_uint(&body, &kind));
    WR_TRY(take_hash(&body, &equiv.device_id));
    WR_TRY(wr_unpack_bin(&body, &equiv.evidence[0]));
    WR_TRY(wr_unpack_bin(&body, &equiv.evidence[1]));
    WR_TRY(wr_unpack_bin(&body, &equiv.path));
    WR_TRY(take_cuts(&body, WR_OP_CUTS_MAX, &equiv.cuts));
    WR_TRY(at_end(body));
    /* spec:circle#3.11 "The kind of an EQUIV MUST be 1, 2 or 3." */
    if (kind < WR_EQUIV_OPS || kind > WR_EQUIV_HISTORY)
        return WR_ERR_FORMAT;
    equiv.kind = (wr_equiv_kind)kind;
    WR_TRY(check_evidence(&equiv));
    WR_TRY(check_path(&equiv));
    *ret_equiv = equiv;
    return WR_OK;
}

/* ---- RESET: items of its lists ---- */

wr_err wr_kept_put(wr_buf *items, const wr_kept *kept) {
    wr_buf next = *items;
    WR_TRY(wr_pack_array(&next, KEPT_FIELDS));
    WR_TRY(wr_pack_bin(&next, kept->cert_bytes));
    WR_TRY(wr_pack_uint(&next, (uint64_t)kept->role));
    *items = next;
    return WR_OK;
}

static wr_err take_kept(wr_slice *in, wr_kept *ret_kept) {
    wr_kept kept;
    wr_cert cert;
    WR_TRY(wr_unpack_array_of(in, KEPT_FIELDS));
    WR_TRY(wr_unpack_bin(in, &kept.cert_bytes));
    WR_TRY(wr_cert_decode(kept.cert_bytes, &cert));
    WR_TRY(take_role(in, &kept.role));
    *ret_kept = kept;
    return WR_OK;
}

static wr_err take_kept_key(wr_slice *in, wr_hash *ret_key) {
    wr_kept kept;
    WR_TRY(take_kept(in, &kept));
    *ret_key = wr_device_id(kept.cert_bytes);
    return WR_OK;
}

bool wr_kept_next(wr_op_list *rest, wr_kept *ret_kept) {
    if (rest->count == 0)
        return false;
    WR_ASSERT(take_kept(&rest->items, ret_kept) == WR_OK);
    rest->count--;
    return true;
}

wr_err wr_gone_put(wr_buf *items, const wr_gone *gone) {
    wr_buf next = *items;
    WR_TRY(wr_pack_array(&next, GONE_FIELDS));
    WR_TRY(put_hash(&next, &gone->device_id));
    WR_TRY(put_pub(&next, &gone->sign));
    WR_TRY(put_pub(&next, &gone->noise));
    WR_TRY(put_pub(&next, &gone->box));
    *items = next;
    return WR_OK;
}

static wr_err take_gone(wr_slice *in, wr_gone *ret_gone) {
    wr_gone gone;
    WR_TRY(wr_unpack_array_of(in, GONE_FIELDS));
    WR_TRY(take_hash(in, &gone.device_id));
    WR_TRY(take_pub(in, &gone.sign));
    WR_TRY(take_pub(in, &gone.noise));
    WR_TRY(take_pub(in, &gone.box));
    *ret_gone = gone;
    return WR_OK;
}

static wr_err take_gone_key(wr_slice *in, wr_hash *ret_key) {
    wr_gone gone;
    WR_TRY(take_gone(in, &gone));
    *ret_key = gone.device_id;
    return WR_OK;
}

bool wr_gone_next(wr_op_list *rest, wr_gone *ret_gone) {
    if (rest->count == 0)
        return false;
    WR_ASSERT(take_gone(&rest->items, ret_gone) == WR_OK);
    rest->count--;
    return true;
}

wr_err wr_reset_epoch_put(wr_buf *items, const wr_reset_epoch *epoch) {
    wr_buf next = *items;
    WR_TRY(wr_pack_array(&next, RESET_EPOCH_FIELDS));
    WR_TRY(put_hash(&next, &epoch->epoch_id));
    WR_TRY(put_hash(&next, &epoch->commit));
    *items = next;
    return WR_OK;
}

static wr_err take_reset_epoch(wr_slice *in, wr_reset_epoch *ret_epoch) {
    wr_reset_epoch epoch;
    WR_TRY(wr_unpack_array_of(in, RESET_EPOCH_FIELDS));
    WR_TRY(take_hash(in, &epoch.epoch_id));
    WR_TRY(take_hash(in, &epoch.commit));
    *ret_epoch = epoch;
    return WR_OK;
}

bool wr_reset_epoch_next(wr_op_list *rest, wr_reset_epoch *ret_epoch) {
    if (rest->count == 0)
        return false;
    WR_ASSERT(take_reset_epoch(&rest->items, ret_epoch) == WR_OK);
    rest->count--;
    return true;
}

/* ---- RESET ---- */

wr_err wr_reset_encode(const wr_reset *reset, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(reset->keep.count >= 1 && reset->keep.count <= WR_MEMBERS_MAX);
    WR_ASSERT(reset->gone.count <= WR_AUTHORS_MAX);
    WR_ASSERT(reset->cuts.count <= WR_FEEDS_MAX);
    WR_ASSERT(reset->epochs.count >= 1 && reset->epochs.count <= WR_EPOCHS_MAX);
    WR_TRY(wr_pack_array(&next, RESET_FIELDS));
    WR_TRY(put_pub(&next, &reset->root.sign));
    WR_TRY(put_pub(&next, &reset->root.box));
    WR_TRY(wr_pack_uint(&next, reset->policy));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(reset->seed_commit)));
    WR_TRY(wr_op_list_put(&next, &reset->keep));
    WR_TRY(wr_op_list_put(&next, &reset->gone));
    WR_TRY(wr_op_list_put(&next, &reset->cuts));
    WR_TRY(wr_op_list_put(&next, &reset->epochs));
    *out = next;
    return WR_OK;
}

/* The current epoch stands first, wherever its id would come; so the order is checked behind it. */
static wr_err take_epochs(wr_slice *in, wr_op_list *ret_epochs) {
    wr_reset_epoch first, last, epoch;
    uint32_t count;
    WR_TRY(wr_unpack_array(in, &count));
    if (count == 0)
        return WR_ERR_FORMAT;
    if (count > WR_EPOCHS_MAX)
        return WR_ERR_LIMIT;
    wr_slice items = *in;
    WR_TRY(take_reset_epoch(in, &first));
    for (uint32_t i = 1; i < count; i++) {
        WR_TRY(take_reset_epoch(in, &epoch));
        /* spec:circle#3.12 "The epochs behind the first MUST ascend, and the first MUST NOT occur
         * again." */
        if (wr_hash_equal(&epoch.epoch_id, &first.epoch_id))
            return WR_ERR_FORMAT;
        if (i > 1 && wr_hash_order(&last.epoch_id, &epoch.epoch_id) >= 0)
            return WR_ERR_FORMAT;
        last = epoch;
    }
    items.len -= in->len;
    *ret_epochs = (wr_op_list){count, items};
    return WR_OK;
}

/* Both lists ascend by device id, so one walk over both finds a device of both. */
static wr_err check_apart(wr_op_list keep, wr_op_list gone) {
    wr_kept kept;
    wr_gone other;
    bool more = wr_gone_next(&gone, &other);
    while (more && wr_kept_next(&keep, &kept)) {
        wr_hash id = wr_device_id(kept.cert_bytes);
        while (more && wr_hash_order(&other.device_id, &id) < 0)
            more = wr_gone_next(&gone, &other);
        /* spec:circle#3.12 "A device MUST NOT be both kept and gone." */
        if (more && wr_hash_equal(&other.device_id, &id))
            return WR_ERR_FORMAT;
    }
    return WR_OK;
}

wr_err wr_reset_decode(wr_slice body, wr_reset *ret_reset) {
    wr_reset reset;
    WR_TRY(wr_unpack_array_of(&body, RESET_FIELDS));
    WR_TRY(take_pub(&body, &reset.root.sign));
    WR_TRY(take_pub(&body, &reset.root.box));
    WR_TRY(wr_unpack_uint(&body, &reset.policy));
    WR_TRY(wr_unpack_fixed(&body, reset.seed_commit.b, sizeof reset.seed_commit.b));
    /* spec:circle#3.12 "A RESET MUST keep 1 to 64 devices." */
    WR_TRY(wr_op_list_take(&body, 1, WR_MEMBERS_MAX, take_kept_key, &reset.keep));
    /* spec:circle#3.12 "Both lists of devices MUST ascend by device id without repetition." */
    WR_TRY(wr_op_list_take(&body, 0, WR_AUTHORS_MAX, take_gone_key, &reset.gone));
    WR_TRY(take_cuts(&body, WR_FEEDS_MAX, &reset.cuts));
    WR_TRY(take_epochs(&body, &reset.epochs));
    WR_TRY(at_end(body));
    if (reset.policy != 0)
        return WR_ERR_VERSION;
    WR_TRY(check_apart(reset.keep, reset.gone));
    *ret_reset = reset;
    return WR_OK;
}

/* ---- ROOTSET ---- */

wr_err wr_rootset_encode(const wr_root *root, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, ROOTSET_FIELDS));
    WR_TRY(put_pub(&next, &root->sign));
    WR_TRY(put_pub(&next, &root->box));
    *out = next;
    return WR_OK;
}

wr_err wr_rootset_decode(wr_slice body, wr_root *ret_root) {
    wr_root root;
    WR_TRY(wr_unpack_array_of(&body, ROOTSET_FIELDS));
    WR_TRY(take_pub(&body, &root.sign));
    WR_TRY(take_pub(&body, &root.box));
    WR_TRY(at_end(body));
    *ret_root = root;
    return WR_OK;
}

/* ---- KEYUPD ---- */

wr_err wr_keyupd_encode(const wr_keyupd *update, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(update->kem.len == 0 || update->kem.len == WR_KEM_KEY_SIZE);
    WR_TRY(wr_pack_array(&next, KEYUPD_FIELDS));
    WR_TRY(put_pub(&next, &update->box));
    WR_TRY(wr_pack_bin(&next, update->kem));
    *out = next;
    return WR_OK;
}

wr_err wr_keyupd_decode(wr_slice body, wr_keyupd *ret_update) {
    wr_keyupd update;
    WR_TRY(wr_unpack_array_of(&body, KEYUPD_FIELDS));
    WR_TRY(take_pub(&body, &update.box));
    WR_TRY(wr_unpack_bin(&body, &update.kem));
    WR_TRY(at_end(body));
    if (update.kem.len != 0 && update.kem.len != WR_KEM_KEY_SIZE)
        return WR_ERR_FORMAT;
    /* spec:circle#3.6 "A decoder MUST refuse a KEYUPD with a box key of 32 zero bytes." */
    if (wr_is_zero(WR_SLICE_OBJ(update.box)))
        return WR_ERR_BAD_KEY;
    *ret_update = update;
    return WR_OK;
}
