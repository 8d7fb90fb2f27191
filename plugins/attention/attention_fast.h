/* attention_fast.h - attention on vectors, with an online softmax (Dao et al.
 * 2022, algorithm 1); included once for each instruction set.
 *
 * A piece of work is up to ROWS rows of queries of one batch row.  The rows of
 * a key head are the tokens, times the query heads that share it; a piece is
 * some rows of one head, or, with few tokens, all rows of several heads, which
 * lie side by side in memory.  Its keys come in blocks of 64, and each block
 * is, head by head:
 *
 *             keys, transposed [K, 64]            values [64, W]
 *            +------------------------+          +-----------+
 *            |                        |          |           |
 *     6 rows +------------------------+          |           |
 *     of q   | scores -> probs        | -------> |           |
 *            +------------------------+          +-----------+
 *                                        6 rows of sums, scaled down when
 *                                        a larger score turns up
 *
 * The same bits, whatever else is in the batch: the dot product of a query and
 * a key runs over K in order; blocks start at multiples of 64 from the first
 * key that the batch row allows; probabilities join the sums in the order of
 * the keys.  A key that is not allowed adds exactly nothing, and a block
 * without any scales by exactly one, so both may be skipped. */
#ifndef TFM_PLUGINS_ATTENTION_ATTENTION_FAST_H
#define TFM_PLUGINS_ATTENTION_ATTENTION_FAST_H

#include "plugins/attention/attention.h"
#include "plugins/attention/mask.h"
#include "plugins/common/vmath.h"

#include <math.h>

enum {
  BLOCK = 64, /* keys: the bits of a mask word       */
  ROWS = 48,  /* query rows in one piece of work     */
  TILE = 6,   /* query rows whose sums are registers */
  /* vectors of keys, or of a value, in a tile: TILE * TILE_VECS sums */
  TILE_VECS = VEC_REGISTERS == 32 ? 4 : 2
};

/* A lane's scratch memory, in floats, each part a multiple of 16 long. */
struct attention_lane {
  float *keys;   /* [K, BLOCK]                                            */
  float *values; /* [BLOCK, padded W], used when W is not whole vectors, or
                    the block is not in one place; [BLOCK, padded K] then,
                    of keys, too                                          */
  float *probs;  /* [TILE, BLOCK]                                         */
  float *sums;   /* [ROWS, padded W], of probability times value          */
  float *totals; /* [ROWS, VEC_WIDTH], of probabilities, lane by lane     */
  float *maxima; /* [ROWS], the largest score so far; -inf = none         */
};

/* A piece of work: count rows of each of heads key heads. */
struct attention_piece {
  const struct attention_call *call;
  struct attention_lane lane;
  int64_t b;              /* batch row                                   */
  int64_t g;              /* the first key head                          */
  int64_t first;          /* of a head's rows: token * group + head      */
  int heads, count;       /* heads * count <= ROWS                       */
  int64_t padded;         /* W rounded up to whole vectors               */
  int64_t start, keys;    /* the block's first key, and how many there are */
  uint64_t allowed[ROWS]; /* [count]: what a row may see of the block   */
};

/* Values of a block, of one head. */
struct attention_values {
  const float *at;
  int64_t stride; /* floats */
};

static int64_t padded_size(int64_t size) {
  return (size + 15) / 16 * 16;
}

static int64_t padded_most(const struct attention_heads *is) {
  return padded_size(is->size > is->width ? is->size : is->width);
}

static int64_t lane_floats(const struct attention_heads *is) {
  return is->size * BLOCK + BLOCK * padded_most(is) + TILE * BLOCK + ROWS * padded_size(is->width) +
         ROWS * VEC_WIDTH + ROWS;
}

/* Before the lanes': the first piece of each batch row. */
static int64_t begin_floats(int64_t batch) {
  return ((batch + 1) * (int64_t)(sizeof(int64_t) / sizeof(float)) + 15) / 16 * 16;
}

static struct attention_lane lane_at(float *memory, const struct attention_heads *is) {
  struct attention_lane lane = {.keys = memory};
  lane.values = lane.keys + is->size * BLOCK;
  lane.probs = lane.values + BLOCK * padded_most(is);
  lane.sums = lane.probs + TILE * BLOCK;
  lane.totals = lane.sums + ROWS * padded_size(is->width);
  lane.maxima = lane.totals + ROWS * VEC_WIDTH;
  return lane;
}

/* Rows are numbered through the heads of a piece. */
static int64_t row_token(const struct attention_piece *piece, int row) {
  return (piece->first + row % piece->count) / piece->call->is.group;
}

static int64_t row_head(const struct attention_piece *piece, int row) {
  int64_t group = piece->call->is.group;
  return (piece->g + row / piece->count) * group + (piece->first + row % piece->count) % group;
}

/* ---- scores: [rows, BLOCK] = q [rows, K] . keys [K, BLOCK] */

SIMD_INLINE void score_some(const float *const *q, int rows, const float *keys, int64_t size,
                            float *scores) {
  for (int c = 0; c < BLOCK; c += TILE_VECS * VEC_WIDTH) {
    vec sum[TILE][TILE_VECS];
    SIMD_UNROLL for (int r = 0; r < rows; r++) SIMD_UNROLL for (int j = 0; j < TILE_VECS; j++)
        sum[r][j] = vec_set(0);
    for (int64_t d = 0; d < size; d++) {
      vec k[TILE_VECS];
      SIMD_UNROLL for (int j = 0; j < TILE_VECS; j++) k[j] =
          vec_load(keys + d * BLOCK + c + j * VEC_WIDTH);
      SIMD_UNROLL for (int r = 0; r < rows; r++) {
        vec x = vec_set(q[r][d]);
        SIMD_UNROLL for (int j = 0; j < TILE_VECS; j++) sum[r][j] = vec_fma(x, k[j], sum[r][j]);
      }
    }
    SIMD_UNROLL for (int r = 0; r < rows; r++) SIMD_UNROLL for (int j = 0; j < TILE_VECS; j++)
        vec_store(scores + r * BLOCK + c + j * VEC_WIDTH, sum[r][j]);
  }
}

SIMD_TARGET static void score_tile(const float *const *q, int rows, const float *keys, int64_t size,
                                   float *scores) {
  switch (rows) {
  case 1:
    score_some(q, 1, keys, size, scores);
    return;
  case 2:
    score_some(q, 2, keys, size, scores);
    return;
  case 3:
    score_some(q, 3, keys, size, scores);
    return;
  case 4:
    score_some(q, 4, keys, size, scores);
    return;
  case 5:
    score_some(q, 5, keys, size, scores);
    return;
  default:
    score_some(q, TILE, keys, size, scores);
  }
}

/* ---- values: sums [rows, W] += probs [rows, BLOCK] . values [BLOCK, W] */

/* Keys [low, high) of the block, and vecs vectors of columns. */
SIMD_INLINE void sum_some(const float *probs, int rows, int low, int high, const float *value,
                          int64_t value_stride, int vecs, float *sums, int64_t padded) {
  vec sum[TILE][TILE_VECS];
  SIMD_UNROLL for (int r = 0; r < rows; r++) SIMD_UNROLL for (int j = 0; j < vecs; j++) sum[r][j] =
      vec_load(sums + r * padded + j * VEC_WIDTH);
  for (int s = low; s < high; s++) {
    vec v[TILE_VECS];
    SIMD_UNROLL for (int j = 0; j < vecs; j++) v[j] =
        vec_load(value + s * value_stride + j * VEC_WIDTH);
    SIMD_UNROLL for (int r = 0; r < rows; r++) {
      vec p = vec_set(probs[r * BLOCK + s]);
      SIMD_UNROLL for (int j = 0; j < vecs; j++) sum[r][j] = vec_fma(p, v[j], sum[r][j]);
    }
  }
  SIMD_UNROLL for (int r = 0; r < rows; r++) SIMD_UNROLL for (int j = 0; j < vecs; j++)
      vec_store(sums + r * padded + j * VEC_WIDTH, sum[r][j]);
}

SIMD_INLINE void sum_rows(const struct attention_piece *piece, struct attention_values value,
                          int rows, int low, int high, float *sums) {
  int64_t width = piece->call->is.width, c = 0, padded = piece->padded;
  const float *probs = piece->lane.probs;
  for (; c + TILE_VECS * VEC_WIDTH <= width; c += TILE_VECS * VEC_WIDTH)
    sum_some(probs, rows, low, high, value.at + c, value.stride, TILE_VECS, sums + c, padded);
  for (; c < width; c += VEC_WIDTH)
    sum_some(probs, rows, low, high, value.at + c, value.stride, 1, sums + c, padded);
}

SIMD_TARGET static void sum_tile(const struct attention_piece *piece, struct attention_values value,
                                 int rows, int low, int high, float *sums) {
  switch (rows) {
  case 1:
    sum_rows(piece, value, 1, low, high, sums);
    return;
  case 2:
    sum_rows(piece, value, 2, low, high, sums);
    return;
  case 3:
    sum_rows(piece, value, 3, low, high, sums);
    return;
  case 4:
    sum_rows(piece, value, 4, low, high, sums);
    return;
  case 5:
    sum_rows(piece, value, 5, low, high, sums);
    return;
  default:
    sum_rows(piece, value, TILE, low, high, sums);
  }
}

/* ---- softmax of a row's block */

/* Where a row's scores are kept for the taps, from key 0 on; NULL = nowhere. */
static float *row_tap(const struct attention_piece *piece, float *tap, int row) {
  const struct attention_call *call = piece->call;
  int64_t index =
      (piece->b * call->is.heads + row_head(piece, row)) * call->tokens + row_token(piece, row);
  return tap ? tap + index * call->keys_max : NULL;
}

/* Dot products [BLOCK] to scores: scale, softcap, bias, mask; and the largest of them. */
SIMD_TARGET static float finish_scores(const struct attention_piece *piece, int row,
                                       float *scores) {
  const struct attention_call *call = piece->call;
  float bias[BLOCK];
  if (call->bias) {
    struct bias_query query =
        attention_query_at(call, piece->b, row_head(piece, row), row_token(piece, row));
    bias_row(call->bias, &query, piece->start, piece->keys, bias);
  }
  float *tap = row_tap(piece, call->scores ? call->scores : call->probs, row);
  vec scale = vec_set(call->is.scale), nothing = vec_set(-INFINITY), largest = nothing;
  vec cap = vec_set(call->is.softcap);
  for (int c = 0; c < BLOCK; c += VEC_WIDTH) {
    int64_t left = piece->keys - c;
    vec x = vec_mul(vec_load(scores + c), scale);
    if (call->is.softcap > 0)
      x = vec_mul(cap, vec_tanh(vec_div(x, cap)));
    if (call->bias && left > 0)
      x = vec_add(x, vec_load_upto(bias + c, left));
    x = vec_if_bits((uint32_t)(piece->allowed[row % piece->count] >> c), x, nothing);
    if (tap && left > 0)
      vec_store_upto(tap + piece->start + c, x, left);
    largest = vec_max(largest, x);
    vec_store(scores + c, x);
  }
  return vec_max_across(largest);
}

/* Scores to probabilities, relative to the largest score so far. */
SIMD_TARGET static void soften(const struct attention_piece *piece, int row, float *scores) {
  const struct attention_lane *lane = &piece->lane;
  float *total = lane->totals + row * VEC_WIDTH, *sums = lane->sums + row * piece->padded;
  float before = lane->maxima[row], largest = finish_scores(piece, row, scores);
  largest = largest > before ? largest : before;
  lane->maxima[row] = largest;
  vec all = vec_load(total), top = vec_set(largest == -INFINITY ? 0 : largest);
  if (largest != before) { /* else the factor is one */
    vec factor = vec_exp(vec_sub(vec_set(before), top));
    all = vec_mul(all, factor);
    for (int64_t d = 0; d < piece->padded; d += VEC_WIDTH)
      vec_store(sums + d, vec_mul(vec_load(sums + d), factor));
  }
  for (int c = 0; c < BLOCK; c += VEC_WIDTH) {
    vec p = vec_exp(vec_sub(vec_load(scores + c), top));
    all = vec_add(all, p);
    vec_store(scores + c, p);
  }
  vec_store(total, all);
}

/* ---- a block of keys */

/* Ask for 16 rows of the keys, or values, that the work after this needs. */
static void prefetch_rows(const float *row, int64_t stride) {
  for (int64_t s = 0; s < 16; s++)
    __builtin_prefetch(row + s * stride);
}

/* The block's keys of head g (or its values), which a cache has in two places, one
 * after the other. */
SIMD_TARGET static void gather(const struct attention_piece *piece, int64_t g, bool values) {
  const struct attention_call *call = piece->call;
  int64_t size = values ? call->is.width : call->is.size, padded = padded_size(size);
  for (int64_t s = 0; s < piece->keys; s++) {
    const float *row = values ? attention_value(call, piece->b, piece->start + s)
                              : attention_key(call, piece->b, piece->start + s);
    for (int64_t d = 0; d < size; d += VEC_WIDTH)
      vec_store(piece->lane.values + s * padded + d, vec_load_upto(row + g * size + d, size - d));
  }
}

/* What is worked on after head g of this block: the keys and values of the next head,
 * or of the next block's first; NULL at the end. */
static const float *ahead_of(const struct attention_piece *piece, int64_t g, const float **value) {
  const struct attention_call *call = piece->call;
  int64_t start = piece->start;
  if (++g == piece->g + piece->heads) {
    g = piece->g;
    start += BLOCK;
  }
  if (start >= attention_keys(call, piece->b))
    return NULL;
  *value = attention_value(call, piece->b, start) + g * call->is.width;
  return attention_key(call, piece->b, start) + g * call->is.size;
}

/* Transpose the keys of head g; find its values, or copy them where they are not
 * whole vectors, or not in one place: a block begins at the row's origin, those of a
 * cache at multiples of their size.  Meanwhile ask for what comes after. */
SIMD_TARGET static struct attention_values load_block(const struct attention_piece *piece,
                                                      int64_t g) {
  const struct attention_call *call = piece->call;
  int64_t size = call->is.size, width = call->is.width;
  int64_t stride = attention_key_stride(call), value_stride = attention_value_stride(call);
  int64_t key_stride = stride;
  bool whole = attention_run(call, piece->b, piece->start) >= piece->keys;
  const float *key = attention_key(call, piece->b, piece->start) + g * size, *value = NULL;
  const float *ahead = ahead_of(piece, g, &value);
  if (!whole) {
    gather(piece, g, false);
    key = piece->lane.values;
    key_stride = padded_size(size);
  }
  for (int64_t s = 0; s < BLOCK; s += VEC_WIDTH)
    for (int64_t d = 0; d < size; d += VEC_WIDTH) {
      if (ahead && s % 16 == 0 && d % 16 == 0 && s < piece->keys) {
        prefetch_rows(ahead + s * stride + d, stride);
        if (d < width)
          prefetch_rows(value + s * value_stride + d, value_stride);
      }
      vec_transpose(key + s * key_stride + d, key_stride, piece->keys - s, size - d,
                    piece->lane.keys + d * BLOCK + s, BLOCK);
    }
  if (whole && width % VEC_WIDTH == 0)
    return (struct attention_values){attention_value(call, piece->b, piece->start) + g * width,
                                     value_stride};
  gather(piece, g, true);
  return (struct attention_values){piece->lane.values, piece->padded};
}

SIMD_TARGET static void run_tile(const struct attention_piece *piece, struct attention_values value,
                                 int row, int rows) {
  const struct attention_call *call = piece->call;
  const float *q[TILE];
  uint64_t any = 0;
  for (int r = 0; r < rows; r++) {
    int64_t at = (attention_query(call, piece->b) + row_token(piece, row + r)) * call->is.heads;
    q[r] = call->q + (at + row_head(piece, row + r)) * call->is.size;
    any |= piece->allowed[(row + r) % piece->count];
  }
  if (any == 0)
    return;
  float *probs = piece->lane.probs;
  score_tile(q, rows, piece->lane.keys, call->is.size, probs);
  for (int r = 0; r < rows; r++)
    soften(piece, row + r, probs + r * BLOCK);
  sum_tile(piece, value, rows, __builtin_ctzll(any), 64 - __builtin_clzll(any),
           piece->lane.sums + row * piece->padded);
}

/* Which keys of the block may each row see?  False: none, whatever the row. */
static bool mask_block(struct attention_piece *piece) {
  const struct attention_call *call = piece->call;
  struct mask_block block;
  mask_block_open(&block, call->mask, piece->b, piece->start, piece->keys);
  uint64_t any = 0, bits = 0;
  int64_t past = attention_past(call, piece->b), last = -1;
  for (int row = 0; row < piece->count; row++) {
    int64_t t = row_token(piece, row);
    if (t != last)
      bits = mask_block_row(&block, t, past + t);
    last = t;
    piece->allowed[row] = bits;
    any |= bits;
  }
  return any != 0;
}

/* ---- a piece of work */

SIMD_TARGET static void begin_rows(const struct attention_piece *piece) {
  const struct attention_call *call = piece->call;
  for (int row = 0; row < piece->heads * piece->count; row++) {
    float sink = call->is.sinks ? call->is.sinks[row_head(piece, row)] : -INFINITY;
    piece->lane.maxima[row] = sink;
    vec_store(piece->lane.totals + row * VEC_WIDTH, vec_set(0));
    piece->lane.totals[row * VEC_WIDTH] = sink != -INFINITY ? 1.0f : 0.0f; /* exp(sink - sink) */
    for (int64_t d = 0; d < piece->padded; d += VEC_WIDTH)
      vec_store(piece->lane.sums + row * piece->padded + d, vec_set(0));
    float *tap = row_tap(piece, call->scores ? call->scores : call->probs, row);
    for (int64_t s = 0; tap && s < attention_keys(call, piece->b); s++)
      tap[s] = -INFINITY;
  }
}

SIMD_TARGET static void finish_row(const struct attention_piece *piece, int row) {
  const struct attention_call *call = piece->call;
  float total = vec_sum(vec_load(piece->lane.totals + row * VEC_WIDTH));
  const float *sums = piece->lane.sums + row * piece->padded;
  int64_t at = (attention_query(call, piece->b) + row_token(piece, row)) * call->is.heads +
               row_head(piece, row);
  for (int64_t d = 0; d < call->is.width; d += VEC_WIDTH) {
    vec x = vec_set(0);
    if (total != 0) /* plus zero: a sum of -0 is the 0 that more keys would make it */
      x = vec_add(vec_div(vec_load(sums + d), vec_set(total)), x);
    vec_store_upto(call->out + at * call->is.width + d, x, call->is.width - d);
  }
  float *probs = row_tap(piece, call->probs, row);
  const float *scores = row_tap(piece, call->scores ? call->scores : call->probs, row);
  float largest = piece->lane.maxima[row];
  int64_t keys = attention_keys(call, piece->b);
  for (int64_t s = 0; probs && s < keys; s += VEC_WIDTH) {
    vec x = vec_sub(vec_load_upto(scores + s, keys - s), vec_set(largest));
    x = total != 0 ? vec_div(vec_exp(x), vec_set(total)) : vec_set(0);
    vec_store_upto(probs + s, x, keys - s);
  }
}

static void run_piece(struct attention_piece *piece) {
  int64_t keys = attention_keys(piece->call, piece->b);
  begin_rows(piece);
  for (piece->start = mask_origin(piece->call->mask, piece->b); piece->start < keys;
       piece->start += BLOCK) {
    piece->keys = keys - piece->start < BLOCK ? keys - piece->start : BLOCK;
    if (!mask_block(piece))
      continue;
    for (int h = 0; h < piece->heads; h++) {
      struct attention_values value = load_block(piece, piece->g + h);
      for (int row = 0; row < piece->count; row += TILE)
        run_tile(piece, value, h * piece->count + row,
                 piece->count - row < TILE ? piece->count - row : TILE);
    }
  }
  for (int row = 0; row < piece->heads * piece->count; row++)
    finish_row(piece, row);
}

struct attention_work {
  const struct attention_call *call;
  int64_t lanes;
  float *memory;
  int64_t *begin; /* [B + 1]: a batch row's first piece */
};

/* How a batch row is cut into pieces. */
struct attention_cut {
  int64_t blocks; /* pieces of one key head's rows; 1 if heads > 1 */
  int64_t heads;  /* key heads in a piece                          */
  int64_t groups; /* pieces side by side                           */
};

/* All heads of a batch row at once if their rows fit, but a piece for each
 * lane if there is work enough. */
static struct attention_cut cut_row(const struct attention_work *work, int64_t b) {
  const struct attention_call *call = work->call;
  int64_t rows = attention_tokens(call, b) * call->is.group;
  int64_t heads = (call->batch * call->is.kv_heads + work->lanes - 1) / work->lanes;
  heads = heads > call->is.kv_heads ? call->is.kv_heads : heads;
  if (rows > 0 && heads > ROWS / rows)
    heads = ROWS / rows;
  heads = heads > 0 ? heads : 1;
  return (struct attention_cut){(rows + ROWS - 1) / ROWS, heads,
                                (call->is.kv_heads + heads - 1) / heads};
}

static struct attention_work divide(const tfm_host *host, const struct attention_call *call,
                                    void *memory) {
  struct attention_work work = {.call = call, .lanes = host->lanes(host)};
  work.begin = memory;
  work.memory = (float *)memory + begin_floats(call->batch);
  work.begin[0] = 0;
  for (int64_t b = 0; b < call->batch; b++) {
    struct attention_cut cut = cut_row(&work, b);
    work.begin[b + 1] = work.begin[b] + cut.groups * cut.blocks;
  }
  return work;
}

/* Pieces [begin, end): late tokens first, since with a causal mask they have
 * most to do. */
static void run_pieces(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct attention_work *work = arg;
  const struct attention_call *call = work->call;
  struct attention_piece piece = {
      .call = call,
      .lane = lane_at(work->memory + (int64_t)lane * lane_floats(&call->is), &call->is),
      .padded = padded_size(call->is.width)};
  for (int64_t i = begin; i < end; i++) {
    while (work->begin[piece.b + 1] <= i)
      piece.b++;
    struct attention_cut cut = cut_row(work, piece.b);
    int64_t rows = attention_tokens(call, piece.b) * call->is.group, at = i - work->begin[piece.b];
    int64_t block = cut.blocks - 1 - at % cut.blocks;
    piece.g = at / cut.blocks * cut.heads;
    piece.first = block * ROWS;
    piece.heads =
        (int)(call->is.kv_heads - piece.g < cut.heads ? call->is.kv_heads - piece.g : cut.heads);
    piece.count = (int)(rows - piece.first < ROWS ? rows - piece.first : ROWS);
    run_piece(&piece);
  }
}

static tfm_status run_fast(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct attention_call call;
  tfm_status status = attention_open(host, instance, run, &call);
  if (status != TFM_OK)
    return status;
  struct attention_work work = divide(host, &call, run->workspace);
  host->parallel_for(host, work.begin[call.batch], 1, run_pieces, &work);
  return TFM_OK;
}

static tfm_status fast_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                                 size_t *bytes) {
  const struct attention_heads *is = instance;
  int64_t begin = begin_floats(tfm_row_count(run, run->input[0]));
  *bytes = (size_t)(begin + lane_floats(is) * (int64_t)host->lanes(host)) * sizeof(float);
  return TFM_OK;
}

const tfm_kernel_desc SIMD_NAME(attention) = {
    .cpu_need = {SIMD_NEED},
    .score = SIMD_SCORE,
    .prepare = attention_prepare,
    .workspace = fast_workspace,
    .run = run_fast,
    .destroy = attention_destroy,
    KERNEL_OF("attention", SIMD_LABEL, TFM_KERNEL_KNOWS_ROWS),
};

#endif
