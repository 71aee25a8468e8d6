/* The agent: parts in order.
 *
 * Layer:  agent
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/methods.h"
#include "api/server.h"
#include "api/server_signal.h"
#include "base/text.h"
#include "core/config.h"
#include "core/diag.h"
#include "crypto/crypto.h"
#include "flow/hub.h"
#include "net/transport.h"
#include "store/keystore.h"
#include "store/store.h"

#define PATH_MAX_BYTES 1024u
#define ADDRS_MAX 16u

struct agent {
    char home[PATH_MAX_BYTES];
    char conf_path[PATH_MAX_BYTES + 16];
    char name[WR_NAME_BYTES_MAX + 1];
    char problem[AGENT_PROBLEM_MAX];
    int lock;
    config config;
    loop *loop;
    net *net;
    net_addr listen[ADDRS_MAX], peers[ADDRS_MAX];
    keystore *keystore; /* the hub's once that is open */
    hub *hub;
    methods *methods;
    server *server;
    server_signal *signal;
    bool running, stopping;
};

static wr_err fail(agent *a, wr_err err, const char *subject, const char *text) {
    snprintf(a->problem, sizeof a->problem, "%s%s%s", subject, subject[0] ? ": " : "", text);
    return err;
}

/* ---- lock, config, names ----------------------------------------------------------------- */

static wr_err take_lock(agent *a) {
    char path[PATH_MAX_BYTES + 16], pid[16] = "";
    snprintf(path, sizeof path, "%s/agent.lock", a->home);
    a->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (a->lock < 0)
        return fail(a, WR_ERR_IO, path, strerror(errno));
    if (flock(a->lock, LOCK_EX | LOCK_NB) == 0) {
        int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
        bool written = ftruncate(a->lock, 0) == 0 && pwrite(a->lock, pid, (size_t)len, 0) == len;
        return written ? WR_OK : fail(a, WR_ERR_IO, path, "cannot be written");
    }
    if (errno != EWOULDBLOCK)
        return fail(a, WR_ERR_IO, path, strerror(errno));
    ssize_t len = pread(a->lock, pid, sizeof pid - 1, 0);
    char text[96];
    pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
    snprintf(text, sizeof text, "another agent%s%s%s runs on this home", pid[0] ? " (process " : "",
             pid, pid[0] ? ")" : "");
    return fail(a, WR_ERR_BUSY, a->home, text);
}

static diag_level level_of(const config *from) {
    switch (from->agent_log_level) {
    case CONFIG_LOG_LEVEL_ERROR:
        return DIAG_ERROR;
    case CONFIG_LOG_LEVEL_WARN:
        return DIAG_WARN;
    case CONFIG_LOG_LEVEL_INFO:
        return DIAG_INFO;
    case CONFIG_LOG_LEVEL_DEBUG:
        return DIAG_DEBUG;
    }
    WR_UNREACHABLE();
}

static net_mode mode_of(const config *from) {
    switch (from->network_mode) {
    case CONFIG_NETWORK_MODE_FULL:
        return NET_FULL;
    case CONFIG_NETWORK_MODE_LAN_ONLY:
        return NET_LAN_ONLY;
    case CONFIG_NETWORK_MODE_OFFLINE:
        return NET_OFFLINE;
    }
    WR_UNREACHABLE();
}

static wr_err load_config(agent *a) {
    char problem[CONFIG_PROBLEM_MAX];
    snprintf(a->conf_path, sizeof a->conf_path, "%s/warren.conf", a->home);
    wr_err err = config_load(a->conf_path, &a->config, problem);
    return err == WR_OK ? WR_OK : fail(a, err, "", problem);
}

/* The name of new circles' first and joining devices: from the file, else the host's. */
static void choose_name(agent *a) {
    char host[WR_NAME_BYTES_MAX + 1] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    host[strcspn(host, ".")] = '\0';
    wr_slice name = wr_slice_str(a->config.agent_name[0] ? a->config.agent_name : host);
    if (!wr_text_is_name(name))
        name = wr_slice_str("this device");
    memcpy(a->name, name.ptr, name.len);
}

static wr_err parse_addrs(agent *a, const char *key, const config_list *list,
                          net_addr out[ADDRS_MAX]) {
    for (uint32_t i = 0; i < list->count; i++) {
        char text[128];
        if (net_addr_parse(wr_slice_str(list->item[i]), &out[i]) == WR_OK)
            continue;
        snprintf(text, sizeof text, "%s: '%s' is not an address and port", key, list->item[i]);
        return fail(a, WR_ERR_FORMAT, a->conf_path, text);
    }
    return WR_OK;
}

/* ---- what the hub and the methods ask of us ------------------------------------------------ */

static store_sync sync_of(const agent *a) {
    return a->config.durability_sync == CONFIG_SYNC_FULL ? STORE_SYNC_FULL : STORE_SYNC_NORMAL;
}

/* Keys and files of a circle that never came to be. */
static wr_err remove_unfinished(agent *a, const char **ret_problem) {
    static const char *const files[] = {"device.key", "store.db",    "store.db-wal", "store.db-shm",
                                        "keys.db",    "keys.db-wal", "keys.db-shm"};
    static char problem[PATH_MAX_BYTES + 128];
    char path[PATH_MAX_BYTES + 16];
    for (size_t i = 0; i < WR_COUNT(files); i++) {
        snprintf(path, sizeof path, "%s/%s", a->home, files[i]);
        if (unlink(path) == 0 || errno == ENOENT)
            continue;
        snprintf(problem, sizeof problem, "%s: %s", path, strerror(errno));
        *ret_problem = problem;
        return WR_ERR_IO;
    }
    return WR_OK;
}

static wr_err provision(void *ctx, const keystore_secrets *secrets, keystore **ret_keystore,
                        store **ret_store, const char **ret_problem) {
    agent *a = ctx;
    WR_AUTO(keystore) made = NULL;
    a->keystore = NULL; /* the hub has closed it */
    WR_TRY(remove_unfinished(a, ret_problem));
    WR_TRY(keystore_create(a->home, secrets, &made, ret_problem));
    wr_err err = store_open_sqlite(a->home, sync_of(a), &secrets->keys_key, ret_store, ret_problem);
    if (err != WR_OK)
        return err; /* the next try, or start, finds keys without a circle */
    a->keystore = made;
    *ret_keystore = wr_steal(&made);
    return WR_OK;
}

static void on_event(void *ctx, const hub_event *event) {
    agent *a = ctx;
    if (a->methods)
        methods_event(a->methods, event);
}

static wr_err set_passphrase(void *ctx, wr_slice passphrase, const char **ret_problem) {
    agent *a = ctx;
    *ret_problem = "this home has no device.key";
    return a->keystore ? keystore_set_passphrase(a->keystore, passphrase, ret_problem)
                       : WR_ERR_STATE;
}

static const char *setting_key(void *ctx, size_t index) {
    (void)ctx;
    return config_key(index);
}

static wr_err get_setting(void *ctx, wr_slice key, char ret_text[METHODS_SETTING_MAX]) {
    agent *a = ctx;
    char value[CONFIG_VALUE_MAX];
    wr_buf text = WR_BUF_ARRAY(value);
    WR_TRY(config_get_text(&a->config, key, &text));
    snprintf(ret_text, METHODS_SETTING_MAX, "%.*s", (int)text.len, value);
    return WR_OK;
}

/* What the configuration takes as a list has to be addresses, or the next start would fail. */
static wr_err check_addrs(wr_slice key, wr_slice value, char problem[CONFIG_PROBLEM_MAX]) {
    if (!wr_equal(key, wr_slice_str("agent.listen")) &&
        !wr_equal(key, wr_slice_str("network.peers")))
        return WR_OK;
    while (value.len != 0) {
        const uint8_t *comma = memchr(value.ptr, ',', value.len);
        wr_slice item = wr_slice_of(value.ptr, comma ? (size_t)(comma - value.ptr) : value.len);
        value = wr_slice_of(value.ptr + item.len, value.len - item.len);
        value = wr_slice_of(value.ptr + (comma != NULL), value.len - (comma != NULL));
        while (item.len != 0 && item.ptr[0] == ' ')
            item = wr_slice_of(item.ptr + 1, item.len - 1);
        while (item.len != 0 && item.ptr[item.len - 1] == ' ')
            item.len--;
        net_addr addr;
        if (net_addr_parse(item, &addr) == WR_OK)
            continue;
        snprintf(problem, CONFIG_PROBLEM_MAX,
                 "%.*s: '%.*s' is not an address and port, as 192.0.2.7:7117 or [2001:db8::1]:7117",
                 (int)key.len, (const char *)key.ptr, (int)(item.len < 64 ? item.len : 64),
                 (const char *)item.ptr);
        return WR_ERR_FORMAT;
    }
    return WR_OK;
}

static wr_err set_setting(void *ctx, wr_slice key, wr_slice value, bool *ret_live,
                          const char **ret_problem) {
    agent *a = ctx;
    static char problem[CONFIG_PROBLEM_MAX];
    *ret_problem = problem;
    WR_TRY(check_addrs(key, value, problem));
    WR_TRY(config_change(a->conf_path, &a->config, key, value, problem));
    diag(DIAG_INFO, CONFIG_CHANGED, diag_bytes("key", key));
    diag_set_level(level_of(&a->config));
    *ret_live = wr_equal(key, wr_slice_str("agent.log_level"));
    return WR_OK;
}

/* ---- the end, in order: no new calls, then the hub, then the socket ---- */

static void server_gone(void *ctx) {
    agent *a = ctx;
    a->server = NULL;
    loop_stop(a->loop);
}

static void hub_gone(void *ctx) {
    agent *a = ctx;
    a->hub = NULL;
    a->keystore = NULL;
    if (a->net)
        net_close(a->net); /* nobody is there for who comes now */
    a->net = NULL;
    if (a->server)
        server_close(a->server, server_gone, a);
    else
        loop_stop(a->loop);
}

static void stop(void *ctx) {
    agent *a = ctx;
    if (a->stopping)
        return;
    a->stopping = true;
    if (a->methods)
        methods_refuse(a->methods);
    hub_close(a->hub, hub_gone, a);
}

void agent_close(agent *a) {
    if (!a)
        return;
    if (a->hub) {
        stop(a);
        while (a->hub || a->server)
            if (loop_run(a->loop) != WR_OK)
                break;
    }
    methods_free(a->methods);
    server_signal_close(a->signal);
    if (a->net)
        net_close(a->net);
    keystore_close(a->keystore);
    if (a->running)
        diag(DIAG_INFO, AGENT_STOPPED);
    diag_set_loop(NULL);
    diag_close();
    if (a->loop)
        loop_close(a->loop);
    if (a->lock >= 0)
        close(a->lock); /* last: whoever has the lock finds a home at rest */
    free(a);
}

wr_err agent_run(agent *a) {
    return loop_run(a->loop);
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* The home's secrets and store; both NULL where it has no circle. */
static wr_err open_files(agent *a, wr_slice passphrase, store **ret_store) {
    const char *problem = "";
    bool sealed = false;
    char path[PATH_MAX_BYTES + 16];
    if (!keystore_exists(a->home)) {
        snprintf(path, sizeof path, "%s/store.db", a->home);
        if (access(path, F_OK) != 0)
            return WR_OK;
        return fail(a, WR_ERR_CORRUPT, a->home, "store.db is there, but device.key is missing");
    }
    wr_err err = keystore_is_sealed(a->home, &sealed, &problem);
    if (err == WR_OK && sealed && passphrase.len == 0)
        return fail(a, WR_ERR_REFUSED, a->home,
                    "device.key is sealed: give its passphrase with --passphrase-file, or use "
                    "'warren up' on a terminal");
    if (err == WR_OK)
        err = keystore_open(a->home, sealed ? passphrase : WR_SLICE_EMPTY, &a->keystore, &problem);
    if (err == WR_ERR_AUTH && sealed)
        return fail(a, WR_ERR_REFUSED, "", problem);
    if (err == WR_ERR_AUTH || err == WR_ERR_REFUSED)
        err = WR_ERR_CORRUPT; /* REFUSED is kept for a wrong passphrase: the file's mode is not */
    if (err == WR_OK)
        err = store_open_sqlite(a->home, sync_of(a), &keystore_get(a->keystore)->keys_key,
                                ret_store, &problem);
    return err == WR_OK ? WR_OK : fail(a, err, "", problem);
}

static wr_err open_hub(agent *a, store *st) {
    const char *problem = "";
    hub_config surround = {.loop = a->loop,
                           .net = a->net,
                           .rng = wr_rng_system(),
                           .listen = a->listen,
                           .listen_count = a->config.agent_listen.count,
                           .peers = a->peers,
                           .peer_count = a->config.network_peers.count,
                           .discovery = a->config.network_discovery == CONFIG_DISCOVERY_MULTICAST,
                           .provision = provision,
                           .event = on_event,
                           .ctx = a};
    wr_err err = hub_open(&surround, a->keystore, st, &a->hub, &problem);
    if (err == WR_OK)
        return WR_OK;
    store_close(st);
    return fail(a, err, a->home, problem);
}

static wr_err open_api(agent *a, const char *socket) {
    const char *problem = "out of memory";
    methods_config surround = {.hub = a->hub,
                               .home = a->home,
                               .default_name = a->name,
                               .stop = stop,
                               .set_passphrase = set_passphrase,
                               .setting_key = setting_key,
                               .get_setting = get_setting,
                               .set_setting = set_setting,
                               .ctx = a};
    wr_err err = methods_new(&surround, &a->methods);
    if (err == WR_OK)
        err = server_open(a->loop, socket, &methods_handler, a->methods, &a->server, &problem);
    if (err != WR_OK)
        return fail(a, err, "", problem);
    methods_set_server(a->methods, a->server);
    return WR_OK;
}

static wr_err open_all(agent *a, const agent_options *options) {
    store *st = NULL;
    char path[PATH_MAX_BYTES + 16];
    int len = snprintf(a->home, sizeof a->home, "%s", options->home);
    if (len < 0 || (size_t)len >= sizeof a->home)
        return fail(a, WR_ERR_LIMIT, "", "the home's path is longer than 1,023 bytes");
    if (wr_crypto_init() != WR_OK)
        return fail(a, WR_ERR_IO, "", "the system's random numbers are not available");
    WR_TRY(take_lock(a));
    WR_TRY(load_config(a));
    diag_set_level(level_of(&a->config));
    snprintf(path, sizeof path, "%s/agent.log", a->home);
    if (options->detached && diag_open(path) != WR_OK)
        return fail(a, WR_ERR_IO, path, "cannot be written");
    choose_name(a);
    WR_TRY(parse_addrs(a, "agent.listen", &a->config.agent_listen, a->listen));
    WR_TRY(parse_addrs(a, "network.peers", &a->config.network_peers, a->peers));
    WR_TRY(loop_open(&a->loop));
    diag_set_loop(a->loop);
    WR_TRY(server_signal_open(a->loop, stop, a, &a->signal));
    if (mode_of(&a->config) != NET_OFFLINE)
        WR_TRY(net_open(a->loop, mode_of(&a->config), &a->net));
    WR_TRY(open_files(a, options->passphrase, &st));
    WR_TRY(open_hub(a, st));
    WR_TRY(open_api(a, options->socket));
    a->running = true;
    diag(DIAG_INFO, AGENT_STARTED, diag_text("version", WARREN_VERSION));
    return WR_OK;
}

wr_err agent_open(const agent_options *options, agent **ret_agent,
                  char problem[AGENT_PROBLEM_MAX]) {
    agent *a = calloc(1, sizeof *a);
    if (!a) {
        snprintf(problem, AGENT_PROBLEM_MAX, "out of memory");
        return WR_ERR_NOMEM;
    }
    a->lock = -1;
    wr_err err = open_all(a, options);
    if (err == WR_OK) {
        *ret_agent = a;
        return WR_OK;
    }
    snprintf(problem, AGENT_PROBLEM_MAX, "%s", a->problem[0] ? a->problem : wr_err_text(err));
    diag(DIAG_ERROR, AGENT_FAILED, diag_reason(err));
    agent_close(a);
    return err;
}
