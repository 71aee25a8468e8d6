/* What the traitor's own files share.
 *
 *   traitor.c       its faces, what it writes, what it does when
 *   traitor_talk.c  its connections
 *   traitor_lie.c   frames that no honest device sends
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_TRAITOR_IMPL_H
#define SIM_TRAITOR_IMPL_H

#include "engine/link_impl.h"
#include "flow/hub_impl.h"
#include "sim/chance.h"
#include "sim/loop_sim.h"
#include "sim/traitor.h"

#define FACES_MAX 2u
#define TALKS_MAX 12u
#define TRAITOR_ENTRIES_MAX 300u
#define TRAITOR_BODY_MAX 400u

typedef enum lie_kind {
    LIE_FRONTIER, /* it holds what it does not */
    LIE_HAVE,
    LIE_WANT,
    LIE_OPS_ORDER, /* valid ops, children first and twice */
    LIE_OPS_FALSE,
    LIE_ADD,   /* as no admin it takes somebody in */
    LIE_FORGE, /* a history of somebody else, signed by itself */
    LIE_FORK,  /* another history of its own */
    LIE_TIME,  /* its own history, with clocks that go back or far ahead */
    LIE_NOISE,
    LIE_TRUNCATE,
    LIE_COUNT,
} lie_kind;

/* A copy of the home: a hub without a network. */
typedef struct face {
    traitor *traitor;
    loop *loop;
    hub *hub;
    chance rng;
    bool gone;
} face;

typedef struct talk {
    struct talk *next;
    traitor *traitor;
    face *face;
    transport *transport;
    wr_link *link; /* NULL: not begun, or over */
    uint32_t to;   /* whom it dialled */
    bool dialled, over, deaf;
    bool probes; /* says the probe as soon as it may */
} talk;

typedef struct made_entry { /* something it has written */
    uint32_t log;
    bool answered;
    uint64_t hlc;
} made_entry;

typedef struct made_job {
    traitor *traitor;
    uint32_t number;
} made_job;

struct traitor {
    traitor_config config;
    chance chance;
    wr_hash id;
    loop *loop;
    net *net;
    loop_event step, pump;
    bool stopped;
    uint32_t face_count;
    face faces[FACES_MAX];
    talk *talks;
    uint64_t next_link_id;
    made_entry made[TRAITOR_ENTRIES_MAX];
    made_job jobs[TRAITOR_ENTRIES_MAX];
    uint32_t made_count;
    uint32_t lies[LIE_COUNT]; /* weights */
    uint32_t idle;            /* steps without a new session */
    uint64_t sessions_before;
    uint32_t loyal; /* per mille: how often it stays with one face for a sibling */
    wr_feed probe;  /* what the probed one holds */
    traitor_counts counts;
};

/* traitor.c */
/* The content of another entry, which is written otherwise than through the hub: it counts as
 * signed from here on.  False: enough of them were written. */
bool traitor_make(traitor *t, face *f, uint64_t hlc, uint8_t out[TRAITOR_BODY_MAX],
                  wr_slice *ret_body, uint16_t *ret_log_no);

/* Only the first face acknowledges ops: see traitor.h for what is not modelled. */
void face_mute(face *f);

/* traitor_talk.c */
bool talk_listen(traitor *t);
talk *talk_dial(traitor *t, face *f, uint32_t to);
void talk_end(talk *k);
uint32_t talk_count(const traitor *t);
void talk_pump_all(traitor *t);
void talk_tick_all(traitor *t);
/* It may say something of its own between the frames of its link. */
bool talk_may_lie(const talk *k);

/* traitor_lie.c */
void lie(talk *k, lie_kind kind);
void lie_probe(talk *k);

#endif /* SIM_TRAITOR_IMPL_H */
