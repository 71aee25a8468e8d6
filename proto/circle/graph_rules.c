/* What the body of an op says, and what its past has to say to that, type by type.
 *
 * Spec:   proto/spec/circle.md 3
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph_reset.h"

#include "wire/pack.h"

#define CONSENT_BYTES_MAX 160u
_Static_assert(1 + 34 + 66 + 34 + 9 <= CONSENT_BYTES_MAX, "consent fits");

bool wr_node_is_past(const wr_node *older, const wr_admission *in) {
    const wr_eval_op past = {.clock = in->clock, .clock_len = in->clock_len};
    return wr_eval_covers(&past, older->eval.column, older->eval.aseq);
}

/* ---- reading ---- */

static wr_err read_add(wr_admission *in) {
    wr_add add;
    WR_TRY(wr_add_decode(in->op.body, &add));
    WR_TRY(wr_cert_decode(add.cert_bytes, &in->cert));
    in->device_id = wr_device_id(add.cert_bytes);
    in->role = add.role;
    in->mode = add.mode;
    return WR_OK;
}

static wr_err add_subject(const wr_graph *graph, wr_admission *in, const wr_hash *device_id,
                          wr_role_kind role) {
    wr_eval_subject *subject = &in->subject[in->subject_count];
    subject->role = role;
    if (!wr_graph_index(graph, device_id, &subject->member))
        return WR_ERR_REFUSED; /* its ADD would be in the past, which is here */
    in->subject_count++;
    return WR_OK;
}

static wr_err read_remove(const wr_graph *graph, wr_admission *in) {
    wr_remove remove;
    wr_hash target;
    WR_TRY(wr_remove_decode(in->op.body, &remove));
    in->reason = remove.reason;
    while (wr_id_next(&remove.targets, &target))
        WR_TRY(add_subject(graph, in, &target, WR_ROLE_MEMBER));
    return WR_OK;
}

static wr_err read_role(const wr_graph *graph, wr_admission *in) {
    wr_role_op role;
    WR_TRY(wr_role_decode(in->op.body, &role));
    return add_subject(graph, in, &role.device_id, role.role);
}

static wr_err read_equiv(const wr_graph *graph, wr_admission *in) {
    wr_equiv equiv;
    WR_TRY(wr_equiv_decode(in->op.body, &equiv));
    return add_subject(graph, in, &equiv.device_id, WR_ROLE_MEMBER);
}

wr_err wr_graph_read_body(const wr_graph *graph, wr_admission *in) {
    wr_op_list cuts;
    in->opaque = in->op.type > WR_OP_ROOTSET;
    if (in->opaque)
        return WR_OK; /* canonical, as wr_op_decode saw to it; carried without effect */
    switch ((wr_op_type)in->op.type) {
    case WR_OP_ADD:
        return read_add(in);
    case WR_OP_ACK:
        return wr_ack_decode(in->op.body, &cuts);
    case WR_OP_EPOCH:
        return wr_epoch_decode(in->op.body, &in->epoch);
    case WR_OP_REMOVE:
        return read_remove(graph, in);
    case WR_OP_LEAVE:
        return wr_leave_decode(in->op.body, &cuts);
    case WR_OP_ROLE:
        return read_role(graph, in);
    case WR_OP_EQUIV:
        return read_equiv(graph, in);
    case WR_OP_ROOTSET:
        return wr_rootset_decode(in->op.body, &in->root);
    case WR_OP_RESET: /* begins a graph of its own: graph_reset.c */
        return WR_ERR_REFUSED;
    case WR_OP_GENESIS:
    case WR_OP_KEYUPD:
        break; /* elsewhere; never gets here */
    }
    WR_UNREACHABLE();
}

/* ---- ADD ---- */

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
bool wr_cert_shares_key(const wr_cert *a, const wr_pub *sign, const wr_pub *noise,
                        const wr_pub *box) {
    const wr_pub *ours[] = {&a->sign, &a->noise, &a->box};
    const wr_pub *theirs[] = {sign, noise, box};
    for (size_t i = 0; i < WR_COUNT(ours); i++) {
        for (size_t j = 0; j < WR_COUNT(theirs); j++) {
            if (wr_pub_equal(ours[i], theirs[j]))
                return true;
        }
    }
    return false;
}

static bool was_added(const wr_graph *graph, const wr_admission *in, uint32_t member) {
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (wr_node_brings(node, member) && wr_node_is_past(node, in))
            return true;
    }
    return false;
}

/* spec:circle#3.2 "The device id and the keys of an added certificate MUST NOT occur in a
 * certificate of the op's past." */
static bool is_used(const wr_graph *graph, const wr_admission *in) {
    for (uint32_t m = 0; m < graph->member_count; m++) {
        const wr_member *earlier = &graph->member[m];
        const wr_cert *cert = &earlier->cert;
        if ((wr_hash_equal(&earlier->device_id, &in->device_id) ||
             wr_cert_shares_key(&in->cert, &cert->sign, &cert->noise, &cert->box)) &&
            was_added(graph, in, m))
            return true;
    }
    return wr_graph_was_used(graph, &in->device_id, &in->cert);
}

static wr_err check_new_device(const wr_graph *graph, const wr_admission *in) {
    wr_eval_member past[WR_AUTHORS_MAX];
    uint32_t members = 0, index;
    if (is_used(graph, in))
        return WR_ERR_REFUSED;
    wr_evaluator_past(graph->evaluator, in->clock, in->clock_len, graph->member_count, past);
    for (uint32_t m = 0; m < graph->member_count; m++)
        members += past[m].current;
    /* spec:circle#3.2 "An ADD whose past has 64 members MUST be refused." */
    if (members >= WR_MEMBERS_MAX)
        return WR_ERR_LIMIT;
    bool known = wr_graph_index(graph, &in->device_id, &index); /* concurrently added elsewhere */
    /* The op may need a column of its own, which has the next number then. */
    uint32_t columns = graph->column_count + (in->column == graph->column_count ? 1 : 0);
    uint32_t most = WR_COLUMNS_MAX - (in->author == WR_EVAL_ROOT ? 0 : WR_COLUMNS_FOR_ROOT);
    bool room = graph->member_count < WR_AUTHORS_MAX && columns < most;
    return known || room ? WR_OK : WR_ERR_LIMIT;
}

static wr_err check_add(const wr_graph *graph, const wr_admission *in) {
    wr_add add;
    WR_TRY(wr_add_decode(in->op.body, &add));
    WR_TRY(check_consent(in, &add));
    return check_new_device(graph, in);
}

/* ---- who an op names ---- */

/* spec:circle#3.3 "Each target of a REMOVE MUST have been added in the op's past."
 * spec:circle#3.10 "The device of a ROLE MUST have been added in the op's past." */
static wr_err check_subjects(const wr_graph *graph, const wr_admission *in) {
    for (uint32_t i = 0; i < in->subject_count; i++) {
        if (!was_added(graph, in, in->subject[i].member))
            return WR_ERR_REFUSED;
    }
    return WR_OK;
}

/* Otherwise one op of a thief that accuses everybody would stand or fall as a whole: the answer to
 * its own accuser would carry all others out with it.
 * spec:circle#3.3 "A REMOVE with reason lost or compromised MUST name one target." */
static wr_err check_remove(const wr_graph *graph, const wr_admission *in) {
    if (in->reason != WR_REASON_RETIRED && in->subject_count != 1)
        return WR_ERR_REFUSED;
    return check_subjects(graph, in);
}

static wr_err check_role(const wr_graph *graph, const wr_admission *in) {
    WR_TRY(check_subjects(graph, in));
    /* spec:circle#3.10 "A ROLE that makes a device ADMIN MUST be refused, unless ROOT is its
     * author." */
    bool lowers = in->subject[0].role == WR_ROLE_MEMBER;
    return lowers || in->author == WR_EVAL_ROOT ? WR_OK : WR_ERR_REFUSED;
}

/* ---- EPOCH ---- */

static wr_err check_epoch(const wr_graph *graph, const wr_admission *in) {
    for (uint32_t i = 0; i < in->epoch.prev_count; i++) {
        const wr_node *prev = wr_graph_node(graph, &in->epoch.prev[i]);
        if (prev == NULL && wr_graph_is_older_epoch(graph, &in->epoch.prev[i]))
            continue;
        /* spec:circle#3.5 "Each earlier epoch that an EPOCH names MUST be an EPOCH op in its past,
         * or be listed by a RESET in it." */
        if (prev == NULL || prev->epoch == NULL || !wr_node_is_past(prev, in))
            return WR_ERR_REFUSED;
    }
    for (uint32_t i = 0; i < in->epoch.without_count; i++) {
        uint32_t member;
        /* spec:circle#3.5 "Each device that an EPOCH leaves out MUST have been added in its past."
         */
        if (!wr_graph_index(graph, &in->epoch.without[i], &member) || !was_added(graph, in, member))
            return WR_ERR_REFUSED;
    }
    /* spec:circle#3.5 "An EPOCH of an author that has made 256 before MUST be refused, unless it
     * follows the end of a membership." */
    return wr_graph_epoch_is_allowed(graph, in) ? WR_OK : WR_ERR_REFUSED;
}

/* ---- EQUIV ---- */

/* That of another author does not count: it may be void, or held, now or later. */
static bool is_said_again(const wr_graph *graph, const wr_admission *in) {
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (node->type == WR_OP_EQUIV && node->eval.author == in->author &&
            node->eval.subject[0].member == in->subject[0].member && wr_node_is_past(node, in))
            return true;
    }
    return false;
}

static bool has_past_parent(const wr_graph *graph, const wr_admission *in, const wr_op *op) {
    for (uint32_t i = 0; i < op->parent_count; i++) {
        wr_hash id = wr_op_parent(op, i);
        const wr_node *parent = wr_graph_node(graph, &id);
        if (parent != NULL && wr_node_is_past(parent, in))
            return true;
    }
    return false;
}

/* Numbers start anew with a RESET, and two RESETs of one generation each have theirs: a device that
 * followed the one and then the other did not contradict itself.
 * spec:circle#3.11 "Both ops of kind 1 MUST be of the EQUIV's generation, and in a generation
 * behind the first each MUST name a parent in the EQUIV's past." */
static bool is_of_generation(const wr_graph *graph, const wr_admission *in, const wr_equiv *equiv) {
    for (size_t i = 0; i < WR_COUNT(equiv->evidence); i++) {
        wr_op op;
        wr_slice bytes = wr_slice_of(equiv->evidence[i].ptr, equiv->evidence[i].len - WR_SIG_SIZE);
        /* The evidence was judged: only ops are left. */
        if (wr_op_decode(bytes, &op) == WR_OK &&
            (op.gen != graph->gen || (graph->gen != 0 && !has_past_parent(graph, in, &op))))
            return false;
    }
    return true;
}

/* spec:circle#3.11 "The evidence of an EQUIV MUST prove that the accused contradicted itself,
 * whoever the author is." */
static wr_err check_equiv(const wr_graph *graph, const wr_admission *in) {
    wr_equiv equiv;
    WR_TRY(check_subjects(graph, in));
    /* spec:circle#3.11 "An EQUIV MUST be refused if one of the same author and accused is in its
     * past." */
    if (is_said_again(graph, in))
        return WR_ERR_REFUSED;
    WR_TRY(wr_equiv_decode(in->op.body, &equiv));
    if (graph->evidence == NULL)
        return WR_ERR_REFUSED;
    WR_TRY(graph->evidence(&equiv, &graph->circle_id,
                           &graph->member[in->subject[0].member].cert.sign));
    return equiv.kind != WR_EQUIV_OPS || is_of_generation(graph, in, &equiv) ? WR_OK
                                                                             : WR_ERR_REFUSED;
}

/* ---- ROOT ---- */

/* It vouches for nobody's knowledge, and has no feeds. */
static wr_err by_member(const wr_admission *in) {
    return in->author != WR_EVAL_ROOT ? WR_OK : WR_ERR_REFUSED;
}

const wr_root *wr_graph_root_in(const wr_graph *graph, const wr_admission *in) {
    const wr_node *newest = NULL;
    for (uint32_t i = 0; i < graph->effect_count; i++) {
        const wr_node *node = graph->effect[i];
        if (node->type != WR_OP_ROOTSET || (in != NULL && !wr_node_is_past(node, in)))
            continue;
        /* spec:circle#2.2 "Of several ROOTSETs the one with the greatest (hlc, op id) MUST hold."
         */
        if (newest == NULL || wr_node_is_earlier(newest, node))
            newest = node;
    }
    return newest == NULL ? &graph->root : newest->root;
}

/* ---- all types ---- */

wr_err wr_graph_check_body(const wr_graph *graph, const wr_admission *in) {
    switch (in->op.type) {
    case WR_OP_ADD:
        return check_add(graph, in);
    case WR_OP_REMOVE:
        return check_remove(graph, in);
    case WR_OP_ROLE:
        return check_role(graph, in);
    case WR_OP_EQUIV:
        return check_equiv(graph, in);
    case WR_OP_EPOCH:
        WR_TRY(check_epoch(graph, in));
        return by_member(in);
    case WR_OP_ACK:
    case WR_OP_LEAVE:
        return by_member(in);
    case WR_OP_ROOTSET:
        /* spec:circle#3.13 "A ROOTSET of any author but ROOT MUST be refused." */
        return in->author == WR_EVAL_ROOT ? WR_OK : WR_ERR_REFUSED;
    default:
        return WR_OK;
    }
}
