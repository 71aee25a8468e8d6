/* Pairing beacons: what is said to whom, what is refused, and when something is sent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/beacon.h"

#include "crypto/crypto.h"
#include "harness/harness.h"

#define PLAIN_SIZE 216u
#define AT_VERSION 0u
#define AT_FLAGS 1u
#define AT_TCP 2u
#define AT_UDP 4u
#define AT_DEVICE 6u
#define AT_BOOT 38u
#define AT_COUNTER 46u
#define AT_COUNT 78u
#define AT_ADDRS 79u
#define AT_REST 181u

static const wr_mono start = {1000000};
static const wr_beacon_place on_v4 = {
    .family = 4, .group = {239, 255, 109, 104}, .port = 61104, .sender = {192, 0, 2, 7}};
static const wr_beacon_place on_v6 = {.family = 6,
                                      .group = {0xff, 0x12, [12] = 0x6d, 0x73, 0x68, 0x31},
                                      .port = 61104,
                                      .sender = {0xfe, 0x80, [15] = 7}};

static wr_rid rid_of(uint16_t nameplate) {
    wr_pair_code code = {.nameplate = nameplate};
    return wr_pair_code_rid(&code);
}

static void begin(wr_beacon_pair *pair, wr_beacon_side side, uint16_t nameplate, uint64_t seed) {
    wr_rid rid = rid_of(nameplate);
    wr_beacon_pair_init(pair, side, &rid, t_rng(seed), start);
}

/* The plaintext of a packet, opened by the layout of the chapter and not by the code under test. */
static wr_err peek(uint16_t nameplate, const wr_beacon_place *place, const uint8_t *packet,
                   uint8_t out[PLAIN_SIZE]) {
    wr_rid rid = rid_of(nameplate);
    wr_hash hash = wr_hash_of(WR_LABEL_RID_BEACON, WR_SLICE_OBJ(rid));
    wr_key key;
    uint8_t aad_bytes[12 + 1 + 16 + 2];
    wr_buf aad = WR_BUF_ARRAY(aad_bytes), plain = wr_buf_of(out, PLAIN_SIZE);
    memcpy(key.b, hash.b, sizeof key.b);
    T_OK(wr_buf_put(&aad, wr_slice_str("warren/bcn/1")));
    T_OK(wr_buf_put_u8(&aad, place->family));
    T_OK(wr_buf_put(&aad, wr_slice_of(place->group, 16)));
    T_OK(wr_buf_put_u16(&aad, place->port));
    return wr_xaead_open(&key, packet, wr_buf_slice(&aad), wr_slice_of(packet + 24, 232), &plain);
}

/* The other way: any plaintext as a packet of nameplate 42 on IPv4. */
static void seal(const uint8_t plain[PLAIN_SIZE], uint8_t packet[WR_BEACON_SIZE]) {
    wr_rid rid = rid_of(42);
    wr_hash hash = wr_hash_of(WR_LABEL_RID_BEACON, WR_SLICE_OBJ(rid));
    wr_key key;
    uint8_t aad_bytes[12 + 1 + 16 + 2];
    wr_buf aad = WR_BUF_ARRAY(aad_bytes), out = wr_buf_of(packet, WR_BEACON_SIZE);
    memcpy(key.b, hash.b, sizeof key.b);
    T_OK(wr_buf_put(&aad, wr_slice_str("warren/bcn/1")));
    T_OK(wr_buf_put_u8(&aad, on_v4.family));
    T_OK(wr_buf_put(&aad, wr_slice_of(on_v4.group, 16)));
    T_OK(wr_buf_put_u16(&aad, on_v4.port));
    T_OK(wr_buf_put_zeros(&out, 24));
    T_OK(wr_xaead_seal(&key, packet, wr_buf_slice(&aad), wr_slice_of(plain, PLAIN_SIZE), &out));
}

static wr_err heard(wr_beacon_pair *pair, const wr_beacon_place *place, const uint8_t *packet,
                    uint16_t *ret_port) {
    wr_beacon_found found = {.tcp_port = 1, .boot_id = 1};
    wr_err err =
        wr_beacon_pair_read(pair, place, wr_slice_of(packet, WR_BEACON_SIZE), start, &found);
    *ret_port = found.tcp_port;
    if (err != WR_OK)
        T_EQ(found.boot_id, 1); /* nothing is written on error */
    return err;
}

/* ---- the packet ----------------------------------------------------------------------------- */

static void a_guest_with_the_code_finds_the_host(void **state) {
    (void)state;
    static const wr_beacon_place *const places[] = {&on_v4, &on_v6};
    wr_beacon_pair host, guest;
    begin(&host, WR_BEACON_HOST, 42, 1);
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    for (size_t i = 0; i < WR_COUNT(places); i++) {
        uint8_t packet[WR_BEACON_SIZE];
        wr_beacon_found found;
        wr_beacon_pair_write(&host, places[i], 7117, packet);
        T_OK(wr_beacon_pair_read(&guest, places[i], wr_slice_of(packet, sizeof packet), start,
                                 &found));
        T_EQ(found.tcp_port, 7117);
        T_EQ(found.boot_id, host.boot_id);
    }
    wr_beacon_pair_wipe(&host);
    T_TRUE(wr_is_zero(wr_slice_of(host.key.b, sizeof host.key.b)));
    wr_beacon_pair_wipe(&guest);
}

/* First the boot id, then the nonce of the packet. */
static void scripted(void *ctx, uint8_t *out, size_t len) {
    uint8_t *first = (uint8_t *)ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(*first + i);
    *first = 0x40;
}

static void a_packet_is_the_one_of_the_chapter(void **state) {
    (void)state;
    /* Computed by another implementation of BLAKE2b and XChaCha20-Poly1305. */
    static const char want[] =
        "404142434445464748494a4b4c4d4e4f50515253545556573f2f869a6b9087d2512ed2901da17361"
        "7f3dc9f2587ce523f3bb2efb0f5a8604a96a58e359b91684cd12701b393c74746240ad54135384dc"
        "08199f0e817c4a3cbbcd47145be7276fea0ad6e418d14201234c698d39da7bae77dd1ee50f206977"
        "b42ffa33f442615db49855b750829c1cebbfa3f81ad3b4af6ac73bcf0c60f222639a4c7004c4c95f"
        "6cda0df9b1e7f34cde4a575b3d9f56902adde8ccc79d24e28875317ea7be1c6b3c02cede8d9419a6"
        "46a01c334b4c55f4f3e9ce00cb54d4a4799077def5492b3903abcdf57d15dbb09046d4efc4262560"
        "d1f7d7d3c839d254bda623235570fd98";
    uint8_t first = 0xa0, packet[WR_BEACON_SIZE], bytes[WR_BEACON_SIZE];
    wr_buf vector = WR_BUF_ARRAY(bytes);
    wr_rid rid = rid_of(42);
    wr_beacon_pair host;
    T_OK(wr_hex_decode(wr_slice_str(want), &vector));
    wr_beacon_pair_init(&host, WR_BEACON_HOST, &rid, (wr_rng){scripted, &first}, start);
    wr_beacon_pair_write(&host, &on_v4, 7117, packet);
    T_SLICE(wr_slice_of(packet, sizeof packet), wr_buf_slice(&vector));
}

static void a_beacon_says_one_address_and_nothing_that_lasts(void **state) {
    (void)state;
    wr_beacon_pair host, guest;
    uint8_t packet[WR_BEACON_SIZE], plain[PLAIN_SIZE],
        want[PLAIN_SIZE] = {1, 4, 7117 >> 8, 7117 & 0xff};
    begin(&host, WR_BEACON_HOST, 42, 1);
    wr_beacon_pair_write(&host, &on_v4, 7117, packet);
    T_OK(peek(42, &on_v4, packet, plain));
    wr_store_u64(want + AT_BOOT, host.boot_id);
    want[AT_COUNT] = 1;
    memcpy(want + AT_ADDRS, (const uint8_t[]){4, 192, 0, 2, 7}, 5);
    T_MEM(plain, want, PLAIN_SIZE);

    /* spec:beacon#2.2 type=test "A query MUST NOT carry a port or an address." */
    memset(want, 0, sizeof want);
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    wr_beacon_pair_write(&guest, &on_v4, 7117, packet);
    T_OK(peek(42, &on_v4, packet, plain));
    want[AT_VERSION] = 1;
    want[AT_FLAGS] = 5;
    wr_store_u64(want + AT_BOOT, guest.boot_id);
    T_MEM(plain, want, PLAIN_SIZE);
}

static void a_boot_id_is_for_one_window(void **state) {
    (void)state;
    /* spec:beacon#2.1 type=test "The boot_id MUST be drawn at random for each window and for each
     * join." */
    wr_rng rng = t_rng(3);
    wr_rid rid = rid_of(42);
    uint64_t seen[32], ones = 0, zeros = 0;
    for (size_t i = 0; i < WR_COUNT(seen); i++) {
        wr_beacon_pair pair;
        wr_beacon_pair_init(&pair, i % 2 ? WR_BEACON_GUEST : WR_BEACON_HOST, &rid, rng, start);
        seen[i] = pair.boot_id;
        ones |= seen[i];
        zeros |= ~seen[i];
        for (size_t k = 0; k < i; k++)
            T_TRUE(seen[k] != seen[i]);
    }
    T_EQ(ones, UINT64_MAX); /* every bit varies */
    T_EQ(zeros, UINT64_MAX);
}

/* Each of the 2048 bits is set in half of the packets, and changes in half of the pairs. */
static void no_two_packets_share_anything(void **state) {
    (void)state;
    /* spec:beacon#1.1 type=test "A sender MUST draw a new random nonce for every packet." */
    enum { COUNT = 4096, SLACK = 6 * 32 }; /* six times the standard deviation */
    static uint32_t set[WR_BEACON_SIZE * 8], changed[WR_BEACON_SIZE * 8];
    uint8_t packet[WR_BEACON_SIZE], last[WR_BEACON_SIZE] = {0};
    wr_beacon_pair host;
    begin(&host, WR_BEACON_HOST, 42, 4);
    for (unsigned n = 0; n < COUNT; n++) {
        wr_beacon_pair_write(&host, &on_v4, 7117, packet);
        for (size_t i = 0; i < WR_BEACON_SIZE * 8; i++) {
            set[i] += (uint32_t)(packet[i / 8] >> (i % 8)) & 1u;
            changed[i] += (uint32_t)((packet[i / 8] ^ last[i / 8]) >> (i % 8)) & 1u;
        }
        memcpy(last, packet, sizeof last);
    }
    for (size_t i = 0; i < WR_BEACON_SIZE * 8; i++) {
        T_TRUE(set[i] > COUNT / 2 - SLACK && set[i] < COUNT / 2 + SLACK);
        T_TRUE(changed[i] > COUNT / 2 - SLACK && changed[i] < COUNT / 2 + SLACK);
    }
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void another_code_or_place_opens_nothing(void **state) {
    (void)state;
    wr_beacon_pair host, guest, stranger;
    uint8_t packet[WR_BEACON_SIZE];
    uint16_t port;
    begin(&host, WR_BEACON_HOST, 42, 1);
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    begin(&stranger, WR_BEACON_GUEST, 43, 3);
    wr_beacon_pair_write(&host, &on_v4, 7117, packet);
    T_ERR(heard(&stranger, &on_v4, packet, &port), WR_ERR_AUTH);

    wr_beacon_place other = on_v4;
    other.family = 6;
    T_ERR(heard(&guest, &other, packet, &port), WR_ERR_AUTH);
    other = on_v4;
    other.group[3]++;
    T_ERR(heard(&guest, &other, packet, &port), WR_ERR_AUTH);
    other = on_v4;
    other.port++;
    T_ERR(heard(&guest, &other, packet, &port), WR_ERR_AUTH);
    for (size_t i = 0; i < sizeof packet * 8; i++) {
        packet[i / 8] ^= (uint8_t)(1u << i % 8);
        T_ERR(heard(&guest, &on_v4, packet, &port), WR_ERR_AUTH);
        packet[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    T_OK(heard(&guest, &on_v4, packet, &port));
}

static void a_beacon_from_elsewhere_is_dropped(void **state) {
    (void)state;
    /* spec:beacon#2.2 type=test "A receiver MUST drop a beacon that does not list the address it
     * came from." */
    wr_beacon_pair host, guest;
    uint8_t packet[WR_BEACON_SIZE];
    uint16_t port;
    wr_beacon_place elsewhere = on_v4;
    elsewhere.sender[3]++;
    begin(&host, WR_BEACON_HOST, 42, 1);
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    wr_beacon_pair_write(&host, &on_v4, 7117, packet);
    T_ERR(heard(&guest, &elsewhere, packet, &port), WR_ERR_AUTH);
    T_ERR(heard(&host, &elsewhere, packet, &port), WR_ERR_AUTH);
    T_OK(heard(&guest, &on_v4, packet, &port));
    /* A query is heard from wherever it comes. */
    wr_beacon_pair_write(&guest, &on_v4, 0, packet);
    T_OK(heard(&host, &elsewhere, packet, &port));
}

typedef struct field {
    size_t at;
    uint8_t value;
} field;

static void check_beacon_field(const uint8_t good[PLAIN_SIZE], field change) {
    wr_beacon_pair guest;
    uint8_t plain[PLAIN_SIZE], packet[WR_BEACON_SIZE];
    uint16_t port;
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    memcpy(plain, good, sizeof plain);
    seal(plain, packet);
    T_OK(heard(&guest, &on_v4, packet, &port));
    plain[change.at] = change.value;
    seal(plain, packet);
    T_ERR(heard(&guest, &on_v4, packet, &port), WR_ERR_FORMAT);
}

static void each_field_has_its_bounds(void **state) {
    (void)state;
    /* spec:beacon#1.2 type=test "A receiver MUST drop a packet whose fields are not these." */
    uint8_t beacon[PLAIN_SIZE] = {1, 4, 0, 1}, query[PLAIN_SIZE] = {1, 5};
    beacon[AT_BOOT + 7] = query[AT_BOOT + 7] = 1;
    beacon[AT_COUNT] = 1;
    memcpy(beacon + AT_ADDRS, (const uint8_t[]){4, 192, 0, 2, 7}, 5);
    static const field bad_beacon[] = {
        {AT_VERSION, 0},   {AT_VERSION, 2},   {AT_FLAGS, 0},   {AT_FLAGS, 1},    {AT_FLAGS, 5},
        {AT_FLAGS, 6},     {AT_FLAGS, 12},    {AT_TCP + 1, 0}, {AT_BOOT + 7, 0}, {AT_COUNT, 0},
        {AT_COUNT, 2},     {AT_COUNT, 7},     {AT_COUNT, 255}, {AT_ADDRS, 0},    {AT_ADDRS, 5},
        {AT_ADDRS + 5, 1}, {AT_ADDRS + 16, 1}};
    static const field bad_query[] = {{AT_FLAGS, 4},   {AT_FLAGS, 7}, {AT_TCP, 1},
                                      {AT_TCP + 1, 1}, {AT_COUNT, 1}, {AT_ADDRS, 4},
                                      {AT_BOOT + 7, 0}};
    for (size_t i = 0; i < WR_COUNT(bad_beacon); i++)
        check_beacon_field(beacon, bad_beacon[i]);
    for (size_t i = 0; i < WR_COUNT(bad_query); i++)
        check_beacon_field(query, bad_query[i]);
    /* Whatever is not in use is zero, to the last byte. */
    for (size_t at = 0; at < PLAIN_SIZE; at++)
        if ((at >= AT_UDP && at < AT_BOOT) || (at >= AT_COUNTER && at < AT_COUNT) ||
            at >= AT_ADDRS + 17)
            check_beacon_field(beacon, (field){at, 1});
}

static void a_beacon_without_an_address_is_no_beacon(void **state) {
    (void)state;
    uint8_t plain[PLAIN_SIZE] = {1, 4, 0, 1}, packet[WR_BEACON_SIZE];
    wr_beacon_pair guest;
    uint16_t port;
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    plain[AT_BOOT] = 1;
    seal(plain, packet);
    T_ERR(heard(&guest, &on_v4, packet, &port), WR_ERR_FORMAT);
    memcpy(plain, (const uint8_t[]){1, 5, 0, 0}, 4);
    seal(plain, packet);
    T_OK(heard(&guest, &on_v4, packet, &port)); /* a query */
    plain[AT_COUNT] = 1;
    memcpy(plain + AT_ADDRS, (const uint8_t[]){4, 192, 0, 2, 7}, 5);
    seal(plain, packet);
    T_ERR(heard(&guest, &on_v4, packet, &port), WR_ERR_FORMAT);
}

static void up_to_six_addresses_are_read(void **state) {
    (void)state;
    uint8_t plain[PLAIN_SIZE] = {1, 4, 0, 9}, packet[WR_BEACON_SIZE];
    wr_beacon_pair guest;
    wr_beacon_place from = on_v6;
    uint16_t port;
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    plain[AT_BOOT] = 1;
    plain[AT_COUNT] = WR_BEACON_ADDRS_MAX;
    T_EQ(AT_ADDRS + WR_BEACON_ADDRS_MAX * 17, AT_REST);
    for (uint8_t i = 0; i < WR_BEACON_ADDRS_MAX; i++) {
        plain[AT_ADDRS + 17 * i] = i % 2 ? 4 : 6;
        plain[AT_ADDRS + 17 * i + 1] = (uint8_t)(10 + i);
    }
    seal(plain, packet);
    from = on_v4;
    memset(from.sender, 0, sizeof from.sender);
    from.sender[0] = 15; /* the last one */
    T_OK(heard(&guest, &from, packet, &port));
    T_EQ(port, 9);
    from.sender[0] = 14; /* listed, but of the other family */
    T_ERR(heard(&guest, &from, packet, &port), WR_ERR_AUTH);
    plain[AT_COUNT]++;
    memcpy(plain + AT_REST, plain + AT_ADDRS, 17);
    seal(plain, packet);
    T_ERR(heard(&guest, &on_v4, packet, &port), WR_ERR_FORMAT);
    plain[AT_COUNT]--;
    memset(plain + AT_REST, 0, 17);
    plain[AT_ADDRS + 17 * 5 + 1] = 0; /* the last one is no address */
    seal(plain, packet);
    T_ERR(heard(&guest, &on_v4, packet, &port), WR_ERR_FORMAT);
}

static void other_lengths_are_refused(void **state) {
    (void)state;
    wr_beacon_pair host, guest;
    uint8_t packet[WR_BEACON_SIZE + 1] = {0};
    wr_beacon_found found;
    begin(&host, WR_BEACON_HOST, 42, 1);
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    wr_beacon_pair_write(&host, &on_v4, 7117, packet);
    for (size_t len = 0; len <= sizeof packet; len++)
        if (len != WR_BEACON_SIZE)
            T_ERR(wr_beacon_pair_read(&guest, &on_v4, wr_slice_of(packet, len), start, &found),
                  WR_ERR_FORMAT);
}

static void each_side_is_deaf_to_its_own_kind(void **state) {
    (void)state;
    wr_beacon_pair host, guest;
    uint8_t packet[WR_BEACON_SIZE];
    uint16_t port;
    begin(&host, WR_BEACON_HOST, 42, 1);
    begin(&guest, WR_BEACON_GUEST, 42, 2);
    T_TRUE(wr_beacon_pair_tick(&host, start));
    wr_mono before = wr_beacon_pair_deadline(&host);
    wr_beacon_pair_write(&host, &on_v4, 7117, packet);
    T_OK(heard(&host, &on_v4, packet, &port)); /* its own, or another host's */
    T_EQ(port, 0);
    T_EQ(wr_beacon_pair_deadline(&host).ms, before.ms);

    T_TRUE(wr_beacon_pair_tick(&guest, start));
    before = wr_beacon_pair_deadline(&guest);
    wr_beacon_pair_write(&guest, &on_v4, 0, packet);
    T_OK(heard(&guest, &on_v4, packet, &port));
    T_EQ(port, 0);
    T_EQ(wr_beacon_pair_deadline(&guest).ms, before.ms);
}

/* ---- timing --------------------------------------------------------------------------------- */

static void packets_come_at_once_and_then_rarely(void **state) {
    (void)state;
    static const uint64_t least[] = {350, 1050, 22500, 22500}, most[] = {650, 1950, 67500, 67500};
    uint64_t shortest = UINT64_MAX, longest = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        wr_beacon_pair pair;
        wr_mono now = start;
        begin(&pair, seed % 2 ? WR_BEACON_GUEST : WR_BEACON_HOST, 42, seed);
        T_EQ(wr_beacon_pair_deadline(&pair).ms, start.ms);
        T_FALSE(wr_beacon_pair_tick(&pair, (wr_mono){start.ms - 1}));
        for (size_t i = 0; i < WR_COUNT(least); i++) {
            T_TRUE(wr_beacon_pair_tick(&pair, now));
            T_FALSE(wr_beacon_pair_tick(&pair, now));
            wr_mono next = wr_beacon_pair_deadline(&pair);
            T_TRUE(next.ms - now.ms >= least[i] && next.ms - now.ms <= most[i]);
            T_FALSE(wr_beacon_pair_tick(&pair, (wr_mono){next.ms - 1}));
            if (i == 3 && next.ms - now.ms < shortest)
                shortest = next.ms - now.ms;
            if (i == 3 && next.ms - now.ms > longest)
                longest = next.ms - now.ms;
            now = next;
        }
    }
    T_TRUE(shortest < 25000 && longest > 65000);
}

/* A host whose first packets are out, so that only answers are due soon. */
static wr_mono settled(wr_beacon_pair *host, uint64_t seed) {
    wr_mono now = start;
    begin(host, WR_BEACON_HOST, 42, seed);
    for (unsigned i = 0; i < 3; i++) {
        now = wr_beacon_pair_deadline(host);
        T_TRUE(wr_beacon_pair_tick(host, now));
    }
    return now;
}

static void ask(wr_beacon_pair *host, wr_mono now) {
    wr_beacon_pair guest;
    uint8_t packet[WR_BEACON_SIZE];
    wr_beacon_found found;
    begin(&guest, WR_BEACON_GUEST, 42, now.ms);
    wr_beacon_pair_write(&guest, &on_v4, 0, packet);
    T_OK(wr_beacon_pair_read(host, &on_v4, wr_slice_of(packet, sizeof packet), now, &found));
    T_EQ(found.tcp_port, 0);
}

static void a_query_is_answered_soon_and_once(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        wr_beacon_pair host;
        wr_mono now = settled(&host, seed);
        ask(&host, now);
        wr_mono due = wr_beacon_pair_deadline(&host);
        T_TRUE(due.ms >= now.ms + 20 && due.ms <= now.ms + 120);
        ask(&host, (wr_mono){now.ms + 10}); /* changes nothing */
        T_EQ(wr_beacon_pair_deadline(&host).ms, due.ms);
        T_FALSE(wr_beacon_pair_tick(&host, (wr_mono){due.ms - 1}));
        T_TRUE(wr_beacon_pair_tick(&host, due));
        T_FALSE(wr_beacon_pair_tick(&host, due));
        T_TRUE(wr_beacon_pair_deadline(&host).ms > due.ms + 15000); /* the period goes on */
    }
}

static void queries_get_one_answer_in_five_seconds(void **state) {
    (void)state;
    /* spec:beacon#2.3 type=test "Queries MUST NOT make a host answer more than once in 5 seconds."
     */
    wr_beacon_pair host;
    wr_mono now = settled(&host, 5), last = {0};
    wr_mono end = {wr_beacon_pair_deadline(&host).ms - 1}; /* up to here nothing else is due */
    unsigned answers = 0;
    for (; now.ms < end.ms; now.ms += 10) {
        ask(&host, now);
        if (!wr_beacon_pair_tick(&host, now))
            continue;
        T_TRUE(answers == 0 || now.ms >= last.ms + 5000);
        T_TRUE(answers == 0 || now.ms <= last.ms + 5000 + 10); /* put off, not forgotten */
        last = now;
        answers++;
    }
    T_TRUE(answers >= 4);
}

static void a_packet_that_is_due_anyway_is_the_answer(void **state) {
    (void)state;
    wr_beacon_pair host;
    (void)settled(&host, 6);
    wr_mono due = wr_beacon_pair_deadline(&host);
    ask(&host, (wr_mono){due.ms - 1});
    T_TRUE(wr_beacon_pair_tick(&host, due));
    T_TRUE(wr_beacon_pair_deadline(&host).ms > due.ms + 15000);
    ask(&host, (wr_mono){due.ms + 1}); /* and counts as one */
    T_EQ(wr_beacon_pair_deadline(&host).ms, due.ms + 5000);
}

static int start_crypto(void **state) {
    (void)state;
    return wr_crypto_init() == WR_OK ? 0 : -1;
}

static void fill_zeros(void *ctx, uint8_t *out, size_t len) {
    (void)ctx;
    memset(out, 0, len);
}

/* Zero means nothing to the one that hears it, so a window never has it. */
static void a_window_is_never_number_zero(void **state) {
    (void)state;
    const wr_rid rid = {{1}};
    wr_beacon_pair pair;
    wr_beacon_pair_init(&pair, WR_BEACON_HOST, &rid, (wr_rng){fill_zeros, NULL}, start);
    T_EQ(pair.boot_id, 1);
    wr_beacon_pair_wipe(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_with_the_code_finds_the_host),
        cmocka_unit_test(a_packet_is_the_one_of_the_chapter),
        cmocka_unit_test(a_beacon_says_one_address_and_nothing_that_lasts),
        cmocka_unit_test(a_boot_id_is_for_one_window),
        cmocka_unit_test(no_two_packets_share_anything),
        cmocka_unit_test(another_code_or_place_opens_nothing),
        cmocka_unit_test(a_beacon_from_elsewhere_is_dropped),
        cmocka_unit_test(each_field_has_its_bounds),
        cmocka_unit_test(a_beacon_without_an_address_is_no_beacon),
        cmocka_unit_test(up_to_six_addresses_are_read),
        cmocka_unit_test(other_lengths_are_refused),
        cmocka_unit_test(each_side_is_deaf_to_its_own_kind),
        cmocka_unit_test(packets_come_at_once_and_then_rarely),
        cmocka_unit_test(a_query_is_answered_soon_and_once),
        cmocka_unit_test(queries_get_one_answer_in_five_seconds),
        cmocka_unit_test(a_packet_that_is_due_anyway_is_the_answer),
        cmocka_unit_test(a_window_is_never_number_zero),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
