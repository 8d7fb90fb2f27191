/* dump.c - a source's tokens and its tree, one a line, for tests and the curious.
 *
 *     23:3    assign q, k, v = (split (conv1d (layer_norm x eps: eps @ln_1) ...) parts: 3)
 *
 * Operators and calls stand first in their parentheses, so that a precedence
 * can be read off. */
#include "base/json.h"
#include "compiler/codes.h"
#include "compiler/compile.h"
#include "compiler/format.h"
#include "compiler/lex.h"
#include "compiler/source.h"
#include "compiler/syntax.h"

#include <ctype.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the lines of a source begin, so that places cost little. */
struct dump {
  struct buffer *out;
  const char *text;
  uint32_t *line; /* owned: offsets of the lines' first bytes */
  size_t line_count;
};

static bool dump_init(struct dump *dump, struct buffer *out, const struct diag_source *source) {
  size_t count = 1;
  for (size_t i = 0; i < source->size; i++)
    count += source->text[i] == '\n';
  *dump = (struct dump){.out = out, .text = source->text};
  dump->line = malloc(count * sizeof *dump->line);
  if (dump->line == NULL)
    return false;
  dump->line[dump->line_count++] = 0;
  for (size_t i = 0; i < source->size; i++)
    if (source->text[i] == '\n')
      dump->line[dump->line_count++] = (uint32_t)i + 1;
  return true;
}

/* "12:3    ", columns in bytes. */
static void put_place(const struct dump *dump, struct span span) {
  size_t low = 0, high = dump->line_count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (dump->line[middle] <= span.begin)
      low = middle;
    else
      high = middle;
  }
  char place[32];
  snprintf(place, sizeof place, "%zu:%u", low + 1, (unsigned)(span.begin - dump->line[low]) + 1);
  buffer_printf(dump->out, "%-7s ", place);
}

/* ------------------------------------------------------------------- tokens */

static const char *token_class(const struct lex_token *token, const char *name) {
  switch (token->kind) {
  case TOKEN_END:
    return "end";
  case TOKEN_NEWLINE:
    return "newline";
  case TOKEN_IDENT:
    return "name";
  case TOKEN_STRING:
    return "string";
  case TOKEN_INT:
    return "integer";
  case TOKEN_REAL:
    return "real";
  case TOKEN_PATH_NAME:
    return "component";
  case TOKEN_PLUGIN_NAME:
    return "plugin";
  default:
    return isalpha((unsigned char)name[0]) && strchr(name, ' ') == NULL ? "keyword" : "symbol";
  }
}

static void put_token(const struct dump *dump, const struct lex_token *token) {
  const char *class = token_class(token, syntax_token_name(token->kind));
  put_place(dump, token->span);
  buffer_puts(dump->out, class);
  if (token->kind != TOKEN_NEWLINE && token->kind != TOKEN_END) {
    buffer_putc(dump->out, ' ');
    buffer_append(dump->out, dump->text + token->span.begin, token->span.end - token->span.begin);
  }
  buffer_putc(dump->out, '\n');
}

static int put_tokens(struct arena *arena, struct diag *diag, uint32_t source, struct buffer *out) {
  struct lex lex;
  struct dump dump;
  if (!dump_init(&dump, out, &diag->sources[source]))
    return -1;
  if (lex_open(&lex, arena, diag, source, false)) {
    struct lex_token token = {0};
    do {
      token.kind = parse_yylex(&token.value, &token.span, &lex);
      if (token.kind != TOKEN_START_FILE && token.kind != LEX_ERROR)
        put_token(&dump, &token);
    } while (token.kind != TOKEN_END);
    lex_close(&lex);
  }
  free(dump.line);
  return arena_failed(arena) || diag->errors > 0 ? -1 : 0;
}

int compile_emit_tokens(const char *path, struct buffer *out, struct diag *diag,
                        struct tfm_error *err) {
  struct arena arena;
  struct source_set set;
  arena_init(&arena, 0);
  source_set_init(&set, &arena, diag, NULL, 0);
  uint32_t source = diag->source_count;
  /* Read and parsed first, for the diagnostics; what was reported by then is
   * not reported twice. */
  bool sound = source_read(&set, path, err) != NULL && diag->errors == 0 &&
               put_tokens(&arena, diag, source, out) == 0;
  arena_finish(&arena);
  return sound ? 0 : source_failed(diag, path, err);
}

/* -------------------------------------------------------------- expressions */

/* The shortest digits that read back to the same number, with a dot in every
 * locale. */
static void put_real(struct buffer *out, double value) {
  char text[40] = "";
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value)
      break;
  }
  const char *point = localeconv()->decimal_point;
  char *at = point[0] == '\0' ? NULL : strstr(text, point);
  if (at == NULL) {
    buffer_puts(out, text);
    return;
  }
  buffer_append(out, text, (size_t)(at - text));
  buffer_putc(out, '.');
  buffer_puts(out, at + strlen(point));
}

static void put_expr(struct buffer *out, const struct ast_expr *expr);

static void put_string(struct buffer *out, const char *text) {
  json_quote(out, text, strlen(text));
}

static void put_exprs(struct buffer *out, const struct ast_exprs *list, const char *between) {
  for (const struct ast_expr *expr = list->first; expr != NULL; expr = expr->next) {
    put_expr(out, expr);
    if (expr->next != NULL)
      buffer_puts(out, between);
  }
}

static void put_path(struct buffer *out, const struct ast_path *path) {
  buffer_putc(out, '@');
  for (const struct ast_part *part = path->first; part != NULL; part = part->next) {
    if (part->kind == AST_PART_TEXT) {
      buffer_puts(out, part->text);
    } else if (part->kind == AST_PART_STAR) {
      buffer_putc(out, '*');
    } else {
      buffer_putc(out, '{');
      put_expr(out, part->expr);
      buffer_putc(out, '}');
    }
  }
}

static void put_call(struct buffer *out, const struct ast_expr *expr) {
  buffer_putc(out, '(');
  if (expr->call.qualifier.text != NULL)
    buffer_printf(out, "%s.", expr->call.qualifier.text);
  buffer_puts(out, expr->call.name.text);
  for (const struct ast_field *arg = expr->call.args.first; arg != NULL; arg = arg->next) {
    buffer_putc(out, ' ');
    if (arg->name.text != NULL)
      buffer_printf(out, "%s: ", arg->name.text);
    put_expr(out, arg->value);
  }
  if (expr->call.scope != NULL) {
    buffer_putc(out, ' ');
    put_path(out, expr->call.scope);
  }
  buffer_putc(out, ')');
}

/* (HEAD a b c); b and c may be NULL. */
static void put_form(struct buffer *out, const char *head, const struct ast_expr *a,
                     const struct ast_expr *b, const struct ast_expr *c) {
  const struct ast_expr *item[] = {a, b, c};
  buffer_printf(out, "(%s", head);
  for (size_t i = 0; i < 3 && item[i] != NULL; i++) {
    buffer_putc(out, ' ');
    put_expr(out, item[i]);
  }
  buffer_putc(out, ')');
}

static void put_expr(struct buffer *out, const struct ast_expr *expr) {
  switch (expr->kind) {
  case AST_EXPR_ERROR:
    buffer_puts(out, "<error>");
    break;
  case AST_EXPR_NONE:
    buffer_puts(out, "none");
    break;
  case AST_EXPR_BOOL:
    buffer_puts(out, expr->boolean ? "true" : "false");
    break;
  case AST_EXPR_INT:
    buffer_printf(out, "%" PRId64, expr->integer);
    break;
  case AST_EXPR_REAL:
    put_real(out, expr->real);
    break;
  case AST_EXPR_STR:
    put_string(out, expr->text);
    break;
  case AST_EXPR_NAME:
    buffer_puts(out, expr->text);
    break;
  case AST_EXPR_ANY:
    buffer_putc(out, '_');
    break;
  case AST_EXPR_MEMBER:
    put_expr(out, expr->member.object);
    buffer_printf(out, ".%s", expr->member.name.text);
    break;
  case AST_EXPR_INDEX:
    put_form(out, "at", expr->index.object, expr->index.at, NULL);
    break;
  case AST_EXPR_CALL:
    put_call(out, expr);
    break;
  case AST_EXPR_LIST:
    buffer_putc(out, '[');
    put_exprs(out, &expr->list, " ");
    buffer_putc(out, ']');
    break;
  case AST_EXPR_UNARY:
    put_form(out, ast_op_text(expr->unary.op), expr->unary.operand, NULL, NULL);
    break;
  case AST_EXPR_BINARY:
    put_form(out, ast_op_text(expr->binary.op), expr->binary.left, expr->binary.right, NULL);
    break;
  case AST_EXPR_IF:
    put_form(out, "if", expr->choice.condition, expr->choice.then, expr->choice.otherwise);
    break;
  case AST_EXPR_PATH:
    put_path(out, expr->path);
    break;
  }
}

static void put_type(struct buffer *out, const struct ast_type *type) {
  if (type->name.text != NULL)
    buffer_puts(out, type->name.text);
  if (type->has_dims) {
    buffer_puts(out, type->ellipsis ? "[..." : "[");
    if (type->ellipsis && type->dims.count > 0)
      buffer_puts(out, ", ");
    put_exprs(out, &type->dims, ", ");
    buffer_putc(out, ']');
  }
  if (type->optional)
    buffer_putc(out, '?');
}

static void put_field(struct buffer *out, const struct ast_field *field, const char *equals) {
  if (field->name.text != NULL)
    buffer_puts(out, field->name.text);
  else if (field->value == NULL && field->type == NULL)
    buffer_putc(out, '_');
  if (field->type != NULL) {
    buffer_puts(out, ": ");
    put_type(out, field->type);
  }
  if (field->value != NULL) {
    buffer_puts(out, equals);
    put_expr(out, field->value);
  }
}

static void put_fields(struct buffer *out, const struct ast_fields *fields, const char *equals) {
  for (const struct ast_field *field = fields->first; field != NULL; field = field->next) {
    put_field(out, field, equals);
    if (field->next != NULL)
      buffer_puts(out, ", ");
  }
}

/* --------------------------------------------- statements and declarations */

static void put_line(const struct dump *dump, struct span span, unsigned depth) {
  put_place(dump, span);
  buffer_printf(dump->out, "%*s", (int)(2 * depth), "");
}

static void put_assert(struct buffer *out, const struct ast_assert *check) {
  buffer_puts(out, "assert ");
  put_expr(out, check->condition);
  buffer_puts(out, ", ");
  put_string(out, check->message);
}

static void put_stmts(const struct dump *dump, const struct ast_stmts *stmts, unsigned depth) {
  struct buffer *out = dump->out;
  for (const struct ast_stmt *stmt = stmts->first; stmt != NULL; stmt = stmt->next) {
    put_line(dump, stmt->span, depth);
    switch (stmt->kind) {
    case AST_STMT_ASSIGN:
      buffer_puts(out, "assign ");
      put_fields(out, &stmt->assign.targets, "");
      buffer_puts(out, " = ");
      put_expr(out, stmt->assign.value);
      break;
    case AST_STMT_REPEAT:
      buffer_puts(out, "repeat ");
      put_expr(out, stmt->repeat.count);
      buffer_printf(out, " as %s", stmt->repeat.name.text);
      break;
    case AST_STMT_RETURN:
      buffer_puts(out, "return ");
      put_fields(out, &stmt->result.names, "");
      if (stmt->result.names.count > 0)
        buffer_puts(out, " = ");
      put_exprs(out, &stmt->result.values, ", ");
      break;
    case AST_STMT_ASSERT:
      put_assert(out, &stmt->check);
      break;
    }
    buffer_putc(out, '\n');
    if (stmt->kind == AST_STMT_REPEAT)
      put_stmts(dump, &stmt->repeat.body, depth + 1);
  }
}

static void put_rules(const struct dump *dump, const struct ast_rules *rules) {
  for (const struct ast_rule *rule = rules->first; rule != NULL; rule = rule->next) {
    put_line(dump, rule->span, 1);
    buffer_puts(dump->out, rule->kind == AST_RULE_RENAME ? "rename " : "ignore ");
    put_string(dump->out, rule->pattern.text);
    if (rule->kind == AST_RULE_RENAME) {
      buffer_puts(dump->out, " to ");
      put_string(dump->out, rule->replacement.text);
    }
    buffer_putc(dump->out, '\n');
  }
}

static void put_head(struct buffer *out, const struct ast_decl *decl) {
  buffer_printf(out, "head %s(", decl->name.text);
  put_fields(out, &decl->head.params, " = ");
  buffer_printf(out, "): %s", decl->head.task.text);
  if (decl->head.attrs.count > 0) {
    buffer_putc(out, '(');
    put_fields(out, &decl->head.attrs, ": ");
    buffer_putc(out, ')');
  }
  if (decl->head.archs.count > 0) {
    buffer_puts(out, " for ");
    put_exprs(out, &decl->head.archs, ", ");
  }
}

static void put_weight(struct buffer *out, const struct ast_decl *decl) {
  if (decl->weight.type != NULL) {
    buffer_puts(out, ": ");
    put_type(out, decl->weight.type);
  }
  buffer_puts(out, " = ");
  put_expr(out, decl->weight.value);
}

static void put_input(struct buffer *out, const struct ast_decl *decl) {
  buffer_puts(out, ": ");
  put_type(out, decl->input.type);
  buffer_printf(out, " = %s", decl->input.source.text);
}

/* What follows the keyword and the name. */
static void put_decl_rest(struct buffer *out, const struct ast_decl *decl) {
  switch (decl->kind) {
  case AST_DECL_MODEL:
    buffer_puts(out, " for ");
    put_exprs(out, &decl->unit, ", ");
    break;
  case AST_DECL_USE:
    buffer_printf(out, " %" PRId64, decl->use.major);
    break;
  case AST_DECL_IMPORT:
    put_string(out, decl->import.path.text);
    buffer_printf(out, " as %s", decl->name.text);
    break;
  case AST_DECL_CHECKPOINT:
    put_string(out, decl->checkpoint.text);
    break;
  case AST_DECL_PARAM:
    put_fields(out, &decl->fields, " = ");
    break;
  case AST_DECL_DIM:
    put_fields(out, &decl->fields, " <= ");
    break;
  case AST_DECL_INPUT:
    put_input(out, decl);
    break;
  case AST_DECL_STATE:
    if (decl->state.layers != NULL) {
      buffer_putc(out, '[');
      put_expr(out, decl->state.layers);
      buffer_putc(out, ']');
    }
    buffer_puts(out, ": ");
    put_type(out, decl->state.type);
    break;
  case AST_DECL_WEIGHT:
    put_weight(out, decl);
    break;
  case AST_DECL_BLOCK:
    buffer_putc(out, '(');
    put_fields(out, &decl->block.params, " = ");
    buffer_putc(out, ')');
    break;
  case AST_DECL_HEAD:
    put_head(out, decl);
    break;
  case AST_DECL_ASSERT:
    put_assert(out, &decl->check);
    break;
  case AST_DECL_LIBRARY:
  case AST_DECL_CONFIG:
  case AST_DECL_WEIGHTS:
  case AST_DECL_GRAPH:
    break;
  }
}

/* The declaration's first line, without its place. */
static void put_decl(struct buffer *out, const struct ast_decl *decl) {
  if (decl->kind != AST_DECL_HEAD && decl->kind != AST_DECL_ASSERT)
    buffer_printf(out, "%s%s", ast_decl_keyword(decl->kind),
                  decl->kind == AST_DECL_WEIGHTS || decl->kind == AST_DECL_CONFIG ? "" : " ");
  if (decl->name.text != NULL && decl->kind != AST_DECL_HEAD && decl->kind != AST_DECL_IMPORT)
    buffer_puts(out, decl->name.text);
  put_decl_rest(out, decl);
}

static void put_doc(const struct dump *dump, const char *doc) {
  for (const char *line = doc; line != NULL;) {
    size_t size = strcspn(line, "\n");
    buffer_printf(dump->out, "%7s ## %.*s\n", "", (int)size, line);
    line = line[size] == '\0' ? NULL : line + size + 1;
  }
}

static void put_file(const struct dump *dump, const struct ast_file *file) {
  for (const struct ast_decl *decl = file->decls.first; decl != NULL; decl = decl->next) {
    put_doc(dump, decl->doc);
    put_line(dump, decl->span, 0);
    put_decl(dump->out, decl);
    buffer_putc(dump->out, '\n');
    if (decl->kind == AST_DECL_WEIGHTS || decl->kind == AST_DECL_CONFIG)
      put_rules(dump, &decl->rules);
    else if (decl->kind == AST_DECL_BLOCK)
      put_stmts(dump, &decl->block.body, 1);
    else if (decl->kind == AST_DECL_GRAPH)
      put_stmts(dump, &decl->graph, 1);
    else if (decl->kind == AST_DECL_HEAD)
      put_stmts(dump, &decl->head.body, 1);
  }
}

int compile_emit_ast(const char *path, struct buffer *out, struct diag *diag,
                     struct tfm_error *err) {
  struct arena arena;
  struct source_set set;
  struct dump dump;
  arena_init(&arena, 0);
  source_set_init(&set, &arena, diag, NULL, 0);
  const struct ast_file *file = source_read(&set, path, err);
  bool sound = file != NULL && !file->broken;
  if (sound && (sound = dump_init(&dump, out, &diag->sources[file->source]))) {
    put_file(&dump, file);
    free(dump.line);
  }
  arena_finish(&arena);
  return sound ? 0 : source_failed(diag, path, err);
}

int compile_format(const char *path, struct buffer *out, struct diag *diag, struct tfm_error *err) {
  struct arena arena;
  struct source_set set;
  arena_init(&arena, 0);
  source_set_init(&set, &arena, diag, NULL, 0);
  const struct ast_file *file = source_read(&set, path, err);
  bool sound = file != NULL && !file->broken && format_file(&arena, diag, file, out);
  arena_finish(&arena);
  return sound ? 0 : source_failed(diag, path, err);
}
