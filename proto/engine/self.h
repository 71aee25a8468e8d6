/* This device's side of the circle: identity, graph, keyring and all feeds, shared by all links.
 *
 *   load / found -> { author, append, take } -> poll what to store -> commit -> write to links
 *
 * Whatever the core learns or makes has to be durable before bytes leave: the owner polls
 * (wr_self_poll) after every call that can change something, stores what it gets, and lets links
 * write only after the commit.  If the commit fails, the self is thrown away and loaded again.
 *
 * Spec:   proto/spec/circle.md, feed.md, sync.md
 * Layer:  engine
 * Owner:  one per agent.  Holds secrets.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_H
#define WR_ENGINE_SELF_H

#include "base/base.h"
#include "base/limits.h"
#include "circle/generations.h"
#include "circle/identity.h"
#include "circle/keyring.h"
#include "engine/twins.h"
#include "engine/volume.h"
#include "feed/frontier.h"

typedef struct wr_self wr_self;
WR_MUST wr_err wr_self_new(const wr_identity *identity, wr_rng rng, wr_self **ret_self);
void wr_self_free(wr_self *self); /* wipes; NULL is fine */
WR_DEFINE_FREEP(wr_self, wr_self_free)

/* ---- loading what was durable: ops, seeds, epochs, heads, marks, volumes, then done ----- */
/* CORRUPT: not what this device could have stored.  UNKNOWN, of an epoch: its op is not here. */
WR_MUST wr_err wr_self_load_op(wr_self *self, wr_slice bytes, const wr_sig *sig);
/* Q of the generation that this op founded. */
WR_MUST wr_err wr_self_load_seed(wr_self *self, const wr_hash *founder, const wr_key *seed);
WR_MUST wr_err wr_self_load_epoch(wr_self *self, const wr_hash *epoch_id, const wr_key *secret);
/* Its history blob, if one was stored. */
WR_MUST wr_err wr_self_load_history(wr_self *self, const wr_hash *epoch_id, wr_slice blob);
WR_MUST wr_err wr_self_load_head(wr_self *self, wr_slice head);
WR_MUST wr_err wr_self_load_mark(wr_self *self, const wr_hash *device_id, uint64_t mark);
/* How much is held under an epoch. */
WR_MUST wr_err wr_self_load_volume(wr_self *self, const wr_hash *epoch_id, const wr_volume *volume);
/* Checks that the parts fit; afterwards the self works. */
WR_MUST wr_err wr_self_load_done(wr_self *self, wr_now now);

/* New circle on an empty self: GENESIS co-signed by the recovery key, first EPOCH, seed Q. */
WR_MUST wr_err wr_self_found(wr_self *self, const wr_root *root, const wr_sign_key *root_sign,
                             wr_now now);

/* ---- what must be stored ------------------------------------------------------------------ */

typedef enum wr_put_type {
    WR_PUT_OP,     /* .op */
    WR_PUT_SEED,   /* .id: the op that founded the generation, .secret: its Q */
    WR_PUT_EPOCH,  /* .id, .secret: E; .head: history blob, may be empty */
    WR_PUT_DROP,   /* .id: E and history of this epoch are to be deleted */
    WR_PUT_ROW,    /* .feed, .row, .logs */
    WR_PUT_NODES,  /* .feed, .nodes */
    WR_PUT_HEAD,   /* .feed, .head: encoded feed */
    WR_PUT_MARK,   /* .id: device, .mark: highest session time used by or accepted from it */
    WR_PUT_VOLUME, /* .id: epoch, .volume; in one commit with the rows that it counts */
} wr_put_type;

typedef struct wr_put { /* pointers live until the next call on self */
    wr_put_type type;
    wr_op_ref op;
    wr_hash id;
    const wr_key *secret;
    const wr_feed *feed;
    const wr_row *row;
    const wr_row_log *logs; /* row->log_count of them */
    const wr_tree_nodes *nodes;
    wr_slice head;
    uint64_t mark;
    wr_volume volume;
} wr_put;
/* False when nothing is left.  To be drained before the next append, take or link read. */
WR_MUST bool wr_self_poll(wr_self *self, wr_put *ret_put);
/* True while wr_self_poll would give something. */
WR_MUST bool wr_self_pending(const wr_self *self);

/* ---- looking ----------------------------------------------------------------------------- */

const wr_identity *wr_self_identity(const wr_self *self);
/* The graph that counts: another one after a RESET. */
const wr_graph *wr_self_graph(const wr_self *self);
const wr_generations *wr_self_generations(const wr_self *self);
const wr_keyring *wr_self_keyring(const wr_self *self);
const wr_rng *wr_self_rng(const wr_self *self);
uint32_t wr_self_feed_count(const wr_self *self);
/* Index is stable for the life of self. */
const wr_feed *wr_self_feed(const wr_self *self, uint32_t index);
WR_MUST bool wr_self_find_feed(const wr_self *self, const wr_hash *feed_id, uint32_t *ret_index);
WR_MUST bool wr_self_device_feed(const wr_self *self, const wr_hash *device_id, uint32_t stream,
                                 uint32_t *ret_index);
/* All non-empty feeds, ascending by feed_id; count <= WR_FEEDS_MAX. */
uint32_t wr_self_frontier(const wr_self *self, wr_frontier_item *items);
wr_hash wr_self_frontier_digest(const wr_self *self);
/* The epoch to write under (rule K3); NULL if none is held. */
const wr_hash *wr_self_write_epoch(const wr_self *self);

/* The epoch whose psk opens a session to device: the newest that it is known to hold, and with each
 * attempt that it did not answer the next older one, then from the newest again.  NULL: none. */
const wr_hash *wr_self_session_epoch(const wr_self *self, const wr_hash *device, uint32_t attempt);

/* Opens an entry's content.  UNKNOWN: its epoch is not held here, or the body was erased. */
WR_MUST wr_err wr_self_open(const wr_self *self, const wr_feed *feed, const wr_entry *entry,
                            wr_buf *out);

/* ---- clock (feed.md 6.4) -------------------------------------------------------------------- */

/* The next hybrid logical time of this device: above all it has seen, near the wall clock. */
uint64_t wr_self_hlc(wr_self *self, wr_now now);

/* ---- writing ---- */

/* May this device sign right now?  Not after a start, while there are members that it has seen and
 * none of them has confirmed our own newest checkpoint and op (sync.md 5). */
WR_MUST bool wr_self_may_sign(const wr_self *self);

/* Adds an entry to the open run of stream (one run at a time).  hlc from wr_self_hlc or a tail
 * entry; it must exceed the feed's last (see wr_self_hlc_floor).
 *   NOBUF  the run is full: close, drain, go on     STATE  may not sign     LIMIT, NOMEM, UNKNOWN
 */
WR_MUST wr_err wr_self_append(wr_self *self, uint32_t stream, uint8_t kind, uint16_t log_no,
                              uint64_t hlc, wr_slice content, uint64_t *ret_seq);
/* Signs the open run; nothing to do is OK.  Then drain. */
WR_MUST wr_err wr_self_close_run(wr_self *self);
/* hlc of the newest entry of the own feed, those of the open run included. */
uint64_t wr_self_hlc_floor(const wr_self *self, uint32_t stream);

/* Authors and admits an op (ADD is made by wr_self_make_add).  STATE: may not sign. */
WR_MUST wr_err wr_self_author(wr_self *self, wr_op_type type, wr_slice body, wr_now now);
/* ACK what others did, if due and allowed. */
WR_MUST wr_err wr_self_ack(wr_self *self, wr_now now);
typedef struct wr_removal {
    const wr_hash *targets; /* ascending, each once */
    uint32_t target_count;  /* 1 .. WR_MEMBERS_MAX */
    wr_reason reason;
    const wr_sign_key *root; /* signs instead of this device; NULL: this device does */
} wr_removal;
/* REMOVE and a new epoch.  STATE: may not sign, and others than the targets could change that. */
WR_MUST wr_err wr_self_remove(wr_self *self, const wr_removal *removal, wr_now now);
/* The farewell of this device: nothing can be signed after it. */
WR_MUST wr_err wr_self_leave(wr_self *self, wr_now now);
WR_MUST wr_err wr_self_set_role(wr_self *self, const wr_hash *device_id, wr_role_kind role,
                                const wr_sign_key *root, wr_now now);
/* The owner accepts an op that the guard held (circle.md 4.6).  UNKNOWN: it is not held. */
WR_MUST wr_err wr_self_release(wr_self *self, const wr_hash *op_id);
/* A new epoch is due: nobody may write under those that are held, or the one is old or full. */
WR_MUST bool wr_self_rotation_due(wr_self *self, wr_now now);
/* May one more entry be written under the epoch, those of the open run counted?  False: none is
 * held.  Who goes on all the same, as no new one can be made, does nothing wrong. */
WR_MUST bool wr_self_has_room(const wr_self *self);
/* When an epoch is full: that of circle.md 5.4, unless it is set. */
void wr_self_set_epoch_max(wr_self *self, const wr_volume *max);
WR_MUST wr_err wr_self_rotate(wr_self *self, wr_now now);
/* Builds a signed ADD without admitting it: A keeps it until READY (pairing.md 5). */
WR_MUST wr_err wr_self_make_add(wr_self *self, wr_slice body, wr_now now, wr_buf *out,
                                wr_sig *ret_sig);

/* ---- taking what siblings send ---- */

/* EXISTS is OK here. Otherwise as wr_graph_admit. */
WR_MUST wr_err wr_self_admit(wr_self *self, wr_slice op, const wr_sig *sig, wr_now now);
/* .. as wr_graph_admit_branch. */
WR_MUST wr_err wr_self_admit_branch(wr_self *self, wr_slice op, const wr_sig *sig, wr_now now);
/* Evidence that was kept, or that an EQUIV holds which is void, becomes an EQUIV of our own. */
WR_MUST wr_err wr_self_accuse(wr_self *self, wr_now now);
/* Judged, and taken over as the newest.  EXISTS: nothing new.  UNKNOWN: it names unknown ops. */
WR_MUST wr_err wr_self_checkpoint(wr_self *self, uint32_t feed_index, wr_slice bytes,
                                  const wr_sig *sig);
/* A unit against it; rows are polled and point into its entries.  REFUSED: beyond the limit. */
WR_MUST wr_err wr_self_take(wr_self *self, uint32_t feed_index, const wr_unit *unit, wr_now now);

/* E of an epoch.  UNKNOWN: its op is not here.  AUTH: that commits to another.  LIMIT, EXISTS. */
WR_MUST wr_err wr_self_add_epoch(wr_self *self, const wr_hash *epoch_id, const wr_key *secret);
/* The same with its history blob (may be empty): the epochs before it come with it.  A blob that is
 * not the op's is dropped. */
WR_MUST wr_err wr_self_add_history(wr_self *self, const wr_hash *epoch_id, const wr_key *secret,
                                   wr_slice blob);

/* ---- used by links ---- */

/* A sibling over an authenticated session holds no more of our own feeds and ops than we do. */
void wr_self_confirm(wr_self *self);
/* Is the secret of this epoch of the graph one to ask for and to take (circle.md 5.6)? */
WR_MUST bool wr_self_wants_epoch(const wr_self *self, uint32_t index);
/* Session times: ours for the next handshake; a peer's, REFUSED unless above its last. */
uint64_t wr_self_next_mark(wr_self *self, wr_now now);
WR_MUST wr_err wr_self_accept_mark(wr_self *self, const wr_hash *device_id, uint64_t mark);
/* Who delivers a feed to us: 0 = nobody.  A link claims it, and gives it back when it goes. */
uint64_t wr_self_source(const wr_self *self, uint32_t feed_index);
/* len: how many entries it says it holds. */
void wr_self_set_source(wr_self *self, uint32_t feed_index, uint64_t link_id, uint64_t len);
uint64_t wr_self_source_len(const wr_self *self, uint32_t feed_index);
/* How many entries a sibling must hold to prove any; 0 where the newest checkpoint proves none. */
uint64_t wr_self_covered(const wr_self *self, uint32_t feed_index);

#endif /* WR_ENGINE_SELF_H */
