/* The bodies of GENESIS, ADD, ACK and EPOCH, encoders and decoders side by side.
 *
 * Spec:   proto/spec/circle.md 3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/op.h"

#include "wire/pack.h"

#define GENESIS_FIELDS 6u
#define ADD_FIELDS 5u
#define CONSENT_FIELDS 4u
#define ACK_FIELDS 1u
#define EPOCH_FIELDS 6u

#define GENESIS_BYTES_MAX 2048u /* a certificate of any kind, two keys, nonce and signature */
#define CERT_REFERENCE_MAX (WR_CERT_BYTES_MAX + 3u)
_Static_assert(CERT_REFERENCE_MAX + 4 * 66 <= GENESIS_BYTES_MAX, "a GENESIS body fits");

static wr_err put_sig(wr_buf *out, const wr_sig *sig) {
    return wr_pack_bin(out, WR_SLICE_OBJ(*sig));
}

static wr_err take_sig(wr_slice *in, wr_sig *ret_sig) {
    return wr_unpack_fixed(in, ret_sig->b, sizeof ret_sig->b);
}

static wr_err take_pub(wr_slice *in, wr_pub *ret_pub) {
    return wr_unpack_fixed(in, ret_pub->b, sizeof ret_pub->b);
}

/* The certificate travels as the bytes that its device id covers. */
static wr_err take_cert(wr_slice *in, wr_slice *ret_cert_bytes) {
    wr_slice bytes;
    wr_cert cert;
    WR_TRY(wr_unpack_bin(in, &bytes));
    WR_TRY(wr_cert_decode(bytes, &cert));
    *ret_cert_bytes = bytes;
    return WR_OK;
}

static wr_err at_end(wr_slice rest) {
    return rest.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

/* ---- GENESIS ---- */

/* The first fields of the array; count says whether root_sig follows. */
static wr_err put_genesis(const wr_genesis *genesis, uint32_t count, wr_buf *out) {
    WR_TRY(wr_pack_array(out, count));
    WR_TRY(wr_pack_bin(out, wr_slice_of(genesis->nonce, sizeof genesis->nonce)));
    WR_TRY(wr_pack_bin(out, genesis->cert_bytes));
    WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(genesis->root.sign)));
    WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(genesis->root.box)));
    return wr_pack_uint(out, genesis->policy);
}

wr_err wr_genesis_encode(const wr_genesis *genesis, const wr_sign_key *root_sign, wr_buf *out) {
    uint8_t signed_bytes[GENESIS_BYTES_MAX];
    wr_buf message = WR_BUF_ARRAY(signed_bytes), next = *out;
    wr_sig sig;
    WR_TRY(put_genesis(genesis, GENESIS_FIELDS - 1, &message));
    wr_sign(root_sign, WR_SIG_LABEL_GENESIS, wr_buf_slice(&message), &sig);
    WR_TRY(put_genesis(genesis, GENESIS_FIELDS, &next));
    WR_TRY(put_sig(&next, &sig));
    *out = next;
    return WR_OK;
}

/* The signed message is the array of the first five fields: its head differs from the received
 * one only in the count, so the fields themselves are taken as received. */
static wr_err check_root_sig(wr_slice fields, const wr_genesis *genesis) {
    uint8_t signed_bytes[GENESIS_BYTES_MAX];
    wr_buf message = WR_BUF_ARRAY(signed_bytes);
    WR_TRY(wr_pack_array(&message, GENESIS_FIELDS - 1));
    if (wr_buf_put(&message, fields) != WR_OK)
        return WR_ERR_FORMAT;
    /* spec:circle#3.1 "root_sig MUST verify under root_sign_pk." */
    return wr_verify(&genesis->root.sign, WR_SIG_LABEL_GENESIS, wr_buf_slice(&message),
                     &genesis->root_sig);
}

wr_err wr_genesis_decode(wr_slice body, wr_genesis *ret_genesis) {
    wr_genesis genesis;
    WR_TRY(wr_unpack_array_of(&body, GENESIS_FIELDS));
    wr_slice fields = body;
    WR_TRY(wr_unpack_fixed(&body, genesis.nonce, sizeof genesis.nonce));
    WR_TRY(take_cert(&body, &genesis.cert_bytes));
    WR_TRY(take_pub(&body, &genesis.root.sign));
    WR_TRY(take_pub(&body, &genesis.root.box));
    WR_TRY(wr_unpack_uint(&body, &genesis.policy));
    fields.len -= body.len;
    WR_TRY(take_sig(&body, &genesis.root_sig));
    WR_TRY(at_end(body));
    if (genesis.policy != 0)
        return WR_ERR_VERSION;
    WR_TRY(check_root_sig(fields, &genesis));
    *ret_genesis = genesis;
    return WR_OK;
}

/* ---- ADD ---- */

wr_err wr_add_encode(const wr_add *add, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, ADD_FIELDS));
    WR_TRY(wr_pack_bin(&next, add->cert_bytes));
    WR_TRY(wr_pack_uint(&next, (uint64_t)add->role));
    WR_TRY(wr_pack_uint(&next, (uint64_t)add->mode));
    WR_TRY(put_sig(&next, &add->consent));
    WR_TRY(wr_pack_bin(&next, wr_slice_of(add->handshake, sizeof add->handshake)));
    *out = next;
    return WR_OK;
}

wr_err wr_add_decode(wr_slice body, wr_add *ret_add) {
    wr_add add;
    uint64_t role, mode;
    WR_TRY(wr_unpack_array_of(&body, ADD_FIELDS));
    WR_TRY(take_cert(&body, &add.cert_bytes));
    WR_TRY(wr_unpack_uint(&body, &role));
    WR_TRY(wr_unpack_uint(&body, &mode));
    WR_TRY(take_sig(&body, &add.consent));
    WR_TRY(wr_unpack_fixed(&body, add.handshake, sizeof add.handshake));
    WR_TRY(at_end(body));
    if (role != WR_ROLE_ADMIN && role != WR_ROLE_MEMBER)
        return WR_ERR_FORMAT;
    if (mode != WR_PAIR_QR && mode != WR_PAIR_CODE)
        return WR_ERR_FORMAT;
    add.role = (wr_role_kind)role;
    add.mode = (wr_pair_mode)mode;
    *ret_add = add;
    return WR_OK;
}

wr_err wr_consent_encode(const wr_hash *circle_id, const uint8_t handshake[64],
                         const wr_hash *sponsor, wr_role_kind role, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, CONSENT_FIELDS));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*circle_id)));
    WR_TRY(wr_pack_bin(&next, wr_slice_of(handshake, 64)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*sponsor)));
    WR_TRY(wr_pack_uint(&next, (uint64_t)role));
    *out = next;
    return WR_OK;
}

/* ---- ACK ---- */

wr_err wr_ack_encode(const wr_op_list *seen, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(seen->count <= WR_OP_CUTS_MAX);
    WR_TRY(wr_pack_array(&next, ACK_FIELDS));
    WR_TRY(wr_op_list_put(&next, seen));
    *out = next;
    return WR_OK;
}

wr_err wr_ack_decode(wr_slice body, wr_op_list *ret_seen) {
    wr_op_list seen;
    WR_TRY(wr_unpack_array_of(&body, ACK_FIELDS));
    /* spec:circle#3.8 "No op but RESET MUST hold more than 128 cuts." */
    WR_TRY(wr_op_list_take(&body, 0, WR_OP_CUTS_MAX, wr_cut_take_key, &seen));
    WR_TRY(at_end(body));
    *ret_seen = seen;
    return WR_OK;
}

/* ---- EPOCH ---- */

static wr_err put_ids(wr_buf *out, const wr_hash *ids, uint32_t count) {
    WR_TRY(wr_pack_array(out, count));
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(ids[i])));
    return WR_OK;
}

/* At most max ids, ascending, each once. */
static wr_err take_ids(wr_slice *in, wr_hash *ids, uint32_t max, uint32_t *ret_count) {
    uint32_t count;
    WR_TRY(wr_unpack_array(in, &count));
    if (count > max)
        return WR_ERR_LIMIT;
    for (uint32_t i = 0; i < count; i++) {
        WR_TRY(wr_unpack_fixed(in, ids[i].b, sizeof ids[i].b));
        if (i > 0 && wr_hash_order(&ids[i - 1], &ids[i]) >= 0)
            return WR_ERR_FORMAT;
    }
    *ret_count = count;
    return WR_OK;
}

wr_err wr_epoch_encode(const wr_epoch_op *epoch, wr_buf *out) {
    wr_buf next = *out;
    WR_ASSERT(epoch->prev_count <= WR_COUNT(epoch->prev));
    WR_ASSERT(epoch->without_count <= WR_COUNT(epoch->without));
    WR_TRY(wr_pack_array(&next, EPOCH_FIELDS));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(epoch->commit)));
    WR_TRY(put_ids(&next, epoch->prev, epoch->prev_count));
    WR_TRY(put_ids(&next, epoch->without, epoch->without_count));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(epoch->rcpt_hash)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(epoch->hist_hash)));
    WR_TRY(wr_pack_uint(&next, epoch->klass));
    *out = next;
    return WR_OK;
}

wr_err wr_epoch_decode(wr_slice body, wr_epoch_op *ret_epoch) {
    wr_epoch_op epoch = {0};
    WR_TRY(wr_unpack_array_of(&body, EPOCH_FIELDS));
    WR_TRY(wr_unpack_fixed(&body, epoch.commit.b, sizeof epoch.commit.b));
    WR_TRY(take_ids(&body, epoch.prev, WR_COUNT(epoch.prev), &epoch.prev_count));
    WR_TRY(take_ids(&body, epoch.without, WR_COUNT(epoch.without), &epoch.without_count));
    WR_TRY(wr_unpack_fixed(&body, epoch.rcpt_hash.b, sizeof epoch.rcpt_hash.b));
    WR_TRY(wr_unpack_fixed(&body, epoch.hist_hash.b, sizeof epoch.hist_hash.b));
    WR_TRY(wr_unpack_uint(&body, &epoch.klass));
    WR_TRY(at_end(body));
    if (epoch.klass != 1 && epoch.klass != 2)
        return WR_ERR_FORMAT;
    *ret_epoch = epoch;
    return WR_OK;
}
