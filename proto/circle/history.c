/* Sealing and opening the history of an epoch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/history.h"

#include "crypto/crypto.h"
#include "wire/pack.h"

#define PAIR_FIELDS 2u
#define PLAIN_MAX (1u + WR_EPOCH_PREV_MAX * (1u + 2u * 34u))
_Static_assert(WR_EPOCH_PREV_MAX <= 15, "the head of the list is one byte");
_Static_assert(WR_XNONCE_SIZE + PLAIN_MAX + WR_TAG_SIZE <= WR_HISTORY_BYTES_MAX, "a blob fits");

typedef struct plain_text { /* secret */
    uint8_t b[PLAIN_MAX];
} plain_text;

static void plain_text_wipe(plain_text *plain) {
    wr_wipe(plain, sizeof *plain);
}

void wr_history_wipe(wr_history *history) {
    wr_wipe(history, sizeof *history);
}

wr_hash wr_history_hash(wr_slice blob) {
    return wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, blob);
}

static wr_key key_of(const wr_key *secret, const wr_hash *circle_id) {
    return wr_kdf_key(secret, WR_LABEL_EPOCH_HIST, WR_SLICE_OBJ(*circle_id));
}

/* ---- pairs ---- */

static wr_err put_pairs(const wr_history *history, wr_buf *out) {
    WR_TRY(wr_pack_array(out, history->count));
    for (uint32_t i = 0; i < history->count; i++) {
        WR_TRY(wr_pack_array(out, PAIR_FIELDS));
        WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(history->epoch[i].epoch_id)));
        WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(history->epoch[i].secret)));
    }
    return WR_OK;
}

/* spec:circle#6.1 "The ids in a history MUST be exactly those of the EPOCH op, in its order." */
static wr_err take_pairs(wr_slice in, const wr_epoch_op *epoch, wr_history *ret_history) {
    WR_TRY(wr_unpack_array_of(&in, epoch->prev_count));
    for (uint32_t i = 0; i < epoch->prev_count; i++) {
        wr_hash *id = &ret_history->epoch[i].epoch_id;
        wr_key *secret = &ret_history->epoch[i].secret;
        WR_TRY(wr_unpack_array_of(&in, PAIR_FIELDS));
        WR_TRY(wr_unpack_fixed(&in, id->b, sizeof id->b));
        WR_TRY(wr_unpack_fixed(&in, secret->b, sizeof secret->b));
        if (!wr_hash_equal(id, &epoch->prev[i]))
            return WR_ERR_FORMAT;
    }
    ret_history->count = epoch->prev_count;
    return in.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

/* ---- blobs ---- */

wr_err wr_history_seal(const wr_key *secret, const wr_hash *circle_id, const wr_history *history,
                       const wr_rng *rng, wr_buf *out) {
    WR_ASSERT(history->count <= WR_EPOCH_PREV_MAX);
    if (history->count == 0)
        return WR_OK;
    uint8_t ids[WR_EPOCH_PREV_MAX * WR_HASH_SIZE], nonce[WR_XNONCE_SIZE];
    WR_SECRET(plain_text) text;
    WR_SECRET(wr_key) key = key_of(secret, circle_id);
    wr_buf aad = WR_BUF_ARRAY(ids), plain = WR_BUF_ARRAY(text.b), next = *out;
    for (uint32_t i = 0; i < history->count; i++) {
        const wr_hash *id = &history->epoch[i].epoch_id;
        WR_ASSERT(i == 0 || wr_hash_order(&history->epoch[i - 1].epoch_id, id) < 0);
        WR_TRY(wr_buf_put(&aad, WR_SLICE_OBJ(*id)));
    }
    WR_TRY(put_pairs(history, &plain));
    wr_rng_fill(rng, nonce, sizeof nonce);
    WR_TRY(wr_buf_put(&next, wr_slice_of(nonce, sizeof nonce)));
    WR_TRY(wr_xaead_seal(&key, nonce, wr_buf_slice(&aad), wr_buf_slice(&plain), &next));
    *out = next;
    return WR_OK;
}

wr_err wr_history_open(const wr_key *secret, const wr_hash *circle_id, const wr_epoch_op *epoch,
                       wr_slice blob, wr_history *ret_history) {
    WR_ASSERT(epoch->prev_count <= WR_EPOCH_PREV_MAX);
    WR_SECRET(wr_history) history = {0};
    WR_SECRET(plain_text) text;
    wr_buf plain = WR_BUF_ARRAY(text.b);
    wr_slice nonce;
    if (blob.len > WR_HISTORY_BYTES_MAX)
        return WR_ERR_LIMIT;
    /* spec:circle#6.1 "A device MUST NOT open a history whose hash is not the hist_hash of the
     * EPOCH op." */
    wr_hash hash = wr_history_hash(blob);
    if (!wr_hash_equal(&hash, &epoch->hist_hash))
        return WR_ERR_AUTH;
    if (epoch->prev_count == 0) {
        /* spec:circle#6.1 "An EPOCH that names no earlier epoch MUST NOT have bytes in its
         * history." */
        if (blob.len != 0)
            return WR_ERR_FORMAT;
        *ret_history = history;
        return WR_OK;
    }
    if (!wr_slice_take(&blob, WR_XNONCE_SIZE, &nonce))
        return WR_ERR_TRUNCATED;
    if (blob.len > sizeof text.b + WR_TAG_SIZE)
        return WR_ERR_LIMIT;
    WR_SECRET(wr_key) key = key_of(secret, circle_id);
    wr_slice ids = wr_slice_of(epoch->prev, epoch->prev_count * sizeof epoch->prev[0]);
    WR_TRY(wr_xaead_open(&key, nonce.ptr, ids, blob, &plain));
    WR_TRY(take_pairs(wr_buf_slice(&plain), epoch, &history));
    *ret_history = history;
    return WR_OK;
}
