/* score.c - how likely a model thinks given tokens at given places.
 *
 * One pass over the batch, then each target by itself, shared by the threads:
 *
 *     log p = logit[target] - max - log(sum of exp(logit[i] - max))
 *
 * The sum is kept in double, in the order of the ids, so that a score depends
 * on nothing but its place's logits. */
#include "lib/caller.h"
#include "lib/model.h"
#include "lib/rows.h"
#include "lib/task.h"

#include "base/checked.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* One target of the batch, and where its logits are. */
struct score_item {
  const float *logits;
  int32_t target;
};

struct score_run {
  const struct score_item *item;
  tfm_score *score;
  size_t vocabulary;
};

/* A NaN, or no finite highest logit, makes log_probability NaN. */
static tfm_score score_one(const float *logits, size_t vocabulary, int32_t target) {
  float highest = -INFINITY, own = logits[target];
  int64_t rank = 0;
  double sum = 0;
  for (size_t i = 0; i < vocabulary; i++)
    highest = logits[i] > highest ? logits[i] : highest;
  for (size_t i = 0; i < vocabulary; i++)
    rank += logits[i] > own || (logits[i] == own && i < (size_t)target);
  for (size_t i = 0; i < vocabulary; i++)
    sum += (double)expf(logits[i] - highest);
  return (tfm_score){(double)own - (double)highest - log(sum), rank};
}

static void score_piece(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  const struct score_run *run = arg;
  (void)lane;
  for (int64_t i = begin; i < end; i++)
    run->score[i] = score_one(run->item[i].logits, run->vocabulary, run->item[i].target);
}

static int check_targets(const tfm_score_input *input, size_t number, size_t vocabulary,
                         struct tfm_error *err) {
  for (size_t i = 0; i < input->target_count; i++) {
    if (input->place[i] >= input->id_count)
      return error_set(err, TFM_ERROR_USAGE, "place %" PRIu32 " of input %zu is beyond its %zu ids",
                       input->place[i], number + 1, input->id_count);
    if (input->target[i] < 0 || (size_t)input->target[i] >= vocabulary)
      return error_set(err, TFM_ERROR_USAGE,
                       "target %" PRId32 " of input %zu is not in the vocabulary (0 to %zu)",
                       input->target[i], number + 1, vocabulary - 1);
  }
  return 0;
}

/* The sum of all target counts. */
static int count_targets(const tfm_score_input *input, size_t count, size_t *total,
                         struct tfm_error *err) {
  *total = 0;
  for (size_t r = 0; r < count; r++)
    if (!checked_add(*total, input[r].target_count, total))
      return error_set(err, TFM_ERROR_LIMIT, "too many targets");
  return 0;
}

/* Target number `at` of all, counted through the inputs. */
static int not_a_score(const tfm_score_input *input, size_t count, size_t at,
                       struct tfm_error *err) {
  char name[ROW_NAME];
  size_t r = 0;
  for (; r + 1 < count && at >= input[r].target_count; r++)
    at -= input[r].target_count;
  error_set(err, TFM_ERROR_RUN,
            "the model gives target %zu of %s no probability: its logits there are not finite",
            at + 1, row_name(r, count, name));
  error_note(err, "help: the checkpoint may be damaged, or not be meant for this model file; "
                  "tfm-weights --check-tensors reads all of its values");
  return -1;
}

static int score_all(const struct tfm_model *model, const tfm_score_input *input, size_t count,
                     const struct task_output *out, tfm_score *score, struct tfm_error *err) {
  size_t vocabulary = (size_t)out->shape[2], total, at = 0;
  if (count_targets(input, count, &total, err) != 0)
    return -1;
  struct score_item *item = calloc(total ? total : 1, sizeof *item);
  if (!item)
    return error_oom(err);
  int status = 0;
  for (size_t r = 0; status == 0 && r < count; r++) {
    const float *logits = task_row(out, r);
    status = check_targets(&input[r], r, vocabulary, err);
    for (size_t i = 0; status == 0 && i < input[r].target_count; i++)
      item[at++] = (struct score_item){logits + input[r].place[i] * vocabulary, input[r].target[i]};
  }
  struct score_run run = {item, score, vocabulary};
  if (status == 0)
    pool_run(model->pool, (int64_t)total, 4, score_piece, &run);
  for (size_t i = 0; status == 0 && i < total; i++)
    if (!isfinite(score[i].log_probability))
      status = not_a_score(input, count, i, err);
  free(item);
  return status;
}

/* The ids as rows, checked; types are the caller's. */
static int score_rows(const struct tfm_model *model, const tfm_score_input *input, size_t count,
                      struct rows *rows, struct tfm_error *err) {
  tfm_input *plain = calloc(count, sizeof *plain);
  if (!plain)
    return error_oom(err);
  for (size_t r = 0; r < count; r++)
    plain[r] = (tfm_input){
        .struct_size = sizeof *plain, .ids = input[r].ids, .id_count = input[r].id_count};
  int status = rows_create(model, &(struct prompt){0}, plain, count, 0, rows, err);
  for (size_t r = 0; status == 0 && r < count; r++)
    rows->row[r].types = input[r].types;
  free(plain);
  return status;
}

static int run_batch(struct engine *engine, const tfm_score_input *input, size_t count,
                     tfm_score *score, struct tfm_error *err) {
  const struct tfm_model *model = engine->model;
  struct tfm_result *result = result_create(count, err);
  struct rows rows = {0};
  struct task_run run = {.engine = engine, .model = model, .rows = &rows, .result = result};
  struct task_output out;
  int status = result ? score_rows(model, input, count, &rows, err) : -1;
  if (status == 0)
    status = task_forward(&run, err);
  if (status == 0)
    status = task_output(&run, "logits", &out, err);
  if (status == 0 && out.shape[1] != engine->pass_tokens)
    status = error_set(err, TFM_ERROR_MODEL, "the head `%s` gives the last token's logits alone",
                       model->graph->head ? model->graph->head : "");
  if (status == 0)
    status = score_all(model, input, count, &out, score, err);
  rows_finish(&rows);
  tfm_result_destroy(result);
  return status;
}

static int score_inputs(struct tfm_model *model, const tfm_score_input *input, size_t count,
                        tfm_score *score, struct tfm_error *err) {
  struct engine *engine = engine_enter(model, "tfm_model_score", err);
  if (!engine)
    return -1;
  engine_begin(engine);
  int status = model_settle(model, run_batch(engine, input, count, score, err), err);
  engine_leave(engine);
  return status;
}

static int check_model(const struct tfm_model *model, struct tfm_error *err) {
  enum graph_task task = model->graph->task;
  if (!model->program)
    return error_set(err, TFM_ERROR_USAGE, "this model was opened to be checked, not run");
  if (task != GRAPH_TASK_GENERATE && task != GRAPH_TASK_FILL_MASK)
    return error_set(err, TFM_ERROR_USAGE, "the task %s gives tokens no probability",
                     graph_task_name(task));
  if (model->two_texts)
    return error_set(err, TFM_ERROR_USAGE,
                     "`%s` is an encoder-decoder: its tokens are of two texts, not of one",
                     model->graph->model);
  if (task == GRAPH_TASK_GENERATE && !(model->flags & TFM_OPEN_ALL_LOGITS))
    return error_set(err, TFM_ERROR_USAGE, "the model was not opened with TFM_OPEN_ALL_LOGITS");
  return 0;
}

int tfm_model_score(tfm_model *model, const tfm_score_input *input, size_t count, tfm_score *score,
                    tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  tfm_score_input *inputs = NULL;
  size_t total;
  error_clear(err);
  int status = caller_need(model, "tfm_model_score", "model", err);
  if (status == 0)
    status = check_model(model, err);
  if (status == 0)
    status = caller_scores(input, count, &inputs, err);
  if (status == 0)
    status = count_targets(inputs, count, &total, err);
  if (status == 0 && total)
    status = caller_need(score, "tfm_model_score", "score", err);
  if (status == 0 && count)
    status = score_inputs(model, inputs, count, score, err);
  free(inputs);
  return status;
}
