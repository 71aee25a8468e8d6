/* warren recovery create and warren recovery check.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/words.h"

int cmd_recovery_create(cli *c, const cli_args *args) {
    /* Asked first: once given out, the words are gone from the device. */
    if (!print_is_terminal() && !cli_switch(args, "--print-recovery"))
        return cli_fail(c, WARREN_E_INVALID,
                        "the words are shown once: run this on a terminal, or give "
                        "--print-recovery");
    warren_value *result = NULL;
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = cli_call(c, "recovery.create", NULL, &result);
    if (code != CLI_DONE)
        return code;
    if (c->json)
        print_json(stdout, result);
    else
        words_show(warren_get_str(warren_find(result, "recovery"), NULL));
    warren_value_free(result);
    return CLI_DONE;
}

int cmd_recovery_check(cli *c, const cli_args *args) {
    (void)args;
    char words[WORDS_TEXT_MAX];
    warren_value *params = warren_map(), *result = NULL;
    int code = cli_connect(c);
    if (code != CLI_DONE) {
        warren_value_free(params);
        return code;
    }
    code = words_read(c, NULL, words);
    if (code == CLI_DONE)
        warren_put(params, "words", warren_str(words));
    terminal_wipe(words, sizeof words);
    if (code != CLI_DONE) {
        warren_value_free(params);
        return code;
    }
    code = cli_call(c, "recovery.check", params, &result);
    if (code != CLI_DONE)
        return code;
    bool yes = warren_get_bool(warren_find(result, "match"), false);
    if (c->json)
        print_json(stdout, result);
    else
        puts(yes ? "yes: these are the words of this circle"
                 : "no: these are not the words of this circle");
    warren_value_free(result);
    return yes ? CLI_DONE : warren_error_exit(WARREN_E_REFUSED);
}
