/* The ledger: what disks take is kept until they commit, then judged, then booked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/ledger_impl.h"

#include <stdlib.h>

void ledger_fail(const disk *d, const char *problem) {
    d->ledger->fail(d->ledger->ctx, d->index, problem);
}

/* ---- bits, and a copy of all -------------------------------------------------------------- */

static bool has_op(const holding *h, uint32_t index) {
    return index / 64 < h->op_words && has_bit(h->ops, index);
}

static void add_op(holding *h, uint32_t index) {
    size_t need = index / 64 + 1u;
    if (need > h->op_words) {
        h->ops = (uint64_t *)realloc(h->ops, need * sizeof *h->ops);
        WR_ASSERT(h->ops != NULL);
        memset(h->ops + h->op_words, 0, (need - h->op_words) * sizeof *h->ops);
        h->op_words = need;
    }
    set_bit(h->ops, index);
}

static void holding_free(holding *h) {
    free(h->ops);
    u64_map_free(&h->fates);
    u64_map_free(&h->epochs);
    *h = (holding){0};
}

static void holding_copy(holding *to, const holding *from) {
    holding_free(to);
    *to = *from;
    to->ops = (uint64_t *)malloc((from->op_words + 1) * sizeof *to->ops);
    WR_ASSERT(to->ops != NULL);
    if (from->op_words != 0)
        memcpy(to->ops, from->ops, from->op_words * sizeof *to->ops);
    to->fates = u64_map_copy(&from->fates);
    to->epochs = u64_map_copy(&from->epochs);
}

/* ---- ops ------------------------------------------------------------------------------------ */

uint32_t ledger_writer(const ledger *l, const wr_hash *device_id) {
    for (uint32_t i = 0; i < l->writer_count; i++)
        if (wr_hash_equal(&l->writers[i].device_id, device_id))
            return i;
    return NOBODY;
}

static uint32_t find_op(const ledger *l, const wr_hash *id) {
    for (uint32_t i = 0; i < l->op_count; i++)
        if (wr_hash_equal(&l->ops[i].id, id))
            return i;
    return NOBODY;
}

static uint32_t note_writer(const disk *d, wr_slice cert_bytes) {
    ledger *l = d->ledger;
    wr_cert cert;
    wr_hash device_id = wr_device_id(cert_bytes);
    uint32_t known = ledger_writer(l, &device_id);
    if (known != NOBODY)
        return known;
    if (wr_cert_decode(cert_bytes, &cert) != WR_OK)
        ledger_fail(d, "takes in a device whose certificate is malformed");
    WR_ASSERT(l->writer_count < WRITERS_MAX);
    l->writers[l->writer_count] = (writer_truth){.device_id = device_id, .sign = cert.sign};
    return l->writer_count++;
}

/* The device that the op makes a member. */
static uint32_t member_of(const disk *d, const wr_op *op) {
    wr_genesis genesis;
    wr_add add;
    if (op->type == WR_OP_GENESIS) {
        if (wr_genesis_decode(op->body, &genesis) != WR_OK)
            ledger_fail(d, "holds a genesis that is malformed");
        return note_writer(d, genesis.cert_bytes);
    }
    if (op->type != WR_OP_ADD)
        return NOBODY;
    if (wr_add_decode(op->body, &add) != WR_OK)
        ledger_fail(d, "holds an ADD that is malformed");
    return note_writer(d, add.cert_bytes);
}

/* The GENESIS or RESET that it stands on. */
static wr_hash graph_of(const ledger *l, const wr_op *op) {
    if (op->type == WR_OP_GENESIS || op->type == WR_OP_RESET)
        return op->id;
    wr_hash parent = wr_op_parent(op, 0);
    return l->ops[find_op(l, &parent)].graph;
}

/* Numbers of a device exclude each other within a graph; ROOT has none. */
static bool is_one_place(const op_truth *a, const op_truth *b) {
    return a->aseq == b->aseq && wr_hash_equal(&a->author, &b->author) &&
           wr_hash_equal(&a->graph, &b->graph) && !wr_is_zero(WR_SLICE_OBJ(a->author));
}

/* An op that no disk had before. */
static uint32_t note_op(const disk *d, const wr_op *op, const wr_sig *sig) {
    ledger *l = d->ledger;
    uint32_t added = member_of(d, op), author = ledger_writer(l, &op->author);
    bool root = wr_is_zero(WR_SLICE_OBJ(op->author)); /* whose words are kept elsewhere */
    if (author == NOBODY && !root)
        ledger_fail(d, "holds an op of an author who was never taken in");
    if (!root && wr_verify(&l->writers[author].sign, WR_SIG_LABEL_OP, op->bytes, sig) != WR_OK)
        ledger_fail(d, "holds an op that its author did not sign");
    if (l->op_count == l->op_cap) {
        l->op_cap = l->op_cap * 2 + 64;
        l->ops = (op_truth *)realloc(l->ops, l->op_cap * sizeof *l->ops);
        WR_ASSERT(l->ops != NULL);
    }
    l->ops[l->op_count] =
        (op_truth){.id = op->id, .author = op->author, .aseq = op->aseq, .added = added};
    l->ops[l->op_count].graph = graph_of(l, op);
    ledger_read_op(d, op, &l->ops[l->op_count]);
    if (op->type == WR_OP_GENESIS && !l->has_circle) {
        l->has_circle = true;
        l->circle_id = op->id;
    }
    return l->op_count++;
}

static void book(disk *d, change c) {
    if (d->change_count == d->change_cap) {
        d->change_cap = d->change_cap * 2 + 256;
        d->changes = (change *)realloc(d->changes, d->change_cap * sizeof *d->changes);
        WR_ASSERT(d->changes != NULL);
    }
    d->changes[d->change_count++] = c;
}

/* On the disk, or in the transaction that is open. */
static bool will_have_op(const disk *d, uint32_t index) {
    for (size_t i = 0; i < d->change_count; i++)
        if (d->changes[i].type == CHANGE_OP && d->changes[i].index == index)
            return true;
    return has_op(&d->held, index);
}

static void see_op(void *ctx, wr_slice bytes, const wr_sig *sig) {
    disk *d = (disk *)ctx;
    const ledger *l = d->ledger;
    wr_op op;
    if (wr_op_decode(bytes, &op) != WR_OK)
        ledger_fail(d, "holds an op that is malformed");
    for (uint32_t i = 0; i < op.parent_count; i++) {
        wr_hash parent = wr_op_parent(&op, i);
        uint32_t known = find_op(l, &parent);
        if (known == NOBODY || !will_have_op(d, known))
            ledger_fail(d, "holds an op before its parents");
    }
    uint32_t index = find_op(l, &op.id);
    if (index == NOBODY)
        index = note_op(d, &op, sig);
    for (uint32_t i = 0; i < l->op_count; i++)
        if (i != index && is_one_place(&l->ops[i], &l->ops[index]) && will_have_op(d, i))
            ledger_fail(d, "holds two ops of one author with one number");
    book(d, (change){.type = CHANGE_OP, .index = index});
}

/* ---- feeds ---------------------------------------------------------------------------------- */

uint32_t ledger_feed(const ledger *l, const wr_hash *feed_id) {
    for (uint32_t i = 0; i < l->feed_count; i++)
        if (wr_hash_equal(&l->feeds[i].feed_id, feed_id))
            return i;
    return NOBODY;
}

/* Feeds are known by their id alone; whose they are follows from the writers. */
static uint32_t note_feed(const disk *d, const wr_hash *feed_id) {
    ledger *l = d->ledger;
    uint32_t known = ledger_feed(l, feed_id);
    for (uint32_t i = 0; i < l->writer_count && known == NOBODY; i++) {
        for (uint32_t stream = 0; stream < 2; stream++) {
            wr_feed feed;
            wr_feed_init(&feed, &l->circle_id, &l->writers[i].device_id, stream);
            if (!wr_hash_equal(&feed.feed_id, feed_id))
                continue;
            WR_ASSERT(l->feed_count < FEEDS_MAX);
            l->feeds[l->feed_count] = (feed_truth){
                .feed_id = *feed_id, .device_id = l->writers[i].device_id, .stream = stream};
            known = l->feed_count++;
        }
    }
    if (known == NOBODY)
        ledger_fail(d, "holds a feed of a device that was never taken in");
    return known;
}

static bool is_member(const disk *d, const wr_hash *device_id) {
    uint32_t index = ledger_writer(d->ledger, device_id);
    return index != NOBODY && has_bit(d->held.member, index);
}

static void see_head(void *ctx, const wr_hash *feed_id, wr_slice head) {
    disk *d = (disk *)ctx;
    wr_feed feed;
    if (wr_feed_decode(head, &d->ledger->circle_id, &feed) != WR_OK ||
        !wr_hash_equal(&feed.feed_id, feed_id))
        ledger_fail(d, "holds a head that is malformed");
    if (!feed.has_checkpoint)
        return;
    uint64_t digest = sim_hash(SIM_HASH_START, wr_feed_checkpoint(&feed));
    digest = sim_hash(digest, WR_SLICE_OBJ(feed.cp_sig));
    book(d, (change){.type = CHANGE_HEAD,
                     .index = note_feed(d, feed_id),
                     .seq = feed.cp_len,
                     .hlc = feed.cp_k + 1,
                     .digest = digest});
}

static uint64_t entry_digest(const wr_entry *e) {
    uint64_t digest = sim_hash_u64(SIM_HASH_START, e->hlc);
    digest = sim_hash_u64(digest, (uint64_t)e->kind << 16 | e->log_no);
    digest = sim_hash_u64(digest, wr_load_u64(e->epoch_tag));
    digest = sim_hash_u64(digest, e->expire);
    digest = sim_hash(digest, wr_slice_of(e->nonce, sizeof e->nonce));
    return sim_hash(digest, e->body);
}

static void see_rows(void *ctx, const wr_hash *feed_id, const store_rows *rows) {
    disk *d = (disk *)ctx;
    uint32_t index = note_feed(d, feed_id);
    wr_segment_reader segments;
    wr_entry entry;
    bool more = true;
    wr_segment_reader_init(&segments, rows->bytes, rows->first_seq);
    while (wr_segment_next(&segments, &entry, &more) == WR_OK && more)
        book(d, (change){.type = CHANGE_ENTRY,
                         .index = index,
                         .seq = entry.seq,
                         .hlc = entry.hlc,
                         .tag = wr_load_u64(entry.epoch_tag),
                         .digest = entry_digest(&entry)});
    if (more)
        ledger_fail(d, "holds a row that is malformed");
}

/* ---- the tail ------------------------------------------------------------------------------- */

static void see_tail(void *ctx, uint64_t hlc) {
    book((disk *)ctx, (change){.type = CHANGE_HLC, .hlc = hlc, .fate = FATE_TAIL});
}

static void see_untail(void *ctx, uint64_t hlc) {
    book((disk *)ctx, (change){.type = CHANGE_HLC, .hlc = hlc, .fate = FATE_DROPPED});
}

static void see_alias(void *ctx, uint64_t answered_hlc, uint64_t hlc) {
    book((disk *)ctx,
         (change){.type = CHANGE_HLC, .hlc = answered_hlc, .fate = FATE_MOVED, .seq = hlc});
}

/* ---- commits -------------------------------------------------------------------------------- */

static const writer_truth *writer_of(const ledger *l, const feed_truth *f) {
    return &l->writers[ledger_writer(l, &f->device_id)];
}

static void commit_entry(disk *d, const change *c) {
    feed_truth *f = &d->ledger->feeds[c->index];
    const writer_truth *w = writer_of(d->ledger, f);
    bool own = wr_hash_equal(&f->device_id, &d->own);
    uint64_t before = d->held.digest[c->index], past = sim_hash_u64(before, c->digest);
    if (c->seq != d->held.len[c->index])
        ledger_fail(d, "holds a feed with a gap");
    if (!own && !is_member(d, &f->device_id))
        ledger_fail(d, "holds an entry of a device that is no member for it");
    ledger_take_entry(d, c, own);
    if (u64_map_get(&f->pasts, past) == 0) {
        if (!own && c->seq < f->len && !w->no_disk)
            ledger_fail(d, "holds another entry than was signed, or after another past");
        if (!own && !w->no_disk)
            ledger_fail(d, "holds an entry that its writer did not make durable first");
        if (own && c->seq < f->len && !w->free)
            ledger_fail(d, "signs two entries under one number");
        u64_map_set(&f->pasts, past, before + (before == 0));
    }
    if (c->seq >= f->len)
        f->len = c->seq + 1;
    d->held.len[c->index] = c->seq + 1;
    d->held.digest[c->index] = past;
    if (own)
        u64_map_set(&d->held.fates, c->hlc, FATE_SIGNED);
}

static void commit_head(disk *d, const change *c) {
    feed_truth *f = &d->ledger->feeds[c->index];
    uint64_t known = u64_map_get(&f->checkpoints, c->hlc);
    bool own = wr_hash_equal(&f->device_id, &d->own);
    bool free = writer_of(d->ledger, f)->free;
    if (known == 0 && !own && !writer_of(d->ledger, f)->no_disk)
        ledger_fail(d, "holds a checkpoint that its writer did not make durable first");
    if (known == 0)
        u64_map_set(&f->checkpoints, c->hlc, c->digest);
    else if (known != c->digest && !free)
        ledger_fail(d, own ? "signs two checkpoints under one number"
                           : "holds another checkpoint than was signed");
}

/* The first disk has it: a number is taken now. */
static void make_durable(const disk *d, uint32_t index) {
    ledger *l = d->ledger;
    op_truth *op = &l->ops[index];
    for (uint32_t i = 0; i < l->op_count; i++) {
        const op_truth *other = &l->ops[i];
        if (!other->durable || !is_one_place(other, op))
            continue;
        if (!l->writers[ledger_writer(l, &op->author)].free)
            ledger_fail(d, "holds an op whose author has signed another one under its number");
        l->ops_forked = true;
    }
    op->durable = true;
}

static void commit_op(disk *d, const change *c) {
    bool first = !d->ledger->ops[c->index].durable;
    if (first)
        make_durable(d, c->index);
    if (first)
        ledger_first_op(d, &d->ledger->ops[c->index]);
    ledger_take_op(d, &d->ledger->ops[c->index]);
    add_op(&d->held, c->index);
    if (d->ledger->ops[c->index].added != NOBODY)
        set_bit(d->held.member, d->ledger->ops[c->index].added);
}

static bool is_durable(const holding *h, uint64_t hlc) {
    uint64_t what = u64_map_get(&h->fates, hlc);
    if (what == FATE_TAIL || what == FATE_SIGNED)
        return true;
    /* A moved one stands under its new hlc, which is above all fates. */
    return what > FATE_DROPPED && u64_map_get(&h->fates, what) == FATE_SIGNED;
}

static void commit_hlc(disk *d, const change *c) {
    uint64_t before = u64_map_get(&d->held.fates, c->hlc);
    if (c->fate == FATE_TAIL)
        d->held.tail_count++;
    if (c->fate == FATE_DROPPED) {
        d->held.tail_count--;
        if (before == FATE_TAIL)
            u64_map_set(&d->held.fates, c->hlc, FATE_DROPPED);
        return;
    }
    u64_map_set(&d->held.fates, c->hlc, c->fate == FATE_MOVED ? c->seq : FATE_TAIL);
}

static void see_commit(void *ctx) {
    disk *d = (disk *)ctx;
    d->out_before = d->held.out;
    for (size_t i = 0; i < d->change_count; i++)
        if (d->changes[i].type == CHANGE_OP)
            commit_op(d, &d->changes[i]);
    for (size_t i = 0; i < d->change_count; i++) {
        const change *c = &d->changes[i];
        if (c->type == CHANGE_ENTRY)
            commit_entry(d, c);
        else if (c->type == CHANGE_HEAD)
            commit_head(d, c);
        else if (c->type == CHANGE_HLC)
            commit_hlc(d, c);
        else if (c->type == CHANGE_EPOCH)
            ledger_take_secret(d, c);
    }
    for (size_t i = 0; i < d->change_count; i++)
        if (d->changes[i].type == CHANGE_HLC && !is_durable(&d->held, d->changes[i].hlc))
            ledger_fail(d, "drops an entry from the tail that is not signed");
    d->change_count = 0;
}

static void see_secret(void *ctx, const wr_hash *epoch_id) {
    disk *d = (disk *)ctx;
    book(d, (change){.type = CHANGE_EPOCH, .index = ledger_epoch(d->ledger, epoch_id)});
}

static void see_rollback(void *ctx) {
    ((disk *)ctx)->change_count = 0;
}

/* ---- looking -------------------------------------------------------------------------------- */

bool ledger_holds(const ledger *l, uint32_t device, uint64_t answered_hlc) {
    return is_durable(&l->disks[device].held, answered_hlc);
}

bool ledger_moved(const ledger *l, uint32_t device, uint64_t answered_hlc, uint64_t hlc) {
    const disk *d = &l->disks[device];
    uint32_t index = ledger_writer(l, &d->own);
    return index != NOBODY && l->writers[index].free &&
           u64_map_get(&d->held.fates, answered_hlc) == hlc;
}

void ledger_compare(ledger *l, uint32_t device, store *s) {
    const disk *d = &l->disks[device];
    uint64_t len = 0, tail = 0;
    for (uint32_t i = 0; i < l->feed_count; i++)
        if (store_feed_len(s, &l->feeds[i].feed_id, &len) == WR_OK && len != d->held.len[i])
            ledger_fail(d, "has lost entries of a feed that it had committed");
    if (store_tail_count(s, &tail) == WR_OK && tail != d->held.tail_count)
        ledger_fail(d, "has lost entries of its tail that it had committed");
}

uint64_t ledger_digest(const ledger *l, uint32_t device) {
    const holding *h = &l->disks[device].held;
    uint64_t digest = SIM_HASH_START;
    for (uint32_t i = 0; i < l->feed_count; i++)
        digest = sim_hash_u64(sim_hash_u64(digest, h->len[i]), h->digest[i]);
    /* What is shown of a device that is out depends on who says so. */
    for (size_t i = 0; i < h->op_words && (l->out != 0 || l->convicted); i++)
        digest = sim_hash_u64(digest, h->ops[i]);
    if (h->tail_count == 0)
        return digest;
    /* Two tails of one length are of two devices, and hold different entries. */
    return sim_hash_u64(sim_hash_u64(digest, device + 1), h->tail_count);
}

/* ---- writers that say two things ------------------------------------------------------------- */

ledger_copy *ledger_save(const ledger *l, uint32_t device) {
    ledger_copy *copy = (ledger_copy *)calloc(1, sizeof *copy);
    WR_ASSERT(copy != NULL);
    holding_copy(&copy->held, &l->disks[device].held);
    return copy;
}

void ledger_copy_free(ledger_copy *copy) {
    if (copy == NULL)
        return;
    holding_free(&copy->held);
    free(copy);
}

void ledger_set_back(ledger *l, uint32_t device, const ledger_copy *copy) {
    disk *d = &l->disks[device];
    uint32_t index = ledger_writer(l, &d->own);
    holding_copy(&d->held, &copy->held);
    d->change_count = 0;
    if (index != NOBODY)
        l->writers[index].free = true;
}

void ledger_renew(ledger *l, uint32_t device, const wr_hash *device_id) {
    disk *d = &l->disks[device];
    uint32_t before = ledger_writer(l, &d->own), index = ledger_writer(l, device_id);
    d->own = *device_id;
    if (before != NOBODY && index != NOBODY)
        l->writers[index].free = l->writers[before].free;
}

void ledger_clone(ledger *l, uint32_t from, uint32_t to) {
    ledger_copy *copy = ledger_save(l, from);
    l->disks[to].own = l->disks[from].own;
    ledger_set_back(l, to, copy);
    ledger_copy_free(copy);
}

void ledger_distrust(ledger *l, const wr_hash *device_id) {
    uint32_t index = ledger_writer(l, device_id);
    if (index != NOBODY)
        l->writers[index].free = l->writers[index].no_disk = true;
}

/* Does the one go on from where the other ends? */
static bool is_one_history(const ledger *l, uint32_t index, const holding *a, const holding *b) {
    const holding *longer = a->len[index] > b->len[index] ? a : b;
    const holding *shorter = longer == a ? b : a;
    uint64_t past = longer->digest[index];
    for (uint64_t n = longer->len[index]; n > shorter->len[index]; n--)
        past = u64_map_get(&l->feeds[index].pasts, past);
    return shorter->len[index] == 0 || past == shorter->digest[index];
}

bool ledger_forked(const ledger *l, uint32_t device_count) {
    for (uint32_t i = 0; i < l->feed_count; i++) {
        if (!writer_of(l, &l->feeds[i])->free)
            continue;
        for (uint32_t a = 0; a < device_count; a++)
            for (uint32_t b = 0; b < a; b++)
                if (!is_one_history(l, i, &l->disks[a].held, &l->disks[b].held))
                    return true;
    }
    return l->ops_forked;
}

/* ---- beginning and end ---------------------------------------------------------------------- */

ledger *ledger_new(ledger_fail_fn fn, void *ctx) {
    ledger *l = (ledger *)calloc(1, sizeof *l);
    WR_ASSERT(l != NULL);
    l->fail = fn;
    l->ctx = ctx;
    for (uint32_t i = 0; i < DISKS_MAX; i++) {
        disk *d = &l->disks[i];
        d->ledger = l;
        d->index = i;
        d->watch = (store_watch){see_op,    see_head,   see_rows,   see_tail,     see_untail,
                                 see_alias, see_secret, see_commit, see_rollback, d};
    }
    return l;
}

void ledger_free(ledger *l) {
    if (l == NULL)
        return;
    for (uint32_t i = 0; i < DISKS_MAX; i++) {
        holding_free(&l->disks[i].held);
        free(l->disks[i].changes);
    }
    for (uint32_t i = 0; i < l->feed_count; i++) {
        u64_map_free(&l->feeds[i].pasts);
        u64_map_free(&l->feeds[i].checkpoints);
    }
    for (uint32_t i = 0; i < l->op_count; i++)
        free(l->ops[i].cuts);
    free(l->ops);
    free(l->epochs);
    free(l);
}

void ledger_new_disk(ledger *l, uint32_t device, const wr_hash *device_id) {
    disk *d = &l->disks[device];
    WR_ASSERT(device < DISKS_MAX);
    holding_free(&d->held);
    d->change_count = 0;
    d->own = *device_id;
}

const store_watch *ledger_watch(ledger *l, uint32_t device) {
    return &l->disks[device].watch;
}
