/* The word list of BIP-39 and its search.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/words.h"
#include "harness/harness.h"

static void every_word_finds_its_own_index(void **state) {
    (void)state;
    for (uint16_t i = 0; i < WR_WORD_COUNT; i++) {
        uint16_t index = 0xffff;
        T_OK(wr_word_index(wr_slice_str(wr_word(i)), &index));
        T_EQ(index, i);
    }
}

static void the_list_is_sorted_and_unique_in_its_first_four_letters(void **state) {
    (void)state;
    for (uint16_t i = 1; i < WR_WORD_COUNT; i++) {
        wr_slice before = wr_slice_str(wr_word((uint16_t)(i - 1)));
        wr_slice word = wr_slice_str(wr_word(i));
        T_TRUE(word.len >= 3 && word.len <= WR_WORD_BYTES_MAX);
        before.len = before.len < 4 ? before.len : 4;
        word.len = word.len < 4 ? word.len : 4;
        T_TRUE(wr_order(before, word) < 0);
    }
}

static void known_words_stand_where_the_standard_puts_them(void **state) {
    (void)state;
    T_STR(wr_word(0), "abandon");
    T_STR(wr_word(1), "ability");
    T_STR(wr_word(3), "about");
    T_STR(wr_word(102), "art");
    T_STR(wr_word(1019), "legal");
    T_STR(wr_word(2037), "wrong");
    T_STR(wr_word(2047), "zoo");
}

static void copying_gives_the_same_words_and_clears_the_rest(void **state) {
    (void)state;
    for (uint16_t i = 0; i < WR_WORD_COUNT; i++) {
        char word[WR_WORD_BYTES_MAX + 1];
        memset(word, 'x', sizeof word);
        wr_word_copy(i, word);
        T_STR(word, wr_word(i));
        for (size_t k = strlen(word); k < sizeof word; k++)
            T_EQ(word[k], 0);
    }
}

static void case_does_not_matter(void **state) {
    (void)state;
    uint16_t index = 0;
    T_OK(wr_word_index(wr_slice_str("ZOO"), &index));
    T_EQ(index, 2047);
    T_OK(wr_word_index(wr_slice_str("AbOuT"), &index));
    T_EQ(index, 3);
}

static void what_is_not_a_word_is_unknown_and_writes_nothing(void **state) {
    (void)state;
    static const char *const bad[] = {"",     "a",       "aban",      "abandonn",  "abandon ",
                                      " zoo", "zoo\n",   "zzz",       "abandons1", "{oo",
                                      "[oo",  "@bandon", "ab\xe1ndon"};
    uint16_t index = 4711;
    for (size_t i = 0; i < WR_COUNT(bad); i++)
        T_ERR(wr_word_index(wr_slice_str(bad[i]), &index), WR_ERR_UNKNOWN);
    T_ERR(wr_word_index(wr_slice_of("zoo\0", 4), &index), WR_ERR_UNKNOWN);
    T_ERR(wr_word_index(wr_slice_of("zoo\0\0\0\0\0", 8), &index), WR_ERR_UNKNOWN);
    T_EQ(index, 4711);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_finds_its_own_index),
        cmocka_unit_test(the_list_is_sorted_and_unique_in_its_first_four_letters),
        cmocka_unit_test(known_words_stand_where_the_standard_puts_them),
        cmocka_unit_test(copying_gives_the_same_words_and_clears_the_rest),
        cmocka_unit_test(case_does_not_matter),
        cmocka_unit_test(what_is_not_a_word_is_unknown_and_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
