/* simd.h - loops over arrays that must live in registers. */
#ifndef TFM_PLUGINS_COMMON_SIMD_H
#define TFM_PLUGINS_COMMON_SIMD_H

/* Before a loop of a constant, small count. */
#if defined(__clang__)
#define SIMD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIMD_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
