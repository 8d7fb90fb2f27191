/* gguf.c - tokens, types, scores and merges of the metadata, each kind its way.
 *
 *     llama   pieces and scores          as a SentencePiece model of Llama
 *     gpt2    byte level, merges         cut as `tokenizer.ggml.pre` says
 *     bert    words with a ▁ before,     as a vocab.txt
 *             parts of words without
 *
 * The metadata is less than a tokenizer.json: a `pre` is only the name of a pattern,
 * and a BERT's case is not said, but told by its vocabulary: one with capital letters
 * would never use them if it lower-cased its text. */
#include "tokenizer/gguf.h"

#include "checkpoint/gguf/gguf.h"
#include "tokenizer/legacy.h"
#include "tokenizer/sentencepiece.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MARK   "\xe2\x96\x81" /* ▁ */
#define PREFIX "tokenizer.ggml."

struct reading {
  struct gguf file;
  struct legacy legacy; /* its config is written here */
  struct sentencepiece model;
  struct tfm_error *err;
};

static int refuse(struct reading *r, const char *key, const char *what) {
  error_set(r->err, TFM_ERROR_TOKENIZER, "%s: `" PREFIX "%s` %s", r->file.path, key, what);
  error_note(r->err, "help: put the model's tokenizer.json beside the file");
  return -1;
}

static const struct gguf_value *value_of(struct reading *r, const char *key) {
  char name[64] = PREFIX;
  strcat(name, key); /* keys are those of this file */
  return gguf_value(&r->file, name);
}

static const char *text_of(struct reading *r, const char *key) {
  char name[64] = PREFIX;
  strcat(name, key);
  return gguf_string(&r->file, name);
}

/* ---- tokens ---- */

static int add_token(struct reading *r, struct gguf_text text) {
  bool added;
  if (text.length > SENTENCEPIECE_PIECE_LIMIT || !gguf_text_is_clean(text))
    return refuse(r, "tokens", "has one that is no text, or too long");
  struct map_entry *entry =
      map_insert(&r->model.by_text, text.text ? text.text : "", text.length, &added);
  if (entry == NULL)
    return error_oom(r->err);
  if (!added)
    return error_set(r->err, TFM_ERROR_TOKENIZER, "%s: the token `%.*s` is there twice",
                     r->file.path, text.length > 64 ? 64 : (int)text.length, text.text);
  entry->value.number = (int64_t)r->model.count;
  r->model.piece[r->model.count++] = (struct sentencepiece_piece){
      .text = text.text, .length = text.length, .type = SENTENCEPIECE_NORMAL};
  return 0;
}

/* A BERT's token as vocab.txt has it. */
static bool undo_mark(struct reading *r, struct gguf_text *text) {
  if (text->length >= 2 && text->text[0] == '[' && text->text[text->length - 1] == ']')
    return true;
  if (text->length >= 3 && memcmp(text->text, MARK, 3) == 0) {
    text->text += 3;
    text->length -= 3;
    return true;
  }
  char *whole = arena_alloc(&r->file.arena, text->length + 3);
  if (whole == NULL)
    return false;
  whole[0] = whole[1] = '#';
  memcpy(whole + 2, text->text, text->length);
  *text = (struct gguf_text){whole, text->length + 2};
  return true;
}

static int read_tokens(struct reading *r, bool bert) {
  const struct gguf_value *value = value_of(r, "tokens");
  struct gguf_texts texts;
  struct gguf_text text;
  if (!gguf_texts_begin(&texts, value) || !value->array || value->count == 0 ||
      value->count > READER_VOCABULARY_LIMIT)
    return refuse(r, "tokens", "is no array of 1 to 2^20 texts");
  size_t count = (size_t)value->count;
  r->model.piece = calloc(count, sizeof *r->model.piece);
  if (r->model.piece == NULL || !map_reserve(&r->model.by_text, count))
    return error_oom(r->err);
  for (size_t i = 0; i < count; i++) {
    if (!gguf_texts_next(&texts, &text))
      return refuse(r, "tokens", "was changed while it was read");
    if (bert && !undo_mark(r, &text))
      return error_oom(r->err);
    if (add_token(r, text) != 0)
      return -1;
  }
  return 0;
}

static int read_types(struct reading *r) {
  const struct gguf_value *value = value_of(r, "token_type");
  if (value == NULL)
    return 0;
  if (!value->array || value->count != r->model.count)
    return refuse(r, "token_type", "has not one type for each token");
  for (size_t i = 0; i < r->model.count; i++) {
    int64_t type;
    if (!gguf_integer(value, i, &type) || type < SENTENCEPIECE_NORMAL || type > SENTENCEPIECE_BYTE)
      return refuse(r, "token_type", "has an unknown type");
    r->model.piece[i].type = (enum sentencepiece_type)type;
  }
  return 0;
}

static int read_scores(struct reading *r) {
  const struct gguf_value *value = value_of(r, "scores");
  if (value == NULL || !value->array || value->count != r->model.count)
    return refuse(r, "scores", "has not one score for each token");
  for (size_t i = 0; i < r->model.count; i++) {
    double score;
    if (!gguf_real(value, i, &score) || !isfinite(score))
      return refuse(r, "scores", "has one that is no number");
    r->model.piece[i].score = (float)score;
  }
  return 0;
}

/* ---- what tokenizer_config.json would say ---- */

/* How writers spell "there is none". */
#define NO_TOKEN INT64_C(0xffffffff)

static int set_role(struct reading *r, const char *role, const char *key, const char *usual) {
  const struct gguf_value *value = key == NULL ? NULL : value_of(r, key);
  json_t *text = NULL;
  int64_t id;
  if (value != NULL) {
    bool read = !value->array && gguf_integer(value, 0, &id);
    if (read && (id == NO_TOKEN || id == -1))
      return set_role(r, role, NULL, NULL);
    if (!read || id < 0 || (size_t)id >= r->model.count)
      return refuse(r, key, "is no token");
    text = json_stringn(r->model.piece[id].text, r->model.piece[id].length);
  } else if (usual != NULL && map_find_text(&r->model.by_text, usual) != NULL) {
    text = json_string(usual);
  } else {
    text = json_null();
  }
  return json_object_set_new(r->legacy.config, role, text) == 0 ? 0 : error_oom(r->err);
}

static int set_flag(struct reading *r, const char *name, const char *key) {
  const struct gguf_value *value = value_of(r, key);
  if (value == NULL)
    return 0;
  if (value->array || value->kind != GGUF_BOOL)
    return refuse(r, key, "is neither true nor false");
  return json_object_set_new(r->legacy.config, name, json_boolean(value->data[0])) == 0
             ? 0
             : error_oom(r->err);
}

static int set_config(struct reading *r, bool bert) {
  static const struct {
    const char *role, *key, *bert;
  } roles[] = {{"bos_token", "bos_token_id", NULL},
               {"eos_token", "eos_token_id", NULL},
               {"unk_token", "unknown_token_id", "[UNK]"},
               {"sep_token", "seperator_token_id", "[SEP]"}, /* so spelt in the files */
               {"pad_token", "padding_token_id", "[PAD]"},
               {"cls_token", "cls_token_id", "[CLS]"},
               {"mask_token", "mask_token_id", "[MASK]"}};
  for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
    const char *key = roles[i].key;
    /* Newer files of a BERT keep [CLS] as bos. */
    if (bert && strcmp(key, "cls_token_id") == 0 && value_of(r, key) == NULL &&
        value_of(r, "bos_token_id") != NULL)
      key = "bos_token_id";
    if (set_role(r, roles[i].role, key, bert ? roles[i].bert : NULL) != 0)
      return -1;
  }
  return set_flag(r, "add_bos_token", "add_bos_token") != 0 ||
                 set_flag(r, "add_eos_token", "add_eos_token") != 0 ||
                 set_flag(r, "add_prefix_space", "add_space_prefix") != 0
             ? -1
             : 0;
}

static int set_vocab(struct reading *r) {
  const struct sentencepiece_piece *piece = r->model.piece;
  r->legacy.vocab = json_object();
  for (size_t i = 0; i < r->model.count; i++)
    if (json_object_setn_new_nocheck(r->legacy.vocab, piece[i].text, piece[i].length,
                                     json_integer((json_int_t)i)) != 0)
      return error_oom(r->err);
  return r->legacy.vocab == NULL ? error_oom(r->err) : 0;
}

static int add_row(struct reading *r, size_t id, bool special) {
  const struct sentencepiece_piece *piece = &r->model.piece[id];
  json_t *row = json_pack("{s:I, s:s%, s:b, s:b, s:b, s:b, s:b}", "id", (json_int_t)id, "content",
                          piece->text, piece->length, "single_word", 0, "lstrip", 0, "rstrip", 0,
                          "normalized", 0, "special", special ? 1 : 0);
  return json_array_append_new(r->legacy.added, row) == 0 &&
                 json_object_setn_new(r->legacy.seen, piece->text, piece->length,
                                      json_integer((json_int_t)id)) == 0
             ? 0
             : error_oom(r->err);
}

/* Control and user-defined tokens, found in the text as it was given. */
static int add_tokens(struct reading *r) {
  for (size_t i = 0; i < r->model.count; i++) {
    enum sentencepiece_type type = r->model.piece[i].type;
    bool special = type == SENTENCEPIECE_CONTROL || type == SENTENCEPIECE_UNKNOWN;
    if ((special || type == SENTENCEPIECE_USER_DEFINED) && r->model.piece[i].length > 0 &&
        add_row(r, i, special) != 0)
      return -1;
  }
  return 0;
}

/* ---- the kinds ---- */

/* In some files the unknown token is a control one, and what fills up the vocabulary is
 * of type unknown; unknown_token_id tells. */
static bool named_unknown(struct reading *r, size_t *unknown) {
  const struct gguf_value *value = value_of(r, "unknown_token_id");
  int64_t id;
  if (value == NULL || value->array || !gguf_integer(value, 0, &id) || id < 0 ||
      (size_t)id >= r->model.count)
    return false;
  *unknown = (size_t)id;
  return true;
}

static int read_llama(struct reading *r, json_t **out) {
  struct sentencepiece *m = &r->model;
  size_t unknown = 0;
  if (read_scores(r) != 0 || add_tokens(r) != 0)
    return -1;
  for (size_t i = 0; i < m->count; i++)
    if (m->piece[i].type == SENTENCEPIECE_UNKNOWN && unknown++ == 0)
      m->unknown = i;
  if (!named_unknown(r, &m->unknown) && unknown != 1)
    return refuse(r, "token_type",
                  "must have one token of type unknown, or `unknown_token_id` "
                  "name one");
  m->model_type = SENTENCEPIECE_BPE;
  m->byte_fallback = m->dummy_prefix = m->escape_whitespaces = true;
  m->eos = "";
  return sentencepiece_write(&r->legacy, m, LEGACY_LLAMA, r->file.path, out);
}

static int read_bert(struct reading *r, json_t **out) {
  bool lower = true;
  for (size_t i = 0; i < r->model.count; i++) {
    const struct sentencepiece_piece *piece = &r->model.piece[i];
    bool special = piece->length > 0 && piece->text[0] == '[';
    for (size_t c = 0; !special && c < piece->length && piece->type == SENTENCEPIECE_NORMAL; c++)
      lower = lower && !(piece->text[c] >= 'A' && piece->text[c] <= 'Z');
  }
  if (json_object_set_new(r->legacy.config, "do_lower_case", json_boolean(lower)) != 0)
    return error_oom(r->err);
  return set_vocab(r) != 0 ? -1 : vocab_txt_write(&r->legacy, LEGACY_BERT, out);
}

/* Parts of a tokenizer.json, as text: a backslash of an expression is four here. */
#define SPLIT(regex)                                                                               \
  "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex                                        \
  "\"}, \"behavior\": \"Isolated\", \"invert\": false}"
#define BYTES(words)                                                                               \
  "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, "                \
  "\"use_regex\": " words "}"
#define DIGITS(each) "{\"type\": \"Digits\", \"individual_digits\": " each "}"
#define LIST(parts)  "{\"type\": \"Sequence\", \"pretokenizers\": [" parts "]}"
/* From Llama 3 on: one expression before the bytes. */
#define EXPRESSION(letter, mark, digits)                                                           \
  LIST(SPLIT(                                                                                      \
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?" letter "+|\\\\p{N}" digits     \
      "| ?[^\\\\s\\\\p{L}" mark                                                                    \
      "\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+") "," BYTES("false"))
#define LLAMA3    EXPRESSION("\\\\p{L}", "", "{1,3}")
#define STARCODER LIST(DIGITS("true") "," BYTES("true"))
#define HAN       SPLIT("[一-龥ࠀ-一가-퟿]+")
#define LETTERS                                                                                                                      \
  "[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-"                                    \
  "ჅᎠ-"                                                                                                                          \
  "Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-"                      \
  "ᾼιῂ-"                                                                                                                       \
  "ῄῆ-"                                                                                                                          \
  "ῌῐ-"                                                                                                                          \
  "ΐῖ-"                                                                                                                          \
  "Ίῠ"                                                                                                                           \
  "-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-" \
  "ꚛꜢ-"                                                                                                                          \
  "ꝯꝱ-"                                                                                                                          \
  "ꞇꞋ"                                                                                                                           \
  "-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-"                                        \
  "𑣟𞤀-"                                                                                                                        \
  "𞥃]"
#define DEEPSEEK_LLM                                                                               \
  LIST(SPLIT("[\\r\\n]") "," SPLIT("\\\\s?" LETTERS "+") "," SPLIT(                                \
      "\\\\s?[!-/:-~！-／：-～‘-‟　-。]+") "," SPLIT("\\\\s+$") "," HAN                            \
                                                                "," DIGITS("true") "," BYTES(      \
                                                                    "false"))
#define DEEPSEEK_CODER                                                                             \
  LIST(SPLIT("[\\r\\n]") "," SPLIT("\\\\s?\\\\p{L}+") "," SPLIT(                                   \
      "\\\\s?\\\\p{P}+") "," HAN "," DIGITS("true") "," BYTES("false"))
#define FALCON                                                                                     \
  LIST("{\"type\": \"Punctuation\", \"behavior\": \"Contiguous\"}," BYTES("true") "," DIGITS(      \
      "false") "," SPLIT("[0-9][0-9][0-9]"))

/* What each name stands for in the tokenizer.json of its models. */
static const struct pre {
  const char *name, *json; /* of the pre-tokenizer */
  bool nfc, whole_words, bos;
} pres[] = {
    {"gpt-2", BYTES("true"), false, false, false},
    {"mpt", BYTES("true"), true, false, false},
    {"llama-bpe", LLAMA3, false, true, true},
    {"llama3", LLAMA3, false, true, true},
    {"llama-v3", LLAMA3, false, true, true},
    {"qwen2", EXPRESSION("\\\\p{L}", "", ""), true, false, false},
    {"qwen35", EXPRESSION("[\\\\p{L}\\\\p{M}]", "\\\\p{M}", ""), false, false, false},
    {"smollm", STARCODER, false, false, false},
    {"starcoder", STARCODER, false, false, false},
    {"refact", STARCODER, false, false, false},
    {"command-r", STARCODER, true, false, true},
    {"falcon", FALCON, false, false, false},
    {"deepseek-llm", DEEPSEEK_LLM, false, false, true},
    {"deepseek-coder", DEEPSEEK_CODER, false, false, true},
};

static const struct pre *find_pre(struct reading *r) {
  const char *name = text_of(r, "pre");
  for (size_t i = 0; name != NULL && i < sizeof pres / sizeof pres[0]; i++)
    if (strcmp(pres[i].name, name) == 0)
      return &pres[i];
  error_set(r->err, TFM_ERROR_TOKENIZER, "%s: `" PREFIX "pre` is %s%.64s%s", r->file.path,
            name ? "`" : "missing", name ? name : "",
            name ? "`, which stands for a pattern that tfm does not know" : "");
  error_note(r->err, "expected: gpt-2, llama-bpe, qwen2, qwen35, smollm, starcoder, refact, "
                     "command-r, mpt, falcon, deepseek-llm or deepseek-coder");
  error_note(r->err, "help: put the model's tokenizer.json beside the file");
  return NULL;
}

static json_t *post_processor(const struct reading *r, const struct pre *pre) {
  const char *bos = legacy_spelling(&r->legacy, "bos_token", NULL);
  const char *eos = legacy_spelling(&r->legacy, "eos_token", NULL);
  struct legacy_part single[4] = {{0}}, pair[7] = {{0}};
  size_t n = 0, m = 0;
  if (!legacy_flag(&r->legacy, "add_bos_token", pre->bos))
    bos = NULL;
  if (!legacy_flag(&r->legacy, "add_eos_token", false))
    eos = NULL;
  if (bos == NULL && eos == NULL)
    return json_pack("{s:s, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets",
                     0);
  for (int text = 0; text < 2; text++) {
    if (bos != NULL)
      pair[m++] = (struct legacy_part){bos, NULL, text};
    pair[m++] = (struct legacy_part){NULL, text ? "B" : "A", text};
    if (eos != NULL)
      pair[m++] = (struct legacy_part){eos, NULL, text};
    for (; text == 0 && n < m; n++)
      single[n] = pair[n];
  }
  return legacy_template(&r->legacy, single, pair);
}

static int read_merges(struct reading *r, json_t **out) {
  const struct gguf_value *value = value_of(r, "merges");
  struct gguf_texts texts;
  struct gguf_text text;
  if (!gguf_texts_begin(&texts, value) || !value->array)
    return refuse(r, "merges", "is no array of texts");
  *out = json_array();
  for (uint64_t i = 0; *out != NULL && i < value->count; i++)
    if (!gguf_texts_next(&texts, &text) || !gguf_text_is_clean(text) ||
        json_array_append_new(*out, json_stringn(text.text, text.length)) != 0) {
      json_decref(*out);
      return refuse(r, "merges", "has one that is no text");
    }
  return *out == NULL ? error_oom(r->err) : 0;
}

static int read_gpt2(struct reading *r, json_t **out) {
  const struct pre *pre = find_pre(r);
  json_t *merges;
  if (pre == NULL || set_vocab(r) != 0 || add_tokens(r) != 0 || read_merges(r, &merges) != 0)
    return -1;
  *out = json_pack("{s:O, s:o, s:o, s:o, s:{s:s, s:b, s:b}, s:{s:s, s:b, s:O, s:o}}",
                   "added_tokens", r->legacy.added, /* */
                   "normalizer", pre->nfc ? json_pack("{s:s}", "type", "NFC") : json_null(),
                   "pre_tokenizer", json_loads(pre->json, 0, NULL), /* */
                   "post_processor", post_processor(r, pre),        /* */
                   "decoder", "type", "ByteLevel", "add_prefix_space", 1, "trim_offsets", 1,
                   "model", "type", "BPE", "ignore_merges", pre->whole_words, "vocab",
                   r->legacy.vocab, "merges", merges);
  return *out == NULL ? error_oom(r->err) : 0;
}

static int read_kind(struct reading *r, json_t **out) {
  static const struct {
    const char *name;
    int (*read)(struct reading *r, json_t **out);
  } kinds[] = {{"llama", read_llama}, {"gpt2", read_gpt2}, {"bert", read_bert}};
  const char *name = text_of(r, "model");
  bool bert = name != NULL && strcmp(name, "bert") == 0;
  if (name == NULL)
    return refuse(r, "model", "is missing: there is no tokenizer in it");
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i].name, name) == 0)
      return read_tokens(r, bert) != 0 || read_types(r) != 0 || set_config(r, bert) != 0
                 ? -1
                 : kinds[i].read(r, out);
  error_set(r->err, TFM_ERROR_TOKENIZER,
            "%s: `" PREFIX "model` is `%.64s`, which tfm does not read", r->file.path, name);
  error_note(r->err, "expected: llama, gpt2 or bert");
  error_note(r->err, "help: put the model's tokenizer.json beside the file");
  return -1;
}

int gguf_tokenizer_read(const char *path, json_t **out, json_t **roles, struct tfm_error *err) {
  struct reading r = {.err = err, .legacy = {.err = err}};
  *out = *roles = NULL;
  if (gguf_open(&r.file, path, err) != 0)
    return -1;
  map_init(&r.model.by_text);
  r.legacy.config = json_object();
  r.legacy.added = json_array();
  r.legacy.seen = json_object();
  r.legacy.directory = r.file.path;
  int status =
      r.legacy.config && r.legacy.added && r.legacy.seen ? read_kind(&r, out) : error_oom(err);
  if (status == 0)
    *roles = json_incref(r.legacy.config);
  sentencepiece_finish(&r.model);
  legacy_finish(&r.legacy);
  gguf_finish(&r.file);
  return status;
}
