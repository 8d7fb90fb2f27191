/* match.h - which argument of a call goes to which slot of its callee. */
#ifndef TFM_COMPILER_MATCH_H
#define TFM_COMPILER_MATCH_H

#include "compiler/names.h"
#include "compiler/report.h"

/* Which argument goes where; NULL = not given.  Arrays are as long as the
 * schema's lists, or the block's parameters. */
struct match {
  const struct ast_field **input, **weight, **group, **attr; /* of an op */
  const struct ast_field **param;                            /* of a block */
  bool ok;
};
/* Reports arguments too many, unknown, given twice, missing. */
struct match match_op(struct compiler *c, const struct ast_expr *call, const struct op *op);
/* The note "its schema: op linear(...)". */
void match_note_schema(struct compiler *c, struct report *r, const struct op_schema *schema);
struct match match_block(struct compiler *c, const struct ast_expr *call,
                         const struct symbol *block);

#endif
