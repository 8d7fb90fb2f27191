/* tensor_view.c - what views are called, and which shape they have. */
#include "compiler/tensor_view.h"

#include "base/checked.h"
#include "compiler/limit.h"
#include "compiler/report.h"

#include <string.h>

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
  if (strlen(from->view) < LIMIT_VIEW_NAME)
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

static bool transpose_type(struct compiler *c, const struct weight_expr *expr,
                           struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  uint32_t axes = expr->parts == 0 ? 2 : (uint32_t)expr->parts; /* as many as were written */
  if (from->type.rank != axes) {
    fail_view(c, expr->span, from->name, &from->type,
              expr->parts == 0 ? "only a matrix is transposed without `axes`"
                               : compiler_printf(c, "`axes` has %u entries", axes));
    return false;
  }
  made->type = from->type;
  for (uint32_t i = 0; i < axes; i++)
    if ((made->type.shape[i] = seen_through(c, from->type.shape[graph_weight_axis(made->index, i)],
                                            "transposed")) == NULL)
      return false;
  return true;
}

/* made has the axis from the front, and its numbers are known: see place_slice. */
static bool slice_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  (void)expr;
  made->type = from->type;
  struct cell *cell = cell_number(c->arena, made->parts, from->type.shape[made->axis]->origin);
  made->type.shape[made->axis] = cell == NULL ? NULL : seen_through(c, cell, "sliced");
  return made->type.shape[made->axis] != NULL;
}

static bool cell_length(const struct cell *cell, int64_t *length) {
  struct dim known;
  return cell_value(cell, &known) && dim_is_number(&known, length);
}

/* Where a slice lies in a tensor whose length along the axis is known, or was given. */
static bool place_slice(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *from = &c->weight[made->operand[0]];
  int32_t axis = made->axis < 0 ? made->axis + (int32_t)from->type.rank : made->axis;
  const char *why = NULL;
  int64_t length = 0, begin = made->index, count = made->parts;
  bool known =
      axis >= 0 && (uint32_t)axis < from->type.rank && cell_length(from->type.shape[axis], &length);
  if (axis < 0 || (uint32_t)axis >= from->type.rank) {
    why = "it has no such axis to slice";
  } else if (!known && (begin < 0 || count < 0)) {
    why = "its length along the axis is not known";
  } else {
    begin += begin < 0 ? length : 0;
    count = count == -1 ? length - begin : count;
    if (begin < 0 || count < 0 || (known && begin + count > length) || count > INT32_MAX)
      why = compiler_printf(c, "it has no %lld from %lld on along axis %d", (long long)count,
                            (long long)begin, axis);
    else if (known && expr->total != 0 && expr->total != length)
      why = compiler_printf(c, "the sizes of its split add up to %lld", (long long)expr->total);
  }
  if (why != NULL) {
    fail_view(c, expr->span, from->name, &from->type, why);
    return false;
  }
  made->axis = axis;
  made->index = (int32_t)begin;
  made->parts = (int32_t)count;
  return true;
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
    const struct weight *other = &c->weight[made->operand[i]];
    struct cell *next = NULL;
    if (cell_compute(c->arena, CELL_ADD, sum, other->type.shape[axis], sum->origin, &next) ==
        CELL_TOO_LARGE) {
      fail_view(c, expr->span, other->name, &other->type, "put together it is too large");
      return false;
    }
    sum = next == NULL ? cell_free(c->arena, sum->origin) : next;
  }
  made->type.shape[axis] = sum;
  return sum != NULL;
}

static bool stack_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *first = &c->weight[made->operand[0]];
  if (first->type.rank == TFM_MAX_RANK) {
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
  if (c->unknown)
    return true;
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

/* The dims of two operands agree from the last one on, as those of two tensors do. */
static bool computed_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  const struct weight *a = &c->weight[made->operand[0]], *b = &c->weight[made->operand[1]];
  made->dtype = DTYPE_F32;
  for (uint32_t o = 0; o < 2; o++) {
    const struct weight *from = &c->weight[made->operand[o]];
    if (!dtype_is_float(from->dtype)) {
      fail_view(c, expr->span, from->name, &from->type, "only floats can be computed with");
      return false;
    }
  }
  if (a->type.rank < b->type.rank) {
    const struct weight *shorter = a;
    a = b;
    b = shorter;
  }
  made->type = a->type;
  for (uint32_t i = 1; i <= b->type.rank; i++) {
    struct cell **cell = &made->type.shape[a->type.rank - i];
    struct cell *other = b->type.shape[b->type.rank - i];
    if (cell_is_number(*cell, 1))
      *cell = other;
    else if (!cell_is_number(other, 1) && cell_unify(*cell, other) != CELL_OK) {
      fail_view(c, expr->span, b->name, &b->type,
                compiler_printf(c, "it does not agree with `%s` %s", a->name,
                                compiler_type_text(c, &a->type)));
      return false;
    }
  }
  return true;
}

static bool view_type(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  if (made->kind == GRAPH_WEIGHT_NUMBER) {
    made->dtype = DTYPE_F32;
    return true;
  }
  if (graph_weight_is_computed(made->kind))
    return computed_type(c, expr, made);
  const struct weight *from = &c->weight[made->operand[0]];
  made->dtype = from->dtype;
  switch (made->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    return transpose_type(c, expr, made);
  case GRAPH_WEIGHT_SLICE:
    return slice_type(c, expr, made);
  case GRAPH_WEIGHT_SPLIT:
    return split_type(c, expr, made);
  case GRAPH_WEIGHT_CONCAT:
    return concat_type(c, expr, made);
  case GRAPH_WEIGHT_STACK:
  case GRAPH_WEIGHT_LIST:
    return stack_type(c, expr, made);
  default:
    return reshape_type(c, expr, made);
  }
}

/* "(1 + a)" */
static void write_computed(struct compiler *c, const struct weight *made, struct buffer *out) {
  static const char *const signs[] = {" + ", " - ", " * ", " / "};
  for (uint32_t i = 0; i < 2; i++) {
    const struct weight *from = &c->weight[made->operand[i]];
    buffer_puts(out, i == 0 ? "(" : signs[made->kind - GRAPH_WEIGHT_ADD]);
    if (from->kind == GRAPH_WEIGHT_NUMBER)
      buffer_printf(out, "%.9g", from->number);
    else
      buffer_puts(out, from->name);
  }
  buffer_putc(out, ')');
}

/* "experts.*.w1": what the first and the last have in common. */
static void write_list(struct compiler *c, const struct weight *made, struct buffer *out) {
  const char *first = c->weight[made->operand[0]].name;
  const char *last = c->weight[made->operand[made->operand_count - 1]].name;
  size_t begin = 0, end = 0, length = strlen(first), other = strlen(last);
  while (begin < length && begin < other && first[begin] == last[begin])
    begin++;
  while (end < length - begin && end < other - begin &&
         first[length - 1 - end] == last[other - 1 - end])
    end++;
  buffer_printf(out, "%.*s*%s", (int)begin, first, first + length - end);
}

/* "a+b{concat:0}": each operand's name and what is done to them. */
static void write_name(struct compiler *c, const struct weight *made,
                       const struct weight_expr *expr, struct buffer *out) {
  if (made->kind == GRAPH_WEIGHT_NUMBER) {
    buffer_printf(out, "{%.9g}", made->number);
    return;
  }
  if (graph_weight_is_computed(made->kind)) {
    write_computed(c, made, out);
    return;
  }
  if (made->kind == GRAPH_WEIGHT_LIST) {
    write_list(c, made, out);
    return;
  }
  for (uint32_t i = 0; i < made->operand_count && out->length <= LIMIT_VIEW_NAME; i++)
    buffer_printf(out, "%s%s", i > 0 ? "+" : "", c->weight[made->operand[i]].name);
  switch (made->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    buffer_puts(out, "{transpose");
    for (uint32_t i = 0; i < (uint32_t)expr->parts; i++)
      buffer_printf(out, "%c%u", i == 0 ? ':' : ',', graph_weight_axis(made->index, i));
    buffer_putc(out, '}');
    break;
  case GRAPH_WEIGHT_SLICE:
    buffer_printf(out, "{slice:%d:%d:%d}", made->axis, made->index, made->parts);
    break;
  case GRAPH_WEIGHT_SPLIT:
    buffer_printf(out, "{split:%d:%d:%d}", expr->axis, made->parts, made->index);
    break;
  case GRAPH_WEIGHT_RESHAPE:
    buffer_printf(out, "{reshape:%s}", compiler_type_text(c, &expr->shape));
    break;
  case GRAPH_WEIGHT_STACK:
    buffer_puts(out, "{stack}");
    break;
  default:
    buffer_printf(out, "{concat:%d}", expr->axis);
  }
}

/* FNV-1a of what the view is made of, and of its text as far as it was written. */
static uint64_t view_hash(const struct weight *made, const struct buffer *text) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < text->length; i++)
    hash = (hash ^ (unsigned char)text->data[i]) * UINT64_C(0x100000001b3);
  for (uint32_t i = 0; i < made->operand_count; i++)
    hash = (hash ^ (uint32_t)made->operand[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* Names double where a view takes another twice, so a long one is its beginning
 * and a number; no two views of one compilation have the same. */
static const char *view_name(struct compiler *c, const struct weight *made,
                             const struct weight_expr *expr, unsigned again) {
  struct buffer text;
  buffer_init(&text);
  write_name(c, made, expr, &text);
  const char *name =
      text.failed ? NULL
      : text.length <= LIMIT_VIEW_NAME && again == 0
          ? arena_strdup(c->arena, buffer_text(&text))
          : arena_printf(c->arena, "%.*s...{%u:%016llx}", LIMIT_VIEW_NAME / 2, buffer_text(&text),
                         again, (unsigned long long)view_hash(made, &text));
  buffer_finish(&text);
  if (name == NULL)
    compiler_oom(c);
  return name;
}

static bool same_shape(const struct ctype *a, const struct ctype *b) {
  bool same = a->rank == b->rank;
  for (uint32_t i = 0; same && i < a->rank; i++) {
    struct dim left, right;
    same = cell_value(a->shape[i], &left) && cell_value(b->shape[i], &right) &&
           dim_equal(&left, &right);
  }
  return same;
}

/* made is as the expression says it, there counts its axis from the front. */
static bool same_view(const struct weight *there, const struct weight *made,
                      const struct weight_expr *expr) {
  int32_t axis = made->axis < 0 ? made->axis + (int32_t)there->type.rank : made->axis;
  bool along = made->kind == GRAPH_WEIGHT_SPLIT || made->kind == GRAPH_WEIGHT_CONCAT ||
               made->kind == GRAPH_WEIGHT_SLICE;
  return there->kind == made->kind && (!along || there->axis == axis) &&
         there->parts == made->parts && there->index == made->index &&
         !(there->number < made->number || there->number > made->number) &&
         there->operand_count == made->operand_count &&
         memcmp(there->operand, made->operand, made->operand_count * sizeof *made->operand) == 0 &&
         (made->kind != GRAPH_WEIGHT_RESHAPE || same_shape(&there->type, &expr->shape));
}

/* The view of that name if it is there; else the name under which it can be made. */
static int32_t find_view(struct compiler *c, const struct weight_expr *expr, struct weight *made) {
  for (unsigned again = 0;; again++) {
    made->name = view_name(c, made, expr, again);
    int32_t found = made->name == NULL ? WEIGHT_FAILED : tensor_find(c, made->name);
    if (found < 0 || same_view(&c->weight[found], made, expr))
      return found;
  }
}

/* Views below this one: those who walk them do so one inside another. */
static bool count_depth(struct compiler *c, struct weight *made) {
  for (uint32_t i = 0; i < made->operand_count; i++)
    if (c->weight[made->operand[i]].depth >= made->depth)
      made->depth = c->weight[made->operand[i]].depth + 1;
  if (made->depth <= LIMIT_VIEW_DEPTH)
    return true;
  report(c, CODE_LIMIT_STEPS, made->span, "a weight that is made through more than %d others",
         LIMIT_VIEW_DEPTH);
  c->stop = true;
  return false;
}

/* The one `_` of a shape, from the elements of what gets it. */
static bool fill_shape(struct compiler *c, const struct weight *from, struct weight_expr *expr) {
  int64_t before, rest = 1, number;
  uint32_t open = 0, at = 0;
  for (uint32_t i = 0; i < expr->shape.rank; i++) {
    if (!cell_length(expr->shape.shape[i], &number)) {
      at = i;
      open++;
    } else if (!checked_mul_i64(rest, number, &rest)) {
      return true; /* reshape_type will say so */
    }
  }
  if (open != 1 || c->unknown || !known_elements(&from->type, &before))
    return true;
  if (rest == 0 || before % rest != 0) {
    fail_view(
        c, expr->span, from->name, &from->type,
        compiler_printf(c, "no size of `_` makes it %s", compiler_type_text(c, &expr->shape)));
    return false;
  }
  expr->shape.shape[at] = cell_number(c->arena, before / rest, NULL);
  return expr->shape.shape[at] != NULL;
}

/* What depends on the operand is settled before a view is looked up by its name. */
static bool settle(struct compiler *c, struct weight_expr *expr, struct weight *made) {
  if (made->kind == GRAPH_WEIGHT_RESHAPE)
    return fill_shape(c, &c->weight[made->operand[0]], expr);
  return made->kind != GRAPH_WEIGHT_SLICE || place_slice(c, expr, made);
}

int32_t tensor_view(struct compiler *c, const struct weight_expr *written,
                    enum graph_weight_kind kind, const int32_t *operand, uint32_t count,
                    const struct weight_want *want) {
  struct weight_expr own = *written, *expr = &own;
  struct weight made = {.kind = kind,
                        .operand = operand,
                        .operand_count = count,
                        .axis = expr->axis,
                        .parts = expr->parts,
                        .index = expr->index,
                        .number = expr->number,
                        .span = want->span};
  int32_t found = limit_step(c, expr->span, count) && settle(c, expr, &made)
                      ? find_view(c, expr, &made)
                      : WEIGHT_FAILED;
  if (found != WEIGHT_ABSENT)
    return found;
  if (made.name == NULL || !count_depth(c, &made))
    return WEIGHT_FAILED;
  return view_type(c, expr, &made) && !c->stop ? tensor_add(c, &made) : WEIGHT_FAILED;
}
