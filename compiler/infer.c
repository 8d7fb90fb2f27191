/* infer.c - an op's own infer, with the host that it is given.
 *
 * A dim that is a number crosses as itself; any other crosses as a handle, a
 * negative index into the cells of this one call. */
#include "compiler/infer.h"

#include "compiler/attr.h"
#include "compiler/ir.h"
#include "compiler/report.h"
#include "compiler/typing.h"

#include <stdio.h>
#include <string.h>

enum { INFER_OUTPUTS = 64 };

struct inference {
  struct compiler *c;
  struct cell **cell;
  uint32_t count, room;
  char message[512];
};

static struct inference *inference_of(const tfm_host *host) {
  return host->impl;
}

static tfm_dim to_handle(struct inference *in, struct cell *cell) {
  struct dim known;
  int64_t number;
  if (cell == NULL)
    return INT64_MIN;
  if (cell_value(cell, &known) && dim_is_number(&known, &number))
    return number < 0 ? INT64_MIN : number;
  void *array = in->cell;
  if (!compiler_grow(in->c, &array, in->count, &in->room, sizeof *in->cell))
    return INT64_MIN;
  in->cell = array;
  in->cell[in->count] = cell;
  return -1 - (tfm_dim)in->count++;
}

static struct cell *from_handle(struct inference *in, tfm_dim dim) {
  if (dim >= 0)
    return cell_number(in->c->arena, dim, NULL);
  if (dim == INT64_MIN || -(dim + 1) >= (tfm_dim)in->count)
    return NULL;
  return in->cell[-(dim + 1)];
}

static tfm_dim compute(const tfm_host *host, enum cell_op op, tfm_dim a, tfm_dim b) {
  struct inference *in = inference_of(host);
  struct cell *left = from_handle(in, a), *right = from_handle(in, b), *out = NULL;
  if (left == NULL || right == NULL)
    return INT64_MIN;
  enum cell_status status = cell_compute(in->c->arena, op, left, right, left->origin, &out);
  if (status == CELL_UNKNOWN) /* some dim: what is written on the left side tells which */
    out = cell_free(in->c->arena, NULL);
  return to_handle(in, out);
}

static tfm_dim dim_add_service(const tfm_host *host, tfm_dim a, tfm_dim b) {
  return compute(host, CELL_ADD, a, b);
}
static tfm_dim dim_sub_service(const tfm_host *host, tfm_dim a, tfm_dim b) {
  return compute(host, CELL_SUB, a, b);
}
static tfm_dim dim_mul_service(const tfm_host *host, tfm_dim a, tfm_dim b) {
  return compute(host, CELL_MUL, a, b);
}
static tfm_dim dim_div_service(const tfm_host *host, tfm_dim a, tfm_dim b) {
  return compute(host, CELL_DIV, a, b);
}

/* Two dims of which one is free are taken to be equal: only without a checkpoint. */
static int32_t dim_equal_service(const tfm_host *host, tfm_dim a, tfm_dim b) {
  struct inference *in = inference_of(host);
  struct cell *left = from_handle(in, a), *right = from_handle(in, b);
  return left != NULL && right != NULL && cell_unify(left, right) == CELL_OK;
}

static tfm_status fail_service(const tfm_host *host, const char *format, ...) {
  struct inference *in = inference_of(host);
  va_list args;
  va_start(args, format);
  vsnprintf(in->message, sizeof in->message, format, args);
  va_end(args);
  return TFM_FAILED;
}

static void log_service(const tfm_host *host, int level, const char *format, ...) {
  const struct compile_options *o = inference_of(host)->c->options;
  char text[512];
  va_list args;
  if (o->log == NULL)
    return;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  o->log(o->context, level, text);
}

/* -------------------------------------------------------------------- the node */

static tfm_type *to_type(struct inference *in, const struct ctype *type) {
  tfm_type *made = compiler_alloc(in->c, 1, sizeof *made);
  if (made == NULL)
    return NULL;
  made->dtype = (tfm_dtype)type->dtype;
  made->rank = type->rank;
  for (uint32_t i = 0; i < type->rank; i++)
    made->shape[i] = to_handle(in, type->shape[i]);
  return made;
}

/* A shape: each dim by its handle, and none for `_`. */
static const tfm_attr *to_dims(struct inference *in, const char *name, const struct value *value) {
  tfm_attr *made = compiler_alloc(in->c, 1 + (size_t)value->dims.count, sizeof *made);
  const tfm_attr **item = compiler_alloc(in->c, value->dims.count, sizeof *item);
  if (made == NULL || item == NULL)
    return NULL;
  for (uint32_t i = 0; i < value->dims.count; i++) {
    struct cell *cell = value->dims.item[i];
    made[i + 1] = (tfm_attr){.name = "", .kind = cell == NULL ? TFM_ATTR_NONE : TFM_ATTR_DIM};
    if (cell != NULL)
      made[i + 1].integer = to_handle(in, cell);
    item[i] = &made[i + 1];
  }
  *made = (tfm_attr){.name = name, .kind = TFM_ATTR_LIST, .count = value->dims.count, .item = item};
  return made;
}

/* Those that are there; what is for infer alone is behind the others. */
static const tfm_attr **to_attrs(struct inference *in, const struct op_call *call,
                                 uint32_t *count) {
  struct compiler *c = in->c;
  const struct op_schema *s = call->op->schema;
  const tfm_attr *const *kept = attr_list(c, call, count);
  const tfm_attr **attr = compiler_alloc(c, s->attr_count, sizeof *attr);
  if (kept == NULL || attr == NULL)
    return NULL;
  for (uint32_t i = 0; i < *count; i++)
    attr[i] = kept[i];
  for (uint32_t i = 0; i < s->attr_count; i++)
    if (call->attr[i].kind == VALUE_DIMS)
      attr[(*count)++] = to_dims(in, s->attr[i].name, &call->attr[i]);
  return attr;
}

static bool make_node(struct inference *in, const struct op_call *call, tfm_node *node) {
  struct compiler *c = in->c;
  const struct op_schema *s = call->op->schema;
  const tfm_type **input = compiler_alloc(c, s->input_count, sizeof *input);
  const tfm_type **weight = compiler_alloc(c, s->weight_count, sizeof *weight);
  uint32_t count;
  const tfm_attr **attr = to_attrs(in, call, &count);
  if (input == NULL || weight == NULL || attr == NULL)
    return false;
  for (uint32_t i = 0; i < s->input_count; i++)
    input[i] = call->input[i] == GRAPH_NONE ? NULL : to_type(in, &c->value[call->input[i]].type);
  for (uint32_t i = 0; i < s->weight_count; i++)
    weight[i] = call->weight[i] < 0 ? NULL : to_type(in, &call->weight_type[i]);
  *node = (tfm_node){.struct_size = sizeof *node,
                     .input_count = s->input_count,
                     .weight_count = s->weight_count,
                     .attr_count = count,
                     .tap_count = s->tap_count,
                     .op = call->op->name,
                     .name = call->name != NULL ? call->name : call->op->name,
                     .input = input,
                     .weight = weight,
                     .attr = attr};
  return !c->stop;
}

/* A shape that was asked for, and where its dims are from. */
static void note_shape(struct compiler *c, struct report *r, const char *name,
                       const struct value *shape) {
  const char *text = "";
  for (uint32_t i = 0; i < shape->dims.count && text != NULL; i++)
    text = compiler_printf(
        c, "%s%s%s", text, i > 0 ? "," : "",
        shape->dims.item[i] == NULL ? "_" : compiler_cell_text(c, shape->dims.item[i]));
  if (text == NULL)
    return;
  report_note(c, r, "`%s` is [%s]", name, text);
  for (uint32_t i = 0; i < shape->dims.count; i++) {
    const struct cell *cell = shape->dims.item[i];
    if (cell != NULL && cell->origin != NULL && cell->origin->kind != ORIGIN_TEXT)
      report_note(c, r, "%s", typing_story(c, cell));
  }
}

static bool refuse(struct compiler *c, const struct op_call *call, const char *why) {
  struct report *r = report(c, CODE_REFUSED, call->span, "`%s` refuses its inputs", call->op->name);
  report_primary(c, r, "%s", why);
  for (uint32_t i = 0; i < call->op->schema->input_count; i++)
    if (call->input[i] != GRAPH_NONE)
      report_note(c, r, "`%s` is %s", call->op->schema->input[i].name,
                  compiler_type_text(c, &c->value[call->input[i]].type));
  for (uint32_t i = 0; i < call->op->schema->attr_count; i++)
    if (call->attr[i].kind == VALUE_DIMS)
      note_shape(c, r, call->op->schema->attr[i].name, &call->attr[i]);
  return false;
}

static bool take_output(struct inference *in, const struct op_call *call, const tfm_type *from,
                        struct ctype *out) {
  *out = (struct ctype){.dtype = (enum dtype)from->dtype, .rank = from->rank};
  if (from->rank > TFM_MAX_RANK || from->dtype >= (tfm_dtype)DTYPE_COUNT)
    return refuse(in->c, call, "its infer says a type that does not exist");
  for (uint32_t i = 0; i < from->rank; i++)
    if ((out->shape[i] = from_handle(in, from->shape[i])) == NULL)
      return refuse(in->c, call, "a dim of its result does not come out even");
  return true;
}

bool infer_outputs(struct compiler *c, struct op_call *call) {
  struct inference in = {.c = c};
  tfm_host host = {.struct_size = sizeof host,
                   .abi_minor = TFM_ABI_MINOR,
                   .version = "",
                   .impl = &in,
                   .fail = fail_service,
                   .log = log_service,
                   .dim_add = dim_add_service,
                   .dim_sub = dim_sub_service,
                   .dim_mul = dim_mul_service,
                   .dim_div = dim_div_service,
                   .dim_equal = dim_equal_service};
  tfm_type type[INFER_OUTPUTS];
  tfm_node node;
  uint32_t count = 0;
  const struct op_schema *s = call->op->schema;
  memset(type, 0, sizeof type);
  if (call->op->desc->infer == NULL)
    return refuse(c, call, "its schema leaves the result to infer, and it has none");
  if (!make_node(&in, call, &node))
    return false;
  tfm_status status = call->op->desc->infer(&host, &node, type, INFER_OUTPUTS, &count);
  if (status != TFM_OK)
    return refuse(c, call, in.message[0] == '\0' ? "it does not say why" : in.message);
  if (count == 0 || count > INFER_OUTPUTS || (!s->outputs_open && count != s->output_count))
    return refuse(c, call, "its infer says an impossible number of results");
  call->output = compiler_alloc(c, count, sizeof *call->output);
  for (uint32_t i = 0; call->output != NULL && i < count; i++)
    if (!take_output(&in, call, &type[i], &call->output[i]))
      return false;
  call->output_count = call->output == NULL ? 0 : count;
  return call->output != NULL;
}
