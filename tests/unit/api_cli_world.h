/* The real command line against the API on a fake hub: one process each, its output and its code.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_API_CLI_WORLD_H
#define TESTS_UNIT_API_CLI_WORLD_H

#include "api_world.h"

typedef struct ran {
    int code;
    char out[16384], err[16384];
} ran;

/* What a person does: as soon as expect stands on stderr (after the last one), types answer. */
typedef struct typed {
    const char *expect, *answer;
} typed;

/* Runs "warren --home HOME args ..".  args is NULL-ended; script ends with {NULL, NULL}, after
 * which the standard input ends where it is no terminal. */
ran cli_run(world *w, bool terminal, const typed *script, const char *const *args);
#define cli(w, ...) cli_run((w), false, no_script, (const char *const[]){__VA_ARGS__, NULL})
extern const typed no_script[];

/* text contains part; prints both where not. */
void expect_has(const char *text, const char *part);
void expect_not(const char *text, const char *part);

#endif /* TESTS_UNIT_API_CLI_WORLD_H */
