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
for kind in dynamic yarn longrope proportional su mrope; do
  refused "rope_type: only default, linear and llama3 are supported" llama rope_scaling "{\"rope_type\": \"$kind\", \"factor\": 2.0}"
done
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
finish
