#!/bin/sh
# config.sh - docs/config.md has every key of the reference's classes, in the
# first column of the part it belongs to, and says what becomes of it.
set -u
keys=$TFM_SRCDIR/tests/fixtures/config/keys.txt
page=$TFM_SRCDIR/docs/config.md
awk -F '\t' -v page="$page" '
  BEGIN {
    while ((getline line < page) > 0) {
      if (line ~ /^## /) { part = substr(line, 4); continue }
      if (line !~ /^\| `/) continue
      split(line, column, "|")
      if (column[3] !~ /obeyed|refused|no effect/) { print "not ok: no word on " column[2]; failed++ }
      count = split(column[2], piece, "`")
      for (i = 2; i <= count; i += 2) has[part, piece[i]] = 1
    }
  }
  { wanted++; if (!(($1, $2) in has)) { print "not ok: `" $2 "` is missing in " $1; failed++ } }
  END { print wanted + 0 " keys, " failed + 0 " failed"; exit failed || !wanted }' "$keys"
