/* A circle of simulated devices, what happens to them, and what must hold whatever happens.
 *
 *   world_new -> { world_step } * -> world_heal -> world_settle -> world_check_all -> world_free
 *
 *   world.c         devices: their disks, their runs, their deaths
 *   world_plot.c    what happens next, drawn from the seed
 *   world_pair.c    how devices come into the circle
 *   world_log.c     what is appended, what is read, and that both are the same
 *
 * Not modelled: time that a processor takes, and a disk that lies about what is durable.
 *
 * Owner:  main makes one for each seed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "flow/hub.h"
#include "sim/chance.h"
#include "sim/ledger.h"
#include "sim/loop_sim.h"
#include "sim/net_sim.h"
#include "sim/store_sim.h"
#include "sim/world_act.h"

#define WORLD_DEVICES_MAX 8u
#define WORLD_LOGS 4u
#define WORLD_STEPS_DEFAULT 120u
#define WORLD_BATCH_MAX 600u

#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define HOUR (60u * MINUTE)

typedef struct world_options {
    uint64_t seed;
    uint32_t devices; /* 0: the seed decides */
    uint32_t steps;
    bool print_trace;
    trace *trace; /* borrowed: may be looked at when the world has ended badly */
} world_options;

typedef struct world world;
typedef struct device device;

/* One life of a device's process. */
typedef struct run {
    struct run *next;
    device *device;
    loop *loop;
    net *net;
    hub *hub;
    keystore *keystore; /* both are the hub's; NULL: no home yet */
    store *store;
    store_life life;
    net_addr listen, peers[WORLD_DEVICES_MAX];
    chance rng;
    bool closing, crashed;
    bool gone; /* the hub is: the rest can go */
    loop_event follow;
} run;

struct device {
    world *world;
    uint32_t index;
    char name[32];
    /* The disk. */
    bool has_home;
    keystore_secrets secrets;
    store *disk;
    /* The machine. */
    run *run; /* NULL: off */
    uint32_t runs;
    int64_t wall_offset_ms;
    bool unplugged;
    uint64_t asleep_until;
    sim_event wake;
    bool disk_fault; /* a call of the disk is to fail, or has just failed: */
    uint64_t fault_call;
    /* The circle. */
    bool joining;
    wr_hash id; /* once it is in */
    bool has_id;
    uint64_t pairing; /* the window it opened last */
    bool ask_owner;   /* .. and its owner answers himself */
    /* A subscriber of each log, and how often it was given each entry. */
    char cursor[WORLD_LOGS][HUB_CURSOR_MAX];
    uint8_t *followed;
};

/* One entry that was handed to hub_append. */
typedef struct record {
    uint32_t author;
    uint32_t log;
    uint32_t size;
    bool answered;
    uint64_t hlc; /* of the answer */
} record;

struct world {
    world_options options;
    trace *trace;
    sim_clock *clock;
    net_sim *net;
    net_sim_tap tap;
    struct leak *leak;
    ledger *ledger;
    bool attacked;
    struct attack *attack; /* NULL unless attacked */
    chance plot, bodies, faults;
    uint32_t device_count;
    device devices[WORLD_DEVICES_MAX];
    run *runs;
    uint32_t weights[ACT_COUNT];
    bool discovery;
    bool peers; /* devices know each other's addresses from their configuration */
    bool bulk;  /* once, somebody appends very much */
    record *records;
    uint32_t record_count, record_cap;
    bool pairing_wrong;         /* the join under way has a wrong code */
    const device *host, *guest; /* of the newest join */
    bool host_dies;             /* soon after its owner was asked */
    sim_event disturbance;      /* breaks their connections */
    bool healing;
    uint64_t healed_ms; /* all devices run, nothing is in the way */
    uint64_t settled_ms;
    struct world_counts {
        uint64_t appends, answered, crashes, stops, breaks, joins, wrong_codes, faults;
    } counts;
};

/* ---- world.c ------------------------------------------------------------------------------- */

world *world_new(const world_options *options);
void world_free(world *w); /* stops all devices in order first */
/* Prints what is wrong, the last events and how to run it again; ends the process. */
_Noreturn void world_fail(world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lets the world go on for so long, but not over the end of the run of a device under way. */
void world_run(world *w, uint64_t ms);
void world_note(const device *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

void device_start(device *d);
void device_stop(device *d);
void device_crash(device *d, bool silent);
void device_sleep(device *d, uint64_t ms);
void device_plug(device *d, bool plugged);
/* Its process runs, is not about to end, and its machine is awake. */
bool device_is_up(const device *d);
bool device_is_member(const device *d);
/* Its disk fails, or its process dies: what it answers now says nothing. */
bool run_may_fail(const run *r);
/* Calls of its hub stand between these two. */
hub *device_enter(device *d);
void device_leave(device *d);

/* ---- world_plot.c -------------------------------------------------------------------------- */

void world_draw_plot(world *w);
void world_step(world *w);
/* All faults end, all devices start. */
void world_heal(world *w);
/* Until all devices hold the same and nothing waits, or fails. */
void world_settle(world *w);

/* ---- world_pair.c -------------------------------------------------------------------------- */

void world_found(world *w);
/* The first one to come in, with nothing in its way. */
void world_pair_first(world *w);
/* Some device outside tries to come in; false: none, or nobody may let it in now. */
bool world_pair(world *w);
/* All that are outside come in. */
void world_pair_rest(world *w);
void pair_event(device *d, const hub_event *event);

/* ---- world_tap.c --------------------------------------------------------------------------- */

void world_tap_open(world *w);
/* The attacker, if there is one, acts while active. */
void world_tap_active(world *w, bool active);
void world_tap_stop(world *w);
void world_tap_close(world *w); /* before the network */
/* From now on this text must not leave any device: see attack_leak.h. */
void world_forbid(world *w, const char *what, uint32_t number, wr_slice text);

/* ---- world_log.c --------------------------------------------------------------------------- */

void world_append(device *d, uint32_t count);
/* Subscribers read what is new; false: the disk did not let them, they have to try again. */
bool device_follow(device *d);
/* What the device shows now breaks no promise; complete: all that was answered anywhere is there.
 */
uint64_t world_check(device *d, bool complete); /* gives device_digest */
/* One hash over all that a device shows in all logs. */
uint64_t device_digest(device *d);
/* After world_settle: everything. */
void world_check_all(world *w);

#endif /* SIM_WORLD_H */
