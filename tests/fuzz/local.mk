# Fuzz targets.  Everywhere they are plain programs that replay their corpora
# (replay.c); with --enable-fuzz (and clang) they are libFuzzer's.
fuzz_programs = \
  tests/fuzz/fuzz_compile \
  tests/fuzz/fuzz_config \
  tests/fuzz/fuzz_directory \
  tests/fuzz/fuzz_gguf \
  tests/fuzz/fuzz_ggufvocab \
  tests/fuzz/fuzz_graph \
  tests/fuzz/fuzz_index \
  tests/fuzz/fuzz_merges \
  tests/fuzz/fuzz_parse \
  tests/fuzz/fuzz_parts \
  tests/fuzz/fuzz_programs \
  tests/fuzz/fuzz_safetensors \
  tests/fuzz/fuzz_sentencepiece \
  tests/fuzz/fuzz_text \
  tests/fuzz/fuzz_tokenizer \
  tests/fuzz/fuzz_unpack \
  tests/fuzz/fuzz_vocab

check_LTLIBRARIES = tests/fuzz/libfuzz.la
tests_fuzz_libfuzz_la_SOURCES = \
  tests/fuzz/fuzz.c tests/fuzz/fuzz.h \
  tests/fuzz/mutate.c \
  tests/fuzz/tokenizing.c tests/fuzz/tokenizing.h

if FUZZ
noinst_PROGRAMS += $(fuzz_programs)
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_PROGRAMS += $(fuzz_programs)
fuzz_ldflags = $(AM_LDFLAGS)
fuzz_main = tests/fuzz/replay.c
endif
fuzz_ldadd = tests/fuzz/libfuzz.la $(rooms) $(rooms_libs)

tests_fuzz_fuzz_compile_SOURCES = tests/fuzz/fuzz_compile.c $(fuzz_main)
tests_fuzz_fuzz_compile_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_compile_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(fuzz_main)
tests_fuzz_fuzz_config_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_directory_SOURCES = tests/fuzz/fuzz_directory.c $(fuzz_main)
tests_fuzz_fuzz_directory_LDADD = tests/fuzz/libfuzz.la libtfm.la $(rooms) $(rooms_libs)
tests_fuzz_fuzz_directory_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_graph_SOURCES = tests/fuzz/fuzz_graph.c $(fuzz_main)
tests_fuzz_fuzz_graph_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_graph_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_index_SOURCES = tests/fuzz/fuzz_index.c $(fuzz_main)
tests_fuzz_fuzz_index_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_index_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_merges_SOURCES = tests/fuzz/fuzz_merges.c $(fuzz_main)
tests_fuzz_fuzz_merges_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_merges_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_parse_SOURCES = tests/fuzz/fuzz_parse.c $(fuzz_main)
tests_fuzz_fuzz_parse_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_parse_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_parts_SOURCES = tests/fuzz/fuzz_parts.c $(fuzz_main)
tests_fuzz_fuzz_parts_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_parts_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_programs_SOURCES = tests/fuzz/fuzz_programs.c tests/parity/programs.c \
  tests/parity/programs.h $(fuzz_main)
tests_fuzz_fuzz_programs_LDADD = tests/fuzz/libfuzz.la libtfm.la $(rooms) $(rooms_libs)
tests_fuzz_fuzz_programs_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_ggufvocab_SOURCES = tests/fuzz/fuzz_ggufvocab.c $(fuzz_main)
tests_fuzz_fuzz_ggufvocab_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_ggufvocab_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_safetensors_SOURCES = tests/fuzz/fuzz_safetensors.c $(fuzz_main)
tests_fuzz_fuzz_safetensors_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_safetensors_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_text_SOURCES = tests/fuzz/fuzz_text.c $(fuzz_main)
tests_fuzz_fuzz_text_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_text_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_tokenizer_SOURCES = tests/fuzz/fuzz_tokenizer.c $(fuzz_main)
tests_fuzz_fuzz_tokenizer_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_tokenizer_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_unpack_SOURCES = tests/fuzz/fuzz_unpack.c $(fuzz_main)
tests_fuzz_fuzz_unpack_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_unpack_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_vocab_SOURCES = tests/fuzz/fuzz_vocab.c $(fuzz_main)
tests_fuzz_fuzz_vocab_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_vocab_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_gguf_SOURCES = tests/fuzz/fuzz_gguf.c $(fuzz_main)
tests_fuzz_fuzz_gguf_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_gguf_LDFLAGS = $(fuzz_ldflags)

tests_fuzz_fuzz_sentencepiece_SOURCES = tests/fuzz/fuzz_sentencepiece.c $(fuzz_main)
tests_fuzz_fuzz_sentencepiece_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_sentencepiece_LDFLAGS = $(fuzz_ldflags)

script_tests += tests/fuzz/replay.sh
EXTRA_DIST += tests/fuzz/README.md tests/fuzz/run.sh tests/fuzz/keep.sh tests/fuzz/config-sizes.tfm tests/fuzz/config-objects.tfm tests/fuzz/corpus \
  tests/fuzz/replay.c
