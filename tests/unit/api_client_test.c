/* The blocking client of libwarren against the real server: the script of each test runs in a
 * thread, the loop in the test's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/harness.h"

typedef struct script {
    void (*run)(struct script *s);
    const char *socket;
    const char *wrong; /* the first thing that was not as it should be */
    bool done;
} script;

/* cmocka's assertions jump, and may do so only in the test's own thread. */
#define EXPECT(cond)                                                                               \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            s->wrong = #cond;                                                                      \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static void *script_thread(void *ctx) {
    script *s = ctx;
    s->run(s);
    __atomic_store_n(&s->done, true, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Runs the script; entries made by the fake hub may be waited for by it. */
static void play(world *w, void (*run)(script *s)) {
    script s = {.run = run, .socket = w->socket};
    pthread_t thread;
    T_EQ(pthread_create(&thread, NULL, script_thread, &s), 0);
    while (!__atomic_load_n(&s.done, __ATOMIC_SEQ_CST))
        world_turn(w);
    T_EQ(pthread_join(thread, NULL), 0);
    T_STR(s.wrong ? s.wrong : "", "");
}

static warren_value *body_of(const char *log, size_t len) {
    warren_value *params = strings("log", log, NULL);
    uint8_t *body = calloc(1, len + 1);
    warren_put(params, "body", warren_bin(body, len));
    free(body);
    return params;
}

/* ---- scripts ------------------------------------------------------------------------------ */

static void calls(script *s) {
    warren_error error = WARREN_OK;
    warren_value *result = NULL;
    warren_client *client = warren_client_open(s->socket, &error);
    EXPECT(client != NULL);
    EXPECT(warren_client_call(client, "agent.version", NULL, 5000, &result) == WARREN_OK);
    EXPECT(strcmp(warren_get_str(warren_find(result, "version"), NULL), WARREN_VERSION) == 0);
    warren_value_free(result);
    EXPECT(warren_client_call(client, "frob", NULL, 5000, &result) == WARREN_E_NOT_FOUND);
    EXPECT(strcmp(warren_client_problem(client), "no method 'frob'") == 0);
    EXPECT(warren_client_call(client, "log.read", NULL, 5000, &result) == WARREN_E_INVALID);
    EXPECT(warren_client_call(client, "log.append", body_of("a", 61441), 5000, &result) ==
           WARREN_E_TOO_LARGE);
    EXPECT(warren_client_call(client, "log.append", body_of("a", RPC_FRAME_BYTES_MAX), 5000,
                              &result) == WARREN_E_TOO_LARGE);
    EXPECT(warren_client_call(client, "log.append", body_of("a", 61440), 5000, &result) ==
           WARREN_OK);
    warren_value_free(result);
    warren_client_close(client);
}

static void a_client_gets_results_and_errors_with_their_code(void **state) {
    (void)state;
    world w;
    world_init(&w);
    play(&w, calls);
    world_close(&w);
}

static void waits(script *s) {
    warren_error error = WARREN_OK;
    warren_value *result = NULL;
    const char *method = NULL;
    warren_client *client = warren_client_open(s->socket, &error);
    EXPECT(client != NULL);
    EXPECT(warren_client_wait(client, 30, &method, &result) == WARREN_E_TIMEOUT);
    EXPECT(warren_client_call(client, "log.subscribe", strings("log", "a", NULL), 0, &result) ==
           WARREN_OK);
    warren_value_free(result);
    /* Its notification comes before or during the next call, and must not be lost. */
    for (uint64_t i = 0; i < 50; i++) {
        EXPECT(warren_client_call(client, "log.append", body_of("a", 1), 0, &result) == WARREN_OK);
        warren_value_free(result);
    }
    for (uint64_t i = 0; i < 50; i++) {
        EXPECT(warren_client_wait(client, 5000, &method, &result) == WARREN_OK);
        EXPECT(strcmp(method, "log.entry") == 0);
        EXPECT(warren_get_uint(warren_find(result, "seq"), 99) == i);
        warren_value_free(result);
    }
    EXPECT(!warren_client_pending(client));
    warren_client_close(client);
}

static void notifications_during_calls_are_kept_in_order(void **state) {
    (void)state;
    world w;
    world_init(&w);
    play(&w, waits);
    world_close(&w);
}

static void overflows(script *s) {
    warren_error error = WARREN_OK;
    warren_value *result = NULL;
    const char *method = NULL;
    warren_client *client = warren_client_open(s->socket, &error);
    EXPECT(client != NULL);
    warren_value *params = strings("log", "a", NULL), *list = warren_array();
    for (int i = 0; i < WARREN_NOTIFICATIONS_MAX + 1000; i++)
        warren_push(list, strings("body", "x", NULL));
    warren_put(params, "entries", list);
    EXPECT(warren_client_call(client, "log.append_many", params, 0, &result) == WARREN_OK);
    warren_value_free(result);
    EXPECT(warren_client_call(client, "log.subscribe", strings("log", "a", NULL), 0, &result) ==
           WARREN_OK);
    warren_value_free(result);
    /* Calls until all have come; the last ones have no room. */
    for (int i = 0; i < 3000; i++) {
        EXPECT(warren_client_call(client, "agent.version", NULL, 0, &result) == WARREN_OK);
        warren_value_free(result);
    }
    for (uint64_t i = 0; i < WARREN_NOTIFICATIONS_MAX; i++) {
        EXPECT(warren_client_wait(client, 5000, &method, &result) == WARREN_OK);
        EXPECT(warren_get_uint(warren_find(result, "seq"), 99999) == i);
        warren_value_free(result);
    }
    EXPECT(warren_client_wait(client, 5000, &method, &result) == WARREN_E_TOO_LARGE);
    EXPECT(warren_client_wait(client, 30, &method, &result) == WARREN_E_TIMEOUT);
    warren_client_close(client);
}

static void too_many_notifications_are_reported_as_lost(void **state) {
    (void)state;
    world w;
    world_init(&w);
    play(&w, overflows);
    world_close(&w);
}

static void gives_up(script *s) {
    warren_error error = WARREN_OK;
    warren_value *result = NULL;
    warren_client *client = warren_client_open(s->socket, &error);
    EXPECT(client != NULL);
    EXPECT(warren_client_call(client, "circle.join", strings("code", "9999-wait", NULL), 50,
                              &result) == WARREN_E_TIMEOUT);
    /* The connection is still good; the late answer is nobody's. */
    EXPECT(warren_client_call(client, "agent.version", NULL, 5000, &result) == WARREN_OK);
    warren_value_free(result);
    warren_client_close(client);
}

static void a_call_that_takes_too_long_times_out_and_the_next_one_works(void **state) {
    (void)state;
    world w;
    world_open(&w);
    play(&w, gives_up);
    world_close(&w);
}

static void big_both_ways(script *s) {
    warren_error error = WARREN_OK;
    warren_value *result = NULL;
    warren_client *client = warren_client_open(s->socket, &error);
    EXPECT(client != NULL);
    for (int i = 0; i < 3; i++) {
        warren_value *params = strings("log", "a", NULL), *list = warren_array();
        uint8_t *body = calloc(1, 60000);
        for (int j = 0; j < 250; j++) { /* 15 MB */
            warren_value *entry = warren_map();
            warren_put(entry, "body", warren_bin(body, 60000));
            warren_push(list, entry);
        }
        free(body);
        warren_put(params, "entries", list);
        EXPECT(warren_client_call(client, "log.append_many", params, 20000, &result) == WARREN_OK);
        EXPECT(warren_count(warren_find(result, "entries")) == 250);
        warren_value_free(result);
        EXPECT(warren_client_call(client, "log.read", strings("log", "a", NULL), 20000, &result) ==
               WARREN_OK);
        EXPECT(warren_get_bool(warren_find(result, "more"), false));
        warren_value_free(result);
    }
    warren_client_close(client);
}

static void frames_near_the_limit_go_both_ways(void **state) {
    (void)state;
    world w;
    world_init(&w);
    play(&w, big_both_ways);
    world_close(&w);
}

/* ---- without an agent ---- */

static void nobody_there_is_not_running(void **state) {
    (void)state;
    warren_error error = WARREN_OK;
    T_TRUE(warren_client_open("/nonexistent/agent.sock", &error) == NULL);
    T_EQ(error, WARREN_E_NOT_RUNNING);
    T_EQ(warren_error_exit(error), 3);
}

static void paths_follow_home_and_environment(void **state) {
    (void)state;
    char path[256], text[512];
    T_EQ(setenv("HOME", "/h", 1), 0);
    T_EQ(unsetenv("XDG_DATA_HOME"), 0);
    T_EQ(unsetenv("XDG_RUNTIME_DIR"), 0);
    T_EQ(unsetenv("WARREN_HOME"), 0);
    T_TRUE(warren_socket_path(NULL, path, sizeof path, text, sizeof text));
    T_STR(path, "/h/.local/share/warren/agent.sock");
    T_EQ(setenv("XDG_RUNTIME_DIR", "/run/u", 1), 0);
    T_TRUE(warren_socket_path("/h/.local/share/warren/", path, sizeof path, text, sizeof text));
    T_STR(path, "/run/u/warren/agent.sock");
    T_TRUE(warren_socket_path("/other", path, sizeof path, text, sizeof text));
    T_STR(path, "/other/agent.sock");
    T_EQ(setenv("XDG_DATA_HOME", "/d", 1), 0);
    T_TRUE(warren_home_path(NULL, path, sizeof path));
    T_STR(path, "/d/warren");
    T_EQ(setenv("WARREN_HOME", "/w", 1), 0);
    T_TRUE(warren_socket_path(NULL, path, sizeof path, text, sizeof text));
    T_STR(path, "/w/agent.sock");
    char longest[128];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[107 - strlen("/agent.sock")] = '\0';
    T_TRUE(warren_socket_path(longest, path, sizeof path, text, sizeof text));
    longest[107 - strlen("/agent.sock")] = 'x';
    longest[108 - strlen("/agent.sock")] = '\0';
    T_FALSE(warren_socket_path(longest, path, sizeof path, text, sizeof text));
    T_TRUE(strstr(text, "107 bytes") != NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_gets_results_and_errors_with_their_code),
        cmocka_unit_test(notifications_during_calls_are_kept_in_order),
        cmocka_unit_test(too_many_notifications_are_reported_as_lost),
        cmocka_unit_test(a_call_that_takes_too_long_times_out_and_the_next_one_works),
        cmocka_unit_test(frames_near_the_limit_go_both_ways),
        cmocka_unit_test(nobody_there_is_not_running),
        cmocka_unit_test(paths_follow_home_and_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
