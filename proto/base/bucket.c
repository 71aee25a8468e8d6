/* A millitoken per millisecond and token per second: whole numbers, nothing lost to rounding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/bucket.h"

static uint64_t full(const wr_bucket *bucket) {
    return (uint64_t)bucket->rate.burst * 1000u;
}

void wr_bucket_init(wr_bucket *bucket, wr_bucket_rate rate, wr_mono now) {
    *bucket = (wr_bucket){.rate = rate, .filled = now};
    bucket->millitokens = full(bucket);
}

static void refill(wr_bucket *bucket, wr_mono now) {
    if (now.ms <= bucket->filled.ms)
        return;
    uint64_t elapsed_ms = now.ms - bucket->filled.ms;
    uint64_t missing = full(bucket) - bucket->millitokens;
    bucket->filled = now;
    if (bucket->rate.per_second == 0)
        return;
    /* Compared before it is multiplied: a long sleep must not overflow. */
    if (elapsed_ms > missing / bucket->rate.per_second)
        bucket->millitokens += missing;
    else
        bucket->millitokens += elapsed_ms * bucket->rate.per_second;
}

bool wr_bucket_take(wr_bucket *bucket, uint32_t count, wr_mono now) {
    refill(bucket, now);
    WR_ASSERT(bucket->millitokens <= full(bucket));
    uint64_t wanted = (uint64_t)count * 1000u;
    if (bucket->millitokens < wanted)
        return false;
    bucket->millitokens -= wanted;
    return true;
}
