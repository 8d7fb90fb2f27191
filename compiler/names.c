/* names.c - the declarations of every file, by name.
 *
 * Globals of a file share one space: params, dims, inputs, states, weights and
 * blocks.  Imports and plugins share another, since they stand only before a
 * dot.  A block hides an op of the same name, so that a plugin that gains an
 * op breaks no file. */
#include "compiler/names.h"

#include "compiler/function.h"
#include "compiler/report.h"
#include "graph/weight.h"

#include <string.h>

bool names_is_json(const char *name) {
  return strcmp(name, "config") == 0 || strcmp(name, "generation") == 0 ||
         strcmp(name, "modules") == 0;
}

struct symbol *names_symbol(const struct unit *unit, const char *name) {
  const struct map_entry *entry = map_find_text(&unit->symbols, name);
  return entry == NULL ? NULL : entry->value.pointer;
}

struct qualifier *names_qualifier(const struct unit *unit, const char *name) {
  const struct map_entry *entry = map_find_text(&unit->qualifiers, name);
  return entry == NULL ? NULL : entry->value.pointer;
}

const struct op *names_op(struct compiler *c, const char *name) {
  struct map_entry *entry = map_find_text(&c->ops, name);
  if (entry != NULL)
    return entry->value.pointer;
  const tfm_op_desc *desc = c->options->find_op(c->options->context, name);
  struct op *op = NULL;
  const char *kept = compiler_printf(c, "%s", name);
  if (kept == NULL)
    return NULL;
  if (desc != NULL && (op = compiler_alloc(c, 1, sizeof *op)) != NULL) {
    op->name = kept;
    op->desc = desc;
    const char *label = compiler_printf(c, "schema of `%s`", name);
    op->schema = label == NULL ? NULL : schema_parse(c->arena, c->diag, label, desc->schema);
  }
  entry = map_insert_text(&c->ops, kept, NULL);
  if (entry == NULL)
    compiler_oom(c);
  else
    entry->value.pointer = op;
  return op;
}

const struct op *names_role(struct compiler *c, uint32_t role) {
  const struct compile_options *o = c->options;
  for (size_t i = 0; i < o->op_name_count && c->role[role] == NULL; i++) {
    const tfm_op_desc *desc = o->find_op(o->context, o->op_names[i]);
    if (desc != NULL && desc->role == role)
      c->role[role] = names_op(c, o->op_names[i]);
  }
  return c->role[role];
}

/* --------------------------------------------------------------- declaring */

static void declare(struct compiler *c, struct unit *unit, enum symbol_kind kind,
                    struct ast_name name, const struct ast_decl *decl,
                    const struct ast_field *field) {
  bool added;
  if (name.text == NULL)
    return;
  if (names_is_json(name.text)) {
    report(c, CODE_DUPLICATE, name.span, "`%s` is a name of the language", name.text);
    return;
  }
  struct map_entry *entry = map_insert_text(&unit->symbols, name.text, &added);
  if (entry == NULL) {
    compiler_oom(c);
    return;
  }
  if (!added) {
    const struct symbol *first = entry->value.pointer;
    if (first == NULL)
      return;
    struct report *r = report(c, CODE_DUPLICATE, name.span, "`%s` is declared twice", name.text);
    report_label(c, r, first->span, "first here");
    return;
  }
  struct symbol *symbol = compiler_alloc(c, 1, sizeof *symbol);
  entry->value.pointer = symbol;
  if (symbol != NULL)
    *symbol = (struct symbol){.kind = kind,
                              .name = name.text,
                              .span = name.span,
                              .unit = unit,
                              .decl = decl,
                              .field = field};
}

static void declare_fields(struct compiler *c, struct unit *unit, enum symbol_kind kind,
                           const struct ast_decl *decl) {
  for (const struct ast_field *field = decl->fields.first; field != NULL; field = field->next)
    declare(c, unit, kind, field->name, decl, field);
}

static void declare_qualifier(struct compiler *c, struct unit *unit, const struct ast_decl *decl,
                              struct unit *imported) {
  bool added;
  if (decl->name.text == NULL)
    return;
  struct map_entry *entry = map_insert_text(&unit->qualifiers, decl->name.text, &added);
  if (entry == NULL) {
    compiler_oom(c);
    return;
  }
  if (!added) {
    const struct qualifier *first = entry->value.pointer;
    struct report *r =
        report(c, CODE_DUPLICATE, decl->name.span, "`%s` is declared twice", decl->name.text);
    if (first != NULL)
      report_label(c, r, first->decl->name.span, "first here");
    return;
  }
  struct qualifier *made = compiler_alloc(c, 1, sizeof *made);
  entry->value.pointer = made;
  if (made != NULL)
    *made = (struct qualifier){decl->name.text, decl, imported};
}

/* A plugin by name and schema major: its file is nobody's business here. */
static void declare_plugin(struct compiler *c, struct unit *unit, const struct ast_decl *decl) {
  const struct compile_options *o = c->options;
  const struct compile_plugin *plugin =
      o->find_plugin == NULL ? NULL : o->find_plugin(o->context, decl->name.text);
  const char *file, *reason;
  declare_qualifier(c, unit, decl, NULL);
  if (plugin == NULL && o->find_refusal != NULL &&
      o->find_refusal(o->context, decl->name.text, &file, &reason)) {
    struct report *r = report(c, CODE_PLUGIN_UNKNOWN, decl->name.span,
                              "the plugin `%s` was refused: %s", decl->name.text, reason);
    report_primary(c, r, "it is %s", file);
  } else if (plugin == NULL) {
    struct report *r = report(c, CODE_PLUGIN_UNKNOWN, decl->name.span,
                              "the plugin `%s` is not installed", decl->name.text);
    report_primary(c, r, "no plugin of this name was found");
    report_help(c, r, "put %s.so into a plugin directory, or name one with --plugin-dir",
                decl->name.text);
  } else if ((int64_t)plugin->schema_major != decl->use.major) {
    struct report *r = report(c, CODE_PLUGIN_VERSION, decl->use.major_span,
                              "the plugin `%s` has schemas of version %u, the file needs %lld",
                              decl->name.text, plugin->schema_major, (long long)decl->use.major);
    report_primary(c, r, "version %u is installed", plugin->schema_major);
  }
}

static struct unit *unit_of(struct compiler *c, const struct ast_file *file);

static void declare_import(struct compiler *c, struct unit *unit, const struct ast_decl *decl) {
  struct unit *imported = decl->import.file == NULL ? NULL : unit_of(c, decl->import.file);
  declare_qualifier(c, unit, decl, imported);
}

static void declare_one(struct compiler *c, struct unit *unit, const struct ast_decl *decl) {
  switch (decl->kind) {
  case AST_DECL_PARAM:
    declare_fields(c, unit, SYMBOL_PARAM, decl);
    break;
  case AST_DECL_DIM:
    declare_fields(c, unit, SYMBOL_DIM, decl);
    break;
  case AST_DECL_INPUT:
    declare(c, unit, SYMBOL_INPUT, decl->name, decl, NULL);
    break;
  case AST_DECL_STATE:
    declare(c, unit, SYMBOL_STATE, decl->name, decl, NULL);
    break;
  case AST_DECL_WEIGHT:
    declare(c, unit, SYMBOL_WEIGHT, decl->name, decl, NULL);
    break;
  case AST_DECL_BLOCK:
    declare(c, unit, SYMBOL_BLOCK, decl->name, decl, NULL);
    break;
  case AST_DECL_USE:
    declare_plugin(c, unit, decl);
    break;
  case AST_DECL_IMPORT:
    declare_import(c, unit, decl);
    break;
  default:
    break;
  }
}

/* Once a file, however many import it.  Imports form no cycle (source.h). */
static struct unit *unit_of(struct compiler *c, const struct ast_file *file) {
  struct map_entry *entry = map_find(&c->files, (const char *)&file, sizeof file);
  if (entry != NULL)
    return entry->value.pointer;
  struct unit *unit = compiler_alloc(c, 1, sizeof *unit);
  if (unit == NULL)
    return NULL;
  unit->file = file;
  map_init(&unit->symbols);
  map_init(&unit->qualifiers);
  unit->next = c->units;
  c->units = unit;
  entry = map_insert(&c->files, (const char *)&unit->file, sizeof unit->file, NULL);
  if (entry == NULL) {
    compiler_oom(c);
    return NULL;
  }
  entry->value.pointer = unit;
  for (const struct ast_decl *decl = file->decls.first; decl != NULL; decl = decl->next)
    declare_one(c, unit, decl);
  return unit;
}

void names_declare(struct compiler *c, const struct ast_file *main) {
  c->main = unit_of(c, main);
}

void names_finish(struct compiler *c) {
  for (struct unit *unit = c->units; unit != NULL; unit = unit->next) {
    map_finish(&unit->symbols);
    map_finish(&unit->qualifiers);
  }
  map_finish(&c->files);
  map_finish(&c->ops);
  map_finish(&c->origins);
}

/* ------------------------------------------------------------- looking up */

/* Names of symbols of a kind (or all), for "did you mean". */
static const char **symbol_names(struct compiler *c, const struct unit *unit, bool blocks,
                                 size_t extra, size_t *count) {
  const char **names = compiler_alloc(c, unit->symbols.count + extra, sizeof *names);
  *count = 0;
  for (size_t i = 0; names != NULL && i < unit->symbols.capacity; i++) {
    const struct map_entry *entry = &unit->symbols.entries[i];
    const struct symbol *symbol = entry->key == NULL ? NULL : entry->value.pointer;
    if (symbol != NULL && (symbol->kind == SYMBOL_BLOCK) == blocks)
      names[(*count)++] = symbol->name;
  }
  return names;
}

void names_unknown(struct compiler *c, const struct unit *unit, const char *name, struct span span,
                   const char *const *local, size_t local_count) {
  size_t count = 0;
  const char **names =
      report_enough(c) ? NULL : symbol_names(c, unit, false, local_count + 3, &count);
  if (names == NULL) {
    report(c, CODE_UNKNOWN_NAME, span, "unknown name `%s`", name);
    return;
  }
  if (local_count > 0)
    memcpy(names + count, local, local_count * sizeof *names);
  count += local_count;
  names[count++] = "config";
  names[count++] = "generation";
  names[count++] = "modules";
  struct report *r = report(c, CODE_UNKNOWN_NAME, span, "unknown name `%s`", name);
  report_primary(c, r, "nothing of this name is declared");
  const char *nearest = diag_nearest(name, names, count);
  if (nearest != NULL)
    report_help(c, r, "a similar name is known: `%s`", nearest);
}

static void unknown_op(struct compiler *c, const struct unit *unit, const struct ast_name *name,
                       const char *full) {
  size_t count = 0;
  const struct compile_options *o = c->options;
  const char **names = report_enough(c)
                           ? NULL
                           : symbol_names(c, unit, true, o->op_name_count + FUNCTION_COUNT, &count);
  struct report *r = report(c, CODE_UNKNOWN_OP, name->span, "unknown op `%s`", full);
  report_primary(c, r, "not in core or in a used plugin");
  if (names == NULL)
    return;
  const char *block = diag_nearest(full, names, count);
  if (o->op_name_count > 0)
    memcpy(names + count, o->op_names, o->op_name_count * sizeof *names);
  count += o->op_name_count;
  for (uint32_t i = 0; i < FUNCTION_COUNT; i++)
    names[count++] = function_at(i)->name;
  const char *nearest = diag_nearest(full, names, count);
  if (nearest != NULL)
    report_help(c, r, "%s with a similar name exists: `%s`",
                block != NULL && strcmp(block, nearest) == 0 ? "a block"
                : function_find(nearest) != NULL             ? "a function of constants"
                                                             : "an op",
                nearest);
}

static struct callee qualified(struct compiler *c, const struct unit *unit,
                               const struct ast_expr *call) {
  struct callee callee = {CALLEE_UNKNOWN, NULL, NULL};
  const struct ast_name *before = &call->call.qualifier, *name = &call->call.name;
  const struct qualifier *qualifier = names_qualifier(unit, before->text);
  const char *full = compiler_printf(c, "%s.%s", before->text, name->text);
  if (full == NULL)
    return callee;
  if (qualifier == NULL) {
    struct report *r = report(c, CODE_UNKNOWN_OP, before->span,
                              "`%s` is neither a plugin in use nor an import", before->text);
    report_help(c, r, "declare it: `use %s 1`", before->text);
  } else if (qualifier->decl->kind == AST_DECL_IMPORT) {
    struct symbol *block =
        qualifier->unit == NULL ? NULL : names_symbol(qualifier->unit, name->text);
    if (block != NULL && block->kind == SYMBOL_BLOCK) {
      callee.kind = CALLEE_BLOCK;
      callee.block = block;
    } else if (qualifier->unit != NULL) {
      size_t count;
      const char **names = symbol_names(c, qualifier->unit, true, 0, &count);
      struct report *r = report(c, CODE_UNKNOWN_OP, name->span, "`%s` has no block `%s`",
                                before->text, name->text);
      if (names != NULL)
        report_nearest(c, r, "a block", name->text, names, count);
    }
  } else if ((callee.op = names_op(c, full)) != NULL) {
    callee.kind = CALLEE_OP;
  } else if (c->options->find_plugin != NULL &&
             c->options->find_plugin(c->options->context, before->text) != NULL) {
    unknown_op(c, unit, name, full);
  }
  return callee;
}

struct callee names_callee(struct compiler *c, const struct unit *unit,
                           const struct ast_expr *call) {
  const struct ast_name *name = &call->call.name;
  struct callee callee = {CALLEE_UNKNOWN, NULL, NULL};
  if (name->text == NULL)
    return callee;
  if (call->call.qualifier.text != NULL)
    return qualified(c, unit, call);
  struct symbol *symbol = names_symbol(unit, name->text);
  if (symbol != NULL && symbol->kind == SYMBOL_BLOCK) {
    callee.kind = CALLEE_BLOCK;
    callee.block = symbol;
    return callee;
  }
  callee.op = names_op(c, name->text);
  if (weight_function_kind(name->text) != GRAPH_WEIGHT_KINDS)
    callee.kind = CALLEE_WEIGHT;
  else if (function_find(name->text) != NULL)
    callee.kind = CALLEE_FUNCTION;
  else if (callee.op != NULL)
    callee.kind = CALLEE_OP;
  else
    unknown_op(c, unit, name, name->text);
  return callee;
}
