#!/bin/bash
# install.sh - an installed copy in a private prefix: its programs need nothing exported,
# also after it was moved; its pages lead nowhere that is not there; it can be taken away.
set -u
. "${TFM_SRCDIR:-$PWD}/tests/docs/installed.sh"
install_tfm
cd / || exit 2
run() { env -i HOME="$work/home" LC_ALL=C.UTF-8 "$@"; }
answer=' 좋아하게 된 영화'

[ "$(run "$prefix/bin/tfmrun" -q gpt2.tfm --input '나는 딥러닝을' 2>"$work/err")" = "$answer" ] ||
  fail 'an installed tfmrun' "$work/err"
run "$prefix/bin/tfmc" check "$TFM_SRCDIR/models/bert.tfm" >"$work/err" 2>&1 || fail 'an installed tfmc' "$work/err"
# A variable of tfm.pc; a blank stands there escaped.
place_of() { # PREFIX NAME
  realpath -m "$(PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config --variable="$2" tfm | sed 's/\\ / /g')"
}
check_places() { # PREFIX
  local name
  for name in plugindir:lib/tfm/plugins modeldir:share/tfm/models includedir:include libdir:lib; do
    [ "$(place_of "$1" "${name%:*}")" = "$1/${name#*:}" ] ||
      fail "${name%:*} of tfm.pc in $1: $(place_of "$1" "${name%:*}")"
  done
}
check_places "$prefix"

# links of the pages
pages=0
while read -r page; do
  pages=$((pages + 1))
  while read -r target; do
    [ -e "$(dirname "$page")/$target" ] || fail "${page#"$prefix"}: a link to $target, which is not there"
  done < <(sed 's/](/\n](/g' "$page" | sed -n 's/^](\([^):#][^):#]*\)[#)].*/\1/p')
done < <(find "$prefix/share/doc" -name '*.md')
[ $pages -ge "$(($(ls "$TFM_SRCDIR"/docs/*.md | wc -l) + 3))" ] || fail "only $pages pages are installed"
grep -q '](docs/design.md)' "$prefix"/share/doc/tfm/README.md || fail 'a link of README.md is gone'

# moved, and a program from its library alone
mv "$prefix" "$work/other place"
[ "$(run "$work/other place/bin/tfmrun" -q gpt2.tfm --input '나는 딥러닝을' 2>"$work/err")" = "$answer" ] ||
  fail 'a moved prefix' "$work/err"
check_places "$work/other place"
ln -s "$work/other place/bin/tfmrun" "$work/link"
[ "$(run "$work/link" -q gpt2.tfm --input '나는 딥러닝을' 2>"$work/err")" = "$answer" ] ||
  fail 'a link to a moved program' "$work/err"
rm -rf "$work/other place/lib/tfm"
run "$work/other place/bin/tfmrun" -q gpt2.tfm --input x >"$work/err" 2>&1
[ $? -eq 6 ] || fail 'no plugins' "$work/err"
grep -q 'plugins that come with tfm are not found' "$work/err" && grep -q 'TFM_PLUGIN_PATH' "$work/err" ||
  fail 'no plugins, and not what to type' "$work/err"
exit $failed
