#!/bin/bash
# check-names.sh - a name of a vocabulary stands in its table, in docs, models and
# tests, and nowhere else in the program:
#
#   tasks    graph/task.def                 and the file of lib/ that is named so
#   ops      the schemas of plugins/X       and the kernels in X
#   sources  graph/source.def
#
# What else the program knows of them it has from the tables: GRAPH_TASK_, TFM_ROLE_
# and GRAPH_SOURCE_ for what it asks of one, the names for its messages.  Comments
# are not looked at; checkpoint/ and tokenizer/ know no ops.
#
# check-names.sh [DIR] checks the tree at DIR.  Without DIR it first makes sure
# that it can fail, on a small tree that breaks each rule.
set -u

# Words that are also an op's name, and mean something else there: FILE NAME.
others() {
  cat <<'OTHERS'
compiler/tensor_view.c split
compiler/harmless.def top_k
compiler/schema.c linear
lib/generation_config.c top_k
lib/link.c activation
lib/modules.c activation
lib/modules.c dense
lib/modules.c layer_norm
lib/modules.c linear
graph/task.def activation
graph/task.def embedding
lib/caller.c prefix
lib/sides.c prefix
tools/run_options.c attention
tools/run_options.c prefix
OTHERS
}

# Print "FILE:LINE:TEXT" of the sources in the folders, without comments.
code_of() {
  find "$@" \( -name '*.[chly]' -o -name '*.def' \) -type f -print 2>/dev/null | sort |
    xargs -r awk '
      FNR == 1 { inside = 0 }
      {
        line = $0; out = ""
        while (line != "") {
          if (inside) {
            if (!(i = index(line, "*/"))) break
            line = substr(line, i + 2); inside = 0
          } else if (match(line, /"([^"\\]|\\.)*"|\/\*|\/\//)) {
            found = substr(line, RSTART, RLENGTH)
            out = out substr(line, 1, RSTART - 1)
            line = substr(line, RSTART + RLENGTH)
            if (found == "/*") inside = 1
            else if (found == "//") line = ""
            else out = out found
          } else { out = out line; line = "" }
        }
        if (out ~ /[^ \t]/) print FILENAME ":" FNR ":" out
      }'
}

# Only the strings: "FILE:LINE:"text"", one a line.
strings_of() {
  awk '{
    if ($0 ~ /^[^:]*:[0-9]*:[ \t]*#[ \t]*include/) next
    match($0, /^[^:]*:[0-9]*:/); place = substr($0, 1, RLENGTH); line = substr($0, RLENGTH + 1)
    while (match(line, /"([^"\\]|\\.)*"/)) {
      print place substr(line, RSTART, RLENGTH)
      line = substr(line, RSTART + RLENGTH)
    }
  }'
}

tasks() { sed -n 's/^TASK([A-Z_]*, \([a-z_]*\),.*/\1/p' graph/task.def 2>/dev/null; }
ops() { # "FOLDER NAME"
  grep -rhoE --include='*.c' '^[^/]*"op [a-z_0-9]+\(' plugins 2>/dev/null | sed 's/.*"op //; s/($//' | sort -u
}

say() { # WHAT NAME LINES
  [ -z "$3" ] && return 0
  printf 'the %s %s is named outside its table:\n%s\n' "$1" "$2" "$(sed 's/^/  /' <<<"$3")"
  return 1
}

# A whole word anywhere but in the table and in lib/.../TASK.c.
check_tasks() {
  local name found status=0
  while read -r name; do
    found=$(grep -wE -- "$name" "$work/code" | grep -wE -- "^[^:]*:[0-9]*:.*$name" |
      grep -vE "^(graph/task\.def|lib/([a-z_]*/)?$name\.c):" | grep -vE '^[^:]*:[0-9]*:#include')
    say task "$name" "$found" || status=1
  done < <(tasks)
  return $status
}

# As a string, `so` or so(...) in one, and as any word of one if it can be no other.
check_ops() {
  local name found status=0 word
  while read -r name; do
    word="\"$name\"|\`$name\`|\\b$name\\("
    [[ $name == *_* ]] && word="\\b$name\\b"
    grep -E -- "^[^:]*:[0-9]+:.*($word)" "$work/strings" | grep -vE '^(checkpoint/|tokenizer/)' >"$work/found"
    sed "s/:.*/ $name/" "$work/found" >>"$work/seen"
    found=$(grep -vF -f <(others | sed -n "s/^\(.*\) $name\$/\1:/p"; echo '#none') "$work/found")
    say op "$name" "$found" || status=1
    found=$(grep -lrE --include='*.[ch]' "\"op $name\\(|(KERNEL_OF\\(|\.op = )\"$name\"" plugins | cut -d/ -f2 | sort -u)
    [ "$(wc -w <<<"$found")" -le 1 ] || { say op "$name" "plugins/ $(tr '\n' ' ' <<<"$found")"; status=1; }
  done < <(ops)
  return $status
}

# What others() lets pass is there: else it would hide a name that comes back.
check_others() {
  local line status=0
  while read -r line; do
    grep -qxF -- "$line" "$work/seen" || { echo "others() need not list: $line"; status=1; }
  done < <(others)
  return $status
}

check_sources() {
  local found
  found=$(grep -E ':[0-9]+:.*\b(tokens|generated)\.[a-z]' "$work/strings" | grep -v '^graph/source\.c:')
  say source '' "$found"
}

check_tree() {
  local status=0
  cd "$1" || return 2
  code_of base graph compiler checkpoint tokenizer runtime lib tools bench >"$work/code"
  strings_of <"$work/code" >"$work/strings"
  : >"$work/seen"
  [ -n "$(tasks)" ] || { echo 'graph/task.def has no tasks'; status=1; }
  check_tasks || status=1
  check_ops || status=1
  check_sources || status=1
  [ "${2:-}" = part ] || check_others || status=1
  return $status
}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# Each line: a file, and what its room must not say; the first is nothing to complain of.
self_test() {
  local tree=$work/tree file text wanted missed=0
  while IFS='|' read -r wanted file text; do
    rm -rf "${tree:?}"
    mkdir -p "$tree/graph" "$tree/plugins/norm" "$tree/$(dirname "$file")"
    echo 'TASK(FILL_MASK, fill_mask, ALSO("mask"), "", {"logits", DTYPE_F32, "BTV"})' >"$tree/graph/task.def"
    echo 'OP("## Doc.\n"' >"$tree/plugins/norm/a.c"
    printf '   "op add(a: [...], b: [...]) -> [...]\\n"\n   "op layer_norm(x: [..., D]) -> [..., D]\\n"\n' >>"$tree/plugins/norm/a.c"
    echo "$text" >>"$tree/$file"
    (check_tree "$tree" part) >/dev/null 2>&1
    [ $? -eq "$wanted" ] || { echo "check-names.sh is wrong of: $text in $file"; missed=1; }
  done <<'CASES'
0|lib/x.c|int task_fill_mask_of(int fill_masks); /* fill_mask, "add" */ // layer_norm
0|lib/fill_mask.c|"fill_mask"
0|plugins/norm/b.c|KERNEL_OF("add", "base", 0)
0|lib/modules.c|"layer_norm"
0|lib/x.c|"add a file, additional (words)"
1|lib/x.c|"fill_mask"
1|lib/x.c|"which tasks? fill_mask, and others"
1|runtime/x.c|static int fill_mask(void);
1|compiler/x.c|/* here */ call("add")
1|compiler/x.y|"write add(a, b)"
1|compiler/x.l|"the op `add` is missing"
1|lib/x.c|"some layer_norm or other"
1|plugins/ffn/b.c|KERNEL_OF("add", "base", 0)
1|runtime/x.c|"tokens.ids"
1|lib/x.c|"an input = generated.mask is there"
CASES
  return $missed
}

if [ $# -eq 0 ]; then
  self_test || exit 1
fi
(check_tree "${1:-${TFM_SRCDIR:-.}}") || exit 1
echo "each name stands where its table is"
