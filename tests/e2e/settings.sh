#!/bin/sh
# settings.sh - settings of config.json that change the numbers and are not
# obeyed are refused, by name; tests/parity/test_settings holds those that are
# obeyed, docs/config.md lists both.
. "$TFM_SRCDIR/tests/e2e/common.sh"
bodies="$fixtures/config"

# with BODY KEY VALUE...: the tiny checkpoint, with these keys beside its own
with() {
  rm -rf "$work/with"
  cp -RL "$bodies/$1" "$work/with"
  chmod -R u+w "$work/with"
  shift
  while [ $# -gt 0 ]; do
    if grep -q "^ \"$1\":" "$work/with/config.json"; then
      sed -i "s|^ \"$1\": [^,]*|\"$1\": $2|" "$work/with/config.json"
    else
      sed -i "s|^{|{ \"$1\": $2,|" "$work/with/config.json"
    fi
    shift 2
  done
}

# refused MESSAGE BODY KEY VALUE...
refused() {
  message=$1
  shift
  with "$@"
  expect 3 "$tfmrun" $plugins --model-dir "$models" "$work/with" --ids 1,2,3 -n 1
  has "$message"
}

# unfit MESSAGE BODY KEY VALUE...: what an op refuses before it is run
unfit() {
  message=$1
  shift
  with "$@"
  checks=$((checks + 1))
  "$tfmrun" $plugins --model-dir "$models" "$work/with" --ids 1,2,3 -n 1 >"$out" 2>"$err" && fail "runs: $*"
  has "$message"
}

# taken BODY KEY VALUE...: a value that says nothing
taken() {
  with "$@"
  expect 0 "$tfmrun" $plugins --model-dir "$models" "$work/with" --check
}

for body in gpt2 llama bert; do
  refused "is_encoder_decoder" $body is_encoder_decoder true
  taken $body is_encoder_decoder false
  refused "per_layer_config" $body per_layer_config '{"0": {"num_attention_heads": 1}}'
  taken $body per_layer_config null
  refused "quantization_config" $body quantization_config '{"quant_method": "gptq", "bits": 4}'
  taken $body quantization_config null
done
for body in gpt2 llama; do
  refused "sliding_window" $body sliding_window 4
  taken $body sliding_window 64
  refused "attention_chunk_size" $body attention_chunk_size 4
  taken $body attention_chunk_size null
  refused "layer_types" $body layer_types '["sliding_attention", "full_attention"]'
  taken $body layer_types null
done
for body in gpt2 llama; do
  refused "prefix: text" $body prefix '"In short"'
  taken $body prefix null
done
for body in gpt2 bert; do
  refused "add_cross_attention" $body add_cross_attention true
  taken $body add_cross_attention false
done
refused "is_decoder" bert is_decoder true
taken bert is_decoder false
refused "relative positions" bert position_embedding_type '"relative_key"'
taken bert position_embedding_type '"absolute"'

# what an op refuses
unfit "geluu" bert hidden_act '"geluu"'
unfit "xielu" llama hidden_act '"xielu"'
unfit "geluu" gpt2 activation_function '"geluu"'
taken bert hidden_act '"gelu_new"'
for kind in dynamic yarn proportional; do
  taken llama rope_scaling "{\"rope_type\": \"$kind\", \"factor\": 2.0}"
done
for kind in longrope su; do
  unfit "needs 2 numbers in short_factor" llama rope_scaling "{\"rope_type\": \"$kind\", \"factor\": 2.0}"
done
unfit "unknown kind of rope scaling" llama rope_scaling '{"rope_type": "mrope", "factor": 2.0}'
unfit "rope_type is no text" llama rope_parameters '{"rope_type": null, "type": "linear", "factor": 2.0}'
unfit "needs a factor above 0" llama rope_scaling '{"rope_type": "linear"}'
unfit "needs a factor above 0" llama rope_scaling '{"rope_type": "linear", "factor": "2"}'
unfit "0 < low_freq_factor < high_freq_factor" llama rope_scaling '{"rope_type": "llama3", "factor": 8.0}'
unfit "0 < low_freq_factor < high_freq_factor" llama \
  rope_scaling '{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4, "high_freq_factor": 4}'
unfit "original_max_position_embeddings above 0" llama original_max_position_embeddings 0 \
  rope_scaling '{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1, "high_freq_factor": 4}'
refused "partial_rotary_factor" llama partial_rotary_factor 0.5 rope_scaling '{"rope_type": "linear", "factor": 2.0}'
taken llama partial_rotary_factor 1.0 rope_scaling '{"rope_type": "linear", "factor": 2.0}'

# biases that the configuration denies
for flag in attention_bias mlp_bias; do
  rm -rf "$work/with"
  cp -RL "$fixtures/llama-bias" "$work/with"
  chmod -R u+w "$work/with"
  sed -i "s/\"$flag\": true/\"$flag\": false/" "$work/with/config.json"
  expect 3 "$tfmrun" $plugins --model-dir "$models" "$work/with" --ids 1,2,3 -n 1
  has "$flag is false, and the checkpoint has biases"
done
expect 0 "$tfmrun" $plugins --model-dir "$models" "$fixtures/llama-bias" --check

# an output layer that is neither tied nor stored
with gpt2 tie_word_embeddings false
expect 4 "$tfmrun" $plugins --model-dir "$models" "$work/with" --ids 1,2,3 -n 1
has "tensor \`lm_head.weight\` is not in the checkpoint"
with llama tie_word_embeddings false
expect 4 "$tfmrun" $plugins --model-dir "$models" "$work/with" --ids 1,2,3 -n 1
has "tensor \`lm_head.weight\` is not in the checkpoint"
with bert tie_word_embeddings false
expect 3 "$tfmrun" $plugins --model-dir "$models" "$work/with" --check
has "tensor \`cls.predictions.decoder.weight\` is not in the checkpoint"
with bert-tied-other tie_word_embeddings false
expect 3 "$tfmrun" $plugins --model-dir "$models" "$work/with" --check
has "tie_word_embeddings is false, and the bias of the output layer is not stored with it"

# generation_config.json stands for all of generation: without it config.json does
run="$tfmrun $plugins --model-dir $models $work/with --ids 3,7,1,19,7,22 -n 6 --json"
with llama eos_token_id 8
expect 0 $run
grep -qF '"ids":[9]' "$out" || fail "config.json's end of text does not stop: $(cat "$out")"
echo '{"pad_token_id": 0}' >"$work/with/generation_config.json"
expect 0 $run
grep -qF '"ids":[9,8,8,8,8,8]' "$out" || fail "config.json stops beside generation_config.json: $(cat "$out")"
echo '{"eos_token_id": [9, 4]}' >"$work/with/generation_config.json"
expect 0 $run
grep -qF '"ids":[]' "$out" || fail "generation_config.json does not stop: $(cat "$out")"

# what it asks for and is not followed is said once, in one line
echo '{"no_repeat_ngram_size": 2, "repetition_penalty": 1.5, "num_beams": 1, "typical_p": 0.3}' \
  >"$work/with/generation_config.json"
expect 0 $run
has 'generation_config.json asks for `repetition_penalty`, `no_repeat_ngram_size`, which this run does not follow'
expect 0 $run --repetition-penalty 1.5
has 'generation_config.json asks for `no_repeat_ngram_size`, which'
echo '{"repetition_penalty": 1.5, "do_sample": false, "temperature": 0.2}' >"$work/with/generation_config.json"
expect 0 $run --generation-config
[ -s "$err" ] && fail "speaks of what it follows: $(cat "$err")"
with llama suppress_tokens '[9]'
expect 0 $run
has 'config.json asks for `suppress_tokens`, which this run does not follow'
echo '{}' >"$work/with/generation_config.json"
expect 0 $run
[ -s "$err" ] && fail "speaks of what does not count: $(cat "$err")"

# caches and adapters
echo '{"cache_implementation": "quantized"}' >"$work/with/generation_config.json"
expect 0 $run
has 'asks for `cache_implementation`'
expect 4 $run --generation-config
echo '{"cache_implementation": "static"}' >"$work/with/generation_config.json"
expect 0 $run --generation-config
[ -s "$err" ] && fail "speaks of a cache that holds the same numbers: $(cat "$err")"
echo '{"peft_type": "LORA"}' >"$work/with/adapter_config.json"
expect 4 $run
has 'adapter_config.json: adapters are not applied'
finish
