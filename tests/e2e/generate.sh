#!/bin/sh
# generate.sh - tfmrun's options of generation: stop texts, penalties, samples,
# log probabilities, generation_config.json.
. "$TFM_SRCDIR/tests/e2e/common.sh"
gpt="$tfmrun $plugins $models/gpt2.tfm -q"
text="이 영화는"

# a stop text that is several tokens, in a stream and in lines
expect 0 $gpt -n 8 --input "$text" --ignore-stop
full=$(cat "$out")
expect 0 $gpt -n 8 --input "$text" --ignore-stop --stop "만점에 1"
says "${full%%만점에 1*}"
[ "$(cat "$out")" != "$full" ] || fail "the stop text is not in the text: $full"
printf '%s\n%s\n' "$text" "$text" | $gpt -n 8 --ignore-stop --stop "never" --stop "만점에 1" >"$work/lines" 2>&1
[ "$(sed -n 2p "$work/lines")" = "${full%%만점에 1*}" ] || fail "stop texts in lines: $(cat "$work/lines")"
expect 0 $gpt -n 8 --json --input "$text" --ignore-stop --stop "만점에 1"
grep -q '"stop":"stop_string"' "$out" || fail "JSON does not say what stopped it"
expect 2 $gpt --input "$text" --stop ""
has "a stop text is empty"

# penalties change the text; their bounds
expect 0 $gpt -n 12 --input "$text" --repetition-penalty 1.3
[ "$(cat "$out")" != "$full" ] || fail "no repetition penalty"
for option in presence frequency; do
  expect 0 $gpt -n 12 --ignore-stop --input "$text" "--$option-penalty" 3
  [ "$(cat "$out")" != "$full" ] || fail "no $option penalty"
done
expect 2 $gpt --input "$text" --repetition-penalty 0
has "--repetition-penalty needs a number above 0"

# samples: as their seeds alone, more than a batch of them, and of lines
expect 0 $gpt -n 8 --temp 1 --seed 5 -N 40 --input "$text"
cp "$out" "$work/many"
for n in 0 1 39; do
  expect 0 $gpt -n 8 --temp 1 --seed $((5 + n)) --input "$text"
  says "$(sed -n "$((n + 1))p" "$work/many")"
done
[ "$(wc -l <"$work/many")" -eq 40 ] || fail "not 40 samples"
printf '%s\n%s\n' "$text" "$text" | $gpt -n 8 --temp 1 --seed 5 -N 2 >"$work/two" 2>&1
[ "$(head -n 2 "$work/two")" = "$(head -n 2 "$work/many")" ] || fail "samples of the first line"
[ "$(tail -n 2 "$work/two")" = "$(head -n 2 "$work/many")" ] && fail "two lines share their draws"
expect 0 $gpt -n 2 --temp 1 --seed 5 -N 2 --json --input "$text"
[ "$(grep -c '"seed":[56]}' "$out")" -eq 2 ] || fail "JSON does not tell the seeds: $(cat "$out")"
expect 2 $gpt -N 2 --input "$text"
has "--samples needs --temp"

# a special token in the text is one token, or plain text
expect 0 $gpt -n 1 --json --input "가</s>나"
grep -q '"prompt_tokens":4' "$out" || fail "a special token is not one token: $(cat "$out")"
expect 0 $gpt -n 1 --json --plain-special --input "가</s>나"
grep -q '"prompt_tokens":4' "$out" && fail "a special token is not plain"

# an option of another task is not passed over
mask="$tfmrun $plugins -q $models/bert.tfm --weights $fixtures/bert-mlm --input [MASK]"
for option in "--stop x" "-N 2" "--generation-config" "--logprobs 1 --json" "--repetition-penalty 1.1" \
  "--presence-penalty 1" "--frequency-penalty 1" --group "--stride 3" --null-answer \
  "--temp 1" "--top-k 3" "--top-p 0.5" "--min-p 0.1"; do
  expect 2 $mask $option
  has "is for the task"
done
expect 2 $gpt --input "$text" --top 3
has "--top is for the tasks fill_mask, classify, qa, rerank and embed_sparse"

# log probabilities are part of the JSON
expect 0 $gpt -n 1 --json --logprobs 2 --input "$text"
grep -q '"logprobs":\[{"id":[0-9]*,"token":"[^"]*","logprob":-[0-9.]*,"top":\[{"id":[^]]*},{"id":[^]]*}\]}\]' "$out" ||
  fail "logprobs: $(cat "$out")"
expect 2 $gpt --input "$text" --logprobs 2
has "--logprobs is for --json"

# generation_config.json: obeyed on request, the command line first, refused by name
cp -RL "$models/checkpoints/gpt-ko-reviews" "$work/own" && chmod -R u+w "$work/own"
own="$tfmrun $plugins $models/gpt2.tfm -q --weights $work/own --input"
config() {
  printf '%s\n' "{\"bos_token_id\": 1, \"eos_token_id\": 2, $1}" >"$work/own/generation_config.json"
}
same() { # the options of the command line that the config stands for
  wanted=$1
  shift
  expect 0 $own "$text" $wanted
  cp "$out" "$work/wanted"
  expect 0 $own "$text" --generation-config "$@"
  cmp -s "$out" "$work/wanted" || fail "generation_config.json is not as $wanted"
  checks=$((checks + 1))
}
config '"do_sample": true, "temperature": 1.5, "max_new_tokens": 9'
same "--temp 1.5 --top-k 50 -n 9 --seed 3" --seed 3
same "--temp 1.2 --top-k 7 -n 5 --seed 3" --seed 3 --temp 1.2 --top-k 7 -n 5
same "-n 9" --temp 0
config '"do_sample": true, "top_k": 0, "top_p": 0.4, "min_p": 0.05, "max_length": 12'
same "--temp 1 --top-p 0.4 --min-p 0.05 -n 9 --seed 2" --seed 2
config '"do_sample": true, "top_k": 0, "top_p": 0.0, "max_length": 12'
same "-n 9" --seed 2
config '"temperature": 1.5, "top_k": 5, "repetition_penalty": 1.3'
same "--repetition-penalty 1.3"
config '"no_repeat_ngram_size": 2'
same "--no-repeat-ngram 2"
config '"max_length": 2'
expect 7 $own "$text" --generation-config
has "max_length is 2"
config '"num_beams": 4, "length_penalty": 0.5, "early_stopping": "never", "max_new_tokens": 9'
same "--beams 4 --length-penalty 0.5 --early-stopping=never -n 9"
same "--beams 3 --length-penalty 2 --early-stopping=never -n 9" --beams 3 --length-penalty 2
config '"num_beams": 4, "num_return_sequences": 3, "early_stopping": true, "max_new_tokens": 9'
same "--beams 4 --early-stopping -N 3 -n 9"
config '"suppress_tokens": [7], "begin_suppress_tokens": [8, 68], "bad_words_ids": [[3], [7, 29]], "max_new_tokens": 9'
same "--suppress 7 --begin-suppress 8,68 --bad-word 3 --bad-word 7,29 -n 9"
config '"min_new_tokens": 4, "min_length": 5, "forced_bos_token_id": 7, "forced_eos_token_id": [9, 29], "max_new_tokens": 9'
same "--min-tokens 4 --min-length 5 --forced-first 7 --forced-last 9,29 -n 9"
config '"num_beams": 2, "suppress_tokens": [7], "min_length": 4'
expect 0 $tfmrun $plugins $models/gpt2.tfm --weights "$work/own" --input "$text" -n 1
has "asks for \`num_beams\`, \`min_length\`, \`suppress_tokens\`, which this run does not follow"
for key in typical_p:0.9 'stop_strings:"x"' num_return_sequences:2 token_healing:true; do
  config "\"${key%%:*}\": ${key#*:}"
  expect 4 $own "$text" --generation-config
  has "\`${key%%:*}\` is not supported"
done
config '"num_beams": 1, "min_length": 0, "suppress_tokens": [], "typical_p": 1.0, "forced_bos_token_id": null, "token_healing": false'
same "-n 128"
for key in temperature:0 temperature:'"hot"' top_k:-1 top_k:2.5 top_p:1.5; do
  config "\"do_sample\": true, \"${key%%:*}\": ${key#*:}"
  expect 4 $own "$text" --generation-config
  has "\`${key%%:*}\` is not a"
done
rm "$work/own/generation_config.json"
expect 4 $own "$text" --generation-config
has "has no generation_config.json"
finish
