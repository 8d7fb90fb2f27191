/* elementwise.c - the four operations on two tensors, and a constant factor.
 * Each is bound by memory, so vectors of four are wide enough on any machine. */
#include "plugins/elementwise/elementwise.h"

#include "plugins/common/kernel.h"
#include "plugins/common/vec.h"
#include "plugins/common/weights.h"
#include "plugins/elementwise/pair.h"

enum { ELEMENTS_A_PIECE = 16384 };

#define PAIR_OP(id, tfm_role, text)                                                                \
  const tfm_op_desc id##_op = {OP_OF(text), .flags = TFM_OP_KEEPS_TOKENS | TFM_OP_BROADCASTS,      \
                               .role = (tfm_role)}

PAIR_OP(add, TFM_ROLE_ADD,
        "## a + b, element by element; dims of 1 are repeated.\n"
        "op add(a: number[...], b: number[...]) -> number[...]\n");
PAIR_OP(sub, TFM_ROLE_SUB,
        "## a - b, element by element; dims of 1 are repeated.\n"
        "op sub(a: number[...], b: number[...]) -> number[...]\n");
PAIR_OP(mul, TFM_ROLE_MUL,
        "## a * b, element by element; dims of 1 are repeated.\n"
        "op mul(a: number[...], b: number[...]) -> number[...]\n");
PAIR_OP(div, TFM_ROLE_DIV,
        "## a / b, element by element; dims of 1 are repeated.\n"
        "op div(a: [...], b: [...]) -> [...]\n");
const tfm_op_desc scale_op = {OP_OF("## x times a constant.\n"
                                    "op scale(x: [...]; ; by: real) -> [...]\n"),
                              .flags = TFM_OP_KEEPS_TOKENS, .role = TFM_ROLE_SCALE};

/* ---- two tensors */

static const uint64_t floats[] = {TFM_BIT(TFM_F32), TFM_BIT(TFM_F32), 0};
static const uint64_t numbers[] = {TFM_BIT(TFM_F32) | TFM_BIT(TFM_I32),
                                   TFM_BIT(TFM_F32) | TFM_BIT(TFM_I32), 0};

/* Elements [i, end) of a row; a step is 0 where the operand stays. */
typedef void f32_row(const float *a, int64_t a_step, const float *b, int64_t b_step, float *out,
                     int64_t i, int64_t end);
typedef void i32_row(const int32_t *a, int64_t a_step, const int32_t *b, int64_t b_step,
                     int32_t *out, int64_t i, int64_t end);

struct work {
  const tfm_host *host; /* NULL: in one piece */
  const struct pair *pair;
  f32_row *f32;
  i32_row *i32; /* NULL, or that of a run of integers */
};

static void run_row(const struct work *work, int64_t row, int64_t begin, int64_t end) {
  const struct pair *p = work->pair;
  int64_t a, b, out = row * p->width;
  pair_row(p, row, &a, &b);
  if (work->i32)
    work->i32((const int32_t *)p->a + a, p->a_step, (const int32_t *)p->b + b, p->b_step,
              (int32_t *)p->out + out, begin, end);
  else
    work->f32((const float *)p->a + a, p->a_step, (const float *)p->b + b, p->b_step,
              (float *)p->out + out, begin, end);
}

static void run_elements(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  run_row(arg, 0, begin, end);
}

static void run_rows(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  const struct work *work = arg;
  for (int64_t row = begin; row < end; row++)
    run_row(work, row, 0, work->pair->width);
}

static void run_pair(void *arg, struct pair *pair) {
  struct work work = *(const struct work *)arg;
  work.pair = pair;
  if (!work.host)
    run_rows(&work, 0, pair->rows, 0);
  else if (pair->rows == 1)
    work.host->parallel_for(work.host, pair->width, ELEMENTS_A_PIECE, run_elements, &work);
  else
    work.host->parallel_for(work.host, pair->rows, ELEMENTS_A_PIECE / pair->width + 1, run_rows,
                            &work);
}

static tfm_status run_all(const tfm_host *host, const tfm_run *run, f32_row *f32, i32_row *i32) {
  struct work work = {host, NULL, f32, run->output[0]->dtype == TFM_I32 ? i32 : NULL};
  pair_each(run, sizeof(float), run_pair, &work);
  return TFM_OK;
}

/* Integers wrap around. */
static int32_t wrap(uint32_t value) {
  int32_t out;
  memcpy(&out, &value, sizeof out);
  return out;
}

#define A_ONE(i)  a[(i)*a_step]
#define B_ONE(i)  b[(i)*b_step]
#define A_FOUR(i) (a_step ? vec_load(a + (i)) : vec_set(*a))
#define B_FOUR(i) (b_step ? vec_load(b + (i)) : vec_set(*b))

/* ID_reference and ID_base, from what is done to one element and to a vec. */
#define PAIR_KERNELS(id, dtypes, integers, one, four)                                              \
  static void id##_one_by_one(const float *a, int64_t a_step, const float *b, int64_t b_step,      \
                              float *out, int64_t i, int64_t end) {                                \
    for (; i < end; i++)                                                                           \
      out[i] = (one);                                                                              \
  }                                                                                                \
  static void id##_in_fours(const float *a, int64_t a_step, const float *b, int64_t b_step,        \
                            float *out, int64_t i, int64_t end) {                                  \
    for (; i + VEC_WIDTH <= end; i += VEC_WIDTH)                                                   \
      vec_store(out + i, (four));                                                                  \
    id##_one_by_one(a, a_step, b, b_step, out, i, end);                                            \
  }                                                                                                \
  static tfm_status id##_run_reference(const tfm_host *host, const void *instance,                 \
                                       const tfm_run *run) {                                       \
    (void)host, (void)instance;                                                                    \
    return run_all(NULL, run, id##_one_by_one, integers);                                          \
  }                                                                                                \
  static tfm_status id##_run_base(const tfm_host *host, const void *instance,                      \
                                  const tfm_run *run) {                                            \
    (void)instance;                                                                                \
    return run_all(host, run, id##_in_fours, integers);                                            \
  }                                                                                                \
  const tfm_kernel_desc id##_reference = {                                                         \
      KERNEL_OF(#id, "reference",                                                                  \
                TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK | TFM_KERNEL_KNOWS_ROWS),             \
      .input_dtypes = (dtypes), .run = id##_run_reference};                                        \
  const tfm_kernel_desc id##_base = {                                                              \
      KERNEL_OF(#id, SIMD_LABEL, TFM_KERNEL_INPLACE_OK | TFM_KERNEL_KNOWS_ROWS),                   \
      .score = SIMD_SCORE, .input_dtypes = (dtypes), .run = id##_run_base}

#define INTEGERS(id, operator)                                                                     \
  static void id##_integers(const int32_t *a, int64_t a_step, const int32_t *b, int64_t b_step,    \
                            int32_t *out, int64_t i, int64_t end) {                                \
    for (; i < end; i++)                                                                           \
      out[i] = wrap((uint32_t)A_ONE(i) operator(uint32_t) B_ONE(i));                               \
  }
INTEGERS(add, +)
INTEGERS(sub, -)
INTEGERS(mul, *)

PAIR_KERNELS(add, numbers, add_integers, A_ONE(i) + B_ONE(i), vec_add(A_FOUR(i), B_FOUR(i)));
PAIR_KERNELS(sub, numbers, sub_integers, A_ONE(i) - B_ONE(i), vec_sub(A_FOUR(i), B_FOUR(i)));
PAIR_KERNELS(mul, numbers, mul_integers, A_ONE(i) * B_ONE(i), vec_mul(A_FOUR(i), B_FOUR(i)));
PAIR_KERNELS(div, floats, NULL, A_ONE(i) / B_ONE(i), vec_div(A_FOUR(i), B_FOUR(i)));

/* ---- scale: its instance is the factor */

struct scaling {
  const float *x;
  float by;
  float *out; /* may be x */
};

static tfm_status prepare_scale(const tfm_host *host, const tfm_node *node,
                                const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  float *factor = host->alloc(host, sizeof *factor);
  if (!factor)
    return TFM_NO_MEMORY;
  *factor = (float)tfm_attr_real(node, "by", 1);
  *instance = factor;
  return TFM_OK;
}

static void release(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

static void scale_one_by_one(void *arg, int64_t i, int64_t end, uint32_t lane) {
  (void)lane;
  const struct scaling *work = arg;
  for (; i < end; i++)
    work->out[i] = work->x[i] * work->by;
}

static void scale_in_fours(void *arg, int64_t i, int64_t end, uint32_t lane) {
  const struct scaling work = *(const struct scaling *)arg;
  for (; i + VEC_WIDTH <= end; i += VEC_WIDTH)
    vec_store(work.out + i, vec_mul(vec_load(work.x + i), vec_set(work.by)));
  scale_one_by_one(arg, i, end, lane);
}

static tfm_status scale_run_reference(const tfm_host *host, const void *instance,
                                      const tfm_run *run) {
  (void)host;
  struct scaling work = {run->input[0]->data, *(const float *)instance, run->output[0]->data};
  scale_one_by_one(&work, 0, tensor_count(run->input[0]), 0);
  return TFM_OK;
}

static tfm_status scale_run_base(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct scaling work = {run->input[0]->data, *(const float *)instance, run->output[0]->data};
  host->parallel_for(host, tensor_count(run->input[0]), ELEMENTS_A_PIECE, scale_in_fours, &work);
  return TFM_OK;
}

const tfm_kernel_desc scale_reference = {
    KERNEL_OF("scale", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),
    .prepare = prepare_scale, .run = scale_run_reference, .destroy = release};
const tfm_kernel_desc scale_base = {KERNEL_OF("scale", SIMD_LABEL, TFM_KERNEL_INPLACE_OK),
                                    .score = SIMD_SCORE, .prepare = prepare_scale,
                                    .run = scale_run_base, .destroy = release};
