# tests/: how every test is run.  Unit tests are named in their areas' fragments;
# a script is added with: script_tests += tests/e2e/foo.sh (executable, ends in
# .sh; exit 0 passed, 77 skipped after saying what is missing, else failed).
include tests/parity/local.mk
include tests/differential/local.mk
include tests/fuzz/local.mk
include tests/robust/local.mk

TESTS = $(unit_tests) $(parity_tests) $(robust_tests) $(script_tests)
TEST_EXTENSIONS = .sh
EXTRA_DIST += $(script_tests) tests/e2e/common.sh tests/e2e/mixing.c
noinst_HEADERS += tests/unit/unit.h

script_tests += \
  tests/e2e/embedders.sh tests/e2e/sparse.sh tests/e2e/mixing.sh tests/e2e/fusion.sh tests/e2e/recurrence.sh tests/e2e/session.sh \
  tests/e2e/rerank.sh tests/e2e/translate.sh \
  tests/e2e/broken.sh tests/e2e/completion.sh tests/e2e/errors.sh tests/e2e/usage.sh tests/e2e/settings.sh tests/e2e/gguf.sh tests/e2e/run.sh \
  tests/e2e/tokenize.sh tests/e2e/terminal.sh tests/e2e/lines.sh tests/e2e/mistakes.sh tests/e2e/dump.sh tests/e2e/compare.sh tests/e2e/zoo.sh tests/e2e/inspect.sh tests/e2e/editors.sh tests/e2e/attention.sh tests/e2e/place.sh \
  tests/structure/check-headers.sh \
  tests/structure/check-includes.sh \
  tests/structure/check-names.sh \
  tests/structure/check-symbols.sh

# Where both trees are now, not where they were configured.
AM_TESTS_ENVIRONMENT = \
  TFM_SRCDIR=`cd '$(top_srcdir)' && pwd`; \
  TFM_BUILDDIR=`pwd`; \
  TFM_PLUGIN_DIR="$$TFM_BUILDDIR/plugins/.libs"; \
  TFM_MODEL_PATH="$$TFM_SRCDIR/models"; \
  TFM_SHARED="$${TFM_SHARED:-$$TFM_SRCDIR/../shared}"; \
  TFM_SANITIZERS='$(SANITIZERS)'; CC='$(CC)'; NO_COLOR=1; LC_ALL=C.UTF-8; \
  export TFM_SRCDIR TFM_BUILDDIR TFM_PLUGIN_DIR TFM_MODEL_PATH TFM_SHARED \
    TFM_SANITIZERS CC NO_COLOR LC_ALL;

# Unit tests under valgrind, JOBS at a time; a leak or an error in any of them fails.
check-valgrind: all $(unit_tests)
	@$(AM_TESTS_ENVIRONMENT) CK_FORK=no; TFM_VALGRIND=1; export CK_FORK TFM_VALGRIND; \
	printf '%s\n' $(unit_tests) | \
	  xargs -n 1 -P "$${JOBS:-2}" $(srcdir)/tests/valgrind.sh '$(LIBTOOL)'
EXTRA_DIST += tests/valgrind.sh tests/threads.sh tests/coverage.sh tests/same_bits.sh tests/real_places.py \
  tests/mutate.sh tests/mutations.txt
.PHONY: check-valgrind

mostlyclean-local:
	-rm -f tests/unit/*.valgrind

# The pages: each example of them is run.
# tokenizer_config.json against tokenizer.json
script_tests += tests/e2e/rebuilt.sh tests/e2e/refused.sh tests/e2e/faulty.sh
script_tests += tests/docs/examples.sh tests/docs/config.sh tests/docs/tables.sh tests/docs/embed.sh
script_tests += tests/docs/install.sh tests/docs/self.sh tests/docs/ops.sh
EXTRA_DIST += tests/docs/installed.sh tests/docs/split.awk tests/docs/match.awk \
  tests/docs/around.tfm tests/docs/right.md tests/docs/wrong.md

# The checkpoints that the tests run on, as they are: links included.
EXTRA_DIST += tests/fixtures

# tfmeval against transformers: files to measure on, and what is expected.
script_tests += tests/e2e/eval.sh
EXTRA_DIST += tests/e2e/eval

# Checkpoints: found, checked, refused.
script_tests += tests/e2e/checkpoints.sh

# What can be asked of generation.
script_tests += tests/e2e/generate.sh
