/* rebuild_class.c - which class of the reference reads a tokenizer, and its usual tokens. */
#include "tokenizer/rebuild.h"

#include <string.h>

static const struct {
  const char *name; /* of a class, without "Fast" */
  enum rebuild_family family;
} classes[] =
    {
        {"BertTokenizer", FAMILY_BERT},       {"DistilBertTokenizer", FAMILY_BERT},
        {"ElectraTokenizer", FAMILY_BERT},    {"MobileBertTokenizer", FAMILY_BERT},
        {"GPT2Tokenizer", FAMILY_GPT2},       {"LlamaTokenizer", FAMILY_LLAMA},
        {"PreTrainedTokenizer", FAMILY_FILE}, {"TokenizersBackend", FAMILY_FILE},
},
  types[] = {
      /* model_type of config.json, where no class is named */
      {"bert", FAMILY_BERT},     {"distilbert", FAMILY_BERT}, {"electra", FAMILY_BERT},
      {"convbert", FAMILY_BERT}, {"gpt2", FAMILY_GPT2},       {"gpt_neo", FAMILY_GPT2},
      {"gptj", FAMILY_GPT2},     {"codegen", FAMILY_GPT2},    {"opt", FAMILY_GPT2},
};

static enum rebuild_family family_of_class(const char *name) {
  size_t length = strlen(name);
  if (length > 4 && strcmp(name + length - 4, "Fast") == 0)
    length -= 4;
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (strlen(classes[i].name) == length && strncmp(classes[i].name, name, length) == 0)
      return classes[i].family;
  return FAMILY_OTHER;
}

static bool takes_file(const char *type) {
  static const char *const types_of_file[] = {
#define X(name) name,
#include "tokenizer/file_types.def"
#undef X
  };
  for (size_t i = 0; type != NULL && i < sizeof types_of_file / sizeof *types_of_file; i++)
    if (strcmp(types_of_file[i], type) == 0)
      return true;
  return false;
}

enum rebuild_family rebuild_family(const json_t *config, const json_t *model, const char **class) {
  const char *type = json_string_value(json_object_get(model, "model_type"));
  *class = json_string_value(json_object_get(config, "tokenizer_class"));
  if (*class == NULL)
    *class = json_string_value(json_object_get(model, "tokenizer_class"));
  if (takes_file(type))
    return FAMILY_FILE;
  if (*class != NULL)
    return family_of_class(*class);
  for (size_t i = 0; type != NULL && i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, type) == 0)
      return types[i].family;
  return FAMILY_FILE;
}

/* Their usual special tokens: bos, eos, unk, sep, pad, cls, mask. */
static const char *const usual[][REBUILD_ROLES] = {
    [FAMILY_FILE] = {NULL},
    [FAMILY_OTHER] = {NULL},
    [FAMILY_BERT] = {NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
    [FAMILY_GPT2] = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>"},
    [FAMILY_LLAMA] = {"<s>", "</s>", "<unk>"},
};

const char *const *rebuild_usual(enum rebuild_family family) {
  return usual[family];
}
