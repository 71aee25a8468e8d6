/* Whom to dial, when, at which address, and which of two links to one sibling stays: pure policy.
 *
 *   learn siblings and addresses ─> mesh_next: a dial ─> mesh_failed, or mesh_up ─> mesh_down
 *
 * Candidates of one sibling are tried in order of promise, MESH_STAGGER_MS apart, until one link is
 * up: first the address that answered last, then learned ones, newest first, then static ones. Such
 * a round tries each once; when all have failed, the next round waits, longer each time, with
 * jitter.  A sibling with a link is not dialled.  Time comes in, decisions go out; nothing here
 * does I/O.
 *
 * Layer:  mesh
 * Owner:  the hub has one.
 * Size:   one allocation of fixed size, made by mesh_new.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_MESH_H
#define MESH_MESH_H

#include "base/base.h"
#include "base/limits.h"

typedef struct mesh mesh;

/* An address as the owner understands it; equal bytes are the same address. */
typedef struct mesh_addr {
    uint8_t b[24];
} mesh_addr;

#define MESH_ADDRS_MAX 16u /* remembered for each sibling; the least promising leaves first */
#define MESH_STATIC_MAX 16u
#define MESH_STAGGER_MS 250u
#define MESH_RETRY_MIN_MS 1000u /* both before a jitter of 30 % either way */
#define MESH_RETRY_MAX_MS (5u * 60u * 1000u)
#define MESH_AGAIN_MIN_MS 100u /* a link went down: the first dial is due between these two .. */
#define MESH_AGAIN_MAX_MS 1000u
#define MESH_AGAIN_DOUBLINGS 4u /* .. doubled this often at most, while links live only shortly */
#define MESH_STABLE_MS 10000u   /* a link this old resets the back-off */
#define MESH_OVERLAP_MS 5000u
#define MESH_LINKS_MAX 4u /* to one sibling, while it chooses among those that it opened */

/* NOMEM.  own: our device id. */
WR_MUST wr_err mesh_new(const wr_hash *own, wr_rng rng, mesh **ret_mesh);
void mesh_free(mesh *m); /* NULL is fine */

/* The device is a current member: dial it (due at once).  Again is fine.  LIMIT: WR_AUTHORS_MAX
 * siblings are known.  Own id: nothing. */
WR_MUST wr_err mesh_add(mesh *m, const wr_hash *device, wr_mono now);
/* It is no member any more: never dialled again, its addresses are forgotten; a link to it is the
 * owner's to close. */
void mesh_remove(mesh *m, const wr_hash *device);
/* An address at which the device says, or was seen, to listen.  A new one is due at once, also
 * while the others wait; a known one is only moved up.  Either comes right after the one that
 * answered last, so of several the best is learned last.  Nothing for a device that was not added.
 */
void mesh_learn(mesh *m, const wr_hash *device, const mesh_addr *addr, wr_mono now);
/* An address of the configuration: whoever is there.  Every sibling without a link may be tried
 * there; once one has answered, only that one until it fails.  Again is fine.  LIMIT. */
WR_MUST wr_err mesh_add_static(mesh *m, const mesh_addr *addr, wr_mono now);
/* Everything is due now, and past failures are forgotten (the network changed, the machine woke
 * up). */
void mesh_hurry(mesh *m, wr_mono now);

/* ---- dialling -------------------------------------------------------------------------- */

typedef struct mesh_dial {
    wr_hash device;
    mesh_addr addr;
} mesh_dial;
/* A dial that is due; it counts as started until mesh_failed or mesh_up.  False: none before
 * mesh_deadline. */
WR_MUST bool mesh_next(mesh *m, wr_mono now, mesh_dial *ret_dial);
wr_mono mesh_deadline(const mesh *m); /* WR_MONO_NEVER: only an event brings the next dial */
/* A started dial ended without a link that was up. */
void mesh_failed(mesh *m, const mesh_dial *dial, wr_mono now);

/* The handshake of a dial was not answered; how many were not since a link was last up. */
void mesh_unanswered(mesh *m, const wr_hash *device);
uint32_t mesh_unanswered_count(const mesh *m, const wr_hash *device);

/* ---- links ----------------------------------------------------------------------------- */

/* A link is up: link_id > 0, ours if we dialled it (at dial, else NULL).  Returns the id of a link
 * to close: 0 none, else an older one or this one.
 *
 * Two links that came up MESH_OVERLAP_MS apart or more: the newer replaces the older, which may be
 * dead without knowing.  Closer ones are one simultaneous open, and may arrive in another order at
 * the other end:
 *   one opened by each    the one whose initiator has the smaller device id stays
 *   both opened by us     the older stays
 *   both opened by it     both stay (0), up to MESH_LINKS_MAX: it alone chooses, and closes one */
WR_MUST uint64_t mesh_up(mesh *m, const wr_hash *device, uint64_t link_id, const mesh_dial *dial,
                         wr_mono now);
/* The link is gone (also one that mesh_up told to close).  After the last one the sibling's
 * addresses are due again, soon: at a random instant, so that both ends rarely open at once. */
void mesh_down(mesh *m, const wr_hash *device, uint64_t link_id, wr_mono now);
WR_MUST bool mesh_has_link(const mesh *m, const wr_hash *device);

/* What is remembered of a device, most promising first: what to keep over a restart (learn it again
 * from the last to the first).  Static addresses are not among them. */
uint32_t mesh_addrs(const mesh *m, const wr_hash *device, mesh_addr out[MESH_ADDRS_MAX]);

#endif /* MESH_MESH_H */
