/* The token bucket at its edges: burst, refill, sleep, a clock that stands or goes back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/bucket.h"
#include "harness/harness.h"

static const wr_bucket_rate rate = {.burst = 5, .per_second = 2};

static void a_new_bucket_gives_its_burst_and_then_nothing(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, rate, (wr_mono){7});
    for (unsigned i = 0; i < 5; i++)
        T_TRUE(wr_bucket_take(&bucket, 1, (wr_mono){7}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){7}));
    T_TRUE(wr_bucket_take(&bucket, 0, (wr_mono){7}));
}

static void a_token_is_back_exactly_when_its_time_has_passed(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, rate, (wr_mono){0});
    T_TRUE(wr_bucket_take(&bucket, 5, (wr_mono){0}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){499}));
    T_TRUE(wr_bucket_take(&bucket, 1, (wr_mono){500}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){999}));
    T_TRUE(wr_bucket_take(&bucket, 1, (wr_mono){1000}));
}

static void asking_often_loses_no_part_of_a_token(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, (wr_bucket_rate){.burst = 1, .per_second = 3}, (wr_mono){0});
    unsigned taken = 0;
    for (uint64_t ms = 0; ms < 10000; ms++)
        taken += wr_bucket_take(&bucket, 1, (wr_mono){ms}) ? 1 : 0;
    T_EQ(taken, 1 + 29); /* one at the start, three a second, each a little after its third */
}

static void a_refused_request_takes_nothing(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, rate, (wr_mono){0});
    T_FALSE(wr_bucket_take(&bucket, 6, (wr_mono){0}));
    T_FALSE(wr_bucket_take(&bucket, UINT32_MAX, (wr_mono){0}));
    T_TRUE(wr_bucket_take(&bucket, 5, (wr_mono){0}));
}

static void a_long_sleep_fills_to_the_burst_and_not_beyond(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, rate, (wr_mono){0});
    T_TRUE(wr_bucket_take(&bucket, 5, (wr_mono){0}));
    T_TRUE(wr_bucket_take(&bucket, 5, (wr_mono){UINT64_MAX}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){UINT64_MAX}));

    wr_bucket_rate most = {.burst = UINT32_MAX, .per_second = UINT32_MAX};
    wr_bucket_init(&bucket, most, (wr_mono){0});
    T_TRUE(wr_bucket_take(&bucket, UINT32_MAX, (wr_mono){0}));
    T_TRUE(wr_bucket_take(&bucket, UINT32_MAX, (wr_mono){UINT64_MAX}));
}

static void a_clock_that_goes_back_gives_nothing(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, rate, (wr_mono){10000});
    T_TRUE(wr_bucket_take(&bucket, 5, (wr_mono){10000}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){0}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){10499}));
    T_TRUE(wr_bucket_take(&bucket, 1, (wr_mono){10500}));
}

static void a_rate_of_zero_never_refills(void **state) {
    (void)state;
    wr_bucket bucket;
    wr_bucket_init(&bucket, (wr_bucket_rate){.burst = 1, .per_second = 0}, (wr_mono){0});
    T_TRUE(wr_bucket_take(&bucket, 1, (wr_mono){0}));
    T_FALSE(wr_bucket_take(&bucket, 1, (wr_mono){UINT64_MAX}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_bucket_gives_its_burst_and_then_nothing),
        cmocka_unit_test(a_token_is_back_exactly_when_its_time_has_passed),
        cmocka_unit_test(asking_often_loses_no_part_of_a_token),
        cmocka_unit_test(a_refused_request_takes_nothing),
        cmocka_unit_test(a_long_sleep_fills_to_the_burst_and_not_beyond),
        cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
        cmocka_unit_test(a_rate_of_zero_never_refills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
