/* warren up and warren down.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/start.h"

#define DOWN_SECONDS 15u

static int say_up(const cli *c, bool started) {
    if (c->json)
        printf("{\"running\":true,\"started\":%s}\n", started ? "true" : "false");
    else if (!c->quiet)
        printf("%s (%s)\n", started ? "The agent is up" : "The agent was up already", c->home_path);
    return CLI_DONE;
}

int cmd_up(cli *c, const cli_args *args) {
    const char *passphrase_file = cli_option_text(args, "--passphrase-file");
    warren_error error = WARREN_OK;
    if (cli_try_connect(c, &error))
        return say_up(c, false);
    if (error != WARREN_E_NOT_RUNNING)
        return cli_connect(c);
    if (cli_switch(args, "--foreground"))
        return start_foreground(c, passphrase_file);
    int code = start_agent(c, passphrase_file);
    if (code == CLI_DONE)
        code = cli_connect(c);
    return code == CLI_DONE ? say_up(c, true) : code;
}

static int say_down(const cli *c, bool stopped) {
    if (c->json)
        printf("{\"running\":false,\"stopped\":%s}\n", stopped ? "true" : "false");
    else if (!c->quiet)
        printf("%s\n", stopped ? "The agent is down" : "No agent was running");
    return CLI_DONE;
}

static void wake_up(int signal_number) {
    (void)signal_number;
}

/* The agent holds the lock until its very end, so having it means that the agent has gone and the
 * next 'up' will not find it busy. */
static bool await_end(const cli *c) {
    char path[CLI_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/agent.lock", c->home_path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    struct sigaction action = {.sa_handler = wake_up};
    sigaction(SIGALRM, &action, NULL);
    alarm(DOWN_SECONDS);
    bool gone = flock(fd, LOCK_EX) == 0;
    alarm(0);
    close(fd);
    return gone;
}

int cmd_down(cli *c, const cli_args *args) {
    (void)args;
    warren_error error = WARREN_OK;
    if (!cli_try_connect(c, &error))
        return error == WARREN_E_NOT_RUNNING ? say_down(c, false) : cli_connect(c);
    warren_value *result = NULL;
    int code = cli_call(c, "agent.stop", NULL, &result);
    warren_value_free(result);
    if (code != CLI_DONE)
        return code;
    if (!await_end(c))
        return cli_fail(c, WARREN_E_TIMEOUT, "the agent has not ended after %u seconds",
                        DOWN_SECONDS);
    return say_down(c, true);
}
