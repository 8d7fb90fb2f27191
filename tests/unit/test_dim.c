/* Polynomials in normal form: their laws, their limits, how they are shown. */
#include "base/buffer.h"
#include "graph/dim.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char *const names[DIM_VARIABLES] = {"B", "T", "S", "U", "V", "W", "X", "Y"};

static void expect(const struct dim *d, const char *text) {
  struct buffer out;
  buffer_init(&out);
  dim_print(d, names, &out);
  ck_assert_str_eq(buffer_text(&out), text);
  buffer_finish(&out);
}

static struct dim add(struct dim a, struct dim b) {
  struct dim out;
  ck_assert(dim_add(&a, &b, &out));
  return out;
}

static struct dim mul(struct dim a, struct dim b) {
  struct dim out;
  ck_assert(dim_mul(&a, &b, &out));
  return out;
}

static struct dim sub(struct dim a, struct dim b) {
  struct dim out;
  ck_assert(dim_sub(&a, &b, &out));
  return out;
}

START_TEST(test_print) {
  struct dim b = dim_variable(0), t = dim_variable(1), two = dim_number(2);
  struct dim d = add(mul(two, t), mul(b, t));
  expect(&d, "B*T + 2*T");
  d = sub(dim_number(3), mul(b, b));
  expect(&d, "-B*B + 3");
  d = sub(t, t);
  expect(&d, "0");
  d = dim_number(INT64_MIN);
  expect(&d, "-9223372036854775808");
}
END_TEST

/* However a sum is put together, it is one normal form. */
START_TEST(test_normal_form) {
  struct dim b = dim_variable(0), t = dim_variable(1), s = dim_variable(2);
  struct dim left = mul(add(b, t), add(b, s));
  struct dim right = add(add(mul(b, s), mul(t, b)), add(mul(s, t), mul(b, b)));
  ck_assert(dim_equal(&left, &right));
  ck_assert_uint_eq(left.count, 4);
  struct dim none = sub(left, right);
  ck_assert_uint_eq(none.count, 0);
  struct dim twice = add(t, t), two_t = mul(dim_number(2), t);
  ck_assert(dim_equal(&twice, &two_t));
  ck_assert(!dim_equal(&twice, &t));
}
END_TEST

START_TEST(test_equal) {
  struct dim two = dim_number(2), b = dim_variable(0), t = dim_variable(1);
  struct dim twice_b = mul(two, b), twice_t = mul(two, t), again = add(b, b);
  ck_assert(dim_equal(&twice_b, &again));
  ck_assert(!dim_equal(&twice_b, &twice_t)); /* other powers */
  ck_assert(!dim_equal(&twice_b, &b));       /* another coefficient */
}
END_TEST

START_TEST(test_division) {
  struct dim b = dim_variable(0), t = dim_variable(1), out;
  struct dim six = mul(dim_number(6), mul(b, t)), three = dim_number(3), zero = dim_number(0);
  ck_assert(dim_div(&six, &three, &out));
  expect(&out, "2*B*T");
  ck_assert(dim_div(&six, &t, &out));
  expect(&out, "6*B");
  struct dim four = dim_number(4), sum = add(b, t);
  ck_assert(!dim_div(&six, &four, &out));
  ck_assert(!dim_div(&six, &zero, &out));
  ck_assert(!dim_div(&six, &sum, &out));
  ck_assert(!dim_div(&b, &t, &out));
  ck_assert(dim_div(&zero, &three, &out));
  ck_assert_uint_eq(out.count, 0);
  struct dim least = dim_number(INT64_MIN), minus = dim_number(-1);
  ck_assert(!dim_div(&least, &minus, &out));
}
END_TEST

START_TEST(test_limits) {
  struct dim most = dim_number(INT64_MAX), one = dim_number(1), two = dim_number(2), out;
  ck_assert(!dim_add(&most, &one, &out));
  ck_assert(!dim_mul(&most, &two, &out));
  struct dim least = dim_number(INT64_MIN);
  ck_assert(!dim_sub(&one, &least, &out));
  struct dim sum = dim_number(1);
  for (unsigned i = 0; i + 1 < DIM_TERMS; i++)
    sum = add(sum, dim_variable(i));
  struct dim more = dim_variable(7);
  ck_assert_uint_eq(sum.count, DIM_TERMS);
  ck_assert(!dim_add(&sum, &more, &out));
  struct dim power = dim_variable(0);
  for (int i = 0; i < 7; i++)
    power = mul(power, power); /* to the 128th */
  ck_assert(!dim_mul(&power, &power, &out));
}
END_TEST

START_TEST(test_eval) {
  const int64_t variables[DIM_VARIABLES] = {2, 5};
  struct dim b = dim_variable(0), t = dim_variable(1);
  struct dim d = add(mul(mul(b, t), t), sub(dim_number(1), t));
  int64_t value;
  ck_assert(dim_eval(&d, variables, &value));
  ck_assert_int_eq(value, 46);
  ck_assert(!dim_is_number(&d, &value));
  d = sub(b, t);
  ck_assert(!dim_eval(&d, variables, &value)); /* below zero */
  const int64_t large[DIM_VARIABLES] = {INT64_MAX, 2};
  d = mul(b, t);
  ck_assert(!dim_eval(&d, large, &value));
  d = dim_number(768);
  ck_assert(dim_is_number(&d, &value));
  ck_assert_int_eq(value, 768);
  d = dim_number(0);
  ck_assert(dim_is_number(&d, &value));
  ck_assert_int_eq(value, 0);
}
END_TEST

UNIT_MAIN("dim", test_print, test_normal_form, test_equal, test_division, test_limits, test_eval)
