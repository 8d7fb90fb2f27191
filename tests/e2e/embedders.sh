#!/bin/sh
# embedders.sh - vectors of sentence-transformers directories, as tests/fixtures/embedders has
# them: each case is laid over bert-model (decoder-*: over llama-gqa, whose config.json says that it
# writes), and every text's vector is that of the reference.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# lay CASE: $work/CASE is a whole directory
lay() {
  mkdir "$work/$1" || exit 99
  body=bert-model
  [ "${1#decoder}" = "$1" ] || body=llama-gqa
  for file in config.json model.safetensors tokenizer.json tokenizer_config.json; do
    cp "$fixtures/$body/$file" "$work/$1/"
  done
  cp -R "$fixtures/embedders/$1/." "$work/$1/"
  chmod -R u+w "$work/$1"
}

# Lines of numbers on stdin and in FILE: as many, and none further apart than 1e-5.
near() {
  awk -v file="$1" '{
    if ((getline want < file) <= 0) bad("a line too many")
    if (split($0, got, " ") != split(want, the, " ")) bad("another length")
    for (i in got) {
      d = got[i] - the[i]
      if (!(d <= 1e-5 && d >= -1e-5)) bad(got[i] ", not " the[i])
    }
  }
  function bad(why) { print "    line " NR ": " why; wrong = 1; exit 1 }
  END { if (!wrong && (getline want < file) > 0) { print "    a line is missing"; exit 1 } exit wrong }'
}

# prompt NAME: what tfmrun gives for its lines of expected.tsv
prompt() {
  awk -F '\t' -v name="$2" '$1 == name { print $2 }' "$work/$1/expected.tsv" >"$work/texts"
  awk -F '\t' -v name="$2" '$1 == name { print $3 }' "$work/$1/expected.tsv" >"$work/want"
  set -- "$1" "$2" "$work/$1"
  [ "$2" = - ] || set -- "$1" "$2" "$3" --prompt-name "$2"
  [ "$1" != length ] || set -- "$@" --truncate # as the reference does without asking
  name="$1 $2"
  shift 2
  checks=$((checks + 1))
  "$tfmrun" $plugins -q "$@" <"$work/texts" >"$out" 2>"$err" || fail "$name: $(cat "$err")"
  tr -d '[],' <"$out" | near "$work/want" || fail "$name: not the reference's vectors"
}

for case in "$fixtures"/embedders/*/; do
  case=$(basename "$case")
  lay "$case"
  for name in $(cut -f 1 "$work/$case/expected.tsv" | uniq); do
    prompt "$case" "$name"
  done
done

# a text longer than max_seq_length
expect 7 "$tfmrun" $plugins -q "$work/length" --input "the cat sat on the mat and likes the book"
has "the model takes 8"

# a prompt that fills max_seq_length is cut as the text is: what is left is the mark at the end
cp -R "$work/prompt-left-out" "$work/full"
sed 's/{/{"max_seq_length": 5,/;q' "$work/full/sentence_bert_config.json" >"$work/config"
sed 1d "$work/full/sentence_bert_config.json" >>"$work/config"
cp "$work/config" "$work/full/sentence_bert_config.json"
echo "-0.033889133 0.7882975 1.0195014 0.13635844" >"$work/want"
expect 0 "$tfmrun" $plugins -q "$work/full" --truncate --prompt-name query --input "the cat sat"
tr -d '[],' <"$out" | cut -d ' ' -f 1-4 | near "$work/want" || fail "a prompt that is cut: $(cut -c 1-60 "$out")"

# what is chosen without a modules.json is said
expect 0 "$tfmrun" $plugins "$work/plain" --input "the cat"
has "has no modules.json: the vector is pooled by mean and not normalized"
expect 0 "$tfmrun" $plugins "$work/mean" --input "the cat"
grep -q "modules.json" "$err" && fail "a note where there is a modules.json"

# a prompt that there is not
expect 2 "$tfmrun" $plugins -q "$work/prompts" --input "the cat" --prompt-name nobody
has "the checkpoint has no prompt \`nobody\`"
has "query"
expect 2 "$tfmrun" $plugins -q "$fixtures/bert-mlm" --input "the [MASK]" --prompt-name query
has "--prompt-name is for the tasks embed and embed_sparse"

# refuse FILE FROM TO TEXT: with FROM turned into TO in FILE of dense-twice, the error has TEXT
refuse() {
  rm -rf "$work/bad" && cp -R "$work/dense-twice" "$work/bad"
  sed "s#$2#$3#" "$work/dense-twice/$1" >"$work/bad/$1"
  cmp -s "$work/dense-twice/$1" "$work/bad/$1" && fail "$1: $2 is not there"
  expect 4 "$tfmrun" $plugins -q "$work/bad" --input "the cat"
  has "$4"
}
refuse modules.json modules.dropout.Dropout models.LSTM "models.LSTM\`, which is not supported"
refuse modules.json sentence_transformers.base.modules.dense.Dense acme.Dense ", which is not supported"
refuse modules.json sentence_transformers.base.modules.normalize acme.normalize "module 5 is \`acme.normalize"
refuse modules.json '"2_Dense"' '"../2_Dense"' "a \`path\` inside the directory"
refuse modules.json '"idx": 2' '"kwargs": ["x"]' "\`kwargs\` is supported only where it is empty"
refuse modules.json '"1_Pooling"' '"9_Pooling"' "9_Pooling/config.json is missing"
refuse modules.json '"2_Dense"' '"1_Pooling"' "1_Pooling/config.json"
refuse 1_Pooling/config.json '"mean"' '"attention"' "\`pooling_mode\` is \"attention\", which is not supported"
refuse 1_Pooling/config.json '"mean"' '["mean", 3]' "must be a string or a list of strings"
refuse 1_Pooling/config.json include_prompt includes "\`includes\` is not a setting that is known"
refuse 1_Pooling/config.json true null "\`include_prompt\` must be true or false"
refuse 2_Dense/config.json activation.GELU activation.Mish "Mish\", which is not supported"
refuse 2_Dense/config.json torch.nn.modules.activation.GELU my.GELU "\"my.GELU\", which is not supported"
refuse 2_Dense/config.json '"bias": true' '"bias": 1' "\`bias\` must be true or false"
refuse 2_Dense/config.json in_features width "\`width\` is not a setting that is known"
refuse 2_Dense/config.json '_input_name": "sentence_embedding' '_input_name": "token_embeddings' \
  "only \"sentence_embedding\" is supported"

refuse sentence_bert_config.json feature-extraction fill-mask "only \"feature-extraction\" is supported"
refuse sentence_bert_config.json last_hidden_state pooler_output "\`modality_config\` has to be text"
refuse sentence_bert_config.json '"transformer_task' '"max_length": 3, "transformer_task' \
  "\`max_length\` is not a setting that is known"
refuse sentence_bert_config.json '"transformer_task' '"max_seq_length": 0, "transformer_task' \
  "must be an integer of at least 1"
refuse config_sentence_transformers.json '"SentenceTransformer"' '"StaticEncoder"' \
  "\`model_type\` is \"StaticEncoder\", which is not supported"
refuse config_sentence_transformers.json 'default_prompt_name": null' 'default_prompt_name": "x"' "is no prompt"
refuse config_sentence_transformers.json '"model_type' '"truncate_dim": "6", "model_type' \
  "\`truncate_dim\` must be an integer"
refuse config_sentence_transformers.json '"model_type' '"scale": 2, "model_type' "\`scale\` is not a setting"

# a width that the weights do not have
sed 's/"out_features": 12/"out_features": 11/' "$work/dense-twice/2_Dense/config.json" >"$work/config"
rm -rf "$work/bad" && cp -R "$work/dense-twice" "$work/bad" && cp "$work/config" "$work/bad/2_Dense/config.json"
expect 3 "$tfmrun" $plugins -q "$work/bad" --input "the cat"
has "12 from tensor \`modules.2.linear.weight\`"

# the weights of a module: missing, and where the list of weights shows them
rm -rf "$work/bad" && cp -R "$work/dense-twice" "$work/bad" && rm "$work/bad/2_Dense/model.safetensors"
expect 4 "$tfmrun" $plugins -q "$work/bad" --input "the cat"
has "2_Dense/model.safetensors is missing"
expect 0 "$TFM_BUILDDIR/tools/tfm-weights" "$work/dense-twice"
grep -q "modules.2.linear.weight" "$out" || fail "tfm-weights does not list a module's weights"

# another task of the same directory needs nothing of this
rm -rf "$work/bad" && cp -R "$fixtures/bert-mlm" "$work/bad" && chmod -R u+w "$work/bad"
for file in tokenizer.json tokenizer_config.json; do
  rm -f "$work/bad/$file" && cp "$fixtures/bert-mlm/$file" "$work/bad/$file"
done
echo '[{"type": "acme.Unknown", "path": ""}]' >"$work/bad/modules.json"
expect 0 "$tfmrun" $plugins -q "$work/bad" --input "the [MASK]"
finish
