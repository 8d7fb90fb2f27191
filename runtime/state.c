/* state.c - the key/value cache: [B, capacity, width] for each layer, twice.
 *
 *     row 0   [past tokens........|new T|      room      ]
 *     row 1   [past...|new T|          room              ]
 *
 * Capacity grows by doubling, up to the model's own limit, and rows are moved
 * over; what kernels did not write is never read. */
#include "base/checked.h"
#include "runtime/session_private.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_STEP = 32 };

int state_create(struct session *session, struct tfm_error *err) {
  const struct graph *graph = session->graph;
  session->state = arena_array(&session->arena, graph->state_count, sizeof *session->state);
  if (!session->state)
    return error_oom(err);
  for (uint32_t i = 0; i < graph->state_count; i++) {
    struct session_state *state = &session->state[i];
    state->value = graph->state[i].value;
    if (!dim_is_number(&graph->state[i].width, &state->width) || state->width < 0)
      return error_set(err, TFM_ERROR_MODEL, "the width of state `%s` is not a number",
                       graph->state[i].name);
  }
  return 0;
}

void state_destroy(struct session *session) {
  for (uint32_t i = 0; session->state && i < session->graph->state_count; i++) {
    free(session->state[i].kv.key.data);
    free(session->state[i].kv.value.data);
  }
}

/* Bytes of one of the two tensors. */
static bool tensor_bytes(int64_t width, uint64_t tokens, size_t *bytes) {
  return checked_mul((size_t)width, sizeof(float), bytes) && checked_mul(*bytes, tokens, bytes);
}

static bool total_bytes(const struct session *session, uint64_t tokens, uint64_t *total) {
  *total = 0;
  for (uint32_t i = 0; i < session->graph->state_count; i++) {
    size_t bytes;
    if (!tensor_bytes(session->state[i].width, tokens, &bytes) ||
        !checked_add_u64(*total, bytes, total) || !checked_add_u64(*total, bytes, total))
      return false;
  }
  return true;
}

uint64_t state_bytes(const struct session *session) {
  uint64_t total;
  return total_bytes(session, session->room, &total) ? total : UINT64_MAX;
}

static void shape_tensor(tfm_tensor *t, int64_t rows, int64_t capacity, int64_t width) {
  t->dtype = TFM_F32;
  t->rank = 3;
  t->shape[0] = rows;
  t->shape[1] = capacity;
  t->shape[2] = width;
  t->stride[2] = (int64_t)sizeof(float);
  t->stride[1] = width * t->stride[2];
  t->stride[0] = capacity * t->stride[1];
}

static void publish(struct session *session, struct session_state *state) {
  shape_tensor(&state->kv.key, session->rows, session->capacity, state->width);
  shape_tensor(&state->kv.value, session->rows, session->capacity, state->width);
  state->kv.past = session->length;
  state->kv.capacity = session->capacity;
  exec_set_state(session->exec, state->value, &state->kv);
}

static void publish_all(struct session *session) {
  for (uint32_t i = 0; i < session->graph->state_count; i++)
    publish(session, &session->state[i]);
}

/* New row i gets what old row from[i] (NULL: i) held, its past tokens. */
static void copy_rows(const struct session *session, const tfm_tensor *old, char *memory,
                      int64_t capacity, const uint32_t *from, uint32_t rows) {
  size_t token = (size_t)old->stride[1];
  for (uint32_t i = 0; old->data && i < rows; i++) {
    uint32_t row = from ? from[i] : i;
    if (row < (uint64_t)old->shape[0] && session->length[row] > 0)
      memcpy(memory + (size_t)i * (size_t)capacity * token,
             (const char *)old->data + (size_t)row * (size_t)old->stride[0],
             (size_t)session->length[row] * token);
  }
}

static int no_room(const struct session *session, uint32_t rows, int64_t capacity, bool limit,
                   struct tfm_error *err) {
  uint64_t total;
  bool known = total_bytes(session, (uint64_t)rows * (uint64_t)capacity, &total);
  if (limit)
    error_set(err, TFM_ERROR_LIMIT, "the key/value cache does not fit the memory limit");
  else
    error_set(err, TFM_ERROR_LIMIT, "out of memory: no room for the key/value cache");
  error_note(err, "found: %u rows of %lld tokens%s", rows, (long long)capacity,
             known ? "" : ", too many to count");
  if (known)
    error_note(err, "found: %llu bytes", (unsigned long long)total);
  error_note(err, "help: give fewer or shorter inputs");
  return -1;
}

static int check_room(const struct session *session, uint32_t rows, int64_t capacity,
                      struct tfm_error *err) {
  uint64_t total;
  if (!total_bytes(session, (uint64_t)rows * (uint64_t)capacity, &total))
    return no_room(session, rows, capacity, false, err);
  if (session->options.memory_limit && total > session->options.memory_limit)
    return no_room(session, rows, capacity, true, err);
  return 0;
}

static void *allocate(int64_t width, uint64_t tokens) {
  size_t bytes;
  void *memory = NULL;
  if (!tensor_bytes(width, tokens, &bytes) ||
      posix_memalign(&memory, PLAN_ALIGNMENT, bytes ? bytes : 1) != 0)
    return NULL;
  return memory;
}

/* Move everything into memory for rows x capacity.  All is allocated before
 * anything is given up, so a failure leaves the session as it was. */
static int move_all(struct session *session, uint32_t rows, int64_t capacity, const uint32_t *from,
                    struct tfm_error *err) {
  uint32_t count = session->graph->state_count;
  uint64_t tokens = (uint64_t)rows * (uint64_t)capacity;
  if (check_room(session, rows, capacity, err) != 0)
    return -1;
  void **memory = calloc((size_t)count * 2 + 1, sizeof *memory);
  bool complete = memory != NULL;
  for (uint32_t i = 0; complete && i < count * 2; i++) {
    memory[i] = allocate(session->state[i / 2].width, tokens);
    complete = memory[i] != NULL;
  }
  if (!complete) {
    for (uint32_t i = 0; memory && i < count * 2; i++)
      free(memory[i]);
    free(memory);
    return no_room(session, rows, capacity, false, err);
  }
  for (uint32_t i = 0; i < count * 2; i++) {
    tfm_kv *kv = &session->state[i / 2].kv;
    tfm_tensor *tensor = i % 2 ? &kv->value : &kv->key;
    copy_rows(session, tensor, memory[i], capacity, from, rows);
    free(tensor->data);
    tensor->data = memory[i];
  }
  free(memory);
  session->capacity = capacity;
  session->room = tokens;
  return 0;
}

static bool any_past(const struct session *session) {
  for (uint32_t b = 0; b < session->rows; b++)
    if (session->length[b] > 0)
      return true;
  return false;
}

/* Twice what there was, in whole steps, but not past the model's limit. */
static int64_t next_capacity(const struct session *session, int64_t need) {
  int64_t wanted = session->capacity > INT64_MAX / 2 ? need : session->capacity * 2;
  if (wanted < need)
    wanted = need;
  if (wanted <= INT64_MAX - CAPACITY_STEP)
    wanted = (wanted + CAPACITY_STEP - 1) / CAPACITY_STEP * CAPACITY_STEP;
  if (session->limit > 0 && wanted > session->limit)
    wanted = session->limit;
  return wanted < need ? need : wanted;
}

int state_reserve(struct session *session, int64_t need, struct tfm_error *err) {
  if (session->graph->state_count == 0)
    return 0;
  if (need > INT32_MAX)
    return error_set(err, TFM_ERROR_LIMIT, "a sequence of %lld tokens is too long",
                     (long long)need);
  bool shaped = session->state[0].kv.key.shape[0] == session->rows;
  if (!any_past(session) && session->rows > 0 && !shaped)
    session->capacity = (int64_t)(session->room / session->rows); /* cut the memory anew */
  if (need <= session->capacity) {
    if (!shaped || session->state[0].kv.key.shape[1] != session->capacity)
      publish_all(session);
    return 0;
  }
  if (move_all(session, session->rows, next_capacity(session, need), NULL, err) != 0)
    return -1;
  publish_all(session);
  return 0;
}

/* Rows that stay, or come from behind all that are left, can move where they are. */
static bool fills_holes(const uint32_t *row, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (row[i] != i && row[i] < count)
      return false;
  return true;
}

/* So can rows that only close up. */
static bool closes_up(const uint32_t *row, uint32_t count) {
  for (uint32_t i = 1; i < count; i++)
    if (row[i] <= row[i - 1])
      return false;
  return true;
}

static void close_up(struct session *session, const uint32_t *row, uint32_t count) {
  for (uint32_t i = 0; i < session->graph->state_count * 2; i++) {
    tfm_kv *kv = &session->state[i / 2].kv;
    tfm_tensor *tensor = i % 2 ? &kv->value : &kv->key;
    for (uint32_t b = 0; b < count; b++)
      if (row[b] != b)
        memmove((char *)tensor->data + (size_t)b * (size_t)tensor->stride[0],
                (char *)tensor->data + (size_t)row[b] * (size_t)tensor->stride[0],
                (size_t)session->length[row[b]] * (size_t)tensor->stride[1]);
  }
}

int state_select(struct session *session, const uint32_t *row, uint32_t count,
                 struct tfm_error *err) {
  if (session->graph->state_count == 0 || session->capacity == 0)
    return 0;
  if (fills_holes(row, count) || closes_up(row, count))
    close_up(session, row, count);
  else if (move_all(session, count, session->capacity, row, err) != 0)
    return -1;
  return 0;
}
