/* dim.c - arithmetic on dimensions in normal form.
 *
 * Terms are kept in descending order of their powers, so that the number, if
 * there is one, is last:  B*T + 2*T + 1. */
#include "graph/dim.h"

#include "base/buffer.h"
#include "base/checked.h"

#include <string.h>

struct dim dim_number(int64_t value) {
  struct dim d = {0};
  if (value != 0) {
    d.count = 1;
    d.term[0].coefficient = value;
  }
  return d;
}

struct dim dim_variable(unsigned index) {
  struct dim d = {0};
  d.count = 1;
  d.term[0].coefficient = 1;
  d.term[0].power[index % DIM_VARIABLES] = 1;
  return d;
}

struct dim dim_untold(void) {
  return (struct dim){.count = 1};
}

bool dim_is_told(const struct dim *a) {
  return a->count == 0 || a->term[0].coefficient != 0;
}

static int compare_powers(const struct dim_term *a, const struct dim_term *b) {
  return memcmp(a->power, b->power, sizeof a->power);
}

/* Add one term to a normal form, keeping it one. */
static bool add_term(struct dim *d, const struct dim_term *term) {
  if (term->coefficient == 0)
    return true;
  uint32_t at = 0;
  while (at < d->count && compare_powers(&d->term[at], term) > 0)
    at++;
  if (at < d->count && compare_powers(&d->term[at], term) == 0) {
    if (!checked_add_i64(d->term[at].coefficient, term->coefficient, &d->term[at].coefficient))
      return false;
    if (d->term[at].coefficient == 0) {
      d->count--;
      memmove(&d->term[at], &d->term[at + 1], (d->count - at) * sizeof d->term[0]);
    }
    return true;
  }
  if (d->count == DIM_TERMS)
    return false;
  memmove(&d->term[at + 1], &d->term[at], (d->count - at) * sizeof d->term[0]);
  d->term[at] = *term;
  d->count++;
  return true;
}

bool dim_add(const struct dim *a, const struct dim *b, struct dim *out) {
  struct dim sum = *a;
  for (uint32_t i = 0; i < b->count; i++)
    if (!add_term(&sum, &b->term[i]))
      return false;
  *out = sum;
  return true;
}

bool dim_sub(const struct dim *a, const struct dim *b, struct dim *out) {
  struct dim sum = *a;
  for (uint32_t i = 0; i < b->count; i++) {
    struct dim_term term = b->term[i];
    if (!checked_sub_i64(0, term.coefficient, &term.coefficient) || !add_term(&sum, &term))
      return false;
  }
  *out = sum;
  return true;
}

static bool multiply_terms(const struct dim_term *a, const struct dim_term *b,
                           struct dim_term *out) {
  if (!checked_mul_i64(a->coefficient, b->coefficient, &out->coefficient))
    return false;
  for (unsigned v = 0; v < DIM_VARIABLES; v++) {
    unsigned power = (unsigned)a->power[v] + b->power[v];
    if (power > UINT8_MAX)
      return false;
    out->power[v] = (uint8_t)power;
  }
  return true;
}

bool dim_mul(const struct dim *a, const struct dim *b, struct dim *out) {
  struct dim product = {0};
  for (uint32_t i = 0; i < a->count; i++) {
    for (uint32_t j = 0; j < b->count; j++) {
      struct dim_term term;
      if (!multiply_terms(&a->term[i], &b->term[j], &term) || !add_term(&product, &term))
        return false;
    }
  }
  *out = product;
  return true;
}

bool dim_div(const struct dim *a, const struct dim *b, struct dim *out) {
  if (b->count != 1)
    return false;
  const struct dim_term *by = &b->term[0];
  struct dim quotient = *a;
  for (uint32_t i = 0; i < a->count; i++) {
    struct dim_term *term = &quotient.term[i];
    if (term->coefficient == INT64_MIN || term->coefficient % by->coefficient != 0)
      return false;
    term->coefficient /= by->coefficient;
    for (unsigned v = 0; v < DIM_VARIABLES; v++) {
      if (term->power[v] < by->power[v])
        return false;
      term->power[v] = (uint8_t)(term->power[v] - by->power[v]);
    }
  }
  *out = quotient;
  return true;
}

bool dim_equal(const struct dim *a, const struct dim *b) {
  if (a->count != b->count)
    return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (a->term[i].coefficient != b->term[i].coefficient ||
        compare_powers(&a->term[i], &b->term[i]) != 0)
      return false;
  return true;
}

bool dim_is_number(const struct dim *a, int64_t *value) {
  static const uint8_t none[DIM_VARIABLES];
  if (a->count > 1 || (a->count == 1 && memcmp(a->term[0].power, none, sizeof none) != 0))
    return false;
  if (value != NULL)
    *value = a->count == 0 ? 0 : a->term[0].coefficient;
  return true;
}

bool dim_eval(const struct dim *a, const int64_t *variables, int64_t *out) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < a->count; i++) {
    int64_t product = a->term[i].coefficient;
    for (unsigned v = 0; v < DIM_VARIABLES; v++)
      for (unsigned p = 0; p < a->term[i].power[v]; p++)
        if (!checked_mul_i64(product, variables[v], &product))
          return false;
    if (!checked_add_i64(sum, product, &sum))
      return false;
  }
  *out = sum;
  return sum >= 0;
}

/* One term without its sign: "2*B*T", "T", "768". */
static void print_term(const struct dim_term *term, const char *const *names, struct buffer *out) {
  uint64_t size =
      term->coefficient < 0 ? 0 - (uint64_t)term->coefficient : (uint64_t)term->coefficient;
  bool first = true;
  if (size != 1) {
    buffer_printf(out, "%llu", (unsigned long long)size);
    first = false;
  }
  for (unsigned v = 0; v < DIM_VARIABLES; v++) {
    for (unsigned p = 0; p < term->power[v]; p++) {
      buffer_printf(out, "%s%s", first ? "" : "*", names[v]);
      first = false;
    }
  }
  if (first)
    buffer_putc(out, '1');
}

void dim_print(const struct dim *a, const char *const *names, struct buffer *out) {
  if (a->count == 0)
    buffer_putc(out, '0');
  for (uint32_t i = 0; i < a->count; i++) {
    bool negative = a->term[i].coefficient < 0;
    if (i == 0)
      buffer_puts(out, negative ? "-" : "");
    else
      buffer_puts(out, negative ? " - " : " + ");
    print_term(&a->term[i], names, out);
  }
}
