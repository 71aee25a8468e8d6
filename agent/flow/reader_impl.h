/* What the reader's own files share: the struct behind the handle, batches, small helpers.
 *
 * Layer:  flow, private to reader*.c
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_READER_IMPL_H
#define FLOW_READER_IMPL_H

#include "flow/reader.h"

struct reader {
    wr_self *self;
    store *store;
    wr_key store_key; /* a copy, wiped at the end */
    /* The log of our own feed that was asked for last: most appends go where the one before went.
     */
    size_t own_len;
    uint8_t own_name[WR_NAME_BYTES_MAX];
    uint16_t own_no;
    uint64_t skipped; /* entries of logs that did not open, since the start */
    /* How far each control feed was looked at, and with how many epochs: what has not changed since
     * is not looked at again.  Only the store's own mark says what was applied. */
    uint64_t seen[WR_FEEDS_MAX];
    uint32_t seen_epochs;
    uint32_t keys_known; /* of the keyring: entries under later ones were given by nobody */
    /* How much of each feed counted when that was last noted. */
    uint32_t noted_count;
    uint64_t noted[WR_FEEDS_MAX];
    /* What was here when somebody who follows a log looked last. */
    bool looked;
    uint64_t looked_arrival, looked_len[WR_FEEDS_MAX];
    /* The first entry of this call that its keys did not open: its writer's fault, or the disk's.
     * And the chunk that was last found to be as it was signed. */
    bool suspect;
    const wr_feed *suspect_feed, *sound_feed;
    uint64_t suspect_seq, sound_chunk;
};

/* After a call that opened entries: CORRUPT if a suspect's chunk is not what was signed. */
WR_MUST wr_err reader_check_suspect(reader *reader);

/* A feed writes to a log under one number: the first that was bound to it. */
#define READER_SOURCES_MAX WR_FEEDS_MAX

/* Opened entries on their way to the caller; content lives in memory, which never moves. */
#define READER_BATCH_ENTRIES 512u
#define READER_BATCH_BYTES (256u * 1024u)
typedef struct reader_item {
    hub_entry entry;
    bool readable;
} reader_item;
typedef struct reader_batch {
    uint32_t count;
    wr_buf content;
    reader_item items[READER_BATCH_ENTRIES];
    uint8_t memory[READER_BATCH_BYTES];
} reader_batch;
void reader_batch_clear(reader_batch *batch);
void reader_batch_free(reader_batch *batch);
WR_DEFINE_FREEP(reader_batch, reader_batch_free)

/* Opens an entry into item; what does not open is counted and left unreadable.  content has room
 * for the entry's body_len. */
void reader_open_entry(reader *reader, const wr_feed *feed, const wr_entry *entry, wr_wall now,
                       wr_buf *content, reader_item *ret_item);
/* The same for a tail entry. */
void reader_open_waiting(reader *reader, const store_tail *tail, wr_wall now, wr_buf *content,
                         reader_item *ret_item);
/* Is it a message of the log?  One of another kind is none, but a suspect: damage looks like that.
 */
WR_MUST bool reader_is_message(reader *reader, const wr_feed *feed, const wr_entry *entry,
                               uint16_t log_no);

/* The log of that name.  FORMAT: no name; UNKNOWN: no such log. */
WR_MUST wr_err reader_find_log(reader *reader, wr_slice name, uint32_t *ret_log_id);

/* Cursors: base32 of a type byte and fixed fields.  FORMAT. */
#define READER_CURSOR_BYTES_MAX 64u
void reader_cursor_text(const wr_buf *bytes, char ret_text[HUB_CURSOR_MAX]);
WR_MUST wr_err reader_cursor_bytes(wr_slice text, uint8_t type, size_t size, wr_buf *out);

/* Small values of the store: keys are a label and an id; absent numbers are zero. */
WR_MUST wr_err reader_put_key(wr_buf *key, const char *label, wr_slice rest);
WR_MUST wr_err reader_get_number(reader *reader, const wr_buf *key, size_t size,
                                 uint64_t *ret_value);
WR_MUST wr_err reader_put_u32(reader *reader, const wr_buf *key, uint32_t value);
WR_MUST wr_err reader_put_u64(reader *reader, const wr_buf *key, uint64_t value);

/* The k-th case of a log (reader_late.c, reader_limits.c): entries of feed, below seq len, that who
 * follows the log has passed without being given them. */
typedef enum reader_case {
    READER_UNNAMED, /* all: nobody knew that they belong to this log */
    READER_UNREAD,  /* those under .tag: its secret was not here */
    READER_HIDDEN, /* none: their writer goes out, and those below len were given while it was in */
    READER_SHOWN,  /* from .from on: they count after all */
} reader_case;
typedef struct reader_late {
    reader_case type;
    wr_hash feed_id;
    uint16_t log_no;
    uint64_t len;
    uint8_t tag[WR_EPOCH_TAG_SIZE];
    uint64_t arrival; /* HIDDEN: the newest that anybody was given then */
    uint64_t from;
    uint32_t hidden; /* SHOWN: the HIDDEN case before it; READER_NO_CASE: there is none */
} reader_late;
#define READER_NO_CASE UINT32_MAX
/* A number of a feed was bound to the log just now. */
WR_MUST wr_err reader_note_late(reader *reader, uint32_t log_id, const wr_hash *feed_id,
                                uint16_t log_no);
/* Secrets came since the last call: what was stored under them before. */
WR_MUST wr_err reader_late_epochs(reader *reader, bool *ret_changed);
WR_MUST wr_err reader_late_count(reader *reader, uint32_t log_id, uint32_t *ret_count);
WR_MUST wr_err reader_late_get(reader *reader, uint32_t log_id, uint32_t k, reader_late *ret_late);
WR_MUST wr_err reader_late_put(reader *reader, uint32_t log_id, const reader_late *late);
/* All logs that a feed writes to. */
typedef wr_err (*reader_bound_fn)(void *ctx, uint32_t log_id, uint16_t log_no);
WR_MUST wr_err reader_each_bound(reader *reader, const wr_hash *feed_id, reader_bound_fn fn,
                                 void *ctx);
/* How much counts of feeds has changed, perhaps (reader_limits.c). */
WR_MUST wr_err reader_late_limits(reader *reader, bool *ret_changed);
/* Who follows logs has been given what is here now. */
WR_MUST wr_err reader_looked(reader *reader);

#endif /* FLOW_READER_IMPL_H */
