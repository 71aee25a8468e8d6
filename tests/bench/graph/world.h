/* Devices that sign ops on top of what each has seen, and the graph that takes them.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_BENCH_GRAPH_WORLD_H
#define TESTS_BENCH_GRAPH_WORLD_H

#include "circle/graph.h"
#include "circle/op_change.h"
#include "circle/removal.h"

#define MEMBERS WR_MEMBERS_MAX
#define PLACES (WR_AUTHORS_MAX / 2u) /* that members may give (circle.md 2.6) */
#define ADMINS 8u
#define NOBODY UINT32_MAX

typedef struct world {
    wr_graph *graph;
    uint64_t seed;
    uint32_t ops; /* those of ROOT not counted */
    uint32_t count, chains, devices;
    wr_sign_key root;
    wr_identity device[WR_AUTHORS_MAX];
    uint32_t chain[WR_AUTHORS_MAX]; /* where its next op goes */
    uint32_t owner[WR_COLUMNS_MAX], leaves[WR_COLUMNS_MAX];
    uint16_t at[WR_COLUMNS_MAX][WR_OPS_MAX]; /* op by chain and aseq */
    wr_hash id[WR_OPS_MAX];
    uint16_t clock[WR_OPS_MAX][WR_COLUMNS_MAX];    /* of an op and its past */
    uint16_t view[WR_AUTHORS_MAX][WR_COLUMNS_MAX]; /* of a device */
    uint16_t whole[WR_COLUMNS_MAX];
    uint32_t refused;
    double cost[WR_OPS_MAX], again[WR_OPS_MAX]; /* seconds: the first time, and the least later */
    double verified, heap, resident;
} world;

/* The same numbers each time. */
uint32_t world_below(world *w, uint32_t end);
bool world_chance(world *w, uint32_t percent);
void world_random(void *user, uint8_t *out, size_t len);
void world_merge(uint16_t *view, const uint16_t *other);
uint32_t world_chain(world *w, uint32_t device, uint32_t leaves);
/* CPU time without that of signatures goes to ret. */
wr_err world_admit(world *w, wr_graph *graph, wr_slice bytes, const wr_sig *sig, double *ret);

/* A founder, MEMBERS devices, ADMINS of them ADMIN; all acknowledged, all seen by all. */
void world_begin(world *w);
bool world_is_in(const world *w, uint32_t device);
void world_see_all(world *w, uint32_t device);
wr_key world_secret(uint32_t op); /* of the epoch that an op makes */

/* The next op of a device on top of what it has seen; false if the graph refuses it, or is full. */
bool world_add(world *w, uint32_t sponsor, wr_role_kind role);
bool world_ack(world *w, uint32_t device);
bool world_large_ack(world *w, uint32_t device); /* as long as one gets */
bool world_epoch(world *w, uint32_t device);
bool world_expel(world *w, uint32_t device, uint32_t target, wr_reason reason);
bool world_lower(world *w, uint32_t device, uint32_t target);
bool world_leave(world *w, uint32_t device);

#endif /* TESTS_BENCH_GRAPH_WORLD_H */
