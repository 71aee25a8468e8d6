/* Canonical msgpack: the one encoding of everything that is signed or hashed.
 *
 * Arrays (positional), unsigned integers and bin only, each in its shortest form; no trailing
 * bytes, depth at most WR_OP_DEPTH_MAX.  The reader is strict, so a structure that it accepts
 * re-encodes to the very same bytes; hashes and signatures cover the bytes as received.
 *
 * Spec:   proto/spec/wire.md 1
 * Layer:  wire.  The only door to msgpack-c in the core; no allocation.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_WIRE_PACK_H
#define WR_WIRE_PACK_H

#include "base/base.h"

/* Writers append to out.  NOBUF: nothing was appended by this call. */
WR_MUST wr_err wr_pack_array(wr_buf *out, uint32_t count);
WR_MUST wr_err wr_pack_uint(wr_buf *out, uint64_t value);
WR_MUST wr_err wr_pack_bin(wr_buf *out, wr_slice bytes);

/* Readers take one item off the front of in.
 *   TRUNCATED  in ends before the item does
 *   FORMAT     another type, or not the shortest encoding
 * On error in is unchanged. */
WR_MUST wr_err wr_unpack_array(wr_slice *in, uint32_t *ret_count);
/* An array of exactly count items; FORMAT otherwise. */
WR_MUST wr_err wr_unpack_array_of(wr_slice *in, uint32_t count);
WR_MUST wr_err wr_unpack_uint(wr_slice *in, uint64_t *ret_value);
/* LIMIT if the value is above max. */
WR_MUST wr_err wr_unpack_uint_max(wr_slice *in, uint64_t max, uint64_t *ret_value);
WR_MUST wr_err wr_unpack_bin(wr_slice *in, wr_slice *ret_bytes);
/* A bin of exactly size bytes, copied to out; FORMAT otherwise. */
WR_MUST wr_err wr_unpack_fixed(wr_slice *in, void *out, size_t size);
/* Takes one whole item of any allowed type, nested to at most depth, and returns its bytes. */
WR_MUST wr_err wr_unpack_item(wr_slice *in, unsigned depth, wr_slice *ret_item);
/* OK iff in is exactly one canonical item (depth <= WR_OP_DEPTH_MAX) without trailing bytes. */
WR_MUST wr_err wr_unpack_check(wr_slice in);

#endif /* WR_WIRE_PACK_H */
