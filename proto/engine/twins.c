/* Places of siblings' processes: who holds one, and since when for certain.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/twins.h"

wr_place *wr_twins_place(wr_twins *twins, const wr_hash *device_id) {
    for (uint32_t i = 0; i < twins->count; i++)
        if (wr_hash_equal(&twins->places[i].device_id, device_id))
            return &twins->places[i];
    if (twins->count == WR_AUTHORS_MAX)
        return NULL;
    wr_place *made = &twins->places[twins->count++];
    *made = (wr_place){.device_id = *device_id, .free_at = twins->free_at};
    return made;
}

bool wr_place_take(wr_place *place, const wr_digest *instance, bool signs, wr_mono now) {
    bool same = wr_equal(WR_SLICE_OBJ(place->instance), WR_SLICE_OBJ(*instance));
    if (place->sessions != 0 && !same)
        return false;
    if (!same) {
        place->instance = *instance;
        place->sure = false;
        place->sure_at = place->free_at.ms > now.ms ? place->free_at : now;
    }
    place->sure = place->sure || signs;
    place->sessions++;
    return true;
}

void wr_place_leave(wr_place *place, bool left, wr_mono now) {
    WR_ASSERT(place->sessions != 0);
    if (--place->sessions != 0)
        return;
    place->yields = false;
    place->rival_signs = false;
    place->answered = place->moot = place->asked;
    place->free_at = left ? now : wr_mono_add(now, WR_TWINS_RETURN_MS);
}

uint32_t wr_place_ask(wr_place *place, bool signs) {
    place->rival_signs = place->rival_signs || signs;
    return ++place->asked;
}

void wr_place_answer(wr_place *place, uint32_t asked) {
    if (asked > place->answered)
        place->answered = asked;
    /* spec:sync#5.1 "Only if the newcomer signs, and the other one does not and was not told SOLE,
     * that one MUST be told TWIN." */
    place->yields = place->yields || (place->rival_signs && !place->sure);
    place->rival_signs = false;
}

bool wr_place_is_asked(const wr_place *place) {
    return place->asked != place->answered;
}

/* spec:sync#5.1 "An instance that comes less than 3 seconds after the last session with another one
 * ended, or after the start of the device that is to say SOLE, MUST NOT be told before these have
 * passed" */
void wr_place_settle(wr_place *place, wr_mono now) {
    if (!place->sure && !place->yields && !wr_place_is_asked(place) &&
        wr_mono_reached(place->sure_at, now))
        place->sure = true;
}
