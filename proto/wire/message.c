/* Frame bodies, encoders and decoders side by side.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire/message.h"

#include "wire/pack.h"

static wr_err at_end(wr_slice in) {
    return in.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

static wr_err take_bool(wr_slice *in, bool *ret_value) {
    uint64_t value;
    WR_TRY(wr_unpack_uint_max(in, 1, &value));
    *ret_value = value == 1;
    return WR_OK;
}

static wr_err take_addrs(wr_slice *in, wr_slice *ret_addrs) {
    wr_slice addrs;
    WR_TRY(wr_unpack_bin(in, &addrs));
    if (addrs.len % WR_HELLO_ADDR_SIZE != 0)
        return WR_ERR_FORMAT;
    if (addrs.len / WR_HELLO_ADDR_SIZE > WR_HELLO_ADDRS_MAX)
        return WR_ERR_LIMIT;
    *ret_addrs = addrs;
    return WR_OK;
}

#define HELLO_FIELDS 11u

wr_err wr_hello_encode(const wr_hello *hello, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, HELLO_FIELDS));
    WR_TRY(wr_pack_uint(&next, hello->version));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(hello->device_id)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(hello->circle_id)));
    WR_TRY(wr_pack_uint(&next, hello->unix_ms));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(hello->newest_epoch)));
    WR_TRY(wr_pack_uint(&next, hello->box_number));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(hello->frontier)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(hello->op_heads)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(hello->instance)));
    WR_TRY(wr_pack_uint(&next, hello->signs ? 1 : 0));
    WR_TRY(wr_pack_bin(&next, hello->addrs));
    *out = next;
    return WR_OK;
}

wr_err wr_hello_decode(wr_slice body, wr_hello *ret_hello) {
    wr_hello hello;
    WR_TRY(wr_unpack_array_of(&body, HELLO_FIELDS));
    WR_TRY(wr_unpack_uint(&body, &hello.version));
    if (hello.version != 1)
        return WR_ERR_VERSION;
    WR_TRY(wr_unpack_fixed(&body, hello.device_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_fixed(&body, hello.circle_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint(&body, &hello.unix_ms));
    WR_TRY(wr_unpack_fixed(&body, hello.newest_epoch.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint(&body, &hello.box_number));
    WR_TRY(wr_unpack_fixed(&body, hello.frontier.b, sizeof hello.frontier.b));
    WR_TRY(wr_unpack_fixed(&body, hello.op_heads.b, sizeof hello.op_heads.b));
    WR_TRY(wr_unpack_fixed(&body, hello.instance.b, sizeof hello.instance.b));
    WR_TRY(take_bool(&body, &hello.signs));
    WR_TRY(take_addrs(&body, &hello.addrs));
    WR_TRY(at_end(body));
    *ret_hello = hello;
    return WR_OK;
}

wr_err wr_list_begin(wr_buf *out, bool reply, uint32_t count) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 2));
    WR_TRY(wr_pack_uint(&next, reply ? 1 : 0));
    WR_TRY(wr_pack_array(&next, count));
    *out = next;
    return WR_OK;
}

wr_err wr_list_open(wr_slice *body, uint32_t count_max, bool *ret_reply, uint32_t *ret_count) {
    WR_TRY(wr_unpack_array_of(body, 2));
    WR_TRY(take_bool(body, ret_reply));
    WR_TRY(wr_unpack_array(body, ret_count));
    return *ret_count <= count_max ? WR_OK : WR_ERR_LIMIT;
}

wr_err wr_op_head_put(wr_buf *out, const wr_hash *author, uint64_t aseq, const wr_hash *op_id) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 3));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*author)));
    WR_TRY(wr_pack_uint(&next, aseq));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*op_id)));
    *out = next;
    return WR_OK;
}

wr_err wr_op_head_take(wr_slice *in, wr_hash *ret_author, uint64_t *ret_aseq, wr_hash *ret_op_id) {
    WR_TRY(wr_unpack_array_of(in, 3));
    WR_TRY(wr_unpack_fixed(in, ret_author->b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint_max(in, WR_OPS_MAX, ret_aseq));
    return wr_unpack_fixed(in, ret_op_id->b, WR_HASH_SIZE);
}

wr_err wr_frontier_put(wr_buf *out, const wr_hash *feed_id, uint64_t k, uint64_t len,
                       const wr_hash *root, bool complete) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 5));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*feed_id)));
    WR_TRY(wr_pack_uint(&next, k));
    WR_TRY(wr_pack_uint(&next, len));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*root)));
    WR_TRY(wr_pack_uint(&next, complete ? 1 : 0));
    *out = next;
    return WR_OK;
}

wr_err wr_frontier_take(wr_slice *in, wr_hash *ret_feed_id, uint64_t *ret_k, uint64_t *ret_len,
                        wr_hash *ret_root, bool *ret_complete) {
    WR_TRY(wr_unpack_array_of(in, 5));
    WR_TRY(wr_unpack_fixed(in, ret_feed_id->b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint(in, ret_k));
    WR_TRY(wr_unpack_uint_max(in, UINT64_MAX >> 20, ret_len));
    WR_TRY(wr_unpack_fixed(in, ret_root->b, WR_HASH_SIZE));
    return take_bool(in, ret_complete);
}

wr_err wr_have_put(wr_buf *out, const wr_hash *feed_id, uint64_t len, bool complete) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 3));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*feed_id)));
    WR_TRY(wr_pack_uint(&next, len));
    WR_TRY(wr_pack_uint(&next, complete ? 1 : 0));
    *out = next;
    return WR_OK;
}

wr_err wr_have_take(wr_slice *in, wr_hash *ret_feed_id, uint64_t *ret_len, bool *ret_complete) {
    WR_TRY(wr_unpack_array_of(in, 3));
    WR_TRY(wr_unpack_fixed(in, ret_feed_id->b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint_max(in, UINT64_MAX >> 20, ret_len));
    return take_bool(in, ret_complete);
}

wr_err wr_want_encode(const wr_hash *feed_id, uint64_t from, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 2));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*feed_id)));
    WR_TRY(wr_pack_uint(&next, from));
    *out = next;
    return WR_OK;
}

wr_err wr_want_decode(wr_slice body, wr_hash *ret_feed_id, uint64_t *ret_from) {
    wr_hash feed_id;
    uint64_t from;
    WR_TRY(wr_unpack_array_of(&body, 2));
    WR_TRY(wr_unpack_fixed(&body, feed_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint(&body, &from));
    WR_TRY(at_end(body));
    *ret_feed_id = feed_id;
    *ret_from = from;
    return WR_OK;
}

wr_err wr_ops_put(wr_buf *out, wr_slice op, const wr_sig *sig) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 2));
    WR_TRY(wr_pack_bin(&next, op));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*sig)));
    *out = next;
    return WR_OK;
}

wr_err wr_ops_take(wr_slice *in, wr_slice *ret_op, wr_sig *ret_sig) {
    WR_TRY(wr_unpack_array_of(in, 2));
    WR_TRY(wr_unpack_bin(in, ret_op));
    return wr_unpack_fixed(in, ret_sig->b, WR_SIG_SIZE);
}

#define DATA_FIELDS 8u
#define KEY_FIELDS 4u
#define WELCOME_FIELDS 5u
#define SEED_FIELDS 2u

/* ---- KEY_WANT, KEYS ---- */

wr_err wr_key_want_encode(const wr_hash *ids, uint32_t count, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, count));
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(ids[i])));
    *out = next;
    return WR_OK;
}

wr_err wr_key_want_decode(wr_slice body, uint32_t max, wr_hash *ret_ids, uint32_t *ret_count) {
    uint32_t count;
    WR_TRY(wr_unpack_array(&body, &count));
    if (count == 0)
        return WR_ERR_FORMAT;
    if (count > max)
        return WR_ERR_LIMIT;
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(wr_unpack_fixed(&body, ret_ids[i].b, sizeof ret_ids[i].b));
    *ret_count = count;
    return body.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

void wr_key_item_wipe(wr_key_item *item) {
    wr_wipe(item, sizeof *item);
}

wr_err wr_key_put(wr_buf *out, const wr_key_item *item) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, KEY_FIELDS));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(item->epoch_id)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(item->secret)));
    WR_TRY(wr_pack_bin(&next, item->has_seed ? WR_SLICE_OBJ(item->seed) : WR_SLICE_EMPTY));
    WR_TRY(wr_pack_bin(&next, item->history));
    *out = next;
    return WR_OK;
}

wr_err wr_key_take(wr_slice *in, wr_key_item *ret_item) {
    wr_slice seed;
    WR_TRY(wr_unpack_array_of(in, KEY_FIELDS));
    WR_TRY(wr_unpack_fixed(in, ret_item->epoch_id.b, sizeof ret_item->epoch_id.b));
    WR_TRY(wr_unpack_fixed(in, ret_item->secret.b, sizeof ret_item->secret.b));
    WR_TRY(wr_unpack_bin(in, &seed));
    WR_TRY(wr_unpack_bin(in, &ret_item->history));
    if (seed.len != 0 && seed.len != sizeof ret_item->seed.b)
        return WR_ERR_FORMAT;
    ret_item->has_seed = seed.len != 0;
    if (ret_item->has_seed)
        memcpy(ret_item->seed.b, seed.ptr, sizeof ret_item->seed.b);
    return ret_item->history.len <= WR_HISTORY_BYTES_MAX ? WR_OK : WR_ERR_LIMIT;
}

wr_err wr_data_encode(const wr_data *data, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, DATA_FIELDS));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(data->feed_id)));
    WR_TRY(wr_pack_uint(&next, data->lo));
    WR_TRY(wr_pack_uint(&next, data->first));
    WR_TRY(wr_pack_uint(&next, data->end));
    WR_TRY(wr_pack_uint(&next, data->size));
    WR_TRY(wr_pack_bin(&next, data->checkpoint));
    WR_TRY(
        wr_pack_bin(&next, data->checkpoint.len != 0 ? WR_SLICE_OBJ(data->sig) : WR_SLICE_EMPTY));
    WR_TRY(wr_pack_bin(&next, data->path));
    *out = next;
    return WR_OK;
}

wr_err wr_data_decode(wr_slice body, wr_data *ret_data) {
    wr_data data = {.size = 0};
    wr_slice sig;
    WR_TRY(wr_unpack_array_of(&body, DATA_FIELDS));
    WR_TRY(wr_unpack_fixed(&body, data.feed_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint_max(&body, UINT64_MAX >> 20, &data.lo));
    WR_TRY(wr_unpack_uint_max(&body, UINT64_MAX >> 20, &data.first));
    WR_TRY(wr_unpack_uint_max(&body, UINT64_MAX >> 20, &data.end));
    WR_TRY(wr_unpack_uint_max(&body, WR_UNIT_WIRE_MAX, &data.size));
    WR_TRY(wr_unpack_bin(&body, &data.checkpoint));
    WR_TRY(wr_unpack_bin(&body, &sig));
    WR_TRY(wr_unpack_bin(&body, &data.path));
    WR_TRY(at_end(body));
    if (data.checkpoint.len > WR_CHECKPOINT_BYTES_MAX ||
        data.path.len > WR_PROOF_HASHES_MAX * WR_HASH_SIZE)
        return WR_ERR_LIMIT;
    if (data.size == 0 || data.lo > data.first || data.first >= data.end ||
        data.path.len % WR_HASH_SIZE != 0 ||
        sig.len != (data.checkpoint.len != 0 ? WR_SIG_SIZE : 0u))
        return WR_ERR_FORMAT;
    if (sig.len != 0)
        memcpy(data.sig.b, sig.ptr, WR_SIG_SIZE);
    *ret_data = data;
    return WR_OK;
}

wr_err wr_shown_encode(const wr_hash *feed_id, wr_slice checkpoint, const wr_sig *sig,
                       wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 3));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*feed_id)));
    WR_TRY(wr_pack_bin(&next, checkpoint));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(*sig)));
    *out = next;
    return WR_OK;
}

wr_err wr_shown_decode(wr_slice body, wr_hash *ret_feed_id, wr_slice *ret_checkpoint,
                       wr_sig *ret_sig) {
    WR_TRY(wr_unpack_array_of(&body, 3));
    WR_TRY(wr_unpack_fixed(&body, ret_feed_id->b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_bin(&body, ret_checkpoint));
    WR_TRY(wr_unpack_fixed(&body, ret_sig->b, WR_SIG_SIZE));
    WR_TRY(at_end(body));
    return ret_checkpoint->len <= WR_CHECKPOINT_BYTES_MAX ? WR_OK : WR_ERR_LIMIT;
}

wr_err wr_pair_offer_encode(const wr_pair_offer *offer, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 3));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(offer->circle_id)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(offer->device_id)));
    WR_TRY(wr_pack_uint(&next, offer->role));
    *out = next;
    return WR_OK;
}

wr_err wr_pair_offer_decode(wr_slice body, wr_pair_offer *ret_offer) {
    wr_pair_offer offer;
    WR_TRY(wr_unpack_array_of(&body, 3));
    WR_TRY(wr_unpack_fixed(&body, offer.circle_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_fixed(&body, offer.device_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_uint_max(&body, 1, &offer.role));
    WR_TRY(at_end(body));
    *ret_offer = offer;
    return WR_OK;
}

wr_err wr_pair_cert_encode(const wr_pair_cert *cert, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 3));
    WR_TRY(wr_pack_bin(&next, cert->name));
    WR_TRY(wr_pack_bin(&next, cert->cert));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(cert->consent)));
    *out = next;
    return WR_OK;
}

wr_err wr_pair_cert_decode(wr_slice body, wr_pair_cert *ret_cert) {
    wr_pair_cert cert;
    WR_TRY(wr_unpack_array_of(&body, 3));
    WR_TRY(wr_unpack_bin(&body, &cert.name));
    WR_TRY(wr_unpack_bin(&body, &cert.cert));
    WR_TRY(wr_unpack_fixed(&body, cert.consent.b, WR_SIG_SIZE));
    WR_TRY(at_end(body));
    if (cert.name.len > WR_NAME_BYTES_MAX)
        return WR_ERR_LIMIT;
    *ret_cert = cert;
    return WR_OK;
}

wr_err wr_pair_welcome_encode(const wr_pair_welcome *welcome, wr_buf *out) {
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, WELCOME_FIELDS));
    WR_TRY(wr_pack_uint(&next, welcome->op_count));
    WR_TRY(wr_pack_array(&next, welcome->seed_count));
    for (uint32_t i = 0; i < welcome->seed_count; i++) {
        WR_TRY(wr_pack_array(&next, SEED_FIELDS));
        WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(welcome->seeds[i].founder)));
        WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(welcome->seeds[i].seed)));
    }
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(welcome->epoch_id)));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(welcome->secret)));
    WR_TRY(wr_pack_bin(&next, welcome->addrs));
    *out = next;
    return WR_OK;
}

static wr_err take_seeds(wr_slice *in, wr_pair_welcome *welcome) {
    WR_TRY(wr_unpack_array(in, &welcome->seed_count));
    if (welcome->seed_count == 0)
        return WR_ERR_FORMAT;
    if (welcome->seed_count > WR_COUNT(welcome->seeds))
        return WR_ERR_LIMIT;
    for (uint32_t i = 0; i < welcome->seed_count; i++) {
        wr_seed *seed = &welcome->seeds[i];
        WR_TRY(wr_unpack_array_of(in, SEED_FIELDS));
        WR_TRY(wr_unpack_fixed(in, seed->founder.b, sizeof seed->founder.b));
        WR_TRY(wr_unpack_fixed(in, seed->seed.b, sizeof seed->seed.b));
    }
    return WR_OK;
}

wr_err wr_pair_welcome_decode(wr_slice body, wr_pair_welcome *ret_welcome) {
    WR_SECRET(wr_pair_welcome) welcome = {.op_count = 0};
    WR_TRY(wr_unpack_array_of(&body, WELCOME_FIELDS));
    WR_TRY(wr_unpack_uint_max(&body, WR_OPS_MAX, &welcome.op_count));
    WR_TRY(take_seeds(&body, &welcome));
    WR_TRY(wr_unpack_fixed(&body, welcome.epoch_id.b, WR_HASH_SIZE));
    WR_TRY(wr_unpack_fixed(&body, welcome.secret.b, WR_KEY_SIZE));
    WR_TRY(take_addrs(&body, &welcome.addrs));
    WR_TRY(at_end(body));
    *ret_welcome = welcome;
    return WR_OK;
}

void wr_pair_welcome_wipe(wr_pair_welcome *welcome) {
    wr_wipe(welcome, sizeof *welcome);
}
