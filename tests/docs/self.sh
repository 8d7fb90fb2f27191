#!/bin/bash
# self.sh - the test of the pages can fail: one page whose examples all hold,
# and one in which no example is what it says.
set -u
: "${TFM_SRCDIR:=$PWD}"
examples=$TFM_SRCDIR/tests/docs/examples.sh

log=$("$examples" tests/docs/right.md)
status=$?
if [ $status -ne 0 ] || [ "${log##*$'\n'}" != '7 examples, 0 failed, 1 skipped' ]; then
  printf 'the right page does not pass:\n%s\n' "$log"
  exit 1
fi
log=$("$examples" tests/docs/wrong.md)
status=$?
if [ $status -eq 0 ] || [ "${log##*$'\n'}" != '13 examples, 13 failed, 0 skipped' ]; then
  printf 'the wrong page must fail in each of its examples but the `exit`, and in its name:\n%s\n' "$log"
  exit 1
fi
