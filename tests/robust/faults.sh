#!/bin/bash
# faults.sh - whole runs of tfmrun, in each of which one call fails: an allocation,
# an open, a read, a map, a write.  Each ends with a message and a documented exit
# status, or as if nothing had happened; no signal, no hang, no output left half
# done.
#
#     tests/robust/faults.sh           one call for each place that calls, in make check
#     FAULTS=all tests/robust/faults.sh       every call
#     FAULTS_VALGRIND=N                under valgrind every Nth of them too (0: none)
#     FAULTS_KEEP=DIR                  keep the messages there
. "$TFM_SRCDIR/tests/e2e/common.sh"
if [ "${TFM_SANITIZERS:-no}" = yes ]; then
  echo "the sanitizers' malloc cannot be made to fail"
  exit 77
fi
program="$TFM_BUILDDIR/tools/tfmrun"
faults="$work/faults.so"
export FAULT_PROGRAM=tfmrun
export LD_LIBRARY_PATH="$TFM_BUILDDIR/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
${CC:-cc} -O1 -g -shared -fPIC -o "$faults" "$TFM_SRCDIR/tests/robust/faults.c" -ldl || exit 99
[ -x "$program" ] || { echo "$program is missing"; exit 77; }
valgrind=${FAULTS_VALGRIND:-150}
command -v valgrind >/dev/null || valgrind=0
jobs=${JOBS:-2}
mkdir "$work/one"

# one NUMBER NAME INDEX: the run with that call failing; prints what is wrong.
one() {
  local dir="$work/one/$1" code
  mkdir "$dir"
  FAULT_AT=$1 LD_PRELOAD=$faults timeout -s KILL 20 "${command[@]}" --dump "$tap=$dir/dump" \
    >"$dir/out" 2>"$dir/err" </dev/null
  code=$?
  case $code in
  0)
    cmp -s "$dir/out" "$work/right" || echo "call $1 ($2): status 0, and other output"
    cmp -s "$dir/dump" "$work/dump" || echo "call $1 ($2): status 0, and another dump"
    ;;
  [1-7])
    grep -q '^tfmrun: error: .\|^tfmrun: out of memory' "$dir/err" || echo "call $1 ($2): status $code without a message"
    if [ "$(ls "$dir")" != "err
out" ] && ! cmp -s "$dir/dump" "$work/dump"; then
      echo "call $1 ($2): status $code, and left" $(ls "$dir")
    fi
    [ "$(ls "$dir" | grep -c part)" -eq 0 ] || echo "call $1 ($2): left" $(ls "$dir")
    ;;
  *) echo "call $1 ($2): status $code: $(tail -n 1 "$dir/err")" ;;
  esac
  if [ "$valgrind" -gt 0 ] && [ $(($3 % valgrind)) -eq 0 ]; then
    FAULT_AT=$1 LD_PRELOAD=$faults valgrind --quiet --leak-check=full \
      --soname-synonyms=somalloc=nouserintercepts --errors-for-leak-kinds=definite,indirect \
      --error-exitcode=99 --log-file="$dir/valgrind" "${command[@]}" >/dev/null 2>&1 </dev/null
    [ $? -ne 99 ] || { echo "call $1 ($2): valgrind:"; cat "$dir/valgrind"; }
  fi
  [ -z "${FAULTS_KEEP:-}" ] || { mkdir -p "$FAULTS_KEEP"; cp "$dir/err" "$FAULTS_KEEP/$name-$1"; }
  rm -rf "$dir"
}

# try NAME TAP ARGUMENTS...: list the calls of a run, and fail each.
try() {
  local number call index=0
  name=$1 tap=$2
  shift 2
  command=("$program" $plugins -t 1 "$@")
  "${command[@]}" --dump "$tap=$work/dump" >"$work/right" 2>"$err" || { fail "$*"; cat "$err"; return; }
  FAULT_LIST="$work/list" FAULT_ALL=${FAULTS:+1} LD_PRELOAD=$faults "${command[@]}" \
    --dump "$tap=$work/dump" >"$out" 2>"$err" || { fail "$*: nothing fails, and it does"; return; }
  : >"$work/wrong"
  while read -r number call; do
    index=$((index + 1))
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    one "$number" "$call" $index >>"$work/wrong" 2>/dev/null &
  done <"$work/list"
  wait
  checks=$((checks + index))
  [ ! -s "$work/wrong" ] || { fail "$name"; sort "$work/wrong"; }
  echo "$name: $index calls failed in turn: $(cut -d' ' -f2 "$work/list" | sort | uniq -c | sort -rn |
    awk '{printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2}')"
}

try fill_mask logits "$models/bert.tfm" --weights "$fixtures/bert-mlm" --input "The [MASK] is."
try generate logits "$models/gpt2.tfm" --weights "$fixtures/gpt2-tied" --input "The model" -n 3
finish
