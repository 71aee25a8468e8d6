/* What this machine could do at best, measured by plain C loops in the same minute as the agents.
 *
 * Usage:  bench_floor DIR [ENTRIES]      DIR lies on the disk in question
 *
 * Prints lines of `name value`: appends with fdatasync one at a time and 1,000 at a time, AEAD of
 * 64 KiB on one core, one hop of an entry between two processes that both store it, and the flat
 * pipeline: the work that no program of this kind can avoid, without any database.
 *
 *   sender:    seal the body, hash into the chain, sign 1,000 at a time, 64 KiB AEAD frames, TCP
 *   receiver:  open the frame, hash, verify, append to a flat file, fdatasync once a MiB
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BODY 200u
#define HEADER 20u
#define TAG crypto_aead_chacha20poly1305_ietf_ABYTES
#define ENTRY (HEADER + BODY + TAG)
#define RUN 1000u /* entries under one signature */
#define RUN_BYTES (RUN * ENTRY)
#define FRAME 65536u
#define SYNC_BYTES (1u << 20)
#define HOPS 1000u
#define HOPS_WARM 50u

static char folder[PATH_MAX - 64];

static void must(int fact, const char *what) {
    if (fact)
        return;
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_of(int who) {
    struct rusage use;
    getrusage(who, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

static void write_all(int fd, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    while (len != 0) {
        ssize_t done = write(fd, at, len);
        must(done > 0, "write");
        at += done;
        len -= (size_t)done;
    }
}

static void read_all(int fd, void *bytes, size_t len) {
    unsigned char *at = bytes;
    while (len != 0) {
        ssize_t done = read(fd, at, len);
        must(done > 0, "read");
        at += done;
        len -= (size_t)done;
    }
}

/* Bytes that do not compress; the same in every run. */
static void fill(void *bytes, size_t len) {
    static const unsigned char key[crypto_stream_chacha20_KEYBYTES] = {1};
    static const unsigned char nonce[crypto_stream_chacha20_NONCEBYTES] = {2};
    crypto_stream_chacha20(bytes, len, nonce, key);
}

/* A new file that is gone when it is closed. */
static int scratch(void) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/floor-XXXXXX", folder);
    int fd = mkstemp(path);
    must(fd >= 0, path);
    unlink(path);
    return fd;
}

/* ---- the disk ---- */

static double appends_per_s(unsigned group, double seconds) {
    static unsigned char bytes[RUN_BYTES];
    int fd = scratch();
    double start = now(), spent;
    unsigned syncs = 0;
    fill(bytes, group * ENTRY);
    do {
        write_all(fd, bytes, group * ENTRY);
        must(fdatasync(fd) == 0, "fdatasync");
        syncs++;
        spent = now() - start;
    } while (spent < seconds);
    close(fd);
    return (double)syncs * group / spent;
}

/* ---- the cipher ---- */

static double aead_mb_per_s(double seconds) {
    static unsigned char bytes[FRAME], key[32], nonce[12];
    double start = now(), spent;
    unsigned long long len, total = 0;
    do {
        crypto_aead_chacha20poly1305_ietf_encrypt(bytes, &len, bytes, FRAME - TAG, NULL, 0, NULL,
                                                  nonce, key);
        total += FRAME - TAG;
        sodium_increment(nonce, sizeof nonce);
        spent = now() - start;
    } while (spent < seconds);
    return (double)total / spent * 1e-6;
}

/* ---- two processes and a connection ---- */

/* Loopback TCP: returns this end's socket and, in the child, 0 in *ret_child. */
static int fork_connected(pid_t *ret_child) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    must(listener >= 0, "socket");
    must(bind(listener, (struct sockaddr *)&at, len) == 0, "bind");
    must(listen(listener, 1) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&at, &len) == 0, "getsockname");
    *ret_child = fork();
    must(*ret_child >= 0, "fork");
    int fd = *ret_child == 0 ? socket(AF_INET, SOCK_STREAM, 0) : accept(listener, NULL, NULL);
    must(fd >= 0, "connection");
    if (*ret_child == 0)
        must(connect(fd, (struct sockaddr *)&at, len) == 0, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    close(listener);
    return fd;
}

static void end_child(pid_t child) {
    int status = 0;
    must(waitpid(child, &status, 0) == child, "waitpid");
    must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the other half");
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void store(int file, const void *entry, int durable) {
    write_all(file, entry, ENTRY);
    if (durable)
        must(fdatasync(file) == 0, "fdatasync");
}

/* The other device: stores what comes and says so, with the time at which it had it. */
static void hop_far(int fd, int durable) {
    unsigned char entry[ENTRY];
    int file = scratch();
    for (unsigned i = 0; i < HOPS + HOPS_WARM; i++) {
        read_all(fd, entry, sizeof entry);
        store(file, entry, durable);
        double at = now();
        write_all(fd, &at, sizeof at);
    }
    _exit(0);
}

/* From the start of an append here until it is stored there, both on this disk. */
static void hop(const char *name, int durable) {
    static double sample[HOPS];
    unsigned char entry[ENTRY];
    pid_t child;
    int fd = fork_connected(&child), file;
    if (child == 0)
        hop_far(fd, durable);
    file = scratch();
    fill(entry, sizeof entry);
    for (unsigned i = 0; i < HOPS + HOPS_WARM; i++) {
        double start = now(), end;
        store(file, entry, durable);
        write_all(fd, entry, sizeof entry);
        read_all(fd, &end, sizeof end);
        if (i >= HOPS_WARM)
            sample[i - HOPS_WARM] = end - start;
    }
    close(file);
    close(fd);
    end_child(child);
    qsort(sample, HOPS, sizeof *sample, by_value);
    printf("hop_%s_p50_ms %.4f\n", name, sample[HOPS / 2] * 1e3);
    printf("hop_%s_p99_ms %.4f\n", name, sample[HOPS * 99 / 100] * 1e3);
}

/* ---- the flat pipeline ---- */

typedef struct side {
    unsigned char frame_key[32], frame_nonce[12], body_key[32], chain[32];
    unsigned char sign_public[32], sign_secret[64];
} side;

static void chain_add(side *s, const unsigned char *entry) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof s->chain);
    crypto_generichash_update(&state, s->chain, sizeof s->chain);
    crypto_generichash_update(&state, entry, ENTRY);
    crypto_generichash_final(&state, s->chain, sizeof s->chain);
}

static void send_frame(side *s, int fd, const unsigned char *plain, size_t len) {
    static unsigned char wire[4 + FRAME];
    unsigned long long sealed = 0;
    crypto_aead_chacha20poly1305_ietf_encrypt(wire + 4, &sealed, plain, len, NULL, 0, NULL,
                                              s->frame_nonce, s->frame_key);
    sodium_increment(s->frame_nonce, sizeof s->frame_nonce);
    uint32_t size = (uint32_t)sealed;
    memcpy(wire, &size, sizeof size);
    write_all(fd, wire, sizeof size + (size_t)sealed);
}

static void make_run(side *s, unsigned count, unsigned char *out) {
    static const unsigned char body[BODY] = "an entry";
    unsigned char nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES] = {0};
    unsigned long long len;
    for (unsigned i = 0; i < count; i++) {
        unsigned char *entry = out + i * ENTRY;
        memset(entry, 0, HEADER);
        memcpy(entry, &i, sizeof i);
        memcpy(nonce, &i, sizeof i);
        crypto_aead_xchacha20poly1305_ietf_encrypt(entry + HEADER, &len, body, BODY, entry, HEADER,
                                                   NULL, nonce, s->body_key);
        chain_add(s, entry);
    }
}

static void send_entries(side *s, int fd, unsigned entries) {
    static unsigned char run[RUN_BYTES + crypto_sign_BYTES];
    while (entries != 0) {
        unsigned count = entries < RUN ? entries : RUN;
        size_t len = count * ENTRY;
        make_run(s, count, run);
        crypto_sign_detached(run + len, NULL, s->chain, sizeof s->chain, s->sign_secret);
        len += crypto_sign_BYTES;
        for (size_t at = 0; at < len; at += FRAME - TAG)
            send_frame(s, fd, run + at, len - at < FRAME - TAG ? len - at : FRAME - TAG);
        entries -= count;
    }
}

static size_t receive_frame(side *s, int fd, unsigned char *plain) {
    static unsigned char wire[FRAME];
    unsigned long long len = 0;
    uint32_t size;
    read_all(fd, &size, sizeof size);
    must(size <= sizeof wire, "size of a frame");
    read_all(fd, wire, size);
    int open = crypto_aead_chacha20poly1305_ietf_decrypt(plain, &len, NULL, wire, size, NULL, 0,
                                                         s->frame_nonce, s->frame_key);
    must(open == 0, "opening a frame");
    sodium_increment(s->frame_nonce, sizeof s->frame_nonce);
    return (size_t)len;
}

static void receive_entries(side *s, int fd, unsigned entries) {
    static unsigned char run[RUN_BYTES + crypto_sign_BYTES];
    size_t unsynced = 0;
    int file = scratch();
    while (entries != 0) {
        unsigned count = entries < RUN ? entries : RUN;
        size_t want = count * ENTRY + crypto_sign_BYTES, have = 0;
        while (have < want)
            have += receive_frame(s, fd, run + have);
        for (unsigned i = 0; i < count; i++)
            chain_add(s, run + i * ENTRY);
        int valid = crypto_sign_verify_detached(run + count * ENTRY, s->chain, sizeof s->chain,
                                                s->sign_public);
        must(valid == 0, "a signature");
        write_all(file, run, want);
        unsynced += want;
        entries -= count;
        if (unsynced < SYNC_BYTES && entries != 0)
            continue;
        must(fdatasync(file) == 0, "fdatasync");
        unsynced = 0;
    }
    close(file);
}

static void pipeline(unsigned entries) {
    static side s;
    pid_t child;
    char done = 0;
    fill(&s, sizeof s);
    memset(s.frame_nonce, 0, sizeof s.frame_nonce);
    crypto_sign_keypair(s.sign_public, s.sign_secret);
    double cpu = cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
    double start = now();
    int fd = fork_connected(&child);
    if (child == 0) {
        send_entries(&s, fd, entries);
        read_all(fd, &done, 1);
        _exit(0);
    }
    receive_entries(&s, fd, entries);
    double spent = now() - start;
    write_all(fd, &done, 1);
    end_child(child);
    close(fd);
    cpu = cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN) - cpu;
    printf("flat_entries_per_s %.0f\n", entries / spent);
    printf("flat_cpu_us %.3f\n", cpu * 1e6 / entries);
}

int main(int argc, char **argv) {
    unsigned entries = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000000u;
    double seconds = entries < 100000u ? 0.1 : 1.0;
    if (argc < 2 || entries == 0) {
        fprintf(stderr, "usage: bench_floor DIR [ENTRIES]\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s", argv[1]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    must(sodium_init() >= 0, "sodium_init");
    printf("fsync_single_per_s %.0f\n", appends_per_s(1, seconds));
    printf("fsync_group_per_s %.0f\n", appends_per_s(RUN, seconds));
    printf("aead_mb_per_s %.0f\n", aead_mb_per_s(seconds));
    hop("full", 1);
    hop("normal", 0);
    pipeline(entries);
    return 0;
}
