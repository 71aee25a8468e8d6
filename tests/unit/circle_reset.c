/* RESETs and circles of several generations for the tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_reset.h"

#include "wire/pack.h"

static wr_key words_of(uint8_t number) {
    return number == 0 ? t_recovery() : (wr_key){{number}};
}

/* ---- bodies ---- */

static uint32_t sorted(const wr_identity *const devices[8], uint32_t order[8]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < 8 && devices[i] != NULL; i++) {
        uint32_t at = count++;
        for (; at > 0 &&
               wr_hash_order(&devices[order[at - 1]]->device_id, &devices[i]->device_id) > 0;
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

static wr_op_list kept_of(const t_reset_plan *plan, wr_buf *items) {
    uint32_t order[8], count = sorted(plan->keep, order);
    for (uint32_t i = 0; i < count; i++) {
        wr_kept kept = {wr_identity_cert(plan->keep[order[i]]), plan->role[order[i]]};
        T_OK(wr_kept_put(items, &kept));
    }
    return (wr_op_list){count, wr_buf_slice(items)};
}

static wr_op_list gone_of(const t_reset_plan *plan, wr_buf *items) {
    uint32_t order[8], count = sorted(plan->gone, order);
    for (uint32_t i = 0; i < count; i++) {
        const wr_identity *device = plan->gone[order[i]];
        wr_cert cert;
        T_OK(wr_cert_decode(wr_identity_cert(device), &cert));
        T_OK(wr_gone_put(items, &(wr_gone){device->device_id, cert.sign, cert.noise, cert.box}));
    }
    return (wr_op_list){count, wr_buf_slice(items)};
}

static wr_op_list cuts_of(const t_reset_plan *plan, wr_buf *items) {
    uint32_t count = 0;
    for (; count < WR_COUNT(plan->cuts) && plan->cuts[count].len != 0; count++)
        T_OK(wr_cut_put(items, &plan->cuts[count]));
    return (wr_op_list){count, wr_buf_slice(items)};
}

static wr_op_list epochs_of(const t_reset_plan *plan, wr_buf *items) {
    uint32_t count = 0;
    do {
        wr_reset_epoch epoch = {plan->epochs[count], {{3}}};
        if (wr_is_zero(WR_SLICE_OBJ(epoch.epoch_id)))
            epoch.epoch_id = (wr_hash){{1}};
        T_OK(wr_reset_epoch_put(items, &epoch));
        count++;
    } while (count < WR_COUNT(plan->epochs) && !wr_is_zero(WR_SLICE_OBJ(plan->epochs[count])));
    return (wr_op_list){count, wr_buf_slice(items)};
}

static t_op sign(const wr_graph *graph, uint8_t recovery, wr_op_type type, wr_slice body,
                 uint64_t hlc) {
    t_op op;
    wr_buf bytes = WR_BUF_ARRAY(op.bytes);
    wr_key words = words_of(recovery);
    wr_sign_key root;
    wr_recovery_sign_key(&words, &root);
    T_OK(wr_graph_author_root(graph, &root, type, body, hlc, &bytes, &op.sig));
    op.len = bytes.len;
    op.id = wr_hash_of(WR_LABEL_OP_ID, t_op_slice(&op));
    return op;
}

t_op t_reset(const wr_graph *graph, const t_reset_plan *plan) {
    uint8_t bytes[5][4096];
    wr_buf keep = WR_BUF_ARRAY(bytes[0]), gone = WR_BUF_ARRAY(bytes[1]);
    wr_buf cuts = WR_BUF_ARRAY(bytes[2]), epochs = WR_BUF_ARRAY(bytes[3]);
    wr_buf body = WR_BUF_ARRAY(bytes[4]);
    wr_key words = words_of(plan->new_recovery);
    wr_reset reset = {.keep = kept_of(plan, &keep),
                      .gone = gone_of(plan, &gone),
                      .cuts = cuts_of(plan, &cuts),
                      .epochs = epochs_of(plan, &epochs)};
    wr_recovery_root(&words, &reset.root);
    T_OK(wr_reset_encode(&reset, &body));
    return sign(graph, plan->recovery, WR_OP_RESET, wr_buf_slice(&body), plan->hlc);
}

t_op t_rootset(const wr_graph *graph, uint8_t recovery) {
    uint8_t bytes[128];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_key words = words_of(recovery);
    wr_root root;
    wr_recovery_root(&words, &root);
    T_OK(wr_rootset_encode(&root, &body));
    return sign(graph, 0, WR_OP_ROOTSET, wr_buf_slice(&body), 1);
}

t_op t_forge_root(const wr_op *header, const wr_hash *parents) {
    t_op op;
    wr_buf bytes = WR_BUF_ARRAY(op.bytes);
    wr_key words = t_recovery();
    wr_sign_key root;
    wr_recovery_sign_key(&words, &root);
    T_OK(wr_op_encode(header, parents, &bytes));
    op.len = bytes.len;
    wr_sign(&root, WR_SIG_LABEL_OP, t_op_slice(&op), &op.sig);
    op.id = wr_hash_of(WR_LABEL_OP_ID, t_op_slice(&op));
    return op;
}

/* ---- generations ---- */

wr_err t_generations_admit(wr_generations *generations, const t_op *op) {
    return wr_generations_admit(generations, t_op_slice(op), &op->sig, false);
}

wr_generations *t_generations_of(const wr_graph *graph) {
    wr_generations *made;
    T_OK(wr_generations_new(&made));
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref op = wr_graph_op(graph, i);
        T_OK(wr_generations_admit(made, op.bytes, op.sig, false));
    }
    return made;
}

/* Members in the order of their ids: that of arrival differs. */
static void hash_members(const wr_graph *graph, wr_hasher *state) {
    wr_hash ids[WR_AUTHORS_MAX];
    uint32_t count = 0;
    for (; count < wr_graph_member_count(graph); count++)
        ids[count] = wr_graph_member(graph, count)->device_id;
    wr_hash_sort(ids, count);
    for (uint32_t i = 0; i < count; i++) {
        const wr_member *member = wr_graph_find(graph, &ids[i]);
        uint32_t fields[] = {(uint32_t)member->role, member->current,
                             (uint32_t)wr_graph_ack_state(graph, &ids[i])};
        wr_hasher_add(state, WR_SLICE_OBJ(ids[i]));
        wr_hasher_add(state, wr_slice_of(fields, sizeof fields));
    }
}

wr_hash t_generations_state(const wr_generations *generations) {
    const wr_graph *graph = wr_generations_current(generations);
    wr_hash heads[WR_OP_PARENTS_MAX];
    wr_hasher state;
    uint32_t all_ops = 0;
    for (uint32_t i = 0; i < wr_generations_count(generations); i++)
        all_ops += wr_graph_op_count(wr_generations_at(generations, i));
    wr_hasher_init(&state, WR_LABEL_OP_HEADS);
    wr_hash digest = wr_generations_heads_digest(generations), recipients = t_recipients(graph);
    uint32_t numbers[] = {wr_generations_count(generations), all_ops,
                          wr_graph_op_count(graph),          wr_graph_current_count(graph),
                          wr_graph_epoch_count(graph),       (uint32_t)wr_graph_generation(graph)};
    wr_hasher_add(&state, WR_SLICE_OBJ(digest));
    wr_hasher_add(&state, WR_SLICE_OBJ(recipients));
    wr_hasher_add(&state, wr_slice_of(numbers, sizeof numbers));
    uint32_t count = wr_graph_heads(graph, heads);
    for (uint32_t i = 0; i < count; i++)
        wr_hasher_add(&state, WR_SLICE_OBJ(heads[i]));
    hash_members(graph, &state);
    return wr_hasher_end(&state);
}

/* ---- trying ---- */

void t_take_key(wr_identity *device, const wr_identity *from) {
    wr_key seed = device->sign_seed, noise = from->noise, box = device->box;
    wr_identity_load(&seed, &noise, &box, device->cert.nonce, device);
}

wr_err t_try_add(wr_graph *graph, const wr_identity *sponsor, const wr_identity *device) {
    uint8_t bytes[2048], op_bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_sig sig;
    t_add_body(wr_graph_circle_id(graph), sponsor, device, WR_ROLE_MEMBER, &body);
    return wr_graph_author(graph, sponsor, WR_OP_ADD, wr_buf_slice(&body), 1, &op, &sig);
}

wr_err t_try_epoch(wr_graph *graph, const wr_identity *me, const wr_hash *prev) {
    uint8_t bytes[512], op_bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes), op = WR_BUF_ARRAY(op_bytes);
    wr_epoch_op epoch = {.klass = 1, .prev_count = 1, .prev = {*prev}};
    wr_sig sig;
    epoch.rcpt_hash = wr_graph_recipients(graph, epoch.without, &epoch.without_count);
    T_OK(wr_epoch_encode(&epoch, &body));
    return wr_graph_author(graph, me, WR_OP_EPOCH, wr_buf_slice(&body), 1, &op, &sig);
}
