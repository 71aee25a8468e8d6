/* Fuzzes a transport: two ends, a network that does what the input says, and a model beside them.
 *
 * Target: wr_transport_seal, _open, _rekey_send, _rekey_recv, _rekey_due.
 * Input:  steps of 1 byte  what (mod 6, see step) and its arguments.
 * Oracle: the real next message opens to its plaintext, nothing else does; an error changes
 *         nothing; a rekey is refused exactly when the key has protected nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "channel/transport.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wr_mono now = {1};
static uint8_t wire[WR_NOISE_MESSAGE_MAX];
static uint8_t got[WR_NOISE_MESSAGE_MAX];

typedef struct model {
    wr_transport ends[2];
    size_t last_len; /* of the message in wire, 0 if there was none */
    bool fresh;      /* the key has protected nothing */
} model;

static void refuses(wr_transport *end, wr_slice message) {
    wr_transport before;
    wr_buf plain = WR_BUF_ARRAY(got);
    memcpy(&before, end, sizeof before);
    WR_ASSERT(wr_transport_open(end, message, &plain) != WR_OK);
    WR_ASSERT(plain.len == 0);
    WR_ASSERT(memcmp(&before, end, sizeof before) == 0);
}

static void seal(model *m, uint8_t len) {
    wr_buf out = WR_BUF_ARRAY(wire);
    memset(wire, len, len);
    WR_ASSERT(wr_transport_seal(&m->ends[0], wr_slice_of(wire, len), &out) == WR_OK);
    WR_ASSERT(out.len == len + (size_t)WR_TAG_SIZE);
    m->last_len = out.len;
    m->fresh = false;
}

static void deliver(model *m, uint8_t len) {
    wr_buf plain = WR_BUF_ARRAY(got);
    WR_ASSERT(wr_transport_open(&m->ends[1], wr_slice_of(wire, m->last_len), &plain) == WR_OK);
    WR_ASSERT(plain.len == len);
    for (size_t i = 0; i < len; i++)
        WR_ASSERT(got[i] == len);
}

static void deliver_changed(model *m, uint16_t bit) {
    size_t at = bit / 8 % m->last_len;
    wire[at] ^= (uint8_t)(1u << bit % 8);
    refuses(&m->ends[1], wr_slice_of(wire, m->last_len));
    wire[at] ^= (uint8_t)(1u << bit % 8);
}

static void rekey(model *m) {
    wr_err want = m->fresh ? WR_ERR_STATE : WR_OK;
    WR_ASSERT(wr_transport_rekey_send(&m->ends[0], now) == want);
    WR_ASSERT(wr_transport_rekey_recv(&m->ends[1], now) == want);
    WR_ASSERT(!wr_transport_rekey_due(&m->ends[0], now));
    m->fresh = true;
}

/* Returns false when the input ends. */
static bool step(model *m, wr_slice *input) {
    uint8_t what, len;
    uint16_t bit;
    if (!wr_slice_take_u8(input, &what))
        return false;
    switch (what % 6) {
    case 0: /* seal as many bytes as the next byte says, in place, and deliver them */
        if (!wr_slice_take_u8(input, &len))
            return false;
        seal(m, len);
        deliver(m, len);
        return true;
    case 1: /* seal, change the bit in the next u16, deliver that and then the real one */
        if (!wr_slice_take_u8(input, &len) || !wr_slice_take_u16(input, &bit))
            return false;
        seal(m, len);
        deliver_changed(m, bit);
        deliver(m, len);
        return true;
    case 2: /* deliver the last message again */
        refuses(&m->ends[1], wr_slice_of(wire, m->last_len));
        return true;
    case 3: /* send the last message back to its sender */
        refuses(&m->ends[0], wr_slice_of(wire, m->last_len));
        return true;
    case 4: /* rekey both ends */
        rekey(m);
        return true;
    default: /* deliver the rest of the input as a message */
        refuses(&m->ends[1], *input);
        return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    wr_slice input = wr_slice_of(data, size);
    wr_key there = {{1}}, back = {{2}};
    model m = {.fresh = true};
    wr_transport_init(&m.ends[0], &there, &back, now);
    wr_transport_init(&m.ends[1], &back, &there, now);
    size_t steps = 0;
    while (steps < 4096 && step(&m, &input))
        steps++;
    return 0;
}
