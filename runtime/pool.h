/* pool.h - the threads that share one computation.
 *
 * A pool has `lanes` lanes; lane 0 is the caller.  Workers spin for a short
 * while for the next piece of work (not at all when there are more lanes than
 * cores), then sleep.  One region has the lanes at a time: a second thread that
 * calls meanwhile does all of its work by itself, as lane 0 with a scratch of its
 * own; a call from inside a region runs inline on its own lane. */
#ifndef TFM_RUNTIME_POOL_H
#define TFM_RUNTIME_POOL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;

typedef void pool_body(void *arg, int64_t begin, int64_t end, uint32_t lane);

/* lanes 0 = one for each core this process may run on.  At most 256. */
int pool_create(uint32_t lanes, struct pool **out, struct tfm_error *err);
void pool_destroy(struct pool *pool);
uint32_t pool_lanes(const struct pool *pool);
/* Is this thread at work in a region of this pool?  NULL = no. */
bool pool_is_inside(const struct pool *pool);

/* Works in a child after fork(), too: with workers of its own, which the first call starts.
 * A child that is made while another thread is inside must not use the pool.
 *
 * Call body over [0, count) in contiguous pieces of at least grain items, and
 * return when all are done.  Each lane begins with its own part of the range,
 * the same from call to call, and then helps the others, so that a slow lane
 * does not hold up the rest.  Which lane gets which piece is not defined. */
void pool_run(struct pool *pool, int64_t count, int64_t grain, pool_body *body, void *arg);

/* Scratch memory of a lane, 64-byte aligned, POOL_SCRATCH bytes, for the
 * body that runs on that lane, on its own thread; contents undefined. */
enum { POOL_SCRATCH = 512 * 1024 };
void *pool_scratch(struct pool *pool, uint32_t lane);

#endif
