# tests/parity/: models against transformers and published figures, through tfm.h.
parity_tests = tests/parity/test_fixtures tests/parity/test_published
check_PROGRAMS += $(parity_tests)
tests_parity_test_fixtures_SOURCES = tests/parity/test_fixtures.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_fixtures_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
tests_parity_test_published_SOURCES = tests/parity/test_published.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_published_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
