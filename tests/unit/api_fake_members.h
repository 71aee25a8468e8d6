/* The fake hub's circle: what a test puts into it, and what the API asked of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_API_FAKE_MEMBERS_H
#define TESTS_UNIT_API_FAKE_MEMBERS_H

#include "flow/members.h"

/* A device besides this one and the desktop. */
typedef struct fake_device {
    hub_device device;
    hub_standing standing;
} fake_device;

typedef struct fake_members {
    /* Put in by a test; lists are borrowed. */
    const fake_device *devices;
    uint32_t device_count;
    hub_foresight foresight; /* struck only as long as no words are given */
    const hub_act *acts;
    uint32_t act_count;
    const hub_alert *alerts;
    uint32_t alert_count;
    bool verified;       /* the desktop */
    wr_err foresee;      /* what foreseeing fails with */
    wr_err refuse, late; /* every change fails with it, at once or at the end */
    /* Asked by the API. */
    uint32_t foreseen, removed, left, roles, resets, resolved, marked; /* how often */
    hub_removal removal;   /* the last one, without words */
    char words[1100];      /* of the last call with words */
    wr_hash device, alert; /* of the last role, reset, verify, resolve */
    bool admin, accept, mark;
} fake_members;

fake_members *fake_hub_members(hub *h);
/* For the fake's own files. */
wr_err fake_hub_fail(hub *h, wr_err err, const char *text);
void fake_hub_later(hub *h, wr_err err, hub_done_fn done, void *ctx);

/* The words that the fake takes; all others of more than one word are of another circle. */
#define FAKE_WORDS "abandon abandon abandon art"

#endif /* TESTS_UNIT_API_FAKE_MEMBERS_H */
