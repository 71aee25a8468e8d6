/* Methods that change who belongs to the circle: remove, leave, role, reset; and comparing keys.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <time.h>

#include "api/methods_impl.h"

/* ---- parameters that several methods share ----------------------------------------- */

#define WORDS_BYTES_MAX 1024u

static bool target(const call *c, wr_hash *ret_device, bool *ret_this) {
    char text[512] = "";
    wr_err err =
        find_device(c->hub, call_slice(c, "device"), ret_device, ret_this, text, sizeof text);
    if (err != WR_OK)
        rpc_reply_fail(c->reply, methods_error(err), "%s", text);
    return err == WR_OK;
}

/* Empty words would sign with this device's key: whoever gives some did not mean that. */
static bool check_words(const call *c) {
    size_t len = call_slice(c, "words").len;
    if (!call_param(c, "words") || (len > 0 && len <= WORDS_BYTES_MAX))
        return true;
    rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'words' must be the 24 recovery words");
    return false;
}

static bool admin_role(const call *c, bool *ret_admin) {
    wr_slice role = call_slice(c, "role");
    *ret_admin = wr_equal(role, wr_slice_str("admin"));
    if (*ret_admin || wr_equal(role, wr_slice_str("member")))
        return true;
    rpc_reply_fail(c->reply, WARREN_E_INVALID, "parameter 'role' must be admin or member");
    return false;
}

static warren_value *one_device(const call *c, const wr_hash *device) {
    WR_AUTO(warren_value) names = names_of(c->hub);
    warren_value *result = warren_map();
    warren_put(result, "device", value_of_named(names, device));
    return result;
}

/* ---- removing ---- */

/* Below it a time is in seconds: as milliseconds it would lie in 1973. */
#define SINCE_MS_MIN 100000000000u
#define SINCE_MS_MAX ((1ull << 48) - 1) /* of a hybrid clock */

static bool reason_of(const call *c, wr_reason *ret_reason) {
    static const wr_reason reasons[] = {WR_REASON_LOST, WR_REASON_COMPROMISED, WR_REASON_RETIRED};
    wr_slice text = call_slice(c, "reason");
    *ret_reason = WR_REASON_LOST;
    bool known = !call_param(c, "reason");
    for (size_t i = 0; i < WR_COUNT(reasons); i++)
        if (wr_equal(text, wr_slice_str(methods_reason_text(reasons[i])))) {
            *ret_reason = reasons[i];
            known = true;
        }
    if (!known)
        rpc_reply_fail(c->reply, WARREN_E_INVALID,
                       "parameter 'reason' must be lost, compromised or retired");
    return known;
}

static bool check_since(const call *c, const hub_removal *removal) {
    const char *problem = NULL;
    if (!call_param(c, "since"))
        return true;
    if (removal->since_ms < SINCE_MS_MIN || removal->since_ms > SINCE_MS_MAX)
        problem = "parameter 'since' must be a time in Unix milliseconds";
    else if (removal->only)
        problem = "parameters 'since' and 'only' exclude each other";
    else if (removal->reason == WR_REASON_RETIRED)
        problem = "parameter 'since' is for devices that are lost or compromised";
    if (problem)
        rpc_reply_fail(c->reply, WARREN_E_INVALID, "%s", problem);
    return !problem;
}

/* False: the call has been answered. */
static bool removal_of(const call *c, hub_removal *ret_removal) {
    bool this_device = false;
    hub_removal removal = {.only = call_bool(c, "only", false),
                           .since_ms = call_uint(c, "since", 0),
                           .words = call_slice(c, "words")};
    if (!reason_of(c, &removal.reason) || !check_since(c, &removal) || !check_words(c) ||
        !target(c, &removal.device, &this_device))
        return false;
    if (this_device) {
        rpc_reply_fail(c->reply, WARREN_E_CONFLICT,
                       "this is the device itself: 'warren leave' is its farewell");
        return false;
    }
    *ret_removal = removal;
    return true;
}

static warren_value *device_list(const warren_value *names, const wr_hash *devices,
                                 uint32_t count) {
    warren_value *list = warren_array();
    for (uint32_t i = 0; i < count; i++)
        warren_push(list, value_of_named(names, &devices[i]));
    return list;
}

#define SAID_BY_SIZE 160u
#define TIME_TEXT_SIZE 32u

/* ", by laptop", or ", by the recovery words"; nothing where it was itself, or is not known. */
static void said_by(const warren_value *names, const hub_removal *removal,
                    const hub_standing *standing, char out[SAID_BY_SIZE]) {
    static const wr_hash nobody;
    wr_slice by = WR_SLICE_OBJ(standing->removed_by);
    out[0] = '\0';
    if (standing->removed_by_root)
        snprintf(out, SAID_BY_SIZE, ", by the recovery words");
    if (standing->removed_by_root || wr_equal(by, WR_SLICE_OBJ(nobody)) ||
        wr_equal(by, WR_SLICE_OBJ(removal->device)))
        return;
    WR_AUTO(warren_value) device = value_of_named(names, &standing->removed_by);
    const char *name = warren_get_str(warren_find(device, "name"), NULL);
    const char *id = warren_get_str(warren_find(device, "id"), NULL);
    snprintf(out, SAID_BY_SIZE, ", by %.128s", name && name[0] ? name : id ? id : "another");
}

/* ", since 2026-11-20 14:00 UTC"; nothing where it is not known. */
static void said_when(uint64_t ms, char out[TIME_TEXT_SIZE]) {
    time_t seconds = (time_t)(ms / 1000u);
    struct tm parts;
    if (ms == 0 || !gmtime_r(&seconds, &parts) ||
        strftime(out, TIME_TEXT_SIZE, ", since %Y-%m-%d %H:%M UTC", &parts) == 0)
        out[0] = '\0';
}

#define GRAVER_SIZE 96u

/* What would still say something new. */
static void graver(const hub_removal *removal, const hub_standing *standing,
                   char out[GRAVER_SIZE]) {
    bool lost = standing->reason == WR_REASON_LOST || standing->equivocated;
    bool words = !standing->removed_by_root && removal->words.len == 0;
    const char *reason = lost ? "compromised" : "lost or compromised";
    out[0] = '\0';
    if (!standing->reset && standing->reason != WR_REASON_COMPROMISED)
        snprintf(out, GRAVER_SIZE, "; reason %s%s would say more", reason,
                 words ? ", or the recovery words," : "");
    else if (!standing->reset && words)
        snprintf(out, GRAVER_SIZE, "; the recovery words would say more");
}

static void fail_out(const call *c, const hub_removal *removal) {
    char by[SAID_BY_SIZE], when[TIME_TEXT_SIZE], more[GRAVER_SIZE];
    hub_standing standing;
    wr_err err = hub_get_standing(c->hub, &removal->device, &standing);
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    WR_AUTO(warren_value) names = names_of(c->hub);
    WR_AUTO(warren_value) device = value_of_named(names, &removal->device);
    const char *name = warren_get_str(warren_find(device, "name"), NULL);
    const char *id = warren_get_str(warren_find(device, "id"), NULL);
    said_by(names, removal, &standing, by);
    said_when(standing.removed_ms, when);
    graver(removal, &standing, more);
    rpc_reply_fail(c->reply, WARREN_E_CONFLICT,
                   "%.128s (%.8s) is out already (%s%s%s), nothing was changed%s",
                   name && name[0] ? name : "the device", id ? id : "", methods_end_text(&standing),
                   by, when, more);
}

/* {device, reason, along, struck}; NULL: the call has been answered. */
static warren_value *foretell(const call *c, const hub_removal *removal) {
    hub_foresight foresight;
    wr_err err = hub_foresee(c->hub, removal, &foresight);
    if (err == WR_ERR_EXISTS)
        fail_out(c, removal);
    else if (err != WR_OK)
        call_fail_hub(c, err);
    if (err != WR_OK)
        return NULL;
    WR_AUTO(warren_value) names = names_of(c->hub);
    warren_value *result = one_device(c, &removal->device);
    warren_put(result, "reason", warren_str(methods_reason_text(removal->reason)));
    warren_put(result, "along", device_list(names, foresight.along, foresight.along_count));
    warren_put(result, "struck", device_list(names, foresight.struck, foresight.struck_count));
    if (!result)
        rpc_reply_fail(c->reply, WARREN_E_INTERNAL, "out of memory");
    return result;
}

void circle_foresee(call *c) {
    hub_removal removal;
    if (!removal_of(c, &removal))
        return;
    warren_value *result = foretell(c, &removal);
    if (result)
        call_ok(c, result);
}

void circle_remove(call *c) {
    hub_removal removal;
    if (!removal_of(c, &removal))
        return;
    /* Asked before: afterwards the hub no longer knows what went along and why. */
    warren_value *result = foretell(c, &removal);
    promise *p = result ? call_promise(c, result) : NULL;
    if (p)
        promise_begun(p, hub_remove(c->hub, &removal, promise_done, p));
}

/* ---- leaving, roles ---- */

void circle_leave(call *c) {
    const wr_hash *self = hub_device_id(c->hub);
    WR_ASSERT(self != NULL);
    promise *p = call_promise(c, one_device(c, self));
    if (p)
        promise_begun(p, hub_leave(c->hub, promise_done, p));
}

void circle_role(call *c) {
    wr_hash device;
    bool this_device = false, admin = false;
    if (!admin_role(c, &admin) || !check_words(c) || !target(c, &device, &this_device))
        return;
    warren_value *result = one_device(c, &device);
    warren_put(result, "role", warren_str(admin ? "admin" : "member"));
    promise *p = call_promise(c, result);
    if (p)
        promise_begun(
            p, hub_set_role(c->hub, &device, admin, call_slice(c, "words"), promise_done, p));
}

/* ---- a new generation ---- */

void circle_reset(call *c) {
    wr_hash without;
    bool this_device = false, named = call_param(c, "without");
    char text[512] = "";
    if (!check_words(c))
        return;
    wr_err err = named ? find_device(c->hub, call_slice(c, "without"), &without, &this_device, text,
                                     sizeof text)
                       : WR_OK;
    if (err != WR_OK) {
        rpc_reply_fail(c->reply, methods_error(err), "%s", text);
        return;
    }
    WR_AUTO(warren_value) names = names_of(c->hub);
    warren_value *result = warren_map();
    if (named)
        warren_put(result, "without", value_of_named(names, &without));
    promise *p = call_promise(c, result);
    if (p)
        promise_begun(
            p, hub_reset(c->hub, named ? &without : NULL, call_slice(c, "words"), promise_done, p));
}

/* ---- comparing keys ---- */

void circle_verify(call *c) {
    wr_hash device;
    bool this_device = false;
    hub_safety safety;
    if (!target(c, &device, &this_device))
        return;
    if (this_device) {
        rpc_reply_fail(c->reply, WARREN_E_INVALID,
                       "a device is compared with another one: name that");
        return;
    }
    wr_err err = hub_get_safety(c->hub, &device, &safety);
    if (err != WR_OK) {
        call_fail_hub(c, err);
        return;
    }
    bool mark = call_bool(c, "mark", safety.verified);
    warren_value *result = one_device(c, &device);
    warren_put(result, "digits", warren_str(safety.digits));
    warren_put(result, "words", warren_str(safety.words));
    warren_put(result, "verified", warren_bool(mark));
    if (mark == safety.verified) {
        call_ok(c, result);
        return;
    }
    promise *p = call_promise(c, result);
    if (p)
        promise_begun(p, hub_mark_verified(c->hub, &device, mark, promise_done, p));
}
