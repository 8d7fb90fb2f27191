/* Whole files, their limits, and what is no regular file. */
#include "base/file.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static char *path_to(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static void setup(void) {
  strcpy(dir, "/tmp/tfm-test-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void write_file(const char *name, const char *text) {
  FILE *f = fopen(path_to(name), "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

static void remove_file(const char *name) {
  unlink(path_to(name));
  rmdir(dir);
}

START_TEST(test_read) {
  struct tfm_error err = {0};
  struct file_bytes bytes;
  setup();
  write_file("a", "hello");
  ck_assert_int_eq(file_read(path_to("a"), 5, TFM_ERROR_MODEL, &bytes, &err), 0);
  ck_assert_uint_eq(bytes.size, 5);
  ck_assert_str_eq(bytes.data, "hello");
  file_bytes_finish(&bytes);
  ck_assert_int_eq(file_read(path_to("a"), 4, TFM_ERROR_MODEL, &bytes, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_MODEL);
  ck_assert_ptr_nonnull(strstr(err.message, "is 5 bytes, over the limit of 4"));
  ck_assert_ptr_null(bytes.data);
  remove_file("a");
}
END_TEST

START_TEST(test_map) {
  struct tfm_error err = {0};
  struct file_map map;
  setup();
  write_file("a", "hello");
  ck_assert_int_eq(file_map(path_to("a"), TFM_ERROR_CHECKPOINT, &map, &err), 0);
  ck_assert_uint_eq(map.size, 5);
  ck_assert_mem_eq(map.data, "hello", 5);
  file_unmap(&map);
  write_file("a", "");
  ck_assert_int_eq(file_map(path_to("a"), TFM_ERROR_CHECKPOINT, &map, &err), 0);
  ck_assert_ptr_null(map.data);
  file_unmap(&map);
  remove_file("a");
}
END_TEST

/* A FIFO without a writer would block an open() for ever. */
START_TEST(test_not_regular) {
  struct tfm_error err = {0};
  struct file_bytes bytes;
  struct file_map map;
  setup();
  ck_assert_int_eq(mkfifo(path_to("f"), 0600), 0);
  ck_assert_int_eq(file_read(path_to("f"), 9, TFM_ERROR_RUN, &bytes, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "is not a regular file"));
  error_clear(&err);
  ck_assert_int_eq(file_map(dir, TFM_ERROR_RUN, &map, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "is not a regular file"));
  error_clear(&err);
  ck_assert_int_eq(file_map(path_to("none"), TFM_ERROR_RUN, &map, &err), -1);
  ck_assert_ptr_nonnull(strstr(err.message, "No such file"));
  ck_assert(!file_exists(path_to("f")) && !file_exists(dir) && !file_exists(path_to("none")));
  ck_assert(file_is_directory(dir) && !file_is_directory(path_to("f")));
  remove_file("f");
}
END_TEST

START_TEST(test_links) {
  setup();
  ck_assert_int_eq(symlink("none", path_to("l")), 0);
  ck_assert(!file_exists(path_to("l")));
  unlink(path_to("l"));
  ck_assert_int_eq(symlink("/dev", path_to("l")), 0);
  ck_assert(file_is_directory(path_to("l")));
  remove_file("l");
}
END_TEST

static void check_join(const char *a, const char *b, const char *wanted) {
  char *path = file_join(a, b);
  ck_assert_str_eq(path, wanted);
  free(path);
}

static void check_dirname(const char *path, const char *wanted) {
  char *name = file_dirname(path);
  ck_assert_str_eq(name, wanted);
  free(name);
}

START_TEST(test_paths) {
  check_join("a", "b", "a/b");
  check_join("a/", "b", "a/b");
  check_join("", "b", "b");
  check_dirname("a/b/c", "a/b");
  check_dirname("/c", "/");
  check_dirname("c", ".");
  ck_assert_str_eq(file_basename("a/b"), "b");
  ck_assert_str_eq(file_basename("b"), "b");
}
END_TEST

UNIT_MAIN("file", test_read, test_map, test_not_regular, test_links, test_paths)
