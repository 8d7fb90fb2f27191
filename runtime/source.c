/* source.c - what an encoder has left of each row, taken out of a session and put into one.
 *
 * The values that entries of a request leave for those of steps are kept by exec in buffers of
 * their own, rows end to end.  Of each row a copy is taken out after the encoder ran; a step
 * of other rows than those that lie there gets them put together again. */
#include "runtime/source.h"

#include "base/checked.h"
#include "runtime/session_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct source {
  atomic_uint users;
  const struct program *program;
  uint32_t count;
  int32_t *ids, *types; /* [count]; NULL = not known */
  char *data;           /* of each value that is left, in the graph's order */
  size_t *end;          /* [values]: where its part ends */
  size_t values, bytes;
};

struct source *source_share(struct source *source) {
  if (source)
    atomic_fetch_add(&source->users, 1);
  return source;
}

void source_release(struct source *source) {
  if (!source || atomic_fetch_sub(&source->users, 1) != 1)
    return;
  free(source->ids);
  free(source->types);
  free(source->data);
  free(source->end);
  free(source);
}

size_t source_bytes(const struct source *source) {
  return source ? source->bytes : 0;
}

/* ------------------------------------------------------------------- taking out */

/* A value that rows have parts of, or that is the same for all; masks are made anew. */
static bool is_taken(const struct session *session, uint32_t value) {
  const struct graph_value *own = &session->graph->value[value];
  return own->entry != GRAPH_NONE && session->graph->entry[own->entry].when == GRAPH_ONCE &&
         !dtype_is_formula(own->type.dtype) && exec_leaves(session->exec, (int32_t)value);
}

static bool row_size(const tfm_tensor *row, size_t *size) {
  *size = dtype_size((enum dtype)row->dtype);
  for (uint32_t i = 0; i < row->rank; i++)
    if (!checked_mul(*size, (size_t)row->shape[i], size))
      return false;
  return true;
}

static int32_t *copy_ids(const int32_t *ids, uint32_t count) {
  int32_t *copy = ids ? malloc((count ? count : 1) * sizeof *copy) : NULL;
  if (copy)
    memcpy(copy, ids, count * sizeof *copy);
  return copy;
}

static int append(struct source *source, const tfm_tensor *row, struct tfm_error *err) {
  size_t size, total;
  if (!row_size(row, &size) || !checked_add(source->bytes, size, &total))
    return error_set(err, TFM_ERROR_LIMIT, "what the encoder has left is too large");
  char *grown = realloc(source->data, total ? total : 1);
  if (!grown)
    return error_oom(err);
  source->data = grown;
  if (size)
    memcpy(grown + source->bytes, row->data, size);
  source->bytes = total;
  source->end[source->values++] = total;
  return 0;
}

static int take_row(struct session *session, uint32_t b, const struct session_side *side,
                    struct source **out, struct tfm_error *err) {
  const int32_t *ids = side->ids ? side->ids[b] : NULL, *types = side->types[b];
  struct source *source = calloc(1, sizeof *source);
  *out = source;
  if (!source)
    return error_oom(err);
  atomic_store(&source->users, 1);
  source->program = session->program;
  source->count = side->count[b];
  source->ids = copy_ids(ids, source->count);
  source->types = copy_ids(types, source->count);
  source->end = calloc((size_t)session->graph->value_count + 1, sizeof *source->end);
  if (!source->end || (ids && !source->ids) || (types && !source->types))
    return error_oom(err);
  for (uint32_t v = 0; v < session->graph->value_count; v++) {
    tfm_tensor row;
    if (is_taken(session, v) && (exec_read_row(session->exec, (int32_t)v, b, &row, err) != 0 ||
                                 append(source, &row, err) != 0))
      return -1;
  }
  return 0;
}

/* ------------------------------------------------------------- of the rows at hand */

void sources_forget(struct session *session) {
  for (uint32_t b = 0; b < session->source_rows; b++) {
    source_release(session->source[b]);
    session->source[b] = NULL;
  }
  session->source_rows = 0;
}

void sources_destroy(struct session *session) {
  sources_forget(session);
  free(session->source);
  free(session->source_count);
  free(session->source_ids);
  free(session->source_types);
}

static int source_room(struct session *session, uint32_t rows, struct tfm_error *err) {
  if (rows <= session->source_capacity)
    return 0;
  struct source **source = realloc(session->source, rows * sizeof(struct source *));
  if (source)
    session->source = source;
  uint32_t *count = realloc(session->source_count, rows * sizeof *count);
  if (count)
    session->source_count = count;
  const int32_t **ids = realloc(session->source_ids, rows * sizeof(int32_t *));
  if (ids)
    session->source_ids = ids;
  const int32_t **types = realloc(session->source_types, rows * sizeof(int32_t *));
  if (types)
    session->source_types = types;
  if (!source || !count || !ids || !types)
    return error_oom(err);
  session->source_capacity = rows;
  return 0;
}

struct session_side sources_side(const struct session *session) {
  struct session_side side = {.rows = session->source_rows,
                              .past = session->zero,
                              .count = session->source_count,
                              .types = session->source_types};
  bool ids = side.rows > 0;
  for (uint32_t b = 0; b < side.rows; b++) {
    ids = ids && session->source_ids[b];
    if (side.count[b] > side.tokens)
      side.tokens = side.count[b];
  }
  side.ids = ids ? session->source_ids : NULL;
  side.total = side.tokens;
  return side;
}

/* What the encoder has just left lies in the session: of these rows. */
static void set_row(struct session *session, uint32_t b, struct source *source, uint32_t count) {
  session->source[b] = source_share(source);
  session->source_count[b] = count;
  session->source_ids[b] = source ? source->ids : NULL;
  session->source_types[b] = source ? source->types : NULL;
}

int sources_take(struct session *session, const struct session_side *side, struct source **out,
                 struct tfm_error *err) {
  if (source_room(session, side->rows, err) != 0)
    return -1;
  for (uint32_t b = 0; out && b < side->rows; b++)
    if (take_row(session, b, side, &out[b], err) != 0) {
      do {
        source_release(out[b]);
        out[b] = NULL;
      } while (b-- > 0);
      return -1;
    }
  for (uint32_t b = 0; b < side->rows; b++)
    set_row(session, b, out ? out[b] : NULL, side->count[b]);
  session->source_rows = side->rows;
  return 0;
}

/* ------------------------------------------------------------------- putting in */

static int put_row(struct session *session, uint32_t entry, uint32_t b, const struct source *source,
                   struct tfm_error *err) {
  size_t at = 0, part = 0, size;
  for (uint32_t v = 0; v < session->graph->value_count; v++) {
    tfm_tensor row;
    if (!is_taken(session, v))
      continue;
    size_t begin = at;
    at = source->end[part++];
    if (session->graph->value[v].entry != (int32_t)entry)
      continue;
    if (exec_open_row(session->exec, (int32_t)v, b, &row, err) != 0)
      return -1;
    if (!row_size(&row, &size) || size != at - begin)
      return error_set(err, TFM_ERROR_RUN, "`%s` has another size than the encoder left",
                       session->graph->value[v].name);
    if (size)
      memcpy(row.data, source->data + begin, size);
    exec_close_row(session->exec, (int32_t)v, &row);
  }
  return 0;
}

static int adopt_entry(struct session *session, uint32_t entry, const struct session_side *side,
                       struct tfm_error *err) {
  struct ragged_batch batch = {0};
  for (uint32_t d = 0; d < DIM_VARIABLES; d++)
    batch.variable[d] = -1;
  session->entry[entry].ran = false;
  if (inputs_bind(session, entry, side, side, &batch, err) != 0 ||
      exec_adopt(session->exec, entry, &batch, err) != 0)
    return -1;
  for (uint32_t b = 0; b < side->rows; b++)
    if (put_row(session, entry, b, session->source[b], err) != 0)
      return -1;
  memcpy(session->entry[entry].variable, batch.variable, sizeof batch.variable);
  if (exec_remake(session->exec, entry, err) != 0)
    return -1;
  session->entry[entry].ran = true;
  return 0;
}

/* Do the rows go on from what lies there, in its order? */
static bool are_there(const struct session *session, const struct step_row *row, uint32_t rows) {
  bool same = rows == session->source_rows;
  for (uint32_t b = 0; same && b < rows; b++)
    same = row[b].source == session->source[b];
  return same;
}

static int check_sources(const struct session *session, const struct step_row *row, uint32_t rows,
                         struct tfm_error *err) {
  for (uint32_t b = 0; b < rows; b++)
    if (!row[b].source || row[b].source->program != session->program)
      return error_set(err, TFM_ERROR_USAGE, "row %u goes on without a text that was read", b);
  if (session->program->ragged->batch == GRAPH_NONE)
    return error_set(err, TFM_ERROR_USAGE,
                     "the model states how many texts it takes: they go on together");
  return 0;
}

int sources_put(struct session *session, const struct step_row *row, uint32_t rows,
                struct tfm_error *err) {
  if (rows == 0 || are_there(session, row, rows))
    return 0;
  if (check_sources(session, row, rows, err) != 0 || source_room(session, rows, err) != 0)
    return -1;
  sources_forget(session);
  for (uint32_t b = 0; b < rows; b++)
    set_row(session, b, row[b].source, row[b].source->count);
  session->source_rows = rows;
  session_forget_dims(session);
  struct session_side side = sources_side(session);
  for (uint32_t e = 0; e < session->graph->entry_count; e++)
    if (session->graph->entry[e].when == GRAPH_ONCE && adopt_entry(session, e, &side, err) != 0) {
      sources_forget(session);
      return -1;
    }
  return 0;
}
