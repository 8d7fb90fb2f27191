/* names.h - what each file declares, and what a name in it means. */
#ifndef TFM_COMPILER_NAMES_H
#define TFM_COMPILER_NAMES_H

#include "compiler/compiler.h"

/* A unit for the main file and each import; their declarations by name.
 * Duplicates, unknown plugins and the like are reported. */
void names_declare(struct compiler *c, const struct ast_file *main);
void names_finish(struct compiler *c);

struct symbol *names_symbol(const struct unit *unit, const char *name);
struct qualifier *names_qualifier(const struct unit *unit, const char *name);
/* The op of that full name, or NULL if no plugin has it. */
const struct op *names_op(struct compiler *c, const char *name);

enum callee_kind {
  CALLEE_UNKNOWN, /* reported */
  CALLEE_OP,
  CALLEE_BLOCK,
  CALLEE_WEIGHT /* transpose, split, ... that may be of weights: see weight_function */
};
struct callee {
  enum callee_kind kind;
  const struct op *op; /* OP, and WEIGHT if an op has that name too */
  struct symbol *block;
};
struct callee names_callee(struct compiler *c, const struct unit *unit,
                           const struct ast_expr *call);

/* "config", "generation" and "modules": objects of JSON that the checkpoint has. */
bool names_is_json(const char *name);
/* Reports a name that nothing declares.  locals: what else the name may be. */
void names_unknown(struct compiler *c, const struct unit *unit, const char *name, struct span span,
                   const char *const *local, size_t local_count);

/* ------------------------------------------------------------------ matching */

/* Which argument goes where; NULL = not given.  Arrays are as long as the
 * schema's lists, or the block's parameters. */
struct match {
  const struct ast_field **input, **weight, **group, **attr; /* of an op */
  const struct ast_field **param;                            /* of a block */
  bool ok;
};
/* Reports arguments too many, unknown, given twice, missing. */
struct match names_match_op(struct compiler *c, const struct ast_expr *call, const struct op *op);
/* The note "its schema: op linear(...)". */
struct report;
void names_note_schema(struct compiler *c, struct report *r, const struct op_schema *schema);
struct match names_match_block(struct compiler *c, const struct ast_expr *call,
                               const struct symbol *block);

#endif
