/* error.c - struct tfm_error as the opaque value of tfm.h. */
#include "base/error.h"

#include "tfm/tfm.h"

#include <stdlib.h>

_Static_assert((int)TFM_CODE_LIMIT == (int)TFM_ERROR_LIMIT &&
                   (int)TFM_CODE_INTERRUPTED == (int)TFM_ERROR_INTERRUPTED,
               "the codes of tfm.h are those of base/error.h");

tfm_error *tfm_error_create(void) {
  return calloc(1, sizeof(tfm_error));
}

void tfm_error_destroy(tfm_error *error) {
  free(error);
}

int tfm_error_code(const tfm_error *error) {
  return error ? (int)error->code : TFM_CODE_OK;
}

const char *tfm_error_message(const tfm_error *error) {
  return error ? error->message : "";
}

const char *tfm_error_notes(const tfm_error *error) {
  return error ? error->notes : "";
}

void tfm_free(void *memory) {
  free(memory);
}

const char *tfm_version(void) {
  return TFM_VERSION;
}
