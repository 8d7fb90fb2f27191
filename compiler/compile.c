/* compile.c - the stages, in order.
 *
 *     load      the file and its imports                   source.c
 *     resolve   names, arity, what may stand where         names.c check.c
 *     compute   params, dims, asserts                      constant.c
 *     budget    the cost of the expansion                  budget.c
 *     expand    blocks inlined, loops unrolled, typed      model.c expand.c call.c types.c
 *     bind      paths to tensors and views                 checkpoint.c weight.c tensor.c
 *     lower     the graph, as it is written                feed.c when.c lower.c
 *     hoist     what need not be done at each step         graph/pass/hoist.c
 *     live      what is asked for, and what that needs     graph/pass/live.c
 *     keep      tensors missing or left over, shapes       kept.c
 *     fuse      neighbours into one op                     fusion.c graph/pass/fuse.c
 *
 * A stage goes on after errors as long as what it finds can still be right, so
 * that one run tells all. */
#include "compiler/compile.h"

#include "compiler/budget.h"
#include "compiler/check.h"
#include "compiler/checkpoint.h"
#include "compiler/constant.h"
#include "compiler/expand.h"
#include "compiler/feed.h"
#include "compiler/fusion.h"
#include "compiler/kept.h"
#include "compiler/limit.h"
#include "compiler/lower.h"
#include "compiler/missing.h"
#include "compiler/model.h"
#include "compiler/names.h"
#include "compiler/naming.h"
#include "compiler/report.h"
#include "compiler/source.h"
#include "compiler/state.h"
#include "compiler/tensor.h"
#include "compiler/uncalled.h"
#include "compiler/unread.h"
#include "compiler/when.h"
#include "graph/pass/hoist.h"
#include "graph/pass/live.h"

#include <string.h>

/* The exit code that the first error asks for. */
static enum tfm_error_code error_code(unsigned code) {
  if (code >= 500 && code < 700)
    return TFM_ERROR_LIMIT;
  if ((code >= 400 && code < 500) || code == CODE_WEIGHT_DECLARED || code == CODE_WEIGHT_SLOT ||
      code == CODE_CONFIG_MISSING)
    return TFM_ERROR_CHECKPOINT;
  if (code == CODE_PLUGIN_UNKNOWN || code == CODE_PLUGIN_VERSION || code == CODE_SCHEMA)
    return TFM_ERROR_PLUGIN;
  return TFM_ERROR_MODEL;
}

static int failed(const struct diag *diag, const char *path, struct tfm_error *err) {
  const struct diag_item *item = diag->first;
  while (item != NULL && item->level != DIAG_ERROR)
    item = item->next;
  if (item == NULL)
    return error_oom(err);
  return error_set(err, error_code(item->code), "`%s` has %u error%s, the first E%u: %s", path,
                   diag->errors, diag->errors == 1 ? "" : "s", item->code, item->summary);
}

static void start(struct compiler *c, const struct compile_options *options, struct arena *arena,
                  struct diag *diag, struct tfm_error *err) {
  *c = (struct compiler){.options = options,
                         .arena = arena,
                         .diag = diag,
                         .err = err,
                         .call = expand_call,
                         .declare_weight = constant_weight};
  arena_init(arena, LIMIT_MEMORY);
  c->at = SPAN_NONE;
  arena->limit += options->tensor_count * MEMORY_TENSOR +
                  (options->config.size + options->generation.size) * MEMORY_JSON;
  map_init(&c->files);
  map_init(&c->ops);
  map_init(&c->origins);
  map_init(&c->weight_names);
  unread_open(c);
}

static void finish(struct compiler *c) {
  names_finish(c);
  unread_close(c);
  naming_close(c);
  checkpoint_close(c);
  map_finish(&c->weight_names);
  arena_finish(c->arena);
}

/* load and resolve; -1 = do not go on. */
static int resolve(struct compiler *c) {
  const struct compile_options *o = c->options;
  struct source_set *set = compiler_alloc(c, 1, sizeof *set);
  if (set == NULL)
    return -1;
  source_set_init(set, c->arena, c->diag, o->model_path, o->model_path_count);
  const struct ast_file *file = source_load(set, o->path, c->err);
  if (file == NULL || c->diag->errors > 0 || file->unit == NULL)
    return -1;
  names_declare(c, file);
  if (!c->stop)
    check_units(c);
  return c->stop ? -1 : 0;
}

/* A checkpoint of another type may fit all the same (one architecture under
 * two names), so this is a warning. */
static void check_model_type(struct compiler *c) {
  const json_t *root = c->options->config.root;
  const char *type = root == NULL ? NULL : json_string_value(json_object_get(root, "model_type"));
  const struct ast_decl *unit = c->main->file->unit;
  if (type == NULL || unit->unit.first == NULL)
    return;
  for (const struct ast_expr *e = unit->unit.first; e != NULL; e = e->next)
    if (strcmp(e->text, type) == 0)
      return;
  struct diag_item *item = diag_report(c->diag, DIAG_WARNING, CODE_MODEL_TYPE, unit->name.span,
                                       "%s says model_type \"%s\", which this file is not for",
                                       c->options->config.name, type);
  diag_primary(c->diag, item, "for %s",
               compiler_span_text(c, (struct span){unit->span.source, unit->unit.first->span.begin,
                                                   unit->unit.last->span.end}));
}

/* Fusions come last: what a check says is of what was written. */
static bool run_passes(struct compiler *c, const struct model *model, struct graph *graph) {
  struct tfm_error err = {0}; /* memory is out, which compiler_full tells */
  if (hoist_graph(graph, &err) != 0 || live_graph(graph, &err) != 0) {
    compiler_full(c, &graph->arena);
    return false;
  }
  return kept_check(c, model, graph) && (!c->options->fuse || fusion_apply(c, graph) == 0);
}

/* Tensors are asked for only where the types are right: else what is missing or
 * left over says nothing. */
static struct graph *finish_model(struct compiler *c, struct model *model, bool computed) {
  naming_finish(c);
  unread_check_names(c);
  if (c->stop || model->results.failed || c->diag->errors > 0) {
    for (uint32_t i = 0; i < c->weight_count; i++)
      c->weight[i].live = true;
    if (!c->stop && computed && c->options->feed_count == 0 && c->options->has_checkpoint)
      missing_check(c);
    return NULL;
  }
  state_check(c);
  if (c->stop || feed_mark(c) != 0)
    return NULL;
  when_check(c);
  if (c->stop || c->diag->errors > 0)
    return NULL;
  struct graph *graph = lower_emit(c, model);
  if (graph != NULL && run_passes(c, model, graph)) {
    unread_check(c);
    check_unused(c);
    return graph;
  }
  graph_destroy(graph);
  return NULL;
}

static struct graph *make_graph(struct compiler *c) {
  struct model model;
  if (resolve(c) != 0)
    return NULL;
  if (c->main->file->unit->kind != AST_DECL_MODEL) {
    report(c, CODE_GRAPH, c->main->file->unit->name.span,
           "the file is a library, and a model is needed");
    return NULL;
  }
  naming_open(c);
  checkpoint_open(c);
  if (c->stop)
    return NULL;
  check_model_type(c);
  unsigned errors = c->diag->errors;
  constant_units(c);
  bool computed = c->diag->errors == errors;
  if (!budget_check(c))
    return NULL;
  model_expand(c, &model);
  return finish_model(c, &model, computed);
}

struct graph *compile_model(const struct compile_options *options, struct diag *diag,
                            struct tfm_error *err) {
  struct compiler c;
  struct arena arena;
  start(&c, options, &arena, diag, err);
  struct graph *graph = make_graph(&c);
  report_flush(&c);
  finish(&c);
  if (graph != NULL && diag->errors == 0) {
    if (graph_verify(graph, err) == 0)
      return graph;
  } else if (err == NULL || err->code == TFM_ERROR_NONE) {
    failed(diag, options->path, err);
  }
  graph_destroy(graph);
  return NULL;
}

/* Types, ranks, kinds and what else is true whatever config.json says. */
static void expand_unknown(struct compiler *c) {
  struct model model;
  c->unknown = true;
  naming_open(c);
  checkpoint_open(c);
  if (c->stop)
    return;
  constant_units(c);
  if (!budget_check(c))
    return;
  if (c->main->file->unit->kind == AST_DECL_MODEL)
    model_expand(c, &model);
  if (!c->stop)
    uncalled_expand(c);
}

int compile_check(const struct compile_options *options, struct diag *diag, struct tfm_error *err) {
  struct compiler c;
  struct arena arena;
  start(&c, options, &arena, diag, err);
  if (resolve(&c) == 0 && diag->errors == 0)
    expand_unknown(&c);
  if (diag->errors == 0 && !c.stop)
    check_unused(&c);
  bool stopped = c.stop;
  report_flush(&c);
  finish(&c);
  if (diag->errors > 0)
    return err != NULL && err->code != TFM_ERROR_NONE ? -1 : failed(diag, options->path, err);
  return stopped || (err != NULL && err->code != TFM_ERROR_NONE) ? -1 : 0;
}
