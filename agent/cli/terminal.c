/* Questions to the person.
 *
 * stdin is read byte by byte without a buffer: what a person types must not stay in one, and what
 * follows belongs to the next reader.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool terminal_present(void) {
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

static bool read_line(char *out, size_t cap) {
    size_t len = 0;
    bool any = false, fits = true;
    for (;;) {
        char byte = 0;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || byte == '\n')
            break;
        any = true;
        if (len + 1 < cap)
            out[len++] = byte;
        else
            fits = false;
    }
    out[len] = '\0';
    return any && fits;
}

bool terminal_read_yes(void) {
    char line[16];
    if (!read_line(line, sizeof line))
        return false;
    return strcmp(line, "y") == 0 || strcmp(line, "Y") == 0 || strcmp(line, "yes") == 0 ||
           strcmp(line, "Yes") == 0;
}

bool terminal_confirm(const char *question) {
    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    return terminal_read_yes();
}

/* The terminal as it was, for a signal that comes while echo is off. */
static struct termios saved;
static volatile sig_atomic_t echo_is_off;

static void restore_and_die(int signal_number) {
    if (echo_is_off)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static bool echo_off(void) {
    if (tcgetattr(STDIN_FILENO, &saved) < 0)
        return false;
    struct termios quiet = saved;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    signal(SIGINT, restore_and_die);
    signal(SIGTERM, restore_and_die);
    echo_is_off = 1;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
}

bool terminal_read_line(const char *prompt, bool hide, char *out, size_t cap) {
    bool is_terminal = isatty(STDIN_FILENO) == 1;
    fflush(stdout);
    bool hidden = hide && is_terminal && echo_off(); /* before the prompt: some type at once */
    if (is_terminal)
        fprintf(stderr, "%s", prompt);
    bool fine = read_line(out, cap);
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
        echo_is_off = 0;
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        fputc('\n', stderr);
    }
    return fine;
}

bool terminal_read_file(const char *path, char *out, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, out, cap - 1) : -1;
    int problem = errno;
    if (fd >= 0)
        close(fd);
    errno = problem;
    if (len < 0)
        return false;
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

void terminal_wipe(void *secret, size_t len) {
    explicit_bzero(secret, len);
}
