/* A small world for tests of links: devices of one circle, pairs of links in memory, and a peer
 * that says whatever a test wants it to say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_ENGINE_LINK_WORLD_H
#define TESTS_UNIT_ENGINE_LINK_WORLD_H

#include "harness/harness.h"

#include "channel/handshake.h"
#include "engine/link.h"
#include "sync/session.h"

#define PIPE_SIZE (256u * 1024u)
#define ROWS_MAX 4096u

typedef struct world_row {
    uint32_t feed;
    uint64_t first, end;
    uint8_t *bytes;
    size_t len;
} world_row;

/* A device: its self, and the rows a store would hold of every feed. */
typedef struct device {
    wr_identity identity;
    wr_self *self;
    world_row rows[ROWS_MAX];
    uint32_t row_count;
    wr_volume volume; /* the newest that it stored */
    uint32_t units_served;
    uint32_t alerts;
} device;

extern const wr_now world_now;

device *device_new(uint64_t seed);
void device_free(device *d);
/* Keeps what self wants stored; false when there was nothing. */
bool drain(device *d);
void found(device *a);
wr_sign_key root_key(uint64_t seed); /* of a: 99 */
/* With it; NULL, NULL keeps all members. */
wr_err reset_it(device *by, const device *keep_one, const device *keep_other);
/* An ADD of b by a, not admitted yet. */
void make_add(device *a, device *b, wr_buf *op, wr_sig *ret_sig);
/* b learns all of the circle as a pairing would tell it. */
void tell_circle(device *a, device *b);
void add_device(device *a, device *b);
void make_circle(device *a, device *b);
void append(device *d, uint32_t count);
uint32_t feed_of(device *at, device *whose);
const wr_feed *feed_at(device *at, device *whose);
/* A device with the same keys and the same past as d has now, that goes on by itself. */
device *device_twin(device *d, uint64_t seed);

wr_link *link_dial(device *from, device *to, uint64_t id);
wr_link *link_accept(device *at, uint64_t id);
/* Gives the link a unit, if its peer should get one now. */
void link_serve(device *d, wr_link *link);
/* Gives the link the proof that it needs for a checkpoint that its peer showed; false: none. */
bool link_weigh(device *d, wr_link *link);
/* One write of at most size bytes from out_link, read by in_link. */
wr_err deliver(device *from, wr_link *out_link, device *to, wr_link *in_link, size_t size,
               size_t *ret_moved);
/* Moves bytes until both are silent. */
wr_err converse(device *a, wr_link *la, device *b, wr_link *lb);
void links_new(device *a, device *b, uint64_t id, wr_link **la, wr_link **lb);
/* Reads all of in at this time, stores what there is to store, and counts alerts. */
wr_err link_take_at(device *to, wr_link *link, wr_slice in, wr_now now);
wr_err link_take(device *to, wr_link *link, wr_slice in);
void assert_equal_replicas(device *a, device *b);

/* ---- a peer under the control of the test ------------------------------------------- */

/* Speaks as `device` over a session that it began, without a link of its own. */
typedef struct puppet {
    device *as, *to;
    wr_link *link; /* of the device it speaks to */
    wr_handshake handshake;
    wr_session session;
    uint8_t heard[PIPE_SIZE]; /* bytes from link, not read yet */
    size_t heard_len, heard_at;
    wr_now now; /* when the link hears what it says */
} puppet;

/* Message 1 with this session time, as one record. */
void puppet_first(puppet *p, device *as, device *to, uint64_t mark, wr_buf *out);
/* The whole handshake with a new link of `to`, up to where HELLO is due. */
puppet *puppet_new(device *as, device *to, uint64_t link_id, uint64_t mark);
void puppet_free(puppet *p); /* with its link */
wr_err puppet_say(puppet *p, uint8_t type, wr_slice body);
/* HELLO as `as` would say it, but for the device id. */
wr_err puppet_hello(puppet *p, const wr_hash *device_id);
/* HELLO, empty lists, and an answer to PING: the link is up and waits for nothing. */
void puppet_up(puppet *p);
/* Announces a unit under the newest checkpoint of feed and sends its bytes. */
wr_err puppet_node(puppet *p, const wr_feed *feed, const wr_unit *unit);
/* .. one without a proof. */
wr_err puppet_unit(puppet *p, const wr_feed *feed, uint64_t first, uint64_t end, wr_slice entries);
/* The next frame of this type that the link said; those before it are dropped.  False: none. */
bool puppet_hear(puppet *p, uint8_t type, wr_buf *ret_body);

/* ---- what the tests of feeds share ----------------------------------------------------- */

typedef struct three {
    device *a, *b, *c;
} three;
/* a and b hold the same `count` entries of a; c is a member that tells what it likes. */
three three_new(uint32_t count);
void three_free(three *t);
/* Brings two devices together on a fresh link, for as long as they have to say something. */
void meet(device *x, device *y, uint64_t id);
/* The bytes of the rows of whose feed at d, from entry first on; live until the next call. */
wr_slice rows_from(device *d, device *whose, uint64_t first);
/* The root of the tree over [first, end) of it; a row begins at first. */
wr_hash root_at(device *d, device *whose, uint64_t first, uint64_t end);
void say_have(puppet *p, const wr_feed *feed, uint64_t len);
wr_err say_want(puppet *p, const wr_feed *feed, uint64_t from);
/* The next WANT that the link says; it is of this feed.  False: none. */
bool hear_want(puppet *p, const wr_feed *feed, uint64_t *ret_from);

#endif /* TESTS_UNIT_ENGINE_LINK_WORLD_H */
