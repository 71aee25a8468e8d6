/* Error codes of the local RPC and exit codes of the command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WARREN_ERROR_H
#define WARREN_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* The part of an RPC error before the colon.
 *   name          text            exit  meaning                                          */
#define WARREN_ERROR_MAP(X)                                                                        \
    X(INVALID, "invalid", 2, "the request is malformed or out of range")                           \
    X(NOT_FOUND, "not_found", 4, "no such device, log, key or blob")                               \
    X(REFUSED, "refused", 5, "not a member, bad code, bad signature, wrong recovery key")          \
    X(UNAVAILABLE, "unavailable", 1, "not possible now, for example no network path")              \
    X(TIMEOUT, "timeout", 6, "nobody answered in time")                                            \
    X(CONFLICT, "conflict", 1, "already there or already under way")                               \
    X(TOO_LARGE, "too_large", 1, "over a limit; the text names it")                                \
    X(IO, "io", 1, "the disk or the operating system failed")                                      \
    X(NO_CIRCLE, "no_circle", 1, "this home has no circle yet")                                    \
    X(INTERNAL, "internal", 1, "a fault of this program")                                          \
    X(NOT_RUNNING, "not_running", 3, "no agent answers on the socket")

typedef enum warren_error {
    WARREN_OK = 0,
#define WARREN_ERROR_ENUM(name, text, exit_code, meaning) WARREN_E_##name,
    WARREN_ERROR_MAP(WARREN_ERROR_ENUM)
#undef WARREN_ERROR_ENUM
} warren_error;

#ifdef __cplusplus
}
#endif

#endif /* WARREN_ERROR_H */
