/* plan.h - where every value lives.
 *
 * Who shares memory with whom depends on lifetimes only and is settled once;
 * offsets depend on sizes and so on the run-time dimensions (B, T, S), and are
 * laid out anew only when a value outgrows its place.
 *
 *   KEPT      graph inputs, and what an entry leaves for those that run after it:
 *             a buffer of its own each, for the whole request
 *   STATE     the session's key/value cache
 *   ARENA     everything else: offsets in one arena, by lifetime.  Entries are
 *             laid out apart and use the same bytes, one at a time
 *
 * In place: an output takes over its node's input 0 when the kernel allows
 * it, types agree, and nobody reads that input later.  A view is its input under
 * other dims, if both lie in memory alike.  Such values share a root. */
#ifndef TFM_RUNTIME_PLAN_H
#define TFM_RUNTIME_PLAN_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "graph/graph.h"
#include "runtime/ragged.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_ALIGNMENT = 64 };

enum plan_place { PLAN_ARENA, PLAN_KEPT, PLAN_STATE };

struct plan_value {
  enum plan_place place;
  int32_t root; /* the value whose memory it uses; itself if none */
  /* A view: the value whose elements it has, which lives as long; itself if it is none. */
  int32_t shown;
  /* Nodes from its writer to its last reader, its own and, on a root, those of
   * all who share it. */
  int32_t first, last;
  uint32_t dims; /* bit i: its shape depends on run-time dimension i */
  size_t size;   /* on an ARENA root: bytes of its place, as laid out */
  size_t offset; /* on an ARENA root: as laid out */
};

struct plan_entry {
  uint32_t root_count;
  int32_t *root; /* the values that are ARENA roots, largest first once laid out */
  uint32_t dims; /* bit i: a size there depends on run-time dimension i */
  size_t peak;   /* bytes of the arena, as laid out */
  bool laid_out;
};

struct plan {
  struct arena arena;
  const struct graph *graph;
  const struct ragged *ragged;
  struct plan_value *value; /* graph->value_count */
  struct plan_entry *entry; /* graph->entry_count */
  size_t *wanted;           /* scratch of the layout: a value's new size */
  int32_t *placed;          /* scratch of the layout: roots by offset */
};

/* inplace[n]: node n's kernel is INPLACE_OK; NULL = none is.  ragged: how rows lie, which
 * must outlive the plan; NULL = as where each kernel knows rows. */
int plan_create(const struct graph *graph, const struct ragged *ragged, const bool *inplace,
                struct plan **out, struct tfm_error *err);
void plan_destroy(struct plan *plan);

/* Bytes of a value for these dimensions; LIMIT when they do not fit a size_t.  offset (may be
 * NULL): see ragged_size. */
int plan_value_size(const struct plan *plan, int32_t value, const struct ragged_batch *batch,
                    size_t *offset, size_t *size, struct tfm_error *err);

/* Fit the values of an entry to the dimensions.  *moved = offsets changed; else
 * every value still fits its place.  limit: bytes that the arena may take, 0 =
 * no limit.  After a failure the entry must be laid out again. */
int plan_layout(struct plan *plan, uint32_t entry, const struct ragged_batch *batch, size_t limit,
                bool *moved, struct tfm_error *err);

/* The plan as text: a line a value with its place, life, size as a polynomial
 * in bytes, and offset and size for the given dimensions; then the totals.
 * A dimension of 0 stands for its bound, or 1 if none is stated. */
int plan_print(struct plan *plan, const int64_t *variable, struct buffer *out,
               struct tfm_error *err);

/* The node runs no kernel: its output is its input. */
bool plan_is_view(const struct plan *plan, uint32_t node);

#endif
