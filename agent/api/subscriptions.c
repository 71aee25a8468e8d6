/* log.subscribe: entries in order of arrival, pulled from the store only while the client reads.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "api/methods_impl.h"
#include "base/text.h"

#define BATCH_MAX 128u /* entries asked of the hub at once */

/* ---- feeding ---------------------------------------------------------------------------- */

typedef struct feed {
    client *who;
    subscription *s;
    bool full; /* no more room: the batch ends here */
} feed;

static void set_cursor(subscription *s, const char *cursor) {
    size_t len = strlen(cursor);
    WR_ASSERT(len < sizeof s->cursor);
    memcpy(s->cursor, cursor, len + 1);
}

static wr_err feed_entry(void *ctx, const hub_entry *entry) {
    feed *f = ctx;
    f->full = !server_conn_has_room(f->who->conn);
    if (f->full)
        return WR_ERR_NOBUF;
    warren_value *params = value_of_entry(wr_slice_of(f->s->log, f->s->log_len), entry);
    warren_put(params, "subscription", warren_uint(f->s->id));
    warren_put(params, "cursor", warren_str(entry->cursor));
    wr_err err = params ? server_conn_notify(f->who->conn, "log.entry", params) : WR_ERR_NOMEM;
    warren_value_free(params);
    if (err == WR_OK)
        set_cursor(f->s, entry->cursor);
    f->full = err != WR_OK;
    return err;
}

/* One batch; true: there may be more to send at once. */
static bool feed_batch(methods *m, client *who, subscription *s) {
    feed f = {who, s, false};
    char from[HUB_CURSOR_MAX], next[HUB_CURSOR_MAX];
    bool more = false;
    memcpy(from, s->cursor, sizeof from);
    wr_err err = hub_arrivals(m->config.hub, wr_slice_of(s->log, s->log_len), wr_slice_str(from),
                              BATCH_MAX, feed_entry, &f, next, &more);
    if (err != WR_OK || f.full) {
        /* A log that does not exist yet, or no room: both come back by themselves. */
        s->dirty = f.full;
        return false;
    }
    set_cursor(s, next);
    s->dirty = more;
    return more;
}

/* True: something is left that could be sent at once. */
bool subscriptions_pump(methods *m, client *who) {
    if (who->events_lost > 0 && server_conn_has_room(who->conn)) {
        WR_AUTO(warren_value) params = warren_map();
        warren_put(params, "count", warren_uint(who->events_lost));
        if (server_conn_notify(who->conn, "events.lost", params) == WR_OK)
            who->events_lost = 0;
    }
    bool more = false;
    for (subscription *s = who->subscriptions; s; s = s->next)
        if (s->dirty && server_conn_has_room(who->conn))
            more |= feed_batch(m, who, s);
    return more;
}

void subscriptions_entries(methods *m) {
    bool any = false;
    for (client *who = m->clients; who; who = who->next)
        for (subscription *s = who->subscriptions; s; s = s->next)
            s->dirty = any = true;
    if (any && m->server)
        server_wake(m->server);
}

void subscriptions_free(client *who) {
    while (who->subscriptions) {
        subscription *s = who->subscriptions;
        who->subscriptions = s->next;
        free(s);
    }
}

/* ---- the methods ----------------------------------------------------------------------------- */

static wr_err ignore_entry(void *ctx, const hub_entry *entry) {
    (void)ctx;
    (void)entry;
    return WR_OK;
}

/* Where to start; a log that is not there yet starts at its beginning, whatever was asked. */
static wr_err place(const call *c, subscription *s) {
    wr_slice after = call_slice(c, "after"), log = wr_slice_of(s->log, s->log_len);
    bool now = wr_equal(after, wr_slice_str(HUB_CURSOR_NOW)), more = false;
    char cursor[HUB_CURSOR_MAX];
    if (after.len >= sizeof s->cursor)
        return WR_ERR_FORMAT;
    wr_err err = hub_arrivals(c->hub, log, after, 1, ignore_entry, NULL, cursor, &more);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    if (err == WR_OK && now)
        set_cursor(s, cursor);
    else if (err == WR_OK && after.len != 0)
        memcpy(s->cursor, after.ptr, after.len);
    return err;
}

void log_subscribe(call *c) {
    wr_slice log = call_slice(c, "log");
    if (!wr_text_is_name(log)) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "'log' is not a name of a log");
        return;
    }
    client *who = call_client(c);
    if (!who)
        return;
    if (who->subscription_count >= SUBSCRIPTIONS_MAX) {
        rpc_reply_fail(c->reply, WARREN_E_TOO_LARGE, "a connection may have %u subscriptions",
                       SUBSCRIPTIONS_MAX);
        return;
    }
    subscription *s = calloc(1, sizeof *s);
    if (!s) {
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
        return;
    }
    memcpy(s->log, log.ptr, log.len);
    s->log_len = log.len;
    wr_err err = place(c, s);
    if (err != WR_OK) {
        free(s);
        if (err == WR_ERR_FORMAT)
            rpc_reply_fail(c->reply, WARREN_E_INVALID, "'after' is not a cursor of log.subscribe");
        else
            call_fail_hub(c, err);
        return;
    }
    s->id = c->m->next_subscription++;
    s->dirty = true;
    s->next = who->subscriptions;
    who->subscriptions = s;
    who->subscription_count++;
    warren_value *result = warren_map();
    warren_put(result, "subscription", warren_uint(s->id));
    warren_put(result, "cursor", warren_str(s->cursor));
    call_ok(c, result);
    server_wake(c->m->server);
}

void log_unsubscribe(call *c) {
    client *who = server_conn_data(c->conn);
    uint64_t id = call_uint(c, "subscription", 0);
    for (subscription **at = who ? &who->subscriptions : NULL; at && *at; at = &(*at)->next) {
        if ((*at)->id != id)
            continue;
        subscription *s = *at;
        *at = s->next;
        who->subscription_count--;
        free(s);
        call_ok(c, warren_map());
        return;
    }
    rpc_reply_fail(c->reply, WARREN_E_NOT_FOUND, "no subscription %llu on this connection",
                   (unsigned long long)id);
}
