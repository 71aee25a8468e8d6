/* The methods: their parameters, answers, errors, notifications.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/harness.h"

static warren_value *append(world *w, peer *p, const char *log, const char *body) {
    return peer_ok(w, p, "log.append", strings("log", log, "body", body, NULL));
}

static void expect_text(const warren_value *value, const char *text) {
    const char *have = warren_get_str(value, NULL);
    T_STR(have ? have : "(none)", text);
}

static warren_value *expect_notification(world *w, peer *p, const char *method) {
    warren_value *frame = peer_frame(w, p);
    T_TRUE(frame != NULL);
    T_EQ(warren_get_uint(warren_at(frame, 0), 99), RPC_NOTIFICATION);
    expect_text(warren_at(frame, 1), method);
    return frame;
}

static const warren_value *note(const warren_value *frame, const char *key) {
    return warren_find(warren_at(warren_at(frame, 2), 0), key);
}

/* ---- dispatch ---------------------------------------------------------------------------- */

static void parameters_are_checked_by_name_and_type(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "frob", NULL, "not_found: no method 'frob'");
    peer_expect_error(&w, &p, "mailbox.status", NULL, "not_found: no method 'mailbox.status'");
    peer_expect_error(&w, &p, "log.read", strings("log", "a", "frob", "1", NULL),
                      "invalid: unknown parameter 'frob'");
    peer_expect_error(&w, &p, "log.read", NULL, "invalid: parameter 'log' is missing");
    peer_expect_error(&w, &p, "log.read", strings("log", "a", "limit", "5", NULL),
                      "invalid: parameter 'limit' must be a whole number from 0, not a string");
    warren_value *params = warren_map();
    warren_put(params, "log", warren_bin("a", 1));
    peer_expect_error(&w, &p, "log.read", params,
                      "invalid: parameter 'log' must be a string, not bytes");
    peer_close(&p);
    world_close(&w);
}

static void a_home_without_circle_says_so(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_expect_error(
        &w, &p, "log.list", NULL,
        "no_circle: this home has no circle yet: 'warren init' makes one, 'warren join' joins "
        "one");
    warren_value *status = peer_ok(&w, &p, "agent.status", NULL);
    T_EQ(warren_type_of(warren_find(status, "circle")), WARREN_NIL);
    expect_text(warren_find(status, "mode"), "full");
    expect_text(warren_find(status, "home"), w.home);
    warren_value_free(status);
    peer_close(&p);
    world_close(&w);
}

static void every_method_is_listed_with_its_parameters(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "agent.methods", NULL);
    const warren_value *list = warren_find(result, "methods");
    bool found = false;
    for (size_t i = 0; i < warren_count(list); i++) {
        const char *name = warren_get_str(warren_find(warren_at(list, i), "name"), NULL);
        T_TRUE(warren_get_str(warren_find(warren_at(list, i), "help"), NULL)[0] != '\0');
        if (strcmp(name, "log.append") == 0) {
            expect_text(warren_find(warren_at(list, i), "params"), "log:str kind?:str body:bytes");
            found = true;
        }
    }
    T_TRUE(found);
    warren_value_free(result);
    peer_close(&p);
    world_close(&w);
}

/* ---- circle ---------------------------------------------------------------------------------- */

static void init_makes_a_circle_once_and_shows_its_words_once(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.init", strings("name", "-x", NULL),
                      "invalid: a name has 1 to 128 bytes of UTF-8, no control characters and no "
                      "leading '-'");
    peer_expect_error(&w, &p, "circle.init", strings("recovery", "maybe", NULL),
                      "invalid: parameter 'recovery' must be keep or none");
    warren_value *result = peer_ok(&w, &p, "circle.init", NULL);
    expect_text(warren_find(warren_find(result, "device"), "name"), "laptop");
    warren_value_free(result);
    peer_expect_error(&w, &p, "circle.init", NULL,
                      "conflict: this home has a circle; choose another --home for a new one");
    result = peer_ok(&w, &p, "recovery.create", NULL);
    T_TRUE(warren_get_str(warren_find(result, "recovery"), NULL) != NULL);
    warren_value_free(result);
    const char *error = peer_call(&w, &p, "recovery.create", NULL, &result);
    T_TRUE(error && strncmp(error, "refused: ", 9) == 0);
    peer_close(&p);
    world_close(&w);
}

static void a_pairing_asks_its_own_connection_and_closes_with_it(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w), other = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "circle.pair", NULL);
    expect_text(warren_find(result, "code"), "4217-able-baker-cedar");
    uint64_t number = warren_get_uint(warren_find(result, "pairing"), 0);
    T_EQ(warren_get_uint(warren_find(result, "expires_s"), 0), 300);
    warren_value_free(result);
    peer_expect_error(&w, &other, "circle.pair", NULL, "unavailable: a pairing is open");
    fake_hub_knock(w.hub, "newcomer");
    warren_value *frame = expect_notification(&w, &p, "pairing.request");
    expect_text(note(frame, "words"), "able baker cedar delta");
    expect_text(warren_find(note(frame, "device"), "name"), "newcomer");
    warren_value_free(frame);
    warren_value *params = warren_map();
    warren_put(params, "pairing", warren_uint(number));
    warren_put(params, "accept", warren_bool(true));
    peer_request(&w, &p, "circle.approve", params);
    frame = expect_notification(&w, &p, "pairing.done");
    warren_value_free(frame);
    warren_value_free(peer_frame(&w, &p)); /* the answer to approve */
    warren_value_free(peer_ok(&w, &other, "circle.pair", NULL));
    T_TRUE(fake_hub_pairing_open(w.hub));
    peer_close(&other);
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    T_FALSE(fake_hub_pairing_open(w.hub));
    peer_close(&p);
    world_close(&w);
}

static void a_join_is_cancelled_when_its_client_goes(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.join", strings("code", "1", NULL), "invalid: not a code");
    const char *error = peer_call(
        &w, &p, "circle.join", strings("code", "1234-a-b-c", "peer", "example.org:1", NULL), NULL);
    T_TRUE(error && strncmp(error, "invalid: parameter 'peer'", 25) == 0);
    peer_request(&w, &p, "circle.join", strings("code", "9999-wait", NULL));
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    T_TRUE(fake_hub_joining(w.hub));
    peer_close(&p);
    for (int i = 0; i < 5; i++)
        world_turn(&w);
    T_FALSE(fake_hub_joining(w.hub));
    p = peer_connect(&w);
    warren_value_free(peer_ok(&w, &p, "circle.join", strings("code", "1234-a-b-c", NULL)));
    peer_close(&p);
    world_close(&w);
}

static void a_device_is_found_by_name_id_or_prefix_and_renamed_only_by_itself(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.rename", strings("device", "nobody", "name", "x", NULL),
                      "not_found: no device 'nobody'");
    peer_expect_error(&w, &p, "circle.rename", strings("device", "desktop", "name", "x", NULL),
                      "refused: a device gives itself its name: run this on that device");
    peer_expect_error(&w, &p, "circle.rename", strings("device", "aea", "name", "x", NULL),
                      "not_found: no device 'aea'"); /* under four characters */
    warren_value_free(
        peer_ok(&w, &p, "circle.rename", strings("device", "aeaaaa", "name", "desktop", NULL)));
    const char *error =
        peer_call(&w, &p, "circle.rename", strings("device", "desktop", "name", "y", NULL), NULL);
    T_STR(error ? error : "(success)",
          "invalid: 'desktop' is ambiguous: desktop (aeaaaaaa), desktop (aiaaaaaa)");
    peer_close(&p);
    world_close(&w);
}

/* ---- logs ---- */

static void an_append_is_answered_with_its_id_and_read_back(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    warren_value *one = append(&w, &p, "notes", "hello");
    const char *id = warren_get_str(warren_find(one, "id"), NULL);
    T_EQ(strlen(warren_get_str(warren_find(one, "device"), NULL)), 52);
    T_TRUE(strchr(id, ':') == id + 52);
    T_EQ(warren_get_uint(warren_find(one, "time"), 0), 1700000000001u);
    warren_value *page = peer_ok(&w, &p, "log.read", strings("log", "notes", NULL));
    const warren_value *entry = warren_at(warren_find(page, "entries"), 0);
    expect_text(warren_find(entry, "id"), id);
    T_EQ(warren_type_of(warren_find(entry, "body")), WARREN_BIN);
    expect_text(warren_find(entry, "body"), "hello");
    T_FALSE(warren_get_bool(warren_find(page, "more"), true));
    warren_value_free(page);
    warren_value_free(one);
    peer_expect_error(&w, &p, "log.read", strings("log", "other", NULL), "not_found: no such log");
    peer_close(&p);
    world_close(&w);
}

static void append_many_takes_all_or_nothing(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    for (int bad = 0; bad < 2; bad++) {
        warren_value *params = strings("log", "a", NULL), *list = warren_array();
        for (int i = 0; i < 10; i++)
            warren_push(list, strings(bad && i == 7 ? "bodi" : "body", "x", NULL));
        warren_put(params, "entries", list);
        warren_value *result = NULL;
        const char *error = peer_call(&w, &p, "log.append_many", params, &result);
        T_STR(error ? error : "", bad ? "invalid: entry 7: only kind and body are known" : "");
        if (!bad)
            T_EQ(warren_count(warren_find(result, "entries")), 10);
        warren_value_free(result);
    }
    hub_status status;
    T_OK(hub_get_status(w.hub, &status));
    T_EQ(status.entries, 10);
    peer_close(&p);
    world_close(&w);
}

static void a_read_is_cut_into_pages_that_join_without_gap(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    for (int batch = 0; batch < 5; batch++) {
        warren_value *params = strings("log", "a", NULL), *list = warren_array();
        for (int i = 0; i < 1000; i++)
            warren_push(list, strings("body", "x", NULL));
        warren_put(params, "entries", list);
        warren_value_free(peer_ok(&w, &p, "log.append_many", params));
    }
    char cursor[200] = "";
    uint64_t next = 0;
    for (bool more = true; more;) {
        warren_value *params = strings("log", "a", "after", cursor, NULL);
        warren_put(params, "limit", warren_uint(1000000));
        warren_value *page = peer_ok(&w, &p, "log.read", params);
        const warren_value *entries = warren_find(page, "entries");
        T_TRUE(warren_count(entries) <= 4096);
        for (size_t i = 0; i < warren_count(entries); i++)
            T_EQ(warren_get_uint(warren_find(warren_at(entries, i), "seq"), 999999), next++);
        snprintf(cursor, sizeof cursor, "%s", warren_get_str(warren_find(page, "cursor"), NULL));
        more = warren_get_bool(warren_find(page, "more"), false);
        warren_value_free(page);
    }
    T_EQ(next, 5000);
    peer_close(&p);
    world_close(&w);
}

/* ---- subscriptions ---- */

static void a_subscriber_gets_each_entry_once_and_resumes_anywhere(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w), reader = peer_connect(&w);
    for (int i = 0; i < 300; i++)
        warren_value_free(append(&w, &p, "a", "x"));
    char cursor[200] = "";
    uint64_t next = 0;
    /* Leaves after 1, 2, 4 .. entries and comes back with the last cursor it saw. */
    for (uint64_t stay = 1; next < 300; stay *= 2) {
        warren_value_free(
            peer_ok(&w, &reader, "log.subscribe", strings("log", "a", "after", cursor, NULL)));
        for (uint64_t i = 0; i < stay && next < 300; i++) {
            warren_value *frame = expect_notification(&w, &reader, "log.entry");
            T_EQ(warren_get_uint(note(frame, "seq"), 999999), next++);
            snprintf(cursor, sizeof cursor, "%s", warren_get_str(note(frame, "cursor"), NULL));
            warren_value_free(frame);
        }
        peer_close(&reader);
        reader = peer_connect(&w);
    }
    warren_value_free(
        peer_ok(&w, &reader, "log.subscribe", strings("log", "a", "after", cursor, NULL)));
    warren_value_free(append(&w, &p, "a", "last"));
    warren_value *frame = expect_notification(&w, &reader, "log.entry");
    expect_text(note(frame, "body"), "last");
    warren_value_free(frame);
    peer_close(&reader);
    peer_close(&p);
    world_close(&w);
}

static void an_entry_that_did_not_count_before_is_marked(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    warren_value_free(append(&w, &p, "a", "plain"));
    warren_value_free(
        peer_ok(&w, &p, "log.append", strings("log", "a", "kind", "late", "body", "x", NULL)));
    warren_value_free(peer_ok(&w, &p, "log.subscribe", strings("log", "a", NULL)));
    warren_value *frame = expect_notification(&w, &p, "log.entry");
    T_EQ(warren_type_of(note(frame, "late")), WARREN_NIL);
    warren_value_free(frame);
    frame = expect_notification(&w, &p, "log.entry");
    T_TRUE(warren_get_bool(note(frame, "late"), false));
    warren_value_free(frame);
    peer_close(&p);
    world_close(&w);
}

static void a_subscription_may_start_now_or_before_its_log_exists(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w), reader = peer_connect(&w);
    warren_value_free(append(&w, &p, "a", "old"));
    warren_value_free(
        peer_ok(&w, &reader, "log.subscribe", strings("log", "a", "after", "now", NULL)));
    warren_value_free(peer_ok(&w, &reader, "log.subscribe", strings("log", "b", NULL)));
    warren_value_free(append(&w, &p, "a", "new"));
    warren_value *frame = expect_notification(&w, &reader, "log.entry");
    expect_text(note(frame, "body"), "new");
    warren_value_free(frame);
    warren_value_free(append(&w, &p, "b", "first"));
    frame = expect_notification(&w, &reader, "log.entry");
    expect_text(note(frame, "body"), "first");
    warren_value_free(frame);
    peer_expect_error(&w, &reader, "log.subscribe", strings("log", "a", "after", "m1", NULL),
                      "invalid: 'after' is not a cursor of log.subscribe");
    peer_close(&reader);
    peer_close(&p);
    world_close(&w);
}

static void a_subscriber_that_does_not_read_is_not_fed(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w), reader = peer_connect(&w);
    char *body = calloc(1, 50001);
    memset(body, 'x', 50000);
    for (int i = 0; i < 200; i++)
        warren_value_free(append(&w, &p, "a", body));
    free(body);
    uint64_t before = fake_hub_pulled(w.hub);
    peer_request(&w, &reader, "log.subscribe", strings("log", "a", NULL));
    for (int i = 0; i < 300; i++)
        world_turn(&w);
    /* 10 MB wait; what was taken out of the store is bounded by the unsent bytes. */
    T_TRUE((fake_hub_pulled(w.hub) - before) * 50000 < 3 * SERVER_UNSENT_MAX);
    warren_value_free(peer_frame(&w, &reader));
    for (uint64_t next = 0; next < 200; next++) {
        warren_value *frame = expect_notification(&w, &reader, "log.entry");
        T_EQ(warren_get_uint(note(frame, "seq"), 999999), next);
        warren_value_free(frame);
    }
    peer_close(&reader);
    peer_close(&p);
    world_close(&w);
}

static void an_ended_subscription_is_silent(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "log.subscribe", strings("log", "a", NULL));
    warren_value *params = warren_map();
    uint64_t id = warren_get_uint(warren_find(result, "subscription"), 0);
    warren_put(params, "subscription", warren_uint(id));
    warren_value_free(result);
    warren_value_free(peer_ok(&w, &p, "log.unsubscribe", params));
    warren_value_free(append(&w, &p, "a", "x"));
    warren_value_free(peer_ok(&w, &p, "agent.version", NULL)); /* nothing came before it */
    peer_close(&p);
    world_close(&w);
}

/* ---- the agent ---- */

static void settings_and_passphrase_carry_the_reason_of_a_refusal(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "config.get", NULL);
    expect_text(warren_find(warren_find(result, "config"), "network.mode"), "full");
    warren_value_free(result);
    peer_expect_error(&w, &p, "config.get", strings("key", "a.b", NULL),
                      "invalid: no setting 'a.b'; 'warren config get' lists them");
    peer_expect_error(&w, &p, "config.set", strings("key", "network.mode", "value", "x", NULL),
                      "invalid: network.mode: one of full, lan-only, offline");
    peer_expect_error(&w, &p, "passphrase.set", strings("passphrase", "x", NULL),
                      "refused: too weak");
    result = peer_ok(&w, &p, "passphrase.set", strings("passphrase", "", NULL));
    T_FALSE(warren_get_bool(warren_find(result, "sealed"), true));
    warren_value_free(result);
    peer_close(&p);
    world_close(&w);
}

static void stop_is_answered_and_then_all_is_refused(void **state) {
    (void)state;
    world w;
    world_init(&w);
    peer p = peer_connect(&w);
    warren_value_free(peer_ok(&w, &p, "agent.stop", NULL));
    T_TRUE(w.stopped);
    methods_refuse(w.methods);
    peer_expect_error(&w, &p, "agent.status", NULL, "unavailable: the agent is stopping");
    peer_close(&p);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_checked_by_name_and_type),
        cmocka_unit_test(a_home_without_circle_says_so),
        cmocka_unit_test(every_method_is_listed_with_its_parameters),
        cmocka_unit_test(init_makes_a_circle_once_and_shows_its_words_once),
        cmocka_unit_test(a_pairing_asks_its_own_connection_and_closes_with_it),
        cmocka_unit_test(a_join_is_cancelled_when_its_client_goes),
        cmocka_unit_test(a_device_is_found_by_name_id_or_prefix_and_renamed_only_by_itself),
        cmocka_unit_test(an_append_is_answered_with_its_id_and_read_back),
        cmocka_unit_test(append_many_takes_all_or_nothing),
        cmocka_unit_test(a_read_is_cut_into_pages_that_join_without_gap),
        cmocka_unit_test(a_subscriber_gets_each_entry_once_and_resumes_anywhere),
        cmocka_unit_test(an_entry_that_did_not_count_before_is_marked),
        cmocka_unit_test(a_subscription_may_start_now_or_before_its_log_exists),
        cmocka_unit_test(a_subscriber_that_does_not_read_is_not_fed),
        cmocka_unit_test(an_ended_subscription_is_silent),
        cmocka_unit_test(settings_and_passphrase_carry_the_reason_of_a_refusal),
        cmocka_unit_test(stop_is_answered_and_then_all_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
