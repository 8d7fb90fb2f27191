#!/bin/bash
# place.sh - a build tree's programs find its plugins and models, from anywhere, with
# nothing exported, and after the tree was moved.  Without plugins there is one error.
. "$TFM_SRCDIR/tests/e2e/common.sh"
unset TFM_PLUGIN_PATH TFM_MODEL_PATH LD_LIBRARY_PATH
export HOME="$work/home"
cd / || exit 2
expect 0 "$tfmrun" -q gpt2.tfm --input '나는 딥러닝을'
says ' 좋아하게 된 영화'
expect 0 "$tfmrun" -q "$fixtures/gpt2-tied" --ids 1 -n 1
expect 0 "$tfmc" check "$models/bert.tfm"
expect 0 "$TFM_BUILDDIR/tools/tfm-weights" "$fixtures/gpt2-tied"
grep -q 'taken by .*gpt2.tfm' "$out" || fail "tfm-weights finds no model files: $(tail -n 3 "$out")"

# a clone in small: what a program needs of it
mkdir -p "$work/clone/build/plugins/.libs" "$work/clone/build/tools"
ln -s "$TFM_SRCDIR/models" "$work/clone/models"
ln -s ../models "$work/clone/build/models"
cp "$TFM_BUILDDIR/config.status" "$TFM_BUILDDIR/tfm.pc" "$work/clone/build"
cp "$TFM_PLUGIN_DIR"/*.so "$work/clone/build/plugins/.libs"
cp "$tfmrun" "$tfmc" "$work/clone/build/tools"
mv "$work/clone" "$work/a moved clone"
clone="$work/a moved clone/build"
expect 0 "$clone/tools/tfmrun" -q gpt2.tfm --input '나는 딥러닝을'
says ' 좋아하게 된 영화'
ln -s "$clone/tools/tfmrun" "$work/link"
expect 0 "$work/link" -q gpt2.tfm --input '나는 딥러닝을'
says ' 좋아하게 된 영화'

# never the current directory
mkdir -p "$work/here/plugins/.libs" && cd "$work/here" || exit 2
cp "$TFM_PLUGIN_DIR"/*.so plugins/.libs
rm "$clone/plugins/.libs"/*.so

# no plugins: one error, where was looked, what to type
for command in "tfmrun -q gpt2.tfm --input x" "tfmc check $models/gpt2.tfm" "tfmc --emit=graph $models/gpt2.tfm --weights $fixtures/gpt2-tied"; do
  expect 6 "$clone/tools/"$command
  has 'error: the plugins that come with tfm are not found'
  has "searched: $clone/plugins/.libs"
  has "help: build them: make -C $clone"
  grep -q 'E201' "$err" && fail "no plugins, and yet unknown ops"
done
finish
