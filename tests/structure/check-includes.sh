#!/bin/bash
# check-includes.sh - the rooms' dependency rules, read from the #include lines.
#
#   base -> tfm/types.h (and libc, jansson, utf8proc)
#   graph -> base, tfm/types.h
#   checkpoint -> base, graph             tokenizer -> base, checkpoint/gguf/gguf.h
#   compiler -> base, graph, tfm/plugin.h
#   runtime -> base, graph, checkpoint, tfm/plugin.h
#   lib -> all                            tools, examples -> tfm/tfm.h
#   plugins -> tfm/plugin.h, their own folder, plugins/common
#
# compiler/ has layers besides, and no circle: a file includes headers of its own
# layer and of those before it, so that it calls nothing that comes later.
#
# check-includes.sh [DIR] checks the tree at DIR.  Without DIR it first makes
# sure that it can fail, on a small tree that breaks each rule.
set -u

# Print "FILE: INCLUDED" for each include of a project header in a room.
project_includes() {
  find "$@" \( -name '*.[chly]' -o -name '*.def' \) -type f -print 2>/dev/null | sort |
    xargs -r grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*("[^"]+"|<tfm/[^>]+>)' |
    sed -E 's/:[[:space:]]*#[[:space:]]*include[[:space:]]*["<]/: /; s/[">]$//'
}

# room_may ROOM PATTERN: every project include of ROOM matches PATTERN.
room_may() {
  [ -d "$1" ] || return 0
  local bad
  bad=$(project_includes "$1" | grep -vE ": ($2)\$")
  [ -z "$bad" ] && return 0
  echo "$1/ may include only ($2), but:"
  printf '  %s\n' "${bad//$'\n'/$'\n  '}"
  return 1
}

# Plugins: tfm/plugin.h, headers of the plugin's own folder, and those that
# all plugins share.
plugins_may() {
  local folder status=0
  for folder in plugins/*/; do
    [ -d "$folder" ] || continue
    room_may "${folder%/}" "tfm/plugin\\.h|(${folder}|plugins/common/)[A-Za-z0-9_./-]+\\.(h|def)" || status=1
  done
  return $status
}

# A plugin uses the C library and libm only.
plugins_system() {
  local bad
  bad=$(grep -rHoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<[^>]+>' --include='*.[ch]' \
    plugins 2>/dev/null | grep -E '<(jansson|utf8proc|pcre2|dlfcn|omp|pthread)')
  [ -z "$bad" ] && return 0
  printf 'plugins/ may use the C library and libm only, but:\n%s\n' "$bad"
  return 1
}

# A .c file that has a header of its own includes it first.
own_header_first() {
  local file header first status=0
  while read -r file; do
    header=${file%.c}.h
    [ -f "$header" ] || continue
    first=$(grep -m1 -E '^[[:space:]]*#[[:space:]]*include' "$file")
    case $first in
    *"\"$header\""*) ;;
    *) [ -f "include/tfm/$(basename "$header")" ] || {
      echo "$file: its first include is not \"$header\""; status=1; } ;;
    esac
  done < <(find base graph compiler checkpoint tokenizer runtime lib plugins -name '*.c' -type f 2>/dev/null | sort)
  return $status
}

# The layers of compiler/, lowest first: a name stands for NAME.h, NAME.c and so on.
layers=(
  "front options codes ast ast_build ast_fusion ast_parse ast_parts lex layout words parse syntax source format schema"
  "types value cell compiler frame names report limit origin config list compute function match ir op_call naming attr typing constraint infer batch types budget"
  "weights weight_expr checkpoint mention tensor tensor_view weight unused missing unread harmless"
  "expand node arithmetic eval declared constant weight_function call expand uncalled check head task state tokens model"
  "lower when feed lower kept fusion"
  "door compile dump summary"
)

# Print "FILE HEADER" for what compiler/ includes of itself, as the table's names.
# parse.h is the list of tokens, and stands in the lexer: it calls nothing.
compiler_includes() {
  project_includes compiler | sed -nE 's|^compiler/([a-z_0-9]+)\.[a-z]+: compiler/([a-z_0-9]+)\.[a-z]+$|\1 \2|p' |
    awk '$1 != $2 && $2 != "parse"' | sort -u
}

compiler_layers() {
  [ -d compiler ] || return 0
  local bad status=0
  bad=$(find compiler -name '*.[chly]' -o -name '*.def' | sed -E 's|.*/||; s|\..*||' | sort -u |
    awk 'NR == FNR { for (i = 2; i <= NF; i++) layer[$i] = FNR; next }
         !($1 in layer) { print "compiler/" $1 " is in no layer of check-includes.sh" }' \
      <(printf '%s\n' "${layers[@]}") -)
  [ -z "$bad" ] || { echo "$bad"; status=1; }
  bad=$(compiler_includes |
    awk 'NR == FNR { for (i = 2; i <= NF; i++) { layer[$i] = FNR; name[$i] = $1 } next }
         layer[$1] < layer[$2] { print "compiler/" $1 " (" name[$1] ") includes " $2 ".h (" name[$2] ")" }' \
      <(printf '%s\n' "${layers[@]}") -)
  [ -z "$bad" ] || { echo "$bad"; status=1; }
  if ! bad=$(compiler_includes | tsort 2>&1 >/dev/null); then
    printf 'files of compiler/ include each other in a circle:\n%s\n' "$bad"
    status=1
  fi
  return $status
}

check_tree() {
  local status=0
  cd "$1" || return 2
  room_may base 'base/.+|tfm/types\.h' || status=1
  room_may graph '(base|graph)/.+|tfm/types\.h' || status=1
  room_may compiler '(base|graph|compiler)/.+|tfm/plugin\.h' || status=1
  room_may checkpoint '(base|graph|checkpoint)/.+' || status=1
  room_may tokenizer '(base|tokenizer)/.+|checkpoint/gguf/gguf\.h' || status=1
  room_may runtime '(base|graph|checkpoint|runtime)/.+|tfm/plugin\.h' || status=1
  room_may lib '(base|graph|compiler|checkpoint|tokenizer|runtime|lib)/.+|tfm/(tfm|plugin)\.h|config\.h' || status=1
  room_may tools '(tools/.+|tfm/tfm\.h|config\.h)' || status=1
  plugins_may || status=1
  plugins_system || status=1
  own_header_first || status=1
  compiler_layers || status=1
  return $status
}

# Each line: a file, and an include that its room must not have.  A word after it
# is a second file, which includes the first one's header.
self_test() {
  local tree file include other missed=0
  tree=$(mktemp -d) || return 2
  while read -r file include other; do
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/$(dirname "$file")"
    echo "#include $include" > "$tree/$file"
    [ -z "$other" ] || echo "#include \"${file%.*}.h\"" > "$tree/$other"
    if (check_tree "$tree") >/dev/null 2>&1; then
      echo "check-includes.sh does not see $include in $file"
      missed=1
    fi
  done <<'BROKEN'
base/x.c "graph/graph.h"
base/x.h "tfm/plugin.h"
graph/x.c "compiler/ast.h"
graph/x.h "tfm/plugin.h"
compiler/cell.c "runtime/plan.h"
compiler/x.c "compiler/cell.h"
compiler/cell.h "compiler/schema.h" compiler/schema.c
compiler/report.h "compiler/frame.h" compiler/frame.c
compiler/cell.c "compiler/weight.h"
compiler/weight.c "compiler/eval.h"
compiler/eval.h "compiler/lower.h"
compiler/parse.y "runtime/plan.h"
runtime/x.c "compiler/ast.h"
runtime/gemm/x.c "compiler/ast.h"
runtime/x.c "tokenizer/tokenizer.h"
checkpoint/x.c "runtime/plan.h"
checkpoint/gguf/x.c "tokenizer/tokenizer.h"
tokenizer/x.c "runtime/plan.h"
tokenizer/x.c "checkpoint/weights.h"
tokenizer/x.c "graph/graph.h"
tools/x.c "base/buffer.h"
tools/x.c "tfm/plugin.h"
compiler/x.c "tfm/tfm.h"
plugins/norm/x.c "base/arena.h"
plugins/norm/x.c <tfm/tfm.h>
plugins/norm/x.c "tfm/types.h"
plugins/norm/x.c "plugins/ffn/ffn.h"
plugins/norm/x.c <jansson.h>
BROKEN
  rm -rf "${tree:?}"
  return $missed
}

if [ $# -eq 0 ]; then
  self_test || exit 1
fi
(check_tree "${1:-${TFM_SRCDIR:-.}}") || exit 1
echo "the rooms include only what they may"
