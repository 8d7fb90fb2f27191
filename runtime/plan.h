/* plan.h - where every value lives.
 *
 * Who shares memory with whom depends on lifetimes only and is settled once;
 * offsets depend on sizes and so on the run-time dimensions (B, T, S), and are
 * laid out anew only when a value outgrows its place.
 *
 *   KEPT      graph inputs, and what an encode node leaves for decode nodes: a
 *             buffer of its own each, for the whole request
 *   STATE     the session's key/value cache
 *   ARENA     everything else: offsets in one arena, by lifetime
 *
 * In place: an output takes over its node's input 0 when the kernel allows
 * it, types agree, and nobody reads that input later.  Such values share a root. */
#ifndef TFM_RUNTIME_PLAN_H
#define TFM_RUNTIME_PLAN_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "graph/graph.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_ALIGNMENT = 64 };

enum plan_place { PLAN_ARENA, PLAN_KEPT, PLAN_STATE };

struct plan_value {
  enum plan_place place;
  int32_t root;        /* the value whose memory it uses; itself if none */
  int32_t first, last; /* of the root: steps from its writer to its last reader */
  uint32_t dims;       /* bit i: its shape depends on run-time dimension i */
  size_t size;         /* bytes by the last layout; of the root: rounded up, the most of all */
  size_t offset;       /* ARENA: by the last layout */
};

struct plan {
  struct arena arena;
  const struct graph *graph;
  uint32_t step_count; /* all nodes: encode first, then decode */
  const int32_t *step; /* step -> node */
  uint32_t encode_count;
  struct plan_value *value; /* graph->value_count */
  uint32_t root_count;      /* ARENA roots */
  int32_t *root;            /* their values */
  size_t peak;              /* bytes of the arena by the last layout */
  bool laid_out;
  void *scratch; /* of the layout */
};

/* inplace[n]: node n's kernel is INPLACE_OK; NULL = none is. */
int plan_create(const struct graph *graph, const bool *inplace, struct plan **out,
                struct tfm_error *err);
void plan_destroy(struct plan *plan);

/* Bytes of a value for these dimensions; LIMIT when it does not fit a size_t.
 * variable: one for each of the graph's dims. */
int plan_value_size(const struct plan *plan, int32_t value, const int64_t *variable, size_t *size,
                    struct tfm_error *err);

/* Fit the dimensions.  *moved = offsets changed; else every value still fits
 * its place.  limit: bytes that the arena may take, 0 = no limit. */
int plan_layout(struct plan *plan, const int64_t *variable, size_t limit, bool *moved,
                struct tfm_error *err);

/* The plan as text: a line a value with its place, size as a polynomial in
 * bytes, life and offset for the given dimensions; then the totals.
 * variable[i] = 0 stands for "1, or the dim's bound when that is known". */
int plan_print(struct plan *plan, const int64_t *variable, struct buffer *out,
               struct tfm_error *err);

#endif
