/* format.c - print a file the one way it is written.
 *
 * Works on tokens and comments, not on the tree: nothing is added, dropped or
 * moved but blanks.  What is chosen is where lines break and how far they are
 * indented:
 *
 *   - a statement starts a line, two blanks for each body around it;
 *   - inside a statement lines break where they did, two blanks further in;
 *   - a body of one statement that stood on its header's line stays there if
 *     all of it fits in 100 columns;
 *   - at most one blank line, none at the edge of a body;
 *   - adjacent `input` lines have their types and sources in columns. */
#include "compiler/format.h"

#include "compiler/lex.h"
#include "compiler/source.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT_COLUMNS = 100, FORMAT_INDENT = 2 };

struct item {
  lex_kind kind; /* 0 = a comment */
  struct span span;
  bool starts;  /* a statement, a declaration, or the } of a body */
  bool alone;   /* a comment: nothing before it in its line */
  bool unary;   /* a minus */
  bool breaks;  /* stands first in its line of the output */
  bool flat;    /* a { or } of a body that stays in its line */
  size_t close; /* of a {: its } */
  unsigned pad; /* blanks besides the usual */
};

struct format {
  const char *text;
  struct item *item; /* owned */
  size_t count, capacity;
  struct buffer *out;
};

/* ------------------------------------------------------------------ the items */

static bool add_item(struct format *format, const struct item *item) {
  if (format->count == format->capacity) {
    size_t capacity = format->capacity == 0 ? 256 : format->capacity * 2;
    struct item *grown = realloc(format->item, capacity * sizeof *grown);
    if (grown == NULL)
      return false;
    format->item = grown;
    format->capacity = capacity;
  }
  format->item[format->count++] = *item;
  return true;
}

static bool ends_operand(lex_kind kind) {
  switch (kind) {
  case TOKEN_IDENT:
  case TOKEN_STRING:
  case TOKEN_INT:
  case TOKEN_REAL:
  case TOKEN_TRUE:
  case TOKEN_FALSE:
  case TOKEN_NONE:
  case TOKEN_RPAREN:
  case TOKEN_RBRACKET:
  case TOKEN_PATH_NAME:
  case TOKEN_PATH_STAR:
  case TOKEN_PATH_CLOSE:
    return true;
  default:
    return false;
  }
}

/* Comments before offset end, from *next on. */
static bool add_comments(struct format *format, const struct ast_comment **next, uint32_t end) {
  for (; *next != NULL && (*next)->span.begin < end; *next = (*next)->next) {
    struct item item = {.span = (*next)->span, .alone = (*next)->alone};
    while (format->text[item.span.end - 1] == ' ' || format->text[item.span.end - 1] == '\t')
      item.span.end--;
    if (!add_item(format, &item))
      return false;
  }
  return true;
}

/* All tokens and comments in their order, without newlines. */
static bool gather(struct format *format, struct lex *lex, const struct ast_comment *comments) {
  struct item item = {0};
  lex_kind previous = TOKEN_NEWLINE;
  for (;;) {
    PARSE_YYSTYPE value;
    item.kind = parse_yylex(&value, &item.span, lex);
    if (item.kind == TOKEN_END)
      return !lex->failed && add_comments(format, &comments, UINT32_MAX);
    if (item.kind == TOKEN_START_FILE)
      continue;
    if (item.kind != TOKEN_NEWLINE) {
      item.starts =
          previous == TOKEN_NEWLINE || previous == TOKEN_LBRACE || item.kind == TOKEN_RBRACE;
      item.unary = item.kind == TOKEN_MINUS && !ends_operand(previous);
      if (!add_comments(format, &comments, item.span.begin) || !add_item(format, &item))
        return false;
    }
    previous = item.kind;
  }
}

/* Pair the braces, which match: the file was parsed.  A comment starts what the
 * token after it starts. */
static bool pair(struct format *format) {
  size_t *close = malloc((format->count + 1) * sizeof *close), depth = 0;
  bool starts = true;
  if (close == NULL)
    return false;
  for (size_t i = format->count; i-- > 0;) {
    struct item *item = &format->item[i];
    if (item->kind == 0)
      item->starts = starts;
    starts = item->starts;
    if (item->kind == TOKEN_RBRACE)
      close[depth++] = i;
    else if (item->kind == TOKEN_LBRACE && depth > 0)
      item->close = close[--depth];
  }
  free(close);
  return true;
}

/* ------------------------------------------------------------------ spacing */

static unsigned blanks_before(const struct format *format, size_t i) {
  const struct item *previous = &format->item[i - 1], *item = &format->item[i];
  if (item->kind == 0)
    return 2;
  switch (previous->kind) {
  case TOKEN_LPAREN:
  case TOKEN_LBRACKET:
  case TOKEN_DOT:
  case TOKEN_AT:
  case TOKEN_PATH_DOT:
  case TOKEN_PATH_OPEN:
    return 0;
  case TOKEN_MINUS:
    if (previous->unary)
      return 0;
    break;
  default:
    break;
  }
  switch (item->kind) {
  case TOKEN_RPAREN:
  case TOKEN_RBRACKET:
  case TOKEN_COMMA:
  case TOKEN_COLON:
  case TOKEN_PATH_NAME:
  case TOKEN_PATH_DOT:
  case TOKEN_PATH_STAR:
  case TOKEN_PATH_OPEN:
  case TOKEN_PATH_CLOSE:
    return 0;
  case TOKEN_LPAREN:
  case TOKEN_LBRACKET:
    return ends_operand(previous->kind) ? 0 : 1;
  case TOKEN_DOT: /* after a number or a path it would become part of it */
    return previous->kind == TOKEN_IDENT || previous->kind == TOKEN_RPAREN ||
                   previous->kind == TOKEN_RBRACKET
               ? 0
               : 1;
  default:
    return 1;
  }
}

static size_t size_of(const struct item *item) {
  return item->span.end - item->span.begin;
}

/* Columns of items [from, to] in one line. */
static size_t width(const struct format *format, size_t from, size_t to) {
  size_t columns = size_of(&format->item[from]);
  for (size_t i = from + 1; i <= to; i++)
    columns += blanks_before(format, i) + format->item[i].pad + size_of(&format->item[i]);
  return columns;
}

static unsigned lines_between(const struct format *format, uint32_t from, uint32_t to) {
  unsigned lines = 0;
  for (uint32_t i = from; i < to; i++)
    lines += format->text[i] == '\n';
  return lines;
}

static unsigned lines_before(const struct format *format, size_t i) {
  return i == 0 ? 0
                : lines_between(format, format->item[i - 1].span.end, format->item[i].span.begin);
}

/* ------------------------------------------------------------ input columns */

/* The items of one `input NAME: TYPE = source` line. */
struct input_line {
  size_t first, type, assign, last;
};

static bool input_line(const struct format *format, size_t first, struct input_line *line) {
  if (first >= format->count || format->item[first].kind != TOKEN_INPUT)
    return false;
  *line = (struct input_line){.first = first, .type = first + 3};
  size_t i = first + 1;
  for (; i < format->count && !format->item[i].starts; i++) {
    if (format->item[i].kind == 0 || lines_before(format, i) > 0)
      return false;
    if (format->item[i].kind == TOKEN_ASSIGN)
      line->assign = i;
  }
  line->last = i - 1;
  return line->assign > line->type;
}

static bool next_input(const struct format *format, const struct input_line *line,
                       struct input_line *next) {
  size_t i = line->last + 1;
  if (i < format->count && format->item[i].kind == 0 && !format->item[i].alone)
    i++;
  return input_line(format, i, next) && lines_before(format, i) == 1;
}

static void measure(const struct format *format, const struct input_line *line, size_t *name,
                    size_t *type) {
  *name = width(format, line->first, line->type - 1);
  *type = width(format, line->type, line->assign - 1);
}

/* Pad a run of adjacent input lines that begins at item i; returns its last. */
static size_t align_run(struct format *format, size_t i) {
  struct input_line line, first;
  size_t name, type, names = 0, types = 0;
  if (!input_line(format, i, &first))
    return i;
  line = first;
  do {
    measure(format, &line, &name, &type);
    names = name > names ? name : names;
    types = type > types ? type : types;
  } while (next_input(format, &line, &line));
  line = first;
  do {
    measure(format, &line, &name, &type);
    format->item[line.type].pad = (unsigned)(names - name);
    format->item[line.assign].pad = (unsigned)(types - type);
    i = line.last;
  } while (next_input(format, &line, &line));
  return i;
}

static void align_inputs(struct format *format) {
  for (size_t i = 0; i < format->count; i++)
    i = align_run(format, i);
}

/* -------------------------------------------------------------------- lines */

/* The indentation of a line that begins with item i, `depth` bodies deep. */
static unsigned indent_of(const struct format *format, size_t i, unsigned depth) {
  const struct item *item = &format->item[i];
  if (item->kind == TOKEN_RBRACE && depth > 0)
    depth--;
  if (!item->starts && item->kind != TOKEN_RPAREN && item->kind != TOKEN_RBRACKET)
    depth++;
  return depth * FORMAT_INDENT;
}

/* Whether the body opened by item i stays in its line, which begins with item
 * `line`: one statement, no body in it, as it was written, and no wider than
 * fits. */
static bool stays_flat(const struct format *format, size_t i, size_t line, unsigned depth) {
  size_t close = format->item[i].close, statements = 0;
  if (lines_between(format, format->item[i].span.end, format->item[close].span.begin) > 0)
    return false;
  for (size_t k = i + 1; k < close; k++) {
    statements += format->item[k].starts;
    if (format->item[k].kind == TOKEN_LBRACE)
      return false;
  }
  return statements <= 1 &&
         indent_of(format, line, depth) + width(format, line, close) <= FORMAT_COLUMNS;
}

static bool breaks_before(const struct format *format, size_t i) {
  const struct item *previous = &format->item[i - 1], *item = &format->item[i];
  if (previous->kind == 0)
    return true;
  if (item->kind == 0)
    return item->alone;
  if (item->starts)
    return !(previous->flat && previous->kind == TOKEN_LBRACE) && !item->flat;
  return lines_before(format, i) > 0;
}

/* A blank line is kept between statements and around comments of their own. */
static bool blank_before(const struct format *format, size_t i) {
  const struct item *previous = &format->item[i - 1], *item = &format->item[i];
  return item->starts && lines_before(format, i) > 1 && previous->kind != TOKEN_LBRACE &&
         item->kind != TOKEN_RBRACE;
}

static void put_blanks(struct buffer *out, size_t count) {
  while (count-- > 0)
    buffer_putc(out, ' ');
}

static void put_items(struct format *format) {
  unsigned depth = 0;
  size_t line = 0;
  for (size_t i = 0; i < format->count; i++) {
    struct item *item = &format->item[i];
    item->breaks = i > 0 && breaks_before(format, i);
    if (item->breaks) {
      buffer_puts(format->out, blank_before(format, i) ? "\n\n" : "\n");
      put_blanks(format->out, indent_of(format, i, depth));
      line = i;
    } else if (i > 0) {
      put_blanks(format->out, blanks_before(format, i) + item->pad);
    }
    buffer_append(format->out, format->text + item->span.begin, size_of(item));
    if (item->kind == TOKEN_LBRACE) {
      item->flat = stays_flat(format, i, line, depth);
      format->item[item->close].flat = item->flat;
      depth += !item->flat;
    } else if (item->kind == TOKEN_RBRACE && !item->flat && depth > 0) {
      depth--;
    }
  }
  buffer_putc(format->out, '\n');
}

bool format_file(struct arena *arena, struct diag *diag, const struct ast_file *file,
                 struct buffer *out) {
  struct format format = {.text = diag->sources[file->source].text, .out = out};
  struct lex lex;
  bool sound = false;
  if (lex_open(&lex, arena, diag, file->source, false)) {
    sound = gather(&format, &lex, file->comments) && pair(&format);
    if (sound) {
      align_inputs(&format);
      put_items(&format);
    }
    lex_close(&lex);
  }
  free(format.item);
  return sound && !out->failed;
}
