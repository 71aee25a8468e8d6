/* The pattern tables: names, modifiers, and what a pattern asks of each side.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "harness/harness.h"

#include "channel/pattern.h"

static wr_pattern find(const char *name) {
    wr_pattern pattern;
    T_OK(wr_pattern_find(wr_slice_str(name), &pattern));
    return pattern;
}

static void constants_are_what_their_names_say(void **state) {
    (void)state;
    const wr_pattern *constants[] = {WR_PATTERN_IKPSK2, WR_PATTERN_XXPSK0, WR_PATTERN_XPSK1};
    for (size_t i = 0; i < WR_COUNT(constants); i++) {
        wr_pattern found = find(constants[i]->name);
        T_STR(found.name, constants[i]->name);
        T_EQ(found.pre, constants[i]->pre);
        T_MEM(found.tokens, constants[i]->tokens, sizeof found.tokens);
    }
}

static void psk_modifiers_go_where_their_number_says(void **state) {
    (void)state;
    static const uint8_t want[] = {WR_T_PSK, WR_T_E,  WR_T_PSK, WR_T_FLIP, WR_T_E,
                                   WR_T_EE,  WR_T_S,  WR_T_ES,  WR_T_PSK,  WR_T_FLIP,
                                   WR_T_S,   WR_T_SE, WR_T_PSK, WR_T_END};
    wr_pattern all = find("XXpsk0+psk1+psk2+psk3");
    T_MEM(all.tokens, want, sizeof want);
    T_EQ(wr_pattern_psk_count(&all), 4);
    T_EQ(wr_pattern_message_count(&all), 3);
    wr_pattern longest = find("X1X1psk0+psk1+psk2+psk3+psk4");
    T_EQ(wr_pattern_psk_count(&longest), WR_PATTERN_PSKS_MAX);
}

static void unknown_patterns_and_modifiers_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "",
        "Z",
        "XXIK",
        "xx",
        "XXfallback",
        "XXpsk4",
        "NNpsk3",
        "Npsk2",
        "XXpsk",
        "XXpsk0psk1",
        "XXpsk0+",
        "XXpsk1+psk0",
        "XXpsk0+psk0",
        "XX+psk0",
        "XXpsk10",
        "XXpsk0 ",
        "XXpsk-",
        "psk0",
        "XXpsk0+psk",
        "XXhfs",
        "XXpsk0+psk1+psk2+psk3+psk4+psk5+psk6+psk7",
    };
    for (size_t i = 0; i < WR_COUNT(names); i++) {
        wr_pattern pattern = {.name = "before"};
        T_ERR(wr_pattern_find(wr_slice_str(names[i]), &pattern), WR_ERR_UNKNOWN);
        T_STR(pattern.name, "before");
    }
}

static void pattern_says_which_keys_each_side_has(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool i_static, r_static, i_knows, r_knows, one_way;
    } rows[] = {
        {"NN", false, false, false, false, false}, {"NK", false, true, true, false, false},
        {"NX", false, true, false, false, false},  {"KN", true, false, false, true, false},
        {"KK", true, true, true, true, false},     {"XN", true, false, false, false, false},
        {"XX", true, true, false, false, false},   {"IK", true, true, true, false, false},
        {"IX1", true, true, false, false, false},  {"N", false, true, true, false, true},
        {"K", true, true, true, true, true},       {"X", true, true, true, false, true},
        {"Xpsk1", true, true, true, false, true},
    };
    for (size_t i = 0; i < WR_COUNT(rows); i++) {
        wr_pattern p = find(rows[i].name);
        T_EQ(wr_pattern_has_static(&p, WR_INITIATOR), rows[i].i_static);
        T_EQ(wr_pattern_has_static(&p, WR_RESPONDER), rows[i].r_static);
        T_EQ(wr_pattern_knows_remote(&p, WR_INITIATOR), rows[i].i_knows);
        T_EQ(wr_pattern_knows_remote(&p, WR_RESPONDER), rows[i].r_knows);
        T_EQ(wr_pattern_one_way(&p), rows[i].one_way);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_are_what_their_names_say),
        cmocka_unit_test(psk_modifiers_go_where_their_number_says),
        cmocka_unit_test(unknown_patterns_and_modifiers_are_refused),
        cmocka_unit_test(pattern_says_which_keys_each_side_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
