/* tokenizer_dir.h - for the tokenizer tests: a directory with the files of one,
 * and where shared data is. */
#ifndef TFM_TESTS_UNIT_TOKENIZER_DIR_H
#define TFM_TESTS_UNIT_TOKENIZER_DIR_H

#include "base/file.h"
#include "tokenizer/tokenizer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tokenizer_dir {
  char path[64];
  char *files[4];
  size_t count;
};

static inline void dir_make(struct tokenizer_dir *dir) {
  *dir = (struct tokenizer_dir){.path = "/tmp/tfm-tokenizer-XXXXXX"};
  ck_assert_ptr_nonnull(mkdtemp(dir->path));
}

static inline void dir_write(struct tokenizer_dir *dir, const char *name, const char *text,
                             size_t length) {
  char *path = file_join(dir->path, name);
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(text, 1, length, file), length);
  ck_assert_int_eq(fclose(file), 0);
  for (size_t i = 0; i < dir->count; i++)
    if (strcmp(dir->files[i], path) == 0) {
      free(path);
      return;
    }
  dir->files[dir->count++] = path;
}

static inline void dir_remove(struct tokenizer_dir *dir) {
  for (size_t i = 0; i < dir->count; i++) {
    unlink(dir->files[i]);
    free(dir->files[i]);
  }
  rmdir(dir->path);
}

/* Open a tokenizer.json given as text; NULL and err set if it is refused. */
static inline struct tokenizer *dir_open_json(const char *json, struct tfm_error *err) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer = NULL;
  dir_make(&dir);
  dir_write(&dir, "tokenizer.json", json, strlen(json));
  error_clear(err);
  int status = tokenizer_open(dir.path, &tokenizer, err);
  ck_assert_int_eq(status, tokenizer == NULL ? -1 : 0);
  dir_remove(&dir);
  return tokenizer;
}

static inline struct tokenizer *dir_must_open(const char *json) {
  struct tfm_error err = {0};
  struct tokenizer *tokenizer = dir_open_json(json, &err);
  ck_assert_msg(tokenizer != NULL, "%s", err.message);
  return tokenizer;
}

/* $TFM_SRCDIR/tests/fixtures/tokenizers/NAME and so on; on the heap. */
static inline char *test_path(const char *variable, const char *otherwise, const char *name) {
  const char *root = getenv(variable), *source = getenv("TFM_SRCDIR");
  char *base = root != NULL ? strdup(root) : file_join(source != NULL ? source : ".", otherwise);
  char *path = file_join(base, name);
  free(base);
  return path;
}

static inline char *shared_path(const char *name) {
  return test_path("TFM_SHARED", "../shared", name);
}

static inline char *fixture_path(const char *name) {
  char *rest = file_join("tests/fixtures", name);
  const char *source = getenv("TFM_SRCDIR");
  char *path = file_join(source != NULL ? source : ".", rest);
  free(rest);
  return path;
}

#endif
