#!/bin/bash
# ops.sh - docs/ops.md is what the schemas of the plugins say: each op with its doc comment
# and its schema.  TFM_GOLDEN=write makes the page anew.
set -u
: "${TFM_SRCDIR:=$PWD}" "${TFM_BUILDDIR:=$TFM_SRCDIR/build}"
: "${TFM_PLUGIN_DIR:=$TFM_BUILDDIR/plugins/.libs}"
page=$TFM_SRCDIR/docs/ops.md
made=$(mktemp) || exit 2
trap 'rm -f "$made"' EXIT

# The schemas of a plugin, each after a line with \2 and the op's name, in the order of the
# names.  A schema is a string: doc comments, then `op NAME(`.
schemas() { # PLUGIN.so
  LC_ALL=C tr '\n\0' '\1\n' <"$1" | LC_ALL=C grep -a "$(printf '\\(^\\|\1\\)op [a-z_0-9]*(')" |
    LC_ALL=C sed "s/^[^#o]*\\(##\\|op \\)/\\1/; s/^\\(.*\\)$(printf '\1')*op \\([a-z_0-9]*\\)(.*/\\2$(printf '\2')&/" |
    LC_ALL=C sort -u | LC_ALL=C sed "s/^\\([a-z_0-9]*\\)$(printf '\2')/$(printf '\2')\\1$(printf '\1')/" |
    LC_ALL=C tr '\1' '\n'
}

# Lines of at most 120 bytes: long ones go on after a comma or a bar, indented.
section() {
  awk '
    function fold(line,   cut) {
      while (length(line) > 120) {
        cut = 120
        while (cut > 40 && substr(line, cut, 2) !~ /[,|;] /) cut--
        print substr(line, 1, cut)
        line = "    " substr(line, cut + 2)
      }
      print line
    }
    function close_op() { if (open) print "```"; open = 0 }
    /^\002/ { close_op(); printf "\n### %s\n", substr($0, 2); next }
    /^## ?/ { sub(/^## ?/, ""); print; next }
    /^$/ { next }
    { if (!open) { print "\n```schema"; open = 1 } fold($0) }
    END { close_op() }'
}

{
  echo '# Ops'
  echo
  echo 'Made of the schemas by `tests/docs/ops.sh`, a plugin after the other. How to read a schema: [plugins.md](plugins.md#the-schema);'
  echo 'what is worth knowing beside it: [language.md](language.md#ops).'
  for so in "$TFM_PLUGIN_DIR"/*.so; do
    name=$(basename "$so" .so)
    summary=$(tr -d '\n' <"$TFM_SRCDIR/plugins/$name/plugin.c" |
      sed -n 's/.*\.summary = *"\(.*\)", *\.license.*/\1/p' | sed 's/" *"//g')
    printf '\n## The plugin `%s`\n%s.\n' "$name" "${summary^}"
    schemas "$so" | section
  done
} >"$made"

if [ "${TFM_GOLDEN:-}" = write ]; then
  cat "$made" >"$page"
fi
[ "$(grep -c '^### ' "$made")" -gt 30 ] || { echo 'few ops were found in the plugins'; exit 1; }
diff "$page" "$made" || { echo 'docs/ops.md (<) is not what the schemas say (>): TFM_GOLDEN=write makes it'; exit 1; }
