/* Everything this device writes: what clients append, the pending tail, names, acknowledgements.
 *
 *   hub_append ─> job ─> (end of turn) signed run, or tail entry ─> commit ─> answer
 *
 * All jobs of a turn share runs, so many clients cost one signature and one commit.  After a start
 * entries wait unsigned in the tail until a sibling has confirmed our newest ones (feed.md 9).
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/text.h"
#include "flow/hub_impl.h"

#define STREAM_MESSAGES 0u
#define STREAM_CONTROL 1u
#define OWN_LOGS_MAX (WR_LOGS_MAX - 535u) /* room for those that wait in the tail */
#define SIGN_ENTRIES_MAX 4096u            /* tail entries signed in one turn */
#define SIGN_BYTES_MAX (4u * 1024u * 1024u)

typedef struct append_item {
    size_t kind_len, body_len; /* one after the other in the job's bytes */
} append_item;

struct append_job {
    append_job *next;
    hub_appended_fn done;
    void *ctx;
    bool ran;
    uint32_t count;
    size_t log_len;
    uint8_t log[WR_NAME_BYTES_MAX];
    append_item *items;
    hub_appended *results;
    uint8_t *bytes;
};

struct done_job {
    done_job *next;
    hub_done_fn done;
    void *ctx;
};

static void job_free(append_job *job) {
    free(job->items);
    free(job->results);
    free(job->bytes);
    free(job);
}

/* ---- taking jobs ---- */

static wr_err check_items(hub *h, wr_slice log, const hub_item *items, uint32_t count,
                          size_t *ret_bytes) {
    size_t bytes = 0;
    if (!wr_text_is_name(log))
        return hub_fail(h, WR_ERR_FORMAT, "not a name for a log");
    if (count == 0 || count > HUB_APPEND_MAX)
        return hub_fail(h, WR_ERR_LIMIT, "1 to %u entries can be appended at once", HUB_APPEND_MAX);
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].body.len > WR_BODY_BYTES_MAX)
            return hub_fail(h, WR_ERR_LIMIT,
                            "entry %u has %zu bytes; a body has at most %u (60 KiB)", i,
                            items[i].body.len, WR_BODY_BYTES_MAX);
        if (items[i].kind.len > WR_NAME_BYTES_MAX)
            return hub_fail(h, WR_ERR_LIMIT, "entry %u: a kind has at most %u bytes", i,
                            WR_NAME_BYTES_MAX);
        bytes += items[i].kind.len + items[i].body.len;
    }
    *ret_bytes = bytes;
    return WR_OK;
}

/* What it wrote would reach nobody, ever. */
static wr_err check_member(hub *h) {
    const wr_member *me =
        wr_graph_find(wr_self_graph(h->self), &wr_self_identity(h->self)->device_id);
    if (me != NULL && me->current)
        return WR_OK;
    return hub_fail(h, WR_ERR_REFUSED, "this device is no member of its circle any more");
}

/* A log that this device writes to first takes a number of its feed, and they end.  Checked here,
 * as a job that waits unsigned must never fail later. */
static wr_err check_log(hub *h, wr_slice log) {
    uint16_t log_no, next = 0;
    wr_err err = reader_own_log(h->reader, log, &log_no, &next);
    if (err == WR_ERR_LIMIT || (err == WR_ERR_UNKNOWN && next > OWN_LOGS_MAX))
        return hub_fail(h, WR_ERR_LIMIT, "this device writes to %u logs, the most there can be",
                        OWN_LOGS_MAX);
    return err == WR_ERR_UNKNOWN ? WR_OK : err;
}

static append_job *job_new(wr_slice log, const hub_item *items, uint32_t count, size_t bytes) {
    append_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->items = calloc(count, sizeof *job->items);
    job->results = calloc(count, sizeof *job->results);
    job->bytes = malloc(bytes + 1);
    if (job->items == NULL || job->results == NULL || job->bytes == NULL) {
        job_free(job);
        return NULL;
    }
    uint8_t *at = job->bytes;
    for (uint32_t i = 0; i < count; i++) {
        job->items[i] = (append_item){items[i].kind.len, items[i].body.len};
        if (items[i].kind.len != 0)
            memcpy(at, items[i].kind.ptr, items[i].kind.len);
        at += items[i].kind.len;
        if (items[i].body.len != 0)
            memcpy(at, items[i].body.ptr, items[i].body.len);
        at += items[i].body.len;
    }
    job->count = count;
    job->log_len = log.len;
    memcpy(job->log, log.ptr, log.len);
    return job;
}

wr_err hub_append(hub *h, wr_slice log, const hub_item *items, uint32_t count, hub_appended_fn done,
                  void *ctx) {
    size_t bytes = 0;
    WR_TRY(hub_ready(h));
    WR_TRY(check_member(h));
    WR_TRY(check_items(h, log, items, count, &bytes));
    WR_TRY(check_log(h, log));
    append_job *job = job_new(log, items, count, bytes);
    if (job == NULL)
        return hub_fail(h, WR_ERR_NOMEM, "out of memory");
    job->done = done;
    job->ctx = ctx;
    *h->jobs_end = job;
    h->jobs_end = &job->next;
    loop_dirty(h->config.loop);
    return WR_OK;
}

wr_err hub_when_stored(hub *h, hub_done_fn done, void *ctx) {
    done_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return WR_ERR_NOMEM;
    *job = (done_job){.next = h->done_jobs, .done = done, .ctx = ctx};
    h->done_jobs = job;
    loop_dirty(h->config.loop);
    return WR_OK;
}

wr_err hub_rename(hub *h, wr_slice name, hub_done_fn done, void *ctx) {
    WR_TRY(hub_ready(h));
    if (!wr_text_is_name(name))
        return hub_fail(h, WR_ERR_FORMAT, "not a name for a device");
    WR_TRY(check_member(h));
    wr_err err = hub_put_name(h, name);
    if (err == WR_OK)
        err = hub_when_stored(h, done, ctx);
    if (err == WR_OK)
        return WR_OK;
    hub_give_up(h, err);
    return hub_fail(h, err, "%s", wr_err_text(err));
}

/* ---- signing ---- */

/* Above every time this device has used, the unsigned ones included. */
static uint64_t next_hlc(hub *h) {
    uint64_t hlc = wr_self_hlc(h->self, hub_now(h));
    h->hlc_last = hlc > h->hlc_last ? hlc : h->hlc_last + 1;
    return h->hlc_last;
}

static wr_err close_run(hub *h) {
    WR_TRY(wr_self_close_run(h->self));
    return hub_drain(h);
}

static wr_err sign_entry(hub *h, uint32_t stream, uint8_t kind, uint16_t log_no, uint64_t hlc,
                         wr_slice content, uint64_t *ret_seq) {
    WR_TRY(rotation_make_room(h));
    wr_err err = wr_self_append(h->self, stream, kind, log_no, hlc, content, ret_seq);
    if (err != WR_ERR_NOBUF)
        return err;
    WR_TRY(close_run(h));
    return wr_self_append(h->self, stream, kind, log_no, hlc, content, ret_seq);
}

/* An entry of the control stream, under a checkpoint of its own. */
static wr_err sign_control(hub *h, wr_slice content) {
    uint64_t seq;
    WR_TRY(close_run(h));
    WR_TRY(sign_entry(h, STREAM_CONTROL, WR_ENTRY_BINDING, 0, next_hlc(h), content, &seq));
    return close_run(h);
}

/* The number of the log in our feed; bound by a control entry when it is used first. */
static wr_err bind_log(hub *h, wr_slice log, uint16_t *ret_log_no) {
    uint16_t next = 0;
    uint8_t bytes[WR_NAME_BYTES_MAX + 32u];
    wr_buf content = WR_BUF_ARRAY(bytes);
    bool changed;
    wr_err err = reader_own_log(h->reader, log, ret_log_no, &next);
    if (err != WR_ERR_UNKNOWN)
        return err;
    WR_TRY(reader_encode_bind(next, log, &content));
    WR_TRY(sign_control(h, wr_buf_slice(&content)));
    WR_TRY(reader_apply(h->reader, &changed));
    return reader_own_log(h->reader, log, ret_log_no, &next);
}

static wr_err sign_message(hub *h, uint16_t log_no, uint64_t hlc, wr_slice kind, wr_slice body,
                           uint64_t *ret_seq) {
    uint8_t bytes[WR_CONTENT_BYTES_MAX], flags = 0;
    wr_buf content = WR_BUF_ARRAY(bytes);
    WR_TRY(wr_content_encode(kind, body, &content, &flags));
    return sign_entry(h, STREAM_MESSAGES, WR_ENTRY_MESSAGE | flags, log_no, hlc,
                      wr_buf_slice(&content), ret_seq);
}

/* Our name, once it may be signed and is not the one the circle knows. */
static wr_err sign_name(hub *h) {
    uint8_t wanted_bytes[WR_NAME_BYTES_MAX], known_bytes[WR_NAME_BYTES_MAX];
    uint8_t bytes[WR_NAME_BYTES_MAX + 64u];
    wr_buf wanted = WR_BUF_ARRAY(wanted_bytes), known = WR_BUF_ARRAY(known_bytes);
    wr_buf content = WR_BUF_ARRAY(bytes);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    if (h->named)
        return WR_OK;
    WR_TRY(hub_get_name(h, &wanted));
    reader_device_name(h->reader, own, &known);
    h->named = true;
    if (wanted.len == 0 || wr_equal(wr_buf_slice(&wanted), wr_buf_slice(&known)))
        return WR_OK;
    WR_TRY(hub_begin(h));
    WR_TRY(reader_encode_name(own, wr_buf_slice(&wanted), &content));
    return sign_control(h, wr_buf_slice(&content));
}

/* ---- the tail ---- */

static wr_err run_job_unsigned(hub *h, append_job *job) {
    static uint8_t bytes[WR_BODY_BYTES_MAX + WR_NAME_BYTES_MAX + 64u + KEYSTORE_SEAL_OVERHEAD];
    const uint8_t *at = job->bytes;
    uint32_t log_id;
    WR_TRY(reader_log_id(h->reader, wr_slice_of(job->log, job->log_len), &log_id));
    for (uint32_t i = 0; i < job->count; i++) {
        wr_slice kind = wr_slice_of(at, job->items[i].kind_len);
        wr_slice body = wr_slice_of(at + kind.len, job->items[i].body_len);
        wr_buf sealed = WR_BUF_ARRAY(bytes);
        uint64_t hlc = next_hlc(h);
        at += kind.len + body.len;
        WR_TRY(reader_seal_tail(h->reader, hlc, kind, body, &sealed));
        store_tail tail = {.hlc = hlc, .log_id = log_id, .sealed = wr_buf_slice(&sealed)};
        WR_TRY(store_put_tail(h->store, &tail));
        job->results[i] = (hub_appended){.hlc = hlc};
    }
    h->tail_count += job->count;
    h->new_rows = true; /* to read, they are there */
    return WR_OK;
}

/* Confirmed, and with a key that only members have. */
static bool can_write(const hub *h) {
    return wr_self_may_sign(h->self) && wr_self_write_epoch(h->self) != NULL &&
           !rotation_blocked(h);
}

static bool waiting(const hub *h) {
    return h->tail_count > h->tail_damaged;
}

/* Some tail entries, out of the store: nothing may be written while it is walked. */
typedef struct tail_batch {
    uint32_t count;
    wr_buf sealed;
    store_tail list[SIGN_ENTRIES_MAX];
    uint8_t plain[WR_BODY_BYTES_MAX + WR_NAME_BYTES_MAX + 64u];
} tail_batch;

static wr_err take_tail(void *ctx, const store_tail *tail) {
    tail_batch *batch = ctx;
    if (batch->count == SIGN_ENTRIES_MAX || wr_buf_room(&batch->sealed) < tail->sealed.len)
        return WR_ERR_CLOSED;
    const uint8_t *copy = batch->sealed.ptr + batch->sealed.len;
    WR_TRY(wr_buf_put(&batch->sealed, tail->sealed));
    batch->list[batch->count] = *tail;
    batch->list[batch->count++].sealed = wr_slice_of(copy, tail->sealed.len);
    return WR_OK;
}

/* An entry of the tail that the disk lost stays where it is, and does not stop the others. */
static wr_err leave_damaged(hub *h, const store_tail *tail) {
    h->tail_from = tail->hlc + 1;
    h->tail_damaged++;
    return WR_OK;
}

typedef struct signed_search {
    const wr_self *self;
    const wr_feed *feed;
    uint16_t log_no;
    uint64_t hlc;
    wr_slice kind, body;
    bool found;
} signed_search;

/* What cannot be opened is not known to be the same, and rather signed twice than lost. */
static bool is_same(const signed_search *search, const wr_entry *entry) {
    uint8_t bytes[WR_ENTRY_BYTES_MAX];
    wr_buf content = WR_BUF_ARRAY(bytes);
    wr_slice kind, body;
    if (entry->hlc != search->hlc || entry->log_no != search->log_no)
        return false;
    bool same = wr_self_open(search->self, search->feed, entry, &content) == WR_OK &&
                wr_content_decode(entry->kind, wr_buf_slice(&content), &kind, &body) == WR_OK &&
                wr_equal(kind, search->kind) && wr_equal(body, search->body);
    wr_wipe(bytes, sizeof bytes);
    return same;
}

static wr_err search_row(void *ctx, const store_rows *rows) {
    signed_search *search = ctx;
    wr_segment_reader segments;
    wr_entry entry;
    bool more = true;
    wr_segment_reader_init(&segments, rows->bytes, rows->row_first_seq);
    while (more && !search->found) {
        if (wr_segment_next(&segments, &entry, &more) != WR_OK)
            return WR_ERR_CORRUPT;
        search->found = more && is_same(search, &entry);
    }
    return WR_ERR_CLOSED;
}

/* Has the entry been signed before this device was set back?  The time alone does not tell: a clock
 * that is behind the circle's gives the next entry the same one again. */
static wr_err was_signed(hub *h, uint16_t log_no, uint64_t hlc, wr_slice kind, wr_slice body,
                         bool *ret_signed) {
    uint32_t index;
    if (!wr_self_device_feed(h->self, &wr_self_identity(h->self)->device_id, STREAM_MESSAGES,
                             &index))
        return WR_ERR_STATE;
    const wr_feed *feed = wr_self_feed(h->self, index);
    signed_search search = {
        .self = h->self, .feed = feed, .log_no = log_no, .hlc = hlc, .kind = kind, .body = body};
    WR_TRY(store_each_log_rows(h->store, &feed->feed_id, log_no, hlc, search_row, &search));
    *ret_signed = search.found;
    return WR_OK;
}

static wr_err sign_tail_entry(hub *h, const store_tail *tail, wr_buf *plain, bool *ret_gone) {
    uint8_t name_bytes[WR_NAME_BYTES_MAX];
    wr_buf name = WR_BUF_ARRAY(name_bytes);
    wr_slice kind, body;
    uint16_t log_no, next;
    uint64_t seq, hlc = tail->hlc;
    bool sign = can_write(h);
    wr_err err = reader_open_tail(h->reader, tail, plain, &kind, &body);
    if (err == WR_OK)
        err = reader_log_name(h->reader, tail->log_id, &name);
    if (err != WR_OK)
        return err == WR_ERR_IO || err == WR_ERR_NOMEM ? err : leave_damaged(h, tail);
    err = sign ? bind_log(h, wr_buf_slice(&name), &log_no)
               : reader_own_log(h->reader, wr_buf_slice(&name), &log_no, &next);
    if (err == WR_ERR_UNKNOWN && !sign) /* nothing of this log has come back */
        return WR_OK;
    WR_TRY(err);
    /* Only after a restore from an old copy is something of ours newer than what waits here. */
    if (hlc <= wr_self_hlc_floor(h->self, STREAM_MESSAGES)) {
        WR_TRY(was_signed(h, log_no, hlc, kind, body, ret_gone));
        if (*ret_gone)
            return store_delete_tail(h->store, hlc);
        hlc = sign ? next_hlc(h) : hlc;
        if (sign)
            WR_TRY(store_put_alias(h->store, tail->hlc, hlc));
    }
    if (!sign)
        return WR_OK;
    *ret_gone = true;
    WR_TRY(sign_message(h, log_no, hlc, kind, body, &seq));
    return store_delete_tail(h->store, tail->hlc);
}

static wr_err sign_batch(hub *h, tail_batch *batch) {
    WR_TRY(store_each_tail(h->store, h->tail_from, take_tail, batch));
    uint64_t damaged = h->tail_damaged;
    wr_err err = WR_OK;
    for (uint32_t i = 0; err == WR_OK && i < batch->count; i++) {
        wr_buf scratch = WR_BUF_ARRAY(batch->plain);
        bool gone = false;
        err = sign_tail_entry(h, &batch->list[i], &scratch, &gone);
        h->tail_count -= gone;
    }
    wr_wipe(batch->plain, sizeof batch->plain);
    WR_TRY(err);
    if (h->tail_damaged != damaged)
        WR_TRY(damage_tail(h));
    return close_run(h);
}

/* Signs what waits.  Where nothing may be signed, what came back signed waits no more. */
static wr_err sign_tail(hub *h) {
    tail_batch *batch = calloc(1, sizeof *batch);
    uint8_t *memory = malloc(SIGN_BYTES_MAX);
    wr_err err = WR_ERR_NOMEM;
    if (batch != NULL && memory != NULL) {
        batch->sealed = wr_buf_of(memory, SIGN_BYTES_MAX);
        err = hub_begin(h);
        if (err == WR_OK)
            err = sign_batch(h, batch);
    }
    free(memory);
    free(batch);
    if (waiting(h) && can_write(h))
        loop_dirty(h->config.loop);
    return err;
}

static wr_err see_last(void *ctx, const store_tail *tail) {
    uint64_t *last = ctx;
    *last = tail->hlc;
    return WR_OK;
}

wr_err append_load(hub *h) {
    h->named = false;
    h->tail_from = h->tail_damaged = 0;
    WR_TRY(store_tail_count(h->store, &h->tail_count));
    return store_each_tail(h->store, h->hlc_last, see_last, &h->hlc_last);
}

/* ---- the turn ---- */

static wr_err run_job_signed(hub *h, append_job *job) {
    const uint8_t *at = job->bytes;
    uint16_t log_no;
    WR_TRY(bind_log(h, wr_slice_of(job->log, job->log_len), &log_no));
    for (uint32_t i = 0; i < job->count; i++) {
        wr_slice kind = wr_slice_of(at, job->items[i].kind_len);
        wr_slice body = wr_slice_of(at + kind.len, job->items[i].body_len);
        hub_appended *result = &job->results[i];
        at += kind.len + body.len;
        *result = (hub_appended){.signed_now = true, .hlc = next_hlc(h)};
        WR_TRY(sign_message(h, log_no, result->hlc, kind, body, &result->seq));
    }
    return WR_OK;
}

static wr_err run_jobs(hub *h) {
    /* What waits longer goes first, so that a log keeps the order of its answers. */
    for (append_job *job = h->jobs; job != NULL; job = job->next) {
        bool sign = can_write(h) && !waiting(h);
        WR_TRY(hub_begin(h));
        WR_TRY(sign ? run_job_signed(h, job) : run_job_unsigned(h, job));
        job->ran = true;
    }
    return close_run(h);
}

/* Others' membership ops are acknowledged, but not while an ADD that may have left is not admitted:
 * its place in our chain is taken. */
static wr_err acknowledge(hub *h) {
    if (pairflow_unsettled(h))
        return WR_OK;
    wr_err err = wr_self_accuse(h->self, hub_now(h));
    if (err == WR_OK)
        err = wr_self_ack(h->self, hub_now(h));
    if (err != WR_ERR_LIMIT) /* a graph that is full takes none, and needs none */
        WR_TRY(err);
    return hub_drain(h);
}

wr_err append_turn(hub *h) {
    WR_TRY(pump_keep_ports(h));
    /* What came in this turn may be our own, from before we were set back: the numbers of logs. */
    WR_TRY(hub_apply(h));
    if (wr_self_may_sign(h->self)) {
        WR_TRY(acknowledge(h));
        WR_TRY(rotation_turn(h));
        if (can_write(h)) {
            if (waiting(h))
                WR_TRY(sign_tail(h));
            WR_TRY(sign_name(h));
        }
    } else {
        rotation_off(h);
        if (waiting(h) && h->rollback.fresh)
            WR_TRY(sign_tail(h));
    }
    return run_jobs(h);
}

void append_answer(hub *h, wr_err err) {
    append_job *jobs = h->jobs, *next;
    done_job *done_jobs = h->done_jobs, *next_done;
    h->jobs = NULL; /* an answer may append again */
    h->jobs_end = &h->jobs;
    h->done_jobs = NULL;
    for (append_job *job = jobs; job != NULL; job = next) {
        next = job->next;
        wr_err result = err == WR_OK && !job->ran ? WR_ERR_CLOSED : err;
        job->done(job->ctx, result, result == WR_OK ? job->results : NULL, job->count);
        job_free(job);
    }
    for (done_job *job = done_jobs; job != NULL; job = next_done) {
        next_done = job->next;
        job->done(job->ctx, err);
        free(job);
    }
}
