/* Three devices of one circle that have met, and what they do with epochs and removals.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_ENGINE_CIRCLE_WORLD_H
#define TESTS_UNIT_ENGINE_CIRCLE_WORLD_H

#include "engine_link_world.h"

extern device *a, *b, *c; /* a founded it; all may sign */
int circle_start(void **state);
int circle_stop(void **state);

wr_hash write_epoch(const device *d); /* it must have one */
bool holds(const device *d, const wr_hash *epoch_id);
wr_hash rotate(device *d); /* the new epoch */
void remove_it(device *by, const device *target, wr_reason reason);
wr_op_ref newest_op(const device *d);
/* The ops without the secrets. */
void tell_ops(const device *from, device *to);

#endif /* TESTS_UNIT_ENGINE_CIRCLE_WORLD_H */
