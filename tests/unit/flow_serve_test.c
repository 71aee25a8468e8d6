/* Units out of the store: whatever the sizes of entries and wherever a sibling stands, what is
 * served is what it can verify, and nothing is longer than a unit may be.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow_reader_world.h"

#include "flow/hub_impl.h"

#include <stdlib.h>

typedef struct served {
    uint32_t units, with_proof;
    uint64_t entries;
    size_t longest;
} served;

static const wr_feed *feed_of(device *d, const device *writer, uint32_t *ret_index) {
    T_TRUE(wr_self_device_feed(d->self, &writer->identity.device_id, 0, ret_index));
    return wr_self_feed(d->self, *ret_index);
}

/* One unit from a to b, who takes it; b then stands at its end. */
static void serve_next(circle *c, served *s) {
    hub h = {.self = c->a.self, .store = c->a.s};
    uint32_t at_a, at_b;
    const wr_feed *from = feed_of(&c->a, &c->a, &at_a);
    const wr_feed *to = feed_of(&c->b, &c->a, &at_b);
    wr_serve want = {.feed_index = at_a, .n = from->tree.len, .first = to->tree.len};
    wr_hash path[WR_PROOF_HASHES_MAX];
    wr_unit unit;
    uint8_t *entries;
    size_t size;
    T_OK(serve_unit(&h, &want, &unit, path, &entries, &size));
    T_EQ(unit.first, want.first);
    T_TRUE(size <= WR_UNIT_BYTES_MAX || unit.end == unit.first + 1);
    unit.entries = wr_slice_of(entries, size);
    wr_err err = wr_self_checkpoint(c->b.self, at_b, wr_feed_checkpoint(from), &from->cp_sig);
    T_TRUE(err == WR_OK || err == WR_ERR_EXISTS);
    T_OK(wr_self_take(c->b.self, at_b, &unit, r_now));
    r_drain(&c->b);
    T_EQ(to->tree.len, unit.end);
    s->units++;
    s->with_proof += unit.path_count != 0;
    s->entries += unit.end - unit.first;
    s->longest = size > s->longest ? size : s->longest;
    free(entries);
}

static served serve_all(circle *c) {
    served s = {0};
    uint32_t at;
    while (feed_of(&c->b, &c->a, &at)->tree.len < feed_of(&c->a, &c->a, &at)->tree.len)
        serve_next(c, &s);
    wr_hash ours = wr_tree_root(&feed_of(&c->a, &c->a, &at)->tree);
    wr_hash theirs = wr_tree_root(&feed_of(&c->b, &c->a, &at)->tree);
    T_MEM(ours.b, theirs.b, sizeof ours.b);
    return s;
}

/* Entries of count bodies of len bytes, signed every run entries. */
static void write_entries(device *d, uint32_t count, size_t len, uint32_t run, uint64_t *ms) {
    char *body = malloc(len + 1);
    T_TRUE(body != NULL);
    memset(body, 'x', len);
    body[len] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        r_say(d, (uint16_t)(1 + i % 3), ++*ms, body);
        if (i % run == run - 1)
            r_sign(d);
    }
    r_sign(d);
    free(body);
}

static void short_entries_go_by_the_chunk(void **state) {
    circle *c = *state;
    uint64_t ms = 1000;
    r_join(c);
    write_entries(&c->a, 3000, 40, 100, &ms);
    served s = serve_all(c);
    T_EQ(s.entries, 3000);
    T_EQ(s.units, 3);
    T_EQ(s.with_proof, 2);
}

static void a_sibling_in_the_middle_of_a_row_gets_the_rest_of_it(void **state) {
    circle *c = *state;
    served s = {0};
    uint64_t ms = 1000;
    r_join(c);
    write_entries(&c->a, 700, 40, 7, &ms);
    serve_next(c, &s);
    write_entries(&c->a, 2500, 40, 1000, &ms); /* rows of one chunk are joined by now */
    T_EQ(serve_all(c).entries, 2500);
}

static void long_entries_go_in_small_units_with_proofs(void **state) {
    circle *c = *state;
    uint64_t ms = 1000;
    r_join(c);
    write_entries(&c->a, 90, 50000, 3, &ms);
    served s = serve_all(c);
    T_EQ(s.entries, 90);
    T_TRUE(s.units >= 90 * 50000 / WR_UNIT_BYTES_MAX);
    T_TRUE(s.with_proof >= s.units - 1);
    T_TRUE(s.longest > WR_UNIT_BYTES_MAX / 3);
}

static void mixed_sizes_arrive_whole_from_every_place(void **state) {
    circle *c = *state;
    uint64_t ms = 1000, seed = 7;
    r_join(c);
    wr_rng rng = t_rng(seed);
    for (uint32_t round = 0; round < 12; round++) {
        write_entries(&c->a, 1 + wr_rng_below(&rng, 300), 20, 1 + wr_rng_below(&rng, 90), &ms);
        write_entries(&c->a, 1 + wr_rng_below(&rng, 20), 1 + wr_rng_below(&rng, 60000),
                      1 + wr_rng_below(&rng, 9), &ms);
        served s = {0};
        serve_next(c, &s); /* stops anywhere: the feed grows before the next one */
    }
    (void)serve_all(c);
}

static void what_the_store_lacks_is_not_served(void **state) {
    circle *c = *state;
    uint64_t ms = 1000;
    uint32_t at;
    r_join(c);
    write_entries(&c->a, 10, 40, 10, &ms);
    store *empty;
    T_OK(store_open_memory(&empty));
    hub h = {.self = c->a.self, .store = empty};
    const wr_feed *feed = feed_of(&c->a, &c->a, &at);
    wr_serve want = {.feed_index = at, .n = feed->tree.len, .first = 0};
    wr_hash path[WR_PROOF_HASHES_MAX];
    wr_unit unit;
    uint8_t *entries;
    size_t size;
    T_ERR(serve_unit(&h, &want, &unit, path, &entries, &size), WR_ERR_CORRUPT);
    store_close(empty);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(short_entries_go_by_the_chunk, r_setup, r_teardown),
        cmocka_unit_test_setup_teardown(a_sibling_in_the_middle_of_a_row_gets_the_rest_of_it,
                                        r_setup, r_teardown),
        cmocka_unit_test_setup_teardown(long_entries_go_in_small_units_with_proofs, r_setup,
                                        r_teardown),
        cmocka_unit_test_setup_teardown(mixed_sizes_arrive_whole_from_every_place, r_setup,
                                        r_teardown),
        cmocka_unit_test_setup_teardown(what_the_store_lacks_is_not_served, r_setup, r_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
