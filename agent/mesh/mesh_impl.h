/* What the parts of the mesh share: siblings with their addresses and links, and the static
 * addresses.
 *
 *   mesh.c   who is known, and what is asked of whom     race.c   the dials of one sibling
 *   duel.c   which links to one sibling stay
 *
 * Layer:  mesh, private
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MESH_MESH_IMPL_H
#define MESH_MESH_IMPL_H

#include "mesh/mesh.h"

/* Where one address of one sibling stands in the round. */
typedef enum mesh_turn {
    MESH_TURN_DUE,     /* not yet tried */
    MESH_TURN_STARTED, /* a dial is under way */
    MESH_TURN_WAITS,   /* tried: its turn comes in the next round */
    MESH_TURN_NONE,    /* no candidate of this sibling; never stored */
} mesh_turn;

typedef struct mesh_place {
    mesh_addr addr;
    mesh_turn turn;
} mesh_place;

typedef struct mesh_link {
    uint64_t id;
    wr_mono since;
    bool ours; /* we dialled */
} mesh_link;

typedef struct mesh_sibling {
    wr_hash device;
    bool used;   /* the slot holds a sibling */
    bool member; /* false: only its links are known, it is never dialled */

    mesh_place learned[MESH_ADDRS_MAX]; /* most promising first */
    uint32_t learned_count;
    bool first_answered; /* learned[0] is where it answered last */
    mesh_turn at_static[MESH_STATIC_MAX];

    wr_mono dial_at;      /* no dial starts before */
    wr_mono round_at;     /* when the next round begins; never: one is on */
    uint32_t retry_ms;    /* before the last round, without jitter; 0: nothing failed yet */
    uint32_t short_lived; /* links in a row that went down young */
    uint32_t unanswered;  /* handshakes of ours in a row that it did not answer */

    mesh_link links[MESH_LINKS_MAX]; /* oldest first */
    uint32_t link_count;
} mesh_sibling;

typedef struct mesh_static {
    mesh_addr addr;
    const mesh_sibling *bound; /* who answered there; NULL: free for all */
} mesh_static;

struct mesh {
    wr_hash own;
    wr_rng rng;
    mesh_static statics[MESH_STATIC_MAX];
    uint32_t static_count;
    mesh_sibling siblings[WR_AUTHORS_MAX];
};

static inline bool mesh_addr_equal(const mesh_addr *a, const mesh_addr *b) {
    return wr_equal(WR_SLICE_OBJ(*a), WR_SLICE_OBJ(*b));
}

/* ---- race: the dials of one sibling ------------------------------------------------------- */

void race_learn(mesh *m, mesh_sibling *sibling, const mesh_addr *addr);
/* The static address of that index is new. */
void race_static(mesh *m, mesh_sibling *sibling, uint32_t index);
/* Takes the next address whose dial is due; false if there is none. */
WR_MUST bool race_next(mesh *m, mesh_sibling *sibling, wr_mono now, mesh_addr *ret_addr);
wr_mono race_deadline(const mesh *m, const mesh_sibling *sibling);
/* The dial to the sibling at addr ended; who answered, if anyone did, is said by race_answered. */
void race_ended(mesh *m, mesh_sibling *sibling, const mesh_addr *addr, bool answered);
/* The sibling answered at addr. */
void race_answered(mesh *m, mesh_sibling *sibling, const mesh_addr *addr);
/* If all of the round have failed: sets when the next begins.  To be asked after each change that
 * may end a round: a dial that failed, an address that is a candidate no more. */
void race_settle(mesh *m, mesh_sibling *sibling, wr_mono now);
/* Everything is due at once, as if nothing had been tried. */
void race_hurry(mesh_sibling *sibling, wr_mono now);
/* The last link, up since then, is gone. */
void race_again(mesh *m, mesh_sibling *sibling, wr_mono since, wr_mono now);

/* ---- duel: the links of one sibling ------------------------------------------------------- */

/* Adds the link unless it must close; returns the id of the one that must, or 0. */
WR_MUST uint64_t duel_judge(const mesh *m, mesh_sibling *sibling, mesh_link link);
/* Takes the link out; false if it was none of those that stay. */
WR_MUST bool duel_remove(mesh_sibling *sibling, uint64_t link_id, mesh_link *ret_link);

#endif /* MESH_MESH_IMPL_H */
