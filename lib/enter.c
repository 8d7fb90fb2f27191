/* enter.c - one call at a time: a model that is running is not run again, changed or
 * freed by what it calls back. */
#include "lib/model.h"

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
