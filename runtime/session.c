/* session.c - a step, entry by entry.
 *
 * Each call: the sizes of its rows, the run-time dimensions from them, room in the
 * cache, room for activations, the inputs' values, and then the run.  All that can be
 * refused is refused before the run.
 *
 * Memory is asked for by a step of more rows than any before (session_run's arrays),
 * of larger shapes (exec_fit), by a sequence whose table of blocks is full (it
 * doubles), and by the cache when no block is free.  All of it is kept. */
#include "runtime/session.h"

#include "runtime/session_private.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1 << 20 };

/* The bound of a side's own dimension, that of the mask's keys, else of ids: of the encoder's
 * side, or of the cache's. */
static int64_t find_limit(const struct session *session, enum graph_side side) {
  int64_t limit = 0;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if ((session->two_sided && in->side != side) || in->type->rank < 2)
      continue;
    for (uint32_t d = 0; d < session->graph->dim_count; d++) {
      struct dim variable = dim_variable(d);
      int64_t bound = session->graph->dim[d].bound;
      if (bound > 0 && dim_equal(&in->type->shape[1], &variable) && (!limit || bound < limit))
        limit = bound;
    }
  }
  return limit;
}

void session_forget_dims(struct session *session) {
  for (uint32_t e = 0; e < session->graph->entry_count; e++)
    for (uint32_t d = 0; d < DIM_VARIABLES; d++)
      session->entry[e].variable[d] = -1;
}

int session_create(const struct program *program, const struct session_options *options,
                   struct session **out, struct tfm_error *err) {
  *out = NULL;
  struct session *session = calloc(1, sizeof *session);
  if (!session)
    return error_oom(err);
  arena_init(&session->arena, 0);
  session->program = program;
  session->graph = program->graph;
  if (options)
    session->options = *options;
  struct exec_options exec = {.memory_limit = session->options.memory_limit,
                              .cancel = session->options.cancel,
                              .profile = session->options.profile};
  session->entry =
      arena_array(&session->arena, session->graph->entry_count, sizeof *session->entry);
  session->begin = arena_array(&session->arena, DIM_VARIABLES, sizeof *session->begin);
  if (!session->entry || !session->begin) {
    session_destroy(session);
    return error_oom(err);
  }
  session_forget_dims(session);
  if (exec_create(program, &exec, &session->exec, err) != 0 || inputs_create(session, err) != 0 ||
      state_create(session, err) != 0) {
    session_destroy(session);
    return -1;
  }
  session->limit = find_limit(session, GRAPH_SIDE_WRITTEN);
  *out = session;
  return 0;
}

void session_destroy(struct session *session) {
  if (!session)
    return;
  inputs_destroy(session);
  state_destroy(session);
  exec_destroy(session->exec);
  for (uint32_t d = 0; session->begin && d < DIM_VARIABLES; d++)
    free(session->begin[d].begin);
  free(session->past);
  free(session->fresh);
  free(session->block);
  free(session->now);
  free(session->next);
  free(session->count);
  free(session->skip);
  free(session->ids);
  free(session->types);
  free(session->zero);
  sources_destroy(session);
  arena_finish(&session->arena);
  free(session);
}

void session_set_watch(struct session *session, exec_watch *watch, void *arg) {
  exec_set_watch(session->exec, watch, arg);
}

/* ---------------------------------------------------------------------- rows */

static bool grow(void **array, uint32_t before, uint32_t rows, size_t size) {
  char *grown = realloc(*array, (size_t)rows * size);
  if (!grown)
    return false;
  memset(grown + (size_t)before * size, 0, (size_t)(rows - before) * size);
  *array = grown;
  return true;
}

static int fit_rows(struct session *session, int64_t rows, struct tfm_error *err) {
  uint32_t before = session->row_capacity, wanted = (uint32_t)rows;
  if (rows < 1 || rows > ROWS_MAX)
    return error_set(err, TFM_ERROR_USAGE, "a batch of %lld inputs is not possible",
                     (long long)rows);
  if (wanted <= before)
    return 0;
  session->shown_rows = 0;
  if (!grow((void **)&session->past, before, wanted, sizeof *session->past) ||
      !grow((void **)&session->fresh, before, wanted, sizeof *session->fresh) ||
      !grow((void **)&session->block, before, wanted, sizeof *session->block) ||
      !grow((void **)&session->now, before, wanted, sizeof *session->now) ||
      !grow((void **)&session->next, before, wanted, sizeof *session->next) ||
      !grow((void **)&session->count, before, wanted, sizeof *session->count) ||
      !grow((void **)&session->skip, before, wanted, sizeof *session->skip) ||
      !grow((void **)&session->ids, before, wanted, sizeof *session->ids) ||
      !grow((void **)&session->types, before, wanted, sizeof *session->types) ||
      !grow((void **)&session->zero, before, wanted, sizeof *session->zero))
    return error_oom(err);
  if (state_grow(session, before, wanted, err) != 0)
    return -1;
  session->row_capacity = wanted;
  return 0;
}

/* What the rows say, or, without rows, the feeds of those entries. */
static int read_rows(struct session *session, enum graph_when when, const struct step_row *row,
                     uint32_t given, struct session_side *side, struct tfm_error *err) {
  int64_t rows = given, tokens = 0;
  bool ids = given > 0;
  if (given == 0)
    inputs_fed_size(session, when, &rows, &tokens);
  if (given == 0 && rows == 0)
    return error_set(err, TFM_ERROR_USAGE, "no input of the model was given");
  if (tokens > INT32_MAX)
    return error_set(err, TFM_ERROR_LIMIT, "an input of %lld tokens is too long",
                     (long long)tokens);
  if (fit_rows(session, rows, err) != 0)
    return -1;
  for (uint32_t b = 0; b < (uint32_t)rows; b++) {
    session->count[b] = given ? row[b].count : (uint32_t)tokens;
    session->skip[b] = given ? row[b].skip : 0;
    session->ids[b] = given ? row[b].ids : NULL;
    session->types[b] = given ? row[b].types : NULL;
    ids = ids && (session->ids[b] || session->count[b] == 0);
  }
  *side = (struct session_side){.rows = (uint32_t)rows,
                                .past = session->zero,
                                .count = session->count,
                                .ids = ids ? session->ids : NULL,
                                .types = session->types,
                                .skip = session->skip};
  return 0;
}

/* T and S of the side, whose past is known. */
static int measure_side(struct session_side *side, struct tfm_error *err) {
  for (uint32_t b = 0; b < side->rows; b++) {
    int64_t count = side->count[b], total = side->past[b] + count;
    if (total > INT32_MAX)
      return error_set(err, TFM_ERROR_LIMIT, "a sequence of %lld tokens is too long",
                       (long long)total);
    side->tokens = count > side->tokens ? count : side->tokens;
    side->total = total > side->total ? total : side->total;
  }
  return side->tokens > 0 ? 0 : error_set(err, TFM_ERROR_USAGE, "the input is empty");
}

/* ----------------------------------------------------------------------- run */

static int run_entry(struct session *session, uint32_t entry, const struct session_side *source,
                     const struct session_side *side, struct tfm_error *err) {
  struct ragged_batch batch = {0};
  for (uint32_t d = 0; d < DIM_VARIABLES; d++)
    batch.variable[d] = -1;
  session->entry[entry].ran = false;
  if (inputs_bind(session, entry, source, side, &batch, err) != 0)
    return -1;
  if (exec_fit(session->exec, entry, &batch, err) != 0 ||
      inputs_fill(session, entry, source, side, err) != 0)
    return -1;
  memcpy(session->entry[entry].variable, batch.variable, sizeof batch.variable);
  if (exec_run(session->exec, entry, err) != 0)
    return -1;
  session->entry[entry].ran = true;
  return 0;
}

/* All entries that run then, in order. */
static int run_entries(struct session *session, enum graph_when when,
                       const struct session_side *source, const struct session_side *side,
                       struct tfm_error *err) {
  for (uint32_t e = 0; e < session->graph->entry_count; e++)
    if (session->graph->entry[e].when == when && run_entry(session, e, source, side, err) != 0)
      return -1;
  return 0;
}

int session_encode(struct session *session, const struct step_row *row, uint32_t rows,
                   struct source **out, struct tfm_error *err) {
  struct session_side side;
  sources_forget(session);
  session_forget_dims(session);
  if (read_rows(session, GRAPH_ONCE, row, rows, &side, err) != 0 || measure_side(&side, err) != 0 ||
      run_entries(session, GRAPH_ONCE, &side, &side, err) != 0)
    return -1;
  return sources_take(session, &side, out, err);
}

/* In a graph of one side, what runs once a request depends on this step's tokens. */
static int run_step(struct session *session, const struct session_side *side,
                    struct tfm_error *err) {
  struct session_side source = sources_side(session);
  if (session->two_sided)
    return run_entries(session, GRAPH_STEP, &source, side, err);
  if (run_entries(session, GRAPH_ONCE, side, side, err) != 0)
    return -1;
  return run_entries(session, GRAPH_STEP, side, side, err);
}

static int step(struct session *session, struct session_side *side, struct tfm_error *err) {
  if (measure_side(side, err) != 0)
    return -1;
  if (graph_runs(session->graph, GRAPH_STEP) && session->limit > 0 &&
      side->total > session->limit) {
    error_set(err, TFM_ERROR_LIMIT, "the sequence is %lld tokens long, more than the model takes",
              (long long)side->total);
    error_note(err, "expected: at most %lld", (long long)session->limit);
    return -1;
  }
  return state_reserve(session, side, err) == 0 ? run_step(session, side, err) : -1;
}

int session_run(struct session *session, const struct step_row *row, uint32_t rows,
                struct tfm_error *err) {
  struct session_side side;
  bool once = !session->two_sided && graph_runs(session->graph, GRAPH_ONCE);
  if (read_rows(session, once ? GRAPH_ONCE : GRAPH_STEP, row, rows, &side, err) != 0)
    return -1;
  if (session->two_sided && rows > 0 && row[0].source && sources_put(session, row, rows, err) != 0)
    return -1;
  if (session->two_sided && session->source_rows == 0)
    return error_set(err, TFM_ERROR_USAGE, "the model's encoder must run before its decoder");
  if (session->two_sided && session->source_rows != side.rows)
    return error_set(err, TFM_ERROR_USAGE, "a request of %u inputs cannot go on with %u",
                     session->source_rows, side.rows);
  if (state_begin(session, rows ? row : NULL, side.rows, err) != 0)
    return -1;
  side.past = session->past;
  int status = step(session, &side, err);
  state_end(session, side.rows, status == 0);
  return status;
}

/* -------------------------------------------------------------------- access */

/* The value of an output that its entry has made; GRAPH_NONE = there is none. */
static int32_t find_output(const struct session *session, const char *name) {
  const struct graph *graph = session->graph;
  for (uint32_t i = 0; i < graph->output_count; i++)
    if (strcmp(graph->output[i].name, name) == 0 &&
        session->entry[graph->value[graph->output[i].value].entry].ran)
      return graph->output[i].value;
  return GRAPH_NONE;
}

const tfm_tensor *session_output(const struct session *session, const char *name) {
  struct tfm_error ignored = {0};
  int32_t value = find_output(session, name);
  return value == GRAPH_NONE ? NULL : exec_rectangle(session->exec, value, &ignored);
}

bool session_shape(const struct session *session, const char *name, tfm_tensor *out) {
  int32_t value = find_output(session, name);
  if (value != GRAPH_NONE)
    exec_shape(session->exec, value, out);
  return value != GRAPH_NONE;
}

int session_row(const struct session *session, const char *name, uint32_t row, tfm_tensor *out,
                struct tfm_error *err) {
  int32_t value = find_output(session, name);
  if (value == GRAPH_NONE)
    return error_set(err, TFM_ERROR_USAGE, "no output `%s` was made", name);
  if (exec_read_row(session->exec, value, row, out, err) != 0)
    return -1;
  if (out->rank > 0 && out->shape[0] > 1) { /* a rectangle for all rows */
    out->data = (char *)out->data + row * out->stride[0];
    out->shape[0] = 1;
  }
  return 0;
}

bool session_fed(const struct session *session) {
  for (uint32_t i = 0; i < session->graph->input_count; i++)
    if (session->input[i].feed.data)
      return true;
  return false;
}

int64_t session_limit(const struct session *session) {
  return session->limit;
}

int64_t session_source_limit(const struct session *session) {
  return find_limit(session, GRAPH_SIDE_READ);
}

bool session_cached(const struct session *session) {
  return session->graph->state_count > 0;
}

struct cache *session_cache(const struct session *session) {
  return session->cache;
}

uint64_t session_activation_bytes(const struct session *session) {
  return exec_bytes(session->exec);
}

uint64_t session_state_bytes(const struct session *session) {
  return state_bytes(session);
}

const struct exec_profile *session_profiles(const struct session *session, uint32_t *count) {
  return exec_profiles(session->exec, count);
}
