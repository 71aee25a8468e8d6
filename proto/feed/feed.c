/* How a feed grows: checkpoints accepted, units verified, own runs signed; and its stored head.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/feed.h"

#include "wire/pack.h"

wr_hash wr_feed_id(const wr_hash *circle_id, const wr_hash *device_id, uint32_t stream) {
    uint8_t name[2u * WR_HASH_SIZE + 4u];
    memcpy(name, circle_id->b, WR_HASH_SIZE);
    memcpy(name + WR_HASH_SIZE, device_id->b, WR_HASH_SIZE);
    wr_store_u32(name + 2u * WR_HASH_SIZE, stream);
    return wr_hash_of(WR_LABEL_FEED_ID, wr_slice_of(name, sizeof name));
}

void wr_feed_init(wr_feed *feed, const wr_hash *circle_id, const wr_hash *device_id,
                  uint32_t stream) {
    memset(feed, 0, sizeof *feed);
    feed->feed_id = wr_feed_id(circle_id, device_id, stream);
    feed->device_id = *device_id;
    feed->stream = stream;
}

bool wr_feed_complete(const wr_feed *feed) {
    return !feed->has_checkpoint || feed->cp_len == feed->tree.len;
}

/* ---- the stored head ----------------------------------------------------------------- */

#define HEAD_VERSION 1u
#define HEAD_FIELDS 8u

wr_err wr_feed_encode(const wr_feed *feed, wr_buf *out) {
    wr_buf next = *out;
    uint32_t peaks = wr_tree_peak_count(&feed->tree);
    WR_TRY(wr_pack_array(&next, HEAD_FIELDS));
    WR_TRY(wr_pack_uint(&next, HEAD_VERSION));
    WR_TRY(wr_pack_bin(&next, WR_SLICE_OBJ(feed->device_id)));
    WR_TRY(wr_pack_uint(&next, feed->stream));
    WR_TRY(wr_pack_uint(&next, feed->tree.len));
    WR_TRY(wr_pack_uint(&next, feed->hlc_last));
    WR_TRY(wr_pack_bin(&next, wr_slice_of(feed->tree.peaks, peaks * sizeof(wr_hash))));
    WR_TRY(wr_pack_bin(&next, wr_feed_checkpoint(feed)));
    WR_TRY(wr_pack_bin(&next, feed->has_checkpoint ? WR_SLICE_OBJ(feed->cp_sig) : WR_SLICE_EMPTY));
    *out = next;
    return WR_OK;
}

/* spec:feed#7.4 "A head that contradicts itself MUST be refused." */
static wr_err decode_head(wr_slice head, const wr_hash *circle_id, wr_feed *ret_feed) {
    uint64_t version, stream, len, hlc_last;
    wr_hash device_id;
    wr_slice peaks, cp, sig;
    WR_TRY(wr_unpack_array_of(&head, HEAD_FIELDS));
    WR_TRY(wr_unpack_uint(&head, &version));
    if (version != HEAD_VERSION)
        return WR_ERR_VERSION;
    WR_TRY(wr_unpack_fixed(&head, device_id.b, sizeof device_id.b));
    WR_TRY(wr_unpack_uint_max(&head, WR_STREAMS_MAX - 1u, &stream));
    WR_TRY(wr_unpack_uint_max(&head, WR_FEED_LEN_MAX, &len));
    WR_TRY(wr_unpack_uint(&head, &hlc_last));
    WR_TRY(wr_unpack_bin(&head, &peaks));
    WR_TRY(wr_unpack_bin(&head, &cp));
    WR_TRY(wr_unpack_bin(&head, &sig));
    if (head.len != 0)
        return WR_ERR_FORMAT;

    wr_feed_init(ret_feed, circle_id, &device_id, (uint32_t)stream);
    ret_feed->tree.len = len;
    ret_feed->hlc_last = hlc_last;
    if (peaks.len != wr_tree_peak_count(&ret_feed->tree) * sizeof(wr_hash))
        return WR_ERR_FORMAT;
    if (peaks.len != 0)
        memcpy(ret_feed->tree.peaks, peaks.ptr, peaks.len);
    if (hlc_last < len) /* it grows with every entry, from 1 on */
        return WR_ERR_FORMAT;
    if (cp.len == 0)
        return sig.len == 0 && len == 0 && hlc_last == 0 ? WR_OK : WR_ERR_FORMAT;

    wr_checkpoint checkpoint;
    WR_TRY(wr_checkpoint_decode(cp, &checkpoint));
    if (sig.len != WR_SIG_SIZE || checkpoint.len < len ||
        !wr_hash_equal(&checkpoint.feed_id, &ret_feed->feed_id))
        return WR_ERR_FORMAT;
    wr_sig cp_sig;
    memcpy(cp_sig.b, sig.ptr, sizeof cp_sig.b);
    wr_feed_accept(ret_feed, &checkpoint, cp, &cp_sig);
    if (!wr_feed_complete(ret_feed)) {
        bool older = len == 0 ? hlc_last == 0 : hlc_last < checkpoint.hlc;
        return older ? WR_OK : WR_ERR_FORMAT;
    }
    wr_hash root = wr_tree_root(&ret_feed->tree);
    bool same = hlc_last == checkpoint.hlc && wr_hash_equal(&root, &checkpoint.root);
    return same ? WR_OK : WR_ERR_FORMAT;
}

wr_err wr_feed_decode(wr_slice head, const wr_hash *circle_id, wr_feed *ret_feed) {
    wr_feed feed;
    if (decode_head(head, circle_id, &feed) != WR_OK)
        return WR_ERR_CORRUPT;
    *ret_feed = feed;
    return WR_OK;
}

/* ---- checkpoints -------------------------------------------------------------------------- */

/* What a checkpoint of another k says against the one we hold. */
static wr_err check_chain(const wr_feed *feed, const wr_checkpoint *cp) {
    if (!feed->has_checkpoint)
        return WR_OK;
    if (cp->k < feed->cp_k)
        return WR_ERR_EXISTS;
    if (cp->k == feed->cp_k + 1 && !wr_hash_equal(&cp->prev, &feed->cp_hash))
        return WR_ERR_FORK;
    if (cp->len <= feed->cp_len || cp->hlc <= feed->cp_hlc)
        return WR_ERR_FORMAT;
    return cp->len - feed->cp_len >= cp->k - feed->cp_k ? WR_OK : WR_ERR_FORMAT;
}

wr_err wr_feed_check(const wr_feed *feed, wr_slice bytes, const wr_sig *sig, const wr_pub *sign_pk,
                     wr_checkpoint *ret_checkpoint) {
    if (feed->has_checkpoint && wr_equal(bytes, wr_feed_checkpoint(feed)))
        return WR_ERR_EXISTS;
    wr_checkpoint cp;
    WR_TRY(wr_checkpoint_decode(bytes, &cp));
    if (!wr_hash_equal(&cp.feed_id, &feed->feed_id))
        return WR_ERR_FORMAT;
    /* spec:feed#6.2 "A checkpoint MUST be refused unless its signature verifies over the bytes
     * as received." */
    WR_TRY(wr_verify(sign_pk, WR_SIG_LABEL_CHECKPOINT, bytes, sig));
    if (feed->has_checkpoint && cp.k == feed->cp_k)
        return WR_ERR_FORK;
    WR_TRY(check_chain(feed, &cp));
    *ret_checkpoint = cp;
    return WR_OK;
}

void wr_feed_accept(wr_feed *feed, const wr_checkpoint *checkpoint, wr_slice bytes,
                    const wr_sig *sig) {
    WR_ASSERT(bytes.len <= sizeof feed->cp_bytes);
    WR_ASSERT(checkpoint->len >= feed->tree.len);
    feed->has_checkpoint = true;
    feed->cp_k = checkpoint->k;
    feed->cp_len = checkpoint->len;
    feed->cp_hlc = checkpoint->hlc;
    feed->cp_root = checkpoint->root;
    feed->cp_hash = wr_hash_of(WR_LABEL_CHECKPOINT, bytes);
    feed->cp_size = (uint32_t)bytes.len;
    memmove(feed->cp_bytes, bytes.ptr, bytes.len);
    feed->cp_sig = *sig;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Counts entry in the row it belongs to; a new row starts at a chunk border. */
static void rows_add(wr_rows *rows, const wr_entry *entry) {
    bool border = entry->seq % WR_CHUNK_ENTRIES == 0;
    if (rows->count == 0 || border) {
        WR_ASSERT(rows->count < WR_COUNT(rows->list));
        rows->list[rows->count++] = (wr_row){
            .first_seq = entry->seq, .hlc_first = entry->hlc, .log_first = rows->log_count};
    }
    wr_row *row = &rows->list[rows->count - 1];
    row->count++;
    row->hlc_last = entry->hlc;
    /* Entries of one log come in clusters: the newest is the likeliest. */
    uint32_t i = row->log_count;
    while (i > 0 && rows->logs[row->log_first + i - 1].log_no != entry->log_no)
        i--;
    wr_row_log *log = &rows->logs[row->log_first + i - (i > 0 ? 1u : 0u)];
    if (i == 0) {
        WR_ASSERT(rows->log_count < WR_COUNT(rows->logs));
        log = &rows->logs[rows->log_count++];
        row->log_count++;
        *log = (wr_row_log){.log_no = entry->log_no, .hlc_first = entry->hlc};
    }
    log->hlc_last = entry->hlc;
    log->count++;
}

static void rows_reset(wr_rows *rows) {
    rows->count = 0;
    rows->log_count = 0;
    rows->nodes.count = 0;
}

/* ---- units --------------------------------------------------------------------------------- */

void wr_unit_plan(uint64_t n, uint64_t first, uint32_t entries_max, uint64_t *ret_lo,
                  uint64_t *ret_end) {
    WR_ASSERT(first < n);
    WR_ASSERT(entries_max != 0 && (entries_max & (entries_max - 1)) == 0);
    uint64_t lo = first & ~((uint64_t)entries_max - 1);
    uint64_t end = lo + entries_max;
    *ret_lo = lo;
    *ret_end = end < n ? end : n;
    if (n - first <= entries_max) /* the rest is its own proof */
        *ret_end = n;
}

/* Splits tree at lo: what stands before, and the perfect subtrees from lo on as a tree. */
static wr_err split_tree(const wr_tree *tree, uint64_t lo, wr_tree *ret_before, wr_tree *ret_sub) {
    uint32_t count = wr_tree_peak_count(tree), before = 0;
    uint64_t at = 0;
    while (at < lo) {
        if (at == tree->len)
            return WR_ERR_STATE;
        at += 1ull << (63 - __builtin_clzll(tree->len - at));
        before++;
    }
    if (at != lo)
        return WR_ERR_STATE;
    ret_before->len = lo;
    ret_sub->len = tree->len - lo;
    memcpy(ret_before->peaks, tree->peaks, before * sizeof(wr_hash));
    memcpy(ret_sub->peaks, tree->peaks + before, (count - before) * sizeof(wr_hash));
    return WR_OK;
}

/* Reads the unit's entries into tree (leaf hashes) and rows. */
static wr_err read_entries(const wr_feed *feed, const wr_unit *unit, wr_tree *tree,
                           wr_tree_nodes *nodes, wr_rows *rows, uint64_t *ret_hlc) {
    wr_segment_reader reader;
    wr_segment_reader_init(&reader, unit->entries, unit->first);
    uint64_t hlc = feed->hlc_last, seq = unit->first;
    const uint8_t *row_start = unit->entries.ptr;
    for (;;) {
        wr_entry entry;
        bool more;
        /* Segments end at chunk borders, so a new row starts where the reader stands then. */
        const uint8_t *here = reader.left == 0 ? reader.in.ptr : NULL;
        WR_TRY(wr_segment_next(&reader, &entry, &more));
        if (!more)
            break;
        if (seq == unit->end)
            return WR_ERR_FORMAT;
        /* spec:feed#7.2 "The clock of a feed MUST grow with every entry." */
        if (entry.hlc <= hlc)
            return WR_ERR_FORMAT;
        uint32_t before = rows->count;
        rows_add(rows, &entry);
        if (rows->count != before) {
            WR_ASSERT(here != NULL);
            if (before != 0)
                rows->list[before - 1].bytes = wr_slice_of(row_start, (size_t)(here - row_start));
            row_start = here;
        }
        wr_hash leaf = wr_entry_leaf(&feed->feed_id, &entry);
        wr_tree_append(tree, &leaf, nodes);
        hlc = entry.hlc;
        seq++;
    }
    if (seq != unit->end)
        return WR_ERR_TRUNCATED;
    rows->list[rows->count - 1].bytes =
        wr_slice_of(row_start, unit->entries.len - (size_t)(row_start - unit->entries.ptr));
    *ret_hlc = hlc;
    return WR_OK;
}

/* The unit ends the checkpoint: recomputing the root proves it, and all before it.
 * spec:feed#7.2 "A unit that fails any check MUST leave the feed as it was." */
static wr_err take_rest(wr_feed *feed, const wr_unit *unit, wr_rows *rows) {
    wr_tree tree = feed->tree;
    uint64_t hlc;
    WR_TRY(read_entries(feed, unit, &tree, &rows->nodes, rows, &hlc));
    wr_hash root = wr_tree_root(&tree);
    if (!wr_hash_equal(&root, &feed->cp_root))
        return feed->tree.len == 0 ? WR_ERR_AUTH : WR_ERR_FORK;
    if (hlc != feed->cp_hlc)
        return WR_ERR_FORMAT;
    feed->tree = tree;
    feed->hlc_last = hlc;
    return WR_OK;
}

/* The left siblings on a node's path are the peaks of the tree up to it.  Once the path has been
 * verified, they say what the checkpoint holds there.
 * spec:feed#7.3 "A unit whose proof holds but names another past than the one held MUST be refused
 * as a fork." */
static wr_err check_past(const wr_tree *before, const wr_unit *unit, uint64_t n) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t count, peak = 0;
    WR_TRY(wr_tree_path(n, unit->lo, unit->end, spans, &count));
    for (uint32_t i = 0; i < count; i++)
        if (!spans[i].left && !wr_hash_equal(&unit->path[i], &before->peaks[peak++]))
            return WR_ERR_FORK;
    WR_ASSERT(peak == wr_tree_peak_count(before));
    return WR_OK;
}

/* The unit completes node [lo, end): its siblings prove it. */
static wr_err take_node(wr_feed *feed, const wr_unit *unit, wr_rows *rows) {
    uint64_t size = unit->end - unit->lo, hlc;
    if ((size & (size - 1)) != 0 || size > WR_CHUNK_ENTRIES || unit->lo % size != 0)
        return WR_ERR_FORMAT;
    wr_tree before, sub;
    WR_TRY(split_tree(&feed->tree, unit->lo, &before, &sub));
    WR_TRY(read_entries(feed, unit, &sub, NULL, rows, &hlc));
    if (hlc >= feed->cp_hlc)
        return WR_ERR_FORMAT;
    WR_ASSERT(sub.len == size); /* perfect, so its one peak is the node */
    WR_TRY(wr_tree_verify(&feed->cp_root, feed->cp_len, unit->lo, unit->end, &sub.peaks[0],
                          unit->path, unit->path_count));
    WR_TRY(check_past(&before, unit, feed->cp_len));
    wr_tree_graft(&before, (uint8_t)__builtin_ctzll(size), &sub.peaks[0], &rows->nodes);
    feed->tree = before;
    feed->hlc_last = hlc;
    return WR_OK;
}

wr_err wr_feed_take(wr_feed *feed, const wr_unit *unit, wr_rows *ret_rows) {
    if (!feed->has_checkpoint || unit->first != feed->tree.len || unit->end > feed->cp_len)
        return WR_ERR_STATE;
    if (unit->lo > unit->first || unit->end <= unit->first)
        return WR_ERR_FORMAT;
    if (unit->end - unit->first > WR_CHUNK_ENTRIES)
        return WR_ERR_LIMIT;
    rows_reset(ret_rows);
    if (unit->end == feed->cp_len)
        return take_rest(feed, unit, ret_rows);
    return take_node(feed, unit, ret_rows);
}

/* ---- own runs -------------------------------------------------------------------------- */

void wr_run_begin(wr_run *run, const wr_feed *feed, uint8_t *memory, size_t size) {
    WR_ASSERT(wr_feed_complete(feed));
    run->tree = feed->tree;
    run->hlc_last = feed->hlc_last;
    run->buf = wr_buf_of(memory, size);
    run->segment_open = false;
    rows_reset(&run->rows);
}

uint32_t wr_run_count(const wr_run *run, const wr_feed *feed) {
    return (uint32_t)(run->tree.len - feed->tree.len);
}

/* Ends the open segment; the row it belongs to reaches to its end. */
static void end_segment(wr_run *run) {
    if (!run->segment_open)
        return;
    wr_segment_end(&run->segment);
    run->segment_open = false;
    wr_row *row = &run->rows.list[run->rows.count - 1];
    const uint8_t *start = run->rows.count == 1
                               ? run->buf.ptr
                               : run->rows.list[0].bytes.ptr + run->rows.list[0].bytes.len;
    row->bytes = wr_slice_of(start, (size_t)(run->buf.ptr + run->buf.len - start));
}

/* The open segment, if any, is of entry's epoch. */
static bool same_epoch(const wr_run *run, const wr_entry *entry) {
    return run->segment_open &&
           wr_equal(wr_slice_of(run->buf.ptr + run->segment.at, WR_EPOCH_TAG_SIZE),
                    wr_slice_of(entry->epoch_tag, WR_EPOCH_TAG_SIZE));
}

wr_err wr_run_add(wr_run *run, const wr_feed *feed, const wr_feed_keys *keys,
                  const wr_hash *epoch_id, const wr_rng *rng, wr_entry *entry, wr_slice content) {
    WR_ASSERT(entry->hlc > run->hlc_last);
    if (content.len > WR_CONTENT_BYTES_MAX)
        return WR_ERR_LIMIT;
    size_t sealed = wr_entry_sealed_len(content.len);
    size_t encoded = sealed + WR_SEGMENT_HEADER_SIZE + WR_ENTRY_FIELDS_MAX;
    if (wr_run_count(run, feed) == WR_RUN_ENTRIES_MAX ||
        run->buf.len + encoded > WR_RUN_BYTES_MAX || wr_buf_room(&run->buf) < encoded + sealed)
        return WR_ERR_NOBUF;

    entry->seq = run->tree.len;
    memcpy(entry->epoch_tag, epoch_id->b, WR_EPOCH_TAG_SIZE);
    /* The body is sealed at the far end of the room and moves to its place in the segment. */
    wr_buf scratch = wr_buf_of(run->buf.ptr + run->buf.cap - sealed, sealed);
    WR_TRY(wr_entry_seal(keys, &feed->feed_id, epoch_id, rng, content, entry, &scratch));
    /* A segment is of one chunk and of one epoch. */
    if (entry->seq % WR_CHUNK_ENTRIES == 0 || !same_epoch(run, entry))
        end_segment(run);
    if (!run->segment_open) {
        WR_TRY(wr_segment_begin(&run->segment, &run->buf, entry->epoch_tag, entry->hlc));
        run->segment_open = true;
    }
    WR_TRY(wr_segment_add(&run->segment, entry));
    rows_add(&run->rows, entry);
    wr_hash leaf = wr_entry_leaf(&feed->feed_id, entry);
    wr_tree_append(&run->tree, &leaf, &run->rows.nodes);
    run->hlc_last = entry->hlc;
    return WR_OK;
}

wr_err wr_run_close(wr_run *run, wr_feed *feed, const wr_sign_key *sign, const wr_hash *mheads,
                    uint32_t mhead_count, const wr_hash *seen) {
    WR_ASSERT(run->tree.len > feed->tree.len);
    WR_ASSERT(mhead_count >= 1 && mhead_count <= WR_OP_PARENTS_MAX);
    end_segment(run);
    wr_checkpoint cp = {.feed_id = feed->feed_id,
                        .k = feed->has_checkpoint ? feed->cp_k + 1 : 0,
                        .len = run->tree.len,
                        .root = wr_tree_root(&run->tree),
                        .hlc = run->hlc_last,
                        .mhead_count = mhead_count,
                        .seen = *seen};
    /* spec:feed#7.1 "The first checkpoint of a feed MUST have number 0 and each one after it the
     * next number and the hash of the one before." */
    if (feed->has_checkpoint)
        cp.prev = feed->cp_hash;
    memcpy(cp.mheads, mheads, mhead_count * sizeof(wr_hash));
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_checkpoint_encode(&cp, &out));
    wr_sig sig;
    wr_sign(sign, WR_SIG_LABEL_CHECKPOINT, wr_buf_slice(&out), &sig);
    feed->tree = run->tree;
    feed->hlc_last = run->hlc_last;
    wr_feed_accept(feed, &cp, wr_buf_slice(&out), &sig);
    return WR_OK;
}
