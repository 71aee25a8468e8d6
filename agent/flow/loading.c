/* From the store back to a device alive: ops, secrets, heads, marks, names, siblings' addresses.
 *
 * Start and failure take the same way: what was not committed is gone, all else is read anew.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"
#include "flow/hub_impl.h"

#define META_NAME "name"
#define META_ADD "add"
#define RELOAD_MS 10000u /* between tries to load a store that failed */

/* ---- names and siblings ---- */

wr_err hub_put_name(hub *h, wr_slice name) {
    uint8_t sealed[WR_NAME_BYTES_MAX + KEYSTORE_SEAL_OVERHEAD];
    wr_buf out = WR_BUF_ARRAY(sealed);
    const wr_key *key = &keystore_get(h->keystore)->store_key;
    WR_TRY(hub_begin(h));
    WR_TRY(keystore_seal(key, wr_slice_str(META_NAME), name, &h->config.rng, &out));
    WR_TRY(store_put_meta(h->store, wr_slice_str(META_NAME), wr_buf_slice(&out)));
    h->named = false;
    return WR_OK;
}

wr_err hub_get_name(hub *h, wr_buf *out) {
    uint8_t sealed[WR_NAME_BYTES_MAX + KEYSTORE_SEAL_OVERHEAD];
    wr_buf in = WR_BUF_ARRAY(sealed);
    wr_err err = store_get_meta(h->store, wr_slice_str(META_NAME), &in);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    const wr_key *key = &keystore_get(h->keystore)->store_key;
    err = keystore_unseal(key, wr_slice_str(META_NAME), wr_buf_slice(&in), out);
    return err == WR_OK ? WR_OK : WR_ERR_CORRUPT;
}

static wr_err restore_addrs(hub *h, const wr_hash *device) {
    uint8_t key[HUB_META_KEY_SIZE], bytes[MESH_ADDRS_MAX * sizeof(mesh_addr)];
    wr_buf stored = WR_BUF_ARRAY(bytes);
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_ADDRS, device, key), &stored);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err); /* they may be the only way to it */
    for (size_t at = stored.len / sizeof(mesh_addr); at > 0; at--) { /* the best one last */
        mesh_addr addr;
        memcpy(addr.b, bytes + (at - 1) * sizeof addr.b, sizeof addr.b);
        mesh_learn(h->mesh, device, &addr, hub_now(h).mono);
    }
    return WR_OK;
}

wr_err hub_refresh_mesh(hub *h) {
    const wr_generations *generations = wr_self_generations(h->self);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    for (uint32_t i = 0; i < wr_generations_device_count(generations); i++) {
        const wr_member *member = wr_generations_device_at(generations, i);
        if (wr_hash_equal(&member->device_id, own))
            continue;
        if (!members_is_in(h, &member->device_id)) {
            mesh_remove(h->mesh, &member->device_id);
            continue;
        }
        if (mesh_addrs(h->mesh, &member->device_id, (mesh_addr[MESH_ADDRS_MAX]){0}) != 0)
            continue;
        if (mesh_add(h->mesh, &member->device_id, hub_now(h).mono) == WR_OK)
            WR_TRY(restore_addrs(h, &member->device_id));
    }
    return WR_OK;
}

/* Kept over a reload, with all its patience: a store that fails again and again must not make us
 * dial as often. */
static wr_err start_mesh(hub *h) {
    if (h->mesh != NULL)
        return hub_refresh_mesh(h);
    WR_TRY(mesh_new(&wr_self_identity(h->self)->device_id, h->config.rng, &h->mesh));
    for (size_t i = 0; i < h->config.peer_count; i++) {
        mesh_addr addr = hub_mesh_addr(&h->config.peers[i]);
        WR_TRY(mesh_add_static(h->mesh, &addr, hub_now(h).mono));
    }
    return hub_refresh_mesh(h);
}

/* ---- loading ---- */

typedef struct op_loader {
    wr_self *self;
    released_ops released;
} op_loader;

static wr_err load_op(void *ctx, wr_slice bytes, const wr_sig *sig) {
    const op_loader *loader = ctx;
    WR_TRY(wr_self_load_op(loader->self, bytes, sig));
    return released_load(&loader->released, loader->self);
}

/* The store commits keys before ops, in files of their own: who was killed in between has a secret
 * whose op never came to be, or comes again. */
static wr_err load_epoch(void *ctx, const wr_hash *epoch_id, const wr_key *secret) {
    wr_err err = wr_self_load_epoch(ctx, epoch_id, secret);
    return err == WR_ERR_UNKNOWN ? WR_OK : err;
}

static wr_err load_head(void *ctx, const wr_hash *feed_id, wr_slice head) {
    uint32_t index; /* the id stands in the head as well, where it is checked */
    WR_TRY(wr_self_load_head(ctx, head));
    return wr_self_find_feed(ctx, feed_id, &index) ? WR_OK : WR_ERR_CORRUPT;
}

static wr_err load_mark(hub *h, wr_self *self, const wr_hash *device) {
    uint8_t key[HUB_META_KEY_SIZE], value[8];
    wr_buf out = WR_BUF_ARRAY(value);
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_MARK, device, key), &out);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    return out.len == sizeof value ? wr_self_load_mark(self, device, wr_load_u64(value))
                                   : WR_ERR_CORRUPT;
}

static wr_err load_histories(hub *h, wr_self *self) {
    const wr_keyring *keyring = wr_self_keyring(self);
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        uint8_t key[HUB_META_KEY_SIZE], bytes[WR_HISTORY_BYTES_MAX];
        wr_buf blob = WR_BUF_ARRAY(bytes);
        const wr_hash *epoch_id = wr_keyring_epoch(keyring, i);
        wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_HISTORY, epoch_id, key), &blob);
        if (err == WR_OK)
            err = wr_self_load_history(self, epoch_id, wr_buf_slice(&blob));
        if (err != WR_ERR_UNKNOWN)
            WR_TRY(err);
    }
    return WR_OK;
}

static wr_err load_volume(hub *h, wr_self *self, const wr_hash *epoch_id) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_VOLUME_SIZE];
    wr_buf out = WR_BUF_ARRAY(value);
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_VOLUME, epoch_id, key), &out);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    wr_volume volume = {wr_load_u64(value), wr_load_u64(value + 8)};
    return out.len == sizeof value ? wr_self_load_volume(self, epoch_id, &volume) : WR_ERR_CORRUPT;
}

/* That of a later generation may not have come yet; that of GENESIS is asked for at the end. */
static wr_err load_seeds(hub *h, wr_self *self) {
    const wr_generations *generations = wr_self_generations(self);
    for (uint32_t i = 0; i < wr_generations_count(generations); i++) {
        uint8_t key[HUB_META_KEY_SIZE];
        WR_SECRET(wr_key) seed;
        const wr_graph *graph = wr_generations_at(generations, i);
        if (wr_graph_is_empty(graph))
            return WR_ERR_CORRUPT;
        const wr_hash *founder = wr_graph_founder(graph);
        wr_err err = store_get_secret(h->store, hub_meta_key(HUB_SECRET_SEED, founder, key), &seed);
        if (err == WR_OK)
            err = wr_self_load_seed(self, founder, &seed);
        if (err != WR_ERR_UNKNOWN)
            WR_TRY(err);
    }
    return WR_OK;
}

static wr_err load_parts(hub *h, wr_self *self) {
    WR_TRY(load_seeds(h, self));
    WR_TRY(store_each_epoch(h->store, load_epoch, self));
    WR_TRY(load_histories(h, self));
    WR_TRY(store_each_head(h->store, load_head, self));
    const wr_generations *generations = wr_self_generations(self);
    for (uint32_t i = 0; i < wr_generations_device_count(generations); i++)
        WR_TRY(load_mark(h, self, &wr_generations_device_at(generations, i)->device_id));
    for (uint32_t i = 0; i < wr_generations_epoch_count(generations); i++)
        WR_TRY(load_volume(h, self, wr_generations_epoch_id(generations, i)));
    return wr_self_load_done(self, hub_now(h));
}

/* An ADD that was handed to a new device and not published before we stopped: it counts now. */
static wr_err admit_kept_add(hub *h) {
    uint8_t bytes[WR_OP_BYTES_MAX + WR_SIG_SIZE];
    wr_buf stored = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    wr_err err = store_get_meta(h->store, wr_slice_str(META_ADD), &stored);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    WR_TRY(err);
    if (stored.len <= sizeof sig.b)
        return WR_ERR_CORRUPT;
    memcpy(sig.b, stored.ptr, sizeof sig.b);
    wr_slice op = wr_slice_of(stored.ptr + sizeof sig.b, stored.len - sizeof sig.b);
    err = wr_self_admit(h->self, op, &sig, hub_now(h));
    if (err == WR_ERR_NOMEM)
        return err;
    /* One that the circle cannot take any more is no reason not to start. */
    if (err != WR_OK)
        diag(DIAG_WARN, PAIR_FAILED, diag_text("what", "an unfinished pairing"), diag_reason(err));
    WR_TRY(hub_drain(h));
    return hub_forget_add(h);
}

wr_err hub_keep_add(hub *h, wr_slice op, const wr_sig *sig) {
    uint8_t bytes[WR_OP_BYTES_MAX + WR_SIG_SIZE];
    wr_buf out = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_buf_put(&out, WR_SLICE_OBJ(*sig)));
    WR_TRY(wr_buf_put(&out, op));
    WR_TRY(hub_begin(h));
    return store_put_meta(h->store, wr_slice_str(META_ADD), wr_buf_slice(&out));
}

wr_err hub_forget_add(hub *h) {
    WR_TRY(hub_begin(h));
    return store_delete_meta(h->store, wr_slice_str(META_ADD));
}

static wr_err load_self(hub *h, wr_self **ret_self) {
    const keystore_secrets *s = keystore_get(h->keystore);
    WR_SECRET(wr_identity) identity;
    WR_AUTO(wr_self) self = NULL;
    wr_identity_load(&s->sign_seed, &s->noise, &s->box, s->incarnation, &identity);
    WR_TRY(wr_self_new(&identity, h->config.rng, &self));
    op_loader loader = {.self = self};
    WR_TRY(released_get(h, &loader.released));
    WR_TRY(store_each_op(h->store, load_op, &loader));
    if (wr_graph_is_empty(wr_self_graph(self)))
        return WR_OK;
    WR_TRY(load_parts(h, self));
    *ret_self = wr_steal(&self);
    return WR_OK;
}

void hub_unload(hub *h) {
    reader_free(h->reader);
    wr_self_free(h->self);
    h->reader = NULL;
    h->self = NULL;
    h->new_rows = h->new_control = h->new_epochs = h->new_ops = h->new_names = false;
}

wr_err hub_adopt(hub *h, wr_self *self) {
    h->self = self;
    wr_self_set_instance(self, &h->instance);
    rollback_load(h);
    if (h->config.epoch_entries_max != 0)
        wr_self_set_epoch_max(self, &(wr_volume){h->config.epoch_entries_max, WR_EPOCH_BYTES_MAX});
    WR_TRY(reader_new(self, h->store, &keystore_get(h->keystore)->store_key, &h->reader));
    return start_mesh(h);
}

/* Heads and rows are stored together: where they differ, the file is not what we wrote. */
static wr_err check_store(hub *h) {
    uint8_t name[WR_NAME_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(name);
    for (uint32_t i = 0; i < wr_self_feed_count(h->self); i++) {
        const wr_feed *feed = wr_self_feed(h->self, i);
        uint64_t len;
        WR_TRY(store_feed_len(h->store, &feed->feed_id, &len));
        if (len != feed->tree.len)
            return WR_ERR_CORRUPT;
    }
    return hub_get_name(h, &out);
}

static wr_err load_all(hub *h) {
    wr_self *self = NULL;
    WR_TRY(load_self(h, &self));
    if (self == NULL)
        return WR_OK;
    WR_TRY(hub_adopt(h, self));
    WR_TRY(check_store(h));
    WR_TRY(hub_drain(h));
    WR_TRY(admit_kept_add(h));
    WR_TRY(hub_commit(h));
    rollback_load(h); /* an ADD of ours that was kept is nothing that came back */
    WR_TRY(append_load(h));
    WR_TRY(damage_load(h));
    return hub_commit(h);
}

const char *hub_store_text(const hub *h, wr_err err) {
    const char *text = h->store != NULL ? store_problem(h->store) : h->problem;
    if (text[0] != '\0')
        return text;
    return err == WR_ERR_CORRUPT ? "store.db or keys.db is damaged, or another device's"
                                 : wr_err_text(err);
}

/* Everything is read anew; what was not committed is gone. */
wr_err hub_load(hub *h) {
    hub_unload(h);
    h->failed = WR_OK;
    wr_err err = load_all(h);
    h->broken = err != WR_OK;
    h->reload_at = wr_mono_add(hub_now(h).mono, RELOAD_MS);
    if (err == WR_OK)
        return WR_OK;
    (void)hub_fail(h, err, "%s", hub_store_text(h, err));
    if (h->in_transaction)
        store_rollback(h->store);
    h->in_transaction = false;
    hub_unload(h);
    return err;
}
