#!/bin/sh
# recurrence.sh - a plugin's op that keeps a tensor for each row, built with nothing of the tree
# but tfm/plugin.h: the same bits at once and token by token, alone and beside others, and after
# forks and cuts; and what is wrong with a state is said.
. "$TFM_SRCDIR/tests/e2e/common.sh"
mkdir "$work/gated"
${CC:-cc} -std=c11 -O1 -fPIC -shared -fvisibility=hidden -I"$TFM_SRCDIR/include" \
  -o "$work/gated/gated.so" "$TFM_SRCDIR/examples/recurrence/gated.c" || exit 99
chmod go-w "$work/gated" "$work/gated/gated.so"
plugins="$plugins --plugin-dir $work/gated"
recall=$TFM_SRCDIR/examples/recurrence/recall.tfm
weights="--weights $fixtures/gpt2-tied"

# The first layer attends, the second recalls: keys and values beside matrices.
cat >"$work/hybrid.tfm" <<'END'
tfm 1
model hybrid for "gpt2"
use gated 1
param V = config.vocab_size, D = config.n_embd, H = config.n_head, K = D / H, P = config.n_positions
dim B, T <= P, S <= P
input ids:  i32[B, T]  = tokens.ids
input pos:  i32[B, T]  = tokens.positions
input real: bool[B, S] = tokens.mask
state memory[1]: f32[H, K, K]
state past: kv[1]
weights { ignore "h.*.attn.bias" }
weight wte: [V, D] = @wte.weight
block asked(x) {
  n = layer_norm(x) @ln_1
  q, k, v = split(linear(n, weight: transpose(@attn.c_attn.weight), bias: @attn.c_attn.bias), parts: 3)
  return q, k, v
}
block rest(x: [B, T, D], y) {
  x = x + linear(y, weight: transpose(@attn.c_proj.weight), bias: @attn.c_proj.bias)
  n = layer_norm(x) @ln_2
  return x + ffn(n, kind: "gelu_new", up: transpose(@mlp.c_fc), down: transpose(@mlp.c_proj))
}
block heads(x) { return reshape(x, shape: [B, T, H, _]) }
block attends(x: [B, T, D], cache: kv) {
  q, k, v = asked(x)
  a = attention(heads(q), heads(k), heads(v), mask: causal() & padding(real), cache: cache)
  return rest(x, a)
}
block recalls(x: [B, T, D], own: state) {
  q, k, v = asked(x)
  return rest(x, gated.recall(q, k, v, own, heads: H, decay: 0.9))
}
graph decode {
  x = embedding(ids, weight: wte) + embedding(pos) @wpe
  x = attends(x, past[0]) @h.0
  x = recalls(x, memory[0]) @h.1
  return x = layer_norm(x) @ln_f
}
head lm(x): generate for "GPT2LMHeadModel" { return logits = linear(x, weight: wte) }
END

for model in "$recall" "$work/hybrid.tfm"; do
  expect 0 $tfmc check $plugins "$model"
  expect 0 $tfmc check $plugins "$model" $weights
  expect 0 $tfmrun $plugins -q "$model" $weights --input "The model" -n 20 --ignore-stop
  cp "$out" "$work/alone"
  printf 'I like tea, and a cat that sleeps all day long\nThe model\nI\n' >"$work/lines"
  for kernels in "" "--threads 2" "--kernels reference"; do
    expect 0 sh -c 'lines=$1; shift; "$@" <"$lines"' - "$work/lines" $tfmrun $plugins -q "$model" \
      $weights --input - -n 20 --ignore-stop $kernels
    sed -n 2p "$out" | cmp -s - "$work/alone" || fail "another text beside others"
  done
  # Beams fork what they go on from, and samples of one prompt share it.
  expect 0 $tfmrun $plugins -q "$model" $weights --input "The model" -n 12 --beams 4
  cp "$out" "$work/alone"
  expect 0 sh -c 'lines=$1; shift; "$@" <"$lines"' - "$work/lines" $tfmrun $plugins -q "$model" \
    $weights --input - -n 12 --beams 4
  sed -n 2p "$out" | cmp -s - "$work/alone" || fail "other beams beside others"
  drawn="--temp 0.9 -n 12 --ignore-stop"
  expect 0 $tfmrun $plugins -q "$model" $weights --input "The model" $drawn -N 2 --seed 4
  cp "$out" "$work/both"
  : >"$work/each"
  for seed in 4 5; do
    expect 0 $tfmrun $plugins -q "$model" $weights --input "The model" $drawn --seed $seed
    cat "$out" >>"$work/each"
  done
  cmp -s "$work/both" "$work/each" || fail "samples of one prompt are not those of each alone"
done

# An op that says of itself what cannot be is given all tokens all the same.
mkdir "$work/flag"
sed 's/^    .version = 1,/    .version = 1, .flags = TFM_OP_KEEPS_TOKENS,/; s/ | TFM_KERNEL_KNOWS_ROWS//' \
  "$TFM_SRCDIR/examples/recurrence/gated.c" >"$work/flag/gated.c"
grep -q 'TFM_OP_KEEPS_TOKENS' "$work/flag/gated.c" || fail "the flag is not there"
${CC:-cc} -std=c11 -O1 -fPIC -shared -fvisibility=hidden -I"$TFM_SRCDIR/include" \
  -o "$work/flag/gated.so" "$work/flag/gated.c" || exit 99
chmod go-w "$work/flag" "$work/flag/gated.so"
expect 0 $tfmrun --plugin-dir "$TFM_PLUGIN_DIR" --plugin-dir "$work/flag" -q "$recall" $weights \
  --input "The model" -n 20 --ignore-stop
cp "$out" "$work/flagged"
expect 0 $tfmrun $plugins -q "$recall" $weights --input "The model" -n 20 --ignore-stop
cmp -s "$out" "$work/flagged" || fail "an op with a state is given the last token alone"

# The bits of 64 sessions, of threads, of turns, forks and cuts.
for model in "$recall" "$work/hybrid.tfm"; do
  expect 0 env TFM_PLUGIN_PATH="$work/gated" "$TFM_BUILDDIR/tests/robust/test_sessions" \
    "$model" gpt2-tied
done

# What is wrong with a state is said.
refuse() { # EDIT CODE MESSAGE
  sed "$1" "$recall" >"$work/bad.tfm"
  cmp -s "$recall" "$work/bad.tfm" && fail "nothing is changed by: $1"
  expect 3 $tfmc check $plugins "$work/bad.tfm" $weights
  has "error[$2]: $3"
}
refuse 's/\[L\]: \[H, K, K\]/[L]: [B, H, K, K]/' E306 'a state has the same size at each step, and `B` is not known yet'
refuse 's/\[L\]: \[H, K, K\]/[L]: [H, K, _]/' E306 'a state has the same size at each step, and `_` is not known yet'
refuse 's/\[L\]: \[H, K, K\]/[L]: [H, K]/' E305 '`own` of `layer` is state[2,12], state[2,12,12] is declared'
refuse 's/\[L\]: \[H, K, K\]/[L]: f16[H, K, K]/' E311 'a state is keys and values, `kv[LAYERS]`, or a tensor'
refuse 's/\[L\]: \[H, K, K\]/: kv[L]/' E302 '`own` of `layer` is kv[?], state[2,12,12] is declared'
refuse 's/own: state\[H, K, K\]/own/; s/\[L\]: \[H, K, K\]/[L]: [H, K, K + 1]/' E301 \
  '`gated.recall`: `K` is 12 in `memory`, and 13 in `memory` state[2,12,13]'
refuse 's/memory\[i\])/memory[0])/' E224 'the state `memory[0]` is used by two ops'
has 'an op takes a layer of it: `gated.recall(..., memory: memory[i])`'
refuse 's/memory\[i\])/memory)/' E306 '`layer` needs a tensor for `own`, this is a state'
refuse 's/, own: state\[H, K, K\]//; s/memory: own/memory: q/; s/, memory\[i\]//' E302 \
  '`gated.recall` needs one layer of a state that is a tensor in `memory`'
# Beside a state no op sees the new tokens alone, and a state is no tensor.
refuse 's/^  y = gated/  h = reshape(q, shape: [B, T, H, _])\n  q = q + attention(h, h, h)\n&/' E214 'beside a state, `attention` would see'
refuse 's/^  y = gated/  z = linear(own, weight: wte)\n&/' E302 '`linear` needs a float in `x`'
expect 2 $tfmrun $plugins -q "$recall" $weights --input x --dump "memory[0]=$work/m"
has 'dump: `memory[0]` is a state, and no tensor'
finish
