/* product.c - one lane's share of a product: which block when.
 *
 * tile:    for each stretch of columns that fits the scratch
 *            for each block of k
 *              pack the weight's block into panels           L2
 *              for each tile of rows
 *                copy the rows' block                        L1
 *                for each panel: multiply, c in registers
 * direct:  for each stretch of columns: all of k
 *
 * c holds the sum of the blocks so far; a tile that sticks out on the right
 * is computed aside and copied.  Bias joins with the last block. */
#include "runtime/gemm/product.h"

#include "runtime/gemm/widen.h"

#include <assert.h>
#include <string.h>

struct scratch {
  _Alignas(64) float a[GEMM_TILE_M_MAX * GEMM_A_STRIDE];
  float edge[GEMM_TILE_M_MAX * GEMM_TILE_N_MAX];
  float bias[GEMM_DIRECT_MAX];
  struct widen_scratch widen;
  union {
    float panels[GEMM_WIDTH_MAX * GEMM_BLOCK];
    float sums[GEMM_DIRECT_M_MAX * GEMM_SUMS_STRIDE];
  };
};
_Static_assert(sizeof(struct scratch) <= POOL_SCRATCH, "a lane's scratch is too small");

struct product {
  const struct gemm_isa *isa;
  const tfm_gemm *problem;
  struct scratch *scratch;
  struct gemm_range at; /* the lane's share */
};

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static struct gemm_piece piece(const tfm_tensor *w, int64_t n, int64_t n_count, int64_t k,
                               int64_t k_count) {
  const char *at = w->data; /* of another format: widen.c finds its way */
  if (widen_is_direct(w->dtype))
    at += n * w->stride[0] + k * w->stride[1];
  return (struct gemm_piece){
      .data = at,
      .n = n_count,
      .k = k_count,
      .n_stride = w->stride[0],
      .k_stride = w->stride[1],
      .dtype = w->dtype,
  };
}

/* The bias of a stretch as f32, zeros up to a whole panel; NULL without one. */
static const float *widen_bias(struct product *p, int64_t n, int64_t count) {
  const tfm_tensor *bias = p->problem->bias;
  if (bias == NULL)
    return NULL;
  float *to = p->scratch->bias;
  const char *from = (const char *)bias->data + n * bias->stride[0];
  for (int64_t i = 0; i < count; i++)
    dtype_to_f32((enum dtype)bias->dtype, from + i * bias->stride[0], to + i, 1);
  for (int64_t i = count; i % p->isa->tile_n != 0; i++)
    to[i] = 0.0f;
  return to;
}

static void finish(const struct product *p, int64_t m, int64_t rows, int64_t n, int64_t count) {
  const tfm_gemm *g = p->problem;
  if (g->epilogue != NULL)
    for (int64_t i = m; i < m + rows; i++)
      g->epilogue(g->epilogue_arg, i, n, g->c + i * g->c_stride + n, count);
}

static void copy_rows(float *to, int64_t to_stride, const float *from, int64_t from_stride,
                      int64_t rows, int64_t count) {
  for (int64_t i = 0; i < rows; i++)
    memcpy(to + i * to_stride, from + i * from_stride, (size_t)count * sizeof *to);
}

/* Lines of memory that a tile asks for in one step of k. */
static int64_t lines_a_step(const struct product *p) {
  return p->isa->tile_n / 16;
}

/* What the next block will read, asked for panel by panel while this one is
 * multiplied, 16 lines at a time.  A weight in rows: the same k of 16 rows.  In
 * columns: 16 lines side by side in one k, unless the stretch is much narrower.
 * Where two lines a step are wanted, two tiles of rows share them if they can. */
static struct gemm_ahead look_ahead(const struct product *p, const struct gemm_piece *next,
                                    int64_t n, int64_t tile, int64_t tiles) {
  const int64_t n_step = next->n_stride, k_step = next->k_stride, lines = lines_a_step(p);
  struct gemm_ahead ahead;
  int64_t other;
  if (k_step < n_step) {
    ahead = (struct gemm_ahead){.at = next->data + n * n_step, .step = n_step, .jump = 16 * k_step};
    other = 16 * n_step;
  } else {
    const char *at = next->data + n / 16 * (GEMM_BLOCK / 16) * k_step;
    ahead = (struct gemm_ahead){.at = at, .step = 64, .jump = lines * k_step};
    other = k_step;
    if (next->n * n_step < 12 * 64)
      ahead.step = 0;
  }
  if (tiles >= lines)
    ahead.at += tile * other;
  else
    ahead.second = other;
  return ahead;
}

/* One tile of rows against all panels of a stretch.  Asks for the part of the
 * next block that falls to the index-th tile of tiles, and otherwise for the
 * rows of a that the next tile will copy. */
static void tile_row(struct product *p, struct gemm_tile *t, const struct gemm_piece *w, int64_t n,
                     int64_t m, const struct gemm_piece *next, int64_t index, int64_t tiles,
                     const float *next_a) {
  const tfm_gemm *g = p->problem;
  struct scratch *scratch = p->scratch;
  const int64_t width = p->isa->tile_n;
  const float *bias = t->bias;
  float *c = g->c + m * g->c_stride + n;
  for (int64_t j = 0; j < w->n; j += width) {
    int64_t count = smaller(width, w->n - j);
    t->panel = scratch->panels + j * GEMM_BLOCK;
    t->bias = bias != NULL ? bias + j : NULL;
    t->c = c + j;
    t->c_stride = g->c_stride;
    if (index < lines_a_step(p) && j < next->n)
      t->ahead = look_ahead(p, next, j, index, tiles);
    else if (j == 0)
      t->ahead = (struct gemm_ahead){
          .at = (const char *)next_a, .step = g->a_stride * (int64_t)sizeof *t->a, .jump = 64};
    else
      t->ahead = (struct gemm_ahead){.at = (const char *)t->a};
    if (count < width) {
      t->c = scratch->edge;
      t->c_stride = width;
      if (!t->first)
        copy_rows(t->c, width, c + j, g->c_stride, t->m, count);
    }
    p->isa->tile(t);
    if (count < width)
      copy_rows(c + j, g->c_stride, t->c, width, t->m, count);
  }
  t->bias = bias;
}

/* One block of the weight against all rows. */
static void multiply_block(struct product *p, const struct gemm_piece *w, int64_t n, int64_t k,
                           const float *bias, const struct gemm_piece *next) {
  const tfm_gemm *g = p->problem;
  const int64_t inner = g->weight->shape[1], rows = p->at.m_end - p->at.m;
  const int64_t tiles = (rows + p->isa->tile_m - 1) / p->isa->tile_m;
  bool last = k + w->k == inner;
  struct gemm_tile t = {.first = k == 0, .k = w->k, .a = p->scratch->a, .bias = last ? bias : NULL};
  if (widen_is_direct(w->dtype))
    p->isa->pack(w, p->scratch->panels);
  else
    widen_pack(p->isa, g->weight, n, w->n, k, w->k, &p->scratch->widen, p->scratch->panels);
  int64_t m = p->at.m;
  for (int64_t i = 0; i < tiles; i++) { /* rows as even as they go: no thin tile at the end */
    int64_t count = rows / tiles + (i < rows % tiles);
    t.m = (int)count;
    copy_rows(p->scratch->a, GEMM_A_STRIDE, g->a + m * g->a_stride + k, g->a_stride, count, w->k);
    const float *next_a = g->a + (m + count) * g->a_stride + k;
    tile_row(p, &t, w, n, m, next, i, tiles, next_a);
    if (last)
      finish(p, m, count, n, w->n);
    m += count;
  }
}

static void multiply_tiles(struct product *p) {
  const tfm_tensor *w = p->problem->weight;
  const int64_t inner = w->shape[1], width = p->isa->tile_n;
  const int64_t panels = (p->at.n_end - p->at.n + width - 1) / width;
  const int64_t stretches = (panels * width + GEMM_WIDTH_MAX - 1) / GEMM_WIDTH_MAX;
  const int64_t stretch = (panels + stretches - 1) / stretches * width;
  for (int64_t n = p->at.n; n < p->at.n_end; n += stretch) {
    int64_t count = smaller(stretch, p->at.n_end - n);
    const float *bias = widen_bias(p, n, count);
    for (int64_t k = 0; k < inner; k += GEMM_BLOCK) {
      struct gemm_piece now = piece(w, n, count, k, smaller(GEMM_BLOCK, inner - k)), next;
      if (k + GEMM_BLOCK < inner)
        next = piece(w, n, count, k + GEMM_BLOCK, smaller(GEMM_BLOCK, inner - k - GEMM_BLOCK));
      else /* past the end of this share too: the lane's next one mostly starts there */
        next = piece(w, n + count, smaller(stretch, w->shape[0] - n - count), 0,
                     smaller(GEMM_BLOCK, inner));
      if (!widen_is_direct(w->dtype))
        next.n = 0; /* its rows are short: the processor sees them coming */
      multiply_block(p, &now, n, k, bias, &next);
    }
  }
}

static void multiply_direct(struct product *p) {
  const tfm_gemm *g = p->problem;
  const int64_t rows = p->at.m_end - p->at.m, width = gemm_direct_width(rows);
  for (int64_t n = p->at.n; n < p->at.n_end; n += width) {
    int64_t count = smaller(width, p->at.n_end - n);
    struct gemm_direct d = {
        .m = (int)rows,
        .weight = piece(g->weight, n, count, 0, g->weight->shape[1]),
        .a = g->a + p->at.m * g->a_stride,
        .a_stride = g->a_stride,
        .bias = widen_bias(p, n, count),
        .c = g->c + p->at.m * g->c_stride + n,
        .c_stride = g->c_stride,
        .sums = p->scratch->sums,
    };
    if (widen_is_direct(g->weight->dtype))
      p->isa->direct(&d);
    else
      widen_direct(p->isa, g->weight, n, &d, &p->scratch->widen);
    finish(p, p->at.m, rows, n, count);
  }
}

/* K = 0: nothing but the bias. */
static void fill_bias(struct product *p) {
  const tfm_gemm *g = p->problem;
  for (int64_t n = p->at.n; n < p->at.n_end; n += GEMM_DIRECT_MAX) {
    int64_t count = smaller(GEMM_DIRECT_MAX, p->at.n_end - n);
    const float *bias = widen_bias(p, n, count);
    for (int64_t m = p->at.m; m < p->at.m_end; m++)
      for (int64_t i = 0; i < count; i++)
        g->c[m * g->c_stride + n + i] = bias != NULL ? bias[i] : 0.0f;
    finish(p, p->at.m, p->at.m_end - p->at.m, n, count);
  }
}

void product_multiply(const struct gemm_isa *isa, const tfm_gemm *problem, struct gemm_range at,
                      void *scratch) {
  struct product p = {.isa = isa, .problem = problem, .scratch = scratch, .at = at};
  if (problem->weight->shape[1] == 0)
    fill_bias(&p);
  else if (problem->rows <= isa->direct_m)
    multiply_direct(&p);
  else
    multiply_tiles(&p);
}
