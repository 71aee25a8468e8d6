/* From stored, encrypted rows to entries an app can read: names, mesh order, arrival order.
 *
 * Control feeds are applied as they arrive (reader_apply): their bindings say which log number of
 * which feed means which log name, and what devices are called.  Names never stand in clear in the
 * store: they are sealed under the store key and found by a keyed hash.
 *
 *   log order: (hlc, device id, seq), a merge over the feeds that write to the log and the tail
 *
 * Spec:   proto/spec/feed.md 7 (control stream), 6.4 (order)
 * Layer:  flow
 * Owner:  the hub has one; it borrows self and store.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_READER_H
#define FLOW_READER_H

#include "engine/self.h"
#include "flow/hub.h"
#include "store/store.h"

typedef struct reader reader;

/* store_key seals names and the tail (device.key); the reader keeps a copy.  After a rollback of a
 * transaction in which reader_apply was called the reader is thrown away, as the self is. */
WR_MUST wr_err reader_new(wr_self *self, store *store, const wr_key *store_key,
                          reader **ret_reader);
void reader_free(reader *reader); /* NULL is fine */

/* Applies what is new in control feeds, from the store, within the open transaction: binds logs,
 * learns names.  Remembers per feed how far it got; what cannot be opened yet (epoch missing) is
 * tried again next time.  ret_changed: a device's name changed, or a log was bound, so that there
 * may be more to read.  Call after rows of stream 1 were put or epochs came. */
WR_MUST wr_err reader_apply(reader *reader, bool *ret_changed);

/* A row of a message feed was put, within the open transaction.  Call it for each: entries whose
 * key is not held yet are given to subscribers when it comes. */
WR_MUST wr_err reader_came(reader *reader, const wr_feed *feed, uint64_t first_seq, uint64_t count,
                           wr_slice bytes);

/* Control entries we write ourselves: their content. */
WR_MUST wr_err reader_encode_bind(uint16_t log_no, wr_slice name, wr_buf *out);
WR_MUST wr_err reader_encode_name(const wr_hash *device, wr_slice name, wr_buf *out);

/* The log's number in our own message feed; UNKNOWN: not bound yet, ret_next is the number to bind.
 */
WR_MUST wr_err reader_own_log(reader *reader, wr_slice name, uint16_t *ret_log_no,
                              uint16_t *ret_next);
/* Finds or adds the log's row in the store (for the tail). */
WR_MUST wr_err reader_log_id(reader *reader, wr_slice name, uint32_t *ret_log_id);

/* What a device is called: appends to out (nothing if not known). */
void reader_device_name(const reader *reader, const wr_hash *device, wr_buf *out);

/* Tail entries: sealed form of (kind, body) of a log at an hlc, and back.  plain slices of the
 * result point into scratch. */
WR_MUST wr_err reader_seal_tail(reader *reader, uint64_t hlc, wr_slice kind, wr_slice body,
                                wr_buf *out);
WR_MUST wr_err reader_open_tail(reader *reader, const store_tail *tail, wr_buf *scratch,
                                wr_slice *ret_kind, wr_slice *ret_body);
/* Name of a log id: appends to out. */
WR_MUST wr_err reader_log_name(reader *reader, uint32_t log_id, wr_buf *out);

/* hub_read, hub_arrivals, hub_each_log: see hub.h.  now decides the flag ahead.  FORMAT: no name
 * of a log, or not a cursor of this call (an arrivals cursor also belongs to its log); UNKNOWN: no
 * such log.  fn may read the store, not write it; its error ends the call and is passed on.
 * Entries that do not open are passed over if they are as their writer signed them; otherwise the
 * call gives CORRUPT, perhaps after some entries.
 *
 * reader_arrivals gives our own tail entries too, after all rows, and passes over the same entries
 * when they come again as signed rows: the cursor holds the range of hlc it got from the tail. */
WR_MUST wr_err reader_read(reader *reader, wr_wall now, wr_slice log, wr_slice after,
                           uint32_t limit, hub_entry_fn fn, void *ctx,
                           char ret_cursor[HUB_CURSOR_MAX], bool *ret_more);
WR_MUST wr_err reader_arrivals(reader *reader, wr_wall now, wr_slice log, wr_slice after,
                               uint32_t limit, hub_entry_fn fn, void *ctx,
                               char ret_cursor[HUB_CURSOR_MAX], bool *ret_more);
WR_MUST wr_err reader_each_log(reader *reader, hub_log_fn fn, void *ctx);
/* How many entries of a feed stand in logs: all, unless its writer is out (circle.md 4.7).  accept:
 * the owner takes over what was left out, up to len. */
WR_MUST wr_err reader_shown(reader *reader, const wr_feed *feed, uint64_t *ret_len);
WR_MUST wr_err reader_accept(reader *reader, const wr_feed *feed, uint64_t len);
/* Entries passed over so far because they did not open. */
uint64_t reader_skipped(const reader *reader);

#endif /* FLOW_READER_H */
