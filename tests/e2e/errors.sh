#!/bin/sh
# errors.sh - what is wrong has its own exit status, and a message that says
# where, what was expected, what was found, and what to do.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# 2: usage
expect 2 "$tfmrun"
has "which model?"
expect 2 "$tfmrun" a.tfm b.tfm --input x
expect 2 "$tfmrun" "$models/gpt2.tfm" --input x --top-p 7
has "--top-p needs a number from 0 to 1"
expect 2 "$tfmrun" "$models/gpt2.tfm" --no-such-option
expect 2 "$tfmrun" $plugins "$models/bert.tfm" --weights "$fixtures/bert-mlm" --input "no mask here"
has "[MASK]"
expect 2 "$tfmrun" $plugins "$models/bert.tfm" --weights "$fixtures/bert-qa" --input "who?"
has "--context"

# 3: a misspelt op, a wrong width, no such file
sed 's/layer_norm(x, eps: eps) @ln_1/layernorm(x, eps: eps) @ln_1/' "$models/gpt2.tfm" >"$work/op.tfm"
expect 3 "$tfmrun" $plugins "$work/op.tfm" --weights "$fixtures/gpt2-tied" --input x
has "error[E201]: unknown op \`layernorm\`"
has "op.tfm:"
has "layer_norm"
sed 's/x = x + conv1d(a) @attn.c_proj/x = x + conv1d(a) @attn.c_attn/' "$models/gpt2.tfm" >"$work/width.tfm"
expect 3 "$tfmrun" $plugins "$work/width.tfm" --weights "$fixtures/gpt2-tied" --input x
has "error[E301]"
has "h.0.attn.c_attn.weight"
expect 3 "$tfmrun" "$work/none.tfm" --input x
has "there is no model file"

# 4: a missing tensor, a truncated file, a wrong shape, shards
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/damaged/missing-tensor" --input x
has "is not in the checkpoint"
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/damaged/truncated" --input x
has "model.safetensors"
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/damaged/wrong-shape" --input x
expect 4 "$tfmrun" $plugins "$models/llama.tfm" --weights "$fixtures/damaged/missing-shard" --input x
expect 4 "$tfmrun" $plugins "$models/llama.tfm" --weights "$fixtures/damaged/escaping-shard" --input x
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work" --input x
has "config.json"
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/none" --input x

# 5: text without a tokenizer
mkdir "$work/bare"
cp "$fixtures/gpt2-tied/config.json" "$fixtures/gpt2-tied/model.safetensors" "$work/bare"
expect 5 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/bare" --input x
has "--ids"
expect 0 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/bare" --ids 1,2,3 -n 2
echo '{"version": "1.0", "model": {"type": "Wrong"}}' >"$work/bare/tokenizer.json"
expect 5 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/bare" --input x
has "tokenizer.json"

# 6: a plugin of another ABI, and ops that are therefore missing
mkdir -m 755 "$work/plugins"
cat >"$work/other.c" <<'C'
#include "tfm/plugin.h"
__attribute__((used, section(".note.tfm"), aligned(4)))
static const tfm_plugin_note note = {
    4, 48, TFM_NOTE_TYPE, {'t', 'f', 'm', 0}, TFM_NOTE_MAGIC, 2, 0, 0, "other"};
TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void);
TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void) { return 0; }
C
${CC:-cc} -I"$TFM_SRCDIR/include" -shared -fPIC -o "$work/plugins/other.so" "$work/other.c" || exit 99
chmod 755 "$work/plugins/other.so"
sed 's/^\(model gpt2.*\)/\1\nuse other 1/' "$models/gpt2.tfm" >"$work/use.tfm"
expect 6 "$tfmrun" --plugin-dir "$work/plugins" $plugins "$work/use.tfm" --weights "$fixtures/gpt2-tied" --input x
has "other.so"
has "ABI"
has "found"

# 7: longer than the model allows
long=$(i=0; while [ $i -lt 200 ]; do printf '1,'; i=$((i + 1)); done; echo 1)
expect 7 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/gpt2-tied" --ids "$long"
has "201 tokens"
finish
