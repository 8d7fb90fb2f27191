/* session.c - a request, entry by entry.
 *
 * Each call: the sizes of this batch, the run-time dimensions from them, room
 * in the cache, room for activations, the inputs' values, and then the run.
 * All that can be refused is refused before the run. */
#include "runtime/session.h"

#include "runtime/session_private.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1 << 20 };

/* The bound of the cache's own dimension: that of the mask's keys, else of ids. */
static int64_t find_limit(const struct session *session) {
  int64_t limit = 0;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if ((session->two_sided && in->side != GRAPH_SIDE_WRITTEN) || in->type->rank < 2)
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

static void forget_dims(struct session *session) {
  for (uint32_t e = 0; e < session->graph->entry_count; e++)
    for (uint32_t d = 0; d < DIM_VARIABLES; d++)
      session->entry[e].variable[d] = -1;
}

static void forget_runs(struct session *session) {
  for (uint32_t e = 0; e < session->graph->entry_count; e++)
    session->entry[e].ran = false;
  session->encoded = false;
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
  forget_dims(session);
  if (exec_create(program, &exec, &session->exec, err) != 0 || inputs_create(session, err) != 0 ||
      state_create(session, err) != 0) {
    session_destroy(session);
    return -1;
  }
  session->limit = find_limit(session);
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
  free(session->length);
  free(session->fresh);
  free(session->block);
  free(session->zero);
  free(session->source_count);
  free(session->all_count);
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

static int set_rows(struct session *session, int64_t rows, struct tfm_error *err) {
  if (rows < 1 || rows > ROWS_MAX)
    return error_set(err, TFM_ERROR_USAGE, "a batch of %lld inputs is not possible",
                     (long long)rows);
  if (session->rows == rows)
    return 0;
  if (session->rows != 0) {
    error_set(err, TFM_ERROR_USAGE, "a request of %u inputs cannot go on with %lld", session->rows,
              (long long)rows);
    return -1;
  }
  uint32_t before = session->row_capacity, wanted = (uint32_t)rows;
  if (wanted > before) {
    if (!grow((void **)&session->length, before, wanted, sizeof *session->length) ||
        !grow((void **)&session->fresh, before, wanted, sizeof *session->fresh) ||
        !grow((void **)&session->block, before, wanted, sizeof *session->block) ||
        !grow((void **)&session->zero, before, wanted, sizeof *session->zero) ||
        !grow((void **)&session->source_count, before, wanted, sizeof *session->source_count) ||
        !grow((void **)&session->all_count, before, wanted, sizeof *session->all_count))
      return error_oom(err);
    if (state_rows(session, before, wanted, err) != 0)
      return -1;
    session->row_capacity = wanted;
  }
  session->rows = wanted;
  memset(session->length, 0, wanted * sizeof *session->length);
  return 0;
}

/* The side that the batch gives, or that the feeds of those entries imply.
 * goes_on: its tokens follow those that the rows have. */
static int make_side(struct session *session, enum graph_when when,
                     const struct session_batch *batch, bool goes_on, struct session_side *side,
                     struct tfm_error *err) {
  int64_t rows = batch ? batch->rows : 0, tokens = 0;
  if (!batch)
    inputs_fed_size(session, when, &rows, &tokens);
  if (!batch && rows == 0)
    return error_set(err, TFM_ERROR_USAGE, "no input of the model was given");
  if (set_rows(session, rows, err) != 0)
    return -1;
  if (tokens > INT32_MAX)
    return error_set(err, TFM_ERROR_LIMIT, "an input of %lld tokens is too long",
                     (long long)tokens);
  for (uint32_t b = 0; !batch && b < session->rows; b++)
    session->all_count[b] = (uint32_t)tokens;
  *side = (struct session_side){.rows = session->rows,
                                .past = goes_on ? session->length : session->zero,
                                .count = batch ? batch->count : session->all_count,
                                .ids = batch ? batch->ids : NULL,
                                .types = batch ? batch->types : NULL,
                                .skip = batch ? batch->skip : NULL};
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

int session_encode(struct session *session, const struct session_batch *batch,
                   struct tfm_error *err) {
  struct session_side side;
  session_reset(session);
  if (make_side(session, GRAPH_ONCE, batch, false, &side, err) != 0)
    return -1;
  if (run_entries(session, GRAPH_ONCE, &side, &side, err) != 0) {
    session_reset(session);
    return -1;
  }
  memcpy(session->source_count, side.count, side.rows * sizeof *side.count);
  session->encoded = true;
  return 0;
}

/* The encoder's side, as the last encode left it: enough for masks. */
static struct session_side source_side(const struct session *session) {
  struct session_side side = {
      .rows = session->rows, .past = session->zero, .count = session->source_count};
  for (uint32_t b = 0; b < side.rows; b++)
    if (side.count[b] > side.tokens)
      side.tokens = side.count[b];
  side.total = side.tokens;
  return side;
}

/* In a graph of one side, what runs once a request depends on this step's tokens. */
static int run_step(struct session *session, const struct session_side *side,
                    struct tfm_error *err) {
  struct session_side source = source_side(session);
  if (session->two_sided)
    return run_entries(session, GRAPH_STEP, &source, side, err);
  if (run_entries(session, GRAPH_ONCE, side, side, err) != 0)
    return -1;
  return run_entries(session, GRAPH_STEP, side, side, err);
}

static int step(struct session *session, const struct session_batch *batch, struct tfm_error *err) {
  struct session_side side;
  if (session->two_sided && !session->encoded)
    return error_set(err, TFM_ERROR_USAGE, "the model's encoder must run before its decoder");
  if (make_side(session, GRAPH_STEP, batch, true, &side, err) != 0)
    return -1;
  if (session->limit > 0 && side.total > session->limit) {
    error_set(err, TFM_ERROR_LIMIT, "the sequence is %lld tokens long, more than the model takes",
              (long long)side.total);
    error_note(err, "expected: at most %lld", (long long)session->limit);
    return -1;
  }
  int status = state_reserve(session, &side, err);
  if (status == 0)
    status = run_step(session, &side, err);
  state_advance(session, &side, status == 0);
  return status;
}

int session_step(struct session *session, const struct session_batch *batch,
                 struct tfm_error *err) {
  uint32_t before = session->rows;
  int status = step(session, batch, err);
  if (status != 0)
    session->rows = before; /* a first step that failed began no request */
  return status;
}

/* -------------------------------------------------------------------- access */

const tfm_tensor *session_output(const struct session *session, const char *name) {
  const struct graph *graph = session->graph;
  for (uint32_t i = 0; i < graph->output_count; i++) {
    if (strcmp(graph->output[i].name, name) != 0)
      continue;
    int32_t value = graph->output[i].value, entry = graph->value[value].entry;
    struct tfm_error ignored = {0};
    return session->entry[entry].ran ? exec_rectangle(session->exec, value, &ignored) : NULL;
  }
  return NULL;
}

uint32_t session_rows(const struct session *session) {
  return session->rows;
}

int64_t session_length(const struct session *session, uint32_t row) {
  return row < session->rows ? session->length[row] : 0;
}

int session_truncate(struct session *session, uint32_t row, int64_t length, struct tfm_error *err) {
  if (row >= session->rows || length < 0 || length > session->length[row])
    return error_set(err, TFM_ERROR_USAGE, "row %u cannot be cut to %lld tokens", row,
                     (long long)length);
  if (length < session->length[row] && sequence_truncate(session->sequence[row], length, err) != 0)
    return -1;
  session->length[row] = (int32_t)length;
  return 0;
}

bool session_selects(const struct session *session) {
  for (uint32_t i = 0; i < session->graph->input_count; i++)
    if (session->input[i].feed.data)
      return false;
  return !session->two_sided;
}

int session_select(struct session *session, const uint32_t *row, uint32_t count,
                   struct tfm_error *err) {
  if (session->two_sided)
    return error_set(err, TFM_ERROR_USAGE, "rows of an encoder-decoder cannot be chosen anew");
  if (count == 0 || count > session->rows)
    return error_set(err, TFM_ERROR_USAGE, "%u rows cannot become %u", session->rows, count);
  for (uint32_t i = 0; i < count; i++)
    if (row[i] >= session->rows)
      return error_set(err, TFM_ERROR_USAGE, "there is no row %u", row[i]);
  if (state_select(session, row, count, err) != 0)
    return -1;
  session->rows = count;
  forget_runs(session);
  return 0;
}

void session_reset(struct session *session) {
  for (uint32_t b = 0; b < session->rows; b++) {
    if (session->sequence && session->length[b] > 0)
      sequence_truncate(session->sequence[b], 0, NULL);
    session->length[b] = 0;
  }
  session->rows = 0;
  forget_runs(session);
  forget_dims(session);
}

int64_t session_limit(const struct session *session) {
  return session->limit;
}

bool session_cached(const struct session *session) {
  return session->graph->state_count > 0;
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
