/* The 24 recovery words: on a screen, and from whoever knows them.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli/cli.h"

#define WORDS_TEXT_MAX 1024u

/* Numbered in columns with advice on a terminal; one plain line elsewhere. */
void words_show(const char *words);
/* One line of file; of the standard input where file is "-" or NULL, without echo on a terminal.
 * Not 0: the exit code; it has been said why.  The caller wipes out. */
int words_read(const cli *c, const char *file, char out[WORDS_TEXT_MAX]);

#endif /* CLI_WORDS_H */
