/* Fuzzes the bodies of frames: whatever a sibling or a stranger in a pairing may write in them.
 *
 * Target: every decoder of wire/message.h.
 * Input:  1 byte  which body (mod 10, the order of message_kind), then the body.
 * Oracle: what is accepted encodes to the same bytes, lists item by item; with one byte less of
 *         room the encoder says NOBUF and appends nothing; a refused body leaves the result as it
 *         was; what the limits promise of the fields holds.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "wire/message.h"

#define ITEMS_MAX WR_FEEDS_MAX
#define BODY_MAX WR_FRAME_BODY_MAX

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum message_kind {
    HELLO,
    WANT,
    DATA,
    PAIR_OFFER,
    PAIR_CERT,
    PAIR_WELCOME,
    OP_HEADS, /* from here on lists */
    FRONTIER,
    HAVE,
    OPS,
    KINDS,
} message_kind;

typedef struct want {
    wr_hash feed_id;
    uint64_t from;
} want;

/* Any item of any list. */
typedef struct item {
    wr_hash id, root;
    uint64_t k, len;
    bool complete;
    wr_slice op;
    wr_sig sig;
} item;

typedef struct list {
    bool reply;
    uint32_t count;
    item items[ITEMS_MAX];
} list;

typedef union message {
    wr_hello hello;
    want want;
    wr_data data;
    wr_pair_offer offer;
    wr_pair_cert cert;
    wr_pair_welcome welcome;
    list list;
} message;

/* ---- items of lists ---- */

static wr_err take_item(message_kind kind, wr_slice *in, item *i) {
    switch (kind) {
    case OP_HEADS:
        return wr_op_head_take(in, &i->id, &i->k, &i->root);
    case FRONTIER:
        return wr_frontier_take(in, &i->id, &i->k, &i->len, &i->root, &i->complete);
    case HAVE:
        return wr_have_take(in, &i->id, &i->len, &i->complete);
    case OPS:
        return wr_ops_take(in, &i->op, &i->sig);
    case HELLO:
    case WANT:
    case DATA:
    case PAIR_OFFER:
    case PAIR_CERT:
    case PAIR_WELCOME:
    case KINDS:
        break;
    }
    WR_UNREACHABLE();
}

static wr_err put_item(message_kind kind, const item *i, wr_buf *out) {
    switch (kind) {
    case OP_HEADS:
        return wr_op_head_put(out, &i->id, i->k, &i->root);
    case FRONTIER:
        return wr_frontier_put(out, &i->id, i->k, i->len, &i->root, i->complete);
    case HAVE:
        return wr_have_put(out, &i->id, i->len, i->complete);
    case OPS:
        return wr_ops_put(out, i->op, &i->sig);
    case HELLO:
    case WANT:
    case DATA:
    case PAIR_OFFER:
    case PAIR_CERT:
    case PAIR_WELCOME:
    case KINDS:
        break;
    }
    WR_UNREACHABLE();
}

static wr_err decode_list(message_kind kind, wr_slice body, list *ret_list) {
    uint32_t max = kind == OP_HEADS ? WR_AUTHORS_MAX : WR_FEEDS_MAX, count = 0;
    if (kind != OPS) {
        WR_TRY(wr_list_open(&body, max, &ret_list->reply, &count));
        WR_ASSERT(count <= max);
    }
    for (ret_list->count = 0; kind == OPS ? body.len != 0 : ret_list->count < count;) {
        if (ret_list->count == ITEMS_MAX)
            return WR_ERR_LIMIT;
        WR_TRY(take_item(kind, &body, &ret_list->items[ret_list->count++]));
    }
    return body.len == 0 ? WR_OK : WR_ERR_FORMAT;
}

static wr_err encode_list(message_kind kind, const list *from, wr_buf *out) {
    if (kind != OPS)
        WR_TRY(wr_list_begin(out, from->reply, from->count));
    for (uint32_t i = 0; i < from->count; i++)
        WR_TRY(put_item(kind, &from->items[i], out));
    return WR_OK;
}

/* ---- whole bodies ---- */

static wr_err decode(message_kind kind, wr_slice body, message *m) {
    switch (kind) {
    case HELLO:
        return wr_hello_decode(body, &m->hello);
    case WANT:
        return wr_want_decode(body, &m->want.feed_id, &m->want.from);
    case DATA:
        return wr_data_decode(body, &m->data);
    case PAIR_OFFER:
        return wr_pair_offer_decode(body, &m->offer);
    case PAIR_CERT:
        return wr_pair_cert_decode(body, &m->cert);
    case PAIR_WELCOME:
        return wr_pair_welcome_decode(body, &m->welcome);
    case OP_HEADS:
    case FRONTIER:
    case HAVE:
    case OPS:
        return decode_list(kind, body, &m->list);
    case KINDS:
        break;
    }
    WR_UNREACHABLE();
}

static wr_err encode(message_kind kind, const message *m, wr_buf *out) {
    switch (kind) {
    case HELLO:
        return wr_hello_encode(&m->hello, out);
    case WANT:
        return wr_want_encode(&m->want.feed_id, m->want.from, out);
    case DATA:
        return wr_data_encode(&m->data, out);
    case PAIR_OFFER:
        return wr_pair_offer_encode(&m->offer, out);
    case PAIR_CERT:
        return wr_pair_cert_encode(&m->cert, out);
    case PAIR_WELCOME:
        return wr_pair_welcome_encode(&m->welcome, out);
    case OP_HEADS:
    case FRONTIER:
    case HAVE:
    case OPS:
        return encode_list(kind, &m->list, out);
    case KINDS:
        break;
    }
    WR_UNREACHABLE();
}

/* What engine/link and engine/pairing rely on without looking again. */
static void check_fields(message_kind kind, const message *m) {
    if (kind == HELLO)
        WR_ASSERT(m->hello.addrs.len <= WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE);
    if (kind == PAIR_CERT)
        WR_ASSERT(m->cert.name.len <= WR_NAME_BYTES_MAX);
    if (kind == PAIR_WELCOME)
        WR_ASSERT(m->welcome.addrs.len <= WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE);
    if (kind != DATA)
        return;
    WR_ASSERT(m->data.size != 0);
    WR_ASSERT(m->data.size <= WR_UNIT_WIRE_MAX);
    WR_ASSERT(m->data.lo <= m->data.first);
    WR_ASSERT(m->data.first < m->data.end);
    WR_ASSERT(m->data.path.len <= WR_PROOF_HASHES_MAX * WR_HASH_SIZE);
    WR_ASSERT(m->data.path.len % WR_HASH_SIZE == 0);
    WR_ASSERT(m->data.checkpoint.len <= WR_CHECKPOINT_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[BODY_MAX];
    static message got, before;
    if (size < 1 || size > BODY_MAX)
        return 0;
    message_kind kind = (message_kind)(data[0] % KINDS);
    wr_slice body = wr_slice_of(data + 1, size - 1);
    bool is_list = kind >= OP_HEADS;
    if (!is_list) {
        memset(&got, 0x5a, sizeof got);
        before = got;
    }
    if (decode(kind, body, &got) != WR_OK) {
        WR_ASSERT(is_list || memcmp(&got, &before, sizeof got) == 0);
        return 0;
    }
    check_fields(kind, &got);
    wr_buf out = wr_buf_of(bytes, body.len);
    WR_ASSERT(encode(kind, &got, &out) == WR_OK);
    WR_ASSERT(wr_equal(wr_buf_slice(&out), body));
    if (body.len == 0)
        return 0;
    out = wr_buf_of(bytes, body.len - 1);
    WR_ASSERT(encode(kind, &got, &out) == WR_ERR_NOBUF);
    WR_ASSERT(is_list || out.len == 0);
    return 0;
}
