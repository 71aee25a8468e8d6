/* The table of options: defaults, checks, values as text.
 *
 * Layer:  core
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config.h"

#include "base/text.h"
#include "core/config_impl.h"

#include <stdio.h>

/* ---- the table --------------------------------------------------------------------------- */

#define WORD(type, name, word) word,
static const char *const words_LOG_LEVEL[] = {CONFIG_LOG_LEVEL_MAP(WORD)};
static const char *const words_NETWORK_MODE[] = {CONFIG_NETWORK_MODE_MAP(WORD)};
static const char *const words_DISCOVERY[] = {CONFIG_DISCOVERY_MAP(WORD)};
static const char *const words_SWITCH[] = {CONFIG_SWITCH_MAP(WORD)};
static const char *const words_POWER_MODE[] = {CONFIG_POWER_MODE_MAP(WORD)};
static const char *const words_SYNC[] = {CONFIG_SYNC_MAP(WORD)};
#undef WORD

#define FIELD(section, key) #section, #key, #section "." #key
#define PLACE(section, key) offsetof(config, section##_##key)
const option options[] = {
#define NAME(section, key, preset, min, max, text)                                                 \
    {FIELD(section, key), OPTION_NAME, PLACE(section, key), preset, min, max, NULL, text},
#define TEXT(section, key, preset, min, max, text)                                                 \
    {FIELD(section, key), OPTION_TEXT, PLACE(section, key), preset, min, max, NULL, text},
#define LIST(section, key, preset, min, max, text)                                                 \
    {FIELD(section, key), OPTION_LIST, PLACE(section, key), preset, min, max, NULL, text},
#define CHOICE(section, key, type, preset, text)                                                   \
    {FIELD(section, key), OPTION_CHOICE, PLACE(section, key), preset, 0, WR_COUNT(words_##type),   \
     words_##type,        text},
#include "core/options.def"
#undef NAME
#undef TEXT
#undef LIST
#undef CHOICE
};
const size_t options_count = WR_COUNT(options);

/* What the table says must fit what the struct has. */
#define NAME(section, key, preset, min, max, text)                                                 \
    _Static_assert((max) <= CONFIG_TEXT_MAX, #section "." #key);
#define TEXT(section, key, preset, min, max, text)                                                 \
    _Static_assert((max) <= CONFIG_TEXT_MAX, #section "." #key);
#define LIST(section, key, preset, min, max, text)                                                 \
    _Static_assert((max) <= CONFIG_ITEMS_MAX, #section "." #key);
#define CHOICE(section, key, type, preset, text)                                                   \
    _Static_assert(sizeof(enum CONFIG_##type) == sizeof(unsigned), #section "." #key);
#include "core/options.def"
#undef NAME
#undef TEXT
#undef LIST
#undef CHOICE

const char *config_key(size_t index) {
    return index < options_count ? options[index].full : NULL;
}

static bool same(wr_slice text, const char *word) {
    return wr_equal(text, wr_slice_str(word));
}

const option *option_find(wr_slice section, wr_slice key) {
    for (size_t i = 0; i < options_count; i++)
        if (same(section, options[i].section) && same(key, options[i].key))
            return &options[i];
    return NULL;
}

const option *option_find_full(wr_slice full) {
    for (size_t i = 0; i < options_count; i++)
        if (same(full, options[i].full))
            return &options[i];
    return NULL;
}

/* ---- setting --------------------------------------------------------------------------------- */

bool config_is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

wr_slice config_trim(wr_slice text) {
    while (text.len != 0 && config_is_space(text.ptr[0]))
        text = wr_slice_of(text.ptr + 1, text.len - 1);
    while (text.len != 0 && config_is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Only what could be written back and read again the same. */
static bool is_printable(wr_slice value) {
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] == 0x7f)
            return false;
        /* It would read as a comment. */
        if (value.ptr[i] == ';' && (i == 0 || config_is_space(value.ptr[i - 1])))
            return false;
    }
    return wr_text_is_utf8(value);
}

static wr_err wrong(char problem[CONFIG_PROBLEM_MAX], const char *text) {
    (void)snprintf(problem, CONFIG_PROBLEM_MAX, "%s", text);
    return WR_ERR_FORMAT;
}

static wr_err out_of_range(const option *o, const char *unit, char problem[CONFIG_PROBLEM_MAX]) {
    (void)snprintf(problem, CONFIG_PROBLEM_MAX, "must have %u to %u %s", o->min, o->max, unit);
    return WR_ERR_FORMAT;
}

static wr_err set_text(const option *o, char *field, wr_slice value,
                       char problem[CONFIG_PROBLEM_MAX]) {
    if (value.len < o->min || value.len > o->max)
        return out_of_range(o, "bytes", problem);
    if (o->kind == OPTION_NAME && value.len != 0 && !wr_text_is_name(value))
        return wrong(problem, "is not a device name");
    memset(field, 0, CONFIG_TEXT_MAX + 1);
    if (value.len != 0)
        memcpy(field, value.ptr, value.len);
    return WR_OK;
}

static wr_err add_item(const option *o, config_list *list, wr_slice item,
                       char problem[CONFIG_PROBLEM_MAX]) {
    if (item.len == 0)
        return wrong(problem, "has an empty item");
    if (!is_printable(item)) /* on a line of its own, too */
        return wrong(problem, "has characters that cannot be kept");
    if (item.len > CONFIG_ITEM_MAX)
        return wrong(problem, "has an item of more than 64 bytes");
    if (list->count == o->max)
        return out_of_range(o, "items", problem);
    char *to = list->item[list->count++];
    memset(to, 0, CONFIG_ITEM_MAX + 1);
    memcpy(to, item.ptr, item.len);
    return WR_OK;
}

static wr_err set_list(const option *o, config_list *list, wr_slice value, bool append,
                       char problem[CONFIG_PROBLEM_MAX]) {
    if (!append)
        *list = (config_list){0};
    if (value.len == 0)
        return WR_OK;
    size_t start = 0;
    for (size_t i = 0; i <= value.len; i++) {
        if (i != value.len && value.ptr[i] != ',')
            continue;
        wr_slice item = config_trim(wr_slice_of(value.ptr + start, i - start));
        WR_TRY(add_item(o, list, item, problem));
        start = i + 1;
    }
    return WR_OK;
}

static wr_err set_choice(const option *o, void *field, wr_slice value,
                         char problem[CONFIG_PROBLEM_MAX]) {
    for (unsigned i = 0; i < o->max; i++) {
        if (!same(value, o->words[i]))
            continue;
        memcpy(field, &i, sizeof i);
        return WR_OK;
    }
    int len = snprintf(problem, CONFIG_PROBLEM_MAX, "must be one of");
    for (unsigned i = 0; i < o->max; i++)
        len += snprintf(problem + len, CONFIG_PROBLEM_MAX - (size_t)len, "%s %s", i == 0 ? "" : ",",
                        o->words[i]);
    return WR_ERR_FORMAT;
}

wr_err option_set(const option *o, config *c, wr_slice value, bool append,
                  char problem[CONFIG_PROBLEM_MAX]) {
    void *field = (char *)c + o->offset;
    value = config_trim(value);
    if (!is_printable(value))
        return wrong(problem, "has characters that cannot be kept");
    switch (o->kind) {
    case OPTION_NAME:
    case OPTION_TEXT:
        return set_text(o, (char *)field, value, problem);
    case OPTION_LIST:
        return set_list(o, (config_list *)field, value, append, problem);
    case OPTION_CHOICE:
        return set_choice(o, field, value, problem);
    }
    WR_UNREACHABLE();
}

wr_err option_check_count(const option *o, const config *c, char problem[CONFIG_PROBLEM_MAX]) {
    if (o->kind != OPTION_LIST)
        return WR_OK;
    const config_list *list = (const config_list *)(const void *)((const char *)c + o->offset);
    return list->count < o->min ? out_of_range(o, "items", problem) : WR_OK;
}

void config_init(config *c) {
    char problem[CONFIG_PROBLEM_MAX];
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < options_count; i++) {
        wr_err err = option_set(&options[i], c, wr_slice_str(options[i].preset), false, problem);
        WR_ASSERT(err == WR_OK);
    }
}

/* ---- as text ---- */

static wr_err put_list(const config_list *list, wr_buf *out) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (i != 0)
            WR_TRY(wr_buf_put_u8(out, ','));
        WR_TRY(wr_buf_put(out, wr_slice_str(list->item[i])));
    }
    return WR_OK;
}

static wr_err put_value(const option *o, const config *c, wr_buf *out) {
    const void *field = (const char *)c + o->offset;
    unsigned choice = 0;
    switch (o->kind) {
    case OPTION_NAME:
    case OPTION_TEXT:
        return wr_buf_put(out, wr_slice_str((const char *)field));
    case OPTION_LIST:
        return put_list((const config_list *)field, out);
    case OPTION_CHOICE:
        memcpy(&choice, field, sizeof choice);
        WR_ASSERT(choice < o->max);
        return wr_buf_put(out, wr_slice_str(o->words[choice]));
    }
    WR_UNREACHABLE();
}

wr_err config_get_text(const config *c, wr_slice key, wr_buf *out) {
    const option *o = option_find_full(key);
    if (o == NULL)
        return WR_ERR_UNKNOWN;
    size_t before = out->len;
    wr_err err = put_value(o, c, out);
    if (err != WR_OK)
        out->len = before;
    return err;
}

static wr_err put_line(wr_buf *out, const char *before, const char *text, const char *after) {
    WR_TRY(wr_buf_put(out, wr_slice_str(before)));
    WR_TRY(wr_buf_put(out, wr_slice_str(text)));
    return wr_buf_put(out, wr_slice_str(after));
}

static wr_err describe(const option *o, wr_buf *out) {
    WR_TRY(put_line(out, "; ", o->text, "\n"));
    if (o->kind == OPTION_CHOICE) {
        WR_TRY(put_line(out, "; one of:", "", ""));
        for (unsigned i = 0; i < o->max; i++)
            WR_TRY(put_line(out, i == 0 ? " " : ", ", o->words[i], ""));
        WR_TRY(put_line(out, "", "\n", ""));
    }
    WR_TRY(put_line(out, o->key, " = ", ""));
    return put_line(out, o->preset, "\n", "");
}

wr_err config_describe(wr_buf *out) {
    const char *section = "";
    for (size_t i = 0; i < options_count; i++) {
        const option *o = &options[i];
        if (!same(wr_slice_str(section), o->section)) {
            WR_TRY(put_line(out, i == 0 ? "[" : "\n[", o->section, "]\n"));
            section = o->section;
        }
        WR_TRY(describe(o, out));
    }
    return WR_OK;
}
