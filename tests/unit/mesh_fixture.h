/* Devices, addresses and expected dials for the tests of the mesh.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_MESH_FIXTURE_H
#define TESTS_UNIT_MESH_FIXTURE_H

#include "harness/harness.h"

#include "mesh/mesh.h"

/* Ids in the order of n; SELF is the device that new_mesh makes. */
wr_hash device_of(uint32_t n);
#define SELF 100u
mesh_addr addr_of(uint32_t n);

mesh *new_mesh(uint64_t seed);
void add(mesh *m, uint32_t device, uint64_t at);
void learn(mesh *m, uint32_t device, uint32_t addr, uint64_t at);
void add_static(mesh *m, uint32_t addr, uint64_t at);

mesh_dial dial_of(uint32_t device, uint32_t addr);
/* The next dial is this one, at exactly that time. */
void expect_dial(mesh *m, uint32_t device, uint32_t addr, uint64_t at);
/* An event has just made this dial due. */
void expect_due(mesh *m, uint32_t device, uint32_t addr, uint64_t now);
/* Nothing is due at that time; the deadline lies behind it. */
void expect_none(mesh *m, uint64_t at);
/* Nothing is due before an event. */
void expect_never(mesh *m);
/* As expect_dial, whenever it is due; returns the time. */
uint64_t next_dial(mesh *m, uint32_t device, uint32_t addr);
void dial_failed(mesh *m, uint32_t device, uint32_t addr, uint64_t at);

/* mesh_up with a dial of ours to the device, or an incoming link. */
uint64_t up_ours(mesh *m, uint32_t device, uint64_t link_id, uint32_t addr, uint64_t at);
uint64_t up_theirs(mesh *m, uint32_t device, uint64_t link_id, uint64_t at);
void down(mesh *m, uint32_t device, uint64_t link_id, uint64_t at);
bool has_link(const mesh *m, uint32_t device);

#endif /* TESTS_UNIT_MESH_FIXTURE_H */
