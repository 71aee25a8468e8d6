/* The traitor's connections: real links, in the name of one of its faces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/traitor_impl.h"

#include <stdlib.h>

static void plan_pump(traitor *t) {
    loop_event_set(&t->pump, sim_clock_now(t->config.clock));
}

static wr_now now_of(const face *f) {
    return loop_now(f->loop);
}

/* Where it says that it listens: there, or where somebody else does, or nobody. */
static size_t draw_addrs(traitor *t, uint8_t out[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE]) {
    uint32_t count = chance_below(&t->chance, WR_HELLO_ADDRS_MAX + 1u);
    for (uint32_t i = 0; i < count; i++) {
        bool own = chance_hit(&t->chance, 500);
        uint32_t other = chance_below(&t->chance, 20);
        net_addr addr = net_sim_addr(own ? t->config.host : other);
        mesh_addr raw = hub_mesh_addr(&addr);
        memcpy(out + i * WR_HELLO_ADDR_SIZE, raw.b, WR_HELLO_ADDR_SIZE);
    }
    return count * WR_HELLO_ADDR_SIZE;
}

static wr_err begin(talk *k, wr_role role) {
    traitor *t = k->traitor;
    wr_link_config config = {
        .self = k->face->hub->self, .link_id = ++t->next_link_id, .role = role};
    config.addrs_len = draw_addrs(t, config.addrs);
    if (role == WR_INITIATOR) {
        const wr_hash *id = t->config.id_of(t->config.ctx, k->to);
        if (id == NULL)
            return WR_ERR_UNKNOWN;
        config.peer = *id;
    }
    WR_TRY(wr_link_new(&k->link, &config, now_of(k->face)));
    return hub_drain(k->face->hub);
}

void talk_end(talk *k) {
    if (k->over)
        return;
    k->over = true;
    wr_link_free(k->link);
    k->link = NULL;
    if (k->transport != NULL)
        transport_close(k->transport);
}

/* ---- what the transport tells ---- */

static void opened(void *ctx) {
    talk *k = (talk *)ctx;
    if (!k->over && begin(k, WR_INITIATOR) != WR_OK)
        talk_end(k);
    plan_pump(k->traitor);
}

static void take(talk *k, wr_slice in) {
    hub *h = k->face->hub;
    wr_event event;
    bool more = true;
    while (more && k->link != NULL) {
        wr_err err = wr_link_read(k->link, &in, now_of(k->face));
        more = wr_self_pending(h->self) || in.len != 0;
        wr_err stored = hub_drain(h);
        WR_ASSERT(stored == WR_OK);
        while (wr_link_poll(k->link, &event)) {
            more = true;
            k->traitor->counts.sessions += event.type == WR_EV_UP;
        }
        if (err != WR_OK)
            talk_end(k);
    }
    face_mute(k->face);
}

static void read_bytes(void *ctx, wr_slice bytes) {
    talk *k = (talk *)ctx;
    if (!k->over && !k->deaf)
        take(k, bytes);
    plan_pump(k->traitor);
}

static void writable(void *ctx) {
    plan_pump(((talk *)ctx)->traitor);
}

static void closed(void *ctx, wr_err reason) {
    talk *k = (talk *)ctx;
    (void)reason;
    k->transport = NULL;
    talk_end(k);
    talk **at = &k->traitor->talks;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    free(k);
}

static const transport_events events = {opened, read_bytes, writable, closed};

/* ---- beginnings ---- */

uint32_t talk_count(const traitor *t) {
    uint32_t count = 0;
    for (const talk *k = t->talks; k != NULL; k = k->next)
        count++;
    return count;
}

static talk *talk_new(traitor *t, face *f) {
    talk *k = (talk *)calloc(1, sizeof *k);
    WR_ASSERT(k != NULL);
    *k = (talk){.next = t->talks, .traitor = t, .face = f};
    t->talks = k;
    return k;
}

static void accepted(void *ctx, transport *incoming) {
    traitor *t = (traitor *)ctx;
    if (t->stopped || talk_count(t) >= TALKS_MAX) {
        transport_close(incoming);
        return;
    }
    talk *k = talk_new(t, &t->faces[chance_below(&t->chance, t->face_count)]);
    k->transport = incoming;
    transport_attach(incoming, &events, k);
    if (begin(k, WR_RESPONDER) != WR_OK)
        talk_end(k);
}

bool talk_listen(traitor *t) {
    uint16_t port = 0;
    net_addr addr = net_sim_addr(t->config.host);
    return net_listen(t->net, &addr, accepted, t, &port) == WR_OK;
}

talk *talk_dial(traitor *t, face *f, uint32_t to) {
    net_addr addr = net_sim_addr(to);
    talk *k = talk_new(t, f);
    k->dialled = true;
    k->to = to;
    wr_err err = net_dial(t->net, &addr, &events, k, &k->transport);
    WR_ASSERT(err == WR_OK);
    return k;
}

/* ---- writing ---- */

bool talk_may_lie(const talk *k) {
    return k->link != NULL && k->link->state == LINK_UP && k->link->hello_sent;
}

static void serve(talk *k) {
    wr_serve want;
    wr_unit unit;
    wr_hash path[WR_PROOF_HASHES_MAX];
    uint8_t *entries;
    size_t size;
    if (serve_weigh(k->face->hub, k->link) != WR_OK) {
        wr_link_cannot_serve(k->link);
        return;
    }
    if (!wr_link_serving(k->link, &want))
        return;
    if (serve_unit(k->face->hub, &want, &unit, path, &entries, &size) == WR_OK)
        wr_link_give(k->link, &want, &unit, entries, size);
    else
        wr_link_cannot_serve(k->link);
}

static bool write_some(talk *k) {
    wr_buf room = transport_space(k->transport);
    if (room.cap == 0)
        return false;
    serve(k);
    wr_err err = wr_link_write(k->link, &room, now_of(k->face));
    size_t len = room.len;
    transport_flush(k->transport, len);
    if (err != WR_OK)
        talk_end(k);
    return err == WR_OK && len != 0;
}

void talk_pump_all(traitor *t) {
    for (uint32_t i = 0; i < t->face_count; i++) {
        wr_err err = hub_drain(t->faces[i].hub);
        if (err == WR_OK)
            err = hub_commit(t->faces[i].hub);
        WR_ASSERT(err == WR_OK);
    }
    for (talk *k = t->talks; k != NULL; k = k->next) {
        if (k->probes && talk_may_lie(k))
            lie_probe(k);
        while (k->link != NULL && write_some(k))
            continue;
        face_mute(k->face);
    }
}

void talk_tick_all(traitor *t) {
    for (talk *k = t->talks; k != NULL; k = k->next)
        if (k->link != NULL && wr_link_tick(k->link, now_of(k->face)) != WR_OK)
            talk_end(k);
    plan_pump(t);
}
