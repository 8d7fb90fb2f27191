/* task.c - the table of tasks, and the pass that all of them begin with. */
#include "lib/task.h"

#include "lib/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)TFM_TASK_EMBED == (int)GRAPH_TASK_EMBED, "tfm.h and graph.h agree on tasks");

static int (*const task_table[])(struct task_run *run, struct tfm_error *err) = {
    [GRAPH_TASK_GENERATE] = task_generate,
    [GRAPH_TASK_FILL_MASK] = task_fill_mask,
    [GRAPH_TASK_CLASSIFY] = task_classify,
    [GRAPH_TASK_CLASSIFY_TOKENS] = task_classify_tokens,
    [GRAPH_TASK_QA] = task_qa,
    [GRAPH_TASK_EMBED] = task_embed,
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
  }
  if (task == GRAPH_TASK_NONE || task >= sizeof task_table / sizeof *task_table)
    return error_set(err, TFM_ERROR_MODEL, "the model has no head for a task");
  return task_table[task](run, err);
}

int task_forward(struct task_run *run, struct tfm_error *err) {
  size_t rows = run->rows->count;
  struct model_step_row *step = calloc(rows ? rows : 1, sizeof *step);
  tfm_timing *timing = &run->result->timing;
  if (!step)
    return error_oom(err);
  for (size_t r = 0; r < rows; r++) {
    const struct row *row = &run->rows->row[r];
    step[r] = (struct model_step_row){row->ids, row->types, (uint32_t)row->count};
    timing->prompt_tokens += row->count;
  }
  uint64_t begin = model_clock_ns();
  int status = model_pass(run->model, step, rows, err);
  timing->prompt_ns = model_clock_ns() - begin;
  free(step);
  return status;
}

int task_output(struct task_run *run, const char *name, uint32_t rank, struct task_output *out,
                struct tfm_error *err) {
  const tfm_tensor *tensor = session_output(run->model->session, name);
  if (!tensor)
    return error_set(err, TFM_ERROR_MODEL, "the head `%s` returns no `%s`", run->model->graph->head,
                     name);
  if (tensor->rank < rank)
    return error_set(err, TFM_ERROR_MODEL,
                     "`%s` has %" PRIu32 " dimensions, the task needs %" PRIu32, name, tensor->rank,
                     rank);
  out->data = tensor->data;
  out->rank = tensor->rank;
  memcpy(out->shape, tensor->shape, sizeof out->shape);
  return 0;
}

const char *task_label(struct task_run *run, int32_t id) {
  const struct graph *graph = run->model->graph;
  char number[16];
  snprintf(number, sizeof number, "%" PRId32, id);
  for (uint32_t a = 0; a < graph->task_attr_count; a++) {
    const struct graph_attr *attr = &graph->task_attr[a];
    if (strcmp(attr->name, "labels") != 0)
      continue;
    if (attr->kind == GRAPH_ATTR_LIST && (uint32_t)id < attr->count && attr->item[id].text)
      return arena_strdup(&run->result->arena, attr->item[id].text);
    for (uint32_t i = 0; attr->kind == GRAPH_ATTR_OBJECT && i < attr->count; i++)
      if (strcmp(attr->item[i].name, number) == 0 && attr->item[i].text)
        return arena_strdup(&run->result->arena, attr->item[i].text);
  }
  return arena_printf(&run->result->arena, "LABEL_%" PRId32, id);
}

int32_t task_first_stop(const struct graph *graph) {
  for (uint32_t a = 0; a < graph->task_attr_count; a++) {
    const struct graph_attr *attr = &graph->task_attr[a];
    if (strcmp(attr->name, "stop") != 0)
      continue;
    if (attr->kind == GRAPH_ATTR_LIST && attr->count)
      attr = &attr->item[0];
    if (attr->kind == GRAPH_ATTR_INT && attr->integer >= 0 && attr->integer <= INT32_MAX)
      return (int32_t)attr->integer;
  }
  return -1;
}
