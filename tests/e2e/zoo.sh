#!/bin/bash
# zoo.sh - a directory of each family finds its model file, and none leaves a word: no setting
# unread, no value unused, no tensor left over.
. "$TFM_SRCDIR/tests/e2e/common.sh"
for directory in "$fixtures"/zoo/*/; do
  expect 0 "$tfmrun" $plugins --model-dir "$models" --check "$directory"
  grep -q ' fits ' "$out" || fail "$directory: $(cat "$out")"
  grep -q 'warning' "$err" && fail "$directory: $(cat "$err")"
done
# settings of an embedder that cannot be read are no matter of the other tasks
for name in roberta electra albert distilbert modernbert mpnet; do
  cp -RL "$fixtures/zoo/$name-mlm" "$work/$name" && echo '{}' >"$work/$name/modules.json"
  expect 0 "$tfmrun" $plugins --model-dir "$models" --check --task fill_mask "$work/$name"
  expect 4 "$tfmrun" $plugins --model-dir "$models" --check --task embed "$work/$name"
done

# and each is installed
for file in "$models"/*.tfm; do
  checks=$((checks + 1))
  grep -qw "models/$(basename "$file")" "$models/local.mk" || fail "$(basename "$file") is not in models/local.mk"
done
[ "$checks" -gt 60 ] || fail "only $checks checkpoints"
finish
