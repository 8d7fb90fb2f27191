/* state.c - what a step's rows keep: a sequence each, and what the step's kernels see of
 * them, a layer of keys and values or a tensor.
 *
 *     state[layer].seen.kv      widths, and where in a block its keys lie
 *                 .seen.state   dims, and where in a block of tensors it lies
 *       .past .fresh            [rows], the same for all layers
 *       .block                  [rows], the sequences' own tables
 *       .now .next              [rows], the sequences' blocks of tensors
 *
 * What kernels did not write is never read. */
#include "runtime/session_private.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

static bool is_tensor(const struct graph *graph, uint32_t state) {
  return graph->value[graph->state[state].value].type.dtype == DTYPE_STATE;
}

static int add_layer(const struct graph *graph, uint32_t i, struct cache_layer *layer,
                     struct tfm_error *err) {
  const struct type *type = &graph->value[graph->state[i].value].type;
  int64_t keys, values;
  if (!dim_is_number(&type->shape[0], &keys) || keys < 0 ||
      !dim_is_number(&type->shape[1], &values) || values < 0)
    return error_set(err, TFM_ERROR_MODEL, "the width of state `%s` is not a number",
                     graph->state[i].name);
  *layer = (struct cache_layer){.key_width = keys, .value_width = values};
  return 0;
}

/* Where in a block of tensors the state lies: behind *bytes, which grows. */
static int place_tensor(const struct graph *graph, uint32_t i, size_t *at, size_t *bytes,
                        struct tfm_error *err) {
  const struct type *type = &graph->value[graph->state[i].value].type;
  size_t size = sizeof(float);
  int64_t number = 0;
  bool fits = true;
  for (uint32_t d = 0; d < type->rank; d++)
    fits = fits && dim_is_number(&type->shape[d], &number) && number >= 0 &&
           checked_mul(size, (size_t)number, &size);
  *at = *bytes;
  if (fits && checked_add(size, DEVICE_ALIGNMENT - 1, &size) &&
      checked_add(*bytes, size & ~(size_t)(DEVICE_ALIGNMENT - 1), bytes) &&
      *bytes <= (size_t)INT64_MAX)
    return 0;
  return error_set(err, TFM_ERROR_LIMIT, "the state `%s` is too large", graph->state[i].name);
}

int session_cache_create(const struct program *program, uint64_t memory_limit, struct cache **out,
                         struct tfm_error *err) {
  const struct graph *graph = program->graph;
  uint32_t layers = 0;
  size_t bytes = 0, at;
  *out = NULL;
  if (graph->state_count == 0)
    return 0;
  struct cache_layer *layer = calloc(graph->state_count, sizeof *layer);
  int status = layer ? 0 : error_oom(err);
  for (uint32_t i = 0; status == 0 && i < graph->state_count; i++)
    status = is_tensor(graph, i) ? place_tensor(graph, i, &at, &bytes, err)
                                 : add_layer(graph, i, &layer[layers++], err);
  if (status == 0)
    status = cache_create(program->device, layer, layers, memory_limit, out, err);
  free(layer);
  if (status != 0 || layers == graph->state_count)
    return status;
  if (cache_add_tensors(*out, bytes, err) == 0)
    return 0;
  cache_destroy(*out);
  *out = NULL;
  return -1;
}

static void fill_kv(struct session *session, struct session_state *state, uint32_t number) {
  const struct cache_layer *layer = cache_layer(session->cache, number);
  state->seen.kv = (tfm_kv){.dtype = TFM_F32,
                            .block_tokens = CACHE_BLOCK,
                            .key_width = layer->key_width,
                            .value_width = layer->value_width,
                            .key_at = (int64_t)layer->key_at,
                            .value_at = (int64_t)layer->value_at,
                            .key_stride = layer->key_width * (int64_t)sizeof(float),
                            .value_stride = layer->value_width * (int64_t)sizeof(float)};
}

static void fill_tensor(struct session_state *state, const struct type *type, size_t at) {
  tfm_state *seen = &state->seen.state;
  *seen = (tfm_state){.dtype = TFM_F32, .rank = type->rank, .at = (int64_t)at};
  for (uint32_t d = 0; d < type->rank; d++)
    dim_is_number(&type->shape[d], &seen->shape[d]);
}

static int fill_states(struct session *session, struct tfm_error *err) {
  const struct graph *graph = session->graph;
  uint32_t layers = 0;
  size_t bytes = 0, at;
  for (uint32_t i = 0; i < graph->state_count; i++) {
    struct session_state *state = &session->state[i];
    state->value = graph->state[i].value;
    state->tensor = is_tensor(graph, i);
    if (!state->tensor)
      fill_kv(session, state, layers++);
    else if (place_tensor(graph, i, &at, &bytes, err) == 0)
      fill_tensor(state, &graph->value[state->value].type, at);
    else
      return -1;
  }
  return 0;
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
  return fill_states(session, err);
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

static uint64_t most_bytes(struct cache *cache) {
  struct cache_size size = cache_size(cache);
  return size.most * size.block;
}

uint64_t state_bytes(const struct session *session) {
  if (!session->cache)
    return 0;
  struct cache *tensors = cache_tensors(session->cache);
  return most_bytes(session->cache) + (tensors ? most_bytes(tensors) : 0);
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

static void publish_kv(struct session *session, struct session_state *state, uint32_t rows) {
  tfm_kv *kv = &state->seen.kv;
  kv->rows = rows;
  kv->capacity = session->capacity;
  kv->past = session->past;
  kv->fresh = session->fresh;
  kv->block = session->block;
  const int64_t widths[] = {kv->key_width, kv->value_width};
  exec_set_state(session->exec, state->value, kv, widths);
}

static void publish_tensor(struct session *session, struct session_state *state, uint32_t rows) {
  tfm_state *seen = &state->seen.state;
  seen->rows = rows;
  seen->past = session->past;
  seen->fresh = session->fresh;
  seen->now = session->now;
  seen->next = session->next;
  exec_set_state(session->exec, state->value, seen, seen->shape);
}

/* Capacity doubles, so that workspaces that depend on it seldom change. */
static void publish(struct session *session, uint32_t rows, int64_t longest) {
  if (session->shown_rows == rows && longest <= session->capacity)
    return;
  if (longest > session->capacity)
    session->capacity =
        cache_blocks(longest > 2 * session->capacity ? longest : 2 * session->capacity) *
        CACHE_BLOCK;
  for (uint32_t i = 0; i < session->graph->state_count; i++)
    (session->state[i].tensor ? publish_tensor : publish_kv)(session, &session->state[i], rows);
  session->shown_rows = rows;
}

int state_reserve(struct session *session, const struct session_side *side, struct tfm_error *err) {
  if (!session->cache)
    return 0;
  for (uint32_t b = 0; b < side->rows; b++) {
    if (sequence_reserve(session->sequence[b], side->count[b], err) != 0)
      return -1;
    session->fresh[b] = (int32_t)side->count[b];
    session->block[b] = session->sequence[b]->address;
    session->now[b] = session->sequence[b]->now.address;
    session->next[b] = session->sequence[b]->next.address;
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
