/* ast_parse.c - from a source to its tree. */
#include "compiler/ast_build.h"
#include "compiler/codes.h"
#include "compiler/lex.h"

#include <string.h>

/* ------------------------------------------------------------- the version */

struct cursor {
  const char *text;
  size_t size, at;
};

static void skip_blanks(struct cursor *cursor) {
  while (cursor->at < cursor->size &&
         (cursor->text[cursor->at] == ' ' || cursor->text[cursor->at] == '\t'))
    cursor->at++;
}

static bool at_line_end(const struct cursor *cursor) {
  char c = cursor->at < cursor->size ? cursor->text[cursor->at] : '\n';
  return c == '\n' || c == '\r' || c == '#';
}

/* `tfm N`: false when the line is something else.  digits is the span of N. */
static bool read_version(struct cursor *cursor, struct span *digits) {
  if (cursor->size < 4 || memcmp(cursor->text, "tfm", 3) != 0)
    return false;
  cursor->at = 3;
  skip_blanks(cursor);
  digits->begin = (uint32_t)cursor->at;
  while (cursor->at < cursor->size && cursor->text[cursor->at] >= '0' &&
         cursor->text[cursor->at] <= '9')
    cursor->at++;
  digits->end = (uint32_t)cursor->at;
  skip_blanks(cursor);
  return digits->begin > 3 && digits->end > digits->begin && at_line_end(cursor);
}

static uint32_t first_line_end(const struct diag_source *text) {
  const char *end = text->size == 0 ? NULL : memchr(text->text, '\n', text->size);
  return (uint32_t)(end == NULL ? text->size : (size_t)(end - text->text));
}

/* Nothing else can be said of a file in a language that is not known. */
static bool version_known(struct diag *diag, uint32_t source) {
  const struct diag_source *text = &diag->sources[source];
  struct cursor cursor = {text->text, text->size, 0};
  struct span digits = {source, 0, 0};
  if (!read_version(&cursor, &digits)) {
    struct diag_item *item =
        diag_report(diag, DIAG_ERROR, CODE_VERSION, (struct span){source, 0, first_line_end(text)},
                    "the first line must say the version of the language: `tfm %d`", AST_VERSION);
    diag_help(diag, item, "put `tfm %d` on a line of its own before all else", AST_VERSION);
    return false;
  }
  uint32_t length = digits.end - digits.begin;
  if (length == 1 && text->text[digits.begin] == '0' + AST_VERSION)
    return true;
  struct diag_item *item =
      diag_report(diag, DIAG_ERROR, CODE_VERSION_UNKNOWN, digits,
                  "version %.*s of the language is unknown: this program reads `tfm %d`",
                  length < 20 ? (int)length : 20, text->text + digits.begin, AST_VERSION);
  diag_help(diag, item, "the file may need a newer tfm");
  return false;
}

/* ----------------------------------------------------------------- the unit */

static bool is_unit(const struct ast_decl *decl) {
  return decl->kind == AST_DECL_MODEL || decl->kind == AST_DECL_LIBRARY;
}

static void report_second_unit(struct ast_builder *build, const struct ast_decl *decl) {
  struct diag_item *item = diag_report(build->diag, DIAG_ERROR, CODE_UNIT, decl->span,
                                       "a file is one `model` or one `library`");
  diag_label(build->diag, item, build->file->unit->span, "the first");
}

static void report_no_unit(struct ast_builder *build) {
  struct span line = {build->source, 0, first_line_end(&build->diag->sources[build->source])};
  struct diag_item *item =
      diag_report(build->diag, DIAG_ERROR, CODE_UNIT, line, "the file names no model or library");
  diag_help(build->diag, item, "say `model NAME for \"model_type\"`, or `library NAME`");
}

static void report_late_unit(struct ast_builder *build, const struct ast_decl *unit) {
  struct diag_item *item =
      diag_report(build->diag, DIAG_ERROR, CODE_UNIT, unit->span,
                  "a file names its %s before all else", ast_decl_keyword(unit->kind));
  diag_label(build->diag, item, build->file->decls.first->span, "this comes before it");
}

/* A file is one model or one library, said first.  Only a file that could be
 * read whole is said to lack it. */
static void find_unit(struct ast_builder *build, bool whole) {
  struct ast_file *file = build->file;
  for (struct ast_decl *decl = file->decls.first; decl != NULL; decl = decl->next) {
    if (is_unit(decl) && file->unit == NULL)
      file->unit = decl;
    else if (is_unit(decl))
      report_second_unit(build, decl);
  }
  if (file->unit == NULL && whole)
    report_no_unit(build);
  else if (file->unit != NULL && file->unit != file->decls.first)
    report_late_unit(build, file->unit);
}

/* ------------------------------------------------------------------- parsing */

/* False = memory is out. */
static bool run_parser(struct ast_builder *build, bool schema) {
  struct lex lex;
  if (!lex_open(&lex, build->arena, build->diag, build->source, schema))
    return false;
  build->comment = &lex.comments;
  parse_yyparse(&lex, build);
  if (build->file != NULL)
    build->file->comments = lex.comments;
  lex_close(&lex);
  return !arena_failed(build->arena);
}

struct ast_file *ast_parse(struct arena *arena, struct diag *diag, uint32_t source) {
  unsigned errors = diag->errors;
  if (!version_known(diag, source))
    return NULL;
  struct ast_file *file = arena_alloc(arena, sizeof *file);
  if (file == NULL)
    return NULL;
  file->source = source;
  struct ast_builder build = {.arena = arena, .diag = diag, .source = source, .file = file};
  if (!run_parser(&build, false))
    return NULL;
  find_unit(&build, diag->errors == errors);
  file->broken = diag->errors != errors;
  return file;
}

struct ast_schema *ast_parse_schema(struct arena *arena, struct diag *diag, uint32_t source) {
  unsigned errors = diag->errors;
  struct ast_schema *schema = arena_alloc(arena, sizeof *schema);
  if (schema == NULL)
    return NULL;
  struct ast_builder build = {.arena = arena, .diag = diag, .source = source, .schema = schema};
  if (!run_parser(&build, true) || diag->errors != errors)
    return NULL;
  return schema;
}
