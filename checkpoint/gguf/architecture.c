/* architecture.c - the tables, and reading them.  What the converter does is in
 * llama.cpp: gguf-py/gguf/tensor_mapping.py, convert_hf_to_gguf.py. */
#include "checkpoint/gguf/architecture.h"

#include <string.h>

/* ----------------------------------------------------------------------- llama */

static const struct gguf_key llama_keys[] = {
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"feed_forward_length", "intermediate_size"},
    {"context_length", "max_position_embeddings"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"rope.freq_base", "rope_theta"},
    {NULL, NULL},
};

static const struct gguf_rename llama_names[] = {
    {"token_embd", "model.embed_tokens", GGUF_PLAIN},
    {"blk.*.attn_norm", "model.layers.*.input_layernorm", GGUF_PLAIN},
    {"blk.*.attn_q", "model.layers.*.self_attn.q_proj", GGUF_QUERY_ROWS},
    {"blk.*.attn_k", "model.layers.*.self_attn.k_proj", GGUF_KEY_ROWS},
    {"blk.*.attn_v", "model.layers.*.self_attn.v_proj", GGUF_PLAIN},
    {"blk.*.attn_output", "model.layers.*.self_attn.o_proj", GGUF_PLAIN},
    {"blk.*.ffn_norm", "model.layers.*.post_attention_layernorm", GGUF_PLAIN},
    {"blk.*.ffn_gate", "model.layers.*.mlp.gate_proj", GGUF_PLAIN},
    {"blk.*.ffn_up", "model.layers.*.mlp.up_proj", GGUF_PLAIN},
    {"blk.*.ffn_down", "model.layers.*.mlp.down_proj", GGUF_PLAIN},
    {"output_norm", "model.norm", GGUF_PLAIN},
    {"output", "lm_head", GGUF_PLAIN},
    {NULL, NULL, GGUF_PLAIN},
};

static const char *const llama_dropped[] = {"rope_freqs.weight", NULL};

/* ------------------------------------------------------------------------ gpt2 */

static const struct gguf_key gpt2_keys[] = {
    {"embedding_length", "n_embd"},
    {"block_count", "n_layer"},
    {"attention.head_count", "n_head"},
    {"feed_forward_length", "n_inner"},
    {"context_length", "n_positions"},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon"},
    {NULL, NULL},
};

static const struct gguf_rename gpt2_names[] = {
    {"token_embd", "wte", GGUF_PLAIN},
    {"position_embd", "wpe", GGUF_PLAIN},
    {"blk.*.attn_norm", "h.*.ln_1", GGUF_PLAIN},
    {"blk.*.attn_qkv", "h.*.attn.c_attn", GGUF_TRANSPOSED},
    {"blk.*.attn_output", "h.*.attn.c_proj", GGUF_TRANSPOSED},
    {"blk.*.ffn_norm", "h.*.ln_2", GGUF_PLAIN},
    {"blk.*.ffn_up", "h.*.mlp.c_fc", GGUF_TRANSPOSED},
    {"blk.*.ffn_down", "h.*.mlp.c_proj", GGUF_TRANSPOSED},
    {"output_norm", "ln_f", GGUF_PLAIN},
    {"output", "lm_head", GGUF_PLAIN},
    {NULL, NULL, GGUF_PLAIN},
};

/* ------------------------------------------------------------------------ bert */

static const struct gguf_key bert_keys[] = {
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"attention.head_count", "num_attention_heads"},
    {"feed_forward_length", "intermediate_size"},
    {"context_length", "max_position_embeddings"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"pooling_type", "pooling_type"},
    {NULL, NULL},
};

static const struct gguf_rename bert_names[] = {
    {"token_embd", "embeddings.word_embeddings", GGUF_PLAIN},
    {"position_embd", "embeddings.position_embeddings", GGUF_PLAIN},
    {"token_types", "embeddings.token_type_embeddings", GGUF_PLAIN},
    {"token_embd_norm", "embeddings.LayerNorm", GGUF_PLAIN},
    {"blk.*.attn_q", "encoder.layer.*.attention.self.query", GGUF_PLAIN},
    {"blk.*.attn_k", "encoder.layer.*.attention.self.key", GGUF_PLAIN},
    {"blk.*.attn_v", "encoder.layer.*.attention.self.value", GGUF_PLAIN},
    {"blk.*.attn_output", "encoder.layer.*.attention.output.dense", GGUF_PLAIN},
    {"blk.*.attn_output_norm", "encoder.layer.*.attention.output.LayerNorm", GGUF_PLAIN},
    {"blk.*.ffn_up", "encoder.layer.*.intermediate.dense", GGUF_PLAIN},
    {"blk.*.ffn_down", "encoder.layer.*.output.dense", GGUF_PLAIN},
    {"blk.*.layer_output_norm", "encoder.layer.*.output.LayerNorm", GGUF_PLAIN},
    {NULL, NULL, GGUF_PLAIN},
};

/* ---------------------------------------------------------------- all of them */

static const struct gguf_architecture architectures[] = {
    {"llama", "LlamaForCausalLM", "output.weight", llama_keys, llama_names, llama_dropped},
    {"gpt2", "GPT2LMHeadModel", "output.weight", gpt2_keys, gpt2_names, NULL},
    {"bert", "BertModel", NULL, bert_keys, bert_names, NULL},
};

const struct gguf_architecture *gguf_architecture_find(const char *name) {
  for (size_t i = 0; i < sizeof architectures / sizeof architectures[0]; i++)
    if (strcmp(architectures[i].name, name) == 0)
      return &architectures[i];
  return NULL;
}

/* Does the pattern fit text[0..length), and what is its star? */
static bool fits(const char *pattern, const char *text, size_t length, const char **star,
                 size_t *star_length) {
  const char *at = strchr(pattern, '*');
  size_t before = at ? (size_t)(at - pattern) : strlen(pattern), after = at ? strlen(at + 1) : 0;
  if (length < before + after || (!at && length != before) || memcmp(text, pattern, before) != 0 ||
      (at && memcmp(text + length - after, at + 1, after) != 0))
    return false;
  *star = text + before;
  *star_length = length - before - after;
  return true;
}

const char *gguf_rename(const struct gguf_architecture *architecture, struct arena *arena,
                        const char *name, enum gguf_layout *layout) {
  const char *dot = strrchr(name, '.'), *star;
  size_t length = dot ? (size_t)(dot - name) : 0, star_length;
  *layout = GGUF_PLAIN;
  if (!architecture || !dot || (strcmp(dot, ".weight") != 0 && strcmp(dot, ".bias") != 0))
    return name;
  for (const struct gguf_rename *row = architecture->renames; row->from; row++) {
    if (!fits(row->from, name, length, &star, &star_length))
      continue;
    *layout = row->layout;
    const char *to = strchr(row->to, '*');
    if (!to)
      return arena_printf(arena, "%s%s", row->to, dot);
    return arena_printf(arena, "%.*s%.*s%s%s", (int)(to - row->to), row->to, (int)star_length, star,
                        to + 1, dot);
  }
  return name;
}

bool gguf_is_dropped(const struct gguf_architecture *architecture, const char *name) {
  for (size_t i = 0; architecture && architecture->dropped && architecture->dropped[i]; i++)
    if (strcmp(architecture->dropped[i], name) == 0)
      return true;
  return false;
}
