/* Talk to a running agent: blocking calls over its local socket.
 *
 *   warren_client_open -> { warren_client_call | warren_client_wait }* -> warren_client_close
 *
 * Values in and out are trees of warren_value.  A client belongs to one thread at a time.
 * Strings are UTF-8 and may be copied from when the call returns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WARREN_CLIENT_H
#define WARREN_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "warren/error.h"
#include "warren/version.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WARREN_API __attribute__((visibility("default")))
#else
#define WARREN_API
#endif

/* ---- values: what MessagePack can say ------------------------------------- */

typedef struct warren_value warren_value;

typedef enum warren_type {
    WARREN_NIL,
    WARREN_BOOL,
    WARREN_UINT,  /* 0 .. 2^64-1; every non-negative integer decodes to this */
    WARREN_INT,   /* negative integers only */
    WARREN_FLOAT, /* double */
    WARREN_STR,
    WARREN_BIN,
    WARREN_ARRAY,
    WARREN_MAP, /* any key type on the wire; looked up by string keys */
    WARREN_EXT  /* application type and bytes */
} warren_type;

/* Makers return NULL only when memory is out.  A value has one owner: the caller, or the array
 * or map it was put into. */
WARREN_API warren_value *warren_nil(void);
WARREN_API warren_value *warren_bool(bool value);
WARREN_API warren_value *warren_uint(uint64_t value);
WARREN_API warren_value *warren_int(int64_t value);
WARREN_API warren_value *warren_float(double value);
WARREN_API warren_value *warren_str(const char *text);
WARREN_API warren_value *warren_str_n(const char *text, size_t len);
WARREN_API warren_value *warren_bin(const void *bytes, size_t len);
WARREN_API warren_value *warren_ext(int8_t type, const void *bytes, size_t len);
WARREN_API warren_value *warren_array(void);
WARREN_API warren_value *warren_map(void);
WARREN_API void warren_value_free(warren_value *value); /* NULL is fine */

/* Puts child into array or map, which owns it from then on, also on failure (NULL child or
 * memory out: false, child freed). */
WARREN_API bool warren_push(warren_value *array, warren_value *child);
WARREN_API bool warren_put(warren_value *map, const char *key, warren_value *child);

WARREN_API warren_type warren_type_of(const warren_value *value); /* NULL counts as nil */
/* Readers give the fallback or NULL where the type is another. */
WARREN_API bool warren_get_bool(const warren_value *value, bool fallback);
WARREN_API uint64_t warren_get_uint(const warren_value *value, uint64_t fallback);
WARREN_API int64_t warren_get_int(const warren_value *value, int64_t fallback);
WARREN_API double warren_get_float(const warren_value *value, double fallback);
/* STR or BIN (or EXT) bytes; STR is also NUL-terminated at [len]. */
WARREN_API const char *warren_get_str(const warren_value *value, size_t *ret_len);
WARREN_API const uint8_t *warren_get_bytes(const warren_value *value, size_t *ret_len);
WARREN_API int8_t warren_get_ext_type(const warren_value *value);
WARREN_API size_t warren_count(const warren_value *value); /* items of an array, pairs of a map */
WARREN_API const warren_value *warren_at(const warren_value *array, size_t index);
WARREN_API const warren_value *warren_find(const warren_value *map, const char *key);
WARREN_API const warren_value *warren_key_at(const warren_value *map, size_t index);
WARREN_API const warren_value *warren_value_at(const warren_value *map, size_t index);

/* ---- the connection --------------------------------------------------------- */

typedef struct warren_client warren_client;

/* Path of the agent's socket for a home directory (NULL: the default home, as interfaces.md has
 * it: $WARREN_HOME, $XDG_DATA_HOME/warren, ~/.local/share/warren).  False if it would exceed the
 * 107 bytes of a unix socket address or there is no home; text says why. */
WARREN_API bool warren_socket_path(const char *home, char *out, size_t cap, char *text,
                                   size_t text_cap);
WARREN_API bool warren_home_path(const char *home, char *out, size_t cap);

/* Connects.  NULL with *ret_error NOT_RUNNING when nobody listens there, REFUSED where the socket
 * is another user's, IO, INTERNAL. */
WARREN_API warren_client *warren_client_open(const char *socket_path, warren_error *ret_error);
WARREN_API void warren_client_close(warren_client *client);

/* Calls method with one map of parameters (owned by the call; NULL: empty map) and waits for the
 * answer.  OK: *ret_result is the caller's.  Otherwise the code, and warren_client_problem has
 * the agent's text.  timeout_ms 0 waits for ever.  NOT_RUNNING: the agent went away; the client
 * can only be closed then. */
WARREN_API warren_error warren_client_call(warren_client *client, const char *method,
                                           warren_value *params, uint64_t timeout_ms,
                                           warren_value **ret_result);
/* The same, for calls that take long: notifications that arrive meanwhile go to seen, which may
 * not use the client. */
typedef void (*warren_notification_fn)(void *ctx, const char *method, const warren_value *params);
WARREN_API warren_error warren_client_call_watch(warren_client *client, const char *method,
                                                 warren_value *params, uint64_t timeout_ms,
                                                 warren_notification_fn seen, void *ctx,
                                                 warren_value **ret_result);
/* The next notification: *ret_method lives until the next call, *ret_params (a map) is the
 * caller's.  timeout_ms 0 waits for ever; TIMEOUT when none came.  Notifications that arrive during
 * a call are kept, WARREN_NOTIFICATIONS_MAX at most; if more came, they are lost and this returns
 * TOO_LARGE once, in their place: resume a subscription from its last cursor. */
#define WARREN_NOTIFICATIONS_MAX 4096
WARREN_API warren_error warren_client_wait(warren_client *client, uint64_t timeout_ms,
                                           const char **ret_method, warren_value **ret_params);
/* For a loop of the caller's: readable when warren_client_wait may have something.  First ask
 * warren_client_pending, which tells of what has been read already. */
WARREN_API int warren_client_fd(const warren_client *client);
WARREN_API bool warren_client_pending(const warren_client *client);
WARREN_API const char *warren_client_problem(const warren_client *client);

/* "invalid" .. and the exit code that belongs to it. */
WARREN_API const char *warren_error_text(warren_error error);
WARREN_API int warren_error_exit(warren_error error);

#ifdef __cplusplus
}
#endif

#endif /* WARREN_CLIENT_H */
