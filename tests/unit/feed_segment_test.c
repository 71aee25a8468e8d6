/* Segments: one encoding per run of entries, and no other is read.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

static holder writer_holder;
static uint8_t first_bytes[1024 * 1024], again_bytes[1024 * 1024];
static const uint8_t tag[WR_EPOCH_TAG_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};

/* Reads all; the error of the first bad entry. */
static wr_err read_all(wr_slice bytes, uint64_t first_seq, uint32_t *ret_count) {
    wr_segment_reader reader;
    wr_segment_reader_init(&reader, bytes, first_seq);
    for (*ret_count = 0;; ++*ret_count) {
        wr_entry entry;
        bool more;
        WR_TRY(wr_segment_next(&reader, &entry, &more));
        if (!more)
            return WR_OK;
    }
}

static void expect(wr_slice bytes, uint64_t first_seq, wr_err want) {
    uint32_t count;
    T_ERR(read_all(bytes, first_seq, &count), want);
}

/* A segment with given entry bytes. */
static wr_slice segment(uint64_t hlc, uint16_t count, wr_slice entries) {
    wr_buf out = WR_BUF_ARRAY(first_bytes);
    T_OK(wr_buf_put(&out, wr_slice_of(tag, sizeof tag)));
    T_OK(wr_buf_put_u64(&out, hlc));
    T_OK(wr_buf_put_u16(&out, count));
    T_OK(wr_buf_put_u32(&out, (uint32_t)entries.len));
    T_OK(wr_buf_put(&out, entries));
    return wr_buf_slice(&out);
}

#define BODY_LEN 16u
/* form, kind and optional fields as given, then the shortest body. */
static void put_entry(wr_buf *out, wr_slice fields, bool erased) {
    T_OK(wr_buf_put(out, fields));
    T_OK(wr_buf_put_u8(out, BODY_LEN));
    T_OK(wr_buf_put_zeros(out, WR_XNONCE_SIZE + (erased ? WR_HASH_SIZE : BODY_LEN)));
}
#define BYTES(...)                                                                                 \
    wr_slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* One segment of an entry with each of the given fields. */
static wr_slice segment_of(const wr_slice *fields, uint16_t count) {
    static uint8_t bytes[4096];
    wr_buf out = WR_BUF_ARRAY(bytes);
    for (uint16_t i = 0; i < count; i++)
        put_entry(&out, fields[i], (fields[i].ptr[0] & 1) != 0);
    return segment(1000, count, wr_buf_slice(&out));
}

static void the_fields_stand_where_the_specification_says(void **state) {
    (void)state;
    uint8_t body[20];
    memset(body, 0xbb, sizeof body);
    wr_entry entry = {.kind = 0x80,
                      .log_no = 300,
                      .hlc = 0x0102030405060708,
                      .expire = 0x1112131415161718,
                      .body_len = sizeof body,
                      .body = wr_slice_of(body, sizeof body)};
    memset(entry.nonce, 0xaa, sizeof entry.nonce);
    wr_segment_writer writer;
    wr_buf out = WR_BUF_ARRAY(first_bytes);
    T_OK(wr_segment_begin(&writer, &out, tag, entry.hlc));
    T_OK(wr_segment_add(&writer, &entry));
    entry.hlc += 200;
    entry.expire = 0;
    entry.erased = true;
    entry.body_hash = t_hash(0xcc);
    T_OK(wr_segment_add(&writer, &entry));
    entry.hlc += 1;
    entry.log_no = 0;
    entry.erased = false;
    T_OK(wr_segment_add(&writer, &entry));
    wr_segment_end(&writer);

    uint8_t want[256];
    wr_buf by_hand = WR_BUF_ARRAY(want);
    T_OK(wr_buf_put(&by_hand, BYTES(1, 2, 3, 4, 5, 6, 7, 8)));
    T_OK(wr_buf_put(&by_hand, BYTES(1, 2, 3, 4, 5, 6, 7, 8, 0, 3, 0, 0, 0, 57 + 61 + 48)));
    T_OK(wr_buf_put(
        &by_hand, BYTES(2 | 4, 0x80, 0xac, 2, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 20)));
    T_OK(wr_buf_put(&by_hand, wr_slice_of(entry.nonce, sizeof entry.nonce)));
    T_OK(wr_buf_put(&by_hand, wr_slice_of(body, sizeof body)));
    T_OK(wr_buf_put(&by_hand, BYTES(1 | 8, 0x80, 0xc8, 1, 20)));
    T_OK(wr_buf_put(&by_hand, wr_slice_of(entry.nonce, sizeof entry.nonce)));
    T_OK(wr_buf_put(&by_hand, WR_SLICE_OBJ(entry.body_hash)));
    T_OK(wr_buf_put(&by_hand, BYTES(4, 0x80, 0, 20)));
    T_OK(wr_buf_put(&by_hand, wr_slice_of(entry.nonce, sizeof entry.nonce)));
    T_OK(wr_buf_put(&by_hand, wr_slice_of(body, sizeof body)));
    T_SLICE(wr_buf_slice(&out), wr_buf_slice(&by_hand));
}

static void what_is_read_encodes_to_the_same_bytes(void **state) {
    (void)state;
    holder *h = &writer_holder;
    for (uint64_t first = 0; first < h->feed.tree.len; first += 173) {
        uint64_t end = first + 173 < h->feed.tree.len ? first + 173 : h->feed.tree.len;
        wr_buf once = WR_BUF_ARRAY(first_bytes), again = WR_BUF_ARRAY(again_bytes);
        holder_encode(h, first, end, &once);
        wr_segment_reader reader;
        wr_segment_writer writer;
        bool more, open = false;
        wr_segment_reader_init(&reader, wr_buf_slice(&once), first);
        for (uint64_t seq = first;; seq++) {
            wr_entry entry;
            bool starts = reader.left == 0;
            T_OK(wr_segment_next(&reader, &entry, &more));
            if (starts && open)
                wr_segment_end(&writer);
            if (!more)
                break;
            T_EQ(entry.seq, seq);
            if (starts)
                T_OK(wr_segment_begin(&writer, &again, entry.epoch_tag, entry.hlc));
            open = true;
            T_OK(wr_segment_add(&writer, &entry));
            wr_hash leaf = wr_entry_leaf(&h->feed.feed_id, &entry);
            T_MEM(leaf.b, h->nodes[0][seq].b, sizeof leaf.b);
        }
        T_SLICE(wr_buf_slice(&again), wr_buf_slice(&once));
    }
}

/* A cut between two segments leaves fewer entries, which the unit's own count notices. */
static void a_cut_at_any_byte_is_noticed(void **state) {
    (void)state;
    wr_buf out = WR_BUF_ARRAY(first_bytes);
    holder_encode(&writer_holder, 0, 6, &out);
    for (size_t len = 1; len < out.len; len++) {
        uint32_t count;
        wr_err err = read_all(wr_slice_of(first_bytes, len), 0, &count);
        T_TRUE(count < 6);
        if (err != WR_OK)
            T_ERR(err, WR_ERR_TRUNCATED);
    }
}

/* spec:feed#2.2 type=test "An entry MUST be read in its one encoding only: a field is there exactly
 * if it says something new, and numbers are in their shortest form." */
static void an_entry_that_says_more_than_it_must_is_refused(void **state) {
    (void)state;
    uint32_t count;
    const wr_slice good[] = {BYTES(0, 0),    BYTES(0, 0), BYTES(8, 0, 2),
                             BYTES(4, 0, 1), BYTES(1, 0), BYTES(2, 0, 0, 0, 0, 0, 0, 0, 0, 1)};
    T_OK(read_all(segment_of(good, WR_COUNT(good)), 0, &count));
    T_EQ(count, WR_COUNT(good));
    static const struct {
        uint8_t len, bytes[12];
        wr_err want;
    } bad_second[] = {
        {3, {8, 0, 0}, WR_ERR_FORMAT},                       /* a clock that stands still */
        {3, {8, 0, 1}, WR_ERR_FORMAT},                       /* the step that needs no saying */
        {4, {8, 0, 0x82, 0}, WR_ERR_TRUNCATED},              /* 2 in two bytes */
        {3, {4, 0, 0}, WR_ERR_FORMAT},                       /* the log it is in */
        {4, {4, 0, 0x81, 0}, WR_ERR_TRUNCATED},              /* 1 in two bytes */
        {5, {4, 0, 0x80, 0x80, 4}, WR_ERR_FORMAT},           /* log 65536 */
        {10, {2, 0, 0, 0, 0, 0, 0, 0, 0, 0}, WR_ERR_FORMAT}, /* expires at 0: never */
        {2, {16, 0}, WR_ERR_FORMAT},                         /* forms of the future */
        {2, {0x80, 0}, WR_ERR_FORMAT},
    };
    for (size_t i = 0; i < WR_COUNT(bad_second); i++) {
        wr_slice bad = wr_slice_of(bad_second[i].bytes, bad_second[i].len);
        const wr_slice pair[] = {BYTES(0, 0), bad};
        expect(segment_of(pair, 2), 0, bad_second[i].want);
    }
    const wr_slice stepped_first[] = {BYTES(8, 0, 2)};
    expect(segment_of(stepped_first, 1), 0, WR_ERR_FORMAT);
}

static void a_body_length_in_a_longer_form_or_out_of_range_is_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t len, bytes[4];
        wr_err want;
    } lengths[] = {
        {2, {0x90, 0}, WR_ERR_TRUNCATED}, /* 16 in two bytes */
        {1, {15}, WR_ERR_LIMIT},          /* no room for a tag */
        {1, {0}, WR_ERR_LIMIT},
        {3, {0xc1, 0xbf, 4}, WR_ERR_LIMIT},     /* one above WR_ENTRY_BYTES_MAX - 64 */
        {3, {0xc0, 0xbf, 4}, WR_ERR_TRUNCATED}, /* the longest one, but it is not here */
    };
    for (size_t i = 0; i < WR_COUNT(lengths); i++) {
        uint8_t bytes[128];
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_buf_put(&out, BYTES(0, 0)));
        T_OK(wr_buf_put(&out, wr_slice_of(lengths[i].bytes, lengths[i].len)));
        T_OK(wr_buf_put_zeros(&out, WR_XNONCE_SIZE + BODY_LEN));
        expect(segment(1, 1, wr_buf_slice(&out)), 0, lengths[i].want);
    }
    T_EQ(WR_ENTRY_BYTES_MAX - WR_ENTRY_FIELDS_MAX, 0x40 + 0x3f * 128 + 4 * 16384);
}

static void a_clock_that_would_wrap_is_refused(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_buf out = WR_BUF_ARRAY(bytes);
    put_entry(&out, BYTES(0, 0), false);
    put_entry(&out, BYTES(0, 0), false);
    expect(segment(UINT64_MAX, 2, wr_buf_slice(&out)), 0, WR_ERR_FORMAT);
    expect(segment(UINT64_MAX - 1, 2, wr_buf_slice(&out)), 0, WR_OK);
}

/* An entry's end is where its segment's is, whatever field it is in the middle of. */
static void an_entry_does_not_go_on_behind_its_segment(void **state) {
    (void)state;
    uint8_t bytes[256];
    static const uint8_t expires[] = {2, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    for (size_t len = 2; len <= sizeof expires; len++) {
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_buf_put(&out, wr_slice_of(expires, len)));
        expect(segment(1000, 1, wr_buf_slice(&out)), 0, WR_ERR_TRUNCATED);
    }
}

/* spec:feed#2.3 type=test "A segment MUST hold at least one entry and MUST NOT cross a chunk
 * border." */
static void a_segment_is_not_empty_and_ends_at_the_chunk_border(void **state) {
    (void)state;
    const wr_slice three[] = {BYTES(0, 0), BYTES(0, 0), BYTES(0, 0)};
    expect(segment(5, 0, WR_SLICE_EMPTY), 0, WR_ERR_FORMAT);
    expect(segment_of(three, 3), 0, WR_OK);
    expect(segment_of(three, 3), 1021, WR_OK);
    expect(segment_of(three, 3), 1022, WR_ERR_FORMAT);
    expect(segment_of(three, 3), 1023, WR_ERR_FORMAT);
    expect(segment_of(three, 3), 1024, WR_OK);
    expect(segment_of(three, 3), 1024 * 7 + 1023, WR_ERR_FORMAT);
}

static void count_and_length_agree_with_the_entries(void **state) {
    (void)state;
    uint8_t bytes[256];
    wr_buf out = WR_BUF_ARRAY(bytes);
    put_entry(&out, BYTES(0, 0), false);
    put_entry(&out, BYTES(0, 0), false);
    expect(segment(1, 2, wr_buf_slice(&out)), 0, WR_OK);
    expect(segment(1, 1, wr_buf_slice(&out)), 0, WR_ERR_FORMAT);
    expect(segment(1, 3, wr_buf_slice(&out)), 0, WR_ERR_TRUNCATED);
    T_OK(wr_buf_put_u8(&out, 0));
    expect(segment(1, 2, wr_buf_slice(&out)), 0, WR_ERR_FORMAT);
}

static void a_writer_without_room_adds_nothing(void **state) {
    (void)state;
    wr_entry entry = writer_holder.entries[0];
    wr_segment_writer writer;
    wr_buf out = WR_BUF_ARRAY(first_bytes);
    T_OK(wr_segment_begin(&writer, &out, entry.epoch_tag, entry.hlc));
    T_OK(wr_segment_add(&writer, &entry));
    size_t whole = out.len;
    for (size_t room = 0; room < whole; room++) {
        out = wr_buf_of(again_bytes, room);
        if (room < WR_SEGMENT_HEADER_SIZE) {
            T_ERR(wr_segment_begin(&writer, &out, entry.epoch_tag, entry.hlc), WR_ERR_NOBUF);
            T_EQ(out.len, 0);
            continue;
        }
        T_OK(wr_segment_begin(&writer, &out, entry.epoch_tag, entry.hlc));
        T_ERR(wr_segment_add(&writer, &entry), WR_ERR_NOBUF);
        T_EQ(out.len, WR_SEGMENT_HEADER_SIZE);
        T_EQ(writer.count, 0);
    }
    T_TRUE(whole - WR_SEGMENT_HEADER_SIZE - entry.body_len <= WR_ENTRY_FIELDS_MAX);
}

static int setup(void **state) {
    (void)state;
    holder_init(&writer_holder, 5, 0);
    holder_grow_to(&writer_holder, 2500);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_stand_where_the_specification_says),
        cmocka_unit_test(what_is_read_encodes_to_the_same_bytes),
        cmocka_unit_test(a_cut_at_any_byte_is_noticed),
        cmocka_unit_test(an_entry_that_says_more_than_it_must_is_refused),
        cmocka_unit_test(a_body_length_in_a_longer_form_or_out_of_range_is_refused),
        cmocka_unit_test(a_clock_that_would_wrap_is_refused),
        cmocka_unit_test(an_entry_does_not_go_on_behind_its_segment),
        cmocka_unit_test(a_segment_is_not_empty_and_ends_at_the_chunk_border),
        cmocka_unit_test(count_and_length_agree_with_the_entries),
        cmocka_unit_test(a_writer_without_room_adds_nothing),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
