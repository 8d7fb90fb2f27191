#!/bin/sh
# usage.sh - a table: what is asked of a program wrongly, its status, and what it says.
. "$TFM_SRCDIR/tests/e2e/common.sh"
tfmeval="$TFM_BUILDDIR/tools/tfmeval"
tokenize="$TFM_BUILDDIR/tools/tfm-tokenize"
tfm_weights="$TFM_BUILDDIR/tools/tfm-weights"

# refuses STATUS TEXT COMMAND...: stdin is empty
refuses() {
  status=$1 text=$2
  shift 2
  expect "$status" "$@"
  has "$text"
}

# gives STATUS TEXT INPUT COMMAND...: INPUT is printf's, through a pipe
gives() {
  status=$1 text=$2 input=$3
  shift 3
  checks=$((checks + 1))
  # shellcheck disable=SC2059 # the escapes are meant
  printf "$input" | "$@" >"$out" 2>"$err"
  code=$?
  [ $code -eq "$status" ] || fail "exit $code, expected $status: $* ($(cat "$err"))"
  has "$text"
}

gpt="$fixtures/gpt2-tied" bert="$fixtures/bert-mlm" tags="$fixtures/bert-tags"
run="$tfmrun $plugins --model-dir $models -q"

refuses 2 "one model at a time; quote the input text" "$tfmrun" a b
refuses 2 "--input and --ids are two ways to say the same" "$tfmrun" a --input x --ids 1
refuses 2 "--query and --input are two ways to say the same" "$tfmrun" a --input x --query y
refuses 2 "with --tabs each line has both texts" "$tfmrun" a --tabs --pair x
refuses 2 "with --tabs each line has both texts" "$tfmrun" a --tabs --ids 1
refuses 2 "--tabs is for lines through a pipe" "$tfmrun" a --tabs --input x
refuses 2 "--repetition-penalty needs a number above 0; 1 is off" "$tfmrun" a --input x --repetition-penalty 0
refuses 2 "--logprobs is for --json" "$tfmrun" a --input x --logprobs 2
refuses 2 "--temp needs a number from 0" "$tfmrun" a --input x --temp nan
refuses 2 "--temp needs a number from 0" "$tfmrun" a --input x --temp 1e999
refuses 2 "--tokens needs a whole number" "$tfmrun" a --input x -n 1.5
refuses 2 "--tokens needs a whole number" "$tfmrun" a --input x -n 99999999999999999999
refuses 2 "--tokens needs a whole number" "$tfmrun" a --input x -n ""
refuses 2 "--ids needs whole numbers such as 1,2,3, not '1,,2'" $run "$gpt" --ids 1,,2
refuses 2 "--ids needs whole numbers such as 1,2,3, not '1x'" $run "$gpt" --ids 1x
refuses 2 "--group is none, simple, first, average or max, not 'all'" "$tfmrun" a --group=all
refuses 2 "is the beginning of more than one option" "$tfmrun" a --t
for tap in x =f x= ; do
  refuses 2 "--dump needs VALUE=FILE.safetensors, not '$tap'" "$tfmrun" a --dump "$tap"
done
for tap in x x=f x=f: ; do
  refuses 2 "--feed needs VALUE=FILE.safetensors:TENSOR, not '$tap'" "$tfmrun" a --feed "$tap"
done
refuses 2 "--group is for the task classify_tokens" $run "$bert" --input x --group=max
refuses 2 "--seed is for the task generate" $run "$bert" --input x --seed 0
refuses 2 "--null-answer is for the task qa" $run "$bert" --input x --null-answer
refuses 2 "the likeliest text is one: --samples needs --temp above 0" $run "$gpt" --input x --samples 2
gives 2 "--tabs needs a text, a tab and a second text" 'a b\n' $run "$bert" --tabs
gives 2 "with --tabs each line has a query of its own" 'a\tb\n' $run "$fixtures/rerankers/body" --task rerank --query x --tabs

refuses 2 "which model? give a directory or a .tfm file" "$tfmbench"
refuses 2 "one model at a time" "$tfmbench" a b
refuses 2 "--lengths are at least 1" "$tfmbench" a --lengths 4,0
refuses 2 "--lengths needs whole numbers" "$tfmbench" a --lengths x
refuses 2 "MODEL.tfm --weights DIR, or --model MODEL.tfm DIR" "$tfmbench" a --model b --weights c

refuses 2 "--diagnostics is text or json, not 'xml'" "$tfmc" check a --diagnostics xml
refuses 2 "--write or --check, not both" "$tfmc" fmt --write --check a
refuses 2 "fmt or --emit, not both" "$tfmc" fmt --emit ast a
refuses 2 "--write is for fmt" "$tfmc" check --write a
refuses 2 "--check is for fmt" "$tfmc" --emit ast --check a
refuses 2 "say what to do: check, fmt or --emit=WHAT" "$tfmc" look a
refuses 2 "which model file?" "$tfmc" check
refuses 2 "cannot emit \`poem\`" "$tfmc" $plugins --emit poem "$models/gpt2.tfm"
has "expected: tokens, ast, graph, dot, json, plan or fmt"
refuses 3 "there is no model file" "$tfmc" fmt "$work/none.tfm"

refuses 2 "which model? give a .tfm file or a directory" "$tfmeval"
refuses 2 "one model at a time" "$tfmeval" a b
refuses 2 "no measure for the task classify_tokens" "$tfmeval" $plugins --model-dir "$models" "$tags" --data "$work/none"
refuses 2 "--end is for the task generate" \
  "$tfmeval" $plugins --model-dir "$models" "$bert" --end x --data "$work/none"
refuses 2 "--end: the tokenizer has no token 'nothing'" \
  "$tfmeval" $plugins --model-dir "$models" "$gpt" --end nothing --data "$work/none"

refuses 2 "which tokenizer?" "$tokenize"
refuses 2 "one of --tokens, --count and --json" "$tokenize" a --tokens --count
for option in "--pair x" --tabs --tokens --count; do
  refuses 2 "--decode gives text: no --pair, --tabs, --tokens or --count" "$tokenize" a --decode $option
done
refuses 2 "--pair or --tabs, not both" "$tokenize" a --pair x --tabs
refuses 2 "--decode needs token ids such as 1 2 3, not '1 x '" "$tokenize" "$gpt" --decode "1 x"
gives 2 "line 2 of the input" '1\n1 x\n' "$tokenize" "$gpt" --decode
refuses 5 "no tokenizer here" "$tokenize" "$work" x

refuses 2 "which checkpoint? give a directory or a file" "$tfm_weights"
refuses 2 "--sort needs name or size, not 'age'" "$tfm_weights" "$gpt" --sort age
refuses 2 "is a file, not the name of a tensor" "$tfm_weights" "$gpt" "$bert/config.json"

# numbers: too large, with blanks, not finite, in another base
for number in 99999999999999999999 ' 5' 5x '' -7; do
  refuses 2 "needs a whole number from" "$tfmrun" "$gpt" --input a -n "$number"
done
for number in nan inf 1e999 0x1p2 ' 1' '1 ' -1 ''; do
  refuses 2 "--temp needs a number from" "$tfmrun" "$gpt" --input a --temp "$number"
done
for list in 99999999999999999999 4294967296 1,-2 '1 2' 1,x ,1 ''; do
  refuses 2 "--ids" "$tfmrun" "$gpt" --ids "$list"
done
gives 2 "line 2 of the input" '5,6\n5\0006\n' "$tfmrun" "$gpt" --ids -
refuses 2 "--lengths" "$tfmbench" "$gpt" --lengths 16,x
refuses 2 "fill_mask" "$tfmbench" "$bert" --task generate --lengths 4
finish
