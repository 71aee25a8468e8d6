/* Entries: the 96-byte header that is hashed, the body that is sealed, and the compact segments
 * in which entries are stored and sent.
 *
 *   segment = epoch_tag 8 | hlc u64 | count u16 | len u32 | entries (len bytes)
 *   entry   = form u8 | kind u8 | [log_no varint] | [hlc step varint] | [expire u64]
 *             | body_len varint | nonce 24 | body
 *
 * What follows from the position of an entry (version, seq, epoch, body hash) is not sent; log_no
 * and the clock are sent as what changed.  A sequence of segments is itself such a sequence, so
 * rows of the store may be joined by concatenation.
 *
 * Spec:   proto/spec/feed.md 1 to 3
 * Layer:  feed
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_FEED_ENTRY_H
#define WR_FEED_ENTRY_H

#include "base/base.h"
#include "base/limits.h"
#include "circle/keyring.h"

typedef enum wr_entry_kind {
    WR_ENTRY_MESSAGE = 0,
    WR_ENTRY_TOMBSTONE = 1,
    WR_ENTRY_SNAPSHOT = 2,
    WR_ENTRY_BINDING = 3, /* control stream: names */
    WR_ENTRY_KEY = 4,
    WR_ENTRY_BLOB = 5,
    WR_ENTRY_MARKER = 6,
    WR_ENTRY_KEYUPD = 7, /* control stream: a new box key (circle.md 3.6) */
} wr_entry_kind;
#define WR_ENTRY_KIND_MASK 0x0fu
#define WR_ENTRY_HAS_APP_KIND 0x80u /* content is [kind, body], canonical msgpack of two bins */

#define WR_ENTRY_HEADER_SIZE 96u
#define WR_EPOCH_TAG_SIZE 8u

typedef struct wr_entry {
    uint8_t kind; /* wr_entry_kind and flags */
    uint16_t log_no;
    uint64_t seq;
    uint64_t hlc;
    uint64_t expire; /* hlc; 0 = never */
    uint8_t epoch_tag[WR_EPOCH_TAG_SIZE];
    uint8_t nonce[WR_XNONCE_SIZE];
    bool erased;       /* the body is gone; body_hash stands for it */
    uint32_t body_len; /* of the ciphertext, also once it is erased */
    wr_slice body;     /* ciphertext; borrowed */
    wr_hash body_hash; /* valid only if erased; else wr_entry_leaf computes it */
} wr_entry;

/* leaf = H("warren.leaf.1", feed_id || header) */
wr_hash wr_entry_leaf(const wr_hash *feed_id, const wr_entry *entry);

/* ---- bodies (feed.md 3) ------------------------------------------------------------- */

/* Bytes of ciphertext for content of this length. */
size_t wr_entry_sealed_len(size_t content_len);
/* The longest content: a body and an app kind with their msgpack heads. */
#define WR_CONTENT_BYTES_MAX (WR_BODY_BYTES_MAX + WR_NAME_BYTES_MAX + 16u)
/* Seals content for the header fields of entry (kind, log_no, seq, hlc, expire, epoch_tag set),
 * appends the ciphertext to out and fills nonce, body_len and body.
 *   LIMIT   content is above WR_CONTENT_BYTES_MAX
 *   NOBUF   out is too small; nothing appended */
WR_MUST wr_err wr_entry_seal(const wr_feed_keys *keys, const wr_hash *feed_id,
                             const wr_hash *epoch_id, const wr_rng *rng, wr_slice content,
                             wr_entry *entry, wr_buf *out);
/* Appends the content to out.
 *   AUTH     anything that does not open, whatever the reason
 *   UNKNOWN  the body is erased
 *   NOBUF    out has no room for the padded content (body_len is always enough)
 * On error nothing is appended. */
WR_MUST wr_err wr_entry_open(const wr_feed_keys *keys, const wr_hash *feed_id,
                             const wr_hash *epoch_id, const wr_entry *entry, wr_buf *out);
/* content of an entry with an app kind, and back.  kind may be empty: content is body then. */
WR_MUST wr_err wr_content_encode(wr_slice kind, wr_slice body, wr_buf *out, uint8_t *ret_flags);
WR_MUST wr_err wr_content_decode(uint8_t entry_kind, wr_slice content, wr_slice *ret_kind,
                                 wr_slice *ret_body);

/* ---- segments (feed.md 2) ------------------------------------------------------------- */

#define WR_SEGMENT_HEADER_SIZE 22u
#define WR_ENTRY_FIELDS_MAX 64u /* an encoded entry without its body */

/* Appends entries of one epoch to out, one segment. */
typedef struct wr_segment_writer {
    wr_buf *out;
    size_t at; /* where the segment starts in out */
    uint32_t count;
    uint16_t log_no;
    uint64_t hlc;
} wr_segment_writer;
/* NOBUF.  hlc is the first entry's. */
WR_MUST wr_err wr_segment_begin(wr_segment_writer *writer, wr_buf *out,
                                const uint8_t epoch_tag[WR_EPOCH_TAG_SIZE], uint64_t hlc);
/* hlc must grow.  NOBUF: nothing was added. */
WR_MUST wr_err wr_segment_add(wr_segment_writer *writer, const wr_entry *entry);
/* Fills in count and length; at least one entry was added. */
void wr_segment_end(wr_segment_writer *writer);

/* Takes a whole segment off in, without looking into it.  FORMAT, TRUNCATED. */
WR_MUST wr_err wr_segment_pass(wr_slice *in, uint8_t ret_epoch_tag[WR_EPOCH_TAG_SIZE],
                               uint32_t *ret_count);

/* Reads a sequence of segments; seq counts up from first_seq. */
typedef struct wr_segment_reader {
    wr_slice in;      /* after the current segment's entries */
    wr_slice entries; /* of the current segment */
    uint32_t left;    /* entries left in it */
    uint8_t epoch_tag[WR_EPOCH_TAG_SIZE];
    uint16_t log_no;
    uint64_t hlc;
    bool first; /* the next entry is a segment's first */
    uint64_t seq;
} wr_segment_reader;
void wr_segment_reader_init(wr_segment_reader *reader, wr_slice bytes, uint64_t first_seq);
/* The next entry; false at the end.  FORMAT, TRUNCATED, LIMIT: the bytes are bad from here on. */
WR_MUST wr_err wr_segment_next(wr_segment_reader *reader, wr_entry *ret_entry, bool *ret_more);

#endif /* WR_FEED_ENTRY_H */
