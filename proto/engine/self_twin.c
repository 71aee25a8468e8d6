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
    self->confirmed = false;
    self->twin_by = *by;
    self->twin_until = wr_mono_add(now.mono, TWIN_MS);
}

void wr_self_forget_twin(wr_self *self, const wr_hash *by) {
    if (by == NULL || wr_hash_equal(by, &self->twin_by))
        self->twin_until.ms = 0;
}

void wr_self_regained(const wr_self *self, uint64_t *ret_entries, uint64_t *ret_ops) {
    *ret_entries = self->regained_entries;
    *ret_ops = self->regained_ops;
}

wr_mono wr_self_twin_until(const wr_self *self) {
    return self->twin_until;
}
