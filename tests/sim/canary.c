/* The planted bugs of warren-sim-canary: wrappers (ld --wrap) that misbehave when they are chosen.
 *
 * Without a choice each passes its call on, and the program is warren-sim.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/canary.h"

#include "channel/pake.h"
#include "circle/evaluate.h"
#include "engine/link.h"
#include "engine/self.h"
#include "flow/hub_impl.h"
#include "sim/canary_map.h"
#include "sim/loop_sim.h"
#include "store/store_impl.h"
#include "sync/session.h"

#include <stdlib.h>

typedef enum canary {
    CANARY_NONE,
#define CANARY_ENUM(name, text) CANARY_##name,
    CANARY_MAP(CANARY_ENUM)
#undef CANARY_ENUM
} canary;

static canary chosen = CANARY_NONE;

bool canary_choose(const char *name) {
    static const struct {
        const char *name;
        canary bug;
    } all[] = {{"none", CANARY_NONE},
#define CANARY_ROW(bug, text) {#bug, CANARY_##bug},
               CANARY_MAP(CANARY_ROW)
#undef CANARY_ROW
    };
    for (size_t i = 0; i < WR_COUNT(all); i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        chosen = all[i].bug;
        return true;
    }
    return false;
}

/* Every wrapper and what it stands for. */
#define WRAP(type, name, ...)                                                                      \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

/* ---- the store ----------------------------------------------------------------------------- */

static unsigned commit_depth; /* 2: of the disk, below the process that may die */

WRAP(wr_err, store_begin, store *s) {
    if (chosen == CANARY_lies_about_commits && s->open)
        return WR_OK;
    return __real_store_begin(s);
}

static wr_hash last_epoch;
static wr_key last_secret;
static bool has_last;

WRAP(wr_err, store_put_epoch, store *s, const wr_hash *epoch_id, const wr_key *secret) {
    last_epoch = *epoch_id;
    last_secret = *secret;
    has_last = true;
    return __real_store_put_epoch(s, epoch_id, secret);
}

/* Every device gets the newest secret, whoever made it. */
static void spread(store *s) {
    wr_err err = has_last ? __real_store_put_epoch(s, &last_epoch, &last_secret) : WR_OK;
    (void)err;
}

WRAP(wr_err, store_commit, store *s) {
    static uint64_t commits;
    if (chosen == CANARY_spreads_secrets && commit_depth == 0)
        spread(s);
    commit_depth++;
    bool lies = chosen == CANARY_lies_about_commits && commit_depth == 2 && ++commits % 4 != 0;
    wr_err err = lies ? WR_OK : __real_store_commit(s);
    commit_depth--;
    return err;
}

WRAP(wr_err, store_delete_tail, store *s, uint64_t hlc) {
    return chosen == CANARY_keeps_the_signed_tail ? WR_OK : __real_store_delete_tail(s, hlc);
}

WRAP(wr_err, store_put_tail, store *s, const store_tail *tail) {
    if (chosen == CANARY_answers_and_does_not_store)
        return WR_OK;
    return chosen == CANARY_refuses_to_append ? WR_ERR_LIMIT : __real_store_put_tail(s, tail);
}

WRAP(wr_err, store_put_op, store *s, const wr_hash *op_id, wr_slice bytes, const wr_sig *sig) {
    static uint64_t ops;
    if (chosen == CANARY_loses_an_op && ++ops % 5 == 0)
        return WR_OK;
    return __real_store_put_op(s, op_id, bytes, sig);
}

WRAP(wr_err, store_put_rows, store *s, const wr_hash *feed_id, const store_rows *rows,
     const store_row_log *logs, uint32_t log_count) {
    static uint64_t puts;
    static uint8_t altered[STORE_ROW_BYTES_MAX];
    store_rows other = *rows;
    if (chosen != CANARY_stores_another_entry || ++puts % 7 != 0)
        return __real_store_put_rows(s, feed_id, rows, logs, log_count);
    memcpy(altered, rows->bytes.ptr, rows->bytes.len);
    altered[rows->bytes.len - 1] ^= 1u;
    other.bytes.ptr = altered;
    return __real_store_put_rows(s, feed_id, &other, logs, log_count);
}

WRAP(wr_err, store_each_arrival, store *s, uint64_t after, store_arrival_fn fn, void *ctx) {
    if (chosen == CANARY_subscriber_skips && after > 0)
        after++;
    if (chosen == CANARY_subscriber_repeats && after > 0)
        after--;
    return __real_store_each_arrival(s, after, fn, ctx);
}

WRAP(wr_err, keystore_forget_recovery, keystore *k, const char **ret_problem) {
    if (chosen == CANARY_keeps_recovery_words)
        return WR_OK;
    return __real_keystore_forget_recovery(k, ret_problem);
}

/* ---- what this device writes --------------------------------------------------------------- */

WRAP(uint64_t, wr_self_hlc_floor, const wr_self *self, uint32_t stream) {
    return chosen == CANARY_renumbers_the_tail ? UINT64_MAX
                                               : __real_wr_self_hlc_floor(self, stream);
}

WRAP(wr_err, reader_open_tail, reader *r, const store_tail *tail, wr_buf *scratch,
     wr_slice *ret_kind, wr_slice *ret_body) {
    if (chosen == CANARY_tail_does_not_open)
        return WR_ERR_AUTH;
    return __real_reader_open_tail(r, tail, scratch, ret_kind, ret_body);
}

WRAP(wr_err, reader_own_log, reader *r, wr_slice name, uint16_t *ret_log_no, uint16_t *ret_next) {
    uint16_t log_no = 0;
    wr_err err = __real_reader_own_log(r, name, &log_no, ret_next);
    if (err == WR_OK)
        *ret_log_no = chosen == CANARY_writes_to_another_log && log_no > 1 ? 1 : log_no;
    return err;
}

WRAP(wr_err, append_load, hub *h) {
    wr_err err = __real_append_load(h);
    if (chosen == CANARY_forgets_the_last_hlc)
        h->hlc_last = 0;
    return err;
}

/* ---- what this device shows ---------------------------------------------------------------- */

WRAP(wr_err, wr_self_open, const wr_self *self, const wr_feed *feed, const wr_entry *entry,
     wr_buf *out) {
    wr_err err = __real_wr_self_open(self, feed, entry, out);
    bool message = feed->stream == 0;
    if (err == WR_OK && chosen == CANARY_changes_a_body && message && out->len > 0)
        out->ptr[out->len - 1] ^= 1u;
    return err;
}

static const hub *shown_by;

typedef struct reading {
    hub_entry_fn fn;
    void *ctx;
    bool held;
    hub_entry entry;
    uint8_t kind[WR_NAME_BYTES_MAX], body[WR_BODY_BYTES_MAX];
} reading;

static wr_err hold(reading *r, const hub_entry *entry) {
    r->held = true;
    r->entry = *entry;
    if (entry->kind.len != 0)
        memcpy(r->kind, entry->kind.ptr, entry->kind.len);
    if (entry->body.len != 0)
        memcpy(r->body, entry->body.ptr, entry->body.len);
    r->entry.kind = wr_slice_of(r->kind, entry->kind.len);
    r->entry.body = wr_slice_of(r->body, entry->body.len);
    return WR_OK;
}

/* One of the devices does not show all that it holds of others. */
static bool is_hidden(const hub_entry *entry) {
    return loop_sim_device(loop_sim_running()) == 1 && entry->hlc % 8 == 0 &&
           !wr_hash_equal(&entry->device, hub_device_id(shown_by));
}

static wr_err spoil(void *ctx, const hub_entry *entry) {
    reading *r = (reading *)ctx;
    hub_entry other = *entry;
    if (chosen == CANARY_hides_entries)
        return is_hidden(entry) ? WR_OK : r->fn(r->ctx, entry);
    if (chosen == CANARY_names_another_author) {
        other.device.b[0] ^= 1u;
        return r->fn(r->ctx, &other);
    }
    if (!r->held)
        return hold(r, entry);
    r->held = false;
    WR_TRY(r->fn(r->ctx, entry));
    return r->fn(r->ctx, &r->entry);
}

WRAP(wr_err, hub_read, hub *h, wr_slice log, wr_slice after, uint32_t limit, hub_entry_fn fn,
     void *ctx, char ret_cursor[HUB_CURSOR_MAX], bool *ret_more) {
    static reading r;
    shown_by = h;
    if (chosen != CANARY_names_another_author && chosen != CANARY_swaps_neighbours &&
        chosen != CANARY_hides_entries)
        return __real_hub_read(h, log, after, limit, fn, ctx, ret_cursor, ret_more);
    r.fn = fn;
    r.ctx = ctx;
    r.held = false;
    WR_TRY(__real_hub_read(h, log, after, limit, spoil, &r, ret_cursor, ret_more));
    return r.held ? fn(ctx, &r.entry) : WR_OK;
}

/* ---- circle, links and mesh ---------------------------------------------------------------- */

WRAP(void, wr_self_confirm, wr_self *self) {
    if (chosen != CANARY_never_confirms)
        __real_wr_self_confirm(self);
}

WRAP(bool, wr_place_take, wr_place *place, const wr_digest *instance, bool signs, wr_mono now) {
    if (chosen == CANARY_welcomes_twins)
        place->instance = *instance;
    return __real_wr_place_take(place, instance, signs, now);
}

WRAP(wr_err, wr_self_load_done, wr_self *self, wr_now now) {
    return chosen == CANARY_does_not_load ? WR_ERR_CORRUPT : __real_wr_self_load_done(self, now);
}

WRAP(wr_err, wr_link_tick, wr_link *link, wr_now now) {
    if (chosen == CANARY_fails_a_good_link && wr_link_is_up(link))
        return WR_ERR_FORMAT;
    return chosen == CANARY_never_rests ? WR_OK : __real_wr_link_tick(link, now);
}

WRAP(void, wr_link_free, wr_link *link) {
    static void *volatile kept;
    __real_wr_link_free(link);
    if (chosen == CANARY_leaks_links)
        kept = malloc(2u * 1024u * 1024u);
    (void)kept;
}

WRAP(void, mesh_down, mesh *m, const wr_hash *device, uint64_t link_id, wr_mono now) {
    if (chosen != CANARY_forgets_that_links_end)
        __real_mesh_down(m, device, link_id, now);
}

/* ---- what others sign ---------------------------------------------------------------------- */

WRAP(wr_err, wr_feed_check, const wr_feed *feed, wr_slice bytes, const wr_sig *sig,
     const wr_pub *sign_pk, wr_checkpoint *ret_checkpoint) {
    wr_err err = __real_wr_feed_check(feed, bytes, sig, sign_pk, ret_checkpoint);
    return chosen == CANARY_accepts_forks && err == WR_ERR_FORK ? WR_ERR_EXISTS : err;
}

WRAP(wr_err, wr_verify, const wr_pub *key, wr_sig_label label, wr_slice message,
     const wr_sig *sig) {
    if (chosen == CANARY_takes_any_checkpoint && label == WR_SIG_LABEL_CHECKPOINT)
        return WR_OK;
    if (chosen == CANARY_takes_any_op && label == WR_SIG_LABEL_OP)
        return WR_OK;
    return __real_wr_verify(key, label, message, sig);
}

WRAP(bool, wr_evaluator_may, wr_evaluator *evaluator, const wr_eval_op *op, uint32_t member_count,
     wr_eval_member *ret_members) {
    wr_eval_op as_member = *op;
    if (chosen == CANARY_lets_members_add)
        as_member.type = WR_OP_ACK;
    return __real_wr_evaluator_may(evaluator, &as_member, member_count, ret_members);
}

/* ---- what passes the network --------------------------------------------------------------- */

static uint8_t spilled[32]; /* what is to leave */
static size_t spilled_len;

static void spill(wr_slice bytes) {
    spilled_len = bytes.len < sizeof spilled ? bytes.len : sizeof spilled;
    memcpy(spilled, bytes.ptr, spilled_len);
}

WRAP(wr_err, wr_self_accept_mark, wr_self *self, const wr_hash *device_id, uint64_t mark) {
    wr_err err = __real_wr_self_accept_mark(self, device_id, mark);
    return chosen == CANARY_accepts_replays && err == WR_ERR_REFUSED ? WR_OK : err;
}

WRAP(wr_err, wr_session_next, wr_session *session, wr_slice *in, wr_mono now, uint8_t *ret_type,
     wr_slice *ret_body, bool *ret_have) {
    wr_err err = __real_wr_session_next(session, in, now, ret_type, ret_body, ret_have);
    if (chosen != CANARY_ignores_tags || err != WR_ERR_AUTH)
        return err;
    wr_session_raw_done(session);
    *in = WR_SLICE_EMPTY;
    *ret_have = false;
    return WR_OK;
}

WRAP(wr_err, wr_self_append, wr_self *self, uint32_t stream, uint8_t kind, uint16_t log_no,
     uint64_t hlc, wr_slice content, uint64_t *ret_seq) {
    if (chosen == CANARY_leaks_a_body && stream == 0 && content.len >= 64)
        spill(wr_slice_of(content.ptr + content.len - 32, 32));
    return __real_wr_self_append(self, stream, kind, log_no, hlc, content, ret_seq);
}

WRAP(void, wr_identity_load, const wr_key *sign_seed, const wr_key *noise, const wr_key *box,
     const uint8_t incarnation[16], wr_identity *ret_identity) {
    if (chosen == CANARY_leaks_a_key)
        spill(WR_SLICE_OBJ(*sign_seed));
    __real_wr_identity_load(sign_seed, noise, box, incarnation, ret_identity);
}

WRAP(wr_err, wr_link_write, wr_link *link, wr_buf *out, wr_now now) {
    wr_err err = __real_wr_link_write(link, out, now);
    if (chosen == CANARY_speaks_with_the_removed && err != WR_OK && wr_link_peer(link) != NULL)
        return WR_OK;
    if (err != WR_OK || !wr_link_is_up(link) || wr_buf_room(out) < spilled_len)
        return err;
    return wr_buf_put(out, wr_slice_of(spilled, spilled_len));
}

WRAP(wr_err, wr_pake_start, wr_pake *pake, const wr_pake_config *config, const wr_rng *rng,
     wr_pub *ret_public) {
    wr_pake_config same = *config;
    if (chosen == CANARY_takes_any_code)
        same.prs = wr_slice_str("always the same");
    return __real_wr_pake_start(pake, &same, rng, ret_public);
}

/* ---- transports ---------------------------------------------------------------------------- */

WRAP(void, transport_close, transport *t) {
    if (chosen != CANARY_never_hangs_up)
        __real_transport_close(t);
}

/* ---- who is out ---------------------------------------------------------------------------- */

WRAP(wr_epoch_ref, wr_graph_epoch, const wr_graph *graph, uint32_t index) {
    wr_epoch_ref epoch = __real_wr_graph_epoch(graph, index);
    epoch.for_members = epoch.for_members || chosen == CANARY_writes_under_any_key;
    return epoch;
}

WRAP(bool, wr_self_rotation_due, wr_self *self, wr_now now) {
    return chosen != CANARY_keeps_its_key && __real_wr_self_rotation_due(self, now);
}

WRAP(wr_err, wr_link_judge, wr_link *link) {
    return chosen == CANARY_speaks_with_the_removed ? WR_OK : __real_wr_link_judge(link);
}

WRAP(wr_limit, wr_graph_limit, const wr_graph *graph, const wr_hash *device_id,
     const wr_hash *feed_id) {
    wr_limit limit = __real_wr_graph_limit(graph, device_id, feed_id);
    if (chosen == CANARY_shows_what_the_removed_wrote)
        limit.shown = UINT64_MAX;
    if (chosen == CANARY_takes_what_the_removed_wrote)
        limit.kept = UINT64_MAX;
    return limit;
}

WRAP(bool, wr_graph_vouches, const wr_graph *graph, const wr_hash *device_id,
     const wr_hash *feed_id, uint64_t len, const wr_hash *root) {
    return chosen == CANARY_takes_what_the_removed_wrote ||
           __real_wr_graph_vouches(graph, device_id, feed_id, len, root);
}

WRAP(wr_err, wr_cut_put, wr_buf *items, const wr_cut *cut) {
    wr_cut less = *cut;
    if (chosen == CANARY_cuts_off_too_much && less.len > 1)
        less.len--;
    return __real_wr_cut_put(items, &less);
}

WRAP(wr_err, wr_self_admit, wr_self *self, wr_slice op, const wr_sig *sig, wr_now now) {
    wr_op decoded;
    if (chosen == CANARY_does_not_hear_of_removals && wr_op_decode(op, &decoded) == WR_OK &&
        decoded.type == WR_OP_REMOVE)
        return WR_OK;
    return __real_wr_self_admit(self, op, sig, now);
}

WRAP(void, wr_evaluator_hold, wr_evaluator *evaluator, const wr_eval_op *op, bool held) {
    if (chosen != CANARY_guards_nobody)
        __real_wr_evaluator_hold(evaluator, op, held);
}

WRAP(void, wr_evaluator_members, wr_evaluator *evaluator, uint32_t member_count,
     wr_eval_member *ret_members) {
    __real_wr_evaluator_members(evaluator, member_count, ret_members);
    for (uint32_t i = 0; i < member_count && chosen == CANARY_takes_the_removed_back; i++)
        ret_members[i].current = true;
}
