/* task.c - the table of tasks, and the pass that all of them begin with. */
#include "lib/task.h"

#include "graph/attr.h"
#include "graph/task.h"
#include "lib/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TASK(ID, ...)                                                                              \
  _Static_assert((int)TFM_TASK_##ID == (int)GRAPH_TASK_##ID, "tfm.h and task.def agree on " #ID);
#include "graph/task.def"
#undef TASK

static int (*const task_table[])(struct task_run *run, struct tfm_error *err) = {
#define TASK(ID, NAME, ...) [GRAPH_TASK_##ID] = task_##NAME,
#include "graph/task.def"
#undef TASK
};

int task_run(struct task_run *run, struct tfm_error *err) {
  enum graph_task task = run->model->graph->task;
  for (size_t r = 0; r < run->rows->count; r++) {
    const struct row *row = &run->rows->row[r];
    tfm_answer *answer = &run->result->answer[r];
    int32_t *ids = arena_array(&run->result->arena, row->count, sizeof *ids);
    if (!ids)
      return error_oom(err);
    memcpy(ids, row->ids, row->count * sizeof *ids);
    answer->ids = ids;
    answer->id_count = answer->prompt_count = row->count;
    answer->truncated = row->truncated;
  }
  bool pass_only = (run->options->flags & TFM_RUN_PASS_ONLY) != 0;
  if (task == GRAPH_TASK_NONE &&
      (pass_only || run->model->dump.target_count || run->engine->compared))
    return task_forward(run, err);
  if (task == GRAPH_TASK_NONE || task >= sizeof task_table / sizeof *task_table)
    return error_set(err, TFM_ERROR_MODEL, "the model file has no head, so there is no answer"),
           error_note(err, "help: see a value of its graph: --dump VALUE=FILE.safetensors"), -1;
  if (pass_only && task != GRAPH_TASK_GENERATE)
    return task_forward(run, err);
  return task_table[task](run, err);
}

int task_forward(struct task_run *run, struct tfm_error *err) {
  size_t rows = run->rows->count;
  struct step_row *step = calloc(rows ? rows : 1, sizeof *step);
  tfm_timing *timing = &run->result->timing;
  if (!step)
    return error_oom(err);
  for (size_t r = 0; r < rows; r++) {
    const struct row *row = &run->rows->row[r];
    step[r] = (struct step_row){
        .ids = row->ids, .types = row->types, .count = (uint32_t)row->count, .skip = row->skip};
    timing->prompt_tokens += row->count;
  }
  uint64_t begin = model_clock_ns();
  int status = run->model->two_texts ? engine_encode(run->engine, step, rows, NULL, err) : 0;
  if (status == 0)
    status = engine_pass(run->engine, step, rows, err);
  timing->prompt_ns += model_clock_ns() - begin;
  free(step);
  return status;
}

/* How large a dimension that a letter of the shape stands for is in the last
 * pass; -1 = the model's own affair. */
static int64_t wanted_size(const struct task_run *run, char letter, int64_t found) {
  int64_t tokens = run->engine->pass_tokens;
  switch (letter) {
  case 'B':
    return run->engine->pass_rows;
  case 'T':
    return tokens;
  case 't':
    return found == 1 ? 1 : tokens;
  case '1':
    return 1;
  default:
    return -1;
  }
}

static bool shape_fits(const struct task_run *run, const char *shape, const tfm_tensor *tensor) {
  if (tensor->rank < letters_rank(shape, false) || tensor->rank > letters_rank(shape, true))
    return false;
  for (uint32_t i = 0; i < tensor->rank; i++, shape += 1 + (shape[1] == '?')) {
    int64_t wanted = wanted_size(run, *shape, tensor->shape[i]);
    if (tensor->shape[i] < 1 || (wanted >= 0 && tensor->shape[i] != wanted))
      return false;
  }
  return true;
}

static int refuse_output(const struct task_run *run, const struct task_result *result,
                         const tfm_tensor *tensor, struct tfm_error *err) {
  char wanted[LETTERS_TEXT];
  struct buffer found;
  buffer_init(&found);
  for (uint32_t i = 0; i < tensor->rank; i++)
    buffer_printf(&found, "%s%" PRId64, i ? ", " : "", tensor->shape[i]);
  letters_print(result->shape, wanted);
  error_set(err, TFM_ERROR_MODEL, "`%s` has another shape than the task %s needs", result->name,
            graph_task_name(run->model->graph->task));
  error_note(err, "expected: %s %s, B = %" PRIu32 " rows and T = %" PRIu32 " tokens",
             dtype_name(result->dtype), wanted, run->engine->pass_rows, run->engine->pass_tokens);
  error_note(err, "found: %s [%s]", dtype_name((enum dtype)tensor->dtype), buffer_text(&found));
  buffer_finish(&found);
  return -1;
}

int task_output(struct task_run *run, const char *name, struct task_output *out,
                struct tfm_error *err) {
  const struct graph *graph = run->model->graph;
  const struct task_result *result = task_result(graph->task, name);
  tfm_tensor tensor, first;
  if (!session_shape(run->engine->session, name, &tensor) || !result)
    return error_set(err, TFM_ERROR_MODEL, "the head `%s` returns no `%s`",
                     graph->head ? graph->head : "", name);
  if ((enum dtype)tensor.dtype != result->dtype || !shape_fits(run, result->shape, &tensor))
    return refuse_output(run, result, &tensor, err);
  if (session_row(run->engine->session, name, 0, &first, err) != 0) /* then no row fails */
    return -1;
  out->run = run;
  out->name = name;
  out->rank = tensor.rank;
  memcpy(out->shape, tensor.shape, sizeof out->shape);
  return 0;
}

const float *task_row(const struct task_output *out, size_t r) {
  tfm_tensor row = {0};
  struct tfm_error ignored = {0};
  session_row(out->run->engine->session, out->name, (uint32_t)r, &row, &ignored);
  return row.data;
}

int task_bad_value(enum graph_task task, const char *row, const char *name, double value,
                   struct tfm_error *err) {
  error_set(err, TFM_ERROR_RUN, "%s: `%s` of %s is not finite: it holds %s", graph_task_name(task),
            name, row,
            isnan(value) ? "nan"
            : value > 0  ? "inf"
                         : "-inf");
  error_note(err, "help: the checkpoint may be damaged, or not be meant for this model file; "
                  "tfm-weights --check-tensors reads all of its values");
  return -1;
}

int task_finite(const struct task_run *run, size_t r, const char *name, const float *value,
                size_t count, struct tfm_error *err) {
  char row[ROW_NAME];
  for (size_t i = 0; i < count; i++)
    if (!isfinite(value[i]))
      return task_bad_value(run->model->graph->task, rows_name(run->rows, r, row), name,
                            (double)value[i], err);
  return 0;
}

int task_place_text(struct task_run *run, size_t r, tfm_place *place, struct tfm_error *err) {
  const tfm_input *input = &run->input[r];
  const char *text = place->sequence ? input->pair : input->text;
  while (place->begin < place->end && strchr(" \t\r\n", text[place->begin]) && text[place->begin])
    place->begin++;
  size_t length = place->end > place->begin ? place->end - place->begin : 0;
  place->text = arena_strndup(&run->result->arena, text + place->begin, length);
  place->text_length = length;
  return place->text ? 0 : error_oom(err);
}

static const char *label_name(struct task_run *run, const tfm_attr *item) {
  return item->kind == TFM_ATTR_INT ? arena_printf(&run->result->arena, "%" PRId64, item->integer)
                                    : arena_strdup(&run->result->arena, item->text);
}

static bool is_name(const tfm_attr *item) {
  return item->text || item->kind == TFM_ATTR_INT;
}

const char *task_label(struct task_run *run, int32_t id) {
  const struct graph *graph = run->model->graph;
  const tfm_attr *labels = attr_find(graph->task_attr, graph->task_attr_count, "labels");
  const tfm_attr *item = NULL;
  char number[16];
  snprintf(number, sizeof number, "%" PRId32, id);
  if (labels && labels->kind == TFM_ATTR_LIST && (uint32_t)id < labels->count)
    item = labels->item[id];
  if (labels && labels->kind == TFM_ATTR_OBJECT)
    item = attr_find(labels->item, labels->count, number);
  if (item && is_name(item))
    return label_name(run, item);
  return arena_printf(&run->result->arena, "LABEL_%" PRId32, id);
}
