# split.awk - cut the fenced blocks out of a page, for examples.sh.
#
#     awk -v out=DIR -f split.awk page.md
#
# Block number n that has something to test becomes
#     DIR/n.info    the line of the fence, without the marks
#     DIR/n.line    its line in the page
#     DIR/n.above   what stands above it, the last line that is not blank
#     DIR/n.body    what it holds
# and, of a console block, each command k, typed after `$ ` and continued after
# `> ` in the lines right below, becomes
#     DIR/n.k.cmd   the command     DIR/n.k.line   its line in the page
#     DIR/n.k.out   what must come out

function base() { return out "/" n }

function finish_command() {
  if (k) { close(cmd); close(expected) }
}

function start_command(text) {
  finish_command()
  k++
  typing = 1
  cmd = base() "." k ".cmd"
  expected = base() "." k ".out"
  print text > cmd
  printf "" > expected
  print FNR > (base() "." k ".line")
  close(base() "." k ".line")
}

!inside && !/^```/ && NF { above = $0 }

/^```/ && !inside {
  inside = 1
  info = substr($0, 4)
  tested = info ~ /^(tfm|json|c|make|text) [^ ]/ || info ~ /^(tfm|console)( |$)/
  if (tested) {
    n++
    k = 0
    printf "" > (base() ".body")
    print info > (base() ".info")
    print FNR > (base() ".line")
    print above > (base() ".above")
    close(base() ".info")
    close(base() ".line")
    close(base() ".above")
  }
  next
}

/^```/ && inside {
  inside = 0
  if (tested) { finish_command(); close(base() ".body") }
  next
}

inside && tested {
  print > (base() ".body")
  if (info !~ /^console/) next
  if (substr($0, 1, 2) == "$ ") start_command(substr($0, 3))
  else if (typing && substr($0, 1, 2) == "> ") print substr($0, 3) > cmd
  else if (k) { print > expected; typing = 0 }
}

END {
  if (inside) {
    printf "%s: a fence that is never closed\n", FILENAME > "/dev/stderr"
    exit 1
  }
}
