#!/bin/bash
# mutate.sh - break the code in small ways, one at a time, and see that a test notices.
#
#     tests/mutate.sh [REGEX]         the mutations whose names match; ends with 1 if one survives
#     tests/mutate.sh --check         only: does each edit still apply?
#     MUTATIONS=FILE     another table
#     NO_BASELINE=1      do not try first that all tests pass as it is
#
# tests/mutations.txt has them, four lines each and a blank one: a name, a file, an edit for
# sed, and the tests that should notice, the quick ones first.  Each is made in a copy of the
# tracked files (MUTATE_DIR, default _build/mutate), built, and tried on its tests until one
# fails.  A mutation that no longer applies or does not compile is an error, not a catch.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
table=${MUTATIONS:-$root/tests/mutations.txt}
work=${MUTATE_DIR:-$root/_build/mutate}
src=$work/src build=$work/src/build
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}

die() {
  echo "mutate.sh: $*" >&2
  exit 2
}

# The table, a line each: name, file, edit, tests, with tabs between.
rows() {
  awk 'BEGIN { RS = ""; FS = "\n" } !/^#/ {
    if (NF != 4) { print "mutations.txt: not four lines: " $1 > "/dev/stderr"; exit 2 }
    for (i = 1; i <= 4; i++) gsub(/^ +| +$/, "", $i)
    print $1 "\t" $2 "\t" $3 "\t" $4 }' "$table"
}

# apply TREE FILE EDIT: make it there; what was is in $work/before.
apply() {
  [ -f "$1/$2" ] || die "$name: there is no $2"
  cp "$1/$2" "$work/before"
  sed "$3" "$work/before" >"$work/after" || die "$name: not an edit for sed: $3"
  ! cmp -s "$work/before" "$work/after" || die "$name: the edit changes nothing in $2 any more: $3"
}

# Each that is wrong is named; then it is over.
check() {
  local count=0 wrong=0
  mkdir -p "$work"
  while IFS=$'\t' read -r name file edit tests; do
    (apply "$root" "$file" "$edit") || wrong=$((wrong + 1))
    for test in $tests; do
      [ -e "$root/$test" ] || [ -e "$root/$test.c" ] || die "$name: there is no test $test"
    done
    count=$((count + 1))
  done < <(rows)
  [ $wrong -eq 0 ] || die "$wrong of $count mutations no longer apply"
  echo "$count mutations apply"
}

# A copy that keeps its objects: only what differs is copied, so only that is built.
prepare() {
  local fresh=$work/fresh
  mkdir -p "$build"
  rm -rf "$fresh"
  (cd "$root" && git ls-files -z | xargs -0 tar cf -) | tar xf - -C "$work" --one-top-level=fresh
  if [ -d "$src" ]; then
    diff -rq --no-dereference "$fresh" "$src" |
      sed -n "s,^Files $fresh/\\(.*\\) and .*,\\1,p; s,^Only in $fresh/*\\(.*\\): ,\\1/,p" |
      while read -r file; do
        mkdir -p "$(dirname "$src/$file")" && cp -RP "$fresh/$file" "$(dirname "$src/$file")/"
      done
  else
    mv "$fresh" "$src"
  fi
  rm -rf "$fresh"
  [ -x "$src/configure" ] || (cd "$src" && autoreconf -fi >/dev/null 2>&1)
  cd "$build" || exit 2
  [ -f Makefile ] || ../configure --quiet ${CC:+CC="$CC"} || die "configure fails"
  make -s -j"$jobs" all >"$work/log" 2>&1 || { tail "$work/log"; die "the copy does not build"; }
}

# The environment of tests/local.mk.
export_environment() {
  export TFM_SRCDIR=$src TFM_BUILDDIR=$build TFM_PLUGIN_DIR=$build/plugins/.libs
  export TFM_MODEL_PATH=$src/models TFM_SHARED=${TFM_SHARED:-$root/../shared} NO_COLOR=1 LC_ALL=C.UTF-8
}

# build_test TEST FILE: what the test runs, after FILE has changed.
build_test() {
  local targets=()
  case $2 in
  plugins/common/*) targets+=(all) ;;
  plugins/*/*) targets+=("$(dirname "$2").la") ;;
  esac
  case $1 in
  *.sh) targets+=(all) ;;
  *) targets+=("$1") ;;
  esac
  make -s -j"$jobs" "${targets[@]}" >"$work/log" 2>&1
}

run_test() {
  case $1 in
  *.sh) timeout "${TIMEOUT:-120}" "$src/$1" ;;
  *) timeout "${TIMEOUT:-120}" "./$1" ;;
  esac >"$work/out" 2>&1 </dev/null
}

# The code as it is passes all tests of the table.
baseline() {
  local test
  for test in $(rows | grep -E -- "$pattern" | cut -f 4 | tr ' ' '\n' | sort -u); do
    build_test "$test" . || { tail "$work/log"; die "$test does not build"; }
    run_test "$test"
    case $? in 0 | 77) ;; *) tail "$work/out"; die "$test fails without a mutation" ;; esac
  done
}

one() {
  local test caught= begin=$SECONDS
  apply "$src" "$file" "$edit"
  cp "$work/after" "$src/$file"
  for test in $tests; do
    if ! build_test "$test" "$file"; then
      cp "$work/before" "$src/$file"
      echo "BROKEN   $name: it does not compile: $(grep -m 1 -E 'error|undefined' "$work/log")"
      broken=$((broken + 1))
      return
    fi
    run_test "$test"
    case $? in 0 | 77) ;; *) caught=$test && break ;; esac
  done
  cp "$work/before" "$src/$file"
  count=$((count + 1))
  [ -n "$caught" ] || survivors=$((survivors + 1))
  printf "%-8s %-44s %s (%d s)\n" "$([ -n "$caught" ] && echo caught || echo SURVIVED)" \
    "$name" "${caught:-$tests}" $((SECONDS - begin))
}

[ "${1:-}" != --check ] || { check; exit; }
pattern=${1:-.}
check >/dev/null || exit 2
prepare
export_environment
[ -n "${NO_BASELINE:-}" ] || baseline
count=0 survivors=0 broken=0
while IFS=$'\t' read -r name file edit tests; do
  [[ $name =~ $pattern ]] || continue
  one
done < <(rows)
echo "$count mutations, $((count - survivors)) caught, $survivors survived, $broken more do not compile"
[ $((survivors + broken)) -eq 0 ]
