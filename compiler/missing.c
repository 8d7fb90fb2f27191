/* missing.c - one report for what all layers of a repeat lack. */
#include "compiler/missing.h"

#include "compiler/checkpoint.h"
#include "compiler/report.h"
#include "compiler/tensor.h"

#include <string.h>

/* "`@h.{i}` (34:41) + `@attn.c_prj` (27:21) + slot `weight`" */
static const char *scope_text(struct compiler *c, const struct scope *scope) {
  unsigned line, column;
  if (scope == NULL || scope->path == NULL)
    return "";
  const char *before = scope_text(c, scope->parent);
  diag_position(c->diag, scope->path->span, &line, &column);
  const char *text = compiler_printf(c, "%s%s`%s` (%u:%u)", before, before[0] == '\0' ? "" : " + ",
                                     compiler_span_text(c, scope->path->span), line, column);
  return text == NULL ? "" : text;
}

static const char *pattern_of(struct compiler *c, const struct weight *weight) {
  if (weight->scope == NULL)
    return weight->name;
  return weight->slot == NULL ? weight->scope->pattern
                              : compiler_printf(c, "%s.%s", weight->scope->pattern, weight->slot);
}

static void report_missing(struct compiler *c, const struct weight *weight, uint32_t others) {
  struct report *r = report_keyed(c, CODE_TENSOR_MISSING, weight->name,
                                  "tensor `%s` is not in the checkpoint", weight->name);
  const char *path = scope_text(c, weight->scope);
  if (path[0] != '\0' && weight->slot != NULL)
    report_note(c, r, "%s + slot `%s`", path, weight->slot);
  else if (path[0] != '\0')
    report_note(c, r, "%s", path);
  if (others > 0)
    report_note(c, r, "the same for %u more of `%s`", others, pattern_of(c, weight));
  const char *nearest = checkpoint_nearest(c, weight->name);
  const struct compile_tensor *tensor = nearest == NULL ? NULL : checkpoint_find(c, nearest);
  if (tensor == NULL)
    return;
  const char *shape = "";
  for (uint32_t i = 0; i < tensor->rank && shape != NULL; i++)
    shape = compiler_printf(c, "%s%s%lld", shape, i > 0 ? "," : "", (long long)tensor->shape[i]);
  report_help(c, r, "nearest: `%s` [%s]", nearest, shape == NULL ? "" : shape);
}

/* One report for each pattern: all layers of a repeat lack the same. */
static void check_missing(struct compiler *c) {
  struct map seen;
  map_init(&seen);
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < c->weight_count && !c->stop; i++) {
      struct weight *weight = &c->weight[i];
      if (!weight->live || weight->kind != GRAPH_WEIGHT_TENSOR || weight->tensor != NULL)
        continue;
      const char *pattern = pattern_of(c, weight);
      struct map_entry *at = pattern == NULL ? NULL : map_insert_text(&seen, pattern, NULL);
      if (at == NULL) {
        compiler_oom(c);
      } else if (pass == 0) {
        at->value.number++;
      } else if (at->value.number > 0) {
        report_missing(c, weight, (uint32_t)(at->value.number - 1));
        at->value.number = 0;
      }
    }
  }
  map_finish(&seen);
}

static void check_told(struct compiler *c, const struct weight *weight) {
  struct dim dim;
  for (uint32_t i = 0; i < weight->type.rank; i++) {
    if (cell_value(weight->type.shape[i], &dim) && dim_is_number(&dim, NULL))
      continue;
    struct report *r = report_keyed(c, CODE_SHAPE_UNTOLD, pattern_of(c, weight),
                                    "without a checkpoint nothing tells the shape of `%s`: %s",
                                    weight->name, compiler_type_text(c, &weight->type));
    const char *path = scope_text(c, weight->scope);
    if (path[0] != '\0')
      report_note(c, r, "%s%s%s%s", path, weight->slot == NULL ? "" : " + slot `",
                  weight->slot == NULL ? "" : weight->slot, weight->slot == NULL ? "" : "`");
    report_help(c, r, "state the shape of what it makes: `y: [B, T, N] = ...`");
    return;
  }
}

void missing_check(struct compiler *c) {
  if (c->options->has_checkpoint) {
    check_missing(c);
    return;
  }
  for (uint32_t i = 0; i < c->weight_count && !c->stop; i++)
    if (c->weight[i].live && c->weight[i].kind == GRAPH_WEIGHT_TENSOR)
      check_told(c, &c->weight[i]);
}
