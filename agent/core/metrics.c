/* Names and meanings of the counters.
 *
 * Layer:  core
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/metrics.h"

const char *metric_name(metric m) {
    static const char *const names[METRIC_COUNT] = {
#define METRIC_NAME(name, text, meaning) text,
        METRIC_MAP(METRIC_NAME)
#undef METRIC_NAME
    };
    WR_ASSERT(m < METRIC_COUNT);
    return names[m];
}

const char *metric_meaning(metric m) {
    static const char *const meanings[METRIC_COUNT] = {
#define METRIC_MEANING(name, text, meaning) meaning,
        METRIC_MAP(METRIC_MEANING)
#undef METRIC_MEANING
    };
    WR_ASSERT(m < METRIC_COUNT);
    return meanings[m];
}
