/* Bytes as text and back: hex, base32, base64; what a name may hold; Padmé sizes.
 *
 * The encodings take the same time for all contents of one length, so secrets may pass through
 * them.  They are strict: one text per byte string, except that hex reads both cases.
 *
 * Layer:  base
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_BASE_TEXT_H
#define WR_BASE_TEXT_H

#include "base/base.h"

#define WR_HEX_SIZE(bytes) (2u * (bytes))
#define WR_BASE32_SIZE(bytes) (((bytes)*8u + 4u) / 5u)
#define WR_BASE64_SIZE(bytes) (((bytes) + 2u) / 3u * 4u)

/* Each appends to out, without a final NUL.
 *   NOBUF   out is too small; nothing appended */
WR_MUST wr_err wr_hex_encode(wr_slice bytes, wr_buf *out);    /* lower case */
WR_MUST wr_err wr_base32_encode(wr_slice bytes, wr_buf *out); /* RFC 4648, lower case, unpadded */
WR_MUST wr_err wr_base64_encode(wr_slice bytes, wr_buf *out); /* RFC 4648, padded */

/* Each appends to out.
 *   FORMAT  a foreign character, an impossible length, or unused bits that are not zero
 *   NOBUF   out is too small
 * On error out->len has not changed and the room behind it is wiped as far as it was used. */
WR_MUST wr_err wr_hex_decode(wr_slice text, wr_buf *out);
WR_MUST wr_err wr_base32_decode(wr_slice text, wr_buf *out);
WR_MUST wr_err wr_base64_decode(wr_slice text, wr_buf *out);

/* Shortest forms only, no surrogates, nothing above U+10FFFF.  For public text. */
WR_MUST bool wr_text_is_utf8(wr_slice text);
/* A device, log or key name: UTF-8 of 1 to WR_NAME_BYTES_MAX bytes without control characters,
 * not starting with '-' (it would read as an option). */
WR_MUST bool wr_text_is_name(wr_slice text);

/* The Padmé size of len bytes, at least min: overhead under 12 %, leaks O(log log len) bits.
 * len is at most SIZE_MAX / 2. */
size_t wr_padme(size_t len, size_t min);

#endif /* WR_BASE_TEXT_H */
