/* Shared by the methods_*.c files: one call, one client, and the small helpers of handlers.
 *
 * Layer:  api.  Private to methods.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_METHODS_IMPL_H
#define API_METHODS_IMPL_H

#include "api/methods.h"
#include "base/text.h"
#include "flow/members.h"

#define SUBSCRIPTIONS_MAX 64u /* of one client */

typedef struct subscription {
    struct subscription *next;
    uint64_t id;
    bool dirty; /* there may be something to send */
    char cursor[HUB_CURSOR_MAX];
    size_t log_len;
    uint8_t log[WR_NAME_BYTES_MAX];
} subscription;

/* What a connection has asked for beyond answers. */
typedef struct client {
    struct client *next, *prev;
    server_conn *conn;
    bool events;
    uint64_t events_lost; /* for want of room, since the last events.lost */
    bool has_pairing;
    uint64_t pairing; /* opened by it: closes with it */
    bool joining;     /* its circle.join is under way: cancelled with it */
    subscription *subscriptions;
    uint32_t subscription_count;
} client;

struct methods {
    methods_config config;
    server *server;
    client *clients;
    uint64_t next_subscription;
    bool refusing;
};

typedef struct call {
    methods *m;
    hub *hub;
    server_conn *conn;
    const warren_value *params;
    rpc_reply *reply;
} call;

/* ---- parameters: checked before the handler runs, so these only read --------------- */

const warren_value *call_param(const call *c, const char *name); /* NULL: not given, or nil */
wr_slice call_slice(const call *c, const char *name);            /* empty where not given */
uint64_t call_uint(const call *c, const char *name, uint64_t fallback);
bool call_bool(const call *c, const char *name, bool fallback);

/* ---- answers: each ends the call ----------------------------------------------------- */

void call_ok(const call *c, warren_value *result);
/* The hub refused: its error, its text. */
void call_fail_hub(const call *c, wr_err err);
warren_error methods_error(wr_err err);

/* The client's record, made when first needed; NULL when memory is out (the call is answered). */
client *call_client(const call *c);

/* A function that answers later keeps only this (heap, freed by it). */
typedef struct pending {
    methods *m;
    server_conn *conn; /* for comparison only: may be gone */
    rpc_reply *reply;
    bool single; /* log.append, not append_many */
    size_t log_len;
    uint8_t log[WR_NAME_BYTES_MAX];
} pending;

/* The same where the result is known beforehand: it is answered once the hub says it is durable. */
typedef struct promise promise;
/* Takes result over.  NULL when memory is out, or result is: the call is answered. */
promise *call_promise(const call *c, warren_value *result);
void promise_done(void *ctx, wr_err err); /* the hub_done_fn; ctx is the promise, gone with it */
/* What the hub said at once: an error is the answer, OK means that promise_done will be called. */
void promise_begun(promise *p, wr_err err);

/* ---- values ------------------------------------------------------------------------- */

warren_value *value_of_id(const wr_hash *id);
warren_value *value_of_entry_id(const wr_hash *device, uint64_t hlc);
warren_value *value_of_device(const wr_hash *id, wr_slice name); /* {id,name} */
const char *methods_state_text(hub_state state);
const char *methods_path_text(hub_path path);
const char *methods_reason_text(wr_reason reason);
const char *methods_end_text(const hub_standing *standing); /* why a device is out */
#define METHODS_ID_TEXT_SIZE (WR_BASE32_SIZE(WR_HASH_SIZE) + 1u)
void methods_id_text(const wr_hash *id, char out[METHODS_ID_TEXT_SIZE]);

/* All devices by id, for value_of_named: {id: name}. */
warren_value *names_of(hub *hub);
warren_value *value_of_named(const warren_value *names, const wr_hash *id); /* {id,name} */

/* {log,device,seq,id,time,kind,body,deleted} */
warren_value *value_of_entry(wr_slice log, const hub_entry *entry);

/* A device by name, id or unique prefix.  UNKNOWN, FORMAT (ambiguous): text says more. */
WR_MUST wr_err find_device(hub *hub, wr_slice wanted, wr_hash *ret_device, bool *ret_this,
                           char *text, size_t cap);

/* How many alerts wait for the owner. */
WR_MUST wr_err methods_count_alerts(hub *hub, uint64_t *ret_count);

/* ---- across files -------------------------------------------------------------------- */

void subscriptions_entries(methods *m); /* something new arrived */
bool subscriptions_pump(methods *m, client *who);
void subscriptions_free(client *who);

#define METHOD(name, function, params, circle, result, help) void function(call *c);
#include "api/methods.def"
#undef METHOD

#endif /* API_METHODS_IMPL_H */
