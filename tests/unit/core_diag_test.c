/* Lines of diag, and the names of the counters.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/diag.h"
#include "core/metrics.h"
#include "harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_line(wr_wall wall, const diag_field *fields, const char *want) {
    uint8_t bytes[DIAG_LINE_MAX];
    wr_buf out = WR_BUF_ARRAY(bytes);
    diag_format(wall, DIAG_INFO, DIAG_EV_LINK_UP, fields, &out);
    T_SLICE(wr_buf_slice(&out), wr_slice_str(want));
}

static void a_line_has_time_level_event_and_fields(void **state) {
    (void)state;
    const diag_field fields[] = {diag_text("path", "lan"),
                                 diag_number("count", 12),
                                 diag_reason(WR_ERR_TIMEOUT),
                                 {.key = NULL}};
    const diag_field none[] = {{.key = NULL}};
    check_line((wr_wall){1767225600123}, fields,
               "time=2026-01-01T00:00:00.123Z level=info event=link.up path=lan count=12 "
               "reason=\"deadline passed\"");
    check_line((wr_wall){0}, none, "level=info event=link.up");
}

static void values_are_escaped_and_cut(void **state) {
    (void)state;
    static const uint8_t hostile[] = "a\nlevel=error \"x\" \\ \x1b[31m\xff";
    char lengthy[70];
    memset(lengthy, 'y', sizeof lengthy);
    const diag_field one[] = {diag_bytes("name", wr_slice_of(hostile, sizeof hostile - 1)), {0}};
    check_line((wr_wall){0}, one,
               "level=info event=link.up name=\"a\\x0alevel=error \\x22x\\x22 \\x5c "
               "\\x1b[31m\\xff\"");
    const diag_field empty[] = {diag_text("name", ""), {0}};
    check_line((wr_wall){0}, empty, "level=info event=link.up name=\"\"");
    const diag_field fits[] = {diag_bytes("n", wr_slice_of(lengthy, 64)), {0}};
    check_line((wr_wall){0}, fits,
               "level=info event=link.up "
               "n=yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    const diag_field cut[] = {diag_bytes("n", wr_slice_of(lengthy, 65)), {0}};
    check_line((wr_wall){0}, cut,
               "level=info event=link.up "
               "n=\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...\"");
}

static void a_line_that_is_too_long_is_cut(void **state) {
    (void)state;
    uint8_t bytes[32];
    wr_buf out = WR_BUF_ARRAY(bytes);
    const diag_field fields[] = {diag_text("path", "lan"), diag_text("more", "x"), {0}};
    diag_format((wr_wall){0}, DIAG_INFO, DIAG_EV_LINK_UP, fields, &out);
    T_SLICE(wr_buf_slice(&out), wr_slice_str("level=info event=link.up path="));
}

/* ---- the file ---- */

static uint64_t size_of(const char *path) {
    struct stat st;
    T_EQ(stat(path, &st), 0);
    T_EQ(st.st_mode & 0777, 0600);
    return (uint64_t)st.st_size;
}

static void the_file_is_private_filtered_and_rotated_once(void **state) {
    (void)state;
    char folder[] = "/tmp/warren-diag-XXXXXX", path[64], older[64];
    loop *l = NULL;
    T_OK(loop_open(&l));
    T_TRUE(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/agent.log", folder);
    (void)snprintf(older, sizeof older, "%s/agent.log.1", folder);
    T_ERR(diag_open("/nonexistent/agent.log"), WR_ERR_IO);
    T_OK(diag_open(path));
    diag_set_level(DIAG_INFO);
    diag_set_loop(l);
    diag(DIAG_DEBUG, LINK_UP, diag_text("path", "lan"));
    T_EQ(size_of(path), 0);
    diag(DIAG_INFO, LINK_UP, diag_text("path", "lan"), diag_number("n", 1));
    uint64_t line = size_of(path);
    T_TRUE(line > 60);
    diag(DIAG_ERROR, STORE_FAILED);
    T_TRUE(size_of(path) > line);
    /* Reopening appends; a file that is nearly full is moved away before the line, not after. */
    T_OK(diag_open(path));
    T_TRUE(size_of(path) > line);
    T_EQ(truncate(path, DIAG_FILE_BYTES_MAX - 10), 0);
    T_OK(diag_open(path));
    diag(DIAG_INFO, LINK_UP, diag_text("path", "lan"), diag_number("n", 1));
    T_EQ(size_of(older), DIAG_FILE_BYTES_MAX - 10);
    T_EQ(size_of(path), line);
    T_EQ(truncate(path, DIAG_FILE_BYTES_MAX), 0);
    T_OK(diag_open(path));
    diag(DIAG_INFO, LINK_DOWN);
    T_EQ(size_of(older), DIAG_FILE_BYTES_MAX);
    diag_close();
    diag_set_loop(NULL);
    diag_set_level(DIAG_WARN);
    loop_close(l);
    T_EQ(unlink(path), 0);
    T_EQ(unlink(older), 0);
    T_EQ(rmdir(folder), 0);
}

static void counters_have_names_of_their_own(void **state) {
    (void)state;
    metrics m = {{0}};
    metrics_one(&m, METRIC_DIALS);
    metrics_add(&m, METRIC_DIALS, 4);
    T_EQ(m.value[METRIC_DIALS], 5);
    T_STR(metric_name(METRIC_BYTES_IN), "net_bytes_in");
    T_STR(metric_meaning(METRIC_BYTES_IN), "bytes read from siblings");
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            T_FALSE(wr_equal(wr_slice_str(metric_name((metric)i)),
                             wr_slice_str(metric_name((metric)j))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_event_and_fields),
        cmocka_unit_test(values_are_escaped_and_cut),
        cmocka_unit_test(a_line_that_is_too_long_is_cut),
        cmocka_unit_test(the_file_is_private_filtered_and_rotated_once),
        cmocka_unit_test(counters_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
