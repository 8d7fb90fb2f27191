#!/bin/bash
# terminal.sh - nothing of a stranger's talks to a terminal: labels, vocabulary,
# names of tensors and files, texts of model files, in each program.  Into a pipe
# an answer goes as it is.
. "$TFM_SRCDIR/tests/e2e/common.sh"
command -v script >/dev/null || { echo 'script(1) is missing'; exit 77; }
hostile='\\u001b]0;pwn\\u0007\\u202e\\u009b2J'
bytes=$(printf '\033]0;pwn\007\342\200\256\302\233')

# terminal COMMAND...: run it on a terminal that is dumb; what it shows is in $out
terminal() {
  local word line=
  for word; do printf -v word '%q' "$word"; line+=" $word"; done
  checks=$((checks + 1))
  TERM=dumb SHELL=$BASH script -qec "$line" /dev/null >"$out" 2>"$err" </dev/null
}

safe() { # WHAT: no controls but \r \n \t, no U+202E, and the escaped form is there
  if LC_ALL=C tr -d '\r\n\t' <"$out" | LC_ALL=C grep -qP '[\x00-\x1f\x7f]|\xe2\x80\xae|\xc2[\x80-\x9f]'; then
    fail "$1 talks to the terminal: $(head -c 300 "$out" | cat -v)"
  fi
  grep -qF 'u{1b}' "$out" || fail "$1 shows nothing of it: $(head -c 300 "$out" | cat -v)"
}

mkdir "$work/labels" "$work/words" "$work/$bytes"
cp -L "$fixtures/bert-classify"/* "$work/labels"
sed -i "s/\"positive\"/\"$hostile\"/" "$work/labels/config.json"
cp -L "$fixtures/bert-mlm"/* "$work/words"
sed -i "s/\"다\":/\"$hostile\":/; s/\"##다\":/\"##$hostile\":/" "$work/words/tokenizer.json"
grep -qF 'u001b' "$work/words/tokenizer.json" || fail 'no such word in the vocabulary'
cp -L "$fixtures/gpt2-tied"/* "$work/$bytes"
sed "s/^model/# $bytes\n&/" "$models/gpt2.tfm" >"$work/comment.tfm"
sed "s/layer_norm/layer_norn/; s/^model/# $bytes\n&/" "$models/gpt2.tfm" >"$work/$bytes.tfm"

terminal "$tfmrun" $plugins -q "$work/labels" --input '나는' --top 3
safe 'a label'
terminal "$tfmrun" $plugins -q "$work/words" --input '나는 [MASK]' --top 400
safe 'a word'
terminal "$tfmrun" $plugins -q "$work/$bytes" --input x -n 1 --check
safe 'a path'
terminal "$tfmrun" $plugins -q "$work/$bytes/none" --input x
safe 'a path that is not there'
terminal "$tfmrun" "--$bytes" x
safe 'an option'
terminal "$tfmrun" --seed "$bytes" x
safe 'an argument'
terminal "$tfmc" check "$work/$bytes.tfm"
safe 'the name of a model file'
terminal "$tfmc" fmt "$work/comment.tfm"
safe 'a comment'
terminal "$TFM_BUILDDIR/tools/tfmeval" $plugins -q "$work/words" --data "$work/$bytes/none"
safe 'the name of a data file'
terminal "$TFM_BUILDDIR/tools/tfmbench" $plugins -q "$work/$bytes/none"
safe 'a path of tfmbench'
terminal "$TFM_BUILDDIR/tools/tfm-weights" $plugins -q "$work/$bytes/none"
safe 'a path of tfm-weights'
bad='{"a\u001b[2J\u202e":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}'
printf "\\$(printf %o ${#bad})\\0\\0\\0\\0\\0\\0\\0%s\\0\\0\\0\\0" "$bad" >"$work/names.safetensors"
terminal "$TFM_BUILDDIR/tools/tfm-weights" --no-models "$work/names.safetensors"
safe 'a tensor'
id=$("$TFM_BUILDDIR/tools/tfm-tokenize" "$fixtures/gpt2-tied" --no-special "$bytes" | head -n 1)
terminal "$TFM_BUILDDIR/tools/tfm-tokenize" "$fixtures/gpt2-tied" -d $id
safe 'decoded text'

# as it is made: byte-level BPE knows every byte
terminal "$tfmrun" $plugins -q "$fixtures/gpt2-tied" --input x -n 60 --temp 100 --seed 3
LC_ALL=C tr -d '\r\n\t' <"$out" | LC_ALL=C grep -qP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]' &&
  fail "streamed text talks to the terminal: $(cat -v "$out")"

# a pipe gets the bytes
"$tfmrun" $plugins -q "$work/words" --input '나는 [MASK]' --top 400 >"$out"
grep -qF "$bytes" "$out" || fail 'a word is not as it is in a pipe'
finish
