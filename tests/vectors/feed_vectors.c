/* feed-vectors FILE..: what gen_feed.py made from the specification, against proto/feed.
 *
 * A file is {"feed_id": [..], "padme": [..], "leaf": [..], "root": [..], "proof": [..],
 * "segment": [..], "checkpoint": [..], "unit": [..], "frontier": [..]}; each vector counts once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/feed.h"
#include "feed/frontier.h"
#include "vectors/json.h"

#include "crypto/crypto.h"

#include <stdlib.h>

#define ENTRIES_MAX 64u
#define SEGMENT_BYTES_MAX 65536u

static bool hash_at(const json_t *object, const char *key, wr_hash *out) {
    return vec_hex_exact(object, key, out->b, sizeof out->b);
}

static bool num_at(const json_t *object, const char *key, uint64_t *ret_value) {
    uint8_t bytes[8];
    if (!vec_hex_exact(object, key, bytes, sizeof bytes))
        return false;
    *ret_value = wr_load_u64(bytes);
    return true;
}

static uint64_t int_at(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* The list of hashes under key; false if it is longer than max or anything else. */
static bool hashes_at(const json_t *object, const char *key, wr_hash *list, uint32_t max,
                      uint32_t *ret_count) {
    const json_t *array = json_object_get(object, key), *item;
    size_t index;
    if (!json_is_array(array) || json_array_size(array) > max)
        return false;
    json_array_foreach(array, index, item) {
        wr_slice bytes;
        if (!vec_hex(item, &bytes) || bytes.len != WR_HASH_SIZE)
            return false;
        memcpy(list[index].b, bytes.ptr, WR_HASH_SIZE);
    }
    *ret_count = (uint32_t)json_array_size(array);
    return true;
}

static bool says(const json_t *vector, const char *result) {
    return strcmp(vec_text_at(vector, "result"), result) == 0;
}

/* ---- entries ------------------------------------------------------------------------------ */

static bool check_feed_id(const json_t *vector) {
    wr_hash circle, device, want;
    wr_feed feed;
    if (!hash_at(vector, "circle_id", &circle) || !hash_at(vector, "device_id", &device) ||
        !hash_at(vector, "feed_id", &want))
        return false;
    wr_feed_init(&feed, &circle, &device, (uint32_t)int_at(vector, "stream"));
    return wr_hash_equal(&feed.feed_id, &want);
}

static bool check_padme(const json_t *vector) {
    return wr_entry_sealed_len(int_at(vector, "content_len")) == int_at(vector, "body_len");
}

static bool read_entry(const json_t *vector, wr_entry *entry) {
    *entry = (wr_entry){.kind = (uint8_t)int_at(vector, "kind"),
                        .log_no = (uint16_t)int_at(vector, "log_no"),
                        .body_len = (uint32_t)int_at(vector, "body_len"),
                        .erased = json_is_true(json_object_get(vector, "erased"))};
    return num_at(vector, "seq", &entry->seq) && num_at(vector, "hlc", &entry->hlc) &&
           num_at(vector, "expire", &entry->expire) &&
           vec_hex_exact(vector, "epoch_tag", entry->epoch_tag, sizeof entry->epoch_tag) &&
           vec_hex_exact(vector, "nonce", entry->nonce, sizeof entry->nonce) &&
           vec_hex_at(vector, "body", &entry->body) &&
           hash_at(vector, "body_hash", &entry->body_hash);
}

/* The leaf, and that header and body hash are those whose hash it is. */
static bool check_leaf_of(const json_t *vector, const wr_hash *feed_id) {
    wr_entry entry;
    wr_hash want;
    wr_slice header;
    if (!read_entry(vector, &entry) || !hash_at(vector, "leaf", &want) ||
        !vec_hex_at(vector, "header", &header) || header.len != WR_ENTRY_HEADER_SIZE)
        return false;
    wr_hash leaf = wr_entry_leaf(feed_id, &entry);
    wr_hash of_header = wr_hash_of2(WR_LABEL_LEAF, WR_SLICE_OBJ(*feed_id), header);
    wr_hash body = entry.erased ? entry.body_hash : wr_hash_of(WR_LABEL_BODY, entry.body);
    return wr_hash_equal(&leaf, &want) && wr_hash_equal(&of_header, &want) &&
           wr_hash_equal(&body, &entry.body_hash);
}

static bool check_leaf(const json_t *vector) {
    wr_hash feed_id;
    return hash_at(vector, "feed_id", &feed_id) && check_leaf_of(vector, &feed_id);
}

/* ---- segments ----------------------------------------------------------------------------- */

static bool same_entry(const wr_entry *got, const wr_entry *want) {
    return got->kind == want->kind && got->log_no == want->log_no && got->seq == want->seq &&
           got->hlc == want->hlc && got->expire == want->expire && got->erased == want->erased &&
           got->body_len == want->body_len && wr_order(got->body, want->body) == 0 &&
           (!got->erased || wr_hash_equal(&got->body_hash, &want->body_hash)) &&
           wr_order(wr_slice_of(got->nonce, WR_XNONCE_SIZE),
                    wr_slice_of(want->nonce, WR_XNONCE_SIZE)) == 0 &&
           wr_order(wr_slice_of(got->epoch_tag, WR_EPOCH_TAG_SIZE),
                    wr_slice_of(want->epoch_tag, WR_EPOCH_TAG_SIZE)) == 0;
}

/* Encodes entries with a new segment where epoch or chunk change. */
static wr_err encode(const wr_entry *entries, uint32_t count, wr_buf *out) {
    wr_segment_writer writer;
    for (uint32_t i = 0; i < count; i++) {
        bool fresh = i == 0 || entries[i].seq % WR_CHUNK_ENTRIES == 0 ||
                     wr_order(wr_slice_of(entries[i].epoch_tag, WR_EPOCH_TAG_SIZE),
                              wr_slice_of(entries[i - 1].epoch_tag, WR_EPOCH_TAG_SIZE)) != 0;
        if (fresh && i != 0)
            wr_segment_end(&writer);
        if (fresh)
            WR_TRY(wr_segment_begin(&writer, out, entries[i].epoch_tag, entries[i].hlc));
        WR_TRY(wr_segment_add(&writer, &entries[i]));
    }
    if (count > 0)
        wr_segment_end(&writer);
    return WR_OK;
}

/* Reads all of bytes; counts what was read, and compares it with entries. */
static wr_err decode(wr_slice bytes, uint64_t first_seq, const wr_entry *entries, uint32_t count,
                     bool *ret_same) {
    wr_segment_reader reader;
    wr_segment_reader_init(&reader, bytes, first_seq);
    bool same = true;
    for (uint32_t i = 0;; i++) {
        wr_entry entry;
        bool more;
        WR_TRY(wr_segment_next(&reader, &entry, &more));
        if (!more) {
            *ret_same = same && i == count;
            return WR_OK;
        }
        same = same && i < count && same_entry(&entry, &entries[i]);
    }
}

static bool check_segment(const json_t *vector) {
    static uint8_t again[SEGMENT_BYTES_MAX];
    static wr_entry entries[ENTRIES_MAX];
    const json_t *list = json_object_get(vector, "entries"), *item;
    wr_buf out = WR_BUF_ARRAY(again);
    wr_slice bytes;
    wr_hash feed_id;
    uint64_t first_seq;
    size_t index;
    bool same;
    if (!hash_at(vector, "feed_id", &feed_id) || !num_at(vector, "first_seq", &first_seq) ||
        !vec_hex_at(vector, "bytes", &bytes) || json_array_size(list) > ENTRIES_MAX)
        return false;
    if (says(vector, "refused"))
        return decode(bytes, first_seq, NULL, 0, &same) != WR_OK;
    json_array_foreach(list, index, item) {
        if (!read_entry(item, &entries[index]) || !check_leaf_of(item, &feed_id))
            return false;
    }
    uint32_t count = (uint32_t)json_array_size(list);
    return decode(bytes, first_seq, entries, count, &same) == WR_OK && same &&
           encode(entries, count, &out) == WR_OK && wr_order(wr_buf_slice(&out), bytes) == 0;
}

/* ---- tree --------------------------------------------------------------------------------- */

static bool check_root(const json_t *vector) {
    wr_tree tree = {0};
    wr_hash want;
    if (!hash_at(vector, "root", &want))
        return false;
    while (tree.len < int_at(vector, "n")) {
        uint8_t number[8];
        wr_store_u64(number, tree.len);
        wr_hash leaf = wr_hash_of(WR_LABEL_LEAF, wr_slice_of(number, sizeof number));
        wr_tree_append(&tree, &leaf, NULL);
    }
    wr_hash root = wr_tree_root(&tree);
    return wr_hash_equal(&root, &want);
}

static bool check_proof(const json_t *vector) {
    wr_hash root, hash, path[WR_PROOF_HASHES_MAX];
    uint64_t n, a, b;
    uint32_t count;
    if (!hash_at(vector, "root", &root) || !hash_at(vector, "hash", &hash) ||
        !num_at(vector, "n", &n) || !num_at(vector, "a", &a) || !num_at(vector, "b", &b) ||
        !hashes_at(vector, "path", path, WR_PROOF_HASHES_MAX, &count))
        return false;
    wr_err err = wr_tree_verify(&root, n, a, b, &hash, path, count);
    return (err == WR_OK && says(vector, "ok")) || (err == WR_ERR_AUTH && says(vector, "auth")) ||
           (err == WR_ERR_FORMAT && says(vector, "format"));
}

/* ---- checkpoints, units, frontiers -------------------------------------------------------- */

static bool read_checkpoint(const json_t *vector, wr_checkpoint *cp) {
    return hash_at(vector, "feed_id", &cp->feed_id) && num_at(vector, "k", &cp->k) &&
           hash_at(vector, "prev", &cp->prev) && num_at(vector, "len", &cp->len) &&
           hash_at(vector, "root", &cp->root) && num_at(vector, "hlc", &cp->hlc) &&
           hashes_at(vector, "mheads", cp->mheads, WR_OP_PARENTS_MAX, &cp->mhead_count) &&
           hash_at(vector, "seen", &cp->seen);
}

static bool check_checkpoint(const json_t *vector) {
    wr_checkpoint cp, want;
    wr_hash hash;
    wr_slice bytes;
    if (!vec_hex_at(vector, "bytes", &bytes) || !hash_at(vector, "hash", &hash))
        return false;
    wr_hash got = wr_hash_of(WR_LABEL_CHECKPOINT, bytes);
    wr_err err = wr_checkpoint_decode(bytes, &cp);
    if (says(vector, "refused"))
        return err != WR_OK && wr_hash_equal(&got, &hash);
    if (err != WR_OK || !says(vector, "ok") || !read_checkpoint(vector, &want))
        return false;
    uint8_t encoded[2][WR_CHECKPOINT_BYTES_MAX];
    wr_buf decoded = WR_BUF_ARRAY(encoded[0]), named = WR_BUF_ARRAY(encoded[1]);
    return wr_checkpoint_encode(&cp, &decoded) == WR_OK &&
           wr_checkpoint_encode(&want, &named) == WR_OK &&
           wr_order(wr_buf_slice(&decoded), bytes) == 0 &&
           wr_order(wr_buf_slice(&named), bytes) == 0 && wr_hash_equal(&got, &hash);
}

static bool take_unit(wr_feed *feed, const json_t *vector) {
    static wr_rows rows;
    wr_hash path[WR_PROOF_HASHES_MAX], want;
    wr_unit unit = {.path = path};
    if (!num_at(vector, "first", &unit.first) || !num_at(vector, "lo", &unit.lo) ||
        !num_at(vector, "end", &unit.end) || !vec_hex_at(vector, "entries", &unit.entries) ||
        !hashes_at(vector, "path", path, WR_PROOF_HASHES_MAX, &unit.path_count) ||
        !hash_at(vector, "root", &want) || wr_feed_take(feed, &unit, &rows) != WR_OK)
        return false;
    wr_hash root = wr_tree_root(&feed->tree);
    return wr_hash_equal(&root, &want);
}

/* A new device that has accepted the checkpoint takes all units, and has all of the feed then. */
static bool check_unit(const json_t *vector) {
    wr_hash circle, device;
    wr_slice bytes;
    wr_checkpoint cp;
    wr_feed feed;
    const wr_sig none = {{0}};
    const json_t *units = json_object_get(vector, "units"), *unit;
    size_t index;
    if (!hash_at(vector, "circle_id", &circle) || !hash_at(vector, "device_id", &device) ||
        !vec_hex_at(vector, "checkpoint", &bytes) || wr_checkpoint_decode(bytes, &cp) != WR_OK)
        return false;
    wr_feed_init(&feed, &circle, &device, (uint32_t)int_at(vector, "stream"));
    wr_feed_accept(&feed, &cp, bytes, &none);
    json_array_foreach(units, index, unit) {
        if (!take_unit(&feed, unit))
            return false;
    }
    return wr_hash_equal(&cp.feed_id, &feed.feed_id) && wr_feed_complete(&feed);
}

static bool check_frontier(const json_t *vector) {
    wr_frontier_item list[8];
    const json_t *items = json_object_get(vector, "items"), *item;
    wr_hash want;
    size_t index;
    if (!hash_at(vector, "digest", &want) || json_array_size(items) > WR_COUNT(list))
        return false;
    json_array_foreach(items, index, item) {
        if (!hash_at(item, "feed_id", &list[index].feed_id) || !num_at(item, "k", &list[index].k) ||
            !num_at(item, "len", &list[index].len) || !hash_at(item, "root", &list[index].root))
            return false;
    }
    wr_hash digest = wr_frontier_digest(list, (uint32_t)json_array_size(items));
    return wr_hash_equal(&digest, &want);
}

static const struct {
    const char *group;
    bool (*check)(const json_t *vector);
} groups[] = {
    {"feed_id", check_feed_id},
    {"padme", check_padme},
    {"leaf", check_leaf},
    {"root", check_root},
    {"proof", check_proof},
    {"segment", check_segment},
    {"checkpoint", check_checkpoint},
    {"unit", check_unit},
    {"frontier", check_frontier},
};

static void run_file(const json_t *root, vec_tally *tally) {
    for (size_t i = 0; i < WR_COUNT(groups); i++) {
        const json_t *vectors = json_object_get(root, groups[i].group), *vector;
        size_t index;
        if (json_array_size(vectors) == 0)
            vec_fail(tally, "no vectors of %s", groups[i].group);
        json_array_foreach(vectors, index, vector) {
            vec_reset();
            vec_check(tally, groups[i].check(vector), "%s %zu", groups[i].group, index);
        }
    }
}

int main(int argc, char **argv) {
    return wr_crypto_init() == WR_OK ? vec_main(argc, argv, run_file) : EXIT_FAILURE;
}
