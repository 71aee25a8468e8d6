/* warrend: arguments, the process's surroundings, one agent.
 *
 * Layer:  agent
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "store/keystore.h"
#include "warren/client.h"

#define PASSPHRASE_MAX 1024u

typedef struct arguments {
    const char *home;
    const char *passphrase_file;
    bool foreground, is_sealed;
    int report_fd; /* -1: none */
} arguments;

/* A secret of the process's start. */
typedef struct passphrase {
    uint8_t b[PASSPHRASE_MAX + 2];
    size_t len;
} passphrase;

static void passphrase_wipe(passphrase *p) {
    wr_wipe(p, sizeof *p);
}

/* ---- saying how it went ---- */

/* One line to whoever started us and waits: "ready", "busy TEXT" or "CODE
 * TEXT". */
static void report_line(const arguments *args, const char *first, const char *text) {
    char line[AGENT_PROBLEM_MAX + 16];
    if (args->report_fd < 0)
        return;
    int len = snprintf(line, sizeof line, "%s%s%s\n", first, text[0] ? " " : "", text);
    if (write(args->report_fd, line, (size_t)len) != len)
        fprintf(stderr, "warrend: nobody waits for the start\n");
    close(args->report_fd);
}

static int report(const arguments *args, int code, const char *text) {
    char first[16];
    snprintf(first, sizeof first, "%d", code);
    fprintf(stderr, "warrend: %s\n", text);
    report_line(args, first, text);
    return code;
}

static int exit_code(wr_err err) {
    return err == WR_ERR_REFUSED ? warren_error_exit(WARREN_E_REFUSED) : 1;
}

/* ---- arguments ---- */

static int help(void) {
    puts("warrend: the agent of one device; 'warren up' starts it\n\n"
         "usage: warrend [OPTIONS]\n\n"
         "options:\n"
         "  --home DIR            the device's files (default: $WARREN_HOME, "
         "else\n"
         "                        ~/.local/share/warren)\n"
         "  --foreground          print here instead of to agent.log\n"
         "  --passphrase-file F   read the passphrase of device.key from F (one "
         "line)\n"
         "  --is-sealed           only tell whether device.key is sealed: exit 0 "
         "if it is\n"
         "  --report-fd N         write 'ready', or why not, to this open file\n"
         "  --help, --version\n\n"
         "example:\n"
         "  warrend --home /var/lib/warren --foreground");
    return 0;
}

static int wrong_usage(const char *what, const char *text) {
    fprintf(stderr, "warrend: %s '%s': see 'warrend --help'\n", what, text);
    return 2;
}

static const char *value_of(const char *name, char **argv, int *at) {
    size_t len = strlen(name);
    if (strcmp(argv[*at], name) == 0 && argv[*at + 1])
        return argv[++*at];
    if (strncmp(argv[*at], name, len) == 0 && argv[*at][len] == '=')
        return argv[*at] + len + 1;
    return NULL;
}

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, arguments *args) {
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help();
        if (strcmp(argv[i], "--version") == 0) {
            puts("warrend " WARREN_VERSION);
            return 0;
        }
        if (strcmp(argv[i], "--foreground") == 0)
            args->foreground = true;
        else if (strcmp(argv[i], "--is-sealed") == 0)
            args->is_sealed = true;
        else if ((value = value_of("--home", argv, &i)) != NULL)
            args->home = value;
        else if ((value = value_of("--passphrase-file", argv, &i)) != NULL)
            args->passphrase_file = value;
        else if ((value = value_of("--report-fd", argv, &i)) != NULL)
            args->report_fd = (int)strtol(value, NULL, 10);
        else
            return wrong_usage("no such option, or its value is missing:", argv[i]);
    }
    return -1;
}

/* ---- surroundings ---- */

/* Makes path and what is missing above it, 0700. */
static bool make_folder(const char *path) {
    char part[4096];
    int len = snprintf(part, sizeof part, "%s", path);
    if (len <= 0 || (size_t)len >= sizeof part)
        return false;
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return false;
        *slash = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST;
}

/* The home is this user's alone: what lies in it opens the circle. */
static int check_home(const arguments *args, const char *home) {
    char text[5000];
    struct stat info;
    if (!make_folder(home) || stat(home, &info) < 0) {
        snprintf(text, sizeof text, "%s: %s", home, strerror(errno));
        return report(args, 1, text);
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
        snprintf(text, sizeof text, "%s: must be a directory of this user", home);
        return report(args, 1, text);
    }
    if ((info.st_mode & 0077) != 0 && chmod(home, 0700) < 0) {
        snprintf(text, sizeof text, "%s: others can read it, and that cannot be changed", home);
        return report(args, 1, text);
    }
    return 0;
}

static int read_passphrase(const arguments *args, passphrase *ret_passphrase) {
    char text[5000];
    if (!args->passphrase_file)
        return 0;
    int fd = open(args->passphrase_file, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, ret_passphrase->b, sizeof ret_passphrase->b) : -1;
    int problem = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        snprintf(text, sizeof text, "%s: %s", args->passphrase_file, strerror(problem));
        return report(args, 1, text);
    }
    const uint8_t *end = memchr(ret_passphrase->b, '\n', (size_t)got);
    ret_passphrase->len = end ? (size_t)(end - ret_passphrase->b) : (size_t)got;
    if (ret_passphrase->len > PASSPHRASE_MAX)
        return report(args, 1, "a passphrase has at most 1,024 bytes");
    return 0;
}

/* What a detached agent or a library prints besides diagnostics (an assertion)
 * goes there, too. */
static void detach_output(const char *home) {
    char path[5000];
    snprintf(path, sizeof path, "%s/agent.log", home);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    /* Home and socket are absolute; the directory of the start, and its disk, may go. */
    if (chdir("/") != 0)
        fprintf(stderr, "warrend: cannot leave the current directory: %s\n", strerror(errno));
}

static int tell_sealed(const char *home) {
    bool sealed = false;
    const char *problem = NULL;
    if (!keystore_exists(home) || keystore_is_sealed(home, &sealed, &problem) != WR_OK)
        return 1;
    return sealed ? 0 : 1;
}

/* ---- the agent ---- */

static int run_agent(const arguments *args, const char *home, const char *socket) {
    WR_SECRET(passphrase) secret = {.len = 0};
    char problem[AGENT_PROBLEM_MAX];
    agent *a = NULL;
    int code = read_passphrase(args, &secret);
    if (code != 0)
        return code;
    agent_options options = {home, socket, wr_slice_of(secret.b, secret.len), !args->foreground};
    wr_err err = agent_open(&options, &a, problem);
    passphrase_wipe(&secret);
    if (err == WR_ERR_BUSY) {
        fprintf(stderr, "warrend: %s\n", problem);
        report_line(args, "busy", problem);
        return 1;
    }
    if (err != WR_OK)
        return report(args, exit_code(err), problem);
    if (!args->foreground)
        detach_output(home);
    report_line(args, "ready", "");
    err = agent_run(a);
    agent_close(a);
    return err == WR_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    arguments args = {.report_fd = -1};
    char home[4096], socket[128], text[5000], folder[128];
    int code = parse(argc, argv, &args);
    if (code >= 0)
        return code;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none); /* a core file would hold keys */
    umask(077);
    if (args.report_fd >= 0)
        fcntl(args.report_fd, F_SETFD, FD_CLOEXEC);
    if (!warren_home_path(args.home, home, sizeof home))
        return report(&args, 1, "no home directory: set HOME or WARREN_HOME, or give --home DIR");
    if (args.is_sealed)
        return tell_sealed(home);
    if (!warren_socket_path(args.home, socket, sizeof socket, text, sizeof text))
        return report(&args, 1, text);
    code = check_home(&args, home);
    snprintf(folder, sizeof folder, "%s", socket);
    *strrchr(folder, '/') = '\0';
    if (code == 0 && !make_folder(folder)) {
        snprintf(text, sizeof text, "%s: %s", folder, strerror(errno));
        code = report(&args, 1, text);
    }
    return code != 0 ? code : run_agent(&args, home, socket);
}
