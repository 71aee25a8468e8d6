/* Joining: the circle this device asks to be let into.
 *
 *   hub_join ─> (beacons) ─> dials, one at a time ─> words ─> JOINED, stored ─> done
 *
 * A cut connection is taken up again; a wrong code ends the join, and its guest is kept, because
 * three failures are all that one code may cost.
 *
 * Spec:   proto/spec/pairing.md
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "base/text.h"
#include "core/diag.h"
#include "flow/hub_impl.h"

#define JOIN_ROUND_MS 1000u
#define JOIN_ROUNDS_MAX 5u
#define JOIN_RESUMES_MAX 5u
#define JOIN_SEARCH_MS 60000u

static void forget_guest(pair_join *join) {
    wr_pair_guest_free(join->guest);
    keystore_secrets_wipe(&join->secrets);
    wr_wipe(join->text, sizeof join->text);
    *join = (pair_join){0};
}

static void join_over(hub *h, wr_err err) {
    pair_join *join = &h->join;
    hub_done_fn done = join->done;
    void *ctx = join->ctx;
    if (!join->active)
        return;
    join->active = false;
    join->conn = NULL;
    beacon_stop(h);
    pairflow_end_all(h, true);
    if (err == WR_OK) {
        forget_guest(join);
        metrics_one(&h->metrics, METRIC_PAIRINGS);
    } else {
        metrics_one(&h->metrics, METRIC_PAIRINGS_FAILED);
        diag(DIAG_INFO, PAIR_FAILED, diag_reason(err));
    }
    done(ctx, err);
}

static wr_err explain_text(hub *h, const wr_pair_why *why) {
    switch (why->fault) {
    case WR_PAIR_FAULT_NAMEPLATE:
        return hub_fail(h, WR_ERR_FORMAT, "a code begins with four digits up to 8191");
    case WR_PAIR_FAULT_WORD:
        return hub_fail(h, WR_ERR_FORMAT,
                        "word %u of the code is not a word of the list: look again at the other "
                        "screen",
                        why->word + 1);
    case WR_PAIR_FAULT_URI:
        return hub_fail(h, WR_ERR_FORMAT, "this pairing URI is damaged");
    case WR_PAIR_FAULT_SHAPE:
    case WR_PAIR_FAULT_NONE:
        break;
    }
    return hub_fail(h, WR_ERR_FORMAT,
                    "a pairing code is a number and three words, as 1234-apple-river-stone");
}

static void identity_of(const keystore_secrets *s, wr_identity *ret_identity) {
    wr_identity_load(&s->sign_seed, &s->noise, &s->box, s->incarnation, ret_identity);
}

/* The guest of an earlier try with this code goes on, as it may be half admitted already.  Under
 * another name it is a new device, which has no more tries left than the one before. */
static wr_err find_guest(hub *h, wr_slice text, wr_slice name) {
    pair_join *join = &h->join;
    WR_SECRET(keystore_secrets) secrets;
    WR_SECRET(wr_identity) identity;
    WR_AUTO(wr_pair_guest) guest = NULL;
    wr_pair_why why;
    keystore_make(&h->config.rng, &secrets);
    identity_of(&secrets, &identity);
    wr_err err = wr_pair_guest_new(text, &identity, name, h->config.rng, &guest, &why);
    if (err == WR_ERR_FORMAT)
        return explain_text(h, &why);
    if (err == WR_ERR_VERSION)
        return hub_fail(h, WR_ERR_FORMAT,
                        "this URI is of a newer version of the program: update this device");
    if (err != WR_OK)
        return hub_fail(h, err, "%s", wr_err_text(err));
    wr_rid rid = wr_pair_guest_rid(guest), earlier;
    if (join->guest != NULL) {
        earlier = wr_pair_guest_rid(join->guest);
        if (wr_equal(WR_SLICE_OBJ(rid), WR_SLICE_OBJ(earlier)) &&
            wr_equal(name, wr_slice_of(join->name, join->name_len)) &&
            wr_equal(text, wr_slice_of(join->text, join->text_len)))
            return WR_OK;
        wr_pair_guest_count(guest, join->guest);
    }
    forget_guest(join);
    *join = (pair_join){
        .guest = wr_steal(&guest), .secrets = secrets, .text_len = text.len, .name_len = name.len};
    memcpy(join->text, text.ptr, text.len);
    memcpy(join->name, name.ptr, name.len);
    return WR_OK;
}

static void find_targets(hub *h, const net_addr *peer) {
    pair_join *join = &h->join;
    net_addr here = {.family = 4, .ip = {127, 0, 0, 1}}; /* a URI's addresses may be this host's */
    join->target_count = 0;
    if (peer != NULL) {
        join->targets[join->target_count++] = *peer;
        return;
    }
    wr_slice addrs = wr_pair_guest_addrs(join->guest);
    for (size_t i = 0; i < addrs.len / WR_HELLO_ADDR_SIZE; i++)
        if (hub_hello_addr(addrs, i, &here, &join->targets[join->target_count]))
            join->target_count++;
}

/* Nobody said where the other device is: it may be near. */
static wr_err search(hub *h, wr_slice text) {
    WR_SECRET(wr_pair_uri) uri;
    wr_rid rid = wr_pair_guest_rid(h->join.guest);
    if (wr_pair_uri_parse(text, &uri) == WR_OK) /* beacons are for codes */
        return hub_fail(h, WR_ERR_UNKNOWN,
                        "this URI names no address of use here: give the other device's with "
                        "--peer HOST:PORT");
    wr_err err = beacon_start(h, WR_BEACON_GUEST, &rid);
    if (err == WR_ERR_REFUSED)
        return hub_fail(h, err,
                        "network.discovery is off, so the other device's address is needed: give "
                        "it with --peer HOST:PORT");
    if (err != WR_OK)
        return hub_fail(h, err,
                        "cannot look for the other device (%s): give its address with "
                        "--peer HOST:PORT",
                        wr_err_text(err));
    h->join.search_until = wr_mono_add(hub_now(h).mono, JOIN_SEARCH_MS);
    return WR_OK;
}

void join_found(hub *h, const net_addr *addr) {
    pair_join *join = &h->join;
    if (!join->active)
        return;
    for (uint32_t i = 0; i < join->target_count; i++)
        if (net_addr_equal(&join->targets[i], addr))
            return;
    /* Anybody can forge beacons of a code: new ones take the place of old ones. */
    join->targets[join->found++ % JOIN_TARGETS_MAX] = *addr;
    if (join->target_count < JOIN_TARGETS_MAX)
        join->target_count++;
}

wr_err hub_join(hub *h, wr_slice code_or_uri, wr_slice name, const net_addr *peer, hub_done_fn done,
                void *ctx) {
    if (h->closing)
        return hub_fail(h, WR_ERR_CLOSED, "the agent is stopping");
    if (hub_has_circle(h))
        return hub_fail(h, WR_ERR_EXISTS, "this home has a circle");
    return join_begin(h, code_or_uri, name, peer, false, done, ctx);
}

wr_err join_begin(hub *h, wr_slice code_or_uri, wr_slice name, const net_addr *peer, bool again,
                  hub_done_fn done, void *ctx) {
    pair_join *join = &h->join;
    if (join->active)
        return hub_fail(h, WR_ERR_BUSY, "a join is under way");
    if (h->config.net == NULL)
        return hub_fail(h, WR_ERR_REFUSED, "network.mode is offline: no device can be reached");
    if (!wr_text_is_name(name))
        return hub_fail(h, WR_ERR_FORMAT, "not a name for a device");
    if (code_or_uri.len > sizeof join->text)
        return hub_fail(h, WR_ERR_FORMAT, "this is too long for a pairing code or URI");
    WR_TRY(find_guest(h, code_or_uri, name));
    if (!wr_pair_guest_may_try(join->guest))
        return hub_fail(h, WR_ERR_REFUSED,
                        "this code failed three times: ask the other device for a new one");
    find_targets(h, peer);
    if (join->target_count == 0)
        WR_TRY(search(h, code_or_uri));
    join->active = true;
    join->again = again;
    join->done = done;
    join->ctx = ctx;
    join->target_next = join->rounds = join->resumes = 0;
    join->found = join->target_count;
    join->joined = join->proved = false;
    join->conn = NULL;
    join->next_dial = hub_now(h).mono;
    loop_dirty(h->config.loop);
    return WR_OK;
}

void hub_join_cancel(hub *h) {
    if (!h->join.active)
        return;
    (void)hub_fail(h, WR_ERR_CLOSED, "the join was cancelled");
    join_over(h, WR_ERR_CLOSED);
}

void join_turn(hub *h) {
    pair_join *join = &h->join;
    wr_mono now = hub_now(h).mono;
    if (!join->active || join->conn != NULL || !wr_mono_reached(join->next_dial, now))
        return;
    if (join->target_count == 0) {
        if (wr_mono_reached(join->search_until, now))
            join_over(h, hub_fail(h, WR_ERR_TIMEOUT,
                                  "no device that shows this code was found near here: is 'warren "
                                  "pair' still open there? Elsewhere, give its address with --peer "
                                  "HOST:PORT"));
        return;
    }
    join->tried = join->targets[join->target_next];
    join->conn = pump_dial(h, &join->tried);
    if (join->conn == NULL) {
        (void)hub_fail(h, WR_ERR_REFUSED, "network.mode forbids connections to this address");
        join_over(h, WR_ERR_REFUSED);
        return;
    }
    join->conn->joins = true;
}

void join_opened(conn *c) {
    const pair_join *join = &c->hub->join;
    wr_err err = join->active && join->conn == c
                     ? wr_pairing_guest_new(join->guest, hub_now(c->hub), &c->pairing)
                     : WR_ERR_CLOSED;
    if (err != WR_OK) {
        pump_end(c, err);
        return;
    }
    c->kind = CONN_PAIRING;
    loop_dirty(c->hub->config.loop);
}

static wr_err take_circle(hub *h, wr_self *self) {
    wr_err err = hub_provision(h, &h->join.secrets);
    if (err != WR_OK) {
        wr_self_free(self);
        return err;
    }
    WR_TRY(hub_adopt(h, self));
    WR_TRY(hub_drain(h));
    WR_TRY(hub_put_name(h, wr_slice_of(h->join.name, h->join.name_len)));
    return hub_refresh_mesh(h);
}

/* The other side let us in: keys, ops and what we need to go on become this home. */
static wr_err joined(conn *c, const wr_pair_event *event) {
    hub *h = c->hub;
    net_addr via = transport_remote(c->transport);
    mesh_addr dialled = hub_mesh_addr(&via);
    if (h->join.again)
        WR_TRY(rejoin_take(h, event->self));
    else
        WR_TRY(take_circle(h, event->self));
    mesh_learn(h->mesh, &event->device, &dialled, hub_now(h).mono);
    WR_TRY(hub_learn_addrs(h, &event->device, event->addrs, &via));
    h->join.joined = true;
    c->stored_due = true;
    return WR_OK;
}

wr_err join_event(conn *c, const wr_pair_event *event) {
    hub *h = c->hub;
    switch (event->type) {
    case WR_PAIR_EV_SAS:
        h->join.proved = true;
        hub_tell(h, &(hub_event){.type = HUB_EV_PAIRING_REQUEST,
                                 .device = event->device,
                                 .words = event->sas});
        return WR_OK;
    case WR_PAIR_EV_JOINED:
        return joined(c, event);
    case WR_PAIR_EV_DONE:
        diag(DIAG_INFO, PAIR_DONE);
        c->goodbye = true;
        join_over(h, WR_OK);
        return WR_OK;
    case WR_PAIR_EV_REQUEST:
    case WR_PAIR_EV_ADD_READY:
    case WR_PAIR_EV_PUBLISH:
    case WR_PAIR_EV_BURNT:
        WR_UNREACHABLE();
    }
    WR_UNREACHABLE();
}

/* Nothing more will come of it: says why. */
static void join_failed(hub *h, wr_err reason) {
    char text[NET_ADDR_TEXT_MAX];
    net_addr_format(&h->join.tried, text);
    if (reason == WR_ERR_AUTH)
        (void)hub_fail(h, reason,
                       "the code was not accepted: it is wrong, or was used already. Look again at "
                       "the other screen");
    else if (reason == WR_ERR_REFUSED)
        (void)hub_fail(h, reason, "the other device refused");
    else if (!h->join.proved && reason == WR_ERR_CLOSED)
        reason = hub_fail(h, WR_ERR_REFUSED,
                          "the device at %s has no open pairing for this code: it was used, became "
                          "void by wrong tries, or is another device's",
                          text);
    else if (!h->join.proved)
        reason = hub_fail(h, WR_ERR_BUSY,
                          "nobody answers at %s: is the other agent up there, with 'warren pair' "
                          "open?",
                          text);
    else
        reason = hub_fail(h, WR_ERR_BUSY, "the connection to %s was lost (%s)", text,
                          wr_err_text(reason));
    join_over(h, reason);
}

/* Another address, another round, or the same place again after a cut. */
static void join_again(hub *h, wr_err reason) {
    pair_join *join = &h->join;
    join->next_dial = hub_now(h).mono;
    if (join->proved) {
        join->next_dial = wr_mono_add(join->next_dial, JOIN_ROUND_MS);
        if (join->resumes++ < JOIN_RESUMES_MAX)
            return;
        if (join->joined)
            join_over(h, WR_OK);
        else
            join_failed(h, reason);
        return;
    }
    join->target_next = (join->target_next + 1) % join->target_count;
    if (join->target_next != 0)
        return;
    join->next_dial = wr_mono_add(join->next_dial, JOIN_ROUND_MS);
    /* Where nobody listens, somebody may start; who hangs up has no window for this code. */
    join->rounds++;
    if (join->rounds == JOIN_ROUNDS_MAX || (reason == WR_ERR_CLOSED && join->rounds > 1))
        join_failed(h, reason);
}

void join_ended(conn *c, wr_err reason) {
    hub *h = c->hub;
    pair_join *join = &h->join;
    if (join->conn != c)
        return;
    join->conn = NULL;
    if (c->pairing != NULL && reason == WR_ERR_CLOSED)
        reason = wr_pairing_closed(c->pairing);
    loop_dirty(h->config.loop);
    if (!join->joined && (reason == WR_ERR_AUTH || reason == WR_ERR_REFUSED))
        join_failed(h, reason);
    else
        join_again(h, reason == WR_OK ? WR_ERR_CLOSED : reason);
}

/* ---- what the hub asks ---- */

void join_abort(hub *h, wr_err err) {
    if (h->join.active)
        join_over(h, err);
}

wr_mono join_deadline(const hub *h) {
    const pair_join *join = &h->join;
    if (!join->active || join->conn != NULL)
        return WR_MONO_NEVER;
    return join->target_count != 0 ? join->next_dial : join->search_until;
}

void join_forget(hub *h) {
    WR_ASSERT(!h->join.active);
    forget_guest(&h->join);
}

void join_close(hub *h) {
    (void)hub_fail(h, WR_ERR_CLOSED, "the agent is stopping");
    join_over(h, WR_ERR_CLOSED);
    join_forget(h);
}
