/* state.c - the keys and values of a step's rows: a sequence each, and what the step's
 * kernels see of them.
 *
 *     state[layer].kv     one a layer: widths, and where in a block its keys lie
 *       .past .fresh      [rows], the same for all layers
 *       .block            [rows], the sequences' own tables
 *
 * What kernels did not write is never read. */
#include "runtime/session_private.h"

#include <stdlib.h>
#include <string.h>

int session_cache_create(const struct program *program, uint64_t memory_limit, struct cache **out,
                         struct tfm_error *err) {
  const struct graph *graph = program->graph;
  *out = NULL;
  if (graph->state_count == 0)
    return 0;
  struct cache_layer *layer = calloc(graph->state_count, sizeof *layer);
  int status = layer ? 0 : error_oom(err);
  for (uint32_t i = 0; status == 0 && i < graph->state_count; i++) {
    int64_t width;
    if (!dim_is_number(&graph->state[i].width, &width) || width < 0)
      status = error_set(err, TFM_ERROR_MODEL, "the width of state `%s` is not a number",
                         graph->state[i].name);
    else
      layer[i] = (struct cache_layer){.key_width = width, .value_width = width};
  }
  if (status == 0)
    status = cache_create(program->device, layer, graph->state_count, memory_limit, out, err);
  free(layer);
  return status;
}

static void fill_kv(struct session *session, uint32_t i) {
  const struct cache_layer *layer = cache_layer(session->cache, i);
  session->state[i].value = session->graph->state[i].value;
  session->state[i].kv = (tfm_kv){.dtype = TFM_F32,
                                  .block_tokens = CACHE_BLOCK,
                                  .key_width = layer->key_width,
                                  .value_width = layer->value_width,
                                  .key_at = (int64_t)layer->key_at,
                                  .value_at = (int64_t)layer->value_at,
                                  .key_stride = layer->key_width * (int64_t)sizeof(float),
                                  .value_stride = layer->value_width * (int64_t)sizeof(float)};
}

int state_create(struct session *session, struct tfm_error *err) {
  uint32_t count = session->graph->state_count;
  session->cache = session->options.cache;
  if (count == 0)
    return 0;
  session->state = arena_array(&session->arena, count, sizeof *session->state);
  if (!session->state)
    return error_oom(err);
  if (!session->cache && session_cache_create(session->program, session->options.memory_limit,
                                              &session->cache, err) != 0)
    return -1;
  for (uint32_t i = 0; i < count; i++)
    fill_kv(session, i);
  return 0;
}

void state_destroy(struct session *session) {
  for (uint32_t b = 0; session->own && b < session->row_capacity; b++)
    sequence_destroy(session->own[b]);
  free(session->own);
  free(session->sequence);
  if (!session->options.cache)
    cache_destroy(session->cache);
}

int state_grow(struct session *session, uint32_t before, uint32_t rows, struct tfm_error *err) {
  if (!session->cache)
    return 0;
  struct sequence **chosen = realloc(session->sequence, rows * sizeof(struct sequence *));
  if (chosen)
    session->sequence = chosen;
  struct sequence **own = realloc(session->own, rows * sizeof(struct sequence *));
  if (own)
    session->own = own;
  if (!chosen || !own)
    return error_oom(err);
  for (uint32_t b = before; b < rows; b++)
    if (sequence_create(session->cache, &own[b], err) != 0) {
      while (b-- > before)
        sequence_destroy(own[b]);
      return -1;
    }
  return 0;
}

uint64_t state_bytes(const struct session *session) {
  if (!session->cache)
    return 0;
  struct cache_size size = cache_size(session->cache);
  return size.most * size.block;
}

int state_begin(struct session *session, const struct step_row *row, uint32_t rows,
                struct tfm_error *err) {
  for (uint32_t b = 0; b < rows; b++) {
    struct sequence *s = row && row[b].sequence ? row[b].sequence
                         : session->cache       ? session->own[b]
                                                : NULL;
    if (s && (s->cache != session->cache || s->stepping)) {
      if (b > 0)
        state_end(session, b, false);
      return error_set(err, TFM_ERROR_USAGE,
                       s->stepping ? "row %u goes on from the sequence of another row"
                                   : "row %u goes on from a sequence of another model",
                       b);
    }
    session->past[b] = s ? (int32_t)s->length : 0;
    if (!s)
      continue;
    s->stepping = true;
    session->sequence[b] = s;
    session->fresh[b] = 0;
  }
  return 0;
}

/* Capacity doubles, so that workspaces that depend on it seldom change. */
static void publish(struct session *session, uint32_t rows, int64_t longest) {
  tfm_kv *first = &session->state[0].kv;
  int64_t capacity = first->capacity;
  if (first->rows == rows && longest <= capacity && first->past == session->past &&
      first->fresh == session->fresh && first->block == session->block)
    return;
  if (longest > capacity)
    capacity = cache_blocks(longest > 2 * capacity ? longest : 2 * capacity) * CACHE_BLOCK;
  for (uint32_t i = 0; i < session->graph->state_count; i++) {
    tfm_kv *kv = &session->state[i].kv;
    kv->rows = rows;
    kv->capacity = capacity;
    kv->past = session->past;
    kv->fresh = session->fresh;
    kv->block = session->block;
    exec_set_state(session->exec, session->state[i].value, kv);
  }
}

int state_reserve(struct session *session, const struct session_side *side, struct tfm_error *err) {
  if (!session->cache)
    return 0;
  for (uint32_t b = 0; b < side->rows; b++) {
    if (sequence_reserve(session->sequence[b], side->count[b], err) != 0)
      return -1;
    session->fresh[b] = (int32_t)side->count[b];
    session->block[b] = session->sequence[b]->address;
  }
  publish(session, side->rows, side->total);
  return 0;
}

void state_end(struct session *session, uint32_t rows, bool done) {
  for (uint32_t b = 0; session->cache && b < rows; b++) {
    struct sequence *s = session->sequence[b];
    if (s == session->own[b])
      sequence_truncate(s, 0, NULL);
    else if (done)
      sequence_advance(s, session->fresh[b]);
    sequence_trim(s);
    s->stepping = false;
  }
}
