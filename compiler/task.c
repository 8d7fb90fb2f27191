/* task.c - a head against the row of graph/task.def that its task is. */
#include "compiler/task.h"

#include "compiler/cell.h"
#include "compiler/ir.h"
#include "compiler/report.h"
#include "graph/task.h"

#include <string.h>

/* ------------------------------------------------------------ before any sizes */

static void report_unknown(struct compiler *c, const struct ast_name *task) {
  const char *names[GRAPH_TASK_COUNT];
  size_t count = 0;
  const char *list = "";
  for (unsigned i = GRAPH_TASK_NONE + 1; i < GRAPH_TASK_COUNT && list != NULL; i++) {
    names[count++] = graph_task_name((enum graph_task)i);
    list = compiler_printf(c, "%s%s%s", list, count > 1 ? ", " : "", names[count - 1]);
  }
  struct report *r = report(c, CODE_UNKNOWN_TASK, task->span, "unknown task `%s`", task->text);
  report_nearest(c, r, "a task", task->text, names, count);
  report_note(c, r, "the tasks are %s", list == NULL ? "" : list);
}

void task_check_head(struct compiler *c, const struct ast_decl *decl) {
  const struct ast_name *name = &decl->head.task;
  enum graph_task task = name->text == NULL ? GRAPH_TASK_NONE : graph_task_from_name(name->text);
  if (name->text == NULL)
    return;
  if (task == GRAPH_TASK_NONE) {
    report_unknown(c, name);
    return;
  }
  const char *known = task_info(task)->attributes;
  for (const struct ast_field *a = decl->head.attrs.first; a != NULL; a = a->next) {
    if (a->name.text == NULL || task_has_attribute(task, a->name.text))
      continue;
    struct report *r = report(c, CODE_UNKNOWN_ARGUMENT, a->name.span,
                              "the task `%s` has no attribute `%s`", name->text, a->name.text);
    report_note(c, r, "it has %s", known[0] == '\0' ? "none" : known);
  }
}

/* ------------------------------------------------------------------- its results */

static const struct result *find_result(const struct results *results, const char *name) {
  for (uint32_t i = 0; i < results->count; i++)
    if (results->item[i].name != NULL && strcmp(results->item[i].name, name) == 0)
      return &results->item[i];
  return NULL;
}

/* Whether a dim is what a letter of the shape wants, as far as it is known. */
static bool letter_fits(const struct compiler *c, char letter, const struct cell *cell) {
  const struct cell *tokens = c->tokens[c->both_graphs && c->tokens[1] != NULL];
  const struct cell *wanted = letter == 'B' ? c->batch : letter == '1' ? NULL : tokens;
  struct dim found, want;
  int64_t number;
  if (!cell_value(cell, &found))
    return true;
  bool one = dim_is_number(&found, &number) && number == 1;
  switch (letter) {
  case '1':
    return one;
  case 't':
    if (one)
      return true;
    break;
  case 'B':
  case 'T':
    break;
  default:
    return dim_is_number(&found, &number) && number > 0;
  }
  return wanted == NULL || !cell_value(wanted, &want) || dim_equal(&found, &want);
}

static bool shape_fits(const struct compiler *c, const char *shape, const struct ctype *type) {
  if (type->rank < letters_rank(shape, false) || type->rank > letters_rank(shape, true))
    return false;
  for (uint32_t i = 0; i < type->rank; i++, shape += 1 + (shape[1] == '?'))
    if (!letter_fits(c, *shape, type->shape[i]))
      return false;
  return true;
}

static void check_result(struct compiler *c, const struct ast_decl *head,
                         const struct task_result *want, const struct result *found) {
  char shape[LETTERS_TEXT];
  if (found->value.kind != VALUE_TENSOR)
    return; /* model.c says so */
  const struct ctype *type = &c->value[found->value.tensor].type;
  bool float_type = type->dtype == DTYPE_NONE || type->dtype == want->dtype;
  if (!dtype_is_tensor(type->dtype) || (float_type && shape_fits(c, want->shape, type)))
    return;
  letters_print(want->shape, shape);
  struct report *r =
      report(c, CODE_HEAD_RESULT, found->span, "the task `%s` needs %s%s in `%s`, this is %s",
             head->head.task.text, float_type ? "" : "floats, ", shape, want->name,
             compiler_type_text(c, type));
  const struct cell *tokens = c->tokens[c->both_graphs && c->tokens[1] != NULL];
  if (strpbrk(want->shape, "Tt") != NULL)
    report_note(c, r, "the batch is %s, its tokens are %s",
                c->batch == NULL ? "B" : compiler_cell_text(c, c->batch),
                tokens == NULL ? "T" : compiler_cell_text(c, tokens));
  else
    report_note(c, r, "the batch is %s, the sizes after it are the model's own",
                c->batch == NULL ? "B" : compiler_cell_text(c, c->batch));
}

void task_check_results(struct compiler *c, const struct model *model) {
  const struct task_info *info = task_info(model->task);
  for (unsigned i = 0; i < TASK_RESULTS && info->result[i].name != NULL; i++) {
    const struct task_result *want = &info->result[i];
    const struct result *found = find_result(&model->results, want->name);
    if (found != NULL) {
      check_result(c, model->head, want, found);
      continue;
    }
    struct report *r = report(c, CODE_HEAD_RESULT, model->head->name.span,
                              "the task `%s` needs a result named `%s`", info->name, want->name);
    report_help(c, r, "`return %s = ...`", want->name);
  }
}
