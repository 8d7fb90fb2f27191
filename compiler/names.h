/* names.h - what each file declares, and what a name in it means. */
#ifndef TFM_COMPILER_NAMES_H
#define TFM_COMPILER_NAMES_H

#include "compiler/cell.h"
#include "compiler/compiler.h"
#include "compiler/schema.h"

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
  bool mentioned; /* WEIGHT: see mention.c */
  /* BLOCK: for cycles and cost, see budget.c.  WEIGHT: open, see weight.c */
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

/* A unit for the main file and each import; their declarations by name.
 * Duplicates, unknown plugins and the like are reported. */
void names_declare(struct compiler *c, const struct ast_file *main);
void names_finish(struct compiler *c);

struct symbol *names_symbol(const struct unit *unit, const char *name);
struct qualifier *names_qualifier(const struct unit *unit, const char *name);
/* The op of that full name, or NULL if no plugin has it. */
const struct op *names_op(struct compiler *c, const char *name);
/* The op that has this role; NULL = none. */
const struct op *names_role(struct compiler *c, uint32_t role);

enum callee_kind {
  CALLEE_UNKNOWN, /* reported */
  CALLEE_OP,
  CALLEE_BLOCK,
  CALLEE_WEIGHT,  /* transpose, split, ... that may be of weights: see weight_function */
  CALLEE_FUNCTION /* sqrt, min, ... that may be of constants: see function.h */
};
struct callee {
  enum callee_kind kind;
  const struct op *op; /* OP, and WEIGHT and FUNCTION if an op has that name too */
  struct symbol *block;
};
struct callee names_callee(struct compiler *c, const struct unit *unit,
                           const struct ast_expr *call);

/* "config", "generation" and "modules": objects of JSON that the checkpoint has. */
bool names_is_json(const char *name);
/* Reports a name that nothing declares.  locals: what else the name may be. */
void names_unknown(struct compiler *c, const struct unit *unit, const char *name, struct span span,
                   const char *const *local, size_t local_count);

#endif
