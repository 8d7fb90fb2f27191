/* source.h - the texts of a compilation, within their limits.
 *
 * A model file and what it imports, each file read once: a file imported
 * twice is one tree.  Reading stops at 1 MiB a file, 4 MiB in all, 64 files,
 * 8 imports deep.  Imports are libraries, named by relative paths that do not
 * leave the directory that they are looked up in. */
#ifndef TFM_COMPILER_SOURCE_H
#define TFM_COMPILER_SOURCE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/error.h"
#include "compiler/ast.h"

#include <stddef.h>

enum {
  SOURCE_MAX_FILE = 1 << 20,
  SOURCE_MAX_TOTAL = 4 << 20,
  SOURCE_MAX_FILES = 64,
  SOURCE_MAX_DEPTH = 8
};

struct source_file; /* private */

struct source_set {
  struct arena *arena; /* trees; not owned */
  struct diag *diag;   /* not owned; shows the texts, so finish it first */
  const char *const *model_path;
  size_t model_path_count;
  struct source_file *files; /* owned, with their texts */
  size_t file_count, total;
};

/* The directories of model_path must outlive the set. */
void source_set_init(struct source_set *set, struct arena *arena, struct diag *diag,
                     const char *const *model_path, size_t model_path_count);
/* Frees the texts: nothing may render set->diag's diagnostics after. */
void source_set_finish(struct source_set *set);

/* Read and parse one file, without its imports.  NULL: the file cannot be
 * read (err is set), memory is out (err too), or its version is unknown (in
 * diag).  A tree with errors has `broken` set. */
struct ast_file *source_read(struct source_set *set, const char *path, struct tfm_error *err);

/* The same, with all that it imports, directly or not: each import's `file`
 * is set.  Every file is read even when one is broken.  The imports form no
 * cycle. */
struct ast_file *source_load(struct source_set *set, const char *path, struct tfm_error *err);

#endif
