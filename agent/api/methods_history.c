/* Methods that tell what was done in the circle: its devices, its log, its alerts.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/methods_impl.h"

#define ACTS 100u /* of circle.log, unless more are asked for */

/* A list that a hub_each_* call fills. */
typedef struct listing {
    hub *hub;
    warren_value *names, *rows;
} listing;

/* {key: rows}; NULL: it was answered what went wrong. */
static warren_value *listed(const call *c, const char *key, listing *list, wr_err err) {
    warren_value_free(list->names);
    if (err != WR_OK) {
        warren_value_free(list->rows);
        call_fail_hub(c, err);
        return NULL;
    }
    warren_value *result = warren_map();
    warren_put(result, key, list->rows);
    return result;
}

static void answer(const call *c, const char *key, listing *list, wr_err err) {
    warren_value *result = listed(c, key, list, err);
    if (result)
        call_ok(c, result);
}

static listing listing_of(const call *c) {
    return (listing){c->hub, names_of(c->hub), warren_array()};
}

static warren_value *time_or_nil(uint64_t ms) {
    return ms ? warren_uint(ms) : warren_nil();
}

/* ---- devices ------------------------------------------------------------------------ */

const char *methods_reason_text(wr_reason reason) {
    switch (reason) {
    case WR_REASON_RETIRED:
        return "retired";
    case WR_REASON_LOST:
        return "lost";
    case WR_REASON_COMPROMISED:
        return "compromised";
    }
    WR_UNREACHABLE();
}

const char *methods_end_text(const hub_standing *standing) {
    if (standing->reason != 0)
        return methods_reason_text(standing->reason);
    if (standing->equivocated)
        return "equivocated";
    return standing->left ? "left" : standing->reset ? "reset" : "struck";
}

/* Why and by whom a device is out; by nil: the recovery words, or nobody in particular. */
static void put_end(warren_value *row, const warren_value *names, const hub_standing *standing) {
    static const wr_hash nobody;
    bool by_device = !standing->removed_by_root &&
                     !wr_equal(WR_SLICE_OBJ(standing->removed_by), WR_SLICE_OBJ(nobody));
    warren_put(row, "reason", warren_str(methods_end_text(standing)));
    warren_put(row, "by_recovery", warren_bool(standing->removed_by_root));
    warren_put(row, "removed_by",
               by_device ? value_of_named(names, &standing->removed_by) : warren_nil());
    warren_put(row, "removed_at", time_or_nil(standing->removed_ms));
}

static wr_err add_device(void *ctx, const hub_device *device) {
    listing *list = ctx;
    hub_standing standing;
    WR_TRY(hub_get_standing(list->hub, &device->device, &standing));
    warren_value *row = value_of_device(&device->device, device->name);
    warren_put(row, "this", warren_bool(device->this_device));
    warren_put(row, "role", warren_str(device->admin ? "admin" : "member"));
    warren_put(row, "state", warren_str(methods_state_text(device->state)));
    warren_put(row, "path", warren_str(methods_path_text(device->path)));
    warren_put(row, "behind", warren_uint(device->behind));
    warren_put(row, "ahead", warren_uint(device->ahead));
    warren_put(row, "rtt_ms", device->rtt_ms ? warren_uint(device->rtt_ms) : warren_nil());
    warren_put(row, "last_seen", time_or_nil(device->last_seen_ms));
    warren_put(row, "added", warren_uint(device->added_ms));
    warren_put(row, "verified", warren_bool(standing.verified));
    warren_put(row, "barred", warren_bool(standing.barred));
    warren_put(row, "removed", warren_bool(!device->current));
    if (!device->current)
        put_end(row, list->names, &standing);
    return warren_push(list->rows, row) ? WR_OK : WR_ERR_NOMEM;
}

void circle_devices(call *c) {
    listing list = listing_of(c);
    wr_err err = hub_each_device(c->hub, add_device, &list);
    answer(c, "devices", &list, err);
}

/* ---- the log ---------------------------------------------------------------------------- */

static const char *act_text(hub_act_type type) {
    switch (type) {
    case HUB_ACT_FOUND:
        return "found";
    case HUB_ACT_ADD:
        return "add";
    case HUB_ACT_REMOVE:
        return "remove";
    case HUB_ACT_LEAVE:
        return "leave";
    case HUB_ACT_ROLE:
        return "role";
    case HUB_ACT_EPOCH:
        return "epoch";
    case HUB_ACT_EQUIV:
        return "equiv";
    case HUB_ACT_ROOTSET:
        return "rootset";
    case HUB_ACT_RESET:
        return "reset";
    }
    WR_UNREACHABLE();
}

static wr_err add_act(void *ctx, const hub_act *act) {
    listing *list = ctx;
    warren_value *row = warren_map(), *devices = warren_array();
    bool has_role = act->type == HUB_ACT_ADD || act->type == HUB_ACT_ROLE;
    for (uint32_t i = 0; i < act->device_count; i++)
        warren_push(devices, value_of_named(list->names, &act->devices[i]));
    warren_put(row, "id", value_of_id(&act->id));
    warren_put(row, "type", warren_str(act_text(act->type)));
    warren_put(row, "time", warren_uint(act->ms));
    warren_put(row, "by_recovery", warren_bool(act->by_root));
    warren_put(row, "by", act->by_root ? warren_nil() : value_of_named(list->names, &act->author));
    warren_put(row, "devices", devices);
    if (act->type == HUB_ACT_REMOVE)
        warren_put(row, "reason", warren_str(methods_reason_text(act->reason)));
    if (has_role)
        warren_put(row, "role", warren_str(act->admin ? "admin" : "member"));
    warren_put(row, "counts", warren_bool(act->counts));
    warren_put(row, "held", warren_bool(act->held));
    return warren_push(list->rows, row) ? WR_OK : WR_ERR_NOMEM;
}

void circle_log(call *c) {
    uint64_t limit = call_uint(c, "limit", ACTS);
    uint32_t earlier = 0;
    if (limit == 0) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'limit' must be at least 1");
        return;
    }
    listing list = listing_of(c);
    limit = limit < WR_OPS_MAX ? limit : WR_OPS_MAX;
    wr_err err = hub_each_act(c->hub, (uint32_t)limit, add_act, &list, &earlier);
    warren_value *result = listed(c, "ops", &list, err);
    if (!result)
        return;
    warren_put(result, "earlier", warren_uint(earlier));
    call_ok(c, result);
}

/* ---- alerts ------------------------------------------------------------------------------- */

static const char *alert_text(hub_alert_type type) {
    switch (type) {
    case HUB_ALERT_RETALIATION_HELD:
        return "retaliation_held";
    case HUB_ALERT_ACCUSATION_OVERRIDDEN:
        return "accusation_overridden";
    case HUB_ALERT_EQUIVOCATION:
        return "equivocation";
    case HUB_ALERT_ROLLBACK:
        return "rollback";
    case HUB_ALERT_RECEIVED_WHILE_LOST:
        return "received_while_lost";
    case HUB_ALERT_QUARANTINE:
        return "quarantine";
    case HUB_ALERT_TAIL_DAMAGED:
        return "tail_damaged";
    case HUB_ALERT_KEY_MISSING:
        return "key_missing";
    }
    WR_UNREACHABLE();
}

/* The others only tell what was found: they can be seen, not accepted. */
static bool is_offer(hub_alert_type type) {
    return type != HUB_ALERT_EQUIVOCATION && type != HUB_ALERT_ROLLBACK &&
           type != HUB_ALERT_TAIL_DAMAGED && type != HUB_ALERT_KEY_MISSING;
}

static wr_err add_alert(void *ctx, const hub_alert *alert) {
    listing *list = ctx;
    warren_value *row = warren_map();
    warren_put(row, "id", value_of_id(&alert->id));
    warren_put(row, "type", warren_str(alert_text(alert->type)));
    warren_put(row, "device", value_of_named(list->names, &alert->device));
    warren_put(row, "time", time_or_nil(alert->ms));
    warren_put(row, "entries", warren_uint(alert->entries));
    warren_put(row, "acceptable", warren_bool(is_offer(alert->type)));
    warren_put(row, "text", alert->text[0] ? warren_str(alert->text) : warren_nil());
    return warren_push(list->rows, row) ? WR_OK : WR_ERR_NOMEM;
}

void circle_alerts(call *c) {
    listing list = listing_of(c);
    wr_err err = hub_each_alert(c->hub, add_alert, &list);
    answer(c, "alerts", &list, err);
}

static wr_err count_alert(void *ctx, const hub_alert *alert) {
    (void)alert;
    ++*(uint64_t *)ctx;
    return WR_OK;
}

wr_err methods_count_alerts(hub *h, uint64_t *ret_count) {
    uint64_t count = 0;
    WR_TRY(hub_each_alert(h, count_alert, &count));
    *ret_count = count;
    return WR_OK;
}

/* ---- the owner's word ---- */

#define PREFIX_MIN 4u

typedef struct alert_finder {
    wr_slice wanted;
    uint32_t found;
    hub_alert alert;
} alert_finder;

static wr_err match_alert(void *ctx, const hub_alert *alert) {
    alert_finder *f = ctx;
    char id[METHODS_ID_TEXT_SIZE];
    methods_id_text(&alert->id, id);
    size_t len = f->wanted.len;
    if (len < PREFIX_MIN || len > strlen(id) || !wr_equal(f->wanted, wr_slice_of(id, len)))
        return WR_OK;
    f->found++;
    f->alert = *alert;
    return WR_OK;
}

/* False: the call has been answered. */
static bool find_alert(const call *c, hub_alert *ret_alert) {
    alert_finder f = {.wanted = call_slice(c, "alert")};
    wr_err err = hub_each_alert(c->hub, match_alert, &f);
    int shown = (int)(f.wanted.len < 64 ? f.wanted.len : 64);
    if (err != WR_OK)
        call_fail_hub(c, err);
    else if (f.found == 0)
        rpc_reply_fail(c->reply, WARREN_E_NOT_FOUND, "no alert '%.*s'", shown,
                       (const char *)f.wanted.ptr);
    else if (f.found > 1)
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "'%.*s' is ambiguous: %u alerts begin with it",
                       shown, (const char *)f.wanted.ptr, f.found);
    *ret_alert = f.alert;
    return err == WR_OK && f.found == 1;
}

void circle_resolve(call *c) {
    hub_alert alert;
    bool accept = call_bool(c, "accept", false);
    if (!find_alert(c, &alert))
        return;
    if (accept && !is_offer(alert.type)) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID,
                       "there is nothing to accept: reject it once you have seen it");
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "alert", value_of_id(&alert.id));
    warren_put(result, "type", warren_str(alert_text(alert.type)));
    warren_put(result, "accepted", warren_bool(accept));
    promise *p = call_promise(c, result);
    if (p)
        promise_begun(p, hub_resolve(c->hub, &alert.id, accept, promise_done, p));
}
