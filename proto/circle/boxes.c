/* Tables of box keys: small, and looked at once a wrap.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "circle/boxes.h"

#include "circle/op_change.h"

/* ---- of the members ---- */

static uint32_t place_of(const wr_boxes *boxes, const wr_hash *device_id) {
    uint32_t at = 0;
    while (at < boxes->count && !wr_hash_equal(&boxes->list[at].device_id, device_id))
        at++;
    return at;
}

wr_err wr_boxes_take(wr_boxes *boxes, const wr_hash *device_id, uint64_t seq, wr_slice body) {
    wr_keyupd update;
    uint32_t at = place_of(boxes, device_id);
    WR_TRY(wr_keyupd_decode(body, &update));
    if (at == WR_COUNT(boxes->list))
        return WR_ERR_LIMIT;
    /* spec:circle#3.6 "Of several KEYUPDs of a device the last in its feed MUST hold." */
    if (at < boxes->count && boxes->list[at].number > seq)
        return WR_ERR_EXISTS;
    boxes->list[at].device_id = *device_id;
    boxes->list[at].number = seq + 1;
    boxes->list[at].box = update.box;
    boxes->count += at == boxes->count;
    return WR_OK;
}

const wr_pub *wr_boxes_find(const wr_boxes *boxes, const wr_member *member, uint64_t *ret_number) {
    uint32_t at = place_of(boxes, &member->device_id);
    bool updated = at < boxes->count;
    *ret_number = updated ? boxes->list[at].number : 0;
    return updated ? &boxes->list[at].box : &member->cert.box;
}

/* ---- our own ---- */

void wr_box_ring_init(wr_box_ring *ring, const wr_identity *identity) {
    *ring = (wr_box_ring){.count = 1};
    ring->list[0].secret = identity->box;
}

void wr_box_ring_wipe(wr_box_ring *ring) {
    wr_wipe(ring, sizeof *ring);
}

static void drop_oldest(wr_box_ring *ring) {
    memmove(&ring->list[0], &ring->list[1], (ring->count - 1) * sizeof ring->list[0]);
    ring->count--;
    wr_wipe(&ring->list[ring->count], sizeof ring->list[0]);
}

wr_err wr_box_ring_renew(wr_box_ring *ring, const wr_rng *rng, uint64_t seq, wr_buf *out) {
    WR_SECRET(wr_key) secret;
    wr_keyupd update = {.kem = WR_SLICE_EMPTY};
    if (ring->list[ring->count - 1].number > seq)
        return WR_ERR_STATE;
    wr_rng_fill(rng, secret.b, sizeof secret.b);
    update.box = wr_dh_public(&secret);
    WR_TRY(wr_keyupd_encode(&update, out));
    if (ring->count == WR_COUNT(ring->list))
        drop_oldest(ring);
    ring->list[ring->count].number = seq + 1;
    ring->list[ring->count++].secret = secret;
    return WR_OK;
}

void wr_box_ring_forget(wr_box_ring *ring, uint64_t number) {
    while (ring->count > 1 && ring->list[0].number < number)
        drop_oldest(ring);
}

wr_err wr_box_ring_open(const wr_box_ring *ring, const wr_hash *circle_id, const wr_key *held,
                        wr_slice message, wr_pub *ret_sender_noise, wr_wrap *ret_wrap) {
    wr_err err = WR_ERR_AUTH;
    for (uint32_t i = ring->count; i-- > 0 && err == WR_ERR_AUTH;)
        err = wr_wrap_open(&ring->list[i].secret, circle_id, held, message, ret_sender_noise,
                           ret_wrap);
    return err;
}
