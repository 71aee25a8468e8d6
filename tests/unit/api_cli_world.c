/* The command line's test world.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_cli_world.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/harness.h"

const typed no_script[] = {{NULL, NULL}};

#define ARGS_MAX 16u
#define DEADLINE_S 30

typedef struct child {
    pid_t pid;
    int in, out, err; /* our ends; -1: closed.  On a terminal in and err are one. */
} child;

static void become(const char *const *args, const world *w, int in, int out, int err) {
    const char *program = getenv("WARREN_PROGRAM");
    const char *argv[ARGS_MAX + 4] = {"warren", "--home", w->home};
    for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
        argv[3 + i] = args[i];
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    setenv("TZ", "EET-2", 1); /* two hours east */
    execv(program ? program : "warren", (char *const *)(uintptr_t)argv);
    _exit(127);
}

static child start(const world *w, bool terminal, const char *const *args) {
    int in[2] = {-1, -1}, out[2], err[2] = {-1, -1};
    T_EQ(pipe2(out, O_CLOEXEC), 0);
    if (terminal) {
        T_EQ(openpty(&in[1], &in[0], NULL, NULL, NULL), 0);
        err[0] = in[1];
        err[1] = in[0];
    } else {
        T_EQ(pipe2(in, O_CLOEXEC), 0);
        T_EQ(pipe2(err, O_CLOEXEC), 0);
    }
    fflush(NULL);
    child c = {fork(), in[1], out[0], err[0]};
    T_TRUE(c.pid >= 0);
    if (c.pid == 0)
        become(args, w, in[0], out[1], err[1]);
    close(in[0]);
    close(out[1]);
    if (!terminal)
        close(err[1]);
    return c;
}

/* Appends what there is; false at the end of the stream. */
static bool drain(int fd, char *text, size_t cap) {
    struct pollfd ready = {fd, POLLIN, 0};
    size_t used = strlen(text);
    if (poll(&ready, 1, 0) <= 0)
        return true;
    T_TRUE(used + 1 < cap);
    ssize_t got = read(fd, text + used, cap - used - 1);
    text[used + (size_t)(got > 0 ? got : 0)] = '\0';
    return got > 0;
}

/* Types what is due; true when all of the script was typed. */
static bool type(const child *c, const typed **script, const char *err, size_t *from) {
    const char *at = (*script)->expect ? strstr(err + *from, (*script)->expect) : NULL;
    if (!at)
        return !(*script)->expect;
    *from = (size_t)(at - err) + strlen((*script)->expect);
    ssize_t len = (ssize_t)strlen((*script)->answer);
    T_EQ(write(c->in, (*script)->answer, (size_t)len), len);
    ++*script;
    return !(*script)->expect;
}

ran cli_run(world *w, bool terminal, const typed *script, const char *const *args) {
    ran r = {.code = -1};
    child c = start(w, terminal, args);
    size_t from = 0;
    int status = 0;
    bool out = true, err = true, ended = false;
    time_t deadline = time(NULL) + DEADLINE_S;
    while (out || err || !ended) {
        out = out && drain(c.out, r.out, sizeof r.out);
        err = err && drain(c.err, r.err, sizeof r.err);
        if (type(&c, &script, r.err, &from) && !terminal && c.in >= 0) {
            close(c.in);
            c.in = -1;
        }
        ended = ended || waitpid(c.pid, &status, WNOHANG) == c.pid;
        world_turn(w);
        poll(NULL, 0, 1);
        T_TRUE(time(NULL) < deadline);
    }
    close(c.out);
    close(c.err);
    if (c.in >= 0 && !terminal)
        close(c.in);
    r.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return r;
}

void expect_has(const char *text, const char *part) {
    if (!strstr(text, part))
        T_STR(text, part);
}

void expect_not(const char *text, const char *part) {
    if (strstr(text, part))
        T_STR(text, "(nothing of it)");
}
