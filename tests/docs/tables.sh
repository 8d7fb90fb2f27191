#!/bin/bash
# tables.sh - the tables of the pages are those of the program: the codes of
# diagnostics, the tasks, the sources of inputs, the formats of elements, the
# schemas that are shown, and the reasons for which a plugin is refused.
set -u
: "${TFM_SRCDIR:=$PWD}" "${TFM_BUILDDIR:=$TFM_SRCDIR/build}"
: "${TFM_PLUGIN_DIR:=$TFM_BUILDDIR/plugins/.libs}"
page=$TFM_SRCDIR/docs/language.md plugin_page=$TFM_SRCDIR/docs/plugins.md
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
status=0

# | E101 | what it means |   from   X(101, VERSION, "what it means")
codes_of_program() {
  sed -n 's/^X(\([0-9]*\), [A-Z0-9_]*,/X(\1,/; s/^X(\([0-9]*\), *"\(.*\)")$/| E\1 | \2 |/p' \
    "$TFM_SRCDIR/compiler/codes.def" | sed 's/\\"/"/g; s/^| E\([0-9]*\) | a warning:/| W\1 | a warning:/'
}
codes_of_page() { grep '^| [EW][0-9]* |' "$page" | sed 's/\\|/|/g'; }

# The rows of a table in a .def, each as one line.
rows_of() { # FILE MACRO
  sed -n "/^$2(/,/)\$/p" "$TFM_SRCDIR/$1" | sed -e ':a' -e '/)$/!{N;ba' -e '}' -e 's/\n */ /g'
}

# generate: logits[B, T, V]; stop   from
# TASK(GENERATE, generate, ALSO("causal-lm"), "stop", {"logits", DTYPE_F32, "BtV"})
tasks_of_program() {
  rows_of graph/task.def TASK |
    sed -n 's/^TASK([A-Z_]*, \([a-z_]*\), ALSO([^)]*), "\([^"]*\)", \(.*\))$/\1: \3; \2/p' |
    sed 's/{"\([a-z_]*\)", DTYPE_F32, "\([A-Za-z0-9?]*\)"}/\1[\2]/g' |
    awk -F '[][]' '{ for (i = 2; i < NF; i += 2) { gsub(/[?]/, "", $i); gsub(/t/, "T", $i); gsub(/./, "&, ", $i); $i = "[" substr($i, 1, length($i) - 2) "]" }
      s = ""; for (i = 1; i <= NF; i++) s = s $i; print s }'
}
tasks_of_page() {
  awk -F ' *[|] *' '/^[|] task [|]/ { on = 1; next } !/^[|]/ { on = 0 } on && !/^[|] ---/ {
    r = $3; gsub(/` `\[/, "[", r); gsub(/`/, "", r); gsub(/`/, "", $2)
    a = ""; n = split($4, part, "`"); for (i = 2; i <= n; i += 2) a = a (a == "" ? "" : " ") part[i]
    print $2 ": " r "; " a }' "$page"
}

# | `tokens.ids` | `i32[B, T]` | the ids |   from   SOURCE(IDS, ids, READ, DTYPE_I32, "BT", "the ids")
sources_of_program() {
  rows_of graph/source.def SOURCE |
    sed -n 's/^SOURCE([A-Z]*, \([a-z]*\), [A-Z |]*READ[A-Z |]*, DTYPE_\([A-Z0-9]*\), "\([A-Z]*\)", "\(.*\)")$/\1:\L\2\E:\3:\4/p' |
    while IFS=: read -r name dtype shape text; do
      printf '| `tokens.%s` | `%s[%s]` | %s |\n' "$name" "$dtype" "$(sed 's/./&, /g; s/, $//' <<<"$shape")" "$text"
    done
}
sources_of_page() { grep '^| `tokens\.' "$page"; }

# safetensors F64 F32   from   FORMAT(F64, "f64", "F64", 28, 1, 8, FLOAT, F32, f64)
formats_of_program() {
  sed -n 's/^FORMAT(\(.*\))$/\1/p' "$TFM_SRCDIR/base/format.def" | tr -d '"' |
    awk -F ', ' '$3 != "" && ($7 != "PACKED" || $4 < 0) { print "safetensors", $3, $8 }
      $3 != "" && $4 >= 0 { print "gguf", $3, $8 }' | sort
}
formats_of_page() { # from the tables that begin with `stored as`
  awk -F ' *[|] *' '/^#+ / { kind = /GGUF/ ? "gguf" : "safetensors" } /^[|] stored as [|]/ { on = 1 }
    !/^[|]/ { on = 0 }
    on && ($3 ~ /^it is/ || $3 ~ /^F[0-9]+,/) { n = split($2, name, ", "); split($3, wide, ",")
      for (i = 1; i <= n; i++) print kind, name[i], $3 ~ /^it is/ ? name[i] : wide[1] }' \
    "$TFM_SRCDIR/docs/formats.md" | sort
}

# A schema as one line: `op linear(x: ...) -> ...`, blanks squeezed.
squeeze() { sed 's/[[:space:]]\{1,\}/ /g; s/^ //; s/ $//'; }

# A plugin holds a schema as a string: doc comments, then `op NAME(`.
schemas_of_program() {
  cat "$TFM_PLUGIN_DIR"/*.so | LC_ALL=C tr '\n\0' '\1\n' | LC_ALL=C grep -a "$(printf '\1')op [a-z_0-9]*(" |
    LC_ALL=C sed "s/^.*$(printf '\1')op /op /" | LC_ALL=C tr '\1' ' ' | squeeze | sort -u
}
schemas_of_page() { # each begins with `op` at the start of a line
  awk '/^```schema/ { on = 1; next } /^```/ { on = 0; if (s != "") print s; s = "" }
    on && /^op / { if (s != "") print s; s = "" }
    on { s = s " " $0 }' "$page" "$plugin_page" | squeeze | sort -u
}

# What stands between the `…` of a reason, in the first cell of a row.
refusals_of_page() {
  awk '/^## Why a plugin is refused/ { on = 1 } on && /^\| [a-z…]/ && !/^\| the reason/' "$plugin_page" |
    cut -d'|' -f2 | tr ';' '\n' | sed 's/…/\n/g' | squeeze | sed 's/:$//' |
    grep -v '^$' | grep -v '^, everybody or its group$' | grep -v '^what `init` said$'
}

compare() { # WHAT
  if [ ! -s "$work/$1.program" ]; then
    printf 'no %s were found in the program\n' "$1"
    status=1
  elif ! diff "$work/$1.program" "$work/$1.page" >"$work/diff"; then
    printf 'the %s of docs/ (>) are not those of the program (<):\n' "$1"
    cat "$work/diff"
    status=1
  fi
}

# Keys of config.json that are harmless are on the page that says why.
while read -r key; do
  grep -qF "\`$key\`" "$TFM_SRCDIR/docs/config.md" ||
    { echo "docs/config.md lacks $key of compiler/harmless.def"; status=1; }
done < <(sed -n 's/^HARMLESS("\(.*\)")$/\1/p' "$TFM_SRCDIR/compiler/harmless.def")
codes_of_program >"$work/codes.program"
codes_of_page >"$work/codes.page"
compare codes
tasks_of_program >"$work/tasks.program"
tasks_of_page >"$work/tasks.page"
compare tasks
while IFS=: read -r task rest; do
  grep -q "^\.It Cm $task" "$TFM_SRCDIR/docs/man/tfmrun.1" ||
    { echo "docs/man/tfmrun.1 lacks the task $task"; status=1; }
done <"$work/tasks.program"
sources_of_program >"$work/sources.program"
sources_of_page >"$work/sources.page"
compare sources
formats_of_program >"$work/formats.program"
formats_of_page >"$work/formats.page"
compare formats
schemas_of_program >"$work/schemas.program"
schemas_of_page >"$work/schemas.page" # ops.md has all, see ops.sh
comm -13 "$work/schemas.program" "$work/schemas.page" >"$work/schemas.other"
[ ! -s "$work/schemas.other" ] || {
  printf 'schemas of docs/ that are none of the program:\n'
  cat "$work/schemas.other"
  status=1
}
cat "$TFM_SRCDIR"/runtime/{elf,elf_symbols,elf_relocate,note,load,registry}.c >"$work/loader"
refusals_of_page >"$work/refusals"
[ "$(wc -l <"$work/refusals")" -gt 20 ] || { echo 'docs/plugins.md has few refusals'; status=1; }
while read -r reason; do
  grep -qF -- "$reason" "$work/loader" || { echo "no plugin is refused because: $reason"; status=1; }
done <"$work/refusals"
exit $status
