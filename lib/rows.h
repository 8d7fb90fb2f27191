/* rows.h - inputs as rows of token ids: what goes into the graph. */
#ifndef TFM_LIB_ROWS_H
#define TFM_LIB_ROWS_H

#include "lib/model.h"
#include "lib/prompt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row {
  const int32_t *ids, *types; /* count each; types NULL = all 0 */
  size_t count;
  int32_t start;            /* ids of an empty text: the start token */
  uint32_t skip;            /* of its first tokens, those that are the prompt's */
  char *prompted;           /* the text after its prompt, owned; NULL = as it was given */
  size_t truncated;         /* tokens of the text that went: TFM_RUN_TRUNCATE */
  struct encoding encoding; /* owns ids and types when the input was text */
};

struct rows {
  struct row *row;
  size_t count;
  size_t first, all; /* of a call's `all` inputs these are from `first` on; all 0 = they are all */
};

/* Text through the model's tokenizer, ids as they are; neither longer than the model
 * takes, nor with an id that it does not have.  flags: TFM_RUN_TRUNCATE and
 * TFM_RUN_PLAIN_SPECIAL.
 * prompt: before each text, whose places are then those of both together. */
int rows_create(const struct tfm_model *model, const struct prompt *prompt, const tfm_input *input,
                size_t count, uint32_t flags, struct rows *out, struct tfm_error *err);
/* One more flag for rows_create: a text with a pair may be longer than the model takes. */
enum { ROWS_LONG_PAIRS = 1u << 16 };
/* And one: no special tokens around a text, which goes on from another. */
enum { ROWS_NO_SPECIAL = 1u << 17 };
/* Tokens that an input of the model has at most: the model's own bound, or its tokenizer's
 * if that is lower; 0 = none. */
size_t rows_longest(const struct tfm_model *model);
/* The ids that an encoder-decoder's text begins with: fewer than it takes, each one of its own. */
int rows_check_target(const struct tfm_model *model, const int32_t *ids, size_t count,
                      struct tfm_error *err);
/* Once a model: the checkpoint leaves open whether the pairs among rows have types. */
void rows_warn_types(const struct tfm_model *model, const struct rows *rows);
void rows_finish(struct rows *rows);

/* What messages call a row: "input 2", or "the input" if it is the only one. */
enum { ROW_NAME = 32 };
const char *row_name(size_t row, size_t count, char out[ROW_NAME]);
const char *rows_name(const struct rows *rows, size_t row, char out[ROW_NAME]);

#endif
