/* text_read.c - the small pieces of a graph's text. */
#include "graph/text_read.h"

#include "graph/attr.h"

#include "base/json_pull.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ATTR_DEPTH = 64 };

int text_fail(struct reader *r, const char *what) {
  return error_set(r->err, TFM_ERROR_MODEL, "%s:%u: %s", r->name, r->line, what);
}

void text_skip(struct reader *r) {
  while (r->at < r->end && *r->at == ' ')
    r->at++;
}

bool text_take(struct reader *r, const char *text) {
  text_skip(r);
  size_t length = strlen(text);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0)
    return false;
  r->at += length;
  return true;
}

int text_expect(struct reader *r, const char *text) {
  if (text_take(r, text))
    return 0;
  return error_set(r->err, TFM_ERROR_MODEL, "%s:%u: expected `%s`", r->name, r->line, text);
}

bool text_line_ends(struct reader *r) {
  text_skip(r);
  return r->at == r->end || *r->at == '\n';
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The string text[0..size), quotes included; NULL: it is none, or there is no memory. */
static const char *read_string(struct reader *r, const char *text, size_t size) {
  struct json_pull pull = {.name = r->name, .text = text, .end = size, .code = TFM_ERROR_MODEL};
  const char *string = NULL;
  size_t length;
  char *room = malloc(size + JSON_PULL_SLACK);
  if (room == NULL) {
    error_oom(r->err);
  } else if (json_pull_string(&pull, room, &length) != 0) {
    text_fail(r, "a malformed string");
  } else if ((string = arena_strndup(&r->graph->arena, room, length)) == NULL) {
    error_oom(r->err);
  }
  free(room);
  return string;
}

const char *text_string(struct reader *r) {
  const char *begin = r->at;
  for (r->at++; r->at < r->end && *r->at != '"' && *r->at != '\n'; r->at++)
    if (*r->at == '\\' && r->at + 1 < r->end)
      r->at++;
  if (r->at >= r->end || *r->at != '"') {
    text_fail(r, "a string without its closing quote");
    return NULL;
  }
  r->at++;
  return read_string(r, begin, (size_t)(r->at - begin));
}

const char *text_bare(struct reader *r, const char *more) {
  text_skip(r);
  const char *begin = r->at;
  while (r->at < r->end && *r->at != '\0' && (is_letter(*r->at) || strchr(more, *r->at) != NULL))
    r->at++;
  if (r->at == begin) {
    text_fail(r, "expected a name");
    return NULL;
  }
  const char *text = arena_strndup(&r->graph->arena, begin, (size_t)(r->at - begin));
  if (text == NULL)
    error_oom(r->err);
  return text;
}

const char *text_word(struct reader *r, const char *more) {
  text_skip(r);
  return r->at < r->end && *r->at == '"' ? text_string(r) : text_bare(r, more);
}

const char *text_name(struct reader *r) {
  return text_word(r, "_.:#[]{}-");
}

/* The number at the cursor as text; strtoll and strtod want an end. */
static size_t number_text(struct reader *r, char text[64]) {
  text_skip(r);
  size_t n = 0;
  while (n < 63 && r->at + n < r->end && r->at[n] != '\0' &&
         (is_letter(r->at[n]) || strchr("+-.", r->at[n]) != NULL))
    n++;
  memcpy(text, r->at, n);
  text[n] = '\0';
  return n;
}

int text_integer(struct reader *r, int64_t least, int64_t most, int64_t *out) {
  char text[64], *stop;
  number_text(r, text);
  errno = 0;
  long long value = strtoll(text, &stop, 10);
  if (stop == text || errno != 0 || value < least || value > most)
    return text_fail(r, "expected a number");
  r->at += stop - text;
  *out = value;
  return 0;
}

int text_u32(struct reader *r, uint32_t *out) {
  int64_t value;
  if (text_integer(r, 0, UINT32_MAX, &value) != 0)
    return -1;
  *out = (uint32_t)value;
  return 0;
}

/* ------------------------------------------------------------------- types */

static int read_factor(struct reader *r, struct dim *out) {
  text_skip(r);
  if (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
    int64_t value;
    if (text_integer(r, 0, INT64_MAX, &value) != 0)
      return -1;
    *out = dim_number(value);
    return 0;
  }
  const char *name = text_bare(r, "");
  if (name == NULL)
    return -1;
  for (uint32_t i = 0; i < r->build.count[BUILD_DIM]; i++) {
    if (strcmp(r->build.dim[i].name, name) == 0) {
      *out = dim_variable(i);
      return 0;
    }
  }
  return text_fail(r, "an unknown run-time dimension");
}

static int read_term(struct reader *r, struct dim *out) {
  if (read_factor(r, out) != 0)
    return -1;
  while (text_take(r, "*")) {
    struct dim factor;
    if (read_factor(r, &factor) != 0)
      return -1;
    if (!dim_mul(out, &factor, out))
      return text_fail(r, "a dimension that is too large");
  }
  return 0;
}

static int read_dim(struct reader *r, struct dim *out) {
  bool negative = text_take(r, "-");
  *out = dim_number(0);
  for (;;) {
    struct dim term;
    if (read_term(r, &term) != 0)
      return -1;
    if (!(negative ? dim_sub(out, &term, out) : dim_add(out, &term, out)))
      return text_fail(r, "a dimension that is too large");
    if (text_take(r, "+"))
      negative = false;
    else if (text_take(r, "-"))
      negative = true;
    else
      return 0;
  }
}

int text_dtype(struct reader *r, enum dtype *out) {
  const char *name = text_bare(r, "");
  if (name == NULL)
    return -1;
  *out = strcmp(name, "f") == 0 ? DTYPE_NONE : dtype_from_name(name);
  if (*out == DTYPE_NONE && strcmp(name, "f") != 0)
    return text_fail(r, "an unknown element type");
  return 0;
}

int text_type(struct reader *r, struct type *out) {
  *out = (struct type){0};
  if (text_dtype(r, &out->dtype) != 0)
    return -1;
  if (out->dtype == DTYPE_MASK)
    return 0;
  if (text_expect(r, "[") != 0)
    return -1;
  if (text_take(r, "]"))
    return 0;
  do {
    if (out->rank == TFM_MAX_RANK)
      return text_fail(r, "too many dimensions");
    if (read_dim(r, &out->shape[out->rank++]) != 0)
      return -1;
  } while (text_take(r, ","));
  if (out->dtype == DTYPE_KV && out->rank == 1)
    out->shape[out->rank++] = out->shape[0];
  return text_expect(r, "]");
}

/* -------------------------------------------------------------- attributes */

static int read_attr_value(struct reader *r, tfm_attr *out, unsigned depth);

int text_attrs(struct reader *r, const char *close, bool named, const tfm_attr *const **out,
               uint32_t *count, unsigned depth) {
  tfm_attr *list = NULL;
  uint32_t n = 0, room = 0;
  int status = 0;
  bool more = !text_take(r, close);
  while (status == 0 && more) {
    if (n == room) {
      room = room == 0 ? 8 : room * 2;
      tfm_attr *grown = realloc(list, room * sizeof *list);
      if (grown == NULL) {
        status = error_oom(r->err);
        break;
      }
      list = grown;
    }
    tfm_attr *attr = &list[n++];
    *attr = (tfm_attr){.name = ""};
    if (named && ((attr->name = text_word(r, "_")) == NULL || text_expect(r, ":") != 0))
      status = -1;
    else
      status = read_attr_value(r, attr, depth + 1);
    if (status == 0 && !text_take(r, ",")) {
      status = text_expect(r, close);
      more = false;
    }
  }
  if (status == 0 && n > 0) {
    tfm_attr *kept = attr_alloc(&r->graph->arena, n, out);
    if (kept == NULL)
      status = error_oom(r->err);
    else
      memcpy(kept, list, n * sizeof *kept);
  }
  *count = n;
  free(list);
  return status;
}

static int read_number_attr(struct reader *r, tfm_attr *out) {
  char text[64], *stop;
  number_text(r, text);
  errno = 0;
  long long integer = strtoll(text, &stop, 10);
  if (stop != text && *stop == '\0' && errno == 0) {
    out->kind = TFM_ATTR_INT;
    out->integer = integer;
    out->real = (double)integer;
  } else {
    out->kind = TFM_ATTR_REAL;
    out->real = strtod(text, &stop);
    if (stop == text)
      return text_fail(r, "expected a value");
  }
  r->at += stop - text;
  return 0;
}

static int read_attr_value(struct reader *r, tfm_attr *out, unsigned depth) {
  if (depth > ATTR_DEPTH)
    return text_fail(r, "an attribute is nested too deep");
  text_skip(r);
  if (r->at < r->end && *r->at == '"') {
    out->kind = TFM_ATTR_STR;
    out->text = text_string(r);
    return out->text == NULL ? -1 : 0;
  }
  if (text_take(r, "[")) {
    out->kind = TFM_ATTR_LIST;
    return text_attrs(r, "]", false, &out->item, &out->count, depth);
  }
  if (text_take(r, "{")) {
    out->kind = TFM_ATTR_OBJECT;
    return text_attrs(r, "}", true, &out->item, &out->count, depth);
  }
  out->kind = TFM_ATTR_BOOL;
  out->integer = 1;
  if (text_take(r, "true"))
    return 0;
  out->integer = 0;
  if (text_take(r, "false"))
    return 0;
  out->kind = TFM_ATTR_NONE;
  if (text_take(r, "none"))
    return 0;
  return read_number_attr(r, out);
}
