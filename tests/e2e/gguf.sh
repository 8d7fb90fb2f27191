#!/bin/sh
# gguf.sh - tfmrun on GGUF files: the logits of the Hugging Face directory, to the bit.
. "$TFM_SRCDIR/tests/e2e/common.sh"
"$TFM_BUILDDIR/tests/unit/test_gguf_model" "$work" >/dev/null || fail "no files"

for name in llama-gqa llama-tied llama-bias gpt2-tied gpt2-untied bert-model; do
  value=logits few="-n 1"
  [ $name = bert-model ] && value=vector few=
  expect 0 "$tfmrun" $plugins -q "$fixtures/$name" $few --ids 1,2,5 --dump "$value=$work/want"
  expect 0 "$tfmrun" $plugins -q "$work/$name.gguf" $few --ids 1,2,5 --dump "$value=$work/got"
  cmp -s "$work/want" "$work/got" || fail "$name: other logits"
  checks=$((checks + 1))
done

# with a model file; the one file of a directory; beside a tokenizer.json
expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" --weights "$fixtures/gpt2-tied" -n 8 --input "The model"
plain=$(cat "$out")
mkdir "$work/one" && cp "$work/gpt2-tied.gguf" "$work/one/"
expect 5 "$tfmrun" $plugins -q "$work/one" -n 8 --input "The model"
has "there is no tokenizer in it"
cp "$fixtures/gpt2-tied/tokenizer.json" "$work/one/"
expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" --weights "$work/one/gpt2-tied.gguf" -n 8 --input "The model"
says "$plain"
expect 0 "$tfmrun" $plugins -q "$work/one" -n 8 --input "The model"
says "$plain"
cp "$work/llama-gqa.gguf" "$work/one/"
expect 4 "$tfmrun" $plugins -q "$work/one" -n 8 --input "The model"
has "has 2 .gguf files"

# what is wrong
head -c 2000 "$work/llama-gqa.gguf" >"$work/cut.gguf"
expect 4 "$tfmrun" $plugins -q "$work/cut.gguf" --ids 1
has "is truncated"
expect 4 "$tfmrun" $plugins -q "$models/bert.tfm" --weights "$work/gpt2-tied.gguf" --ids 1

# a BERT that pools another way: the first token, the last, and as a reranker does
mkdir "$work/cls" && cp "$fixtures/bert-model/model.safetensors" "$work/cls/"
for type in 2 3; do
  sed "s/\"model_type\"/\"pooling_type\": $type, \"model_type\"/" "$fixtures/bert-model/config.json" \
    >"$work/cls/config.json"
  ids=1,2
  [ $type = 3 ] && ids=1,2,5
  expect 0 "$tfmrun" $plugins "$work/cls" --ids $ids
  grep -q "pooled by $([ $type = 2 ] && echo cls || echo lasttoken)" "$err" || fail "pooling_type $type"
done
sed 's/"model_type"/"pooling_type": 4, "model_type"/' "$fixtures/bert-model/config.json" >"$work/cls/config.json"
expect 3 "$tfmrun" $plugins -q "$work/cls" --ids 1,2
has "this pooling_type is unsupported"
finish
