/* model.c - a model's beginning and its end, and what it says meanwhile. */
#include "lib/model.h"

#include "lib/message.h"

#include <stdlib.h>

struct tfm_model *model_create(const tfm_open_options *options, struct tfm_error *err) {
  struct tfm_model *model = calloc(1, sizeof *model);
  if (!model)
    return error_oom(err), NULL;
  model->use = model_use_create(err);
  if (!model->use) {
    free(model);
    return NULL;
  }
  model->flags = options->flags;
  model->message = options->message;
  model->message_arg = options->message_arg;
  return model;
}

static void say(const struct tfm_model *model, int level, const char *text) {
  message_send(model->message, model->message_arg, &model->use->message_lock, level, text);
}

void model_log(void *arg, int level, const char *text) {
  say(arg, level, text);
}

void model_warn(const struct tfm_model *model, const char *text) {
  say(model, TFM_LOG_WARNING, text);
}

static void json_finish(struct model_json *json) {
  free(json->path);
  file_bytes_finish(&json->text);
  json_decref(json->root);
}

static void feeds_finish(struct tfm_model *model) {
  for (size_t i = 0; i < model->feed_count; i++)
    free(model->feed[i].tensor.data);
  free(model->feed);
}

/* Backwards through what opening has made. */
static void model_free(struct tfm_model *model) {
  tokenizer_destroy(model->tokenizer);
  model_use_destroy(model->use);
  feeds_finish(model);
  dump_plan_finish(&model->dump);
  compare_finish(&model->compare);
  cache_destroy(model->cache);
  program_destroy(model->program);
  binding_destroy(model->binding);
  graph_destroy(model->graph);
  diag_finish(&model->written);
  free(model->tensors);
  weights_close(model->weights);
  context_release(model->context);
  json_finish(&model->config);
  json_finish(&model->generation);
  generation_keys_finish(&model->keys);
  modules_finish(&model->modules);
  path_list_finish(&model->dirs);
  free(model->model_path);
  free(model->weights_path);
  free(model);
}

void model_release(struct tfm_model *model) {
  if (atomic_fetch_sub(&model->use->users, 1) == 1)
    model_free(model);
}

/* Runs that are in progress end as soon as they can. */
void tfm_model_destroy(tfm_model *model) {
  if (!model)
    return;
  tfm_model_cancel(model);
  model_release(model);
}
