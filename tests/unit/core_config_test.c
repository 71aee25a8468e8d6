/* warren.conf: defaults, every way to be wrong, and changing one key without touching the rest.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config.h"
#include "harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char problem[CONFIG_PROBLEM_MAX];

static void check_value(const config *c, const char *key, const char *want) {
    uint8_t bytes[CONFIG_VALUE_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(config_get_text(c, wr_slice_str(key), &out));
    T_SLICE(wr_buf_slice(&out), wr_slice_str(want));
}

static void parse_ok(const char *text, config *ret_config) {
    problem[0] = '\0';
    wr_err err = config_parse(wr_slice_str(text), "warren.conf", ret_config, problem);
    T_STR(problem, "");
    T_OK(err);
}

static void parse_bad(const char *text, wr_err err, const char *want_problem) {
    config c = {.agent_name = "untouched"};
    T_ERR(config_parse(wr_slice_str(text), "warren.conf", &c, problem), err);
    T_STR(problem, want_problem);
    T_STR(c.agent_name, "untouched");
}

/* ---- reading -------------------------------------------------------------------------------- */

static void an_empty_file_gives_the_defaults(void **state) {
    (void)state;
    config c;
    parse_ok("", &c);
    T_STR(c.agent_name, "");
    T_EQ(c.agent_listen.count, 2);
    T_STR(c.agent_listen.item[1], "[::]:0");
    T_EQ(c.agent_log_level, CONFIG_LOG_LEVEL_INFO);
    T_EQ(c.network_mode, CONFIG_NETWORK_MODE_FULL);
    T_EQ(c.mailbox_backup, CONFIG_SWITCH_OFF);
    T_EQ(c.durability_sync, CONFIG_SYNC_FULL);
    config other;
    T_OK(config_load("/nonexistent/warren.conf", &other, problem));
    T_TRUE(wr_equal(wr_slice_of(&c, sizeof c), wr_slice_of(&other, sizeof other)));
}

static void the_documented_file_is_read(void **state) {
    (void)state;
    config c;
    parse_ok("[agent]\n"
             "name = laptop              ; this device's name, default the host name\n"
             "listen = 0.0.0.0:0,[::]:0  ; TCP for siblings; port 0 = any\r\n"
             "log_level = debug\n"
             "# a comment\n"
             "\n"
             "[network]\n"
             "mode = lan-only\n"
             "discovery = off\n"
             "peers = 192.0.2.7:7117 , 192.0.2.8:7117\n"
             "peers = [2001:db8::1]:7117\n"
             "turn = turn:user:secret@turn.example.org:3478?transport=udp\n"
             "[mailbox]\n"
             "url = https://mailbox.example.org\n"
             "token =                    ; what the operator gave you\n"
             "backup = on\n"
             "[power]\nmode = saver \n"
             "[web]\nlisten = off\n"
             "[durability]\nsync = normal",
             &c);
    T_STR(c.agent_name, "laptop");
    T_EQ(c.agent_log_level, CONFIG_LOG_LEVEL_DEBUG);
    T_EQ(c.network_mode, CONFIG_NETWORK_MODE_LAN_ONLY);
    T_EQ(c.network_discovery, CONFIG_DISCOVERY_OFF);
    check_value(&c, "network.peers", "192.0.2.7:7117,192.0.2.8:7117,[2001:db8::1]:7117");
    check_value(&c, "network.turn", "turn:user:secret@turn.example.org:3478?transport=udp");
    T_STR(c.mailbox_token, "");
    T_EQ(c.mailbox_backup, CONFIG_SWITCH_ON);
    T_EQ(c.power_mode, CONFIG_POWER_MODE_SAVER);
    T_STR(c.web_listen, "off");
    T_EQ(c.durability_sync, CONFIG_SYNC_NORMAL);
}

static void what_is_wrong_is_named_with_its_line(void **state) {
    (void)state;
    parse_bad("[agent]\nnaem = x\n", WR_ERR_FORMAT,
              "warren.conf:2: agent.naem is not a key of this file");
    parse_bad("name = x\n", WR_ERR_FORMAT, "warren.conf:1: name is not a key of this file");
    parse_bad("; c\n\n[agnet]\n", WR_ERR_FORMAT,
              "warren.conf:3: [agnet] is not a section of this file");
    parse_bad("[agent]\nlog_level = loud\n", WR_ERR_FORMAT,
              "warren.conf:2: agent.log_level must be one of error, warn, info, debug");
    parse_bad("[agent]\nname = a\nname = b\n", WR_ERR_FORMAT,
              "warren.conf:3: agent.name is given twice");
    parse_bad("[agent]\nname = -x\n", WR_ERR_FORMAT,
              "warren.conf:2: agent.name is not a device name");
    parse_bad("[network]\npeers = a,,b\n", WR_ERR_FORMAT,
              "warren.conf:2: network.peers has an empty item");
    parse_bad("[agent]\njust words\n", WR_ERR_FORMAT,
              "warren.conf:2: expected [section], key = value, or a ; comment");
    parse_bad("[agent\nname = x\n", WR_ERR_FORMAT,
              "warren.conf:1: the bracket of the section is not closed");
    parse_bad("[network]\nturn = \x01\n", WR_ERR_FORMAT,
              "warren.conf:2: network.turn has characters that cannot be kept");
}

static void limits_are_exact(void **state) {
    (void)state;
    char text[512], value[256];
    config c;
    memset(value, 'x', sizeof value);
    (void)snprintf(text, sizeof text, "[agent]\nname = %.128s\n", value);
    parse_ok(text, &c);
    (void)snprintf(text, sizeof text, "[agent]\nname = %.129s\n", value);
    parse_bad(text, WR_ERR_FORMAT, "warren.conf:2: agent.name must have 0 to 128 bytes");
    (void)snprintf(text, sizeof text, "[agent]\n;%.197s\nname = y", value);
    parse_ok(text, &c);
    T_STR(c.agent_name, "y");
    (void)snprintf(text, sizeof text, "[agent]\n;%.198s\nname = y", value);
    parse_bad(text, WR_ERR_LIMIT, "warren.conf:2: the line is longer than 198 bytes");
    (void)snprintf(text, sizeof text, "[network]\npeers = %.64s\n", value);
    parse_ok(text, &c);
    (void)snprintf(text, sizeof text, "[network]\npeers = %.65s\n", value);
    parse_bad(text, WR_ERR_FORMAT,
              "warren.conf:2: network.peers has an item of more than 64 bytes");
    parse_ok("[network]\npeers = 1,2,3,4,5,6,7,8\npeers = 1,2,3,4,5,6,7,8\n", &c);
    T_EQ(c.network_peers.count, 16);
    parse_bad("[network]\npeers = 1,2,3,4,5,6,7,8\npeers = 1,2,3,4,5,6,7,8,9\n", WR_ERR_FORMAT,
              "warren.conf:3: network.peers must have 0 to 16 items");
    T_ERR(config_parse(wr_slice_of("[agent]\nname = a\0b\n", 19), "f", &c, problem), WR_ERR_FORMAT);
    T_STR(problem, "f:2: the line has a zero byte");
}

static void the_description_is_itself_a_valid_file_with_the_defaults(void **state) {
    (void)state;
    uint8_t bytes[8192];
    wr_buf out = WR_BUF_ARRAY(bytes);
    config c, defaults;
    T_OK(config_describe(&out));
    problem[0] = '\0';
    wr_err err = config_parse(wr_buf_slice(&out), "description", &c, problem);
    T_STR(problem, "");
    T_OK(err);
    config_init(&defaults);
    T_TRUE(wr_equal(wr_slice_of(&c, sizeof c), wr_slice_of(&defaults, sizeof defaults)));
    size_t count = 0;
    while (config_key(count) != NULL) {
        wr_buf value = WR_BUF_ARRAY(bytes);
        T_OK(config_get_text(&c, wr_slice_str(config_key(count)), &value));
        count++;
    }
    T_EQ(count, 14);
    T_ERR(config_get_text(&c, wr_slice_str("agent.naem"), &out), WR_ERR_UNKNOWN);
}

/* ---- changing ---- */

typedef struct conf {
    char folder[64], path[96];
    config c;
} conf;

static void conf_make(conf *f, const char *text) {
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/warren-config-XXXXXX");
    T_TRUE(mkdtemp(f->folder) != NULL);
    (void)snprintf(f->path, sizeof f->path, "%s/warren.conf", f->folder);
    if (text != NULL) {
        FILE *file = fopen(f->path, "wb");
        T_TRUE(file != NULL);
        T_EQ(fwrite(text, 1, strlen(text), file), strlen(text));
        T_EQ(fclose(file), 0);
    }
    T_OK(config_load(f->path, &f->c, problem));
}

static void conf_check(const conf *f, const char *want) {
    char text[4096] = {0};
    FILE *file = fopen(f->path, "rb");
    T_TRUE(file != NULL);
    T_TRUE(fread(text, 1, sizeof text - 1, file) > 0);
    T_EQ(fclose(file), 0);
    T_STR(text, want);
}

static void conf_remove(conf *f) {
    T_EQ(unlink(f->path), 0);
    T_EQ(rmdir(f->folder), 0);
}

static void change(conf *f, const char *key, const char *value) {
    problem[0] = '\0';
    wr_err err = config_change(f->path, &f->c, wr_slice_str(key), wr_slice_str(value), problem);
    T_STR(problem, "");
    T_OK(err);
    config again;
    T_OK(config_load(f->path, &again, problem));
    T_TRUE(wr_equal(wr_slice_of(&again, sizeof again), wr_slice_of(&f->c, sizeof f->c)));
}

static void a_change_touches_its_own_line_only(void **state) {
    (void)state;
    conf f;
    conf_make(&f, "; mine\n[agent]\n  name=old ; who I am\n[network]\n# here\nmode = full\n"
                  "peers = a:1\n  b:1\npeers = c:1\n[power]\nmode = normal");
    change(&f, "agent.name", "new name");
    change(&f, "network.mode", "offline");
    change(&f, "network.peers", "x:1, y:2");
    change(&f, "network.stun", "s:1");
    change(&f, "web.listen", "off");
    conf_check(&f,
               "; mine\n[agent]\nname = new name ; who I am\n[network]\nstun = s:1\n# here\n"
               "mode = offline\npeers = x:1,y:2\n[power]\nmode = normal\n\n[web]\nlisten = off\n");
    T_STR(f.c.agent_name, "new name");
    T_EQ(f.c.power_mode, CONFIG_POWER_MODE_NORMAL);
    change(&f, "agent.name", "");
    T_STR(f.c.agent_name, "");
    struct stat st;
    T_EQ(stat(f.path, &st), 0);
    T_EQ(st.st_mode & 0777, 0600);
    conf_remove(&f);
}

static void a_change_makes_the_file_and_splits_long_lists(void **state) {
    (void)state;
    conf f;
    char value[512] = "";
    size_t len = 0;
    conf_make(&f, NULL);
    for (int i = 0; i < 5; i++)
        len += (size_t)snprintf(value + len, sizeof value - len, "%s%060d", i == 0 ? "" : ",", i);
    change(&f, "network.peers", value);
    T_EQ(f.c.network_peers.count, 5);
    change(&f, "network.peers", "one:1");
    conf_check(&f, "[network]\npeers = one:1\n");
    conf_remove(&f);
}

static void a_refused_change_changes_nothing(void **state) {
    (void)state;
    conf f;
    static const char text[] = "[agent]\nname = old\n";
    static const char *const bad[][2] = {
        {"agent.naem", "x"},        {"agent.log_level", "loud"},
        {"agent.name", "a\nb = c"}, {"mailbox.token", "a ;b"},
        {"mailbox.token", ";b"},    {"mailbox.token", "a\x7f"},
        {"network.peers", "a,,b"},  {"network.peers", "a,;b"},
        {"agent.name", "-x"},       {"agent", "x"},
        {"mailbox.token", "\xff"},
    };
    conf_make(&f, text);
    for (size_t i = 0; i < WR_COUNT(bad); i++) {
        problem[0] = '\0';
        wr_err err =
            config_change(f.path, &f.c, wr_slice_str(bad[i][0]), wr_slice_str(bad[i][1]), problem);
        T_TRUE(err == WR_ERR_FORMAT || err == WR_ERR_UNKNOWN);
        T_TRUE(problem[0] != '\0');
    }
    T_STR(f.c.agent_name, "old");
    conf_check(&f, text);
    conf_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(the_documented_file_is_read),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(the_description_is_itself_a_valid_file_with_the_defaults),
        cmocka_unit_test(a_change_touches_its_own_line_only),
        cmocka_unit_test(a_change_makes_the_file_and_splits_long_lists),
        cmocka_unit_test(a_refused_change_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
