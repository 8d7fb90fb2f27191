#!/bin/bash
# plugin.sh - examples/plugin as a reader would use it: its installed copy, built
# with tfm/plugin.h and pkg-config alone against an installed tfm, outside the
# tree.  Its model file runs, caps what it should, and needs the plugin.
set -u
. "${TFM_SRCDIR:-$PWD}/tests/docs/installed.sh"
fixture=$TFM_SRCDIR/tests/fixtures/gpt2-tied
install_tfm
build_example plugin install plugins="$work/mine"
cd "$work" || exit 2

tfmrun() { "$prefix/bin/tfmrun" -q --weights "$fixture" -n 24 --input 'The model' "$@"; }

# The largest logit is the largest still: both say the same.
tfmrun gpt2.tfm >want 2>err || fail 'gpt2.tfm' err
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
