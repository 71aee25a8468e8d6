/* A writing device and the holder of its feed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

#include "crypto/crypto.h"

wr_hash t_hash(uint8_t fill) {
    wr_hash hash;
    memset(hash.b, fill, sizeof hash.b);
    return hash;
}

void holder_init(holder *h, uint64_t seed, uint32_t stream) {
    T_OK(wr_crypto_init());
    h->rng = t_rng(seed);
    h->bodies_used = 0;
    h->checkpoint_count = 0;
    wr_key sign_seed;
    wr_rng_fill(&h->rng, &h->circle, sizeof h->circle);
    wr_rng_fill(&h->rng, &h->device, sizeof h->device);
    wr_rng_fill(&h->rng, sign_seed.b, sizeof sign_seed.b);
    wr_rng_fill(&h->rng, h->epochs, sizeof h->epochs);
    wr_rng_fill(&h->rng, h->keys, sizeof h->keys);
    wr_sign_keypair(&sign_seed, &h->sign, &h->sign_pk);
    wr_feed_init(&h->feed, &h->circle, &h->device, stream);
}

/* Takes the run's rows apart again and keeps its entries and the nodes over them. */
static void keep(holder *h, uint64_t seq) {
    for (uint32_t r = 0; r < h->run.rows.count; r++) {
        const wr_row *row = &h->run.rows.list[r];
        wr_segment_reader reader;
        wr_segment_reader_init(&reader, row->bytes, row->first_seq);
        T_EQ(row->first_seq, seq);
        for (;;) {
            wr_entry entry;
            bool more;
            T_OK(wr_segment_next(&reader, &entry, &more));
            if (!more)
                break;
            T_TRUE(h->bodies_used + entry.body.len <= sizeof h->bodies);
            T_TRUE(seq < HOLDER_ENTRIES_MAX);
            uint8_t *body = h->bodies + h->bodies_used;
            memcpy(body, entry.body.ptr, entry.body.len);
            h->bodies_used += entry.body.len;
            entry.body.ptr = body;
            h->entries[seq] = entry;
            h->nodes[0][seq] = wr_entry_leaf(&h->feed.feed_id, &entry);
            seq++;
            for (uint32_t level = 1; level < HOLDER_LEVELS && seq % (1u << level) == 0; level++) {
                const wr_hash *pair = &h->nodes[level - 1][(seq >> (level - 1)) - 2];
                h->nodes[level][(seq >> level) - 1] =
                    wr_hash_of(WR_LABEL_NODE, wr_slice_of(pair, 2 * sizeof *pair));
            }
        }
    }
    T_EQ(seq, h->feed.tree.len);
}

void holder_grow(holder *h, uint32_t count) {
    uint64_t first = h->feed.tree.len;
    uint8_t content[512];
    uint32_t epoch = 0;
    wr_run_begin(&h->run, &h->feed, h->run_memory, sizeof h->run_memory);
    for (uint32_t i = 0; i < count; i++) {
        wr_entry entry = {.kind = (uint8_t)wr_rng_below(&h->rng, 7)};
        if (wr_rng_below(&h->rng, 8) == 0)
            epoch ^= 1;
        if (wr_rng_below(&h->rng, 3) == 0)
            entry.log_no = (uint16_t)wr_rng_below(&h->rng, wr_rng_below(&h->rng, 2) ? 4 : 65536);
        if (wr_rng_below(&h->rng, 5) == 0)
            entry.expire = 1 + wr_rng_below(&h->rng, 1u << 30);
        entry.hlc = h->run.hlc_last + 1;
        if (wr_rng_below(&h->rng, 2) == 0)
            entry.hlc += wr_rng_below(&h->rng, 1u << 20);
        uint32_t len = wr_rng_below(&h->rng, wr_rng_below(&h->rng, 16) == 0 ? sizeof content : 64);
        wr_rng_fill(&h->rng, content, len);
        T_OK(wr_run_add(&h->run, &h->feed, &h->keys[epoch], &h->epochs[epoch], &h->rng, &entry,
                        wr_slice_of(content, len)));
        T_EQ(entry.seq, first + i);
    }
    T_EQ(wr_run_count(&h->run, &h->feed), count);
    wr_hash mheads[2] = {t_hash(0x11), t_hash(0x22)}, seen = t_hash(0x33);
    T_OK(wr_run_close(&h->run, &h->feed, &h->sign, mheads, 2, &seen));
    keep(h, first);

    T_TRUE(h->checkpoint_count < HOLDER_CHECKPOINTS_MAX);
    holder_checkpoint *cp = &h->checkpoints[h->checkpoint_count++];
    T_TRUE(h->feed.cp_size <= sizeof cp->bytes);
    cp->len = h->feed.cp_len;
    cp->sig = h->feed.cp_sig;
    cp->size = h->feed.cp_size;
    memcpy(cp->bytes, h->feed.cp_bytes, h->feed.cp_size);
}

void holder_grow_to(holder *h, uint64_t len) {
    while (h->feed.tree.len < len) {
        uint64_t left = len - h->feed.tree.len;
        uint32_t count = 1 + wr_rng_below(&h->rng, WR_RUN_ENTRIES_MAX);
        holder_grow(h, count < left ? count : (uint32_t)left);
    }
}

wr_hash holder_range(const holder *h, uint64_t lo, uint64_t hi) {
    uint64_t size = hi - lo;
    uint32_t level = 0;
    while (1ull << level < size)
        level++;
    if (1ull << level == size && lo % size == 0)
        return h->nodes[level][lo >> level];
    wr_hash pair[2] = {holder_range(h, lo, lo + (1ull << (level - 1))),
                       holder_range(h, lo + (1ull << (level - 1)), hi)};
    return wr_hash_of(WR_LABEL_NODE, wr_slice_of(pair, sizeof pair));
}

void holder_encode(const holder *h, uint64_t first, uint64_t end, wr_buf *out) {
    wr_segment_writer writer;
    for (uint64_t seq = first; seq < end; seq++) {
        const wr_entry *entry = &h->entries[seq];
        bool fresh = seq == first || seq % WR_CHUNK_ENTRIES == 0 ||
                     wr_order(wr_slice_of(entry->epoch_tag, WR_EPOCH_TAG_SIZE),
                              wr_slice_of(entry[-1].epoch_tag, WR_EPOCH_TAG_SIZE)) != 0;
        if (fresh && seq != first)
            wr_segment_end(&writer);
        if (fresh)
            T_OK(wr_segment_begin(&writer, out, entry->epoch_tag, entry->hlc));
        T_OK(wr_segment_add(&writer, entry));
    }
    wr_segment_end(&writer);
}

wr_unit holder_unit(holder *h, uint64_t n, uint64_t first, uint64_t lo, uint64_t end) {
    wr_buf out = WR_BUF_ARRAY(h->unit_bytes);
    holder_encode(h, first, end, &out);
    wr_unit unit = {.first = first, .lo = lo, .end = end, .entries = wr_buf_slice(&out)};
    if (end == n)
        return unit;
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    T_OK(wr_tree_path(n, lo, end, spans, &unit.path_count));
    for (uint32_t i = 0; i < unit.path_count; i++)
        h->unit_path[i] = holder_range(h, spans[i].lo, spans[i].hi);
    unit.path = h->unit_path;
    return unit;
}

wr_unit holder_plan(holder *h, uint64_t n, uint64_t first, uint32_t entries_max) {
    uint64_t lo, end;
    wr_unit_plan(n, first, entries_max, &lo, &end);
    T_TRUE(lo <= first);
    T_TRUE(first < end);
    T_TRUE(end <= n);
    T_TRUE(end - first <= entries_max);
    return holder_unit(h, n, first, lo, end);
}

wr_slice holder_checkpoint_bytes(const holder *h, uint32_t k) {
    return wr_slice_of(h->checkpoints[k].bytes, h->checkpoints[k].size);
}

void holder_receiver(const holder *h, uint64_t len, uint32_t k, wr_feed *ret_feed) {
    wr_checkpoint cp;
    wr_feed_init(ret_feed, &h->circle, &h->device, h->feed.stream);
    for (uint32_t level = HOLDER_LEVELS; level-- > 0;)
        if (len >> level & 1)
            wr_tree_graft(&ret_feed->tree, (uint8_t)level,
                          &h->nodes[level][ret_feed->tree.len >> level], NULL);
    ret_feed->hlc_last = len == 0 ? 0 : h->entries[len - 1].hlc;
    T_OK(wr_checkpoint_decode(holder_checkpoint_bytes(h, k), &cp));
    wr_feed_accept(ret_feed, &cp, holder_checkpoint_bytes(h, k), &h->checkpoints[k].sig);
}
