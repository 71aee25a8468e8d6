/* The methods that change and show who belongs to the circle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fake_members.h"
#include "api_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/harness.h"

static void expect_text(const warren_value *value, const char *text) {
    const char *have = warren_get_str(value, NULL);
    T_STR(have ? have : "(none)", text);
}

static const warren_value *row(const warren_value *result, const char *list, size_t index) {
    return warren_at(warren_find(result, list), index);
}

static void expect_name(const warren_value *device, const char *name) {
    expect_text(warren_find(device, "name"), name);
}

/* Parameters of remove and foresee: strings, and since where it is not 0. */
static warren_value *removal(const char *device, const char *reason, uint64_t since, bool only) {
    warren_value *params = strings("device", device, NULL);
    if (reason)
        warren_put(params, "reason", warren_str(reason));
    if (since)
        warren_put(params, "since", warren_uint(since));
    if (only)
        warren_put(params, "only", warren_bool(true));
    return params;
}

static const fake_device others[] = {
    {{.device = {{3}}, .name = {(const uint8_t *)"phone", 5}},
     {.reason = WR_REASON_LOST, .removed_by = {{2}}, .removed_ms = 1700000009000u}},
    {{.device = {{4}}, .name = {(const uint8_t *)"watch", 5}},
     {.reason = WR_REASON_COMPROMISED, .removed_by_root = true, .barred = true}},
    {{.device = {{5}}, .name = {(const uint8_t *)"tablet", 6}},
     {.left = true, .removed_by = {{5}}}},
    {{.device = {{6}}}, {.equivocated = true, .left = true}},
    {{.device = {{7}}}, {.reason = WR_REASON_RETIRED, .left = true, .equivocated = true}},
    {{.device = {{8}}}, {.removed_ms = 0}},
};

static fake_members *with_others(world *w) {
    world_init(w);
    fake_members *m = fake_hub_members(w->hub);
    m->devices = others;
    m->device_count = WR_COUNT(others);
    return m;
}

/* ---- removing ---------------------------------------------------------------------- */

static void a_removal_is_foreseen_and_done_with_what_was_asked(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    m->foresight = (hub_foresight){2, {{{3}}, {{4}}}, 1, {{{5}}}};
    warren_value *result =
        peer_ok(&w, &p, "circle.foresee", removal("desktop", "compromised", 1700000000000u, false));
    expect_name(warren_find(result, "device"), "desktop");
    expect_text(warren_find(result, "reason"), "compromised");
    T_EQ(warren_count(warren_find(result, "along")), 2);
    expect_name(row(result, "along", 0), "phone");
    expect_name(row(result, "along", 1), "watch");
    T_EQ(warren_count(warren_find(result, "struck")), 1);
    expect_name(row(result, "struck", 0), "tablet");
    warren_value_free(result);
    T_EQ(m->removed, 0); /* nothing was done */
    T_EQ(m->removal.device.b[0], 2);
    T_EQ(m->removal.reason, WR_REASON_COMPROMISED);
    T_EQ(m->removal.since_ms, 1700000000000u);
    T_FALSE(m->removal.only);
    result = peer_ok(&w, &p, "circle.remove", removal("desktop", NULL, 0, true));
    expect_text(warren_find(result, "reason"), "lost");
    T_EQ(warren_count(warren_find(result, "along")), 0);
    T_EQ(warren_count(warren_find(result, "struck")), 1);
    warren_value_free(result);
    T_EQ(m->removed, 1);
    T_EQ(m->removal.reason, WR_REASON_LOST);
    T_EQ(m->removal.since_ms, 0);
    T_TRUE(m->removal.only);
    T_STR(m->words, "");
    peer_close(&p);
    world_close(&w);
}

static void a_removal_waits_until_it_is_durable(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    fake_hub_hold(w.hub, true);
    uint32_t msgid = peer_request(&w, &p, "circle.remove", removal("desktop", NULL, 0, false));
    for (int i = 0; i < 20; i++)
        world_turn(&w);
    T_EQ(m->removed, 1);
    uint32_t other = peer_request(&w, &p, "agent.version", NULL);
    warren_value *frame = peer_frame(&w, &p); /* the later call is answered first */
    T_EQ(warren_get_uint(warren_at(frame, 1), 0), other);
    warren_value_free(frame);
    fake_hub_settle(w.hub);
    frame = peer_frame(&w, &p);
    T_EQ(warren_get_uint(warren_at(frame, 1), 0), msgid);
    T_EQ(warren_type_of(warren_at(frame, 2)), WARREN_NIL);
    warren_value_free(frame);
    peer_close(&p);
    world_close(&w);
}

static void words_sign_and_are_never_empty_or_long(void **state) {
    (void)state;
    static const char *const names[] = {"circle.remove", "circle.foresee", "circle.role"};
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    m->foresight.struck_count = 1;
    char *longer = calloc(1, 1026);
    memset(longer, 'x', 1025);
    for (size_t i = 0; i < WR_COUNT(names); i++) {
        const char *bad[][2] = {
            {"", "invalid: parameter 'words' must be the 24 recovery words"},
            {longer, "invalid: parameter 'words' must be the 24 recovery words"},
            {"abandon", "invalid: not 24 words"},
            {"other words", "refused: words of another circle"},
        };
        for (size_t j = 0; j < WR_COUNT(bad); j++) {
            warren_value *params = strings("device", "desktop", "words", bad[j][0], NULL);
            if (i == 2)
                warren_put(params, "role", warren_str("admin"));
            peer_expect_error(&w, &p, names[i], params, bad[j][1]);
        }
    }
    longer[1024] = '\0'; /* the longest that is looked at */
    peer_expect_error(&w, &p, "circle.remove", strings("device", "desktop", "words", longer, NULL),
                      "invalid: not 24 words");
    free(longer);
    warren_value *result =
        peer_ok(&w, &p, "circle.remove", strings("device", "desktop", "words", FAKE_WORDS, NULL));
    T_STR(m->words, FAKE_WORDS);
    T_EQ(warren_count(warren_find(result, "struck")), 0);
    warren_value_free(result);
    T_EQ(m->removed, 1);
    peer_close(&p);
    world_close(&w);
}

static void a_removal_is_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *device, *reason;
        uint64_t since;
        bool only;
        const char *error;
    } bad[] = {
        {"nobody", NULL, 0, false, "not_found: no device 'nobody'"},
        {"laptop", NULL, 0, false,
         "conflict: this is the device itself: 'warren leave' is its farewell"},
        {"desktop", "stolen", 0, false,
         "invalid: parameter 'reason' must be lost, compromised or retired"},
        {"desktop", "", 0, false,
         "invalid: parameter 'reason' must be lost, compromised or retired"},
        {"desktop", "retired", 0, false, "conflict: it has not said farewell"},
        {"desktop", NULL, 1700000000u, false,
         "invalid: parameter 'since' must be a time in Unix milliseconds"},
        {"desktop", NULL, 99999999999u, false,
         "invalid: parameter 'since' must be a time in Unix milliseconds"},
        {"desktop", NULL, 1ull << 48, false,
         "invalid: parameter 'since' must be a time in Unix milliseconds"},
        {"desktop", NULL, 1700000000000u, true,
         "invalid: parameters 'since' and 'only' exclude each other"},
        {"desktop", "retired", 1700000000000u, false,
         "invalid: parameter 'since' is for devices that are lost or compromised"},
    };
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        const char *device = bad[i].device, *reason = bad[i].reason;
        peer_expect_error(&w, &p, "circle.foresee",
                          removal(device, reason, bad[i].since, bad[i].only), bad[i].error);
        peer_expect_error(&w, &p, "circle.remove",
                          removal(device, reason, bad[i].since, bad[i].only), bad[i].error);
    }
    warren_value *params = strings("device", "desktop", NULL);
    warren_put(params, "since", warren_uint(0));
    peer_expect_error(&w, &p, "circle.remove", params,
                      "invalid: parameter 'since' must be a time in Unix milliseconds");
    peer_expect_error(&w, &p, "circle.remove", strings("device", "desktop", "since", "x", NULL),
                      "invalid: parameter 'since' must be a whole number from 0, not a string");
    peer_expect_error(&w, &p, "circle.remove", NULL, "invalid: parameter 'device' is missing");
    T_EQ(m->removed, 0);
    for (uint64_t since = 100000000000u; since != 0;
         since = since < (1ull << 48) - 1 ? (1ull << 48) - 1 : 0)
        warren_value_free(
            peer_ok(&w, &p, "circle.foresee", removal("desktop", NULL, since, false)));
    peer_close(&p);
    world_close(&w);
}

/* ---- every change ------------------------------------------------------------------------ */

static warren_value *with_bool(warren_value *params, const char *key, bool value) {
    warren_put(params, key, warren_bool(value));
    return params;
}

static void what_the_hub_refuses_or_cannot_finish_is_answered(void **state) {
    (void)state;
    static const hub_alert alert = {.id = {{0xaa}}, .type = HUB_ALERT_QUARANTINE};
    world w;
    fake_members *m = with_others(&w);
    m->alerts = &alert;
    m->alert_count = 1;
    peer p = peer_connect(&w);
    for (int late = 0; late < 2; late++) {
        m->refuse = late ? WR_OK : WR_ERR_BUSY;
        m->late = late ? WR_ERR_IO : WR_OK;
        const char *error =
            late ? "io: the fake fails in the end" : "unavailable: the fake refuses";
        peer_expect_error(&w, &p, "circle.remove", strings("device", "desktop", NULL), error);
        peer_expect_error(&w, &p, "circle.leave", NULL, error);
        peer_expect_error(&w, &p, "circle.role",
                          strings("device", "desktop", "role", "member", NULL), error);
        peer_expect_error(&w, &p, "circle.verify",
                          with_bool(strings("device", "desktop", NULL), "mark", true), error);
        peer_expect_error(&w, &p, "circle.resolve",
                          with_bool(strings("alert", "viaa", NULL), "accept", true), error);
    }
    peer_close(&p);
    world_close(&w);
}

static void none_of_it_works_without_a_circle(void **state) {
    (void)state;
    world w;
    world_open(&w);
    peer p = peer_connect(&w);
    const char *none = "no_circle: this home has no circle yet: 'warren init' makes one, 'warren "
                       "join' joins one";
    static const char *const names[] = {"circle.remove", "circle.foresee"};
    for (size_t i = 0; i < WR_COUNT(names); i++)
        peer_expect_error(&w, &p, names[i], strings("device", "x", NULL), none);
    static const char *const bare[] = {"circle.leave", "circle.log", "circle.alerts",
                                       "circle.devices"};
    for (size_t i = 0; i < WR_COUNT(bare); i++)
        peer_expect_error(&w, &p, bare[i], NULL, none);
    peer_expect_error(&w, &p, "circle.role", strings("device", "x", "role", "member", NULL), none);
    peer_expect_error(&w, &p, "circle.verify", strings("device", "x", NULL), none);
    peer_expect_error(&w, &p, "circle.resolve",
                      with_bool(strings("alert", "x", NULL), "accept", true), none);
    warren_value *status = peer_ok(&w, &p, "agent.status", NULL);
    T_EQ(warren_get_uint(warren_find(status, "alerts"), 9), 0);
    warren_value_free(status);
    peer_close(&p);
    world_close(&w);
}

static void a_farewell_names_this_device(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.leave", strings("device", "laptop", NULL),
                      "invalid: unknown parameter 'device'");
    T_EQ(m->left, 0);
    warren_value *result = peer_ok(&w, &p, "circle.leave", NULL);
    expect_name(warren_find(result, "device"), "laptop");
    warren_value_free(result);
    T_EQ(m->left, 1);
    peer_close(&p);
    world_close(&w);
}

static void a_reset_takes_words_and_leaves_one_device_behind(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.reset", strings("without", "desktop", NULL),
                      "invalid: parameter 'words' is missing");
    peer_expect_error(&w, &p, "circle.reset", strings("words", "", NULL),
                      "invalid: parameter 'words' must be the 24 recovery words");
    peer_expect_error(&w, &p, "circle.reset",
                      strings("words", FAKE_WORDS, "without", "nobody", NULL),
                      "not_found: no device 'nobody'");
    T_EQ(m->resets, 0);
    warren_value *result =
        peer_ok(&w, &p, "circle.reset", strings("words", FAKE_WORDS, "without", "desktop", NULL));
    expect_name(warren_find(result, "without"), "desktop");
    warren_value_free(result);
    T_EQ(m->device.b[0], 2);
    T_STR(m->words, FAKE_WORDS);
    result = peer_ok(&w, &p, "circle.reset", strings("words", FAKE_WORDS, NULL));
    T_TRUE(warren_find(result, "without") == NULL);
    warren_value_free(result);
    T_EQ(m->device.b[0], 0);
    T_EQ(m->resets, 2);
    peer_close(&p);
    world_close(&w);
}

static void a_role_is_admin_or_member_and_raising_takes_words(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.role", strings("device", "desktop", "role", "root", NULL),
                      "invalid: parameter 'role' must be admin or member");
    peer_expect_error(&w, &p, "circle.role", strings("device", "desktop", NULL),
                      "invalid: parameter 'role' is missing");
    peer_expect_error(&w, &p, "circle.role", strings("device", "nobody", "role", "member", NULL),
                      "not_found: no device 'nobody'");
    T_EQ(m->roles, 0);
    peer_expect_error(&w, &p, "circle.role", strings("device", "desktop", "role", "admin", NULL),
                      "invalid: raising needs the words");
    warren_value *result =
        peer_ok(&w, &p, "circle.role",
                strings("device", "desktop", "role", "admin", "words", FAKE_WORDS, NULL));
    expect_name(warren_find(result, "device"), "desktop");
    expect_text(warren_find(result, "role"), "admin");
    warren_value_free(result);
    T_TRUE(m->admin);
    T_EQ(m->device.b[0], 2);
    result = peer_ok(&w, &p, "circle.role", strings("device", "laptop", "role", "member", NULL));
    expect_text(warren_find(result, "role"), "member");
    warren_value_free(result);
    T_FALSE(m->admin);
    T_EQ(m->device.b[0], 1); /* also of itself */
    T_STR(m->words, "");
    peer_close(&p);
    world_close(&w);
}

/* ---- comparing keys ------------------------------------------------------------------------- */

static void a_safety_number_is_shown_and_marked_only_when_asked(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.verify", strings("device", "laptop", NULL),
                      "invalid: a device is compared with another one: name that");
    peer_expect_error(&w, &p, "circle.verify", strings("device", "phone", NULL),
                      "refused: no member any more");
    peer_expect_error(&w, &p, "circle.verify", strings("device", "desktop", "mark", "yes", NULL),
                      "invalid: parameter 'mark' must be a boolean, not a string");
    warren_value *result = peer_ok(&w, &p, "circle.verify", strings("device", "desktop", NULL));
    expect_name(warren_find(result, "device"), "desktop");
    expect_text(warren_find(result, "digits"), "11111 22222 33333");
    expect_text(warren_find(result, "words"), "able baker cedar");
    T_FALSE(warren_get_bool(warren_find(result, "verified"), true));
    warren_value_free(result);
    T_EQ(m->marked, 0);
    for (int mark = 1; mark >= 0; mark--) {
        m->verified = !mark;
        result = peer_ok(&w, &p, "circle.verify",
                         with_bool(strings("device", "desktop", NULL), "mark", mark));
        T_EQ(warren_get_bool(warren_find(result, "verified"), !mark), mark);
        warren_value_free(result);
        T_EQ(m->mark, mark);
        T_EQ(m->device.b[0], 2);
    }
    T_EQ(m->marked, 2);
    m->verified = true; /* it is so already */
    warren_value_free(peer_ok(&w, &p, "circle.verify",
                              with_bool(strings("device", "desktop", NULL), "mark", true)));
    T_EQ(m->marked, 2);
    peer_close(&p);
    world_close(&w);
}

/* ---- what was done --------------------------------------------------------------------------- */

static void devices_tell_why_by_whom_and_when_they_went(void **state) {
    (void)state;
    static const char *const reasons[] = {"lost",        "compromised", "left",
                                          "equivocated", "retired",     "struck"};
    world w;
    fake_members *m = with_others(&w);
    m->verified = true;
    peer p = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "circle.devices", NULL);
    T_EQ(warren_count(warren_find(result, "devices")), 2 + WR_COUNT(others));
    T_FALSE(warren_get_bool(warren_find(row(result, "devices", 0), "verified"), true));
    T_TRUE(warren_get_bool(warren_find(row(result, "devices", 1), "verified"), false));
    T_FALSE(warren_get_bool(warren_find(row(result, "devices", 1), "removed"), true));
    T_TRUE(warren_find(row(result, "devices", 1), "reason") == NULL);
    T_TRUE(warren_find(row(result, "devices", 1), "removed_by") == NULL);
    for (size_t i = 0; i < WR_COUNT(others); i++) {
        const warren_value *device = row(result, "devices", 2 + i);
        T_TRUE(warren_get_bool(warren_find(device, "removed"), false));
        expect_text(warren_find(device, "reason"), reasons[i]);
        T_EQ(warren_get_bool(warren_find(device, "by_recovery"), i != 1), i == 1);
        T_EQ(warren_get_bool(warren_find(device, "barred"), i != 1), i == 1);
    }
    expect_name(warren_find(row(result, "devices", 2), "removed_by"), "desktop");
    T_EQ(warren_get_uint(warren_find(row(result, "devices", 2), "removed_at"), 0), 1700000009000u);
    T_EQ(warren_type_of(warren_find(row(result, "devices", 3), "removed_by")), WARREN_NIL);
    expect_name(warren_find(row(result, "devices", 4), "removed_by"), "tablet");
    T_EQ(warren_type_of(warren_find(row(result, "devices", 7), "removed_by")), WARREN_NIL);
    T_EQ(warren_type_of(warren_find(row(result, "devices", 7), "removed_at")), WARREN_NIL);
    warren_value_free(result);
    peer_close(&p);
    world_close(&w);
}

static void the_log_tells_every_kind_of_act(void **state) {
    (void)state;
    static const char *const types[] = {"found", "add",   "remove",  "leave", "role",
                                        "epoch", "equiv", "rootset", "reset"};
    static const wr_hash two[] = {{{2}}, {{3}}};
    hub_act acts[WR_COUNT(types)];
    for (size_t i = 0; i < WR_COUNT(types); i++)
        acts[i] = (hub_act){.id = {{(uint8_t)i}},
                            .type = (hub_act_type)i,
                            .author = {{1}},
                            .ms = 1700000000000u + i,
                            .reason = WR_REASON_RETIRED,
                            .devices = two,
                            .device_count = i == HUB_ACT_REMOVE ? 2 : 0,
                            .counts = i != HUB_ACT_EQUIV,
                            .held = i == HUB_ACT_EQUIV};
    acts[HUB_ACT_REMOVE].by_root = true;
    acts[HUB_ACT_ROLE].admin = true;
    world w;
    fake_members *m = with_others(&w);
    m->acts = acts;
    m->act_count = WR_COUNT(acts);
    peer p = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "circle.log", NULL);
    T_EQ(warren_count(warren_find(result, "ops")), WR_COUNT(types));
    for (size_t i = 0; i < WR_COUNT(types); i++) {
        const warren_value *op = row(result, "ops", i);
        expect_text(warren_find(op, "type"), types[i]);
        T_EQ(strlen(warren_get_str(warren_find(op, "id"), NULL)), 52);
        T_EQ(warren_get_uint(warren_find(op, "time"), 0), 1700000000000u + i);
        T_EQ(warren_find(op, "reason") != NULL, i == HUB_ACT_REMOVE);
        T_EQ(warren_find(op, "role") != NULL, i == HUB_ACT_ADD || i == HUB_ACT_ROLE);
        T_EQ(warren_get_bool(warren_find(op, "counts"), false), i != HUB_ACT_EQUIV);
        T_EQ(warren_get_bool(warren_find(op, "held"), false), i == HUB_ACT_EQUIV);
        T_EQ(warren_get_bool(warren_find(op, "by_recovery"), false), i == HUB_ACT_REMOVE);
        T_EQ(warren_type_of(warren_find(op, "by")) == WARREN_NIL, i == HUB_ACT_REMOVE);
    }
    expect_name(warren_find(row(result, "ops", 0), "by"), "laptop");
    expect_text(warren_find(row(result, "ops", HUB_ACT_REMOVE), "reason"), "retired");
    expect_text(warren_find(row(result, "ops", HUB_ACT_ADD), "role"), "member");
    expect_text(warren_find(row(result, "ops", HUB_ACT_ROLE), "role"), "admin");
    const warren_value *devices = warren_find(row(result, "ops", HUB_ACT_REMOVE), "devices");
    T_EQ(warren_count(devices), 2);
    expect_name(warren_at(devices, 1), "phone");
    T_EQ(warren_get_uint(warren_find(result, "earlier"), 9), 0);
    warren_value_free(result);
    warren_value *params = warren_map();
    warren_put(params, "limit", warren_uint(2));
    result = peer_ok(&w, &p, "circle.log", params);
    T_EQ(warren_count(warren_find(result, "ops")), 2);
    T_EQ(warren_get_uint(warren_find(result, "earlier"), 0), WR_COUNT(types) - 2);
    expect_text(warren_find(row(result, "ops", 1), "type"), types[WR_COUNT(types) - 1]);
    params = warren_map();
    warren_put(params, "limit", warren_uint(0));
    warren_value_free(result);
    peer_expect_error(&w, &p, "circle.log", params,
                      "invalid: parameter 'limit' must be at least 1");
    peer_close(&p);
    world_close(&w);
}

/* ---- alerts ------------------------------------------------------------------------------------
 */

/* Ids begin with "aaaaaaaa", "aaaaeaaa", "aiaaaaaa" and so on in base32. */
static const hub_alert alerts[] = {
    {{{0, 0, 0}}, HUB_ALERT_RETALIATION_HELD, {{2}}, 1700000000000u, 0, ""},
    {{{0, 0, 1}}, HUB_ALERT_ACCUSATION_OVERRIDDEN, {{3}}, 0, 0, ""},
    {{{2}}, HUB_ALERT_EQUIVOCATION, {{3}}, 0, 0, ""},
    {{{3}}, HUB_ALERT_ROLLBACK, {{1}}, 0, 0, ""},
    {{{4}}, HUB_ALERT_RECEIVED_WHILE_LOST, {{3}}, 0, 12, ""},
    {{{5}}, HUB_ALERT_QUARANTINE, {{3}}, 0, 7, ""},
    {{{6}}, HUB_ALERT_TAIL_DAMAGED, {{1}}, 0, 3, "damaged"},
    {{{7}}, HUB_ALERT_KEY_MISSING, {{1}}, 0, 4, "missing"},
};

static void alerts_are_listed_and_counted(void **state) {
    (void)state;
    static const char *const types[] = {"retaliation_held",    "accusation_overridden",
                                        "equivocation",        "rollback",
                                        "received_while_lost", "quarantine",
                                        "tail_damaged",        "key_missing"};
    world w;
    fake_members *m = with_others(&w);
    m->alerts = alerts;
    m->alert_count = WR_COUNT(alerts);
    peer p = peer_connect(&w);
    warren_value *result = peer_ok(&w, &p, "circle.alerts", NULL);
    T_EQ(warren_count(warren_find(result, "alerts")), WR_COUNT(alerts));
    for (size_t i = 0; i < WR_COUNT(alerts); i++) {
        const warren_value *alert = row(result, "alerts", i);
        expect_text(warren_find(alert, "type"), types[i]);
        T_EQ(warren_get_uint(warren_find(alert, "entries"), 99), alerts[i].entries);
        T_EQ(warren_get_bool(warren_find(alert, "acceptable"), false), i != 2 && i != 3 && i < 6);
    }
    expect_name(warren_find(row(result, "alerts", 0), "device"), "desktop");
    T_EQ(warren_get_uint(warren_find(row(result, "alerts", 0), "time"), 0), 1700000000000u);
    T_EQ(warren_type_of(warren_find(row(result, "alerts", 1), "time")), WARREN_NIL);
    warren_value_free(result);
    result = peer_ok(&w, &p, "agent.status", NULL);
    T_EQ(warren_get_uint(warren_find(result, "alerts"), 0), WR_COUNT(alerts));
    warren_value_free(result);
    peer_close(&p);
    world_close(&w);
}

static warren_value *resolve(const char *alert, bool accept) {
    return with_bool(strings("alert", alert, NULL), "accept", accept);
}

static void an_alert_is_found_by_prefix_and_resolved(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    m->alerts = alerts;
    m->alert_count = WR_COUNT(alerts);
    peer p = peer_connect(&w);
    peer_expect_error(&w, &p, "circle.resolve", resolve("aia", true), "not_found: no alert 'aia'");
    peer_expect_error(&w, &p, "circle.resolve", resolve("aiab", true),
                      "not_found: no alert 'aiab'");
    peer_expect_error(&w, &p, "circle.resolve", resolve("", true), "not_found: no alert ''");
    peer_expect_error(&w, &p, "circle.resolve", resolve("aaaa", true),
                      "invalid: 'aaaa' is ambiguous: 2 alerts begin with it");
    peer_expect_error(&w, &p, "circle.resolve", resolve("aiaaaaaa", true),
                      "invalid: there is nothing to accept: reject it once you have seen it");
    peer_expect_error(&w, &p, "circle.resolve", resolve("amaa", true),
                      "invalid: there is nothing to accept: reject it once you have seen it");
    peer_expect_error(&w, &p, "circle.resolve", strings("alert", "aiaa", NULL),
                      "invalid: parameter 'accept' is missing");
    T_EQ(m->resolved, 0);
    warren_value *result = peer_ok(&w, &p, "circle.resolve", resolve("aiaa", false));
    expect_text(warren_find(result, "type"), "equivocation");
    T_FALSE(warren_get_bool(warren_find(result, "accepted"), true));
    T_EQ(m->alert.b[0], 2);
    T_FALSE(m->accept);
    char full[64];
    snprintf(full, sizeof full, "%s", warren_get_str(warren_find(result, "alert"), NULL));
    warren_value_free(result);
    T_EQ(strlen(full), 52);
    warren_value_free(peer_ok(&w, &p, "circle.resolve", resolve(full, false)));
    char longer[80], error[120];
    snprintf(longer, sizeof longer, "%sa", full);
    snprintf(error, sizeof error, "not_found: no alert '%s'", longer);
    peer_expect_error(&w, &p, "circle.resolve", resolve(longer, false), error);
    result = peer_ok(&w, &p, "circle.resolve", resolve("aqaa", true));
    T_TRUE(warren_get_bool(warren_find(result, "accepted"), false));
    warren_value_free(result);
    T_EQ(m->alert.b[0], 4);
    T_TRUE(m->accept);
    peer_close(&p);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_is_foreseen_and_done_with_what_was_asked),
        cmocka_unit_test(a_removal_waits_until_it_is_durable),
        cmocka_unit_test(words_sign_and_are_never_empty_or_long),
        cmocka_unit_test(a_removal_is_refused_with_the_reason),
        cmocka_unit_test(what_the_hub_refuses_or_cannot_finish_is_answered),
        cmocka_unit_test(none_of_it_works_without_a_circle),
        cmocka_unit_test(a_farewell_names_this_device),
        cmocka_unit_test(a_reset_takes_words_and_leaves_one_device_behind),
        cmocka_unit_test(a_role_is_admin_or_member_and_raising_takes_words),
        cmocka_unit_test(a_safety_number_is_shown_and_marked_only_when_asked),
        cmocka_unit_test(devices_tell_why_by_whom_and_when_they_went),
        cmocka_unit_test(the_log_tells_every_kind_of_act),
        cmocka_unit_test(alerts_are_listed_and_counted),
        cmocka_unit_test(an_alert_is_found_by_prefix_and_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
