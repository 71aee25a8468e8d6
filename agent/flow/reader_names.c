/* Control feeds applied: which log number means which log, and what devices are called.
 *
 *   content = [what, key, name]   what 0: key = u16 log number of the author's message feed
 *                                 what 1: key = device id; the newest (hlc, author) wins
 *
 * Names live in the store only, sealed, so a rolled back transaction leaves nothing to undo here:
 *
 *   "ctl"  || feed_id        -> u64: entries below it are done with
 *   "name" || device id      -> u64 hlc || author || sealed name
 *   "names"                  -> u32: how many of them
 *
 * Spec:   proto/spec/feed.md 7
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/reader_impl.h"

#include "base/text.h"
#include "wire/pack.h"

enum { NAMES_LOG = 0, NAMES_DEVICE = 1 };

/* Devices that may have a name: more than can be members, and a bound for what a member that went
 * mad can make us keep. */
#define NAMES_MAX (4u * WR_AUTHORS_MAX)
/* A binding with its padding is shorter; a longer one is none. */
#define BINDING_BYTES_MAX 1024u

/* ---- writing -------------------------------------------------------------------------- */

static wr_err encode(uint64_t what, wr_slice key, wr_slice name, wr_buf *out) {
    if (!wr_text_is_name(name))
        return WR_ERR_FORMAT;
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 3));
    WR_TRY(wr_pack_uint(&next, what));
    WR_TRY(wr_pack_bin(&next, key));
    WR_TRY(wr_pack_bin(&next, name));
    *out = next;
    return WR_OK;
}

wr_err reader_encode_bind(uint16_t log_no, wr_slice name, wr_buf *out) {
    uint8_t key[2];
    wr_store_u16(key, log_no);
    return encode(NAMES_LOG, wr_slice_of(key, sizeof key), name, out);
}

wr_err reader_encode_name(const wr_hash *device, wr_slice name, wr_buf *out) {
    return encode(NAMES_DEVICE, WR_SLICE_OBJ(*device), name, out);
}

/* ---- names of devices -------------------------------------------------------------------- */

#define NAME_VALUE_MAX (8u + WR_HASH_SIZE + KEYSTORE_SEAL_OVERHEAD + WR_NAME_BYTES_MAX)

typedef struct name_value {
    uint64_t hlc;
    wr_hash author;
    wr_slice sealed; /* in bytes */
    uint8_t bytes[NAME_VALUE_MAX];
} name_value;

static wr_err get_name(const reader *r, wr_slice key, name_value *ret_value) {
    wr_buf value = WR_BUF_ARRAY(ret_value->bytes);
    wr_err err = store_get_meta(r->store, key, &value);
    if (err == WR_ERR_NOBUF)
        return WR_ERR_CORRUPT;
    WR_TRY(err);
    wr_slice in = wr_buf_slice(&value), author;
    if (!wr_slice_take_u64(&in, &ret_value->hlc) || !wr_slice_take(&in, WR_HASH_SIZE, &author))
        return WR_ERR_CORRUPT;
    memcpy(ret_value->author.b, author.ptr, WR_HASH_SIZE);
    ret_value->sealed = in;
    return WR_OK;
}

void reader_device_name(const reader *r, const wr_hash *device, wr_buf *out) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    name_value value;
    if (reader_put_key(&key, "name", WR_SLICE_OBJ(*device)) != WR_OK ||
        get_name(r, wr_buf_slice(&key), &value) != WR_OK)
        return;
    /* A name that does not open is one we do not know: keystore_unseal appended nothing. */
    wr_err err = keystore_unseal(&r->store_key, wr_buf_slice(&key), value.sealed, out);
    (void)err;
}

/* One more device gets a name; false if there are too many. */
static wr_err count_name(reader *r, bool *ret_room) {
    wr_slice label = wr_slice_str("names");
    uint8_t bytes[8];
    wr_buf key = WR_BUF_ARRAY(bytes);
    uint64_t count;
    WR_TRY(wr_buf_put(&key, label));
    WR_TRY(reader_get_number(r, &key, 4, &count));
    *ret_room = count < NAMES_MAX;
    return *ret_room ? reader_put_u32(r, &key, (uint32_t)count + 1) : WR_OK;
}

/* ---- applying ---------------------------------------------------------------------------- */

typedef struct binding {
    uint64_t hlc;
    bool is_device;
    uint16_t log_no;
    wr_hash device;
    uint8_t name_len;
    uint8_t name[WR_NAME_BYTES_MAX];
} binding;

/* A store may not be written while it is read, so bindings are collected and then applied. */
#define BINDINGS_MAX 64u
typedef struct control_walk {
    reader *reader;
    const wr_feed *feed;
    uint64_t next;    /* first entry not looked at */
    uint64_t blocked; /* first entry whose epoch is missing; UINT64_MAX if none */
    uint32_t count;
    binding list[BINDINGS_MAX];
} control_walk;

static wr_err decode(wr_slice in, binding *ret_binding) {
    uint64_t what;
    wr_slice key, name;
    binding b = {0};
    WR_TRY(wr_unpack_array_of(&in, 3));
    WR_TRY(wr_unpack_uint_max(&in, NAMES_DEVICE, &what));
    WR_TRY(wr_unpack_bin(&in, &key));
    WR_TRY(wr_unpack_bin(&in, &name));
    b.is_device = what == NAMES_DEVICE;
    if (in.len != 0 || !wr_text_is_name(name))
        return WR_ERR_FORMAT;
    if (key.len != (b.is_device ? WR_HASH_SIZE : 2u))
        return WR_ERR_FORMAT;
    if (b.is_device)
        memcpy(b.device.b, key.ptr, WR_HASH_SIZE);
    else if (!wr_slice_take_u16(&key, &b.log_no))
        return WR_ERR_FORMAT;
    b.name_len = (uint8_t)name.len;
    memcpy(b.name, name.ptr, name.len);
    *ret_binding = b;
    return WR_OK;
}

static void look_at(control_walk *walk, const wr_entry *entry) {
    uint8_t bytes[BINDING_BYTES_MAX];
    wr_buf content = WR_BUF_ARRAY(bytes);
    if ((entry->kind & WR_ENTRY_KIND_MASK) != WR_ENTRY_BINDING || entry->erased)
        return;
    wr_err err = wr_self_open(walk->reader->self, walk->feed, entry, &content);
    if (err == WR_ERR_UNKNOWN && walk->blocked == UINT64_MAX)
        walk->blocked = entry->seq;
    if (err != WR_OK)
        return;
    wr_slice kind, body;
    binding *b = &walk->list[walk->count];
    if (wr_content_decode(entry->kind, wr_buf_slice(&content), &kind, &body) != WR_OK ||
        decode(body, b) != WR_OK)
        return;
    b->hlc = entry->hlc;
    walk->count++;
}

static wr_err collect(void *ctx, const store_rows *rows) {
    control_walk *walk = (control_walk *)ctx;
    wr_segment_reader segments;
    wr_entry entry;
    bool more;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    for (;;) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        if (!more)
            return WR_OK;
        if (entry.seq < walk->next)
            continue;
        if (walk->count == BINDINGS_MAX)
            return WR_ERR_CLOSED;
        look_at(walk, &entry);
        walk->next = entry.seq + 1;
    }
}

/* The first number bound to a log counts, and so does the first log bound to a number: a feed has
 * one place in a log's order. */
static wr_err apply_log(reader *r, const wr_feed *control, const binding *b, bool *ret_changed) {
    uint32_t index, log_id;
    uint16_t bound;
    if (!wr_self_device_feed(r->self, &control->device_id, 0, &index))
        return WR_OK;
    const wr_hash *feed_id = &wr_self_feed(r->self, index)->feed_id;
    WR_TRY(reader_log_id(r, wr_slice_of(b->name, b->name_len), &log_id));
    wr_err err = store_get_bound(r->store, feed_id, log_id, &bound);
    if (err != WR_ERR_UNKNOWN)
        return err;
    err = store_bind_log(r->store, feed_id, b->log_no, log_id);
    if (err == WR_ERR_EXISTS)
        return WR_OK;
    WR_TRY(err);
    *ret_changed = true;
    return reader_note_late(r, log_id, feed_id, b->log_no);
}

static bool is_newer(const binding *b, const wr_hash *author, const name_value *old) {
    if (b->hlc != old->hlc)
        return b->hlc > old->hlc;
    return wr_hash_order(author, &old->author) > 0;
}

static wr_err apply_name(reader *r, const wr_hash *author, const binding *b, bool *ret_changed) {
    uint8_t bytes[STORE_KEY_MAX], value_bytes[NAME_VALUE_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes), value = WR_BUF_ARRAY(value_bytes);
    name_value old;
    bool room = true;
    WR_TRY(reader_put_key(&key, "name", WR_SLICE_OBJ(b->device)));
    wr_err err = get_name(r, wr_buf_slice(&key), &old);
    if (err == WR_ERR_UNKNOWN)
        err = count_name(r, &room);
    else if (err == WR_OK)
        room = is_newer(b, author, &old);
    WR_TRY(err);
    if (!room)
        return WR_OK;
    WR_TRY(wr_buf_put_u64(&value, b->hlc));
    WR_TRY(wr_buf_put(&value, WR_SLICE_OBJ(*author)));
    WR_TRY(keystore_seal(&r->store_key, wr_buf_slice(&key), wr_slice_of(b->name, b->name_len),
                         wr_self_rng(r->self), &value));
    *ret_changed = true;
    return store_put_meta(r->store, wr_buf_slice(&key), wr_buf_slice(&value));
}

static wr_err apply_collected(control_walk *walk, bool *ret_changed) {
    for (uint32_t i = 0; i < walk->count; i++) {
        const binding *b = &walk->list[i];
        if (b->is_device)
            WR_TRY(apply_name(walk->reader, &walk->feed->device_id, b, ret_changed));
        else
            WR_TRY(apply_log(walk->reader, walk->feed, b, ret_changed));
    }
    walk->count = 0;
    return WR_OK;
}

/* An entry that cannot be opened yet holds back the mark but not what follows: applying an entry
 * again changes nothing. */
static wr_err apply_feed(reader *r, const wr_feed *feed, uint64_t len, bool *ret_changed) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    uint64_t done;
    WR_TRY(reader_put_key(&key, "ctl", WR_SLICE_OBJ(feed->feed_id)));
    WR_TRY(reader_get_number(r, &key, 8, &done));
    control_walk walk = {.reader = r, .feed = feed, .next = done, .blocked = UINT64_MAX};
    while (walk.next < len) {
        uint64_t before = walk.next;
        WR_TRY(store_each_rows(r->store, &feed->feed_id, walk.next, len, collect, &walk));
        WR_TRY(apply_collected(&walk, ret_changed));
        if (walk.next == before)
            return WR_ERR_CORRUPT;
    }
    uint64_t mark = walk.blocked < walk.next ? walk.blocked : walk.next;
    return mark == done ? WR_OK : reader_put_u64(r, &key, mark);
}

/* ---- feeds whose writer is out ---- */

static wr_err accepted_key(const wr_hash *feed_id, wr_buf *key) {
    return reader_put_key(key, "acc", WR_SLICE_OBJ(*feed_id));
}

wr_err reader_shown(reader *r, const wr_feed *feed, uint64_t *ret_len) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    uint64_t accepted = 0;
    wr_limit limit = wr_graph_limit(wr_self_graph(r->self), &feed->device_id, &feed->feed_id);
    if (limit.shown != UINT64_MAX) {
        WR_TRY(accepted_key(&feed->feed_id, &key));
        WR_TRY(reader_get_number(r, &key, 8, &accepted));
    }
    *ret_len = accepted > limit.shown ? accepted : limit.shown;
    return WR_OK;
}

wr_err reader_accept(reader *r, const wr_feed *feed, uint64_t len) {
    uint8_t bytes[STORE_KEY_MAX];
    wr_buf key = WR_BUF_ARRAY(bytes);
    WR_TRY(accepted_key(&feed->feed_id, &key));
    return reader_put_u64(r, &key, len);
}

wr_err reader_apply(reader *r, bool *ret_changed) {
    bool changed = false;
    uint32_t epochs = wr_keyring_count(wr_self_keyring(r->self));
    for (uint32_t i = 0; i < wr_self_feed_count(r->self); i++) {
        const wr_feed *feed = wr_self_feed(r->self, i);
        uint64_t len, shown;
        if (feed->stream != 1)
            continue;
        WR_TRY(store_feed_len(r->store, &feed->feed_id, &len));
        WR_TRY(reader_shown(r, feed, &shown));
        len = len < shown ? len : shown;
        if (len == r->seen[i] && epochs == r->seen_epochs)
            continue;
        WR_TRY(apply_feed(r, feed, len, &changed));
        r->seen[i] = len;
    }
    r->seen_epochs = epochs;
    WR_TRY(reader_late_epochs(r, &changed));
    WR_TRY(reader_late_limits(r, &changed));
    *ret_changed = changed;
    return WR_OK;
}
