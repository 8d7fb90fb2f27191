/* inputs.c - give each graph input its shape and its values.
 *
 * A shape comes from the source (tokens.ids is [B, T] of this call) or from a
 * feed.  Matching it with the input's declared type tells what B, T and S are;
 * two inputs that disagree are an error that names both. */
#include "base/checked.h"
#include "runtime/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  enum source_kind kind;
} sources[] = {{"ids", SOURCE_IDS},   {"types", SOURCE_TYPES}, {"positions", SOURCE_POSITIONS},
               {"mask", SOURCE_MASK}, {"last", SOURCE_LAST},   {"unprompted", SOURCE_UNPROMPTED}};

static int find_source(struct session_input *in, struct tfm_error *err) {
  const char *source = in->input->source ? in->input->source : "";
  const char *dot = strchr(source, '.');
  in->generated = strncmp(source, "generated.", 10) == 0;
  if (strcmp(source, "feed") == 0) {
    in->kind = SOURCE_FEED;
    return 0;
  }
  for (size_t i = 0; dot && i < sizeof sources / sizeof sources[0]; i++)
    if (strcmp(dot + 1, sources[i].name) == 0 &&
        (in->generated || strncmp(source, "tokens.", 7) == 0)) {
      in->kind = sources[i].kind;
      return 0;
    }
  error_set(err, TFM_ERROR_MODEL, "input `%s` has the unknown source `%s`", in->input->name,
            source);
  error_note(err, "expected: tokens or generated, then .ids, .types, .positions, .mask, "
                  ".unprompted or .last");
  return -1;
}

/* The dtype that the session writes; feeds may be any that numbers convert to. */
static int check_type(const struct session_input *in, struct tfm_error *err) {
  static const enum dtype wanted[] = {DTYPE_I32,  DTYPE_I32, DTYPE_I32,
                                      DTYPE_BOOL, DTYPE_I32, DTYPE_BOOL};
  static const uint32_t rank[] = {2, 2, 2, 2, 1, 2};
  if (in->kind == SOURCE_FEED) {
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
  if (in->type->dtype == wanted[in->kind] && in->type->rank == rank[in->kind])
    return 0;
  error_set(err, TFM_ERROR_MODEL, "input `%s` has not the type of its source `%s`", in->input->name,
            in->input->source);
  error_note(err, "expected: %s of %u dimensions", dtype_name(wanted[in->kind]), rank[in->kind]);
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
    session->two_sided = session->two_sided || in->generated;
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
  return session->two_sided && !in->generated ? source : side;
}

static void source_shape(const struct session_input *in, const struct session_side *side,
                         int64_t shape[TFM_MAX_RANK]) {
  shape[0] = side->rows;
  shape[1] = in->kind == SOURCE_MASK ? side->total : side->tokens;
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
  if (in->kind == SOURCE_FEED || !own)
    return error_set(err, TFM_ERROR_USAGE, "input `%s` was not given a value", in->input->name);
  source_shape(in, own, shape);
  return 0;
}

int inputs_bind(struct session *session, enum graph_stage stage, const struct session_side *source,
                const struct session_side *side, int64_t *variable, struct tfm_error *err) {
  int64_t shape[TFM_MAX_RANK], n;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->stage != stage)
      continue;
    if (shape_of(session, in, source, side, shape, err) != 0)
      return -1;
    for (uint32_t axis = 0; axis < in->type->rank; axis++)
      if (bind_dim(session, in, axis, shape[axis], variable, err) != 0)
        return -1;
  }
  /* What encode learned holds for decode, unless decode says otherwise. */
  for (uint32_t d = 0; stage == GRAPH_DECODE && d < session->graph->dim_count; d++)
    if (variable[d] < 0)
      variable[d] = session->variable[GRAPH_ENCODE][d];
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->stage != stage || shape_of(session, in, source, side, shape, err) != 0)
      continue;
    for (uint32_t axis = 0; axis < in->type->rank; axis++)
      if (dim_eval(&in->type->shape[axis], variable, &n) && n != shape[axis])
        return disagree(session, in, axis, n, shape[axis], err);
  }
  return check_bounds(session, variable, err);
}

void inputs_fed_size(const struct session *session, enum graph_stage stage, int64_t *rows,
                     int64_t *tokens) {
  const struct session_input *best = NULL;
  *rows = *tokens = 0;
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->stage != stage || !in->feed.data || in->feed.rank < 2)
      continue;
    /* [B, T] of ids, positions and types says most; a mask has S. */
    if (!best || (best->kind == SOURCE_MASK && in->kind != SOURCE_MASK) ||
        (best->kind == SOURCE_FEED && in->kind < SOURCE_MASK))
      best = in;
  }
  if (best) {
    *rows = best->feed.shape[0];
    *tokens = best->feed.shape[1];
  }
}

/* ------------------------------------------------------------------- filling */

static int fill_rows(const struct session_input *in, const int32_t *const *rows,
                     const struct session_side *side, int32_t *to, struct tfm_error *err) {
  if (!rows && in->kind == SOURCE_IDS)
    return error_set(err, TFM_ERROR_USAGE, "input `%s` needs token ids", in->input->name);
  memset(to, 0, (size_t)side->rows * (size_t)side->tokens * sizeof *to);
  for (uint32_t b = 0; rows && b < side->rows; b++)
    if (side->count[b] > 0)
      memcpy(to + (int64_t)b * side->tokens, rows[b], side->count[b] * sizeof *to);
  return 0;
}

/* Where padded the last real position again, which any table has. */
static void fill_positions(const struct session_side *side, int32_t *to) {
  for (uint32_t b = 0; b < side->rows; b++) {
    int32_t end = side->past[b] + (int32_t)side->count[b];
    for (int64_t t = 0; t < side->tokens; t++) {
      int32_t at = side->past[b] + (int32_t)t;
      *to++ = at < end ? at : end > 0 ? end - 1 : 0;
    }
  }
}

static void fill_mask(const struct session_side *side, unsigned char *to) {
  for (uint32_t b = 0; b < side->rows; b++) {
    int64_t end = (int64_t)side->past[b] + side->count[b];
    for (int64_t s = 0; s < side->total; s++)
      *to++ = s < end;
  }
}

static void fill_unprompted(const struct session_side *side, unsigned char *to) {
  for (uint32_t b = 0; b < side->rows; b++) {
    int64_t begin = side->skip ? side->skip[b] : 0;
    for (int64_t t = 0; t < side->tokens; t++)
      *to++ = t >= begin && t < side->count[b];
  }
}

static void fill_last(const struct session_side *side, int32_t *to) {
  for (uint32_t b = 0; b < side->rows; b++)
    to[b] = side->count[b] > 0 ? (int32_t)side->count[b] - 1 : 0;
}

static int fill_one(const struct session_input *in, const struct session_side *side,
                    tfm_tensor *tensor, struct tfm_error *err) {
  switch (in->kind) {
  case SOURCE_IDS:
    return fill_rows(in, side->ids, side, tensor->data, err);
  case SOURCE_TYPES:
    return fill_rows(in, side->types, side, tensor->data, err);
  case SOURCE_POSITIONS:
    fill_positions(side, tensor->data);
    return 0;
  case SOURCE_MASK:
    fill_mask(side, tensor->data);
    return 0;
  case SOURCE_LAST:
    fill_last(side, tensor->data);
    return 0;
  case SOURCE_UNPROMPTED:
    fill_unprompted(side, tensor->data);
    return 0;
  case SOURCE_FEED:
    break;
  }
  return error_set(err, TFM_ERROR_USAGE, "input `%s` was not given a value", in->input->name);
}

int inputs_fill(struct session *session, enum graph_stage stage, const struct session_side *source,
                const struct session_side *side, struct tfm_error *err) {
  for (uint32_t i = 0; i < session->graph->input_count; i++) {
    const struct session_input *in = &session->input[i];
    if (in->input->stage != stage)
      continue;
    tfm_tensor *tensor = exec_tensor(session->exec, in->input->value);
    if (in->feed.data)
      memcpy(tensor->data, in->feed.data, in->feed_size);
    else if (fill_one(in, side_of(session, in, source, side), tensor, err) != 0)
      return -1;
  }
  return 0;
}
