/* generation.h - one text that is written on: its hypotheses, what is told of it, its end.
 *
 * It knows nothing of batches: whoever runs the model hands it the logits of its
 * hypotheses, and asks after each step which of them go on. */
#ifndef TFM_LIB_GENERATION_H
#define TFM_LIB_GENERATION_H

#include "base/buffer.h"
#include "lib/decode/decode.h"
#include "lib/decode/rules.h"
#include "lib/model.h"
#include "lib/result.h"
#include "lib/rows.h"
#include "runtime/penalty.h"

struct token_stream;

struct hypothesis {
  int32_t *ids; /* the prompt, then the new tokens */
  size_t count, room;
  struct penalty penalty;
};

/* What a text begins with; pointers live until generation_free. */
struct generation_start {
  const struct tfm_model *model;
  const tfm_run_options *options;
  struct tfm_result *result; /* its arena holds the answer's parts */
  tfm_answer *answer;
  const int32_t *ids; /* the prompt */
  size_t count;
  size_t row;       /* the number that the callback is told */
  const char *name; /* "input 2" */
  uint64_t seed, stream;
};

struct generation {
  struct generation_start start;
  char name[ROW_NAME];
  const struct decode_policy *policy;
  void *policy_state;
  struct rules rules;                   /* its stops are where the text ends */
  struct hypothesis *hypothesis, *next; /* [width] each; next: those of the step after */
  struct decode_hypothesis *seen;       /* [width]: what the policy sees */
  float *work; /* [width][vocabulary]: its logits, where they are not the model's own; or NULL */
  struct decode_choice *choice; /* [width]: the last step's: parent[i] of hypothesis i */
  uint32_t width, live;
  size_t prompt;
  int64_t limit;
  struct token_stream *stream; /* NULL = no tokenizer */
  struct buffer text;
  size_t told;            /* bytes of text that the caller has been given */
  bool silent;            /* nothing more is told */
  tfm_token_score *score; /* a new token each; NULL unless logprobs are asked for */
  size_t scores, score_room;
  const char *stop; /* NULL = still going */
};

/* Before the first pass.  What it has made is freed with generation_free, after a failure
 * too. */
int generation_begin(struct generation *g, const struct generation_start *start,
                     struct tfm_error *err);
/* The next tokens, from the logits of each live hypothesis, as the model gave them; it may
 * end with them.  Hypothesis i was choice[i].parent before. */
int generation_advance(struct generation *g, const float *const *logits, size_t vocabulary,
                       struct tfm_error *err);
/* It has ended: its answer. */
int generation_finish(struct generation *g, struct tfm_error *err);
void generation_free(struct generation *g);

#endif
