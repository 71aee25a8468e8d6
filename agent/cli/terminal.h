/* Questions to the person: yes or no, a secret without echo or from a file.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Standard input and error are a terminal: there is somebody to ask. */
bool terminal_present(void);
/* Asks on stderr and reads one line of stdin (terminal or not); only y or yes is yes. */
bool terminal_confirm(const char *question);
/* Whether a line of stdin says yes; false at its end. */
bool terminal_read_yes(void);
/* One line without its end; echo off where stdin is a terminal and hide is set.  False: nothing
 * came, or it did not fit.  The caller wipes out. */
bool terminal_read_line(const char *prompt, bool hide, char *out, size_t cap);
/* The first line of a file without its end, cut at cap - 1 bytes.  False: errno says why.  The
 * caller wipes out. */
bool terminal_read_file(const char *path, char *out, size_t cap);
/* Overwrites a secret so that the compiler cannot leave it out. */
void terminal_wipe(void *secret, size_t len);

#endif /* CLI_TERMINAL_H */
