/* warren-sim: runs whole worlds from their seeds.
 *
 *   warren-sim --seed N [--devices D] [--steps K] [--trace]        one world, its trace hash last
 *   warren-sim --seeds FROM..TO [--jobs J] [--devices D] [--steps K]  many, each in a process
 *   warren-sim --scenario NAME ..                                   a story; seed 1 unless told
 *   warren-sim --epoch N ..                                         N entries fill an epoch
 *
 * The same seed, options and commit give the same trace hash.  A failure prints what broke, the
 * last events and the command that runs it again; exit 1. SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/crypto.h"
#include "sim/canary.h"
#include "sim/scenario.h"
#include "sim/world_members.h"
#include "sim/world_parts.h"
#include "sim/world_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED_SECONDS_MAX 300u /* of real time: a world that takes longer is stuck */
#define JOBS_MAX 64u

typedef struct options {
    world_options world;
    bool many;
    uint64_t from, to;
    uint32_t jobs;
} options;

/* ---- one world ---- */

static void play(world *w) {
    if (w->options.scenario != NULL) {
        w->options.scenario->play(w);
        return;
    }
    world_draw_plot(w);
    world_found(w);
    for (uint32_t i = 1; i < w->device_count; i++)
        device_start(&w->devices[i]);
    world_pair_first(w);
    world_rhythm_start(w);
    for (uint32_t i = 0; i < w->options.steps; i++)
        world_step(w);
    world_heal(w);
    world_pair_rest(w);
    world_settle(w);
    world_members_end(w);
    world_traitor_end(w);
    if (!world_is_forked(w))
        world_check_all(w);
}

/* results is added to; gives the trace hash. */
static uint64_t run_one(const world_options *o, bool quiet, totals *results) {
    world *w = world_new(o);
    (void)alarm(SEED_SECONDS_MAX);
    play(w);
    if (!quiet)
        world_tell(w);
    uint64_t hash = w->trace->hash;
    world_stop(w);
    totals_of_world(results, w);
    world_free(w);
    return hash;
}

/* ---- many ---------------------------------------------------------------------------------- */

typedef struct child {
    pid_t pid;
    uint64_t seed;
    trace *trace;   /* shared with it, so that its last events are known however it ends */
    totals *totals; /* .. and so are these, if it ends well */
} child;

static pid_t start_child(const world_options *o, totals *results) {
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)run_one(o, true, results);
    exit(0); /* with the sanitizer's look for leaks */
}

static void tell_failure(const options *o, const child *c, int status) {
    uint64_t seed = c->seed;
    if (WIFSIGNALED(status)) {
        trace_print_last(c->trace);
        printf("seed %" PRIu64 " ended by signal %d\n", seed, WTERMSIG(status));
    }
    world_options one = o->world;
    one.seed = seed;
    world_tell_replay("failed", &one);
}

/* Waits for one of them; true if it passed. */
static bool wait_child(const options *o, child *children) {
    int status = 0;
    pid_t pid = wait(&status);
    WR_ASSERT(pid > 0);
    for (uint32_t i = 0; i < o->jobs; i++) {
        if (children[i].pid != pid)
            continue;
        children[i].pid = 0;
        bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!passed)
            tell_failure(o, &children[i], status);
        return passed;
    }
    return false;
}

static void *shared(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    WR_ASSERT(memory != MAP_FAILED);
    return memory;
}

static child *free_child(const options *o, child *children) {
    for (uint32_t i = 0; i < o->jobs; i++)
        if (children[i].pid == 0)
            return &children[i];
    return NULL;
}

static int run_many(const options *o) {
    child children[JOBS_MAX] = {{0}};
    for (uint32_t i = 0; i < o->jobs; i++)
        children[i] = (child){.trace = (trace *)shared(sizeof(trace)),
                              .totals = (totals *)shared(sizeof(totals))};
    uint64_t passed = 0, failed = 0, running = 0;
    for (uint64_t seed = o->from; seed <= o->to || running > 0;) {
        child *c = free_child(o, children);
        if (seed > o->to || c == NULL) {
            *(wait_child(o, children) ? &passed : &failed) += 1;
            running--;
            continue;
        }
        world_options one = o->world;
        one.seed = c->seed = seed++;
        one.trace = c->trace;
        c->pid = start_child(&one, c->totals);
        WR_ASSERT(c->pid > 0);
        running++;
    }
    totals all = {0};
    for (uint32_t i = 0; i < o->jobs; i++)
        totals_add(&all, children[i].totals);
    totals_tell(stdout, &all, true);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

/* ---- the command line ---------------------------------------------------------------------- */

static bool take_number(const char *text, uint64_t max, uint64_t *ret_number,
                        const char **ret_end) {
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 10);
    if (end == text || *text == '-' || number > max)
        return false;
    *ret_number = number;
    *ret_end = end;
    return true;
}

static bool whole_number(const char *text, uint64_t max, uint64_t *ret_number) {
    const char *end = "";
    return take_number(text, max, ret_number, &end) && *end == '\0';
}

static bool range(const char *text, options *o) {
    const char *at = text;
    if (!take_number(text, UINT64_MAX - 1, &o->from, &at) || at[0] != '.' || at[1] != '.')
        return false;
    o->many = true;
    return whole_number(at + 2, UINT64_MAX - 1, &o->to) && o->from <= o->to;
}

static bool small_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret_number) {
    uint64_t number = 0;
    if (!whole_number(text, max, &number) || number < min)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static bool take_option(const char *name, const char *value, options *o) {
    if (strcmp(name, "--seed") == 0)
        return whole_number(value, UINT64_MAX - 1, &o->world.seed);
    if (strcmp(name, "--seeds") == 0)
        return range(value, o);
    if (strcmp(name, "--devices") == 0)
        return small_number(value, 0, WORLD_DEVICES_MAX, &o->world.devices) &&
               o->world.devices != 1;
    if (strcmp(name, "--steps") == 0)
        return small_number(value, 0, 1000000, &o->world.steps);
    if (strcmp(name, "--epoch") == 0)
        return small_number(value, 1, 1u << 20, &o->world.epoch);
    if (strcmp(name, "--scenario") == 0) {
        o->world.scenario = scenario_find(value);
        return o->world.scenario != NULL;
    }
    if (strcmp(name, "--canary") == 0)
        return canary_choose(value);
    if (strcmp(name, "--jobs") == 0)
        return small_number(value, 1, JOBS_MAX, &o->jobs);
    return false;
}

static bool parse(int argc, char **argv, options *o) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            o->world.print_trace = true;
            continue;
        }
        if (i + 1 == argc || !take_option(argv[i], argv[i + 1], o))
            return false;
        i++;
    }
    return argc > 1;
}

static void usage(void) {
    (void)fprintf(stderr,
                  "usage: warren-sim --seed N [--devices 2..%u] [--steps K] [--trace]\n"
                  "       warren-sim --seeds FROM..TO [--jobs J] [--devices D] [--steps K]\n"
                  "       warren-sim --scenario NAME [--seed N | --seeds FROM..TO] [--trace]\n"
                  "       --epoch N beside any of these: N entries fill an epoch\n"
                  "scenarios:\n",
                  WORLD_DEVICES_MAX);
    for (size_t i = 0; i < scenario_count; i++)
        (void)fprintf(stderr, "  %-18s %s\n", scenarios[i].name, scenarios[i].story);
}

int main(int argc, char **argv) {
    options o = {.world = {.seed = 1, .steps = WORLD_STEPS_DEFAULT}, .jobs = 1};
    if (!parse(argc, argv, &o)) {
        usage();
        return 2;
    }
    if (wr_crypto_init() != WR_OK)
        return 1;
    if (o.many)
        return run_many(&o);
    static trace trace_of_one;
    o.world.trace = &trace_of_one;
    totals results = {0};
    uint64_t hash = run_one(&o.world, false, &results);
    /* Not a function of the seed. */
    totals_tell(stderr, &results, false);
    printf("trace %016" PRIx64 "\n", hash);
    return 0;
}
