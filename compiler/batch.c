/* batch.c - which dims are the batch and its tokens, and that ops keep rows apart.
 *
 * The inputs say it by their sources (graph/source.def): [B, T], [B, S] or [B].  A row's answer
 * must not depend on the rows beside it, so an op may take the batch only where its schema leaves
 * the dim alone: inside `...`, or at a dim that the schema names itself, and never at its own
 * `axis`. */
#include "compiler/batch.h"

#include "compiler/ir.h"
#include "compiler/report.h"
#include "graph/letters.h"
#include "graph/source.h"

#include <string.h>

/* Is an input of this dtype and rank what its source gives? */
static bool fits(struct compiler *c, const struct ast_decl *input, const struct ctype *type,
                 const struct source_info *source) {
  unsigned rank = letters_rank(source->shape, true);
  char shape[LETTERS_TEXT];
  if (type->dtype == source->dtype && type->rank == rank)
    return true;
  letters_print(source->shape, shape);
  struct report *r =
      report(c, type->dtype != source->dtype ? CODE_DTYPE : CODE_RANK, input->input.type->span,
             "`%s` is %s%s, this is %s", input->input.source.text, dtype_name(source->dtype), shape,
             compiler_type_text(c, type));
  report_primary(c, r, "a dim for the rows%s", rank == 1 ? " alone" : ", then the tokens");
  return false;
}

bool batch_declare(struct compiler *c, const struct ast_decl *input, const struct ctype *type) {
  enum graph_source kind;
  enum graph_side side;
  if (!source_find(input->input.source.text, &kind, &side))
    return false; /* check.c has said so */
  const struct source_info *source = source_info(kind);
  if (!fits(c, input, type, source))
    return false;
  if (c->batch == NULL) {
    c->batch = type->shape[0];
    c->batch_span = input->input.type->span;
  } else if (cell_unify(c->batch, type->shape[0]) != CELL_OK) {
    struct report *r =
        report(c, CODE_SHAPE, input->input.type->span, "all inputs have the same rows: %s and %s",
               compiler_cell_text(c, c->batch), compiler_cell_text(c, type->shape[0]));
    report_label(c, r, c->batch_span, "%s here", compiler_cell_text(c, c->batch));
    return false;
  }
  if (source->shape[1] == 'T' && c->tokens[side] == NULL)
    c->tokens[side] = type->shape[1];
  return true;
}

/* The batch's dim where it is one of run time: a number says nothing of where it is. */
static bool known_batch(const struct compiler *c, struct dim *batch) {
  int64_t number;
  return c->batch != NULL && cell_value(c->batch, batch) && !dim_is_number(batch, &number);
}

static bool is_batch(const struct cell *cell, const struct dim *batch) {
  struct dim dim;
  return cell_value(cell, &dim) && dim_equal(&dim, batch);
}

static bool fail_mixing(struct compiler *c, const struct op_call *call, uint32_t input,
                        struct span span) {
  const char *name = call->op->schema->input[input].name;
  struct report *r = report(c, CODE_BATCH, span, "`%s` would mix the rows of the batch",
                            call->symbol != NULL ? call->symbol : call->op->name);
  report_primary(c, r, "`%s` is %s, and %s is the batch", name,
                 compiler_type_text(c, &c->value[call->input[input]].type),
                 compiler_cell_text(c, c->batch));
  report_help(c, r, "an answer must not depend on the texts beside it: take another axis");
  return false;
}

/* The attribute `axis` as an axis of that many dims; -1 = there is none. */
static int64_t own_axis(const struct op_call *call, uint32_t rank, struct span *span) {
  int32_t attr = schema_find_attr(call->op->schema, "axis");
  if (attr == SCHEMA_NONE || call->attr[attr].kind != VALUE_INT)
    return -1;
  *span = call->attr_span[attr];
  int64_t axis = call->attr[attr].integer;
  return axis < 0 ? axis + rank : axis;
}

bool batch_check(struct compiler *c, const struct op_call *call) {
  const struct op_schema *s = call->op->schema;
  struct dim batch;
  if (!known_batch(c, &batch))
    return true;
  for (uint32_t i = 0; i < s->input_count; i++) {
    if (call->input[i] == GRAPH_NONE || !s->input[i].type.has_dims)
      continue;
    const struct ctype *type = &c->value[call->input[i]].type;
    struct span span = call->input_span[i];
    int64_t axis = own_axis(call, type->rank, &span);
    uint32_t rest = s->input[i].type.ellipsis ? type->rank - s->input[i].type.rank : type->rank;
    for (uint32_t d = 0; d < type->rank; d++)
      if (is_batch(type->shape[d], &batch) && (d >= rest || (int64_t)d == axis))
        return fail_mixing(c, call, i, d >= rest ? call->input_span[i] : span);
  }
  return true;
}

/* Is the batch a part of the dim, as in B * T? */
static bool has_batch(const struct cell *cell, const struct dim *batch) {
  struct dim dim;
  bool found = false;
  if (!cell_value(cell, &dim) || dim_equal(&dim, batch))
    return false;
  for (uint32_t b = 0; b < batch->count; b++)
    for (uint32_t t = 0; t < dim.count; t++)
      for (uint32_t v = 0; v < DIM_VARIABLES; v++)
        found = found || (batch->term[b].power[v] != 0 && dim.term[t].power[v] != 0);
  return found;
}

bool batch_check_outputs(struct compiler *c, const struct op_call *call) {
  struct dim batch;
  if (!known_batch(c, &batch))
    return true;
  for (uint32_t o = 0; o < call->output_count; o++)
    for (uint32_t d = 0; d < call->output[o].rank; d++)
      if (has_batch(call->output[o].shape[d], &batch)) {
        struct report *r = report(c, CODE_BATCH, call->span, "`%s` would mix the rows of the batch",
                                  call->symbol != NULL ? call->symbol : call->op->name);
        report_primary(c, r, "it makes %s, and %s is the batch",
                       compiler_type_text(c, &call->output[o]), compiler_cell_text(c, c->batch));
        report_help(c, r,
                    "an answer must not depend on the texts beside it: keep the batch a dim "
                    "by itself");
        return false;
      }
  return true;
}
