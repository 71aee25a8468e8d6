/* membership-vectors FILE..: who is a member after which ops, in very many orders of delivery: on
 * the bare evaluator, and as ops that are really signed on a graph, where they come before their
 * parents, too.
 *
 * A file holds {"scenarios": [{"name", "ops": [{"author", "type", "targets": [names], "reason",
 * "parents": [op numbers]}, ..], "labels": [one per op], "members": [names]}, ..]}.  The ops are
 * abstract, every device is an ADMIN, and an op labelled INVALID must be refused.  GENESIS is
 * written as by ROOT there, and is the first device's here.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/evidence.h"
#include "unit/circle_history.h"
#include "unit/circle_signed.h"
#include "vectors/json.h"

#define ORDERS 1000u

typedef struct scenario {
    o_history history;
    const char *device[O_DEVICES];
    uint32_t device_count;
    wr_op_label label[O_OPS];
    bool member[O_DEVICES];
} scenario;

/* ---- reading ---- */

static bool pick(const char *text, const char *const *names, uint32_t count, uint32_t *ret_index) {
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] != NULL && strcmp(text, names[i]) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static uint32_t device(scenario *s, const char *name) {
    uint32_t index;
    if (pick(name, s->device, s->device_count, &index))
        return index;
    if (s->device_count == O_DEVICES)
        return O_NONE;
    s->device[s->device_count] = name;
    return s->device_count++;
}

static bool read_past(const scenario *s, const json_t *parents, o_set *ret_past) {
    const json_t *parent;
    size_t i;
    *ret_past = 0;
    json_array_foreach(parents, i, parent) {
        json_int_t number = json_integer_value(parent);
        if (!json_is_integer(parent) || number < 0 || number >= (json_int_t)s->history.count)
            return false;
        *ret_past |= s->history.op[number].past | o_bit((uint32_t)number);
    }
    return true;
}

static bool read_op(scenario *s, const json_t *from) {
    static const char *const types[] = {
        [WR_OP_GENESIS] = "GENESIS", [WR_OP_ADD] = "ADD", [WR_OP_REMOVE] = "REMOVE",
        [WR_OP_LEAVE] = "LEAVE",     [WR_OP_ACK] = "ACK", [WR_OP_EQUIV] = "EQUIV"};
    static const char *const reasons[] = {NULL, "retired", "lost", "compromised", "equivocation"};
    o_op op = {.prev = O_NONE};
    uint32_t type, reason = WR_REASON_LOST;
    const json_t *targets = json_object_get(from, "targets"), *target;
    size_t i;
    if (s->history.count == O_OPS ||
        !pick(vec_text_at(from, "type"), types, WR_COUNT(types), &type))
        return false;
    op.type = (wr_op_type)type;
    if (op.type == WR_OP_REMOVE &&
        !pick(vec_text_at(from, "reason"), reasons, WR_COUNT(reasons), &reason))
        return false;
    op.reason = (wr_reason)reason;
    json_array_foreach(targets, i, target) {
        uint32_t subject = json_is_string(target) ? device(s, json_string_value(target)) : O_NONE;
        if (subject == O_NONE)
            return false;
        h_subject(&op, subject, WR_ROLE_ADMIN);
    }
    if (op.type == WR_OP_GENESIS)
        op.author = 0;
    else if (strcmp(vec_text_at(from, "author"), "ROOT") == 0)
        op.author = WR_EVAL_ROOT;
    else
        op.author = device(s, vec_text_at(from, "author"));
    if (op.author == O_NONE && op.author != WR_EVAL_ROOT)
        return false;
    if (!read_past(s, json_object_get(from, "parents"), &op.past))
        return false;
    if (op.author != WR_EVAL_ROOT)
        op.prev = h_last(&s->history, op.past, op.author);
    /* The scenarios leave it to the reader that an author has its own ops in its past. */
    uint32_t own =
        op.author == WR_EVAL_ROOT ? O_NONE : h_last(&s->history, o_all(&s->history), op.author);
    if (own != op.prev) {
        op.past |= s->history.op[own].past | o_bit(own);
        op.prev = own;
    }
    op.aseq = op.prev == O_NONE ? 0 : s->history.op[op.prev].aseq + 1;
    op.id.b[0] = (uint8_t)s->history.count;
    s->history.op[s->history.count++] = op;
    return true;
}

static bool read_scenario(scenario *s, const json_t *from) {
    static const char *const labels[] = {
        [WR_LABEL_OP_INVALID] = "INVALID", [WR_LABEL_OP_IN] = "IN", [WR_LABEL_OP_OUT] = "OUT"};
    const json_t *ops = json_object_get(from, "ops"), *wanted = json_object_get(from, "labels");
    const json_t *members = json_object_get(from, "members"), *item;
    size_t i;
    memset(s, 0, sizeof *s);
    json_array_foreach(ops, i, item) {
        if (!read_op(s, item))
            return false;
    }
    json_array_foreach(wanted, i, item) {
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        uint32_t label;
        if (i >= s->history.count || !pick(text, labels, WR_COUNT(labels), &label))
            return false;
        s->label[i] = (wr_op_label)label;
    }
    json_array_foreach(members, i, item) {
        uint32_t member = json_is_string(item) ? device(s, json_string_value(item)) : O_NONE;
        if (member == O_NONE)
            return false;
        s->member[member] = true;
    }
    return s->history.count > 0 && json_array_size(wanted) == s->history.count;
}

/* ---- running ---- */

static const char *compare(h_replica *replica, const scenario *s) {
    wr_eval_member members[O_DEVICES];
    for (uint32_t i = 0; i < s->history.count; i++) {
        if (s->label[i] != WR_LABEL_OP_INVALID &&
            wr_evaluator_label(replica->evaluator, &replica->op[i]) != s->label[i])
            return "other labels";
    }
    wr_evaluator_members(replica->evaluator, O_DEVICES, members);
    for (uint32_t m = 0; m < O_DEVICES; m++) {
        if (members[m].current != s->member[m])
            return "other members";
    }
    return NULL;
}

static const char *deliver(const scenario *s, t_dice *dice) {
    h_replica replica;
    const char *problem = NULL;
    o_set done = 0;
    uint32_t op;
    h_open(&replica, &s->history);
    while (problem == NULL && (op = h_next(&s->history, dice, done)) != O_NONE) {
        bool may = h_may(&replica, &s->history.op[op], NULL);
        if (may != (s->label[op] != WR_LABEL_OP_INVALID))
            problem = may ? "an invalid op is let in" : "a valid op is refused";
        if (may)
            h_take(&replica, op);
        done |= o_bit(op);
    }
    if (problem == NULL)
        problem = compare(&replica, s);
    h_close(&replica);
    return problem;
}

/* ---- signed ---- */

static const char *compare_signed(const wr_graph *graph, const scenario *s,
                                  const s_history *history) {
    for (uint32_t i = 0; i < s->history.count; i++) {
        if (s->label[i] != WR_LABEL_OP_INVALID &&
            wr_graph_label(graph, &history->op[i].id) != s->label[i])
            return "other labels of signed ops";
    }
    for (uint32_t m = 0; m < O_DEVICES; m++) {
        const wr_member *member = wr_graph_find(graph, &history->device[m].device_id);
        if ((member != NULL && member->current) != s->member[m])
            return "other members of signed ops";
    }
    return NULL;
}

static const char *deliver_signed(const scenario *s, const s_history *history, t_dice *dice,
                                  bool eager) {
    WR_AUTO(wr_graph) graph = NULL;
    o_set refused, invalid = 0;
    T_OK(wr_graph_new(&graph));
    wr_graph_set_evidence(graph, wr_evidence_check);
    for (uint32_t i = 0; i < s->history.count; i++)
        invalid |= s->label[i] == WR_LABEL_OP_INVALID ? o_bit(i) : 0;
    o_set taken = s_deliver(history, dice, eager, graph, &refused);
    if (refused != invalid)
        return "other signed ops are refused";
    if (taken != (o_all(&s->history) & ~invalid))
        return "signed ops are missing";
    return compare_signed(graph, s, history);
}

static void run_file(const json_t *root, vec_tally *tally) {
    static scenario s;
    static s_history history;
    const json_t *scenarios = json_object_get(root, "scenarios"), *item;
    t_dice dice = {1};
    size_t i;
    json_array_foreach(scenarios, i, item) {
        const char *problem = NULL;
        if (!read_scenario(&s, item)) {
            vec_fail(tally, "scenario %zu: another form", i);
            continue;
        }
        for (uint32_t n = 0; n < ORDERS && problem == NULL; n++)
            problem = deliver(&s, &dice);
        s_sign(&history, &s.history);
        for (uint32_t n = 0; n < ORDERS && problem == NULL; n++)
            problem = deliver_signed(&s, &history, &dice, n % 2 == 0);
        vec_check(tally, problem == NULL, "%s: %s", vec_text_at(item, "name"),
                  problem == NULL ? "" : problem);
    }
}

int main(int argc, char **argv) {
    T_OK(wr_crypto_init());
    int failed = vec_main(argc, argv, run_file);
    h_end();
    return failed;
}
