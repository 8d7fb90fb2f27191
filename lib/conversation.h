/* conversation.h - a text that outlives calls: what tfm.h calls a session.
 *
 * It has the ids that were appended and made, and of these the first as a sequence in the
 * model's cache; the rest is run in the next step.  While it is written on there is a
 * generation, from begin to finish. */
#ifndef TFM_LIB_CONVERSATION_H
#define TFM_LIB_CONVERSATION_H

#include "lib/generation.h"
#include "runtime/sequence.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Who uses a session: nobody, a call, or a call in whose time it was destroyed: it goes at
 * the end of that call. */
enum { CONVERSATION_IDLE, CONVERSATION_BUSY, CONVERSATION_DOOMED };

struct tfm_session {
  struct tfm_model *model;   /* of which it is a user */
  struct sequence *sequence; /* NULL = the model has no state: all is run each step */
  struct source *source;     /* an encoder-decoder's: what it has read; NULL = nothing yet */
  int32_t *ids;
  size_t count, room;
  atomic_int use; /* CONVERSATION_ */

  /* From begin to finish. */
  bool writing;
  bool broken; /* its step failed, and it alone: it does not go on */
  bool first;  /* no step yet */
  struct generation text;
  tfm_run_options options;
  struct tfm_result *result;
  const float *logits; /* of the step that runs */
  uint32_t fed;        /* tokens in it; 0 = it takes no part */
  uint64_t begun_ns;
};

/* For a call; false = another one uses it. */
bool conversation_take(struct tfm_session *session);
/* The same for a call that changes its text, or keeps it: not while it is written on. */
int conversation_take_idle(struct tfm_session *session, const char *call, struct tfm_error *err);
/* More ids at its end. */
int conversation_push(struct tfm_session *session, const int32_t *ids, size_t count,
                      struct tfm_error *err);
/* The session is gone then if it was destroyed meanwhile. */
void conversation_leave(struct tfm_session *session);
/* Another step is wanted. */
bool conversation_works(const struct tfm_session *session);
/* One step of count sessions that the caller has taken; those that do not work rest. */
int conversation_step(struct engine *engine, tfm_session *const *session, size_t count,
                      struct tfm_error *err);

#endif
