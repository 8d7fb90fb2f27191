/* cutter.c - the five behaviours of a split, one span at a time.
 *
 *     the-final--countdown, split at -
 *     removed               the final countdown
 *     isolated              the - final - - countdown
 *     merged with previous  the- final- - countdown
 *     merged with next      the -final - -countdown
 *     contiguous            the - final -- countdown */
#include "tokenizer/pre_tokenizer.h"

void cutter_init(struct cutter *cutter, struct pieces *pieces, enum split_behavior behavior) {
  *cutter = (struct cutter){.pieces = pieces, .behavior = behavior};
}

static void flush(struct cutter *cutter) {
  if (cutter->waits)
    pieces_cut(cutter->pieces, cutter->begin, cutter->end, -1);
  cutter->waits = false;
}

/* May the span join the one that waits? */
static bool joins(const struct cutter *cutter, bool delimiter) {
  switch (cutter->behavior) {
  case SPLIT_MERGED_WITH_PREVIOUS: /* a delimiter to what is none */
    return delimiter && !cutter->delimiter;
  case SPLIT_MERGED_WITH_NEXT: /* what is none to a delimiter */
    return !delimiter && cutter->delimiter;
  case SPLIT_CONTIGUOUS:
    return delimiter == cutter->delimiter;
  default:
    return false;
  }
}

void cutter_span(struct cutter *cutter, size_t begin, size_t end, bool delimiter) {
  if (cutter->behavior == SPLIT_REMOVED) {
    if (!delimiter)
      pieces_cut(cutter->pieces, begin, end, -1);
    return;
  }
  if (cutter->waits && joins(cutter, delimiter))
    cutter->end = end;
  else {
    flush(cutter);
    cutter->begin = begin;
    cutter->end = end;
    cutter->waits = true;
  }
  cutter->delimiter = delimiter;
}

void cutter_finish(struct cutter *cutter) {
  flush(cutter);
}
