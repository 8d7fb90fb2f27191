/* session_private.h - what session.c (a step), state.c (its keys and values) and
 * inputs.c (sources and feeds) share. */
#ifndef TFM_RUNTIME_SESSION_PRIVATE_H
#define TFM_RUNTIME_SESSION_PRIVATE_H

#include "base/arena.h"
#include "graph/source.h"
#include "runtime/cache.h"
#include "runtime/sequence.h"
#include "runtime/session.h"
#include "runtime/source.h"

struct session_input {
  const struct graph_input *input;
  const struct type *type;
  enum graph_source kind;
  enum graph_side side;
  /* The feed: owned, contiguous, in the input's dtype; data NULL = none. */
  tfm_tensor feed;
  size_t feed_size;
};

/* One side's tokens during a call: row b has past[b] before and count[b] new. */
struct session_side {
  uint32_t rows;
  int64_t tokens; /* T: the most new ones of a row */
  int64_t total;  /* S: the most of past + new */
  const int32_t *past;
  const uint32_t *count;
  const int32_t *const *ids, *const *types; /* NULL = not known */
  const uint32_t *skip;                     /* NULL = none */
};

/* What an entry was last run with. */
struct session_entry {
  bool ran;
  int64_t variable[DIM_VARIABLES]; /* -1 = not known */
};

/* Where rows begin along a run-time dim, as an input said last. */
struct session_rows {
  int64_t *begin; /* [room + 1]; NULL = not said */
  uint32_t rows, room;
};

/* One layer of a state, as kernels see that of this step's rows. */
struct session_state {
  int32_t value;
  bool tensor; /* else keys and values */
  union {
    tfm_kv kv;
    tfm_state state;
  } seen;
};

struct session {
  struct arena arena;
  const struct program *program;
  const struct graph *graph;
  struct session_options options;
  struct exec *exec;

  struct session_input *input; /* graph->input_count */
  bool two_sided;              /* has generated.* inputs */

  uint32_t row_capacity;
  /* Of a step's rows, [row_capacity] each. */
  struct sequence **sequence, **own; /* own: those of rows that have none, empty between steps;
                                        both NULL without a state */
  int32_t *past, *fresh;             /* tokens before, and new ones */
  void *const **block;               /* their tables of blocks */
  const void **now;                  /* their tensors, and where the next ones go */
  void **next;
  uint32_t *count, *skip;
  const int32_t **ids, **types;
  int32_t *zero; /* past of the encoder's side, [row_capacity] */

  /* Whose texts the encoder's values are of that lie in exec; rows 0 = nobody's.
   * [source_capacity] each: themselves, NULL = nobody took them out; their tokens. */
  uint32_t source_rows, source_capacity;
  struct source **source;
  uint32_t *source_count;
  const int32_t **source_ids, **source_types;
  struct session_rows *begin;  /* [DIM_VARIABLES] */
  struct session_entry *entry; /* graph->entry_count */

  struct cache *cache;         /* NULL without a state; owned if options.cache is NULL */
  struct session_state *state; /* graph->state_count */
  int64_t capacity;            /* tokens of a row, as kernels were told */
  uint32_t shown_rows;         /* and rows; 0 = not of these arrays */
  int64_t limit;               /* most tokens of a row; 0 = none stated */
};

/* state.c */
int state_create(struct session *session, struct tfm_error *err);
void state_destroy(struct session *session);
/* Sequences of their own for rows [before, rows). */
int state_grow(struct session *session, uint32_t before, uint32_t rows, struct tfm_error *err);
/* The sequences of a step's rows, and past of each.  row NULL: of `rows` rows that have none.
 * A success is followed by state_end. */
int state_begin(struct session *session, const struct step_row *row, uint32_t rows,
                struct tfm_error *err);
/* Room for the new tokens, and what kernels are told of them; what is there stays. */
int state_reserve(struct session *session, const struct session_side *side, struct tfm_error *err);
/* The step is over: sequences have grown, or, after a failure, have not. */
void state_end(struct session *session, uint32_t rows, bool done);
uint64_t state_bytes(const struct session *session);

/* source.c */
/* Nobody's values lie there from now on. */
void sources_forget(struct session *session);
void sources_destroy(struct session *session);
/* The encoder has run on this side: its rows' are there.  out (may be NULL): taken out, one a
 * row, the caller's to release. */
int sources_take(struct session *session, const struct session_side *side, struct source **out,
                 struct tfm_error *err);
/* Before a step: the values of its rows' texts, in their order. */
int sources_put(struct session *session, const struct step_row *row, uint32_t rows,
                struct tfm_error *err);
/* The encoder's side, as it was last. */
struct session_side sources_side(const struct session *session);
/* session.c: run-time dimensions are those of another request. */
void session_forget_dims(struct session *session);

/* inputs.c */
int inputs_create(struct session *session, struct tfm_error *err);
void inputs_destroy(struct session *session);
/* Rows and tokens as the fed inputs of the entries that run then say; 0, 0 if none is fed. */
void inputs_fed_size(const struct session *session, enum graph_when when, int64_t *rows,
                     int64_t *tokens);
/* Give the run-time dimensions their values from the shapes of the entry's inputs, and say
 * where rows begin along those that differ by row. */
int inputs_bind(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, struct ragged_batch *batch, struct tfm_error *err);
/* Refuses rows of unequal length of an input whose rows do not lie end to end, where its
 * length is a number or a node would see the padding (padding.c). */
int padding_check(const struct session *session, const struct session_input *in,
                  const struct session_side *side, struct tfm_error *err);
/* Write the entry's inputs into their tensors. */
int inputs_fill(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, struct tfm_error *err);

#endif
