/* call.c - find what a call's arguments are, and make the node. */
#include "compiler/call.h"

#include "compiler/eval.h"
#include "compiler/names.h"
#include "compiler/report.h"
#include "compiler/weight.h"

#include <string.h>

/* -------------------------------------------------------------------- arguments */

static bool allocate(struct compiler *c, struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  call->input = compiler_alloc(c, s->input_count, sizeof *call->input);
  call->input_span = compiler_alloc(c, s->input_count, sizeof *call->input_span);
  call->weight = compiler_alloc(c, s->weight_count, sizeof *call->weight);
  call->weight_type = compiler_alloc(c, s->weight_count, sizeof *call->weight_type);
  call->weight_span = compiler_alloc(c, s->weight_count, sizeof *call->weight_span);
  call->attr = compiler_alloc(c, s->attr_count, sizeof *call->attr);
  call->attr_span = compiler_alloc(c, s->attr_count, sizeof *call->attr_span);
  if (c->stop)
    return false;
  for (uint32_t i = 0; i < s->input_count; i++)
    call->input[i] = GRAPH_NONE;
  for (uint32_t i = 0; i < s->weight_count; i++)
    call->weight[i] = WEIGHT_ABSENT;
  for (uint32_t i = 0; i < s->attr_count; i++) {
    call->attr[i] = value_none();
    call->attr_span[i] = call->span;
  }
  return true;
}

/* An argument is evaluated once, even if weight_function has looked at it. */
static struct value argument(struct compiler *c, const struct ast_expr *expr) {
  if (c->evaluated_for == expr && expr != NULL) {
    c->evaluated_for = NULL;
    return c->evaluated;
  }
  return eval_single(c, expr);
}

static bool take_input(struct compiler *c, struct op_call *call, uint32_t i,
                       const struct ast_field *field) {
  const struct schema_input *slot = &call->op->schema->input[i];
  call->input_span[i] = field->value->span;
  struct value value = argument(c, field->value);
  if (value.kind == VALUE_ERROR || (value.kind == VALUE_NONE && slot->optional))
    return value.kind != VALUE_ERROR;
  if (value.kind == VALUE_TENSOR) {
    call->input[i] = value.tensor;
    return true;
  }
  struct report *r =
      report(c, CODE_KIND, field->value->span, "`%s` needs %s for `%s`, this is %s", call->op->name,
             slot->type.dtype == DTYPE_MASK ? "a mask"
             : slot->type.dtype == DTYPE_KV ? "one layer of a state"
                                            : "a tensor",
             slot->name, eval_kind_name(&value));
  if (value.kind == VALUE_STATE)
    report_help(c, r, "take one layer of it: `%s[i]`", value.state->name);
  return false;
}

static bool take_weight(struct compiler *c, struct op_call *call, uint32_t i,
                        const struct weight_expr *expr, const char *member, struct span span) {
  const struct schema_weight *slot = &call->op->schema->weight[i];
  struct weight_want want = {member, slot->type.rank, slot->optional, span};
  call->weight_span[i] = span;
  call->weight[i] = weight_take(c, expr, &want, &call->weight_type[i]);
  if (call->weight[i] == WEIGHT_FAILED)
    return false;
  if (call->weight[i] == WEIGHT_ABSENT)
    return true;
  enum dtype dtype = c->weight[call->weight[i]].dtype;
  call->weight_type[i].dtype = slot->type.dtype;
  bool fits = slot->type.dtype == DTYPE_NONE ? dtype_is_float(dtype) : dtype == slot->type.dtype;
  if (slot->type.any_dtype)
    call->weight_type[i].dtype = dtype;
  else if (!fits)
    report_keyed(c, CODE_TENSOR_DTYPE, c->weight[call->weight[i]].name,
                 "tensor `%s` is %s in the checkpoint, `%s` needs %s",
                 c->weight[call->weight[i]].name, dtype_name(dtype), call->op->name,
                 slot->type.dtype == DTYPE_NONE ? "a float" : dtype_name(slot->type.dtype));
  return slot->type.any_dtype || fits;
}

/* What is written for a weight or a group: false after a report; *out NULL = none. */
static bool weight_argument(struct compiler *c, const struct op_call *call,
                            const struct ast_field *field, const char *name, bool optional,
                            const struct weight_expr **out) {
  struct value value = argument(c, field->value);
  *out = NULL;
  if (value.kind == VALUE_WEIGHT)
    *out = value.weight;
  else if (value.kind == VALUE_ERROR || (value.kind == VALUE_NONE && optional))
    return value.kind != VALUE_ERROR;
  else
    report(c, CODE_KIND, field->value->span, "`%s` needs a weight for `%s`, this is %s",
           call->op->name, name, eval_kind_name(&value));
  return *out != NULL;
}

/* The scope's path with a slot's name behind it. */
static const struct weight_expr *scoped(struct compiler *c, const struct scope *scope,
                                        struct span span) {
  struct weight_expr *made = compiler_alloc(c, 1, sizeof *made);
  if (made != NULL)
    *made = (struct weight_expr){.kind = WEIGHT_PATH,
                                 .scope = scope,
                                 .span = span,
                                 .memo = compiler_alloc(c, 1, sizeof *made->memo)};
  return made == NULL || made->memo == NULL ? NULL : made;
}

static const struct scope *group_scope(struct compiler *c, const struct scope *scope,
                                       const char *group) {
  struct scope *made = compiler_alloc(c, 1, sizeof *made);
  if (made == NULL)
    return NULL;
  *made = *scope;
  made->name = compiler_printf(c, "%s.%s", scope->name, group);
  made->pattern = compiler_printf(c, "%s.%s", scope->pattern, group);
  return made;
}

/* A group's members, from what is written for it or from the call's scope.
 * All of an optional group is absent when its weight is. */
static bool take_group(struct compiler *c, struct op_call *call, uint32_t g,
                       const struct ast_field *field, const struct scope *scope,
                       struct span scope_span) {
  const struct schema_group *group = &call->op->schema->group[g];
  const struct weight_expr *expr = NULL;
  struct span span = scope_span;
  if (field != NULL) {
    span = field->value->span;
    if (!weight_argument(c, call, field, group->name, group->optional, &expr))
      return false;
  } else if (scope != NULL) {
    const struct scope *inner = group_scope(c, scope, group->name);
    expr = inner == NULL ? NULL : scoped(c, inner, span);
  }
  if (expr == NULL)
    return !c->stop;
  for (uint32_t i = group->first; i < group->first + group->count; i++) {
    if (!take_weight(c, call, i, expr, call->op->schema->weight[i].member, span))
      return false;
    if (i == group->first && call->weight[i] == WEIGHT_ABSENT)
      break;
  }
  return true;
}

static bool take_weights(struct compiler *c, struct op_call *call, const struct match *m,
                         const struct scope *scope, struct span scope_span) {
  const struct op_schema *s = call->op->schema;
  bool ok = true;
  for (uint32_t i = 0; i < s->weight_count; i++) {
    const struct weight_expr *expr = NULL;
    if (s->weight[i].group != SCHEMA_NONE)
      continue;
    if (m->weight[i] != NULL) {
      bool found =
          weight_argument(c, call, m->weight[i], s->weight[i].name, s->weight[i].optional, &expr);
      ok = ok && found;
      if (expr != NULL)
        ok = take_weight(c, call, i, expr, NULL, m->weight[i]->value->span) && ok;
    } else if (scope != NULL && (expr = scoped(c, scope, scope_span)) != NULL) {
      ok = take_weight(c, call, i, expr, s->weight[i].name, scope_span) && ok;
    }
  }
  for (uint32_t g = 0; g < s->group_count; g++)
    ok = take_group(c, call, g, m->group[g], scope, scope_span) && ok;
  return ok;
}

static bool take_attrs(struct compiler *c, struct op_call *call, const struct match *m) {
  bool ok = true;
  for (uint32_t i = 0; i < call->op->schema->attr_count; i++) {
    if (m->attr[i] == NULL)
      continue;
    call->attr[i] = argument(c, m->attr[i]->value);
    call->attr_span[i] = m->attr[i]->value->span;
    ok = ok && (call->attr[i].kind != VALUE_ERROR || c->unknown);
  }
  return ok;
}

/* --------------------------------------------------------------------- the node */

int32_t call_add_value(struct compiler *c, const struct ir_value *made) {
  void *array = c->value;
  if (!compiler_grow(c, &array, c->value_count, &c->value_room, sizeof *c->value))
    return GRAPH_NONE;
  c->value = array;
  c->value[c->value_count] = *made;
  return (int32_t)c->value_count++;
}

static bool room_for_node(struct compiler *c, struct span span) {
  if (c->node_count >= LIMIT_NODES) {
    report(c, CODE_LIMIT_NODES, span, "the file expands to more than %d nodes", LIMIT_NODES);
    c->stop = true;
    return false;
  }
  c->arena->limit += MEMORY_NODE;
  void *array = c->node;
  if (!compiler_grow(c, &array, c->node_count, &c->node_room, sizeof *c->node))
    return false;
  c->node = array;
  return true;
}

static const char *short_name(const char *op) {
  const char *dot = strrchr(op, '.');
  return dot == NULL ? op : dot + 1;
}

/* Where the weights live names the value: the scope's path, or that of the
 * first weight when it ends in the slot's own name; else the op's name. */
static const char *node_name(struct compiler *c, const struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  if (call->name != NULL && call->name[0] != '\0')
    return naming_take(c, call->name);
  if (s->weight_count > 0 && s->weight[0].group == SCHEMA_NONE && call->home != NULL &&
      naming_is_free(c, call->home))
    return naming_take(c, call->home);
  const char *base = naming_in_scope(c, short_name(call->op->name));
  return base == NULL ? NULL : naming_take(c, base);
}

/* A mask's formula has one term for each op that made it. */
static bool count_terms(struct compiler *c, const struct op_call *call, struct ir_value *value) {
  if (value->type.dtype != DTYPE_MASK)
    return true;
  value->mask_terms = 1;
  for (uint32_t i = 0; i < call->op->schema->input_count; i++)
    if (call->input[i] != GRAPH_NONE)
      value->mask_terms += c->value[call->input[i]].mask_terms;
  if (value->mask_terms <= TFM_MASK_TERMS)
    return true;
  report(c, CODE_MASK_TERMS, call->span,
         "a mask of %u terms and operators, at most %d are possible", value->mask_terms,
         TFM_MASK_TERMS);
  return false;
}

static struct value outputs_value(struct compiler *c, const struct ir_node *node) {
  if (node->output_count == 1)
    return (struct value){.kind = VALUE_TENSOR, .tensor = node->output[0]};
  struct value *item = compiler_alloc(c, node->output_count, sizeof *item);
  if (item == NULL)
    return value_error();
  for (uint32_t i = 0; i < node->output_count; i++)
    item[i] = (struct value){.kind = VALUE_TENSOR, .tensor = node->output[i]};
  return (struct value){.kind = VALUE_TUPLE, .list = {item, node->output_count}};
}

static struct value make_node(struct compiler *c, struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  if (!room_for_node(c, call->span))
    return value_error();
  struct ir_node node = {.op = call->op,
                         .input_count = s->input_count,
                         .weight_count = s->weight_count,
                         .output_count = call->output_count,
                         .input = call->input,
                         .weight = call->weight,
                         .when = c->when,
                         .layer = GRAPH_NONE,
                         .perhaps = c->sides > 0,
                         .span = call->span};
  for (const struct frame *f = c->frame; f != NULL && node.layer == GRAPH_NONE; f = f->caller)
    if (f->loop != NULL)
      node.layer = (int32_t)f->loop->index;
  const char *name = node_name(c, call);
  node.attr = types_attrs(c, call, &node.attr_count);
  node.output = compiler_alloc(c, node.output_count, sizeof *node.output);
  if (name == NULL || node.attr == NULL || node.output == NULL)
    return value_error();
  for (uint32_t i = 0; i < node.output_count; i++) {
    struct ir_value value = {.name = i == 0 ? name : compiler_printf(c, "%s:%u", name, i),
                             .type = call->output[i],
                             .node = (int32_t)c->node_count,
                             .output = i,
                             .span = call->span};
    if (!count_terms(c, call, &value) || (node.output[i] = call_add_value(c, &value)) == GRAPH_NONE)
      return value_error();
  }
  c->node[c->node_count++] = node;
  return outputs_value(c, &node);
}

struct value call_hole(struct compiler *c, const struct ctype *type, struct span span) {
  struct ir_value hole = {.name = "?", .type = *type, .node = GRAPH_NONE, .span = span};
  int32_t value = call_add_value(c, &hole);
  if (value == GRAPH_NONE)
    return value_error();
  return (struct value){.kind = VALUE_TENSOR, .tensor = value};
}

static struct value holes(struct compiler *c, const struct op_call *call) {
  if (call->output_count == 1)
    return call_hole(c, &call->output[0], call->span);
  struct value *item = compiler_alloc(c, call->output_count, sizeof *item);
  for (uint32_t i = 0; item != NULL && i < call->output_count; i++)
    item[i] = call_hole(c, &call->output[i], call->span);
  return item == NULL ? value_error()
                      : (struct value){.kind = VALUE_TUPLE, .list = {item, call->output_count}};
}

static struct value finish_call(struct compiler *c, struct op_call *call) {
  if (types_call(c, call))
    return make_node(c, call);
  return c->stop || call->output_count == 0 ? value_error() : holes(c, call);
}

/* ------------------------------------------------------------------------ calls */

/* "P" when the first weight is written as @P.slot, "wte" when it is declared so. */
static const char *home_of(struct compiler *c, const struct op_call *call, const struct match *m) {
  const struct op_schema *s = call->op->schema;
  if (s->weight_count == 0 || s->weight[0].group != SCHEMA_NONE || m->weight[0] == NULL ||
      call->weight[0] < 0)
    return NULL;
  const struct ast_expr *written = m->weight[0]->value;
  if (written->kind == AST_EXPR_NAME) {
    const struct symbol *symbol = names_symbol(c->frame->unit, written->text);
    return symbol != NULL && symbol->kind == SYMBOL_WEIGHT ? symbol->name : NULL;
  }
  const struct weight *weight = &c->weight[call->weight[0]];
  while (weight->operand_count == 1)
    weight = &c->weight[weight->operand[0]];
  size_t length = strlen(weight->name), slot = strlen(s->weight[0].name);
  if (length <= slot + 1 || weight->name[length - slot - 1] != '.' ||
      strcmp(weight->name + length - slot, s->weight[0].name) != 0)
    return NULL;
  return compiler_printf(c, "%.*s", (int)(length - slot - 1), weight->name);
}

struct value call_op(struct compiler *c, const struct op *op, const struct ast_expr *expr) {
  struct op_call call = {.op = op, .span = expr->call.name.span};
  const struct scope *scope = NULL;
  struct span scope_span = call.span;
  struct match m = names_match_op(c, expr, op);
  if (op->schema == NULL || c->stop || !allocate(c, &call))
    return value_error();
  if (!m.ok) { /* what the arguments say is still worth hearing */
    for (const struct ast_field *f = expr->call.args.first; f != NULL; f = f->next)
      argument(c, f->value);
    return value_error();
  }
  bool ok = true;
  for (uint32_t i = 0; i < op->schema->input_count; i++)
    if (m.input[i] != NULL)
      ok = take_input(c, &call, i, m.input[i]) && ok;
  if (expr->call.scope != NULL) {
    scope = weight_join(c, expr->call.scope);
    scope_span = expr->call.scope->span;
    ok = ok && scope != NULL;
    call.name = scope == NULL ? NULL : scope->name;
  }
  ok = take_attrs(c, &call, &m) && ok;
  ok = take_weights(c, &call, &m, scope, scope_span) && ok;
  if (!ok || c->stop)
    return value_error();
  call.home = home_of(c, &call, &m);
  return finish_call(c, &call);
}

struct value call_plain(struct compiler *c, const char *name, const int32_t *input, uint32_t count,
                        struct span span, const char *symbol) {
  struct op_call call = {.op = names_op(c, name), .span = span, .symbol = symbol};
  if (call.op == NULL || call.op->schema == NULL || call.op->schema->input_count != count) {
    struct report *r = report(c, CODE_UNKNOWN_OP, span, "the op `%s` is not there", name);
    report_primary(c, r, "this needs it");
    return value_error();
  }
  if (!allocate(c, &call))
    return value_error();
  for (uint32_t i = 0; i < count; i++) {
    call.input[i] = input[i];
    call.input_span[i] = span;
  }
  return finish_call(c, &call);
}

struct value call_binary(struct compiler *c, const struct ast_expr *expr, int32_t left,
                         int32_t right) {
  static const struct {
    enum ast_op op;
    const char *name;
  } ops[] = {{AST_OP_ADD, "add"}, {AST_OP_SUB, "sub"},           {AST_OP_MUL, "mul"},
             {AST_OP_DIV, "div"}, {AST_OP_MASK_AND, "mask_and"}, {AST_OP_MASK_OR, "mask_or"}};
  struct op_call call = {.span = expr->span, .symbol = ast_op_text(expr->binary.op)};
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
    if (ops[i].op == expr->binary.op)
      call.op = names_op(c, ops[i].name);
  if (call.op == NULL || call.op->schema == NULL || call.op->schema->input_count != 2) {
    report(c, CODE_UNKNOWN_OP, expr->binary.op_span, "the op behind `%s` is not there",
           call.symbol);
    return value_error();
  }
  if (!allocate(c, &call))
    return value_error();
  call.input[0] = left;
  call.input[1] = right;
  call.input_span[0] = expr->binary.left->span;
  call.input_span[1] = expr->binary.right->span;
  return finish_call(c, &call);
}

struct value call_scale(struct compiler *c, int32_t tensor, double by, struct span span) {
  struct op_call call = {.op = names_op(c, "scale"), .span = span};
  if (call.op == NULL || call.op->schema == NULL || call.op->schema->input_count != 1 ||
      call.op->schema->attr_count != 1) {
    report(c, CODE_UNKNOWN_OP, span, "the op `scale` is not there");
    return value_error();
  }
  if (!allocate(c, &call))
    return value_error();
  call.input[0] = tensor;
  call.input_span[0] = span;
  call.attr[0] = (struct value){.kind = VALUE_REAL, .real = by};
  return finish_call(c, &call);
}
