/* The local socket on libuv pipes.
 *
 * All sending and all resuming happens in one idle callback, which runs only while there is
 * something to do: answers of one turn leave in one write, and no handler is ever re-entered.
 *
 * Layer:  api
 * Owner:  a connection's memory goes in libuv's close callback.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/server.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "api/rpc.h"
#include "base/text.h"

struct rpc_reply {
    server_conn *conn; /* NULL: the client has gone */
    rpc_reply *next, *prev;
    uint32_t msgid;
};

typedef enum conn_state {
    CONN_OPEN,
    CONN_DRAINING, /* reads no more; closes when all is answered and sent */
    CONN_CLOSING,
} conn_state;

struct server_conn {
    uv_pipe_t pipe;
    uv_write_t write;
    server *server;
    server_conn *next, *prev;
    conn_state state;
    bool reading;
    bool abandoned; /* handler.gone was called */
    rpc_reader *reader;
    rpc_bytes out;    /* gathered in this turn */
    rpc_bytes flight; /* being written; len 0: no write is under way */
    rpc_reply *owed;
    uint32_t owed_count;
    void *data;
};

struct server {
    uv_pipe_t listener;
    uv_idle_t idle; /* active only while there is something to pump, send or resume */
    uv_timer_t flush;
    loop *loop;
    server_handler handler;
    void *ctx;
    server_conn *conns;
    uint32_t conn_count;
    uint32_t handles; /* of listener, idle, flush: not yet closed */
    bool closing;
    loop_fn closed;
    void *closed_ctx;
};

static char problem[512];

static void idle_turn(uv_idle_t *handle);
static void conn_process(server_conn *conn);
static void maybe_gone(server *s);

void server_wake(server *s) {
    if (!uv_is_closing((uv_handle_t *)&s->idle))
        uv_idle_start(&s->idle, idle_turn);
}

/* ---- a connection's end ---------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle) {
    server *s = handle->data;
    s->handles--;
    maybe_gone(s);
}

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle))
        uv_close(handle, handle_closed);
}

static void maybe_gone(server *s) {
    if (!s->closing || s->conns)
        return;
    close_handle((uv_handle_t *)&s->listener);
    close_handle((uv_handle_t *)&s->idle);
    close_handle((uv_handle_t *)&s->flush);
    if (s->handles > 0)
        return;
    loop_fn closed = s->closed;
    void *ctx = s->closed_ctx;
    free(s);
    closed(ctx);
}

static void conn_closed(uv_handle_t *handle) {
    server_conn *conn = handle->data;
    server *s = conn->server;
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        s->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    s->conn_count--;
    rpc_reader_free(conn->reader);
    rpc_bytes_wipe(&conn->out);
    rpc_bytes_wipe(&conn->flight);
    free(conn);
    maybe_gone(s);
}

static void conn_abandon(server_conn *conn) {
    if (conn->abandoned)
        return;
    conn->abandoned = true;
    conn->server->handler.gone(conn->server->ctx, conn);
}

static void conn_close(server_conn *conn) {
    if (conn->state == CONN_CLOSING)
        return;
    conn->state = CONN_CLOSING;
    conn_abandon(conn);
    while (conn->owed) {
        conn->owed->conn = NULL;
        conn->owed = conn->owed->next;
    }
    uv_close((uv_handle_t *)&conn->pipe, conn_closed);
}

static void conn_drain(server_conn *conn) {
    if (conn->state != CONN_OPEN)
        return;
    conn->state = CONN_DRAINING;
    uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->reading = false;
    conn_abandon(conn);
    server_wake(conn->server);
}

/* ---- sending ------------------------------------------------------------------------ */

static size_t unsent(const server_conn *conn) {
    return conn->out.len + conn->flight.len;
}

bool server_conn_has_room(const server_conn *conn) {
    return conn->state == CONN_OPEN && unsent(conn) < SERVER_UNSENT_MAX;
}

static bool may_read(const server_conn *conn) {
    return server_conn_has_room(conn) && conn->owed_count < SERVER_OWED_MAX;
}

#define BUFFER_KEPT (256u * 1024u)

static void written(uv_write_t *request, int status) {
    server_conn *conn = request->data;
    wr_wipe(conn->flight.ptr, conn->flight.len); /* it may have been the recovery words */
    conn->flight.len = 0;
    if (conn->flight.cap > BUFFER_KEPT)
        rpc_bytes_wipe(&conn->flight);
    if (status < 0)
        conn_close(conn);
    else
        server_wake(conn->server);
}

static void conn_send(server_conn *conn) {
    if (conn->state == CONN_CLOSING || conn->flight.len > 0 || conn->out.len == 0)
        return;
    rpc_bytes empty = conn->flight;
    conn->flight = conn->out;
    conn->out = empty;
    uv_buf_t buf = uv_buf_init((char *)conn->flight.ptr, (unsigned)conn->flight.len);
    conn->write.data = conn;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->pipe, &buf, 1, written) < 0) {
        conn->flight.len = 0;
        conn_close(conn);
    }
}

wr_err server_conn_notify(server_conn *conn, const char *method, const warren_value *params) {
    if (!server_conn_has_room(conn))
        return WR_ERR_LIMIT;
    WR_TRY(rpc_encode_notification(method, params, &conn->out));
    server_wake(conn->server);
    return WR_OK;
}

/* ---- answers --------------------------------------------------------------------------- */

static rpc_reply *reply_new(server_conn *conn, uint32_t msgid) {
    rpc_reply *reply = calloc(1, sizeof *reply);
    if (!reply)
        return NULL;
    *reply = (rpc_reply){.conn = conn, .next = conn->owed, .msgid = msgid};
    if (conn->owed)
        conn->owed->prev = reply;
    conn->owed = reply;
    conn->owed_count++;
    return reply;
}

/* Takes the reply off its connection; NULL where the client has gone. */
static server_conn *reply_settle(rpc_reply *reply) {
    server_conn *conn = reply->conn;
    if (!conn)
        return NULL;
    if (reply->prev)
        reply->prev->next = reply->next;
    else
        conn->owed = reply->next;
    if (reply->next)
        reply->next->prev = reply->prev;
    conn->owed_count--;
    server_wake(conn->server);
    return conn;
}

void rpc_reply_ok(rpc_reply *reply, warren_value *result) {
    WR_AUTO(warren_value) owned = result ? result : warren_map();
    server_conn *conn = reply_settle(reply);
    if (conn) {
        wr_err err =
            owned ? rpc_encode_response(reply->msgid, NULL, owned, &conn->out) : WR_ERR_NOMEM;
        if (err != WR_OK)
            err = rpc_encode_response(reply->msgid,
                                      err == WR_ERR_LIMIT
                                          ? "too_large: the answer would exceed 16 MiB"
                                          : "internal: out of memory",
                                      NULL, &conn->out);
        if (err != WR_OK)
            conn_drain(conn);
    }
    free(reply);
}

/* What a client said may stand in it, and may be cut: still text that every client can decode. */
static void make_plain(char *text) {
    bool decodes = wr_text_is_utf8(wr_slice_str(text));
    for (char *p = text; *p != '\0'; p++) {
        uint8_t byte = (uint8_t)*p;
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !decodes))
            *p = '?';
    }
}

void rpc_reply_fail(rpc_reply *reply, warren_error code, const char *format, ...) {
    char text[1024];
    int prefix = snprintf(text, sizeof text, "%s: ", warren_error_text(code));
    va_list args;
    va_start(args, format);
    vsnprintf(text + prefix, sizeof text - (size_t)prefix, format, args);
    va_end(args);
    make_plain(text);
    server_conn *conn = reply_settle(reply);
    if (conn && rpc_encode_response(reply->msgid, text, NULL, &conn->out) != WR_OK)
        conn_drain(conn);
    free(reply);
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* Answers what cannot be handled, where its number is known, and lets the client go. */
static void conn_malformed(server_conn *conn, bool has_msgid, uint32_t msgid, const char *text) {
    char error[160];
    snprintf(error, sizeof error, "invalid: %s", text);
    if (has_msgid && rpc_encode_response(msgid, error, NULL, &conn->out) != WR_OK)
        conn_close(conn);
    conn_drain(conn);
}

static void conn_frame(server_conn *conn, const warren_value *frame) {
    rpc_message message;
    const char *text = NULL;
    if (rpc_parse(frame, &message, &text) != WR_OK) {
        /* A request with a number is told what is wrong and may go on: the stream is in step. */
        char error[160];
        snprintf(error, sizeof error, "invalid: %s", text);
        if (!message.has_msgid ||
            rpc_encode_response(message.msgid, error, NULL, &conn->out) != WR_OK)
            conn_drain(conn);
        server_wake(conn->server);
        return;
    }
    if (message.kind != RPC_REQUEST)
        return; /* notifications and answers to nothing: ignored, as other servers do */
    rpc_reply *reply = reply_new(conn, message.msgid);
    if (!reply) {
        conn_close(conn);
        return;
    }
    conn->server->handler.call(conn->server->ctx, conn, message.method, message.params, reply);
}

static const char *stream_text(wr_err err) {
    if (err == WR_ERR_LIMIT)
        return "the frame is over a limit (16 MiB, 1,048,576 values, 16 levels)";
    return err == WR_ERR_NOMEM ? "out of memory" : "not MessagePack";
}

static void conn_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    server_conn *conn = handle->data;
    wr_buf room = rpc_reader_room(conn->reader);
    *buf = uv_buf_init((char *)room.ptr, (unsigned)room.cap);
}

static void conn_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
    (void)buf;
    server_conn *conn = stream->data;
    if (got == UV_EOF) {
        conn_drain(conn);
    } else if (got < 0) {
        conn_close(conn);
    } else if (got > 0) {
        rpc_reader_filled(conn->reader, (size_t)got);
        conn_process(conn);
    }
}

static void conn_process(server_conn *conn) {
    for (uint32_t frames = 0; may_read(conn); frames++) {
        WR_AUTO(warren_value) frame = NULL;
        if (frames == SERVER_TURN_FRAMES) {
            uv_read_stop((uv_stream_t *)&conn->pipe);
            conn->reading = false;
            server_wake(conn->server);
            return;
        }
        wr_err err = rpc_reader_next(conn->reader, &frame);
        if (err == WR_ERR_TRUNCATED)
            break;
        if (err != WR_OK) {
            uint32_t msgid = 0;
            bool known = rpc_reader_broken_msgid(conn->reader, &msgid);
            conn_malformed(conn, known, msgid, stream_text(err));
            return;
        }
        conn_frame(conn, frame);
    }
    bool wanted = may_read(conn);
    if (wanted == conn->reading || conn->state != CONN_OPEN)
        return;
    conn->reading = wanted;
    if (!wanted)
        uv_read_stop((uv_stream_t *)&conn->pipe);
    else if (uv_read_start((uv_stream_t *)&conn->pipe, conn_alloc, conn_read) < 0)
        conn_close(conn);
}

/* ---- the idle callback ---- */

static void idle_turn(uv_idle_t *handle) {
    server *s = handle->data;
    uv_idle_stop(handle);
    if (!s->closing)
        s->handler.pump(s->ctx);
    server_conn *next = NULL;
    for (server_conn *conn = s->conns; conn; conn = next) {
        next = conn->next;
        conn_send(conn);
        if (conn->state == CONN_OPEN && !conn->reading)
            conn_process(conn);
        if (conn->state == CONN_DRAINING && conn->owed_count == 0 && unsent(conn) == 0)
            conn_close(conn);
    }
}

/* ---- accepting ---- */

static bool peer_is_ours(uv_pipe_t *pipe) {
    uv_os_fd_t fd;
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (uv_fileno((uv_handle_t *)pipe, &fd) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return false;
    return peer.uid == geteuid() || peer.uid == 0;
}

static void refused_closed(uv_handle_t *handle) {
    server_conn *conn = handle->data;
    rpc_reader_free(conn->reader);
    free(conn);
}

static void on_connection(uv_stream_t *listener, int status) {
    server *s = listener->data;
    if (status < 0)
        return;
    server_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return;
    conn->server = s;
    uv_pipe_init(listener->loop, &conn->pipe, 0);
    conn->pipe.data = conn;
    bool fine = uv_accept(listener, (uv_stream_t *)&conn->pipe) == 0 && !s->closing &&
                s->conn_count < SERVER_CONNS_MAX && peer_is_ours(&conn->pipe) &&
                rpc_reader_new(&conn->reader) == WR_OK;
    if (!fine) {
        uv_close((uv_handle_t *)&conn->pipe, refused_closed);
        return;
    }
    conn->next = s->conns;
    if (s->conns)
        s->conns->prev = conn;
    s->conns = conn;
    s->conn_count++;
    conn_process(conn);
}

/* ---- open and close ---- */

static wr_err open_failed(wr_err err, const char **ret_problem, const char *path,
                          const char *text) {
    snprintf(problem, sizeof problem, "%s: %s", path, text);
    *ret_problem = problem;
    return err;
}

/* Removes what a dead agent left.  The lock on the home makes this safe: nobody listens. */
static wr_err clear_path(const char *path, const char **ret_problem) {
    struct stat info;
    if (strlen(path) > SERVER_PATH_MAX)
        return open_failed(WR_ERR_LIMIT, ret_problem, path,
                           "a socket's path may have 107 bytes; choose a shorter --home");
    if (lstat(path, &info) < 0)
        return WR_OK;
    if (!S_ISSOCK(info.st_mode))
        return open_failed(WR_ERR_EXISTS, ret_problem, path, "is there and is not a socket");
    if (unlink(path) < 0)
        return open_failed(WR_ERR_IO, ret_problem, path, "cannot replace the old socket");
    return WR_OK;
}

static void nobody_asks(void *ctx) {
    (void)ctx;
}

wr_err server_open(loop *l, const char *path, const server_handler *handler, void *ctx,
                   server **ret_server, const char **ret_problem) {
    WR_TRY(clear_path(path, ret_problem));
    /* libuv writes without MSG_NOSIGNAL, and a client may go while its answer is being sent. */
    signal(SIGPIPE, SIG_IGN);
    server *s = calloc(1, sizeof *s);
    if (!s)
        return WR_ERR_NOMEM;
    uv_loop_t *uv = loop_native(l);
    s->loop = l;
    s->handler = *handler;
    s->ctx = ctx;
    s->handles = 3;
    s->listener.data = s->idle.data = s->flush.data = s;
    uv_pipe_init(uv, &s->listener, 0);
    uv_idle_init(uv, &s->idle);
    uv_timer_init(uv, &s->flush);
    int rc = uv_pipe_bind(&s->listener, path);
    if (rc == 0 && chmod(path, 0600) < 0)
        rc = UV_EIO;
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, 64, on_connection);
    if (rc != 0) {
        s->closing = true;
        s->closed = nobody_asks;
        maybe_gone(s);
        return open_failed(WR_ERR_IO, ret_problem, path, uv_strerror(rc));
    }
    *ret_server = s;
    return WR_OK;
}

static void flush_over(uv_timer_t *timer) {
    server *s = timer->data;
    server_conn *next = NULL;
    for (server_conn *conn = s->conns; conn; conn = next) {
        next = conn->next;
        conn_close(conn);
    }
}

void server_close(server *s, loop_fn closed, void *ctx) {
    WR_ASSERT(!s->closing);
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    close_handle((uv_handle_t *)&s->listener);
    for (server_conn *conn = s->conns; conn; conn = conn->next)
        conn_drain(conn);
    /* The clients get a moment to read their last answers; none makes us wait for ever. */
    uv_timer_start(&s->flush, flush_over, SERVER_FLUSH_MS, 0);
    maybe_gone(s);
}

void server_conn_set_data(server_conn *conn, void *data) {
    conn->data = data;
}

void *server_conn_data(const server_conn *conn) {
    return conn->data;
}
