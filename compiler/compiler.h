/* compiler.h - one compilation: what the passes from resolve to lower share.
 * What each list holds is said by the header of the pass that fills it.
 *
 * Everything lives in one arena that ends with the compilation.  An error goes
 * to report.h and leaves VALUE_ERROR behind, which silences all that is made
 * of it; memory that runs out, or a limit, sets `stop`. */
#ifndef TFM_COMPILER_COMPILER_H
#define TFM_COMPILER_COMPILER_H

#include "base/error.h"
#include "base/map.h"
#include "compiler/ast.h"
#include "compiler/codes.h"
#include "compiler/options.h"
#include "compiler/value.h"

struct cell;
struct ctype;

struct compiler {
  const struct compile_options *options;
  struct arena *arena;
  struct diag *diag;
  struct tfm_error *err;
  bool stop; /* memory is out, or a limit is passed: unwind */
  /* Without config.json: what depends on it is VALUE_ERROR without a report, a dim
   * that does is free, a repeat turns once, and each head is looked at. */
  bool unknown;
  uint32_t sides; /* of choices that are not known, and where expansion is in one */
  uint32_t steps;
  struct span at; /* of the last step, for what is found between two */

  struct unit *units;
  struct unit *main;
  struct map files;                 /* struct ast_file -> struct unit, by address */
  struct map ops;                   /* struct op */
  struct map origins;               /* struct ast_expr -> struct origin, by address */
  const struct op *role[TFM_ROLES]; /* NULL = not asked for, or there is none */
  struct report *reports;
  uint32_t report_count;

  struct graph_dim dim[DIM_VARIABLES];
  uint32_t dim_count;

  struct cell *batch;     /* see batch.c; NULL = no input has said it yet */
  struct cell *tokens[2]; /* by graph_side: of tokens.*, of generated.* */
  struct span batch_span;

  struct ir_value *value;
  uint32_t value_count, value_room;
  struct ir_node *node;
  uint32_t node_count, node_room;
  struct weight *weight;
  uint32_t weight_count, weight_room;
  struct map weight_names; /* name -> index */
  uint32_t weight_depth;   /* declarations open in weight.c */
  unsigned mention_depth;  /* declarations and blocks open in mention.c */
  uint32_t view_depth;     /* expressions open in weight.c and mention.c */

  struct checkpoint *checkpoint; /* checkpoint.c */
  struct names *names;           /* naming.c */
  struct unread *unread;         /* unread.c */
  struct given *given;           /* check.c: what may be used by nothing */
  struct local *local;           /* a stack: the locals of all open frames */
  uint32_t local_count, local_room;
  struct frame *frame;  /* where expansion is */
  enum graph_when when; /* of nodes that are made now */
  bool both_graphs;     /* encode and decode */
  bool two_texts;       /* some input is generated.*: one text is read, another written */

  /* What a layer leaves to one above it; set once, by compile.c. */
  struct value (*call)(struct compiler *c, const struct ast_expr *call); /* expand_call */
  void (*declare_weight)(struct compiler *c, struct symbol *weight);     /* constant_weight */
  /* An argument that weight_function evaluated and then left to an op. */
  const struct ast_expr *evaluated_for;
  struct value evaluated;
};

/* Memory from the arena; NULL also sets stop. */
void *compiler_alloc(struct compiler *c, size_t count, size_t size);
char *compiler_printf(struct compiler *c, const char *format, ...) TFM_PRINTF(2, 3);
/* Memory is out, or over the limit of the file: sets stop, and says which. */
void compiler_oom(struct compiler *c);
/* The same for another arena with the same limit. */
void compiler_full(struct compiler *c, const struct arena *arena);
/* Room for one more in an array of the arena; false = memory is out. */
bool compiler_grow(struct compiler *c, void **array, uint32_t count, uint32_t *room, size_t size);
/* "[B,T,768]" and "768", in the arena. */
const char *compiler_type_text(struct compiler *c, const struct ctype *type);
const char *compiler_cell_text(struct compiler *c, const struct cell *cell);
/* The text of a span, as it is in the source. */
const char *compiler_span_text(struct compiler *c, struct span span);

#endif
