/* One direction of a simulated connection: bytes that travel, wait, arrive in pieces, get lost.
 *
 *   flushed ─> on the wire ─> arrived ─> read ─> acknowledged
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/net_sim_impl.h"

#include <stdlib.h>

#define TINY_BYTES 40u

static uint64_t now_of(const sim_stream *s) {
    return sim_clock_now(s->link->net_sim->clock);
}

static void set(const sim_stream *s, sim_event *event, uint64_t after_ms) {
    sim_clock_set(s->link->net_sim->clock, event, now_of(s) + after_ms);
}

static void stop(const sim_stream *s, sim_event *event) {
    sim_clock_stop(s->link->net_sim->clock, event);
}

static transport *sender(const sim_stream *s) {
    return s->link->end[s->from];
}

static transport *reader(const sim_stream *s) {
    return s->link->end[1 - s->from];
}

static uint32_t host_from(const sim_stream *s) {
    return s->link->host[s->from];
}

static uint32_t host_to(const sim_stream *s) {
    return s->link->host[1 - s->from];
}

static uint64_t retry_ms(const sim_stream *s) {
    return chance_between(&s->link->net_sim->chance, SIM_RETRY_MS_MIN, SIM_RETRY_MS_MAX);
}

uint64_t sim_stream_unacked(const sim_stream *s) {
    return s->flushed - s->acked;
}

/* ---- the reader's side ---- */

static void arrive(sim_stream *s) {
    while (s->segment_count > 0 && s->segments[s->segment_first].arrives_ms <= now_of(s)) {
        s->arrived = s->segments[s->segment_first].end;
        s->segment_first++;
        s->segment_count--;
    }
    if (s->segment_count == 0)
        s->segment_first = 0;
}

/* When there is something to do next. */
static void plan(sim_stream *s) {
    if (s->arrived > s->read)
        set(s, &s->deliver, chance_hit(&s->link->net_sim->chance, 200) ? 1 : 0);
    else if (s->segment_count > 0)
        sim_clock_set(s->link->net_sim->clock, &s->deliver,
                      s->segments[s->segment_first].arrives_ms);
    else if (s->fin && !s->fin_read)
        set(s, &s->deliver, 0);
}

static size_t piece_size(sim_stream *s) {
    chance *c = &s->link->net_sim->chance;
    uint64_t there = s->arrived - s->read;
    uint32_t most = there < SIM_READ_BYTES ? (uint32_t)there : SIM_READ_BYTES;
    if (chance_hit(c, s->link->small_pieces))
        return 1 + chance_below(c, most < TINY_BYTES ? most : TINY_BYTES);
    return chance_hit(c, 400) ? most : 1 + chance_below(c, most);
}

static void acknowledge(sim_stream *s) {
    if (!sim_event_is_set(&s->ack))
        set(s, &s->ack, sim_travel_ms(s->link->net_sim, host_to(s), host_from(s)));
}

/* A copy of exactly that size, so that a reader who looks beyond it is found out. */
static void give_piece(sim_stream *s, transport *to) {
    size_t size = piece_size(s);
    uint8_t *copy = (uint8_t *)malloc(size);
    WR_ASSERT(copy != NULL);
    memcpy(copy, s->bytes + s->first, size);
    s->first += size;
    s->read += size;
    s->link->net_sim->bytes += size;
    s->link->net_sim->pieces++;
    sim_nat_touch(s->link);
    if (s->link->net_sim->tap != NULL && s->link->net_sim->tap->given != NULL)
        s->link->net_sim->tap->given(s->link->net_sim->tap->ctx, s->link->number, s->from, s->read);
    acknowledge(s);
    plan(s);
    sim_trace(to, "read", wr_slice_of(copy, size));
    loop_sim_enter(to->net->loop);
    to->events->read(to->ctx, wr_slice_of(copy, size));
    loop_sim_leave();
    free(copy);
}

static void refuse(sim_stream *s) {
    sim_stream_drop(s);
    sim_reset_later(s->link, s->from);
}

static void find_nobody(sim_stream *s) {
    if (!sim_link_passes(s->link, 1 - s->from)) {
        set(s, &s->deliver, retry_ms(s)); /* the sender cannot hear of it */
        return;
    }
    refuse(s);
}

static void deliver(void *ctx) {
    sim_stream *s = (sim_stream *)ctx;
    transport *to = reader(s);
    if (s->linger_ms != 0 && now_of(s) >= s->linger_ms) {
        sim_stream_drop(s); /* the sender's system gave up */
        return;
    }
    if (sim_nat_resets(s->link)) {
        refuse(s);
        return;
    }
    if (!sim_link_passes(s->link, s->from) || (to != NULL && to->state == SIM_CONNECTING)) {
        set(s, &s->deliver, retry_ms(s));
        return;
    }
    arrive(s);
    if (to == NULL || to->state == SIM_CLOSING) {
        find_nobody(s);
        return;
    }
    if (to->paused)
        return;
    if (s->arrived > s->read) {
        give_piece(s, to);
        return;
    }
    if (s->fin && s->segment_count == 0 && s->read == s->flushed && !s->fin_read) {
        s->fin_read = true;
        sim_end_close(to, WR_OK);
        return;
    }
    plan(s);
}

void sim_stream_resume(sim_stream *s) {
    if (!sim_event_is_set(&s->deliver))
        set(s, &s->deliver, 0);
}

/* ---- the sender's side --------------------------------------------------------------------- */

static void acked(void *ctx) {
    sim_stream *s = (sim_stream *)ctx;
    transport *from = sender(s);
    if (!sim_link_passes(s->link, 1 - s->from)) {
        if (!s->link->mapped.forgotten)
            set(s, &s->ack, retry_ms(s));
        return;
    }
    s->acked = s->read; /* one for all of them: a later one would have said the same */
    if (s->flushed == s->acked)
        stop(s, &s->give_up);
    else if (sim_event_is_set(&s->give_up))
        set(s, &s->give_up, s->link->patience_ms);
    if (from == NULL || from->state != SIM_OPEN || !from->wants_space)
        return;
    if (sim_stream_unacked(s) + SIM_ROOM_BYTES <= s->link->unacked_max) {
        from->wants_space = false;
        loop_event_set(&from->writable, now_of(s));
    }
}

/* Nothing was acknowledged for long.  A reader that only does not want to read is no reason. */
static void give_up(void *ctx) {
    sim_stream *s = (sim_stream *)ctx;
    transport *from = sender(s);
    if (from == NULL || from->state == SIM_CLOSING)
        return;
    if (sim_link_passes(s->link, 0) && sim_link_passes(s->link, 1) && reader(s) != NULL) {
        sim_nat_touch(s->link); /* it is asked whether it wants to read */
        set(s, &s->give_up, s->link->patience_ms);
        return;
    }
    sim_end_close(from, WR_ERR_IO);
}

static void append_bytes(sim_stream *s, wr_slice bytes) {
    size_t held = (size_t)(s->flushed - s->read);
    if (s->first != 0 && held != 0)
        memmove(s->bytes, s->bytes + s->first, held);
    s->first = 0;
    if (held + bytes.len > s->cap) {
        s->cap = (held + bytes.len) * 2;
        s->bytes = (uint8_t *)realloc(s->bytes, s->cap);
        WR_ASSERT(s->bytes != NULL);
    }
    memcpy(s->bytes + held, bytes.ptr, bytes.len);
    s->flushed += bytes.len;
}

static void append_segment(sim_stream *s, uint64_t arrives_ms) {
    size_t end = s->segment_first + s->segment_count;
    if (end == s->segment_cap) {
        s->segment_cap = s->segment_cap == 0 ? 16 : s->segment_cap * 2;
        s->segments = (sim_segment *)realloc(s->segments, s->segment_cap * sizeof *s->segments);
        WR_ASSERT(s->segments != NULL);
    }
    s->segments[end] = (sim_segment){arrives_ms, s->flushed};
    s->segment_count++;
}

/* What was flushed by now goes on the wire behind what is there. */
static void send(sim_stream *s, size_t size) {
    const net_sim_path *path = net_sim_path_of(s->link->net_sim, host_from(s), host_to(s));
    uint64_t starts = now_of(s) > s->wire_free_ms ? now_of(s) : s->wire_free_ms;
    s->wire_free_ms = starts + size / path->bytes_per_ms;
    uint64_t arrives = s->wire_free_ms + sim_travel_ms(s->link->net_sim, host_from(s), host_to(s));
    if (arrives < s->last_arrival_ms)
        arrives = s->last_arrival_ms;
    s->last_arrival_ms = arrives;
    append_segment(s, arrives);
    if (!sim_event_is_set(&s->deliver))
        plan(s);
}

void sim_stream_put(sim_stream *s, wr_slice bytes) {
    const net_sim_tap *tap = s->link->net_sim->tap;
    if (tap != NULL && bytes.len != 0)
        bytes = tap->sent(tap->ctx, s->link->number, s->from, &s->tail, bytes);
    if (bytes.len == 0)
        return;
    sim_nat_touch(s->link);
    append_bytes(s, bytes);
    send(s, bytes.len);
    if (!sim_event_is_set(&s->give_up))
        set(s, &s->give_up, s->link->patience_ms);
}

/* ---- beginning and end --------------------------------------------------------------------- */

void sim_stream_init(sim_stream *s, sim_link *link, unsigned from) {
    s->link = link;
    s->from = from;
    s->deliver = (sim_event){.fn = deliver, .ctx = s};
    s->ack = (sim_event){.fn = acked, .ctx = s};
    s->give_up = (sim_event){.fn = give_up, .ctx = s};
}

/* Forgets the end of what was flushed and is still on its way. */
static void truncate(sim_stream *s, uint64_t keep) {
    uint64_t end = s->read + keep;
    if (end >= s->flushed)
        return;
    s->flushed = end;
    if (s->arrived > end)
        s->arrived = end;
    while (s->segment_count > 0) {
        sim_segment *last = &s->segments[s->segment_first + s->segment_count - 1];
        bool whole =
            s->segment_count == 1 || s->segments[s->segment_first + s->segment_count - 2].end < end;
        if (last->end <= end)
            break;
        last->end = end;
        if (whole)
            break;
        s->segment_count--;
    }
}

void sim_stream_finish(sim_stream *s, uint64_t keep) {
    truncate(s, keep);
    stop(s, &s->give_up);
    s->fin = true;
    s->linger_ms = now_of(s) + SIM_LINGER_MS;
    send(s, 0);
}

void sim_stream_drop(sim_stream *s) {
    stop(s, &s->deliver);
    stop(s, &s->ack);
    stop(s, &s->give_up);
    s->segment_count = s->segment_first = 0;
    s->first = 0;
    s->flushed = s->arrived = s->acked = s->read;
    s->fin = false;
}

void sim_stream_wipe(sim_stream *s) {
    sim_stream_drop(s);
    free(s->bytes);
    free(s->segments);
    s->bytes = NULL;
    s->segments = NULL;
}
