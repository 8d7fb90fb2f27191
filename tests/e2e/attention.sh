#!/bin/bash
# attention.sh - tfmrun --attention: as text, and as a page that a browser draws.
. "$TFM_SRCDIR/tests/e2e/common.sh"
bert="$tfmrun $plugins -q $models/bert.tfm"
gpt="$tfmrun $plugins -q $models/gpt2.tfm"

expect 0 $bert --input '나는 [MASK]를 좋아해' --attention -
[ "$(grep -c 'mean of 4 heads' "$out")" -eq "$(grep -c '^encoder.layer.*attention' "$out")" ] || fail "a layer is no line"
grep -q '^  \[MASK\] -> ' "$out" || fail "no row for [MASK]"
awk '/->/ { for (i = 3; i <= NF; i++) if ($i ~ /^[01]\.[0-9][0-9]$/ && ($i > 1 || $i < 0)) bad = 1 } END { exit bad }' "$out" ||
  fail "a weight outside [0, 1]"

# a text that would end the script, and the answer beside the page
expect 0 $bert --input '</script><script>document.body.remove()</script> [MASK]' --attention "$work/page.html"
[ -s "$out" ] || fail "no answer beside the page"
[ "$(grep -c '</script>' "$work/page.html")" -eq 1 ] || fail "a text ends the script"
grep -q '"tokens":\["\[CLS\]"' "$work/page.html" || fail "no tokens in the page"
grep -qE '(src|href)=|https?://(www\.)?[a-z]+\.[a-z]+' <(grep -v w3.org "$work/page.html") && fail "the page needs another file"

# what was written is looked at, too
expect 0 $gpt --input '나는 딥러닝을' -n 6 --attention "$work/gpt.html"
asked=$(grep -o '"queries":[0-9]*' "$work/gpt.html" | head -n 1 | cut -d: -f2)
[ "$asked" -ge 10 ] || fail "only $asked tokens"

browser=$(command -v chromium || command -v chromium-browser)
if [ -n "$browser" ]; then
  for page in page gpt; do
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --dump-dom "file://$work/$page.html" >"$work/dom" 2>/dev/null
    checks=$((checks + 1))
    grep -q 'data-ready="[0-9]*x4"' "$work/dom" || fail "$page: the browser draws nothing"
    [ "$(grep -o '<canvas' "$work/dom" | wc -l)" -ge 20 ] || fail "$page: not a canvas for each head"
  done
else
  echo "skipped: no chromium to open the page in"
fi

# a page takes the place of a page, and of nothing else
printf 'precious' >"$work/mine.txt" && : >"$work/empty.html"
expect 2 $bert --input '[MASK]' --attention "$work/mine.txt"
has "no page of tfm"
[ "$(cat "$work/mine.txt")" = precious ] || fail "a file of the user's is replaced"
expect 2 $bert --input '[MASK]' --attention "$work"
expect 0 $bert --input '[MASK]' --attention "$work/page.html"
expect 0 $bert --input '[MASK]' --attention "$work/empty.html"

# what cannot be shown is said
expect 2 $bert --attention -
expect 7 $gpt --ids "$(seq -s, 10 140),$(seq -s, 10 140)" -n 1 --attention -
expect 1 $bert --input '나는 [MASK]' --attention "$work/none/page.html"
has "cannot write"
finish
