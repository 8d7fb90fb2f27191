/* host.h - the services that a kernel is given (struct tfm_host).
 *
 * One host serves one thread of control: a session's run, or one node's
 * prepare.  fail keeps the first message until host_take_failure. */
#ifndef TFM_RUNTIME_HOST_H
#define TFM_RUNTIME_HOST_H

#include "base/error.h"
#include "runtime/pool.h"
#include "tfm/plugin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_VERSION "0.1.0"

typedef void host_log(void *arg, int level, const char *text);

struct host {
  tfm_host api;             /* api.impl points back here */
  struct pool *pool;        /* NULL = parallel_for runs inline */
  const atomic_int *cancel; /* nonzero = stop; NULL = never */
  host_log *log;            /* NULL = silent */
  void *log_arg;
  pthread_mutex_t lock; /* fail may come from any thread */
  struct tfm_error failure;
};

/* In place; must not move afterwards. */
void host_init(struct host *host, struct pool *pool, const atomic_int *cancel);
void host_finish(struct host *host);
void host_set_log(struct host *host, host_log *log, void *arg);

/* Before a plugin's function is called: what was said through fail by one that then
 * returned TFM_OK is of no account, and not the next one's.  No other thread is at work. */
void host_begin(struct host *host);

/* Turn what a plugin's function returned, and what it said through fail, into
 * err: `prefix` names node, op, kernel and plugin.  Clears the failure.
 * CANCELLED is TFM_ERROR_INTERRUPTED, NO_MEMORY is TFM_ERROR_LIMIT, the rest
 * `code`.  Returns -1. */
int host_take_failure(struct host *host, tfm_status status, enum tfm_error_code code,
                      const char *prefix, struct tfm_error *err);

/* The taps of one running node: tfm_run.impl points to it. */
struct host_tap {
  tfm_tensor tensor; /* data owned by the taps */
  size_t capacity;   /* bytes */
  bool filled;       /* asked for during this run */
};
struct host_taps {
  uint64_t wanted;
  uint32_t count;
  struct host_tap *tap;
};
/* tap: count of them, zeroed, owned by the caller. */
void host_taps_init(struct host_taps *taps, uint64_t wanted, struct host_tap *tap, uint32_t count);
void host_taps_finish(struct host_taps *taps); /* frees the buffers */

/* 64-byte aligned and zeroed; NULL = no memory or size 0.  free() it. */
void *host_alloc(size_t bytes);

#endif
