/* types.c - a call against its op's schema.
 *
 * Each dim that the schema names is one cell in the whole call: the first slot
 * that mentions it sets it, the others must agree.  Dims that are computed
 * (heads * 2) wait until the plain ones are set; then the `where` conditions
 * hold or, as equations, settle what is still free. */
#include "compiler/call.h"

#include "compiler/eval.h"
#include "compiler/names.h"
#include "compiler/report.h"

#include <string.h>

/* What a dim of the schema is in this call, and which slot said so. */
struct binding {
  struct cell *cell;
  const char *by;
  struct span span;
};

struct typing {
  struct compiler *c;
  struct op_call *call;
  const struct op_schema *schema;
  struct binding *var; /* schema->dim_count */
  struct binding rest[GRAPH_MAX_RANK];
  uint32_t rest_count;
  bool has_rest;
  const struct ctype *rest_type; /* of the slot that set it */
  bool has_any;
  enum dtype any;
};

/* One slot: an input, a weight or an output. */
struct slot {
  const char *kind, *name;
  const struct schema_type *want;
  const struct ctype *type;
  struct span span;
};

/* ----------------------------------------------------------------------- saying */

/* "768 is D, from config.json:14 `n_embd`", "2304 from tensor `a` [768,2304]". */
static const char *cell_story(struct compiler *c, const struct cell *cell) {
  const char *text = compiler_cell_text(c, cell);
  struct buffer from;
  bool is_name;
  buffer_init(&from);
  origin_print(cell->origin, c->diag, &from, &is_name);
  const char *story = buffer_text(&from);
  size_t length = strlen(text);
  bool same = is_name && (strcmp(story, text) == 0 ||
                          (story[0] == '`' && strncmp(story + 1, text, length) == 0 &&
                           strcmp(story + 1 + length, "`") == 0));
  if (story[0] != '\0' && !same)
    text = compiler_printf(c, is_name ? "%s is %s" : "%s from %s", text, story);
  buffer_finish(&from);
  return text == NULL ? "" : text;
}

static const char *schema_line(const struct op_schema *schema, int *length) {
  const char *text = schema->text;
  while (text != NULL && strncmp(text, "op ", 3) != 0) {
    text = strchr(text, '\n');
    text = text == NULL ? NULL : text + 1;
  }
  *length = text == NULL ? 0 : (int)strlen(text);
  while (*length > 0 && (text[*length - 1] == '\n' || text[*length - 1] == ' '))
    --*length;
  return text == NULL ? "" : text;
}

static void note_schema(struct typing *t, struct report *r) {
  int length;
  const char *line = schema_line(t->schema, &length);
  if (t->call->symbol == NULL)
    report_note(t->c, r, "its schema: %.*s", length, line);
}

static bool fail_binary(struct typing *t, const struct cell *left, const struct cell *right) {
  struct compiler *c = t->c;
  const struct op_call *call = t->call;
  struct report *r =
      report(c, CODE_SHAPE, call->input_span[1], "`%s` needs equal shapes: %s and %s", call->symbol,
             compiler_type_text(c, &c->value[call->input[0]].type),
             compiler_type_text(c, &c->value[call->input[1]].type));
  if (left != NULL && right != NULL) {
    report_primary(c, r, "%s", cell_story(c, right));
    report_label(c, r, call->input_span[0], "%s", cell_story(c, left));
  }
  return false;
}

static bool is_weight(const struct slot *slot) {
  return strcmp(slot->kind, "weight") == 0;
}

/* A slot's dim that is not what it was elsewhere in the call. */
static bool fail_shape(struct typing *t, const struct slot *slot, const struct cell *found,
                       const struct binding *wanted, const char *dim) {
  struct compiler *c = t->c;
  const char *name = t->call->op->name;
  if (t->call->symbol != NULL && t->schema->input_count == 2)
    return fail_binary(t, wanted->cell, found);
  struct report *r =
      report(c, is_weight(slot) ? CODE_WEIGHT_SLOT : CODE_SHAPE, slot->span,
             "`%s`: %s%s%s is %s in %s, and %s in `%s` %s", name, dim[0] == '\0' ? "a dim" : "`",
             dim, dim[0] == '\0' ? "" : "`", compiler_cell_text(c, wanted->cell), wanted->by,
             compiler_cell_text(c, found), slot->name, compiler_type_text(c, slot->type));
  report_primary(c, r, "%s", cell_story(c, found));
  if (wanted->span.source != UINT32_MAX &&
      (wanted->span.begin != slot->span.begin || wanted->span.source != slot->span.source))
    report_label(c, r, wanted->span, "%s", cell_story(c, wanted->cell));
  else
    report_note(c, r, "%s", cell_story(c, wanted->cell));
  note_schema(t, r);
  return false;
}

static bool fail_rank(struct typing *t, const struct slot *slot) {
  struct compiler *c = t->c;
  const struct schema_type *want = slot->want;
  uint32_t rank = want->rank;
  if (t->call->symbol != NULL && t->schema->input_count == 2)
    return fail_binary(t, NULL, NULL);
  if (want->ellipsis && slot->type->rank >= rank)
    rank += t->rest_count;
  struct report *r =
      report(c, is_weight(slot) ? CODE_WEIGHT_SLOT : CODE_RANK, slot->span,
             "`%s` needs %s%u dim%s in `%s`, this is %s", t->call->op->name,
             want->ellipsis && slot->type->rank < want->rank ? "at least " : "", rank,
             rank == 1 ? "" : "s", slot->name, compiler_type_text(c, slot->type));
  note_schema(t, r);
  return false;
}

static bool fail_dtype(struct typing *t, const struct slot *slot, const char *wanted) {
  struct compiler *c = t->c;
  struct report *r = report(c, CODE_DTYPE, slot->span, "`%s` needs %s in `%s`, this is %s",
                            t->call->symbol != NULL ? t->call->symbol : t->call->op->name, wanted,
                            slot->name, compiler_type_text(c, slot->type));
  note_schema(t, r);
  return false;
}

/* ------------------------------------------------------------------- arithmetic */

static struct cell *number_cell(struct typing *t, int64_t number) {
  struct cell *cell = cell_number(t->c->arena, number, NULL);
  if (cell == NULL)
    compiler_oom(t->c);
  return cell;
}

/* A dim expression of the schema; NULL when it cannot be said (yet). */
static struct cell *schema_cell(struct typing *t, const struct ast_expr *expr) {
  static const enum cell_op ops[] = {CELL_ADD, CELL_SUB, CELL_MUL, CELL_DIV};
  uint32_t index;
  if (expr->kind == AST_EXPR_INT)
    return number_cell(t, expr->integer);
  if (expr->kind == AST_EXPR_NAME) {
    enum schema_dim_kind kind = schema_resolve(t->schema, expr->text, &index);
    if (kind == SCHEMA_DIM_VAR)
      return t->var[index].cell;
    if (kind == SCHEMA_DIM_ATTR && t->call->attr[index].kind == VALUE_INT)
      return number_cell(t, t->call->attr[index].integer);
    return NULL;
  }
  if (expr->kind != AST_EXPR_BINARY || expr->binary.op < AST_OP_ADD || expr->binary.op > AST_OP_DIV)
    return NULL;
  struct cell *left = schema_cell(t, expr->binary.left),
              *right = schema_cell(t, expr->binary.right);
  struct cell *out = NULL;
  if (left == NULL || right == NULL)
    return NULL;
  enum cell_status status =
      cell_compute(t->c->arena, ops[expr->binary.op - AST_OP_ADD], left, right, left->origin, &out);
  if (status == CELL_INEXACT) {
    struct report *r =
        report(t->c, CODE_CONSTRAINT, t->call->span, "`%s`: `%s` does not come out even: %s / %s",
               t->call->op->name, compiler_span_text(t->c, expr->span),
               compiler_cell_text(t->c, left), compiler_cell_text(t->c, right));
    report_note(t->c, r, "%s", cell_story(t->c, left));
    note_schema(t, r);
  }
  return out;
}

/* ------------------------------------------------------------------------- slots */

static const char *dtype_words(enum dtype dtype) {
  switch (dtype) {
  case DTYPE_NONE:
    return "a float";
  case DTYPE_MASK:
    return "a mask";
  case DTYPE_KV:
    return "one layer of a state";
  default:
    return dtype_name(dtype);
  }
}

static bool match_dtype(struct typing *t, const struct slot *slot) {
  const struct schema_type *want = slot->want;
  enum dtype found = slot->type->dtype;
  if (want->any_dtype) {
    if (found == DTYPE_MASK || found == DTYPE_KV)
      return fail_dtype(t, slot, "a tensor");
    if (t->has_any && t->any != found)
      return fail_dtype(t, slot, dtype_words(t->any));
    t->has_any = true;
    t->any = found;
    return true;
  }
  if (want->dtype == found)
    return true;
  return fail_dtype(t, slot, dtype_words(want->dtype));
}

static const char *by_slot(struct compiler *c, const struct slot *slot) {
  const char *text = is_weight(slot) ? compiler_printf(c, "the weight `%s`", slot->name)
                                     : compiler_printf(c, "`%s`", slot->name);
  return text == NULL ? "" : text;
}

static bool unify(struct typing *t, const struct slot *slot, struct binding *with,
                  struct cell *cell, const char *dim) {
  if (with->cell == NULL) {
    *with = (struct binding){cell, by_slot(t->c, slot), slot->span};
    return true;
  }
  return cell_unify(with->cell, cell) == CELL_OK || fail_shape(t, slot, cell, with, dim);
}

static bool match_dim(struct typing *t, const struct slot *slot, uint32_t i, struct cell *cell) {
  const struct schema_dim *want = &slot->want->dim[i];
  struct binding with = {NULL, "the schema", SPAN_NONE};
  switch (want->kind) {
  case SCHEMA_DIM_VAR:
    return unify(t, slot, &t->var[want->index], cell, t->schema->dim[want->index]);
  case SCHEMA_DIM_NUMBER:
    with.cell = number_cell(t, want->number);
    return with.cell != NULL && unify(t, slot, &with, cell, "");
  case SCHEMA_DIM_ATTR:
    if (t->call->attr[want->index].kind != VALUE_INT)
      return true;
    with.cell = number_cell(t, t->call->attr[want->index].integer);
    with.by = compiler_printf(t->c, "the attribute `%s`", t->schema->attr[want->index].name);
    return with.cell != NULL && with.by != NULL && unify(t, slot, &with, cell, "");
  default:
    return true; /* any; computed ones come later */
  }
}

static bool match_rest(struct typing *t, const struct slot *slot, uint32_t count) {
  if (!t->has_rest) {
    t->has_rest = true;
    t->rest_count = count;
    t->rest_type = slot->type;
    for (uint32_t i = 0; i < count; i++)
      t->rest[i] = (struct binding){slot->type->shape[i], by_slot(t->c, slot), slot->span};
    return true;
  }
  if (count != t->rest_count)
    return fail_rank(t, slot);
  bool ok = true;
  for (uint32_t i = 0; i < count && ok; i++)
    ok = unify(t, slot, &t->rest[i], slot->type->shape[i], "");
  return ok;
}

static bool match_slot(struct typing *t, const struct slot *slot) {
  const struct schema_type *want = slot->want;
  if (!match_dtype(t, slot))
    return false;
  if (!want->has_dims)
    return true;
  uint32_t rank = slot->type->rank;
  if (want->ellipsis ? rank < want->rank : rank != want->rank)
    return fail_rank(t, slot);
  uint32_t rest = rank - want->rank;
  if (want->ellipsis && !match_rest(t, slot, rest))
    return false;
  for (uint32_t i = 0; i < want->rank; i++)
    if (!match_dim(t, slot, i, slot->type->shape[rest + i]))
      return false;
  return true;
}

static bool match_computed(struct typing *t, const struct slot *slot) {
  const struct schema_type *want = slot->want;
  for (uint32_t i = 0; want->has_dims && i < want->rank; i++) {
    if (want->dim[i].kind != SCHEMA_DIM_EXPR)
      continue;
    unsigned errors = t->c->diag->errors;
    struct binding with = {schema_cell(t, want->dim[i].expr), "the schema", SPAN_NONE};
    if (t->c->diag->errors != errors)
      return false;
    struct cell *cell = slot->type->shape[slot->type->rank - want->rank + i];
    if (with.cell != NULL &&
        !unify(t, slot, &with, cell, compiler_span_text(t->c, want->dim[i].expr->span)))
      return false;
  }
  return true;
}

static bool each_slot(struct typing *t, bool (*match)(struct typing *t, const struct slot *slot)) {
  const struct op_schema *s = t->schema;
  const struct op_call *call = t->call;
  bool ok = true;
  for (uint32_t i = 0; i < s->input_count; i++) {
    if (call->input[i] == GRAPH_NONE)
      continue;
    struct slot slot = {"input", s->input[i].name, &s->input[i].type,
                        &t->c->value[call->input[i]].type, call->input_span[i]};
    ok = match(t, &slot) && ok;
  }
  for (uint32_t i = 0; i < s->weight_count; i++) {
    if (call->weight[i] < 0)
      continue;
    struct slot slot = {"weight", s->weight[i].name, &s->weight[i].type, &call->weight_type[i],
                        call->weight_span[i]};
    ok = match(t, &slot) && ok;
  }
  return ok;
}

/* ------------------------------------------------------------------- constraints */

static bool mentions(const struct ast_expr *expr, const char *name) {
  if (expr->kind == AST_EXPR_BINARY)
    return mentions(expr->binary.left, name) || mentions(expr->binary.right, name);
  return expr->kind == AST_EXPR_NAME && strcmp(expr->text, name) == 0;
}

static bool fail_constraint(struct typing *t, const struct ast_expr *expr, const struct cell *left,
                            const struct cell *right) {
  struct compiler *c = t->c;
  struct report *r = report(c, CODE_CONSTRAINT, t->call->span, "`%s` needs `%s`", t->call->op->name,
                            compiler_span_text(c, expr->span));
  if (left != NULL && right != NULL)
    report_primary(c, r, "%s and %s", compiler_cell_text(c, left), compiler_cell_text(c, right));
  for (uint32_t i = 0; i < t->schema->dim_count; i++)
    if (t->var[i].cell != NULL && t->var[i].cell->origin != NULL &&
        mentions(expr, t->schema->dim[i]))
      report_note(c, r, "%s: %s, in %s", t->schema->dim[i], cell_story(c, t->var[i].cell),
                  t->var[i].by);
  return false;
}

/* Attributes and literals as values; dims that are numbers too. */
static struct value schema_value(struct typing *t, const struct ast_expr *expr) {
  uint32_t index;
  struct dim dim;
  int64_t number;
  switch (expr->kind) {
  case AST_EXPR_STR:
    return (struct value){.kind = VALUE_STR, .text = expr->text};
  case AST_EXPR_REAL:
    return (struct value){.kind = VALUE_REAL, .real = expr->real};
  case AST_EXPR_BOOL:
    return (struct value){.kind = VALUE_BOOL, .boolean = expr->boolean};
  case AST_EXPR_NAME:
    if (schema_resolve(t->schema, expr->text, &index) == SCHEMA_DIM_ATTR)
      return t->call->attr[index];
    break;
  default:
    break;
  }
  struct cell *cell = schema_cell(t, expr);
  if (cell != NULL && cell_value(cell, &dim) && dim_is_number(&dim, &number))
    return (struct value){.kind = VALUE_INT, .integer = number};
  return value_none();
}

static bool hold(struct typing *t, const struct ast_expr *expr) {
  if (expr->kind == AST_EXPR_UNARY && expr->unary.op == AST_OP_NOT) {
    struct value value = schema_value(t, expr->unary.operand);
    return value.kind != VALUE_BOOL || !value.boolean || fail_constraint(t, expr, NULL, NULL);
  }
  if (expr->kind != AST_EXPR_BINARY) {
    struct value value = schema_value(t, expr);
    return value.kind != VALUE_BOOL || value.boolean || fail_constraint(t, expr, NULL, NULL);
  }
  enum ast_op op = expr->binary.op;
  if (op == AST_OP_AND)
    return hold(t, expr->binary.left) && hold(t, expr->binary.right);
  if (op < AST_OP_EQ || op > AST_OP_GE)
    return true;
  unsigned errors = t->c->diag->errors;
  struct cell *left = schema_cell(t, expr->binary.left);
  struct cell *right = schema_cell(t, expr->binary.right);
  if (t->c->diag->errors != errors)
    return false;
  if (op == AST_OP_EQ && left != NULL && right != NULL)
    return cell_unify(left, right) == CELL_OK || fail_constraint(t, expr, left, right);
  struct value a = schema_value(t, expr->binary.left), b = schema_value(t, expr->binary.right);
  if (a.kind == VALUE_NONE || b.kind == VALUE_NONE || a.kind == VALUE_ERROR ||
      b.kind == VALUE_ERROR)
    return true;
  struct value result = compute_binary(t->c, op, &a, &b, t->call->span);
  return result.kind != VALUE_BOOL || result.boolean || fail_constraint(t, expr, left, right);
}

/* --------------------------------------------------------------------- attributes */

static bool attr_fits(const struct value *value, enum schema_attr_kind kind) {
  bool json = value->kind == VALUE_JSON;
  switch (kind) {
  case SCHEMA_ATTR_INT:
    return value->kind == VALUE_INT;
  case SCHEMA_ATTR_REAL:
    return value->kind == VALUE_REAL || value->kind == VALUE_INT;
  case SCHEMA_ATTR_STR:
    return value->kind == VALUE_STR;
  case SCHEMA_ATTR_BOOL:
    return value->kind == VALUE_BOOL;
  case SCHEMA_ATTR_OBJECT:
    return json && json_is_object(value->json);
  case SCHEMA_ATTR_LIST:
    return value->kind == VALUE_LIST || (json && json_is_array(value->json));
  case SCHEMA_ATTR_ANY:
    break;
  }
  return value->kind != VALUE_TENSOR && value->kind != VALUE_WEIGHT && value->kind != VALUE_STATE &&
         value->kind != VALUE_TUPLE;
}

/* The default, of numbers, strings and earlier attributes. */
static struct value attr_default(struct typing *t, const struct ast_expr *expr) {
  if (expr->kind == AST_EXPR_UNARY && expr->unary.op == AST_OP_NEG) {
    struct value zero = {.kind = VALUE_INT}, value = attr_default(t, expr->unary.operand);
    return compute_binary(t->c, AST_OP_SUB, &zero, &value, expr->span);
  }
  if (expr->kind == AST_EXPR_INT)
    return (struct value){.kind = VALUE_INT, .integer = expr->integer};
  if (expr->kind != AST_EXPR_BINARY)
    return schema_value(t, expr);
  struct value left = attr_default(t, expr->binary.left);
  struct value right = attr_default(t, expr->binary.right);
  if (left.kind == VALUE_ERROR || right.kind == VALUE_ERROR)
    return value_error();
  return compute_binary(t->c, expr->binary.op, &left, &right, t->call->span);
}

static bool check_attrs(struct typing *t) {
  bool ok = true;
  for (uint32_t i = 0; i < t->schema->attr_count; i++) {
    const struct schema_attr *attr = &t->schema->attr[i];
    struct value *value = &t->call->attr[i];
    if (value->kind == VALUE_NONE && attr->fallback != NULL)
      *value = attr_default(t, attr->fallback);
    if (value->kind == VALUE_ERROR) {
      ok = false;
    } else if (value->kind == VALUE_NONE) {
      if (attr->optional)
        continue;
      report(t->c, CODE_KIND, t->call->span, "`%s` needs the attribute `%s`, which is none here",
             t->call->op->name, attr->name);
      ok = false;
    } else if (!attr_fits(value, attr->kind)) {
      struct report *r =
          report(t->c, CODE_KIND, t->call->span, "`%s` needs %s %s for `%s`, this is %s",
                 t->call->op->name,
                 attr->kind == SCHEMA_ATTR_INT || attr->kind == SCHEMA_ATTR_OBJECT ? "an" : "a",
                 schema_attr_kind_name(attr->kind), attr->name, eval_kind_name(value));
      note_schema(t, r);
      ok = false;
    } else if (attr->kind == SCHEMA_ATTR_REAL && value->kind == VALUE_INT) {
      value->kind = VALUE_REAL;
      value->real = (double)value->integer;
    }
  }
  return ok;
}

struct graph_attr *types_attrs(struct compiler *c, const struct op_call *call, uint32_t *count) {
  const struct op_schema *s = call->op->schema;
  struct graph_attr *attr = compiler_alloc(c, s->attr_count, sizeof *attr);
  *count = 0;
  for (uint32_t i = 0; attr != NULL && i < s->attr_count; i++)
    if (call->attr[i].kind != VALUE_NONE &&
        eval_attr(c, s->attr[i].name, &call->attr[i], &attr[*count]))
      ++*count;
  return attr;
}

/* ------------------------------------------------------------------------ outputs */

static struct cell *output_dim(struct typing *t, const struct schema_dim *dim) {
  struct cell *cell = NULL;
  switch (dim->kind) {
  case SCHEMA_DIM_VAR:
    cell = t->var[dim->index].cell;
    break;
  case SCHEMA_DIM_NUMBER:
    cell = number_cell(t, dim->number);
    break;
  case SCHEMA_DIM_ATTR:
    if (t->call->attr[dim->index].kind == VALUE_INT)
      cell = number_cell(t, t->call->attr[dim->index].integer);
    break;
  case SCHEMA_DIM_EXPR:
    cell = schema_cell(t, dim->expr);
    break;
  case SCHEMA_DIM_ANY:
    break;
  }
  return cell != NULL ? cell : cell_free(t->c->arena, NULL);
}

static bool output_type(struct typing *t, const struct schema_type *want, struct ctype *out) {
  *out = (struct ctype){.dtype = want->any_dtype && t->has_any ? t->any : want->dtype};
  if (!want->has_dims)
    return true;
  if (want->ellipsis)
    for (uint32_t i = 0; i < t->rest_count; i++)
      out->shape[out->rank++] = t->rest[i].cell;
  if (out->rank + want->rank > GRAPH_MAX_RANK) {
    report(t->c, CODE_RANK, t->call->span, "`%s` makes a tensor of more than %d dims",
           t->call->op->name, GRAPH_MAX_RANK);
    return false;
  }
  for (uint32_t i = 0; i < want->rank; i++) {
    struct cell *cell = output_dim(t, &want->dim[i]);
    if (cell == NULL) {
      compiler_oom(t->c);
      return false;
    }
    out->shape[out->rank++] = cell;
  }
  return true;
}

static bool infers(const struct op_schema *schema) {
  bool infer = schema->outputs_open;
  for (uint32_t i = 0; i < schema->output_count; i++)
    infer = infer || schema->output[i].infer;
  return infer;
}

static bool find_outputs(struct typing *t) {
  const struct op_schema *s = t->schema;
  if (infers(s))
    return infer_outputs(t->c, t->call);
  t->call->output = compiler_alloc(t->c, s->output_count, sizeof *t->call->output);
  for (uint32_t i = 0; t->call->output != NULL && i < s->output_count; i++)
    if (!output_type(t, &s->output[i].type, &t->call->output[i]))
      return false;
  t->call->output_count = t->call->output == NULL ? 0 : s->output_count;
  return t->call->output != NULL;
}

bool types_call(struct compiler *c, struct op_call *call) {
  struct typing t = {.c = c, .call = call, .schema = call->op->schema};
  t.var = compiler_alloc(c, t.schema->dim_count, sizeof *t.var);
  if (t.var == NULL)
    return false;
  bool ok = check_attrs(&t);
  ok = each_slot(&t, match_slot) && ok;
  ok = ok && each_slot(&t, match_computed);
  for (uint32_t i = 0; i < t.schema->constraint_count && ok; i++)
    ok = hold(&t, t.schema->constraint[i]);
  if (!ok && infers(t.schema))
    return false;
  return find_outputs(&t) && ok && !c->stop;
}

/* ------------------------------------------------------------------ declared types */

bool types_declared(struct compiler *c, int32_t tensor, const struct ctype *declared,
                    const char *what, struct span span, struct span type_span) {
  const struct ctype *type = &c->value[tensor].type;
  bool same_dtype = type->dtype == declared->dtype;
  uint32_t i = 0;
  if (same_dtype && type->rank == declared->rank)
    while (i < type->rank && cell_unify(type->shape[i], declared->shape[i]) == CELL_OK)
      i++;
  if (same_dtype && type->rank == declared->rank && i == type->rank)
    return true;
  unsigned code = !same_dtype ? CODE_DTYPE : type->rank != declared->rank ? CODE_RANK : CODE_SHAPE;
  struct report *r = report(c, code, span, "%s is %s, %s is declared", what,
                            compiler_type_text(c, type), compiler_type_text(c, declared));
  if (code == CODE_SHAPE) {
    report_primary(c, r, "%s", cell_story(c, type->shape[i]));
    report_label(c, r, type_span, "%s", cell_story(c, declared->shape[i]));
  } else {
    report_primary(c, r, "this is %s", compiler_type_text(c, type));
    report_label(c, r, type_span, "declared here");
  }
  return false;
}
