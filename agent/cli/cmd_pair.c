/* warren pair: a code for one new device, and the question whether to admit who comes.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <poll.h>
#include <qrencode.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/terminal.h"

/* Two modules a character, dark on light as scanners expect, with a quiet zone of two. */
static void show_qr(const char *text) {
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    if (!code)
        return;
    int size = code->width;
    for (int y = -2; y < size + 2; y += 2) {
        fputs("  \033[30;107m", stdout);
        for (int x = -2; x < size + 2; x++) {
            bool column = x >= 0 && x < size;
            bool upper = column && y >= 0 && y < size && (code->data[y * size + x] & 1);
            bool lower =
                column && y + 1 >= 0 && y + 1 < size && (code->data[(y + 1) * size + x] & 1);
            fputs(upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ", stdout);
        }
        fputs("\033[0m\n", stdout);
    }
    QRcode_free(code);
}

static void show_code(const cli *c, const warren_value *result) {
    static const char *const keys[] = {"code", "uri", "expires_s", NULL};
    if (c->json) {
        print_json_keys(stdout, result, keys);
        fflush(stdout);
        return;
    }
    const char *code = warren_get_str(warren_find(result, "code"), NULL);
    const char *uri = warren_get_str(warren_find(result, "uri"), NULL);
    char wait[PRINT_COUNT_SIZE];
    print_duration(warren_get_uint(warren_find(result, "expires_s"), 0), wait);
    printf("Code: %s%s%s\n", print_style_text(PRINT_BOLD), code, print_style_text(PRINT_PLAIN));
    printf("On the new device: warren join %s\n", code);
    if (uri && uri[0] && print_is_terminal()) {
        puts("\nFrom another network, or with a camera:\n");
        show_qr(uri);
    }
    if (uri && uri[0])
        printf("URI: %s\n", uri);
    printf("\nWaiting for %s; Ctrl-C closes the window.\n", wait);
    fflush(stdout);
}

/* ---- who joins ---------------------------------------------------------------------------- */

static void show_request(const cli *c, const warren_value *params) {
    const warren_value *device = warren_find(params, "device");
    if (c->json) {
        warren_value *line = warren_map(), *copy = warren_map();
        const warren_value *name = warren_find(device, "name"), *id = warren_find(device, "id");
        const char *words = warren_get_str(warren_find(params, "words"), NULL);
        warren_put(copy, "id", warren_str(warren_get_str(id, NULL)));
        warren_put(copy, "name", warren_str(warren_get_str(name, NULL)));
        warren_put(copy, "words", words ? warren_str(words) : warren_nil());
        warren_put(line, "request", copy);
        print_json(stdout, line);
        fflush(stdout);
        warren_value_free(line);
        return;
    }
    printf("\n'%s", print_style_text(PRINT_BOLD));
    print_safe_value(stdout, warren_find(device, "name"));
    printf("%s' asks to join.\n", print_style_text(PRINT_PLAIN));
    if (warren_find(params, "words")) {
        fputs("These four words must stand on its screen, too:  ", stdout);
        print_safe_value(stdout, warren_find(params, "words"));
        putchar('\n');
    }
}

/* The person's answer, or that the window closed before it came. */
typedef enum answer { ANSWER_NO, ANSWER_YES, ANSWER_TOO_LATE } answer;

static answer ask(cli *c) {
    if (!c->json) {
        fflush(stdout);
        fputs("Admit it? [y/N] ", stderr);
    }
    struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {warren_client_fd(c->client), POLLIN, 0}};
    while (!warren_client_pending(c->client) && poll(fds, 2, -1) < 0)
        ;
    if (fds[0].revents != 0)
        return terminal_read_yes() ? ANSWER_YES : ANSWER_NO;
    if (!c->json)
        fputc('\n', stderr);
    return ANSWER_TOO_LATE;
}

static int on_request(cli *c, const warren_value *params, bool yes) {
    show_request(c, params);
    answer said = yes ? ANSWER_YES : ask(c);
    if (said == ANSWER_TOO_LATE || yes)
        return CLI_DONE; /* what happened comes as the next notification */
    warren_value *answer_params = warren_map(), *result = NULL;
    warren_put(answer_params, "pairing",
               warren_uint(warren_get_uint(warren_find(params, "pairing"), 0)));
    warren_put(answer_params, "accept", warren_bool(said == ANSWER_YES));
    int code = cli_call(c, "circle.approve", answer_params, &result);
    warren_value_free(result);
    return code;
}

static void show_joined(const cli *c, const warren_value *params) {
    const warren_value *device = warren_find(params, "device");
    if (!c->json) {
        printf("%s'", print_style_text(PRINT_GOOD));
        print_safe_value(stdout, warren_find(device, "name"));
        printf("' is now a device of this circle.%s\n", print_style_text(PRINT_PLAIN));
        return;
    }
    const char *id = warren_get_str(warren_find(device, "id"), NULL);
    size_t len = 0;
    const char *name = warren_get_str(warren_find(device, "name"), &len);
    warren_value *line = warren_map(), *joined = warren_map();
    warren_put(joined, "id", warren_str(id ? id : ""));
    warren_put(joined, "name", warren_str_n(name ? name : "", len));
    warren_put(line, "joined", joined);
    print_json(stdout, line);
    warren_value_free(line);
}

static int failed(const cli *c, const warren_value *params) {
    const char *reason = warren_get_str(warren_find(params, "reason"), NULL);
    bool expired = reason && strstr(reason, "expire");
    return cli_fail(c, expired ? WARREN_E_TIMEOUT : WARREN_E_REFUSED, "nobody was admitted: %s",
                    reason ? reason : "the window closed");
}

/* ---- the window ---- */

static int watch_pairing(cli *c, bool yes) {
    for (;;) {
        const char *method = NULL;
        warren_value *params = NULL;
        warren_error error = warren_client_wait(c->client, 0, &method, &params);
        if (error != WARREN_OK)
            return cli_fail_call(c, error);
        int code = CLI_DONE;
        bool over = true;
        if (strcmp(method, "pairing.request") == 0) {
            code = on_request(c, params, yes);
            over = code != CLI_DONE;
        } else if (strcmp(method, "pairing.done") == 0) {
            show_joined(c, params);
        } else if (strcmp(method, "pairing.failed") == 0) {
            code = failed(c, params);
        } else {
            const char *reason = warren_get_str(warren_find(params, "reason"), NULL);
            if (strcmp(method, "pairing.try") == 0)
                cli_say(c, "Turned away: %s.", reason ? reason : "a device tried a wrong code");
            over = false;
        }
        warren_value_free(params);
        if (over)
            return code;
    }
}

int cmd_pair(cli *c, const cli_args *args) {
    uint64_t timeout_s = 0;
    const char *role = cli_option_text(args, "--role");
    if (!cli_number(c, args, "--timeout", 300, &timeout_s))
        return CLI_USAGE;
    int code = cli_connect(c);
    if (code != CLI_DONE)
        return code;
    bool yes = cli_switch(args, "--yes");
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "role", warren_str(role ? role : "admin"));
    warren_put(params, "timeout_s", warren_uint(timeout_s));
    warren_put(params, "auto", warren_bool(yes));
    code = cli_call(c, "circle.pair", params, &result);
    if (code != CLI_DONE)
        return code;
    show_code(c, result);
    warren_value_free(result);
    return watch_pairing(c, yes);
}
