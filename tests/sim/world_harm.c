/* What happens to machines: disks that are full, slow or set back to an old copy, and circles that
 * lie in a drawer for months.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_parts.h"

#include "store/store_impl.h"
#include "store/store_memory.h"

#include <stdlib.h>

#define DAY (24u * (uint64_t)HOUR)

/* ---- full disks ---------------------------------------------------------------------------- */

static void set_full(device *d, bool full) {
    d->disk_full = full;
    if (d->run != NULL)
        d->run->life.full = full;
    world_note(d, "disk %s", full ? "is full" : "has room again");
}

static void make_room(void *ctx) {
    set_full((device *)ctx, false);
}

void device_fill_disk(device *d, uint64_t ms) {
    world *w = d->world;
    if (d->disk_full || d->disk == NULL)
        return;
    w->counts.faults++;
    set_full(d, true);
    d->room = (sim_event){.fn = make_room, .ctx = d};
    sim_clock_set(w->clock, &d->room, sim_clock_now(w->clock) + ms);
}

void device_empty_disk(device *d) {
    if (!d->disk_full)
        return;
    sim_clock_stop(d->world->clock, &d->room);
    set_full(d, false);
}

/* ---- slow disks ---- */

static void committed(void *ctx) {
    const run *r = (const run *)ctx;
    world *w = r->device->world;
    uint32_t ms = chance_below(&w->faults, r->device->commit_ms);
    loop_sim_busy(r->loop, sim_clock_now(w->clock) + ms);
}

void run_slow_disk(run *r) {
    r->life.full = r->device->disk_full;
    if (r->device->commit_ms == 0)
        return;
    r->life.committed = committed;
    r->life.ctx = r;
}

/* ---- copies of a home ---- */

struct backup {
    store *disk;
    keystore_secrets secrets;
    ledger_copy *held;
};

void device_forget_backup(device *d) {
    backup *b = d->backup;
    if (b == NULL)
        return;
    store_close(b->disk);
    keystore_secrets_wipe(&b->secrets);
    ledger_copy_free(b->held);
    free(b);
    d->backup = NULL;
}

void device_back_up(device *d) {
    if (d->disk->open) /* a copy in the middle of a turn is not a home */
        return;
    device_forget_backup(d);
    backup *b = (backup *)calloc(1, sizeof *b);
    WR_ASSERT(b != NULL);
    wr_err err = store_memory_copy(d->disk, &b->disk);
    WR_ASSERT(err == WR_OK);
    b->secrets = *keystore_get(d->run->keystore);
    b->held = ledger_save(d->world->ledger, d->index);
    d->backup = b;
    world_note(d, "is backed up");
}

/* What it answered since then may be lost with it, and its subscribers begin anew. */
static void forget_since(device *d) {
    world *w = d->world;
    for (uint32_t i = 0; i < w->record_count; i++) {
        record *r = &w->records[i];
        if (r->author == d->index && r->answered && !ledger_holds(w->ledger, d->index, r->hlc))
            r->may_be_lost = true;
        d->followed[i] = 0;
    }
    memset(d->cursor, 0, sizeof d->cursor);
}

void device_set_back(device *d) {
    world *w = d->world;
    const backup *b = d->backup;
    if (b == NULL || !device_is_up(d))
        return;
    device_crash(d, false);
    world_note(d, "is set back to its backup");
    w->counts.set_backs++;
    d->was_set_back = true;
    store_close(d->disk);
    wr_err err = store_memory_copy(b->disk, &d->disk);
    WR_ASSERT(err == WR_OK);
    d->secrets = b->secrets;
    ledger_set_back(w->ledger, d->index, b->held);
    forget_since(d);
    device_start(d);
}

void device_clone(device *from, device *to) {
    world *w = from->world;
    WR_ASSERT(to->run == NULL && !to->has_home && !from->disk->open);
    wr_err err = store_memory_copy(from->disk, &to->disk);
    WR_ASSERT(err == WR_OK);
    to->secrets = *keystore_get(from->run->keystore);
    to->has_home = to->has_id = true;
    to->id = from->id;
    ledger_clone(w->ledger, from->index, to->index);
    w->counts.set_backs++;
    world_note(to, "has a copy of the home of device %u", from->index);
}

/* ---- the drawer ---- */

/* All sleep, for days to months, and wake within minutes. */
void world_drawer(world *w) {
    uint64_t ms = DAY * chance_between(&w->plot, 1, 200);
    for (uint32_t i = 0; i < w->device_count; i++)
        if (w->devices[i].asleep_until > sim_clock_now(w->clock))
            return; /* it would be up before the others */
    world_rhythm_stop(w);
    for (uint32_t i = 0; i < w->device_count; i++) {
        uint32_t more = chance_below(&w->plot, 20 * MINUTE);
        if (device_is_up(&w->devices[i]))
            device_sleep(&w->devices[i], ms + more);
    }
    world_run(w, ms + 20 * MINUTE);
    world_rhythm_start(w);
}
