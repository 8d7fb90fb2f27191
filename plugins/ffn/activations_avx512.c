/* activations_avx512.c - activations.h for AVX-512. */
#if defined(__x86_64__)
#define SIMD_AVX512
#include "plugins/ffn/activations.h"
#else
extern int tfm_ffn_has_no_avx512;
#endif
