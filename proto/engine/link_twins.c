/* Two processes of one device: who of them may go on with this sibling.
 *
 * A session that is up takes the place of its peer, or waits as a rival of the one that has it. The
 * place is in self, where all links see it.
 *
 * Spec:   proto/spec/sync.md 5.1
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/link_impl.h"

/* The peer is the one of its device that we go on with. */
static void welcome(wr_link *link, wr_now now) {
    link->rival = false;
    link->wait_deadline = WR_MONO_NEVER;
    for (uint32_t i = 0; i < wr_self_feed_count(link->self); i++) {
        if (!wr_link_is_peers(link, i))
            continue;
        wr_self_set_source(link->self, i, link->config.link_id, link->feeds[i].have);
        link->feeds[i].wanted = true; /* its own feeds come unasked */
        link->feeds[i].moved = now.mono;
    }
    wr_link_event(link,
                  &(wr_event){.type = WR_EV_UP, .device = link->peer, .addrs = link->hello.addrs});
}

wr_err wr_link_take_place(wr_link *link, wr_now now) {
    wr_place *place = wr_twins_place(wr_self_twins(link->self), &link->peer);
    if (place == NULL)
        return WR_ERR_LIMIT;
    link->place = place;
    if (wr_place_take(place, &link->hello.instance, link->hello.signs, now.mono)) {
        welcome(link, now);
        return WR_OK;
    }
    /* spec:sync#5.1 "A device that has a session with another instance of the peer MUST ask that
     * one first, by a PING that it says from then on." */
    link->rival = true;
    /* spec:sync#5.1 "A newcomer that waits for 30 seconds MUST be left." */
    link->wait_deadline = wr_mono_add(now.mono, LINK_RIVAL_MS);
    link->question = wr_place_ask(place, link->hello.signs);
    return WR_OK;
}

void wr_link_leave_place(wr_link *link, wr_mono now) {
    if (link->place == NULL)
        return;
    link->place->vouches = false; /* another session of it says so again */
    if (!link->rival)
        wr_place_leave(link->place, link->peer_left, now);
    link->place = NULL;
}

/* spec:sync#5.1 "If the PONG comes, the newcomer MUST be told TWIN, and be left." */
static void dismiss(wr_link *link) {
    link->twin_due = !link->twin_said;
    link->close_due = true;
}

static void attend_rival(wr_link *link, wr_now now) {
    wr_place *place = link->place;
    if (wr_place_take(place, &link->hello.instance, link->hello.signs, now.mono))
        welcome(link, now);
    else if (link->question <= place->moot) /* somebody else has the place now */
        link->question = wr_place_ask(place, link->hello.signs);
    else if (place->answered >= link->question && !place->yields)
        dismiss(link);
}

static void attend_holder(wr_link *link, wr_now now) {
    if (link->place->yields)
        dismiss(link);
    /* One PING at a time: the answer to an older one says nothing about now. */
    if (!wr_place_is_asked(link->place) || link->ping_at.ms != WR_MONO_NEVER.ms)
        return;
    link->ping_due = true;
    link->ping_at = now.mono;
    link->probing = link->place->asked;
}

void wr_link_attend(wr_link *link, wr_now now) {
    if (link->state != LINK_UP || link->place == NULL)
        return;
    if (link->rival)
        attend_rival(link, now);
    else
        attend_holder(link, now);
}

void wr_link_answered(wr_link *link) {
    if (link->probing != 0)
        wr_place_answer(link->place, link->probing);
    link->probing = 0;
}

bool wr_link_is_asked(const wr_link *link) {
    return link->place != NULL && !link->rival && wr_place_is_asked(link->place);
}

/* ---- SOLE and TWIN ----------------------------------------------------------------------------
 */

/* spec:sync#5.1 "A device MUST say SOLE once on each session, as soon as it may" */
wr_err wr_link_say_sole(wr_link *link, wr_buf *plain, wr_now now) {
    if (link->sole_said || link->rival || link->place == NULL)
        return WR_OK;
    wr_place_settle(link->place, now.mono);
    if (link->place->sure)
        link->sole_said = wr_frame_put(plain, WR_FRAME_SOLE, WR_SLICE_EMPTY) == WR_OK;
    return WR_OK;
}

wr_err wr_link_say_twin(wr_link *link, wr_buf *plain) {
    if (!link->twin_due || wr_frame_put(plain, WR_FRAME_TWIN, WR_SLICE_EMPTY) != WR_OK)
        return WR_OK;
    link->twin_due = false;
    link->twin_said = true;
    return WR_OK;
}

wr_mono wr_link_sole_deadline(const wr_link *link) {
    bool open = link->place != NULL && !link->rival && !link->place->sure && !link->place->yields &&
                !wr_place_is_asked(link->place);
    wr_mono deadline = open ? link->place->sure_at : WR_MONO_NEVER;
    wr_mono twin = wr_self_twin_until(link->self);
    return twin.ms == 0 ? deadline : wr_mono_min(deadline, twin);
}

void wr_link_sole_tick(wr_link *link, wr_now now) {
    wr_mono twin = wr_self_twin_until(link->self);
    if (link->place != NULL && !link->rival)
        wr_place_settle(link->place, now.mono); /* said with the next write */
    if (twin.ms != 0 && wr_mono_reached(twin, now.mono))
        wr_self_forget_twin(link->self, NULL);
    wr_link_confirm(link);
}

wr_err wr_link_hear_sole(wr_link *link, wr_slice body) {
    if (body.len != 0)
        return WR_ERR_FORMAT;
    link->sole_heard = true;
    if (link->state == LINK_UP)
        wr_self_forget_twin(link->self, &link->peer);
    wr_link_confirm(link);
    return WR_OK;
}

wr_err wr_link_hear_twin(wr_link *link, wr_slice body, wr_now now) {
    if (body.len != 0)
        return WR_ERR_FORMAT;
    link->sole_heard = false;
    wr_self_see_twin(link->self, &link->peer, now);
    wr_link_event(link, &(wr_event){.type = WR_EV_TWIN, .device = link->peer});
    return WR_OK;
}
