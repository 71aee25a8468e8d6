/* Pairing beacons: the packet, and when one is due.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/beacon.h"

#include "crypto/crypto.h"

#define AAD_LABEL "warren/bcn/1"
#define IP_SIZE 16u
#define AAD_SIZE (sizeof AAD_LABEL - 1u + 1u + IP_SIZE + 2u)
#define ADDR_SIZE (1u + IP_SIZE)
#define PLAIN_SIZE 216u
#define VERSION 1u
#define FLAG_QUERY 1u
#define FLAG_PAIRING 4u

/* Between the udp port and the boot id, and between that and the count: what a pairing beacon
 * leaves out. */
#define DEVICE_SIZE 32u
#define LASTING_SIZE (8u + 8u + 8u + 8u) /* counter, circle time, two digests */
#define FIXED_SIZE (1u + 1u + 2u + 2u + DEVICE_SIZE + 8u + LASTING_SIZE + 1u)

_Static_assert(WR_XNONCE_SIZE + PLAIN_SIZE + WR_TAG_SIZE == WR_BEACON_SIZE, "beacon.md 1.1");
_Static_assert(FIXED_SIZE == 79u, "beacon.md 1.2");
_Static_assert(FIXED_SIZE + WR_BEACON_ADDRS_MAX * ADDR_SIZE <= PLAIN_SIZE, "six addresses fit");

/* ---- the packet ----------------------------------------------------------------------------- */

typedef struct content { /* what a pairing beacon or query may say */
    bool query;
    uint16_t tcp_port;
    uint64_t boot_id;
    size_t addr_count;
    wr_slice addrs; /* ADDR_SIZE each; not read beyond addr_count */
} content;

static void must(wr_err err) {
    WR_ASSERT(err == WR_OK); /* the buffers below have exactly the size they need */
}

static void put_aad(const wr_beacon_place *place, uint8_t out[AAD_SIZE]) {
    wr_buf aad = wr_buf_of(out, AAD_SIZE);
    WR_ASSERT(place->family == 4 || place->family == 6);
    must(wr_buf_put(&aad, wr_slice_str(AAD_LABEL)));
    must(wr_buf_put_u8(&aad, place->family));
    must(wr_buf_put(&aad, wr_slice_of(place->group, sizeof place->group)));
    must(wr_buf_put_u16(&aad, place->port));
    WR_ASSERT(aad.len == AAD_SIZE);
}

static void put_sender(const wr_beacon_place *place, uint8_t out[ADDR_SIZE]) {
    out[0] = place->family;
    memcpy(out + 1, place->sender, IP_SIZE);
}

static void put_content(const content *said, uint8_t out[PLAIN_SIZE]) {
    wr_buf plain = wr_buf_of(out, PLAIN_SIZE);
    must(wr_buf_put_u8(&plain, VERSION));
    must(wr_buf_put_u8(&plain, said->query ? FLAG_PAIRING | FLAG_QUERY : FLAG_PAIRING));
    must(wr_buf_put_u16(&plain, said->tcp_port));
    must(wr_buf_put_u16(&plain, 0)); /* udp_port */
    must(wr_buf_put_zeros(&plain, DEVICE_SIZE));
    must(wr_buf_put_u64(&plain, said->boot_id));
    must(wr_buf_put_zeros(&plain, LASTING_SIZE));
    must(wr_buf_put_u8(&plain, (uint8_t)said->addr_count));
    must(wr_buf_put(&plain, said->addrs));
    must(wr_buf_put_zeros(&plain, wr_buf_room(&plain)));
}

void wr_beacon_pair_write(const wr_beacon_pair *pair, const wr_beacon_place *place,
                          uint16_t tcp_port, uint8_t out[WR_BEACON_SIZE]) {
    uint8_t aad[AAD_SIZE], plain[PLAIN_SIZE], own[ADDR_SIZE], nonce[WR_XNONCE_SIZE];
    content said = {.query = pair->side == WR_BEACON_GUEST, .boot_id = pair->boot_id};
    /* spec:beacon#2.2 "A query MUST NOT carry a port or an address." */
    if (pair->side == WR_BEACON_HOST) {
        WR_ASSERT(tcp_port != 0);
        put_sender(place, own);
        said.tcp_port = tcp_port;
        said.addr_count = 1;
        said.addrs = wr_slice_of(own, sizeof own);
    }
    put_aad(place, aad);
    put_content(&said, plain);
    /* spec:beacon#1.1 "A sender MUST draw a new random nonce for every packet." */
    wr_rng_fill(&pair->rng, nonce, sizeof nonce);
    wr_buf packet = wr_buf_of(out, WR_BEACON_SIZE);
    must(wr_buf_put(&packet, wr_slice_of(nonce, sizeof nonce)));
    must(wr_xaead_seal(&pair->key, nonce, wr_slice_of(aad, sizeof aad),
                       wr_slice_of(plain, sizeof plain), &packet));
    WR_ASSERT(packet.len == WR_BEACON_SIZE);
}

static bool take_zeros(wr_slice *in, size_t count) {
    wr_slice field;
    return wr_slice_take(in, count, &field) && wr_is_zero(field);
}

static bool is_addr(wr_slice addr) {
    wr_slice ip = wr_slice_of(addr.ptr + 1, IP_SIZE);
    wr_slice beyond_v4 = wr_slice_of(ip.ptr + 4, IP_SIZE - 4);
    if (wr_is_zero(ip))
        return false;
    return addr.ptr[0] == 6 || (addr.ptr[0] == 4 && wr_is_zero(beyond_v4));
}

/* The addresses, and what follows them: none but zeros. */
static bool take_addrs(wr_slice in, content *said) {
    WR_ASSERT(in.len == PLAIN_SIZE - FIXED_SIZE);
    if (said->addr_count > WR_BEACON_ADDRS_MAX)
        return false;
    WR_ASSERT(wr_slice_take(&in, said->addr_count * ADDR_SIZE, &said->addrs));
    for (size_t i = 0; i < said->addr_count; i++)
        if (!is_addr(wr_slice_of(said->addrs.ptr + i * ADDR_SIZE, ADDR_SIZE)))
            return false;
    return wr_is_zero(in);
}

/* spec:beacon#1.2 "A receiver MUST drop a packet whose fields are not these." */
static wr_err read_content(wr_slice in, content *ret_said) {
    content said = {0};
    uint8_t version, flags, count;
    if (!wr_slice_take_u8(&in, &version) || version != VERSION)
        return WR_ERR_FORMAT;
    if (!wr_slice_take_u8(&in, &flags) || (flags & ~FLAG_QUERY) != FLAG_PAIRING)
        return WR_ERR_FORMAT;
    if (!wr_slice_take_u16(&in, &said.tcp_port) || !take_zeros(&in, 2 + DEVICE_SIZE))
        return WR_ERR_FORMAT;
    if (!wr_slice_take_u64(&in, &said.boot_id) || said.boot_id == 0)
        return WR_ERR_FORMAT;
    if (!take_zeros(&in, LASTING_SIZE) || !wr_slice_take_u8(&in, &count))
        return WR_ERR_FORMAT;
    said.query = (flags & FLAG_QUERY) != 0;
    said.addr_count = count;
    /* A query has neither, a beacon has both. */
    if ((said.tcp_port == 0) != said.query || (count == 0) != said.query)
        return WR_ERR_FORMAT;
    if (!take_addrs(in, &said))
        return WR_ERR_FORMAT;
    *ret_said = said;
    return WR_OK;
}

static bool lists_sender(const content *said, const wr_beacon_place *place) {
    uint8_t sender[ADDR_SIZE];
    put_sender(place, sender);
    for (size_t i = 0; i < said->addr_count; i++)
        if (wr_equal(wr_slice_of(said->addrs.ptr + i * ADDR_SIZE, ADDR_SIZE),
                     wr_slice_of(sender, sizeof sender)))
            return true;
    return false;
}

/* ---- timing --------------------------------------------------------------------------------- */

/* From percent shorter to percent longer. */
static uint64_t jittered(const wr_rng *rng, uint32_t ms, uint32_t percent) {
    uint32_t span = ms / 100u * percent;
    return (uint64_t)ms - span + wr_rng_below(rng, 2 * span + 1);
}

static uint64_t next_gap(wr_beacon_pair *pair) {
    static const uint32_t gaps[] = {WR_BEACON_GAP_1_MS, WR_BEACON_GAP_2_MS};
    if (pair->sent >= WR_COUNT(gaps))
        return jittered(&pair->rng, WR_BEACON_PERIOD_MS, WR_BEACON_PERIOD_JITTER);
    return jittered(&pair->rng, gaps[pair->sent++], WR_BEACON_GAP_JITTER);
}

wr_mono wr_beacon_pair_deadline(const wr_beacon_pair *pair) {
    return wr_mono_min(pair->next, pair->answer);
}

bool wr_beacon_pair_tick(wr_beacon_pair *pair, wr_mono now) {
    if (!wr_mono_reached(wr_beacon_pair_deadline(pair), now))
        return false;
    if (wr_mono_reached(pair->next, now))
        pair->next = wr_mono_add(now, next_gap(pair));
    /* Whoever asked hears this packet, whatever it was sent for. */
    if (pair->answer.ms != WR_MONO_NEVER.ms)
        pair->quiet_till = wr_mono_add(now, WR_BEACON_QUIET_MS);
    pair->answer = WR_MONO_NEVER;
    return true;
}

/* spec:beacon#2.3 "Queries MUST NOT make a host answer more than once in 5 seconds." */
static void owe_answer(wr_beacon_pair *pair, wr_mono now) {
    if (pair->answer.ms != WR_MONO_NEVER.ms)
        return;
    uint32_t more = WR_BEACON_ANSWER_MS_MAX - WR_BEACON_ANSWER_MS_MIN;
    uint64_t delay_ms = WR_BEACON_ANSWER_MS_MIN + wr_rng_below(&pair->rng, more + 1);
    pair->answer = wr_mono_add(now, delay_ms);
    if (pair->answer.ms < pair->quiet_till.ms)
        pair->answer = pair->quiet_till;
}

/* ---- life, reading -------------------------------------------------------------------------- */

void wr_beacon_pair_init(wr_beacon_pair *pair, wr_beacon_side side, const wr_rid *rid, wr_rng rng,
                         wr_mono now) {
    *pair = (wr_beacon_pair){.side = side, .rng = rng, .next = now, .answer = WR_MONO_NEVER};
    wr_hash key = wr_hash_of(WR_LABEL_RID_BEACON, WR_SLICE_OBJ(*rid));
    memcpy(pair->key.b, key.b, sizeof pair->key.b);
    wr_wipe(&key, sizeof key);
    /* spec:beacon#2.1 "The boot_id MUST be drawn at random for each window and for each join." */
    uint8_t drawn[8];
    wr_rng_fill(&rng, drawn, sizeof drawn);
    pair->boot_id = wr_load_u64(drawn);
    if (pair->boot_id == 0)
        pair->boot_id = 1;
}

void wr_beacon_pair_wipe(wr_beacon_pair *pair) {
    wr_wipe(pair, sizeof *pair);
}

static wr_err open_packet(const wr_beacon_pair *pair, const wr_beacon_place *place, wr_slice packet,
                          wr_buf *out) {
    uint8_t aad[AAD_SIZE];
    wr_slice nonce;
    if (packet.len != WR_BEACON_SIZE)
        return WR_ERR_FORMAT;
    put_aad(place, aad);
    WR_ASSERT(wr_slice_take(&packet, WR_XNONCE_SIZE, &nonce));
    return wr_xaead_open(&pair->key, nonce.ptr, wr_slice_of(aad, sizeof aad), packet, out);
}

wr_err wr_beacon_pair_read(wr_beacon_pair *pair, const wr_beacon_place *place, wr_slice packet,
                           wr_mono now, wr_beacon_found *ret_found) {
    uint8_t bytes[PLAIN_SIZE];
    wr_buf plain = WR_BUF_ARRAY(bytes);
    content said;
    WR_TRY(open_packet(pair, place, packet, &plain));
    WR_TRY(read_content(wr_buf_slice(&plain), &said));
    /* spec:beacon#2.2 "A receiver MUST drop a beacon that does not list the address it came
     * from." */
    if (!said.query && !lists_sender(&said, place))
        return WR_ERR_AUTH;
    *ret_found = (wr_beacon_found){.tcp_port = 0};
    switch (pair->side) {
    case WR_BEACON_HOST:
        if (said.query)
            owe_answer(pair, now);
        return WR_OK;
    case WR_BEACON_GUEST:
        if (!said.query)
            *ret_found = (wr_beacon_found){.tcp_port = said.tcp_port, .boot_id = said.boot_id};
        return WR_OK;
    }
    WR_UNREACHABLE();
}
