/* words.c - which words are keywords, and where.
 *
 * A declaration's keyword is one only as the first word of a line, outside
 * all brackets and bodies, or in column 1: elsewhere `weight`, `input` and
 * `state` are names like any other, so that linear(x, weight: wte) needs no
 * quoting.  The words of statements and expressions are reserved, but after a
 * dot and before a colon even they are names: config.for, f(to: x). */
#include "compiler/lex.h"

#include <string.h>

enum word_kind {
  WORD_DECLARATION, /* followed by a name, or the like: see fits() */
  WORD_RESERVED
};

static const struct word {
  const char *text;
  lex_kind token;
  enum word_kind kind;
  char follows; /* DECLARATION: 'n' a name, '"' a string, '{' itself */
} words[] = {
    {"model", TOKEN_MODEL, WORD_DECLARATION, 'n'},
    {"library", TOKEN_LIBRARY, WORD_DECLARATION, 'n'},
    {"use", TOKEN_USE, WORD_DECLARATION, 'n'},
    {"import", TOKEN_IMPORT, WORD_DECLARATION, '"'},
    {"checkpoint", TOKEN_CHECKPOINT, WORD_DECLARATION, '"'},
    {"param", TOKEN_PARAM, WORD_DECLARATION, 'n'},
    {"dim", TOKEN_DIM, WORD_DECLARATION, 'n'},
    {"input", TOKEN_INPUT, WORD_DECLARATION, 'n'},
    {"state", TOKEN_STATE, WORD_DECLARATION, 'n'},
    {"config", TOKEN_CONFIG, WORD_DECLARATION, '{'},
    {"weights", TOKEN_WEIGHTS, WORD_DECLARATION, '{'},
    {"weight", TOKEN_WEIGHT, WORD_DECLARATION, 'n'},
    {"block", TOKEN_BLOCK, WORD_DECLARATION, 'n'},
    {"graph", TOKEN_GRAPH, WORD_DECLARATION, 'n'},
    {"head", TOKEN_HEAD, WORD_DECLARATION, 'n'},
    {"assert", TOKEN_ASSERT, WORD_RESERVED, 0},
    {"for", TOKEN_FOR, WORD_RESERVED, 0},
    {"as", TOKEN_AS, WORD_RESERVED, 0},
    {"to", TOKEN_TO, WORD_RESERVED, 0},
    {"rename", TOKEN_RENAME, WORD_RESERVED, 0},
    {"ignore", TOKEN_IGNORE, WORD_RESERVED, 0},
    {"repeat", TOKEN_REPEAT, WORD_RESERVED, 0},
    {"return", TOKEN_RETURN, WORD_RESERVED, 0},
    {"if", TOKEN_IF, WORD_RESERVED, 0},
    {"then", TOKEN_THEN, WORD_RESERVED, 0},
    {"else", TOKEN_ELSE, WORD_RESERVED, 0},
    {"true", TOKEN_TRUE, WORD_RESERVED, 0},
    {"false", TOKEN_FALSE, WORD_RESERVED, 0},
    {"none", TOKEN_NONE, WORD_RESERVED, 0},
    {"and", TOKEN_AND, WORD_RESERVED, 0},
    {"or", TOKEN_OR, WORD_RESERVED, 0},
    {"not", TOKEN_NOT, WORD_RESERVED, 0},
    {"in", TOKEN_IN, WORD_RESERVED, 0},
    {"_", TOKEN_ANY, WORD_RESERVED, 0},
};
enum { WORD_COUNT = sizeof words / sizeof words[0] };

static const struct word *find(const char *text, size_t length) {
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (strlen(words[i].text) == length && memcmp(words[i].text, text, length) == 0)
      return &words[i];
  return NULL;
}

/* The first character after blanks; 0 at the end. */
static char next_character(const struct lex *lex, size_t at) {
  while (at < lex->size && (lex->text[at] == ' ' || lex->text[at] == '\t'))
    at++;
  return at < lex->size ? lex->text[at] : '\0';
}

static bool starts_name(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether what follows looks like this declaration: in the middle of a body
 * no statement does, for two names never stand side by side. */
static bool fits(const struct word *word, char next) {
  return word->follows == 'n' ? starts_name(next) : next == word->follows;
}

static bool in_column_one(const struct lex *lex, uint32_t begin) {
  return begin == 0 || lex->text[begin - 1] == '\n';
}

/* In a schema the words of files mean nothing, and four others do. */
static lex_kind schema_word(const struct lex *lex, const char *text, size_t length) {
  if (length == 2 && memcmp(text, "op", 2) == 0 && lex->previous == TOKEN_START_SCHEMA)
    return TOKEN_OP;
  if (length == 4 && memcmp(text, "taps", 4) == 0)
    return TOKEN_TAPS;
  if (length == 5 && memcmp(text, "where", 5) == 0)
    return TOKEN_WHERE;
  if (length == 5 && memcmp(text, "fuses", 5) == 0)
    return TOKEN_FUSES;
  return TOKEN_IDENT;
}

/* `name =`, after something that could end a statement. */
static bool starts_assignment(const struct lex *lex, size_t end) {
  while (end < lex->size && (lex->text[end] == ' ' || lex->text[end] == '\t'))
    end++;
  return end + 1 < lex->size && lex->text[end] == '=' && lex->text[end + 1] != '=' &&
         !lex_continues(lex->previous);
}

lex_kind lex_word(const struct lex *lex, const char *text, size_t length, uint32_t begin,
                  bool first, enum lex_break *breaks) {
  *breaks = LEX_BREAKS_NOTHING;
  const struct word *word = find(text, length);
  if (begin == 0 && length == 3 && memcmp(text, "tfm", 3) == 0 && !lex->schema)
    return TOKEN_TFM;
  char next = next_character(lex, begin + length);
  if (lex->previous == TOKEN_DOT || (next == ':' && (word == NULL || word->token != TOKEN_ANY)))
    return TOKEN_IDENT;
  if (first && lex->braces > 0 && starts_assignment(lex, begin + length))
    *breaks = LEX_BREAKS_BRACKETS;
  if (word == NULL || (lex->schema && (word->kind == WORD_DECLARATION || word->token == TOKEN_IN)))
    return lex->schema ? schema_word(lex, text, length) : TOKEN_IDENT;
  if (word->kind == WORD_RESERVED) {
    if (first && (word->token == TOKEN_RETURN || word->token == TOKEN_REPEAT))
      *breaks = LEX_BREAKS_BRACKETS;
    return word->token;
  }
  bool outside = lex->nesting == 0 && lex->braces == 0;
  if (in_column_one(lex, begin) && fits(word, next))
    *breaks = LEX_BREAKS_ALL;
  if (word->token == TOKEN_CONFIG && !fits(word, next))
    return TOKEN_IDENT; /* a long line goes on with config.x */
  return *breaks == LEX_BREAKS_ALL || (first && outside) ? word->token : TOKEN_IDENT;
}

const char *lex_nearest_keyword(const char *text) {
  const char *candidate[WORD_COUNT];
  size_t count = 0;
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (words[i].kind == WORD_DECLARATION)
      candidate[count++] = words[i].text;
  return diag_nearest(text, candidate, count);
}

bool lex_continues(lex_kind token) {
  switch (token) {
  case TOKEN_LPAREN:
  case TOKEN_LBRACKET:
  case TOKEN_LBRACE:
  case TOKEN_COMMA:
  case TOKEN_COLON:
  case TOKEN_SEMICOLON:
  case TOKEN_DOT:
  case TOKEN_ASSIGN:
  case TOKEN_ARROW:
  case TOKEN_IF:
  case TOKEN_THEN:
  case TOKEN_ELSE:
  case TOKEN_OR:
  case TOKEN_AND:
  case TOKEN_NOT:
  case TOKEN_EQ:
  case TOKEN_NE:
  case TOKEN_LT:
  case TOKEN_LE:
  case TOKEN_GT:
  case TOKEN_GE:
  case TOKEN_COALESCE:
  case TOKEN_PIPE:
  case TOKEN_AMPERSAND:
  case TOKEN_PLUS:
  case TOKEN_MINUS:
  case TOKEN_IN:
  case TOKEN_STAR:
  case TOKEN_SLASH:
  case TOKEN_REMAINDER:
  case TOKEN_QUOTIENT:
  case TOKEN_POWER:
    return true;
  default:
    return false;
  }
}
