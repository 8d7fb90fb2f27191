/* session.c - tfmrun --session FILE: one text that goes on from run to run.  The file has what
 * the model keeps of it, so that a run computes what is new. */
#include "tools/run.h"

#include <unistd.h>

/* The session of the file, or a new one where there is no file yet. */
static tfm_session *open_session(struct job *job) {
  const char *path = job->options->session;
  return access(path, F_OK) == 0 ? tfm_session_load(job->model, path, job->error)
                                 : tfm_session_create(job->model, job->error);
}

int run_session(struct job *job, const tfm_input *input, const tfm_run_options *run,
                tfm_result **result) {
  tfm_session *session = open_session(job);
  int status = session ? 0 : -1;
  if (status == 0)
    status = tfm_session_append(session, input, run->flags & TFM_RUN_PLAIN_SPECIAL, job->error);
  if (status == 0)
    status = tfm_session_generate(session, run, result, job->error);
  if (status == 0)
    status = tfm_session_save(session, job->options->session, job->error);
  tfm_session_destroy(session);
  return status;
}
