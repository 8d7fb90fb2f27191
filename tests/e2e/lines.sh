#!/bin/bash
# lines.sh - lines through a pipe: at once, in order, whole, and none lost.
. "$TFM_SRCDIR/tests/e2e/common.sh"
mlm="$tfmrun $plugins -q $fixtures/bert-mlm"
classify="$tfmrun $plugins -q $fixtures/bert-classify"

# a line that was written is answered before the next is
mkfifo "$work/in" "$work/back"
$classify <"$work/in" >"$work/back" 2>"$err" &
exec 7>"$work/in" 8<"$work/back"
for text in 나는 너는 우리는; do
  checks=$((checks + 1))
  echo "$text" >&7
  read -r -t 20 answer <&8 || fail "no answer to a line before the next one"
  [ "$answer" = "$($classify --input "$text")" ] || fail "the answer to $text is $answer"
done
printf '나는\n너는' >&7 # the second has no end: the first does not wait for it
read -r -t 20 answer <&8 || fail "a whole line waits for half of one"
exec 7>&-
read -r -t 20 answer <&8 || fail "the last line, without an end, has no answer"
exec 8<&-
wait

# many lengths, sorted into batches: each answer in its line's place
awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) {
  s = "나는"; n = int(rand() * 30); for (j = 0; j < n; j++) s = s " " (j % 7); print s } }' >"$work/mixed"
$classify --top 3 <"$work/mixed" >"$work/batched" || fail "mixed lengths"
[ "$(wc -l <"$work/batched")" -eq 300 ] || fail "not an answer a line"
for n in 1 2 57 150 299 300; do
  expect 0 $classify --top 3 --input "$(sed -n "${n}p" "$work/mixed")"
  says "$(sed -n "${n}p" "$work/batched")"
done

# the times of lines add up to those of the job; the loading is told once
$classify --json <"$work/mixed" >"$work/json"
checks=$((checks + 3))
awk -F'"prompt_tokens":' '{ split($2, a, ","); split($3, b, ","); if (a[1] + 0 != b[1] + 0) exit 1 }' "$work/json" ||
  fail "prompt_tokens of a line is not its own"
[ "$(grep -c '"load_ns":0,' "$work/json")" -eq 299 ] || fail "load_ns is told more than once"
head -n 1 "$work/json" | grep -q '"load_ns":0,' && fail "load_ns is not told"
begin=$(date +%s%N)
$classify --json <"$work/mixed" >"$work/json"
total=$(($(date +%s%N) - begin))
sum=$(sed 's/.*"total_ns":\([0-9]*\).*/\1/' "$work/json" | awk '{ s += $1 } END { printf "%d", s }')
[ "$sum" -gt 0 ] && [ "$sum" -le "$total" ] || fail "the lines took $sum ns together, the job $total"

# --keep-going: an error in the place of an answer, others go on
printf '나는 [MASK]\nno mask\n\n너는 [MASK]\n\377\n' >"$work/bad"
$mlm --top 1 <"$work/bad" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "a bad line without --keep-going: $?"
has "line 2 of the input"
[ "$(wc -l <"$out")" -eq 2 ] || fail "lines behind a bad one are run"
$mlm --top 1 --keep-going --json <"$work/bad" >"$out" 2>"$err"
[ $? -eq 2 ] || fail "the exit status of --keep-going"
has "line 2 of the input"
has "line 3 of the input"
has "line 5 of the input"
has "3 of 5 lines have no answer"
checks=$((checks + 3))
[ "$(wc -l <"$out")" -eq 5 ] || fail "not an object a line"
[ "$(grep -c '"error":{"code":2,"message":"' "$out")" -eq 3 ] || fail "not an error a bad line: $(cat "$out")"
sed -n 2p "$out" | grep -q '"line":2,"input":"no mask","error"' || fail "the error object: $(sed -n 2p "$out")"
$mlm --top 1 --keep-going <"$work/bad" >"$out" 2>/dev/null
[ "$(grep -c '^$' "$out")" -eq 3 ] || fail "no empty line in an answer's place"
{ echo 1,2; head -c 17000000 /dev/zero | tr '\0' 1; echo; printf '1,\0002\n'; echo 1,2; } |
  "$tfmrun" $plugins -q "$fixtures/gpt2-tied" --ids - -n 1 --keep-going >"$out" 2>"$err"
[ $? -eq 7 ] || fail "a line without bound"
has "line 2 of the input"
has "longer than 16 MiB"
has "line 3 of the input"
[ "$(sed -n 1p "$out")" = "$(sed -n 4p "$out")" ] || fail "the line behind one without bound: $(cat "$out")"
! $mlm --keep-going <"$work/bad" >/dev/full 2>/dev/null || fail "a full disk"

# --truncate: the same answer as the text that fits, and told how much is lost
long=$(awk 'BEGIN { for (i = 0; i < 80; i++) printf "는 " }') fits=$(awk 'BEGIN { for (i = 0; i < 62; i++) printf "는 " }')
expect 7 $classify --input "$long"
expect 0 $classify --top 3 --input "$fits"
cp "$out" "$work/fits"
expect 0 $classify --top 3 --truncate --input "$long"
cmp -s "$out" "$work/fits" || fail "a truncated text is not as the text that fits"
has "1 text was truncated to the 64 tokens that the model takes: 18 tokens are left out"
printf '%s\n는\n%s\n' "$long" "$long" | $classify --truncate --json >"$out" 2>"$err" || fail "truncated lines"
has "2 texts were truncated to the 64 tokens that the model takes: 36 tokens are left out"
[ "$(grep -c '"truncated":18,' "$out")" -eq 2 ] || fail "JSON does not tell of truncation: $(cat "$out")"

# a byte order mark, CR LF, a NUL
printf '\357\273\277나는 [MASK]\r\n' | $mlm --top 1 >"$out" 2>"$err" || fail "a byte order mark: $(cat "$err")"
says "$($mlm --top 1 --input '나는 [MASK]')"
printf '\357\273\277나' | "$TFM_BUILDDIR/tools/tfm-tokenize" "$fixtures/bert-mlm" >"$out"
says "$("$TFM_BUILDDIR/tools/tfm-tokenize" "$fixtures/bert-mlm" 나)"
printf '\357\273\277positive\t나는\n' | "$TFM_BUILDDIR/tools/tfmeval" $plugins -q "$fixtures/bert-classify" >"$out" 2>"$err" ||
  fail "a byte order mark before data: $(cat "$err")"
printf '나는 [MASK] a\0b\n' >"$work/nul"
$mlm --top 1 <"$work/nul" >"$out" || fail "a NUL in a line"
checks=$((checks + 2))
grep -qaP 'a\x00b$' "$out" || fail "text behind a NUL is lost: $(cat -v "$out")"
$mlm --top 1 --json <"$work/nul" >"$out"
[ "$(grep -o 'a\\u0000b"' "$out" | wc -l)" -eq 2 ] || fail "JSON loses text behind a NUL: $(cat "$out")"
printf 'a\0b tea\n' >"$work/nul"
tags="$tfmrun -q $plugins $models/bert.tfm --weights $fixtures/bert-tags"
$tags <"$work/nul" >"$out" || fail "a NUL in a word"
grep -qaP '^a\x00b\t' "$out" || fail "a word behind a NUL is lost: $(cat -v "$out")"
$tags --json <"$work/nul" >"$out" && grep -q '"text":"a\\u0000b","begin":0,"end":3' "$out" ||
  fail "JSON loses a word behind a NUL: $(cat "$out")"
printf 'who\ta\0b\n' | "$tfmrun" -q $plugins "$models/bert.tfm" --weights "$fixtures/bert-qa" --tabs --json >"$out"
[ "$(grep -o '"text":"a\\u0000b"' "$out" | wc -l)" -eq 2 ] || fail "JSON loses a span behind a NUL: $(cat "$out")"
finish
