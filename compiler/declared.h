/* declared.h - types as a file declares them. */
#ifndef TFM_COMPILER_DECLARED_H
#define TFM_COMPILER_DECLARED_H

#include "compiler/cell.h"
#include "compiler/compiler.h"

/* A dim of a type: numbers, params, run-time dims, `_` a free cell; NULL after a report. */
struct cell *declared_dim(struct compiler *c, const struct ast_expr *expr);
/* A shape, written out or the list of a param: VALUE_DIMS, an error, or what else it is. */
struct value declared_dims(struct compiler *c, const struct ast_expr *expr);
/* A type as declared; false after a report. */
bool declared_type(struct compiler *c, const struct ast_type *type, struct ctype *out);
/* Demand that the value has the declared type; what it is for, for the message. */
bool declared_hold(struct compiler *c, int32_t tensor, const struct ctype *declared,
                   const char *what, struct span span, const struct ast_type *written);

#endif
