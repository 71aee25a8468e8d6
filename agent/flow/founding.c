/* Making a circle, and the words that are its way back.
 *
 * Spec:   proto/spec/recovery.md, circle.md 3 (GENESIS)
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "circle/recovery.h"
#include "core/diag.h"
#include "flow/hub_impl.h"

wr_err hub_provision(hub *h, const keystore_secrets *secrets) {
    const char *problem = "";
    WR_ASSERT(h->self == NULL && !h->in_transaction);
    /* What a try left that did not finish belongs to no circle, and its device may be known to one
     * already that it never heard of again: a new try is a new device. */
    store_close(h->store);
    keystore_close(h->keystore);
    mesh_free(h->mesh); /* it knows this device by its id */
    h->store = NULL;
    h->keystore = NULL;
    h->mesh = NULL;
    wr_err err = h->config.provision(h->config.ctx, secrets, &h->keystore, &h->store, &problem);
    return err == WR_OK ? WR_OK : hub_fail(h, err, "%s", problem);
}

static wr_err found(hub *h, const wr_key *recovery) {
    const keystore_secrets *s = keystore_get(h->keystore);
    WR_SECRET(wr_identity) identity;
    WR_SECRET(wr_sign_key) root_sign;
    WR_AUTO(wr_self) self = NULL;
    wr_root root;
    wr_recovery_root(recovery, &root);
    wr_recovery_sign_key(recovery, &root_sign);
    wr_identity_load(&s->sign_seed, &s->noise, &s->box, s->incarnation, &identity);
    WR_TRY(wr_self_new(&identity, h->config.rng, &self));
    WR_TRY(wr_self_found(self, &root, &root_sign, hub_now(h)));
    return hub_adopt(h, wr_steal(&self));
}

static wr_err store_circle(hub *h, wr_slice name, const wr_key *recovery) {
    WR_TRY(found(h, recovery));
    WR_TRY(hub_drain(h));
    WR_TRY(hub_put_name(h, name));
    WR_TRY(append_turn(h)); /* the name's entry */
    return hub_commit(h);
}

wr_err hub_init(hub *h, wr_slice name, bool keep_recovery) {
    WR_SECRET(keystore_secrets) secrets;
    WR_SECRET(wr_key) recovery;
    if (hub_has_circle(h))
        return hub_fail(h, WR_ERR_EXISTS, "this home has a circle");
    if (h->join.active)
        return hub_fail(h, WR_ERR_STATE, "this home is joining a circle");
    if (!wr_text_is_name(name))
        return hub_fail(h, WR_ERR_FORMAT, "not a name for a device");
    wr_rng_fill(&h->config.rng, recovery.b, sizeof recovery.b);
    keystore_make(&h->config.rng, &secrets);
    secrets.has_recovery = keep_recovery;
    if (keep_recovery)
        secrets.recovery = recovery;
    WR_TRY(hub_provision(h, &secrets));
    wr_err err = store_circle(h, name, &recovery);
    if (err != WR_OK) {
        hub_give_up(h, err);
        return hub_fail(h, err, "the new circle could not be stored: %s", wr_err_text(err));
    }
    diag(DIAG_INFO, CIRCLE_CREATED);
    join_forget(h);
    loop_dirty(h->config.loop);
    return WR_OK;
}

wr_err hub_show_recovery(hub *h, char words[HUB_WORDS_MAX]) {
    _Static_assert(WR_RECOVERY_TEXT_MAX <= HUB_WORDS_MAX, "the words fit");
    const char *problem = "";
    WR_TRY(hub_ready(h));
    if (!keystore_get(h->keystore)->has_recovery)
        return hub_fail(h, WR_ERR_UNKNOWN, "this device holds no recovery words");
    wr_recovery_words(&keystore_get(h->keystore)->recovery, words);
    /* Wiped before they are shown: nobody may think they were given out once when they were not. */
    wr_err err = keystore_forget_recovery(h->keystore, &problem);
    if (err == WR_OK)
        return WR_OK;
    wr_wipe(words, HUB_WORDS_MAX);
    return hub_fail(h, err, "%s", problem);
}

wr_err hub_check_recovery(hub *h, wr_slice words, bool *ret_yes) {
    WR_SECRET(wr_key) recovery;
    wr_root root;
    WR_TRY(hub_ready(h));
    wr_err err = wr_recovery_parse(words, &recovery);
    if (err == WR_ERR_AUTH)
        return hub_fail(h, WR_ERR_FORMAT,
                        "the checksum of these words is wrong: one was misread, or two swapped");
    if (err != WR_OK)
        return hub_fail(h, WR_ERR_FORMAT, "these are not 24 words of the list");
    wr_recovery_root(&recovery, &root);
    const wr_root *ours = wr_graph_root(wr_self_graph(h->self));
    *ret_yes = wr_pub_equal(&root.sign, &ours->sign) && wr_pub_equal(&root.box, &ours->box);
    return WR_OK;
}
