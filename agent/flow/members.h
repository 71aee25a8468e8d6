/* Who belongs to the circle, as its owner sees and changes it: removals, roles, farewells, what was
 * done by whom, and what needs the owner's word.  Part of the hub (flow/hub.h); same rules.
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_MEMBERS_H
#define FLOW_MEMBERS_H

#include "circle/op_change.h"
#include "flow/hub.h"

/* ---- where a device stands ---- */

typedef struct hub_standing { /* beyond hub_device of hub.h */
    bool verified;            /* marked so on this device */
    bool barred;              /* was accused once: gets no keys again under this id */
    /* Of a device that is no member any more: */
    wr_reason reason;     /* of its removal; 0: none */
    bool left;            /* it said farewell */
    bool equivocated;     /* it was shown to sign two histories */
    bool reset;           /* a new generation left it behind */
    bool removed_by_root; /* with the recovery words */
    wr_hash removed_by;   /* unless by root; its own where it left; zero: not known */
    uint64_t removed_ms;  /* Unix; 0: not known */
} hub_standing;
/* UNKNOWN: no such device.  May be called from within hub_each_device. */
WR_MUST wr_err hub_get_standing(hub *hub, const wr_hash *device, hub_standing *ret_standing);

/* ---- removing ---- */

typedef struct hub_removal {
    wr_hash device;
    wr_reason reason;
    bool only;         /* takes no device along */
    uint64_t since_ms; /* Unix: what it paired from then on goes along; 0: since we last met it */
    wr_slice words;    /* the recovery words: signs with them; empty: this device signs */
} hub_removal;

typedef struct hub_foresight {
    uint32_t along_count; /* devices that go with it, ascending by id */
    wr_hash along[WR_MEMBERS_MAX];
    uint32_t struck_count; /* members, this one aside, that its worst retaliation could cost */
    wr_hash struck[WR_MEMBERS_MAX];
} hub_foresight;

/* What the removal would do, without doing it.
 *   UNKNOWN  no such device      REFUSED  this device may not, or the words are of another circle
 *   FORMAT   not 24 words        STATE    retired, and it has not said LEAVE; or it is this device
 *                                         (a device leaves by hub_leave)
 *   EXISTS   it is out already, nobody goes along, and neither reason nor words say more */
WR_MUST wr_err hub_foresee(hub *hub, const hub_removal *removal, hub_foresight *ret_foresight);
/* Signs it.  done is called once, after it is durable; its sessions are closed in the same turn.
 * Besides the errors above:
 *   CLOSED  this device waits for a sibling to confirm it (sync.md 5); nothing was signed
 *   LIMIT   the circle takes no more ops; nothing was signed */
WR_MUST wr_err hub_remove(hub *hub, const hub_removal *removal, hub_done_fn done, void *ctx);
/* The farewell of this device.  It stays readable, and is no member any more. */
WR_MUST wr_err hub_leave(hub *hub, hub_done_fn done, void *ctx);
/* Raising to ADMIN needs the words (FORMAT without).  EXISTS: it is the last ADMIN, and only the
 * words can lower that one. */
WR_MUST wr_err hub_set_role(hub *hub, const wr_hash *device, bool admin, wr_slice words,
                            hub_done_fn done, void *ctx);

/* A new generation (circle.md 2.6), signed with the recovery words: all members are kept but one,
 * or all where without is NULL; what is not known here is void.  Errors as hub_remove. */
WR_MUST wr_err hub_reset(hub *hub, const wr_hash *without, wr_slice words, hub_done_fn done,
                         void *ctx);

/* ---- what was done ---- */

typedef enum hub_act_type {
    HUB_ACT_FOUND,
    HUB_ACT_ADD,
    HUB_ACT_REMOVE,
    HUB_ACT_LEAVE,
    HUB_ACT_ROLE,
    HUB_ACT_EPOCH,
    HUB_ACT_EQUIV,
    HUB_ACT_ROOTSET,
    HUB_ACT_RESET,
} hub_act_type;

typedef struct hub_act { /* lives during the callback */
    wr_hash id;
    hub_act_type type;
    bool by_root;   /* with the recovery words */
    wr_hash author; /* unless by_root */
    uint64_t ms;    /* Unix */
    wr_reason reason;
    bool admin;             /* ADD, ROLE */
    const wr_hash *devices; /* whom it is about */
    uint32_t device_count;
    bool counts; /* false: struck out, or held */
    bool held;   /* waits for the owner's word */
} hub_act;
typedef wr_err (*hub_act_fn)(void *ctx, const hub_act *act);
/* The newest ones, limit at most, in the order of their clocks, ACKs left out; *ret_earlier are
 * before them. */
WR_MUST wr_err hub_each_act(hub *hub, uint32_t limit, hub_act_fn fn, void *ctx,
                            uint32_t *ret_earlier);

/* ---- what needs the owner ---- */

typedef enum hub_alert_type {
    HUB_ALERT_RETALIATION_HELD,      /* accept: the held op takes effect */
    HUB_ALERT_ACCUSATION_OVERRIDDEN, /* accept: this device accuses anew */
    HUB_ALERT_EQUIVOCATION,          /* .device signed two histories; reject: seen */
    HUB_ALERT_ROLLBACK,              /* this home was set back, .text: how; reject: seen */
    HUB_ALERT_RECEIVED_WHILE_LOST,   /* accept: .entries of .device are shown */
    HUB_ALERT_QUARANTINE,            /* .entries of .device beyond its cut; accept: shown */
    HUB_ALERT_TAIL_DAMAGED,          /* .entries answered here, lost by the disk; reject: seen */
    HUB_ALERT_KEY_MISSING,           /* .id: epoch; .entries that nobody can read; reject: seen */
} hub_alert_type;

#define HUB_ALERT_TEXT_MAX 256u
typedef struct hub_alert {
    wr_hash id; /* what hub_resolve takes */
    hub_alert_type type;
    wr_hash device; /* whom it is about */
    uint64_t ms;    /* Unix; 0: not known */
    uint64_t entries;
    char text[HUB_ALERT_TEXT_MAX]; /* for people; empty: the type says it all */
} hub_alert;
typedef wr_err (*hub_alert_fn)(void *ctx, const hub_alert *alert);
WR_MUST wr_err hub_each_alert(hub *hub, hub_alert_fn fn, void *ctx);
/* accept false: it is not shown again, and nothing changes.  UNKNOWN: no such alert. */
WR_MUST wr_err hub_resolve(hub *hub, const wr_hash *alert, bool accept, hub_done_fn done,
                           void *ctx);

/* ---- comparing keys ---- */

typedef struct hub_safety { /* what two people compare: the same on both devices */
    char digits[80];        /* 12 groups of 5 */
    char words[192];        /* the same in words */
    bool verified;          /* marked so on this device */
} hub_safety;
WR_MUST wr_err hub_get_safety(hub *hub, const wr_hash *device, hub_safety *ret_safety);
/* Marks the device as compared (a removal leaves it alone), or no longer. */
WR_MUST wr_err hub_mark_verified(hub *hub, const wr_hash *device, bool verified, hub_done_fn done,
                                 void *ctx);

#endif /* FLOW_MEMBERS_H */
