/* What passes the network of a world: no plaintext may.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_parts.h"

#include "engine/self_seed.h"
#include "flow/hub_impl.h"
#include "sim/attack.h"
#include "sim/attack_leak.h"

#include <inttypes.h>
#include <stdio.h>

void world_forbid(world *w, const char *what, uint32_t number, wr_slice text) {
    leak_forbid(w->leak, what, number, text);
}

void world_forbid_words(world *w, const char *what, uint32_t number, const char *words) {
    leak_forbid_words(w->leak, what, number, words);
}

void world_forbid_secrets(const device *d, const keystore_secrets *s) {
    leak *l = d->world->leak;
    leak_forbid_key(l, "signing key of device", d->index, &s->sign_seed);
    leak_forbid_key(l, "channel key of device", d->index, &s->noise);
    leak_forbid_key(l, "box key of device", d->index, &s->box);
    leak_forbid_key(l, "store key of device", d->index, &s->store_key);
    leak_forbid_key(l, "key of the keys of device", d->index, &s->keys_key);
    if (s->has_recovery)
        leak_forbid_key(l, "recovery secret of device", d->index, &s->recovery);
}

void world_forbid_join(const device *d) {
    world_forbid_secrets(d, &d->run->hub->join.secrets);
}

void world_forbid_circle(const device *d) {
    const wr_keyring *keyring = wr_self_keyring(d->run->hub->self);
    WR_SECRET(wr_key) key;
    for (uint32_t i = 0; i < wr_keyring_seed_count(keyring); i++)
        if (wr_keyring_seed(keyring, wr_keyring_seed_founder(keyring, i), &key))
            leak_forbid_key(d->world->leak, "seed of the circle", i, &key);
    for (uint32_t i = 0; i < wr_keyring_count(keyring); i++) {
        const wr_hash *epoch = wr_keyring_epoch(keyring, i);
        if (wr_keyring_secret(keyring, epoch, &key))
            leak_forbid_key(d->world->leak, "secret of epoch", i, &key);
        if (wr_self_psk(d->run->hub->self, epoch, &key) == WR_OK)
            leak_forbid_key(d->world->leak, "session secret of epoch", i, &key);
    }
}

static void look(world *w, uint32_t link, unsigned side, uint64_t *tail, wr_slice bytes) {
    uint32_t number = 0;
    const char *what = leak_find(w->leak, tail, bytes, &number);
    if (what != NULL)
        world_fail(w, "plaintext leaves: %s %u, by side %u of connection %u (0: a packet)", what,
                   number, side, link);
}

static uint32_t dialled(void *ctx, uint32_t link, uint32_t from, uint32_t to) {
    world *w = (world *)ctx;
    return w->attack != NULL ? attack_dialled(w->attack, link, from, to) : to;
}

static wr_slice sent(void *ctx, uint32_t link, unsigned side, uint64_t *tail, wr_slice bytes) {
    world *w = (world *)ctx;
    look(w, link, side, tail, bytes);
    return w->attack != NULL ? attack_sent(w->attack, link, side, bytes) : bytes;
}

static void cast(void *ctx, uint32_t from, wr_slice packet) {
    uint64_t tail = 0;
    look((world *)ctx, 0, from, &tail, packet);
}

static void given(void *ctx, uint32_t link, unsigned side, uint64_t bytes) {
    const world *w = (const world *)ctx;
    if (w->attack != NULL)
        attack_given(w->attack, link, side, bytes);
}

/* ---- what the attacker looks at ---- */

static bool known(void *ctx, uint32_t from, uint32_t to) {
    const world *w = (const world *)ctx;
    if (from >= w->device_count || to >= w->device_count || !w->devices[from].has_id)
        return false;
    const run *r = w->devices[to].run;
    const wr_self *self = r != NULL && r->hub != NULL ? r->hub->self : NULL;
    return self != NULL && wr_graph_find(wr_self_graph(self), &w->devices[from].id) != NULL;
}

static bool remembers(void *ctx, uint32_t host) {
    const world *w = (const world *)ctx;
    return host < w->device_count && !w->devices[host].was_set_back;
}

static void broken(void *ctx, uint32_t host, const char *what, uint32_t link) {
    world *w = (world *)ctx;
    if (host < w->device_count) /* a traitor does as it likes */
        world_fail(w, "%s: device %u, connection %u", what, host, link);
}

void world_tap_open(world *w) {
    const attack_watch watch = {known, remembers, broken, w};
    w->leak = leak_new();
    if (w->attacked)
        w->attack = attack_new(w->clock, w->net, w->options.seed, w->device_count, &watch);
    w->tap = (net_sim_tap){dialled, sent, cast, given, w};
    net_sim_set_tap(w->net, &w->tap);
}

void world_tap_active(world *w, bool active) {
    if (w->attack != NULL)
        attack_activate(w->attack, active);
}

void world_tap_stop(world *w) {
    if (w->attack != NULL)
        attack_stop(w->attack);
}

void world_tap_tell(const world *w) {
    if (w->attack == NULL)
        return;
    const attack_counts *n = attack_counts_of(w->attack);
    printf("  attacked: %" PRIu64 " flips, %" PRIu64 " cuts, %" PRIu64 " injections, %" PRIu64
           " replays, %" PRIu64 " redirects; %" PRIu64 " found, %" PRIu64 " answers\n",
           n->flips, n->cuts, n->injections, n->replays, n->redirects, n->found, n->answers);
}

void world_tap_close(world *w) {
    attack_free(w->attack);
    leak_free(w->leak);
}
