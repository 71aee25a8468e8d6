/* Who is out for whom, and what that forbids: keys that he may have, and what he writes.
 *
 * What an honest device does to the membership counts from the commit on that makes it durable on
 * its own disk; for another device, from the commit on that brings it there.  None of that asks the
 * code that is judged who is a member.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/ledger_impl.h"

#include "circle/graph.h"
#include "circle/op_change.h"

#include <stdlib.h>

/* ---- ops ------------------------------------------------------------------------------------ */

static void read_cuts(const ledger *l, wr_op_list cuts, op_truth *truth) {
    wr_cut cut;
    if (cuts.count == 0)
        return;
    truth->cuts = (cut_truth *)malloc(cuts.count * sizeof *truth->cuts);
    WR_ASSERT(truth->cuts != NULL);
    while (wr_cut_next(&cuts, &cut)) {
        uint32_t feed = ledger_feed(l, &cut.feed_id);
        if (feed != NOBODY)
            truth->cuts[truth->cut_count++] = (cut_truth){feed, cut.len};
    }
}

static void read_remove(const disk *d, wr_slice body, op_truth *truth) {
    wr_remove remove;
    wr_hash target;
    if (wr_remove_decode(body, &remove) != WR_OK)
        ledger_fail(d, "holds a REMOVE that is malformed");
    truth->reason = remove.reason;
    while (wr_id_next(&remove.targets, &target)) {
        uint32_t writer = ledger_writer(d->ledger, &target);
        if (writer == NOBODY)
            ledger_fail(d, "holds a REMOVE of a device that was never taken in");
        truth->out |= set_of(writer);
    }
    read_cuts(d->ledger, remove.cuts, truth);
}

/* Who is not kept is out for good, with what the RESET has of its feeds and nothing more. */
static void read_reset(const disk *d, wr_slice body, op_truth *truth) {
    wr_reset reset;
    wr_gone gone;
    if (wr_reset_decode(body, &reset) != WR_OK)
        ledger_fail(d, "holds a RESET that is malformed");
    truth->reason = WR_REASON_COMPROMISED;
    while (wr_gone_next(&reset.gone, &gone)) {
        uint32_t writer = ledger_writer(d->ledger, &gone.device_id);
        if (writer != NOBODY)
            truth->out |= set_of(writer);
    }
    read_cuts(d->ledger, reset.cuts, truth);
}

void ledger_read_op(const disk *d, const wr_op *op, op_truth *truth) {
    wr_op_list cuts = WR_OP_LIST_NONE;
    truth->type = op->type;
    if (op->type == WR_OP_REMOVE) {
        read_remove(d, op->body, truth);
    } else if (op->type == WR_OP_RESET) {
        read_reset(d, op->body, truth);
    } else if (op->type == WR_OP_LEAVE && wr_leave_decode(op->body, &cuts) == WR_OK) {
        truth->out = set_of(ledger_writer(d->ledger, &op->author));
        read_cuts(d->ledger, cuts, truth);
    } else if (op->type == WR_OP_ACK && wr_ack_decode(op->body, &cuts) == WR_OK) {
        read_cuts(d->ledger, cuts, truth);
    }
}

/* A removal says what its author holds, no more and no less. */
static void check_cuts(const disk *d, const op_truth *op) {
    for (uint32_t i = 0; i < op->cut_count; i++)
        if (op->cuts[i].len < d->held.len[op->cuts[i].feed] && op->type != WR_OP_ACK)
            ledger_fail(d, "signs a removal that cuts off what it holds");
}

void ledger_first_op(const disk *d, op_truth *op) {
    ledger *l = d->ledger;
    uint32_t author = ledger_writer(l, &op->author);
    bool root = author == NOBODY; /* heard by all, whatever anybody says of it */
    op->heard = root || (l->out & set_of(author)) == 0;
    op->trusted = root || (op->heard && !l->writers[author].no_disk);
    if (!op->trusted)
        return;
    check_cuts(d, op);
    l->out |= op->out;
    l->convicted = l->convicted || op->type == WR_OP_EQUIV;
    if (op->type == WR_OP_EPOCH)
        l->epochs[ledger_epoch(l, &op->id)].forbidden |= d->held.out;
}

void ledger_take_op(disk *d, const op_truth *op) {
    if (op->trusted)
        d->held.out |= op->out;
    for (uint32_t i = 0; i < op->cut_count && op->heard; i++) {
        uint64_t *vouched = &d->held.vouched[op->cuts[i].feed];
        *vouched = op->cuts[i].len > *vouched ? op->cuts[i].len : *vouched;
    }
}

/* ---- keys ----------------------------------------------------------------------------------- */

static uint64_t tag_of(const wr_hash *epoch_id) {
    return wr_load_u64(epoch_id->b);
}

uint32_t ledger_epoch(ledger *l, const wr_hash *epoch_id) {
    for (uint32_t i = l->epoch_count; i-- > 0;)
        if (wr_hash_equal(&l->epochs[i].id, epoch_id))
            return i;
    if (l->epoch_count == l->epoch_cap) {
        l->epoch_cap = l->epoch_cap * 2 + 64;
        l->epochs = (epoch_truth *)realloc(l->epochs, l->epoch_cap * sizeof *l->epochs);
        WR_ASSERT(l->epochs != NULL);
    }
    l->epochs[l->epoch_count] = (epoch_truth){.id = *epoch_id};
    return l->epoch_count++;
}

static epoch_truth *find_epoch(const ledger *l, uint64_t tag) {
    for (uint32_t i = l->epoch_count; i-- > 0;)
        if (tag_of(&l->epochs[i].id) == tag)
            return &l->epochs[i];
    return NULL;
}

void ledger_take_secret(disk *d, const change *c) {
    const epoch_truth *epoch = &d->ledger->epochs[c->index];
    uint32_t own = ledger_writer(d->ledger, &d->own);
    u64_map_set(&d->held.epochs, tag_of(&epoch->id), 1);
    if (own != NOBODY && (epoch->forbidden & set_of(own)) != 0)
        ledger_fail(d, "holds the secret of an epoch that was made or used after its removal");
}

/* On any of its disks, or without one. */
static bool has_secret(const ledger *l, uint32_t writer, const epoch_truth *epoch) {
    const wr_hash *id = &l->writers[writer].device_id;
    for (uint32_t i = 0; i < DISKS_MAX; i++)
        if (wr_hash_equal(&l->disks[i].own, id) &&
            u64_map_get(&l->disks[i].held.epochs, tag_of(&epoch->id)) != 0)
            return true;
    return l->holds != NULL && l->writers[writer].no_disk && l->holds(l->ctx, id, &epoch->id);
}

void ledger_set_holds(ledger *l, ledger_holds_fn holds) {
    l->holds = holds;
}

void ledger_check_secrets(ledger *l) {
    for (uint32_t i = 0; i < l->epoch_count && l->holds != NULL; i++)
        for (uint32_t w = 0; w < l->writer_count; w++)
            if ((l->epochs[i].forbidden & set_of(w)) != 0 && l->writers[w].no_disk &&
                l->holds(l->ctx, &l->writers[w].device_id, &l->epochs[i].id))
                l->fail(l->ctx, w,
                        "is not there, and its writer holds the secret of an epoch that was made "
                        "or used after its removal");
}

/* ---- entries -------------------------------------------------------------------------------- */

/* Those who are out for its writer must not be able to read it, now or ever. */
static void take_own(disk *d, const change *c, uint32_t own) {
    ledger *l = d->ledger;
    if ((d->out_before & set_of(own)) != 0)
        ledger_fail(d, "signs an entry though it knows that it is out");
    if (d->held.out == 0 || (l->out & set_of(own)) != 0 || l->writers[own].no_disk)
        return;
    epoch_truth *epoch = find_epoch(l, c->tag);
    if (epoch == NULL)
        ledger_fail(d, "signs an entry under a key that is on no disk");
    for (uint32_t w = 0; w < l->writer_count; w++)
        if ((d->held.out & set_of(w) & ~epoch->forbidden) != 0 && has_secret(l, w, epoch))
            ledger_fail(d, "signs an entry under a key that a removed device holds");
    epoch->forbidden |= d->held.out;
}

/* Of a compromised device no more than its accusers say, of others what anybody vouches for. */
static uint64_t kept_of(const disk *d, uint32_t feed, uint32_t writer) {
    const ledger *l = d->ledger;
    uint64_t least = UINT64_MAX;
    bool compromised = false;
    for (uint32_t i = 0; i < l->op_count; i++) {
        const op_truth *op = &l->ops[i];
        if (!op->trusted || (op->out & set_of(writer)) == 0 || op->type == WR_OP_LEAVE ||
            op->reason == WR_REASON_RETIRED || i / 64 >= d->held.op_words ||
            !has_bit(d->held.ops, i))
            continue;
        uint64_t cut = 0;
        for (uint32_t c = 0; c < op->cut_count; c++)
            cut = op->cuts[c].feed == feed ? op->cuts[c].len : cut;
        least = cut < least ? cut : least;
        compromised = compromised || op->reason == WR_REASON_COMPROMISED;
    }
    return compromised ? least : d->held.vouched[feed];
}

void ledger_take_entry(disk *d, const change *c, bool own) {
    const feed_truth *f = &d->ledger->feeds[c->index];
    uint32_t writer = ledger_writer(d->ledger, &f->device_id);
    if (own)
        take_own(d, c, writer);
    else if ((d->out_before & set_of(writer)) != 0 && c->seq >= kept_of(d, c->index, writer))
        ledger_fail(d, "takes an entry of a removed device that nobody vouches for");
}

/* How far a removal or farewell lets the messages of the device count. */
static uint64_t cut_in(const ledger *l, const op_truth *op, const wr_hash *device_id) {
    for (uint32_t i = 0; i < op->cut_count; i++) {
        const feed_truth *f = &l->feeds[op->cuts[i].feed];
        if (f->stream == 0 && wr_hash_equal(&f->device_id, device_id))
            return op->cuts[i].len;
    }
    return 0;
}

uint64_t ledger_shown(const ledger *l, uint32_t device, const wr_hash *author) {
    const holding *h = &l->disks[device].held;
    uint32_t writer = ledger_writer(l, author);
    uint64_t lost = 0, least = UINT64_MAX, farewell = 0;
    bool compromised = false, accused = false;
    if (writer == NOBODY || (h->out & set_of(writer)) == 0)
        return UINT64_MAX;
    for (uint32_t i = 0; i < l->op_count; i++) {
        const op_truth *op = &l->ops[i];
        if ((op->out & set_of(writer)) == 0 || i / 64 >= h->op_words || !has_bit(h->ops, i))
            continue;
        uint64_t cut = cut_in(l, op, author);
        if (op->type == WR_OP_LEAVE)
            farewell = cut;
        else
            lost = cut > lost ? cut : lost;
        if (op->type == WR_OP_LEAVE || op->reason == WR_REASON_RETIRED)
            continue;
        accused = true;
        least = op->trusted && cut < least ? cut : least;
        compromised = compromised || (op->trusted && op->reason == WR_REASON_COMPROMISED);
    }
    return compromised ? least : accused ? lost : farewell;
}

/* ---- looking -------------------------------------------------------------------------------- */

bool ledger_is_out(const ledger *l, const wr_hash *device_id) {
    uint32_t writer = ledger_writer(l, device_id);
    return writer != NOBODY && (l->out & set_of(writer)) != 0;
}

bool ledger_is_out_for(const ledger *l, uint32_t device, const wr_hash *device_id) {
    const holding *h = &l->disks[device].held;
    uint32_t writer = h->out == 0 ? NOBODY : ledger_writer(l, device_id);
    return writer != NOBODY && (h->out & set_of(writer)) != 0;
}

static bool changes_members(const op_truth *op) {
    return op->added != NOBODY || op->out != 0 || op->type == WR_OP_ROLE;
}

static bool has(const ledger *l, uint32_t device, uint32_t op) {
    const holding *h = &l->disks[device].held;
    return op / 64 < h->op_words && has_bit(h->ops, op);
}

bool ledger_knows(const ledger *l, uint32_t device, const wr_hash *author) {
    for (uint32_t i = 0; i < l->op_count; i++)
        if (l->ops[i].durable && changes_members(&l->ops[i]) &&
            wr_hash_equal(&l->ops[i].author, author) && !has(l, device, i))
            return false;
    return true;
}

bool ledger_knows_all(const ledger *l, const wr_hash *device_id, const struct wr_graph *graph) {
    uint32_t own = ledger_writer(l, device_id);
    for (uint32_t i = 0; i < l->op_count && own != NOBODY; i++)
        if (l->ops[i].durable && changes_members(&l->ops[i]) &&
            (l->ops[i].out & set_of(own)) == 0 && !wr_graph_knows(graph, &l->ops[i].id))
            return false;
    return own != NOBODY;
}
