#!/bin/bash
# examples/quickstart.sh with the programs of a build: the tour ends well and its digests are equal;
# after success, an error or an interrupt no process and no folder of it is left; with --keep the
# agents stay until the commands that it printed end them.
#
#   quickstart_test.sh BUILD
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
set -m # background jobs are groups of their own, and take SIGINT

build=${1:?usage: quickstart_test.sh BUILD}
tour=$(cd "$(dirname "$0")/../.." && pwd)/examples/quickstart.sh
limit_s=120
WARREN_BIN=$(cd "$build/bin" && pwd)
TMPDIR=$(mktemp -d)
export WARREN_BIN TMPDIR
out=$TMPDIR/out

ours() {
    local files=(/proc/[0-9]*/cmdline)
    grep -lsF --file=- "${files[@]}" <<<"$TMPDIR/warren-quickstart." | cut -d / -f 3 || true
}

clean() {
    local pid
    for pid in $(ours); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf -- "$TMPDIR"
}
trap clean EXIT

die() {
    echo "FAILED: $*" >&2
    [[ ! -s $out ]] || sed 's/^/| /' "$out" >&2
    exit 1
}

nothing_left() {
    local pids
    pids=$(ours)
    [[ -z $pids ]] || die "$1: processes are left: $pids"
    compgen -G "$TMPDIR/warren-quickstart.*" >/dev/null && die "$1: a temporary folder is left"
    echo "ok: $1"
}

# run CODE ARGS..: the tour, which must end with that code.
run() {
    local want=$1 code=0
    shift
    timeout "$limit_s" "$tour" "$@" >"$out" 2>&1 </dev/null || code=$?
    [[ $code -eq $want ]] || die "exit code $code, not $want"
}

# equal COUNT: three rows of a table say COUNT entries and one digest; prints it.
equal() {
    local rows
    rows=$(sed -nE "s/^   (laptop|desktop|server) +$1  ([0-9a-f]{64})\$/\2/p" "$out")
    [[ $(wc -l <<<"$rows") -eq 3 ]] || die "no table of three devices with $1 entries"
    [[ $(sort -u <<<"$rows" | wc -l) -eq 1 ]] || die "digests differ at $1 entries"
    head -n 1 <<<"$rows"
}

printf 'first\n\nunicode: \xc3\xbc\nno text: \xff\x00\nlast, without its end' >"$TMPDIR/lines"
run 0 "$TMPDIR/lines"
before=$(equal 5)
after=$(equal 8)
[[ $before != "$after" ]] || die "the digest did not change with three more entries"
grep -q 'written while server was off$' "$out" || die "server does not show what it missed"
nothing_left "the tour"

head -c 70000 /dev/zero | tr '\0' x >"$TMPDIR/long"
run 1 "$TMPDIR/long"
grep -q 'line 1 is over 60 KiB' "$out" || die "the error does not say what is wrong"
grep -q 'event=agent.started' "$out" || die "the error does not show agent.log"
nothing_left "an error in the middle"

"$tour" "$TMPDIR/lines" >"$out" 2>&1 </dev/null &
job=$!
end=$((SECONDS + limit_s))
until grep -q '^4\. ' "$out"; do
    ((SECONDS < end)) || die "no fourth step within $limit_s s"
    sleep 0.01
done
kill -INT -- -"$job"
code=0
wait "$job" || code=$?
[[ $code -eq 130 ]] || die "exit code $code after SIGINT, not 130"
nothing_left "an interrupt"

run 0 "$TMPDIR/lines" --keep
[[ $(ours | wc -l) -eq 3 ]] || die "--keep: not three agents are left"
home=$(echo "$TMPDIR"/warren-quickstart.*)
"$WARREN_BIN/warren" --home "$home/server" log read quickstart >/dev/null || die "--keep: no answer"
PATH=$WARREN_BIN:$PATH
eval "$(sed -n 's/^    \(for d in .* done\)$/\1/p' "$out")" >/dev/null
! grep -qE 'Sanitizer|runtime error:|ssertion failed' "$home"/*/agent.log || die "see agent.log"
eval "$(sed -n 's/^    \(rm -r .*\)$/\1/p' "$out")"
nothing_left "--keep, and the commands that end it"
