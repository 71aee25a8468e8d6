/* A home that holds more secrets than it needs: what a start drops is gone from the disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/op.h"
#include "circle/recovery.h"
#include "crypto/crypto.h"
#include "flow/hub_impl.h"
#include "flow_hub_world.h"

#include <time.h>

#define FLOODERS 2u
/* The founder's first epoch, those of the two, and one after the removal of each. */
#define HELD (1u + FLOODERS * WR_EPOCH_SHARE + FLOODERS)

/* The hub goes by the clock, and an old epoch would be followed by another one. */
static wr_now now(void) {
    return (wr_now){.mono = {1000}, .wall = {(uint64_t)time(NULL) * 1000u}};
}

/* ---- a circle that was flooded ---- */

static void add(wr_self *self, const wr_identity *sponsor, const wr_identity *device) {
    wr_add body = {
        .cert_bytes = wr_identity_cert(device), .role = WR_ROLE_ADMIN, .mode = WR_PAIR_CODE};
    uint8_t bytes[1024], op_bytes[2048];
    wr_buf out = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_sig sig;
    T_OK(wr_consent_encode(wr_graph_circle_id(wr_self_graph(self)), body.handshake,
                           &sponsor->device_id, body.role, &out));
    wr_sign(&device->sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&out), &body.consent);
    out.len = 0;
    T_OK(wr_add_encode(&body, &out));
    T_OK(wr_self_make_add(self, wr_buf_slice(&out), now(), &op, &sig));
    T_OK(wr_self_admit(self, wr_buf_slice(&op), &sig, now()));
}

static void make_epoch(wr_self *self, const wr_identity *author, uint64_t number) {
    const wr_graph *graph = wr_self_graph(self);
    wr_key secret = {{9}};
    wr_epoch_op epoch = {.klass = 1};
    uint8_t bytes[512], op_bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_sig sig;
    wr_store_u64(secret.b + 8, number);
    epoch.rcpt_hash = wr_graph_recipients(graph, epoch.without, &epoch.without_count);
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(graph));
    epoch.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    T_OK(wr_epoch_encode(&epoch, &body));
    T_OK(wr_graph_author(graph, author, WR_OP_EPOCH, wr_buf_slice(&body), number + 1, &op, &sig));
    T_OK(wr_self_admit(self, wr_buf_slice(&op), &sig, now()));
    wr_hash epoch_id = wr_graph_op(graph, wr_graph_op_count(graph) - 1).id;
    T_OK(wr_self_add_epoch(self, &epoch_id, &secret));
}

static void make_flood(wr_self *self, const wr_identity *me) {
    wr_key rs = {{1, 2, 3}};
    wr_root root;
    WR_SECRET(wr_sign_key) root_sign;
    wr_identity flooder[FLOODERS];
    wr_recovery_root(&rs, &root);
    wr_recovery_sign_key(&rs, &root_sign);
    T_OK(wr_self_found(self, &root, &root_sign, now()));
    for (uint32_t i = 0; i < FLOODERS; i++) {
        wr_rng rng = t_rng(10 + i);
        wr_identity_make(&rng, &flooder[i]);
        add(self, me, &flooder[i]);
    }
    for (uint32_t i = 0; i < FLOODERS * WR_EPOCH_SHARE; i++)
        make_epoch(self, &flooder[i / WR_EPOCH_SHARE], i);
    for (uint32_t i = 0; i < FLOODERS; i++) {
        wr_removal removal = {
            .targets = &flooder[i].device_id, .target_count = 1, .reason = WR_REASON_COMPROMISED};
        T_OK(wr_self_remove(self, &removal, now()));
    }
}

/* ---- as its home has it ---- */

static wr_slice key_of(char kind, const wr_hash *id, uint8_t out[HUB_META_KEY_SIZE]) {
    out[0] = (uint8_t)kind;
    memcpy(out + 1, id->b, sizeof id->b);
    return wr_slice_of(out, HUB_META_KEY_SIZE);
}

static void put_home(store *disk, const wr_self *self) {
    const wr_graph *graph = wr_self_graph(self);
    const wr_keyring *keyring = wr_self_keyring(self);
    const wr_hash *founder = wr_graph_founder(graph);
    uint8_t key[HUB_META_KEY_SIZE];
    WR_SECRET(wr_key) secret;
    T_OK(store_begin(disk));
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref op = wr_graph_op(graph, i);
        T_OK(store_put_op(disk, &op.id, op.bytes, op.sig));
    }
    T_TRUE(wr_keyring_seed(keyring, founder, &secret));
    T_OK(store_put_secret(disk, key_of(HUB_SECRET_SEED, founder, key), &secret));
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        const wr_hash *epoch_id = wr_keyring_epoch(keyring, i);
        T_TRUE(wr_keyring_secret(keyring, epoch_id, &secret));
        T_OK(store_put_epoch(disk, epoch_id, &secret));
        T_OK(store_put_meta(disk, key_of(HUB_META_HISTORY, epoch_id, key),
                            wr_slice_str("its history")));
    }
    T_OK(store_commit(disk));
}

static wr_err count_epoch(void *ctx, const wr_hash *epoch_id, const wr_key *secret) {
    (void)epoch_id;
    (void)secret;
    ++*(uint32_t *)ctx;
    return WR_OK;
}

static uint32_t count_epochs(store *disk) {
    uint32_t count = 0;
    T_OK(store_each_epoch(disk, count_epoch, &count));
    return count;
}

static bool has_history(store *disk, const wr_hash *epoch_id) {
    uint8_t key[HUB_META_KEY_SIZE], bytes[64];
    wr_buf blob = WR_BUF_ARRAY(bytes);
    return store_get_meta(disk, key_of(HUB_META_HISTORY, epoch_id, key), &blob) == WR_OK;
}

/* spec:circle#5.6 type=test "At a start a device MUST drop the oldest of these, with their
 * histories, until it holds 512." */
static void what_a_start_drops_is_gone_from_the_disk(void **state) {
    hubs *all = (hubs *)*state;
    hubs_device *d = &all->device[0];
    wr_identity me;
    wr_rng rng = t_rng(1);
    WR_AUTO(wr_self) self = NULL;
    wr_identity_make(&rng, &me);
    keystore_secrets secrets = {.sign_seed = me.sign_seed, .noise = me.noise, .box = me.box};
    memcpy(secrets.incarnation, me.cert.nonce, sizeof secrets.incarnation);
    T_OK(wr_self_new(&me, rng, &self));
    make_flood(self, &me);
    const wr_keyring *keyring = wr_self_keyring(self);
    T_EQ(wr_keyring_count(keyring), HELD);
    hubs_make_home(d, &secrets);
    put_home(d->disk, self);
    for (uint32_t start = 0; start < 2; start++) {
        hubs_open(d);
        hubs_settle(all);
        T_EQ(count_epochs(d->disk), WR_EPOCHS_IDLE);
        uint32_t histories = 0;
        for (uint32_t i = 0; i < HELD; i++)
            histories += has_history(d->disk, wr_keyring_epoch(keyring, i));
        T_EQ(histories, WR_EPOCHS_IDLE);
        /* The first one is its own; the oldest of the others are those that went. */
        T_TRUE(has_history(d->disk, wr_keyring_epoch(keyring, 0)));
        T_FALSE(has_history(d->disk, wr_keyring_epoch(keyring, 1)));
        T_OK(hubs_append(d, "goes on"));
        T_EQ(hubs_entries(d, NULL, 0), start + 1);
        hubs_close(d);
    }
    wr_identity_wipe(&me);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_start_drops_is_gone_from_the_disk, hubs_start,
                                        hubs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
