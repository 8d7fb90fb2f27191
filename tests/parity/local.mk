# tests/parity/: models against transformers and published figures, through tfm.h.
parity_tests = tests/parity/test_fixtures tests/parity/test_published
check_PROGRAMS += $(parity_tests)
tests_parity_test_fixtures_SOURCES = tests/parity/test_fixtures.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_fixtures_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
tests_parity_test_published_SOURCES = tests/parity/test_published.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_published_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
# The logits that transformers gives for the checkpoints of models/checkpoints.
parity_tests += tests/parity/test_checkpoints
tests_parity_test_checkpoints_SOURCES = tests/parity/test_checkpoints.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_checkpoints_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
EXTRA_DIST += tests/parity/checkpoints

# The calls that score tokens, against the same logits.
parity_tests += tests/parity/test_score
tests_parity_test_score_SOURCES = tests/parity/test_score.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_score_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)

# Penalties, log probabilities, stop texts and samples; make.py asks transformers again.
parity_tests += tests/parity/test_generation
tests_parity_test_generation_SOURCES = tests/parity/test_generation.c
tests_parity_test_generation_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
EXTRA_DIST += tests/parity/generation/expected.json tests/parity/generation/make.py
parity_tests += tests/parity/test_beams
tests_parity_test_beams_SOURCES = tests/parity/test_beams.c
tests_parity_test_beams_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
EXTRA_DIST += tests/parity/beams/expected.json tests/parity/beams/make.py
parity_tests += tests/parity/test_reading
tests_parity_test_reading_SOURCES = tests/parity/test_reading.c
tests_parity_test_reading_LDADD = libtfm.la

# Texts that are too long, and special tokens in them.
parity_tests += tests/parity/test_truncate
tests_parity_test_truncate_SOURCES = tests/parity/test_truncate.c
tests_parity_test_truncate_LDADD = libtfm.la

# Settings that change the numbers, one a checkpoint.
parity_tests += tests/parity/test_settings
tests_parity_test_settings_SOURCES = tests/parity/test_settings.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_settings_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)

# Groups of tokens, against transformers' pipeline; make.py asks it again.
parity_tests += tests/parity/test_places
tests_parity_test_places_SOURCES = tests/parity/test_places.c tests/parity/heads.h
tests_parity_test_places_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
EXTRA_DIST += tests/parity/places/expected.json tests/parity/places/make.py
# Final answers of every task on random heads, against transformers' pipelines.
parity_tests += tests/parity/test_answers
tests_parity_test_answers_SOURCES = tests/parity/test_answers.c
tests_parity_test_answers_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
EXTRA_DIST += tests/parity/answers/make.py tests/parity/answers/answers.json

# Random batches of rows of unequal length.
parity_tests += tests/parity/test_ragged
tests_parity_test_ragged_SOURCES = tests/parity/test_ragged.c
tests_parity_test_ragged_LDADD = libtfm.la

# Rows of a batch that stop at different times.
parity_tests += tests/parity/test_rows
tests_parity_test_rows_SOURCES = tests/parity/test_rows.c
tests_parity_test_rows_LDADD = libtfm.la

# Sequences that come and go, each with the bits that it has alone; from inside.
parity_tests += tests/parity/test_sequences
tests_parity_test_sequences_SOURCES = tests/parity/test_sequences.c
tests_parity_test_sequences_LDADD = libjoint.la $(rooms) $(rooms_libs) $(LIBM)

# Model files made by a grammar: fused, as written, by the reference kernels.
parity_tests += tests/parity/test_programs
tests_parity_test_programs_SOURCES = tests/parity/test_programs.c tests/parity/programs.c \
  tests/parity/programs.h
tests_parity_test_programs_LDADD = libtfm.la $(LIBM)

# Every family that ships, against transformers; make.py there asks it again.
parity_tests += tests/parity/test_zoo
tests_parity_test_zoo_SOURCES = tests/parity/test_zoo.c tests/parity/tensors.c \
  tests/parity/tensors.h
tests_parity_test_zoo_LDADD = libtfm.la $(JANSSON_LIBS) $(LIBM)
