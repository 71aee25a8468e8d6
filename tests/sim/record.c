/* warren-sim-record DIR OPTIONS..: warren-sim with these options, which keeps what decoders read.
 *
 * main is wrapped (ld --wrap), so that the simulator's own command line stays as it is.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KINDS 65536u    /* told apart by a hash: a collision loses an input, no more */
#define PER_KIND_MAX 2u /* kept by one process */
#define PATH_BYTES 1024u
#define TARGETS_MAX 32u
#define PER_TARGET_MAX 150u

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static const char *folder;
static uint8_t kinds[KINDS];

/* ---- building an input ---------------------------------------------------------------------- */

void record_begin(record *r) {
    r->len = 0;
    r->too_long = false;
}

void record_bytes(record *r, wr_slice bytes) {
    if (bytes.len > sizeof r->bytes - r->len) {
        r->too_long = true;
        return;
    }
    if (bytes.len != 0)
        memcpy(r->bytes + r->len, bytes.ptr, bytes.len);
    r->len += bytes.len;
}

void record_u8(record *r, unsigned value) {
    uint8_t byte = (uint8_t)value;
    record_bytes(r, wr_slice_of(&byte, 1));
}

void record_u16(record *r, uint64_t value) {
    record_u8(r, (unsigned)(value >> 8 & 0xff));
    record_u8(r, (unsigned)(value & 0xff));
}

/* ---- files ---- */

/* FNV-1a: names a file, and nothing rests on it. */
static uint64_t hash_more(uint64_t hash, wr_slice bytes) {
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.ptr[i]) * 1099511628211ull;
    return hash;
}

static uint64_t hash_of(wr_slice bytes) {
    return hash_more(14695981039346656037ull, bytes);
}

static bool enough(const char *target, const record *r) {
    static struct {
        const char *name;
        uint32_t count;
    } targets[TARGETS_MAX];
    size_t at = 0;
    while (targets[at].name != NULL && strcmp(targets[at].name, target) != 0)
        at++;
    WR_ASSERT(at + 1 < TARGETS_MAX);
    targets[at].name = target;

    uint64_t kind = hash_of(wr_slice_str(target));
    kind = hash_more(kind, wr_slice_of(&r->len, sizeof r->len));
    kind = hash_more(kind, wr_slice_of(r->bytes, r->len < 2 ? r->len : 2));
    uint8_t *seen = &kinds[(kind ^ kind >> 32) % KINDS];
    if (*seen == PER_KIND_MAX || targets[at].count == PER_TARGET_MAX)
        return true;
    ++*seen;
    targets[at].count++;
    return false;
}

static void fail(const char *path) {
    perror(path);
    abort();
}

void record_put(const char *target, const record *r) {
    char path[PATH_BYTES];
    if (r->too_long || r->len == 0 || enough(target, r))
        return;
    (void)snprintf(path, sizeof path, "%s/fuzz_%s", folder, target);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail(path);
    (void)snprintf(path, sizeof path, "%s/fuzz_%s/%016" PRIx64, folder, target,
                   hash_of(wr_slice_of(r->bytes, r->len)));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return;
    if (fd < 0 || write(fd, r->bytes, r->len) != (ssize_t)r->len || close(fd) != 0)
        fail(path);
}

void record_put_bytes(const char *target, const char *head, size_t head_len, wr_slice bytes) {
    static record r;
    record_begin(&r);
    record_bytes(&r, wr_slice_of(head, head_len));
    record_bytes(&r, bytes);
    record_put(target, &r);
}

int __wrap_main(int argc, char **argv) {
    if (argc < 3 || argv[1][0] == '-') {
        (void)fprintf(stderr, "usage: warren-sim-record DIR OPTIONS_OF_WARREN_SIM..\n");
        return 2;
    }
    folder = argv[1];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        fail(folder);
    argv[1] = argv[0];
    return __real_main(argc - 1, argv + 1);
}
