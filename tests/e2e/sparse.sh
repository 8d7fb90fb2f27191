#!/bin/sh
# sparse.sh - weights of SparseEncoder directories, as tests/fixtures/sparse has them: each case is
# laid over bert-mlm, and every text has the tokens and weights of the reference, alone and beside
# the others.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# The weights of each line of --json, id:weight by id.
weights() {
  while read -r line; do
    echo "$line" | grep -o '"id":[0-9]*,"score":[-+.e0-9]*' | sed 's/"id":\([0-9]*\),"score":/\1:/' | sort -n |
      tr '\n' ' '
    echo
  done
}

# Lines of id:weight on stdin and in FILE: the same tokens, and no weight further off than 1e-5.
near() {
  awk -v file="$1" '{
    if ((getline want < file) <= 0) bad("a line too many")
    if (split($0, got, " ") != split(want, the, " ")) bad("other tokens")
    for (i in got) {
      split(got[i], a, ":")
      split(the[i], b, ":")
      if (a[1] != b[1] || !(a[2] - b[2] <= 1e-5 && a[2] - b[2] >= -1e-5)) bad(got[i] ", not " the[i])
    }
  }
  function bad(why) { print "    line " NR ": " why; wrong = 1; exit 1 }
  END { if (!wrong && (getline want < file) > 0) { print "    a line is missing"; exit 1 } exit wrong }'
}

for case in "$fixtures"/sparse/*/; do
  case=$(basename "$case")
  mkdir "$work/$case" || exit 99
  for file in config.json model.safetensors tokenizer.json tokenizer_config.json; do
    cp "$fixtures/bert-mlm/$file" "$work/$case/"
  done
  cp -R "$fixtures/sparse/$case/." "$work/$case/"
  chmod -R u+w "$work/$case"
  for name in $(cut -f 1 "$work/$case/expected.tsv" | uniq); do
    awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$work/$case/expected.tsv" >"$work/texts"
    awk -F '\t' -v name="$name" '$1 == name { print $3 }' "$work/$case/expected.tsv" >"$work/want"
    for option in '' --no-fuse; do
      set -- -q "$work/$case" --json $option
      [ "$name" = - ] || set -- "$@" --prompt-name "$name"
      checks=$((checks + 1))
      "$tfmrun" $plugins "$@" <"$work/texts" >"$out" 2>"$err" || fail "$case $name: $(cat "$err")"
      weights <"$out" >"$work/got"
      near "$work/want" <"$work/got" || fail "$case $name $option: not the reference's weights"
    done
  done
done

# Another task of the same directory, which needs nothing of all this; and the other way round.
expect 0 "$tfmrun" $plugins -q "$work/max" --task fill_mask --top 1 --input "the [MASK] sat"
grep -q sat "$out" || fail "fill_mask of a SparseEncoder"
expect 0 "$tfmrun" $plugins -q "$fixtures/bert-mlm" --task splade --top 2 --input "the cat"
[ "$(tr '\t' '\n' <"$out" | wc -l)" -eq 2 ] || fail "--top 2 shows $(cat "$out")"
expect 0 "$tfmrun" $plugins -q "$fixtures/bert-mlm" --task embed_sparse --top 2 --input "the cat" --json
grep -q "\"task\":\"embed_sparse\"" "$out" || fail "no task in --json"

# One kind of vector is not the other.
expect 4 "$tfmrun" $plugins -q "$work/max" --task embed --input "the cat"
has "says nothing of the task embed"
has "it is for embed_sparse"

# What is not understood is refused by name, where the weights are asked for.
broken() { # FILE FROM TO WORDS
  rm -rf "$work/broken"
  cp -R "$work/max" "$work/broken"
  sed -i "s/$2/$3/" "$work/broken/$1"
  expect 4 "$tfmrun" $plugins -q "$work/broken" --task embed_sparse --input "the cat"
  has "$4"
}
broken 1_SpladePooling/config.json '"max"' '"mean"' 'is "mean", which is not supported'
broken 1_SpladePooling/config.json '"relu"' '"gelu"' 'is "gelu", which is not supported'
broken 1_SpladePooling/config.json '"pooling_strategy"' '"strategy"' 'strategy'
broken modules.json splade_pooling.SpladePooling Pooling "module 1 is"
broken sentence_bert_config.json fill-mask feature-extraction 'only "fill-mask" is supported'
finish
