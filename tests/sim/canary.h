/* A planted bug: what the simulator's checks are for, so that a test can see them fail.
 *
 * Layer:  tests.  warren-sim has none (canary_none.c); warren-sim-canary has many (canary.c), put
 *         between the shipping parts by the linker (--wrap).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_CANARY_H
#define SIM_CANARY_H

#include <stdbool.h>

/* From here on the bug of this name is there.  False: this program has no such bug. */
bool canary_choose(const char *name);

#endif /* SIM_CANARY_H */
