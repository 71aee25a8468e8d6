/* warren init: a new circle, and its recovery words on the screen once.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/words.h"

static bool confirm(const cli_args *args) {
    if (cli_switch(args, "--yes") || !terminal_present())
        return true;
    if (cli_switch(args, "--no-recovery"))
        fputs("Without recovery words nobody can bring back this circle once its last device is "
              "lost,\nand no device can be removed against its will after a theft.\n",
              stderr);
    return terminal_confirm("Make a new circle with this device as its first member?");
}

static void show_circle(const warren_value *result) {
    const warren_value *device = warren_find(result, "device");
    const warren_value *circle = warren_find(result, "circle");
    printf("New circle %.8s; this device is '", warren_get_str(warren_find(circle, "id"), NULL));
    print_safe_value(stdout, warren_find(device, "name"));
    puts("', its first member.");
}

static void say_next(const cli *c, const cli_args *args, bool shown) {
    if (cli_switch(args, "--no-recovery"))
        cli_say(c,
                "No recovery words: if all devices of this circle are lost, so is all it holds.");
    else if (!shown)
        cli_say(c, "The 24 recovery words stay sealed in device.key until 'warren recovery create' "
                   "shows them.");
    cli_say(c, "Next: 'warren pair' here, and 'warren join' on your other device.");
}

int cmd_init(cli *c, const cli_args *args) {
    if (!confirm(args))
        return cli_fail(c, WARREN_E_CONFLICT, "nothing was made");
    int code = cli_connect_or_start(c);
    if (code != CLI_DONE)
        return code;
    bool none = cli_switch(args, "--no-recovery");
    bool show = !none && (print_is_terminal() || cli_switch(args, "--print-recovery"));
    warren_value *params = warren_map(), *result = NULL, *words = NULL;
    if (cli_option_text(args, "--name"))
        warren_put(params, "name", warren_str(cli_option_text(args, "--name")));
    warren_put(params, "recovery", warren_str(none ? "none" : "keep"));
    code = cli_call(c, "circle.init", params, &result);
    if (code != CLI_DONE)
        return code;
    if (show)
        code = cli_call(c, "recovery.create", NULL, &words);
    const char *text = warren_get_str(warren_find(words, "recovery"), NULL);
    if (c->json) {
        if (text)
            warren_put(result, "recovery", warren_str(text));
        print_json(stdout, result);
    } else {
        show_circle(result);
        if (text)
            words_show(text);
        say_next(c, args, text != NULL);
    }
    warren_value_free(result);
    warren_value_free(words);
    return code;
}
