/* Units out of the store: entries from where a sibling stands, and the proof that they belong.
 *
 * Spec:   proto/spec/feed.md 5 (proofs), sync.md (DATA, CHECKPOINT)
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "flow/hub_impl.h"

/* Entries [first, end) on their way from rows into one buffer. */
typedef struct gather {
    uint64_t first, end;
    uint64_t next; /* the entry that comes next */
    wr_buf out;
    uint64_t fit; /* entries from first that are within the bytes of a unit */
} gather;

/* A part of a row: written anew, as a segment has to begin with a whole clock and epoch. */
static wr_err put_part(gather *g, const store_rows *rows, uint64_t to) {
    wr_segment_reader in;
    wr_segment_writer writer;
    wr_entry entry;
    bool more = false, open = false;
    uint8_t tag[WR_EPOCH_TAG_SIZE] = {0};
    wr_segment_reader_init(&in, rows->bytes, rows->first_seq);
    while (g->next < to && g->out.len <= WR_UNIT_BYTES_MAX) {
        WR_TRY(wr_segment_next(&in, &entry, &more));
        if (!more)
            return WR_ERR_CORRUPT;
        if (entry.seq < g->next)
            continue;
        bool other = !open || !wr_equal(wr_slice_of(tag, sizeof tag),
                                        wr_slice_of(entry.epoch_tag, sizeof entry.epoch_tag));
        if (other && open)
            wr_segment_end(&writer);
        if (other)
            WR_TRY(wr_segment_begin(&writer, &g->out, entry.epoch_tag, entry.hlc));
        open = true;
        memcpy(tag, entry.epoch_tag, sizeof tag);
        WR_TRY(wr_segment_add(&writer, &entry));
        g->next = entry.seq + 1;
        if (g->out.len <= WR_UNIT_BYTES_MAX)
            g->fit = g->next - g->first;
    }
    if (open)
        wr_segment_end(&writer);
    return WR_OK;
}

static wr_err gather_row(void *ctx, const store_rows *rows) {
    gather *g = ctx;
    uint64_t end = rows->first_seq + rows->count;
    if (rows->first_seq > g->next || end <= g->next)
        return WR_ERR_CORRUPT;
    uint64_t to = end < g->end ? end : g->end;
    bool whole = rows->first_seq == g->next && to == end;
    if (whole && g->out.len + rows->bytes.len <= WR_UNIT_BYTES_MAX) {
        WR_TRY(wr_buf_put(&g->out, rows->bytes));
        g->next = end;
        g->fit = end - g->first;
    } else {
        WR_TRY(put_part(g, rows, to));
    }
    bool full = g->next == g->end || g->out.len > WR_UNIT_BYTES_MAX;
    return full ? WR_ERR_CLOSED : WR_OK;
}

/* Bytes that [first, end) may take in the form of a unit; at most that of its longest one. */
static wr_err room_for(hub *h, const wr_hash *feed_id, uint64_t first, uint64_t end,
                       size_t *ret_room) {
    uint64_t bytes;
    WR_TRY(store_rows_bytes(h->store, feed_id, first, end, &bytes));
    uint64_t room = bytes + 4u * WR_SEGMENT_HEADER_SIZE + WR_ENTRY_FIELDS_MAX;
    *ret_room = room < WR_UNIT_WIRE_MAX ? (size_t)room : WR_UNIT_WIRE_MAX;
    return WR_OK;
}

/* ---- proofs ---------------------------------------------------------------------------------- */

typedef struct leaves {
    const wr_hash *feed_id;
    uint64_t from, to;
    wr_tree tree; /* over [from, next) */
} leaves;

static wr_err add_leaves(void *ctx, const store_rows *rows) {
    leaves *l = ctx;
    wr_segment_reader in;
    wr_entry entry;
    bool more = false;
    wr_segment_reader_init(&in, rows->bytes, rows->first_seq);
    for (;;) {
        WR_TRY(wr_segment_next(&in, &entry, &more));
        if (!more)
            return WR_OK;
        if (entry.seq < l->from + l->tree.len || entry.seq >= l->to)
            continue;
        wr_hash leaf = wr_entry_leaf(l->feed_id, &entry);
        wr_tree_append(&l->tree, &leaf, NULL);
    }
}

/* The root of a node below chunk size: such nodes are not stored, so its leaves are hashed again.
 */
static wr_err small_node(hub *h, const wr_feed *feed, const wr_tree_span *span, wr_hash *ret_node) {
    leaves l = {.feed_id = &feed->feed_id, .from = span->lo, .to = span->hi};
    WR_TRY(store_each_rows(h->store, &feed->feed_id, span->lo, span->hi, add_leaves, &l));
    if (l.tree.len != span->hi - span->lo)
        return WR_ERR_CORRUPT;
    *ret_node = wr_tree_root(&l.tree);
    return WR_OK;
}

static wr_err span_hash(hub *h, const wr_feed *feed, const wr_tree_span *span, wr_hash *ret_hash) {
    uint64_t size = span->hi - span->lo;
    bool perfect = (size & (size - 1)) == 0 && span->lo % size == 0;
    if (span->hi == feed->tree.len && wr_tree_suffix_root(&feed->tree, span->lo, ret_hash) == WR_OK)
        return WR_OK;
    if (!perfect)
        return WR_ERR_CORRUPT; /* only the tree's right end is ragged */
    if (size < WR_CHUNK_ENTRIES)
        return small_node(h, feed, span, ret_hash);
    uint8_t level = (uint8_t)__builtin_ctzll(size);
    return store_get_node(h->store, &feed->feed_id, level, span->lo >> level, ret_hash);
}

static wr_err prove(hub *h, const wr_feed *feed, wr_unit *unit, wr_hash *path) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    unit->path = path;
    unit->path_count = 0;
    if (unit->end == feed->tree.len)
        return WR_OK; /* its root is the checkpoint's */
    WR_TRY(wr_tree_path(feed->tree.len, unit->lo, unit->end, spans, &unit->path_count));
    for (uint32_t i = 0; i < unit->path_count; i++)
        WR_TRY(span_hash(h, feed, &spans[i], &path[i]));
    return WR_OK;
}

/* ---- units ---- */

/* Loads [first, end) into malloc'd memory; fewer entries if they are long: ret_fit. */
static wr_err load(hub *h, const wr_hash *feed_id, uint64_t first, uint64_t end, gather *g) {
    size_t room;
    WR_TRY(room_for(h, feed_id, first, end, &room));
    uint8_t *memory = malloc(room);
    if (memory == NULL)
        return WR_ERR_NOMEM;
    *g = (gather){.first = first, .end = end, .next = first, .out = wr_buf_of(memory, room)};
    wr_err err = store_each_rows(h->store, feed_id, first, end, gather_row, g);
    if (err == WR_OK && g->next == first)
        err = WR_ERR_CORRUPT;
    if (err == WR_OK)
        return WR_OK;
    free(memory);
    return err == WR_ERR_NOBUF ? WR_ERR_CORRUPT : err;
}

wr_err serve_unit(hub *h, const wr_serve *serve, wr_unit *ret_unit, wr_hash *path,
                  uint8_t **ret_entries, size_t *ret_size) {
    const wr_feed *feed = wr_self_feed(h->self, serve->feed_index);
    uint32_t entries_max = WR_CHUNK_ENTRIES;
    gather g = {0};
    wr_unit unit = {.first = serve->first};
    WR_ASSERT(serve->n == feed->tree.len && serve->first < serve->n);
    for (;;) {
        wr_unit_plan(serve->n, serve->first, entries_max, &unit.lo, &unit.end);
        WR_TRY(load(h, &feed->feed_id, serve->first, unit.end, &g));
        if (g.out.len <= WR_UNIT_BYTES_MAX || entries_max == 1)
            break;
        free(g.out.ptr);
        do {
            entries_max /= 2;
            wr_unit_plan(serve->n, serve->first, entries_max, &unit.lo, &unit.end);
        } while (entries_max > 1 && unit.end - serve->first > g.fit);
    }
    wr_err err = g.next == unit.end ? prove(h, feed, &unit, path) : WR_ERR_CORRUPT;
    if (err != WR_OK) {
        free(g.out.ptr);
        return err;
    }
    *ret_unit = unit;
    *ret_entries = g.out.ptr;
    *ret_size = g.out.len;
    return WR_OK;
}

/* ---- two checkpoints of one feed ---- */

wr_err serve_weigh(hub *h, wr_link *link) {
    wr_weigh weigh;
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    wr_hash path[WR_PROOF_HASHES_MAX];
    uint32_t count;
    if (!wr_link_weighing(link, &weigh))
        return WR_OK;
    const wr_feed *feed = wr_self_feed(h->self, weigh.feed_index);
    WR_ASSERT(weigh.len == feed->tree.len);
    WR_TRY(wr_tree_prefix_path(weigh.len, weigh.n, spans, &count));
    for (uint32_t i = 0; i < count; i++)
        WR_TRY(span_hash(h, feed, &spans[i], &path[i]));
    WR_TRY(wr_link_weigh(link, path, count));
    loop_dirty(h->config.loop); /* what it proves is to be signed */
    return WR_OK;
}
