/* fuse.c - find the nodes of a pattern, and put one in their place. */
#include "graph/pass/fuse.h"

#include "graph/attr.h"
#include "graph/edit.h"

#include <stdlib.h>
#include <string.h>

enum { NEAR = 64 }; /* nodes to look through for a term that shares only what it reads */

struct fuser {
  struct edit edit;
  struct graph *graph;
  const struct fuse_pattern *pattern;
  uint32_t *uses; /* of each value: by live nodes, and as a result */
  int32_t *maker; /* of each value: the node that makes it now, or GRAPH_NONE */
  /* The readers of value v as they were when the pattern was begun: node numbers
   * reader[begin[v]] up to reader[begin[v + 1]], in order. */
  uint32_t *begin;
  int32_t *reader;
  /* Of the pattern, in the graph's arena; name NULL = it has not been found yet. */
  const char *name, *const *tap, **attr;
};

/* What a pattern's names stand for so far. */
struct match {
  int32_t node[FUSE_PARTS];                      /* GRAPH_NONE = not found yet */
  int32_t input[FUSE_SLOTS], weight[FUSE_SLOTS]; /* UNBOUND, of the graph, or GRAPH_NONE */
  const tfm_attr *attr[FUSE_SLOTS];              /* of the node that it was read from */
};
enum { UNBOUND = -2 };

/* ----------------------------------------------------------------- what is read */

static void count_uses(struct fuser *f) {
  const struct graph *graph = f->graph;
  for (uint32_t v = 0; v < graph->value_count; v++)
    f->maker[v] = graph->value[v].node;
  for (uint32_t i = 0; i < graph->output_count; i++)
    f->uses[graph->output[i].value]++;
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t k = 0; k < graph->node[n].input_count; k++)
      if (graph->node[n].input[k] != GRAPH_NONE)
        f->uses[graph->node[n].input[k]]++;
}

static void list_readers(struct fuser *f) {
  const struct graph *graph = f->graph;
  const struct graph_node *node = f->edit.node;
  memset(f->begin, 0, (graph->value_count + 1) * sizeof *f->begin);
  for (uint32_t n = 0; n < graph->node_count; n++)
    for (uint32_t k = 0; !f->edit.dead[n] && k < node[n].input_count; k++)
      if (node[n].input[k] != GRAPH_NONE)
        f->begin[node[n].input[k]]++;
  for (uint32_t v = 1; v <= graph->value_count; v++)
    f->begin[v] += f->begin[v - 1];
  for (uint32_t n = graph->node_count; n-- > 0;) /* from the ends down to the beginnings */
    for (uint32_t k = 0; !f->edit.dead[n] && k < node[n].input_count; k++)
      if (node[n].input[k] != GRAPH_NONE)
        f->reader[--f->begin[node[n].input[k]]] = (int32_t)n;
}

/* --------------------------------------------------------------------- matching */

static bool fit_part(struct fuser *f, struct match *m, uint32_t part, int32_t index);

/* A slot of the op gets a value or weight; a second time it must be the same one. */
static bool bind(int32_t *slot, int32_t found, bool optional) {
  if (*slot == UNBOUND)
    *slot = found;
  return *slot == found && (found != GRAPH_NONE || optional);
}

/* What only its reader sees, made by a node that fits the part. */
static bool fit_inner(struct fuser *f, struct match *m, uint32_t part, int32_t value) {
  int32_t node = f->maker[value];
  return node != GRAPH_NONE && f->uses[value] == 1 && !f->graph->value[value].dump &&
         f->edit.node[node].output_count == 1 && fit_part(f, m, part, node);
}

static bool fit_input(struct fuser *f, struct match *m, const struct fuse_slot *slot,
                      int32_t value) {
  switch (slot->kind) {
  case FUSE_SLOT:
    return bind(&m->input[slot->index], value, f->pattern->input[slot->index].optional);
  case FUSE_PART:
    if (value == GRAPH_NONE)
      return false;
    if (m->node[slot->index] != GRAPH_NONE)
      return f->edit.node[m->node[slot->index]].output[0] == value;
    return fit_inner(f, m, slot->index, value);
  default:
    return value == GRAPH_NONE;
  }
}

/* Every attribute of the node is one of the part's, and every one of the part's is there,
 * unless the op can do without. */
static bool fit_attrs(const struct fuse_pattern *p, struct match *m, const struct fuse_part *part,
                      const struct graph_node *node) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < part->attr_count; i++) {
    const struct fuse_attr *wanted = &part->attr[i];
    const tfm_attr *found = attr_find(node->attr, node->attr_count, wanted->name);
    if (found == NULL && (wanted->to == GRAPH_NONE || !p->attr[wanted->to].optional))
      return false;
    if (found == NULL)
      continue;
    count++;
    const tfm_attr *before = wanted->to == GRAPH_NONE ? &wanted->value : m->attr[wanted->to];
    if (before != NULL && !attr_equal(before, found))
      return false;
    if (before == NULL)
      m->attr[wanted->to] = found;
  }
  return count == node->attr_count;
}

static bool in_match(const struct match *m, int32_t node) {
  for (uint32_t i = 0; i < FUSE_PARTS; i++)
    if (m->node[i] == node)
      return true;
  return false;
}

static bool same_type(const struct type *a, const struct type *b) {
  bool same = a->dtype == b->dtype && a->rank == b->rank;
  for (uint32_t i = 0; same && i < a->rank; i++)
    same = dim_equal(&a->shape[i], &b->shape[i]);
  return same;
}

/* Are its inputs of the type of its output?  A fused op repeats no dims. */
static bool is_level(const struct fuser *f, const struct graph_node *node) {
  const struct graph_value *value = f->graph->value;
  for (uint32_t i = 0; i < node->input_count; i++)
    if (node->input[i] != GRAPH_NONE &&
        !same_type(&value[node->input[i]].type, &value[node->output[0]].type))
      return false;
  return true;
}

/* May the node be that part, with what is known already? */
static bool fit_part(struct fuser *f, struct match *m, uint32_t index, int32_t at) {
  const struct fuse_part *part = &f->pattern->part[index];
  const struct graph_node *node = &f->edit.node[at];
  if (f->edit.dead[at] || node->taps != 0 || in_match(m, at) || strcmp(node->op, part->op) != 0 ||
      node->input_count != part->input_count || node->weight_count != part->weight_count ||
      node->output_count != part->output_count || (part->level && !is_level(f, node)) ||
      (index > 0 && node->entry != f->edit.node[m->node[0]].entry))
    return false;
  m->node[index] = at;
  for (uint32_t i = 0; i < part->input_count; i++)
    if (!fit_input(f, m, &part->input[i], node->input[i]))
      return false;
  for (uint32_t i = 0; i < part->weight_count; i++) {
    const struct fuse_slot *slot = &part->weight[i];
    if (slot->kind == FUSE_SLOT ? !bind(&m->weight[slot->index], node->weight[i],
                                        f->pattern->weight[slot->index].optional)
                                : node->weight[i] != GRAPH_NONE)
      return false;
  }
  return fit_attrs(f->pattern, m, part, node);
}

/* The value by which a term hangs together with what was found before it: made by
 * that, or else read by it too (*shared).  GRAPH_NONE = it does not. */
static int32_t link_of(const struct fuser *f, const struct match *m, uint32_t part, bool *shared) {
  const struct fuse_part *p = &f->pattern->part[part];
  *shared = false;
  for (uint32_t i = 0; i < p->input_count; i++)
    if (p->input[i].kind == FUSE_PART && m->node[p->input[i].index] != GRAPH_NONE)
      return f->edit.node[m->node[p->input[i].index]].output[0];
  *shared = true;
  for (uint32_t i = 0; i < p->input_count; i++)
    if (p->input[i].kind == FUSE_SLOT && m->input[p->input[i].index] >= 0)
      return m->input[p->input[i].index];
  return GRAPH_NONE;
}

/* The first node after `from` that is too far away, or of another layer. */
static int32_t end_of_near(const struct fuser *f, int32_t from) {
  int32_t end = from + 1;
  while (end < (int32_t)f->graph->node_count && end - from < NEAR &&
         f->edit.node[end].layer == f->edit.node[from].layer)
    end++;
  return end;
}

/* The first reader of the value that stands after the node. */
static uint32_t first_reader(const struct fuser *f, int32_t value, int32_t after) {
  uint32_t begin = f->begin[value], end = f->begin[value + 1];
  while (begin < end) {
    uint32_t middle = begin + (end - begin) / 2;
    if (f->reader[middle] <= after)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

/* The first reader of what links the term to the others that fits it. */
static bool find_term(struct fuser *f, struct match *m, uint32_t part) {
  bool shared;
  int32_t value = link_of(f, m, part, &shared);
  if (value == GRAPH_NONE)
    return false;
  int32_t end = shared ? end_of_near(f, m->node[0]) : (int32_t)f->graph->node_count;
  for (uint32_t r = first_reader(f, value, m->node[0]);
       r < f->begin[value + 1] && f->reader[r] < end; r++) {
    struct match tried = *m;
    if (fit_part(f, &tried, part, f->reader[r])) {
      *m = tried;
      return true;
    }
  }
  return false;
}

/* The node that the fused one takes the place of: the first that makes a result. */
static int32_t first_result(const struct fuser *f, const struct match *m) {
  int32_t first = m->node[0];
  for (uint32_t i = 1; i < f->pattern->part_count; i++)
    if (f->pattern->part[i].result && m->node[i] < first)
      first = m->node[i];
  return first;
}

static bool find_match(struct fuser *f, struct match *m, int32_t at) {
  const struct fuse_pattern *p = f->pattern;
  memset(m, 0, sizeof *m);
  for (uint32_t i = 0; i < FUSE_PARTS; i++)
    m->node[i] = GRAPH_NONE;
  for (uint32_t i = 0; i < FUSE_SLOTS; i++)
    m->input[i] = m->weight[i] = UNBOUND;
  if (!fit_part(f, m, 0, at))
    return false;
  for (uint32_t i = 1; i < p->part_count; i++)
    if (m->node[i] == GRAPH_NONE && !find_term(f, m, i))
      return false;
  int32_t place = first_result(f, m);
  for (uint32_t i = 0; i < p->input_count; i++)
    if (m->input[i] >= 0 && f->maker[m->input[i]] >= place)
      return false;
  return true;
}

/* -------------------------------------------------------------------- replacing */

static void forget_uses(struct fuser *f, const struct graph_node *node) {
  for (uint32_t k = 0; k < node->input_count; k++)
    if (node->input[k] != GRAPH_NONE)
      f->uses[node->input[k]]--;
}

static int32_t *keep_slots(struct fuser *f, const int32_t *slot, uint32_t count) {
  int32_t *kept = edit_keep(&f->edit, count, sizeof *kept);
  for (uint32_t i = 0; kept != NULL && i < count; i++)
    kept[i] = slot[i] == UNBOUND ? GRAPH_NONE : slot[i];
  return kept;
}

/* Those that some part has, in the order and by the names of the op. */
static const tfm_attr *const *keep_attrs(struct fuser *f, const struct match *m, uint32_t *count) {
  const struct fuse_pattern *p = f->pattern;
  const tfm_attr *const *list = NULL;
  tfm_attr *kept = attr_alloc(&f->graph->arena, p->attr_count, &list);
  *count = 0;
  for (uint32_t i = 0; kept != NULL && i < p->attr_count; i++) {
    if (m->attr[i] == NULL)
      continue;
    kept[*count] = *m->attr[i];
    kept[(*count)++].name = f->attr[i];
  }
  return list;
}

static int32_t *keep_outputs(struct fuser *f, const struct match *m) {
  const struct fuse_pattern *p = f->pattern;
  int32_t *kept = edit_keep(&f->edit, p->output_count, sizeof *kept);
  uint32_t count = 0;
  for (uint32_t i = 0; kept != NULL && i < p->part_count; i++)
    for (uint32_t k = 0; p->part[i].result && k < p->part[i].output_count; k++)
      kept[count++] = f->edit.node[m->node[i]].output[k];
  return kept;
}

/* The pattern's own texts outlive it, once it has been found. */
static bool keep_names(struct fuser *f) {
  const struct fuse_pattern *p = f->pattern;
  struct arena *arena = &f->graph->arena;
  const char **tap = edit_keep(&f->edit, p->tap_count, sizeof *tap);
  f->attr = edit_keep(&f->edit, p->attr_count, sizeof *f->attr);
  f->name = arena_strdup(arena, p->op);
  for (uint32_t i = 0; tap != NULL && i < p->tap_count; i++)
    tap[i] = arena_strdup(arena, p->tap[i]);
  for (uint32_t i = 0; f->attr != NULL && i < p->attr_count; i++)
    f->attr[i] = arena_strdup(arena, p->attr[i].name);
  f->tap = tap;
  return !arena_failed(arena);
}

static int replace(struct fuser *f, const struct match *m, struct tfm_error *err) {
  const struct fuse_pattern *p = f->pattern;
  int32_t place = first_result(f, m);
  struct graph_node fused = f->edit.node[place]; /* its span, layer and entry */
  if (f->name == NULL && !keep_names(f))
    return error_oom(err);
  fused.op = f->name;
  fused.op_version = p->version;
  fused.holds_inputs = p->holds_inputs;
  fused.view = p->view;
  fused.tap = f->tap, fused.tap_count = p->tap_count;
  fused.input = keep_slots(f, m->input, p->input_count), fused.input_count = p->input_count;
  fused.weight = keep_slots(f, m->weight, p->weight_count), fused.weight_count = p->weight_count;
  fused.attr = keep_attrs(f, m, &fused.attr_count);
  fused.output = keep_outputs(f, m), fused.output_count = p->output_count;
  if (arena_failed(&f->graph->arena))
    return error_oom(err);
  for (uint32_t i = 0; i < p->part_count; i++) {
    forget_uses(f, &f->edit.node[m->node[i]]);
    f->edit.dead[m->node[i]] = m->node[i] != place;
  }
  for (uint32_t k = 0; k < fused.input_count; k++)
    if (fused.input[k] != GRAPH_NONE)
      f->uses[fused.input[k]]++;
  for (uint32_t k = 0; k < fused.output_count; k++)
    f->maker[fused.output[k]] = place;
  f->edit.node[place] = fused;
  return 0;
}

/* ------------------------------------------------------------------------ order */

static uint32_t results(const struct fuse_pattern *pattern) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < pattern->part_count; i++)
    count += pattern->part[i].result;
  return count;
}

static int by_gain(const void *a, const void *b) {
  const struct fuse_pattern *x = *(const struct fuse_pattern *const *)a;
  const struct fuse_pattern *y = *(const struct fuse_pattern *const *)b;
  if (x->part_count != y->part_count)
    return x->part_count > y->part_count ? -1 : 1;
  if (results(x) != results(y))
    return results(x) < results(y) ? -1 : 1;
  return x < y ? -1 : x > y;
}

static int apply(struct fuser *f, const struct fuse_pattern *pattern, struct tfm_error *err) {
  struct match match;
  f->pattern = pattern;
  f->name = NULL;
  list_readers(f);
  for (uint32_t n = 0; n < f->graph->node_count; n++)
    if (find_match(f, &match, (int32_t)n) && replace(f, &match, err) != 0)
      return -1;
  return 0;
}

static int fuse_all(struct fuser *f, const struct fuse_pattern *pattern, uint32_t count,
                    struct tfm_error *err) {
  const struct graph *graph = f->graph;
  struct arena *scratch = &f->edit.scratch;
  const struct fuse_pattern **order = arena_array(scratch, count, sizeof *order);
  size_t reads = 0;
  for (uint32_t n = 0; n < graph->node_count; n++)
    reads += graph->node[n].input_count;
  f->uses = arena_array(scratch, graph->value_count, sizeof *f->uses);
  f->maker = arena_array(scratch, graph->value_count, sizeof *f->maker);
  f->begin = arena_array(scratch, (size_t)graph->value_count + 1, sizeof *f->begin);
  f->reader = arena_array(scratch, reads, sizeof *f->reader);
  if (arena_failed(scratch))
    return error_oom(err);
  for (uint32_t i = 0; i < count; i++)
    order[i] = &pattern[i];
  qsort((void *)order, count, sizeof *order, by_gain);
  count_uses(f);
  for (uint32_t i = 0; i < count; i++)
    if (apply(f, order[i], err) != 0)
      return -1;
  return 0;
}

int fuse_graph(struct graph *graph, const struct fuse_pattern *pattern, uint32_t count,
               struct tfm_error *err) {
  struct fuser f = {.graph = graph};
  if (count == 0)
    return 0;
  if (edit_open(&f.edit, graph, err) != 0)
    return -1;
  if (fuse_all(&f, pattern, count, err) != 0) {
    edit_drop(&f.edit);
    return -1;
  }
  return edit_close(&f.edit, err);
}
