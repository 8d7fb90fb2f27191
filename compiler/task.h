/* task.h - what a head's task wants of it. */
#ifndef TFM_COMPILER_TASK_H
#define TFM_COMPILER_TASK_H

#include "compiler/expand.h"

/* Its task and attributes, by name. */
void task_check_head(struct compiler *c, const struct ast_decl *head);
/* The results of the chosen head: names, dtypes, shapes. */
void task_check_results(struct compiler *c, const struct model *model);

#endif
