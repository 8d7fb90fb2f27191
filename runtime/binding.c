/* binding.c - the weight table, a row at a time: operands come before the
 * rows that use them, so one pass makes all. */
#include "runtime/binding.h"

#include "base/checked.h"
#include "runtime/binding_private.h"
#include "runtime/random.h"
#include "runtime/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { READ_AHEAD_MIN = 1 << 20 };

/* ------------------------------------------------------------------ copies */

/* Memory of its own for row i, whose dtype, rank and shape are set. */
int binding_own(struct binding *binding, int32_t i, struct tfm_error *err) {
  tfm_tensor *t = &binding->tensor[i];
  const char *name = binding->graph->weight[i].name;
  size_t elements, bytes;
  if (!view_count(t->shape, t->rank, &elements) ||
      !dtype_bytes((enum dtype)t->dtype, elements, &bytes))
    return error_set(err, TFM_ERROR_LIMIT, "weight `%s` is too large", name);
  uint64_t limit = binding->options.memory_limit;
  if (limit && (bytes > limit || binding->copied > limit - bytes)) {
    error_set(err, TFM_ERROR_LIMIT, "weight `%s` does not fit the memory limit", name);
    error_note(err, "expected: at most %llu bytes of copies", (unsigned long long)limit);
    error_note(err, "found: %llu bytes", (unsigned long long)(binding->copied + bytes));
    return -1;
  }
  struct device_block *own = &binding->owned[i];
  if (device_alloc(binding->options.device, bytes, name, own, err) != 0)
    return -1;
  binding->copied += bytes;
  t->data = own->data;
  view_set_contiguous(t);
  return 0;
}

/* --------------------------------------------------------- made-up weights */

/* FNV-1a of the name, so that a tensor does not depend on its neighbours. */
static uint64_t name_seed(uint64_t seed, const char *name) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
  for (; *name; name++)
    h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
  return h;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), e = strlen(end);
  return n >= e && strcmp(text + n - e, end) == 0;
}

/* Uniform with deviation 0.02, the usual initialisation of Transformers;
 * around 1 for the scale of a norm. */
static void fill_random(const tfm_tensor *t, uint64_t seed, const char *name) {
  uint64_t state = name_seed(seed, name);
  float centre = t->rank == 1 && ends_with(name, "weight") ? 1.0f : 0.0f;
  size_t count = 1;
  for (uint32_t i = 0; i < t->rank; i++)
    count *= (size_t)t->shape[i];
  const float step = 0.02f * 1.7320508f / 2147483648.0f;
  uint64_t bits = 0;
  for (size_t i = 0; i < count; i++) {
    bits = i % 2 == 0 ? random_splitmix(&state) : bits >> 32;
    float v = centre + (float)(int32_t)(uint32_t)bits * step;
    if (t->dtype == TFM_F32)
      ((float *)t->data)[i] = v;
    else if (t->dtype == TFM_F16)
      ((uint16_t *)t->data)[i] = dtype_f32_to_f16(v);
    else
      ((uint16_t *)t->data)[i] = dtype_f32_to_bf16(v);
  }
}

/* -------------------------------------------------------------------- rows */

static int count_parameters(struct binding *binding, const char *name, size_t elements,
                            struct tfm_error *err) {
  bool added;
  if (!map_insert_text(&binding->seen, name, &added))
    return error_oom(err);
  if (added)
    binding->elements += elements;
  return 0;
}

static void shape_text(const int64_t *shape, uint32_t rank, char out[200]) {
  size_t at = 0;
  out[at++] = '[';
  for (uint32_t i = 0; i < rank; i++)
    at += (size_t)snprintf(out + at, 200 - at, "%s%lld", i ? ", " : "", (long long)shape[i]);
  snprintf(out + at, 200 - at, "]");
}

static int check_stored(const struct graph_weight *w, const struct weights_tensor *t,
                        struct tfm_error *err) {
  char expected[200], found[200];
  if (t->rank == w->rank && (w->dtype == DTYPE_NONE || t->dtype == w->dtype) &&
      memcmp(t->shape, w->shape, w->rank * sizeof *w->shape) == 0)
    return 0;
  shape_text(w->shape, w->rank, expected);
  shape_text(t->shape, t->rank, found);
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` is not what the model was compiled for",
            t->name);
  error_note(err, "expected: %s%s", dtype_name(w->dtype), expected);
  error_note(err, "found: %s%s in %s", dtype_name(t->dtype), found, t->file);
  return -1;
}

static void read_ahead(const unsigned char *data, size_t size) {
  long page = sysconf(_SC_PAGESIZE);
  if (page <= 0 || size < READ_AHEAD_MIN)
    return;
  uintptr_t begin = (uintptr_t)data & ~((uintptr_t)page - 1);
  (void)posix_madvise((void *)begin, size + ((uintptr_t)data - begin), POSIX_MADV_WILLNEED);
}

/* dtype, rank and shape as kernels will see them. */
static void set_type(tfm_tensor *t, const struct graph_weight *w, enum dtype dtype) {
  t->dtype = (tfm_dtype)dtype;
  t->rank = w->rank;
  memcpy(t->shape, w->shape, sizeof t->shape);
}

static int bind_random(struct binding *binding, int32_t i, struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  set_type(t, w, dtype_wide(w->dtype));
  if (binding_own(binding, i, err) != 0)
    return -1;
  fill_random(t, binding->options.seed, w->name);
  return 0;
}

/* The memory of [shape[1], shape[0]], seen the other way round. */
static void lay_transposed(tfm_tensor *t) {
  const int64_t block = (int64_t)dtype_block((enum dtype)t->dtype);
  t->stride[0] = (int64_t)dtype_block_bytes((enum dtype)t->dtype);
  t->stride[1] = t->shape[0] / block * t->stride[0];
}

static int bind_stored(struct binding *binding, int32_t i, const struct weights_tensor *stored,
                       struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  size_t size = dtype_size(stored->dtype);
  if (check_stored(w, stored, err) != 0)
    return -1;
  read_ahead(stored->data, stored->size);
  set_type(t, w, binding->format[i] ? binding->format[i] : dtype_wide(stored->dtype));
  bool kept = t->dtype == (tfm_dtype)stored->dtype;
  if (kept && weights_is_packed(stored) && weights_check_finite(stored, err) != 0)
    return -1;
  if (kept && !stored->heads && (size == 0 || (uintptr_t)stored->data % size == 0)) {
    t->data = (void *)(uintptr_t)stored->data;
    view_set_contiguous(t);
  } else if (binding_own(binding, i, err) != 0 ||
             weights_copy(stored, (enum dtype)t->dtype, t->data, err) != 0) {
    return -1;
  }
  if (stored->transposed)
    lay_transposed(t);
  return 0;
}

static int bind_tensor(struct binding *binding, int32_t i, struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  size_t elements;
  if (!view_count(w->shape, w->rank, &elements))
    return error_set(err, TFM_ERROR_LIMIT, "weight `%s` is too large", w->name);
  if (count_parameters(binding, w->tensor ? w->tensor : w->name, elements, err) != 0)
    return -1;
  if (binding->options.random)
    return bind_random(binding, i, err);
  const struct weights_tensor *stored =
      binding->weights ? weights_find(binding->weights, w->tensor) : NULL;
  if (!stored) {
    error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` is not in the checkpoint", w->tensor);
    error_note(err, "found: %zu other tensors",
               binding->weights ? weights_count(binding->weights) : 0);
    return -1;
  }
  return bind_stored(binding, i, stored, err);
}

/* Memory of its own for a view that cannot point into its operands. */
int binding_own_view(struct binding *binding, int32_t i, struct tfm_error *err) {
  enum { TIMES = 4, AT_LEAST = 16 << 20 };
  uint64_t before = binding->copied, most = AT_LEAST, times;
  size_t elements, bytes;
  const tfm_tensor *t = &binding->tensor[i];
  if (checked_mul(binding->elements, TIMES * sizeof(float), &times) && UINT64_MAX - most >= times)
    most += times;
  else
    most = UINT64_MAX;
  if (!view_count(t->shape, t->rank, &elements) ||
      !checked_mul(elements, dtype_size((enum dtype)t->dtype), &bytes) || bytes > most ||
      binding->viewed > most - bytes) {
    error_set(err, TFM_ERROR_LIMIT, "weight `%s` is put together to more than the checkpoint holds",
              binding->graph->weight[i].name);
    error_note(err, "expected: at most %llu bytes of copies, %d times the tensors",
               (unsigned long long)most, TIMES);
    return -1;
  }
  if (binding_own(binding, i, err) != 0)
    return -1;
  binding->viewed += binding->copied - before;
  return 0;
}

static void bind_transpose(struct binding *binding, int32_t i, const tfm_tensor *from) {
  tfm_tensor *t = &binding->tensor[i];
  *t = *from;
  for (uint32_t d = 0; d < t->rank; d++) {
    uint32_t axis = graph_weight_axis(binding->graph->weight[i].index, d);
    t->shape[d] = from->shape[axis];
    t->stride[d] = from->stride[axis];
  }
}

static void bind_slice(struct binding *binding, int32_t i, const tfm_tensor *from) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  *t = *from;
  t->shape[w->axis] = w->parts;
  t->data = (char *)from->data + w->index * from->stride[w->axis];
}

static void bind_split(struct binding *binding, int32_t i, const tfm_tensor *from) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  *t = *from;
  t->shape[w->axis] = from->shape[w->axis] / w->parts;
  t->data = (char *)from->data + w->index * t->shape[w->axis] * from->stride[w->axis];
}

static int bind_reshape(struct binding *binding, int32_t i, const tfm_tensor *from,
                        struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  tfm_tensor *t = &binding->tensor[i];
  set_type(t, w, (enum dtype)from->dtype);
  if (view_is_contiguous(from)) {
    t->data = from->data;
    view_set_contiguous(t);
    return 0;
  }
  if (binding_own_view(binding, i, err) != 0)
    return -1;
  tfm_tensor to = *from;
  to.data = t->data;
  view_set_contiguous(&to);
  view_copy(&to, from);
  return 0;
}

static bool sound_transpose(const struct graph_weight *w, const tfm_tensor *from) {
  uint32_t seen = 0;
  if (w->index < 0 || (w->index == 0 && w->rank != 2))
    return false;
  for (uint32_t d = 0; d < w->rank; d++) {
    uint32_t axis = graph_weight_axis(w->index, d);
    if (axis >= w->rank || (seen >> axis & 1) != 0 || w->shape[d] != from->shape[axis])
      return false;
    seen |= 1u << axis;
  }
  return true;
}

/* The graph was verified, but a view that leaves its memory must not be
 * possible even so. */
static bool sound_view(const struct binding *binding, int32_t i) {
  const struct graph_weight *w = &binding->graph->weight[i];
  size_t whole = 0, part = 0, n;
  if (!view_count(w->shape, w->rank, &n) || w->rank > TFM_MAX_RANK)
    return false;
  if (w->kind == GRAPH_WEIGHT_TENSOR)
    return w->operand_count == 0;
  if (w->kind == GRAPH_WEIGHT_NUMBER || graph_weight_is_computed(w->kind))
    return computed_is_sound(binding, i);
  if (w->operand_count == 0)
    return false;
  for (uint32_t o = 0; o < w->operand_count; o++) {
    int32_t from = w->operand[o];
    if (from < 0 || from >= i || binding->tensor[from].dtype == TFM_NONE)
      return false;
    const tfm_tensor *t = &binding->tensor[from];
    bool apart = w->kind == GRAPH_WEIGHT_STACK || w->kind == GRAPH_WEIGHT_LIST;
    uint32_t rank = apart ? t->rank + 1 : t->rank;
    if (t->flags & TFM_TENSOR_LIST)
      return false;
    view_count(t->shape, t->rank, &part);
    whole += part;
    if (w->kind != GRAPH_WEIGHT_RESHAPE && rank != w->rank)
      return false;
    for (uint32_t d = 0; d < t->rank; d++)
      if ((w->kind == GRAPH_WEIGHT_CONCAT && (int32_t)d != w->axis && t->shape[d] != w->shape[d]) ||
          (apart && t->shape[d] != w->shape[d + 1]))
        return false;
  }
  const tfm_tensor *first = &binding->tensor[w->operand[0]];
  switch (w->kind) {
  case GRAPH_WEIGHT_TRANSPOSE:
    return sound_transpose(w, first);
  case GRAPH_WEIGHT_SLICE:
    return w->axis >= 0 && (uint32_t)w->axis < w->rank && w->parts >= 0 && w->index >= 0 &&
           (int64_t)w->index + w->parts <= first->shape[w->axis] && w->shape[w->axis] == w->parts;
  case GRAPH_WEIGHT_SPLIT:
    return w->axis >= 0 && (uint32_t)w->axis < w->rank && w->parts > 0 && w->index >= 0 &&
           w->index < w->parts && first->shape[w->axis] % w->parts == 0 &&
           w->shape[w->axis] == first->shape[w->axis] / w->parts;
  case GRAPH_WEIGHT_CONCAT:
    return w->axis >= 0 && (uint32_t)w->axis < w->rank && whole == n;
  default:
    return whole == n;
  }
}

/* The tensors stay where they are. */
static int bind_list(struct binding *binding, int32_t i, struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  const tfm_tensor **item = arena_array(&binding->arena, w->operand_count, sizeof *item);
  if (!item)
    return error_oom(err);
  for (uint32_t o = 0; o < w->operand_count; o++)
    item[o] = &binding->tensor[w->operand[o]];
  set_type(&binding->tensor[i], w, (enum dtype)item[0]->dtype);
  binding->tensor[i].data = (void *)(uintptr_t)item;
  binding->tensor[i].flags = TFM_TENSOR_LIST;
  return 0;
}

static int bind_row(struct binding *binding, int32_t i, struct tfm_error *err) {
  const struct graph_weight *w = &binding->graph->weight[i];
  if (!sound_view(binding, i))
    return error_set(err, TFM_ERROR_MODEL, "weight `%s` is no view of its operands", w->name);
  const tfm_tensor *from = w->operand_count ? &binding->tensor[w->operand[0]] : NULL;
  switch (w->kind) {
  case GRAPH_WEIGHT_TENSOR:
    return bind_tensor(binding, i, err);
  case GRAPH_WEIGHT_TRANSPOSE:
    bind_transpose(binding, i, from);
    return 0;
  case GRAPH_WEIGHT_SPLIT:
    bind_split(binding, i, from);
    return 0;
  case GRAPH_WEIGHT_SLICE:
    bind_slice(binding, i, from);
    return 0;
  case GRAPH_WEIGHT_RESHAPE:
    return bind_reshape(binding, i, from, err);
  case GRAPH_WEIGHT_CONCAT:
  case GRAPH_WEIGHT_STACK:
    return join_bind(binding, i, err);
  case GRAPH_WEIGHT_LIST:
    return bind_list(binding, i, err);
  default:
    if (w->kind < GRAPH_WEIGHT_KINDS)
      return computed_bind(binding, i, err);
  }
  return error_set(err, TFM_ERROR_MODEL, "weight `%s` is of no known kind", w->name);
}

int binding_create(const struct graph *graph, const struct weights *weights,
                   const struct binding_options *options, struct binding **out,
                   struct tfm_error *err) {
  *out = NULL;
  if (options && options->device && options->device->number != 0)
    return error_set(err, TFM_ERROR_USAGE, "the host cannot write weights to device `%s`",
                     options->device->name);
  struct binding *binding = calloc(1, sizeof *binding);
  if (!binding)
    return error_oom(err);
  arena_init(&binding->arena, 0);
  map_init(&binding->seen);
  binding->graph = graph;
  binding->weights = weights;
  if (options)
    binding->options = *options;
  if (!binding->options.device)
    binding->options.device = device_cpu();
  binding->tensor = arena_array(&binding->arena, graph->weight_count, sizeof *binding->tensor);
  binding->owned = arena_array(&binding->arena, graph->weight_count, sizeof *binding->owned);
  int status = arena_failed(&binding->arena) ? error_oom(err) : join_plan(binding, err);
  if (status == 0)
    status = kept_plan(binding, err);
  for (uint32_t i = 0; status == 0 && i < graph->weight_count; i++)
    if (graph->weight[i].used)
      status = bind_row(binding, (int32_t)i, err);
  if (status != 0) {
    binding_destroy(binding);
    return -1;
  }
  *out = binding;
  return 0;
}

void binding_destroy(struct binding *binding) {
  if (!binding)
    return;
  for (uint32_t i = 0; binding->owned && i < binding->graph->weight_count; i++)
    device_release(&binding->owned[i]);
  map_finish(&binding->seen);
  arena_finish(&binding->arena);
  free(binding);
}

const tfm_tensor *binding_tensor(const struct binding *binding, int32_t i) {
  const tfm_tensor *t = &binding->tensor[i];
  return t->dtype == TFM_NONE || binding->passing[i] ? NULL : t;
}

uint64_t binding_copied(const struct binding *binding) {
  return binding->copied;
}

uint64_t binding_elements(const struct binding *binding) {
  return binding->elements;
}
