/* gemm.h - c = a . weight^T + bias, on weights as they lie in the file.
 *
 * A weight is [N, K] in one of two layouts, told by its strides:
 *
 *   rows      stride[1] = element size: row n is contiguous (Linear)
 *   columns   stride[0] = element size: column k is contiguous (Conv1D, transposed)
 *
 * Nothing is packed ahead of time and no second copy is kept: what is not F32 is
 * widened as it is read, any format of base/format.def that has numbers.  Of packed
 * ones whole blocks lie along k: rows, with stride[1] the bytes of a block.
 *
 * Same bits: element (m, n) is summed in one order, whatever the layout, the
 * number of rows, the lanes and the instruction set.  k is cut into blocks of
 * 384 from 0 on; a block is summed by one fused multiply-add after the other,
 * starting from 0; the blocks are added up in order; then the bias is added.
 * (Portable code on a processor without fused multiply-add rounds the product
 * as well, so its bits differ from the others', never from its own.) */
#ifndef TFM_RUNTIME_GEMM_GEMM_H
#define TFM_RUNTIME_GEMM_GEMM_H

#include "runtime/pool.h"
#include "tfm/plugin.h"

/* Run count independent problems in one parallel region.  Problems are
 * validated (ranks, dtypes, strides); 0, or -1 with err set. */
int gemm_run(struct pool *pool, const tfm_gemm *const *problem, uint32_t count,
             struct tfm_error *err);

/* The meaning: a double loop in double precision, for tests. */
void gemm_reference(const tfm_gemm *problem);

/* The instruction set in use: "portable", "avx2", "avx512". */
const char *gemm_isa(void);

#endif
