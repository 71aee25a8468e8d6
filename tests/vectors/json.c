/* What the vector runners share: the one door to jansson, hex fields, and the tally they end with.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "vectors/json.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define POOL_BYTES (16u * 1024u * 1024u)

static uint8_t pool[POOL_BYTES];
static size_t pool_used;

void vec_reset(void) {
    pool_used = 0;
}

bool vec_hex(const json_t *value, wr_slice *ret_bytes) {
    if (!json_is_string(value))
        return false;
    wr_buf bytes = wr_buf_of(pool + pool_used, POOL_BYTES - pool_used);
    wr_slice text = wr_slice_of(json_string_value(value), json_string_length(value));
    if (wr_hex_decode(text, &bytes) != WR_OK)
        return false;
    pool_used += bytes.len;
    *ret_bytes = wr_buf_slice(&bytes);
    return true;
}

bool vec_hex_at(const json_t *object, const char *key, wr_slice *ret_bytes) {
    return vec_hex(json_object_get(object, key), ret_bytes);
}

bool vec_hex_exact(const json_t *object, const char *key, uint8_t *out, size_t size) {
    wr_slice bytes;
    if (!vec_hex_at(object, key, &bytes) || bytes.len != size)
        return false;
    memcpy(out, bytes.ptr, size);
    return true;
}

const char *vec_text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

__attribute__((format(printf, 2, 0))) static void
print_failure(vec_tally *tally, const char *format, va_list arguments) {
    tally->failed++;
    (void)printf("%s: ", tally->file);
    (void)vprintf(format, arguments);
    (void)printf("\n");
}

void vec_fail(vec_tally *tally, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_failure(tally, format, arguments);
    va_end(arguments);
}

void vec_check(vec_tally *tally, bool passed, const char *format, ...) {
    if (passed) {
        tally->passed++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    print_failure(tally, format, arguments);
    va_end(arguments);
}

static void run_file(const char *path, vec_run *run, vec_tally *tally) {
    json_error_t error;
    tally->file = path;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        vec_fail(tally, "not readable as JSON, line %d: %s", error.line, error.text);
        return;
    }
    run(root, tally);
    json_decref(root);
}

int vec_main(int argc, char **argv, vec_run *run) {
    vec_tally tally = {0};
    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        vec_reset();
        run_file(argv[i], run, &tally);
    }
    (void)printf("%lu passed, %lu failed, %lu skipped\n", tally.passed, tally.failed,
                 tally.skipped);
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}
