/* Target: wr_beacon_pair_read, by host and guest.
 * Input:  1 byte  what (mod 3): 0 the packet as it comes, 1 the plaintext of a packet that is
 *                 sealed under the right key, 2 changes to an honest beacon's bytes
 *         1 byte  bit 0: read by the guest; bit 1: by IPv6; then the sender's 16 bytes, then what
 *                 was chosen.
 * Oracle: no crash; what no key made is refused; an error changes nothing; a beacon that is heard
 *         names its sender, a query none; a host's answer is due in time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/crypto.h"
#include "engine/beacon.h"

#define PLAIN_SIZE 216u
#define AT_FLAGS 1u
#define AT_COUNT 78u
#define AT_ADDRS 79u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_mono now = {1000000};
static const wr_rid rid = {{1, 2, 3}};
static uint64_t counter;

static void fill(void *ctx, uint8_t *out, size_t len) {
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        counter = counter * 6364136223846793005ull + 1442695040888963407ull;
        out[i] = (uint8_t)(counter >> 56);
    }
}

static void must(wr_err err) {
    WR_ASSERT(err == WR_OK);
}

static void begin(wr_beacon_pair *pair, wr_beacon_side side) {
    wr_beacon_pair_init(pair, side, &rid, (wr_rng){fill, NULL}, now);
    WR_ASSERT(wr_beacon_pair_tick(pair, now));
}

static void seal(const wr_beacon_place *place, const uint8_t plain[PLAIN_SIZE],
                 uint8_t packet[WR_BEACON_SIZE]) {
    wr_hash hash = wr_hash_of(WR_LABEL_RID_BEACON, WR_SLICE_OBJ(rid));
    wr_key key;
    uint8_t bytes[31];
    wr_buf aad = WR_BUF_ARRAY(bytes), out = wr_buf_of(packet, WR_BEACON_SIZE);
    memcpy(key.b, hash.b, sizeof key.b);
    must(wr_buf_put(&aad, wr_slice_str("warren/bcn/1")));
    must(wr_buf_put_u8(&aad, place->family));
    must(wr_buf_put(&aad, wr_slice_of(place->group, sizeof place->group)));
    must(wr_buf_put_u16(&aad, place->port));
    must(wr_buf_put_zeros(&out, WR_XNONCE_SIZE));
    must(wr_xaead_seal(&key, packet, wr_buf_slice(&aad), wr_slice_of(plain, PLAIN_SIZE), &out));
}

static bool names(const uint8_t plain[PLAIN_SIZE], const wr_beacon_place *place) {
    for (size_t i = 0; i < plain[AT_COUNT]; i++) {
        const uint8_t *addr = plain + AT_ADDRS + 17 * i;
        if (addr[0] == place->family &&
            wr_equal(wr_slice_of(addr + 1, 16), wr_slice_of(place->sender, 16)))
            return true;
    }
    return false;
}

static wr_err hear(wr_beacon_pair *pair, const wr_beacon_place *place, wr_slice packet) {
    wr_beacon_pair before = *pair;
    wr_beacon_found found;
    wr_err err = wr_beacon_pair_read(pair, place, packet, now, &found);
    WR_ASSERT(err == WR_OK || err == WR_ERR_AUTH || err == WR_ERR_FORMAT);
    wr_mono due = wr_beacon_pair_deadline(pair);
    if (err != WR_OK || pair->side == WR_BEACON_GUEST)
        WR_ASSERT(due.ms == wr_beacon_pair_deadline(&before).ms);
    if (err == WR_OK && pair->side == WR_BEACON_HOST)
        WR_ASSERT(found.tcp_port == 0);
    if (due.ms != wr_beacon_pair_deadline(&before).ms)
        WR_ASSERT(due.ms >= now.ms + WR_BEACON_ANSWER_MS_MIN &&
                  due.ms <= now.ms + WR_BEACON_ANSWER_MS_MAX);
    return err;
}

static void fuzz_plain(wr_beacon_pair *pair, const wr_beacon_place *place, wr_slice rest) {
    uint8_t plain[PLAIN_SIZE] = {0}, packet[WR_BEACON_SIZE];
    memcpy(plain, rest.ptr, rest.len < PLAIN_SIZE ? rest.len : PLAIN_SIZE);
    seal(place, plain, packet);
    if (hear(pair, place, wr_slice_of(packet, sizeof packet)) != WR_OK)
        return;
    WR_ASSERT(plain[AT_FLAGS] == 4 || plain[AT_FLAGS] == 5);
    if (plain[AT_FLAGS] == 4)
        WR_ASSERT(names(plain, place));
    else
        WR_ASSERT(wr_is_zero(wr_slice_of(plain + AT_COUNT, PLAIN_SIZE - AT_COUNT)));
}

static void fuzz_change(wr_beacon_pair *pair, const wr_beacon_place *place, wr_slice rest) {
    uint8_t packet[WR_BEACON_SIZE];
    wr_beacon_pair host;
    bool differs = false;
    if (wr_is_zero(wr_slice_of(place->sender, sizeof place->sender)))
        return;
    begin(&host, WR_BEACON_HOST);
    wr_beacon_pair_write(&host, place, 7117, packet);
    for (size_t i = 0; i < rest.len && i < sizeof packet; i++) {
        packet[i] ^= rest.ptr[i];
        differs = differs || rest.ptr[i] != 0;
    }
    wr_err err = hear(pair, place, wr_slice_of(packet, sizeof packet));
    WR_ASSERT(err == (differs ? WR_ERR_AUTH : WR_OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool started;
    if (!started)
        must(wr_crypto_init());
    started = true;
    if (size < 18 || size > 1024)
        return 0;
    counter = 1;
    wr_beacon_place place = {.family = data[1] & 2 ? 6 : 4, .group = {239}, .port = 61104};
    memcpy(place.sender, data + 2, place.family == 6 ? 16 : 4);
    wr_slice rest = wr_slice_of(data + 18, size - 18);
    wr_beacon_pair pair;
    begin(&pair, data[1] & 1 ? WR_BEACON_GUEST : WR_BEACON_HOST);
    if (data[0] % 3 == 0)
        WR_ASSERT(hear(&pair, &place, rest) != WR_OK);
    if (data[0] % 3 == 1)
        fuzz_plain(&pair, &place, rest);
    if (data[0] % 3 == 2)
        fuzz_change(&pair, &place, rest);
    return 0;
}
