/* modules.c - modules.json and what it leads to, into one object. */
#include "lib/modules.h"

#include "checkpoint/weights.h"
#include "graph/graph.h"
#include "lib/module_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of a module, and the object of its step. */
struct module {
  const char *dir, *path, *kind;
  int index;
  struct module_file config; /* of its folder */
  struct modules *out;
};

static int set_new(json_t *object, const char *key, json_t *value, struct tfm_error *err) {
  return json_object_set_new(object, key, value) == 0 ? 0 : error_oom(err);
}

/* ------------------------------------------------------------------- pooling */

/* In the order in which the vectors stand side by side. */
static const char *const pooling_mode[][2] = {
    {"pooling_mode_cls_token", "cls"},
    {"pooling_mode_max_tokens", "max"},
    {"pooling_mode_mean_tokens", "mean"},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"},
    {"pooling_mode_weightedmean_tokens", "weightedmean"},
    {"pooling_mode_lasttoken", "lasttoken"},
};
enum { POOLING_MODES = sizeof pooling_mode / sizeof pooling_mode[0] };

static const struct key_rule pooling_keys[] = {
    {"word_embedding_dimension", KEY_COUNT, false, NULL},
    {"embedding_dimension", KEY_COUNT, false, NULL},
    {"pooling_mode", KEY_MODES, false, NULL},
    {"include_prompt", KEY_BOOL, false, NULL},
    {"pooling_mode_cls_token", KEY_BOOL, false, NULL},
    {"pooling_mode_max_tokens", KEY_BOOL, false, NULL},
    {"pooling_mode_mean_tokens", KEY_BOOL, false, NULL},
    {"pooling_mode_mean_sqrt_len_tokens", KEY_BOOL, false, NULL},
    {"pooling_mode_weightedmean_tokens", KEY_BOOL, false, NULL},
    {"pooling_mode_lasttoken", KEY_BOOL, false, NULL},
};

static int add_mode(const struct module *m, json_t *modes, const char *name,
                    struct tfm_error *err) {
  for (size_t i = 0; i < POOLING_MODES; i++)
    if (strcmp(pooling_mode[i][1], name) == 0)
      return json_array_append_new(modes, json_string(name)) == 0 ? 0 : error_oom(err);
  module_file_refuse(&m->config, "pooling_mode", err, "is \"%.64s\", which is not supported", name);
  error_note(err, "expected: cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken");
  return -1;
}

/* pooling_mode, else the older keys; nothing said is the mean. */
static int read_modes(const struct module *m, json_t *modes, struct tfm_error *err) {
  const json_t *said = json_object_get(m->config.root, "pooling_mode");
  size_t listed = json_is_array(said) ? json_array_size(said) : said != NULL;
  for (size_t i = 0; i < listed; i++) {
    const json_t *one = json_is_array(said) ? json_array_get(said, i) : said;
    if (add_mode(m, modes, json_string_value(one), err) != 0)
      return -1;
  }
  for (size_t i = 0; !said && i < POOLING_MODES; i++)
    if (json_is_true(json_object_get(m->config.root, pooling_mode[i][0])) &&
        add_mode(m, modes, pooling_mode[i][1], err) != 0)
      return -1;
  return json_array_size(modes) ? 0 : add_mode(m, modes, "mean", err);
}

static int read_pooling(struct module *m, json_t *step, struct tfm_error *err) {
  json_t *modes = json_array();
  if (set_new(step, "modes", modes, err) != 0)
    return -1;
  if (!m->config.root)
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s is missing, which has to say how to pool",
                     m->config.path);
  if (module_file_check(&m->config, KEY_RULES(pooling_keys), err) != 0 ||
      read_modes(m, modes, err) != 0)
    return -1;
  const json_t *include = json_object_get(m->config.root, "include_prompt");
  return set_new(step, "include_prompt", json_boolean(!json_is_false(include)), err);
}

static const struct key_rule splade_keys[] = {
    {"pooling_strategy", KEY_TEXT, false, NULL},
    {"activation_function", KEY_TEXT, false, NULL},
    {"word_embedding_dimension", KEY_ANY, true, NULL},
    {"embedding_dimension", KEY_ANY, true, NULL},
    {"chunk_size", KEY_ANY, true, NULL},
};

/* One of two words; the first where nothing is said. */
static int read_word(const struct module *m, json_t *step, const char *key, const char *as,
                     const char *const word[2], struct tfm_error *err) {
  const char *said = json_string_value(json_object_get(m->config.root, key));
  said = said ? said : word[0];
  if (strcmp(said, word[0]) == 0 || strcmp(said, word[1]) == 0)
    return set_new(step, as, json_string(said), err);
  module_file_refuse(&m->config, key, err, "is \"%.64s\", which is not supported", said);
  error_note(err, "expected: %s or %s", word[0], word[1]);
  return -1;
}

static int read_splade(struct module *m, json_t *step, struct tfm_error *err) {
  static const char *const strategy[] = {"max", "sum"}, *const bend[] = {"relu", "log1p_relu"};
  if (m->config.root && module_file_check(&m->config, KEY_RULES(splade_keys), err) != 0)
    return -1;
  return read_word(m, step, "pooling_strategy", "strategy", strategy, err) != 0 ||
                 read_word(m, step, "activation_function", "activation", bend, err) != 0
             ? -1
             : 0;
}

/* -------------------------------------------------------- what comes after it */

#define SENTENCE "sentence_embedding"
static const struct key_rule dense_keys[] = {
    {"in_features", KEY_COUNT, false, NULL},
    {"out_features", KEY_COUNT, false, NULL},
    {"bias", KEY_BOOL, false, NULL},
    {"activation_function", KEY_TEXT, false, NULL},
    {"use_residual", KEY_BOOL, false, NULL},
    {"module_input_name", KEY_ONLY, false, SENTENCE},
    {"module_output_name", KEY_ONLY, true, SENTENCE},
};
static const struct key_rule normalize_keys[] = {
    {"module_input_name", KEY_ONLY, false, SENTENCE},
    {"module_output_name", KEY_ONLY, true, SENTENCE},
};
static const struct key_rule layer_norm_keys[] = {{"dimension", KEY_COUNT, false, NULL}};

/* The classes that torch.nn has under these names, whatever module path is written. */
static const char *const activation[][2] = {
    {"Tanh", "tanh"}, {"Identity", "identity"}, {"ReLU", "relu"},
    {"GELU", "gelu"}, {"SiLU", "silu"},
};

static int read_activation(const struct module *m, json_t *step, struct tfm_error *err) {
  const char *name = json_string_value(json_object_get(m->config.root, "activation_function"));
  name = name ? name : "torch.nn.modules.activation.Tanh";
  const char *last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
  for (size_t i = 0; i < sizeof activation / sizeof activation[0]; i++)
    if (strncmp(name, "torch.nn.", 9) == 0 && strcmp(activation[i][0], last) == 0)
      return set_new(step, "activation", json_string(activation[i][1]), err);
  module_file_refuse(&m->config, "activation_function", err,
                     "is \"%.128s\", which is not supported", name);
  error_note(err, "expected: torch.nn's Tanh, Identity, ReLU, GELU or SiLU");
  return -1;
}

/* The module's own tensors lie in its folder. */
static int find_weights(struct module *m, struct tfm_error *err) {
  char *folder = file_join(m->dir, m->path);
  char *path = folder ? file_join(folder, "model.safetensors") : NULL;
  int status = path ? 0 : error_oom(err);
  if (status == 0 && !file_is_there(path)) {
    status = error_set(err, TFM_ERROR_CHECKPOINT, "%s is missing", path);
    error_note(err, "help: a pytorch_model.bin is not read; save the model as safetensors");
  }
  free(folder);
  if (status != 0)
    return free(path), -1;
  m->out->weights[m->out->weights_count++] = (struct module_weights){path, m->index};
  return 0;
}

static int read_dense(struct module *m, json_t *step, struct tfm_error *err) {
  if (!m->config.root)
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s is missing", m->config.path);
  if (module_file_check(&m->config, KEY_RULES(dense_keys), err) != 0 ||
      read_activation(m, step, err) != 0)
    return -1;
  json_int_t in = json_integer_value(json_object_get(m->config.root, "in_features"));
  json_int_t width = json_integer_value(json_object_get(m->config.root, "out_features"));
  if (in == 0 || width == 0)
    return module_file_refuse(&m->config, in ? "out_features" : "in_features", err,
                              "has to be said");
  bool bias = !json_is_false(json_object_get(m->config.root, "bias"));
  bool residual = json_is_true(json_object_get(m->config.root, "use_residual"));
  const char *kind = !residual ? "none" : in == width ? "plain" : "linear";
  if (set_new(step, "in", json_integer(in), err) != 0 ||
      set_new(step, "out", json_integer(width), err) != 0 ||
      set_new(step, "bias", json_boolean(bias), err) != 0 ||
      set_new(step, "residual", json_string(kind), err) != 0)
    return -1;
  return find_weights(m, err);
}

static int read_normalize(struct module *m, json_t *step, struct tfm_error *err) {
  (void)step;
  return m->config.root ? module_file_check(&m->config, KEY_RULES(normalize_keys), err) : 0;
}

static int read_layer_norm(struct module *m, json_t *step, struct tfm_error *err) {
  (void)step;
  if (!m->config.root)
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s is missing", m->config.path);
  if (module_file_check(&m->config, KEY_RULES(layer_norm_keys), err) != 0)
    return -1;
  return find_weights(m, err);
}

/* ------------------------------------------------------------------ the table */

static const struct module_kind {
  const char *type, *kind; /* kind NULL = it does nothing when vectors are made */
  int (*read)(struct module *m, json_t *step, struct tfm_error *err);
} module_kinds[] = {
    {"Pooling", "pooling", read_pooling},
    {"SpladePooling", "sparse", read_splade},
    {"Dense", "dense", read_dense},
    {"Normalize", "normalize", read_normalize},
    {"LayerNorm", "layer_norm", read_layer_norm},
    {"Dropout", NULL, NULL},
};

static const struct module_kind *find_kind(const char *type) {
  const char *last = strrchr(type, '.');
  if (strncmp(type, "sentence_transformers.", 22) != 0 || !last)
    return NULL;
  for (size_t i = 0; i < sizeof module_kinds / sizeof module_kinds[0]; i++)
    if (strcmp(module_kinds[i].type, last + 1) == 0)
      return &module_kinds[i];
  return NULL;
}

/* Below the directory, and nowhere else. */
static bool is_inside(const char *path) {
  if (*path == '/' || strchr(path, '\\'))
    return false;
  for (const char *at = path; *at;) {
    size_t length = strcspn(at, "/");
    if (length == 2 && at[0] == '.' && at[1] == '.')
      return false;
    at += length + (at[length] == '/');
  }
  return true;
}

static const struct key_rule list_keys[] = {
    {"idx", KEY_ANY, true, NULL},      {"name", KEY_TEXT, false, NULL},
    {"path", KEY_TEXT, false, NULL},   {"type", KEY_TEXT, false, NULL},
    {"kwargs", KEY_EMPTY, true, NULL},
};

static bool is_pooling(const struct module_kind *kind) {
  return kind->read == read_pooling || kind->read == read_splade;
}

/* The class of module 0. */
static bool is_body(const struct modules *out, const char *type) {
  const char *last = strrchr(type, '.');
  return strncmp(type, "sentence_transformers.", 22) == 0 && last &&
         (strcmp(last, ".Transformer") == 0 ||
          (out->sparse && strcmp(last, ".MLMTransformer") == 0));
}

static int read_step(struct module *m, const struct module_kind *kind, json_t *steps,
                     struct tfm_error *err) {
  if (!kind->read)
    return 0;
  json_t *step = json_object();
  if ((is_pooling(kind) ? json_object_set_new(m->out->root, kind->kind, step)
                        : json_array_append_new(steps, step)) != 0)
    return error_oom(err);
  if (set_new(step, "index", json_integer(m->index), err) != 0 ||
      set_new(step, "kind", json_string(kind->kind), err) != 0 ||
      module_file_open(m->dir, m->path, "config.json", &m->config, err) != 0)
    return -1;
  return kind->read(m, step, err);
}

/* Entry i of modules.json: the body first, then the pooling, then the steps. */
static int read_entry(struct modules *out, const char *dir, const struct module_file *list, int i,
                      json_t *steps, struct tfm_error *err) {
  struct module_file one = {.path = list->path, .root = json_array_get(list->root, (size_t)i)};
  if (module_file_check(&one, KEY_RULES(list_keys), err) != 0)
    return -1;
  const char *type = json_string_value(json_object_get(one.root, "type"));
  const char *path = json_string_value(json_object_get(one.root, "path"));
  if (!type || !path || !is_inside(path))
    return error_set(err, TFM_ERROR_CHECKPOINT,
                     "%s: module %d needs a `type`, and a `path` inside the directory", list->path,
                     i);
  bool body = is_body(out, type);
  const struct module_kind *kind = find_kind(type);
  if (i > 0 && kind &&
      (out->sparse ? i > 1 || kind->read != read_splade : kind->read == read_splade))
    kind = NULL; /* a SparseEncoder is a SpladePooling, and nothing else has one */
  if (i == 0 ? !body : !kind)
    return error_set(err, TFM_ERROR_CHECKPOINT,
                     "%s: module %d is `%.128s`, which is not supported%s", list->path, i, type,
                     i == 0 ? " as the first" : "");
  if (i == 0 && *path)
    return error_set(
        err, TFM_ERROR_CHECKPOINT,
        "%s: the Transformer lies in `%.64s`; it is read from the directory itself only",
        list->path, path);
  if (i > 0 && (i == 1) != is_pooling(kind))
    return error_set(err, TFM_ERROR_CHECKPOINT,
                     "%s: module %d is `%.128s`; there must be one Pooling, as module 1",
                     list->path, i, type);
  if (i == 0)
    return 0;
  struct module m = {.dir = dir, .path = path, .index = i, .out = out};
  int status = read_step(&m, kind, steps, err);
  module_file_finish(&m.config);
  return status;
}

static int read_list(struct modules *out, const char *dir, const struct module_file *list,
                     struct tfm_error *err) {
  size_t count = json_array_size(list->root);
  json_t *steps = json_array();
  if (set_new(out->root, "steps", steps, err) != 0)
    return -1;
  if (!json_is_array(list->root) || count > MODULES_MAX ||
      (out->cross_encoder ? count != 1 : count < 2))
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s has to be a list of a Transformer%s",
                     list->path,
                     out->cross_encoder ? " alone, for a CrossEncoder"
                                        : ", a Pooling and at most 14 more modules");
  for (size_t i = 0; i < count; i++)
    if (read_entry(out, dir, list, (int)i, steps, err) != 0)
      return -1;
  return set_new(out->root, "count", json_integer((json_int_t)json_array_size(steps)), err);
}

/* ------------------------------------------------------------- the directory */

void modules_finish(struct modules *modules) {
  for (size_t i = 0; i < modules->weights_count; i++)
    free(modules->weights[i].path);
  json_decref(modules->root);
  *modules = (struct modules){0};
}

int modules_add_weights(const struct modules *modules, struct weights *weights,
                        struct tfm_error *err) {
  char prefix[32];
  for (size_t i = 0; i < modules->weights_count; i++) {
    snprintf(prefix, sizeof prefix, "modules.%d", modules->weights[i].index);
    if (weights_add(weights, modules->weights[i].path, prefix, err) != 0)
      return -1;
  }
  return 0;
}

const char *modules_task(const struct modules *modules) {
  if (!modules->root || modules->cross_encoder || modules->refusal.code != TFM_ERROR_NONE)
    return NULL;
  return graph_task_name(modules->sparse ? GRAPH_TASK_EMBED_SPARSE : GRAPH_TASK_EMBED);
}

int modules_load(const char *dir, struct modules *out, struct tfm_error *err) {
  struct module_file list;
  struct tfm_error *refusal = &out->refusal;
  *out = (struct modules){0};
  int status = module_file_open(dir, "", "modules.json", &list, refusal);
  if (status == 0 && list.root) {
    out->root = json_object();
    status = out->root ? module_settings_read(out, dir, refusal) : error_oom(refusal);
    if (status == 0)
      status = read_list(out, dir, &list, refusal);
  }
  module_file_finish(&list);
  if (status != 0 && refusal->code == TFM_ERROR_LIMIT)
    return *err = *refusal, -1;
  return 0;
}
