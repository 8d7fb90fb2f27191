/* embed.c - one vector a text. */
#include "graph/attr.h"
#include "lib/model.h"
#include "lib/task.h"

#include <string.h>

/* The first numbers of the vector: an attribute `truncate` of the head. */
static size_t wanted_width(const struct graph *graph, size_t width) {
  const tfm_attr *attr = attr_find(graph->task_attr, graph->task_attr_count, "truncate");
  bool shorter =
      attr && attr->kind == TFM_ATTR_INT && attr->integer > 0 && (uint64_t)attr->integer < width;
  return shorter ? (size_t)attr->integer : width;
}

int task_embed(struct task_run *run, struct tfm_error *err) {
  struct task_output out;
  if (task_forward(run, err) != 0 || task_output(run, "vector", &out, err) != 0)
    return -1;
  size_t all = (size_t)out.shape[1], width = wanted_width(run->model->graph, all);
  for (size_t r = 0; r < run->rows->count; r++) {
    const float *values = task_row(&out, r);
    if (task_finite(run, r, "vector", values, width, err) != 0)
      return -1;
    float *vector = arena_array(&run->result->arena, width, sizeof *vector);
    if (!vector)
      return error_oom(err);
    memcpy(vector, values, width * sizeof *vector);
    run->result->answer[r].vector = vector;
    run->result->answer[r].vector_count = width;
  }
  return 0;
}
