/* Pairing: the window this device opened, and the connections of both sides.
 *
 *   hub_pair_open ─> connections ─> REQUEST ─> owner's yes ─> ADD kept ─> published
 *
 * Spec:   proto/spec/pairing.md
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/diag.h"
#include "flow/hub_impl.h"

/* ---- the window ---- */

void pairflow_end_all(hub *h, bool joins) {
    for (conn *c = h->conns; c != NULL; c = c->next)
        if (c->joins == joins && (joins || c->kind == CONN_PAIRING))
            pump_end(c, WR_ERR_CLOSED);
}

bool pairflow_unsettled(const hub *h) {
    return h->host.window != NULL && wr_pair_window_unsettled(h->host.window);
}

/* The window is over; an ADD that may have left is admitted first. */
static wr_err close_window(hub *h) {
    pair_host *host = &h->host;
    wr_err err = WR_OK;
    if (host->window == NULL)
        return WR_OK;
    pairflow_end_all(h, false);
    beacon_stop(h);
    if (h->self != NULL && pairflow_unsettled(h)) {
        err = wr_pair_window_settle(host->window, h->self, hub_now(h));
        if (err == WR_OK)
            err = hub_drain(h);
        if (err == WR_OK)
            err = hub_forget_add(h);
    }
    wr_pair_window_free(host->window);
    *host = (pair_host){0};
    loop_dirty(h->config.loop);
    return err;
}

wr_err pairflow_settle(hub *h) {
    return pairflow_unsettled(h) ? close_window(h) : WR_OK;
}

void pairflow_undo(hub *h) {
    pairflow_end_all(h, false);
    if (h->host.window != NULL)
        wr_pair_window_undo(h->host.window);
}

static void window_failed(hub *h, const char *text) {
    diag(DIAG_INFO, PAIR_FAILED, diag_text("text", text));
    hub_tell(h, &(hub_event){.type = HUB_EV_PAIRING_FAILED, .pairing = h->host.id, .text = text});
    wr_err err = close_window(h);
    if (err != WR_OK)
        hub_give_up(h, err);
}

wr_err hub_pair_open(hub *h, bool admin, uint32_t timeout_s, bool auto_accept,
                     hub_pairing *ret_pairing) {
    wr_pair_window_config config = {.role = admin ? WR_ROLE_ADMIN : WR_ROLE_MEMBER,
                                    .timeout_ms = timeout_s * 1000u};
    WR_TRY(hub_ready(h));
    if (h->config.net == NULL)
        return hub_fail(h, WR_ERR_REFUSED, "network.mode is offline: no device could come");
    if (h->host.window != NULL && h->host.done)
        hub_pair_close(h, h->host.id);
    if (h->host.window != NULL)
        return hub_fail(h, WR_ERR_BUSY, "a pairing is under way; end it first");
    config.addrs_len = hub_own_addrs(h, config.addrs);
    wr_err err = wr_pair_window_new(h->self, &config, hub_now(h), &h->host.window);
    if (err == WR_ERR_STATE)
        return hub_fail(h, err,
                        "since its start this device has not met a sibling that could confirm what "
                        "it signed last: bring another device online first");
    if (err == WR_ERR_REFUSED)
        return hub_fail(h, err, "only an admin of the circle can add devices");
    if (err == WR_ERR_LIMIT)
        return hub_fail(h, err, "the circle has %u devices, the most there can be", WR_MEMBERS_MAX);
    if (err != WR_OK)
        return hub_fail(h, err, "%s", wr_err_text(err));
    wr_rid rid = wr_pair_window_rid(h->host.window);
    if (h->config.discovery && beacon_start(h, WR_BEACON_HOST, &rid) != WR_OK)
        diag(DIAG_WARN, NET_FAILED, diag_text("text", "no beacons: join needs --peer"));
    h->host.id = ++h->next_pairing;
    h->host.auto_accept = auto_accept;
    *ret_pairing = (hub_pairing){.pairing = h->host.id, .expires_s = timeout_s};
    snprintf(ret_pairing->code, sizeof ret_pairing->code, "%s",
             wr_pair_window_code(h->host.window));
    snprintf(ret_pairing->uri, sizeof ret_pairing->uri, "%s", wr_pair_window_uri(h->host.window));
    diag(DIAG_INFO, PAIR_OPENED);
    loop_dirty(h->config.loop);
    return WR_OK;
}

/* Since the window was opened this device left, was removed or was lowered: what to do about it.
 * NULL: it may add devices. */
static const char *why_not_host(const hub *h) {
    if (h->self == NULL)
        return NULL;
    const wr_member *me =
        wr_graph_find(wr_self_graph(h->self), &wr_self_identity(h->self)->device_id);
    if (me == NULL || !wr_member_is_in(me))
        return "this device left the circle or was removed while the pairing was open: run "
               "'warren pair' on a device that is still an admin of the circle";
    if (me->role != WR_ROLE_ADMIN)
        return "this device was made a member while the pairing was open, and only admins add "
               "devices: run 'warren pair' on one, or give this one the role back ('warren device "
               "role', with the 24 words)";
    return NULL;
}

/* Whoever asks hears a no; false: nobody does, or it cannot be told. */
static bool turn_away(hub *h) {
    conn *c = h->host.asking;
    h->host.asking = NULL;
    if (c == NULL)
        return false;
    wr_err err = wr_pairing_answer(c->pairing, false, hub_now(h));
    if (err != WR_OK)
        pump_end(c, err);
    loop_dirty(h->config.loop);
    return err == WR_OK;
}

/* The welcome holds the key that is written under now. */
static wr_err answer(conn *c, bool accept) {
    if (accept)
        WR_TRY(rotation_key(c->hub));
    return wr_pairing_answer(c->pairing, accept, hub_now(c->hub));
}

wr_err hub_pair_answer(hub *h, uint64_t pairing, bool accept) {
    pair_host *host = &h->host;
    WR_TRY(hub_ready(h));
    const char *why = accept ? why_not_host(h) : NULL;
    if (why != NULL)
        return hub_fail(h, WR_ERR_REFUSED, "the device was not added: %s", why); /* so is it told */
    if (host->window == NULL || host->id != pairing)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such pairing is under way");
    if (host->asking == NULL)
        return hub_fail(h, WR_ERR_STATE, "no device waits for an answer");
    conn *c = host->asking;
    host->asking = NULL;
    wr_err err = answer(c, accept);
    if (err != WR_OK) {
        pump_end(c, err);
        return hub_fail(h, err, "the device could not be added: %s", wr_err_text(err));
    }
    loop_dirty(h->config.loop);
    return WR_OK;
}

void hub_pair_close(hub *h, uint64_t pairing) {
    if (h->host.window == NULL || h->host.id != pairing)
        return;
    wr_err err = close_window(h);
    if (err != WR_OK)
        hub_give_up(h, err);
}

static void host_asked(conn *c, const wr_pair_event *event) {
    pair_host *host = &c->hub->host;
    /* The owner's yes is for whom he saw: nobody may come in that device's place. */
    if (host->asked && !wr_hash_equal(&host->device, &event->device)) {
        if (!host->other_told) /* it may come again and again */
            hub_tell(c->hub, &(hub_event){.type = HUB_EV_PAIRING_TRY,
                                          .pairing = host->id,
                                          .text = "another device came with the same code"});
        host->other_told = true;
        pump_end(c, WR_ERR_REFUSED);
        return;
    }
    host->asked = true;
    beacon_stop(c->hub); /* it was found */
    host->asking = c;
    host->device = event->device;
    host->name_len = event->name.len;
    memcpy(host->name, event->name.ptr, event->name.len);
    hub_tell(c->hub, &(hub_event){.type = HUB_EV_PAIRING_REQUEST,
                                  .pairing = host->id,
                                  .device = event->device,
                                  .name = event->name,
                                  .words = event->sas});
    if (!host->auto_accept)
        return;
    host->asking = NULL;
    wr_err err = answer(c, true);
    if (err != WR_OK)
        pump_end(c, err);
}

/* Members know it: tell the owner, and remember where the new device may be. */
static void host_done(hub *h) {
    pair_host *host = &h->host;
    if (host->done)
        return;
    host->done = true;
    metrics_one(&h->metrics, METRIC_PAIRINGS);
    diag(DIAG_INFO, PAIR_DONE);
    hub_tell(h, &(hub_event){.type = HUB_EV_PAIRING_DONE,
                             .pairing = host->id,
                             .device = host->device,
                             .name = wr_slice_of(host->name, host->name_len)});
}

static wr_err publish(conn *c) {
    WR_TRY(hub_drain(c->hub));
    WR_TRY(hub_forget_add(c->hub));
    c->stored_due = true;
    return WR_OK;
}

static wr_err host_event(conn *c, const wr_pair_event *event) {
    hub *h = c->hub;
    switch (event->type) {
    case WR_PAIR_EV_REQUEST:
        host_asked(c, event);
        return WR_OK;
    case WR_PAIR_EV_ADD_READY:
        c->stored_due = true;
        return hub_keep_add(h, event->op, event->sig);
    case WR_PAIR_EV_PUBLISH:
        return publish(c);
    case WR_PAIR_EV_DONE:
        c->goodbye = true;
        host_done(h);
        return WR_OK;
    case WR_PAIR_EV_BURNT: /* told when the window is looked at */
        return WR_OK;
    case WR_PAIR_EV_SAS:
    case WR_PAIR_EV_JOINED:
        WR_UNREACHABLE();
    }
    WR_UNREACHABLE();
}

/* ---- connections ---- */

bool pairflow_accept(conn *c) {
    hub *h = c->hub;
    if (h->host.window == NULL ||
        wr_pairing_host_new(h->host.window, h->self, hub_now(h), &c->pairing) != WR_OK)
        return false;
    c->kind = CONN_PAIRING;
    return true;
}

static bool poll_pairing(conn *c) {
    wr_pair_event event;
    bool any = false;
    while (c->kind == CONN_PAIRING && wr_pairing_poll(c->pairing, &event)) {
        wr_err err = c->joins ? join_event(c, &event) : host_event(c, &event);
        any = true;
        if (err != WR_OK)
            hub_give_up(c->hub, err);
    }
    return any;
}

/* Uses up what came, as far as it is the other side's turn. */
static void feed(conn *c) {
    hub *h = c->hub;
    bool more = true;
    while (more && c->kind == CONN_PAIRING && h->failed == WR_OK) {
        wr_slice in = wr_slice_of(c->held, c->held_len);
        size_t before = in.len;
        wr_err err = wr_pairing_read(c->pairing, &in, hub_now(h));
        if (in.len != 0 && in.len != before)
            memmove(c->held, in.ptr, in.len);
        c->held_len = in.len;
        more = poll_pairing(c) || in.len != before;
        if (err == WR_OK && h->self != NULL && hub_drain(h) != WR_OK)
            hub_give_up(h, WR_ERR_IO);
        if (err != WR_OK)
            pump_end(c, err);
    }
}

void pairflow_read(conn *c, wr_slice bytes) {
    if (bytes.len > HUB_HELD_MAX - c->held_len) {
        pump_end(c, WR_ERR_LIMIT);
        return;
    }
    if (c->held == NULL)
        c->held = malloc(HUB_HELD_MAX);
    if (c->held == NULL) {
        pump_end(c, WR_ERR_NOMEM);
        return;
    }
    if (bytes.len != 0)
        memcpy(c->held + c->held_len, bytes.ptr, bytes.len);
    c->held_len += bytes.len;
    feed(c);
    loop_dirty(c->hub->config.loop);
}

/* ---- how a connection ended ---- */

static void host_ended(conn *c, wr_err reason) {
    hub *h = c->hub;
    if (h->host.asking == c)
        h->host.asking = NULL;
    /* Once a device is accepted nothing can be guessed any more: garbage is no news then. */
    if (h->host.window == NULL || reason != WR_ERR_AUTH ||
        wr_pair_window_look(h->host.window, hub_now(h).mono) != WR_PAIR_WINDOW_OPEN)
        return;
    metrics_one(&h->metrics, METRIC_PAIRINGS_FAILED);
    hub_tell(h, &(hub_event){.type = HUB_EV_PAIRING_TRY,
                             .pairing = h->host.id,
                             .text = "a device tried a wrong code"});
}

void pairflow_ended(conn *c, wr_err reason) {
    if (c->kind == CONN_PAIRING)
        (void)poll_pairing(c);
    if (c->joins)
        join_ended(c, reason);
    else
        host_ended(c, reason);
}

/* ---- the turn ---- */

static void look_at_window(hub *h) {
    if (h->host.window == NULL)
        return;
    const char *why = why_not_host(h);
    switch (wr_pair_window_look(h->host.window, hub_now(h).mono)) {
    case WR_PAIR_WINDOW_OPEN:
        if (why != NULL && !turn_away(h))
            window_failed(h, why);
        break;
    case WR_PAIR_WINDOW_KEPT:
    case WR_PAIR_WINDOW_DONE:
        break;
    case WR_PAIR_WINDOW_REFUSED: {
        bool told = true; /* the device has to hear it before its connection ends */
        for (const conn *c = h->conns; c != NULL; c = c->next)
            told = told && (c->kind != CONN_PAIRING || c->joins);
        if (told)
            window_failed(h, why != NULL ? why : "you refused the device");
        break;
    }
    case WR_PAIR_WINDOW_BURNT:
        window_failed(h, "three wrong codes were tried: the code is void, start again");
        break;
    case WR_PAIR_WINDOW_EXPIRED:
        if (h->host.done)
            hub_pair_close(h, h->host.id);
        else
            window_failed(h, "the code expired");
        break;
    }
}

wr_err pairflow_turn(hub *h) {
    for (conn *c = h->conns; c != NULL; c = c->next)
        if (c->kind == CONN_PAIRING)
            feed(c);
    look_at_window(h);
    join_turn(h);
    return h->failed;
}

void pairflow_stored(hub *h) {
    for (conn *c = h->conns; c != NULL; c = c->next) {
        if (c->kind != CONN_PAIRING || !c->stored_due)
            continue;
        c->stored_due = false;
        wr_pairing_stored(c->pairing);
        loop_dirty(h->config.loop);
    }
}

wr_mono pairflow_deadline(const hub *h) {
    wr_mono deadline = join_deadline(h);
    if (h->host.window != NULL)
        deadline = wr_mono_min(deadline, wr_pair_window_deadline(h->host.window));
    return deadline;
}

void pairflow_close(hub *h) {
    wr_err err = close_window(h);
    if (err != WR_OK)
        hub_give_up(h, err);
    join_close(h);
}
