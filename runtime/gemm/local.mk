# runtime/gemm/: products on weights as they lie in the file.  Included by runtime/local.mk.
gemm_sources = \
  runtime/gemm/avx2.c \
  runtime/gemm/avx512.c \
  runtime/gemm/gemm.c runtime/gemm/gemm.h \
  runtime/gemm/isa.h \
  runtime/gemm/kernel.inc \
  runtime/gemm/portable.c \
  runtime/gemm/product.c runtime/gemm/product.h \
  runtime/gemm/reference.c \
  runtime/gemm/widen.c runtime/gemm/widen.h

unit_tests += \
  tests/unit/test_gemm \
  tests/unit/test_pool

# Built with the rest, run by hand: see the head of bench/gemm.c.
noinst_PROGRAMS += bench/gemm
bench_gemm_SOURCES = bench/gemm.c
