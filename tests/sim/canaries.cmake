# warren-sim-canary: warren-sim with one planted bug, so that each check is seen to fail.
# SPDX-License-Identifier: Apache-2.0

file(STRINGS canary.c wrappers REGEX "^WRAP\\(")
list(TRANSFORM wrappers REPLACE "^WRAP\\([a-z0-9_]+, ([a-z0-9_]+),.*" "-Wl,--wrap=\\1")
add_executable(warren-sim-canary ${program} ${shared} canary.c)
warren_test_options(warren-sim-canary)
target_link_options(warren-sim-canary PRIVATE ${wrappers})
target_link_libraries(warren-sim-canary PRIVATE warren_sim_parts)

add_test(NAME sim.canary_none COMMAND warren-sim-canary --canary none --seeds 1..20 --jobs 2)
set_tests_properties(sim.canary_none PROPERTIES TIMEOUT 120 LABELS "sim;canary")

# The bug is found, by the check that is there for it.
function(warren_sim_canary name message)
    add_test(NAME sim.canary_${name} COMMAND warren-sim-canary --canary ${name} ${ARGN})
    set_tests_properties(sim.canary_${name} PROPERTIES TIMEOUT 120 LABELS "sim;canary"
        PASS_REGULAR_EXPRESSION "FAILED at [0-9.]+ s: [^\n]*${message}")
endfunction()

warren_sim_canary(keeps_the_signed_tail "entry [0-9]+ (to a subscriber )?twice" --seeds 5..12)
warren_sim_canary(renumbers_the_tail "under another id than was answered" --seeds 5..8)
warren_sim_canary(tail_does_not_open "alert: " --seeds 5..8)
warren_sim_canary(forgets_the_last_hlc "has lost entries of|does not show entry" --seeds 18..20)
warren_sim_canary(refuses_to_append "append: LIMIT" --seeds 5..8)
warren_sim_canary(changes_a_body "with another content" --seeds 5..8)
warren_sim_canary(swaps_neighbours "out of order" --seeds 5..8)
warren_sim_canary(writes_to_another_log "in the wrong log" --seeds 5..8)
warren_sim_canary(names_another_author "as of another author" --seeds 5..8)
warren_sim_canary(subscriber_skips "but the subscriber did not get it" --seeds 5..8)
warren_sim_canary(subscriber_repeats "to a subscriber twice" --seeds 5..8)
warren_sim_canary(forgets_that_links_end "no convergence" --seeds 21..28)
warren_sim_canary(never_confirms "no convergence" --seeds 5..8)
warren_sim_canary(welcomes_twins "both copies of a home sign" --scenario clone --seeds 1..2)
warren_sim_canary(never_rests "time stands still" --seeds 4..5)
warren_sim_canary(does_not_load "does not start" --seeds 5..8)
warren_sim_canary(never_hangs_up "does not end" --seeds 6..7)
warren_sim_canary(takes_any_code "came in with a wrong code" --seeds 67..69)
warren_sim_canary(keeps_recovery_words "recovery words are shown twice" --seeds 5..8)
warren_sim_canary(lies_about_commits "has lost entries of" --seeds 1..4)
warren_sim_canary(fails_a_good_link "links_failed|links failed" --seeds 1..6)
warren_sim_canary(answers_and_does_not_store "which is not durable" --seeds 1..4)
warren_sim_canary(loses_an_op "holds an op before its parents" --seeds 1..4)
warren_sim_canary(stores_another_entry "holds another entry than was signed" --seeds 1..4)
warren_sim_canary(hides_entries "hold the same and show different logs" --seeds 1..4)
warren_sim_canary(leaks_links "KiB of memory" --seeds 1..4)
warren_sim_canary(accepts_replays "a replayed first flight is answered" --seeds 53..56 --jobs 2)
warren_sim_canary(ignores_tags "speaks on after altered bytes" --seeds 60..69 --jobs 2)
warren_sim_canary(leaks_a_body "plaintext leaves: body of entry" --seed 8)
warren_sim_canary(leaks_a_key "plaintext leaves: signing key" --seed 8)
warren_sim_canary(accepts_forks "accepts a fork unseen" --seeds 8..12 --jobs 2)
warren_sim_canary(takes_any_checkpoint "that its writer did not make durable" --seeds 11..13)
warren_sim_canary(takes_any_op "that its author did not sign|alert: " --seeds 30..41 --jobs 2)
warren_sim_canary(lets_members_add "let in by no admin" --seeds 68..71 --jobs 2)

warren_sim_canary(writes_under_any_key "under a key that a removed device holds"
    --scenario leave_and_retire --seeds 1..2)
warren_sim_canary(keeps_its_key "nobody has changed the key" --scenario leave_and_retire --seeds 1..2)
warren_sim_canary(spreads_secrets "holds the secret of an epoch that was made or used after"
    --scenario stolen_phone --seeds 1..2)
warren_sim_canary(speaks_with_the_removed "has a link with device" --scenario stolen_phone --seeds 1..2)
warren_sim_canary(shows_what_the_removed_wrote "was written after its author was removed"
    --scenario stolen_while_asleep --seeds 1..2)
warren_sim_canary(takes_what_the_removed_wrote "that nobody vouches for"
    --scenario compromised_asleep --seeds 1..2)
warren_sim_canary(cuts_off_too_much "cuts off what it holds" --scenario stolen_phone --seeds 1..2)
warren_sim_canary(does_not_hear_of_removals "no convergence" --seeds 34..35 --jobs 2)
warren_sim_canary(guards_nobody "has lost its membership by no honest word"
    --scenario sleeper_master_key --seeds 1..2)
warren_sim_canary(takes_the_removed_back "which was removed, for a member"
    --scenario stolen_phone --seeds 1..2)
