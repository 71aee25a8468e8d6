/* Secrets that nobody needs any more, so that what a removed member made does not fill a keyring.
 *
 * They are dropped at a start only: then no link counts on their places.
 *
 * Spec:   proto/spec/circle.md 5.6
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_impl.h"

static bool author_is_in(const wr_self *self, const wr_hash *epoch_id) {
    wr_op_ref op;
    uint32_t number;
    const wr_member *author =
        wr_generations_find(self->generations, epoch_id, &number) &&
                wr_graph_find_op(wr_generations_at(self->generations, number), epoch_id, &op)
            ? wr_graph_find(self->graph, &op.author)
            : NULL;
    return author != NULL && wr_member_is_in(author);
}

bool wr_self_needs_epoch(const wr_self *self, uint32_t index) {
    if (index == WR_EPOCH_NONE)
        return true;
    wr_epoch_ref epoch = wr_generations_epoch(self->generations, index);
    return author_is_in(self, &epoch.epoch_id) || (epoch.in && epoch.for_members) ||
           wr_volumes_get(self->volumes, &epoch.epoch_id).entries != 0;
}

/* spec:circle#5.6 "While a device holds 512 secrets or more, it MUST NOT take or ask for one that
 * nobody needs." */
bool wr_self_wants_epoch(const wr_self *self, uint32_t index) {
    return wr_keyring_count(self->keyring) < WR_EPOCHS_IDLE || wr_self_needs_epoch(self, index);
}

/* The epochs by which siblings are dialled, as far as is known here. */
static void keep_for_sessions(const wr_self *self, bool keep[WR_EPOCHS_MAX]) {
    for (uint32_t i = 0; i < wr_graph_member_count(self->graph); i++) {
        const wr_member *member = wr_graph_member(self->graph, i);
        const wr_hash *epoch_id = wr_self_session_epoch(self, &member->device_id, 0);
        uint32_t place;
        if (wr_member_is_in(member) && epoch_id != NULL &&
            wr_keyring_place(self->keyring, epoch_id, &place))
            keep[place] = true;
    }
}

static void drop(wr_self *self, uint32_t place) {
    wr_hash epoch_id = *wr_keyring_epoch(self->keyring, place);
    self->dropped[self->dropped_count++] = epoch_id;
    wr_keyring_remove(self->keyring, &epoch_id);
    memmove(&self->epoch_index[place], &self->epoch_index[place + 1],
            (wr_keyring_count(self->keyring) - place) * sizeof self->epoch_index[0]);
}

/* spec:circle#5.6 "At a start a device MUST drop the oldest of these, with their histories, until
 * it holds 512." */
void wr_self_drop_epochs(wr_self *self) {
    bool keep[WR_EPOCHS_MAX] = {false};
    uint32_t count = wr_keyring_count(self->keyring);
    const wr_member *me = wr_graph_find(self->graph, &self->identity.device_id);
    if (count <= WR_EPOCHS_IDLE || me == NULL || !wr_member_is_in(me))
        return;
    keep_for_sessions(self, keep);
    for (uint32_t i = 0, place = 0; i < count; i++) {
        bool full = wr_keyring_count(self->keyring) > WR_EPOCHS_IDLE;
        if (full && !keep[i] && !wr_self_needs_epoch(self, self->epoch_index[place]))
            drop(self, place);
        else
            place++;
    }
    self->epochs_stored = wr_keyring_count(self->keyring);
}
