/* The hub's life: the turn with its one transaction, and what happens when it fails.
 *
 *   events of a turn ─> (begin) puts ─> author what is due ─> commit ─> answers, events, bytes
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/hub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "core/diag.h"
#include "flow/hub_impl.h"

/* ---- small pieces ---------------------------------------------------------------------------- */

wr_now hub_now(const hub *h) {
    return loop_now(h->config.loop);
}

wr_err hub_fail(hub *h, wr_err err, const char *format, ...) {
    char text[HUB_PROBLEM_MAX]; /* the old problem may be one of the arguments */
    va_list args;
    va_start(args, format);
    /* The analyser loses sight of va_start in this file, not in others with the same lines. */
    vsnprintf(text, sizeof text, format, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(args);
    memcpy(h->problem, text, sizeof text);
    return err;
}

const char *hub_problem(const hub *h) {
    return h->problem;
}

bool hub_has_circle(const hub *h) {
    return h->self != NULL || h->broken;
}

const metrics *hub_metrics(const hub *h) {
    return &h->metrics;
}

void hub_short_id(const wr_hash *id, char out[HUB_SHORT_ID_SIZE]) {
    wr_buf text = wr_buf_of(out, HUB_SHORT_ID_SIZE - 1u);
    wr_err err = wr_base32_encode(wr_slice_of(id->b, HUB_SHORT_ID_BYTES), &text);
    WR_ASSERT(err == WR_OK);
    out[text.len] = '\0';
}

void hub_tell(hub *h, const hub_event *event) {
    if (h->event_count == HUB_EVENTS_MAX)
        return; /* nobody can follow that many in a turn; what counts is asked for, not told */
    queued_event *q = &h->events[h->event_count++];
    *q = (queued_event){.event = *event};
    WR_ASSERT(event->name.len <= sizeof q->name);
    if (event->name.len != 0)
        memcpy(q->name, event->name.ptr, event->name.len);
    snprintf(q->words, sizeof q->words, "%s", event->words ? event->words : "");
    snprintf(q->text, sizeof q->text, "%s", event->text ? event->text : "");
}

static void tell_all(hub *h) {
    for (uint32_t i = 0; i < h->event_count; i++) {
        queued_event *q = &h->events[i];
        q->event.name = wr_slice_of(q->name, q->event.name.len);
        q->event.words = q->words;
        q->event.text = q->text;
        if (q->event.type == HUB_EV_ALERT || q->event.type == HUB_EV_ROLLBACK)
            diag(DIAG_WARN, ALERT, diag_text("text", q->text));
        h->config.event(h->config.ctx, &q->event);
    }
    h->event_count = 0;
}

/* ---- storing ---- */

wr_err hub_begin(hub *h) {
    if (h->failed != WR_OK)
        return h->failed;
    if (h->in_transaction)
        return WR_OK;
    WR_TRY(store_begin(h->store));
    h->in_transaction = true;
    loop_dirty(h->config.loop);
    return WR_OK;
}

void hub_give_up(hub *h, wr_err err) {
    if (h->failed == WR_OK)
        h->failed = err;
    loop_dirty(h->config.loop);
}

wr_slice hub_meta_key(char kind, const wr_hash *device, uint8_t out[HUB_META_KEY_SIZE]) {
    out[0] = (uint8_t)kind;
    memcpy(out + 1, device->b, WR_HASH_SIZE);
    return wr_slice_of(out, HUB_META_KEY_SIZE);
}

static wr_err keep_mark(hub *h, const wr_put *put) {
    uint8_t key[HUB_META_KEY_SIZE], value[8];
    wr_store_u64(value, put->mark);
    return store_put_meta(h->store, hub_meta_key(HUB_META_MARK, &put->id, key),
                          wr_slice_of(value, sizeof value));
}

static wr_err keep_volume(hub *h, const wr_put *put) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_VOLUME_SIZE];
    wr_store_u64(value, put->volume.entries);
    wr_store_u64(value + 8, put->volume.bytes);
    return store_put_meta(h->store, hub_meta_key(HUB_META_VOLUME, &put->id, key),
                          wr_slice_of(value, sizeof value));
}

static wr_err keep_row(hub *h, const wr_put *put) {
    store_row_log logs[WR_CHUNK_ENTRIES];
    const wr_row *row = put->row;
    for (uint32_t i = 0; i < row->log_count; i++)
        logs[i] = (store_row_log){.log_no = put->logs[i].log_no,
                                  .hlc_first = put->logs[i].hlc_first,
                                  .hlc_last = put->logs[i].hlc_last,
                                  .count = put->logs[i].count};
    store_rows rows = {.first_seq = row->first_seq,
                       .count = row->count,
                       .hlc_first = row->hlc_first,
                       .hlc_last = row->hlc_last,
                       .bytes = row->bytes};
    bool own = wr_hash_equal(&put->feed->device_id, &wr_self_identity(h->self)->device_id);
    metrics_add(&h->metrics, own ? METRIC_ENTRIES_APPENDED : METRIC_ENTRIES_STORED, row->count);
    if (put->feed->stream == 0)
        h->new_rows = true;
    else
        h->new_control = true;
    if (!own && put->feed->stream == 0)
        WR_TRY(reader_saw_row(h->reader, &put->feed->feed_id, row->first_seq, row->bytes));
    return store_put_rows(h->store, &put->feed->feed_id, &rows, logs, row->log_count);
}

static wr_err keep_nodes(hub *h, const wr_put *put) {
    for (uint32_t i = 0; i < put->nodes->count; i++) {
        const wr_tree_node *node = &put->nodes->list[i];
        WR_TRY(
            store_put_node(h->store, &put->feed->feed_id, node->level, node->index, &node->hash));
    }
    return WR_OK;
}

static wr_err keep_op(hub *h, const wr_put *put) {
    wr_err err = store_put_op(h->store, &put->op.id, put->op.bytes, put->op.sig);
    h->new_ops = true;
    metrics_one(&h->metrics, METRIC_OPS_ADMITTED);
    return err == WR_ERR_EXISTS ? WR_OK : err;
}

static wr_err keep_epoch(hub *h, const wr_put *put) {
    uint8_t key[HUB_META_KEY_SIZE];
    WR_TRY(store_put_epoch(h->store, &put->id, put->secret));
    WR_TRY(
        store_put_meta(h->store, hub_meta_key(HUB_META_KEYED, &put->id, key), wr_slice_str("1")));
    if (put->head.len == 0)
        return WR_OK;
    return store_put_meta(h->store, hub_meta_key(HUB_META_HISTORY, &put->id, key), put->head);
}

static wr_err keep_seed(hub *h, const wr_put *put) {
    uint8_t key[HUB_META_KEY_SIZE];
    return store_put_secret(h->store, hub_meta_key(HUB_SECRET_SEED, &put->id, key), put->secret);
}

static wr_err keep_drop(hub *h, const wr_put *put) {
    uint8_t key[HUB_META_KEY_SIZE];
    WR_TRY(store_delete_epoch(h->store, &put->id));
    WR_TRY(store_delete_meta(h->store, hub_meta_key(HUB_META_KEYED, &put->id, key)));
    return store_delete_meta(h->store, hub_meta_key(HUB_META_HISTORY, &put->id, key));
}

static wr_err keep(hub *h, const wr_put *put) {
    switch (put->type) {
    case WR_PUT_OP:
        return keep_op(h, put);
    case WR_PUT_SEED:
        return keep_seed(h, put);
    case WR_PUT_EPOCH:
        h->new_epochs = true;
        return keep_epoch(h, put);
    case WR_PUT_DROP:
        return keep_drop(h, put);
    case WR_PUT_ROW:
        return keep_row(h, put);
    case WR_PUT_NODES:
        return keep_nodes(h, put);
    case WR_PUT_HEAD:
        return store_put_head(h->store, &put->feed->feed_id, put->head);
    case WR_PUT_MARK:
        return keep_mark(h, put);
    case WR_PUT_VOLUME:
        return keep_volume(h, put);
    }
    WR_UNREACHABLE();
}

wr_err hub_drain(hub *h) {
    wr_put put;
    if (!wr_self_pending(h->self))
        return WR_OK;
    WR_TRY(hub_begin(h));
    while (wr_self_poll(h->self, &put))
        WR_TRY(keep(h, &put));
    return WR_OK;
}

wr_err hub_apply(hub *h) {
    bool changed = false;
    if (!h->new_control && !h->new_epochs && !h->new_ops)
        return WR_OK;
    WR_TRY(reader_apply(h->reader, &changed));
    h->new_names = h->new_names || changed;
    h->new_control = h->new_epochs = false;
    return WR_OK;
}

static wr_err commit_open(hub *h) {
    WR_TRY(hub_apply(h));
    wr_err err = store_commit(h->store);
    h->in_transaction = false; /* one that fails has rolled back */
    WR_TRY(err);
    metrics_one(&h->metrics, METRIC_COMMITS);
    err = h->new_ops ? hub_refresh_mesh(h) : WR_OK;
    if (err != WR_OK)
        hub_give_up(h, err); /* what was committed stays so */
    if (h->new_ops || h->new_names)
        hub_tell(h, &(hub_event){.type = HUB_EV_CIRCLE_CHANGED});
    if (h->new_rows || h->new_names)
        hub_tell(h, &(hub_event){.type = HUB_EV_ENTRIES});
    h->new_rows = h->new_names = h->new_ops = false;
    return WR_OK;
}

wr_err hub_commit(hub *h) {
    if (h->failed != WR_OK)
        return h->failed;
    return h->in_transaction ? commit_open(h) : WR_OK;
}

/* ---- what calls of the API need ---- */

wr_err hub_ready(hub *h) {
    if (h->closing)
        return hub_fail(h, WR_ERR_CLOSED, "the agent is stopping");
    if (h->broken)
        WR_TRY(hub_load(h));
    if (h->self == NULL)
        return hub_fail(h, WR_ERR_STATE, "this home has no circle: use init or join");
    return WR_OK;
}

wr_err hub_settled(hub *h) {
    WR_TRY(hub_ready(h));
    wr_err err = hub_commit(h);
    if (err == WR_OK)
        return WR_OK;
    hub_give_up(h, err);
    return hub_fail(h, err, "%s", hub_store_text(h, err));
}

/* ---- the turn ---- */

/* The turn failed: the disk holds the last commit, and so must we. */
static void recover(hub *h, wr_err err) {
    char text[HUB_PROBLEM_MAX];
    snprintf(text, sizeof text, "%s", hub_store_text(h, err));
    diag(DIAG_ERROR, STORE_FAILED, diag_reason(err), diag_text("text", text));
    metrics_one(&h->metrics, METRIC_COMMITS_FAILED);
    if (h->in_transaction)
        store_rollback(h->store);
    h->in_transaction = false;
    h->failed = err; /* nothing more is begun */
    (void)hub_fail(h, err, "%s", text);
    join_abort(h, err);
    pairflow_undo(h);
    pump_close_all(h, err);
    h->failed = WR_OK;
    if (h->store != NULL && hub_load(h) == WR_OK) {
        diag(DIAG_WARN, STORE_RELOADED);
        hub_tell(h, &(hub_event){.type = HUB_EV_CIRCLE_CHANGED});
        hub_tell(h, &(hub_event){.type = HUB_EV_ENTRIES}); /* whoever read in between looks again */
    }
    (void)hub_fail(h, err, "%s", text);
}

static void set_timer(hub *h) {
    wr_mono next = wr_mono_min(pump_deadline(h), pairflow_deadline(h));
    next = wr_mono_min(next, beacon_deadline(h));
    next = wr_mono_min(next, rotation_deadline(h));
    next = wr_mono_min(next, rollback_deadline(h));
    if (h->self != NULL && h->config.net != NULL && !h->closing)
        next = wr_mono_min(next, mesh_deadline(h->mesh));
    if (h->broken)
        next = wr_mono_min(next, h->reload_at);
    loop_timer_set(h->timer, next);
}

static void free_hub(hub *h) {
    loop_fn closed = h->closed;
    void *ctx = h->closed_ctx;
    loop_set_turn(h->config.loop, NULL, NULL);
    loop_timer_free(h->timer);
    hub_unload(h);
    mesh_free(h->mesh);
    store_close(h->store);
    keystore_close(h->keystore);
    free(h->events);
    free(h);
    if (closed != NULL)
        closed(ctx);
}

static void run_turn(hub *h) {
    wr_err err = pairflow_turn(h);
    if (err == WR_OK && h->self != NULL)
        err = rollback_turn(h);
    if (err == WR_OK && h->self != NULL)
        err = append_turn(h);
    if (err == WR_OK)
        err = hub_commit(h);
    if (err != WR_OK)
        recover(h, err);
    else
        pairflow_stored(h);
    append_answer(h, err);
    pump_judge(h);
    pump_write(h);
    beacon_turn(h);
    tell_all(h);
    set_timer(h);
}

static void turn(void *ctx) {
    hub *h = ctx;
    if (!h->closing_over)
        run_turn(h);
    else if (h->conns == NULL)
        free_hub(h);
}

static void timer(void *ctx) {
    hub *h = ctx;
    pump_tick(h);
    if (h->broken && wr_mono_reached(h->reload_at, hub_now(h).mono) && hub_load(h) == WR_OK) {
        diag(DIAG_WARN, STORE_RELOADED);
        hub_tell(h, &(hub_event){.type = HUB_EV_CIRCLE_CHANGED});
        hub_tell(h, &(hub_event){.type = HUB_EV_ENTRIES});
    }
    loop_dirty(h->config.loop);
}

/* ---- life ---- */

static wr_err open_parts(hub *h) {
    h->events = calloc(HUB_EVENTS_MAX, sizeof *h->events);
    if (h->events == NULL)
        return WR_ERR_NOMEM;
    WR_TRY(loop_timer_new(h->config.loop, timer, h, &h->timer));
    return h->store != NULL ? hub_load(h) : WR_OK;
}

wr_err hub_open(const hub_config *config, keystore *keys, store *db, hub **ret_hub,
                const char **ret_problem) {
    static char problem[HUB_PROBLEM_MAX];
    hub *h = calloc(1, sizeof *h);
    *ret_problem = problem;
    if (h == NULL) {
        snprintf(problem, sizeof problem, "out of memory");
        return WR_ERR_NOMEM;
    }
    h->config = *config;
    h->keystore = keys;
    h->store = db;
    h->started = loop_now(config->loop).mono;
    h->jobs_end = &h->jobs;
    h->rotate_at = WR_MONO_NEVER;
    wr_rng_fill(&h->config.rng, h->instance.b, sizeof h->instance.b);
    wr_err err = open_parts(h);
    if (err != WR_OK) {
        snprintf(problem, sizeof problem, "%s",
                 h->problem[0] != '\0' ? h->problem : wr_err_text(err));
        h->store = NULL; /* stay the caller's */
        h->keystore = NULL;
        free_hub(h);
        return err;
    }
    loop_set_turn(config->loop, turn, h);
    pump_listen(h);
    loop_dirty(config->loop);
    *ret_hub = h;
    return WR_OK;
}

void hub_close(hub *h, loop_fn closed, void *ctx) {
    WR_ASSERT(!h->closing);
    h->closed = closed;
    h->closed_ctx = ctx;
    run_turn(h); /* whoever waits for an answer gets it */
    pairflow_close(h);
    pump_leave(h);
    run_turn(h);
    h->closing = true;
    pump_close_all(h, WR_ERR_CLOSED);
    if (hub_commit(h) != WR_OK)
        diag(DIAG_WARN, STORE_FAILED, diag_text("text", hub_store_text(h, WR_ERR_IO)));
    append_answer(h, WR_ERR_CLOSED);
    h->event_count = 0;
    h->closing_over = true;
    loop_dirty(h->config.loop);
}
