/* warren status: this device, its siblings, and what is still to come.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"

#define REFRESH_MS 2000u

static unsigned long long number(const warren_value *map, const char *key) {
    return (unsigned long long)warren_get_uint(warren_find(map, key), 0);
}

static const char *text(const warren_value *map, const char *key) {
    const char *have = warren_get_str(warren_find(map, key), NULL);
    return have ? have : "-";
}

static void line(const char *name) {
    printf("%s%-10s%s ", print_style_text(PRINT_DIM), name, print_style_text(PRINT_PLAIN));
}

static void show_device(const warren_value *status) {
    const warren_value *device = warren_find(status, "device");
    const warren_value *circle = warren_find(status, "circle");
    if (warren_type_of(circle) != WARREN_MAP) {
        line("circle");
        puts("none yet: 'warren init' makes one, 'warren join' joins one");
        return;
    }
    line("device");
    printf("%s", print_style_text(PRINT_BOLD));
    print_safe_value(stdout, warren_find(device, "name"));
    printf("%s  %.8s\n", print_style_text(PRINT_PLAIN), text(device, "id"));
    line("circle");
    printf("%.8s, %llu device%s, epoch %.8s\n", text(circle, "id"), number(circle, "devices"),
           number(circle, "devices") == 1 ? "" : "s", text(circle, "epoch"));
    if (number(status, "alerts") > 0) {
        line("alerts");
        printf("%llu: 'warren alerts'\n", number(status, "alerts"));
    }
    if (strcmp(text(status, "recovery"), "kept") == 0) {
        line("recovery");
        puts("the words were never shown: 'warren recovery create'");
    }
}

/* Why this device signs nothing for now. */
static void show_hold(const warren_value *status) {
    static const struct {
        const char *hold, *why;
    } reasons[] = {
        {"waiting", "nothing, until a sibling has said that it knows no more of this device"},
        {"behind", "nothing, until what siblings know more of this device has come back"},
        {"lost",
         "nothing: siblings know more of this device, and nobody here has it; 'warren alerts'"},
        {"twin", "nothing: another copy of this device is running; 'warren alerts'"},
        {"out", "nothing: it is no member of the circle any more; 'warren join --again' makes it a "
                "new one"},
    };
    const char *hold = text(status, "hold");
    for (size_t i = 0; i < CLI_COUNT(reasons); i++) {
        if (strcmp(reasons[i].hold, hold) != 0)
            continue;
        line("signs");
        puts(reasons[i].why);
    }
}

static void show_agent(const warren_value *status) {
    char up[PRINT_COUNT_SIZE], count[PRINT_COUNT_SIZE], bytes[PRINT_COUNT_SIZE];
    print_duration(number(status, "uptime_s"), up);
    print_count(number(status, "entries"), count);
    print_bytes(number(status, "bytes"), bytes);
    line("agent");
    printf("up %s, network %s, power %s\n", up, text(status, "mode"), text(status, "power"));
    const warren_value *listen = warren_find(status, "listen");
    for (size_t i = 0; i < warren_count(listen); i++) {
        line(i == 0 ? "listens" : "");
        printf("%s\n", warren_get_str(warren_at(listen, i), NULL));
    }
    line("entries");
    printf("%s, %s on disk", count, bytes);
    if (number(status, "pending") > 0)
        printf(", %llu waiting to be signed", number(status, "pending"));
    putchar('\n');
    show_hold(status);
    line("home");
    puts(text(status, "home"));
}

static void show_siblings(const warren_value *siblings) {
    static const char *const headings[] = {"SIBLING", "STATE", "PATH",     "BEHIND",
                                           "AHEAD",   "RTT",   "LAST SEEN"};
    if (warren_count(siblings) == 0)
        return;
    putchar('\n');
    print_table *table = print_table_new(CLI_COUNT(headings));
    for (size_t i = 0; i < CLI_COUNT(headings); i++)
        print_table_add(table, headings[i]);
    for (size_t i = 0; i < warren_count(siblings); i++) {
        const warren_value *row = warren_at(siblings, i);
        char cell[PRINT_COUNT_SIZE], time[PRINT_TIME_SIZE], rtt[32];
        const char *name = text(row, "name");
        print_table_add(table, name[0] ? name : "(no name yet)");
        print_table_add(table, text(row, "state"));
        print_table_add(table, text(row, "path"));
        print_count(number(row, "behind"), cell);
        print_table_add(table, cell);
        print_count(number(row, "ahead"), cell);
        print_table_add(table, cell);
        snprintf(rtt, sizeof rtt, "%llu ms", number(row, "rtt_ms"));
        print_table_add(table, number(row, "rtt_ms") ? rtt : "-");
        print_time(number(row, "last_seen"), false, time);
        print_table_add(table, time);
    }
    print_table_show(table);
}

static int show(cli *c) {
    warren_value *status = NULL;
    int code = cli_call(c, "agent.status", NULL, &status);
    if (code != CLI_DONE)
        return code;
    if (c->json) {
        print_json(stdout, status);
    } else {
        show_device(status);
        show_agent(status);
        show_siblings(warren_find(status, "siblings"));
    }
    fflush(stdout);
    warren_value_free(status);
    return CLI_DONE;
}

/* Again whenever something happens to a sibling, and every two seconds for the counts. */
static int watch(cli *c) {
    warren_value *result = NULL;
    int code = cli_call(c, "events.subscribe", NULL, &result);
    warren_value_free(result);
    while (code == CLI_DONE) {
        if (!c->json && print_is_terminal())
            fputs("\033[H\033[J", stdout);
        code = show(c);
        if (!c->json && !print_is_terminal())
            putchar('\n');
        const char *method = NULL;
        warren_value *params = NULL;
        warren_error error = warren_client_wait(c->client, REFRESH_MS, &method, &params);
        warren_value_free(params);
        if (error != WARREN_OK && error != WARREN_E_TIMEOUT && error != WARREN_E_TOO_LARGE)
            return cli_fail_call(c, error);
    }
    return code;
}

int cmd_status(cli *c, const cli_args *args) {
    int code = cli_connect(c);
    if (code != CLI_DONE)
        return code;
    return cli_switch(args, "--watch") ? watch(c) : show(c);
}
