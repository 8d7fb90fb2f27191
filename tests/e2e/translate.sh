#!/bin/sh
# translate.sh - an encoder-decoder from text to text: a fixture of the zoo with a tokenizer of
# its own, whose words are w4, w5, ... for the ids.
. "$TFM_SRCDIR/tests/e2e/common.sh"
mkdir "$work/bart"
cp "$fixtures/zoo/bart/config.json" "$fixtures/zoo/bart/model.safetensors" "$work/bart"
awk 'BEGIN {
  printf "{\"version\": \"1.0\", \"added_tokens\": ["
  split("<s> <pad> </s> <unk>", special, " ")
  for (i = 0; i < 4; i++)
    printf "%s{\"id\": %d, \"content\": \"%s\", \"special\": true, \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false}", i ? ", " : "", i, special[i + 1]
  printf "], \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"always\", \"split\": true}, "
  printf "\"decoder\": {\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"always\", \"split\": true}, "
  printf "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"SpecialToken\": {\"id\": \"</s>\", \"type_id\": 0}}], \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"B\", \"type_id\": 0}}], \"special_tokens\": {\"</s>\": {\"id\": \"</s>\", \"ids\": [2], \"tokens\": [\"</s>\"]}}}, "
  printf "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"<unk>\", \"vocab\": {"
  for (i = 0; i < 97; i++)
    printf "%s\"%s\": %d", i ? ", " : "", i < 4 ? special[i + 1] : "▁w" i, i
  print "}}}"
}' >"$work/bart/tokenizer.json"
run="$tfmrun $plugins --model-dir $models $work/bart -q -n 6"

# The words are those of the ids: the text begins anew, without a space.
expect 0 $run --ids 9,30,12,77,2 --json
ids=$(sed 's/.*"ids":\[\([0-9,]*\)\].*/\1/' "$out")
words=w$(echo "$ids" | sed 's/,/ w/g')
expect 0 $run --input "w9 w30 w12 w77"
says "$words"
printf 'w9 w30 w12 w77\nw55\nw9 w30 w12 w77\n' >"$work/lines"
$run --input - <"$work/lines" >"$out" 2>"$err" || fail "lines"
[ "$(sed -n 1p "$out")" = "$words" ] && [ "$(sed -n 3p "$out")" = "$words" ] ||
  fail "lines are not as alone: $(cat "$out")"
[ "$(wc -l <"$out")" -eq 3 ] || fail "three lines"

# The best of the beams are different texts, in order; what is written may be forced.
expect 0 $run --input "w9 w30" --beams 4 -N 3
[ "$(sort -u "$out" | wc -l)" -eq 3 ] || fail "three texts: $(cat "$out")"
expect 0 $run --input "w9 w30" --beams 4 -N 3 --json
grep -o '"score":-[0-9.]*' "$out" | sed 's/.*://' >"$work/scores"
sort -gr "$work/scores" | cmp -s - "$work/scores" || fail "scores fall: $(cat "$work/scores")"
expect 0 $run --input "w9 w30" --forced-first 50 --forced-last 60
case $(cat "$out") in
"w50 "*" w60") ;;
*) fail "forced words: $(cat "$out")" ;;
esac
expect 0 $run --input "w9 w30" -n 3 --prefix 50,51
expect 2 $run --input "w9 w30" --prefix 500
has "start and prefix"
expect 2 $tfmrun $plugins "$models/gpt2.tfm" --weights "$fixtures/gpt2-tied" --ids 1 --prefix 5
has "a prefix is for encoder-decoders"
expect 2 $run --input "w9" --beams 4 --temp 1
has "temperature 0"
long=$(awk 'BEGIN { for (i = 0; i < 60; i++) printf "w9 " }')
expect 7 $run --input "$long"
has "the model takes 48"
expect 0 $run --input "$long" --truncate
finish
