/* roles.c - which token begins, ends, pads, masks; whether tokens have types. */
#include "tokenizer/internal.h"

#include <stdlib.h>
#include <string.h>

/* One row a role: its field, where its id goes, its usual spellings. */
static const struct {
  const char *field;
  size_t offset;
  const char *usual[4];
} roles[] = {
    {"bos_token",
     offsetof(struct tokenizer_roles, bos),
     {"<s>", "<|begin_of_text|>", "<bos>", "<|endoftext|>"}},
    {"eos_token", offsetof(struct tokenizer_roles, eos), {"</s>", "<|endoftext|>", "<eos>"}},
    {"unk_token", offsetof(struct tokenizer_roles, unk), {"[UNK]", "<unk>"}},
    {"sep_token", offsetof(struct tokenizer_roles, sep), {"[SEP]"}},
    {"pad_token", offsetof(struct tokenizer_roles, pad), {"[PAD]", "<pad>"}},
    {"cls_token", offsetof(struct tokenizer_roles, cls), {"[CLS]"}},
    {"mask_token", offsetof(struct tokenizer_roles, mask), {"[MASK]", "<mask>"}},
};
enum { ROLES = sizeof roles / sizeof roles[0], LONGEST_LIMIT = 1 << 30 };

static int32_t *role(struct tokenizer *tokenizer, size_t i) {
  return (int32_t *)(void *)((char *)&tokenizer->roles + roles[i].offset);
}

/* "bos_token": "<s>" or {"content": "<s>", ...} */
static void read_roles(struct tokenizer *tokenizer, const json_t *json, bool none[ROLES]) {
  for (size_t i = 0; i < ROLES; i++) {
    const json_t *value = json_object_get(json, roles[i].field);
    none[i] = none[i] || json_is_null(value);
    if (json_is_object(value))
      value = json_object_get(value, "content");
    if (*role(tokenizer, i) < 0 && json_is_string(value))
      *role(tokenizer, i) = tokenizer_id(tokenizer, json_string_value(value));
  }
}

/* The name of a class, with "Fast" at its end or without. */
static bool is_class(const char *name, const char *class) {
  size_t length = strlen(class);
  return strncmp(name, class, length) == 0 &&
         (name[length] == '\0' || strcmp(name + length, "Fast") == 0);
}

static bool class_pads_left(const json_t *name) {
  static const char *const left[] = {"LlamaTokenizer", "CodeLlamaTokenizer", "CohereTokenizer",
                                     "GemmaTokenizer", "XLNetTokenizer"};
  for (size_t i = 0; json_is_string(name) && i < sizeof left / sizeof left[0]; i++)
    if (is_class(json_string_value(name), left[i]))
      return true;
  return false;
}

/* What tokenizer_config.json says of whole texts.  "No bound" is written as 1e30. */
static void read_settings(struct tokenizer *tokenizer, const json_t *json) {
  const json_t *side = json_object_get(json, "truncation_side");
  const json_t *pads = json_object_get(json, "padding_side");
  const json_t *longest = json_object_get(json, "model_max_length");
  if (longest == NULL) /* as it was called before */
    longest = json_object_get(json, "max_len");
  if (json_is_string(pads))
    tokenizer->pads_left = strcmp(json_string_value(pads), "left") == 0;
  else
    tokenizer->pads_left = tokenizer->limits.pads
                               ? tokenizer->limits.pads_left
                               : class_pads_left(json_object_get(json, "tokenizer_class"));
  tokenizer->plain = json_is_true(json_object_get(json, "split_special_tokens"));
  double most = json_number_value(longest);
  if (json_is_string(side))
    tokenizer->limits.side_left = strcmp(json_string_value(side), "left") == 0;
  tokenizer->longest = most >= 1 && most < LONGEST_LIMIT ? (size_t)most : 0;
}

/* Does a class of transformers 5 give the model token types? */
static enum tokenizer_types types_of_class(const char *name) {
  static const char *const without[] = {"TokenizersBackend", "DistilBertTokenizer",
                                        "RobertaTokenizer",  "XLMRobertaTokenizer",
                                        "MPNetTokenizer",    "AlbertTokenizer"};
  for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
    if (is_class(name, without[i]))
      return TOKENIZER_TYPES_NONE;
  return is_class(name, "PreTrainedTokenizer") ? TOKENIZER_TYPES_UNSAID : TOKENIZER_TYPES_FILE;
}

/* model_input_names, else the class.  PreTrainedTokenizer has types in transformers 4, where
 * such checkpoints are from, and none in 5. */
static void read_types(struct tokenizer *tokenizer, const json_t *json) {
  const json_t *names = json_object_get(json, "model_input_names"), *item;
  const char *class = json_string_value(json_object_get(json, "tokenizer_class"));
  size_t i;
  tokenizer->types = class && !json_is_array(names) ? types_of_class(class) : TOKENIZER_TYPES_FILE;
  if (json_is_array(names))
    tokenizer->types = TOKENIZER_TYPES_NONE;
  json_array_foreach((json_t *)names, i, item) {
    if (json_is_string(item) && strcmp(json_string_value(item), "token_type_ids") == 0)
      tokenizer->types = TOKENIZER_TYPES_FILE;
  }
}

/* The older file goes before, unless there is an added_tokens_decoder: so the reference. */
static int read_files(struct tokenizer *tokenizer, const char *directory, bool none[ROLES],
                      struct tfm_error *err) {
  json_t *config, *map = NULL;
  int status = reader_beside(directory, "tokenizer_config.json", &config, err);
  if (status == 0)
    status = reader_beside(directory, "special_tokens_map.json", &map, err);
  bool newer = json_object_get(config, "added_tokens_decoder") != NULL;
  if (status == 0) {
    read_roles(tokenizer, newer ? config : map, none);
    read_roles(tokenizer, newer ? map : config, none);
    read_settings(tokenizer, config);
    read_types(tokenizer, config);
  }
  json_decref(config);
  json_decref(map);
  return status;
}

int roles_find(struct tokenizer *tokenizer, const char *directory, const json_t *config,
               struct tfm_error *err) {
  int32_t cls, sep;
  bool none[ROLES] = {false}; /* said to be null */
  tokenizer->roles = (struct tokenizer_roles){-1, -1, -1, -1, -1, -1, -1};
  if (config != NULL)
    read_roles(tokenizer, config, none);
  else if (read_files(tokenizer, directory, none, err) != 0)
    return -1;
  post_processor_special(tokenizer->post_processor, &cls, &sep);
  if (tokenizer->roles.cls < 0)
    tokenizer->roles.cls = cls;
  if (tokenizer->roles.sep < 0)
    tokenizer->roles.sep = sep;
  for (size_t i = 0; i < ROLES; i++)
    for (size_t u = 0; u < 4 && roles[i].usual[u] != NULL; u++) {
      const char *name = roles[i].usual[u];
      const struct added_token *added = added_by_text(&tokenizer->added, name, strlen(name));
      if (*role(tokenizer, i) < 0 && !none[i] && added != NULL)
        *role(tokenizer, i) = added->id;
    }
  return 0;
}
