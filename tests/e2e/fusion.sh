#!/bin/sh
# fusion.sh - a plugin whose op takes the place of others, built with nothing of the tree but
# tfm/plugin.h: the same answers fused and not, and a pattern that makes no sense is refused.
. "$TFM_SRCDIR/tests/e2e/common.sh"
mkdir "$work/acme" "$work/line"
build() { # NAME SOURCE
  ${CC:-cc} -std=c11 -O1 -fPIC -shared -fvisibility=hidden -I"$TFM_SRCDIR/include" \
    -o "$work/$1/$1.so" "$2" -lm || exit 99
  chmod go-w "$work/$1" "$work/$1/$1.so"
}
source=$TFM_SRCDIR/examples/fusion/line.c
build acme "$TFM_SRCDIR/examples/plugin/acme.c"
build line "$source"
capped=$TFM_SRCDIR/examples/plugin/capped.tfm
alone="$plugins --plugin-dir $work/line"
plugins="$plugins --plugin-dir $work/acme"
both="$plugins --plugin-dir $work/line"
weights="--weights $fixtures/gpt2-tied"

# The same, to the bit, with the op, without it, and without its plugin.
for how in "$both" "$both --no-fuse" "$plugins"; do
  expect 0 $tfmrun $how -q "$capped" $weights --input "The model" -n 12 --dump "logits=$work/logits"
  cat "$out" "$work/logits" >"$work/answer"
  [ -f "$work/first" ] || mv "$work/answer" "$work/first"
  [ ! -f "$work/answer" ] || cmp -s "$work/first" "$work/answer" || fail "another answer with $how"
done
expect 0 $tfmc --emit=graph $both "$capped" $weights
grep -q 'line.linear_cap(.*_; cap: 3e+01)' "$out" || fail "line.linear_cap is not used"
# Not where two read what lies between.
sed 's/return logits = .*/y = linear(x, weight: out)\n  return logits = acme.soft_cap(y, cap: 30.0) + y/' \
  "$capped" >"$work/twice.tfm"
expect 0 $tfmc --emit=graph $both "$work/twice.tfm" $weights
grep -q 'line.linear_cap' "$out" && fail "a value that two read has vanished"
# Alone it fuses nothing, and is no hindrance.
expect 0 $tfmc --emit=graph $alone "$models/gpt2.tfm" $weights

# Patterns that make no sense: PATTERN MESSAGE [STATUS]
refuse() {
  sed "s/fuses acme.soft_cap(linear(x; weight, bias); ; cap)/fuses $1/" "$source" >"$work/line.c"
  cmp -s "$source" "$work/line.c" && fail "the schema is no longer what is changed here"
  build line "$work/line.c"
  expect ${3:-6} $tfmc --emit=graph $both "$models/gpt2.tfm" $weights
  has "$2"
  has 'schema of `line.linear_cap`'
  expect 0 $tfmc --emit=graph $both --no-fuse "$models/gpt2.tfm" $weights
}
refuse 'acme.soft_cap(linear(y; weight, bias); ; cap)' '`y` is no input of `line.linear_cap`, and no result named before'
refuse 'acme.soft_cap(linear(x; weights, bias); ; cap)' '`weights` is no weight of `line.linear_cap`'
refuse 'acme.soft_cap(linear(x; weight, linear(x)); ; cap)' 'a weight is named, or `_`'
refuse 'acme.soft_cap(linear(x; weight, bias); ; limit: cap)' '`limit` is no attribute of `soft_cap`'
refuse 'acme.soft_cap(linear(x; weight, bias); ; cap: limit)' '`limit` is no attribute of `line.linear_cap`'
refuse 'acme.soft_cap(linear(x; weight, bias); ; cap: [1])' 'an attribute is named, or a constant'
refuse 'acme.soft_cap(linear(x; weight, bias); ; cap, cap)' '`cap` is there twice'
refuse 'acme.soft_cap(linear(x; weight, bias))' '`soft_cap` has the attribute `cap`: name it'
refuse 'acme.soft_cap(linear(x; weight, bias); ; cap: 1.0)' 'nothing gives `line.linear_cap` its `cap`'
refuse 'acme.soft_cap(linear(x; weight); ; cap)' 'nothing gives `line.linear_cap` its `bias`'
refuse 'acme.soft_cap(linear(x; _, bias); ; cap)' '`linear` needs its weight `weight`'
refuse 'acme.soft_cap(linear(x; weight, bias, bias); ; cap)' '`linear` has 2 weights'
refuse 'acme.soft_cap(linear(x, x; weight, bias); ; cap)' '`linear` has 1 inputs'
refuse 'acme.soft_cap(linear(_; weight, bias); ; cap)' '`linear` needs its input `x`'
refuse 'acme.hard_cap(linear(x; weight, bias); ; cap)' '`line.linear_cap` fuses `acme.hard_cap`, an op that no plugin has'
refuse 'soft_cap(linear(x; weight, bias); ; cap)' '`line.linear_cap` fuses `soft_cap`, an op that no plugin has'
refuse 'acme.soft_cap(x; ; cap), linear(x; weight, bias)' '`line.linear_cap` has 1 results, and what it fuses makes 2'
refuse 'acme.soft_cap(split(x; ; parts: 2); ; cap)' '`split` has any number of results'
refuse 'acme.soft_cap(add_layer_norm(x, x; weight, bias; eps: 0.1); ; cap)' '`add_layer_norm` has 2 results: let it stand alone'
refuse 'linear(x; weight, bias) as x, acme.soft_cap(x; ; cap)' 'the name `x` is there twice'
refuse 'add_layer_norm(x, x; weight, bias; eps: 0.1) as y, acme.soft_cap(y; ; cap)' 'a name for one result'
refuse 'linear(x; weight, bias), causal()' '`causal` reads nothing of what stands before it'
refuse 'acme.soft_cap(linear(x; weight, bias); ; cap' 'expected' 3
refuse 'acme.soft_cap' 'expected' 3
many=x
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do many="scale($many; ; by: 1.0)"; done
refuse "$many" 'an op stands for at most 16 others'
finish
