/* Token bucket: how much of something is allowed over time, with the clock handed in.
 *
 *   full -> take takes tokens -> time puts them back, up to the burst
 *
 * Layer:  base
 * Owner:  the struct lives inside its owner; its fields are private to bucket.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_BASE_BUCKET_H
#define WR_BASE_BUCKET_H

#include "base/base.h"

typedef struct wr_bucket_rate {
    uint32_t burst;      /* tokens of a full bucket */
    uint32_t per_second; /* tokens that come back; 0: none ever */
} wr_bucket_rate;

typedef struct wr_bucket {
    wr_bucket_rate rate;
    uint64_t millitokens;
    wr_mono filled; /* time up to which tokens were put back */
} wr_bucket;

/* Starts full. */
void wr_bucket_init(wr_bucket *bucket, wr_bucket_rate rate, wr_mono now);
/* Takes count tokens; false (nothing taken) if there are fewer. */
WR_MUST bool wr_bucket_take(wr_bucket *bucket, uint32_t count, wr_mono now);

#endif /* WR_BASE_BUCKET_H */
