#!/bin/sh
# mixing.sh - a plugin's op that mixes tokens, masks and biases that point into memory, and a failure
# that was none: the same answer whoever looks, or a refusal by name.
. "$TFM_SRCDIR/tests/e2e/common.sh"
mkdir "$work/plugins"
${CC:-cc} -std=c11 -fPIC -shared -fvisibility=hidden -I"$TFM_SRCDIR/include" \
  -o "$work/plugins/mixing.so" "$TFM_SRCDIR/tests/e2e/mixing.c" || exit 99
chmod go-w "$work/plugins" "$work/plugins/mixing.so"
plugins="$plugins --plugin-dir $work/plugins"
weights="--weights $fixtures/gpt2-tied"

# In the head of a model without a state: all tokens, whether or not somebody looks.
sed -e '/^model /a use mixing 1' -e '/^state /d' -e 's/, cache: cache)/)/' \
  -e 's/layer(x, past\[i\], i)/layer(x, i)/' -e 's/cache: kv, //' \
  "$models/gpt2.tfm" >"$work/plain.tfm"
expect 0 $tfmrun $plugins -q "$models/gpt2.tfm" $weights --input "The model" -n 12
text=$(cat "$out")
expect 0 $tfmrun $plugins -q "$work/plain.tfm" $weights --input "The model" -n 12
says "$text"
sed 's/logits = linear(x,/logits = linear(mixing.prefix(x),/' "$work/plain.tfm" >"$work/mix.tfm"
expect 0 $tfmrun $plugins -q "$work/mix.tfm" $weights --input "The model" -n 12
mixed=$(cat "$out")
[ "$mixed" != "$text" ] || fail "the op changes nothing"
expect 0 $tfmrun $plugins -q "$work/mix.tfm" $weights --input "The model" -n 12 \
  --dump "logits=$work/logits.safetensors"
says "$mixed"
expect 0 $tfmc --emit=graph $plugins "$work/mix.tfm" $weights
grep -q 'last_token.*\[B,1,24\]' "$out" || fail "the last token is not taken before linear"

# After it, what is alone is cut: layer by layer down to where tokens meet.
sed 's/return logits = linear(x, weight: out)/y = linear(x, weight: out)\n  return logits = mixing.prefix(y) * 2.0/' \
  "$work/plain.tfm" >"$work/late.tfm"
expect 0 $tfmc --emit=graph $plugins "$work/late.tfm" $weights
grep -q 'last_token.*\[B,1,296\]' "$out" || fail "the last token is not taken behind prefix"

# Tokens along a second axis: not those of the last token alone.
sed 's/logits = linear(x,/logits = linear(mixing.tilt(x, mixing.firsts(x)),/' "$work/plain.tfm" >"$work/tilt.tfm"
expect 0 $tfmrun $plugins -q "$work/tilt.tfm" $weights --input "The model" -n 12
tilted=$(cat "$out")
[ "$tilted" != "$text" ] || fail "tilt changes nothing"
expect 0 $tfmrun $plugins -q "$work/tilt.tfm" $weights --input "The model" -n 12 \
  --dump "logits=$work/logits.safetensors"
says "$tilted"

# Beside a state it would see the new token alone.
sed -e '/^model /a use mixing 1' -e 's/logits = linear(x,/logits = linear(mixing.prefix(x),/' \
  "$models/gpt2.tfm" >"$work/state.tfm"
expect 3 $tfmrun $plugins -q "$work/state.tfm" $weights --input "The model" -n 12
has 'beside a state, `mixing.prefix` would see the new tokens of a step'
has 'TFM_OP_KEEPS_TOKENS'
# So would attention that is not given the state.
sed -e 's/, cache: cache)/, cache: if i == 0 then cache else none)/' -e 's/kv\[L\]/kv[1]/; s/past\[i\]/past[0]/' \
  "$models/gpt2.tfm" >"$work/half.tfm"
expect 3 $tfmrun $plugins -q "$work/half.tfm" $weights --input "The model" -n 12
has 'beside a state, `attention` would see the new tokens of a step'

# Masks: two texts of different lengths, so that padding counts.
printf 'the [MASK] sat\nthe cat sat on the mat and [MASK] the dog\n' >"$work/lines"
mlm() { # MODEL OPTION
  "$tfmrun" $plugins -q "$1" --weights "$fixtures/bert-mlm" --json $2 <"$work/lines" 2>"$err" |
    sed 's/"model":.*//'
}
for mask in 'mixing.late(mixing.copy(real))' 'm' 'mixing.late(mixing.shown(c, mixing.late(c)))'; do
  sed -e '/^model /a use mixing 1' -e "s/mask: padding(real)/mask: $mask/" "$models/bert.tfm" \
    >"$work/mask.tfm"
  sed -i 's/^  a = linear(attention/  c = mixing.copy(real)\n&/' "$work/mask.tfm"
  [ "$mask" != m ] || sed -i 's/^  a = linear(attention/  m, again = mixing.both(real)\n&/' "$work/mask.tfm"
  for option in '' --no-fuse '--kernels reference' '-t 2'; do
    mlm "$models/bert.tfm" "$option" >"$work/want"
    mlm "$work/mask.tfm" "$option" >"$work/got"
    checks=$((checks + 1))
    [ -s "$work/want" ] && cmp -s "$work/want" "$work/got" ||
      { fail "mask: $mask $option"; cat "$err"; }
  done
done

# Biases: alibi, and the same numbers in a tensor that differs by row.
biased() { # BIAS FILE
  sed -e '/^model /a use mixing 1' -e "s/mask: padding(real)/&, bias: $1/" \
    -e 's/^  a = linear(attention/  n, spelt = mixing.near(x)\n&/' "$models/bert.tfm" >"$2"
}
biased 'alibi(heads: H)' "$work/alibi.tfm"
biased 'alibi(heads: H) + alibi(heads: H)' "$work/twice.tfm"
for case in 'alibi dense_bias(mixing.spelt(x))' 'alibi n' 'twice alibi(heads: H) + dense_bias(mixing.spelt(x))' \
  'twice n + dense_bias(mixing.spelt(x))'; do
  biased "${case#* }" "$work/bias.tfm"
  mlm "$models/bert.tfm" '' >"$work/plain"
  for option in '' --no-fuse '--kernels reference' '-t 2'; do
    mlm "$work/${case%% *}.tfm" "$option" >"$work/want"
    mlm "$work/bias.tfm" "$option" >"$work/got"
    checks=$((checks + 1))
    [ -s "$work/want" ] && cmp -s "$work/want" "$work/got" && ! cmp -s "$work/plain" "$work/got" ||
      { fail "bias: $case $option"; cat "$err"; }
  done
done

# Where it is another one for each text, a text has its own.
for bias in 'dense_bias(mixing.spelt(x, by: 5))' n 'n + dense_bias(mixing.spelt(x, by: 2))'; do
  biased "$bias" "$work/bias.tfm"
  sed -i 's/mixing.near(x)/mixing.near(x, by: 3)/' "$work/bias.tfm"
  mlm "$work/bias.tfm" '' >"$work/got"
  cp "$work/lines" "$work/all"
  while read -r line; do
    echo "$line" >"$work/lines"
    mlm "$work/bias.tfm" ''
  done <"$work/all" >"$work/want"
  cp "$work/all" "$work/lines"
  checks=$((checks + 1))
  [ "$(grep -c scores "$work/want")" -eq 2 ] && cmp -s "$work/want" "$work/got" ||
    { fail "bias of each text: $bias"; cat "$err"; }
done

# An op that takes no mask, and attention that is given none: a text says the same alone as
# beside a longer one.
printf 'the cat\nthe cat sat on the mat and the dog sat on the cat\nsat\n' >"$work/lines"
sed -e '/^model /a use mixing 1' -e '/^head /,$d' -e 's/^weights {/&\n  ignore "pooler.*"/' "$models/bert.tfm" >"$work/mean.tfm"
echo 'head mean(x): embed for "BertModel" { return vector = mixing.mean(x) }' >>"$work/mean.tfm"
sed -e 's/, mask: padding(real)//' "$models/bert.tfm" >"$work/all.tfm"
sed 's/mixing.mean/mixing.total/' "$work/mean.tfm" >"$work/total.tfm"
for model in mean total all; do
  embed="$tfmrun $plugins -q $work/$model.tfm --weights $fixtures/bert-model --task embed --json"
  $embed <"$work/lines" 2>"$err" | sed 's/"timing.*//' >"$work/got"
  while read -r line; do
    $embed --input "$line" 2>>"$err" | sed 's/"timing.*//'
  done <"$work/lines" >"$work/want"
  checks=$((checks + 1))
  [ "$(grep -c vector "$work/want")" -eq 3 ] && cmp -s "$work/want" "$work/got" ||
    { fail "$model.tfm: other vectors in a batch"; cat "$err"; head -c 300 "$work/want" "$work/got"; }
done

# Where the batch is a number, rows are rectangles: an op that is told nothing of padding takes
# texts of one length alone, attention with a mask takes any.
number='s/^dim B, T/dim T/; s/\[B, /[3, /g'
sed -e "$number" "$work/mean.tfm" >"$work/number.tfm"
sed -e "$number" -e 's/mixing.mean(x)/mean_pool(x, real)/' "$work/mean.tfm" >"$work/masked.tfm"
printf 'the cat\nthe cat\nthe cat\n' >"$work/same"
for case in 'number lines 0' 'number same 3' 'masked lines 3'; do
  set -- $case
  $tfmrun $plugins -q "$work/$1.tfm" --weights "$fixtures/bert-model" --task embed --json \
    <"$work/$2" >"$out" 2>"$err"
  checks=$((checks + 1))
  [ "$(grep -c vector "$out")" -eq "$3" ] || { fail "$1.tfm: $2"; cat "$err"; }
done

# Which nodes are run a row at a time, and why: mean is, total knows rows.
profile="--weights $fixtures/bert-model --task embed --profile"
expect 0 $tfmrun $plugins -q "$work/mean.tfm" $profile --input "the cat"
has 'mixing/reference; a row at a time: the kernel does not know rows'
expect 0 $tfmrun $plugins -q "$work/total.tfm" $profile --input "the cat"
! grep -q 'a row at a time' "$err" || fail "total is run a row at a time"

# What one op said before it did its work is not another's reason.
sed -e '/^model /a use mixing 1' \
  -e 's/logits = linear(x,/logits = linear(mixing.mute(mixing.cautious(x)),/' \
  "$models/gpt2.tfm" >"$work/mute.tfm"
expect 1 $tfmrun $plugins -q "$work/mute.tfm" $weights --input "The model" -n 2
has '`mute` (op `mixing.mute`, kernel `reference` of plugin `mixing`) failed and did not say why'
# What a kernel says reaches the user.
sed -e '/^model /a use mixing 1' -e 's/logits = linear(x,/logits = linear(mixing.cautious(x),/' \
  "$models/gpt2.tfm" >"$work/speaks.tfm"
expect 0 $tfmrun $plugins "$work/speaks.tfm" $weights --input "The model" -n 2
has 'warning: 24 floats are not many'
! grep -q 'nobody hears' "$err" || fail "a debug line is shown"
finish
