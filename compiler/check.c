/* check.c - a walk over every declaration and body, taken or not.
 *
 * Nothing is evaluated, so it needs neither config.json nor a checkpoint, and
 * sees the branches and heads that a run leaves out. */
#include "compiler/check.h"

#include "compiler/function.h"
#include "compiler/limit.h"
#include "compiler/match.h"
#include "compiler/names.h"
#include "compiler/report.h"
#include "compiler/task.h"
#include "compiler/unread.h"
#include "graph/source.h"
#include "graph/weight.h"

#include <string.h>

struct checker {
  struct compiler *c;
  struct unit *unit;
  const char **local; /* names in scope, innermost last */
  uint32_t local_count, local_room;
  struct map known;           /* how often each of them is in scope */
  struct map given;           /* struct given: the names that the body gives values to */
  const struct symbol *param; /* whose value is looked at: it may use earlier ones only */
  bool stars;                 /* where a path may have a star */
};

/* A name that a statement gives a value to. */
struct given {
  const char *name;
  struct span span; /* where it is first */
  bool read;        /* somewhere in the body */
  struct given *next;
};

static void check_expr(struct checker *k, const struct ast_expr *expr);

static bool is_local(const struct checker *k, const char *name) {
  const struct map_entry *entry = map_find_text(&k->known, name);
  return entry != NULL && entry->value.number > 0;
}

static void drop_locals(struct checker *k, uint32_t count) {
  while (k->local_count > count)
    map_find_text(&k->known, k->local[--k->local_count])->value.number = 0;
}

static const char *symbol_kind(const struct symbol *symbol) {
  static const char *const kinds[] = {"a param", "a dim",    "an input",
                                      "a state", "a weight", "a block"};
  return kinds[symbol->kind];
}

static void add_local(struct checker *k, const struct ast_name *name) {
  if (name->text == NULL)
    return;
  const struct symbol *global = names_symbol(k->unit, name->text);
  if (global != NULL || names_is_json(name->text)) {
    struct report *r =
        report(k->c, CODE_SHADOW, name->span, "`%s` is %s, and cannot be given another value",
               name->text, global != NULL ? symbol_kind(global) : "a name of the language");
    if (global != NULL)
      report_label(k->c, r, global->span, "declared here");
    report_help(k->c, r, "choose another name");
    return;
  }
  if (is_local(k, name->text))
    return;
  void *array = k->local;
  if (!compiler_grow(k->c, &array, k->local_count, &k->local_room, sizeof *k->local))
    return;
  k->local = array;
  struct map_entry *entry = map_insert_text(&k->known, name->text, NULL);
  if (entry == NULL) {
    compiler_oom(k->c);
    return;
  }
  entry->value.number = 1;
  k->local[k->local_count++] = name->text;
}

static void note_given(struct checker *k, const struct ast_name *name) {
  bool added;
  struct map_entry *entry =
      name->text == NULL ? NULL : map_insert_text(&k->given, name->text, &added);
  if (entry == NULL || !added) {
    if (entry == NULL && name->text != NULL)
      compiler_oom(k->c);
    return;
  }
  struct given *given = compiler_alloc(k->c, 1, sizeof *given);
  entry->value.pointer = given;
  if (given == NULL)
    return;
  *given = (struct given){.name = name->text, .span = name->span, .next = k->c->given};
  k->c->given = given;
}

static void note_read(struct checker *k, const char *name) {
  struct map_entry *entry = map_find_text(&k->given, name);
  if (entry != NULL && entry->value.pointer != NULL)
    ((struct given *)entry->value.pointer)->read = true;
}

void check_unused(struct compiler *c) {
  struct given *ordered = NULL; /* the list is from the last to the first */
  for (struct given *next, *given = c->given; given != NULL; given = next) {
    next = given->next;
    given->next = ordered;
    ordered = given;
  }
  c->given = NULL;
  for (const struct given *given = ordered; given != NULL; given = given->next) {
    if (given->read)
      continue;
    struct diag_item *item = diag_report(c->diag, DIAG_WARNING, CODE_UNUSED_VALUE, given->span,
                                         "`%s` is given a value that nothing uses", given->name);
    diag_help(c->diag, item, "use it or take it out; `_` stands for a result that nobody wants");
  }
}

/* ---------------------------------------------------------------- expressions */

static void check_name(struct checker *k, const char *name, struct span span) {
  note_read(k, name);
  if (is_local(k, name) || names_is_json(name))
    return;
  struct symbol *symbol = names_symbol(k->unit, name);
  if (symbol != NULL && symbol->kind == SYMBOL_STATE)
    symbol->used = true;
  if (symbol == NULL) {
    names_unknown(k->c, k->unit, name, span, k->local, k->local_count);
  } else if (symbol->kind == SYMBOL_BLOCK) {
    struct report *r = report(k->c, CODE_KIND, span, "`%s` is a block, not a value", name);
    report_help(k->c, r, "call it: `%s(...)`", name);
  } else if (k->param != NULL && symbol->kind == SYMBOL_PARAM &&
             symbol->span.begin >= k->param->span.begin) {
    struct report *r =
        report(k->c, CODE_UNKNOWN_NAME, span, "`%s` is not known yet: params go in order", name);
    report_label(k->c, r, symbol->span, "declared here");
  }
}

static void check_path(struct checker *k, const struct ast_path *path) {
  if (path->count == 0)
    report(k->c, CODE_PATH, path->span, "a weight path without a name");
  for (const struct ast_part *part = path->first; part != NULL; part = part->next) {
    if (part->kind == AST_PART_EXPR) {
      check_expr(k, part->expr);
    } else if (part->kind == AST_PART_STAR && !k->stars) {
      struct report *r =
          report(k->c, CODE_PATH, part->span,
                 "a `*` in a weight path stands inside stack(), or where an op takes experts");
      report_help(k->c, r, "a number goes into braces: `@h.{i}`");
    }
  }
}

static void check_member(struct checker *k, const struct ast_expr *expr) {
  const struct ast_expr *object = expr->member.object;
  const struct qualifier *import = NULL;
  if (unread_mention(k->c, expr))
    return;
  if (object->kind == AST_EXPR_NAME && !is_local(k, object->text) &&
      names_symbol(k->unit, object->text) == NULL)
    import = names_qualifier(k->unit, object->text);
  if (import == NULL || import->decl->kind != AST_DECL_IMPORT) {
    check_expr(k, object);
    return;
  }
  const struct symbol *symbol =
      import->unit == NULL ? NULL : names_symbol(import->unit, expr->member.name.text);
  if (import->unit != NULL && (symbol == NULL || symbol->kind != SYMBOL_PARAM))
    report(k->c, CODE_UNKNOWN_NAME, expr->member.name.span, "`%s` has no param `%s`", object->text,
           expr->member.name.text);
}

/* May the argument be a path with a star?  A block hands it on. */
static bool takes_stars(const struct callee *callee, const struct ast_expr *call,
                        const struct ast_field *arg) {
  const struct op_schema *s = callee->kind == CALLEE_OP ? callee->op->schema : NULL;
  int32_t group =
      s == NULL || arg->name.text == NULL ? SCHEMA_NONE : schema_find_group(s, arg->name.text);
  return callee->kind == CALLEE_BLOCK ||
         (callee->kind == CALLEE_WEIGHT &&
          weight_function_kind(call->call.name.text) == GRAPH_WEIGHT_STACK) ||
         (group != SCHEMA_NONE && s->weight[s->group[group].first].list);
}

static void check_call(struct checker *k, const struct ast_expr *expr) {
  struct callee callee = names_callee(k->c, k->unit, expr);
  bool outer = k->stars;
  if (callee.kind == CALLEE_OP)
    match_op(k->c, expr, callee.op);
  else if (callee.kind == CALLEE_BLOCK)
    match_block(k->c, expr, callee.block);
  else if (callee.kind == CALLEE_FUNCTION && callee.op == NULL)
    function_fits(k->c, function_find(expr->call.name.text), expr);
  for (const struct ast_field *arg = expr->call.args.first; arg != NULL; arg = arg->next) {
    k->stars = takes_stars(&callee, expr, arg);
    if (arg->value != NULL)
      check_expr(k, arg->value);
  }
  k->stars = false;
  if (expr->call.scope != NULL)
    check_path(k, expr->call.scope);
  k->stars = outer;
}

static void check_list(struct checker *k, const struct ast_exprs *list) {
  for (const struct ast_expr *item = list->first; item != NULL; item = item->next)
    if (item->kind != AST_EXPR_ANY) /* a shape may have it; see eval.c */
      check_expr(k, item);
}

static void check_expr(struct checker *k, const struct ast_expr *expr) {
  if (expr == NULL || k->c->stop)
    return;
  switch (expr->kind) {
  case AST_EXPR_NAME:
    unread_mention(k->c, expr);
    check_name(k, expr->text, expr->span);
    break;
  case AST_EXPR_MEMBER:
    check_member(k, expr);
    break;
  case AST_EXPR_INDEX:
    check_expr(k, expr->index.object);
    check_expr(k, expr->index.at);
    break;
  case AST_EXPR_CALL:
    check_call(k, expr);
    break;
  case AST_EXPR_LIST:
    check_list(k, &expr->list);
    break;
  case AST_EXPR_UNARY:
    check_expr(k, expr->unary.operand);
    break;
  case AST_EXPR_BINARY:
    check_expr(k, expr->binary.left);
    check_expr(k, expr->binary.right);
    break;
  case AST_EXPR_IF:
    check_expr(k, expr->choice.condition);
    check_expr(k, expr->choice.then);
    check_expr(k, expr->choice.otherwise);
    break;
  case AST_EXPR_PATH:
    check_path(k, expr->path);
    break;
  case AST_EXPR_ANY:
    report(k->c, CODE_KIND, expr->span,
           "`_` stands for a dim, in a type or a shape, or for a result that nobody wants");
    break;
  default:
    break;
  }
}

/* ---------------------------------------------------------------------- types */

/* int32 is i32, float16 f16, bfloat16 bf16: as they are called elsewhere. */
static const char *type_alias(struct compiler *c, const char *name) {
  static const char *const other[][2] = {
      {"uint", "u"}, {"int", "i"}, {"bfloat", "bf"}, {"float", "f"}};
  for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
    size_t length = strlen(other[i][0]);
    const char *made = strncmp(name, other[i][0], length) == 0
                           ? compiler_printf(c, "%s%s", other[i][1], name + length)
                           : NULL;
    if (made != NULL && dtype_from_name(made) != DTYPE_NONE)
      return made;
  }
  return strcmp(name, "boolean") == 0 ? "bool" : name;
}

static void check_type(struct checker *k, const struct ast_type *type) {
  if (type == NULL)
    return;
  const char *name = type->name.text;
  enum dtype dtype = name == NULL ? DTYPE_NONE : dtype_from_name(name);
  if (name != NULL && !dtype_is_value(dtype)) {
    const char *names[DTYPE_COUNT];
    size_t count = 0;
    for (int i = DTYPE_F32; i < DTYPE_COUNT; i++)
      if (dtype_is_value((enum dtype)i))
        names[count++] = dtype_name((enum dtype)i);
    struct report *r = report(k->c, CODE_TYPE_NAME, type->name.span, "unknown type `%s`", name);
    report_nearest(k->c, r, "a type", type_alias(k->c, name), names, count);
  } else if (type->has_dims && dtype == DTYPE_MASK) {
    report(k->c, CODE_TYPE_NAME, type->span, "a mask has no dims");
  } else if (dtype == DTYPE_BIAS && type->has_dims && (type->ellipsis || type->dims.count != 1)) {
    report(k->c, CODE_TYPE_NAME, type->span, "a bias has one dim, its heads");
  } else if (dtype == DTYPE_KV && type->has_dims &&
             (type->ellipsis || type->dims.count < 1 || type->dims.count > 2)) {
    report(k->c, CODE_TYPE_NAME, type->span,
           "a kv has the width of its keys, and that of its values if it differs");
  } else if (!type->has_dims && dtype_is_tensor(dtype)) {
    struct report *r = report(k->c, CODE_TYPE_NAME, type->span, "a tensor's type needs its dims");
    report_help(k->c, r, "`_` is a dim of any size: `%s[_, _]`", name == NULL ? "" : name);
  }
  if (type->dims.count > TFM_MAX_RANK)
    report(k->c, CODE_TYPE_NAME, type->span, "%u dims, and a tensor has at most %d",
           type->dims.count, TFM_MAX_RANK);
  for (const struct ast_expr *dim = type->dims.first; dim != NULL; dim = dim->next)
    if (dim->kind != AST_EXPR_ANY)
      check_expr(k, dim);
}

/* ----------------------------------------------------------------- statements */

static void check_body(struct checker *k, const struct ast_stmts *body, unsigned repeats);

static void check_repeat(struct checker *k, const struct ast_stmt *stmt, unsigned repeats) {
  check_expr(k, stmt->repeat.count);
  uint32_t outer = k->local_count;
  add_local(k, &stmt->repeat.name);
  if (repeats == LIMIT_REPEAT_NESTING)
    report(k->c, CODE_LIMIT_REPEAT_NESTING, stmt->span, "repeats are nested deeper than %d",
           LIMIT_REPEAT_NESTING);
  else
    check_body(k, &stmt->repeat.body, repeats + 1);
  drop_locals(k, outer);
}

static void check_return(struct checker *k, const struct ast_stmt *stmt, unsigned repeats) {
  if (repeats > 0)
    report(k->c, CODE_RETURN, stmt->span, "a `return` inside a repeat");
  else if (stmt->next != NULL)
    report(k->c, CODE_RETURN, stmt->span, "statements after `return` are never reached");
  check_list(k, &stmt->result.values);
}

static void check_stmt(struct checker *k, const struct ast_stmt *stmt, unsigned repeats) {
  switch (stmt->kind) {
  case AST_STMT_ASSIGN:
    check_expr(k, stmt->assign.value);
    for (const struct ast_field *t = stmt->assign.targets.first; t != NULL; t = t->next) {
      check_type(k, t->type);
      add_local(k, &t->name);
      note_given(k, &t->name);
    }
    break;
  case AST_STMT_REPEAT:
    check_repeat(k, stmt, repeats);
    break;
  case AST_STMT_RETURN:
    check_return(k, stmt, repeats);
    break;
  case AST_STMT_ASSERT:
    check_expr(k, stmt->check.condition);
    break;
  }
}

static void check_body(struct checker *k, const struct ast_stmts *body, unsigned repeats) {
  for (const struct ast_stmt *stmt = body->first; stmt != NULL && !k->c->stop; stmt = stmt->next)
    check_stmt(k, stmt, repeats);
}

/* What encode returns is known in decode by its name. */
static void add_encoded(struct checker *k) {
  for (const struct ast_decl *d = k->unit->file->decls.first; d != NULL; d = d->next) {
    if (d->kind != AST_DECL_GRAPH || d->name.text == NULL || strcmp(d->name.text, "encode") != 0 ||
        d->graph.last == NULL || d->graph.last->kind != AST_STMT_RETURN)
      continue;
    const struct ast_stmt *end = d->graph.last;
    for (const struct ast_field *f = end->result.names.first; f != NULL; f = f->next)
      add_local(k, &f->name);
    for (const struct ast_expr *e = end->result.values.first; e != NULL; e = e->next)
      if (end->result.names.count == 0 && e->kind == AST_EXPR_NAME &&
          names_symbol(k->unit, e->text) == NULL)
        add_local(k, &(struct ast_name){e->text, e->span});
  }
}

/* The body of a block, graph or head, which returns something. */
static void check_whole(struct checker *k, const struct ast_decl *decl,
                        const struct ast_fields *params, const struct ast_stmts *body) {
  drop_locals(k, 0);
  map_finish(&k->given);
  map_init(&k->given);
  for (const struct ast_field *p = params == NULL ? NULL : params->first; p != NULL; p = p->next) {
    if (p->name.text != NULL && is_local(k, p->name.text))
      report(k->c, CODE_DUPLICATE, p->name.span, "`%s` has two parameters `%s`", decl->name.text,
             p->name.text);
    check_type(k, p->type);
    check_expr(k, p->value);
    add_local(k, &p->name);
  }
  if (decl->kind == AST_DECL_GRAPH && decl->name.text != NULL &&
      strcmp(decl->name.text, "decode") == 0)
    add_encoded(k);
  check_body(k, body, 0);
  if (body->last == NULL || body->last->kind != AST_STMT_RETURN) {
    struct report *r =
        report(k->c, CODE_RETURN, decl->name.span, "`%s` returns nothing", decl->name.text);
    report_help(k->c, r, "end its body with `return`");
  }
  drop_locals(k, 0);
}

/* --------------------------------------------------------------- declarations */

static void check_input(struct checker *k, const struct ast_decl *decl) {
  const char *name = decl->input.source.text, *names[GRAPH_SOURCE_NAMES];
  enum graph_source source;
  enum graph_side side;
  check_type(k, decl->input.type);
  if (name == NULL || (source_find(name, &source, &side) && side != GRAPH_SIDE_CALLER))
    return;
  struct report *r =
      report(k->c, CODE_INPUT_SOURCE, decl->input.source.span, "unknown source `%s`", name);
  struct buffer known;
  buffer_init(&known);
  source_print_names(&known);
  report_nearest(k->c, r, "a source", name, names, source_names(names));
  report_note(k->c, r, "the sources are %s", buffer_text(&known));
  buffer_finish(&known);
}

/* past: kv[L], or memory[L]: [H, K]. */
static void check_state(struct checker *k, const struct ast_decl *decl) {
  const struct ast_type *type = decl->state.type;
  const char *name = type->name.text, *state = decl->name.text;
  bool keys = name != NULL && strcmp(name, "kv") == 0;
  if (decl->state.layers != NULL && (name == NULL || strcmp(name, "f32") == 0)) {
    check_expr(k, decl->state.layers);
    check_type(k, type);
    return;
  }
  if (decl->state.layers == NULL && keys && type->dims.count == 1) {
    check_type(k, type);
    return;
  }
  struct report *r = report(k->c, CODE_TYPE_NAME, type->span,
                            "a state is keys and values, `kv[LAYERS]`, or a tensor of floats for "
                            "each row");
  report_help(k->c, r, "`state %s: kv[n]`, or `state %s[n]: [H, K]`, for n layers", state, state);
}

static void check_fields(struct checker *k, const struct ast_decl *decl) {
  for (const struct ast_field *f = decl->fields.first; f != NULL; f = f->next) {
    const struct symbol *symbol = f->name.text == NULL ? NULL : names_symbol(k->unit, f->name.text);
    k->param = decl->kind == AST_DECL_PARAM && symbol != NULL && symbol->field == f ? symbol : NULL;
    check_expr(k, f->value);
    k->param = NULL;
  }
}

/* A rename moves the text under its one star. */
static void check_rules(struct checker *k, const struct ast_decl *decl) {
  for (const struct ast_rule *rule = decl->rules.first; rule != NULL; rule = rule->next) {
    const char *from = rule->pattern.text, *to = rule->replacement.text;
    if (rule->kind != AST_RULE_RENAME || from == NULL || to == NULL)
      continue;
    const char *star = strchr(from, '*'), *to_star = strchr(to, '*');
    if (star != NULL && strchr(star + 1, '*') != NULL)
      report(k->c, CODE_RENAME, rule->pattern.span, "a rename has at most one `*`");
    else if (to_star != NULL && (star == NULL || strchr(to_star + 1, '*') != NULL))
      report(k->c, CODE_RENAME, rule->replacement.span, "this has more `*` than \"%s\"", from);
  }
}

static void check_ignored(struct checker *k, const struct ast_decl *decl) {
  for (const struct ast_rule *rule = decl->rules.first; rule != NULL; rule = rule->next)
    if (rule->kind == AST_RULE_RENAME)
      report(k->c, CODE_RENAME, rule->span, "only tensors are renamed, not what config.json says");
  unread_ignore(k->c, decl);
}

static void check_decl(struct checker *k, const struct ast_decl *decl) {
  switch (decl->kind) {
  case AST_DECL_WEIGHTS:
    check_rules(k, decl);
    break;
  case AST_DECL_CONFIG:
    check_ignored(k, decl);
    break;
  case AST_DECL_PARAM:
  case AST_DECL_DIM:
    check_fields(k, decl);
    break;
  case AST_DECL_INPUT:
    check_input(k, decl);
    break;
  case AST_DECL_STATE:
    check_state(k, decl);
    break;
  case AST_DECL_WEIGHT:
    check_type(k, decl->weight.type);
    check_expr(k, decl->weight.value);
    break;
  case AST_DECL_BLOCK:
    check_whole(k, decl, &decl->block.params, &decl->block.body);
    break;
  case AST_DECL_GRAPH:
    check_whole(k, decl, NULL, &decl->graph);
    break;
  case AST_DECL_HEAD:
    task_check_head(k->c, decl);
    for (const struct ast_field *a = decl->head.attrs.first; a != NULL; a = a->next)
      check_expr(k, a->value);
    check_whole(k, decl, &decl->head.params, &decl->head.body);
    break;
  case AST_DECL_ASSERT:
    check_expr(k, decl->check.condition);
    break;
  default:
    break;
  }
}

static void check_twice(struct compiler *c, struct map *seen, const struct ast_decl *decl,
                        const char *what) {
  bool added;
  struct map_entry *at = map_insert_text(seen, decl->name.text, &added);
  if (at == NULL)
    compiler_oom(c);
  if (at == NULL || added) {
    if (at != NULL)
      at->value.pointer = (void *)(uintptr_t)decl;
    return;
  }
  const struct ast_decl *first = at->value.pointer;
  struct report *r = report(c, decl->kind == AST_DECL_GRAPH ? CODE_GRAPH : CODE_DUPLICATE,
                            decl->name.span, "the %s `%s` is there twice", what, decl->name.text);
  report_label(c, r, first->name.span, "first here");
}

/* The graphs and heads of a model. */
static void check_model(struct compiler *c, const struct unit *unit) {
  unsigned graphs = 0;
  struct map heads, seen;
  map_init(&heads);
  map_init(&seen);
  for (const struct ast_decl *d = unit->file->decls.first; d != NULL && !c->stop; d = d->next) {
    if (d->kind == AST_DECL_HEAD && d->name.text != NULL)
      check_twice(c, &heads, d, "head");
    if (d->kind != AST_DECL_GRAPH || d->name.text == NULL)
      continue;
    graphs++;
    if (strcmp(d->name.text, "encode") != 0 && strcmp(d->name.text, "decode") != 0) {
      struct report *r = report(c, CODE_GRAPH, d->name.span, "unknown graph `%s`", d->name.text);
      report_help(c, r, "a graph is `encode`, run once a request, or `decode`, run once a step");
    } else {
      check_twice(c, &seen, d, "graph");
    }
  }
  map_finish(&heads);
  map_finish(&seen);
  if (graphs == 0 && unit->file->unit != NULL) {
    struct report *r = report(c, CODE_GRAPH, unit->file->unit->name.span, "the model has no graph");
    report_help(c, r, "add `graph encode { ... }` or `graph decode { ... }`");
  }
}

static bool library_has(enum ast_decl_kind kind) {
  switch (kind) {
  case AST_DECL_LIBRARY:
  case AST_DECL_PARAM:
  case AST_DECL_DIM:
  case AST_DECL_BLOCK:
  case AST_DECL_USE:
  case AST_DECL_IMPORT:
  case AST_DECL_CONFIG:
  case AST_DECL_ASSERT:
    return true;
  default:
    return false;
  }
}

void check_units(struct compiler *c) {
  for (struct unit *unit = c->units; unit != NULL && !c->stop; unit = unit->next) {
    struct checker k = {.c = c, .unit = unit};
    const struct ast_decl *kind = unit->file->unit;
    bool library = kind != NULL && kind->kind == AST_DECL_LIBRARY;
    map_init(&k.known);
    map_init(&k.given);
    for (const struct ast_decl *d = unit->file->decls.first; d != NULL && !c->stop; d = d->next)
      if (!library || library_has(d->kind))
        check_decl(&k, d);
      else
        report(c, CODE_LIBRARY, d->name.text != NULL ? d->name.span : d->span,
               "a library has no `%s`", ast_decl_keyword(d->kind));
    map_finish(&k.known);
    map_finish(&k.given);
    if (!library)
      check_model(c, unit);
  }
}
