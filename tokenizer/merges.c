/* merges.c - of all pairs that a merge knows, join the one of lowest rank, the
 * leftmost first, until none is left.
 *
 * The symbols of a piece are a linked list in an array, so a merge moves nothing:
 *
 *     h  e  l  l  o        rank(h e) 2, rank(l l) 0, rank(ll o) 1
 *     h  e  ll .  o        the heap gave (l l); new pairs (e ll), (ll o) join it
 *     h  e  llo .  .
 *
 * A heap entry that its symbols have outlived is known by its result's id and is
 * skipped.  n log n in the piece's length; short pieces, which are nearly all,
 * look for the least rank by going through the pairs. */
#include "tokenizer/merges.h"

#include "base/hash.h"
#include "base/large.h"

#include <stdlib.h>

enum { SHORT = 24, FIRST_BITS = 4, NO_MERGE = UINT32_MAX };
enum { GONE = -1 }; /* the id of a symbol that went into the one before it */

static struct merge *probe_pair(const struct merges *merges, uint64_t pair) {
  size_t mask = ((size_t)1 << merges->bits) - 1;
  size_t i = (size_t)((pair * merges->factor) >> (64 - merges->bits));
  while (merges->merge[i].pair != 0 && merges->merge[i].pair != pair)
    i = (i + 1) & mask;
  return &merges->merge[i];
}

static struct merge *probe(const struct merges *merges, int32_t left, int32_t right) {
  return probe_pair(merges, merges_entry(left, right, 0, 0).pair);
}

bool merges_init(struct merges *merges, size_t count) {
  merges->factor = hash_random(merges) | 1;
  merges->count = 0;
  for (merges->bits = FIRST_BITS; (size_t)1 << merges->bits < count * 2;)
    merges->bits++;
  merges->merge = large_zeroed((size_t)1 << merges->bits, sizeof *merges->merge);
  return merges->merge != NULL;
}

void merges_finish(struct merges *merges) {
  free(merges->merge);
  merges->merge = NULL;
}

static bool grow(struct merges *merges) {
  struct merges old = *merges;
  if (!merges_init(merges, (size_t)1 << old.bits)) {
    *merges = old;
    return false;
  }
  merges->factor = old.factor;
  merges->count = old.count;
  for (size_t i = 0; i < (size_t)1 << old.bits; i++)
    if (old.merge[i].pair != 0)
      *probe_pair(merges, old.merge[i].pair) = old.merge[i];
  free(old.merge);
  return true;
}

bool merges_put(struct merges *merges, const struct merge *merge) {
  struct merge *place = probe_pair(merges, merge->pair);
  if (place->pair == 0) {
    if (merges->count >= (size_t)1 << (merges->bits - 1)) {
      if (!grow(merges))
        return false;
      place = probe_pair(merges, merge->pair);
    }
    merges->count++;
  }
  *place = *merge;
  return true;
}

static void rank_pair(const struct merges *merges, struct symbol *symbol, int32_t at) {
  if (at < 0)
    return;
  symbol[at].rank = NO_MERGE;
  if (symbol[at].next < 0)
    return;
  const struct merge *merge = probe(merges, symbol[at].id, symbol[symbol[at].next].id);
  if (merge->pair != 0) {
    symbol[at].rank = merge->rank;
    symbol[at].merged = merge->id;
  }
}

/* Join the symbol at `at` and the next one. */
static void join(struct symbol *symbol, int32_t at, int32_t id) {
  int32_t right = symbol[at].next;
  symbol[at].id = id;
  symbol[at].length += symbol[right].length;
  symbol[at].next = symbol[right].next;
  symbol[right].id = GONE;
  if (symbol[right].next >= 0)
    symbol[symbol[right].next].previous = at;
}

static void merge_short(const struct merges *merges, struct symbol *symbol, size_t count) {
  for (size_t i = 0; i < count; i++)
    rank_pair(merges, symbol, (int32_t)i);
  for (;;) {
    int32_t best = 0;
    for (int32_t i = 0; i >= 0; i = symbol[i].next)
      if (symbol[i].rank < symbol[best].rank)
        best = i;
    if (symbol[best].rank == NO_MERGE)
      return;
    join(symbol, best, symbol[best].merged);
    rank_pair(merges, symbol, best);
    rank_pair(merges, symbol, symbol[best].previous);
  }
}

static bool before(struct candidate a, struct candidate b) {
  return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void sift_up(struct candidate *heap, size_t at) {
  struct candidate moved = heap[at];
  for (; at > 0 && before(moved, heap[(at - 1) / 2]); at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = moved;
}

static void sift_down(struct candidate *heap, size_t count) {
  size_t at = 0;
  struct candidate moved = heap[0];
  for (size_t child = 1; child < count; child = at * 2 + 1) {
    if (child + 1 < count && before(heap[child + 1], heap[child]))
      child++;
    if (!before(heap[child], moved))
      break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static void push_pair(const struct merges *merges, const struct symbol *symbol, int32_t at,
                      struct candidate *heap, size_t *count) {
  if (at < 0 || symbol[at].next < 0)
    return;
  const struct merge *merge = probe(merges, symbol[at].id, symbol[symbol[at].next].id);
  if (merge->pair == 0)
    return;
  heap[*count] = (struct candidate){merge->rank, at, merge->id};
  sift_up(heap, (*count)++);
}

/* heap has room for 3 * count: one for each pair, two for each merge. */
static void merge_long(const struct merges *merges, struct symbol *symbol, size_t count,
                       struct candidate *heap) {
  size_t waiting = 0;
  for (size_t i = 0; i < count; i++)
    push_pair(merges, symbol, (int32_t)i, heap, &waiting);
  while (waiting > 0) {
    struct candidate top = heap[0];
    heap[0] = heap[--waiting];
    if (waiting > 0)
      sift_down(heap, waiting);
    int32_t right = symbol[top.at].next;
    if (symbol[top.at].id == GONE || right < 0)
      continue;
    const struct merge *merge = probe(merges, symbol[top.at].id, symbol[right].id);
    if (merge->pair == 0 || merge->id != top.id)
      continue;
    join(symbol, top.at, top.id);
    push_pair(merges, symbol, symbol[top.at].previous, heap, &waiting);
    push_pair(merges, symbol, top.at, heap, &waiting);
  }
}

void merges_apply(const struct merges *merges, struct symbol *symbol, size_t count,
                  struct candidate *heap) {
  if (count > SHORT)
    merge_long(merges, symbol, count, heap);
  else if (count > 1)
    merge_short(merges, symbol, count);
}
