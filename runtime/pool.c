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
 * The items are dealt evenly, a contiguous range a lane.  A lane takes from
 * the front of its own range, and when that is empty from the back of the
 * others': neighbouring items stay on one lane, and from one region to the
 * next the same lane meets the same memory.
 *
 * A child after fork() has none of the workers.  The first region there starts new ones;
 * what the parent's had in hand (locks, counts) is made anew, since no thread of the child
 * holds it.  Where they cannot be started, lane 0 does all of the work.
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

/* What is left of a lane's range: begin in the upper half, end in the lower. */
struct share {
  _Alignas(64) atomic_uint_fast64_t left;
};

struct pool {
  uint32_t lanes;
  bool spin;     /* every lane has a core of its own */
  char *scratch; /* lanes * POOL_SCRATCH bytes */
  struct worker *worker;
  uint32_t started;  /* workers that run, lanes - 1 once created */
  atomic_uint forks; /* of this process' line, when they were started */

  pthread_mutex_t region;     /* held by the caller of a region */
  pthread_mutex_t spare_lock; /* of spare */
  void *spare;                /* scratch of threads that work alone: a list of those free */

  /* The open region. */
  pool_body *body;
  void *arg;
  int64_t count, scale; /* ranges count in units of scale items */
  uint32_t grain;       /* units */
  struct share *share;  /* [lanes] */

  /* Apart from each other: waiters read phase, lanes write active. */
  _Alignas(64) atomic_uint_fast64_t phase;
  atomic_bool stop;
  _Alignas(64) atomic_uint active; /* workers inside */
  atomic_uint sleepers;
  atomic_bool caller_sleeps;

  _Alignas(64) pthread_mutex_t lock; /* for the two conditions */
  pthread_cond_t wake, drained;
};

/* The region that this thread is inside of, for nested calls. */
static _Thread_local struct pool *inside;
static _Thread_local uint32_t inside_lane;
static _Thread_local void *inside_scratch; /* of a thread that works alone; NULL = the lane's */

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

static inline uint64_t pack_range(uint32_t begin, uint32_t end) {
  return (uint64_t)begin << 32 | end;
}

/* Half of what is left, so that the last pieces are small and all lanes end
 * together; at least grain, unless less is left. */
static bool take(struct share *share, uint32_t grain, bool back, uint32_t *begin, uint32_t *end) {
  uint_fast64_t old = atomic_load_explicit(&share->left, memory_order_relaxed), rest;
  do {
    uint32_t first = (uint32_t)(old >> 32), last = (uint32_t)old, left = last - first;
    if (left == 0)
      return false;
    uint32_t piece = left / 2 < grain ? grain : left - left / 2;
    /* A rest below grain joins its piece. */
    if (left <= piece || left - piece < grain)
      piece = left;
    *begin = back ? last - piece : first;
    *end = *begin + piece;
    rest = back ? pack_range(first, *begin) : pack_range(*end, last);
  } while (!atomic_compare_exchange_weak_explicit(&share->left, &old, rest, memory_order_relaxed,
                                                  memory_order_relaxed));
  return true;
}

static void work(struct pool *pool, uint32_t lane) {
  uint32_t begin, end;
  inside = pool;
  inside_lane = lane;
  inside_scratch = NULL;
  for (uint32_t i = 0; i < pool->lanes; i++) {
    uint32_t owner = lane + i < pool->lanes ? lane + i : lane + i - pool->lanes;
    while (take(&pool->share[owner], pool->grain, i > 0, &begin, &end)) {
      int64_t last = (int64_t)end * pool->scale;
      pool->body(pool->arg, (int64_t)begin * pool->scale, last < pool->count ? last : pool->count,
                 lane);
    }
  }
  inside = NULL;
}

/* Deal the items, in multiples of grain; no worker is inside. */
static void deal(struct pool *pool, int64_t count, int64_t grain) {
  pool->count = count;
  pool->scale = count / INT32_MAX + 1;
  int64_t units = (count - 1) / pool->scale + 1;
  int64_t least = (grain - 1) / pool->scale + 1;
  pool->grain = least < units ? (uint32_t)least : (uint32_t)units;
  int64_t parts = units / pool->grain, begin = 0;
  for (int64_t i = 1; i <= pool->lanes; i++) {
    int64_t end = i < pool->lanes ? parts * i / pool->lanes * pool->grain : units;
    atomic_store_explicit(&pool->share[i - 1].left, pack_range((uint32_t)begin, (uint32_t)end),
                          memory_order_relaxed);
    begin = end;
  }
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

static int start_workers(struct pool *pool, struct tfm_error *err);

/* How often the processes from the first to this one were forked since the first pool. */
static atomic_uint forks;
static pthread_once_t watch_forks = PTHREAD_ONCE_INIT;

/* Held while a child makes a pool anew. */
static pthread_mutex_t again = PTHREAD_MUTEX_INITIALIZER;

static void count_fork(void) {
  pthread_mutex_init(&again, NULL);
  atomic_fetch_add(&forks, 1);
}

static void begin_watching(void) {
  pthread_atfork(NULL, NULL, count_fork);
}

static void make_locks(struct pool *pool) {
  pthread_mutex_init(&pool->region, NULL);
  pthread_mutex_init(&pool->spare_lock, NULL);
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->drained, NULL);
}

/* In a child: the pool as it was when it was made. */
static void start_again(struct pool *pool) {
  struct tfm_error ignored = {0};
  pool->started = 0;
  make_locks(pool);
  atomic_store(&pool->phase, 0);
  atomic_store(&pool->stop, false);
  atomic_store(&pool->active, 0);
  atomic_store(&pool->sleepers, 0);
  atomic_store(&pool->caller_sleeps, false);
  (void)start_workers(pool, &ignored); /* fewer workers than lanes are enough */
}

static void follow_fork(struct pool *pool) {
  unsigned now = atomic_load(&forks);
  if (atomic_load_explicit(&pool->forks, memory_order_acquire) == now)
    return;
  pthread_mutex_lock(&again);
  if (atomic_load(&pool->forks) != now)
    start_again(pool);
  atomic_store_explicit(&pool->forks, now, memory_order_release);
  pthread_mutex_unlock(&again);
}

/* The lanes are this thread's: its region is opened, drained and closed. */
static void run_region(struct pool *pool, int64_t count, int64_t grain, pool_body *body,
                       void *arg) {
  if (pool->lanes == 1 || count <= grain) {
    inside = pool;
    inside_lane = 0;
    inside_scratch = NULL;
    body(arg, 0, count, 0);
    return;
  }
  pool->body = body;
  pool->arg = arg;
  deal(pool, count, grain);
  atomic_fetch_add(&pool->phase, 1);
  wake_sleepers(pool);
  work(pool, 0);
  atomic_fetch_add(&pool->phase, 1);
  await_drained(pool);
}

static void *allocate(size_t alignment, size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : NULL;
}

/* NULL = no memory.  A free one begins with the address of the next. */
static void *take_spare(struct pool *pool) {
  pthread_mutex_lock(&pool->spare_lock);
  void *memory = pool->spare;
  if (memory)
    pool->spare = *(void **)memory;
  pthread_mutex_unlock(&pool->spare_lock);
  return memory ? memory : allocate(SCRATCH_ALIGNMENT, POOL_SCRATCH);
}

static void give_spare(struct pool *pool, void *memory) {
  pthread_mutex_lock(&pool->spare_lock);
  *(void **)memory = pool->spare;
  pool->spare = memory;
  pthread_mutex_unlock(&pool->spare_lock);
}

/* Another thread has the lanes; false = no memory for a scratch. */
static bool run_alone(struct pool *pool, int64_t count, pool_body *body, void *arg) {
  void *scratch = take_spare(pool);
  if (!scratch)
    return false;
  inside = pool;
  inside_lane = 0;
  inside_scratch = scratch;
  body(arg, 0, count, 0);
  give_spare(pool, scratch);
  return true;
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
  follow_fork(pool);
  /* A body of this pool may call another pool: come back to this one after. */
  struct pool *outer = inside;
  uint32_t outer_lane = inside_lane;
  void *outer_scratch = inside_scratch;
  bool mine = pthread_mutex_trylock(&pool->region) == 0;
  if (mine || !run_alone(pool, count, body, arg)) {
    if (!mine)
      pthread_mutex_lock(&pool->region);
    run_region(pool, count, grain, body, arg);
    pthread_mutex_unlock(&pool->region);
  }
  inside = outer;
  inside_lane = outer_lane;
  inside_scratch = outer_scratch;
}

bool pool_is_inside(const struct pool *pool) {
  return pool && inside == pool;
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

/* Signals are the program's business: workers take none but those of what they do
 * themselves, which end the process unheard when they are blocked. */
static int start_workers(struct pool *pool, struct tfm_error *err) {
  static const int own_fault[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP};
  sigset_t all, before;
  sigfillset(&all);
  for (size_t i = 0; i < sizeof own_fault / sizeof *own_fault; i++)
    sigdelset(&all, own_fault[i]);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = 0;
  while (status == 0 && pool->started < pool->lanes - 1) {
    struct worker *w = &pool->worker[pool->started];
    w->pool = pool;
    w->lane = pool->started + 1;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
      status =
          error_set(err, TFM_ERROR_LIMIT, "cannot start thread %u of %u", w->lane + 1, pool->lanes);
    else
      pool->started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
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
  pthread_once(&watch_forks, begin_watching);
  atomic_store(&pool->forks, atomic_load(&forks));
  make_locks(pool);
  pool->scratch = allocate(SCRATCH_ALIGNMENT, (size_t)lanes * POOL_SCRATCH);
  pool->worker = calloc(lanes, sizeof *pool->worker);
  pool->share = allocate(_Alignof(struct share), lanes * sizeof *pool->share);
  int status = 0;
  if (pool->scratch == NULL || pool->worker == NULL || pool->share == NULL)
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
  if (atomic_load(&pool->forks) != atomic_load(&forks)) { /* the workers are the parent's */
    pool->started = 0;
    make_locks(pool);
  }
  atomic_store(&pool->stop, true);
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (uint32_t i = 0; i < pool->started; i++)
    pthread_join(pool->worker[i].thread, NULL);
  pthread_cond_destroy(&pool->drained);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  pthread_mutex_destroy(&pool->spare_lock);
  pthread_mutex_destroy(&pool->region);
  while (pool->spare) {
    void *next = *(void **)pool->spare;
    free(pool->spare);
    pool->spare = next;
  }
  free(pool->share);
  free(pool->worker);
  free(pool->scratch);
  free(pool);
}

uint32_t pool_lanes(const struct pool *pool) {
  return pool->lanes;
}

void *pool_scratch(struct pool *pool, uint32_t lane) {
  return inside == pool && inside_scratch ? inside_scratch
                                          : pool->scratch + (size_t)lane * POOL_SCRATCH;
}
