#!/bin/bash
# broken.sh - every program on every broken input, with each flag and without:
# no signal, an exit status that the manual knows, and a message with it.
. "$TFM_SRCDIR/tests/e2e/common.sh"
tools="$TFM_BUILDDIR/tools"
good="$fixtures/gpt2-tied"
mkdir "$work/in" "$work/in/folder"

# ---- inputs: what a person may give by mistake, and each stage's error of a model file
: >"$work/in/empty"
: >"$work/in/empty.tfm"
: >"$work/in/empty.safetensors"
: >"$work/in/empty.gguf"
cp "$TFM_SRCDIR/README.md" "$work/in/readme.md"
cp "$TFM_SRCDIR/README.md" "$work/in/readme.tfm"
head -c 4096 "$good/model.safetensors" >"$work/in/tensors.tfm"
printf 'tfm 1\n' >"$work/in/alone.tfm"
printf 'tfm 1\nlibrary l\n' >"$work/in/library.tfm"
printf 'tfm 1\nmodel m for "gpt2"\n' >"$work/in/graphless.tfm"
for code in E201 E224 E301 E401 E607; do
  sed 's/^model m for .*/model m for "gpt2"/' "$TFM_SRCDIR/tests/error/$code.tfm" >"$work/in/$code.tfm"
done
for name in version unclosed statement character; do
  cp "$TFM_SRCDIR/tests/lang/bad/$name.tfm" "$work/in/$name.tfm"
done
# spoil NAME FILE: a sound checkpoint but for that file, which is standard input
spoil() {
  mkdir "$work/in/$1"
  cp -L "$good"/* "$work/in/$1"
  cat >"$work/in/$1/$2"
}
echo '{' | spoil config-cut config.json
echo '[]' | spoil config-list config.json
echo '{"model_type": 3}' | spoil config-type config.json
echo '{"model_type": "gpt2"}' | spoil config-bare config.json
echo '{' | spoil tokenizer-cut tokenizer.json
echo '{}' | spoil tokenizer-bare tokenizer.json
echo '{' | spoil generation-cut generation_config.json
: | spoil tensors-empty model.safetensors
head -c 2000 "$good/model.safetensors" | spoil tensors-cut model.safetensors
head -c 20000 "$good/model.safetensors" | spoil tensors-short model.safetensors
mkdir "$work/in/tensors-none"
cp "$good"/*.json "$work/in/tensors-none"
inputs="missing missing.tfm missing/ org/name"
for path in "$work"/in/*; do inputs="$inputs $path"; done
for path in "$fixtures"/damaged/*; do inputs="$inputs $path"; done

# try ALLOWED COMMAND...: its status is one of those, and a failure says something
try() {
  local allowed=$1
  shift
  checks=$((checks + 1))
  timeout 20 "$@" >"$out" 2>"$err" </dev/null
  code=$?
  case " $allowed " in
  *" $code "*) ;;
  *) fail "exit $code: ${*##*/}"; head -c 300 "$err" ;;
  esac
  [ $code -eq 0 ] || [ -s "$err" ] || [ -s "$out" ] || fail "exit $code without a word: $*"
}

known="0 1 2 3 4 5 6 7"
# each INPUT: as the model, as the weights, and both; with each kind of further flag
each() {
  local input=$1 flags
  for flags in "" "--json --check" "--task nothing" "--dump x=$out.safetensors" "--feed x=$input:x" \
    "--tokenizer $input"; do
    try "$known" "$tools/tfmrun" $plugins "$input" --input x -n 1 $flags
  done
  try "$known" "$tools/tfmrun" $plugins "$input" --ids 1,2 -n 1
  try "$known" "$tools/tfmrun" $plugins "$models/gpt2.tfm" --weights "$input" --input x -n 1
  try "$known" "$tools/tfmrun" $plugins "$input" --weights "$good" --input x -n 1
  try "$known" "$tools/tfmc" $plugins --emit=ast "$input"
  try "$known" "$tools/tfmc" $plugins --emit=plan "$input"
  try "$known" "$tools/tfmc" $plugins --emit=graph "$input" --weights "$good"
  try "$known" "$tools/tfmc" check $plugins "$input" --diagnostics=json
  try "$known" "$tools/tfmc" check $plugins "$input" --weights "$good"
  try "$known" "$tools/tfmc" check $plugins "$models/gpt2.tfm" --weights "$input"
  try "$known" "$tools/tfmc" fmt --check "$input"
  try "$known" "$tools/tfmeval" $plugins "$input" --data "$TFM_SRCDIR/README.md"
  try "$known" "$tools/tfmeval" $plugins "$good" --data "$input"
  try "$known" "$tools/tfmbench" $plugins "$input" --runs 1 --lengths 4 --decode 1
  try "$known" "$tools/tfmbench" $plugins --random "$input" --runs 1 --lengths 4 --decode 1
  try "$known" "$tools/tfm-tokenize" "$input" x
  try "$known" "$tools/tfm-weights" "$input"
  try "$known" "$tools/tfm-weights" --json --no-models "$input"
}
# Several at a time; each has files of its own, and leaves what it counted.
jobs=4 number=0
for input in $inputs; do
  [ "$(jobs -rp | wc -l)" -le $jobs ] || wait -n
  number=$((number + 1))
  (
    out="$work/out.$number" err="$work/err.$number" checks=0 failed=0
    each "$input" >"$work/said.$number"
    echo "$checks $failed" >"$work/counted.$number"
  ) &
done
wait
for ((i = 1; i <= number; i++)); do
  cat "$work/said.$i"
  read -r more wrong <"$work/counted.$i" || fail "the tries of input $i did not end"
  checks=$((checks + more)) failed=$((failed + wrong))
done
# of these nothing can be made: a failure each, by the status that the manual states
for name in missing.tfm in/readme.tfm in/alone.tfm in/empty.tfm in/graphless.tfm in/unclosed.tfm; do
  for weights in "" "--weights $good"; do
    try "2 3" "$tools/tfmrun" $plugins "$work/$name" $weights --input x
    grep -q 'error' "$err" || fail "$name: no error is named"
  done
  try 3 "$tools/tfmc" check $plugins "$work/$name"
done
try 3 "$tools/tfmrun" $plugins "$work/in/readme.md" --input x
for name in config-cut tensors-empty tensors-cut tensors-short tensors-none; do
  try 4 "$tools/tfmrun" $plugins "$work/in/$name" --input x
done
finish
