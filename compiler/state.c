/* state.c - each layer of a state belongs to one op.
 *
 * Two ops that append to the same keys and values would each attend to the
 * other's; a layer that none uses is memory for nothing, and most often a layer
 * of the model that was forgotten. */
#include "compiler/state.h"

#include "compiler/ir.h"
#include "compiler/names.h"
#include "compiler/report.h"

#include <string.h>

static void report_twice(struct compiler *c, const struct ir_value *state,
                         const struct ir_node *first, const struct ir_node *second) {
  struct report *r =
      report(c, CODE_STATE, second->span, "the state `%s` is used by two ops", state->name);
  report_primary(c, r, "the second");
  if (first->span.source == second->span.source && first->span.begin == second->span.begin)
    report_note(c, r, "the first is the same call, in another turn or of another block");
  else
    report_label(c, r, first->span, "the first");
  report_help(c, r, "give each its own: `state NAME%s` with n layers, and `NAME[i]`",
              state->type.dtype == DTYPE_KV ? ": kv[n]" : "[n]: ...");
}

/* The input that takes a layer of such a state; NULL = the op has none. */
static const char *layer_input(const struct op *op, enum dtype dtype) {
  for (uint32_t i = 0; op != NULL && op->schema != NULL && i < op->schema->input_count; i++)
    if (op->schema->input[i].type.dtype == dtype)
      return op->schema->input[i].name;
  return NULL;
}

/* "attention(..., cache: past[i])", of the first op that takes one, those of plugins last. */
static const char *layer_call(struct compiler *c, const char *state, enum dtype dtype) {
  const struct compile_options *o = c->options;
  const char *of_plugin = NULL;
  for (size_t i = 0; i < o->op_name_count; i++) {
    const char *name = o->op_names[i], *input = layer_input(names_op(c, name), dtype);
    if (input == NULL || (strchr(name, '.') != NULL && of_plugin != NULL))
      continue;
    const char *call = compiler_printf(c, "%s(..., %s: %s[i])", name, input, state);
    if (strchr(name, '.') == NULL)
      return call;
    of_plugin = call;
  }
  return of_plugin;
}

static void report_unused(struct compiler *c, const struct symbol *symbol, uint32_t unused,
                          const char *example) {
  struct report *r =
      unused == symbol->layer_count
          ? report(c, CODE_STATE, symbol->span, "the state `%s` is used by nothing", symbol->name)
          : report(c, CODE_STATE, symbol->span,
                   "%u of %u layers of the state `%s` are used by nothing", unused,
                   symbol->layer_count, symbol->name);
  if (example != NULL)
    report_note(c, r, "the first is `%s`", example);
  const char *call =
      layer_call(c, symbol->name, symbol->decl->state.layers == NULL ? DTYPE_KV : DTYPE_STATE);
  if (call != NULL)
    report_help(c, r, "an op takes a layer of it: `%s`", call);
}

static void check_used(struct compiler *c, const struct symbol *symbol, const int32_t *reader) {
  uint32_t unused = 0;
  const char *example = NULL;
  for (uint32_t i = 0; i < symbol->layer_count; i++) {
    if (reader[symbol->layer[i]] != GRAPH_NONE)
      continue;
    example = unused++ == 0 ? c->value[symbol->layer[i]].name : example;
  }
  if (unused > 0)
    report_unused(c, symbol, unused, example);
}

/* Who reads each layer; those that two ops read are reported. */
static int32_t *find_readers(struct compiler *c) {
  int32_t *reader = compiler_alloc(c, c->value_count, sizeof *reader);
  if (reader == NULL)
    return NULL;
  for (uint32_t i = 0; i < c->value_count; i++)
    reader[i] = GRAPH_NONE;
  for (uint32_t n = 0; n < c->node_count; n++)
    for (uint32_t k = 0; k < c->node[n].input_count; k++) {
      int32_t value = c->node[n].input[k];
      if (value == GRAPH_NONE || !c->value[value].state || c->value[value].any ||
          c->node[n].perhaps)
        continue;
      if (reader[value] != GRAPH_NONE)
        report_twice(c, &c->value[value], &c->node[reader[value]], &c->node[n]);
      reader[value] = (int32_t)n;
    }
  return reader;
}

static const struct symbol *next_state(const struct compiler *c, const struct ast_decl **at) {
  for (const struct ast_decl *d = *at; d != NULL; d = d->next) {
    const struct symbol *symbol = d->kind == AST_DECL_STATE && d->name.text != NULL
                                      ? names_symbol(c->main, d->name.text)
                                      : NULL;
    *at = d->next;
    if (symbol != NULL && symbol->decl == d)
      return symbol;
  }
  return NULL;
}

void state_check(struct compiler *c) {
  const struct ast_decl *at = c->main->file->decls.first;
  const int32_t *reader = find_readers(c);
  for (const struct symbol *s; reader != NULL && (s = next_state(c, &at)) != NULL;)
    check_used(c, s, reader);
}

void state_check_known(struct compiler *c) {
  const struct ast_decl *at = c->main->file->decls.first;
  find_readers(c);
  for (const struct symbol *s; (s = next_state(c, &at)) != NULL;)
    if (!s->used)
      report_unused(c, s, s->layer_count, NULL);
}
