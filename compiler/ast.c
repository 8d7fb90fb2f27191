/* ast.c - what the enumerations of the tree are written as. */
#include "compiler/ast.h"

const char *ast_op_text(enum ast_op op) {
  static const char *const text[] = {
      [AST_OP_OR] = "or",       [AST_OP_AND] = "and",   [AST_OP_NOT] = "not",
      [AST_OP_EQ] = "==",       [AST_OP_NE] = "!=",     [AST_OP_LT] = "<",
      [AST_OP_LE] = "<=",       [AST_OP_GT] = ">",      [AST_OP_GE] = ">=",
      [AST_OP_COALESCE] = "??", [AST_OP_MASK_OR] = "|", [AST_OP_MASK_AND] = "&",
      [AST_OP_ADD] = "+",       [AST_OP_SUB] = "-",     [AST_OP_MUL] = "*",
      [AST_OP_DIV] = "/",       [AST_OP_IN] = "in",     [AST_OP_REMAINDER] = "%",
      [AST_OP_QUOTIENT] = "//", [AST_OP_NEG] = "-",     [AST_OP_POWER] = "**"};
  return text[op];
}

const char *ast_decl_keyword(enum ast_decl_kind kind) {
  static const char *const text[] = {[AST_DECL_MODEL] = "model",
                                     [AST_DECL_LIBRARY] = "library",
                                     [AST_DECL_USE] = "use",
                                     [AST_DECL_IMPORT] = "import",
                                     [AST_DECL_CHECKPOINT] = "checkpoint",
                                     [AST_DECL_PARAM] = "param",
                                     [AST_DECL_DIM] = "dim",
                                     [AST_DECL_INPUT] = "input",
                                     [AST_DECL_STATE] = "state",
                                     [AST_DECL_CONFIG] = "config",
                                     [AST_DECL_WEIGHTS] = "weights",
                                     [AST_DECL_WEIGHT] = "weight",
                                     [AST_DECL_BLOCK] = "block",
                                     [AST_DECL_GRAPH] = "graph",
                                     [AST_DECL_HEAD] = "head",
                                     [AST_DECL_ASSERT] = "assert"};
  return text[kind];
}
