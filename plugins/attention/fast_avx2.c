/* fast_avx2.c - attention_fast.h and rope_fast.h for AVX2. */
#if defined(__x86_64__)
#define SIMD_AVX2
#include "plugins/attention/attention_fast.h"
#include "plugins/attention/rope_fast.h"
#else
extern int tfm_attention_has_no_avx2;
#endif
