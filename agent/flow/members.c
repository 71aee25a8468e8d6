/* Who belongs to the circle, as its owner sees and changes it.
 *
 * Spec:   proto/spec/circle.md 3, 4.6
 * Layer:  flow, part of the hub
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/members.h"

#include "circle/recovery.h"
#include "core/diag.h"
#include "engine/self_reset.h"
#include "flow/hub_impl.h"

/* ---- the recovery words ---- */

/* The key of the words, if they are this circle's. */
static wr_err root_key(hub *h, wr_slice words, wr_sign_key *ret_key) {
    WR_SECRET(wr_key) recovery;
    bool ours = false;
    WR_TRY(hub_check_recovery(h, words, &ours));
    if (!ours)
        return hub_fail(h, WR_ERR_REFUSED, "these are not the recovery words of this circle");
    wr_err err = wr_recovery_parse(words, &recovery);
    WR_ASSERT(err == WR_OK);
    wr_recovery_sign_key(&recovery, ret_key);
    return WR_OK;
}

/* ---- who may ---- */

/* Whether this device, or the words through it, may sign what `does` says. */
static wr_err check_author(hub *h, bool by_words, const char *does) {
    const wr_member *me =
        wr_graph_find(wr_self_graph(h->self), &wr_self_identity(h->self)->device_id);
    WR_TRY(members_check_own(h));
    if (by_words || me->role == WR_ROLE_ADMIN)
        return WR_OK;
    return hub_fail(h, WR_ERR_REFUSED,
                    "this device has the role member: an admin %s, or the recovery words do", does);
}

/* ---- what goes along with a removal ---- */

/* When this device last met another, Unix ms; 0: never. */
static uint64_t last_met(hub *h, const wr_hash *device) {
    uint8_t key[HUB_META_KEY_SIZE], value[HUB_SEEN_SIZE];
    wr_buf out = WR_BUF_ARRAY(value);
    if (pump_link_of(h, device) != NULL)
        return hub_now(h).wall.ms;
    wr_err err = store_get_meta(h->store, hub_meta_key(HUB_META_SEEN, device, key), &out);
    return err == WR_OK && out.len == sizeof value ? wr_load_u64(value) : 0;
}

/* Those who vouched for this device, and for them: no removal takes them along. */
static bool is_our_sponsor(const wr_graph *graph, const wr_hash *own, const wr_hash *device) {
    const wr_member *at = wr_graph_find(graph, own);
    for (uint32_t n = 0; at != NULL && n < WR_AUTHORS_MAX; n++) {
        if (wr_hash_equal(&at->device_id, device))
            return true;
        at =
            wr_hash_equal(&at->sponsor, &at->device_id) ? NULL : wr_graph_find(graph, &at->sponsor);
    }
    return false;
}

/* The device and what goes along, ascending.  A device that a thief paired is the thief's too. */
static uint32_t collect_targets(hub *h, const hub_removal *removal,
                                wr_hash targets[WR_MEMBERS_MAX]) {
    const wr_graph *graph = wr_self_graph(h->self);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    uint64_t since_ms = removal->since_ms != 0 ? removal->since_ms : last_met(h, &removal->device);
    uint32_t count = 0;
    targets[count++] = removal->device;
    if (removal->only || removal->reason == WR_REASON_RETIRED)
        return count;
    for (bool grew = true; grew;) {
        grew = false;
        for (uint32_t i = 0; i < wr_graph_member_count(graph) && count < WR_MEMBERS_MAX; i++) {
            const wr_member *member = wr_graph_member(graph, i);
            if (!member->current || !wr_hash_is_among(&member->sponsor, targets, count) ||
                wr_hash_is_among(&member->device_id, targets, count) ||
                member->added_hlc >> 16 < since_ms || members_is_verified(h, &member->device_id) ||
                is_our_sponsor(graph, own, &member->device_id))
                continue;
            targets[count++] = member->device_id;
            grew = true;
        }
    }
    wr_hash_sort(targets, count);
    return count;
}

/* ---- removing ---- */

/* Of a device that is out: does a graver reason, or the first that nobody strikes out, say more of
 * how much of its feeds counts, or of whether it stays out (circle.md 4.4, 4.7)? */
static bool says_more(const wr_graph *graph, const hub_removal *removal) {
    wr_op_ref op;
    bool by_words = removal->words.len != 0;
    return removal->reason > wr_graph_gravest(graph, &removal->device, by_words, &op);
}

/* Whom the removal names, if it says anything new. */
static wr_err plan_removal(hub *h, const hub_removal *removal, wr_hash targets[WR_MEMBERS_MAX],
                           uint32_t *ret_count) {
    const wr_graph *graph = wr_self_graph(h->self);
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    const wr_member *member = wr_graph_find(graph, &removal->device);
    if (wr_generations_device(wr_self_generations(h->self), &removal->device) == NULL)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such device");
    if (wr_hash_equal(&removal->device, own))
        return hub_fail(h, WR_ERR_STATE, "a device removes itself with 'warren leave'");
    WR_TRY(check_author(h, removal->words.len != 0, "removes devices"));
    uint32_t count = member == NULL ? 0 : collect_targets(h, removal, targets);
    if (count == 0 || (count == 1 && !member->current && !says_more(graph, removal)))
        return hub_fail(h, WR_ERR_EXISTS, "it is out already: nothing was changed");
    if (removal->reason == WR_REASON_RETIRED &&
        (member->current || wr_graph_end_of(graph, &removal->device).type != WR_OP_LEAVE))
        return hub_fail(h, WR_ERR_STATE,
                        "a device is retired after it said goodbye itself: run 'warren leave' "
                        "there first, or remove it as lost");
    *ret_count = count;
    return WR_OK;
}

static wr_err explain(hub *h, wr_err err) {
    if (err == WR_ERR_STATE)
        return hub_fail(h, WR_ERR_CLOSED,
                        "after its start this device signs only when a sibling has confirmed that "
                        "nothing newer of it exists: bring one online and try again");
    if (err == WR_ERR_VERSION)
        return hub_fail(h, WR_ERR_REFUSED,
                        "the circle holds changes that this version does not understand: update "
                        "warren on this device");
    if (err == WR_ERR_LIMIT)
        return hub_fail(h, err, "the circle has reached a limit (%u changes)", WR_OPS_MAX);
    return err == WR_OK ? WR_OK : hub_fail(h, err, "%s", wr_err_text(err));
}

wr_err hub_foresee(hub *h, const hub_removal *removal, hub_foresight *ret_foresight) {
    wr_hash targets[WR_MEMBERS_MAX];
    hub_foresight foresight = {0};
    uint32_t count = 0;
    WR_TRY(hub_settled(h));
    WR_TRY(plan_removal(h, removal, targets, &count));
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    for (uint32_t i = 0; i < count; i++)
        if (!wr_hash_equal(&targets[i], &removal->device))
            foresight.along[foresight.along_count++] = targets[i];
    if (removal->words.len != 0) {
        WR_SECRET(wr_sign_key) root;
        WR_TRY(root_key(h, removal->words, &root));
    }
    if (removal->reason != WR_REASON_RETIRED)
        WR_TRY(explain(h, wr_graph_foresee(wr_self_graph(h->self),
                                           removal->words.len != 0 ? NULL : own, targets, count,
                                           foresight.struck, &foresight.struck_count)));
    *ret_foresight = foresight;
    return WR_OK;
}

/* What a call signed is stored with this turn.  Where it was refused having signed nothing, the
 * turn goes on; otherwise it is undone. */
wr_err members_finish(hub *h, wr_err err, hub_done_fn done, void *ctx) {
    bool refused = err == WR_ERR_STATE || err == WR_ERR_REFUSED || err == WR_ERR_VERSION ||
                   err == WR_ERR_LIMIT;
    if (err == WR_OK)
        err = hub_drain(h);
    if (err == WR_OK)
        err = hub_when_stored(h, done, ctx);
    if (err != WR_OK && (!refused || wr_self_pending(h->self)))
        hub_give_up(h, err);
    return refused || err == WR_OK ? explain(h, err)
                                   : hub_fail(h, err, "%s", hub_store_text(h, err));
}

wr_err hub_remove(hub *h, const hub_removal *removal, hub_done_fn done, void *ctx) {
    wr_hash targets[WR_MEMBERS_MAX];
    WR_SECRET(wr_sign_key) root;
    uint32_t count = 0;
    WR_TRY(hub_ready(h));
    WR_TRY(plan_removal(h, removal, targets, &count));
    if (removal->words.len != 0)
        WR_TRY(root_key(h, removal->words, &root));
    /* A device that is being admitted right now is admitted or forgotten first: its ADD has a place
     * in our chain. */
    WR_TRY(pairflow_settle(h));
    wr_removal order = {.targets = targets,
                        .target_count = count,
                        .reason = removal->reason,
                        .root = removal->words.len != 0 ? &root : NULL};
    WR_TRY(hub_begin(h));
    wr_err err = wr_self_remove(h->self, &order, hub_now(h));
    if (err == WR_OK)
        diag(DIAG_WARN, DEVICE_REMOVED, diag_number("devices", order.target_count));
    return members_finish(h, err, done, ctx);
}

wr_err hub_leave(hub *h, hub_done_fn done, void *ctx) {
    WR_TRY(hub_ready(h));
    WR_TRY(members_check_own(h));
    WR_TRY(pairflow_settle(h));
    WR_TRY(hub_begin(h));
    return members_finish(h, wr_self_leave(h->self, hub_now(h)), done, ctx);
}

static bool has_another_admin(const wr_graph *graph, const wr_member *than) {
    for (uint32_t i = 0; i < wr_graph_member_count(graph); i++) {
        const wr_member *member = wr_graph_member(graph, i);
        if (member != than && wr_member_is_in(member) && member->role == WR_ROLE_ADMIN)
            return true;
    }
    return false;
}

static wr_err check_role(hub *h, const wr_member *member, bool admin, bool by_words) {
    if (member == NULL || !member->current)
        return hub_fail(h, WR_ERR_UNKNOWN, "no such member");
    if (admin && !by_words)
        return hub_fail(h, WR_ERR_FORMAT, "raising a role needs the recovery words");
    WR_TRY(check_author(h, by_words, "changes roles"));
    /* Nobody could undo it without the words, which the circle may not have. */
    if (!by_words && member->role == WR_ROLE_ADMIN &&
        !has_another_admin(wr_self_graph(h->self), member))
        return hub_fail(h, WR_ERR_EXISTS,
                        "it is the last admin: nobody could admit or remove devices; only the "
                        "recovery words can lower it");
    return WR_OK;
}

wr_err hub_set_role(hub *h, const wr_hash *device, bool admin, wr_slice words, hub_done_fn done,
                    void *ctx) {
    WR_SECRET(wr_sign_key) root;
    WR_TRY(hub_ready(h));
    const wr_member *member = wr_graph_find(wr_self_graph(h->self), device);
    WR_TRY(check_role(h, member, admin, words.len != 0));
    if (words.len != 0)
        WR_TRY(root_key(h, words, &root));
    else if (member->role == WR_ROLE_MEMBER) /* already: an op would say nothing, and they end */
        return hub_when_stored(h, done, ctx);
    WR_TRY(pairflow_settle(h));
    WR_TRY(hub_begin(h));
    wr_err err = wr_self_set_role(h->self, device, admin ? WR_ROLE_ADMIN : WR_ROLE_MEMBER,
                                  words.len != 0 ? &root : NULL, hub_now(h));
    return members_finish(h, err, done, ctx);
}

/* ---- a new generation ---- */

static wr_err check_reset(hub *h, const wr_hash *without) {
    const wr_hash *own = &wr_self_identity(h->self)->device_id;
    WR_TRY(members_check_own(h));
    if (without == NULL)
        return WR_OK;
    if (wr_hash_equal(without, own))
        return hub_fail(h, WR_ERR_STATE,
                        "this device cannot leave itself behind: reset the "
                        "circle from one that stays");
    const wr_member *member = wr_graph_find(wr_self_graph(h->self), without);
    if (member == NULL || !member->current)
        return hub_fail(h, WR_ERR_STATE,
                        "that device is no member any more: a reset without it is one of all that "
                        "are");
    return WR_OK;
}

static uint32_t collect_kept(hub *h, const wr_hash *without, wr_hash keep[WR_MEMBERS_MAX]) {
    const wr_graph *graph = wr_self_graph(h->self);
    uint32_t count = 0;
    for (uint32_t i = 0; i < wr_graph_member_count(graph) && count < WR_MEMBERS_MAX; i++) {
        const wr_member *member = wr_graph_member(graph, i);
        if (member->current && (without == NULL || !wr_hash_equal(&member->device_id, without)))
            keep[count++] = member->device_id;
    }
    wr_hash_sort(keep, count);
    return count;
}

wr_err hub_reset(hub *h, const wr_hash *without, wr_slice words, hub_done_fn done, void *ctx) {
    wr_hash keep[WR_MEMBERS_MAX];
    WR_SECRET(wr_sign_key) root;
    WR_TRY(hub_ready(h));
    WR_TRY(check_reset(h, without));
    WR_TRY(root_key(h, words, &root));
    WR_TRY(pairflow_settle(h));
    wr_restart restart = {
        .keep = keep, .keep_count = collect_kept(h, without, keep), .root = &root};
    WR_TRY(hub_begin(h));
    wr_err err = wr_self_reset(h->self, &restart, hub_now(h));
    if (err == WR_OK)
        diag(DIAG_WARN, CIRCLE_RESET, diag_number("devices", restart.keep_count));
    return members_finish(h, err, done, ctx);
}
