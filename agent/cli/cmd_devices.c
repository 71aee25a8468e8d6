/* warren devices and warren device rename.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"

/* Of a removed device why it is out. */
static const char *state_text(const warren_value *device, char out[48]) {
    const char *reason = warren_get_str(warren_find(device, "reason"), NULL);
    if (warren_get_bool(warren_find(device, "removed"), false)) {
        snprintf(out, 48, "removed%s%.32s", reason ? ": " : "", reason ? reason : "");
        return out;
    }
    if (warren_get_bool(warren_find(device, "this"), false))
        return "this device";
    return warren_get_bool(warren_find(device, "barred"), false)
               ? "barred: pair it anew"
               : warren_get_str(warren_find(device, "state"), NULL);
}

static void add_row(print_table *table, const warren_value *device) {
    char time[PRINT_TIME_SIZE], count[PRINT_COUNT_SIZE], id[16], name[192], state[48];
    bool this_device = warren_get_bool(warren_find(device, "this"), false);
    const char *own = warren_get_str(warren_find(device, "name"), NULL);
    snprintf(name, sizeof name, "%s%s", own && own[0] ? own : "(no name yet)",
             this_device ? " *" : "");
    snprintf(id, sizeof id, "%.8s", warren_get_str(warren_find(device, "id"), NULL));
    print_table_add(table, name);
    print_table_add(table, id);
    print_table_add(table, warren_get_str(warren_find(device, "role"), NULL));
    print_table_add(table, state_text(device, state));
    print_table_add(table, this_device ? "-" : warren_get_str(warren_find(device, "path"), NULL));
    print_count(warren_get_uint(warren_find(device, "behind"), 0), count);
    print_table_add(table, this_device ? "-" : count);
    print_time(warren_get_uint(warren_find(device, "last_seen"), 0), false, time);
    print_table_add(table, time);
    print_time(warren_get_uint(warren_find(device, "added"), 0), false, time);
    print_table_add(table, time);
}

int cmd_devices(cli *c, const cli_args *args) {
    static const char *const headings[] = {"NAME", "ID",     "ROLE",      "STATE",
                                           "PATH", "BEHIND", "LAST SEEN", "ADDED"};
    (void)args;
    warren_value *result = NULL;
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = cli_call(c, "circle.devices", NULL, &result);
    if (code != CLI_DONE)
        return code;
    const warren_value *devices = warren_find(result, "devices");
    print_table *table = c->json ? NULL : print_table_new(CLI_COUNT(headings));
    for (size_t i = 0; i < CLI_COUNT(headings); i++)
        print_table_add(table, headings[i]);
    for (size_t i = 0; i < warren_count(devices); i++) {
        if (c->json)
            print_json(stdout, warren_at(devices, i));
        else
            add_row(table, warren_at(devices, i));
    }
    print_table_show(table);
    warren_value_free(result);
    return CLI_DONE;
}

int cmd_device_rename(cli *c, const cli_args *args) {
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "device", warren_str(cli_operand(args, 0)));
    warren_put(params, "name", warren_str(cli_operand(args, 1)));
    int code = cli_connect(c);
    if (code != CLI_DONE) {
        warren_value_free(params);
        return code;
    }
    code = cli_call(c, "circle.rename", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        cli_say(c, "This device is now called '%s'.", cli_operand(args, 1));
    warren_value_free(result);
    return code;
}
