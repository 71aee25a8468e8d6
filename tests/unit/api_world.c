/* The local API's test world.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/harness.h"

/* ---- the agent's side ------------------------------------------------------------------ */

static void on_event(void *ctx, const hub_event *event) {
    world *w = ctx;
    if (w->methods)
        methods_event(w->methods, event);
}

static void on_stop(void *ctx) {
    ((world *)ctx)->stopped = true;
}

static wr_err set_passphrase(void *ctx, wr_slice passphrase, const char **ret_problem) {
    (void)ctx;
    *ret_problem = "too weak";
    return passphrase.len == 1 ? WR_ERR_REFUSED : WR_OK;
}

static const char *setting_key(void *ctx, size_t index) {
    (void)ctx;
    return index == 0 ? "network.mode" : NULL;
}

static wr_err get_setting(void *ctx, wr_slice key, char ret_text[METHODS_SETTING_MAX]) {
    (void)ctx;
    if (!wr_equal(key, wr_slice_str("network.mode")))
        return WR_ERR_UNKNOWN;
    snprintf(ret_text, METHODS_SETTING_MAX, "full");
    return WR_OK;
}

static wr_err set_setting(void *ctx, wr_slice key, wr_slice value, bool *ret_live,
                          const char **ret_problem) {
    (void)ctx;
    *ret_live = true;
    *ret_problem = "network.mode: one of full, lan-only, offline";
    if (!wr_equal(key, wr_slice_str("network.mode")))
        return WR_ERR_UNKNOWN;
    return wr_equal(value, wr_slice_str("full")) ? WR_OK : WR_ERR_FORMAT;
}

static void timer_fired(void *ctx) {
    loop_stop(((world *)ctx)->loop);
}

void world_open(world *w) {
    *w = (world){0};
    snprintf(w->home, sizeof w->home, "/tmp/warren-api-XXXXXX");
    T_TRUE(mkdtemp(w->home) != NULL);
    snprintf(w->socket, sizeof w->socket, "%s/agent.sock", w->home);
    T_OK(loop_open(&w->loop));
    T_OK(loop_timer_new(w->loop, timer_fired, w, &w->timer));
    const char *problem = NULL;
    hub_config surround = {.loop = w->loop, .event = on_event, .ctx = w};
    T_OK(hub_open(&surround, NULL, NULL, &w->hub, &problem));
    methods_config config = {.hub = w->hub,
                             .home = w->home,
                             .default_name = "laptop",
                             .stop = on_stop,
                             .set_passphrase = set_passphrase,
                             .setting_key = setting_key,
                             .get_setting = get_setting,
                             .set_setting = set_setting,
                             .ctx = w};
    T_OK(methods_new(&config, &w->methods));
    T_OK(server_open(w->loop, w->socket, &methods_handler, w->methods, &w->server, &problem));
    methods_set_server(w->methods, w->server);
}

void world_init(world *w) {
    world_open(w);
    T_OK(hub_init(w->hub, wr_slice_str("laptop"), true));
}

void world_turn(world *w) {
    loop_timer_set(w->timer, loop_now(w->loop).mono);
    T_OK(loop_run(w->loop));
}

static void nothing(void *ctx) {
    (void)ctx;
}

static void server_gone(void *ctx) {
    world *w = ctx;
    w->server = NULL;
    loop_stop(w->loop);
}

void world_close(world *w) {
    methods_refuse(w->methods);
    hub_close(w->hub, nothing, NULL);
    server_close(w->server, server_gone, w);
    while (w->server)
        T_OK(loop_run(w->loop));
    methods_free(w->methods);
    loop_timer_free(w->timer);
    loop_close(w->loop);
    T_EQ(access(w->socket, F_OK), -1);
    T_EQ(rmdir(w->home), 0);
}

/* ---- a client's side ---------------------------------------------------------------------- */

peer peer_connect(const world *w) {
    peer p = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", w->socket);
    T_EQ(connect(p.fd, (const struct sockaddr *)&address, sizeof address), 0);
    T_OK(rpc_reader_new(&p.reader));
    return p;
}

void peer_close(peer *p) {
    rpc_reader_free(p->reader);
    close(p->fd);
}

void peer_send(world *w, peer *p, wr_slice bytes) {
    while (bytes.len > 0) {
        ssize_t sent = send(p->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return; /* the agent has closed: the test will see it */
        if (sent > 0)
            bytes = wr_slice_of(bytes.ptr + sent, bytes.len - (size_t)sent);
        world_turn(w);
    }
}

uint32_t peer_request(world *w, peer *p, const char *method, warren_value *params) {
    rpc_bytes out = {0};
    T_OK(rpc_encode_request(++p->msgid, method, params, &out));
    warren_value_free(params);
    peer_send(w, p, wr_slice_of(out.ptr, out.len));
    rpc_bytes_wipe(&out);
    return p->msgid;
}

#define TURNS_MAX 2000

warren_value *peer_frame(world *w, peer *p) {
    for (int i = 0; i < TURNS_MAX; i++) {
        warren_value *frame = NULL;
        wr_err err = rpc_reader_next(p->reader, &frame);
        if (err == WR_OK)
            return frame;
        T_EQ(err, WR_ERR_TRUNCATED);
        wr_buf room = rpc_reader_room(p->reader);
        ssize_t got = recv(p->fd, room.ptr, room.cap, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            p->closed = true;
            return NULL;
        }
        if (got > 0)
            rpc_reader_filled(p->reader, (size_t)got);
        else
            world_turn(w);
    }
    return NULL;
}

const char *peer_call(world *w, peer *p, const char *method, warren_value *params,
                      warren_value **ret_result) {
    static char text[1024];
    uint32_t msgid = peer_request(w, p, method, params);
    warren_value *frame = peer_frame(w, p);
    rpc_message message;
    const char *problem = NULL;
    if (!frame)
        return "(no answer)";
    T_OK(rpc_parse(frame, &message, &problem));
    T_EQ(message.kind, RPC_RESPONSE);
    T_EQ(message.msgid, msgid);
    bool failed = message.error != NULL;
    if (failed)
        snprintf(text, sizeof text, "%s", warren_get_str(message.error, NULL));
    else
        *ret_result = wr_steal(&frame->as.items[3]);
    warren_value_free(frame);
    return failed ? text : NULL;
}

warren_value *peer_ok(world *w, peer *p, const char *method, warren_value *params) {
    warren_value *result = NULL;
    const char *error = peer_call(w, p, method, params, &result);
    T_STR(error ? error : "", "");
    T_EQ(warren_type_of(result), WARREN_MAP);
    return result;
}

void peer_expect_error(world *w, peer *p, const char *method, warren_value *params,
                       const char *text) {
    warren_value *result = NULL;
    const char *error = peer_call(w, p, method, params, &result);
    warren_value_free(result);
    T_STR(error ? error : "(success)", text);
}

warren_value *strings_of(const char *const *list) {
    warren_value *map = warren_map();
    for (; list[0]; list += 2)
        T_TRUE(warren_put(map, list[0], warren_str(list[1])));
    return map;
}
