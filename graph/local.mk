# graph/: the op graph; knows base only.
noinst_LTLIBRARIES += libgraph.la
libgraph_la_SOURCES = \
  graph/attr.c graph/attr.h \
  graph/build.c graph/build.h \
  graph/dim.c graph/dim.h \
  graph/edit.c graph/edit.h \
  graph/emit.c \
  graph/entry.c graph/entry.h \
  graph/graph.c graph/graph.h \
  graph/letters.c graph/letters.h \
  graph/source.c graph/source.def graph/source.h \
  graph/pass/fuse.c graph/pass/fuse.h \
  graph/pass/hoist.c graph/pass/hoist.h \
  graph/pass/live.c graph/pass/live.h \
  graph/task.c graph/task.def graph/task.h \
  graph/text.c \
  graph/text_parse.c graph/text_read.c graph/text_read.h \
  graph/verify.c \
  graph/weight.c graph/weight.def graph/weight.h

unit_tests += \
  tests/unit/test_build \
  tests/unit/test_dim \
  tests/unit/test_fuse \
  tests/unit/test_graph \
  tests/unit/test_input_source \
  tests/unit/test_passes
