/* generation_private.h - what generation.c (steps), generation_logits.c (what a policy sees) and
 * generation_answer.c (words, the end) share. */
#ifndef TFM_LIB_GENERATION_PRIVATE_H
#define TFM_LIB_GENERATION_PRIVATE_H

#include "lib/generation.h"

/* generation_logits.c: what the policy sees of the hypotheses, into seen. */
int generation_show(struct generation *g, const float *const *logits, size_t vocabulary,
                    struct tfm_error *err);

/* generation_answer.c */
int hypothesis_reserve(struct hypothesis *h, size_t count, struct tfm_error *err);
int hypothesis_push(struct hypothesis *h, int32_t id, struct tfm_error *err);
/* The token's text goes to the answer and to the caller; it may end the text. */
int generation_tell(struct generation *g, int32_t id, struct tfm_error *err);
/* Why a text ends at its limit. */
const char *generation_limit_name(const struct generation *g);

#endif
