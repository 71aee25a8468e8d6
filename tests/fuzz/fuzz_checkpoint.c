/* Fuzzes the checkpoint decoder and the checks of a feed.
 *
 * Target: wr_checkpoint_decode, wr_feed_check.
 * Input:  64 bytes of signature, then a checkpoint.
 * Oracle: what decodes encodes to the very same bytes, what does not leaves the result as it was;
 *         a checkpoint that nobody signed is never
 *         taken, and changes nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/feed.h"

#include "crypto/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_feed(const wr_checkpoint *cp, wr_slice bytes, const wr_sig *sig) {
    static wr_feed feed;
    static const wr_key seed = {{5}};
    static wr_sign_key secret;
    static wr_pub public_key;
    if (wr_is_zero(WR_SLICE_OBJ(public_key)))
        wr_sign_keypair(&seed, &secret, &public_key);
    wr_checkpoint got;
    feed = (wr_feed){.feed_id = cp->feed_id};
    wr_err err = wr_feed_check(&feed, bytes, sig, &public_key, &got);
    WR_ASSERT(err == WR_ERR_AUTH);
    WR_ASSERT(!feed.has_checkpoint);
    feed.feed_id.b[0] ^= 1;
    WR_ASSERT(wr_feed_check(&feed, bytes, sig, &public_key, &got) == WR_ERR_FORMAT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < WR_SIG_SIZE)
        return 0;
    WR_ASSERT(wr_crypto_init() == WR_OK);
    wr_sig sig;
    memcpy(sig.b, data, sizeof sig.b);
    wr_slice bytes = wr_slice_of(data + WR_SIG_SIZE, size - WR_SIG_SIZE);
    static wr_checkpoint cp, before;
    memset(&cp, 0x5a, sizeof cp);
    before = cp;
    wr_err err = wr_checkpoint_decode(bytes, &cp);
    if (err != WR_OK) {
        WR_ASSERT(wr_equal(wr_slice_of(&cp, sizeof cp), wr_slice_of(&before, sizeof before)));
        WR_ASSERT(err == WR_ERR_FORMAT || err == WR_ERR_TRUNCATED || err == WR_ERR_LIMIT ||
                  err == WR_ERR_VERSION);
        return 0;
    }
    uint8_t again[WR_CHECKPOINT_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(again);
    WR_ASSERT(wr_checkpoint_encode(&cp, &out) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&out), bytes));
    WR_ASSERT(cp.k < cp.len);
    check_feed(&cp, bytes, &sig);
    return 0;
}
