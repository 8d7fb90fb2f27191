/* text_file.h - for tests that need a file: write one, read one, in a
 * directory of their own. */
#ifndef TFM_TESTS_TEXT_FILE_H
#define TFM_TESTS_TEXT_FILE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path of a file of the source tree, on the heap. */
static inline char *text_file_source(const char *relative) {
  const char *root = getenv("TFM_SRCDIR");
  size_t size = strlen(root == NULL ? "." : root) + strlen(relative) + 2;
  char *path = malloc(size);
  ck_assert_ptr_nonnull(path);
  snprintf(path, size, "%s/%s", root == NULL ? "." : root, relative);
  return path;
}

static inline void text_file_write(const char *path, const char *text, size_t size) {
  FILE *file = fopen(path, "wb");
  ck_assert_msg(file != NULL, "cannot write %s", path);
  ck_assert_uint_eq(fwrite(text, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

/* The whole file, NUL-terminated, on the heap; NULL when there is none. */
static inline char *text_file_read(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return NULL;
  ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
  long size = ftell(file);
  ck_assert_int_ge(size, 0);
  rewind(file);
  char *text = calloc(1, (size_t)size + 1);
  ck_assert_ptr_nonnull(text);
  ck_assert_uint_eq(fread(text, 1, (size_t)size, file), (size_t)size);
  fclose(file);
  return text;
}

/* Compare with a golden file; TFM_GOLDEN=write makes the file instead. */
static inline void text_file_golden(const char *relative, const char *text) {
  char *path = text_file_source(relative);
  const char *mode = getenv("TFM_GOLDEN");
  if (mode != NULL && strcmp(mode, "write") == 0)
    text_file_write(path, text, strlen(text));
  char *golden = text_file_read(path);
  ck_assert_msg(golden != NULL, "%s is missing", path);
  ck_assert_msg(strcmp(golden, text) == 0, "%s differs from:\n%s", path, text);
  free(golden);
  free(path);
}

#endif
