#!/bin/sh
# replay.sh - every input that is kept runs through its target, and so do seeded
# changes of it: nothing crashes, aborts, leaks or hangs.
damage=${DAMAGE:-40}
failed=0
for directory in "$TFM_SRCDIR"/tests/fuzz/corpus/*; do
  target=$(basename "$directory")
  program=$TFM_BUILDDIR/tests/fuzz/fuzz_$target
  [ -x "$program" ] || continue
  printf '%s: ' "$target"
  "$program" -damage="$damage" -runs=0 -timeout=10 "$directory" || {
    echo "not ok: $target"
    failed=1
  }
done
exit $failed
