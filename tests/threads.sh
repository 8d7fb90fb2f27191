#!/bin/bash
# threads.sh - the tests in which threads share something, under ThreadSanitizer.
#
#     tests/threads.sh       builds in _build/thread (CC says with what)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tests='unit/test_cache unit/test_state parity/test_sequences robust/test_threads robust/test_sessions
  e2e/recurrence.sh'
mkdir -p "$root/_build/thread"
cd "$root/_build/thread"
[ -f Makefile ] || "$root/configure" --quiet CFLAGS='-O1 -g1 -fsanitize=thread' LDFLAGS=-fsanitize=thread
make -s -j"${JOBS:-$(getconf _NPROCESSORS_ONLN)}" all
# The unit tests in one process, in fewer rounds.
make -s -j"${JOBS:-$(getconf _NPROCESSORS_ONLN)}" check CK_FORK=no TFM_VALGRIND=1 VERBOSE=yes \
  TESTS="$(printf 'tests/%s ' $tests)"
