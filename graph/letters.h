/* letters.h - shapes as task.def and source.def write them: "BTV", "BT1?".
 *
 * A letter is a dimension; `?` says that the one before may be absent; t is T,
 * or 1 where only the last token is computed. */
#ifndef TFM_GRAPH_LETTERS_H
#define TFM_GRAPH_LETTERS_H

#include <stdbool.h>

enum { LETTERS_TEXT = 32 };

/* Dimensions of a shape, with those that may be absent or without. */
unsigned letters_rank(const char *shape, bool longest);
/* "[B, T, V]" */
void letters_print(const char *shape, char out[LETTERS_TEXT]);

#endif
