/* attention_fast.h - attention on vectors, with an online softmax (Dao et al.
 * 2022, algorithm 1); included once for each instruction set.
 *
 * A piece of work is one key head of one batch row, and up to ROWS rows of
 * queries: the tokens, times the query heads that share the key head.  Its
 * keys come in blocks of 64:
 *
 *             keys, transposed [K, 64]            values [64, K]
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
  float *values; /* [BLOCK, padded K], used when K is not whole vectors   */
  float *probs;  /* [TILE, BLOCK]                                         */
  float *sums;   /* [ROWS, padded K], of probability times value          */
  float *totals; /* [ROWS, VEC_WIDTH], of probabilities, lane by lane     */
  float *maxima; /* [ROWS], the largest score so far; -inf = none         */
};

/* A piece of work. */
struct attention_piece {
  const struct attention_call *call;
  struct attention_lane lane;
  int64_t b, g;         /* batch row, key head                           */
  int64_t first;        /* query row: token first / group, head % group  */
  int count;            /* of rows, 1..ROWS                              */
  int64_t padded;       /* K rounded up to whole vectors                 */
  int64_t start, keys;  /* of the block: its first key, and how many     */
  const float *value;   /* of the block's first key                      */
  int64_t value_stride; /* in floats                                     */
  uint64_t allowed[ROWS];
};

static int64_t padded_size(int64_t size) {
  return (size + 15) / 16 * 16;
}

static int64_t lane_floats(int64_t size) {
  return size * BLOCK + BLOCK * padded_size(size) + TILE * BLOCK + ROWS * padded_size(size) +
         ROWS * VEC_WIDTH + ROWS;
}

static struct attention_lane lane_at(float *memory, int64_t size) {
  struct attention_lane lane = {.keys = memory};
  lane.values = lane.keys + size * BLOCK;
  lane.probs = lane.values + BLOCK * padded_size(size);
  lane.sums = lane.probs + TILE * BLOCK;
  lane.totals = lane.sums + ROWS * padded_size(size);
  lane.maxima = lane.totals + ROWS * VEC_WIDTH;
  return lane;
}

static int64_t row_token(const struct attention_piece *piece, int row) {
  return (piece->first + row) / piece->call->group;
}

static int64_t row_head(const struct attention_piece *piece, int row) {
  return piece->g * piece->call->group + (piece->first + row) % piece->call->group;
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

/* ---- values: sums [rows, K] += probs [rows, BLOCK] . values [BLOCK, K] */

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

SIMD_INLINE void sum_rows(const struct attention_piece *piece, int rows, int low, int high,
                          float *sums) {
  int64_t size = piece->call->size, c = 0, padded = piece->padded;
  const float *probs = piece->lane.probs;
  for (; c + TILE_VECS * VEC_WIDTH <= size; c += TILE_VECS * VEC_WIDTH)
    sum_some(probs, rows, low, high, piece->value + c, piece->value_stride, TILE_VECS, sums + c,
             padded);
  for (; c < size; c += VEC_WIDTH)
    sum_some(probs, rows, low, high, piece->value + c, piece->value_stride, 1, sums + c, padded);
}

SIMD_TARGET static void sum_tile(const struct attention_piece *piece, int rows, int low, int high,
                                 float *sums) {
  switch (rows) {
  case 1:
    sum_rows(piece, 1, low, high, sums);
    return;
  case 2:
    sum_rows(piece, 2, low, high, sums);
    return;
  case 3:
    sum_rows(piece, 3, low, high, sums);
    return;
  case 4:
    sum_rows(piece, 4, low, high, sums);
    return;
  case 5:
    sum_rows(piece, 5, low, high, sums);
    return;
  default:
    sum_rows(piece, TILE, low, high, sums);
  }
}

/* ---- softmax of a row's block */

/* Where a row's scores are kept for the taps, from key 0 on; NULL = nowhere. */
static float *row_tap(const struct attention_piece *piece, float *tap, int row) {
  const struct attention_call *call = piece->call;
  int64_t index =
      (piece->b * call->heads + row_head(piece, row)) * call->tokens + row_token(piece, row);
  return tap ? tap + index * call->keys_max : NULL;
}

/* Dot products [BLOCK] to scores: scale, bias, mask; and the largest of them. */
SIMD_TARGET static float finish_scores(const struct attention_piece *piece, int row,
                                       float *scores) {
  const struct attention_call *call = piece->call;
  const float *bias = attention_bias(call, piece->b, row_head(piece, row), row_token(piece, row));
  float *tap = row_tap(piece, call->scores ? call->scores : call->probs, row);
  vec scale = vec_set(call->scale), nothing = vec_set(-INFINITY), largest = nothing;
  for (int c = 0; c < BLOCK; c += VEC_WIDTH) {
    int64_t left = piece->keys - c;
    vec x = vec_mul(vec_load(scores + c), scale);
    if (bias && left > 0)
      x = vec_add(x, vec_load_upto(bias + piece->start + c, left));
    x = vec_if_bits((uint32_t)(piece->allowed[row] >> c), x, nothing);
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

SIMD_TARGET static void load_block(struct attention_piece *piece) {
  const struct attention_call *call = piece->call;
  int64_t size = call->size, stride = call->kv_stride;
  int64_t at = piece->b * call->kv_batch + piece->start * stride + piece->g * size;
  const float *key = call->key + at;
  for (int64_t s = 0; s < BLOCK; s += VEC_WIDTH)
    for (int64_t d = 0; d < size; d += VEC_WIDTH)
      vec_transpose(key + s * stride + d, stride, piece->keys - s, size - d,
                    piece->lane.keys + d * BLOCK + s, BLOCK);
  piece->value = call->value + at;
  piece->value_stride = stride;
  if (size % VEC_WIDTH == 0)
    return;
  for (int64_t s = 0; s < piece->keys; s++)
    for (int64_t d = 0; d < size; d += VEC_WIDTH)
      vec_store(piece->lane.values + s * piece->padded + d,
                vec_load_upto(piece->value + s * stride + d, size - d));
  piece->value = piece->lane.values;
  piece->value_stride = piece->padded;
}

/* Rows differ by stride floats: ask for the next block while this one is worked on. */
static void prefetch_block(const struct attention_piece *piece, int64_t keys) {
  const struct attention_call *call = piece->call;
  int64_t at = piece->b * call->kv_batch + piece->g * call->size;
  for (int64_t s = piece->start + BLOCK; s < keys && s < piece->start + 2 * BLOCK; s++)
    for (int64_t d = 0; d < call->size; d += 16) {
      __builtin_prefetch(call->key + at + s * call->kv_stride + d);
      __builtin_prefetch(call->value + at + s * call->kv_stride + d);
    }
}

SIMD_TARGET static void run_tile(const struct attention_piece *piece, int row, int rows) {
  const struct attention_call *call = piece->call;
  const float *q[TILE];
  uint64_t any = 0;
  for (int r = 0; r < rows; r++) {
    int64_t at = (piece->b * call->tokens + row_token(piece, row + r)) * call->heads;
    q[r] = call->q + (at + row_head(piece, row + r)) * call->size;
    any |= piece->allowed[row + r];
  }
  if (any == 0)
    return;
  float *probs = piece->lane.probs;
  score_tile(q, rows, piece->lane.keys, call->size, probs);
  for (int r = 0; r < rows; r++)
    soften(piece, row + r, probs + r * BLOCK);
  sum_tile(piece, rows, __builtin_ctzll(any), 64 - __builtin_clzll(any),
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
  for (int row = 0; row < piece->count; row++) {
    piece->lane.maxima[row] = -INFINITY;
    vec_store(piece->lane.totals + row * VEC_WIDTH, vec_set(0));
    for (int64_t d = 0; d < piece->padded; d += VEC_WIDTH)
      vec_store(piece->lane.sums + row * piece->padded + d, vec_set(0));
    float *tap = row_tap(piece, call->scores ? call->scores : call->probs, row);
    for (int64_t s = 0; tap && s < call->keys_max; s++)
      tap[s] = -INFINITY;
  }
}

SIMD_TARGET static void finish_row(const struct attention_piece *piece, int row) {
  const struct attention_call *call = piece->call;
  float total = vec_sum(vec_load(piece->lane.totals + row * VEC_WIDTH));
  const float *sums = piece->lane.sums + row * piece->padded;
  int64_t at =
      (piece->b * call->tokens + row_token(piece, row)) * call->heads + row_head(piece, row);
  for (int64_t d = 0; d < call->size; d += VEC_WIDTH) {
    vec x = vec_set(0);
    if (total != 0) /* plus zero: a sum of -0 is the 0 that more keys would make it */
      x = vec_add(vec_div(vec_load(sums + d), vec_set(total)), x);
    vec_store_upto(call->out + at * call->size + d, x, call->size - d);
  }
  float *probs = row_tap(piece, call->probs, row);
  const float *scores = row_tap(piece, call->scores ? call->scores : call->probs, row);
  float largest = piece->lane.maxima[row];
  for (int64_t s = 0; probs && s < call->keys_max; s += VEC_WIDTH) {
    vec x = vec_sub(vec_load_upto(scores + s, call->keys_max - s), vec_set(largest));
    x = total != 0 ? vec_div(vec_exp(x), vec_set(total)) : vec_set(0);
    vec_store_upto(probs + s, x, call->keys_max - s);
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
    prefetch_block(piece, keys);
    load_block(piece);
    for (int row = 0; row < piece->count; row += TILE)
      run_tile(piece, row, piece->count - row < TILE ? piece->count - row : TILE);
  }
  for (int row = 0; row < piece->count; row++)
    finish_row(piece, row);
}

struct attention_work {
  const struct attention_call *call;
  float *memory;
  int64_t blocks; /* pieces of one key head */
};

/* Pieces [begin, end): late tokens first, since with a causal mask they have
 * most to do. */
static void run_pieces(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct attention_work *work = arg;
  const struct attention_call *call = work->call;
  int64_t rows = call->tokens * call->group;
  struct attention_piece piece = {
      .call = call,
      .lane = lane_at(work->memory + (int64_t)lane * lane_floats(call->size), call->size),
      .padded = padded_size(call->size)};
  for (int64_t i = begin; i < end; i++) {
    int64_t head = i / work->blocks, block = work->blocks - 1 - i % work->blocks;
    piece.b = head / call->kv_heads;
    piece.g = head % call->kv_heads;
    piece.first = block * ROWS;
    piece.count = (int)(rows - piece.first < ROWS ? rows - piece.first : ROWS);
    run_piece(&piece);
  }
}

static tfm_status run_fast(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  struct attention_call call;
  tfm_status status = attention_open(host, run, &call);
  if (status != TFM_OK)
    return status;
  struct attention_work work = {&call, run->workspace,
                                (call.tokens * call.group + ROWS - 1) / ROWS};
  host->parallel_for(host, call.batch * call.kv_heads * work.blocks, 1, run_pieces, &work);
  return TFM_OK;
}

static tfm_status fast_workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                                 size_t *bytes) {
  (void)instance;
  int64_t heads = tfm_attr_int(run->node, "heads", 1);
  int64_t size = run->input[0]->shape[2] / (heads > 0 ? heads : 1);
  *bytes = (size_t)(lane_floats(size) * (int64_t)host->lanes(host)) * sizeof(float);
  return TFM_OK;
}

const tfm_kernel_desc SIMD_NAME(attention) = {
    KERNEL_OF("attention", SIMD_LABEL, 0), .cpu_need = {SIMD_NEED}, .score = SIMD_SCORE,
    .workspace = fast_workspace,           .run = run_fast,
};

#endif
