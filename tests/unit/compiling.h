/* compiling.h - what tests of the compiler share: the core ops' schemas without
 * their plugins, and a checkpoint's index from a safetensors file. */
#ifndef TFM_TESTS_COMPILING_H
#define TFM_TESTS_COMPILING_H

#include "base/file.h"
#include "base/json.h"
#include "compiler/compile.h"
#include "plugins/shape/reshape.c" /* as they are: what they give, only they can say */
#include "plugins/shape/split.c"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* axis 1 only, which is all that the models use */
static inline tfm_status compiling_select(const tfm_host *host, const tfm_node *node,
                                          tfm_type *output, uint32_t capacity, uint32_t *count) {
  tfm_type type = *node->input[0];
  if (capacity < 1 || type.rank < 2)
    return host->fail(host, "select needs two dimensions");
  for (uint32_t i = 1; i + 1 < type.rank; i++)
    type.shape[i] = type.shape[i + 1];
  type.rank--;
  output[0] = type;
  *count = 1;
  return TFM_OK;
}

static inline tfm_status compiling_pool(const tfm_host *host, const tfm_node *node,
                                        tfm_type *output, uint32_t capacity, uint32_t *count) {
  (void)capacity;
  output[0] = (tfm_type){.dtype = node->input[0]->dtype, .rank = 2};
  output[0].shape[0] = node->input[0]->shape[0];
  output[0].shape[1] =
      host->dim_mul(host, node->input[0]->shape[2], tfm_attr_find(node, "kinds")->count);
  *count = 1;
  return TFM_OK;
}

static inline tfm_status compiling_constant(const tfm_host *host, const tfm_node *node,
                                            tfm_type *output, uint32_t capacity, uint32_t *count) {
  (void)host;
  (void)capacity;
  bool whole = tfm_attr_find(node, "value") && tfm_attr_find(node, "value")->kind == TFM_ATTR_INT;
  output[0] = (tfm_type){.dtype = whole ? TFM_I32 : TFM_NONE, .rank = 1};
  output[0].shape[0] = 1;
  if (node->weight[0])
    output[0] = *node->weight[0];
  *count = 1;
  return TFM_OK;
}

#define COMPILING_OP(text)                                                                         \
  { .struct_size = sizeof(tfm_op_desc), .flags = TFM_OP_KEEPS_TOKENS, .version = 1, .schema = text }
#define COMPILING_ROLE(id, text)                                                                   \
  {                                                                                                \
    .struct_size = sizeof(tfm_op_desc), .flags = TFM_OP_KEEPS_TOKENS, .version = 1,                \
    .role = TFM_ROLE_##id, .schema = text                                                          \
  }
#define COMPILING_PAIR(id, text)                                                                   \
  {                                                                                                \
    .struct_size = sizeof(tfm_op_desc), .flags = TFM_OP_KEEPS_TOKENS | TFM_OP_BROADCASTS,          \
    .version = 1, .role = TFM_ROLE_##id, .schema = text                                            \
  }
static const tfm_op_desc compiling_ops[] = {
    COMPILING_OP("op linear(x: [..., I]; weight: [O, I], bias: [O]?) -> [..., O]"),
    COMPILING_OP("op layer_norm(x: [..., D]; weight: [D]?, bias: [D]?; eps: real = 1e-5) -> "
                 "[..., D]"),
    COMPILING_OP("op rms_norm(x: [..., D]; weight: [D]?; eps: real = 1e-6) -> [..., D]"),
    COMPILING_ROLE(UNIT, "op l2_normalize(x: [..., D]; ; eps: real = 1e-12) -> [..., D]"),
    COMPILING_ROLE(LOOKUP, "op embedding(ids: i32[B, T]; weight: [V, D]) -> [B, T, D]"),
    COMPILING_OP(
        "op activation(x: [...]; ; kind: \"gelu\" | \"gelu_new\" | \"relu\" | \"tanh\") -> "
        "[...]"),
    COMPILING_OP("op ffn(x: [..., D]; up: linear[D, F], down: linear[F, D]; kind: str, "
                 "inner: int?) -> [..., D] taps up, act where F == inner"),
    COMPILING_OP("op gated_ffn(x: [..., D]; gate: linear[D, F], up: linear[D, F], "
                 "down: linear[F, D]; kind: str, inner: int?) -> [..., D] taps gate, up, act "
                 "where F == inner"),
    COMPILING_OP("## Attention.\nop attention(q: [B, T, H, K], k: [B, U, G, K], v: [B, U, G, W], "
                 "mask: mask?, bias: bias[H]?, cache: kv[G * K, G * W]?; ; scale: real?)\n"
                 "  -> [B, T, H * W] taps scores, probs where H / G >= 1\n"),
    COMPILING_OP(
        "op rope(x: [B, T, H, K], pos: i32[B, T]; ; theta: real = 10000.0, "
        "scaling: object?, original: real?, length: real?, width: int?, "
        "pairs: \"halves\" | \"neighbours\" = \"halves\") -> [B, T, H, K] where K / 2 >= 1"),
    COMPILING_OP("op expert_ffn(x: [..., D], choice: i32[..., K], share: [..., K]; gate: "
                 "experts[E, D, F]?, up: experts[E, D, F], down: experts[E, F, D]; kind: str, "
                 "experts: int?, inner: int?) -> [..., D] where E == experts, F == inner"),
    COMPILING_OP("op top_k(x: [..., E]; ; k: int) -> choice: i32[..., k], share: [..., k]"),
    COMPILING_OP("op log(x: [...]) -> [...]"),
    COMPILING_OP("op causal() -> mask"),
    COMPILING_OP("op padding(real: bool[B, S]) -> mask"),
    COMPILING_OP("op window(; ; n: int) -> mask"),
    COMPILING_ROLE(MASK_AND, "op mask_and(a: mask, b: mask) -> mask"),
    COMPILING_ROLE(MASK_OR, "op mask_or(a: mask, b: mask) -> mask"),
    COMPILING_OP("op alibi(; ; heads: int) -> bias[heads]"),
    COMPILING_OP("op dense_bias(x: [_, H, T, S]) -> bias[H]"),
    COMPILING_ROLE(BIAS_ADD, "op bias_add(a: bias[H], b: bias[H]) -> bias[H]"),
    COMPILING_PAIR(ADD, "op add(a: number[...], b: number[...]) -> number[...]"),
    COMPILING_PAIR(SUB, "op sub(a: number[...], b: number[...]) -> number[...]"),
    COMPILING_PAIR(MUL, "op mul(a: number[...], b: number[...]) -> number[...]"),
    COMPILING_PAIR(DIV, "op div(a: [...], b: [...]) -> [...]"),
    COMPILING_ROLE(SCALE, "op scale(x: [...]; ; by: real) -> [...]"),
    COMPILING_OP("op mean_pool(x: [B, T, D], real: bool[B, T]) -> [B, D]"),
    COMPILING_ROLE(LAST_TOKEN, "op last_token(x: [B, T, D], index: i32[B]) -> [B, 1, D]"),
    COMPILING_OP("op linear3(x: [..., I]; a: linear[I, M], b: linear[I, N], c: linear[I, O]) -> "
                 "a: [..., M], b: [..., N], c: [..., O] "
                 "fuses linear(x; a), linear(x; b), linear(x; c)"),
    COMPILING_OP("op linear_add(x: [..., I], y: [..., O]; weight: [O, I], bias: [O]?) -> "
                 "[..., O] fuses add(y, linear(x; weight, bias)) "
                 "fuses add(linear(x; weight, bias), y)"),
    COMPILING_OP("op add_layer_norm(a: [..., D], b: [..., D]; weight: [D]?, bias: [D]?; "
                 "eps: real = 1e-5) -> sum: [..., D], norm: [..., D] "
                 "fuses add(a, b) as sum, layer_norm(sum; weight, bias; eps)"),
    COMPILING_OP("op add_rms_norm(a: [..., D], b: [..., D]; weight: [D]?; eps: real = 1e-6) -> "
                 "sum: [..., D], norm: [..., D] "
                 "fuses add(a, b) as sum, rms_norm(sum; weight; eps)"),
    {.struct_size = sizeof(tfm_op_desc),
     .flags = TFM_OP_KEEPS_TOKENS,
     .version = 1,
     .role = TFM_ROLE_SELECT,
     .schema = "op select(x: [...]; ; axis: int, index: int) -> _",
     .infer = compiling_select},
    {.struct_size = sizeof(tfm_op_desc),
     .flags = TFM_OP_KEEPS_TOKENS,
     .version = 1,
     .role = TFM_ROLE_CONSTANT,
     .schema = "op constant(; weight: [...]?; value: any?) -> _",
     .infer = compiling_constant},
    {.struct_size = sizeof(tfm_op_desc),
     .version = 1,
     .schema = "op pool(x: [B, T, D], real: bool[B, T]; ; kinds: list) -> _",
     .infer = compiling_pool},
};
static const tfm_op_desc *const compiling_real[] = {&split_op, &slice_op, &reshape_op,
                                                    &transpose_op};
enum {
  COMPILING_OWN = sizeof compiling_ops / sizeof compiling_ops[0],
  COMPILING_OPS = COMPILING_OWN + sizeof compiling_real / sizeof compiling_real[0]
};

static inline const tfm_op_desc *compiling_op(size_t i) {
  return i < COMPILING_OWN ? &compiling_ops[i] : compiling_real[i - COMPILING_OWN];
}

static inline const char *compiling_name(const tfm_op_desc *desc, char name[64]) {
  const char *text = strstr(desc->schema, "op ") + 3;
  size_t length = strcspn(text, "(");
  memcpy(name, text, length);
  name[length] = '\0';
  return name;
}

static inline const tfm_op_desc *compiling_find_op(void *context, const char *name) {
  char own[64];
  (void)context;
  for (size_t i = 0; i < COMPILING_OPS; i++)
    if (strcmp(compiling_name(compiling_op(i), own), name) == 0)
      return compiling_op(i);
  return NULL;
}

/* One plugin is there, in version 2; it has no ops. */
static inline const struct compile_plugin *compiling_find_plugin(void *context, const char *name) {
  static const struct compile_plugin acme = {"acme", 2};
  (void)context;
  return strcmp(name, "acme") == 0 ? &acme : NULL;
}

/* Options of a compilation, and what they point to. */
struct compiling {
  struct compile_options options;
  struct file_bytes config_text, generation_text;
  json_t *config, *generation, *index;
  struct compile_tensor *tensor;
  char names[COMPILING_OPS][64];
  const char *op_names[COMPILING_OPS];
};

static inline void compiling_init(struct compiling *k, const char *path) {
  memset(k, 0, sizeof *k);
  for (size_t i = 0; i < COMPILING_OPS; i++)
    k->op_names[i] = compiling_name(compiling_op(i), k->names[i]);
  k->options = (struct compile_options){.path = path,
                                        .config = {.name = "config.json"},
                                        .generation = {.name = "generation_config.json"},
                                        .find_op = compiling_find_op,
                                        .find_plugin = compiling_find_plugin,
                                        .op_names = k->op_names,
                                        .op_name_count = COMPILING_OPS};
}

static inline bool compiling_read_json(const char *path, struct file_bytes *text, json_t **root,
                                       struct compile_json *out) {
  struct tfm_error err = {0};
  if (file_read(path, 1 << 24, TFM_ERROR_CHECKPOINT, text, &err) != 0)
    return false;
  if (json_parse(out->name, text->data, text->size, 64, TFM_ERROR_CHECKPOINT, root, &err) != 0)
    return false;
  out->text = text->data;
  out->size = text->size;
  out->root = *root;
  return true;
}

/* config.json, and generation_config.json if it is there. */
static inline bool compiling_config(struct compiling *k, const char *directory) {
  char path[1024];
  snprintf(path, sizeof path, "%s/generation_config.json", directory);
  compiling_read_json(path, &k->generation_text, &k->generation, &k->options.generation);
  snprintf(path, sizeof path, "%s/config.json", directory);
  return compiling_read_json(path, &k->config_text, &k->config, &k->options.config);
}

/* The tensors' names, dtypes and shapes in model.safetensors. */
static inline bool compiling_checkpoint(struct compiling *k, const char *directory) {
  char path[1024];
  unsigned char head[8];
  snprintf(path, sizeof path, "%s/model.safetensors", directory);
  FILE *file = fopen(path, "rb");
  if (file == NULL || fread(head, 1, 8, file) != 8)
    return false;
  size_t size = 0;
  for (int i = 7; i >= 0; i--)
    size = size << 8 | head[i];
  char *text = malloc(size);
  bool ok = text != NULL && fread(text, 1, size, file) == size;
  fclose(file);
  k->index = ok ? json_loadb(text, size, 0, NULL) : NULL;
  free(text);
  if (k->index == NULL)
    return false;
  k->tensor = calloc(json_object_size(k->index) + 1, sizeof *k->tensor);
  const char *name;
  json_t *entry;
  json_object_foreach(k->index, name, entry) {
    if (strcmp(name, "__metadata__") == 0)
      continue;
    struct compile_tensor *tensor = &k->tensor[k->options.tensor_count++];
    const json_t *shape = json_object_get(entry, "shape");
    tensor->name = name;
    tensor->dtype = dtype_from_stored(json_string_value(json_object_get(entry, "dtype")));
    tensor->rank = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < tensor->rank; i++)
      tensor->shape[i] = json_integer_value(json_array_get(shape, i));
  }
  k->options.tensor = k->tensor;
  k->options.has_checkpoint = true;
  return true;
}

/* One line a tensor: its name, its stored type, its shape.  text is cut up, and
 * must live as long; "none" is no checkpoint. */
static inline void compiling_tensors(struct compiling *k, char *text) {
  char *lines = NULL, *fields = NULL;
  if (strcmp(text, "none\n") == 0)
    return;
  k->tensor = calloc(strlen(text) + 1, sizeof *k->tensor);
  if (k->tensor == NULL)
    return;
  for (char *line = strtok_r(text, "\n", &lines); line != NULL;
       line = strtok_r(NULL, "\n", &lines)) {
    struct compile_tensor *tensor = &k->tensor[k->options.tensor_count];
    tensor->name = strtok_r(line, " ", &fields);
    const char *dtype = tensor->name == NULL ? NULL : strtok_r(NULL, " ", &fields);
    if (dtype == NULL)
      continue;
    tensor->dtype = dtype_from_stored(dtype);
    for (char *dim; (dim = strtok_r(NULL, " ", &fields)) != NULL && tensor->rank < TFM_MAX_RANK;)
      tensor->shape[tensor->rank++] = llabs(atoll(dim));
    k->options.tensor_count += tensor->dtype != DTYPE_NONE;
  }
  k->options.tensor = k->tensor;
  k->options.has_checkpoint = true;
}

static inline void compiling_finish(struct compiling *k) {
  json_decref(k->config);
  json_decref(k->generation);
  json_decref(k->index);
  file_bytes_finish(&k->config_text);
  file_bytes_finish(&k->generation_text);
  free(k->tensor);
}

#endif
