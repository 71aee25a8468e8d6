/* Epochs on this device: which one it writes under, when it makes another, what it takes over.
 *
 * Spec:   proto/spec/circle.md 5, 6.1
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/history.h"
#include "engine/self_impl.h"
#include "engine/self_wrap.h"

/* ---- which one to write under ---- */

/* The greatest height, and of equal ones the lowest id (circle.md 5.3). */
static bool is_better(const wr_epoch_ref *a, const wr_epoch_ref *b) {
    if (a->height != b->height)
        return a->height > b->height;
    return wr_hash_order(&a->epoch_id, &b->epoch_id) < 0;
}

void wr_self_choose_epoch(wr_self *self) {
    self->has_write_epoch = false;
    for (uint32_t i = 0; i < wr_keyring_count(self->keyring); i++) {
        if (self->epoch_index[i] == WR_EPOCH_NONE)
            continue;
        wr_epoch_ref epoch = wr_generations_epoch(self->generations, self->epoch_index[i]);
        if (!epoch.in || !epoch.for_members ||
            (self->has_write_epoch && !is_better(&epoch, &self->write_epoch)))
            continue;
        self->write_epoch = epoch;
        self->has_write_epoch = true;
    }
}

const wr_hash *wr_self_write_epoch(const wr_self *self) {
    return self->has_write_epoch ? &self->write_epoch.epoch_id : NULL;
}

/* ---- a new one ---- */

/* spec:circle#5.1 "The last 256 places MUST be kept for epochs that follow the end of a
 * membership." Else who fills a keyring has no new epoch made after its removal. */
static bool has_place(const wr_self *self, bool follows_end) {
    return wr_keyring_count(self->keyring) < WR_EPOCHS_MAX - (follows_end ? 0 : WR_EPOCHS_SPARE);
}

/* An epoch that not even its author could keep would be made again and again.  A no holds until the
 * graph changes. */
static bool may_rotate(wr_self *self) {
    bool follows_end = false;
    if (self->stuck_version == wr_graph_version(self->graph))
        return false;
    if (wr_graph_may_make_epoch(self->graph, &self->identity.device_id, &follows_end) &&
        has_place(self, follows_end))
        return true;
    self->stuck_version = wr_graph_version(self->graph);
    return false;
}

bool wr_self_rotation_due(wr_self *self, wr_now now) {
    const wr_member *me = wr_graph_find(self->graph, &self->identity.device_id);
    if (!wr_self_may_sign(self) || me == NULL || !me->current)
        return false;
    /* spec:circle#5.4 "A member that may sign MUST make a new epoch when there is none that it may
     * write under, and when it writes and that one is seven days old or full." */
    bool due = !self->has_write_epoch ||
               now.wall.ms > self->write_epoch.made_ms + WR_EPOCH_MS_MAX || !wr_self_has_room(self);
    return due && may_rotate(self);
}

bool wr_self_has_room(const wr_self *self) {
    wr_volume under_way = {0, 0};
    if (!self->has_write_epoch)
        return false;
    if (self->run_feed != WR_FEED_NONE) {
        under_way.entries = wr_run_count(&self->run, &self->feeds[self->run_feed]->feed);
        under_way.bytes = self->run.buf.len;
    }
    /* spec:circle#5.4 "It is full when 2^20 entries of all feeds, or 4 GiB of their segments, are
     * held under it, and an entry that goes beyond that MUST NOT be written under it while a new
     * one can be made." */
    wr_volume held = wr_volumes_get(self->volumes, &self->write_epoch.epoch_id);
    return wr_volume_has_room(&held, &under_way, &self->epoch_max);
}

void wr_self_set_epoch_max(wr_self *self, const wr_volume *max) {
    self->epoch_max = *max;
}

static bool epoch_op(const wr_self *self, const wr_hash *epoch_id, wr_epoch_op *ret_epoch) {
    wr_op_ref ref;
    wr_op op;
    uint32_t number;
    return wr_generations_find(self->generations, epoch_id, &number) &&
           wr_graph_find_op(wr_generations_at(self->generations, number), epoch_id, &ref) &&
           ref.type == WR_OP_EPOCH && wr_op_decode(ref.bytes, &op) == WR_OK &&
           wr_epoch_decode(op.body, ret_epoch) == WR_OK;
}

bool wr_self_may_hand(const wr_self *self, const wr_hash *epoch_id, const wr_hash *device_id) {
    wr_op_ref op;
    uint32_t number;
    if (!wr_generations_find(self->generations, epoch_id, &number))
        return true;
    const wr_graph *graph = wr_generations_at(self->generations, number);
    /* spec:circle#5.3 "Nobody but its author MUST hand the secret of an epoch to a device that it
     * leaves out by name" */
    return !wr_graph_leaves_out(graph, epoch_id, device_id) ||
           (wr_graph_find_op(graph, epoch_id, &op) &&
            wr_hash_equal(&op.author, &self->identity.device_id));
}

/* What names an epoch hands it to all its own recipients. */
static bool may_name(const wr_self *self, const wr_hash *epoch_id) {
    if (!wr_graph_may_name_epoch(self->graph, epoch_id))
        return false;
    for (uint32_t i = 0; i < wr_graph_member_count(self->graph); i++) {
        const wr_member *member = wr_graph_member(self->graph, i);
        if (wr_member_is_in(member) && !wr_self_may_hand(self, epoch_id, &member->device_id))
            return false;
    }
    return true;
}

typedef struct place_set { /* of the keyring */
    uint64_t word[WR_EPOCHS_MAX / 64u];
} place_set;

/* The epochs to which those lead back that a new one may name. */
static place_set find_joined(const wr_self *self) {
    place_set joined = {{0}};
    for (uint32_t i = 0; i < wr_keyring_count(self->keyring); i++) {
        wr_epoch_op epoch;
        uint32_t place;
        const wr_hash *epoch_id = wr_keyring_epoch(self->keyring, i);
        if (!may_name(self, epoch_id) || !epoch_op(self, epoch_id, &epoch))
            continue;
        for (uint32_t p = 0; p < epoch.prev_count; p++)
            if (wr_keyring_place(self->keyring, &epoch.prev[p], &place))
                joined.word[place / 64u] |= (uint64_t)1 << (place % 64u);
    }
    return joined;
}

static void add_sorted(wr_history *history, const wr_hash *epoch_id, const wr_key *secret) {
    uint32_t at = history->count++;
    for (; at > 0 && wr_hash_order(&history->epoch[at - 1].epoch_id, epoch_id) > 0; at--)
        history->epoch[at] = history->epoch[at - 1];
    history->epoch[at].epoch_id = *epoch_id;
    history->epoch[at].secret = *secret;
}

/* The newest epochs that no other leads back to: whoever has the new one reads them all. */
static void collect_history(const wr_self *self, wr_history *history) {
    place_set joined = find_joined(self);
    for (uint32_t i = wr_keyring_count(self->keyring);
         i-- > 0 && history->count < WR_EPOCH_PREV_MAX;) {
        if ((joined.word[i / 64u] >> (i % 64u) & 1u) != 0)
            continue;
        const wr_hash *epoch_id = wr_keyring_epoch(self->keyring, i);
        if (!may_name(self, epoch_id))
            continue;
        WR_SECRET(wr_key) secret;
        bool held = wr_keyring_secret(self->keyring, epoch_id, &secret);
        WR_ASSERT(held);
        add_sorted(history, epoch_id, &secret);
    }
}

wr_err wr_self_rotate(wr_self *self, wr_now now) {
    uint8_t bytes[WR_MEMBERS_MAX * 34u + 1024u];
    wr_buf body = WR_BUF_ARRAY(bytes);
    uint8_t blob_bytes[WR_HISTORY_BYTES_MAX];
    wr_buf blob = WR_BUF_ARRAY(blob_bytes);
    WR_SECRET(wr_key) secret;
    WR_SECRET(wr_history) history = {0};
    wr_epoch_op epoch = {.klass = 1};
    if (!wr_self_may_sign(self))
        return WR_ERR_STATE;
    if (!may_rotate(self))
        return WR_ERR_LIMIT;
    WR_TRY(wr_self_ack_first(self, now));
    wr_rng_fill(&self->rng, secret.b, sizeof secret.b);
    epoch.commit = wr_epoch_commit(&secret, wr_graph_circle_id(self->graph));
    epoch.rcpt_hash = wr_graph_recipients(self->graph, epoch.without, &epoch.without_count);
    collect_history(self, &history);
    for (; epoch.prev_count < history.count; epoch.prev_count++)
        epoch.prev[epoch.prev_count] = history.epoch[epoch.prev_count].epoch_id;
    WR_TRY(wr_history_seal(&secret, wr_graph_circle_id(self->graph), &history, &self->rng, &blob));
    epoch.hist_hash = wr_history_hash(wr_buf_slice(&blob));
    WR_TRY(wr_epoch_encode(&epoch, &body));
    wr_err err = wr_self_author(self, WR_OP_EPOCH, wr_buf_slice(&body), now);
    /* The graph, or our chain, takes no more; or what we signed before is held here. */
    if (err == WR_ERR_LIMIT || err == WR_ERR_REFUSED)
        self->stuck_version = wr_graph_version(self->graph);
    WR_TRY(err);
    wr_hash epoch_id = wr_graph_epoch(self->graph, wr_graph_epoch_count(self->graph) - 1).epoch_id;
    return wr_self_add_history(self, &epoch_id, &secret, wr_buf_slice(&blob));
}

/* ---- those of others ---- */

static uint32_t index_of(const wr_self *self, const wr_hash *epoch_id) {
    uint32_t number;
    if (!wr_generations_find(self->generations, epoch_id, &number))
        return WR_EPOCH_NONE;
    /* The newest is asked for most.  A RESET may list what is no EPOCH op. */
    for (uint32_t index = wr_generations_epoch_count(self->generations); index-- > 0;)
        if (wr_hash_equal(wr_generations_epoch_id(self->generations, index), epoch_id))
            return index;
    return WR_EPOCH_NONE;
}

static bool follows_end(const wr_self *self, const wr_hash *epoch_id) {
    uint32_t number;
    return wr_generations_find(self->generations, epoch_id, &number) &&
           wr_graph_epoch_follows_end(wr_generations_at(self->generations, number), epoch_id);
}

/* circle.md 5.1 rule K1: the admitted EPOCH op, or a RESET, alone decides which secret an epoch
 * has.
 */
wr_err wr_self_add_epoch(wr_self *self, const wr_hash *epoch_id, const wr_key *secret) {
    wr_hash commit;
    if (!wr_generations_epoch_commit(self->generations, epoch_id, &commit))
        return WR_ERR_UNKNOWN;
    if (wr_keyring_has(self->keyring, epoch_id))
        return wr_keyring_add(self->keyring, epoch_id, &commit, secret);
    uint32_t index = index_of(self, epoch_id);
    /* What was stored is loaded first, and judged when all is here. */
    if (!has_place(self, follows_end(self, epoch_id)) ||
        (self->loaded && index != WR_EPOCH_NONE && !wr_self_wants_epoch(self, index)))
        return WR_ERR_LIMIT;
    WR_TRY(wr_keyring_add(self->keyring, epoch_id, &commit, secret));
    self->epoch_index[wr_keyring_count(self->keyring) - 1] = index;
    wr_self_choose_epoch(self);
    return WR_OK;
}

wr_err wr_self_add_history(wr_self *self, const wr_hash *epoch_id, const wr_key *secret,
                           wr_slice blob) {
    WR_SECRET(wr_history) history = {0};
    wr_epoch_op epoch;
    wr_err err = wr_self_add_epoch(self, epoch_id, secret);
    if (err != WR_OK && err != WR_ERR_EXISTS)
        return err;
    if (blob.len == 0 || !epoch_op(self, epoch_id, &epoch) ||
        wr_history_open(secret, wr_graph_circle_id(self->graph), &epoch, blob, &history) != WR_OK)
        return err;
    WR_TRY(wr_keyring_set_history(self->keyring, epoch_id, blob));
    for (uint32_t i = 0; i < history.count; i++) {
        wr_err prev = wr_self_add_epoch(self, &history.epoch[i].epoch_id, &history.epoch[i].secret);
        if (prev == WR_ERR_NOMEM)
            return prev;
    }
    return err;
}

/* ---- sessions ---- */

/* 0, 1, 2, 4, 8 .., and in the next round each of them one further. */
static uint32_t step_back(uint32_t attempt, uint32_t count) {
    uint32_t steps = 1;
    while (steps < 32u && ((uint32_t)1 << (steps - 1)) < count)
        steps++;
    uint32_t step = attempt % steps, round = attempt / steps;
    uint32_t back = step == 0 ? 0 : (uint32_t)1 << (step - 1);
    return (back + round % count) % count;
}

/* Every device that made an op on top of an EPOCH, or was added on top of it, had the secret from
 * who gave it the op, or gets it in the first session. */
const wr_hash *wr_self_session_epoch(const wr_self *self, const wr_hash *device, uint32_t attempt) {
    const wr_hash *known[WR_EPOCHS_MAX];
    uint32_t count = 0;
    for (const wr_graph *graph = self->graph; graph != NULL; graph = wr_graph_older(graph)) {
        WR_SECRET(wr_key) seed;
        if (!wr_keyring_seed(self->keyring, wr_graph_founder(graph), &seed))
            continue;
        for (uint32_t i = wr_graph_epoch_count(graph); i-- > 0 && count < WR_EPOCHS_MAX;) {
            const wr_hash *epoch_id = wr_graph_epoch_id(graph, i);
            if (wr_keyring_has(self->keyring, epoch_id) &&
                wr_graph_is_known_to(graph, epoch_id, device))
                known[count++] = epoch_id;
        }
    }
    return count == 0 ? wr_self_write_epoch(self) : known[step_back(attempt, count)];
}
