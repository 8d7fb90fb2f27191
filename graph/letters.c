/* letters.c - shapes written as letters. */
#include "graph/letters.h"

#include <stddef.h>

unsigned letters_rank(const char *shape, bool longest) {
  unsigned rank = 0, optional = 0;
  for (; *shape; shape++) {
    optional += *shape == '?';
    rank += *shape != '?';
  }
  return longest ? rank : rank - optional;
}

void letters_print(const char *shape, char out[LETTERS_TEXT]) {
  size_t at = 0;
  out[at++] = '[';
  for (; *shape && at + 5 < LETTERS_TEXT; shape++) {
    if (*shape == '?')
      continue;
    if (at > 1) {
      out[at++] = ',';
      out[at++] = ' ';
    }
    out[at++] = *shape == 't' ? 'T' : *shape;
  }
  out[at++] = ']';
  out[at] = '\0';
}
