/* format.h - a parsed file, printed the one way it is written. */
#ifndef TFM_COMPILER_FORMAT_H
#define TFM_COMPILER_FORMAT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/diag.h"
#include "compiler/ast.h"

#include <stdbool.h>

/* Append the file to out.  It must not be broken, and its source must still be
 * in diag.  False = out of memory. */
bool format_file(struct arena *arena, struct diag *diag, const struct ast_file *file,
                 struct buffer *out);

#endif
