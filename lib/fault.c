/* fault.c - files that are cut while they are read; plugins that end the process. */
#include "lib/model.h"

#include "base/guard.h"
#include "runtime/registry.h"

int tfm_mapped_fault(const void *address) {
  return guard_fault(address);
}

const char *tfm_plugin_loading(void) {
  return registry_loading();
}

int model_settle(const struct tfm_model *model, int status, struct tfm_error *err) {
  struct tfm_error lost = {0};
  if (!model->weights || weights_check(model->weights, true, &lost) == 0)
    return status;
  *err = lost;
  return -1;
}
