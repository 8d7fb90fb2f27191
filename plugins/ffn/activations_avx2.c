/* activations_avx2.c - activations.h for AVX2. */
#if defined(__x86_64__)
#define SIMD_AVX2
#include "plugins/ffn/activations.h"
#else
extern int tfm_ffn_has_no_avx2;
#endif
