/* cell.c - unification of dimensions: a union-find whose links carry a ratio. */
#include "compiler/cell.h"

#include "base/checked.h"

#include <string.h>

struct cell *cell_free(struct arena *arena, const struct origin *origin) {
  struct cell *cell = arena_alloc(arena, sizeof *cell);
  if (cell != NULL)
    cell->origin = origin;
  return cell;
}

struct cell *cell_known(struct arena *arena, const struct dim *dim, const struct origin *origin) {
  struct cell *cell = cell_free(arena, origin);
  if (cell != NULL) {
    cell->kind = CELL_KNOWN;
    cell->known = *dim;
  }
  return cell;
}

struct cell *cell_number(struct arena *arena, int64_t value, const struct origin *origin) {
  struct dim dim = dim_number(value);
  return cell_known(arena, &dim, origin);
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/* Both ratios are of positive numbers. */
static bool ratio_times(int64_t *multiply, int64_t *divide, int64_t by, int64_t over) {
  int64_t left = gcd(*multiply, over), right = gcd(by, *divide);
  if (!checked_mul_i64(*multiply / left, by / right, multiply) ||
      !checked_mul_i64(*divide / right, over / left, divide))
    return false;
  return true;
}

/* Point past a link that is followed by another: chains stay short however often
 * cells are made equal.  A ratio that would overflow leaves all as it is. */
static void shorten(struct cell *cell) {
  const struct cell *next = cell->target;
  int64_t multiply = cell->multiply, divide = cell->divide;
  if (next->kind != CELL_LINK || !ratio_times(&multiply, &divide, next->multiply, next->divide))
    return;
  cell->target = next->target;
  cell->multiply = multiply;
  cell->divide = divide;
}

/* The end of the links, and this = root * multiply / divide. */
static struct cell *find(struct cell *cell, int64_t *multiply, int64_t *divide) {
  *multiply = *divide = 1;
  while (cell->kind == CELL_LINK) {
    shorten(cell);
    if (!ratio_times(multiply, divide, cell->multiply, cell->divide))
      return NULL;
    cell = cell->target;
  }
  return cell;
}

static enum cell_status scale(const struct dim *dim, int64_t multiply, int64_t divide,
                              struct dim *out) {
  struct dim by = dim_number(multiply), over = dim_number(divide), product;
  if (!dim_mul(dim, &by, &product))
    return CELL_TOO_LARGE;
  return dim_div(&product, &over, out) ? CELL_OK : CELL_INEXACT;
}

bool cell_value(const struct cell *cell, struct dim *out) {
  int64_t multiply, divide;
  const struct cell *root = find((struct cell *)cell, &multiply, &divide);
  if (root == NULL || root->kind != CELL_KNOWN)
    return false;
  return scale(&root->known, multiply, divide, out) == CELL_OK;
}

bool cell_is_number(const struct cell *cell, int64_t number) {
  struct dim dim;
  int64_t value;
  return cell_value(cell, &dim) && dim_is_number(&dim, &value) && value == number;
}

/* free * multiply / divide = value */
static enum cell_status settle(struct cell *root, int64_t multiply, int64_t divide,
                               const struct cell *value, const struct dim *known) {
  struct dim settled;
  enum cell_status status = scale(known, divide, multiply, &settled);
  if (status != CELL_OK)
    return status;
  root->kind = CELL_KNOWN;
  root->known = settled;
  if (value->origin != NULL && multiply == 1 && divide == 1)
    root->origin = value->origin;
  return CELL_OK;
}

enum cell_status cell_unify(struct cell *a, struct cell *b) {
  int64_t am, ad, bm, bd;
  struct cell *x = find(a, &am, &ad), *y = find(b, &bm, &bd);
  struct dim known_a, known_b;
  if (x == NULL || y == NULL)
    return CELL_TOO_LARGE;
  bool has_a = cell_value(a, &known_a), has_b = cell_value(b, &known_b);
  if (x->kind == CELL_KNOWN && y->kind == CELL_KNOWN) {
    if (!has_a || !has_b)
      return CELL_INEXACT;
    return dim_equal(&known_a, &known_b) ? CELL_OK : CELL_DIFFERENT;
  }
  if (x->kind == CELL_KNOWN)
    return has_a ? settle(y, bm, bd, a, &known_a) : CELL_INEXACT;
  if (y->kind == CELL_KNOWN)
    return has_b ? settle(x, am, ad, b, &known_b) : CELL_INEXACT;
  if (x == y) /* n * p = n * q holds for n = 0 alone when p and q differ */
    return am == bm && ad == bd ? CELL_OK : CELL_DIFFERENT;
  /* x * am/ad = y * bm/bd */
  if (!ratio_times(&bm, &bd, ad, am))
    return CELL_TOO_LARGE;
  x->kind = CELL_LINK;
  x->target = y;
  x->multiply = bm;
  x->divide = bd;
  return CELL_OK;
}

static enum cell_status compute_known(enum cell_op op, const struct dim *a, const struct dim *b,
                                      struct dim *out) {
  switch (op) {
  case CELL_ADD:
    return dim_add(a, b, out) ? CELL_OK : CELL_TOO_LARGE;
  case CELL_SUB:
    return dim_sub(a, b, out) ? CELL_OK : CELL_TOO_LARGE;
  case CELL_MUL:
    return dim_mul(a, b, out) ? CELL_OK : CELL_TOO_LARGE;
  case CELL_DIV:
    break;
  }
  return dim_div(a, b, out) ? CELL_OK : CELL_INEXACT;
}

/* free op number, as a link */
static enum cell_status compute_link(struct arena *arena, enum cell_op op, struct cell *a,
                                     const struct dim *b, const struct origin *origin,
                                     struct cell **out) {
  int64_t number;
  if ((op != CELL_MUL && op != CELL_DIV) || !dim_is_number(b, &number))
    return CELL_UNKNOWN;
  if (number <= 0)
    return CELL_INEXACT;
  struct cell *cell = cell_free(arena, origin);
  if (cell != NULL) {
    cell->kind = CELL_LINK;
    cell->target = a;
    cell->multiply = op == CELL_MUL ? number : 1;
    cell->divide = op == CELL_MUL ? 1 : number;
  }
  *out = cell;
  return CELL_OK;
}

enum cell_status cell_compute(struct arena *arena, enum cell_op op, struct cell *a, struct cell *b,
                              const struct origin *origin, struct cell **out) {
  struct dim known_a, known_b, result;
  bool has_a = cell_value(a, &known_a), has_b = cell_value(b, &known_b);
  *out = NULL;
  if (!has_a && has_b)
    return compute_link(arena, op, a, &known_b, origin, out);
  if (has_a && !has_b && op == CELL_MUL)
    return compute_link(arena, op, b, &known_a, origin, out);
  if (!has_a || !has_b)
    return CELL_UNKNOWN;
  enum cell_status status = compute_known(op, &known_a, &known_b, &result);
  if (status == CELL_OK)
    *out = cell_known(arena, &result, origin);
  return status;
}

void cell_print(const struct cell *cell, const char *const *dim_names, struct buffer *out) {
  struct dim known;
  if (cell != NULL && cell_value(cell, &known))
    dim_print(&known, dim_names, out);
  else
    buffer_putc(out, '?');
}

/* The same dim, or both not known. */
static bool look_alike(const struct cell *a, const struct cell *b) {
  struct dim left, right;
  bool known = cell_value(a, &left);
  return known == cell_value(b, &right) && (!known || dim_equal(&left, &right));
}

void ctype_print(const struct ctype *type, const char *const *dim_names, struct buffer *out) {
  if (type->dtype != DTYPE_NONE)
    buffer_puts(out, dtype_name(type->dtype));
  if (type->dtype == DTYPE_MASK)
    return;
  bool once = type->dtype == DTYPE_KV && look_alike(type->shape[0], type->shape[1]);
  buffer_putc(out, '[');
  for (uint32_t i = 0; i < (once ? 1 : type->rank); i++) {
    buffer_puts(out, i > 0 ? "," : "");
    cell_print(type->shape[i], dim_names, out);
  }
  buffer_putc(out, ']');
}

/* The source text of a short span; nothing for a long one or one of several lines. */
static void print_text(const struct diag *diag, struct span span, struct buffer *out) {
  enum { LONGEST = 60 };
  if (span.source >= diag->source_count || span.end - span.begin > LONGEST)
    return;
  const char *text = diag->sources[span.source].text + span.begin;
  size_t length = span.end - span.begin;
  if (memchr(text, '\n', length) != NULL)
    return;
  buffer_putc(out, '`');
  buffer_append(out, text, length);
  buffer_putc(out, '`');
}

/* "config.json:14 `n_embd`"; the line is that of the outermost key. */
static void print_config(const struct origin *origin, struct buffer *out) {
  char key[128];
  size_t length = strcspn(origin->name, ".");
  unsigned line = 0;
  if (length < sizeof key && origin->json->text != NULL) {
    memcpy(key, origin->name, length);
    key[length] = '\0';
    line = json_key_line(origin->json->text, origin->json->size, key);
  }
  buffer_puts(out, origin->json->name);
  if (line > 0)
    buffer_printf(out, ":%u", line);
  buffer_printf(out, " `%s`", origin->name);
}

/* depth: params of params are told a few levels down. */
static void print_origin(const struct origin *origin, const struct diag *diag, struct buffer *out,
                         bool *is_name, unsigned depth) {
  enum { DEEPEST = 8 };
  bool ignored;
  *is_name = false;
  if (origin == NULL)
    return;
  switch (origin->kind) {
  case ORIGIN_TEXT:
    *is_name = true;
    print_text(diag, origin->span, out);
    break;
  case ORIGIN_CONFIG:
    print_config(origin, out);
    break;
  case ORIGIN_PARAM:
    *is_name = true;
    buffer_puts(out, origin->name);
    if (origin->from != NULL && depth < DEEPEST) {
      size_t length = out->length;
      buffer_puts(out, ", from ");
      size_t before = out->length;
      print_origin(origin->from, diag, out, &ignored, depth + 1);
      if (out->length == before && out->data != NULL) {
        out->length = length;
        out->data[length] = '\0';
      }
    }
    break;
  case ORIGIN_TENSOR:
    buffer_printf(out, "tensor `%s` %s", origin->name, origin->view);
    break;
  case ORIGIN_WEIGHT:
    buffer_printf(out, "weight `%s`", origin->name);
    break;
  case ORIGIN_DIM:
  case ORIGIN_ELEMENT:
    break;
  }
}

void origin_print(const struct origin *origin, const struct diag *diag, struct buffer *out,
                  bool *is_name) {
  print_origin(origin, diag, out, is_name, 0);
}
