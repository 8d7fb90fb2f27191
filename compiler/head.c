/* head.c - which head of the file is meant: the one that was asked for, the one
 * for the checkpoint's architecture, or the only one; else which there are. */
#include "compiler/head.h"

#include "compiler/limit.h"
#include "compiler/names.h"
#include "compiler/report.h"
#include "graph/task.h"

#include <string.h>

static bool serves(struct compiler *c, const struct ast_decl *head, const char *architecture) {
  for (const struct ast_expr *e = head->head.archs.first; e != NULL && limit_step(c, e->span, 0);
       e = e->next)
    if (strcmp(e->text, architecture) == 0)
      return true;
  return false;
}

/* A head of that kind (or of any) that serves the checkpoint's architecture. */
static const struct ast_decl *by_architecture(struct compiler *c, const char *task,
                                              const char **first) {
  const json_t *list = c->options->config.root == NULL
                           ? NULL
                           : json_object_get(c->options->config.root, "architectures");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *name = json_string_value(json_array_get(list, i));
    if (name == NULL)
      continue;
    *first = *first == NULL ? name : *first;
    for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next)
      if (d->kind == AST_DECL_HEAD && serves(c, d, name) &&
          (task == NULL || (d->head.task.text != NULL && strcmp(d->head.task.text, task) == 0)))
        return d;
  }
  return NULL;
}

/* A line a head: its name, task and architectures. */
static const char *list_heads(struct compiler *c) {
  enum { SHOWN = 2000 };
  struct buffer list;
  buffer_init(&list);
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next) {
    if (d->kind != AST_DECL_HEAD || d->name.text == NULL || d->head.task.text == NULL)
      continue;
    if (list.length > SHOWN) {
      buffer_puts(&list, "\n  and more");
      break;
    }
    buffer_printf(&list, "\n  %s: %s", d->name.text, d->head.task.text);
    for (const struct ast_expr *e = d->head.archs.first; e != NULL && list.length <= SHOWN;
         e = e->next)
      buffer_printf(&list, "%s\"%s\"", e == d->head.archs.first ? " for " : ", ", e->text);
  }
  const char *text = compiler_printf(c, "%s", buffer_text(&list));
  buffer_finish(&list);
  return text == NULL ? "" : text;
}

static bool has_task(struct compiler *c, enum graph_task task) {
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next)
    if (d->kind == AST_DECL_HEAD && d->head.task.text != NULL &&
        graph_task_from_name(d->head.task.text) == task)
      return true;
  return false;
}

/* Of the heads' names, and of the names of their tasks. */
static void report_nearest_task(struct compiler *c, struct report *r, const char *given) {
  size_t heads = 0, count = 0;
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next)
    heads += d->kind == AST_DECL_HEAD;
  const char **names =
      compiler_alloc(c, heads + GRAPH_TASK_COUNT * (1 + TASK_NAMES), sizeof *names);
  if (given == NULL || names == NULL)
    return;
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next)
    if (d->kind == AST_DECL_HEAD && d->name.text != NULL)
      names[count++] = d->name.text;
  for (unsigned i = GRAPH_TASK_NONE + 1; i < GRAPH_TASK_COUNT; i++) {
    const struct task_info *info = task_info((enum graph_task)i);
    if (!has_task(c, (enum graph_task)i))
      continue;
    names[count++] = info->name;
    for (unsigned k = 0; k < TASK_NAMES && info->also[k] != NULL; k++)
      names[count++] = info->also[k];
  }
  report_nearest(c, r, "a head or task", given, names, count);
}

static const struct ast_decl *no_head(struct compiler *c, const char *architecture) {
  const char *task = c->options->task;
  struct report *r;
  if (task != NULL)
    r = report(c, CODE_HEAD_CHOICE, c->main->file->unit->name.span,
               "no head of the file is named `%s` or has this task", task);
  else if (architecture != NULL)
    r = report(c, CODE_HEAD_CHOICE, c->main->file->unit->name.span,
               "no head of the file is for \"%s\", the architecture of the checkpoint",
               architecture);
  else
    r = report(c, CODE_HEAD_CHOICE, c->main->file->unit->name.span,
               "config.json names no architecture, and the file has several heads");
  report_note(c, r, "the heads are%s", list_heads(c));
  report_nearest_task(c, r, task);
  report_help(c, r, "choose one with --task");
  return NULL;
}

/* The head of the task that the directory is made for; NULL = nothing says, or there is none. */
static const struct ast_decl *likely_head(struct compiler *c) {
  const char *task = c->options->likely_task, *ignored = NULL;
  const struct ast_decl *found = task == NULL ? NULL : by_architecture(c, task, &ignored);
  for (const struct ast_decl *d = c->main->file->decls.first;
       task != NULL && found == NULL && d != NULL; d = d->next)
    if (d->kind == AST_DECL_HEAD && d->name.text != NULL && d->head.task.text != NULL &&
        strcmp(d->head.task.text, task) == 0)
      found = d;
  return found;
}

const struct ast_decl *head_choose(struct compiler *c, bool *any) {
  const char *asked = c->options->task, *architecture = NULL;
  const char *task = asked == NULL ? NULL : graph_task_name(task_from_spelling(asked));
  const struct ast_decl *only = NULL, *named = NULL, *kind = NULL, *likely = NULL;
  unsigned count = 0;
  for (const struct ast_decl *d = c->main->file->decls.first; d != NULL; d = d->next) {
    if (d->kind != AST_DECL_HEAD || d->name.text == NULL || d->head.task.text == NULL)
      continue;
    count++;
    only = d;
    if (asked != NULL && strcmp(d->name.text, asked) == 0)
      named = d;
    if (task != NULL && kind == NULL && strcmp(d->head.task.text, task) == 0)
      kind = d;
  }
  *any = count > 0;
  if (count == 0 && task == NULL)
    return NULL;
  const struct ast_decl *suited = by_architecture(c, task, &architecture);
  if (task != NULL)
    return named != NULL ? named : suited != NULL ? suited : kind != NULL ? kind : no_head(c, NULL);
  if ((likely = likely_head(c)) != NULL)
    return likely;
  if (suited != NULL)
    return suited;
  return count == 1 ? only : no_head(c, architecture);
}
