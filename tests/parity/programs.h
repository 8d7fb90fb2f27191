/* programs.h - model files made by a grammar, run on random weights in every way that must
 * not change the answer.
 *
 * Choices come from bytes, each a choice, or from a seed.  A program is an encoder that
 * embeds, or a decoder with a state that generates.  A value is read again and again by
 * what comes after it, since that is what fusion has to see; the ends of all that nobody
 * read are added up, so that nothing is dead. */
#ifndef TFM_TESTS_PARITY_PROGRAMS_H
#define TFM_TESTS_PARITY_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRAM_VALUES = 24 };

struct program {
  const uint8_t *choice; /* NULL = by state */
  size_t choice_count;   /* after them all choices are 0, and no value follows */
  uint64_t state;
  bool decodes;
  char weights[8192], body[8192];
  size_t weight_count;
  unsigned layers; /* of the decoder's state */
  unsigned uses[PROGRAM_VALUES];
  int values;
};

void program_from_seed(struct program *program, uint64_t seed);
/* The bytes are not read after this call. */
void program_from_bytes(struct program *program, const uint8_t *bytes, size_t count);

struct program_verdict {
  unsigned checks, failed;
  const char *what; /* the last that failed; NULL = none */
  double apart;     /* how far its answers are from the first */
};

/* Write p.tfm and config.json into the directory, and run it: fused with one thread in a
 * batch; one by one with two threads; as it is written; by the reference kernels.  A
 * decoder's probabilities from its state are those of a prompt that holds the same tokens. */
void program_try(const struct program *program, const char *directory,
                 struct program_verdict *verdict);

#endif
