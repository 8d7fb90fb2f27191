/* Products against double precision, and to the bit against one plain loop in
 * the order that gemm.h promises: for every instruction set, layout, dtype,
 * number of rows and of lanes.  Buffers end, or begin, at pages that may not
 * be touched. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#endif
#include "runtime/gemm/gemm.h"

#include "base/dtype.h"
#include "runtime/cpu.h"
#include "runtime/gemm/isa.h"
#include "tests/unit/unit.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const isa_names[] = {"portable", "avx2", "avx512"};
enum { ISAS = sizeof isa_names / sizeof *isa_names, LANES_MAX = 3 };

static struct pool *pools[LANES_MAX + 1];

static struct pool *pool_of(uint32_t lanes) {
  struct tfm_error err = {0};
  if (pools[lanes] == NULL)
    ck_assert_msg(pool_create(lanes, &pools[lanes], &err) == 0, "%s", err.message);
  return pools[lanes];
}

static void destroy_pools(void) {
  for (int i = 0; i <= LANES_MAX; i++) {
    pool_destroy(pools[i]);
    pools[i] = NULL;
  }
}

/* ----------------------------------------------------------------- numbers */

static uint64_t random_state = 1;

static uint64_t random_next(void) { /* splitmix64, Steele et al. 2014 */
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static int64_t random_below(int64_t limit) {
  return (int64_t)(random_next() % (uint64_t)limit);
}

static float random_float(void) {
  return (float)random_below(1 << 20) / (float)(1 << 19) - 1.0f;
}

/* ----------------------------------------------------- memory with an edge */

struct guarded {
  void *map;
  size_t map_size;
  void *data;
};

/* bytes of memory; the page after it (or before it) may not be touched. */
static struct guarded guarded_alloc(size_t bytes, bool guard_before) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
  struct guarded g = {.map_size = body + 2 * page};
  g.map = mmap(NULL, g.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert(g.map != MAP_FAILED);
  char *start = (char *)g.map + page;
  ck_assert(body == 0 || mprotect(start, body, PROT_READ | PROT_WRITE) == 0);
  g.data = guard_before ? start : start + body - bytes;
  return g;
}

static void guarded_free(struct guarded *g) {
  munmap(g->map, g->map_size);
}

/* ------------------------------------------------------------ a random case */

struct spec {
  int64_t m, n, k;
  tfm_dtype dtype, bias_dtype; /* bias NONE = absent */
  bool columns, padded, epilogue, guard_before;
};

struct subject {
  struct spec spec;
  struct guarded a, w, bias, c;
  tfm_tensor weight, bias_tensor;
  tfm_gemm gemm;
  atomic_int *visits; /* [m, n], by the epilogue */
  float *flat;        /* the weight, [n, k] */
  float *wanted[2];   /* [m, n], without and with fused multiply-add; made when asked for */
  atomic_int wrong;
};

static int64_t block_of(tfm_dtype dtype) {
  return (int64_t)dtype_block((enum dtype)dtype);
}

/* Bytes of a block: of an element where it is one. */
static int64_t size_of(tfm_dtype dtype) {
  return (int64_t)dtype_block_bytes((enum dtype)dtype);
}

static void put(void *to, tfm_dtype dtype, int64_t i, float value) {
  uint16_t half = dtype == TFM_F16 ? dtype_f32_to_f16(value) : dtype_f32_to_bf16(value);
  if (dtype == TFM_F32)
    memcpy((char *)to + i * 4, &value, 4);
  else
    memcpy((char *)to + i * 2, &half, 2);
}

static float get(const void *from, tfm_dtype dtype, int64_t offset) {
  float value;
  if (!dtype_to_f32((enum dtype)dtype, (const char *)from + offset, &value, 1))
    ck_abort();
  return value;
}

/* Bytes, but no scale of a block that is not finite. */
static void fill_bytes(unsigned char *to, int64_t blocks, tfm_dtype dtype) {
  float value[DTYPE_BLOCK_MAX];
  for (int64_t i = 0; i < blocks; i++) {
    unsigned char *block = to + i * size_of(dtype);
    bool finite = false;
    while (!finite) {
      for (int64_t j = 0; j < size_of(dtype); j++)
        block[j] = (unsigned char)random_next();
      if (block_of(dtype) > 1)
        block[1] &= 0x3fu, block[3] &= 0x3fu, block[size_of(dtype) - 1] &= 0x3fu;
      dtype_to_f32((enum dtype)dtype, block, value, (size_t)block_of(dtype));
      finite = true;
      for (int64_t j = 0; j < block_of(dtype); j++)
        finite = finite && fabsf(value[j]) < 1e20f;
    }
  }
}

static struct guarded random_values(int64_t count, tfm_dtype dtype, bool guard_before) {
  int64_t blocks = (count + block_of(dtype) - 1) / block_of(dtype);
  struct guarded g = guarded_alloc((size_t)(blocks * size_of(dtype)), guard_before);
  if (dtype != TFM_F32 && dtype != TFM_F16 && dtype != TFM_BF16) {
    fill_bytes(g.data, blocks, dtype);
    return g;
  }
  for (int64_t i = 0; i < count; i++)
    put(g.data, dtype, i, random_float());
  return g;
}

/* value -> 2 value + row, once an element. */
static void double_it(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  struct subject *s = arg;
  const tfm_gemm *g = &s->gemm;
  if (row < 0 || row >= g->rows || column < 0 || count < 1 || column + count > s->spec.n ||
      value != g->c + row * g->c_stride + column) {
    atomic_fetch_add(&s->wrong, 1);
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    atomic_fetch_add(&s->visits[row * s->spec.n + column + i], 1);
    value[i] = 2.0f * value[i] + (float)row;
  }
}

/* Extent of `rows` rows of `count` elements: the last one is not padded. */
static int64_t extent(int64_t rows, int64_t count, int64_t stride) {
  return rows == 0 || count == 0 ? 0 : (rows - 1) * stride + count;
}

/* The weight as f32, [n, k]. */
static float *flatten(const tfm_tensor *w) {
  int64_t columns = w->shape[1], block = block_of(w->dtype);
  float *flat = malloc((size_t)(w->shape[0] * columns) * sizeof *flat + 1), value[DTYPE_BLOCK_MAX];
  ck_assert_ptr_nonnull(flat);
  for (int64_t n = 0; n < w->shape[0]; n++)
    for (int64_t k = 0; k < columns; k += block) {
      const char *at = (const char *)w->data + n * w->stride[0] + k / block * w->stride[1];
      if (!dtype_to_f32((enum dtype)w->dtype, at, value, (size_t)block))
        ck_abort();
      memcpy(flat + n * columns + k, value, (size_t)block * sizeof *value);
    }
  return flat;
}

static void subject_init(struct subject *s, const struct spec *spec) {
  memset(s, 0, sizeof *s);
  s->spec = *spec;
  int64_t m = spec->m, n = spec->n, k = spec->k, size = size_of(spec->dtype);
  int64_t block = block_of(spec->dtype), pad = spec->padded ? 1 + random_below(9) : 0;
  int64_t w_pad = pad * block;
  int64_t lines = spec->columns ? k : n, length = spec->columns ? n : k;
  s->a = random_values(extent(m, k, k + pad), TFM_F32, spec->guard_before);
  s->w = random_values(extent(lines, length, length + w_pad), spec->dtype, spec->guard_before);
  s->c = random_values(extent(m, n, n + pad), TFM_F32, spec->guard_before);
  s->weight = (tfm_tensor){.data = s->w.data, .shape = {n, k}, .dtype = spec->dtype, .rank = 2};
  s->weight.stride[0] = spec->columns ? size : (k + w_pad) / block * size;
  s->weight.stride[1] = spec->columns ? (n + pad) * size : size;
  s->gemm = (tfm_gemm){
      .struct_size = sizeof s->gemm,
      .rows = m,
      .a = s->a.data,
      .a_stride = k + pad,
      .weight = &s->weight,
      .c = s->c.data,
      .c_stride = n + pad,
  };
  if (spec->bias_dtype != TFM_NONE) {
    s->bias = random_values(n, spec->bias_dtype, spec->guard_before);
    s->bias_tensor = (tfm_tensor){.data = s->bias.data,
                                  .shape = {n},
                                  .stride = {size_of(spec->bias_dtype)},
                                  .dtype = spec->bias_dtype,
                                  .rank = 1};
    s->gemm.bias = &s->bias_tensor;
  }
  s->flat = flatten(&s->weight);
  s->visits = calloc((size_t)(m * n) + 1, sizeof *s->visits);
  ck_assert_ptr_nonnull(s->visits);
  if (spec->epilogue) {
    s->gemm.epilogue = double_it;
    s->gemm.epilogue_arg = s;
  }
}

static void subject_finish(struct subject *s) {
  guarded_free(&s->a);
  guarded_free(&s->w);
  guarded_free(&s->c);
  if (s->gemm.bias != NULL)
    guarded_free(&s->bias);
  free(s->visits);
  free(s->flat);
  free(s->wanted[0]);
  free(s->wanted[1]);
}

static float weight_at(const struct subject *s, int64_t n, int64_t k) {
  return s->flat[n * s->spec.k + k];
}

static bool fused(const struct gemm_isa *isa) {
#ifdef FP_FAST_FMAF
  (void)isa;
  return true;
#else
  return isa != &gemm_portable;
#endif
}

/* libcheck writes every assertion that holds to a file, so the loops over
 * elements abort instead.
 *
 * gemm.h's order, said in the fewest words. */
static float in_order(const struct subject *s, const float *a, int64_t n, bool with_fma) {
  float total = 0.0f;
  for (int64_t k = 0; k < s->spec.k;) {
    float sum = 0.0f;
    bool first = k == 0;
    int64_t end = k + 384 < s->spec.k ? k + 384 : s->spec.k;
    for (; k < end; k++) {
      float product = a[k] * weight_at(s, n, k);
      sum = with_fma ? fmaf(a[k], weight_at(s, n, k), sum) : product + sum;
    }
    total = first ? sum : total + sum;
  }
  if (s->gemm.bias != NULL)
    total += get(s->bias.data, s->spec.bias_dtype, n * s->bias_tensor.stride[0]);
  return total;
}

static void run_alone(struct subject *s, const struct gemm_isa *isa, uint32_t lanes) {
  struct tfm_error err = {0};
  const tfm_gemm *problem = &s->gemm;
  int64_t pad = s->gemm.c_stride - s->spec.n;
  for (int64_t i = 0; i < extent(s->spec.m, s->spec.n, s->gemm.c_stride); i++)
    s->gemm.c[i] = 77.0f;
  memset(s->visits, 0, (size_t)(s->spec.m * s->spec.n) * sizeof *s->visits);
  ck_assert_msg(gemm_run_with(isa, pool_of(lanes), &problem, 1, &err) == 0, "%s", err.message);
  for (int64_t m = 0; m + 1 < s->spec.m && s->spec.n > 0; m++)
    for (int64_t i = 0; i < pad; i++) /* nothing between the rows */
      if (s->gemm.c[m * s->gemm.c_stride + s->spec.n + i] != 77.0f)
        ck_abort_msg("%s wrote between the rows of c", isa->name);
  ck_assert_int_eq(atomic_load(&s->wrong), 0);
  for (int64_t i = 0; i < s->spec.m * s->spec.n; i++)
    if (atomic_load(&s->visits[i]) != s->spec.epilogue)
      ck_abort_msg("%s called the epilogue %d times for one element", isa->name,
                   atomic_load(&s->visits[i]));
}

static const float *all_in_order(struct subject *s, bool with_fma) {
  float *to = s->wanted[with_fma];
  if (to != NULL)
    return to;
  to = s->wanted[with_fma] = malloc((size_t)(s->spec.m * s->spec.n) * sizeof *to + 1);
  ck_assert_ptr_nonnull(to);
  for (int64_t m = 0; m < s->spec.m; m++)
    for (int64_t n = 0; n < s->spec.n; n++) {
      float value = in_order(s, s->gemm.a + m * s->gemm.a_stride, n, with_fma);
      to[m * s->spec.n + n] = s->spec.epilogue ? 2.0f * value + (float)m : value;
    }
  return to;
}

/* Every element has exactly the bits of in_order. */
static void check_bits(struct subject *s, const struct gemm_isa *isa) {
  const float *wanted = all_in_order(s, fused(isa));
  for (int64_t m = 0; m < s->spec.m; m++)
    for (int64_t n = 0; n < s->spec.n; n++, wanted++) {
      float found = s->gemm.c[m * s->gemm.c_stride + n];
      if (memcmp(&found, wanted, sizeof found) != 0)
        ck_abort_msg("%s: %lld x %lld x %lld, dtype %u, columns %d: c[%lld, %lld] is %a, not %a",
                     isa->name, (long long)s->spec.m, (long long)s->spec.n, (long long)s->spec.k,
                     s->spec.dtype, s->spec.columns, (long long)m, (long long)n, (double)found,
                     (double)*wanted);
    }
}

/* Higham 2002, section 3.1: |error| <= (K + 2) eps sum |a| |w|, one more for
 * the bias and one for the reference's own rounding. */
static void check_error(struct subject *s) {
  struct spec spec = s->spec;
  size_t bytes = (size_t)extent(spec.m, spec.n, s->gemm.c_stride) * sizeof(float);
  float *found = malloc(bytes + 1);
  ck_assert_ptr_nonnull(found);
  if (bytes > 0)
    memcpy(found, s->gemm.c, bytes);
  gemm_reference(&s->gemm);
  for (int64_t m = 0; m < spec.m; m++)
    for (int64_t n = 0; n < spec.n; n++) {
      double size = 0.0;
      for (int64_t k = 0; k < spec.k; k++)
        size += fabs((double)s->gemm.a[m * s->gemm.a_stride + k] * (double)weight_at(s, n, k));
      if (s->gemm.bias != NULL)
        size += fabs((double)get(s->bias.data, spec.bias_dtype, n * s->bias_tensor.stride[0]));
      double bound = (double)(spec.k + 3) * (double)FLT_EPSILON * size;
      double error =
          (double)found[m * s->gemm.c_stride + n] - (double)s->gemm.c[m * s->gemm.c_stride + n];
      if (!(fabs(error) <= bound))
        ck_abort_msg("c[%lld, %lld] is off by %g, allowed are %g", (long long)m, (long long)n,
                     error, bound);
    }
  free(found);
}

static const tfm_dtype dtypes[] = {TFM_F32, TFM_F16, TFM_BF16};

static struct spec random_spec(int64_t m, int64_t n, int64_t k) {
  return (struct spec){
      .m = m,
      .n = n,
      .k = k,
      .dtype = dtypes[random_below(3)],
      .bias_dtype = random_below(3) == 0 ? TFM_NONE : dtypes[random_below(3)],
      .columns = random_below(2) == 0,
      .padded = random_below(2) == 0,
      .epilogue = random_below(2) == 0,
      .guard_before = random_below(3) == 0,
  };
}

static void check_on(const struct spec *spec, uint32_t lanes_max) {
  struct subject s;
  subject_init(&s, spec);
  for (int i = 0; i < ISAS; i++) {
    const struct gemm_isa *isa = gemm_isa_find(isa_names[i]);
    for (uint32_t lanes = 1; isa != NULL && lanes <= lanes_max; lanes++) {
      run_alone(&s, isa, lanes);
      check_bits(&s, isa);
    }
  }
  if (!spec->epilogue)
    check_error(&s);
  subject_finish(&s);
}

static void check_everywhere(const struct spec *spec) {
  check_on(spec, LANES_MAX);
}

/* ------------------------------------------------------------------- tests */

/* Around every boundary of the kernels: lanes, tiles, panels, blocks. */
START_TEST(test_edges) {
  static const int64_t ms[] = {0, 1, 2, 3, 4, 5, 7, 13, 15, 29}, ns[] = {0, 1, 7, 8, 17, 33, 65},
                       ks[] = {0, 1, 3, 8, 15, 16, 17, 33, 384, 389};
  for (size_t i = 0; i < sizeof ms / sizeof *ms; i += unit_step(2))
    for (size_t j = 0; j < sizeof ns / sizeof *ns; j++)
      for (size_t l = 0; l < sizeof ks / sizeof *ks; l++) {
        if (ms[i] * ns[j] * ks[l] > 100000)
          continue;
        struct spec spec = random_spec(ms[i], ns[j], ks[l]);
        check_everywhere(&spec);
      }
  destroy_pools();
}
END_TEST

START_TEST(test_every_kind) {
  static const int64_t shape[][3] = {
      {1, 37, 53}, {3, 70, 401}, {4, 21, 20}, {6, 40, 19}, {31, 45, 70}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (unsigned kind = 0; kind < 3 * 4 * 2 * 2; kind += unit_step(5)) {
      struct spec spec = random_spec(shape[i][0], shape[i][1], shape[i][2]);
      spec.dtype = dtypes[kind % 3];
      spec.bias_dtype = kind / 3 % 4 == 3 ? TFM_NONE : dtypes[kind / 3 % 4];
      spec.columns = kind / 12 % 2 == 1;
      spec.guard_before = kind / 24 % 2 == 1;
      check_everywhere(&spec);
    }
  destroy_pools();
}
END_TEST

/* Every format that has numbers; packed ones with blocks that reach over a block of k. */
START_TEST(test_every_format) {
  static const int64_t shape[][3] = {{1, 37, 512},   {8, 33, 768}, {6, 5, 0},
                                     {17, 200, 512}, {1, 70, 416}, {9, 40, 32}};
  size_t shapes = getenv("TFM_VALGRIND") ? 1 : sizeof shape / sizeof *shape;
  for (unsigned dtype = TFM_F32; dtype < DTYPE_COUNT; dtype++)
    for (size_t i = 0; dtype_widening((enum dtype)dtype) && i < shapes; i++)
      for (int columns = 0; columns < 2; columns++) {
        struct spec spec = random_spec(shape[i][0], shape[i][1], shape[i][2]);
        spec.dtype = dtype;
        spec.columns = columns == 1;
        if (spec.k % block_of(dtype) == 0 && (block_of(dtype) == 1 || !spec.columns))
          check_on(&spec, i == 1 ? 2 : 1);
      }
  destroy_pools();
}
END_TEST

/* More columns than fit the scratch, more blocks than one, more lanes than columns. */
START_TEST(test_large) {
  static const int64_t shape[][3] = {{1, 2100, 100}, {2, 1040, 800}, {9, 600, 390},
                                     {64, 300, 100}, {200, 20, 60},  {130, 40, 770},
                                     {1, 3, 3100},   {1, 4200, 20},  {8, 2100, 9}};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i += unit_step(2))
    for (int columns = 0; columns < 2; columns++) {
      struct spec spec = random_spec(shape[i][0], shape[i][1], shape[i][2]);
      spec.columns = columns == 1;
      check_everywhere(&spec);
    }
  destroy_pools();
}
END_TEST

/* Row by row, and as ranges of rows, against the whole batch. */
START_TEST(test_batch_and_alone_agree) {
  for (unsigned kind = 0; kind < 6; kind++) {
    struct spec spec = random_spec(33, 90, 500);
    spec.dtype = dtypes[kind % 3];
    spec.columns = kind / 3 == 1;
    spec.epilogue = false;
    struct subject s;
    subject_init(&s, &spec);
    float *alone = calloc((size_t)spec.n * 33, sizeof *alone);
    ck_assert_ptr_nonnull(alone);
    for (int i = 0; i < ISAS; i++) {
      const struct gemm_isa *isa = gemm_isa_find(isa_names[i]);
      if (isa == NULL)
        continue;
      run_alone(&s, isa, 2);
      for (int64_t count = 1; count <= 8; count += 1 + count / 3)
        for (int64_t m = 0; m + count <= spec.m; m += count) {
          tfm_gemm part = s.gemm;
          const tfm_gemm *problem = &part;
          part.rows = count;
          part.a = s.gemm.a + m * s.gemm.a_stride;
          part.c = alone;
          part.c_stride = spec.n;
          ck_assert_int_eq(gemm_run_with(isa, pool_of(1), &problem, 1, NULL), 0);
          for (int64_t r = 0; r < count; r++)
            ck_assert_mem_eq(alone + r * spec.n, s.gemm.c + (m + r) * s.gemm.c_stride,
                             (size_t)spec.n * sizeof(float));
        }
    }
    free(alone);
    subject_finish(&s);
  }
  destroy_pools();
}
END_TEST

START_TEST(test_several_problems_at_once) {
  enum { COUNT = 5 };
  static const int64_t shape[COUNT][3] = {
      {7, 100, 60}, {7, 40, 60}, {0, 10, 10}, {1, 500, 33}, {20, 64, 400}};
  struct subject s[COUNT];
  const tfm_gemm *problem[COUNT];
  for (int i = 0; i < COUNT; i++) {
    struct spec spec = random_spec(shape[i][0], shape[i][1], shape[i][2]);
    subject_init(&s[i], &spec);
    problem[i] = &s[i].gemm;
  }
  for (int i = 0; i < ISAS; i++) {
    const struct gemm_isa *isa = gemm_isa_find(isa_names[i]);
    for (uint32_t lanes = 1; isa != NULL && lanes <= LANES_MAX; lanes++) {
      ck_assert_int_eq(gemm_run_with(isa, pool_of(lanes), problem, COUNT, NULL), 0);
      for (int j = 0; j < COUNT; j++)
        check_bits(&s[j], isa);
    }
  }
  ck_assert_int_eq(gemm_run(pool_of(2), problem, 0, NULL), 0);
  ck_assert_int_eq(gemm_run(pool_of(2), problem, COUNT, NULL), 0);
  for (int i = 0; i < COUNT; i++)
    subject_finish(&s[i]);
  destroy_pools();
}
END_TEST

/* Infinities and NaN of one output stay out of the others. */
START_TEST(test_not_finite) {
  for (int columns = 0; columns < 2; columns++)
    for (int64_t m = 1; m < 8; m += 6) {
      struct spec spec = {.m = m, .n = 35, .k = 20, .dtype = TFM_F32, .columns = columns == 1};
      struct subject s;
      subject_init(&s, &spec);
      char *w = s.w.data;
      float infinity = INFINITY;
      memcpy(w + 34 * s.weight.stride[0] + 3 * s.weight.stride[1], &infinity, sizeof infinity);
      for (int i = 0; i < ISAS; i++) {
        const struct gemm_isa *isa = gemm_isa_find(isa_names[i]);
        if (isa == NULL)
          continue;
        run_alone(&s, isa, 1);
        for (int64_t r = 0; r < m; r++)
          for (int64_t n = 0; n < 35; n++)
            if (isfinite(s.gemm.c[r * s.gemm.c_stride + n]) != (n < 34))
              ck_abort_msg("%s: an infinity went astray", isa->name);
      }
      subject_finish(&s);
    }
  destroy_pools();
}
END_TEST

static void expect_refusal(struct subject *s, const char *words) {
  struct tfm_error err = {0};
  const tfm_gemm *problem = &s->gemm;
  ck_assert_int_eq(gemm_run(pool_of(1), &problem, 1, &err), -1);
  ck_assert_msg(strstr(err.message, words) != NULL, "\"%s\" has no \"%s\"", err.message, words);
}

START_TEST(test_refusals) {
  struct spec spec = {.m = 2, .n = 5, .k = 6, .dtype = TFM_F32, .bias_dtype = TFM_F32};
  struct subject s;
  subject_init(&s, &spec);
  struct subject good = s;
#define REFUSE(words, change)                                                                      \
  do {                                                                                             \
    change;                                                                                        \
    expect_refusal(&s, words);                                                                     \
    s.gemm = good.gemm;                                                                            \
    s.weight = good.weight;                                                                        \
    s.bias_tensor = good.bias_tensor;                                                              \
  } while (0)
  REFUSE("unknown kind", s.gemm.struct_size = 8);
  REFUSE("unknown kind", s.gemm.flags = 1);
  REFUSE("rank 2", s.gemm.weight = NULL);
  REFUSE("rank 2", s.weight.rank = 3);
  REFUSE("rank 2", s.weight.dtype = TFM_MASK);
  REFUSE("rank 2", s.weight.dtype = DTYPE_COUNT);
  REFUSE("of q8_0 is not whole blocks", s.weight.dtype = TFM_Q8_0);
  REFUSE("elements of 8", s.weight.dtype = TFM_F64);
  REFUSE("no data", s.weight.data = NULL);
  REFUSE("no data", s.weight.shape[1] = -1);
  REFUSE("contiguous", s.weight.stride[1] = 8);
  REFUSE("contiguous", s.weight.stride[0] = 25);
  REFUSE("rows", s.gemm.rows = -1);
  REFUSE("bias", s.bias_tensor.shape[0] = 4);
  REFUSE("bias", s.bias_tensor.dtype = TFM_F64);
  REFUSE("bias", s.bias_tensor.rank = 2);
  REFUSE("memory", s.gemm.c = NULL);
  REFUSE("memory", s.gemm.a = NULL);
  REFUSE("overlap", s.gemm.c_stride = 4);
  REFUSE("too large", s.gemm.rows = INT64_MAX / 2);
#undef REFUSE
  struct tfm_error err = {0};
  const tfm_gemm *problem = NULL;
  ck_assert_int_eq(gemm_run(pool_of(1), &problem, 1, &err), -1);
  subject_finish(&s);
  destroy_pools();
}
END_TEST

START_TEST(test_choice) {
  const char *before = getenv("TFM_CPU");
  char *kept = before != NULL ? strdup(before) : NULL;
  uint64_t all[4], capped[4];
  unsetenv("TFM_CPU");
  cpu_features(all);
  ck_assert_ptr_eq(gemm_isa_find("portable"), &gemm_portable);
  ck_assert_ptr_null(gemm_isa_find("abacus"));
  ck_assert((gemm_isa_find("avx2") != NULL) == cpu_has(all, TFM_CPU_X86_AVX2));
  setenv("TFM_CPU", "avx2", 1);
  cpu_features(capped);
  ck_assert(cpu_has(capped, TFM_CPU_X86_AVX2) == cpu_has(all, TFM_CPU_X86_AVX2));
  ck_assert(!cpu_has(capped, TFM_CPU_X86_AVX512) && !cpu_has(capped, TFM_CPU_X86_AMX_BF16));
  ck_assert_ptr_null(gemm_isa_find("avx512"));
  setenv("TFM_CPU", "portable", 1);
  cpu_features(capped);
  for (int i = 0; i < 4; i++)
    ck_assert_uint_eq(capped[i], 0);
  ck_assert_ptr_null(gemm_isa_find("avx2"));
  ck_assert(!cpu_has(all, 256) && !cpu_has(all, 1000));
  if (kept != NULL)
    setenv("TFM_CPU", kept, 1);
  else
    unsetenv("TFM_CPU");
  free(kept);
  ck_assert_ptr_nonnull(gemm_isa_find(gemm_isa()));
}
END_TEST

UNIT_MAIN("gemm", test_edges, test_every_kind, test_every_format, test_large,
          test_batch_and_alone_agree, test_several_problems_at_once, test_not_finite, test_refusals,
          test_choice)
