/* lex.h - from bytes to the tokens that the grammar is written in.
 *
 * Two layers.  lex.l cuts the text into raw tokens; layout.c decides which
 * newlines end a statement, and keeps the grammar in step after a mistake:
 *
 *     text  --lex.l-->  raw tokens, every newline  --layout.c-->  tokens
 *
 * A newline ends a statement except inside () and [] and after something that
 * cannot end one.  A `}` and the end of the file end it too, so each statement
 * that the parser sees is followed by exactly one NEWLINE.
 *
 * A missing `)` would swallow the rest of the file.  So braces end the effect
 * of brackets, and a declaration's keyword in column 1 ends brackets and
 * bodies alike: what is still open there is reported, and closed.  In a body a
 * line that begins with `name =` after a complete expression ends brackets:
 * inside them no `=` follows a name. */
#ifndef TFM_COMPILER_LEX_H
#define TFM_COMPILER_LEX_H

#include "base/arena.h"
#include "base/diag.h"
#include "compiler/ast.h"
#include "compiler/parse.h" /* made by bison */

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEX_MAX_TOKEN = 4096, LEX_MAX_BRACES = 64 };

/* Something that was reported: bison recovers without another message. */
enum { LEX_ERROR = TOKEN_PARSE_YYerror };

typedef int lex_kind; /* enum parse_yytokentype */

/* What a word ends by standing where it stands, whatever the brackets say. */
enum lex_break {
  LEX_BREAKS_NOTHING,
  LEX_BREAKS_BRACKETS, /* first of a line in a body, and starts a statement  */
  LEX_BREAKS_ALL       /* in column 1, and starts a declaration: bodies too  */
};

struct lex_token {
  lex_kind kind;
  enum lex_break breaks;
  PARSE_YYSTYPE value;
  struct span span;
};

struct lex {
  struct arena *arena; /* strings and comments; not owned */
  struct diag *diag;   /* not owned */
  uint32_t source;
  const char *text; /* size bytes, not owned */
  size_t size;
  bool schema; /* newlines mean nothing, there is no `tfm 1` */

  /* lex.l */
  void *scanner;
  char *buffer; /* owned: the text as flex wants it */
  jmp_buf fatal;
  bool failed;           /* memory is out: the tokens end early */
  bool path_brace;       /* inside the {} of a weight path */
  enum lex_break breaks; /* of the word scanned last */
  struct ast_comment *comments, *last_comment;

  /* layout.c */
  bool started;
  lex_kind previous; /* the token given last, 0 = none */
  unsigned nesting;  /* open ( and [ */
  unsigned braces;   /* open {, of which brace[] knows the first LEX_MAX_BRACES */
  struct span brace[LEX_MAX_BRACES];
  struct lex_token held; /* comes again after one that was put before it */
  bool has_held;
  bool skipping; /* after an error: to the end of the statement, at skip_braces */
  unsigned skip_braces;
  bool headless; /* the error was at a line's end: a body that follows is no one's */
  bool swallow;  /* skipping such a body: with the NEWLINE after it */
};

/* Ready to scan a source of diag; false = out of memory.  Characters that the
 * language refuses anywhere are reported here. */
bool lex_open(struct lex *lex, struct arena *arena, struct diag *diag, uint32_t source,
              bool schema);
void lex_close(struct lex *lex);

/* lex.l: the next raw token.  TOKEN_END at the end, LEX_ERROR for
 * something that was reported. */
void lex_scan(struct lex *lex, struct lex_token *out);

/* layout.c: the next token, as bison asks for it. */
int parse_yylex(PARSE_YYSTYPE *value, PARSE_YYLTYPE *span, struct lex *lex);
/* Drop the rest of the statement, of which `token` was read last. */
void lex_skip(struct lex *lex, lex_kind token);

/* words.c: the token for a word: a keyword where it can be one, else IDENT. */
lex_kind lex_word(const struct lex *lex, const char *word, size_t length, uint32_t begin,
                  bool first, enum lex_break *breaks);
/* The declaration's keyword that a word may have been meant as, or NULL. */
const char *lex_nearest_keyword(const char *word);
/* Neither a value nor a closing bracket: a statement cannot end with it. */
bool lex_continues(lex_kind token);

#endif
