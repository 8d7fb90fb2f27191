#!/bin/bash
# refused.sh - settings beside a checkpoint that are not what they may be: each is refused, and
# the message names the file and the key.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# generation_config.json: a key and its value, and what is said of it
cp -RL "$fixtures/gpt2-tied" "$work/gpt" && chmod -R u+w "$work/gpt"
generation() {
  printf '{"bos_token_id": 1, "eos_token_id": 2, %s}\n' "$1" >"$work/gpt/generation_config.json"
  expect 4 "$tfmrun" $plugins -q "$models/gpt2.tfm" --weights "$work/gpt" --input tea -n 2 --generation-config
  has "generation_config.json"
  has "$2"
}
while IFS='|' read -r said says; do
  generation "$said" "$says"
done <<'ROWS'
"do_sample": 1|`do_sample` is not true or false
"do_sample": true, "top_k": "many"|`top_k` is not a number
"do_sample": true, "top_k": 3e9|`top_k` is not a number
"do_sample": true, "top_p": -0.1|`top_p` is not a number
"do_sample": true, "min_p": 2|`min_p` is not a number
"do_sample": true, "min_p": []|`min_p` is not a number
"repetition_penalty": 0|`repetition_penalty` is not a number
"repetition_penalty": "x"|`repetition_penalty` is not a number
"no_repeat_ngram_size": 1.5|`no_repeat_ngram_size` is not a whole number
"no_repeat_ngram_size": -1|`no_repeat_ngram_size` is not a number
"max_new_tokens": "all"|`max_new_tokens` is not a number
"max_length": 2.5|`max_length` is not a whole number
"max_length": {}|`max_length` is not a number
"num_beams": 1.5|`num_beams` is not a whole number
"num_beams": "two"|`num_beams` is not a number
"num_return_sequences": -2|`num_return_sequences` is not a number
"num_return_sequences": 2|`num_return_sequences` is not supported without beams
"num_beams": 2, "early_stopping": "always"|`early_stopping` is not true, false or "never"
"num_beams": 2, "early_stopping": 1|`early_stopping` is not true, false or "never"
"num_beams": 2, "do_sample": true|`num_beams` with `do_sample` is not supported
"num_beams": 2, "renormalize_logits": true|`renormalize_logits` of beams is not supported
"length_penalty": "x"|`length_penalty` is not what it may be: token ids, or a number
"suppress_tokens": 3|`suppress_tokens` is not what it may be
"suppress_tokens": [3, "x"]|`suppress_tokens` is not what it may be
"begin_suppress_tokens": [-1]|`begin_suppress_tokens` is not what it may be
"begin_suppress_tokens": {}|`begin_suppress_tokens` is not what it may be
"forced_bos_token_id": "x"|`forced_bos_token_id` is not what it may be
"forced_bos_token_id": [1, 2]|`forced_bos_token_id` is not what it may be
"forced_eos_token_id": 1.5|`forced_eos_token_id` is not what it may be
"forced_eos_token_id": [5000000000]|`forced_eos_token_id` is not what it may be
"bad_words_ids": 3|`bad_words_ids` is not what it may be
"bad_words_ids": [3]|`bad_words_ids` is not what it may be
"bad_words_ids": [[]]|`bad_words_ids` is not what it may be
"bad_words_ids": [[1, null]]|`bad_words_ids` is not what it may be
"min_length": "x"|`min_length` is not a number
"min_new_tokens": 0.5|`min_new_tokens` is not a whole number
"typical_p": "x"|`typical_p` is not supported
"guidance_scale": 2|`guidance_scale` is not supported
"sequence_bias": [[1]]|`sequence_bias` is not supported
"watermarking_config": {"bias": 1}|`watermarking_config` is not supported
"cache_implementation": "quantized"|`cache_implementation` is not supported
"penalty_alpha": true|`penalty_alpha` is not supported
ROWS

# what says nothing is nothing
printf '{"bos_token_id": 1, "eos_token_id": 2, %s}\n' '"do_sample": null, "top_k": null, "sequence_bias": [],
  "watermarking_config": {}, "typical_p": 1, "guidance_scale": null, "penalty_alpha": false, "num_beams": null,
  "early_stopping": null, "bad_words_ids": null, "suppress_tokens": null, "min_length": null' \
  >"$work/gpt/generation_config.json"
expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" --weights "$work/gpt" --input tea -n 2
cp "$out" "$work/plain"
expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" --weights "$work/gpt" --input tea -n 2 --generation-config
cmp -s "$out" "$work/plain" || fail "a configuration that says nothing changes the text"

# the settings of an embedder: a file, its content, and what is said of it
cp -RL "$fixtures/embedders/dense-twice" "$work/whole" && cp -RLn "$fixtures/bert-model/." "$work/whole"
chmod -R u+w "$work/whole"
"$tfmrun" $plugins -q "$work/whole" --input "the cat" >"$out" 2>"$err" || fail "the embedder itself: $(cat "$err")"
while IFS='|' read -r file said says; do
  rm -rf "$work/bad" && cp -R "$work/whole" "$work/bad"
  [ "$said" = - ] && rm "$work/bad/$file" || printf '%s\n' "$said" >"$work/bad/$file"
  expect 4 "$tfmrun" $plugins -q "$work/bad" --input "the cat"
  has "$says"
done <<'ROWS'
1_Pooling/config.json|[]|1_Pooling/config.json is not a JSON object
1_Pooling/config.json|{|1_Pooling/config.json
1_Pooling/config.json|{"pooling_mode": []}|`pooling_mode` must be a string or a list of strings
1_Pooling/config.json|{"pooling_mode": 3}|`pooling_mode` must be a string or a list of strings
1_Pooling/config.json|{"pooling_mode": ["mean", "most"]}|`pooling_mode` is "most", which is not supported
1_Pooling/config.json|{"pooling_mode_cls_token": "yes"}|`pooling_mode_cls_token` must be true or false
1_Pooling/config.json|{"word_embedding_dimension": 0}|`word_embedding_dimension` must be an integer of at least 1
1_Pooling/config.json|{"word_embedding_dimension": 2.5}|`word_embedding_dimension` must be an integer of at least 1
2_Dense/config.json|-|2_Dense/config.json is missing
2_Dense/config.json|{"in_features": 24}|`out_features` has to be said
2_Dense/config.json|{"out_features": 24}|`in_features` has to be said
2_Dense/config.json|{"in_features": "24"}|`in_features` must be an integer of at least 1
2_Dense/config.json|{"activation_function": 3}|`activation_function` must be a string
2_Dense/config.json|{"in_features": 24, "out_features": 12, "activation_function": "torch.nn.Softmax"}|which is not supported
2_Dense/config.json|{"in_features": 24, "out_features": 12, "use_residual": 1}|`use_residual` must be true or false
2_Dense/config.json|{"in_features": 24, "out_features": 12, "module_output_name": 3}|only "sentence_embedding" is supported
5_Normalize/config.json|{"module_input_name": "x"}|only "sentence_embedding" is supported
5_Normalize/config.json|{"eps": 1}|`eps` is not a setting that is known
modules.json|{}|modules.json
modules.json|[]|modules.json
modules.json|[3]|modules.json
modules.json|[{"type": 3, "path": ""}]|modules.json
modules.json|[{"type": "sentence_transformers.models.Transformer"}]|modules.json
modules.json|[{"type": "sentence_transformers.models.Transformer", "path": "/etc"}]|modules.json
modules.json|[{"type": "sentence_transformers.models.Transformer", "path": "a\\b"}]|modules.json
modules.json|[{"type": "sentence_transformers.models.Transformer", "path": ""}, {"type": "sentence_transformers.models.Normalize", "path": "5_Normalize"}]|modules.json
modules.json|[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]|modules.json
config_sentence_transformers.json|{"prompts": 3}|`prompts` must be an object of strings
config_sentence_transformers.json|{"prompts": {"query": 3}}|`prompts` must be an object of strings
config_sentence_transformers.json|{"default_prompt_name": 3}|`default_prompt_name` must be a string
sentence_bert_config.json|{"max_seq_length": "long"}|`max_seq_length` must be an integer of at least 1
sentence_bert_config.json|{"do_lower_case": "x"}|`do_lower_case` must be true or false
ROWS
finish
