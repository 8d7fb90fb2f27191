/* fuse.c - neighbours that an op does better together.
 *
 *     q, k, v = linear(x) three times        linear3(x)
 *     add(r, linear(x))                      linear_add(x, r)
 *     s = add(a, b); layer_norm(s)           s, n = add_layer_norm(a, b)
 *     the same with rms_norm                 add_rms_norm
 *
 * Each pattern is one function that is tried at each node of its op.  An op
 * that no plugin has is not used, and neither is one whose slots are not those
 * expected here.  A value that somebody wants to see, or feeds, is kept. */
#include "compiler/fuse.h"

#include "compiler/ir.h"
#include "compiler/names.h"
#include "compiler/tensor.h"

#include <string.h>

struct fuser {
  struct compiler *c;
  uint32_t *uses; /* of each value: by live nodes, results and dumps */
};

static bool is_op(const struct ir_node *node, const char *op) {
  return node->live && strcmp(node->op->name, op) == 0;
}

/* The fused op, if its schema has so many slots. */
static const struct op *find(struct compiler *c, const char *name, uint32_t inputs,
                             uint32_t weights, uint32_t outputs) {
  const struct op *op = names_op(c, name);
  if (op == NULL || op->schema == NULL || op->schema->input_count != inputs ||
      op->schema->weight_count != weights || op->schema->output_count != outputs)
    return NULL;
  return op;
}

/* The live node of that op that makes the value, which is an output that only
 * its reader sees. */
static struct ir_node *maker(const struct fuser *f, int32_t value, const char *op, bool alone) {
  if (value == GRAPH_NONE || f->c->value[value].node == GRAPH_NONE)
    return NULL;
  struct ir_node *node = &f->c->node[f->c->value[value].node];
  if (!is_op(node, op) || (alone && (f->uses[value] != 1 || f->c->value[value].dump)))
    return NULL;
  return node->taps == 0 ? node : NULL;
}

static void own(struct compiler *c, const struct ir_node *node, uint32_t index) {
  for (uint32_t i = 0; i < node->output_count; i++) {
    c->value[node->output[i]].node = (int32_t)index;
    c->value[node->output[i]].output = i;
  }
}

static int32_t *list(struct compiler *c, uint32_t count) {
  return compiler_alloc(c, count, sizeof(int32_t));
}

/* ---- three linear layers of one input */

static void fuse_linear3(struct fuser *f, uint32_t at) {
  enum { PARTS = 3, NEAR = 64 };
  struct compiler *c = f->c;
  struct ir_node *first = &c->node[at];
  const struct op *op = find(c, "linear3", 1, 2 * PARTS, PARTS);
  uint32_t part[PARTS] = {at}, count = 1;
  if (op == NULL || first->weight_count != 2)
    return;
  for (uint32_t i = at + 1; i < c->node_count && i - at < NEAR && count < PARTS; i++) {
    if (c->node[i].layer != first->layer)
      break;
    if (is_op(&c->node[i], "linear") && c->node[i].input[0] == first->input[0] &&
        c->node[i].when == first->when)
      part[count++] = i;
  }
  int32_t *weight = list(c, 2 * PARTS), *output = list(c, PARTS);
  if (count < PARTS || weight == NULL || output == NULL)
    return;
  for (uint32_t i = 0; i < PARTS; i++) {
    struct ir_node *node = &c->node[part[i]];
    weight[2 * i] = node->weight[0];
    weight[2 * i + 1] = node->weight[1];
    output[i] = node->output[0];
    f->uses[first->input[0]] -= i > 0;
    node->live = i == 0;
  }
  first->op = op;
  first->weight = weight;
  first->weight_count = 2 * PARTS;
  first->output = output;
  first->output_count = PARTS;
  own(c, first, at);
}

/* ---- a linear layer and what is added to it */

static void fuse_linear_add(struct fuser *f, uint32_t at) {
  struct compiler *c = f->c;
  struct ir_node *add = &c->node[at];
  const struct op *op = find(c, "linear_add", 2, 2, 1);
  uint32_t side = 1;
  struct ir_node *linear = maker(f, add->input[1], "linear", true);
  if (linear == NULL) {
    side = 0;
    linear = maker(f, add->input[0], "linear", true);
  }
  if (op == NULL || linear == NULL || linear->when != add->when || linear->weight_count != 2)
    return;
  int32_t *input = list(c, 2);
  if (input == NULL)
    return;
  input[0] = linear->input[0];
  input[1] = add->input[1 - side];
  c->value[add->input[side]].live = false;
  linear->live = false;
  add->op = op;
  add->input = input;
  add->weight = linear->weight;
  add->weight_count = 2;
}

/* ---- a sum and its norm; both are seen afterwards */

static void fuse_add_norm(struct fuser *f, uint32_t at, const char *fused, uint32_t weights) {
  struct compiler *c = f->c;
  struct ir_node *norm = &c->node[at];
  const struct op *op = find(c, fused, 2, weights, 2);
  struct ir_node *add = maker(f, norm->input[0], "add", false);
  if (op == NULL || add == NULL || add->when != norm->when || norm->weight_count != weights)
    return;
  int32_t *output = list(c, 2);
  if (output == NULL)
    return;
  output[0] = add->output[0];
  output[1] = norm->output[0];
  f->uses[output[0]]--;
  norm->live = false;
  add->op = op;
  add->weight = norm->weight;
  add->weight_count = weights;
  add->attr = norm->attr;
  add->attr_count = norm->attr_count;
  add->output = output;
  add->output_count = 2;
  own(c, add, (uint32_t)(add - c->node));
}

static void fuse_add_layer_norm(struct fuser *f, uint32_t at) {
  fuse_add_norm(f, at, "add_layer_norm", 2);
}

static void fuse_add_rms_norm(struct fuser *f, uint32_t at) {
  fuse_add_norm(f, at, "add_rms_norm", 1);
}

/* In the order in which they are tried over the whole graph. */
static const struct {
  const char *op;
  void (*fuse)(struct fuser *f, uint32_t at);
} patterns[] = {{"linear", fuse_linear3},
                {"add", fuse_linear_add},
                {"layer_norm", fuse_add_layer_norm},
                {"rms_norm", fuse_add_rms_norm}};

static bool count_uses(struct fuser *f, const struct model *model) {
  struct compiler *c = f->c;
  f->uses = compiler_alloc(c, c->value_count, sizeof *f->uses);
  if (f->uses == NULL)
    return false;
  for (uint32_t i = 0; i < c->node_count; i++)
    for (uint32_t k = 0; c->node[i].live && k < c->node[i].input_count; k++)
      if (c->node[i].input[k] != GRAPH_NONE)
        f->uses[c->node[i].input[k]]++;
  for (uint32_t i = 0; i < model->results.count; i++)
    if (model->results.item[i].value.kind == VALUE_TENSOR)
      f->uses[model->results.item[i].value.tensor]++;
  return true;
}

void fuse_nodes(struct compiler *c, const struct model *model) {
  struct fuser f = {.c = c};
  if (!count_uses(&f, model))
    return;
  for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++)
    for (uint32_t i = 0; i < c->node_count && !c->stop; i++)
      if (is_op(&c->node[i], patterns[p].op) && c->node[i].taps == 0)
        patterns[p].fuse(&f, i);
}
