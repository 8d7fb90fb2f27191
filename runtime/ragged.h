/* ragged.h - where the rows of a batch lie in each value.
 *
 * Rows of unequal length lie end to end, without padding:
 *
 *     type             stored as                        kind
 *     [V, D]           [V, D]                           SHARED  no row's own
 *     [B, D]           [B, D]                           ROWS    one a row
 *     [B, T, D]        [1, sum of the rows' T, D]       TOKENS
 *     [T, D], [B, D, T], [B, T, S] and the like:        APART   row by row, each as it
 *                                                       is for that row alone
 *     mask             one formula: SHARED; one a row: APART
 *
 * Which run-time dims are the rows and which differ by row, the inputs say: ids, types,
 * positions and unprompted are [B, T], a mask is [B, S], last is [B].  What this decides
 * depends on the graph and its kernels alone, and is decided once.
 *
 * A node is run for all rows at once, or apart: once a row, with all that it is given cut
 * to that row.  Apart are the nodes that read or write a value of that kind, and those that
 * mix tokens, or make a mask, by a kernel that does not know rows. */
#ifndef TFM_RUNTIME_RAGGED_H
#define TFM_RUNTIME_RAGGED_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "graph/graph.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAGGED_ALIGNMENT = 64 };

enum ragged_kind { RAGGED_SHARED, RAGGED_ROWS, RAGGED_TOKENS, RAGGED_APART };

struct ragged_value {
  enum ragged_kind kind;
  uint32_t dim; /* TOKENS: the run-time dim that it lies along */
};

struct ragged_node {
  bool apart;
  int32_t because; /* the value that makes it so; GRAPH_NONE = its kernel does not know rows */
};

struct ragged {
  const struct graph *graph;
  int32_t batch;   /* the run-time dim that counts rows; GRAPH_NONE = there is none */
  uint32_t differ; /* bit i: run-time dim i differs by row */
  struct ragged_value *value;
  struct ragged_node *node;
};

/* knows[n]: the kernel of node n knows rows; NULL = each does.  In the arena. */
int ragged_create(const struct graph *graph, const bool *knows, struct arena *arena,
                  struct ragged **out, struct tfm_error *err);

/* "; a row at a time: `h.0.bias` is [1, H, T, S]" for a node that is apart, else nothing. */
void ragged_explain(const struct ragged *ragged, uint32_t node, struct buffer *out);

/* The run-time dims that a dimension is made of: bit i is dim i. */
uint32_t ragged_dims(const struct dim *dim);

/* The sizes of a call. */
struct ragged_batch {
  /* As in a rectangle: rows, the most tokens of a row; -1 = not known. */
  int64_t variable[DIM_VARIABLES];
  /* Where rows begin along a dim that differs by row, [rows + 1]; NULL = each row is as long
   * as `variable` says. */
  const int64_t *begin[DIM_VARIABLES];
};

uint32_t ragged_rows(const struct ragged *ragged, const struct ragged_batch *batch);

/* Shapes of a value: of the rectangle that a caller sees, as it is stored (APART: the
 * rectangle's), and of one row alone.  False when a dimension is not known, or too large. */
bool ragged_rectangle(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                      int64_t *shape);
bool ragged_stored(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                   int64_t *shape);
bool ragged_row(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                uint32_t row, int64_t *shape);

/* Bytes of a value as it is stored; offset (may be NULL): where each row of an APART value
 * begins, [rows + 1].  False as above. */
bool ragged_size(const struct ragged *ragged, int32_t value, const struct ragged_batch *batch,
                 size_t *offset, size_t *size);

#endif
