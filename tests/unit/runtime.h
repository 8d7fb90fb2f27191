/* runtime.h - what the runtime's tests share: graphs from text, and files in a
 * temporary directory. */
#ifndef TFM_TESTS_RUNTIME_H
#define TFM_TESTS_RUNTIME_H

#include "base/buffer.h"
#include "base/file.h"
#include "graph/graph.h"
#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_OK(call)                                                                             \
  do {                                                                                             \
    struct tfm_error check_err = {0}, *err = &check_err;                                           \
    ck_assert_msg((call) == 0, "%s: %s\n%s", #call, check_err.message, check_err.notes);           \
  } while (0)

/* call fails with this code, and says this in message or notes. */
#define CHECK_FAILS(call, wanted, text)                                                            \
  do {                                                                                             \
    struct tfm_error check_err = {0}, *err = &check_err;                                           \
    ck_assert_msg((call) == -1, "%s: no failure", #call);                                          \
    ck_assert_msg(check_err.code == (wanted) &&                                                    \
                      (strstr(check_err.message, text) || strstr(check_err.notes, text)),          \
                  "%s: code %d: %s\n%s", #call, (int)check_err.code, check_err.message,            \
                  check_err.notes);                                                                \
  } while (0)

static inline struct graph *test_graph(const char *text) {
  struct tfm_error err = {0};
  struct graph *graph = graph_parse("test", text, strlen(text), &err);
  ck_assert_msg(graph != NULL, "%s", err.message);
  ck_assert_msg(graph_verify(graph, &err) == 0, "%s", err.message);
  return graph;
}

/* ------------------------------------------------------------------- files */

static inline char *test_fixture(const char *name) {
  const char *root = getenv("TFM_SRCDIR");
  struct buffer path;
  buffer_init(&path);
  buffer_printf(&path, "%s/tests/fixtures/%s", root ? root : ".", name);
  return buffer_take(&path);
}

/* A new directory, to be removed with test_remove. */
static inline char *test_dir(void) {
  const char *tmp = getenv("TMPDIR");
  struct buffer path;
  buffer_init(&path);
  buffer_printf(&path, "%s/tfm-test-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
  char *dir = buffer_take(&path);
  ck_assert_ptr_nonnull(mkdtemp(dir));
  return dir;
}

static inline int test_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

static inline void test_remove(char *dir) {
  nftw(dir, test_remove_one, 8, FTW_DEPTH | FTW_PHYS);
  free(dir);
}

static inline void test_write(const char *dir, const char *name, const void *data, size_t size) {
  char *path = file_join(dir, name);
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(data, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
  free(path);
}

/* A safetensors file; tensors is the header's inside, data what follows. */
static inline void test_safetensors(const char *dir, const char *name, const char *tensors,
                                    const void *data, size_t size) {
  struct buffer file;
  buffer_init(&file);
  size_t n = strlen(tensors) + 2;
  for (unsigned i = 0; i < 8; i++)
    buffer_putc(&file, (char)(n >> (8 * i) & 0xff));
  buffer_printf(&file, "{%s}", tensors);
  buffer_append(&file, data, size);
  test_write(dir, name, file.data, file.length);
  buffer_finish(&file);
}

#endif
