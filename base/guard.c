/* guard.c - a list that a signal handler can walk.
 *
 * Entries are only ever put in front and never freed, so that the handler
 * needs no lock; one that was removed has begin 0 and is used again. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#endif
#include "base/guard.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
  atomic_uintptr_t begin, end; /* whole pages; begin 0 = free */
  atomic_bool damaged;
  struct guard *next;
};

static _Atomic(struct guard *) first;
static atomic_uintptr_t page; /* bytes of one, once an entry was made */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* A free entry, under the mutex. */
static struct guard *take(void) {
  struct guard *g = atomic_load(&first);
  while (g && atomic_load(&g->begin) != 0)
    g = g->next;
  if (g)
    return g;
  g = calloc(1, sizeof *g);
  if (!g)
    return NULL;
  g->next = atomic_load(&first);
  atomic_store(&first, g);
  return g;
}

struct guard *guard_add(const void *data, size_t size) {
  pthread_mutex_lock(&mutex);
  long bytes = sysconf(_SC_PAGESIZE);
  struct guard *g = bytes > 0 ? take() : NULL;
  if (g) {
    uintptr_t mask = (uintptr_t)bytes - 1, begin = (uintptr_t)data;
    atomic_store(&page, (uintptr_t)bytes);
    atomic_store(&g->damaged, false);
    atomic_store(&g->end, (begin + size + mask) & ~mask);
    atomic_store(&g->begin, begin & ~mask); /* last: from here on it is seen */
  }
  pthread_mutex_unlock(&mutex);
  return g;
}

void guard_remove(struct guard *guard) {
  if (!guard)
    return;
  pthread_mutex_lock(&mutex);
  atomic_store(&guard->begin, 0);
  pthread_mutex_unlock(&mutex);
}

/* mmap is no more than a system call here, though POSIX does not list it as
 * safe in a handler. */
bool guard_fault(const void *address) {
  uintptr_t at = (uintptr_t)address;
  for (struct guard *g = atomic_load(&first); g; g = g->next) {
    uintptr_t begin = atomic_load(&g->begin), end = atomic_load(&g->end);
    if (begin == 0 || at < begin || at >= end)
      continue;
    at &= ~(atomic_load(&page) - 1);
    atomic_store(&g->damaged, true);
    return mmap((void *)at, end - at, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
  }
  return false;
}

bool guard_damaged(const struct guard *guard) {
  return guard && atomic_load(&guard->damaged);
}
