/* How much memory each simulated device uses: what its own code has allocated and not yet freed.
 *
 * malloc and its like are wrapped by the linker (heap_sim.cmake); a block belongs to the device
 * whose loop runs.  Disks are not counted, and neither is what libraries allocate for themselves.
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_HEAP_SIM_H
#define SIM_HEAP_SIM_H

#include "base/base.h"

#define HEAP_SIM_DEVICES_MAX 16u

/* The most bytes in use at once since heap_sim_forget. */
size_t heap_sim_peak(uint32_t device);
/* Its process has ended. */
void heap_sim_forget(uint32_t device);

#endif /* SIM_HEAP_SIM_H */
