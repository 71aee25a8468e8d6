# warren-sim-record: warren-sim that keeps what its decoders read, as inputs for the fuzzers
# (tests/fuzz/record.sh).
# SPDX-License-Identifier: Apache-2.0

file(STRINGS record_calls.c wrappers REGEX "^WRAP\\(")
list(TRANSFORM wrappers REPLACE "^WRAP\\([a-z0-9_]+, ([a-z0-9_]+),.*" "-Wl,--wrap=\\1")
add_executable(warren-sim-record ${program} ${shared} canary_none.c record.c record_calls.c)
warren_test_options(warren-sim-record)
target_link_options(warren-sim-record PRIVATE -Wl,--wrap=main ${wrappers})
target_link_libraries(warren-sim-record PRIVATE warren_sim_parts)

add_test(NAME sim.record COMMAND warren-sim-record ${CMAKE_CURRENT_BINARY_DIR}/record --seeds 1..3)
set_tests_properties(sim.record PROPERTIES TIMEOUT 120 LABELS sim
    PASS_REGULAR_EXPRESSION "3 passed, 0 failed")
