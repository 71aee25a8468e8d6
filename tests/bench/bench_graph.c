/* bench_graph [OPS [KIND]]: what the graph of a circle costs, on signed ops admitted one at a time.
 *
 *   calm     64 devices: ADD, ACK by all, EPOCH, ROLE, REMOVE, LEAVE, seen by others at once or
 * later epochs   one member makes epochs, for ever held     one ADMIN, accused, accuses everybody
 * in turn on its old head, for ever: the guard holds each struck   .. the accusation of it comes
 * when half of them are here mutual   two ADMINs accuse everybody in turn, on their old heads, for
 * ever forks    one ADMIN forks at every op; the others build on either branch
 *
 * Times are CPU time of wr_graph_admit without that of signatures, which the linker's wrapper
 * counts apart.  Once: as the history grew.  Least: of each op the least of three runs from
 * scratch, all ops in their order into an empty graph; that is what it costs where nobody else
 * interrupts. Heap: all that a graph allocated (wrapped malloc); resident: what the process grew
 * by. SPDX-License-Identifier: Apache-2.0
 */
#include "bench/graph/meter.h"
#include "bench/graph/world.h"
#include "circle/generations.h"
#include "engine/self.h"

#include <stdio.h>
#include <stdlib.h>

#define THIEF 1u
#define THIEVES 4u /* from THIEF on */
#define ACCUSER 0u
#define ROUNDS 3u
#define SECRETS 512u /* held by the device that starts: there is room for more */

/* ---- calm ---- */

static uint32_t some_member(world *w, bool admin) {
    for (uint32_t tries = 0; tries < 10000; tries++) {
        uint32_t device = world_below(w, w->devices);
        const wr_member *member = wr_graph_member(w->graph, device);
        if (member->current && (!admin || member->role == WR_ROLE_ADMIN))
            return device;
    }
    must(false, "nobody is left");
    return NOBODY;
}

/* Admins that stay, so that somebody can act: the first three. */
static uint32_t some_victim(world *w) {
    uint32_t device = some_member(w, false);
    for (uint32_t tries = 0; device < 3 && tries < 100; tries++)
        device = some_member(w, false);
    return device;
}

static bool change(world *w, uint32_t author) {
    uint32_t kind = world_below(w, 100), victim = some_victim(w);
    bool room = wr_graph_current_count(w->graph) < MEMBERS && w->devices < PLACES;
    if (room && kind < 55)
        return world_add(w, author, world_chance(w, 15) ? WR_ROLE_ADMIN : WR_ROLE_MEMBER);
    if (kind < 75 && wr_graph_current_count(w->graph) > MEMBERS - 8 && victim != author)
        return world_expel(w, author, victim,
                           world_chance(w, 60) ? WR_REASON_RETIRED : WR_REASON_LOST) &&
               world_epoch(w, author);
    if (kind < 80 && wr_graph_current_count(w->graph) > MEMBERS - 8)
        return world_leave(w, victim);
    if (kind < 90)
        return world_lower(w, author, victim);
    return world_epoch(w, author);
}

/* All acknowledge, most after they have seen what others acknowledged, some before. */
static void acknowledge_all(world *w, const uint16_t *changed) {
    uint32_t first = world_below(w, w->devices);
    for (uint32_t i = 0; i < w->devices && w->count < w->ops; i++) {
        uint32_t device = (first + i) % w->devices;
        if (!world_is_in(w, device) || world_chance(w, 3))
            continue;
        if (world_chance(w, 75))
            world_see_all(w, device);
        else
            world_merge(w->view[device], changed);
        (void)world_ack(w, device);
    }
}

static void calm(world *w) {
    while (w->count < w->ops) {
        uint32_t author = some_member(w, true), other = some_member(w, true);
        uint16_t changed[WR_COLUMNS_MAX];
        world_see_all(w, author);
        (void)change(w, author);
        if (world_chance(w, 25) && other != author &&
            world_is_in(w, other)) /* .. and at the same time */
            (void)change(w, other);
        memcpy(changed, w->whole, sizeof changed);
        acknowledge_all(w, changed);
    }
}

/* ---- hostile ---- */

static void epochs(world *w) {
    for (uint32_t device = 0; w->count < w->ops && device < MEMBERS; device++) {
        while (world_epoch(w, device)) {
        }
    }
}

static bool accuse_next(world *w, uint32_t author, uint32_t *last) {
    do
        *last = (*last + 1) % MEMBERS;
    while (*last == author);
    return world_expel(w, author, *last, WR_REASON_LOST);
}

static void accuse_thieves(world *w) {
    for (uint32_t thief = THIEF; thief < THIEF + THIEVES; thief++)
        must(world_expel(w, ACCUSER, thief, WR_REASON_LOST), "the accusation of a thief");
}

/* The accuser comes in when that many ops are here. */
static void accuse_all(world *w, uint32_t accused_at) {
    uint32_t last = 0;
    bool accused = false;
    for (uint32_t thief = THIEF; thief < THIEF + THIEVES; thief++) {
        do {
            if (!accused && w->count >= accused_at)
                accuse_thieves(w);
            accused = w->count >= accused_at;
        } while (accuse_next(w, thief, &last));
    }
}

static void pair(world *w) {
    uint32_t last = 0;
    accuse_thieves(w);
    for (uint32_t thief = THIEF; thief < THIEF + THIEVES; thief += 2) {
        uint32_t turn = 0;
        do {
            turn = 1 - turn;
            world_merge(w->view[thief + turn], w->view[thief + 1 - turn]);
            while (last + 1 == thief || last == thief)
                last += 2;
        } while (accuse_next(w, thief + turn, &last));
    }
}

static void mutual(world *w) {
    uint32_t last[THIEVES] = {0}, done = 0;
    while (done < THIEVES) {
        done = 0;
        for (uint32_t i = 0; i < THIEVES; i++)
            done += !accuse_next(w, THIEF + i, &last[i]);
    }
}

static bool fork_once(world *w) {
    uint32_t stem = w->chain[THIEF], branch;
    uint16_t before[WR_COLUMNS_MAX], left[WR_COLUMNS_MAX];
    memcpy(before, w->view[THIEF], sizeof before);
    if (w->chains == WR_COLUMNS_MAX || !world_ack(w, THIEF))
        return false;
    memcpy(left, w->view[THIEF], sizeof left);
    branch = world_chain(w, THIEF, stem);
    memcpy(w->at[branch], w->at[stem], before[stem] * sizeof w->at[0][0]);
    before[branch] = before[stem];
    memcpy(w->view[THIEF], before, sizeof before);
    w->chain[THIEF] = branch;
    bool made = world_expel(w, THIEF, MEMBERS - 1, WR_REASON_RETIRED);
    w->chain[THIEF] = stem;
    memcpy(w->view[THIEF], left, sizeof left);
    w->chains -= !made;
    return made;
}

static void forks(world *w) {
    bool made = true;
    while (w->count + 3 < w->ops) {
        made = made && fork_once(w);
        uint32_t voter = 3 + world_below(w, MEMBERS - 3);
        world_merge(w->view[voter], w->clock[w->count - 1 - world_below(w, 2)]);
        (void)world_ack(w, voter);
    }
}

static void large(world *w) {
    for (uint32_t device = 0; device < MEMBERS; device++) {
        while (world_large_ack(w, device)) {
        }
    }
}

static void root_fills_up(world *w, uint32_t ops) {
    while (w->count < ops) {
        uint8_t memory[WR_OP_BYTES_MAX], body_bytes[64];
        wr_buf bytes = WR_BUF_ARRAY(memory), body = WR_BUF_ARRAY(body_bytes);
        uint32_t device = some_victim(w);
        wr_role_op role = {w->device[device].device_id,
                           world_chance(w, 50) ? WR_ROLE_ADMIN : WR_ROLE_MEMBER};
        wr_sig sig;
        uint64_t hlc = (1700000000000ull + w->count) << 16;
        must(wr_role_encode(&role, &body) == WR_OK, "ROLE");
        if (wr_graph_author_root(w->graph, &w->root, WR_OP_ROLE, wr_buf_slice(&body), hlc, &bytes,
                                 &sig) != WR_OK ||
            world_admit(w, w->graph, wr_buf_slice(&bytes), &sig, &w->cost[w->count]) != WR_OK)
            return; /* no column is left */
        w->count++;
    }
}

/* ---- all of them ---- */

static int order(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print_costs(const char *what, double *cost, uint32_t count) {
    double all = 0;
    for (uint32_t i = 0; i < count; i++)
        all += cost[i];
    qsort(cost, count, sizeof *cost, order);
    printf("  %-8s all %9.1f ms  mean %7.1f us  p99 %8.1f us  worst %8.1f us\n", what, all * 1e3,
           all * 1e6 / count, cost[count - 1 - count / 100] * 1e6, cost[count - 1] * 1e6);
}

static void from_scratch(world *w, bool first) {
    double before = meter_resident();
    wr_graph *again;
    meter_heap = 0;
    w->verified = 0;
    must(wr_graph_new(&again) == WR_OK, "memory");
    for (uint32_t i = 0; i < w->count; i++) {
        wr_op_ref op = wr_graph_op(w->graph, i);
        double cost;
        must(world_admit(w, again, op.bytes, op.sig, &cost) == WR_OK, "an op is refused now");
        w->again[i] = first || cost < w->again[i] ? cost : w->again[i];
    }
    w->heap = (double)meter_heap / 1048576.0;
    w->resident = first ? meter_resident() - before : w->resident;
    wr_hash ours = wr_graph_heads_digest(w->graph), theirs = wr_graph_heads_digest(again);
    must(wr_hash_equal(&ours, &theirs), "another graph");
    must(wr_graph_current_count(w->graph) == wr_graph_current_count(again), "other members");
    wr_graph_free(again);
}

/* ---- the device around it ---- */

static void print_act(const char *what, double began, wr_err err) {
    double spent = meter_now() - began;
    printf("  %s %.2f ms%s", what, spent * 1e3, err == WR_OK ? "" : ", refused");
}

/* Secrets of the newest epochs. */
static uint32_t load_secrets(world *w, wr_self *self) {
    wr_key seed = {{9}};
    uint32_t held = 0;
    must(wr_self_load_seed(self, wr_graph_founder(w->graph), &seed) == WR_OK, "seed");
    for (uint32_t i = w->count; i-- > 0 && held < SECRETS;) {
        wr_key secret = world_secret(i);
        wr_op_ref op = wr_graph_op(w->graph, i);
        if (op.type == WR_OP_EPOCH && wr_self_load_epoch(self, &op.id, &secret) == WR_OK)
            held++;
    }
    return held;
}

/* The founder starts from its store, and does what it does after a removal. */
static void as_self(world *w) {
    wr_rng rng = {world_random, w};
    wr_now when = {.wall = {1800000000000}};
    wr_self *self;
    must(wr_self_new(&w->device[0], rng, &self) == WR_OK, "memory");
    for (uint32_t i = 0; i < w->count; i++) {
        wr_op_ref op = wr_graph_op(w->graph, i);
        double before = meter_verifying, began = meter_now();
        must(wr_self_load_op(self, op.bytes, op.sig) == WR_OK, "an op cannot be loaded");
        w->cost[i] = meter_now() - began - (meter_verifying - before);
    }
    print_costs("loading", w->cost, w->count);
    double began = meter_now();
    uint32_t held = load_secrets(w, self);
    printf("  %u secrets held:", held);
    print_act("loading them", began, WR_OK);
    if (held != 0 && wr_self_load_done(self, when) == WR_OK) {
        wr_self_confirm(self);
        began = meter_now();
        print_act("ACK", began, wr_self_ack(self, when));
        began = meter_now();
        print_act("new epoch", began, wr_self_rotate(self, when));
        began = meter_now();
        (void)wr_self_session_epoch(self, &w->device[MEMBERS - 1].device_id, 0);
        print_act("epoch of a session", began, WR_OK);
    }
    printf("\n");
    wr_self_free(self);
}

static void run(const char *kind, uint32_t ops) {
    world *w = calloc(1, sizeof *w);
    if (w == NULL || wr_graph_new(&w->graph) != WR_OK) {
        must(false, "memory");
        return;
    }
    w->ops = ops < WR_OPS_MAX - WR_OPS_FOR_ROOT ? ops : WR_OPS_MAX - WR_OPS_FOR_ROOT;
    w->seed = 1;
    world_begin(w);
    if (strcmp(kind, "calm") == 0)
        calm(w);
    else if (strcmp(kind, "epochs") == 0)
        epochs(w);
    else if (strcmp(kind, "held") == 0)
        accuse_all(w, w->count);
    else if (strcmp(kind, "struck") == 0)
        accuse_all(w, w->ops / 2);
    else if (strcmp(kind, "mutual") == 0)
        mutual(w);
    else if (strcmp(kind, "pair") == 0)
        pair(w);
    else if (strcmp(kind, "large") == 0)
        large(w);
    else
        forks(w);
    root_fills_up(w, ops);
    printf("%s: %u ops, %u refused, %u devices ever, %u now, %u chains, %u epochs\n", kind,
           w->count, w->refused, wr_graph_member_count(w->graph), wr_graph_current_count(w->graph),
           w->chains, wr_graph_epoch_count(w->graph));
    print_costs("once", w->cost, w->count);
    for (uint32_t i = 0; i < ROUNDS; i++)
        from_scratch(w, i == 0);
    print_costs("least", w->again, w->count);
    printf("  signatures %.1f ms  heap %.1f MiB  resident %.1f MiB\n", w->verified * 1e3, w->heap,
           w->resident);
    as_self(w);
    wr_graph_free(w->graph);
    free(w);
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"calm", "epochs", "held",  "struck",
                                        "pair", "mutual", "forks", "large"};
    uint32_t ops = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : WR_OPS_MAX;
    must(ops <= WR_OPS_MAX && ops >= 3 * MEMBERS, "usage: bench_graph [OPS [KIND]]");
    must(wr_crypto_init() == WR_OK, "crypto");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < WR_COUNT(kinds); i++) {
        if (argc <= 2 || strcmp(argv[2], kinds[i]) == 0)
            run(kinds[i], ops);
    }
    return 0;
}
