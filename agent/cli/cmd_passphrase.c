/* warren passphrase set and warren passphrase clear.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/terminal.h"

#define PASSPHRASE_MAX 1024u

static int from_file(const cli *c, const char *path, char out[PASSPHRASE_MAX + 2]) {
    return terminal_read_file(path, out, PASSPHRASE_MAX + 2)
               ? CLI_DONE
               : cli_fail(c, WARREN_E_IO, "%s: %s", path, strerror(errno));
}

static int from_terminal(const cli *c, char out[PASSPHRASE_MAX + 2]) {
    char again[PASSPHRASE_MAX + 2];
    if (!terminal_present())
        return cli_fail(c, WARREN_E_INVALID, "no terminal to ask on: give --passphrase-file F");
    bool fine = terminal_read_line("New passphrase: ", true, out, PASSPHRASE_MAX + 2) &&
                terminal_read_line("Once more: ", true, again, sizeof again);
    bool same = fine && strcmp(out, again) == 0;
    terminal_wipe(again, sizeof again);
    return same ? CLI_DONE
                : cli_fail(c, WARREN_E_INVALID,
                           fine ? "the two are not the same" : "no passphrase was given");
}

static int send_passphrase(cli *c, const char *passphrase) {
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "passphrase", warren_str(passphrase));
    int code = cli_call(c, "passphrase.set", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        cli_say(c, passphrase[0] ? "device.key is sealed: 'warren up' will ask for the passphrase."
                                 : "device.key is no longer sealed.");
    warren_value_free(result);
    return code;
}

int cmd_passphrase_set(cli *c, const cli_args *args) {
    char passphrase[PASSPHRASE_MAX + 2] = "";
    const char *file = cli_option_text(args, "--passphrase-file");
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = file ? from_file(c, file, passphrase) : from_terminal(c, passphrase);
    if (code == CLI_DONE && passphrase[0] == '\0')
        code = cli_fail(c, WARREN_E_INVALID,
                        "an empty passphrase seals nothing: 'passphrase "
                        "clear' removes the one there is");
    if (code == CLI_DONE)
        code = send_passphrase(c, passphrase);
    terminal_wipe(passphrase, sizeof passphrase);
    return code;
}

int cmd_passphrase_clear(cli *c, const cli_args *args) {
    int code = cli_connect(c);
    if (code != CLI_DONE)
        return code;
    if (!cli_switch(args, "--yes") && terminal_present() &&
        !terminal_confirm("Keep this device's keys without a passphrase?"))
        return cli_fail(c, WARREN_E_CONFLICT, "nothing was changed");
    return send_passphrase(c, "");
}
