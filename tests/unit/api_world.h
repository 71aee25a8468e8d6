/* A whole local API on a fake hub, and raw clients of it, in one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_API_WORLD_H
#define TESTS_UNIT_API_WORLD_H

#include "api/methods.h"
#include "api/rpc.h"
#include "api_fake_hub.h"

typedef struct world {
    loop *loop;
    loop_timer *timer;
    hub *hub;
    methods *methods;
    server *server;
    char home[64];
    char socket[96];
    bool stopped;
} world;

void world_open(world *w); /* without a circle */
void world_init(world *w); /* with one */
void world_close(world *w);
void world_turn(world *w); /* the loop goes round about once */

typedef struct peer {
    int fd;
    rpc_reader *reader;
    bool closed; /* by the agent */
    uint32_t msgid;
} peer;

peer peer_connect(const world *w);
void peer_close(peer *p);
void peer_send(world *w, peer *p, wr_slice bytes);
uint32_t peer_request(world *w, peer *p, const char *method, warren_value *params);
/* The next frame; NULL: the agent closed, or nothing came for many turns. */
warren_value *peer_frame(world *w, peer *p);
/* Calls and takes the answer (the next frame must be it).  The error text or NULL; *ret_result is
 * the caller's where that is NULL.  The text lives until the next call. */
const char *peer_call(world *w, peer *p, const char *method, warren_value *params,
                      warren_value **ret_result);
/* Calls and expects success; the result is the caller's. */
warren_value *peer_ok(world *w, peer *p, const char *method, warren_value *params);
void peer_expect_error(world *w, peer *p, const char *method, warren_value *params,
                       const char *text);

/* A map from key, value pairs of strings, NULL-ended. */
warren_value *strings_of(const char *const *list);
#define strings(...) strings_of((const char *const[]){__VA_ARGS__})

#endif /* TESTS_UNIT_API_WORLD_H */
