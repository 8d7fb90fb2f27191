#!/bin/sh
# session.sh - tfmrun --session: a text that goes on from run to run computes what is new, and
# says what it says in one.
. "$TFM_SRCDIR/tests/e2e/common.sh"
gpt="$tfmrun $plugins $models/gpt2.tfm --weights $fixtures/gpt2-tied -n 6 --ignore-stop"
made() { sed 's/.*"ids":\[\([0-9,]*\)\].*/\1/' "$out"; }

expect 0 $gpt -q --json --ids 5,17,200 --session "$work/text"
first=$(made)
expect 0 $gpt --json --ids 9 --session "$work/text"
second=$(made)
grep -q '"prompt_tokens":2,"first_token' "$out" || fail "what was run is run again"
expect 0 $gpt -q --json --ids "5,17,200,$first,9"
[ "$(made)" = "$second" ] || fail "another text than in one run"
expect 0 $gpt -q --input " and" --session "$work/text" --temp 0.9 --seed 3
cp "$work/text" "$work/kept"

# what is no text of this model, and what is not one text
expect 4 $gpt --input a --session "$fixtures/gpt2-tied/model.safetensors"
has "was not made by tfm_session_save"
cp "$fixtures/gpt2-tied/config.json" "$work/config.json"
expect 4 $gpt --input a --session "$work/config.json"
cmp -s "$fixtures/gpt2-tied/config.json" "$work/config.json" || fail "a file is replaced"
expect 4 $tfmrun $plugins "$models/llama.tfm" --weights "$fixtures/llama-gqa" --input a \
  --session "$work/text"
has "of another model file or checkpoint"
expect 2 $tfmrun $plugins "$models/bert.tfm" --weights "$fixtures/bert-mlm" --input "[MASK]" \
  --session "$work/text"
has "--session is for the task generate"
for wrong in "" "--input -" "--ids -" "--input a -N 2" "--input a --attention -"; do
  expect 2 $gpt --session "$work/text" $wrong
  has "--session is one text"
done
expect 2 $gpt --input a --session "$work/text" --dump "logits=$work/logits"
has "has no sessions"
cmp -s "$work/text" "$work/kept" || fail "a run that was refused has changed the file"
expect 7 $gpt --ids "$(seq -s, 10 73)" --session "$work/text"
cmp -s "$work/text" "$work/kept" || fail "a run that failed has changed the file"
finish
