#!/bin/bash
# check-symbols.sh - what the shared objects show and need, read with nm and
# readelf: libtfm exports tfm_* only; a plugin exports exactly tfm_plugin_v1,
# and needs neither libtfm nor an OpenMP runtime.
set -u
: "${TFM_BUILDDIR:=.}" "${CC:=cc}"
: "${TFM_PLUGIN_DIR:=$TFM_BUILDDIR/plugins/.libs}"
if [ "${TFM_SANITIZERS:-no}" = yes ]; then
  echo "skipped: sanitizers add symbols of their own"
  exit 77
fi

exported() { nm -D --defined-only "$1" | awk '{print $NF}' | sed 's/@.*//' | sort -u; }
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

check_library() {
  local bad
  bad=$(exported "$1" | grep -v '^tfm_')
  [ -z "$bad" ] && return 0
  printf '%s exports more than tfm_*:\n%s\n' "$1" "$bad"
  return 1
}

check_plugin() {
  local symbols bad status=0
  symbols=$(exported "$1")
  if [ "$symbols" != tfm_plugin_v1 ]; then
    printf '%s must export tfm_plugin_v1 and nothing else, but exports:\n%s\n' "$1" "$symbols"
    status=1
  fi
  bad=$(needed "$1" | grep -E '^lib(tfm|gomp|omp|iomp)')
  if [ -n "$bad" ]; then
    printf '%s must not need %s\n' "$1" "$bad"
    status=1
  fi
  return $status
}

# Could it fail?  A library with a stray symbol, and as a plugin the same.
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
echo 'int tfm_plugin_v1(void); int tfm_plugin_v1(void) { return 0; }
int stray(void); int stray(void) { return 0; }' > "$work/stray.c"
if $CC -shared -fPIC -o "$work/stray.so" "$work/stray.c" 2> "$work/log"; then
  if check_library "$work/stray.so" >/dev/null || check_plugin "$work/stray.so" >/dev/null; then
    echo "check-symbols.sh does not see a stray symbol"
    exit 1
  fi
else
  cat "$work/log"
  exit 1
fi

failed=0 plugins=0
library=$TFM_BUILDDIR/.libs/libtfm.so
[ -f "$library" ] || { echo "$library is missing"; exit 1; }
check_library "$library" || failed=1
for plugin in "$TFM_PLUGIN_DIR"/*.so; do
  [ -f "$plugin" ] || continue
  plugins=$((plugins + 1))
  check_plugin "$plugin" || failed=1
done
[ $failed -eq 0 ] && echo "libtfm and $plugins plugins show only what they should"
exit $failed
