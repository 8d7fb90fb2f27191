/* state.c - the rows' keys and values: a sequence a row, and what a step's kernels see of
 * them.
 *
 *     state[layer].kv     one a layer: widths, and where in a block its keys lie
 *       .past .fresh      [rows], the same for all layers
 *       .block            [rows], the sequences' own tables
 *
 * What kernels did not write is never read. */
#include "runtime/session_private.h"

#include <stdlib.h>
#include <string.h>

static int fill_layers(struct session *session, struct cache_layer *layer, struct tfm_error *err) {
  const struct graph *graph = session->graph;
  for (uint32_t i = 0; i < graph->state_count; i++) {
    int64_t width;
    if (!dim_is_number(&graph->state[i].width, &width) || width < 0)
      return error_set(err, TFM_ERROR_MODEL, "the width of state `%s` is not a number",
                       graph->state[i].name);
    layer[i] = (struct cache_layer){.key_width = width, .value_width = width};
  }
  return cache_create(layer, graph->state_count, session->options.memory_limit, &session->cache,
                      err);
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
  if (count == 0)
    return 0;
  session->state = arena_array(&session->arena, count, sizeof *session->state);
  struct cache_layer *layer = calloc(count, sizeof *layer);
  int status = session->state && layer ? fill_layers(session, layer, err) : error_oom(err);
  for (uint32_t i = 0; status == 0 && i < count; i++)
    fill_kv(session, i);
  free(layer);
  return status;
}

void state_destroy(struct session *session) {
  for (uint32_t b = 0; session->sequence && b < session->row_capacity; b++)
    sequence_destroy(session->sequence[b]);
  free(session->sequence);
  cache_destroy(session->cache);
}

int state_rows(struct session *session, uint32_t before, uint32_t rows, struct tfm_error *err) {
  if (!session->cache)
    return 0;
  struct sequence **grown = realloc(session->sequence, rows * sizeof(struct sequence *));
  if (!grown)
    return error_oom(err);
  session->sequence = grown;
  memset(grown + before, 0, (rows - before) * sizeof *grown);
  for (uint32_t b = before; b < rows; b++)
    if (sequence_create(session->cache, &grown[b], err) != 0) {
      while (b-- > before)
        sequence_destroy(grown[b]);
      return -1;
    }
  return 0;
}

uint64_t state_bytes(const struct session *session) {
  if (!session->cache)
    return 0;
  struct cache_size size = cache_size(session->cache);
  return size.used * size.block;
}

/* Capacity doubles, so that workspaces that depend on it seldom change. */
static void publish(struct session *session, int64_t longest) {
  tfm_kv *first = &session->state[0].kv;
  int64_t capacity = first->capacity;
  bool same = first->rows == session->rows && longest <= capacity && first->past == session->length;
  if (longest > capacity)
    capacity = cache_blocks(longest > 2 * capacity ? longest : 2 * capacity) * CACHE_BLOCK;
  for (uint32_t i = 0; !same && i < session->graph->state_count; i++) {
    tfm_kv *kv = &session->state[i].kv;
    kv->rows = session->rows;
    kv->capacity = capacity;
    kv->past = session->length;
    kv->fresh = session->fresh;
    kv->block = session->block;
    exec_set_state(session->exec, session->state[i].value, kv);
  }
}

int state_reserve(struct session *session, const struct session_side *side, struct tfm_error *err) {
  if (!session->cache)
    return 0;
  for (uint32_t b = 0; b < side->rows; b++)
    if (sequence_reserve(session->sequence[b], side->count[b], err) != 0)
      return -1;
  for (uint32_t b = 0; b < side->rows; b++) {
    session->fresh[b] = (int32_t)side->count[b];
    session->block[b] = session->sequence[b]->address;
  }
  publish(session, side->total);
  return 0;
}

void state_advance(struct session *session, const struct session_side *side, bool done) {
  for (uint32_t b = 0; session->cache && b < side->rows; b++) {
    if (done)
      sequence_advance(session->sequence[b], side->count[b]);
    else
      sequence_trim(session->sequence[b]);
    session->length[b] = (int32_t)session->sequence[b]->length;
  }
}

/* Each is forked, then the old ones go: what is moved is a table, never a token. */
int state_select(struct session *session, const uint32_t *row, uint32_t count,
                 struct tfm_error *err) {
  if (!session->cache)
    return 0;
  struct sequence **chosen = calloc(session->rows, sizeof(struct sequence *));
  int status = chosen ? 0 : error_oom(err);
  for (uint32_t i = 0; status == 0 && i < count; i++)
    status = sequence_fork(session->sequence[row[i]], &chosen[i], err);
  for (uint32_t i = count; status == 0 && i < session->rows; i++)
    status = sequence_create(session->cache, &chosen[i], err);
  for (uint32_t i = 0; chosen && i < session->rows; i++) {
    sequence_destroy(status == 0 ? session->sequence[i] : chosen[i]);
    if (status == 0) {
      session->sequence[i] = chosen[i];
      session->length[i] = (int32_t)chosen[i]->length;
    }
  }
  free(chosen);
  return status;
}
