#!/bin/sh
# run.sh - tfmrun as people and programs use it: one input, pipes, JSON,
# quiet, interrupted; the same result in a batch and alone.
. "$TFM_SRCDIR/tests/e2e/common.sh"
gpt="$tfmrun $plugins $models/gpt2.tfm --weights $fixtures/gpt2-tied"
mlm="$tfmrun $plugins $models/bert.tfm --weights $fixtures/bert-mlm"

expect 0 "$tfmrun" --help
expect 0 "$tfmrun" --version
says "tfmrun 0.1.0"

# the greedy text that transformers gives
expect 0 $gpt -q --input "The model" -n 32
[ -s "$out" ] || fail "no text"
[ -s "$err" ] && fail "-q is not quiet"
plain=$(cat "$out")
expect 0 $gpt -q --no-fuse --input "The model" -n 32
says "$plain"
expect 0 $gpt -q --kernels reference --input "The model" -n 32
says "$plain"
expect 0 $gpt -q -t 1 --input "The model" -n 32
says "$plain"
expect 0 $gpt -q --input "The model" -n 32 --temp 0.8 --top-k 5 --seed 7
sampled=$(cat "$out")
expect 0 $gpt -q --input "The model" -n 32 --temp 0.8 --top-k 5 --seed 7
says "$sampled"

# the directory alone finds its model file
expect 0 "$tfmrun" $plugins -q "$fixtures/gpt2-tied" --input "The model" -n 32
says "$plain"

# lines through a pipe: each as it is alone, in order
printf 'I like tea\n나는\nThe model\nThe river.' >"$work/lines"
$gpt -q -n 8 <"$work/lines" >"$work/batch" 2>/dev/null || fail "a pipe of lines"
: >"$work/alone"
while IFS= read -r line || [ -n "$line" ]; do
  $gpt -q -n 8 --input "$line" </dev/null >>"$work/alone" 2>/dev/null
done <"$work/lines"
cmp -s "$work/batch" "$work/alone" || fail "a batch differs from its lines alone"
checks=$((checks + 1))

# on a terminal the text stays: what takes the progress away does not take it
if script -qc true /dev/null >/dev/null 2>&1; then
  checks=$((checks + 3))
  TERM=xterm script -qc "$gpt --input 'The model' -n 4 --seed 0" /dev/null >"$work/typed" </dev/null
  text=$("$tfmrun" $plugins -q "$fixtures/gpt2-tied" --input "The model" -n 4 | head -n 1)
  grep -qF "loading " "$work/typed" || fail "no progress on a terminal"
  tr -d '\r' <"$work/typed" | grep -qxF "$(printf '\033[Kloading %s\033[K%s' "$fixtures/gpt2-tied" "$text")" ||
    fail "the text is not what is left on the line: $(cat -v "$work/typed")"
  TERM=dumb script -qc "$gpt --input 'The model' -n 4" /dev/null >"$work/typed" </dev/null
  grep -q "$(printf '\033')" "$work/typed" && fail "escape codes on a dumb terminal"
fi

# a line that cannot be run is named; what comes before it in its batch is done
awk 'BEGIN { for (i = 0; i < 39; i++) print "나는 [MASK]"; print "no"; print "나는 [MASK]" }' >"$work/lines"
$mlm -q --top 1 <"$work/lines" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "a line without a mask is run"
has "line 40 of the input"
has "the input has no mask"
[ "$(wc -l <"$out")" -eq 78 ] || fail "lines before a bad one are lost: $(wc -l <"$out")"
awk 'BEGIN { for (i = 0; i < 33; i++) print "1,2"; print "1,x" }' >"$work/lines"
$gpt -q -n 1 --ids - <"$work/lines" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "a line that is no ids is run"
has "line 34 of the input"
[ "$(wc -l <"$out")" -eq 33 ] || fail "lines before one that is no ids are lost: $(wc -l <"$out")"

# sampled lines draw their own numbers, beyond the first batch too
awk 'BEGIN { for (i = 0; i < 64; i++) print "The model" }' >"$work/lines"
$gpt -q -n 8 --temp 1 --seed 1 <"$work/lines" >"$work/sampled" || fail "sampled lines"
size=$(head -n 32 "$work/lines" | $gpt -q -n 8 --temp 1 --seed 1 | wc -c)
tail -c +$((size + 1)) "$work/sampled" | head -c "$size" >"$work/second"
head -c "$size" "$work/sampled" | cmp -s - "$work/second" && fail "two batches share their draws"
head -n 40 "$work/lines" | $gpt -q -n 8 --temp 1 --seed 1 >"$work/part"
head -c "$(wc -c <"$work/part")" "$work/sampled" | cmp - "$work/part" || fail "a line's draws depend on the lines after it"
checks=$((checks + 6))

# text that was begun ends its line before the message
expect 1 $gpt -q -n 2 --input "The model" --dump "logits=$work/none/d.safetensors"
[ "$(wc -l <"$out")" -eq 1 ] || fail "the text has no end"

# fill_mask, Korean; the words and probabilities of tests/fixtures/manifest.json
expect 0 $mlm -q --input "나는 [MASK]를 좋아해"
head -1 "$out" | grep -q '^0\.2135  생$\|^0\.2135  ##생$' || fail "fill_mask: $(head -1 "$out")"
tail -1 "$out" | grep -q '를 좋아해$' || fail "the sentence is not filled in: $(tail -1 "$out")"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$fixtures/bert-classify" --input "나는 딥러닝을 좋아해"
says "positive 0.4483"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$fixtures/bert-classify" --input "나는 딥러닝을 좋아해" --top 3
says "positive 0.4483  neutral 0.3082  negative 0.2435"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$fixtures/bert-qa" --input "the book?" --context "in the river."
grep -q '^the river	0\.' "$out" || fail "qa: $(cat "$out")"
[ ! -f "$TFM_SHARED/data/cases/qa/squad_like.safetensors" ] || {
  expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$fixtures/bert-qa" --input who \
    --context "the cat sat on the mat" --feed "encoder.layer.2=$TFM_SHARED/data/cases/qa/squad_like.safetensors:x"
  says "cat	0.9712"
}
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$fixtures/bert-tags" --input "나는 책을"
[ "$(wc -l <"$out")" -eq 2 ] || fail "classify_tokens: not a line a word"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$fixtures/bert-model" --input "나는 책을"
grep -q '^\[.*\]$' "$out" || fail "embed: not a JSON array"

# a mask in the second text
expect 0 $mlm -q --input "a long text here" --pair "the [MASK] book"
tail -1 "$out" | grep -q '^a long text here	the [^ ]* book$' || fail "the mask of the pair: $(tail -1 "$out")"
expect 0 $mlm -q --json --top 1 --input "a [MASK] here" --pair "the [MASK] book"
grep -q '"begin":4,"end":10,"sequence":1' "$out" || fail "--json does not tell which text a mask is in"
expect 2 $mlm -q --input "" --pair ""
has "has no mask"

# JSON: one object a line
expect 0 $gpt -q --json --input "The model" -n 4
for key in '"task":"generate"' '"text":' '"ids":' '"load_ns":' '"prompt_ns":' '"per_token_ns":' '"peak_memory":'; do
  grep -qF "$key" "$out" || fail "--json lacks $key"
done
[ "$(wc -l <"$out")" -eq 1 ] || fail "--json is not one line"
expect 0 $mlm -q --json --input "나는 [MASK]를 좋아해" --top 2
grep -qF '"scores":' "$out" || fail "--json lacks scores"

# no escape codes off a terminal; the result alone on stdout
expect 0 $gpt --input "The model" -n 4
grep -q "$(printf '\033')" "$out" "$err" && fail "escape codes off a terminal"
has "prompt"

# dumps: known and unknown names
expect 0 $gpt -q --input "The model" -n 0 --dump "h.0.attention.probs=$work/d.safetensors" --dump "logits=$work/d.safetensors"
[ -s "$work/d.safetensors" ] || fail "no dump"
expect 2 $gpt -q --input x --dump "nothing=$work/e.safetensors"
has "nothing"
[ -e "$work/e.safetensors" ] && fail "a file of a failed dump is left"
expect 0 $gpt --input "The model" -n 2 --profile
has "attention"
expect 0 $gpt --check
expect 0 "$tfmbench" $plugins --model "$models/gpt2.tfm" --runs 1 --lengths 8 --decode 4 -q "$fixtures/gpt2-tied"
grep -q "^decode" "$out" || fail "tfmbench prints no decode figure"
# a model file that names its checkpoint; fill_mask; lengths that do not fit are named
expect 0 "$tfmbench" $plugins --runs 1 --lengths 8,128,129 --decode 4 "$models/gpt2.tfm"
has "128 tokens and 4 more: left out, the model takes 128"
has "129 tokens: left out, the model takes 128"
expect 0 "$tfmbench" $plugins --runs 1 --lengths 8 -q "$models/bert.tfm"
grep -q "^encode" "$out" || fail "tfmbench measures no fill_mask"
expect 0 "$tfmbench" $plugins --runs 1 --lengths 8 -q "$models/bert.tfm" --weights "$fixtures/bert-mlm"
expect 0 "$tfmbench" --plugin-dir "$work" $plugins --runs 1 --lengths 8 -q "$fixtures/bert-qa"
expect 2 "$tfmbench" $plugins --lengths many "$models/gpt2.tfm"
has "--lengths needs whole numbers"
expect 0 "$tfmbench" $plugins --random --json --model "$models/bert.tfm" --runs 1 --lengths 8 -q "$fixtures/bert-model"

# labels of words: an empty line between sentences, no blank before a word; groups
tags="$tfmrun $plugins -q $models/bert.tfm --weights $fixtures/bert-tags"
printf 'I like tea\nThe river\n' | $tags >"$out"
[ "$(grep -c '^$' "$out")" -eq 1 ] && [ -z "$(sed -n 4p "$out")" ] || fail "no empty line between sentences: $(cat "$out")"
expect 0 $tags --json --group=first --input "The river is long"
grep -q '"scores":\[{"text":"[^"]*","begin":[0-9]*,"end":[0-9]*,"scores":\[{"text":"\(PER\|LOC\)"' "$out" || fail "no groups: $(cat "$out")"
# no group at all is an empty list
cp -RL "$fixtures/bert-tags" "$work/outside"
chmod -R u+w "$work/outside"
sed -i 's/: "[BI]-[A-Z]*"/: "O"/' "$work/outside/config.json"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$work/outside" --json --group --input "The river"
grep -q '"text":"","ids":\[.*\],"scores":\[\]' "$out" || fail "no empty list of groups: $(cat "$out")"
expect 2 $tags --group=best --input x
has "--group is none, simple, first, average or max, not 'best'"
expect 2 $tags --group --ids 1,2
has "groups are of a text's words"
checks=$((checks + 2))

# a context longer than the model: in windows, or truncated on request; so are other tasks' texts
long=$(awk 'BEGIN { for (i = 0; i < 40; i++) printf "the cat sat on the mat " }')
answers="$tfmrun $plugins $models/bert.tfm --weights $fixtures/bert-qa --input who --context"
expect 0 $answers "$long" -q
windows=$(cat "$out")
expect 0 $answers "$long" -q --stride 29
[ "$(cat "$out")" != "$windows" ] || fail "--stride has no effect"
expect 2 $answers "$long" --stride 58
has "a stride of 58 tokens is not below the 58 of the context in a window"
# the side that is cut, and a tokenizer that takes less than the model: as the reference's windows
both="The river is long, and the cat sat near the door. She reads a book in the library every day; \
나는 커피를 좋아해, 너는 책을 읽는다. "
cp -RL "$fixtures/bert-qa" "$work/sides"
chmod -R u+w "$work/sides"
ask="$tfmrun $plugins -q $models/bert.tfm --weights $work/sides --input"
expect 0 $ask "where is the cat" --context "$both${both}There are 12 months."
says "너는 책을 읽는다. There are	0.0071"
sed -i 's/{/{"truncation_side": "left",/' "$work/sides/tokenizer_config.json"
expect 0 $ask "where is the cat" --context "$both${both}There are 12 months."
says "near the door. She reads	0.0064"
sed -i 's/"left"/"right"/; s/"model_max_length": 64/"model_max_length": 40/' "$work/sides/tokenizer_config.json"
expect 0 $ask "where is the cat" --context "$both${both}There are 12 months."
says "reads a book in the library	0.0320"
expect 0 $answers "$long" --truncate
has "truncated"
expect 0 $answers "the cat" -q --null-answer --json
for name in classify model tags; do
  expect 7 $tfmrun $plugins -q $models/bert.tfm --weights "$fixtures/bert-$name" --input "$long"
  expect 0 $tfmrun $plugins $models/bert.tfm --weights "$fixtures/bert-$name" --input "$long" --truncate
  has "truncated to the 64 tokens that the model takes"
  [ -s "$out" ] || fail "nothing of a truncated text: $name"
done
checks=$((checks + 4))

# Ctrl-C ends with 130.  The reader of a pipe that never ends keeps tfmrun at work.
checks=$((checks + 1))
cat >"$work/interrupt.sh" <<'S'
mkfifo "$WORK/fifo"
(while :; do echo "The model"; done >"$WORK/fifo" 2>/dev/null) &
"$@" <"$WORK/fifo" >/dev/null 2>&1 &
pid=$!
sleep 1
kill -INT $pid
wait $pid
S
WORK="$work" bash -m "$work/interrupt.sh" $gpt -q -n 20 2>/dev/null
[ $? -eq 130 ] || fail "Ctrl-C does not end with 130"

# and while it waits for a line
cat >"$work/waiting.sh" <<'S'
mkfifo "$WORK/quiet"
sleep 30 >"$WORK/quiet" &
"$@" <"$WORK/quiet" >/dev/null 2>"$WORK/err" &
pid=$!
sleep 1
kill -INT $pid
wait $pid
code=$?
kill %1
exit $code
S
checks=$((checks + 1))
WORK="$work" bash -m "$work/waiting.sh" $gpt -q -n 20 2>/dev/null
[ $? -eq 130 ] || fail "Ctrl-C while it waits for input does not end with 130"
has "interrupted"
finish
