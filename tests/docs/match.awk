# match.awk - is the second file what the first one says?
#
#     awk -f match.awk expected actual
#
# `...` within a line stands for anything in it; a line that is only `...`, for
# any number of lines.  Blanks at the end of a line do not count.

function trim(s) { sub(/[ \t\r]+$/, "", s); return s }

# The pieces between the dots, in order: the first at the start, the last at the end.
function line_fits(want, got,    piece, count, i, at) {
  count = split(want, piece, /\.\.\./)
  if (count <= 1) return want == got
  if (substr(got, 1, length(piece[1])) != piece[1]) return 0
  got = substr(got, length(piece[1]) + 1)
  for (i = 2; i < count; i++) {
    at = index(got, piece[i])
    if (piece[i] != "" && !at) return 0
    if (piece[i] != "") got = substr(got, at + length(piece[i]))
  }
  at = length(got) - length(piece[count])
  return at >= 0 && substr(got, at + 1) == piece[count]
}

# fits[j]: the lines expected so far can be the first j lines of the actual ones.
FNR == NR { want[++wanted] = trim($0); next }
{ got[++given] = trim($0) }
END {
  fits[0] = 1
  for (i = 1; i <= wanted; i++) {
    for (j = 0; j <= given; j++) next_fits[j] = 0
    if (want[i] == "...") {
      any = 0
      for (j = 0; j <= given; j++) { any = any || fits[j]; next_fits[j] = any }
    } else {
      for (j = 1; j <= given; j++) next_fits[j] = fits[j - 1] && line_fits(want[i], got[j])
    }
    for (j = 0; j <= given; j++) fits[j] = next_fits[j]
  }
  exit !fits[given + 0]
}
