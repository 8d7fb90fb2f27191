/* fast_avx512.c - attention_fast.h and rope_fast.h for AVX-512. */
#if defined(__x86_64__)
#define SIMD_AVX512
#include "plugins/attention/attention_fast.h"
#include "plugins/attention/rope_fast.h"
#else
extern int tfm_attention_has_no_avx512;
#endif
