/* Every bound of the protocol, with the section of proto/spec that fixes it.
 *
 * Layer:  base
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_BASE_LIMITS_H
#define WR_BASE_LIMITS_H

/* ---- circle (circle.md) --------------------------------------------------- */
#define WR_MEMBERS_MAX 64u           /* current members */
#define WR_AUTHORS_MAX 256u          /* devices that ever were members, in any generation */
#define WR_AUTHORS_FOR_ROOT 128u     /* .. kept for ROOT in the first one, half in the next .. */
#define WR_OPS_MAX 16384u            /* ops of one generation */
#define WR_OPS_FOR_REMOVAL 2048u     /* .. of which only removals, what goes with them, and ROOT */
#define WR_OPS_FOR_ROOT 256u         /* .. and only ROOT may use the last ones */
#define WR_CHAIN_OPS_MAX 4096u       /* ops of one author */
#define WR_CHAIN_BYTES_MAX 2097152u  /* .. together */
#define WR_OP_BYTES_MAX 16384u       /* one op, signature not included; two types may be longer: */
#define WR_OP_EQUIV_BYTES_MAX 49152u /* an EQUIV carries two ops */
#define WR_OP_RESET_BYTES_MAX (WR_FRAME_BODY_MAX - 128u) /* a RESET is what fits one frame */
#define WR_OP_LARGEST_BYTES_MAX WR_OP_RESET_BYTES_MAX    /* an op of any type */
#define WR_OP_PARENTS_MAX 64u                            /* parents of one op */
#define WR_OP_CUTS_MAX 128u                              /* cuts of one op, unless it is a RESET */
#define WR_OP_DEPTH_MAX 4u                               /* nesting of canonical msgpack */
#define WR_REMOVE_NOTE_MAX 256u                          /* ciphertext of the note in a REMOVE */
#define WR_COLUMNS_FOR_ROOT 32u
#define WR_COLUMNS_MAX 512u    /* chains of ops: of devices, their branches, ops of ROOT */
#define WR_GENERATIONS_MAX 16u /* graphs: one, and one for each RESET */
#define WR_EPOCH_MS_MAX (7ull * 24 * 3600 * 1000) /* age at which who writes makes a new one */
#define WR_EPOCH_ENTRIES_MAX (1ull << 20) /* entries under one epoch; then who writes likewise */
#define WR_EPOCH_BYTES_MAX (1ull << 32)   /* .. bytes of their segments */
#define WR_EPOCHS_MAX 1024u               /* epoch secrets held */
#define WR_EPOCH_SHARE 256u       /* EPOCHs of one author that follow no end of a membership */
#define WR_EPOCHS_SPARE 256u      /* of the secrets held: places for those that do */
#define WR_EPOCHS_IDLE 512u       /* .. places that those which nobody needs may take */
#define WR_EPOCH_PREV_MAX 8u      /* earlier epochs that one EPOCH names */
#define WR_HISTORY_BYTES_MAX 640u /* history blob of one epoch */
#define WR_NAME_BYTES_MAX 128u    /* device, log and key names */

/* ---- feed (feed.md) ------------------------------------------------------- */
#define WR_CHUNK_ENTRIES 1024u           /* aligned unit of the tree, of proofs and of transfer */
#define WR_RUN_ENTRIES_MAX 1024u         /* entries under one checkpoint */
#define WR_RUN_BYTES_MAX (1024u * 1024u) /* encoded entries under one checkpoint */
#define WR_BODY_BYTES_MAX (60u * 1024u)  /* plaintext of one entry, padding not included */
#define WR_ENTRY_BYTES_MAX (72u * 1024u) /* one encoded entry: padded body, tag, nonce, fields */
#define WR_UNIT_BYTES_MAX                                                                          \
    (512u * 1024u) /* encoded entries of one DATA unit, unless it is one entry */
#define WR_UNIT_WIRE_MAX (WR_RUN_BYTES_MAX + 2u * WR_ENTRY_BYTES_MAX) /* entries of one DATA */
#define WR_TREE_PEAKS_MAX 64u              /* perfect subtrees of any tree */
#define WR_PROOF_HASHES_MAX 64u            /* hashes of one range proof */
#define WR_FEED_LEN_MAX (UINT64_MAX >> 20) /* entries of one feed */
#define WR_CHECKPOINT_BYTES_MAX 4096u      /* one encoded checkpoint, signature not included */
#define WR_STREAMS_MAX 2u                  /* feeds of one device: 0 messages, 1 control */
#define WR_FEEDS_MAX (WR_AUTHORS_MAX * WR_STREAMS_MAX)
#define WR_LOGS_MAX 65535u                       /* logs of one feed */
#define WR_PAD_ENTRY_MIN 128u                    /* padded plaintext of an entry */
#define WR_CLOCK_AHEAD_MS_MAX (5u * 60u * 1000u) /* how far an entry may pull the local HLC */

/* ---- channel (channel.md) -------------------------------------------------- */
#define WR_NOISE_MESSAGE_MAX 65535u
#define WR_HANDSHAKE_MS_MAX 10000u    /* first byte to last handshake message */
#define WR_HANDSHAKE_MESSAGE_MAX 512u /* bytes of one handshake message on the wire */
#define WR_TRANSPORT_PLAIN_MAX 63488u /* largest Padme size that fits a Noise message */
#define WR_TRANSPORT_PLAIN_MIN 64u
#define WR_FRAME_HEADER_SIZE 6u /* type, flags, length */
#define WR_FRAME_BODY_MAX (WR_TRANSPORT_PLAIN_MAX - WR_FRAME_HEADER_SIZE)
#define WR_REKEY_MESSAGES 65536u /* per direction, whichever comes first */
#define WR_REKEY_BYTES (1024ull * 1024 * 1024)
#define WR_REKEY_MS (15u * 60u * 1000u)
#define WR_SESSION_MS_MAX (12u * 3600u * 1000u) /* then a new handshake */
#define WR_MAC1_EPOCHS_MAX 1024u                /* newest epochs tried against a mac1 */

/* ---- pairing (pairing.md) --------------------------------------------------- */
#define WR_PAIR_TRIES_MAX 3u /* CPace runs per code, on either side */
#define WR_PAIR_WINDOW_MS (300u * 1000u)
#define WR_PAIR_WORDS 3u /* secret words of a code */

_Static_assert(WR_TRANSPORT_PLAIN_MAX + 16u <= WR_NOISE_MESSAGE_MAX, "a message holds its tag");
_Static_assert(WR_RUN_ENTRIES_MAX <= WR_CHUNK_ENTRIES, "a run spans at most two chunks");
_Static_assert(WR_ENTRY_BYTES_MAX <= WR_UNIT_BYTES_MAX, "one entry fits a unit");
_Static_assert(WR_CHECKPOINT_BYTES_MAX + 64u + WR_PROOF_HASHES_MAX * 32u + 256u <=
                   WR_FRAME_BODY_MAX,
               "a DATA header fits one frame");
_Static_assert(WR_OP_BYTES_MAX <= WR_OP_LARGEST_BYTES_MAX, "the largest op is the largest");
_Static_assert(WR_OP_EQUIV_BYTES_MAX <= WR_OP_LARGEST_BYTES_MAX, "likewise");
_Static_assert(WR_OP_LARGEST_BYTES_MAX + 64u + 64u <= WR_FRAME_BODY_MAX, "an op fits one frame");

#endif /* WR_BASE_LIMITS_H */
