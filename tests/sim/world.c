/* Devices of the simulated world: disks that stay, processes that come and go.
 *
 * A process that crashes is torn down in the same instant, cut off from net and disk, so that its
 * memory is given back; the device can start again at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/scenario.h"
#include "sim/world_members.h"
#include "sim/world_parts.h"

#include "circle/identity.h"
#include "sim/heap_sim.h"
#include "store/store_memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLLOW_MS 500u /* a subscriber reads so soon after it was told */
#define MEMORY_MAX (24u * 1024u * 1024u)
#define CHECK_EVENTS 1000u  /* all that is shown is looked at so often */
#define AT_ONCE_MAX 200000u /* events of one instant: more means that a device spins */

/* ---- telling ------------------------------------------------------------------------------- */

void world_tell_replay(const char *word, const world_options *o) {
    (void)fprintf(stderr, "%s: warren-sim --seed %" PRIu64, word, o->seed);
    if (o->epoch != 0)
        (void)fprintf(stderr, " --epoch %u", o->epoch);
    if (o->scenario != NULL)
        (void)fprintf(stderr, " --scenario %s --trace\n", o->scenario->name);
    else
        (void)fprintf(stderr, " --devices %u --steps %u --trace\n", o->devices, o->steps);
}

void world_fail(world *w, const char *format, ...) {
    va_list args;
    trace_print_last(w->trace);
    (void)fprintf(stderr, "seed %" PRIu64 " FAILED at %" PRIu64 ".%03u s: ", w->options.seed,
                  sim_clock_now(w->clock) / 1000, (unsigned)(sim_clock_now(w->clock) % 1000));
    va_start(args, format);
    /* The analyser loses sight of va_start in this file. */
    (void)vfprintf(stderr, format, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(args);
    (void)fprintf(stderr, "\n");
    world_tell_replay("replay", &w->options);
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(1);
}

void world_note(const device *d, const char *format, ...) {
    char text[TRACE_LINE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace_note(d->world->trace, sim_clock_now(d->world->clock), d->index, "-- %s", text);
}

/* ---- a run and what the hub asks of it ----------------------------------------------------- */

static void open_home(run *r) {
    device *d = r->device;
    wr_err err = keystore_open_memory(&d->secrets, &r->keystore);
    WR_ASSERT(err == WR_OK);
    err = store_sim_open(d->disk, &r->life, ledger_watch(d->world->ledger, d->index), &r->store);
    WR_ASSERT(err == WR_OK);
}

/* Disks are watched as what they are, so the ledger must know whose they are. */
static void note_disk(device *d) {
    const keystore_secrets *s = &d->secrets;
    WR_SECRET(wr_identity) identity;
    wr_identity_load(&s->sign_seed, &s->noise, &s->box, s->incarnation, &identity);
    ledger_new_disk(d->world->ledger, d->index, &identity.device_id);
}

/* A new home, in place of one that never came to hold a circle. */
static wr_err provision(void *ctx, const keystore_secrets *secrets, keystore **ret_keystore,
                        store **ret_store, const char **ret_problem) {
    run *r = (run *)ctx;
    device *d = r->device;
    r->keystore = NULL; /* the hub has closed them */
    r->store = NULL;
    if (r->life.dead) {
        *ret_problem = "the process died";
        return WR_ERR_IO;
    }
    store_close(d->disk);
    wr_err err = store_open_memory(&d->disk);
    WR_ASSERT(err == WR_OK);
    d->secrets = *secrets;
    world_forbid_secrets(d, secrets);
    d->has_home = true;
    note_disk(d);
    open_home(r);
    *ret_keystore = r->keystore;
    *ret_store = r->store;
    return WR_OK;
}

static void plan_to_follow(run *r, uint32_t within_ms) {
    uint64_t wait_ms = chance_below(&r->device->world->bodies, within_ms);
    loop_event_set(&r->follow, sim_clock_now(r->device->world->clock) + wait_ms);
}

static void follow(void *ctx) {
    run *r = (run *)ctx;
    if (!r->closing && !device_follow(r->device))
        plan_to_follow(r, SECOND);
}

/* What it is in the circle; another one where its owner brought it in again. */
static void note_id(device *d) {
    const wr_hash *id = hub_device_id(d->run->hub);
    if (id == NULL || (d->has_id && wr_hash_equal(id, &d->id)))
        return;
    if (d->has_id) {
        world_note(d, "is another device from now on");
        d->former = d->id;
        d->has_former = d->world->rejoined = true;
        ledger_renew(d->world->ledger, d->index, id);
    }
    d->id = *id;
    d->has_id = true;
}

static void on_event(void *ctx, const hub_event *event) {
    run *r = (run *)ctx;
    device *d = r->device;
    if (r->crashed)
        return;
    switch (event->type) {
    case HUB_EV_ENTRIES:
        plan_to_follow(r, FOLLOW_MS);
        break;
    case HUB_EV_ALERT:
        world_note(d, "alert: %s", event->text);
        d->world->counts.alerts++;
        if (!world_traitor_alert(d, event->text) && d->world->counts.set_backs == 0)
            world_fail(d->world, "device %u: alert: %s", d->index, event->text);
        break;
    case HUB_EV_ROLLBACK:
        world_note(d, "rollback: %s", event->text);
        d->world->counts.rollbacks++;
        if (d->world->counts.set_backs == 0)
            world_fail(d->world, "device %u was not set back: %s", d->index, event->text);
        break;
    case HUB_EV_PAIRING_REQUEST:
    case HUB_EV_PAIRING_DONE:
    case HUB_EV_PAIRING_FAILED:
    case HUB_EV_PAIRING_TRY:
        pair_event(d, event);
        break;
    case HUB_EV_SIBLING_ONLINE:
    case HUB_EV_SIBLING_OFFLINE:
    case HUB_EV_SIBLING_PATH:
        break;
    case HUB_EV_CIRCLE_CHANGED:
        if (d->has_id && d->run == r)
            note_id(d);
        break;
    }
}

static run *run_new(device *d) {
    world *w = d->world;
    run *r = (run *)calloc(1, sizeof *r);
    WR_ASSERT(r != NULL);
    r->device = d;
    r->started_ms = sim_clock_now(w->clock);
    d->pairing = 0;
    chance_init(&r->rng, w->options.seed, "device", d->index * 4096u + d->runs++);
    loop_sim_config config = {.clock = w->clock,
                              .device = d->index,
                              .mono_start_ms = chance_below(&r->rng, UINT32_MAX),
                              .wall_offset_ms = d->wall_offset_ms,
                              .drift_ppm = d->drift_ppm};
    wr_err err = loop_sim_open(&config, &r->loop);
    WR_ASSERT(err == WR_OK);
    err = net_sim_open(w->net, d->index, r->loop, &r->net);
    WR_ASSERT(err == WR_OK);
    loop_event_init(&r->follow, r->loop, follow, r);
    run_slow_disk(r);
    r->next = w->runs;
    w->runs = r;
    return r;
}

/* It is out of the world's list already. */
static void run_free(run *r) {
    if (r->device->run == r)
        r->device->run = NULL;
    loop_event_stop(&r->follow);
    net_close(r->net);
    loop_close(r->loop);
    free(r);
}

static void hub_gone(void *ctx) {
    ((run *)ctx)->gone = true;
}

/* ---- ends of a run ---- */

/* Nothing honest may ever be refused; with an attacker, not all is honest. */
static void check_counters(run *r) {
    if (r->device->world->attacked || r->device->world->turned != NULL ||
        r->device->world->membership || world_is_forked(r->device->world))
        return;
    static const metric never[] = {METRIC_LINKS_FAILED};
    const metrics *m = hub_metrics(r->hub);
    for (size_t i = 0; i < WR_COUNT(never); i++)
        if (m->value[never[i]] != 0)
            world_fail(r->device->world, "device %u: %s = %" PRIu64, r->device->index,
                       metric_name(never[i]), m->value[never[i]]);
}

static void keep_secrets(run *r) {
    if (r->keystore != NULL)
        r->device->secrets = *keystore_get(r->keystore);
}

static void count_run(run *r) {
    struct world_counts *n = &r->device->world->counts;
    const metrics *m = hub_metrics(r->hub);
    n->awake_ms += sim_clock_now(r->device->world->clock) - r->started_ms;
    n->handshakes += m->value[METRIC_HANDSHAKES];
    n->stored += m->value[METRIC_ENTRIES_STORED];
}

static void begin_close(run *r) {
    count_run(r);
    r->closing = true;
    loop_event_stop(&r->follow);
    loop_sim_enter(r->loop);
    hub_close(r->hub, hub_gone, r);
    loop_sim_leave();
}

static void disk_crash(device *d) {
    const store_watch *watch = ledger_watch(d->world->ledger, d->index);
    watch->rollback(watch->ctx);
    if (d->disk != NULL)
        store_memory_crash(d->disk);
}

static void run_crash(run *r, bool silent) {
    device *d = r->device;
    if (r->crashed)
        return;
    r->crashed = true;
    d->world->counts.crashes++;
    world_note(d, "crashes%s", silent ? " without a word" : "");
    if (!r->closing)
        keep_secrets(r);
    r->life.dead = true;
    net_sim_kill(r->net, silent);
    disk_crash(d);
    d->disk_fault = false;
    d->joining = false;
    d->run = NULL;
    world_members_crashed(r);
    if (!r->closing)
        begin_close(r);
}

/* An attacker or a bad day must not make a device need more than a phone gives it. */
static void check_memory(world *w) {
    for (uint32_t i = 0; i < w->device_count; i++) {
        size_t used = heap_sim_peak(i);
        if (used > w->counts.memory_peak)
            w->counts.memory_peak = used;
        if (used > MEMORY_MAX)
            world_fail(w, "device %u uses %zu KiB of memory", i, used / 1024);
    }
}

/* Looks after each event who died in it, and who is ready to go. */
static void reap(world *w) {
    check_memory(w);
    run **at = &w->runs;
    while (*at != NULL) {
        run *r = *at;
        if (r->gone && net_sim_is_quiet(r->net)) {
            *at = r->next;
            run_free(r);
            continue;
        }
        if (r->life.dead)
            run_crash(r, chance_hit(&w->faults, 500));
        at = &r->next;
    }
    world_members_watch(w);
}

void device_stop(device *d) {
    run *r = d->run;
    if (!device_is_up(d))
        return;
    d->world->counts.stops++;
    world_note(d, "stops");
    check_counters(r);
    keep_secrets(r);
    begin_close(r);
    reap(d->world);
}

void device_crash(device *d, bool silent) {
    if (!device_is_up(d))
        return;
    run_crash(d->run, silent);
    reap(d->world);
}

/* ---- the beginning of a run ---------------------------------------------------------------- */

static void did_not_start(run *r, wr_err err, const char *problem) {
    device *d = r->device;
    if (!run_may_fail(r))
        world_fail(d->world, "device %u does not start: %s (%s)", d->index, problem,
                   wr_err_name(err));
    world_note(d, "does not start: %s", wr_err_name(err));
    d->disk_fault = false;
    keystore_close(r->keystore);
    store_close(r->store);
    disk_crash(d);
    r->store = NULL;
    r->gone = true;
    reap(d->world);
}

void device_start(device *d) {
    world *w = d->world;
    const char *problem = "";
    if (d->run != NULL)
        return;
    world_note(d, "starts");
    heap_sim_forget(d->index);
    run *r = run_new(d);
    d->run = r;
    r->listen = net_sim_local_addr(w->net, d->index);
    if (d->has_home) {
        ledger_compare(w->ledger, d->index, d->disk);
        open_home(r);
    }
    size_t peer_count = 0;
    for (uint32_t i = 0; i < w->device_count && w->peers; i++)
        if (i != d->index && net_sim_addr_from(w->net, d->index, i, &r->peers[peer_count]))
            peer_count++;
    hub_config config = {.loop = r->loop,
                         .net = r->net,
                         .rng = chance_rng(&r->rng),
                         .listen = &r->listen,
                         .listen_count = 1,
                         .peers = r->peers,
                         .peer_count = peer_count,
                         .discovery = w->discovery,
                         .epoch_entries_max = w->options.epoch,
                         .provision = provision,
                         .event = on_event,
                         .ctx = r};
    loop_sim_enter(r->loop);
    wr_err err = hub_open(&config, r->keystore, r->store, &r->hub, &problem);
    loop_sim_leave();
    if (err != WR_OK) {
        did_not_start(r, err, problem);
        return;
    }
    if (hub_has_circle(r->hub))
        plan_to_follow(r, FOLLOW_MS);
    reap(w);
}

/* ---- looking and calling ---- */

bool device_is_up(const device *d) {
    return d->run != NULL && !d->run->closing && d->asleep_until <= sim_clock_now(d->world->clock);
}

bool device_is_member(const device *d) {
    return device_is_up(d) && hub_has_circle(d->run->hub);
}

bool run_may_fail(const run *r) {
    return r->life.dead || r->closing || r->device->disk_fault || r->device->disk_full;
}

hub *device_enter(device *d) {
    WR_ASSERT(device_is_up(d));
    loop_sim_enter(d->run->loop);
    return d->run->hub;
}

void device_leave(device *d) {
    note_id(d);
    loop_sim_leave();
    reap(d->world);
}

static void refresh_plug(const device *d) {
    bool awake = d->asleep_until <= sim_clock_now(d->world->clock);
    net_sim_plug(d->world->net, d->index, awake && !d->unplugged);
}

static void wakes(void *ctx) {
    device *d = (device *)ctx;
    world_note(d, "wakes");
    refresh_plug(d);
}

void device_sleep(device *d, uint64_t ms) {
    WR_ASSERT(device_is_up(d));
    d->asleep_until = sim_clock_now(d->world->clock) + ms;
    d->world->counts.sleeps++;
    d->run->started_ms += ms; /* no time of its own */
    world_note(d, "sleeps for %" PRIu64 " s", ms / 1000);
    loop_sim_sleep(d->run->loop, d->asleep_until);
    sim_clock_set(d->world->clock, &d->wake, d->asleep_until);
    refresh_plug(d);
}

void device_end_at(device *d, uint32_t calls, bool keep) {
    world_note(d, "will crash at store call %u%s", calls, keep ? ", after a commit" : "");
    store_life_end_at(&d->run->life, calls, keep);
}

void device_fail_at(device *d, uint32_t calls) {
    if (d->disk == NULL)
        return;
    world_note(d, "store call %u will fail", calls);
    d->disk_fault = true;
    d->fault_ms = 0;
    d->fault_call = store_memory_calls(d->disk) + calls;
    d->world->counts.faults++;
    store_memory_fail_at(d->disk, calls);
}

void device_plug(device *d, bool plugged) {
    world_note(d, "%s", plugged ? "is plugged in" : "is unplugged");
    d->unplugged = !plugged;
    refresh_plug(d);
}

/* ---- time ---- */

void world_run(world *w, uint64_t ms) {
    uint64_t until = sim_clock_now(w->clock) + ms;
    while (sim_clock_step(w->clock, until)) {
        reap(w);
        if (sim_clock_at_once(w->clock) > AT_ONCE_MAX)
            world_fail(w, "time stands still: some device never stops working");
        if (w->trace->events < w->next_check)
            continue;
        w->next_check = w->trace->events + CHECK_EVENTS;
        world_check_now(w);
    }
}

/* ---- the world ---- */

static void bad_disk(void *ctx, uint32_t index, const char *problem) {
    world_fail((world *)ctx, "the disk of device %u %s", index, problem);
}

world *world_new(const world_options *options) {
    world *w = (world *)calloc(1, sizeof *w);
    WR_ASSERT(w != NULL);
    w->options = *options;
    w->traitors_accuser = -1;
    w->trace = options->trace;
    trace_init(w->trace, options->seed, options->print_trace);
    w->clock = sim_clock_new(w->trace);
    chance_init(&w->plot, options->seed, "plot", 0);
    chance_init(&w->bodies, options->seed, "bodies", 0);
    chance_init(&w->faults, options->seed, "faults", 0);
    uint32_t drawn = chance_between(&w->plot, 2, 4);
    w->device_count = options->devices != 0 ? options->devices : drawn;
    if (options->scenario != NULL)
        w->device_count = options->scenario->devices;
    world_members_open(w);
    world_traitor_open(w);
    chance attacker;
    chance_init(&attacker, options->seed, "attack", 0);
    w->attacked = chance_hit(&attacker, 400) && options->scenario == NULL;
    w->net = net_sim_new(w->clock, options->seed, w->device_count + (w->attacked ? 1u : 0u));
    w->ledger = ledger_new(bad_disk, w);
    ledger_set_holds(w->ledger, world_traitor_holds);
    world_tap_open(w);
    w->discovery = chance_hit(&w->plot, 500);
    /* Somebody may know the traitor only. */
    w->peers = chance_hit(&w->plot, 250) || options->scenario != NULL || w->turned != NULL ||
               w->membership;
    w->bulk = chance_hit(&w->plot, 30);
    w->rhythm = chance_hit(&w->plot, 850);
    world_net_draw(w);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[i];
        d->world = w;
        d->index = i;
        d->accuser = -1;
        d->wake = (sim_event){.fn = wakes, .ctx = d};
        (void)snprintf(d->name, sizeof d->name, "device %u kq3vzt8w", i);
        world_forbid(w, "name of device", i, wr_slice_str(d->name));
        d->wall_offset_ms = (int64_t)chance_below(&w->plot, 4000) - 2000;
        d->drift_ppm = (int32_t)chance_below(&w->plot, 400) - 200;
        bool slow = chance_hit(&w->plot, 200) && options->scenario == NULL;
        d->commit_ms = slow ? 1u << chance_between(&w->plot, 1, 11) : 0;
    }
    return w;
}

void world_stop(world *w) {
    for (uint32_t i = 0; i < w->device_count; i++)
        device_stop(&w->devices[i]);
    world_tap_stop(w);
    world_traitor_stop(w);
    world_run(w, 10 * MINUTE);
    if (w->runs != NULL)
        world_fail(w, "device %u does not end", w->runs->device->index);
}

void world_free(world *w) {
    for (uint32_t i = 0; i < w->device_count; i++) {
        device_forget_backup(&w->devices[i]);
        store_close(w->devices[i].disk);
        keystore_secrets_wipe(&w->devices[i].secrets);
        free(w->devices[i].followed);
    }
    if (net_sim_connections(w->net) != 0)
        world_fail(w, "connections without ends are left");
    world_traitor_close(w);
    world_tap_close(w);
    net_sim_free(w->net);
    sim_clock_free(w->clock);
    ledger_free(w->ledger);
    free(w->records);
    free(w);
}
