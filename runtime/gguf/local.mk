# runtime/gguf/: included by runtime/local.mk, which adds the sources to libruntime.la.
gguf_sources = \
  runtime/gguf/architecture.c runtime/gguf/architecture.h \
  runtime/gguf/config.c runtime/gguf/config.h \
  runtime/gguf/cursor.h \
  runtime/gguf/gguf.c runtime/gguf/gguf.h \
  runtime/gguf/rope.c \
  runtime/gguf/table.c \
  runtime/gguf/type.c runtime/gguf/type.h \
  runtime/gguf/value.c \
  runtime/gguf/view.c runtime/gguf/view.h

unit_tests += tests/unit/test_gguf tests/unit/test_gguf_model
EXTRA_DIST += tests/unit/gguf_build.h tests/unit/gguf_blocks.h tests/unit/gguf_fixture.h
