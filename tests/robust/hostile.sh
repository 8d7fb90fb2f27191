#!/bin/bash
# hostile.sh - files made to hurt: each is refused within two seconds, by a message
# that names the file and the place.
. "$TFM_SRCDIR/tests/e2e/common.sh"
tokenize="$TFM_BUILDDIR/tools/tfm-tokenize"
seconds=2
[ "${TFM_SANITIZERS:-no}" = no ] || seconds=20

# refuse CODE TEXT COMMAND...: that exit status within the time, and the text in the message.
refuse() {
  local code=$1 text=$2
  shift 2
  expect "$code" timeout $((seconds + 3)) "$@"
  has "$text"
}

# quick CODE TEXT COMMAND...: refuse, and not later than it may be.
quick() {
  local begin=${EPOCHREALTIME/./} took
  refuse "$@"
  took=$(((${EPOCHREALTIME/./} - begin) / 1000))
  checks=$((checks + 1))
  [ $took -lt $((seconds * 1000)) ] || [ -n "${SLOW_MACHINE:-}" ] || fail "$took ms: $*"
}

fresh() {
  rm -rf "$work/dir"
  mkdir "$work/dir"
  cp -L "$fixtures/$1"/* "$work/dir"
}

run="$tfmrun $plugins -q -n 1 --input x"
gpt2="$run $models/gpt2.tfm --weights $work/dir"

# ---- 10^7 brackets in every grammar
deep="$work/deep"
head -c 10000000 /dev/zero | tr '\0' '[' >"$deep"
for name in config.json generation_config.json; do
  fresh gpt2-tied
  cp "$deep" "$work/dir/$name"
  quick 4 "$name:1:" $gpt2
done
for name in tokenizer.json tokenizer_config.json special_tokens_map.json; do
  fresh gpt2-tied
  cp "$deep" "$work/dir/$name"
  quick 5 "$name:1:" $gpt2
  quick 5 "$name:1:" "$tokenize" "$work/dir" x
done
for name in vocab.json tokenizer_config.json; do
  fresh gpt2-untied
  cp "$deep" "$work/dir/$name"
  quick 5 "$name:1:" "$tokenize" "$work/dir" x
done
fresh gpt2-tied
{ printf '{"version":"1.0","model":{"type":"BPE","vocab":'; cat "$deep"; } >"$work/dir/tokenizer.json"
quick 5 "tokenizer.json:1:" "$tokenize" "$work/dir" x
fresh llama-shards
cp "$deep" "$work/dir/model.safetensors.index.json"
quick 4 "model.safetensors.index.json" $run "$models/llama.tfm" --weights "$work/dir"
fresh gpt2-tied
{ printf '\200\226\230\000\000\000\000\000{'; head -c 9999999 "$deep"; } >"$work/dir/model.safetensors"
quick 4 "model.safetensors:1:" $gpt2
{ printf 'tfm 1\nmodel m\nx = '; tr '[' '(' <"$deep"; } >"$work/deep.tfm"
quick 7 "deep.tfm" "$tfmc" $plugins check "$work/deep.tfm"
{ printf 'tfm 1\nmodel m\nx = '; cat "$deep"; } >"$work/deep.tfm"
quick 7 "deep.tfm" "$tfmc" $plugins check "$work/deep.tfm"
{ printf 'tfm 1\nmodel m\n'; tr '[' '{' <"$deep"; } >"$work/deep.tfm"
quick 7 "deep.tfm" "$tfmc" $plugins check "$work/deep.tfm"

# within the limit of a file's size the grammar's own limit is what stops it
for open in '[' '('; do
  { printf 'tfm 1\nlibrary m\nparam A = '; head -c 1000000 "$deep" | tr '[' "$open"; } >"$work/deep.tfm"
  quick 7 "deep.tfm:3:" "$tfmc" $plugins check "$work/deep.tfm"
done

# ---- what is no file: never waited for, never read without end
for name in config.json generation_config.json model.safetensors; do
  fresh gpt2-tied
  rm -f "$work/dir/$name"
  mkfifo "$work/dir/$name"
  quick 4 "$name\` is not a regular file" $gpt2
  rm "$work/dir/$name"
  ln -s /dev/zero "$work/dir/$name"
  quick 4 "$name\` is not a regular file" $gpt2
done
for name in tokenizer.json tokenizer_config.json special_tokens_map.json; do
  fresh gpt2-tied
  rm -f "$work/dir/$name"
  mkfifo "$work/dir/$name"
  quick 5 "$name\` is not a regular file" "$tokenize" "$work/dir" x
  rm "$work/dir/$name"
  ln -s /dev/zero "$work/dir/$name"
  quick 5 "$name\` is not a regular file" "$tokenize" "$work/dir" x
done
for name in vocab.json merges.txt; do
  fresh gpt2-untied
  rm "$work/dir/$name"
  mkfifo "$work/dir/$name"
  quick 5 "$name\` is not a regular file" "$tokenize" "$work/dir" x
done
fresh bert-mlm-old
rm "$work/dir/vocab.txt"
mkfifo "$work/dir/vocab.txt"
quick 5 "vocab.txt\` is not a regular file" "$tokenize" "$work/dir" x
fresh llama-shards
for name in model.safetensors.index.json model-00002-of-00003.safetensors; do
  fresh llama-shards
  rm "$work/dir/$name"
  mkfifo "$work/dir/$name"
  quick 4 "$name\` is not a regular file" $run "$models/llama.tfm" --weights "$work/dir"
done
mkfifo "$work/pipe" "$work/pipe.tfm" "$work/pipe.json" "$work/pipe.safetensors" "$work/pipe.txt"
fresh gpt2-tied
for path in pipe /dev/zero; do
  [ $path = pipe ] && path="$work/pipe"
  quick 4 "$path" $run "$models/gpt2.tfm" --weights "$path"
done
quick 4 "pipe.safetensors" $run "$models/gpt2.tfm" --weights "$work/pipe.safetensors"
quick 3 "pipe.tfm" $run "$work/pipe.tfm" --weights "$work/dir"
quick 3 "/dev/zero" "$tfmc" $plugins check /dev/zero
quick 3 "pipe.tfm" "$tfmc" $plugins check "$work/pipe.tfm"
for path in pipe.json pipe.txt; do
  quick 5 "$path" "$tokenize" "$work/$path" x
done
quick 5 "/dev/zero" "$tokenize" /dev/zero x
quick 4 "pipe.safetensors" $gpt2 --feed "h.0.ln_1=$work/pipe.safetensors:x"

# ---- keys given twice
fresh gpt2-tied
sed -i 's/{/{"n_head": 2, "n_head": 4,/' "$work/dir/config.json"
refuse 4 "config.json:1:" $gpt2
has duplicate
fresh gpt2-tied
sed -i 's/{/{"version": "1.0",/' "$work/dir/tokenizer.json"
refuse 5 "tokenizer.json:1:" "$tokenize" "$work/dir" x
has duplicate
fresh llama-shards
sed -i 's/"weight_map"/"weight_map": {}, "weight_map"/' "$work/dir/model.safetensors.index.json"
refuse 4 "model.safetensors.index.json:" $run "$models/llama.tfm" --weights "$work/dir"
has duplicate
fresh gpt2-untied
sed -i '0,/{/s/{/{"a": 0, "a": 1, /' "$work/dir/vocab.json"
refuse 5 "vocab.json:1:" "$tokenize" "$work/dir" x
has duplicate

# ---- vocabularies, merges, patterns
# json MODEL [REST]: a tokenizer.json in its directory.
json() {
  mkdir -p "$work/dir"
  printf '{"version":"1.0"%s,"model":%s}' "${2:+,$2}" "$1" >"$work/dir/tokenizer.json"
}
rm -rf "$work/dir"
json '{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":5,"c":5}}'
refuse 5 "tokenizer.json: model.vocab" "$tokenize" "$work/dir" x
has "id 5 is given to"
json '{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":1048576}}'
refuse 5 'tokenizer.json: model.vocab["b"]: id 1048576 is not below 1048576' "$tokenize" "$work/dir" x
json '{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":-1}}'
refuse 5 'tokenizer.json: model.vocab["b"]' "$tokenize" "$work/dir" x
# a hole is only an id without a token: nothing
json '{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":1000000}}'
expect 0 timeout 5 "$tokenize" "$work/dir" --decode 0 7 1000000 999999
says "a b"
json '{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}'
refuse 5 'tokenizer.json: model.merges[0]: `ab` is not in the vocabulary' "$tokenize" "$work/dir" x
json '{"type":"BPE","vocab":{"a":0,"ax":1},"merges":[["a","x"]]}'
refuse 5 'tokenizer.json: model.merges[0]: `x` is not in the vocabulary' "$tokenize" "$work/dir" x
fresh gpt2-untied
echo 'T zz' >>"$work/dir/merges.txt"
refuse 5 'is not in the vocabulary' "$tokenize" "$work/dir" x
words='{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}'
a=$(head -c 60 /dev/zero | tr '\0' a)
for pattern in '(?:a+)+$' '(?:a|aa)+$' '(?:a|a?)+$' '(?:[a-z]+)*!' '(?:.*)*X' '(?:a*)*b'; do
  rm -rf "$work/dir"
  json "$words" "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"$pattern\"},\"behavior\":\"Isolated\",\"invert\":false}"
  checks=$((checks + 1))
  timeout $((seconds + 3)) "$tokenize" "$work/dir" "$a$a$a!b" >"$out" 2>"$err"
  case $? in
  0) ;; # PCRE2 saw through it
  7) has "pre_tokenizer.pattern: the pattern costs too much" ;;
  *) fail "$pattern: $(cat "$err")" ;;
  esac
done
# a pattern that compiles to a program beyond all bounds
for pattern in '(?:(?:(?:a{1,900}){1,900}){1,900}){1,900}' '\\p{Klingon}' '\\C' '(?R)' '(a)\\1'; do
  rm -rf "$work/dir"
  json "$words" "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"$pattern\"},\"behavior\":\"Isolated\",\"invert\":false}"
  quick 5 "tokenizer.json: pre_tokenizer.pattern" "$tokenize" "$work/dir" x
done
# over the limits of files and of tokens
rm -rf "$work/dir"
mkdir "$work/dir"
truncate -s $((64 * 1024 * 1024 + 1)) "$work/dir/tokenizer.json"
quick 5 "tokenizer.json\` is 67108865 bytes, over the limit of 67108864" "$tokenize" "$work/dir" x
json "{\"type\":\"WordLevel\",\"unk_token\":\"a\",\"vocab\":{\"a\":0,\"$(head -c 65537 /dev/zero | tr '\0' b)\":1}}"
refuse 5 "tokenizer.json: model.vocab" "$tokenize" "$work/dir" x
finish
