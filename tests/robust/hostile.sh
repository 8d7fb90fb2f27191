#!/bin/bash
# hostile.sh - files made to hurt: each is refused within two seconds and in no more
# memory than four times the files and 8 MiB (which the program takes for itself, about
# 4 MiB, and its libraries), by a message that names the file and the place.
. "$TFM_SRCDIR/tests/e2e/common.sh"
tokenize="$TFM_BUILDDIR/tools/tfm-tokenize"
seconds=2
base=8192 # KiB
peak="$work/peak"
if [ "${TFM_SANITIZERS:-no}" = no ]; then
  ${CC:-cc} -O1 -o "$peak" "$TFM_SRCDIR/tests/robust/peak.c" || exit 99
else
  seconds=20
  peak= # their shadow counts
fi

# refuse CODE TEXT COMMAND...: that exit status within the time, and the text in the message.
refuse() {
  local code=$1 text=$2
  shift 2
  expect "$code" timeout $((seconds + 3)) "$@"
  has "$text"
}

# size PATH...: the bytes of those that are files, and of the files in $work/dir.
size() {
  local sum=0 path
  for path in "$@" "$work"/dir/*; do
    [ ! -f "$path" ] || sum=$((sum + $(stat -Lc %s "$path")))
  done
  echo $sum
}

# quick CODE TEXT COMMAND...: refuse, not later than it may be, and in bounded memory.
quick() {
  local code=$1 text=$2 begin=${EPOCHREALTIME/./} took most
  shift 2
  refuse "$code" "$text" ${peak:+"$peak" "$work/taken"} "$@"
  took=$(((${EPOCHREALTIME/./} - begin) / 1000))
  checks=$((checks + 1))
  [ $took -lt $((seconds * 1000)) ] || [ -n "${SLOW_MACHINE:-}" ] || fail "$took ms: $*"
  [ -n "$peak" ] || return
  checks=$((checks + 1))
  most=$((base + $(size "$@") * 4 / 1024))
  [ "$(cat "$work/taken")" -le $most ] || fail "$(cat "$work/taken") KiB, over $most: $*"
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

for name in added_tokens.json tokenizer.model spiece.model encoder.json vocab.bpe; do
  fresh gpt2-untied
  case $name in
  *.model) rm "$work"/dir/*.json "$work"/dir/merges.txt ;;
  encoder.json | vocab.bpe)
    mv "$work/dir/vocab.json" "$work/dir/encoder.json"
    mv "$work/dir/merges.txt" "$work/dir/vocab.bpe"
    rm "$work/dir/$name"
    ;;
  esac
  mkfifo "$work/dir/$name"
  quick 5 "$name\` is not a regular file" "$tokenize" "$work/dir" x
done
rm -rf "$work/dir"
mkdir "$work/dir"
mkfifo "$work/dir/model.gguf"
quick 4 "model.gguf\` is not a regular file" $run "$work/dir"

# ---- an index that points elsewhere: the file, the tensor, what it found
# shard NAME: the tensor model.norm.weight is in the file NAME.
shard() {
  fresh llama-shards
  sed -i "s|\(\"model.norm.weight\": *\)\"[^\"]*\"|\1\"$1\"|" "$work/dir/model.safetensors.index.json"
}
llama="$run $models/llama.tfm --weights $work/dir"
for name in ../x /etc/passwd /dev/zero . .. a/b; do
  shard "$name"
  quick 4 "model.safetensors.index.json\` looks for tensor \`model.norm.weight\` outside" $llama
  has "found: \`$name\`"
done
shard pipe
mkfifo "$work/dir/pipe"
quick 4 "dir/pipe\` is not a regular file" $llama
shard zero
ln -s /dev/zero "$work/dir/zero"
quick 4 "dir/zero\` is not a regular file" $llama
shard config.json
quick 4 "dir/config.json\` claims a header that is too large" $llama
shard none
quick 4 "the shard \`$work/dir/none\` is missing" $llama
has "with tensor \`model.norm.weight\`"

# ---- tensors that overlap, leave a gap, or leave something behind
# tensors HEADER BYTES: a safetensors file.
tensors() {
  rm -rf "$work/dir"
  mkdir "$work/dir"
  { printf "\\$(printf %o ${#1})\\0\\0\\0\\0\\0\\0\\0%s" "$1"; head -c "$2" /dev/zero; } >"$work/dir/model.safetensors"
}
weights="$TFM_BUILDDIR/tools/tfm-weights --no-models $work/dir"
# tensor NAME BEGIN END
tensor() {
  printf '"%s":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}' "$1" $(($3 - $2)) "$2" "$3"
}
tensors "{$(tensor a 0 4),$(tensor b 4 8)}" 8
expect 0 $weights
tensors "{$(tensor a 0 4),$(tensor b 2 6)}" 6
quick 4 "tensor \`b\` of \`$work/dir/model.safetensors\` overlaps" $weights
has "expected: it begins at 4"
has "found: it begins at 2"
tensors "{$(tensor a 0 4),$(tensor b 6 8)}" 8
quick 4 "tensor \`b\` of \`$work/dir/model.safetensors\` leaves a hole" $weights
has "expected: it begins at 4"
has "found: it begins at 6"
tensors "{$(tensor a 0 4),$(tensor b 4 8)}" 11
quick 4 "$work/dir/model.safetensors\` has bytes after its last tensor" $weights
has "expected: 8 bytes"
has "found: 11 bytes"
tensors "{$(tensor a 0 4),$(tensor b 4 8)}" 7
quick 4 "tensor \`b\` of \`$work/dir/model.safetensors\` ends after the end" $weights
tensors "{$(tensor a 0 4),$(tensor a 4 8)}" 8
quick 4 "model.safetensors:1:" $weights
has "duplicate key \`a\`"

# ---- GGUF that claims more than it has
# gguf KEYS TENSORS [BYTES...]: a file of version 3; BYTES are for printf.
gguf() {
  rm -rf "$work/dir"
  mkdir "$work/dir"
  printf "GGUF\3\0\0\0$2$1${3:-}" >"$work/dir/x.gguf"
  head -c 4096 /dev/zero >>"$work/dir/x.gguf"
}
none='\0\0\0\0\0\0\0\0' one='\1\0\0\0\0\0\0\0' all='\377\377\377\377\377\377\377\377'
weights="$TFM_BUILDDIR/tools/tfm-weights --no-models $work/dir/x.gguf"
gguf "$all" "$none"
quick 4 "x.gguf\` claims too many keys" $weights
gguf "$none" "$all"
quick 4 "x.gguf\` claims too many tensors" $weights
gguf "$one" "$none" "${one}k\11\0\0\0\10\0\0\0$all"
quick 4 "x.gguf" $weights
has "ends within"
gguf "$one" "$none" "$all"
quick 4 "x.gguf" $weights

# ---- keys given twice
fresh gpt2-tied
sed -i 's/{/{"n_head": 2, "n_head": 4,/' "$work/dir/config.json"
refuse 4 "config.json:1:" $gpt2
has duplicate
fresh gpt2-tied
sed -i 's/{/{"version": "1.0",/' "$work/dir/tokenizer.json"
refuse 5 "tokenizer.json:1:" "$tokenize" "$work/dir" x
has duplicate
for name in generation_config.json tokenizer_config.json special_tokens_map.json added_tokens.json; do
  fresh gpt2-untied
  printf '{"a": 1,\n"a": 2}' >"$work/dir/$name"
  case $name in
  generation_config.json) refuse 4 "$name:2:3: duplicate" $gpt2 ;;
  *) refuse 5 "$name:2:3: duplicate" "$tokenize" "$work/dir" x ;;
  esac
done
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
refuse 5 "merges.txt:$(wc -l <"$work/dir/merges.txt"): \`zz\` is not in the vocabulary" "$tokenize" "$work/dir" x
echo 'T' >"$work/dir/merges.txt"
refuse 5 "merges.txt:1: a merge must be" "$tokenize" "$work/dir" x
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
# a few Replace in a row: a letter becomes 64, and each of them again
sixty_four=$(head -c 64 /dev/zero | tr '\0' x)
replace="{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"$sixty_four\"}"
replaces=$(printf "$replace,%.0s" 1 2 3 4 5 6 7 8 9)$replace
words='{"type":"WordLevel","unk_token":"x","vocab":{"x":0}}'
json "$words" "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[$replaces]}"
quick 7 "a text has more than 65600 bytes on its way to tokens" "$tokenize" "$work/dir" x
json "$words" "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[$replaces]}"
quick 7 "grows to more than 65600 bytes in the decoder's Replace" "$tokenize" "$work/dir" -d 0
# more components than any pipeline needs
for kind in normalizer:normalizers:Lowercase pre_tokenizer:pretokenizers:Whitespace decoder:decoders:Fuse; do
  IFS=: read -r one many type <<<"$kind"
  list=$(printf "{\"type\":\"$type\"},%.0s" $(seq 1000)){\"type\":\"$type\"}
  json "$words" "\"$one\":{\"type\":\"Sequence\",\"$many\":[$list]}"
  quick 5 "tokenizer.json: $one.$many[1000]: more than 1000 components" "$tokenize" "$work/dir" x
done

# a pattern that compiles to a program beyond all bounds
for pattern in '(?:(?:(?:a{1,900}){1,900}){1,900}){1,900}' '\\p{Klingon}' '\\C' '(?R)' '(a)\\1'; do
  rm -rf "$work/dir"
  json "$words" "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"$pattern\"},\"behavior\":\"Isolated\",\"invert\":false}"
  quick 5 "tokenizer.json: pre_tokenizer.pattern" "$tokenize" "$work/dir" x
done
# ---- limits: what is on them is taken, what is over them refused
# nested N: N brackets
nested() {
  local open close
  open=$(head -c "$1" /dev/zero | tr '\0' '[')
  close=$(head -c "$1" /dev/zero | tr '\0' ']')
  echo "$open$close"
}
fresh gpt2-tied
sed -i "s/{/{\"z\": $(nested 63),/" "$work/dir/config.json"
expect 0 $gpt2
fresh gpt2-tied
sed -i "s/{/{\"z\": $(nested 64),/" "$work/dir/config.json"
quick 4 "config.json:1:70: nested deeper than 64 levels" $gpt2
fresh gpt2-tied
sed -i "s/{/{\"z\": null, \"n_inner\": null,/" "$work/dir/config.json"
expect 0 $gpt2
fresh gpt2-tied
truncate -s $((16 * 1024 * 1024 + 1)) "$work/dir/config.json"
quick 4 "config.json\` is 16777217 bytes, over the limit of 16777216" $gpt2
fresh gpt2-tied
sed -i "0,/{/s/{/{\"z\": $(nested 64),/" "$work/dir/tokenizer.json"
quick 5 "tokenizer.json:" "$tokenize" "$work/dir" x
has "nested deeper than 64 levels"
large=$((64 * 1024 * 1024 + 1))
for name in vocab.json merges.txt added_tokens.json; do
  fresh gpt2-untied
  truncate -s $large "$work/dir/$name"
  quick 5 "$name\` is $large bytes, over the limit of 67108864" "$tokenize" "$work/dir" x
done
fresh bert-mlm-old
truncate -s $large "$work/dir/vocab.txt"
quick 5 "vocab.txt\` is $large bytes, over the limit of 67108864" "$tokenize" "$work/dir" x
rm -rf "$work/dir"
for name in tokenizer.json tokenizer.model spiece.model; do
  mkdir "$work/dir"
  truncate -s $large "$work/dir/$name"
  quick 5 "$name\` is $large bytes, over the limit of 67108864" "$tokenize" "$work/dir" x
  rm -rf "$work/dir"
done
json '{"type":"WordLevel","unk_token":"a","vocab":{"a":0,"b":1048575}}'
expect 0 "$tokenize" "$work/dir" b
says 1048575
token=$(head -c 65536 /dev/zero | tr '\0' b)
json "{\"type\":\"WordLevel\",\"unk_token\":\"a\",\"vocab\":{\"a\":0,\"$token\":1}}"
expect 0 "$tokenize" "$work/dir" "$token"
says 1
json "{\"type\":\"WordLevel\",\"unk_token\":\"a\",\"vocab\":{\"a\":0,\"${token}b\":1}}"
refuse 5 "tokenizer.json: model.vocab" "$tokenize" "$work/dir" x
printf '[UNK]\n%sb\n' "$token" >"$work/dir/vocab.txt"
quick 5 "vocab.txt:2: a token" "$tokenize" "$work/dir/vocab.txt" x
# an id of the tokenizer that the embedding has no row for
fresh gpt2-tied
sed -i 's/"vocab": *{/&"zzzz": 5000, /' "$work/dir/tokenizer.json"
expect 0 "$tokenize" "$work/dir" --decode 5000
refuse 4 "tokenizer.json: token \`zzzz\` has id 5000, but the embedding of the ids has 296 rows" \
  $tfmrun $plugins -q "$models/gpt2.tfm" --weights "$work/dir" --ids 1,5000
refuse 2 "id 5001 of the input is not in the vocabulary (0 to 295)" $tfmrun $plugins -q \
  "$models/gpt2.tfm" --weights "$work/dir" --ids 1,5001
finish
