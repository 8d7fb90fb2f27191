/* gemm.c - check the problems, choose the instruction set, share the work.
 *
 * c is cut into units: stretches of columns, and for many lanes also ranges
 * of rows.  The units of all problems make one line, which the pool cuts into
 * pieces; a lane takes the neighbouring units of a piece as one.
 *
 *     problem 0              problem 1
 *     | u | u | u | u | u |  | u | u | u |
 *     [ piece    ][ piece        ][ piece]
 */
#include "runtime/gemm/gemm.h"

#include "base/checked.h"
#include "base/dtype.h"
#include "runtime/cpu.h"
#include "runtime/gemm/isa.h"
#include "runtime/gemm/product.h"
#include "runtime/gemm/widen.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

/* Columns in a unit when the weight is read directly. */
enum { DIRECT_UNIT = 64 };

struct region {
  const struct gemm_isa *isa;
  struct pool *pool;
  const tfm_gemm *const *problem;
  uint32_t count;
};

/* How one problem is cut. */
struct cut {
  int64_t unit;    /* columns */
  int64_t n_units; /* columns / unit, rounded up */
  int64_t m_parts; /* of the rows */
  int64_t m_per_part;
};

static int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/* A weight in columns is read a stretch of each of its lines at a time: one
 * long stretch a lane streams a fifth faster than several short ones. */
static int64_t direct_unit(const struct region *r, const tfm_gemm *g) {
  const tfm_tensor *w = g->weight;
  if (w->stride[1] < w->stride[0] || !widen_is_direct(w->dtype))
    return DIRECT_UNIT;
  int64_t lanes = pool_lanes(r->pool), most = gemm_direct_width(g->rows);
  int64_t unit = divide_up(w->shape[0], lanes);
  unit = divide_up(unit, DIRECT_UNIT) * DIRECT_UNIT;
  return unit > most ? most : unit > 0 ? unit : DIRECT_UNIT;
}

/* Rows are cut only when there are too few columns for the lanes, as each
 * part packs the weight again; a part has at least four tiles. */
static struct cut cut_problem(const struct region *r, const tfm_gemm *g) {
  struct cut cut = {.unit = r->isa->tile_n, .m_parts = 1, .m_per_part = g->rows};
  if (g->rows <= r->isa->direct_m)
    cut.unit = direct_unit(r, g);
  cut.n_units = divide_up(g->weight->shape[0], cut.unit);
  int64_t wanted = 4 * (int64_t)pool_lanes(r->pool);
  if (cut.n_units > 0 && cut.n_units < wanted && g->rows > r->isa->direct_m) {
    int64_t least = 4 * r->isa->tile_m, parts = divide_up(wanted, cut.n_units);
    cut.m_per_part = divide_up(g->rows, parts);
    cut.m_per_part = cut.m_per_part < least ? least : cut.m_per_part;
    cut.m_parts = divide_up(g->rows, cut.m_per_part);
  }
  return cut;
}

static int64_t unit_count(const struct region *r, const tfm_gemm *g) {
  if (g->rows == 0)
    return 0;
  struct cut cut = cut_problem(r, g);
  return cut.n_units * cut.m_parts;
}

static void run_units(const struct region *r, const tfm_gemm *g, int64_t begin, int64_t end,
                      void *scratch) {
  struct cut cut = cut_problem(r, g);
  while (begin < end) {
    int64_t part = begin / cut.n_units, from = begin % cut.n_units;
    int64_t to = from + (end - begin);
    to = to < cut.n_units ? to : cut.n_units;
    struct gemm_range at = {
        .m = part * cut.m_per_part, .n = from * cut.unit, .n_end = to * cut.unit};
    at.m_end = at.m + cut.m_per_part < g->rows ? at.m + cut.m_per_part : g->rows;
    at.n_end = at.n_end < g->weight->shape[0] ? at.n_end : g->weight->shape[0];
    product_multiply(r->isa, g, at, scratch);
    begin += to - from;
  }
}

/* Units [begin, end) of the line of all problems. */
static void run_piece(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct region *r = arg;
  int64_t start = 0;
  for (uint32_t i = 0; i < r->count && start < end; i++) {
    int64_t units = unit_count(r, r->problem[i]);
    int64_t from = begin > start ? begin - start : 0;
    int64_t to = end - start < units ? end - start : units;
    if (from < to)
      run_units(r, r->problem[i], from, to, pool_scratch(r->pool, lane));
    start += units;
  }
}

/* -------------------------------------------------------------- validation */

static int check_blocks(const tfm_tensor *w, int64_t block, int64_t size, struct tfm_error *err) {
  if (w->shape[1] % block == 0 && w->stride[1] == size)
    return 0;
  return error_set(err, TFM_ERROR_RUN,
                   "a product's weight of %s is not whole blocks along its last dimension: %lld "
                   "elements, a stride of %lld bytes, blocks of %lld",
                   dtype_name((enum dtype)w->dtype), (long long)w->shape[1],
                   (long long)w->stride[1], (long long)size);
}

static int check_weight(const tfm_tensor *w, struct tfm_error *err) {
  if (w == NULL || w->rank != 2 || !dtype_widening((enum dtype)w->dtype))
    return error_set(err, TFM_ERROR_RUN, "a product needs a weight of rank 2 that has numbers");
  int64_t n = w->shape[0], k = w->shape[1], block = (int64_t)dtype_block((enum dtype)w->dtype);
  int64_t size = (int64_t)dtype_block_bytes((enum dtype)w->dtype);
  if (n < 0 || k < 0 || (w->data == NULL && n > 0 && k > 0))
    return error_set(err, TFM_ERROR_RUN, "a product's weight has no data or a negative dimension");
  if (block > 1)
    return check_blocks(w, block, size, err);
  if (w->stride[0] % size != 0 || w->stride[1] % size != 0 ||
      (w->stride[0] != size && w->stride[1] != size))
    return error_set(err, TFM_ERROR_RUN,
                     "a product's weight is contiguous in neither dimension: strides are %lld and "
                     "%lld bytes of elements of %lld",
                     (long long)w->stride[0], (long long)w->stride[1], (long long)size);
  return 0;
}

static int check_problem(const tfm_gemm *g, struct tfm_error *err) {
  const size_t least = offsetof(tfm_gemm, epilogue_arg) + sizeof g->epilogue_arg;
  if (g == NULL || g->struct_size < least || g->flags != 0)
    return error_set(err, TFM_ERROR_RUN, "a product's description is of an unknown kind");
  if (check_weight(g->weight, err) != 0)
    return -1;
  int64_t n = g->weight->shape[0], k = g->weight->shape[1], span;
  if (g->rows < 0)
    return error_set(err, TFM_ERROR_RUN, "a product has %lld rows", (long long)g->rows);
  const tfm_tensor *bias = g->bias;
  if (bias != NULL && (bias->rank != 1 || !widen_is_direct(bias->dtype) || bias->shape[0] != n ||
                       (bias->data == NULL && n > 0)))
    return error_set(err, TFM_ERROR_RUN,
                     "a product's bias must be %lld elements of f32, f16 or bf16", (long long)n);
  if (g->rows == 0 || n == 0)
    return 0;
  if (g->c == NULL || (g->a == NULL && k > 0))
    return error_set(err, TFM_ERROR_RUN, "a product has no memory for a or c");
  if (g->rows > 1 && (g->c_stride < n || g->a_stride < 0))
    return error_set(err, TFM_ERROR_RUN,
                     "a product's rows of c overlap or those of a run backwards");
  if (!checked_mul_i64(g->rows, g->c_stride < n ? n : g->c_stride, &span) ||
      !checked_mul_i64(g->rows, g->a_stride < k ? k : g->a_stride, &span))
    return error_set(err, TFM_ERROR_LIMIT, "a product of %lld rows is too large",
                     (long long)g->rows);
  return 0;
}

/* ---------------------------------------------------------------- dispatch */

static const struct gemm_isa *chosen;

static void choose(void) {
  static const char *const name[] = {"avx512", "avx2", "portable"};
  for (size_t i = 0; chosen == NULL && i < sizeof name / sizeof name[0]; i++)
    chosen = gemm_isa_find(name[i]);
}

static const struct gemm_isa *choice(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, choose);
  return chosen;
}

const struct gemm_isa *gemm_isa_find(const char *name) {
#if defined(__x86_64__)
  uint64_t features[4];
  cpu_features(features);
  if (strcmp(name, gemm_avx512.name) == 0 && cpu_has(features, TFM_CPU_X86_AVX512) &&
      cpu_has(features, TFM_CPU_X86_AVX2))
    return &gemm_avx512;
  if (strcmp(name, gemm_avx2.name) == 0 && cpu_has(features, TFM_CPU_X86_AVX2))
    return &gemm_avx2;
#endif
  return strcmp(name, gemm_portable.name) == 0 ? &gemm_portable : NULL;
}

const char *gemm_isa(void) {
  return choice()->name;
}

int gemm_run_with(const struct gemm_isa *isa, struct pool *pool, const tfm_gemm *const *problem,
                  uint32_t count, struct tfm_error *err) {
  struct region r = {.isa = isa, .pool = pool, .problem = problem, .count = count};
  int64_t units = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (check_problem(problem[i], err) != 0)
      return -1;
    units += unit_count(&r, problem[i]);
  }
  pool_run(pool, units, 1, run_piece, &r);
  return 0;
}

int gemm_run(struct pool *pool, const tfm_gemm *const *problem, uint32_t count,
             struct tfm_error *err) {
  return gemm_run_with(choice(), pool, problem, count, err);
}
