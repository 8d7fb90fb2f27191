/* tensor.c - making tensors and keeping them by name. */
#include "compiler/tensor.h"

#include "compiler/checkpoint.h"

#include <string.h>

int32_t tensor_find(struct compiler *c, const char *name) {
  const struct map_entry *at = map_find_text(&c->weight_names, name);
  return at == NULL ? WEIGHT_ABSENT : (int32_t)at->value.number;
}

int32_t tensor_add(struct compiler *c, const struct weight *made) {
  void *array = c->weight;
  if (!compiler_grow(c, &array, c->weight_count, &c->weight_room, sizeof *c->weight))
    return WEIGHT_FAILED;
  c->weight = array;
  struct map_entry *at = map_insert_text(&c->weight_names, made->name, NULL);
  if (at == NULL) {
    compiler_oom(c);
    return WEIGHT_FAILED;
  }
  at->value.number = c->weight_count;
  c->weight[c->weight_count] = *made;
  return (int32_t)c->weight_count++;
}

/* "[768,2304]"; of thousands of experts the same text. */
static const char *shape_text(struct compiler *c, const struct compile_tensor *tensor) {
  struct checkpoint *k = c->checkpoint;
  const struct compile_tensor *last = k->shaped;
  if (last != NULL && last->rank == tensor->rank &&
      memcmp(last->shape, tensor->shape, tensor->rank * sizeof *tensor->shape) == 0)
    return k->shape;
  const char *text = "[";
  for (uint32_t i = 0; i < tensor->rank && text != NULL; i++)
    text = compiler_printf(c, "%s%s%lld", text, i > 0 ? "," : "", (long long)tensor->shape[i]);
  text = text == NULL ? NULL : compiler_printf(c, "%s]", text);
  k->shaped = text == NULL ? NULL : tensor;
  k->shape = text;
  return text;
}

static const struct origin *tensor_origin(struct compiler *c, const struct compile_tensor *tensor,
                                          const char *name) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  const char *view = shape_text(c, tensor);
  if (origin != NULL && view != NULL)
    *origin = (struct origin){.kind = ORIGIN_TENSOR, .name = name, .view = view};
  return origin;
}

const struct origin *tensor_missing_origin(struct compiler *c, const char *name) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin != NULL)
    *origin = (struct origin){.kind = ORIGIN_WEIGHT, .name = name};
  return origin;
}

/* A cell for each dim; those of `like` where it has the same shape. */
static bool make_type(struct compiler *c, struct weight *made, const struct weight *like) {
  const struct compile_tensor *tensor = made->tensor;
  if (tensor != NULL && like != NULL && like->tensor != NULL &&
      like->tensor->rank == tensor->rank &&
      memcmp(like->tensor->shape, tensor->shape, tensor->rank * sizeof *tensor->shape) == 0) {
    made->type = like->type;
    return true;
  }
  const struct origin *origin =
      tensor != NULL ? tensor_origin(c, tensor, made->name) : tensor_missing_origin(c, made->name);
  for (uint32_t i = 0; i < made->type.rank; i++) {
    made->type.shape[i] = tensor != NULL ? cell_number(c->arena, tensor->shape[i], origin)
                                         : cell_free(c->arena, origin);
    if (made->type.shape[i] == NULL)
      compiler_oom(c);
  }
  return !c->stop;
}

static int32_t make(struct compiler *c, const struct scope *scope, const char *name,
                    const struct compile_tensor *tensor, const struct weight_want *want,
                    int32_t like) {
  struct weight made = {.kind = GRAPH_WEIGHT_TENSOR,
                        .name = name,
                        .tensor = tensor,
                        .dtype = tensor != NULL ? tensor->dtype : DTYPE_F32,
                        .type = {.rank = tensor != NULL ? tensor->rank : want->rank},
                        .scope = scope,
                        .slot = want->member,
                        .span = want->span};
  bool typed = make_type(c, &made, like < 0 ? NULL : &c->weight[like]);
  return typed ? tensor_add(c, &made) : WEIGHT_FAILED;
}

int32_t tensor_make(struct compiler *c, const struct scope *scope, const char *name,
                    const struct weight_want *want) {
  int32_t found = tensor_find(c, name);
  return found >= 0 ? found : make(c, scope, name, checkpoint_find(c, name), want, WEIGHT_ABSENT);
}

int32_t tensor_make_entry(struct compiler *c, const struct scope *scope, const struct entry *entry,
                          const struct weight_want *want, int32_t like) {
  int32_t found = tensor_find(c, entry->name);
  return found >= 0 ? found : make(c, scope, entry->name, entry->tensor, want, like);
}

const struct weight *tensor_main(struct compiler *c, int32_t index) {
  const struct weight *weight = &c->weight[index];
  while (weight->operand_count == 1 || graph_weight_is_computed(weight->kind)) {
    const struct weight *first = &c->weight[weight->operand[0]];
    weight = first->kind == GRAPH_WEIGHT_NUMBER ? &c->weight[weight->operand[1]] : first;
  }
  return weight;
}
