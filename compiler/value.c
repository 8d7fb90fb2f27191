/* value.c - what values are called. */
#include "compiler/value.h"

const char *value_kind_name(const struct value *value) {
  switch (value->kind) {
  case VALUE_NONE:
    return "none";
  case VALUE_BOOL:
    return "a boolean";
  case VALUE_INT:
    return "an integer";
  case VALUE_REAL:
    return "a real";
  case VALUE_STR:
    return "a string";
  case VALUE_JSON:
    return json_is_object(value->json) ? "an object" : "a list";
  case VALUE_LIST:
  case VALUE_DIMS:
    return "a list";
  case VALUE_TENSOR:
    return "a tensor";
  case VALUE_STATE:
    return "a state";
  case VALUE_WEIGHT:
    return "a weight";
  case VALUE_TUPLE:
    return "several values";
  case VALUE_ERROR:
    break;
  }
  return "an error";
}
