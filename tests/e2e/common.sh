# common.sh - what the command-line tests share.  Source it first.
#
#   expect CODE COMMAND...     run; the exit status must be CODE.  What it
#                              printed is in $out (stdout) and $err (stderr)
#   has TEXT                   stderr must contain TEXT
#   says TEXT                  stdout must be exactly TEXT and a newline
set -u
tfmrun="$TFM_BUILDDIR/tools/tfmrun"
tfmc="$TFM_BUILDDIR/tools/tfmc"
tfmbench="$TFM_BUILDDIR/tools/tfmbench"
models="$TFM_SRCDIR/models"
fixtures="$TFM_SRCDIR/tests/fixtures"
plugins="--plugin-dir $TFM_PLUGIN_DIR"
work=$(mktemp -d "${TMPDIR:-/tmp}/tfm-e2e.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
out="$work/out" err="$work/err"
failed=0 checks=0

fail() {
  failed=$((failed + 1))
  echo "not ok: $*"
}

expect() {
  want=$1
  shift
  checks=$((checks + 1))
  "$@" >"$out" 2>"$err" </dev/null
  code=$?
  if [ $code -ne "$want" ]; then
    fail "exit $code, expected $want: $*"
    sed 's/^/    /' "$err"
  fi
}

has() {
  checks=$((checks + 1))
  grep -qF -- "$1" "$err" || {
    fail "stderr lacks: $1"
    sed 's/^/    /' "$err"
  }
}

says() {
  checks=$((checks + 1))
  [ "$(cat "$out")" = "$1" ] || {
    fail "stdout is not: $1"
    sed 's/^/    /' "$out"
  }
}

finish() {
  echo "$checks checks, $failed failed"
  [ $failed -eq 0 ]
  exit $?
}
