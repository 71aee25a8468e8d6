/* The local socket: clients of one agent, their requests in, answers and notifications out.
 *
 *   bytes -> frames -> server_handler.call -> rpc_reply_ok | rpc_reply_fail, at once or later
 *
 * A client that does not read is paused: over SERVER_UNSENT_MAX unsent bytes or
 * SERVER_OWED_MAX owed answers nothing more is read from it, and server_conn_has_room tells the
 * feeders of notifications to wait.
 *
 * Spec:   proto/spec/overview.md (local RPC)
 * Layer:  api
 * Owner:  agent.c opens one; a connection lives until its closed callback.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "api/value.h"
#include "base/base.h"
#include "core/loop.h"

#define SERVER_CONNS_MAX 256u
#define SERVER_UNSENT_MAX (1024u * 1024u)
#define SERVER_OWED_MAX 4096u   /* requests of one client that wait for their answer */
#define SERVER_TURN_FRAMES 512u /* frames of one client handled before others get their turn */
#define SERVER_FLUSH_MS 1000u   /* how long server_close waits for clients to read their answers */
#define SERVER_PATH_MAX 107u    /* bytes of a unix socket path */

typedef struct server server;
typedef struct server_conn server_conn;
typedef struct rpc_reply rpc_reply; /* one owed answer; outlives its client */

typedef struct server_handler {
    /* A request.  reply must be answered once, now or later.  params may be NULL and is borrowed
     * for the call. */
    void (*call)(void *ctx, server_conn *conn, const char *method, const warren_value *params,
                 rpc_reply *reply);
    /* After server_wake, once, before anything is sent: the place to feed notifications. */
    void (*pump)(void *ctx);
    /* The client sends nothing more; no call with conn is legal after this. */
    void (*gone)(void *ctx, server_conn *conn);
} server_handler;

/* Listens on path, mode 0600, replacing a socket that a dead agent left: the caller holds the
 * home's lock.
 *   LIMIT    path is longer than SERVER_PATH_MAX
 *   EXISTS   something that is not a socket is there
 *   IO, NOMEM
 * ret_problem: one line for people, static or owned by the server module until the next open. */
WR_MUST wr_err server_open(loop *loop, const char *path, const server_handler *handler, void *ctx,
                           server **ret_server, const char **ret_problem);
/* Sends what is due, then closes; closed is called from the loop and the server is gone. */
void server_close(server *server, loop_fn closed, void *ctx);
/* Asks for handler.pump soon. */
void server_wake(server *server);

/* What the handler keeps for a connection; NULL at first. */
void server_conn_set_data(server_conn *conn, void *data);
void *server_conn_data(const server_conn *conn);
/* False: come back at a later pump (one follows when there is room again). */
bool server_conn_has_room(const server_conn *conn);
/* Sends a notification; params is borrowed.  LIMIT when there is no room, NOMEM. */
WR_MUST wr_err server_conn_notify(server_conn *conn, const char *method,
                                  const warren_value *params);

/* Each consumes reply.  result is owned by the call; NULL: an empty map. */
void rpc_reply_ok(rpc_reply *reply, warren_value *result);
void rpc_reply_fail(rpc_reply *reply, warren_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif /* API_SERVER_H */
