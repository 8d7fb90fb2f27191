/* ast_build.h - how the parser makes a tree: the constructors of ast_build.c, for expressions,
 * of ast_fusion.c, for fusions, and of ast_parts.c, for all else.
 *
 * When memory is out a constructor returns NULL and marks the arena; each
 * takes NULL for a child, so that the parser need not look.  The tree is then
 * thrown away.  Whatever a constructor finds wrong it reports itself. */
#ifndef TFM_COMPILER_AST_BUILD_H
#define TFM_COMPILER_AST_BUILD_H

#include "compiler/ast.h"

struct ast_builder {
  struct arena *arena;
  struct diag *diag;
  uint32_t source;
  bool too_deep;             /* reported once a file */
  struct ast_file *file;     /* NULL for a schema */
  struct ast_schema *schema; /* NULL for a file */
  /* Where the first comment hangs, or will, that a later declaration may own. */
  struct ast_comment **comment;
};

/* The item to the end of a list of its kind; NULL adds nothing. */
#define AST_APPEND(list, item)                                                                     \
  do {                                                                                             \
    if ((item) == NULL)                                                                            \
      break;                                                                                       \
    *((list).first == NULL ? &(list).first : &(list).last->next) = (item);                         \
    (list).last = (item);                                                                          \
    (list).count++;                                                                                \
  } while (0)

/* The text of a span. */
const char *ast_source_text(const struct ast_builder *build, struct span span);

struct ast_expr *ast_leaf(struct ast_builder *build, enum ast_expr_kind kind, struct span span);
struct ast_expr *ast_bool(struct ast_builder *build, struct span span, bool value);
struct ast_expr *ast_int(struct ast_builder *build, struct span span, int64_t value);
struct ast_expr *ast_real(struct ast_builder *build, struct span span, double value);
/* STR or NAME. */
struct ast_expr *ast_text(struct ast_builder *build, enum ast_expr_kind kind, struct span span,
                          const char *text);
struct ast_expr *ast_member(struct ast_builder *build, struct span span, struct ast_expr *object,
                            struct ast_name name);
struct ast_expr *ast_index(struct ast_builder *build, struct span span, struct ast_expr *object,
                           struct ast_expr *at);
struct ast_expr *ast_call(struct ast_builder *build, struct span span,
                          const struct ast_expr *callee, struct ast_fields args);
/* `expr @path`: gives the call its scope. */
struct ast_expr *ast_scope(struct ast_builder *build, struct span span, struct ast_expr *expr,
                           struct ast_path *path);
struct ast_expr *ast_list(struct ast_builder *build, struct span span, struct ast_exprs items);
struct ast_expr *ast_unary(struct ast_builder *build, struct span span, enum ast_op op,
                           struct span op_span, struct ast_expr *operand);
struct ast_expr *ast_binary(struct ast_builder *build, enum ast_op op, struct span op_span,
                            struct ast_expr *left, struct ast_expr *right);
struct ast_expr *ast_choice(struct ast_builder *build, struct span span, struct ast_expr *condition,
                            struct ast_expr *then, struct ast_expr *otherwise);
struct ast_expr *ast_path_expr(struct ast_builder *build, struct ast_path *path);

/* A path grows part by part; ast_path_end cuts the texts out of the source. */
struct ast_path *ast_path(struct ast_builder *build);
void ast_path_text(struct ast_builder *build, struct ast_path *path, struct span span);
void ast_path_value(struct ast_builder *build, struct ast_path *path, struct span span,
                    struct ast_expr *expr);
void ast_path_star(struct ast_builder *build, struct ast_path *path, struct span span);
struct ast_path *ast_path_end(struct ast_builder *build, struct ast_path *path, struct span span);

struct ast_type *ast_type(struct ast_builder *build, struct span span, struct ast_name name,
                          bool has_dims, bool ellipsis, struct ast_exprs dims);
struct ast_type *ast_type_choices(struct ast_builder *build, struct span span,
                                  struct ast_exprs choices);
struct ast_type *ast_type_optional(struct ast_type *type, struct span span);
struct ast_field *ast_field(struct ast_builder *build, struct span span, struct ast_name name,
                            struct ast_type *type, struct ast_expr *value);

struct ast_stmt *ast_assign(struct ast_builder *build, struct span span, struct ast_fields targets,
                            struct ast_expr *value);
struct ast_stmt *ast_repeat(struct ast_builder *build, struct span span, struct ast_expr *count,
                            struct ast_name name, struct ast_stmts body);
/* named: the values stood left of `=`, so they are names, of the one value. */
struct ast_stmt *ast_return(struct ast_builder *build, struct span span, struct ast_exprs values,
                            struct ast_expr *named);
struct ast_stmt *ast_check(struct ast_builder *build, struct span span, struct ast_assert check);

struct ast_rule *ast_rule(struct ast_builder *build, enum ast_rule_kind kind, struct span span,
                          struct ast_name pattern, struct ast_name replacement);
/* `ignore "a", "b"`: one rule each. */
struct ast_rules ast_ignores(struct ast_builder *build, struct ast_exprs patterns);

struct ast_decl *ast_decl(struct ast_builder *build, enum ast_decl_kind kind, struct span span,
                          struct ast_name name);
/* Appends to the file and gives the declaration its doc comment. */
void ast_add_decl(struct ast_builder *build, struct ast_decl *decl);

/* A term of `fuses`, its sections empty; a slot of it. */
struct ast_term *ast_term(struct ast_builder *build, struct ast_name plugin, struct ast_name op);
struct ast_slot *ast_slot(struct ast_builder *build, struct span span, const char *name,
                          struct ast_term *term);
struct ast_slots ast_slots_add(struct ast_slots list, struct ast_slot *item);
/* One more `fuses`, and one more term of the last one. */
void ast_fusion_add(struct ast_builder *build, struct span span);
void ast_fusion_term(struct ast_builder *build, struct ast_term *term, struct ast_name result);

/* The schema's parts that come last; the sections are in place. */
void ast_schema_end(struct ast_builder *build, struct span span, struct ast_name name,
                    struct ast_fields outputs, struct ast_fields taps);

/* The list with the item at its end. */
struct ast_exprs ast_exprs_add(struct ast_exprs list, struct ast_expr *item);
struct ast_fields ast_fields_add(struct ast_fields list, struct ast_field *item);
/* The same for arguments: a positional one after a named one is reported. */
struct ast_fields ast_args_add(struct ast_builder *build, struct ast_fields list,
                               struct ast_field *item);
struct ast_stmts ast_stmts_add(struct ast_stmts list, struct ast_stmt *item);
struct ast_rules ast_rules_add(struct ast_rules list, struct ast_rules more);

#endif
