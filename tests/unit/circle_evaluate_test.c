/* The evaluator by itself: named histories, and random ones against the oracle.  A number as
 * argument is how many of the latter.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle_history.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t histories = 1500;
static uint64_t first_seed = 1;

/* Every answer in several orders: the oracle's labels are a function of the set, so agreement with
 * it in each order is agreement of the orders. */
static void random_histories_evaluate_as_the_rule_says_in_every_order(void **state) {
    static o_history h;
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + histories; seed++) {
        t_dice dice = {seed};
        h_random(&h, &dice);
        bool fine = h_deliver(&h, &dice, 20) && h_deliver(&h, &dice, 5) && h_deliver(&h, &dice, 0);
        if (!fine)
            (void)printf("seed %llu\n", (unsigned long long)seed);
        T_TRUE(fine);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_evaluate_as_the_rule_says_in_every_order),
    };
    if (argc > 1)
        histories = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoull(argv[2], NULL, 10);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    h_end();
    return failed;
}
