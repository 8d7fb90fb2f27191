/* value.h - what an expression can be while a file is compiled. */
#ifndef TFM_COMPILER_VALUE_H
#define TFM_COMPILER_VALUE_H

#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

struct cell;
struct origin;
struct symbol;
struct weight_expr;

enum value_kind {
  VALUE_ERROR, /* already reported */
  VALUE_NONE,
  VALUE_BOOL,
  VALUE_INT,
  VALUE_REAL,
  VALUE_STR,
  VALUE_JSON, /* an object or array of config.json */
  VALUE_LIST,
  VALUE_DIMS,   /* the list of an attribute that is a shape */
  VALUE_TENSOR, /* a value of the graph */
  VALUE_STATE,  /* a state, not yet one layer of it */
  VALUE_WEIGHT,
  VALUE_TUPLE /* several results */
};

struct value {
  enum value_kind kind;
  bool missing; /* NONE: because config.json, or a list, does not have it */
  const struct origin *origin;
  union {
    bool boolean;
    int64_t integer;
    double real;
    const char *text;
    const json_t *json;
    struct {
      const struct value *item;
      uint32_t count;
      uint32_t depth; /* LIST: of lists in it that are no JSON, 1 = none */
    } list;           /* LIST, TUPLE */
    struct {
      struct cell *const *item; /* NULL = `_` */
      uint32_t count;
    } dims;
    int32_t tensor; /* into compiler.value */
    const struct symbol *state;
    const struct weight_expr *weight;
  };
};

/* "a tensor", "an integer": for messages. */
const char *value_kind_name(const struct value *value);

static inline struct value value_error(void) {
  return (struct value){.kind = VALUE_ERROR};
}
static inline struct value value_none(void) {
  return (struct value){.kind = VALUE_NONE};
}

#endif
