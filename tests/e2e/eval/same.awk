# same.awk - are two JSON objects the same, numbers to four digits?
# awk -f same.awk ONE TWO: exits 1 and says where they differ.
function number(text) { return text ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }
function near(a, b, d) {
  if (!number(a) || !number(b))
    return a == b
  a += 0; b += 0
  d = a > b ? a - b : b - a
  return d <= 0.00005 * (b < 0 ? -b : b)
}
{ # cut at punctuation: keys and values one a piece, in order
  gsub(/[ "]/, "")
  gsub(/[{}\[\],:]+/, "\n")
  n[++file] = split($0, piece, "\n")
  for (i = 1; i <= n[file]; i++)
    all[file, i] = piece[i]
}
END {
  if (file != 2 || n[1] < 8 || n[1] != n[2]) {
    print "not two like objects"
    exit 1
  }
  for (i = 1; i <= n[1]; i++)
    if (!near(all[1, i], all[2, i])) {
      print all[1, i - 1] ": " all[1, i] " is not " all[2, i]
      bad = 1
    }
  exit bad
}
