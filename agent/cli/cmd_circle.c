/* warren circle log and warren alerts: what was done, and what needs the owner.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"

/* What a code of the local API means to people. */
typedef struct meaning {
    const char *code, *text;
} meaning;

static const char *meaning_of(const meaning *list, size_t count, const char *code) {
    for (size_t i = 0; i < count && code; i++)
        if (strcmp(list[i].code, code) == 0)
            return list[i].text;
    return code ? code : "-"; /* a newer agent's */
}

static const char *text(const warren_value *map, const char *key) {
    return warren_get_str(warren_find(map, key), NULL);
}

static void add_time(print_table *table, const warren_value *row) {
    char time[PRINT_TIME_SIZE];
    print_time(warren_get_uint(warren_find(row, "time"), 0), false, time);
    print_table_add(table, time);
}

/* A table of the rows of method's result, one JSON object a line with --json.  Takes params. */
static int show_rows(cli *c, const char *method, warren_value *params, const char *key,
                     const char *const *headings, size_t columns,
                     void (*add)(print_table *table, const warren_value *row), const char *none) {
    warren_value *result = NULL;
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = cli_call(c, method, params, &result);
    else
        warren_value_free(params);
    if (code != CLI_DONE)
        return code;
    const warren_value *rows = warren_find(result, key);
    print_table *table = c->json || warren_count(rows) == 0 ? NULL : print_table_new(columns);
    for (size_t i = 0; i < columns; i++)
        print_table_add(table, headings[i]);
    for (size_t i = 0; i < warren_count(rows); i++) {
        if (c->json)
            print_json(stdout, warren_at(rows, i));
        else
            add(table, warren_at(rows, i));
    }
    print_table_show(table);
    if (warren_count(rows) == 0)
        cli_say(c, "%s", none);
    uint64_t earlier = warren_get_uint(warren_find(result, "earlier"), 0);
    if (earlier > 0)
        cli_say(c, "%llu earlier ones: --limit N shows more", (unsigned long long)earlier);
    warren_value_free(result);
    return CLI_DONE;
}

/* ---- the log ----------------------------------------------------------------------------- */

static void add_act(print_table *table, const warren_value *act) {
    static const meaning meanings[] = {{"found", "made the circle"},
                                       {"add", "added"},
                                       {"remove", "removed"},
                                       {"leave", "left"},
                                       {"role", "changed the role of"},
                                       {"epoch", "new keys"},
                                       {"equiv", "proved two histories of"},
                                       {"rootset", "new recovery words"},
                                       {"reset", "restarted the circle"}};
    char devices[PRINT_DEVICES_SIZE], by[PRINT_DEVICES_SIZE];
    bool recovery = warren_get_bool(warren_find(act, "by_recovery"), false);
    const char *how = text(act, "reason") ? text(act, "reason") : text(act, "role");
    const char *note = warren_get_bool(warren_find(act, "held"), false)     ? "held: warren alerts"
                       : !warren_get_bool(warren_find(act, "counts"), true) ? "struck out"
                                                                            : "";
    add_time(table, act);
    print_devices_text(warren_find(act, "by"), by);
    print_table_add(table, recovery ? "(recovery words)" : by);
    print_table_add(table, meaning_of(meanings, CLI_COUNT(meanings), text(act, "type")));
    print_devices_text(warren_find(act, "devices"), devices);
    print_table_add(table, devices);
    print_table_add(table, how ? how : "");
    print_table_add(table, note);
}

int cmd_circle_log(cli *c, const cli_args *args) {
    static const char *const headings[] = {"TIME", "BY", "DID", "DEVICES", "AS", ""};
    uint64_t limit;
    if (!cli_number(c, args, "--limit", 100, &limit))
        return CLI_USAGE;
    warren_value *params = warren_map();
    warren_put(params, "limit", warren_uint(limit));
    return show_rows(c, "circle.log", params, "ops", headings, CLI_COUNT(headings), add_act,
                     "Nothing was done yet.");
}

/* ---- alerts ------------------------------------------------------------------------------ */

static void add_alert(print_table *table, const warren_value *alert) {
    static const meaning meanings[] = {
        {"retaliation_held", "was removed, and removes others: held; accept: it takes effect"},
        {"accusation_overridden", "its removal was cancelled; accept: remove it again"},
        {"equivocation", "signed two histories; reject: seen"},
        {"rollback", "this home was set back; reject: seen"},
        {"received_while_lost", "entries that came while it was lost; accept: show them"},
        {"quarantine", "entries from after it was compromised; accept: show them"},
        {"tail_damaged", "entries that wait to be signed are damaged on the disk; reject: seen"},
        {"key_missing", "a key is missing that entries are sealed under; reject: seen"}};
    char id[16], count[PRINT_COUNT_SIZE], device[PRINT_DEVICES_SIZE];
    const char *own = text(alert, "id");
    uint64_t entries = warren_get_uint(warren_find(alert, "entries"), 0);
    snprintf(id, sizeof id, "%.8s", own ? own : "-");
    print_count(entries, count);
    print_devices_text(warren_find(alert, "device"), device);
    print_table_add(table, id);
    add_time(table, alert);
    print_table_add(table, device);
    print_table_add(table, entries ? count : "-");
    const char *more = text(alert, "text");
    print_table_add(table,
                    more ? more : meaning_of(meanings, CLI_COUNT(meanings), text(alert, "type")));
}

static int resolve(cli *c, const char *alert, bool accept) {
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "alert", warren_str(alert));
    warren_put(params, "accept", warren_bool(accept));
    int code = cli_connect(c);
    if (code != CLI_DONE) {
        warren_value_free(params);
        return code;
    }
    code = cli_call(c, "circle.resolve", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        cli_say(c, accept ? "Accepted." : "It is not shown again.");
    warren_value_free(result);
    return code;
}

int cmd_alerts(cli *c, const cli_args *args) {
    static const char *const headings[] = {"ALERT", "TIME", "DEVICE", "ENTRIES", "WHAT"};
    const char *verb = cli_operand(args, 0), *alert = cli_operand(args, 1);
    if (!verb)
        return show_rows(c, "circle.alerts", NULL, "alerts", headings, CLI_COUNT(headings),
                         add_alert, "Nothing needs you.");
    bool accept = strcmp(verb, "accept") == 0;
    if (!accept && strcmp(verb, "reject") != 0)
        return cli_fail(c, WARREN_E_INVALID, "'alerts' takes accept or reject, not '%s'", verb);
    if (!alert)
        return cli_fail(c, WARREN_E_INVALID, "%s which ALERT? 'warren alerts' lists them", verb);
    return resolve(c, alert, accept);
}
