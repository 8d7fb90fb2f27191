/* model.c - what is expanded: inputs, states, encode, decode, and the head.
 *
 * What encode returns is known in decode by its name, and a head finds what it
 * takes the same way.  The head follows the last graph; when a text is
 * generated it sees the last token alone, unless all logits are wanted. */
#include "compiler/model.h"

#include "compiler/attr.h"
#include "compiler/batch.h"
#include "compiler/declared.h"
#include "compiler/eval.h"
#include "compiler/head.h"
#include "compiler/ir.h"
#include "compiler/limit.h"
#include "compiler/mention.h"
#include "compiler/names.h"
#include "compiler/naming.h"
#include "compiler/report.h"
#include "compiler/state.h"
#include "compiler/task.h"
#include "compiler/tokens.h"
#include "graph/attr.h"
#include "graph/source.h"

#include <string.h>

/* ------------------------------------------------------------- inputs and states */

static int32_t add_input(struct compiler *c, const char *name, const char *source,
                         const struct ctype *type, struct span span) {
  struct ir_value value = {.name = naming_take(c, name),
                           .type = *type,
                           .node = GRAPH_NONE,
                           .source = source,
                           .span = span};
  return value.name == NULL ? GRAPH_NONE : ir_add_value(c, &value);
}

static void declare_input(struct compiler *c, const struct ast_decl *decl) {
  struct symbol *symbol = decl->name.text == NULL ? NULL : names_symbol(c->main, decl->name.text);
  struct ctype type;
  if (symbol == NULL || symbol->decl != decl || !declared_type(c, decl->input.type, &type))
    return;
  if (!dtype_is_tensor(type.dtype)) {
    report(c, CODE_DTYPE, decl->input.type->span, "an input is a tensor, not a %s",
           dtype_name(type.dtype));
    return;
  }
  if (!batch_declare(c, decl, &type))
    return;
  int32_t value = add_input(c, decl->name.text, decl->input.source.text, &type, decl->name.span);
  symbol->value = (struct value){.kind = VALUE_TENSOR, .tensor = value};
  symbol->ready = value != GRAPH_NONE;
}

static int32_t add_layer(struct compiler *c, const struct symbol *symbol, const struct ctype *type,
                         struct span span) {
  const char *name = compiler_printf(c, "%s[%u]", symbol->name, symbol->layer_count);
  struct ir_value value = {.name = name == NULL ? NULL : naming_take(c, name),
                           .type = *type,
                           .node = GRAPH_NONE,
                           .state = true,
                           .span = span};
  for (uint32_t d = 0; type->dtype == DTYPE_KV && d < type->rank; d++) /* as its reader says */
    if ((value.type.shape[d] = cell_free(c->arena, NULL)) == NULL)
      return GRAPH_NONE;
  return value.name == NULL ? GRAPH_NONE : ir_add_value(c, &value);
}

static void add_layers(struct compiler *c, struct symbol *symbol, const struct ctype *type,
                       int64_t count, struct span span) {
  symbol->layer = compiler_alloc(c, (size_t)count + c->unknown, sizeof *symbol->layer);
  for (; symbol->layer != NULL && symbol->layer_count < count; symbol->layer_count++)
    if ((symbol->layer[symbol->layer_count] = add_layer(c, symbol, type, span)) == GRAPH_NONE)
      return;
  if (symbol->layer != NULL && c->unknown)
    symbol->layer[count] = add_layer(c, symbol, type, span);
  if (symbol->layer != NULL && c->unknown && symbol->layer[count] != GRAPH_NONE)
    c->value[symbol->layer[count]].any = true;
}

/* What a layer is: keys and values, or the tensor that is declared. */
static bool layer_type(struct compiler *c, const struct ast_type *type, bool tensor,
                       struct ctype *out) {
  struct dim dim;
  int64_t number;
  *out = (struct ctype){.dtype = DTYPE_KV, .rank = 2};
  if (!tensor)
    return true;
  if (!declared_type(c, type, out))
    return false;
  out->dtype = DTYPE_STATE;
  const struct ast_expr *written = type->dims.first;
  for (uint32_t i = 0; i < out->rank; i++, written = written->next) {
    bool known = cell_value(out->shape[i], &dim);
    if (known ? dim_is_number(&dim, &number) : c->unknown && written->kind != AST_EXPR_ANY)
      continue;
    struct report *r = report(c, CODE_KIND, written->span,
                              "a state has the same size at each step, and `%s` is not known yet",
                              compiler_span_text(c, written->span));
    report_help(c, r, "say the dims of one row's tensor, without the batch, in params and numbers");
    return false;
  }
  return true;
}

static void declare_state(struct compiler *c, const struct ast_decl *decl) {
  enum { TOLD_APART = 8 }; /* of a number that is not known */
  struct symbol *symbol = decl->name.text == NULL ? NULL : names_symbol(c->main, decl->name.text);
  const struct ast_expr *layers = decl->state.layers;
  struct ctype type;
  int64_t count;
  if (symbol == NULL || symbol->decl != decl ||
      (layers == NULL && decl->state.type->dims.count != 1) ||
      !layer_type(c, decl->state.type, layers != NULL, &type))
    return;
  if (layers == NULL)
    layers = decl->state.type->dims.first;
  if (!eval_int(c, layers, "the layers of a state", &count)) {
    if (!c->unknown)
      return;
    symbol->open = true;
    count = TOLD_APART;
  }
  if (count < 0 || count > LIMIT_REPEAT) {
    struct report *r = report(c, count < 0 ? CODE_ARITHMETIC : CODE_LIMIT_REPEAT, layers->span,
                              "a state of %lld layers", (long long)count);
    report_primary(c, r, "0 to %d are possible", LIMIT_REPEAT);
    eval_note_origins(c, r, layers);
    return;
  }
  add_layers(c, symbol, &type, count, decl->name.span);
}

/* -------------------------------------------------------------------- the head */

static void eval_task_attrs(struct compiler *c, const struct ast_decl *head, struct model *out) {
  const struct ast_fields *attrs = &head->head.attrs;
  tfm_attr *attr = attr_alloc(c->arena, attrs->count, &out->task_attr);
  if (attr == NULL)
    compiler_oom(c);
  for (const struct ast_field *f = attrs->first; f != NULL && attr != NULL; f = f->next) {
    struct value value = eval_expr(c, f->value); /* a key that is missing leaves it out */
    if (value.kind == VALUE_ERROR || value.kind == VALUE_NONE || f->name.text == NULL)
      continue;
    if (attr_from_value(c, f->name.text, &value, &attr[out->task_attr_count]))
      out->task_attr_count++;
    else
      report(c, CODE_KIND, f->value->span, "`%s` must be a constant, this is %s", f->name.text,
             value_kind_name(&value));
  }
}

static const struct result *find_result(const struct results *results, const char *name) {
  for (uint32_t i = 0; i < results->count; i++)
    if (results->item[i].name != NULL && strcmp(results->item[i].name, name) == 0)
      return &results->item[i];
  return NULL;
}

static bool bind_head(struct compiler *c, struct frame *frame, const struct ast_decl *head,
                      const struct results *encode, const struct results *decode) {
  const struct results *last = decode->item != NULL ? decode : encode;
  for (const struct ast_field *p = head->head.params.first; p != NULL; p = p->next) {
    const struct result *found = find_result(decode, p->name.text);
    struct ctype declared;
    if (found == NULL)
      found = find_result(encode, p->name.text);
    if (found == NULL && head->head.params.count == 1 && last->count == 1)
      found = &last->item[0];
    if (found == NULL) {
      struct report *r =
          report(c, CODE_UNKNOWN_NAME, p->name.span, "no graph returns a value `%s`", p->name.text);
      report_help(c, r, "name it where it is returned: `return %s = ...`", p->name.text);
      return false;
    }
    struct value value = found->value;
    const char *what = compiler_printf(c, "`%s`", p->name.text);
    if (p->type != NULL && value.kind == VALUE_TENSOR && what != NULL &&
        (!declared_type(c, p->type, &declared) ||
         !declared_hold(c, value.tensor, &declared, what, p->name.span, p->type)))
      return false;
    if (!frame_bind(c, frame, p->name.text, p->name.span, value) || value.kind == VALUE_ERROR)
      return false;
  }
  return true;
}

static void check_tensors(struct compiler *c, const struct results *results) {
  for (uint32_t i = 0; i < results->count; i++) {
    const struct value *value = &results->item[i].value;
    bool tensor =
        value->kind == VALUE_TENSOR && dtype_is_tensor(c->value[value->tensor].type.dtype);
    if (!tensor && value->kind != VALUE_ERROR)
      report(c, CODE_HEAD_RESULT, results->item[i].span, "a result must be a tensor");
  }
}

static void expand_head(struct compiler *c, const struct results *encode,
                        const struct results *decode, struct model *out) {
  const struct ast_decl *head = out->head;
  struct frame frame = FRAME(c, .unit = c->main, .scope = scope_root());
  out->task = graph_task_from_name(head->head.task.text);
  c->frame = &frame;
  eval_task_attrs(c, head, out);
  uint32_t first = c->node_count;
  bool ok = bind_head(c, &frame, head, encode, decode);
  c->frame = NULL;
  out->results = (struct results){.failed = true};
  if (!ok || c->stop)
    return;
  expand_body(c, &frame, &head->head.body, &out->results);
  if (out->results.failed) { /* but what they are called is known */
    if (c->unknown && out->results.item != NULL && !c->stop)
      task_check_results(c, out);
    return;
  }
  /* Only the last token's logits are needed to go on. */
  if (out->task == GRAPH_TASK_GENERATE && !c->options->all_logits)
    tokens_take_last(c, &out->results, first, head->head.params.first->name.span);
  task_check_results(c, out);
  check_tensors(c, &out->results);
}

/* -------------------------------------------------------------------- the graphs */

static const struct ast_decl *find_graph(const struct compiler *c, const char *name) {
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next)
    if (d->kind == AST_DECL_GRAPH && d->name.text != NULL && strcmp(d->name.text, name) == 0)
      return d;
  return NULL;
}

static void expand_graph(struct compiler *c, const struct ast_decl *graph,
                         const struct results *known, struct results *out) {
  struct frame frame = FRAME(c, .unit = c->main, .scope = scope_root());
  for (uint32_t i = 0; known != NULL && i < known->count; i++)
    if (known->item[i].name != NULL)
      frame_bind(c, &frame, known->item[i].name, known->item[i].span, known->item[i].value);
  expand_body(c, &frame, &graph->graph, out);
}

/* Heads that are not chosen, and weights that nothing referred to, still name
 * tensors of the checkpoint. */
static void mention_rest(struct compiler *c, const struct ast_decl *chosen) {
  struct frame frame = FRAME(c, .unit = c->main, .scope = scope_root());
  c->frame = &frame;
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL && !c->stop; d = d->next) {
    if (d->kind == AST_DECL_HEAD && d != chosen)
      mention_body(c, &d->head.body);
    const struct symbol *symbol = d->kind == AST_DECL_WEIGHT && d->name.text != NULL
                                      ? names_symbol(c->main, d->name.text)
                                      : NULL;
    if (symbol != NULL && !symbol->used)
      mention_expr(c, d->weight.value);
  }
  c->frame = NULL;
}

static bool any_written(const struct compiler *c) {
  for (uint32_t i = 0; i < c->value_count; i++)
    if (source_of(c->value[i].source, GRAPH_SIDE_WRITTEN))
      return true;
  return false;
}

/* Each head by itself: which is chosen is not known. */
static void expand_heads(struct compiler *c, const struct results *encode,
                         const struct results *decode, struct model *out) {
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL && !c->stop; d = d->next) {
    if (d->kind != AST_DECL_HEAD || d->name.text == NULL || d->head.task.text == NULL)
      continue;
    out->head = d;
    expand_head(c, encode, decode, out);
  }
}

void model_expand(struct compiler *c, struct model *out) {
  struct frame frame = FRAME(c, .unit = c->main, .scope = scope_root());
  struct results encode = {0}, decode = {0};
  const struct ast_decl *first = find_graph(c, "encode"), *second = find_graph(c, "decode");
  bool any_head;
  *out = (struct model){.has_encode = first != NULL, .has_decode = second != NULL};
  c->both_graphs = first != NULL && second != NULL;
  c->frame = &frame;
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL && !c->stop; d = d->next) {
    if (d->kind == AST_DECL_INPUT)
      declare_input(c, d);
    else if (d->kind == AST_DECL_STATE)
      declare_state(c, d);
  }
  c->two_texts = any_written(c);
  c->frame = NULL;
  c->when = GRAPH_ONCE;
  if (first != NULL)
    expand_graph(c, first, NULL, &encode);
  if (second != NULL)
    c->when = GRAPH_STEP;
  if (second != NULL && !c->stop)
    expand_graph(c, second, &encode, &decode);
  if (first == NULL && second == NULL) { /* check.c has said so */
    out->results.failed = true;
    return;
  }
  if (c->unknown) {
    state_check_known(c);
    if (!encode.failed && !decode.failed && !c->stop)
      expand_heads(c, &encode, &decode, out);
    return;
  }
  out->head = c->stop ? NULL : head_choose(c, &any_head);
  if (out->head != NULL && !encode.failed && !decode.failed)
    expand_head(c, &encode, &decode, out);
  else
    out->results = second != NULL ? decode : encode;
  if (out->head == NULL && !out->results.failed && !c->stop) /* a graph alone */
    check_tensors(c, &out->results);
  if (!c->stop)
    mention_rest(c, out->head);
}
