# tests/: how every test is run.  Unit tests are named in their areas' fragments;
# a script is added with: script_tests += tests/e2e/foo.sh (executable, ends in
# .sh; exit 0 passed, 77 skipped after saying what is missing, else failed).
include tests/parity/local.mk

TESTS = $(unit_tests) $(parity_tests) $(script_tests)
TEST_EXTENSIONS = .sh
EXTRA_DIST += $(script_tests) tests/e2e/common.sh
noinst_HEADERS += tests/unit/unit.h

script_tests += \
  tests/e2e/errors.sh tests/e2e/run.sh \
  tests/structure/check-headers.sh \
  tests/structure/check-includes.sh \
  tests/structure/check-symbols.sh

AM_TESTS_ENVIRONMENT = \
  TFM_SRCDIR='$(abs_top_srcdir)'; \
  TFM_BUILDDIR='$(abs_top_builddir)'; \
  TFM_PLUGIN_DIR='$(abs_top_builddir)/plugins/.libs'; \
  TFM_MODEL_PATH='$(abs_top_srcdir)/models'; \
  TFM_SHARED="$${TFM_SHARED:-$(abs_top_srcdir)/../shared}"; \
  TFM_SANITIZERS='$(SANITIZERS)'; CC='$(CC)'; NO_COLOR=1; LC_ALL=C.UTF-8; \
  export TFM_SRCDIR TFM_BUILDDIR TFM_PLUGIN_DIR TFM_MODEL_PATH TFM_SHARED \
    TFM_SANITIZERS CC NO_COLOR LC_ALL;

# Unit tests under valgrind; a leak or an error in any of them fails.
VALGRIND_FLAGS = --quiet --leak-check=full --show-leak-kinds=definite,indirect,possible \
  --errors-for-leak-kinds=definite,indirect,possible --error-exitcode=99
check-valgrind: all $(unit_tests)
	@$(AM_TESTS_ENVIRONMENT) CK_FORK=no; TFM_VALGRIND=1; export CK_FORK TFM_VALGRIND; failed=0; \
	for t in $(unit_tests); do \
	  $(LIBTOOL) --silent --mode=execute valgrind $(VALGRIND_FLAGS) ./$$t >$$t.valgrind 2>&1; \
	  rc=$$?; \
	  if test $$rc -eq 0; then echo "PASS: $$t (valgrind)"; \
	  elif test $$rc -eq 77; then echo "SKIP: $$t (valgrind)"; \
	  else echo "FAIL: $$t (valgrind)"; cat $$t.valgrind; failed=1; fi; \
	done; exit $$failed
.PHONY: check-valgrind

mostlyclean-local:
	-rm -f tests/unit/*.valgrind

# The pages: each example of them is run.
script_tests += tests/docs/examples.sh tests/docs/tables.sh tests/docs/embed.sh tests/docs/self.sh
EXTRA_DIST += tests/docs/installed.sh tests/docs/split.awk tests/docs/match.awk \
  tests/docs/around.tfm tests/docs/right.md tests/docs/wrong.md
