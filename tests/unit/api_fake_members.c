/* The fake hub's circle (flow/members.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api_fake_members.h"

#include <stdio.h>

static bool same(const wr_hash *a, const wr_hash *b) {
    return wr_equal(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}

static wr_err check_words(hub *h, wr_slice words) {
    fake_members *m = fake_hub_members(h);
    snprintf(m->words, sizeof m->words, "%.*s", (int)words.len, (const char *)words.ptr);
    if (words.len == 0 || strcmp(m->words, FAKE_WORDS) == 0)
        return WR_OK;
    return strchr(m->words, ' ') ? fake_hub_fail(h, WR_ERR_REFUSED, "words of another circle")
                                 : fake_hub_fail(h, WR_ERR_FORMAT, "not 24 words");
}

static wr_err begin(hub *h, uint32_t *count) {
    ++*count;
    wr_err err = fake_hub_members(h)->refuse;
    return err == WR_OK ? WR_OK : fake_hub_fail(h, err, "the fake refuses");
}

static wr_err finish(hub *h, hub_done_fn done, void *ctx) {
    wr_err err = fake_hub_members(h)->late;
    if (err != WR_OK)
        (void)fake_hub_fail(h, err, "the fake fails in the end");
    fake_hub_later(h, err, done, ctx);
    return WR_OK;
}

wr_err hub_get_standing(hub *h, const wr_hash *device, hub_standing *ret_standing) {
    const fake_members *m = fake_hub_members(h);
    *ret_standing = (hub_standing){.verified = device->b[0] == 2 && m->verified};
    for (uint32_t i = 0; i < m->device_count; i++)
        if (same(device, &m->devices[i].device.device))
            *ret_standing = m->devices[i].standing;
    return WR_OK;
}

static wr_err take_removal(hub *h, const hub_removal *removal) {
    fake_members *m = fake_hub_members(h);
    m->removal = *removal;
    m->removal.words = (wr_slice){0};
    return check_words(h, removal->words);
}

wr_err hub_foresee(hub *h, const hub_removal *removal, hub_foresight *ret_foresight) {
    fake_members *m = fake_hub_members(h);
    m->foreseen++;
    if (m->foresee != WR_OK)
        return fake_hub_fail(h, m->foresee, "the fake foresees it");
    WR_TRY(take_removal(h, removal));
    if (removal->reason == WR_REASON_RETIRED)
        return fake_hub_fail(h, WR_ERR_STATE, "it has not said farewell");
    *ret_foresight = m->foresight;
    if (removal->only)
        ret_foresight->along_count = 0;
    if (removal->words.len > 0)
        ret_foresight->struck_count = 0;
    return WR_OK;
}

wr_err hub_remove(hub *h, const hub_removal *removal, hub_done_fn done, void *ctx) {
    WR_TRY(begin(h, &fake_hub_members(h)->removed));
    WR_TRY(take_removal(h, removal));
    return finish(h, done, ctx);
}

wr_err hub_leave(hub *h, hub_done_fn done, void *ctx) {
    WR_TRY(begin(h, &fake_hub_members(h)->left));
    return finish(h, done, ctx);
}

wr_err hub_set_role(hub *h, const wr_hash *device, bool admin, wr_slice words, hub_done_fn done,
                    void *ctx) {
    fake_members *m = fake_hub_members(h);
    WR_TRY(begin(h, &m->roles));
    WR_TRY(check_words(h, words));
    if (admin && words.len == 0)
        return fake_hub_fail(h, WR_ERR_FORMAT, "raising needs the words");
    m->device = *device;
    m->admin = admin;
    return finish(h, done, ctx);
}

wr_err hub_reset(hub *h, const wr_hash *without, wr_slice words, hub_done_fn done, void *ctx) {
    fake_members *m = fake_hub_members(h);
    WR_TRY(begin(h, &m->resets));
    WR_TRY(check_words(h, words));
    m->device = without == NULL ? (wr_hash){{0}} : *without;
    return finish(h, done, ctx);
}

wr_err hub_each_act(hub *h, uint32_t limit, hub_act_fn fn, void *ctx, uint32_t *ret_earlier) {
    const fake_members *m = fake_hub_members(h);
    *ret_earlier = m->act_count > limit ? m->act_count - limit : 0;
    for (uint32_t i = *ret_earlier; i < m->act_count; i++)
        WR_TRY(fn(ctx, &m->acts[i]));
    return WR_OK;
}

wr_err hub_each_alert(hub *h, hub_alert_fn fn, void *ctx) {
    const fake_members *m = fake_hub_members(h);
    for (uint32_t i = 0; i < m->alert_count; i++)
        WR_TRY(fn(ctx, &m->alerts[i]));
    return WR_OK;
}

wr_err hub_resolve(hub *h, const wr_hash *alert, bool accept, hub_done_fn done, void *ctx) {
    fake_members *m = fake_hub_members(h);
    WR_TRY(begin(h, &m->resolved));
    m->alert = *alert;
    m->accept = accept;
    return finish(h, done, ctx);
}

wr_err hub_get_safety(hub *h, const wr_hash *device, hub_safety *ret_safety) {
    const fake_members *m = fake_hub_members(h);
    *ret_safety = (hub_safety){"11111 22222 33333", "able baker cedar", m->verified};
    return device->b[0] == 2 ? WR_OK : fake_hub_fail(h, WR_ERR_REFUSED, "no member any more");
}

wr_err hub_mark_verified(hub *h, const wr_hash *device, bool verified, hub_done_fn done,
                         void *ctx) {
    fake_members *m = fake_hub_members(h);
    WR_TRY(begin(h, &m->marked));
    m->device = *device;
    m->mark = verified;
    return finish(h, done, ctx);
}
