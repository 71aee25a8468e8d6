/* logfmt lines: escaped, cut, written whole, rotated once.
 *
 * Layer:  core
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 1024u

static struct {
    diag_level level;
    const loop *clock;
    int fd; /* -1: stderr */
    uint64_t size;
    char path[PATH_SIZE];
} stream = {.level = DIAG_WARN, .fd = -1};

static const char *const event_names[] = {
#define DIAG_EVENT_NAME(name, text) text,
    DIAG_EVENT_MAP(DIAG_EVENT_NAME)
#undef DIAG_EVENT_NAME
};

static const char *level_name(diag_level level) {
    switch (level) {
    case DIAG_ERROR:
        return "error";
    case DIAG_WARN:
        return "warn";
    case DIAG_INFO:
        return "info";
    case DIAG_DEBUG:
        return "debug";
    }
    WR_UNREACHABLE();
}

/* ---- formatting --------------------------------------------------------------------------- */

/* A line that is full stays as it is: what fits is worth more than nothing. */
static void put(wr_buf *out, wr_slice bytes) {
    if (wr_buf_put(out, bytes) != WR_OK)
        out->cap = out->len;
}

static void put_text(wr_buf *out, const char *text) {
    put(out, wr_slice_str(text));
}

static bool is_plain(uint8_t c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

static void put_escaped(wr_buf *out, uint8_t c) {
    char text[8];
    if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
        (void)snprintf(text, sizeof text, "%c", c);
    else
        (void)snprintf(text, sizeof text, "\\x%02x", c);
    put_text(out, text);
}

static void put_value(wr_buf *out, wr_slice value) {
    bool cut = value.len > DIAG_VALUE_MAX;
    if (cut)
        value.len = DIAG_VALUE_MAX;
    bool quoted = value.len == 0 || cut;
    for (size_t i = 0; i < value.len; i++)
        quoted = quoted || !is_plain(value.ptr[i]);
    if (!quoted) {
        put(out, value);
        return;
    }
    put_text(out, "\"");
    for (size_t i = 0; i < value.len; i++)
        put_escaped(out, value.ptr[i]);
    put_text(out, cut ? "...\"" : "\"");
}

static void put_field(wr_buf *out, const diag_field *field) {
    char number[24];
    put_text(out, " ");
    put_text(out, field->key);
    put_text(out, "=");
    switch (field->kind) {
    case DIAG_FIELD_TEXT:
        put_value(out, wr_slice_str(field->text));
        return;
    case DIAG_FIELD_BYTES:
        put_value(out, field->bytes);
        return;
    case DIAG_FIELD_NUMBER:
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)field->number);
        put_text(out, number);
        return;
    }
    WR_UNREACHABLE();
}

static void put_time(wr_buf *out, wr_wall wall) {
    char text[48];
    struct tm tm;
    time_t seconds = (time_t)(wall.ms / 1000);
    if (wall.ms == 0 || gmtime_r(&seconds, &tm) == NULL)
        return;
    size_t len = strftime(text, sizeof text, "time=%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(text + len, sizeof text - len, ".%03uZ ", (unsigned)(wall.ms % 1000));
    put_text(out, text);
}

void diag_format(wr_wall wall, diag_level level, diag_event event, const diag_field *fields,
                 wr_buf *out) {
    WR_ASSERT((size_t)event < WR_COUNT(event_names));
    put_time(out, wall);
    put_text(out, "level=");
    put_text(out, level_name(level));
    put_text(out, " event=");
    put_text(out, event_names[event]);
    for (; fields->key != NULL; fields++)
        put_field(out, fields);
}

/* ---- writing --------------------------------------------------------------------------------- */

static wr_err open_file(void) {
    struct stat st;
    int fd = open(stream.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return WR_ERR_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || fchmod(fd, 0600) != 0) {
        (void)close(fd);
        return WR_ERR_IO;
    }
    stream.fd = fd;
    stream.size = (uint64_t)st.st_size;
    return WR_OK;
}

wr_err diag_open(const char *path) {
    char before[PATH_SIZE];
    int fd_before = stream.fd;
    memcpy(before, stream.path, sizeof before);
    int len = snprintf(stream.path, sizeof stream.path, "%s", path);
    wr_err err = len < 0 || (size_t)len >= sizeof stream.path ? WR_ERR_IO : open_file();
    if (err != WR_OK)
        memcpy(stream.path, before, sizeof before);
    else if (fd_before >= 0)
        (void)close(fd_before);
    return err;
}

void diag_close(void) {
    if (stream.fd >= 0)
        (void)close(stream.fd);
    stream.fd = -1;
    stream.size = 0;
}

static void rotate(void) {
    char older[PATH_SIZE + 4];
    int full = stream.fd;
    (void)snprintf(older, sizeof older, "%s.1", stream.path);
    /* If it cannot be moved, a file that grows is better than lines that are lost. */
    if (rename(stream.path, older) != 0 || open_file() != WR_OK) {
        stream.size = 0;
        return;
    }
    (void)close(full);
}

void diag_write(diag_level level, diag_event event, const diag_field *fields) {
    uint8_t bytes[DIAG_LINE_MAX];
    if (level > stream.level)
        return;
    wr_buf line = wr_buf_of(bytes, sizeof bytes - 1);
    wr_wall wall = {stream.clock == NULL ? 0 : loop_now(stream.clock).wall.ms};
    diag_format(wall, level, event, fields, &line);
    bytes[line.len++] = '\n';
    if (stream.fd >= 0 && stream.size + line.len > DIAG_FILE_BYTES_MAX)
        rotate();
    int fd = stream.fd < 0 ? STDERR_FILENO : stream.fd;
    /* A line that cannot be printed cannot be complained about either. */
    ssize_t done = write(fd, bytes, line.len);
    if (done > 0)
        stream.size += (uint64_t)done;
}

void diag_set_level(diag_level level) {
    stream.level = level;
}

void diag_set_loop(const loop *l) {
    stream.clock = l;
}
