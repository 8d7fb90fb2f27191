/* summary.c - what a model file says of itself. */
#include "base/checked.h"
#include "compiler/compile.h"
#include "compiler/source.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text) {
  size_t size = strlen(text) + 1;
  char *result = malloc(size);
  if (result != NULL)
    memcpy(result, text, size);
  return result;
}

/* Appends to an owned list; false = memory is out. */
static bool append(char ***list, size_t *count, const char *text) {
  size_t size;
  if (!checked_mul(*count + 1, sizeof **list, &size))
    return false;
  char **grown = realloc(*list, size);
  if (grown == NULL)
    return false;
  *list = grown;
  grown[*count] = copy(text);
  if (grown[*count] == NULL)
    return false;
  ++*count;
  return true;
}

static bool take_unit(struct compile_summary *out, const struct ast_decl *unit) {
  out->name = copy(unit->name.text);
  out->doc = copy(unit->doc == NULL ? "" : unit->doc);
  bool sound = out->name != NULL && out->doc != NULL;
  for (const struct ast_expr *type = unit->unit.first; type != NULL && sound; type = type->next)
    sound = append(&out->model_type, &out->model_type_count, type->text);
  return sound;
}

static bool take_decl(struct compile_summary *out, const struct ast_decl *decl) {
  if (decl->kind == AST_DECL_USE)
    return append(&out->plugin, &out->plugin_count, decl->name.text);
  if (decl->kind == AST_DECL_HEAD && decl->head.task.text != NULL)
    return append(&out->task, &out->task_count, decl->head.task.text);
  if (decl->kind != AST_DECL_CHECKPOINT || out->checkpoint != NULL)
    return true;
  out->checkpoint = copy(decl->checkpoint.text);
  return out->checkpoint != NULL;
}

static int summarize(const struct ast_file *file, struct compile_summary *out,
                     struct tfm_error *err) {
  bool sound = take_unit(out, file->unit);
  for (const struct ast_decl *decl = file->decls.first; decl != NULL && sound; decl = decl->next)
    sound = take_decl(out, decl);
  if (sound)
    return 0;
  compile_summary_finish(out);
  return error_oom(err);
}

int compile_summarize(const char *path, struct compile_summary *out, struct diag *diag,
                      struct tfm_error *err) {
  struct arena arena;
  struct source_set set;
  *out = (struct compile_summary){0};
  arena_init(&arena, 0);
  source_set_init(&set, &arena, diag, NULL, 0);
  const struct ast_file *file = source_read(&set, path, err);
  int status =
      file == NULL || file->broken ? source_failed(diag, path, err) : summarize(file, out, err);
  arena_finish(&arena);
  return status;
}

static void free_list(char **list, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(list[i]);
  free(list);
}

void compile_summary_finish(struct compile_summary *summary) {
  free(summary->name);
  free(summary->doc);
  free_list(summary->model_type, summary->model_type_count);
  free(summary->checkpoint);
  free_list(summary->plugin, summary->plugin_count);
  free_list(summary->task, summary->task_count);
  *summary = (struct compile_summary){0};
}
