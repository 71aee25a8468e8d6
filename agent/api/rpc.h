/* MessagePack-RPC on bytes: values to bytes, a stream of bytes to values, the three frame shapes.
 *
 *   socket bytes -> rpc_reader_room, _filled -> rpc_reader_next -> value -> rpc_parse -> message
 *
 * A stranger's bytes decide how much memory is taken only up to the limits below: nothing is
 * allocated for a declared length before the bytes of it are there.
 *
 * Spec:   https://github.com/msgpack/msgpack/blob/master/spec.md, msgpack-rpc/spec.md
 * Layer:  api.  With value, shared by the agent's server and the client library.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_RPC_H
#define API_RPC_H

#include "api/value.h"
#include "base/base.h"

#define RPC_FRAME_BYTES_MAX (16u * 1024u * 1024u)
#define RPC_VALUES_MAX (1u << 20) /* nodes of one frame; 65,536 appended entries need 327,680 */
#define RPC_DEPTH_MAX 16u         /* arrays and maps within each other */

/* ---- one value ------------------------------------------------------------------- */

/* Decodes bytes that are one value, whole.
 *   TRUNCATED  the value is longer than bytes
 *   FORMAT     not MessagePack, or bytes follow the value
 *   LIMIT      too deep, too many values, too long
 *   NOMEM */
WR_MUST wr_err rpc_decode(wr_slice bytes, warren_value **ret_value);

/* Output that grows; start from {0}, end with rpc_bytes_wipe. */
typedef struct rpc_bytes {
    uint8_t *ptr;
    size_t len;
    size_t cap;
} rpc_bytes;
void rpc_bytes_wipe(rpc_bytes *bytes);
WR_MUST wr_err rpc_bytes_reserve(rpc_bytes *bytes, size_t more);

/* Each appends to out: the shortest encodings.  LIMIT (too deep, or the frame would be over
 * RPC_FRAME_BYTES_MAX), NOMEM: out is as it was. */
WR_MUST wr_err rpc_encode(const warren_value *value, rpc_bytes *out);
/* params NULL: an empty map.  It goes as the only item of the array of parameters. */
WR_MUST wr_err rpc_encode_request(uint32_t msgid, const char *method, const warren_value *params,
                                  rpc_bytes *out);
WR_MUST wr_err rpc_encode_notification(const char *method, const warren_value *params,
                                       rpc_bytes *out);
/* error NULL: success with result; otherwise result goes as nil. */
WR_MUST wr_err rpc_encode_response(uint32_t msgid, const char *error, const warren_value *result,
                                   rpc_bytes *out);

/* ---- a stream of frames -------------------------------------------------------------- */

typedef struct rpc_reader rpc_reader;
WR_MUST wr_err rpc_reader_new(rpc_reader **ret_reader);
void rpc_reader_free(rpc_reader *reader); /* NULL is fine */
/* Where the next bytes of the stream go: at least 1 byte of room, cap 0 only when memory is out.
 * Fill some of it, then say how many. */
wr_buf rpc_reader_room(rpc_reader *reader);
void rpc_reader_filled(rpc_reader *reader, size_t len);
/* The next whole value.  TRUNCATED: more bytes are needed.  After FORMAT, LIMIT or NOMEM the
 * stream is lost and the reader gives the same error for ever. */
WR_MUST wr_err rpc_reader_next(rpc_reader *reader, warren_value **ret_value);
/* After a failure: the number of the request that was being read, if it was far enough. */
WR_MUST bool rpc_reader_broken_msgid(const rpc_reader *reader, uint32_t *ret_msgid);

/* ---- frame shapes --------------------------------------------------------------------- */

typedef enum rpc_kind { RPC_REQUEST = 0, RPC_RESPONSE = 1, RPC_NOTIFICATION = 2 } rpc_kind;

typedef struct rpc_message { /* borrows from the frame it was parsed from */
    rpc_kind kind;
    bool has_msgid; /* also set where the rest is malformed, so that it can be answered */
    uint32_t msgid;
    const char *method;
    const warren_value *params; /* a map, or NULL for none */
    const warren_value *error;  /* NULL: success */
    const warren_value *result;
} rpc_message;

/* FORMAT: not a frame; *ret_problem says in which way, ret_message->has_msgid whether it can be
 * answered (the one case where a result is written on failure). */
WR_MUST wr_err rpc_parse(const warren_value *frame, rpc_message *ret_message,
                         const char **ret_problem);

#endif /* API_RPC_H */
