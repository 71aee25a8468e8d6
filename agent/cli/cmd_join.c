/* warren join: this device becomes a member of a circle.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/terminal.h"

#define CODE_MAX 1024u
#define PEER_MAX (NI_MAXHOST + NI_MAXSERV + 4u)

/* ---- the peer's address: names are looked up here, the agent takes literals only --------- */

/* getaddrinfo takes any number and cuts it. */
static bool is_port(const char *text, int len) {
    if (len < 1 || len > 5 || (size_t)len != strspn(text, "0123456789"))
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    return port >= 1 && port <= 65535;
}

/* "host:port" or "[v6]:port" in two. */
static bool split_peer(const char *text, char host[NI_MAXHOST], char port[NI_MAXSERV]) {
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || colon[1] == '\0')
        return false;
    size_t len = (size_t)(colon - text);
    if (text[0] == '[') {
        if (text[len - 1] != ']' || len < 3)
            return false;
        text++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return false; /* a bare v6 address: where does the port begin? */
    }
    int host_len = snprintf(host, NI_MAXHOST, "%.*s", (int)len, text);
    int port_len = snprintf(port, NI_MAXSERV, "%s", colon + 1);
    return host_len > 0 && host_len < NI_MAXHOST && is_port(port, port_len);
}

static int resolve_peer(const cli *c, const char *text, char out[PEER_MAX]) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (!split_peer(text, host, port))
        return cli_fail(c, WARREN_E_INVALID,
                        "--peer takes HOST:PORT, as 192.0.2.7:7117 or [2001:db8::1]:7117");
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int problem = getaddrinfo(host, port, &hints, &found);
    if (problem == EAI_NONAME || problem == EAI_SERVICE)
        return cli_fail(c, WARREN_E_INVALID, "--peer %s: no such host or port", text);
    if (problem != 0)
        return cli_fail(c, WARREN_E_UNAVAILABLE, "--peer %s: %s", text, gai_strerror(problem));
    problem = getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, port, sizeof port,
                          NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = found->ai_family == AF_INET6;
    freeaddrinfo(found);
    if (problem != 0)
        return cli_fail(c, WARREN_E_UNAVAILABLE, "--peer %s: %s", text, gai_strerror(problem));
    snprintf(out, PEER_MAX, "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    return CLI_DONE;
}

/* ---- joining ---- */

static void on_notification(void *ctx, const char *method, const warren_value *params) {
    const cli *c = ctx;
    const char *words = warren_get_str(warren_find(params, "words"), NULL);
    if (strcmp(method, "pairing.request") == 0 && words && c->json) {
        warren_value *line = warren_map();
        warren_put(line, "words", warren_str(words));
        print_json(stdout, line);
        warren_value_free(line);
    } else if (strcmp(method, "pairing.request") == 0 && words)
        cli_say(c, "The code is right. The other device asks there; it must show these words: %s",
                words);
    else if (strcmp(method, "pairing.try") == 0)
        cli_say(c, "That was not it; trying again.");
}

static void show_result(const cli *c, const warren_value *result) {
    if (c->json) {
        print_json(stdout, result);
        return;
    }
    const warren_value *circle = warren_find(result, "circle");
    printf("%sJoined circle %.8s of %llu devices as '", print_style_text(PRINT_GOOD),
           warren_get_str(warren_find(circle, "id"), NULL),
           (unsigned long long)warren_get_uint(warren_find(circle, "devices"), 0));
    print_safe_value(stdout, warren_find(warren_find(result, "device"), "name"));
    printf("'.%s\n", print_style_text(PRINT_PLAIN));
}

static int join(cli *c, const cli_args *args, const char *code_text, const char *peer) {
    int code = cli_connect_or_start(c);
    if (code != CLI_DONE)
        return code;
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "code", warren_str(code_text));
    if (cli_option_text(args, "--name"))
        warren_put(params, "name", warren_str(cli_option_text(args, "--name")));
    if (peer[0])
        warren_put(params, "peer", warren_str(peer));
    if (cli_switch(args, "--again"))
        warren_put(params, "again", warren_bool(true));
    cli_say(c, "Looking for the pairing device%s%s ...", peer[0] ? " at " : "", peer);
    warren_error error =
        warren_client_call_watch(c->client, "circle.join", params, 0, on_notification, c, &result);
    if (error != WARREN_OK)
        return cli_fail_call(c, error);
    show_result(c, result);
    warren_value_free(result);
    return CLI_DONE;
}

int cmd_join(cli *c, const cli_args *args) {
    char code_text[CODE_MAX] = "", peer[PEER_MAX] = "";
    int code = CLI_DONE;
    if (cli_option_text(args, "--peer"))
        code = resolve_peer(c, cli_option_text(args, "--peer"), peer);
    if (code != CLI_DONE)
        return code;
    /* Typed here, a code stays out of the shell's history and the list of processes. */
    if (cli_operand(args, 0))
        snprintf(code_text, sizeof code_text, "%s", cli_operand(args, 0));
    else if (!terminal_read_line("Code: ", false, code_text, sizeof code_text))
        return cli_fail(c, WARREN_E_INVALID, "no code was given");
    code = join(c, args, code_text, peer);
    terminal_wipe(code_text, sizeof code_text);
    return code;
}
