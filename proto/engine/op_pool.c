/* Ops that wait for others.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/op_pool.h"

#include <stdlib.h>

struct wr_pooled_op {
    wr_pooled_op *next;
    wr_hash id, author;
    wr_sig sig;
    size_t len;
    bool fork;             /* the second at its place */
    bool wanted;           /* an op of another author stands on it */
    bool looked;           /* what it stands on is marked, as far as it is here */
    bool checked, genuine; /* signed by its author: costs more than all else, so once */
    uint8_t bytes[];
};

static wr_slice bytes_of(const wr_pooled_op *op) {
    return wr_slice_of(op->bytes, op->len);
}

void wr_op_pool_wipe(wr_op_pool *pool) {
    while (pool->first != NULL) {
        wr_pooled_op *op = pool->first;
        pool->first = op->next;
        free(op);
    }
    pool->bytes = 0;
    pool->count = 0;
}

static wr_pooled_op *find(const wr_op_pool *pool, const wr_hash *op_id) {
    wr_pooled_op *op = pool->first;
    while (op != NULL && !wr_hash_equal(&op->id, op_id))
        op = op->next;
    return op;
}

static wr_pooled_op *pooled_new(const wr_op *op, const wr_sig *sig, bool fork) {
    wr_pooled_op *made = malloc(sizeof *made + op->bytes.len);
    if (made == NULL)
        return NULL;
    *made = (wr_pooled_op){
        .id = op->id, .author = op->author, .sig = *sig, .len = op->bytes.len, .fork = fork};
    memcpy(made->bytes, op->bytes.ptr, op->bytes.len);
    return made;
}

wr_err wr_op_pool_put(wr_op_pool *pool, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig,
                      bool fork) {
    wr_op op;
    if (find(pool, op_id) != NULL)
        return WR_OK;
    WR_TRY(wr_op_decode(bytes, &op));
    size_t size = sizeof(wr_pooled_op) + bytes.len;
    /* spec:sync#2.3 "Ops that wait MUST NOT take more than 1 MiB for a session, nor be more than
     * 512." */
    if (size > WR_OP_POOL_BYTES_MAX - pool->bytes || pool->count == WR_OP_POOL_OPS_MAX)
        return WR_ERR_LIMIT;
    wr_pooled_op *made = pooled_new(&op, sig, fork);
    if (made == NULL)
        return WR_ERR_NOMEM;
    made->next = pool->first;
    pool->first = made;
    pool->bytes += size;
    pool->count++;
    pool->fresh = true;
    return WR_OK;
}

/* Marks what an op stands on, down to what is admitted; true if anything is marked anew. */
static bool want_parents(wr_op_pool *pool, const wr_pooled_op *op) {
    wr_op header;
    bool any = false;
    if (wr_op_decode(bytes_of(op), &header) != WR_OK)
        return false;
    for (uint32_t i = 0; i < header.parent_count; i++) {
        wr_hash id = wr_op_parent(&header, i);
        wr_pooled_op *parent = find(pool, &id);
        /* On its own ops an author may stand as it likes: that brings nothing in. */
        if (parent == NULL || parent->wanted ||
            (!op->wanted && wr_hash_equal(&parent->author, &op->author)))
            continue;
        parent->wanted = any = true;
        parent->looked = false;
    }
    return any;
}

/* spec:circle#2.4 "An op MUST NOT bring a branch in unless its author is ROOT, or a member, and not
 * barred, without that branch." */
static bool may_bring(const wr_self *self, wr_pooled_op *op) {
    const wr_graph *graph = wr_self_graph(self);
    const wr_member *author = wr_graph_find(graph, &op->author);
    bool root = wr_is_zero(WR_SLICE_OBJ(op->author)) && !wr_graph_is_empty(graph);
    if (!root && (author == NULL || !wr_member_is_in(author)))
        return false;
    const wr_pub *key = root ? &wr_graph_root(graph)->sign : &author->cert.sign;
    if (!op->checked)
        op->genuine = wr_verify(key, WR_SIG_LABEL_OP, bytes_of(op), &op->sig) == WR_OK;
    op->checked = true;
    return op->genuine;
}

/* Each is looked at once as what it is, and again with what came since: whoever fills the pool
 * chooses its order. */
static void mark_wanted(wr_op_pool *pool, const wr_self *self) {
    for (wr_pooled_op *op = pool->first; pool->fresh && op != NULL; op = op->next)
        op->looked = false;
    for (bool any = true; any;) {
        any = false;
        for (wr_pooled_op *op = pool->first; op != NULL; op = op->next) {
            if (op->looked || !(op->wanted || may_bring(self, op)))
                continue;
            op->looked = true;
            any = want_parents(pool, op) || any;
        }
    }
}

/* One pass; what is admitted or bad leaves. */
static wr_err pass(wr_op_pool *pool, wr_self *self, wr_now now, bool *ret_any) {
    wr_pooled_op **at = &pool->first;
    *ret_any = false;
    while (*at != NULL) {
        wr_pooled_op *op = *at;
        wr_err err = wr_self_admit(self, bytes_of(op), &op->sig, now);
        if (err == WR_ERR_FORK && op->wanted)
            err = wr_self_admit_branch(self, bytes_of(op), &op->sig, now);
        if (err == WR_ERR_NOMEM)
            return err;
        op->fork = op->fork || err == WR_ERR_FORK;
        if (err == WR_ERR_UNKNOWN || err == WR_ERR_FORK) {
            at = &op->next;
            continue;
        }
        *ret_any = *ret_any || err == WR_OK;
        pool->bytes -= sizeof *op + op->len;
        pool->count--;
        *at = op->next;
        free(op);
    }
    return WR_OK;
}

static bool has_fork(const wr_op_pool *pool) {
    for (const wr_pooled_op *op = pool->first; op != NULL; op = op->next)
        if (op->fork)
            return true;
    return false;
}

/* All that is admissible depends on what is admitted and has effect; beside a fork, on what waits,
 * too.  A frame that brings neither is free for who sends it. */
static bool is_due(const wr_op_pool *pool, const wr_self *self) {
    return pool->tried_ops != wr_generations_op_count(wr_self_generations(self)) ||
           pool->tried_version != wr_graph_version(wr_self_graph(self)) ||
           (pool->fresh && has_fork(pool));
}

wr_err wr_op_pool_retry(wr_op_pool *pool, wr_self *self, wr_now now) {
    for (bool any = is_due(pool, self); any && pool->first != NULL;) {
        WR_TRY(pass(pool, self, now, &any));
        if (any || !has_fork(pool))
            continue;
        mark_wanted(pool, self);
        WR_TRY(pass(pool, self, now, &any));
    }
    pool->fresh = false;
    pool->tried_ops = wr_generations_op_count(wr_self_generations(self));
    pool->tried_version = wr_graph_version(wr_self_graph(self));
    return WR_OK;
}
