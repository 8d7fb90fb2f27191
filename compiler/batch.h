/* batch.h - the rows of the batch, which no op may mix. */
#ifndef TFM_COMPILER_BATCH_H
#define TFM_COMPILER_BATCH_H

#include "compiler/op_call.h"

/* An input as declared: its type against its source's; its first dim is the
 * batch.  False after a report. */
bool batch_declare(struct compiler *c, const struct ast_decl *input, const struct ctype *type);

/* A call whose types fit: false after a report that it mixes rows. */
bool batch_check(struct compiler *c, const struct op_call *call);
/* The same of its outputs, which are known then. */
bool batch_check_outputs(struct compiler *c, const struct op_call *call);

#endif
