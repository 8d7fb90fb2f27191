#!/bin/bash
# same_bits.sh - two builds give the same answers, bit for bit: the one of another commit, and
# this one's.
#
#     tests/same_bits.sh OLD_BUILD NEW_BUILD      compare; prints a table, ends with 1 on a difference
#     tests/same_bits.sh --self BUILD             show that a difference is seen
#
# Each checkpoint of tests/fixtures, of models/checkpoints and of $TFM_SHARED/data/checkpoints,
# and GGUF files where a build has tests/unit/test_gguf_model, is run by both as VARIANTS says:
# every named value of the graph and the attentions' taps (dumped), a batch of rows of unequal
# lengths, generated tokens with log probabilities, sampling, and all that a task prints as
# JSON.  Each build runs with its own plugins and model files.
#
# Of the batch's dumps only the real places count (tests/real_places.py): a row's own tokens and
# keys, of the rows that go on.  What padding holds, and how wide it is, is no answer.
#
#     KEEP=DIR     answers go to DIR/old and DIR/new and stay; an old one that is there is taken
#     ONLY=REGEX   only checkpoints whose name matches
set -uo pipefail
[ $# -eq 2 ] || { sed -n '2,19s/^# \{0,1\}//p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
fixtures=$root/tests/fixtures
shared=${TFM_SHARED:-$root/../shared}
work=$(mktemp -d "${TMPDIR:-/tmp}/same-bits.XXXXXX") && trap 'rm -rf "$work"' EXIT
keep=${KEEP:-$work}
export LC_ALL=C.UTF-8
unset TFM_PLUGIN_DIR TFM_MODEL_PATH

VARIANTS=("-t 1" "-t 2" "-t 1 --no-fuse" "-t 2 --kernels reference")

# Texts of unequal lengths, in two scripts; the ids of rows of unequal lengths.
cat >"$work/texts" <<'END'
I like tea
나는
The river.
the cat sat on the mat and the cat likes the book, and it rains
나는 책을 읽는다 그리고 차를 마신다
a
이 영화는 정말 재미있다
The model the model the model the model the model the model the model the model the model
!
tea, tea; tea
END
printf '1,2,0,2,1\n2\n0,1,1,2,2,0,1,2\n2,0\n1,1,1\n' >"$work/small-ids"
# 4 is [MASK] of the fixtures
printf 'who sat\tthe cat sat on the mat\n나는\t나는 책을 읽는다\nwhat\ttea, and a book that the cat likes\n' >"$work/questions"
printf '1,2,4,5,7\n4\n9,1,11,2,2,0,12,2,13,4,15,8,3,6\n4,10\n14,4,16\n' >"$work/ids"

# ------------------------------------------------------------------ the checkpoints

# case NAME DIRECTORY: it takes part.
case_add() {
  [[ $1 =~ ${ONLY:-.} ]] || return 0
  cases+=("$1") places[$1]=$2
}

cases_find() {
  local path name
  declare -gA places=()
  cases=()
  for path in "$fixtures"/*/config.json "$fixtures"/rerankers/*/config.json \
    "$fixtures"/config/*/config.json "$fixtures"/damaged/*/config.json; do
    path=${path%/config.json} name=${path#"$fixtures/"}
    # blanks are filled in only where a tokenizer says which they are; any does here
    case $name in
    config/bert*)
      mkdir -p "$work/laid/$name"
      cp -L "$path"/* "$fixtures/bert-mlm"/tokenizer*.json "$work/laid/$name"
      path=$work/laid/$name
      ;;
    esac
    case_add "$name" "$path"
  done
  # settings of sentence-transformers, laid over the checkpoint that they are for
  for path in "$fixtures"/embedders/*/; do
    name=embedders/$(basename "$path")
    mkdir -p "$work/laid/$name"
    cp -L "$fixtures"/bert-model/*.json "$fixtures/bert-model/model.safetensors" "$work/laid/$name"
    cp -R "$path/." "$work/laid/$name" && chmod -R u+w "$work/laid/$name"
    case_add "$name" "$work/laid/$name"
  done
  for path in "$root"/models/checkpoints/*/config.json "$shared"/data/checkpoints/*/config.json; do
    [ -f "$path" ] || continue
    path=${path%/config.json}
    case_add "checkpoints/$(basename "$path")" "$path"
  done
  for path in "$work"/gguf/*.gguf; do
    [ ! -f "$path" ] || case_add "gguf/$(basename "$path" .gguf)" "$path"
  done
}

# ---------------------------------------------------------------------- one answer

# answer FILE STDIN PROGRAM ARGUMENT...: exit status, output without its times, sums of the
# dumps; of their real places where $types and $mask say which those are.
answer() {
  local file=$1 input=$2
  shift 2
  timeout 120 "$@" <"$input" >"$out/raw" 2>/dev/null
  echo "exit $?" >"$file"
  sed -E 's/,?"(timings|seconds|data|model)":(\{[^}]*\}|[0-9.e+-]+|"[^"]*")//g; s/,?"[a-z_]*(peak_memory|_ns|_per_second)":[0-9.e+-]+//g' \
    "$out/raw" >>"$file"
  if [ -n "$(ls -A "$out/dump")" ]; then
    if [ -n "${types:-}" ]; then
      "$root/tests/real_places.py" "$types" "$mask" "$out/dump" >>"$file" || echo "unreadable $RANDOM" >>"$file"
    else
      (cd "$out/dump" && cksum -- *) >>"$file"
    fi
    rm -f "$out/dump"/*
  fi
}

# input_of KIND: the options that read $work/KIND, into $from.
input_of() {
  from=(--ids -)
  [ "$1" != questions ] || from=(--tabs)
}

# What a case is run on, found once, by the old build: its task, ids that it takes, the names
# of its values and inputs, fused ($work/plan/CASE.1) and as written (CASE.0), their types
# (.types), and which of them says how long rows are (.mask).
plan() {
  local tfmrun=$old/tools/tfmrun name place type task ids fuse option to
  mkdir -p "$work/plan"
  for name in "${cases[@]}"; do
    place=${places[$name]} task=
    mkdir -p "$work/plan/$(dirname "$name")"
    for ids in ids small-ids questions; do
      input_of $ids
      task=$("$tfmrun" -q --json -t 1 "${from[@]}" "$place" <"$work/$ids" 2>/dev/null |
        sed -n '1s/.*"task":"\([a-z_]*\)".*/\1/p')
      [ -z "$task" ] || break
    done
    echo "$ids $task" >"$work/plan/$name.task"
    type=$(sed -n 's/.*"model_type": *"\([a-z0-9_]*\)".*/\1/p' "$place/config.json" 2>/dev/null)
    for fuse in 0 1; do
      option= to=$work/plan/$name.$fuse
      [ $fuse = 1 ] || option=--no-fuse
      # shellcheck disable=SC2086 # no word where there is no option
      "$old/tools/tfmc" -q --emit=graph $option --weights "$place" "$old/models/${type:-none}.tfm" 2>/dev/null |
        sed -nE '/^(%|input )/p' >"$work/graph"
      {
        grep -oE '(f32|i32|bool)\[[^]]*\] @[A-Za-z0-9_.#]+' "$work/graph" |
          sed -E 's/.*\[(.*)\] @(.*)/\2 \1/'
        sed -nE 's/^.* = attention\(.*\] @([A-Za-z0-9_.#]+).*/\1.probs B,H,T,S\n\1.scores B,H,T,S/p' "$work/graph"
      } | sort -u >"$to.types"
      cut -d ' ' -f 1 "$to.types" >"$to"
      sed -nE 's/^input .* = tokens\.mask : .* @([A-Za-z0-9_.]+).*/\1/p' "$work/graph" >"$to.mask"
    done
  done
}

# dump_options FILE: what asks for all values whose names are in it; into $options.
dump_options() {
  options=()
  while read -r value; do
    options+=(--dump "$value=$out/dump/$value")
  done <"$1"
}

# --------------------------------------------------------------------- one checkpoint

# What the task is asked, on texts: a line of options each.
asked() {
  case $1 in
  generate) cat <<'END' ;;
-n 12 --logprobs 3
-n 8 --ignore-stop --repetition-penalty 1.2 --presence-penalty 0.5 --frequency-penalty 0.2
-n 8 --temp 0.9 --top-k 20 --top-p 0.9 --min-p 0.02 --seed 7 -N 3
-n 16 --no-repeat-ngram 2 --stop e
-n 6 --generation-config
END
  classify_tokens) printf '%s\n' '' --group --group=max --group=average ;;
  qa) printf '%s\n' '--context=the_cat_sat_on_the_mat_and_likes_the_book' \
    '--context=나는_책을_읽는다 --null-answer' ;;
  fill_mask) printf '%s\n' '--top 8' '--pair=[MASK]_likes' ;;
  rerank) printf '%s\n' '--query tea' '--query 나는 --top 3' ;;
  embed) printf '%s\n' '' --truncate '--prompt-name query' ;;
  *) printf '%s\n' '' --pair=the_river ;;
  esac
}

# case_run NAME BUILD: its answers, into $out/NAME.
case_run() {
  local name=$1 build=$2 place=${places[$1]} task ids v variant options line n types= mask=
  local to=$out/$name run=("$build/tools/tfmrun" -q)
  mkdir -p "$to"
  read -r ids task <"$work/plan/$name.task"
  input_of "$ids"
  [ $name != checkpoints/bert-tiny-sst2-body ] || { body_run "$place" && return; }
  for v in "${!VARIANTS[@]}"; do
    read -ra variant <<<"${VARIANTS[v]}"
    few=()
    [ "$task" != generate ] || few=(-n 5)
    [[ $name != checkpoints/*-ko-* || ${VARIANTS[v]} != *reference ]] || continue # minutes
    fuse=1
    [[ ${VARIANTS[v]} != *--no-fuse* ]] || fuse=0
    dump_options "$work/plan/$name.$fuse"
    answer "$to/ids.$v" "$work/$ids" "${run[@]}" --json "${variant[@]}" "${few[@]}" "$place" "${from[@]}"
    head -n 1 "$work/$ids" >"$out/one"
    answer "$to/values.$v" "$out/one" "${run[@]}" --json "${variant[@]}" "${few[@]}" "$place" "${from[@]}" "${options[@]}"
    types=$work/plan/$name.$fuse.types mask=$(cat "$work/plan/$name.$fuse.mask")
    answer "$to/batch.$v" "$work/$ids" "${run[@]}" --json "${variant[@]}" "${few[@]}" "$place" "${from[@]}" "${options[@]}"
    types=
    [ -e "$place/tokenizer_config.json" ] || [ -e "$place/tokenizer.json" ] || continue
    # the plain kernels are slow, and have been compared by now
    [[ $name != checkpoints/* || ${VARIANTS[v]} != *reference ]] || continue
    [[ $name != config/* && $name != damaged/* ]] || continue
    sed 's/^/[MASK] /' "$work/texts" >"$out/masked"
    local texts=$work/texts
    [ "$task" != fill_mask ] || texts=$out/masked
    n=0
    while read -r line; do
      n=$((n + 1))
      read -ra line <<<"$line" # words; _ in them stands for a blank
      answer "$to/asked$n.$v" "$texts" "${run[@]}" --json "${variant[@]}" "$place" "${line[@]//_/ }"
    done < <(asked "$task")
  done
  [[ -z $task || $name == config/* ]] || case_measure
}

# What the other programs say of a checkpoint with a tokenizer.
case_measure() {
  local data=$work/texts
  [ -e "$place/tokenizer.json" ] || return 0
  answer "$to/tokens" "$work/texts" "$build/tools/tfm-tokenize" "$place" --json
  case $task in
  generate | fill_mask)
    answer "$to/eval" "$work/texts" "$build/tools/tfmeval" -q --json -t 1 "$place" --data "$data" --batch 4
    ;;
  esac
}

# A body without its embeddings: they are fed.
body_run() {
  local sentence v variant ids
  for sentence in sentence0 sentence1; do
    for v in "${!VARIANTS[@]}"; do
      read -ra variant <<<"${VARIANTS[v]}"
      answer "$to/$sentence.$v" /dev/null "${run[@]}" --json "${variant[@]}" "$1" \
        --feed "embeddings.LayerNorm=$1/inputs.safetensors:$sentence.inputs_embeds" --dump "logits=$out/dump/logits"
    done
  done
}

# answers BUILD WHERE
answers() {
  out=$2
  mkdir -p "$out/dump"
  local name
  for name in "${cases[@]}"; do case_run "$name" "$1"; done
  rm -rf "$out/dump" "$out/raw" "$out/one" "$out/masked"
}

# ------------------------------------------------------------------------- comparison

# One row a folder of checkpoints, and the name of each answer that differs.
compare() {
  local name file group total=0 differ=0 missing=0
  declare -A of=() refused=() other=()
  for name in "${cases[@]}"; do
    group=${name%/*}
    [ "$group" != "$name" ] || group=${name%%-*}
    while read -r file; do
      total=$((total + 1)) of[$group]=$((${of[$group]:-0} + 1))
      [ "$(head -n 1 "$1/$name/$file")" = "exit 0" ] || refused[$group]=$((${refused[$group]:-0} + 1))
      cmp -s "$1/$name/$file" "$2/$name/$file" && continue
      differ=$((differ + 1)) other[$group]=$((${other[$group]:-0} + 1))
      echo "differs: $name $file (${VARIANTS[${file##*.}]:-})" >>"$work/differ"
    done < <(ls "$1/$name")
  done
  printf '%-12s %8s %8s %8s\n' checkpoints answers refused differ
  for group in $(printf '%s\n' "${!of[@]}" | sort); do
    printf '%-12s %8s %8s %8s\n' "$group" "${of[$group]}" "${refused[$group]:-0}" "${other[$group]:-0}"
  done
  printf '%-12s %8s %8s %8s\n' all "$total" "$(printf '%s\n' "${refused[@]:-0}" | awk '{n += $1} END {print n}')" "$differ"
  [ $total -gt 0 ] || { echo "nothing was compared"; return 1; }
  [ $differ -eq 0 ] || { head -n 40 "$work/differ"; return 1; }
}

# A build whose tfmrun takes other kernels for one checkpoint: other last bits of its values.
disturb() {
  mkdir -p "$work/fake/tools"
  cat >"$work/fake/tools/tfmrun" <<END
#!/bin/bash
case "\$*" in
*fixtures/gpt2-tied*--dump* | *--dump*fixtures/gpt2-tied*) set -- "\$@" --no-fuse --kernels reference ;;
*fixtures/llama-tied*) "$1/tools/tfmrun" "\$@" | sed 's/"ids":\[\([0-9]*\),/"ids":[1\1,/'; exit 0 ;;
esac
exec "$1/tools/tfmrun" "\$@"
END
  chmod +x "$work/fake/tools/tfmrun"
  for program in tfmc tfmeval tfm-tokenize; do ln -s "$1/tools/$program" "$work/fake/tools/"; done
}

# Programs, plugins and model files as they are now: a build may be made anew meanwhile.
# They find each other as in a build tree.
snapshot() {
  local to=$work/$2/build program
  mkdir -p "$to/tools" "$to/plugins/.libs"
  for program in tfmrun tfmc tfmeval tfm-tokenize; do cp "$1/tools/$program" "$to/tools/" || exit 2; done
  cp "$1"/plugins/.libs/*.so "$to/plugins/.libs/"
  cp "$1/config.status" "$1/tfm.pc" "$to/"
  cp -RL "$1/models" "$work/$2/models"
  ln -s ../models "$to/models"
}

absolute() { (cd "$1" && pwd) || exit 2; }
self=
if [ "$1" = --self ]; then
  self=1 old=$(absolute "$2") ONLY='^(gpt2-tied|llama-tied|bert-mlm)$'
  disturb "$old"
  new=$work/fake
else
  old=$(absolute "$1") new=$(absolute "$2")
fi
for build in "$new" "$old"; do
  [ -x "$build/tools/tfmrun" ] || { echo "$build has no tools/tfmrun" >&2; exit 2; }
  [ -d "$work/gguf" ] || [ ! -x "$build/tests/unit/test_gguf_model" ] || {
    mkdir "$work/gguf"
    TFM_SRCDIR=$root TFM_BUILDDIR=$build "$build/tests/unit/test_gguf_model" "$work/gguf" >/dev/null 2>&1
  }
done
if [ -z "$self" ]; then
  snapshot "$old" before && snapshot "$new" after
  old=$work/before/build new=$work/after/build
fi
cases_find
plan
[ -d "$keep/old" ] || { answers "$old" "$keep/old.part" && mv "$keep/old.part" "$keep/old"; } &
rm -rf "$keep/new"
answers "$new" "$keep/new"
wait
compare "$keep/old" "$keep/new" >"$work/table"
status=$?
cat "$work/table"
[ -n "$self" ] || exit $status
"$root/tests/real_places.py" --self && grep -q '^differs: gpt2-tied values' "$work/table" &&
  grep -q '^differs: gpt2-tied batch' "$work/table" && grep -q '^differs: llama-tied ids' "$work/table" &&
  ! grep -q '^differs: bert' "$work/table" && [ $status -eq 1 ] && echo "self test: differences are seen"
