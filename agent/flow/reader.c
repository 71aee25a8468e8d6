/* The reader's names of logs, its sealed tail, its cursors, and opening one entry.
 *
 * Spec:   proto/spec/feed.md 3 (content)
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

#include "base/text.h"

#include <stdlib.h>

wr_err reader_new(wr_self *self, store *s, const wr_key *store_key, reader **ret_reader) {
    reader *r = (reader *)calloc(1, sizeof *r);
    if (r == NULL)
        return WR_ERR_NOMEM;
    r->self = self;
    r->store = s;
    r->store_key = *store_key;
    r->opened_epochs = wr_keyring_count(wr_self_keyring(self));
    *ret_reader = r;
    return WR_OK;
}

void reader_free(reader *r) {
    if (r == NULL)
        return;
    wr_key_wipe(&r->store_key);
    free(r);
}

/* ---- logs and their names ------------------------------------------------------------ */

/* Sealed names stand under a text of their own, so that no sealed value passes for another. */
static wr_slice log_name_aad(void) {
    return wr_slice_str("log name");
}

wr_err reader_find_log(reader *r, wr_slice name, uint32_t *ret_log_id) {
    if (!wr_text_is_name(name))
        return WR_ERR_FORMAT;
    wr_hash name_key = keystore_name_key(&r->store_key, name);
    return store_find_log(r->store, &name_key, ret_log_id);
}

wr_err reader_log_id(reader *r, wr_slice name, uint32_t *ret_log_id) {
    wr_err err = reader_find_log(r, name, ret_log_id);
    if (err != WR_ERR_UNKNOWN)
        return err;
    uint8_t bytes[WR_NAME_BYTES_MAX + KEYSTORE_SEAL_OVERHEAD];
    wr_buf sealed = WR_BUF_ARRAY(bytes);
    wr_hash name_key = keystore_name_key(&r->store_key, name);
    WR_TRY(keystore_seal(&r->store_key, log_name_aad(), name, wr_self_rng(r->self), &sealed));
    return store_put_log(r->store, &name_key, wr_buf_slice(&sealed), ret_log_id);
}

static wr_err open_log_name(reader *r, wr_slice sealed, wr_buf *out) {
    wr_err err = keystore_unseal(&r->store_key, log_name_aad(), sealed, out);
    if (err == WR_ERR_AUTH || err == WR_ERR_TRUNCATED)
        return WR_ERR_CORRUPT;
    return err;
}

typedef struct name_search {
    reader *reader;
    uint32_t log_id;
    wr_buf *out;
    bool found;
} name_search;

static wr_err search_name(void *ctx, const store_log *log) {
    name_search *search = (name_search *)ctx;
    if (log->log_id != search->log_id)
        return WR_OK;
    WR_TRY(open_log_name(search->reader, log->name_sealed, search->out));
    search->found = true;
    return WR_ERR_CLOSED;
}

wr_err reader_log_name(reader *r, uint32_t log_id, wr_buf *out) {
    name_search search = {r, log_id, out, false};
    wr_err err = store_each_log(r->store, search_name, &search);
    if (err != WR_OK && !(search.found && err == WR_ERR_CLOSED))
        return err;
    return search.found ? WR_OK : WR_ERR_UNKNOWN;
}

wr_err reader_own_log(reader *r, wr_slice name, uint16_t *ret_log_no, uint16_t *ret_next) {
    uint32_t index, log_id, next;
    const wr_identity *identity = wr_self_identity(r->self);
    if (r->own_len != 0 && wr_equal(name, wr_slice_of(r->own_name, r->own_len))) {
        *ret_log_no = r->own_no;
        return WR_OK;
    }
    if (!wr_text_is_name(name))
        return WR_ERR_FORMAT;
    if (!wr_self_device_feed(r->self, &identity->device_id, 0, &index))
        return WR_ERR_STATE;
    const wr_hash *feed_id = &wr_self_feed(r->self, index)->feed_id;
    wr_err err = reader_find_log(r, name, &log_id);
    if (err == WR_OK)
        err = store_get_bound(r->store, feed_id, log_id, ret_log_no);
    if (err == WR_OK) {
        r->own_len = name.len;
        memcpy(r->own_name, name.ptr, name.len);
        r->own_no = *ret_log_no;
    }
    if (err != WR_ERR_UNKNOWN)
        return err;
    WR_TRY(store_max_bound(r->store, feed_id, &next));
    if (next > WR_LOGS_MAX)
        return WR_ERR_LIMIT;
    *ret_next = (uint16_t)next;
    return WR_ERR_UNKNOWN;
}

/* ---- all logs ------------------------------------------------------------------------ */

typedef struct log_walk {
    reader *reader;
    hub_log_fn fn;
    void *ctx;
    uint32_t *waiting; /* tail entries by log_id */
    size_t waiting_count;
    uint64_t entries; /* of the log being counted */
} log_walk;

static wr_err count_log_ids(void *ctx, const store_log *log) {
    log_walk *walk = (log_walk *)ctx;
    if (log->log_id >= walk->waiting_count)
        walk->waiting_count = (size_t)log->log_id + 1;
    return WR_OK;
}

static wr_err count_waiting(void *ctx, const store_tail *tail) {
    log_walk *walk = (log_walk *)ctx;
    if (tail->log_id >= walk->waiting_count)
        return WR_ERR_CORRUPT;
    walk->waiting[tail->log_id]++;
    return WR_OK;
}

static wr_err count_bound(void *ctx, const wr_hash *feed_id, uint16_t log_no) {
    log_walk *walk = (log_walk *)ctx;
    uint64_t count;
    WR_TRY(store_log_count(walk->reader->store, feed_id, log_no, &count));
    walk->entries += count;
    return WR_OK;
}

static wr_err give_log(void *ctx, const store_log *log) {
    log_walk *walk = (log_walk *)ctx;
    uint8_t bytes[WR_NAME_BYTES_MAX];
    wr_buf name = WR_BUF_ARRAY(bytes);
    WR_TRY(open_log_name(walk->reader, log->name_sealed, &name));
    walk->entries = walk->waiting[log->log_id];
    WR_TRY(store_each_bound(walk->reader->store, log->log_id, count_bound, walk));
    hub_log give = {wr_buf_slice(&name), walk->entries};
    return walk->fn(walk->ctx, &give);
}

wr_err reader_each_log(reader *r, hub_log_fn fn, void *ctx) {
    log_walk walk = {.reader = r, .fn = fn, .ctx = ctx};
    WR_TRY(store_each_log(r->store, count_log_ids, &walk));
    if (walk.waiting_count == 0)
        return WR_OK;
    walk.waiting = (uint32_t *)calloc(walk.waiting_count, sizeof *walk.waiting);
    if (walk.waiting == NULL)
        return WR_ERR_NOMEM;
    wr_err err = store_each_tail(r->store, 0, count_waiting, &walk);
    if (err == WR_OK)
        err = store_each_log(r->store, give_log, &walk);
    free(walk.waiting);
    return err;
}

/* ---- the tail ------------------------------------------------------------------------ */

/* plain = flags u8 | content as in an entry */
#define TAIL_PLAIN_MAX (1u + WR_CONTENT_BYTES_MAX)
static const uint8_t tail_label[4] = {'t', 'a', 'i', 'l'};

static wr_slice tail_aad(uint64_t hlc, uint8_t aad[12]) {
    memcpy(aad, tail_label, sizeof tail_label);
    wr_store_u64(aad + 4, hlc);
    return wr_slice_of(aad, 12);
}

static wr_err put_tail_plain(wr_slice kind, wr_slice body, wr_buf *plain) {
    uint8_t flags;
    WR_TRY(wr_buf_put_u8(plain, 0));
    WR_TRY(wr_content_encode(kind, body, plain, &flags));
    plain->ptr[0] = flags;
    return WR_OK;
}

wr_err reader_seal_tail(reader *r, uint64_t hlc, wr_slice kind, wr_slice body, wr_buf *out) {
    uint8_t bytes[TAIL_PLAIN_MAX], aad[12];
    wr_buf plain = WR_BUF_ARRAY(bytes);
    wr_err err = put_tail_plain(kind, body, &plain);
    if (err == WR_OK)
        err = keystore_seal(&r->store_key, tail_aad(hlc, aad), wr_buf_slice(&plain),
                            wr_self_rng(r->self), out);
    wr_wipe(bytes, plain.len);
    return err;
}

wr_err reader_open_tail(reader *r, const store_tail *tail, wr_buf *scratch, wr_slice *ret_kind,
                        wr_slice *ret_body) {
    uint8_t aad[12];
    size_t at = scratch->len;
    WR_TRY(keystore_unseal(&r->store_key, tail_aad(tail->hlc, aad), tail->sealed, scratch));
    wr_slice plain = wr_slice_of(scratch->ptr + at, scratch->len - at);
    uint8_t flags;
    if (!wr_slice_take_u8(&plain, &flags))
        return WR_ERR_FORMAT;
    return wr_content_decode(flags, plain, ret_kind, ret_body);
}

/* ---- opening one entry --------------------------------------------------------------- */

void reader_batch_clear(reader_batch *batch) {
    batch->count = 0;
    batch->content = WR_BUF_ARRAY(batch->memory);
}

void reader_batch_free(reader_batch *batch) {
    if (batch == NULL)
        return;
    free(batch);
}

static bool is_ahead(uint64_t hlc, wr_wall now) {
    return (hlc >> 16) > now.ms && (hlc >> 16) - now.ms > WR_CLOCK_AHEAD_MS_MAX;
}

static void suspect(reader *r, const wr_feed *feed, const wr_entry *entry) {
    if (r->suspect)
        return;
    r->suspect = true;
    r->suspect_feed = feed;
    r->suspect_seq = entry->seq;
}

bool reader_is_message(reader *r, const wr_feed *feed, const wr_entry *entry, uint16_t log_no) {
    if (entry->log_no != log_no)
        return false;
    if ((entry->kind & WR_ENTRY_KIND_MASK) == WR_ENTRY_MESSAGE)
        return true;
    suspect(r, feed, entry);
    return false;
}

/* A body whose epoch is not held is as unreadable as one that does not open: the caller of a log
 * gets what there is to read, and a counter tells of the rest. */
void reader_open_entry(reader *r, const wr_feed *feed, const wr_entry *entry, wr_wall now,
                       wr_buf *content, reader_item *ret_item) {
    WR_ASSERT(wr_buf_room(content) >= entry->body_len);
    size_t at = content->len;
    reader_item item = {.entry = {.device = feed->device_id,
                                  .has_seq = true,
                                  .seq = entry->seq,
                                  .hlc = entry->hlc,
                                  .ahead = is_ahead(entry->hlc, now)}};
    wr_err err = wr_self_open(r->self, feed, entry, content);
    if (err == WR_OK)
        err = wr_content_decode(entry->kind, wr_slice_of(content->ptr + at, content->len - at),
                                &item.entry.kind, &item.entry.body);
    if (err != WR_OK) {
        content->len = at;
        r->skipped++;
    }
    if (err == WR_ERR_AUTH)
        suspect(r, feed, entry);
    item.readable = err == WR_OK;
    *ret_item = item;
}

void reader_open_waiting(reader *r, const store_tail *tail, wr_wall now, wr_buf *content,
                         reader_item *ret_item) {
    WR_ASSERT(wr_buf_room(content) >= tail->sealed.len);
    size_t at = content->len;
    reader_item item = {.entry = {.device = wr_self_identity(r->self)->device_id,
                                  .hlc = tail->hlc,
                                  .ahead = is_ahead(tail->hlc, now)}};
    wr_err err = reader_open_tail(r, tail, content, &item.entry.kind, &item.entry.body);
    if (err != WR_OK) {
        content->len = at;
        r->skipped++;
    }
    item.readable = err == WR_OK;
    *ret_item = item;
}

/* ---- is it the disk? -------------------------------------------------------------------- */

typedef struct chunk_check {
    const wr_feed *feed;
    uint64_t from, to;
    wr_tree tree; /* over [from, ..) */
} chunk_check;

static wr_err hash_row(void *ctx, const store_rows *rows) {
    chunk_check *check = (chunk_check *)ctx;
    wr_segment_reader segments;
    wr_entry entry;
    bool more = true;
    wr_segment_reader_init(&segments, rows->bytes, rows->first_seq);
    while (more) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more || entry.seq != check->from + check->tree.len)
            continue;
        wr_hash leaf = wr_entry_leaf(&check->feed->feed_id, &entry);
        wr_tree_append(&check->tree, &leaf, NULL);
    }
    return WR_OK;
}

/* What the tree says of the chunk: its node, or the right end of the tree. */
static wr_err signed_root(const reader *r, const chunk_check *check, wr_hash *ret_root) {
    if (check->to == check->feed->tree.len)
        return wr_tree_suffix_root(&check->feed->tree, check->from, ret_root);
    return store_get_node(r->store, &check->feed->feed_id, WR_CHUNK_LEVEL,
                          check->from / WR_CHUNK_ENTRIES, ret_root);
}

wr_err reader_check_suspect(reader *r) {
    if (!r->suspect)
        return WR_OK;
    r->suspect = false;
    uint64_t chunk = r->suspect_seq / WR_CHUNK_ENTRIES;
    if (r->sound_feed == r->suspect_feed && r->sound_chunk == chunk)
        return WR_OK;
    chunk_check check = {.feed = r->suspect_feed, .from = chunk * WR_CHUNK_ENTRIES};
    check.to = check.from + WR_CHUNK_ENTRIES;
    if (check.to > check.feed->tree.len)
        check.to = check.feed->tree.len;
    WR_TRY(store_each_rows(r->store, &check.feed->feed_id, check.from, check.to, hash_row, &check));
    wr_hash root = wr_tree_root(&check.tree), expected;
    if (check.tree.len != check.to - check.from || signed_root(r, &check, &expected) != WR_OK ||
        !wr_hash_equal(&root, &expected))
        return WR_ERR_CORRUPT;
    r->sound_feed = r->suspect_feed;
    r->sound_chunk = chunk;
    return WR_OK;
}

uint64_t reader_skipped(const reader *r) {
    return r->skipped;
}

/* ---- cursors ------------------------------------------------------------------------- */

_Static_assert(WR_BASE32_SIZE(READER_CURSOR_BYTES_MAX) < HUB_CURSOR_MAX, "a cursor fits its text");

void reader_cursor_text(const wr_buf *bytes, char ret_text[HUB_CURSOR_MAX]) {
    wr_buf text = wr_buf_of(ret_text, HUB_CURSOR_MAX - 1);
    wr_err err = wr_base32_encode(wr_buf_slice(bytes), &text);
    WR_ASSERT(err == WR_OK);
    ret_text[text.len] = '\0';
}

wr_err reader_cursor_bytes(wr_slice text, uint8_t type, size_t size, wr_buf *out) {
    WR_ASSERT(size <= wr_buf_room(out));
    size_t at = out->len;
    if (text.len != WR_BASE32_SIZE(size))
        return WR_ERR_FORMAT;
    WR_TRY(wr_base32_decode(text, out));
    if (out->len - at != size || out->ptr[at] != type)
        return WR_ERR_FORMAT;
    return WR_OK;
}
