/* Failing tests say what they saw: both values, in decimal and hex, and where bytes differ.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include <stdlib.h>
#include <string.h>

void t_err_(const char *expr, wr_err got, wr_err want, const char *file, int line) {
    if (got == want)
        return;
    print_error("%s\n  gives %s (%d), expected %s (%d)\n", expr, wr_err_name(got), (int)got,
                wr_err_name(want), (int)want);
    _fail(file, line);
}

void t_eq_(const char *a_text, long long a, const char *b_text, long long b, const char *file,
           int line) {
    if (a == b)
        return;
    print_error("%s == %s\n  left:  %lld (0x%llx)\n  right: %lld (0x%llx)\n", a_text, b_text, a,
                (unsigned long long)a, b, (unsigned long long)b);
    _fail(file, line);
}

static void print_bytes(const char *side, const uint8_t *bytes, size_t len, size_t from) {
    print_error("  %s", side);
    for (size_t i = from; i < len && i < from + 32; i++)
        print_error(" %02x", bytes[i]);
    print_error("%s\n", len > from + 32 ? " .." : "");
}

void t_mem_(const char *a_text, const void *a, const char *b_text, const void *b, size_t len,
            const char *file, int line) {
    const uint8_t *left = a;
    const uint8_t *right = b;
    size_t at = 0;
    while (at < len && left[at] == right[at])
        at++;
    if (at == len)
        return;
    size_t from = at < 8 ? 0 : at - 8;
    print_error("%s == %s\n  differ at byte %zu of %zu; from byte %zu on:\n", a_text, b_text, at,
                len, from);
    print_bytes("left: ", left, len, from);
    print_bytes("right:", right, len, from);
    _fail(file, line);
}

void t_slice_(const char *a_text, wr_slice a, const char *b_text, wr_slice b, const char *file,
              int line) {
    if (a.len != b.len) {
        print_error("%s == %s\n  lengths %zu and %zu\n", a_text, b_text, a.len, b.len);
        print_bytes("left: ", a.ptr, a.len, 0);
        print_bytes("right:", b.ptr, b.len, 0);
        _fail(file, line);
        return;
    }
    t_mem_(a_text, a.ptr, b_text, b.ptr, a.len, file, line);
}

void t_str_(const char *a_text, const char *a, const char *b_text, const char *b, const char *file,
            int line) {
    if (a != NULL && b != NULL && strcmp(a, b) == 0)
        return;
    print_error("%s == %s\n  left:  \"%s\"\n  right: \"%s\"\n", a_text, b_text,
                a == NULL ? "(null)" : a, b == NULL ? "(null)" : b);
    _fail(file, line);
}

void t_true_(const char *cond, bool got, bool want, const char *file, int line) {
    if (got == want)
        return;
    print_error("%s\n  is %s\n", cond, got ? "true" : "false");
    _fail(file, line);
}

/* ---- randomness from a seed ------------------------------------------------ */

typedef struct stream {
    uint64_t state;
    struct stream *next;
} stream;

/* Keeps every stream reachable, so that the leak checker stays quiet about them. */
static stream *streams;

/* SplitMix64: a counter through a mixing function. */
static uint64_t stream_next(stream *s) {
    s->state += 0x9e3779b97f4a7c15u;
    uint64_t z = s->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void stream_fill(void *ctx, uint8_t *out, size_t len) {
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            word = stream_next(ctx);
        out[i] = (uint8_t)(word >> (8 * (i % 8)));
    }
}

wr_rng t_rng(uint64_t seed) {
    stream *s = malloc(sizeof *s);
    WR_ASSERT(s != NULL);
    *s = (stream){.state = seed, .next = streams};
    streams = s;
    return (wr_rng){.fill = stream_fill, .ctx = s};
}
