/* warren log list and warren log export.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"

int cmd_log_list(cli *c, const cli_args *args) {
    (void)args;
    warren_value *result = NULL;
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = cli_call(c, "log.list", NULL, &result);
    if (code != CLI_DONE)
        return code;
    const warren_value *logs = warren_find(result, "logs");
    print_table *table = c->json || warren_count(logs) == 0 ? NULL : print_table_new(2);
    print_table_add(table, "LOG");
    print_table_add(table, "ENTRIES");
    for (size_t i = 0; i < warren_count(logs); i++) {
        const warren_value *log = warren_at(logs, i);
        char count[PRINT_COUNT_SIZE];
        print_count(warren_get_uint(warren_find(log, "entries"), 0), count);
        print_table_add(table, warren_get_str(warren_find(log, "name"), NULL));
        print_table_add(table, count);
        if (c->json)
            print_json(stdout, log);
    }
    print_table_show(table);
    if (warren_count(logs) == 0)
        cli_say(c, "No logs yet: 'warren log append LOG TEXT' makes one.");
    warren_value_free(result);
    return CLI_DONE;
}

/* ---- export ---------------------------------------------------------------------------- */

#define PAGE 4096u

typedef struct export {
    cli *c;
    const char *log;
    FILE *to;
    uint64_t done;
    bool progress;
}
export;

/* What is equal on all devices; when an entry arrived, or whether it was stamped ahead of this
 * device's clock, is not. */
static void write_page(export *e, const warren_value *entries) {
    static const char *const keys[] = {"log", "device", "seq", "id", "time", "kind", "body", NULL};
    for (size_t i = 0; i < warren_count(entries); i++)
        print_json_keys(e->to, warren_at(entries, i), keys);
    e->done += warren_count(entries);
    if (e->progress) {
        char count[PRINT_COUNT_SIZE];
        print_count(e->done, count);
        fprintf(stderr, "\r%s entries ", count);
    }
}

static int export_pages(export *e) {
    char cursor[512] = "";
    for (bool more = true; more;) {
        warren_value *params = warren_map(), *page = NULL;
        warren_put(params, "log", warren_str(e->log));
        warren_put(params, "after", warren_str(cursor));
        warren_put(params, "limit", warren_uint(PAGE));
        int code = cli_call(e->c, "log.read", params, &page);
        if (code != CLI_DONE)
            return code;
        const char *next = warren_get_str(warren_find(page, "cursor"), NULL);
        more = warren_get_bool(warren_find(page, "more"), false);
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        write_page(e, warren_find(page, "entries"));
        warren_value_free(page);
    }
    return CLI_DONE;
}

/* The file appears under its name only when it is whole. */
static int export_file(export *e, const char *path) {
    char part[CLI_PATH_MAX];
    int len = snprintf(part, sizeof part, "%s.part", path);
    int fd =
        len < (int)sizeof part ? open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    e->to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!e->to)
        return cli_fail(e->c, WARREN_E_IO, "%s: %s", part, strerror(errno));
    int code = export_pages(e);
    bool written = fflush(e->to) == 0 && !ferror(e->to) && fsync(fd) == 0;
    fclose(e->to);
    if (code == CLI_DONE && (!written || rename(part, path) < 0))
        code = cli_fail(e->c, WARREN_E_IO, "%s: %s", path, strerror(errno));
    if (code != CLI_DONE)
        unlink(part);
    return code;
}

int cmd_log_export(cli *c, const cli_args *args) {
    const char *path = cli_option_text(args, "--output");
    export e = {.c = c, .log = cli_operand(args, 0), .to = stdout};
    e.progress = isatty(STDERR_FILENO) == 1 && (path || !print_is_terminal()) && !c->quiet;
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = path ? export_file(&e, path) : export_pages(&e);
    if (e.progress && e.done > 0)
        fputc('\n', stderr);
    return code;
}
