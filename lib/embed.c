/* embed.c - one vector a text. */
#include "lib/model.h"
#include "lib/task.h"

#include <string.h>

int task_embed(struct task_run *run, struct tfm_error *err) {
  struct task_output out;
  if (task_forward(run, err) != 0 || task_output(run, "vector", &out, err) != 0)
    return -1;
  size_t width = (size_t)out.shape[1];
  for (size_t r = 0; r < run->rows->count; r++) {
    if (task_finite(run, r, "vector", out.data + r * width, width, err) != 0)
      return -1;
    float *vector = arena_array(&run->result->arena, width, sizeof *vector);
    if (!vector)
      return error_oom(err);
    memcpy(vector, out.data + r * width, width * sizeof *vector);
    run->result->answer[r].vector = vector;
    run->result->answer[r].vector_count = width;
  }
  return 0;
}
