/* What the local API looks at: entries, logs, devices, status.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/hub_impl.h"

/* ---- entries ---- */

static wr_err explain(hub *h, wr_err err) {
    if (err == WR_OK)
        return WR_OK;
    if (err == WR_ERR_UNKNOWN)
        return hub_fail(h, err, "no such log on this device");
    if (err == WR_ERR_FORMAT)
        return hub_fail(h, err, "not a log's name, or not a cursor of this call and log");
    if (err == WR_ERR_IO || err == WR_ERR_CORRUPT)
        return hub_fail(h, err, "%s", hub_store_text(h, err));
    return hub_fail(h, err, "%s", wr_err_text(err));
}

wr_err hub_read(hub *h, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn, void *ctx,
                char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    WR_TRY(hub_settled(h));
    return explain(h, reader_read(h->reader, hub_now(h).wall, log, after, limit, fn, ctx,
                                  ret_cursor, ret_more));
}

wr_err hub_arrivals(hub *h, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn,
                    void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    WR_TRY(hub_settled(h));
    return explain(h, reader_arrivals(h->reader, hub_now(h).wall, log, after, limit, fn, ctx,
                                      ret_cursor, ret_more));
}

wr_err hub_each_log(hub *h, hub_log_fn fn, void *ctx) {
    WR_TRY(hub_settled(h));
    return explain(h, reader_each_log(h->reader, fn, ctx));
}

/* ---- devices ---- */

const conn *pump_link_of(const hub *h, const wr_hash *device) {
    for (const conn *c = h->conns; c != NULL; c = c->next)
        if (c->up && wr_hash_equal(wr_link_peer(c->link), device))
            return c;
    return NULL;
}

static uint64_t entries_held(const hub *h) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < wr_self_feed_count(h->self); i++)
        total += wr_self_feed(h->self, i)->tree.len;
    return total;
}

/* What was known of a sibling when it was last heard. */
static void remember(hub *h, hub_device *row) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_SEEN_SIZE];
    wr_buf out = WR_BUF_ARRAY(value);
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_SEEN, &row->device, key), &out);
    uint64_t total = entries_held(h);
    if (err != WR_OK || out.len != sizeof value) {
        row->ahead = total; /* it never told that it holds any */
        return;
    }
    uint64_t held = wr_load_u64(value + 8);
    row->last_seen_ms = wr_load_u64(value);
    row->ahead = total > held ? total - held : 0;
    row->behind = wr_load_u64(value + 16);
}

wr_err hub_each_device(hub *h, hub_device_fn fn, void *ctx) {
    WR_TRY(hub_settled(h));
    const wr_generations *generations = wr_self_generations(h->self);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    for (uint32_t i = 0; i < wr_generations_device_count(generations); i++) {
        const wr_member *member = wr_generations_device_at(generations, i);
        uint8_t bytes[WR_NAME_BYTES_MAX];
        wr_buf name = WR_BUF_ARRAY(bytes);
        const conn *link = pump_link_of(h, &member->device_id);
        hub_device row = {.device = member->device_id,
                          .this_device = wr_hash_equal(&member->device_id, own),
                          .admin = member->role == WR_ROLE_ADMIN,
                          .current = members_is_in(h, &member->device_id),
                          .state = HUB_OFFLINE,
                          .path = HUB_PATH_NONE,
                          .added_ms = member->added_hlc >> 16};
        if (row.this_device)
            WR_TRY(hub_get_name(h, &name));
        else
            reader_device_name(h->reader, &member->device_id, &name);
        row.name = wr_buf_slice(&name);
        if (link != NULL) {
            row.path = pump_path(link);
            row.rtt_ms = wr_link_rtt_ms(link->link);
            wr_link_backlog(link->link, &row.behind, &row.ahead);
        }
        if (row.this_device || link != NULL)
            row.state = HUB_ONLINE;
        if (row.state == HUB_ONLINE)
            row.last_seen_ms = hub_now(h).wall.ms;
        else
            remember(h, &row);
        WR_TRY(fn(ctx, &row));
    }
    return WR_OK;
}

/* ---- status ---- */

static wr_err circle_status(hub *h, hub_status *status) {
    const wr_graph *graph = wr_self_graph(h->self);
    wr_buf name = wr_buf_of(status->name, WR_NAME_BYTES_MAX);
    const wr_hash *epoch = wr_self_write_epoch(h->self);
    status->has_circle = true;
    status->device = wr_self_identity(h->self)->device_id;
    status->circle = *wr_graph_circle_id(graph);
    if (epoch != NULL)
        status->epoch = *epoch;
    status->devices = wr_graph_current_count(graph);
    status->pending = h->tail_count;
    status->hold = rollback_hold(h);
    status->recovery_kept = keystore_get(h->keystore)->has_recovery;
    status->pq = wr_generations_is_pq(wr_self_generations(h->self));
    WR_TRY(hub_get_name(h, &name));
    status->name[name.len] = '\0';
    status->entries = h->tail_count;
    for (uint32_t i = 0; i < wr_self_feed_count(h->self); i++) {
        const wr_feed *feed = wr_self_feed(h->self, i);
        status->entries += feed->stream == 0 ? feed->tree.len : 0;
    }
    return store_disk_bytes(h->store, &status->bytes);
}

const wr_hash *hub_device_id(const hub *h) {
    return h->self != NULL ? &wr_self_identity(h->self)->device_id : NULL;
}

wr_err hub_get_status(hub *h, hub_status *ret_status) {
    hub_status status = {.uptime_s = (hub_now(h).mono.ms - h->started.ms) / 1000u};
    if (h->config.net != NULL)
        status.listen_count =
            (uint32_t)net_local_addrs(h->config.net, status.listen, WR_COUNT(status.listen));
    if (h->broken)
        WR_TRY(hub_ready(h));
    if (h->self != NULL) {
        wr_err err = circle_status(h, &status);
        if (err != WR_OK)
            return explain(h, err);
    }
    *ret_status = status;
    return WR_OK;
}
