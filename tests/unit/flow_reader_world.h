/* Devices of one circle with stores in memory, for the tests of the reader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_FLOW_READER_WORLD_H
#define TESTS_UNIT_FLOW_READER_WORLD_H

#include "harness/harness.h"

#include "flow/reader.h"
#include "store/store_memory.h"

#define TEXT_MAX (64u * 1024u)
#define S(text) wr_slice_str(text)

extern const wr_now r_now;
extern const wr_key r_store_key;

typedef struct device {
    wr_identity identity;
    wr_self *self;
    store *s;
    reader *r;
    bool changed; /* by the last drain */
} device;

typedef struct circle {
    device a, b;
} circle;

/* What was read: bodies with a blank behind each, "~" before those of the tail. */
typedef struct text {
    char list[TEXT_MAX];
    size_t len;
    uint32_t count;
    char cursor[HUB_CURSOR_MAX];
    bool more;
    bool ahead;
    hub_entry last;
    char kind[16]; /* of the last one */
    uint64_t sum;
} text;

/* *state is a circle whose devices are in none yet. */
int r_setup(void **state);
int r_teardown(void **state);
/* One turn: what self made goes to the store, and names are applied. */
void r_drain(device *d);
/* a founds, b joins. */
void r_join(circle *c);
/* The secret of the epoch that from writes under; load: before to was loaded. */
void r_give_epoch(const device *from, device *to, bool load);
/* The device writes under another epoch from here on. */
wr_op_ref r_own_epoch(device *d);
/* a does; b knows of it, but lacks its secret. */
void r_new_epoch(circle *c);
/* Ends the open run. */
void r_sign(device *d);
/* Times are in milliseconds.  An entry of the own control feed, signed at once. */
void r_put_control(device *d, const wr_buf *content, uint64_t ms);
void r_bind(device *d, uint16_t log_no, const char *name, uint64_t ms);
void r_call_it(device *d, const wr_hash *device_id, const char *name, uint64_t ms);
/* Stays in the open run until r_sign. */
void r_say(device *d, uint16_t log_no, uint64_t ms, const char *body);
void r_wait_in_tail(device *d, const char *log, uint64_t ms, const char *body);
void r_leave_tail(device *d, uint64_t ms);
/* What to lacks of from's feed of one stream. */
void r_carry(device *from, device *to, uint32_t stream);
/* Forgets what was read; stands at cursor. */
void r_start(text *t, const char *cursor);
/* Reads on from where t stands. */
const char *r_read_on(device *d, const char *log, uint32_t limit, text *t);
const char *r_follow(device *d, const char *log, uint32_t limit, text *t);
/* Takes an entry as text, or only counts it (times must grow). */
wr_err r_add_text(void *ctx, const hub_entry *entry);
wr_err r_count_only(void *ctx, const hub_entry *entry);
/* One call with this cursor. */
wr_err r_try_cursor(device *d, bool arrivals, const char *log, const char *cursor);

#endif /* TESTS_UNIT_FLOW_READER_WORLD_H */
