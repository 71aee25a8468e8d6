/* TCP connections on libuv.
 *
 *   dial:   CONNECTING -> OPEN -> CLOSING -> (closed callback) gone
 *   accept:               OPEN -> CLOSING -> (closed callback) gone
 *
 * Bytes go out through borrowed buffers: first straight to the system, what it does not take is
 * queued, up to NET_OUTSTANDING_MAX.  An idle connection holds no buffer.
 *
 * Layer:  net
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/net_impl.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

typedef enum tcp_state { STATE_CONNECTING, STATE_OPEN, STATE_CLOSING } tcp_state;

typedef struct tcp {
    transport base;
    net *net;
    uv_tcp_t uv;
    uv_connect_t connect;
    loop_timer *timer; /* of connecting */
    tcp_state state;
    wr_err reason; /* of closing */
    bool paused;
    bool wants_space;   /* transport_space gave none: writable is owed */
    net_buffer *room;   /* given to the owner, not yet flushed */
    size_t outstanding; /* bytes queued in libuv */
} tcp;

/* A queued write owns its buffer. */
typedef struct tcp_write {
    uv_write_t uv;
    tcp *owner;
    net_buffer *buffer;
    size_t len;
} tcp_write;

static tcp *tcp_of(transport *t) {
    return (tcp *)t;
}

/* ---- closing -------------------------------------------------------------------------------- */

static void closed(uv_handle_t *handle) {
    tcp *t = (tcp *)handle->data;
    WR_ASSERT(t->outstanding == 0);
    const transport_events *events = t->base.events;
    void *ctx = t->base.ctx;
    wr_err reason = t->reason;
    net *n = t->net;
    free(t);
    /* An accepted connection that nobody took has no events. */
    if (events != NULL)
        events->closed(ctx, reason);
    net_release(n);
}

static void close_for(tcp *t, wr_err reason) {
    if (t->state == STATE_CLOSING)
        return;
    t->state = STATE_CLOSING;
    t->reason = reason;
    loop_timer_free(t->timer);
    t->timer = NULL;
    if (t->room != NULL)
        net_buffer_give(t->net, t->room);
    t->room = NULL;
    uv_close((uv_handle_t *)&t->uv, closed);
}

static void tcp_close(transport *base) {
    close_for(tcp_of(base), WR_OK);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf) {
    (void)suggested;
    net *n = ((tcp *)handle->data)->net;
    *ret_buf = uv_buf_init((char *)n->read_bytes, sizeof n->read_bytes);
}

static void bytes_came(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
    tcp *t = (tcp *)stream->data;
    if (t->state == STATE_CLOSING || count == 0)
        return;
    if (count < 0) {
        close_for(t, count == UV_EOF ? WR_OK : WR_ERR_IO);
        return;
    }
    t->base.events->read(t->base.ctx, wr_slice_of(buf->base, (size_t)count));
}

static void start_reading(tcp *t) {
    if (t->state != STATE_OPEN || t->paused || t->base.events == NULL)
        return;
    if (uv_read_start((uv_stream_t *)&t->uv, read_room, bytes_came) != 0)
        close_for(t, WR_ERR_IO);
}

static void tcp_pause(transport *base, bool paused) {
    tcp *t = tcp_of(base);
    if (t->paused == paused)
        return;
    t->paused = paused;
    if (!paused)
        start_reading(t);
    else if (t->state == STATE_OPEN)
        uv_read_stop((uv_stream_t *)&t->uv);
}

/* ---- writing -------------------------------------------------------------------------------- */

static wr_buf tcp_space(transport *base) {
    tcp *t = tcp_of(base);
    if (t->state != STATE_OPEN)
        return wr_buf_of(NULL, 0);
    if (t->room == NULL) {
        if (t->outstanding + NET_BUFFER_SIZE > NET_OUTSTANDING_MAX) {
            t->wants_space = true;
            return wr_buf_of(NULL, 0);
        }
        if (!net_buffer_take(t->net, &t->room)) {
            close_for(t, WR_ERR_NOMEM);
            return wr_buf_of(NULL, 0);
        }
    }
    return WR_BUF_ARRAY(t->room->bytes);
}

static void written(uv_write_t *request, int status) {
    tcp_write *write = (tcp_write *)request->data;
    tcp *t = write->owner;
    t->outstanding -= write->len;
    net_buffer_give(t->net, write->buffer);
    free(write);
    if (t->state != STATE_OPEN)
        return;
    if (status != 0) {
        close_for(t, WR_ERR_IO);
        return;
    }
    if (t->wants_space && t->outstanding + NET_BUFFER_SIZE <= NET_OUTSTANDING_MAX) {
        t->wants_space = false;
        t->base.events->writable(t->base.ctx);
    }
}

static void queue_rest(tcp *t, net_buffer *buffer, size_t done, size_t len) {
    tcp_write *write = (tcp_write *)calloc(1, sizeof *write);
    if (write == NULL) {
        net_buffer_give(t->net, buffer);
        close_for(t, WR_ERR_NOMEM);
        return;
    }
    write->owner = t;
    write->buffer = buffer;
    write->len = len - done;
    write->uv.data = write;
    uv_buf_t rest = uv_buf_init((char *)buffer->bytes + done, (unsigned)(len - done));
    if (uv_write(&write->uv, (uv_stream_t *)&t->uv, &rest, 1, written) != 0) {
        net_buffer_give(t->net, buffer);
        free(write);
        close_for(t, WR_ERR_IO);
        return;
    }
    t->outstanding += write->len;
}

static void tcp_flush(transport *base, size_t len) {
    tcp *t = tcp_of(base);
    net_buffer *buffer = t->room;
    t->room = NULL;
    if (buffer == NULL) {
        WR_ASSERT(len == 0 || t->state == STATE_CLOSING);
        return;
    }
    WR_ASSERT(len <= sizeof buffer->bytes);
    size_t done = 0;
    if (len != 0 && t->outstanding == 0) {
        uv_buf_t all = uv_buf_init((char *)buffer->bytes, (unsigned)len);
        int rc = uv_try_write((uv_stream_t *)&t->uv, &all, 1);
        if (rc < 0 && rc != UV_EAGAIN) {
            net_buffer_give(t->net, buffer);
            close_for(t, WR_ERR_IO);
            return;
        }
        done = rc > 0 ? (size_t)rc : 0;
    }
    if (done == len)
        net_buffer_give(t->net, buffer);
    else
        queue_rest(t, buffer, done, len);
}

/* ---- life ---- */

static net_addr tcp_local(const transport *base) {
    const tcp *t = (const tcp *)base;
    struct sockaddr_storage storage;
    int len = sizeof storage;
    net_addr addr = {0};
    if (uv_tcp_getsockname(&t->uv, (struct sockaddr *)&storage, &len) == 0)
        net_addr_from_system((const struct sockaddr *)&storage, &addr);
    return addr;
}

static void tcp_attached(transport *base) {
    start_reading(tcp_of(base));
}

static const transport_ops tcp_ops = {
    .attached = tcp_attached,
    .close = tcp_close,
    .local = tcp_local,
    .space = tcp_space,
    .flush = tcp_flush,
    .pause = tcp_pause,
};

wr_err tcp_set_options(const net *n, uv_tcp_t *handle) {
    uv_os_fd_t fd = -1;
    int one = 1;
    if (uv_tcp_nodelay(handle, 1) != 0 || uv_fileno((const uv_handle_t *)handle, &fd) != 0)
        return WR_ERR_IO;
    /* What is sent stays on the link, whatever the routes say. */
    if (n->mode == NET_LAN_ONLY && setsockopt(fd, SOL_SOCKET, SO_DONTROUTE, &one, sizeof one) != 0)
        return WR_ERR_IO;
    return WR_OK;
}

static wr_err tcp_new(net *n, unsigned family, tcp **ret_tcp) {
    tcp *t = (tcp *)calloc(1, sizeof *t);
    if (t == NULL)
        return WR_ERR_NOMEM;
    t->base.ops = &tcp_ops;
    t->net = n;
    if (uv_tcp_init_ex(n->uv, &t->uv, family) != 0) {
        free(t);
        return WR_ERR_IO;
    }
    t->uv.data = t;
    net_hold(n);
    *ret_tcp = t;
    return WR_OK;
}

static wr_err accept_from(net_listener *listener, tcp *t) {
    struct sockaddr_storage storage;
    int len = sizeof storage;
    if (uv_accept((uv_stream_t *)&listener->uv, (uv_stream_t *)&t->uv) != 0 ||
        uv_tcp_getpeername(&t->uv, (struct sockaddr *)&storage, &len) != 0)
        return WR_ERR_IO;
    net_addr_from_system((const struct sockaddr *)&storage, &t->base.remote);
    if (!net_allows(t->net, &t->base.remote))
        return WR_ERR_REFUSED;
    return tcp_set_options(t->net, &t->uv);
}

void tcp_accept(net_listener *listener) {
    tcp *t = NULL;
    if (tcp_new(listener->owner, AF_UNSPEC, &t) != WR_OK)
        return;
    t->state = STATE_OPEN;
    wr_err err = accept_from(listener, t);
    if (err != WR_OK) {
        close_for(t, err);
        return;
    }
    listener->fn(listener->ctx, &t->base);
    WR_ASSERT(t->base.events != NULL || t->state == STATE_CLOSING);
}

/* ---- dialling ---- */

static void connected(uv_connect_t *request, int status) {
    tcp *t = (tcp *)request->data;
    if (t->state != STATE_CONNECTING)
        return;
    if (status != 0) {
        close_for(t, WR_ERR_IO);
        return;
    }
    loop_timer_free(t->timer);
    t->timer = NULL;
    t->state = STATE_OPEN;
    t->base.events->open(t->base.ctx);
    start_reading(t);
}

static void took_too_long(void *ctx) {
    close_for((tcp *)ctx, WR_ERR_TIMEOUT);
}

wr_err tcp_dial(net *n, const net_addr *addr, const transport_events *events, void *ctx,
                transport **ret_transport) {
    tcp *t = NULL;
    struct sockaddr_storage storage;
    net_addr_to_system(addr, &storage);
    WR_TRY(tcp_new(n, storage.ss_family, &t));
    t->state = STATE_CONNECTING;
    t->base.remote = *addr;
    t->connect.data = t;
    wr_err err = loop_timer_new(n->loop, took_too_long, t, &t->timer);
    if (err == WR_OK)
        err = tcp_set_options(n, &t->uv);
    if (err != WR_OK) {
        close_for(t, err); /* without events: the owner never had it */
        return err;
    }
    loop_timer_set(t->timer, wr_mono_add(loop_now(n->loop).mono, NET_CONNECT_MS));
    t->base.events = events;
    t->base.ctx = ctx;
    int rc = uv_tcp_connect(&t->connect, &t->uv, (const struct sockaddr *)&storage, connected);
    if (rc != 0)
        close_for(t, WR_ERR_IO); /* reported as closed, as any later failure */
    *ret_transport = &t->base;
    return WR_OK;
}
