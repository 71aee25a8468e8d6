/* What worlds have gone through, in words and numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/world_report.h"

#include "sim/world_members.h"
#include "sim/world_parts.h"

#include <inttypes.h>
#include <sys/resource.h>

void world_tell(const world *w) {
    const struct world_counts *n = &w->counts;
    printf("seed %" PRIu64 ": %u devices, %" PRIu64 " s, healed at %" PRIu64
           ", settled after %" PRIu64 " s\n",
           w->options.seed, w->device_count, sim_clock_now(w->clock) / 1000, w->healed_ms / 1000,
           (w->settled_ms - w->healed_ms) / 1000);
    printf("  %" PRIu64 " appends, %" PRIu64 " answered, %" PRIu64 " bytes on the wire, %" PRIu64
           " events\n",
           n->appends, n->answered, net_sim_bytes(w->net), w->trace->events);
    printf("  %" PRIu64 " joins, %" PRIu64 " wrong codes, %" PRIu64 " stops, %" PRIu64
           " crashes, %" PRIu64 " breaks, %" PRIu64 " disk faults, %" PRIu64 " sleeps\n",
           n->joins, n->wrong_codes, n->stops, n->crashes, n->breaks, n->faults, n->sleeps);
    if (w->membership)
        printf("  %" PRIu64 " removals, %" PRIu64 " farewells, %" PRIu64 " roles, %" PRIu64
               " strikes; %u of %u are inside\n",
               n->removals, n->leaves, n->roles, n->strikes, world_insiders(w), w->device_count);
    world_tap_tell(w);
    world_traitor_tell(w);
}

void totals_of_world(totals *t, const world *w) {
    const struct world_counts *n = &w->counts;
    t->awake_ms += n->awake_ms;
    t->appends += n->answered;
    t->handshakes += n->handshakes / 2; /* both ends count */
    t->faults += n->crashes + n->stops + n->faults + n->sleeps;
    t->removals += n->removals + n->leaves;
    t->strikes += n->strikes;
    t->frames += net_sim_pieces(w->net);
    if (n->memory_peak > t->memory_peak)
        t->memory_peak = n->memory_peak;
}

void totals_add(totals *to, const totals *more) {
    to->awake_ms += more->awake_ms;
    to->appends += more->appends;
    to->handshakes += more->handshakes;
    to->faults += more->faults;
    to->removals += more->removals;
    to->strikes += more->strikes;
    to->frames += more->frames;
    if (more->memory_peak > to->memory_peak)
        to->memory_peak = more->memory_peak;
}

static double processor_seconds(int whose) {
    struct rusage used;
    WR_ASSERT(getrusage(whose, &used) == 0);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double per(uint64_t count, double whole) {
    return whole > 0 ? (double)count / whole : 0;
}

/* Rates of what happened in an hour of a device that is awake, and how fast all that went. */
void totals_tell(FILE *out, const totals *t, bool of_children) {
    double seconds = processor_seconds(of_children ? RUSAGE_CHILDREN : RUSAGE_SELF);
    double hours = (double)t->awake_ms / HOUR;
    (void)fprintf(
        out,
        "%.0f device-hours in %.1f s of processor time: %.0f a minute, %.0f appends and %.0f"
        " frames a second\n",
        hours, seconds, seconds > 0 ? hours * 60 / seconds : 0, per(t->appends, seconds),
        per(t->frames, seconds));
    (void)fprintf(
        out,
        "in a device-hour: %.1f appends, %.1f handshakes, %.1f faults; a device used at most "
        "%" PRIu64 " KiB of memory\n%" PRIu64 " removals and farewells, %" PRIu64
        " of them struck back at\n",
        per(t->appends, hours), per(t->handshakes, hours), per(t->faults, hours),
        t->memory_peak / 1024, t->removals, t->strikes);
}
