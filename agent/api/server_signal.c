/* SIGTERM and SIGINT on the loop.
 *
 * Layer:  api
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/server_signal.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#define SIGNALS 2u

struct server_signal {
    uv_signal_t handles[SIGNALS];
    size_t open; /* not yet closed */
    loop_fn fn;
    void *ctx;
};

static void caught(uv_signal_t *handle, int number) {
    (void)number;
    server_signal *s = handle->data;
    s->fn(s->ctx);
}

static void closed(uv_handle_t *handle) {
    server_signal *s = handle->data;
    if (--s->open == 0)
        free(s);
}

wr_err server_signal_open(loop *l, loop_fn fn, void *ctx, server_signal **ret_signal) {
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT};
    server_signal *s = calloc(1, sizeof *s);
    if (!s)
        return WR_ERR_NOMEM;
    s->fn = fn;
    s->ctx = ctx;
    bool fine = true;
    for (size_t i = 0; i < SIGNALS; i++) {
        uv_signal_init(loop_native(l), &s->handles[i]);
        s->handles[i].data = s;
        s->open++;
        fine = uv_signal_start(&s->handles[i], caught, numbers[i]) == 0 && fine;
    }
    if (!fine) {
        server_signal_close(s);
        return WR_ERR_IO;
    }
    *ret_signal = s;
    return WR_OK;
}

void server_signal_close(server_signal *s) {
    for (size_t i = 0; s && i < SIGNALS; i++)
        uv_close((uv_handle_t *)&s->handles[i], closed);
}
