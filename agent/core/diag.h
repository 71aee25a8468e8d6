/* What the agent prints: one logfmt line an event, to stderr or to agent.log.
 *
 *   time=2026-01-31T12:00:00.123Z level=info event=link.up device=ab12 path=lan
 *
 * Names of events and fields are fixed and greppable.  Values are escaped and cut.  Never pass a
 * body, the name of a log or key, words, codes or key material.
 *
 * Layer:  core
 * Owner:  the process: there is one stream of lines.  Single-threaded, as the loop is.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORE_DIAG_H
#define CORE_DIAG_H

#include "base/base.h"
#include "core/loop.h"

typedef enum diag_level { DIAG_ERROR, DIAG_WARN, DIAG_INFO, DIAG_DEBUG } diag_level;

/*    name, text in the line */
#define DIAG_EVENT_MAP(X)                                                                          \
    X(AGENT_STARTED, "agent.started")                                                              \
    X(AGENT_STOPPED, "agent.stopped")                                                              \
    X(AGENT_FAILED, "agent.failed")                                                                \
    X(CONFIG_CHANGED, "config.changed")                                                            \
    X(CONFIG_BAD, "config.bad")                                                                    \
    X(STORE_OPENED, "store.opened")                                                                \
    X(STORE_FAILED, "store.failed")                                                                \
    X(STORE_RELOADED, "store.reloaded")                                                            \
    X(NET_LISTENING, "net.listening")                                                              \
    X(NET_FAILED, "net.failed")                                                                    \
    X(LINK_DIALLED, "link.dialled")                                                                \
    X(LINK_ACCEPTED, "link.accepted")                                                              \
    X(LINK_UP, "link.up")                                                                          \
    X(LINK_DOWN, "link.down")                                                                      \
    X(LINK_REFUSED, "link.refused")                                                                \
    X(CIRCLE_CREATED, "circle.created")                                                            \
    X(CIRCLE_CHANGED, "circle.changed")                                                            \
    X(DEVICE_REMOVED, "device.removed")                                                            \
    X(CIRCLE_RESET, "circle.reset")                                                                \
    X(PAIR_OPENED, "pair.opened")                                                                  \
    X(PAIR_FAILED, "pair.failed")                                                                  \
    X(PAIR_DONE, "pair.done")                                                                      \
    X(FEED_REFUSED, "feed.refused")                                                                \
    X(API_LISTENING, "api.listening")                                                              \
    X(API_REFUSED, "api.refused")                                                                  \
    X(ALERT, "alert")

typedef enum diag_event {
#define DIAG_EVENT_ENUM(name, text) DIAG_EV_##name,
    DIAG_EVENT_MAP(DIAG_EVENT_ENUM)
#undef DIAG_EVENT_ENUM
} diag_event;

/* One key=value of a line; use the makers below. */
typedef struct diag_field {
    const char *key; /* NULL ends a list */
    const char *text;
    wr_slice bytes;
    uint64_t number;
    enum { DIAG_FIELD_TEXT, DIAG_FIELD_BYTES, DIAG_FIELD_NUMBER } kind;
} diag_field;

static inline diag_field diag_text(const char *key, const char *text) {
    return (diag_field){.key = key, .text = text, .kind = DIAG_FIELD_TEXT};
}
static inline diag_field diag_bytes(const char *key, wr_slice bytes) {
    return (diag_field){.key = key, .bytes = bytes, .kind = DIAG_FIELD_BYTES};
}
static inline diag_field diag_number(const char *key, uint64_t number) {
    return (diag_field){.key = key, .number = number, .kind = DIAG_FIELD_NUMBER};
}
static inline diag_field diag_reason(wr_err err) {
    return diag_text("reason", wr_err_text(err));
}

/* diag(DIAG_INFO, LINK_UP, diag_text("path", "lan")); */
#define diag(level, event, ...)                                                                    \
    diag_write((level), DIAG_EV_##event,                                                           \
               (const diag_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
void diag_write(diag_level level, diag_event event, const diag_field *fields);

/* Before any of these: warnings and errors to stderr, without time. */
void diag_set_level(diag_level level);
void diag_set_loop(const loop *loop); /* whose time is printed; NULL: none */
/* Lines go to path from now on (0600, appended; moved to path.1 when it passes 4 MiB).  IO: they
 * still go where they went. */
WR_MUST wr_err diag_open(const char *path);
void diag_close(void); /* back to stderr */

#define DIAG_VALUE_MAX 64u /* bytes of a value before it is cut */
#define DIAG_LINE_MAX 2048u
#define DIAG_FILE_BYTES_MAX (4u * 1024u * 1024u)

/* The line without its end, as it would be written at that time (0: none). */
void diag_format(wr_wall wall, diag_level level, diag_event event, const diag_field *fields,
                 wr_buf *out);

#endif /* CORE_DIAG_H */
