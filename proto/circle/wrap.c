/* Sealing and opening wraps: a Noise handshake of one message, ended when it is done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/wrap.h"

#include "channel/handshake.h"
#include "wire/pack.h"

#define SEAL_PROLOGUE "warren/seal/1"
#define SEAL_WRAP 1u /* message type: an epoch key */
#define PROLOGUE_MAX 96u
_Static_assert(sizeof SEAL_PROLOGUE + 2u * WR_HASH_SIZE + 1u <= PROLOGUE_MAX, "it fits");

#define PAYLOAD_FIELDS 3u
#define PAYLOAD_SIZE (1u + 3u * 34u)
_Static_assert(32u + 48u + PAYLOAD_SIZE + WR_TAG_SIZE == WR_WRAP_SIZE, "keys, payload and tag");
_Static_assert(WR_WRAP_SIZE <= WR_HANDSHAKE_MESSAGE_MAX, "no limit of its own is needed");

#define NO_TIME ((wr_mono){0}) /* the message waits for nobody */

typedef struct payload_text { /* secret */
    uint8_t b[PAYLOAD_SIZE];
} payload_text;

static void payload_text_wipe(payload_text *text) {
    wr_wipe(text, sizeof *text);
}

void wr_wrap_wipe(wr_wrap *wrap) {
    wr_wipe(wrap, sizeof *wrap);
}

/* ---- payload ---- */

static wr_err put_payload(const wr_wrap *wrap, wr_buf *out) {
    WR_TRY(wr_pack_array(out, PAYLOAD_FIELDS));
    WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(wrap->epoch_id)));
    WR_TRY(wr_pack_bin(out, WR_SLICE_OBJ(wrap->secret)));
    return wr_pack_bin(out, WR_SLICE_OBJ(wrap->seed));
}

/* spec:circle#6.2 "The payload of a wrap MUST be three fields of 32 bytes and nothing else." */
static wr_err take_payload(wr_slice in, wr_wrap *ret_wrap) {
    WR_TRY(wr_unpack_array_of(&in, PAYLOAD_FIELDS));
    WR_TRY(wr_unpack_fixed(&in, ret_wrap->epoch_id.b, sizeof ret_wrap->epoch_id.b));
    WR_TRY(wr_unpack_fixed(&in, ret_wrap->secret.b, sizeof ret_wrap->secret.b));
    WR_TRY(wr_unpack_fixed(&in, ret_wrap->seed.b, sizeof ret_wrap->seed.b));
    return in.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

/* ---- messages ---- */

/* s is the sender's noise key or the recipient's box key, rs the recipient's for the sender. */
static wr_err begin(wr_handshake *hs, wr_role role, const wr_key *s, const wr_pub *rs,
                    const wr_hash *circle_id, const wr_key *held, wr_rng rng) {
    static const uint8_t no_epoch[WR_HASH_SIZE];
    uint8_t bytes[PROLOGUE_MAX];
    wr_buf prologue = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_buf_put(&prologue, wr_slice_str(SEAL_PROLOGUE)));
    WR_TRY(wr_buf_put(&prologue, WR_SLICE_OBJ(*circle_id)));
    WR_TRY(wr_buf_put(&prologue, wr_slice_of(no_epoch, sizeof no_epoch)));
    WR_TRY(wr_buf_put_u8(&prologue, SEAL_WRAP));
    WR_SECRET(wr_key) psk = wr_kdf_key(held, WR_LABEL_SEED_PSK, WR_SLICE_OBJ(*circle_id));
    return wr_handshake_init(hs, &(wr_handshake_config){
                                     .pattern = WR_PATTERN_XPSK1,
                                     .hash = WR_BLAKE2B,
                                     .role = role,
                                     .prologue = wr_buf_slice(&prologue),
                                     .s = s,
                                     .rs = rs,
                                     .psks = &psk,
                                     .psk_count = 1,
                                     .rng = rng,
                                     .now = NO_TIME,
                                 });
}

wr_err wr_wrap_seal(const wr_identity *sender, const wr_pub *recipient_box,
                    const wr_hash *circle_id, const wr_key *held, const wr_wrap *wrap, wr_rng rng,
                    wr_buf *out) {
    WR_SECRET(wr_handshake) hs = {0};
    WR_SECRET(payload_text) text;
    wr_buf payload = WR_BUF_ARRAY(text.b);
    size_t before = out->len;
    WR_TRY(put_payload(wrap, &payload));
    WR_TRY(begin(&hs, WR_INITIATOR, &sender->noise, recipient_box, circle_id, held, rng));
    WR_TRY(wr_handshake_write(&hs, wr_buf_slice(&payload), out, NO_TIME));
    WR_ASSERT(wr_handshake_whose_turn(&hs) == WR_TURN_DONE);
    WR_ASSERT(out->len - before == WR_WRAP_SIZE);
    return WR_OK;
}

wr_err wr_wrap_open(const wr_key *box, const wr_hash *circle_id, const wr_key *held,
                    wr_slice message, wr_pub *ret_sender_noise, wr_wrap *ret_wrap) {
    static const wr_rng no_rng = {NULL, NULL}; /* a recipient makes no key */
    WR_SECRET(wr_handshake) hs = {0};
    WR_SECRET(payload_text) text;
    WR_SECRET(wr_wrap) wrap;
    wr_buf payload = WR_BUF_ARRAY(text.b);
    /* spec:circle#6.2 "A wrap MUST have 199 bytes." */
    if (message.len != WR_WRAP_SIZE)
        return WR_ERR_FORMAT;
    WR_TRY(begin(&hs, WR_RESPONDER, box, NULL, circle_id, held, no_rng));
    /* spec:circle#6.2 "A wrap that does not open with the recipient's box key, psk_q and the
     * prologue of its circle MUST be refused." */
    WR_TRY(wr_handshake_read(&hs, message, &payload, NO_TIME));
    WR_ASSERT(wr_handshake_whose_turn(&hs) == WR_TURN_DONE);
    WR_TRY(take_payload(wr_buf_slice(&payload), &wrap));
    const wr_pub *sender = wr_handshake_remote_static(&hs);
    WR_ASSERT(sender != NULL);
    *ret_sender_noise = *sender;
    *ret_wrap = wrap;
    return WR_OK;
}
