/* A file cut while it is mapped: zeros and an error under a handler, and the
 * cut is told without one if nobody has touched it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* nftw, mkdtemp */
#endif
#include "base/guard.h"
#include "checkpoint/weights.h"
#include "tests/unit/runtime.h"

#include <pthread.h>
#include <signal.h>

enum { PAGES = 8 };
static size_t page;
static volatile sig_atomic_t strays;

static void on_bus(int number, siginfo_t *info, void *context) {
  (void)context;
  if (!guard_fault(info->si_addr)) {
    strays++;
    signal(number, SIG_DFL);
  }
}

static void catch_faults(void) {
  struct sigaction action = {0};
  page = (size_t)sysconf(_SC_PAGESIZE);
  action.sa_sigaction = on_bus;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, NULL);
}

/* PAGES pages and a half of 'x'. */
static char *make(char **dir) {
  char *text = malloc(PAGES * page + page / 2);
  *dir = test_dir();
  memset(text, 'x', PAGES * page + page / 2);
  test_write(*dir, "f", text, PAGES * page + page / 2);
  free(text);
  return file_join(*dir, "f");
}

static void *read_all(void *arg) {
  const struct file_map *map = arg;
  size_t sum = 0;
  for (size_t i = 0; i < map->size; i++)
    sum += map->data[i] == 'x';
  return (void *)sum;
}

START_TEST(test_cut) {
  struct file_map map, whole;
  char *dir;
  catch_faults();
  char *path = make(&dir);
  CHECK_OK(file_map(path, TFM_ERROR_CHECKPOINT, &map, err));
  CHECK_OK(file_map_check(&map, path, TFM_ERROR_CHECKPOINT, err));
  ck_assert_uint_eq((size_t)read_all(&map), map.size);
  ck_assert_int_eq(truncate(path, (off_t)(3 * page)), 0);
  ck_assert(!guard_damaged(map.guard));
  /* several threads fault at once */
  pthread_t thread[4];
  for (int i = 0; i < 4; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, read_all, &map), 0);
  for (int i = 0; i < 4; i++) {
    void *sum;
    pthread_join(thread[i], &sum);
    ck_assert_uint_eq((size_t)sum, 3 * page);
  }
  ck_assert(guard_damaged(map.guard));
  CHECK_FAILS(file_map_check(&map, path, TFM_ERROR_CHECKPOINT, err), TFM_ERROR_CHECKPOINT,
              "was cut while it was read");
  /* and again, further in front */
  ck_assert_int_eq(truncate(path, 1), 0);
  ck_assert_uint_eq((size_t)read_all(&map), 1);
  file_unmap(&map);
  /* the entry's next user begins whole */
  CHECK_OK(file_map(path, TFM_ERROR_CHECKPOINT, &whole, err));
  ck_assert(!guard_damaged(whole.guard));
  file_unmap(&whole);
  ck_assert_int_eq(strays, 0);
  free(path);
  test_remove(dir);
}
END_TEST

START_TEST(test_not_ours) {
  struct file_map map;
  char *dir;
  catch_faults();
  char *path = make(&dir);
  CHECK_OK(file_map(path, TFM_ERROR_CHECKPOINT, &map, err));
  ck_assert(!guard_fault(NULL));
  ck_assert(!guard_fault(&map));
  ck_assert(!guard_fault(map.data + (PAGES + 1) * page));
  const unsigned char *data = map.data;
  file_unmap(&map);
  ck_assert(!guard_fault(data));
  free(path);
  test_remove(dir);
}
END_TEST

/* A cut within the last page raises no signal; a file renamed over the mapped
 * one is no cut. */
START_TEST(test_quiet) {
  struct file_map map;
  char *dir;
  catch_faults();
  char *path = make(&dir);
  CHECK_OK(file_map(path, TFM_ERROR_CHECKPOINT, &map, err));
  ck_assert_int_eq(truncate(path, (off_t)(PAGES * page + 1)), 0);
  ck_assert_uint_eq((size_t)read_all(&map), PAGES * page + 1);
  ck_assert(!guard_damaged(map.guard));
  CHECK_FAILS(file_map_check(&map, path, TFM_ERROR_CHECKPOINT, err), TFM_ERROR_CHECKPOINT,
              "was cut");
  file_unmap(&map);
  CHECK_OK(file_map(path, TFM_ERROR_CHECKPOINT, &map, err));
  char *other = file_join(dir, "g");
  test_write(dir, "g", "short", 5);
  ck_assert_int_eq(rename(other, path), 0);
  CHECK_OK(file_map_check(&map, path, TFM_ERROR_CHECKPOINT, err));
  ck_assert_int_eq(unlink(path), 0);
  CHECK_OK(file_map_check(&map, path, TFM_ERROR_CHECKPOINT, err));
  file_unmap(&map);
  free(other);
  free(path);
  test_remove(dir);
}
END_TEST

/* The checkpoint's own check, and what it costs to ask when all is well. */
START_TEST(test_weights) {
  struct weights *weights;
  struct file_bytes bytes;
  char *from = test_fixture("gpt2-tied/model.safetensors"), *dir = test_dir();
  char *path = file_join(dir, "model.safetensors");
  catch_faults();
  CHECK_OK(file_read(from, 1 << 24, TFM_ERROR_RUN, &bytes, err));
  test_write(dir, "model.safetensors", bytes.data, bytes.size);
  CHECK_OK(weights_open(dir, &weights, err));
  CHECK_OK(weights_check(weights, true, err));
  ck_assert_int_eq(truncate(path, 0), 0);
  CHECK_OK(weights_check(weights, false, err));
  CHECK_FAILS(weights_check(weights, true, err), TFM_ERROR_CHECKPOINT,
              "model.safetensors` was cut");
  const struct weights_tensor *t = weights_find(weights, "wte.weight");
  ck_assert_int_eq(*(const volatile unsigned char *)t->data, 0);
  CHECK_FAILS(weights_check(weights, false, err), TFM_ERROR_CHECKPOINT, "was cut");
  weights_close(weights);
  file_bytes_finish(&bytes);
  free(path);
  free(from);
  test_remove(dir);
}
END_TEST

UNIT_MAIN("guard", test_cut, test_not_ours, test_quiet, test_weights)
