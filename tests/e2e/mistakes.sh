#!/bin/sh
# mistakes.sh - typical mistakes, each made in tests/lang/mistakes/base.tfm: the message is
# at the line of the mistake, and says what to do.  All but two of forty must be so.
. "$TFM_SRCDIR/tests/e2e/common.sh"
lang="$TFM_SRCDIR/tests/lang/mistakes"

expect 0 "$tfmc" check $plugins "$lang/base.tfm" --weights "$fixtures/gpt2-tied"
[ ! -s "$err" ] || fail "the file without a mistake is not silent: $(cat "$err")"
expect 0 "$tfmc" fmt --check "$lang/base.tfm"

made=0 missed=0
while IFS= read -r row; do
  case $row in '#'* | '') continue ;; esac
  change=${row%% | *} rest=${row#* | }
  line=${rest%% | *} fix=${rest#* | }
  made=$((made + 1))
  sed "$change" "$lang/base.tfm" >"$work/base.tfm"
  "$tfmc" check $plugins "$work/base.tfm" --weights "$fixtures/gpt2-tied" >"$err" 2>&1 </dev/null
  grep -q -- "--> .*base.tfm:$line:" "$err" && grep -qF -- "$fix" "$err" && continue
  missed=$((missed + 1))
  echo "not told at line $line with $fix: $change"
  sed 's/^/    /' "$err"
done <"$lang/mistakes.txt"
[ $made -ge 40 ] || fail "only $made mistakes"
[ $((missed * 20)) -le $made ] || fail "$missed of $made mistakes are not told right"
echo "$made mistakes, $((made - missed)) told at their line and with the fix"

# names that lack a beginning, or have one too many
sed '/rename "bert/d' "$models/bert.tfm" >"$work/bare.tfm"
cp "$models/settings.tfm" "$models/embedder.tfm" "$work"
expect 4 "$tfmc" check $plugins "$work/bare.tfm" --weights "$fixtures/bert-mlm"
has 'weights { rename "bert.*" to "*" }'
sed 's/@wte.weight/@body.wte.weight/' "$lang/base.tfm" >"$work/base.tfm"
expect 4 "$tfmc" check $plugins "$work/base.tfm" --weights "$fixtures/gpt2-tied"
has 'leave `body.` out of the paths'

# an output layer that is not stored, since it is the table of words
sed 's/linear(x, weight: wte)/linear(x, weight: @lm_head.weight)/' "$lang/base.tfm" >"$work/base.tfm"
expect 4 "$tfmc" check $plugins "$work/base.tfm" --weights "$fixtures/gpt2-tied"
has 'tie_word_embeddings'
has 'if config.tie_word_embeddings ?? true then words else @lm_head.weight'

# a file without a head shows its values
sed '/^head/d' "$lang/base.tfm" >"$work/base.tfm"
expect 0 "$tfmrun" $plugins -q "$work/base.tfm" --weights "$fixtures/gpt2-tied" --input hi --dump "h.0.ln_1=$work/seen"
[ -s "$work/seen" ] || fail "nothing is dumped"
finish
