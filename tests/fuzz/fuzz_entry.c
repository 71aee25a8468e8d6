/* Fuzzes entries that were changed on their way, and what may stand inside of one.
 *
 * Target: wr_content_decode and _encode, wr_entry_seal, wr_entry_open.
 * Input:  1 byte  what the rest is (mod 2):
 *           0     1 byte kind and flags of the entry, then its content
 *           1     1 byte count, as many changes (u8 field, u16 place, u8 xor), then the content
 * Oracle: content that is accepted encodes to the same bytes; what is refused leaves the results
 *         as they were; a sealed entry opens to its content, one with anything changed does not,
 *         and appends nothing; the genuine one opens afterwards.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/crypto.h"
#include "feed/entry.h"

#define INPUT_BYTES_MAX 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t sealed[2 * INPUT_BYTES_MAX], opened[2 * INPUT_BYTES_MAX];

static void fill(void *ctx, uint8_t *out, size_t len) {
    (void)ctx;
    memset(out, 7, len);
}

static void check_content(uint8_t flags, wr_slice content) {
    static const uint8_t mark = 0;
    wr_slice kind = wr_slice_of(&mark, 0), body = wr_slice_of(&mark, 1);
    wr_buf again = WR_BUF_ARRAY(opened);
    uint8_t again_flags = 0x55;
    if (wr_content_decode(flags, content, &kind, &body) != WR_OK) {
        WR_ASSERT(kind.ptr == &mark && kind.len == 0);
        WR_ASSERT(body.ptr == &mark && body.len == 1);
        return;
    }
    WR_ASSERT(kind.len <= WR_NAME_BYTES_MAX);
    WR_ASSERT(kind.len == 0 || (flags & WR_ENTRY_HAS_APP_KIND) != 0);
    WR_ASSERT(wr_content_encode(kind, body, &again, &again_flags) == WR_OK);
    WR_ASSERT(again_flags == (flags & WR_ENTRY_HAS_APP_KIND));
    WR_ASSERT(wr_equal(wr_buf_slice(&again), content));
}

/* Changes one thing that is sealed or authenticated; false: nothing. */
static bool change(wr_entry *entry, wr_hash *feed_id, wr_hash *epoch_id, wr_slice *in) {
    uint8_t field, flip;
    uint16_t at;
    if (!wr_slice_take_u8(in, &field) || !wr_slice_take_u16(in, &at) ||
        !wr_slice_take_u8(in, &flip))
        return false;
    switch (field % 9) {
    case 0:
        sealed[at % entry->body_len] ^= flip;
        break;
    case 1:
        entry->nonce[at % sizeof entry->nonce] ^= flip;
        break;
    case 2:
        entry->kind ^= flip;
        break;
    case 3:
        entry->log_no ^= flip;
        break;
    case 4:
        entry->seq ^= (uint64_t)flip << at % 57;
        break;
    case 5:
        entry->hlc ^= (uint64_t)flip << at % 57;
        break;
    case 6:
        entry->expire ^= (uint64_t)flip << at % 57;
        break;
    case 7:
        feed_id->b[at % sizeof feed_id->b] ^= flip;
        break;
    default:
        epoch_id->b[at % sizeof epoch_id->b] ^= flip;
        break;
    }
    return true;
}

static bool is_same(const wr_entry *a, const wr_entry *b) {
    return a->kind == b->kind && a->log_no == b->log_no && a->seq == b->seq && a->hlc == b->hlc &&
           a->expire == b->expire &&
           wr_equal(wr_slice_of(a->nonce, sizeof a->nonce), wr_slice_of(b->nonce, sizeof b->nonce));
}

static void check_open(const wr_feed_keys *keys, const wr_hash *feed_id, const wr_hash *epoch_id,
                       const wr_entry *entry, const wr_slice *content) {
    wr_buf out = WR_BUF_ARRAY(opened);
    wr_err err = wr_entry_open(keys, feed_id, epoch_id, entry, &out);
    WR_ASSERT(err == (content != NULL ? WR_OK : WR_ERR_AUTH));
    WR_ASSERT(content != NULL || out.len == 0);
    if (content != NULL)
        WR_ASSERT(wr_equal(wr_buf_slice(&out), *content));
}

static void check_changed(uint8_t count, wr_slice in) {
    static uint8_t genuine[sizeof sealed];
    static const wr_feed_keys keys = {{{1}}, {{2}}};
    const wr_hash feed_id = {{3}}, epoch_id = {{4}};
    wr_hash other_feed = feed_id, other_epoch = epoch_id;
    wr_rng rng = {fill, NULL};
    wr_slice changes = in;
    size_t taken = count * (size_t)4 < in.len ? count * (size_t)4 : in.len;
    wr_slice content = wr_slice_of(in.ptr + taken, in.len - taken);
    wr_buf out = WR_BUF_ARRAY(sealed);
    wr_entry entry = {.log_no = 3, .seq = 1000, .hlc = 1ull << 40, .epoch_tag = {4}}, bent;
    WR_ASSERT(wr_entry_seal(&keys, &feed_id, &epoch_id, &rng, content, &entry, &out) == WR_OK);
    WR_ASSERT(out.len == entry.body_len);
    WR_ASSERT(out.len == wr_entry_sealed_len(content.len));
    memcpy(genuine, sealed, out.len);
    bent = entry;
    for (uint8_t i = 0; i < count; i++)
        if (!change(&bent, &other_feed, &other_epoch, &changes))
            break;
    bool same = is_same(&entry, &bent) && wr_hash_equal(&feed_id, &other_feed) &&
                wr_hash_equal(&epoch_id, &other_epoch) &&
                wr_equal(wr_slice_of(genuine, out.len), wr_slice_of(sealed, out.len));
    check_open(&keys, &other_feed, &other_epoch, &bent, same ? &content : NULL);
    memcpy(sealed, genuine, out.len);
    check_open(&keys, &feed_id, &epoch_id, &entry, &content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > INPUT_BYTES_MAX)
        return 0;
    WR_ASSERT(wr_crypto_init() == WR_OK);
    if (data[0] % 2 == 0)
        check_content(data[1], wr_slice_of(data + 2, size - 2));
    else
        check_changed(data[1] % 8, wr_slice_of(data + 2, size - 2));
    return 0;
}
