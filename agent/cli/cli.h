/* What all commands of the command line share: options, the agent, errors, exit codes.
 *
 *   main -> global options -> command table -> cmd_*(cli, args) -> exit code
 *
 * Layer:  cli.  Includes include/warren only: the first user of our own C API.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "warren/client.h"

#define CLI_PATH_MAX 4096u
#define CLI_OPTIONS_MAX 8u
#define CLI_OPERANDS_MAX 4u
#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

typedef struct cli {
    const char *home; /* as given; NULL: the default */
    char home_path[CLI_PATH_MAX];
    char socket_path[128];
    bool json, quiet;
    warren_client *client; /* NULL until cli_connect */
} cli;

/* One option of a command. */
typedef struct cli_option {
    const char *name;  /* "--file"; NULL ends a list */
    const char *value; /* what it takes, for the help; NULL: a switch */
    const char *help;
} cli_option;

/* What stood on the command line after the command's name. */
typedef struct cli_args {
    const struct cli_command *command;
    const char *options[CLI_OPTIONS_MAX]; /* by place in the command's list; NULL: not given */
    const char *operands[CLI_OPERANDS_MAX];
    size_t operand_count;
} cli_args;

typedef struct cli_command {
    const char *name;     /* "log append" */
    const char *operands; /* "LOG [TEXT]" */
    const char *help;     /* one line */
    const char *example;
    int (*run)(cli *c, const cli_args *args);
    size_t operands_min, operands_max;
    cli_option options[CLI_OPTIONS_MAX + 1];
} cli_command;

extern const cli_command cli_commands[];
extern const size_t cli_command_count;
extern const cli_option cli_globals[];

/* The text of an option, NULL where it was not given; a switch gives "". */
const char *cli_option_text(const cli_args *args, const char *name);
bool cli_switch(const cli_args *args, const char *name);
/* Operand number index, or NULL. */
const char *cli_operand(const cli_args *args, size_t index);
/* A whole number of an option; false after saying what is wrong. */
bool cli_number(cli *c, const cli_args *args, const char *name, uint64_t fallback,
                uint64_t *ret_number);

/* ---- the agent ------------------------------------------------------------------------ */

/* Connects to the running agent.  Not 0: the exit code; it has been said why. */
int cli_connect(cli *c);
/* Connects, starting the agent (and saying so) where none runs. */
int cli_connect_or_start(cli *c);
/* True: c->client talks to an agent. */
bool cli_try_connect(cli *c, warren_error *ret_error);
/* One call; on failure says why and gives the exit code.  params as in warren_client_call.
 * *ret_result is the caller's. */
int cli_call(cli *c, const char *method, warren_value *params, warren_value **ret_result);

/* ---- errors: each says what is wrong and gives the exit code ----------------------------- */

int cli_fail(const cli *c, warren_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The last call of c->client failed with error. */
int cli_fail_call(const cli *c, warren_error error);
/* A hint for people on stderr; silent with --quiet and --json. */
void cli_say(const cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- commands: one file each ----------------------------------------------------------------- */

int cmd_init(cli *c, const cli_args *args);
int cmd_up(cli *c, const cli_args *args);
int cmd_down(cli *c, const cli_args *args);
int cmd_pair(cli *c, const cli_args *args);
int cmd_join(cli *c, const cli_args *args);
int cmd_devices(cli *c, const cli_args *args);
int cmd_device_rename(cli *c, const cli_args *args);
int cmd_device_remove(cli *c, const cli_args *args);
int cmd_device_role(cli *c, const cli_args *args);
int cmd_leave(cli *c, const cli_args *args);
int cmd_verify(cli *c, const cli_args *args);
int cmd_circle_log(cli *c, const cli_args *args);
int cmd_circle_reset(cli *c, const cli_args *args);
int cmd_alerts(cli *c, const cli_args *args);
int cmd_status(cli *c, const cli_args *args);
int cmd_log_append(cli *c, const cli_args *args);
int cmd_log_read(cli *c, const cli_args *args);
int cmd_log_export(cli *c, const cli_args *args);
int cmd_log_list(cli *c, const cli_args *args);
int cmd_config_get(cli *c, const cli_args *args);
int cmd_config_set(cli *c, const cli_args *args);
int cmd_recovery_create(cli *c, const cli_args *args);
int cmd_recovery_check(cli *c, const cli_args *args);
int cmd_passphrase_set(cli *c, const cli_args *args);
int cmd_passphrase_clear(cli *c, const cli_args *args);
int cmd_completion(cli *c, const cli_args *args);

#endif /* CLI_CLI_H */
