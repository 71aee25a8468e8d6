/* warren config get and warren config set.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"

static void show_all(const warren_value *settings) {
    print_table *table = print_table_new(2);
    print_table_add(table, "SETTING");
    print_table_add(table, "VALUE");
    for (size_t i = 0; i < warren_count(settings); i++) {
        print_table_add(table, warren_get_str(warren_key_at(settings, i), NULL));
        print_table_add(table, warren_get_str(warren_value_at(settings, i), NULL));
    }
    print_table_show(table);
}

int cmd_config_get(cli *c, const cli_args *args) {
    int code = cli_connect(c);
    if (code != CLI_DONE)
        return code;
    warren_value *params = warren_map(), *result = NULL;
    if (cli_operand(args, 0))
        warren_put(params, "key", warren_str(cli_operand(args, 0)));
    code = cli_call(c, "config.get", params, &result);
    if (code != CLI_DONE)
        return code;
    const char *value = warren_get_str(warren_find(result, "value"), NULL);
    if (c->json)
        print_json(stdout, value ? result : warren_find(result, "config"));
    else if (value)
        puts(value);
    else
        show_all(warren_find(result, "config"));
    warren_value_free(result);
    return CLI_DONE;
}

int cmd_config_set(cli *c, const cli_args *args) {
    int code = cli_connect(c);
    if (code != CLI_DONE)
        return code;
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "key", warren_str(cli_operand(args, 0)));
    warren_put(params, "value", warren_str(cli_operand(args, 1)));
    code = cli_call(c, "config.set", params, &result);
    if (code != CLI_DONE)
        return code;
    if (c->json)
        print_json(stdout, result);
    else if (!warren_get_bool(warren_find(result, "live"), false))
        cli_say(c, "Written; it applies from the next start: 'warren down', then 'warren up'.");
    warren_value_free(result);
    return CLI_DONE;
}
