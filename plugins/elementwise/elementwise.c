/* elementwise.c - the four operations on equal shapes, and a constant factor.
 * Each is bound by memory, so vectors of four are wide enough on any machine. */
#include "plugins/elementwise/elementwise.h"

#include "plugins/common/kernel.h"
#include "plugins/common/vec.h"
#include "plugins/common/weights.h"

enum { ELEMENTS_A_PIECE = 16384 };

#define ELEMENTWISE_OP(id, tfm_role, text)                                                         \
  const tfm_op_desc id##_op = {OP_OF(text), .flags = TFM_OP_KEEPS_TOKENS, .role = (tfm_role)}

ELEMENTWISE_OP(add, TFM_ROLE_ADD,
               "## a + b, element by element.\n"
               "op add(a: [...], b: [...]) -> [...]\n");
ELEMENTWISE_OP(sub, TFM_ROLE_SUB,
               "## a - b, element by element.\n"
               "op sub(a: [...], b: [...]) -> [...]\n");
ELEMENTWISE_OP(mul, TFM_ROLE_MUL,
               "## a * b, element by element.\n"
               "op mul(a: [...], b: [...]) -> [...]\n");
ELEMENTWISE_OP(div, TFM_ROLE_DIV,
               "## a / b, element by element.\n"
               "op div(a: [...], b: [...]) -> [...]\n");
ELEMENTWISE_OP(scale, TFM_ROLE_SCALE,
               "## x times a constant.\n"
               "op scale(x: [...]; ; by: real) -> [...]\n");

struct work {
  const float *a, *b; /* b is NULL for scale */
  float by;
  float *out; /* may be a */
};

/* The instance of scale: its factor. */
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

/* ID_reference and ID_base, from what is done to one element and to a vec. */
#define ELEMENTWISE_KERNELS(id, prepare_it, one, four)                                             \
  static tfm_status id##_run_reference(const tfm_host *host, const void *instance,                 \
                                       const tfm_run *run) {                                       \
    (void)host;                                                                                    \
    struct work work = read_work(run, instance);                                                   \
    int64_t count = tensor_count(run->input[0]);                                                   \
    for (int64_t i = 0; i < count; i++)                                                            \
      work.out[i] = (one);                                                                         \
    return TFM_OK;                                                                                 \
  }                                                                                                \
  static void id##_piece(void *arg, int64_t i, int64_t end, uint32_t lane) {                       \
    (void)lane;                                                                                    \
    const struct work work = *(const struct work *)arg;                                            \
    for (; i + VEC_WIDTH <= end; i += VEC_WIDTH)                                                   \
      vec_store(work.out + i, (four));                                                             \
    for (; i < end; i++)                                                                           \
      work.out[i] = (one);                                                                         \
  }                                                                                                \
  static tfm_status id##_run_base(const tfm_host *host, const void *instance,                      \
                                  const tfm_run *run) {                                            \
    struct work work = read_work(run, instance);                                                   \
    host->parallel_for(host, tensor_count(run->input[0]), ELEMENTS_A_PIECE, id##_piece, &work);    \
    return TFM_OK;                                                                                 \
  }                                                                                                \
  const tfm_kernel_desc id##_reference = {                                                         \
      KERNEL_OF(#id, "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK),                   \
      .prepare = (prepare_it), .run = id##_run_reference, .destroy = release};                     \
  const tfm_kernel_desc id##_base = {KERNEL_OF(#id, SIMD_LABEL, TFM_KERNEL_INPLACE_OK),            \
                                     .score = SIMD_SCORE, .prepare = (prepare_it),                 \
                                     .run = id##_run_base, .destroy = release}

/* factor: scale's instance; the others have none. */
static struct work read_work(const tfm_run *run, const float *factor) {
  return (struct work){.a = run->input[0]->data,
                       .b = run->input_count > 1 ? run->input[1]->data : NULL,
                       .by = factor ? *factor : 1,
                       .out = run->output[0]->data};
}

#define A vec_load(work.a + i)
#define B vec_load(work.b + i)
ELEMENTWISE_KERNELS(add, NULL, work.a[i] + work.b[i], vec_add(A, B));
ELEMENTWISE_KERNELS(sub, NULL, work.a[i] - work.b[i], vec_sub(A, B));
ELEMENTWISE_KERNELS(mul, NULL, work.a[i] * work.b[i], vec_mul(A, B));
ELEMENTWISE_KERNELS(div, NULL, work.a[i] / work.b[i], vec_div(A, B));
ELEMENTWISE_KERNELS(scale, prepare_scale, work.a[i] * work.by, vec_mul(A, vec_set(work.by)));
