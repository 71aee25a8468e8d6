/* Small files that are whole or not there: bounded reading, atomic writing.
 *
 * Layer:  core
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "base/base.h"

#define FILE_PATH_MAX 1024u
#define FILE_PROBLEM_MAX 1536u

/* Appends the whole file to out.
 *   UNKNOWN  there is no such file
 *   NOBUF    it is larger than out has room
 *   IO       with a text in problem */
WR_MUST wr_err file_read(const char *path, wr_buf *out, char problem[FILE_PROBLEM_MAX]);

typedef enum file_mode {
    FILE_CREATE,  /* EXISTS if there is one */
    FILE_REPLACE, /* there may be one */
} file_mode;

/* Writes path, 0600, through a new file beside it: after a crash at any point the old content (or
 * nothing) is there, or the new one.  Durable when it returns OK.
 *   EXISTS  see file_mode
 *   IO      with a text in problem; nothing changed */
WR_MUST wr_err file_write(const char *path, wr_slice content, file_mode mode,
                          char problem[FILE_PROBLEM_MAX]);

#endif /* CORE_FILE_H */
