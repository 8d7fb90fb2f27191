/* init.c - a plugin's init is called once a process, however many models are opened.
 *
 * What it said is kept beside the descriptor, which stays where it is: plugins are never
 * unloaded.  Its host is the process's own and is never finished, so that it may be kept. */
#include "runtime/registry_private.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct init_done {
  const tfm_plugin_desc *desc;
  bool failed;
  char reason[512]; /* why */
  struct init_done *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct init_done *all; /* reachable to the end of the process */
static struct host host;
static bool host_made;

static struct init_done *find(const tfm_plugin_desc *desc) {
  struct init_done *done = all;
  while (done && done->desc != desc)
    done = done->next;
  return done;
}

static struct init_done *call(const tfm_plugin_desc *desc, const tfm_plugin_desc *full,
                              const struct host *speaker) {
  struct init_done *done = calloc(1, sizeof *done);
  if (!done)
    return NULL;
  if (!host_made)
    host_init(&host, NULL, NULL);
  host_made = true;
  host_set_log(&host, speaker->log, speaker->log_arg);
  host_begin(&host);
  tfm_status said = full->init(&host.api);
  host_set_log(&host, NULL, NULL);
  if (said != TFM_OK) {
    struct tfm_error cause = {0};
    host_take_failure(&host, said, TFM_ERROR_PLUGIN, "init", &cause);
    snprintf(done->reason, sizeof done->reason, "%.500s", cause.message);
  }
  done->failed = said != TFM_OK;
  done->desc = desc;
  done->next = all;
  all = done;
  return done;
}

int registry_init(struct registry *registry, const tfm_plugin_desc *desc,
                  const tfm_plugin_desc *full, struct note_refusal *why, struct tfm_error *err) {
  if (!full->init)
    return 0;
  pthread_mutex_lock(&lock);
  struct init_done *done = find(desc);
  if (!done)
    done = call(desc, full, &registry->host);
  if (done && done->failed)
    snprintf(why->reason, sizeof why->reason, "%s", done->reason);
  int status = !done ? error_oom(err) : done->failed ? 1 : 0;
  pthread_mutex_unlock(&lock);
  return status;
}
