/* The traitor: its faces, what it writes in the logs, and what it does when.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sim/traitor_impl.h"

#include "engine/self_impl.h"
#include "flow/members.h"

#include "store/store_memory.h"

#include <stdlib.h>

#define MAGIC 0x7c1de85a03f94b26u
#define HEAD_BYTES 16u /* magic, number */
#define IDLE_MIN 40u
#define IDLE_MAX 200u
#define DAY_MS 86400000u

/* ---- what it writes ------------------------------------------------------------------------ */

static wr_slice make_body(const traitor *t, uint32_t number, uint8_t out[TRAITOR_BODY_MAX]) {
    chance c;
    chance_init(&c, t->config.seed, "traitor body", number);
    size_t size = chance_between(&c, HEAD_BYTES, TRAITOR_BODY_MAX);
    wr_rng rng = chance_rng(&c);
    wr_store_u64(out, MAGIC);
    wr_store_u64(out + 8, number);
    wr_rng_fill(&rng, out + HEAD_BYTES, size - HEAD_BYTES);
    return wr_slice_of(out, size);
}

bool traitor_made(wr_slice body) {
    return body.len >= HEAD_BYTES && wr_load_u64(body.ptr) == MAGIC;
}

bool traitor_signed(const traitor *t, uint32_t log, const hub_entry *e) {
    uint8_t bytes[TRAITOR_BODY_MAX];
    uint64_t number = wr_load_u64(e->body.ptr + 8);
    if (number >= t->made_count || e->kind.len != 0)
        return false;
    const made_entry *made = &t->made[number];
    /* Numbers of logs get their names in another feed, of which there are two as well. */
    bool same_log = made->log == log || t->face_count > 1;
    return same_log && made->answered && made->hlc == e->hlc &&
           wr_equal(make_body(t, (uint32_t)number, bytes), e->body);
}

static void appended(void *ctx, wr_err err, const hub_appended *list, uint32_t count) {
    const made_job *job = (const made_job *)ctx;
    made_entry *made = &job->traitor->made[job->number];
    if (err != WR_OK || count != 1)
        return;
    made->answered = true;
    made->hlc = list[0].hlc;
    loop_event_set(&job->traitor->pump, sim_clock_now(job->traitor->config.clock));
}

void face_mute(face *f) {
    if (f != &f->traitor->faces[0])
        f->hub->self->confirmed = false;
}

/* In another face's history, past its hub. */
static void append_beside(traitor *t, face *f) {
    wr_self *self = f->hub->self;
    uint8_t bytes[TRAITOR_BODY_MAX];
    wr_slice body;
    uint16_t log_no;
    uint64_t seq, hlc = wr_self_hlc(self, loop_now(f->loop));
    uint64_t floor = wr_self_hlc_floor(self, 0);
    uint32_t index = 0;
    hlc = hlc > floor ? hlc : floor + 1;
    if (!wr_self_device_feed(self, &t->id, 0, &index) ||
        !wr_feed_complete(wr_self_feed(self, index)) || wr_self_write_epoch(self) == NULL ||
        hub_drain(f->hub) != WR_OK)
        return;
    if (!traitor_make(t, f, hlc, bytes, &body, &log_no))
        return;
    wr_self_confirm(self);
    wr_err err = wr_self_append(self, 0, WR_ENTRY_MESSAGE, log_no, hlc, body, &seq);
    if (err == WR_OK)
        err = wr_self_close_run(self);
    WR_ASSERT(err == WR_OK);
    face_mute(f);
}

static void append(traitor *t, face *f) {
    uint8_t bytes[TRAITOR_BODY_MAX];
    if (t->made_count == TRAITOR_ENTRIES_MAX)
        return;
    uint32_t number = t->made_count++;
    t->made[number] = (made_entry){.log = chance_below(&t->chance, t->config.log_count)};
    t->jobs[number] = (made_job){t, number};
    hub_item item = {.kind = WR_SLICE_EMPTY, .body = make_body(t, number, bytes)};
    wr_slice log = wr_slice_str(t->config.logs[t->made[number].log]);
    wr_err err = hub_append(f->hub, log, &item, 1, appended, &t->jobs[number]);
    if (err == WR_ERR_REFUSED) { /* it has heard that it is out */
        t->made_count--;
        return;
    }
    WR_ASSERT(err == WR_OK);
    t->counts.entries++;
}

bool traitor_make(traitor *t, face *f, uint64_t hlc, uint8_t out[TRAITOR_BODY_MAX],
                  wr_slice *ret_body, uint16_t *ret_log_no) {
    uint16_t next;
    uint32_t log = chance_below(&t->chance, t->config.log_count);
    wr_slice name = wr_slice_str(t->config.logs[log]);
    if (t->made_count == TRAITOR_ENTRIES_MAX ||
        reader_own_log(f->hub->reader, name, ret_log_no, &next) != WR_OK)
        return false;
    *ret_body = make_body(t, t->made_count, out);
    t->made[t->made_count++] = (made_entry){log, true, hlc};
    t->counts.entries++;
    return true;
}

/* Its clock says what it likes, within what the format can hold. */
static void set_clock(traitor *t, face *f) {
    bool back = chance_hit(&t->chance, 500);
    int64_t days = chance_below(&t->chance, chance_hit(&t->chance, 300) ? 20000 : 2);
    int64_t offset = days * DAY_MS + chance_below(&t->chance, DAY_MS);
    loop_sim_set_wall(f->loop, back ? -offset : offset);
}

/* ---- what it does when --------------------------------------------------------------------- */

static talk *any_talk(traitor *t) {
    uint32_t count = talk_count(t);
    uint32_t skip = count == 0 ? 0 : chance_below(&t->chance, count);
    talk *k = t->talks;
    while (k != NULL && skip-- > 0)
        k = k->next;
    return k;
}

static void dial(traitor *t) {
    uint32_t to = chance_below(&t->chance, t->config.others);
    bool loyal = chance_hit(&t->chance, t->loyal);
    uint32_t drawn = chance_below(&t->chance, t->face_count);
    if (talk_count(t) < TALKS_MAX / 2)
        (void)talk_dial(t, &t->faces[loyal ? to % t->face_count : drawn], to);
}

static void tell_lies(traitor *t) {
    uint32_t sum = 0, kind = 0;
    talk *k = any_talk(t);
    for (uint32_t i = 0; i < LIE_COUNT; i++)
        sum += t->lies[i];
    uint32_t drawn = sum == 0 ? 0 : chance_below(&t->chance, sum);
    if (k == NULL || sum == 0 || !talk_may_lie(k))
        return;
    while (drawn >= t->lies[kind])
        drawn -= t->lies[kind++];
    lie(k, (lie_kind)kind);
}

static void act(traitor *t) {
    face *f = &t->faces[chance_below(&t->chance, t->face_count)];
    talk *k = any_talk(t);
    switch (chance_below(&t->chance, 8)) {
    case 0:
    case 1:
        dial(t);
        return;
    case 2:
        if (t->idle >= IDLE_MIN)
            return;
        if (f == &t->faces[0])
            append(t, f);
        else
            append_beside(t, f);
        return;
    case 3:
        if (chance_hit(&t->chance, 200))
            set_clock(t, f);
        return;
    case 4:
        if (k != NULL && chance_hit(&t->chance, 300))
            talk_end(k);
        return;
    case 5:
        if (k != NULL && chance_hit(&t->chance, 100))
            k->deaf = true;
        return;
    default:
        tell_lies(t);
        return;
    }
}

/* Where it finds nobody for long, it tries less. */
static void plan(traitor *t) {
    bool soon = chance_hit(&t->chance, 500);
    uint32_t ms = chance_between(&t->chance, 5, soon ? 300 : 30000);
    t->idle = t->counts.sessions != t->sessions_before ? 0 : t->idle + 1;
    t->sessions_before = t->counts.sessions;
    ms *= t->idle < IDLE_MIN ? 1 : t->idle < IDLE_MAX ? t->idle : IDLE_MAX;
    loop_event_set(&t->step, sim_clock_now(t->config.clock) + ms);
}

static void step(void *ctx) {
    traitor *t = (traitor *)ctx;
    if (t->stopped) {
        talk_tick_all(t);
        return;
    }
    act(t);
    talk_tick_all(t);
    plan(t);
}

static void pump(void *ctx) {
    talk_pump_all((traitor *)ctx);
}

/* ---- faces --------------------------------------------------------------------------------- */

static store *copy_disk(store *disk) {
    store *copy = NULL;
    wr_err err = store_memory_copy(disk, &copy);
    WR_ASSERT(err == WR_OK);
    return copy;
}

static wr_err provision(void *ctx, const keystore_secrets *secrets, keystore **ret_keystore,
                        store **ret_store, const char **ret_problem) {
    (void)ctx;
    (void)secrets;
    (void)ret_keystore;
    (void)ret_store;
    *ret_problem = "it has a home";
    return WR_ERR_IO;
}

static void hear(void *ctx, const hub_event *event) {
    (void)ctx;
    (void)event;
}

static void face_open(traitor *t, face *f, uint32_t number) {
    const char *problem = "";
    keystore *keys = NULL;
    f->traitor = t;
    chance_init(&f->rng, t->config.seed, "traitor face", number);
    loop_sim_config config = {.clock = t->config.clock,
                              .device = t->config.host,
                              .mono_start_ms = chance_below(&f->rng, UINT32_MAX),
                              .wall_offset_ms = t->config.wall_offset_ms};
    wr_err err = loop_sim_open(&config, &f->loop);
    WR_ASSERT(err == WR_OK);
    err = keystore_open_memory(t->config.secrets, &keys);
    WR_ASSERT(err == WR_OK);
    hub_config alone = {.loop = f->loop,
                        .rng = chance_rng(&f->rng),
                        .provision = provision,
                        .event = hear,
                        .ctx = f};
    loop_sim_enter(f->loop);
    err = hub_open(&alone, keys, copy_disk(t->config.disk), &f->hub, &problem);
    WR_ASSERT(err == WR_OK && f->hub->self != NULL);
    f->hub->instance = t->faces[0].hub->instance; /* it does not give away that it has two */
    wr_self_set_instance(f->hub->self, &f->hub->instance);
    if (f == &t->faces[0])
        wr_self_confirm(f->hub->self); /* nobody has to tell it what it signed last */
    loop_sim_leave();
}

static void face_gone(void *ctx) {
    ((face *)ctx)->gone = true;
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void draw(traitor *t) {
    t->face_count = chance_hit(&t->chance, 700) ? FACES_MAX : 1;
    t->loyal = chance_hit(&t->chance, 500) ? 1000 : chance_below(&t->chance, 1000);
    for (uint32_t i = 0; i < LIE_COUNT; i++) {
        bool without = chance_hit(&t->chance, 400);
        uint32_t weight = chance_between(&t->chance, 1, 10);
        t->lies[i] = without ? 0 : weight;
    }
    if (t->face_count == 1)
        t->lies[LIE_FORK] = t->lies[LIE_TIME] = 0;
}

traitor *traitor_new(const traitor_config *config) {
    traitor *t = (traitor *)calloc(1, sizeof *t);
    WR_ASSERT(t != NULL);
    t->config = *config;
    chance_init(&t->chance, config->seed, "traitor", 1);
    draw(t);
    loop_sim_config own = {
        .clock = config->clock, .device = config->host, .wall_offset_ms = config->wall_offset_ms};
    wr_err err = loop_sim_open(&own, &t->loop);
    WR_ASSERT(err == WR_OK);
    err = net_sim_open(config->net, config->host, t->loop, &t->net);
    WR_ASSERT(err == WR_OK);
    for (uint32_t i = 0; i < t->face_count; i++)
        face_open(t, &t->faces[i], i);
    t->id = wr_self_identity(t->faces[0].hub->self)->device_id;
    loop_event_init(&t->step, t->loop, step, t);
    loop_event_init(&t->pump, t->loop, pump, t);
    bool listens = talk_listen(t);
    WR_ASSERT(listens);
    plan(t);
    return t;
}

void traitor_stop(traitor *t) {
    t->stopped = true;
    loop_event_stop(&t->step);
    loop_sim_enter(t->loop);
    for (talk *k = t->talks; k != NULL; k = k->next)
        talk_end(k);
    loop_sim_leave();
}

void traitor_probe(traitor *t, uint32_t host, const void *feed) {
    t->probe = *(const wr_feed *)feed;
    loop_sim_enter(t->loop);
    talk *k = talk_dial(t, &t->faces[0], host);
    k->probes = true;
    loop_sim_leave();
}

const wr_graph *traitor_graph(const traitor *t) {
    return wr_self_graph(t->faces[0].hub->self);
}

bool traitor_holds(const traitor *t, const wr_hash *epoch_id) {
    for (uint32_t i = 0; i < t->face_count; i++)
        if (wr_keyring_has(wr_self_keyring(t->faces[i].hub->self), epoch_id))
            return true;
    return false;
}

static void struck(void *ctx, wr_err err) {
    (void)ctx;
    (void)err;
}

bool traitor_strike(traitor *t, const wr_hash *device_id) {
    const hub_removal removal = {.device = *device_id, .reason = WR_REASON_LOST, .only = true};
    face *f = &t->faces[0];
    loop_sim_enter(f->loop);
    wr_err err = hub_remove(f->hub, &removal, struck, t);
    loop_sim_leave();
    return err == WR_OK;
}

void traitor_close(traitor *t) {
    for (uint32_t i = 0; i < t->face_count; i++) {
        loop_sim_enter(t->faces[i].loop);
        hub_close(t->faces[i].hub, face_gone, &t->faces[i]);
        loop_sim_leave();
    }
}

void traitor_free(traitor *t) {
    WR_ASSERT(t->talks == NULL);
    loop_event_stop(&t->step);
    loop_event_stop(&t->pump);
    for (uint32_t i = 0; i < t->face_count; i++) {
        WR_ASSERT(t->faces[i].gone);
        loop_close(t->faces[i].loop);
    }
    net_close(t->net);
    loop_close(t->loop);
    free(t);
}

const wr_hash *traitor_id(const traitor *t) {
    return &t->id;
}

bool traitor_has_faces(const traitor *t) {
    return t->face_count > 1;
}

const traitor_counts *traitor_counts_of(const traitor *t) {
    return &t->counts;
}
