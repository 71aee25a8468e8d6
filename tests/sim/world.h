/* A circle of simulated devices, what happens to them, and what must hold whatever happens.
 *
 *   world_new -> { world_step } * -> world_heal -> world_settle -> world_check_all -> world_stop ->
 *   world_free
 *
 *   world.c         devices: their disks, their runs, their deaths
 *   world_parts.h   the rest:
 *   world_plot.c    what happens next, drawn from the seed
 *   world_rhythm.c  what devices do all the time
 *   world_net.c     where devices stand, and what becomes of the network
 *   world_pair.c    how devices come into the circle
 *   world_members.c who is removed, leaves or strikes back: world_members.h
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
#include "sim/nat_sim.h"
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
    uint32_t epoch;                  /* entries that fill one; 0: those of the spec */
    const struct scenario *scenario; /* NULL: what happens is drawn */
    bool print_trace;
    trace *trace; /* borrowed: may be looked at when the world has ended badly */
} world_options;

typedef struct world world;
typedef struct device device;
typedef struct backup backup;

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
    uint64_t started_ms;
    uint64_t graph_version; /* of the members that were looked at last */
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
    int32_t drift_ppm;
    uint32_t commit_ms; /* the slowest commit of its disk */
    bool unplugged;
    uint64_t asleep_until;
    sim_event wake;
    chance rhythm;
    sim_event beat;
    bool disk_fault;               /* a call of the disk is to fail, or has just failed: */
    uint64_t fault_call, fault_ms; /* when it was seen that it had struck; 0: not yet */
    bool disk_full;
    sim_event room;
    backup *backup; /* NULL: none */
    bool was_set_back;
    /* The circle. */
    bool joining;
    wr_hash id, former; /* once it is in; what it was before it came in again */
    bool has_id, has_former;
    uint64_t pairing;    /* the window it opened last */
    bool ask_owner;      /* .. and its owner answers himself */
    const run *removing; /* it was asked to throw this device out and has not answered; NULL */
    int32_t accuser;     /* who has thrown it out; -1 */
    bool struck;         /* a thief has removed it */
    bool has_struck, has_left, is_retired;
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
    bool may_be_lost; /* its author was set back to before it */
    uint64_t hlc;     /* of the answer */
    uint64_t digest;  /* of kind and body */
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
    struct turned *turned; /* NULL: nobody ever turns */
    chance plot, bodies, faults, network;
    uint32_t device_count;
    device devices[WORLD_DEVICES_MAX];
    run *runs;
    uint32_t weights[ACT_COUNT];
    bool discovery, peers;  /* they know each other's addresses from their configuration */
    bool nats;              /* between some of them */
    bool bulk, keeps_words; /* once, somebody appends very much; a story needs .words */
    bool membership;        /* some are removed, or leave */
    char words[HUB_WORDS_MAX];
    chance members;
    int32_t traitors_accuser; /* -1 */
    bool rhythm;              /* devices live on while the plot waits: world_rhythm.c */
    record *records;
    uint32_t record_count, record_cap;
    bool pairing_wrong;         /* the join under way has a wrong code */
    const device *host, *guest; /* of the newest join */
    bool host_dies;             /* soon after its owner was asked */
    sim_event disturbance;      /* breaks their connections */
    bool healing, rejoined;     /* .. somebody came in again */
    uint64_t healed_ms;         /* all devices run, nothing is in the way */
    uint64_t settled_ms;
    uint64_t next_check; /* at so many events of the trace */
    struct world_counts {
        uint64_t appends, answered, crashes, stops, breaks, joins, wrong_codes, faults, sleeps;
        uint64_t set_backs, alerts, rollbacks;
        uint64_t removals, leaves, roles, strikes;
        uint64_t awake_ms; /* of all devices together */
        uint64_t handshakes, stored;
        uint64_t memory_peak; /* bytes of one device */
    } counts;
};

/* ---- world.c ------------------------------------------------------------------------------- */

world *world_new(const world_options *options);
void world_stop(world *w); /* all devices, in order */
void world_free(world *w); /* .. then this */
/* Prints what is wrong, the last events and how to run it again; ends the process. */
_Noreturn void world_fail(world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The command that runs it again, to stderr. */
void world_tell_replay(const char *word, const world_options *options);
/* Lets the world go on for so long, but not over the end of the run of a device under way. */
void world_run(world *w, uint64_t ms);
void world_note(const device *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void device_start(device *d);
void device_stop(device *d);
void device_crash(device *d, bool silent);
void device_sleep(device *d, uint64_t ms);
void device_plug(device *d, bool plugged);
/* Its process dies at this store call from now, before it does anything or, with keep, after the
 * next commit from there on. */
void device_end_at(device *d, uint32_t calls, bool keep);
/* This store call from now fails. */
void device_fail_at(device *d, uint32_t calls);
/* Its process runs, is not about to end, and its machine is awake. */
bool device_is_up(const device *d);
bool device_is_member(const device *d);
/* Its disk fails, or its process dies: what it answers now says nothing. */
bool run_may_fail(const run *r);
/* Calls of its hub stand between these two. */
hub *device_enter(device *d);
void device_leave(device *d);

#endif /* SIM_WORLD_H */
