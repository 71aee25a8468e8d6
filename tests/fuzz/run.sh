#!/bin/bash
# Builds the fuzzers and runs each of them for a while, from its corpus; a table says what came out.
#
#   tests/fuzz/run.sh SECONDS [TARGET..]    all targets, or these (fuzz_link, or just link)
#
# As many run at once as there are processors.  Each has a copy of its corpus in a temporary folder,
# so the tree stays as it is.  An input that is a finding is kept, and its path printed; the exit
# code is 1 then.  fuzz_canary has a planted bug: not to find it is a finding as well.
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail

usage() {
    sed -n '2,8s/^# \{0,1\}//p' "$0"
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
'' | *[!0-9]*)
    usage >&2
    exit 2
    ;;
esac
seconds=$1
shift

cd "$(dirname "$0")/../.." || exit 1
root=$PWD
build=$root/build/fuzz
work=$(mktemp -d) || exit 1
kept=$build/findings
running=()

# A fuzzer must not outlive the script, however it ends.
leave() {
    for pid in "${running[@]}"; do
        kill "$pid" 2>/dev/null
    done
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

targets=()
for argument in "$@"; do
    targets+=("fuzz_${argument#fuzz_}")
done
if [[ ${#targets[@]} -eq 0 ]]; then
    for source in tests/fuzz/fuzz_*.c; do
        targets+=("$(basename "$source" .c)")
    done
fi
for target in "${targets[@]}"; do
    if [[ ! -f tests/fuzz/$target.c ]]; then
        echo "run.sh: there is no target $target" >&2
        exit 2
    fi
done

echo "building ${#targets[@]} targets .."
if ! { cmake --preset fuzz && cmake --build "$build" --target "${targets[@]}"; } \
    >"$work/build.log" 2>&1; then
    grep -E "error:|undefined reference|CMake Error|FAILED:" "$work/build.log" | head -n 30
    exit 1
fi

# fuzz TARGET: its output in a log, its exit code in a file beside.
fuzz() {
    local target=$1 module=${1#fuzz_} status=0
    mkdir -p "$work/$target/corpus"
    for folder in "tests/fuzz/corpus/$target" "tests/fuzz/corpus/$module"; do
        [[ ! -d $folder ]] || cp "$folder"/* "$work/$target/corpus/"
    done
    # The corpus of the canary holds its bug; it has to find it without.
    [[ $target != fuzz_canary ]] || rm -f "$work/$target/corpus"/*
    "$build/tests/$target" "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=1024 \
        -print_final_stats=1 "-artifact_prefix=$work/$target/" "$work/$target/corpus" \
        >"$work/$target/log" 2>&1 &
    # This shell is stopped from outside; what it has started must go with it.
    # shellcheck disable=SC2064
    trap "kill $! 2>/dev/null; exit 1" TERM
    wait $! || status=$?
    echo "$status" >"$work/$target/status"
}

echo "running each for $seconds s, $(nproc) at once .."
for target in "${targets[@]}"; do
    while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do
        wait -n
    done
    fuzz "$target" &
    running+=($!)
done
wait
running=()

# keep TARGET: copies its finding out of the temporary folder and prints where it is.
keep() {
    local file
    mkdir -p "$kept"
    grep -aE "assertion failed|ERROR:|SUMMARY:" "$work/$1/log" | head -n 4
    for file in "$work/$1"/{crash,leak,timeout,oom,slow-unit}-*; do
        if [[ -f $file ]]; then
            cp "$file" "$kept/$1-$(basename "$file")"
            echo "input: $kept/$1-$(basename "$file")"
        fi
    done
    cp "$work/$1/log" "$kept/$1.log"
    echo "log:   $kept/$1.log"
}

findings=0
details=$work/details
: >"$details"
printf '\n%-16s %10s %9s  %s\n' target runs coverage verdict
for target in "${targets[@]}"; do
    log=$work/$target/log
    runs=$(sed -nE 's/^stat::number_of_executed_units: +([0-9]+)$/\1/p' "$log")
    coverage=$(grep -aoE 'cov: [0-9]+' "$log" | tail -n 1)
    verdict=ok
    if [[ $target == fuzz_canary ]]; then
        [[ $(<"$work/$target/status") -ne 0 ]] && verdict="ok, found" || verdict="MISSED ITS BUG"
    elif [[ $(<"$work/$target/status") -ne 0 ]]; then
        verdict=FINDING
    fi
    if [[ $verdict != ok* ]]; then
        findings=$((findings + 1))
        { echo "== $target" && keep "$target"; } >>"$details"
    fi
    printf '%-16s %10s %9s  %s\n' "$target" "${runs:--}" "${coverage#cov: }" "$verdict"
done
cat "$details"
echo "${#targets[@]} targets, $findings findings"
[[ $findings -eq 0 ]]
