/* warren.conf: values with defaults, read at start, changed key by key.
 *
 *   init (defaults) -> load -> { get | change }
 *
 * Layer:  core
 * Owner:  the struct lives inside its owner (the agent); it holds no resources.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "base/base.h"
#include "base/limits.h"

/*    type, name, word in the file */
#define CONFIG_LOG_LEVEL_MAP(X)                                                                    \
    X(LOG_LEVEL, ERROR, "error")                                                                   \
    X(LOG_LEVEL, WARN, "warn")                                                                     \
    X(LOG_LEVEL, INFO, "info")                                                                     \
    X(LOG_LEVEL, DEBUG, "debug")
#define CONFIG_NETWORK_MODE_MAP(X)                                                                 \
    X(NETWORK_MODE, FULL, "full")                                                                  \
    X(NETWORK_MODE, LAN_ONLY, "lan-only")                                                          \
    X(NETWORK_MODE, OFFLINE, "offline")
#define CONFIG_DISCOVERY_MAP(X)                                                                    \
    X(DISCOVERY, MULTICAST, "multicast")                                                           \
    X(DISCOVERY, OFF, "off")
#define CONFIG_SWITCH_MAP(X)                                                                       \
    X(SWITCH, OFF, "off")                                                                          \
    X(SWITCH, ON, "on")
#define CONFIG_POWER_MODE_MAP(X)                                                                   \
    X(POWER_MODE, NORMAL, "normal")                                                                \
    X(POWER_MODE, SAVER, "saver")
#define CONFIG_SYNC_MAP(X)                                                                         \
    X(SYNC, FULL, "full")                                                                          \
    X(SYNC, NORMAL, "normal")

/* CONFIG_LOG_LEVEL_ERROR .. as enum CONFIG_LOG_LEVEL, and so on. */
#define CONFIG_ENUMERATOR(type, name, word) CONFIG_##type##_##name,
enum CONFIG_LOG_LEVEL { CONFIG_LOG_LEVEL_MAP(CONFIG_ENUMERATOR) };
enum CONFIG_NETWORK_MODE { CONFIG_NETWORK_MODE_MAP(CONFIG_ENUMERATOR) };
enum CONFIG_DISCOVERY { CONFIG_DISCOVERY_MAP(CONFIG_ENUMERATOR) };
enum CONFIG_SWITCH { CONFIG_SWITCH_MAP(CONFIG_ENUMERATOR) };
enum CONFIG_POWER_MODE { CONFIG_POWER_MODE_MAP(CONFIG_ENUMERATOR) };
enum CONFIG_SYNC { CONFIG_SYNC_MAP(CONFIG_ENUMERATOR) };
#undef CONFIG_ENUMERATOR

#define CONFIG_TEXT_MAX 180u
#define CONFIG_ITEMS_MAX 16u
#define CONFIG_ITEM_MAX 64u

typedef struct config_list {
    uint32_t count;
    char item[CONFIG_ITEMS_MAX][CONFIG_ITEM_MAX + 1];
} config_list;

/* One field for each key: agent_name, agent_listen, .. */
typedef struct config {
#define NAME(section, key, preset, min, max, text) char section##_##key[CONFIG_TEXT_MAX + 1];
#define TEXT(section, key, preset, min, max, text) char section##_##key[CONFIG_TEXT_MAX + 1];
#define LIST(section, key, preset, min, max, text) config_list section##_##key;
#define CHOICE(section, key, type, preset, text) enum CONFIG_##type section##_##key;
#include "core/options.def"
#undef NAME
#undef TEXT
#undef LIST
#undef CHOICE
} config;

/* A sentence about what is wrong, naming file, line and key. */
#define CONFIG_PROBLEM_MAX 2048u
#define CONFIG_FILE_MAX (64u * 1024u)
#define CONFIG_LINE_MAX 198u
/* Longest text of any value, for config_get_text. */
#define CONFIG_VALUE_MAX (CONFIG_ITEMS_MAX * (CONFIG_ITEM_MAX + 1u))

void config_init(config *config); /* all defaults */

/* The content of a warren.conf; name is what the problem calls it.
 *   FORMAT   malformed, unknown or out of range
 *   LIMIT    a line is longer than CONFIG_LINE_MAX */
WR_MUST wr_err config_parse(wr_slice content, const char *name, config *ret_config,
                            char problem[CONFIG_PROBLEM_MAX]);
/* The same of a file; defaults if there is none.  IO. */
WR_MUST wr_err config_load(const char *path, config *ret_config, char problem[CONFIG_PROBLEM_MAX]);

/* The value of "section.key" as text; lists with commas.  UNKNOWN, NOBUF. */
WR_MUST wr_err config_get_text(const config *config, wr_slice key, wr_buf *out);
/* Sets "section.key" in the file, leaving all other lines as they are, and then in config.
 *   UNKNOWN              no such key
 *   FORMAT, LIMIT, IO    as above; neither file nor config has changed */
WR_MUST wr_err config_change(const char *path, config *config, wr_slice key, wr_slice value,
                             char problem[CONFIG_PROBLEM_MAX]);

/* "section.key" number index, NULL after the last. */
const char *config_key(size_t index);
/* Appends a warren.conf with every key, its default and what it means.  NOBUF. */
WR_MUST wr_err config_describe(wr_buf *out);

#endif /* CORE_CONFIG_H */
