#!/bin/bash
# Installs the Debian packages that are missing: `deps.sh build` what the programs need, `deps.sh
# test` that and what the tests need.  Silent and quick when nothing is missing.  This is the only
# list of packages; examples/quickstart.sh and tests/run.sh both use it.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config
    libuv1-dev libsodium-dev libmsgpack-dev libsqlite3-dev libinih-dev libjansson-dev
    libqrencode-dev)
test=(g++ clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev llvm-14 ccache
    libcmocka-dev python3 python3-msgpack git procps iproute2 tcpdump)

case "${1:-}" in
build) wanted=("${build[@]}") ;;
test) wanted=("${build[@]}" "${test[@]}") ;;
*)
    echo "usage: deps.sh build|test" >&2
    exit 2
    ;;
esac

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

sudo=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
        echo "deps.sh: needs root or sudo to install: ${missing[*]}" >&2
        exit 1
    fi
    sudo=(sudo)
fi
echo "installing: ${missing[*]}"
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" "${apt[@]}" update &&
    "${sudo[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "deps.sh: apt-get failed" >&2
    exit 1
fi
