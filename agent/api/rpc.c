/* MessagePack-RPC on bytes: the only door to msgpack-c outside of proto/wire.
 *
 * Decoding uses the resumable parser of msgpack-c (unpack_template.h) with callbacks of our own,
 * because its ready-made objects reserve memory for the counts that a peer declares.  Here a node
 * is made when its bytes have arrived, and arrays grow as their items do.
 *
 * Layer:  api.  Shared by the agent's server and the client library.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/rpc.h"

#include <stdlib.h>

#define MSGPACK_EMBED_STACK_SIZE 16
#include <msgpack.h>
#include <msgpack/unpack_define.h>

_Static_assert(MSGPACK_EMBED_STACK_SIZE == RPC_DEPTH_MAX, "the parser's stack is the depth limit");

/* ---- decoding: what the parser calls ------------------------------------------------- */

typedef struct reader_user {
    uint32_t values;   /* nodes made for this frame */
    bool key_consumed; /* the innermost map's pending key has been freed by a failed put */
    wr_err err;        /* why a callback refused */
} reader_user;

#define msgpack_unpack_struct(name) struct reader##name
#define msgpack_unpack_func(ret, name) static ret reader##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object warren_value *
#define msgpack_unpack_user reader_user

static int refuse(reader_user *user, wr_err err) {
    user->err = err;
    return -1;
}

static int made(reader_user *user, warren_value *value, warren_value **out) {
    if (!value)
        return refuse(user, WR_ERR_NOMEM);
    if (user->values >= RPC_VALUES_MAX) {
        warren_value_free(value);
        return refuse(user, WR_ERR_LIMIT);
    }
    user->values++;
    *out = value;
    return 0;
}

static warren_value *on_root(reader_user *user) {
    *user = (reader_user){0};
    return NULL;
}

static int on_uint64(reader_user *user, uint64_t number, warren_value **out) {
    return made(user, warren_uint(number), out);
}
static int on_uint32(reader_user *user, uint32_t number, warren_value **out) {
    return on_uint64(user, number, out);
}
static int on_uint16(reader_user *user, uint16_t number, warren_value **out) {
    return on_uint64(user, number, out);
}
static int on_uint8(reader_user *user, uint8_t number, warren_value **out) {
    return on_uint64(user, number, out);
}
static int on_int64(reader_user *user, int64_t number, warren_value **out) {
    return made(user, warren_int(number), out);
}
static int on_int32(reader_user *user, int32_t number, warren_value **out) {
    return on_int64(user, number, out);
}
static int on_int16(reader_user *user, int16_t number, warren_value **out) {
    return on_int64(user, number, out);
}
static int on_int8(reader_user *user, int8_t number, warren_value **out) {
    return on_int64(user, number, out);
}
static int on_double(reader_user *user, double number, warren_value **out) {
    return made(user, warren_float(number), out);
}
static int on_float(reader_user *user, float number, warren_value **out) {
    return on_double(user, (double)number, out);
}
static int on_nil(reader_user *user, warren_value **out) {
    return made(user, warren_nil(), out);
}
static int on_true(reader_user *user, warren_value **out) {
    return made(user, warren_bool(true), out);
}
static int on_false(reader_user *user, warren_value **out) {
    return made(user, warren_bool(false), out);
}

static int container(reader_user *user, uint32_t count, warren_value *value, warren_value **out) {
    if (count > RPC_VALUES_MAX) {
        warren_value_free(value);
        return refuse(user, WR_ERR_LIMIT);
    }
    return made(user, value, out);
}
static int on_array(reader_user *user, unsigned int count, warren_value **out) {
    return container(user, count, warren_array(), out);
}
static int on_map(reader_user *user, unsigned int count, warren_value **out) {
    return container(user, count, warren_map(), out);
}
static int on_array_item(reader_user *user, warren_value **array, warren_value *item) {
    return warren_push(*array, item) ? 0 : refuse(user, WR_ERR_NOMEM);
}
static int on_map_item(reader_user *user, warren_value **map, warren_value *key,
                       warren_value *value) {
    user->key_consumed = !value_put_pair(*map, key, value);
    return user->key_consumed ? refuse(user, WR_ERR_NOMEM) : 0;
}

static int on_str(reader_user *user, const char *base, const char *at, unsigned int len,
                  warren_value **out) {
    (void)base;
    return made(user, warren_str_n(at, len), out);
}
static int on_bin(reader_user *user, const char *base, const char *at, unsigned int len,
                  warren_value **out) {
    (void)base;
    return made(user, warren_bin(at, len), out);
}
static int on_ext(reader_user *user, const char *base, const char *at, unsigned int len,
                  warren_value **out) {
    (void)base;
    /* The type byte counts in len; the parser's sum wraps to 0 for a length of 2^32 - 1. */
    if (len == 0)
        return refuse(user, WR_ERR_LIMIT);
    return made(user, warren_ext((int8_t)at[0], at + 1, len - 1u), out);
}

/* The template's own comparisons and conversions are not ours to change. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <msgpack/unpack_template.h>
#pragma GCC diagnostic pop

/* ---- decoding: the reader ----------------------------------------------------------------- */

struct rpc_reader {
    struct reader_context parser;
    rpc_bytes buffer;
    size_t at;    /* bytes of buffer that the parser has consumed */
    size_t frame; /* bytes of the current value that it consumed before buffer.ptr[0] .. at */
    wr_err broken;
};

static void drop_partial(struct reader_context *parser) {
    for (unsigned i = parser->top; i-- > 0;) {
        bool innermost = i + 1 == parser->top;
        warren_value_free(parser->stack[i].obj);
        if (parser->stack[i].ct == MSGPACK_CT_MAP_VALUE &&
            !(innermost && parser->user.key_consumed))
            warren_value_free(parser->stack[i].map_key);
    }
    parser->top = 0;
}

static wr_err refusal(int result, const struct reader_context *parser) {
    if (parser->user.err != WR_OK)
        return parser->user.err;
    return result == MSGPACK_UNPACK_NOMEM_ERROR ? WR_ERR_LIMIT : WR_ERR_FORMAT; /* too deep */
}

wr_err rpc_decode(wr_slice bytes, warren_value **ret_value) {
    if (bytes.len == 0)
        return WR_ERR_TRUNCATED;
    if (bytes.len > RPC_FRAME_BYTES_MAX)
        return WR_ERR_LIMIT;
    struct reader_context parser;
    reader_init(&parser);
    size_t at = 0;
    int result = reader_execute(&parser, (const char *)bytes.ptr, bytes.len, &at);
    if (result > 0 && at == bytes.len) {
        *ret_value = reader_data(&parser);
        return WR_OK;
    }
    if (result > 0) {
        warren_value_free(reader_data(&parser));
        return WR_ERR_FORMAT;
    }
    drop_partial(&parser);
    return result == 0 ? WR_ERR_TRUNCATED : refusal(result, &parser);
}

wr_err rpc_reader_new(rpc_reader **ret_reader) {
    rpc_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return WR_ERR_NOMEM;
    reader_init(&reader->parser);
    *ret_reader = reader;
    return WR_OK;
}

void rpc_reader_free(rpc_reader *reader) {
    if (!reader)
        return;
    drop_partial(&reader->parser);
    rpc_bytes_wipe(&reader->buffer);
    free(reader);
}

/* Small frames stay small; within a long string the room doubles with what has arrived. */
#define ROOM_MIN 4096u
#define ROOM_KEPT (256u * 1024u)

wr_buf rpc_reader_room(rpc_reader *reader) {
    rpc_bytes *buffer = &reader->buffer;
    if (reader->at > 0) {
        memmove(buffer->ptr, buffer->ptr + reader->at, buffer->len - reader->at);
        buffer->len -= reader->at;
        /* It may have been words or a code. */
        wr_wipe(buffer->ptr + buffer->len, reader->at);
        reader->at = 0;
    }
    if (buffer->len == 0 && buffer->cap > ROOM_KEPT)
        rpc_bytes_wipe(buffer);
    size_t more = buffer->len / 2 > ROOM_MIN ? buffer->len / 2 : ROOM_MIN;
    if (buffer->cap - buffer->len < ROOM_MIN && rpc_bytes_reserve(buffer, more) != WR_OK)
        return wr_buf_of(NULL, 0);
    return wr_buf_of(buffer->ptr + buffer->len, buffer->cap - buffer->len);
}

void rpc_reader_filled(rpc_reader *reader, size_t len) {
    WR_ASSERT(len <= reader->buffer.cap - reader->buffer.len);
    reader->buffer.len += len;
}

wr_err rpc_reader_next(rpc_reader *reader, warren_value **ret_value) {
    if (reader->broken != WR_OK)
        return reader->broken;
    if (reader->at == reader->buffer.len)
        return WR_ERR_TRUNCATED;
    size_t before = reader->at;
    int result = reader_execute(&reader->parser, (const char *)reader->buffer.ptr,
                                reader->buffer.len, &reader->at);
    reader->frame += reader->at - before;
    if (result < 0) {
        reader->broken = refusal(result, &reader->parser);
        return reader->broken;
    }
    /* What a declared length still asks for counts before its bytes are there. */
    size_t ahead = result == 0 && reader->parser.cs != MSGPACK_CS_HEADER ? reader->parser.trail : 0;
    if (reader->frame + ahead > RPC_FRAME_BYTES_MAX) {
        if (result > 0)
            warren_value_free(reader_data(&reader->parser));
        return reader->broken = WR_ERR_LIMIT;
    }
    if (result == 0)
        return WR_ERR_TRUNCATED;
    *ret_value = reader_data(&reader->parser);
    reader_init(&reader->parser);
    reader->frame = 0;
    return WR_OK;
}

bool rpc_reader_broken_msgid(const rpc_reader *reader, uint32_t *ret_msgid) {
    if (reader->broken == WR_OK || reader->parser.top == 0)
        return false;
    const warren_value *frame = reader->parser.stack[0].obj;
    const warren_value *kind = warren_at(frame, 0), *msgid = warren_at(frame, 1);
    if (warren_get_uint(kind, 99) != RPC_REQUEST || warren_get_uint(msgid, UINT64_MAX) > UINT32_MAX)
        return false;
    *ret_msgid = (uint32_t)warren_get_uint(msgid, 0);
    return true;
}

/* ---- encoding -------------------------------------------------------------------------------- */

void rpc_bytes_wipe(rpc_bytes *bytes) {
    wr_wipe(bytes->ptr, bytes->len);
    free(bytes->ptr);
    *bytes = (rpc_bytes){0};
}

wr_err rpc_bytes_reserve(rpc_bytes *bytes, size_t more) {
    if (bytes->cap - bytes->len >= more)
        return WR_OK;
    if (more > SIZE_MAX / 4 || bytes->cap > SIZE_MAX / 4)
        return WR_ERR_LIMIT;
    size_t cap = bytes->cap * 2 > bytes->len + more ? bytes->cap * 2 : bytes->len + more;
    uint8_t *ptr = malloc(cap); /* realloc would leave a copy */
    if (!ptr)
        return WR_ERR_NOMEM;
    if (bytes->len > 0)
        memcpy(ptr, bytes->ptr, bytes->len);
    size_t len = bytes->len;
    rpc_bytes_wipe(bytes);
    *bytes = (rpc_bytes){ptr, len, cap};
    return WR_OK;
}

static int append(void *ctx, const char *data, size_t len) {
    rpc_bytes *out = ctx;
    if (rpc_bytes_reserve(out, len) != WR_OK)
        return -1;
    if (len > 0)
        memcpy(out->ptr + out->len, data, len);
    out->len += len;
    return 0;
}

static wr_err packed(int result) {
    return result == 0 ? WR_OK : WR_ERR_NOMEM;
}

static wr_err pack_value(msgpack_packer *to, const warren_value *value, unsigned depth);

static wr_err pack_items(msgpack_packer *to, const warren_value *value, size_t count,
                         unsigned depth) {
    for (size_t i = 0; i < count; i++)
        WR_TRY(pack_value(to, value->as.items[i], depth));
    return WR_OK;
}

static wr_err pack_value(msgpack_packer *to, const warren_value *value, unsigned depth) {
    if (depth > RPC_DEPTH_MAX)
        return WR_ERR_LIMIT;
    wr_slice bytes = value_slice(value);
    switch (warren_type_of(value)) {
    case WARREN_NIL:
        return packed(msgpack_pack_nil(to));
    case WARREN_BOOL:
        return packed(value->as.boolean ? msgpack_pack_true(to) : msgpack_pack_false(to));
    case WARREN_UINT:
        return packed(msgpack_pack_uint64(to, value->as.uint));
    case WARREN_INT:
        return packed(msgpack_pack_int64(to, value->as.sint));
    case WARREN_FLOAT:
        return packed(msgpack_pack_double(to, value->as.real));
    case WARREN_STR:
        return packed(msgpack_pack_str_with_body(to, bytes.ptr, bytes.len));
    case WARREN_BIN:
        return packed(msgpack_pack_bin_with_body(to, bytes.ptr, bytes.len));
    case WARREN_EXT:
        return packed(msgpack_pack_ext_with_body(to, bytes.ptr, bytes.len, value->ext_type));
    case WARREN_ARRAY:
        if (msgpack_pack_array(to, value->count) != 0)
            return WR_ERR_NOMEM;
        return pack_items(to, value, value->count, depth + 1);
    case WARREN_MAP:
        if (msgpack_pack_map(to, value->count) != 0)
            return WR_ERR_NOMEM;
        return pack_items(to, value, (size_t)value->count * 2, depth + 1);
    }
    return WR_ERR_FORMAT;
}

/* All or nothing: on failure out keeps its length. */
static wr_err finish(rpc_bytes *out, size_t before, wr_err err) {
    if (err == WR_OK && out->len - before > RPC_FRAME_BYTES_MAX)
        err = WR_ERR_LIMIT;
    if (err != WR_OK)
        out->len = before;
    return err;
}

wr_err rpc_encode(const warren_value *value, rpc_bytes *out) {
    size_t before = out->len;
    msgpack_packer to;
    msgpack_packer_init(&to, out, append);
    return finish(out, before, pack_value(&to, value, 0));
}

static wr_err pack_params(msgpack_packer *to, const warren_value *params) {
    if (msgpack_pack_array(to, 1) != 0)
        return WR_ERR_NOMEM;
    return params ? pack_value(to, params, 2) : packed(msgpack_pack_map(to, 0));
}

static wr_err pack_text(msgpack_packer *to, const char *text) {
    return packed(msgpack_pack_str_with_body(to, text, strlen(text)));
}

static wr_err pack_request(msgpack_packer *to, uint32_t msgid, const char *method,
                           const warren_value *params) {
    if (msgpack_pack_array(to, 4) != 0 || msgpack_pack_uint8(to, RPC_REQUEST) != 0 ||
        msgpack_pack_uint32(to, msgid) != 0)
        return WR_ERR_NOMEM;
    WR_TRY(pack_text(to, method));
    return pack_params(to, params);
}

wr_err rpc_encode_request(uint32_t msgid, const char *method, const warren_value *params,
                          rpc_bytes *out) {
    size_t before = out->len;
    msgpack_packer to;
    msgpack_packer_init(&to, out, append);
    return finish(out, before, pack_request(&to, msgid, method, params));
}

static wr_err pack_notification(msgpack_packer *to, const char *method,
                                const warren_value *params) {
    if (msgpack_pack_array(to, 3) != 0 || msgpack_pack_uint8(to, RPC_NOTIFICATION) != 0)
        return WR_ERR_NOMEM;
    WR_TRY(pack_text(to, method));
    return pack_params(to, params);
}

wr_err rpc_encode_notification(const char *method, const warren_value *params, rpc_bytes *out) {
    size_t before = out->len;
    msgpack_packer to;
    msgpack_packer_init(&to, out, append);
    return finish(out, before, pack_notification(&to, method, params));
}

static wr_err pack_response(msgpack_packer *to, uint32_t msgid, const char *error,
                            const warren_value *result) {
    if (msgpack_pack_array(to, 4) != 0 || msgpack_pack_uint8(to, RPC_RESPONSE) != 0 ||
        msgpack_pack_uint32(to, msgid) != 0)
        return WR_ERR_NOMEM;
    WR_TRY(error ? pack_text(to, error) : packed(msgpack_pack_nil(to)));
    return pack_value(to, error ? NULL : result, 1);
}

wr_err rpc_encode_response(uint32_t msgid, const char *error, const warren_value *result,
                           rpc_bytes *out) {
    size_t before = out->len;
    msgpack_packer to;
    msgpack_packer_init(&to, out, append);
    return finish(out, before, pack_response(&to, msgid, error, result));
}

/* ---- frame shapes ---- */

static wr_err not_a_frame(const char **ret_problem, const char *text) {
    *ret_problem = text;
    return WR_ERR_FORMAT;
}

static wr_err parse_call(const warren_value *method, const warren_value *params,
                         rpc_message *message, const char **ret_problem) {
    size_t len = 0;
    const char *name = warren_get_str(method, &len);
    if (warren_type_of(method) != WARREN_STR || strlen(name) != len)
        return not_a_frame(ret_problem, "the method must be a string");
    if (warren_type_of(params) != WARREN_ARRAY || warren_count(params) > 1)
        return not_a_frame(ret_problem, "the parameters must be an array of one map");
    const warren_value *map = warren_at(params, 0);
    if (warren_type_of(map) != WARREN_MAP && warren_type_of(map) != WARREN_NIL)
        return not_a_frame(ret_problem, "the parameters must be an array of one map");
    message->method = name;
    message->params = warren_type_of(map) == WARREN_MAP ? map : NULL;
    return WR_OK;
}

wr_err rpc_parse(const warren_value *frame, rpc_message *ret_message, const char **ret_problem) {
    *ret_message = (rpc_message){0};
    size_t count = warren_count(frame);
    uint64_t kind = warren_get_uint(warren_at(frame, 0), UINT64_MAX);
    if (kind > RPC_NOTIFICATION)
        return not_a_frame(ret_problem, "a frame must be an array that begins with 0, 1 or 2");
    ret_message->kind = (rpc_kind)kind;
    if (ret_message->kind == RPC_NOTIFICATION) {
        if (count != 3)
            return not_a_frame(ret_problem, "a notification has three items");
        return parse_call(warren_at(frame, 1), warren_at(frame, 2), ret_message, ret_problem);
    }
    uint64_t msgid = warren_get_uint(warren_at(frame, 1), UINT64_MAX);
    if (msgid > UINT32_MAX)
        return not_a_frame(ret_problem, "the message id must be a 32-bit unsigned number");
    ret_message->msgid = (uint32_t)msgid;
    ret_message->has_msgid = true;
    if (count != 4)
        return not_a_frame(ret_problem, "a request or response has four items");
    if (ret_message->kind == RPC_REQUEST)
        return parse_call(warren_at(frame, 2), warren_at(frame, 3), ret_message, ret_problem);
    const warren_value *error = warren_at(frame, 2);
    ret_message->error = warren_type_of(error) == WARREN_NIL ? NULL : error;
    ret_message->result = warren_at(frame, 3);
    return WR_OK;
}
