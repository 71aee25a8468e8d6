/* warren log append: one entry, or one for each line of a file or a pipe.
 *
 * Lines leave in batches, but no line waits for a batch to fill: when the input pauses, what is
 * there goes.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"

#define BATCH_ENTRIES 4096u
#define BATCH_BYTES (2u * 1024u * 1024u)
#define BODY_MAX (60u * 1024u)
#define INPUT_MAX (256u * 1024u) /* holds the longest line that can be appended, and then some */

static int open_input(const cli *c, const char *file, int *ret_fd) {
    *ret_fd = file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    return *ret_fd >= 0 ? CLI_DONE : cli_fail(c, WARREN_E_IO, "%s: %s", file, strerror(errno));
}

static ssize_t read_more(int fd, char *to, size_t cap) {
    ssize_t got;
    do
        got = read(fd, to, cap);
    while (got < 0 && errno == EINTR);
    return got;
}

static int too_large(const cli *c, const char *what) {
    return cli_fail(c, WARREN_E_TOO_LARGE, "%s is over 60 KiB: one entry cannot hold it", what);
}

/* ---- one entry ------------------------------------------------------------------------- */

static int append_one(cli *c, const cli_args *args, const char *body, size_t len) {
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "log", warren_str(cli_operand(args, 0)));
    if (cli_option_text(args, "--kind"))
        warren_put(params, "kind", warren_str(cli_option_text(args, "--kind")));
    warren_put(params, "body", warren_bin(body, len));
    int code = cli_call(c, "log.append", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE && !c->quiet)
        printf("%s\n", warren_get_str(warren_find(result, "id"), NULL));
    warren_value_free(result);
    return code;
}

static int append_input(cli *c, const cli_args *args, int fd) {
    static char body[BODY_MAX + 1];
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len<sizeof body; len += got> 0 ? (size_t)got : 0) {
        got = read_more(fd, body + len, sizeof body - len);
        if (got < 0)
            return cli_fail(c, WARREN_E_IO, "cannot read the input: %s", strerror(errno));
    }
    return len > BODY_MAX ? too_large(c, "the input") : append_one(c, args, body, len);
}

/* ---- one entry for each line -------------------------------------------------------------- */

typedef struct lines {
    cli *c;
    const cli_args *args;
    int fd;
    uint64_t size;       /* of the file, 0: not known */
    uint64_t done, read; /* entries appended, bytes read */
    warren_value *entries;
    size_t entry_bytes;
    bool progress;
} lines;

static void show_progress(const lines *l) {
    char count[PRINT_COUNT_SIZE], bytes[PRINT_COUNT_SIZE];
    if (!l->progress)
        return;
    print_count(l->done, count);
    print_bytes(l->read, bytes);
    if (l->size > 0)
        fprintf(stderr, "\r%3.0f %%  %s entries  %s ", 100.0 * (double)l->read / (double)l->size,
                count, bytes);
    else
        fprintf(stderr, "\r%s entries  %s ", count, bytes);
}

static void print_appended(const warren_value *result) {
    const warren_value *entries = warren_find(result, "entries");
    for (size_t i = 0; i < warren_count(entries); i++) {
        warren_value *row = warren_map();
        const warren_value *from = warren_at(entries, i), *seq = warren_find(from, "seq");
        warren_put(row, "log", warren_str(warren_get_str(warren_find(result, "log"), NULL)));
        warren_put(row, "device", warren_str(warren_get_str(warren_find(result, "device"), NULL)));
        warren_put(row, "seq",
                   warren_type_of(seq) == WARREN_NIL ? warren_nil()
                                                     : warren_uint(warren_get_uint(seq, 0)));
        warren_put(row, "id", warren_str(warren_get_str(warren_find(from, "id"), NULL)));
        warren_put(row, "time", warren_uint(warren_get_uint(warren_find(from, "time"), 0)));
        print_json(stdout, row);
        warren_value_free(row);
    }
}

static int send_batch(lines *l) {
    size_t count = warren_count(l->entries);
    if (count == 0)
        return CLI_DONE;
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "log", warren_str(cli_operand(l->args, 0)));
    warren_put(params, "entries", l->entries);
    l->entries = warren_array();
    l->entry_bytes = 0;
    int code = cli_call(l->c, "log.append_many", params, &result);
    if (code == CLI_DONE) {
        l->done += count;
        if (l->c->json)
            print_appended(result);
        show_progress(l);
    }
    warren_value_free(result);
    return code;
}

static int add_line(lines *l, const char *text, size_t len) {
    const char *kind = cli_option_text(l->args, "--kind");
    if (len > BODY_MAX) {
        char what[64];
        snprintf(what, sizeof what, "line %llu",
                 (unsigned long long)l->done + warren_count(l->entries) + 1ull);
        return too_large(l->c, what);
    }
    warren_value *entry = warren_map();
    if (kind)
        warren_put(entry, "kind", warren_str(kind));
    warren_put(entry, "body", warren_bin(text, len));
    warren_push(l->entries, entry);
    l->entry_bytes += len;
    bool full = warren_count(l->entries) >= BATCH_ENTRIES || l->entry_bytes >= BATCH_BYTES;
    return full ? send_batch(l) : CLI_DONE;
}

/* All whole lines of buffer; *ret_used is how many bytes they took. */
static int add_lines(lines *l, const char *buffer, size_t len, size_t *ret_used) {
    size_t at = 0;
    for (const char *end; (end = memchr(buffer + at, '\n', len - at)) != NULL;) {
        size_t line_len = (size_t)(end - buffer) - at;
        int code = add_line(l, buffer + at, line_len);
        if (code != CLI_DONE)
            return code;
        at += line_len + 1;
    }
    *ret_used = at;
    return CLI_DONE;
}

static bool input_pauses(int fd) {
    struct pollfd input = {fd, POLLIN, 0};
    return poll(&input, 1, 0) == 0;
}

static int pass_lines(lines *l, char *buffer) {
    size_t len = 0;
    for (;;) {
        int code = warren_count(l->entries) > 0 && input_pauses(l->fd) ? send_batch(l) : CLI_DONE;
        if (code != CLI_DONE)
            return code;
        ssize_t got = read_more(l->fd, buffer + len, INPUT_MAX - len);
        if (got < 0)
            return cli_fail(l->c, WARREN_E_IO, "cannot read the input: %s", strerror(errno));
        if (got == 0)
            break;
        len += (size_t)got;
        l->read += (uint64_t)got;
        size_t used = 0;
        code = add_lines(l, buffer, len, &used);
        if (code != CLI_DONE)
            return code;
        memmove(buffer, buffer + used, len - used);
        len -= used;
        if (len > BODY_MAX)
            return add_line(l, buffer, len);
    }
    int code = len > 0 ? add_line(l, buffer, len) : CLI_DONE; /* a last line without its end */
    return code == CLI_DONE ? send_batch(l) : code;
}

static int append_lines(cli *c, const cli_args *args, int fd) {
    struct stat info;
    lines l = {.c = c, .args = args, .fd = fd, .entries = warren_array()};
    l.progress = isatty(STDERR_FILENO) == 1 && !c->quiet && !c->json;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        l.size = (uint64_t)info.st_size;
    char *buffer = malloc(INPUT_MAX);
    int code = buffer ? pass_lines(&l, buffer) : cli_fail(c, WARREN_E_INTERNAL, "out of memory");
    free(buffer);
    if (l.progress)
        fputc('\n', stderr);
    char count[PRINT_COUNT_SIZE];
    print_count(l.done, count);
    if (code == CLI_DONE && !c->json && !c->quiet)
        printf("%s entries appended to %s\n", count, cli_operand(args, 0));
    else if (code != CLI_DONE)
        cli_say(c, "%s entries were appended before that", count);
    warren_value_free(l.entries);
    return code;
}

int cmd_log_append(cli *c, const cli_args *args) {
    const char *text = cli_operand(args, 1), *file = cli_option_text(args, "--file");
    bool by_line = cli_switch(args, "--lines");
    if (text && (file || by_line))
        return cli_fail(c, WARREN_E_INVALID, "either TEXT, or --file and --lines");
    if (text && strlen(text) > BODY_MAX)
        return too_large(c, "the text");
    int fd = -1;
    int code = text ? CLI_DONE : open_input(c, file, &fd);
    if (code == CLI_DONE)
        code = cli_connect(c);
    if (code == CLI_DONE && fd >= 0 && isatty(fd) == 1)
        cli_say(c, "Type the text; Ctrl-D ends it.");
    if (code == CLI_DONE && text)
        code = append_one(c, args, text, strlen(text));
    else if (code == CLI_DONE)
        code = by_line ? append_lines(c, args, fd) : append_input(c, args, fd);
    if (file && fd >= 0)
        close(fd);
    return code;
}
