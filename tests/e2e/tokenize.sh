#!/bin/sh
# tokenize.sh - tfm-tokenize as people and programs use it: arguments, pipes, tables,
# JSON, and back; whose tokenizer it takes, and how it ends.
. "$TFM_SRCDIR/tests/e2e/common.sh"
tokenize="$TFM_BUILDDIR/tools/tfm-tokenize"
forms="$fixtures/tokenizers"
tab=$(printf '\t')

expect 0 "$tokenize" --help
expect 0 "$tokenize" --version
says "tfm-tokenize 0.1.0"

# a text, a pair, what stands around them
expect 0 "$tokenize" "$forms/bert-uncased" "The model"
ids=$(cat "$out")
expect 0 "$tokenize" "$forms/bert-uncased/vocab.txt" "The model"
says "$ids"
expect 0 "$tokenize" "$forms/bert-uncased" "The model" --no-special
plain=$(cat "$out")
[ "$ids" = "2 $plain 3" ] || [ "$ids" = "101 $plain 102" ] || fail "special tokens: $ids, $plain"
expect 0 "$tokenize" "$forms/bert-uncased" --count "The model"
says "$(echo $ids | wc -w | tr -d ' ')"
expect 0 "$tokenize" "$forms/bert-uncased" --tokens "The model"
grep -q "^[0-9]*${tab}0${tab}3${tab}the$" "$out" || fail "no line for \"the\": $(cat "$out")"
head -1 "$out" | grep -q "${tab}0${tab}0${tab}\[CLS\]$" || fail "no [CLS]: $(cat "$out")"
expect 0 "$tokenize" "$forms/bert-uncased" --json --pair "a" "The"
grep -qF '"tokens":["[CLS]","the","[SEP]","a","[SEP]"],"offsets":[[0,0],[0,3],[0,0],[0,1],[0,0]],"type_ids":[0,0,0,1,1],"special_tokens_mask":[1,0,1,0,1],"attention_mask":[1,1,1,1,1],"sequence_ids":[null,0,null,1,null]}' "$out" || fail "--json: $(cat "$out")"
pair=$(cat "$out")
printf 'The\ta' | "$tokenize" "$forms/bert-uncased" --json --tabs >"$out"
says "$pair"

# lines: as one by one, the last without its newline; NULs keep newlines in texts
printf 'The model\n\n  나는 책을 \r\nend' >"$work/lines"
for name in bert-cased gpt2 llama; do
  "$tokenize" "$forms/$name" <"$work/lines" >"$work/batch" || fail "$name: a pipe of lines"
  "$tokenize" "$forms/$name" "The model" "" "$(printf '  나는 책을 \r')" "end" >"$work/alone"
  cmp "$work/batch" "$work/alone" || fail "$name: lines differ from arguments"
  checks=$((checks + 1))
  "$tokenize" "$forms/$name" -0 --no-special <"$work/lines" | "$tokenize" "$forms/$name" -d -0 >"$work/back"
  [ "$name" = bert-cased ] || { cat "$work/lines"; printf '\0'; } | cmp - "$work/back" || fail "$name: there and back"
done

# from ids: any separators; special tokens on demand; ids beyond the vocabulary are nothing
expect 0 "$tokenize" "$forms/gpt2" "The model"
gpt=$(cat "$out")
expect 0 "$tokenize" "$forms/gpt2" --decode $gpt
says "The model"
expect 0 "$tokenize" "$forms/gpt2" --decode "[$(echo $gpt | tr ' ' ',')]" 99999999999 1048575
says "The model"
for file in . vocab.json merges.txt; do
  expect 0 "$tokenize" "$forms/gpt2-files/$file" "The model"
  [ "$file" != . ] || files=$(cat "$out")
  says "$files"
done
expect 0 "$tokenize" "$forms/bert-uncased" -d $ids
says "[CLS] the model [SEP]"
expect 0 "$tokenize" "$forms/bert-uncased" -d --no-special --json $ids
says '{"text":"the model"}'

# how it ends
expect 2 "$tokenize"
has "which tokenizer?"
expect 2 "$tokenize" "$forms/gpt2" --decode one
has "needs token ids"
expect 2 "$tokenize" "$forms/gpt2" --decode --count 1
expect 2 "$tokenize" "$forms/gpt2" --nothing
expect 2 "$tokenize" "$forms/gpt2" "$(printf 'a\377')"
has "the text is not UTF-8 at byte 1"
expect 5 "$tokenize" "$work/none" "a"
has "no tokenizer here"
expect 5 "$tokenize" "$forms" "a"
has "looked for: tokenizer.json"
printf '{"version": "2.0", "model": {}}' >"$work/new.json"
expect 5 "$tokenize" "$work/new.json" "a"
has "new.json: version: \`2.0\` is not 1.0"
printf 'a\nb\n\377\n' | "$tokenize" "$forms/gpt2" --count >"$out" 2>"$err"
[ $? -eq 2 ] || fail "bad text in a pipe"
has "line 3 of the input"
says "1
1"
if [ -w /dev/full ]; then
  "$tokenize" "$forms/gpt2" "a" >/dev/full 2>"$err"
  [ $? -eq 1 ] || fail "a full disk"
  has "cannot write the result"
fi

# what older files put around a text, as AutoTokenizer has it
cp -RL "$forms/gpt2-files" "$work/ends"
cp -RL "$forms/bert-uncased" "$work/none"
chmod -R u+w "$work/ends" "$work/none"
for asked in "|64 65 66" "bos|296 64 65 296 66" "eos|64 65 296 66 296"; do
  flag=${asked%|*}
  sed "s/^{/{ \"add_${flag:-no}_token\": true, /" "$forms/gpt2-files/tokenizer_config.json" \
    >"$work/ends/tokenizer_config.json"
  expect 0 "$tokenize" "$work/ends" ab --pair c
  says "${asked#*|}"
done
echo '{"cls_token": null, "tokenizer_class": "BertTokenizer"}' >"$work/none/tokenizer_config.json"
expect 0 "$tokenize" "$work/none" "the"
grep -q '^2 .* 3$' "$out" || fail "no cls_token: $(cat "$out")"

# added_tokens.json beside a tokenizer.json that lacks the token; with a decoder it does not count
mkdir "$work/older"
cat "$forms/bert-cased/tokenizer.json" >"$work/older/tokenizer.json"
echo '{"<tool>": 196, "[NAME]": 195, "[PAD]": 0}' >"$work/older/added_tokens.json"
echo '{"tokenizer_class": "BertTokenizer", "do_lower_case": false}' >"$work/older/tokenizer_config.json"
expect 0 "$tokenize" "$work/older" "a<tool>"
says "2 84 196 3"
echo '{"tokenizer_class": "PreTrainedTokenizerFast", "added_tokens_decoder": {}}' >"$work/older/tokenizer_config.json"
expect 0 "$tokenize" "$work/older" "a<tool>"
grep -q 196 "$out" && fail "added_tokens.json counts beside added_tokens_decoder: $(cat "$out")"

# more than a block of output, with characters that lie across its end
for shift in '' a aa aaa; do
  { printf '%s' "$shift"; head -c 160000 /dev/zero | sed 's/\x0/\xea\xb0\x80\xf0\x9f\x98\x80\xc3\xa9/g'; echo; } >"$work/long"
  "$tokenize" "$forms/gpt2" <"$work/long" >"$work/long.ids" 2>"$err" || fail "a long line: $(cat "$err")"
  "$tokenize" "$forms/gpt2" --decode <"$work/long.ids" >"$work/back" 2>"$err" || fail "long ids: $(cat "$err")"
  cmp -s "$work/long" "$work/back" || fail "a long line ($shift) does not come back"
done
# what JSON escapes
printf 'a"b\\c\001\037\td\r\n' | "$tokenize" "$forms/gpt2" --json >"$out" 2>"$err" || fail "$(cat "$err")"
grep -qF '"\""' "$out" && grep -qF '"\\"' "$out" || fail "a quote or a backslash in JSON: $(cat "$out")"
finish
