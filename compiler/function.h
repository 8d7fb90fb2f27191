/* function.h - functions of constants: sqrt, floor, min, max, len. */
#ifndef TFM_COMPILER_FUNCTION_H
#define TFM_COMPILER_FUNCTION_H

#include "compiler/compiler.h"

enum function_kind {
#define FUNCTION(name, id, fewest, most) FUNCTION_##id,
#include "compiler/function.def"
#undef FUNCTION
  FUNCTION_COUNT
};

struct function {
  const char *name;
  enum function_kind kind;
  uint32_t fewest, most; /* arguments */
};

/* NULL = there is none of that name. */
const struct function *function_find(const char *name);
/* The one of that number; below FUNCTION_COUNT. */
const struct function *function_at(uint32_t index);
/* How the call is written: false after a report. */
bool function_fits(struct compiler *c, const struct function *function,
                   const struct ast_expr *call);
/* Of constants, as many as fit. */
struct value function_compute(struct compiler *c, const struct function *function,
                              const struct value *arg, uint32_t count, struct span span);

#endif
