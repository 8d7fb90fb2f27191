#!/bin/bash
# check-headers.sh - each header compiles alone, and twice in one file; the
# installed ones also as C++17, and without the project's include path.
set -u
: "${TFM_SRCDIR:=.}" "${TFM_BUILDDIR:=.}" "${CC:=cc}"
flags=(-std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wconversion -Werror -fsyntax-only)
cxx=
for candidate in ${CXX:-} g++ clang++; do
  command -v "$candidate" >/dev/null && cxx=$candidate && break
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0 count=0

# alone HEADER FLAGS...: compile a file that includes HEADER twice, nothing else.
alone() {
  local header=$1
  shift
  printf '#include "%s"\n#include "%s"\nextern int tfm_header_check;\n' "$header" "$header" \
    > "$work/alone.c"
  $CC "${flags[@]}" "$@" "$work/alone.c" > "$work/log" 2>&1
}

# Could it fail?
echo 'size_t needs_stddef(void);' > "$work/broken.h"
if alone broken.h -I"$work"; then
  echo "check-headers.sh does not see a header that needs another"
  exit 1
fi

packages=$(pkg-config --cflags jansson libutf8proc libpcre2-8 2>/dev/null)
cd "$TFM_SRCDIR" || exit 2
while read -r header; do
  count=$((count + 1))
  # shellcheck disable=SC2086
  if ! alone "$header" -I. -Iinclude -I"$TFM_BUILDDIR" $packages; then
    echo "$header does not compile alone:"
    cat "$work/log"
    failed=1
  fi
done < <(find base graph compiler checkpoint tokenizer runtime lib plugins -name '*.h' -type f | sort)

for header in include/tfm/*.h; do
  name=${header#include/}
  count=$((count + 1))
  if ! alone "$name" -Iinclude; then
    echo "$name does not compile alone as C11:"
    cat "$work/log"
    failed=1
  fi
  if [ -n "$cxx" ]; then
    printf '#include <%s>\n#include <%s>\n' "$name" "$name" > "$work/alone.cc"
    if ! "$cxx" -std=c++17 -Wall -Wextra -Wconversion -Werror -fsyntax-only -Iinclude \
      "$work/alone.cc" > "$work/log" 2>&1; then
      echo "$name does not compile as C++17:"
      cat "$work/log"
      failed=1
    fi
  fi
done
[ -n "$cxx" ] || echo "no C++ compiler: the C++17 half is left out"
[ $count -gt 0 ] || { echo "no headers found in $TFM_SRCDIR"; exit 1; }
[ $failed -eq 0 ] && echo "$count headers compile alone"
exit $failed
