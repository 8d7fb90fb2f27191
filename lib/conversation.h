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

struct tfm_session {
  struct tfm_model *model;   /* of which it is a user */
  struct sequence *sequence; /* NULL = the model has no state: all is run each step */
  int32_t *ids;
  size_t count, room;
  atomic_bool busy; /* a call uses it */

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

/* Another step is wanted. */
bool conversation_works(const struct tfm_session *session);

#endif
