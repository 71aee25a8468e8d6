/* warren.conf as a file: reading it line by line through inih, changing one key of it.
 *
 * inih cuts longer lines in silence, so no line reaches it that it would cut.
 *
 * Layer:  core
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config_impl.h"
#include "core/file.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- reading ---- */

typedef struct reading {
    wr_slice rest;    /* not yet given to inih */
    const char *name; /* of the file, for problems */
    uint32_t line;
    config *c;
    bool *given; /* by option: seen already */
    wr_err err;  /* the first one */
    char *problem;
} reading;

static wr_err fault(reading *r, wr_err err, const char *what, const char *fault_text) {
    if (r->err != WR_OK)
        return r->err;
    r->err = err;
    char text[512];
    (void)snprintf(text, sizeof text, "%s", fault_text);
    (void)snprintf(r->problem, CONFIG_PROBLEM_MAX, "%.512s:%u: %.256s%s%.512s", r->name, r->line,
                   what, what[0] == '\0' ? "" : " ", text);
    return err;
}

/* The next line, its end included if it has one. */
static wr_slice take_line(wr_slice *rest) {
    const uint8_t *end =
        rest->len == 0 ? NULL : (const uint8_t *)memchr(rest->ptr, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr) + 1;
    wr_slice line = wr_slice_of(rest->ptr, len);
    *rest = wr_slice_of(rest->ptr + len, rest->len - len);
    return line;
}

static wr_slice without_end(wr_slice line) {
    while (line.len != 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    return line;
}

/* "[section]" with anything behind it; an empty slice if the line is none. */
static bool is_section(wr_slice line, wr_slice *ret_section) {
    line = config_trim(line);
    if (line.len == 0 || line.ptr[0] != '[')
        return false;
    size_t end = 1;
    while (end < line.len && line.ptr[end] != ']')
        end++;
    *ret_section = wr_slice_of(line.ptr + 1, end - 1);
    return true;
}

static bool section_exists(wr_slice section) {
    for (size_t i = 0; i < options_count; i++)
        if (wr_equal(section, wr_slice_str(options[i].section)))
            return true;
    return false;
}

/* inih's reader: fgets over our bytes, with the checks that inih lacks. */
static char *next_line(char *out, int size, void *ctx) {
    reading *r = (reading *)ctx;
    wr_slice section;
    if (r->err != WR_OK || r->rest.len == 0)
        return NULL;
    r->line++;
    wr_slice line = without_end(take_line(&r->rest));
    if (line.len > CONFIG_LINE_MAX || line.len + 2 > (size_t)size) {
        (void)fault(r, WR_ERR_LIMIT, "", "the line is longer than 198 bytes");
        return NULL;
    }
    if (line.len != 0 && memchr(line.ptr, '\0', line.len) != NULL) {
        (void)fault(r, WR_ERR_FORMAT, "", "the line has a zero byte");
        return NULL;
    }
    if (is_section(line, &section) && memchr(line.ptr, ']', line.len) == NULL) {
        (void)fault(r, WR_ERR_FORMAT, "", "the bracket of the section is not closed");
        return NULL;
    }
    if (is_section(line, &section) && !section_exists(section)) {
        char text[64];
        (void)snprintf(text, sizeof text, "[%.*s]", section.len > 40 ? 40 : (int)section.len,
                       (const char *)section.ptr);
        (void)fault(r, WR_ERR_FORMAT, text, "is not a section of this file");
        return NULL;
    }
    if (line.len != 0)
        memcpy(out, line.ptr, line.len);
    out[line.len] = '\n';
    out[line.len + 1] = '\0';
    return out;
}

static int take_value(void *ctx, const char *section, const char *key, const char *value) {
    reading *r = (reading *)ctx;
    char what[128], why[CONFIG_PROBLEM_MAX];
    (void)snprintf(what, sizeof what, "%s%s%s", section, section[0] == '\0' ? "" : ".", key);
    const option *o = option_find(wr_slice_str(section), wr_slice_str(key));
    if (o == NULL) {
        (void)fault(r, WR_ERR_FORMAT, what, "is not a key of this file");
        return 0;
    }
    bool *given = &r->given[o - options];
    if (*given && o->kind != OPTION_LIST) {
        (void)fault(r, WR_ERR_FORMAT, what, "is given twice");
        return 0;
    }
    wr_err err = option_set(o, r->c, wr_slice_str(value), *given, why);
    *given = true;
    if (err != WR_OK)
        (void)fault(r, err, what, why);
    return err == WR_OK;
}

static wr_err check_counts(reading *r) {
    char why[CONFIG_PROBLEM_MAX];
    for (size_t i = 0; i < options_count; i++) {
        wr_err err = option_check_count(&options[i], r->c, why);
        if (err != WR_OK)
            return fault(r, err, options[i].full, why);
    }
    return WR_OK;
}

wr_err config_parse(wr_slice content, const char *name, config *ret_config,
                    char problem[CONFIG_PROBLEM_MAX]) {
    bool given[64] = {false};
    WR_ASSERT(options_count <= WR_COUNT(given));
    config c;
    config_init(&c);
    reading r = {.rest = content, .name = name, .c = &c, .given = given, .problem = problem};
    int line = ini_parse_stream(next_line, &r, take_value, &r);
    WR_TRY(r.err);
    if (line != 0) {
        r.line = line > 0 ? (uint32_t)line : 0;
        return fault(&r, WR_ERR_FORMAT, "", "expected [section], key = value, or a ; comment");
    }
    WR_TRY(check_counts(&r));
    *ret_config = c;
    return WR_OK;
}

/* The whole file in memory of the caller's; an absent file is an empty one. */
static wr_err read_whole(const char *path, wr_buf *out, char problem[CONFIG_PROBLEM_MAX]) {
    wr_err err = file_read(path, out, problem);
    if (err == WR_ERR_UNKNOWN)
        return WR_OK;
    if (err == WR_ERR_NOBUF) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%.1024s is larger than 64 KiB", path);
        return WR_ERR_LIMIT;
    }
    return err;
}

wr_err config_load(const char *path, config *ret_config, char problem[CONFIG_PROBLEM_MAX]) {
    uint8_t *bytes = (uint8_t *)malloc(CONFIG_FILE_MAX);
    if (bytes == NULL) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%s", wr_err_text(WR_ERR_NOMEM));
        return WR_ERR_NOMEM;
    }
    wr_buf content = wr_buf_of(bytes, CONFIG_FILE_MAX);
    wr_err err = read_whole(path, &content, problem);
    if (err == WR_OK)
        err = config_parse(wr_buf_slice(&content), path, ret_config, problem);
    free(bytes);
    return err;
}

/* ---- changing ---- */

typedef struct changing {
    const option *o;
    wr_slice value; /* canonical text */
    wr_buf *out;
    bool in_section; /* of the key */
    bool after_any;  /* an indented line now continues the key before it */
    bool after_key;  /* and that key is ours: its continuations go, too */
    bool written;
} changing;

/* The key of a `key = value` line; false for anything else. */
static bool key_of(wr_slice line, wr_slice *ret_key) {
    line = config_trim(line);
    if (line.len == 0 || line.ptr[0] == ';' || line.ptr[0] == '#' || line.ptr[0] == '[')
        return false;
    size_t end = 0;
    while (end < line.len && line.ptr[end] != '=' && line.ptr[end] != ':')
        end++;
    *ret_key = config_trim(wr_slice_of(line.ptr, end));
    return true;
}

/* " ; comment" behind a value. */
static wr_slice comment_of(wr_slice line) {
    line = without_end(line);
    for (size_t i = 1; i < line.len; i++) {
        if (line.ptr[i] != ';' || !config_is_space(line.ptr[i - 1]))
            continue;
        while (i != 0 && config_is_space(line.ptr[i - 1]))
            i--;
        return wr_slice_of(line.ptr + i, line.len - i);
    }
    return WR_SLICE_EMPTY;
}

static wr_err write_one(changing *w, wr_slice value, wr_slice comment) {
    size_t len = strlen(w->o->key) + 3 + value.len;
    WR_TRY(wr_buf_put(w->out, wr_slice_str(w->o->key)));
    WR_TRY(wr_buf_put(w->out, wr_slice_str(value.len == 0 ? " =" : " = ")));
    WR_TRY(wr_buf_put(w->out, value));
    if (len + comment.len <= CONFIG_LINE_MAX)
        WR_TRY(wr_buf_put(w->out, comment));
    return wr_buf_put_u8(w->out, '\n');
}

/* One line, or one line an item if that would be too long. */
static wr_err write_key(changing *w, wr_slice comment) {
    w->written = true;
    if (w->o->kind != OPTION_LIST || strlen(w->o->key) + 3 + w->value.len <= CONFIG_LINE_MAX)
        return write_one(w, w->value, comment);
    size_t start = 0;
    for (size_t i = 0; i <= w->value.len; i++) {
        if (i != w->value.len && w->value.ptr[i] != ',')
            continue;
        WR_TRY(write_one(w, wr_slice_of(w->value.ptr + start, i - start), comment));
        comment = WR_SLICE_EMPTY;
        start = i + 1;
    }
    return WR_OK;
}

static wr_err copy_line(changing *w, wr_slice line) {
    WR_TRY(wr_buf_put(w->out, line));
    /* The last line of a file may lack its end. */
    return line.len == 0 || line.ptr[line.len - 1] == '\n' ? WR_OK : wr_buf_put_u8(w->out, '\n');
}

static wr_err change_line(changing *w, wr_slice line) {
    wr_slice section, key = WR_SLICE_EMPTY;
    if (is_section(line, &section)) {
        w->in_section = wr_equal(section, wr_slice_str(w->o->section));
        w->after_key = w->after_any = false;
        return copy_line(w, line);
    }
    if (!key_of(line, &key))
        return copy_line(w, line);
    if (config_is_space(line.ptr[0]) && w->after_any)
        return w->after_key ? WR_OK : copy_line(w, line);
    w->after_any = true;
    w->after_key = w->in_section && wr_equal(key, wr_slice_str(w->o->key));
    if (!w->after_key)
        return copy_line(w, line);
    return w->written ? WR_OK : write_key(w, comment_of(line));
}

/* All lines, then the key if it was not among them. */
static wr_err change_all(changing *w, wr_slice content) {
    wr_slice rest = content, section;
    while (rest.len != 0)
        WR_TRY(change_line(w, take_line(&rest)));
    if (w->written)
        return WR_OK;
    /* Once more, with the key as the first line of its section. */
    w->out->len = 0;
    rest = content;
    while (rest.len != 0) {
        wr_slice line = take_line(&rest);
        WR_TRY(copy_line(w, line));
        if (!w->written && is_section(line, &section) &&
            wr_equal(section, wr_slice_str(w->o->section)))
            WR_TRY(write_key(w, WR_SLICE_EMPTY));
    }
    if (w->written)
        return WR_OK;
    WR_TRY(wr_buf_put(w->out, wr_slice_str(content.len == 0 ? "[" : "\n[")));
    WR_TRY(wr_buf_put(w->out, wr_slice_str(w->o->section)));
    WR_TRY(wr_buf_put(w->out, wr_slice_str("]\n")));
    return write_key(w, WR_SLICE_EMPTY);
}

static wr_err change_file(const char *path, const option *o, wr_slice value, wr_buf *before,
                          wr_buf *after, config *ret_config, char problem[CONFIG_PROBLEM_MAX]) {
    uint8_t got_bytes[CONFIG_VALUE_MAX];
    wr_buf got = WR_BUF_ARRAY(got_bytes);
    changing w = {.o = o, .value = value, .out = after};
    WR_TRY(read_whole(path, before, problem));
    if (change_all(&w, wr_buf_slice(before)) != WR_OK) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%.1024s would be larger than 64 KiB", path);
        return WR_ERR_LIMIT;
    }
    /* What is written is what will be read: anything else is not written. */
    WR_TRY(config_parse(wr_buf_slice(after), path, ret_config, problem));
    WR_TRY(config_get_text(ret_config, wr_slice_str(o->full), &got));
    if (!wr_equal(wr_buf_slice(&got), value)) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%s cannot hold this value", o->full);
        return WR_ERR_FORMAT;
    }
    return file_write(path, wr_buf_slice(after), FILE_REPLACE, problem);
}

wr_err config_change(const char *path, config *c, wr_slice key, wr_slice value,
                     char problem[CONFIG_PROBLEM_MAX]) {
    const option *o = option_find_full(key);
    char why[CONFIG_PROBLEM_MAX - 256];
    if (o == NULL) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "there is no such key");
        return WR_ERR_UNKNOWN;
    }
    config next = *c, parsed;
    wr_err err = option_set(o, &next, value, false, problem);
    if (err == WR_OK)
        err = option_check_count(o, &next, problem);
    if (err != WR_OK) {
        (void)snprintf(why, sizeof why, "%s", problem);
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%s %s", o->full, why);
        return err;
    }
    uint8_t text_bytes[CONFIG_VALUE_MAX];
    wr_buf text = WR_BUF_ARRAY(text_bytes);
    WR_TRY(config_get_text(&next, key, &text));
    uint8_t *bytes = (uint8_t *)malloc(2 * CONFIG_FILE_MAX);
    if (bytes == NULL) {
        (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%s", wr_err_text(WR_ERR_NOMEM));
        return WR_ERR_NOMEM;
    }
    wr_buf before = wr_buf_of(bytes, CONFIG_FILE_MAX);
    wr_buf after = wr_buf_of(bytes + CONFIG_FILE_MAX, CONFIG_FILE_MAX);
    err = change_file(path, o, wr_buf_slice(&text), &before, &after, &parsed, problem);
    free(bytes);
    if (err == WR_OK)
        *c = next;
    return err;
}
