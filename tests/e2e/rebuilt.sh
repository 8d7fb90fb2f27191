#!/bin/sh
# rebuilt.sh - tokenizer_config.json that contradicts tokenizer.json: the ids are
# those of AutoTokenizer (tests/fixtures/rebuilt.py), and a model says so.
. "$TFM_SRCDIR/tests/e2e/common.sh"
cases="$fixtures/tokenizers/rebuilt.txt"
tokenize="$TFM_BUILDDIR/tools/tfm-tokenize"
tab=$(printf '\t')
mkdir "$work/dir"
while IFS= read -r line; do
  checks=$((checks + 1))
  form=$(printf '%s' "$line" | cut -f 2)
  cat "$fixtures/tokenizers/$form/tokenizer.json" >"$work/dir/tokenizer.json"
  printf '%s' "$line" | cut -f 3 >"$work/dir/config.json"
  printf '%s' "$line" | cut -f 4 >"$work/dir/tokenizer_config.json"
  text=$(printf '%s' "$line" | cut -f 5)
  want=$(printf '%s' "$line" | cut -f 6)
  got=$("$tokenize" "$work/dir" -- "$text" 2>"$err") || fail "$(cat "$err")"
  [ "$got" = "$want" ] || fail "$form $(cat "$work/dir/tokenizer_config.json") '$text': $got, expected $want"
  # A file that is named is taken as it is: then only `=` lines hold.
  plain=$("$tokenize" "$work/dir/tokenizer.json" -- "$text" 2>"$err")
  case $line in
  "=$tab"*) [ "$plain" = "$want" ] || fail "$form alone: $plain, expected $want" ;;
  *) [ "$plain" = "$want" ] && fail "$form alone is the same: $want" ;;
  esac
done <"$cases"
[ $checks -gt 50 ] || fail "only $checks cases"

# both names are said, once, and not where the files agree
cp -RL "$fixtures/bert-mlm" "$work/model"
chmod -R u+w "$work/model"
run="$tfmrun $plugins $models/bert.tfm --weights $work/model --input"
expect 0 $run "the [MASK] sat"
grep -q "tokenizer_config" "$err" && fail "speaks of files that agree: $(cat "$err")"
sed -i 's/"do_lower_case": false/"do_lower_case": true/' "$work/model/tokenizer_config.json"
expect 0 $run "the [MASK] sat"
has 'tokenizer_config.json (BertTokenizer) goes before tokenizer.json, which differs in `normalizer`'
sed -i 's/"tokenizer_class": "BertTokenizer"/"tokenizer_class": "RoFormerTokenizer"/' \
  "$work/model/tokenizer_config.json"
expect 0 $run "the [MASK] sat"
has 'tokenizer_config.json (RoFormerTokenizer) has do_lower_case true, tokenizer.json has lowercase false'
sed -i 's/"tokenizer_class": "RoFormerTokenizer"/"tokenizer_class": "BertTokenizer"/
  s/"sep_token": "\[SEP\]"/"sep_token": "[PAD]"/' "$work/model/tokenizer_config.json"
expect 0 $run "the [MASK] sat"
has 'makes sep_token `[PAD]`, which the post_processor of tokenizer.json does not add'
finish
