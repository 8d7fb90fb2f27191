/* session.h - steps: which sequences run next, and with what.
 *
 * A step is put together anew from any sequences: some with a whole prompt, some
 * with one token, none of them there in the step before or after if the caller so
 * likes.  Rows are ragged: each gives its own number of new tokens, and they lie end
 * to end inside, without padding (ragged.h).  Each computes the same, to the bit,
 * alone or beside any others.
 *
 *     step     a: 90 tokens   b: 1 token
 *     step     a: 1 token     b: 1 token   c, a fork of b: 1 token
 *     step     c: 1 token     d: 12 tokens
 *
 * A sequence's next token stands at the position that is its length.  A session is
 * the memory that steps need, and is used by one thread at a time; sequences of one
 * cache may be run by sessions of several threads.
 *
 * Inputs are filled by source (graph/source.def).  Where both texts are there, tokens.*
 * are the encoder's and generated.* the decoder's: session_encode runs the one, and
 * steps of the same rows the other.
 * A run-time dimension gets its value from the shapes of the inputs. */
#ifndef TFM_RUNTIME_SESSION_H
#define TFM_RUNTIME_SESSION_H

#include "base/error.h"
#include "runtime/exec.h"
#include "runtime/program.h"
#include "runtime/sequence.h"
#include "runtime/source.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

struct session_options {
  uint64_t memory_limit; /* bytes of activations and state, each; 0 = none */
  const atomic_int *cancel;
  bool profile;
  struct cache *cache; /* of session_cache_create, where steps' sequences are; NULL = an own one */
};

/* Of one step; read during the call only. */
struct step_row {
  struct sequence *sequence; /* what it goes on from, once in a step at most.  NULL = from
                                nothing, and it is not kept; so in a model without a state */
  const int32_t *ids;        /* [count]; NULL = no input needs ids, or they are fed */
  const int32_t *types;      /* [count]; NULL = all 0 */
  uint32_t count;            /* 0 = the row rests: its outputs mean nothing */
  uint32_t skip;             /* of its first tokens, those of a prompt */
  struct source *source;     /* an encoder-decoder's: the text that its decoder looks at; NULL in
                                all rows = those of the last session_encode, in their order */
};

int session_create(const struct program *program, const struct session_options *options,
                   struct session **out, struct tfm_error *err);
void session_destroy(struct session *session);
void session_set_watch(struct session *session, exec_watch *watch, void *arg);

/* Give an input its value, by name, from now on: one that the compiler was
 * told to feed, or a declared one (ids, pos, real).  Copied.  Any numeric
 * dtype; integers are checked against the input's range.  Missing leading
 * dimensions are 1: [T, D] for [B, T, D].  tensor NULL = no longer. */
int session_feed(struct session *session, const char *name, const tfm_tensor *tensor,
                 struct tfm_error *err);

/* Run the graph on the rows' new tokens, by which their sequences have then grown; after a
 * failure they are as before.  rows 0 = every input is fed, and rows and tokens come from the
 * shapes.  Allocates nothing while rows, tokens and keys are no more than in some step before,
 * sequences have room in their tables, and the cache has a free block for each that needs one;
 * see session.c. */
int session_run(struct session *session, const struct step_row *row, uint32_t rows,
                struct tfm_error *err);
/* Run an encoder on its texts (sequences are not looked at): for an encoder-decoder, what the
 * same number of rows of session_run read until the next call.  out (may be NULL): what it has
 * left of each row, for rows of any steps of any session of the program; the caller's to
 * release. */
int session_encode(struct session *session, const struct step_row *row, uint32_t rows,
                   struct source **out, struct tfm_error *err);

/* For several sessions of one program; NULL in *out where it has no state. */
int session_cache_create(const struct program *program, uint64_t memory_limit, struct cache **out,
                         struct tfm_error *err);
/* Where its steps' sequences must be; NULL without a state. */
struct cache *session_cache(const struct session *session);

/* An output of the graph ("logits"), f32 and contiguous, as a rectangle: zero where a row ends
 * before the longest.  Made when it is asked for, valid until the next encode or step; NULL if
 * there is none of that name or it did not run yet. */
const tfm_tensor *session_output(const struct session *session, const char *name);

/* Its shape as a rectangle, without the data; false where session_output is NULL. */
bool session_shape(const struct session *session, const char *name, tfm_tensor *out);
/* A row's part of it, where it lies: [1, T, ...] with that row's T.  row: one of the step's.
 * What is not in the host's memory is copied there, which asks for memory at the first row of
 * a step alone: the others do not fail then. */
int session_row(const struct session *session, const char *name, uint32_t row, tfm_tensor *out,
                struct tfm_error *err);

/* Is a value fed?  Then every step has the rows that the value has. */
bool session_fed(const struct session *session);

/* The most tokens of a row, as the model states; 0 = no bound stated. */
int64_t session_limit(const struct session *session);
/* The same of the texts that an encoder reads. */
int64_t session_source_limit(const struct session *session);
/* Has it a state?  Without one every step must give the whole text. */
bool session_cached(const struct session *session);

uint64_t session_activation_bytes(const struct session *session);
/* Of the most blocks that were in use at once. */
uint64_t session_state_bytes(const struct session *session);
const struct exec_profile *session_profiles(const struct session *session, uint32_t *count);

#endif
