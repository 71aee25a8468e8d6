/* A table of counters by epoch id, sorted, as a segment names its epoch by the first bytes of the
 * id.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/volume.h"

#include <stdlib.h>

#include "feed/entry.h"

typedef struct volume_slot {
    wr_hash epoch_id;
    wr_volume volume;
    bool dirty;
} volume_slot;

typedef struct volume_table {
    uint32_t count;
    volume_slot slot[WR_OPS_MAX]; /* ascending */
} volume_table;

/* Each epoch is an op, and each generation may be full of them: a further table where one is. */
struct wr_volumes {
    volume_table *table[WR_GENERATIONS_MAX];
    uint32_t table_count, dirty_count;
};

bool wr_volume_has_room(const wr_volume *held, const wr_volume *under_way, const wr_volume *max) {
    return held->entries + under_way->entries < max->entries &&
           held->bytes + under_way->bytes + WR_ENTRY_BYTES_MAX <= max->bytes;
}

static wr_err table_new(wr_volumes *volumes) {
    WR_ASSERT(volumes->table_count < WR_COUNT(volumes->table));
    volume_table *made = calloc(1, sizeof *made);
    if (made == NULL)
        return WR_ERR_NOMEM;
    volumes->table[volumes->table_count++] = made;
    return WR_OK;
}

wr_err wr_volumes_new(wr_volumes **ret_volumes) {
    wr_volumes *volumes = calloc(1, sizeof *volumes);
    if (volumes == NULL)
        return WR_ERR_NOMEM;
    wr_err err = table_new(volumes);
    if (err != WR_OK) {
        free(volumes);
        return err;
    }
    *ret_volumes = volumes;
    return WR_OK;
}

void wr_volumes_free(wr_volumes *volumes) {
    if (volumes == NULL)
        return;
    for (uint32_t t = 0; t < volumes->table_count; t++)
        free(volumes->table[t]);
    free(volumes);
}

/* The first slot whose id starts with prefix or more. */
static uint32_t lower_bound(const volume_table *table, wr_slice prefix) {
    uint32_t lo = 0, hi = table->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (wr_order(wr_slice_of(table->slot[mid].epoch_id.b, prefix.len), prefix) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool starts_with(const volume_table *table, uint32_t at, wr_slice prefix) {
    return at < table->count &&
           wr_order(wr_slice_of(table->slot[at].epoch_id.b, prefix.len), prefix) == 0;
}

static volume_slot *find(const wr_volumes *volumes, const wr_hash *epoch_id) {
    for (uint32_t t = 0; t < volumes->table_count; t++) {
        volume_table *table = volumes->table[t];
        uint32_t at = lower_bound(table, WR_SLICE_OBJ(*epoch_id));
        if (starts_with(table, at, WR_SLICE_OBJ(*epoch_id)))
            return &table->slot[at];
    }
    return NULL;
}

wr_err wr_volumes_add(wr_volumes *volumes, const wr_hash *epoch_id) {
    WR_ASSERT(find(volumes, epoch_id) == NULL);
    if (volumes->table[volumes->table_count - 1]->count == WR_OPS_MAX)
        WR_TRY(table_new(volumes));
    volume_table *table = volumes->table[volumes->table_count - 1];
    uint32_t at = lower_bound(table, WR_SLICE_OBJ(*epoch_id));
    memmove(&table->slot[at + 1], &table->slot[at], (table->count - at) * sizeof table->slot[0]);
    table->slot[at] = (volume_slot){.epoch_id = *epoch_id};
    table->count++;
    return WR_OK;
}

bool wr_volumes_load(wr_volumes *volumes, const wr_hash *epoch_id, const wr_volume *volume) {
    volume_slot *slot = find(volumes, epoch_id);
    if (slot == NULL)
        return false;
    slot->volume = *volume;
    return true;
}

static void count_in(wr_volumes *volumes, volume_table *table, wr_slice tag,
                     const wr_volume *more) {
    /* Ids that share their first bytes are counted together: rather too much than too little. */
    for (uint32_t at = lower_bound(table, tag); starts_with(table, at, tag); at++) {
        volume_slot *slot = &table->slot[at];
        slot->volume.entries += more->entries;
        slot->volume.bytes += more->bytes;
        volumes->dirty_count += !slot->dirty;
        slot->dirty = true;
    }
}

void wr_volumes_count(wr_volumes *volumes, wr_slice segments) {
    while (segments.len != 0) {
        uint8_t tag[WR_EPOCH_TAG_SIZE];
        uint32_t entries;
        size_t before = segments.len;
        wr_err err = wr_segment_pass(&segments, tag, &entries);
        WR_ASSERT(err == WR_OK); /* they were read before, or written here */
        wr_volume more = {entries, before - segments.len};
        for (uint32_t t = 0; t < volumes->table_count; t++)
            count_in(volumes, volumes->table[t], wr_slice_of(tag, sizeof tag), &more);
    }
}

wr_volume wr_volumes_get(const wr_volumes *volumes, const wr_hash *epoch_id) {
    const volume_slot *slot = find(volumes, epoch_id);
    return slot != NULL ? slot->volume : (wr_volume){0, 0};
}

static bool poll_in(wr_volumes *volumes, volume_table *table, wr_hash *ret_epoch_id,
                    wr_volume *ret_volume) {
    for (uint32_t i = 0; i < table->count; i++) {
        volume_slot *slot = &table->slot[i];
        if (!slot->dirty)
            continue;
        slot->dirty = false;
        volumes->dirty_count--;
        *ret_epoch_id = slot->epoch_id;
        *ret_volume = slot->volume;
        return true;
    }
    return false;
}

bool wr_volumes_poll(wr_volumes *volumes, wr_hash *ret_epoch_id, wr_volume *ret_volume) {
    for (uint32_t t = 0; volumes->dirty_count != 0 && t < volumes->table_count; t++)
        if (poll_in(volumes, volumes->table[t], ret_epoch_id, ret_volume))
            return true;
    return false;
}

bool wr_volumes_pending(const wr_volumes *volumes) {
    return volumes->dirty_count != 0;
}
