/* types.c - a call against its op's schema.
 *
 * Each dim that the schema names is one cell in the whole call: the first slot
 * that mentions it sets it, the others must agree.  Dims that are computed
 * (heads * 2) wait until the plain ones are set; then the `where` conditions
 * hold or, as equations, settle what is still free. */
#include "compiler/types.h"

#include "compiler/batch.h"
#include "compiler/constraint.h"
#include "compiler/infer.h"
#include "compiler/ir.h"
#include "compiler/report.h"
#include "compiler/typing.h"

#include <string.h>

/* One slot: an input, a weight or an output. */
struct slot {
  const char *kind, *name;
  const struct schema_type *want;
  const struct ctype *type;
  struct span span;
};

/* ----------------------------------------------------------------------- saying */

static bool fail_binary(struct typing *t, const struct cell *left, const struct cell *right) {
  struct compiler *c = t->c;
  const struct op_call *call = t->call;
  struct report *r =
      report(c, CODE_SHAPE, call->input_span[1], "`%s` needs shapes that agree: %s and %s",
             call->symbol, compiler_type_text(c, &c->value[call->input[0]].type),
             compiler_type_text(c, &c->value[call->input[1]].type));
  if (left != NULL && right != NULL) {
    report_primary(c, r, "%s", typing_story(c, right));
    report_label(c, r, call->input_span[0], "%s", typing_story(c, left));
  }
  if (call->op->desc->flags & TFM_OP_BROADCASTS)
    report_help(c, r, "dims agree, from the last one, where they are equal, or one of them is 1");
  return false;
}

static bool is_weight(const struct slot *slot) {
  return strcmp(slot->kind, "weight") == 0;
}

/* A slot's dim that is not what it was elsewhere in the call. */
static bool fail_shape(struct typing *t, const struct slot *slot, const struct cell *found,
                       const struct binding *wanted, const char *dim) {
  struct compiler *c = t->c;
  const char *name = t->call->op->name;
  if (t->call->symbol != NULL && t->schema->input_count == 2)
    return fail_binary(t, wanted->cell, found);
  struct report *r =
      report(c, is_weight(slot) ? CODE_WEIGHT_SLOT : CODE_SHAPE, slot->span,
             "`%s`: %s%s%s is %s in %s, and %s in `%s` %s", name, dim[0] == '\0' ? "a dim" : "`",
             dim, dim[0] == '\0' ? "" : "`", compiler_cell_text(c, wanted->cell), wanted->by,
             compiler_cell_text(c, found), slot->name, compiler_type_text(c, slot->type));
  report_primary(c, r, "%s", typing_story(c, found));
  if (wanted->span.source != UINT32_MAX &&
      (wanted->span.begin != slot->span.begin || wanted->span.source != slot->span.source))
    report_label(c, r, wanted->span, "%s", typing_story(c, wanted->cell));
  else
    report_note(c, r, "%s", typing_story(c, wanted->cell));
  typing_note_schema(t, r);
  return false;
}

static bool fail_rank(struct typing *t, const struct slot *slot) {
  struct compiler *c = t->c;
  const struct schema_type *want = slot->want;
  uint32_t rank = want->rank;
  if (t->call->symbol != NULL && t->schema->input_count == 2)
    return fail_binary(t, NULL, NULL);
  if (want->ellipsis && slot->type->rank >= rank)
    rank += t->rest_count;
  struct report *r =
      report(c, is_weight(slot) ? CODE_WEIGHT_SLOT : CODE_RANK, slot->span,
             "`%s` needs %s%u dim%s in `%s`, this is %s", t->call->op->name,
             want->ellipsis && slot->type->rank < want->rank ? "at least " : "", rank,
             rank == 1 ? "" : "s", slot->name, compiler_type_text(c, slot->type));
  typing_note_schema(t, r);
  return false;
}

/* The op that makes a mask of such a tensor and of nothing else, by its schema. */
static const struct op *mask_maker(struct compiler *c, const struct ctype *type) {
  const struct compile_options *o = c->options;
  for (size_t i = 0; i < o->op_name_count; i++) {
    const struct op *op = names_op(c, o->op_names[i]);
    const struct op_schema *s = op == NULL ? NULL : op->schema;
    if (s != NULL && s->input_count == 1 && s->weight_count == 0 && s->attr_count == 0 &&
        s->output_count == 1 && s->output[0].type.dtype == DTYPE_MASK &&
        s->input[0].type.dtype == type->dtype && s->input[0].type.rank == type->rank &&
        !s->input[0].type.ellipsis)
      return op;
  }
  return NULL;
}

/* mask: real */
static void help_mask(struct compiler *c, struct report *r, const struct slot *slot) {
  const struct op *op = report_enough(c) ? NULL : mask_maker(c, slot->type);
  if (op != NULL)
    report_help(c, r, "a mask is made of it by `%s(%s)`", op->name,
                compiler_span_text(c, slot->span));
}

static bool fail_dtype(struct typing *t, const struct slot *slot, const char *wanted) {
  struct compiler *c = t->c;
  struct report *r = report(c, CODE_DTYPE, slot->span, "`%s` needs %s in `%s`, this is %s",
                            t->call->symbol != NULL ? t->call->symbol : t->call->op->name, wanted,
                            slot->name, compiler_type_text(c, slot->type));
  if (slot->want->dtype == DTYPE_MASK)
    help_mask(c, r, slot);
  typing_note_schema(t, r);
  return false;
}

/* ------------------------------------------------------------------------- slots */

static const char *dtype_words(enum dtype dtype) {
  switch (dtype) {
  case DTYPE_NONE:
    return "a float";
  case DTYPE_MASK:
    return "a mask";
  case DTYPE_BIAS:
    return "a bias";
  case DTYPE_KV:
    return "keys and values: one layer of a `kv` state";
  case DTYPE_STATE:
    return "one layer of a state that is a tensor";
  default:
    return dtype_name(dtype);
  }
}

static bool match_dtype(struct typing *t, const struct slot *slot) {
  const struct schema_type *want = slot->want;
  enum dtype found = slot->type->dtype;
  if (want->any_dtype) {
    if (!dtype_is_tensor(found))
      return fail_dtype(t, slot, "a tensor");
    if (want->number && found == DTYPE_BOOL)
      return fail_dtype(t, slot, "numbers");
    if (t->has_any && t->any != found)
      return fail_dtype(t, slot, dtype_words(t->any));
    t->has_any = true;
    t->any = found;
    return true;
  }
  if (want->dtype == found)
    return true;
  return fail_dtype(t, slot, dtype_words(want->dtype));
}

static const char *by_slot(struct compiler *c, const struct slot *slot) {
  const char *text = is_weight(slot) ? compiler_printf(c, "the weight `%s`", slot->name)
                                     : compiler_printf(c, "`%s`", slot->name);
  return text == NULL ? "" : text;
}

static bool unify(struct typing *t, const struct slot *slot, struct binding *with,
                  struct cell *cell, const char *dim) {
  if (with->cell == NULL) {
    *with = (struct binding){cell, by_slot(t->c, slot), slot->span};
    return true;
  }
  return cell_unify(with->cell, cell) == CELL_OK || fail_shape(t, slot, cell, with, dim);
}

static bool match_dim(struct typing *t, const struct slot *slot, uint32_t i, struct cell *cell) {
  const struct schema_dim *want = &slot->want->dim[i];
  struct binding with = {NULL, "the schema", SPAN_NONE};
  switch (want->kind) {
  case SCHEMA_DIM_VAR:
    return unify(t, slot, &t->var[want->index], cell, t->schema->dim[want->index]);
  case SCHEMA_DIM_NUMBER:
    with.cell = constraint_number(t, want->number, NULL);
    return with.cell != NULL && unify(t, slot, &with, cell, "");
  case SCHEMA_DIM_ATTR:
    if (t->call->attr[want->index].kind != VALUE_INT)
      return true;
    with.cell =
        constraint_number(t, t->call->attr[want->index].integer, t->call->attr[want->index].origin);
    with.by = compiler_printf(t->c, "the attribute `%s`", t->schema->attr[want->index].name);
    return with.cell != NULL && with.by != NULL && unify(t, slot, &with, cell, "");
  default:
    return true; /* any; computed ones come later */
  }
}

/* From the last dim on: a 1 is what the others are. */
static bool match_repeated(struct typing *t, const struct slot *slot, uint32_t count) {
  uint32_t before = t->rest_count, common = count < before ? count : before;
  for (uint32_t i = count; i > before; i--) /* room in front */
    memmove(&t->rest[1], &t->rest[0], t->rest_count++ * sizeof t->rest[0]);
  for (uint32_t i = 0; i + common < count; i++)
    t->rest[i] = (struct binding){slot->type->shape[i], by_slot(t->c, slot), slot->span};
  for (uint32_t i = 1; i <= common; i++) {
    struct cell *cell = slot->type->shape[count - i];
    struct binding *rest = &t->rest[t->rest_count - i];
    if (cell_is_number(rest->cell, 1))
      *rest = (struct binding){cell, by_slot(t->c, slot), slot->span};
    else if (!cell_is_number(cell, 1) && !unify(t, slot, rest, cell, ""))
      return false;
  }
  return true;
}

static bool match_rest(struct typing *t, const struct slot *slot, uint32_t count) {
  if (!t->has_rest) {
    t->has_rest = true;
    t->rest_count = count;
    t->rest_type = slot->type;
    for (uint32_t i = 0; i < count; i++)
      t->rest[i] = (struct binding){slot->type->shape[i], by_slot(t->c, slot), slot->span};
    return true;
  }
  if (t->call->op->desc->flags & TFM_OP_BROADCASTS)
    return match_repeated(t, slot, count);
  if (count != t->rest_count)
    return fail_rank(t, slot);
  bool ok = true;
  for (uint32_t i = 0; i < count && ok; i++)
    ok = unify(t, slot, &t->rest[i], slot->type->shape[i], "");
  return ok;
}

static bool match_slot(struct typing *t, const struct slot *slot) {
  const struct schema_type *want = slot->want;
  if (!match_dtype(t, slot))
    return false;
  if (!want->has_dims)
    return true;
  uint32_t rank = slot->type->rank;
  if (want->dtype == DTYPE_KV) /* `kv[M]`: both are M wide */
    return match_dim(t, slot, 0, slot->type->shape[0]) &&
           match_dim(t, slot, want->rank - 1, slot->type->shape[1]);
  if (want->ellipsis ? rank < want->rank : rank != want->rank)
    return fail_rank(t, slot);
  uint32_t rest = rank - want->rank;
  if (want->ellipsis && !match_rest(t, slot, rest))
    return false;
  for (uint32_t i = 0; i < want->rank; i++)
    if (!match_dim(t, slot, i, slot->type->shape[rest + i]))
      return false;
  return true;
}

static bool match_computed(struct typing *t, const struct slot *slot) {
  const struct schema_type *want = slot->want;
  uint32_t rank = want->dtype == DTYPE_KV ? slot->type->rank : want->rank;
  for (uint32_t k = 0; want->has_dims && k < rank; k++) {
    uint32_t i = k < want->rank ? k : want->rank - 1;
    if (want->dim[i].kind != SCHEMA_DIM_EXPR)
      continue;
    unsigned errors = t->c->diag->errors;
    struct binding with = {constraint_cell(t, want->dim[i].expr), "the schema", SPAN_NONE};
    if (t->c->diag->errors != errors)
      return false;
    struct cell *cell = slot->type->shape[slot->type->rank - rank + k];
    if (with.cell != NULL &&
        !unify(t, slot, &with, cell, compiler_span_text(t->c, want->dim[i].expr->span)))
      return false;
  }
  return true;
}

static bool each_slot(struct typing *t, bool (*match)(struct typing *t, const struct slot *slot)) {
  const struct op_schema *s = t->schema;
  const struct op_call *call = t->call;
  bool ok = true;
  for (uint32_t i = 0; i < s->input_count; i++) {
    if (call->input[i] == GRAPH_NONE)
      continue;
    struct slot slot = {"input", s->input[i].name, &s->input[i].type,
                        &t->c->value[call->input[i]].type, call->input_span[i]};
    ok = match(t, &slot) && ok;
  }
  for (uint32_t i = 0; i < s->weight_count; i++) {
    if (call->weight[i] < 0)
      continue;
    struct slot slot = {"weight", s->weight[i].name, &s->weight[i].type, &call->weight_type[i],
                        call->weight_span[i]};
    ok = match(t, &slot) && ok;
  }
  return ok;
}

/* ------------------------------------------------------------------------ outputs */

static struct cell *output_dim(struct typing *t, const struct schema_dim *dim) {
  struct cell *cell = NULL;
  switch (dim->kind) {
  case SCHEMA_DIM_VAR:
    cell = t->var[dim->index].cell;
    break;
  case SCHEMA_DIM_NUMBER:
    cell = constraint_number(t, dim->number, NULL);
    break;
  case SCHEMA_DIM_ATTR:
    if (t->call->attr[dim->index].kind == VALUE_INT)
      cell =
          constraint_number(t, t->call->attr[dim->index].integer, t->call->attr[dim->index].origin);
    break;
  case SCHEMA_DIM_EXPR:
    cell = constraint_cell(t, dim->expr);
    break;
  case SCHEMA_DIM_ANY:
    break;
  }
  return cell != NULL ? cell : cell_free(t->c->arena, NULL);
}

static bool output_type(struct typing *t, const struct schema_type *want, struct ctype *out) {
  *out = (struct ctype){.dtype = want->any_dtype && t->has_any ? t->any : want->dtype};
  if (!want->has_dims)
    return true;
  if (want->ellipsis)
    for (uint32_t i = 0; i < t->rest_count; i++)
      out->shape[out->rank++] = t->rest[i].cell;
  if (out->rank + want->rank > TFM_MAX_RANK) {
    report(t->c, CODE_RANK, t->call->span, "`%s` makes a tensor of more than %d dims",
           t->call->op->name, TFM_MAX_RANK);
    return false;
  }
  for (uint32_t i = 0; i < want->rank; i++) {
    struct cell *cell = output_dim(t, &want->dim[i]);
    if (cell == NULL) {
      compiler_oom(t->c);
      return false;
    }
    out->shape[out->rank++] = cell;
  }
  return true;
}

static bool infers(const struct op_schema *schema) {
  bool infer = schema->outputs_open;
  for (uint32_t i = 0; i < schema->output_count; i++)
    infer = infer || schema->output[i].infer;
  return infer;
}

static bool find_outputs(struct typing *t) {
  const struct op_schema *s = t->schema;
  for (uint32_t i = 0; infers(s) && i < s->attr_count; i++)
    if (t->call->attr[i].kind == VALUE_ERROR)
      return false; /* without it, infer cannot be asked */
  if (infers(s))
    return infer_outputs(t->c, t->call);
  t->call->output = compiler_alloc(t->c, s->output_count, sizeof *t->call->output);
  for (uint32_t i = 0; t->call->output != NULL && i < s->output_count; i++)
    if (!output_type(t, &s->output[i].type, &t->call->output[i]))
      return false;
  t->call->output_count = t->call->output == NULL ? 0 : s->output_count;
  return t->call->output != NULL;
}

bool types_call(struct compiler *c, struct op_call *call) {
  struct typing t = {.c = c, .call = call, .schema = call->op->schema};
  t.var = compiler_alloc(c, t.schema->dim_count, sizeof *t.var);
  if (t.var == NULL)
    return false;
  bool ok = constraint_attrs(&t);
  ok = each_slot(&t, match_slot) && ok;
  ok = ok && each_slot(&t, match_computed);
  for (uint32_t i = 0; i < t.schema->constraint_count && ok; i++)
    ok = constraint_hold(&t, t.schema->constraint[i]);
  ok = ok && batch_check(c, call);
  if (!ok && infers(t.schema))
    return false;
  return find_outputs(&t) && ok && batch_check_outputs(c, call) && !c->stop;
}
