/* Beacons of a pairing: the host says where it is, the guest asks; sockets live as long as that.
 *
 * Spec:   proto/spec/beacon.md
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"
#include "flow/hub_impl.h"

_Static_assert(NET_MULTICAST_BYTES == WR_BEACON_SIZE, "a packet is a beacon");

static wr_beacon_place place_of(const net_multicast_place *from) {
    wr_beacon_place place = {.family = from->family, .port = from->port};
    memcpy(place.group, from->group, sizeof place.group);
    memcpy(place.sender, from->sender.ip, sizeof place.sender);
    return place;
}

static void heard(void *ctx, wr_slice packet, const net_multicast_place *from) {
    hub *h = ctx;
    wr_beacon_place place = place_of(from);
    wr_beacon_found found;
    if (wr_beacon_pair_read(&h->beacon.pair, &place, packet, hub_now(h).mono, &found) != WR_OK)
        return;
    loop_dirty(h->config.loop);
    if (found.tcp_port == 0)
        return;
    net_addr addr = from->sender;
    addr.port = found.tcp_port;
    join_found(h, &addr);
}

wr_err beacon_start(hub *h, wr_beacon_side side, const wr_rid *rid) {
    net_multicast_config config = {
        .port = NET_MULTICAST_PORT,
        .scope = net_multicast_scope_of(h->config.listen, h->config.listen_count),
        .fn = heard,
        .ctx = h};
    if (!h->config.discovery)
        return WR_ERR_REFUSED;
    beacon_stop(h);
    wr_err err = net_multicast_open(h->config.net, &config, &h->beacon.sockets);
    if (err != WR_OK) {
        diag(DIAG_WARN, NET_FAILED, diag_text("what", "multicast"), diag_reason(err));
        return err;
    }
    wr_beacon_pair_init(&h->beacon.pair, side, rid, h->config.rng, hub_now(h).mono);
    loop_dirty(h->config.loop);
    return WR_OK;
}

void beacon_stop(hub *h) {
    if (h->beacon.sockets == NULL)
        return;
    net_multicast_close(h->beacon.sockets);
    wr_beacon_pair_wipe(&h->beacon.pair);
    h->beacon.sockets = NULL;
}

static bool make(void *ctx, const net_multicast_place *to, uint8_t out[NET_MULTICAST_BYTES]) {
    const hub *h = ctx;
    wr_beacon_place place = place_of(to);
    if (h->beacon.pair.side == WR_BEACON_HOST && to->tcp_port == 0)
        return false;
    wr_beacon_pair_write(&h->beacon.pair, &place, to->tcp_port, out);
    return true;
}

void beacon_turn(hub *h) {
    if (h->beacon.sockets != NULL && wr_beacon_pair_tick(&h->beacon.pair, hub_now(h).mono))
        (void)net_multicast_send(h->beacon.sockets, make, h);
}

wr_mono beacon_deadline(const hub *h) {
    return h->beacon.sockets != NULL ? wr_beacon_pair_deadline(&h->beacon.pair) : WR_MONO_NEVER;
}
