#!/bin/bash
# Every public header compiles alone: as plain C99 and as C++, without a warning.
# SPDX-License-Identifier: Apache-2.0
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
failed=0
count=0
for header in "$root"/include/warren/*.h; do
    [[ -e $header ]] || continue
    count=$((count + 1))
    flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$root/include")
    unit="#include <warren/${header##*/}>
extern int unit_is_not_empty;"
    cc -std=c99 -x c "${flags[@]}" - <<<"$unit" || failed=$((failed + 1))
    c++ -std=c++11 -x c++ "${flags[@]}" - <<<"$unit" || failed=$((failed + 1))
done
echo "$count headers, $failed failures"
[[ $failed -eq 0 ]]
