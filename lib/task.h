/* task.h - from the graph's outputs to answers: one function a task.
 *
 * Each takes the rows of one batch, runs the graph, and fills result->answer.
 * A new task is a row of graph/task.def, a name in tfm.h, and a file here with
 * its function. */
#ifndef TFM_LIB_TASK_H
#define TFM_LIB_TASK_H

#include "graph/graph.h"
#include "lib/result.h"
#include "lib/rows.h"

struct engine;
struct tfm_model;

struct task_run {
  struct engine *engine;
  const struct tfm_model *model; /* the engine's */
  const tfm_input *input;
  const struct rows *rows;
  const tfm_run_options *options;
  struct tfm_result *result;
};

/* An output of the graph after a pass: f32, [rows, ...].  shape is that of the rectangle; the
 * values of a row are found by task_row. */
struct task_output {
  const struct task_run *run;
  const char *name;
  int64_t shape[8];
  uint32_t rank;
};

/* The table's door: run the model's task. */
int task_run(struct task_run *run, struct tfm_error *err);

/* One pass over all rows (the prompt, for generate); fills the timing. */
int task_forward(struct task_run *run, struct tfm_error *err);
/* A result of the task, "logits", as the last pass left it: of the dtype and the
 * shape that graph/task.def states, with the rows and tokens of that pass. */
int task_output(struct task_run *run, const char *name, struct task_output *out,
                struct tfm_error *err);
/* Row r's values, as many tokens as it has: there is none of another row behind them to skip. */
const float *task_row(const struct task_output *out, size_t r);
/* The values that row r's answer is made of are finite; else TFM_ERROR_RUN, which names the
 * task, the row and the output `name`. */
int task_finite(const struct task_run *run, size_t r, const char *name, const float *value,
                size_t count, struct tfm_error *err);
/* TFM_ERROR_RUN: this value of the output `name` is none.  row: "input 2". */
int task_bad_value(enum graph_task task, const char *row, const char *name, double value,
                   struct tfm_error *err);
/* The bytes of a text that a place has, a leading blank left out, as its text. */
int task_place_text(struct task_run *run, size_t r, tfm_place *place, struct tfm_error *err);
/* The name of a label: an attribute `labels` of the head (id2label), or its number. */
const char *task_label(struct task_run *run, int32_t id);

/* task_generate, task_fill_mask and so on: each in a file of its own. */
#define TASK(ID, NAME, ...) int task_##NAME(struct task_run *run, struct tfm_error *err);
#include "graph/task.def"
#undef TASK

#endif
