/* compiler.h - what the passes from resolve to lower share: the files' names,
 * values that an expression can have, and the graph while it is being made.
 *
 * Everything lives in one arena that ends with the compilation.  An error goes
 * to report.h and leaves VALUE_ERROR behind, which silences all that is made
 * of it; memory that runs out, or a limit, sets `stop`. */
#ifndef TFM_COMPILER_COMPILER_H
#define TFM_COMPILER_COMPILER_H

#include "base/map.h"
#include "compiler/ast.h"
#include "compiler/cell.h"
#include "compiler/codes.h"
#include "compiler/compile.h"
#include "compiler/schema.h"

enum {
  LIMIT_REPEAT = 1024,
  LIMIT_REPEAT_NESTING = 2,
  LIMIT_INLINE_DEPTH = 16,
  LIMIT_NODES = 65536,
  LIMIT_WEIGHT_DEPTH = 64, /* weights declared by other weights */
  /* Statements and expressions looked at: stops what makes no nodes. */
  LIMIT_STEPS = 32 * LIMIT_NODES,
  LIMIT_VIEW_DEPTH = 1200, /* views of views of a weight */
  LIMIT_PATH = 4096,       /* bytes of a weight's path; longer names of views are cut */
  LIMIT_VIEW_NAME = 256,
  /* Bytes of a compilation, and of the graph that it makes: at first, then more
   * for each byte of the sources (source.h), node, tensor and byte of JSON. */
  LIMIT_MEMORY = 16 << 20,
  MEMORY_NODE = 6 << 10,
  MEMORY_TENSOR = 2 << 10,
  MEMORY_JSON = 64
};

/* -------------------------------------------------------------------- values */

enum value_kind {
  VALUE_ERROR, /* already reported */
  VALUE_NONE,
  VALUE_BOOL,
  VALUE_INT,
  VALUE_REAL,
  VALUE_STR,
  VALUE_JSON, /* an object or array of config.json */
  VALUE_LIST,
  VALUE_TENSOR, /* a value of the graph */
  VALUE_STATE,  /* a state, not yet one layer of it */
  VALUE_WEIGHT,
  VALUE_TUPLE /* several results */
};

struct value {
  enum value_kind kind;
  bool missing; /* NONE: because config.json does not have it */
  const struct origin *origin;
  union {
    bool boolean;
    int64_t integer;
    double real;
    const char *text;
    const json_t *json;
    struct {
      const struct value *item;
      uint32_t count;
    } list;         /* LIST, TUPLE */
    int32_t tensor; /* into compiler.value */
    const struct symbol *state;
    const struct weight_expr *weight;
  };
};

/* ------------------------------------------------------------------- weights */

/* Where paths are joined to: "h.0" and, with each {…} as a star, "h.*". */
struct scope {
  const struct scope *parent; /* NULL = the root */
  const struct ast_path *path;
  const char *name, *pattern; /* with all parents; "" at the root */
};

enum weight_expr_kind {
  WEIGHT_PATH,  /* scope                        */
  WEIGHT_NAMED, /* a weight declaration: symbol */
  WEIGHT_FIRST, /* operands: the first present  */
  WEIGHT_STARS, /* scope: what matches, in the order of numbers; inside stack */
  WEIGHT_VIEW   /* view of operands             */
};

/* What a weight's expression means before anyone looks into the checkpoint: a
 * path may be a tensor or the start of a slot group's names. */
struct weight_expr {
  enum weight_expr_kind kind;
  const struct scope *scope; /* PATH, STARS: the whole path, as a scope */
  struct symbol *symbol;     /* NAMED */
  enum graph_weight_kind view;
  int32_t axis, parts, index;
  uint32_t operand_count;
  const struct weight_expr *const *operand;
  struct ctype shape; /* RESHAPE */
  struct span span;
  struct weight_memo *memo; /* tensor.c: of what it was taken to be */
};

/* A tensor, or a view of some: made once for each name. */
struct weight {
  enum graph_weight_kind kind;
  const char *name;
  const struct compile_tensor *tensor; /* TENSOR; NULL = not in the checkpoint */
  uint32_t operand_count;
  const int32_t *operand; /* into compiler.weight */
  int32_t axis, parts, index;
  uint32_t depth; /* views below it */
  enum dtype dtype;
  struct ctype type;
  const struct scope *scope; /* of its first use, for messages */
  const char *slot;          /* appended to the scope, or NULL */
  struct span span;
  bool live;
  int32_t graph_index; /* in the graph that is made */
};

/* ----------------------------------------------------------------- the graph */

struct alias {
  const char *name;
  struct alias *next;
};

struct ir_value {
  const char *name;
  struct alias *alias; /* in order */
  struct ctype type;
  int32_t node; /* GRAPH_NONE: an input or a state */
  uint32_t output;
  struct span span;
  bool dump, fed;
  enum graph_when fed_when; /* when what is fed in its place is known */
  uint32_t mask_terms;      /* of a mask: terms of its formula */
  const char *source;       /* input: "tokens.ids"; NULL = none */
  bool state, any;          /* one layer of a state; which one is not known */
  int32_t graph_index;      /* in the graph that is made */
  bool live;
};

struct ir_node {
  const struct op *op;
  uint32_t input_count, weight_count, attr_count, output_count;
  int32_t *input;  /* values */
  int32_t *weight; /* into compiler.weight */
  struct graph_attr *attr;
  int32_t *output;
  uint64_t taps;
  enum graph_when when;
  int32_t layer;
  struct span span;
  bool live;
  bool perhaps; /* in a side of a choice that is not known */
  int32_t graph_index;
};

/* ---------------------------------------------------------------------- names */

struct op {
  const char *name; /* "linear", "acme.flash" */
  const tfm_op_desc *desc;
  const struct op_schema *schema; /* NULL: it has errors, which are reported */
};

enum symbol_kind {
  SYMBOL_PARAM,
  SYMBOL_DIM,
  SYMBOL_INPUT,
  SYMBOL_STATE,
  SYMBOL_WEIGHT,
  SYMBOL_BLOCK
};

struct symbol {
  enum symbol_kind kind;
  const char *name;
  struct span span; /* of the name where it is declared */
  struct unit *unit;
  const struct ast_decl *decl;
  const struct ast_field *field; /* PARAM, DIM */
  bool ready;                    /* PARAM: value is there.  WEIGHT: type is there */
  struct value value;            /* PARAM; INPUT: its tensor */
  uint32_t dim;                  /* DIM: into compiler.dim */
  int32_t *layer; /* STATE: a value for each; then one for any, if config.json is not known */
  uint32_t layer_count;
  bool open;     /* STATE: layer_count is not known */
  bool has_type; /* WEIGHT: a shape is declared */
  struct ctype type;
  bool used;      /* WEIGHT, STATE: something referred to it */
  bool mentioned; /* WEIGHT: see checkpoint.c */
  /* BLOCK: for cycles and cost, see budget.c.  WEIGHT: open, see tensor.c */
  uint8_t mark;
  bool expanded; /* BLOCK: by a call */
  uint64_t cost;
  uint32_t depth, nesting;
};

/* A file and the names that it declares. */
struct unit {
  const struct ast_file *file;
  struct map symbols;    /* struct symbol */
  struct map qualifiers; /* imports and plugins: struct qualifier */
  bool evaluated;        /* its params and dims are computed, see constant.c */
  struct unit *next;
};

struct qualifier {
  const char *name;
  const struct ast_decl *decl;
  struct unit *unit; /* an import's; NULL = a plugin, or an import that failed */
};

/* ---------------------------------------------------------------- the context */

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
  struct map files; /* struct ast_file -> struct unit, by address */
  struct map ops;   /* struct op */
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
  uint32_t weight_depth;   /* declarations open in tensor.c */
  uint32_t view_depth;     /* expressions open in tensor.c and checkpoint.c */

  struct checkpoint *checkpoint; /* weight.c */
  struct names *names;           /* naming.c */
  struct local *local;           /* a stack: the locals of all open frames */
  uint32_t local_count, local_room;
  struct frame *frame;     /* expand.c: where expansion is */
  enum graph_when when;    /* of nodes that are made now */
  bool both_graphs;        /* encode and decode */
  const char *mixes;       /* an op that would see padding, see tokens.h; NULL = none does */
  bool two_texts;          /* some input is generated.*: one text is read, another written */
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
/* The names of the run-time dims, for printing; DIM_VARIABLES of them. */
void compiler_dim_names(const struct compiler *c, const char *names[DIM_VARIABLES]);
/* "[B,T,768]" and "768", in the arena. */
const char *compiler_type_text(struct compiler *c, const struct ctype *type);
const char *compiler_cell_text(struct compiler *c, const struct cell *cell);
/* The text of a span, as it is in the source. */
const char *compiler_span_text(struct compiler *c, struct span span);

static inline struct value value_error(void) {
  return (struct value){.kind = VALUE_ERROR};
}
static inline struct value value_none(void) {
  return (struct value){.kind = VALUE_NONE};
}

#endif
