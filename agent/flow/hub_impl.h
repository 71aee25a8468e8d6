/* What the hub's own files share: the device's state, its connections, and the steps of a turn.
 *
 *   hub.c      life, turn, commit, reload      append.c   everything this device writes
 *   loading.c  from the store to a device
 *   pump.c     connections and dialling        serve.c    units out of the store, with proofs
 *   pairflow.c windows and joining             beaconflow.c how both find each other
 *   founding.c a new circle, its words         view.c     what the local API looks at
 *   rollback.c set back, or copied         rejoin.c   .. and come in again
 *   damage.c   what the disk lost
 *   members.c  removals, roles                members_view.c, alerts.c  .. and what came of them
 *
 * Layer:  flow, private to the files above
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_HUB_IMPL_H
#define FLOW_HUB_IMPL_H

#include "core/metrics.h"
#include "flow/damage.h"
#include "flow/hub.h"
#include "flow/pairflow.h"
#include "flow/pump.h"
#include "flow/reader.h"
#include "flow/rollback.h"
#include "mesh/mesh.h"

#define HUB_PROBLEM_MAX 256u
#define HUB_EVENTS_MAX 64u

/* ---- appends (append.c) ---- */

typedef struct append_job append_job;
typedef struct done_job done_job;

/* ---- the hub ---- */

typedef struct queued_event {
    hub_event event;
    uint8_t name[WR_NAME_BYTES_MAX];
    char words[WR_PAIR_SAS_BYTES_MAX];
    char text[HUB_PROBLEM_MAX];
} queued_event;

struct hub {
    hub_config config;
    metrics metrics;
    loop_timer *timer;
    wr_mono started;

    keystore *keystore; /* both NULL while this home has no circle and no try left one */
    store *store;
    wr_self *self; /* NULL: no circle */
    reader *reader;
    mesh *mesh;
    bool in_transaction;
    wr_err failed; /* the store failed in this turn: everything is loaded again at its end */
    bool broken;   /* .. and that failed as well: tried again at reload_at */
    wr_mono reload_at;
    char problem[HUB_PROBLEM_MAX];

    /* What the open transaction changed. */
    bool new_rows, new_control, new_epochs, new_ops, new_names;
    /* What the reader may not have seen yet. */
    append_job *jobs, **jobs_end;
    done_job *done_jobs;
    uint64_t hlc_last;                 /* the newest one this device used, the tail's included */
    uint64_t tail_count, tail_damaged; /* entries of the tail; .. that do not open */
    uint64_t tail_from;                /* hlc: the damaged ones are below */
    bool named;                        /* our name of the circle is the one we want */
    wr_mono rotate_at;                 /* NEVER: no new epoch is due */
    wr_digest instance;                /* this process, as siblings hear it */
    rollback_state rollback;
    damage_state damage;

    uint16_t ports[HUB_LISTEN_MAX]; /* we listen at, in the order of the configuration */
    bool ports_kept;
    conn *conns;
    uint32_t conn_count;
    uint64_t next_link_id, next_pairing;
    pair_host host;
    pair_join join;
    struct {
        net_multicast *sockets; /* NULL: no pairing asks for beacons */
        wr_beacon_pair pair;
    } beacon;

    queued_event *events;
    uint32_t event_count;
    bool closing, closing_over;
    loop_fn closed;
    void *closed_ctx;
};

wr_now hub_now(const hub *h);
/* Keeps the text for hub_problem; returns err. */
wr_err hub_fail(hub *h, wr_err err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Tells the owner after this turn's commit; slices and texts are copied. */
void hub_tell(hub *h, const hub_event *event);
#define HUB_SHORT_ID_BYTES 5u
#define HUB_SHORT_ID_SIZE 9u
void hub_short_id(const wr_hash *id, char out[HUB_SHORT_ID_SIZE]); /* as the CLI shows it */

/* ---- storing (hub.c) ---- */

/* Opens the turn's transaction if it is not open yet. */
WR_MUST wr_err hub_begin(hub *h);
/* Stores what self has to store. */
WR_MUST wr_err hub_drain(hub *h);
/* Names and log numbers that came since the last commit count from now on. */
WR_MUST wr_err hub_apply(hub *h);
/* Commits what is open. */
WR_MUST wr_err hub_commit(hub *h);
/* A call of the API needs a circle that works: STATE, or what made it unusable. */
WR_MUST wr_err hub_ready(hub *h);
/* What is wrong with the store, for people; never NULL. */
const char *hub_store_text(const hub *h, wr_err err);
/* The turn cannot end well: whatever it did is undone at its end. */
void hub_give_up(hub *h, wr_err err);
/* The same, and what was changed so far in this turn is committed: for calls that read the store.
 */
WR_MUST wr_err hub_settled(hub *h);
/* self, reader and mesh from keystore and store; self stays NULL if the store holds no circle. */
WR_MUST wr_err hub_load(hub *h);
void hub_unload(hub *h);
#define HUB_SECRET_SEED 'q' /* of keys.db: Q, by the op that founded its generation */
/* Makes the home's keys and store, in place of what an unfinished try left. */
WR_MUST wr_err hub_provision(hub *h, const keystore_secrets *secrets);
/* This is our circle from now on.  Takes self over, also on error. */
WR_MUST wr_err hub_adopt(hub *h, wr_self *self);
/* The ADD that a new device may know and the circle does not yet. */
WR_MUST wr_err hub_keep_add(hub *h, wr_slice op, const wr_sig *sig);
WR_MUST wr_err hub_forget_add(hub *h);
/* Meta keys of a device, or of what else has an id: one byte, then the id. */
#define HUB_META_MARK 'm'
#define HUB_META_ADDRS 'a'
#define HUB_META_SEEN 's'
#define HUB_META_VERIFIED 'v'
#define HUB_META_HISTORY 'h'   /* of an epoch: its blob */
#define HUB_META_KEYED 'k'     /* of an epoch: its key was put in keys.db */
#define HUB_META_FORMER 'f'    /* a device that this home was before: ids of its tail name it */
#define HUB_META_VOLUME 'e'    /* of an epoch: how much is held under it */
#define HUB_META_DISMISSED 'x' /* an alert, by its id */
#define HUB_VOLUME_SIZE 16u    /* u64 entries || u64 bytes */
#define HUB_META_KEY_SIZE (1u + WR_HASH_SIZE)
wr_slice hub_meta_key(char kind, const wr_hash *device, uint8_t out[HUB_META_KEY_SIZE]);
/* Siblings for mesh: after the circle changed, and their remembered addresses. */
WR_MUST wr_err hub_refresh_mesh(hub *h);
/* Puts the name this device wants to have, sealed. */
WR_MUST wr_err hub_put_name(hub *h, wr_slice name);
/* Appends it; nothing if there is none. */
WR_MUST wr_err hub_get_name(hub *h, wr_buf *out);

/* ---- steps of a turn ---- */

WR_MUST wr_err append_turn(hub *h);     /* signs and stores what waits */
void append_answer(hub *h, wr_err err); /* after the commit */
/* done is called with this turn's outcome.  NOMEM. */
WR_MUST wr_err hub_when_stored(hub *h, hub_done_fn done, void *ctx);
/* What a call signed is stored with this turn; the errors of the call itself undo nothing. */
WR_MUST wr_err members_finish(hub *h, wr_err err, hub_done_fn done, void *ctx);
WR_MUST bool members_is_verified(hub *h, const wr_hash *device);
WR_MUST bool members_is_in(const hub *h, const wr_hash *device); /* gets sessions and secrets */
/* REFUSED: what this device signs counts for nobody any more. */
WR_MUST wr_err members_check_own(hub *h);
/* Ops that the guard held and the owner released (alerts.c). */
#define RELEASED_MAX 64u
typedef struct released_ops {
    uint32_t count;
    struct {
        uint32_t op_count; /* ops that were here then */
        wr_hash id;
    } list[RELEASED_MAX];
} released_ops;
WR_MUST wr_err released_get(hub *h, released_ops *ret_released);
/* To be called after each op that is loaded. */
WR_MUST wr_err released_load(const released_ops *released, wr_self *self);
/* New epochs (rotation.c). */
WR_MUST wr_err rotation_turn(hub *h); /* this device may sign */
void rotation_off(hub *h);            /* it may not */
wr_mono rotation_deadline(const hub *h);
/* The epoch is full, and another one cannot be made yet. */
WR_MUST bool rotation_blocked(const hub *h);
/* Before an entry is signed: a new epoch if it is full. */
WR_MUST wr_err rotation_make_room(hub *h);
WR_MUST wr_err rotation_key(hub *h); /* one now if there is none to write under */
WR_MUST wr_err append_load(hub *h);  /* after hub_load: where the tail stands */
/* Gives the prefix proof that the link needs for a checkpoint which its peer showed, if any. */
WR_MUST wr_err serve_weigh(hub *h, wr_link *link);
/* A unit of the feed for a sibling that holds [0, serve->first): ret_entries is malloc'd; path has
 * room for WR_PROOF_HASHES_MAX.  UNKNOWN: not here, CORRUPT, IO, NOMEM. */
WR_MUST wr_err serve_unit(hub *h, const wr_serve *serve, wr_unit *ret_unit, wr_hash *path,
                          uint8_t **ret_entries, size_t *ret_size);

#endif /* FLOW_HUB_IMPL_H */
