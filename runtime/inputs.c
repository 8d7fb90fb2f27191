/* inputs.c - give each graph input its shape and its values.
 *
 * A shape comes from the source (tokens.ids is [B, T] of this call) or from a
 * feed.  Matching it with the input's declared type tells what B, T and S are;
 * two inputs that disagree are an error that names both. */
#include "base/buffer.h"
#include "base/checked.h"
#include "graph/letters.h"
#include "runtime/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_source(struct session_input *in, struct tfm_error *err) {
  struct buffer known;
  if (source_find(in->input->source, &in->kind, &in->side))
    return 0;
  error_set(err, TFM_ERROR_MODEL, "input `%s` has the unknown source `%s`", in->input->name,
            in->input->source);
  buffer_init(&known);
  source_print_names(&known);
  error_note(err, "expected: %s", buffer_text(&known));
  buffer_finish(&known);
  return -1;
}

static int check_fed(const struct session_input *in, struct tfm_error *err) {
  switch (in->type->dtype) {
  case DTYPE_NONE:
  case DTYPE_F32:
  case DTYPE_I32:
  case DTYPE_I64:
  case DTYPE_BOOL:
    return 0;
  default:
    return error_set(err, TFM_ERROR_MODEL, "`%s` is %s, which cannot be fed", in->input->name,
                     dtype_name(in->type->dtype));
  }
}

/* The dtype that the session writes; feeds may be any that numbers convert to. */
static int check_type(const struct session_input *in, struct tfm_error *err) {
  const struct source_info *source = source_info(in->kind);
  unsigned rank = letters_rank(source->shape, true);
  if (in->kind == GRAPH_SOURCE_FEED)
    return check_fed(in, err);
  if (in->type->dtype == source->dtype && in->type->rank == rank)
    return 0;
  error_set(err, TFM_ERROR_MODEL, "input `%s` has not the type of its source `%s`", in->input->name,
            in->input->source);
  error_note(err, "expected: %s of %u dimensions", dtype_name(source->dtype), rank);
  error_note(err, "found: %s of %u", dtype_name(in->type->dtype), in->type->rank);
  return -1;
}

int inputs_create(struct session *session, struct tfm_error *err) {
  const struct graph *graph = session->graph;
  session->input = arena_array(&session->arena, graph->input_count, sizeof *session->input);
  if (!session->input)
    return error_oom(err);
  for (uint32_t i = 0; i < graph->input_count; i++) {
    struct session_input *in = &session->input[i];
    in->input = &graph->input[i];
    in->type = &graph->value[in->input->value].type;
    if (find_source(in, err) != 0 || check_type(in, err) != 0)
      return -1;
    session->two_sided = session->two_sided || in->side == GRAPH_SIDE_WRITTEN;
  }
  return 0;
}

void inputs_destroy(struct session *session) {
  for (uint32_t i = 0; session->input && i < session->graph->input_count; i++)
    free(session->input[i].feed.data);
}

/* -------------------------------------------------------------------- shapes */

/* The side whose tokens an input shows; NULL = not given in this call. */
static const struct session_side *side_of(const struct session *session,
                                          const struct session_input *in,
                                          const struct session_side *source,
                                          const struct session_side *side) {
  return session->two_sided && in->side == GRAPH_SIDE_READ ? source : side;
}

static void source_shape(const struct session_input *in, const struct session_side *side,
                         int64_t shape[TFM_MAX_RANK]) {
  const char *letter = source_info(in->kind)->shape;
  for (uint32_t i = 0; letter[i]; i++)
    shape[i] = letter[i] == 'B' ? side->rows : letter[i] == 'S' ? side->total : side->tokens;
}

static const char *dim_name(const struct session *session, uint32_t d) {
  return session->graph->dim[d].name;
}

/* The one variable of a dimension such as T or 2*T; false for others. */
static bool single_variable(const struct dim *dim, uint32_t *variable) {
  unsigned found = 0;
  if (dim->count != 1 || dim->term[0].coefficient <= 0)
    return false;
  for (uint32_t v = 0; v < DIM_VARIABLES; v++)
    if (dim->term[0].power[v]) {
      *variable = v;
      found += dim->term[0].power[v];
    }
  return found == 1;
}

static int disagree(const struct session *session, const struct session_input *in, uint32_t axis,
                    int64_t expected, int64_t found, struct tfm_error *err) {
  (void)session;
  error_set(err, TFM_ERROR_USAGE, "input `%s` has another size than the model and the other inputs",
            in->input->name);
  error_note(err, "expected: dimension %u is %lld", axis, (long long)expected);
  error_note(err, "found: %lld", (long long)found);
  return -1;
}

static int bind_dim(struct session *session, const struct session_input *in, uint32_t axis,
                    int64_t value, int64_t *variable, struct tfm_error *err) {
  const struct dim *dim = &in->type->shape[axis];
  int64_t number;
  uint32_t v;
  if (dim_is_number(dim, &number))
    return number == value ? 0 : disagree(session, in, axis, number, value, err);
  if (!single_variable(dim, &v) || v >= session->graph->dim_count)
    return 0; /* checked once all variables are known */
  int64_t times = dim->term[0].coefficient;
  if (value % times != 0)
    return disagree(session, in, axis, (value / times + 1) * times, value, err);
  if (variable[v] >= 0 && variable[v] != value / times)
    return disagree(session, in, axis, variable[v] * times, value, err);
  variable[v] = value / times;
  return 0;
}

static int check_bounds(const struct session *session, const int64_t *variable,
                        struct tfm_error *err) {
  for (uint32_t d = 0; d < session->graph->dim_count; d++) {
    int64_t bound = session->graph->dim[d].bound;
    if (bound <= 0 || variable[d] <= bound)
      continue;
    error_set(err, TFM_ERROR_LIMIT, "the input is %lld tokens long, more than the model takes",
              (long long)variable[d]);
    error_note(err, "expected: at most %lld (dimension `%s` of the model)", (long long)bound,
               dim_name(session, d));
    error_note(err, "help: give a shorter input");
    return -1;
  }
  return 0;
}

static int shape_of(const struct session *session, const struct session_input *in,
                    const struct session_side *source, const struct session_side *side,
                    int64_t shape[TFM_MAX_RANK], struct tfm_error *err) {
  if (in->feed.data) {
    memcpy(shape, in->feed.shape, sizeof in->feed.shape);
    return 0;
  }
  const struct session_side *own = side_of(session, in, source, side);
  if (in->kind == GRAPH_SOURCE_FEED || !own)
    return error_set(err, TFM_ERROR_USAGE, "input `%s` was not given a value", in->input->name);
  source_shape(in, own, shape);
  return 0;
}

/* ----------------------------------------------------------------------- rows */

/* The run-time dim that differs by row and that the input's second axis is. */
static bool row_dim(const struct session *session, const struct session_input *in, uint32_t *v) {
  return in->kind != GRAPH_SOURCE_FEED && in->type->rank > 1 &&
         single_variable(&in->type->shape[1], v) &&
         (session->program->ragged->differ >> *v & 1) != 0;
}

/* Tokens, or keys, of row b; of a feed of another length than the side's all that it has. */
static int64_t row_tokens(const struct session_input *in, const struct session_side *side,
                          uint32_t b) {
  bool keys = source_info(in->kind)->shape[1] == 'S';
  if (in->feed.data && in->feed.shape[1] != (keys ? side->total : side->tokens))
    return in->feed.shape[1];
  return keys ? (int64_t)side->past[b] + side->count[b] : side->count[b];
}

static int row_room(struct session_rows *rows, uint32_t count, struct tfm_error *err) {
  if (count > rows->room || !rows->begin) {
    int64_t *grown = realloc(rows->begin, ((size_t)count + 1) * sizeof *grown);
    if (!grown)
      return error_oom(err);
    rows->begin = grown;
    rows->room = count;
  }
  rows->rows = count;
  rows->begin[0] = 0;
  return 0;
}

/* Where rows begin along the dims that the entry's inputs have; two inputs of one dim agree. */
static int bind_rows(struct session *session, uint32_t entry, const struct session_side *source,
                     const struct session_side *side, struct tfm_error *err) {
  uint32_t said = 0, v;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    const struct session_side *own = side_of(session, in, source, side);
    if (in->input->entry != (int32_t)entry || !own)
      continue;
    if (!row_dim(session, in, &v)) {
      if (padding_check(session, in, own, err) != 0)
        return -1;
      continue;
    }
    struct session_rows *rows = &session->begin[v];
    bool again = said >> v & 1;
    said |= 1u << v;
    if (!again && row_room(rows, own->rows, err) != 0)
      return -1;
    for (uint32_t b = 0; b < own->rows; b++) {
      int64_t tokens = row_tokens(in, own, b);
      if (again && rows->begin[b + 1] - rows->begin[b] != tokens)
        return disagree(session, in, 1, rows->begin[b + 1] - rows->begin[b], tokens, err);
      rows->begin[b + 1] = rows->begin[b] + tokens;
    }
  }
  return 0;
}

/* What was said of dims, by this entry or those before it. */
static void take_begins(const struct session *session, struct ragged_batch *batch) {
  uint32_t rows = ragged_rows(session->program->ragged, batch);
  for (uint32_t v = 0; v < DIM_VARIABLES; v++)
    batch->begin[v] =
        session->begin[v].begin && batch->variable[v] >= 0 && session->begin[v].rows == rows
            ? session->begin[v].begin
            : NULL;
}

int inputs_bind(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, struct ragged_batch *batch,
                struct tfm_error *err) {
  int64_t shape[TFM_MAX_RANK], n, *variable = batch->variable;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->entry != (int32_t)entry)
      continue;
    if (shape_of(session, in, source, side, shape, err) != 0)
      return -1;
    for (uint32_t axis = 0; axis < in->type->rank; axis++)
      if (bind_dim(session, in, axis, shape[axis], variable, err) != 0)
        return -1;
  }
  /* What the entries before learned holds, unless this one says otherwise. */
  for (uint32_t e = entry; e-- > 0;)
    for (uint32_t d = 0; d < session->graph->dim_count; d++)
      if (variable[d] < 0)
        variable[d] = session->entry[e].variable[d];
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->entry != (int32_t)entry || shape_of(session, in, source, side, shape, err) != 0)
      continue;
    for (uint32_t axis = 0; axis < in->type->rank; axis++)
      if (dim_eval(&in->type->shape[axis], variable, &n) && n != shape[axis])
        return disagree(session, in, axis, n, shape[axis], err);
  }
  if (check_bounds(session, variable, err) != 0 ||
      bind_rows(session, entry, source, side, err) != 0)
    return -1;
  take_begins(session, batch);
  return 0;
}

/* How far a fed input's second dimension can be trusted to be T: [B, T] says it, of a value
 * in the middle one hopes so, [B, S] has those of earlier steps too. */
static unsigned says_tokens(const struct session_input *in) {
  const char *shape = source_info(in->kind)->shape;
  return in->kind == GRAPH_SOURCE_FEED ? 1 : shape[1] == 'T' ? 2 : 0;
}

void inputs_fed_size(const struct session *session, enum graph_when when, int64_t *rows,
                     int64_t *tokens) {
  const struct session_input *best = NULL;
  *rows = *tokens = 0;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (session->graph->entry[in->input->entry].when != when || !in->feed.data || in->feed.rank < 2)
      continue;
    if (!best || says_tokens(in) > says_tokens(best))
      best = in;
  }
  if (best) {
    *rows = best->feed.shape[0];
    *tokens = best->feed.shape[1];
  }
}

/* ------------------------------------------------------------------- filling */

/* Each writes a row's part of a source's tensor.  It may be longer than the row where rows do
 * not lie end to end: then it is filled up with what means nothing. */

static void write_tokens(const int32_t *const *rows, const struct session_side *side, uint32_t b,
                         const tfm_tensor *to) {
  int64_t room = to->shape[1], count = side->count[b];
  memset(to->data, 0, (size_t)room * sizeof(int32_t));
  if (rows && rows[b] && count > 0 && room > 0)
    memcpy(to->data, rows[b], (size_t)(count < room ? count : room) * sizeof(int32_t));
}

static void write_ids(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  write_tokens(side->ids, side, b, to);
}

static void write_types(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  write_tokens(side->types, side, b, to);
}

/* Behind the row's end the last real position again, which any table has. */
static void write_positions(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  int32_t *at = to->data, end = side->past[b] + (int32_t)side->count[b];
  for (int64_t t = 0; t < to->shape[1]; t++) {
    int32_t p = side->past[b] + (int32_t)t;
    at[t] = p < end ? p : end > 0 ? end - 1 : 0;
  }
}

/* 1 from begin to end. */
static void write_real(int64_t begin, int64_t end, const tfm_tensor *to) {
  unsigned char *real = to->data;
  for (int64_t s = 0; s < to->shape[1]; s++)
    real[s] = s >= begin && s < end;
}

static void write_mask(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  write_real(0, (int64_t)side->past[b] + side->count[b], to);
}

static void write_unprompted(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  write_real(side->skip ? side->skip[b] : 0, side->count[b], to);
}

static void write_last(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  *(int32_t *)to->data = side->count[b] > 0 ? (int32_t)side->count[b] - 1 : 0;
}

/* Of the caller's: inputs_fill gives it, shape_of refuses one that was not given. */
static void write_feed(const struct session_side *side, uint32_t b, const tfm_tensor *to) {
  (void)side;
  (void)b;
  (void)to;
}

static void (*const writers[GRAPH_SOURCE_COUNT])(const struct session_side *side, uint32_t b,
                                                 const tfm_tensor *to) = {
#define SOURCE(ID, NAME, ...) [GRAPH_SOURCE_##ID] = write_##NAME,
#include "graph/source.def"
#undef SOURCE
};

static int write_rows(const struct session *session, const struct session_input *in,
                      const struct session_side *side, struct tfm_error *err) {
  for (uint32_t b = 0; b < side->rows; b++) {
    tfm_tensor row;
    if (exec_open_row(session->exec, in->input->value, b, &row, err) != 0)
      return -1;
    if (row.shape[0] > 1) { /* a rectangle for all rows */
      row.data = (char *)row.data + b * row.stride[0];
      row.shape[0] = 1;
    }
    writers[in->kind](side, b, &row);
    exec_close_row(session->exec, in->input->value, &row);
  }
  return 0;
}

int inputs_fill(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, struct tfm_error *err) {
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->entry != (int32_t)entry)
      continue;
    const struct session_side *own = side_of(session, in, source, side);
    if (!in->feed.data && in->kind == GRAPH_SOURCE_IDS && !own->ids)
      return error_set(err, TFM_ERROR_USAGE, "input `%s` needs token ids", in->input->name);
    if ((in->feed.data ? exec_give(session->exec, in->input->value, &in->feed, err)
                       : write_rows(session, in, own, err)) != 0)
      return -1;
  }
  return 0;
}
