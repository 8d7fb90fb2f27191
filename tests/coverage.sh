#!/bin/bash
# coverage.sh [FOLDER...] - how much of the source the tests reach: a row a
# folder with its lines and branches, and with FOLDER a row for each of its files.
#
# Builds with gcov's counters in _build/coverage, runs every test there, and adds
# up what gcov says.  A branch counts when it was taken at least once, in both
# directions of every condition: 100 % is out of reach where a failed call of the
# C library is the only way in.  AGAIN=1 adds the figures up without a new run.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
jobs=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
build=$root/_build/coverage
gcov=${GCOV:-gcov}

# -O0: a branch of the source is a branch of the program.
build_and_test() {
  [ -x configure ] || autoreconf -fi >/dev/null 2>&1
  mkdir -p "$build" && cd "$build"
  [ -f Makefile ] || "$root/configure" --quiet CFLAGS='-O0 -g1 --coverage -fprofile-update=atomic'
  make -s -j"$jobs" all
  find . -name '*.gcda' -delete
  # what runs under valgrind reaches nothing more; children write their counters, too
  TFM_COVERAGE=1 CK_FORK=no FAULTS_VALGRIND=0 make -s -j"$jobs" check >check.out 2>&1 || {
    grep -E '^(FAIL|ERROR):' check.out >&2
    echo 'coverage.sh: tests failed; the figures below are of what ran' >&2
  }
}

# file lines-hit lines branches-hit branches, a row a source file.
count_files() {
  cd "$build"
  find . -name '*.gcda' | while read -r data; do
    "$gcov" --branch-probabilities --branch-counts --no-output "$data" 2>/dev/null || true
  done | awk -v root="$root/" '
    function counted(text, of) {
      sub(/^[^:]*:/, "", text)
      split(text, of, "% of ")
      total = of[2]
      return int(of[1] * total / 100 + 0.5)
    }
    # A file may be compiled more than once: the run that reached most of it counts.
    function keep(all, of) {
      all[file] = total > all[file] ? total : all[file]
      of[file] = hit > of[file] ? hit : of[file]
    }
    /^File / {
      file = substr($0, 7, length($0) - 7)
      while (sub(/^\.\.\//, "", file)) {}
      sub("^" root, "", file)
      inside = file ~ /^(base|graph|compiler|checkpoint|tokenizer|runtime|lib|tools|plugins)\/.*\.[cly]$/
    }
    inside && /^Lines executed/ { hit = counted($0); keep(lines, reached) }
    inside && /^Taken at least once/ { hit = counted($0); keep(branches, taken) }
    END { for (file in lines) print file, reached[file] + 0, lines[file], taken[file] + 0, branches[file] + 0 }
  ' | sort
}

# Rows with the same name in the first column are added up.
table() {
  awk '
    { a[$1] += $2; b[$1] += $3; c[$1] += $4; d[$1] += $5 }
    function percent(part, all) { return 100 * part / (all ? all : 1) }
    END {
      for (name in a)
        printf "| %s | %.1f | %.1f | %d |\n", name, percent(a[name], b[name]), percent(c[name], d[name]), d[name]
    }
  ' | sort
}

[ -n "${AGAIN-}" ] || (build_and_test) >&2
(count_files) >"$build/files.txt"
printf '| | lines %% | branches %% | of |\n| --- | --- | --- | --- |\n'
sed 's|^\([a-z]*\)/[^ ]*|\1/|' "$build/files.txt" | table
for folder in "$@"; do
  printf '\n| | lines %% | branches %% | of |\n| --- | --- | --- | --- |\n'
  grep "^$folder/" "$build/files.txt" | table
done
