/* Target: wr_op_decode, the body decoders, and wr_graph_admit behind a good signature.
 * Input:  1 byte  what the rest is (mod 3):
 *           0     an op
 *           1     1 byte which decoder (mod 11: GENESIS ADD ACK EPOCH REMOVE LEAVE ROLE EQUIV
 *                 RESET ROOTSET KEYUPD), then a body
 *           2     1 byte op type, then a body: signed by the founder on top of a small circle
 * Oracle: no crash; what is accepted encodes to the same bytes, a header that is not leaves the
 *         result as it was; a refused op leaves the graph able
 *         to take the founder's next one, and an admitted one is found again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/graph.h"
#include "circle/op_change.h"
#include "engine/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Deterministic: a counter. */
static void fill(void *ctx, uint8_t *out, size_t len) {
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = ++*next;
}

/* ---- decode, encode ---- */

static void same(const wr_buf *out, wr_slice in) {
    WR_ASSERT(wr_equal(wr_buf_slice(out), in));
}

/* The lists are taken apart and put together again: copied as a whole they would prove nothing. */
static uint8_t list_bytes[4][WR_OP_LARGEST_BYTES_MAX * 2];

static void cuts_again(wr_op_list *cuts, wr_buf items) {
    wr_cut cut;
    for (wr_op_list rest = *cuts; wr_cut_next(&rest, &cut);)
        WR_ASSERT(wr_cut_put(&items, &cut) == WR_OK);
    cuts->items = wr_buf_slice(&items);
}

static wr_err remove_again(wr_slice body, wr_buf *out) {
    wr_buf ids = WR_BUF_ARRAY(list_bytes[1]);
    wr_remove remove;
    wr_hash id;
    WR_TRY(wr_remove_decode(body, &remove));
    for (wr_op_list rest = remove.targets; wr_id_next(&rest, &id);)
        WR_ASSERT(wr_id_put(&ids, &id) == WR_OK);
    remove.targets.items = wr_buf_slice(&ids);
    cuts_again(&remove.cuts, WR_BUF_ARRAY(list_bytes[0]));
    return wr_remove_encode(&remove, out);
}

static wr_err equiv_again(wr_slice body, wr_buf *out) {
    static const wr_hash circle_id = {{1}};
    wr_equiv equiv;
    WR_TRY(wr_equiv_decode(body, &equiv));
    wr_pub key = {{2}};
    WR_ASSERT(wr_evidence_check(&equiv, &circle_id, &key) != WR_OK); /* nobody has that key */
    cuts_again(&equiv.cuts, WR_BUF_ARRAY(list_bytes[0]));
    return wr_equiv_encode(&equiv, out);
}

static wr_err reset_again(wr_slice body, wr_buf *out) {
    wr_buf keep = WR_BUF_ARRAY(list_bytes[1]), gone = WR_BUF_ARRAY(list_bytes[2]);
    wr_buf epochs = WR_BUF_ARRAY(list_bytes[3]);
    wr_reset reset;
    wr_kept kept;
    wr_gone left;
    wr_reset_epoch epoch;
    WR_TRY(wr_reset_decode(body, &reset));
    for (wr_op_list rest = reset.keep; wr_kept_next(&rest, &kept);)
        WR_ASSERT(wr_kept_put(&keep, &kept) == WR_OK);
    for (wr_op_list rest = reset.gone; wr_gone_next(&rest, &left);)
        WR_ASSERT(wr_gone_put(&gone, &left) == WR_OK);
    for (wr_op_list rest = reset.epochs; wr_reset_epoch_next(&rest, &epoch);)
        WR_ASSERT(wr_reset_epoch_put(&epochs, &epoch) == WR_OK);
    reset.keep.items = wr_buf_slice(&keep);
    reset.gone.items = wr_buf_slice(&gone);
    reset.epochs.items = wr_buf_slice(&epochs);
    cuts_again(&reset.cuts, WR_BUF_ARRAY(list_bytes[0]));
    return wr_reset_encode(&reset, out);
}

static wr_err small_again(uint8_t type, wr_slice body, wr_buf *out) {
    wr_op_list cuts;
    wr_role_op role;
    wr_root root;
    wr_keyupd update;
    switch (type) {
    case 2:
        WR_TRY(wr_ack_decode(body, &cuts));
        cuts_again(&cuts, WR_BUF_ARRAY(list_bytes[0]));
        return wr_ack_encode(&cuts, out);
    case 5:
        WR_TRY(wr_leave_decode(body, &cuts));
        cuts_again(&cuts, WR_BUF_ARRAY(list_bytes[0]));
        return wr_leave_encode(&cuts, out);
    case 6:
        WR_TRY(wr_role_decode(body, &role));
        return wr_role_encode(&role, out);
    case 9:
        WR_TRY(wr_rootset_decode(body, &root));
        return wr_rootset_encode(&root, out);
    default:
        WR_TRY(wr_keyupd_decode(body, &update));
        return wr_keyupd_encode(&update, out);
    }
}

static wr_err large_again(uint8_t type, wr_slice body, wr_buf *out) {
    static wr_epoch_op epoch;
    wr_add add;
    switch (type) {
    case 1:
        WR_TRY(wr_add_decode(body, &add));
        return wr_add_encode(&add, out);
    case 3:
        WR_TRY(wr_epoch_decode(body, &epoch));
        return wr_epoch_encode(&epoch, out);
    case 4:
        return remove_again(body, out);
    case 7:
        return equiv_again(body, out);
    case 8:
        return reset_again(body, out);
    default:
        return small_again(type, body, out);
    }
}

static void fuzz_body(uint8_t type, wr_slice body) {
    static uint8_t bytes[WR_OP_LARGEST_BYTES_MAX * 2];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_genesis genesis;
    type %= 11;
    if (body.len > WR_OP_LARGEST_BYTES_MAX)
        return; /* longer than any op */
    if (type == 0)
        (void)!wr_genesis_decode(body, &genesis);
    else if (large_again(type, body, &out) == WR_OK)
        same(&out, body);
}

static void fuzz_header(wr_slice bytes) {
    static uint8_t again[WR_OP_LARGEST_BYTES_MAX];
    wr_hash parents[WR_OP_PARENTS_MAX];
    wr_buf out = WR_BUF_ARRAY(again);
    wr_op op, before;
    memset(&op, 0x5a, sizeof op);
    memcpy(&before, &op, sizeof before);
    if (wr_op_decode(bytes, &op) != WR_OK) {
        WR_ASSERT(wr_equal(wr_slice_of(&op, sizeof op), wr_slice_of(&before, sizeof before)));
        return;
    }
    for (uint32_t i = 0; i < op.parent_count; i++)
        parents[i] = wr_op_parent(&op, i);
    WR_ASSERT(wr_op_encode(&op, parents, &out) == WR_OK);
    same(&out, bytes);
}

/* ---- admission ---- */

static wr_identity founder;

static void put_op(wr_graph *graph, wr_op_type type, wr_slice body) {
    uint8_t bytes[2048];
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    WR_ASSERT(wr_graph_author(graph, &founder, type, body, 1, &out, &sig) == WR_OK);
    WR_ASSERT(wr_graph_admit(graph, wr_buf_slice(&out), &sig) == WR_OK);
}

static void found(wr_graph *graph) {
    uint8_t bytes[2048], counter = 0;
    wr_rng rng = {fill, &counter};
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_sign_key root_sign;
    wr_key rs = {{1}};
    wr_identity_make(&rng, &founder);
    wr_genesis genesis = {.cert_bytes = wr_identity_cert(&founder)};
    wr_recovery_root(&rs, &genesis.root);
    wr_recovery_sign_key(&rs, &root_sign);
    WR_ASSERT(wr_genesis_encode(&genesis, &root_sign, &body) == WR_OK);
    put_op(graph, WR_OP_GENESIS, wr_buf_slice(&body));
}

/* The founder's second op, of any type and body. */
static void fuzz_admit(uint64_t type, wr_slice body) {
    static uint8_t bytes[WR_OP_LARGEST_BYTES_MAX];
    WR_AUTO(wr_graph) graph = NULL;
    wr_buf out = WR_BUF_ARRAY(bytes);
    wr_sig sig;
    if (wr_graph_new(&graph) != WR_OK)
        return;
    found(graph);
    wr_op header = {.circle_id = *wr_graph_circle_id(graph),
                    .author = founder.device_id,
                    .aseq = 1,
                    .has_aprev = true,
                    .aprev = *wr_graph_circle_id(graph),
                    .parent_count = 1,
                    .type = type,
                    .body = body};
    if (wr_op_encode(&header, &header.aprev, &out) != WR_OK)
        return;
    wr_sign(&founder.sign, WR_SIG_LABEL_OP, wr_buf_slice(&out), &sig);
    wr_hash before = wr_graph_heads_digest(graph),
            id = wr_hash_of(WR_LABEL_OP_ID, wr_buf_slice(&out));
    wr_err err = wr_graph_admit(graph, wr_buf_slice(&out), &sig);
    wr_hash after = wr_graph_heads_digest(graph);
    WR_ASSERT((err == WR_OK) == wr_graph_knows(graph, &id));
    WR_ASSERT((err == WR_OK) != wr_hash_equal(&before, &after));
    WR_ASSERT(wr_graph_op_count(graph) == (err == WR_OK ? 2u : 1u));
    if (err != WR_OK || type != WR_OP_LEAVE) /* nobody signs after that */
        put_op(graph, WR_OP_ACK, wr_slice_str("\x91\x90"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (wr_crypto_init() != WR_OK || size < 2)
        return 0;
    if (data[0] % 3 == 0)
        fuzz_header(wr_slice_of(data + 1, size - 1));
    if (data[0] % 3 == 1)
        fuzz_body(data[1], wr_slice_of(data + 2, size - 2));
    if (data[0] % 3 == 2)
        fuzz_admit(data[1], wr_slice_of(data + 2, size - 2));
    return 0;
}
