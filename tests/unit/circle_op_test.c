/* Op headers and bodies: one encoding each, and nothing else is read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#include "wire/pack.h"

static const wr_hash two_parents[] = {{{1}}, {{2}}};

static wr_op plain_header(void) {
    return (wr_op){
        .circle_id = {{0xc1}},
        .author = {{0xa1}},
        .aseq = 7,
        .has_aprev = true,
        .aprev = {{0xa0}},
        .parent_count = 2,
        .hlc = 1ull << 60,
        .type = WR_OP_ACK,
        .body = wr_slice_str("\x91\x90"),
    };
}

static wr_err recode(const wr_op *header, const wr_hash *parents, wr_op *ret_op) {
    static uint8_t bytes[WR_OP_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(wr_op_encode(header, parents, &out));
    return wr_op_decode(wr_buf_slice(&out), ret_op);
}

static void a_header_survives_the_round_trip(void **state) {
    (void)state;
    wr_op header = plain_header(), op;
    T_OK(recode(&header, two_parents, &op));
    T_MEM(op.circle_id.b, header.circle_id.b, 32);
    T_MEM(op.author.b, header.author.b, 32);
    T_MEM(op.aprev.b, header.aprev.b, 32);
    T_EQ(op.aseq, 7);
    T_TRUE(op.has_aprev);
    T_TRUE(op.hlc == header.hlc);
    T_EQ(op.type, WR_OP_ACK);
    T_SLICE(op.body, header.body);
    T_EQ(op.parent_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        wr_hash parent = wr_op_parent(&op, i);
        T_MEM(parent.b, two_parents[i].b, 32);
    }
    wr_hash id = wr_hash_of(WR_LABEL_OP_ID, op.bytes);
    T_MEM(op.id.b, id.b, 32);
}

static void a_header_that_contradicts_itself_is_refused(void **state) {
    (void)state;
    wr_op op, bad = plain_header();
    bad.has_aprev = false; /* aseq 7 */
    T_ERR(recode(&bad, two_parents, &op), WR_ERR_FORMAT);
    bad = plain_header();
    bad.aseq = 0; /* with aprev */
    T_ERR(recode(&bad, two_parents, &op), WR_ERR_FORMAT);
    bad = plain_header();
    bad.parent_count = 0;
    T_ERR(recode(&bad, NULL, &op), WR_ERR_FORMAT);
    bad = plain_header();
    bad.circle_id = (wr_hash){{0}};
    T_ERR(recode(&bad, two_parents, &op), WR_ERR_FORMAT);
    bad = plain_header();
    bad.author = (wr_hash){{0}}; /* ROOT has no chain */
    T_ERR(recode(&bad, two_parents, &op), WR_ERR_FORMAT);
    bad.aseq = 0;
    bad.has_aprev = false;
    T_OK(recode(&bad, two_parents, &op));
}

/* spec:circle#2.1 type=test "The parents MUST stand in ascending order without repetition."
 * spec:circle#2.1 type=test "An op MUST name at most 64 parents." */
static void parents_ascend_and_are_64_at_most(void **state) {
    (void)state;
    wr_hash parents[WR_OP_PARENTS_MAX + 1] = {0};
    wr_op op, header = plain_header();
    parents[0] = two_parents[1];
    parents[1] = two_parents[0];
    T_ERR(recode(&header, parents, &op), WR_ERR_FORMAT);
    parents[1] = parents[0];
    T_ERR(recode(&header, parents, &op), WR_ERR_FORMAT);

    for (uint8_t i = 0; i < WR_COUNT(parents); i++)
        parents[i] = (wr_hash){{i}};
    header.parent_count = WR_OP_PARENTS_MAX;
    T_OK(recode(&header, parents, &op));
    wr_hash last = wr_op_parent(&op, WR_OP_PARENTS_MAX - 1);
    T_MEM(last.b, parents[WR_OP_PARENTS_MAX - 1].b, 32);

    /* One more, put in by hand: the encoder would not. */
    static uint8_t bytes[WR_OP_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_slice list = op.parents;
    T_OK(wr_buf_put(&out, wr_slice_of(op.bytes.ptr, (size_t)(list.ptr - op.bytes.ptr))));
    T_EQ(out.ptr[out.len - 1], WR_OP_PARENTS_MAX);
    out.ptr[out.len - 1]++;
    T_OK(wr_buf_put(&out, list));
    T_OK(wr_pack_bin(&out, WR_SLICE_OBJ(parents[WR_OP_PARENTS_MAX])));
    const uint8_t *rest = list.ptr + list.len;
    T_OK(wr_buf_put(&out, wr_slice_of(rest, op.bytes.len - (size_t)(rest - op.bytes.ptr))));
    T_ERR(wr_op_decode(wr_buf_slice(&out), &op), WR_ERR_LIMIT);
}

/* spec:circle#3.1 type=test "GENESIS MUST have no parents, aseq 0, generation 0 and a circle_id of
 * 32 zero bytes."
 * spec:circle#3.6 type=test "A KEYUPD MUST NOT stand in the DAG." */
static void genesis_and_keyupd_have_their_own_rules(void **state) {
    (void)state;
    wr_op op, good = {.author = {{0xa1}}, .type = WR_OP_GENESIS, .body = wr_slice_str("\x90")};
    T_OK(recode(&good, NULL, &op));
    wr_op bad = good;
    bad.parent_count = 2;
    T_ERR(recode(&bad, two_parents, &op), WR_ERR_FORMAT);
    bad = good;
    bad.gen = 1;
    T_ERR(recode(&bad, NULL, &op), WR_ERR_FORMAT);
    bad = good;
    bad.aseq = 1;
    bad.has_aprev = true;
    T_ERR(recode(&bad, NULL, &op), WR_ERR_FORMAT);
    bad = good;
    bad.circle_id.b[31] = 1;
    T_ERR(recode(&bad, NULL, &op), WR_ERR_FORMAT);
    bad = good;
    bad.author = (wr_hash){{0}};
    T_ERR(recode(&bad, NULL, &op), WR_ERR_FORMAT);
    bad = plain_header();
    bad.type = WR_OP_KEYUPD;
    T_ERR(recode(&bad, two_parents, &op), WR_ERR_FORMAT);
    bad.type = 11;
    T_OK(recode(&bad, two_parents, &op));
}

static void a_type_has_so_many_bytes(uint64_t type, size_t bytes_max) {
    static uint8_t body_bytes[WR_OP_LARGEST_BYTES_MAX], bytes[WR_OP_LARGEST_BYTES_MAX + 16];
    wr_op op, header = plain_header();
    wr_buf out = WR_BUF_ARRAY(bytes), body = WR_BUF_ARRAY(body_bytes);
    header.type = type;
    T_EQ(wr_op_bytes_max(type), bytes_max);
    T_OK(recode(&header, two_parents, &op));
    size_t room = bytes_max - (op.bytes.len - header.body.len);
    T_OK(wr_pack_bin(&body, wr_slice_of(bytes, room - 3)));
    header.body = wr_buf_slice(&body);
    T_OK(wr_op_encode(&header, two_parents, &out));
    T_EQ(out.len, bytes_max);
    T_OK(wr_op_decode(wr_buf_slice(&out), &op));
    T_ERR(wr_op_decode(wr_slice_of(bytes, out.len + 1), &op), WR_ERR_LIMIT);
    body.len = out.len = 0;
    T_OK(wr_pack_bin(&body, wr_slice_of(bytes, room - 2)));
    header.body = wr_buf_slice(&body);
    T_ERR(wr_op_encode(&header, two_parents, &out), WR_ERR_LIMIT);
    T_EQ(out.len, 0);
}

/* spec:circle#2.1 type=test "An op MUST NOT be longer than 16384 bytes, unless it is an EQUIV,
 * which may have 49152, or a RESET, which may have 63354." */
static void an_op_is_as_long_as_its_type_allows(void **state) {
    (void)state;
    a_type_has_so_many_bytes(WR_OP_EQUIV, 49152);
    a_type_has_so_many_bytes(WR_OP_RESET, 63354);
    for (uint64_t type = WR_OP_ADD; type < 13; type++) {
        if (type != WR_OP_KEYUPD && type != WR_OP_EQUIV && type != WR_OP_RESET)
            a_type_has_so_many_bytes(type, 16384);
    }
}

static void other_versions_and_encodings_are_refused(void **state) {
    (void)state;
    uint8_t bytes[512];
    wr_op op, header = plain_header();
    T_OK(recode(&header, two_parents, &op));
    wr_slice good = op.bytes;
    memcpy(bytes, good.ptr, good.len);
    bytes[1] = 2;
    T_ERR(wr_op_decode(wr_slice_of(bytes, good.len), &op), WR_ERR_VERSION);
    bytes[0] = 0x9b; /* an eleventh field */
    T_ERR(wr_op_decode(wr_slice_of(bytes, good.len), &op), WR_ERR_FORMAT);

    bytes[0] = 0x9a;
    bytes[1] = 0xcc; /* the version in two bytes */
    bytes[2] = 1;
    memcpy(bytes + 3, good.ptr + 2, good.len - 2);
    T_ERR(wr_op_decode(wr_slice_of(bytes, good.len + 1), &op), WR_ERR_FORMAT);
    for (size_t len = 0; len < good.len; len++)
        T_ERR(wr_op_decode(wr_slice_of(good.ptr, len), &op), WR_ERR_TRUNCATED);
    header.body = wr_slice_str("\x91\x91\x91\x90"); /* with the op itself, five levels */
    T_ERR(recode(&header, two_parents, &op), WR_ERR_FORMAT);
    header.body = wr_slice_str("\x91\x91\x90");
    T_OK(recode(&header, two_parents, &op));
    header.body = wr_slice_str("\x90\x90"); /* two items */
    T_ERR(recode(&header, two_parents, &op), WR_ERR_FORMAT);
}

/* ---- bodies ---- */

typedef wr_err decode_fn(wr_slice body);

static wr_err decode_genesis(wr_slice body) {
    wr_genesis genesis;
    return wr_genesis_decode(body, &genesis);
}

static wr_err decode_add(wr_slice body) {
    wr_add add;
    return wr_add_decode(body, &add);
}

static wr_err decode_ack(wr_slice body) {
    wr_op_list seen;
    return wr_ack_decode(body, &seen);
}

static wr_err decode_epoch(wr_slice body) {
    wr_epoch_op epoch;
    return wr_epoch_decode(body, &epoch);
}

static void damaged_forms_are_refused(decode_fn *decode, wr_slice body) {
    uint8_t bytes[2048];
    memcpy(bytes, body.ptr, body.len);
    bytes[body.len] = 0;
    T_OK(decode(wr_slice_of(bytes, body.len)));
    for (size_t len = 0; len < body.len; len++)
        T_TRUE(decode(wr_slice_of(bytes, len)) != WR_OK);
    T_ERR(decode(wr_slice_of(bytes, body.len + 1)), WR_ERR_FORMAT);
    bytes[0]++; /* a field more than there is */
    T_ERR(decode(wr_slice_of(bytes, body.len + 1)), WR_ERR_FORMAT);
    bytes[0] -= 2;
    T_ERR(decode(wr_slice_of(bytes, body.len)), WR_ERR_FORMAT);
}

static void bodies_are_whole_or_refused(void **state) {
    (void)state;
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_identity founder = t_device(1), guest = t_device(2);
    wr_hash circle_id = {{1}};
    t_genesis_body(&founder, &body);
    damaged_forms_are_refused(decode_genesis, wr_buf_slice(&body));
    body.len = 0;
    t_add_body(&circle_id, &founder, &guest, WR_ROLE_MEMBER, &body);
    damaged_forms_are_refused(decode_add, wr_buf_slice(&body));
    body.len = 0;
    T_OK(wr_ack_encode(&WR_OP_LIST_NONE, &body));
    damaged_forms_are_refused(decode_ack, wr_buf_slice(&body));
    T_ERR(decode_ack(wr_slice_str("\x91\x91\x05")), WR_ERR_FORMAT); /* 5 is no cut */
    body.len = 0;
    wr_epoch_op epoch = {.klass = 2, .prev_count = 1, .without_count = 1};
    T_OK(wr_epoch_encode(&epoch, &body));
    damaged_forms_are_refused(decode_epoch, wr_buf_slice(&body));
}

static void an_add_has_a_known_role_and_mode(void **state) {
    (void)state;
    wr_identity guest = t_device(2);
    for (unsigned role = 0; role < 4; role++) {
        for (unsigned mode = 0; mode < 4; mode++) {
            uint8_t bytes[1024];
            wr_buf body = WR_BUF_ARRAY(bytes);
            wr_add add = {.cert_bytes = wr_identity_cert(&guest), .handshake = {5}}, got;
            add.role = (wr_role_kind)role;
            add.mode = (wr_pair_mode)mode;
            T_OK(wr_add_encode(&add, &body));
            bool known = role <= 1 && (mode == 1 || mode == 2);
            T_ERR(wr_add_decode(wr_buf_slice(&body), &got), known ? WR_OK : WR_ERR_FORMAT);
            if (!known)
                continue;
            T_EQ(got.role, role);
            T_EQ(got.mode, mode);
            T_SLICE(got.cert_bytes, wr_identity_cert(&guest));
            T_MEM(got.handshake, add.handshake, sizeof got.handshake);
        }
    }
}

static void an_epoch_body_holds_sorted_bounded_lists(void **state) {
    (void)state;
    static uint8_t bytes[4096];
    static wr_epoch_op epoch, got;
    wr_buf body = WR_BUF_ARRAY(bytes);
    epoch = (wr_epoch_op){.klass = 1, .prev_count = 8, .without_count = WR_MEMBERS_MAX};
    for (uint8_t i = 0; i < 8; i++)
        epoch.prev[i] = (wr_hash){{i}};
    for (uint8_t i = 0; i < WR_MEMBERS_MAX; i++)
        epoch.without[i] = (wr_hash){{i}};
    T_OK(wr_epoch_encode(&epoch, &body));
    T_OK(wr_epoch_decode(wr_buf_slice(&body), &got));
    T_EQ(got.prev_count, 8);
    T_EQ(got.without_count, WR_MEMBERS_MAX);
    T_MEM(got.without[63].b, epoch.without[63].b, 32);
    bytes[35] = 0x99; /* behind the head and the commitment: one earlier epoch too many */
    T_ERR(wr_epoch_decode(wr_buf_slice(&body), &got), WR_ERR_LIMIT);
    bytes[35] = 0x98;
    T_OK(wr_epoch_decode(wr_buf_slice(&body), &got));

    body.len = 0;
    epoch.prev[7] = epoch.prev[6];
    T_OK(wr_epoch_encode(&epoch, &body));
    T_ERR(wr_epoch_decode(wr_buf_slice(&body), &got), WR_ERR_FORMAT);
    body.len = 0;
    epoch.prev_count = 0;
    epoch.without[0] = (wr_hash){{9}};
    T_OK(wr_epoch_encode(&epoch, &body));
    T_ERR(wr_epoch_decode(wr_buf_slice(&body), &got), WR_ERR_FORMAT);
    for (uint64_t klass = 0; klass < 5; klass++) {
        epoch = (wr_epoch_op){.klass = klass};
        body.len = 0;
        T_OK(wr_epoch_encode(&epoch, &body));
        bool known = klass == 1 || klass == 2;
        T_ERR(wr_epoch_decode(wr_buf_slice(&body), &got), known ? WR_OK : WR_ERR_FORMAT);
    }
}

static void a_genesis_of_another_policy_is_of_another_version(void **state) {
    (void)state;
    uint8_t bytes[2048];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_identity founder = t_device(1);
    wr_key rs = t_recovery();
    wr_sign_key root_sign;
    wr_genesis genesis = {.cert_bytes = wr_identity_cert(&founder), .policy = 1}, got;
    wr_recovery_root(&rs, &genesis.root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_genesis_encode(&genesis, &root_sign, &body));
    T_ERR(wr_genesis_decode(wr_buf_slice(&body), &got), WR_ERR_VERSION);
    body.cap = body.len - 1;
    body.len = 0;
    T_ERR(wr_genesis_encode(&genesis, &root_sign, &body), WR_ERR_NOBUF);
    T_EQ(body.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_survives_the_round_trip),
        cmocka_unit_test(a_header_that_contradicts_itself_is_refused),
        cmocka_unit_test(parents_ascend_and_are_64_at_most),
        cmocka_unit_test(genesis_and_keyupd_have_their_own_rules),
        cmocka_unit_test(an_op_is_as_long_as_its_type_allows),
        cmocka_unit_test(other_versions_and_encodings_are_refused),
        cmocka_unit_test(bodies_are_whole_or_refused),
        cmocka_unit_test(an_add_has_a_known_role_and_mode),
        cmocka_unit_test(an_epoch_body_holds_sorted_bounded_lists),
        cmocka_unit_test(a_genesis_of_another_policy_is_of_another_version),
    };
    T_OK(wr_crypto_init());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
