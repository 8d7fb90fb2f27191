#!/bin/sh
# eval.sh - tfmeval's figures are those of transformers (tests/e2e/eval/make.sh),
# whatever the batch and the threads; and what it says of files it cannot measure.
. "$TFM_SRCDIR/tests/e2e/common.sh"
tfmeval="$TFM_BUILDDIR/tools/tfmeval"
cases="$TFM_SRCDIR/tests/e2e/eval"
gpt="$tfmeval $plugins $fixtures/gpt2-tied"
mlm="$tfmeval $plugins $fixtures/bert-mlm"
labels="$tfmeval $plugins $fixtures/bert-classify"

# the comparison can fail
echo '{"task":"x","nll":1.2345,"tokens":7,"lines":[1,2,3]}' >"$work/one"
echo '{"task": "x", "nll": 1.23452, "tokens": 7, "lines": [1, 2, 3]}' >"$work/near"
echo '{"task": "x", "nll": 1.2347, "tokens": 7, "lines": [1, 2, 3]}' >"$work/far"
awk -f "$cases/same.awk" "$work/one" "$work/near" >/dev/null || fail "same.awk: near is not the same"
awk -f "$cases/same.awk" "$work/one" "$work/far" >/dev/null && fail "same.awk: far is the same"

# each case, as transformers has it
cd "$fixtures" || exit 99
number=0
while read -r model data options; do
  number=$((number + 1))
  sed -n "${number}p" "$cases/expected.jsonl" >"$work/expected"
  eval "expect 0 \$tfmeval \$plugins -q --json $model --data ../e2e/eval/$data $options"
  awk -f "$cases/same.awk" "$out" "$work/expected" >"$work/diff" ||
    fail "$model $data $options: $(cat "$work/diff")"
  cp "$out" "$work/alone"
  eval "expect 0 \$tfmeval \$plugins -q --json --batch 1 -t 1 $model --data ../e2e/eval/$data $options"
  cmp -s "$out" "$work/alone" || fail "$model $data $options: --batch 1 -t 1 gives other figures"
  [ -s "$err" ] && fail "-q is not quiet"
done <"$cases/cases"
[ $number -ge 10 ] || fail "only $number cases"

# for people
expect 0 $gpt --data "$cases/texts.txt"
grep -q '^perplexity  *573\.0247 a token, 351\.9268 a character$' "$out" || fail "no perplexity: $(cat "$out")"
grep -q '34, 2 of them cut to 64 tokens; 2 with nothing to measure left out' "$out" || fail "no counts: $(cat "$out")"
has "34 lines in"
grep -q "$(printf '\033')" "$out" "$err" && fail "escape codes off a terminal"
expect 0 $mlm -q --data "$cases/texts.txt"
grep -q '^top-5  *0\.0202$' "$out" || fail "no top-5: $(cat "$out")"
expect 0 $labels -q --data "$cases/labels.tsv"
grep -q '^0\.2000  *0\.5556  *0\.2941  *9  neutral$' "$out" || fail "no label figures: $(cat "$out")"
grep -q '^ *0  *10  *4  positive$' "$out" || fail "no confusion matrix: $(cat "$out")"
expect 0 "$tfmeval" --help
expect 0 "$tfmeval" --version
says "tfmeval 0.1.0"

# a pipe gives what the file gives
checks=$((checks + 1))
$gpt -q --data "$cases/texts.txt" >"$work/file" 2>/dev/null
$gpt -q <"$cases/texts.txt" >"$work/pipe" 2>/dev/null
cmp -s "$work/file" "$work/pipe" || fail "a pipe gives other figures than its file"

# more lines than one window holds: each the same line, so the means are its own
checks=$((checks + 1))
echo 'I like tea' >"$work/once"
awk 'BEGIN { for (i = 0; i < 9000; i++) print "I like tea" }' >"$work/often"
$gpt -q --data "$work/once" | head -1 >"$work/once.out"
$gpt -q --data "$work/often" | head -1 >"$work/often.out"
cmp -s "$work/once.out" "$work/often.out" || fail "9000 lines are not as one"

# usage
expect 2 "$tfmeval"
has "which model?"
expect 2 $gpt --data "$work/none"
has "cannot open $work/none"
expect 2 $gpt --data "$cases/texts.txt" --limit 0
has "--limit needs a whole number from 1"
expect 2 $gpt --data "$cases/texts.txt" --end nothing
has "--end: the tokenizer has no token 'nothing'"
expect 2 $mlm --data "$cases/texts.txt" --after a
has "--after is for the task generate"
expect 2 "$tfmeval" $plugins "$fixtures/bert-model" --data "$cases/texts.txt"
has "no measure for the task embed"
expect 2 $gpt --data /dev/null
has "there is nothing to measure"

# lines that are wrong, by file and number
expect 2 $labels --data "$cases/texts.txt"
has "texts.txt:1: there is no tab between label and text"
printf 'neutral\tgood\nawful\tbad\n' >"$work/label.tsv"
expect 2 $labels --data "$work/label.tsv"
has "label.tsv:2: the model has no label 'awful'"
has "expected: negative, neutral, positive"
printf '3\tgood\n' >"$work/label.tsv"
expect 2 $labels --data "$work/label.tsv"
has "label.tsv:1: the model has no label '3'"
printf 'good\n\nb\377d\n' >"$work/utf8"
expect 2 $gpt --data "$work/utf8"
has "utf8:3: the text is not UTF-8 at byte 1"
printf 'a: b\nno colon\n' >"$work/after"
expect 2 $gpt --after : --data "$work/after"
has "after:2: the line has no :"
mkdir "$work/bare"
cp "$fixtures/gpt2-tied/config.json" "$fixtures/gpt2-tied/model.safetensors" "$work/bare"
expect 5 "$tfmeval" $plugins "$work/bare" --data "$cases/texts.txt"
expect 3 "$tfmeval" $plugins "$work/none.tfm" --data "$cases/texts.txt"
expect 4 "$tfmeval" $plugins "$models/gpt2.tfm" --weights "$work/none" --data "$cases/texts.txt"

# Ctrl-C ends with 130, in the middle of lines that never end, and prints no figures
checks=$((checks + 1))
cat >"$work/interrupt.sh" <<'S'
mkfifo "$WORK/fifo"
(while :; do echo "The model"; done >"$WORK/fifo" 2>/dev/null) &
"$@" <"$WORK/fifo" >"$WORK/figures" 2>/dev/null &
pid=$!
sleep 1
kill -INT $pid
wait $pid
S
WORK="$work" bash -m "$work/interrupt.sh" $gpt -q 2>/dev/null
[ $? -eq 130 ] || fail "Ctrl-C does not end with 130"
[ -s "$work/figures" ] && fail "figures of an interrupted run"
finish
