/* gemm.c - how near to the machine's limits are the products?
 *
 *     bench/gemm [-t THREADS] [-i ISA] [-s SECONDS] [-m ROWS] [-d FORMAT]
 *
 * For each shape: GFLOP/s beside what a loop of multiply-adds in registers
 * reaches, and bytes of weights per second beside plain reading of memory,
 * both limits measured between the shapes of the same run.  The weights of
 * successive calls are different ones, so that they come from memory as in a
 * model.  Best and median of the calls in SECONDS. */
#include "runtime/gemm/isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { SAMPLES_MAX = 20000 };
enum { READ_BYTES = 8 << 20 }; /* about a layer's weights */
#define BUFFER_BYTES ((size_t)256 << 20)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ------------------------------------------------------------------ limits */

enum { SUMS = 12, ROUNDS = 100000 };

struct limit {
  const struct gemm_isa *isa;
  const char *buffer;
  volatile float sink;
};

#if defined(__x86_64__)
/* 12 chains: more than latency times width on any core there is. */
#define REGISTER_LOOP(name, isa, vector, set, multiply_add)                                        \
  static __attribute__((target(isa))) float name(void) {                                           \
    vector s[SUMS], x = set(0.999f), y = set(0.001f);                                              \
    GEMM_UNROLL                                                                                    \
    for (int i = 0; i < SUMS; i++)                                                                 \
      s[i] = set((float)i);                                                                        \
    for (int r = 0; r < ROUNDS; r++) {                                                             \
      GEMM_UNROLL                                                                                  \
      for (int i = 0; i < SUMS; i++)                                                               \
        s[i] = multiply_add(s[i], x, y);                                                           \
      __asm__ volatile("" ::: "memory");                                                           \
    }                                                                                              \
    GEMM_UNROLL                                                                                    \
    for (int i = 1; i < SUMS; i++)                                                                 \
      s[0] = multiply_add(s[0], x, s[i]);                                                          \
    float first;                                                                                   \
    memcpy(&first, &s[0], sizeof first);                                                           \
    return first;                                                                                  \
  }
REGISTER_LOOP(loop_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps)
REGISTER_LOOP(loop_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps)
#endif

static float loop_portable(void) {
  float s[SUMS] = {0};
  for (int r = 0; r < ROUNDS; r++) {
    GEMM_UNROLL
    for (int i = 0; i < SUMS; i++)
      s[i] = s[i] * 0.999f + 0.001f;
    __asm__ volatile("" ::: "memory");
  }
  for (int i = 1; i < SUMS; i++)
    s[0] += s[i];
  return s[0];
}

/* Multiply-adds a vector instruction does in the loop of this instruction set. */
static int loop_lanes(const struct gemm_isa *isa) {
  return isa == &gemm_portable ? 1 : isa->tile_n / 2;
}

static void run_loop(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct limit *l = arg;
  (void)lane;
  for (int64_t i = begin; i < end; i++) {
#if defined(__x86_64__)
    if (l->isa == &gemm_avx512) {
      l->sink = loop_avx512();
      continue;
    }
    if (l->isa == &gemm_avx2) {
      l->sink = loop_avx2();
      continue;
    }
#endif
    l->sink = loop_portable();
  }
}

/* Items are 64 KiB. */
static void run_read(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct limit *l = arg;
  (void)lane;
  const uint64_t *from = (const uint64_t *)(const void *)(l->buffer + begin * 65536);
  uint64_t sum[8] = {0};
  for (int64_t i = 0; i < (end - begin) * 8192; i += 8) {
    __builtin_prefetch(from + i + 256);
    GEMM_UNROLL
    for (int j = 0; j < 8; j++)
      sum[j] += from[i + j];
  }
  for (int j = 1; j < 8; j++)
    sum[0] += sum[j];
  l->sink = (float)sum[0];
}

struct peak {
  double flops, bytes; /* GFLOP/s, GB/s: the best seen so far */
};

static void measure_peak(struct pool *pool, struct limit *l, struct peak *peak) {
  const int64_t pieces = 8 * (int64_t)pool_lanes(pool);
  for (int i = 0; i < 3; i++) {
    double start = now();
    pool_run(pool, pieces, 1, run_loop, l);
    double flops = 2.0 * SUMS * ROUNDS * (double)(pieces * loop_lanes(l->isa));
    double rate = flops / (now() - start) * 1e-9;
    peak->flops = rate > peak->flops ? rate : peak->flops;
  }
  const char *buffer = l->buffer;
  for (size_t at = 0; at < BUFFER_BYTES; at += READ_BYTES) {
    l->buffer = buffer + at;
    double start = now();
    pool_run(pool, READ_BYTES / 65536, 1, run_read, l);
    double rate = READ_BYTES / (now() - start) * 1e-9;
    peak->bytes = rate > peak->bytes ? rate : peak->bytes;
  }
  l->buffer = buffer;
}

/* ------------------------------------------------------------------ shapes */

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

struct shape {
  int64_t m, n, k;
  bool columns;
  enum dtype dtype;
};

/* One call after the other, each on the next weights in the buffer. */
static int time_shape(struct pool *pool, const struct gemm_isa *isa, const struct shape *s,
                      char *buffer, double seconds, const struct peak *peak) {
  static double sample[SAMPLES_MAX];
  const int64_t block = (int64_t)dtype_block(s->dtype), size = (int64_t)dtype_block_bytes(s->dtype);
  size_t weight_bytes = (size_t)(s->n * s->k / block * size), offset = 0, count = 0;
  float *a = calloc((size_t)(s->m * s->k), sizeof *a),
        *c = calloc((size_t)(s->m * s->n), sizeof *c);
  if (a == NULL || c == NULL || weight_bytes > BUFFER_BYTES)
    goto done;
  for (int64_t i = 0; i < s->m * s->k; i++) /* touched, as the weights are */
    a[i] = 1.0f;
  tfm_tensor weight = {.shape = {s->n, s->k}, .dtype = (tfm_dtype)s->dtype, .rank = 2};
  weight.stride[0] = s->columns ? size : s->k / block * size;
  weight.stride[1] = s->columns ? s->n * size : size;
  tfm_gemm g = {.struct_size = sizeof g,
                .rows = s->m,
                .a = a,
                .a_stride = s->k,
                .weight = &weight,
                .c = c,
                .c_stride = s->n};
  const tfm_gemm *problem = &g;
  for (double end = now() + seconds; count < SAMPLES_MAX && (now() < end || count < 3); count++) {
    if (offset + weight_bytes > BUFFER_BYTES)
      offset = 0;
    weight.data = buffer + offset;
    offset += weight_bytes;
    double start = now();
    if (gemm_run_with(isa, pool, &problem, 1, NULL) != 0)
      goto done;
    sample[count] = now() - start;
  }
  qsort(sample, count, sizeof *sample, compare);
  double flops = 2e-9 * (double)(s->m * s->n * s->k), bytes = 1e-9 * (double)weight_bytes;
  double best = sample[0], median = sample[count / 2];
  printf("%-7s %4lld x %5lld x %4lld  %7.1f %7.1f  %3.0f %%   %6.1f %6.1f  %3.0f %%\n",
         s->columns ? "columns" : "rows", (long long)s->m, (long long)s->n, (long long)s->k,
         flops / best, flops / median, 100 * flops / best / peak->flops, bytes / best,
         bytes / median, 100 * bytes / best / peak->bytes);
  fflush(stdout);
done:
  free(a);
  free(c);
  return count > 0 ? 0 : -1;
}

static int run_all(struct pool *pool, const struct gemm_isa *isa, char *buffer, double seconds,
                   int64_t only, enum dtype dtype) {
  static const int64_t rows[] = {1, 4, 16, 128, 512};
  static const int64_t size[][2] = {
      {2304, 768}, {768, 768}, {3072, 768}, {768, 3072}, {50257, 768}};
  struct limit limit = {.isa = isa, .buffer = buffer};
  struct peak peak = {0};
  int status = 0;
  printf(
      "%s, %u threads                GFLOP/s best, median, of peak   GB/s best, median, of DRAM\n",
      isa->name, pool_lanes(pool));
  for (int columns = 0; columns < (dtype_block(dtype) > 1 ? 1 : 2); columns++)
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
      for (size_t j = 0; j < (only > 0 ? 1 : sizeof rows / sizeof *rows); j++) {
        struct shape s = {.m = only > 0 ? only : rows[j],
                          .n = size[i][0],
                          .k = size[i][1],
                          .columns = columns == 1,
                          .dtype = dtype};
        bool head = s.n > 10000; /* a language model's last layer: rows only, and few of them */
        if (head && (s.columns || s.m > 128))
          continue;
        measure_peak(pool, &limit, &peak);
        status |= time_shape(pool, isa, &s, buffer, seconds, &peak);
      }
  printf("peak %.1f GFLOP/s, DRAM %.1f GB/s\n", peak.flops, peak.bytes);
  return status;
}

int main(int argc, char **argv) {
  uint32_t threads = 0;
  const char *name = gemm_isa();
  double seconds = 0.3;
  int64_t only = 0;
  enum dtype dtype = DTYPE_F32;
  for (int option; (option = getopt(argc, argv, "t:i:s:m:d:")) != -1;) {
    switch (option) {
    case 't':
      threads = (uint32_t)strtoul(optarg, NULL, 10);
      break;
    case 'i':
      name = optarg;
      break;
    case 's':
      seconds = strtod(optarg, NULL);
      break;
    case 'm':
      only = strtoll(optarg, NULL, 10);
      break;
    case 'd':
      dtype = dtype_from_name(optarg);
      break;
    default:
      fprintf(stderr, "usage: gemm [-t THREADS] [-i ISA] [-s SECONDS] [-m ROWS] [-d FORMAT]\n");
      return 2;
    }
  }
  const struct gemm_isa *isa = gemm_isa_find(name);
  struct pool *pool = NULL;
  struct tfm_error err = {0};
  char *buffer = malloc(BUFFER_BYTES);
  int status = 1;
  if (isa == NULL)
    fprintf(stderr, "this processor has no %s\n", name);
  else if (dtype_widening(dtype) == NULL)
    fprintf(stderr, "no weight has such a format\n");
  else if (buffer == NULL || pool_create(threads, &pool, &err) != 0)
    fprintf(stderr, "cannot start: %s\n", err.message);
  else {
    memset(buffer, 0, BUFFER_BYTES); /* touched: otherwise all reads meet one page of zeros */
    status = run_all(pool, isa, buffer, seconds, only, dtype) == 0 ? 0 : 1;
  }
  pool_destroy(pool);
  free(buffer);
  return status;
}
