/* compare.c - which node is which module of a reference run, and how far the two are apart. */
#include "lib/compare.h"

#include "base/buffer.h"
#include "base/dtype.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest name of a module. */
enum { NAME = 1024 };

/* ------------------------------------------------------------- nodes by name */

/* NAME itself, or the only one that ends in .NAME. */
static const struct weights_tensor *find(const struct weights *file, const char *name) {
  const struct weights_tensor *found = weights_find(file, name), *all = weights_tensors(file);
  size_t length = strlen(name), ends = 0;
  for (size_t i = 0; !found && i < weights_count(file); i++) {
    size_t long_by = strlen(all[i].name);
    if (long_by > length + 1 && strcmp(all[i].name + long_by - length, name) == 0 &&
        all[i].name[long_by - length - 1] == '.' && ends++ == 0)
      found = &all[i];
    else if (ends > 1)
      return NULL;
  }
  return ends > 1 ? NULL : found;
}

/* The tensor that a weight is all of, in whatever order: no part of one, and not of several. */
static const char *whole_tensor(const struct graph *graph, int32_t weight) {
  while (weight != GRAPH_NONE) {
    const struct graph_weight *w = &graph->weight[weight];
    if (w->kind == GRAPH_WEIGHT_TENSOR)
      return w->tensor;
    if (w->operand_count != 1 || w->kind == GRAPH_WEIGHT_SPLIT || w->kind == GRAPH_WEIGHT_SLICE)
      return NULL;
    weight = w->operand[0];
  }
  return NULL;
}

/* The module whose weight a node takes last: that tensor's name without its end. */
static bool module_of(const struct graph *graph, const struct graph_node *node, char *name) {
  const char *tensor = NULL;
  for (uint32_t i = node->weight_count; !tensor && i-- > 0;)
    tensor = whole_tensor(graph, node->weight[i]);
  const char *dot = tensor ? strrchr(tensor, '.') : NULL;
  if (!dot || dot - tensor >= NAME)
    return false;
  memcpy(name, tensor, (size_t)(dot - tensor));
  name[dot - tensor] = '\0';
  return true;
}

/* Has the file something under this name that no node before has taken? */
static const struct weights_tensor *next_of(const struct compare_plan *plan, const char *name) {
  char numbered[NAME + 24];
  const struct weights_tensor *found = find(plan->file, name);
  for (uint32_t turn = 1; found; turn++) {
    bool taken = false;
    for (size_t i = 0; i < plan->count; i++)
      taken = taken || plan->point[i].reference == found;
    if (!taken)
      return found;
    snprintf(numbered, sizeof numbered, "%s@%" PRIu32, name, turn);
    found = find(plan->file, numbered);
  }
  return NULL;
}

/* ------------------------------------------------------------------- places */

static char *place_of(const struct diag *written, struct span span) {
  struct buffer text;
  buffer_init(&text);
  if (span.source < written->source_count) {
    const struct diag_source *source = &written->sources[span.source];
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < span.begin && i < source->size; i++) {
      column = source->text[i] == '\n' ? 1 : column + 1;
      line += source->text[i] == '\n';
    }
    buffer_printf(&text, "%s:%u:%u", source->name, line, column);
  }
  char *copy = text.failed ? NULL : strdup(buffer_text(&text));
  buffer_finish(&text);
  return copy;
}

static int add(struct compare_plan *plan, struct graph *graph, int32_t value,
               const struct weights_tensor *reference, const struct diag *written,
               struct tfm_error *err) {
  struct compare_point *grown = realloc(plan->point, (plan->count + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  plan->point = grown;
  grown[plan->count] =
      (struct compare_point){value, reference, place_of(written, graph->value[value].span)};
  if (!grown[plan->count++].place)
    return error_oom(err);
  graph->value[value].dump = true;
  return 0;
}

static int add_nodes(struct compare_plan *plan, struct graph *graph, const struct diag *written,
                     struct tfm_error *err) {
  char module[NAME];
  for (uint32_t n = 0; n < graph->node_count; n++) {
    const struct graph_node *node = &graph->node[n];
    for (uint32_t k = 0; k < node->output_count; k++) {
      const struct graph_value *value = &graph->value[node->output[k]];
      const struct weights_tensor *found = NULL;
      if (value->type.dtype >= DTYPE_MASK)
        continue;
      if (k == 0 && module_of(graph, node, module))
        found = next_of(plan, module);
      for (uint32_t a = 0; !found && a < value->alias_count; a++)
        found = next_of(plan, value->alias[a]);
      if (found && add(plan, graph, node->output[k], found, written, err) != 0)
        return -1;
    }
  }
  for (uint32_t i = 0; i < graph->output_count; i++) {
    const struct weights_tensor *found = next_of(plan, graph->output[i].name);
    if (found && add(plan, graph, graph->output[i].value, found, written, err) != 0)
      return -1;
  }
  return 0;
}

/* -------------------------------------------------------------------- inputs */

static int read_ids(struct compare_plan *plan, const char *path, struct tfm_error *err) {
  const struct weights_tensor *ids = weights_find(plan->file, "input_ids");
  if (!ids)
    return 0;
  if (ids->rank != 2 || (ids->dtype != DTYPE_I64 && ids->dtype != DTYPE_I32))
    return error_set(err, TFM_ERROR_USAGE, "%s: input_ids is not I64 or I32 of [rows, tokens]",
                     path);
  plan->rows = (size_t)ids->shape[0];
  plan->tokens = (size_t)ids->shape[1];
  size_t count = plan->rows * plan->tokens;
  plan->ids = calloc(count ? count : 1, sizeof *plan->ids);
  if (!plan->ids)
    return error_oom(err);
  for (size_t i = 0; i < count; i++) {
    int64_t wide = 0;
    int32_t narrow = 0;
    if (ids->dtype == DTYPE_I64)
      memcpy(&wide, ids->data + i * sizeof wide, sizeof wide);
    else
      memcpy(&narrow, ids->data + i * sizeof narrow, sizeof narrow), wide = narrow;
    if (wide < 0 || wide > INT32_MAX)
      return error_set(err, TFM_ERROR_USAGE, "%s: input_ids has %" PRId64 ", which is no id", path,
                       wide);
    plan->ids[i] = (int32_t)wide;
  }
  return 0;
}

int compare_create(struct compare_plan *plan, const char *path, struct graph *graph,
                   const struct diag *written, struct tfm_error *err) {
  if (weights_open(path, &plan->file, err) != 0 || read_ids(plan, path, err) != 0 ||
      add_nodes(plan, graph, written, err) != 0)
    return -1;
  if (plan->count)
    return 0;
  error_set(err, TFM_ERROR_USAGE, "%s: no name in it is that of a module of this checkpoint", path);
  error_note(err, "expected: names such as those of the weights, without `.weight`");
  error_note(err, "help: tools/reference.py DIR OUT.safetensors writes them");
  return -1;
}

void compare_finish(struct compare_plan *plan) {
  for (size_t i = 0; i < plan->count; i++)
    free(plan->point[i].place);
  free(plan->point);
  free(plan->ids);
  if (plan->file)
    weights_close(plan->file);
  *plan = (struct compare_plan){0};
}

/* ---------------------------------------------------------------- comparing */

struct compare_row *compare_rows(const struct compare_plan *plan, struct tfm_error *err) {
  struct compare_row *row = calloc(plan->count ? plan->count : 1, sizeof *row);
  if (!row)
    error_oom(err);
  return row;
}

static void measure(struct compare_row *row, const float *here, const float *there, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double difference = fabs((double)here[i] - (double)there[i]);
    if (fabs((double)there[i]) > row->largest)
      row->largest = fabs((double)there[i]);
    if (i > 0 && (isnan(row->most) || !(difference > row->most || isnan(difference))))
      continue;
    row->most = difference;
    row->here = (double)here[i];
    row->there = (double)there[i];
    row->at = i;
  }
}

static int see(const struct compare_point *point, struct compare_row *row, const tfm_tensor *tensor,
               struct tfm_error *err) {
  const struct weights_tensor *reference = point->reference;
  size_t count = 1, wanted = 1;
  for (uint32_t i = 0; i < tensor->rank; i++)
    count *= (size_t)tensor->shape[i];
  for (uint32_t i = 0; i < reference->rank; i++)
    wanted *= (size_t)reference->shape[i];
  row->seen = true;
  row->fits = count == wanted && tensor->dtype == TFM_F32;
  if (!row->fits)
    return 0;
  float *there = malloc(count ? count * sizeof *there : 1);
  int status = there ? weights_copy(reference, DTYPE_F32, there, err) : error_oom(err);
  if (status == 0)
    measure(row, tensor->data, there, count);
  free(there);
  return status;
}

int compare_see(const struct compare_plan *plan, struct compare_row *row, int32_t value,
                const tfm_tensor *tensor, struct tfm_error *err) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->point[i].value == value && see(&plan->point[i], &row[i], tensor, err) != 0)
      return -1;
  return 0;
}

/* A result outlives its model. */
static const char *keep(struct tfm_result *result, const char *text) {
  const char *copy = arena_strdup(&result->arena, text);
  return copy ? copy : "";
}

int compare_tell(const struct compare_plan *plan, const struct compare_row *row,
                 const struct graph *graph, struct tfm_result *result, struct tfm_error *err) {
  tfm_difference *list = arena_array(&result->arena, plan->count, sizeof *list);
  if (!list)
    return error_oom(err);
  result->difference = list;
  for (size_t i = 0; i < plan->count; i++) {
    if (!row[i].seen)
      continue;
    list[result->difference_count++] =
        (tfm_difference){.struct_size = sizeof *list,
                         .comparable = row[i].fits,
                         .value = keep(result, graph->value[plan->point[i].value].name),
                         .reference = keep(result, plan->point[i].reference->name),
                         .place = keep(result, plan->point[i].place),
                         .most = row[i].most,
                         .here = row[i].here,
                         .there = row[i].there,
                         .largest = row[i].largest,
                         .at = row[i].at};
  }
  return 0;
}
