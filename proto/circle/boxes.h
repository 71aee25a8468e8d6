/* Box keys: the newest of each member, and this device's own, older ones included.
 *
 *   KEYUPD of a control feed ── take ──> newest per device ── find ──> where a wrap goes
 *   renew ──> KEYUPD body, and a secret beside the older ones ── open ──> what a wrap holds
 *
 * Number 0 is the key of the certificate; a KEYUPD has one more than its place in the feed, so a
 * later one has the greater number.
 *
 * Spec:   proto/spec/circle.md 3.6, 6.2
 * Layer:  circle
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CIRCLE_BOXES_H
#define WR_CIRCLE_BOXES_H

#include "circle/graph.h"
#include "circle/wrap.h"

/* ---- of the members ---- */

typedef struct wr_boxes { /* plain; starts as zeros */
    uint32_t count;
    struct {
        wr_hash device_id;
        uint64_t number;
        wr_pub box;
    } list[WR_AUTHORS_MAX];
} wr_boxes;

/* The body of a KEYUPD that stands at seq in the device's control feed.
 *   EXISTS     this or a newer one is known: nothing to do
 *   FORMAT, TRUNCATED, LIMIT, BAD_KEY   no KEYUPD; or one of more devices than can be members */
WR_MUST wr_err wr_boxes_take(wr_boxes *boxes, const wr_hash *device_id, uint64_t seq,
                             wr_slice body);
/* The newest that is known; that of the certificate if no KEYUPD is. */
const wr_pub *wr_boxes_find(const wr_boxes *boxes, const wr_member *member, uint64_t *ret_number);

/* ---- our own ---- */

#define WR_BOX_KEYS_MAX 14u /* one a week for 90 days, and the next */

typedef struct wr_box_ring { /* secret; oldest first */
    uint32_t count;
    struct {
        uint64_t number;
        wr_key secret;
    } list[WR_BOX_KEYS_MAX];
} wr_box_ring;
void wr_box_ring_init(wr_box_ring *ring, const wr_identity *identity);
void wr_box_ring_wipe(wr_box_ring *ring);
/* A new key for a KEYUPD at seq of our control feed, whose body is appended to out.  To be made
 * durable before the entry is: what is sealed to a key that is lost is lost.  The oldest key gives
 * way to a fifteenth.  STATE: seq is not above the last.  NOBUF. */
WR_MUST wr_err wr_box_ring_renew(wr_box_ring *ring, const wr_rng *rng, uint64_t seq, wr_buf *out);
/* Nothing more comes for keys below this number: they are wiped.  The newest stays. */
void wr_box_ring_forget(wr_box_ring *ring, uint64_t number);
/* Tries the newest first; otherwise as wr_wrap_open. */
WR_MUST wr_err wr_box_ring_open(const wr_box_ring *ring, const wr_hash *circle_id,
                                const wr_key *held, wr_slice message, wr_pub *ret_sender_noise,
                                wr_wrap *ret_wrap);

#endif /* WR_CIRCLE_BOXES_H */
