/* enter.c - a model's beginning, and one call at a time: a model that is running is not
 * run again, changed or freed by what it calls back. */
#include "lib/model.h"

#include <stdio.h>
#include <stdlib.h>

struct tfm_model *model_create(const tfm_open_options *options, struct tfm_error *err) {
  struct tfm_model *model = calloc(1, sizeof *model);
  if (!model)
    return error_oom(err), NULL;
  model->flags = options->flags;
  model->message = options->message;
  model->message_arg = options->message_arg;
  pthread_mutex_init(&model->message_lock, NULL);
  return model;
}

void model_log(void *arg, int level, const char *text) {
  struct tfm_model *model = arg;
  if (!model->message || level <= TFM_LOG_DEBUG)
    return;
  bool warning = level >= TFM_LOG_WARNING;
  char line[1100];
  snprintf(line, sizeof line, "%s: %s", warning ? "warning" : "note", text);
  pthread_mutex_lock(&model->message_lock);
  model->message(model->message_arg, warning, line);
  pthread_mutex_unlock(&model->message_lock);
}

int model_enter(struct tfm_model *model, const char *call, struct tfm_error *err) {
  if (!atomic_exchange(&model->running, true)) {
    atomic_store(&model->cancel, 0);
    return 0;
  }
  error_set(err, TFM_ERROR_USAGE, "%s: the model is running already", call);
  error_note(err, "help: a callback, or another thread, opens a model of its own");
  return -1;
}

void model_leave(struct tfm_model *model) {
  atomic_store(&model->running, false);
  if (model->doomed)
    tfm_model_destroy(model);
}
