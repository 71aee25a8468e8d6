/* Which entries have been printed: a set of entry ids.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_SEEN_H
#define CLI_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct seen { /* starts as {0} */
    uint64_t (*slots)[2];
    size_t count, cap;
} seen;

/* True if id is new; it is in the set afterwards. */
bool seen_add(seen *set, const char *id);
void seen_free(seen *set);

#endif /* CLI_SEEN_H */
