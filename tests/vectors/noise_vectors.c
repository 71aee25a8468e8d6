/* noise-vectors FILE..: both parties of every Noise vector, handshake and transport messages.
 *
 * A vector names its protocol; one with another DH, cipher or hash, or a pattern outside of the
 * tables, is skipped.  After the handshake the two sides keep alternating by the index of the
 * message, unless the pattern is one-way (the initiator sends everything) or the vector says
 * "transport_first_sender": "init" (the initiator sends the first message after the handshake).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/handshake.h"
#include "vectors/json.h"

#include <stdio.h>

static const wr_mono start = {0};

typedef struct protocol {
    wr_pattern pattern;
    wr_hash_alg hash;
} protocol;

typedef struct side {
    wr_handshake hs;
    wr_transport transport;
    wr_key ephemeral;
    bool has_ephemeral;
    bool asked; /* for more randomness than the vector gives */
    wr_slice hash;
    uint8_t hash_bytes[WR_HASHLEN_MAX];
} side;

/* ---- reading a vector ------------------------------------------------------------- */

static bool take_part(wr_slice *in, wr_slice *ret_part) {
    size_t len = 0;
    while (len < in->len && in->ptr[len] != '_')
        len++;
    bool taken = wr_slice_take(in, len, ret_part);
    wr_slice underscore;
    return taken && (in->len == 0 || wr_slice_take(in, 1, &underscore));
}

static bool is_text(wr_slice part, const char *text) {
    return wr_equal(part, wr_slice_str(text));
}

static bool find_hash(wr_slice name, wr_hash_alg *ret_alg) {
    static const struct {
        const char *name;
        wr_hash_alg alg;
    } known[] = {{"SHA256", WR_SHA256}, {"SHA512", WR_SHA512}, {"BLAKE2b", WR_BLAKE2B}};
    for (size_t i = 0; i < WR_COUNT(known); i++) {
        if (!is_text(name, known[i].name))
            continue;
        *ret_alg = known[i].alg;
        return true;
    }
    return false;
}

/* Noise_PATTERN_25519_ChaChaPoly_HASH; false if this engine has no such protocol. */
static bool read_protocol(const char *text, protocol *ret_protocol) {
    wr_slice in = wr_slice_str(text), noise, pattern, dh, cipher, hash;
    if (!take_part(&in, &noise) || !take_part(&in, &pattern) || !take_part(&in, &dh) ||
        !take_part(&in, &cipher) || !take_part(&in, &hash) || in.len != 0)
        return false;
    return is_text(noise, "Noise") && is_text(dh, "25519") && is_text(cipher, "ChaChaPoly") &&
           find_hash(hash, &ret_protocol->hash) &&
           wr_pattern_find(pattern, &ret_protocol->pattern) == WR_OK;
}

/* The field of one party, "init_" or "resp_" in front. */
static const json_t *field(const json_t *vector, wr_role role, const char *name) {
    char key[64];
    (void)snprintf(key, sizeof key, "%s_%s", role == WR_INITIATOR ? "init" : "resp", name);
    return json_object_get(vector, key);
}

/* Absent is fine, malformed is not. */
static bool read_key(const json_t *value, uint8_t *out, bool *ret_present) {
    wr_slice bytes;
    *ret_present = value != NULL;
    if (value == NULL)
        return true;
    if (!vec_hex(value, &bytes) || bytes.len != WR_KEY_SIZE)
        return false;
    memcpy(out, bytes.ptr, WR_KEY_SIZE);
    return true;
}

static void fill_ephemeral(void *ctx, uint8_t *out, size_t len) {
    side *s = ctx;
    WR_ASSERT(len == sizeof s->ephemeral.b);
    s->asked = s->asked || !s->has_ephemeral;
    memcpy(out, s->ephemeral.b, len);
}

static bool side_init(side *s, const json_t *vector, const protocol *proto, wr_role role) {
    wr_key own;
    wr_key psks[WR_PATTERN_PSKS_MAX];
    wr_pub remote;
    bool has_own, has_remote, has_psk;
    wr_slice prologue = WR_SLICE_EMPTY;
    const json_t *list = field(vector, role, "psks");
    const json_t *prologue_hex = field(vector, role, "prologue");
    *s = (side){0};
    if (prologue_hex != NULL && !vec_hex(prologue_hex, &prologue))
        return false;
    if (!read_key(field(vector, role, "static"), own.b, &has_own) ||
        !read_key(field(vector, role, "remote_static"), remote.b, &has_remote) ||
        !read_key(field(vector, role, "ephemeral"), s->ephemeral.b, &s->has_ephemeral) ||
        json_array_size(list) > WR_PATTERN_PSKS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_key(json_array_get(list, i), psks[i].b, &has_psk))
            return false;
    bool known = has_remote && wr_pattern_knows_remote(&proto->pattern, role);
    return wr_handshake_init(&s->hs, &(wr_handshake_config){
                                         .pattern = &proto->pattern,
                                         .hash = proto->hash,
                                         .role = role,
                                         .prologue = prologue,
                                         .s = has_own ? &own : NULL,
                                         .rs = known ? &remote : NULL,
                                         .psks = psks,
                                         .psk_count = json_array_size(list),
                                         .rng = {fill_ephemeral, s},
                                         .now = start,
                                         .message_max = WR_NOISE_MESSAGE_MAX,
                                     }) == WR_OK;
}

/* ---- running it --------------------------------------------------------------------- */

typedef struct message {
    wr_slice payload;
    wr_slice ciphertext;
} message;

static bool read_message(const json_t *value, message *ret_message) {
    return vec_hex_at(value, "payload", &ret_message->payload) &&
           vec_hex_at(value, "ciphertext", &ret_message->ciphertext);
}

static uint8_t wire[WR_NOISE_MESSAGE_MAX];
static uint8_t plain[WR_NOISE_MESSAGE_MAX];

static bool handshake_message(side *from, side *to, const message *m) {
    wr_buf out = WR_BUF_ARRAY(wire), got = WR_BUF_ARRAY(plain);
    return wr_handshake_write(&from->hs, m->payload, &out, start) == WR_OK && !from->asked &&
           wr_equal(wr_buf_slice(&out), m->ciphertext) &&
           wr_handshake_read(&to->hs, m->ciphertext, &got, start) == WR_OK &&
           wr_equal(wr_buf_slice(&got), m->payload);
}

static bool transport_message(side *from, side *to, const message *m) {
    wr_buf out = WR_BUF_ARRAY(wire), got = WR_BUF_ARRAY(plain);
    return wr_transport_seal(&from->transport, m->payload, &out) == WR_OK &&
           wr_equal(wr_buf_slice(&out), m->ciphertext) &&
           wr_transport_open(&to->transport, m->ciphertext, &got) == WR_OK &&
           wr_equal(wr_buf_slice(&got), m->payload);
}

static void end_handshake(side *s) {
    wr_slice hash = wr_handshake_hash(&s->hs);
    memcpy(s->hash_bytes, hash.ptr, hash.len);
    s->hash = wr_slice_of(s->hash_bytes, hash.len);
    wr_handshake_split(&s->hs, &s->transport, start);
}

/* Who sends message index, 0 for the initiator. */
static size_t sender(const json_t *vector, const protocol *proto, size_t index) {
    size_t handshake_count = wr_pattern_message_count(&proto->pattern);
    if (wr_pattern_one_way(&proto->pattern))
        return 0;
    bool init_first = strcmp(vec_text_at(vector, "transport_first_sender"), "init") == 0;
    if (index >= handshake_count && init_first)
        return (index - handshake_count) % 2;
    return index % 2;
}

/* NULL if all holds, else what does not. */
static const char *run_messages(const json_t *vector, const protocol *proto, side sides[2],
                                size_t *ret_index) {
    const json_t *messages = json_object_get(vector, "messages");
    size_t handshake_count = wr_pattern_message_count(&proto->pattern);
    if (json_array_size(messages) < handshake_count)
        return "fewer messages than the handshake has";
    for (size_t i = 0; i < json_array_size(messages); i++) {
        message m;
        size_t from = sender(vector, proto, i);
        *ret_index = i;
        if (!read_message(json_array_get(messages, i), &m))
            return "payload or ciphertext is not hex";
        if (i >= handshake_count) {
            if (!transport_message(&sides[from], &sides[1 - from], &m))
                return "transport message differs";
            continue;
        }
        if (!handshake_message(&sides[from], &sides[1 - from], &m))
            return "handshake message differs";
        if (i + 1 == handshake_count) {
            end_handshake(&sides[0]);
            end_handshake(&sides[1]);
        }
    }
    return NULL;
}

static bool hash_holds(const json_t *vector, const side sides[2]) {
    wr_slice want;
    if (!wr_equal(sides[0].hash, sides[1].hash))
        return false;
    if (json_object_get(vector, "handshake_hash") == NULL)
        return true;
    return vec_hex_at(vector, "handshake_hash", &want) && wr_equal(sides[0].hash, want);
}

static void run_vector(const json_t *vector, size_t number, vec_tally *tally) {
    static side sides[2];
    const char *name = vec_text_at(vector, "protocol_name");
    protocol proto;
    size_t index = 0;
    if (*name == '\0')
        name = vec_text_at(vector, "name");
    if (*name == '\0') {
        vec_fail(tally, "vector %zu: has no protocol_name", number);
        return;
    }
    if (!read_protocol(name, &proto)) {
        tally->skipped++;
        return;
    }
    if (!side_init(&sides[0], vector, &proto, WR_INITIATOR) ||
        !side_init(&sides[1], vector, &proto, WR_RESPONDER)) {
        vec_fail(tally, "vector %zu (%s): a key is missing or malformed", number, name);
        return;
    }
    const char *what = run_messages(vector, &proto, sides, &index);
    if (what != NULL) {
        vec_fail(tally, "vector %zu (%s): message %zu: %s", number, name, index, what);
        return;
    }
    vec_check(tally, hash_holds(vector, sides), "vector %zu (%s): handshake hash differs", number,
              name);
}

static void run(const json_t *root, vec_tally *tally) {
    const json_t *vectors = json_is_array(root) ? root : json_object_get(root, "vectors");
    if (!json_is_array(vectors))
        vec_fail(tally, "has no array \"vectors\"");
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        vec_reset();
        run_vector(json_array_get(vectors, i), i, tally);
    }
}

int main(int argc, char **argv) {
    return vec_main(argc, argv, run);
}
