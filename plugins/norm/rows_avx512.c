/* rows_avx512.c - rows.h for AVX-512. */
#if defined(__x86_64__)
#define SIMD_AVX512
#include "plugins/norm/rows.h"
#else
extern int tfm_norm_has_no_avx512;
#endif
