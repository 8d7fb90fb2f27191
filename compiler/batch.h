/* batch.h - the rows of the batch, which no op may mix. */
#ifndef TFM_COMPILER_BATCH_H
#define TFM_COMPILER_BATCH_H

#include "compiler/call.h"

/* What can be an input's source, and the type that it has. */
struct batch_source {
  const char *name;
  enum dtype dtype;
  uint32_t rank;
};
enum { BATCH_SOURCES = 11 };
extern const struct batch_source batch_sources[BATCH_SOURCES];
const struct batch_source *batch_find_source(const char *name);

/* An input as declared: its type against its source's; its first dim is the
 * batch.  False after a report. */
bool batch_declare(struct compiler *c, const struct ast_decl *input, const struct ctype *type);

/* A call whose types fit: false after a report that it mixes rows. */
bool batch_check(struct compiler *c, const struct op_call *call);

#endif
