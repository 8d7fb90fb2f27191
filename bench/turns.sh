#!/bin/bash
# turns.sh - two builds on the same work, in turns: the ratio of their rates, new by old.
#
#     bench/turns.sh OLD_BUILD NEW_BUILD      random weights of bench/configs, one thread
#
#     PAIRS=N       so many pairs (default 5); the median of their ratios counts
#     THREADS=N     (default 1)
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
pairs=${PAIRS:-5} threads=${THREADS:-1}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
unset TFM_PLUGIN_DIR TFM_MODEL_PATH

# A line each: config, length of the input, new tokens, rows.
rows="bert-base 128 0 1
bert-base 128 0 8
bert-base 512 0 1
gpt2-124m 128 32 1
gpt2-124m 512 0 1
gpt2-124m 16 32 8"

# rates BUILD CONFIG LENGTH TOKENS ROWS: "what rate", a line a figure.
rates() {
  "$1/tools/tfmbench" -q --json --random -t "$threads" --lengths "$3" --decode "$4" --batch "$5" --runs 1 \
    "$here/configs/$2" | grep -o '"what": *"[a-z_ ]*"[^}]*"median": *[0-9.e+-]*' |
    sed 's/"what": *"\([^"]*\)".*"median": *\(.*\)/\1 \2/; s/ \([^ ]*\)$/\t\1/'
}

while read -r config length tokens batch; do
  : >"$work/pairs"
  for ((p = 0; p < pairs; p++)); do
    rates "$1" "$config" "$length" "$tokens" "$batch" >"$work/old"
    rates "$2" "$config" "$length" "$tokens" "$batch" >"$work/new"
    paste "$work/old" "$work/new" >>"$work/pairs"
  done
  cut -f 1 "$work/pairs" | sort -u | while read -r what; do
    awk -F '\t' -v what="$what" '$1 == what { printf "%.4f\t%s\t%s\n", $4 / $2, $2, $4 }' "$work/pairs" | sort -n |
      awk -F '\t' -v name="$config, $length tokens, $batch rows: $what" \
        '{ r[NR] = $1; o[NR] = $2; n[NR] = $3 } END {
          printf "| %s | %.4g | %.4g | %.3f (%.3f to %.3f) |\n", name, o[int((NR + 1) / 2)], n[int((NR + 1) / 2)], r[int((NR + 1) / 2)], r[1], r[NR] }'
  done
done <<<"$rows"
