/* decode.h - how a text goes on: a decoding policy, one file and one row of policy.def.
 *
 * A text that is written on has one or more hypotheses, each a sequence that the model
 * runs on its own.  Each step a policy sees all of them with their logits, and says which
 * tokens follow, and after which of them:
 *
 *     hypothesis  0  1  2        choice  {0, "a"}  {0, "the"}  {2, "an"}
 *                 |     |                  |         |           |
 *                 |     +------------------|---------|-----------+
 *                 +------------------------+---------+       1 is dropped, 0 is forked
 *
 * Choice i becomes hypothesis i.  It begins with one hypothesis, the prompt. */
#ifndef TFM_LIB_DECODE_H
#define TFM_LIB_DECODE_H

#include "base/error.h"
#include "runtime/sample.h"
#include "tfm/tfm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a policy is told of a text before it begins; all of it outlives the policy. */
struct decode_options {
  const tfm_run_options *run; /* what the caller asked for: a policy reads its own options here */
  struct sample_options sample;
  uint64_t stream;     /* which of the seed's rows of numbers is drawn from */
  const int32_t *stop; /* ids at which the text ends, stop_count of them; none = it goes on */
  size_t stop_count;
  int64_t limit; /* new tokens, at most */
};

/* A sequence so far, and what the model thinks follows. */
struct decode_hypothesis {
  const int32_t *ids; /* the prompt, then the new tokens */
  size_t count, prompt;
  /* [vocabulary], after penalties and rules; no NaN, no +inf.  Logits, or log probabilities
   * where the policy asks for those. */
  const float *logits;
};

struct decode_step {
  const struct decode_hypothesis *hypothesis; /* count of them, 1 to the policy's width */
  uint32_t count;
  size_t vocabulary;
};

struct decode_choice {
  uint32_t parent; /* of the step's hypotheses */
  int32_t token;
};

/* What a policy of several hypotheses has found. */
struct decode_answer {
  const int32_t *ids; /* new tokens, the state's */
  size_t count;
  bool stopped; /* a stop ended it, which is not among them */
  double score;
};

struct decode_policy {
  const char *name;
  /* It sees log probabilities: the logits' log softmax, to which penalties and rules are then
   * applied. */
  bool log_probabilities;
  /* Is it the one that these options ask for?  The first row that says so is taken. */
  bool (*serves)(const tfm_run_options *options);
  /* How many hypotheses it keeps at most.  NULL = one, whose tokens stand once they are
   * chosen, so that text is handed out as it grows. */
  uint32_t (*width)(const tfm_run_options *options);
  /* *state is its own until destroy, which takes NULL. */
  int (*create)(const struct decode_options *options, void **state, struct tfm_error *err);
  void (*destroy)(void *state);
  /* choice has room for width; *count 0 = the text has ended.  A token may be a stop only
   * where width is NULL. */
  int (*choose)(void *state, const struct decode_step *step, struct decode_choice *choice,
                uint32_t *count, struct tfm_error *err);
  /* Of several hypotheses, whose logits are NULL by now, the answers, best first: the state's,
   * at least one.  NULL where width is. */
  int (*finish)(void *state, const struct decode_step *step, const struct decode_answer **answer,
                uint32_t *count, struct tfm_error *err);
};

/* Of the policies that serve these options the first; there always is one. */
const struct decode_policy *decode_find(const tfm_run_options *options);
/* How many hypotheses of a text it keeps. */
uint32_t decode_width(const tfm_run_options *options);

#define POLICY(NAME) extern const struct decode_policy decode_##NAME;
#include "lib/decode/policy.def"
#undef POLICY

#endif
