/* warren verify: the safety number that two people compare.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"

#define GROUPS_OF_A_LINE 6u

static void show_groups(const char *text) {
    for (size_t i = 0; text && *text; i++) {
        size_t len = strcspn(text, " ");
        printf("%s%.*s", i % GROUPS_OF_A_LINE ? " " : i ? "\n  " : "  ", (int)len, text);
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

static void show_number(const warren_value *result) {
    bool verified = warren_get_bool(warren_find(result, "verified"), false);
    fputs(print_style_text(PRINT_BOLD), stdout);
    print_device(stdout, warren_find(result, "device"));
    printf("%s%s\n", print_style_text(PRINT_PLAIN), verified ? ": verified" : ": not verified");
    show_groups(warren_get_str(warren_find(result, "digits"), NULL));
    show_groups(warren_get_str(warren_find(result, "words"), NULL));
}

/* mark NULL: as it is. */
static int verify(cli *c, const char *device, const bool *mark) {
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "device", warren_str(device));
    if (mark)
        warren_put(params, "mark", warren_bool(*mark));
    int code = cli_call(c, "circle.verify", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        show_number(result);
    warren_value_free(result);
    return code;
}

static int verify_siblings(cli *c) {
    warren_value *result = NULL;
    int code = cli_call(c, "circle.devices", NULL, &result);
    const warren_value *devices = warren_find(result, "devices");
    size_t shown = 0;
    for (size_t i = 0; i < warren_count(devices) && code == CLI_DONE; i++) {
        const warren_value *device = warren_at(devices, i);
        if (warren_get_bool(warren_find(device, "this"), false) ||
            warren_get_bool(warren_find(device, "removed"), false))
            continue;
        code = verify(c, warren_get_str(warren_find(device, "id"), NULL), NULL);
        shown++;
    }
    warren_value_free(result);
    if (code == CLI_DONE)
        cli_say(c, shown ? "Equal on the other device's screen? Then 'warren verify DEVICE --mark'."
                         : "There is no other device to compare with: 'warren pair' adds one.");
    return code;
}

int cmd_verify(cli *c, const cli_args *args) {
    const char *device = cli_operand(args, 0);
    bool mark = cli_switch(args, "--mark"), unmark = cli_switch(args, "--unmark");
    if (mark && unmark)
        return cli_fail(c, WARREN_E_INVALID, "--mark and --unmark exclude each other");
    if (!device && (mark || unmark))
        return cli_fail(c, WARREN_E_INVALID, "name the DEVICE that was compared");
    int code = cli_connect(c);
    if (code != CLI_DONE)
        return code;
    return device ? verify(c, device, mark || unmark ? &mark : NULL) : verify_siblings(c);
}
