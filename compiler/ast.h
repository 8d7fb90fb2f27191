/* ast.h - a model file as a tree, just as it was written.
 *
 * The tree says what the text says and nothing more: no name is looked up, no
 * constant computed.  Every node has its span and lives in the arena that was
 * passed to the parser; strings are NUL-terminated and live there too.  Lists
 * are linked through `next` and count their items.
 *
 *     file
 *       decl PARAM      fields  V = (member config vocab_size)
 *       decl WEIGHT     wte: [V, D] = (path wte.weight)
 *       decl BLOCK      layer(x: [B, T, D], cache: kv)
 *         stmt ASSIGN   fields q, k, v  = (call split ...)
 *         stmt RETURN   values (binary + x (call ffn ...))
 *
 * An expression is at most AST_MAX_DEPTH deep, and so are statements, so a
 * walk may recurse.  A tree from a text with errors has AST_EXPR_ERROR in the
 * places that could not be read, and lacks the statements that could not. */
#ifndef TFM_COMPILER_AST_H
#define TFM_COMPILER_AST_H

#include "base/arena.h"
#include "base/diag.h"

#include <stdbool.h>
#include <stdint.h>

enum { AST_MAX_DEPTH = 256, AST_VERSION = 1 };

/* A name and where it stands.  text NULL = there is none. */
struct ast_name {
  const char *text;
  struct span span;
};

/* -------------------------------------------------------------- expressions */

enum ast_expr_kind {
  AST_EXPR_ERROR,  /* could not be read; already reported            */
  AST_EXPR_NONE,   /* none                                           */
  AST_EXPR_BOOL,   /* true false                  boolean            */
  AST_EXPR_INT,    /* 12                          integer, >= 0      */
  AST_EXPR_REAL,   /* 1e-5                        real               */
  AST_EXPR_STR,    /* "gelu"                      text, unescaped    */
  AST_EXPR_NAME,   /* x                           text               */
  AST_EXPR_ANY,    /* _   (only as a dim, or in a list of them)      */
  AST_EXPR_MEMBER, /* config.a                    member             */
  AST_EXPR_INDEX,  /* past[i]                     index              */
  AST_EXPR_CALL,   /* f(x, k: 1) @path            call               */
  AST_EXPR_LIST,   /* [1, 2]                      list               */
  AST_EXPR_UNARY,  /* -x   not x                  unary              */
  AST_EXPR_BINARY, /* a + b                       binary             */
  AST_EXPR_IF,     /* if c then a else b          choice             */
  AST_EXPR_PATH    /* @h.{i}.w                    path               */
};

/* From the loosest to the tightest; one row of a comment binds alike.  All are
 * left-associative but the comparisons, which do not chain, and `**`. */
enum ast_op {
  AST_OP_OR,
  AST_OP_AND,
  AST_OP_NOT, /* unary */
  AST_OP_EQ,  /* == != < <= > >= in */
  AST_OP_NE,
  AST_OP_LT,
  AST_OP_LE,
  AST_OP_GT,
  AST_OP_GE,
  AST_OP_IN,
  AST_OP_COALESCE, /* ?? */
  AST_OP_MASK_OR,  /* |  */
  AST_OP_MASK_AND, /* &  */
  AST_OP_ADD,      /* + - */
  AST_OP_SUB,
  AST_OP_MUL, /* * / % // */
  AST_OP_DIV,
  AST_OP_REMAINDER,
  AST_OP_QUOTIENT,
  AST_OP_NEG,  /* unary - */
  AST_OP_POWER /* ** */
};
const char *ast_op_text(enum ast_op op); /* "??" */

struct ast_expr;

struct ast_exprs {
  struct ast_expr *first, *last;
  uint32_t count;
};

/* One piece of a weight path: text with its dots, a number to be computed, or
 * a star (legal inside stack() only, and always a whole component; the parser
 * does not check where it stands).  The path is the pieces joined:
 *     @h.{i}.attn     TEXT "h."  EXPR i  TEXT ".attn"
 *     @experts.*.w1   TEXT "experts."  STAR  TEXT ".w1"               */
enum ast_part_kind { AST_PART_TEXT, AST_PART_EXPR, AST_PART_STAR };
struct ast_part {
  enum ast_part_kind kind;
  struct span span;
  const char *text;      /* TEXT */
  struct ast_expr *expr; /* EXPR */
  struct ast_part *next;
};

struct ast_path {
  struct span span; /* with the @ */
  struct ast_part *first, *last;
  uint32_t count;
  uint32_t depth; /* of the deepest expression */
};

/* Something that may have a name, a type and a value:
 *   an argument          x        k: 1          name? value
 *   a block's parameter  x: [B, T, D]  m = none  name type? value?
 *   an assigned name     q   x: [B, T, F]   _    name? type?
 *   param                A = e                   name value
 *   dim                  T <= P                  name value?
 *   a schema's entry     eps: real = 1e-6        name type value?
 *   a schema's output    [..., D]  y: [T]        name? type         */
struct ast_field {
  struct span span;
  struct ast_name name;
  struct ast_type *type;  /* NULL = none */
  struct ast_expr *value; /* NULL = none */
  struct ast_field *next;
};

struct ast_fields {
  struct ast_field *first, *last;
  uint32_t count;
};

struct ast_expr {
  enum ast_expr_kind kind;
  uint32_t depth; /* 1 for a leaf */
  struct span span;
  struct ast_expr *next; /* in a list of expressions */
  union {
    bool boolean;
    int64_t integer;
    double real;
    const char *text;
    struct {
      struct ast_expr *object;
      struct ast_name name;
    } member;
    struct {
      struct ast_expr *object, *at;
    } index;
    /* qualifier is what stands before the dot: a plugin or an import's alias.
     * Named arguments come after the positional ones. */
    struct {
      struct ast_name qualifier, name;
      struct ast_fields args;
      struct ast_path *scope; /* NULL = none */
    } call;
    struct ast_exprs list;
    struct {
      enum ast_op op;
      struct span op_span;
      struct ast_expr *operand;
    } unary;
    struct {
      enum ast_op op;
      struct span op_span;
      struct ast_expr *left, *right;
    } binary;
    struct {
      struct ast_expr *condition, *then, *otherwise;
    } choice;
    struct ast_path *path;
  };
};

/* i32[B, T]   [..., D]   kv   kv[M]   int   linear[D, F]   [O]?
 * What the name may be depends on where the type stands: the parser does not
 * look at it. */
struct ast_type {
  struct span span;
  struct ast_name name; /* absent = the run's float type */
  bool has_dims;        /* [] is has_dims with none       */
  bool ellipsis;        /* dims begin with ...            */
  bool optional;        /* trailing ?: only in a schema   */
  struct ast_exprs dims;
  struct ast_exprs choices; /* "a" | "b": only in a schema; name is absent */
};

/* --------------------------------------------------------------- statements */

enum ast_stmt_kind { AST_STMT_ASSIGN, AST_STMT_REPEAT, AST_STMT_RETURN, AST_STMT_ASSERT };

struct ast_stmt;

struct ast_stmts {
  struct ast_stmt *first, *last;
  uint32_t count;
  uint32_t depth; /* of the deepest statement */
};

struct ast_assert {
  struct ast_expr *condition;
  const char *message; /* never NULL */
  struct span message_span;
};

struct ast_stmt {
  enum ast_stmt_kind kind;
  uint32_t depth;
  struct span span;
  struct ast_stmt *next;
  union {
    /* q, k, v = e    x: [B, T, F] = e */
    struct {
      struct ast_fields targets;
      struct ast_expr *value;
    } assign;
    /* repeat N as i { ... } */
    struct {
      struct ast_expr *count;
      struct ast_name name;
      struct ast_stmts body;
    } repeat;
    /* return e    return a, b    return n = e    return n, m = e
     * names.count is 0 or, when there is one value, that of its outputs. */
    struct {
      struct ast_fields names;
      struct ast_exprs values;
    } result;
    struct ast_assert check;
  };
};

/* ------------------------------------------------------------- declarations */

enum ast_decl_kind {
  AST_DECL_MODEL,      /* model gpt2 for "gpt2"              unit         */
  AST_DECL_LIBRARY,    /* library t5_blocks                  unit         */
  AST_DECL_USE,        /* use acme 2                         use          */
  AST_DECL_IMPORT,     /* import "x.tfm" as n                import       */
  AST_DECL_CHECKPOINT, /* checkpoint "openai-community/gpt2" checkpoint   */
  AST_DECL_PARAM,      /* param A = e, B = e                 fields       */
  AST_DECL_DIM,        /* dim B, T <= P                      fields       */
  AST_DECL_INPUT,      /* input ids: i32[B, T] = tokens.ids  input        */
  AST_DECL_STATE,      /* state past: kv[L]                  state        */
  AST_DECL_CONFIG,     /* config { ignore ... }              rules        */
  AST_DECL_WEIGHTS,    /* weights { rename ... ignore ... }  rules        */
  AST_DECL_WEIGHT,     /* weight w: [V, D] = e               weight       */
  AST_DECL_BLOCK,      /* block f(x, m = none) { ... }       block        */
  AST_DECL_GRAPH,      /* graph decode { ... }               graph        */
  AST_DECL_HEAD,       /* head n(x): kind(attrs) for "A" {}  head         */
  AST_DECL_ASSERT      /* assert e, "message"                check        */
};
const char *ast_decl_keyword(enum ast_decl_kind kind); /* "graph" */

/* A rule for checkpoint names.  `ignore "a", "b"` is two rules. */
enum ast_rule_kind { AST_RULE_RENAME, AST_RULE_IGNORE };
struct ast_rule {
  enum ast_rule_kind kind;
  struct span span;
  struct ast_name pattern, replacement; /* the string's contents; no replacement for IGNORE */
  struct ast_rule *next;
};

struct ast_rules {
  struct ast_rule *first, *last;
  uint32_t count;
};

struct ast_file;

struct ast_decl {
  enum ast_decl_kind kind;
  struct span span; /* all of it, body included */
  struct ast_name
      name;        /* of unit, input, state, weight, block, graph, head; import's alias; plugin */
  const char *doc; /* the ## lines before it, joined by newlines, or NULL */
  struct ast_decl *next;
  union {
    struct ast_exprs unit; /* the STRs after `for`; name is the unit's */
    struct {
      int64_t major;
      struct span major_span;
    } use;
    struct {
      struct ast_name path;  /* the string's contents */
      struct ast_file *file; /* set by source_load; NULL when it failed */
    } import;
    struct ast_name checkpoint; /* the string's contents */
    struct ast_fields fields;
    struct {
      struct ast_type *type;
      struct ast_name source; /* "tokens.ids" */
    } input;
    struct {
      struct ast_type *type;
      struct ast_expr *layers; /* of memory[L]: [D]; NULL = kv[L], the type has them */
    } state;
    struct ast_rules rules;
    struct {
      struct ast_type *type; /* NULL = not stated */
      struct ast_expr *value;
    } weight;
    struct {
      struct ast_fields params;
      struct ast_stmts body;
    } block;
    struct ast_stmts graph; /* name is encode or decode: not checked here */
    struct {
      struct ast_fields params;
      struct ast_name task;    /* generate, ...: not checked here */
      struct ast_fields attrs; /* named arguments */
      struct ast_exprs archs;  /* STRs */
      struct ast_stmts body;
    } head;
    struct ast_assert check;
  };
};

struct ast_decls {
  struct ast_decl *first, *last;
  uint32_t count;
};

/* # to the end of the line.  Kept for whoever prints the file again. */
struct ast_comment {
  struct span span;
  bool doc;   /* starts with ##                   */
  bool alone; /* nothing stands before it in its line */
  struct ast_comment *next;
};

struct ast_file {
  uint32_t source;        /* number in struct diag */
  struct ast_decl *unit;  /* its MODEL or LIBRARY, NULL = missing (reported) */
  struct ast_decls decls; /* all of them, in order */
  struct ast_comment *comments;
  bool broken; /* an error was reported: do not go on with it */
};

/* A slot of a term: a name, another term, or `_`, which is neither. */
struct ast_slot {
  struct span span;
  const char *name;
  struct ast_term *term;
  struct ast_slot *next;
};

struct ast_slots {
  struct ast_slot *first, *last;
  uint32_t count;
};

/* linear(x; weight, bias), of `fuses`: an op with its inputs, weights and
 * attributes; `as sum` gives its result a name. */
struct ast_term {
  struct span span;
  struct ast_name plugin, op, result;
  struct ast_slots section[2];
  struct ast_fields attrs; /* name value? */
  struct ast_term *next;
};

/* One `fuses`: terms side by side. */
struct ast_fusion {
  struct span span;
  struct ast_term *first, *last;
  struct ast_fusion *next;
};

/* The op schema of `op name(inputs; weights; attributes) -> outputs taps ...
 * where ... fuses ...` before schema.c has made sense of it. */
struct ast_schema {
  struct span span;
  struct ast_name name;
  const char *doc;              /* "" when there is none */
  struct ast_fields section[3]; /* inputs, weights, attributes */
  struct ast_fields outputs;    /* a type NULL is `_`: one output, infer says its type */
  bool outputs_open;            /* `-> ...`: infer says how many and which */
  struct ast_fields taps;       /* names */
  struct ast_exprs constraints; /* after `where` */
  struct ast_fusion *fusions, *last_fusion;
};

/* Parse the diag's source with that number, whose text is in place.  What is
 * wrong goes to diag, every syntax error of the file in one go.  Returns NULL
 * only when memory is out or the first line names no known version. */
struct ast_file *ast_parse(struct arena *arena, struct diag *diag, uint32_t source);

/* The same for a source that is one op schema; NULL when it has an error. */
struct ast_schema *ast_parse_schema(struct arena *arena, struct diag *diag, uint32_t source);

#endif
