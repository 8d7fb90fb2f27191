#!/bin/bash
# keep.sh - keep what a campaign has found: of the inputs that grew, the fewest that
# reach all code which the kept ones do not go to tests/fuzz/corpus/TARGET; if they are
# too many, some of each size.
#
#     tests/fuzz/keep.sh TARGET|all [MOST]      at most MOST each (default 50)
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/_build/campaign most=${2:-50}
export TFM_SRCDIR=$root TFM_BUILDDIR=$build LC_ALL=C.UTF-8
export ASAN_OPTIONS=allocator_may_return_null=1:detect_stack_use_after_return=0
if [ "$1" = all ]; then
  targets=$(cd "$root/tests/fuzz/corpus" && ls)
else
  targets=$1
fi
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

for name in $targets; do
  kept=$root/tests/fuzz/corpus/$name
  mkdir -p "$work/$name" && cp "$kept"/* "$work/$name"
  "$build/tests/fuzz/fuzz_$name" -merge=1 -set_cover_merge=1 -use_counters=0 -max_len=2048 \
    "$work/$name" "$build/corpus/$name" >"$work/log" 2>&1 || { tail -n 5 "$work/log"; exit 1; }
  # what is new has libFuzzer's name, a SHA-1; by size, so many of them evenly
  find "$work/$name" -type f -regextype egrep -regex '.*/[0-9a-f]{40}' -printf '%s %f\n' |
    sort -n | cut -d' ' -f2 >"$work/new"
  awk -v all="$(wc -l <"$work/new")" -v most="$most" \
    'int(NR * most / all) > int((NR - 1) * most / all) || all <= most' "$work/new" |
    while read -r file; do cp "$work/$name/$file" "$kept/${file:0:12}"; done
  echo "$name: $(ls "$kept" | wc -l) inputs, $(cat "$kept"/* | wc -c) bytes"
done
