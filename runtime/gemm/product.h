/* product.h - one lane's share of a product: which block when. */
#ifndef TFM_RUNTIME_GEMM_PRODUCT_H
#define TFM_RUNTIME_GEMM_PRODUCT_H

#include "runtime/gemm/isa.h"

/* Rows [m, m_end) and columns [n, n_end) of c. */
struct gemm_range {
  int64_t m, m_end, n, n_end;
};

/* Compute them, bias and epilogue included.  scratch: POOL_SCRATCH bytes. */
void product_multiply(const struct gemm_isa *isa, const tfm_gemm *problem, struct gemm_range at,
                      void *scratch);

#endif
