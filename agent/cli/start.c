/* Starting the agent.
 *
 * warrend gets one end of a pipe (--report-fd) and writes one line to it: "ready", or why not, as
 * "<exit code> <text>", or "busy <text>" where another agent has the home.  A passphrase goes
 * through a pipe of its own, never through an argument or the environment.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/start.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/terminal.h"

#define PASSPHRASE_MAX 1024u
#define BUSY_TRIES 100
#define BUSY_MS 20

/* warrend beside this program, else what PATH has. */
static void agent_path(char *out, size_t cap) {
    ssize_t len = readlink("/proc/self/exe", out, cap - 1);
    out[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        snprintf(slash, cap - (size_t)(slash - out), "/warrend");
    if (!slash || access(out, X_OK) < 0)
        snprintf(out, cap, "warrend");
}

static void run_agent(const char *const *arguments) {
    char path[CLI_PATH_MAX];
    agent_path(path, sizeof path);
    execvp(path, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static int no_agent(const cli *c) {
    return cli_fail(c, WARREN_E_IO, "cannot run warrend: it is neither beside warren nor in PATH");
}

/* ---- passphrase ------------------------------------------------------------------------- */

/* 0: not sealed, 1: sealed, other: warrend could not tell (it will say why when it starts). */
static int ask_whether_sealed(const cli *c) {
    const char *arguments[] = {"warrend", "--home", c->home_path, "--is-sealed", NULL};
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        run_agent(arguments);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
}

/* Where warrend reads the passphrase from: the file given, or a pipe filled from the terminal
 * (*ret_fd, to be closed after the start).  An empty path: none is needed. */
static int find_passphrase(const cli *c, const char *file, char *path, size_t cap, int *ret_fd) {
    *ret_fd = -1;
    snprintf(path, cap, "%s", file ? file : "");
    if (file || ask_whether_sealed(c) != 1)
        return CLI_DONE;
    if (!terminal_present())
        return cli_fail(c, WARREN_E_UNAVAILABLE,
                        "device.key is sealed: give --passphrase-file F, or run 'warren up' on a "
                        "terminal");
    char passphrase[PASSPHRASE_MAX + 1];
    int fds[2];
    bool fine = terminal_read_line("Passphrase: ", true, passphrase, sizeof passphrase) &&
                pipe2(fds, 0) == 0;
    if (fine) {
        /* A pipe holds 64 KiB: the write cannot block. */
        fine = write(fds[1], passphrase, strlen(passphrase)) == (ssize_t)strlen(passphrase);
        close(fds[1]);
        *ret_fd = fds[0];
        snprintf(path, cap, "/dev/fd/%d", fds[0]);
    }
    terminal_wipe(passphrase, sizeof passphrase);
    return fine ? CLI_DONE : cli_fail(c, WARREN_E_REFUSED, "no passphrase was given");
}

/* ---- detached ----------------------------------------------------------------------------- */

/* Of our open files the agent gets only these two: a lock or a pipe of who ran 'warren up' would
 * otherwise be held as long as it lives.  Where the kernel is too old for it, they stay. */
static void keep_only(int report_fd, int passphrase_fd) {
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    fcntl(report_fd, F_SETFD, 0);
    if (passphrase_fd >= 0)
        fcntl(passphrase_fd, F_SETFD, 0);
}

static void become_agent(const cli *c, const char *passphrase_path, int passphrase_fd,
                         int report_fd) {
    char fd_text[16];
    snprintf(fd_text, sizeof fd_text, "%d", report_fd);
    const char *arguments[10] = {"warrend", "--home", c->home_path, "--report-fd", fd_text, NULL};
    if (passphrase_path[0]) {
        arguments[5] = "--passphrase-file";
        arguments[6] = passphrase_path;
    }
    setsid();
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    keep_only(report_fd, passphrase_fd);
    run_agent(arguments);
}

static warren_error error_of_exit(unsigned long code) {
    switch (code) {
    case 2:
        return WARREN_E_INVALID;
    case 5:
        return WARREN_E_REFUSED;
    case 6:
        return WARREN_E_TIMEOUT;
    case 127:
        return WARREN_E_IO;
    }
    return WARREN_E_UNAVAILABLE;
}

/* Another 'up' was faster: its agent answers soon, or it has failed, too. */
static int await_other(cli *c, const char *text) {
    for (int i = 0; i < BUSY_TRIES; i++) {
        warren_error error = WARREN_OK;
        if (cli_try_connect(c, &error)) {
            warren_client_close(c->client);
            c->client = NULL;
            return CLI_DONE;
        }
        poll(NULL, 0, BUSY_MS);
    }
    return cli_fail(c, WARREN_E_CONFLICT, "%s, but does not answer", text);
}

static int no_report(const cli *c, pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return no_agent(c);
    return cli_fail(c, WARREN_E_INTERNAL, "warrend ended before it was ready (%s %d); see %s/%s",
                    WIFSIGNALED(status) ? "signal" : "exit code",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), c->home_path,
                    "agent.log");
}

/* Reads warrend's line to its end. */
static int await_report(cli *c, int fd, pid_t child) {
    char line[4096];
    size_t len = 0;
    for (ssize_t got = 1; got != 0 && len + 1 < sizeof line;) {
        got = read(fd, line + len, sizeof line - 1 - len);
        if (got < 0 && errno != EINTR)
            break;
        len += got > 0 ? (size_t)got : 0;
    }
    while (len > 0 && line[len - 1] == '\n')
        len--;
    line[len] = '\0';
    if (strcmp(line, "ready") == 0)
        return CLI_DONE;
    if (len == 0)
        return no_report(c, child);
    if (strncmp(line, "busy ", 5) == 0)
        return await_other(c, line + 5);
    char *text = NULL;
    unsigned long code = strtoul(line, &text, 10);
    return cli_fail(c, error_of_exit(code), "the agent did not start: %s", text + (*text == ' '));
}

int start_agent(cli *c, const char *passphrase_file) {
    char passphrase_path[CLI_PATH_MAX];
    int passphrase_fd = -1, report[2];
    int code = find_passphrase(c, passphrase_file, passphrase_path, sizeof passphrase_path,
                               &passphrase_fd);
    if (code != CLI_DONE)
        return code;
    fflush(NULL);
    if (pipe2(report, 0) < 0)
        return cli_fail(c, WARREN_E_IO, "no pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        close(report[0]);
        become_agent(c, passphrase_path, passphrase_fd, report[1]);
    }
    close(report[1]);
    if (passphrase_fd >= 0)
        close(passphrase_fd);
    code = child > 0 ? await_report(c, report[0], child)
                     : cli_fail(c, WARREN_E_IO, "cannot start a process: %s", strerror(errno));
    close(report[0]);
    return code;
}

int start_foreground(cli *c, const char *passphrase_file) {
    char passphrase_path[CLI_PATH_MAX];
    int fd = -1;
    int code = find_passphrase(c, passphrase_file, passphrase_path, sizeof passphrase_path, &fd);
    if (code != CLI_DONE)
        return code;
    const char *arguments[8] = {"warrend", "--home", c->home_path, "--foreground", NULL};
    if (passphrase_path[0]) {
        arguments[4] = "--passphrase-file";
        arguments[5] = passphrase_path;
    }
    fflush(NULL);
    char path[CLI_PATH_MAX];
    agent_path(path, sizeof path);
    execvp(path, (char *const *)(uintptr_t)arguments);
    return no_agent(c);
}
