/* Small files: written beside, synced, renamed, and the folder synced.
 *
 * Layer:  core
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static wr_err failed(const char *verb, const char *path, char problem[FILE_PROBLEM_MAX]) {
    (void)snprintf(problem, FILE_PROBLEM_MAX, "cannot %s %s: %s", verb, path, strerror(errno));
    return WR_ERR_IO;
}

/* ---- reading ----------------------------------------------------------------------------- */

static wr_err read_all(int fd, const char *path, wr_buf *out, char problem[FILE_PROBLEM_MAX]) {
    size_t before = out->len;
    for (;;) {
        uint8_t one;
        bool full = wr_buf_room(out) == 0;
        /* With no room left, one more byte tells a file that fits from one that does not. */
        ssize_t got = full ? read(fd, &one, 1) : read(fd, out->ptr + out->len, wr_buf_room(out));
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return WR_OK;
        if (got < 0 || full) {
            out->len = before;
            return got < 0 ? failed("read", path, problem) : WR_ERR_NOBUF;
        }
        out->len += (size_t)got;
    }
}

wr_err file_read(const char *path, wr_buf *out, char problem[FILE_PROBLEM_MAX]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? WR_ERR_UNKNOWN : failed("read", path, problem);
    wr_err err = read_all(fd, path, out, problem);
    (void)close(fd);
    return err;
}

/* ---- writing ----------------------------------------------------------------------------- */

static wr_err write_all(int fd, wr_slice content) {
    while (content.len != 0) {
        ssize_t done = write(fd, content.ptr, content.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return WR_ERR_IO;
        content = wr_slice_of(content.ptr + done, content.len - (size_t)done);
    }
    return fsync(fd) == 0 ? WR_OK : WR_ERR_IO;
}

static wr_err write_fresh(const char *fresh, wr_slice content, char problem[FILE_PROBLEM_MAX]) {
    /* Left over from a crash; nobody else writes beside our files. */
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed("create", fresh, problem);
    wr_err err = write_all(fd, content);
    if (err != WR_OK)
        err = failed("write", fresh, problem);
    if (close(fd) != 0 && err == WR_OK)
        err = failed("write", fresh, problem);
    return err;
}

static wr_err sync_folder_of(const char *path, char problem[FILE_PROBLEM_MAX]) {
    char folder[FILE_PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed("sync the folder of", path, problem);
    int rc = fsync(fd);
    wr_err err = rc == 0 ? WR_OK : failed("sync the folder of", path, problem);
    (void)close(fd);
    return err;
}

static wr_err put_in_place(const char *fresh, const char *path, file_mode mode,
                           char problem[FILE_PROBLEM_MAX]) {
    unsigned flags = mode == FILE_CREATE ? RENAME_NOREPLACE : 0;
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, flags) == 0)
        return WR_OK;
    if (errno == EEXIST) {
        (void)snprintf(problem, FILE_PROBLEM_MAX, "%s is already there", path);
        return WR_ERR_EXISTS;
    }
    return failed("write", path, problem);
}

wr_err file_write(const char *path, wr_slice content, file_mode mode,
                  char problem[FILE_PROBLEM_MAX]) {
    char fresh[FILE_PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return failed("write", path, problem);
    }
    wr_err err = write_fresh(fresh, content, problem);
    if (err == WR_OK)
        err = put_in_place(fresh, path, mode, problem);
    if (err != WR_OK) {
        (void)unlink(fresh);
        return err;
    }
    return sync_folder_of(path, problem);
}
