/* ast_parts.c - make what is not an expression: paths, types, statements,
 * declarations. */
#include "compiler/ast_build.h"
#include "compiler/codes.h"
#include "compiler/lex.h"

#include <string.h>

/* -------------------------------------------------------------------- paths */

struct ast_path *ast_path(struct ast_builder *build) {
  return arena_alloc(build->arena, sizeof(struct ast_path));
}

static struct ast_part *add_part(struct ast_builder *build, struct ast_path *path,
                                 enum ast_part_kind kind, struct span span) {
  struct ast_part *part = path == NULL ? NULL : arena_alloc(build->arena, sizeof *part);
  if (part == NULL)
    return NULL;
  part->kind = kind;
  part->span = span;
  if (path->first == NULL)
    path->first = part;
  else
    path->last->next = part;
  path->last = part;
  path->count++;
  return part;
}

/* Texts that touch are one part: only its span grows here. */
void ast_path_text(struct ast_builder *build, struct ast_path *path, struct span span) {
  if (path != NULL && path->last != NULL && path->last->kind == AST_PART_TEXT)
    path->last->span.end = span.end;
  else
    add_part(build, path, AST_PART_TEXT, span);
}

void ast_path_value(struct ast_builder *build, struct ast_path *path, struct span span,
                    struct ast_expr *expr) {
  struct ast_part *part = add_part(build, path, AST_PART_EXPR, span);
  if (part == NULL || expr == NULL)
    return;
  part->expr = expr;
  if (expr->depth > path->depth)
    path->depth = expr->depth;
}

void ast_path_star(struct ast_builder *build, struct ast_path *path, struct span span) {
  add_part(build, path, AST_PART_STAR, span);
}

struct ast_path *ast_path_end(struct ast_builder *build, struct ast_path *path, struct span span) {
  if (path == NULL)
    return NULL;
  path->span = span;
  if (span.end - span.begin > LEX_MAX_TOKEN) {
    diag_report(build->diag, DIAG_ERROR, CODE_LIMIT_TOKEN, span, "a weight path over %d bytes",
                LEX_MAX_TOKEN);
    path->first = path->last = NULL;
    path->count = path->depth = 0;
  }
  for (struct ast_part *part = path->first; part != NULL; part = part->next)
    if (part->kind == AST_PART_TEXT)
      part->text = arena_strndup(build->arena, ast_source_text(build, part->span),
                                 part->span.end - part->span.begin);
  return path;
}

/* --------------------------------------------------------- types and fields */

struct ast_type *ast_type(struct ast_builder *build, struct span span, struct ast_name name,
                          bool has_dims, bool ellipsis, struct ast_exprs dims) {
  struct ast_type *type = arena_alloc(build->arena, sizeof *type);
  if (type != NULL)
    *type = (struct ast_type){
        .span = span, .name = name, .has_dims = has_dims, .ellipsis = ellipsis, .dims = dims};
  return type;
}

struct ast_type *ast_type_choices(struct ast_builder *build, struct span span,
                                  struct ast_exprs choices) {
  struct ast_type *type = arena_alloc(build->arena, sizeof *type);
  if (type != NULL)
    *type = (struct ast_type){.span = span, .choices = choices};
  return type;
}

struct ast_type *ast_type_optional(struct ast_type *type, struct span span) {
  if (type != NULL) {
    type->optional = true;
    type->span.end = span.end;
  }
  return type;
}

struct ast_field *ast_field(struct ast_builder *build, struct span span, struct ast_name name,
                            struct ast_type *type, struct ast_expr *value) {
  struct ast_field *field = arena_alloc(build->arena, sizeof *field);
  if (field != NULL)
    *field = (struct ast_field){.span = span, .name = name, .type = type, .value = value};
  return field;
}

struct ast_fields ast_fields_add(struct ast_fields list, struct ast_field *item) {
  AST_APPEND(list, item);
  return list;
}

struct ast_fields ast_args_add(struct ast_builder *build, struct ast_fields list,
                               struct ast_field *item) {
  if (item != NULL && item->name.text == NULL && list.last != NULL &&
      list.last->name.text != NULL) {
    struct diag_item *report =
        diag_report(build->diag, DIAG_ERROR, CODE_ARGUMENT_ORDER, item->span,
                    "an argument without a name cannot follow one with a name");
    diag_label(build->diag, report, list.last->name.span, "named");
  }
  return ast_fields_add(list, item);
}

/* --------------------------------------------------------------- statements */

static struct ast_stmt *new_stmt(struct ast_builder *build, enum ast_stmt_kind kind,
                                 struct span span) {
  struct ast_stmt *stmt = arena_alloc(build->arena, sizeof *stmt);
  if (stmt != NULL)
    *stmt = (struct ast_stmt){.kind = kind, .depth = 1, .span = span};
  return stmt;
}

/* `_` is a result that nobody wants, beside one that somebody does. */
static void check_wanted(struct ast_builder *build, const struct ast_fields *targets) {
  for (const struct ast_field *t = targets->first; t != NULL; t = t->next)
    if (t->name.text != NULL)
      return;
  if (targets->first == NULL)
    return;
  struct diag_item *item = diag_report(build->diag, DIAG_ERROR, CODE_SYNTAX, targets->first->span,
                                       "nobody wants a result of this");
  diag_help(build->diag, item, "`_` stands beside a name: `_, y = ...`");
}

struct ast_stmt *ast_assign(struct ast_builder *build, struct span span, struct ast_fields targets,
                            struct ast_expr *value) {
  struct ast_stmt *stmt = new_stmt(build, AST_STMT_ASSIGN, span);
  if (stmt != NULL) {
    check_wanted(build, &targets);
    stmt->assign.targets = targets;
    stmt->assign.value = value;
  }
  return stmt;
}

struct ast_stmt *ast_repeat(struct ast_builder *build, struct span span, struct ast_expr *count,
                            struct ast_name name, struct ast_stmts body) {
  struct ast_stmt *stmt = new_stmt(build, AST_STMT_REPEAT, span);
  if (stmt == NULL)
    return NULL;
  if (body.depth >= AST_MAX_DEPTH) {
    if (!build->too_deep)
      diag_report(build->diag, DIAG_ERROR, CODE_LIMIT_DEPTH, span, "nested deeper than %d levels",
                  AST_MAX_DEPTH);
    build->too_deep = true;
    body = (struct ast_stmts){0};
  }
  stmt->depth = body.depth + 1;
  stmt->repeat.count = count;
  stmt->repeat.name = name;
  stmt->repeat.body = body;
  return stmt;
}

/* The values left of `=` as names, with a report for each that is none. */
static struct ast_fields names_of(struct ast_builder *build, struct ast_exprs values) {
  struct ast_fields names = {0};
  for (const struct ast_expr *value = values.first; value != NULL; value = value->next) {
    if (value->kind == AST_EXPR_NAME) {
      struct ast_name name = {value->text, value->span};
      names = ast_fields_add(names, ast_field(build, value->span, name, NULL, NULL));
    } else if (value->kind != AST_EXPR_ERROR) {
      struct diag_item *item = diag_report(build->diag, DIAG_ERROR, CODE_RETURN_NAME, value->span,
                                           "what is returned can only be given a name");
      diag_help(build->diag, item, "write `return name = value`; two values are equal by `==`");
    }
  }
  return names;
}

struct ast_stmt *ast_return(struct ast_builder *build, struct span span, struct ast_exprs values,
                            struct ast_expr *named) {
  struct ast_stmt *stmt = new_stmt(build, AST_STMT_RETURN, span);
  if (stmt == NULL)
    return NULL;
  stmt->result.values = values;
  if (named != NULL) {
    stmt->result.names = names_of(build, values);
    stmt->result.values = (struct ast_exprs){named, named, 1};
  }
  return stmt;
}

struct ast_stmt *ast_check(struct ast_builder *build, struct span span, struct ast_assert check) {
  struct ast_stmt *stmt = new_stmt(build, AST_STMT_ASSERT, span);
  if (stmt != NULL)
    stmt->check = check;
  return stmt;
}

struct ast_stmts ast_stmts_add(struct ast_stmts list, struct ast_stmt *item) {
  AST_APPEND(list, item);
  if (item != NULL && item->depth > list.depth)
    list.depth = item->depth;
  return list;
}

/* ------------------------------------------------------------- declarations */

struct ast_rule *ast_rule(struct ast_builder *build, enum ast_rule_kind kind, struct span span,
                          struct ast_name pattern, struct ast_name replacement) {
  struct ast_rule *rule = arena_alloc(build->arena, sizeof *rule);
  if (rule != NULL)
    *rule = (struct ast_rule){
        .kind = kind, .span = span, .pattern = pattern, .replacement = replacement};
  return rule;
}

struct ast_rules ast_rules_add(struct ast_rules list, struct ast_rules more) {
  if (more.first == NULL)
    return list;
  if (list.first == NULL)
    return more;
  list.last->next = more.first;
  list.last = more.last;
  list.count += more.count;
  return list;
}

struct ast_rules ast_ignores(struct ast_builder *build, struct ast_exprs patterns) {
  struct ast_rules rules = {0};
  for (const struct ast_expr *pattern = patterns.first; pattern != NULL; pattern = pattern->next) {
    struct ast_name name = {pattern->text, pattern->span};
    struct ast_rule *rule =
        ast_rule(build, AST_RULE_IGNORE, pattern->span, name, (struct ast_name){0});
    rules = ast_rules_add(rules, (struct ast_rules){rule, rule, 1});
  }
  return rules;
}

struct ast_decl *ast_decl(struct ast_builder *build, enum ast_decl_kind kind, struct span span,
                          struct ast_name name) {
  struct ast_decl *decl = arena_alloc(build->arena, sizeof *decl);
  if (decl != NULL)
    *decl = (struct ast_decl){.kind = kind, .span = span, .name = name};
  return decl;
}

static bool touches(const struct ast_builder *build, const struct ast_comment *above,
                    const struct ast_comment *below) {
  const char *text = ast_source_text(build, above->span);
  size_t gap = below->span.begin - above->span.begin;
  const char *line = memchr(text, '\n', gap);
  return line != NULL && memchr(line + 1, '\n', gap - (size_t)(line + 1 - text)) == NULL;
}

/* One line of a doc comment without its `##`, one space, and blanks at the end. */
static struct span doc_line(const struct ast_builder *build, const struct ast_comment *comment) {
  const char *text = ast_source_text(build, comment->span);
  uint32_t size = comment->span.end - comment->span.begin, from = 2;
  if (from < size && text[from] == ' ')
    from++;
  while (size > from && (text[size - 1] == ' ' || text[size - 1] == '\t'))
    size--;
  return (struct span){comment->span.source, comment->span.begin + from,
                       comment->span.begin + size};
}

static char *join_docs(struct ast_builder *build, const struct ast_comment *from,
                       const struct ast_comment *to) {
  size_t size = 0;
  for (const struct ast_comment *c = from; c != to; c = c->next)
    size += c->span.end - c->span.begin + 1u;
  char *doc = arena_alloc(build->arena, size + 1), *at = doc;
  for (const struct ast_comment *c = from; c != to && doc != NULL; c = c->next) {
    struct span line = doc_line(build, c);
    if (at != doc)
      *at++ = '\n';
    memcpy(at, ast_source_text(build, line), line.end - line.begin);
    at += line.end - line.begin;
  }
  return doc;
}

/* The last run of touching ## lines among the comments that begin before
 * `begin` and were not looked at yet. */
static const char *take_doc(struct ast_builder *build, uint32_t begin) {
  const struct ast_comment *from = NULL, *last = NULL;
  for (; *build->comment != NULL && (*build->comment)->span.begin < begin;
       build->comment = &(*build->comment)->next) {
    const struct ast_comment *at = *build->comment;
    if (!at->doc || !at->alone)
      from = NULL;
    else if (from == NULL || !touches(build, last, at))
      from = at;
    last = at;
  }
  return from == NULL ? NULL : join_docs(build, from, *build->comment);
}

/* Comments within the declaration belong to nothing. */
static void pass_comments(struct ast_builder *build, uint32_t end) {
  while (*build->comment != NULL && (*build->comment)->span.begin < end)
    build->comment = &(*build->comment)->next;
}

void ast_add_decl(struct ast_builder *build, struct ast_decl *decl) {
  struct ast_file *file = build->file;
  if (decl == NULL || file == NULL)
    return;
  decl->doc = take_doc(build, decl->span.begin);
  pass_comments(build, decl->span.end);
  if (file->decls.first == NULL)
    file->decls.first = decl;
  else
    file->decls.last->next = decl;
  file->decls.last = decl;
  file->decls.count++;
}

void ast_schema_end(struct ast_builder *build, struct span span, struct ast_name name,
                    struct ast_fields outputs, struct ast_fields taps) {
  const char *doc = take_doc(build, span.begin);
  build->schema->span = span;
  build->schema->name = name;
  build->schema->doc = doc == NULL ? "" : doc;
  build->schema->outputs = outputs;
  build->schema->taps = taps;
}
