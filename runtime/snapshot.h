/* snapshot.h - what a sequence keeps, as plain tensors by name: to be written to a file, and
 * read from one.
 *
 *     past[0].keys [tokens, width]   past[0].values [tokens, width]   memory[0] [H, K]
 *
 * All are f32 and contiguous, in the host's memory. */
#ifndef TFM_RUNTIME_SNAPSHOT_H
#define TFM_RUNTIME_SNAPSHOT_H

#include "base/error.h"
#include "runtime/program.h"
#include "runtime/sequence.h"

#include <stddef.h>
#include <stdint.h>

struct snapshot_part {
  uint32_t state;     /* of the graph */
  bool values;        /* KV: else the keys */
  const char *ending; /* of its name: ".keys", "" */
  uint32_t rank;
  int64_t shape[TFM_MAX_RANK];
  size_t size; /* bytes */
};

/* Part i, of a sequence of so many tokens; false = there are no more, or it is too large. */
bool snapshot_part(const struct graph *graph, uint32_t i, int64_t tokens,
                   struct snapshot_part *out);
/* The sequence's, of its length, to `to`; not in a step. */
void snapshot_read(const struct graph *graph, const struct sequence *sequence,
                   const struct snapshot_part *part, void *to);
/* An empty sequence is reserved for `tokens`, written part by part, and advanced by them. */
void snapshot_write(const struct graph *graph, const struct sequence *sequence, int64_t tokens,
                    const struct snapshot_part *part, const void *from);

#endif
