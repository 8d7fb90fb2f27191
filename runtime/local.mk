# runtime/: from a graph and a checkpoint to logits; knows base, graph and checkpoint.
include runtime/gemm/local.mk

noinst_LTLIBRARIES += libruntime.la
libruntime_la_SOURCES = $(gemm_sources) \
  runtime/accept.c runtime/accept.h \
  runtime/binding.c runtime/binding.h runtime/binding_private.h runtime/computed.c \
  runtime/cache.c runtime/cache.h \
  runtime/choose.c \
  runtime/cpu.c runtime/cpu.h \
  runtime/device.c runtime/device.h \
  runtime/elf.c runtime/elf.h runtime/elf_private.h \
  runtime/elf_relocate.c runtime/elf_symbols.c \
  runtime/apart.c \
  runtime/exec.c runtime/exec.h runtime/exec_private.h \
  runtime/feed.c \
  runtime/fit.c \
  runtime/host.c runtime/host.h \
  runtime/image.c \
  runtime/init.c \
  runtime/inputs.c \
  runtime/join.c \
  runtime/kept.c \
  runtime/load.c \
  runtime/note.c runtime/note.h \
  runtime/penalty.c runtime/penalty.h \
  runtime/package.c \
  runtime/padding.c \
  runtime/plan.c runtime/plan.h runtime/plan_print.c \
  runtime/pool.c runtime/pool.h \
  runtime/program.c runtime/program.h \
  runtime/ragged.c runtime/ragged.h \
  runtime/random.h \
  runtime/registry.c runtime/registry.h runtime/registry_private.h \
  runtime/sample.c runtime/sample.h \
  runtime/source.c runtime/source.h \
  runtime/sequence.c runtime/sequence.h \
  runtime/session.c runtime/session.h runtime/session_private.h \
  runtime/show.c \
  runtime/snapshot.c runtime/snapshot.h \
  runtime/state.c \
  runtime/view.c runtime/view.h

unit_tests += \
  tests/unit/test_allocations \
  tests/unit/test_cache \
  tests/unit/test_decode \
  tests/unit/test_device \
  tests/unit/test_exec \
  tests/unit/test_formats \
  tests/unit/test_plan \
  tests/unit/test_ragged \
  tests/unit/test_registry \
  tests/unit/test_sample \
  tests/unit/test_session \
  tests/unit/test_state
EXTRA_DIST += tests/unit/runtime.h tests/unit/runtime_ops.h tests/unit/steps.h
tests_unit_test_allocations_LDFLAGS = $(AM_LDFLAGS) \
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=posix_memalign
