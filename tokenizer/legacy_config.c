/* legacy_config.c - flags and tokens from the small files beside a vocabulary. */
#include "tokenizer/legacy.h"

#include <stdlib.h>
#include <string.h>

static const char *const roles[] = {
    "bos_token", "eos_token", "unk_token",  "sep_token",
    "pad_token", "cls_token", "mask_token", "additional_special_tokens"};

static const struct {
  const char *class; /* without "Fast" */
  enum legacy_family family;
} classes[] = {
    {"BertTokenizer", LEGACY_BERT},       {"DistilBertTokenizer", LEGACY_BERT},
    {"ElectraTokenizer", LEGACY_BERT},    {"MobileBertTokenizer", LEGACY_BERT},
    {"MPNetTokenizer", LEGACY_MPNET},     {"GPT2Tokenizer", LEGACY_GPT2},
    {"RobertaTokenizer", LEGACY_ROBERTA}, {"BartTokenizer", LEGACY_ROBERTA},
    {"T5Tokenizer", LEGACY_T5},           {"MT5Tokenizer", LEGACY_T5},
    {"LlamaTokenizer", LEGACY_LLAMA},     {"GemmaTokenizer", LEGACY_LLAMA},
};

/* ---- reading ---- */

static int read_beside(struct legacy *legacy, const char *name, json_t **out) {
  if (reader_beside(legacy->directory, name, out, legacy->err) != 0)
    return -1;
  if (*out == NULL || json_is_object(*out))
    return 0;
  json_decref(*out);
  *out = NULL;
  return error_set(legacy->err, TFM_ERROR_TOKENIZER, "%s/%s: expected an object", legacy->directory,
                   name);
}

/* Without added_tokens_decoder the roles of special_tokens_map.json come first, and
 * added_tokens.json has the rest: so the reference. */
static int read_older(struct legacy *legacy) {
  json_t *map, *added;
  if (read_beside(legacy, "special_tokens_map.json", &map) != 0)
    return -1;
  for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
    json_t *value = json_object_get(map, roles[i]);
    if (value != NULL && json_object_set(legacy->config, roles[i], value) != 0) {
      json_decref(map);
      return error_oom(legacy->err);
    }
  }
  json_decref(map);
  if (read_beside(legacy, "added_tokens.json", &added) != 0)
    return -1;
  if (added != NULL && json_object_set_new(legacy->config, "added_tokens", added) != 0)
    return error_oom(legacy->err);
  return 0;
}

int legacy_open(struct legacy *legacy) {
  if (read_beside(legacy, "tokenizer_config.json", &legacy->config) != 0)
    return -1;
  if (legacy->config == NULL)
    legacy->config = json_object();
  legacy->added = json_array();
  legacy->seen = json_object();
  if (legacy->config == NULL || legacy->added == NULL || legacy->seen == NULL)
    return error_oom(legacy->err);
  if (json_is_object(json_object_get(legacy->config, "added_tokens_decoder")))
    return 0;
  return read_older(legacy);
}

void legacy_finish(struct legacy *legacy) {
  json_decref(legacy->config);
  json_decref(legacy->vocab);
  json_decref(legacy->added);
  json_decref(legacy->seen);
}

/* ---- asking ---- */

static bool is_class(const char *name, size_t length, const char *class) {
  return strlen(class) == length && strncmp(class, name, length) == 0;
}

int legacy_family(struct legacy *legacy, const char *path, enum legacy_family usual,
                  const enum legacy_family *allowed, enum legacy_family *out) {
  const json_t *value = json_object_get(legacy->config, "tokenizer_class");
  *out = usual;
  if (!json_is_string(value))
    return 0;
  const char *name = json_string_value(value);
  size_t length = strlen(name);
  if (length > 4 && strcmp(name + length - 4, "Fast") == 0)
    length -= 4;
  if (is_class(name, length, "PreTrainedTokenizer"))
    return 0;
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
    for (size_t a = 0; allowed[a] != LEGACY_NONE; a++)
      if (classes[i].family == allowed[a] && is_class(name, length, classes[i].class)) {
        *out = classes[i].family;
        return 0;
      }
  return error_set(legacy->err, TFM_ERROR_TOKENIZER,
                   "%s: tokenizer_config.json says %.64s, whose rules these files do not hold",
                   path, name);
}

bool legacy_flag(const struct legacy *legacy, const char *name, bool usual) {
  const json_t *value = json_object_get(legacy->config, name);
  return json_is_boolean(value) ? json_is_true(value) : usual;
}

/* "[SEP]" or {"content": "[SEP]", ...} */
static const json_t *content(const json_t *value) {
  if (json_is_object(value))
    value = json_object_get(value, "content");
  return json_is_string(value) ? value : NULL;
}

const char *legacy_spelling(const struct legacy *legacy, const char *role, const char *usual) {
  const json_t *value = json_object_get(legacy->config, role);
  if (value == NULL)
    return usual;
  return json_string_value(content(value));
}

json_int_t legacy_id(const struct legacy *legacy, const char *token) {
  const json_t *id = json_object_get(legacy->vocab, token);
  if (id == NULL)
    id = json_object_get(legacy->seen, token);
  return json_is_integer(id) ? json_integer_value(id) : -1;
}

/* ---- added tokens ---- */

static int flag_of(const json_t *flags, const char *name, bool usual) {
  const json_t *value = json_object_get(flags, name);
  return (json_is_boolean(value) ? json_is_true(value) : usual) ? 1 : 0;
}

/* The id that a token gets here: the vocabulary's, else the next one. */
static json_int_t give_id(struct legacy *legacy, const char *token, size_t length) {
  const json_t *id = json_object_getn(legacy->vocab, token, length);
  if (json_is_integer(id))
    return json_integer_value(id);
  if (legacy->next < (json_int_t)json_object_size(legacy->vocab))
    legacy->next = (json_int_t)json_object_size(legacy->vocab);
  return legacy->next++;
}

static int add_row(struct legacy *legacy, const char *token, size_t length, const json_t *flags,
                   bool special, bool lstrip) {
  special = flag_of(flags, "special", special) == 1;
  if (length == 0 || json_object_getn(legacy->seen, token, length) != NULL)
    return 0;
  json_int_t id = give_id(legacy, token, length);
  json_t *row =
      json_pack("{s:I, s:s%, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", token, length,
                "single_word", flag_of(flags, "single_word", false), "lstrip",
                flag_of(flags, "lstrip", lstrip), "rstrip", flag_of(flags, "rstrip", false),
                "normalized", flag_of(flags, "normalized", !special), "special", special ? 1 : 0);
  if (row == NULL || json_array_append_new(legacy->added, row) != 0 ||
      json_object_setn_new(legacy->seen, token, length, json_integer(id)) != 0)
    return error_oom(legacy->err);
  return 0;
}

int legacy_add(struct legacy *legacy, const char *token, size_t length, bool special) {
  json_t *raw = json_pack("{s:b}", "normalized", 0);
  int status =
      raw == NULL ? error_oom(legacy->err) : add_row(legacy, token, length, raw, special, false);
  json_decref(raw);
  return status;
}

/* A token as the configuration writes it: its text, or an object with flags. */
static int add_value(struct legacy *legacy, const json_t *value, bool lstrip) {
  const json_t *text = content(value);
  if (text == NULL)
    return 0;
  return add_row(legacy, json_string_value(text), json_string_length(text),
                 json_is_object(value) ? value : NULL, true, lstrip);
}

struct numbered {
  json_int_t id;
  const char *token; /* added_tokens.json's key; NULL: value has it */
  const json_t *value;
};

static int by_id(const void *a, const void *b) {
  const struct numbered *left = a, *right = b;
  return left->id < right->id ? -1 : left->id > right->id;
}

/* What the configuration says of a token in one of its roles or in its list: its
 * text or an object; NULL if it is not special. */
static const json_t *special_value(const struct legacy *legacy, const char *token,
                                   const struct legacy_role *role, size_t count, bool *lstrip) {
  json_t *list = json_object_get(legacy->config, "additional_special_tokens"), *value;
  size_t i;
  for (i = 0; i < count; i++) {
    const char *text = legacy_spelling(legacy, role[i].role, role[i].usual);
    if (text == NULL || strcmp(text, token) != 0)
      continue;
    *lstrip = role[i].lstrip;
    value = json_object_get(legacy->config, role[i].role);
    return value != NULL ? value : json_object_get(legacy->config, "added_tokens");
  }
  json_array_foreach(list, i, value) {
    const json_t *text = content(value);
    if (text != NULL && strcmp(json_string_value(text), token) == 0)
      return value;
  }
  return NULL;
}

/* added_tokens.json tells no flags: those of a special token are said elsewhere. */
static int add_bare(struct legacy *legacy, const char *token, const struct legacy_role *role,
                    size_t count) {
  bool lstrip = false;
  const json_t *value = special_value(legacy, token, role, count, &lstrip);
  const json_t *flags = json_object_get(value, "content") != NULL ? value : NULL;
  return add_row(legacy, token, strlen(token), flags, value != NULL, lstrip);
}

static int add_content(struct legacy *legacy, const struct numbered *row) {
  const json_t *text = content(row->value);
  if (text == NULL)
    return error_set(legacy->err, TFM_ERROR_TOKENIZER,
                     "%s/tokenizer_config.json: added_tokens_decoder[\"%lld\"]: no content",
                     legacy->directory, (long long)row->id);
  return add_row(legacy, json_string_value(text), json_string_length(text), row->value, false,
                 false);
}

/* {"7": {"content": "<x>", ...}} or {"<x>": 7}, by id */
static int add_numbered(struct legacy *legacy, const json_t *object, bool decoder,
                        const struct legacy_role *role, size_t count) {
  struct numbered *rows = calloc(json_object_size(object) + 1, sizeof *rows);
  size_t n = 0;
  const char *key;
  json_t *value;
  int status = 0;
  if (rows == NULL)
    return error_oom(legacy->err);
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    rows[n++] = decoder ? (struct numbered){strtoll(key, NULL, 10), NULL, value}
                        : (struct numbered){json_integer_value(value), key, value};
  }
  qsort(rows, n, sizeof *rows, by_id);
  for (size_t i = 0; i < n && status == 0; i++)
    status = decoder ? add_content(legacy, &rows[i]) : add_bare(legacy, rows[i].token, role, count);
  free(rows);
  return status;
}

static int add_role(struct legacy *legacy, const struct legacy_role *role) {
  const json_t *value = json_object_get(legacy->config, role->role);
  if (value != NULL)
    return add_value(legacy, value, role->lstrip);
  return role->usual == NULL
             ? 0
             : add_row(legacy, role->usual, strlen(role->usual), NULL, true, role->lstrip);
}

/* A list, or (extra_special_tokens) an object of roles. */
static int add_more(struct legacy *legacy, const char *name) {
  json_t *list = json_object_get(legacy->config, name), *value;
  const char *key;
  size_t i;
  json_array_foreach(list, i, value) {
    if (add_value(legacy, value, false) != 0)
      return -1;
  }
  json_object_foreach(list, key, value) {
    if (add_value(legacy, value, false) != 0)
      return -1;
  }
  return 0;
}

int legacy_add_tokens(struct legacy *legacy, const struct legacy_role *role, size_t count) {
  const json_t *decoder = json_object_get(legacy->config, "added_tokens_decoder");
  const json_t *added = json_object_get(legacy->config, "added_tokens");
  if (json_is_object(decoder) && add_numbered(legacy, decoder, true, role, count) != 0)
    return -1;
  if (json_is_object(added) && add_numbered(legacy, added, false, role, count) != 0)
    return -1;
  for (size_t i = 0; i < count; i++)
    if (add_role(legacy, &role[i]) != 0)
      return -1;
  return add_more(legacy, "additional_special_tokens") == 0
             ? add_more(legacy, "extra_special_tokens")
             : -1;
}

/* ---- templates ---- */

static bool put_parts(const struct legacy *legacy, json_t *list, json_t *specials,
                      const struct legacy_part *part) {
  for (; part->special != NULL || part->sequence != NULL; part++) {
    json_t *row = part->special != NULL ? json_pack("{s:{s:s, s:i}}", "SpecialToken", "id",
                                                    part->special, "type_id", part->type)
                                        : json_pack("{s:{s:s, s:i}}", "Sequence", "id",
                                                    part->sequence, "type_id", part->type);
    if (row == NULL || json_array_append_new(list, row) != 0)
      return false;
    if (part->special != NULL &&
        json_object_set_new(specials, part->special,
                            json_pack("{s:s, s:[I], s:[s]}", "id", part->special, "ids",
                                      legacy_id(legacy, part->special), "tokens", part->special)) !=
            0)
      return false;
  }
  return true;
}

json_t *legacy_template(const struct legacy *legacy, const struct legacy_part *single,
                        const struct legacy_part *pair) {
  json_t *one = json_array(), *two = json_array(), *specials = json_object();
  if (one != NULL && two != NULL && specials != NULL && put_parts(legacy, one, specials, single) &&
      put_parts(legacy, two, specials, pair))
    return json_pack("{s:s, s:o, s:o, s:o}", "type", "TemplateProcessing", "single", one, "pair",
                     two, "special_tokens", specials);
  json_decref(one);
  json_decref(two);
  json_decref(specials);
  return NULL;
}
