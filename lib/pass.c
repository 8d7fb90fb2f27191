/* pass.c - one pass of the graph over new tokens. */
#include "lib/model.h"

void engine_begin(struct engine *engine) {
  dump_clear(&engine->dump);
  engine->pass = 0;
}

static size_t longest_row(const struct step_row *row, size_t rows) {
  size_t longest = 1;
  for (size_t r = 0; r < rows; r++)
    longest = row[r].count > longest ? row[r].count : longest;
  return longest;
}

/* An op that mixes tokens and takes no mask must not see padding. */
static int check_lengths(const struct tfm_model *model, const struct step_row *row, size_t rows,
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

int engine_pass(struct engine *engine, const struct step_row *row, size_t rows,
                struct tfm_error *err) {
  const struct tfm_model *model = engine->model;
  int status = check_lengths(model, row, rows, err);
  if (status == 0)
    status = session_run(engine->session, row, (uint32_t)rows, err);
  if (status == 0 && model->weights)
    status = weights_check(model->weights, false, err);
  engine->pass_rows = (uint32_t)rows;
  engine->pass_tokens = (uint32_t)longest_row(row, rows);
  engine->pass++;
  return status;
}
