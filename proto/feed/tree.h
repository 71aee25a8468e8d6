/* The Merkle tree over a feed: peaks to grow it, roots to sign, proofs that a range belongs.
 *
 * The tree is RFC 9162's (section 2.1) with personalised BLAKE2b in place of the prefix bytes.
 * A tree of n leaves is kept as its peaks: the roots of the perfect subtrees that n's binary
 * digits name, largest first.
 *
 * Spec:   proto/spec/feed.md 4, 5
 * Layer:  feed.  Pure; no allocation.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_FEED_TREE_H
#define WR_FEED_TREE_H

#include "base/base.h"
#include "base/limits.h"
#include "crypto/crypto.h"

typedef struct wr_tree {
    uint64_t len;                     /* leaves */
    wr_hash peaks[WR_TREE_PEAKS_MAX]; /* as many as len has one bits, largest first */
} wr_tree;

/* A perfect subtree: leaves [index << level, (index + 1) << level). */
typedef struct wr_tree_node {
    uint8_t level;
    uint64_t index;
    wr_hash hash;
} wr_tree_node;

/* Nodes of chunk size and above that an append completed: the store keeps them for proofs. */
typedef struct wr_tree_nodes {
    uint32_t count;
    wr_tree_node list[WR_TREE_PEAKS_MAX];
} wr_tree_nodes;

#define WR_CHUNK_LEVEL 10u
_Static_assert(1u << WR_CHUNK_LEVEL == WR_CHUNK_ENTRIES, "a chunk is a node of its level");

wr_hash wr_tree_node_hash(const wr_hash *left, const wr_hash *right);

/* Appends one leaf; completed nodes of WR_CHUNK_LEVEL and above are added to nodes (may be NULL).
 * nodes must have room for WR_TREE_PEAKS_MAX minus what one append can complete; callers drain it
 * at each chunk border. */
void wr_tree_append(wr_tree *tree, const wr_hash *leaf, wr_tree_nodes *nodes);
/* Appends a perfect subtree of 2^level leaves; len must be a multiple of its size. */
void wr_tree_graft(wr_tree *tree, uint8_t level, const wr_hash *node, wr_tree_nodes *nodes);
uint32_t wr_tree_peak_count(const wr_tree *tree);
/* The root over all leaves; zero for an empty tree. */
wr_hash wr_tree_root(const wr_tree *tree);
/* The root over leaves [from, len), where from must be a border between peaks (from < len):
 * the ragged right part of the tree.  STATE if it is no such border. */
WR_MUST wr_err wr_tree_suffix_root(const wr_tree *tree, uint64_t from, wr_hash *ret_root);

/* ---- range proofs (feed.md 5) -------------------------------------------------- */

/* [lo, hi) of leaves: one sibling on the way from a range to the root. */
typedef struct wr_tree_span {
    uint64_t lo, hi;
    bool left; /* the range lies to the left of this sibling */
} wr_tree_span;

/* The siblings of node [a, b) in the tree of n leaves, from the root downwards.  FORMAT if
 * [a, b) is no node of that tree. */
WR_MUST wr_err wr_tree_path(uint64_t n, uint64_t a, uint64_t b,
                            wr_tree_span ret_spans[WR_PROOF_HASHES_MAX], uint32_t *ret_count);
/* OK iff the node [a, b) with hash h and the siblings' hashes (same order as wr_tree_path) give
 * root in a tree of n leaves; AUTH otherwise, FORMAT for no node or another number of hashes. */
WR_MUST wr_err wr_tree_verify(const wr_hash *root, uint64_t n, uint64_t a, uint64_t b,
                              const wr_hash *h, const wr_hash *path, uint32_t count);

/* ---- prefix proofs (feed.md 5.4) ------------------------------------------------ */

/* The ranges whose hashes show, in one path, the root of the first n leaves and the root of all
 * len: first the last node that belongs to the first n alone, then the siblings from there upwards.
 * FORMAT unless 1 <= n <= len <= WR_FEED_LEN_MAX. */
WR_MUST wr_err wr_tree_prefix_path(uint64_t len, uint64_t n,
                                   wr_tree_span ret_spans[WR_PROOF_HASHES_MAX],
                                   uint32_t *ret_count);
/* What the hashes of such a path fold to.  FORMAT for no such tree or another number of hashes.
 * They prove nothing until *ret_root is a root that somebody signed for len leaves. */
WR_MUST wr_err wr_tree_prefix_roots(uint64_t len, uint64_t n, const wr_hash *path, uint32_t count,
                                    wr_hash *ret_prefix_root, wr_hash *ret_root);

#endif /* WR_FEED_TREE_H */
