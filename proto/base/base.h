/* What every layer shares: borrowed bytes, bounded buffers, keys, times, the error table.
 *
 * Layer:  base.  No allocation, no I/O, no clock.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_BASE_BASE_H
#define WR_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- errors ------------------------------------------------------------- */

/* Each error is a different reaction of the caller; details go to counters.
 *   name             value  meaning (lower case, no full stop)              */
#define WR_ERR_MAP(X)                                                                              \
    X(OK, 0, "success")                                                                            \
    X(TRUNCATED, -1, "input ends before the message does")                                         \
    X(FORMAT, -2, "input breaks the wire format")                                                  \
    X(AUTH, -3, "authentication failed")                                                           \
    X(BAD_KEY, -4, "peer sent a key of low order")                                                 \
    X(STATE, -5, "call or message not legal in this state")                                        \
    X(TIMEOUT, -6, "deadline passed")                                                              \
    X(LIMIT, -7, "a configured limit would be exceeded")                                           \
    X(NOBUF, -8, "caller's buffer is too small")                                                   \
    X(NOMEM, -9, "out of memory")                                                                  \
    X(UNKNOWN, -10, "refers to something not known here")                                          \
    X(EXISTS, -11, "already there")                                                                \
    X(REFUSED, -12, "not allowed by membership, role or the owner")                                \
    X(VERSION, -13, "peer or file speaks a version this build does not know")                      \
    X(IO, -14, "the operating system failed to read or write")                                     \
    X(CORRUPT, -15, "a file is not what it should be")                                             \
    X(BUSY, -16, "held by another process or not possible right now")                              \
    X(CLOSED, -17, "the other side has gone")                                                      \
    X(FORK, -18, "two signed statements contradict each other")

typedef enum wr_err {
#define WR_ERR_ENUM(name, value, text) WR_ERR_##name = (value),
    WR_ERR_MAP(WR_ERR_ENUM)
#undef WR_ERR_ENUM
        WR_OK = WR_ERR_OK,
} wr_err;

/* Lower-case name ("truncated") and meaning; never NULL, also for unknown values. */
const char *wr_err_name(wr_err err);
const char *wr_err_text(wr_err err);

#define WR_MUST __attribute__((warn_unused_result))

/* Returns on error: the only macro with control flow in it. */
#define WR_TRY(expr)                                                                               \
    do {                                                                                           \
        wr_err wr_try_err_ = (expr);                                                               \
        if (wr_try_err_ != WR_OK)                                                                  \
            return wr_try_err_;                                                                    \
    } while (0)

/* Our own mistakes only; stays on in release.  No peer, disk or config file may trip one. */
#define WR_ASSERT(cond) ((cond) ? (void)0 : wr_assert_failed(#cond, __FILE__, __LINE__))
#define WR_UNREACHABLE() wr_assert_failed("unreachable", __FILE__, __LINE__)
_Noreturn void wr_assert_failed(const char *what, const char *file, int line);

#define WR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* WR_AUTO(thing) t = NULL; calls thing_freep at scope end; wr_steal gives t away. */
#define WR_AUTO(type) __attribute__((cleanup(type##_freep))) type *
#define WR_DEFINE_FREEP(type, free_fn)                                                             \
    static inline void type##_freep(type **pointer) {                                              \
        free_fn(*pointer);                                                                         \
        *pointer = NULL;                                                                           \
    }
#define wr_steal(pp)                                                                               \
    __extension__({                                                                                \
        __typeof__(*(pp)) wr_stolen_ = *(pp);                                                      \
        *(pp) = NULL;                                                                              \
        wr_stolen_;                                                                                \
    })

/* ---- bytes -------------------------------------------------------------- */

/* Borrowed bytes.  An empty slice may have a NULL ptr. */
typedef struct wr_slice {
    const uint8_t *ptr;
    size_t len;
} wr_slice;

/* The caller's fixed output: len bytes of cap are filled.  Nothing grows. */
typedef struct wr_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
} wr_buf;

static inline wr_slice wr_slice_of(const void *ptr, size_t len) {
    return (wr_slice){(const uint8_t *)ptr, len};
}
static inline wr_slice wr_slice_str(const char *text) {
    return wr_slice_of(text, strlen(text));
}
#define WR_SLICE_OBJ(obj) wr_slice_of((obj).b, sizeof(obj).b)
#define WR_SLICE_EMPTY wr_slice_of(NULL, 0)

static inline wr_buf wr_buf_of(void *ptr, size_t cap) {
    return (wr_buf){(uint8_t *)ptr, 0, cap};
}
#define WR_BUF_ARRAY(array) wr_buf_of((array), sizeof(array))

static inline wr_slice wr_buf_slice(const wr_buf *buf) {
    return (wr_slice){buf->ptr, buf->len};
}
static inline size_t wr_buf_room(const wr_buf *buf) {
    return buf->cap - buf->len;
}

/* Takes count bytes off the front; false (nothing taken) if there are fewer. */
WR_MUST bool wr_slice_take(wr_slice *in, size_t count, wr_slice *ret_taken);
WR_MUST bool wr_slice_take_u8(wr_slice *in, uint8_t *ret_value);
WR_MUST bool wr_slice_take_u16(wr_slice *in, uint16_t *ret_value); /* big-endian */
WR_MUST bool wr_slice_take_u32(wr_slice *in, uint32_t *ret_value);
WR_MUST bool wr_slice_take_u64(wr_slice *in, uint64_t *ret_value);
/* LEB128, shortest form only, at most 10 bytes. */
WR_MUST bool wr_slice_take_varint(wr_slice *in, uint64_t *ret_value);

/* Appends; NOBUF (nothing appended) if it does not fit. */
WR_MUST wr_err wr_buf_put(wr_buf *out, wr_slice bytes);
WR_MUST wr_err wr_buf_put_u8(wr_buf *out, uint8_t value);
WR_MUST wr_err wr_buf_put_u16(wr_buf *out, uint16_t value);
WR_MUST wr_err wr_buf_put_u32(wr_buf *out, uint32_t value);
WR_MUST wr_err wr_buf_put_u64(wr_buf *out, uint64_t value);
WR_MUST wr_err wr_buf_put_varint(wr_buf *out, uint64_t value);
WR_MUST wr_err wr_buf_put_zeros(wr_buf *out, size_t count);
#define WR_VARINT_MAX 10u

void wr_store_u16(uint8_t *to, uint16_t value); /* big-endian, also below */
void wr_store_u32(uint8_t *to, uint32_t value);
void wr_store_u64(uint8_t *to, uint64_t value);
uint64_t wr_load_u64(const uint8_t *from);
uint32_t wr_load_u32(const uint8_t *from);

/* Constant-time equality; slices of different lengths are unequal. */
WR_MUST bool wr_equal(wr_slice a, wr_slice b);
/* Lexicographic order of public bytes: <0, 0, >0.  Never for secrets. */
int wr_order(wr_slice a, wr_slice b);
WR_MUST bool wr_is_zero(wr_slice bytes); /* constant time */

void wr_wipe(void *ptr, size_t len);

/* ---- keys, hashes, ids -------------------------------------------------- */

#define WR_KEY_SIZE 32u
#define WR_HASH_SIZE 32u
#define WR_SIG_SIZE 64u
#define WR_TAG_SIZE 16u

typedef struct wr_key { /* secret: never log, never memcmp */
    uint8_t b[WR_KEY_SIZE];
} wr_key;

typedef struct wr_pub { /* public key, X25519 or Ed25519 */
    uint8_t b[WR_KEY_SIZE];
} wr_pub;

typedef struct wr_hash { /* also ids: device_id, op_id, feed_id, circle_id, epoch_id */
    uint8_t b[WR_HASH_SIZE];
} wr_hash;

typedef struct wr_sig {
    uint8_t b[WR_SIG_SIZE];
} wr_sig;

typedef struct wr_digest { /* 16-byte cut of a hash, for HELLO */
    uint8_t b[16];
} wr_digest;

void wr_key_wipe(wr_key *key);
/* WR_SECRET(wr_key) k; is wiped at every exit of its scope. */
#define WR_SECRET(type) __attribute__((cleanup(type##_wipe))) type

static inline bool wr_hash_equal(const wr_hash *a, const wr_hash *b) {
    return wr_equal(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}
static inline bool wr_pub_equal(const wr_pub *a, const wr_pub *b) {
    return wr_equal(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}
static inline bool wr_key_equal(const wr_key *a, const wr_key *b) {
    return wr_equal(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}
/* Is id among ids?  Public ones, like those that are ordered. */
bool wr_hash_is_among(const wr_hash *id, const wr_hash *ids, uint32_t count);
/* Ascending, in place. */
void wr_hash_sort(wr_hash *ids, uint32_t count);
static inline int wr_hash_order(const wr_hash *a, const wr_hash *b) {
    return wr_order(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}

/* ---- time and randomness, always handed in ------------------------------ */

typedef struct wr_mono { /* monotonic milliseconds; never crosses a wire or a disk */
    uint64_t ms;
} wr_mono;

typedef struct wr_wall { /* Unix milliseconds; may jump */
    uint64_t ms;
} wr_wall;

typedef struct wr_now { /* read once per turn, handed down */
    wr_mono mono;
    wr_wall wall;
} wr_now;

#define WR_MONO_NEVER ((wr_mono){UINT64_MAX})

static inline bool wr_mono_reached(wr_mono deadline, wr_mono now) {
    return now.ms >= deadline.ms;
}
static inline wr_mono wr_mono_add(wr_mono from, uint64_t ms) {
    return (wr_mono){from.ms + ms < from.ms ? UINT64_MAX : from.ms + ms};
}
static inline wr_mono wr_mono_min(wr_mono a, wr_mono b) {
    return a.ms < b.ms ? a : b;
}

/* Fills out with random bytes; cannot fail. */
typedef struct wr_rng {
    void (*fill)(void *ctx, uint8_t *out, size_t len);
    void *ctx;
} wr_rng;

static inline void wr_rng_fill(const wr_rng *rng, void *out, size_t len) {
    rng->fill(rng->ctx, (uint8_t *)out, len);
}
/* Uniform below bound (> 0); for jitter and codes. */
uint32_t wr_rng_below(const wr_rng *rng, uint32_t bound);

#endif /* WR_BASE_BASE_H */
