/* Methods of the logs: append, read, list.  Subscriptions: subscriptions.c.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "api/methods_impl.h"
#include "base/text.h"

/* ---- append -------------------------------------------------------------------------- */

static pending *append_pending(const call *c, bool single) {
    wr_slice log = call_slice(c, "log");
    if (!wr_text_is_name(log)) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID,
                       "a log's name has 1 to 128 bytes of UTF-8, no control characters and no "
                       "leading '-'");
        return NULL;
    }
    pending *p = calloc(1, sizeof *p);
    if (!p) {
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
        return NULL;
    }
    *p = (pending){.m = c->m, .conn = c->conn, .reply = c->reply, .single = single};
    p->log_len = log.len;
    memcpy(p->log, log.ptr, log.len);
    return p;
}

static void put_appended(warren_value *row, const wr_hash *device, const hub_appended *entry) {
    warren_put(row, "seq", entry->signed_now ? warren_uint(entry->seq) : warren_nil());
    warren_put(row, "id", value_of_entry_id(device, entry->hlc));
    warren_put(row, "time", warren_uint(entry->hlc >> 16));
}

static warren_value *appended_result(const pending *p, const hub_appended *list, uint32_t count) {
    const wr_hash *device = hub_device_id(p->m->config.hub);
    if (device == NULL)
        return NULL;
    warren_value *result = warren_map();
    warren_put(result, "log", value_of_slice(wr_slice_of(p->log, p->log_len)));
    warren_put(result, "device", value_of_id(device));
    if (p->single) {
        WR_ASSERT(count == 1);
        put_appended(result, device, list);
        return result;
    }
    warren_value *rows = warren_array();
    for (uint32_t i = 0; i < count; i++) {
        warren_value *row = warren_map();
        put_appended(row, device, &list[i]);
        warren_push(rows, row);
    }
    warren_put(result, "entries", rows);
    return result;
}

static void appended(void *ctx, wr_err err, const hub_appended *list, uint32_t count) {
    pending *p = ctx;
    call c = {.m = p->m, .hub = p->m->config.hub, .reply = p->reply};
    if (err != WR_OK)
        call_fail_hub(&c, err);
    else
        call_ok(&c, appended_result(p, list, count));
    free(p);
}

static void append_items(const call *c, const hub_item *items, uint32_t count, bool single) {
    pending *p = append_pending(c, single);
    if (!p)
        return;
    wr_err err = hub_append(c->hub, call_slice(c, "log"), items, count, appended, p);
    if (err == WR_OK)
        return;
    call_fail_hub(c, err);
    free(p);
}

void log_append(call *c) {
    hub_item item = {call_slice(c, "kind"), call_slice(c, "body")};
    append_items(c, &item, 1, true);
}

/* False: not {kind?, body}; the call has been answered. */
static bool read_item(const call *c, size_t index, const warren_value *entry, hub_item *ret_item) {
    for (size_t i = 0; i < warren_count(entry); i++) {
        wr_slice key = value_slice(warren_key_at(entry, i));
        if (wr_equal(key, wr_slice_str("kind")) || wr_equal(key, wr_slice_str("body")))
            continue;
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "entry %zu: only kind and body are known",
                       index);
        return false;
    }
    const warren_value *kind = warren_find(entry, "kind"), *body = warren_find(entry, "body");
    bool kind_fits = warren_type_of(kind) == WARREN_NIL || warren_type_of(kind) == WARREN_STR;
    bool body_fits = warren_type_of(body) == WARREN_BIN || warren_type_of(body) == WARREN_STR;
    if (!kind_fits || !body_fits) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID,
                       "entry %zu: must be a map with body (bytes or a string) and perhaps kind "
                       "(a string)",
                       index);
        return false;
    }
    *ret_item = (hub_item){value_slice(kind), value_slice(body)};
    return true;
}

void log_append_many(call *c) {
    const warren_value *entries = call_param(c, "entries");
    size_t count = warren_count(entries);
    if (count == 0 || count > HUB_APPEND_MAX) {
        rpc_reply_fail(c->reply, count ? WARREN_E_TOO_LARGE : WARREN_E_INVALID,
                       "parameter 'entries' must have 1 to %u items, not %zu", HUB_APPEND_MAX,
                       count);
        return;
    }
    hub_item *items = calloc(count, sizeof *items);
    if (!items) {
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
        return;
    }
    bool fine = true;
    for (size_t i = 0; fine && i < count; i++)
        fine = read_item(c, i, warren_at(entries, i), &items[i]);
    if (fine)
        append_items(c, items, (uint32_t)count, false);
    free(items);
}

/* ---- read --------------------------------------------------------------------------------- */

#define READ_ENTRIES 1024u     /* where the caller names no limit */
#define READ_ENTRIES_MAX 4096u /* of one answer; the rest follows by cursor */
#define READ_BYTES_MAX (4u * 1024u * 1024u)
#define READ_STEP                                                                                  \
    128u /* entries asked of the hub at once: with 60 KiB each the answer still fits */

typedef struct page {
    wr_slice log;
    warren_value *entries;
    size_t bytes;
} page;

static wr_err add_entry(void *ctx, const hub_entry *entry) {
    page *to = ctx;
    to->bytes += entry->body.len;
    return warren_push(to->entries, value_of_entry(to->log, entry)) ? WR_OK : WR_ERR_NOMEM;
}

static wr_err read_page(hub *h, page *to, wr_slice after, uint64_t limit,
                        char cursor[HUB_CURSOR_MAX], bool *ret_more) {
    uint64_t left = limit;
    bool more = true;
    for (bool first = true; more && left > 0 && to->bytes < READ_BYTES_MAX; first = false) {
        char next[HUB_CURSOR_MAX];
        size_t before = warren_count(to->entries);
        uint32_t step = (uint32_t)(left < READ_STEP ? left : READ_STEP);
        WR_TRY(hub_read(h, to->log, first ? after : wr_slice_str(cursor), step, add_entry, to, next,
                        &more));
        memcpy(cursor, next, HUB_CURSOR_MAX);
        left -= warren_count(to->entries) - before;
        if (warren_count(to->entries) == before)
            break;
    }
    *ret_more = more;
    return WR_OK;
}

void log_read(call *c) {
    uint64_t limit = call_uint(c, "limit", READ_ENTRIES);
    if (limit == 0) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'limit' must be at least 1");
        return;
    }
    limit = limit < READ_ENTRIES_MAX ? limit : READ_ENTRIES_MAX;
    WR_AUTO(warren_value) entries = warren_array();
    page to = {call_slice(c, "log"), entries, 0};
    char cursor[HUB_CURSOR_MAX] = "";
    bool more = false;
    wr_err err = read_page(c->hub, &to, call_slice(c, "after"), limit, cursor, &more);
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "entries", wr_steal(&entries));
    warren_put(result, "cursor", warren_str(cursor));
    warren_put(result, "more", warren_bool(more));
    call_ok(c, result);
}

static wr_err add_log(void *ctx, const hub_log *log) {
    warren_value *row = warren_map();
    warren_put(row, "name", value_of_slice(log->name));
    warren_put(row, "entries", warren_uint(log->entries));
    return warren_push(ctx, row) ? WR_OK : WR_ERR_NOMEM;
}

void log_list(call *c) {
    warren_value *result = warren_map();
    WR_AUTO(warren_value) list = warren_array();
    wr_err err = hub_each_log(c->hub, add_log, list);
    if (err != WR_OK) {
        warren_value_free(result);
        call_fail_hub(c, err);
        return;
    }
    warren_put(result, "logs", wr_steal(&list));
    call_ok(c, result);
}
