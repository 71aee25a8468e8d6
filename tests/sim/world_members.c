/* Devices that are thrown out, leave and lose their role.
 *
 * Kept apart by the plot, as no rule could tell what is right then: two honest devices that throw
 * each other out, and what an accused device had done that its accuser did not know.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_members.h"

#include "circle/generations.h"
#include "flow/hub_impl.h"
#include "sim/world_parts.h"

#include <stdlib.h>

#define MEMBERS_WORLDS 300u /* per mille */
#define HONEST_MIN 2u

/* ---- beginning ----------------------------------------------------------------------------- */

void world_members_open(world *w) {
    chance_init(&w->members, w->options.seed, "members", 0);
    uint32_t count = chance_between(&w->members, 3, 7);
    w->membership = chance_hit(&w->members, MEMBERS_WORLDS) && w->options.scenario == NULL &&
                    (w->options.devices == 0 || w->options.devices > HONEST_MIN);
    if (w->membership && w->options.devices == 0)
        w->device_count = count;
}

void world_members_draw(world *w) {
    static const uint32_t most[ACT_COUNT] = {
        [ACT_REMOVE] = 12, [ACT_LEAVE] = 5, [ACT_ROLE] = 5, [ACT_STRIKE] = 60};
    for (uint32_t i = ACT_REMOVE; i <= ACT_STRIKE; i++) {
        bool without = chance_hit(&w->members, i == ACT_REMOVE ? 100 : 350);
        uint32_t weight = chance_between(&w->members, 1, most[i]);
        w->weights[i] = without || !w->membership ? 0 : weight;
    }
}

/* ---- who is who ---------------------------------------------------------------------------- */

bool device_is_outside(const device *d) {
    return d->removing != NULL || (d->has_id && ledger_is_out(d->world->ledger, &d->id));
}

bool device_is_inside(const device *d) {
    return !device_is_outside(d) && !d->struck;
}

uint32_t world_insiders(const world *w) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->device_count; i++)
        count += device_is_inside(&w->devices[i]);
    return count;
}

device *world_first_inside(world *w) {
    for (uint32_t i = 0; i < w->device_count; i++)
        if (device_is_inside(&w->devices[i]))
            return &w->devices[i];
    return &w->devices[0];
}

static bool is_honest_member(const device *d) {
    return d->has_id && device_is_inside(d);
}

static uint32_t honest_members(const world *w) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->device_count; i++)
        count += is_honest_member(&w->devices[i]);
    return count;
}

static bool all_are_in(const world *w) {
    for (uint32_t i = 0; i < w->device_count; i++)
        if (!w->devices[i].has_id || w->devices[i].joining)
            return false;
    return true;
}

/* Then nobody is on the way in, whose ADD might be one that the others do not know yet. */
static bool is_quiet(const world *w) {
    for (uint32_t i = 0; i < w->device_count; i++)
        if (w->devices[i].joining)
            return false;
    return true;
}

/* The first one is within reach of all and lets others in. */
static bool is_needed(const device *d) {
    const world *w = d->world;
    return d->index == 0 && (!all_are_in(w) || w->nats);
}

static const wr_graph *graph_of(const device *d) {
    const hub *h = d->run != NULL ? d->run->hub : NULL;
    return h != NULL && h->self != NULL ? wr_self_graph(h->self) : NULL;
}

static device *device_of(world *w, const wr_hash *id) {
    for (uint32_t i = 0; i < w->device_count; i++)
        if (w->devices[i].has_id && wr_hash_equal(&w->devices[i].id, id))
            return &w->devices[i];
    return NULL;
}

/* ---- calls --------------------------------------------------------------------------------- */

typedef struct order { /* a call that waits for its answer */
    run *run;
    uint32_t count;
    uint32_t targets[WORLD_DEVICES_MAX];
    bool expected; /* the targets are out once it is done */
} order;

static void answered(void *ctx, wr_err err) {
    order *o = (order *)ctx;
    const run *r = o->run;
    world *w = r->device->world;
    for (uint32_t i = 0; i < o->count && !r->crashed; i++) {
        device *target = &w->devices[o->targets[i]];
        target->removing = NULL;
        if (err == WR_OK && o->expected && !ledger_is_out(w->ledger, &target->id))
            world_fail(w, "device %u reports a removal that is not durable", r->device->index);
    }
    if (err != WR_OK && !r->crashed && !run_may_fail(r))
        world_fail(w, "device %u: membership: %s", r->device->index, wr_err_name(err));
    free(o);
}

static order *order_new(device *d, bool expected) {
    order *o = (order *)calloc(1, sizeof *o);
    WR_ASSERT(o != NULL);
    o->run = d->run;
    o->expected = expected;
    return o;
}

static void order_target(order *o, device *target) {
    if (target == NULL || o->count == WORLD_DEVICES_MAX)
        return;
    o->targets[o->count++] = target->index;
    if (o->expected)
        target->removing = o->run;
}

static void order_drop(const device *d, order *o) {
    for (uint32_t i = 0; i < o->count; i++)
        d->world->devices[o->targets[i]].removing = NULL;
    free(o);
}

/* CLOSED: it waits for a sibling that confirms it; BUSY: somebody is being let in. */
static bool given(device *d, const char *what, wr_err err, order *o) {
    if (err == WR_OK)
        return true;
    world_note(d, "%s: %s", what, wr_err_name(err));
    if (err != WR_ERR_CLOSED && err != WR_ERR_BUSY && !run_may_fail(d->run))
        world_fail(d->world, "device %u: %s: %s", d->index, what, hub_problem(d->run->hub));
    order_drop(d, o);
    return false;
}

void world_members_crashed(const run *r) {
    world *w = r->device->world;
    for (uint32_t i = 0; i < w->device_count; i++)
        if (w->devices[i].removing == r)
            w->devices[i].removing = NULL;
}

/* May these go as well?  Enough must stay, and what they did must be known. */
static bool may_go_along(device *d, const hub_foresight *foresight) {
    world *w = d->world;
    uint32_t honest = 0;
    for (uint32_t i = 0; i < foresight->along_count; i++) {
        const device *other = device_of(w, &foresight->along[i]);
        if (other == NULL || is_needed(other) || !ledger_knows(w->ledger, d->index, &other->id))
            return false;
        honest += is_honest_member(other);
    }
    return honest_members(w) > HONEST_MIN + honest;
}

bool device_remove(device *d, const wr_hash *target, wr_reason reason, bool only) {
    world *w = d->world;
    hub_removal removal = {.device = *target, .reason = reason, .only = only};
    hub_foresight foresight = {0};
    hub *h = device_enter(d);
    wr_err err = hub_foresee(h, &removal, &foresight);
    if (err == WR_OK && foresight.along_count != 0 && !may_go_along(d, &foresight)) {
        removal.only = true;
        foresight.along_count = 0;
    }
    order *o = order_new(d, true);
    if (err == WR_OK) {
        order_target(o, device_of(w, target));
        for (uint32_t i = 0; i < foresight.along_count; i++)
            order_target(o, device_of(w, &foresight.along[i]));
        err = hub_remove(h, &removal, answered, o);
    }
    bool done = given(d, "removes a device", err, o);
    if (done) {
        const device *gone = device_of(w, target);
        world_note(d, "removes device %d%s, and %u more", gone != NULL ? (int)gone->index : -1,
                   reason == WR_REASON_RETIRED ? " as retired"
                   : reason == WR_REASON_LOST  ? " as lost"
                                               : " as compromised",
                   foresight.along_count);
        w->counts.removals++;
    }
    device_leave(d);
    return done;
}

bool device_say_farewell(device *d) {
    order *o = order_new(d, true);
    order_target(o, d);
    hub *h = device_enter(d);
    bool done = given(d, "leaves", hub_leave(h, answered, o), o);
    if (done) {
        world_note(d, "leaves the circle");
        d->has_left = true;
        d->world->counts.leaves++;
    }
    device_leave(d);
    return done;
}

bool device_set_role(device *d, const device *target, bool admin) {
    order *o = order_new(d, false);
    hub *h = device_enter(d);
    wr_err err = hub_set_role(h, &target->id, admin, WR_SLICE_EMPTY, answered, o);
    bool done = given(d, "sets a role", err, o);
    if (done)
        world_note(d, "makes device %u a mere member", target->index);
    d->world->counts.roles += done;
    device_leave(d);
    return done;
}

bool device_reset(device *d, device *without) {
    order *o = order_new(d, without != NULL);
    if (without != NULL)
        order_target(o, without);
    hub *h = device_enter(d);
    wr_err err = hub_reset(h, without != NULL ? &without->id : NULL, wr_slice_str(d->world->words),
                           answered, o);
    bool done = given(d, "resets the circle", err, o);
    if (done)
        world_note(d, "resets the circle%s", without != NULL ? ", without one" : "");
    device_leave(d);
    return done;
}

bool device_strike(device *d, device *target) {
    hub_removal removal = {.device = target->id, .reason = WR_REASON_LOST, .only = true};
    order *o = order_new(d, false);
    hub *h = device_enter(d);
    bool done = given(d, "strikes back", hub_remove(h, &removal, answered, o), o);
    if (done) {
        world_note(d, "strikes back at device %u", target->index);
        target->struck = true;
        d->world->counts.strikes++;
    }
    device_leave(d);
    return done;
}

/* ---- acts ---------------------------------------------------------------------------------- */

static device *any_actor(world *w) {
    uint32_t first = chance_below(&w->members, w->device_count);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[(first + i) % w->device_count];
        if (is_honest_member(d) && device_is_member(d) && device_is_admin(d) && device_is_up(d) &&
            !run_may_fail(d->run))
            return d;
    }
    return NULL;
}

/* Both are asked, as what one does unknown to the other would be struck out with it. */
static bool may_remove(device *d, const wr_hash *target) {
    const wr_graph *graph = graph_of(d);
    const wr_member *member = graph != NULL ? wr_graph_find(graph, target) : NULL;
    return member != NULL && wr_member_is_in(member) &&
           ledger_knows(d->world->ledger, d->index, target);
}

static void remember_accuser(world *w, const wr_hash *target, const device *accuser) {
    device *d = device_of(w, target);
    if (d != NULL)
        d->accuser = (int32_t)accuser->index;
    else
        w->traitors_accuser = (int32_t)accuser->index;
}

static void remove_one(world *w, device *d, const wr_hash *target) {
    wr_reason reason = chance_hit(&w->members, 600) ? WR_REASON_LOST : WR_REASON_COMPROMISED;
    bool only = chance_hit(&w->members, 700);
    if (device_remove(d, target, reason, only))
        remember_accuser(w, target, d);
}

/* One that has said farewell is tidied away. */
static bool retire(world *w, device *d) {
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *gone = &w->devices[i];
        if (!gone->has_left || gone->is_retired ||
            !ledger_is_out_for(w->ledger, d->index, &gone->id))
            continue;
        gone->is_retired = device_remove(d, &gone->id, WR_REASON_RETIRED, true);
        return true;
    }
    return false;
}

void world_act_remove(world *w) {
    const wr_hash *traitor = world_traitor_id(w);
    bool it = chance_hit(&w->members, 500), retired = chance_hit(&w->members, 300);
    const device *target = &w->devices[chance_below(&w->members, w->device_count)];
    device *d = is_quiet(w) ? any_actor(w) : NULL;
    if (d == NULL || (retired && retire(w, d)))
        return;
    if (it && traitor != NULL && !ledger_is_out(w->ledger, traitor) && may_remove(d, traitor)) {
        remove_one(w, d, traitor);
        return;
    }
    if (target != d && is_honest_member(target) && !is_needed(target) &&
        honest_members(w) > HONEST_MIN && may_remove(d, &target->id))
        remove_one(w, d, &target->id);
}

void world_act_leave(world *w) {
    device *d = &w->devices[chance_below(&w->members, w->device_count)];
    if (is_quiet(w) && is_honest_member(d) && device_is_member(d) && !is_needed(d) &&
        honest_members(w) > HONEST_MIN && !run_may_fail(d->run))
        (void)device_say_farewell(d);
}

/* The first one stays an admin, so that there is one to the end. */
void world_act_role(world *w) {
    const device *target = &w->devices[chance_below(&w->members, w->device_count)];
    device *d = is_quiet(w) ? any_actor(w) : NULL;
    if (d == NULL || target == d || target->index == 0 || !is_honest_member(target) ||
        !may_remove(d, &target->id))
        return;
    const wr_member *member = wr_graph_find(graph_of(d), &target->id);
    if (member->role == WR_ROLE_ADMIN)
        (void)device_set_role(d, target, false);
}

/* Is there somebody to strike, who will be missed by nobody but itself? */
static device *victim(world *w, int32_t accuser) {
    if (accuser < 0 || !all_are_in(w) || w->nats || honest_members(w) <= HONEST_MIN)
        return NULL;
    device *d = &w->devices[accuser];
    return is_honest_member(d) ? d : NULL;
}

/* Only one who knows all that the others did but its own removal: what strikes more than its
 * accuser is told by the stories. */
static bool may_strike(const world *w, const wr_hash *id, const wr_graph *graph) {
    const wr_member *me = graph != NULL ? wr_graph_find(graph, id) : NULL;
    return me != NULL && wr_member_is_in(me) && me->role == WR_ROLE_ADMIN &&
           ledger_is_out(w->ledger, id) && ledger_knows_all(w->ledger, id, graph);
}

static void traitor_strikes(world *w) {
    const wr_hash *id = world_traitor_id(w);
    device *target = id != NULL ? victim(w, w->traitors_accuser) : NULL;
    if (target == NULL || !may_strike(w, id, world_traitor_graph(w)))
        return;
    if (world_traitor_strike(w, &target->id)) {
        target->struck = true;
        w->counts.strikes++;
    }
}

void world_act_strike(world *w) {
    uint32_t first = chance_below(&w->members, w->device_count);
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[(first + i) % w->device_count];
        device *target = d->has_left || d->has_struck ? NULL : victim(w, d->accuser);
        if (target == NULL || !device_is_member(d) || run_may_fail(d->run) ||
            !may_strike(w, &d->id, graph_of(d)))
            continue;
        d->has_struck = device_strike(d, target);
        return;
    }
    traitor_strikes(w);
}

/* ---- what must hold ------------------------------------------------------------------------ */

static void check_links(const device *d) {
    const world *w = d->world;
    for (const conn *c = d->run->hub->conns; c != NULL; c = c->next) {
        if (!c->up || c->kind != CONN_LINK ||
            !ledger_is_out_for(w->ledger, d->index, wr_link_peer(c->link)))
            continue;
        const device *peer = device_of(d->world, wr_link_peer(c->link));
        world_fail(d->world, "device %u has a link with device %d, which it knows to be removed",
                   d->index, peer != NULL ? (int)peer->index : -1);
    }
}

/* Who was thrown out stays out, and nobody else loses what he has. */
static void check_members(device *d) {
    world *w = d->world;
    const wr_graph *graph = graph_of(d);
    for (uint32_t i = 0; i < wr_graph_member_count(graph); i++) {
        const wr_member *member = wr_graph_member(graph, i);
        const device *of = device_of(w, &member->device_id);
        if (wr_member_is_in(member) && ledger_is_out_for(w->ledger, d->index, &member->device_id))
            world_fail(w, "device %u takes device %d, which was removed, for a member", d->index,
                       of != NULL ? (int)of->index : -1);
        if (of != NULL && is_honest_member(of) && !wr_member_is_in(member))
            world_fail(w, "device %u: device %u has lost its membership by no honest word",
                       d->index, of->index);
    }
}

void world_members_watch(world *w) {
    if (!w->membership)
        return;
    for (uint32_t i = 0; i < w->device_count; i++) {
        device *d = &w->devices[i];
        run *r = d->run;
        /* Within a turn it may know more than it could do something about. */
        if (r == NULL || r->closing || graph_of(d) == NULL || loop_sim_is_dirty(r->loop) ||
            d->struck || device_is_outside(d))
            continue;
        if (r->graph_version != wr_graph_version(graph_of(d)))
            check_members(d);
        r->graph_version = wr_graph_version(graph_of(d));
        check_links(d);
    }
}

uint64_t device_members_digest(device *d) {
    uint64_t sum = 0;
    const wr_graph *graph = graph_of(d);
    for (uint32_t i = 0; i < wr_graph_member_count(graph); i++) {
        const wr_member *member = wr_graph_member(graph, i);
        uint64_t role = member->current ? 1 + (uint64_t)member->role : 0;
        sum += sim_hash_u64(sim_hash(SIM_HASH_START, WR_SLICE_OBJ(member->device_id)), role);
    }
    WR_SECRET(wr_key) seed;
    if (wr_keyring_seed(wr_self_keyring(d->run->hub->self), wr_graph_founder(graph), &seed))
        sum += sim_hash(SIM_HASH_START, WR_SLICE_OBJ(seed));
    return sum;
}

uint64_t world_shown(const device *d, const wr_hash *author) {
    const world *w = d->world;
    if (!ledger_is_out_for(w->ledger, d->index, author))
        return UINT64_MAX;
    return ledger_shown(w->ledger, d->index, author);
}

void world_members_end(world *w) {
    if (!w->membership || world_is_forked(w))
        return;
    ledger_check_secrets(w->ledger);
    for (uint32_t i = 0; i < w->device_count; i++)
        if (device_is_inside(&w->devices[i]) && device_is_member(&w->devices[i]))
            world_append(&w->devices[i], 1);
    world_run(w, SECOND);
    world_settle(w);
}
