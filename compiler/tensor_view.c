/* tensor_view.c - transpositions, pieces and compositions of tensors: what they
 * are called, and which shape they have. */
#include "compiler/tensor.h"

#include "base/checked.h"
#include "compiler/report.h"

static int32_t fail_view(struct compiler *c, struct span span, const char *name,
                         const struct ctype *type, const char *why) {
  report(c, CODE_WEIGHT_VIEW, span, "`%s` is %s: %s", name, compiler_type_text(c, type), why);
  return WEIGHT_FAILED;
}

/* A cell of a view: a number anew, so that it tells of the view; else the same cell. */
static struct cell *seen_through(struct compiler *c, struct cell *cell, const char *done) {
  struct dim known;
  const struct origin *from = cell->origin;
  if (from == NULL || from->kind != ORIGIN_TENSOR || !cell_value(cell, &known))
    return cell;
  struct origin *origin = compiler_alloc(c, 1, sizeof *origin);
  if (origin == NULL)
    return NULL;
  *origin = *from;
  origin->view = compiler_printf(c, "%s, %s", from->view, done);
  return cell_known(c->arena, &known, origin);
}

static bool view_type(struct compiler *c, const struct weight_expr *expr, struct weight *made);

static bool split_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  int32_t axis = made->axis < 0 ? made->axis + (int32_t)from->type.rank : made->axis;
  struct cell *parts = cell_number(c->arena, made->parts, NULL), *piece = NULL;
  if (axis < 0 || (uint32_t)axis >= from->type.rank || parts == NULL) {
    fail_view(c, expr->span, from->name, &from->type, "it has no such axis to split");
    return false;
  }
  made->axis = axis;
  made->type = from->type;
  if (cell_compute(c->arena, CELL_DIV, from->type.shape[axis], parts,
                   from->type.shape[axis]->origin, &piece) != CELL_OK) {
    fail_view(c, expr->span, from->name, &from->type, "it does not split into equal parts");
    return false;
  }
  made->type.shape[axis] = seen_through(c, piece, "split");
  return made->type.shape[axis] != NULL;
}

static bool operands_unify(struct compiler *c, const struct weight_expr *expr,
                           const struct weight *made, int32_t except) {
  const struct weight *first = &c->weight[made->operand[0]];
  for (uint32_t i = 1; i < made->operand_count; i++) {
    const struct weight *other = &c->weight[made->operand[i]];
    bool same = other->type.rank == first->type.rank && other->dtype == first->dtype;
    for (uint32_t k = 0; same && k < first->type.rank; k++)
      same =
          (int32_t)k == except || cell_unify(first->type.shape[k], other->type.shape[k]) == CELL_OK;
    if (!same) {
      fail_view(c, expr->span, other->name, &other->type,
                compiler_printf(c, "it does not go together with `%s` %s", first->name,
                                compiler_type_text(c, &first->type)));
      return false;
    }
  }
  return true;
}

static bool concat_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *first = &c->weight[made->operand[0]];
  int32_t axis = made->axis < 0 ? made->axis + (int32_t)first->type.rank : made->axis;
  if (axis < 0 || (uint32_t)axis >= first->type.rank) {
    fail_view(c, expr->span, first->name, &first->type, "it has no such axis");
    return false;
  }
  made->axis = axis;
  made->type = first->type;
  if (!operands_unify(c, expr, made, axis))
    return false;
  struct cell *sum = seen_through(c, first->type.shape[axis], "put together");
  for (uint32_t i = 1; i < made->operand_count && sum != NULL; i++) {
    struct cell *next = NULL;
    cell_compute(c->arena, CELL_ADD, sum, c->weight[made->operand[i]].type.shape[axis], sum->origin,
                 &next);
    sum = next == NULL ? cell_free(c->arena, sum->origin) : next;
  }
  made->type.shape[axis] = sum;
  return sum != NULL;
}

static bool stack_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *first = &c->weight[made->operand[0]];
  if (first->type.rank == GRAPH_MAX_RANK) {
    fail_view(c, expr->span, first->name, &first->type, "it has too many dims to be stacked");
    return false;
  }
  made->type = (struct ctype){.rank = first->type.rank + 1};
  made->type.shape[0] =
      cell_number(c->arena, made->operand_count, tensor_missing_origin(c, first->name));
  for (uint32_t i = 0; i < first->type.rank; i++)
    made->type.shape[i + 1] = first->type.shape[i];
  return made->type.shape[0] != NULL && operands_unify(c, expr, made, -1);
}

static bool known_elements(const struct ctype *type, int64_t *out) {
  *out = 1;
  for (uint32_t i = 0; i < type->rank; i++) {
    struct dim dim;
    int64_t number;
    if (!cell_value(type->shape[i], &dim) || !dim_is_number(&dim, &number) ||
        !checked_mul_i64(*out, number, out))
      return false;
  }
  return true;
}

static bool reshape_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  int64_t before, after;
  made->type = expr->shape;
  if (!known_elements(&made->type, &after)) {
    fail_view(c, expr->span, from->name, &from->type, "its new shape is not known");
    return false;
  }
  if (known_elements(&from->type, &before) && before != after) {
    fail_view(
        c, expr->span, from->name, &from->type,
        compiler_printf(c, "it cannot be reshaped to %s", compiler_type_text(c, &made->type)));
    return false;
  }
  return true;
}

static bool view_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  made->dtype = from->dtype;
  switch (made->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    if (from->type.rank != 2) {
      fail_view(c, expr->span, from->name, &from->type, "only a matrix can be transposed");
      return false;
    }
    made->type = from->type;
    made->type.shape[0] = seen_through(c, from->type.shape[1], "transposed");
    made->type.shape[1] = seen_through(c, from->type.shape[0], "transposed");
    return made->type.shape[0] != NULL && made->type.shape[1] != NULL;
  case GRAPH_WEIGHT_SPLIT:
    return split_type(c, expr, made);
  case GRAPH_WEIGHT_CONCAT:
    return concat_type(c, expr, made);
  case GRAPH_WEIGHT_STACK:
    return stack_type(c, expr, made);
  default:
    return reshape_type(c, expr, made);
  }
}

static const char *view_name(struct compiler *c, const struct weight *made,
                             const struct weight_expr *expr) {
  const char *first = c->weight[made->operand[0]].name, *name;
  switch (made->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    return compiler_printf(c, "%s{transpose}", first);
  case GRAPH_WEIGHT_SPLIT:
    return compiler_printf(c, "%s{split:%d:%d:%d}", first, expr->axis, made->parts, made->index);
  case GRAPH_WEIGHT_RESHAPE:
    return compiler_printf(c, "%s{reshape:%s}", first, compiler_type_text(c, &expr->shape));
  default:
    name = first;
    for (uint32_t i = 1; i < made->operand_count && name != NULL; i++)
      name = compiler_printf(c, "%s+%s", name, c->weight[made->operand[i]].name);
    if (name != NULL)
      name = made->kind == GRAPH_WEIGHT_STACK
                 ? compiler_printf(c, "%s{stack}", name)
                 : compiler_printf(c, "%s{concat:%d}", name, expr->axis);
    return name;
  }
}

int32_t tensor_view(struct compiler *c, const struct weight_expr *expr, enum graph_weight_kind kind,
                    const int32_t *operand, uint32_t count, const struct weight_want *want) {
  struct weight made = {.kind = kind,
                        .operand = operand,
                        .operand_count = count,
                        .axis = expr->axis,
                        .parts = expr->parts,
                        .index = expr->index,
                        .span = want->span};
  made.name = view_name(c, &made, expr);
  if (made.name == NULL)
    return WEIGHT_FAILED;
  int32_t found = tensor_find(c, made.name);
  if (found >= 0)
    return found;
  return view_type(c, expr, &made) && !c->stop ? tensor_add(c, &made) : WEIGHT_FAILED;
}
