/* The tree against a naive one, and proofs that nobody can forge.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/tree.h"
#include "harness/harness.h"

#define LEAVES_MAX 5000u

static wr_hash leaves[LEAVES_MAX];

static int setup(void **state) {
    (void)state;
    wr_rng rng = t_rng(1);
    T_OK(wr_crypto_init());
    wr_rng_fill(&rng, leaves, sizeof leaves);
    return 0;
}

/* RFC 9162, 2.1.1, word for word: MTH(D_n) over leaf hashes. */
static wr_hash naive(uint64_t lo, uint64_t hi) {
    if (hi - lo == 1)
        return leaves[lo];
    uint64_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    wr_hash both[2] = {naive(lo, lo + k), naive(lo + k, hi)};
    return wr_hash_of(WR_LABEL_NODE, wr_slice_of(both, sizeof both));
}

static void grow(wr_tree *tree, uint64_t len) {
    *tree = (wr_tree){0};
    while (tree->len < len)
        wr_tree_append(tree, &leaves[tree->len], NULL);
}

static void path_of(uint64_t n, uint64_t a, uint64_t b, wr_hash path[WR_PROOF_HASHES_MAX],
                    uint32_t *ret_count) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    T_OK(wr_tree_path(n, a, b, spans, ret_count));
    for (uint32_t i = 0; i < *ret_count; i++)
        path[i] = naive(spans[i].lo, spans[i].hi);
}

static void the_root_is_the_naive_tree_hash(void **state) {
    (void)state;
    wr_tree tree = {0};
    wr_hash root = wr_tree_root(&tree);
    T_TRUE(wr_is_zero(WR_SLICE_OBJ(root)));
    for (uint64_t n = 1; n <= 300; n++) {
        wr_tree_append(&tree, &leaves[n - 1], NULL);
        wr_hash want = naive(0, n);
        root = wr_tree_root(&tree);
        T_MEM(root.b, want.b, sizeof root.b);
        T_EQ(wr_tree_peak_count(&tree), __builtin_popcountll(n));
    }
    wr_rng rng = t_rng(2);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t n = 301 + wr_rng_below(&rng, LEAVES_MAX - 301);
        grow(&tree, n);
        wr_hash want = naive(0, n);
        root = wr_tree_root(&tree);
        T_MEM(root.b, want.b, sizeof root.b);
    }
}

/* A node, and where it lies, come out at the moment its last leaf goes in. */
static void nodes_of_chunk_size_and_above_come_out_when_complete(void **state) {
    (void)state;
    wr_tree tree = {0};
    while (tree.len < LEAVES_MAX) {
        wr_tree_nodes nodes = {0};
        wr_tree_append(&tree, &leaves[tree.len], &nodes);
        uint32_t want = 0;
        for (uint8_t level = WR_CHUNK_LEVEL; tree.len % (1ull << level) == 0; level++, want++) {
            uint64_t size = 1ull << level;
            wr_hash hash = naive(tree.len - size, tree.len);
            T_TRUE(want < nodes.count);
            T_EQ(nodes.list[want].level, level);
            T_EQ(nodes.list[want].index, tree.len / size - 1);
            T_MEM(nodes.list[want].hash.b, hash.b, sizeof hash.b);
        }
        T_EQ(nodes.count, want);
    }
}

static void a_graft_is_so_many_appends(void **state) {
    (void)state;
    for (uint8_t level = 0; level <= 11; level++) {
        uint64_t size = 1ull << level;
        for (uint64_t len = 0; len + size <= LEAVES_MAX && len < 5 * size; len += size) {
            wr_tree one, all;
            wr_tree_nodes one_nodes = {0}, all_nodes = {0};
            grow(&one, len);
            grow(&all, len);
            wr_hash node = naive(len, len + size);
            wr_tree_graft(&one, level, &node, &one_nodes);
            for (uint64_t i = 0; i < size; i++)
                wr_tree_append(&all, &leaves[len + i], &all_nodes);
            T_EQ(one.len, all.len);
            T_MEM(one.peaks, all.peaks, wr_tree_peak_count(&one) * sizeof(wr_hash));
            if (level > WR_CHUNK_LEVEL) /* what lies inside of the node is not ours to know */
                continue;
            T_EQ(one_nodes.count, all_nodes.count);
            for (uint32_t i = 0; i < one_nodes.count; i++) {
                T_EQ(one_nodes.list[i].level, all_nodes.list[i].level);
                T_EQ(one_nodes.list[i].index, all_nodes.list[i].index);
                T_MEM(one_nodes.list[i].hash.b, all_nodes.list[i].hash.b, WR_HASH_SIZE);
            }
        }
    }
}

static void a_suffix_root_is_the_naive_hash_from_a_peak_on(void **state) {
    (void)state;
    for (uint64_t n = 1; n <= 130; n++) {
        wr_tree tree;
        grow(&tree, n);
        uint64_t border = 0;
        for (uint64_t from = 0; from <= n; from++) {
            wr_hash root = {{0}};
            if (from != border || from == n) {
                T_ERR(wr_tree_suffix_root(&tree, from, &root), WR_ERR_STATE);
                T_TRUE(wr_is_zero(WR_SLICE_OBJ(root)));
                continue;
            }
            wr_hash want = naive(from, n);
            T_OK(wr_tree_suffix_root(&tree, from, &root));
            T_MEM(root.b, want.b, sizeof root.b);
            uint64_t peak = 1;
            while (peak * 2 <= n - border)
                peak *= 2;
            border += peak;
        }
    }
}

/* Whether [a, b) is a node is asked of the recursion and not of the code. */
static bool is_node(uint64_t lo, uint64_t hi, uint64_t a, uint64_t b) {
    if (lo == a && hi == b)
        return true;
    if (hi - lo < 2 || a < lo || b > hi)
        return false;
    uint64_t k = 1;
    while (k * 2 < hi - lo)
        k *= 2;
    return is_node(lo, lo + k, a, b) || is_node(lo + k, hi, a, b);
}

/* spec:feed#5.2 type=test "A proof MUST have exactly one hash for each sibling on the way." */
static void every_node_is_proven_and_every_other_range_refused(void **state) {
    (void)state;
    for (uint64_t n = 1; n <= 40; n++) {
        wr_hash root = naive(0, n);
        for (uint64_t a = 0; a <= n + 1; a++)
            for (uint64_t b = 0; b <= n + 1; b++) {
                wr_tree_span spans[WR_PROOF_HASHES_MAX];
                wr_hash path[WR_PROOF_HASHES_MAX + 1] = {{{0}}};
                uint32_t count = 99;
                if (a >= b || b > n || !is_node(0, n, a, b)) {
                    T_ERR(wr_tree_path(n, a, b, spans, &count), WR_ERR_FORMAT);
                    T_EQ(count, 99);
                    T_ERR(wr_tree_verify(&root, n, a, b, &leaves[0], path, 0), WR_ERR_FORMAT);
                    continue;
                }
                path_of(n, a, b, path, &count);
                wr_hash node = naive(a, b);
                T_OK(wr_tree_verify(&root, n, a, b, &node, path, count));
                T_ERR(wr_tree_verify(&root, n, a, b, &node, path, count + 1), WR_ERR_FORMAT);
                if (count > 0)
                    T_ERR(wr_tree_verify(&root, n, a, b, &node, path, count - 1), WR_ERR_FORMAT);
            }
    }
}

static void aligned_nodes_of_larger_trees_are_proven(void **state) {
    (void)state;
    for (uint64_t n = 41; n <= 300; n += 7) {
        wr_hash root = naive(0, n);
        for (uint64_t size = 1; size <= n; size *= 2)
            for (uint64_t a = 0; a + size <= n; a += size) {
                wr_hash path[WR_PROOF_HASHES_MAX], node = naive(a, a + size);
                uint32_t count;
                path_of(n, a, a + size, path, &count);
                T_OK(wr_tree_verify(&root, n, a, a + size, &node, path, count));
            }
    }
}

/* Negative test 37: a changed hash, place or size of an honest proof proves nothing. */
static void a_forged_proof_is_refused(void **state) {
    (void)state;
    for (uint64_t n = 2; n <= 70; n++) {
        wr_hash root = naive(0, n);
        for (uint64_t a = 0; a < n; a++) {
            uint64_t low = a == 0 ? 64 : a & (~a + 1);
            uint64_t b = a + (a + low <= n ? low : 1);
            if (!is_node(0, n, a, b) || (a == 0 && b == n))
                continue;
            wr_hash path[WR_PROOF_HASHES_MAX + 2], node = naive(a, b);
            uint32_t count;
            path_of(n, a, b, path, &count);
            for (uint32_t i = 0; i < count; i++)
                for (unsigned bit = 0; bit < 256; bit += 37) {
                    path[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
                    T_ERR(wr_tree_verify(&root, n, a, b, &node, path, count), WR_ERR_AUTH);
                    path[i].b[bit / 8] ^= (uint8_t)(1u << bit % 8);
                }
            for (uint32_t i = 1; i < count; i++) {
                wr_hash kept = path[i];
                path[i] = path[i - 1];
                path[i - 1] = kept;
                T_ERR(wr_tree_verify(&root, n, a, b, &node, path, count), WR_ERR_AUTH);
                path[i - 1] = path[i];
                path[i] = kept;
            }
            node.b[31] ^= 0x80;
            T_ERR(wr_tree_verify(&root, n, a, b, &node, path, count), WR_ERR_AUTH);
        }
    }
}

/* The same hashes for every other range of the tree, and the same range of trees of other sizes.
 * A size is told by the shape of the path, so a neighbouring one may have the same; the signed
 * length is what binds it, and a path of another shape must fail. */
static void a_proof_holds_for_its_own_range_only(void **state) {
    (void)state;
    for (uint64_t n = 2; n <= 24; n++) {
        wr_hash root = naive(0, n);
        for (uint64_t a = 0; a < n; a++) {
            wr_hash path[WR_PROOF_HASHES_MAX];
            uint32_t count;
            path_of(n, a, a + 1, path, &count);
            for (uint64_t x = 0; x < n; x++)
                for (uint64_t y = x + 1; y <= n; y++)
                    if (x != a || y != a + 1)
                        T_TRUE(wr_tree_verify(&root, n, x, y, &leaves[a], path, count) != WR_OK);
            wr_hash other = naive(0, n + 1);
            T_TRUE(wr_tree_verify(&other, n + 1, a, a + 1, &leaves[a], path, count) != WR_OK);
            T_TRUE(wr_tree_verify(&other, n, a, a + 1, &leaves[a], path, count) != WR_OK);
        }
    }
}

/* A leaf that is shown as a node, and a node as a leaf, give another hash: their labels differ. */
static void a_leaf_is_no_node(void **state) {
    (void)state;
    uint8_t block[128];
    wr_rng rng = t_rng(3);
    wr_rng_fill(&rng, block, sizeof block);
    wr_hash left = wr_hash_of(WR_LABEL_LEAF, wr_slice_of(block, 64));
    wr_hash node = wr_hash_of2(WR_LABEL_NODE, wr_slice_of(block, 32), wr_slice_of(block + 32, 32));
    wr_hash a, b;
    memcpy(a.b, block, 32);
    memcpy(b.b, block + 32, 32);
    wr_hash code = wr_tree_node_hash(&a, &b);
    T_MEM(code.b, node.b, sizeof node.b);
    T_FALSE(wr_hash_equal(&left, &node));

    /* Two leaves [0, 2) of a tree of 4, passed off as one leaf of a tree of 3. */
    wr_hash pair = naive(0, 2), root4 = naive(0, 4), right = naive(2, 4);
    T_OK(wr_tree_verify(&root4, 4, 0, 2, &pair, &right, 1));
    T_TRUE(wr_tree_verify(&root4, 4, 0, 1, &pair, &right, 1) != WR_OK);
    T_TRUE(wr_tree_verify(&root4, 3, 0, 1, &pair, &right, 1) != WR_OK);
}

static void the_longest_paths_fit(void **state) {
    (void)state;
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t count;
    T_OK(wr_tree_path(UINT64_MAX, 0, 1, spans, &count));
    T_EQ(count, WR_PROOF_HASHES_MAX);
    T_OK(wr_tree_path(UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, spans, &count));
    T_EQ(count, WR_PROOF_HASHES_MAX - 1);
    T_ERR(wr_tree_path(UINT64_MAX, 1, UINT64_MAX, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_path(0, 0, 0, spans, &count), WR_ERR_FORMAT);
}

static void no_range_and_a_range_beyond_the_end_have_no_path(void **state) {
    (void)state;
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t count = 77;
    T_ERR(wr_tree_path(8, 3, 3, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_path(8, 4, 3, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_path(8, 8, 9, spans, &count), WR_ERR_FORMAT);
    T_EQ(count, 77);
    T_OK(wr_tree_path(8, 0, 8, spans, &count));
    T_EQ(count, 0);
}

/* spec:feed#5.4 type=test "A prefix proof MUST have exactly one hash for the node and for each
 * sibling on the way." */
static void a_prefix_proof_shows_both_roots(void **state) {
    (void)state;
    for (uint64_t len = 1; len <= 130; len++) {
        for (uint64_t n = 1; n <= len; n++) {
            wr_tree_span spans[WR_PROOF_HASHES_MAX];
            wr_hash path[WR_PROOF_HASHES_MAX + 1] = {0}, prefix = {{0}}, all = {{0}};
            uint32_t count;
            T_OK(wr_tree_prefix_path(len, n, spans, &count));
            T_EQ(spans[0].hi, n);
            for (uint32_t i = 0; i < count; i++)
                path[i] = naive(spans[i].lo, spans[i].hi);
            T_ERR(wr_tree_prefix_roots(len, n, path, count - 1, &prefix, &all), WR_ERR_FORMAT);
            T_ERR(wr_tree_prefix_roots(len, n, path, count + 1, &prefix, &all), WR_ERR_FORMAT);
            T_TRUE(wr_is_zero(WR_SLICE_OBJ(prefix)));
            T_TRUE(wr_is_zero(WR_SLICE_OBJ(all)));
            T_OK(wr_tree_prefix_roots(len, n, path, count, &prefix, &all));
            wr_hash want_prefix = naive(0, n), want_all = naive(0, len);
            T_MEM(prefix.b, want_prefix.b, WR_HASH_SIZE);
            T_MEM(all.b, want_all.b, WR_HASH_SIZE);
        }
    }
}

/* RFC 9162, 2.1.4.2, word for word, where a path for a power of two lacks its first hash. */
static bool rfc_verifies(uint64_t first, uint64_t second, const wr_hash *first_hash,
                         const wr_hash *second_hash, const wr_hash *path, uint32_t count) {
    uint32_t at = 0;
    uint64_t fn = first - 1, sn = second - 1;
    wr_hash fr, sr;
    bool power = (first & (first - 1)) == 0;
    if (count == 0)
        return false;
    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    fr = sr = power ? *first_hash : path[at++];
    for (; at < count; at++) {
        const wr_hash *c = &path[at];
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            fr = wr_tree_node_hash(c, &fr);
            sr = wr_tree_node_hash(c, &sr);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            sr = wr_tree_node_hash(&sr, c);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && wr_hash_equal(&fr, first_hash) && wr_hash_equal(&sr, second_hash);
}

static void a_prefix_path_is_that_of_the_rfc(void **state) {
    (void)state;
    for (uint64_t len = 2; len <= 130; len++) {
        for (uint64_t n = 1; n < len; n++) {
            wr_tree_span spans[WR_PROOF_HASHES_MAX];
            wr_hash path[WR_PROOF_HASHES_MAX], prefix = naive(0, n), all = naive(0, len);
            uint32_t count, power = (n & (n - 1)) == 0;
            T_OK(wr_tree_prefix_path(len, n, spans, &count));
            for (uint32_t i = 0; i < count; i++)
                path[i] = naive(spans[i].lo, spans[i].hi);
            T_TRUE(rfc_verifies(n, len, &prefix, &all, path + power, count - power));
        }
    }
}

static void no_prefix_and_one_beyond_the_end_have_no_path(void **state) {
    (void)state;
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    wr_hash path[WR_PROOF_HASHES_MAX] = {0}, prefix, all;
    uint32_t count = 77;
    T_ERR(wr_tree_prefix_path(8, 0, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_prefix_path(8, 9, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_prefix_path(0, 0, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_prefix_path(WR_FEED_LEN_MAX + 1, 1, spans, &count), WR_ERR_FORMAT);
    T_ERR(wr_tree_prefix_path(UINT64_MAX, 1, spans, &count), WR_ERR_FORMAT);
    T_EQ(count, 77);
    T_ERR(wr_tree_prefix_roots(8, 0, path, 1, &prefix, &all), WR_ERR_FORMAT);
    T_OK(wr_tree_prefix_path(WR_FEED_LEN_MAX, 1, spans, &count));
    T_EQ(count, 45);
    T_OK(wr_tree_prefix_path(WR_FEED_LEN_MAX, WR_FEED_LEN_MAX - 1, spans, &count));
    T_OK(wr_tree_prefix_path(WR_FEED_LEN_MAX, WR_FEED_LEN_MAX, spans, &count));
    T_EQ(count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_the_naive_tree_hash),
        cmocka_unit_test(nodes_of_chunk_size_and_above_come_out_when_complete),
        cmocka_unit_test(a_graft_is_so_many_appends),
        cmocka_unit_test(a_suffix_root_is_the_naive_hash_from_a_peak_on),
        cmocka_unit_test(every_node_is_proven_and_every_other_range_refused),
        cmocka_unit_test(aligned_nodes_of_larger_trees_are_proven),
        cmocka_unit_test(a_forged_proof_is_refused),
        cmocka_unit_test(a_proof_holds_for_its_own_range_only),
        cmocka_unit_test(a_leaf_is_no_node),
        cmocka_unit_test(the_longest_paths_fit),
        cmocka_unit_test(no_range_and_a_range_beyond_the_end_have_no_path),
        cmocka_unit_test(a_prefix_proof_shows_both_roots),
        cmocka_unit_test(a_prefix_path_is_that_of_the_rfc),
        cmocka_unit_test(no_prefix_and_one_beyond_the_end_have_no_path),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
