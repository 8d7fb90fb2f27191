#!/bin/bash
# dump.sh - what --dump replaces: an earlier dump, an empty file, nothing else.
. "$TFM_SRCDIR/tests/e2e/common.sh"
cp -RL "$fixtures/gpt2-tied" "$work/model" && chmod -R u+w "$work/model"
gpt="$tfmrun $plugins -q -n 1 --ids 1 $work/model"
sum() { cksum <"$1"; }

expect 0 $gpt --dump "logits=$work/d.safetensors"
good=$(sum "$work/d.safetensors")
expect 0 $gpt --dump "logits=$work/d.safetensors"

# links are followed, and stay: to a dump, to nothing yet, in a chain
ln -s d.safetensors "$work/link"
ln -s new.safetensors "$work/dangling"
ln -s dangling "$work/chain"
printf x >"$work/d.safetensors" && : >"$work/d.safetensors"
for name in link chain; do
  expect 0 $gpt --dump "logits=$work/$name"
  [ -L "$work/$name" ] || fail "a dump replaces the link $name"
done
[ "$(sum "$work/d.safetensors")" = "$good" ] && [ "$(sum "$work/new.safetensors")" = "$good" ] ||
  fail 'a dump is not where its link leads'
ln -s round "$work/round"
expect 2 $gpt --dump "logits=$work/round"
has 'too many links'

# what is no plain file
mkfifo "$work/pipe"
mkdir "$work/folder"
for name in /dev/null /dev/full /dev/stdout "$work/pipe" "$work/folder"; do
  expect 2 $gpt --dump "logits=$name"
  has "cannot write a dump to $name"
done
[ -c /dev/null ] && [ -p "$work/pipe" ] || fail 'a device is replaced'

# what this run reads, by whatever name; what no dump can be
cp "$work/d.safetensors" "$work/feed.safetensors"
ln -s model/model.safetensors "$work/weights"
ln "$work/model/model.safetensors" "$work/hard"
for name in model/model.safetensors weights hard; do
  before=$(sum "$work/model/model.safetensors")
  expect 2 $gpt --dump "logits=$work/$name"
  has 'this run uses that file'
  [ "$(sum "$work/model/model.safetensors")" = "$before" ] || fail "$name is replaced"
done
# a value in the middle, where nothing that is left says how many tokens there are
ids="$tfmrun $plugins -q $work/model --ids"
expect 0 $ids 5,17,200 -n 1 --dump "add=$work/middle.safetensors"
expect 0 $ids 5,17,200 -n 1 --feed "add=$work/middle.safetensors:add"
expect 2 $ids 5,17,200 -n 2 --feed "add=$work/middle.safetensors:add"
has '`add` is fed with another length than the texts have'
expect 2 $ids 5,17 -n 1 --feed "add=$work/middle.safetensors:add"
has 'expected: 2 tokens'
expect 2 $gpt --feed "logits=$work/feed.safetensors:logits" --dump "logits=$work/feed.safetensors"
has 'this run uses that file'
cp "$fixtures/bert-mlm/model.safetensors" "$work/model/of-another.safetensors"
for name in config.json tokenizer.json of-another.safetensors; do
  before=$(sum "$work/model/$name")
  expect 2 $gpt --dump "logits=$work/model/$name"
  has 'no dump of tfm'
  [ "$(sum "$work/model/$name")" = "$before" ] || fail "$name is replaced"
done
cp "$models/gpt2.tfm" "$work/mine.tfm"
expect 2 "$tfmrun" $plugins -q -n 1 --ids 1 "$work/mine.tfm" --weights "$work/model" --dump "logits=$work/mine.tfm"
has 'this run uses that file'
cmp -s "$models/gpt2.tfm" "$work/mine.tfm" || fail 'the model file is replaced'
checks=$((checks + 1))
"$tfmrun" $plugins -q -n 1 --ids 1 "$work/model" --dump "logits=$work/output" >"$work/output" 2>"$err" &&
  fail 'the output of the run is replaced'
ls "$work" "$work/model" | grep -q part && fail "a part is left: $(ls "$work")"
finish
