/* The 24 recovery words on a screen.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

/* Numbered in columns with advice on a terminal; one plain line elsewhere. */
void words_show(const char *words);

#endif /* CLI_WORDS_H */
