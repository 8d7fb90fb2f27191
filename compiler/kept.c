/* kept.c - find what a graph has in the lists that it was made of, by name: each
 * value's canonical name and each weight's is unique. */
#include "compiler/kept.h"

#include "compiler/checkpoint.h"
#include "compiler/ir.h"
#include "compiler/missing.h"
#include "compiler/report.h"
#include "compiler/tensor.h"
#include "compiler/tokens.h"
#include "compiler/unused.h"

#include <string.h>

/* Name -> index into c->value.  What a check found wrong has a name that many share;
 * none of it is in a graph. */
static bool list_values(struct compiler *c, struct map *values) {
  for (uint32_t i = 0; i < c->value_count; i++) {
    struct map_entry *at = map_insert_text(values, c->value[i].name, NULL);
    if (at == NULL) {
      compiler_oom(c);
      return false;
    }
    at->value.number = i;
  }
  return true;
}

static struct ir_value *value_of(struct compiler *c, const struct map *values, const char *name) {
  return &c->value[map_find_text(values, name)->value.number];
}

/* What is live, and when each node runs. */
static void mark(struct compiler *c, const struct map *values, const struct graph *graph) {
  for (uint32_t v = 0; v < graph->value_count; v++)
    value_of(c, values, graph->value[v].name)->live = true;
  for (uint32_t n = 0; n < graph->node_count; n++) {
    struct ir_node *node = &c->node[value_of(c, values, graph->node[n].name)->node];
    node->live = true;
    node->when = graph->entry[graph->node[n].entry].when;
  }
  for (uint32_t w = 0; w < graph->weight_count; w++)
    c->weight[tensor_find(c, graph->weight[w].name)].live = true;
}

static void check_weights(struct compiler *c) {
  missing_check(c);
  if (c->options->has_checkpoint && !c->stop) {
    checkpoint_check_layers(c);
    unused_check(c);
  }
}

static bool is_told(const struct type *type) {
  for (uint32_t i = 0; i < type->rank; i++)
    if (!dim_is_told(&type->shape[i]))
      return false;
  return true;
}

static void check_told(struct compiler *c, const struct map *values, const struct graph *graph) {
  for (uint32_t v = 0; v < graph->value_count; v++) {
    if (is_told(&graph->value[v].type))
      continue;
    const struct ir_value *value = value_of(c, values, graph->value[v].name);
    struct report *r =
        report(c, CODE_SHAPE_UNTOLD, value->span, "nothing tells the shape of `%s`: %s",
               value->name, compiler_type_text(c, &value->type));
    report_help(c, r, "state it: `y: [B, T, N] = ...`");
    return;
  }
}

static void check_results(struct compiler *c, const struct model *model,
                          const struct graph *graph) {
  for (uint32_t i = 0; i < graph->output_count; i++)
    for (uint32_t k = 0; k < i; k++)
      if (strcmp(graph->output[i].name, graph->output[k].name) == 0) {
        report(c, CODE_HEAD_RESULT, model->results.item[i].span, "two results are named `%s`",
               graph->output[i].name);
        return;
      }
}

static bool goes_on(const struct compiler *c) {
  return !c->stop && c->diag->errors == 0;
}

bool kept_check(struct compiler *c, const struct model *model, const struct graph *graph) {
  struct map values;
  map_init(&values);
  if (list_values(c, &values)) {
    mark(c, &values, graph);
    tokens_check(c);
    if (goes_on(c))
      check_weights(c);
    if (goes_on(c))
      check_told(c, &values, graph);
    if (goes_on(c))
      check_results(c, model, graph);
  }
  map_finish(&values);
  return goes_on(c);
}
