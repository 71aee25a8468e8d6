/* All planted bugs: X(name, what is wrong).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_CANARY_MAP_H
#define SIM_CANARY_MAP_H

#define CANARY_MAP(X)                                                                              \
    X(lies_about_commits, "some commits are reported and not durable")                             \
    X(keeps_the_signed_tail, "a tail entry stays when it is signed")                               \
    X(renumbers_the_tail, "tail entries are signed under another id than was answered")            \
    X(tail_does_not_open, "what waits in the tail cannot be opened")                               \
    X(forgets_the_last_hlc, "a restart forgets the newest time that the tail used")                \
    X(refuses_to_append, "nothing can be put into the tail")                                       \
    X(answers_and_does_not_store, "an append is answered that is nowhere")                         \
    X(loses_an_op, "every fifth membership op is not stored")                                      \
    X(stores_another_entry, "a stored entry differs from the signed one")                          \
    X(hides_entries, "one device does not show all entries of others")                             \
    X(leaks_links, "each link costs megabytes for ever")                                           \
    X(changes_a_body, "the last byte of a content is another one")                                 \
    X(swaps_neighbours, "reading gives two entries the wrong way round")                           \
    X(writes_to_another_log, "entries go to the log that was first")                               \
    X(names_another_author, "reading gives entries as of another device")                          \
    X(subscriber_skips, "a subscriber goes on one entry too late")                                 \
    X(subscriber_repeats, "a subscriber goes on one entry too early")                              \
    X(forgets_that_links_end, "the mesh does not hear that a link went down")                      \
    X(never_confirms, "no sibling ever confirms what we signed last")                              \
    X(welcomes_twins, "another process of a device is taken for the one that was here")            \
    X(never_rests, "a deadline passes and nothing is done about it")                               \
    X(fails_a_good_link, "a link with an honest sibling ends as if the sibling had broken a rule") \
    X(does_not_load, "what was stored counts as damaged")                                          \
    X(never_hangs_up, "transports are not closed")                                                 \
    X(takes_any_code, "the pairing code does not matter")                                          \
    X(accepts_replays, "a session time that was used before is as good as a new one")              \
    X(ignores_tags, "a record that does not open is skipped")                                      \
    X(leaks_a_body, "what was appended stands behind a sealed message in the clear")               \
    X(leaks_a_key, "a secret key stands behind a sealed message")                                  \
    X(accepts_forks, "a second history of a feed is nothing new")                                  \
    X(takes_any_checkpoint, "checkpoints need no signature")                                       \
    X(takes_any_op, "ops need no signature")                                                       \
    X(lets_members_add, "whoever is a member may take others in")                                  \
    X(keeps_recovery_words, "the recovery words are not wiped when they were shown")               \
    X(writes_under_any_key, "an epoch may be written under, whoever has its secret")               \
    X(keeps_its_key, "no device makes a new epoch for itself")                                     \
    X(spreads_secrets, "every disk gets the newest secret, whoever made it")                       \
    X(speaks_with_the_removed, "a link stays when its peer is removed")                            \
    X(shows_what_the_removed_wrote, "all that is held of a removed device is shown")               \
    X(takes_what_the_removed_wrote, "entries of a removed device have no end")                     \
    X(cuts_off_too_much, "a removal and an ACK tell less than their author holds")                 \
    X(does_not_hear_of_removals, "a REMOVE is passed over")                                        \
    X(guards_nobody, "an op that is held has its effect all the same")                             \
    X(takes_the_removed_back, "a removal removes nobody")

#endif /* SIM_CANARY_MAP_H */
