/* ADD: consent, fresh keys, room for one more, and what concurrent ADDs come to.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#include "wire/pack.h"

/* An ADD by the founder of any certificate, with a consent of any terms. */
typedef struct terms {
    wr_hash circle_id, sponsor;
    wr_role_kind role;
    uint8_t handshake[64];
} terms;

static terms honest_terms(const t_circle *c) {
    return (terms){*wr_graph_circle_id(c->graph), c->founder.device_id, WR_ROLE_MEMBER, {7}};
}

static t_op forge_add(const t_circle *c, const wr_cert *cert, const wr_sign_key *sign,
                      const terms *consented) {
    uint8_t cert_bytes[WR_CERT_OWN_MAX], consent_bytes[256], body_bytes[2048];
    wr_buf cert_buf = WR_BUF_ARRAY(cert_bytes), consent = WR_BUF_ARRAY(consent_bytes);
    wr_buf body = WR_BUF_ARRAY(body_bytes);
    wr_hash parents[WR_OP_PARENTS_MAX];
    T_OK(wr_cert_encode(cert, &cert_buf));
    T_OK(wr_consent_encode(&consented->circle_id, consented->handshake, &consented->sponsor,
                           consented->role, &consent));
    wr_add add = {.cert_bytes = wr_buf_slice(&cert_buf),
                  .role = WR_ROLE_MEMBER,
                  .mode = WR_PAIR_QR,
                  .handshake = {7}};
    wr_sign(sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &add.consent);
    T_OK(wr_add_encode(&add, &body));
    t_op next = t_next(c->graph, &c->founder, WR_OP_ACK, wr_slice_str("\x91\x90"));
    wr_op header = t_header(&next, parents);
    header.type = WR_OP_ADD;
    header.body = wr_buf_slice(&body);
    return t_forge(&header, parents, &c->founder);
}

/* spec:circle#3.2 type=test "The consent of an ADD MUST verify under the certificate's signing key
 * for this circle, handshake, author and role." */
static void a_consent_to_other_terms_is_no_consent(void **state) {
    t_circle *c = *state;
    wr_identity guest = t_device(9);
    for (unsigned wrong = 0; wrong < 5; wrong++) {
        terms consented = honest_terms(c);
        const wr_sign_key *sign = &guest.sign;
        switch (wrong) {
        case 0:
            consented.circle_id.b[0] ^= 1;
            break;
        case 1:
            consented.sponsor = c->admin.device_id;
            break;
        case 2:
            consented.role = WR_ROLE_ADMIN;
            break;
        case 3:
            consented.handshake[63] ^= 1;
            break;
        default:
            sign = &c->founder.sign;
            break;
        }
        t_op bad = forge_add(c, &guest.cert, sign, &consented);
        t_refused(c->graph, &bad, WR_ERR_AUTH);
    }
    terms consented = honest_terms(c);
    t_op good = forge_add(c, &guest.cert, &guest.sign, &consented);
    T_OK(t_admit(c->graph, &good));
}

/* spec:circle#3.2 type=test "The device id and the keys of an added certificate MUST NOT occur in a
 * certificate of the op's past." */
static void a_key_of_an_earlier_certificate_is_refused_in_every_place(void **state) {
    t_circle *c = *state;
    const wr_identity *earlier[] = {&c->founder, &c->admin, &c->member};
    terms consented = honest_terms(c);
    for (size_t who = 0; who < WR_COUNT(earlier); who++) {
        wr_identity guest = t_device(9);
        const wr_pub keys[] = {earlier[who]->cert.sign, earlier[who]->cert.noise,
                               earlier[who]->cert.box};
        t_op same = forge_add(c, &earlier[who]->cert, &earlier[who]->sign, &consented);
        t_refused(c->graph, &same, WR_ERR_REFUSED);

        wr_cert reborn = guest.cert; /* its signing key, all else new */
        reborn.sign = earlier[who]->cert.sign;
        t_op bad = forge_add(c, &reborn, &earlier[who]->sign, &consented);
        t_refused(c->graph, &bad, WR_ERR_REFUSED);
        for (size_t i = 0; i < WR_COUNT(keys); i++) {
            wr_cert cert = guest.cert;
            cert.noise = keys[i];
            bad = forge_add(c, &cert, &guest.sign, &consented);
            t_refused(c->graph, &bad, WR_ERR_REFUSED);
            cert = guest.cert;
            cert.box = keys[i];
            bad = forge_add(c, &cert, &guest.sign, &consented);
            t_refused(c->graph, &bad, WR_ERR_REFUSED);
        }
    }
    wr_identity guest = t_device(9);
    guest.cert.box = guest.cert.noise; /* one key for two purposes in one certificate */
    t_op bad = forge_add(c, &guest.cert, &guest.sign, &consented);
    t_refused(c->graph, &bad, WR_ERR_BAD_KEY);
}

/* Two replicas that add concurrently, then meet in both orders. */
static void meet(wr_graph *a, wr_graph *b) {
    t_copy(a, b);
    t_copy(b, a);
    t_same(a, b);
}

/* spec:circle#1 type=test "A device MUST NOT hold a session with a noise_pk that two members
 * share." */
static void concurrent_adds_of_one_noise_key_are_members_nobody_talks_to(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) other = NULL;
    T_OK(wr_graph_new(&other));
    t_copy(other, c->graph);
    wr_identity one = t_device(10), two = t_device(11);
    const wr_key noise = one.noise, seed = two.sign_seed, box = two.box;
    wr_identity_load(&seed, &noise, &box, two.cert.nonce, &two);

    (void)t_add(c->graph, &c->founder, &one, WR_ROLE_MEMBER);
    T_TRUE(wr_graph_find_noise(c->graph, &one.cert.noise) != NULL);
    (void)t_add(other, &c->admin, &two, WR_ROLE_MEMBER);
    meet(c->graph, other);
    T_EQ(wr_graph_current_count(c->graph), 5);
    T_TRUE(wr_graph_find_noise(c->graph, &one.cert.noise) == NULL);
    T_EQ(wr_graph_noise_count(c->graph, &one.cert.noise), 2);
    T_EQ(wr_graph_noise_count(c->graph, &c->admin.cert.noise), 1);
    T_EQ(wr_graph_noise_count(c->graph, &one.cert.box), 0);
}

static void concurrent_adds_of_one_device_give_it_the_lower_role(void **state) {
    t_circle *c = *state;
    WR_AUTO(wr_graph) other = NULL;
    T_OK(wr_graph_new(&other));
    t_copy(other, c->graph);
    wr_identity guest = t_device(9);
    (void)t_ack(other, &c->admin); /* so that the two ADDs differ in time */
    (void)t_add(c->graph, &c->founder, &guest, WR_ROLE_ADMIN);
    T_EQ(wr_graph_find(c->graph, &guest.device_id)->role, WR_ROLE_ADMIN);
    (void)t_add(other, &c->admin, &guest, WR_ROLE_MEMBER);
    meet(c->graph, other);
    T_EQ(wr_graph_member_count(c->graph), 4);
    T_EQ(wr_graph_find(c->graph, &guest.device_id)->role, WR_ROLE_MEMBER);
    T_EQ(wr_graph_find(other, &guest.device_id)->added_hlc >> 16, 1700000000007ull);

    /* With both ADDs in its past its role is the lower one there, too. */
    (void)t_ack(c->graph, &guest);
    uint8_t body_bytes[2048], out_bytes[4096];
    wr_buf body = WR_BUF_ARRAY(body_bytes), out = WR_BUF_ARRAY(out_bytes);
    wr_identity next = t_device(12);
    wr_sig sig;
    t_add_body(wr_graph_circle_id(c->graph), &guest, &next, WR_ROLE_MEMBER, &body);
    T_ERR(wr_graph_author(c->graph, &guest, WR_OP_ADD, wr_buf_slice(&body), 1, &out, &sig),
          WR_ERR_REFUSED);
}

/* spec:circle#3.2 type=test "An ADD whose past has 64 members MUST be refused." */
static void the_65th_member_is_one_too_many(void **state) {
    t_circle *c = *state;
    uint8_t body_bytes[2048], out_bytes[4096];
    wr_buf body = WR_BUF_ARRAY(body_bytes), out = WR_BUF_ARRAY(out_bytes);
    wr_sig sig;
    for (uint32_t i = 3; i < WR_MEMBERS_MAX - 1; i++) {
        wr_identity device = t_device(100 + i);
        (void)t_add(c->graph, &c->founder, &device, WR_ROLE_MEMBER);
    }
    WR_AUTO(wr_graph) other = NULL;
    T_OK(wr_graph_new(&other));
    t_copy(other, c->graph);
    wr_identity last = t_device(50), beyond = t_device(51);
    (void)t_add(c->graph, &c->founder, &last, WR_ROLE_MEMBER);
    T_EQ(wr_graph_current_count(c->graph), WR_MEMBERS_MAX);
    terms consented = honest_terms(c);
    t_op bad = forge_add(c, &beyond.cert, &beyond.sign, &consented);
    t_refused(c->graph, &bad, WR_ERR_LIMIT);
    t_add_body(wr_graph_circle_id(c->graph), &c->founder, &beyond, WR_ROLE_MEMBER, &body);
    T_ERR(wr_graph_author(c->graph, &c->founder, WR_OP_ADD, wr_buf_slice(&body), 1, &out, &sig),
          WR_ERR_LIMIT);

    /* An ADD is judged by its own past, so that both replicas judge alike. */
    (void)t_add(other, &c->admin, &beyond, WR_ROLE_MEMBER);
    meet(c->graph, other);
    T_EQ(wr_graph_current_count(c->graph), WR_MEMBERS_MAX + 1);
}

/* The op needs a column of its own and one for the device that it brings. */
static void root_adds_a_device(void **state) {
    t_circle *c = *state;
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_identity root = {.device_id = {{0}}}, added = t_device(90);
    wr_key recovery = t_recovery();
    t_add_body(wr_graph_circle_id(c->graph), &root, &added, WR_ROLE_MEMBER, &body);
    t_op op = t_root_op(c->graph, &recovery, WR_OP_ADD, wr_buf_slice(&body));
    T_OK(t_admit(c->graph, &op));
    T_TRUE(wr_graph_find(c->graph, &added.device_id)->current);
    (void)t_ack(c->graph, &added);
    wr_op_ref ack;
    T_TRUE(wr_graph_op_at(c->graph, &added.device_id, 0, &ack));
}

static void a_branch_may_begin_with_an_add(void **state) {
    t_circle *c = *state;
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_identity added = t_device(91);
    t_add_body(wr_graph_circle_id(c->graph), &c->admin, &added, WR_ROLE_MEMBER, &body);
    t_op one = t_next(c->graph, &c->admin, WR_OP_ADD, wr_buf_slice(&body));
    wr_op header = t_header(&one, parents);
    (void)t_ack(c->graph, &c->admin);
    t_op other = t_forge(&header, parents, &c->admin);
    T_ERR(t_admit(c->graph, &other), WR_ERR_FORK);
    T_OK(wr_graph_admit_branch(c->graph, t_op_slice(&other), &other.sig));
    T_TRUE(wr_graph_find(c->graph, &added.device_id) != NULL);
    wr_hash struck[WR_MEMBERS_MAX];
    uint32_t count;
    T_OK(wr_graph_foresee(c->graph, &c->founder.device_id, &c->admin.device_id, 1, struck, &count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_consent_to_other_terms_is_no_consent, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(a_key_of_an_earlier_certificate_is_refused_in_every_place,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(
            concurrent_adds_of_one_noise_key_are_members_nobody_talks_to, t_circle_start,
            t_circle_stop),
        cmocka_unit_test_setup_teardown(concurrent_adds_of_one_device_give_it_the_lower_role,
                                        t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(the_65th_member_is_one_too_many, t_circle_start,
                                        t_circle_stop),
        cmocka_unit_test_setup_teardown(root_adds_a_device, t_circle_start, t_circle_stop),
        cmocka_unit_test_setup_teardown(a_branch_may_begin_with_an_add, t_circle_start,
                                        t_circle_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
