/* Merkle tree by peaks: append, roots, range proofs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "feed/tree.h"

wr_hash wr_tree_node_hash(const wr_hash *left, const wr_hash *right) {
    return wr_hash_of2(WR_LABEL_NODE, WR_SLICE_OBJ(*left), WR_SLICE_OBJ(*right));
}

uint32_t wr_tree_peak_count(const wr_tree *tree) {
    return (uint32_t)__builtin_popcountll(tree->len);
}

void wr_tree_graft(wr_tree *tree, uint8_t level, const wr_hash *subtree, wr_tree_nodes *nodes) {
    WR_ASSERT(tree->len < UINT64_MAX >> 16);
    WR_ASSERT(tree->len % (1ull << level) == 0);
    uint32_t peaks = wr_tree_peak_count(tree);
    wr_hash node = *subtree;
    uint64_t len = tree->len + (1ull << level);
    /* Every one bit of len from level upwards is a peak of the node's size: they merge. */
    for (uint64_t bits = tree->len >> level;; bits >>= 1) {
        if (nodes != NULL && level >= WR_CHUNK_LEVEL) {
            WR_ASSERT(nodes->count < WR_TREE_PEAKS_MAX);
            nodes->list[nodes->count++] = (wr_tree_node){level, tree->len >> level, node};
        }
        if (!(bits & 1))
            break;
        node = wr_tree_node_hash(&tree->peaks[--peaks], &node);
        level++;
    }
    tree->peaks[peaks] = node;
    tree->len = len;
}

void wr_tree_append(wr_tree *tree, const wr_hash *leaf, wr_tree_nodes *nodes) {
    wr_tree_graft(tree, 0, leaf, nodes);
}

/* Folds peaks[first..count) right to left. */
static wr_hash fold(const wr_hash *peaks, uint32_t first, uint32_t count) {
    WR_ASSERT(first < count);
    wr_hash root = peaks[count - 1];
    for (uint32_t i = count - 1; i > first; i--)
        root = wr_tree_node_hash(&peaks[i - 1], &root);
    return root;
}

wr_hash wr_tree_root(const wr_tree *tree) {
    if (tree->len == 0)
        return (wr_hash){{0}};
    return fold(tree->peaks, 0, wr_tree_peak_count(tree));
}

wr_err wr_tree_suffix_root(const wr_tree *tree, uint64_t from, wr_hash *ret_root) {
    uint64_t at = 0;
    uint32_t count = wr_tree_peak_count(tree);
    for (uint32_t i = 0; i < count; i++) {
        if (at == from) {
            *ret_root = fold(tree->peaks, i, count);
            return WR_OK;
        }
        /* The next peak is the largest power of two in what remains. */
        at += 1ull << (63 - __builtin_clzll(tree->len - at));
    }
    return WR_ERR_STATE;
}

/* Where a tree over [lo, hi) splits: the largest power of two below its size. */
static uint64_t split(uint64_t lo, uint64_t hi) {
    return lo + (1ull << (63 - __builtin_clzll(hi - lo - 1)));
}

wr_err wr_tree_path(uint64_t n, uint64_t a, uint64_t b, wr_tree_span ret_spans[WR_PROOF_HASHES_MAX],
                    uint32_t *ret_count) {
    if (a >= b || b > n)
        return WR_ERR_FORMAT;
    uint64_t lo = 0, hi = n;
    uint32_t count = 0;
    while (lo != a || hi != b) {
        if (hi - lo < 2)
            return WR_ERR_FORMAT;
        uint64_t mid = split(lo, hi);
        WR_ASSERT(count < WR_PROOF_HASHES_MAX); /* each step halves a 64-bit size */
        if (b <= mid) {
            ret_spans[count++] = (wr_tree_span){mid, hi, true};
            hi = mid;
        } else if (a >= mid) {
            ret_spans[count++] = (wr_tree_span){lo, mid, false};
            lo = mid;
        } else {
            return WR_ERR_FORMAT;
        }
    }
    *ret_count = count;
    return WR_OK;
}

wr_err wr_tree_verify(const wr_hash *root, uint64_t n, uint64_t a, uint64_t b, const wr_hash *h,
                      const wr_hash *path, uint32_t count) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t expected;
    WR_TRY(wr_tree_path(n, a, b, spans, &expected));
    /* spec:feed#5.2 "A proof MUST have exactly one hash for each sibling on the way." */
    if (count != expected)
        return WR_ERR_FORMAT;
    wr_hash node = *h;
    for (uint32_t i = count; i > 0; i--)
        node = spans[i - 1].left ? wr_tree_node_hash(&node, &path[i - 1])
                                 : wr_tree_node_hash(&path[i - 1], &node);
    return wr_hash_equal(&node, root) ? WR_OK : WR_ERR_AUTH;
}

/* ---- prefix proofs ---- */

/* Down the right edge of the first n leaves: where a node ends at n it lies in both trees, and all
 * that was passed on the way are its siblings. */
wr_err wr_tree_prefix_path(uint64_t len, uint64_t n, wr_tree_span ret_spans[WR_PROOF_HASHES_MAX],
                           uint32_t *ret_count) {
    wr_tree_span down[WR_PROOF_HASHES_MAX];
    uint64_t lo = 0, hi = len;
    uint32_t count = 0;
    if (n == 0 || n > len || len > WR_FEED_LEN_MAX)
        return WR_ERR_FORMAT;
    while (hi != n) {
        uint64_t mid = split(lo, hi);
        WR_ASSERT(count < WR_PROOF_HASHES_MAX - 1); /* each step halves a 44-bit size */
        if (n <= mid) {
            down[count++] = (wr_tree_span){mid, hi, true};
            hi = mid;
        } else {
            down[count++] = (wr_tree_span){lo, mid, false};
            lo = mid;
        }
    }
    ret_spans[0] = (wr_tree_span){lo, hi, true};
    for (uint32_t i = 0; i < count; i++)
        ret_spans[1 + i] = down[count - 1 - i];
    *ret_count = count + 1;
    return WR_OK;
}

wr_err wr_tree_prefix_roots(uint64_t len, uint64_t n, const wr_hash *path, uint32_t count,
                            wr_hash *ret_prefix_root, wr_hash *ret_root) {
    wr_tree_span spans[WR_PROOF_HASHES_MAX];
    uint32_t expected;
    WR_TRY(wr_tree_prefix_path(len, n, spans, &expected));
    /* spec:feed#5.4 "A prefix proof MUST have exactly one hash for the node and for each sibling on
     * the way." */
    if (count != expected)
        return WR_ERR_FORMAT;
    wr_hash prefix = path[0], all = path[0];
    for (uint32_t i = 1; i < count; i++) {
        if (spans[i].left) { /* this sibling lies behind the first n leaves */
            all = wr_tree_node_hash(&all, &path[i]);
            continue;
        }
        prefix = wr_tree_node_hash(&path[i], &prefix);
        all = wr_tree_node_hash(&path[i], &all);
    }
    *ret_prefix_root = prefix;
    *ret_root = all;
    return WR_OK;
}
