#!/bin/bash
# bombs.sh - small model files that would take minutes or gigabytes if something
# in them were counted once less than it is done: each compiles, or ends in an
# error with a number, within seconds of processor time and a bounded memory.
# What counts is a budget of steps and bytes (E604 to E607); the limits here
# are only so that a bomb that goes off ends the test.
. "$TFM_SRCDIR/tests/e2e/common.sh"
peak="$work/peak"
sanitizers=${TFM_SANITIZERS:-no}
[ "$sanitizers" != no ] || sanitizers=
seconds=${sanitizers:+60}
seconds=${seconds:-8}
if [ -z "$sanitizers" ]; then
  ${CC:-cc} -O1 -o "$peak" "$TFM_SRCDIR/tests/robust/peak.c" || exit 99
fi

head='tfm 1
model m for "gpt2"
dim B, T
input ids: i32[B, T] = tokens.ids
input real: bool[B, T] = tokens.mask
weights { ignore "*" }'
end='head h(x): embed { return vector = select(x, axis: 1, index: 0) }'
# times N TEXT: TEXT N times, with # the number and % the one before
times() {
  local n text
  for ((n = 1; n <= $1; n++)); do
    text=${2//'#'/$n}
    printf '%s\n' "${text//'%'/$((n - 1))}"
  done
}
# lines N TEXT: TEXT, of one line, N times with # the number: for many
lines() { seq "$1" | sed "s~.*~$(printf '%s' "$2" | sed 's/#/\&/g')~"; }
# many N TEXT SEPARATOR: on one line
many() { lines "$1" "$2" | sed "\$!s~\$~$3~" | tr -d '\n'; }
# graph STATEMENTS [WEIGHT]
graph() { printf 'graph encode {\n  x = embedding(ids, weight: %s)\n%s\n  return x\n}\n' "${2:-@wte.weight}" "$1"; }

# bomb NAME CODES: stdin is what follows the head of the file; CODES are the errors,
# of which it must be one, or 0.  It is the end of a pipe, so what fails goes to a file.
touch "$work/tried" "$work/wrong"
bomb() {
  local first
  { echo "$head"; cat; echo "$end"; } >"$work/$1.tfm"
  echo "$1" >>"$work/tried"
  (
    ulimit -t "$seconds"
    [ -n "$sanitizers" ] || ulimit -v 300000
    "$tfmc" check $plugins "$work/$1.tfm" --weights "$fixtures/gpt2-tied"
  ) >"$out" 2>"$err"
  code=$?
  first=$(sed -n '/^error/{s/^error\[\(E[0-9]*\)\].*/\1/p;q;}' "$err")
  [ $code -ne 0 ] || first=0
  case " $2 " in
  *" ${first:-none} "*) ;;
  *) echo "$1: exit $code, not $2: $(head -c 300 "$err")" >>"$work/wrong" ;;
  esac
}

# blocks: each calls the one before twice, thrice, in its defaults, with a scope
{ echo 'block b0(x: [B, T, _]) { return x + x }'
  times 15 'block b#(x: [B, T, _]) {
  x = b%(x)
  x = b%(x)
  return x
}'
  graph '  x = b15(x)' | sed 's/embedding(ids, weight: @wte.weight)/embedding(ids) @w/'; } | bomb blocks "E401"
{ echo 'block b0(x) { return x }'; times 14 'block b#(x) { return b%(b%(b%(b%(x)))) }'; graph '  x = b14(x)'; } | bomb calls "E605 E607"
{ echo 'block b0(x, y = 1) { return x }'
  times 14 'block b#(x, y = b%(1), z = b%(1), w = b%(1)) { return y }'; graph '  y = b14(1)'; } | bomb defaults "E605 E607"
{ echo 'block b0(x) { return x + linear(x) @q }'
  times 14 "block b#(x) { return b%(x) @$(many 4000 a '') }"; graph '  repeat 1024 as i { x = b14(x) @z }'; } | bomb scopes "E221"
{ echo 'block b0(x) { return linear(x) @q }'; times 14 'block b#(x) { return b%(b%(b%(x))) }'
  graph '  x = if true then x else b14(x)'; } | bomb untaken "E604"
graph "  repeat 1024 as i { repeat 60 as j { y = linear(x) @$(many 60 "$(many 60 a '')" .).{i}.{j} } }" | bomb paths "E607"
# masks, lists, locals, results
graph "  m = causal()
$(times 50 '  m = m & m')
  h = reshape(x, shape: [B, T, 2, _])
  x = attention(h, h, h, mask: m)" | bomb masks "E312"
{ echo 'param a0 = [1, 2]'; times 23 'param a# = [a%, a%]'; graph ''
  echo 'head l(x): classify(labels: a23) for "GPT2LMHeadModel" { return logits = select(x, axis: 1, index: 0) }'; } | bomb lists "E607"
{ echo "block f(x, l) { return x }"
  graph "  repeat 1024 as i { repeat 1024 as j { x = f(x, [$(many 20000 1 ', ')]) } }"; } | bomb literals "E605 E607"
{ echo "block t(x) { return $(many 30000 x ', ') }"
  graph "  repeat 1024 as i { $(many 30000 'a#' ', ') = t(x) }"; } | bomb tuples "E605"
graph "$(lines 30000 '  y# = 1')" | bomb locals "0 E605"
{ lines 8000 'input p#: i32[B, T] = tokens.positions'; graph "$(lines 8000 '  x = x + embedding(p#) @wpe')"; } | bomb inputs "0"
{ lines 12000 'head g#(x): embed { return vector = x }'; graph ''; } | bomb heads "E215"
# arguments and parameters
graph "  repeat 1024 as i { repeat 1024 as j { x = linear($(many 50000 x ', ')) } }" | bomb arguments "E205"
{ echo "block t($(many 15000 'x# = 1' ', ')) { return x1 }"
  graph "  y = t($(many 15000 'x#: 1' ', '))"; } | bomb parameters "0 E605"
# weights: taken twice at each level, by name and by local; deep; wide; seen through
{ echo 'weight w0: [296, 24] = @wte.weight'
  times 60 'weight w#: [_, 24] = concat(w%, w%, axis: 0)'; graph '' w60; } | bomb weights "E406"
for step in 'concat(w, w, axis: 0)' 'w ?? w' 'transpose(transpose(w))' 'concat(stack(w, w), stack(w, w), axis: 0)'; do
  printf 'graph encode {\n  w = @wte.weight\n%s\n  x = embedding(ids, weight: w)\n  return x\n}\n' \
    "$(lines 60 "  w = $step")" | bomb locals-of-weights "0 E406"
done
printf 'graph encode {\n  w = @wte.weight\n  repeat 1024 as i { repeat 32 as j { w = transpose(w) } }\n  x = embedding(ids, weight: w)\n  return x\n}\n' | bomb views "E605"
{ echo "weight w: [_, 24] = concat($(many 20000 @wte.weight ', '), axis: 0)"; graph '' w; } | bomb concat "0"
{ echo 'weights {'; lines 250 "  ignore \"$(many 1900 '*a' '')#\""; echo '}'; graph ''; } | bomb globs "0 E605"
# params of params, and messages of them; as many errors as a file can have
{ echo 'param p0 = config.n_embd'; lines 30000 'param p# = p0'; echo; times 300 'param q# = p#'; graph '  y: [B, T, p300 + 1] = x'; } | bomb origins "E301"
graph "$(lines 40000 '  y# = z#')" | bomb errors "E202"
{ lines 4000 "param $(many 240 x '')# = 1"; lines 64 "param q# = y$(many 240 x '')#"; graph ''; } | bomb nearest "E202"
graph "  repeat 1024 as i { repeat 1024 as j { assert 1 == 2, \"$(many 4000 x '')\"
} }" | bomb asserts "E211"
{ times 200 "param q# = $(many 200 1 ' + ')"; graph ''; } | bomb sums "0"

checks=$((checks + $(wc -l <"$work/tried")))
while read -r line; do fail "$line"; done <"$work/wrong"

# A chain of parts is put together once: not each beginning of it as well.
if [ -z "$sanitizers" ]; then
  { printf '%s\n' 'tfm 1' 'model m for "gpt2"' 'dim B, T' 'input ids: i32[B, T] = tokens.ids' \
      'weights { ignore "*" }' 'weight w0 = @wte.weight'
    times 60 'weight w# = concat(w%, @wte.weight, axis: 0)'
    graph '' w60; echo "$end"; } >"$work/chain.tfm"
  for file in chain one; do
    [ $file = chain ] || { graph '' ; } | { sed -n 1,5p "$work/chain.tfm"; cat; echo "$end"; } >"$work/one.tfm"
    checks=$((checks + 1))
    "$peak" "$work/$file.kib" "$tfmrun" -q $plugins "$work/$file.tfm" --weights "$fixtures/gpt2-tied" \
      --ids 1,2,3 >"$work/$file.out" 2>"$err" || fail "$file: $(cat "$err")"
  done
  cmp -s "$work/chain.out" "$work/one.out" || fail "a chain of concat gives other values"
  # 61 tables of 28 KiB are 1.7 MiB; all beginnings of them, 53 MiB
  more=$(($(cat "$work/chain.kib") - $(cat "$work/one.kib")))
  [ $more -lt 16384 ] || fail "a chain of concat takes $more KiB more than its first part"
  { sed -n 1,5p "$work/chain.tfm"; echo 'weight w0: [296, 24] = @wte.weight'
    times 20 'weight w# = concat(w%, w%, axis: 0)'; graph '' w20; echo "$end"; } >"$work/huge.tfm"
  expect 7 "$tfmrun" -q $plugins "$work/huge.tfm" --weights "$fixtures/gpt2-tied" --ids 1,2,3
  has "is put together to more than the checkpoint holds"
fi
finish
