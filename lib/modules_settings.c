/* modules_settings.c - what is said of a sentence-transformers directory as a whole. */
#include "lib/module_file.h"
#include "lib/modules.h"

#include <string.h>

/* ------------------------------------------- config_sentence_transformers.json */

static const struct key_rule model_keys[] = {
    {"__version__", KEY_ANY, true, NULL},
    {"requirements", KEY_ANY, true, NULL},
    {"model_type", KEY_TEXT, false, NULL},
    {"prompts", KEY_MAP, true, NULL},
    {"default_prompt_name", KEY_TEXT, true, NULL},
    {"truncate_dim", KEY_COUNT, true, NULL},
    {"activation_fn", KEY_TEXT, true, NULL},
    /* How two vectors are compared: none is here. */
    {"similarity_fn_name", KEY_TEXT, true, NULL},
    /* Everything is computed in f32. */
    {"keep_in_fp32_modules", KEY_ANY, true, NULL},
};

static int copy(struct modules *out, const struct module_file *file, const char *key,
                struct tfm_error *err) {
  json_t *value = json_object_get(file->root, key);
  if (!value || json_is_null(value) || json_object_set(out->root, key, value) == 0)
    return 0;
  return error_oom(err);
}

/* The names that every model has, with or without a text. */
static bool is_usual_prompt(const char *name) {
  return strcmp(name, "query") == 0 || strcmp(name, "document") == 0;
}

static int find_default_prompt(struct modules *out, const struct module_file *file,
                               struct tfm_error *err) {
  const char *name = json_string_value(json_object_get(file->root, "default_prompt_name"));
  out->prompts = json_object_get(out->root, "prompts");
  if (!name)
    return 0;
  const json_t *text = json_object_get(out->prompts, name);
  if (!text && !is_usual_prompt(name))
    return module_file_refuse(file, "default_prompt_name", err, "is \"%.64s\", which is no prompt",
                              name);
  out->prompt = json_string_value(text);
  return 0;
}

static int check_model_type(struct modules *out, const struct module_file *file,
                            struct tfm_error *err) {
  const char *type = json_string_value(json_object_get(file->root, "model_type"));
  out->cross_encoder = type && strcmp(type, "CrossEncoder") == 0;
  out->sparse = type && strcmp(type, "SparseEncoder") == 0;
  if (!type || out->cross_encoder || out->sparse || strcmp(type, "SentenceTransformer") == 0)
    return 0;
  return module_file_refuse(file, "model_type", err, "is \"%.64s\", which is not supported", type);
}

static int read_model(struct modules *out, const char *dir, struct tfm_error *err) {
  struct module_file file;
  int status = module_file_open(dir, "", "config_sentence_transformers.json", &file, err);
  if (status == 0 && file.root) {
    status = module_file_check(&file, KEY_RULES(model_keys), err);
    if (status == 0)
      status = check_model_type(out, &file, err);
    static const char *const kept[] = {"model_type", "prompts", "truncate_dim", "activation_fn"};
    for (size_t i = 0; status == 0 && i < sizeof kept / sizeof kept[0]; i++)
      status = copy(out, &file, kept[i], err);
    if (status == 0)
      status = find_default_prompt(out, &file, err);
  }
  module_file_finish(&file);
  return status;
}

/* ---------------------------------------------------- sentence_bert_config.json */

static const struct key_rule body_keys[] = {
    {"max_seq_length", KEY_COUNT, true, NULL},
    {"do_lower_case", KEY_BOOL, false, NULL},
    {"transformer_task", KEY_TEXT, false, NULL},
    {"module_output_name", KEY_TEXT, false, NULL},
    {"modality_config", KEY_ANY, false, NULL},
    /* Padding changes no number here. */
    {"unpad_inputs", KEY_ANY, true, NULL},
    {"processing_kwargs", KEY_EMPTY, true, NULL},
    {"query_length", KEY_EMPTY, true, NULL},
    {"document_length", KEY_EMPTY, true, NULL},
    {"query_expansion", KEY_EMPTY, true, NULL},
    {"model_args", KEY_EMPTY, true, NULL},
    {"model_kwargs", KEY_EMPTY, true, NULL},
    {"config_args", KEY_EMPTY, true, NULL},
    {"config_kwargs", KEY_EMPTY, true, NULL},
    {"tokenizer_args", KEY_EMPTY, true, NULL},
    {"processor_kwargs", KEY_EMPTY, true, NULL},
    {"tokenizer_name_or_path", KEY_EMPTY, true, NULL},
};

/* What the body is asked for: its hidden states, or a classifier's logits. */
static int check_output(const struct modules *out, const struct module_file *file,
                        struct tfm_error *err) {
  const struct {
    const char *key, *sentence, *cross, *sparse;
  } wanted[] = {{"transformer_task", "feature-extraction", "sequence-classification", "fill-mask"},
                {"module_output_name", "token_embeddings", "scores", "token_embeddings"}};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    const char *value = json_string_value(json_object_get(file->root, wanted[i].key));
    const char *only = out->cross_encoder ? wanted[i].cross
                       : out->sparse      ? wanted[i].sparse
                                          : wanted[i].sentence;
    if (value && strcmp(value, only) != 0)
      return module_file_refuse(file, wanted[i].key, err, "is \"%.64s\"; only \"%s\" is supported",
                                value, only);
  }
  const json_t *text = json_object_get(file->root, "modality_config");
  if (!text)
    return 0;
  size_t modes = json_object_size(text);
  bool logits = out->cross_encoder || out->sparse;
  text = json_object_get(text, "text");
  const char *method = json_string_value(json_object_get(text, "method"));
  const char *name = json_string_value(json_object_get(text, "method_output_name"));
  if (modes == 1 && json_object_size(text) == 2 && method && strcmp(method, "forward") == 0 &&
      name && strcmp(name, logits ? "logits" : "last_hidden_state") == 0)
    return 0;
  return module_file_refuse(file, "modality_config", err, "has to be text, by `forward`, as `%s`",
                            logits ? "logits" : "last_hidden_state");
}

static int read_body(struct modules *out, const char *dir, struct tfm_error *err) {
  static const char *const names[] = {
      "sentence_bert_config.json",       "sentence_roberta_config.json",
      "sentence_distilbert_config.json", "sentence_camembert_config.json",
      "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
      "sentence_xlnet_config.json"};
  struct module_file file = {0};
  int status = 0;
  for (size_t i = 0; status == 0 && !file.root && i < sizeof names / sizeof names[0]; i++) {
    module_file_finish(&file);
    status = module_file_open(dir, "", names[i], &file, err);
  }
  if (status == 0 && file.root) {
    status = module_file_check(&file, KEY_RULES(body_keys), err);
    if (status == 0)
      status = check_output(out, &file, err);
    out->max_seq_length = json_integer_value(json_object_get(file.root, "max_seq_length"));
    out->lower_case = json_is_true(json_object_get(file.root, "do_lower_case"));
  }
  module_file_finish(&file);
  return status;
}

int module_settings_read(struct modules *out, const char *dir, struct tfm_error *err) {
  return read_model(out, dir, err) != 0 || read_body(out, dir, err) != 0 ? -1 : 0;
}
