/* The decoders of warren-sim-record: wrappers (ld --wrap) that keep what they are asked to read.
 *
 * Each writes the input that the fuzzer of the same decoder takes.  Where that is a script and no
 * message (link, pairing, unit, transport), what was heard becomes the script that says the same.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/transport.h"
#include "circle/op.h"
#include "engine/beacon.h"
#include "engine/link.h"
#include "engine/pairing.h"
#include "feed/feed.h"
#include "sim/record.h"
#include "sync/session.h"

/* Every wrapper and what it stands for; one that takes something else does not compile. */
#define WRAP(type, name, ...)                                                                      \
    extern __typeof__(name) __real_##name, __wrap_##name;                                          \
    type __wrap_##name(__VA_ARGS__)

#define SCRIPTS_MAX 64u
#define SCRIPT_BYTES_MAX 4096u /* then a new one begins */

/* What one link, pairing or transport has heard so far. */
typedef struct script {
    const void *of; /* NULL: free */
    record text;
    bool guest; /* of a pairing */
} script;

/* The oldest makes room: it was never ended. */
static script *script_of(script *all, const void *of) {
    static size_t next;
    script *oldest = NULL;
    for (size_t i = 0; i < SCRIPTS_MAX; i++) {
        if (all[i].of == of)
            return &all[i];
        if (all[i].of == NULL)
            oldest = &all[i];
    }
    if (oldest == NULL)
        oldest = &all[next++ % SCRIPTS_MAX];
    oldest->of = of;
    oldest->guest = false;
    record_begin(&oldest->text);
    return oldest;
}

static void script_end(script *all, const char *target, const void *of) {
    for (size_t i = 0; i < SCRIPTS_MAX; i++) {
        if (of == NULL || all[i].of != of)
            continue;
        record_put(target, &all[i].text);
        all[i].of = NULL;
    }
}

/* ---- text ----------------------------------------------------------------------------------- */

WRAP(wr_err, wr_base32_decode, wr_slice text, wr_buf *out) {
    record_put_bytes("text", "\x01", 1, text);
    return __real_wr_base32_decode(text, out);
}

WRAP(wr_err, wr_word_index, wr_slice word, uint16_t *ret_index) {
    record_put_bytes("text", "\x03", 1, word);
    return __real_wr_word_index(word, ret_index);
}

WRAP(bool, wr_text_is_name, wr_slice text) {
    record_put_bytes("text", "\x04", 1, text);
    return __real_wr_text_is_name(text);
}

WRAP(wr_err, wr_recovery_parse, wr_slice words, wr_key *ret_rs) {
    record_put_bytes("recovery", "\x00", 1, words);
    return __real_wr_recovery_parse(words, ret_rs);
}

WRAP(wr_err, wr_pair_code_parse, wr_slice text, wr_pair_code *ret_code, wr_pair_why *ret_why) {
    record_put_bytes("pairing", "\x00", 1, text);
    return __real_wr_pair_code_parse(text, ret_code, ret_why);
}

WRAP(wr_err, wr_pair_uri_parse, wr_slice text, wr_pair_uri *ret_uri) {
    record_put_bytes("pairing", "\x00", 1, text);
    return __real_wr_pair_uri_parse(text, ret_uri);
}

/* ---- canonical items and ops ---------------------------------------------------------------- */

WRAP(wr_err, wr_cert_decode, wr_slice bytes, wr_cert *ret_cert) {
    record_put_bytes("cert", "", 0, bytes);
    return __real_wr_cert_decode(bytes, ret_cert);
}

static void put_body(uint8_t decoder, wr_op_type type, wr_slice body) {
    const char by_decoder[] = {1, (char)decoder}, as_next_op[] = {2, (char)type};
    record_put_bytes("op", by_decoder, sizeof by_decoder, body);
    record_put_bytes("op", as_next_op, sizeof as_next_op, body);
}

WRAP(wr_err, wr_op_decode, wr_slice bytes, wr_op *ret_op) {
    record_put_bytes("op", "\x00", 1, bytes);
    record_put_bytes("pack", "", 0, bytes);
    return __real_wr_op_decode(bytes, ret_op);
}

WRAP(wr_err, wr_genesis_decode, wr_slice body, wr_genesis *ret_genesis) {
    put_body(0, WR_OP_GENESIS, body);
    return __real_wr_genesis_decode(body, ret_genesis);
}

WRAP(wr_err, wr_add_decode, wr_slice body, wr_add *ret_add) {
    put_body(1, WR_OP_ADD, body);
    return __real_wr_add_decode(body, ret_add);
}

WRAP(wr_err, wr_ack_decode, wr_slice body, wr_op_list *ret_seen) {
    put_body(2, WR_OP_ACK, body);
    return __real_wr_ack_decode(body, ret_seen);
}

WRAP(wr_err, wr_epoch_decode, wr_slice body, wr_epoch_op *ret_epoch) {
    put_body(3, WR_OP_EPOCH, body);
    return __real_wr_epoch_decode(body, ret_epoch);
}

/* ---- feeds ---------------------------------------------------------------------------------- */

WRAP(wr_err, wr_feed_check, const wr_feed *feed, wr_slice bytes, const wr_sig *sig,
     const wr_pub *sign_pk, wr_checkpoint *ret_checkpoint) {
    record_put_bytes("checkpoint", (const char *)sig->b, sizeof sig->b, bytes);
    return __real_wr_feed_check(feed, bytes, sig, sign_pk, ret_checkpoint);
}

/* The fuzzer's circle is all zeros, and a head names its circle: the same feed, of that one. */
static void put_head(const wr_feed *feed) {
    static const wr_hash circle = {{0}};
    static wr_feed same;
    static uint8_t bytes[WR_FEED_HEAD_MAX];
    uint8_t cp_bytes[WR_CHECKPOINT_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes), cp_out = WR_BUF_ARRAY(cp_bytes);
    wr_checkpoint cp;
    wr_feed_init(&same, &circle, &feed->device_id, feed->stream);
    if (feed->has_checkpoint) {
        if (wr_checkpoint_decode(wr_feed_checkpoint(feed), &cp) != WR_OK)
            return;
        cp.feed_id = same.feed_id;
        WR_ASSERT(wr_checkpoint_encode(&cp, &cp_out) == WR_OK);
        wr_feed_accept(&same, &cp, wr_buf_slice(&cp_out), &feed->cp_sig);
    }
    same.tree = feed->tree;
    same.hlc_last = feed->hlc_last;
    WR_ASSERT(wr_feed_encode(&same, &out) == WR_OK);
    record_put_bytes("feed_head", "", 0, wr_buf_slice(&out));
}

WRAP(wr_err, wr_feed_decode, wr_slice head, const wr_hash *circle_id, wr_feed *ret_feed) {
    wr_err err = __real_wr_feed_decode(head, circle_id, ret_feed);
    if (err == WR_OK)
        put_head(ret_feed);
    return err;
}

/* The fuzzer has a feed of its own; what fits is the shape, and the entries for their form. */
WRAP(wr_err, wr_feed_take, wr_feed *feed, const wr_unit *unit, wr_rows *ret_rows) {
    static record r;
    for (unsigned source = 0; source < 2; source++) {
        record_begin(&r);
        record_u16(&r, unit->first);
        record_u16(&r, unit->lo);
        record_u16(&r, unit->end);
        record_u8(&r, unit->path_count);
        record_u8(&r, source);
        if (source == 0)
            record_bytes(&r, unit->entries);
        record_put("unit", &r);
    }
    return __real_wr_feed_take(feed, unit, ret_rows);
}

WRAP(void, wr_segment_reader_init, wr_segment_reader *reader, wr_slice bytes, uint64_t first_seq) {
    static record r;
    record_begin(&r);
    record_u16(&r, first_seq);
    record_bytes(&r, bytes);
    record_put("segment", &r);
    __real_wr_segment_reader_init(reader, bytes, first_seq);
}

/* ---- the channel ---------------------------------------------------------------------------- */

/* Which of its message's a handshake waits for: as often as the turn went over. */
static unsigned message_of(const wr_handshake *hs) {
    unsigned count = 0;
    for (size_t i = 0; i < hs->next_token; i++)
        count += hs->tokens[i] == WR_T_FLIP ? 1u : 0u;
    return count;
}

WRAP(wr_err, wr_handshake_read, wr_handshake *hs, wr_slice message, wr_buf *payload_out,
     wr_mono now) {
    const wr_pattern *const patterns[] = {WR_PATTERN_IKPSK2, WR_PATTERN_XXPSK0, WR_PATTERN_XPSK1};
    for (unsigned i = 0; i < WR_COUNT(patterns); i++) {
        if (!wr_equal(wr_slice_of(hs->tokens, sizeof hs->tokens),
                      wr_slice_of(patterns[i]->tokens, sizeof patterns[i]->tokens)))
            continue;
        const char head[] = {(char)i, (char)message_of(hs), 0};
        record_put_bytes("handshake", head, sizeof head, message);
    }
    return __real_wr_handshake_read(hs, message, payload_out, now);
}

static script transports[SCRIPTS_MAX];

/* Small messages and rekeys: a large one has no place in the fuzzer's script. */
WRAP(wr_err, wr_transport_open, wr_transport *t, wr_slice message, wr_buf *plain_out) {
    static record r;
    size_t before = plain_out->len;
    wr_err err = __real_wr_transport_open(t, message, plain_out);
    if (err != WR_OK)
        return err;
    wr_slice plain = wr_slice_of(plain_out->ptr + before, plain_out->len - before);
    script *s = script_of(transports, t);
    record_u8(&s->text, 0);
    record_u8(&s->text, plain.len < 255 ? (unsigned)plain.len : 255);
    /* A message as one record of a stream, for what is in it. */
    record_begin(&r);
    record_u16(&r, 2);
    record_u16(&r, plain.len);
    record_bytes(&r, plain);
    record_put("record", &r);
    return WR_OK;
}

WRAP(wr_err, wr_transport_rekey_recv, wr_transport *t, wr_mono now) {
    record_u8(&script_of(transports, t)->text, 4);
    return __real_wr_transport_rekey_recv(t, now);
}

WRAP(void, wr_transport_wipe, wr_transport *t) {
    script_end(transports, "transport", t);
    __real_wr_transport_wipe(t);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* In the order of fuzz_message. */
static const char kinds[] = {WR_FRAME_HELLO,      WR_FRAME_WANT,      WR_FRAME_DATA,
                             WR_FRAME_PAIR_OFFER, WR_FRAME_PAIR_CERT, WR_FRAME_PAIR_WELCOME,
                             WR_FRAME_OP_HEADS,   WR_FRAME_FRONTIER,  WR_FRAME_HAVE,
                             WR_FRAME_OPS};

static script links[SCRIPTS_MAX];
static const wr_link *reading; /* NULL: a pairing */

static void put_frame(uint8_t type, wr_slice body) {
    for (char i = 0; i < (char)WR_COUNT(kinds); i++)
        if (kinds[(size_t)i] == (char)type)
            record_put_bytes("message", &i, 1, body);
    if (reading == NULL)
        return;
    script *s = script_of(links, reading);
    if (s->text.len + body.len > SCRIPT_BYTES_MAX)
        return;
    if (s->text.len == 0)
        record_u8(&s->text, 0); /* the honest device is dialled */
    record_u8(&s->text, 0);     /* say_raw */
    record_u8(&s->text, type);
    record_u16(&s->text, body.len);
    record_bytes(&s->text, body);
    record_u8(&s->text, 7); /* let_speak */
    record_u16(&s->text, UINT16_MAX);
}

WRAP(wr_err, wr_session_next, wr_session *session, wr_slice *in, wr_mono now, uint8_t *ret_type,
     wr_slice *ret_body, bool *ret_have) {
    wr_err err = __real_wr_session_next(session, in, now, ret_type, ret_body, ret_have);
    if (err == WR_OK && *ret_have)
        put_frame(*ret_type, *ret_body);
    return err;
}

WRAP(wr_err, wr_link_read, wr_link *link, wr_slice *in, wr_now now) {
    reading = link;
    wr_err err = __real_wr_link_read(link, in, now);
    reading = NULL;
    return err;
}

WRAP(void, wr_link_free, wr_link *link) {
    script_end(links, "link", link);
    __real_wr_link_free(link);
}

/* ---- pairing -------------------------------------------------------------------------------- */

static script pairings[SCRIPTS_MAX];

WRAP(wr_err, wr_pairing_guest_new, wr_pair_guest *guest, wr_now now, wr_pairing **ret_pairing) {
    wr_err err = __real_wr_pairing_guest_new(guest, now, ret_pairing);
    if (err == WR_OK)
        script_of(pairings, *ret_pairing)->guest = true;
    return err;
}

WRAP(wr_err, wr_pairing_read, wr_pairing *pairing, wr_slice *in, wr_now now) {
    script *s = script_of(pairings, pairing);
    if (s->text.len == 0)
        record_u8(&s->text, s->guest ? 2 : 1);
    if (s->text.len + in->len <= SCRIPT_BYTES_MAX)
        record_bytes(&s->text, *in);
    return __real_wr_pairing_read(pairing, in, now);
}

WRAP(void, wr_pairing_free, wr_pairing *pairing) {
    script_end(pairings, "pairing", pairing);
    __real_wr_pairing_free(pairing);
}

/* ---- beacons -------------------------------------------------------------------------------- */

static const wr_beacon_place *heard_at; /* NULL: no packet is being read */
static wr_beacon_side heard_by;

static void put_beacon(unsigned what, wr_slice bytes) {
    static record r;
    record_begin(&r);
    record_u8(&r, what);
    record_u8(&r, (heard_by == WR_BEACON_GUEST ? 1u : 0u) | (heard_at->family == 6 ? 2u : 0u));
    record_bytes(&r, wr_slice_of(heard_at->sender, sizeof heard_at->sender));
    record_bytes(&r, bytes);
    record_put("beacon", &r);
}

WRAP(wr_err, wr_beacon_pair_read, wr_beacon_pair *pair, const wr_beacon_place *place,
     wr_slice packet, wr_mono now, wr_beacon_found *ret_found) {
    heard_at = place;
    heard_by = pair->side;
    put_beacon(0, packet);
    wr_err err = __real_wr_beacon_pair_read(pair, place, packet, now, ret_found);
    heard_at = NULL;
    return err;
}

/* What was in it: the fuzzer seals it anew under its own key. */
WRAP(wr_err, wr_xaead_open, const wr_key *key, const uint8_t nonce[WR_XNONCE_SIZE], wr_slice aad,
     wr_slice sealed, wr_buf *out) {
    size_t before = out->len;
    wr_err err = __real_wr_xaead_open(key, nonce, aad, sealed, out);
    if (err == WR_OK && heard_at != NULL)
        put_beacon(1, wr_slice_of(out->ptr + before, out->len - before));
    return err;
}
