/* Every domain-separation label of the protocol: one definition, one purpose.
 *
 * A label of the first table is the 16-byte BLAKE2b personalisation of a hash or a KDF
 * (shorter ones are padded with zeros); one of the second table starts a signature.
 *
 * Spec:   proto/spec/overview.md 3
 * Layer:  crypto
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CRYPTO_LABELS_H
#define WR_CRYPTO_LABELS_H

#define WR_LABEL_SIZE 16u

/*    name         text                 purpose */
#define WR_LABEL_MAP(X)                                                                            \
    X(DEVICE_ID, "warren.devid.1", "device certificate -> device id")                              \
    X(OP_ID, "warren.op.1", "membership op -> op id")                                              \
    X(FEED_ID, "warren.feed.1", "circle, device, stream -> feed id")                               \
    X(LEAF, "warren.leaf.1", "entry header -> Merkle leaf")                                        \
    X(NODE, "warren.node.1", "two children -> Merkle node")                                        \
    X(BODY, "warren.body.1", "entry ciphertext -> body hash")                                      \
    X(CHECKPOINT, "warren.cp.1", "checkpoint -> its hash")                                         \
    X(FRONTIER, "warren.front.1", "feed heads -> digest")                                          \
    X(OP_HEADS, "warren.opheads.1", "op heads -> digest")                                          \
    X(EPOCH_COMMIT, "warren.ep.cmt.1", "epoch secret -> commitment in the EPOCH op")               \
    X(EPOCH_FEED, "warren.ep.feed.1", "epoch secret -> keys of one feed")                          \
    X(EPOCH_SIV, "warren.ep.siv.1", "hedged entry nonce")                                          \
    X(EPOCH_HIST, "warren.ep.hist.1", "epoch secret -> key of the history blob")                   \
    X(EPOCH_HIST_HASH, "warren.ep.hsth.1", "history blob -> hash in the EPOCH op")                 \
    X(EPOCH_RCPT, "warren.ep.rcpt.1", "recipient ids -> hash in the EPOCH op")                     \
    X(EPOCH_PSK, "warren.ep.psk.1", "epoch secret -> psk of a session")                            \
    X(EPOCH_MAC1, "warren.ep.hsmac", "epoch secret -> key of mac1")                                \
    X(SEED_COMMIT, "warren.q.cmt.1", "circle seed -> commitment in the RESET op")                  \
    X(SEED_PSK, "warren.q.psk.1", "circle seed -> psk of an epoch-key wrap")                       \
    X(RID, "warren.rid.1", "server and nameplate -> rendezvous id")                                \
    X(RID_BEACON, "warren.rid.bcn.1", "rendezvous id -> key of the pairing beacon")                \
    X(PAIR_PSK, "warren.pair.psk1", "CPace output -> psk of the pairing channel")                  \
    X(PAIR_SAS, "warren.pair.sas1", "handshake hash -> four words on both screens")                \
    X(RECOVERY_SIGN, "warren.rec.sig.1", "recovery secret -> root signing seed")                   \
    X(RECOVERY_BOX, "warren.rec.box.1", "recovery secret -> root box secret")                      \
    X(RECOVERY_BUNDLE, "warren.rec.bndl1", "recovery secret -> psk of the bundle")                 \
    X(RECOVERY_LOCATOR, "warren.rec.loc.1", "recovery secret -> locator box seed")                 \
    X(RECOVERY_BACKUP, "warren.rec.bak.1", "recovery secret -> backup box seed")                   \
    X(RECOVERY_ACCOUNT, "warren.rec.acct1", "recovery secret -> mailbox account seed")             \
    X(SAFETY, "warren.safety.1", "circle and two devices -> number that people compare")           \
    X(STORE_NAME, "warren.st.name.1", "store key -> lookup key of a log name")                     \
    X(STORE_SEAL, "warren.st.seal.1", "store key -> sealing key of names and the tail")            \
    X(STORE_KEYS, "warren.st.keys.1", "store key -> sealing key of keys.db")                       \
    X(VAULT, "warren.vault.1", "passphrase key -> commitment")

#define WR_SIG_LABEL_MAP(X)                                                                        \
    X(OP, "warren/op/1", "membership op")                                                          \
    X(GENESIS, "warren/genesis/1", "GENESIS body, by the recovery key")                            \
    X(CHECKPOINT, "warren/cp/1", "checkpoint")                                                     \
    X(CONSENT, "warren/consent/1", "a new device agrees to join")

typedef enum wr_label {
#define WR_LABEL_ENUM(name, text, purpose) WR_LABEL_##name,
    WR_LABEL_MAP(WR_LABEL_ENUM)
#undef WR_LABEL_ENUM
} wr_label;

typedef enum wr_sig_label {
#define WR_SIG_LABEL_ENUM(name, text, purpose) WR_SIG_LABEL_##name,
    WR_SIG_LABEL_MAP(WR_SIG_LABEL_ENUM)
#undef WR_SIG_LABEL_ENUM
} wr_sig_label;

#endif /* WR_CRYPTO_LABELS_H */
