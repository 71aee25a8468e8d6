/* Small files are whole or not there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/file.h"
#include "harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char problem[FILE_PROBLEM_MAX];

static void check_content(const char *path, const char *want) {
    uint8_t bytes[64];
    wr_buf out = WR_BUF_ARRAY(bytes);
    T_OK(file_read(path, &out, problem));
    T_SLICE(wr_buf_slice(&out), wr_slice_str(want));
}

static void a_file_is_created_once_and_replaced_whole(void **state) {
    (void)state;
    char folder[] = "/tmp/warren-file-XXXXXX", path[64], fresh[80];
    struct stat st;
    T_TRUE(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/it", folder);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    T_OK(file_write(path, wr_slice_str("one"), FILE_CREATE, problem));
    T_ERR(file_write(path, wr_slice_str("two"), FILE_CREATE, problem), WR_ERR_EXISTS);
    check_content(path, "one");
    T_TRUE(stat(fresh, &st) != 0);
    /* What a crash left behind is no obstacle. */
    FILE *left = fopen(fresh, "wb");
    T_TRUE(left != NULL);
    T_EQ(fclose(left), 0);
    T_OK(file_write(path, wr_slice_str("three"), FILE_REPLACE, problem));
    check_content(path, "three");
    T_EQ(stat(path, &st), 0);
    T_EQ(st.st_mode & 0777, 0600);
    T_TRUE(stat(fresh, &st) != 0);
    T_EQ(unlink(path), 0);
    T_EQ(rmdir(folder), 0);
    T_ERR(file_write(path, wr_slice_str("x"), FILE_REPLACE, problem), WR_ERR_IO);
    T_TRUE(strstr(problem, path) != NULL);
}

static void reading_is_bounded(void **state) {
    (void)state;
    char path[] = "/tmp/warren-file-XXXXXX";
    uint8_t bytes[8];
    int fd = mkstemp(path);
    T_EQ(write(fd, "12345678", 8), 8);
    wr_buf fits = wr_buf_of(bytes, 8), small = wr_buf_of(bytes, 7);
    T_OK(file_read(path, &fits, problem));
    T_EQ(fits.len, 8);
    T_ERR(file_read(path, &small, problem), WR_ERR_NOBUF);
    T_EQ(small.len, 0);
    T_EQ(close(fd), 0);
    T_EQ(unlink(path), 0);
    T_ERR(file_read(path, &small, problem), WR_ERR_UNKNOWN);
    T_ERR(file_read("/tmp", &small, problem), WR_ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_created_once_and_replaced_whole),
        cmocka_unit_test(reading_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
