/* The blocking client: one socket, one call at a time, notifications kept in between.
 *
 * Sending and receiving go on together, because the agent stops reading from a client that does
 * not read its answers.
 *
 * Layer:  api (libwarren)
 * SPDX-License-Identifier: Apache-2.0
 */
#include "warren/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/rpc.h"
#include "api/value.h"

struct warren_client {
    int fd;
    int timer; /* the deadline of the call under way, so that no clock needs to be read */
    rpc_reader *reader;
    rpc_bytes out;
    size_t sent; /* of out */
    uint32_t next_msgid;
    warren_value *queue[WARREN_NOTIFICATIONS_MAX]; /* whole frames, a ring */
    size_t queue_at, queue_len;
    bool lost;             /* the queue was full */
    warren_value *current; /* the frame whose method the caller may look at */
    char problem[1024];
};

/* ---- errors -------------------------------------------------------------------------- */

static const struct {
    warren_error error;
    const char *text;
} error_names[] = {
#define ERROR_ROW(name, text, exit_code, meaning) {WARREN_E_##name, text},
    WARREN_ERROR_MAP(ERROR_ROW)
#undef ERROR_ROW
};

static warren_error fail(warren_client *client, warren_error error, const char *text) {
    snprintf(client->problem, sizeof client->problem, "%s", text);
    return error;
}

/* "code: message" of an answer; other servers' error values become internal. */
static warren_error fail_remote(warren_client *client, const warren_value *error) {
    const char *text = warren_get_str(error, NULL);
    const char *colon = text ? strstr(text, ": ") : NULL;
    for (size_t i = 0; colon && i < WR_COUNT(error_names); i++) {
        wr_slice code = wr_slice_of(text, (size_t)(colon - text));
        if (wr_equal(code, wr_slice_str(error_names[i].text)))
            return fail(client, error_names[i].error, colon + 2);
    }
    return fail(client, WARREN_E_INTERNAL, text ? text : "the agent answered with an error");
}

const char *warren_client_problem(const warren_client *client) {
    return client->problem;
}

/* ---- the connection ---- */

static warren_error connect_error(int error) {
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
        return WARREN_E_NOT_RUNNING;
    return error == EACCES || error == EPERM ? WARREN_E_REFUSED : WARREN_E_IO;
}

warren_client *warren_client_open(const char *socket_path, warren_error *ret_error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    warren_client *client = calloc(1, sizeof *client);
    if (!client || rpc_reader_new(&client->reader) != WR_OK) {
        free(client);
        *ret_error = WARREN_E_INTERNAL;
        return NULL;
    }
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    client->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    warren_error error = client->fd < 0 || client->timer < 0 ? WARREN_E_IO : WARREN_OK;
    int len = snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    if (len <= 0 || (size_t)len >= sizeof address.sun_path)
        error = WARREN_E_INVALID;
    if (error == WARREN_OK &&
        connect(client->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        error = connect_error(errno);
    if (error == WARREN_OK)
        return client;
    warren_client_close(client);
    *ret_error = error;
    return NULL;
}

void warren_client_close(warren_client *client) {
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    if (client->timer >= 0)
        close(client->timer);
    for (size_t i = 0; i < client->queue_len; i++)
        warren_value_free(client->queue[(client->queue_at + i) % WARREN_NOTIFICATIONS_MAX]);
    warren_value_free(client->current);
    rpc_reader_free(client->reader);
    rpc_bytes_wipe(&client->out);
    wr_wipe(client->problem, sizeof client->problem);
    free(client);
}

int warren_client_fd(const warren_client *client) {
    return client->fd;
}

bool warren_client_pending(const warren_client *client) {
    return client->queue_len > 0 || client->lost;
}

/* ---- moving bytes ---- */

static void set_timer(warren_client *client, uint64_t timeout_ms) {
    struct itimerspec when = {
        .it_value = {(time_t)(timeout_ms / 1000), (long)(timeout_ms % 1000) * 1000000L}};
    timerfd_settime(client->timer, 0, &when, NULL);
}

static warren_error gone(warren_client *client) {
    return fail(client, WARREN_E_NOT_RUNNING, "the agent closed the connection");
}

static warren_error send_some(warren_client *client) {
    ssize_t sent = send(client->fd, client->out.ptr + client->sent, client->out.len - client->sent,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return gone(client);
    client->sent += sent > 0 ? (size_t)sent : 0;
    if (client->sent == client->out.len)
        client->sent = client->out.len = 0;
    return WARREN_OK;
}

static warren_error receive_some(warren_client *client) {
    wr_buf room = rpc_reader_room(client->reader);
    if (room.cap == 0)
        return fail(client, WARREN_E_INTERNAL, "out of memory");
    ssize_t got = recv(client->fd, room.ptr, room.cap, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        return gone(client);
    rpc_reader_filled(client->reader, got > 0 ? (size_t)got : 0);
    return WARREN_OK;
}

/* Waits until bytes came or went; TIMEOUT when the timer went off. */
static warren_error move_bytes(warren_client *client) {
    short out = client->out.len > client->sent ? POLLOUT : 0;
    struct pollfd fds[] = {{client->fd, (short)(POLLIN | out), 0}, {client->timer, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0)
        return errno == EINTR ? WARREN_OK : fail(client, WARREN_E_IO, "poll failed");
    if (fds[0].revents & POLLOUT) {
        warren_error error = send_some(client);
        if (error != WARREN_OK)
            return error;
    }
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        return receive_some(client);
    if (fds[1].revents & POLLIN)
        return fail(client, WARREN_E_TIMEOUT, "the agent did not answer in time");
    return WARREN_OK;
}

static void keep(warren_client *client, warren_value *frame) {
    if (client->queue_len == WARREN_NOTIFICATIONS_MAX || client->lost) {
        client->lost = true;
        warren_value_free(frame);
        return;
    }
    size_t at = (client->queue_at + client->queue_len++) % WARREN_NOTIFICATIONS_MAX;
    client->queue[at] = frame;
}

/* The next frame that has arrived; OK with NULL when there is none yet. */
static warren_error next_frame(warren_client *client, warren_value **ret_frame,
                               rpc_message *ret_message) {
    const char *text = NULL;
    *ret_frame = NULL;
    wr_err err = rpc_reader_next(client->reader, ret_frame);
    if (err == WR_ERR_TRUNCATED)
        return WARREN_OK;
    if (err == WR_OK && rpc_parse(*ret_frame, ret_message, &text) == WR_OK)
        return WARREN_OK;
    warren_value_free(*ret_frame);
    *ret_frame = NULL;
    return fail(client, WARREN_E_INTERNAL, "the agent sent something that is not MessagePack-RPC");
}

/* Takes item index out of an array; NULL stays in its place. */
static warren_value *take(const warren_value *array, size_t index) {
    if (index >= warren_count(array))
        return NULL;
    return wr_steal(&array->as.items[index]);
}

typedef struct watcher { /* seen NULL: keep them */
    warren_notification_fn seen;
    void *ctx;
} watcher;

/* Keeps or shows notifications until the answer to msgid is there. */
static warren_error await_answer(warren_client *client, uint32_t msgid, watcher watch,
                                 warren_value **ret_result) {
    for (;;) {
        WR_AUTO(warren_value) frame = NULL;
        rpc_message message = {.kind = RPC_NOTIFICATION};
        warren_error error = next_frame(client, &frame, &message);
        if (error == WARREN_OK && !frame)
            error = move_bytes(client);
        if (error != WARREN_OK)
            return error;
        if (frame && message.kind == RPC_NOTIFICATION && watch.seen)
            watch.seen(watch.ctx, message.method, message.params);
        else if (frame && message.kind == RPC_NOTIFICATION)
            keep(client, wr_steal(&frame));
        if (!frame || message.kind != RPC_RESPONSE || message.msgid != msgid)
            continue; /* an answer to a call that was given up is nobody's */
        if (message.error)
            return fail_remote(client, message.error);
        *ret_result = take(frame, 3);
        return WARREN_OK;
    }
}

static warren_error call(warren_client *client, const char *method, warren_value *params,
                         uint64_t timeout_ms, watcher watch, warren_value **ret_result) {
    WR_AUTO(warren_value) owned = params;
    uint32_t msgid = client->next_msgid++;
    wr_err err = rpc_encode_request(msgid, method, owned, &client->out);
    if (err == WR_ERR_LIMIT)
        return fail(client, WARREN_E_TOO_LARGE, "the request exceeds 16 MiB");
    if (err != WR_OK)
        return fail(client, WARREN_E_INTERNAL, "out of memory");
    set_timer(client, timeout_ms);
    warren_error error = await_answer(client, msgid, watch, ret_result);
    if (error == WARREN_OK && !*ret_result)
        *ret_result = warren_map();
    return error;
}

warren_error warren_client_call(warren_client *client, const char *method, warren_value *params,
                                uint64_t timeout_ms, warren_value **ret_result) {
    return call(client, method, params, timeout_ms, (watcher){0}, ret_result);
}

warren_error warren_client_call_watch(warren_client *client, const char *method,
                                      warren_value *params, uint64_t timeout_ms,
                                      warren_notification_fn seen, void *ctx,
                                      warren_value **ret_result) {
    return call(client, method, params, timeout_ms, (watcher){seen, ctx}, ret_result);
}

warren_error warren_client_wait(warren_client *client, uint64_t timeout_ms, const char **ret_method,
                                warren_value **ret_params) {
    set_timer(client, timeout_ms);
    for (;;) {
        WR_AUTO(warren_value) frame = NULL;
        rpc_message message = {0};
        warren_error error = WARREN_OK;
        const char *text = NULL;
        if (client->queue_len > 0) {
            frame = client->queue[client->queue_at];
            client->queue_at = (client->queue_at + 1) % WARREN_NOTIFICATIONS_MAX;
            client->queue_len--;
            WR_ASSERT(rpc_parse(frame, &message, &text) == WR_OK);
        } else if (client->lost) {
            client->lost = false;
            return fail(client, WARREN_E_TOO_LARGE, "notifications were lost");
        } else {
            error = next_frame(client, &frame, &message);
        }
        if (error == WARREN_OK && !frame)
            error = move_bytes(client);
        if (error != WARREN_OK)
            return error;
        if (!frame || message.kind != RPC_NOTIFICATION)
            continue;
        *ret_method = message.method;
        *ret_params = message.params ? take(warren_at(frame, 2), 0) : warren_map();
        warren_value_free(client->current);
        client->current = wr_steal(&frame);
        return WARREN_OK;
    }
}
