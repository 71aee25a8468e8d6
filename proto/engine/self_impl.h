/* What self's own files share: the struct behind the handle.
 *
 * Layer:  engine, private to self*.c
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_SELF_IMPL_H
#define WR_ENGINE_SELF_IMPL_H

#include "circle/boxes.h"
#include "circle/generations.h"
#include "circle/op_change.h"
#include "engine/self_seed.h"

#define WR_RUN_MEMORY (WR_RUN_BYTES_MAX + 3u * WR_ENTRY_BYTES_MAX)
#define WR_FEED_NONE UINT32_MAX
#define WR_EPOCH_NONE UINT32_MAX /* only a RESET names it */

/* A feed and what goes on around it. */
typedef struct self_feed {
    wr_feed feed;
    bool head_dirty;     /* to be stored */
    uint64_t source;     /* link that delivers it to us; 0 = none */
    uint64_t source_len; /* what it says it holds */
    bool signed_any;     /* by us, since the start */
} self_feed;

/* Highest session time used by a device (ours: index of ourselves). */
typedef struct self_mark {
    wr_hash device_id;
    uint64_t mark;
    bool dirty;
} self_mark;

/* E of an epoch whose op is not here (circle.md 6.3).  Secret. */
typedef struct self_aside {
    wr_hash epoch_id;
    wr_key secret, seed; /* seed: Q of its generation, as the wrap says */
} self_aside;

struct wr_self {
    wr_identity identity;
    wr_rng rng;
    wr_generations *generations;
    wr_graph *graph; /* of generations: the one that counts */
    wr_keyring *keyring;
    bool loaded;        /* load_done or found */
    bool confirmed;     /* may sign: see wr_self_may_sign */
    wr_digest instance; /* this process */
    wr_twins twins;     /* those of siblings, and what they say of ours */
    uint64_t regained_entries, regained_ops;
    uint64_t hlc;         /* highest seen or given out */
    bool has_write_epoch; /* of wr_self_write_epoch, kept as ops and secrets come */
    wr_epoch_ref write_epoch;
    uint32_t
        epoch_index[WR_EPOCHS_MAX]; /* of the keyring's epochs: which of all it is; WR_EPOCH_NONE */
    wr_hash dropped[WR_EPOCHS_MAX]; /* at the start; the first given of them were told */
    uint32_t dropped_count, dropped_given;
    wr_boxes boxes;      /* where wraps go */
    self_aside aside[8]; /* oldest first */
    uint32_t aside_count;
    wr_volumes *volumes;
    uint32_t volumes_known; /* epochs of the graph that are counted */
    wr_volume epoch_max;
    uint64_t stuck_version; /* of a graph in which this device can make no epoch */

    self_feed *feeds[WR_FEEDS_MAX]; /* by index, stable */
    uint32_t by_id[WR_FEEDS_MAX];   /* indexes, ascending by feed_id */
    uint32_t feed_count;
    uint32_t members_known; /* graph members that have their feeds */

    self_mark marks[WR_AUTHORS_MAX];
    uint32_t mark_count;

    /* evidence that was not published yet */
    bool has_evidence;
    wr_hash accused;
    wr_equiv_kind evidence_kind;
    uint8_t evidence[2][WR_OP_BYTES_MAX + WR_SIG_SIZE]; /* bytes, then the signature */
    size_t evidence_len[2];
    wr_hash evidence_path[WR_PROOF_HASHES_MAX];
    uint32_t evidence_path_count;
    uint64_t void_version; /* of a graph whose void EQUIVs were looked through */

    /* the open run of our own feed */
    wr_run run;
    uint32_t run_feed; /* index, WR_FEED_NONE when no run is open */
    uint8_t *run_memory;
    bool run_keyed;
    wr_hash run_epoch;     /* of run_keys */
    wr_feed_keys run_keys; /* secret, while the run is open */

    /* what wr_self_poll has yet to give */
    uint32_t ops_stored;                  /* how many of those admitted */
    uint32_t seeds_stored, epochs_stored; /* of keyring's */
    wr_rows taken;                        /* of the newest unit or run */
    uint32_t rows_feed;                   /* feed of taken */
    uint32_t rows_next;                   /* rows of taken already given */
    bool nodes_dirty;
    wr_key put_secret; /* scratch for polls */
    uint8_t head[WR_FEED_HEAD_MAX];
};

/* The graph has grown: feeds of new members, and the epoch to write under.  NOMEM. */
WR_MUST wr_err wr_self_adopt_ops(wr_self *self);
/* The epoch to write under may be another one: an op or a secret came. */
void wr_self_choose_epoch(wr_self *self);
/* Ops came: those that were missing for what is kept aside may be among them. */
void wr_self_judge_aside(wr_self *self);
/* Where the first op that covers what others did has to be an ACK, it goes ahead. */
WR_MUST wr_err wr_self_ack_first(wr_self *self, wr_now now);
/* Has the epoch a use that is known here?  index: of the graph's epochs. */
WR_MUST bool wr_self_needs_epoch(const wr_self *self, uint32_t index);
/* All is loaded: those that have none may go. */
void wr_self_drop_epochs(wr_self *self);
/* Cuts of the feeds of these devices as they are held here, appended to items. */
WR_MUST wr_err wr_self_put_cuts(const wr_self *self, const wr_hash *devices, uint32_t count,
                                wr_buf *items, wr_op_list *ret_cuts);
/* Members that were seen, besides this device and those in but: one of them has to confirm it. */
WR_MUST bool wr_self_has_witness(wr_self *self, const wr_hash *but, uint32_t but_count);
/* Where there are more heads than an op can name, ACKs join them, if we may sign. */
WR_MUST wr_err wr_self_join_heads(wr_self *self, wr_now now);
/* May this device sign what ends the membership of these, and only of these; it has done so. */
WR_MUST bool wr_self_may_end(wr_self *self, const wr_hash *devices, uint32_t count);
void wr_self_ended(wr_self *self, const wr_hash *devices, uint32_t count);
/* Sees a time of another device: ours never falls behind it, but follows no clock that is ahead. */
void wr_self_see_hlc(wr_self *self, uint64_t hlc, wr_now now);
/* Sees the newest time of a feed; our own we follow anywhere, as the next entry has to exceed it.
 */
void wr_self_see_feed(wr_self *self, uint32_t feed_index, wr_now now);
/* A second op of its author at one place was seen, signed; or a second checkpoint of a feed. */
void wr_self_note_ops(wr_self *self, wr_slice bytes, const wr_sig *sig);
void wr_self_note_checkpoints(wr_self *self, const wr_feed *feed, wr_slice bytes,
                              const wr_sig *sig);
void wr_self_give_rows(wr_self *self, uint32_t feed_index);

#endif /* WR_ENGINE_SELF_IMPL_H */
