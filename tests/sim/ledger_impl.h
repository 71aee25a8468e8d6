/* What the ledger's own files share.
 *
 *   ledger.c          what disks take, judged and booked
 *   ledger_members.c  who is out for whom, which keys and entries that forbids
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_LEDGER_IMPL_H
#define SIM_LEDGER_IMPL_H

#include "circle/op.h"
#include "feed/feed.h"
#include "sim/chance.h"
#include "sim/ledger.h"
#include "sim/ledger_map.h"

#define DISKS_MAX 16u
#define FEEDS_MAX 128u
#define WRITERS_MAX 64u
#define NOBODY UINT32_MAX

typedef uint64_t writer_set; /* a bit for each */
_Static_assert(WRITERS_MAX <= 64, "a set of writers is one word");

/* What became of the entry of an hlc: the values of a disk's map. */
typedef enum fate { FATE_TAIL = 1, FATE_SIGNED, FATE_MOVED, FATE_DROPPED } fate;

typedef struct feed_truth {
    wr_hash feed_id, device_id;
    uint32_t stream;
    u64_map pasts;       /* digest of all entries up to one -> that of the past before it */
    uint64_t len;        /* the longest */
    u64_map checkpoints; /* k + 1 -> digest */
} feed_truth;

typedef struct writer_truth {
    wr_hash device_id;
    wr_pub sign;
    bool free;    /* it may say two things under one number */
    bool no_disk; /* .. and does not make them durable first */
} writer_truth;

/* What an op says of one feed: so much of it counts, or is held by its author. */
typedef struct cut_truth {
    uint32_t feed;
    uint64_t len;
} cut_truth;

typedef struct op_truth {
    wr_hash id, author;
    wr_hash graph; /* the GENESIS or RESET that it stands on: numbers begin anew there */
    uint64_t aseq, type;
    uint32_t added;  /* the writer it makes a member; NOBODY */
    writer_set out;  /* those it throws out, its author where that leaves */
    uint64_t reason; /* of a REMOVE */
    cut_truth *cuts;
    uint32_t cut_count;
    bool durable; /* somewhere, once */
    bool heard;   /* its author was in by what all honest ones had done until then */
    bool trusted; /* .. and is honest */
} op_truth;

typedef struct epoch_truth {
    wr_hash id;
    writer_set forbidden; /* who must never have its secret */
} epoch_truth;

typedef enum change_type {
    CHANGE_OP,
    CHANGE_HEAD,
    CHANGE_ENTRY,
    CHANGE_HLC,
    CHANGE_EPOCH
} change_type;

typedef struct change {
    change_type type;
    uint32_t index; /* of the op, feed or epoch */
    uint64_t seq, digest, hlc;
    uint64_t tag; /* of the epoch of an entry */
    fate fate;
} change;

typedef struct holding {
    uint64_t len[FEEDS_MAX];
    uint64_t digest[FEEDS_MAX];
    uint64_t member[WRITERS_MAX / 64];
    uint64_t *ops; /* a bit for each op of the truth */
    size_t op_words;
    u64_map fates;
    u64_map epochs;              /* whose secret it has: tag -> 1 */
    writer_set out;              /* by the ops it has and their authors may sign */
    uint64_t vouched[FEEDS_MAX]; /* the longest state of a feed that an op vouches for */
    uint64_t tail_count;
} holding;

typedef struct disk {
    ledger *ledger;
    uint32_t index;
    wr_hash own;
    store_watch watch;
    holding held;
    change *changes; /* of the open transaction */
    size_t change_count, change_cap;
    writer_set out_before; /* held.out when the commit began */
} disk;

struct ledger {
    ledger_fail_fn fail;
    void *ctx;
    disk disks[DISKS_MAX];
    feed_truth feeds[FEEDS_MAX];
    uint32_t feed_count;
    writer_truth writers[WRITERS_MAX];
    uint32_t writer_count;
    op_truth *ops;
    uint32_t op_count, op_cap;
    bool has_circle, ops_forked;
    wr_hash circle_id;
    writer_set out; /* by honest ones, durable somewhere */
    bool convicted; /* an EQUIV was published: it ends a membership, too */
    epoch_truth *epochs;
    uint32_t epoch_count, epoch_cap;
    ledger_holds_fn holds; /* of writers without a disk; NULL: there are none */
};

struct ledger_copy {
    holding held;
};

static inline bool has_bit(const uint64_t *words, uint32_t index) {
    return (words[index / 64] >> (index % 64) & 1) != 0;
}

static inline void set_bit(uint64_t *words, uint32_t index) {
    words[index / 64] |= UINT64_C(1) << (index % 64);
}

static inline writer_set set_of(uint32_t writer) {
    return UINT64_C(1) << writer;
}

/* ledger.c */
void ledger_fail(const disk *d, const char *problem);
uint32_t ledger_writer(const ledger *l, const wr_hash *device_id); /* NOBODY */
uint32_t ledger_feed(const ledger *l, const wr_hash *feed_id);     /* NOBODY */

/* ledger_members.c */
void ledger_read_op(const disk *d, const wr_op *op, op_truth *truth); /* one that is new */
void ledger_first_op(const disk *d, op_truth *op);                    /* within its first commit */
void ledger_take_op(disk *d, const op_truth *op);                     /* .. within each of them */
void ledger_take_entry(disk *d, const change *c, bool own);
void ledger_take_secret(disk *d, const change *c);
uint32_t ledger_epoch(ledger *l, const wr_hash *epoch_id);

#endif /* SIM_LEDGER_IMPL_H */
