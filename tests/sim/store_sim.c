/* The mortal store: each function of the contract passed on to the disk while the process lives.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/store_sim.h"

#include "store/store_impl.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct store_sim {
    store base;
    store *disk;
    store_life *life;
    const store_watch *watch;
} store_sim;

static store_sim *sim_of(store *s) {
    return (store_sim *)s;
}

static store *disk_of(store *s) {
    return ((store_sim *)s)->disk;
}

static const store_watch *watch_of(store *s) {
    return ((store_sim *)s)->watch;
}

/* ---- life and death ------------------------------------------------------------------------ */

static wr_err die(store *s) {
    sim_of(s)->life->dead = true;
    (void)snprintf(s->problem, sizeof s->problem, "the process died here");
    return WR_ERR_IO;
}

static wr_err gate(store *s) {
    store_life *life = sim_of(s)->life;
    if (life->dead)
        return WR_ERR_IO;
    life->calls++;
    return life->calls == life->die_at && !life->keep ? die(s) : WR_OK;
}

static void close_sim(store *s) {
    free(s);
}

static wr_err begin(store *s) {
    return store_begin(disk_of(s));
}

static wr_err commit(store *s) {
    const store_life *life = sim_of(s)->life;
    const store_watch *watch = watch_of(s);
    if (life->full) {
        watch->rollback(watch->ctx);
        store_rollback(disk_of(s));
        (void)snprintf(s->problem, sizeof s->problem, "the disk is full");
        return WR_ERR_IO;
    }
    wr_err err = store_commit(disk_of(s));
    if (err != WR_OK) {
        watch->rollback(watch->ctx);
        return err;
    }
    watch->commit(watch->ctx);
    if (life->committed != NULL)
        life->committed(life->ctx);
    bool dies = life->keep && life->die_at != 0 && life->calls >= life->die_at;
    return dies ? die(s) : WR_OK;
}

static void rollback(store *s) {
    const store_watch *watch = watch_of(s);
    /* The disk of a dead process was rolled back already, and may belong to the next one. */
    if (sim_of(s)->life->dead)
        return;
    watch->rollback(watch->ctx);
    store_rollback(disk_of(s));
}

/* ---- a watch that sees nothing ---- */

static void see_op(void *ctx, wr_slice bytes, const wr_sig *sig) {
    (void)ctx, (void)bytes, (void)sig;
}

static void see_head(void *ctx, const wr_hash *feed_id, wr_slice head) {
    (void)ctx, (void)feed_id, (void)head;
}

static void see_rows(void *ctx, const wr_hash *feed_id, const store_rows *rows) {
    (void)ctx, (void)feed_id, (void)rows;
}

static void see_hlc(void *ctx, uint64_t hlc) {
    (void)ctx, (void)hlc;
}

static void see_alias(void *ctx, uint64_t answered_hlc, uint64_t hlc) {
    (void)ctx, (void)answered_hlc, (void)hlc;
}

static void see_secret(void *ctx, const wr_hash *epoch_id) {
    (void)ctx, (void)epoch_id;
}

static void see_end(void *ctx) {
    (void)ctx;
}

static const store_watch blind = {see_op,    see_head,   see_rows, see_hlc, see_hlc,
                                  see_alias, see_secret, see_end,  see_end, NULL};

/* ---- passed on ---- */

static wr_err put_meta(store *s, wr_slice key, wr_slice value) {
    return store_put_meta(disk_of(s), key, value);
}

static wr_err delete_meta(store *s, wr_slice key) {
    return store_delete_meta(disk_of(s), key);
}

static wr_err get_meta(store *s, wr_slice key, wr_buf *out) {
    return store_get_meta(disk_of(s), key, out);
}

static wr_err put_op(store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig) {
    WR_TRY(store_put_op(disk_of(s), op_id, bytes, sig));
    watch_of(s)->op(watch_of(s)->ctx, bytes, sig);
    return WR_OK;
}

static wr_err each_op(store *s, store_op_fn fn, void *ctx) {
    return store_each_op(disk_of(s), fn, ctx);
}

static wr_err put_epoch(store *s, const wr_hash *epoch_id, const wr_key *secret) {
    WR_TRY(store_put_epoch(disk_of(s), epoch_id, secret));
    watch_of(s)->secret(watch_of(s)->ctx, epoch_id);
    return WR_OK;
}

static wr_err each_epoch(store *s, store_epoch_fn fn, void *ctx) {
    return store_each_epoch(disk_of(s), fn, ctx);
}

static wr_err put_secret(store *s, wr_slice key, const wr_key *secret) {
    return store_put_secret(disk_of(s), key, secret);
}

static wr_err get_secret(store *s, wr_slice key, wr_key *ret_secret) {
    return store_get_secret(disk_of(s), key, ret_secret);
}

static wr_err put_head(store *s, const wr_hash *feed_id, wr_slice head) {
    WR_TRY(store_put_head(disk_of(s), feed_id, head));
    watch_of(s)->head(watch_of(s)->ctx, feed_id, head);
    return WR_OK;
}

static wr_err each_head(store *s, store_head_fn fn, void *ctx) {
    return store_each_head(disk_of(s), fn, ctx);
}

static wr_err put_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       const wr_hash *node) {
    return store_put_node(disk_of(s), feed_id, level, index, node);
}

static wr_err get_node(store *s, const wr_hash *feed_id, uint8_t level, uint64_t index,
                       wr_hash *ret_node) {
    return store_get_node(disk_of(s), feed_id, level, index, ret_node);
}

static wr_err put_rows(store *s, const wr_hash *feed_id, const store_rows *rows,
                       const store_row_log *logs, uint32_t log_count) {
    WR_TRY(store_put_rows(disk_of(s), feed_id, rows, logs, log_count));
    watch_of(s)->rows(watch_of(s)->ctx, feed_id, rows);
    return WR_OK;
}

static wr_err each_rows(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                        store_rows_fn fn, void *ctx) {
    return store_each_rows(disk_of(s), feed_id, from, to, fn, ctx);
}

static wr_err rows_bytes(store *s, const wr_hash *feed_id, uint64_t from, uint64_t to,
                         uint64_t *ret_bytes) {
    return store_rows_bytes(disk_of(s), feed_id, from, to, ret_bytes);
}

static wr_err feed_len(store *s, const wr_hash *feed_id, uint64_t *ret_len) {
    return store_feed_len(disk_of(s), feed_id, ret_len);
}

static wr_err put_log(store *s, const wr_hash *name_key, wr_slice name_sealed,
                      uint32_t *ret_log_id) {
    return store_put_log(disk_of(s), name_key, name_sealed, ret_log_id);
}

static wr_err find_log(store *s, const wr_hash *name_key, uint32_t *ret_log_id) {
    return store_find_log(disk_of(s), name_key, ret_log_id);
}

static wr_err each_log(store *s, store_log_fn fn, void *ctx) {
    return store_each_log(disk_of(s), fn, ctx);
}

static wr_err bind_log(store *s, const wr_hash *feed_id, uint16_t log_no, uint32_t log_id) {
    return store_bind_log(disk_of(s), feed_id, log_no, log_id);
}

static wr_err get_bound(store *s, const wr_hash *feed_id, uint32_t log_id, uint16_t *ret_log_no) {
    return store_get_bound(disk_of(s), feed_id, log_id, ret_log_no);
}

static wr_err max_bound(store *s, const wr_hash *feed_id, uint32_t *ret_next_log_no) {
    return store_max_bound(disk_of(s), feed_id, ret_next_log_no);
}

static wr_err each_bound(store *s, uint32_t log_id, store_bound_fn fn, void *ctx) {
    return store_each_bound(disk_of(s), log_id, fn, ctx);
}

static wr_err each_log_rows(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t hlc_from,
                            store_rows_fn fn, void *ctx) {
    return store_each_log_rows(disk_of(s), feed_id, log_no, hlc_from, fn, ctx);
}

static wr_err log_count(store *s, const wr_hash *feed_id, uint16_t log_no, uint64_t *ret_count) {
    return store_log_count(disk_of(s), feed_id, log_no, ret_count);
}

static wr_err last_arrival(store *s, uint64_t *ret_arrival) {
    return store_last_arrival(disk_of(s), ret_arrival);
}

static wr_err each_arrival(store *s, uint64_t after, store_arrival_fn fn, void *ctx) {
    return store_each_arrival(disk_of(s), after, fn, ctx);
}

static wr_err put_tail(store *s, const store_tail *tail) {
    WR_TRY(store_put_tail(disk_of(s), tail));
    watch_of(s)->tail(watch_of(s)->ctx, tail->hlc);
    return WR_OK;
}

static wr_err delete_tail(store *s, uint64_t hlc) {
    WR_TRY(store_delete_tail(disk_of(s), hlc));
    watch_of(s)->untail(watch_of(s)->ctx, hlc);
    return WR_OK;
}

static wr_err each_tail(store *s, uint64_t hlc_from, store_tail_fn fn, void *ctx) {
    return store_each_tail(disk_of(s), hlc_from, fn, ctx);
}

static wr_err tail_count(store *s, uint64_t *ret_count) {
    return store_tail_count(disk_of(s), ret_count);
}

static wr_err put_alias(store *s, uint64_t answered_hlc, uint64_t hlc) {
    WR_TRY(store_put_alias(disk_of(s), answered_hlc, hlc));
    watch_of(s)->alias(watch_of(s)->ctx, answered_hlc, hlc);
    return WR_OK;
}

static wr_err get_alias(store *s, uint64_t answered_hlc, uint64_t *ret_hlc) {
    return store_get_alias(disk_of(s), answered_hlc, ret_hlc);
}

static wr_err disk_bytes(store *s, uint64_t *ret_bytes) {
    return store_disk_bytes(disk_of(s), ret_bytes);
}

static wr_err entry_count(store *s, uint64_t *ret_count) {
    return store_entry_count(disk_of(s), ret_count);
}

static const store_ops ops = {
    .close = close_sim,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .gate = gate,
    .put_meta = put_meta,
    .delete_meta = delete_meta,
    .get_meta = get_meta,
    .put_op = put_op,
    .each_op = each_op,
    .put_epoch = put_epoch,
    .each_epoch = each_epoch,
    .put_secret = put_secret,
    .get_secret = get_secret,
    .put_head = put_head,
    .each_head = each_head,
    .put_node = put_node,
    .get_node = get_node,
    .put_rows = put_rows,
    .each_rows = each_rows,
    .rows_bytes = rows_bytes,
    .feed_len = feed_len,
    .put_log = put_log,
    .find_log = find_log,
    .each_log = each_log,
    .bind_log = bind_log,
    .get_bound = get_bound,
    .max_bound = max_bound,
    .each_bound = each_bound,
    .each_log_rows = each_log_rows,
    .log_count = log_count,
    .last_arrival = last_arrival,
    .each_arrival = each_arrival,
    .put_tail = put_tail,
    .delete_tail = delete_tail,
    .each_tail = each_tail,
    .tail_count = tail_count,
    .put_alias = put_alias,
    .get_alias = get_alias,
    .disk_bytes = disk_bytes,
    .entry_count = entry_count,
};

wr_err store_sim_open(store *disk, store_life *life, const store_watch *watch, store **ret_store) {
    store_sim *m = (store_sim *)calloc(1, sizeof *m);
    if (m == NULL)
        return WR_ERR_NOMEM;
    m->base.ops = &ops;
    m->disk = disk;
    m->life = life;
    m->watch = watch != NULL ? watch : &blind;
    *ret_store = &m->base;
    return WR_OK;
}

void store_life_end_at(store_life *life, uint64_t nth_call, bool keep) {
    life->die_at = life->calls + nth_call;
    life->keep = keep;
}
