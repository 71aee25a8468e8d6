/* Two sides of a handshake with keys of their own, for the tests of the channel.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_CHANNEL_FIXTURE_H
#define TESTS_UNIT_CHANNEL_FIXTURE_H

#include "harness/harness.h"

#include "channel/handshake.h"

#define WIRE_MAX 512u

/* A config borrows what lies beside it, so a test may change either before start_side. */
typedef struct side {
    wr_handshake_config config;
    wr_handshake hs;
    wr_transport transport;
    wr_key s;
    wr_pub rs;
    wr_key psk;
} side;

typedef struct wire { /* one message under way */
    uint8_t b[WIRE_MAX];
    size_t len;
} wire;

extern const wr_mono start;

/* Fills in both configs as the pattern asks; the same seeds give the same keys. */
void prepare_pair(side *i, side *r, const wr_pattern *pattern);
void start_side(side *s);
/* prepare_pair and start both. */
void start_pair(side *i, side *r, const wr_pattern *pattern);

wire write_message(side *s, const char *payload);
/* The result of reading it; the payload has to be what is expected, and untouched on error. */
wr_err read_message(side *s, const wire *message, const char *payload);
/* One message from one to the other. */
void carry(side *from, side *to, const char *payload);
/* Messages until both are DONE. */
void finish_pair(side *i, side *r);
/* A whole handshake and the split. */
void connect_pair(side *i, side *r, const wr_pattern *pattern);

wire seal_message(side *s, const char *text);
wr_err open_message(side *s, const wire *message, const char *text);

#endif /* TESTS_UNIT_CHANNEL_FIXTURE_H */
