/* config.c - keys by the table, and what only the tensors say. */
#include "checkpoint/gguf/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 256, NEST_MAX = 8 };

static int config_refuse(const struct gguf *file, const char *key, const char *what,
                         struct tfm_error *err) {
  error_set(err, TFM_ERROR_CHECKPOINT, "key `%.128s` of `%s` %s", key, file->path, what);
  return gguf_refuse(file, err);
}

/* 1e-5 in f32 is 9.99999974737875e-06; config.json said 1e-05. */
double gguf_shortest(double value) {
  char text[64];
  for (int digits = 1; digits < 9; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    double shorter = strtod(text, NULL);
    if ((float)shorter == (float)value)
      return shorter;
  }
  return value;
}

static json_t *element(const struct gguf_value *value, uint64_t i) {
  int64_t whole;
  double real;
  if (value->kind == GGUF_BOOL && i < value->count)
    return json_boolean(value->data[i]);
  if (gguf_integer(value, i, &whole))
    return json_integer((json_int_t)whole);
  if (gguf_real(value, i, &real) && isfinite(real))
    return json_real(value->kind == GGUF_F32 ? gguf_shortest(real) : real);
  return NULL;
}

/* Are all elements of the array one value? */
static bool is_constant(const struct gguf_value *value) {
  size_t size = value->count ? value->size / value->count : 0;
  for (uint64_t i = 1; i < value->count; i++)
    if (memcmp(value->data, value->data + i * size, size) != 0)
      return false;
  return value->count > 0;
}

int gguf_scalar(const struct gguf *file, const char *key, json_t **out, struct tfm_error *err) {
  const struct gguf_value *value = gguf_value(file, key);
  *out = NULL;
  if (!value)
    return 0;
  if (value->kind == GGUF_TEXT || value->kind == GGUF_ARRAY)
    return config_refuse(file, key, "is no number", err);
  if (value->array && !is_constant(value))
    return config_refuse(file, key, "has several values, which tfm does not read", err);
  *out = element(value, 0);
  return *out ? 0 : config_refuse(file, key, "is no finite number that fits 64 bits", err);
}

/* config[to] = the value of key, if there is one. */
static int copy_key(const struct gguf *file, json_t *config, const char *key, const char *to,
                    struct tfm_error *err) {
  json_t *value;
  if (gguf_scalar(file, key, &value, err) != 0)
    return -1;
  return value && json_object_set_new(config, to, value) != 0 ? error_oom(err) : 0;
}

static int copy_keys(const struct gguf *file, const struct gguf_architecture *architecture,
                     json_t *config, struct tfm_error *err) {
  char key[KEY_MAX];
  for (const struct gguf_key *row = architecture->keys; row->from; row++) {
    snprintf(key, sizeof key, "%s.%s", architecture->name, row->from);
    if (copy_key(file, config, key, row->to, err) != 0)
      return -1;
  }
  return 0;
}

/* ------------------------------------------------- an architecture of its own */

/* config.a.b = value, which is taken over; false = a or b is something else. */
static bool set_nested(json_t *config, const char *path, json_t *value) {
  char part[KEY_MAX];
  json_t *at = config;
  for (unsigned depth = 0; at && depth < NEST_MAX; depth++) {
    size_t length = strcspn(path, ".");
    if (length >= sizeof part)
      break;
    memcpy(part, path, length);
    part[length] = '\0';
    json_t *inner = json_object_get(at, part);
    if (path[length] == '\0') {
      if (inner)
        break;
      return json_object_set_new(at, part, value) == 0;
    }
    if (!inner) {
      inner = json_object();
      if (json_object_set_new(at, part, inner) != 0)
        inner = NULL;
    }
    at = json_is_object(inner) ? inner : NULL;
    path += length + 1;
  }
  json_decref(value);
  return false;
}

/* Numbers and truth values; texts and long arrays are not configuration. */
static int copy_all(const struct gguf *file, const char *name, json_t *config,
                    struct tfm_error *err) {
  size_t length = strlen(name);
  for (size_t i = 0; i < file->value_count; i++) {
    const struct gguf_value *value = &file->value[i];
    if (strncmp(value->key, name, length) != 0 || value->key[length] != '.' || value->array)
      continue;
    json_t *made = element(value, 0);
    if (made && !set_nested(config, value->key + length + 1, made))
      return config_refuse(file, value->key, "does not fit with the other keys", err);
  }
  return 0;
}

/* --------------------------------------------------------------- from tensors */

static int set_rows(const struct gguf *file, const char *tensor, json_t *config, const char *to,
                    struct tfm_error *err) {
  const struct gguf_tensor *t = gguf_find(file, tensor);
  if (!t || t->rank != 2)
    return 0;
  return json_object_set_new(config, to, json_integer((json_int_t)t->shape[0])) == 0
             ? 0
             : error_oom(err);
}

static int copy_stops(const struct gguf *file, json_t *config, struct tfm_error *err) {
  json_t *eos = json_object_get(config, "eos_token_id"), *eot;
  if (gguf_scalar(file, "tokenizer.ggml.eot_token_id", &eot, err) != 0)
    return -1;
  if (!eot || (eos && json_equal(eos, eot))) {
    json_decref(eot);
    return 0;
  }
  json_t *both = json_array();
  bool ok = both && (!eos || json_array_append(both, eos) == 0) &&
            json_array_append_new(both, eot) == 0 &&
            json_object_set(config, "eos_token_id", both) == 0;
  json_decref(both);
  return ok ? 0 : error_oom(err);
}

/* config[to] = whether the first layer has any of the tensors. */
static int set_presence(const struct gguf *file, const char *const *tensor, json_t *config,
                        const char *to, struct tfm_error *err) {
  bool any = false;
  for (; *tensor; tensor++)
    any = any || gguf_find(file, *tensor) != NULL;
  return json_object_set_new(config, to, json_boolean(any)) == 0 ? 0 : error_oom(err);
}

/* llama.cpp adds the biases that are there; config.json says whether they are to be. */
static int set_biases(const struct gguf *file, json_t *config, struct tfm_error *err) {
  static const char *const attention[] = {"blk.0.attn_q.bias", "blk.0.attn_k.bias",
                                          "blk.0.attn_v.bias", "blk.0.attn_output.bias", NULL};
  static const char *const mlp[] = {"blk.0.ffn_gate.bias", "blk.0.ffn_up.bias",
                                    "blk.0.ffn_down.bias", NULL};
  return set_presence(file, attention, config, "attention_bias", err) != 0
             ? -1
             : set_presence(file, mlp, config, "mlp_bias", err);
}

/* What every architecture has. */
static int set_common(const struct gguf *file, const struct gguf_architecture *architecture,
                      json_t *config, struct tfm_error *err) {
  static const struct gguf_key tokens[] = {{"tokenizer.ggml.bos_token_id", "bos_token_id"},
                                           {"tokenizer.ggml.eos_token_id", "eos_token_id"},
                                           {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
  const char *head = architecture ? architecture->head : "output.weight";
  for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
    if (copy_key(file, config, tokens[i].from, tokens[i].to, err) != 0)
      return -1;
  if (json_object_set_new(config, "tie_word_embeddings",
                          json_boolean(!head || !gguf_find(file, head))) != 0)
    return error_oom(err);
  return copy_stops(file, config, err) != 0 ||
                 set_rows(file, "token_embd.weight", config, "vocab_size", err) != 0 ||
                 set_rows(file, "token_types.weight", config, "type_vocab_size", err) != 0
             ? -1
             : 0;
}

static int fill(struct gguf *file, const char *name, json_t *config, struct tfm_error *err) {
  const struct gguf_architecture *architecture = gguf_architecture_find(name);
  if (json_object_set_new(config, "model_type", json_string(name)) != 0)
    return error_oom(err);
  if (!architecture)
    return copy_all(file, name, config, err) != 0 ? -1 : set_common(file, NULL, config, err);
  if (json_object_set_new(config, "architectures", json_pack("[s]", architecture->class)) != 0)
    return error_oom(err);
  return copy_keys(file, architecture, config, err) != 0 || set_biases(file, config, err) != 0 ||
                 set_common(file, architecture, config, err) != 0
             ? -1
             : gguf_rope(file, name, config, err);
}

int gguf_config(struct gguf *file, json_t **out, struct tfm_error *err) {
  const char *name = gguf_string(file, "general.architecture");
  *out = NULL;
  if (!name || !*name) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` does not say its general.architecture", file->path);
    return gguf_refuse(file, err);
  }
  json_t *config = json_object();
  if (!config)
    return error_oom(err);
  if (fill(file, name, config, err) != 0) {
    json_decref(config);
    return -1;
  }
  *out = config;
  return 0;
}

int gguf_config_read(const char *path, json_t **out, struct tfm_error *err) {
  struct gguf file;
  *out = NULL;
  if (gguf_open(&file, path, err) != 0)
    return -1;
  int status = gguf_config(&file, out, err);
  gguf_finish(&file);
  return status;
}
