/* plan_print.c - the plan as a table, for `tfmc --emit=plan`.
 *
 *     value             place   life   bytes       at B = 1, T = 1024, S = 1024
 *     h.0.ln_1          arena   3..7   3072*B*T    offset 3145728, 3145728 bytes
 *     h.0.x             arena   in place of embedding
 */
#include "base/checked.h"
#include "runtime/plan.h"
#include "tfm/plugin.h"

#include <string.h>

enum { NAME_WIDTH = 24 };

static void print_size(const struct plan *plan, int32_t v, struct buffer *out) {
  const struct graph *graph = plan->graph;
  const struct type *type = &graph->value[v].type;
  const char *names[DIM_VARIABLES] = {0};
  struct dim size = dim_number(dtype_is_formula(type->dtype) ? (int64_t)sizeof(tfm_mask)
                               : type->dtype == DTYPE_NONE   ? (int64_t)sizeof(float)
                                                             : (int64_t)dtype_size(type->dtype));
  for (uint32_t d = 0; d < graph->dim_count && d < DIM_VARIABLES; d++)
    names[d] = graph->dim[d].name;
  bool exact = true;
  for (uint32_t i = 0; dtype_is_tensor(type->dtype) && i < type->rank && exact; i++)
    exact = dim_mul(&size, &type->shape[i], &size);
  if (exact)
    dim_print(&size, names, out);
  else
    buffer_puts(out, "(a product)");
}

static void print_value(const struct plan *plan, int32_t v, size_t size, struct buffer *out) {
  static const char *const place[] = {"arena", "kept", "state"};
  const struct plan_value *value = &plan->value[v];
  const char *name = plan->graph->value[v].name;
  buffer_printf(out, "%-*s %s", NAME_WIDTH, name ? name : "", place[value->place]);
  if (value->place == PLAN_STATE) {
    buffer_putc(out, '\n');
    return;
  }
  if (value->place == PLAN_ARENA)
    buffer_printf(out, " %d..%d", value->first, value->last);
  buffer_puts(out, "  ");
  print_size(plan, v, out);
  if (value->root != v)
    buffer_printf(out, "  in place of %s", plan->graph->value[value->root].name);
  else if (value->place == PLAN_ARENA)
    buffer_printf(out, "  offset %zu, %zu bytes", value->offset, size);
  else
    buffer_printf(out, "  %zu bytes", size);
  buffer_putc(out, '\n');
}

static void print_head(const struct plan *plan, const int64_t *at, struct buffer *out) {
  buffer_puts(out, "# plan");
  for (uint32_t d = 0; d < plan->graph->dim_count; d++)
    buffer_printf(out, "%s%s = %lld", d ? ", " : " for ", plan->graph->dim[d].name,
                  (long long)at[d]);
  buffer_putc(out, '\n');
}

/* Bytes of key and value for one token of one row. */
static uint64_t state_bytes(const struct graph *graph) {
  uint64_t bytes = 0;
  int64_t width;
  for (uint32_t i = 0; i < graph->state_count; i++) {
    const struct type *type = &graph->value[graph->state[i].value].type;
    for (uint32_t d = 0; type->dtype == DTYPE_KV && d < type->rank; d++)
      if (dim_is_number(&type->shape[d], &width) && width > 0)
        bytes = saturating_add(bytes, saturating_mul(sizeof(float), (uint64_t)width));
  }
  return bytes;
}

/* Bytes of the tensors that one row has. */
static uint64_t tensor_bytes(const struct graph *graph) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < graph->state_count; i++) {
    const struct type *type = &graph->value[graph->state[i].value].type;
    uint64_t size = sizeof(float);
    int64_t number = 0;
    for (uint32_t d = 0; d < type->rank; d++)
      size = saturating_mul(size, dim_is_number(&type->shape[d], &number) ? (uint64_t)number : 0);
    bytes = saturating_add(bytes, type->dtype == DTYPE_STATE ? size : 0);
  }
  return bytes;
}

int plan_print(struct plan *plan, const int64_t *variable, struct buffer *out,
               struct tfm_error *err) {
  const struct graph *graph = plan->graph;
  struct ragged_batch batch = {0};
  int64_t *at = batch.variable;
  uint64_t kept = 0;
  bool moved;
  for (uint32_t d = 0; d < graph->dim_count && d < DIM_VARIABLES; d++) {
    at[d] = variable ? variable[d] : 0;
    if (at[d] == 0)
      at[d] = graph->dim[d].bound > 0 ? graph->dim[d].bound : 1;
  }
  for (uint32_t e = 0; e < graph->entry_count; e++)
    if (plan_layout(plan, e, &batch, 0, &moved, err) != 0)
      return -1;
  print_head(plan, at, out);
  for (uint32_t v = 0; v < graph->value_count; v++) {
    size_t size;
    if (plan_value_size(plan, (int32_t)v, &batch, NULL, &size, err) != 0)
      return -1;
    if (plan->value[v].place == PLAN_KEPT)
      kept = saturating_add(kept, size);
    print_value(plan, (int32_t)v, size, out);
  }
  for (uint32_t e = 0; e < graph->entry_count; e++)
    if (plan->entry[e].root_count)
      buffer_printf(out, "# %s: %zu bytes of arena, %u buffers\n", graph->entry[e].name,
                    plan->entry[e].peak, plan->entry[e].root_count);
  buffer_printf(out, "# kept: %llu bytes\n", (unsigned long long)kept);
  buffer_printf(out, "# state: %llu bytes a token\n", (unsigned long long)state_bytes(graph));
  if (tensor_bytes(graph) > 0)
    buffer_printf(out, "# state: %llu bytes a row\n", (unsigned long long)tensor_bytes(graph));
  return out->failed ? error_oom(err) : 0;
}
