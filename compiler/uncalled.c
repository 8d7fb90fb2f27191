/* uncalled.c - what a block does when nothing calls it, as in a library: its parameters
 * are what their types say, and those without a type are not known.
 *
 * A block is expanded by itself only where no call did it, and what it made is
 * forgotten: it is for its reports. */
#include "compiler/uncalled.h"

#include "compiler/declared.h"
#include "compiler/expand.h"
#include "compiler/limit.h"
#include "compiler/names.h"
#include "compiler/node.h"

/* A parameter of that type, or one of which nothing is known. */
static struct value stand_in(struct compiler *c, const struct ast_field *param) {
  struct ctype type;
  if (param->type == NULL || !declared_type(c, param->type, &type))
    return value_error();
  return node_hole(c, &type, param->span);
}

static void expand_alone(struct compiler *c, const struct symbol *block) {
  struct frame frame = FRAME(c, .unit = block->unit, .scope = scope_root(), .depth = 1);
  struct results results;
  uint32_t nodes = c->node_count;
  c->frame = &frame;
  for (const struct ast_field *p = block->decl->block.params.first; p != NULL && !c->stop;
       p = p->next)
    if (!frame_bind(c, &frame, p->name.text, p->name.span, stand_in(c, p)))
      return;
  expand_body(c, &frame, &block->decl->block.body, &results);
  c->frame = NULL;
  c->node_count = nodes;
}

void uncalled_expand(struct compiler *c) {
  for (struct unit *unit = c->units; unit != NULL; unit = unit->next)
    for (const struct ast_decl *d = unit->file->decls.first; d != NULL && !c->stop; d = d->next) {
      const struct symbol *symbol = d->kind == AST_DECL_BLOCK && d->name.text != NULL
                                        ? names_symbol(unit, d->name.text)
                                        : NULL;
      if (symbol != NULL && symbol->decl == d && !symbol->expanded && symbol->cost <= LIMIT_NODES)
        expand_alone(c, symbol);
    }
}
