#!/bin/bash
# faulty.sh - a plugin whose code ends the process while it is loaded: which file it was is said,
# and the process ends as it would have.
. "$TFM_SRCDIR/tests/e2e/common.sh"
mkdir -p "$work/plugins" "$work/abort"
cat >"$work/acme.c" <<'SOURCE'
#include <stdlib.h>
#include <tfm/plugin.h>
static const tfm_plugin_desc acme = {.struct_size = sizeof acme, .name = "acme", .version = "1"};
__attribute__((constructor)) static void begin(void) { END; }
TFM_PLUGIN("acme", 0, &acme)
SOURCE
build() { # DIR STATEMENT
  ${CC:-cc} -std=c11 -fPIC -shared -I"$TFM_SRCDIR/include" -DEND="$2" -o "$1/acme.so" "$work/acme.c" || exit 99
}
build "$work/plugins" '*(volatile int *)8 = 1'
build "$work/abort" 'abort()'
dies() { # DIR SIGNAL
  checks=$((checks + 1))
  (ulimit -c 0; "$tfmrun" --plugin-dir "$1" $plugins -q "$fixtures/gpt2-tied" --input tea -n 1) >"$out" 2>"$err"
  code=$?
  [ "${TFM_SANITIZERS:-no}" = yes ] || [ $code -eq $((128 + $2)) ] || fail "exit status $code in $1"
  [ $code -ne 0 ] || fail "nothing ends in $1"
  has "tfmrun: error: the plugin $1/acme.so ends the program while it is loaded"
}
dies "$work/plugins" 11
dies "$work/abort" 6
build "$work/plugins" 'return'
expect 0 "$tfmrun" --plugin-dir "$work/plugins" $plugins -q "$fixtures/gpt2-tied" --input tea -n 1
finish
