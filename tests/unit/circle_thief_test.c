/* One stolen device against honest ones that gossip in part, acknowledge at once and accuse with
 * the default cascade.  A number as argument is how many histories.
 *
 * The thief may have slept for any time, signs on any past that its own chain allows, old ones
 * included, adds devices of its own, and shows its ops to whom and when it likes.  Each honest
 * device keeps a guard of its own: what an accusation made OUT once stays barred (G1), and an op
 * of a device that is OUT here is held if it would make anyone a member or cost anyone but its
 * accusers membership (G2).  Not only a device that was one: on top of an op that is held here, and
 * that voids its accusation in the pasts of others, it adds new ones.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle_history.h"

#include <stdio.h>
#include <stdlib.h>

#define HONEST 5u /* devices 0 to 4, but for the thief */
#define REPLICAS (HONEST + 3u)

typedef struct world {
    o_history h;
    t_dice dice;
    uint32_t thief, devices; /* devices made so far; those of the thief are in its */
    bool of_thief[O_DEVICES];
    bool asleep, stolen, slept;
    o_set acknowledged;     /* by the thief, before it was stolen */
    h_replica at[REPLICAS]; /* of the devices with these numbers */
    bool alive[REPLICAS], barred[REPLICAS][O_DEVICES];
    wr_eval_member members[REPLICAS][O_DEVICES];
} world;

static uint32_t histories = 300;
static uint64_t first_seed = 1;
static struct {
    unsigned long ops, thief_ops, accusations, held, awake, slept, retaliations, late, overridden,
        strict;
} seen;

static bool say(const world *w, uint32_t replica, const char *what) {
    (void)printf("device %u: %s; thief %u, held %llx taken %llx\n", replica, what, w->thief,
                 (unsigned long long)w->at[replica].held, (unsigned long long)w->at[replica].taken);
    h_print(&w->h);
    return false;
}

/* ---- admission with a guard ---- */

static bool accuser(const world *w, uint32_t replica, uint32_t of, uint32_t device) {
    for (uint32_t i = 0; i < w->h.count; i++) {
        const o_op *op = &w->h.op[i];
        if (o_in(w->at[replica].taken, i) && op->author == device && o_accuses(op) &&
            o_names(op, of))
            return true;
    }
    return false;
}

static bool harmful(const world *w, uint32_t replica, uint32_t author, const wr_eval_member *before,
                    const wr_eval_member *after) {
    for (uint32_t m = 0; m < O_DEVICES; m++) {
        if (after[m].current && !before[m].current)
            return true;
        if (before[m].current && !after[m].current && !accuser(w, replica, author, m))
            return true;
    }
    return false;
}

static bool thief_stands_accused(const world *w, uint32_t replica) {
    return w->barred[replica][w->thief] && !w->members[replica][w->thief].current;
}

/* P4: what the accused does later costs nobody but its accusers. */
static bool costs_accusers_only(const world *w, uint32_t replica, uint32_t author,
                                const wr_eval_member *before, const wr_eval_member *after) {
    for (uint32_t m = 0; m < O_DEVICES; m++) {
        if (before[m].current && !after[m].current && !accuser(w, replica, author, m) &&
            !accuser(w, replica, w->thief, m))
            return false;
    }
    return true;
}

/* Devices of the thief that were accused and OUT here, and are members again. */
static uint32_t back_again(const world *w, uint32_t replica) {
    uint32_t count = 0;
    for (uint32_t m = 0; m < O_DEVICES; m++)
        count += w->of_thief[m] && w->barred[replica][m] && w->members[replica][m].current;
    return count;
}

/* P2: a member has an ADD that no accusation of its sponsor is concurrent to; and none before it,
 * unless the sponsor is honest: the thief's accusation of it may have been OUT in that past. */
static bool sponsors_stand(world *w, uint32_t replica) {
    h_replica *at = &w->at[replica];
    wr_op_label label[O_OPS];
    for (uint32_t i = 0; i < w->h.count; i++)
        label[i] = o_in(at->taken, i) ? wr_evaluator_label(at->evaluator, &at->op[i])
                                      : WR_LABEL_OP_INVALID;
    for (uint32_t m = 1; m < O_DEVICES; m++) {
        bool stands = !w->members[replica][m].current;
        for (uint32_t i = 1; i < w->h.count && !stands; i++) {
            const o_op *op = &w->h.op[i];
            stands = label[i] == WR_LABEL_OP_IN && op->type == WR_OP_ADD && o_names(op, m);
            for (uint32_t r = 0; r < w->h.count && stands; r++) {
                if (label[r] == WR_LABEL_OP_IN && o_accuses(&w->h.op[r]) &&
                    o_names(&w->h.op[r], op->author) && !o_in(w->h.op[r].past, i) &&
                    (w->of_thief[op->author] || !o_in(op->past, r)))
                    stands = false;
            }
        }
        if (!stands)
            return false;
    }
    return true;
}

static bool admit(world *w, uint32_t replica, uint32_t op) {
    h_replica *at = &w->at[replica];
    wr_eval_member *members = w->members[replica], before[O_DEVICES];
    uint32_t author = w->h.op[op].author;
    memcpy(before, members, sizeof before);
    if (!h_may(at, &w->h.op[op], NULL))
        return say(w, replica, "a valid op is refused");
    bool accused = thief_stands_accused(w, replica);
    uint32_t back = back_again(w, replica);
    bool out = op != 0 && (!before[author].current || w->barred[replica][author]);
    h_take(at, op);
    wr_evaluator_members(at->evaluator, O_DEVICES, members);
    if (out && harmful(w, replica, author, before, members)) {
        seen.held++;
        h_hold(at, op, true);
        wr_evaluator_members(at->evaluator, O_DEVICES, members);
        if (!h_same_members(before, members, O_DEVICES))
            return say(w, replica, "a held op has an effect");
    }
    if (accused && w->of_thief[author] && !costs_accusers_only(w, replica, author, before, members))
        return say(w, replica, "P4: the accused costs others their membership");
    for (uint32_t m = 0; m < O_DEVICES; m++) {
        bool fell = members[m].accused && !members[m].current;
        seen.retaliations += fell && !w->barred[replica][m] && !w->of_thief[m];
        w->barred[replica][m] |= fell;
    }
    /* P1: it stays out, whatever it does.  Honest ops may override an accusation, see below; then
     * G1 alone keeps it out. */
    if (back_again(w, replica) > back) {
        if (w->of_thief[author])
            return say(w, replica, "P1: an accused device made itself a member again");
        seen.overridden++;
    }
    return sponsors_stand(w, replica) || say(w, replica, "P2: the ADD of a member does not stand");
}

/* Everything in the set, parents first. */
static bool admit_all(world *w, uint32_t replica, o_set set) {
    for (uint32_t i = 0; i < w->h.count; i++) {
        if (o_in(set & ~w->at[replica].taken, i) && !admit(w, replica, i))
            return false;
    }
    return true;
}

/* ---- what honest devices do ---- */

/* Its op is on all that it knows but for what it holds and what stands on that. */
static o_op honest_op(const world *w, uint32_t replica, wr_op_type type) {
    const h_replica *at = &w->at[replica];
    o_set tops = 0;
    for (uint32_t i = 0; i < w->h.count; i++) {
        if (o_in(at->taken, i) && ((w->h.op[i].past | o_bit(i)) & at->held) == 0)
            tops |= o_bit(i);
    }
    return h_on(&w->h, type, replica, h_last(&w->h, at->taken, replica), tops);
}

static bool sign(world *w, uint32_t replica, o_op op) {
    if (w->h.count >= O_OPS - 2 || !w->members[replica][replica].current ||
        w->barred[replica][replica])
        return true;
    uint32_t number = h_put(&w->h, &w->dice, op);
    return number == O_NONE || admit(w, replica, number);
}

static bool notable(const o_op *op) {
    return op->type != WR_OP_ACK && op->type != WR_OP_EPOCH;
}

static bool acknowledge(world *w, uint32_t replica) {
    o_op ack = honest_op(w, replica, WR_OP_ACK);
    o_set known = ack.prev == O_NONE ? 0 : w->h.op[ack.prev].past | o_bit(ack.prev);
    for (uint32_t i = 0; i < w->h.count; i++) {
        if (o_in(ack.past & ~known, i) && notable(&w->h.op[i]))
            return sign(w, replica, ack);
    }
    return true;
}

/* The target and what it sponsored and nobody verified. */
static bool accuse(world *w, uint32_t replica) {
    o_op op = honest_op(w, replica, WR_OP_REMOVE);
    op.reason = t_chance(&w->dice, 50) ? WR_REASON_LOST : WR_REASON_COMPROMISED;
    for (uint32_t i = 0; i < w->h.count; i++) {
        const o_op *add = &w->h.op[i];
        if (o_in(op.past, i) && o_accuses(add) && o_names(add, w->thief) &&
            !w->of_thief[add->author])
            return true; /* done */
        if (o_in(op.past, i) && (add->type == WR_OP_ADD || add->type == WR_OP_GENESIS)) {
            uint32_t device = add->subject[0].member;
            if (w->of_thief[device])
                h_subject(&op, device, WR_ROLE_ADMIN);
        }
    }
    seen.accusations++;
    return sign(w, replica, op);
}

static bool add_honest(world *w, uint32_t replica) {
    o_op op = honest_op(w, replica, WR_OP_ADD);
    uint32_t device = w->devices;
    if (device >= REPLICAS)
        return true;
    h_subject(&op, device, WR_ROLE_ADMIN);
    uint32_t count = w->h.count;
    bool fine = sign(w, replica, op);
    if (!fine || w->h.count == count)
        return fine;
    w->devices++;
    w->alive[device] = true;
    return admit_all(w, device, w->at[replica].taken) && acknowledge(w, device);
}

/* ---- what the thief does ---- */

static uint32_t some_of_thief(world *w) {
    uint32_t list[O_DEVICES], count = 0;
    for (uint32_t m = 0; m < w->devices; m++) {
        if (w->of_thief[m])
            list[count++] = m;
    }
    return t_chance(&w->dice, 60) ? w->thief : list[t_below(&w->dice, count)];
}

static o_set any_past(world *w) {
    o_set tops = o_bit(0);
    if (t_chance(&w->dice, 30))
        return tops; /* nothing but its own chain */
    for (uint32_t n = t_below(&w->dice, 4); n > 0; n--)
        tops |= o_bit(t_below(&w->dice, w->h.count));
    return tops;
}

static void strike(world *w) {
    uint32_t author = some_of_thief(w);
    static const wr_op_type types[] = {WR_OP_ADD,    WR_OP_REMOVE, WR_OP_REMOVE,
                                       WR_OP_REMOVE, WR_OP_ROLE,   WR_OP_ACK};
    wr_op_type type = types[t_below(&w->dice, WR_COUNT(types))];
    o_op op = h_on(&w->h, type, author, h_last(&w->h, o_all(&w->h), author), any_past(w));
    if (type == WR_OP_ADD && w->devices >= O_DEVICES - 1)
        return;
    if (type == WR_OP_ADD)
        h_subject(&op, w->devices, WR_ROLE_ADMIN);
    op.reason = (wr_reason)(1 + t_below(&w->dice, 10) % 3);
    for (uint32_t i = 0; i < w->h.count && (type == WR_OP_REMOVE || type == WR_OP_ROLE); i++) {
        const o_op *add = &w->h.op[i];
        bool brings = add->type == WR_OP_ADD || add->type == WR_OP_GENESIS;
        bool own = brings && w->of_thief[add->subject[0].member]; /* to accuse these helps nobody */
        if (o_in(op.past, i) && brings && !own && t_chance(&w->dice, 50) &&
            (type == WR_OP_REMOVE || op.subject_count == 0))
            h_subject(&op, add->subject[0].member, WR_ROLE_MEMBER);
    }
    if ((type == WR_OP_REMOVE || type == WR_OP_ROLE) && op.subject_count == 0)
        return;
    if (w->h.count >= O_OPS - 2 || h_put(&w->h, &w->dice, op) == O_NONE)
        return;
    seen.thief_ops++;
    if (type == WR_OP_ADD)
        w->of_thief[w->devices++] = true;
}

/* ---- a history ---- */

static void begin(world *w, uint64_t seed) {
    memset(w, 0, sizeof *w);
    w->dice = (t_dice){seed};
    w->thief = t_below(&w->dice, HONEST);
    w->of_thief[w->thief] = true;
    w->devices = 1;
    w->alive[0] = true;
    for (uint32_t r = 0; r < REPLICAS; r++)
        h_open(&w->at[r], &w->h);
    o_op genesis = h_on(&w->h, WR_OP_GENESIS, 0, O_NONE, 0);
    h_subject(&genesis, 0, WR_ROLE_ADMIN);
    (void)h_put(&w->h, &w->dice, genesis);
}

static bool honest(const world *w, uint32_t replica) {
    return w->alive[replica] && (replica != w->thief || (!w->asleep && !w->stolen));
}

static uint32_t some_honest(world *w) {
    for (;;) {
        uint32_t r = t_below(&w->dice, REPLICAS);
        if (honest(w, r) || (w->devices == 1 && w->alive[r]))
            return r;
    }
}

static bool gossip(world *w) {
    uint32_t to = some_honest(w), from = some_honest(w);
    o_set set = w->at[from].taken;
    if (w->stolen && t_chance(&w->dice, 40)) { /* the thief shows one of its ops */
        uint32_t i = t_below(&w->dice, w->h.count);
        set = w->of_thief[w->h.op[i].author % O_DEVICES] ? w->h.op[i].past | o_bit(i) : 0;
    } else if (t_chance(&w->dice, 50)) {
        uint32_t i = t_below(&w->dice, w->h.count);
        set = o_in(set, i) ? w->h.op[i].past | o_bit(i) : 0;
    }
    return admit_all(w, to, set) && acknowledge(w, to);
}

static bool turn(world *w, uint32_t time, uint32_t sleep_at, uint32_t steal_at) {
    uint32_t dice = t_below(&w->dice, 100);
    w->asleep |= time >= sleep_at && w->alive[w->thief];
    w->stolen |= time >= steal_at && w->alive[w->thief];
    if (w->stolen && dice < 35)
        strike(w);
    else if (w->stolen && dice < 45)
        return accuse(w, some_honest(w));
    else if (dice < 50 || w->devices < 3)
        return add_honest(w, some_honest(w));
    return gossip(w);
}

/* P3, P6: in the end all hold the same ops, and who holds the same ones back is of one mind with
 * the rule, whatever the order was. */
static bool settle(world *w) {
    for (uint32_t r = 0; r < REPLICAS; r++) {
        if (!honest(w, r))
            continue;
        if (!admit_all(w, r, o_all(&w->h)))
            return false;
        if (!h_agrees(&w->at[r]))
            return say(w, r, "P3: another result than the rule's");
    }
    for (uint32_t a = 0; a < REPLICAS; a++) {
        for (uint32_t b = 0; b < a; b++) {
            if (honest(w, a) && honest(w, b) && w->at[a].held == w->at[b].held &&
                !h_same_members(w->members[a], w->members[b], O_DEVICES))
                return say(w, a, "P6: equal sets, other members");
        }
        seen.late += honest(w, a) && w->members[a][w->thief].current && w->slept;
    }
    return true;
}

static uint32_t add_of(const world *w, uint32_t device) {
    for (uint32_t i = 0; i < w->h.count; i++) {
        if (o_brings(&w->h.op[i], device))
            return i;
    }
    return 0;
}

static bool honest_accusation(const world *w, uint32_t op) {
    return o_accuses(&w->h.op[op]) && o_names(&w->h.op[op], w->thief) &&
           !w->of_thief[w->h.op[op].author];
}

/* Accusers that the thief knew, and that knew each other.  One that was added later, by a device
 * that the thief removed in return, looks just like the thief's own devices do, and the sybil cut
 * takes it; so it does with one that the thief had added and that another accuser did not know. */
static bool accusers_are_known(const world *w) {
    o_set common = w->acknowledged;
    for (uint32_t i = 0; i < w->h.count; i++)
        common &= honest_accusation(w, i) ? w->h.op[i].past : ~(o_set)0;
    for (uint32_t i = 0; i < w->h.count; i++) {
        if (honest_accusation(w, i) && !o_in(common, add_of(w, w->h.op[i].author)))
            return false;
    }
    return true;
}

/* P1 in full, where the thief had acknowledged all that was there: whoever takes an accusation, in
 * whatever order, has it out. */
static bool out_everywhere(world *w) {
    if (!accusers_are_known(w))
        return true;
    for (uint32_t r = 0; r < REPLICAS; r++) {
        for (uint32_t i = 0; i < w->h.count; i++) {
            if (!honest(w, r) || o_in(w->at[r].held, i) || !honest_accusation(w, i))
                continue;
            seen.strict++;
            if (w->members[r][w->thief].current)
                return say(w, r, "P1: an accused device is a member in the end");
        }
    }
    return true;
}

static bool live_through(uint64_t seed) {
    static world w;
    begin(&w, seed);
    uint32_t length = 20 + t_below(&w.dice, 30);
    uint32_t steal_at = 6 + t_below(&w.dice, length - 8);
    uint32_t sleep_at = t_chance(&w.dice, 50) ? t_below(&w.dice, steal_at) : steal_at;
    bool fine = admit(&w, 0, 0);
    w.slept = sleep_at < steal_at;
    for (uint32_t time = 0; fine && time < length; time++) {
        if (time == steal_at && !w.slept && w.alive[w.thief]) { /* the last that it acknowledged */
            for (uint32_t r = 0; r < REPLICAS && fine; r++)
                fine = !honest(&w, r) || admit_all(&w, w.thief, w.at[r].taken);
            fine = fine && acknowledge(&w, w.thief);
            w.acknowledged = w.at[w.thief].taken;
        }
        fine = fine && turn(&w, time, sleep_at, steal_at);
    }
    fine = fine && settle(&w) && (w.slept || out_everywhere(&w));
    seen.ops += w.h.count;
    seen.slept += w.slept;
    seen.awake += !w.slept;
    for (uint32_t r = 0; r < REPLICAS; r++)
        h_close(&w.at[r]);
    return fine;
}

static void a_stolen_device_stays_out_and_hits_nobody_but_its_accusers(void **state) {
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + histories; seed++) {
        bool fine = live_through(seed);
        if (!fine)
            (void)printf("seed %llu\n", (unsigned long long)seed);
        T_TRUE(fine);
    }
    (void)printf(
        "%u histories (%lu awake, %lu slept): %lu ops, %lu of the thief, %lu accusations, "
        "%lu held, %lu honest falls, %lu overridden by honest ops, %lu kept by who met a sleeper "
        "first, %lu times P1 in full\n",
        histories, seen.awake, seen.slept, seen.ops, seen.thief_ops, seen.accusations, seen.held,
        seen.retaliations, seen.overridden, seen.late, seen.strict);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stolen_device_stays_out_and_hits_nobody_but_its_accusers),
    };
    if (argc > 1)
        histories = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoull(argv[2], NULL, 10);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    h_end();
    return failed;
}
