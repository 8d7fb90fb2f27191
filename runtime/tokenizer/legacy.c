/* legacy.c - the tokenizer.json that older files stand for.
 *
 *     vocab.txt                        BERT: its normalizer, words and punctuation,
 *                                      WordPiece, [CLS] text [SEP] pair [SEP]
 *     vocab.json and merges.txt,       GPT-2: byte level, BPE; RoBERTa if
 *     or encoder.json and vocab.bpe    tokenizer_config.json says so
 *
 * tokenizer_config.json gives the flags.  Its tokenizer_class is followed where it
 * is one of these families and refused where it is not: the files look alike. */
#include "runtime/tokenizer/internal.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct legacy {
  const char *directory;
  json_t *config; /* tokenizer_config.json, or an empty object */
  json_t *vocab;  /* {"token": id} */
  json_t *added;  /* the array */
  struct tfm_error *err;
};

enum family { FAMILY_BERT, FAMILY_GPT2, FAMILY_ROBERTA };

static const struct {
  const char *class; /* without "Fast" */
  enum family family;
} classes[] = {
    {"BertTokenizer", FAMILY_BERT},       {"DistilBertTokenizer", FAMILY_BERT},
    {"ElectraTokenizer", FAMILY_BERT},    {"MobileBertTokenizer", FAMILY_BERT},
    {"MPNetTokenizer", FAMILY_BERT},      {"GPT2Tokenizer", FAMILY_GPT2},
    {"RobertaTokenizer", FAMILY_ROBERTA}, {"BartTokenizer", FAMILY_ROBERTA},
};

/* The family that the class names, or the default where none is named. */
static int find_family(struct legacy *legacy, const char *path, enum family usual,
                       enum family *out) {
  const json_t *value = json_object_get(legacy->config, "tokenizer_class");
  *out = usual;
  if (!json_is_string(value))
    return 0;
  const char *name = json_string_value(value);
  size_t length = strlen(name);
  if (length > 4 && strcmp(name + length - 4, "Fast") == 0)
    length -= 4;
  if (length == strlen("PreTrainedTokenizer") && strncmp(name, "PreTrainedTokenizer", length) == 0)
    return 0;
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
    if (strlen(classes[i].class) == length && strncmp(classes[i].class, name, length) == 0 &&
        (classes[i].family == FAMILY_BERT) == (usual == FAMILY_BERT)) {
      *out = classes[i].family;
      return 0;
    }
  return error_set(legacy->err, TFM_ERROR_TOKENIZER,
                   "%s: tokenizer_config.json says %.64s, whose rules these files do not hold",
                   path, name);
}

static int read_config(struct legacy *legacy) {
  char *path = file_join(legacy->directory, "tokenizer_config.json");
  int status = 0;
  if (path == NULL)
    return error_oom(legacy->err);
  if (file_exists(path))
    status = json_read(path, READER_FILE_LIMIT, READER_DEPTH_LIMIT, TFM_ERROR_TOKENIZER,
                       &legacy->config, legacy->err);
  else if ((legacy->config = json_object()) == NULL)
    status = error_oom(legacy->err);
  free(path);
  return status;
}

static bool flag(const struct legacy *legacy, const char *name, bool usual) {
  const json_t *value = json_object_get(legacy->config, name);
  return json_is_boolean(value) ? json_is_true(value) : usual;
}

/* The text of a special token: the configuration's, or the family's usual one. */
static const char *spelling(const struct legacy *legacy, const char *name, const char *usual) {
  const json_t *value = json_object_get(legacy->config, name);
  if (json_is_object(value))
    value = json_object_get(value, "content");
  return json_is_string(value) ? json_string_value(value) : usual;
}

/* Its id, or -1. */
static json_int_t id_of(const struct legacy *legacy, const char *token) {
  const json_t *id = json_object_get(legacy->vocab, token);
  return json_is_integer(id) ? json_integer_value(id) : -1;
}

/* Make a special token of it, if the vocabulary has it.  lstrip is RoBERTa's mask's. */
static int add_special(struct legacy *legacy, const char *token, bool lstrip) {
  size_t i;
  json_t *row;
  json_int_t id = id_of(legacy, token);
  if (id < 0)
    return 0;
  json_array_foreach(legacy->added, i, row) {
    if (strcmp(json_string_value(json_object_get(row, "content")), token) == 0)
      return 0;
  }
  row = json_pack("{s:I, s:s, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", token, "single_word",
                  0, "lstrip", lstrip ? 1 : 0, "rstrip", 0, "normalized", 0, "special", 1);
  return row == NULL || json_array_append_new(legacy->added, row) != 0 ? error_oom(legacy->err) : 0;
}

/* ---- vocab.txt ---- */

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

/* [CLS] $A [SEP], [CLS] $A [SEP] $B:1 [SEP]:1 */
static json_t *bert_template(const struct legacy *legacy, const char *cls, const char *sep) {
  json_int_t cls_id = id_of(legacy, cls), sep_id = id_of(legacy, sep);
  if (cls_id < 0 || sep_id < 0)
    return json_null();
  return json_pack("{s:s, s:[{s:{s:s,s:i}}, {s:{s:s,s:i}}, {s:{s:s,s:i}}],"
                   " s:[{s:{s:s,s:i}}, {s:{s:s,s:i}}, {s:{s:s,s:i}}, {s:{s:s,s:i}}, {s:{s:s,s:i}}],"
                   " s:{s:{s:s, s:[I], s:[s]}, s:{s:s, s:[I], s:[s]}}}",
                   "type", "TemplateProcessing",                                   /* */
                   "single", "SpecialToken", "id", cls, "type_id", 0,              /* */
                   "Sequence", "id", "A", "type_id", 0,                            /* */
                   "SpecialToken", "id", sep, "type_id", 0,                        /* */
                   "pair", "SpecialToken", "id", cls, "type_id", 0,                /* */
                   "Sequence", "id", "A", "type_id", 0,                            /* */
                   "SpecialToken", "id", sep, "type_id", 0,                        /* */
                   "Sequence", "id", "B", "type_id", 1,                            /* */
                   "SpecialToken", "id", sep, "type_id", 1,                        /* */
                   "special_tokens", cls, "id", cls, "ids", cls_id, "tokens", cls, /* */
                   sep, "id", sep, "ids", sep_id, "tokens", sep);
}

static int bert(struct legacy *legacy, const char *path, json_t **out) {
  enum family family;
  if (find_family(legacy, path, FAMILY_BERT, &family) != 0 || read_lines(legacy, path) != 0)
    return -1;
  const char *unk = spelling(legacy, "unk_token", "[UNK]");
  const char *sep = spelling(legacy, "sep_token", "[SEP]");
  const char *cls = spelling(legacy, "cls_token", "[CLS]");
  const char *others[] = {unk, sep, spelling(legacy, "pad_token", "[PAD]"), cls,
                          spelling(legacy, "mask_token", "[MASK]")};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (add_special(legacy, others[i], false) != 0)
      return -1;
  const json_t *accents = json_object_get(legacy->config, "strip_accents");
  json_t *strip = json_is_boolean(accents) ? json_boolean(json_is_true(accents)) : json_null();
  *out = json_pack("{s:O, s:{s:s, s:b, s:b, s:o, s:b}, s:{s:s}, s:o, s:{s:s, s:s, s:b},"
                   " s:{s:s, s:s, s:s, s:i, s:O}}",
                   "added_tokens", legacy->added, /* */
                   "normalizer", "type", "BertNormalizer", "clean_text", 1, "handle_chinese_chars",
                   flag(legacy, "tokenize_chinese_chars", true) ? 1 : 0, "strip_accents", strip,
                   "lowercase", flag(legacy, "do_lower_case", true) ? 1 : 0, /* */
                   "pre_tokenizer", "type", "BertPreTokenizer",              /* */
                   "post_processor", bert_template(legacy, cls, sep),        /* */
                   "decoder", "type", "WordPiece", "prefix", "##", "cleanup",
                   flag(legacy, "clean_up_tokenization_spaces", true) ? 1 : 0, /* */
                   "model", "type", "WordPiece", "unk_token", unk, "continuing_subword_prefix",
                   "##", "max_input_chars_per_word", 100, "vocab", legacy->vocab);
  return *out == NULL ? error_oom(legacy->err) : 0;
}

/* ---- vocab.json and merges.txt ---- */

static int read_merges(struct legacy *legacy, const char *path, json_t **out) {
  struct file_bytes bytes;
  *out = NULL;
  if (file_read(path, READER_FILE_LIMIT, TFM_ERROR_TOKENIZER, &bytes, legacy->err) != 0)
    return -1;
  json_t *merges = json_array();
  int status = merges == NULL ? error_oom(legacy->err) : 0;
  const char *line = bytes.data, *end = bytes.data + bytes.size;
  for (size_t at = 1; line < end && status == 0; at++) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *stop = newline == NULL ? end : newline;
    size_t length = (size_t)(stop - line);
    if (length > 0 && line[length - 1] == '\r')
      length--;
    bool skipped = length == 0 || (length >= 8 && memcmp(line, "#version", 8) == 0);
    if (!skipped && json_array_append_new(merges, json_stringn(line, length)) != 0)
      status = error_set(legacy->err, TFM_ERROR_TOKENIZER, "%s:%zu: not UTF-8", path, at);
    line = stop + 1;
  }
  file_bytes_finish(&bytes);
  if (status == 0)
    *out = merges;
  else
    json_decref(merges);
  return status;
}

/* The family's special tokens, and what stands around a text. */
static int gpt2_specials(struct legacy *legacy, enum family family, json_t **post) {
  bool roberta = family == FAMILY_ROBERTA;
  const char *end = roberta ? "</s>" : "<|endoftext|>", *unk = roberta ? "<unk>" : end;
  const char *bos = spelling(legacy, "bos_token", roberta ? "<s>" : end);
  const char *cls = spelling(legacy, "cls_token", roberta ? "<s>" : NULL);
  const char *sep = spelling(legacy, "sep_token", roberta ? "</s>" : NULL);
  const char *mask = spelling(legacy, "mask_token", roberta ? "<mask>" : NULL);
  const char *tokens[] = {bos,
                          spelling(legacy, "eos_token", end),
                          spelling(legacy, "unk_token", unk),
                          sep,
                          spelling(legacy, "pad_token", roberta ? "<pad>" : NULL),
                          cls,
                          mask};
  for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
    if (tokens[i] != NULL && add_special(legacy, tokens[i], roberta && tokens[i] == mask) != 0)
      return -1;
  bool prefix = flag(legacy, "add_prefix_space", false);
  if (roberta && id_of(legacy, cls) >= 0 && id_of(legacy, sep) >= 0)
    *post = json_pack("{s:s, s:[s,I], s:[s,I], s:b, s:b}", "type", "RobertaProcessing", "sep", sep,
                      id_of(legacy, sep), "cls", cls, id_of(legacy, cls), "trim_offsets", 1,
                      "add_prefix_space", prefix ? 1 : 0);
  else if (!roberta && flag(legacy, "add_bos_token", false) && id_of(legacy, bos) >= 0)
    *post = json_pack("{s:s, s:[{s:{s:s,s:i}}, {s:{s:s,s:i}}],"
                      " s:[{s:{s:s,s:i}}, {s:{s:s,s:i}}, {s:{s:s,s:i}}, {s:{s:s,s:i}}],"
                      " s:{s:{s:s, s:[I], s:[s]}}}",
                      "type", "TemplateProcessing",                      /* */
                      "single", "SpecialToken", "id", bos, "type_id", 0, /* */
                      "Sequence", "id", "A", "type_id", 0,               /* */
                      "pair", "SpecialToken", "id", bos, "type_id", 0,   /* */
                      "Sequence", "id", "A", "type_id", 0,               /* */
                      "SpecialToken", "id", bos, "type_id", 1,           /* */
                      "Sequence", "id", "B", "type_id", 1,               /* */
                      "special_tokens", bos, "id", bos, "ids", id_of(legacy, bos), "tokens", bos);
  else
    *post = json_pack("{s:s, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", prefix ? 1 : 0,
                      "trim_offsets", 0);
  return *post == NULL ? error_oom(legacy->err) : 0;
}

static int gpt2(struct legacy *legacy, const char *path, const char *merges_path, json_t **out) {
  enum family family;
  json_t *merges, *post;
  if (find_family(legacy, path, FAMILY_GPT2, &family) != 0 ||
      json_read(path, READER_FILE_LIMIT, READER_DEPTH_LIMIT, TFM_ERROR_TOKENIZER, &legacy->vocab,
                legacy->err) != 0)
    return -1;
  if (gpt2_specials(legacy, family, &post) != 0)
    return -1;
  if (read_merges(legacy, merges_path, &merges) != 0) {
    json_decref(post);
    return -1;
  }
  *out = json_pack("{s:O, s:{s:s, s:b, s:b}, s:o, s:{s:s, s:b, s:b}, s:{s:s, s:O, s:o}}",
                   "added_tokens", legacy->added, /* */
                   "pre_tokenizer", "type", "ByteLevel", "add_prefix_space",
                   flag(legacy, "add_prefix_space", false) ? 1 : 0, "trim_offsets", 1, /* */
                   "post_processor", post,                                             /* */
                   "decoder", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 1,
                   "model", "type", "BPE", "vocab", legacy->vocab, "merges", merges);
  return *out == NULL ? error_oom(legacy->err) : 0;
}

/* ---- which of them is there ---- */

static const struct {
  const char *vocabulary, *merges; /* merges NULL: vocab.txt */
} layouts[] = {{"vocab.txt", NULL}, {"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

static int read_layout(struct legacy *legacy, const char *merges, const char *path, json_t **out) {
  if (read_config(legacy) != 0)
    return -1;
  legacy->added = json_array();
  if (legacy->added == NULL)
    return error_oom(legacy->err);
  if (merges == NULL)
    return bert(legacy, path, out);
  char *merges_path = file_join(legacy->directory, merges);
  int status = merges_path == NULL ? error_oom(legacy->err) : gpt2(legacy, path, merges_path, out);
  free(merges_path);
  return status;
}

/* Both files of a layout are there. */
static int present(const char *directory, size_t i, bool *out, struct tfm_error *err) {
  const char *names[] = {layouts[i].vocabulary, layouts[i].merges};
  *out = true;
  for (size_t n = 0; n < 2 && names[n] != NULL; n++) {
    char *path = file_join(directory, names[n]);
    if (path == NULL)
      return error_oom(err);
    *out = *out && file_exists(path);
    free(path);
  }
  return 0;
}

/* The file's name is that of the vocabulary or of the merges. */
static bool names_layout(size_t i, const char *name) {
  return strcmp(layouts[i].vocabulary, name) == 0 ||
         (layouts[i].merges != NULL && strcmp(layouts[i].merges, name) == 0);
}

/* The layout that is there, or that the file is of; LAYOUTS if none. */
static int find_layout(const char *directory, const char *file, size_t *out,
                       struct tfm_error *err) {
  *out = 0;
  if (file != NULL) {
    const char *name = file_basename(file), *dot = strrchr(name, '.');
    while (*out < LAYOUTS && !names_layout(*out, name))
      ++*out;
    if (*out == LAYOUTS) /* a name of the user's: by what it ends in */
      *out = dot != NULL && strcmp(dot, ".json") == 0 ? 1 : 0;
    return 0;
  }
  for (; *out < LAYOUTS; ++*out) {
    bool there;
    if (present(directory, *out, &there, err) != 0)
      return -1;
    if (there)
      break;
  }
  return 0;
}

int legacy_read(const char *directory, const char *file, json_t **out, char **path,
                struct tfm_error *err) {
  struct legacy legacy = {.directory = directory, .err = err};
  size_t i;
  *out = NULL;
  *path = NULL;
  if (find_layout(directory, file, &i, err) != 0)
    return -1;
  if (i == LAYOUTS)
    return 0;
  if (file != NULL && layouts[i].merges != NULL &&
      strcmp(file_basename(file), layouts[i].merges) == 0)
    file = NULL; /* the vocabulary beside it */
  *path = file != NULL ? strdup(file) : file_join(directory, layouts[i].vocabulary);
  int status = *path == NULL ? error_oom(err) : read_layout(&legacy, layouts[i].merges, *path, out);
  json_decref(legacy.config);
  json_decref(legacy.vocab);
  json_decref(legacy.added);
  return status;
}
