# base/: the lowest room; knows libc, jansson and utf8proc only.
noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = \
  base/arena.c base/arena.h \
  base/buffer.c base/buffer.h \
  base/checked.h \
  base/diag.c base/diag.h base/diag_render.c \
  base/dtype.c base/dtype.h base/format.def \
  base/error.c base/error.h \
  base/file.c base/file.h \
  base/guard.c base/guard.h \
  base/half.h \
  base/hash.c base/hash.h \
  base/json.c base/json.h \
  base/json_pull.c base/json_pull.h \
  base/json_span.c base/json_span.h \
  base/json_tree.c base/json_tree.h \
  base/large.c base/large.h \
  base/map.c base/map.h \
  base/place.c base/place.h \
  base/pull.c base/pull.h \
  base/sized.c base/sized.h \
  base/text.c base/text.h \
  base/widen.c base/widen.inc

unit_tests += \
  tests/unit/test_arena \
  tests/unit/test_buffer \
  tests/unit/test_checked \
  tests/unit/test_diag \
  tests/unit/test_dtype \
  tests/unit/test_error \
  tests/unit/test_file \
  tests/unit/test_guard \
  tests/unit/test_json \
  tests/unit/test_json_pull \
  tests/unit/test_map \
  tests/unit/test_sized
