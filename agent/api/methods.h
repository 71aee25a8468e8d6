/* What the local API can do: the table of methods, their parameters, and who answers them.
 *
 *   server -> methods_handler.call -> parameters checked -> one handler -> rpc_reply
 *   hub    -> methods_event        -> notifications to those who subscribed
 *
 * Spec:   methods.def (names, parameters, results)
 * Layer:  api
 * Owner:  agent.c makes one per server.  Single-threaded.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_METHODS_H
#define API_METHODS_H

#include "api/server.h"
#include "api/value.h"
#include "base/base.h"
#include "flow/hub.h"

typedef struct methods methods;

#define METHODS_SETTING_MAX 1024u /* bytes of a setting's text */

/* What surrounds the methods.  Everything is borrowed and must outlive them. */
typedef struct methods_config {
    hub *hub;
    const char *home;
    const char *default_name; /* this device's, where init and join give none */
    void (*stop)(void *ctx);  /* end the agent, soon */
    /* Seals device.key anew; empty clears.  STATE without a circle. */
    wr_err (*set_passphrase)(void *ctx, wr_slice passphrase, const char **ret_problem);
    /* Key number index ("agent.name"); NULL after the last. */
    const char *(*setting_key)(void *ctx, size_t index);
    /* The text of one setting.  UNKNOWN: no such key. */
    wr_err (*get_setting)(void *ctx, wr_slice key, char ret_text[METHODS_SETTING_MAX]);
    /* Writes it to the file.  UNKNOWN, FORMAT (ret_problem says what it may be), IO. ret_live: it
     * applies now and not only after a restart. */
    wr_err (*set_setting)(void *ctx, wr_slice key, wr_slice value, bool *ret_live,
                          const char **ret_problem);
    void *ctx; /* of all functions above */
} methods_config;

WR_MUST wr_err methods_new(const methods_config *config, methods **ret_methods);
void methods_free(methods *methods); /* after its server has closed; NULL is fine */
/* What server_open wants; ctx is the methods. */
extern const server_handler methods_handler;
/* The server that pumps notifications; set before it runs. */
void methods_set_server(methods *methods, server *server);
/* From now on every call is refused as unavailable: the agent is going down. */
void methods_refuse(methods *methods);
/* The hub's event callback. */
void methods_event(methods *methods, const hub_event *event);

#endif /* API_METHODS_H */
