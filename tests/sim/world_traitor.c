/* A world in which the last device turns against the others, and what must hold all the same.
 *
 * From its turning on it is no device of the world any more: nobody waits for it, and what it shows
 * or holds counts for nothing.  The others must go on as if it were not there, with each other;
 * what they show of it must be something that it signed, and one history of it on each device.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_parts.h"

#include "flow/hub_impl.h"
#include "sim/traitor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HONEST_MIN 2u
#define PROBES_MAX 12u
#define PROBE_MS (20u * SECOND)

/* What one device has shown of the traitor: a digest for each seq, 0 if none. */
typedef struct shown {
    uint64_t *digests;
    uint64_t cap;
    uint64_t alerts;
} shown;

struct turned {
    world *world;
    traitor *traitor; /* NULL: it has not turned yet */
    device *device;
    uint32_t at_step, steps;
    bool probing; /* at the very end */
    bool hidden;  /* until then devices hold two histories, and none has noticed */
    bool goes_on; /* when everything else heals */
    shown shown[WORLD_DEVICES_MAX];
};

void world_traitor_open(world *w) {
    chance c;
    chance_init(&c, w->options.seed, "traitor", 0);
    if (w->options.scenario != NULL || !chance_hit(&c, 150) ||
        (w->options.devices != 0 && w->options.devices <= HONEST_MIN))
        return;
    if (w->device_count <= HONEST_MIN)
        w->device_count = HONEST_MIN + 1;
    w->turned = (struct turned *)calloc(1, sizeof *w->turned);
    WR_ASSERT(w->turned != NULL);
    w->turned->world = w;
    w->turned->at_step = chance_below(&c, w->options.steps * 2 / 3 + 1);
    w->turned->goes_on = chance_hit(&c, 500);
}

static bool has_turned(const world *w) {
    return w->turned != NULL && w->turned->traitor != NULL;
}

/* ---- turning ------------------------------------------------------------------------------- */

static const wr_hash *id_of(void *ctx, uint32_t host) {
    const world *w = (const world *)ctx;
    return host < w->device_count && w->devices[host].has_id ? &w->devices[host].id : NULL;
}

/* Enough honest ones are in that they need nobody else, and nobody is on the way. */
static bool may_turn(const world *w) {
    const device *d = &w->devices[w->device_count - 1];
    uint32_t honest = 0;
    for (uint32_t i = 0; i < w->device_count; i++) {
        if (w->devices[i].joining)
            return false;
        honest += i + 1 < w->device_count && w->devices[i].has_id;
    }
    bool can_die = d->run == NULL || device_is_up(d);
    return honest >= HONEST_MIN && d->has_id && d->disk != NULL && can_die;
}

static void turn(world *w) {
    struct turned *t = w->turned;
    device *d = t->device = &w->devices[w->device_count - 1];
    if (d->run != NULL)
        device_crash(d, false);
    world_note(d, "turns against the others");
    sim_clock_stop(w->clock, &d->wake);
    sim_clock_stop(w->clock, &d->beat);
    device_empty_disk(d);
    device_forget_backup(d);
    net_sim_plug(w->net, d->index, true);
    ledger_distrust(w->ledger, &d->id);
    w->device_count--;
    const traitor_config config = {.clock = w->clock,
                                   .net = w->net,
                                   .seed = w->options.seed,
                                   .host = d->index,
                                   .others = w->device_count,
                                   .secrets = &d->secrets,
                                   .disk = d->disk,
                                   .wall_offset_ms = d->wall_offset_ms,
                                   .logs = world_log_names,
                                   .log_count = WORLD_LOGS,
                                   .id_of = id_of,
                                   .ctx = w};
    t->traitor = traitor_new(&config);
}

void world_traitor_step(world *w) {
    struct turned *t = w->turned;
    if (t != NULL && t->traitor == NULL && t->steps++ >= t->at_step && may_turn(w))
        turn(w);
}

void world_traitor_heal(world *w) {
    if (!has_turned(w))
        return;
    for (uint32_t i = 0; i < w->device_count; i++) {
        net_sim_path_of(w->net, i, w->turned->device->index)->cut = false;
        net_sim_path_of(w->net, w->turned->device->index, i)->cut = false;
    }
    if (!w->turned->goes_on)
        traitor_stop(w->turned->traitor);
}

/* ---- what others show of it, and hear about it --------------------------------------------- */

const wr_hash *world_traitor_id(const world *w) {
    return has_turned(w) ? traitor_id(w->turned->traitor) : NULL;
}

const wr_graph *world_traitor_graph(const world *w) {
    return traitor_graph(w->turned->traitor);
}

bool world_traitor_strike(world *w, const wr_hash *device_id) {
    bool done = traitor_strike(w->turned->traitor, device_id);
    if (done)
        world_note(w->turned->device, "the traitor strikes back");
    return done;
}

bool world_traitor_holds(void *ctx, const wr_hash *device_id, const wr_hash *epoch_id) {
    const world *w = (const world *)ctx;
    return world_is_traitor(w, device_id) && traitor_holds(w->turned->traitor, epoch_id);
}

bool world_is_traitor(const world *w, const wr_hash *device_id) {
    return has_turned(w) && wr_hash_equal(device_id, traitor_id(w->turned->traitor));
}

static uint64_t digest_of(uint32_t log, const hub_entry *e) {
    uint64_t digest = sim_hash_u64(SIM_HASH_START, log);
    digest = sim_hash_u64(digest, e->hlc);
    digest = sim_hash(digest, e->kind);
    return sim_hash(digest, e->body) | 1u;
}

static void check_history(device *d, uint32_t log, const hub_entry *e) {
    shown *s = &d->world->turned->shown[d->index];
    if (e->seq >= s->cap) {
        uint64_t cap = (e->seq + 1) * 2;
        s->digests = (uint64_t *)realloc(s->digests, cap * sizeof *s->digests);
        WR_ASSERT(s->digests != NULL);
        memset(s->digests + s->cap, 0, (cap - s->cap) * sizeof *s->digests);
        s->cap = cap;
    }
    uint64_t digest = digest_of(log, e);
    if (s->digests[e->seq] != 0 && s->digests[e->seq] != digest)
        world_fail(d->world, "device %u shows two histories of the traitor", d->index);
    s->digests[e->seq] = digest;
}

bool world_traitor_shown(device *d, uint32_t log, const hub_entry *e) {
    const world *w = d->world;
    if (!world_is_traitor(w, &e->device))
        return false;
    if (e->has_seq)
        check_history(d, log, e);
    if (!traitor_made(e->body))
        return false;
    if (!traitor_signed(w->turned->traitor, log, e))
        world_fail(d->world, "device %u shows an entry that the traitor did not sign", d->index);
    return true;
}

bool world_traitor_alert(const device *d, const char *text) {
    const world *w = d->world;
    if (!has_turned(w) || strstr(text, "contradict") == NULL)
        return false;
    w->turned->shown[d->index].alerts++;
    return traitor_has_faces(w->turned->traitor) || w->turned->probing;
}

/* ---- the end ------------------------------------------------------------------------------- */

static const wr_feed *held_of_it(device *d) {
    uint32_t index = 0;
    const wr_self *self = d->run->hub->self;
    if (!wr_self_device_feed(self, &d->world->turned->device->id, 0, &index))
        return NULL;
    const wr_feed *feed = wr_self_feed(self, index);
    return feed->has_checkpoint ? feed : NULL;
}

/* Nobody is in on the word of a member that is no admin. */
static void check_members(device *d) {
    const world *w = d->world;
    const wr_graph *graph = wr_self_graph(d->run->hub->self);
    const wr_member *it = wr_graph_find(graph, &w->turned->device->id);
    if (it == NULL || it->role == WR_ROLE_ADMIN)
        return;
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref op = wr_graph_op(graph, i);
        if (op.type == WR_OP_ADD && wr_hash_equal(&op.author, &it->device_id))
            world_fail(d->world, "device %u takes somebody in who was let in by no admin",
                       d->index);
    }
}

/* Shown a second checkpoint with the number of the one it holds, a device raises an alert. */
static void probe(device *d) {
    struct turned *t = d->world->turned;
    for (int i = 0; i < (int)PROBES_MAX && held_of_it(d) != NULL; i++) {
        uint64_t before = t->shown[d->index].alerts, said = traitor_counts_of(t->traitor)->probes;
        traitor_probe(t->traitor, d->index, held_of_it(d));
        world_run(d->world, PROBE_MS);
        if (t->shown[d->index].alerts != before)
            return;
        if (traitor_counts_of(t->traitor)->probes != said)
            world_fail(d->world, "device %u accepts a fork unseen", d->index);
    }
}

void world_traitor_end(world *w) {
    if (!has_turned(w))
        return;
    w->turned->hidden = w->counts.alerts == 0 && ledger_forked(w->ledger, w->device_count);
    w->turned->probing = true;
    traitor_stop(w->turned->traitor);
    world_run(w, 10 * SECOND);
    for (uint32_t i = 0; i < w->device_count; i++)
        check_members(&w->devices[i]);
    for (uint32_t i = 0; i < w->device_count; i++)
        probe(&w->devices[i]);
    traitor_stop(w->turned->traitor);
}

void world_traitor_tell(const world *w) {
    if (!has_turned(w))
        return;
    const traitor_counts *n = traitor_counts_of(w->turned->traitor);
    uint64_t alerts = 0;
    for (uint32_t i = 0; i < w->device_count; i++)
        alerts += w->turned->shown[i].alerts;
    printf("  a traitor%s: %" PRIu64 " entries, %" PRIu64 " sessions, %" PRIu64 " lies, %" PRIu64
           " probes; %" PRIu64 " alerts%s\n",
           traitor_has_faces(w->turned->traitor) ? " with two faces" : "", n->entries, n->sessions,
           n->lies, n->probes, alerts, w->turned->hidden ? ", none before the probes" : "");
}

void world_traitor_stop(world *w) {
    if (!has_turned(w))
        return;
    traitor_stop(w->turned->traitor);
    traitor_close(w->turned->traitor);
}

void world_traitor_close(world *w) {
    if (w->turned == NULL)
        return;
    if (w->turned->traitor != NULL) {
        device *d = w->turned->device;
        traitor_free(w->turned->traitor);
        store_close(d->disk);
        keystore_secrets_wipe(&d->secrets);
        free(d->followed);
    }
    for (uint32_t i = 0; i < WORLD_DEVICES_MAX; i++)
        free(w->turned->shown[i].digests);
    free(w->turned);
}
