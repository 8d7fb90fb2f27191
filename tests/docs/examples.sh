#!/bin/bash
# examples.sh - the pages say what the programs do: every example of every page
# is run.  All blocks of a page share one directory, in which `models`, `tests`
# and `examples` are those of the source tree.
#
#     ```tfm                    a whole file: checked, and in the one format
#     ```tfm gpt.tfm            the same, and kept under that name
#     ```tfm error=E201,E302    must have just these errors
#     ```tfm part               declarations, to be put after `model`
#     ```tfm body               statements, to be put into a block
#     ```json tiny/config.json  kept; also c, make and text with a name
#     ```console                each `$ ` command is run, and must print the rest
#     ```console needs=DIR      the same, skipped where DIR is not there
#     weights=DIR               tfm: the checkpoint to check against
#
# A name stands in the line above the block as well, as `gpt.tfm`.
#
# Other blocks are only to be read.  In what a command prints `...` stands for
# anything: times, for instance.
set -u
: "${TFM_SRCDIR:=$PWD}" "${TFM_BUILDDIR:=$TFM_SRCDIR/build}"

: "${TFM_SHARED:=$TFM_SRCDIR/../shared}"
here=$TFM_SRCDIR/tests/docs
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
PATH=$TFM_BUILDDIR/tools:$PATH
HOME=$scratch/home PKG_CONFIG_PATH=$scratch/home/pkgconfig NO_COLOR=1 LC_ALL=C.UTF-8
export HOME PKG_CONFIG_PATH PATH NO_COLOR LC_ALL
unset TFM_PLUGIN_PATH TFM_MODEL_PATH XDG_DATA_HOME TFM_CPU CDPATH MAKEFLAGS MFLAGS MAKELEVEL

failed=0 ran=0 skipped=0

fail() { # PLACE MESSAGE [FILE...]
  failed=$((failed + 1))
  printf 'FAIL %s: %s\n' "$1" "$2"
  shift 2
  for file; do sed 's/^/    | /' "$file"; done
}

word_of() { # KEY INFO: the value of KEY=value
  local word
  for word in $2; do
    case $word in "$1="*) printf '%s' "${word#*=}" ;; esac
  done
}

# What a part of a model file stands in.
wrap() { # part|body BODY
  case $1 in
  part)
    printf 'tfm 1\nmodel part for "part"\n\n'
    cat "$2"
    printf 'dim Rows, Columns\ninput words: i32[Rows, Columns] = tokens.ids\n'
    printf 'graph encode { return embedding(words) @words }\n'
    ;;
  body)
    cat "$here/around.tfm"
    printf 'block example(x: [B, T, D], cache: kv = none) {\n'
    sed 's/^\(.\)/  \1/' "$2"
    printf '}\n'
    ;;
  esac
}

# The codes of the errors that tfmc reported, sorted: E201,E302
codes_of() { sed -n 's/^error\[\(E[0-9]*\)\].*/\1/p' "$1" | sort -u | paste -sd, -; }

check_model() { # PLACE FILE INFO WHOLE
  local want got weights log=$scratch/log
  want=$(word_of error "$3" | tr , '\n' | sort -u | paste -sd, -)
  weights=$(word_of weights "$3")
  tfmc check ${weights:+--weights "$weights"} "$2" 2>&1 | grep -v '^note: not checked without' >"$log"
  got=$(codes_of "$log")
  if [ "$got" != "$want" ] || { [ -z "$want" ] && [ -s "$log" ]; }; then
    fail "$1" "expected ${want:-no error}, found ${got:-none}" "$log"
  fi
  [ "$4" = yes ] && [ -z "$want" ] || return 0
  if ! tfmc fmt "$2" 2>"$log" | diff "$2" - >>"$log"; then
    fail "$1" 'not in the format of tfmc fmt' "$log"
  fi
}

run_tfm() { # PLACE INFO BODY
  local name file whole=yes
  name=$(printf '%s\n' "$2" | awk '{ for (i = 2; i <= NF; i++) if ($i !~ /=/) { print $i; exit } }')
  case $name in
  part | body) file=$name.tfm whole=no; wrap "$name" "$3" >"$file" ;;
  *) file=${name:-example.tfm}; mkdir -p "$(dirname "$file")"; cp "$3" "$file" ;;
  esac
  check_model "$1" "$file" "$2" "$whole"
}

# All commands of a block in one shell, so that `$?` and variables go on.
run_console() { # PAGE BLOCK
  local command place k=1
  {
    while [ -e "$2.$k.cmd" ]; do
      command=$(cat "$2.$k.cmd"; echo .)
      printf '(exit $status)\neval %q >%q 2>&1 </dev/null\nstatus=$?\n' "${command%.}" "$2.$k.got"
      k=$((k + 1))
    done
    printf 'pwd >%q\n' "$2.end"
  } >"$2.sh"
  status=0 timeout 120 bash "$2.sh"
  if [ -e "$2.end" ] && [ "$(cat "$2.end")" != "$PWD" ]; then # pages are pasted from top to bottom
    fail "$1:$(cat "$2.1.line")" 'ends in another directory than the next block starts in'
  fi
  for ((k = 1; ; k++)); do
    [ -e "$2.$k.cmd" ] || break
    place=$1:$(cat "$2.$k.line")
    ran=$((ran + 1))
    if [ ! -e "$2.$k.got" ]; then
      fail "$place" 'did not run: a command before it ended the shell, or took too long'
    elif ! awk -f "$here/match.awk" "$2.$k.out" "$2.$k.got"; then
      fail "$place" 'printed something else:' "$2.$k.got"
    fi
  done
}

# A name in the fence is not shown when a page is rendered: it stands above the block, too.
check_name() { # PLACE BLOCK INFO
  local name
  name=$(printf '%s\n' "$3" | awk '{ for (i = 2; i <= NF; i++) if ($i !~ /=/) { print $i; exit } }')
  case $name in '' | part | body) return ;; esac
  grep -qF "\`$name\`" "$2.above" || fail "$1" "the name \`$name\` does not stand above the block"
}

run_block() { # PAGE BLOCK
  local info place need
  info=$(cat "$2.info") place=$1:$(cat "$2.line")
  check_name "$place" "$2" "$info"
  need=$(word_of needs "$info")
  if [ -n "$need" ] && [ ! -e "$need" ]; then
    printf 'skipped %s: no %s\n' "$place" "$need"
    skipped=$((skipped + 1))
    return
  fi
  case $info in
  tfm*) ran=$((ran + 1)); run_tfm "$place" "$info" "$2.body" ;;
  console*) run_console "$1" "$2" ;;
  *)
    set -- "$1" "$2" "$(printf '%s\n' "$info" | awk '{ print $2 }')"
    mkdir -p "$(dirname "$3")"
    cp "$2.body" "$3"
    ;;
  esac
}

# A place to work in, with what an example may use.
prepare() { # DIRECTORY
  local checkpoint
  mkdir -p "$1"
  ln -s "$TFM_SRCDIR/models" "$TFM_SRCDIR/tests" "$1"
  cp -r "$TFM_SRCDIR/examples" "$1" && chmod -R u+w "$1/examples" # make distcheck: read-only
  # tfm as pkg-config would find it once it is installed.
  mkdir -p "$HOME/pkgconfig"
  printf 'Name: tfm\nDescription: tfm\nVersion: 0\nCflags: -I%s\n' "$TFM_SRCDIR/include" \
    >"$HOME/pkgconfig/tfm.pc"
  for checkpoint in "$TFM_SHARED"/data/checkpoints/*/; do
    [ -e "$checkpoint/config.json" ] && ln -s "${checkpoint%/}" "$1"
  done
}

run_page() { # PAGE
  local blocks=$scratch/blocks n=1
  rm -rf "$blocks" "$scratch/work"
  mkdir "$blocks"
  prepare "$scratch/work"
  awk -v out="$blocks" -f "$here/split.awk" "$TFM_SRCDIR/$1" || { fail "$1" 'cannot be read'; return; }
  cd "$scratch/work" || exit 2
  while [ -e "$blocks/$n.info" ]; do
    run_block "$1" "$blocks/$n"
    n=$((n + 1))
  done
}

[ $# -gt 0 ] || set -- README.md $(cd "$TFM_SRCDIR" && echo docs/*.md)
for page; do run_page "$page"; done
printf '%d examples, %d failed, %d skipped\n' "$ran" "$failed" "$skipped"
[ "$ran" -gt 0 ] && [ "$failed" -eq 0 ]
