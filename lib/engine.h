/* engine.h - what a run of a model changes, and who uses the model.
 *
 * An open model stays as it is.  A call that runs it takes an engine of it that is free, or
 * makes one: memory for activations and caches, dumps, counters.  Engines stay with the
 * model, so that there are as many as calls have run it at once, ENGINES_MAX at most; one
 * more waits.
 *
 *     thread 1   enter ... run ... leave      engine 0  [======]     [===]
 *     thread 2       enter ... run ... leave  engine 1     [======]
 *
 * Taking and leaving are a flag of the engine; a lock is only taken to wait.  A signal
 * handler may cancel: the table of engines is read without a lock. */
#ifndef TFM_LIB_ENGINE_H
#define TFM_LIB_ENGINE_H

#include "base/error.h"
#include "lib/attention.h"
#include "lib/compare.h"
#include "lib/dump.h"
#include "runtime/session.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { ENGINES_MAX = 64 };

struct tfm_model;

struct engine {
  struct tfm_model *model;
  struct session *session;
  struct dump dump;
  struct step_row *row; /* of sessions that step: scratch, kept for the next step */
  size_t row_room;
  struct attention_list *attention; /* what is kept of it; NULL = nothing */
  struct compare_row *compared;     /* a row a point of the model's comparison; NULL = none */
  uint32_t pass_rows, pass_tokens;  /* of the last pass: rows, and tokens of the longest */
  uint32_t pass;                    /* passes since the request began: dumps are numbered by it */
  atomic_int cancel;
  atomic_bool busy;
  struct engine *outer; /* the engine that this thread was running when it took this one */
};

/* Of a model, what is not constant.  The model is gone when users is 0: who opened it
 * counts, and each engine that is busy. */
struct model_use {
  atomic_uint users;
  _Atomic(struct engine *) engine[ENGINES_MAX]; /* from the first on; NULL = none yet */
  atomic_uint waiting;
  pthread_mutex_t lock; /* for left */
  pthread_cond_t left;
  pthread_mutex_t message_lock; /* kernels speak from any thread */
  atomic_bool generation_said;  /* generation_warn has spoken */
  atomic_bool types_said;       /* rows_warn_types has */
};

struct model_use *model_use_create(struct tfm_error *err);
/* Its engines too. */
void model_use_destroy(struct model_use *use);

/* One more engine, free; made before it is needed, so that opening finds what is wrong. */
int engine_add(struct tfm_model *model, struct tfm_error *err);
/* Begin a call that runs the model.  Refused where a callback of a run of this model makes
 * it: what it would compute is computed in the middle of what calls.  call: its name. */
struct engine *engine_enter(struct tfm_model *model, const char *call, struct tfm_error *err);
/* End it.  The model is gone then if it was destroyed meanwhile, and this was the last. */
void engine_leave(struct engine *engine);
/* Forget the request before. */
void engine_begin(struct engine *engine);

/* Run an encoder-decoder's encoder; see session_encode.  rows 0 = every input is fed. */
int engine_encode(struct engine *engine, const struct step_row *row, size_t rows,
                  struct source **out, struct tfm_error *err);
/* Run the graph on rows of new tokens.  rows 0 = every input is fed. */
int engine_pass(struct engine *engine, const struct step_row *row, size_t rows,
                struct tfm_error *err);

#endif
