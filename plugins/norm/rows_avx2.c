/* rows_avx2.c - rows.h for AVX2. */
#if defined(__x86_64__)
#define SIMD_AVX2
#include "plugins/norm/rows.h"
#else
extern int tfm_norm_has_no_avx2;
#endif
