#!/bin/bash
# plugin.sh - examples/plugin as a reader would use it: its installed copy, built
# with tfm/plugin.h and pkg-config alone against an installed tfm, outside the
# tree.  Its model file runs, caps what it should, and needs the plugin.
set -u
: "${TFM_SRCDIR:=$PWD}" "${TFM_BUILDDIR:=$TFM_SRCDIR/build}" "${CC:=cc}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
fixture=$TFM_SRCDIR/tests/fixtures/gpt2-tied
failed=0

fail() { # MESSAGE [FILE...]
  failed=1
  printf 'FAIL %s\n' "$1"
  shift
  for file; do sed 's/^/    | /' "$file"; done
}

quiet_make() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make "$@" >"$work/log" 2>&1; }

quiet_make -C "$TFM_BUILDDIR" install DESTDIR="$work/root" ||
  { fail 'make install' "$work/log"; exit 1; }
pc=$(find "$work/root" -name tfm.pc)
export PKG_CONFIG_PATH=${pc%/tfm.pc} PKG_CONFIG_SYSROOT_DIR=$work/root
export LD_LIBRARY_PATH=${pc%/pkgconfig/tfm.pc}
installed=$(find "$work/root" -path '*/tfm/plugins' -type d)
cp -r "$(find "$work/root" -path '*/examples/plugin' -type d)" "$work/plugin"
chmod -R u+w "$work/plugin"
flags='-O1 -g -Werror'
[ "${TFM_SANITIZERS:-no}" = yes ] && flags="$flags -fsanitize=address,undefined"
quiet_make -C "$work/plugin" CC="$CC" CFLAGS="$flags" install plugins="$work/mine" ||
  { fail 'the example does not build' "$work/log"; exit 1; }

tfmrun() { "$TFM_BUILDDIR/tools/tfmrun" -q --weights "$fixture" -n 24 --input 'The model' "$@"; }
cd "$work" || exit 2

# The largest logit is the largest still: both say the same.
export TFM_PLUGIN_PATH=$installed
tfmrun "$TFM_SRCDIR/models/gpt2.tfm" >want 2>err || fail 'gpt2.tfm' err
for kernel in parallel reference; do
  tfmrun plugin/capped.tfm --plugin-dir "$work/mine" --kernels acme.soft_cap=$kernel \
    >got 2>err || fail "capped.tfm with kernel $kernel" err
  cmp -s want got || fail "capped.tfm says something else with kernel $kernel" want got
done

refused() { # STATUS PATTERN ARGUMENT...
  local status want=$1 pattern=$2
  shift 2
  tfmrun "$@" >out 2>err
  status=$?
  [ $status -eq "$want" ] || fail "tfmrun $*: status $status, expected $want" err
  grep -q -- "$pattern" err || fail "tfmrun $*: no \"$pattern\" on standard error" err
}
refused 6 acme plugin/capped.tfm
sed 's/use acme 1/use acme 2/' plugin/capped.tfm >two.tfm
refused 6 acme two.tfm --plugin-dir "$work/mine"
sed 's/cap: 30.0/cap: -1.0/' plugin/capped.tfm >minus.tfm
refused 6 'cap is -1' minus.tfm --plugin-dir "$work/mine"
exit $failed
