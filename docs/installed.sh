#!/bin/sh
# installed.sh DOCDIR TFM.PC NAME=VALUE... - what make install leaves to be put right:
#
#   the places in tfm.pc are those of this installation, which may have been given as
#   `make install prefix=...`, and in a prefix of one's own lie beside the file, so that it may be
#   moved (of /usr and /usr/local pkg-config leaves out what compilers look at anyway, by name);
#   a link of a page to what is not installed is its text alone.
set -e
docdir=$1 pc=$2
shift 2

for place; do
  sed "s|^${place%%=*}=.*|$place|" "$pc" >"$pc.new"
  mv "$pc.new" "$pc"
done

value() { sed -n "s/^$1=//p" "$pc"; }
prefix=$(value prefix) libdir=$(value libdir)
case $prefix/ in
/ | /usr/*) ;;
*)
  case $libdir/ in
  "$prefix"/*)
    up=$(printf '%s/pkgconfig' "${libdir#"$prefix"/}" | sed 's|[^/][^/]*|..|g')
    sed -e "s|=$prefix/|=\${prefix}/|" -e "s|=$prefix\$|=\${prefix}|" \
      -e "s|^prefix=.*|prefix=\${pcfiledir}/$up|" "$pc" >"$pc.new"
    mv "$pc.new" "$pc"
    ;;
  esac
  ;;
esac
chmod 644 "$pc"

find "$docdir" -name '*.md' | while read -r page; do
  # ](target) or ](target#section), but not ](https://...) or ](#section)
  sed -n 's/](/\n&/g; p' "$page" | sed -n 's/^](\([^):# ][^):# ]*\)[#)].*/\1/p' | sort -u |
    while read -r target; do
      [ -e "$(dirname "$page")/$target" ] && continue
      name=$(printf '%s' "$target" | sed 's/[.[*^$]/\\&/g')
      sed "s|!\{0,1\}\[\([^]]*\)\]($name\(#[^)]*\)\{0,1\})|\1|g" "$page" >"$page.new"
      mv "$page.new" "$page"
      chmod 644 "$page"
    done
done
