/* Dispatch: finds the method, checks its parameters against the table, calls its handler.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/methods.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/methods_impl.h"
#include "base/text.h"

typedef struct method {
    const char *name;
    void (*function)(call *c);
    const char *params;
    bool circle;
    const char *result;
    const char *help;
} method;

static const method table[] = {
#define METHOD(name, function, params, circle, result, help)                                       \
    {name, function, params, circle, result, help},
#include "api/methods.def"
#undef METHOD
};

/* ---- parameters --------------------------------------------------------------------- */

static bool is_str(const warren_value *value) {
    return warren_type_of(value) == WARREN_STR;
}
static bool is_bytes(const warren_value *value) {
    return warren_type_of(value) == WARREN_BIN || is_str(value);
}
static bool is_uint(const warren_value *value) {
    return warren_type_of(value) == WARREN_UINT;
}
static bool is_bool(const warren_value *value) {
    return warren_type_of(value) == WARREN_BOOL;
}
static bool is_array(const warren_value *value) {
    return warren_type_of(value) == WARREN_ARRAY;
}

static const struct param_type {
    const char *name;
    bool (*fits)(const warren_value *value);
    const char *text;
} param_types[] = {
    {"str", is_str, "a string"},
    {"bytes", is_bytes, "bytes or a string"},
    {"uint", is_uint, "a whole number from 0"},
    {"bool", is_bool, "a boolean"},
    {"array", is_array, "an array"},
};

typedef struct param {
    char name[32];
    bool required;
    const struct param_type *type;
} param;

/* The next "name?:type" of a table text; false at its end. */
static bool next_param(const char **text, param *ret_param) {
    const char *at = *text + strspn(*text, " ");
    size_t len = strcspn(at, " ");
    if (len == 0)
        return false;
    const char *colon = memchr(at, ':', len);
    WR_ASSERT(colon != NULL);
    size_t name_len = (size_t)(colon - at);
    ret_param->required = at[name_len - 1] != '?';
    name_len -= ret_param->required ? 0 : 1;
    WR_ASSERT(name_len < sizeof ret_param->name);
    memcpy(ret_param->name, at, name_len);
    ret_param->name[name_len] = '\0';
    ret_param->type = NULL;
    wr_slice type = wr_slice_of(colon + 1, len - (size_t)(colon + 1 - at));
    for (size_t i = 0; i < WR_COUNT(param_types); i++)
        if (wr_equal(type, wr_slice_str(param_types[i].name)))
            ret_param->type = &param_types[i];
    WR_ASSERT(ret_param->type != NULL);
    *text = at + len;
    return true;
}

static bool knows_param(const method *wanted, wr_slice name) {
    const char *text = wanted->params;
    for (param p; next_param(&text, &p);)
        if (wr_equal(name, wr_slice_str(p.name)))
            return true;
    return false;
}

/* False: the call has been answered. */
static bool check_params(const method *wanted, const call *c) {
    for (size_t i = 0; i < warren_count(c->params); i++) {
        const warren_value *key = warren_key_at(c->params, i);
        if (is_str(key) && knows_param(wanted, value_slice(key)))
            continue;
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "unknown parameter '%.64s'",
                       is_str(key) ? warren_get_str(key, NULL) : "(not a string)");
        return false;
    }
    const char *text = wanted->params;
    for (param p; next_param(&text, &p);) {
        const warren_value *value = call_param(c, p.name);
        if (!value && !p.required)
            continue;
        if (value && p.type->fits(value))
            continue;
        if (!value)
            rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter '%s' is missing", p.name);
        else
            rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter '%s' must be %s, not %s", p.name,
                           p.type->text, value_type_text(warren_type_of(value)));
        return false;
    }
    return true;
}

const warren_value *call_param(const call *c, const char *name) {
    const warren_value *value = warren_find(c->params, name);
    return warren_type_of(value) == WARREN_NIL ? NULL : value;
}

wr_slice call_slice(const call *c, const char *name) {
    return value_slice(call_param(c, name));
}

uint64_t call_uint(const call *c, const char *name, uint64_t fallback) {
    return warren_get_uint(call_param(c, name), fallback);
}

bool call_bool(const call *c, const char *name, bool fallback) {
    return warren_get_bool(call_param(c, name), fallback);
}

/* ---- answers -------------------------------------------------------------------------- */

void call_ok(const call *c, warren_value *result) {
    if (result)
        rpc_reply_ok(c->reply, result);
    else
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
}

warren_error methods_error(wr_err err) {
    switch (err) {
    case WR_ERR_OK:
        return WARREN_OK;
    case WR_ERR_FORMAT:
    case WR_ERR_TRUNCATED:
        return WARREN_E_INVALID;
    case WR_ERR_UNKNOWN:
        return WARREN_E_NOT_FOUND;
    case WR_ERR_REFUSED:
    case WR_ERR_AUTH:
    case WR_ERR_BAD_KEY:
    case WR_ERR_FORK:
        return WARREN_E_REFUSED;
    case WR_ERR_TIMEOUT:
        return WARREN_E_TIMEOUT;
    case WR_ERR_EXISTS:
    case WR_ERR_STATE:
        return WARREN_E_CONFLICT;
    case WR_ERR_LIMIT:
    case WR_ERR_NOBUF:
        return WARREN_E_TOO_LARGE;
    case WR_ERR_IO:
    case WR_ERR_CORRUPT:
    case WR_ERR_VERSION:
        return WARREN_E_IO;
    case WR_ERR_BUSY:
    case WR_ERR_CLOSED:
        return WARREN_E_UNAVAILABLE;
    case WR_ERR_NOMEM:
        return WARREN_E_INTERNAL;
    }
    return WARREN_E_INTERNAL;
}

void call_fail_hub(const call *c, wr_err err) {
    rpc_reply_fail(c->reply, methods_error(err), "%s", hub_problem(c->hub));
}

/* ---- answers that wait for the disk ---------------------------------------------------- */

struct promise {
    methods *m;
    rpc_reply *reply;
    warren_value *result;
};

promise *call_promise(const call *c, warren_value *result) {
    WR_AUTO(warren_value) owned = result;
    promise *p = owned ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
        return NULL;
    }
    *p = (promise){c->m, c->reply, wr_steal(&owned)};
    return p;
}

void promise_done(void *ctx, wr_err err) {
    promise *p = ctx;
    call c = {.m = p->m, .hub = p->m->config.hub, .reply = p->reply};
    if (err != WR_OK)
        call_fail_hub(&c, err);
    else
        call_ok(&c, wr_steal(&p->result));
    warren_value_free(p->result);
    free(p);
}

void promise_begun(promise *p, wr_err err) {
    if (err != WR_OK)
        promise_done(p, err);
}

/* ---- dispatch ---------------------------------------------------------------------------- */

static const method *find_method(const char *name) {
    for (size_t i = 0; i < WR_COUNT(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static void on_call(void *ctx, server_conn *conn, const char *name, const warren_value *params,
                    rpc_reply *reply) {
    methods *m = ctx;
    call c = {m, m->config.hub, conn, params, reply};
    if (m->refusing) {
        rpc_reply_fail(reply, WARREN_E_UNAVAILABLE, "the agent is stopping");
        return;
    }
    const method *wanted = find_method(name);
    if (!wanted) {
        rpc_reply_fail(reply, WARREN_E_NOT_FOUND, "no method '%.64s'", name);
        return;
    }
    if (!check_params(wanted, &c))
        return;
    if (wanted->circle && !hub_has_circle(m->config.hub)) {
        rpc_reply_fail(
            reply, WARREN_E_NO_CIRCLE,
            "this home has no circle yet: 'warren init' makes one, 'warren join' joins one");
        return;
    }
    wanted->function(&c);
}

void agent_methods(call *c) {
    warren_value *result = warren_map(), *list = warren_array();
    for (size_t i = 0; i < WR_COUNT(table); i++) {
        warren_value *row = warren_map();
        warren_put(row, "name", warren_str(table[i].name));
        warren_put(row, "params", warren_str(table[i].params));
        warren_put(row, "result", warren_str(table[i].result));
        warren_put(row, "help", warren_str(table[i].help));
        warren_push(list, row);
    }
    warren_put(result, "methods", list);
    call_ok(c, result);
}

/* ---- clients -------------------------------------------------------------------------------- */

client *call_client(const call *c) {
    client *who = server_conn_data(c->conn);
    if (who)
        return who;
    who = calloc(1, sizeof *who);
    if (!who) {
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
        return NULL;
    }
    who->conn = c->conn;
    who->next = c->m->clients;
    if (who->next)
        who->next->prev = who;
    c->m->clients = who;
    server_conn_set_data(c->conn, who);
    return who;
}

static void on_gone(void *ctx, server_conn *conn) {
    methods *m = ctx;
    client *who = server_conn_data(conn);
    if (!who)
        return;
    server_conn_set_data(conn, NULL);
    if (who->prev)
        who->prev->next = who->next;
    else
        m->clients = who->next;
    if (who->next)
        who->next->prev = who->prev;
    if (who->has_pairing && !m->refusing)
        hub_pair_close(m->config.hub, who->pairing);
    if (who->joining && !m->refusing)
        hub_join_cancel(m->config.hub);
    subscriptions_free(who);
    free(who);
}

static void on_pump(void *ctx) {
    methods *m = ctx;
    if (m->refusing)
        return;
    bool more = false;
    for (client *who = m->clients; who; who = who->next)
        more |= subscriptions_pump(m, who);
    if (more)
        server_wake(m->server);
}

const server_handler methods_handler = {on_call, on_pump, on_gone};

/* ---- open and close ---- */

wr_err methods_new(const methods_config *config, methods **ret_methods) {
    methods *m = calloc(1, sizeof *m);
    if (!m)
        return WR_ERR_NOMEM;
    m->config = *config;
    m->next_subscription = 1;
    *ret_methods = m;
    return WR_OK;
}

void methods_free(methods *m) {
    if (m)
        WR_ASSERT(m->clients == NULL);
    free(m);
}

void methods_set_server(methods *m, server *s) {
    m->server = s;
}

void methods_refuse(methods *m) {
    m->refusing = true;
}
