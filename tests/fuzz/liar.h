/* A circle of three for the fuzzing of links: an honest device, a sibling that lies, and a witness
 * that the honest one meets afterwards.
 *
 *   cast_get -> cast_honest, cast_witness -> talk_accept | talk_dial -> { puppet_say, .. } -> free
 *
 * The cast is made once a process, by real links; all of it comes from fixed seeds, so an input
 * means the same in every run.  The honest device and the witness are copied anew for each input.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_LIAR_H
#define TESTS_FUZZ_LIAR_H

#include "unit/engine_link_world.h"

#define CAST_FRAMES_MAX 64u
#define CAST_ENTRIES_OLD 6u /* what a backup of the honest device has of its own feed */
#define CAST_ENTRIES 10u    /* what it has today */
#define CAST_WITNESS_ENTRIES 3u
#define CAST_ADDS 3u

typedef struct cast_frame { /* said in an honest session: genuine, down to the signatures */
    uint8_t type;
    uint8_t *body;
    size_t len;
} cast_frame;

typedef struct cast {
    device *honest, *liar, *witness;    /* never changed once they are made */
    cast_frame frames[CAST_FRAMES_MAX]; /* the liar's come first, in the order of its session */
    uint32_t frame_count, liar_frame_count;
    /* Roots of the feeds that nobody but their writers can change, by length. */
    wr_hash honest_roots[CAST_ENTRIES + 1], witness_roots[CAST_WITNESS_ENTRIES + 1];
    uint8_t old_head[WR_FEED_HEAD_MAX];
    size_t old_head_len;
    /* Bodies of ADD that the liar may sign: two new devices, and one with the witness' key. */
    uint8_t adds[CAST_ADDS][1024];
    size_t add_lens[CAST_ADDS];
} cast;

const cast *cast_get(void);
/* A copy; restored: from a backup, so that a sibling has to confirm its own feed. */
device *cast_honest(bool restored);
device *cast_witness(void);

/* Message 1 that `as` may send to `to`, not sent. */
puppet *talk_first(device *as, device *to, uint64_t link_id, uint64_t mark, wr_buf *out);
/* A session as `as` with a new link of `to`, which waits for HELLO.  NULL: it was refused. */
puppet *talk_accept(device *as, device *to, uint64_t link_id, uint64_t mark);
/* .. which `to` began.  answer, if there is one, is what it hears first instead of message 2. */
puppet *talk_dial(device *as, device *to, uint64_t link_id, const wr_slice *answer);
/* Loads and gives what the link would serve next, as one unit without a proof. */
void talk_serve(device *d, wr_link *link);

/* All frames in what the puppet heard, oldest first; false: no more. */
bool talk_next(puppet *p, uint8_t *ret_type, wr_slice *ret_body);

#endif /* TESTS_FUZZ_LIAR_H */
