/* A table of counters by epoch id, sorted, as a segment names its epoch by the first bytes of the
 * id.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/volume.h"

#include <stdlib.h>

#include "feed/entry.h"

#define FIRST_SLOTS 64u

typedef struct volume_slot {
    wr_hash epoch_id;
    wr_volume volume;
    bool dirty;
} volume_slot;

struct wr_volumes {
    uint32_t count, room, dirty_count;
    volume_slot *slot; /* ascending */
};

bool wr_volume_has_room(const wr_volume *held, const wr_volume *under_way, const wr_volume *max) {
    return held->entries + under_way->entries < max->entries &&
           held->bytes + under_way->bytes + WR_ENTRY_BYTES_MAX <= max->bytes;
}

wr_err wr_volumes_new(wr_volumes **ret_volumes) {
    wr_volumes *volumes = calloc(1, sizeof *volumes);
    if (volumes == NULL)
        return WR_ERR_NOMEM;
    *ret_volumes = volumes;
    return WR_OK;
}

void wr_volumes_free(wr_volumes *volumes) {
    if (volumes == NULL)
        return;
    free(volumes->slot);
    free(volumes);
}

/* The first slot whose id starts with prefix or more. */
static uint32_t lower_bound(const wr_volumes *volumes, wr_slice prefix) {
    uint32_t lo = 0, hi = volumes->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (wr_order(wr_slice_of(volumes->slot[mid].epoch_id.b, prefix.len), prefix) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool starts_with(const wr_volumes *volumes, uint32_t at, wr_slice prefix) {
    return at < volumes->count &&
           wr_order(wr_slice_of(volumes->slot[at].epoch_id.b, prefix.len), prefix) == 0;
}

/* Each epoch is an op, of any generation: rarely more than some dozens, and many thousands where
 * somebody means harm. */
static wr_err make_room(wr_volumes *volumes) {
    uint32_t room = volumes->room == 0 ? FIRST_SLOTS : 2u * volumes->room;
    if (volumes->count < volumes->room)
        return WR_OK;
    volume_slot *slot = realloc(volumes->slot, room * sizeof *slot);
    if (slot == NULL)
        return WR_ERR_NOMEM;
    volumes->slot = slot;
    volumes->room = room;
    return WR_OK;
}

wr_err wr_volumes_add(wr_volumes *volumes, const wr_hash *epoch_id) {
    WR_TRY(make_room(volumes));
    uint32_t at = lower_bound(volumes, WR_SLICE_OBJ(*epoch_id));
    WR_ASSERT(!starts_with(volumes, at, WR_SLICE_OBJ(*epoch_id)));
    memmove(&volumes->slot[at + 1], &volumes->slot[at],
            (volumes->count - at) * sizeof volumes->slot[0]);
    volumes->slot[at] = (volume_slot){.epoch_id = *epoch_id};
    volumes->count++;
    return WR_OK;
}

bool wr_volumes_load(wr_volumes *volumes, const wr_hash *epoch_id, const wr_volume *volume) {
    uint32_t at = lower_bound(volumes, WR_SLICE_OBJ(*epoch_id));
    if (!starts_with(volumes, at, WR_SLICE_OBJ(*epoch_id)))
        return false;
    volumes->slot[at].volume = *volume;
    return true;
}

static void count_segment(wr_volumes *volumes, wr_slice tag, uint32_t entries, size_t bytes) {
    /* Ids that share their first bytes are counted together: rather too much than too little. */
    for (uint32_t at = lower_bound(volumes, tag); starts_with(volumes, at, tag); at++) {
        volume_slot *slot = &volumes->slot[at];
        slot->volume.entries += entries;
        slot->volume.bytes += bytes;
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
        count_segment(volumes, wr_slice_of(tag, sizeof tag), entries, before - segments.len);
    }
}

wr_volume wr_volumes_get(const wr_volumes *volumes, const wr_hash *epoch_id) {
    uint32_t at = lower_bound(volumes, WR_SLICE_OBJ(*epoch_id));
    return starts_with(volumes, at, WR_SLICE_OBJ(*epoch_id)) ? volumes->slot[at].volume
                                                             : (wr_volume){0, 0};
}

bool wr_volumes_poll(wr_volumes *volumes, wr_hash *ret_epoch_id, wr_volume *ret_volume) {
    for (uint32_t i = 0; volumes->dirty_count != 0 && i < volumes->count; i++) {
        volume_slot *slot = &volumes->slot[i];
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

bool wr_volumes_pending(const wr_volumes *volumes) {
    return volumes->dirty_count != 0;
}
