/* limits.h - the sections "truncation" and "padding" of a tokenizer.json.
 *
 * A text is truncated before the special tokens are put around it, to what leaves
 * room for them, and padded after. */
#ifndef TFM_TOKENIZER_LIMITS_H
#define TFM_TOKENIZER_LIMITS_H

#include "tokenizer/post_processor.h"

enum limits_strategy { LIMITS_LONGEST_FIRST, LIMITS_ONLY_FIRST, LIMITS_ONLY_SECOND };

struct limits {
  bool truncates, cuts_left;
  size_t most, stride; /* tokens, special ones included; of the next window, unused */
  enum limits_strategy strategy;
  bool side_left; /* of limits_truncate_to: tokenizer_config.json's, else cuts_left */
  bool pads, pads_left;
  size_t least, multiple; /* least 0: the text's own length; multiple 0: any length */
  int32_t pad_id, pad_type;
  struct slice pad_token;
};

int limits_load(struct limits *limits, struct reader *reader, const json_t *truncation,
                const json_t *padding);
/* Cut segments; added is how many special tokens will come. */
int limits_truncate(const struct limits *limits, struct encoded *encoded, size_t added,
                    struct tfm_error *err);
/* The same to another length, whatever the section says of it, with the section's
 * strategy where it can do it, else the longest text first.  No stride. */
int limits_truncate_to(const struct limits *limits, struct encoded *encoded, size_t added,
                       size_t most, struct tfm_error *err);
int limits_pad(const struct limits *limits, struct encoded *encoded, struct tfm_error *err);

#endif
