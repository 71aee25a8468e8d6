/* The command line's main: global options, dispatch, help, errors.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "cli/start.h"

/* ---- errors -------------------------------------------------------------------------- */

static int fail_text(const cli *c, warren_error error, const char *text) {
    fflush(stdout);
    if (c->json)
        print_error_json(warren_error_text(error), text);
    else
        fprintf(stderr, "warren: %s\n", text);
    return warren_error_exit(error);
}

int cli_fail(const cli *c, warren_error error, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fail_text(c, error, text);
}

int cli_fail_call(const cli *c, warren_error error) {
    return fail_text(c, error, warren_client_problem(c->client));
}

void cli_say(const cli *c, const char *format, ...) {
    if (c->quiet || c->json)
        return;
    fflush(stdout);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- the agent -------------------------------------------------------------------------- */

bool cli_try_connect(cli *c, warren_error *ret_error) {
    c->client = warren_client_open(c->socket_path, ret_error);
    return c->client != NULL;
}

static int cannot_reach(const cli *c, warren_error error) {
    if (error == WARREN_E_NOT_RUNNING)
        return cli_fail(c, error, "cannot reach the agent at %s: start it with 'warren up'",
                        c->socket_path);
    return cli_fail(c, error, "cannot reach the agent at %s: %s", c->socket_path,
                    error == WARREN_E_REFUSED ? "the socket belongs to another user"
                                              : "the system refused");
}

int cli_connect(cli *c) {
    warren_error error = WARREN_OK;
    return cli_try_connect(c, &error) ? CLI_DONE : cannot_reach(c, error);
}

int cli_connect_or_start(cli *c) {
    warren_error error = WARREN_OK;
    if (cli_try_connect(c, &error))
        return CLI_DONE;
    if (error != WARREN_E_NOT_RUNNING)
        return cannot_reach(c, error);
    int code = start_agent(c, NULL);
    if (code != CLI_DONE)
        return code;
    cli_say(c, "started the agent for %s", c->home_path);
    return cli_connect(c);
}

int cli_call(cli *c, const char *method, warren_value *params, warren_value **ret_result) {
    warren_error error = warren_client_call(c->client, method, params, 0, ret_result);
    return error == WARREN_OK ? CLI_DONE : cli_fail_call(c, error);
}

/* ---- options ------------------------------------------------------------------------------- */

static size_t option_index(const cli_command *command, const char *name, size_t len) {
    for (size_t i = 0; command->options[i].name; i++)
        if (strlen(command->options[i].name) == len &&
            strncmp(command->options[i].name, name, len) == 0)
            return i;
    return CLI_OPTIONS_MAX;
}

const char *cli_option_text(const cli_args *args, const char *name) {
    size_t index = option_index(args->command, name, strlen(name));
    return index < CLI_OPTIONS_MAX ? args->options[index] : NULL;
}

bool cli_switch(const cli_args *args, const char *name) {
    return cli_option_text(args, name) != NULL;
}

const char *cli_operand(const cli_args *args, size_t index) {
    return index < args->operand_count ? args->operands[index] : NULL;
}

bool cli_number(cli *c, const cli_args *args, const char *name, uint64_t fallback,
                uint64_t *ret_number) {
    const char *text = cli_option_text(args, name);
    char *end = NULL;
    if (!text) {
        *ret_number = fallback;
        return true;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        cli_fail(c, WARREN_E_INVALID, "%s takes a whole number, not '%s'", name, text);
        return false;
    }
    *ret_number = number;
    return true;
}

static int usage(const cli *c, const cli_command *command, const char *what, const char *text) {
    return cli_fail(c, WARREN_E_INVALID, "%s%s%s: see 'warren %s%s--help'", what, text ? " " : "",
                    text ? text : "", command ? command->name : "", command ? " " : "");
}

/* One global option at argv[0]; *ret_used is how many words it took, 0: not one. */
static int take_global(cli *c, int argc, char **argv, int *ret_used) {
    *ret_used = 0;
    if (strcmp(argv[0], "--json") == 0) {
        c->json = true;
        *ret_used = 1;
    } else if (strcmp(argv[0], "--quiet") == 0) {
        c->quiet = true;
        *ret_used = 1;
    } else if (strncmp(argv[0], "--home=", 7) == 0) {
        c->home = argv[0] + 7;
        *ret_used = 1;
    } else if (strcmp(argv[0], "--home") == 0) {
        if (argc < 2)
            return usage(c, NULL, "--home needs a directory", NULL);
        c->home = argv[1];
        *ret_used = 2;
    }
    return CLI_DONE;
}

/* One option of the command at argv[0], "--file F" or "--file=F". */
static int take_option(const cli *c, cli_args *args, int argc, char **argv, int *ret_used) {
    const char *equals = strchr(argv[0], '=');
    size_t len = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    size_t index = option_index(args->command, argv[0], len);
    if (index == CLI_OPTIONS_MAX)
        return usage(c, args->command, "no such option", argv[0]);
    const cli_option *option = &args->command->options[index];
    if (!option->value && equals)
        return usage(c, args->command, "this option takes no value:", option->name);
    if (option->value && !equals && argc < 2)
        return usage(c, args->command, "this option needs a value:", option->name);
    *ret_used = option->value && !equals ? 2 : 1;
    args->options[index] = !option->value ? "" : equals ? equals + 1 : argv[1];
    return CLI_DONE;
}

static int parse(cli *c, cli_args *args, int argc, char **argv) {
    bool only_operands = false;
    for (int i = 0; i < argc;) {
        int used = 1, code = CLI_DONE;
        bool is_option = !only_operands && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (is_option) {
            code = take_global(c, argc - i, argv + i, &used);
            if (code == CLI_DONE && used == 0)
                code = take_option(c, args, argc - i, argv + i, &used);
        } else if (args->operand_count == args->command->operands_max) {
            code = usage(c, args->command, "too many arguments:", argv[i]);
        } else {
            args->operands[args->operand_count++] = argv[i];
        }
        if (code != CLI_DONE)
            return code;
        i += used;
    }
    if (args->operand_count < args->command->operands_min)
        return usage(c, args->command, "expected", args->command->operands);
    return CLI_DONE;
}

/* ---- help ------------------------------------------------------------------------------------ */

static void help_options(const cli_option *options) {
    for (size_t i = 0; options[i].name; i++) {
        char left[48];
        snprintf(left, sizeof left, "%s%s%s", options[i].name, options[i].value ? " " : "",
                 options[i].value ? options[i].value : "");
        printf("  %-24s %s\n", left, options[i].help);
    }
}

static int help_all(void) {
    puts("warren: one person's devices as one circle\n\n"
         "usage: warren [--home DIR] [--json] [--quiet] COMMAND ...\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        char left[48];
        snprintf(left, sizeof left, "%s %s", cli_commands[i].name, cli_commands[i].operands);
        printf("  %-28s %s\n", left, cli_commands[i].help);
    }
    puts("\noptions of all commands:");
    help_options(cli_globals);
    puts("\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 agent not running,\n"
         "            4 no such device or log, 5 refused, 6 timed out\n\n"
         "'warren COMMAND --help' says more, with an example.");
    return CLI_DONE;
}

static int help_command(const cli_command *command) {
    bool options = command->options[0].name != NULL;
    printf("warren %s: %s\n\nusage: warren %s%s%s%s\n", command->name, command->help, command->name,
           options ? " [OPTIONS]" : "", command->operands[0] ? " " : "", command->operands);
    if (options) {
        puts("\noptions:");
        help_options(command->options);
    }
    puts("\noptions of all commands:");
    help_options(cli_globals);
    printf("\nexample:\n  %s\n", command->example);
    return CLI_DONE;
}

/* ---- dispatch ---- */

/* The command at argv[0], or at argv[0] and argv[1] for a group. */
static const cli_command *find_command(int argc, char **argv, int *ret_used) {
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (space && (argc < 2 || strcmp(argv[1], space + 1) != 0))
            continue;
        *ret_used = space ? 2 : 1;
        return &cli_commands[i];
    }
    return NULL;
}

/* "log" alone, or "log frob": what the group knows. */
static int no_command(const cli *c, int argc, char **argv) {
    char known[256] = "";
    size_t len = strlen(argv[0]);
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        size_t used = strlen(known);
        if (strncmp(name, argv[0], len) == 0 && name[len] == ' ')
            snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name + len + 1);
    }
    if (!known[0])
        return usage(c, NULL, "no such command:", argv[0]);
    return cli_fail(c, WARREN_E_INVALID, "'%s' needs one of: %s%s%s", argv[0], known,
                    argc > 1 ? "; not " : "", argc > 1 ? argv[1] : "");
}

static bool wants_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int find_paths(cli *c) {
    char text[CLI_PATH_MAX + 256];
    if (!warren_home_path(c->home, c->home_path, sizeof c->home_path))
        return cli_fail(c, WARREN_E_IO,
                        "no home directory: set HOME or WARREN_HOME, or give --home DIR");
    if (!warren_socket_path(c->home, c->socket_path, sizeof c->socket_path, text, sizeof text))
        return cli_fail(c, WARREN_E_IO, "%s", text);
    return CLI_DONE;
}

static int run(cli *c, int argc, char **argv) {
    int at = 0, used = 0;
    for (; at < argc && argv[at][0] == '-'; at += used) {
        if (strcmp(argv[at], "--version") == 0) {
            puts("warren " WARREN_VERSION);
            return CLI_DONE;
        }
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            return help_all();
        int code = take_global(c, argc - at, argv + at, &used);
        if (code != CLI_DONE)
            return code;
        if (used == 0)
            return usage(c, NULL, "no such option", argv[at]);
    }
    if (at == argc)
        return usage(c, NULL, "what should I do?", NULL);
    if (strcmp(argv[at], "help") == 0 && at + 1 == argc)
        return help_all();
    bool asked = strcmp(argv[at], "help") == 0;
    at += asked ? 1 : 0;
    cli_args args = {.command = find_command(argc - at, argv + at, &used)};
    if (!args.command)
        return no_command(c, argc - at, argv + at);
    if (asked || wants_help(argc - at - used, argv + at + used))
        return help_command(args.command);
    int code = parse(c, &args, argc - at - used, argv + at + used);
    if (code == CLI_DONE)
        code = find_paths(c);
    return code == CLI_DONE ? args.command->run(c, &args) : code;
}

int main(int argc, char **argv) {
    cli c = {0};
    int code = run(&c, argc - 1, argv + 1);
    warren_client_close(c.client);
    /* What could not be written is a failure, also where a command has nothing else to say. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_DONE)
        code = cli_fail(&c, WARREN_E_IO, "cannot write the output");
    return code;
}
