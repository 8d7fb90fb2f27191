# runtime/: from a graph and a checkpoint to logits; knows base and graph.
include runtime/gemm/local.mk
include runtime/gguf/local.mk
include runtime/tokenizer/local.mk

noinst_LTLIBRARIES += libruntime.la
libruntime_la_SOURCES = $(gemm_sources) $(gguf_sources) $(tokenizer_sources) \
  runtime/binding.c runtime/binding.h runtime/binding_private.h \
  runtime/choose.c \
  runtime/cpu.c runtime/cpu.h \
  runtime/elf.c runtime/elf.h \
  runtime/exec.c runtime/exec.h \
  runtime/feed.c \
  runtime/foreign.c runtime/foreign.h \
  runtime/host.c runtime/host.h \
  runtime/init.c \
  runtime/inputs.c \
  runtime/join.c \
  runtime/load.c \
  runtime/note.c runtime/note.h \
  runtime/penalty.c runtime/penalty.h \
  runtime/package.c \
  runtime/plan.c runtime/plan.h runtime/plan_print.c \
  runtime/pool.c runtime/pool.h \
  runtime/program.c runtime/program.h \
  runtime/random.h \
  runtime/registry.c runtime/registry.h runtime/registry_private.h \
  runtime/safetensors.c runtime/safetensors.h \
  runtime/sample.c runtime/sample.h \
  runtime/scan.c runtime/scan.h \
  runtime/session.c runtime/session.h runtime/session_private.h \
  runtime/shard_index.c runtime/shard_index.h \
  runtime/state.c \
  runtime/view.c runtime/view.h \
  runtime/weights.c runtime/weights.h

unit_tests += \
  tests/unit/test_decode \
  tests/unit/test_exec \
  tests/unit/test_plan \
  tests/unit/test_registry \
  tests/unit/test_safetensors \
  tests/unit/test_sample \
  tests/unit/test_scan \
  tests/unit/test_session \
  tests/unit/test_weights
EXTRA_DIST += tests/unit/runtime.h tests/unit/runtime_ops.h
