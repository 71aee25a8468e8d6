/* The commands that change and show who belongs to the circle, as processes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_cli_world.h"
#include "api_fake_members.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "harness/harness.h"

enum { DONE, FAILED, USAGE, NOT_RUNNING, NOT_FOUND, REFUSED };

static const fake_device others[] = {
    {{.device = {{3}}, .name = {(const uint8_t *)"phone", 5}, .current = true}, {0}},
    {{.device = {{4}}, .name = {(const uint8_t *)"wat\x1b[ch", 7}, .current = true},
     {.barred = true}},
    {{.device = {{5}}, .name = {(const uint8_t *)"tablet", 6}},
     {.reason = WR_REASON_LOST, .removed_by = {{2}}}},
    {{.device = {{6}}, .name = {(const uint8_t *)"old", 3}}, {.left = true}},
};

static fake_members *with_others(world *w) {
    world_init(w);
    fake_members *m = fake_hub_members(w->hub);
    m->devices = others;
    m->device_count = WR_COUNT(others);
    return m;
}

static void expect_code(const ran *r, int code) {
    if (r->code != code)
        fprintf(stderr, "out: %s\nerr: %s\n", r->out, r->err);
    T_EQ(r->code, code);
}

/* ---- remove ---------------------------------------------------------------------------- */

static void a_removal_shows_who_goes_along_and_asks(void **state) {
    (void)state;
    static const typed answers[][2] = {
        {{"[y/N] ", "n\n"}, {NULL, NULL}},  {{"[y/N] ", "\n"}, {NULL, NULL}},
        {{"[y/N] ", "yy\n"}, {NULL, NULL}}, {{NULL, NULL}}, /* the end of the input */
        {{"[y/N] ", "y\n"}, {NULL, NULL}},
    };
    world w;
    fake_members *m = with_others(&w);
    m->foresight = (hub_foresight){.along_count = 2, .along = {{{3}}, {{4}}}};
    for (size_t i = 0; i < WR_COUNT(answers); i++) {
        bool yes = i + 1 == WR_COUNT(answers);
        const char *const args[] = {"device", "remove", "desktop", NULL};
        ran r = cli_run(&w, false, answers[i], args);
        expect_code(&r, yes ? DONE : FAILED);
        expect_has(r.err, "To be removed as lost: desktop (aiaaaaaa)\n");
        expect_has(r.err,
                   "they go along (--only keeps them): phone (amaaaaaa), wat?[ch (aqaaaaaa)\n");
        expect_has(r.err, "Remove these 3 devices from the circle? [y/N] ");
        expect_not(r.err, "24");
        T_EQ(m->removed, yes);
        if (!yes)
            expect_has(r.err, "warren: nothing was changed\n");
        T_STR(r.out, yes ? "Removed: desktop (aiaaaaaa), with it: phone (amaaaaaa), wat?[ch "
                           "(aqaaaaaa)\n"
                         : "");
    }
    ran r = cli(&w, "device", "remove", "aiaa", "--only");
    expect_has(r.err,
               "To be removed as lost: desktop (aiaaaaaa)\nRemove it from the circle? [y/N] ");
    expect_code(&r, FAILED);
    T_TRUE(m->removal.only);
    world_close(&w);
}

static void a_removal_with_yes_asks_nothing(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    m->foresight = (hub_foresight){1, {{{3}}}, 1, {{{4}}}};
    ran r = cli(&w, "device", "remove", "desktop", "--yes", "--reason", "compromised");
    expect_code(&r, DONE);
    T_STR(r.out, "Removed: desktop (aiaaaaaa), with it: phone (amaaaaaa)\n");
    expect_has(r.err, "They could cost: wat?[ch (aqaaaaaa)\nNot so if the 24 recovery words");
    expect_not(r.err, "[y/N]");
    T_EQ(m->removal.reason, WR_REASON_COMPROMISED);
    T_STR(m->words, "");
    r = cli(&w, "device", "remove", "desktop", "--yes", "--quiet");
    T_STR(r.out, "");
    T_STR(r.err, "");
    expect_code(&r, DONE);
    r = cli(&w, "device", "remove", "desktop", "--yes", "--json");
    T_STR(r.err, "");
    expect_code(&r, DONE);
    expect_has(r.out, "{\"device\":{\"id\":\"aiaaaa");
    expect_has(r.out, "\"name\":\"desktop\"},\"reason\":\"lost\",\"along\":[{\"id\":\"amaaaa");
    expect_has(r.out, "\"name\":\"phone\"}],\"struck\":[{\"id\":\"aqaaaa");
    T_TRUE(strchr(r.out, '\n') == r.out + strlen(r.out) - 1);
    T_EQ(m->removed, 3);
    /* Asked with --json, the question is for the person and the object for the program. */
    const char *const args[] = {"device", "remove", "desktop", "--json", NULL};
    const typed yes[] = {{"[y/N] ", "y\n"}, {NULL, NULL}};
    r = cli_run(&w, false, yes, args);
    expect_has(r.err, "Remove these 2 devices");
    T_EQ(r.out[0], '{');
    T_EQ(m->removed, 4);
    world_close(&w);
}

static uint64_t since_of(world *w, const char *when, int code) {
    fake_members *m = fake_hub_members(w->hub);
    m->removal.since_ms = 1;
    ran r = cli(w, "device", "remove", "desktop", "--yes", "--since", when);
    expect_code(&r, code);
    if (code == USAGE)
        expect_has(r.err, "--since takes a time in the past, as 2026-11-20, 2026-11-20T14:00, 3d");
    return m->removal.since_ms;
}

static void since_is_a_day_a_minute_or_an_age(void **state) {
    (void)state;
    static const char *const bad[] = {"yesterday", "2024-02-30", "9999-01-01"};
    world w;
    fake_members *m = with_others(&w);
    T_EQ(since_of(&w, "2024-02-29T14:05", DONE), 1709208300000u); /* two hours east */
    uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    uint64_t days = now_ms - 3 * 86400000u;
    uint64_t got = since_of(&w, "3d", DONE);
    T_TRUE(got >= days && got < days + 30000);
    uint32_t removed = m->removed;
    for (size_t i = 0; i < WR_COUNT(bad); i++)
        since_of(&w, bad[i], USAGE);
    ran r = cli(&w, "device", "remove", "desktop", "--yes", "--since", "1972-01-01");
    expect_code(&r, USAGE); /* before 1973: what the agent takes for seconds */
    r = cli(&w, "device", "remove", "desktop", "--yes", "--since", "3d", "--only");
    expect_code(&r, USAGE);
    expect_has(r.err, "exclude each other");
    T_EQ(m->removed, removed);
    r = cli(&w, "device", "remove", "desktop", "--yes");
    T_EQ(m->removal.since_ms, 0);
    world_close(&w);
}

static void words_come_from_the_input_or_a_file(void **state) {
    (void)state;
    static const char *const args[] = {"device", "remove", "desktop", "--words-file", "-", NULL};
    static const struct {
        const char *words;
        int code;
    } cases[] = {{"abandon\n", USAGE},
                 {"other words\n", REFUSED},
                 {"\n", USAGE},
                 {"", USAGE},
                 {FAKE_WORDS "\n", DONE}};
    world w;
    fake_members *m = with_others(&w);
    m->foresight.struck_count = 1;
    for (size_t i = 0; i < WR_COUNT(cases); i++) {
        const typed script[] = {{"", cases[i].words}, {"[y/N] ", "y\n"}, {NULL, NULL}};
        const typed none[] = {{"", cases[i].words}, {NULL, NULL}};
        ran r = cli_run(&w, false, cases[i].code == DONE ? script : none, args);
        expect_code(&r, cases[i].code);
        expect_not(r.err, "could cost");
        expect_not(r.err, "abandon");
        T_EQ(m->removed, cases[i].code == DONE);
    }
    T_STR(m->words, FAKE_WORDS);
    char path[128];
    snprintf(path, sizeof path, "%s/words", w.home);
    FILE *file = fopen(path, "w");
    fputs(FAKE_WORDS "\nand more\n", file);
    fclose(file);
    m->words[0] = '\0';
    ran r = cli(&w, "device", "remove", "desktop", "--yes", "--words-file", path);
    expect_code(&r, DONE);
    T_STR(m->words, FAKE_WORDS);
    unlink(path);
    r = cli(&w, "device", "remove", "desktop", "--yes", "--words-file", path);
    expect_code(&r, FAILED);
    expect_has(r.err, "No such file");
    T_EQ(m->removed, 2);
    world_close(&w);
}

static void on_a_terminal_words_are_asked_where_others_could_be_struck(void **state) {
    (void)state;
    static const char *const args[] = {"device", "remove", "desktop", NULL};
    static const char prompt[] = "The 24 words, or Enter to go on without: ";
    world w;
    fake_members *m = with_others(&w);
    m->foresight = (hub_foresight){.struck_count = 1, .struck = {{{3}}}};
    const typed with[] = {{prompt, FAKE_WORDS "\n"}, {"[y/N] ", "y\n"}, {NULL, NULL}};
    ran r = cli_run(&w, true, with, args);
    expect_code(&r, DONE);
    expect_has(r.err, "They could cost: phone (amaaaaaa)");
    expect_not(r.err, "abandon"); /* no echo */
    T_STR(m->words, FAKE_WORDS);
    T_EQ(m->removed, 1);
    const typed without[] = {{prompt, "\n"}, {"[y/N] ", "y\n"}, {NULL, NULL}};
    r = cli_run(&w, true, without, args);
    expect_code(&r, DONE);
    T_STR(m->words, "");
    T_EQ(m->removed, 2);
    const typed wrong[] = {{prompt, "other words\n"}, {NULL, NULL}};
    r = cli_run(&w, true, wrong, args);
    expect_code(&r, REFUSED);
    expect_not(r.err, "[y/N]");
    T_EQ(m->removed, 2);
    char longer[1400];
    memset(longer, 'x', 1200);
    snprintf(longer + 1200, sizeof longer - 1200, "\n");
    const typed too_long[] = {{prompt, longer}, {NULL, NULL}};
    r = cli_run(&w, true, too_long, args);
    expect_code(&r, USAGE);
    T_EQ(m->removed, 2);
    m->foresight.struck_count = 0; /* nobody to protect: no words */
    const typed yes[] = {{"[y/N] ", "y\n"}, {NULL, NULL}};
    r = cli_run(&w, true, yes, args);
    expect_not(r.err, prompt);
    T_EQ(m->removed, 3);
    world_close(&w);
}

static void a_removal_fails_with_the_code_of_its_reason(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    ran r = cli(&w, "device", "remove", "nobody", "--yes");
    expect_code(&r, NOT_FOUND);
    T_STR(r.err, "warren: no device 'nobody'\n");
    r = cli(&w, "device", "remove", "laptop", "--yes");
    expect_code(&r, FAILED);
    expect_has(r.err, "'warren leave' is its farewell");
    r = cli(&w, "device", "remove", "desktop", "--yes", "--reason", "stolen");
    expect_code(&r, USAGE);
    r = cli(&w, "device", "remove", "desktop", "--yes", "--reason", "retired");
    expect_code(&r, FAILED);
    expect_has(r.err, "it has not said farewell");
    r = cli(&w, "device", "remove");
    expect_code(&r, USAGE);
    r = cli(&w, "device", "remove", "a", "b");
    expect_code(&r, USAGE);
    m->refuse = WR_ERR_REFUSED;
    r = cli(&w, "device", "remove", "desktop", "--yes", "--json");
    expect_code(&r, REFUSED);
    T_STR(r.out, "{\"error\":{\"code\":\"refused\",\"message\":\"the fake refuses\"}}\n");
    m->refuse = WR_OK;
    m->late = WR_ERR_CLOSED;
    r = cli(&w, "device", "remove", "desktop", "--yes");
    expect_code(&r, FAILED);
    T_STR(r.out, "");
    world_close(&w);
}

/* ---- leave and role ------------------------------------------------------------------------ */

static void leaving_asks_first(void **state) {
    (void)state;
    static const char *const args[] = {"leave", NULL};
    static const typed no[] = {{"[y/N] ", "n\n"}, {NULL, NULL}};
    static const typed yes[] = {{"Leave the circle?", ""}, {"[y/N] ", "y\n"}, {NULL, NULL}};
    world w;
    fake_members *m = with_others(&w);
    ran r = cli_run(&w, false, no, args);
    expect_code(&r, FAILED);
    r = cli(&w, "leave");
    expect_code(&r, FAILED);
    T_EQ(m->left, 0);
    r = cli_run(&w, false, yes, args);
    expect_code(&r, DONE);
    expect_has(r.err, "This device has left the circle.");
    r = cli(&w, "leave", "--yes", "--json");
    expect_code(&r, DONE);
    expect_has(r.out, "{\"device\":{\"id\":\"aeaaaa");
    expect_has(r.out, "\"name\":\"laptop\"}}\n");
    T_STR(r.err, "");
    T_EQ(m->left, 2);
    m->late = WR_ERR_IO;
    r = cli(&w, "leave", "--yes");
    expect_code(&r, FAILED);
    expect_not(r.err, "has left");
    world_close(&w);
}

static void raising_a_device_asks_for_the_words(void **state) {
    (void)state;
    static const char *const args[] = {"device", "role", "desktop", "admin", NULL};
    static const typed words[] = {{"", FAKE_WORDS "\n"}, {NULL, NULL}};
    static const typed wrong[] = {{"", "other words\n"}, {NULL, NULL}};
    static const typed hidden[] = {{"The 24 words, on one line: ", FAKE_WORDS "\n"}, {NULL, NULL}};
    world w;
    fake_members *m = with_others(&w);
    ran r = cli(&w, "device", "role", "desktop", "admin");
    expect_code(&r, USAGE);
    T_STR(r.err, "warren: no words were given\n");
    T_EQ(m->roles, 0);
    r = cli_run(&w, false, wrong, args);
    expect_code(&r, REFUSED);
    r = cli_run(&w, false, words, args);
    expect_code(&r, DONE);
    expect_has(r.err, "'desktop' is now an admin.");
    T_TRUE(m->admin);
    T_STR(m->words, FAKE_WORDS);
    r = cli_run(&w, true, hidden, args);
    expect_code(&r, DONE);
    expect_not(r.err, "abandon");
    r = cli(&w, "device", "role", "desktop", "member", "--json");
    expect_code(&r, DONE);
    expect_has(r.out, "\"name\":\"desktop\"},\"role\":\"member\"}\n");
    T_FALSE(m->admin);
    T_STR(m->words, "");
    uint32_t roles = m->roles;
    r = cli(&w, "device", "role", "desktop", "root");
    expect_code(&r, USAGE);
    expect_has(r.err, "a role is admin or member, not 'root'");
    r = cli(&w, "device", "role", "desktop", "a");
    expect_code(&r, USAGE);
    r = cli(&w, "device", "role", "desktop");
    expect_code(&r, USAGE);
    r = cli(&w, "device", "role", "nobody", "member");
    expect_code(&r, NOT_FOUND);
    T_EQ(m->roles, roles);
    world_close(&w);
}

/* ---- verify -----------------------------------------------------------------------------------
 */

static void safety_numbers_are_shown_and_marked(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    ran r = cli(&w, "verify", "desktop");
    expect_code(&r, DONE);
    T_STR(r.out, "desktop (aiaaaaaa): not verified\n  11111 22222 33333\n  able baker cedar\n");
    T_EQ(m->marked, 0);
    r = cli(&w, "verify", "desktop", "--mark", "--json");
    expect_has(r.out, "\"digits\":\"11111 22222 33333\",\"words\":\"able baker "
                      "cedar\",\"verified\":true}\n");
    T_TRUE(m->mark);
    T_EQ(m->marked, 1);
    m->verified = true;
    r = cli(&w, "verify", "desktop");
    expect_has(r.out, "desktop (aiaaaaaa): verified\n");
    r = cli(&w, "verify", "desktop", "--unmark");
    expect_has(r.out, ": not verified\n");
    T_FALSE(m->mark);
    T_EQ(m->marked, 2);
    r = cli(&w, "verify", "desktop", "--mark", "--unmark");
    expect_code(&r, USAGE);
    r = cli(&w, "verify", "--mark");
    expect_code(&r, USAGE);
    expect_has(r.err, "name the DEVICE");
    r = cli(&w, "verify", "laptop");
    expect_code(&r, USAGE);
    r = cli(&w, "verify", "phone");
    expect_code(&r, REFUSED);
    r = cli(&w, "verify", "nobody");
    expect_code(&r, NOT_FOUND);
    m->device_count = 0;
    r = cli(&w, "verify"); /* all others, and no removed one */
    expect_code(&r, DONE);
    T_STR(r.out, "desktop (aiaaaaaa): verified\n  11111 22222 33333\n  able baker cedar\n");
    expect_has(r.err, "'warren verify DEVICE --mark'");
    m->devices = others + 2;
    m->device_count = 2;
    r = cli(&w, "verify", "--json");
    expect_code(&r, DONE);
    T_TRUE(strchr(r.out, '\n') == r.out + strlen(r.out) - 1);
    world_close(&w);
}

/* ---- what was done, what needs the owner
 * --------------------------------------------------------- */

static const wr_hash two[] = {{{2}}, {{3}}};
static const hub_act acts[] = {
    {.type = HUB_ACT_FOUND, .author = {{1}}, .ms = 1709208300000u, .counts = true},
    {.type = HUB_ACT_ADD, .author = {{1}}, .devices = two, .device_count = 1, .counts = true},
    {.type = HUB_ACT_REMOVE,
     .by_root = true,
     .reason = WR_REASON_LOST,
     .devices = two,
     .device_count = 2,
     .counts = true},
    {.type = HUB_ACT_ROLE, .author = {{2}}, .admin = true, .devices = two, .device_count = 1},
    {.type = HUB_ACT_REMOVE,
     .author = {{2}},
     .reason = WR_REASON_COMPROMISED,
     .devices = two + 1,
     .device_count = 1,
     .held = true},
};

static void the_log_says_who_did_what(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    ran r = cli(&w, "circle", "log");
    expect_code(&r, DONE);
    T_STR(r.out, "");
    m->acts = acts;
    m->act_count = WR_COUNT(acts);
    r = cli(&w, "circle", "log");
    expect_code(&r, DONE);
    T_STR(r.out,
          "TIME              BY                DID                  DEVICES         AS           \n"
          "2024-02-29 14:05  laptop            made the circle                                   \n"
          "-                 laptop            added                desktop         member       \n"
          "-                 (recovery words)  removed              desktop, phone  lost         \n"
          "-                 desktop           changed the role of  desktop         admin        "
          "struck out\n"
          "-                 desktop           removed              phone           compromised  "
          "held: warren alerts\n");
    r = cli(&w, "circle", "log", "--json");
    expect_code(&r, DONE);
    size_t lines = 0;
    for (const char *at = r.out; (at = strchr(at, '\n')); at++)
        lines++;
    T_EQ(lines, WR_COUNT(acts));
    expect_has(r.out, "\"type\":\"remove\",\"time\":0,\"by_recovery\":true,\"by\":null,");
    expect_has(r.out, "\"reason\":\"compromised\",\"counts\":false,\"held\":true}\n");
    r = cli(&w, "circle");
    expect_code(&r, USAGE);
    expect_has(r.err, "'circle' needs one of: log");
    world_close(&w);
}

static const hub_alert alerts[] = {
    {{{2}}, HUB_ALERT_RETALIATION_HELD, {{2}}, 1709208300000u, 0, ""},
    {{{3}}, HUB_ALERT_ACCUSATION_OVERRIDDEN, {{3}}, 0, 0, ""},
    {{{4}}, HUB_ALERT_EQUIVOCATION, {{3}}, 0, 0, ""},
    {{{5}}, HUB_ALERT_ROLLBACK, {{1}}, 0, 0, "a copy of this device is running"},
    {{{6}}, HUB_ALERT_RECEIVED_WHILE_LOST, {{5}}, 0, 1234, ""},
    {{{7}}, HUB_ALERT_QUARANTINE, {{5}}, 0, 1, ""},
    {{{8}}, HUB_ALERT_TAIL_DAMAGED, {{1}}, 0, 3, "3 are damaged"},
};

static void alerts_are_shown_and_answered(void **state) {
    (void)state;
    world w;
    fake_members *m = with_others(&w);
    ran r = cli(&w, "alerts");
    expect_code(&r, DONE);
    T_STR(r.out, "");
    expect_has(r.err, "Nothing needs you.");
    r = cli(&w, "status");
    expect_not(r.out, "alerts");
    m->alerts = alerts;
    m->alert_count = WR_COUNT(alerts);
    r = cli(&w, "status");
    expect_has(r.out, "alerts     7: 'warren alerts'\n");
    r = cli(&w, "alerts");
    expect_code(&r, DONE);
    T_STR(r.out,
          "ALERT     TIME              DEVICE   ENTRIES  WHAT\n"
          "aiaaaaaa  2024-02-29 14:05  desktop  -        was removed, and removes others: held; "
          "accept: it takes effect\n"
          "amaaaaaa  -                 phone    -        its removal was cancelled; accept: remove "
          "it again\n"
          "aqaaaaaa  -                 phone    -        signed two histories; reject: seen\n"
          "auaaaaaa  -                 laptop   -        a copy of this device is running\n"
          "ayaaaaaa  -                 tablet   1,234    entries that came while it was lost; "
          "accept: show them\n"
          "a4aaaaaa  -                 tablet   1        entries from after it was compromised; "
          "accept: show them\n"
          "baaaaaaa  -                 laptop   3        3 are damaged\n");
    r = cli(&w, "alerts", "--json");
    expect_has(r.out, "\"type\":\"tail_damaged\",\"device\":{\"id\":\"aeaaaa");
    expect_has(r.out, "\"type\":\"received_while_lost\",\"device\":{\"id\":\"auaaaa");
    expect_has(r.out, "\"time\":null,\"entries\":1234,\"acceptable\":true,\"text\":null}\n");
    r = cli(&w, "alerts", "accept", "aiaaaaaa");
    expect_code(&r, DONE);
    expect_has(r.err, "Accepted.");
    T_TRUE(m->accept);
    T_EQ(m->alert.b[0], 2);
    r = cli(&w, "alerts", "reject", "auaa", "--json");
    expect_code(&r, DONE);
    expect_has(r.out, "\"type\":\"rollback\",\"accepted\":false}\n");
    T_FALSE(m->accept);
    T_EQ(m->alert.b[0], 5);
    T_EQ(m->resolved, 2);
    r = cli(&w, "alerts", "accept", "auaa");
    expect_code(&r, USAGE);
    r = cli(&w, "alerts", "reject", "zzzz");
    expect_code(&r, NOT_FOUND);
    r = cli(&w, "alerts", "accept");
    expect_code(&r, USAGE);
    expect_has(r.err, "accept which ALERT?");
    r = cli(&w, "alerts", "frob", "auaa");
    expect_code(&r, USAGE);
    expect_has(r.err, "takes accept or reject, not 'frob'");
    T_EQ(m->resolved, 2);
    world_close(&w);
}

static void devices_show_why_they_are_out(void **state) {
    (void)state;
    world w;
    with_others(&w);
    ran r = cli(&w, "devices");
    expect_code(&r, DONE);
    expect_has(r.out, "laptop *  aeaaaaaa  admin   this device ");
    expect_has(r.out, "desktop   aiaaaaaa  member  online ");
    expect_has(r.out, "wat?[ch   aqaaaaaa  member  barred: pair it anew ");
    expect_has(r.out, "tablet    auaaaaaa  member  removed: lost ");
    expect_has(r.out, "old       ayaaaaaa  member  removed: left ");
    r = cli(&w, "devices", "--json");
    expect_has(r.out, "\"removed\":true,\"reason\":\"lost\",\"by_recovery\":false,"
                      "\"removed_by\":{\"id\":\"aiaaaa");
    world_close(&w);
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static void every_new_command_has_help_and_needs_an_agent(void **state) {
    (void)state;
    static const char *const commands[][6] = {
        {"device", "remove", "x", "--yes"},
        {"device", "role", "x", "member"},
        {"leave", "--yes"},
        {"verify"},
        {"verify", "x"},
        {"circle", "log"},
        {"alerts"},
        {"alerts", "accept", "x"},
    };
    world w;
    world_open(&w);
    ran all = cli(&w, "--help");
    for (size_t i = 0; i < WR_COUNT(commands); i++) {
        ran r = cli_run(&w, false, no_script, commands[i]);
        expect_code(&r, FAILED); /* no circle */
        expect_has(r.err, "this home has no circle yet");
        expect_has(all.out, commands[i][0]);
        const char *help[8] = {"help", commands[i][0]};
        if (strcmp(commands[i][0], "device") == 0 || strcmp(commands[i][0], "circle") == 0)
            help[2] = commands[i][1];
        r = cli_run(&w, false, no_script, help);
        expect_code(&r, DONE);
        expect_has(r.out, "usage: warren ");
        expect_has(r.out, "example:\n  warren ");
    }
    ran r = cli(&w, "device", "remove", "--help");
    static const char *const options[] = {"--reason R", "--since WHEN", "--only", "--yes",
                                          "--words-file F"};
    for (size_t i = 0; i < WR_COUNT(options); i++)
        expect_has(r.out, options[i]);
    world elsewhere = w; /* where no agent listens */
    snprintf(elsewhere.home, sizeof elsewhere.home, "/tmp/warren-api-none");
    for (size_t i = 0; i < WR_COUNT(commands); i++) {
        r = cli_run(&elsewhere, false, no_script, commands[i]);
        expect_code(&r, NOT_RUNNING);
        expect_has(r.err, "start it with 'warren up'");
    }
    world_close(&w);
}

static void completions_know_the_new_commands(void **state) {
    (void)state;
    world w;
    world_open(&w);
    ran r = cli(&w, "completion", "bash");
    expect_has(r.out, "    'device') words=' rename remove role' ;;");
    expect_has(r.out, "    'circle') words=' log reset' ;;");
    expect_has(r.out, "    'device role') words=' --words-file admin member --help");
    expect_has(r.out, "    'alerts') words=' accept reject --help");
    expect_has(r.out, "    'completion') words=' bash zsh fish --help");
    expect_has(r.out, "    'log append') words=' --file --lines --kind --help");
    expect_has(r.out, "--passphrase-file|--words-file)");
    r = cli(&w, "completion", "fish");
    expect_has(r.out, "subcommand_from alerts' -a ' accept reject'\n");
    expect_has(r.out, "-a remove -d 'remove a device");
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removal_shows_who_goes_along_and_asks),
        cmocka_unit_test(a_removal_with_yes_asks_nothing),
        cmocka_unit_test(since_is_a_day_a_minute_or_an_age),
        cmocka_unit_test(words_come_from_the_input_or_a_file),
        cmocka_unit_test(on_a_terminal_words_are_asked_where_others_could_be_struck),
        cmocka_unit_test(a_removal_fails_with_the_code_of_its_reason),
        cmocka_unit_test(leaving_asks_first),
        cmocka_unit_test(raising_a_device_asks_for_the_words),
        cmocka_unit_test(safety_numbers_are_shown_and_marked),
        cmocka_unit_test(the_log_says_who_did_what),
        cmocka_unit_test(alerts_are_shown_and_answered),
        cmocka_unit_test(devices_show_why_they_are_out),
        cmocka_unit_test(every_new_command_has_help_and_needs_an_agent),
        cmocka_unit_test(completions_know_the_new_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
