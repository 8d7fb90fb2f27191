/* schema.c - make sense of a schema's tree: which name is a dim, which an
 * attribute, what a slot group holds.  A plugin's author reads the messages. */
#include "compiler/schema.h"

#include "compiler/ast_build.h"
#include "compiler/codes.h"
#include "tfm/plugin.h"

#include <string.h>

struct maker {
  struct arena *arena;
  struct diag *diag;
  struct op_schema *schema;
  const struct ast_schema *tree;
  const char **dim; /* schema->dim while it grows; room for dim_capacity */
  uint32_t dim_capacity;
};

static const char *const attr_kinds[] = {
    [SCHEMA_ATTR_INT] = "int",   [SCHEMA_ATTR_REAL] = "real",     [SCHEMA_ATTR_STR] = "str",
    [SCHEMA_ATTR_BOOL] = "bool", [SCHEMA_ATTR_OBJECT] = "object", [SCHEMA_ATTR_LIST] = "list",
    [SCHEMA_ATTR_DIMS] = "dims", [SCHEMA_ATTR_ANY] = "any"};
enum { ATTR_KINDS = sizeof attr_kinds / sizeof attr_kinds[0] };

const char *schema_attr_kind_name(enum schema_attr_kind kind) {
  return attr_kinds[kind];
}

/* An impossible schema: E120, with what is wrong. */
#define refuse(maker, span, ...)                                                                   \
  diag_report((maker)->diag, DIAG_ERROR, CODE_SCHEMA, span, __VA_ARGS__)

/* --------------------------------------------------------------- attributes */

static bool attr_kind(const char *name, enum schema_attr_kind *kind) {
  for (unsigned i = 0; name != NULL && i < ATTR_KINDS; i++) {
    if (strcmp(attr_kinds[i], name) == 0) {
      *kind = (enum schema_attr_kind)i;
      return true;
    }
  }
  return false;
}

/* A literal of a kind that can never be right. */
static bool literal_fits(const struct ast_expr *value, enum schema_attr_kind kind) {
  switch (value->kind) {
  case AST_EXPR_INT:
    return kind == SCHEMA_ATTR_INT || kind == SCHEMA_ATTR_REAL || kind == SCHEMA_ATTR_ANY;
  case AST_EXPR_REAL:
    return kind == SCHEMA_ATTR_REAL || kind == SCHEMA_ATTR_ANY;
  case AST_EXPR_STR:
    return kind == SCHEMA_ATTR_STR || kind == SCHEMA_ATTR_ANY;
  case AST_EXPR_BOOL:
    return kind == SCHEMA_ATTR_BOOL || kind == SCHEMA_ATTR_ANY;
  case AST_EXPR_LIST:
    return kind == SCHEMA_ATTR_LIST || kind == SCHEMA_ATTR_ANY;
  case AST_EXPR_NONE:
    return false; /* that is what `?` says */
  default:
    return true;
  }
}

static void make_choices(struct maker *maker, const struct ast_type *type,
                         struct schema_attr *attr) {
  const char **choice = arena_array(maker->arena, type->choices.count, sizeof *choice);
  attr->kind = SCHEMA_ATTR_STR;
  attr->choice = choice;
  for (const struct ast_expr *e = type->choices.first; e != NULL && choice != NULL; e = e->next)
    choice[attr->choice_count++] = e->text;
}

bool schema_is_choice(const struct schema_attr *attr, const char *text) {
  bool found = attr->choice_count == 0;
  for (uint32_t i = 0; i < attr->choice_count && !found; i++)
    found = strcmp(attr->choice[i], text) == 0;
  return found;
}

static void make_attr(struct maker *maker, const struct ast_field *field,
                      struct schema_attr *attr) {
  const struct ast_type *type = field->type;
  *attr = (struct schema_attr){.name = field->name.text,
                               .span = field->span,
                               .optional = type->optional,
                               .fallback = field->value};
  if (type->choices.count > 0)
    make_choices(maker, type, attr);
  if (type->choices.count == 0 && (type->has_dims || !attr_kind(type->name.text, &attr->kind)))
    refuse(maker, type->span, "an attribute is int, real, str, bool, object, list or any");
  else if (field->value != NULL && type->optional)
    refuse(maker, field->span, "an attribute with a default is never absent: leave out the `?`");
  else if (field->value != NULL && !literal_fits(field->value, attr->kind))
    refuse(maker, field->value->span, "the default of `%s` is not %s", attr->name,
           attr_kinds[attr->kind]);
  else if (field->value != NULL && field->value->kind == AST_EXPR_STR &&
           !schema_is_choice(attr, field->value->text))
    refuse(maker, field->value->span, "the default of `%s` is none of its values", attr->name);
}

static bool make_attrs(struct maker *maker) {
  const struct ast_fields *fields = &maker->tree->section[2];
  struct schema_attr *attr = arena_array(maker->arena, fields->count, sizeof *attr);
  if (attr == NULL)
    return false;
  maker->schema->attr = attr;
  maker->schema->attr_count = fields->count;
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next)
    make_attr(maker, field, attr++);
  return true;
}

/* --------------------------------------------------------------------- dims */

static bool dim_index(const struct maker *maker, const char *name, uint32_t *index) {
  for (uint32_t i = 0; i < maker->schema->dim_count; i++) {
    if (strcmp(maker->dim[i], name) == 0) {
      *index = i;
      return true;
    }
  }
  return false;
}

/* The variable of that name, made if it is new; room was counted before. */
static struct schema_dim variable(struct maker *maker, const char *name) {
  struct schema_dim dim = {.kind = SCHEMA_DIM_VAR};
  if (name == NULL)
    return dim; /* memory is out */
  if (!dim_index(maker, name, &dim.index) && maker->schema->dim_count < maker->dim_capacity) {
    dim.index = maker->schema->dim_count++;
    maker->dim[dim.index] = name;
  }
  return dim;
}

static struct schema_dim make_dim(struct maker *maker, const struct ast_expr *expr) {
  struct schema_dim dim = {.kind = SCHEMA_DIM_EXPR, .expr = expr};
  if (expr->kind == AST_EXPR_ANY) {
    dim.kind = SCHEMA_DIM_ANY;
  } else if (expr->kind == AST_EXPR_INT) {
    dim.kind = SCHEMA_DIM_NUMBER;
    dim.number = expr->integer;
  } else if (expr->kind == AST_EXPR_NAME) {
    int32_t attr = schema_find_attr(maker->schema, expr->text);
    if (attr != SCHEMA_NONE && maker->schema->attr[attr].kind != SCHEMA_ATTR_INT)
      refuse(maker, expr->span, "the attribute `%s` is no int, so it is no dim", expr->text);
    dim = attr == SCHEMA_NONE ? variable(maker, expr->text)
                              : (struct schema_dim){SCHEMA_DIM_ATTR, (uint32_t)attr, 0, NULL};
    dim.expr = expr;
  }
  return dim;
}

static struct schema_dim *make_dims(struct maker *maker, const struct ast_type *type) {
  struct schema_dim *dim = arena_array(maker->arena, type->dims.count, sizeof *dim);
  struct schema_dim *at = dim;
  for (const struct ast_expr *expr = type->dims.first; expr != NULL && dim != NULL;
       expr = expr->next)
    *at++ = make_dim(maker, expr);
  return dim;
}

/* -------------------------------------------------------------------- types */

static bool read_dtype(const char *name, struct schema_type *out) {
  out->dtype = DTYPE_NONE;
  out->number = name != NULL && strcmp(name, "number") == 0;
  out->any_dtype = out->number || (name != NULL && strcmp(name, "any") == 0);
  if (name == NULL || out->any_dtype)
    return true;
  out->dtype = dtype_from_name(name);
  return dtype_is_value(out->dtype);
}

static void check_type(struct maker *maker, const struct ast_type *type,
                       const struct schema_type *out) {
  if (out->dtype == DTYPE_MASK && out->has_dims)
    refuse(maker, type->span, "a mask has no dims");
  else if (out->dtype == DTYPE_KV && out->has_dims &&
           (out->rank < 1 || out->rank > 2 || out->ellipsis))
    refuse(maker, type->span,
           "a kv has the width of its keys, and that of its values if it differs");
  else if (out->dtype == DTYPE_STATE && out->ellipsis)
    refuse(maker, type->span, "a state has the dims of one row's tensor, none of them `...`");
  else if (out->dtype == DTYPE_BIAS && (out->rank != 1 || out->ellipsis))
    refuse(maker, type->span, "a bias has one dim, its heads: bias[H]");
  else if (dtype_is_tensor(out->dtype) && !out->has_dims)
    refuse(maker, type->span, "a tensor's type needs its dims: `[...]` if it may have any");
  else if (out->rank > TFM_MAX_RANK)
    refuse(maker, type->span, "%u dims, and a tensor has at most %d", (unsigned)out->rank,
           TFM_MAX_RANK);
}

static struct schema_type make_type(struct maker *maker, const struct ast_type *type) {
  if (type->choices.count > 0)
    refuse(maker, type->span, "only an attribute is one of a list of strings");
  struct schema_type out = {
      .has_dims = type->has_dims, .ellipsis = type->ellipsis, .rank = type->dims.count};
  if (!read_dtype(type->name.text, &out))
    refuse(maker, type->name.span, "`%s` is no dtype", type->name.text);
  else
    check_type(maker, type, &out);
  out.dim = make_dims(maker, type);
  return out;
}

static void refuse_default(struct maker *maker, const struct ast_field *field) {
  if (field->value != NULL)
    refuse(maker, field->value->span, "only an attribute can have a default");
}

static bool make_inputs(struct maker *maker) {
  const struct ast_fields *fields = &maker->tree->section[0];
  struct schema_input *input = arena_array(maker->arena, fields->count, sizeof *input);
  if (input == NULL)
    return false;
  maker->schema->input = input;
  maker->schema->input_count = fields->count;
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next) {
    refuse_default(maker, field);
    *input++ = (struct schema_input){.name = field->name.text,
                                     .span = field->span,
                                     .type = make_type(maker, field->type),
                                     .optional = field->type->optional};
  }
  return true;
}

/* ------------------------------------------------------------------ weights */

enum { LINEAR_MEMBERS = 2 };

static bool is_experts(const struct ast_type *type) {
  return type->name.text != NULL && strcmp(type->name.text, "experts") == 0;
}

static bool is_group(const struct ast_type *type) {
  return is_experts(type) || (type->name.text != NULL && strcmp(type->name.text, "linear") == 0);
}

/* The dims I and O of linear[I, O]; two of its own when they are not stated. */
static bool linear_dims(struct maker *maker, const struct ast_field *field,
                        struct schema_dim dim[2]) {
  const struct ast_type *type = field->type;
  if (!type->has_dims) {
    dim[0] = variable(maker, arena_printf(maker->arena, "%s.in", field->name.text));
    dim[1] = variable(maker, arena_printf(maker->arena, "%s.out", field->name.text));
    return true;
  }
  if (type->ellipsis || type->dims.count != 2) {
    refuse(maker, type->span, "a linear layer's slots are `linear[IN, OUT]`, or `linear`");
    return false;
  }
  dim[0] = make_dim(maker, type->dims.first);
  dim[1] = make_dim(maker, type->dims.first->next);
  return true;
}

/* The dims of a group's weight in their order: O, I; of experts E, O, I. */
static bool group_dims(struct maker *maker, const struct ast_field *field, struct schema_dim *dim) {
  const struct ast_type *type = field->type;
  struct schema_dim in_out[2] = {{0}};
  if (!is_experts(type)) {
    if (!linear_dims(maker, field, in_out))
      return false;
    dim[0] = in_out[1];
    dim[1] = in_out[0];
    return true;
  }
  if (!type->has_dims || type->ellipsis || type->dims.count != 3) {
    refuse(maker, type->span, "the slots of experts are `experts[E, IN, OUT]`");
    return false;
  }
  dim[0] = make_dim(maker, type->dims.first);
  dim[2] = make_dim(maker, type->dims.first->next);
  dim[1] = make_dim(maker, type->dims.first->next->next);
  return true;
}

static struct schema_weight group_member(struct maker *maker, const struct ast_field *field,
                                         const char *member, const struct schema_dim *dim,
                                         uint32_t rank) {
  return (struct schema_weight){.name =
                                    arena_printf(maker->arena, "%s.%s", field->name.text, member),
                                .member = member,
                                .span = field->span,
                                .type = {.has_dims = true, .rank = rank, .dim = dim},
                                .optional = field->type->optional,
                                .list = is_experts(field->type),
                                .group = (int32_t)maker->schema->group_count};
}

/* weight [O, I], bias [O]?; of experts with E before them */
static void make_group(struct maker *maker, const struct ast_field *field,
                       struct schema_group *group, struct schema_weight *weight) {
  uint32_t rank = is_experts(field->type) ? 3 : 2;
  struct schema_dim *dim = arena_array(maker->arena, rank, sizeof *dim);
  if (dim == NULL || !group_dims(maker, field, dim))
    return;
  struct schema_weight *members = weight + maker->schema->weight_count;
  members[0] = group_member(maker, field, "weight", dim, rank);
  members[1] = group_member(maker, field, "bias", dim, rank - 1);
  members[1].optional = true;
  group[maker->schema->group_count++] = (struct schema_group){.name = field->name.text,
                                                              .span = field->span,
                                                              .optional = field->type->optional,
                                                              .first = maker->schema->weight_count,
                                                              .count = LINEAR_MEMBERS};
  maker->schema->weight_count += LINEAR_MEMBERS;
}

static bool make_weights(struct maker *maker) {
  const struct ast_fields *fields = &maker->tree->section[1];
  struct schema_weight *weight =
      arena_array(maker->arena, LINEAR_MEMBERS * (size_t)fields->count, sizeof *weight);
  struct schema_group *group = arena_array(maker->arena, fields->count, sizeof *group);
  if (weight == NULL || group == NULL)
    return false;
  maker->schema->weight = weight;
  maker->schema->group = group;
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next) {
    refuse_default(maker, field);
    if (is_group(field->type)) {
      make_group(maker, field, group, weight);
      continue;
    }
    weight[maker->schema->weight_count++] =
        (struct schema_weight){.name = field->name.text,
                               .member = field->name.text,
                               .span = field->span,
                               .type = make_type(maker, field->type),
                               .optional = field->type->optional,
                               .group = SCHEMA_NONE};
  }
  return true;
}

/* ------------------------------------------------ outputs, taps, constraints */

static bool make_outputs(struct maker *maker) {
  const struct ast_fields *fields = &maker->tree->outputs;
  uint32_t known = maker->schema->dim_count;
  struct schema_output *output = arena_array(maker->arena, fields->count, sizeof *output);
  if (output == NULL)
    return false;
  maker->schema->output = output;
  maker->schema->output_count = fields->count;
  maker->schema->outputs_open = maker->tree->outputs_open;
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next) {
    *output = (struct schema_output){.name = field->name.text, .infer = field->type == NULL};
    if (field->type != NULL)
      output->type = make_type(maker, field->type);
    for (uint32_t i = 0; i < output->type.rank && output->type.dim != NULL; i++)
      if (output->type.dim[i].kind == SCHEMA_DIM_ANY)
        refuse(maker, field->span, "an output's dims must be known: `_` alone leaves it to infer");
    output++;
  }
  for (uint32_t i = known; i < maker->schema->dim_count; i++)
    refuse(maker, fields->first->span, "the dim `%s` of an output is in no input and no weight",
           maker->dim[i]);
  return true;
}

static bool make_taps(struct maker *maker) {
  const struct ast_fields *fields = &maker->tree->taps;
  const char **tap = arena_array(maker->arena, fields->count, sizeof *tap);
  if (tap == NULL)
    return false;
  maker->schema->tap = tap;
  maker->schema->tap_count = fields->count;
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next) {
    if (field->type != NULL)
      refuse(maker, field->type->span, "a tap is a name alone");
    *tap++ = field->name.text;
  }
  if (fields->count > 64)
    refuse(maker, maker->tree->span, "%u taps, and an op has at most 64", (unsigned)fields->count);
  return true;
}

static bool make_constraints(struct maker *maker) {
  const struct ast_exprs *exprs = &maker->tree->constraints;
  const struct ast_expr **constraint = arena_array(maker->arena, exprs->count, sizeof *constraint);
  if (constraint == NULL)
    return false;
  maker->schema->constraint = constraint;
  maker->schema->constraint_count = exprs->count;
  for (const struct ast_expr *expr = exprs->first; expr != NULL; expr = expr->next)
    *constraint++ = expr;
  return true;
}

/* -------------------------------------------------------------------- names */

/* Numbers, names that mean something, and arithmetic: no calls, no config.
 * with_dims: dims may be named, besides attributes. */
static void check_expr(struct maker *maker, const struct ast_expr *expr, bool with_dims) {
  uint32_t index;
  switch (expr->kind) {
  case AST_EXPR_ERROR:
  case AST_EXPR_INT:
  case AST_EXPR_REAL:
  case AST_EXPR_STR:
  case AST_EXPR_BOOL:
    return;
  case AST_EXPR_NAME:
    if (schema_find_attr(maker->schema, expr->text) == SCHEMA_NONE &&
        !(with_dims && dim_index(maker, expr->text, &index)))
      refuse(maker, expr->span, "`%s` is no attribute%s", expr->text,
             with_dims ? " and no dim of an input or a weight" : "");
    return;
  case AST_EXPR_UNARY:
    check_expr(maker, expr->unary.operand, with_dims);
    return;
  case AST_EXPR_BINARY:
    check_expr(maker, expr->binary.left, with_dims);
    check_expr(maker, expr->binary.right, with_dims);
    return;
  case AST_EXPR_LIST:
    for (const struct ast_expr *item = expr->list.first; item != NULL; item = item->next)
      check_expr(maker, item, with_dims);
    return;
  default:
    refuse(maker, expr->span, "a schema computes with numbers, dims and attributes only");
  }
}

static void check_dims(struct maker *maker, const struct schema_type *type) {
  for (uint32_t i = 0; i < type->rank && type->dim != NULL; i++)
    if (type->dim[i].kind == SCHEMA_DIM_EXPR)
      check_expr(maker, type->dim[i].expr, true);
}

/* Once all names are there. */
static void check_exprs(struct maker *maker) {
  const struct op_schema *schema = maker->schema;
  for (uint32_t i = 0; i < schema->input_count; i++)
    check_dims(maker, &schema->input[i].type);
  for (uint32_t i = 0; i < schema->weight_count; i++)
    check_dims(maker, &schema->weight[i].type);
  for (uint32_t i = 0; i < schema->output_count; i++)
    check_dims(maker, &schema->output[i].type);
  for (uint32_t i = 0; i < schema->attr_count; i++)
    if (schema->attr[i].fallback != NULL)
      check_expr(maker, schema->attr[i].fallback, false);
  for (uint32_t i = 0; i < schema->constraint_count; i++)
    check_expr(maker, schema->constraint[i], true);
}

/* A call names inputs, weights and attributes alike. */
static void check_names(struct maker *maker) {
  for (unsigned s = 0; s < 3; s++) {
    for (const struct ast_field *a = maker->tree->section[s].first; a != NULL; a = a->next) {
      const struct ast_field *same = NULL;
      for (unsigned t = 0; t <= s && same == NULL; t++)
        for (const struct ast_field *b = maker->tree->section[t].first; b != NULL && b != a;
             b = b->next)
          if (strcmp(a->name.text, b->name.text) == 0)
            same = b;
      if (same == NULL)
        continue;
      struct diag_item *item =
          refuse(maker, a->name.span, "the name `%s` is there twice", a->name.text);
      diag_label(maker->diag, item, same->name.span, "the first");
    }
  }
}

/* An upper bound on the variables: two for each entry without dims. */
static uint32_t count_dims(const struct ast_schema *tree) {
  uint32_t count = 0;
  for (unsigned s = 0; s < 2; s++)
    for (const struct ast_field *f = tree->section[s].first; f != NULL; f = f->next)
      count += f->type->dims.count + 2;
  for (const struct ast_field *f = tree->outputs.first; f != NULL; f = f->next)
    count += f->type == NULL ? 0 : f->type->dims.count;
  return count;
}

static bool make_schema(struct maker *maker) {
  maker->dim_capacity = count_dims(maker->tree);
  maker->dim = arena_array(maker->arena, maker->dim_capacity, sizeof *maker->dim);
  maker->schema->dim = maker->dim;
  if (maker->dim == NULL || !make_attrs(maker) || !make_inputs(maker) || !make_weights(maker) ||
      !make_outputs(maker) || !make_taps(maker) || !make_constraints(maker))
    return false;
  check_names(maker);
  check_exprs(maker);
  return !arena_failed(maker->arena);
}

struct op_schema *schema_parse(struct arena *arena, struct diag *diag, const char *label,
                               const char *text) {
  unsigned errors = diag->errors;
  uint32_t source = diag_add_source(diag, label, text, strlen(text));
  struct op_schema *schema = arena_alloc(arena, sizeof *schema);
  if (schema == NULL || source == UINT32_MAX)
    return NULL;
  const struct ast_schema *tree = ast_parse_schema(arena, diag, source);
  if (tree == NULL)
    return NULL;
  *schema = (struct op_schema){.name = tree->name.text,
                               .doc = tree->doc,
                               .text = text,
                               .source = source,
                               .fusion = tree->fusions};
  struct maker maker = {.arena = arena, .diag = diag, .schema = schema, .tree = tree};
  return make_schema(&maker) && diag->errors == errors ? schema : NULL;
}

/* ------------------------------------------------------------------ look-ups */

enum schema_dim_kind schema_resolve(const struct op_schema *schema, const char *name,
                                    uint32_t *index) {
  int32_t attr = schema_find_attr(schema, name);
  if (attr != SCHEMA_NONE) {
    *index = (uint32_t)attr;
    return SCHEMA_DIM_ATTR;
  }
  for (uint32_t i = 0; i < schema->dim_count; i++) {
    if (strcmp(schema->dim[i], name) == 0) {
      *index = i;
      return SCHEMA_DIM_VAR;
    }
  }
  return SCHEMA_DIM_ANY;
}

int32_t schema_find_input(const struct op_schema *schema, const char *name) {
  for (uint32_t i = 0; i < schema->input_count; i++)
    if (strcmp(schema->input[i].name, name) == 0)
      return (int32_t)i;
  return SCHEMA_NONE;
}

int32_t schema_find_weight(const struct op_schema *schema, const char *name) {
  for (uint32_t i = 0; i < schema->weight_count; i++)
    if (strcmp(schema->weight[i].name, name) == 0)
      return (int32_t)i;
  return SCHEMA_NONE;
}

int32_t schema_find_group(const struct op_schema *schema, const char *name) {
  for (uint32_t i = 0; i < schema->group_count; i++)
    if (strcmp(schema->group[i].name, name) == 0)
      return (int32_t)i;
  return SCHEMA_NONE;
}

int32_t schema_find_attr(const struct op_schema *schema, const char *name) {
  for (uint32_t i = 0; i < schema->attr_count; i++)
    if (strcmp(schema->attr[i].name, name) == 0)
      return (int32_t)i;
  return SCHEMA_NONE;
}

int32_t schema_find_tap(const struct op_schema *schema, const char *name) {
  for (uint32_t i = 0; i < schema->tap_count; i++)
    if (strcmp(schema->tap[i], name) == 0)
      return (int32_t)i;
  return SCHEMA_NONE;
}
