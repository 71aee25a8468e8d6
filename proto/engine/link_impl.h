/* What link's own files share: the struct behind the handle.
 *
 * Layer:  engine, private to link*.c
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_ENGINE_LINK_IMPL_H
#define WR_ENGINE_LINK_IMPL_H

#include "channel/handshake.h"
#include "circle/generations.h"
#include "engine/link.h"
#include "engine/op_pool.h"
#include "engine/self_seed.h"
#include "sync/session.h"

/* The life of a link; a link in LINK_DOWN takes no call but _free. */
typedef enum link_state {
    LINK_SEND_FIRST,  /* initiator: message 1 is to be written */
    LINK_AWAIT_FIRST, /* responder: waits for message 1 */
    LINK_SEND_SECOND, /* responder: message 2 is to be written, once the mark is durable */
    LINK_AWAIT_SECOND,
    LINK_HELLO, /* session is up, the peer's HELLO is awaited */
    LINK_GUEST, /* the peer is no member that we know: only ops are taken from it */
    LINK_UP,
    LINK_DOWN,
} link_state;

#define LINK_WINDOW_UNITS 8u
#define LINK_WINDOW_BYTES (4u * 1024u * 1024u)
#define LINK_GUEST_BYTES_MAX (1024u * 1024u)
#define LINK_GUEST_MS_MAX 10000u
#define LINK_KEY_WANTS_MAX 64u /* epochs asked for in one KEY_WANT */
#define LINK_PING_MS 240000u   /* silence after which the peer is asked */
#define LINK_PONG_MS 20000u
#define LINK_RIVAL_MS 30000u /* how long one waits for the place of another process */
#define LINK_PROBE_MS 5000u  /* .. where another process of it waits, and nothing is under way */
#define LINK_STALL_MS 60000u /* how long a feed that is behind may stand still, and rests then */
#define LINK_FRONTIER_MS 240000u /* after which a frontier that has changed is said anew */
#define LINK_HOLD_MS 5000u       /* .. while another session is to deliver it and this peer could */

/* One feed as seen over this link. */
typedef struct link_feed {
    /* what the peer holds, and what it gets from us */
    uint64_t have;      /* entries, as last told; never less than before */
    bool have_complete; /* it can prove all of them */
    uint64_t announced; /* what we last told it */
    uint64_t sent;      /* up to where units were sent */
    bool pushing;       /* it gets new entries: our own feed, or it sent WANT; not after a STOP */
    /* what we get from it */
    bool wanted;   /* units are expected: we sent WANT, or it is the peer's own feed */
    bool skipping; /* units that do not fit are dropped unasked, until one fits */
    bool dead;     /* it contradicts what is here: not taken from this peer any more */
    bool stop_due;
    uint64_t asked; /* where the newest WANT began, or STOP */
    wr_mono moved;  /* when a unit was last taken, or should have begun to come */
    uint64_t seen;  /* what we held when we last looked whether another one delivers */
    wr_mono rest;   /* not asked for again before that; 0: may be */
    /* two branches of it: number of a checkpoint and one more, 0: none */
    bool show_due;         /* the peer is to see our newest checkpoint */
    bool parted;           /* what it says of it is another past than ours */
    uint64_t shown, heard; /* the newest that we showed, that it showed */
} link_feed;

typedef struct link_flight { /* a unit sent and not yet acknowledged */
    uint32_t feed_index;
    uint64_t end;
    size_t bytes;
} link_flight;

typedef struct link_shown { /* a checkpoint */
    bool any;
    uint32_t feed;
    uint64_t len; /* entries under it */
    wr_sig sig;
    size_t size;
    uint8_t bytes[WR_CHECKPOINT_BYTES_MAX];
} link_shown;

struct wr_link {
    wr_link_config config;
    wr_self *self;
    link_state state;
    wr_hash peer; /* device id, once peer_known */
    bool peer_known;
    wr_pub peer_noise;
    wr_handshake handshake;
    wr_hash epoch_id; /* of the psk */
    uint64_t mark;    /* session time of the initiator */
    wr_session session;
    wr_mono handshake_deadline, session_deadline;
    wr_mono wait_deadline; /* of a guest, and of a rival */
    wr_mono heard;         /* last frame from the peer */
    size_t guest_bytes;

    bool hello_sent, hello_heard;
    bool op_heads_known, op_heads_sent, op_heads_due;
    bool frontier_known, frontier_due;
    wr_hello hello; /* the peer's; addrs point into addrs */
    uint8_t addrs[WR_HELLO_ADDRS_MAX * WR_HELLO_ADDR_SIZE];
    /* By graph and chain: next aseq the peer lacks. */
    uint16_t peer_next[WR_GENERATIONS_MAX][WR_COLUMNS_MAX];
    bool own_beyond;                /* it holds, in a graph that is not here, .. */
    wr_hash own_newest;             /* .. this op of ours */
    uint32_t op_cursor;             /* of those admitted: looked at for sending */
    uint64_t judged;                /* version of the graph under which the peer was a member */
    uint32_t keys_said, keys_asked; /* of our keyring; of the ops admitted */
    uint64_t key_wants[WR_EPOCHS_MAX / 64u]; /* by place in our keyring: it asked for them */
    uint64_t key_heard[WR_EPOCHS_MAX / 64u]; /* .. it told us */
    /* Chains of which it showed another branch. */
    uint64_t forked[WR_GENERATIONS_MAX][WR_COLUMNS_MAX / 64u];
    wr_op_pool pool; /* its ops that wait for others */
    link_feed feeds[WR_FEEDS_MAX];

    /* the unit being sent */
    bool sending;
    wr_data out_data;
    uint8_t out_checkpoint[WR_CHECKPOINT_BYTES_MAX]; /* the feed may move on meanwhile */
    wr_hash out_path[WR_PROOF_HASHES_MAX];
    uint32_t out_path_count;
    uint8_t *out_entries;
    size_t out_size, out_at;
    uint32_t serve_next; /* feed that is looked at first, so that none waits for another */
    bool out_announced;
    link_flight flights[LINK_WINDOW_UNITS];
    uint32_t flight_count;
    size_t flight_bytes;

    /* the unit being received */
    bool receiving;
    uint8_t *in_entries; /* NULL: it is dropped, whatever it holds */
    size_t in_size, in_at;
    wr_data in_data;
    wr_hash in_path[WR_PROOF_HASHES_MAX];
    wr_hash in_checkpoint; /* hash of the one it was announced under */
    uint32_t in_feed;

    link_shown weighed;    /* the peer showed it, and our longer one may exclude it */
    link_shown replaced;   /* one of this peer took its place, perhaps of another branch */
    wr_hash frontier_said; /* digest of the newest that the peer knows */
    uint64_t entries_said; /* .. how many entries it was of */
    wr_mono frontier_at;   /* when to look whether it is another one; never if nothing came since */

    wr_place *place;   /* of the peer's device, in self; NULL: none yet */
    bool rival;        /* another instance has it; ours waits for the answer to .. */
    uint32_t question; /* .. this */
    uint32_t probing;  /* what the PING under way is to answer; 0: nothing */
    bool sole_said, sole_heard, twin_due, twin_said;
    bool peer_left; /* its process has gone, as far as can be known */

    bool ping_due, pong_due, close_due, close_said, cannot_serve, alerted;
    uint8_t ping[8], pong[8];
    wr_mono ping_at; /* when the unanswered PING went; WR_MONO_NEVER if none */
    uint64_t rtt_ms;

    wr_event events[4];
    uint32_t event_count;
};

void wr_link_event(wr_link *link, const wr_event *event);
/* link_sync.c: what the peer says. */
WR_MUST wr_err wr_link_frame(wr_link *link, uint8_t type, wr_slice body, wr_now now);
void wr_link_release_unit(wr_link *link);
/* Two signed statements of one device exclude each other. */
void wr_link_alert(wr_link *link);
/* link_ops.c: ops and keys that the peer says. */
void wr_link_ops_equal(wr_link *link); /* same digests */
/* The peer holds the chain up to next - 1. */
void wr_link_holds(wr_link *link, uint32_t number, uint32_t column, uint64_t next);
/* How many ops of ours it holds that are not here; of a graph that is not here at least one. */
uint64_t wr_link_own_ops_beyond(const wr_link *link);
WR_MUST wr_err wr_link_hear_op_heads(wr_link *link, wr_slice body);
WR_MUST wr_err wr_link_hear_ops(wr_link *link, wr_slice body, wr_now now);
WR_MUST wr_err wr_link_hear_key_want(wr_link *link, wr_slice body);
WR_MUST wr_err wr_link_hear_keys(wr_link *link, wr_slice body);
void wr_link_confirm(wr_link *link);
bool wr_link_is_own(const wr_link *link, uint32_t index);
bool wr_link_is_peers(const wr_link *link, uint32_t index);
/* link_say.c: what is due to be said to it. */
WR_MUST wr_err wr_link_say(wr_link *link, wr_buf *plain, wr_now now);
/* The peer turned out to be a current member. */
WR_MUST wr_err wr_link_up(wr_link *link, wr_now now);
void wr_link_drop_sources(wr_link *link);
void wr_link_bury(wr_link *link, uint32_t index); /* not taken from this peer any more */
/* link_twins.c: other processes of the peer. */
WR_MUST wr_err wr_link_take_place(wr_link *link, wr_now now);
void wr_link_leave_place(wr_link *link, wr_mono now);
void wr_link_attend(wr_link *link, wr_now now); /* what other links found out */
void wr_link_answered(wr_link *link);
WR_MUST bool wr_link_is_asked(const wr_link *link);
WR_MUST wr_err wr_link_say_sole(wr_link *link, wr_buf *plain, wr_now now);
WR_MUST wr_err wr_link_say_twin(wr_link *link, wr_buf *plain);
WR_MUST wr_err wr_link_hear_sole(wr_link *link, wr_slice body);
WR_MUST wr_err wr_link_hear_twin(wr_link *link, wr_slice body, wr_now now);
wr_mono wr_link_sole_deadline(const wr_link *link);
void wr_link_sole_tick(wr_link *link, wr_now now);
/* Feeds that stand still: when to look, and giving them up. */
wr_mono wr_link_stall_deadline(const wr_link *link);
void wr_link_stall_tick(wr_link *link, wr_now now);

#endif /* WR_ENGINE_LINK_IMPL_H */
