#!/bin/bash
# run.sh - nanoseconds that a step takes for each node, without what the kernels take.
#
#     bench/overhead/run.sh BUILD [BUILD]      one build, or two in turns
#
# A model of one attention and of many nodes whose kernel returns at once is decoded with few
# nodes and with many, few steps and many: the difference of the processor times by that of
# the nodes.  PAIRS=N times (default 7); the median counts.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
few=25 many=1000 steps=${STEPS:-2000} pairs=${PAIRS:-7}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
unset TFM_PLUGIN_DIR TFM_MODEL_PATH
for nodes in $few $many; do
  mkdir "$work/$nodes"
  printf '{"architectures": ["NopLM"], "model_type": "nop", "nodes": %d, "vocab_size": 8}\n' "$nodes" \
    >"$work/$nodes/config.json"
done

# The plugin, by that build's own header.
n=0
for build in "$@"; do
  source=$(sed -n "s/^abs_top_srcdir = //p" "$build/Makefile")
  mkdir "$work/plugins.$n"
  ${CC:-cc} -std=c11 -O2 -fPIC -shared -I"$source/include" -o "$work/plugins.$n/nop.so" "$here/nop.c"
  n=$((n + 1))
done

# processor BUILD PLUGINS NODES STEPS: microseconds of processor time; other work on the machine
# is not in it.
processor() {
  local TIMEFORMAT='%U %S'
  { time "$1/tools/tfmbench" -q --random -t 1 --plugin-dir "$2" --model "$here/nop.tfm" --lengths 1 \
    --decode "$4" --runs 1 "$work/$3" >/dev/null 2>"$work/err"; } 2>&1 | awk '{ printf "%d\n", ($1 + $2) * 1e6 }'
}

# Both differences: of the steps, which leaves loading out, and of the nodes, which leaves the rest
# of a step out.  A run decodes twice, once to warm up.
for ((p = 0; p < pairs; p++)); do
  n=0
  for build in "$@"; do
    for nodes in $few $many; do
      short=$(processor "$build" "$work/plugins.$n" $nodes 100)
      long=$(processor "$build" "$work/plugins.$n" $nodes $((100 + steps)))
      [ $nodes = $few ] && low=$((long - short)) || high=$((long - short))
    done
    echo "$n $(((high - low) * 10000 / (2 * steps * 4 * (many - few))))" >>"$work/times"
    n=$((n + 1))
  done
done
n=0
for build in "$@"; do
  awk -v n=$n '$1 == n { print $2 }' "$work/times" | sort -n |
    awk -v name="$build" '{ v[NR] = $1 / 10 } END { printf "%s: %.1f ns a node (%.1f to %.1f)\n", name, v[int((NR + 1) / 2)], v[1], v[NR] }'
  n=$((n + 1))
done
