/* ast_fusion.c - constructors of what follows `fuses` in a schema. */
#include "compiler/ast_build.h"

struct ast_term *ast_term(struct ast_builder *build, struct ast_name plugin, struct ast_name op) {
  struct ast_term *term = arena_alloc(build->arena, sizeof *term);
  if (term != NULL) {
    term->plugin = plugin;
    term->op = op;
  }
  return term;
}

struct ast_slot *ast_slot(struct ast_builder *build, struct span span, const char *name,
                          struct ast_term *term) {
  struct ast_slot *slot = arena_alloc(build->arena, sizeof *slot);
  if (slot != NULL)
    *slot = (struct ast_slot){.span = span, .name = name, .term = term};
  return slot;
}

struct ast_slots ast_slots_add(struct ast_slots list, struct ast_slot *item) {
  AST_APPEND(list, item);
  return list;
}

void ast_fusion_add(struct ast_builder *build, struct span span) {
  struct ast_fusion *fusion = arena_alloc(build->arena, sizeof *fusion);
  struct ast_schema *schema = build->schema;
  if (fusion == NULL)
    return;
  fusion->span = span;
  if (schema->fusions == NULL)
    schema->fusions = fusion;
  else
    schema->last_fusion->next = fusion;
  schema->last_fusion = fusion;
}

void ast_fusion_term(struct ast_builder *build, struct ast_term *term, struct ast_name result) {
  struct ast_fusion *fusion = build->schema->last_fusion;
  if (fusion == NULL || term == NULL)
    return; /* memory is out */
  term->result = result;
  if (fusion->first == NULL)
    fusion->first = term;
  else
    fusion->last->next = term;
  fusion->last = term;
}
