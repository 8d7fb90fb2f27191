/* context.h - what models share: plugins, loaded once, and the threads that compute.
 *
 * A model that is given none has one of its own, made the same way.  Counted: it goes with
 * its last user, the caller or a model. */
#ifndef TFM_LIB_CONTEXT_H
#define TFM_LIB_CONTEXT_H

#include "base/error.h"
#include "runtime/pool.h"
#include "runtime/registry.h"
#include "tfm/tfm.h"

#include <pthread.h>
#include <stdatomic.h>

struct tfm_context {
  atomic_uint users;
  struct registry *registry;
  struct pool *pool;    /* NULL = its one model is not to be run */
  tfm_message *message; /* may be NULL */
  void *message_arg;
  pthread_mutex_t message_lock;
};

/* Without threads yet; log is told what plugins say while they are loaded. */
int context_open(const char *const *plugin_dir, size_t plugin_dir_count, host_log *log,
                 void *log_arg, struct tfm_context **out, struct tfm_error *err);
void context_share(struct tfm_context *context);
/* NULL is nothing. */
void context_release(struct tfm_context *context);

#endif
