/* vocab_txt.c - a token a line: BERT, or one of its relatives.
 *
 * Its normalizer, words and punctuation, WordPiece, [CLS] text [SEP] pair [SEP]. */
#include "tokenizer/legacy.h"

#include "base/file.h"

#include <string.h>

static int add_line(struct legacy *legacy, const char *path, const char *line, size_t length,
                    size_t at) {
  if (length > 0 && line[length - 1] == '\r')
    length--;
  if (at >= READER_VOCABULARY_LIMIT)
    return error_set(legacy->err, TFM_ERROR_TOKENIZER, "%s: more than %d lines", path,
                     READER_VOCABULARY_LIMIT);
  if (length > READER_TOKEN_LIMIT || memchr(line, '\0', length) != NULL)
    return error_set(legacy->err, TFM_ERROR_TOKENIZER,
                     "%s:%zu: a token with a NUL, or longer than %d bytes", path, at + 1,
                     READER_TOKEN_LIMIT);
  if (json_object_getn(legacy->vocab, line, length) != NULL)
    return error_set(legacy->err, TFM_ERROR_TOKENIZER, "%s:%zu: `%.*s` is there twice", path,
                     at + 1, length > 64 ? 64 : (int)length, line);
  if (json_object_setn_new(legacy->vocab, line, length, json_integer((json_int_t)at)) != 0)
    return error_set(legacy->err, TFM_ERROR_TOKENIZER, "%s:%zu: not UTF-8", path, at + 1);
  return 0;
}

static int read_lines(struct legacy *legacy, const char *path) {
  struct file_bytes bytes;
  if (file_read(path, READER_FILE_LIMIT, TFM_ERROR_TOKENIZER, &bytes, legacy->err) != 0)
    return -1;
  legacy->vocab = json_object();
  int status = legacy->vocab == NULL ? error_oom(legacy->err) : 0;
  const char *line = bytes.data, *end = bytes.data + bytes.size;
  for (size_t at = 0; line < end && status == 0; at++) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *stop = newline == NULL ? end : newline;
    status = add_line(legacy, path, line, (size_t)(stop - line), at);
    line = stop + 1;
  }
  file_bytes_finish(&bytes);
  return status;
}

static const struct legacy_role bert_roles[] = {
    {"bos_token", NULL, false},     {"eos_token", NULL, false},    {"unk_token", "[UNK]", false},
    {"sep_token", "[SEP]", false},  {"pad_token", "[PAD]", false}, {"cls_token", "[CLS]", false},
    {"mask_token", "[MASK]", false}};
static const struct legacy_role mpnet_roles[] = {
    {"bos_token", "<s>", false},   {"eos_token", "</s>", false},  {"unk_token", "[UNK]", false},
    {"sep_token", "</s>", false},  {"pad_token", "<pad>", false}, {"cls_token", "<s>", false},
    {"mask_token", "<mask>", true}};
enum { ROLES = sizeof bert_roles / sizeof bert_roles[0] };

/* [CLS] $A [SEP], [CLS] $A [SEP] $B:1 [SEP]:1.  2 and 3: what the reference takes where there is
 * no such token. */
static json_t *bert_ends(const struct legacy *legacy, const char *cls, const char *sep) {
  json_int_t first = cls == NULL ? -1 : legacy_id(legacy, cls);
  json_int_t last = sep == NULL ? -1 : legacy_id(legacy, sep);
  return json_pack("{s:s, s:[s, I], s:[s, I]}", "type", "BertProcessing", "cls",
                   cls == NULL ? "None" : cls, first < 0 ? (json_int_t)2 : first, "sep",
                   sep == NULL ? "None" : sep, last < 0 ? (json_int_t)3 : last);
}

/* MPNet has a second [SEP] between. */
static json_t *mpnet_ends(const struct legacy *legacy, const char *cls, const char *sep) {
  const struct legacy_part single[] = {
      {cls, NULL, 0}, {NULL, "A", 0}, {sep, NULL, 0}, {NULL, NULL, 0}};
  const struct legacy_part pair[] = {{cls, NULL, 0}, {NULL, "A", 0}, {sep, NULL, 0}, {sep, NULL, 0},
                                     {NULL, "B", 1}, {sep, NULL, 1}, {NULL, NULL, 0}};
  return cls == NULL || sep == NULL ? json_null() : legacy_template(legacy, single, pair);
}

int vocab_txt_read(struct legacy *legacy, const char *path, json_t **out) {
  static const enum legacy_family allowed[] = {LEGACY_BERT, LEGACY_MPNET, LEGACY_NONE};
  enum legacy_family family;
  if (legacy_family(legacy, path, LEGACY_BERT, allowed, &family) != 0 ||
      read_lines(legacy, path) != 0)
    return -1;
  return vocab_txt_write(legacy, family, out);
}

int vocab_txt_write(struct legacy *legacy, enum legacy_family family, json_t **out) {
  bool mpnet = family == LEGACY_MPNET;
  if (legacy_add_tokens(legacy, mpnet ? mpnet_roles : bert_roles, ROLES) != 0)
    return -1;
  const char *unk = legacy_spelling(legacy, "unk_token", "[UNK]");
  const char *sep = legacy_spelling(legacy, "sep_token", mpnet ? "</s>" : "[SEP]");
  const char *cls = legacy_spelling(legacy, "cls_token", mpnet ? "<s>" : "[CLS]");
  const json_t *accents = json_object_get(legacy->config, "strip_accents");
  json_t *strip = json_is_boolean(accents) ? json_boolean(json_is_true(accents)) : json_null();
  *out = json_pack(
      "{s:O, s:{s:s, s:b, s:b, s:o, s:b}, s:{s:s}, s:o, s:{s:s, s:s, s:b},"
      " s:{s:s, s:s, s:s, s:i, s:O}}",
      "added_tokens", legacy->added, /* */
      "normalizer", "type", "BertNormalizer", "clean_text", 1, "handle_chinese_chars",
      legacy_flag(legacy, "tokenize_chinese_chars", true) ? 1 : 0, "strip_accents", strip,
      "lowercase", legacy_flag(legacy, "do_lower_case", true) ? 1 : 0,                      /* */
      "pre_tokenizer", "type", "BertPreTokenizer",                                          /* */
      "post_processor", mpnet ? mpnet_ends(legacy, cls, sep) : bert_ends(legacy, cls, sep), /* */
      "decoder", "type", "WordPiece", "prefix", "##", "cleanup",
      legacy_flag(legacy, "clean_up_tokenization_spaces", true) ? 1 : 0, /* */
      "model", "type", "WordPiece", "unk_token", unk == NULL ? "[UNK]" : unk,
      "continuing_subword_prefix", "##", "max_input_chars_per_word", 100, "vocab", legacy->vocab);
  return *out == NULL ? error_oom(legacy->err) : 0;
}
