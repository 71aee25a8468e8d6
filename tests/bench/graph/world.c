/* Devices that sign ops on top of what each has seen.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/graph/world.h"

#include "bench/graph/meter.h"
#include "circle/keyring.h"
#include "circle/recovery.h"

/* ---- devices, and what each has seen ---- */

uint32_t world_below(world *w, uint32_t end) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % end;
}

bool world_chance(world *w, uint32_t percent) {
    return world_below(w, 100) < percent;
}

void world_merge(uint16_t *view, const uint16_t *other) {
    for (uint32_t c = 0; c < WR_COLUMNS_MAX; c++)
        view[c] = other[c] > view[c] ? other[c] : view[c];
}

void world_random(void *user, uint8_t *out, size_t len) {
    world *w = user;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)world_below(w, 256);
}

uint32_t world_chain(world *w, uint32_t device, uint32_t leaves) {
    w->owner[w->chains] = device;
    w->leaves[w->chains] = leaves;
    return w->chains++;
}

static uint32_t new_device(world *w) {
    wr_rng rng = {world_random, w};
    must(w->devices < WR_AUTHORS_MAX, "devices");
    wr_identity_make(&rng, &w->device[w->devices]);
    return w->devices++;
}

/* ---- ops ---- */

wr_err world_admit(world *w, wr_graph *graph, wr_slice bytes, const wr_sig *sig, double *ret) {
    double before = meter_verifying, begin = meter_now();
    wr_err err = wr_graph_admit_branch(graph, bytes, sig);
    double spent = meter_now() - begin;
    *ret = spent - (meter_verifying - before);
    w->verified += meter_verifying - before;
    return err;
}

/* The newest ops of a view that no other of them covers.  One that covers the author's own chain
 * comes first: there may be more of them than an op can name. */
static uint32_t tops(const world *w, const uint16_t *view, uint32_t chain, uint16_t *ret_top) {
    uint32_t count = 0;
    for (uint32_t c = 0; c < w->chains; c++) {
        uint32_t op = view[c] == 0 ? 0 : w->at[c][view[c] - 1];
        bool covered = view[c] == 0;
        for (uint32_t d = 0; d < w->chains && !covered; d++)
            covered = d != c && view[d] != 0 && w->at[d][view[d] - 1] != op &&
                      w->clock[w->at[d][view[d] - 1]][c] >= view[c];
        for (uint32_t i = 0; i < count && !covered; i++) /* one op in two chains: before a fork */
            covered = ret_top[i] == op;
        if (covered)
            continue;
        ret_top[count] = (uint16_t)op;
        if (w->clock[op][chain] >= view[chain]) {
            ret_top[count] = ret_top[0];
            ret_top[0] = (uint16_t)op;
        }
        count++;
    }
    return count < WR_OP_PARENTS_MAX ? count : WR_OP_PARENTS_MAX;
}

static uint32_t find_parents(world *w, uint32_t chain, const uint16_t *view, wr_hash *parents) {
    uint16_t top[WR_COLUMNS_MAX];
    uint32_t count = tops(w, view, chain, top);
    memset(w->clock[w->count], 0, sizeof w->clock[0]);
    for (uint32_t i = 0; i < count; i++) {
        world_merge(w->clock[w->count], w->clock[top[i]]);
        parents[i] = w->id[top[i]];
    }
    wr_hash_sort(parents, count);
    return count;
}

/* The next op of a chain on top of a view, admitted; false if the graph refuses it. */
static bool put(world *w, uint32_t chain, const uint16_t *view, wr_op_type type, wr_slice body) {
    uint8_t memory[WR_OP_BYTES_MAX];
    wr_buf bytes = WR_BUF_ARRAY(memory);
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint32_t author = w->owner[chain];
    uint16_t *clock = w->clock[w->count];
    wr_op op = {.author = w->device[author].device_id, .type = type, .body = body};
    op.hlc = (1700000000000ull + w->count) << 16;
    op.parent_count = find_parents(w, chain, view, parents);
    op.aseq = view[chain];
    op.has_aprev = op.aseq != 0;
    if (op.has_aprev)
        op.aprev = w->id[w->at[chain][op.aseq - 1]];
    if (type != WR_OP_GENESIS)
        op.circle_id = *wr_graph_circle_id(w->graph);
    must(wr_op_encode(&op, parents, &bytes) == WR_OK, "an op is too long");
    wr_sig sig;
    wr_sign(&w->device[author].sign, WR_SIG_LABEL_OP, wr_buf_slice(&bytes), &sig);
    if (w->count == w->ops)
        return false;
    wr_err err = world_admit(w, w->graph, wr_buf_slice(&bytes), &sig, &w->cost[w->count]);
    if (err != WR_OK) {
        w->refused++;
        return false;
    }
    w->id[w->count] = wr_hash_of(WR_LABEL_OP_ID, wr_buf_slice(&bytes));
    w->at[chain][op.aseq] = (uint16_t)w->count;
    clock[chain] = (uint16_t)(op.aseq + 1);
    world_merge(w->whole, clock);
    world_merge(w->view[author], clock);
    w->count++;
    return true;
}

static bool act(world *w, uint32_t device, wr_op_type type, const wr_buf *body) {
    return put(w, w->chain[device], w->view[device], type, wr_buf_slice(body));
}

bool world_add(world *w, uint32_t sponsor, wr_role_kind role) {
    uint8_t bytes[1024], consent_bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes), consent = WR_BUF_ARRAY(consent_bytes);
    uint32_t device = new_device(w);
    const wr_identity *made = &w->device[device];
    wr_add op = {.cert_bytes = wr_identity_cert(made), .role = role, .mode = WR_PAIR_CODE};
    must(wr_consent_encode(wr_graph_circle_id(w->graph), op.handshake,
                           &w->device[sponsor].device_id, role, &consent) == WR_OK,
         "consent");
    wr_sign(&made->sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &op.consent);
    must(wr_add_encode(&op, &body) == WR_OK, "ADD");
    if (!act(w, sponsor, WR_OP_ADD, &body)) {
        w->devices--;
        return false;
    }
    w->chain[device] = world_chain(w, device, NOBODY);
    memcpy(w->view[device], w->clock[w->count - 1], sizeof w->view[0]);
    return true;
}

bool world_ack(world *w, uint32_t device) {
    uint8_t bytes[16];
    wr_buf body = WR_BUF_ARRAY(bytes);
    must(wr_ack_encode(&WR_OP_LIST_NONE, &body) == WR_OK, "ACK");
    return act(w, device, WR_OP_ACK, &body);
}

/* What a device holds of many feeds, as it has to say after a removal. */
bool world_large_ack(world *w, uint32_t device) {
    static uint8_t item_bytes[WR_OP_BYTES_MAX], bytes[WR_OP_BYTES_MAX];
    wr_buf items = WR_BUF_ARRAY(item_bytes), body = WR_BUF_ARRAY(bytes);
    wr_op_list cuts = {.count = WR_OP_CUTS_MAX};
    for (uint32_t i = 0; i < cuts.count; i++) {
        wr_cut cut = {.feed_id = {{(uint8_t)i}}, .len = 1 + i};
        must(wr_cut_put(&items, &cut) == WR_OK, "cut");
    }
    cuts.items = wr_buf_slice(&items);
    must(wr_ack_encode(&cuts, &body) == WR_OK, "ACK");
    return act(w, device, WR_OP_ACK, &body);
}

wr_key world_secret(uint32_t op) {
    wr_key secret = {{1}};
    wr_store_u32(secret.b + 1, op);
    return secret;
}

bool world_epoch(world *w, uint32_t device) {
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_epoch_op op = {.klass = 1};
    op.rcpt_hash = wr_graph_recipients(w->graph, op.without, &op.without_count);
    wr_key secret = world_secret(w->count);
    op.commit = wr_epoch_commit(&secret, wr_graph_circle_id(w->graph));
    op.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    must(wr_epoch_encode(&op, &body) == WR_OK, "EPOCH");
    return act(w, device, WR_OP_EPOCH, &body);
}

bool world_expel(world *w, uint32_t device, uint32_t target, wr_reason reason) {
    uint8_t bytes[256], id_bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes), ids = WR_BUF_ARRAY(id_bytes);
    must(wr_id_put(&ids, &w->device[target].device_id) == WR_OK, "id");
    wr_remove op = {.targets = {1, wr_buf_slice(&ids)}, .reason = reason};
    must(wr_remove_encode(&op, &body) == WR_OK, "REMOVE");
    return act(w, device, WR_OP_REMOVE, &body);
}

bool world_lower(world *w, uint32_t device, uint32_t target) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_role_op op = {w->device[target].device_id, WR_ROLE_MEMBER};
    must(wr_role_encode(&op, &body) == WR_OK, "ROLE");
    return act(w, device, WR_OP_ROLE, &body);
}

bool world_leave(world *w, uint32_t device) {
    uint8_t bytes[16];
    wr_buf body = WR_BUF_ARRAY(bytes);
    must(wr_leave_encode(&WR_OP_LIST_NONE, &body) == WR_OK, "LEAVE");
    return act(w, device, WR_OP_LEAVE, &body);
}

/* ---- a circle of 64 ---- */

void world_see_all(world *w, uint32_t device) {
    world_merge(w->view[device], w->whole);
}

bool world_is_in(const world *w, uint32_t device) {
    return wr_graph_member(w->graph, device)->current;
}

void world_begin(world *w) {
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_key recovery = {{7}};
    uint32_t founder = new_device(w);
    wr_genesis genesis = {.cert_bytes = wr_identity_cert(&w->device[founder])};
    wr_recovery_root(&recovery, &genesis.root);
    wr_recovery_sign_key(&recovery, &w->root);
    must(wr_genesis_encode(&genesis, &w->root, &body) == WR_OK, "GENESIS");
    w->chain[founder] = world_chain(w, founder, NOBODY);
    must(act(w, founder, WR_OP_GENESIS, &body), "founding");
    while (w->devices < MEMBERS)
        must(world_add(w, founder, w->devices < ADMINS ? WR_ROLE_ADMIN : WR_ROLE_MEMBER), "adding");
    for (uint32_t d = 0; d < MEMBERS; d++) {
        world_see_all(w, d);
        must(world_ack(w, d), "acknowledging");
    }
    for (uint32_t d = 0; d < MEMBERS; d++)
        world_see_all(w, d);
}
