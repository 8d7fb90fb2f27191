/* attention.c - probabilities on their way from a tap to the result. */
#include "lib/attention.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

struct attention_kept {
  int32_t node;
  int64_t shape[4]; /* rows, heads, queries, keys */
  float *weight;    /* owned */
};

struct attention_list {
  struct attention_kept *kept;
  size_t count;
};

static bool is_probs(const struct graph_node *node, int32_t tap) {
  return tap >= 0 && (uint32_t)tap < node->tap_count && strcmp(node->tap[tap], "probs") == 0;
}

void attention_watch(struct graph *graph) {
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t i = 0; i < graph->node[n].tap_count; i++)
      if (is_probs(&graph->node[n], (int32_t)i))
        graph_watch_tap(graph, n, i);
}

int attention_create(struct attention_list **out, struct tfm_error *err) {
  *out = calloc(1, sizeof **out);
  return *out ? 0 : error_oom(err);
}

void attention_clear(struct attention_list *list) {
  if (!list)
    return;
  for (size_t i = 0; i < list->count; i++)
    free(list->kept[i].weight);
  free(list->kept);
  *list = (struct attention_list){0};
}

void attention_free(struct attention_list *list) {
  attention_clear(list);
  free(list);
}

int attention_see(struct attention_list *list, const struct graph *graph, int32_t node, int32_t tap,
                  const tfm_tensor *tensor, struct tfm_error *err) {
  size_t bytes = sizeof(float);
  if (node < 0 || !is_probs(&graph->node[node], tap) || tensor->rank != 4 ||
      tensor->dtype != TFM_F32)
    return 0;
  for (uint32_t i = 0; i < 4; i++)
    if (!checked_mul(bytes, (size_t)tensor->shape[i], &bytes))
      return error_oom(err);
  struct attention_kept *grown = realloc(list->kept, (list->count + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  list->kept = grown;
  grown[list->count] = (struct attention_kept){.node = node, .weight = malloc(bytes ? bytes : 1)};
  if (!grown[list->count].weight)
    return error_oom(err);
  memcpy(grown[list->count].shape, tensor->shape, sizeof grown[0].shape);
  memcpy(grown[list->count++].weight, tensor->data, bytes);
  return 0;
}

int attention_tell(struct attention_list *list, const struct graph *graph,
                   struct tfm_result *result, struct tfm_error *err) {
  tfm_attention *out = arena_array(&result->arena, list->count, sizeof *out);
  if (!out)
    return error_oom(err);
  for (size_t i = 0; i < list->count; i++) {
    const struct attention_kept *kept = &list->kept[i];
    size_t bytes =
        sizeof(float) * (size_t)(kept->shape[0] * kept->shape[1] * kept->shape[2] * kept->shape[3]);
    float *copy = arena_alloc(&result->arena, bytes ? bytes : 1);
    const char *name = arena_strdup(&result->arena, graph->node[kept->node].name);
    if (!copy || !name)
      return error_oom(err);
    memcpy(copy, kept->weight, bytes);
    out[i] = (tfm_attention){.struct_size = sizeof *out,
                             .layer = graph->node[kept->node].layer,
                             .value = name,
                             .rows = (size_t)kept->shape[0],
                             .heads = (size_t)kept->shape[1],
                             .queries = (size_t)kept->shape[2],
                             .keys = (size_t)kept->shape[3],
                             .weight = copy};
  }
  result->attention = out;
  result->attention_count = list->count;
  return 0;
}
