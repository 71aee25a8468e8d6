/* Methods of the circle: init, pair, join, rename, the recovery words.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/methods_impl.h"
#include "base/text.h"

/* ---- small pieces -------------------------------------------------------------------- */

static pending *pending_new(const call *c) {
    pending *p = calloc(1, sizeof *p);
    if (!p) {
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
        return NULL;
    }
    *p = (pending){.m = c->m, .conn = c->conn, .reply = c->reply};
    return p;
}

static client *find_client(methods *m, const server_conn *conn) {
    for (client *who = m->clients; who; who = who->next)
        if (who->conn == conn)
            return who;
    return NULL;
}

static bool check_name(const call *c, wr_slice name) {
    if (wr_text_is_name(name))
        return true;
    rpc_reply_fail(c->reply, WARREN_E_INVALID,
                   "a name has 1 to 128 bytes of UTF-8, no control characters and no leading '-'");
    return false;
}

static wr_slice name_or_default(const call *c) {
    wr_slice name = call_slice(c, "name");
    return name.len > 0 ? name : wr_slice_str(c->m->config.default_name);
}

/* {device:{id,name}, circle:{id,devices}} */
static warren_value *membership(hub *h) {
    hub_status status;
    if (hub_get_status(h, &status) != WR_OK)
        return warren_map();
    warren_value *result = warren_map(), *circle = warren_map();
    warren_put(result, "device", value_of_device(&status.device, wr_slice_str(status.name)));
    warren_put(circle, "id", value_of_id(&status.circle));
    warren_put(circle, "devices", warren_uint(status.devices));
    warren_put(result, "circle", circle);
    return result;
}

/* ---- init and join ----------------------------------------------------------------------- */

void circle_init(call *c) {
    wr_slice name = name_or_default(c), recovery = call_slice(c, "recovery");
    bool none = wr_equal(recovery, wr_slice_str("none"));
    if (!none && recovery.len > 0 && !wr_equal(recovery, wr_slice_str("keep"))) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'recovery' must be keep or none");
        return;
    }
    if (!check_name(c, name))
        return;
    if (hub_has_circle(c->hub)) {
        rpc_reply_fail(c->reply, WARREN_E_CONFLICT,
                       "this home has a circle; choose another --home for a new one");
        return;
    }
    wr_err err = hub_init(c->hub, name, !none);
    if (err != WR_OK)
        call_fail_hub(c, err);
    else
        call_ok(c, membership(c->hub));
}

static void joined(void *ctx, wr_err err) {
    pending *p = ctx;
    call c = {.m = p->m, .hub = p->m->config.hub, .reply = p->reply};
    client *who = find_client(p->m, p->conn);
    if (who)
        who->joining = false;
    if (err != WR_OK)
        call_fail_hub(&c, err);
    else
        call_ok(&c, membership(c.hub));
    free(p);
}

void circle_join(call *c) {
    wr_slice name = name_or_default(c), peer_text = call_slice(c, "peer");
    net_addr peer = {0};
    if (!check_name(c, name))
        return;
    bool again = call_bool(c, "again", false);
    if (hub_has_circle(c->hub) && !again) {
        rpc_reply_fail(c->reply, WARREN_E_CONFLICT,
                       "this home has a circle; choose another --home to join one");
        return;
    }
    if (peer_text.len > 0 && (net_addr_parse(peer_text, &peer) != WR_OK || peer.port == 0)) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID,
                       "parameter 'peer' must be a literal address and port, as 192.0.2.7:7117 or "
                       "[2001:db8::1]:7117");
        return;
    }
    client *who = call_client(c);
    pending *p = who ? pending_new(c) : NULL;
    if (!p)
        return;
    wr_err err = (again ? hub_rejoin : hub_join)(c->hub, call_slice(c, "code"), name,
                                                 peer_text.len > 0 ? &peer : NULL, joined, p);
    if (err == WR_OK) {
        who->joining = true;
        return;
    }
    call_fail_hub(c, err);
    free(p);
}

/* ---- pairing --------------------------------------------------------------------------------- */

#define PAIR_SECONDS_MIN 10u
#define PAIR_SECONDS_MAX 3600u
#define PAIR_SECONDS 300u

void circle_pair(call *c) {
    wr_slice role = call_slice(c, "role");
    uint64_t timeout_s = call_uint(c, "timeout_s", PAIR_SECONDS);
    bool member = wr_equal(role, wr_slice_str("member"));
    if (!member && role.len > 0 && !wr_equal(role, wr_slice_str("admin"))) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'role' must be admin or member");
        return;
    }
    if (timeout_s < PAIR_SECONDS_MIN || timeout_s > PAIR_SECONDS_MAX) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'timeout_s' must be 10 to 3600");
        return;
    }
    client *who = call_client(c);
    if (!who)
        return;
    hub_pairing pairing;
    wr_err err =
        hub_pair_open(c->hub, !member, (uint32_t)timeout_s, call_bool(c, "auto", false), &pairing);
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    who->has_pairing = true;
    who->pairing = pairing.pairing;
    warren_value *result = warren_map();
    warren_put(result, "pairing", warren_uint(pairing.pairing));
    warren_put(result, "code", warren_str(pairing.code));
    warren_put(result, "uri", warren_str(pairing.uri));
    warren_put(result, "expires_s", warren_uint(pairing.expires_s));
    wr_wipe(&pairing, sizeof pairing);
    call_ok(c, result);
}

void circle_approve(call *c) {
    wr_err err = hub_pair_answer(c->hub, call_uint(c, "pairing", 0), call_bool(c, "accept", false));
    if (err != WR_OK)
        call_fail_hub(c, err);
    else
        call_ok(c, warren_map());
}

/* ---- names ---- */

static void renamed(void *ctx, wr_err err) {
    pending *p = ctx;
    call c = {.m = p->m, .hub = p->m->config.hub, .reply = p->reply};
    if (err != WR_OK) {
        call_fail_hub(&c, err);
    } else {
        hub_status status;
        warren_value *result = warren_map();
        if (hub_get_status(c.hub, &status) == WR_OK)
            warren_put(result, "device",
                       value_of_device(&status.device, wr_slice_str(status.name)));
        call_ok(&c, result);
    }
    free(p);
}

void circle_rename(call *c) {
    wr_slice name = call_slice(c, "name");
    char text[512] = "";
    wr_hash device;
    bool this_device = false;
    if (!check_name(c, name))
        return;
    wr_err err =
        find_device(c->hub, call_slice(c, "device"), &device, &this_device, text, sizeof text);
    if (err != WR_OK) {
        rpc_reply_fail(c->reply, methods_error(err), "%s", text);
        return;
    }
    if (!this_device) {
        rpc_reply_fail(c->reply, WARREN_E_REFUSED,
                       "a device gives itself its name: run this on that device");
        return;
    }
    pending *p = pending_new(c);
    if (!p)
        return;
    err = hub_rename(c->hub, name, renamed, p);
    if (err == WR_OK)
        return;
    call_fail_hub(c, err);
    free(p);
}

/* ---- the recovery words ---- */

void recovery_create(call *c) {
    if (call_param(c, "words")) {
        rpc_reply_fail(c->reply, WARREN_E_UNAVAILABLE,
                       "this version cannot replace the recovery words");
        return;
    }
    char words[HUB_WORDS_MAX];
    wr_err err = hub_show_recovery(c->hub, words);
    if (err == WR_ERR_UNKNOWN) {
        rpc_reply_fail(c->reply, WARREN_E_REFUSED,
                       "this device holds no recovery words: they were shown already, wiped unseen "
                       "(--no-recovery), or made on another device. Without them nothing can make "
                       "new ones for this circle; to have words again, make a new circle "
                       "('warren --home NEW init'), pair your devices into it and copy the logs "
                       "with 'log export' and 'log append'");
        return;
    }
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "recovery", warren_str(words));
    wr_wipe(words, sizeof words);
    call_ok(c, result);
}

void recovery_check(call *c) {
    bool yes = false;
    wr_err err = hub_check_recovery(c->hub, call_slice(c, "words"), &yes);
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    warren_value *result = warren_map();
    warren_put(result, "match", warren_bool(yes));
    call_ok(c, result);
}
