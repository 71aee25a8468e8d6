/* warren log read: pages in mesh order, then what arrives.
 *
 * To follow without a gap, the place in order of arrival is taken before the first page; what
 * arrives after it may have been in a page already, so the printed ids are remembered.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/seen.h"

#define PAGE 4096u

typedef struct reader {
    cli *c;
    const char *log;
    bool jsonl, follow;
    uint64_t left; /* entries that may still be printed */
    warren_value *devices;
    seen printed;
} reader;

/* ---- one entry ------------------------------------------------------------------------ */

static void print_name(const reader *r, const char *id) {
    const warren_value *devices = warren_find(r->devices, "devices");
    for (size_t i = 0; i < warren_count(devices); i++) {
        const warren_value *device = warren_at(devices, i);
        size_t len = 0;
        const char *name = warren_get_str(warren_find(device, "name"), &len);
        if (len > 0 && strcmp(warren_get_str(warren_find(device, "id"), NULL), id) == 0) {
            print_safe(stdout, name, len, false);
            return;
        }
    }
    printf("%.8s", id);
}

static void print_body(const warren_value *body) {
    size_t len = 0;
    const char *bytes = warren_get_str(body, &len);
    while (len > 0 && bytes[len - 1] == '\n')
        len--;
    if (print_is_terminal())
        print_safe(stdout, bytes, len, true);
    else
        fwrite(bytes, 1, len, stdout);
    putchar('\n');
}

static void print_entry(reader *r, const warren_value *entry) {
    static const char *const keys[] = {"log",  "device",  "seq",   "id",   "time",   "kind",
                                       "body", "deleted", "ahead", "late", "cursor", NULL};
    if (r->jsonl) {
        print_json_keys(stdout, entry, keys);
        return;
    }
    char time[PRINT_TIME_SIZE];
    print_time(warren_get_uint(warren_find(entry, "time"), 0), true, time);
    printf("%s%s%s  %s", print_style_text(PRINT_DIM), time, print_style_text(PRINT_PLAIN),
           print_style_text(PRINT_BOLD));
    print_name(r, warren_get_str(warren_find(entry, "device"), NULL));
    printf("%s  ", print_style_text(PRINT_PLAIN));
    print_body(warren_find(entry, "body"));
}

/* Prints it unless it was printed before; false: the limit is reached. */
static bool give(reader *r, const warren_value *entry) {
    const char *id = warren_get_str(warren_find(entry, "id"), NULL);
    if (r->left == 0)
        return false;
    if (!r->follow || seen_add(&r->printed, id ? id : "")) {
        print_entry(r, entry);
        r->left--;
    }
    return r->left > 0;
}

/* ---- pages ------------------------------------------------------------------------------- */

/* The last entry of a page carries the cursor that resumes after it. */
static void give_page(reader *r, const warren_value *page, const char *cursor) {
    const warren_value *entries = warren_find(page, "entries");
    size_t count = warren_count(entries);
    for (size_t i = 0; i < count; i++) {
        /* The tree is ours: entries came out of this answer and nobody else looks at it. */
        warren_value *entry = (warren_value *)(uintptr_t)warren_at(entries, i);
        if (i + 1 == count)
            warren_put(entry, "cursor", warren_str(cursor));
        give(r, entry);
    }
}

static int read_pages(reader *r, const char *after) {
    char cursor[512];
    bool more = true;
    int len = snprintf(cursor, sizeof cursor, "%s", after ? after : "");
    if (len >= (int)sizeof cursor)
        return cli_fail(r->c, WARREN_E_INVALID, "--after is not a cursor of log read");
    while (more && r->left > 0) {
        warren_value *params = warren_map(), *page = NULL;
        warren_put(params, "log", warren_str(r->log));
        warren_put(params, "after", warren_str(cursor));
        warren_put(params, "limit", warren_uint(r->left < PAGE ? r->left : PAGE));
        warren_error error = warren_client_call(r->c->client, "log.read", params, 0, &page);
        if (error == WARREN_E_NOT_FOUND && r->follow)
            return CLI_DONE; /* it may come into being while we wait */
        if (error != WARREN_OK)
            return cli_fail_call(r->c, error);
        const char *next = warren_get_str(warren_find(page, "cursor"), NULL);
        more = warren_get_bool(warren_find(page, "more"), false);
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        give_page(r, page, cursor);
        warren_value_free(page);
    }
    if (more && !r->jsonl)
        cli_say(r->c, "more: --after %s", cursor);
    return CLI_DONE;
}

/* ---- arrivals ------------------------------------------------------------------------------ */

static int subscribe(reader *r, const char *after, char *ret_cursor, size_t cap) {
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "log", warren_str(r->log));
    warren_put(params, "after", warren_str(after));
    int code = cli_call(r->c, "log.subscribe", params, &result);
    const char *cursor = warren_get_str(warren_find(result, "cursor"), NULL);
    uint64_t number = warren_get_uint(warren_find(result, "subscription"), 0);
    snprintf(ret_cursor, cap, "%s", cursor ? cursor : "");
    warren_value_free(result);
    if (code != CLI_DONE || strcmp(after, "now") != 0)
        return code;
    /* Only the place was wanted: the pages come first. */
    params = warren_map();
    result = NULL;
    warren_put(params, "subscription", warren_uint(number));
    code = cli_call(r->c, "log.unsubscribe", params, &result);
    warren_value_free(result);
    return code;
}

static int follow(reader *r, char *cursor, size_t cap) {
    char start[512];
    int code = subscribe(r, cursor, start, sizeof start);
    while (code == CLI_DONE && r->left > 0) {
        const char *method = NULL;
        warren_value *entry = NULL;
        if (!warren_client_pending(r->c->client))
            fflush(stdout);
        warren_error error = warren_client_wait(r->c->client, 0, &method, &entry);
        if (error == WARREN_E_TOO_LARGE)
            return cli_fail(r->c, error,
                            "entries came faster than they could be printed; go on "
                            "with --after and --follow");
        if (error != WARREN_OK)
            return cli_fail_call(r->c, error);
        const char *at = warren_get_str(warren_find(entry, "cursor"), NULL);
        if (strcmp(method, "log.entry") == 0) {
            snprintf(cursor, cap, "%s", at ? at : "");
            give(r, entry);
        }
        warren_value_free(entry);
    }
    return code;
}

/* ---- the command ---- */

static int read_log(reader *r, const char *after) {
    char cursor[512] = "";
    int code = CLI_DONE;
    if (!r->jsonl)
        code = cli_call(r->c, "circle.devices", NULL, &r->devices);
    if (code == CLI_DONE && r->follow)
        code = subscribe(r, "now", cursor, sizeof cursor);
    if (code == CLI_DONE)
        code = read_pages(r, after);
    if (code == CLI_DONE && r->follow && r->left > 0)
        code = follow(r, cursor, sizeof cursor);
    return code;
}

int cmd_log_read(cli *c, const cli_args *args) {
    const char *format = cli_option_text(args, "--format");
    reader r = {.c = c, .log = cli_operand(args, 0), .follow = cli_switch(args, "--follow")};
    if (format && strcmp(format, "text") != 0 && strcmp(format, "jsonl") != 0)
        return cli_fail(c, WARREN_E_INVALID, "--format is text or jsonl");
    if (!cli_number(c, args, "--limit", UINT64_MAX, &r.left))
        return CLI_USAGE;
    r.jsonl = c->json || (format && strcmp(format, "jsonl") == 0);
    int code = cli_connect(c);
    if (code == CLI_DONE)
        code = read_log(&r, cli_option_text(args, "--after"));
    warren_value_free(r.devices);
    seen_free(&r.printed);
    return code;
}
