/* pass.c - one pass of the graph over new tokens. */
#include "lib/model.h"

#include <stdlib.h>

void engine_begin(struct engine *engine) {
  session_reset(engine->session);
  dump_clear(&engine->dump);
  engine->pass = 0;
}

static size_t longest_row(const struct engine_row *row, size_t rows) {
  size_t longest = 1;
  for (size_t r = 0; r < rows; r++)
    longest = row[r].count > longest ? row[r].count : longest;
  return longest;
}

/* An op that mixes tokens and takes no mask must not see padding. */
static int check_lengths(const struct tfm_model *model, const struct engine_row *row, size_t rows,
                         struct tfm_error *err) {
  uint32_t longest = (uint32_t)longest_row(row, rows);
  for (size_t r = 0; model->graph->mixes && r < rows; r++)
    if (row[r].count != 0 && row[r].count != longest) {
      error_set(err, TFM_ERROR_USAGE,
                "op `%s` mixes the tokens of a text and takes no mask: texts of %u and %u tokens "
                "cannot be run together",
                model->graph->mixes, (unsigned)row[r].count, (unsigned)longest);
      error_note(err, "help: give the texts one by one");
      return -1;
    }
  return 0;
}

int engine_pass(struct engine *engine, const struct engine_row *row, size_t rows,
                struct tfm_error *err) {
  const struct tfm_model *model = engine->model;
  bool encode = engine->pass == 0 && graph_runs(model->graph, GRAPH_ONCE);
  bool decode = graph_runs(model->graph, GRAPH_STEP);
  size_t room = rows ? rows : 1, longest = longest_row(row, rows);
  uint32_t *count = calloc(room, sizeof *count), *skip = calloc(room, sizeof *skip);
  const int32_t **ids = calloc(room, sizeof *ids), **types = calloc(room, sizeof *types);
  int32_t *zeros = calloc(longest, sizeof *zeros);
  int status = count && skip && ids && types && zeros ? 0 : error_oom(err);
  if (status == 0)
    status = check_lengths(model, row, rows, err);
  for (size_t r = 0; status == 0 && r < rows; r++) {
    count[r] = row[r].count;
    skip[r] = row[r].skip;
    ids[r] = row[r].ids;
    types[r] = row[r].types ? row[r].types : zeros;
  }
  struct session_batch batch = {
      .rows = (uint32_t)rows, .count = count, .skip = skip, .ids = ids, .types = types};
  if (status == 0 && encode)
    status = session_encode(engine->session, rows ? &batch : NULL, err);
  if (status == 0 && decode)
    status = session_step(engine->session, rows ? &batch : NULL, err);
  if (status == 0 && model->weights)
    status = weights_check(model->weights, false, err);
  engine->pass_rows = (uint32_t)rows;
  engine->pass_tokens = (uint32_t)longest;
  engine->pass++;
  free(count);
  free(skip);
  free(ids);
  free(types);
  free(zeros);
  return status;
}
