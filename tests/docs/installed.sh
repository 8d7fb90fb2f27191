# installed.sh - for tests that use tfm as a reader of its pages would: an
# installed copy in $work/tfm, found by pkg-config, and nothing of the build
# tree.  Sourced; makes $work and sets $failed.
: "${TFM_SRCDIR:=$PWD}" "${TFM_BUILDDIR:=$TFM_SRCDIR/build}" "${CC:=cc}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

fail() { # MESSAGE [FILE...]
  failed=1
  printf 'FAIL %s\n' "$1"
  shift
  for file; do sed 's/^/    | /' "$file"; done
}

# A make of its own: not a part of the one that runs the tests.
quiet_make() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make "$@" >"$work/log" 2>&1; }

# In a private prefix, as ./quickstart install does it; sets $prefix.  A tree that was
# configured for a libdir of its own cannot be moved so.
install_tfm() {
  prefix=$work/tfm
  grep -q '^libdir = ${exec_prefix}' "$TFM_BUILDDIR/Makefile" ||
    { echo 'skipped: libdir is not below the prefix'; exit 77; }
  quiet_make -C "$TFM_BUILDDIR" install prefix="$prefix" ||
    { fail 'make install' "$work/log"; exit 1; }
  export PATH=$prefix/bin:$PATH PKG_CONFIG_PATH
  PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name tfm.pc)")
  unset LD_LIBRARY_PATH TFM_PLUGIN_PATH TFM_MODEL_PATH
}

# The installed copy of examples/NAME, built in $work/NAME.
build_example() { # NAME [MAKE-ARGUMENT...]
  local name=$1 flags='-O1 -g -Werror'
  shift
  [ "${TFM_SANITIZERS:-no}" = yes ] && flags="$flags -fsanitize=address,undefined"
  cp -r "$(find "$prefix" -path "*/examples/$name" -type d)" "$work/$name" &&
    chmod -R u+w "$work/$name" && quiet_make -C "$work/$name" CC="$CC" CFLAGS="$flags" "$@" ||
    { fail "examples/$name does not build" "$work/log"; exit 1; }
}
