/* Connections: bytes between transports and links, dialling, and the end of each.
 *
 *   accepted: SNIFF ─> LINK | PAIRING      dialled: DIALLING ─> LINK | PAIRING      ─> CLOSING
 *
 * Bytes come in as they arrive; what they change is committed at the end of the turn, and only
 * then anything is written.
 *
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "core/diag.h"
#include "flow/hub_impl.h"

#define SNIFF_BYTES 3u /* a record's length, and the byte that tells what speaks */

/* ---- addresses ---------------------------------------------------------------------------- */

mesh_addr hub_mesh_addr(const net_addr *addr) {
    mesh_addr out = {0};
    out.b[0] = addr->family;
    memcpy(out.b + 1, addr->ip, sizeof addr->ip);
    wr_store_u16(out.b + 17, addr->port);
    wr_store_u32(out.b + 19, addr->scope);
    return out;
}

static net_addr from_mesh_addr(const mesh_addr *addr) {
    net_addr out = {.family = addr->b[0],
                    .port = (uint16_t)(addr->b[17] << 8 | addr->b[18]),
                    .scope = wr_load_u32(addr->b + 19)};
    memcpy(out.ip, addr->b + 1, sizeof out.ip);
    return out;
}

size_t hub_own_addrs(hub *h, uint8_t out[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE]) {
    net_addr list[WR_HELLO_ADDRS_MAX];
    size_t len = 0;
    if (h->config.net == NULL)
        return 0;
    size_t count = net_local_addrs(h->config.net, list, WR_COUNT(list));
    for (size_t i = 0; i < count; i++, len += WR_HELLO_ADDR_SIZE) {
        mesh_addr addr = hub_mesh_addr(&list[i]); /* the first bytes are HELLO's form */
        memcpy(out + len, addr.b, WR_HELLO_ADDR_SIZE);
    }
    return len;
}

bool hub_hello_addr(wr_slice addrs, size_t index, const net_addr *via, net_addr *ret_addr) {
    mesh_addr raw = {0};
    memcpy(raw.b, addrs.ptr + index * WR_HELLO_ADDR_SIZE, WR_HELLO_ADDR_SIZE);
    net_addr addr = from_mesh_addr(&raw);
    if ((addr.family != 4 && addr.family != 6) || addr.port == 0)
        return false;
    /* Another host's loopback is not ours; a link-local address needs the link it was heard on. */
    if (net_addr_is_loopback(&addr) && !net_addr_is_loopback(via))
        return false;
    if (net_addr_is_link_local(&addr) && addr.family == 6) {
        if (via->scope == 0)
            return false;
        addr.scope = via->scope;
    }
    *ret_addr = addr;
    return true;
}

wr_err hub_learn_addrs(hub *h, const wr_hash *device, wr_slice addrs, const net_addr *via) {
    uint8_t key[HUB_META_KEY_SIZE];
    mesh_addr list[MESH_ADDRS_MAX];
    for (size_t i = addrs.len / WR_HELLO_ADDR_SIZE; i > 0; i--) { /* the best one last */
        net_addr addr;
        if (!hub_hello_addr(addrs, i - 1, via, &addr))
            continue;
        mesh_addr learned = hub_mesh_addr(&addr);
        mesh_learn(h->mesh, device, &learned, hub_now(h).mono);
    }
    uint32_t count = mesh_addrs(h->mesh, device, list);
    WR_TRY(hub_begin(h));
    return store_put_meta(h->store, hub_meta_key(HUB_META_ADDRS, device, key),
                          wr_slice_of(list, count * sizeof *list));
}

/* When a sibling was last heard, what it held of all that we hold, and what it held beyond that. */
static wr_err saw(hub *h, const conn *c) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_SEEN_SIZE];
    const wr_hash *device = wr_link_peer(c->link);
    uint64_t behind, ahead, total = 0;
    wr_link_backlog(c->link, &behind, &ahead);
    for (uint32_t i = 0; i < wr_self_feed_count(h->self); i++)
        total += wr_self_feed(h->self, i)->tree.len;
    wr_store_u64(value, hub_now(h).wall.ms);
    wr_store_u64(value + 8, total > ahead ? total - ahead : 0);
    wr_store_u64(value + 16, behind);
    WR_TRY(hub_begin(h));
    return store_put_meta(h->store, hub_meta_key(HUB_META_SEEN, device, key),
                          wr_slice_of(value, sizeof value));
}

hub_path pump_path(const conn *c) {
    net_addr addr = transport_remote(c->transport);
    bool v4 = addr.family == 4;
    bool near = net_addr_is_loopback(&addr) || net_addr_is_link_local(&addr);
    /* RFC 1918 and RFC 4193: addresses that are routed nowhere outside. */
    if (v4)
        near = near || addr.ip[0] == 10 || (addr.ip[0] == 172 && (addr.ip[1] & 0xf0) == 16) ||
               (addr.ip[0] == 192 && addr.ip[1] == 168);
    else
        near = near || (addr.ip[0] & 0xfe) == 0xfc;
    return near ? HUB_PATH_LAN : HUB_PATH_DIRECT;
}

/* ---- ends ---- */

static bool other_link(const hub *h, const conn *but, const wr_hash *device) {
    for (const conn *c = h->conns; c != NULL; c = c->next)
        if (c != but && c->up && wr_hash_equal(wr_link_peer(c->link), device))
            return true;
    return false;
}

/* Ends that need no fault of the other side. */
static bool is_plain_end(wr_err reason) {
    return reason == WR_OK || reason == WR_ERR_CLOSED || reason == WR_ERR_TIMEOUT ||
           reason == WR_ERR_IO || reason == WR_ERR_EXISTS || reason == WR_ERR_NOMEM;
}

static void link_gone(conn *c, wr_err reason) {
    hub *h = c->hub;
    char id[HUB_SHORT_ID_SIZE];
    if (c->up) {
        wr_hash device = *wr_link_peer(c->link);
        hub_short_id(&device, id);
        diag(DIAG_INFO, LINK_DOWN, diag_text("device", id), diag_reason(reason));
        if (!is_plain_end(reason))
            metrics_one(&h->metrics, METRIC_LINKS_FAILED);
        mesh_down(h->mesh, &device, c->link_id, hub_now(h).mono);
        c->up = false;
        if (!other_link(h, c, &device))
            hub_tell(h, &(hub_event){.type = HUB_EV_SIBLING_OFFLINE, .device = device});
        if (h->store != NULL && saw(h, c) != WR_OK)
            hub_give_up(h, WR_ERR_IO);
        return;
    }
    metrics_one(&h->metrics, METRIC_HANDSHAKES_FAILED);
    diag(DIAG_DEBUG, LINK_REFUSED, diag_reason(reason));
}

void pump_end(conn *c, wr_err reason) {
    hub *h = c->hub;
    if (c->kind == CONN_CLOSING)
        return;
    bool was_up = c->up;
    if (c->kind == CONN_PAIRING || c->joins)
        pairflow_ended(c, reason);
    if (c->kind == CONN_LINK && c->dialled && !was_up && h->mesh != NULL)
        mesh_unanswered(h->mesh, &c->dial.device);
    if (c->kind == CONN_LINK)
        link_gone(c, reason);
    if (c->dialled && !was_up && h->mesh != NULL)
        mesh_failed(h->mesh, &c->dial, hub_now(h).mono);
    if (c->link != NULL)
        wr_link_end(c->link, hub_now(h));
    wr_link_free(c->link);
    wr_pairing_free(c->pairing);
    if (c->held != NULL)
        wr_wipe(c->held, c->held_len);
    free(c->held);
    c->link = NULL;
    c->pairing = NULL;
    c->held = NULL;
    c->held_len = 0;
    c->kind = CONN_CLOSING;
    if (c->transport != NULL)
        transport_close(c->transport);
    loop_dirty(h->config.loop);
}

void pump_close_all(hub *h, wr_err reason) {
    for (conn *c = h->conns; c != NULL; c = c->next)
        pump_end(c, reason);
}

/* ---- links ---- */

static void link_up(conn *c, const wr_event *event) {
    hub *h = c->hub;
    net_addr via = transport_remote(c->transport);
    char id[HUB_SHORT_ID_SIZE];
    bool replaces = other_link(h, c, &event->device);
    c->up = true;
    metrics_one(&h->metrics, METRIC_HANDSHAKES);
    hub_short_id(&event->device, id);
    diag(DIAG_INFO, LINK_UP, diag_text("device", id),
         diag_text("path", pump_path(c) == HUB_PATH_LAN ? "lan" : "direct"));
    /* It may have become a member just now, by the ops of this link. */
    wr_err err = mesh_add(h->mesh, &event->device, hub_now(h).mono);
    if (err == WR_OK || err == WR_ERR_LIMIT) /* one too many to dial is one to be dialled by */
        err = hub_learn_addrs(h, &event->device, event->addrs, &via);
    if (err == WR_OK)
        err = saw(h, c);
    if (err != WR_OK)
        hub_give_up(h, err);
    hub_tell(h, &(hub_event){.type = replaces ? HUB_EV_SIBLING_PATH : HUB_EV_SIBLING_ONLINE,
                             .device = event->device});
    uint64_t loser =
        mesh_up(h->mesh, &event->device, c->link_id, c->dialled ? &c->dial : NULL, hub_now(h).mono);
    for (conn *other = h->conns; loser != 0 && other != NULL; other = other->next) {
        if (other->kind != CONN_LINK || other->link_id != loser)
            continue;
        metrics_one(&h->metrics, METRIC_LINKS_DUPLICATE);
        pump_end(other, WR_ERR_EXISTS);
        loser = 0;
    }
}

static bool poll_link(conn *c) {
    wr_event event;
    bool any = false;
    while (c->kind == CONN_LINK && wr_link_poll(c->link, &event)) {
        any = true;
        switch (event.type) {
        case WR_EV_UP:
            link_up(c, &event);
            break;
        case WR_EV_ALERT:
            hub_tell(c->hub, &(hub_event){.type = HUB_EV_ALERT,
                                          .text = "a device signed two statements that contradict "
                                                  "each other: its keys may be in use twice"});
            break;
        case WR_EV_TWIN:
            rollback_twin(c->hub, &event.device);
            break;
        }
    }
    return any;
}

static void read_link(conn *c, wr_slice in) {
    hub *h = c->hub;
    bool more = true;
    while (more && c->kind == CONN_LINK) {
        wr_err err = wr_link_read(c->link, &in, hub_now(h));
        more = wr_self_pending(h->self) || in.len != 0;
        wr_err stored = hub_drain(h);
        if (stored != WR_OK) {
            hub_give_up(h, stored);
            return;
        }
        if (poll_link(c))
            more = true;
        if (err != WR_OK)
            pump_end(c, err);
    }
    loop_dirty(h->config.loop);
}

static wr_err begin_link(conn *c, wr_role role, const wr_hash *peer) {
    hub *h = c->hub;
    wr_link_config config = {.self = h->self, .link_id = ++h->next_link_id, .role = role};
    if (peer != NULL) {
        config.peer = *peer;
        config.attempt = mesh_unanswered_count(h->mesh, peer);
    }
    config.addrs_len = hub_own_addrs(h, config.addrs);
    WR_TRY(wr_link_new(&c->link, &config, hub_now(h)));
    c->link_id = config.link_id;
    c->kind = CONN_LINK;
    return hub_drain(h);
}

/* ---- what the transport tells ---- */

static void opened(void *ctx) {
    conn *c = ctx;
    hub *h = c->hub;
    if (c->kind != CONN_DIALLING)
        return;
    if (c->joins) {
        join_opened(c);
        return;
    }
    wr_err err = h->self != NULL && h->failed == WR_OK
                     ? begin_link(c, WR_INITIATOR, &c->dial.device)
                     : WR_ERR_CLOSED;
    if (err != WR_OK)
        pump_end(c, err);
    loop_dirty(h->config.loop);
}

/* Enough has come to tell what the other side speaks. */
static void sniffed(conn *c) {
    wr_slice bytes = wr_slice_of(c->first, c->first_len);
    if (c->first[SNIFF_BYTES - 1] == WR_PAIR_PREFACE) {
        if (pairflow_accept(c))
            pairflow_read(c, bytes);
        else
            pump_end(c, WR_ERR_REFUSED);
        return;
    }
    wr_err err = begin_link(c, WR_RESPONDER, NULL);
    if (err != WR_OK)
        pump_end(c, err);
    else
        read_link(c, bytes);
}

static void sniff(conn *c, wr_slice bytes) {
    if (bytes.len > sizeof c->first - c->first_len) {
        pump_end(c, WR_ERR_LIMIT); /* nobody says so much before he has heard anything */
        return;
    }
    memcpy(c->first + c->first_len, bytes.ptr, bytes.len);
    c->first_len += bytes.len;
    if (c->first_len >= SNIFF_BYTES)
        sniffed(c);
}

static void read_bytes(void *ctx, wr_slice bytes) {
    conn *c = ctx;
    hub *h = c->hub;
    metrics_add(&h->metrics, METRIC_BYTES_IN, bytes.len);
    if (h->failed != WR_OK)
        return; /* the turn's end closes it */
    switch (c->kind) {
    case CONN_SNIFF:
        sniff(c, bytes);
        break;
    case CONN_LINK:
        read_link(c, bytes);
        break;
    case CONN_PAIRING:
        pairflow_read(c, bytes);
        break;
    case CONN_DIALLING:
    case CONN_CLOSING:
        break;
    }
}

static void writable(void *ctx) {
    conn *c = ctx;
    loop_dirty(c->hub->config.loop);
}

static void closed(void *ctx, wr_err reason) {
    conn *c = ctx;
    hub *h = c->hub;
    if (c->kind == CONN_DIALLING)
        metrics_one(&h->metrics, METRIC_DIALS_FAILED);
    c->transport = NULL; /* gone already */
    pump_end(c, reason == WR_OK ? WR_ERR_CLOSED : reason);
    conn **at = &h->conns;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    h->conn_count--;
    free(c);
    loop_dirty(h->config.loop);
}

static const transport_events events = {
    .open = opened, .read = read_bytes, .writable = writable, .closed = closed};

/* ---- beginnings ---- */

static conn *conn_new(hub *h, conn_kind kind) {
    conn *c = h->conn_count < HUB_CONNS_MAX ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    *c = (conn){.hub = h, .kind = kind, .deadline = WR_MONO_NEVER};
    return c;
}

static void conn_add(hub *h, conn *c) {
    c->next = h->conns;
    h->conns = c;
    h->conn_count++;
}

/* Who came and has not shown yet that it is a sibling. */
static bool has_place(const hub *h, const transport *incoming) {
    uint32_t all = 0, same = 0;
    net_addr from = transport_remote(incoming);
    for (const conn *c = h->conns; c != NULL; c = c->next) {
        if (c->dialled || c->joins || c->up || c->transport == NULL)
            continue;
        net_addr other = transport_remote(c->transport);
        other.port = from.port;
        all++;
        same += net_addr_equal(&other, &from);
    }
    return all < HUB_STRANGERS_MAX && same < HUB_STRANGERS_OF_ONE;
}

static void accepted(void *ctx, transport *incoming) {
    hub *h = ctx;
    bool wanted = h->self != NULL && !h->closing && has_place(h, incoming);
    conn *c = wanted ? conn_new(h, CONN_SNIFF) : NULL;
    if (c == NULL) {
        metrics_one(&h->metrics, METRIC_ACCEPTS_REFUSED);
        transport_close(incoming);
        return;
    }
    metrics_one(&h->metrics, METRIC_ACCEPTS);
    c->transport = incoming;
    c->deadline = wr_mono_add(hub_now(h).mono, WR_HANDSHAKE_MS_MAX);
    conn_add(h, c);
    transport_attach(incoming, &events, c);
    loop_dirty(h->config.loop);
}

conn *pump_dial(hub *h, const net_addr *addr) {
    conn *c = h->config.net != NULL ? conn_new(h, CONN_DIALLING) : NULL;
    if (c == NULL)
        return NULL;
    metrics_one(&h->metrics, METRIC_DIALS);
    if (net_dial(h->config.net, addr, &events, c, &c->transport) != WR_OK) {
        metrics_one(&h->metrics, METRIC_DIALS_FAILED);
        free(c);
        return NULL;
    }
    conn_add(h, c);
    return c;
}

static wr_slice port_key(const net_addr *addr) {
    return wr_slice_str(addr->family == 4 ? "port4" : "port6");
}

/* Siblings remember where we were: where any port will do, the last one is tried first. */
static wr_err listen_at(hub *h, const net_addr *addr, uint16_t *ret_port) {
    uint8_t bytes[2];
    wr_buf kept = WR_BUF_ARRAY(bytes);
    net_addr again = *addr;
    if (addr->port == 0 && h->store != NULL &&
        store_get_meta(h->store, port_key(addr), &kept) == WR_OK && kept.len == sizeof bytes) {
        again.port = (uint16_t)(bytes[0] << 8 | bytes[1]);
        if (net_listen(h->config.net, &again, accepted, h, ret_port) == WR_OK)
            return WR_OK;
    }
    return net_listen(h->config.net, addr, accepted, h, ret_port);
}

wr_err pump_keep_ports(hub *h) {
    if (h->ports_kept || h->config.net == NULL)
        return WR_OK;
    h->ports_kept = true;
    for (size_t i = 0; i < h->config.listen_count; i++) {
        uint8_t bytes[2];
        wr_store_u16(bytes, h->ports[i < HUB_LISTEN_MAX ? i : 0]);
        if (i >= HUB_LISTEN_MAX || h->ports[i] == 0 || h->config.listen[i].port != 0)
            continue;
        WR_TRY(hub_begin(h));
        WR_TRY(store_put_meta(h->store, port_key(&h->config.listen[i]),
                              wr_slice_of(bytes, sizeof bytes)));
    }
    return WR_OK;
}

void pump_listen(hub *h) {
    for (size_t i = 0; i < h->config.listen_count && h->config.net != NULL; i++) {
        char text[NET_ADDR_TEXT_MAX];
        uint16_t port = 0;
        net_addr addr = h->config.listen[i];
        wr_err err = listen_at(h, &addr, &port);
        net_addr_format(&addr, text);
        if (err != WR_OK) {
            diag(DIAG_ERROR, NET_FAILED, diag_text("address", text), diag_reason(err));
            continue;
        }
        addr.port = port;
        if (i < HUB_LISTEN_MAX)
            h->ports[i] = port;
        net_addr_format(&addr, text);
        diag(DIAG_INFO, NET_LISTENING, diag_text("address", text));
    }
}

static void dial_due(hub *h) {
    mesh_dial dial;
    while (mesh_next(h->mesh, hub_now(h).mono, &dial)) {
        net_addr addr = from_mesh_addr(&dial.addr);
        conn *c = pump_dial(h, &addr);
        if (c == NULL) {
            mesh_failed(h->mesh, &dial, hub_now(h).mono);
            continue;
        }
        c->dialled = true;
        c->dial = dial;
    }
}

/* ---- writing ---- */

/* A unit for the peer, if it should get one now. */
static void serve(conn *c) {
    wr_serve want;
    wr_unit unit;
    wr_hash path[WR_PROOF_HASHES_MAX];
    uint8_t *entries;
    size_t size;
    if (serve_weigh(c->hub, c->link) != WR_OK) {
        wr_link_cannot_serve(c->link);
        return;
    }
    if (!wr_link_serving(c->link, &want))
        return;
    if (serve_unit(c->hub, &want, &unit, path, &entries, &size) == WR_OK)
        wr_link_give(c->link, &want, &unit, entries, size);
    else
        wr_link_cannot_serve(c->link);
}

/* Fills what the transport takes; false when there is nothing more, or no room. */
static bool write_some(conn *c) {
    hub *h = c->hub;
    wr_buf room = transport_space(c->transport);
    if (room.cap == 0)
        return false;
    wr_err err = WR_OK;
    if (c->kind == CONN_LINK) {
        bool may_sign = wr_self_may_sign(h->self);
        serve(c);
        err = wr_link_write(c->link, &room, hub_now(h));
        if (may_sign != wr_self_may_sign(h->self))
            loop_dirty(h->config.loop); /* what waited for it */
    } else {
        err = wr_pairing_write(c->pairing, &room, hub_now(h));
        if (room.len != 0)
            loop_dirty(h->config.loop); /* what was said may be an event */
    }
    size_t len = room.len;
    transport_flush(c->transport, len);
    metrics_add(&h->metrics, METRIC_BYTES_OUT, len);
    if (err == WR_OK && c->kind == CONN_LINK)
        (void)poll_link(c); /* another link may have made room for this one */
    if (err != WR_OK)
        pump_end(c, err);
    return err == WR_OK && len != 0;
}

void pump_judge(hub *h) {
    for (conn *c = h->conns; c != NULL; c = c->next) {
        wr_err err = c->kind == CONN_LINK ? wr_link_judge(c->link) : WR_OK;
        if (err != WR_OK)
            pump_end(c, err);
    }
}

void pump_write(hub *h) {
    for (conn *c = h->conns; c != NULL; c = c->next) {
        while (c->kind == CONN_LINK || c->kind == CONN_PAIRING)
            if (!write_some(c))
                break;
        if (c->goodbye)
            pump_end(c, WR_OK);
    }
    if (h->mesh != NULL && h->self != NULL && h->config.net != NULL && !h->closing)
        dial_due(h);
}

void pump_leave(hub *h) {
    for (conn *c = h->conns; c != NULL; c = c->next)
        if (c->kind == CONN_LINK)
            wr_link_leave(c->link);
}

/* ---- deadlines ---- */

static wr_mono deadline_of(const conn *c) {
    if (c->kind == CONN_LINK)
        return wr_link_deadline(c->link);
    if (c->kind == CONN_PAIRING)
        return wr_pairing_deadline(c->pairing);
    return c->kind == CONN_SNIFF ? c->deadline : WR_MONO_NEVER;
}

wr_mono pump_deadline(const hub *h) {
    wr_mono deadline = WR_MONO_NEVER;
    for (const conn *c = h->conns; c != NULL; c = c->next)
        deadline = wr_mono_min(deadline, deadline_of(c));
    return deadline;
}

void pump_tick(hub *h) {
    wr_now now = hub_now(h);
    for (conn *c = h->conns; c != NULL; c = c->next) {
        wr_err err = WR_OK;
        if (c->kind == CONN_LINK)
            err = wr_link_tick(c->link, now);
        else if (c->kind == CONN_PAIRING)
            err = wr_pairing_tick(c->pairing, now);
        else if (c->kind == CONN_SNIFF && wr_mono_reached(c->deadline, now.mono))
            err = WR_ERR_TIMEOUT;
        if (err != WR_OK)
            pump_end(c, err);
    }
}
