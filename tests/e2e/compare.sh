#!/bin/bash
# compare.sh - tfmrun --compare: all agree; the line where a run parts from the reference.
. "$TFM_SRCDIR/tests/e2e/common.sh"
gpt="$tfmrun $plugins -q"
weights="--weights $fixtures/gpt2-tied"
reference=$fixtures/compare/gpt2-tied.safetensors

expect 0 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$reference"
grep -q '^all 16 values agree$' "$out" || fail "not all agree"
grep -q 'gpt2.tfm:[0-9]*:[0-9]* *h.0.attn.c_attn = transformer.h.0.attn.c_attn$' "$out" || fail "no c_attn"
grep -q 'h.1.* = transformer.h.1$' "$out" || fail "a layer's output is not found"

# one word is wrong: its line is named, and nothing before it
sed 's/kind: act/kind: "relu"/' "$TFM_SRCDIR/models/gpt2.tfm" >"$work/wrong.tfm"
line=$(grep -n '"relu"' "$work/wrong.tfm" | cut -d: -f1)
expect 1 $gpt "$work/wrong.tfm" $weights --compare "$reference"
grep -q "the first that does not is .h.0.ffn., wrong.tfm:$line:" "$out" || fail "not the line of the mistake"
grep -q 'c_proj  <-$' "$out" || fail "no mark"
grep -q 'h.0.attn.c_attn = transformer.h.0.attn.c_attn$' "$out" || fail "a mark before the mistake"
expect 1 $gpt "$work/wrong.tfm" $weights --compare "$reference" --json
grep -q '"first":"h.0.ffn"' "$out" || fail "JSON does not name it"

# ids of one's own: another text, so all but the first looks differ, or another shape
expect 1 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$reference" --ids 5,17,99,4,41
grep -q 'the first that does not is .wte.' "$out" || fail "other ids are not seen"
expect 1 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$reference" --ids 5
grep -q '(another shape)$' "$out" || fail "another shape is not told"
grep -q '^no value can be compared' "$out" || fail "nothing was compared, and it is not told"

# files that are none
expect 4 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$work/wrong.tfm"
expect 2 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$fixtures/llama-gqa/model.safetensors"
has "no name in it"
expect 2 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$fixtures/gpt2-tied/expected.safetensors"
has "input_ids"
expect 2 $gpt "$TFM_SRCDIR/models/gpt2.tfm" $weights --compare "$reference" --input -
finish
