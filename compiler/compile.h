/* compile.h - from a model file to a graph: the compiler's only door.
 *
 * parse -> load -> resolve -> budget -> expand -> typecheck -> bind -> lower
 * -> hoist -> live -> fuse.  Each stage is called once, in order, from compile.c.  The compiler
 * never loads a plugin or a weight: it is handed the ops, and an index of
 * the checkpoint's tensors. */
#ifndef TFM_COMPILER_COMPILE_H
#define TFM_COMPILER_COMPILE_H

#include "base/buffer.h"
#include "base/diag.h"
#include "base/error.h"
#include "compiler/options.h"

#include <stddef.h>

/* The graph, or NULL.  What is wrong with the model file is in diag (all of
 * it); err says the one line and the exit code: MODEL for the file, CHECKPOINT
 * for a missing, surplus or misshapen tensor, PLUGIN for an unknown `use`,
 * LIMIT.  Warnings may be in diag on success too. */
struct graph *compile_model(const struct compile_options *options, struct diag *diag,
                            struct tfm_error *err);

/* As much as can be said without config.json: syntax, names, arity, cycles. */
int compile_check(const struct compile_options *options, struct diag *diag, struct tfm_error *err);

/* What a model file says of itself, without expanding it. */
struct compile_summary {
  char *name;        /* "gpt2" */
  char *doc;         /* the doc comment, or "" */
  char **model_type; /* what it is `for` */
  size_t model_type_count;
  char *checkpoint; /* its default, or NULL */
  char **plugin;    /* each `use` */
  size_t plugin_count;
  char **task; /* each head's */
  size_t task_count;
};
int compile_summarize(const char *path, struct compile_summary *out, struct diag *diag,
                      struct tfm_error *err);
void compile_summary_finish(struct compile_summary *summary);

/* tfmc: the file's tokens and tree, one a line, and the file formatted. */
int compile_emit_tokens(const char *path, struct buffer *out, struct diag *diag,
                        struct tfm_error *err);
int compile_emit_ast(const char *path, struct buffer *out, struct diag *diag,
                     struct tfm_error *err);
int compile_format(const char *path, struct buffer *out, struct diag *diag, struct tfm_error *err);

#endif
