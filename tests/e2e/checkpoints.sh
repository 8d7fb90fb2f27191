#!/bin/sh
# checkpoints.sh - how checkpoints are found, checked and refused.
. "$TFM_SRCDIR/tests/e2e/common.sh"

# copy FIXTURE DIR: a checkpoint of its own, to be broken.
copy() {
  mkdir -p "$2"
  cp -L "$fixtures/$1"/* "$2"
}

# A checkpoint that is cut while tfmrun (all its threads) waits for its second batch: an error
# that names the file, whether a whole page is lost (which would be a SIGBUS)
# or only a few bytes of the last one.
size=$(wc -c <"$fixtures/gpt2-tied/model.safetensors")
for rest in 0 5000 $((size - 1)); do
  copy gpt2-tied "$work/cut"
  mkfifo "$work/pipe"
  "$tfmrun" $plugins -q -t 4 -n 2 "$work/cut" <"$work/pipe" >"$out" 2>"$err" &
  pid=$!
  exec 3>"$work/pipe"
  i=0
  while [ $i -lt 32 ]; do echo "The model"; i=$((i + 1)); done >&3
  i=0
  while [ "$(wc -l <"$out")" -lt 32 ] && [ $i -lt 200 ]; do sleep 0.1; i=$((i + 1)); done
  truncate -s $rest "$work/cut/model.safetensors"
  echo "The model" >&3
  exec 3>&-
  wait $pid
  code=$?
  checks=$((checks + 1))
  [ $code -eq 4 ] || fail "exit $code, not 4, after a cut to $rest bytes"
  has "model.safetensors\` was cut while it was read"
  checks=$((checks + 1))
  [ "$(wc -l <"$out")" -eq 32 ] || fail "something was printed after a cut to $rest bytes"
  rm -rf "$work/pipe" "$work/cut"
done
finish
