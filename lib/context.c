/* context.c - plugins and threads, once for many models. */
#include "lib/context.h"

#include "lib/caller.h"
#include "lib/message.h"

#include <stdlib.h>

static struct tfm_context *create(struct tfm_error *err) {
  struct tfm_context *context = calloc(1, sizeof *context);
  if (!context)
    return error_oom(err), NULL;
  atomic_store(&context->users, 1);
  pthread_mutex_init(&context->message_lock, NULL);
  return context;
}

void context_share(struct tfm_context *context) {
  atomic_fetch_add(&context->users, 1);
}

void context_release(struct tfm_context *context) {
  if (!context || atomic_fetch_sub(&context->users, 1) != 1)
    return;
  pool_destroy(context->pool);
  registry_close(context->registry);
  pthread_mutex_destroy(&context->message_lock);
  free(context);
}

static int load(struct tfm_context *context, const char *const *plugin_dir, size_t count,
                host_log *log, void *log_arg, struct tfm_error *err) {
  struct registry_dirs dirs;
  if (registry_default_dirs(plugin_dir, count, &dirs, err) != 0)
    return -1;
  int status = registry_open((const char *const *)dirs.path, dirs.count, log, log_arg,
                             &context->registry, err);
  registry_dirs_finish(&dirs);
  return status ? status : registry_need_package(context->registry, err);
}

int context_open(const char *const *plugin_dir, size_t plugin_dir_count, host_log *log,
                 void *log_arg, struct tfm_context **out, struct tfm_error *err) {
  *out = create(err);
  if (*out && load(*out, plugin_dir, plugin_dir_count, log, log_arg, err) == 0)
    return 0;
  context_release(*out);
  *out = NULL;
  return -1;
}

/* A host_log.  Of what plugins say while models run these hear, and not the context. */
static void say(void *arg, int level, const char *text) {
  struct tfm_context *context = arg;
  message_send(context->message, context->message_arg, &context->message_lock, level, text);
}

tfm_context *tfm_context_create(const tfm_context_options *options, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  tfm_context_options full;
  error_clear(err);
  if (caller_context_options(options, &full, err) != 0)
    return NULL;
  struct tfm_context *context = create(err);
  if (!context)
    return NULL;
  context->message = full.message;
  context->message_arg = full.message_arg;
  if (load(context, full.plugin_dir, full.plugin_dir_count, say, context, err) == 0 &&
      pool_create(full.threads, &context->pool, err) == 0)
    return context;
  context_release(context);
  return NULL;
}

void tfm_context_destroy(tfm_context *context) {
  context_release(context);
}
