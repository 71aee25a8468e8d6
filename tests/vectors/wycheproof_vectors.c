/* wycheproof-vectors FILE..: X25519, Ed25519 and the two AEADs through the crypto door.
 *
 * The file's "algorithm" selects the check; what the door has no function for is skipped, and so
 * are nonces of a size that its types cannot hold.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/crypto.h"
#include "vectors/json.h"

typedef enum verdict { PASS, FAIL, SKIP } verdict;

static verdict pass_if(bool holds) {
    return holds ? PASS : FAIL;
}

static bool must_hold(const json_t *test) {
    return strcmp(vec_text_at(test, "result"), "valid") == 0;
}

static bool must_fail(const json_t *test) {
    return strcmp(vec_text_at(test, "result"), "invalid") == 0;
}

/* "acceptable" ones have to give the published result too, but for the all-zero one, which this
 * door always refuses. */
static verdict check_x25519(const json_t *group, const json_t *test) {
    wr_key secret, shared;
    wr_pub peer;
    wr_slice want;
    if (strcmp(vec_text_at(group, "curve"), "curve25519") != 0)
        return SKIP;
    if (!vec_hex_exact(test, "private", secret.b, sizeof secret.b) ||
        !vec_hex_exact(test, "public", peer.b, sizeof peer.b) || !vec_hex_at(test, "shared", &want))
        return must_fail(test) ? PASS : FAIL;
    wr_err err = wr_dh(&secret, &peer, &shared);
    if (must_fail(test) || wr_is_zero(want))
        return pass_if(err == WR_ERR_BAD_KEY && !must_hold(test));
    return pass_if(err == WR_OK && wr_equal(WR_SLICE_OBJ(shared), want));
}

static verdict check_ed25519(const json_t *group, const json_t *test) {
    const json_t *public = json_object_get(group, "publicKey");
    wr_pub key;
    wr_sig sig;
    wr_slice message, sig_bytes;
    if (strcmp(vec_text_at(public, "curve"), "edwards25519") != 0)
        return SKIP;
    if (!vec_hex_exact(public, "pk", key.b, sizeof key.b) || !vec_hex_at(test, "msg", &message) ||
        !vec_hex_at(test, "sig", &sig_bytes))
        return FAIL;
    if (sig_bytes.len != sizeof sig.b) /* no decoder makes a wr_sig of it */
        return pass_if(must_fail(test));
    memcpy(sig.b, sig_bytes.ptr, sizeof sig.b);
    return pass_if((wr_ed25519_verify(&key, message, &sig) == WR_OK) == must_hold(test));
}

typedef struct aead_case {
    wr_key key;
    wr_slice iv, aad, plain;
    wr_slice sealed; /* ciphertext and tag */
} aead_case;

static bool read_aead(const json_t *test, aead_case *ret_case) {
    wr_slice ct, tag;
    wr_slice *parts[] = {&ret_case->iv, &ret_case->aad, &ret_case->plain};
    const char *names[] = {"iv", "aad", "msg"};
    if (!vec_hex_exact(test, "key", ret_case->key.b, sizeof ret_case->key.b))
        return false;
    for (size_t i = 0; i < WR_COUNT(parts); i++)
        if (!vec_hex_at(test, names[i], parts[i]))
            return false;
    /* Decoded one behind the other, so they already lie together. */
    if (!vec_hex_at(test, "ct", &ct) || !vec_hex_at(test, "tag", &tag))
        return false;
    ret_case->sealed = wr_slice_of(ct.ptr, ct.len + tag.len);
    return true;
}

static uint8_t room[2u * 1024u * 1024u];

static bool opens_to(wr_err err, const wr_buf *got, const aead_case *c, const json_t *test) {
    if (must_fail(test))
        return err == WR_ERR_AUTH && got->len == 0;
    return err == WR_OK && wr_equal(wr_buf_slice(got), c->plain);
}

static verdict check_xchacha(const json_t *group, const json_t *test) {
    aead_case c;
    wr_buf out = WR_BUF_ARRAY(room);
    (void)group;
    if (!read_aead(test, &c))
        return FAIL;
    if (c.iv.len != WR_XNONCE_SIZE)
        return SKIP;
    wr_err err = wr_xaead_open(&c.key, c.iv.ptr, c.aad, c.sealed, &out);
    if (!opens_to(err, &out, &c, test))
        return FAIL;
    out.len = 0;
    return pass_if(must_fail(test) ||
                   (wr_xaead_seal(&c.key, c.iv.ptr, c.aad, c.plain, &out) == WR_OK &&
                    wr_equal(wr_buf_slice(&out), c.sealed)));
}

/* Noise's form of the nonce, where the vector happens to have it. */
static bool noise_form_holds(const aead_case *c, const json_t *test) {
    wr_buf out = WR_BUF_ARRAY(room);
    uint64_t n = 0;
    if (!wr_is_zero(wr_slice_of(c->iv.ptr, 4)))
        return true;
    for (size_t i = 0; i < 8; i++)
        n |= (uint64_t)c->iv.ptr[4 + i] << (8 * i);
    if (!opens_to(wr_aead_open(&c->key, n, c->aad, c->sealed, &out), &out, c, test))
        return false;
    out.len = 0;
    return must_fail(test) || (wr_aead_seal(&c->key, n, c->aad, c->plain, &out) == WR_OK &&
                               wr_equal(wr_buf_slice(&out), c->sealed));
}

static verdict check_chacha(const json_t *group, const json_t *test) {
    aead_case c;
    wr_buf out = WR_BUF_ARRAY(room);
    (void)group;
    if (!read_aead(test, &c))
        return FAIL;
    if (c.iv.len != 12)
        return SKIP;
    wr_err err = wr_aead_open12(&c.key, c.iv.ptr, c.aad, c.sealed, &out);
    return pass_if(opens_to(err, &out, &c, test) && noise_form_holds(&c, test));
}

typedef verdict check_fn(const json_t *group, const json_t *test);

static const struct {
    const char *algorithm;
    check_fn *check;
} checks[] = {
    {"XDH", check_x25519},
    {"X25519", check_x25519},
    {"EDDSA", check_ed25519},
    {"XCHACHA20-POLY1305", check_xchacha},
    {"CHACHA20-POLY1305", check_chacha},
};

static check_fn *find_check(const char *algorithm) {
    for (size_t i = 0; i < WR_COUNT(checks); i++)
        if (strcmp(checks[i].algorithm, algorithm) == 0)
            return checks[i].check;
    return NULL;
}

static void run_group(const json_t *group, check_fn *check, vec_tally *tally) {
    const json_t *tests = json_object_get(group, "tests");
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        vec_reset();
        switch (check == NULL ? SKIP : check(group, test)) {
        case SKIP:
            tally->skipped++;
            break;
        case PASS:
            tally->passed++;
            break;
        case FAIL:
            vec_fail(tally, "tcId %lld (%s): %s",
                     (long long)json_integer_value(json_object_get(test, "tcId")),
                     vec_text_at(test, "result"), vec_text_at(test, "comment"));
            break;
        }
    }
}

static void run(const json_t *root, vec_tally *tally) {
    const json_t *groups = json_object_get(root, "testGroups");
    check_fn *check = find_check(vec_text_at(root, "algorithm"));
    if (!json_is_array(groups))
        vec_fail(tally, "has no array \"testGroups\"");
    for (size_t i = 0; i < json_array_size(groups); i++)
        run_group(json_array_get(groups, i), check, tally);
}

int main(int argc, char **argv) {
    return vec_main(argc, argv, run);
}
