/* Output for programs and for people.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/print.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- JSON ----------------------------------------------------------------------------- */

static json_t *to_json(const warren_value *value, bool *ret_base64);

static json_t *base64_json(const uint8_t *bytes, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((len + 2) / 3 * 4 + 1);
    if (!text)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        three |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= i + 2 < len ? bytes[i + 2] : 0;
        text[used++] = digits[three >> 18 & 63];
        text[used++] = digits[three >> 12 & 63];
        text[used++] = i + 1 < len ? digits[three >> 6 & 63] : '=';
        text[used++] = i + 2 < len ? digits[three & 63] : '=';
    }
    json_t *json = json_stringn(text, used);
    free(text);
    return json;
}

static json_t *bytes_json(const warren_value *value, bool *ret_base64) {
    size_t len = 0;
    const uint8_t *bytes = warren_get_bytes(value, &len);
    json_t *json = warren_type_of(value) == WARREN_EXT
                       ? NULL
                       : json_stringn((const char *)bytes, len); /* NULL: not UTF-8 */
    *ret_base64 = json == NULL;
    return json ? json : base64_json(bytes, len);
}

static void set_pair(json_t *object, const warren_value *key, const warren_value *value) {
    const char *name = warren_get_str(key, NULL);
    bool base64 = false;
    json_t *json = to_json(value, &base64);
    char longer[256];
    if (name && base64) {
        snprintf(longer, sizeof longer, "%s_base64", name);
        name = longer;
    }
    if (!name || json_object_set_new(object, name, json) != 0)
        json_object_set_new(object, "unreadable", json_true());
}

static json_t *map_json(const warren_value *map) {
    json_t *object = json_object();
    for (size_t i = 0; i < warren_count(map); i++)
        set_pair(object, warren_key_at(map, i), warren_value_at(map, i));
    return object;
}

static json_t *array_json(const warren_value *array) {
    json_t *list = json_array();
    bool base64 = false;
    for (size_t i = 0; i < warren_count(array); i++)
        json_array_append_new(list, to_json(warren_at(array, i), &base64));
    return list;
}

static json_t *to_json(const warren_value *value, bool *ret_base64) {
    *ret_base64 = false;
    switch (warren_type_of(value)) {
    case WARREN_NIL:
        return json_null();
    case WARREN_BOOL:
        return json_boolean(warren_get_bool(value, false));
    case WARREN_UINT:
    case WARREN_INT:
        return json_integer(warren_get_int(value, INT64_MAX));
    case WARREN_FLOAT:
        return json_real(warren_get_float(value, 0));
    case WARREN_STR:
    case WARREN_BIN:
    case WARREN_EXT:
        return bytes_json(value, ret_base64);
    case WARREN_ARRAY:
        return array_json(value);
    case WARREN_MAP:
        return map_json(value);
    }
    return json_null();
}

static void dump(FILE *to, json_t *json) {
    json_dumpf(json, to, JSON_COMPACT | JSON_ENCODE_ANY);
    fputc('\n', to);
    json_decref(json);
}

void print_json(FILE *to, const warren_value *value) {
    bool base64 = false;
    dump(to, to_json(value, &base64));
}

void print_json_keys(FILE *to, const warren_value *map, const char *const *keys) {
    json_t *object = json_object();
    for (size_t k = 0; keys[k]; k++)
        for (size_t i = 0; i < warren_count(map); i++) {
            const char *name = warren_get_str(warren_key_at(map, i), NULL);
            if (name && strcmp(name, keys[k]) == 0)
                set_pair(object, warren_key_at(map, i), warren_value_at(map, i));
        }
    dump(to, object);
}

void print_error_json(const char *code, const char *message) {
    json_t *text = json_string(message); /* NULL where it is not UTF-8 */
    dump(stdout, json_pack("{s:{s:s,s:o}}", "error", "code", code, "message",
                           text ? text : json_string("(the message is not UTF-8)")));
}

/* ---- terminals ---------------------------------------------------------------------------- */

bool print_is_terminal(void) {
    return isatty(STDOUT_FILENO) == 1;
}

const char *print_style_text(print_style style) {
    const char *no_color = getenv("NO_COLOR");
    if (!print_is_terminal() || (no_color && no_color[0]))
        return "";
    switch (style) {
    case PRINT_PLAIN:
        return "\033[0m";
    case PRINT_BOLD:
        return "\033[1m";
    case PRINT_DIM:
        return "\033[2m";
    case PRINT_GOOD:
        return "\033[32m";
    case PRINT_BAD:
        return "\033[31m";
    }
    return "";
}

/* Length of the UTF-8 character at text, 0 if it is none or must not be shown: controls and the
 * marks that turn the direction of text. */
static size_t safe_character(const unsigned char *text, size_t len) {
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    size_t size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    if (size == 0 || text[0] > 0xf4 || size > len)
        return 0;
    uint32_t code = text[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool control = code < 0xa0;
    bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                 code == 0x200e || code == 0x200f || code == 0x2028 || code == 0x2029;
    return control || turns ? 0 : size;
}

void print_safe(FILE *to, const char *text, size_t len, bool lines) {
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        bool layout = lines && (at[i] == '\n' || at[i] == '\t');
        size_t size = layout ? 1 : safe_character(at + i, len - i);
        if (size == 0)
            fputc('?', to);
        else
            fwrite(at + i, 1, size, to);
        i += size ? size : 1;
    }
}

void print_safe_value(FILE *to, const warren_value *str) {
    size_t len = 0;
    const char *text = warren_get_str(str, &len);
    print_safe(to, text ? text : "-", text ? len : 1, false);
}

/* ---- devices --------------------------------------------------------------------------------- */

static const char *device_name(const warren_value *device) {
    const char *name = warren_get_str(warren_find(device, "name"), NULL);
    return name && name[0] ? name : "(no name)";
}

void print_device(FILE *to, const warren_value *device) {
    const char *name = device_name(device), *id = warren_get_str(warren_find(device, "id"), NULL);
    print_safe(to, name, strlen(name), false);
    fprintf(to, " (%.8s)", id ? id : "-");
}

void print_devices(FILE *to, const warren_value *list) {
    for (size_t i = 0; i < warren_count(list); i++) {
        fputs(i ? ", " : "", to);
        print_device(to, warren_at(list, i));
    }
}

void print_devices_text(const warren_value *devices, char out[PRINT_DEVICES_SIZE]) {
    bool many = warren_type_of(devices) == WARREN_ARRAY;
    size_t used = 0;
    snprintf(out, PRINT_DEVICES_SIZE, "%s",
             warren_type_of(devices) == WARREN_MAP ? device_name(devices) : "");
    for (size_t i = 0; many && i < warren_count(devices) && used < PRINT_DEVICES_SIZE; i++)
        used += (size_t)snprintf(out + used, PRINT_DEVICES_SIZE - used, "%s%s", i ? ", " : "",
                                 device_name(warren_at(devices, i)));
}

/* ---- numbers --------------------------------------------------------------------------------- */

void print_time(uint64_t unix_ms, bool seconds, char out[PRINT_TIME_SIZE]) {
    time_t when = (time_t)(unix_ms / 1000);
    struct tm parts;
    bool known = unix_ms != 0 && localtime_r(&when, &parts) != NULL;
    size_t len = 0;
    if (known && seconds)
        len = strftime(out, PRINT_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts);
    else if (known)
        len = strftime(out, PRINT_TIME_SIZE, "%Y-%m-%d %H:%M", &parts);
    if (len == 0)
        snprintf(out, PRINT_TIME_SIZE, "-");
}

void print_count(uint64_t count, char out[PRINT_COUNT_SIZE]) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), used = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

void print_bytes(uint64_t bytes, char out[PRINT_COUNT_SIZE]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double amount = (double)bytes;
    for (; amount >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        amount /= 1024;
    snprintf(out, PRINT_COUNT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
}

void print_duration(uint64_t seconds, char out[PRINT_COUNT_SIZE]) {
    unsigned long long s = seconds;
    if (s < 60)
        snprintf(out, PRINT_COUNT_SIZE, "%llu s", s);
    else if (s < 3600)
        snprintf(out, PRINT_COUNT_SIZE, "%llu min", s / 60);
    else if (s < 86400)
        snprintf(out, PRINT_COUNT_SIZE, "%llu h %llu min", s / 3600, s / 60 % 60);
    else
        snprintf(out, PRINT_COUNT_SIZE, "%llu d %llu h", s / 86400, s / 3600 % 24);
}

/* ---- tables ---- */

struct print_table {
    size_t columns, count, cap;
    char **cells;
};

print_table *print_table_new(size_t columns) {
    print_table *table = calloc(1, sizeof *table);
    if (table)
        table->columns = columns;
    return table;
}

void print_table_add(print_table *table, const char *cell) {
    if (!table)
        return;
    if (table->count == table->cap) {
        size_t cap = table->cap ? table->cap * 2 : 32;
        char **cells = realloc(table->cells, cap * sizeof *cells);
        if (!cells)
            return;
        table->cells = cells;
        table->cap = cap;
    }
    table->cells[table->count++] = strdup(cell);
}

/* Characters, not bytes; good enough for names. */
static size_t width(const char *text) {
    size_t count = 0;
    for (; text && *text; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

static size_t column_width(const print_table *table, size_t column) {
    size_t most = 0;
    for (size_t i = column; i < table->count; i += table->columns)
        most = width(table->cells[i]) > most ? width(table->cells[i]) : most;
    return most;
}

void print_table_show(print_table *table) {
    if (!table)
        return;
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        bool last = column + 1 == table->columns;
        const char *cell = table->cells[i] ? table->cells[i] : "";
        fputs(i == 0 ? print_style_text(PRINT_DIM) : "", stdout);
        print_safe(stdout, cell, strlen(cell), false);
        for (size_t pad = width(cell); !last && pad < column_width(table, column) + 2; pad++)
            putchar(' ');
        fputs(i + 1 == table->columns ? print_style_text(PRINT_PLAIN) : "", stdout);
        fputs(last ? "\n" : "", stdout);
    }
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}
