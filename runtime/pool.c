/* pool.c - a parallel region is opened, drained and closed.
 *
 * `phase` counts up by one when a region opens and again when it closes, so
 * it is odd while there is work.  A worker that sees an odd phase enters
 * (active + 1) and looks again: had the region closed meanwhile, it leaves
 * without touching it.  The caller closes the region and waits for active to
 * be 0; only then may the region's fields change.  A worker that sleeps
 * through a short region is not waited for.
 *
 *     caller   write fields, phase++ | take pieces ... | phase++, wait active == 0
 *     worker          see odd phase, active++, look again | take pieces ... | active--
 *
 * Each of the two hand-shakes (phase against active, phase against sleepers)
 * is "write mine, then read yours" on both sides, which needs seq_cst. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "runtime/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LANES_MAX = 256, SPIN_NANOSECONDS = 50000, SCRATCH_ALIGNMENT = 4096 };

struct worker {
  struct pool *pool;
  pthread_t thread;
  uint32_t lane;
};

struct pool {
  uint32_t lanes;
  bool spin;       /* every lane has a core of its own */
  char *scratch;   /* lanes * POOL_SCRATCH bytes */
  struct worker *worker;
  uint32_t started; /* workers that run, lanes - 1 once created */

  pthread_mutex_t region; /* held by the caller of a region */

  /* The open region. */
  pool_body *body;
  void *arg;
  int64_t count, grain;

  /* Apart from each other: every lane hammers next, waiters read phase. */
  _Alignas(64) atomic_uint_fast64_t phase;
  atomic_bool stop;
  _Alignas(64) atomic_int_fast64_t next; /* first item that nobody has */
  _Alignas(64) atomic_uint active;       /* workers inside */
  atomic_uint sleepers;
  atomic_bool caller_sleeps;

  _Alignas(64) pthread_mutex_t lock; /* for the two conditions */
  pthread_cond_t wake, drained;
};

/* The region that this thread is inside of, for nested calls. */
static _Thread_local struct pool *inside;
static _Thread_local uint32_t inside_lane;

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A share of what is left, so that the last pieces are small and all lanes
 * end together; at least grain, unless less is left. */
static bool take(struct pool *pool, int64_t *begin, int64_t *end) {
  int64_t first = atomic_load_explicit(&pool->next, memory_order_relaxed), piece;
  do {
    int64_t left = pool->count - first;
    if (left <= 0)
      return false;
    piece = left / (2 * (int64_t)pool->lanes);
    piece = piece < pool->grain ? pool->grain : piece;
    /* A rest below grain joins the last piece. */
    if (left - piece < pool->grain)
      piece = left;
  } while (!atomic_compare_exchange_weak_explicit(&pool->next, &first, first + piece,
                                                  memory_order_relaxed, memory_order_relaxed));
  *begin = first;
  *end = first + piece;
  return true;
}

static void work(struct pool *pool, uint32_t lane) {
  int64_t begin, end;
  inside = pool;
  inside_lane = lane;
  while (take(pool, &begin, &end))
    pool->body(pool->arg, begin, end, lane);
  inside = NULL;
}

/* Wait until the phase is odd and not `done`; false = stop. */
static bool await_region(struct pool *pool, uint_fast64_t done) {
  int64_t deadline = 0;
  for (unsigned i = 0; pool->spin; i++) {
    uint_fast64_t phase = atomic_load_explicit(&pool->phase, memory_order_acquire);
    if (atomic_load_explicit(&pool->stop, memory_order_relaxed))
      return false;
    if (phase % 2 == 1 && phase != done)
      return true;
    relax();
    if (i % 64 == 63) {
      int64_t t = now();
      if (deadline == 0)
        deadline = t + SPIN_NANOSECONDS;
      else if (t > deadline)
        break;
    }
  }
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->sleepers, 1);
  for (;;) {
    uint_fast64_t phase = atomic_load(&pool->phase);
    if (atomic_load(&pool->stop) || (phase % 2 == 1 && phase != done))
      break;
    pthread_cond_wait(&pool->wake, &pool->lock);
  }
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->lock);
  return !atomic_load(&pool->stop);
}

static void *worker_main(void *arg) {
  struct worker *self = arg;
  struct pool *pool = self->pool;
  uint_fast64_t done = 0;
  while (await_region(pool, done)) {
    atomic_fetch_add(&pool->active, 1);
    uint_fast64_t phase = atomic_load(&pool->phase);
    if (phase % 2 == 1) {
      work(pool, self->lane);
      done = phase;
    }
    if (atomic_fetch_sub(&pool->active, 1) == 1 && atomic_load(&pool->caller_sleeps)) {
      pthread_mutex_lock(&pool->lock);
      pthread_cond_signal(&pool->drained);
      pthread_mutex_unlock(&pool->lock);
    }
  }
  return NULL;
}

static void wake_sleepers(struct pool *pool) {
  if (atomic_load(&pool->sleepers) == 0)
    return;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

static void await_drained(struct pool *pool) {
  int64_t deadline = 0;
  for (unsigned i = 0; pool->spin; i++) {
    if (atomic_load(&pool->active) == 0)
      return;
    relax();
    if (i % 64 == 63) {
      int64_t t = now();
      if (deadline == 0)
        deadline = t + SPIN_NANOSECONDS;
      else if (t > deadline)
        break;
    }
  }
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->caller_sleeps, true);
  while (atomic_load(&pool->active) != 0)
    pthread_cond_wait(&pool->drained, &pool->lock);
  atomic_store(&pool->caller_sleeps, false);
  pthread_mutex_unlock(&pool->lock);
}

void pool_run(struct pool *pool, int64_t count, int64_t grain, pool_body *body, void *arg) {
  if (count <= 0)
    return;
  if (grain < 1)
    grain = 1;
  if (inside == pool) {
    body(arg, 0, count, inside_lane);
    return;
  }
  /* A body of this pool may call another pool: come back to this one after. */
  struct pool *outer = inside;
  uint32_t outer_lane = inside_lane;
  pthread_mutex_lock(&pool->region);
  if (pool->lanes == 1 || count <= grain) {
    inside = pool;
    inside_lane = 0;
    body(arg, 0, count, 0);
  } else {
    pool->body = body;
    pool->arg = arg;
    pool->count = count;
    pool->grain = grain;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_fetch_add(&pool->phase, 1);
    wake_sleepers(pool);
    work(pool, 0);
    atomic_fetch_add(&pool->phase, 1);
    await_drained(pool);
  }
  pthread_mutex_unlock(&pool->region);
  inside = outer;
  inside_lane = outer_lane;
}

static uint32_t cores(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return (uint32_t)CPU_COUNT(&set);
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (uint32_t)n : 1;
}

/* Signals are the program's business: workers take none. */
static int start_workers(struct pool *pool, struct tfm_error *err) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = 0;
  while (status == 0 && pool->started < pool->lanes - 1) {
    struct worker *w = &pool->worker[pool->started];
    w->pool = pool;
    w->lane = pool->started + 1;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
      status = error_set(err, TFM_ERROR_LIMIT, "cannot start thread %u of %u", w->lane + 1,
                         pool->lanes);
    else
      pool->started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
}

static void *allocate(size_t alignment, size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : NULL;
}

int pool_create(uint32_t lanes, struct pool **out, struct tfm_error *err) {
  *out = NULL;
  uint32_t available = cores();
  if (lanes == 0)
    lanes = available < LANES_MAX ? available : LANES_MAX;
  if (lanes > LANES_MAX)
    return error_set(err, TFM_ERROR_LIMIT, "%u threads asked for, at most %d are possible", lanes,
                     LANES_MAX);
  struct pool *pool = allocate(_Alignof(struct pool), sizeof *pool);
  if (pool == NULL)
    return error_oom(err);
  *pool = (struct pool){.lanes = lanes, .spin = lanes <= available};
  pthread_mutex_init(&pool->region, NULL);
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->drained, NULL);
  pool->scratch = allocate(SCRATCH_ALIGNMENT, (size_t)lanes * POOL_SCRATCH);
  pool->worker = calloc(lanes, sizeof *pool->worker);
  int status = 0;
  if (pool->scratch == NULL || pool->worker == NULL)
    status = error_oom(err);
  else
    status = start_workers(pool, err);
  if (status != 0) {
    pool_destroy(pool);
    return -1;
  }
  *out = pool;
  return 0;
}

void pool_destroy(struct pool *pool) {
  if (pool == NULL)
    return;
  atomic_store(&pool->stop, true);
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (uint32_t i = 0; i < pool->started; i++)
    pthread_join(pool->worker[i].thread, NULL);
  pthread_cond_destroy(&pool->drained);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  pthread_mutex_destroy(&pool->region);
  free(pool->worker);
  free(pool->scratch);
  free(pool);
}

uint32_t pool_lanes(const struct pool *pool) {
  return pool->lanes;
}

void *pool_scratch(struct pool *pool, uint32_t lane) {
  return pool->scratch + (size_t)lane * POOL_SCRATCH;
}
