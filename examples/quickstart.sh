#!/bin/bash
# A tour of Warren on one machine: three agents become a circle, a file is imported line by line on
# the first, read on the others, one agent is killed and catches up.  Installs what a fresh Debian 12
# lacks, builds, and removes its temporary homes at the end, also after an error or Ctrl-C.
#
#   examples/quickstart.sh [FILE] [--keep]
#
#   FILE      what is imported (default: the log of the package manager, else the text of the GPL)
#   --keep    leave the three agents running, and print how to talk to them and how to end them
#   --help    this text
#
#   WARREN_BIN=DIR   in the environment: use warren and warrend of DIR; install and build nothing
#
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
devices=(laptop desktop server)
log=quickstart
patience_s=60
file=""
keep=false
bin=${WARREN_BIN:-}
root=""
clients=() # our warren processes that may still wait for somebody
told=false # the person knows why this ends

# ---- what the person sees -------------------------------------------------------------------------

bold="" dim="" plain=""
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
step_number=0
step_start=0

now_us() {
    echo "${EPOCHREALTIME//[!0-9]/}"
}

# since START: "1.25 s".
since() {
    local us=$(($(now_us) - $1))
    printf '%d.%02d s' $((us / 1000000)) $((us / 10000 % 100))
}

step() {
    step_number=$((step_number + 1))
    step_start=$(now_us)
    printf '\n%s%d. %s%s\n' "$bold" "$step_number" "$1" "$plain"
}

say() {
    printf '   %s\n' "$*"
}

done_in() {
    printf '   %s%s%s%s\n' "$dim" "${1:+$1, }" "$(since "$step_start")" "$plain"
}

# One line that is written over again; only on a terminal.
progress() {
    [[ ! -t 1 ]] || printf '\r\e[K   %s' "$*"
}

progress_end() {
    [[ ! -t 1 ]] || printf '\r\e[K'
}

# indent [WIDTH]: what a program printed, without what could write to the terminal.
indent() {
    tr -d '\000-\010\013-\037\177' | sed -e "s/^\(.\{${1:-500}\}\).*/\1 .../" -e 's/^/     /'
}

grouped() {
    sed -e :a -e 's/\B[0-9]\{3\}\>/,&/;ta' <<<"$1"
}

complain() {
    local device
    told=true
    progress_end
    echo "quickstart: $*" >&2
    [[ -n $root ]] || return 0
    for device in "${devices[@]}"; do
        if [[ -s $root/$device/agent.log ]]; then
            echo "-- the end of agent.log of $device:" >&2
            tail -n 10 "$root/$device/agent.log" >&2
        fi
    done
}

fail() {
    complain "$@"
    exit 1
}

# ---- the end, whatever way it comes -----------------------------------------------------------------

# Processes that name our temporary folder among their arguments, so nobody else's.
ours() {
    local files=(/proc/[0-9]*/cmdline)
    grep -lsF --file=- "${files[@]}" <<<"$root/" | cut -d / -f 3 || true
}

remove_all() {
    local device pid
    for pid in "${clients[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for device in "${devices[@]}"; do
        if [[ -S $root/$device/agent.sock ]]; then
            timeout 20 "$bin/warren" --home "$root/$device" --quiet down >/dev/null 2>&1 || true
        fi
    done
    for pid in $(ours); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf -- "$root"
}

finish() {
    local status=$?
    trap '' INT TERM
    trap - EXIT
    if [[ $status -eq 130 || $status -eq 143 ]]; then
        progress_end
        echo "quickstart: interrupted" >&2
    elif [[ $status -ne 0 && $told == false ]]; then
        complain "a command failed (exit code $status)"
    fi
    if [[ -n $root ]] && ! { $keep && [[ $status -eq 0 ]]; }; then
        remove_all
    fi
    exit "$status"
}

# ---- the three devices -------------------------------------------------------------------------------

# on DEVICE COMMAND..: warren there.
on() {
    local device=$1
    shift
    "$bin/warren" --home "$root/$device" "$@" </dev/null
}

typed() {
    printf '   %s%-8s$ %s%s\n' "$dim" "$1" "$2" "$plain"
}

# As a shell takes it: what holds blanks is quoted.
quoted() {
    local word text=""
    for word in "$@"; do
        [[ $word != *[[:space:]]* ]] || word="'$word'"
        text+=" $word"
    done
    echo "${text# }"
}

# show DEVICE COMMAND..: the command as somebody would type it there, and what it says.
show() {
    local device=$1
    shift
    typed "$device" "warren $(quoted "$@")"
    on "$device" "$@" 2>&1 | indent || fail "warren $* failed on $device"
}

# await TEXT COMMAND..: until it succeeds; the end if it does not in time.
await() {
    local text=$1 end=$((SECONDS + patience_s))
    shift
    until "$@"; do
        ((SECONDS < end)) || fail "not within $patience_s s: $text"
        sleep 0.05
    done
}

entries() {
    local list
    list=$(on "$1" --json log list) || return 1
    list=$(sed -n 's/^{"name":"'"$log"'","entries":\([0-9]*\)}$/\1/p' <<<"$list")
    echo "${list:-0}"
}

digest() {
    on "$1" log export "$log" 2>/dev/null | sha256sum | cut -d ' ' -f 1
}

# Where the device listens: 127.0.0.1:PORT.
address() {
    on "$1" --json status | grep -o '127\.0\.0\.1:[0-9]*' | head -n 1
}

is_down() {
    local code=0
    on "$1" status >/dev/null 2>&1 || code=$?
    [[ $code -eq 3 ]]
}

# knows_names DEVICE: a new device learns the names of the others as entries come.
knows_names() {
    ! on "$1" --json devices | grep -q '"name":""'
}

# sees DEVICE OTHER STATE: what `warren status` says there.
sees() {
    on "$1" --json status | grep -q "\"name\":\"$2\",\"state\":\"$3\""
}

# Waits until each device holds COUNT entries; it may take long as long as there is progress.
converge() {
    local count=$1 device have last end
    for device in "${devices[@]}"; do
        last=-1
        while true; do
            have=$(entries "$device") || fail "the agent of $device does not answer"
            [[ $have -lt $count ]] || break
            [[ $have -eq $last ]] || end=$((SECONDS + patience_s))
            last=$have
            ((SECONDS < end)) || fail "$device holds $have of $count entries, and no more come"
            progress "$device: $(grouped "$have") of $(grouped "$count")"
            sleep 0.05
        done
    done
    progress_end
}

# Fills sums, in the order of the devices.
equal_digests() {
    local device
    sums=()
    for device in "${devices[@]}"; do
        sums+=("$(digest "$device")")
    done
    [[ ${sums[0]} == "${sums[1]}" && ${sums[0]} == "${sums[2]}" ]]
}

table() {
    local i count sums
    await "equal digests on all devices" equal_digests
    printf '   %s%-8s  %9s  %s%s\n' "$dim" DEVICE ENTRIES "SHA-256 OF 'warren log export $log'" "$plain"
    for i in "${!devices[@]}"; do
        count=$(entries "${devices[i]}")
        printf '   %-8s  %9s  %s\n' "${devices[i]}" "$(grouped "$count")" "${sums[i]}"
    done
    say "The three digests are equal."
}

# ---- pairing ---------------------------------------------------------------------------------------

words_of() {
    sed -n "s/$2/\\1/p" "$root/$1" 2>/dev/null | head -n 1
}

has_words() {
    [[ -n $(words_of "$1" "$2") ]]
}

# True once the host shows who asks; also once the guest's command has ended without that.
asked_or_over() {
    has_words pair.out "$words_on_host" || ! kill -0 "$guest_pid" 2>/dev/null
}

words_on_host='.*"words":"\([a-z ]*\)".*'
words_on_guest='.*these words: \([a-z ]*\)$'

# pair HOST GUEST [JOIN OPTIONS]: the code goes from one screen to the other, as a person would carry
# it; the words are compared and the question on the host is answered through a pipe.  False: the
# guest did not find the host.
pair() {
    local host=$1 guest=$2 host_pid guest_pid code here there
    shift 2
    rm -f "$root"/{answer,pair.out,join.out}
    mkfifo "$root/answer"
    typed "$host" "warren pair"
    "$bin/warren" --home "$root/$host" --json pair <"$root/answer" >"$root/pair.out" 2>&1 &
    host_pid=$!
    clients+=("$host_pid")
    exec {answer}>"$root/answer"
    await "a pairing code from $host" has_words pair.out '.*"code":"\([^"]*\)".*'
    code=$(words_of pair.out '.*"code":"\([^"]*\)".*')
    echo "     Code: $code"
    typed "$guest" "$(quoted warren join "$code" "$@")"
    timeout 20 "$bin/warren" --home "$root/$guest" join "$code" "$@" \
        </dev/null >"$root/join.out" 2>&1 {answer}>&- &
    guest_pid=$!
    clients+=("$guest_pid")
    await "a request to join on $host" asked_or_over
    if ! has_words pair.out "$words_on_host"; then
        indent <"$root/join.out"
        kill "$host_pid"
        wait "$host_pid" || true
        exec {answer}>&-
        return 1
    fi
    await "the words on $guest" has_words join.out "$words_on_guest"
    here=$(words_of pair.out "$words_on_host")
    there=$(words_of join.out "$words_on_guest")
    say "$host shows:  '$guest' asks to join; these four words must stand there:  $here"
    say "$guest shows: these four words must stand on the other screen:  $there"
    [[ $here == "$there" ]] || fail "the words differ: somebody stands between the two devices"
    say "The words are the same, so the answer on $host is y."
    echo y >&"$answer"
    wait "$guest_pid" || fail "join failed: $(tail -n 1 "$root/join.out")"
    wait "$host_pid" || fail "pair failed: $(tail -n 1 "$root/pair.out")"
    exec {answer}>&-
    clients=()
    tail -n 1 "$root/join.out" | indent
}

# ---- the tour ------------------------------------------------------------------------------------

parse() {
    local argument
    for argument in "$@"; do
        case $argument in
        -h | --help)
            sed -n '2,13s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        --keep) keep=true ;;
        -*)
            echo "quickstart: unknown option $argument: see --help" >&2
            exit 2
            ;;
        *)
            if [[ -n $file ]]; then
                echo "quickstart: one FILE, not two: see --help" >&2
                exit 2
            fi
            file=$argument
            ;;
        esac
    done
    if [[ -n $file && ! (-f $file && -r $file) ]]; then
        fail "$file: not a file that can be read"
    fi
    if [[ -n $file && ! -s $file ]]; then
        fail "$file has no lines"
    fi
}

# Configured apart from the other builds, as those want the packages of the tests, too.
compile() {
    local build=$top/build/quickstart output=$top/build/quickstart.log line
    mkdir -p "$top/build"
    { (cd "$top" && cmake --preset release -B "$build" -DWARREN_TESTS=OFF &&
        cmake --build "$build" --target warren warrend) 2>&1 || echo "FAILED"; } |
        tee "$output" | while IFS= read -r line; do
        [[ $line != \[* ]] || progress "$line"
    done
    progress_end
    if [[ $(tail -n 1 "$output") == FAILED ]]; then
        grep -E 'error:|undefined reference|CMake Error' "$output" | head -n 20 >&2 || true
        fail "the build failed; all of its output is in ${output#"$top"/}"
    fi
    bin=$build/bin
}

prepare() {
    step "Packages and build"
    if [[ -n $bin ]]; then
        [[ -x $bin/warren && -x $bin/warrend ]] || fail "WARREN_BIN=$bin: no warren and warrend there"
        bin=$(cd "$bin" && pwd)
        say "as given: $bin"
    else
        say "packages: tests/tools/deps.sh build (what is missing comes from Debian)"
        "$top/tests/tools/deps.sh" build 2>&1 | indent || fail "packages could not be installed"
        say "build: cmake --preset release, into build/quickstart"
        compile
    fi
    done_in "$("$bin/warren" --version)"
}

start_agents() {
    local device
    step "Three agents"
    say "Each plays one device of the same person: a process with a home of its own (mode 0700),"
    say "reachable on 127.0.0.1 only.  Homes: $root/DEVICE"
    for device in "${devices[@]}"; do
        mkdir -m 0700 "$root/$device"
        printf '[agent]\nname = %s\nlisten = 127.0.0.1:0\n' "$device" >"$root/$device/warren.conf"
        show "$device" up
    done
    done_in
}

make_circle() {
    step "A circle"
    say "laptop is its first member.  A circle to keep gets 24 recovery words; this one needs none."
    show laptop init --no-recovery --yes
    done_in
}

join_devices() {
    step "desktop joins by a code"
    say "desktop finds laptop on the local network by the code alone."
    if ! pair laptop desktop; then
        say "No multicast on this machine; laptop's address helps."
        pair laptop desktop --peer "$(address laptop)" || fail "desktop could not join"
    fi
    done_in
    step "server joins by a code, and the address of laptop"
    say "So it goes where multicast does not reach."
    pair laptop server --peer "$(address laptop)" || fail "server could not join"
    await "the names of all devices" knows_names laptop
    await "laptop sees desktop" sees laptop desktop online
    await "laptop sees server" sees laptop server online
    show laptop devices
    done_in
}

choose_file() {
    local candidate
    [[ -z $file ]] || return 0
    for candidate in /var/log/dpkg.log /usr/share/common-licenses/GPL-3 "$top/README.md"; do
        if [[ -f $candidate && -r $candidate && -s $candidate ]]; then
            file=$candidate
            return
        fi
    done
}

import() {
    local start
    step "Import on laptop: one entry for each line of $file"
    lines=$(grep -ac '' -- "$file")
    start=$(now_us)
    show laptop log append "$log" --lines --file "$file"
    say "durable on laptop after $(since "$start")"
    converge "$lines"
    say "on all three after $(since "$start")"
    table
    done_in
}

read_elsewhere() {
    step "The same log on another device"
    typed server "warren log read $log | tail -n 3"
    on server log read "$log" | tail -n 3 | indent 110
    show desktop log append "$log" "hello from desktop"
    converge $((lines + 1))
    typed laptop "warren log read $log | tail -n 1"
    on laptop log read "$log" | tail -n 1 | indent
    done_in
}

kill_one() {
    local pid
    step "server is killed (SIGKILL); the others go on"
    pid=$(<"$root/server/agent.lock")
    typed server "kill -KILL $pid"
    kill -KILL "$pid"
    await "server's agent is gone" is_down server
    await "laptop notices" sees laptop server offline
    show desktop log append "$log" "written while server was off"
    show laptop devices
    done_in
}

catch_up() {
    local start
    step "server comes back and catches up"
    start=$(now_us)
    show server up
    converge $((lines + 2))
    say "caught up $(since "$start") after its start began"
    typed server "warren log read $log | tail -n 1"
    on server log read "$log" | tail -n 1 | indent
    show server log append "$log" "server is back"
    converge $((lines + 3))
    table
    done_in
}

stay() {
    cat <<END

The three agents keep running.  To talk to them:

    PATH=$(printf %q "$bin"):\$PATH
    warren --home $root/laptop status
    warren --home $root/server log read $log --follow
    warren --home $root/desktop log append $log 'hello'
    warren --help

To end them and remove their files:

    for d in ${devices[*]}; do warren --home $root/\$d down; done
    rm -r $root
END
}

leave() {
    local device
    step "The end"
    for device in "${devices[@]}"; do
        show "$device" down
    done
    remove_all
    say "homes removed"
    root=""
    done_in
    printf '\nDone in %s.  With --keep the agents stay.\n' "$(since "$tour_start")"
}

parse "$@"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
tour_start=$(now_us)
echo "Warren: three devices of one person become a circle, on this machine."
prepare
choose_file
root=$(mktemp -d "${TMPDIR:-/tmp}/warren-quickstart.XXXXXX")
start_agents
make_circle
join_devices
import
read_elsewhere
kill_one
catch_up
if $keep; then
    stay
else
    leave
fi
