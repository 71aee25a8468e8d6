/* Headers, leaves and sealed bodies: what is bound to what.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/entry.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include "harness/harness.h"

static uint8_t sealed_bytes[WR_ENTRY_BYTES_MAX];
static uint8_t plain_bytes[WR_ENTRY_BYTES_MAX];
static uint8_t content_bytes[WR_CONTENT_BYTES_MAX + 1];

static wr_feed_keys keys;
static wr_hash feed_id, epoch_id;
static wr_rng rng;

static void fill_zero(void *ctx, uint8_t *out, size_t len) {
    (void)ctx;
    memset(out, 0, len);
}
static const wr_rng stuck = {fill_zero, NULL};

static int setup(void **state) {
    (void)state;
    T_OK(wr_crypto_init());
    rng = t_rng(4);
    wr_rng_fill(&rng, &keys, sizeof keys);
    wr_rng_fill(&rng, feed_id.b, sizeof feed_id.b);
    wr_rng_fill(&rng, epoch_id.b, sizeof epoch_id.b);
    wr_rng_fill(&rng, content_bytes, sizeof content_bytes);
    return 0;
}

static wr_entry fields(void) {
    wr_entry entry = {.kind = 0x85,
                      .log_no = 0x0102,
                      .seq = 0x1112131415161718,
                      .hlc = 0x2122232425262728,
                      .expire = 0x3132333435363738};
    memcpy(entry.epoch_tag, epoch_id.b, WR_EPOCH_TAG_SIZE);
    return entry;
}

/* A sealed entry with the first len content bytes; its body stands in sealed_bytes. */
static wr_entry sealed(size_t len, const wr_rng *from) {
    wr_entry entry = fields();
    wr_buf out = WR_BUF_ARRAY(sealed_bytes);
    T_OK(wr_entry_seal(&keys, &feed_id, &epoch_id, from, wr_slice_of(content_bytes, len), &entry,
                       &out));
    T_EQ(out.len, entry.body_len);
    return entry;
}

static wr_err try_open(const wr_entry *entry, wr_buf *out) {
    *out = WR_BUF_ARRAY(plain_bytes);
    return wr_entry_open(&keys, &feed_id, &epoch_id, entry, out);
}

/* The 96 bytes, written out by hand from the table in feed.md 1.2. */
static void header_by_hand(const wr_entry *entry, const wr_hash *body_hash, uint8_t hdr[96]) {
    const uint8_t fixed[] = {1,    0x85, 0x01, 0x02, 0,    0,    0,    0,    0x11, 0x12, 0x13,
                             0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26,
                             0x27, 0x28, 0,    0,    0,    0,    0,    0,    0,    0};
    const uint8_t expire[] = {0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38};
    memcpy(hdr, fixed, sizeof fixed);
    for (unsigned i = 0; i < 4; i++)
        hdr[4 + i] = (uint8_t)(entry->body_len >> (24 - 8 * i));
    memcpy(hdr + 24, epoch_id.b, 8);
    memcpy(hdr + 32, entry->nonce, 24);
    memcpy(hdr + 56, expire, sizeof expire);
    memcpy(hdr + 64, body_hash->b, 32);
}

static void aad_by_hand(const wr_entry *entry, uint8_t aad[104]) {
    uint8_t hdr[96];
    wr_hash none = {{0}};
    header_by_hand(entry, &none, hdr);
    memcpy(aad, feed_id.b, 32);
    memcpy(aad + 32, epoch_id.b, 32);
    memcpy(aad + 64, hdr, 32);
    memcpy(aad + 96, hdr + 56, 8);
}

static void the_leaf_is_the_hash_of_feed_and_header(void **state) {
    (void)state;
    wr_entry entry = sealed(77, &rng);
    uint8_t block[128];
    wr_hash body_hash = wr_hash_of(WR_LABEL_BODY, entry.body);
    memcpy(block, feed_id.b, 32);
    header_by_hand(&entry, &body_hash, block + 32);
    wr_hash want = wr_hash_of(WR_LABEL_LEAF, wr_slice_of(block, sizeof block));
    wr_hash got = wr_entry_leaf(&feed_id, &entry);
    T_MEM(got.b, want.b, sizeof got.b);
}

/* Negative test 45: what is left of an erased entry proves as much as before. */
static void an_erased_entry_keeps_its_leaf_and_opens_no_more(void **state) {
    (void)state;
    wr_entry entry = sealed(200, &rng), erased = entry;
    wr_buf out;
    erased.erased = true;
    erased.body_hash = wr_hash_of(WR_LABEL_BODY, entry.body);
    erased.body = WR_SLICE_EMPTY;
    wr_hash before = wr_entry_leaf(&feed_id, &entry), after = wr_entry_leaf(&feed_id, &erased);
    T_MEM(after.b, before.b, sizeof after.b);
    T_ERR(try_open(&erased, &out), WR_ERR_UNKNOWN);
    T_EQ(out.len, 0);
    erased.body_hash.b[0] ^= 1;
    after = wr_entry_leaf(&feed_id, &erased);
    T_FALSE(wr_hash_equal(&after, &before));
}

static void content_of_every_length_comes_back(void **state) {
    (void)state;
    for (size_t len = 0; len <= WR_CONTENT_BYTES_MAX;
         len += len < 300 || len > WR_CONTENT_BYTES_MAX - 3 ? 1 : 997) {
        if (len > 300 && len + 997 > WR_CONTENT_BYTES_MAX && len < WR_CONTENT_BYTES_MAX - 2)
            len = WR_CONTENT_BYTES_MAX - 2;
        wr_entry entry = sealed(len, &rng);
        wr_buf out;
        T_EQ(entry.body_len, wr_entry_sealed_len(len));
        T_EQ(entry.body_len, wr_padme(len + 1, 128) + 16);
        T_TRUE(entry.body_len <= WR_ENTRY_BYTES_MAX - WR_ENTRY_FIELDS_MAX);
        T_OK(try_open(&entry, &out));
        T_SLICE(wr_buf_slice(&out), wr_slice_of(content_bytes, len));
    }
    T_EQ(wr_entry_sealed_len(0), 144);
    T_EQ(wr_entry_sealed_len(127), 144);
    T_EQ(wr_entry_sealed_len(128), 160);
    T_EQ(wr_entry_sealed_len(200), 224);
}

static void too_much_content_is_refused_and_too_little_room_too(void **state) {
    (void)state;
    wr_entry entry = fields();
    wr_buf out = WR_BUF_ARRAY(sealed_bytes);
    T_ERR(wr_entry_seal(&keys, &feed_id, &epoch_id, &rng,
                        wr_slice_of(content_bytes, WR_CONTENT_BYTES_MAX + 1), &entry, &out),
          WR_ERR_LIMIT);
    for (size_t room = 0; room < 224; room++) {
        out = wr_buf_of(sealed_bytes, room);
        T_ERR(wr_entry_seal(&keys, &feed_id, &epoch_id, &rng, wr_slice_of(content_bytes, 200),
                            &entry, &out),
              WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
    entry = sealed(200, &rng);
    for (size_t room = 0; room < 208; room++) {
        out = wr_buf_of(plain_bytes, room);
        T_ERR(wr_entry_open(&keys, &feed_id, &epoch_id, &entry, &out), WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
}

/* spec:feed#3.4 type=test "Wrong padding inside an authentic ciphertext MUST give the same error
 * as a wrong tag." */
static void wrong_padding_looks_like_a_wrong_tag(void **state) {
    (void)state;
    static const struct {
        uint8_t at, byte;
    } wrong[] = {
        {50, 0x00},  /* no mark at all */
        {50, 0x81},  /* a mark with another bit */
        {50, 0x01},  /* another mark */
        {127, 0x01}, /* something after the zeros */
        {127, 0xff}, {51, 0x7f},
    };
    for (size_t i = 0; i <= WR_COUNT(wrong); i++) {
        uint8_t plain[128] = {0}, aad[104];
        wr_entry entry = fields();
        wr_buf body = WR_BUF_ARRAY(sealed_bytes), out;
        plain[50] = 0x80;
        if (i < WR_COUNT(wrong))
            plain[wrong[i].at] = wrong[i].byte;
        entry.body_len = 144;
        memset(entry.nonce, 7, sizeof entry.nonce);
        aad_by_hand(&entry, aad);
        T_OK(wr_xaead_seal(&keys.enc, entry.nonce, wr_slice_of(aad, sizeof aad),
                           wr_slice_of(plain, sizeof plain), &body));
        entry.body = wr_buf_slice(&body);
        if (i < WR_COUNT(wrong)) {
            T_ERR(try_open(&entry, &out), WR_ERR_AUTH);
            T_EQ(out.len, 0);
            T_TRUE(wr_is_zero(wr_slice_of(plain_bytes, sizeof plain)));
            continue;
        }
        T_OK(try_open(&entry, &out)); /* so the additional data is what the header says */
        T_EQ(out.len, 50);
        sealed_bytes[143] ^= 1;
        T_ERR(try_open(&entry, &out), WR_ERR_AUTH);
    }
}

/* Negative tests 39 and 42. */
static void a_changed_body_or_header_does_not_open(void **state) {
    (void)state;
    wr_entry entry = sealed(100, &rng);
    wr_buf out;
    for (size_t i = 0; i < entry.body_len; i++)
        for (unsigned bit = 0; bit < 8; bit += 3) {
            sealed_bytes[i] ^= (uint8_t)(1u << bit);
            T_ERR(try_open(&entry, &out), WR_ERR_AUTH);
            T_EQ(out.len, 0);
            sealed_bytes[i] ^= (uint8_t)(1u << bit);
        }
    for (size_t len = 0; len < entry.body_len; len++) {
        wr_entry cut = entry;
        cut.body.len = len;
        T_ERR(try_open(&cut, &out), WR_ERR_AUTH);
        cut.body_len = (uint32_t)len;
        T_ERR(try_open(&cut, &out), WR_ERR_AUTH);
    }
    for (unsigned bit = 0; bit < 192; bit++) {
        wr_entry other = entry;
        other.nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
    }
    T_OK(try_open(&entry, &out));
}

/* spec:feed#3.3 type=test "The additional data MUST hold the full epoch id, since the tag in the
 * header only selects one." */
static void an_entry_moved_elsewhere_does_not_open(void **state) {
    (void)state;
    wr_entry entry = sealed(100, &rng), other;
    wr_buf out = WR_BUF_ARRAY(plain_bytes);
    for (unsigned bit = 0; bit < 64; bit++) {
        other = entry;
        other.seq ^= 1ull << bit;
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
        other = entry;
        other.hlc ^= 1ull << bit;
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
        other = entry;
        other.expire ^= 1ull << bit;
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
        other = entry;
        other.epoch_tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        other = entry;
        other.log_no ^= (uint16_t)(1u << bit);
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
    }
    for (unsigned bit = 0; bit < 8; bit++) {
        other = entry;
        other.kind ^= (uint8_t)(1u << bit);
        T_ERR(try_open(&other, &out), WR_ERR_AUTH);
    }
    for (unsigned bit = 0; bit < 256; bit++) {
        wr_hash feed = feed_id, epoch = epoch_id;
        feed.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        epoch.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_ERR(wr_entry_open(&keys, &feed, &epoch_id, &entry, &out), WR_ERR_AUTH);
        T_ERR(wr_entry_open(&keys, &feed_id, &epoch, &entry, &out), WR_ERR_AUTH);
    }
    wr_feed_keys wrong = keys;
    wrong.enc.b[31] ^= 1;
    T_ERR(wr_entry_open(&wrong, &feed_id, &epoch_id, &entry, &out), WR_ERR_AUTH);
    T_EQ(out.len, 0);
}

static bool same_nonce(const wr_entry *a, const wr_entry *b) {
    return wr_equal(wr_slice_of(a->nonce, WR_XNONCE_SIZE), wr_slice_of(b->nonce, WR_XNONCE_SIZE));
}

/* Negative test 41.
 * spec:feed#3.2 type=test "The nonce of an entry MUST be made of fresh random bytes and of all that
 * is sealed." */
static void nonces_differ_even_if_the_generator_is_stuck(void **state) {
    (void)state;
    wr_entry seen[200];
    for (size_t i = 0; i < WR_COUNT(seen); i++) {
        content_bytes[0] = (uint8_t)i; /* distinct plaintexts of one length */
        seen[i] = sealed(64, &stuck);
        for (size_t j = 0; j < i; j++)
            T_FALSE(same_nonce(&seen[i], &seen[j]));
    }
    wr_entry same = sealed(64, &stuck);
    T_TRUE(same_nonce(&same, &seen[199])); /* nothing differs: nothing is given away either */

    /* One plaintext at another place. */
    wr_entry moved = fields();
    wr_buf out = WR_BUF_ARRAY(sealed_bytes);
    moved.seq++;
    T_OK(wr_entry_seal(&keys, &feed_id, &epoch_id, &stuck, wr_slice_of(content_bytes, 64), &moved,
                       &out));
    T_FALSE(same_nonce(&moved, &same));
    /* And with a generator that works, the same plaintext at the same place. */
    wr_entry one = sealed(64, &rng), two = sealed(64, &rng);
    T_FALSE(same_nonce(&one, &two));
}

static void the_nonce_is_the_keyed_hash_of_all_that_is_sealed(void **state) {
    (void)state;
    wr_entry entry = sealed(10, &stuck);
    uint8_t fresh[16] = {0}, aad[104], plain[128] = {0}, want[24];
    aad_by_hand(&entry, aad);
    memcpy(plain, content_bytes, 10);
    plain[10] = 0x80;
    const wr_slice parts[] = {wr_slice_of(fresh, 16), wr_slice_of(aad, 104),
                              wr_slice_of(plain, 128)};
    wr_siv_nonce(&keys.siv, parts, 3, want);
    T_MEM(entry.nonce, want, sizeof want);
}

static void an_app_kind_travels_in_front_of_the_body(void **state) {
    (void)state;
    uint8_t bytes[300], flags = 99;
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_slice kind, body;
    T_OK(wr_content_encode(wr_slice_str("note"), wr_slice_str("hi"), &out, &flags));
    T_EQ(flags, WR_ENTRY_HAS_APP_KIND);
    T_SLICE(wr_buf_slice(&out), wr_slice_of("\x92\xc4\x04note\xc4\x02hi", 11));
    T_OK(wr_content_decode(flags, wr_buf_slice(&out), &kind, &body));
    T_SLICE(kind, wr_slice_str("note"));
    T_SLICE(body, wr_slice_str("hi"));

    for (size_t len = 0; len < out.len; len++)
        T_ERR(wr_content_decode(flags, wr_slice_of(bytes, len), &kind, &body), WR_ERR_TRUNCATED);
    T_OK(wr_buf_put_u8(&out, 0));
    T_ERR(wr_content_decode(flags, wr_buf_slice(&out), &kind, &body), WR_ERR_FORMAT);
    T_ERR(wr_content_decode(flags, wr_slice_of("\x92\xc4\x00\xc4\x02hi", 7), &kind, &body),
          WR_ERR_FORMAT);

    out = WR_BUF_ARRAY(bytes);
    T_OK(wr_content_encode(WR_SLICE_EMPTY, wr_slice_str("hi"), &out, &flags));
    T_EQ(flags, 0);
    T_OK(wr_content_decode(flags, wr_buf_slice(&out), &kind, &body));
    T_EQ(kind.len, 0);
    T_SLICE(body, wr_slice_str("hi"));
}

static void the_largest_kind_and_body_fit_an_entry(void **state) {
    (void)state;
    static uint8_t kind[WR_NAME_BYTES_MAX + 1], body[WR_BODY_BYTES_MAX + 1];
    uint8_t flags;
    wr_buf out = WR_BUF_ARRAY(plain_bytes);
    wr_slice longest_kind = wr_slice_of(kind, WR_NAME_BYTES_MAX),
             longest_body = wr_slice_of(body, WR_BODY_BYTES_MAX);
    T_OK(wr_content_encode(longest_kind, longest_body, &out, &flags));
    T_TRUE(out.len <= WR_CONTENT_BYTES_MAX);
    wr_entry entry = fields();
    wr_buf ciphertext = WR_BUF_ARRAY(sealed_bytes);
    T_OK(wr_entry_seal(&keys, &feed_id, &epoch_id, &rng, wr_buf_slice(&out), &entry, &ciphertext));

    out = WR_BUF_ARRAY(plain_bytes);
    T_ERR(wr_content_encode(wr_slice_of(kind, sizeof kind), longest_body, &out, &flags),
          WR_ERR_LIMIT);
    T_ERR(wr_content_encode(WR_SLICE_EMPTY, wr_slice_of(body, sizeof body), &out, &flags),
          WR_ERR_LIMIT);
    for (size_t room = 0; room < 11; room++) {
        out = wr_buf_of(plain_bytes, room);
        T_ERR(wr_content_encode(wr_slice_str("note"), wr_slice_str("hi"), &out, &flags),
              WR_ERR_NOBUF);
        T_EQ(out.len, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leaf_is_the_hash_of_feed_and_header),
        cmocka_unit_test(an_erased_entry_keeps_its_leaf_and_opens_no_more),
        cmocka_unit_test(content_of_every_length_comes_back),
        cmocka_unit_test(too_much_content_is_refused_and_too_little_room_too),
        cmocka_unit_test(wrong_padding_looks_like_a_wrong_tag),
        cmocka_unit_test(a_changed_body_or_header_does_not_open),
        cmocka_unit_test(an_entry_moved_elsewhere_does_not_open),
        cmocka_unit_test(nonces_differ_even_if_the_generator_is_stuck),
        cmocka_unit_test(the_nonce_is_the_keyed_hash_of_all_that_is_sealed),
        cmocka_unit_test(an_app_kind_travels_in_front_of_the_body),
        cmocka_unit_test(the_largest_kind_and_body_fit_an_entry),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
