/* What simulated devices append and read, and that both are the same.
 *
 * Each body begins with the number of its record, and the rest follows from that number: so every
 * entry that a device shows can be checked by itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/hub_impl.h"
#include "sim/world_members.h"
#include "sim/world_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NUMBER_BYTES 8u
#define NUMBER_MASK 0x9d3ce5a17b42f86cu /* so that also the shortest body is distinctive */
#define PAGE_MAX 3000u

const char *const world_log_names[WORLD_LOGS] = {"notes-w7xkq2vz", "clipboard-5tjz",
                                                 "chat/family-p0wq", "zq8vhx3k"};
static const char *const kinds[3] = {"", "text", "application/octet-stream"};

/* ---- appending ---- */

static void make_body(const world *w, uint32_t number, uint8_t *out) {
    chance filler;
    wr_store_u64(out, number ^ NUMBER_MASK);
    chance_init(&filler, w->options.seed, "body", number);
    wr_rng rng = chance_rng(&filler);
    wr_rng_fill(&rng, out + NUMBER_BYTES, w->records[number].size - NUMBER_BYTES);
}

static wr_slice kind_of(uint32_t number) {
    return wr_slice_str(kinds[number % WR_COUNT(kinds)]);
}

static uint64_t digest_of(wr_slice kind, wr_slice body) {
    return sim_hash(sim_hash_u64(sim_hash(SIM_HASH_START, kind), kind.len), body);
}

static uint32_t draw_size(chance *c) {
    if (chance_hit(c, 10))
        return chance_between(c, 20000, WR_BODY_BYTES_MAX);
    if (chance_hit(c, 100))
        return chance_between(c, 500, 6000);
    return chance_between(c, NUMBER_BYTES, 300);
}

static void make_room(world *w, uint32_t count) {
    uint32_t old = w->record_cap;
    if (w->record_count + count <= old)
        return;
    w->record_cap = (w->record_count + count) * 2;
    w->records = (record *)realloc(w->records, w->record_cap * sizeof *w->records);
    WR_ASSERT(w->records != NULL);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[i];
        d->followed = (uint8_t *)realloc(d->followed, w->record_cap);
        WR_ASSERT(d->followed != NULL);
        memset(d->followed + old, 0, w->record_cap - old);
    }
}

typedef struct append {
    run *run;
    uint32_t first, count;
} append;

static void appended(void *ctx, wr_err err, const hub_appended *list, uint32_t count) {
    append *a = (append *)ctx;
    run *r = a->run;
    world *w = r->device->world;
    /* What was said to a dead process was never heard. */
    if (err == WR_OK && !r->crashed) {
        if (count != a->count)
            world_fail(w, "device %u: %u answers to %u entries", r->device->index, count, a->count);
        for (uint32_t i = 0; i < count; i++) {
            w->records[a->first + i].answered = true;
            w->records[a->first + i].hlc = list[i].hlc;
            if (!ledger_holds(w->ledger, r->device->index, list[i].hlc))
                world_fail(w, "device %u answers entry %u, which is not durable", r->device->index,
                           a->first + i);
        }
        w->counts.answered += count;
    }
    if (err != WR_OK && !run_may_fail(r))
        world_fail(w, "device %u: append: %s", r->device->index, wr_err_name(err));
    free(a);
}

void world_append(device *d, uint32_t count) {
    world *w = d->world;
    static uint8_t bytes[WORLD_BATCH_MAX * 512u + WR_BODY_BYTES_MAX];
    hub_item items[WORLD_BATCH_MAX];
    uint32_t log = chance_below(&w->bodies, WORLD_LOGS);
    size_t used = 0;
    uint32_t done = 0;
    make_room(w, count);
    world_forbid(w, "name of log", log, wr_slice_str(world_log_names[log]));
    for (; done < count; done++) {
        uint32_t size = draw_size(&w->bodies), number = w->record_count + done;
        if (used + size > sizeof bytes)
            break;
        w->records[number] = (record){.author = d->index, .log = log, .size = size};
        make_body(w, number, bytes + used);
        world_forbid(w, "body of entry", number, wr_slice_of(bytes + used, size));
        items[done] = (hub_item){kind_of(number), wr_slice_of(bytes + used, size)};
        w->records[number].digest = digest_of(items[done].kind, items[done].body);
        used += size;
    }
    append *a = (append *)malloc(sizeof *a);
    WR_ASSERT(a != NULL);
    *a = (append){d->run, w->record_count, done};
    w->record_count += done;
    w->counts.appends += done;
    world_note(d, "appends %u to %s, from %u on", done, world_log_names[log], a->first);
    hub *h = device_enter(d);
    wr_err err = hub_append(h, wr_slice_str(world_log_names[log]), items, done, appended, a);
    bool refused = err == WR_ERR_REFUSED && !device_is_inside(d); /* it has heard that it is out */
    if (err != WR_OK && !refused && !run_may_fail(d->run))
        world_fail(w, "device %u cannot append: %s", d->index, hub_problem(h));
    if (err != WR_OK)
        free(a);
    device_leave(d);
}

/* Mostly all at once, sometimes in small pages. */
static uint32_t draw_limit(chance *c) {
    if (chance_hit(c, 100))
        return chance_between(c, 1, 20);
    return chance_between(c, 300, PAGE_MAX);
}

/* ---- one entry ----------------------------------------------------------------------------- */

/* The record of an entry that a device shows, which must be as it was appended. */
static uint32_t check_entry(device *d, uint32_t log, const hub_entry *e) {
    world *w = d->world;
    if (e->body.len < NUMBER_BYTES || (wr_load_u64(e->body.ptr) ^ NUMBER_MASK) >= w->record_count)
        world_fail(w, "device %u shows an entry that nobody appended", d->index);
    uint32_t number = (uint32_t)(wr_load_u64(e->body.ptr) ^ NUMBER_MASK);
    const record *r = &w->records[number];
    const device *author = &w->devices[r->author];
    if (e->has_seq && e->seq >= world_shown(d, &e->device))
        world_fail(w, "device %u shows entry %u, which was written after its author was removed",
                   d->index, number);
    if (digest_of(e->kind, e->body) != r->digest)
        world_fail(w, "device %u shows entry %u with another content", d->index, number);
    /* A writer that said two things may be believed one in the stream of names and the other in
     * that of messages. */
    if (r->log != log && !world_is_forked(w))
        world_fail(w, "device %u shows entry %u in the wrong log", d->index, number);
    if (!author->has_id || (!wr_hash_equal(&author->id, &e->device) &&
                            !(author->has_former && wr_hash_equal(&author->former, &e->device))))
        world_fail(w, "device %u shows entry %u as of another author", d->index, number);
    if (r->answered && r->hlc != e->hlc && !r->may_be_lost && !world_is_traitor(w, &e->device) &&
        !ledger_moved(w->ledger, r->author, r->hlc, e->hlc))
        world_fail(w, "device %u shows entry %u under another id than was answered", d->index,
                   number);
    return number;
}

/* ---- subscribers --------------------------------------------------------------------------- */

/* What one call gave counts only if the call succeeded: a failed one is made again. */
typedef struct follower {
    device *device;
    uint32_t log, count;
    uint32_t given[PAGE_MAX];
} follower;

static wr_err follow_entry(void *ctx, const hub_entry *entry) {
    follower *f = (follower *)ctx;
    if (world_traitor_shown(f->device, f->log, entry))
        return WR_OK;
    uint32_t number = check_entry(f->device, f->log, entry);
    /* One that had to move is a new one to a subscriber. */
    const record *r = &f->device->world->records[number];
    bool moved = r->answered && r->hlc != entry->hlc;
    if (f->device->followed[number] != 0 && !moved)
        world_fail(f->device->world, "device %u gives entry %u to a subscriber twice",
                   f->device->index, number);
    WR_ASSERT(f->count < PAGE_MAX);
    f->given[f->count++] = number;
    f->device->followed[number] = 1;
    return WR_OK;
}

static void forget_given(const follower *f) {
    for (uint32_t i = 0; i < f->count; i++)
        f->device->followed[f->given[i]] = 0;
}

static bool follow_log(device *d, uint32_t log) {
    static follower f;
    bool more = true;
    while (more) {
        uint32_t limit = draw_limit(&d->world->bodies);
        char cursor[HUB_CURSOR_MAX];
        more = false;
        f.device = d;
        f.log = log;
        f.count = 0;
        wr_err err =
            hub_arrivals(d->run->hub, wr_slice_str(world_log_names[log]),
                         wr_slice_str(d->cursor[log]), limit, follow_entry, &f, cursor, &more);
        if (err == WR_ERR_UNKNOWN)
            return true;
        if (err != WR_OK && !run_may_fail(d->run))
            world_fail(d->world, "device %u: arrivals: %s", d->index, hub_problem(d->run->hub));
        if (err != WR_OK) {
            forget_given(&f);
            return false;
        }
        memcpy(d->cursor[log], cursor, sizeof cursor);
    }
    return true;
}

bool device_follow(device *d) {
    bool done = true;
    for (uint32_t log = 0; log < WORLD_LOGS && hub_has_circle(d->run->hub); log++)
        done = follow_log(d, log) && done;
    return done;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct look {
    device *device;
    uint32_t log;
    uint8_t *seen;
    uint64_t digest;
    bool unsure; /* the disk failed, or the process died: something may not have been shown */
    bool any;
    uint64_t last_hlc;
    wr_hash last_device;
} look;

static wr_err look_entry(void *ctx, const hub_entry *e) {
    look *l = (look *)ctx;
    world *w = l->device->world;
    bool made = world_traitor_shown(l->device, l->log, e);
    uint32_t number = made ? w->record_count : check_entry(l->device, l->log, e);
    if (l->seen[number] != 0 && !made)
        world_fail(w, "device %u shows entry %u twice", l->device->index, number);
    l->seen[number] = 1;
    bool in_order = !l->any || e->hlc > l->last_hlc ||
                    (e->hlc == l->last_hlc && wr_hash_order(&l->last_device, &e->device) < 0);
    if (!in_order)
        world_fail(w, "device %u shows entry %u out of order", l->device->index, number);
    l->any = true;
    l->last_hlc = e->hlc;
    l->last_device = e->device;
    if (world_is_traitor(w, &e->device))
        return WR_OK;
    l->digest = sim_hash(l->digest, WR_SLICE_OBJ(e->device));
    l->digest = sim_hash_u64(l->digest, e->hlc);
    l->digest = sim_hash(l->digest, e->kind);
    l->digest = sim_hash(l->digest, e->body);
    return WR_OK;
}

static void look_at_log(look *l, hub *h) {
    char cursor[HUB_CURSOR_MAX] = "";
    wr_slice name = wr_slice_str(world_log_names[l->log]);
    bool more = true;
    l->any = false;
    while (more) {
        uint32_t limit = draw_limit(&l->device->world->bodies);
        char next[HUB_CURSOR_MAX];
        more = false;
        wr_err err = hub_read(h, name, wr_slice_str(cursor), limit, look_entry, l, next, &more);
        if (err == WR_ERR_UNKNOWN)
            return;
        if (err != WR_OK && run_may_fail(l->device->run))
            return;
        if (err != WR_OK)
            world_fail(l->device->world, "device %u: read: %s", l->device->index, hub_problem(h));
        memcpy(cursor, next, sizeof cursor);
    }
}

static void look_at_all(device *d, look *l) {
    *l = (look){.device = d, .digest = SIM_HASH_START};
    l->seen = (uint8_t *)calloc(d->world->record_count + 1u, 1);
    WR_ASSERT(l->seen != NULL);
    hub *h = device_enter(d);
    for (l->log = 0; l->log < WORLD_LOGS; l->log++)
        look_at_log(l, h);
    l->unsure = run_may_fail(d->run);
    device_leave(d);
}

uint64_t device_digest(device *d) {
    look l;
    look_at_all(d, &l);
    free(l.seen);
    return l.digest;
}

uint64_t world_check(device *d, bool complete) {
    world *w = d->world;
    look l;
    look_at_all(d, &l);
    for (uint32_t i = 0; i < w->record_count && !l.unsure; i++) {
        const record *r = &w->records[i];
        if (world_is_traitor(w, &w->devices[r->author].id) ||
            !device_is_inside(&w->devices[r->author]))
            continue;
        if (l.seen[i] == 0 && r->answered && !r->may_be_lost && (complete || r->author == d->index))
            world_fail(w, "device %u does not show entry %u, which device %u has answered",
                       d->index, i, r->author);
        /* A subscriber of a home that was set back passes over own entries between two of the tail.
         */
        bool passed_over = r->may_be_lost && r->author == d->index && d->followed[i] == 0;
        if (complete && l.seen[i] != d->followed[i] && !passed_over)
            world_fail(w, "device %u: entry %u of device %u in %s is %s, but the subscriber %s it",
                       d->index, i, r->author, world_log_names[r->log],
                       l.seen[i] != 0 ? "there" : "not there",
                       d->followed[i] != 0 ? "got" : "did not get");
    }
    free(l.seen);
    return l.digest;
}

/* The epochs of which it knows the op and not yet the secret, which comes on its own: by a question
 * and an answer, while entries are pushed already.  What is under them is not shown. */
static uint64_t missing_secrets(device *d) {
    const wr_self *self = device_enter(d)->self;
    const wr_generations *generations = wr_self_generations(self);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < wr_generations_epoch_count(generations); i++) {
        const wr_hash *epoch_id = wr_generations_epoch_id(generations, i);
        if (!wr_keyring_has(wr_self_keyring(self), epoch_id))
            sum += wr_load_u64(epoch_id->b);
    }
    device_leave(d);
    return sum;
}

void world_check_now(world *w) {
    uint64_t shown[WORLD_DEVICES_MAX], held[WORLD_DEVICES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[i];
        if (!device_is_member(d) || run_may_fail(d->run))
            continue;
        uint64_t digest = world_check(d, false);
        if (!device_is_up(d) || run_may_fail(d->run)) /* the look was its end */
            continue;
        shown[count] = digest;
        held[count++] = sim_hash_u64(ledger_digest(w->ledger, i), missing_secrets(d));
    }
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < a; b++)
            if (held[a] == held[b] && shown[a] != shown[b])
                world_fail(w, "two devices hold the same and show different logs");
}

void world_check_all(world *w) {
    uint64_t digest = 0;
    const device *first = world_first_inside(w);
    for (uint32_t i = first->index; i < w->device_count; i++) {
        device *d = &w->devices[i];
        if (!device_is_inside(d))
            continue;
        uint64_t own = world_check(d, true);
        if (d != first && own != digest)
            world_fail(w, "device %u and device %u show different logs", i, first->index);
        digest = own;
    }
    w->trace->hash = sim_hash_u64(w->trace->hash, digest);
}
