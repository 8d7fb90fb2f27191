/* head.h - which head of the file is meant. */
#ifndef TFM_COMPILER_HEAD_H
#define TFM_COMPILER_HEAD_H

#include "compiler/compiler.h"

/* The head that was asked for, by its name or its task; else by the architecture; else the only
 * one.  NULL = none, and said why; or the file has none, and none was asked for: any is false. */
const struct ast_decl *head_choose(struct compiler *c, bool *any);

#endif
