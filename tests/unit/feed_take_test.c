/* Units: every honest one is taken from everywhere, no other one changes anything.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed_fixture.h"

#define FEED_LEN 4321u

static holder h, other; /* other: another device with a feed of the same shape */
static wr_rows rows;
static uint8_t bytes[2 * 1024 * 1024];

/* What rows say against what h holds, and whether their bytes are the unit's. */
static void check_rows(const wr_unit *unit) {
    uint64_t seq = unit->first;
    const uint8_t *at = unit->entries.ptr;
    T_TRUE(rows.count == 1 || rows.count == 2);
    for (uint32_t r = 0; r < rows.count; r++) {
        const wr_row *row = &rows.list[r];
        T_EQ(row->first_seq, seq);
        T_TRUE(r == 0 || seq % WR_CHUNK_ENTRIES == 0);
        T_TRUE(row->bytes.ptr == at);
        T_TRUE(seq / WR_CHUNK_ENTRIES == (seq + row->count - 1) / WR_CHUNK_ENTRIES);
        T_EQ(row->hlc_first, h.entries[seq].hlc);
        T_EQ(row->hlc_last, h.entries[seq + row->count - 1].hlc);
        uint32_t summed = 0;
        for (uint32_t i = 0; i < row->log_count; i++) {
            const wr_row_log *log = &rows.logs[row->log_first + i];
            wr_row_log want = {.log_no = log->log_no};
            for (uint64_t s = seq; s < seq + row->count; s++) {
                if (h.entries[s].log_no != log->log_no)
                    continue;
                if (want.count++ == 0)
                    want.hlc_first = h.entries[s].hlc;
                want.hlc_last = h.entries[s].hlc;
            }
            T_EQ(log->count, want.count);
            T_EQ(log->hlc_first, want.hlc_first);
            T_EQ(log->hlc_last, want.hlc_last);
            summed += log->count;
        }
        T_EQ(summed, row->count); /* each entry is counted once, so no log stands there twice */
        seq += row->count;
        at += row->bytes.len;
    }
    T_EQ(seq, unit->end);
    T_TRUE(at == unit->entries.ptr + unit->entries.len);
    for (uint32_t i = 0; i < rows.nodes.count; i++) {
        const wr_tree_node *node = &rows.nodes.list[i];
        T_TRUE(node->level >= WR_CHUNK_LEVEL);
        T_MEM(node->hash.b, h.nodes[node->level][node->index].b, WR_HASH_SIZE);
    }
    uint32_t want_nodes = 0;
    for (uint64_t size = WR_CHUNK_ENTRIES; size <= unit->end; size *= 2)
        want_nodes += unit->end / size - unit->first / size > 0;
    T_EQ(rows.nodes.count, want_nodes);
}

static void check_taken(wr_feed *feed, const wr_unit *unit, bool with_rows) {
    wr_hash root, want = holder_range(&h, 0, unit->end);
    T_OK(wr_feed_take(feed, unit, &rows));
    T_EQ(feed->tree.len, unit->end);
    T_TRUE(feed->hlc_last == h.entries[unit->end - 1].hlc);
    root = wr_tree_root(&feed->tree);
    T_MEM(root.b, want.b, sizeof root.b);
    if (with_rows)
        check_rows(unit);
}

static uint32_t last_k(void) {
    return h.checkpoint_count - 1;
}

static void a_new_device_takes_the_whole_feed_in_units_of_every_size(void **state) {
    (void)state;
    for (uint32_t most = 1; most <= WR_CHUNK_ENTRIES; most *= 2) {
        wr_feed feed;
        holder_receiver(&h, 0, last_k(), &feed);
        while (feed.tree.len < FEED_LEN) {
            wr_unit unit = holder_plan(&h, FEED_LEN, feed.tree.len, most);
            check_taken(&feed, &unit, most >= 256);
        }
        T_TRUE(wr_feed_complete(&feed));
    }
}

static void from_every_position_the_planned_unit_is_taken(void **state) {
    (void)state;
    for (uint32_t most = 1; most <= WR_CHUNK_ENTRIES; most *= 2) {
        uint32_t step = most <= 16 ? 1 : most <= 128 ? 7 : 61;
        for (uint64_t first = 0; first < FEED_LEN; first += step) {
            wr_feed feed;
            holder_receiver(&h, first, last_k(), &feed);
            wr_unit unit = holder_plan(&h, FEED_LEN, first, most);
            check_taken(&feed, &unit, false);
        }
        /* And right around the borders of chunks and the end. */
        static const uint64_t borders[] = {1, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097};
        for (size_t i = 0; i < WR_COUNT(borders); i++) {
            wr_feed feed;
            holder_receiver(&h, borders[i], last_k(), &feed);
            wr_unit unit = holder_plan(&h, FEED_LEN, borders[i], most);
            check_taken(&feed, &unit, true);
        }
    }
}

static void a_follower_takes_each_checkpoint_as_it_comes(void **state) {
    (void)state;
    wr_feed feed;
    wr_feed_init(&feed, &h.circle, &h.device, 0);
    for (uint32_t k = 0; k <= last_k(); k++) {
        wr_checkpoint cp;
        T_OK(wr_feed_check(&feed, holder_checkpoint_bytes(&h, k), &h.checkpoints[k].sig, &h.sign_pk,
                           &cp));
        wr_feed_accept(&feed, &cp, holder_checkpoint_bytes(&h, k), &h.checkpoints[k].sig);
        while (!wr_feed_complete(&feed)) {
            wr_unit unit = holder_plan(&h, cp.len, feed.tree.len, WR_CHUNK_ENTRIES);
            check_taken(&feed, &unit, true);
        }
    }
}

static void the_rest_of_a_checkpoint_across_a_chunk_border_gives_two_rows(void **state) {
    (void)state;
    /* 1024 entries from 3297 on: the end is 4321, the border 4096 lies in between. */
    wr_feed feed;
    holder_receiver(&h, FEED_LEN - 1024, last_k(), &feed);
    wr_unit unit = holder_plan(&h, FEED_LEN, FEED_LEN - 1024, WR_CHUNK_ENTRIES);
    T_EQ(unit.end, FEED_LEN);
    check_taken(&feed, &unit, true);
    T_EQ(rows.count, 2);
    T_EQ(rows.list[0].count, 4096 - (FEED_LEN - 1024));
    T_EQ(rows.nodes.count, 3); /* chunk 3, chunks 2 and 3, chunks 0 to 3 */
}

/* unit is refused and feed unchanged by it. */
static void expect(const wr_feed *feed, const wr_unit *unit, wr_err want) {
    wr_feed before = *feed, now = *feed;
    T_ERR(wr_feed_take(&now, unit, &rows), want);
    T_MEM(&before, &now, sizeof now);
}

/* spec:feed#7.2 type=test "A unit that fails any check MUST leave the feed as it was." */
static void a_unit_with_other_borders_is_refused(void **state) {
    (void)state;
    static const struct {
        uint64_t held;
        uint32_t most;
    } places[] = {{0, 64}, {5, 8}, {1000, 64}, {1030, 256}, {2048, 1024}, {4096, 64}, {4300, 64}};
    for (size_t i = 0; i < WR_COUNT(places); i++) {
        wr_feed feed;
        holder_receiver(&h, places[i].held, last_k(), &feed);
        wr_unit good = holder_plan(&h, FEED_LEN, places[i].held, places[i].most), bad;
        bool rest = good.end == FEED_LEN;
        for (int by = -1; by <= 1; by += 2) {
            bad = good;
            bad.first += (uint64_t)(int64_t)by;
            expect(&feed, &bad, WR_ERR_STATE);
        }
        bad = good;
        bad.end++;
        bool large = bad.end - bad.first > WR_CHUNK_ENTRIES;
        expect(&feed, &bad, rest ? WR_ERR_STATE : large ? WR_ERR_LIMIT : WR_ERR_FORMAT);
        bad = good;
        bad.end = bad.first;
        expect(&feed, &bad, WR_ERR_FORMAT);
        bad = good;
        bad.lo = bad.first + 1;
        expect(&feed, &bad, WR_ERR_FORMAT);
        bad = good;
        bad.end = UINT64_MAX;
        expect(&feed, &bad, WR_ERR_STATE);
        if (!rest) {
            bad = good;
            bad.end = good.lo + 2 * places[i].most; /* fewer entries than it says, wrong path */
            wr_feed now = feed;
            T_TRUE(wr_feed_take(&now, &bad, &rows) != WR_OK);
            T_MEM(&now, &feed, sizeof now);
            bad = good;
            bad.path_count--;
            expect(&feed, &bad, WR_ERR_FORMAT);
            bad.path_count += 2;
            expect(&feed, &bad, WR_ERR_FORMAT);
            bad.path_count = UINT32_MAX;
            expect(&feed, &bad, WR_ERR_FORMAT);
            bad = good;
            bad.lo -= bad.lo == 0 ? 0 : 1;
            if (bad.lo != good.lo)
                expect(&feed, &bad, WR_ERR_FORMAT);
        }
        check_taken(&feed, &good, true);
    }
}

/* Proven as they may be, only nodes up to a chunk are units. */
static void a_unit_is_of_an_aligned_node_of_a_chunk_at_most(void **state) {
    (void)state;
    wr_feed feed;
    holder_receiver(&h, 1030, last_k(), &feed);
    wr_unit unit = holder_unit(&h, FEED_LEN, 1030, 0, 2048);
    expect(&feed, &unit, WR_ERR_FORMAT);
    holder_receiver(&h, 5, last_k(), &feed);
    unit = holder_plan(&h, FEED_LEN, 5, 8);
    unit.lo++;
    unit.end++;
    expect(&feed, &unit, WR_ERR_FORMAT);
}

static void more_than_a_chunk_at_once_is_refused(void **state) {
    (void)state;
    wr_feed feed;
    holder_receiver(&h, 1024, last_k(), &feed);
    wr_unit unit = {.first = 1024, .lo = 1024, .end = FEED_LEN};
    expect(&feed, &unit, WR_ERR_LIMIT);
    unit.end = 3072;
    expect(&feed, &unit, WR_ERR_LIMIT);
}

static void entries_for_no_checkpoint_are_refused(void **state) {
    (void)state;
    wr_feed feed;
    wr_feed_init(&feed, &h.circle, &h.device, 0);
    wr_unit unit = holder_plan(&h, FEED_LEN, 0, 64);
    expect(&feed, &unit, WR_ERR_STATE);
}

/* What a unit's bytes become if seq's entry is changed by change, in node and rest units. */
typedef void edit(uint64_t at, uint64_t first);
static wr_entry kept[WR_CHUNK_ENTRIES];

static void expect_edited(edit *change, wr_err want_node, wr_err want_rest, wr_err want_first) {
    static const struct {
        uint64_t n, first, lo, end;
    } units[] = {{FEED_LEN, 40, 32, 64}, {FEED_LEN, 4300, 0, FEED_LEN}, {0, 0, 0, 0}};
    for (size_t i = 0; i < WR_COUNT(units); i++) {
        uint64_t n = units[i].n, end = units[i].end;
        uint32_t k = last_k();
        if (n == 0) { /* all of a young feed: nothing is held that could be another history */
            k = 0;
            n = end = h.checkpoints[0].len;
        }
        wr_err want = i == 0 ? want_node : i == 1 ? want_rest : want_first;
        uint64_t first = units[i].first;
        wr_feed feed;
        holder_receiver(&h, first, k, &feed);
        memcpy(kept, &h.entries[first], (size_t)(end - first) * sizeof kept[0]);
        change(first + 3, first);
        wr_unit bad = holder_unit(&h, n, first, units[i].lo, end);
        expect(&feed, &bad, want);
        memcpy(&h.entries[first], kept, (size_t)(end - first) * sizeof kept[0]);
        wr_unit good = holder_unit(&h, n, first, units[i].lo, end);
        check_taken(&feed, &good, true);
    }
}

static void edit_nonce(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].nonce[23] ^= 1;
}
static void edit_body(uint64_t at, uint64_t first) {
    (void)first;
    memcpy(bytes, h.entries[at].body.ptr, h.entries[at].body.len);
    bytes[0] ^= 1;
    h.entries[at].body.ptr = bytes;
}
static void edit_kind(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].kind ^= 0x10;
}
static void edit_log(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].log_no ^= 1;
}
static void edit_expire(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].expire ^= 8;
}
static void edit_epoch(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].epoch_tag[0] ^= 8;
}
static void edit_erased_hash(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].erased = true;
    h.entries[at].body_hash = t_hash(1);
}
static void edit_swap(uint64_t at, uint64_t first) {
    (void)first;
    wr_entry *a = &h.entries[at], *b = &h.entries[at + 1], was = *a;
    uint64_t hlc_a = a->hlc, hlc_b = b->hlc;
    *a = *b;
    *b = was;
    a->hlc = hlc_a; /* in order, or the clock would tell */
    b->hlc = hlc_b;
}
static void edit_foreign(uint64_t at, uint64_t first) {
    (void)first;
    uint64_t hlc = h.entries[at].hlc;
    h.entries[at] = other.entries[at];
    h.entries[at].hlc = hlc;
}

static void a_changed_entry_is_refused_whoever_sent_it(void **state) {
    (void)state;
    edit *const edits[] = {edit_nonce, edit_body,        edit_kind, edit_log,    edit_expire,
                           edit_epoch, edit_erased_hash, edit_swap, edit_foreign};
    for (size_t i = 0; i < WR_COUNT(edits); i++)
        expect_edited(edits[i], WR_ERR_AUTH, WR_ERR_FORK, WR_ERR_AUTH);
}

static void edit_to_erased(uint64_t at, uint64_t first) {
    (void)first;
    h.entries[at].body_hash = wr_hash_of(WR_LABEL_BODY, h.entries[at].body);
    h.entries[at].erased = true;
    h.entries[at].body = WR_SLICE_EMPTY;
}

/* Negative test 45. */
static void an_entry_without_its_body_is_proven_just_as_well(void **state) {
    (void)state;
    static const uint64_t firsts[] = {40, 4300};
    for (size_t i = 0; i < WR_COUNT(firsts); i++) {
        wr_feed feed;
        wr_entry was = h.entries[firsts[i] + 2];
        holder_receiver(&h, firsts[i], last_k(), &feed);
        edit_to_erased(firsts[i] + 2, firsts[i]);
        wr_unit unit = holder_plan(&h, FEED_LEN, firsts[i], 64);
        check_taken(&feed, &unit, true);
        h.entries[firsts[i] + 2] = was;
    }
}

/* All entries of another device's feed, which are in order and of the same shape. */
static void units_of_another_feed_are_refused(void **state) {
    (void)state;
    wr_feed feed;
    holder_receiver(&h, 64, last_k(), &feed);
    wr_unit good = holder_plan(&h, FEED_LEN, 64, 64);
    wr_unit foreign = holder_plan(&other, FEED_LEN, 64, 64), mixed = foreign;
    wr_feed early = feed;
    early.hlc_last = 0; /* so that the clocks of the two do not tell */
    early.cp_hlc = UINT64_MAX;
    expect(&early, &foreign, WR_ERR_AUTH);
    mixed.path = good.path;
    expect(&early, &mixed, WR_ERR_AUTH);
    mixed = good;
    mixed.path = foreign.path;
    expect(&feed, &mixed, WR_ERR_AUTH);
    check_taken(&feed, &good, true);
}

static void each_bit_of_the_path_counts(void **state) {
    (void)state;
    wr_feed feed;
    holder_receiver(&h, 1030, last_k(), &feed);
    wr_unit unit = holder_plan(&h, FEED_LEN, 1030, 8);
    wr_hash path[WR_PROOF_HASHES_MAX];
    memcpy(path, unit.path, unit.path_count * sizeof path[0]);
    unit.path = path;
    for (uint32_t i = 0; i < unit.path_count; i++)
        for (unsigned bit = 0; bit < 256; bit += 5) {
            path[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
            expect(&feed, &unit, WR_ERR_AUTH);
            path[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    check_taken(&feed, &unit, true);
}

static void every_cut_and_every_appended_byte_is_refused(void **state) {
    (void)state;
    static const uint64_t firsts[] = {56, 4317};
    for (size_t i = 0; i < WR_COUNT(firsts); i++) {
        wr_feed feed;
        holder_receiver(&h, firsts[i], last_k(), &feed);
        wr_unit unit = holder_plan(&h, FEED_LEN, firsts[i], 8), bad = unit;
        for (size_t len = 0; len < unit.entries.len; len++) {
            bad.entries.len = len;
            expect(&feed, &bad, WR_ERR_TRUNCATED);
        }
        memcpy(bytes, unit.entries.ptr, unit.entries.len);
        bytes[unit.entries.len] = 0;
        bad.entries = wr_slice_of(bytes, unit.entries.len + 1);
        expect(&feed, &bad, WR_ERR_TRUNCATED);
        /* One whole entry too many. */
        wr_buf out = WR_BUF_ARRAY(bytes);
        T_OK(wr_buf_put(&out, unit.entries));
        wr_entry extra = h.entries[unit.end - 1];
        wr_segment_writer writer;
        extra.hlc++;
        T_OK(wr_segment_begin(&writer, &out, extra.epoch_tag, extra.hlc));
        T_OK(wr_segment_add(&writer, &extra));
        wr_segment_end(&writer);
        bad.entries = wr_buf_slice(&out);
        expect(&feed, &bad, WR_ERR_FORMAT);
        check_taken(&feed, &unit, true);
    }
}

/* spec:feed#7.2 type=test "The clock of a feed MUST grow with every entry." */
static void a_clock_that_does_not_grow_is_refused(void **state) {
    (void)state;
    wr_feed feed;
    holder_receiver(&h, 1024, last_k(), &feed);
    wr_unit unit = holder_plan(&h, FEED_LEN, 1024, 64);
    feed.hlc_last = h.entries[1024].hlc; /* as if the entry before had the same time */
    expect(&feed, &unit, WR_ERR_FORMAT);
    feed.hlc_last--;
    check_taken(&feed, &unit, true);

    /* Between two segments, where the difference is not what is sent. */
    wr_buf out = WR_BUF_ARRAY(bytes);
    holder_encode(&h, 1088, 1100, &out);
    size_t second = out.len;
    holder_encode(&h, 1100, 1152, &out);
    unit = holder_plan(&h, FEED_LEN, 1088, 64);
    unit.entries = wr_buf_slice(&out);
    wr_store_u64(bytes + second + 8, h.entries[1099].hlc);
    expect(&feed, &unit, WR_ERR_FORMAT);
    wr_store_u64(bytes + second + 8, h.entries[1100].hlc);
    check_taken(&feed, &unit, false); /* other segments, the same entries */
}

/* A checkpoint names the clock of its newest entry; entries before it are older. */
static void a_clock_that_is_not_the_checkpoints_is_refused(void **state) {
    (void)state;
    wr_feed feed;
    holder_receiver(&h, 4300, last_k(), &feed);
    wr_unit unit = holder_plan(&h, FEED_LEN, 4300, 64);
    feed.cp_hlc++;
    expect(&feed, &unit, WR_ERR_FORMAT);
    feed.cp_hlc -= 2;
    expect(&feed, &unit, WR_ERR_FORMAT);
    holder_receiver(&h, 40, last_k(), &feed);
    unit = holder_plan(&h, FEED_LEN, 40, 8);
    feed.cp_hlc = h.entries[47].hlc;
    expect(&feed, &unit, WR_ERR_FORMAT);
    feed.cp_hlc++;
    check_taken(&feed, &unit, true);
}

/* spec:feed#7.3 type=test "A unit whose proof holds but names another past than the one held MUST
 * be refused as a fork." */
static void a_proof_that_names_another_past_is_a_fork(void **state) {
    (void)state;
    static const uint64_t helds[] = {8, 1024, 2048 + 64, 3072};
    for (size_t i = 0; i < WR_COUNT(helds); i++) {
        wr_feed feed;
        holder_receiver(&h, helds[i], last_k(), &feed);
        wr_unit unit = holder_plan(&h, FEED_LEN, helds[i], 8);
        for (uint32_t peak = 0; peak < wr_tree_peak_count(&feed.tree); peak++) {
            feed.tree.peaks[peak].b[5] ^= 1;
            expect(&feed, &unit, WR_ERR_FORK);
            feed.tree.peaks[peak].b[5] ^= 1;
        }
        check_taken(&feed, &unit, false);
    }
    wr_feed feed; /* the rest of a checkpoint, on top of another history */
    holder_receiver(&h, 4300, last_k(), &feed);
    wr_unit unit = holder_plan(&h, FEED_LEN, 4300, 64);
    feed.tree.peaks[0].b[0] ^= 1;
    expect(&feed, &unit, WR_ERR_FORK);
}

static int setup(void **state) {
    (void)state;
    holder_init(&h, 7, 0);
    holder_grow(&h, 100);
    holder_grow(&h, 1);
    holder_grow(&h, 1024);
    holder_grow_to(&h, FEED_LEN - 700);
    holder_grow(&h, 700);
    holder_init(&other, 8, 0);
    holder_grow_to(&other, FEED_LEN);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_device_takes_the_whole_feed_in_units_of_every_size),
        cmocka_unit_test(from_every_position_the_planned_unit_is_taken),
        cmocka_unit_test(a_follower_takes_each_checkpoint_as_it_comes),
        cmocka_unit_test(the_rest_of_a_checkpoint_across_a_chunk_border_gives_two_rows),
        cmocka_unit_test(a_unit_with_other_borders_is_refused),
        cmocka_unit_test(a_unit_is_of_an_aligned_node_of_a_chunk_at_most),
        cmocka_unit_test(more_than_a_chunk_at_once_is_refused),
        cmocka_unit_test(entries_for_no_checkpoint_are_refused),
        cmocka_unit_test(a_changed_entry_is_refused_whoever_sent_it),
        cmocka_unit_test(an_entry_without_its_body_is_proven_just_as_well),
        cmocka_unit_test(units_of_another_feed_are_refused),
        cmocka_unit_test(each_bit_of_the_path_counts),
        cmocka_unit_test(every_cut_and_every_appended_byte_is_refused),
        cmocka_unit_test(a_clock_that_does_not_grow_is_refused),
        cmocka_unit_test(a_clock_that_is_not_the_checkpoints_is_refused),
        cmocka_unit_test(a_proof_that_names_another_past_is_a_fork),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
