/* session.h - a batch of sequences: what they were, how far they are.
 *
 * Rows are ragged.  A step gives row b its own number of new tokens; inside,
 * rows lie end to end, without padding (ragged.h), and each is told apart from
 * the others.  Row b's next token stands at position length(b), so a row
 * computes the same, to the bit, alone or in any batch.
 *
 *     decoder   session_step(prompts)  session_step(one token a row) ...
 *     encoder   session_encode(inputs)
 *     both      session_encode(sources)  session_step(start tokens) ...
 *
 * Inputs are filled by source (graph/source.def).  Where both texts are there, tokens.*
 * are the encoder's and generated.* the decoder's.
 * A run-time dimension gets its value from the shapes of the inputs. */
#ifndef TFM_RUNTIME_SESSION_H
#define TFM_RUNTIME_SESSION_H

#include "base/error.h"
#include "runtime/exec.h"
#include "runtime/program.h"

#include <stdbool.h>
#include <stdint.h>

struct session;

struct session_options {
  uint64_t memory_limit; /* bytes of activations and state, each; 0 = none */
  const atomic_int *cancel;
  bool profile;
};

/* New tokens of each row.  Pointers are read during the call only. */
struct session_batch {
  uint32_t rows;
  const uint32_t *count;       /* [rows]; 0 = the row rests (its outputs mean nothing) */
  const int32_t *const *ids;   /* [rows][count]; NULL = no input needs ids, or they are fed */
  const int32_t *const *types; /* [rows][count]; NULL = all 0 */
  const uint32_t *skip;        /* [rows]: of the first tokens, those of a prompt; NULL = none */
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

/* Run the entries of GRAPH_ONCE.  Starts a new request: lengths become 0.  batch NULL =
 * every input is fed; rows and counts then come from the shapes. */
int session_encode(struct session *session, const struct session_batch *batch,
                   struct tfm_error *err);

/* Run the entries of GRAPH_STEP on new tokens, then lengths grow by count.  The number
 * of rows is that of the first step (of encode) until session_reset. */
int session_step(struct session *session, const struct session_batch *batch, struct tfm_error *err);

/* An output of the graph ("logits"), f32 and contiguous, as a rectangle: zero where a row ends
 * before the longest.  Made when it is asked for, valid until the next encode or step; NULL if there is none of that name or it did not run yet. */
const tfm_tensor *session_output(const struct session *session, const char *name);

uint32_t session_rows(const struct session *session);
int64_t session_length(const struct session *session, uint32_t row);
/* Forget what comes after the first `length` tokens of a row. */
int session_truncate(struct session *session, uint32_t row, int64_t length, struct tfm_error *err);
/* Row i becomes what row[i] was: drop finished rows, reorder, copy one over
 * another.  count is at most session_rows. */
int session_select(struct session *session, const uint32_t *row, uint32_t count,
                   struct tfm_error *err);
/* May rows be chosen anew?  Not where the caller feeds values for all of them, nor in
 * an encoder-decoder. */
bool session_selects(const struct session *session);
/* Forget all rows; memory is kept. */
void session_reset(struct session *session);

/* The most tokens of a row, as the model states; 0 = no bound stated. */
int64_t session_limit(const struct session *session);
/* Has it a state?  Without one every step must give the whole sequence, and
 * lengths stay 0. */
bool session_cached(const struct session *session);

uint64_t session_activation_bytes(const struct session *session);
uint64_t session_state_bytes(const struct session *session);
const struct exec_profile *session_profiles(const struct session *session, uint32_t *count);

#endif
