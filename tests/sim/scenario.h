/* Named scenarios: stories with a few devices, told step by step, whatever the seed.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/world.h"

typedef struct scenario {
    const char *name;
    const char *story; /* one line */
    uint32_t devices;
    void (*play)(world *w);
} scenario;

extern const scenario scenarios[];
extern const size_t scenario_count;
const scenario *scenario_find(const char *name); /* NULL: none */

#endif /* SIM_SCENARIO_H */
