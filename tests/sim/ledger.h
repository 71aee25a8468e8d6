/* What every disk of a world holds, and what every writer ever made durable.
 *
 *   disk:   { put.. -> commit | rollback } *, as store_sim tells it
 *   truth:  an entry, a checkpoint, an op exists from the commit on with which its writer's own
 *           disk has it; each later copy must be the same
 *
 * So everything that reaches any disk is judged at once and without the code it judges: nothing
 * appears that its writer did not make durable first, no copy differs, no feed has a gap, no op
 * comes before its parents, nobody but members is taken in, and nothing that was answered leaves
 * the disk.  Costs what was touched.
 *
 * Layer:  tests
 * Owner:  one per world.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "sim/store_sim.h"

typedef struct ledger ledger;
struct wr_graph;

/* Tells that a disk holds what it must not; does not return. */
typedef void (*ledger_fail_fn)(void *ctx, uint32_t device, const char *problem);

/* Has a writer whose disk is not watched the secret of this epoch? */
typedef bool (*ledger_holds_fn)(void *ctx, const wr_hash *device_id, const wr_hash *epoch_id);

ledger *ledger_new(ledger_fail_fn fail, void *ctx);
void ledger_set_holds(ledger *l, ledger_holds_fn holds);
void ledger_free(ledger *l); /* NULL is fine */

/* The device begins with an empty disk, as this identity. */
void ledger_new_disk(ledger *l, uint32_t device, const wr_hash *device_id);
/* For store_sim_open; lives as long as the ledger. */
const store_watch *ledger_watch(ledger *l, uint32_t device);

/* Is the entry that was answered with this hlc durable on the device? */
WR_MUST bool ledger_holds(const ledger *l, uint32_t device, uint64_t answered_hlc);
/* Was it signed under this hlc in the end, as its own was taken?  Only after a disk was set back.
 */
WR_MUST bool ledger_moved(const ledger *l, uint32_t device, uint64_t answered_hlc, uint64_t hlc);
/* A disk that was opened again still has what it had. */
void ledger_compare(ledger *l, uint32_t device, store *disk);

/* ---- disks that are set back --------------------------------------------------------------- */

typedef struct ledger_copy ledger_copy;
ledger_copy *ledger_save(const ledger *l, uint32_t device);
void ledger_copy_free(ledger_copy *copy); /* NULL is fine */
/* The disk is as it was.  From here on its writer may say two things: of that he can be guilty
 * without being found out at once. */
void ledger_set_back(ledger *l, uint32_t device, const ledger_copy *copy);
/* Device to begins with the disk of from, as the same writer. */
void ledger_clone(ledger *l, uint32_t from, uint32_t to);
/* The home of this disk is another writer's from now on, who is as free as the one before. */
void ledger_renew(ledger *l, uint32_t device, const wr_hash *device_id);
/* A writer that may say anything, and has no disk that is watched. */
void ledger_distrust(ledger *l, const wr_hash *device_id);
/* Two things were said under one number, and different disks hold one each. */
WR_MUST bool ledger_forked(const ledger *l, uint32_t device_count);
/* The entries that the device holds of all feeds, as one number: equal on equal sets. */
uint64_t ledger_digest(const ledger *l, uint32_t device);

/* ---- who is out ---------------------------------------------------------------------------- */

/* Some honest device has removed it, or it has left, and that is durable. */
WR_MUST bool ledger_is_out(const ledger *l, const wr_hash *device_id);
/* .. and device has it on its disk. */
WR_MUST bool ledger_is_out_for(const ledger *l, uint32_t device, const wr_hash *device_id);
/* Has device all that author did to the membership? */
WR_MUST bool ledger_knows(const ledger *l, uint32_t device, const wr_hash *author);
/* Has the graph of a device all that anybody did, but what threw it out itself? */
WR_MUST bool ledger_knows_all(const ledger *l, const wr_hash *device_id,
                              const struct wr_graph *graph);
/* How much of the messages of a device that is out the other may show. */
WR_MUST uint64_t ledger_shown(const ledger *l, uint32_t device, const wr_hash *author);
/* Writers without a disk have no secret that they must not have. */
void ledger_check_secrets(ledger *l);

#endif /* SIM_LEDGER_H */
