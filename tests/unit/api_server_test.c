/* The local socket: malformed input, slow clients, late answers, clients that go away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/harness.h"

static warren_value *entry(const char *log, size_t len) {
    warren_value *params = strings("log", log, NULL);
    uint8_t *body = calloc(1, len + 1);
    warren_put(params, "body", warren_bin(body, len));
    free(body);
    return params;
}

static void note(void *ctx) {
    *(bool *)ctx = true;
}

static void the_socket_is_for_its_owner_only(void **state) {
    (void)state;
    world w;
    struct stat info;
    world_open(&w);
    T_EQ(stat(w.socket, &info), 0);
    T_EQ(info.st_mode & 0777, 0600);
    world_close(&w);
}

static void a_dead_agents_socket_is_replaced_and_a_file_is_not(void **state) {
    (void)state;
    world w;
    world_open(&w);
    char path[128];
    snprintf(path, sizeof path, "%s/other.sock", w.home);
    server *s = NULL;
    const char *problem = NULL;
    FILE *file = fopen(path, "w");
    T_TRUE(file != NULL);
    fclose(file);
    T_ERR(server_open(w.loop, path, &methods_handler, w.methods, &s, &problem), WR_ERR_EXISTS);
    T_EQ(access(path, F_OK), 0);
    T_EQ(unlink(path), 0);
    char longer[SERVER_PATH_MAX + 2];
    memset(longer, 'x', sizeof longer);
    longer[0] = '/';
    longer[SERVER_PATH_MAX + 1] = '\0';
    T_ERR(server_open(w.loop, longer, &methods_handler, w.methods, &s, &problem), WR_ERR_LIMIT);
    T_TRUE(strstr(problem, "107") != NULL);
    /* Bound and never unlinked, as after a kill. */
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_storage name = {.ss_family = AF_UNIX};
    memcpy((char *)&name + sizeof(sa_family_t), path, strlen(path) + 1);
    T_EQ(bind(dead, (const struct sockaddr *)&name,
              (socklen_t)(sizeof(sa_family_t) + strlen(path) + 1)),
         0);
    close(dead);
    T_EQ(access(path, F_OK), 0);
    T_OK(server_open(w.loop, path, &methods_handler, w.methods, &s, &problem));
    bool gone = false;
    server_close(s, note, &gone);
    while (!gone)
        world_turn(&w);
    T_EQ(access(path, F_OK), -1);
    world_close(&w);
}

/* ---- malformed ------------------------------------------------------------------------------ */

static void bytes_that_are_no_messagepack_close_the_connection(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_send(&w, &p, wr_slice_str("GET / HTTP/1.1\r\n\r\n\xc1"));
    T_TRUE(peer_frame(&w, &p) == NULL);
    T_TRUE(p.closed);
    peer_close(&p);
    p = peer_connect(&w);
    warren_value_free(peer_ok(&w, &p, "agent.version", NULL));
    peer_close(&p);
    world_close(&w);
}

static void a_broken_request_is_answered_and_then_closed(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_send(&w, &p, wr_slice_of("\x94\x00\x2a\xa3g\x6f\x6f\x91\x81\xa1x\xc1", 12));
    warren_value *frame = peer_frame(&w, &p);
    T_EQ(warren_get_uint(warren_at(frame, 1), 0), 42);
    T_STR(warren_get_str(warren_at(frame, 2), NULL), "invalid: not MessagePack");
    warren_value_free(frame);
    T_TRUE(peer_frame(&w, &p) == NULL);
    T_TRUE(p.closed);
    peer_close(&p);
    world_close(&w);
}

static void a_request_of_wrong_shape_is_answered_and_the_next_one_served(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_send(&w, &p, wr_slice_of("\x94\x00\x07\xa1m\x91\x01", 7));
    warren_value *frame = peer_frame(&w, &p);
    T_EQ(warren_get_uint(warren_at(frame, 1), 0), 7);
    T_STR(warren_get_str(warren_at(frame, 2), NULL),
          "invalid: the parameters must be an array of one map");
    warren_value_free(frame);
    warren_value_free(peer_ok(&w, &p, "agent.version", NULL));
    peer_close(&p);
    world_close(&w);
}

static void a_frame_over_16_mib_is_refused_at_its_head(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_send(&w, &p, wr_slice_of("\x94\x00\x07\xa1m\x91\x81\xa1k\xdb\x01\x00\x00\x00", 14));
    warren_value *frame = peer_frame(&w, &p);
    T_STR(warren_get_str(warren_at(frame, 2), NULL),
          "invalid: the frame is over a limit (16 MiB, 1,048,576 values, 16 levels)");
    warren_value_free(frame);
    peer_close(&p);
    world_close(&w);
}

static void notifications_and_answers_from_clients_are_ignored(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_send(&w, &p, wr_slice_of("\x93\x02\xa1x\x91\x80\x94\x01\x05\xc0\xc0", 11));
    warren_value_free(peer_ok(&w, &p, "agent.version", NULL));
    peer_close(&p);
    world_close(&w);
}

/* ---- slow and late ---- */

static void a_client_that_does_not_read_is_not_read_from(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    for (int i = 0; i < 4; i++)
        warren_value_free(peer_ok(&w, &p, "log.append", entry("big", 60000)));
    /* Each answer holds 240 kB: 2,000 of them would be half a gigabyte. */
    rpc_bytes out = {0};
    warren_value *params = strings("log", "big", NULL);
    for (uint32_t i = 0; i < 2000; i++)
        T_OK(rpc_encode_request(1000 + i, "log.read", params, &out));
    warren_value_free(params);
    uint64_t before = fake_hub_pulled(w.hub);
    T_EQ(send(p.fd, out.ptr, out.len, MSG_DONTWAIT), (ssize_t)out.len);
    for (int i = 0; i < 200; i++)
        world_turn(&w);
    uint64_t pulled = fake_hub_pulled(w.hub) - before;
    T_TRUE(pulled * 60000 < 4 * SERVER_UNSENT_MAX);
    /* Once it reads, all answers come, in order. */
    for (uint32_t i = 0; i < 2000; i++) {
        warren_value *frame = peer_frame(&w, &p);
        T_EQ(warren_get_uint(warren_at(frame, 1), 0), 1000 + i);
        warren_value_free(frame);
    }
    rpc_bytes_wipe(&out);
    peer_close(&p);
    world_close(&w);
}

static void requests_without_an_answer_yet_are_bounded(void **state) {
    (void)state;
    world w;
    world_init(&w);
    fake_hub_hold(w.hub, true);
    peer p = peer_connect(&w);
    rpc_bytes out = {0};
    warren_value *params = entry("a", 1);
    for (uint32_t i = 0; i < SERVER_OWED_MAX + 500; i++)
        T_OK(rpc_encode_request(i, "log.append", params, &out));
    warren_value_free(params);
    peer_send(&w, &p, wr_slice_of(out.ptr, out.len));
    rpc_bytes_wipe(&out);
    for (int i = 0; i < 100; i++)
        world_turn(&w);
    hub_status status;
    T_OK(hub_get_status(w.hub, &status));
    T_EQ(status.entries, SERVER_OWED_MAX);
    fake_hub_settle(w.hub);
    for (int i = 0; i < 100; i++)
        world_turn(&w);
    fake_hub_settle(w.hub);
    for (uint32_t i = 0; i < SERVER_OWED_MAX + 500; i++) {
        warren_value *frame = peer_frame(&w, &p);
        T_TRUE(frame != NULL);
        T_EQ(warren_type_of(warren_at(frame, 2)), WARREN_NIL);
        warren_value_free(frame);
    }
    peer_close(&p);
    world_close(&w);
}

static void an_answer_outlives_the_client_that_asked(void **state) {
    (void)state;
    world w;
    world_init(&w);
    fake_hub_hold(w.hub, true);
    peer p = peer_connect(&w);
    peer_request(&w, &p, "log.append", entry("a", 1));
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    /* A reset, not an orderly end: the connection goes at once, its answer is still owed. */
    peer_close(&p);
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    fake_hub_settle(w.hub);
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    p = peer_connect(&w);
    warren_value_free(peer_ok(&w, &p, "agent.version", NULL));
    peer_close(&p);
    world_close(&w);
}

static void a_client_that_shuts_down_writing_still_gets_its_answer(void **state) {
    (void)state;
    world w;
    world_init(&w);
    fake_hub_hold(w.hub, true);
    peer p = peer_connect(&w);
    peer_request(&w, &p, "log.append", entry("a", 1));
    T_EQ(shutdown(p.fd, SHUT_WR), 0);
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    fake_hub_settle(w.hub);
    warren_value *frame = peer_frame(&w, &p);
    T_TRUE(frame != NULL);
    T_EQ(warren_type_of(warren_at(frame, 2)), WARREN_NIL);
    warren_value_free(frame);
    T_TRUE(peer_frame(&w, &p) == NULL);
    T_TRUE(p.closed);
    peer_close(&p);
    world_close(&w);
}

static void connections_are_bounded(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer list[SERVER_CONNS_MAX];
    for (size_t i = 0; i < SERVER_CONNS_MAX; i++) {
        list[i] = peer_connect(&w);
        warren_value_free(peer_ok(&w, &list[i], "agent.version", NULL));
    }
    peer more = peer_connect(&w);
    T_TRUE(peer_frame(&w, &more) == NULL);
    T_TRUE(more.closed);
    peer_close(&more);
    for (size_t i = 0; i < SERVER_CONNS_MAX; i++)
        peer_close(&list[i]);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_socket_is_for_its_owner_only),
        cmocka_unit_test(a_dead_agents_socket_is_replaced_and_a_file_is_not),
        cmocka_unit_test(bytes_that_are_no_messagepack_close_the_connection),
        cmocka_unit_test(a_broken_request_is_answered_and_then_closed),
        cmocka_unit_test(a_request_of_wrong_shape_is_answered_and_the_next_one_served),
        cmocka_unit_test(a_frame_over_16_mib_is_refused_at_its_head),
        cmocka_unit_test(notifications_and_answers_from_clients_are_ignored),
        cmocka_unit_test(a_client_that_does_not_read_is_not_read_from),
        cmocka_unit_test(requests_without_an_answer_yet_are_bounded),
        cmocka_unit_test(an_answer_outlives_the_client_that_asked),
        cmocka_unit_test(a_client_that_shuts_down_writing_still_gets_its_answer),
        cmocka_unit_test(connections_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
