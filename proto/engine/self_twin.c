/* Which process of this device is running, and that a sibling has met another one.
 *
 * Spec:   proto/spec/sync.md 5.1
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_impl.h"

#define TWIN_MS                                                                                    \
    60000u /* a sibling's word that there is a twin holds so long, unless it takes it back */

const wr_digest *wr_self_instance(const wr_self *self) {
    return &self->instance;
}

void wr_self_set_instance(wr_self *self, const wr_digest *instance) {
    self->instance = *instance;
}

wr_twins *wr_self_twins(wr_self *self) {
    return &self->twins;
}

/* spec:sync#5.1 "A device that hears TWIN MUST NOT sign from then on, until it is confirmed anew."
 */
void wr_self_see_twin(wr_self *self, const wr_hash *by, wr_now now) {
    wr_place *place = wr_twins_place(&self->twins, by);
    WR_ASSERT(place != NULL); /* a sibling's, and each that ever was one has room */
    self->confirmed = false;
    place->vouches = false;
    place->twin_until = wr_mono_add(now.mono, TWIN_MS);
}

void wr_self_forget_twin(wr_self *self, const wr_hash *by) {
    for (uint32_t i = 0; i < self->twins.count; i++)
        if (by == NULL || wr_hash_equal(by, &self->twins.places[i].device_id))
            self->twins.places[i].twin_until.ms = 0;
}

bool wr_self_is_cleared(const wr_self *self, const wr_hash *but, uint32_t but_count) {
    bool vouched = false;
    for (uint32_t i = 0; i < self->twins.count; i++) {
        const wr_place *place = &self->twins.places[i];
        if (wr_hash_is_among(&place->device_id, but, but_count))
            continue;
        if (place->twin_until.ms != 0)
            return false;
        vouched = vouched || place->vouches;
    }
    return vouched;
}

void wr_self_regained(const wr_self *self, uint64_t *ret_entries, uint64_t *ret_ops) {
    *ret_entries = self->regained_entries;
    *ret_ops = self->regained_ops;
}

wr_mono wr_self_twin_until(const wr_self *self) {
    wr_mono until = {0};
    for (uint32_t i = 0; i < self->twins.count; i++)
        if (self->twins.places[i].twin_until.ms > until.ms)
            until = self->twins.places[i].twin_until;
    return until;
}
