#!/bin/bash
# run.sh - build the libFuzzer targets with clang, ASan and UBSan, and run one or all.
#
#     tests/fuzz/run.sh TARGET|all RUNS [SECONDS]
#
# RUNS inputs a target, SECONDS at most (0 = no bound).  What is found is written to
# _build/fuzz/found; the corpus that grows, to _build/fuzz/corpus.  Prints a row of
# the table in tests/fuzz/README.md a target.
#
#     JOBS=N           build and fuzz with so many processes (default: one a core)
#     FUZZ_BUILD=DIR   build there (default: _build/fuzz)
#     CAMPAIGN=1       for many millions of runs: five times as fast, inputs are short,
#                      comparisons are not traced, leaks are looked for at the end only;
#                      takes over the corpus that has grown, builds in _build/campaign
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
target=$1 runs=$2 seconds=${3:-0}
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
asan=allocator_may_return_null=1:detect_stack_use_after_return=0
if [ -n "${CAMPAIGN:-}" ]; then
  build=${FUZZ_BUILD:-$root/_build/campaign}
  cflags='-O2 -g1 -fno-sanitize-coverage=trace-cmp'
  flags='-entropic=0 -reload=0 -mutate_depth=3 -use_counters=0 -detect_leaks=0'
  asan=$asan:malloc_context_size=2:quarantine_size_mb=1:max_malloc_fill_size=256
else
  build=${FUZZ_BUILD:-$root/_build/fuzz}
  cflags='-O1 -g1'
  flags=
fi
mkdir -p "$build/found" "$build/corpus" "$build/logs" && cd "$build" || exit 2
export TFM_SRCDIR=$root TFM_BUILDDIR=$build LC_ALL=C.UTF-8
export ASAN_OPTIONS=${ASAN_OPTIONS:-$asan}

if [ ! -f Makefile ]; then
  "$root/configure" --quiet --enable-silent-rules --enable-fuzz --enable-sanitizers CC=clang \
    CFLAGS="$cflags" || exit 2
fi
if [ "$target" = all ]; then
  targets=$(cd "$root/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/')
else
  targets=$target
fi
programs=
for name in $targets; do programs="$programs tests/fuzz/fuzz_$name"; done
# all: `directory` and `programs` run models, which needs the plugins; first, since two makes
# at once are in each other's way
{ make -s -j"$jobs" all && make -s -j"$jobs" $programs; } >logs/build.log 2>&1 || { tail -n 30 logs/build.log; exit 2; }

# Bytes of the longest input.
longest() {
  case ${CAMPAIGN:-}-$1 in
  *-programs) echo 128 ;;
  ?*-directory) echo 1024 ;; # its seeds are 512 and more
  -tokenizer | -gguf | -sentencepiece | -compile) echo 16384 ;;
  -*) echo 4096 ;;
  *-tokenizer | *-compile | *-config | *-safetensors | *-gguf) echo 512 ;;
  *) echo 256 ;;
  esac
}

fuzz() {
  local name=$1 log="$build/logs/$1.log" begin=$SECONDS status
  local corpora=("corpus/$name" "$root/tests/fuzz/corpus/$name")
  mkdir -p "corpus/$name"
  [ -z "${CAMPAIGN:-}" ] || corpora+=("$root/_build/fuzz/corpus/$name")
  [ -d "${corpora[-1]}" ] || unset 'corpora[-1]'
  # shellcheck disable=SC2086 # flags are words
  nice -n 19 "tests/fuzz/fuzz_$name" -runs="$runs" -max_total_time="$seconds" -timeout="${TIMEOUT:-2}" \
    -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len="$(longest "$name")" -print_final_stats=1 \
    -artifact_prefix="found/$name-" $flags "${corpora[@]}" >"$log" 2>&1
  status=$?
  printf '| %s | %s | %s | %s |\n' "$name" \
    "$(sed -n 's/^stat::number_of_executed_units: //p' "$log")" $((SECONDS - begin)) \
    "$([ $status -eq 0 ] && echo none || sed -n 's/^SUMMARY: //p' "$log" | head -n 1)"
  return $status
}

failed=0
for name in $targets; do
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || failed=1; done
  fuzz "$name" &
done
while [ -n "$(jobs -rp)" ]; do wait -n || failed=1; done
exit $failed
