/* The command line: beginning anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_cli_world.h"
#include "api_fake_members.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "harness/harness.h"

enum { DONE, FAILED, USAGE };

static void expect_code(const ran *r, int code) {
    if (r->code != code)
        fprintf(stderr, "out: %s\nerr: %s\n", r->out, r->err);
    T_EQ(r->code, code);
}

static void a_reset_asks_and_takes_the_words(void **state) {
    (void)state;
    static const char *const args[] = {"circle", "reset", "--without", "desktop", NULL};
    static const typed no[] = {{"[y/N] ", "n\n"}, {NULL, NULL}};
    static const typed yes[] = {{"Leave 'desktop' behind and reset the circle?", ""},
                                {"[y/N] ", "y\n"},
                                {"The 24 words, on one line: ", FAKE_WORDS "\n"},
                                {NULL, NULL}};
    static const char *const all[] = {"circle", "reset", "--yes", "--json", NULL};
    static const typed words[] = {{"", FAKE_WORDS "\n"}, {NULL, NULL}};
    world w;
    world_init(&w);
    fake_members *m = fake_hub_members(w.hub);
    ran r = cli_run(&w, true, no, args);
    expect_code(&r, FAILED);
    r = cli(&w, "circle", "reset", "--yes");
    expect_code(&r, USAGE);
    T_STR(r.err, "warren: no words were given\n");
    T_EQ(m->resets, 0);
    r = cli_run(&w, true, yes, args);
    expect_code(&r, DONE);
    expect_has(r.err, "The circle begins anew");
    T_EQ(m->device.b[0], 2);
    T_STR(m->words, FAKE_WORDS);
    r = cli_run(&w, false, words, all);
    expect_code(&r, DONE);
    T_STR(r.out, "{}\n");
    T_EQ(m->device.b[0], 0);
    T_EQ(m->resets, 2);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_asks_and_takes_the_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
