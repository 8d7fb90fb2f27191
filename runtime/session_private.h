/* session_private.h - what session.c (the request), state.c (the cache) and
 * inputs.c (sources and feeds) share. */
#ifndef TFM_RUNTIME_SESSION_PRIVATE_H
#define TFM_RUNTIME_SESSION_PRIVATE_H

#include "base/arena.h"
#include "graph/source.h"
#include "runtime/cache.h"
#include "runtime/sequence.h"
#include "runtime/session.h"

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

/* One layer's keys and values, as kernels see those of this step's rows. */
struct session_state {
  int32_t value;
  tfm_kv kv;
};

struct session {
  struct arena arena;
  const struct program *program;
  const struct graph *graph;
  struct session_options options;
  struct exec *exec;

  struct session_input *input; /* graph->input_count */
  bool two_sided;              /* has generated.* inputs */

  uint32_t rows, row_capacity; /* rows 0 = no request yet */
  struct sequence **sequence;  /* [row_capacity]: owned; NULL without a state */
  int32_t *length;             /* [row_capacity]: past */
  int32_t *fresh;              /* [row_capacity]: new tokens of the step */
  void *const **block;         /* [row_capacity]: tables of blocks during the step */
  int32_t *zero;               /* [row_capacity]: past of the encoder's side */
  uint32_t *source_count;      /* [row_capacity]: tokens of the encoder's side */
  uint32_t *all_count;         /* [row_capacity]: counts where everything is fed */
  struct session_rows *begin;  /* [DIM_VARIABLES] */
  struct session_entry *entry; /* graph->entry_count */
  bool encoded;                /* the entries of GRAPH_ONCE ran for this request */

  struct cache *cache;         /* NULL without a state */
  struct session_state *state; /* graph->state_count */
  int64_t limit;               /* most tokens of a row; 0 = none stated */
};

/* state.c */
int state_create(struct session *session, struct tfm_error *err);
void state_destroy(struct session *session);
/* Sequences for rows [before, rows), if there is a state. */
int state_rows(struct session *session, uint32_t before, uint32_t rows, struct tfm_error *err);
/* Room for a step's new tokens; what is there stays. */
int state_reserve(struct session *session, const struct session_side *side, struct tfm_error *err);
/* The step is over: rows have grown, or, after a failure, have not. */
void state_advance(struct session *session, const struct session_side *side, bool done);
int state_select(struct session *session, const uint32_t *row, uint32_t count,
                 struct tfm_error *err);
uint64_t state_bytes(const struct session *session);

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
/* Write the entry's inputs into their tensors. */
int inputs_fill(struct session *session, uint32_t entry, const struct session_side *source,
                const struct session_side *side, struct tfm_error *err);

#endif
