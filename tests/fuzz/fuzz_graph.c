/* Fuzzes the membership graph: ops of five devices in any order, bent, forged, and new ones on top.
 *
 * Target: wr_graph_admit, wr_graph_author and what is asked of a graph.
 * Input:  steps of 1 byte  what (mod 4) and its arguments, see step.  The genuine ops come from
 *         branches that were made apart and joined, and one op has a twin with its number.
 * Oracle: among genuine ops one is admitted exactly when its parents are here and nothing holds its
 *         number, as a model says;
 *         what is refused changes nothing; what a member may author is admitted; and the set of
 *         ops alone decides: admitted again in another order, they give the same members, roles,
 *         epochs and heads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "unit/circle_fixture.h"

#define DEVICES 5u
#define POOL_MAX 40u
#define OPS_MAX 120u /* of a graph; more teach nothing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wr_identity devices[DEVICES];
static t_op pool[POOL_MAX]; /* parents first */
static uint32_t pool_count;
static bool is_foreign; /* the graph has ops that are not of the pool */

/* ---- the genuine ops ---- */

static void keep_all(const wr_graph *graph) {
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref ref = wr_graph_op(graph, i);
        bool known = false;
        for (uint32_t k = 0; k < pool_count; k++)
            known = known || wr_hash_equal(&pool[k].id, &ref.id);
        if (known)
            continue;
        WR_ASSERT(pool_count < POOL_MAX);
        t_op *op = &pool[pool_count++];
        WR_ASSERT(ref.bytes.len <= sizeof op->bytes);
        memcpy(op->bytes, ref.bytes.ptr, ref.bytes.len);
        op->len = ref.bytes.len;
        op->sig = *ref.sig;
        op->id = ref.id;
    }
}

static wr_graph *branch_of(const wr_graph *from) {
    wr_graph *graph = NULL;
    T_OK(wr_graph_new(&graph));
    if (from != NULL)
        t_copy(graph, from);
    return graph;
}

static void make_pool(void) {
    T_OK(wr_crypto_init());
    for (uint32_t i = 0; i < DEVICES; i++)
        devices[i] = t_device(i + 1);
    WR_AUTO(wr_graph) left = branch_of(NULL);
    (void)t_found(left, &devices[0]);
    (void)t_epoch(left, &devices[0], 1);
    (void)t_add(left, &devices[0], &devices[1], WR_ROLE_ADMIN);
    (void)t_ack(left, &devices[1]);
    WR_AUTO(wr_graph) right = branch_of(left);
    WR_AUTO(wr_graph) twin = branch_of(left);
    (void)t_add(left, &devices[0], &devices[2], WR_ROLE_MEMBER);
    (void)t_ack(left, &devices[2]);
    (void)t_epoch(left, &devices[0], 2);
    (void)t_add(right, &devices[1], &devices[3], WR_ROLE_ADMIN);
    (void)t_ack(right, &devices[3]);
    (void)t_epoch(right, &devices[3], 3);
    (void)t_add(right, &devices[3], &devices[4], WR_ROLE_MEMBER);
    (void)t_epoch(twin, &devices[0], 4); /* has the number of the ADD on the left */
    (void)t_ack(twin, &devices[1]);
    t_copy(left, right);
    (void)t_ack(left, &devices[0]);
    (void)t_ack(left, &devices[4]);
    (void)t_epoch(left, &devices[1], 5);
    (void)t_ack(left, &devices[2]);
    keep_all(left);
    keep_all(twin);
}

/* ---- what must come of an op ---- */

static bool is_here(const wr_graph *graph, const wr_op *op) {
    for (uint32_t i = 0; i < wr_graph_op_count(graph); i++) {
        wr_op_ref ref = wr_graph_op(graph, i);
        if (ref.aseq == op->aseq && wr_hash_equal(&ref.author, &op->author))
            return true;
    }
    return false;
}

static wr_err expect(const wr_graph *graph, const t_op *op) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(op, parents);
    if (wr_graph_knows(graph, &op->id))
        return WR_ERR_EXISTS;
    if (header.has_aprev && !wr_graph_knows(graph, &header.aprev))
        return WR_ERR_UNKNOWN;
    for (uint32_t i = 0; i < header.parent_count; i++)
        if (!wr_graph_knows(graph, &parents[i]))
            return WR_ERR_UNKNOWN;
    return is_here(graph, &header) ? WR_ERR_FORK : WR_OK;
}

static wr_err admit(wr_graph *graph, const t_op *op) {
    wr_hash before = t_state(graph);
    uint32_t count = wr_graph_op_count(graph);
    wr_err err = t_admit(graph, op);
    wr_hash after = t_state(graph);
    WR_ASSERT((err == WR_OK) != wr_hash_equal(&before, &after));
    WR_ASSERT(wr_graph_op_count(graph) == count + (err == WR_OK ? 1u : 0u));
    return err;
}

/* ---- steps ---- */

static const t_op *choose(wr_slice *in) {
    uint8_t index = 0;
    (void)!wr_slice_take_u8(in, &index);
    return &pool[index % pool_count];
}

/* As it is.  With ops that are not of the pool it may be refused for what they did. */
static void take(wr_graph *graph, const t_op *op) {
    bool first = wr_graph_is_empty(graph);
    wr_err want = expect(graph, op), err = admit(graph, op);
    if (is_foreign)
        WR_ASSERT(err != WR_OK || want == WR_OK);
    else
        WR_ASSERT(err == want || (first && err != WR_OK && want == WR_ERR_UNKNOWN));
}

/* A byte of it changed: nobody signed that. */
static void bend(wr_graph *graph, wr_slice *in) {
    t_op op = *choose(in);
    uint16_t at = 0;
    uint8_t flip = 0;
    if (!wr_slice_take_u16(in, &at) || !wr_slice_take_u8(in, &flip) || flip == 0)
        return;
    size_t place = at % (op.len + sizeof op.sig.b);
    if (place < op.len)
        op.bytes[place] ^= flip;
    else
        op.sig.b[place - op.len] ^= flip;
    bool known = wr_graph_knows(graph, &op.id) && place >= op.len;
    wr_err err = admit(graph, &op);
    WR_ASSERT(err != WR_OK);
    WR_ASSERT(err != WR_ERR_EXISTS || known);
}

/* Its header changed and signed by a device that may be its author. */
static void forge(wr_graph *graph, wr_slice *in) {
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_op header = t_header(choose(in), parents);
    uint8_t flags = 0, signer = 0, value = 0;
    if (!wr_slice_take_u8(in, &flags) || !wr_slice_take_u8(in, &signer) ||
        !wr_slice_take_u8(in, &value))
        return;
    const wr_identity *by = &devices[signer % DEVICES];
    header.author = flags & 1u ? by->device_id : header.author;
    header.aseq += flags & 2u ? value : 0u;
    header.hlc += flags & 4u ? (uint64_t)value << 16 : 0u;
    header.type = flags & 8u ? value : header.type;
    if ((flags & 16u) && header.parent_count > 0)
        header.parent_count = 1;
    if (flags & 32u) {
        header.parent_count = wr_graph_heads(graph, parents);
        wr_op_head heads[WR_AUTHORS_MAX];
        uint32_t count = wr_graph_author_heads(graph, heads);
        for (uint32_t i = 0; i < count; i++) {
            if (!wr_hash_equal(&heads[i].author, &header.author))
                continue;
            header.aseq = heads[i].aseq + 1;
            header.has_aprev = true;
            header.aprev = heads[i].op_id;
        }
    }
    uint8_t bytes[4096];
    wr_buf out = WR_BUF_ARRAY(bytes);
    if (wr_op_encode(&header, parents, &out) != WR_OK)
        return;
    t_op op = t_forge(&header, parents, by);
    if (admit(graph, &op) != WR_OK)
        return;
    is_foreign = true;
    WR_ASSERT(wr_hash_equal(&header.author, &by->device_id));
}

/* What authoring gives is admitted. */
static void author(wr_graph *graph, wr_slice *in) {
    uint8_t who = 0, what = 0, bytes[2048], made[4096];
    wr_buf body = WR_BUF_ARRAY(bytes), out = WR_BUF_ARRAY(made);
    wr_op_type type = WR_OP_ACK;
    t_op op;
    if (!wr_slice_take_u8(in, &who) || !wr_slice_take_u8(in, &what) || wr_graph_is_empty(graph))
        return;
    const wr_identity *me = &devices[who % DEVICES];
    if (what % 3 == 0) {
        T_OK(wr_ack_encode(&WR_OP_LIST_NONE, &body));
    } else if (what % 3 == 1) {
        type = WR_OP_EPOCH;
        t_epoch_body(graph, what, &body);
    } else {
        type = WR_OP_ADD;
        t_add_body(wr_graph_circle_id(graph), me, &devices[what / 3 % DEVICES], WR_ROLE_MEMBER,
                   &body);
    }
    if (wr_graph_author(graph, me, type, wr_buf_slice(&body), (uint64_t)what << 40, &out,
                        &op.sig) != WR_OK)
        return;
    memcpy(op.bytes, made, out.len);
    op.len = out.len;
    WR_ASSERT(admit(graph, &op) == WR_OK);
    is_foreign = true;
}

static bool step(wr_graph *graph, wr_slice *in) {
    uint8_t what;
    if (!wr_slice_take_u8(in, &what) || wr_graph_op_count(graph) > OPS_MAX)
        return false;
    if (what % 4 == 0)
        take(graph, choose(in));
    if (what % 4 == 1)
        bend(graph, in);
    if (what % 4 == 2)
        forge(graph, in);
    if (what % 4 == 3)
        author(graph, in);
    return true;
}

/* The same ops, the newest first wherever that is possible. */
static void check_order(const wr_graph *graph) {
    WR_AUTO(wr_graph) again = branch_of(NULL);
    uint32_t count = wr_graph_op_count(graph), before = UINT32_MAX;
    while (wr_graph_op_count(again) < count) {
        WR_ASSERT(wr_graph_op_count(again) != before);
        before = wr_graph_op_count(again);
        for (uint32_t i = count; i-- > 0;) {
            wr_op_ref ref = wr_graph_op(graph, i);
            if (!wr_graph_knows(again, &ref.id))
                (void)!wr_graph_admit(again, ref.bytes, ref.sig);
        }
    }
    t_same(graph, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice in = wr_slice_of(data, size);
    if (pool_count == 0)
        make_pool();
    is_foreign = false;
    WR_AUTO(wr_graph) graph = branch_of(NULL);
    while (step(graph, &in))
        continue;
    check_order(graph);
    return 0;
}
