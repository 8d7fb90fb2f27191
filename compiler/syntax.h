/* syntax.h - what the parser says when a token cannot stand where it does. */
#ifndef TFM_COMPILER_SYNTAX_H
#define TFM_COMPILER_SYNTAX_H

#include "compiler/ast_build.h"
#include "compiler/lex.h"

/* A person reads "an expression", not the thirteen tokens that can start one. */
enum syntax_class {
  SYNTAX_ALONE,
  SYNTAX_NAME,   /* starts an expression and a statement */
  SYNTAX_EITHER, /* starts a declaration and a statement */
  SYNTAX_END,
  SYNTAX_VALUE,
  SYNTAX_OPERATOR,
  SYNTAX_STATEMENT,
  SYNTAX_DECLARATION
};

struct syntax_expected {
  enum syntax_class class;
  const char *name; /* "a name", "{" */
};

/* Report the token at span, the last that lex gave, and skip the statement. */
void syntax_report(struct ast_builder *build, struct lex *lex, struct span span,
                   const struct syntax_expected *expected, unsigned count);

/* parse.y: "a name", "{", for a token's number. */
const char *syntax_token_name(int token);

#endif
