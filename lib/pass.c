/* pass.c - one pass of the graph over new tokens. */
#include "lib/model.h"

void engine_begin(struct engine *engine) {
  dump_clear(&engine->dump);
  attention_clear(engine->attention);
  for (size_t i = 0; engine->compared && i < engine->model->compare.count; i++)
    engine->compared[i] = (struct compare_row){0};
  engine->pass = 0;
}

static size_t longest_row(const struct step_row *row, size_t rows) {
  size_t longest = 1;
  for (size_t r = 0; r < rows; r++)
    longest = row[r].count > longest ? row[r].count : longest;
  return longest;
}

int engine_encode(struct engine *engine, const struct step_row *row, size_t rows,
                  struct source **out, struct tfm_error *err) {
  const struct tfm_model *model = engine->model;
  int status = session_encode(engine->session, row, (uint32_t)rows, out, err);
  return status == 0 && model->weights ? weights_check(model->weights, false, err) : status;
}

int engine_pass(struct engine *engine, const struct step_row *row, size_t rows,
                struct tfm_error *err) {
  const struct tfm_model *model = engine->model;
  int status = session_run(engine->session, row, (uint32_t)rows, err);
  if (status == 0 && model->weights)
    status = weights_check(model->weights, false, err);
  engine->pass_rows = (uint32_t)rows;
  engine->pass_tokens = (uint32_t)longest_row(row, rows);
  engine->pass++;
  return status;
}
