#!/bin/bash
# inspect.sh - tfm-inspect: everything installed, one op, one model, and why its kernels.
. "$TFM_SRCDIR/tests/e2e/common.sh"
inspect="$TFM_BUILDDIR/tools/tfm-inspect"
here="$plugins --model-dir $models"

expect 0 "$inspect" $here
for file in "$models"/*.tfm; do
  checks=$((checks + 1))
  grep -q "$(basename "$file") " "$out" || fail "$(basename "$file") is not listed"
done
grep -q '^  bert .*\[for bert; .*fill_mask.*\]$' "$out" || fail "what bert.tfm is for"
grep -q '^  attention .*avx.*reference\]$' "$out" || grep -q '^  attention .*base reference\]$' "$out" || fail "kernels of attention"
for op in $(cat "$TFM_SRCDIR"/plugins/*/*.c | grep -o '"op [a-z_0-9]*(' | cut -c5- | tr -d '( '); do
  checks=$((checks + 1))
  [ "$(grep -c "^  $op  *[^ ]" "$out")" -ge 1 ] || fail "the op $op is not listed, or says nothing"
done
sed -n '/^masks$/,/^biases$/p' "$out" | grep -q '^  causal ' || fail "causal is no mask"
grep -q '^  norm  *[0-9.]* .*norm.so)$' "$out" || fail "the plugin norm"

expect 0 "$inspect" $here layer_norm
grep -q '^op layer_norm(' "$out" || fail "no schema"
grep -q '^kernel reference of norm: cpu, score 0, the meaning of the op' "$out" || fail "no reference kernel"
expect 2 "$inspect" $here layernorm
has 'no op `layernorm`'

expect 0 "$inspect" $here "$fixtures/gpt2-tied" --explain
grep -q '^model  *gpt2 (' "$out" || fail "no model"
grep -q '^tokens  *64 at most$' "$out" || fail "no bound"
grep -q '^h.0.attention: attention = ' "$out" || fail "no kernel of a node"
expect 0 "$inspect" $here "$fixtures/gpt2-tied" --explain --kernels attention=reference
grep -q '^h.0.attention: attention = reference of attention; not ' "$out" || fail "--kernels is not followed"

expect 2 "$inspect" $here --explain
expect 2 "$inspect" $here a b
mkdir "$work/plugins" && cp "$TFM_SRCDIR/README.md" "$work/plugins/broken.so"
expect 0 "$inspect" --plugin-dir "$work/plugins" $here
grep -q '^  broken  *not taken: ' "$out" || fail "a plugin that was refused is not told"
finish
