/* gguf_fixture.h - a Hugging Face fixture as a GGUF file, for tests: what llama.cpp's
 * converter does, written down once more, the other way round from
 * checkpoint/gguf/architecture.c. */
#ifndef TFM_TESTS_GGUF_FIXTURE_H
#define TFM_TESTS_GGUF_FIXTURE_H

#include "base/json.h"
#include "checkpoint/weights.h"
#include "tests/unit/gguf_build.h"
#include "tests/unit/runtime.h"

#include <math.h>

/* Parts of names, replaced in this order. */
static const char *const gguf_llama[][2] = {
    {"model.layers.", "blk."},        {"model.embed_tokens", "token_embd"},
    {"model.norm", "output_norm"},    {"lm_head", "output"},
    {"input_layernorm", "attn_norm"}, {"post_attention_layernorm", "ffn_norm"},
    {"self_attn.q_proj", "attn_q"},   {"self_attn.k_proj", "attn_k"},
    {"self_attn.v_proj", "attn_v"},   {"self_attn.o_proj", "attn_output"},
    {"mlp.gate_proj", "ffn_gate"},    {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},    {NULL, NULL},
};
static const char *const gguf_gpt2[][2] = {
    {"transformer.", ""},
    {"h.", "blk."},
    {"ln_1", "attn_norm"},
    {"ln_2", "ffn_norm"},
    {"ln_f", "output_norm"},
    {"attn.c_attn", "attn_qkv"},
    {"mlp.c_fc", "ffn_up"},
    {"mlp.c_proj", "ffn_down"},
    {"wte", "token_embd"},
    {"attn.c_proj", "attn_output"},
    {"wpe", "position_embd"},
    {"lm_head", "output"},
    {NULL, NULL},
};
static const char *const gguf_bert[][2] = {
    {"bert.", ""},
    {"encoder.layer.", "blk."},
    {"embeddings.word_embeddings", "token_embd"},
    {"embeddings.position_embeddings", "position_embd"},
    {"embeddings.token_type_embeddings", "token_types"},
    {"embeddings.LayerNorm", "token_embd_norm"},
    {"attention.self.query", "attn_q"},
    {"attention.self.key", "attn_k"},
    {"attention.self.value", "attn_v"},
    {"attention.output.dense", "attn_output"},
    {"attention.output.LayerNorm", "attn_output_norm"},
    {"intermediate.dense", "ffn_up"},
    {"output.dense", "ffn_down"},
    {"output.LayerNorm", "layer_output_norm"},
    {NULL, NULL},
};

/* *out: the converter's name; false: it leaves the tensor out. */
static inline bool gguf_fixture_name(const char *type, const char *name, char out[128]) {
  const char *const(*table)[2] = strcmp(type, "llama") == 0  ? gguf_llama
                                 : strcmp(type, "gpt2") == 0 ? gguf_gpt2
                                                             : gguf_bert;
  char text[128];
  snprintf(text, sizeof text, "%s", name);
  for (; (*table)[0]; table++) {
    char *at = strstr(text, (*table)[0]);
    if (!at)
      continue;
    snprintf(out, 128, "%.*s%s%s", (int)(at - text), text, (*table)[1], at + strlen((*table)[0]));
    memcpy(text, out, sizeof text);
  }
  memcpy(out, text, sizeof text);
  return !strstr(name, ".attn.bias") && !strstr(name, "pooler") && !strstr(name, "position_ids") &&
         !strstr(name, "masked_bias") && !strstr(name, "rotary");
}

static inline int64_t gguf_fixture_int(const json_t *config, const char *a, const char *b) {
  const json_t *value = json_object_get(config, a);
  if (!json_is_integer(value))
    value = json_object_get(config, b);
  return json_integer_value(value);
}

static inline void gguf_fixture_keys(struct gguf_build *b, const json_t *config) {
  const char *type = json_string_value(json_object_get(config, "model_type"));
  static const char *const ints[][3] = {
      {"block_count", "num_hidden_layers", "n_layer"},
      {"embedding_length", "hidden_size", "n_embd"},
      {"context_length", "max_position_embeddings", "n_positions"},
      {"attention.head_count", "num_attention_heads", "n_head"},
      {"attention.head_count_kv", "num_key_value_heads", ""},
      {"attention.key_length", "head_dim", ""},
      {"feed_forward_length", "intermediate_size", "n_inner"}};
  static const char *const reals[][2] = {{"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
                                         {"attention.layer_norm_epsilon", "layer_norm_epsilon"},
                                         {"attention.layer_norm_epsilon", "layer_norm_eps"},
                                         {"rope.freq_base", "rope_theta"}};
  char key[64];
  gguf_build_text(b, "general.architecture", type);
  for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
    int64_t n = gguf_fixture_int(config, ints[i][1], ints[i][2]);
    snprintf(key, sizeof key, "%s.%s", type, ints[i][0]);
    if (n > 0)
      gguf_build_u32(b, key, (uint32_t)n);
  }
  for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
    const json_t *value = json_object_get(config, reals[i][1]);
    snprintf(key, sizeof key, "%s.%s", type, reals[i][0]);
    if (json_is_number(value))
      gguf_build_f32(b, key, (float)json_number_value(value));
  }
}

/* Row r of HF's order to where the converter puts it. */
static inline void gguf_fixture_permute(float *to, const float *from, int64_t rows, int64_t columns,
                                        int64_t heads) {
  int64_t size = rows / heads, half = size / 2;
  for (int64_t h = 0; h < heads; h++)
    for (int64_t p = 0; p < 2; p++)
      for (int64_t j = 0; j < half; j++)
        memcpy(to + (h * size + j * 2 + p) * columns, from + (h * size + p * half + j) * columns,
               (size_t)columns * sizeof *to);
}

/* As the converter lays the tensor out, in F32; shape may change. */
static inline void gguf_fixture_lay(const json_t *config, const struct weights_tensor *t,
                                    const float *from, float *to, int64_t shape[2]) {
  const char *type = json_string_value(json_object_get(config, "model_type"));
  int64_t rows = t->shape[0], columns = t->rank == 2 ? t->shape[1] : 1;
  int64_t heads = gguf_fixture_int(config, "num_attention_heads", "n_head");
  int64_t kv = gguf_fixture_int(config, "num_key_value_heads", "num_attention_heads");
  bool llama = strcmp(type, "llama") == 0;
  memcpy(to, from, (size_t)(rows * columns) * sizeof *to);
  shape[0] = rows;
  shape[1] = columns;
  if (llama && (strstr(t->name, "q_proj") || strstr(t->name, "k_proj"))) {
    gguf_fixture_permute(to, from, rows, columns, strstr(t->name, "q_proj") ? heads : kv);
  } else if (strcmp(type, "gpt2") == 0 && t->rank == 2 && strstr(t->name, ".c_")) {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++)
        to[j * rows + i] = from[i * columns + j];
    shape[0] = columns;
    shape[1] = rows;
  }
}

/* A block of Q8_0: the scale is a half. */
static inline void gguf_fixture_q8_0(const float *x, unsigned char *block) {
  float most = 0;
  for (int i = 0; i < 32; i++)
    most = fmaxf(most, fabsf(x[i]));
  uint16_t d = dtype_f32_to_f16(most / 127);
  float step = dtype_f16_to_f32(d);
  block[0] = (unsigned char)(d & 255);
  block[1] = (unsigned char)(d >> 8);
  for (int i = 0; i < 32; i++)
    block[2 + i] = (unsigned char)(int8_t)(step > 0 ? lrintf(x[i] / step) : 0);
}

/* The fixture's directory; packed: matrices of whole blocks become Q8_0. */
static inline void gguf_fixture_tensors(struct gguf_build *b, const json_t *config,
                                        const struct weights *weights, bool packed) {
  const char *type = json_string_value(json_object_get(config, "model_type"));
  for (size_t i = 0; i < weights_count(weights); i++) {
    const struct weights_tensor *t = &weights_tensors(weights)[i];
    size_t count = t->size / dtype_size(t->dtype);
    char name[128];
    int64_t shape[2];
    if (t->alias || !gguf_fixture_name(type, t->name, name))
      continue;
    float *from = malloc(count * sizeof *from), *to = malloc(count * sizeof *to);
    ck_assert(from && to && dtype_to_f32(t->dtype, t->data, from, count));
    gguf_fixture_lay(config, t, from, to, shape);
    if (packed && t->rank == 2 && shape[1] % 32 == 0) {
      unsigned char *blocks = malloc(count / 32 * 34);
      for (size_t n = 0; n < count / 32; n++)
        gguf_fixture_q8_0(to + n * 32, blocks + n * 34);
      gguf_build_tensor(b, name, 8, 2, shape, blocks, count / 32 * 34);
      free(blocks);
    } else {
      gguf_build_tensor(b, name, 0, t->rank, shape, to, count * sizeof *to);
    }
    free(from);
    free(to);
  }
}

static inline void gguf_fixture_texts(struct gguf_build *b, const char *key, const json_t *array) {
  size_t i;
  json_t *text;
  gguf_build_array(b, key, GGUF_TEXT, json_array_size(array));
  json_array_foreach(array, i, text) {
    gguf_put_text(&b->keys, json_string_value(text), json_string_length(text));
  }
}

#endif
