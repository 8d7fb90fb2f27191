/* eval.c - names, members, elements, paths and operators. */
#include "compiler/eval.h"

#include "compiler/arithmetic.h"
#include "compiler/cell.h"
#include "compiler/compute.h"
#include "compiler/config.h"
#include "compiler/ir.h"
#include "compiler/limit.h"
#include "compiler/list.h"
#include "compiler/mention.h"
#include "compiler/names.h"
#include "compiler/origin.h"
#include "compiler/weight.h"

#include <string.h>

static struct value eval_member(struct compiler *c, const struct ast_expr *expr) {
  const struct ast_expr *object = expr->member.object;
  if (object->kind == AST_EXPR_NAME && frame_find(c, c->frame, object->text) == NULL &&
      !names_is_json(object->text) && names_symbol(c->frame->unit, object->text) == NULL) {
    const struct qualifier *import = names_qualifier(c->frame->unit, object->text);
    const struct symbol *param = import == NULL || import->unit == NULL
                                     ? NULL
                                     : names_symbol(import->unit, expr->member.name.text);
    if (param != NULL && param->kind == SYMBOL_PARAM && param->ready)
      return param->value;
    if (import != NULL)
      return value_error();
  }
  struct value value = eval_expr(c, object);
  return config_member(c, &value, expr->member.name.text, expr->span);
}

/* ---------------------------------------------------------------------- names */

static struct value eval_name(struct compiler *c, const struct ast_expr *expr) {
  const char *name = expr->text;
  struct local *local = frame_find(c, c->frame, name);
  if (local != NULL)
    return local->value;
  if (names_is_json(name))
    return config_root(c, name);
  struct symbol *symbol = names_symbol(c->frame->unit, name);
  if (symbol == NULL) {
    names_unknown(c, c->frame->unit, name, expr->span, NULL, 0);
    return value_error();
  }
  switch (symbol->kind) {
  case SYMBOL_PARAM:
  case SYMBOL_INPUT:
    return symbol->ready ? symbol->value : value_error();
  case SYMBOL_STATE:
    return (struct value){.kind = VALUE_STATE, .state = symbol};
  case SYMBOL_WEIGHT:
    return weight_expr_named(c, symbol, expr->span);
  case SYMBOL_DIM: {
    struct report *r = report(c, CODE_KIND, expr->span, "`%s` is known at run time only", name);
    report_help(c, r, "a dim stands in a type; a constant is a param");
    return value_error();
  }
  case SYMBOL_BLOCK:
    report(c, CODE_KIND, expr->span, "`%s` is a block, not a value", name);
    break;
  }
  return value_error();
}

static bool is_element(struct compiler *c, const struct ast_expr *expr, int64_t at, int64_t count) {
  if (at >= 0 && at < count)
    return true;
  struct report *r =
      report(c, CODE_KIND, expr->index.at->span, "there is no element %lld", (long long)at);
  report_primary(c, r, "elements go from 0 to %lld", (long long)count - 1);
  return false;
}

/* One layer of a state; where config.json decides which, the one that stands for any. */
static struct value layer_of(struct compiler *c, const struct symbol *state,
                             const struct ast_expr *expr) {
  int64_t at, count = state->layer_count;
  bool known = eval_int(c, expr->index.at, "an index", &at);
  if (state->layer == NULL || (!known && !c->unknown))
    return value_error();
  if (!known || (state->open && at >= count))
    at = count;
  else if (!is_element(c, expr, at, count))
    return value_error();
  return (struct value){.kind = VALUE_TENSOR, .tensor = state->layer[at]};
}

static struct value index_of(struct compiler *c, const struct value *object,
                             const struct ast_expr *expr) {
  if (object->kind == VALUE_STATE)
    return layer_of(c, object->state, expr);
  struct value at = eval_single(c, expr->index.at);
  if (object->kind == VALUE_ERROR || at.kind == VALUE_ERROR)
    return value_error();
  if (list_is(object) || object->kind == VALUE_JSON || object->kind == VALUE_NONE)
    return list_element(c, object, &at, expr->index.at->span);
  report(c, CODE_KIND, expr->span, "%s has no elements", value_kind_name(object));
  return value_error();
}

/* ---------------------------------------------------------------------- paths */

/* One piece of a path as text; NULL after a report. */
static const char *part_text(struct compiler *c, const struct ast_part *part) {
  if (part->kind == AST_PART_TEXT)
    return part->text;
  if (part->kind == AST_PART_STAR)
    return "*";
  struct value value = eval_single(c, part->expr);
  if (c->unknown && value.kind == VALUE_ERROR)
    return "_";
  if (value.kind == VALUE_STR)
    return value.text;
  if (value.kind == VALUE_INT && value.integer >= 0)
    return compiler_printf(c, "%lld", (long long)value.integer);
  if (value.kind != VALUE_ERROR)
    report(c, CODE_PATH, part->span, "a path is made of names and numbers from 0, not of %s",
           value.kind == VALUE_INT ? "a negative number" : value_kind_name(&value));
  return NULL;
}

static bool has_star(const struct ast_path *path) {
  const struct ast_part *part = path->first;
  while (part != NULL && part->kind != AST_PART_STAR)
    part = part->next;
  return part != NULL;
}

static const struct scope *join_path(struct compiler *c, const struct ast_path *path) {
  const struct scope *parent = c->frame->scope;
  const char *dot = parent->name[0] == '\0' ? "" : ".";
  struct buffer name, pattern;
  bool ok = true;
  buffer_init(&name);
  buffer_init(&pattern);
  buffer_printf(&name, "%s%s", parent->name, dot);
  buffer_printf(&pattern, "%s%s", parent->pattern, dot);
  for (const struct ast_part *part = path->first; part != NULL && ok; part = part->next) {
    const char *text = part_text(c, part);
    ok = text != NULL && limit_step(c, part->span, 0);
    buffer_puts(&name, ok ? text : "");
    buffer_puts(&pattern, ok && part->kind == AST_PART_TEXT ? text : "*");
    if (ok && name.length > LIMIT_PATH) {
      report(c, CODE_PATH, path->span, "a weight path of more than %d bytes", LIMIT_PATH);
      ok = false;
    }
  }
  struct scope *scope = ok ? compiler_alloc(c, 1, sizeof *scope) : NULL;
  if (scope != NULL)
    *scope = (struct scope){parent, path, compiler_printf(c, "%s", buffer_text(&name)),
                            compiler_printf(c, "%s", buffer_text(&pattern))};
  if (name.failed || pattern.failed)
    compiler_oom(c);
  buffer_finish(&name);
  buffer_finish(&pattern);
  return scope == NULL || c->stop ? NULL : scope;
}

const struct scope *eval_scope(struct compiler *c, const struct ast_path *path) {
  return has_star(path) ? NULL : join_path(c, path); /* check.c has said so */
}

static struct value eval_path(struct compiler *c, const struct ast_expr *expr) {
  struct weight_expr made = {.kind = has_star(expr->path) ? WEIGHT_STARS : WEIGHT_PATH,
                             .span = expr->span};
  made.scope = join_path(c, expr->path);
  return made.scope == NULL ? value_error() : weight_expr_make(c, &made);
}

/* ------------------------------------------------------------------ operators */

static struct value eval_list(struct compiler *c, const struct ast_expr *expr) {
  struct value *item = compiler_alloc(c, expr->list.count, sizeof *item);
  uint32_t count = 0;
  if (item == NULL)
    return value_error();
  for (const struct ast_expr *e = expr->list.first; e != NULL; e = e->next) {
    item[count] = eval_single(c, e);
    if (item[count++].kind == VALUE_ERROR)
      return value_error();
  }
  return list_make(c, item, count, expr->span);
}

static struct value eval_unary(struct compiler *c, const struct ast_expr *expr) {
  if (expr->unary.op == AST_OP_NOT) {
    bool value;
    if (!eval_bool(c, expr->unary.operand, "`not`", &value))
      return value_error();
    return (struct value){.kind = VALUE_BOOL, .boolean = !value};
  }
  struct value value = eval_single(c, expr->unary.operand);
  struct value zero = {.kind = VALUE_INT};
  if (value.kind == VALUE_ERROR)
    return value;
  if (value.kind == VALUE_TENSOR || value.kind == VALUE_WEIGHT)
    return arithmetic_negate(c, expr, &value);
  if (value.kind == VALUE_REAL) {
    value.real = -value.real;
    value.origin = NULL;
    return value;
  }
  return compute_binary(c, AST_OP_SUB, &zero, &value, expr->span);
}

static struct value eval_logic(struct compiler *c, const struct ast_expr *expr) {
  bool left, right, decided = expr->binary.op == AST_OP_OR;
  const char *what = decided ? "`or`" : "`and`";
  if (!eval_bool(c, expr->binary.left, what, &left))
    return value_error();
  if (left == decided)
    return (struct value){.kind = VALUE_BOOL, .boolean = decided};
  if (!eval_bool(c, expr->binary.right, what, &right))
    return value_error();
  return (struct value){.kind = VALUE_BOOL, .boolean = right};
}

static struct value eval_coalesce(struct compiler *c, const struct ast_expr *expr) {
  struct value left = eval_expr(c, expr->binary.left);
  if (left.kind == VALUE_NONE)
    return eval_expr(c, expr->binary.right);
  if (left.kind != VALUE_WEIGHT) {
    mention_expr(c, expr->binary.right);
    return left;
  }
  struct value right = eval_expr(c, expr->binary.right);
  if (right.kind == VALUE_ERROR || right.kind == VALUE_NONE)
    return right.kind == VALUE_ERROR ? right : left;
  return weight_expr_first(c, &left, &right, expr->span);
}

/* A weight beside none: is it in the checkpoint? */
static struct value eval_presence(struct compiler *c, const struct value *weight, enum ast_op op) {
  if (c->unknown)
    return value_error();
  bool there = weight_is_there(c, weight->weight);
  mention_value(c, weight->weight, NULL);
  return c->stop ? value_error()
                 : (struct value){.kind = VALUE_BOOL, .boolean = there == (op == AST_OP_NE)};
}

struct written {
  const struct ast_expr *expr; /* the key of compiler.origins */
  struct origin origin;
};

/* An expression has one origin, however often it is evaluated. */
static const struct origin *written_at(struct compiler *c, const struct ast_expr *expr) {
  struct map_entry *entry = map_find(&c->origins, (const char *)&expr, sizeof expr);
  if (entry != NULL)
    return &((const struct written *)entry->value.pointer)->origin;
  struct written *made = compiler_alloc(c, 1, sizeof *made);
  if (made == NULL)
    return NULL;
  *made = (struct written){expr, {.kind = ORIGIN_TEXT, .span = expr->span}};
  entry = map_insert(&c->origins, (const char *)&made->expr, sizeof made->expr, NULL);
  if (entry == NULL) {
    compiler_oom(c);
    return NULL;
  }
  entry->value.pointer = made;
  return &made->origin;
}

static struct value eval_binary(struct compiler *c, const struct ast_expr *expr) {
  enum ast_op op = expr->binary.op;
  if (op == AST_OP_OR || op == AST_OP_AND)
    return eval_logic(c, expr);
  if (op == AST_OP_COALESCE)
    return eval_coalesce(c, expr);
  bool equality = op == AST_OP_EQ || op == AST_OP_NE; /* may ask for none */
  struct value left =
      equality ? eval_expr(c, expr->binary.left) : eval_single(c, expr->binary.left);
  struct value right =
      equality ? eval_expr(c, expr->binary.right) : eval_single(c, expr->binary.right);
  if (left.kind == VALUE_ERROR || right.kind == VALUE_ERROR)
    return value_error();
  bool computed = left.kind == VALUE_TENSOR || right.kind == VALUE_TENSOR ||
                  left.kind == VALUE_WEIGHT || right.kind == VALUE_WEIGHT;
  if (computed && (op >= AST_OP_MASK_OR && op <= AST_OP_DIV))
    return arithmetic_binary(c, expr, &left, &right);
  if (equality && left.kind == VALUE_WEIGHT && right.kind == VALUE_NONE)
    return eval_presence(c, &left, op);
  if (equality && left.kind == VALUE_NONE && right.kind == VALUE_WEIGHT)
    return eval_presence(c, &right, op);
  struct value value = compute_binary(c, op, &left, &right, expr->span);
  value.origin = written_at(c, expr);
  return value;
}

/* A choice that is not known: both are looked at, and a tensor or weight is the
 * first, for both are of one type. */
static struct value either(struct compiler *c, const struct ast_expr *expr) {
  c->sides++;
  struct value then = eval_expr(c, expr->choice.then);
  struct value otherwise = eval_expr(c, expr->choice.otherwise);
  c->sides--;
  bool first = then.kind == VALUE_TENSOR || then.kind == VALUE_WEIGHT;
  return first && otherwise.kind == then.kind ? then : value_error();
}

static struct value eval_if(struct compiler *c, const struct ast_expr *expr) {
  bool condition;
  if (!eval_bool(c, expr->choice.condition, "`if`", &condition))
    return c->unknown ? either(c, expr) : value_error();
  mention_expr(c, condition ? expr->choice.otherwise : expr->choice.then);
  return eval_expr(c, condition ? expr->choice.then : expr->choice.otherwise);
}

struct value eval_expr(struct compiler *c, const struct ast_expr *expr) {
  if (expr == NULL || !limit_step(c, expr->span, c->frame->count / 16))
    return value_error();
  switch (expr->kind) {
  case AST_EXPR_NONE:
    return value_none();
  case AST_EXPR_BOOL:
    return (struct value){.kind = VALUE_BOOL, .boolean = expr->boolean};
  case AST_EXPR_INT:
    return (struct value){.kind = VALUE_INT, .integer = expr->integer};
  case AST_EXPR_REAL:
    return (struct value){.kind = VALUE_REAL, .real = expr->real};
  case AST_EXPR_STR:
    return (struct value){.kind = VALUE_STR, .text = expr->text};
  case AST_EXPR_NAME:
    return eval_name(c, expr);
  case AST_EXPR_MEMBER:
    return eval_member(c, expr);
  case AST_EXPR_INDEX: {
    struct value object = eval_expr(c, expr->index.object);
    return index_of(c, &object, expr);
  }
  case AST_EXPR_CALL:
    return c->call(c, expr);
  case AST_EXPR_LIST:
    return eval_list(c, expr);
  case AST_EXPR_UNARY:
    return eval_unary(c, expr);
  case AST_EXPR_BINARY:
    return eval_binary(c, expr);
  case AST_EXPR_IF:
    return eval_if(c, expr);
  case AST_EXPR_PATH:
    return eval_path(c, expr);
  case AST_EXPR_ANY:
    report(c, CODE_KIND, expr->span, "`_` stands for a dim, in a type or a shape");
    return value_error();
  default:
    return value_error();
  }
}

/* -------------------------------------------------------------- what is wanted */

struct value eval_single(struct compiler *c, const struct ast_expr *expr) {
  struct value value = eval_expr(c, expr);
  if (value.kind == VALUE_NONE && value.missing) {
    config_report_missing(c, expr, &value);
    return value_error();
  }
  if (value.kind == VALUE_TUPLE) {
    struct report *r =
        report(c, CODE_RESULT_COUNT, expr->span, "%u values where one is needed", value.list.count);
    report_help(c, r, "give them names first: `a, b = ...`");
    return value_error();
  }
  return value;
}

static void wrong_kind(struct compiler *c, const struct ast_expr *expr, const struct value *value,
                       const char *what, const char *wanted) {
  struct report *r = report(c, CODE_KIND, expr->span, "%s must be %s", what, wanted);
  report_primary(c, r, "this is %s", value_kind_name(value));
  origin_note(c, r, NULL, value);
  if (value->kind == VALUE_TENSOR && c->value[value->tensor].type.dtype == DTYPE_MASK)
    report_help(c, r, "masks are joined with `&` and `|`");
}

bool eval_int(struct compiler *c, const struct ast_expr *expr, const char *what, int64_t *out) {
  struct value value = eval_single(c, expr);
  if (value.kind != VALUE_INT) {
    if (value.kind != VALUE_ERROR)
      wrong_kind(c, expr, &value, what, "an integer that is known when the file is compiled");
    return false;
  }
  *out = value.integer;
  return true;
}

bool eval_bool(struct compiler *c, const struct ast_expr *expr, const char *what, bool *out) {
  struct value value = eval_single(c, expr);
  if (value.kind != VALUE_BOOL) {
    if (value.kind != VALUE_ERROR)
      wrong_kind(c, expr, &value, what, "a boolean that is known when the file is compiled");
    return false;
  }
  *out = value.boolean;
  return true;
}

void eval_note_origins(struct compiler *c, struct report *r, const struct ast_expr *expr) {
  struct value value;
  switch (expr->kind) {
  case AST_EXPR_UNARY:
    eval_note_origins(c, r, expr->unary.operand);
    break;
  case AST_EXPR_BINARY:
    eval_note_origins(c, r, expr->binary.left);
    eval_note_origins(c, r, expr->binary.right);
    break;
  case AST_EXPR_NAME:
  case AST_EXPR_MEMBER: /* evaluated once more, nothing happens but that */
    value = eval_expr(c, expr);
    origin_note(c, r, NULL, &value);
    break;
  default:
    break;
  }
}
