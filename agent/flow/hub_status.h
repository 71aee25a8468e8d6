/* What the hub says of its device as a whole: part of hub.h.
 *
 * Layer:  flow
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FLOW_HUB_STATUS_H
#define FLOW_HUB_STATUS_H

#include "base/base.h"
#include "base/limits.h"
#include "net/transport.h"

/* Why what is appended waits in the tail (sync.md 5). */
typedef enum hub_hold {
    HUB_HOLD_NONE,    /* it is signed at once */
    HUB_HOLD_WAITING, /* for the word of a sibling */
    HUB_HOLD_BEHIND,  /* .. that knows more of this device: it is fetched */
    HUB_HOLD_LOST,    /* .. and nobody here has it */
    HUB_HOLD_TWIN,    /* another copy of this device is running */
    HUB_HOLD_OUT,     /* it is no member any more: it waits for good */
} hub_hold;

typedef struct hub_status {
    bool has_circle;
    wr_hash device, circle, epoch;
    char name[WR_NAME_BYTES_MAX + 1u];
    uint32_t devices;
    uint64_t uptime_s;
    uint64_t entries;   /* of all logs and devices */
    uint64_t pending;   /* of them in the unsigned tail */
    hub_hold hold;      /* .. why */
    uint64_t bytes;     /* on disk */
    bool recovery_kept; /* the words were never shown: this device holds everything */
    bool pq;            /* every device ever added was paired by QR */
    uint32_t listen_count;
    net_addr listen[8];
} hub_status;

#endif /* FLOW_HUB_STATUS_H */
