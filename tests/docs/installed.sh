# installed.sh - for tests that use tfm as a reader of its pages would: an
# installed copy in $work/root, found by pkg-config, and nothing of the build
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

install_tfm() { # sets $installed, the plugins' directory
  quiet_make -C "$TFM_BUILDDIR" install DESTDIR="$work/root" ||
    { fail 'make install' "$work/log"; exit 1; }
  local pc
  pc=$(find "$work/root" -name tfm.pc)
  export PKG_CONFIG_PATH=${pc%/tfm.pc} PKG_CONFIG_SYSROOT_DIR=$work/root
  export LD_LIBRARY_PATH=${pc%/pkgconfig/tfm.pc}
  installed=$(find "$work/root" -path '*/tfm/plugins' -type d)
  TFM_MODEL_PATH=$(find "$work/root" -path '*/tfm/models' -type d)
  export TFM_PLUGIN_PATH=$installed TFM_MODEL_PATH
}

# The installed copy of examples/NAME, built in $work/NAME.
build_example() { # NAME [MAKE-ARGUMENT...]
  local name=$1 flags='-O1 -g -Werror'
  shift
  [ "${TFM_SANITIZERS:-no}" = yes ] && flags="$flags -fsanitize=address,undefined"
  cp -r "$(find "$work/root" -path "*/examples/$name" -type d)" "$work/$name" &&
    chmod -R u+w "$work/$name" && quiet_make -C "$work/$name" CC="$CC" CFLAGS="$flags" "$@" ||
    { fail "examples/$name does not build" "$work/log"; exit 1; }
}
