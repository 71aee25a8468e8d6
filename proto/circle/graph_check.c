/* May this op come in?  All checks of admission; nothing here changes the graph.
 *
 *   parents known -> strict decode -> signature -> chain -> past-authorised -> rules of its type
 *
 * Every answer but UNKNOWN, FORK and the limits of memory depends on the op and its past alone, so
 * all devices that hold the same past answer alike.
 *
 * Spec:   proto/spec/circle.md 2.3, 3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_node.h"

#include "wire/pack.h"

#define CONSENT_BYTES_MAX 160u
_Static_assert(1 + 34 + 66 + 34 + 9 <= CONSENT_BYTES_MAX, "consent fits");

bool wr_op_is_notable(uint64_t type) {
    return type == WR_OP_ADD || type == WR_OP_REMOVE || type == WR_OP_LEAVE || type == WR_OP_ROLE ||
           type == WR_OP_EQUIV || type == WR_OP_RESET || type == WR_OP_ROOTSET;
}

/* ---- where the op stands ---- */

static void cover(wr_admission *in, const wr_node *parent) {
    uint32_t len = parent->author + 1 > parent->clock_len ? parent->author + 1 : parent->clock_len;
    if (len > in->clock_len)
        in->clock_len = len; /* columns behind the old length are zero */
    for (uint32_t i = 0; i < parent->clock_len; i++) {
        if (parent->clock[i] > in->clock[i])
            in->clock[i] = parent->clock[i];
    }
    if (parent->aseq + 1 > in->clock[parent->author])
        in->clock[parent->author] = parent->aseq + 1;
    if (parent->height + 1 > in->height)
        in->height = parent->height + 1;
}

static wr_err check_place(const wr_graph *graph, wr_admission *in) {
    if (graph->op_count == 0)
        return WR_ERR_UNKNOWN;
    /* spec:circle#2.3 "An op of another circle MUST be refused." */
    if (!wr_hash_equal(&in->op.circle_id, &graph->circle_id))
        return WR_ERR_REFUSED;
    /* What only a newer version can judge: other generations, and ops of the recovery key. */
    if (in->op.gen != 0 || wr_is_zero(WR_SLICE_OBJ(in->op.author)))
        return WR_ERR_VERSION;
    for (uint32_t i = 0; i < in->op.parent_count; i++) {
        wr_hash id = wr_op_parent(&in->op, i);
        const wr_node *parent = wr_graph_node(graph, &id);
        /* spec:circle#2.3 "An op MUST NOT be admitted before all its parents and its aprev." */
        if (parent == NULL)
            return WR_ERR_UNKNOWN;
        in->parent[i] = parent;
        cover(in, parent);
    }
    if (in->op.has_aprev && wr_graph_node(graph, &in->op.aprev) == NULL)
        return WR_ERR_UNKNOWN;
    return WR_OK;
}

/* ---- bodies ---- */

static wr_err decode_add(wr_admission *in, wr_add *ret_add) {
    WR_TRY(wr_add_decode(in->op.body, ret_add));
    WR_TRY(wr_cert_decode(ret_add->cert_bytes, &in->cert));
    in->device_id = wr_device_id(ret_add->cert_bytes);
    in->role = ret_add->role;
    in->mode = ret_add->mode;
    return WR_OK;
}

static wr_err decode_body(wr_admission *in, wr_add *ret_add) {
    wr_op_list seen;
    in->opaque = true;
    if (in->op.type > WR_OP_ROOTSET)
        return WR_OK;
    switch ((wr_op_type)in->op.type) {
    case WR_OP_ADD:
        in->opaque = false;
        return decode_add(in, ret_add);
    case WR_OP_ACK:
        in->opaque = false;
        return wr_ack_decode(in->op.body, &seen);
    case WR_OP_EPOCH:
        in->opaque = false;
        return wr_epoch_decode(in->op.body, &in->epoch);
    case WR_OP_REMOVE:
    case WR_OP_LEAVE:
    case WR_OP_ROLE:
    case WR_OP_EQUIV:
        return WR_OK; /* canonical, as wr_op_decode saw to it; carried without effect */
    case WR_OP_RESET:
    case WR_OP_ROOTSET:
        /* spec:circle#3.7 "A RESET or ROOTSET of any author but ROOT MUST be refused." */
        return WR_ERR_REFUSED;
    case WR_OP_GENESIS:
    case WR_OP_KEYUPD:
        break; /* elsewhere; never gets here */
    }
    WR_UNREACHABLE();
}

/* ---- author ---- */

static wr_err check_chain(const wr_graph *graph, const wr_admission *in) {
    const wr_chain *chain = &graph->chain[in->author];
    /* spec:circle#2.4 "Of two ops with one generation, author and aseq a device MUST NOT admit the
     * second." */
    if (in->op.aseq < chain->op_count)
        return WR_ERR_FORK;
    if (in->op.aseq > chain->op_count)
        return WR_ERR_REFUSED;
    if (chain->op_count == 0)
        return WR_OK;
    /* spec:circle#2.3 "aprev MUST be the author's op with the previous aseq, and in the op's
     * past." */
    bool named = wr_hash_equal(&in->op.aprev, &chain->last->id);
    bool covered = in->author < in->clock_len && in->clock[in->author] == in->op.aseq;
    return named && covered ? WR_OK : WR_ERR_REFUSED;
}

static wr_err check_author(const wr_graph *graph, wr_admission *in) {
    if (!wr_graph_index(graph, &in->op.author, &in->author))
        return WR_ERR_REFUSED; /* its ADD would be in the past, which is here */
    /* spec:circle#2.2 "An op whose signature does not verify under the author's signing key MUST be
     * refused." */
    WR_TRY(
        wr_verify(&graph->member[in->author].cert.sign, WR_SIG_LABEL_OP, in->op.bytes, &in->sig));
    WR_TRY(check_chain(graph, in));
    wr_role_kind needed = WR_ROLE_MEMBER;
    if (in->op.type <= WR_OP_ROOTSET)
        needed = wr_evaluate_needed((wr_op_type)in->op.type);
    /* spec:circle#4.1 "The author of an op MUST be a member in eval(past(op)) with the role that
     * the type demands." */
    if (!wr_evaluate_may(graph->added, graph->added_count, in->clock, in->clock_len, in->author,
                         needed))
        return WR_ERR_REFUSED;
    return WR_OK;
}

/* ---- rules of a type ---- */

static wr_err check_consent(const wr_admission *in, const wr_add *add) {
    uint8_t bytes[CONSENT_BYTES_MAX];
    wr_buf message = WR_BUF_ARRAY(bytes);
    wr_err err =
        wr_consent_encode(&in->op.circle_id, add->handshake, &in->op.author, add->role, &message);
    WR_ASSERT(err == WR_OK);
    /* spec:circle#3.2 "The consent of an ADD MUST verify under the certificate's signing key for
     * this circle, handshake, author and role." */
    return wr_verify(&in->cert.sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&message), &add->consent);
}

/* All three kinds of key are compared with all three: a key never changes its purpose either. */
static bool shares_key(const wr_cert *a, const wr_cert *b) {
    const wr_pub *ours[] = {&a->sign, &a->noise, &a->box};
    const wr_pub *theirs[] = {&b->sign, &b->noise, &b->box};
    for (size_t i = 0; i < WR_COUNT(ours); i++) {
        for (size_t j = 0; j < WR_COUNT(theirs); j++) {
            if (wr_pub_equal(ours[i], theirs[j]))
                return true;
        }
    }
    return false;
}

static bool in_past(const wr_admission *in, uint32_t author, uint32_t aseq) {
    return author < in->clock_len && aseq < in->clock[author];
}

static wr_err check_new_device(const wr_graph *graph, const wr_admission *in) {
    wr_eval_member past[WR_AUTHORS_MAX] = {{.current = false}};
    uint32_t members = 0, index;
    for (uint32_t i = 0; i < graph->added_count; i++) {
        const wr_eval_op *added = &graph->added[i];
        if (!in_past(in, added->author, added->aseq))
            continue;
        const wr_member *earlier = &graph->member[added->subject];
        /* spec:circle#3.2 "The device id and the keys of an added certificate MUST NOT occur in a
         * certificate of the op's past." */
        if (wr_hash_equal(&earlier->device_id, &in->device_id) ||
            shares_key(&earlier->cert, &in->cert))
            return WR_ERR_REFUSED;
    }
    wr_evaluate_past(graph->added, graph->added_count, in->clock, in->clock_len,
                     graph->member_count, past);
    for (uint32_t m = 0; m < graph->member_count; m++)
        members += past[m].current;
    /* spec:circle#3.2 "An ADD whose past has 64 members MUST be refused." */
    if (members >= WR_MEMBERS_MAX)
        return WR_ERR_LIMIT;
    bool known = wr_graph_index(graph, &in->device_id, &index); /* concurrently added elsewhere */
    return known || graph->member_count < WR_AUTHORS_MAX ? WR_OK : WR_ERR_LIMIT;
}

static wr_err check_epoch(const wr_graph *graph, const wr_admission *in) {
    for (uint32_t i = 0; i < in->epoch.prev_count; i++) {
        const wr_node *prev = wr_graph_node(graph, &in->epoch.prev[i]);
        /* spec:circle#3.5 "Each earlier epoch that an EPOCH names MUST be an EPOCH op in its
         * past." */
        if (prev == NULL || prev->epoch == NULL || !in_past(in, prev->author, prev->aseq))
            return WR_ERR_REFUSED;
    }
    return WR_OK;
}

/* ---- GENESIS ---- */

static wr_err check_genesis(const wr_graph *graph, wr_admission *in) {
    wr_genesis genesis;
    if (graph->op_count > 0)
        return WR_ERR_REFUSED;
    WR_TRY(wr_genesis_decode(in->op.body, &genesis));
    WR_TRY(wr_cert_decode(genesis.cert_bytes, &in->cert));
    in->device_id = wr_device_id(genesis.cert_bytes);
    in->role = WR_ROLE_ADMIN;
    in->mode = WR_PAIR_QR; /* no code was ever typed for it */
    in->root = genesis.root;
    /* spec:circle#3.1 "The author of GENESIS MUST be the device of its certificate." */
    if (!wr_hash_equal(&in->op.author, &in->device_id))
        return WR_ERR_REFUSED;
    return wr_verify(&in->cert.sign, WR_SIG_LABEL_OP, in->op.bytes, &in->sig);
}

/* ---- all of it ---- */

static wr_err check_later(const wr_graph *graph, wr_admission *in) {
    wr_add add = {.role = WR_ROLE_MEMBER};
    WR_TRY(check_place(graph, in));
    WR_TRY(decode_body(in, &add));
    WR_TRY(check_author(graph, in));
    if (in->op.type == WR_OP_ADD) {
        WR_TRY(check_consent(in, &add));
        WR_TRY(check_new_device(graph, in));
    }
    if (in->op.type == WR_OP_EPOCH)
        WR_TRY(check_epoch(graph, in));
    return WR_OK;
}

wr_err wr_graph_check(const wr_graph *graph, wr_slice op_bytes, const wr_sig *sig,
                      wr_admission *ret_admission) {
    wr_admission in = {.sig = *sig};
    WR_TRY(wr_op_decode(op_bytes, &in.op));
    if (wr_graph_node(graph, &in.op.id) != NULL)
        return WR_ERR_EXISTS;
    if (graph->op_count == WR_OPS_MAX)
        return WR_ERR_LIMIT;
    if (in.op.type == WR_OP_GENESIS)
        WR_TRY(check_genesis(graph, &in));
    else
        WR_TRY(check_later(graph, &in));
    *ret_admission = in;
    return WR_OK;
}
