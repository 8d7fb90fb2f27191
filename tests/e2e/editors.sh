#!/bin/bash
# editors.sh - the grammars of editors know each word of the language, and are sound.
. "$TFM_SRCDIR/tests/e2e/common.sh"
editors=$TFM_SRCDIR/editors
grammar=$editors/vscode/syntaxes/tfm.tmLanguage.json

# the reserved words, as docs/language.md lists them, and the declarations, from its table
words=$(tr '\n' ' ' <"$TFM_SRCDIR/docs/language.md" | grep -o 'expressions are reserved: `[^`]*`' | cut -d'`' -f2)
declarations=$(sed -n '/^| declaration | meaning |/,/^$/p' "$TFM_SRCDIR/docs/language.md" | grep -o '^| `[a-z]*' | cut -d'`' -f2 | sort -u)
[ "$(wc -w <<<"$words $declarations")" -gt 30 ] || fail "the words of the language are not found"
for word in $words $declarations; do
  checks=$((checks + 1))
  grep -qwF "$word" "$editors/vim/syntax/tfm.vim" || fail "vim: $word"
  grep -qE "[(|]$word[)|]" "$grammar" || fail "TextMate: $word"
done

for file in "$grammar" "$editors"/vscode/*.json; do
  checks=$((checks + 1))
  if command -v node >/dev/null; then
    node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$file" || fail "$file is no JSON"
  fi
done
if command -v node >/dev/null; then
  node -e '
    const walk = p => { for (const k of ["match", "begin", "end"]) if (p[k]) new RegExp(p[k]); (p.patterns || []).forEach(walk); };
    walk(JSON.parse(require("fs").readFileSync(process.argv[1])));' "$grammar" || fail "a pattern is no expression"
else
  echo "skipped: no node to read the grammar with"
fi

# vim gives each of these places its group
if command -v vim >/dev/null && vim --version | grep -q '+syntax'; then
  cat >"$work/ask.vim" <<'VIM'
set nocompatible
syntax on
call writefile([], $ASK_OUT)
for [text, group] in [['param V', 'tfmDeclaration'], ['layer_norm(', 'tfmCall'], ['@ln_1', 'tfmPath'], ['repeat', 'tfmStatement'], ['config.', 'tfmNamespace'], ['eps: ', 'tfmArgument'], ['## ', 'tfmDoc'], ['"gelu', 'tfmString']]
  call cursor(1, 1)
  if search('\V' . escape(text, '\'), 'cW') == 0 | call writefile(['not there: ' . text], $ASK_OUT, 'a') | continue | endif
  let found = synIDattr(synID(line('.'), col('.'), 0), 'name')
  if found !=# group | call writefile([text . ': ' . found], $ASK_OUT, 'a') | endif
endfor
qall!
VIM
  ASK_OUT=$work/asked timeout 30 vim -es -u NONE --cmd "set rtp^=$editors/vim" -c 'filetype on' -c "source $editors/vim/ftdetect/tfm.vim" \
    -c "edit $models/gpt2.tfm" -c 'setfiletype tfm' -c 'syntax on' -c "source $work/ask.vim" >/dev/null 2>&1 </dev/null
  checks=$((checks + 1))
  [ -e "$work/asked" ] && [ ! -s "$work/asked" ] || fail "vim: $(cat "$work/asked" 2>&1)"
else
  echo "skipped: no vim to try its syntax with"
fi
finish
