/* vmath.h - the transcendental functions that the ops need, on a vec.
 *
 * Bounds are over all floats, against the exact value; tests/unit/
 * test_plugin_ffn.c measures them.  NaN stays NaN. */
#ifndef TFM_PLUGINS_COMMON_VMATH_H
#define TFM_PLUGINS_COMMON_VMATH_H

#include "plugins/common/vec.h"

/* The nearest whole number, for |x| < 2^22; ties to even. */
SIMD_INLINE vec vec_round(vec x) {
  vec magic = vec_set(12582912.0f); /* 1.5 * 2^23 */
  return vec_sub(vec_add(x, magic), magic);
}

/* e^x, within 2 ulp; 0 below -104, inf above 88.73; e^0 is exactly 1.
 * x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, the first of 9 bits so
 * that n times it is exact.  Polynomial: Cephes expf (Moshier). */
SIMD_INLINE vec vec_exp(vec x) {
  x = vec_min(vec_set(89.0f), vec_max(vec_set(-104.0f), x));
  vec n = vec_round(vec_mul(x, vec_set(1.44269504f)));
  vec r = vec_fnma(n, vec_set(0.693359375f), x);
  r = vec_fnma(n, vec_set(-2.12194440e-4f), r);
  vec p = vec_set(1.9875691500e-4f);
  p = vec_fma(p, r, vec_set(1.3981999507e-3f));
  p = vec_fma(p, r, vec_set(8.3334519073e-3f));
  p = vec_fma(p, r, vec_set(4.1665795894e-2f));
  p = vec_fma(p, r, vec_set(1.6666665459e-1f));
  p = vec_fma(p, r, vec_set(5.0000001201e-1f));
  p = vec_add(vec_fma(p, vec_mul(r, r), r), vec_set(1.0f));
  return vec_ldexp(p, n);
}

/* 1 / (1 + e^-x), within 2e-7 of 1 and, above -80, 1e-5 of itself. */
SIMD_INLINE vec vec_sigmoid(vec x) {
  vec one = vec_set(1.0f);
  return vec_div(one, vec_add(one, vec_exp(vec_sub(vec_set(0.0f), x))));
}

/* tanh x, within 2e-7 relative.  Polynomial below 0.625: Cephes tanhf. */
SIMD_INLINE vec vec_tanh(vec x) {
  vec a = vec_abs(x), z = vec_mul(x, x);
  vec p = vec_set(-5.70498872745e-3f);
  p = vec_fma(p, z, vec_set(2.06390887954e-2f));
  p = vec_fma(p, z, vec_set(-5.37397155531e-2f));
  p = vec_fma(p, z, vec_set(1.33314422036e-1f));
  p = vec_fma(p, z, vec_set(-3.33332819422e-1f));
  vec small = vec_fma(vec_mul(p, z), x, x);
  vec one = vec_set(1.0f);
  vec large = vec_sub(one, vec_div(vec_set(2.0f), vec_add(vec_exp(vec_add(a, a)), one)));
  return vec_if_less(a, vec_set(0.625f), small, vec_copysign(large, x));
}

/* erf(x / sqrt 2), within 2e-7 of 1 and of itself: x P(x^2) / Q(x^2) up to
 * 5.6, where it rounds to 1.  P and Q: a minimax fit on [0, 5.7] with relative
 * error 2.8e-8; all coefficients are positive, so no digits cancel. */
SIMD_INLINE vec vec_erf_scaled(vec x) {
  vec a = vec_min(vec_set(5.6f), vec_abs(x)), u = vec_mul(a, a);
  vec p = vec_set(4.33919664e-8f), q = vec_set(1.16197848e-6f);
  p = vec_fma(p, u, vec_set(1.25786496e-5f));
  q = vec_fma(q, u, vec_set(7.47110852e-5f));
  p = vec_fma(p, u, vec_set(3.47530051e-4f));
  q = vec_fma(q, u, vec_set(1.91320691e-3f));
  p = vec_fma(p, u, vec_set(9.41320484e-3f));
  q = vec_fma(q, u, vec_set(2.89640925e-2f));
  p = vec_fma(p, u, vec_set(6.88777826e-2f));
  q = vec_fma(q, u, vec_set(2.52991736e-1f));
  p = vec_fma(p, u, vec_set(7.97884539e-1f));
  q = vec_fma(q, u, vec_set(1.0f));
  vec one = vec_set(1.0f), e = vec_min(one, vec_div(vec_mul(a, p), q));
  return vec_copysign(vec_if_less(a, vec_set(5.6f), e, vec_add(one, vec_sub(a, a))), x);
}

/* sin x and cos x, within 2e-7, for |x| < 2^22; needs fused multiply-add.
 * x = n pi/2 + r: with pi/2 in three parts of 24 bits the first difference is
 * exact.  Polynomials: Cephes sinf, cosf. */
SIMD_INLINE void vec_sincos(vec x, vec *sine, vec *cosine) {
  vec n = vec_round(vec_mul(x, vec_set(0.636619772f)));
  vec r = vec_fnma(n, vec_set(1.57079637f), x);
  r = vec_fnma(n, vec_set(-4.37113883e-8f), r);
  r = vec_fnma(n, vec_set(-1.71512451e-15f), r);
  vec z = vec_mul(r, r);
  vec s = vec_fma(vec_set(-1.9515295891e-4f), z, vec_set(8.3321608736e-3f));
  s = vec_fma(s, z, vec_set(-1.6666654611e-1f));
  s = vec_fma(vec_mul(s, z), r, r);
  vec c = vec_fma(vec_set(2.443315711809948e-5f), z, vec_set(-1.388731625493765e-3f));
  c = vec_fma(c, z, vec_set(4.166664568298827e-2f));
  c = vec_fma(vec_mul(c, z), z, vec_fnma(vec_set(0.5f), z, vec_set(1.0f)));
  vec minus_s = vec_sub(vec_set(0), s), minus_c = vec_sub(vec_set(0), c);
  /* quadrant n mod 4:  0: s, c   1: c, -s   2: -s, -c   3: -c, s */
  vec odd_s = vec_if_bit(n, 1, minus_c, c), even_s = vec_if_bit(n, 1, minus_s, s);
  vec odd_c = vec_if_bit(n, 1, s, minus_s), even_c = vec_if_bit(n, 1, minus_c, c);
  *sine = vec_if_bit(n, 0, odd_s, even_s);
  *cosine = vec_if_bit(n, 0, odd_c, even_c);
}

#endif
