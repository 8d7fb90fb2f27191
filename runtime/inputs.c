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

int inputs_bind(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, int64_t *variable, struct tfm_error *err) {
  int64_t shape[TFM_MAX_RANK], n;
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
  return check_bounds(session, variable, err);
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

/* Each writes a whole tensor of its source's shape. */

static void write_rows(const int32_t *const *rows, const struct session_side *side, int32_t *to) {
  memset(to, 0, (size_t)side->rows * (size_t)side->tokens * sizeof *to);
  for (uint32_t b = 0; rows && b < side->rows; b++)
    if (side->count[b] > 0)
      memcpy(to + (int64_t)b * side->tokens, rows[b], side->count[b] * sizeof *to);
}

static void write_ids(const struct session_side *side, void *to) {
  write_rows(side->ids, side, to);
}

static void write_types(const struct session_side *side, void *to) {
  write_rows(side->types, side, to);
}

/* Where padded the last real position again, which any table has. */
static void write_positions(const struct session_side *side, void *out) {
  int32_t *to = out;
  for (uint32_t b = 0; b < side->rows; b++) {
    int32_t end = side->past[b] + (int32_t)side->count[b];
    for (int64_t t = 0; t < side->tokens; t++) {
      int32_t at = side->past[b] + (int32_t)t;
      *to++ = at < end ? at : end > 0 ? end - 1 : 0;
    }
  }
}

static void write_mask(const struct session_side *side, void *out) {
  unsigned char *to = out;
  for (uint32_t b = 0; b < side->rows; b++) {
    int64_t end = (int64_t)side->past[b] + side->count[b];
    for (int64_t s = 0; s < side->total; s++)
      *to++ = s < end;
  }
}

static void write_unprompted(const struct session_side *side, void *out) {
  unsigned char *to = out;
  for (uint32_t b = 0; b < side->rows; b++) {
    int64_t begin = side->skip ? side->skip[b] : 0;
    for (int64_t t = 0; t < side->tokens; t++)
      *to++ = t >= begin && t < side->count[b];
  }
}

static void write_last(const struct session_side *side, void *out) {
  int32_t *to = out;
  for (uint32_t b = 0; b < side->rows; b++)
    to[b] = side->count[b] > 0 ? (int32_t)side->count[b] - 1 : 0;
}

/* Of the caller's: inputs_fill copies it, shape_of refuses one that was not given. */
static void write_feed(const struct session_side *side, void *out) {
  (void)side;
  (void)out;
}

static void (*const writers[GRAPH_SOURCE_COUNT])(const struct session_side *side, void *to) = {
#define SOURCE(ID, NAME, ...) [GRAPH_SOURCE_##ID] = write_##NAME,
#include "graph/source.def"
#undef SOURCE
};

int inputs_fill(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, struct tfm_error *err) {
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->entry != (int32_t)entry)
      continue;
    const struct session_side *own = side_of(session, in, source, side);
    void *to = exec_tensor(session->exec, in->input->value)->data;
    if (in->feed.data)
      memcpy(to, in->feed.data, in->feed_size);
    else if (in->kind == GRAPH_SOURCE_IDS && !own->ids)
      return error_set(err, TFM_ERROR_USAGE, "input `%s` needs token ids", in->input->name);
    else
      writers[in->kind](own, to);
  }
  return 0;
}
