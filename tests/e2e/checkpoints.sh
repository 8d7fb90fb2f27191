#!/bin/sh
# checkpoints.sh - how checkpoints are found, checked and refused.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# copy FIXTURE DIR: a checkpoint of its own, to be broken.
copy() {
  mkdir -p "$2"
  cp -L "$fixtures/$1"/* "$2"
}

# A checkpoint that is cut while tfmrun (all its threads) waits for its second batch: an error
# that names the file, whether a whole page is lost (which would be a SIGBUS)
# or only a few bytes of the last one.
size=$(wc -c <"$fixtures/gpt2-tied/model.safetensors")
for rest in 0 5000 $((size - 1)); do
  copy gpt2-tied "$work/cut"
  mkfifo "$work/pipe"
  : >"$out" # what the one before has left must not be counted
  "$tfmrun" $plugins -q -t 4 -n 2 "$work/cut" <"$work/pipe" >"$out" 2>"$err" &
  pid=$!
  exec 3>"$work/pipe"
  i=0
  while [ $i -lt 32 ]; do echo "The model"; i=$((i + 1)); done >&3
  i=0
  while [ "$(wc -l <"$out")" -lt 32 ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done
  truncate -s $rest "$work/cut/model.safetensors"
  echo "The model" >&3
  exec 3>&-
  wait $pid
  code=$?
  checks=$((checks + 1))
  [ $code -eq 4 ] || fail "exit $code, not 4, after a cut to $rest bytes"
  has "model.safetensors\` was cut while it was read"
  checks=$((checks + 1))
  [ "$(wc -l <"$out")" -eq 32 ] || fail "something was printed after a cut to $rest bytes"
  rm -rf "$work/pipe" "$work/cut"
done

# The Hugging Face cache: links into blobs, a branch, a pull request, a commit.
hub="$work/hub"
tiny="$hub/models--acme--tiny-1.0"
commit=0f1e2d3c4b5a69788796a5b4c3d2e1f001122334
mkdir -p "$tiny/blobs" "$tiny/refs/refs/pr" "$tiny/snapshots/$commit" "$hub/models--solo/snapshots/aa"
for file in "$fixtures"/gpt2-tied/*; do
  name=$(basename "$file")
  cp -L "$file" "$tiny/blobs/blob-$name"
  ln -s "../../blobs/blob-$name" "$tiny/snapshots/$commit/$name"
done
printf %s "$commit" >"$tiny/refs/main"
printf '%s\n' "$commit" >"$tiny/refs/refs/pr/1"
printf '../../../etc' >"$tiny/refs/bad"
printf '..' >"$tiny/refs/up"
run="$tfmrun $plugins -q --ids 1,2,3 -n 4"
expect 0 $run "$fixtures/gpt2-tied"
right=$(cat "$out")
HF_HUB_CACHE="$hub" HOME="$work/home"
unset HF_HOME XDG_CACHE_HOME
export HF_HUB_CACHE HOME
for name in acme/tiny-1.0 acme/tiny-1.0@main acme/tiny-1.0@refs/pr/1 "acme/tiny-1.0@$commit"; do
  expect 0 $run "$name"
  says "$right"
  expect 0 $run "$models/gpt2.tfm" --weights "$name"
  says "$right"
done
expect 0 "$tfmc" $plugins check "$models/gpt2.tfm" --weights acme/tiny-1.0
expect 0 "$TFM_BUILDDIR/tools/tfm-tokenize" acme/tiny-1.0 "The model"
expect 0 "$TFM_BUILDDIR/tools/tfm-weights" --no-models acme/tiny-1.0@refs/pr/1

expect 4 $run acme/tiny-1.0@v2
has "but not its revision \`v2\`"
has "found: snapshots: $commit"
expect 4 $run acme/tiny-1.0@bad
has "refs/bad\` does not name a snapshot"
expect 4 $run acme/tiny-1.0@up
expect 4 $run solo
has "not its revision \`main\`"
expect 3 $run acme/none
has "searched: $hub/models--acme--none"
has "hf download acme/none"
expect 4 $run "$models/gpt2.tfm" --weights acme/none
has "searched: $hub/models--acme--none"
for name in ../tiny acme/../tiny acme--tiny /acme/tiny acme/tiny-1.0@../x acme/tiny-1.0@/etc a/b/c; do
  expect 4 $run "$models/gpt2.tfm" --weights "$name"
  has "there is no directory or file"
done

# the variables in their order; a path that is there wins over a name
HF_HUB_CACHE="$work/none" HF_HOME="$work" expect 3 $run acme/tiny-1.0
unset HF_HUB_CACHE
HF_HOME="$work" expect 0 $run acme/tiny-1.0
mkdir -p "$work/home/.cache/huggingface" "$work/xdg/huggingface" "$work/here/acme/tiny-1.0"
expect 3 $run acme/tiny-1.0
has "searched: $work/home/.cache/huggingface/hub/models--acme--tiny-1.0"
ln -s "$hub" "$work/home/.cache/huggingface/hub"
expect 0 $run acme/tiny-1.0
ln -s "$hub" "$work/xdg/huggingface/hub"
XDG_CACHE_HOME="$work/xdg" HOME=/nonexistent expect 0 $run acme/tiny-1.0
HF_HOME='~/.cache/huggingface' expect 0 $run acme/tiny-1.0
HF_HOME='~other/hf' expect 3 $run acme/tiny-1.0
has "searched: ~other/hf/hub/models--acme--tiny-1.0"
HF_HUB_CACHE= HF_HOME= XDG_CACHE_HOME= expect 0 $run acme/tiny-1.0
HF_HUB_CACHE='~' HOME="$hub" expect 0 $run acme/tiny-1.0
(
  unset HOME
  expect 3 $run acme/none
  has "no Hugging Face cache: HOME is not set"
  HF_HOME='~/hf' expect 3 $run acme/none
  has "no Hugging Face cache: HOME is not set"
  exit $failed
) || failed=1

# addresses of the site
for name in https://huggingface.co/acme/tiny-1.0 hf.co/acme/tiny-1.0 'hf.co/acme/tiny-1.0?library=x' \
  huggingface.co/acme/tiny-1.0/tree/refs; do
  "$tfmrun" $plugins -q "$name" --ids 1 -n 1 >"$out" 2>"$err"
  case $name in
  */tree/*) has "not its revision" ;;
  *) [ -s "$out" ] || fail "$name: $(cat "$err")" ;;
  esac
done
for name in 'acme/tiny-' 'acme/.tiny' 'acme/ti..ny' 'acme/ti ny' "acme/$(printf '%097d' 1)" "acme/tiny-1.0@$(printf '%0256d' 1)"; do
  expect 4 $run "$models/gpt2.tfm" --weights "$name"
  has "there is no directory or file"
done
cd "$work/here" || exit 99
expect 4 $run acme/tiny-1.0
has "acme/tiny-1.0 has no config.json"
cd "$work" || exit 99
# a file of the snapshot whose blob is gone
rm "$tiny/blobs/blob-model.safetensors"
expect 4 $run acme/tiny-1.0
has "cannot open"

# a pickle is a program
copy gpt2-tied "$work/pickle"
rm "$work/pickle/expected.safetensors"
mv "$work/pickle/model.safetensors" "$work/pickle/pytorch_model.bin"
expect 4 $run "$work/pickle"
has "pytorch_model.bin\` is a pickle, a program that runs when it is loaded"
has "safetensors"
expect 4 $run "$models/gpt2.tfm" --weights "$work/pickle/pytorch_model.bin"
has "is a pickle"

# tfm-weights: what is there, in which file, and who takes it
weights="$TFM_BUILDDIR/tools/tfm-weights"
# lines TEXT: the output has a line of exactly these words
lines() {
  checks=$((checks + 1))
  tr -s ' ' <"$out" | grep -qxF -- "$1" || {
    fail "stdout lacks: $1"
    sed 's/^/    /' "$out"
  }
}
expect 0 "$weights" $plugins "$fixtures/gpt2-tied"
lines "wte.weight f32 [296, 24] 27.8 KiB"
lines "30 tensors, 31328 values, 98.4 KiB; f32 28, u8 2"
lines "taken by $models/gpt2.tfm (generate)"
expect 0 "$weights" $plugins "$fixtures/llama-shards" "model.layers.[01].mlp.*" "*norm.weight" --sort name
lines "model.layers.1.mlp.up_proj.weight f32 [40, 24] 3.8 KiB model-00003-of-00003.safetensors"
lines "11 tensors, 5880 values, 23.0 KiB; f32 11"
checks=$((checks + 1))
head -n 11 "$out" | LC_ALL=C sort -c || fail "--sort name does not sort"
expect 0 "$weights" $plugins "$fixtures/llama-tied" "lm_head*"
lines "lm_head.weight f32 [338, 24] 31.7 KiB the same as model.embed_tokens.weight"
expect 0 "$weights" $plugins "$fixtures/gpt2-tied" --sort size "*"
checks=$((checks + 1))
[ "$(head -n 1 "$out" | cut -d' ' -f1)" = wte.weight ] || fail "--sort size: the largest is not first"
expect 0 "$weights" $plugins "$fixtures/damaged/wrong-shape" nothing
grep -q "not taken by $models/gpt2.tfm, though it is for gpt2: .*E303" "$out" || fail "no reason is given"
expect 0 "$weights" $plugins "$fixtures/bert-qa" --json "qa*"
grep -q '"takes":true,"named":true,"task":"qa"' "$out" || fail "bert.tfm does not take bert-qa"
grep -q '"name":"qa_outputs.bias","dtype":"f32","shape":\[2\],"elements":2,"bytes":8' "$out" ||
  fail "no qa_outputs.bias in JSON"
expect 0 "$weights" $plugins "$fixtures/bert-qa/model.safetensors" x
lines "taken by $models/bert.tfm (qa)"
expect 2 "$weights"
expect 2 "$weights" "$fixtures/bert-qa" --sort colour
expect 4 "$weights" "$work/nothing"
expect 4 "$weights" "$fixtures/damaged/truncated"
has "the file is truncated"
expect 4 "$weights" "$work/pickle"
has "is a pickle"

# a name that would talk to the terminal
bad='{"a\u001b[2J\u009b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}'
printf "\\$(printf %o ${#bad})\\0\\0\\0\\0\\0\\0\\0%s" "$bad" >"$work/escape.safetensors"
printf '\0\0\0\0' >>"$work/escape.safetensors"
expect 0 "$weights" --no-models "$work/escape.safetensors"
lines 'a\u{1b}[2J\u{9b} f32 [] 4 B'

# --check reads every header and the tokenizer, and runs nothing
check="$tfmrun $plugins -q --check"
expect 0 $check "$fixtures/llama-shards"
says "llama: $models/llama.tfm fits $fixtures/llama-shards"
copy llama-shards "$work/check"
truncate -s -1 "$work/check/model-00003-of-00003.safetensors"
expect 4 $check "$work/check"
has "model-00003-of-00003.safetensors"
copy gpt2-tied "$work/tokens"
expect 0 $check "$work/tokens"
printf x >>"$work/tokens/tokenizer.json"
expect 5 $check "$work/tokens"
has "tokenizer.json"
rm "$work"/tokens/tokenizer*.json
expect 0 $check "$work/tokens"

# a token whose id is no row of the embedding: --check refuses it, and so does a run that
# meets it, but none other
copy gpt2-tied "$work/beyond"
file="$work/beyond/tokenizer.json"
sed -i 's/}],"normalizer"/},{"id":296,"content":"[PAD]","special":true}],"normalizer"/' "$file"
beyond="tfmrun: error: $file: token \`[PAD]\` has id 296, but the embedding of the ids has 296 rows"
expect 4 $check "$work/beyond"
has "$beyond (ids 0 to 295)"
has "help: take the tokenizer that the model was trained with"
expect 4 $tfmrun $plugins -q -n 2 --input "The [PAD] model" "$work/beyond"
has "$beyond"
expect 4 $tfmrun $plugins -q -n 2 --ids 1,296 "$work/beyond"
has "$beyond"
expect 2 $tfmrun $plugins -q -n 2 --ids 1,297 "$work/beyond"
has "id 297 of the input is not in the vocabulary (0 to 295)"
expect 0 $tfmrun $plugins -q -n 2 --input "The model" "$work/beyond"
cp "$fixtures/gpt2-tied/tokenizer.json" "$file"
sed -i 's/"The":291/"The":5000/' "$file"
beyond="$file: token \`The\` has id 5000, but the embedding of the ids has 296 rows"
expect 4 $check "$work/beyond"
has "$beyond"
expect 4 $tfmrun $plugins -q -n 2 --input "The model" "$work/beyond"
has "$beyond"
expect 0 $tfmrun $plugins -q -n 2 --input "A model" "$work/beyond"

# --check-tensors reads every value: a NaN within the first, an Inf at the end
# of the last that is f32
copy gpt2-tied "$work/values"
file="$work/values/model.safetensors"
header=$(od -An -tu4 -N4 "$file" | tr -d ' ')
expect 0 $check --check-tensors "$work/values"
printf '\001\000\200\177' | dd of="$file" bs=1 seek=$((8 + header + 12)) conv=notrunc 2>/dev/null
printf '\000\000\200\377' | dd of="$file" bs=1 seek=$((size - 2 * 4096 - 4)) conv=notrunc 2>/dev/null
expect 0 $check "$work/values"
for program in "$check --check-tensors" "$weights $plugins --check-tensors"; do
  expect 4 $program "$work/values"
  has "tensor \`h.0.attn.c_attn.bias\` has 1 NaN and 0 Inf in 72 values, the first at [3]"
  has "tensor \`wte.weight\` has 0 NaN and 1 Inf in 7104 values, the first at [295, 23]"
  has "file: $file"
done
finish
