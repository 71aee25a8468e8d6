/* The wrapped allocator: counts by device.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/heap_sim.h"

#include "sim/loop_sim.h"

#include <malloc.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);
void *sim_disk_malloc(size_t size);
void *sim_disk_calloc(size_t count, size_t size);
void *sim_disk_realloc(void *old, size_t size);
void sim_disk_free(void *memory);

typedef struct heap {
    int64_t used, peak; /* below zero while it frees what it got before */
} heap;

static heap heaps[HEAP_SIM_DEVICES_MAX];

static void count(int64_t bytes) {
    const loop *l = loop_sim_running();
    uint32_t device = l != NULL ? loop_sim_device(l) : UINT32_MAX;
    if (device >= HEAP_SIM_DEVICES_MAX)
        return;
    heap *h = &heaps[device];
    h->used += bytes;
    if (h->used > h->peak)
        h->peak = h->used;
}

static int64_t size_of(void *memory) {
    return memory == NULL ? 0 : (int64_t)malloc_usable_size(memory);
}

void *__wrap_malloc(size_t size) {
    void *memory = __real_malloc(size);
    count(size_of(memory));
    return memory;
}

void *__wrap_calloc(size_t n, size_t size) {
    void *memory = __real_calloc(n, size);
    count(size_of(memory));
    return memory;
}

void *__wrap_realloc(void *old, size_t size) {
    int64_t before = size_of(old);
    void *memory = __real_realloc(old, size);
    if (memory != NULL)
        count(size_of(memory) - before);
    return memory;
}

void __wrap_free(void *memory) {
    count(-size_of(memory));
    __real_free(memory);
}

/* ---- of disks ---- */

void *sim_disk_malloc(size_t size) {
    return __real_malloc(size);
}

void *sim_disk_calloc(size_t n, size_t size) {
    return __real_calloc(n, size);
}

void *sim_disk_realloc(void *old, size_t size) {
    return __real_realloc(old, size);
}

void sim_disk_free(void *memory) {
    __real_free(memory);
}

/* ---- asking ---- */

size_t heap_sim_peak(uint32_t device) {
    return heaps[device].peak > 0 ? (size_t)heaps[device].peak : 0;
}

void heap_sim_forget(uint32_t device) {
    heaps[device] = (heap){0};
}
