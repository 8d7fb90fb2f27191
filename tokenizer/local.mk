# tokenizer/: text to ids and back; knows base, and the vocabulary inside a GGUF.
noinst_LTLIBRARIES += libtokenizer.la
libtokenizer_la_SOURCES = \
  tokenizer/added.c tokenizer/added.h \
  tokenizer/bpe.c \
  tokenizer/component.c tokenizer/component.h \
  tokenizer/cutter.c \
  tokenizer/decoder.c tokenizer/decoder.h \
  tokenizer/decoder_stage.h tokenizer/decoder_words.c \
  tokenizer/forms.c \
  tokenizer/gguf.c tokenizer/gguf.h \
  tokenizer/internal.h \
  tokenizer/legacy.c tokenizer/legacy.h \
  tokenizer/legacy_config.c \
  tokenizer/lexicon.c tokenizer/lexicon.h \
  tokenizer/lexicon_split.c \
  tokenizer/lexicon_tree.c tokenizer/lexicon_tree.h \
  tokenizer/limits.c tokenizer/limits.h \
  tokenizer/merges.c tokenizer/merges.h \
  tokenizer/merges_read.c tokenizer/merges_read.h \
  tokenizer/merges_text.c tokenizer/merges_text.h \
  tokenizer/model.c tokenizer/model.h \
  tokenizer/normalizer.c tokenizer/normalizer.h \
  tokenizer/open.c \
  tokenizer/pattern.c tokenizer/pattern.h \
  tokenizer/pattern_search.c tokenizer/pattern_search.h \
  tokenizer/pieces.c tokenizer/pieces.h \
  tokenizer/post_processor.c tokenizer/post_processor.h \
  tokenizer/pre_tokenizer.c tokenizer/pre_tokenizer.h \
  tokenizer/precompiled.c \
  tokenizer/protobuf.c tokenizer/protobuf.h \
  tokenizer/reader.c tokenizer/reader.h \
  tokenizer/rebuild.c tokenizer/rebuild.h tokenizer/rebuild_added.c \
  tokenizer/rebuild_class.c \
  tokenizer/rebuild_roles.c \
  tokenizer/file_types.def \
  tokenizer/roles.c \
  tokenizer/scripts.c tokenizer/scripts.def \
  tokenizer/sentencepiece.c tokenizer/sentencepiece.h \
  tokenizer/sentencepiece_merges.c \
  tokenizer/sentencepiece_parse.c \
  tokenizer/tokenizer.c tokenizer/tokenizer.h \
  tokenizer/translate.c \
  tokenizer/trie.c tokenizer/trie.h \
  tokenizer/unicode.c tokenizer/unicode.h \
  tokenizer/unicode_check.c \
  tokenizer/unicode.def tokenizer/young.def \
  tokenizer/unigram.c \
  tokenizer/vocab_json.c \
  tokenizer/vocab_txt.c \
  tokenizer/vocabulary.c tokenizer/vocabulary.h \
  tokenizer/wordlevel.c \
  tokenizer/wordpiece.c

unit_tests += \
  tests/unit/test_lexicon \
  tests/unit/test_limits \
  tests/unit/test_sentencepiece \
  tests/unit/test_tokenizer \
  tests/unit/test_tokenizer_cost tests/unit/test_tokenizer_places tests/unit/test_tokenizer_refusals \
  tests/unit/test_tokenizer_vectors \
  tests/unit/test_unicode
EXTRA_DIST += tests/unit/tokenizer_dir.h
