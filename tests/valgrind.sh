#!/bin/sh
# valgrind.sh LIBTOOL TEST - one unit test under valgrind; a leak or an error
# fails it.  What it printed is in TEST.valgrind.
libtool=$1 test=$2
$libtool --silent --mode=execute valgrind --quiet --leak-check=full \
  --show-leak-kinds=definite,indirect,possible \
  --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99 \
  "./$test" >"$test.valgrind" 2>&1
code=$?
case $code in
0) echo "PASS: $test (valgrind)" ;;
77) echo "SKIP: $test (valgrind)" ;;
*)
  echo "FAIL: $test (valgrind)"
  cat "$test.valgrind"
  exit 1
  ;;
esac
