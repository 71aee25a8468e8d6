/* Which process of each sibling we have a session with: two copies of one home that run at the same
 * time are told apart before the second one signs.
 *
 * A place belongs to one instance at a time.  A session with another one of the same device waits
 * beside it as a rival, until whoever holds the place has shown that it lives, or has gone.
 *
 * Spec:   proto/spec/sync.md 5.1
 * Layer:  engine, private to self*.c and link*.c
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_TWINS_H
#define WR_ENGINE_TWINS_H

#include "base/base.h"
#include "base/limits.h"

#define WR_TWINS_RETURN_MS 3000u /* who went without a word may come back within that */

typedef struct wr_place {
    wr_hash device_id;
    wr_digest instance;
    uint32_t sessions; /* with this instance, that are up */
    bool sure;         /* it signs already, or was told that it runs alone */
    bool yields;       /* a rival signs already: this one is told, and ends */
    wr_mono sure_at;   /* from then on it may be told */
    wr_mono free_at;   /* without sessions: whoever comes from then on waits for nobody */
    bool rival_signs;  /* one of those that wait says that it does */
    uint32_t asked;    /* rivals that came: whether the instance lives */
    uint32_t answered; /* .. up to which of them it has shown */
    uint32_t moot;     /* .. up to which one that has gone was asked */
    /* the device's own word, on whatever session */
    bool vouches;       /* it would confirm us, but for a twin that another one knows of */
    wr_mono twin_until; /* it has met another process of ours; zero: it has not */
} wr_place;

typedef struct wr_twins {
    wr_place places[WR_AUTHORS_MAX];
    uint32_t count;
    wr_mono free_at; /* of places that were not asked for before */
} wr_twins;

/* Of the device; a new one if there is none.  NULL: there is no room. */
wr_place *wr_twins_place(wr_twins *twins, const wr_hash *device_id);
/* A session with the instance is up; signs: it says that it may sign.  False: another one has the
 * place, and this one is its rival. */
WR_MUST bool wr_place_take(wr_place *place, const wr_digest *instance, bool signs, wr_mono now);
/* A session with whoever holds the place is over; left: the process has gone for certain. */
void wr_place_leave(wr_place *place, bool left, wr_mono now);
/* A rival asks whether the holder lives; its number.  signs: as above. */
uint32_t wr_place_ask(wr_place *place, bool signs);
/* The holder has answered what was asked up to this number. */
void wr_place_answer(wr_place *place, uint32_t asked);
/* Rivals wait for an answer. */
WR_MUST bool wr_place_is_asked(const wr_place *place);
/* Nobody came meanwhile: sure, if it is time. */
void wr_place_settle(wr_place *place, wr_mono now);

/* ---- what self knows of twins, its own and those of siblings (self_twin.c) ---- */

struct wr_self;
/* The process that speaks, drawn with self; an owner that loads anew sets it again (sync.md 5.1).
 */
const wr_digest *wr_self_instance(const struct wr_self *self);
void wr_self_set_instance(struct wr_self *self, const wr_digest *instance);
/* A sibling has met another process of this device: nothing is signed until confirmed anew.  It is
 * forgotten when the sibling takes it back (by NULL: all that said so), or some time has passed. */
void wr_self_see_twin(struct wr_self *self, const wr_hash *by, wr_now now);
void wr_self_forget_twin(struct wr_self *self, const wr_hash *by);
wr_mono wr_self_twin_until(const struct wr_self *self); /* zero: no twin is known */
/* Do none but these know of a twin, while another sibling vouches for this device? */
WR_MUST bool wr_self_is_cleared(const struct wr_self *self, const wr_hash *but, uint32_t but_count);
wr_twins *wr_self_twins(struct wr_self *self);
/* Entries and ops of our own that siblings brought back, as we had lost them. */
void wr_self_regained(const struct wr_self *self, uint64_t *ret_entries, uint64_t *ret_ops);

#endif /* WR_ENGINE_TWINS_H */
