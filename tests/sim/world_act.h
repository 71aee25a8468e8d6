/* What may happen in a step of a world's plot; each world draws weights of its own (swarm).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_WORLD_ACT_H
#define SIM_WORLD_ACT_H

typedef enum world_act {
    ACT_APPEND,
    ACT_BREAK,
    ACT_CUT,
    ACT_MEND,
    ACT_UNPLUG,
    ACT_STOP,
    ACT_CRASH,
    ACT_CRASH_AT_CALL,
    ACT_START,
    ACT_SLEEP,
    ACT_CLOCK,
    ACT_DISK_FAULT,
    ACT_DISK_FULL,
    ACT_BACK_UP,
    ACT_SET_BACK,
    ACT_DRAWER,
    ACT_PAIR,
    ACT_RENAME,
    ACT_LOOK,
    ACT_PAUSE,
    ACT_SPLIT,
    ACT_FORGET, /* a NAT does */
    ACT_REMOVE, /* from here on in members worlds only */
    ACT_LEAVE,
    ACT_ROLE,
    ACT_STRIKE,
    ACT_COUNT,
} world_act;

#endif /* SIM_WORLD_ACT_H */
