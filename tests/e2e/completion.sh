#!/bin/bash
# completion.sh - what `--completion bash` prints, in bash: the words that may stand
# at the cursor follow from the same table as --help.  Of `--completion zsh`, that it has
# each option, and that zsh, where there is one, takes it.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# completes PROGRAM WANTED WORD...: the last word is at the cursor.
completes() {
  local program=$1 wanted=$2 got
  shift 2
  checks=$((checks + 1))
  got=$(
    . "$work/$program.bash"
    COMP_WORDS=("$program" "$@") COMP_CWORD=$# COMPREPLY=()
    "_${program//-/_}"
    printf '%s ' "${COMPREPLY[@]}"
  )
  got=${got% }
  [ "$got" = "$wanted" ] || fail "$program $*: gives '$got', expected '$wanted'"
}

# zsh reads the script, and completes the program with it; nothing is asked where there is none.
zsh_reads() {
  command -v zsh >/dev/null || return 0
  checks=$((checks + 1))
  zsh -n "$work/$1.zsh" || fail "$1: zsh does not read its completion"
  (cd "$work" && zsh -fc "autoload -Uz compinit && compinit -D && source ./$1.zsh &&
    [[ \$_comps[$1] = _${1//-/_} ]]") || fail "$1: zsh does not take its completion"
}

for name in tfmrun tfmc tfmeval tfmbench tfm-tokenize tfm-weights tfm-inspect; do
  expect 0 "$TFM_BUILDDIR/tools/$name" --completion bash
  cp "$out" "$work/$name.bash"
  checks=$((checks + 1))
  bash -n "$work/$name.bash" || fail "$name: bash does not read its completion"
  grep -q "^complete -o default -F _${name//-/_} $name\$" "$out" || fail "$name: it is not given to complete"
  expect 0 "$TFM_BUILDDIR/tools/$name" --help
  options=$(sed -nE 's/^  (-., )?(--[a-z][a-z-]*).*/\2/p; s/^  -h, --help   -V, --version$/--help/p' "$out" |
    sort -u | grep -v '^--\(temp\|help\|version\)$')
  for option in $options; do
    grep -q -- "[' ]$option[' ]" "$work/$name.bash" || fail "$name: $option is not completed"
  done
  completes "$name" "--help" --he
  completes "$name" "--version" --vers
  completes "$name" "" x
  expect 2 "$TFM_BUILDDIR/tools/$name" --completion fish
  has "--completion is for bash and zsh"
  expect 0 "$TFM_BUILDDIR/tools/$name" --completion zsh
  cp "$out" "$work/$name.zsh"
  checks=$((checks + 1))
  grep -q "^compdef _${name//-/_} $name\$" "$out" || fail "$name: it is not given to compdef"
  for option in $options; do
    grep -qE -- "(['*]|[,{])$option[]=}'[]" "$work/$name.zsh" || fail "$name: zsh does not complete $option"
  done
  zsh_reads "$name"
done
completes tfmrun "--top-k --top-p" --top-
completes tfmrun "--threads" --thr
completes tfmrun "" --weights --th
completes tfmrun "" -t ""
completes tfmrun "" --ids 1 x
completes tfm-weights "name size" --sort ""
completes tfm-weights "size" --sort si
completes tfm-weights "size" --sort = si
completes tfm-weights "name size" --sort =
completes tfmc "json" --diagnostics = j
finish
