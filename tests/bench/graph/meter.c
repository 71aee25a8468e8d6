/* Time, signatures and memory: wr_verify, malloc, calloc and free are wrapped by the linker.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench/graph/meter.h"

#include "crypto/crypto.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

double meter_verifying;
int64_t meter_heap;

wr_err __real_wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message, const wr_sig *sig);
wr_err __wrap_wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message, const wr_sig *sig);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);

double meter_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

wr_err __wrap_wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message,
                        const wr_sig *sig) {
    double begin = meter_now();
    wr_err err = __real_wr_verify(key, label, message, sig);
    meter_verifying += meter_now() - begin;
    return err;
}

static int64_t size_of(void *memory) {
    return memory == NULL ? 0 : (int64_t)malloc_usable_size(memory);
}

void *__wrap_malloc(size_t size) {
    void *memory = __real_malloc(size);
    meter_heap += size_of(memory);
    return memory;
}

void *__wrap_calloc(size_t count, size_t size) {
    void *memory = __real_calloc(count, size);
    meter_heap += size_of(memory);
    return memory;
}

void __wrap_free(void *memory) {
    meter_heap -= size_of(memory);
    __real_free(memory);
}

double meter_resident(void) {
    unsigned long total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &total, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

void must(bool fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "bench_graph: %s\n", what);
    exit(1);
}
