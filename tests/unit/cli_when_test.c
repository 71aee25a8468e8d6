/* Times as people write them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/when.h"

#include <stdlib.h>
#include <time.h>

#include "harness/harness.h"

#define NOW_MS 1732400000123u /* 2024-11-23 */
#define HOUR_MS 3600000u

static void expect_when(const char *text, uint64_t want_ms) {
    uint64_t ms = 7;
    T_EQ(when_parse(text, NOW_MS, &ms), want_ms != 0);
    T_EQ(ms, want_ms ? want_ms : 7);
}

static int two_hours_east(void **state) {
    (void)state;
    setenv("TZ", "EET-2", 1);
    tzset();
    return 0;
}

static void a_day_or_a_minute_is_local_time(void **state) {
    (void)state;
    expect_when("2024-02-29", 1709157600000u);
    expect_when("2024-02-29T00:00", 1709157600000u);
    expect_when("2024-02-29T14:05", 1709208300000u);
    expect_when("2024-02-29T23:59", 1709243940000u);
    expect_when("2023-12-31", 1703973600000u);
}

static void an_age_counts_back_from_now(void **state) {
    (void)state;
    expect_when("3d", NOW_MS - 72ull * HOUR_MS);
    expect_when("12h", NOW_MS - 12ull * HOUR_MS);
    expect_when("1h", NOW_MS - 1ull * HOUR_MS);
    expect_when("365d", NOW_MS - 365ull * 24 * HOUR_MS);
    expect_when("000003d", NOW_MS - 72ull * HOUR_MS);
}

static void whatever_else_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "yesterday",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-01-00",
        "2024-1-1",
        "2024-02-29T24:00",
        "2024-02-29T",
        "3.5d",
        "2024-02-29T14:60",
        "2024-02-29T14:00:00",
        "2024-02-29T14",
        "3",
        "d",
        "3m",
        "0d",
        "-3d",
        "3 d",
        "3dd",
        "999999d",
        "9999999d",
        "1969-01-01",
        "2024-02-29x",
        "+3d",
        "2024-02-29 14:00",
        "0000-01-01",
        "9999-01-01",
        " 3d",
        "2024/02/29",
    };
    for (size_t i = 0; i < WR_COUNT(bad); i++)
        expect_when(bad[i], 0);
}

static void the_past_ends_before_now(void **state) {
    (void)state;
    uint64_t ms = 0, day = 1709157600000u;
    T_TRUE(when_parse("2024-02-29", day + 1, &ms));
    T_FALSE(when_parse("2024-02-29", day, &ms));
    T_FALSE(when_parse("1h", HOUR_MS, &ms));
    T_TRUE(when_parse("1h", HOUR_MS + 1, &ms));
    T_EQ(ms, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_or_a_minute_is_local_time),
        cmocka_unit_test(an_age_counts_back_from_now),
        cmocka_unit_test(whatever_else_is_refused),
        cmocka_unit_test(the_past_ends_before_now),
    };
    return cmocka_run_group_tests(tests, two_hours_east, NULL);
}
