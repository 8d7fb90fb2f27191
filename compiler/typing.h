/* typing.h - one call while it is typed, and how its messages tell of a dim. */
#ifndef TFM_COMPILER_TYPING_H
#define TFM_COMPILER_TYPING_H

#include "compiler/op_call.h"
#include "compiler/report.h"

/* What a dim of the schema is in this call, and which slot said so. */
struct binding {
  struct cell *cell;
  const char *by;
  struct span span;
};

struct typing {
  struct compiler *c;
  struct op_call *call;
  const struct op_schema *schema;
  struct binding *var; /* schema->dim_count */
  struct binding rest[TFM_MAX_RANK];
  uint32_t rest_count;
  bool has_rest;
  const struct ctype *rest_type; /* of the slot that set it */
  bool has_any;
  enum dtype any;
};

/* "768 is D, from config.json:14 `n_embd`", "2304 from tensor `a` [768,2304]". */
const char *typing_story(struct compiler *c, const struct cell *cell);
/* The note with the op's schema, unless it is written as an operator. */
void typing_note_schema(struct typing *t, struct report *r);

#endif
