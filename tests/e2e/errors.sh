#!/bin/sh
# errors.sh - what is wrong has its own exit status, and a message that says
# where, what was expected, what was found, and what to do.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# 2: usage
expect 2 "$tfmrun"
has "which model?"
expect 2 "$tfmrun" a.tfm b.tfm --input x
expect 2 "$tfmrun" "$models/gpt2.tfm" --input x --top-p 7
has "--top-p needs a number from 0 to 1"
expect 2 "$tfmrun" "$models/gpt2.tfm" --input x --top-k " 3"
has "--top-k needs a whole number from 0 to 2147483647, not ' 3'"
for number in 0x1 " 1" "1 " nan inf 1e999 1,5 ""; do
  expect 2 "$tfmrun" "$models/gpt2.tfm" --input x --temp "$number"
  has "--temp needs a number from 0 to 1e+06, not '$number'"
done
expect 2 "$tfmrun" "$models/gpt2.tfm" --no-such-option
expect 2 "$tfmrun" $plugins "$models/bert.tfm" --weights "$fixtures/bert-mlm" --input "no mask here"
has "[MASK]"
expect 2 "$tfmrun" $plugins "$models/bert.tfm" --weights "$fixtures/bert-qa" --input "who?"
has "--context"

expect 2 "$tfmrun" $plugins "$models/bert.tfm" --weights "$fixtures/bert-qa" --ids 2,84,3
has "has no context to be answered from"
expect 2 "$tfmrun" $plugins "$models/bert.tfm" --weights "$fixtures/bert-qa" --input "" --context ""
mkdir "$work/bare"
cp "$fixtures/bert-mlm/config.json" "$fixtures/bert-mlm/model.safetensors" "$work/bare"
expect 5 "$tfmrun" $plugins "$models/bert.tfm" --weights "$work/bare" --ids 2,4,3
has "which id is the mask"

# 1: values that are not finite, and the line that they are of
if [ -d "$TFM_SHARED/data/cases/nan-embed" ]; then
  expect 1 "$tfmrun" $plugins --model-dir "$models" --json "$TFM_SHARED/data/cases/nan-embed" --input hi
  has "embed: \`vector\` of the input is not finite"
  [ ! -s "$out" ] || fail "a vector with nan is printed"
  expect 1 sh -c 'printf "a\nb\n" | "$@"' - "$tfmrun" $plugins --model-dir "$models" \
    "$TFM_SHARED/data/cases/nan-embed" --input -
  has "line 1 of the input"
fi
if [ -d "$TFM_SHARED/data/cases/tags-empty" ]; then
  for case in tags-empty mask-empty; do # as files whose class puts nothing around a text
    cp -RL "$TFM_SHARED/data/cases/$case" "$work/$case"
    chmod -R u+w "$work/$case"
    sed -i 's/BertTokenizer/PreTrainedTokenizerFast/' "$work/$case/tokenizer_config.json"
    expect 2 "$tfmrun" $plugins --model-dir "$models" "$work/$case" --input ""
    has "the input is empty"
  done
fi

# 3: a misspelt op, a wrong width, no such file
sed 's/layer_norm(x, eps: eps) @ln_1/layernorm(x, eps: eps) @ln_1/' "$models/gpt2.tfm" >"$work/op.tfm"
expect 3 "$tfmrun" $plugins "$work/op.tfm" --weights "$fixtures/gpt2-tied" --input x
has "error[E201]: unknown op \`layernorm\`"
has "op.tfm:"
has "layer_norm"
sed 's/x = x + conv1d(a) @attn.c_proj/x = x + conv1d(a) @attn.c_attn/' "$models/gpt2.tfm" >"$work/width.tfm"
expect 3 "$tfmrun" $plugins "$work/width.tfm" --weights "$fixtures/gpt2-tied" --input x
has "error[E301]"
has "h.0.attn.c_attn.weight"
expect 3 "$tfmrun" "$work/none.tfm" --input x
has "there is no model file"

# 3: a file that does not parse says so where no weights are given, too
expect 3 "$tfmrun" $plugins "$TFM_SRCDIR/README.md" --input x
has "error[E101]"
has "README.md:1:1"
sed 's/^graph/graf/' "$models/gpt2.tfm" >"$work/typo.tfm"
expect 3 "$tfmrun" $plugins "$work/typo.tfm" --input x
has "error[E110]"
expect 2 "$tfmrun" $plugins "$models/llama.tfm" --input x
has "names no checkpoint of its own"

# 3: an encoder-decoder compiles, and is not run without a start token
mkdir "$work/two"
echo '{"model_type":"pair","width":8,"layers":2,"heads":2}' >"$work/two/config.json"
pair="$TFM_SRCDIR/tests/lang/pair.tfm"
expect 0 "$tfmc" $plugins check "$pair"
sed 's/^weight words: \[_, D\]/weight words: [10, D]/' "$pair" >"$work/pair.tfm"
expect 3 "$tfmbench" $plugins "$work/pair.tfm" --random --weights "$work/two" --runs 1
has "\`pair\` is an encoder-decoder, and its head \`lm\` states no start"
sed -i 's/generate(stop/generate(start: 0, stop/; s/: generate /: generate(start: 0) /' "$work/pair.tfm"
expect 0 "$tfmbench" $plugins "$work/pair.tfm" --random --weights "$work/two" --runs 1
# 3: a decoder without a text to go on from
sed 's/ = tokens\./ = generated./' "$models/gpt2.tfm" >"$work/written.tfm"
expect 3 "$tfmrun" $plugins "$work/written.tfm" --weights "$fixtures/gpt2-tied" --input x
has "\`gpt2\` reads only what it has written"
# 3: text cannot grow in a graph that is run once a request; other tasks may have one
sed 's/graph decode/graph encode/; s/bool\[B, S\]/bool[B, T]/; s/, S <= P//; /^state/d; s/, cache: cache//
  s/, cache: kv//; s/, past\[i\]//' "$models/gpt2.tfm" >"$work/once.tfm"
expect 0 "$tfmc" $plugins check "$work/once.tfm" --weights "$fixtures/gpt2-tied"
for way in --check "--ids 1,2,3"; do
  expect 3 "$tfmrun" $plugins "$work/once.tfm" --weights "$fixtures/gpt2-tied" $way
  has "\`gpt2\` generates text, and its \`graph encode\` reads that text"
done
sed 's/: generate(.*) for/: fill_mask for/' "$work/once.tfm" >"$work/mask.tfm"
expect 0 "$tfmrun" $plugins "$work/mask.tfm" --weights "$fixtures/gpt2-tied" --check
# what reads no text may stay in encode
sed 's/^graph decode {/graph encode { return n = causal() }\n&/; s/layer(x, past/layer(x, n, past/; s/causal()\( \&\)/m\1/
  s/layer(x: \[B, T, D\],/& m,/' "$models/gpt2.tfm" >"$work/hoist.tfm"
expect 0 "$tfmrun" $plugins -q "$work/hoist.tfm" --weights "$fixtures/gpt2-tied" --input "I like tea" -n 8
says "eeeee/ee"

# a model file on the path that does not parse may be the one that was meant
mkdir "$work/path"
cp "$models/gpt2.tfm" "$work/path"
cp "$work/typo.tfm" "$work/path/a.tfm"
expect 0 "$tfmrun" $plugins "$fixtures/gpt2-tied" --model-dir "$work/path" --input x -n 1
has "warning: passed over on the model path: "
has "path/a.tfm\` has 1 error, the first E110"
# two files for one type: which is taken is said, and which other there is; not of one file twice
has "warning: two model files are for this model_type: $work/path/gpt2.tfm is taken"
has "the other, later on the model path: "
mkdir "$work/link"
ln -s "$models/gpt2.tfm" "$work/link"
expect 0 "$tfmrun" $plugins "$fixtures/gpt2-tied" --model-dir "$work/link" --input x -n 1
has "tfmrun: $work/link/gpt2.tfm: load "
if grep -q "two model files" "$err"; then fail "one file counts twice"; fi
expect 0 "$tfmrun" $plugins -q "$fixtures/gpt2-tied" --model-dir "$work/link" --input x -n 1 --json
grep -qF "\"model\":\"$work/link/gpt2.tfm\"" "$out" || fail "the JSON does not say which file ran"
rm "$work/path/gpt2.tfm"
cp -RL "$fixtures/gpt2-tied" "$work/of-another" && chmod -R u+w "$work/of-another"
sed -i 's/"model_type": *"gpt2"/"model_type": "gpt22"/' "$work/of-another/config.json"
expect 3 "$tfmrun" $plugins "$work/of-another" --model-dir "$work/path" --input x
has "no model file is \`for \"gpt22\"\`"
has "passed over: "

# without weights all is checked that holds whatever config.json says; and what is not, is said
# wrong SED TEXT: bert.tfm with that change is refused with that text
wrong() {
  sed "$1" "$models/bert.tfm" >"$work/wrong.tfm"
  expect 3 "$tfmc" check $plugins "$work/wrong.tfm"
  has "$2"
}
for file in bert gpt2 llama; do
  expect 0 "$tfmc" check $plugins "$models/$file.tfm"
  has "not checked without --weights"
done
wrong 's/+ embedding(types/+ (pos + 2) + embedding(types/' "error[E30"
wrong 's/shape: \[B, T, H, K\]/shape: "x"/' "\`reshape\` needs a list of dims for \`shape\`, this is a string"
wrong 's/shape: \[B, T, H, K\]/shape: [B, T, "x", K]/' "a dim must be an integer"
wrong 's/mask: padding(real)/mask: real/' "\`attention\` needs a mask in \`mask\`, this is bool[B,T]"
wrong 's/q = reshape/q: [B, D] = reshape/' "error[E305]: \`q\` is [B,T,?,?], [B,?] is declared"
wrong 's/q = reshape/q: [T, B, H, K] = reshape/' "error[E301]: \`q\` is [B,T,?,?], [T,B,?,?] is declared"
wrong 's/kind: "tanh"/kind: "tanhh"/' "error[E314]: \`activation\` knows no \`kind\` \"tanhh\""
wrong 's/return logits = linear(x) @classifier/return logits = select(x, axis: 1, index: 0)/' "error[E219]: the task"
wrong 's/return vector/return logits/' "error[E219]: the task \`embed\` needs a result named \`vector\`"
# blocks that nothing calls, and those of a library
echo 'block alone(y: [B, T, D]) { return linear(y, weight: 3) }' >"$work/alone"
wrong "\$ r $work/alone" "\`linear\` needs a weight for \`weight\`, this is an integer"
{ printf 'tfm 1\nlibrary parts\ndim B, T\nblock good(x: [B, T, _, _], cache: kv, m: mask) {\n'
  printf '  return attention(x, x, x, mask: m & causal(), cache: cache)\n}\n'; } >"$work/parts.tfm"
expect 0 "$tfmc" check $plugins "$work/parts.tfm"
sed -i 's/m & causal()/m \& cache/' "$work/parts.tfm"
expect 3 "$tfmc" check $plugins "$work/parts.tfm"
has "parts.tfm:5:"
# layers of a state, as far as they can be told apart
state() {
  sed "$1" "$models/gpt2.tfm" >"$work/state.tfm"
  expect "$2" "$tfmc" check $plugins "$work/state.tfm"
  [ "$2" = 0 ] || has "error[E224]: the state \`$3\` is used by"
}
state 's/ x = layer(x, past\[i\], i) @h.{i}/&\n x = layer(x, past[i], i) @g.{i}/' 3 'past[0]'
state 's/ x = layer(x, past\[i\], i) @h.{i}/&\n x = layer(x, past[L - 1 - i], i) @g.{i}/' 0
state 's/ x = layer(x, past\[i\], i) @h.{i}/x = if L == 2 then layer(x, past[i], i) @h.{i} else layer(x, past[i], i) @g.{i}/' 0
state 's/^state past/state more: kv[L]\n&/' 3 more
state 's/kv\[L\]/kv[2 * L]/; s/ x = layer(x, past\[i\], i) @h.{i}/x = layer(layer(x, past[2 * i], i) @h.{i}, past[2 * i + 1], i) @g.{i}/' 0

# what a kernel refuses is shown where it is written
sed 's/mask: causal() & padding(real)/mask: causal() \& window(n: 0 - 3)/' "$models/gpt2.tfm" >"$work/refused.tfm"
expect 6 "$tfmrun" -q $plugins "$work/refused.tfm" --weights "$fixtures/gpt2-tied" --ids 1,2
has "error[E309]: \`window\` cannot be prepared for"
has "refused.tfm:"

# a file without heads has no answer, and values that can be seen
sed '/^head/,$d' "$models/gpt2.tfm" >"$work/headless.tfm"
headless="$tfmrun -q $plugins $work/headless.tfm --weights $fixtures/gpt2-tied --ids 1,2,3"
expect 3 $headless
has "the model file has no head, so there is no answer"
has "--dump"
expect 0 $headless --dump "x=$work/headless.safetensors"
head -c 80 "$work/headless.safetensors" | grep -q '"x":{"dtype":"F32","shape":\[1,3,24\]' ||
  fail "the value of a file without heads is not dumped"

# 3: a number of config.json that cannot be; the message names its key, and what is expected
# config FIXTURE KEY VALUE: a copy of a checkpoint in which KEY is VALUE
config() {
  rm -rf "$work/config"
  mkdir "$work/config"
  cp -L "$fixtures/$1"/* "$work/config"
  sed -i "s/\"$2\": *[^,]*/\"$2\": $3/" "$work/config/config.json"
}
refuses="$tfmrun $plugins --model-dir $models --ids 1,2,3 $work/config"
for heads in -1 0; do
  config gpt2-tied n_head $heads
  expect 3 $refuses
  has "error[E307]"
  has "$heads is H, from config.json:15 \`n_head\`"
  config bert-model num_attention_heads $heads
  expect 3 $refuses
  has "$heads is H, from config.json:15 \`num_attention_heads\`"
  config llama-gqa num_key_value_heads $heads
  expect 3 $refuses
  has "$heads is G, from config.json:17 \`num_key_value_heads\`"
done
config gpt2-tied n_head 5
expect 3 $refuses
has "24 / 5 does not come out even"
has "5 is H, from config.json:15 \`n_head\`"
config llama-gqa num_attention_heads 5
expect 3 $refuses
has "24 / 5 does not come out even"
has "5 is H, from config.json:15 \`num_attention_heads\`"
config gpt2-tied n_layer -1
expect 3 $refuses
has "error[E307]: a repeat of -1 turns"
has "0 to 1024 are possible"
has "-1 is L, from config.json:14 \`n_layer\`"
config gpt2-tied n_layer 2000
expect 7 $refuses
has "2000 is L, from config.json:14 \`n_layer\`"
config gpt2-tied n_head '"two"'
expect 3 $refuses
has "it is H, from config.json:15 \`n_head\`"

# 3: a head that returns another shape than its task reads, where it is written and where it is read
cases="$TFM_SHARED/data/cases/shape"
if [ -d "$cases" ]; then
  for case in classify_bool embed_rank3 mask_last tags_last; do
    expect 3 "$tfmc" check $plugins "$cases/$case.tfm" --weights "$cases"
    has "error[E219]: the task"
  done
  expect 3 "$tfmc" check $plugins "$cases/embed_axis0.tfm" --weights "$cases"
  has "error[E313]: \`select\` would mix the rows of the batch"
else
  echo "skipped: $cases is not there"
fi
expect 0 "$tfmrun" -q $plugins "$models/bert.tfm" --weights "$fixtures/bert-tags" --input "the cat" \
  --dump "encoder.layer.1=$work/short.safetensors"
expect 2 "$tfmrun" -q $plugins "$models/bert.tfm" --weights "$fixtures/bert-tags" \
  --input "the cat sat on the mat" --feed "encoder.layer.1=$work/short.safetensors:encoder.layer.1"
has "is fed with another length than the texts have"
has "found: 5"

# 4: a missing tensor, a truncated file, a wrong shape, shards
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/damaged/missing-tensor" --input x
has "is not in the checkpoint"
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/damaged/truncated" --input x
has "model.safetensors"
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/damaged/wrong-shape" --input x
expect 4 "$tfmrun" $plugins "$models/llama.tfm" --weights "$fixtures/damaged/missing-shard" --input x
expect 4 "$tfmrun" $plugins "$models/llama.tfm" --weights "$fixtures/damaged/escaping-shard" --input x
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work" --input x
has "config.json"
expect 4 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/none" --input x

# 5: text without a tokenizer
mkdir -p "$work/bare"
cp "$fixtures/gpt2-tied/config.json" "$fixtures/gpt2-tied/model.safetensors" "$work/bare"
expect 5 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/bare" --input x
has "--ids"
expect 0 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/bare" --ids 1,2,3 -n 2
echo '{"version": "1.0", "model": {"type": "Wrong"}}' >"$work/bare/tokenizer.json"
expect 5 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$work/bare" --input x
has "tokenizer.json"

# 6: a plugin of another ABI, and ops that are therefore missing
mkdir -m 755 "$work/plugins"
cat >"$work/other.c" <<'C'
#include "tfm/plugin.h"
__attribute__((used, section(".note.tfm"), aligned(4)))
static const tfm_plugin_note note = {
    4, 48, TFM_NOTE_TYPE, {'t', 'f', 'm', 0}, TFM_NOTE_MAGIC, 2, 0, 0, "other"};
TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void);
TFM_EXPORT const tfm_plugin_desc *tfm_plugin_v1(void) { return 0; }
C
${CC:-cc} -I"$TFM_SRCDIR/include" -shared -fPIC -o "$work/plugins/other.so" "$work/other.c" || exit 99
chmod 755 "$work/plugins/other.so"
sed 's/^\(model gpt2.*\)/\1\nuse other 1/' "$models/gpt2.tfm" >"$work/use.tfm"
expect 6 "$tfmrun" --plugin-dir "$work/plugins" $plugins "$work/use.tfm" --weights "$fixtures/gpt2-tied" --input x
has "other.so"
has "ABI"
has "found"

# 7: longer than the model allows
long=$(i=0; while [ $i -lt 200 ]; do printf '1,'; i=$((i + 1)); done; echo 1)
expect 7 "$tfmrun" $plugins "$models/gpt2.tfm" --weights "$fixtures/gpt2-tied" --ids "$long"
has "201 tokens"

# every option of a program is in its summary and in its page
options() { grep -oE -- '--[a-z][a-z-]*' | sort -u; }
for name in tfmrun tfmc tfmeval tfmbench tfm-tokenize tfm-weights tfm-inspect; do
  expect 0 "$TFM_BUILDDIR/tools/$name" --help
  options <"$out" >"$work/help"
  sed 's/\\-/-/g; s/Fl -/Fl --/g; s/, -\([a-z]\)/, --\1/g' "$TFM_SRCDIR/docs/man/$name.1" | options >"$work/page"
  [ "$name" != tfm-weights ] || sed -i '/^--check$/d' "$work/page" # of tfmrun
  checks=$((checks + 1))
  cmp -s "$work/help" "$work/page" ||
    fail "$name: --help and its page differ: $(diff "$work/help" "$work/page" | grep '^[<>]' | tr '\n' ' ')"
  expect 0 "$TFM_BUILDDIR/tools/$name" --version
  says "$name 0.1.0"
  expect 2 "$TFM_BUILDDIR/tools/$name" --nothing
  has "Try '$name --help'"
  [ "$name" = tfm-inspect ] || expect 2 "$TFM_BUILDDIR/tools/$name" # it lists what there is
done
grep -l '^\.Dl.*"' "$TFM_SRCDIR"/docs/man/*.1 && fail "a quote in an example of a page is not shown"

# a directory that is named and is not there
for option in --plugin-dir --model-dir; do
  for program in "$tfmrun --ids 1" "$tfmbench --runs 1" "$tfmc check"; do
    expect 2 $program $option "$work/nowhere" "$models/gpt2.tfm"
    has "$work/nowhere is no directory, and no"
  done
done

# an option that another task is for
for option in "-n 3" --ignore-stop "--seed 4"; do
  expect 2 "$tfmrun" $plugins "$fixtures/bert-classify" --input x $option
  has "is for the task generate"
done

# a mistyped option is answered with the nearest one
expect 2 "$tfmrun" --temprature 1 x
has "unknown option --temprature: did you mean --temp?"
expect 2 "$tfmc" check --weigths=x y
has "unknown option --weigths: did you mean --weights?"
expect 2 "$TFM_BUILDDIR/tools/tfm-tokenize" x --no-specail
has "did you mean --no-special?"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --task fill-mask --prompt '나는 [MASK]' --top 1
cp "$out" "$work/own"
for task in fill_mask masked-lm; do
  expect 0 "$tfmrun" $plugins -q -m "$models/bert.tfm" --task $task --text '나는 [MASK]' --top 1
  cmp -s "$out" "$work/own" || fail "--task $task is not fill_mask"
done
for task in text-classification sentiment-analysis classify; do
  expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --task $task --input '나는'
  grep -q '^positive \|^negative ' "$out" || fail "--task $task does not classify: $(cat "$out")"
done
expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" --task text-generation --temperature 0 --max-new-tokens 3 --prompt 나는
cp "$out" "$work/own"
expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" -n 3 --input 나는
cmp -s "$out" "$work/own" || fail "familiar spellings mean something else"
expect 2 "$tfmrun" $plugins -q "$models/bert.tfm" --task nonsense --input x
has "the heads are"
has "fill_mask for"
grep -q 'similar name' "$err" && fail "nonsense is near to something: $(cat "$err")"
for pair in fill_maks:fill_mask emebd:embed qua:qa sentense:sentence token_clasification:token-classification; do
  expect 2 "$tfmrun" $plugins -q "$models/bert.tfm" --task ${pair%:*} --input x
  has "a head or task with a similar name exists: \`${pair#*:}\`"
done
expect 2 "$tfmrun" $plugins -q "$models/gpt2.tfm" --task text_generatoin --input x
has "exists: \`text-generation\`"
expect 2 "$tfmrun" $plugins -q "$models/gpt2.tfm" --task fil_mask --input x # it has no such head
grep -q 'similar name' "$err" && fail "a task that the file does not have is named: $(cat "$err")"
expect 0 "$tfmrun" $plugins -q "$models/bert.tfm" --task Fill_Mask --input "나는 [MASK]"
expect 2 "$tfmc" check $plugins "$models/bert.tfm" --weights "$fixtures/bert-mlm" --task nonsense
expect 2 "$TFM_BUILDDIR/tools/tfm-weights" "$fixtures/bert-mlm" "$fixtures/gpt2-tied"
has "one checkpoint at a time"
expect 2 "$tfmc" chekc "$models/bert.tfm"
has "no command is called chekc: did you mean check?"
expect 2 "$tfmc" "$models/bert.tfm"
has "say what to do: check, fmt or --emit=WHAT"

# 4: a file of a checkpoint that is not the one that its directory stands for
cp -RL "$fixtures/bert-mlm" "$work/tuned" && cp "$work/tuned/model.safetensors" "$work/tuned/other.safetensors"
expect 4 "$tfmrun" $plugins "$work/tuned/other.safetensors" --input x
has "is no model file"
has "into a directory of its own"
expect 4 "$tfmrun" $plugins "$models/bert.tfm" --weights "$work/tuned/other.safetensors" --input x
has "into a directory of its own"
expect 4 "$tfmrun" $plugins "$work/tuned/tokenizer.json" --input x
has "config.json beside model.safetensors"
for name in model-old model.fp16 model-00001-of-00002; do # beside model.safetensors, which it is not
  cp "$work/tuned/other.safetensors" "$work/tuned/$name.safetensors"
  expect 4 "$tfmrun" $plugins "$models/bert.tfm" --weights "$work/tuned/$name.safetensors" --input x
  has "into a directory of its own"
done
mkdir "$work/only" && cp "$work/tuned"/*.json "$work/only" && cp "$work/tuned/other.safetensors" "$work/only"
expect 0 "$tfmrun" $plugins -q "$work/only/other.safetensors" --input "나는 [MASK]"
for name in model.safetensors.index.json model-00002-of-00002.safetensors; do
  expect 0 "$tfmrun" $plugins -q "$fixtures/bert-shards/$name" --input "나는"
done
echo x >"$work/tuned/pytorch_model.bin"
expect 4 "$tfmrun" $plugins "$work/tuned/pytorch_model.bin" --input x
has "is a pickle"
HF_HUB_CACHE="$work/hub" expect 4 "$tfmrun" $plugins https://huggingface.co/org/model --input x
has "the model \`org/model\` is not in the Hugging Face cache"
has "hf download org/model"
HF_HUB_CACHE="$work/hub" expect 4 "$tfmrun" $plugins "$models/bert.tfm" --weights hf.co/org/model/tree/v2 --input x
has "hf download org/model"
mkdir -p "$work/hub/models--org--model/snapshots/0123456789012345678901234567890123456789" "$work/hub/models--org--model/refs"
cp -L "$fixtures/gpt2-tied"/* "$work/hub/models--org--model/snapshots"/*
printf 0123456789012345678901234567890123456789 >"$work/hub/models--org--model/refs/main"
expect 0 "$tfmrun" $plugins -q "$fixtures/gpt2-tied" --ids 1,2 -n 3
cp "$out" "$work/own"
for model in https://huggingface.co/org/model hf.co/org/model https://huggingface.co/org/model/tree/main hf://org/model \
  "$fixtures/gpt2-tied/model.safetensors" "$fixtures/gpt2-tied/config.json"; do
  HF_HUB_CACHE="$work/hub" expect 0 "$tfmrun" $plugins -q "$model" --ids 1,2 -n 3
  cmp -s "$out" "$work/own" || fail "$model is not the model: $(cat "$out")"
  HF_HUB_CACHE="$work/hub" expect 0 "$tfmrun" $plugins -q "$models/gpt2.tfm" --weights "$model" --ids 1,2 -n 3
  cmp -s "$out" "$work/own" || fail "--weights $model is not the model: $(cat "$out")"
done
expect 2 "$tfmrun" x --zzzzzz
has "unknown option --zzzzzz"
grep -q 'did you mean' "$err" && fail "--zzzzzz is like no option"
expect 2 "$tfmrun" x --seed
has "--seed needs an argument"
expect 2 "$tfmrun" x --json=1
has "--json takes no argument"
expect 2 "$tfmrun" x -z
has "unknown option -z"

# --kernels: what is not OP=NAME, or names no op
for kernels in nonsense attention= =base , attention=base,; do
  expect 2 "$tfmrun" $plugins "$fixtures/gpt2-tied" --ids 1 --kernels $kernels
  has "OP=NAME"
done
expect 2 "$tfmrun" $plugins "$fixtures/gpt2-tied" --ids 1 --kernels atention=base
has "there is no op \`atention\`"

# input that cannot be read, streams that are closed
for program in "$tfmrun $plugins -q $fixtures/gpt2-tied" "$tfmrun $plugins -q $fixtures/gpt2-tied --ids -" \
  "$TFM_BUILDDIR/tools/tfm-tokenize $fixtures/gpt2-tied" "$TFM_BUILDDIR/tools/tfmeval $plugins -q $fixtures/gpt2-tied"; do
  checks=$((checks + 1))
  $program <"$work" >"$out" 2>"$err"
  [ $? -eq 1 ] || fail "a directory as input: $program"
  has "cannot read"
  $program <&- >"$out" 2>"$err"
  [ $? -eq 1 ] || fail "no input stream: $program"
  has "cannot read"
done
"$tfmrun" $plugins -q "$fixtures/gpt2-tied" --ids 1 -n 1 --dump "logits=$work/closed" >&- 2>"$err"
[ $? -eq 1 ] || fail "no output stream"
expect 0 "$tfmrun" $plugins -q "$fixtures/gpt2-tied" --ids 1 -n 1 --dump "logits=$work/open"
cmp "$work/closed" "$work/open" || fail "a closed output stream changes a dump"

# endless input ends when nobody reads the output
for program in "$tfmrun $plugins -q -n 1 $fixtures/gpt2-tied" "$TFM_BUILDDIR/tools/tfm-tokenize $fixtures/gpt2-tied"; do
  checks=$((checks + 1))
  { yes "The model" | { timeout 20 $program 2>"$err"; echo $? >"$work/code"; } | head -n 1; } >/dev/null 2>&1
  [ "$(cat "$work/code")" = 1 ] || fail "exit $(cat "$work/code") after its output was closed: $program"
  [ -s "$err" ] && fail "a closed pipe is no error to speak of: $(cat "$err")"
done

# names in a checkpoint that would talk to the terminal
mkdir "$work/labels"
cp -L "$fixtures/bert-classify"/* "$work/labels"
sed -i 's/"positive"/"po\\u001b[2J\\n"/' "$work/labels/config.json"
expect 0 "$tfmrun" $plugins -q "$work/labels" --input "나는" --top 3
grep -qF 'po\u{1b}[2J\u{a}' "$out" || fail "a label is not escaped: $(cat "$out")"
printf 'neutral\tgood\n' >"$work/neutral"
expect 0 "$TFM_BUILDDIR/tools/tfmeval" $plugins -q "$work/labels" --data "$work/neutral"
[ "$(grep -cF 'po\u{1b}[2J\u{a}' "$out")" -eq 2 ] || fail "a label of tfmeval is not escaped"
printf 'a\033[2J\tgood\n' >"$work/neutral"
expect 2 "$TFM_BUILDDIR/tools/tfmeval" $plugins -q "$work/labels" --data "$work/neutral"
has "no label 'a\\u{1b}[2J'"
echo '{"version":"1.0","model":{"type":"WordLevel","vocab":{"a\u001b[2J":0,"u":1},"unk_token":"u"}}' >"$work/words.json"
expect 0 "$TFM_BUILDDIR/tools/tfm-tokenize" "$work/words.json" --tokens "$(printf 'a\033[2J')"
says "$(printf '0\t0\t5\ta\\x1b[2J')"

# ids that are none: which line, and not all of it
printf '1 2\n3 x\n' >"$work/ids"
"$TFM_BUILDDIR/tools/tfm-tokenize" "$fixtures/gpt2-tied" -d <"$work/ids" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "bad ids in a pipe"
has "line 2 of the input"
head -c 5000 /dev/zero | tr '\0' '\033' >"$work/ids"
"$tfmrun" $plugins "$fixtures/gpt2-tied" --ids - <"$work/ids" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "bad ids in a pipe of tfmrun"
has "line 1 of the input:"
has "error: --ids needs whole numbers such as 1,2,3, not '\\u{1b}\\u{1b}"
[ "$(wc -c <"$err")" -lt 300 ] || fail "a message repeats all of the input"

# tfmc: what belongs to fmt; a link stays one; JSON is only JSON
expect 2 "$tfmc" check --write "$models/gpt2.tfm"
expect 2 "$tfmc" fmt --write --check "$models/gpt2.tfm"
expect 2 "$tfmc" --emit=ast check "$models/gpt2.tfm"
has "check or --emit"
sed 's/  / /' "$models/gpt2.tfm" >"$work/ugly.tfm"
ln -s ugly.tfm "$work/link.tfm"
expect 0 "$tfmc" fmt --write "$work/link.tfm"
[ -L "$work/link.tfm" ] || fail "fmt --write replaces a link"
cmp "$work/ugly.tfm" "$models/gpt2.tfm" || fail "fmt --write does not follow a link"
expect 3 "$tfmc" $plugins check --diagnostics=json "$work/op.tfm"
[ "$(wc -l <"$err")" -eq 1 ] || fail "--diagnostics=json is not one line: $(cat "$err")"
expect 3 "$tfmc" $plugins check --diagnostics=json "$work/none.tfm"
has "there is no model file"
finish
