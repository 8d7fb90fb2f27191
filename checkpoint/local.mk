# checkpoint/: the files that a model was saved in; knows base and graph.
include checkpoint/gguf/local.mk

noinst_LTLIBRARIES += libcheckpoint.la
libcheckpoint_la_SOURCES = $(gguf_sources) \
  checkpoint/copy.c \
  checkpoint/foreign.c checkpoint/foreign.h \
  checkpoint/safetensors.c checkpoint/safetensors.h \
  checkpoint/scan.c checkpoint/scan.h \
  checkpoint/shard_index.c checkpoint/shard_index.h \
  checkpoint/weights.c checkpoint/weights.h

unit_tests += \
  tests/unit/test_safetensors \
  tests/unit/test_scan \
  tests/unit/test_weights
