/* What the agent and libwarren share besides bytes: trees of values, names of errors, paths.
 *
 * Layer:  api.  Shared by the agent's server and the client library.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static warren_value *make(warren_type type, size_t extra) {
    if (extra > SIZE_MAX / 2)
        return NULL;
    warren_value *value = calloc(1, sizeof *value + extra);
    if (value)
        value->type = (uint8_t)type;
    return value;
}

/* ---- makers ------------------------------------------------------------------ */

warren_value *warren_nil(void) {
    return make(WARREN_NIL, 0);
}

warren_value *warren_bool(bool boolean) {
    warren_value *value = make(WARREN_BOOL, 0);
    if (value)
        value->as.boolean = boolean;
    return value;
}

warren_value *warren_uint(uint64_t number) {
    warren_value *value = make(WARREN_UINT, 0);
    if (value)
        value->as.uint = number;
    return value;
}

warren_value *warren_int(int64_t number) {
    if (number >= 0)
        return warren_uint((uint64_t)number);
    warren_value *value = make(WARREN_INT, 0);
    if (value)
        value->as.sint = number;
    return value;
}

warren_value *warren_float(double number) {
    warren_value *value = make(WARREN_FLOAT, 0);
    if (value)
        value->as.real = number;
    return value;
}

static warren_value *make_bytes(warren_type type, const void *bytes, size_t len) {
    warren_value *value = len < SIZE_MAX / 2 ? make(type, len + 1) : NULL;
    if (!value)
        return NULL;
    value->as.len = len;
    if (len > 0)
        memcpy(value->bytes, bytes, len);
    return value;
}

warren_value *warren_str(const char *text) {
    return text ? make_bytes(WARREN_STR, text, strlen(text)) : NULL;
}

warren_value *warren_str_n(const char *text, size_t len) {
    return make_bytes(WARREN_STR, text, len);
}

warren_value *warren_bin(const void *bytes, size_t len) {
    return make_bytes(WARREN_BIN, bytes, len);
}

warren_value *warren_ext(int8_t type, const void *bytes, size_t len) {
    warren_value *value = make_bytes(WARREN_EXT, bytes, len);
    if (value)
        value->ext_type = type;
    return value;
}

warren_value *warren_array(void) {
    return make(WARREN_ARRAY, 0);
}

warren_value *warren_map(void) {
    return make(WARREN_MAP, 0);
}

warren_value *value_of_slice(wr_slice text) {
    return make_bytes(WARREN_STR, text.ptr, text.len);
}

static size_t item_count(const warren_value *value) {
    if (value->type == WARREN_ARRAY)
        return value->count;
    return value->type == WARREN_MAP ? (size_t)value->count * 2 : 0;
}

void warren_value_free(warren_value *value) {
    if (!value)
        return;
    size_t count = item_count(value);
    for (size_t i = 0; i < count; i++)
        warren_value_free(value->as.items[i]);
    if (value->type == WARREN_ARRAY || value->type == WARREN_MAP)
        free(value->as.items);
    else if (value->type == WARREN_STR || value->type == WARREN_BIN)
        wr_wipe(value->bytes, value->as.len); /* it may have been a code, words or a body */
    free(value);
}

/* ---- arrays and maps ------------------------------------------------------------ */

static bool reserve(warren_value *value, size_t more) {
    size_t used = item_count(value);
    if (value->cap - used >= more)
        return true;
    if (value->cap >= UINT32_MAX / 4)
        return false;
    uint32_t cap = value->cap ? value->cap * 2 : 4;
    warren_value **items = realloc(value->as.items, cap * sizeof *items);
    if (!items)
        return false;
    value->as.items = items;
    value->cap = cap;
    return true;
}

bool warren_push(warren_value *array, warren_value *child) {
    if (!array || array->type != WARREN_ARRAY || !child || !reserve(array, 1)) {
        warren_value_free(child);
        return false;
    }
    array->as.items[array->count++] = child;
    return true;
}

bool value_put_pair(warren_value *map, warren_value *key, warren_value *child) {
    if (!map || map->type != WARREN_MAP || !key || !child || !reserve(map, 2)) {
        warren_value_free(key);
        warren_value_free(child);
        return false;
    }
    size_t at = item_count(map);
    map->as.items[at] = key;
    map->as.items[at + 1] = child;
    map->count++;
    return true;
}

bool warren_put(warren_value *map, const char *key, warren_value *child) {
    return value_put_pair(map, warren_str(key), child);
}

size_t warren_count(const warren_value *value) {
    return value && (value->type == WARREN_ARRAY || value->type == WARREN_MAP) ? value->count : 0;
}

const warren_value *warren_at(const warren_value *array, size_t index) {
    if (!array || array->type != WARREN_ARRAY || index >= array->count)
        return NULL;
    return array->as.items[index];
}

const warren_value *warren_key_at(const warren_value *map, size_t index) {
    if (!map || map->type != WARREN_MAP || index >= map->count)
        return NULL;
    return map->as.items[index * 2];
}

const warren_value *warren_value_at(const warren_value *map, size_t index) {
    if (!map || map->type != WARREN_MAP || index >= map->count)
        return NULL;
    return map->as.items[index * 2 + 1];
}

const warren_value *warren_find(const warren_value *map, const char *key) {
    wr_slice wanted = wr_slice_str(key);
    for (size_t i = 0; i < warren_count(map); i++) {
        const warren_value *have = warren_key_at(map, i);
        if (have && have->type == WARREN_STR && wr_equal(value_slice(have), wanted))
            return warren_value_at(map, i);
    }
    return NULL;
}

/* ---- readers --------------------------------------------------------------------- */

warren_type warren_type_of(const warren_value *value) {
    return value ? (warren_type)value->type : WARREN_NIL;
}

bool warren_get_bool(const warren_value *value, bool fallback) {
    return value && value->type == WARREN_BOOL ? value->as.boolean : fallback;
}

uint64_t warren_get_uint(const warren_value *value, uint64_t fallback) {
    return value && value->type == WARREN_UINT ? value->as.uint : fallback;
}

int64_t warren_get_int(const warren_value *value, int64_t fallback) {
    if (value && value->type == WARREN_INT)
        return value->as.sint;
    if (value && value->type == WARREN_UINT && value->as.uint <= INT64_MAX)
        return (int64_t)value->as.uint;
    return fallback;
}

double warren_get_float(const warren_value *value, double fallback) {
    return value && value->type == WARREN_FLOAT ? value->as.real : fallback;
}

const uint8_t *warren_get_bytes(const warren_value *value, size_t *ret_len) {
    if (!value ||
        (value->type != WARREN_STR && value->type != WARREN_BIN && value->type != WARREN_EXT))
        return NULL;
    if (ret_len)
        *ret_len = value->as.len;
    return value->bytes;
}

const char *warren_get_str(const warren_value *value, size_t *ret_len) {
    return (const char *)warren_get_bytes(value, ret_len);
}

int8_t warren_get_ext_type(const warren_value *value) {
    return value && value->type == WARREN_EXT ? value->ext_type : 0;
}

wr_slice value_slice(const warren_value *value) {
    size_t len = 0;
    const uint8_t *ptr = warren_get_bytes(value, &len);
    return wr_slice_of(ptr, len);
}

const char *value_type_text(warren_type type) {
    switch (type) {
    case WARREN_NIL:
        return "nil";
    case WARREN_BOOL:
        return "a boolean";
    case WARREN_UINT:
        return "a whole number";
    case WARREN_INT:
        return "a negative number";
    case WARREN_FLOAT:
        return "a fraction";
    case WARREN_STR:
        return "a string";
    case WARREN_BIN:
        return "bytes";
    case WARREN_ARRAY:
        return "an array";
    case WARREN_MAP:
        return "a map";
    case WARREN_EXT:
        return "an extension";
    }
    return "of unknown type";
}

/* ---- errors ------------------------------------------------------------------------- */

const char *warren_error_text(warren_error error) {
    switch (error) {
    case WARREN_OK:
        return "ok";
#define ERROR_TEXT(name, text, exit_code, meaning)                                                 \
    case WARREN_E_##name:                                                                          \
        return text;
        WARREN_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
    }
    return "internal";
}

int warren_error_exit(warren_error error) {
    switch (error) {
    case WARREN_OK:
        return 0;
#define ERROR_EXIT(name, text, exit_code, meaning)                                                 \
    case WARREN_E_##name:                                                                          \
        return exit_code;
        WARREN_ERROR_MAP(ERROR_EXIT)
#undef ERROR_EXIT
    }
    return 1;
}

/* ---- where the agent is ---------------------------------------------------------------- */

static bool format_path(char *out, size_t cap, const char *base, const char *rest) {
    int len = snprintf(out, cap, "%s%s", base, rest);
    return len > 0 && (size_t)len < cap;
}

static bool is_set(const char *text) {
    return text && text[0] != '\0';
}

static bool default_home(char *out, size_t cap) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (is_set(data))
        return format_path(out, cap, data, "/warren");
    return is_set(home) && format_path(out, cap, home, "/.local/share/warren");
}

bool warren_home_path(const char *home, char *out, size_t cap) {
    const char *chosen = is_set(home) ? home : getenv("WARREN_HOME");
    if (!is_set(chosen))
        return default_home(out, cap);
    /* Absolute: the agent outlives the directory from which it was started. */
    char here[4096], tail[4096];
    if (chosen[0] != '/' &&
        (!getcwd(here, sizeof here) || !format_path(tail, sizeof tail, "/", chosen)))
        return false;
    if (!(chosen[0] == '/' ? format_path(out, cap, chosen, "") : format_path(out, cap, here, tail)))
        return false;
    for (size_t len = strlen(out); len > 1 && out[len - 1] == '/'; len--)
        out[len - 1] = '\0';
    return true;
}

bool warren_socket_path(const char *home, char *out, size_t cap, char *text, size_t text_cap) {
    char path[4096], standard[4096];
    size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (!warren_home_path(home, path, sizeof path)) {
        snprintf(text, text_cap, "no home directory: set HOME or WARREN_HOME, or give --home DIR");
        return false;
    }
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool is_default = default_home(standard, sizeof standard) && strcmp(path, standard) == 0;
    bool fits = is_default && is_set(runtime) ? format_path(out, cap, runtime, "/warren/agent.sock")
                                              : format_path(out, cap, path, "/agent.sock");
    if (fits && strlen(out) <= max)
        return true;
    snprintf(text, text_cap,
             "the socket path of %s has more than %zu bytes, which the system does not allow: "
             "choose a shorter --home",
             path, max);
    return false;
}
