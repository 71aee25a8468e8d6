/* bench_graph [OPS [KIND]]: what the graph of a circle costs, on signed ops admitted one at a time.
 *
 *   calm     64 devices: ADD, ACK by all, EPOCH, ROLE, REMOVE, LEAVE, seen by others at once or
 * later epochs   one member makes epochs, for ever held     one ADMIN, accused, accuses everybody
 * in turn on its old head, for ever: the guard holds each struck   .. the accusation of it comes
 * when half of them are here mutual   two ADMINs accuse everybody in turn, on their old heads, for
 * ever forks    one ADMIN forks at every op; the others build on either branch
 *
 * Times are CPU time of wr_graph_admit without that of signatures, which the linker's wrapper
 * counts apart.  Once: as the history grew.  Least: of each op the least of three runs from
 * scratch, all ops in their order into an empty graph; that is what it costs where nobody else
 * interrupts. Heap: all that a graph allocated (wrapped malloc); resident: what the process grew
 * by. SPDX-License-Identifier: Apache-2.0
 */
#include "circle/op_change.h"
#include "circle/recovery.h"
#include "circle/removal.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MEMBERS WR_MEMBERS_MAX
#define ADMINS 8u
#define THIEF 1u
#define THIEVES 4u /* from THIEF on */
#define ACCUSER 0u
#define NOBODY UINT32_MAX
#define ROUNDS 3u

/* ---- what is counted ---- */

static double verifying; /* seconds */
static int64_t heap;     /* bytes */

wr_err __real_wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message, const wr_sig *sig);
wr_err __wrap_wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message, const wr_sig *sig);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

wr_err __wrap_wr_verify(const wr_pub *key, wr_sig_label label, wr_slice message,
                        const wr_sig *sig) {
    double begin = now();
    wr_err err = __real_wr_verify(key, label, message, sig);
    verifying += now() - begin;
    return err;
}

static int64_t size_of(void *memory) {
    return memory == NULL ? 0 : (int64_t)malloc_usable_size(memory);
}

void *__wrap_malloc(size_t size) {
    void *memory = __real_malloc(size);
    heap += size_of(memory);
    return memory;
}

void *__wrap_calloc(size_t count, size_t size) {
    void *memory = __real_calloc(count, size);
    heap += size_of(memory);
    return memory;
}

void __wrap_free(void *memory) {
    heap -= size_of(memory);
    __real_free(memory);
}

static double resident(void) { /* MiB */
    unsigned long total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &total, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static void must(bool fine, const char *what) {
    if (fine)
        return;
    fprintf(stderr, "bench_graph: %s\n", what);
    exit(1);
}

/* ---- devices, and what each has seen ---- */

typedef struct world {
    wr_graph *graph;
    uint64_t seed;
    uint32_t ops; /* those of ROOT not counted */
    uint32_t count, chains, devices;
    wr_sign_key root;
    wr_identity device[WR_AUTHORS_MAX];
    uint32_t chain[WR_AUTHORS_MAX]; /* where its next op goes */
    uint32_t owner[WR_COLUMNS_MAX], leaves[WR_COLUMNS_MAX];
    uint16_t at[WR_COLUMNS_MAX][WR_OPS_MAX]; /* op by chain and aseq */
    wr_hash id[WR_OPS_MAX];
    uint16_t clock[WR_OPS_MAX][WR_COLUMNS_MAX];    /* of an op and its past */
    uint16_t view[WR_AUTHORS_MAX][WR_COLUMNS_MAX]; /* of a device */
    uint16_t whole[WR_COLUMNS_MAX];
    uint32_t refused;
    double cost[WR_OPS_MAX], again[WR_OPS_MAX]; /* seconds: the first time, and the least later */
    double verified, heap, resident;
} world;

static uint32_t below(world *w, uint32_t end) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->seed >> 33) % end;
}

static bool chance(world *w, uint32_t percent) {
    return below(w, 100) < percent;
}

static void merge(uint16_t *view, const uint16_t *other) {
    for (uint32_t c = 0; c < WR_COLUMNS_MAX; c++)
        view[c] = other[c] > view[c] ? other[c] : view[c];
}

static void random_bytes(void *user, uint8_t *out, size_t len) {
    world *w = user;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)below(w, 256);
}

static uint32_t new_chain(world *w, uint32_t device, uint32_t leaves) {
    w->owner[w->chains] = device;
    w->leaves[w->chains] = leaves;
    return w->chains++;
}

static uint32_t new_device(world *w) {
    wr_rng rng = {random_bytes, w};
    must(w->devices < WR_AUTHORS_MAX, "devices");
    wr_identity_make(&rng, &w->device[w->devices]);
    return w->devices++;
}

/* ---- ops ---- */

static wr_err admit(world *w, wr_graph *graph, wr_slice bytes, const wr_sig *sig, double *ret) {
    double before = verifying, begin = now();
    wr_err err = wr_graph_admit_branch(graph, bytes, sig);
    double spent = now() - begin;
    *ret = spent - (verifying - before);
    w->verified += verifying - before;
    return err;
}

/* The newest ops of a view that no other of them covers.  One that covers the author's own chain
 * comes first: there may be more of them than an op can name. */
static uint32_t tops(const world *w, const uint16_t *view, uint32_t chain, uint16_t *ret_top) {
    uint32_t count = 0;
    for (uint32_t c = 0; c < w->chains; c++) {
        uint32_t op = view[c] == 0 ? 0 : w->at[c][view[c] - 1];
        bool covered = view[c] == 0;
        for (uint32_t d = 0; d < w->chains && !covered; d++)
            covered = d != c && view[d] != 0 && w->at[d][view[d] - 1] != op &&
                      w->clock[w->at[d][view[d] - 1]][c] >= view[c];
        for (uint32_t i = 0; i < count && !covered; i++) /* one op in two chains: before a fork */
            covered = ret_top[i] == op;
        if (covered)
            continue;
        ret_top[count] = (uint16_t)op;
        if (w->clock[op][chain] >= view[chain]) {
            ret_top[count] = ret_top[0];
            ret_top[0] = (uint16_t)op;
        }
        count++;
    }
    return count < WR_OP_PARENTS_MAX ? count : WR_OP_PARENTS_MAX;
}

static uint32_t find_parents(world *w, uint32_t chain, const uint16_t *view, wr_hash *parents) {
    uint16_t top[WR_COLUMNS_MAX];
    uint32_t count = tops(w, view, chain, top);
    memset(w->clock[w->count], 0, sizeof w->clock[0]);
    for (uint32_t i = 0; i < count; i++) {
        merge(w->clock[w->count], w->clock[top[i]]);
        parents[i] = w->id[top[i]];
    }
    wr_hash_sort(parents, count);
    return count;
}

/* The next op of a chain on top of a view, admitted; false if the graph refuses it. */
static bool put(world *w, uint32_t chain, const uint16_t *view, wr_op_type type, wr_slice body) {
    uint8_t memory[WR_OP_BYTES_MAX];
    wr_buf bytes = WR_BUF_ARRAY(memory);
    wr_hash parents[WR_OP_PARENTS_MAX];
    uint32_t author = w->owner[chain];
    uint16_t *clock = w->clock[w->count];
    wr_op op = {.author = w->device[author].device_id, .type = type, .body = body};
    op.hlc = (1700000000000ull + w->count) << 16;
    op.parent_count = find_parents(w, chain, view, parents);
    op.aseq = view[chain];
    op.has_aprev = op.aseq != 0;
    if (op.has_aprev)
        op.aprev = w->id[w->at[chain][op.aseq - 1]];
    if (type != WR_OP_GENESIS)
        op.circle_id = *wr_graph_circle_id(w->graph);
    must(wr_op_encode(&op, parents, &bytes) == WR_OK, "an op is too long");
    wr_sig sig;
    wr_sign(&w->device[author].sign, WR_SIG_LABEL_OP, wr_buf_slice(&bytes), &sig);
    if (w->count == w->ops)
        return false;
    wr_err err = admit(w, w->graph, wr_buf_slice(&bytes), &sig, &w->cost[w->count]);
    if (err != WR_OK) {
        w->refused++;
        return false;
    }
    w->id[w->count] = wr_hash_of(WR_LABEL_OP_ID, wr_buf_slice(&bytes));
    w->at[chain][op.aseq] = (uint16_t)w->count;
    clock[chain] = (uint16_t)(op.aseq + 1);
    merge(w->whole, clock);
    merge(w->view[author], clock);
    w->count++;
    return true;
}

static bool act(world *w, uint32_t device, wr_op_type type, const wr_buf *body) {
    return put(w, w->chain[device], w->view[device], type, wr_buf_slice(body));
}

static bool add(world *w, uint32_t sponsor, wr_role_kind role) {
    uint8_t bytes[1024], consent_bytes[256];
    wr_buf body = WR_BUF_ARRAY(bytes), consent = WR_BUF_ARRAY(consent_bytes);
    uint32_t device = new_device(w);
    const wr_identity *made = &w->device[device];
    wr_add op = {.cert_bytes = wr_identity_cert(made), .role = role, .mode = WR_PAIR_CODE};
    must(wr_consent_encode(wr_graph_circle_id(w->graph), op.handshake,
                           &w->device[sponsor].device_id, role, &consent) == WR_OK,
         "consent");
    wr_sign(&made->sign, WR_SIG_LABEL_CONSENT, wr_buf_slice(&consent), &op.consent);
    must(wr_add_encode(&op, &body) == WR_OK, "ADD");
    if (!act(w, sponsor, WR_OP_ADD, &body)) {
        w->devices--;
        return false;
    }
    w->chain[device] = new_chain(w, device, NOBODY);
    memcpy(w->view[device], w->clock[w->count - 1], sizeof w->view[0]);
    return true;
}

static bool acknowledge(world *w, uint32_t device) {
    uint8_t bytes[16];
    wr_buf body = WR_BUF_ARRAY(bytes);
    must(wr_ack_encode(&WR_OP_LIST_NONE, &body) == WR_OK, "ACK");
    return act(w, device, WR_OP_ACK, &body);
}

static bool make_epoch(world *w, uint32_t device) {
    uint8_t bytes[4096];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_epoch_op op = {.klass = 1};
    op.rcpt_hash = wr_graph_recipients(w->graph, op.without, &op.without_count);
    random_bytes(w, op.commit.b, sizeof op.commit.b);
    op.hist_hash = wr_hash_of(WR_LABEL_EPOCH_HIST_HASH, WR_SLICE_EMPTY);
    must(wr_epoch_encode(&op, &body) == WR_OK, "EPOCH");
    return act(w, device, WR_OP_EPOCH, &body);
}

static bool expel(world *w, uint32_t device, uint32_t target, wr_reason reason) {
    uint8_t bytes[256], id_bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes), ids = WR_BUF_ARRAY(id_bytes);
    must(wr_id_put(&ids, &w->device[target].device_id) == WR_OK, "id");
    wr_remove op = {.targets = {1, wr_buf_slice(&ids)}, .reason = reason};
    must(wr_remove_encode(&op, &body) == WR_OK, "REMOVE");
    return act(w, device, WR_OP_REMOVE, &body);
}

static bool lower(world *w, uint32_t device, uint32_t target) {
    uint8_t bytes[64];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_role_op op = {w->device[target].device_id, WR_ROLE_MEMBER};
    must(wr_role_encode(&op, &body) == WR_OK, "ROLE");
    return act(w, device, WR_OP_ROLE, &body);
}

static bool leave(world *w, uint32_t device) {
    uint8_t bytes[16];
    wr_buf body = WR_BUF_ARRAY(bytes);
    must(wr_leave_encode(&WR_OP_LIST_NONE, &body) == WR_OK, "LEAVE");
    return act(w, device, WR_OP_LEAVE, &body);
}

/* ---- a circle of 64 ---- */

static void see_all(world *w, uint32_t device) {
    merge(w->view[device], w->whole);
}

static bool is_in(const world *w, uint32_t device) {
    return wr_graph_member(w->graph, device)->current;
}

static void begin(world *w) {
    uint8_t bytes[1024];
    wr_buf body = WR_BUF_ARRAY(bytes);
    wr_key recovery = {{7}};
    uint32_t founder = new_device(w);
    wr_genesis genesis = {.cert_bytes = wr_identity_cert(&w->device[founder])};
    wr_recovery_root(&recovery, &genesis.root);
    wr_recovery_sign_key(&recovery, &w->root);
    must(wr_genesis_encode(&genesis, &w->root, &body) == WR_OK, "GENESIS");
    w->chain[founder] = new_chain(w, founder, NOBODY);
    must(act(w, founder, WR_OP_GENESIS, &body), "founding");
    while (w->devices < MEMBERS)
        must(add(w, founder, w->devices < ADMINS ? WR_ROLE_ADMIN : WR_ROLE_MEMBER), "adding");
    for (uint32_t d = 0; d < MEMBERS; d++) {
        see_all(w, d);
        must(acknowledge(w, d), "acknowledging");
    }
    for (uint32_t d = 0; d < MEMBERS; d++)
        see_all(w, d);
}

/* ---- calm ---- */

static uint32_t some_member(world *w, bool admin) {
    for (uint32_t tries = 0; tries < 10000; tries++) {
        uint32_t device = below(w, w->devices);
        const wr_member *member = wr_graph_member(w->graph, device);
        if (member->current && (!admin || member->role == WR_ROLE_ADMIN))
            return device;
    }
    must(false, "nobody is left");
    return NOBODY;
}

/* Admins that stay, so that somebody can act: the first three. */
static uint32_t some_victim(world *w) {
    uint32_t device = some_member(w, false);
    for (uint32_t tries = 0; device < 3 && tries < 100; tries++)
        device = some_member(w, false);
    return device;
}

static bool change(world *w, uint32_t author) {
    uint32_t kind = below(w, 100), victim = some_victim(w);
    bool room = wr_graph_current_count(w->graph) < MEMBERS && w->devices < WR_AUTHORS_MAX;
    if (room && kind < 55)
        return add(w, author, chance(w, 15) ? WR_ROLE_ADMIN : WR_ROLE_MEMBER);
    if (kind < 75 && wr_graph_current_count(w->graph) > MEMBERS - 8 && victim != author)
        return expel(w, author, victim, chance(w, 60) ? WR_REASON_RETIRED : WR_REASON_LOST) &&
               make_epoch(w, author);
    if (kind < 80 && wr_graph_current_count(w->graph) > MEMBERS - 8)
        return leave(w, victim);
    if (kind < 90)
        return lower(w, author, victim);
    return make_epoch(w, author);
}

/* All acknowledge, most after they have seen what others acknowledged, some before. */
static void acknowledge_all(world *w, const uint16_t *changed) {
    uint32_t first = below(w, w->devices);
    for (uint32_t i = 0; i < w->devices && w->count < w->ops; i++) {
        uint32_t device = (first + i) % w->devices;
        if (!is_in(w, device) || chance(w, 3))
            continue;
        if (chance(w, 75))
            see_all(w, device);
        else
            merge(w->view[device], changed);
        (void)acknowledge(w, device);
    }
}

static void calm(world *w) {
    while (w->count < w->ops) {
        uint32_t author = some_member(w, true), other = some_member(w, true);
        uint16_t changed[WR_COLUMNS_MAX];
        see_all(w, author);
        (void)change(w, author);
        if (chance(w, 25) && other != author && is_in(w, other)) /* .. and at the same time */
            (void)change(w, other);
        memcpy(changed, w->whole, sizeof changed);
        acknowledge_all(w, changed);
    }
}

/* ---- hostile ---- */

static void epochs(world *w) {
    for (uint32_t device = 0; w->count < w->ops && device < MEMBERS; device++) {
        while (make_epoch(w, device)) {
        }
    }
}

static bool accuse_next(world *w, uint32_t author, uint32_t *last) {
    do
        *last = (*last + 1) % MEMBERS;
    while (*last == author);
    return expel(w, author, *last, WR_REASON_LOST);
}

static void accuse_thieves(world *w) {
    for (uint32_t thief = THIEF; thief < THIEF + THIEVES; thief++)
        must(expel(w, ACCUSER, thief, WR_REASON_LOST), "the accusation of a thief");
}

/* The accuser comes in when that many ops are here. */
static void accuse_all(world *w, uint32_t accused_at) {
    uint32_t last = 0;
    bool accused = false;
    for (uint32_t thief = THIEF; thief < THIEF + THIEVES; thief++) {
        do {
            if (!accused && w->count >= accused_at)
                accuse_thieves(w);
            accused = w->count >= accused_at;
        } while (accuse_next(w, thief, &last));
    }
}

static void pair(world *w) {
    uint32_t last = 0;
    accuse_thieves(w);
    for (uint32_t thief = THIEF; thief < THIEF + THIEVES; thief += 2) {
        uint32_t turn = 0;
        do {
            turn = 1 - turn;
            merge(w->view[thief + turn], w->view[thief + 1 - turn]);
            while (last + 1 == thief || last == thief)
                last += 2;
        } while (accuse_next(w, thief + turn, &last));
    }
}

static void mutual(world *w) {
    uint32_t last[THIEVES] = {0}, done = 0;
    while (done < THIEVES) {
        done = 0;
        for (uint32_t i = 0; i < THIEVES; i++)
            done += !accuse_next(w, THIEF + i, &last[i]);
    }
}

static bool fork_once(world *w) {
    uint32_t stem = w->chain[THIEF], branch;
    uint16_t before[WR_COLUMNS_MAX], left[WR_COLUMNS_MAX];
    memcpy(before, w->view[THIEF], sizeof before);
    if (w->chains == WR_COLUMNS_MAX || !acknowledge(w, THIEF))
        return false;
    memcpy(left, w->view[THIEF], sizeof left);
    branch = new_chain(w, THIEF, stem);
    memcpy(w->at[branch], w->at[stem], before[stem] * sizeof w->at[0][0]);
    before[branch] = before[stem];
    memcpy(w->view[THIEF], before, sizeof before);
    w->chain[THIEF] = branch;
    bool made = expel(w, THIEF, MEMBERS - 1, WR_REASON_RETIRED);
    w->chain[THIEF] = stem;
    memcpy(w->view[THIEF], left, sizeof left);
    w->chains -= !made;
    return made;
}

static void forks(world *w) {
    bool made = true;
    while (w->count + 3 < w->ops) {
        made = made && fork_once(w);
        uint32_t voter = 3 + below(w, MEMBERS - 3);
        merge(w->view[voter], w->clock[w->count - 1 - below(w, 2)]);
        (void)acknowledge(w, voter);
    }
}

static void root_fills_up(world *w, uint32_t ops) {
    while (w->count < ops) {
        uint8_t memory[WR_OP_BYTES_MAX], body_bytes[64];
        wr_buf bytes = WR_BUF_ARRAY(memory), body = WR_BUF_ARRAY(body_bytes);
        uint32_t device = some_victim(w);
        wr_role_op role = {w->device[device].device_id,
                           chance(w, 50) ? WR_ROLE_ADMIN : WR_ROLE_MEMBER};
        wr_sig sig;
        uint64_t hlc = (1700000000000ull + w->count) << 16;
        must(wr_role_encode(&role, &body) == WR_OK, "ROLE");
        if (wr_graph_author_root(w->graph, &w->root, WR_OP_ROLE, wr_buf_slice(&body), hlc, &bytes,
                                 &sig) != WR_OK ||
            admit(w, w->graph, wr_buf_slice(&bytes), &sig, &w->cost[w->count]) != WR_OK)
            return; /* no column is left */
        w->count++;
    }
}

/* ---- all of them ---- */

static int order(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print_costs(const char *what, double *cost, uint32_t count) {
    double all = 0;
    for (uint32_t i = 0; i < count; i++)
        all += cost[i];
    qsort(cost, count, sizeof *cost, order);
    printf("  %-8s all %9.1f ms  mean %7.1f us  p99 %8.1f us  worst %8.1f us\n", what, all * 1e3,
           all * 1e6 / count, cost[count - 1 - count / 100] * 1e6, cost[count - 1] * 1e6);
}

static void from_scratch(world *w, bool first) {
    double before = resident();
    wr_graph *again;
    heap = 0;
    w->verified = 0;
    must(wr_graph_new(&again) == WR_OK, "memory");
    for (uint32_t i = 0; i < w->count; i++) {
        wr_op_ref op = wr_graph_op(w->graph, i);
        double cost;
        must(admit(w, again, op.bytes, op.sig, &cost) == WR_OK, "an op is refused now");
        w->again[i] = first || cost < w->again[i] ? cost : w->again[i];
    }
    w->heap = (double)heap / 1048576.0;
    w->resident = first ? resident() - before : w->resident;
    wr_hash ours = wr_graph_heads_digest(w->graph), theirs = wr_graph_heads_digest(again);
    must(wr_hash_equal(&ours, &theirs), "another graph");
    must(wr_graph_current_count(w->graph) == wr_graph_current_count(again), "other members");
    wr_graph_free(again);
}

static void run(const char *kind, uint32_t ops) {
    world *w = __real_calloc(1, sizeof *w);
    must(w != NULL && wr_graph_new(&w->graph) == WR_OK, "memory");
    w->ops = ops < WR_OPS_MAX - WR_OPS_FOR_ROOT ? ops : WR_OPS_MAX - WR_OPS_FOR_ROOT;
    w->seed = 1;
    begin(w);
    if (strcmp(kind, "calm") == 0)
        calm(w);
    else if (strcmp(kind, "epochs") == 0)
        epochs(w);
    else if (strcmp(kind, "held") == 0)
        accuse_all(w, w->count);
    else if (strcmp(kind, "struck") == 0)
        accuse_all(w, w->ops / 2);
    else if (strcmp(kind, "mutual") == 0)
        mutual(w);
    else if (strcmp(kind, "pair") == 0)
        pair(w);
    else
        forks(w);
    root_fills_up(w, ops);
    printf("%s: %u ops, %u refused, %u devices ever, %u now, %u chains, %u epochs\n", kind,
           w->count, w->refused, wr_graph_member_count(w->graph), wr_graph_current_count(w->graph),
           w->chains, wr_graph_epoch_count(w->graph));
    print_costs("once", w->cost, w->count);
    for (uint32_t i = 0; i < ROUNDS; i++)
        from_scratch(w, i == 0);
    print_costs("least", w->again, w->count);
    printf("  signatures %.1f ms  heap %.1f MiB  resident %.1f MiB\n", w->verified * 1e3, w->heap,
           w->resident);
    wr_graph_free(w->graph);
    __real_free(w);
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"calm", "epochs", "held", "struck",
                                        "pair", "mutual", "forks"};
    uint32_t ops = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : WR_OPS_MAX;
    must(ops <= WR_OPS_MAX && ops >= 3 * MEMBERS, "usage: bench_graph [OPS [KIND]]");
    must(wr_crypto_init() == WR_OK, "crypto");
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < WR_COUNT(kinds); i++) {
        if (argc <= 2 || strcmp(argv[2], kinds[i]) == 0)
            run(kinds[i], ops);
    }
    return 0;
}
