/* cpace-vectors FILE..: CPace over ristretto255 and SHA-512 against the vectors of its draft.
 *
 * A file has a "suite", one or more "protocol" runs, "points" (one valid product, any number of
 * invalid encodings), and "functions" whose members are written as calls: "lv_cat(b'1234',b'5')".
 * The functions are written here once more, over the base of the product; runs and points go
 * through the product's own code.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel/pake.h"
#include "vectors/json.h"

#define ARGS_MAX 8u
#define TEXT_BYTES_MAX 65536u

/* ---- the draft's functions on strings ------------------------------------------------ */

static bool put_lv(wr_buf *out, wr_slice x) {
    return wr_buf_put_varint(out, x.len) == WR_OK && wr_buf_put(out, x) == WR_OK;
}

static bool put_lv_cat(wr_buf *out, const wr_slice *args, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!put_lv(out, args[i]))
            return false;
    return true;
}

static bool put_o_cat(wr_buf *out, wr_slice a, wr_slice b) {
    bool a_first = wr_order(a, b) > 0;
    return wr_buf_put(out, wr_slice_str("oc")) == WR_OK &&
           wr_buf_put(out, a_first ? a : b) == WR_OK && wr_buf_put(out, a_first ? b : a) == WR_OK;
}

/* "oc" || larger || smaller of lv_cat(Ya, ADa) and lv_cat(Yb, ADb). */
static bool put_transcript_oc(wr_buf *out, const wr_slice args[4]) {
    static uint8_t first[TEXT_BYTES_MAX], second[TEXT_BYTES_MAX];
    wr_buf a = WR_BUF_ARRAY(first), b = WR_BUF_ARRAY(second);
    return put_lv_cat(&a, args, 2) && put_lv_cat(&b, args + 2, 2) &&
           put_o_cat(out, wr_buf_slice(&a), wr_buf_slice(&b));
}

/* ---- members written as calls ----------------------------------------------------------- */

static bool take_text(wr_slice *in, const char *text) {
    wr_slice rest = *in, taken, want = wr_slice_str(text);
    if (!wr_slice_take(&rest, want.len, &taken) || !wr_equal(taken, want))
        return false;
    *in = rest;
    return true;
}

static bool take_until(wr_slice *in, char end, wr_slice *ret_taken) {
    size_t len = 0;
    while (len < in->len && in->ptr[len] != (uint8_t)end)
        len++;
    wr_slice delimiter;
    return len < in->len && wr_slice_take(in, len, ret_taken) && wr_slice_take(in, 1, &delimiter);
}

/* b'text' or bytes(range(N)), N at most 256. */
static bool take_argument(wr_slice *in, wr_slice *ret_bytes) {
    static uint8_t range[256];
    wr_slice digits;
    for (size_t i = 0; i < sizeof range; i++)
        range[i] = (uint8_t)i;
    if (take_text(in, "b'"))
        return take_until(in, '\'', ret_bytes);
    if (!take_text(in, "bytes(range(") || !take_until(in, ')', &digits) || !take_text(in, ")"))
        return false;
    size_t count = 0;
    for (size_t i = 0; i < digits.len; i++)
        count = count > sizeof range ? count : count * 10 + (size_t)(digits.ptr[i] - '0');
    *ret_bytes = wr_slice_of(range, count);
    return count <= sizeof range;
}

static bool take_arguments(wr_slice *in, wr_slice args[ARGS_MAX], size_t *ret_count) {
    size_t count = 0;
    do {
        if (count == ARGS_MAX || !take_argument(in, &args[count]))
            return false;
        count++;
    } while (take_text(in, ","));
    *ret_count = count;
    return take_text(in, ")") && in->len == 0;
}

static bool call(wr_slice name, const wr_slice *args, size_t count, wr_buf *out) {
    if (wr_equal(name, wr_slice_str("prepend_len")) && count == 1)
        return put_lv(out, args[0]);
    if (wr_equal(name, wr_slice_str("lv_cat")))
        return put_lv_cat(out, args, count);
    if (wr_equal(name, wr_slice_str("o_cat")) && count == 2)
        return put_o_cat(out, args[0], args[1]);
    if (wr_equal(name, wr_slice_str("transcript_ir")) && count == 4)
        return put_lv_cat(out, args, 4);
    if (wr_equal(name, wr_slice_str("transcript_oc")) && count == 4)
        return put_transcript_oc(out, args);
    return false;
}

/* A member is a literal ("b'1234'": its bytes) or a call; anything else is skipped. */
static void run_member(const char *key, const json_t *value, vec_tally *tally) {
    static uint8_t text[2 * TEXT_BYTES_MAX];
    wr_buf got = WR_BUF_ARRAY(text);
    wr_slice in = wr_slice_str(key), args[ARGS_MAX], name, want;
    size_t count = 0;
    bool known;
    if (key[0] == 'b' && key[1] == '\'')
        known = take_argument(&in, &args[0]) && in.len == 0 && wr_buf_put(&got, args[0]) == WR_OK;
    else
        known = take_until(&in, '(', &name) && take_arguments(&in, args, &count) &&
                call(name, args, count, &got);
    if (!known || !vec_hex(value, &want)) {
        tally->skipped++;
        return;
    }
    vec_check(tally, wr_equal(wr_buf_slice(&got), want), "%s differs", key);
}

static void run_generator(const json_t *object, vec_tally *tally) {
    wr_slice prs, ci, sid, want;
    if (!vec_hex_at(object, "PRS", &prs) || !vec_hex_at(object, "CI", &ci) ||
        !vec_hex_at(object, "sid", &sid) || !vec_hex_at(object, "encoded generator g", &want)) {
        vec_fail(tally, "calculate_generator: a field is missing or malformed");
        return;
    }
    wr_pub g = wr_pake_generator(prs, ci, sid);
    vec_check(tally, wr_equal(WR_SLICE_OBJ(g), want), "calculate_generator: differs");
}

static void run_functions(json_t *functions, vec_tally *tally) {
    const char *name, *key;
    json_t *members, *value;
    json_object_foreach(functions, name, members) {
        vec_reset();
        if (json_object_get(members, "encoded generator g") != NULL) {
            run_generator(members, tally);
            continue;
        }
        json_object_foreach(members, key, value) {
            run_member(key, value, tally);
        }
    }
}

/* ---- protocol runs ------------------------------------------------------------------------- */

typedef struct transcript {
    wr_slice prs, ci, sid, ad[2], y[2], scalar[2];
} transcript;

static bool read_transcript(const json_t *object, transcript *ret_transcript) {
    transcript t;
    const struct {
        const char *name;
        wr_slice *to;
    } fields[] = {{"PRS", &t.prs},   {"CI", &t.ci},   {"sid", &t.sid},
                  {"ADa", &t.ad[0]}, {"Ya", &t.y[0]}, {"ya", &t.scalar[0]},
                  {"ADb", &t.ad[1]}, {"Yb", &t.y[1]}, {"yb", &t.scalar[1]}};
    for (size_t i = 0; i < WR_COUNT(fields); i++)
        if (!vec_hex_at(object, fields[i].name, fields[i].to))
            return false;
    *ret_transcript = t;
    return t.scalar[0].len == WR_KEY_SIZE && t.scalar[1].len == WR_KEY_SIZE;
}

static void fill_scalar(void *ctx, uint8_t *out, size_t len) {
    const wr_slice *scalar = ctx;
    WR_ASSERT(len == scalar->len);
    memcpy(out, scalar->ptr, len);
}

/* Equal to the hex member of that name, or there is no such member. */
static void check_member(const json_t *object, const char *name, wr_slice got, vec_tally *tally) {
    wr_slice want;
    if (json_object_get(object, name) == NULL) {
        tally->skipped++;
        return;
    }
    vec_check(tally, vec_hex_at(object, name, &want) && wr_equal(got, want), "%s differs", name);
}

/* Both sides through the product: Ya, Yb and the two equal keys. */
static void run_product(const json_t *object, const transcript *t, vec_tally *tally) {
    static const char *const names[] = {"Ya", "Yb"};
    wr_pake pakes[2];
    wr_pub publics[2];
    wr_pake_key keys[2];
    for (size_t i = 0; i < 2; i++) {
        wr_slice scalar = t->scalar[i];
        wr_rng rng = {fill_scalar, &scalar};
        wr_pake_config config = {.role = i == 0 ? WR_INITIATOR : WR_RESPONDER,
                                 .prs = t->prs,
                                 .ci = t->ci,
                                 .sid = t->sid,
                                 .ad = t->ad[i]};
        if (wr_pake_start(&pakes[i], &config, &rng, &publics[i]) != WR_OK) {
            vec_fail(tally, "%s: start is refused", names[i]);
            return;
        }
        check_member(object, names[i], WR_SLICE_OBJ(publics[i]), tally);
    }
    for (size_t i = 0; i < 2; i++) {
        if (wr_pake_finish(&pakes[i], &publics[1 - i], t->ad[1 - i], &keys[i]) != WR_OK) {
            vec_fail(tally, "%s: finish is refused", names[i]);
            return;
        }
        check_member(object, "ISK_IR", WR_SLICE_OBJ(keys[i]), tally);
    }
}

static void sha512(wr_slice first, wr_slice second, wr_pake_key *ret_hash) {
    wr_alg_hash2(WR_SHA512, first, second, ret_hash->b);
}

/* What the product has no use for: K alone, the symmetric transcript, session ids made by CPace. */
static void run_unused(const json_t *object, const transcript *t, vec_tally *tally) {
    static uint8_t ir_text[TEXT_BYTES_MAX], oc_text[2 * TEXT_BYTES_MAX], head_text[TEXT_BYTES_MAX];
    wr_buf ir = WR_BUF_ARRAY(ir_text), oc = WR_BUF_ARRAY(oc_text), head = WR_BUF_ARRAY(head_text);
    wr_slice parts[4] = {t->y[0], t->ad[0], t->y[1], t->ad[1]};
    wr_slice sid_label = wr_slice_str("CPaceSidOutput");
    wr_rng rng = {fill_scalar, (void *)(uintptr_t)&t->scalar[0]};
    wr_key scalar;
    wr_pub peer, shared;
    wr_pake_key hash;
    wr_ristretto_scalar(&rng, &scalar);
    if (t->y[1].len != sizeof peer.b || !put_lv_cat(&ir, parts, 4) ||
        !put_transcript_oc(&oc, parts)) {
        vec_fail(tally, "Yb or an AD has an impossible length");
        return;
    }
    memcpy(peer.b, t->y[1].ptr, sizeof peer.b);
    if (wr_ristretto_mul(&scalar, &peer, &shared) != WR_OK) {
        vec_fail(tally, "K: Yb is refused");
        return;
    }
    check_member(object, "K", WR_SLICE_OBJ(shared), tally);
    wr_slice secret[3] = {wr_slice_str("CPaceRistretto255_ISK"), t->sid, WR_SLICE_OBJ(shared)};
    if (!put_lv_cat(&head, secret, 3)) {
        vec_fail(tally, "sid is too long");
        return;
    }
    sha512(wr_buf_slice(&head), wr_buf_slice(&oc), &hash);
    check_member(object, "ISK_SY", WR_SLICE_OBJ(hash), tally);
    sha512(sid_label, wr_buf_slice(&ir), &hash);
    check_member(object, "sid_output_ir", WR_SLICE_OBJ(hash), tally);
    sha512(sid_label, wr_buf_slice(&oc), &hash);
    check_member(object, "sid_output_oc", WR_SLICE_OBJ(hash), tally);
}

static void run_protocol(const json_t *object, vec_tally *tally) {
    transcript t;
    if (!read_transcript(object, &t)) {
        vec_fail(tally, "protocol: a field is missing or malformed");
        return;
    }
    if (json_object_get(object, "g") != NULL) {
        wr_pub g = wr_pake_generator(t.prs, t.ci, t.sid);
        check_member(object, "g", WR_SLICE_OBJ(g), tally);
    }
    run_product(object, &t, tally);
    run_unused(object, &t, tally);
}

/* ---- points ------------------------------------------------------------------------------- */

static void run_valid(const json_t *object, vec_tally *tally) {
    wr_key scalar;
    wr_pub point, product;
    if (!vec_hex_exact(object, "s", scalar.b, sizeof scalar.b) ||
        !vec_hex_exact(object, "X", point.b, sizeof point.b) ||
        wr_ristretto_mul(&scalar, &point, &product) != WR_OK) {
        vec_fail(tally, "points: the valid one is refused");
        return;
    }
    check_member(object, "G.scalar_mult(s,decode(X))", WR_SLICE_OBJ(product), tally);
    check_member(object, "G.scalar_mult_vfy(s,X)", WR_SLICE_OBJ(product), tally);
}

/* Refused by the multiplication, and by a run that receives it. */
static void run_invalid(const char *name, const json_t *value, vec_tally *tally) {
    uint8_t scalar_bytes[WR_KEY_SIZE] = {7};
    wr_slice scalar = wr_slice_of(scalar_bytes, sizeof scalar_bytes), bytes;
    wr_rng rng = {fill_scalar, &scalar};
    wr_pake_config config = {.role = WR_INITIATOR, .prs = wr_slice_str("code")};
    wr_pake pake;
    wr_pub point, own, product;
    wr_key key;
    wr_pake_key isk;
    if (!vec_hex(value, &bytes) || bytes.len != sizeof point.b) {
        vec_fail(tally, "%s: is not 32 bytes of hex", name);
        return;
    }
    memcpy(point.b, bytes.ptr, sizeof point.b);
    memcpy(key.b, scalar_bytes, sizeof key.b);
    vec_check(tally, wr_ristretto_mul(&key, &point, &product) == WR_ERR_BAD_KEY,
              "%s: is accepted by the multiplication", name);
    vec_check(tally,
              wr_pake_start(&pake, &config, &rng, &own) == WR_OK &&
                  wr_pake_finish(&pake, &point, WR_SLICE_EMPTY, &isk) == WR_ERR_BAD_KEY,
              "%s: is accepted from a peer", name);
}

static void run_points(json_t *points, vec_tally *tally) {
    const char *name;
    json_t *value;
    json_object_foreach(points, name, value) {
        vec_reset();
        if (json_is_object(value))
            run_valid(value, tally);
        else
            run_invalid(name, value, tally);
    }
}

static void run(const json_t *root, vec_tally *tally) {
    const char *suite = vec_text_at(root, "suite");
    json_t *protocol = json_object_get(root, "protocol");
    if (strcmp(suite, "CPACE-RISTR255-SHA512") != 0) {
        if (*suite == '\0')
            vec_fail(tally, "names no \"suite\"");
        else
            tally->skipped++;
        return;
    }
    if (json_is_object(protocol))
        run_protocol(protocol, tally);
    for (size_t i = 0; i < json_array_size(protocol); i++) {
        vec_reset();
        run_protocol(json_array_get(protocol, i), tally);
    }
    run_points(json_object_get(root, "points"), tally);
    run_functions(json_object_get(root, "functions"), tally);
}

int main(int argc, char **argv) {
    return vec_main(argc, argv, run);
}
