/* The fake hub: one device, entries in an array in order of arrival, which is mesh order too.
 *
 * Cursors are "m<n>" in mesh order and "a<n>" in order of arrival.  Answers that the real hub gives
 * after its commit come from a timer of the next turn.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fake_hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "api_fake_members.h"

#define ENTRIES_MAX 200000u
#define WAITING_MAX 8192u

typedef struct item {
    char log[64];
    char kind[32];
    uint8_t *body;
    size_t len;
    uint64_t hlc;
} item;

typedef struct waiting { /* an answer due at the next turn */
    hub_appended_fn appended;
    hub_done_fn done;
    void *ctx;
    wr_err err;
    uint32_t first, count;
} waiting;

struct hub {
    hub_config config;
    loop_timer *timer;
    item *items;
    uint32_t count;
    waiting waiting[WAITING_MAX];
    uint32_t waiting_count;
    bool hold, circle, words, pairing, joining;
    char name[WR_NAME_BYTES_MAX + 1];
    const char *problem;
    uint64_t pulled;
    fake_members members;
};

static void copy(void *to, wr_slice from) {
    if (from.len > 0)
        memcpy(to, from.ptr, from.len);
}

static wr_err fail(hub *h, wr_err err, const char *text) {
    h->problem = text;
    return err;
}

static void answer(hub *h, const waiting *w) {
    if (w->done) {
        w->done(w->ctx, w->err);
        return;
    }
    hub_appended *list = calloc(w->count, sizeof *list);
    for (uint32_t i = 0; i < w->count; i++)
        list[i] = (hub_appended){true, w->first + i, h->items[w->first + i].hlc};
    w->appended(w->ctx, WR_OK, list, w->count);
    free(list);
}

void fake_hub_settle(hub *h) {
    uint32_t count = h->waiting_count;
    h->waiting_count = 0;
    for (uint32_t i = 0; i < count; i++)
        answer(h, &h->waiting[i]);
    hub_event event = {.type = HUB_EV_ENTRIES};
    h->config.event(h->config.ctx, &event);
}

static void on_timer(void *ctx) {
    fake_hub_settle(ctx);
}

static void later(hub *h, waiting w) {
    WR_ASSERT(h->waiting_count < WAITING_MAX);
    h->waiting[h->waiting_count++] = w;
    if (!h->hold)
        loop_timer_set(h->timer, loop_now(h->config.loop).mono);
}

fake_members *fake_hub_members(hub *h) {
    return &h->members;
}
wr_err fake_hub_fail(hub *h, wr_err err, const char *text) {
    return fail(h, err, text);
}
void fake_hub_later(hub *h, wr_err err, hub_done_fn done, void *ctx) {
    later(h, (waiting){.done = done, .ctx = ctx, .err = err});
}

void fake_hub_hold(hub *h, bool hold) {
    h->hold = hold;
}
bool fake_hub_pairing_open(const hub *h) {
    return h->pairing;
}
bool fake_hub_joining(const hub *h) {
    return h->joining;
}
uint64_t fake_hub_pulled(const hub *h) {
    return h->pulled;
}

void fake_hub_knock(hub *h, const char *name) {
    hub_event event = {.type = HUB_EV_PAIRING_REQUEST,
                       .pairing = 7,
                       .name = wr_slice_str(name),
                       .words = "able baker cedar delta"};
    h->config.event(h->config.ctx, &event);
}

wr_err hub_open(const hub_config *config, keystore *ks, store *st, hub **ret_hub,
                const char **ret_problem) {
    (void)ks;
    (void)st;
    (void)ret_problem;
    hub *h = calloc(1, sizeof *h);
    h->config = *config;
    h->items = calloc(ENTRIES_MAX, sizeof *h->items);
    h->problem = "no problem";
    wr_err err = loop_timer_new(config->loop, on_timer, h, &h->timer);
    WR_ASSERT(err == WR_OK);
    *ret_hub = h;
    return WR_OK;
}

void hub_close(hub *h, loop_fn closed, void *ctx) {
    fake_hub_settle(h);
    loop_timer_free(h->timer);
    for (uint32_t i = 0; i < h->count; i++)
        free(h->items[i].body);
    free(h->items);
    free(h);
    closed(ctx);
}

const char *hub_problem(const hub *h) {
    return h->problem;
}
bool hub_has_circle(const hub *h) {
    return h->circle;
}

wr_err hub_init(hub *h, wr_slice name, bool keep_recovery) {
    memcpy(h->name, name.ptr, name.len);
    h->circle = true;
    h->words = keep_recovery;
    return WR_OK;
}

wr_err hub_show_recovery(hub *h, char words[HUB_WORDS_MAX]) {
    if (!h->words)
        return fail(h, WR_ERR_UNKNOWN, "no words");
    h->words = false;
    snprintf(words, HUB_WORDS_MAX,
             "abandon abandon abandon abandon abandon abandon abandon "
             "abandon abandon abandon abandon art");
    return WR_OK;
}

wr_err hub_check_recovery(hub *h, wr_slice words, bool *ret_yes) {
    (void)h;
    *ret_yes = words.len > 0 && words.ptr[0] == 'a';
    return WR_OK;
}

wr_err hub_pair_open(hub *h, bool admin, uint32_t timeout_s, bool auto_accept,
                     hub_pairing *ret_pairing) {
    (void)admin;
    (void)auto_accept;
    if (h->pairing)
        return fail(h, WR_ERR_BUSY, "a pairing is open");
    h->pairing = true;
    *ret_pairing = (hub_pairing){7, "4217-able-baker-cedar", "warren:fake", timeout_s};
    return WR_OK;
}

wr_err hub_pair_answer(hub *h, uint64_t pairing, bool accept) {
    if (!h->pairing || pairing != 7)
        return fail(h, WR_ERR_UNKNOWN, "no such pairing");
    hub_event event = {.type = accept ? HUB_EV_PAIRING_DONE : HUB_EV_PAIRING_FAILED,
                       .pairing = pairing,
                       .name = wr_slice_str("newcomer"),
                       .text = accept ? NULL : "refused by the owner"};
    h->pairing = false;
    h->config.event(h->config.ctx, &event);
    return WR_OK;
}

void hub_pair_close(hub *h, uint64_t pairing) {
    WR_ASSERT(pairing == 7);
    h->pairing = false;
}

wr_err hub_join(hub *h, wr_slice code_or_uri, wr_slice name, const net_addr *peer, hub_done_fn done,
                void *ctx) {
    (void)peer;
    if (h->joining)
        return fail(h, WR_ERR_BUSY, "a join is under way");
    if (code_or_uri.len < 8)
        return fail(h, WR_ERR_FORMAT, "not a code");
    if (code_or_uri.ptr[0] == '9') { /* a code that waits until it is cancelled */
        h->joining = true;
        h->waiting[h->waiting_count++] = (waiting){.done = done, .ctx = ctx, .err = WR_ERR_CLOSED};
        return WR_OK;
    }
    memcpy(h->name, name.ptr, name.len);
    h->circle = true;
    later(h, (waiting){.done = done, .ctx = ctx});
    return WR_OK;
}

wr_err hub_rejoin(hub *h, wr_slice code_or_uri, wr_slice name, const net_addr *peer,
                  hub_done_fn done, void *ctx) {
    if (!h->circle)
        return fail(h, WR_ERR_STATE, "this home has no circle");
    return hub_join(h, code_or_uri, name, peer, done, ctx);
}

void hub_join_cancel(hub *h) {
    h->joining = false;
    h->problem = "cancelled";
    loop_timer_set(h->timer, loop_now(h->config.loop).mono);
}

wr_err hub_append(hub *h, wr_slice log, const hub_item *items, uint32_t count, hub_appended_fn done,
                  void *ctx) {
    for (uint32_t i = 0; i < count; i++)
        if (items[i].body.len > WR_BODY_BYTES_MAX)
            return fail(h, WR_ERR_LIMIT, "a body is over 60 KiB: use a blob");
    WR_ASSERT(h->count + count <= ENTRIES_MAX);
    uint32_t first = h->count;
    for (uint32_t i = 0; i < count; i++) {
        item *to = &h->items[h->count++];
        copy(to->log, log);
        copy(to->kind, items[i].kind);
        to->len = items[i].body.len;
        to->body = malloc(to->len + 1);
        copy(to->body, items[i].body);
        to->hlc = (1700000000000u + (uint64_t)h->count) << 16;
    }
    later(h, (waiting){.appended = done, .ctx = ctx, .first = first, .count = count});
    return WR_OK;
}

static wr_err walk(hub *h, char kind, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn,
                   void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    char text[HUB_CURSOR_MAX] = "", cursor[HUB_CURSOR_MAX];
    uint32_t from = 0, given = 0;
    bool known = false;
    if (after.len > 0) {
        memcpy(text, after.ptr, after.len);
        if (strcmp(text, HUB_CURSOR_NOW) == 0 && kind == 'a')
            from = h->count;
        else if (text[0] != kind)
            return fail(h, WR_ERR_FORMAT, "not a cursor of this call");
        else
            from = (uint32_t)strtoul(text + 1, NULL, 10);
    }
    for (uint32_t i = 0; i < h->count && !known; i++)
        known = wr_equal(log, wr_slice_str(h->items[i].log));
    if (!known)
        return fail(h, WR_ERR_UNKNOWN, "no such log");
    for (; from < h->count && given < limit; from++) {
        const item *it = &h->items[from];
        if (!wr_equal(log, wr_slice_str(it->log)))
            continue;
        hub_entry entry = {.device = {{1}},
                           .has_seq = true,
                           .seq = from,
                           .hlc = it->hlc,
                           .kind = wr_slice_str(it->kind),
                           .body = wr_slice_of(it->body, it->len),
                           .late = strcmp(it->kind, "late") == 0,
                           .cursor = cursor};
        snprintf(cursor, sizeof cursor, "%c%u", kind, from + 1);
        h->pulled++;
        WR_TRY(fn(ctx, &entry));
        given++;
    }
    snprintf(ret_cursor, HUB_CURSOR_MAX, "%c%u", kind, from);
    *ret_more = from < h->count;
    return WR_OK;
}

wr_err hub_read(hub *h, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn, void *ctx,
                char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    return walk(h, 'm', log, after, limit, fn, ctx, ret_cursor, ret_more);
}

wr_err hub_arrivals(hub *h, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn,
                    void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    return walk(h, 'a', log, after, limit, fn, ctx, ret_cursor, ret_more);
}

wr_err hub_each_log(hub *h, hub_log_fn fn, void *ctx) {
    for (uint32_t i = 0; i < h->count; i++) {
        uint64_t entries = 0;
        bool seen = false;
        for (uint32_t j = 0; j < h->count; j++) {
            bool same = strcmp(h->items[i].log, h->items[j].log) == 0;
            seen |= same && j < i;
            entries += same;
        }
        hub_log row = {wr_slice_str(h->items[i].log), entries};
        if (!seen)
            WR_TRY(fn(ctx, &row));
    }
    return WR_OK;
}

wr_err hub_each_device(hub *h, hub_device_fn fn, void *ctx) {
    hub_device self = {.device = {{1}},
                       .name = wr_slice_str(h->name),
                       .this_device = true,
                       .admin = true,
                       .current = true,
                       .added_ms = 1700000000000u};
    hub_device other = {.device = {{2}},
                        .name = wr_slice_str("desktop"),
                        .current = true,
                        .state = HUB_ONLINE,
                        .path = HUB_PATH_LAN,
                        .behind = 3,
                        .rtt_ms = 2,
                        .added_ms = 1700000001000u,
                        .last_seen_ms = 1700000002000u};
    WR_TRY(fn(ctx, &self));
    WR_TRY(fn(ctx, &other));
    for (uint32_t i = 0; i < h->members.device_count; i++)
        WR_TRY(fn(ctx, &h->members.devices[i].device));
    return WR_OK;
}

wr_err hub_rename(hub *h, wr_slice name, hub_done_fn done, void *ctx) {
    memset(h->name, 0, sizeof h->name);
    memcpy(h->name, name.ptr, name.len);
    later(h, (waiting){.done = done, .ctx = ctx});
    return WR_OK;
}

const wr_hash *hub_device_id(const hub *h) {
    static hub_status status;
    return hub_get_status((hub *)(uintptr_t)h, &status) == WR_OK ? &status.device : NULL;
}

const metrics *hub_metrics(const hub *h) {
    static const metrics counted = {.value = {[METRIC_DIALS] = 7}};
    (void)h;
    return &counted;
}

wr_err hub_get_status(hub *h, hub_status *ret_status) {
    *ret_status = (hub_status){.has_circle = h->circle,
                               .device = {{1}},
                               .circle = {{9}},
                               .epoch = {{8}},
                               .devices = 2,
                               .uptime_s = 5,
                               .entries = h->count,
                               .bytes = 4096,
                               .recovery_kept = h->words};
    memcpy(ret_status->name, h->name, sizeof ret_status->name);
    return WR_OK;
}
