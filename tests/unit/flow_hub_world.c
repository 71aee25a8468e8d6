/* Hubs over loopback, and what surrounds them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow_hub_world.h"

#include "crypto/crypto.h"
#include "store/store_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define GIVE_UP_MS 20000u
#define LOG "log"

/* ---- turning --------------------------------------------------------------------------- */

static uint64_t now_ms(void) {
    return uv_hrtime() / 1000000u;
}

void hubs_turn_one(hubs_device *d) {
    uv_run((uv_loop_t *)loop_native(d->loop), UV_RUN_NOWAIT);
}

void hubs_turn(hubs *all) {
    for (uint32_t i = 0; i < HUBS_COUNT; i++)
        if (all->device[i].loop != NULL)
            hubs_turn_one(&all->device[i]);
}

void hubs_wait(hubs_device *d, hubs_until until) {
    uint64_t give_up = now_ms() + GIVE_UP_MS;
    while (!until(d)) {
        T_TRUE(now_ms() < give_up);
        hubs_turn(d->all);
    }
}

/* Over loopback whatever is sent is there at once, so a number of turns is as good as an end. */
void hubs_settle(hubs *all) {
    for (int i = 0; i < 500; i++)
        hubs_turn(all);
}

/* ---- disks ------------------------------------------------------------------------------- */

/* The hub closes its store; the disk stays, as files do. */
static void close_run(store *disk) {
    store_memory_crash(disk);
}

static store *keep_open(store *disk) {
    static store_ops ops;
    ops = *disk->ops;
    ops.close = close_run;
    disk->ops = &ops;
    return disk;
}

static store *disk_new(void) {
    store *disk = NULL;
    T_OK(store_open_memory(&disk));
    return keep_open(disk);
}

void hubs_copy_home(const hubs_device *from, hubs_device *to) {
    T_OK(store_memory_copy(from->disk, &to->disk));
    (void)keep_open(to->disk);
    to->secrets = from->secrets;
    to->has_home = true;
}

void hubs_make_home(hubs_device *d, const keystore_secrets *secrets) {
    d->disk = disk_new();
    d->secrets = *secrets;
    d->has_home = true;
}

static void disk_free(store *disk) {
    store *model = NULL;
    if (disk == NULL)
        return;
    T_OK(store_open_memory(&model));
    disk->ops = model->ops;
    store_close(model);
    store_close(disk);
}

/* ---- what a hub asks of its owner -------------------------------------------------------- */

static wr_err provision(void *ctx, const keystore_secrets *secrets, keystore **ret_keystore,
                        store **ret_store, const char **ret_problem) {
    hubs_device *d = (hubs_device *)ctx;
    d->provisions++;
    if (d->provisions_fail != 0) {
        d->provisions_fail--;
        *ret_problem = "this home cannot be written";
        return WR_ERR_IO;
    }
    d->secrets = *secrets;
    d->has_home = true;
    disk_free(d->disk); /* of a try that did not finish */
    d->disk = disk_new();
    store_memory_fail_at(d->disk, d->fail_at);
    d->fail_at = 0;
    T_OK(keystore_open_memory(secrets, &d->keys));
    *ret_keystore = d->keys;
    *ret_store = d->disk;
    return WR_OK;
}

static void on_event(void *ctx, const hub_event *event) {
    hubs_device *d = (hubs_device *)ctx;
    d->events[event->type]++;
    if (event->type == HUB_EV_PAIRING_REQUEST)
        d->asked = event->device;
    if (event->type == HUB_EV_PAIRING_FAILED)
        snprintf(d->failed, sizeof d->failed, "%s", event->text);
}

static void on_gone(void *ctx) {
    hubs_device *d = (hubs_device *)ctx;
    d->gone = true;
    net_close(d->net); /* nobody is there for who comes now */
}

/* ---- life ----------------------------------------------------------------------------------- */

int hubs_start(void **state) {
    T_OK(wr_crypto_init());
    hubs *all = (hubs *)calloc(1, sizeof *all);
    T_TRUE(all != NULL);
    for (uint32_t i = 0; i < HUBS_COUNT; i++)
        all->device[i] = (hubs_device){.all = all, .index = i};
    *state = all;
    return 0;
}

int hubs_stop(void **state) {
    hubs *all = (hubs *)*state;
    for (uint32_t i = 0; i < HUBS_COUNT; i++)
        if (all->device[i].hub != NULL)
            hubs_close(&all->device[i]);
    for (uint32_t i = 0; i < HUBS_COUNT; i++)
        disk_free(all->device[i].disk);
    free(all);
    return 0;
}

void hubs_open(hubs_device *d) {
    static const net_addr any_port = {.family = 4, .ip = {127, 0, 0, 1}};
    const char *problem = "";
    hub_status status;
    d->listen = any_port;
    d->gone = false;
    d->keys = NULL;
    if (d->has_home)
        T_OK(keystore_open_memory(&d->secrets, &d->keys));
    T_OK(loop_open(&d->loop));
    T_OK(net_open(d->loop, NET_FULL, &d->net));
    hub_config config = {.loop = d->loop,
                         .net = d->net,
                         .rng = wr_rng_system(),
                         .listen = &any_port,
                         .listen_count = 1,
                         .epoch_entries_max = d->epoch_entries_max,
                         .provision = provision,
                         .event = on_event,
                         .ctx = d};
    T_OK(hub_open(&config, d->keys, d->has_home ? d->disk : NULL, &d->hub, &problem));
    T_OK(hub_get_status(d->hub, &status));
    T_TRUE(status.listen_count > 0);
    d->listen.port = status.listen[0].port;
}

static bool is_gone(const hubs_device *d) {
    return d->gone;
}

void hubs_close(hubs_device *d) {
    if (d->has_home)
        d->secrets = *keystore_get(d->keys);
    hub_close(d->hub, on_gone, d);
    hubs_wait(d, is_gone);
    loop_close(d->loop);
    d->hub = NULL;
    d->loop = NULL;
}

/* ---- what a test does ---- */

void hubs_found(hubs *all) {
    hubs_device *d = &all->device[0];
    hubs_open(d);
    T_OK(hub_init(d->hub, wr_slice_str("zero"), false));
    hubs_settle(all);
}

static void joined(void *ctx, wr_err err) {
    hubs_device *d = (hubs_device *)ctx;
    d->joins++;
    d->joined = err;
}

wr_err hubs_join(hubs_device *d, const char *code, const hubs_device *to) {
    return hub_join(d->hub, wr_slice_str(code), wr_slice_str("new"), &to->listen, joined, d);
}

typedef struct late_join {
    uv_check_t check;
    hubs_device *device;
    const char *code;
    const hubs_device *to;
    bool closed;
} late_join;

static void late_closed(uv_handle_t *handle) {
    ((late_join *)handle->data)->closed = true;
}

static void late_now(uv_check_t *check) {
    late_join *join = (late_join *)check->data;
    T_OK(hubs_join(join->device, join->code, join->to));
    uv_close((uv_handle_t *)check, late_closed);
}

/* What begins after the loop has looked for news hears of none before the next time. */
void hubs_join_dials(hubs_device *d, const char *code, const hubs_device *to) {
    late_join join = {.device = d, .code = code, .to = to};
    const metrics *counts = hub_metrics(d->hub);
    uint64_t dials = counts->value[METRIC_DIALS];
    join.check.data = &join;
    uv_check_init((uv_loop_t *)loop_native(d->loop), &join.check);
    uv_check_start(&join.check, late_now);
    while (!join.closed)
        hubs_turn(d->all);
    T_EQ(counts->value[METRIC_DIALS], dials + 1);
}

void hubs_pair(hubs_device *d, bool yes, hub_pairing *ret_pairing) {
    T_OK(hub_pair_open(d->hub, true, 300, yes, ret_pairing));
}

static void appended(void *ctx, wr_err err, const hub_appended *list, uint32_t count) {
    hubs_device *d = (hubs_device *)ctx;
    d->answers++;
    d->appended = err;
    if (err != WR_OK)
        return;
    T_EQ(count, 1);
    d->append = list[0];
}

wr_err hubs_append(hubs_device *d, const char *text) {
    hub_item item = {.body = wr_slice_str(text)};
    uint32_t answers = d->answers;
    wr_err err = hub_append(d->hub, wr_slice_str(LOG), &item, 1, appended, d);
    if (err != WR_OK)
        return err;
    hubs_settle(d->all);
    T_EQ(d->answers, answers + 1);
    return d->appended;
}

typedef struct reading {
    uint64_t *hlc;
    uint32_t count, max;
} reading;

static wr_err read_entry(void *ctx, const hub_entry *entry) {
    reading *r = (reading *)ctx;
    if (r->hlc != NULL && r->count < r->max)
        r->hlc[r->count] = entry->hlc;
    r->count++;
    return WR_OK;
}

uint32_t hubs_entries(hubs_device *d, uint64_t *hlc, uint32_t max) {
    reading r = {.hlc = hlc, .max = max};
    char cursor[HUB_CURSOR_MAX];
    bool more = false;
    wr_err err =
        hub_read(d->hub, wr_slice_str(LOG), WR_SLICE_EMPTY, 1000, read_entry, &r, cursor, &more);
    if (err == WR_ERR_UNKNOWN)
        return 0;
    T_OK(err);
    T_FALSE(more);
    return r.count;
}

uint32_t hubs_members(hubs_device *d) {
    hub_status status;
    T_OK(hub_get_status(d->hub, &status));
    return status.has_circle ? status.devices : 0;
}
