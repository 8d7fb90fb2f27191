/* tfm.c - the calls of tfm.h: the only joint between compiler and runtime.
 *
 * Opening goes through the stages of open.c; running is a pass (or several)
 * of the session, with a task's view of what comes out. */
#include "tfm/tfm.h"

#include "lib/caller.h"
#include "lib/head.h"
#include "lib/link.h"
#include "lib/model.h"
#include "lib/result.h"
#include "lib/rows.h"
#include "lib/task.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int check_dtype(const tfm_open_options *options, struct tfm_error *err) {
  if (options->dtype && strcmp(options->dtype, "f32") != 0)
    return error_set(err, TFM_ERROR_USAGE, "cannot compute in %s", options->dtype),
           error_note(err, "expected: f32"), -1;
  return 0;
}

static int open_stages(struct tfm_model *model, const tfm_open_options *options,
                       struct tfm_error *err) {
  if (model_find_files(model, options, err) != 0 || model_load_plugins(model, options, err) != 0 ||
      model_load_weights(model, err) != 0 || model_compile(model, options, err) != 0 ||
      model_check_sides(model, err) != 0 || model_check_modules(model, options, err) != 0 ||
      link_check(model->graph, err) != 0)
    return -1;
  return model->flags & TFM_OPEN_CHECK_ONLY ? model_check_tokenizer(model, err)
                                            : model_prepare(model, options, err);
}

static struct tfm_model *open_model(const tfm_open_options *options, struct tfm_error *err) {
  struct tfm_model *model = model_create(options, err);
  if (!model)
    return NULL;
  if (model_settle(model, open_stages(model, options, err), err) == 0)
    return model;
  model_release(model);
  return NULL;
}

tfm_model *tfm_model_open(const tfm_open_options *options, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  uint64_t begin = model_clock_ns();
  error_clear(err);
  struct caller_options read;
  tfm_model *model = NULL;
  if (caller_options(options, &read, err) == 0 && check_dtype(&read.full, err) == 0)
    model = open_model(&read.full, err);
  caller_options_finish(&read);
  if (model)
    model->load_ns = model_clock_ns() - begin;
  return model;
}

int tfm_model_describe(const tfm_model *model, tfm_model_info *info) {
  if (!model || !info)
    return -1;
  tfm_model_info full = {
      .struct_size = sizeof full,
      .task = (int)model->graph->task,
      .name = model->graph->model,
      .task_name = graph_task_name(model->graph->task),
      .model_path = model->model_path,
      .weights_path = model->weights_path ? model->weights_path : "",
      .load_ns = model->load_ns,
      .max_tokens = model->source_tokens,
      .vocabulary = model->vocabulary,
      .threads = model->pool ? pool_lanes(model->pool) : 0,
      .has_tokenizer = model->tokenizer != NULL,
      .stop = head_id(model->graph, "stop"),
      .mask = model->tokenizer ? tokenizer_roles(model->tokenizer)->mask : -1,
  };
  if (model->binding)
    full.parameters = binding_elements(model->binding);
  full.weight_bytes = model->weights   ? weights_bytes(model->weights)
                      : model->binding ? binding_copied(model->binding)
                                       : 0;
  return caller_describe(&full, info);
}

const char *tfm_task_name(int task) {
  return task > TFM_TASK_NONE && task < GRAPH_TASK_COUNT ? graph_task_name((enum graph_task)task)
                                                         : NULL;
}

static int make_rows(const struct tfm_model *model, const tfm_input *input, size_t count,
                     const tfm_run_options *options, struct rows *rows, struct tfm_error *err) {
  struct prompt prompt;
  uint32_t flags = options->flags;
  if (model->graph->task == GRAPH_TASK_QA && !(flags & TFM_RUN_PASS_ONLY))
    flags |= ROWS_LONG_PAIRS;
  if (prompt_choose(model, options->prompt_name, &prompt, err) != 0 ||
      rows_create(model, &prompt, input, count, flags, rows, err) != 0)
    return -1;
  rows_warn_types(model, rows);
  return 0;
}

/* Text without a tokenizer: say why there is none. */
static int check_input(const tfm_model *model, const tfm_input *input, size_t count,
                       struct tfm_error *err) {
  if (!model->program)
    return error_set(err, TFM_ERROR_USAGE, "this model was opened to be checked, not run");
  for (size_t i = 0; i < count; i++)
    if (input[i].text && !model->tokenizer) {
      *err = model->tokenizer_error;
      error_note(err, "help: without a tokenizer give token ids: --ids 1,2,3");
      return -1;
    }
  return 0;
}

/* Rows that are run together; none: every input is fed. */
static int run_rows(struct task_run *run, struct tfm_error *err) {
  engine_begin(run->engine);
  int status = run->rows->count ? task_run(run, err) : task_forward(run, err);
  status = model_settle(run->model, status, err);
  if (status == 0 && run->engine->attention)
    status = attention_tell(run->engine->attention, run->model->graph, run->result, err);
  if (status == 0 && run->engine->compared)
    status = compare_tell(&run->model->compare, run->engine->compared, run->model->graph,
                          run->result, err);
  return status == 0 && run->model->dump.target_count ? dump_write(&run->engine->dump, err)
                                                      : status;
}

/* One request on an engine that is taken.  All inputs are looked at before any is run. */
static int run_request(struct engine *engine, const tfm_input *input, size_t count,
                       const tfm_run_options *options, struct tfm_result *made,
                       struct tfm_error *err) {
  const struct tfm_model *model = engine->model;
  struct rows rows = {0};
  struct task_run run = {.engine = engine,
                         .model = model,
                         .input = input,
                         .rows = &rows,
                         .options = options,
                         .result = made};
  uint64_t begin = model_clock_ns();
  int status = count ? make_rows(model, input, count, options, &rows, err) : 0;
  if (status == 0)
    status = run_rows(&run, err);
  else
    status = model_settle(model, status, err);
  rows_finish(&rows);
  made->timing.total_ns = model_clock_ns() - begin;
  if (made->timing.first_token_ns == 0)
    made->timing.first_token_ns = made->timing.total_ns;
  made->timing.activation_bytes = session_activation_bytes(engine->session);
  made->timing.state_bytes = session_state_bytes(engine->session);
  return status;
}

static int run_inputs(struct tfm_model *model, const tfm_input *input, size_t count,
                      const tfm_run_options *options, tfm_result **result, struct tfm_error *err) {
  struct tfm_result *made = result_create(count, err);
  if (!made)
    return -1;
  struct engine *engine = engine_enter(model, "tfm_model_run", err);
  int status = -1;
  if (engine) {
    status = run_request(engine, input, count, options, made, err);
    engine_leave(engine);
  }
  if (status == 0)
    *result = made;
  else
    tfm_result_destroy(made);
  return status;
}

/* None: those that the reference run read, if there is one. */
static int compared_inputs(const tfm_model *model, tfm_input **inputs, size_t *count,
                           struct tfm_error *err) {
  const struct compare_plan *plan = &model->compare;
  if (*count || !plan->file || model->feed_count)
    return 0;
  if (!plan->ids) {
    error_set(err, TFM_ERROR_USAGE, "the reference does not say what it read: it has no input_ids");
    return error_note(err, "help: give its input: --input TEXT or --ids 1,2,3"), -1;
  }
  tfm_input *made = calloc(plan->rows ? plan->rows : 1, sizeof *made);
  if (!made)
    return error_oom(err);
  for (size_t i = 0; i < plan->rows; i++)
    made[i] = (tfm_input){
        .struct_size = sizeof *made, .ids = plan->ids + i * plan->tokens, .id_count = plan->tokens};
  free(*inputs);
  *inputs = made;
  *count = plan->rows;
  return 0;
}

/* The error is kept here until the end: a callback may use the caller's for calls of its own. */
int tfm_model_run(tfm_model *model, const tfm_input *input, size_t count,
                  const tfm_run_options *options, tfm_result **result, tfm_error *error) {
  struct tfm_error own = {0};
  tfm_run_options full;
  tfm_input *inputs = NULL;
  int status = -1;
  if (result)
    *result = NULL;
  if (caller_need(model, "tfm_model_run", "model", &own) == 0 &&
      caller_need(result, "tfm_model_run", "result", &own) == 0 &&
      caller_run_options(options, &full, &own) == 0 &&
      caller_inputs(input, count, &inputs, &own) == 0 &&
      compared_inputs(model, &inputs, &count, &own) == 0 &&
      check_input(model, inputs, count, &own) == 0)
    status = run_inputs(model, inputs, count, &full, result, &own);
  free(inputs);
  if (status != 0 && error)
    *error = own;
  else
    error_clear(error);
  return status;
}

/* What all engines have measured, a row a node; *count 0 = nothing was. */
static int sum_profiles(const struct tfm_model *model, struct exec_profile **out, uint32_t *count,
                        struct tfm_error *err) {
  struct exec_profile *sum = NULL;
  *count = 0;
  for (size_t i = 0; i < ENGINES_MAX && model->program; i++) {
    const struct engine *engine = atomic_load(&model->use->engine[i]);
    const struct exec_profile *row = engine ? session_profiles(engine->session, count) : NULL;
    if (!row)
      break;
    if (!sum && !(sum = calloc(*count ? *count : 1, sizeof *sum)))
      return error_oom(err);
    for (uint32_t k = 0; k < *count; k++) {
      uint64_t calls = sum[k].calls, nanoseconds = sum[k].nanoseconds;
      sum[k] = row[k];
      sum[k].calls += calls;
      sum[k].nanoseconds += nanoseconds;
    }
  }
  *out = sum;
  return 0;
}

char *tfm_model_profile(const tfm_model *model, tfm_error *error) {
  uint32_t count = 0;
  struct exec_profile *row = NULL;
  error_clear(error);
  if (caller_need(model, "tfm_model_profile", "model", error) != 0 ||
      sum_profiles(model, &row, &count, error) != 0)
    return NULL;
  struct buffer text;
  uint64_t total = 0;
  if (!row)
    return NULL;
  buffer_init(&text);
  for (uint32_t i = 0; i < count; i++)
    total += row[i].nanoseconds;
  buffer_puts(&text, "  calls        us      %  node  op  kernel\n");
  for (uint32_t i = 0; i < count; i++) {
    buffer_printf(&text, "%7" PRIu64 " %9.1f  %5.1f  %s  %s  %s/%s", row[i].calls,
                  (double)row[i].nanoseconds * 1e-3,
                  total ? 100.0 * (double)row[i].nanoseconds / (double)total : 0.0, row[i].name,
                  row[i].op, row[i].plugin, row[i].kernel);
    ragged_explain(model->program->ragged, row[i].node, &text);
    buffer_putc(&text, '\n');
  }
  free(row);
  if (text.failed) {
    buffer_finish(&text);
    return error_oom(error), NULL;
  }
  return buffer_take(&text);
}
