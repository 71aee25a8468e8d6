#!/bin/bash
# Records corpora from simulated sessions: warren-sim-record keeps what decoders read, and each
# fuzzer adds to tests/fuzz/corpus the inputs that reach what its corpus does not.
#
#   tests/fuzz/record.sh FROM..TO [TARGET..]    the seeds; all targets, or these (fuzz_op, or just op)
#
# What is added is small and chosen by the fuzzer (-set_cover_merge): the fewest inputs that cover
# the same.  Most fuzzers read a decoder's bytes, and get what the decoder of the same name read.
# Those that read a script get the script that does the same as far as there is one:
#   link       the frames that a link heard, said by the liar, who is of another circle
#   pairing    texts that were typed; the bytes a host or a guest heard, under other keys
#   unit       where units began and ended; their entries for their form
#   transport  lengths of messages, and rekeys
#   handshake  messages at their place in the pattern, under other keys
#   op         ops and bodies; bodies once more as the next op of the fuzzer's own circle
# The simulator has no local API, no files and no configuration: nothing is recorded for those.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
    sed -n '2,5s/^# \{0,1\}//p' "$0"
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
[0-9]*..[0-9]*) ;;
*)
    usage >&2
    exit 2
    ;;
esac
seeds=$1
shift

cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --preset release >"$work/log"
cmake --build build/release --target warren-sim-record >>"$work/log"
build/release/tests/warren-sim-record "$work/record" --seeds "$seeds" --jobs "$(nproc)"

targets=()
for argument in "$@"; do
    targets+=("fuzz_${argument#fuzz_}")
done
if [[ ${#targets[@]} -eq 0 ]]; then
    for folder in "$work"/record/fuzz_*; do
        targets+=("$(basename "$folder")")
    done
fi
cmake --preset fuzz >>"$work/log"
cmake --build build/fuzz --target "${targets[@]}" >>"$work/log"

printf '%-16s %9s %7s %9s\n' target recorded added bytes
for target in "${targets[@]}"; do
    corpus=tests/fuzz/corpus/$target
    mkdir -p "$corpus"
    before=$(find "$corpus" -type f | wc -l)
    size=$(du -sb "$corpus" | cut -f1)
    "build/fuzz/tests/$target" -set_cover_merge=1 -timeout=30 -rss_limit_mb=1024 \
        "$corpus" "$work/record/$target" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log"
        exit 1
    }
    printf '%-16s %9d %7d %9d\n' "$target" "$(find "$work/record/$target" -type f | wc -l)" \
        $(($(find "$corpus" -type f | wc -l) - before)) $(($(du -sb "$corpus" | cut -f1) - size))
done
