#!/bin/bash
# Builds Warren with gcc and clang, ASan and UBSan on, and optimised; tests all three, and checks form
# and analysis.  Installs what is missing on Debian 12.  The last line is `N passed, N failed`.
#
#   tests/run.sh            everything short, under 20 minutes on two cores
#   tests/run.sh --quick    without clang and clang-tidy
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
root=$PWD
quick=false
for argument in "$@"; do
    case $argument in
    --quick) quick=true ;;
    -h | --help)
        sed -n '2,6s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "run.sh: unknown option $argument" >&2
        exit 2
        ;;
    esac
done

jobs=$(nproc)
logs=$root/build/logs
tidy_seconds_max=420
passed=0
failed=0
mkdir -p "$logs"

# stage NAME COMMAND..: runs it with its output in a log, prints how long it took.
stage() {
    local name=$1 log=$logs/${1// /-}.log start=$SECONDS verdict=ok status=0
    shift
    printf '== %-22s ' "$name"
    "$@" >"$log" 2>&1 || status=$?
    [[ $status -eq 0 ]] || verdict="FAILED"
    printf '%s, %d s\n' "$verdict" $((SECONDS - start))
    return $status
}

# check NAME COMMAND..: a stage that counts as one test; a failure shows the end of its log.
check() {
    if stage "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 60 "$logs/${1// /-}.log"
    fi
}

build() {
    cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"
}

# build_and_test PRESET [CTEST-OPTION..]: adds the counts of a CTest run; a build that fails counts
# as one failure.
build_and_test() {
    local preset=$1 log=$logs/test-$1.log all bad skipped
    shift
    if ! stage "build $preset" build "$preset"; then
        grep -E "error:|undefined reference|CMake Error|FAILED:" "$logs/build-$preset.log" | head -n 30
        failed=$((failed + 1))
        return
    fi
    if ! stage "test $preset" ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure \
        "$@"; then
        # What each failed test printed: from its verdict to the next line of CTest's own.
        awk '/^ *(Start +[0-9]+:|[0-9]+\/[0-9]+ Test)|^[0-9]+% tests/ {show = 0}
            /\*\*\*(Failed|Timeout|Exception|Not Run)/ {show = 1} show' "$log" | tail -n 200
    fi
    read -r bad all < <(sed -nE 's/.* ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
    if [[ -z ${all:-} ]]; then
        tail -n 20 "$log"
        failed=$((failed + 1))
        return
    fi
    skipped=$(grep -cE '\*\*\*Skipped' "$log")
    [[ $skipped -eq 0 ]] || echo "   $skipped skipped: $(grep -E '\*\*\*Skipped' "$log" |
        sed -E 's/.*: ([^ ]+) .*/\1/' | tr '\n' ' ')"
    passed=$((passed + all - bad - skipped))
    failed=$((failed + bad))
}

# Names each file that clang-format would change; the cure is clang-format-14 -i FILE.
check_format() {
    local output
    output=$(find agent proto include tests examples -name '*.[ch]' -print0 2>/dev/null |
        xargs -0 clang-format-14 --dry-run -Werror 2>&1) && return
    grep -oE '^[^: ]+:[0-9]+' <<<"$output" | awk -F: '!seen[$1]++ {print $0 ": not clang-formatted"}'
    return 1
}

# The pattern is anchored, so that only our own sources are analysed, wherever the clone lies.
check_analysis() {
    local output status=0
    output=$(timeout "$tidy_seconds_max" run-clang-tidy-14 -quiet -j "$jobs" -p build/clang-dev \
        "^$root/(proto|agent)/.*\.c$" 2>&1) || status=$?
    sed 's/\x1b\[[0-9;]*m//g' <<<"$output" >"$logs/clang-tidy-full.log"
    grep -E ' (error|warning): ' "$logs/clang-tidy-full.log" | sed "s:^$root/::" | sort -u
    [[ $status -ne 124 ]] || echo "not done within $tidy_seconds_max s"
    return $status
}

check "install packages" tests/tools/deps.sh test
check "format" check_format
build_and_test dev -LE 'canary|many' # many worlds, and those with a planted bug, want speed
build_and_test release -L 'canary|many' # -O2 warns of more, too
if ! $quick; then
    # Real processes and whole worlds once: what the other compiler makes of a world, the traces tell.
    build_and_test clang-dev -LE 'e2e|canary|many|worlds|tools'
    check "same trace" tests/sim/same_trace.py build/release/tests/warren-sim \
        build/clang-dev/tests/warren-sim {1..12} # optimised by gcc, and not by clang
    check "clang-tidy" check_analysis
fi

echo "took $((SECONDS / 60)) min $((SECONDS % 60)) s, logs in build/logs"
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
