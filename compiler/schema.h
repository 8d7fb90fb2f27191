/* schema.h - what an op's schema says, ready to be checked against a call.
 *
 *     op ffn(x: [..., D]; up: linear[D, F], down: linear[F, D]; kind: str) -> [..., D]
 *
 * Sections are inputs; weights; attributes.
 *
 * Inputs and weights have a type: dtype and dims.  No dtype is the run's float
 * type; `any` is one dtype, the same wherever the op says `any`; `number` is the
 * same of numbers, all but bool; `mask` has no dims; `kv[M]` is a key/value state
 * whose rows are M wide, `kv[M, N]` one whose values are N wide, `state[H, K]` a
 * tensor that each row keeps.  A dim is
 *     D        a variable, one value in the whole op
 *     heads    the value of an attribute of that name
 *     12  H*2  a number, an expression of the two above
 *     _        anything
 * and a leading `...` stands for any number of dims, the same ones in the
 * whole op.  A trailing `?` makes it optional.
 *
 * A weight of type `linear[I, O]` is a slot group, the weights of a linear
 * layer that maps I to O: NAME.weight [O, I] and, optional, NAME.bias [O].
 * Plain `linear` has two variables of its own.  `experts[E, I, O]` is the same of E
 * layers: NAME.weight [E, O, I] and NAME.bias [E, O], each one tensor or a list of E.  In the arrays below (and in
 * tfm_node.weight) a group stands as its members, in that order.
 *
 * Attributes are int, real, str, bool, object, list, dims or any, or one of the strings
 * of a list, `"a" | "b"`; with a default
 * (an expression of numbers, strings and earlier attributes), or optional by
 * `?`, or required.
 *
 * Outputs: types, separated by commas, each with a name if it likes; `_` is
 * one output whose type the op's infer says, `...` any number of those.
 * `taps a, b` names inner values.  `where a == b, c` states what must hold
 * of dims and attributes; names of dims may be used in it as in types.
 *
 * `fuses add(y, linear(x; weight, bias))` says what the op stands for, as often as
 * there are ways to write it; see fusion.c and graph/pass/fuse.h. */
#ifndef TFM_COMPILER_SCHEMA_H
#define TFM_COMPILER_SCHEMA_H

#include "base/dtype.h"
#include "compiler/ast.h"

enum { SCHEMA_NONE = -1 };

enum schema_dim_kind {
  SCHEMA_DIM_ANY,    /* _                                           */
  SCHEMA_DIM_VAR,    /* index into op_schema.dim                    */
  SCHEMA_DIM_ATTR,   /* index into op_schema.attr, an int           */
  SCHEMA_DIM_NUMBER, /* number                                      */
  SCHEMA_DIM_EXPR    /* expr: + - * / of numbers and names; see schema_resolve */
};

struct schema_dim {
  enum schema_dim_kind kind;
  uint32_t index;
  int64_t number;
  const struct ast_expr *expr; /* as written; NULL in an expanded group */
};

struct schema_type {
  enum dtype dtype; /* DTYPE_NONE = the run's float type; MASK, BIAS, KV, STATE */
  bool any_dtype;   /* `any`, `number`: one dtype for the whole op */
  bool number;      /* `number`: any but bool */
  bool has_dims;    /* false for mask, and kv and state whose dims are not said */
  bool ellipsis;    /* `...` before dim[0] */
  uint32_t rank;    /* of dim, without the ellipsis */
  const struct schema_dim *dim;
};

struct schema_input {
  const char *name;
  struct span span;
  struct schema_type type;
  bool optional;
};

struct schema_weight {
  const char *name;   /* "bias", "up.weight": appended to the scope, with a dot */
  const char *member; /* "weight" for "up.weight"; name for a weight alone */
  struct span span;
  struct schema_type type;
  bool optional;
  bool list;     /* of experts: may be a list along the first dim */
  int32_t group; /* into op_schema.group, SCHEMA_NONE = alone */
};

struct schema_group {
  const char *name; /* "up" */
  struct span span;
  bool optional;         /* all of it may be absent; else its weight is required */
  uint32_t first, count; /* its members among the weights */
};

enum schema_attr_kind {
  SCHEMA_ATTR_INT,
  SCHEMA_ATTR_REAL, /* takes an int too */
  SCHEMA_ATTR_STR,
  SCHEMA_ATTR_BOOL,
  SCHEMA_ATTR_OBJECT,
  SCHEMA_ATTR_LIST,
  SCHEMA_ATTR_DIMS, /* a list of dims, of run time among them, and `_`: for infer alone */
  SCHEMA_ATTR_ANY
};
const char *schema_attr_kind_name(enum schema_attr_kind kind); /* "int" */

struct schema_attr {
  const char *name;
  struct span span;
  enum schema_attr_kind kind;
  bool optional;                   /* `?`: absent when not given, or none */
  const struct ast_expr *fallback; /* the default; NULL = none */
  uint32_t choice_count;           /* of a str that is one of a list; 0 = any */
  const char *const *choice;
};

struct schema_output {
  const char *name; /* NULL = not named */
  bool infer;       /* `_`: type is unset */
  struct schema_type type;
};

struct op_schema {
  const char *name; /* as in the schema, without a plugin's name */
  const char *doc;  /* "" when there is none */
  const char *text; /* the schema as the plugin wrote it */
  uint32_t source;  /* its number in struct diag */
  uint32_t input_count, weight_count, group_count, attr_count, output_count;
  const struct schema_input *input;
  const struct schema_weight *weight; /* groups expanded */
  const struct schema_group *group;
  const struct schema_attr *attr;
  const struct schema_output *output;
  bool outputs_open; /* `-> ...`: output_count is 0, infer says */
  uint32_t dim_count;
  const char *const *dim; /* names of the variables; "up.in", "up.out" for a plain group */
  uint32_t tap_count;
  const char *const *tap;
  uint32_t constraint_count;
  const struct ast_expr *const *constraint;
  const struct ast_fusion *fusion; /* a list; fusion.c makes sense of it */
};

/* Parse and check a schema.  label names it in messages ("schema of `ffn`").
 * Everything lives in arena.  Registers the text as a source of diag, so text
 * must live as long.  NULL when it has errors, which are in diag. */
struct op_schema *schema_parse(struct arena *arena, struct diag *diag, const char *label,
                               const char *text);

/* What a name in a dim, a default or a constraint means: SCHEMA_DIM_ATTR or
 * SCHEMA_DIM_VAR with its index; SCHEMA_DIM_ANY = nothing (cannot be, after
 * schema_parse). */
enum schema_dim_kind schema_resolve(const struct op_schema *schema, const char *name,
                                    uint32_t *index);

/* Whether a str may be this: true for one without a list. */
bool schema_is_choice(const struct schema_attr *attr, const char *text);

/* Index by name, SCHEMA_NONE if there is none.  A group's member is found by
 * its full name, "up.weight". */
int32_t schema_find_input(const struct op_schema *schema, const char *name);
int32_t schema_find_weight(const struct op_schema *schema, const char *name);
int32_t schema_find_group(const struct op_schema *schema, const char *name);
int32_t schema_find_attr(const struct op_schema *schema, const char *name);
int32_t schema_find_tap(const struct op_schema *schema, const char *name);

#endif
