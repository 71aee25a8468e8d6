/* The 24 recovery words: on a screen, and from whoever knows them.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/print.h"
#include "cli/terminal.h"

#define WORDS 24u
#define ROWS 6u

void words_show(const char *words) {
    if (!print_is_terminal()) {
        puts(words);
        return;
    }
    const char *at[WORDS];
    int len[WORDS];
    size_t count = 0;
    for (const char *p = words; *p && count < WORDS; count++) {
        at[count] = p;
        len[count] = (int)strcspn(p, " ");
        p += len[count];
        p += strspn(p, " ");
    }
    puts("\nRecovery words. Write them down now, on paper; they are not shown again.\n"
         "They are the only way back when all devices are lost, and whoever has them is you.\n");
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = row; i < count; i += ROWS)
            printf("  %2zu %s%-10.*s%s", i + 1, print_style_text(PRINT_BOLD), len[i], at[i],
                   print_style_text(PRINT_PLAIN));
        putchar('\n');
    }
    puts("\n'warren recovery check' tells whether what you wrote down is right.\n");
}

int words_read(const cli *c, const char *file, char out[WORDS_TEXT_MAX]) {
    bool from_file = file && strcmp(file, "-") != 0;
    if (from_file && !terminal_read_file(file, out, WORDS_TEXT_MAX))
        return cli_fail(c, WARREN_E_IO, "%s: %s", file, strerror(errno));
    bool given =
        from_file || terminal_read_line("The 24 words, on one line: ", true, out, WORDS_TEXT_MAX);
    return given && out[0] ? CLI_DONE : cli_fail(c, WARREN_E_INVALID, "no words were given");
}
