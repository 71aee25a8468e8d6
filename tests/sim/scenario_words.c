/* The words that stories are told in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/scenario_words.h"

#include "flow/hub_impl.h"
#include "sim/world_members.h"

void circle_of_all(world *w) {
    world_found(w);
    for (uint32_t i = 1; i < w->device_count; i++)
        device_start(&w->devices[i]);
    world_pair_rest(w);
    world_settle(w);
}

void cut(world *w, uint32_t from, uint32_t to, bool both_ways) {
    net_sim_path_of(w->net, from, to)->cut = true;
    if (both_ways)
        net_sim_path_of(w->net, to, from)->cut = true;
}

void mend(world *w, uint32_t a, uint32_t b) {
    net_sim_path_of(w->net, a, b)->cut = false;
    net_sim_path_of(w->net, b, a)->cut = false;
}

void append(world *w, uint32_t who, uint32_t count) {
    world_append(&w->devices[who], count);
    world_run(w, SECOND);
}

void all_is_well(world *w) {
    world_heal(w);
    world_settle(w);
    world_members_end(w);
    world_check_all(w);
}

void must(world *w, bool is_so, const char *what) {
    if (!is_so)
        world_fail(w, "%s", what);
}

hub_status status_of(world *w, uint32_t who) {
    hub_status status = {0};
    hub *h = device_enter(&w->devices[who]);
    must(w, hub_get_status(h, &status) == WR_OK, "no status");
    device_leave(&w->devices[who]);
    return status;
}

/* ---- members ------------------------------------------------------------------------------- */

void admins_of_all(world *w) {
    w->membership = true;
    world_found(w);
    for (uint32_t i = 1; i < w->device_count; i++) {
        device_start(&w->devices[i]);
        world_pair_two(&w->devices[0], &w->devices[i]);
    }
    world_settle(w);
}

static const wr_graph *graph_of(const world *w, uint32_t who) {
    return wr_self_graph(w->devices[who].run->hub->self);
}

bool is_in(const world *w, uint32_t for_whom, uint32_t who) {
    const wr_member *member = wr_graph_find(graph_of(w, for_whom), &w->devices[who].id);
    return member != NULL && wr_member_is_in(member);
}

bool are_linked(const world *w, uint32_t a, uint32_t b) {
    return pump_link_of(w->devices[a].run->hub, &w->devices[b].id) != NULL;
}

uint64_t generation_of(const world *w, uint32_t who) {
    return wr_graph_generation(graph_of(w, who));
}

uint32_t epochs_of(const world *w, uint32_t who) {
    return wr_graph_epoch_count(graph_of(w, who));
}

uint32_t seeds_of(const world *w, uint32_t who) {
    return wr_keyring_seed_count(wr_self_keyring(w->devices[who].run->hub->self));
}

void throw_out(world *w, uint32_t who, uint32_t whom, wr_reason reason) {
    must(w, device_remove(&w->devices[who], &w->devices[whom].id, reason, true),
         "it may not throw it out");
    world_run(w, SECOND);
}

typedef struct alert_count {
    hub_alert_type type;
    uint32_t count;
} alert_count;

static wr_err count_alert(void *ctx, const hub_alert *alert) {
    alert_count *c = (alert_count *)ctx;
    c->count += alert->type == c->type;
    return WR_OK;
}

uint32_t alerts_of(world *w, uint32_t who, hub_alert_type type) {
    alert_count c = {.type = type};
    hub *h = device_enter(&w->devices[who]);
    must(w, hub_each_alert(h, count_alert, &c) == WR_OK, "no alerts");
    device_leave(&w->devices[who]);
    return c.count;
}

typedef struct shown_count {
    wr_hash author;
    uint32_t count;
} shown_count;

static wr_err count_shown(void *ctx, const hub_entry *entry) {
    shown_count *c = (shown_count *)ctx;
    c->count += wr_hash_equal(&entry->device, &c->author);
    return WR_OK;
}

uint32_t shown_of(world *w, uint32_t who, uint32_t author) {
    shown_count c = {.author = w->devices[author].id};
    char cursor[HUB_CURSOR_MAX];
    bool more = false;
    hub *h = device_enter(&w->devices[who]);
    for (uint32_t log = 0; log < WORLD_LOGS; log++) {
        wr_err err = hub_read(h, wr_slice_str(world_log_names[log]), WR_SLICE_EMPTY, UINT16_MAX,
                              count_shown, &c, cursor, &more);
        must(w, err == WR_OK || err == WR_ERR_UNKNOWN, "it cannot be read");
    }
    device_leave(&w->devices[who]);
    return c.count;
}

/* As through a mailbox, that asks nobody who he is. */
void offer_ops(world *w, uint32_t from, uint32_t to) {
    const wr_graph *graph = graph_of(w, from);
    hub *h = device_enter(&w->devices[to]);
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref op = wr_graph_op(graph, i);
        wr_err err = wr_self_admit(h->self, op.bytes, op.sig, hub_now(h));
        must(w, err == WR_OK, "it does not take an op");
        must(w, hub_drain(h) == WR_OK, "it cannot store an op");
    }
    loop_dirty(w->devices[to].run->loop);
    device_leave(&w->devices[to]);
    world_run(w, SECOND);
}
