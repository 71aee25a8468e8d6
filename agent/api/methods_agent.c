/* Methods of the agent itself: status, version, stop, settings, passphrase.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/methods_impl.h"

/* ---- status --------------------------------------------------------------------------- */

static wr_err add_sibling(void *ctx, const hub_device *device) {
    if (device->this_device || !device->current)
        return WR_OK;
    warren_value *row = value_of_device(&device->device, device->name);
    warren_put(row, "state", warren_str(methods_state_text(device->state)));
    warren_put(row, "path", warren_str(methods_path_text(device->path)));
    warren_put(row, "behind", warren_uint(device->behind));
    warren_put(row, "ahead", warren_uint(device->ahead));
    warren_put(row, "rtt_ms", device->rtt_ms ? warren_uint(device->rtt_ms) : warren_nil());
    warren_put(row, "last_seen",
               device->last_seen_ms ? warren_uint(device->last_seen_ms) : warren_nil());
    return warren_push(ctx, row) ? WR_OK : WR_ERR_NOMEM;
}

static warren_value *setting(const call *c, const char *key) {
    char text[METHODS_SETTING_MAX];
    const methods_config *from = &c->m->config;
    return from->get_setting(from->ctx, wr_slice_str(key), text) == WR_OK ? warren_str(text)
                                                                          : warren_nil();
}

static warren_value *counters_value(const metrics *counters) {
    warren_value *result = warren_map();
    for (metric m = 0; m < METRIC_COUNT; m++)
        warren_put(result, metric_name(m), warren_uint(counters->value[m]));
    return result;
}

static warren_value *listen_value(const hub_status *status) {
    warren_value *list = warren_array();
    for (uint32_t i = 0; i < status->listen_count; i++) {
        char text[NET_ADDR_TEXT_MAX];
        net_addr_format(&status->listen[i], text);
        warren_push(list, warren_str(text));
    }
    return list;
}

static const char *hold_text(hub_hold hold) {
    switch (hold) {
    case HUB_HOLD_NONE:
        break;
    case HUB_HOLD_WAITING:
        return "waiting";
    case HUB_HOLD_BEHIND:
        return "behind";
    case HUB_HOLD_LOST:
        return "lost";
    case HUB_HOLD_TWIN:
        return "twin";
    case HUB_HOLD_OUT:
        return "out";
    }
    return "none";
}

/* No circle: circle and device are nil, and the rest says what the agent does meanwhile. */
static void put_circle(warren_value *result, const hub_status *status) {
    if (!status->has_circle) {
        warren_put(result, "device", warren_nil());
        warren_put(result, "circle", warren_nil());
        return;
    }
    warren_value *circle = warren_map();
    warren_put(circle, "id", value_of_id(&status->circle));
    bool keyed = !wr_is_zero(WR_SLICE_OBJ(status->epoch)); /* else none is held to write under */
    warren_put(circle, "epoch", keyed ? value_of_id(&status->epoch) : warren_nil());
    warren_put(circle, "devices", warren_uint(status->devices));
    warren_put(result, "device", value_of_device(&status->device, wr_slice_str(status->name)));
    warren_put(result, "circle", circle);
}

void agent_status(call *c) {
    hub_status status;
    WR_AUTO(warren_value) siblings = warren_array();
    wr_err err = hub_get_status(c->hub, &status);
    if (err == WR_OK && status.has_circle)
        err = hub_each_device(c->hub, add_sibling, siblings);
    uint64_t alerts = 0;
    if (err == WR_OK && status.has_circle)
        err = methods_count_alerts(c->hub, &alerts);
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    warren_value *result = warren_map(), *mailbox = warren_map();
    put_circle(result, &status);
    warren_put(result, "uptime_s", warren_uint(status.uptime_s));
    warren_put(result, "mode", setting(c, "network.mode"));
    warren_put(result, "power", setting(c, "power.mode"));
    warren_put(result, "entries", warren_uint(status.entries));
    warren_put(result, "pending", warren_uint(status.pending));
    warren_put(result, "hold", warren_str(hold_text(status.hold)));
    warren_put(result, "bytes", warren_uint(status.bytes));
    warren_put(result, "siblings", wr_steal(&siblings));
    warren_put(result, "alerts", warren_uint(alerts));
    warren_put(mailbox, "url", warren_nil());
    warren_put(mailbox, "state", warren_str("off"));
    warren_put(mailbox, "pending", warren_uint(0));
    warren_put(result, "mailbox", mailbox);
    warren_put(result, "listen", listen_value(&status));
    if (status.has_circle)
        warren_put(result, "recovery", warren_str(status.recovery_kept ? "kept" : "gone"));
    warren_put(result, "counters", counters_value(hub_metrics(c->hub)));
    warren_put(result, "home", warren_str(c->m->config.home));
    call_ok(c, result);
}

void agent_version(call *c) {
    warren_value *result = warren_map();
    warren_put(result, "version", warren_str(WARREN_VERSION));
    warren_put(result, "rpc", warren_uint(WARREN_RPC_VERSION));
    call_ok(c, result);
}

void agent_stop(call *c) {
    call_ok(c, warren_map());
    c->m->config.stop(c->m->config.ctx);
}

/* ---- settings --------------------------------------------------------------------------- */

static void all_settings(call *c) {
    warren_value *result = warren_map(), *settings = warren_map();
    const methods_config *from = &c->m->config;
    for (size_t i = 0; from->setting_key(from->ctx, i); i++) {
        const char *key = from->setting_key(from->ctx, i);
        warren_put(settings, key, setting(c, key));
    }
    warren_put(result, "config", settings);
    call_ok(c, result);
}

static void no_such_setting(call *c, wr_slice key) {
    rpc_reply_fail(c->reply, WARREN_E_INVALID, "no setting '%.*s'; 'warren config get' lists them",
                   (int)(key.len < 64 ? key.len : 64), (const char *)key.ptr);
}

void config_get(call *c) {
    if (!call_param(c, "key")) {
        all_settings(c);
        return;
    }
    wr_slice key = call_slice(c, "key");
    char text[METHODS_SETTING_MAX];
    const methods_config *from = &c->m->config;
    if (from->get_setting(from->ctx, key, text) != WR_OK) {
        no_such_setting(c, key);
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "key", value_of_slice(key));
    warren_put(result, "value", warren_str(text));
    call_ok(c, result);
}

void config_set(call *c) {
    wr_slice key = call_slice(c, "key");
    char text[METHODS_SETTING_MAX];
    const methods_config *to = &c->m->config;
    bool live = false;
    const char *problem = "";
    wr_err err = to->set_setting(to->ctx, key, call_slice(c, "value"), &live, &problem);
    if (err == WR_OK)
        err = to->get_setting(to->ctx, key, text);
    if (err == WR_ERR_UNKNOWN) {
        no_such_setting(c, key);
        return;
    }
    if (err != WR_OK) {
        rpc_reply_fail(c->reply, methods_error(err), "%s", problem);
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "key", value_of_slice(key));
    warren_put(result, "value", warren_str(text));
    warren_put(result, "live", warren_bool(live));
    call_ok(c, result);
}

/* ---- passphrase -------------------------------------------------------------------------- */

#define PASSPHRASE_BYTES_MAX 1024u

void passphrase_set(call *c) {
    wr_slice passphrase = call_slice(c, "passphrase");
    const char *problem = "";
    if (passphrase.len > PASSPHRASE_BYTES_MAX) {
        rpc_reply_fail(c->reply, WARREN_E_TOO_LARGE, "a passphrase has at most %u bytes",
                       PASSPHRASE_BYTES_MAX);
        return;
    }
    wr_err err = c->m->config.set_passphrase(c->m->config.ctx, passphrase, &problem);
    if (err != WR_OK) {
        rpc_reply_fail(c->reply, methods_error(err), "%s", problem);
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "sealed", warren_bool(passphrase.len > 0));
    call_ok(c, result);
}
