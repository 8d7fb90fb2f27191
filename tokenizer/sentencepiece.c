/* sentencepiece.c - the tokenizer.json that a SentencePiece model stands for.
 *
 *     T5       character map | words, ▁ before each | Unigram       | text </s>
 *     Llama    ▁ before the text, ▁ for spaces      | BPE and bytes | <s> text
 *     neither  what the file's own flags say, as SentencePiece itself does it
 *
 * as transformers converts them.  tokenizer_class says which it is. */
#include "tokenizer/sentencepiece.h"

#include "base/buffer.h"
#include "base/file.h"
#include "tokenizer/legacy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "\xe2\x96\x81" /* ▁ */

/* What the family and the file decide together. */
struct plan {
  const struct sentencepiece *model;
  enum legacy_family family;
  bool words;          /* T5's way: Metaspace cuts before each ▁ */
  bool closed;         /* </s> after the text, not <s> before it */
  bool prefix, bytes;  /* ▁ before the text; bytes for unknown characters */
  bool first;          /* ▁ at the beginning only, not after added tokens in the text */
  bool squeeze, split; /* one space for many: by the normalizer, by cutting at white space */
  bool whole;          /* user-defined pieces are cut out of the text, and never merged */
  const char *space;   /* what stands for a space */
};

/* ---- tokens ---- */

static const struct legacy_role t5_roles[] = {
    {"bos_token", NULL, false}, {"eos_token", "</s>", false},  {"unk_token", "<unk>", false},
    {"sep_token", NULL, false}, {"pad_token", "<pad>", false}, {"cls_token", NULL, false},
    {"mask_token", NULL, false}};
static const struct legacy_role llama_roles[] = {
    {"bos_token", "<s>", false}, {"eos_token", "</s>", false}, {"unk_token", "<unk>", false},
    {"sep_token", NULL, false},  {"pad_token", NULL, false},   {"cls_token", NULL, false},
    {"mask_token", NULL, false}};
static const struct legacy_role plain_roles[] = {
    {"bos_token", NULL, false}, {"eos_token", NULL, false}, {"unk_token", NULL, false},
    {"sep_token", NULL, false}, {"pad_token", NULL, false}, {"cls_token", NULL, false},
    {"mask_token", NULL, false}};
enum { ROLES = sizeof t5_roles / sizeof t5_roles[0] };

static int read_vocab(struct legacy *legacy, const struct sentencepiece *model) {
  legacy->vocab = json_object();
  for (size_t i = 0; i < model->count; i++)
    if (json_object_setn_new_nocheck(legacy->vocab, model->piece[i].text, model->piece[i].length,
                                     json_integer((json_int_t)i)) != 0)
      return error_oom(legacy->err);
  return legacy->vocab == NULL ? error_oom(legacy->err) : 0;
}

/* Sentinels of T5, the last first, with ids after all pieces. */
static int add_extra_ids(struct legacy *legacy, size_t pieces) {
  const json_t *extra = json_object_get(legacy->config, "extra_ids");
  json_int_t count = extra == NULL ? 100 : json_integer_value(extra);
  if (count < 0 || count > 10000)
    return error_set(legacy->err, TFM_ERROR_TOKENIZER,
                     "%s/tokenizer_config.json: extra_ids must be from 0 to 10000",
                     legacy->directory);
  for (json_int_t i = count; i-- > 0;) {
    char name[32];
    snprintf(name, sizeof name, "<extra_id_%lld>", (long long)i);
    if (json_object_get(legacy->vocab, name) == NULL &&
        json_object_set_new(legacy->vocab, name, json_integer((json_int_t)pieces++)) != 0)
      return error_oom(legacy->err);
    if (legacy_add(legacy, name, strlen(name), true) != 0)
      return -1;
  }
  return 0;
}

static int add_tokens(struct legacy *legacy, const struct plan *plan) {
  const struct sentencepiece *model = plan->model;
  if (legacy_add_tokens(legacy,
                        plan->family == LEGACY_T5      ? t5_roles
                        : plan->family == LEGACY_LLAMA ? llama_roles
                                                       : plain_roles,
                        ROLES) != 0)
    return -1;
  for (size_t i = 0; i < model->count; i++) {
    const struct sentencepiece_piece *piece = &model->piece[i];
    bool special = piece->type == SENTENCEPIECE_CONTROL || piece->type == SENTENCEPIECE_UNKNOWN;
    if ((special || (piece->type == SENTENCEPIECE_USER_DEFINED && !plan->whole)) &&
        legacy_add(legacy, piece->text, piece->length, special) != 0)
      return -1;
  }
  return 0;
}

/* ---- the parts: NULL = out of memory ---- */

/* The bytes in base 64. */
static json_t *charsmap(const struct sentencepiece *model) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const unsigned char *bytes = model->charsmap;
  size_t length = model->charsmap_length, size = 0;
  char *text = malloc(length / 3 * 4 + 5);
  if (text == NULL)
    return NULL;
  for (size_t i = 0; i < length; i += 3) {
    size_t left = length - i;
    uint32_t bits = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                    (left > 2 ? bytes[i + 2] : 0);
    text[size++] = digits[bits >> 18];
    text[size++] = digits[bits >> 12 & 63];
    text[size++] = left > 1 ? digits[bits >> 6 & 63] : '=';
    text[size++] = left > 2 ? digits[bits & 63] : '=';
  }
  json_t *map = json_pack("{s:s, s:s%}", "type", "Precompiled", "precompiled_charsmap", text, size);
  free(text);
  return map;
}

static json_t *replace(const char *kind, const char *pattern, const char *content) {
  return json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", kind, pattern, "content",
                   content);
}

/* SentencePiece's own order: the map, spaces, the dummy prefix, the mark. */
static json_t *normalizer(const struct plan *plan) {
  if (plan->first)
    return json_null();
  json_t *list = json_array();
  bool ok = list != NULL;
  if (ok && plan->model->charsmap_length > 0)
    ok = json_array_append_new(list, charsmap(plan->model)) == 0;
  if (ok && plan->squeeze) /* spaces only: other white space is text */
    ok = json_array_append_new(list, replace("Regex", "\\A +| +\\z", "")) == 0 &&
         json_array_append_new(list, replace("Regex", " {2,}", " ")) == 0;
  if (ok && plan->prefix && !plan->words)
    ok = json_array_append_new(
             list, json_pack("{s:s, s:s}", "type", "Prepend", "prepend", plan->space)) == 0;
  if (ok && !plan->words)
    ok = json_array_append_new(list, replace("String", " ", plan->space)) == 0;
  if (ok)
    return json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", list);
  json_decref(list);
  return NULL;
}

static json_t *metaspace(const struct plan *plan) {
  return json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement", MARK,
                   "prepend_scheme", plan->prefix ? "always" : "never", "split",
                   plan->model->split_by_whitespace ? 1 : 0);
}

/* Longer ones first: an alternative that is found is taken. */
static int compare_lengths(const void *a, const void *b) {
  const struct sentencepiece_piece *const *x = a, *const *y = b;
  if ((*x)->length != (*y)->length)
    return (*x)->length > (*y)->length ? -1 : 1;
  return *x < *y ? -1 : *x > *y;
}

/* The piece as an expression that finds it. */
static void write_pattern(struct buffer *out, const struct sentencepiece_piece *piece) {
  if (out->length > 0)
    buffer_putc(out, '|');
  for (size_t i = 0; i < piece->length; i++) {
    char c = piece->text[i];
    if (c > 0x20 && c < 0x7f && !isalnum((unsigned char)c))
      buffer_putc(out, '\\');
    buffer_putc(out, c);
  }
}

/* A Split that cuts the user-defined pieces out. */
static json_t *user_defined(const struct sentencepiece *model) {
  const struct sentencepiece_piece **piece = malloc((model->count + 1) * sizeof *piece);
  struct buffer pattern;
  size_t count = 0;
  if (piece == NULL)
    return NULL;
  for (size_t i = 0; i < model->count; i++)
    if (model->piece[i].type == SENTENCEPIECE_USER_DEFINED && model->piece[i].length > 0)
      piece[count++] = &model->piece[i];
  qsort(piece, count, sizeof *piece, compare_lengths);
  buffer_init(&pattern);
  for (size_t i = 0; i < count; i++)
    write_pattern(&pattern, piece[i]);
  free(piece);
  json_t *split = pattern.failed ? NULL
                                 : json_pack("{s:s, s:{s:s%}, s:s, s:b}", "type", "Split",
                                             "pattern", "Regex", buffer_text(&pattern),
                                             pattern.length, "behavior", "Isolated", "invert", 0);
  buffer_finish(&pattern);
  return split;
}

static json_t *pre_tokenizer(const struct plan *plan) {
  if (plan->first)
    return json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement", MARK,
                     "prepend_scheme", plan->prefix ? "first" : "never", "split", 0);
  if (!plan->words)
    return plan->whole ? user_defined(plan->model) : json_null();
  if (!plan->split)
    return metaspace(plan);
  return json_pack("{s:s, s:[{s:s}, o]}", "type", "Sequence", "pretokenizers", "type",
                   "WhitespaceSplit", metaspace(plan));
}

static json_t *decoder(const struct plan *plan) {
  if (plan->words && !plan->bytes)
    return metaspace(plan);
  json_t *list = json_pack("[{s:s, s:{s:s}, s:s}, {s:s}, {s:s}]", "type", "Replace", "pattern",
                           "String", plan->space, "content", " ", /* */
                           "type", "ByteFallback", "type", "Fuse");
  if (list != NULL && plan->prefix &&
      json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ",
                                            "start", 1, "stop", 0)) != 0) {
    json_decref(list);
    return NULL;
  }
  return json_pack("{s:s, s:o}", "type", "Sequence", "decoders", list);
}

/* (<s>) text (</s>) (<s>) pair (</s>); T5 has all of type 0. */
static json_t *post_processor(const struct legacy *legacy, const struct plan *plan) {
  bool t5 = plan->closed;
  char eos_piece[64] = "";
  if (plan->model->eos_length < sizeof eos_piece)
    memcpy(eos_piece, plan->model->eos, plan->model->eos_length);
  const char *bos = legacy_spelling(legacy, "bos_token", "<s>");
  const char *eos = legacy_spelling(legacy, "eos_token", eos_piece);
  if (bos == NULL || legacy_id(legacy, bos) < 0 || !legacy_flag(legacy, "add_bos_token", !t5))
    bos = NULL;
  if (eos == NULL || legacy_id(legacy, eos) < 0 || !legacy_flag(legacy, "add_eos_token", t5))
    eos = NULL;
  int type = t5 ? 0 : 1;
  struct legacy_part single[4] = {{0}}, pair[7] = {{0}};
  size_t n = 0, m = 0;
  if (bos != NULL)
    single[n++] = pair[m++] = (struct legacy_part){bos, NULL, 0};
  single[n++] = pair[m++] = (struct legacy_part){NULL, "A", 0};
  if (eos != NULL)
    single[n++] = pair[m++] = (struct legacy_part){eos, NULL, 0};
  if (bos != NULL)
    pair[m++] = (struct legacy_part){bos, NULL, type};
  pair[m++] = (struct legacy_part){NULL, "B", type};
  if (eos != NULL)
    pair[m++] = (struct legacy_part){eos, NULL, type};
  return legacy_template(legacy, single, pair);
}

/* ---- the models ---- */

static json_t *unigram(const struct legacy *legacy, const struct plan *plan) {
  const struct sentencepiece *model = plan->model;
  json_t *vocab = json_array();
  bool ok = vocab != NULL;
  for (size_t i = 0; i < model->count && ok; i++)
    ok = json_array_append_new(vocab,
                               json_pack("[s%, f]", model->piece[i].text, model->piece[i].length,
                                         (double)model->piece[i].score)) == 0;
  const char *key;
  json_t *value;
  json_object_foreach(legacy->vocab, key, value) { /* T5's sentinels, in order */
    if (ok && json_integer_value(value) >= (json_int_t)model->count)
      ok = json_array_append_new(vocab, json_pack("[s, f]", key, 0.0)) == 0;
  }
  if (ok)
    return json_pack("{s:s, s:I, s:o, s:b}", "type", "Unigram", "unk_id",
                     (json_int_t)model->unknown, "vocab", vocab, "byte_fallback",
                     plan->bytes ? 1 : 0);
  json_decref(vocab);
  return NULL;
}

static int bpe(const struct legacy *legacy, const struct plan *plan, const char *path,
               json_t **out) {
  const struct sentencepiece *model = plan->model;
  const struct sentencepiece_piece *unknown = &model->piece[model->unknown];
  json_t *merges;
  if (sentencepiece_merges(model, plan->family != LEGACY_NONE, path, &merges, legacy->err) != 0)
    return -1;
  *out = json_pack("{s:s, s:O, s:o, s:s%, s:b, s:b, s:b}", "type", "BPE", "vocab", legacy->vocab,
                   "merges", merges, "unk_token", unknown->text, unknown->length, "fuse_unk", 1,
                   "byte_fallback", plan->bytes ? 1 : 0, "ignore_merges", plan->whole ? 1 : 0);
  return *out == NULL ? error_oom(legacy->err) : 0;
}

/* ---- all together ---- */

static void make_plan(const struct legacy *legacy, const struct sentencepiece *model,
                      enum legacy_family family, struct plan *out) {
  *out = (struct plan){.model = model, .family = family, .space = MARK};
  bool unigram = model->model_type == SENTENCEPIECE_UNIGRAM;
  out->words = model->escape_whitespaces && family == LEGACY_T5;
  out->closed = family == LEGACY_T5 || (family == LEGACY_NONE && unigram);
  out->prefix = model->dummy_prefix || family == LEGACY_T5;
  out->bytes = family != LEGACY_T5 && (family == LEGACY_LLAMA || model->byte_fallback);
  if (!model->escape_whitespaces)
    out->space = " ";
  if (family == LEGACY_LLAMA)
    out->prefix = legacy_flag(legacy, "add_prefix_space", out->prefix);
  out->first = family == LEGACY_LLAMA && !legacy_flag(legacy, "legacy", true);
  bool remove = model->remove_extra_whitespaces || family == LEGACY_T5;
  out->split = remove && out->words && out->prefix; /* the ▁ before each stays its space */
  out->squeeze = remove && !out->split && family != LEGACY_LLAMA;
  for (size_t i = 0; i < model->count && family == LEGACY_NONE; i++)
    out->whole = out->whole ||
                 (model->piece[i].type == SENTENCEPIECE_USER_DEFINED && model->piece[i].length > 0);
}

int sentencepiece_write(struct legacy *legacy, const struct sentencepiece *pieces,
                        enum legacy_family family, const char *path, json_t **out) {
  struct plan whole, *plan = &whole;
  json_t *model = NULL;
  make_plan(legacy, pieces, family, plan);
  if (read_vocab(legacy, plan->model) != 0 ||
      (plan->family == LEGACY_T5 && add_extra_ids(legacy, plan->model->count) != 0) ||
      add_tokens(legacy, plan) != 0)
    return -1;
  if (plan->model->model_type == SENTENCEPIECE_UNIGRAM)
    model = unigram(legacy, plan);
  else if (bpe(legacy, plan, path, &model) != 0)
    return -1;
  *out = json_pack("{s:O, s:o, s:o, s:o, s:o, s:o}", "added_tokens", legacy->added, "normalizer",
                   normalizer(plan), "pre_tokenizer", pre_tokenizer(plan), "post_processor",
                   post_processor(legacy, plan), "decoder", decoder(plan), "model", model);
  return *out == NULL ? error_oom(legacy->err) : 0;
}

int sentencepiece_read(struct legacy *legacy, const char *path, json_t **out) {
  static const enum legacy_family allowed[] = {LEGACY_T5, LEGACY_LLAMA, LEGACY_NONE};
  enum legacy_family family;
  struct file_bytes bytes;
  struct sentencepiece model;
  if (legacy_family(legacy, path, LEGACY_NONE, allowed, &family) != 0 ||
      file_read(path, READER_FILE_LIMIT, TFM_ERROR_TOKENIZER, &bytes, legacy->err) != 0)
    return -1;
  int status = sentencepiece_parse(&model, path, bytes.data, bytes.size, legacy->err);
  if (status == 0)
    status = sentencepiece_write(legacy, &model, family, path, out);
  sentencepiece_finish(&model);
  file_bytes_finish(&bytes);
  return status;
}
