/* json.c - text to tree and back, and the places in the text. */
#include "base/json.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/json_tree.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* A flat walk over JSON text that skips the inside of strings. */
struct scan {
  const char *text;
  size_t size, at;
  unsigned line, depth;
};

/* Step over the string whose opening quote is at scan->at. */
static void skip_string(struct scan *scan) {
  for (scan->at++; scan->at < scan->size; scan->at++) {
    char c = scan->text[scan->at];
    if (c == '\\' && scan->at + 1 < scan->size)
      scan->at++;
    else if (c == '"')
      break;
    else if (c == '\n')
      scan->line++;
  }
  if (scan->at < scan->size)
    scan->at++;
}

/* Step over one character outside strings. */
static void step(struct scan *scan) {
  char c = scan->text[scan->at++];
  if (c == '{' || c == '[')
    scan->depth++;
  else if ((c == '}' || c == ']') && scan->depth > 0)
    scan->depth--;
  else if (c == '\n')
    scan->line++;
}

void json_place(const char *text, size_t at, unsigned *line, unsigned *column) {
  size_t begin = at;
  *line = 1;
  *column = 0;
  for (; begin > 0 && text[begin - 1] != '\n'; begin--)
    if (((unsigned char)text[begin - 1] & 0xc0) != 0x80)
      ++*column;
  while (begin > 0)
    if (text[--begin] == '\n')
      ++*line;
  if (*column == 0)
    *column = 1;
}

int json_parse(const char *name, const char *text, size_t size, unsigned max_depth,
               enum tfm_error_code code, json_t **out, struct tfm_error *err) {
  struct json_pull pull = {.name = name, .text = text, .end = size, .code = code, .err = err};
  return json_tree_read(&pull, max_depth, NULL, 0, out);
}

int json_read(const char *path, size_t limit, unsigned max_depth, enum tfm_error_code code,
              json_t **out, struct tfm_error *err) {
  struct file_bytes bytes;
  *out = NULL;
  if (file_read(path, limit, code, &bytes, err) != 0)
    return -1;
  int status = json_parse(path, bytes.data, bytes.size, max_depth, code, out, err);
  file_bytes_finish(&bytes);
  return status;
}

static void quote_char(struct buffer *buffer, const char *at, struct text_char c) {
  switch (c.code) {
  case -1:
    buffer_puts(buffer, "\xef\xbf\xbd");
    break;
  case '"':
    buffer_puts(buffer, "\\\"");
    break;
  case '\\':
    buffer_puts(buffer, "\\\\");
    break;
  case '\n':
    buffer_puts(buffer, "\\n");
    break;
  case '\t':
    buffer_puts(buffer, "\\t");
    break;
  case '\r':
    buffer_puts(buffer, "\\r");
    break;
  default:
    if (c.code < 0x20 || c.code == 0x7f)
      buffer_printf(buffer, "\\u%04x", (unsigned)c.code);
    else
      buffer_append(buffer, at, c.size);
  }
}

void json_quote(struct buffer *buffer, const char *text, size_t length) {
  buffer_putc(buffer, '"');
  for (size_t at = 0; at < length;) {
    struct text_char c = text_decode(text + at, length - at);
    quote_char(buffer, text + at, c);
    at += c.size;
  }
  buffer_putc(buffer, '"');
}

static void skip_space(struct scan *scan) {
  while (scan->at < scan->size && strchr(" \t\r\n", scan->text[scan->at]) != NULL &&
         scan->text[scan->at] != '\0')
    step(scan);
}

unsigned json_key_line(const char *text, size_t size, const char *key) {
  struct scan scan = {text, size, 0, 1, 0};
  size_t length = strlen(key);
  while (scan.at < size) {
    if (text[scan.at] != '"') {
      step(&scan);
      continue;
    }
    size_t begin = scan.at + 1;
    skip_string(&scan);
    bool same =
        scan.depth == 1 && scan.at - begin == length + 1 && memcmp(text + begin, key, length) == 0;
    skip_space(&scan);
    if (!same || scan.at >= size || text[scan.at] != ':')
      continue;
    step(&scan);
    skip_space(&scan);
    return scan.line;
  }
  return 0;
}
