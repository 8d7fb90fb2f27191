/* match.c - which argument of a call goes to which slot of its callee. */
#include "compiler/match.h"

#include "compiler/limit.h"

#include <string.h>

void match_note_schema(struct compiler *c, struct report *r, const struct op_schema *schema) {
  const char *text = schema->text;
  while (text != NULL && strncmp(text, "op ", 3) != 0) {
    text = strchr(text, '\n');
    text = text == NULL ? NULL : text + 1;
  }
  size_t length = text == NULL ? 0 : strlen(text);
  while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
    length--;
  if (length > 0)
    report_note(c, r, "its schema: %.*s", (int)length, text);
}

static void given_twice(struct compiler *c, const struct ast_field *second,
                        const struct ast_field *first, const char *name) {
  struct report *r = report(c, CODE_ARGUMENT_TWICE, second->span, "`%s` is given twice", name);
  report_label(c, r, first->span, "first here");
}

/* Put field into the slot; false when there is one already. */
static bool put(struct compiler *c, const struct ast_field **slot, const struct ast_field *field,
                const char *name) {
  if (*slot != NULL) {
    given_twice(c, field, *slot, name);
    return false;
  }
  *slot = field;
  return true;
}

/* All names that a call of the op may use. */
static const char **op_names(struct compiler *c, const struct op_schema *s, size_t *count) {
  const char **names = compiler_alloc(
      c, (size_t)s->input_count + s->weight_count + s->group_count + s->attr_count, sizeof *names);
  *count = 0;
  if (names == NULL)
    return NULL;
  for (uint32_t i = 0; i < s->input_count; i++)
    names[(*count)++] = s->input[i].name;
  for (uint32_t i = 0; i < s->weight_count; i++)
    if (s->weight[i].group == SCHEMA_NONE)
      names[(*count)++] = s->weight[i].name;
  for (uint32_t i = 0; i < s->group_count; i++)
    names[(*count)++] = s->group[i].name;
  for (uint32_t i = 0; i < s->attr_count; i++)
    names[(*count)++] = s->attr[i].name;
  return names;
}

static const char *join(struct compiler *c, const char *const *names, size_t count) {
  const char *text = "";
  for (size_t i = 0; i < count && text != NULL; i++)
    text = compiler_printf(c, "%s%s`%s`", text, i > 0 ? ", " : "", names[i]);
  return text == NULL ? "" : text;
}

static bool named_argument(struct compiler *c, const struct ast_field *field, const struct op *op,
                           struct match *m) {
  const struct op_schema *s = op->schema;
  const char *name = field->name.text;
  int32_t i;
  if ((i = schema_find_input(s, name)) != SCHEMA_NONE)
    return put(c, &m->input[i], field, name);
  if ((i = schema_find_group(s, name)) != SCHEMA_NONE)
    return put(c, &m->group[i], field, name);
  if ((i = schema_find_attr(s, name)) != SCHEMA_NONE)
    return put(c, &m->attr[i], field, name);
  i = schema_find_weight(s, name);
  if (i != SCHEMA_NONE && s->weight[i].group == SCHEMA_NONE)
    return put(c, &m->weight[i], field, name);
  size_t count;
  const char **names = op_names(c, s, &count);
  struct report *r = report(c, CODE_UNKNOWN_ARGUMENT, field->name.span, "`%s` has no argument `%s`",
                            op->name, name);
  if (names == NULL)
    return false;
  const char *nearest = diag_nearest(name, names, count);
  if (nearest != NULL)
    report_help(c, r, "a similar one: `%s`", nearest);
  report_note(c, r, "it has %s", count == 0 ? "none" : join(c, names, count));
  return false;
}

static bool positional(struct compiler *c, const struct ast_expr *call,
                       const struct ast_field *field, uint32_t at, const struct op *op,
                       struct match *m) {
  if (at < op->schema->input_count)
    return put(c, &m->input[at], field, op->schema->input[at].name);
  uint32_t given = 0;
  for (const struct ast_field *f = call->call.args.first; f != NULL; f = f->next)
    given += f->name.text == NULL;
  struct report *r =
      report(c, CODE_ARITY, field->span, "`%s` takes %u input%s, %u are given without a name",
             op->name, op->schema->input_count, op->schema->input_count == 1 ? "" : "s", given);
  if (op->schema->weight_count > 0 || op->schema->attr_count > 0)
    report_help(c, r, "weights and attributes are given by name");
  match_note_schema(c, r, op->schema);
  return false;
}

static bool require(struct compiler *c, const struct ast_expr *call, const struct op *op,
                    const char *what, const char *name) {
  struct report *r =
      report(c, CODE_ARITY, call->call.name.span, "`%s` needs the %s `%s`", op->name, what, name);
  match_note_schema(c, r, op->schema);
  return false;
}

static bool find_missing(struct compiler *c, const struct ast_expr *call, const struct op *op,
                         const struct match *m) {
  const struct op_schema *s = op->schema;
  bool ok = true;
  for (uint32_t i = 0; i < s->input_count && ok; i++)
    if (m->input[i] == NULL && !s->input[i].optional)
      ok = require(c, call, op, "input", s->input[i].name);
  for (uint32_t i = 0; i < s->attr_count && ok; i++)
    if (m->attr[i] == NULL && !s->attr[i].optional && s->attr[i].fallback == NULL)
      ok = require(c, call, op, "attribute", s->attr[i].name);
  if (!ok || call->call.scope != NULL)
    return ok;
  const char *slot = NULL;
  for (uint32_t i = 0; i < s->weight_count && slot == NULL; i++)
    if (s->weight[i].group == SCHEMA_NONE && m->weight[i] == NULL && !s->weight[i].optional)
      slot = s->weight[i].name;
  for (uint32_t i = 0; i < s->group_count && slot == NULL; i++)
    if (m->group[i] == NULL && !s->group[i].optional)
      slot = s->group[i].name;
  if (slot == NULL)
    return true;
  struct report *r =
      report(c, CODE_ARITY, call->call.name.span, "`%s` needs the weight `%s`", op->name, slot);
  report_help(c, r, "say where its weights are: `%s(...) @path`, or `%s: @path.%s`", op->name, slot,
              slot);
  return false;
}

struct match match_op(struct compiler *c, const struct ast_expr *call, const struct op *op) {
  const struct op_schema *s = op->schema;
  struct match m = {.ok = s != NULL};
  if (s == NULL)
    return m;
  m.input = compiler_alloc(c, s->input_count, sizeof *m.input);
  m.weight = compiler_alloc(c, s->weight_count, sizeof *m.weight);
  m.group = compiler_alloc(c, s->group_count, sizeof *m.group);
  m.attr = compiler_alloc(c, s->attr_count, sizeof *m.attr);
  m.ok = !c->stop;
  uint32_t at = 0;
  for (const struct ast_field *f = call->call.args.first; f != NULL && !c->stop; f = f->next) {
    if (f->name.text == NULL && at > s->input_count)
      continue; /* the first too many has said so */
    bool fine =
        f->name.text != NULL ? named_argument(c, f, op, &m) : positional(c, call, f, at++, op, &m);
    m.ok = m.ok && fine;
  }
  if (m.ok && !c->stop)
    m.ok = find_missing(c, call, op, &m);
  return m;
}

/* --------------------------------------------------------------------- blocks */

static void note_block(struct compiler *c, struct report *r, const struct symbol *block) {
  enum { SHOWN = 400 };
  struct buffer text;
  buffer_init(&text);
  for (const struct ast_field *p = block->decl->block.params.first; p != NULL; p = p->next) {
    if (text.length > SHOWN) {
      buffer_puts(&text, "...");
      break;
    }
    buffer_printf(&text, "%s%s", compiler_span_text(c, p->span), p->next != NULL ? ", " : "");
  }
  report_note(c, r, "it is declared as %s(%s)", block->name, buffer_text(&text));
  buffer_finish(&text);
}

static bool block_argument(struct compiler *c, const struct ast_field *field, uint32_t at,
                           const struct symbol *block, struct match *m) {
  uint32_t i = 0;
  const struct ast_fields *params = &block->decl->block.params;
  if (!limit_step(c, field->span, params->count / 16))
    return false;
  for (const struct ast_field *p = params->first; p != NULL; p = p->next, i++)
    if (field->name.text == NULL ? i == at : strcmp(p->name.text, field->name.text) == 0)
      return put(c, &m->param[i], field, p->name.text);
  struct report *r;
  if (field->name.text == NULL)
    r = report(c, CODE_ARITY, field->span, "`%s` takes %u argument%s, more are given", block->name,
               params->count, params->count == 1 ? "" : "s");
  else
    r = report(c, CODE_UNKNOWN_ARGUMENT, field->name.span, "`%s` has no parameter `%s`",
               block->name, field->name.text);
  note_block(c, r, block);
  return false;
}

struct match match_block(struct compiler *c, const struct ast_expr *call,
                         const struct symbol *block) {
  const struct ast_fields *params = &block->decl->block.params;
  struct match m = {.ok = true};
  m.param = compiler_alloc(c, params->count, sizeof *m.param);
  if (m.param == NULL)
    return (struct match){.ok = false};
  uint32_t at = 0, i = 0;
  for (const struct ast_field *f = call->call.args.first; f != NULL && !c->stop; f = f->next) {
    bool fine = block_argument(c, f, at, block, &m);
    at += f->name.text == NULL;
    m.ok = m.ok && fine;
  }
  for (const struct ast_field *p = params->first; p != NULL && m.ok; p = p->next, i++) {
    if (m.param[i] != NULL || p->value != NULL)
      continue;
    struct report *r = report(c, CODE_ARITY, call->call.name.span, "`%s` needs the argument `%s`",
                              block->name, p->name.text);
    note_block(c, r, block);
    m.ok = false;
  }
  return m;
}
