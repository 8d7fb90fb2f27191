/* layout.c - where a statement ends, and where it goes on after a mistake.
 *
 *     raw      a = f ( x NEWLINE , y ) NEWLINE NEWLINE }
 *     given    a = f ( x         , y ) NEWLINE         }
 *
 * One token can be held back while another is put before it: a NEWLINE before
 * a `}`, a `}` that the text lacks before a declaration.  The held token then
 * comes through the same door again. */
#include "compiler/codes.h"
#include "compiler/lex.h"

static void hold(struct lex *lex, struct lex_token *token, lex_kind before) {
  lex->held = *token;
  lex->has_held = true;
  token->kind = before;
}

static bool statement_open(const struct lex *lex) {
  return lex->previous != TOKEN_NEWLINE && lex->previous != TOKEN_LBRACE &&
         lex->previous != TOKEN_START_FILE && lex->previous != TOKEN_START_SCHEMA;
}

static void open_brace(struct lex *lex, struct span span) {
  lex->nesting = 0;
  if (lex->braces < LEX_MAX_BRACES)
    lex->brace[lex->braces] = span;
  lex->braces++;
}

static void close_brace(struct lex *lex) {
  lex->nesting = 0;
  if (lex->braces > 0)
    lex->braces--;
}

static void report_open_brace(struct lex *lex, struct span at) {
  if (lex->braces > LEX_MAX_BRACES)
    return;
  struct diag_item *item = diag_report(lex->diag, DIAG_ERROR, CODE_BRACE,
                                       lex->brace[lex->braces - 1], "this `{` is never closed");
  if (at.begin < lex->size)
    diag_label(lex->diag, item, at, "a `}` is missing before this");
}

/* Forget open brackets, and put a NEWLINE before the token if one is due. */
static bool end_statement(struct lex *lex, struct lex_token *token) {
  lex->nesting = 0;
  if (!statement_open(lex))
    return false;
  hold(lex, token, TOKEN_NEWLINE);
  return true;
}

/* The end of the file, or a declaration in column 1: end what is open, one
 * token a time. */
static void close_all(struct lex *lex, struct lex_token *token) {
  if (end_statement(lex, token) || lex->braces == 0)
    return;
  report_open_brace(lex, token->span);
  hold(lex, token, TOKEN_RBRACE);
  close_brace(lex);
}

/* Sets what is to be given in place of the raw token; false = nothing. */
static bool arrange(struct lex *lex, struct lex_token *token) {
  switch (token->kind) {
  case TOKEN_NEWLINE:
    return !lex->schema && lex->nesting == 0 && statement_open(lex) &&
           !lex_continues(lex->previous);
  case TOKEN_LPAREN:
  case TOKEN_LBRACKET:
    lex->nesting++;
    return true;
  case TOKEN_RPAREN:
  case TOKEN_RBRACKET:
    if (lex->nesting > 0)
      lex->nesting--;
    return true;
  case TOKEN_LBRACE:
    open_brace(lex, token->span);
    return true;
  case TOKEN_RBRACE:
    if (!end_statement(lex, token))
      close_brace(lex);
    return true;
  case TOKEN_END:
    if (!lex->schema && !lex->failed)
      close_all(lex, token);
    return true;
  default:
    if (token->breaks == LEX_BREAKS_ALL)
      close_all(lex, token);
    else if (token->breaks == LEX_BREAKS_BRACKETS && lex->nesting > 0)
      end_statement(lex, token);
    return true;
  }
}

static void take(struct lex *lex, struct lex_token *token) {
  if (lex->has_held) {
    *token = lex->held;
    lex->has_held = false;
  } else {
    lex_scan(lex, token);
  }
}

static bool past_skipped(const struct lex *lex, lex_kind kind) {
  return kind == TOKEN_END || (kind == TOKEN_NEWLINE && lex->braces <= lex->skip_braces);
}

int parse_yylex(PARSE_YYSTYPE *value, PARSE_YYLTYPE *span, struct lex *lex) {
  struct lex_token token = {0};
  if (!lex->started) {
    lex->started = true;
    *span = (struct span){lex->source, 0, 0};
    return lex->previous = lex->schema ? TOKEN_START_SCHEMA : TOKEN_START_FILE;
  }
  for (;;) {
    take(lex, &token);
    if (!arrange(lex, &token))
      continue;
    lex->previous = token.kind;
    if (lex->headless && token.kind == TOKEN_LBRACE) {
      lex_skip(lex, token.kind);
      lex->swallow = true;
    }
    lex->headless = false;
    if (lex->skipping && !past_skipped(lex, token.kind))
      continue;
    lex->skipping = false;
    if (lex->swallow && token.kind == TOKEN_NEWLINE) {
      lex->swallow = false;
      continue;
    }
    if (token.kind == LEX_ERROR)
      lex_skip(lex, token.kind);
    *value = token.value;
    *span = token.span;
    return token.kind;
  }
}

void lex_skip(struct lex *lex, lex_kind token) {
  lex->headless = token == TOKEN_NEWLINE;
  if (token == TOKEN_NEWLINE || token == TOKEN_END)
    return;
  lex->skipping = true;
  lex->skip_braces = token == TOKEN_LBRACE && lex->braces > 0 ? lex->braces - 1 : lex->braces;
}
