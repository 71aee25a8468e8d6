/* Entry header and leaf, body sealing, segments: both directions side by side.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/entry.h"

#include "base/text.h"
#include "wire/pack.h"

#define ENTRY_VERSION 1u

/* Bits of an encoded entry's form byte: which optional fields follow. */
enum { FORM_ERASED = 1, FORM_EXPIRE = 2, FORM_LOG = 4, FORM_STEP = 8, FORM_ALL = 15 };

/* ---- header and leaf ------------------------------------------------------------ */

static void header_encode(const wr_entry *entry, uint8_t hdr[WR_ENTRY_HEADER_SIZE]) {
    hdr[0] = ENTRY_VERSION;
    hdr[1] = entry->kind;
    wr_store_u16(hdr + 2, entry->log_no);
    wr_store_u32(hdr + 4, entry->body_len);
    wr_store_u64(hdr + 8, entry->seq);
    wr_store_u64(hdr + 16, entry->hlc);
    memcpy(hdr + 24, entry->epoch_tag, WR_EPOCH_TAG_SIZE);
    memcpy(hdr + 32, entry->nonce, WR_XNONCE_SIZE);
    wr_store_u64(hdr + 56, entry->expire);
}

wr_hash wr_entry_leaf(const wr_hash *feed_id, const wr_entry *entry) {
    uint8_t block[WR_HASH_SIZE + WR_ENTRY_HEADER_SIZE];
    _Static_assert(sizeof block == 128, "feed id and header fill one BLAKE2b block");
    wr_hash body = entry->erased ? entry->body_hash : wr_hash_of(WR_LABEL_BODY, entry->body);
    memcpy(block, feed_id->b, WR_HASH_SIZE);
    header_encode(entry, block + WR_HASH_SIZE);
    memcpy(block + WR_HASH_SIZE + 64, body.b, WR_HASH_SIZE);
    return wr_hash_of(WR_LABEL_LEAF, wr_slice_of(block, sizeof block));
}

/* ---- bodies ----------------------------------------------------------------------- */

#define AAD_SIZE (WR_HASH_SIZE + WR_HASH_SIZE + 32u + 8u)

/* aad = feed_id || epoch_id || header[0:32] || expire
 * spec:feed#3.3 "The additional data MUST hold the full epoch id, since the tag in the header only
 * selects one." */
static void aad_encode(const wr_hash *feed_id, const wr_hash *epoch_id, const wr_entry *entry,
                       uint8_t aad[AAD_SIZE]) {
    uint8_t hdr[WR_ENTRY_HEADER_SIZE];
    header_encode(entry, hdr);
    memcpy(aad, feed_id->b, WR_HASH_SIZE);
    memcpy(aad + 32, epoch_id->b, WR_HASH_SIZE);
    memcpy(aad + 64, hdr, 32);
    memcpy(aad + 96, hdr + 56, 8);
}

size_t wr_entry_sealed_len(size_t content_len) {
    return wr_padme(content_len + 1, WR_PAD_ENTRY_MIN) + WR_TAG_SIZE;
}

wr_err wr_entry_seal(const wr_feed_keys *keys, const wr_hash *feed_id, const wr_hash *epoch_id,
                     const wr_rng *rng, wr_slice content, wr_entry *entry, wr_buf *out) {
    if (content.len > WR_CONTENT_BYTES_MAX)
        return WR_ERR_LIMIT;
    size_t sealed_len = wr_entry_sealed_len(content.len), padded = sealed_len - WR_TAG_SIZE;
    if (wr_buf_room(out) < sealed_len)
        return WR_ERR_NOBUF;

    /* The padded plaintext is built where the ciphertext will stand, and sealed in place. */
    uint8_t *plain = out->ptr + out->len;
    if (content.len != 0)
        memcpy(plain, content.ptr, content.len);
    plain[content.len] = 0x80;
    memset(plain + content.len + 1, 0, padded - content.len - 1);

    entry->erased = false;
    entry->body_len = (uint32_t)sealed_len;
    uint8_t aad[AAD_SIZE], fresh[16];
    aad_encode(feed_id, epoch_id, entry, aad);
    wr_rng_fill(rng, fresh, sizeof fresh);
    /* spec:feed#3.2 "The nonce of an entry MUST be made of fresh random bytes and of all that is
     * sealed." */
    const wr_slice parts[] = {wr_slice_of(fresh, sizeof fresh), wr_slice_of(aad, sizeof aad),
                              wr_slice_of(plain, padded)};
    wr_siv_nonce(&keys->siv, parts, WR_COUNT(parts), entry->nonce);
    entry->body = wr_slice_of(plain, sealed_len);
    return wr_xaead_seal(&keys->enc, entry->nonce, wr_slice_of(aad, sizeof aad),
                         wr_slice_of(plain, padded), out);
}

/* Strips 0x80 and the zeros after it; the padding is authenticated, so this cannot be probed. */
static bool unpad(wr_slice plain, size_t *ret_len) {
    size_t len = plain.len;
    while (len > 0 && plain.ptr[len - 1] == 0)
        len--;
    if (len == 0 || plain.ptr[len - 1] != 0x80)
        return false;
    *ret_len = len - 1;
    return true;
}

wr_err wr_entry_open(const wr_feed_keys *keys, const wr_hash *feed_id, const wr_hash *epoch_id,
                     const wr_entry *entry, wr_buf *out) {
    if (entry->erased)
        return WR_ERR_UNKNOWN;
    if (entry->body.len < WR_TAG_SIZE || entry->body.len != entry->body_len)
        return WR_ERR_AUTH;
    uint8_t aad[AAD_SIZE];
    aad_encode(feed_id, epoch_id, entry, aad);
    wr_buf plain = wr_buf_of(out->ptr + out->len, wr_buf_room(out));
    WR_TRY(
        wr_xaead_open(&keys->enc, entry->nonce, wr_slice_of(aad, sizeof aad), entry->body, &plain));
    size_t len;
    /* spec:feed#3.4 "Wrong padding inside an authentic ciphertext MUST give the same error as a
     * wrong tag." */
    if (!unpad(wr_buf_slice(&plain), &len)) {
        wr_wipe(plain.ptr, plain.len);
        return WR_ERR_AUTH;
    }
    out->len += len;
    return WR_OK;
}

wr_err wr_content_encode(wr_slice kind, wr_slice body, wr_buf *out, uint8_t *ret_flags) {
    if (body.len > WR_BODY_BYTES_MAX || kind.len > WR_NAME_BYTES_MAX)
        return WR_ERR_LIMIT;
    if (kind.len == 0) {
        WR_TRY(wr_buf_put(out, body));
        *ret_flags = 0;
        return WR_OK;
    }
    wr_buf next = *out;
    WR_TRY(wr_pack_array(&next, 2));
    WR_TRY(wr_pack_bin(&next, kind));
    WR_TRY(wr_pack_bin(&next, body));
    *out = next;
    *ret_flags = WR_ENTRY_HAS_APP_KIND;
    return WR_OK;
}

wr_err wr_content_decode(uint8_t entry_kind, wr_slice content, wr_slice *ret_kind,
                         wr_slice *ret_body) {
    if (!(entry_kind & WR_ENTRY_HAS_APP_KIND)) {
        *ret_kind = WR_SLICE_EMPTY;
        *ret_body = content;
        return WR_OK;
    }
    wr_slice kind, body;
    WR_TRY(wr_unpack_array_of(&content, 2));
    WR_TRY(wr_unpack_bin(&content, &kind));
    WR_TRY(wr_unpack_bin(&content, &body));
    if (content.len != 0 || kind.len == 0 || kind.len > WR_NAME_BYTES_MAX)
        return WR_ERR_FORMAT;
    *ret_kind = kind;
    *ret_body = body;
    return WR_OK;
}

/* ---- segments ----------------------------------------------------------------------- */

wr_err wr_segment_begin(wr_segment_writer *writer, wr_buf *out,
                        const uint8_t epoch_tag[WR_EPOCH_TAG_SIZE], uint64_t hlc) {
    if (wr_buf_room(out) < WR_SEGMENT_HEADER_SIZE)
        return WR_ERR_NOBUF;
    *writer = (wr_segment_writer){.out = out, .at = out->len, .hlc = hlc};
    uint8_t *header = out->ptr + out->len;
    memcpy(header, epoch_tag, WR_EPOCH_TAG_SIZE);
    wr_store_u64(header + 8, hlc);
    memset(header + 16, 0, 6); /* count and length: wr_segment_end */
    out->len += WR_SEGMENT_HEADER_SIZE;
    return WR_OK;
}

wr_err wr_segment_add(wr_segment_writer *writer, const wr_entry *entry) {
    WR_ASSERT(writer->count == 0 ? entry->hlc == writer->hlc : entry->hlc > writer->hlc);
    WR_ASSERT(writer->count < WR_CHUNK_ENTRIES);
    uint64_t step = entry->hlc - writer->hlc;
    unsigned form = 0;
    form |= entry->erased ? FORM_ERASED : 0u;
    form |= entry->expire != 0 ? FORM_EXPIRE : 0u;
    form |= entry->log_no != writer->log_no ? FORM_LOG : 0u;
    form |= writer->count != 0 && step != 1 ? FORM_STEP : 0u;

    wr_buf next = *writer->out;
    WR_TRY(wr_buf_put_u8(&next, (uint8_t)form));
    WR_TRY(wr_buf_put_u8(&next, entry->kind));
    if (form & FORM_LOG)
        WR_TRY(wr_buf_put_varint(&next, entry->log_no));
    if (form & FORM_STEP)
        WR_TRY(wr_buf_put_varint(&next, step));
    if (form & FORM_EXPIRE)
        WR_TRY(wr_buf_put_u64(&next, entry->expire));
    WR_TRY(wr_buf_put_varint(&next, entry->body_len));
    WR_TRY(wr_buf_put(&next, wr_slice_of(entry->nonce, WR_XNONCE_SIZE)));
    WR_TRY(wr_buf_put(&next, entry->erased ? WR_SLICE_OBJ(entry->body_hash) : entry->body));

    *writer->out = next;
    writer->count++;
    writer->log_no = entry->log_no;
    writer->hlc = entry->hlc;
    return WR_OK;
}

void wr_segment_end(wr_segment_writer *writer) {
    WR_ASSERT(writer->count > 0);
    uint8_t *header = writer->out->ptr + writer->at;
    wr_store_u16(header + 16, (uint16_t)writer->count);
    wr_store_u32(header + 18, (uint32_t)(writer->out->len - writer->at - WR_SEGMENT_HEADER_SIZE));
}

wr_err wr_segment_pass(wr_slice *in, uint8_t ret_epoch_tag[WR_EPOCH_TAG_SIZE],
                       uint32_t *ret_count) {
    wr_slice rest = *in, tag, entries;
    uint64_t hlc;
    uint16_t count;
    uint32_t len;
    if (!wr_slice_take(&rest, WR_EPOCH_TAG_SIZE, &tag) || !wr_slice_take_u64(&rest, &hlc) ||
        !wr_slice_take_u16(&rest, &count) || !wr_slice_take_u32(&rest, &len) ||
        !wr_slice_take(&rest, len, &entries))
        return WR_ERR_TRUNCATED;
    if (count == 0)
        return WR_ERR_FORMAT;
    memcpy(ret_epoch_tag, tag.ptr, WR_EPOCH_TAG_SIZE);
    *ret_count = count;
    *in = rest;
    return WR_OK;
}

void wr_segment_reader_init(wr_segment_reader *reader, wr_slice bytes, uint64_t first_seq) {
    *reader = (wr_segment_reader){.in = bytes, .seq = first_seq};
}

static wr_err next_segment(wr_segment_reader *reader) {
    wr_slice tag, entries;
    uint64_t hlc;
    uint16_t count;
    uint32_t len;
    if (!wr_slice_take(&reader->in, WR_EPOCH_TAG_SIZE, &tag) ||
        !wr_slice_take_u64(&reader->in, &hlc) || !wr_slice_take_u16(&reader->in, &count) ||
        !wr_slice_take_u32(&reader->in, &len) || !wr_slice_take(&reader->in, len, &entries))
        return WR_ERR_TRUNCATED;
    /* spec:feed#2.3 "A segment MUST hold at least one entry and MUST NOT cross a chunk border." */
    if (count == 0 || reader->seq % WR_CHUNK_ENTRIES + count > WR_CHUNK_ENTRIES)
        return WR_ERR_FORMAT;
    memcpy(reader->epoch_tag, tag.ptr, WR_EPOCH_TAG_SIZE);
    reader->entries = entries;
    reader->left = count;
    reader->log_no = 0;
    reader->hlc = hlc;
    reader->first = true;
    return WR_OK;
}

/* spec:feed#2.2 "An entry MUST be read in its one encoding only: a field is there exactly if it
 * says something new, and numbers are in their shortest form." */
static wr_err read_fields(wr_segment_reader *reader, unsigned form, wr_entry *entry) {
    entry->log_no = reader->log_no;
    if (form & FORM_LOG) {
        uint64_t log_no;
        if (!wr_slice_take_varint(&reader->entries, &log_no))
            return WR_ERR_TRUNCATED;
        if (log_no > WR_LOGS_MAX || log_no == reader->log_no)
            return WR_ERR_FORMAT;
        entry->log_no = (uint16_t)log_no;
    }
    uint64_t step = reader->first ? 0 : 1;
    if (form & FORM_STEP) {
        if (!wr_slice_take_varint(&reader->entries, &step))
            return WR_ERR_TRUNCATED;
        if (reader->first || step < 2)
            return WR_ERR_FORMAT;
    }
    if (step > UINT64_MAX - reader->hlc)
        return WR_ERR_FORMAT;
    entry->hlc = reader->hlc + step;
    entry->expire = 0;
    if (form & FORM_EXPIRE) {
        if (!wr_slice_take_u64(&reader->entries, &entry->expire))
            return WR_ERR_TRUNCATED;
        if (entry->expire == 0)
            return WR_ERR_FORMAT;
    }
    return WR_OK;
}

static wr_err read_body(wr_segment_reader *reader, unsigned form, wr_entry *entry) {
    uint64_t body_len;
    wr_slice nonce, body;
    if (!wr_slice_take_varint(&reader->entries, &body_len))
        return WR_ERR_TRUNCATED;
    if (body_len > WR_ENTRY_BYTES_MAX - WR_ENTRY_FIELDS_MAX || body_len < WR_TAG_SIZE)
        return WR_ERR_LIMIT;
    entry->erased = (form & FORM_ERASED) != 0;
    entry->body_len = (uint32_t)body_len;
    if (!wr_slice_take(&reader->entries, WR_XNONCE_SIZE, &nonce) ||
        !wr_slice_take(&reader->entries, entry->erased ? WR_HASH_SIZE : (size_t)body_len, &body))
        return WR_ERR_TRUNCATED;
    memcpy(entry->nonce, nonce.ptr, WR_XNONCE_SIZE);
    entry->body = entry->erased ? WR_SLICE_EMPTY : body;
    if (entry->erased)
        memcpy(entry->body_hash.b, body.ptr, WR_HASH_SIZE);
    return WR_OK;
}

wr_err wr_segment_next(wr_segment_reader *reader, wr_entry *ret_entry, bool *ret_more) {
    if (reader->left == 0) {
        if (reader->in.len == 0) {
            *ret_more = false;
            return WR_OK;
        }
        WR_TRY(next_segment(reader));
    }
    uint8_t form;
    wr_entry entry;
    if (!wr_slice_take_u8(&reader->entries, &form) ||
        !wr_slice_take_u8(&reader->entries, &entry.kind))
        return WR_ERR_TRUNCATED;
    if (form > FORM_ALL)
        return WR_ERR_FORMAT;
    WR_TRY(read_fields(reader, form, &entry));
    WR_TRY(read_body(reader, form, &entry));
    entry.seq = reader->seq;
    memcpy(entry.epoch_tag, reader->epoch_tag, WR_EPOCH_TAG_SIZE);

    reader->left--;
    if (reader->left == 0 && reader->entries.len != 0) /* bytes that belong to no entry */
        return WR_ERR_FORMAT;
    reader->seq++;
    reader->first = false;
    reader->log_no = entry.log_no;
    reader->hlc = entry.hlc;
    *ret_entry = entry;
    *ret_more = true;
    return WR_OK;
}
