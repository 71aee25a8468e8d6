/* A request to stop that comes as SIGTERM or SIGINT instead of through the socket.
 *
 * Layer:  api
 * Owner:  agent.c, one per process.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_SERVER_SIGNAL_H
#define API_SERVER_SIGNAL_H

#include "core/loop.h"

typedef struct server_signal server_signal;

/* fn is called from the loop, once for each signal.  NOMEM, IO. */
WR_MUST wr_err server_signal_open(loop *loop, loop_fn fn, void *ctx, server_signal **ret_signal);
/* The memory goes when the loop has closed the handles; NULL is fine. */
void server_signal_close(server_signal *signal);

#endif /* API_SERVER_SIGNAL_H */
