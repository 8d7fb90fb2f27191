/* dim.h - a dimension: a number, or a polynomial over run-time dimensions.
 *
 * Normal form: terms sorted by their powers, no zero coefficient, no two
 * terms of equal powers.  Equality of dimensions is equality of normal forms.
 * Variables are indices into the graph's table of run-time dims (B, T, S...).
 *
 *     B*T + 2*T   =   { 2: T }  { 1: B T }                               */
#ifndef TFM_GRAPH_DIM_H
#define TFM_GRAPH_DIM_H

#include <stdbool.h>
#include <stdint.h>

enum { DIM_VARIABLES = 8, DIM_TERMS = 6 };

struct dim_term {
  int64_t coefficient;
  uint8_t power[DIM_VARIABLES];
};

struct dim {
  uint32_t count; /* terms; 0 terms = the number 0 */
  struct dim_term term[DIM_TERMS];
};

struct dim dim_number(int64_t value);
struct dim dim_variable(unsigned index);
/* What a graph can hold while it is made: nothing has told it.  It is in no normal
 * form, so graph_verify refuses it. */
struct dim dim_untold(void);
bool dim_is_told(const struct dim *a);
/* False on overflow, or when the result has too many terms or too high a power. */
bool dim_add(const struct dim *a, const struct dim *b, struct dim *out);
bool dim_sub(const struct dim *a, const struct dim *b, struct dim *out);
bool dim_mul(const struct dim *a, const struct dim *b, struct dim *out);
/* Exact division: numbers by numbers, and a polynomial by one term; else false. */
bool dim_div(const struct dim *a, const struct dim *b, struct dim *out);
bool dim_equal(const struct dim *a, const struct dim *b);
bool dim_is_number(const struct dim *a, int64_t *value);
/* The value for given variables; false on overflow or a negative result. */
bool dim_eval(const struct dim *a, const int64_t *variables, int64_t *out);

struct buffer;
/* "B*T + 2*T", with the variables' names; "768" for a number. */
void dim_print(const struct dim *a, const char *const *names, struct buffer *out);

#endif
