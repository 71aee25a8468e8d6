/* What the hub tells, as notifications: to the connection it concerns and to events.subscribe.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/methods_impl.h"

static void notify(client *who, const char *name, const warren_value *params) {
    if (server_conn_notify(who->conn, name, params) != WR_OK)
        who->events_lost++;
}

/* To everybody who asked, and to the connection whose pairing or join it is about. */
static void spread(methods *m, const char *name, const warren_value *params, bool about_pairing,
                   uint64_t pairing) {
    for (client *who = m->clients; who; who = who->next) {
        bool mine =
            about_pairing && (who->joining || (who->has_pairing && who->pairing == pairing));
        if (who->events || mine)
            notify(who, name, params);
    }
}

static warren_value *pairing_params(const hub_event *event, bool with_device) {
    warren_value *params = warren_map();
    warren_put(params, "pairing", warren_uint(event->pairing));
    if (with_device)
        warren_put(params, "device", value_of_device(&event->device, event->name));
    if (event->words)
        warren_put(params, "words", warren_str(event->words));
    if (event->text)
        warren_put(params, "reason", warren_str(event->text));
    return params;
}

static void pairing_over(methods *m, uint64_t pairing) {
    for (client *who = m->clients; who; who = who->next)
        if (who->has_pairing && who->pairing == pairing)
            who->has_pairing = false;
}

static void pairing_event(methods *m, const char *name, const hub_event *event, bool with_device,
                          bool over) {
    WR_AUTO(warren_value) params = pairing_params(event, with_device);
    if (params)
        spread(m, name, params, true, event->pairing);
    if (over)
        pairing_over(m, event->pairing);
}

static void device_event(methods *m, const char *name, const hub_event *event) {
    WR_AUTO(warren_value) params = warren_map();
    warren_put(params, "device", value_of_device(&event->device, event->name));
    if (params)
        spread(m, name, params, false, 0);
}

static void text_event(methods *m, const char *name, const char *type, const hub_event *event) {
    WR_AUTO(warren_value) params = warren_map();
    if (type)
        warren_put(params, "type", warren_str(type));
    if (event->text)
        warren_put(params, "text", warren_str(event->text));
    if (params)
        spread(m, name, params, false, 0);
}

void methods_event(methods *m, const hub_event *event) {
    if (m->refusing)
        return;
    switch (event->type) {
    case HUB_EV_ENTRIES:
        subscriptions_entries(m);
        return;
    case HUB_EV_SIBLING_ONLINE:
        device_event(m, "sibling.online", event);
        return;
    case HUB_EV_SIBLING_OFFLINE:
        device_event(m, "sibling.offline", event);
        return;
    case HUB_EV_SIBLING_PATH:
        device_event(m, "sibling.path", event);
        return;
    case HUB_EV_CIRCLE_CHANGED:
        text_event(m, "circle.changed", NULL, event);
        return;
    case HUB_EV_PAIRING_REQUEST:
        pairing_event(m, "pairing.request", event, true, false);
        return;
    case HUB_EV_PAIRING_DONE:
        pairing_event(m, "pairing.done", event, true, true);
        return;
    case HUB_EV_PAIRING_FAILED:
        pairing_event(m, "pairing.failed", event, false, true);
        return;
    case HUB_EV_PAIRING_TRY:
        pairing_event(m, "pairing.try", event, false, false);
        return;
    case HUB_EV_ALERT:
        text_event(m, "alert", NULL, event);
        return;
    case HUB_EV_ROLLBACK:
        text_event(m, "alert", "rollback", event);
        return;
    }
    WR_UNREACHABLE();
}

void events_subscribe(call *c) {
    client *who = call_client(c);
    if (!who)
        return;
    who->events = true;
    call_ok(c, warren_map());
}
