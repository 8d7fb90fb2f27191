/* source.c - tfmc's calls: a model file checked, formatted, or shown at a
 * stage.  What needs sizes needs a checkpoint, or a directory with just a
 * config.json. */
#include "tfm/tfm.h"

#include "lib/caller.h"
#include "lib/model.h"

#include <stdlib.h>
#include <string.h>

/* config.json without *.safetensors beside it: sizes, no weights. */
static int load_index(struct tfm_model *model, struct tfm_error *err) {
  struct tfm_error missing = {0};
  if (model_load_weights(model, &missing) == 0)
    return 0;
  char *index = file_join(model->weights_path, "model.safetensors");
  char *shards = file_join(model->weights_path, "model.safetensors.index.json");
  bool there = !index || !shards || file_exists(index) || file_exists(shards) ||
               file_exists(model->weights_path); /* a .gguf */
  free(index);
  free(shards);
  if (!there)
    return 0;
  if (err)
    *err = missing;
  return -1;
}

static int open_source(struct tfm_model *model, const tfm_open_options *options,
                       struct tfm_error *err) {
  if (!options->model)
    return error_set(err, TFM_ERROR_USAGE, "no model file is named");
  if (paths_model_dirs(options->model_dir, options->model_dir_count, &model->dirs, err) != 0 ||
      paths_find_model(&model->dirs, options->model, &model->model_path, err) != 0)
    return -1;
  if (options->weights && model_find_weights(model, options->weights, err) != 0)
    return -1;
  return model_load_config(model, err);
}

static int check_source(struct tfm_model *model, const tfm_open_options *options,
                        struct tfm_error *err) {
  struct compile_options compile;
  struct diag diag;
  if (open_source(model, options, err) != 0 || model_load_plugins(model, options, err) != 0)
    return -1;
  tfm_open_options bare = *options;
  bare.feed_count = bare.dump_count = 0;
  diag_init(&diag);
  model_compile_options(model, &bare, NULL, NULL, &compile);
  int status = compile_check(&compile, &diag, err);
  model_send_diagnostics(&diag, options);
  diag_finish(&diag);
  if (status == 0 && options->message && !(options->flags & TFM_OPEN_JSON_MESSAGES))
    options->message(options->message_arg, 0,
                     "note: not checked without --weights: what depends on config.json, and "
                     "the tensors' names and shapes");
  if (status != 0 && err->code == TFM_ERROR_PLUGIN)
    registry_note_missing(model->registry, "", err);
  return status;
}

int tfm_source_check(const tfm_open_options *options, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct caller_options read;
  error_clear(err);
  int status = caller_options(options, &read, err);
  tfm_model *model = status == 0 ? model_create(&read.full, err) : NULL;
  status = model ? check_source(model, &read.full, err) : -1;
  tfm_model_destroy(model);
  caller_options_finish(&read);
  return status;
}

typedef int emit_text(const char *path, struct buffer *out, struct diag *diag,
                      struct tfm_error *err);
typedef void emit_graph(const struct graph *graph, struct buffer *out);

static const struct {
  const char *name;
  emit_text *text;
  emit_graph *graph;
} emitters[] = {
    {"tokens", compile_emit_tokens, NULL},
    {"ast", compile_emit_ast, NULL},
    {"fmt", compile_format, NULL},
    {"graph", NULL, graph_print},
    {"dot", NULL, graph_emit_dot},
    {"json", NULL, graph_emit_json},
    {"plan", NULL, NULL},
};

static int emit_plan(struct tfm_model *model, struct buffer *out, struct tfm_error *err) {
  struct program_options options = {0};
  struct program *program;
  struct plan *plan;
  int64_t *variable = calloc(model->graph->dim_count + 1, sizeof *variable);
  bool *inplace = calloc(model->graph->node_count + 1, sizeof *inplace);
  int status = variable && inplace ? 0 : error_oom(err);
  if (status == 0)
    status =
        program_create(model->graph, model->registry, NULL, NULL, &options, &program, NULL, err);
  if (status == 0) {
    for (uint32_t i = 0; i < program->count; i++)
      inplace[i] = program->node[i].kernel &&
                   (program->node[i].kernel->desc->flags & TFM_KERNEL_INPLACE_OK) != 0;
    status = plan_create(model->graph, NULL, inplace, &plan, err);
    if (status == 0) {
      status = plan_print(plan, variable, out, err);
      plan_destroy(plan);
    }
    program_destroy(program);
  }
  free(variable);
  free(inplace);
  return status;
}

static int emit_compiled(struct tfm_model *model, const tfm_open_options *options,
                         emit_graph *graph, struct buffer *out, struct tfm_error *err) {
  if (!options->weights)
    return error_set(err, TFM_ERROR_USAGE, "the graph depends on sizes, which are not known"),
           error_note(err, "help: give --weights DIR, a directory with a config.json"), -1;
  if (model_load_plugins(model, options, err) != 0 || load_index(model, err) != 0 ||
      model_compile(model, options, err) != 0)
    return -1;
  if (!graph)
    return emit_plan(model, out, err);
  graph(model->graph, out);
  return 0;
}

static int emit(struct tfm_model *model, const tfm_open_options *options, size_t which,
                struct buffer *out, struct tfm_error *err) {
  struct diag diag;
  if (open_source(model, options, err) != 0)
    return -1;
  if (!emitters[which].text)
    return emit_compiled(model, options, emitters[which].graph, out, err);
  diag_init(&diag);
  int status = emitters[which].text(model->model_path, out, &diag, err);
  model_send_diagnostics(&diag, options);
  diag_finish(&diag);
  return status;
}

/* The number of the emitter, or of none. */
static size_t find_emitter(const char *what, struct tfm_error *err) {
  size_t which = 0, count = sizeof emitters / sizeof *emitters;
  while (which < count && strcmp(emitters[which].name, what) != 0)
    which++;
  if (which == count) {
    error_set(err, TFM_ERROR_USAGE, "cannot emit `%s`", what);
    error_note(err, "expected: tokens, ast, graph, dot, json, plan or fmt");
  }
  return which;
}

static char *emit_source(const tfm_open_options *options, size_t which, struct tfm_error *err) {
  struct buffer out;
  tfm_model *model = model_create(options, err);
  if (!model)
    return NULL;
  buffer_init(&out);
  int status = emit(model, options, which, &out, err);
  tfm_model_destroy(model);
  if (status == 0 && out.failed)
    status = error_oom(err);
  if (status == 0 && !out.data)
    buffer_puts(&out, "");
  char *text = status == 0 ? buffer_take(&out) : NULL;
  buffer_finish(&out);
  return text;
}

char *tfm_source_emit(const tfm_open_options *options, const char *what, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct caller_options read;
  char *text = NULL;
  error_clear(err);
  if (caller_need(what, "tfm_source_emit", "what", err) != 0)
    return NULL;
  size_t which = find_emitter(what, err);
  if (which == sizeof emitters / sizeof *emitters)
    return NULL;
  if (caller_options(options, &read, err) == 0)
    text = emit_source(&read.full, which, err);
  caller_options_finish(&read);
  return text;
}
