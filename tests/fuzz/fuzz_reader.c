/* Fuzzes what a member writes into its feeds, on its way to what apps are shown.
 *
 * Target: reader_apply, reader_read, reader_arrivals, reader_device_name; cursors.
 * Input:  steps of 1 byte  what (mod 7) and its arguments, see step.  One of two devices signs
 *         whatever it likes: names of any form, messages of any kind, in logs that are bound or
 * not. Oracle: every call ends well or with an error that its contract names, whatever the cursor;
 * both devices read the same of every log, in growing order, at once or page by page, and as many
 * entries arrive; both know the same names; and a reader that begins anew on the same store reads
 * the same. SPDX-License-Identifier: Apache-2.0
 */
#include "unit/flow_reader_world.h"

#include "base/text.h"

#include "flow/reader.h"

#define STEPS_MAX 64u
#define LOGS 4u
#define ENTRIES_MAX 128u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[LOGS] = {"notes", "chores", "phone", "a.b-c"};

typedef struct run {
    circle *c;
    uint64_t ms;
} run;

/* What a log shows. */
typedef struct shown {
    uint32_t count;
    uint64_t hlc[ENTRIES_MAX];
    wr_hash content; /* of all that was shown */
} shown;

static uint8_t take_u8(wr_slice *in) {
    uint8_t value = 0;
    (void)!wr_slice_take_u8(in, &value);
    return value;
}

static wr_slice take_bytes(wr_slice *in) {
    wr_slice bytes = WR_SLICE_EMPTY;
    size_t len = take_u8(in);
    WR_ASSERT(wr_slice_take(in, len < in->len ? len : in->len, &bytes));
    return bytes;
}

/* ---- steps ---- */

static void append(run *r, device *d, uint32_t stream, uint8_t kind, uint16_t log_no,
                   wr_slice content) {
    uint64_t seq;
    wr_err err = wr_self_append(d->self, stream, kind, log_no, ++r->ms << 16, content, &seq);
    WR_ASSERT(err == WR_OK);
    r_sign(d);
}

/* What of the other one's feed is not here yet. */
static void carry(device *from, device *to, uint32_t stream) {
    uint32_t at_from, at_to;
    WR_ASSERT(wr_self_device_feed(from->self, &from->identity.device_id, stream, &at_from));
    WR_ASSERT(wr_self_device_feed(to->self, &from->identity.device_id, stream, &at_to));
    if (wr_self_feed(from->self, at_from)->tree.len > wr_self_feed(to->self, at_to)->tree.len)
        r_carry(from, to, stream);
}

static void try_cursor(run *r, wr_slice *in) {
    char cursor[256];
    text t;
    bool arrivals = take_u8(in) % 2 == 0;
    const char *log = names[take_u8(in) % LOGS];
    wr_slice bytes = take_bytes(in);
    memcpy(cursor, bytes.ptr, bytes.len);
    cursor[bytes.len] = '\0';
    wr_err err = r_try_cursor(&r->c->a, arrivals, log, cursor);
    WR_ASSERT(err == WR_OK || err == WR_ERR_FORMAT || err == WR_ERR_UNKNOWN);
    /* One that was given out, a bit of it changed. */
    if (r_try_cursor(&r->c->a, arrivals, log, "") != WR_OK || bytes.len < 2)
        return;
    r_start(&t, "");
    (void)(arrivals ? r_follow(&r->c->a, log, 2, &t) : r_read_on(&r->c->a, log, 2, &t));
    if (t.cursor[0] == '\0')
        return;
    t.cursor[bytes.ptr[0] % strlen(t.cursor)] = (char)(bytes.ptr[1] | 1);
    err = r_try_cursor(&r->c->a, arrivals, log, t.cursor);
    WR_ASSERT(err == WR_OK || err == WR_ERR_FORMAT || err == WR_ERR_UNKNOWN);
}

static bool step(run *r, wr_slice *in) {
    device *a = &r->c->a, *b = &r->c->b;
    uint8_t what, kind;
    uint16_t log_no;
    if (!wr_slice_take_u8(in, &what))
        return false;
    switch (what % 7) {
    case 0: /* the liar names something, in its own way */
        kind = take_u8(in) % 4 == 0 ? WR_ENTRY_BINDING : take_u8(in);
        append(r, b, 1, kind, 0, take_bytes(in));
        return true;
    case 1: /* either binds a number to a name, perhaps again */
        kind = take_u8(in);
        r_bind(kind % 2 == 0 ? a : b, take_u8(in) % 4, names[kind / 2 % LOGS], ++r->ms);
        return true;
    case 2: /* either gives a device a name */
        kind = take_u8(in);
        r_call_it(kind % 2 == 0 ? a : b, &(kind & 2 ? a : b)->identity.device_id,
                  names[kind / 4 % LOGS], ++r->ms);
        return true;
    case 3: /* either says something */
        kind = take_u8(in);
        append(r, kind % 2 == 0 ? a : b, 0, WR_ENTRY_MESSAGE, kind / 2 % 4, take_bytes(in));
        return true;
    case 4: /* the liar says something of another kind */
        kind = take_u8(in);
        log_no = take_u8(in) % 5;
        append(r, b, 0, kind, log_no, take_bytes(in));
        return true;
    case 5:
        kind = take_u8(in);
        carry(kind % 2 == 0 ? a : b, kind % 2 == 0 ? b : a, kind / 2 % 2);
        return true;
    default:
        try_cursor(r, in);
        return true;
    }
}

/* ---- what must hold in the end ---- */

static wr_err add_shown(void *ctx, const hub_entry *entry) {
    shown *s = ctx;
    WR_ASSERT(s->count < ENTRIES_MAX);
    s->hlc[s->count++] = entry->hlc;
    s->content = wr_hash_of2(WR_LABEL_OP_ID, WR_SLICE_OBJ(s->content), entry->body);
    s->content = wr_hash_of2(WR_LABEL_OP_ID, WR_SLICE_OBJ(s->content), entry->kind);
    s->content = wr_hash_of2(WR_LABEL_OP_ID, WR_SLICE_OBJ(s->content), WR_SLICE_OBJ(entry->device));
    return WR_OK;
}

static wr_err read_all(device *d, bool arrivals, const char *log, uint32_t limit, shown *s) {
    char cursor[HUB_CURSOR_MAX] = "", next[HUB_CURSOR_MAX];
    bool more = true;
    for (uint32_t pages = 0; more; pages++) {
        WR_ASSERT(pages <= 2 * ENTRIES_MAX);
        WR_TRY(arrivals ? reader_arrivals(d->r, r_now.wall, S(log), S(cursor), limit, add_shown, s,
                                          next, &more)
                        : reader_read(d->r, r_now.wall, S(log), S(cursor), limit, add_shown, s,
                                      next, &more));
        memcpy(cursor, next, sizeof next);
    }
    return WR_OK;
}

static void check_same(const shown *x, const shown *y) {
    WR_ASSERT(x->count == y->count);
    WR_ASSERT(wr_hash_equal(&x->content, &y->content));
}

static void check_log(run *r, const char *log) {
    shown a = {0}, b = {0}, paged = {0}, arrived = {0};
    wr_err err = read_all(&r->c->a, false, log, 50, &a);
    WR_ASSERT(err == WR_OK || err == WR_ERR_UNKNOWN);
    WR_ASSERT(read_all(&r->c->b, false, log, 50, &b) == err);
    check_same(&a, &b);
    for (uint32_t i = 1; i < a.count; i++)
        WR_ASSERT(a.hlc[i - 1] < a.hlc[i]);
    if (err != WR_OK)
        return;
    WR_ASSERT(read_all(&r->c->a, false, log, 2, &paged) == WR_OK);
    check_same(&a, &paged);
    WR_ASSERT(read_all(&r->c->a, true, log, 3, &arrived) == WR_OK);
    WR_ASSERT(arrived.count == a.count);
}

static void check_name(run *r, const wr_hash *device_id) {
    uint8_t bytes[2][WR_NAME_BYTES_MAX];
    wr_buf a = WR_BUF_ARRAY(bytes[0]), b = WR_BUF_ARRAY(bytes[1]);
    reader_device_name(r->c->a.r, device_id, &a);
    reader_device_name(r->c->b.r, device_id, &b);
    WR_ASSERT(wr_equal(wr_buf_slice(&a), wr_buf_slice(&b)));
    WR_ASSERT(a.len == 0 || wr_text_is_name(wr_buf_slice(&a)));
}

static void check(run *r) {
    for (uint32_t i = 0; i < LOGS; i++)
        check_log(r, names[i]);
    check_name(r, &r->c->a.identity.device_id);
    check_name(r, &r->c->b.identity.device_id);
}

static void restart(device *d) {
    reader_free(d->r);
    WR_ASSERT(reader_new(d->self, d->s, &r_store_key, &d->r) == WR_OK);
    r_drain(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice in = wr_slice_of(data, size);
    void *state = NULL;
    (void)r_setup(&state);
    run r = {.c = state};
    r_join(r.c);
    for (uint32_t i = 0; i < STEPS_MAX && step(&r, &in); i++)
        continue;
    for (uint32_t stream = 0; stream < 2; stream++) {
        carry(&r.c->a, &r.c->b, stream);
        carry(&r.c->b, &r.c->a, stream);
    }
    check(&r);
    restart(&r.c->a);
    check(&r);
    (void)r_teardown(&state);
    return 0;
}
