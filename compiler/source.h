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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SOURCE_MEMORY = 256, /* bytes of a compilation for each byte of a source */
  SOURCE_MAX_FILE = 1 << 20,
  SOURCE_MAX_TOTAL = 4 << 20,
  SOURCE_MAX_FILES = 64,
  SOURCE_MAX_DEPTH = 8
};

/* A file that was read, known by what it is, not by what it is called. */
struct source_file {
  uint64_t device, inode;
  const char *path;
  struct ast_file *ast; /* NULL while it is read, and when that failed */
  bool open;            /* its imports are being read: to import it is a cycle */
};

struct source_set {
  struct arena *arena; /* trees; not owned                   */
  struct diag *diag;   /* not owned; its arena has the texts */
  const char *const *model_path;
  size_t model_path_count;
  struct source_file file[SOURCE_MAX_FILES];
  size_t file_count, total; /* total in bytes */
};

/* The directories of model_path, looked up after the importing file's own,
 * must outlive the set.  Nothing is to be freed: trees live in arena, texts in
 * diag, so that diagnostics can be rendered after the arena is gone. */
void source_set_init(struct source_set *set, struct arena *arena, struct diag *diag,
                     const char *const *model_path, size_t model_path_count);

/* Read and parse one file, without its imports.  NULL: the file cannot be
 * read (err is set), memory is out (err too), or its version is unknown (in
 * diag).  A tree with errors has `broken` set. */
struct ast_file *source_read(struct source_set *set, const char *path, struct tfm_error *err);

/* The same, with all that it imports, directly or not: each import's `file`
 * is set.  Every file is read even when one is broken.  The imports form no
 * cycle. */
struct ast_file *source_load(struct source_set *set, const char *path, struct tfm_error *err);

/* The one line for diagnostics that have errors: always returns -1.  The code
 * is LIMIT when the first error is one of E5xx or E6xx, else MODEL. */
int source_failed(const struct diag *diag, const char *path, struct tfm_error *err);

#endif
