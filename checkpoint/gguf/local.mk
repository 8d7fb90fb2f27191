# checkpoint/gguf/: included by checkpoint/local.mk.
gguf_sources = \
  checkpoint/gguf/architecture.c checkpoint/gguf/architecture.h \
  checkpoint/gguf/config.c checkpoint/gguf/config.h \
  checkpoint/gguf/cursor.h \
  checkpoint/gguf/gguf.c checkpoint/gguf/gguf.h \
  checkpoint/gguf/rope.c \
  checkpoint/gguf/table.c \
  checkpoint/gguf/type.c checkpoint/gguf/type.h \
  checkpoint/gguf/value.c \
  checkpoint/gguf/view.c checkpoint/gguf/view.h

unit_tests += tests/unit/test_gguf tests/unit/test_gguf_model
EXTRA_DIST += tests/unit/gguf_build.h tests/unit/gguf_blocks.h tests/unit/gguf_fixture.h
