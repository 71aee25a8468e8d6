/* warren device remove, warren device role, warren leave and warren circle reset.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/when.h"
#include "cli/words.h"

static int nothing_changed(const cli *c) {
    return cli_fail(c, WARREN_E_CONFLICT, "nothing was changed");
}

/* ---- remove ----------------------------------------------------------------------------- */

typedef struct removal {
    const char *device, *reason; /* NULL: not given */
    uint64_t since_ms;           /* 0: not given */
    bool only, yes;
    char words[WORDS_TEXT_MAX]; /* secret; empty: this device signs */
} removal;

static int ask_agent(cli *c, const char *method, const removal *r, warren_value **ret_result) {
    warren_value *params = warren_map();
    warren_put(params, "device", warren_str(r->device));
    if (r->reason)
        warren_put(params, "reason", warren_str(r->reason));
    if (r->since_ms)
        warren_put(params, "since", warren_uint(r->since_ms));
    warren_put(params, "only", warren_bool(r->only));
    if (r->words[0])
        warren_put(params, "words", warren_str(r->words));
    return cli_call(c, method, params, ret_result);
}

static int take_since(const cli *c, const cli_args *args, uint64_t *ret_ms) {
    const char *text = cli_option_text(args, "--since");
    if (!text || when_parse(text, when_now_ms(), ret_ms))
        return CLI_DONE;
    return cli_fail(c, WARREN_E_INVALID,
                    "--since takes a time in the past, as 2026-11-20, 2026-11-20T14:00, 3d or 12h, "
                    "not '%s'",
                    text);
}

static void show_foresight(const warren_value *foresight) {
    const warren_value *along = warren_find(foresight, "along");
    fprintf(stderr,
            "To be removed as %s: ", warren_get_str(warren_find(foresight, "reason"), NULL));
    print_device(stderr, warren_find(foresight, "device"));
    if (warren_count(along) > 0) {
        fputs("\nIt paired these, they go along (--only keeps them): ", stderr);
        print_devices(stderr, along);
    }
    fputc('\n', stderr);
}

static void warn_of_answer(const warren_value *struck) {
    fputs("Whoever has it may answer with removals of its own. They could cost: ", stderr);
    print_devices(stderr, struck);
    fputs("\nNot so if the 24 recovery words sign this.\n", stderr);
}

/* Where its answer reaches others and no words are at hand yet: warns, and asks for them.  What
 * they change is foreseen anew. */
static int offer_words(cli *c, removal *r, warren_value **foresight) {
    const warren_value *struck = warren_find(*foresight, "struck");
    if (warren_count(struck) == 0 || r->words[0])
        return CLI_DONE;
    if (!r->yes || !(c->quiet || c->json))
        warn_of_answer(struck);
    if (r->yes || !terminal_present())
        return CLI_DONE;
    bool whole = terminal_read_line("The 24 words, or Enter to go on without: ", true, r->words,
                                    sizeof r->words);
    if (!r->words[0])
        return CLI_DONE;
    if (!whole)
        return cli_fail(c, WARREN_E_INVALID, "24 words are not as long");
    warren_value_free(*foresight);
    *foresight = NULL;
    return ask_agent(c, "circle.foresee", r, foresight);
}

static int confirm_removal(cli *c, removal *r) {
    warren_value *foresight = NULL;
    int code = ask_agent(c, "circle.foresee", r, &foresight);
    if (code == CLI_DONE && !r->yes)
        show_foresight(foresight);
    if (code == CLI_DONE)
        code = offer_words(c, r, &foresight);
    size_t along = warren_count(warren_find(foresight, "along"));
    warren_value_free(foresight);
    if (code != CLI_DONE || r->yes)
        return code;
    char question[96];
    snprintf(question, sizeof question, "Remove %s %zu device%s from the circle?",
             along ? "these" : "this", along + 1, along ? "s" : "");
    return terminal_confirm(along ? question : "Remove it from the circle?") ? CLI_DONE
                                                                             : nothing_changed(c);
}

static void show_removed(const cli *c, const warren_value *result) {
    const warren_value *along = warren_find(result, "along");
    if (c->json) {
        print_json(stdout, result);
        return;
    }
    if (c->quiet)
        return;
    fputs("Removed: ", stdout);
    print_device(stdout, warren_find(result, "device"));
    if (warren_count(along) > 0) {
        fputs(", with it: ", stdout);
        print_devices(stdout, along);
    }
    putchar('\n');
}

static int remove_device(cli *c, const cli_args *args, removal *r) {
    const char *words_file = cli_option_text(args, "--words-file");
    warren_value *result = NULL;
    int code = take_since(c, args, &r->since_ms);
    if (code == CLI_DONE)
        code = cli_connect(c);
    if (code == CLI_DONE && words_file)
        code = words_read(c, words_file, r->words);
    if (code == CLI_DONE)
        code = confirm_removal(c, r);
    if (code == CLI_DONE)
        code = ask_agent(c, "circle.remove", r, &result);
    if (code == CLI_DONE)
        show_removed(c, result);
    warren_value_free(result);
    return code;
}

int cmd_device_remove(cli *c, const cli_args *args) {
    removal r = {.device = cli_operand(args, 0),
                 .reason = cli_option_text(args, "--reason"),
                 .only = cli_switch(args, "--only"),
                 .yes = cli_switch(args, "--yes")};
    int code = remove_device(c, args, &r);
    terminal_wipe(r.words, sizeof r.words);
    return code;
}

/* ---- role --------------------------------------------------------------------------------- */

int cmd_device_role(cli *c, const cli_args *args) {
    const char *role = cli_operand(args, 1), *file = cli_option_text(args, "--words-file");
    char words[WORDS_TEXT_MAX] = "";
    bool raises = role[0] == 'a', known = strcmp(role, raises ? "admin" : "member") == 0;
    if (!known)
        return cli_fail(c, WARREN_E_INVALID, "a role is admin or member, not '%s'", role);
    int code = cli_connect(c);
    if (code == CLI_DONE && (raises || file))
        code = words_read(c, file, words);
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "device", warren_str(cli_operand(args, 0)));
    warren_put(params, "role", warren_str(role));
    if (words[0])
        warren_put(params, "words", warren_str(words));
    terminal_wipe(words, sizeof words);
    if (code != CLI_DONE) {
        warren_value_free(params);
        return code;
    }
    code = cli_call(c, "circle.role", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        cli_say(c, "'%s' is now %s.", cli_operand(args, 0), raises ? "an admin" : "a member");
    warren_value_free(result);
    return code;
}

/* ---- leave ---- */

static bool says(const warren_value *device, const char *key) {
    return warren_get_bool(warren_find(device, key), false);
}

static bool is_admin(const warren_value *device) {
    const char *role = warren_get_str(warren_find(device, "role"), NULL);
    return role && strcmp(role, "admin") == 0;
}

/* What the circle loses with this device, beyond the device. */
static void warn_of_farewell(const warren_value *devices) {
    size_t others = 0, admins = 0;
    for (size_t i = 0; i < warren_count(devices); i++) {
        const warren_value *device = warren_at(devices, i);
        bool stays = !says(device, "this") && !says(device, "removed");
        others += stays;
        admins += stays && is_admin(device);
    }
    if (others == 0)
        fputs("It is the last device: nobody can come into the circle any more.\n", stderr);
    else if (admins == 0)
        fputs("No other device is an admin: without the 24 words nobody can admit or remove any "
              "then.\n",
              stderr);
}

static int confirm_leave(cli *c) {
    warren_value *result = NULL;
    int code = cli_call(c, "circle.devices", NULL, &result);
    if (code != CLI_DONE)
        return code;
    warn_of_farewell(warren_find(result, "devices"));
    warren_value_free(result);
    return terminal_confirm("Leave the circle? What is here stays readable, nothing new comes.")
               ? CLI_DONE
               : nothing_changed(c);
}

int cmd_leave(cli *c, const cli_args *args) {
    warren_value *result = NULL;
    int code = cli_connect(c);
    if (code == CLI_DONE && !cli_switch(args, "--yes"))
        code = confirm_leave(c);
    if (code == CLI_DONE)
        code = cli_call(c, "circle.leave", NULL, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        cli_say(c, "This device has left the circle.");
    warren_value_free(result);
    return code;
}

/* ---- reset ---- */

/* "Members: anna (..), berta (..)"; nothing where there are none. */
static void show_devices(const char *heading, const warren_value *devices, bool removed) {
    const char *before = heading;
    for (size_t i = 0; i < warren_count(devices); i++) {
        if (says(warren_at(devices, i), "removed") != removed)
            continue;
        fputs(before, stderr);
        print_device(stderr, warren_at(devices, i));
        before = ", ";
    }
    if (before != heading)
        fputc('\n', stderr);
}

static int confirm_reset(cli *c, const char *without) {
    char question[256];
    warren_value *result = NULL;
    int code = cli_call(c, "circle.devices", NULL, &result);
    if (code != CLI_DONE)
        return code;
    show_devices(without ? "All of these but one begin anew, signed by the 24 words: "
                         : "These begin anew, signed by the 24 words: ",
                 warren_find(result, "devices"), false);
    show_devices("These never come back under their ids: ", warren_find(result, "devices"), true);
    warren_value_free(result);
    fputs("What a device did that this one has not heard of is void, removals too: bring the "
          "others\nonline first.\n",
          stderr);
    snprintf(question, sizeof question, "%s%.100s%s", without ? "Leave '" : "",
             without ? without : "Reset the circle?",
             without ? "' behind and reset the circle?" : "");
    return terminal_confirm(question) ? CLI_DONE : nothing_changed(c);
}

int cmd_circle_reset(cli *c, const cli_args *args) {
    const char *without = cli_option_text(args, "--without");
    char words[WORDS_TEXT_MAX] = "";
    int code = cli_connect(c);
    if (code == CLI_DONE && !cli_switch(args, "--yes"))
        code = confirm_reset(c, without);
    if (code == CLI_DONE)
        code = words_read(c, cli_option_text(args, "--words-file"), words);
    warren_value *params = warren_map(), *result = NULL;
    warren_put(params, "words", warren_str(words));
    if (without)
        warren_put(params, "without", warren_str(without));
    terminal_wipe(words, sizeof words);
    if (code != CLI_DONE) {
        warren_value_free(params);
        return code;
    }
    code = cli_call(c, "circle.reset", params, &result);
    if (code == CLI_DONE && c->json)
        print_json(stdout, result);
    else if (code == CLI_DONE)
        cli_say(c, "The circle begins anew; all its devices follow when they hear of it.");
    warren_value_free(result);
    return code;
}
