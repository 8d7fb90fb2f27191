#!/bin/bash
# embed.sh - examples/embed as a reader would use it: its installed copy, built
# with tfm.h and pkg-config alone against an installed tfm, outside the tree.
# It says what tfmrun says, and tells errors by their codes.
set -u
. "${TFM_SRCDIR:-$PWD}/tests/docs/installed.sh"
fixture=$TFM_SRCDIR/tests/fixtures/gpt2-tied
install_tfm
build_example embed
cd "$work" || exit 2

for text in 'The model' '나는 책을'; do
  "$prefix/bin/tfmrun" -q gpt2.tfm --weights "$fixture" -n 48 --input "$text" >want 2>err ||
    fail "tfmrun: $text" err
  ./embed/embed gpt2.tfm "$fixture" "$text" >got 2>err || fail "embed: $text" err
  cmp -s want got || fail "embed and tfmrun differ on: $text" want got
  grep -q '^48 tokens after [0-9]*, ended by: length$' err || fail 'embed: how it ended' err
done

# A second text goes on from the first and its answer, to the end of the 64 places of this
# model and the one token that is chosen there and not run.
"$prefix/bin/tfmrun" -q gpt2.tfm --weights "$fixture" -n 48 --input 'The model' >want 2>err ||
  fail tfmrun err
./embed/embed gpt2.tfm "$fixture" 'The model' ' and' >got 2>err || fail 'embed: two texts' err
head -n "$(wc -l <want)" got | cmp -s want - || fail 'embed: the first of two texts' want got
awk 'NR == 2 && $1 > 0 && $1 + $4 == 65 && /, ended by: context$/ { good = 1 } END { exit !good }' err ||
  fail 'embed: the second text' err

# Exit status and a word on standard error; nothing on standard output.
refused() { # STATUS PATTERN ARGUMENT...
  local status want=$1 pattern=$2
  shift 2
  ./embed/embed "$@" >out 2>err
  status=$?
  [ $status -eq "$want" ] || fail "embed $*: status $status, expected $want" err
  grep -q -- "$pattern" err || fail "embed $*: no \"$pattern\" on standard error" err
  [ ! -s out ] || fail "embed $*: an answer in spite of the error" out
}

sed 's/layer_norm(x, eps: eps) @ln_1/layernorm(x, eps: eps) @ln_1/' "$TFM_SRCDIR/models/gpt2.tfm" >bad.tfm
refused 2 usage gpt2.tfm
refused 3 'no model file' none.tfm "$fixture" text
refused 3 'error\[E201\]' bad.tfm "$fixture" text
refused 4 no-such-directory gpt2.tfm no-such-directory text
refused 4 'error\[E401\]' gpt2.tfm "$TFM_SRCDIR/tests/fixtures/damaged/missing-tensor" text
exit $failed
