/* matmul.c - the product of two activations, matrix by matrix. */
#include "plugins/common/weights.h"
#include "plugins/ffn/ffn.h"

const tfm_op_desc matmul_op = {
    OP_OF("## The matrix product of the last two dims: out[n, m] = sum_k a[n, k] b[k, m].\n"
          "op matmul(a: [..., N, K], b: [..., K, M]) -> [..., N, M]\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

/* Matrices, and what one has. */
struct sizes {
  int64_t count, n, k, m;
  const int64_t *begin; /* where the rows of a lie end to end, those of each matrix; or NULL */
};

static struct sizes sizes_of(const tfm_run *run) {
  const tfm_tensor *a = run->input[0], *b = run->input[1];
  struct sizes s = {1, a->shape[a->rank - 2], a->shape[a->rank - 1], b->shape[b->rank - 1], NULL};
  for (uint32_t d = 0; d + 2 < b->rank; d++)
    s.count *= b->shape[d];
  if (!b->begin)
    s.begin = a->begin;
  return s;
}

/* Rows [first, return) of a are those of matrix i. */
static int64_t rows_of(const struct sizes *s, int64_t i, int64_t *first) {
  *first = s->begin ? s->begin[i] : i * s->n;
  return s->begin ? s->begin[i + 1] : *first + s->n;
}

static tfm_status run_gemm(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct sizes s = sizes_of(run);
  tfm_status status = TFM_OK;
  (void)instance;
  for (int64_t i = 0; i < s.count && status == TFM_OK; i++) {
    int64_t first, end = rows_of(&s, i, &first);
    /* b [K, M] seen as a weight [M, K] */
    tfm_tensor weight = {.data = (float *)run->input[1]->data + i * s.k * s.m,
                         .shape = {s.m, s.k},
                         .stride = {(int64_t)sizeof(float), s.m * (int64_t)sizeof(float)},
                         .dtype = TFM_F32,
                         .rank = 2};
    tfm_gemm problem = {.struct_size = sizeof problem,
                        .rows = end - first,
                        .a = (const float *)run->input[0]->data + first * s.k,
                        .a_stride = s.k,
                        .weight = &weight,
                        .c = (float *)run->output[0]->data + first * s.m,
                        .c_stride = s.m};
    const tfm_gemm *const problems[] = {&problem};
    if (end > first && s.m > 0)
      status = host->gemm(host, problems, 1);
  }
  return status;
}

static void reference_row(const float *a, const float *b, float *out, const struct sizes *s) {
  for (int64_t m = 0; m < s->m; m++) {
    double sum = 0;
    for (int64_t k = 0; k < s->k; k++)
      sum += (double)a[k] * b[k * s->m + m];
    out[m] = (float)sum;
  }
}

static tfm_status run_reference(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct sizes s = sizes_of(run);
  (void)host;
  (void)instance;
  for (int64_t i = 0; i < s.count; i++) {
    int64_t row, end = rows_of(&s, i, &row);
    for (; row < end; row++)
      reference_row((const float *)run->input[0]->data + row * s.k,
                    (const float *)run->input[1]->data + i * s.k * s.m,
                    (float *)run->output[0]->data + row * s.m, &s);
  }
  return TFM_OK;
}

const tfm_kernel_desc matmul_gemm = {
    .score = 10,
    .run = run_gemm,
    KERNEL_OF("matmul", "gemm", 0),
};

const tfm_kernel_desc matmul_reference = {
    .run = run_reference,
    KERNEL_OF("matmul", "reference", TFM_KERNEL_REFERENCE),
};
