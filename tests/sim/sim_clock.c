/* The clock: a binary heap of events by time, then by order of setting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/sim_clock.h"

#include <stdlib.h>

struct sim_clock {
    trace *trace;
    uint64_t now_ms, order, at_once;
    sim_event **heap; /* [1 .. count] */
    size_t count, cap;
};

sim_clock *sim_clock_new(trace *t) {
    sim_clock *c = (sim_clock *)calloc(1, sizeof *c);
    WR_ASSERT(c != NULL);
    c->trace = t;
    return c;
}

void sim_clock_free(sim_clock *c) {
    if (c == NULL)
        return;
    free(c->heap);
    free(c);
}

trace *sim_clock_trace(const sim_clock *c) {
    return c->trace;
}

uint64_t sim_clock_now(const sim_clock *c) {
    return c->now_ms;
}

uint64_t sim_clock_at_once(const sim_clock *c) {
    return c->at_once;
}

/* ---- the heap ------------------------------------------------------------------------------ */

static bool before(const sim_event *a, const sim_event *b) {
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void put_at(sim_clock *c, sim_event *event, size_t place) {
    c->heap[place] = event;
    event->place = place;
}

static void rise(sim_clock *c, sim_event *event, size_t place) {
    while (place > 1 && before(event, c->heap[place / 2])) {
        put_at(c, c->heap[place / 2], place);
        place /= 2;
    }
    put_at(c, event, place);
}

static void sink(sim_clock *c, sim_event *event, size_t place) {
    size_t child = place * 2;
    while (child <= c->count) {
        if (child < c->count && before(c->heap[child + 1], c->heap[child]))
            child++;
        if (!before(c->heap[child], event))
            break;
        put_at(c, c->heap[child], place);
        place = child;
        child = place * 2;
    }
    put_at(c, event, place);
}

static void make_room(sim_clock *c) {
    if (c->count + 2 <= c->cap)
        return;
    c->cap = c->cap == 0 ? 64 : c->cap * 2;
    c->heap = (sim_event **)realloc(c->heap, c->cap * sizeof *c->heap);
    WR_ASSERT(c->heap != NULL);
}

void sim_clock_stop(sim_clock *c, sim_event *event) {
    if (event->place == 0)
        return;
    size_t place = event->place;
    WR_ASSERT(c->heap[place] == event);
    sim_event *last = c->heap[c->count--];
    event->place = 0;
    if (last == event)
        return;
    if (place > 1 && before(last, c->heap[place / 2]))
        rise(c, last, place);
    else
        sink(c, last, place);
}

void sim_clock_set(sim_clock *c, sim_event *event, uint64_t at_ms) {
    WR_ASSERT(event->fn != NULL);
    sim_clock_stop(c, event);
    make_room(c);
    event->at_ms = at_ms > c->now_ms ? at_ms : c->now_ms;
    event->order = ++c->order;
    rise(c, event, ++c->count);
}

/* ---- time ---------------------------------------------------------------------------------- */

static void move_to(sim_clock *c, uint64_t ms) {
    WR_ASSERT(ms >= c->now_ms);
    if (ms != c->now_ms)
        c->at_once = 0;
    c->now_ms = ms;
}

bool sim_clock_step(sim_clock *c, uint64_t until_ms) {
    if (c->count == 0 || c->heap[1]->at_ms > until_ms) {
        move_to(c, until_ms);
        return false;
    }
    sim_event *event = c->heap[1];
    move_to(c, event->at_ms);
    c->at_once++;
    sim_clock_stop(c, event);
    event->fn(event->ctx);
    return true;
}
