/* fusion.c - from `fuses` in a schema to a pattern of numbers.
 *
 *     op linear_add(x: [..., I], y: [..., O]; weight: [O, I], bias: [O]?) -> [..., O]
 *       fuses add(y, linear(x; weight, bias))
 *
 * Names are those of the op's own slots, or of a result before (`as`).  Every slot
 * must get its value from somewhere, and the terms must make as many results as
 * the op has.  What is wrong is the plugin's mistake, and said with its text. */
#include "compiler/fusion.h"

#include "compiler/names.h"
#include "graph/pass/fuse.h"

#include <string.h>

struct maker {
  struct compiler *c;
  const struct op *op;
  struct fuse_pattern *out;
  struct fuse_part part[FUSE_PARTS];
  const char *result[FUSE_PARTS]; /* of a part: its name after `as`, or NULL */
  bool input[FUSE_SLOTS], weight[FUSE_SLOTS], attr[FUSE_SLOTS]; /* named so far */
  uint32_t results;
};

/* E120, for false: what is wrong with the pattern of the op. */
#define REFUSE(m, where, ...)                                                                      \
  return diag_report((m)->c->diag, DIAG_ERROR, CODE_SCHEMA, where, __VA_ARGS__), false

static bool make_term(struct maker *m, const struct ast_term *term, bool result, uint32_t *index);

/* ------------------------------------------------------------------------ inputs */

static bool named_input(struct maker *m, const struct ast_slot *from, struct fuse_slot *out) {
  int32_t input = schema_find_input(m->op->schema, from->name);
  if (input != SCHEMA_NONE) {
    *out = (struct fuse_slot){FUSE_SLOT, (uint32_t)input};
    m->input[input] = true;
    return true;
  }
  for (uint32_t i = 0; i < m->out->part_count; i++)
    if (m->result[i] != NULL && strcmp(m->result[i], from->name) == 0) {
      *out = (struct fuse_slot){FUSE_PART, i};
      return true;
    }
  REFUSE(m, from->span, "`%s` is no input of `%s`, and no result named before", from->name,
         m->op->name);
}

static bool make_inputs(struct maker *m, const struct ast_term *term,
                        const struct op_schema *schema, struct fuse_part *part) {
  const struct ast_slot *from = term->section[0].first;
  struct fuse_slot *slot = compiler_alloc(m->c, schema->input_count, sizeof *slot);
  if (slot == NULL)
    return false;
  part->input = slot;
  part->input_count = schema->input_count;
  for (uint32_t i = 0; i < schema->input_count; i++, slot++) {
    bool absent = from == NULL || (from->name == NULL && from->term == NULL);
    if (absent && !schema->input[i].optional)
      REFUSE(m, term->span, "`%s` needs its input `%s`", term->op.text, schema->input[i].name);
    if (!absent && from->term == NULL && !named_input(m, from, slot))
      return false;
    if (!absent && from->term != NULL) {
      slot->kind = FUSE_PART;
      if (!make_term(m, from->term, false, &slot->index))
        return false;
    }
    from = from == NULL ? NULL : from->next;
  }
  if (from != NULL)
    REFUSE(m, from->span, "`%s` has %u inputs", term->op.text, schema->input_count);
  return true;
}

/* ----------------------------------------------------------------------- weights */

/* The weights of the op that a name stands for: one, or the members of a group. */
static bool named_weights(struct maker *m, const struct ast_slot *from, uint32_t *first,
                          uint32_t *count) {
  const struct op_schema *own = m->op->schema;
  if (from->name == NULL)
    REFUSE(m, from->span, "a weight is named, or `_`");
  int32_t weight = schema_find_weight(own, from->name);
  int32_t group = schema_find_group(own, from->name);
  if (weight == SCHEMA_NONE && group == SCHEMA_NONE)
    REFUSE(m, from->span, "`%s` is no weight of `%s`", from->name, m->op->name);
  *first = group != SCHEMA_NONE ? own->group[group].first : (uint32_t)weight;
  *count = group != SCHEMA_NONE ? own->group[group].count : 1;
  return true;
}

static bool make_weights(struct maker *m, const struct ast_term *term,
                         const struct op_schema *schema, struct fuse_part *part) {
  struct fuse_slot *slot = compiler_alloc(m->c, schema->weight_count, sizeof *slot);
  uint32_t at = 0;
  if (slot == NULL)
    return false;
  part->weight = slot;
  part->weight_count = schema->weight_count;
  for (const struct ast_slot *from = term->section[1].first; from != NULL; from = from->next) {
    bool absent = from->name == NULL && from->term == NULL;
    uint32_t first = 0, count = 1;
    if (!absent && !named_weights(m, from, &first, &count))
      return false;
    if (at + count > schema->weight_count)
      REFUSE(m, from->span, "`%s` has %u weights", term->op.text, schema->weight_count);
    for (uint32_t i = 0; i < count; i++, at++) {
      slot[at] = (struct fuse_slot){absent ? FUSE_ABSENT : FUSE_SLOT, first + i};
      m->weight[first + i] = m->weight[first + i] || !absent;
    }
  }
  for (uint32_t i = 0; i < schema->weight_count; i++)
    if (slot[i].kind == FUSE_ABSENT && !schema->weight[i].optional)
      REFUSE(m, term->span, "`%s` needs its weight `%s`", term->op.text, schema->weight[i].name);
  return true;
}

/* -------------------------------------------------------------------- attributes */

static bool constant(const struct ast_expr *expr, tfm_attr *out) {
  switch (expr->kind) {
  case AST_EXPR_BOOL:
    *out = (tfm_attr){.kind = TFM_ATTR_BOOL, .integer = expr->boolean};
    return true;
  case AST_EXPR_INT:
    *out =
        (tfm_attr){.kind = TFM_ATTR_INT, .integer = expr->integer, .real = (double)expr->integer};
    return true;
  case AST_EXPR_REAL:
    *out = (tfm_attr){.kind = TFM_ATTR_REAL, .real = expr->real};
    return true;
  case AST_EXPR_STR:
    *out = (tfm_attr){.kind = TFM_ATTR_STR, .text = expr->text};
    return true;
  default:
    return false;
  }
}

/* `eps`, `eps: e` with an attribute e of the op, or `axis: 1`. */
static bool make_attr(struct maker *m, const struct ast_term *term, const struct op_schema *schema,
                      const struct ast_field *from, struct fuse_attr *out) {
  const struct ast_expr *value = from->value;
  *out = (struct fuse_attr){.name = from->name.text, .to = GRAPH_NONE};
  if (schema_find_attr(schema, out->name) == SCHEMA_NONE)
    REFUSE(m, from->name.span, "`%s` is no attribute of `%s`", out->name, term->op.text);
  if (value != NULL && value->kind != AST_EXPR_NAME) {
    if (!constant(value, &out->value))
      REFUSE(m, value->span, "an attribute is named, or a constant");
    return true;
  }
  const char *name = value == NULL ? out->name : value->text;
  out->to = schema_find_attr(m->op->schema, name);
  if (out->to == SCHEMA_NONE)
    REFUSE(m, from->span, "`%s` is no attribute of `%s`", name, m->op->name);
  m->attr[out->to] = true;
  return true;
}

static bool make_attrs(struct maker *m, const struct ast_term *term, const struct op_schema *schema,
                       struct fuse_part *part) {
  struct fuse_attr *attr = compiler_alloc(m->c, term->attrs.count, sizeof *attr);
  if (attr == NULL)
    return false;
  part->attr = attr;
  for (const struct ast_field *from = term->attrs.first; from != NULL; from = from->next) {
    for (uint32_t i = 0; i < part->attr_count; i++)
      if (strcmp(attr[i].name, from->name.text) == 0)
        REFUSE(m, from->span, "`%s` is there twice", from->name.text);
    if (!make_attr(m, term, schema, from, &attr[part->attr_count++]))
      return false;
  }
  for (uint32_t i = 0; i < schema->attr_count; i++) {
    bool named = schema->attr[i].optional; /* else a node without it is meant */
    for (uint32_t k = 0; k < part->attr_count; k++)
      named = named || strcmp(attr[k].name, schema->attr[i].name) == 0;
    if (!named)
      REFUSE(m, term->span, "`%s` has the attribute `%s`: name it", term->op.text,
             schema->attr[i].name);
  }
  return true;
}

/* ------------------------------------------------------------------------- terms */

/* NULL: the pattern is no good, which is reported; or the op is one of a plugin that
 * is not there, so that no model can have it. */
static const struct op *op_of(struct maker *m, const struct ast_term *term) {
  const char *name = term->plugin.text == NULL
                         ? term->op.text
                         : compiler_printf(m->c, "%s.%s", term->plugin.text, term->op.text);
  const struct op *op = name == NULL ? NULL : names_op(m->c, name);
  const struct compile_options *o = m->c->options;
  bool never = term->plugin.text != NULL && o->find_plugin != NULL &&
               o->find_plugin(o->context, term->plugin.text) == NULL;
  if (op == NULL && name != NULL && !never)
    diag_report(m->c->diag, DIAG_ERROR, CODE_SCHEMA, term->span,
                "`%s` fuses `%s`, an op that no plugin has", m->op->name, name);
  return op == NULL || op->schema == NULL ? NULL : op; /* a schema's errors are reported */
}

static bool make_term(struct maker *m, const struct ast_term *term, bool result, uint32_t *index) {
  if (m->out->part_count == FUSE_PARTS)
    REFUSE(m, term->span, "an op stands for at most %d others", FUSE_PARTS);
  const struct op *op = op_of(m, term);
  if (op == NULL)
    return false;
  struct fuse_part *part = &m->part[ *index = m->out->part_count++];
  *part = (struct fuse_part){.op = op->name,
                             .output_count = op->schema->output_count,
                             .level = (op->desc->flags & TFM_OP_BROADCASTS) != 0,
                             .result = result};
  if (op->schema->outputs_open)
    REFUSE(m, term->span, "`%s` has any number of results, and cannot be fused", op->name);
  if (!result && part->output_count != 1)
    REFUSE(m, term->span, "`%s` has %u results: let it stand alone", op->name, part->output_count);
  return make_inputs(m, term, op->schema, part) && make_weights(m, term, op->schema, part) &&
         make_attrs(m, term, op->schema, part);
}

/* Does the term read a result of those before, or something that they read too? */
static bool hangs_together(const struct maker *m, uint32_t index, const bool *before) {
  for (uint32_t i = 0; i < m->part[index].input_count; i++) {
    const struct fuse_slot *slot = &m->part[index].input[i];
    if ((slot->kind == FUSE_PART && slot->index < index) ||
        (slot->kind == FUSE_SLOT && before[slot->index]))
      return true;
  }
  return false;
}

static bool name_result(struct maker *m, const struct ast_term *term, uint32_t index) {
  const struct op_schema *own = m->op->schema;
  const char *name = term->result.text;
  if (name == NULL)
    return true;
  bool taken = schema_find_input(own, name) != SCHEMA_NONE;
  for (uint32_t i = 0; i < m->out->part_count; i++)
    taken = taken || (m->result[i] != NULL && strcmp(m->result[i], name) == 0);
  if (taken)
    REFUSE(m, term->result.span, "the name `%s` is there twice", name);
  if (m->part[index].output_count != 1)
    REFUSE(m, term->result.span, "a name for one result, and `%s` has %u", m->part[index].op,
           m->part[index].output_count);
  m->result[index] = name;
  return true;
}

static bool make_terms(struct maker *m, const struct ast_fusion *fusion) {
  for (const struct ast_term *term = fusion->first; term != NULL; term = term->next) {
    bool before[FUSE_SLOTS];
    uint32_t index;
    memcpy(before, m->input, sizeof before);
    if (!make_term(m, term, true, &index) || !name_result(m, term, index))
      return false;
    if (index > 0 && !hangs_together(m, index, before))
      REFUSE(m, term->span, "`%s` reads nothing of what stands before it", m->part[index].op);
    m->results += m->part[index].output_count;
  }
  return true;
}

/* ----------------------------------------------------------------------- the op */

static bool check_complete(struct maker *m, const struct ast_fusion *fusion) {
  const struct op_schema *own = m->op->schema;
  const char *missing = NULL;
  for (uint32_t i = 0; i < own->input_count; i++)
    missing = missing == NULL && !m->input[i] ? own->input[i].name : missing;
  for (uint32_t i = 0; i < own->weight_count; i++)
    missing = missing == NULL && !m->weight[i] ? own->weight[i].name : missing;
  for (uint32_t i = 0; i < own->attr_count; i++)
    if (!own->attr[i].optional)
      missing = missing == NULL && !m->attr[i] ? own->attr[i].name : missing;
  if (missing != NULL)
    REFUSE(m, fusion->span, "nothing gives `%s` its `%s`", m->op->name, missing);
  if (own->outputs_open || m->results != own->output_count)
    REFUSE(m, fusion->span, "`%s` has %u results, and what it fuses makes %u", m->op->name,
           own->output_count, m->results);
  return true;
}

static const struct fuse_name *copy_names(struct compiler *c, const struct op_schema *s, int what,
                                          uint32_t count) {
  struct fuse_name *name = compiler_alloc(c, count, sizeof *name);
  for (uint32_t i = 0; name != NULL && i < count; i++)
    name[i] = what == 0   ? (struct fuse_name){s->input[i].name, s->input[i].optional}
              : what == 1 ? (struct fuse_name){s->weight[i].name, s->weight[i].optional}
                          : (struct fuse_name){s->attr[i].name, s->attr[i].optional};
  return name;
}

static bool make_pattern(struct compiler *c, const struct op *op, const struct ast_fusion *fusion,
                         struct fuse_pattern *out) {
  const struct op_schema *s = op->schema;
  struct maker m = {.c = c, .op = op, .out = out};
  *out = (struct fuse_pattern){.op = op->name,
                               .version = op->desc->version,
                               .holds_inputs = (op->desc->flags & TFM_OP_HOLDS_INPUTS) != 0,
                               .view = (op->desc->flags & TFM_OP_VIEW) != 0,
                               .tap_count = s->tap_count,
                               .tap = s->tap,
                               .input_count = s->input_count,
                               .weight_count = s->weight_count,
                               .attr_count = s->attr_count,
                               .output_count = s->output_count,
                               .input = copy_names(c, s, 0, s->input_count),
                               .weight = copy_names(c, s, 1, s->weight_count),
                               .attr = copy_names(c, s, 2, s->attr_count)};
  if (s->input_count > FUSE_SLOTS || s->weight_count > FUSE_SLOTS || s->attr_count > FUSE_SLOTS)
    REFUSE(&m, fusion->span, "an op that fuses others has at most %d slots of a kind", FUSE_SLOTS);
  if (!make_terms(&m, fusion) || !check_complete(&m, fusion))
    return false;
  struct fuse_part *part = compiler_alloc(c, out->part_count, sizeof *part);
  if (part == NULL)
    return false;
  memcpy(part, m.part, out->part_count * sizeof *part);
  out->part = part;
  return true;
}

/* Every op with a fusion; most have none, and their schemas need not be read. */
static bool make_patterns(struct compiler *c, struct fuse_pattern **pattern, uint32_t *count) {
  const struct compile_options *o = c->options;
  uint32_t room = 0;
  *count = 0;
  for (size_t i = 0; i < o->op_name_count && !c->stop; i++) {
    const tfm_op_desc *desc = o->find_op(o->context, o->op_names[i]);
    if (desc == NULL || strstr(desc->schema, "fuses") == NULL)
      continue;
    const struct op *op = names_op(c, o->op_names[i]);
    if (op == NULL || op->schema == NULL)
      continue;
    for (const struct ast_fusion *f = op->schema->fusion; f != NULL; f = f->next) {
      void *array = *pattern;
      if (!compiler_grow(c, &array, *count, &room, sizeof **pattern))
        return false;
      *pattern = array;
      if (make_pattern(c, op, f, &(*pattern)[*count]))
        ++*count;
    }
  }
  return !c->stop && c->diag->errors == 0;
}

int fusion_apply(struct compiler *c, struct graph *graph) {
  struct fuse_pattern *pattern = NULL;
  uint32_t count;
  if (!make_patterns(c, &pattern, &count))
    return -1;
  if (fuse_graph(graph, pattern, count, c->err) == 0)
    return 0;
  c->stop = true;
  return -1;
}
