/* tensor.c - making tensors and keeping them by name. */
#include "compiler/tensor.h"

#include "compiler/checkpoint.h"

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

/* "[768,2304]" and what was done to it. */
static const struct origin *tensor_origin(struct compiler *c, const struct compile_tensor *tensor,
                                          const char *name, const char *done) {
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  const char *view = "[";
  for (uint32_t i = 0; i < tensor->rank && view != NULL; i++)
    view = compiler_printf(c, "%s%s%lld", view, i > 0 ? "," : "", (long long)tensor->shape[i]);
  view = view == NULL ? NULL
                      : compiler_printf(c, "%s]%s%s", view, done == NULL ? "" : ", ",
                                        done == NULL ? "" : done);
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

int32_t tensor_make(struct compiler *c, const struct scope *scope, const char *name,
                    const struct weight_want *want) {
  int32_t found = tensor_find(c, name);
  if (found >= 0)
    return found;
  const struct compile_tensor *tensor = checkpoint_find(c, name);
  struct weight made = {.kind = GRAPH_WEIGHT_TENSOR,
                        .name = name,
                        .tensor = tensor,
                        .dtype = tensor != NULL ? tensor->dtype : DTYPE_F32,
                        .type = {.rank = tensor != NULL ? tensor->rank : want->rank},
                        .scope = scope,
                        .slot = want->member,
                        .span = want->span};
  const struct origin *origin =
      tensor != NULL ? tensor_origin(c, tensor, name, NULL) : tensor_missing_origin(c, name);
  for (uint32_t i = 0; i < made.type.rank; i++) {
    made.type.shape[i] = tensor != NULL ? cell_number(c->arena, tensor->shape[i], origin)
                                        : cell_free(c->arena, origin);
    if (made.type.shape[i] == NULL) {
      compiler_oom(c);
      return WEIGHT_FAILED;
    }
  }
  return tensor_add(c, &made);
}

const struct weight *tensor_main(struct compiler *c, int32_t index) {
  const struct weight *weight = &c->weight[index];
  while (weight->operand_count == 1 || graph_weight_is_computed(weight->kind)) {
    const struct weight *first = &c->weight[weight->operand[0]];
    weight = first->kind == GRAPH_WEIGHT_NUMBER ? &c->weight[weight->operand[1]] : first;
  }
  return weight;
}
