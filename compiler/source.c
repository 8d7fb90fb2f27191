/* source.c - read a model file and what it imports, each file once. */
#include "compiler/source.h"

#include "base/file.h"
#include "compiler/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void source_set_init(struct source_set *set, struct arena *arena, struct diag *diag,
                     const char *const *model_path, size_t model_path_count) {
  *set = (struct source_set){
      .arena = arena, .diag = diag, .model_path = model_path, .model_path_count = model_path_count};
}

static bool is_limit(unsigned code) {
  return (code >= 500 && code < 700);
}

int source_failed(const struct diag *diag, const char *path, struct tfm_error *err) {
  const struct diag_item *item = diag->first;
  while (item != NULL && item->level != DIAG_ERROR)
    item = item->next;
  if (item == NULL)
    return error_oom(err);
  return error_set(err, is_limit(item->code) ? TFM_ERROR_LIMIT : TFM_ERROR_MODEL,
                   "`%s` has %u error%s, the first E%u: %s", path, diag->errors,
                   diag->errors == 1 ? "" : "s", item->code, item->summary);
}

/* Over a limit is said in diag at the import that led there, or without a place. */
static bool within_limits(struct source_set *set, const char *path, size_t size,
                          struct span import) {
  if (size > SOURCE_MAX_FILE) {
    diag_report(set->diag, DIAG_ERROR, CODE_LIMIT_FILE, import,
                "`%s` is %zu bytes, over the limit of %d", path, size, SOURCE_MAX_FILE);
    return false;
  }
  if (set->total + size > SOURCE_MAX_TOTAL) {
    diag_report(set->diag, DIAG_ERROR, CODE_LIMIT_TOTAL, import,
                "with `%s` the sources are over the limit of %d bytes", path, SOURCE_MAX_TOTAL);
    return false;
  }
  if (set->file_count == SOURCE_MAX_FILES) {
    diag_report(set->diag, DIAG_ERROR, CODE_LIMIT_IMPORT_FILES, import, "more than %d files",
                SOURCE_MAX_FILES);
    return false;
  }
  return true;
}

/* The text moves into the diag's arena, where messages find it later. */
static int take_text(struct source_set *set, const char *path, uint32_t *source,
                     struct tfm_error *err) {
  struct file_bytes bytes;
  if (file_read(path, SOURCE_MAX_FILE, TFM_ERROR_MODEL, &bytes, err) != 0)
    return -1;
  const char *text = arena_strndup(&set->diag->arena, bytes.data, bytes.size);
  size_t size = bytes.size;
  file_bytes_finish(&bytes);
  *source = text == NULL ? UINT32_MAX : diag_add_source(set->diag, path, text, size);
  if (*source == UINT32_MAX)
    return error_oom(err);
  set->total += size;
  if (set->arena->limit != 0)
    set->arena->limit += size * SOURCE_MEMORY;
  return 0;
}

/* Read and parse a file that is not in the set yet.  NULL: see source_read; at
 * a limit err stays clear and diag says it. */
static struct source_file *add_file(struct source_set *set, const char *path, const struct stat *st,
                                    struct span import, struct tfm_error *err) {
  uint32_t source;
  if (!within_limits(set, path, (size_t)st->st_size, import) ||
      take_text(set, path, &source, err) != 0)
    return NULL;
  struct source_file *file = &set->file[set->file_count++];
  *file = (struct source_file){.device = (uint64_t)st->st_dev,
                               .inode = (uint64_t)st->st_ino,
                               .path = arena_strdup(set->arena, path)};
  file->ast = ast_parse(set->arena, set->diag, source);
  if (arena_failed(set->arena)) {
    error_oom(err);
    return NULL;
  }
  return file;
}

static struct source_file *find_file(struct source_set *set, const struct stat *st) {
  for (size_t i = 0; i < set->file_count; i++)
    if (set->file[i].device == (uint64_t)st->st_dev && set->file[i].inode == (uint64_t)st->st_ino)
      return &set->file[i];
  return NULL;
}

static struct source_file *read_root(struct source_set *set, const char *path,
                                     struct tfm_error *err) {
  struct stat st;
  if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
    uint32_t none;
    take_text(set, path, &none, err); /* says what is wrong */
    return NULL;
  }
  return add_file(set, path, &st, SPAN_NONE, err);
}

struct ast_file *source_read(struct source_set *set, const char *path, struct tfm_error *err) {
  struct source_file *file = read_root(set, path, err);
  return file == NULL ? NULL : file->ast;
}

/* ------------------------------------------------------------------ imports */

/* Relative, downwards only, and a .tfm file. */
static bool path_allowed(const char *path) {
  size_t length = strlen(path);
  if (length < 5 || strcmp(path + length - 4, ".tfm") != 0 || strchr(path, '\\') != NULL)
    return false;
  for (const char *part = path;;) {
    size_t size = strcspn(part, "/");
    if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && memcmp(part, "..", 2) == 0))
      return false;
    if (part[size] == '\0')
      return true;
    part += size + 1;
  }
}

/* The first directory that has the file: the importing file's own, then the
 * model path.  The result is on the heap; NULL = none has it. */
static char *look_up(const struct source_set *set, const char *from, const char *path,
                     struct stat *st) {
  char *own = file_dirname(from);
  for (size_t i = 0; own != NULL && i <= set->model_path_count; i++) {
    char *full = file_join(i == 0 ? own : set->model_path[i - 1], path);
    if (full != NULL && stat(full, st) == 0 && S_ISREG(st->st_mode)) {
      free(own);
      return full;
    }
    free(full);
  }
  free(own);
  return NULL;
}

static void report_missing(struct source_set *set, const char *from, struct ast_name path) {
  struct diag_item *item = diag_report(set->diag, DIAG_ERROR, CODE_IMPORT_MISSING, path.span,
                                       "the imported file `%s` is not found", path.text);
  char *own = file_dirname(from);
  diag_note(set->diag, item, "looked in `%s`%s", own == NULL ? "." : own,
            set->model_path_count > 0 ? " and on the model path" : "");
  free(own);
}

static bool load_imports(struct source_set *set, struct source_file *file, unsigned depth,
                         struct tfm_error *err);

/* A file that was found: in the set already, or read now.  NULL = reported;
 * false in *go_on only when memory is out. */
static struct source_file *open_import(struct source_set *set, const char *full,
                                       const struct stat *st, struct span span, unsigned depth,
                                       bool *go_on, struct tfm_error *err) {
  struct source_file *file = find_file(set, st);
  if (file != NULL && file->open) {
    diag_report(set->diag, DIAG_ERROR, CODE_IMPORT_CYCLE, span, "`%s` imports itself in the end",
                full);
    return NULL;
  }
  if (file != NULL)
    return file;
  struct tfm_error why = {0};
  unsigned errors = set->diag->errors;
  file = add_file(set, full, st, span, &why);
  if (file == NULL && why.code == TFM_ERROR_LIMIT) {
    *go_on = false;
    return error_oom(err), NULL;
  }
  if (file == NULL && set->diag->errors == errors)
    diag_report(set->diag, DIAG_ERROR, CODE_IMPORT_MISSING, span, "%s", why.message);
  if (file != NULL && file->ast != NULL)
    *go_on = load_imports(set, file, depth, err);
  return file;
}

static bool load_import(struct source_set *set, const struct source_file *from,
                        struct ast_decl *import, unsigned depth, struct tfm_error *err) {
  struct ast_name path = import->import.path;
  if (path.text == NULL || !path_allowed(path.text)) {
    struct diag_item *item =
        diag_report(set->diag, DIAG_ERROR, CODE_IMPORT_PATH, path.span,
                    "an import is a relative path to a .tfm file, without `.` and `..`");
    diag_help(set->diag, item, "other directories are given by the model path");
    return true;
  }
  if (depth > SOURCE_MAX_DEPTH) {
    diag_report(set->diag, DIAG_ERROR, CODE_LIMIT_IMPORT_DEPTH, path.span,
                "imports are nested deeper than %d", SOURCE_MAX_DEPTH);
    return true;
  }
  struct stat st;
  char *full = look_up(set, from->path, path.text, &st);
  if (full == NULL) {
    report_missing(set, from->path, path);
    return true;
  }
  bool go_on = true;
  struct source_file *file = open_import(set, full, &st, path.span, depth, &go_on, err);
  free(full);
  if (file == NULL || file->ast == NULL)
    return go_on;
  const struct ast_decl *unit = file->ast->unit;
  if (unit != NULL && unit->kind == AST_DECL_MODEL) {
    struct diag_item *item = diag_report(set->diag, DIAG_ERROR, CODE_IMPORT_MODEL, path.span,
                                         "only a library can be imported");
    diag_label(set->diag, item, unit->span, "a model");
  }
  import->import.file = file->ast;
  return go_on;
}

/* False only when memory is out. */
static bool load_imports(struct source_set *set, struct source_file *file, unsigned depth,
                         struct tfm_error *err) {
  bool go_on = true;
  file->open = true;
  for (struct ast_decl *decl = file->ast->decls.first; decl != NULL && go_on; decl = decl->next)
    if (decl->kind == AST_DECL_IMPORT)
      go_on = load_import(set, file, decl, depth + 1, err);
  file->open = false;
  return go_on;
}

struct ast_file *source_load(struct source_set *set, const char *path, struct tfm_error *err) {
  unsigned errors = set->diag->errors;
  struct source_file *file = read_root(set, path, err);
  if (file == NULL || file->ast == NULL)
    return NULL;
  if (!load_imports(set, file, 0, err))
    return NULL;
  if (set->diag->errors != errors)
    file->ast->broken = true;
  return file->ast;
}
