/* What is done with Q, and without it.
 *
 * E opens what was written, so it is taken and used without Q.  Q keeps who recorded a session, and
 * devices that a RESET left out, from sessions of the generation: without it none is made.
 *
 * Spec:   proto/spec/circle.md 5.1
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/self_seed.h"

#include "engine/self_impl.h"

wr_err wr_self_add_seed(wr_self *self, const wr_hash *founder, const wr_key *seed) {
    const wr_graph *graph = wr_generations_founded(self->generations, founder);
    wr_hash commit;
    if (graph == NULL)
        return WR_ERR_UNKNOWN;
    if (wr_graph_seed_commit(graph, &commit)) {
        /* spec:circle#5.1 "A device MUST NOT use a Q whose commitment differs from the one in the
         * RESET." */
        wr_hash own = wr_seed_commit(seed, wr_graph_circle_id(self->graph));
        if (!wr_hash_equal(&own, &commit))
            return WR_ERR_AUTH;
    } else if (self->loaded) {
        /* spec:circle#5.1 "The Q of GENESIS, which has none, MUST be taken from a pairing only." */
        return WR_ERR_REFUSED;
    }
    return wr_keyring_add_seed(self->keyring, founder, seed);
}

static const wr_hash *founder_of(const wr_self *self, const wr_hash *epoch_id) {
    uint32_t number;
    if (!wr_generations_find(self->generations, epoch_id, &number))
        return NULL;
    return wr_graph_founder(wr_generations_at(self->generations, number));
}

void wr_self_offer_seed(wr_self *self, const wr_hash *epoch_id, const wr_key *seed) {
    const wr_hash *founder = founder_of(self, epoch_id);
    if (founder == NULL)
        return;
    wr_err err = wr_self_add_seed(self, founder, seed);
    WR_ASSERT(err != WR_ERR_UNKNOWN); /* and a wrong one says nothing about the circle */
}

bool wr_self_seed_of(const wr_self *self, const wr_hash *epoch_id, wr_key *ret_seed) {
    const wr_hash *founder = founder_of(self, epoch_id);
    return founder != NULL && wr_keyring_seed(self->keyring, founder, ret_seed);
}

bool wr_self_lacks_seed(const wr_self *self, const wr_hash *epoch_id) {
    WR_SECRET(wr_key) seed;
    return founder_of(self, epoch_id) != NULL && !wr_self_seed_of(self, epoch_id, &seed);
}

wr_err wr_self_psk(const wr_self *self, const wr_hash *epoch_id, wr_key *ret_psk) {
    const wr_hash *founder = founder_of(self, epoch_id);
    return founder == NULL ? WR_ERR_UNKNOWN
                           : wr_keyring_psk(self->keyring, epoch_id, founder, ret_psk);
}
