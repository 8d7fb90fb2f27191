/* Every item once, on whatever lane, however the range is cut. */
#include "runtime/pool.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct pool *make(uint32_t lanes) {
  struct tfm_error err = {0};
  struct pool *pool = NULL;
  ck_assert_msg(pool_create(lanes, &pool, &err) == 0, "%s", err.message);
  return pool;
}

struct tally {
  struct pool *pool;
  int64_t count, grain;
  atomic_int *visits;
  atomic_int pieces, wrong;
};

static void visit(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct tally *t = arg;
  bool small = end - begin < t->grain && end - begin != t->count;
  if (begin < 0 || end > t->count || begin >= end || small || lane >= pool_lanes(t->pool))
    atomic_fetch_add(&t->wrong, 1);
  for (int64_t i = begin; i < end && i < t->count; i++)
    atomic_fetch_add(&t->visits[i], 1);
  atomic_fetch_add(&t->pieces, 1);
}

static void check_region(struct pool *pool, int64_t count, int64_t grain) {
  struct tally t = {.pool = pool, .count = count, .grain = grain};
  t.visits = calloc((size_t)count + 1, sizeof *t.visits);
  ck_assert_ptr_nonnull(t.visits);
  pool_run(pool, count, grain, visit, &t);
  ck_assert_int_eq(atomic_load(&t.wrong), 0);
  for (int64_t i = 0; i < count; i++)
    ck_assert_int_eq(atomic_load(&t.visits[i]), 1);
  ck_assert_int_eq(atomic_load(&t.visits[count]), 0);
  if (count <= grain)
    ck_assert_int_eq(atomic_load(&t.pieces), count > 0);
  free(t.visits);
}

START_TEST(test_every_item_once) {
  static const int64_t count[] = {0, 1, 2, 3, 7, 64, 1000, 4097};
  static const int64_t grain[] = {0, 1, 2, 5, 64, 999, 5000};
  for (uint32_t lanes = 1; lanes <= 5; lanes++) {
    struct pool *pool = make(lanes);
    ck_assert_uint_eq(pool_lanes(pool), lanes);
    for (size_t i = 0; i < sizeof count / sizeof *count; i++)
      for (size_t j = 0; j < sizeof grain / sizeof *grain; j++)
        check_region(pool, count[i], grain[j]);
    pool_destroy(pool);
  }
}
END_TEST

START_TEST(test_many_small_regions) {
  for (uint32_t lanes = 2; lanes <= 3; lanes++) {
    struct pool *pool = make(lanes);
    for (int i = 0; i < 3000; i += (int)unit_step(10))
      check_region(pool, 1 + i % 9, 1);
    pool_destroy(pool);
  }
}
END_TEST

/* More items than a lane's range can count one by one. */
struct span {
  atomic_int_fast64_t items;
  atomic_int wrong;
};

static void add_span(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct span *s = arg;
  (void)lane;
  if (begin >= end)
    atomic_fetch_add(&s->wrong, 1);
  atomic_fetch_add(&s->items, end - begin);
}

START_TEST(test_huge_range) {
  struct pool *pool = make(2);
  static const int64_t count[] = {INT32_MAX, (int64_t)UINT32_MAX + 7, INT64_C(1) << 50};
  for (size_t i = 0; i < sizeof count / sizeof *count; i++)
    for (int64_t grain = 1000; grain < INT64_C(1) << 40; grain <<= 13) {
      struct span s = {0};
      pool_run(pool, count[i], grain, add_span, &s);
      ck_assert_int_eq(atomic_load(&s.items), count[i]);
      ck_assert_int_eq(atomic_load(&s.wrong), 0);
    }
  pool_destroy(pool);
}
END_TEST

static void nested(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct tally *t = arg;
  (void)end;
  struct tally inner = {.pool = t->pool, .count = 100, .grain = 1};
  inner.visits = calloc(100, sizeof *inner.visits);
  pool_run(t->pool, 100, 1, visit, &inner);
  for (int i = 0; i < 100; i++)
    if (inner.visits == NULL || atomic_load(&inner.visits[i]) != 1)
      atomic_fetch_add(&t->wrong, 1);
  if (atomic_load(&inner.pieces) != 1) /* inline: one piece */
    atomic_fetch_add(&t->wrong, 1);
  free(inner.visits);
  visit(arg, begin, end, lane);
}

START_TEST(test_nested_runs_inline) {
  for (uint32_t lanes = 1; lanes <= 3; lanes++) {
    struct tally t = {.pool = make(lanes), .count = 20, .grain = 1};
    t.visits = calloc(20, sizeof *t.visits);
    pool_run(t.pool, 20, 1, nested, &t);
    ck_assert_int_eq(atomic_load(&t.wrong), 0);
    for (int i = 0; i < 20; i++)
      ck_assert_int_eq(atomic_load(&t.visits[i]), 1);
    free(t.visits);
    pool_destroy(t.pool);
  }
}
END_TEST

/* The lane that has item 0 stays in it until all others are done. */
struct slow {
  int64_t count;
  atomic_int_fast64_t done;
  atomic_bool late;
};

static void slow_first(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct slow *s = arg;
  (void)lane;
  if (begin == 0) {
    time_t give_up = time(NULL) + 20;
    while (atomic_load(&s->done) < s->count - end && !atomic_load(&s->late)) {
      sched_yield();
      if (time(NULL) > give_up)
        atomic_store(&s->late, true);
    }
  }
  atomic_fetch_add(&s->done, end - begin);
}

START_TEST(test_slow_lane_is_relieved) {
  struct pool *pool = make(2);
  for (int i = 0; i < 50; i++) {
    struct slow s = {.count = 1000};
    pool_run(pool, s.count, 1, slow_first, &s);
    ck_assert(!atomic_load(&s.late));
    ck_assert_int_eq(atomic_load(&s.done), s.count);
  }
  pool_destroy(pool);
}
END_TEST

static void nap(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  atomic_int_fast64_t *done = arg;
  if (lane > 0)
    nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
  atomic_fetch_add(done, end - begin);
}

/* pool_run returns when all is done, not when all is handed out. */
START_TEST(test_waits_for_workers) {
  for (uint32_t lanes = 2; lanes <= 5; lanes++) {
    struct pool *pool = make(lanes);
    for (int i = 0; i < 200; i++) {
      atomic_int_fast64_t done = 0;
      pool_run(pool, 64, 1, nap, &done);
      ck_assert_int_eq(atomic_load(&done), 64);
    }
    pool_destroy(pool);
  }
}
END_TEST

static void fill_scratch(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct tally *t = arg;
  (void)begin;
  (void)end;
  char *scratch = pool_scratch(t->pool, lane);
  if ((uintptr_t)scratch % 64 != 0)
    atomic_fetch_add(&t->wrong, 1);
  memset(scratch, (int)lane + 1, POOL_SCRATCH);
  for (int i = 0; i < 100; i++)
    if (scratch[0] != (char)(lane + 1) || scratch[POOL_SCRATCH - 1] != (char)(lane + 1))
      atomic_fetch_add(&t->wrong, 1);
}

START_TEST(test_scratch_of_each_lane) {
  struct tally t = {.pool = make(4)};
  pool_run(t.pool, 64, 1, fill_scratch, &t);
  ck_assert_int_eq(atomic_load(&t.wrong), 0);
  char *first = pool_scratch(t.pool, 0);
  for (uint32_t i = 1; i < 4; i++) {
    char *own = pool_scratch(t.pool, i);
    ck_assert(own >= first + i * POOL_SCRATCH || own + POOL_SCRATCH <= first);
  }
  pool_destroy(t.pool);
}
END_TEST

static void *run_many(void *arg) {
  struct pool *pool = arg;
  for (int i = 0; i < 500; i++)
    check_region(pool, 50, 1);
  return NULL;
}

/* A second thread works alone meanwhile. */
START_TEST(test_two_callers) {
  struct pool *pool = make(2);
  pthread_t other;
  ck_assert_int_eq(pthread_create(&other, NULL, run_many, pool), 0);
  run_many(pool);
  pthread_join(other, NULL);
  pool_destroy(pool);
}
END_TEST

/* Two threads are in a body at once, and wait there for each other. */
struct meeting {
  struct pool *pool;
  atomic_int there, wrong;
};

static void meet(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct meeting *m = arg;
  char *scratch = pool_scratch(m->pool, lane);
  time_t give_up = time(NULL) + 20;
  int own = atomic_fetch_add(&m->there, 1) + 1;
  if (begin != 0 || end != 1 || lane != 0 || (uintptr_t)scratch % 64 != 0)
    atomic_fetch_add(&m->wrong, 1);
  memset(scratch, own, POOL_SCRATCH);
  atomic_fetch_add(&m->there, 1);
  while (atomic_load(&m->there) < 4 && time(NULL) < give_up)
    sched_yield();
  if (scratch[0] != own || scratch[POOL_SCRATCH - 1] != own || atomic_load(&m->there) != 4)
    atomic_fetch_add(&m->wrong, 1);
  if (!pool_is_inside(m->pool))
    atomic_fetch_add(&m->wrong, 1);
}

static void *run_meeting(void *arg) {
  struct meeting *m = arg;
  pool_run(m->pool, 1, 1, meet, m);
  return NULL;
}

START_TEST(test_two_scratches) {
  for (uint32_t lanes = 1; lanes <= 2; lanes++) {
    struct meeting m = {.pool = make(lanes)};
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, run_meeting, &m), 0);
    run_meeting(&m);
    pthread_join(other, NULL);
    ck_assert_int_eq(atomic_load(&m.wrong), 0);
    ck_assert(!pool_is_inside(m.pool));
    pool_destroy(m.pool);
  }
}
END_TEST

/* Lane 0 leaves work for the others, to look at from there. */
static void look_at_mask(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  struct tally *t = arg;
  (void)begin;
  (void)end;
  time_t give_up = time(NULL) + 20;
  while (lane == 0 && atomic_load(&t->pieces) == 0 && time(NULL) < give_up)
    sched_yield();
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  bool blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
  if (blocked != (lane > 0))
    atomic_fetch_add(&t->wrong, 1);
  if (lane > 0)
    atomic_fetch_add(&t->pieces, 1);
}

START_TEST(test_workers_take_no_signals) {
  struct tally t = {.pool = make(3)};
  pool_run(t.pool, 30, 1, look_at_mask, &t);
  ck_assert_int_eq(atomic_load(&t.wrong), 0);
  ck_assert_int_gt(atomic_load(&t.pieces), 0);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  ck_assert_int_eq(sigismember(&mask, SIGINT), 0);
  pool_destroy(t.pool);
}
END_TEST

START_TEST(test_workers_sleep_and_wake) {
  struct tally t = {.pool = make(2)};
  for (int i = 0; i < 20; i++) {
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    atomic_store(&t.pieces, 0);
    pool_run(t.pool, 10, 1, look_at_mask, &t);
    ck_assert_int_gt(atomic_load(&t.pieces), 0);
  }
  pool_destroy(t.pool);
}
END_TEST

START_TEST(test_limits) {
  struct tfm_error err = {0};
  struct pool *pool;
  ck_assert_int_eq(pool_create(257, &pool, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
  ck_assert_ptr_null(pool);
  pool_destroy(NULL);
  pool = make(0);
  ck_assert_uint_ge(pool_lanes(pool), 1);
  pool_destroy(pool);
  for (int i = 0; i < 50; i++) /* destroyed before its workers have begun */
    pool_destroy(make(4));
}
END_TEST

/* The allocator of AddressSanitizer may hang in a child of a process with several threads. */
#if defined(__SANITIZE_ADDRESS__)
#define CAN_FORK 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAN_FORK 0
#endif
#endif
#ifndef CAN_FORK
#define CAN_FORK 1
#endif

/* A child has the pool and none of its workers, be they asleep or awake. */
START_TEST(test_after_fork) {
  if (!CAN_FORK)
    return;
  struct pool *pool = make(4), *used = make(3);
  check_region(used, 1000, 1);
  for (int i = 0; i < 20; i++) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
      alarm(20);
      check_region(pool, 1000, 1);
      check_region(used, 1000, 1);
      pid_t grandchild = fork();
      if (grandchild == 0) {
        check_region(used, 1000, 1);
        pool_destroy(pool);
        pool_destroy(used);
        _exit(0);
      }
      int status = -1;
      waitpid(grandchild, &status, 0);
      check_region(pool, 1000, 1);
      pool_destroy(pool);
      pool_destroy(used);
      _exit(status);
    }
    check_region(used, 1000, 1);
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
  }
  pool_destroy(pool);
  pool_destroy(used);
}
END_TEST

UNIT_MAIN("pool", test_after_fork, test_every_item_once, test_many_small_regions, test_huge_range,
          test_nested_runs_inline, test_slow_lane_is_relieved, test_waits_for_workers,
          test_scratch_of_each_lane, test_two_callers, test_two_scratches,
          test_workers_take_no_signals, test_workers_sleep_and_wake, test_limits)
