/* weight.h - paths, scopes, and the tensors that they lead to.
 *
 * An expression about weights is a tree (struct weight_expr) until an op's
 * slot takes it: only then is the checkpoint asked, so that a branch that is
 * not taken, or a value that is fed, needs no tensor. */
#ifndef TFM_COMPILER_WEIGHT_H
#define TFM_COMPILER_WEIGHT_H

#include "compiler/expand.h"

enum { WEIGHT_ABSENT = -1, WEIGHT_FAILED = -2 };

/* What an expression was taken to be, and what is known of it: an expression is a
 * graph, not a tree, and each of it is looked at once.  member as in weight_want. */
struct weight_memo {
  const char *member, *present_for, *mentioned_for;
  bool taken, asked, present, mentioned;
  int32_t index;
  struct ctype type;
};

/* ------------------------------------------------------------- expressions */

const struct scope *weight_root(void);
/* The frame's scope and the path; NULL after a report. */
const struct scope *weight_join(struct compiler *c, const struct ast_path *path);
struct value weight_path(struct compiler *c, const struct ast_expr *expr);
struct value weight_named(struct compiler *c, struct symbol *symbol, struct span span);
struct value weight_first(struct compiler *c, const struct value *left, const struct value *right,
                          struct span span);
/* transpose, split, concat, stack, reshape of weights.  false: the first
 * argument is no weight, so it may be an op's call. */
bool weight_function(struct compiler *c, const struct ast_expr *call, struct value *out);

/* --------------------------------------------------------------- checkpoint.c */

/* Index the checkpoint's tensors under the names that the rules give them. */
void checkpoint_open(struct compiler *c);
void checkpoint_close(struct compiler *c);

/* Names that an expression which is not evaluated speaks of, so that they are
 * not left over.  In c->frame. */
void weight_mention(struct compiler *c, const struct ast_expr *expr);
void weight_mention_body(struct compiler *c, const struct ast_stmts *body);
/* The names of an expression that was evaluated but not taken. */
void weight_mention_value(struct compiler *c, const struct weight_expr *expr, const char *member);
/* Every tensor that nothing used, ignores or mentions: one error. */
void checkpoint_check_unused(struct compiler *c);
/* Optional slots are in all layers or in none. */
void checkpoint_check_layers(struct compiler *c);
/* The tensor of that name, after renames; NULL = it is not there. */
const struct compile_tensor *checkpoint_find(struct compiler *c, const char *name);
/* Names in order of their numbers that match a pattern with a star. */
const char **checkpoint_match(struct compiler *c, const char *pattern, uint32_t *count);
const char *checkpoint_nearest(struct compiler *c, const char *name);
/* An optional slot was, or was not, found: key has a star for each number. */
void checkpoint_note_optional(struct compiler *c, const char *key, const char *name, bool present,
                              struct span span);

/* ------------------------------------------------------------------ tensor.c */

/* What a slot asks for. */
struct weight_want {
  const char *member; /* appended to a path: "weight"; NULL = the path is the tensor's */
  uint32_t rank;
  bool optional;
  struct span span; /* for messages */
};
/* The tensor or view, made once; WEIGHT_ABSENT when optional and not there,
 * WEIGHT_FAILED after a report.  type: as declared if it is, else as stored. */
int32_t weight_take(struct compiler *c, const struct weight_expr *expr,
                    const struct weight_want *want, struct ctype *type);
/* Is it in the checkpoint?  Without a checkpoint nothing is. */
bool weight_is_there(struct compiler *c, const struct weight_expr *expr);
/* missing.c: report each live tensor that is not in the checkpoint, or, without one, whose
 * shape is not told. */
void weight_check_live(struct compiler *c);
void weight_mark_live(struct compiler *c, int32_t weight);

#endif
