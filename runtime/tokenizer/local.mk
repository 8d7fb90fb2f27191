# runtime/tokenizer/: included by runtime/local.mk, which adds the sources to libruntime.la.
tokenizer_sources = \
  runtime/tokenizer/added.c runtime/tokenizer/added.h \
  runtime/tokenizer/bpe.c \
  runtime/tokenizer/cutter.c \
  runtime/tokenizer/decoder.c runtime/tokenizer/decoder.h \
  runtime/tokenizer/decoder_stage.h runtime/tokenizer/decoder_words.c \
  runtime/tokenizer/forms.c \
  runtime/tokenizer/gguf.c runtime/tokenizer/gguf.h \
  runtime/tokenizer/internal.h \
  runtime/tokenizer/legacy.c runtime/tokenizer/legacy.h \
  runtime/tokenizer/legacy_config.c \
  runtime/tokenizer/lexicon.c runtime/tokenizer/lexicon.h \
  runtime/tokenizer/lexicon_split.c \
  runtime/tokenizer/lexicon_tree.c runtime/tokenizer/lexicon_tree.h \
  runtime/tokenizer/limits.c runtime/tokenizer/limits.h \
  runtime/tokenizer/merges.c runtime/tokenizer/merges.h \
  runtime/tokenizer/merges_read.c runtime/tokenizer/merges_read.h \
  runtime/tokenizer/merges_text.c runtime/tokenizer/merges_text.h \
  runtime/tokenizer/model.c runtime/tokenizer/model.h \
  runtime/tokenizer/normalizer.c runtime/tokenizer/normalizer.h \
  runtime/tokenizer/open.c \
  runtime/tokenizer/pattern.c runtime/tokenizer/pattern.h \
  runtime/tokenizer/pattern_search.c runtime/tokenizer/pattern_search.h \
  runtime/tokenizer/pieces.c runtime/tokenizer/pieces.h \
  runtime/tokenizer/post_processor.c runtime/tokenizer/post_processor.h \
  runtime/tokenizer/pre_tokenizer.c runtime/tokenizer/pre_tokenizer.h \
  runtime/tokenizer/precompiled.c \
  runtime/tokenizer/protobuf.c runtime/tokenizer/protobuf.h \
  runtime/tokenizer/reader.c runtime/tokenizer/reader.h \
  runtime/tokenizer/rebuild.c runtime/tokenizer/rebuild.h runtime/tokenizer/rebuild_added.c \
  runtime/tokenizer/rebuild_class.c \
  runtime/tokenizer/rebuild_roles.c \
  runtime/tokenizer/file_types.def \
  runtime/tokenizer/roles.c \
  runtime/tokenizer/scripts.c runtime/tokenizer/scripts.def \
  runtime/tokenizer/sentencepiece.c runtime/tokenizer/sentencepiece.h \
  runtime/tokenizer/sentencepiece_merges.c \
  runtime/tokenizer/sentencepiece_parse.c \
  runtime/tokenizer/tokenizer.c runtime/tokenizer/tokenizer.h \
  runtime/tokenizer/translate.c \
  runtime/tokenizer/trie.c runtime/tokenizer/trie.h \
  runtime/tokenizer/unicode.c runtime/tokenizer/unicode.h \
  runtime/tokenizer/unicode_check.c \
  runtime/tokenizer/unicode.def runtime/tokenizer/young.def \
  runtime/tokenizer/unigram.c \
  runtime/tokenizer/vocab_json.c \
  runtime/tokenizer/vocab_txt.c \
  runtime/tokenizer/vocabulary.c runtime/tokenizer/vocabulary.h \
  runtime/tokenizer/wordlevel.c \
  runtime/tokenizer/wordpiece.c

unit_tests += \
  tests/unit/test_lexicon \
  tests/unit/test_limits \
  tests/unit/test_sentencepiece \
  tests/unit/test_tokenizer \
  tests/unit/test_tokenizer_cost tests/unit/test_tokenizer_places tests/unit/test_tokenizer_refusals \
  tests/unit/test_tokenizer_vectors \
  tests/unit/test_unicode
EXTRA_DIST += tests/unit/tokenizer_dir.h
