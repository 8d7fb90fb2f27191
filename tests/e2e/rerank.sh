#!/bin/bash
# rerank.sh - scores of classifiers: documents ranked as sentence-transformers' CrossEncoder
# ranks them, and labels as transformers' pipeline has them for each problem_type
# (tests/fixtures/rerankers).
. "$TFM_SRCDIR/tests/e2e/common.sh"
cases="$fixtures/rerankers"

# same FILE TOLERANCE: fields of stdin and FILE, line by line; those that are numbers within it
same() {
  awk -F '\t' -v file="$1" '{
    if ((getline want < file) <= 0) bad("a line too many")
    n = split(want, the, FS)
    if (n != NF) bad("another number of fields: " $0)
    for (i = 1; i <= n; i++) {
      d = $i - the[i]
      number = the[i] ~ /^-?[0-9.]+(e-?[0-9]+)?$/
      if (number ? !(d <= 1e-5 && d >= -1e-5) : $i != the[i]) bad($i ", not " the[i])
    }
  }
  function bad(why) { print "    line " NR ": " why; wrong = 1; exit 1 }
  END { if (!wrong && (getline want < file) > 0) { print "    a line is missing"; exit 1 } exit wrong }'
}

# One JSON string or number of a line.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }

# documents DIR QUERY: those of expected.tsv, in another order
documents() { awk -F '\t' -v q="$2" '$1 == q { print $2 }' "$cases/$1/expected.tsv" | LC_ALL=C sort; }

for case in sigmoid regression identity old-identity saved; do
  awk -F '\t' '{ print $1 }' "$cases/$case/expected.tsv" | uniq >"$work/queries"
  while read -r query; do
    documents $case "$query" >"$work/documents"
    awk -F '\t' -v q="$query" '$1 == q' "$cases/$case/expected.tsv" >"$work/want"
    checks=$((checks + 1))
    "$tfmrun" $plugins -q "$cases/$case" --task rerank --json --query "$query" <"$work/documents" >"$out" 2>"$err" ||
      fail "$case: $(cat "$err")"
    paste <(field query <"$out") <(sed 's/.*"document":"\([^"]*\)".*/\1/' "$out") <(field score <"$out") >"$work/got"
    same "$work/want" <"$work/got" || fail "$case: not the reference's ranking of $query"
  done <"$work/queries"
done

# the query by --input, or as the first line; the lines of several queries at once
documents sigmoid "the cat" >"$work/documents"
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query "the cat" <"$work/documents" >"$work/want"
checks=$((checks + 3))
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --input "the cat" <"$work/documents" | cmp - "$work/want" ||
  fail "--input is another query"
{ echo "the cat" && cat "$work/documents"; } | "$tfmrun" $plugins -q "$cases/sigmoid" --task rerank |
  cmp - "$work/want" || fail "the first line is not the query"
awk -F '\t' '{ printf "%.4f\t%s\t%s\n", $3, $1, $2 }' "$cases/sigmoid/expected.tsv" >"$work/want"
cut -f 1,2 "$cases/sigmoid/expected.tsv" | "$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --tabs |
  cmp - "$work/want" || fail "--tabs ranks otherwise"
checks=$((checks + 1))
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --top 2 --query "the cat" <"$work/documents" >"$out"
[ "$(wc -l <"$out")" -eq 2 ] && [ "$(head -n 1 "$out")" = "$(printf '0.8955\ta tea')" ] || fail "--top 2"

expect 0 "$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query "the cat" --pair mat
says 0.8895
# one pair; ids; no more documents than lines
expect 0 "$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --input "the cat" --pair mat
says 0.8895
expect 0 "$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query "the cat"
says ""

# a document that is too long: the end, or left out, or cut
long=$(printf 'the cat %.0s' $(seq 40))
{ cat "$work/documents" && echo "$long"; } >"$work/lines"
checks=$((checks + 3))
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query x <"$work/lines" >"$out" 2>"$err"
[ $? -eq 7 ] && [ ! -s "$out" ] || fail "a document that is too long"
has "line 7 of the input"
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query x --keep-going <"$work/lines" >"$out" 2>"$err"
[ $? -eq 7 ] && [ "$(grep -c . "$out")" -eq 6 ] || fail "--keep-going does not go on"
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query x --truncate <"$work/lines" >"$out" 2>"$err"
[ $? -eq 0 ] && [ "$(wc -l <"$out")" -eq 7 ] || fail "--truncate does not cut"
has "1 text was truncated"

# what is refused
printf 'no tab\n' >"$work/lines"
"$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --tabs <"$work/lines" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "--tabs without a tab"
has "line 1 of the input: --tabs needs a query, a tab and a document"
expect 2 "$tfmrun" $plugins -q "$cases/sigmoid" --query "the cat"
has "--query is for the task rerank"
expect 2 "$tfmrun" $plugins -q "$cases/sigmoid" --task rerank --query x --tabs
has "with --tabs each line has a query of its own"
expect 3 "$tfmrun" $plugins -q "$fixtures/bert-classify" --task rerank --query x
has "the task \`rerank\` needs [B, 1] in \`logits\`, this is [B,3]"

# another DIR SED: $work/other is DIR with its config.json changed
another() {
  rm -rf "$work/other" && cp -RL "$1" "$work/other" && chmod -R u+w "$work/other"
  sed "$2" "$1/config.json" >"$work/other/config.json"
}
another "$cases/identity" 's/linear.Identity/activation.Mish/'
expect 4 "$tfmrun" $plugins -q "$work/other" --task rerank --query x
has "the activation \`torch.nn.modules.activation.Mish\` is not supported"
another "$cases/identity" 's/torch.nn.modules.linear.Identity/acme.Sigmoid/'
expect 4 "$tfmrun" $plugins -q "$work/other" --task rerank --query x
has "the activation \`acme.Sigmoid\` is not supported"
another "$cases/saved" ''
sed 's/"prompts": {}/"prompts": {"q": "ask: "}/; s/"default_prompt_name": null/"default_prompt_name": "q"/' \
  "$cases/saved/config_sentence_transformers.json" >"$work/other/config_sentence_transformers.json"
expect 4 "$tfmrun" $plugins -q "$work/other" --task rerank --input x --pair y
has "a default prompt of a CrossEncoder is not supported"

# classify: each problem_type
while IFS="$(printf '\t')" read -r dir problem text labels; do
  script="1s/{/{\"problem_type\": \"$problem\",/"
  [ "$problem" = - ] && script=''
  another "$fixtures/$dir" "$script"
  printf '%s\n' "$labels" >"$work/want"
  expect 0 "$tfmrun" $plugins -q "$work/other" --input "$text" --json
  sed 's/.*"scores":\[{/{/' "$out" | grep -o '"text":"[^"]*","id":[0-9]*,"score":[-0-9.e]*' |
    sed 's/"text":"\([^"]*\)".*"score":\(.*\)/\1\t\2/' | paste -s - >"$work/got"
  same "$work/want" <"$work/got" || fail "$dir $problem: not the reference's labels of $text"
done <"$cases/problems.tsv"
another "$fixtures/bert-classify" '1s/{/{"problem_type": "multi_class",/'
expect 4 "$tfmrun" $plugins -q "$work/other" --input x
has "the problem type \`multi_class\` is not known"
another "$cases/body" '1s/{/{"problem_type": "single_label_classification",/'
expect 4 "$tfmrun" $plugins -q "$work/other" --input x
has "needs more than one label"

another "$fixtures/bert-classify" 's/"1": *"[a-z]*",//'
expect 4 "$tfmrun" $plugins -q "$work/other" --input x
has "2 labels have names, the classifier has 3"
another "$fixtures/bert-classify" '/id2label/,/}/s/"0":/"3":/'
expect 4 "$tfmrun" $plugins -q "$work/other" --input x
has "\`3\` is not the number of a label: they are 0 to 2"
another "$fixtures/bert-classify" '/id2label/,/}/s/"2": *"[a-z]*"/"2": null/'
expect 4 "$tfmrun" $plugins -q "$work/other" --input x
has "the name of a label is no text: 2"
# a whole number is a name
expect 0 "$tfmrun" $plugins -q "$fixtures/bert-classify" --input "the cat" --top 3
sed 's/positive/7/; s/neutral/8/; s/negative/-9/' "$out" >"$work/want"
another "$fixtures/bert-classify" '/id2label/,/}/{s/"positive"/7/; s/"neutral"/8/; s/"negative"/-9/}'
expect 0 "$tfmrun" $plugins -q "$work/other" --input "the cat" --top 3
same "$work/want" <"$out" || fail "whole numbers are no names: $(cat "$out")"

# the raw outputs beside the scores
expect 0 "$tfmrun" $plugins -q "$cases/regression" --input "the cat" --pair mat --json
[ "$(field score <"$out")" = "$(field logit <"$out")" ] || fail "regression is not the raw value"
expect 0 "$tfmrun" $plugins -q "$cases/sigmoid" --input "the cat" --pair mat --json
paste <(field score <"$out") <(field logit <"$out") |
  awk '{ d = 1 / (1 + exp(-$2)) - $1; exit !(d < 1e-6 && d > -1e-6) }' || fail "no raw value"
expect 0 "$tfmrun" $plugins -q "$cases/sigmoid" --input "the cat" --pair mat
says "LABEL_0 0.8895"
finish
