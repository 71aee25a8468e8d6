/* Hubs that speak over loopback: each with a loop, sockets and a disk in memory of its own.
 *
 * The loops are turned round and round until what a test waits for has come; nothing sleeps.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_FLOW_HUB_WORLD_H
#define TESTS_UNIT_FLOW_HUB_WORLD_H

#include "flow/hub.h"
#include "harness/harness.h"
#include "store/store_memory.h"

#define HUBS_COUNT 3u
#define HUBS_EVENTS (HUB_EV_ROLLBACK + 1u)

typedef struct hubs_device {
    struct hubs *all;
    uint32_t index;
    loop *loop;
    net *net;
    net_addr listen;
    hub *hub;    /* NULL: not running */
    store *disk; /* outlives the hub; what it had not committed is gone with it */
    keystore *keys;
    bool has_home;
    keystore_secrets secrets; /* of the home */
    bool gone;
    uint64_t epoch_entries_max; /* hub_config */

    uint32_t provisions;
    uint32_t provisions_fail; /* so many of the next ones do */
    uint64_t fail_at;         /* call of the next disk that is provisioned */

    uint32_t events[HUBS_EVENTS]; /* how many of each */
    wr_hash asked;                /* the device of the newest request */
    char failed[256];             /* why the last pairing was over */
    uint32_t joins;
    wr_err joined;
    uint32_t answers;
    wr_err appended;
    hub_appended append;
} hubs_device;

typedef struct hubs {
    hubs_device device[HUBS_COUNT];
} hubs;

int hubs_start(void **state); /* none is running */
int hubs_stop(void **state);

void hubs_open(hubs_device *d);
void hubs_close(hubs_device *d); /* in order; the home stays */

/* An empty disk, for what the test puts there before it opens. */
void hubs_make_home(hubs_device *d, const keystore_secrets *secrets);
/* Both are closed, and to has no home yet. */
void hubs_copy_home(const hubs_device *from, hubs_device *to);

typedef bool (*hubs_until)(const hubs_device *d);
/* Turns all loops until it is true of the device; fails the test if it never is. */
void hubs_wait(hubs_device *d, hubs_until until);
void hubs_turn(hubs *all); /* once */
void hubs_turn_one(hubs_device *d);
/* Turns all loops until everything that was under way has had its turn. */
void hubs_settle(hubs *all);

/* Device 0 founds a circle. */
void hubs_found(hubs *all);
/* By address of the other. */
WR_MUST wr_err hubs_join(hubs_device *d, const char *code, const hubs_device *to);
/* The same, which returns when the dial has begun and is not connected yet. */
void hubs_join_dials(hubs_device *d, const char *code, const hubs_device *to);
void hubs_pair(hubs_device *d, bool yes, hub_pairing *ret_pairing);
/* The answer, after it came. */
wr_err hubs_append(hubs_device *d, const char *text);
/* Entries of the log to which hubs_append appends; hlc may be NULL. */
uint32_t hubs_entries(hubs_device *d, uint64_t *hlc, uint32_t max);
uint32_t hubs_members(hubs_device *d);

#endif /* TESTS_UNIT_FLOW_HUB_WORLD_H */
