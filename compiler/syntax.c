/* syntax.c - say what was expected, and what was found, in a person's words. */
#include "compiler/syntax.h"

#include "base/text.h"
#include "compiler/codes.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_EXPECTED = 5, SHOWN_TOKEN = 48, GROUP_LEAST = 5 };

static const struct group {
  enum syntax_class class;
  const char *name;
  unsigned least; /* so many of its tokens make the group */
} groups[] = {
    {SYNTAX_DECLARATION, "a declaration", GROUP_LEAST},
    {SYNTAX_STATEMENT, "a statement", 1},
    {SYNTAX_OPERATOR, "an operator", GROUP_LEAST},
    {SYNTAX_VALUE, "an expression", GROUP_LEAST + 3}, /* ( [ . @ - follow a value too */
};
enum { GROUP_COUNT = sizeof groups / sizeof groups[0] };

struct list {
  char text[512];
  const char *name[SHOWN_EXPECTED + 1];
  unsigned count;
};

static bool made(const struct syntax_expected *expected, unsigned count,
                 const struct group *group) {
  unsigned found = 0;
  for (unsigned i = 0; i < count; i++)
    found += expected[i].class == group->class;
  return found >= group->least;
}

/* Whether a token goes without saying, given the groups that are named. */
static bool covered(enum syntax_class class, const bool *named) {
  bool declaration = named[0], statement = named[1], op = named[2], value = named[3];
  switch (class) {
  case SYNTAX_ALONE:
    return false;
  case SYNTAX_NAME:
    return value || statement;
  case SYNTAX_EITHER:
    return statement || declaration;
  case SYNTAX_VALUE:
    return value || op;
  case SYNTAX_OPERATOR:
    return op;
  case SYNTAX_STATEMENT:
    return statement;
  case SYNTAX_DECLARATION:
  case SYNTAX_END:
    return declaration;
  }
  return false;
}

static void list_add(struct list *list, const char *name) {
  if (list->count <= SHOWN_EXPECTED)
    list->name[list->count++] = name;
}

/* Token names with a space in them are descriptions. */
static void put_name(char *out, size_t capacity, const char *name) {
  if (strncmp(name, "path ", 5) == 0)
    name += 5;
  snprintf(out, capacity, strchr(name, ' ') == NULL ? "`%s`" : "%s", name);
}

/* "a, b or c" */
static const char *list_text(struct list *list) {
  size_t at = 0;
  unsigned count = list->count > SHOWN_EXPECTED ? SHOWN_EXPECTED : list->count;
  for (unsigned i = 0; i < count; i++) {
    char name[64];
    put_name(name, sizeof name, list->name[i]);
    const char *before = i == 0 ? "" : i + 1 == list->count ? " or " : ", ";
    int n = snprintf(list->text + at, sizeof list->text - at, "%s%s", before, name);
    at += n > 0 ? (size_t)n : 0;
  }
  return list->text;
}

static void collect(struct list *list, const struct syntax_expected *expected, unsigned count) {
  bool named[GROUP_COUNT];
  for (unsigned g = 0; g < GROUP_COUNT; g++)
    named[g] = made(expected, count, &groups[g]);
  for (unsigned i = 0; i < count; i++)
    if (!covered(expected[i].class, named))
      list_add(list, expected[i].name);
  for (unsigned g = 0; g < GROUP_COUNT; g++)
    if (named[g])
      list_add(list, groups[g].name);
}

/* A NEWLINE stands before a `}` and before a declaration too: then that is
 * what a person sees there. */
static void describe_found(const struct lex *lex, struct span span, char *out, size_t capacity) {
  char shown[SHOWN_TOKEN];
  const char *text = lex->text + span.begin;
  size_t size = span.end - span.begin;
  if (size == 0 || span.begin >= lex->size) {
    snprintf(out, capacity, "%s", lex->schema ? "the end" : "end of file");
  } else if (*text == '\n' || *text == '\r') {
    snprintf(out, capacity, "end of line");
  } else {
    size_t used = text_escape_into(shown, sizeof shown, text, size, false);
    snprintf(out, capacity, "`%s%s`", shown, used < size ? "..." : "");
  }
}

static bool starts_line(const struct lex *lex, uint32_t begin) {
  while (begin > 0 && (lex->text[begin - 1] == ' ' || lex->text[begin - 1] == '\t'))
    begin--;
  return begin == 0 || lex->text[begin - 1] == '\n';
}

static bool expects(const struct syntax_expected *expected, unsigned count,
                    enum syntax_class class) {
  for (unsigned i = 0; i < count; i++)
    if (expected[i].class == class)
      return true;
  return false;
}

/* `block f(x)` and then a line that begins with `{`. */
static bool brace_follows(const struct lex *lex, struct span span) {
  size_t at = span.end;
  while (at < lex->size && strchr(" \t\r\n", lex->text[at]) != NULL && lex->text[at] != '\0')
    at++;
  return at < lex->size && lex->text[at] == '{';
}

/* A value as a statement: `x + f(x)`, `f(x)`. */
static bool gives_no_name(const struct lex *lex, struct span span,
                          const struct syntax_expected *expected, unsigned count) {
  bool assign = false;
  for (unsigned i = 0; i < count; i++)
    assign = assign || strcmp(expected[i].name, "=") == 0;
  return assign && lex->braces > 0 && !expects(expected, count, SYNTAX_OPERATOR) &&
         span.begin < lex->size && strchr("+-*/%&|(.[", lex->text[span.begin]) != NULL;
}

static void add_help(struct ast_builder *build, const struct lex *lex, struct diag_item *item,
                     struct span span, const struct syntax_expected *expected, unsigned count) {
  lex_kind found = lex->previous;
  bool bracket = found == TOKEN_LPAREN || found == TOKEN_LBRACKET || found == TOKEN_LBRACE;
  if (found == TOKEN_ASSIGN && lex->nesting == 0 && expects(expected, count, SYNTAX_OPERATOR)) {
    diag_help(build->diag, item, "whether two are equal is asked with `==`");
  } else if (found == TOKEN_QUOTIENT && starts_line(lex, span.begin)) {
    diag_help(build->diag, item, "a comment begins with `#`");
  } else if (found == TOKEN_ASSIGN && lex->nesting > 0) {
    diag_help(build->diag, item, "a named argument is written `name: value`");
  } else if (found == TOKEN_FOR && expects(expected, count, SYNTAX_STATEMENT)) {
    diag_help(build->diag, item, "a loop is written `repeat N as i { ... }`");
  } else if (gives_no_name(lex, span, expected, count)) {
    diag_help(build->diag, item,
              "a statement gives a name to a value, `y = ...`, or is the last: `return ...`");
  } else if (found == TOKEN_IF) {
    diag_help(build->diag, item, "a choice is made between values: `x = if c then a else b`");
  } else if (lex_continues(found) && !bracket && starts_line(lex, span.begin)) {
    diag_help(build->diag, item, "a line goes on after its operator, not before it");
  } else if (found == TOKEN_NEWLINE && brace_follows(lex, span)) {
    diag_help(build->diag, item, "a body's `{` stands at the end of its header's line");
  } else if (found == TOKEN_IDENT && expects(expected, count, SYNTAX_DECLARATION)) {
    char word[SHOWN_TOKEN];
    text_escape_into(word, sizeof word, lex->text + span.begin, span.end - span.begin, false);
    const char *nearest = lex_nearest_keyword(word);
    if (nearest != NULL)
      diag_help(build->diag, item, "a declaration with a similar name exists: `%s`", nearest);
  }
}

void syntax_report(struct ast_builder *build, struct lex *lex, struct span span,
                   const struct syntax_expected *expected, unsigned count) {
  struct list list = {.count = 0};
  char found[SHOWN_TOKEN + 8];
  if (lex->failed)
    return; /* not the text's fault that it ends here */
  describe_found(lex, span, found, sizeof found);
  collect(&list, expected, count);
  struct diag_item *item =
      list.count == 0
          ? diag_report(build->diag, DIAG_ERROR, CODE_SYNTAX, span, "unexpected %s", found)
          : diag_report(build->diag, DIAG_ERROR, CODE_SYNTAX, span, "expected %s, found %s",
                        list_text(&list), found);
  add_help(build, lex, item, span, expected, count);
  lex_skip(lex, lex->previous);
}
